/* contract.h - what the files of this pallet share.
 *
 * A contract is found by its id; four indices lead to it and are kept together: the billing lists, the active
 * node contracts of a node, (node, deployment hash), and the names.  A function that returns dispatch_t
 * refuses with the error of the rule that is not met. */
#ifndef SMART_CONTRACT_CONTRACT_H
#define SMART_CONTRACT_CONTRACT_H
#include "smart_contract_pallet.h"
#include "tfgrid_pallet.h"

typedef smart_contract_contract_t contract_t;
typedef smart_contract_contract_state_t contract_state_t;
typedef smart_contract_contract_payment_state_t payment_t;
typedef smart_contract_cause_t cause_t;

enum { CYCLES_BEFORE_DISTRIBUTION = 24, BILLING_REFERENCE_S = 3600, UNITS_PER_MUSD = 10000 };

#define GRACE_PERIOD_BLOCKS UINT64_C(201600) /* 14 days */
#define DEFAULT_FREQUENCY   UINT64_C(600)

#define STATE_CREATED ((contract_state_t){.kind = SMART_CONTRACT_CONTRACT_STATE_CREATED})
#define STATE_DELETED(cause)                                                                                 \
    ((contract_state_t){.kind = SMART_CONTRACT_CONTRACT_STATE_DELETED, .deleted = (cause)})
#define STATE_IN_GRACE(block)                                                                                \
    ((contract_state_t){.kind = SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD, .grace_period = (block)})

bool contract_is_created(const contract_t *contract);
bool contract_is_deleted(const contract_t *contract);
bool contract_is_in_grace(const contract_t *contract);
bool contract_is_node(const contract_t *contract);
bool contract_is_rent(const contract_t *contract);

/* contract_node_id is the node of a node or rent contract, 0 of a name contract. */
uint32_t contract_node_id(const contract_t *contract);

/* contract_now_s is the time of the present block, in seconds since 1970. */
uint64_t contract_now_s(rt_t *rt);

/* contract_room takes room for `count` items in the block's memory; NULL, and the call exhausted, when there
 * is none. */
void *contract_room(rt_t *rt, uint32_t count, size_t item_size);

bool contract_is_same_account(const account_id_t *a, const account_id_t *b);

/* contract_twin_of finds the caller's twin; contract_node_of the node that the caller is. */
dispatch_t contract_twin_of(rt_t *rt, const account_id_t *who, uint32_t *twin_id);
dispatch_t contract_node_of(rt_t *rt, const account_id_t *who, support_node_t *node);

/* contract_check_provider refuses a solution provider that is unknown or not approved. */
dispatch_t contract_check_provider(rt_t *rt, uint64_t provider_id);

/* contract_store gives a new contract its id, its billing place and an empty payment state.  What data holds
 * of public_ips is reserved on the node's farm and listed in *contract. */
dispatch_t contract_store(rt_t *rt, uint32_t twin_id, const smart_contract_contract_data_t *data,
                          u64_opt_t provider_id, contract_t *contract);

/* contract_change_state stores the contract with another state and keeps ActiveNodeContracts. */
void contract_change_state(rt_t *rt, contract_t *contract, contract_state_t state);

/* contract_remove forgets a contract and all that leads to it.  What is still reserved for it goes back to
 * its owner.  A rent contract takes its remaining node contracts with it, unbilled. */
void contract_remove(rt_t *rt, const contract_t *contract);

/* contract_bill charges what a contract has cost since its last bill (spec smart-contract 9).  When it
 * refuses, the caller drops what it wrote. */
dispatch_t contract_bill(rt_t *rt, uint64_t contract_id);

/* contract_settle pays out what a deleted contract holds and forgets it; it charges nothing more. */
dispatch_t contract_settle(rt_t *rt, uint64_t contract_id);

/* contract_frequency is the number of blocks between two bills, never zero. */
uint64_t contract_frequency(rt_t *rt);

/* node_contract_free_ips gives the addresses of a node contract back to the farm and tells so. */
void node_contract_free_ips(rt_t *rt, const contract_t *contract);

/* node_contract_lend_ips reserves the first free addresses of the node's farm for a new contract. */
dispatch_t node_contract_lend_ips(rt_t *rt, uint64_t contract_id,
                                  smart_contract_node_contract_t *node_contract);

/* Lists of ids: active node contracts of a node, and contracts of a billing place. */
void contract_active_add(rt_t *rt, uint32_t node_id, uint64_t contract_id);
void contract_active_remove(rt_t *rt, uint32_t node_id, uint64_t contract_id);
void contract_billing_add(rt_t *rt, uint64_t contract_id);
void contract_billing_remove(rt_t *rt, uint64_t contract_id);

#endif
