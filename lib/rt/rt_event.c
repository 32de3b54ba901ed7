/* rt_event.c - events are gathered while an extrinsic runs, and appended to System.Events when it is done.
 *
 * An EventRecord is phase, pallet, event, fields, topics (docs/formats/chain.md). */

#include "rt.h"

#include <string.h>

enum { PHASE_APPLY_EXTRINSIC_INDEX = 0, PHASE_FINALIZATION_INDEX = 1, PHASE_INITIALIZATION_INDEX = 2 };

/* twox128("System") and twox128("Events"), and so on: where the runtime keeps what it said. */
static const uint8_t events_key[32] = {0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae,
                                       0x0c, 0x95, 0x58, 0xce, 0xf7, 0x80, 0xd4, 0x1e, 0x5e, 0x16, 0x05,
                                       0x67, 0x65, 0xbc, 0x84, 0x61, 0x85, 0x10, 0x72, 0xc9, 0xd7};

static const uint8_t event_count_key[32] = {0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae,
                                            0x0c, 0x95, 0x58, 0xce, 0xf7, 0x0a, 0x98, 0xfd, 0xbe, 0x9c, 0xe6,
                                            0xc5, 0x58, 0x37, 0x57, 0x6c, 0x60, 0xc7, 0xaf, 0x38, 0x50};

static void put_phase(rt_t *rt)
{
    if (rt->phase == PHASE_INITIALIZATION) {
        scale_put_u8(&rt->events, PHASE_INITIALIZATION_INDEX);
    } else if (rt->phase == PHASE_FINALIZATION) {
        scale_put_u8(&rt->events, PHASE_FINALIZATION_INDEX);
    } else {
        scale_put_u8(&rt->events, PHASE_APPLY_EXTRINSIC_INDEX);
        scale_put_u32(&rt->events, rt->phase);
    }
}

scale_writer_t *rt_event_start(rt_t *rt, uint8_t pallet, uint8_t event)
{
    rt->event_start = rt->events.len;
    put_phase(rt);
    scale_put_u8(&rt->events, pallet);
    scale_put_u8(&rt->events, event);
    return &rt->events;
}

void rt_event_end(rt_t *rt, scale_writer_t *w)
{
    scale_put_u8(w, 0); /* no topics */
    if (w->failed) {
        w->failed = false;
        w->len    = rt->event_start;
        rt_exhaust(rt, "too many events");
        return;
    }
    rt->event_count++;
    rt_events_relieve(rt);
}

void rt_events_relieve(rt_t *rt)
{
    if (rt->layer_depth == 0 && rt->events.len > rt->events.cap / 2) rt_events_flush(rt);
}

static uint32_t count_in_state(rt_t *rt)
{
    bytes_t value;
    if (!rt->host->get(rt->host->state, (bytes_t){event_count_key, sizeof event_count_key}, &rt->arena,
                       &value))
        return 0;
    scale_reader_t r = scale_reader(value, NULL);
    return scale_get_u32(&r);
}

void rt_events_flush(rt_t *rt)
{
    if (rt->event_count == 0 || rt->fault) return;
    uint8_t room[4];
    scale_writer_t count = scale_writer(room, sizeof room);
    scale_put_u32(&count, count_in_state(rt) + rt->event_count);
    rt->host->put(rt->host->state, (bytes_t){event_count_key, sizeof event_count_key}, scale_written(&count));
    rt->host->append(rt->host->state, (bytes_t){events_key, sizeof events_key}, rt->event_count,
                     (bytes_t){rt->events.start, rt->events.len});
    rt->events.len  = 0;
    rt->event_count = 0;
}
