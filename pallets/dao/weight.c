/* weight.c - what each farm's vote weighs: the sum over its nodes. */
#include "checked.h"
#include "dao.h"
#include "dao_pallet.h"

void dao_farm_weight_add(rt_t *rt, uint32_t farm_id, uint64_t weight)
{
    dao_farm_weight_put(rt, farm_id, u64_add_sat(dao_farm_weight_get(rt, farm_id), weight));
}

void dao_farm_weight_take(rt_t *rt, uint32_t farm_id, uint64_t weight)
{
    dao_farm_weight_put(rt, farm_id, u64_sub_sat(dao_farm_weight_get(rt, farm_id), weight));
}
