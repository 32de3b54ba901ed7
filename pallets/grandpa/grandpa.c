/* grandpa.c - a change of authorities, told in the block's digest and enacted at its end, or later when
 * finality has stalled.
 *
 * The list itself stands under the raw key ":grandpa_authorities", with a version byte before it. */
#include "grandpa.h"

#include "../system/system.h"
#include "checked.h"

#include <string.h>

enum { LIST_VERSION = 1, LOG_SCHEDULED_CHANGE = 1, LOG_FORCED_CHANGE = 2, AUTHORITY_LEN = 40 };

/* may_force says whether a forced change may begin: the next one only twice its delay after this one. */
static bool may_force(rt_t *rt, uint32_t now, uint32_t delay)
{
    uint32_t next;
    if (grandpa_next_forced_get(rt, &next) && next > now) return false;
    grandpa_next_forced_put(rt, u32_add_sat(now, u32_add_sat(delay, delay)));
    return true;
}

/* schedule has the authorities change: at once, or by force when finality was said to have stalled. */
static bool schedule(rt_t *rt, const bytes32_t *authorities, uint32_t count)
{
    u32_u32_t stalled;
    bool is_forced = grandpa_stalled_get(rt, &stalled);
    grandpa_stalled_remove(rt);
    if (grandpa_pending_change_exists(rt)) return false;
    grandpa_stored_pending_change_t change = {.scheduled_at = system_number_get(rt)};
    if (is_forced) {
        if (!may_force(rt, change.scheduled_at, stalled.f0)) return false;
        change.delay  = stalled.f0;
        change.forced = (u32_opt_t){.some = true, .value = stalled.f1};
    }
    bytes32_u64_t *items = arena_take(&rt->arena, count * (uint32_t)sizeof *items);
    if (!items) {
        rt_fault(rt, "no memory for authorities");
        return false;
    }
    for (uint32_t i = 0; i < count; i++)
        items[i] = (bytes32_u64_t){authorities[i], 1};
    change.next_authorities.items = items;
    change.next_authorities.len   = count;
    grandpa_pending_change_put(rt, &change);
    return true;
}

void grandpa_session(rt_t *rt, const bytes32_t *authorities, uint32_t count, bool is_changed,
                     uint32_t session)
{
    bool is_due = is_changed || grandpa_stalled_exists(rt);
    if (is_due && schedule(rt, authorities, count)) {
        uint64_t set_id = grandpa_current_set_id_get(rt) + 1;
        grandpa_current_set_id_put(rt, set_id);
        grandpa_set_id_session_remove(rt, set_id - 1);
    }
    grandpa_set_id_session_put(rt, grandpa_current_set_id_get(rt), session);
}

/* written is a log of the change, or the stored list: a byte, the list, and with a log its delay; a forced
 * one has the last final block before the list. */
static bytes_t written(rt_t *rt, uint8_t first, const grandpa_stored_pending_change_t *change, bool is_log)
{
    uint32_t cap     = 16 + change->next_authorities.len * AUTHORITY_LEN;
    uint8_t *room    = arena_take(&rt->arena, cap);
    scale_writer_t w = scale_writer(room, room ? cap : 0);
    scale_put_u8(&w, first);
    if (is_log && change->forced.some) scale_put_u32(&w, change->forced.value);
    bytes32_u64_vec_encode(&w, change->next_authorities);
    if (is_log) scale_put_u32(&w, change->delay);
    if (w.failed) rt_fault(rt, "no memory for a change of authorities");
    return scale_written(&w);
}

void grandpa_on_finalize(rt_t *rt)
{
    grandpa_stored_pending_change_t change;
    if (!grandpa_pending_change_get(rt, &change)) return;
    uint32_t now = system_number_get(rt);

    if (now == change.scheduled_at) {
        support_digest_item_t item = {.kind = SUPPORT_DIGEST_ITEM_CONSENSUS};
        memcpy(item.consensus.u8.b, "FRNK", 4);
        item.consensus.bytes =
            written(rt, change.forced.some ? LOG_FORCED_CHANGE : LOG_SCHEDULED_CHANGE, &change, true);
        system_digest_add(rt, &item);
    }
    if (now != change.scheduled_at + change.delay) return;
    bytes_t list = written(rt, LIST_VERSION, &change, false);
    if (!rt->fault) rt->host->put(rt->host->state, BYTES(":grandpa_authorities"), list);
    grandpa_emit_new_authorities(rt, change.next_authorities);
    grandpa_pending_change_remove(rt);
}

/* ------------------------------------------------------------------------------------ calls */

dispatch_t grandpa_note_stalled(rt_t *rt, const grandpa_note_stalled_args_t *args)
{
    grandpa_stalled_put(rt, &(u32_u32_t){args->delay, args->best_finalized_block_number});
    return DISPATCH_OK;
}

/* A report of a double vote is taken and changes nothing: this chain has nobody to punish.  It cannot even be
 * written down: its proof of key ownership is of a type that has no value, so no extrinsic with a report
 * decodes. */

dispatch_t grandpa_report_equivocation(rt_t *rt, const account_id_t *who,
                                       const grandpa_report_equivocation_args_t *args)
{
    (void)who, (void)args;
    rt_pays_no(rt);
    return DISPATCH_OK;
}

dispatch_t grandpa_report_equivocation_unsigned(rt_t *rt,
                                                const grandpa_report_equivocation_unsigned_args_t *args)
{
    (void)args;
    rt_pays_no(rt);
    return DISPATCH_OK;
}
