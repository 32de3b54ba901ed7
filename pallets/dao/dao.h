/* dao.h - what the DAO keeps up to date when nodes change: the weight of each farm's vote. */
#ifndef DAO_H
#define DAO_H
#include "rt.h"

/* dao_farm_weight_add and dao_farm_weight_take move the weight of a node (2 CU + SU, spec tfgrid 2.1) to or
 * from its farm.  Weights saturate at zero and at the greatest value. */
void dao_farm_weight_add(rt_t *rt, uint32_t farm_id, uint64_t weight);
void dao_farm_weight_take(rt_t *rt, uint32_t farm_id, uint64_t weight);

#endif
