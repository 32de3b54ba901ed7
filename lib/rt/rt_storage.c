/* rt_storage.c - storage keys, and typed values under them. */

#include "hash.h"
#include "rt.h"

#include <string.h>

static void key_add(rt_key_t *k, const uint8_t *data, uint32_t len)
{
    if (len > RT_KEY_MAX - k->len) {
        k->failed = true;
        return;
    }
    if (len > 0) memcpy(k->bytes + k->len, data, len);
    k->len += len;
}

void rt_key_start(rt_key_t *k, const uint8_t prefix[32])
{
    k->len    = 0;
    k->failed = false;
    k->part   = (scale_writer_t){.start = k->part_bytes, .cap = sizeof k->part_bytes};
    key_add(k, prefix, 32);
}

static bytes_t part_bytes(rt_key_t *k)
{
    if (k->part.failed) k->failed = true;
    return (bytes_t){k->part.start, k->part.len};
}

static void key_add_part(rt_key_t *k, const uint8_t *digest, uint32_t digest_len)
{
    key_add(k, digest, digest_len);
    key_add(k, k->part.start, k->part.len);
    k->part.len = 0;
}

void rt_key_blake2_128_concat(rt_key_t *k)
{
    uint8_t digest[16];
    blake2b(digest, sizeof digest, part_bytes(k));
    key_add_part(k, digest, sizeof digest);
}

void rt_key_twox_64_concat(rt_key_t *k)
{
    uint8_t digest[8];
    twox_64(digest, part_bytes(k));
    key_add_part(k, digest, sizeof digest);
}

void rt_key_identity(rt_key_t *k)
{
    (void)part_bytes(k);
    key_add_part(k, NULL, 0);
}

static bytes_t key_bytes(rt_t *rt, const rt_key_t *k)
{
    if (k->failed) rt_exhaust(rt, "storage key is too long");
    return (bytes_t){k->bytes, k->len};
}

bool rt_storage_read(rt_t *rt, const rt_key_t *k, scale_reader_t *r)
{
    bytes_t key = key_bytes(rt, k), value;
    if (rt->fault || k->failed || !rt->host->get(rt->host->state, key, &rt->arena, &value)) return false;
    *r = (scale_reader_t){.at = value.data, .end = value.data + value.len, .arena = &rt->arena};
    return true;
}

bool rt_storage_check(rt_t *rt, const scale_reader_t *r)
{
    if (!scale_done(r)) rt_fault(rt, "state does not decode");
    return !rt->fault;
}

bool rt_storage_exists(rt_t *rt, const rt_key_t *k)
{
    scale_reader_t r;
    return rt_storage_read(rt, k, &r);
}

scale_writer_t *rt_storage_write(rt_t *rt)
{
    rt->scratch.len    = 0;
    rt->scratch.failed = false;
    return &rt->scratch;
}

void rt_storage_put(rt_t *rt, const rt_key_t *k, scale_writer_t *w)
{
    bytes_t key = key_bytes(rt, k);
    if (w->failed) rt_exhaust(rt, "value is too long");
    if (!rt->fault && !k->failed && !w->failed)
        rt->host->put(rt->host->state, key, (bytes_t){w->start, w->len});
}

void rt_storage_remove(rt_t *rt, const rt_key_t *k)
{
    bytes_t key = key_bytes(rt, k);
    if (!rt->fault && !k->failed) rt->host->remove(rt->host->state, key);
}

bool rt_storage_next(rt_t *rt, bytes_t prefix, bytes_t *key)
{
    bytes_t next;
    if (rt->fault || !rt->host->next_key(rt->host->state, *key, &rt->arena, &next)) return false;
    if (next.len < prefix.len || memcmp(next.data, prefix.data, prefix.len) != 0) return false;
    *key = next;
    return true;
}
