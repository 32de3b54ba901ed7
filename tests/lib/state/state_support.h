/* state_support.h - arenas and random keys for the tests of lib/state. */
#ifndef STATE_SUPPORT_H
#define STATE_SUPPORT_H
#include "kv.h"
#include "test.h"

/* fresh_arena starts the n-th of four arenas anew. */
static inline arena_t *fresh_arena(unsigned n)
{
    enum { SIZE = 64 << 20 };
    static arena_t arenas[4];
    if (!arenas[n].start) arenas[n] = (arena_t){aligned_alloc(16, SIZE), SIZE, 0};
    arenas[n].used = 0;
    return &arenas[n];
}

/* random_key is short, of few different bytes: keys that start each other and share much. */
static inline bytes_t random_key(random_t *random, arena_t *arena)
{
    static const uint8_t letters[] = {0x00, 0x01, 0x10, 0x11, 0xff, 0xf0};
    uint32_t len                   = random_below(random, 7);
    uint8_t *data                  = arena_take(arena, len + 1);
    for (uint32_t i = 0; i < len; i++)
        data[i] = letters[random_below(random, sizeof letters)];
    return (bytes_t){data, len};
}

/* random_value has a length around those at which a node's form changes. */
static inline bytes_t random_value(random_t *random, arena_t *arena)
{
    uint32_t len  = random_below(random, 4) ? random_below(random, 6) : 28 + random_below(random, 10);
    uint8_t *data = arena_take(arena, len + 1);
    for (uint32_t i = 0; i < len; i++)
        data[i] = (uint8_t)random_next(random);
    return (bytes_t){data, len};
}

#endif
