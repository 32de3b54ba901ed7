/* smart_contract.h - what the pallet of contracts tells other pallets, beside its calls and hooks. */
#ifndef SMART_CONTRACT_H
#define SMART_CONTRACT_H
#include "rt.h"

/* smart_contract_node_is_used tells whether the node has a node contract that is active, or a rent contract.
 */
bool smart_contract_node_is_used(rt_t *rt, uint32_t node_id);

/* smart_contract_node_holds_addresses tells whether a contract of the node has borrowed public addresses of
 * its farm: they can only be given back to that farm. */
bool smart_contract_node_holds_addresses(rt_t *rt, uint32_t node_id);

/* smart_contract_bills_ahead lets a host that only takes notes know what the bills of a block will read
 * (get), and what they will write (remove): of each contract its own records, not those of nodes and twins.
 * rt stands on any state before that block; what comes in between may change the list. */
void smart_contract_bills_ahead(rt_t *rt, uint64_t block, const host_t *notes);

#endif
