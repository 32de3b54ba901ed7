/* client_events.c - System.Events walked one by one, and what they say of an extrinsic. */
#include "client.h"

#include <stdio.h>

#define TOPICS_MAX 16u

void client_events_start(client_events_t *events, bytes_t raw, arena_t *arena)
{
    *events = (client_events_t){.r = scale_reader(raw, arena), .arena_mark = arena->used};
    if (raw.len > 0) events->left = scale_get_compact_u32(&events->r);
}

static void phase_get(scale_reader_t *r, client_event_t *event)
{
    uint8_t phase = scale_get_u8(r);
    if (phase > CLIENT_PHASE_INITIALIZATION) scale_fail(r);
    event->phase     = (client_phase_t)(r->failed ? 0 : phase);
    event->extrinsic = event->phase == CLIENT_PHASE_EXTRINSIC ? scale_get_u32(r) : 0;
}

bool client_events_next(client_events_t *events, client_event_t *event)
{
    scale_reader_t *r = &events->r;
    if (r->failed || events->left == 0) return false;
    r->arena->used = events->arena_mark;
    phase_get(r, event);
    const uint8_t *start = r->at;
    runtime_event_decode(r, &event->event);
    event->encoded  = (bytes_t){start, (uint32_t)(r->at - start)};
    uint32_t topics = scale_get_compact_u32(r);
    if (topics > TOPICS_MAX) scale_fail(r);
    (void)scale_get_slice(r, topics * (uint32_t)sizeof(hash_t));
    events->left--;
    return !r->failed;
}

bool client_events_failed(const client_events_t *events)
{
    return events->r.failed || (events->left == 0 && events->r.at != events->r.end);
}
