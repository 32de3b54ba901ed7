/* contract.c - contracts as records: storing them, the lists that lead to them, ending them. */
#include "contract.h"

#include "funds.h"
#include "smart_contract.h"
#include "system_pallet.h"
#include "timestamp_pallet.h"

enum { CONTRACT_VERSION = 4 };

bool contract_is_created(const contract_t *contract)
{
    return contract->state.kind == SMART_CONTRACT_CONTRACT_STATE_CREATED;
}
bool contract_is_deleted(const contract_t *contract)
{
    return contract->state.kind == SMART_CONTRACT_CONTRACT_STATE_DELETED;
}
bool contract_is_in_grace(const contract_t *contract)
{
    return contract->state.kind == SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD;
}
bool contract_is_node(const contract_t *contract)
{
    return contract->contract_type.kind == SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT;
}
bool contract_is_rent(const contract_t *contract)
{
    return contract->contract_type.kind == SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT;
}

uint32_t contract_node_id(const contract_t *contract)
{
    if (contract_is_node(contract)) return contract->contract_type.node_contract.node_id;
    return contract_is_rent(contract) ? contract->contract_type.rent_contract.node_id : 0;
}

uint64_t contract_now_s(rt_t *rt) { return timestamp_now_get(rt) / 1000; }

uint64_t contract_frequency(rt_t *rt)
{
    uint64_t frequency = smart_contract_billing_frequency_get(rt);
    return frequency ? frequency : DEFAULT_FREQUENCY;
}

void *contract_room(rt_t *rt, uint32_t count, size_t item_size)
{
    uint64_t size = (uint64_t)count * item_size;
    void *room    = size > UINT32_MAX ? NULL : arena_take(&rt->arena, (uint32_t)size);
    if (!room && size > 0) rt_exhaust(rt, "smart_contract: no room in the block's memory");
    return room;
}

bool contract_is_same_account(const account_id_t *a, const account_id_t *b)
{
    return bytes_equal((bytes_t){a->b, sizeof a->b}, (bytes_t){b->b, sizeof b->b});
}

dispatch_t contract_twin_of(rt_t *rt, const account_id_t *who, uint32_t *twin_id)
{
    ENSURE(tfgrid_twin_id_by_account_id_get(rt, who, twin_id), SMART_CONTRACT_TWIN_NOT_EXISTS);
    return DISPATCH_OK;
}

dispatch_t contract_node_of(rt_t *rt, const account_id_t *who, support_node_t *node)
{
    uint32_t twin_id;
    TRY(contract_twin_of(rt, who, &twin_id));
    uint32_t node_id = tfgrid_node_id_by_twin_id_get(rt, twin_id);
    ENSURE(node_id != 0 && tfgrid_nodes_get(rt, node_id, node), SMART_CONTRACT_NODE_NOT_EXISTS);
    return DISPATCH_OK;
}

/* ------------------------------------------------------------------------------ lists of ids */

/* with adds an id at the end, unless it is there; without takes it out.  False when nothing changes. */
static bool with(rt_t *rt, u64_vec_t *list, uint64_t id)
{
    for (uint32_t i = 0; i < list->len; i++)
        if (list->items[i] == id) return false;
    uint64_t *items = contract_room(rt, list->len + 1, sizeof *items);
    if (!items) return false;
    for (uint32_t i = 0; i < list->len; i++)
        items[i] = list->items[i];
    items[list->len] = id;
    *list            = (u64_vec_t){.items = items, .len = list->len + 1};
    return true;
}

static bool without(u64_vec_t *list, uint64_t id)
{
    uint32_t at = 0;
    while (at < list->len && list->items[at] != id)
        at++;
    if (at == list->len) return false;
    for (; at + 1 < list->len; at++)
        list->items[at] = list->items[at + 1];
    list->len--;
    return true;
}

void contract_active_add(rt_t *rt, uint32_t node_id, uint64_t contract_id)
{
    u64_vec_t list;
    smart_contract_active_node_contracts_get(rt, node_id, &list);
    if (with(rt, &list, contract_id)) smart_contract_active_node_contracts_put(rt, node_id, list);
}

void contract_active_remove(rt_t *rt, uint32_t node_id, uint64_t contract_id)
{
    u64_vec_t list;
    smart_contract_active_node_contracts_get(rt, node_id, &list);
    if (!without(&list, contract_id)) return;
    if (list.len > 0)
        smart_contract_active_node_contracts_put(rt, node_id, list);
    else
        smart_contract_active_node_contracts_remove(rt, node_id);
}

void contract_billing_add(rt_t *rt, uint64_t contract_id)
{
    u64_vec_t list;
    const uint64_t place = contract_id % contract_frequency(rt);
    smart_contract_contracts_to_bill_at_get(rt, place, &list);
    if (with(rt, &list, contract_id)) smart_contract_contracts_to_bill_at_put(rt, place, list);
}

