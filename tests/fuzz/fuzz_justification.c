/* A GRANDPA justification from a stranger: nothing but a signature of the voter makes it good. */
#include "crypto.h"
#include "finality.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready;
    account_id_t voters[3] = {{{1}}, {{2}}, {{3}}};
    chain_point_t block    = {.number = 7};
    if (!is_ready && !crypto_init()) abort();
    is_ready = true;
    if (size > 1 << 16) return 0;
    if (size >= 44) { /* of the block that it names, so that the votes are read */
        memcpy(block.hash.b, data + 8, 32);
        memcpy(&block.number, data + 40, 4);
    }
    if (size >= 177) memcpy(voters[0].b, data + 145, 32); /* and of its own first voter */
    if (finality_check((bytes_t){data, (uint32_t)size}, &block, voters, 3, 0)) abort();
    return 0;
}
