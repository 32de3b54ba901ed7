/* fuzz_signed_block.c - blocks of files: what is read writes back as the same bytes. */
#include "signed_block.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    signed_block_t block, again;
    uint32_t len, again_len;
    if (size > 1 << 20 || !signed_block_read((bytes_t){data, (uint32_t)size}, &block, &len)) return 0;
    assert(len <= size && block.header.len > 0 && block.body.len > 0);
    uint8_t *room = malloc((size_t)len + 64);
    assert(room);
    scale_writer_t w = scale_writer(room, len + 64);
    signed_block_write(&w, &block);
    assert(!w.failed && signed_block_read(scale_written(&w), &again, &again_len));
    assert(again_len == scale_written(&w).len && bytes_equal(again.header, block.header));
    assert(bytes_equal(again.body, block.body) && bytes_equal(again.justification, block.justification));
    free(room);
    return 0;
}
