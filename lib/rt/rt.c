/* rt.c - a runtime's memory, its faults, and layers that are kept or undone whole. */

#include "rt.h"

/* The scratch holds the longest value there is: an extrinsic as long as a block. */
enum { SCRATCH_SIZE = 6 << 20, EVENTS_SIZE = 4 << 20 };

/* A quarter of the memory at most goes to each writer: a small runtime (a test, a query) has small ones. They
 * lie at its end, where pages that nobody writes to are never touched. */
static scale_writer_t writer_from(arena_t *arena, uint32_t size, uint32_t most)
{
    uint32_t cap = size / 4 < most ? size / 4 : most;
    arena->size -= cap;
    return scale_writer(arena->start + arena->size, cap);
}

void rt_start(rt_t *rt, const host_t *host, void *memory, uint32_t size)
{
    *rt = (rt_t){
        .host = host, .arena = {.start = memory, .size = size},
             .phase = PHASE_INITIALIZATION
    };
    rt->scratch = writer_from(&rt->arena, size, SCRATCH_SIZE);
    rt->events  = writer_from(&rt->arena, size, EVENTS_SIZE);
    if (!memory) rt_fault(rt, "there is no memory");
}

void rt_fault(rt_t *rt, const char *reason)
{
    if (!rt->fault) rt->fault = reason;
}

void rt_exhaust(rt_t *rt, const char *reason)
{
    if (rt->is_bounded)
        rt->is_exhausted = true;
    else
        rt_fault(rt, reason);
}

void rt_pays_no(rt_t *rt) { rt->pays_no_fee = true; }

void rt_weight_used(rt_t *rt, weight_t used)
{
    rt->has_used_weight = true;
    rt->used_weight     = used;
}

rt_layer_t rt_layer_begin(rt_t *rt)
{
    rt->host->begin(rt->host->state);
    rt->layer_depth++;
    return (rt_layer_t){.events_len = rt->events.len, .event_count = rt->event_count};
}

void rt_layer_end(rt_t *rt, rt_layer_t layer, bool keep)
{
    keep = keep && !rt->fault;
    rt->host->end(rt->host->state, keep);
    rt->layer_depth--;
    if (!keep) {
        rt->events.len  = layer.events_len;
        rt->event_count = layer.event_count;
    }
    rt_events_relieve(rt);
}
