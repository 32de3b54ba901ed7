/* node_contract.c - contracts for a part of a node, and the public addresses that they borrow. */
#include "contract.h"

/* What happens to a rent happens to all node contracts of its node in one bill, whose events must fit into a
 * block's memory.  Real nodes have a few hundred. */
enum { ACTIVE_MAX = 2000 };

/* ------------------------------------------------------------------------ public addresses */

static dispatch_t farm_of_node(rt_t *rt, uint32_t node_id, support_farm_t *farm)
{
    support_node_t node;
    ENSURE(tfgrid_nodes_get(rt, node_id, &node), SMART_CONTRACT_NODE_NOT_EXISTS);
    ENSURE(tfgrid_farms_get(rt, node.farm_id, farm), SMART_CONTRACT_FARM_NOT_EXISTS);
    return DISPATCH_OK;
}

dispatch_t node_contract_lend_ips(rt_t *rt, uint64_t contract_id,
                                  smart_contract_node_contract_t *node_contract)
{
    support_farm_t farm;
    const uint32_t wanted = node_contract->public_ips;
    if (wanted == 0) return DISPATCH_OK;
    TRY(farm_of_node(rt, node_contract->node_id, &farm));
    ENSURE(farm.public_ips.len >= wanted, SMART_CONTRACT_FARM_HAS_NOT_ENOUGH_PUBLIC_IPS);

    support_public_ip_t *lent = contract_room(rt, wanted, sizeof *lent);
    ENSURE(lent, DISPATCH_EXHAUSTED);
    uint32_t count = 0;
    for (uint32_t i = 0; i < farm.public_ips.len && count < wanted; i++) {
        support_public_ip_t *ip = &farm.public_ips.items[i];
        if (ip->contract_id != 0) continue;
        ip->contract_id = contract_id;
        lent[count++]   = *ip;
    }
    ENSURE(count == wanted, SMART_CONTRACT_FARM_HAS_NOT_ENOUGH_PUBLIC_IPS_FREE);

    node_contract->public_ips_list = (support_public_ip_vec_t){.items = lent, .len = count};
    tfgrid_farms_put(rt, farm.id, &farm);
    return DISPATCH_OK;
}

void node_contract_free_ips(rt_t *rt, const contract_t *contract)
{
    support_farm_t farm;
    const smart_contract_node_contract_t *node_contract = &contract->contract_type.node_contract;
    if (farm_of_node(rt, node_contract->node_id, &farm) != DISPATCH_OK) {
        rt->host->log(rt->host->state, "smart_contract: no farm to give public addresses back to");
        return;
    }
    support_public_ip_t *freed = contract_room(rt, farm.public_ips.len, sizeof *freed);
    uint32_t count             = 0;
    for (uint32_t i = 0; freed && i < farm.public_ips.len; i++) {
        support_public_ip_t *ip = &farm.public_ips.items[i];
        if (ip->contract_id != contract->contract_id) continue;
        ip->contract_id = 0;
        freed[count++]  = *ip;
    }
    tfgrid_farms_put(rt, farm.id, &farm);
    smart_contract_emit_ips_freed(rt, contract->contract_id,
                                  (support_public_ip_vec_t){.items = freed, .len = count});
}

/* ---------------------------------------------------------------------------------- the calls */

/* check_available: a rented node is for the renter, while his rent is paid; a dedicated node is for nobody
 * who has not rented it. */
