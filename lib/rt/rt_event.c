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
    put_phase(rt);
    scale_put_u8(&rt->events, pallet);
    scale_put_u8(&rt->events, event);
    return &rt->events;
}

void rt_event_end(rt_t *rt, scale_writer_t *w)
{
    scale_put_u8(w, 0); /* no topics */
    if (w->failed) rt_fault(rt, "too many events");
    rt->event_count++;
}

void rt_events_flush(rt_t *rt)
{
    if (rt->event_count == 0 || rt->fault) return;
    rt->host->append(rt->host->state, (bytes_t){events_key, sizeof events_key}, rt->event_count,
                     (bytes_t){rt->events.start, rt->events.len});
    rt->events.len  = 0;
    rt->event_count = 0;
}
