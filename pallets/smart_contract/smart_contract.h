/* smart_contract.h - what the pallet of contracts does for the runtime and for other pallets.
 *
 * The calls themselves are declared in smart_contract.pallet; these are the hooks, wired by the
 * composition of the runtime.  None of them can fail: what cannot be done is logged and left. */
#ifndef SMART_CONTRACT_H
#define SMART_CONTRACT_H
#include "rt.h"

/* smart_contract_on_finalize bills the contracts whose turn the present block is (spec smart-contract
 * 7.2): at most BILLS_A_BLOCK, what is left first in the next block.  Each bill is kept or undone whole. */
void smart_contract_on_finalize(rt_t *rt);

/* smart_contract_node_deleted ends every contract of a node, the last bill included.  To be called
 * before the node's record is removed. */
void smart_contract_node_deleted(rt_t *rt, uint32_t node_id);

/* smart_contract_node_power_changed lets the time of a rent start anew when its node comes up. */
void smart_contract_node_power_changed(rt_t *rt, uint32_t node_id, bool is_up);

/* smart_contract_node_is_used tells whether the node has a node contract that is active, or a rent contract. */
bool smart_contract_node_is_used(rt_t *rt, uint32_t node_id);

#endif
