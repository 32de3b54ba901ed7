/* keccak.c - keccak-f[1600] and keccak-256 as Ethereum has it (padding 01, not SHA-3's). */
#include "hash.h"

#include <string.h>

#define RATE 136u

/* clang-format off */
static const uint64_t round_constant[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
static const uint8_t rotation[24] = {1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44};
static const uint8_t lane_order[24] = {10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1};
/* clang-format on */

static uint64_t rotate_left(uint64_t x, unsigned n) { return x << n | x >> (64 - n); }

void keccak_f1600(uint64_t a[25])
{
    for (int round = 0; round < 24; round++) {
        uint64_t c[5];
        for (int x = 0; x < 5; x++)
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (int x = 0; x < 5; x++) {
            uint64_t d = c[(x + 4) % 5] ^ rotate_left(c[(x + 1) % 5], 1);
            for (int y = 0; y < 25; y += 5)
                a[y + x] ^= d;
        }
        uint64_t moved = a[1];
        for (int i = 0; i < 24; i++) {
            uint64_t next    = a[lane_order[i]];
            a[lane_order[i]] = rotate_left(moved, rotation[i]);
            moved            = next;
        }
        for (int y = 0; y < 25; y += 5) {
            memcpy(c, a + y, sizeof c);
            for (int x = 0; x < 5; x++)
                a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
        }
        a[0] ^= round_constant[round];
    }
}

static void absorb(uint64_t state[25], const uint8_t block[RATE])
{
    uint64_t lanes[RATE / 8];
    memcpy(lanes, block, RATE);
    for (uint32_t i = 0; i < RATE / 8; i++)
        state[i] ^= lanes[i];
    keccak_f1600(state);
}

void keccak_256(uint8_t digest[32], bytes_t message)
{
    uint64_t state[25]  = {0};
    uint8_t block[RATE] = {0};
    uint32_t at         = 0;
    for (; message.len - at >= RATE; at += RATE)
        absorb(state, message.data + at);
    if (message.len > at) memcpy(block, message.data + at, message.len - at);
    block[message.len - at] ^= 0x01;
    block[RATE - 1] ^= 0x80;
    absorb(state, block);
    memcpy(digest, state, 32);
}
