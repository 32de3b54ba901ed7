/* timestamp.c - the block's time, set once a block by its author.
 *
 * A block that breaks these rules is no block at all: each is a fault, not a refusal. */

#include "aura/aura.h"
#include "timestamp_pallet.h"

dispatch_t timestamp_set(rt_t *rt, const timestamp_set_args_t *args)
{
    uint64_t before = timestamp_now_get(rt), duration = aura_slot_duration(rt);
    if (timestamp_did_update_exists(rt)) rt_fault(rt, "the time of a block is set only once");
    if (before != 0 && args->now < before + duration / 2)
        rt_fault(rt, "the time of a block is too close to its parent's");
    if (args->now / duration != aura_current_slot_get(rt))
        rt_fault(rt, "the time of a block is not of its slot");

    timestamp_now_put(rt, args->now);
    timestamp_did_update_put(rt, true);
    return DISPATCH_OK;
}

void timestamp_on_finalize(rt_t *rt)
{
    if (!timestamp_did_update_exists(rt)) rt_fault(rt, "the time of the block was not set");
    timestamp_did_update_remove(rt);
}