static dispatch_t check_available(rt_t *rt, const support_node_t *node, const support_farm_t *farm,
                                  uint32_t twin_id)
{
    uint64_t rent_id;
    u64_vec_t active;
    smart_contract_active_node_contracts_get(rt, node->id, &active);
    ENSURE(active.len < ACTIVE_MAX, SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    if (smart_contract_active_rent_contract_for_node_get(rt, node->id, &rent_id)) {
        contract_t rent;
        ENSURE(smart_contract_contracts_get(rt, rent_id, &rent), SMART_CONTRACT_CONTRACT_NOT_EXISTS);
        ENSURE(rent.twin_id == twin_id && contract_is_created(&rent),
               SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
        return DISPATCH_OK;
    }
    bool is_dedicated =
        farm->dedicated_farm || smart_contract_dedicated_nodes_extra_fee_get(rt, node->id) > 0;
    ENSURE(!is_dedicated, SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    return DISPATCH_OK;
}

/* check_unique: no live contract has this deployment on this node. */
static dispatch_t check_unique(rt_t *rt, uint32_t node_id, const bytes32_t *hash)
{
    contract_t other;
    const uint64_t other_id = smart_contract_contract_id_by_node_id_and_hash_get(rt, node_id, hash);
    if (other_id == 0) return DISPATCH_OK;
    ENSURE(smart_contract_contracts_get(rt, other_id, &other), SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    ENSURE(contract_is_deleted(&other), SMART_CONTRACT_CONTRACT_IS_NOT_UNIQUE);
    return DISPATCH_OK;
}

dispatch_t smart_contract_create_node_contract(rt_t *rt, const account_id_t *who,
                                               const smart_contract_create_node_contract_args_t *args)
{
    uint32_t twin_id;
    support_node_t node;
    support_farm_t farm;
    support_node_power_t power;
    contract_t contract;
    TRY(contract_twin_of(rt, who, &twin_id));
    ENSURE(tfgrid_nodes_get(rt, args->node_id, &node), SMART_CONTRACT_NODE_NOT_EXISTS);
    tfgrid_node_power_get(rt, args->node_id, &power);
    ENSURE(power.state.kind == SUPPORT_POWER_STATE_UP && power.target == SUPPORT_POWER_UP,
           SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    ENSURE(tfgrid_farms_get(rt, node.farm_id, &farm), SMART_CONTRACT_FARM_NOT_EXISTS);
    TRY(check_available(rt, &node, &farm, twin_id));
    TRY(check_unique(rt, args->node_id, &args->deployment_hash));

    const smart_contract_contract_data_t data = {
        .kind          = SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT,
        .node_contract = {.node_id         = args->node_id,
                          .deployment_hash = args->deployment_hash,
                          .deployment_data = args->deployment_data,
                          .public_ips      = args->public_ips},
    };
    TRY(contract_store(rt, twin_id, &data, args->solution_provider_id, &contract));

    const uint64_t id = contract.contract_id;
    smart_contract_contract_billing_information_by_id_put(
        rt, id, &(smart_contract_contract_billing_information_t){.last_updated = contract_now_s(rt)});
    smart_contract_contract_id_by_node_id_and_hash_put(rt, args->node_id, &args->deployment_hash, id);
    contract_active_add(rt, args->node_id, id);

    smart_contract_emit_contract_created(rt, &contract);
    return DISPATCH_OK;
}

dispatch_t smart_contract_update_node_contract(rt_t *rt, const account_id_t *who,
                                               const smart_contract_update_node_contract_args_t *args)
{
    contract_t contract;
    tfgrid_twin_t owner;
    ENSURE(smart_contract_contracts_get(rt, args->contract_id, &contract),
           SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    ENSURE(tfgrid_twins_get(rt, contract.twin_id, &owner), SMART_CONTRACT_TWIN_NOT_EXISTS);
    ENSURE(contract_is_same_account(&owner.account_id, who),
           SMART_CONTRACT_TWIN_NOT_AUTHORIZED_TO_UPDATE_CONTRACT);
    ENSURE(!contract_is_in_grace(&contract), SMART_CONTRACT_CANNOT_UPDATE_CONTRACT_IN_GRACE_STATE);
    ENSURE(contract_is_node(&contract), SMART_CONTRACT_INVALID_CONTRACT_TYPE);

    /* Another contract's deployment is not taken over, and only our own key is dropped (B19). */
    smart_contract_node_contract_t *node_contract = &contract.contract_type.node_contract;
    const uint32_t node_id                        = node_contract->node_id;
    const uint64_t id                             = contract.contract_id;
    if (smart_contract_contract_id_by_node_id_and_hash_get(rt, node_id, &args->deployment_hash) != id)
        TRY(check_unique(rt, node_id, &args->deployment_hash));
    if (smart_contract_contract_id_by_node_id_and_hash_get(rt, node_id, &node_contract->deployment_hash) ==
        id)
        smart_contract_contract_id_by_node_id_and_hash_remove(rt, node_id, &node_contract->deployment_hash);
    node_contract->deployment_hash = args->deployment_hash;
    node_contract->deployment_data = args->deployment_data;

    smart_contract_contracts_put(rt, id, &contract);
    smart_contract_contract_id_by_node_id_and_hash_put(rt, node_id, &args->deployment_hash, id);

    smart_contract_emit_contract_updated(rt, &contract);
    return DISPATCH_OK;
}