void contract_billing_remove(rt_t *rt, uint64_t contract_id)
{
    u64_vec_t list;
    const uint64_t place = contract_id % contract_frequency(rt);
    smart_contract_contracts_to_bill_at_get(rt, place, &list);
    if (!without(&list, contract_id)) return;
    if (list.len > 0)
        smart_contract_contracts_to_bill_at_put(rt, place, list);
    else
        smart_contract_contracts_to_bill_at_remove(rt, place);
}

/* --------------------------------------------------------------------- storing and changing */

dispatch_t contract_store(rt_t *rt, uint32_t twin_id, const smart_contract_contract_data_t *data,
                          u64_opt_t provider_id, contract_t *contract)
{
    *contract = (contract_t){
        .version              = CONTRACT_VERSION,
        .state                = STATE_CREATED,
        .contract_id          = smart_contract_contract_id_get(rt) + 1,
        .twin_id              = twin_id,
        .contract_type        = *data,
        .solution_provider_id = provider_id,
    };
    if (contract_is_node(contract))
        TRY(node_contract_lend_ips(rt, contract->contract_id, &contract->contract_type.node_contract));
    if (provider_id.some) TRY(contract_check_provider(rt, provider_id.value));

    contract_billing_add(rt, contract->contract_id);
    smart_contract_contracts_put(rt, contract->contract_id, contract);
    smart_contract_contract_id_put(rt, contract->contract_id);
    smart_contract_contract_payment_state_put(rt, contract->contract_id,
                                              &(payment_t){.last_updated_seconds = contract_now_s(rt)});
    return DISPATCH_OK;
}

void contract_change_state(rt_t *rt, contract_t *contract, contract_state_t state)
{
    contract->state = state;
    smart_contract_contracts_put(rt, contract->contract_id, contract);
    if (!contract_is_node(contract)) return;
    if (contract_is_deleted(contract))
        contract_active_remove(rt, contract_node_id(contract), contract->contract_id);
    if (contract_is_created(contract))
        contract_active_add(rt, contract_node_id(contract), contract->contract_id);
}

/* --------------------------------------------------------------------------------- removing */

static void remove_node_contract(rt_t *rt, const contract_t *contract)
{
    const smart_contract_node_contract_t *node = &contract->contract_type.node_contract;
    const uint64_t id                          = contract->contract_id;
    if (node->public_ips > 0) node_contract_free_ips(rt, contract);
    contract_active_remove(rt, node->node_id, id);
    if (smart_contract_contract_id_by_node_id_and_hash_get(rt, node->node_id, &node->deployment_hash) == id)
        smart_contract_contract_id_by_node_id_and_hash_remove(rt, node->node_id, &node->deployment_hash);
    smart_contract_node_contract_resources_remove(rt, id);
    smart_contract_contract_billing_information_by_id_remove(rt, id);
    smart_contract_emit_node_contract_canceled(rt, id, node->node_id, contract->twin_id);
}

/* give_back frees what is still reserved for a contract that goes. */
static void give_back(rt_t *rt, const contract_t *contract)
{
    payment_t payment;
    tfgrid_twin_t twin;
    if (!smart_contract_contract_payment_state_get(rt, contract->contract_id, &payment)) return;
    u128_t held = payment.standard_reserve + payment.additional_reserve;
    if (held > 0 && tfgrid_twins_get(rt, contract->twin_id, &twin))
        funds_give_back(rt, &twin.account_id, held);
}

/* forget removes what all kinds of contracts have. */
static void forget(rt_t *rt, const contract_t *contract)
{
    give_back(rt, contract);
    smart_contract_contracts_remove(rt, contract->contract_id);
    smart_contract_contract_payment_state_remove(rt, contract->contract_id);
    contract_billing_remove(rt, contract->contract_id);
}

static void remove_rent_contract(rt_t *rt, const contract_t *contract)
{
    u64_vec_t active;
    const uint32_t node_id = contract_node_id(contract);
    smart_contract_active_rent_contract_for_node_remove(rt, node_id);
    smart_contract_active_node_contracts_get(rt, node_id, &active);
    smart_contract_active_node_contracts_remove(rt, node_id); /* at once: not written anew for each */
    const uint32_t used = rt->arena.used;
    for (uint32_t i = 0; i < active.len; i++, rt->arena.used = used) {
        contract_t tenant;
        if (!smart_contract_contracts_get(rt, active.items[i], &tenant)) continue;
        remove_node_contract(rt, &tenant);
        forget(rt, &tenant);
    }
    smart_contract_emit_rent_contract_canceled(rt, contract->contract_id);
}

void contract_remove(rt_t *rt, const contract_t *contract)
{
    switch (contract->contract_type.kind) {
    case SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT: remove_node_contract(rt, contract); break;
    case SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT: remove_rent_contract(rt, contract); break;
    case SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT:
        smart_contract_contract_id_by_name_registration_remove(rt,
                                                               contract->contract_type.name_contract.name);
        smart_contract_emit_name_contract_canceled(rt, contract->contract_id);
        break;
    }
    forget(rt, contract);
}

