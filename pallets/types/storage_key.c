/* storage_key.c - how the key of a map entry is hashed. */
#include "storage_key.h"

#include "hash.h"

uint32_t storage_key_open(scale_writer_t *w, uint32_t hash_len)
{
    static const uint8_t none[16];
    uint32_t at = w->len;

    scale_put_raw(w, none, hash_len);
    return at;
}

static bytes_t part_after(const scale_writer_t *w, uint32_t at, uint32_t hash_len)
{
    return (bytes_t){w->start + at + hash_len, w->len - at - hash_len};
}

void storage_key_blake2_128_concat(scale_writer_t *w, uint32_t at)
{
    if (!w->failed) blake2b(w->start + at, 16, part_after(w, at, 16));
}

void storage_key_twox_64_concat(scale_writer_t *w, uint32_t at)
{
    if (!w->failed) twox_64(w->start + at, part_after(w, at, 8));
}

void storage_key_identity(scale_writer_t *w, uint32_t at)
{
    (void)w;
    (void)at;
}
