/* extrinsic.c - reads an extrinsic. */

#include "extrinsic.h"

#include "limits.h"

enum { VERSION = 4, SIGNED_BIT = 0x80 };

static void read_extra(scale_reader_t *r, extrinsic_t *x)
{
    const uint8_t *start = r->at;
    x->era               = era_get(r);
    x->nonce             = scale_get_compact_u32(r);
    x->tip               = scale_get_compact_u128(r);
    x->extra             = (bytes_t){start, (uint32_t)(r->at - start)};
}

static bool read_extrinsic(bytes_t encoded, arena_t *arena, extrinsic_t *x)
{
    *x               = (extrinsic_t){.encoded = encoded};
    scale_reader_t r = scale_reader(encoded, arena);
    r.is_bounded     = true;
    r.allowance      = EXTRINSIC_MEMORY;
    uint32_t len     = scale_get_compact_u32(&r);
    if (r.failed || len != scale_left(&r)) return false;
    uint8_t version = scale_get_u8(&r);
    if ((version & ~SIGNED_BIT) != VERSION) return false;
    x->is_signed = (version & SIGNED_BIT) != 0;
    if (x->is_signed) {
        support_multi_address_decode(&r, &x->address);
        support_multi_signature_decode(&r, &x->signature);
        read_extra(&r, x);
    }
    runtime_call_decode(&r, &x->call);
    return scale_done(&r);
}

/* Calls within calls take room as they are many: how much they may have is the same in every build. */
bool extrinsic_decode(bytes_t encoded, arena_t *arena, extrinsic_t *x)
{
    const uint32_t used = arena->used;
    bool is_whole       = read_extrinsic(encoded, arena, x);
    if (!is_whole) arena->used = used;
    return is_whole;
}