/* ------------------------------------------------------------------------------- cancelling */

static dispatch_t cancel(rt_t *rt, contract_t *contract, cause_t cause)
{
    if (contract_is_rent(contract)) {
        u64_vec_t active;
        smart_contract_active_node_contracts_get(rt, contract_node_id(contract), &active);
        ENSURE(active.len == 0, SMART_CONTRACT_NODE_HAS_ACTIVE_CONTRACTS);
    }
    contract_change_state(rt, contract, STATE_DELETED(cause));
    return contract_bill(rt, contract->contract_id);
}

dispatch_t smart_contract_cancel_contract(rt_t *rt, const account_id_t *who,
                                          const smart_contract_cancel_contract_args_t *args)
{
    contract_t contract;
    tfgrid_twin_t owner;
    ENSURE(smart_contract_contracts_get(rt, args->contract_id, &contract),
           SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    ENSURE(tfgrid_twins_get(rt, contract.twin_id, &owner), SMART_CONTRACT_TWIN_NOT_EXISTS);
    ENSURE(contract_is_same_account(&owner.account_id, who),
           SMART_CONTRACT_TWIN_NOT_AUTHORIZED_TO_CANCEL_CONTRACT);
    return cancel(rt, &contract, SMART_CONTRACT_CAUSE_CANCELED_BY_USER);
}

dispatch_t
smart_contract_cancel_contract_collective(rt_t *rt,
                                          const smart_contract_cancel_contract_collective_args_t *args)
{
    contract_t contract;
    ENSURE(smart_contract_contracts_get(rt, args->contract_id, &contract),
           SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    ENSURE(tfgrid_twins_exists(rt, contract.twin_id), SMART_CONTRACT_TWIN_NOT_EXISTS);
    return cancel(rt, &contract, SMART_CONTRACT_CAUSE_CANCELED_BY_COLLECTIVE);
}

/* -------------------------------------------------------------------- what other pallets ask */

/* end_by ends a contract in a way that may be refused, and then leaves it as it was. */
static bool end_by(rt_t *rt, contract_t contract, dispatch_t (*way)(rt_t *rt, uint64_t contract_id))
{
    rt_layer_t layer = rt_layer_begin(rt);
    contract_change_state(rt, &contract, STATE_DELETED(SMART_CONTRACT_CAUSE_CANCELED_BY_USER));
    const bool has_ended = way(rt, contract.contract_id) == DISPATCH_OK;
    rt_layer_end(rt, layer, has_ended);
    return has_ended;
}

/* end_contract bills a contract for the last time; when there can be no bill, what it holds is paid out, and
 * when that cannot be either, it goes back to the owner (B13). */
static void end_contract(rt_t *rt, uint64_t contract_id)
{
    contract_t contract;
    if (!smart_contract_contracts_get(rt, contract_id, &contract)) return;
    if (end_by(rt, contract, contract_bill) || end_by(rt, contract, contract_settle)) return;
    contract_remove(rt, &contract);
}

void smart_contract_node_deleted(rt_t *rt, uint32_t node_id)
{
    u64_vec_t active;
    uint64_t rent_id;
    smart_contract_active_node_contracts_get(rt, node_id, &active);
    smart_contract_active_node_contracts_remove(rt, node_id);
    const uint32_t used = rt->arena.used;
    for (uint32_t i = 0; i < active.len; i++, rt->arena.used = used)
        end_contract(rt, active.items[i]);
    if (smart_contract_active_rent_contract_for_node_get(rt, node_id, &rent_id)) end_contract(rt, rent_id);
}

void smart_contract_node_power_changed(rt_t *rt, uint32_t node_id, bool is_up)
{
    uint64_t rent_id;
    payment_t payment;
    if (!is_up || !smart_contract_active_rent_contract_for_node_get(rt, node_id, &rent_id)) return;
    if (!smart_contract_contract_payment_state_get(rt, rent_id, &payment)) return;
    payment.last_updated_seconds = contract_now_s(rt);
    smart_contract_contract_payment_state_put(rt, rent_id, &payment);
}

bool smart_contract_node_is_used(rt_t *rt, uint32_t node_id)
{
    u64_vec_t active;
    smart_contract_active_node_contracts_get(rt, node_id, &active);
    return active.len > 0 || smart_contract_active_rent_contract_for_node_exists(rt, node_id);
}

bool smart_contract_node_holds_addresses(rt_t *rt, uint32_t node_id)
{
    u64_vec_t active;
    bool holds = false;
    smart_contract_active_node_contracts_get(rt, node_id, &active);
    const uint32_t used = rt->arena.used;
    for (uint32_t i = 0; i < active.len && !holds; i++, rt->arena.used = used) {
        contract_t contract;
        if (!smart_contract_contracts_get(rt, active.items[i], &contract)) continue;
        holds = contract.contract_type.node_contract.public_ips > 0;
    }
    return holds;
}
