/* kv.c - sets of changes in order, and keys spread over tables. */
#include "kv.h"

#include <string.h>

static void sift_down(change_t *items, uint32_t at, uint32_t count)
{
    for (;;) {
        uint64_t child = 2 * (uint64_t)at + 1;
        if (child >= count) return;
        uint32_t most = (uint32_t)child;
        if (most + 1 < count && bytes_compare(items[most].key, items[most + 1].key) < 0) most++;
        if (bytes_compare(items[at].key, items[most].key) >= 0) return;
        change_t swap = items[at];
        items[at]     = items[most];
        items[most]   = swap;
        at            = most;
    }
}

/* A heap sort: in place, and no order of the input makes it slow. */
void changes_sort(changes_t *changes)
{
    change_t *items = changes->items;
    for (uint32_t i = changes->count / 2; i-- > 0;)
        sift_down(items, i, changes->count);
    for (uint32_t i = changes->count; i > 1; i--) {
        change_t swap = items[0];
        items[0]      = items[i - 1];
        items[i - 1]  = swap;
        sift_down(items, 0, i - 1);
    }
}

/* mix multiplies and folds: without the seed nobody can tell which keys meet. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    u128_t product = (u128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t bytes_spread(bytes_t bytes, uint64_t seed)
{
    uint64_t hash = seed ^ bytes.len, word;
    uint32_t at   = 0;
    for (; at + 8 <= bytes.len; at += 8) {
        memcpy(&word, bytes.data + at, 8);
        hash = mix(hash ^ word, seed | UINT64_C(0x9e3779b97f4a7c15));
    }
    word = 0;
    if (at < bytes.len) memcpy(&word, bytes.data + at, bytes.len - at);
    return mix(hash ^ word, UINT64_C(0xd6e8feb86659fd93));
}
