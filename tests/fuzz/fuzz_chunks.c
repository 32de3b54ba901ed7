/* fuzz_chunks.c - any bytes as a body in chunks: it means the same however the line cuts it. */
#include "web_chunks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    uint8_t *body;
    uint32_t len, used;
    web_chunks_status_t status;
} result_t;

static result_t take(const uint8_t *data, size_t size, size_t step)
{
    web_chunks_t chunks = {0};
    result_t r          = {.body = malloc(size + 1), .status = CHUNKS_MORE};
    for (size_t at = 0; at < size && r.status == CHUNKS_MORE; at += step) {
        size_t len = size - at < step ? size - at : step;
        bytes_t in = {data + at, (uint32_t)len}, piece;
        while ((r.status = web_chunks_take(&chunks, &in, &piece)) == CHUNKS_PIECE) {
            assert(piece.len > 0 && r.len + piece.len <= size);
            memcpy(r.body + r.len, piece.data, piece.len);
            r.len += piece.len;
        }
        r.used = (uint32_t)(at + len - in.len);
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    result_t whole = take(data, size, size ? size : 1), bytes = take(data, size, 1),
             some = take(data, size, 7);
    assert(whole.status == bytes.status && whole.status == some.status);
    assert(whole.used == bytes.used && whole.used == some.used);
    assert(whole.len == bytes.len && memcmp(whole.body, bytes.body, whole.len) == 0);
    assert(whole.len == some.len && memcmp(whole.body, some.body, whole.len) == 0);
    free(whole.body);
    free(bytes.body);
    free(some.body);
    return 0;
}
