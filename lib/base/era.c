/* era.c - the span of blocks in which a mortal extrinsic may be included. */
#include "scale.h"

#define ERA_PERIOD_MIN 4u
#define ERA_PERIOD_MAX 65536u

/* Above 4096 blocks the phase is counted in steps, so that it fits in 12 bits. */
static uint32_t phase_step(uint32_t period) { return period >> 12 > 1 ? period >> 12 : 1; }

era_t era_at(uint64_t current, uint32_t period)
{
    uint32_t rounded = ERA_PERIOD_MIN;
    while (rounded < period && rounded < ERA_PERIOD_MAX)
        rounded <<= 1;
    uint32_t step = phase_step(rounded);
    return (era_t){.period = rounded, .phase = (uint32_t)(current % rounded) / step * step};
}

uint64_t era_birth(era_t era, uint64_t current)
{
    if (era.period == 0) return 0;
    uint64_t from = current > era.phase ? current : era.phase;
    return (from - era.phase) / era.period * era.period + era.phase;
}

uint64_t era_death(era_t era, uint64_t current)
{
    return era.period == 0 ? UINT64_MAX : era_birth(era, current) + era.period;
}

era_t era_get(scale_reader_t *r)
{
    uint32_t first = scale_get_u8(r);
    if (first == 0) return (era_t){0};
    uint32_t encoded = first | (uint32_t)scale_get_u8(r) << 8;
    era_t era        = {.period = 2u << (encoded & 15)};
    era.phase        = (encoded >> 4) * phase_step(era.period);
    if (era.period < ERA_PERIOD_MIN || era.phase >= era.period) scale_fail(r);
    return r->failed ? (era_t){0} : era;
}

void era_put(scale_writer_t *w, era_t era)
{
    if (era.period == 0) {
        scale_put_u8(w, 0);
        return;
    }
    uint32_t log = 1;
    while (2u << log < era.period)
        log++;
    scale_put_u16(w, (uint16_t)(log | era.phase / phase_step(era.period) << 4));
}
