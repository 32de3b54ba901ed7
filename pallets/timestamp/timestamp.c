/* timestamp.c - the block's time, set once a block by its author.
 *
 * What breaks these rules is refused, and an inherent that is refused is not in any block. */

#include "aura/aura.h"
#include "checked.h"
#include "timestamp_pallet.h"

dispatch_t timestamp_set(rt_t *rt, const timestamp_set_args_t *args)
{
    uint64_t before = timestamp_now_get(rt), duration = aura_slot_duration(rt);
    ENSURE(!timestamp_did_update_exists(rt), DISPATCH_OTHER);                              /* once a block */
    ENSURE(before == 0 || args->now >= u64_add_sat(before, duration / 2), DISPATCH_OTHER); /* not too soon */
    ENSURE(args->now / duration == aura_current_slot_get(rt), DISPATCH_OTHER);             /* in its slot */

    timestamp_now_put(rt, args->now);
    timestamp_did_update_put(rt, true);
    return DISPATCH_OK;
}

void timestamp_on_finalize(rt_t *rt)
{
    if (!timestamp_did_update_exists(rt)) rt_fault(rt, "the time of the block was not set");
    timestamp_did_update_remove(rt);
}
