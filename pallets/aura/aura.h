/* aura.h - slots: when a block was made, and by whom (spec chain-host 4.2). */
#ifndef AURA_H
#define AURA_H
#include "aura_pallet.h"

#define AURA_SLOT_DURATION_MS UINT64_C(6000)

/* aura_slot_duration is the length of a slot in ms: the stored parameter, or AURA_SLOT_DURATION_MS. */
uint64_t aura_slot_duration(rt_t *rt);

/* aura_slot_duration_set stores the parameter; for genesis. */
void aura_slot_duration_set(rt_t *rt, uint64_t duration_ms);

/* aura_slot_of_block finds the slot in the block's digest. */
bool aura_slot_of_block(rt_t *rt, uint64_t *slot);

#endif
