/* aura.c - a block's slot is later than its parent's. */

#include "aura.h"

#include "hash.h"
#include "system_pallet.h"

#include <string.h>

/* The parameter stands under twox128(":SlotDuration:"), as FRAME's parameter types do. */
static bytes_t slot_duration_key(uint8_t room[16])
{
    twox_128(room, BYTES(":SlotDuration:"));
    return (bytes_t){room, 16};
}

uint64_t aura_slot_duration(rt_t *rt)
{
    uint8_t room[16];
    bytes_t value;
    if (!rt->host->get(rt->host->state, slot_duration_key(room), &rt->arena, &value))
        return AURA_SLOT_DURATION_MS;
    scale_reader_t r  = scale_reader(value, NULL);
    uint64_t duration = scale_get_u64(&r);
    return scale_done(&r) && duration > 0 ? duration : AURA_SLOT_DURATION_MS;
}

void aura_slot_duration_set(rt_t *rt, uint64_t duration_ms)
{
    uint8_t room[16], value[8];
    scale_writer_t w = scale_writer(value, sizeof value);
    scale_put_u64(&w, duration_ms);
    rt->host->put(rt->host->state, slot_duration_key(room), scale_written(&w));
}

bool aura_slot_of_block(rt_t *rt, uint64_t *slot)
{
    support_digest_t digest;
    system_digest_get(rt, &digest);
    for (uint32_t i = 0; i < digest.logs.len; i++) {
        const support_digest_item_t *item = &digest.logs.items[i];
        if (item->kind != SUPPORT_DIGEST_ITEM_PRE_RUNTIME || memcmp(item->pre_runtime.u8.b, "aura", 4) != 0)
            continue;
        scale_reader_t r = scale_reader(item->pre_runtime.bytes, NULL);
        *slot            = scale_get_u64(&r);
        return scale_done(&r);
    }
    return false;
}

weight_t aura_on_initialize(rt_t *rt)
{
    uint64_t slot;
    if (!aura_slot_of_block(rt, &slot)) {
        rt_fault(rt, "the block has no slot");
        return (weight_t){0};
    }
    if (aura_current_slot_exists(rt) && slot <= aura_current_slot_get(rt)) {
        rt_fault(rt, "the block's slot is not after its parent's");
        return (weight_t){0};
    }
    aura_current_slot_put(rt, slot);
    return (weight_t){.ref_time = 2 * WEIGHT_READ + WEIGHT_WRITE};
}
