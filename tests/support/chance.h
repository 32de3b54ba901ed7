/* chance.h - a source of choices: a seed, or bytes that a fuzzer gives. */
#ifndef CHANCE_H
#define CHANCE_H
#include "base.h"

typedef struct {
    uint64_t state;          /* of the seed */
    const uint8_t *at, *end; /* the given bytes; at is NULL with a seed */
} chance_t;

static inline chance_t chance_of_seed(uint64_t seed) { return (chance_t){.state = seed}; }
static inline chance_t chance_of_bytes(bytes_t bytes)
{
    return (chance_t){.at = bytes.data, .end = bytes.data + bytes.len};
}

/* chance_is_over: the given bytes are used up; what is chosen from then on is always the least. */
static inline bool chance_is_over(const chance_t *chance) { return chance->at && chance->at == chance->end; }

static inline uint64_t chance_bytes(chance_t *chance, uint32_t count)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < count && chance->at < chance->end; i++)
        value = value << 8 | *chance->at++;
    return value;
}

/* chance_next gives 64 bits (splitmix64 of the seed). */
static inline uint64_t chance_next(chance_t *chance)
{
    if (chance->at) return chance_bytes(chance, 8);
    uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);
    z          = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z          = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* chance_below gives one of 0 .. limit - 1. */
static inline uint32_t chance_below(chance_t *chance, uint32_t limit)
{
    if (chance->at) return (uint32_t)chance_bytes(chance, limit > 256 ? 4 : 1) % limit;
    return (uint32_t)((chance_next(chance) >> 32) * limit >> 32);
}

static inline bool chance_percent(chance_t *chance, uint32_t percent)
{
    return chance_below(chance, 100) < percent;
}

#endif
