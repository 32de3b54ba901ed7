/* grandpa.c - a change of authorities, told in the block's digest and enacted at its end.
 *
 * The list itself stands under the raw key ":grandpa_authorities", with a version byte before it. */
#include "grandpa.h"

#include "../system/system.h"

#include <string.h>

enum { LIST_VERSION = 1, LOG_SCHEDULED_CHANGE = 1, AUTHORITY_LEN = 40 };

void grandpa_session(rt_t *rt, const bytes32_t *authorities, uint32_t count, bool is_changed,
                     uint32_t session)
{
    bool may_change = is_changed && !grandpa_pending_change_exists(rt);
    if (may_change) {
        bytes32_u64_t *items = arena_take(&rt->arena, count * (uint32_t)sizeof *items);
        if (!items) {
            rt_fault(rt, "no memory for authorities");
            return;
        }
        for (uint32_t i = 0; i < count; i++)
            items[i] = (bytes32_u64_t){authorities[i], 1};
        grandpa_stored_pending_change_t change = {
            .scheduled_at = system_number_get(rt), .next_authorities = {.items = items, .len = count}
        };
        grandpa_pending_change_put(rt, &change);
        uint64_t set_id = grandpa_current_set_id_get(rt) + 1;
        grandpa_current_set_id_put(rt, set_id);
        grandpa_set_id_session_remove(rt, set_id - 1);
    }
    grandpa_set_id_session_put(rt, grandpa_current_set_id_get(rt), session);
}

/* written is a log of the change, or the stored list: a byte, the list, and with a log its delay. */
static bytes_t written(rt_t *rt, uint8_t first, const grandpa_stored_pending_change_t *change, bool is_log)
{
    uint32_t cap     = 16 + change->next_authorities.len * AUTHORITY_LEN;
    uint8_t *room    = arena_take(&rt->arena, cap);
    scale_writer_t w = scale_writer(room, room ? cap : 0);
    scale_put_u8(&w, first);
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
        item.consensus.bytes = written(rt, LOG_SCHEDULED_CHANGE, &change, true);
        system_digest_add(rt, &item);
    }
    if (now != change.scheduled_at + change.delay) return;
    bytes_t list = written(rt, LIST_VERSION, &change, false);
    if (!rt->fault) rt->host->put(rt->host->state, BYTES(":grandpa_authorities"), list);
    grandpa_emit_new_authorities(rt, change.next_authorities);
    grandpa_pending_change_remove(rt);
}
