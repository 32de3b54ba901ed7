/* signed_block.c - blocks of files, to bytes and back. */

#include "signed_block.h"

#include "runtime.h"

#include <string.h>

enum { EXTRINSICS_MAX = 1 << 20, JUSTIFICATIONS_MAX = 16 };

static bytes_t since(const uint8_t *start, const scale_reader_t *r)
{
    return (bytes_t){start, (uint32_t)(r->at - start)};
}

static void read_justifications(scale_reader_t *r, signed_block_t *block)
{
    if (!scale_get_option(r)) return;
    uint32_t count = scale_get_compact_u32(r);
    if (count > JUSTIFICATIONS_MAX) scale_fail(r);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        uint8_t engine[4];
        scale_get_raw(r, engine, sizeof engine);
        bytes_t proof = scale_get_bytes(r, SIGNED_BLOCK_MAX);
        if (memcmp(engine, "FRNK", 4) == 0) block->justification = proof;
    }
}

bool signed_block_read(bytes_t bytes, signed_block_t *block, uint32_t *len)
{
    header_t header;
    scale_reader_t r     = scale_reader(bytes, NULL);
    const uint8_t *start = r.at;
    *block               = (signed_block_t){0};
    header_decode(&r, &header);
    if (r.failed) return false;
    block->number  = header.number;
    block->header  = since(start, &r);
    start          = r.at;
    uint32_t count = scale_get_compact_u32(&r);
    if (count > EXTRINSICS_MAX) scale_fail(&r);
    for (uint32_t i = 0; i < count && !r.failed; i++)
        (void)scale_get_bytes(&r, SIGNED_BLOCK_MAX);
    block->body = since(start, &r);
    read_justifications(&r, block);
    *len = since(bytes.data, &r).len;
    return !r.failed;
}

void signed_block_write(scale_writer_t *w, const signed_block_t *block)
{
    scale_put_raw(w, block->header.data, block->header.len);
    scale_put_raw(w, block->body.data, block->body.len);
    scale_put_option(w, block->justification.len > 0);
    if (block->justification.len == 0) return;
    scale_put_compact(w, 1);
    scale_put_raw(w, "FRNK", 4);
    scale_put_bytes(w, block->justification);
}
