/* fuzz_queue_json.c - any message of a local program: what is read is as it was, or is refused. */
#include "queue_json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes_t text = {data, (uint32_t)size};
    queue_request_t request;
    queue_response_t response;
    if (size > 65536) return 0;
    if (!queue_request_read(text, &request)) {
        assert(request.command && request.reply_to && request.destination_count > 0);
        queue_incoming_t in = {
            .reference    = request.reference ? request.reference : "",
            .command      = request.command,
            .tags         = request.tags,
            .reply_to     = request.reply_to,
            .schema       = request.schema,
            .expiration_s = request.expiration_s,
            .timestamp_s  = request.timestamp_s,
            .data         = {request.data, request.data_len}
        };
        char *written = queue_incoming_write(&in);
        assert(written);
        free(written);
        queue_request_fini(&request);
    }
    if (!queue_response_read(text, &response)) {
        assert(strlen(response.reference) <= RMB_UID_MAX);
        queue_response_fini(&response);
    }
    return 0;
}
