/* fuzz_header.c - any bytes as a header: what is read is written again the same. */
#include "runtime.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    header_t header;
    if (size > 1 << 16) return 0;
    scale_reader_t r = scale_reader((bytes_t){data, (uint32_t)size}, NULL);
    header_decode(&r, &header);
    if (!scale_done(&r)) return 0;
    uint32_t cap     = (uint32_t)size + 16;
    uint8_t *room    = malloc(cap);
    scale_writer_t w = scale_writer(room, cap);
    header_encode(&w, &header);
    assert(w.len == size && memcmp(room, data, size) == 0);
    uint64_t slot;
    if (header_slot(&header, &slot)) (void)header_hash(&header);
    free(room);
    return 0;
}
