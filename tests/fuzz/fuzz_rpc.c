/* fuzz_rpc.c - any bytes as a message to the RPC of a development chain: whatever comes, an answer is JSON,
 * and no longer than one may be. */
#include "fuzz_node.h"
#include "rpc_internal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!node.rpc) node_start();
    rpc_started_t started = {0};
    char *answer          = rpc_answer(node.rpc, NULL, NULL, (bytes_t){data, (uint32_t)size}, &started);
    assert(started.count == 0);
    if (!answer) return 0;
    assert(strlen(answer) <= FUZZ_MESSAGE_MAX + 1000);
    json_t *parsed = json_loads(answer, 0, NULL);
    assert(json_is_object(parsed) || json_is_array(parsed));
    json_decref(parsed);
    free(answer);
    return 0;
}
