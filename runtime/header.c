/* header.c - a block's header: encode, decode, hash (spec chain-host 4.1). */

#include "hash.h"
#include "runtime.h"

#include <string.h>

enum { ENCODED_CAP = 8192 };

static bool has_engine(digest_kind_t kind)
{
    return kind == DIGEST_CONSENSUS || kind == DIGEST_SEAL || kind == DIGEST_PRE_RUNTIME;
}

void digest_item_encode(scale_writer_t *w, const digest_item_t *item)
{
    scale_put_u8(w, (uint8_t)item->kind);
    if (has_engine(item->kind)) scale_put_raw(w, item->engine, sizeof item->engine);
    if (item->kind != DIGEST_ENVIRONMENT_UPDATED) scale_put_bytes(w, item->data);
}

void digest_item_decode(scale_reader_t *r, digest_item_t *item)
{
    *item      = (digest_item_t){0};
    item->kind = (digest_kind_t)scale_get_u8(r);
    switch (item->kind) {
    case DIGEST_CONSENSUS:
    case DIGEST_SEAL:
    case DIGEST_PRE_RUNTIME: scale_get_raw(r, item->engine, sizeof item->engine); break;
    case DIGEST_OTHER:
    case DIGEST_ENVIRONMENT_UPDATED: break;
    default: scale_fail(r); return;
    }
    if (item->kind != DIGEST_ENVIRONMENT_UPDATED) item->data = scale_get_bytes(r, UINT32_MAX);
}

void header_encode(scale_writer_t *w, const header_t *header)
{
    scale_put_hash(w, &header->parent_hash);
    scale_put_compact(w, header->number);
    scale_put_hash(w, &header->state_root);
    scale_put_hash(w, &header->extrinsics_root);
    scale_put_compact(w, header->digest_count);
    for (uint32_t i = 0; i < header->digest_count; i++)
        digest_item_encode(w, &header->digest[i]);
}

void header_decode(scale_reader_t *r, header_t *header)
{
    *header = (header_t){0};
    scale_get_hash(r, &header->parent_hash);
    header->number = scale_get_compact_u32(r);
    scale_get_hash(r, &header->state_root);
    scale_get_hash(r, &header->extrinsics_root);
    header->digest_count = scale_get_compact_u32(r);
    if (header->digest_count > RUNTIME_DIGEST_CAP) {
        header->digest_count = 0;
        scale_fail(r);
    }
    for (uint32_t i = 0; i < header->digest_count; i++)
        digest_item_decode(r, &header->digest[i]);
}

hash_t header_hash(const header_t *header)
{
    uint8_t room[ENCODED_CAP];
    scale_writer_t w = scale_writer(room, sizeof room);
    header_encode(&w, header);
    return blake2_256(scale_written(&w));
}

bool header_slot(const header_t *header, uint64_t *slot)
{
    for (uint32_t i = 0; i < header->digest_count; i++) {
        const digest_item_t *item = &header->digest[i];
        if (item->kind != DIGEST_PRE_RUNTIME || memcmp(item->engine, "aura", 4) != 0 || item->data.len != 8)
            continue;
        scale_reader_t r = scale_reader(item->data, NULL);
        *slot            = scale_get_u64(&r);
        return true;
    }
    return false;
}
