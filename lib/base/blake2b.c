/* blake2b.c - BLAKE2b in pure C, RFC 7693, for wasm builds; blake2b_native.c is its fast twin. */
#include "hash.h"

#include <string.h>

#define BLOCK 128u

/* clang-format off */
static const uint64_t iv[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

static const uint8_t sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};
/* clang-format on */

static uint64_t rotate_right(uint64_t x, int n) { return x >> n | x << (64 - n); }

static void mix(uint64_t v[16], const int at[4], uint64_t x, uint64_t y)
{
    uint64_t *a = v + at[0], *b = v + at[1], *c = v + at[2], *d = v + at[3];
    *a += *b + x;
    *d = rotate_right(*d ^ *a, 32);
    *c += *d;
    *b = rotate_right(*b ^ *c, 24);
    *a += *b + y;
    *d = rotate_right(*d ^ *a, 16);
    *c += *d;
    *b = rotate_right(*b ^ *c, 63);
}

static void compress(uint64_t h[8], const uint8_t block[BLOCK], uint64_t counted, bool last)
{
    static const int at[8][4] = {
        {0, 4, 8,  12},
        {1, 5, 9,  13},
        {2, 6, 10, 14},
        {3, 7, 11, 15},
        {0, 5, 10, 15},
        {1, 6, 11, 12},
        {2, 7, 8,  13},
        {3, 4, 9,  14}
    };
    uint64_t v[16], m[16];
    memcpy(m, block, BLOCK); /* little-endian targets only */
    memcpy(v, h, 64);
    memcpy(v + 8, iv, 64);
    v[12] ^= counted;
    v[14] = last ? ~v[14] : v[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t *s = sigma[round % 10];
        for (size_t i = 0; i < 8; i++)
            mix(v, at[i], m[s[2 * i]], m[s[2 * i + 1]]);
    }
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

void blake2b(uint8_t *digest, uint32_t digest_len, bytes_t message)
{
    uint64_t h[8];
    uint32_t counted = 0;
    memcpy(h, iv, 64);
    h[0] ^= 0x01010000 ^ digest_len;
    while (message.len - counted > BLOCK) {
        compress(h, message.data + counted, (uint64_t)counted + BLOCK, false);
        counted += BLOCK;
    }
    uint8_t block[BLOCK] = {0};
    if (message.len > counted) memcpy(block, message.data + counted, message.len - counted);
    compress(h, block, message.len, true);
    memcpy(digest, h, digest_len);
}
