/* twox.c - xxHash64, as Substrate's storage keys use it. */
#include "hash.h"

#include <string.h>

#define P1 UINT64_C(0x9e3779b185ebca87)
#define P2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3 UINT64_C(0x165667b19e3779f9)
#define P4 UINT64_C(0x85ebca77c2b2ae63)
#define P5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t rotate_left(uint64_t x, int n) { return x << n | x >> (64 - n); }

static uint64_t read_64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t read_32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t lane(uint64_t sum, uint64_t input) { return rotate_left(sum + input * P2, 31) * P1; }

static uint64_t merge(uint64_t hash, uint64_t sum) { return (hash ^ lane(0, sum)) * P1 + P4; }

/* stripes hashes all whole runs of 32 bytes; *at moves behind them. */
static uint64_t stripes(const uint8_t **at, uint32_t count, uint64_t seed)
{
    uint64_t sum[4] = {seed + P1 + P2, seed + P2, seed, seed - P1};
    for (uint32_t i = 0; i < count; i++, *at += 32)
        for (size_t j = 0; j < 4; j++)
            sum[j] = lane(sum[j], read_64(*at + 8 * j));
    uint64_t hash =
        rotate_left(sum[0], 1) + rotate_left(sum[1], 7) + rotate_left(sum[2], 12) + rotate_left(sum[3], 18);
    for (int j = 0; j < 4; j++)
        hash = merge(hash, sum[j]);
    return hash;
}

static uint64_t xxh64(bytes_t message, uint64_t seed)
{
    const uint8_t *at = message.data;
    uint64_t hash     = message.len >= 32 ? stripes(&at, message.len / 32, seed) : seed + P5;
    uint32_t left     = message.len % 32;
    hash += message.len;
    for (; left >= 8; left -= 8, at += 8)
        hash = rotate_left(hash ^ lane(0, read_64(at)), 27) * P1 + P4;
    if (left >= 4) {
        hash = rotate_left(hash ^ read_32(at) * P1, 23) * P2 + P3;
        left -= 4;
        at += 4;
    }
    for (; left > 0; left--, at++)
        hash = rotate_left(hash ^ *at * P5, 11) * P1;
    hash = (hash ^ hash >> 33) * P2;
    hash = (hash ^ hash >> 29) * P3;
    return hash ^ hash >> 32;
}

static void twox(uint8_t *digest, uint32_t lanes, bytes_t message)
{
    for (size_t seed = 0; seed < lanes; seed++) {
        uint64_t hash = xxh64(message, seed);
        memcpy(digest + 8 * seed, &hash, sizeof hash);
    }
}

void twox_64(uint8_t digest[8], bytes_t message) { twox(digest, 1, message); }
void twox_128(uint8_t digest[16], bytes_t message) { twox(digest, 2, message); }
void twox_256(uint8_t digest[32], bytes_t message) { twox(digest, 4, message); }
