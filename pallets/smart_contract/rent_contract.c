/* rent_contract.c - contracts for a whole node, and the extra fee of a dedicated one. */
#include "contract.h"
#include "smart_contract.h"

/* check_tenants: a node is not rented away from under other people's contracts (B18). */
static dispatch_t check_tenants(rt_t *rt, const u64_vec_t *active, uint32_t twin_id)
{
    for (uint32_t i = 0; i < active->len; i++) {
        contract_t tenant;
        if (!smart_contract_contracts_get(rt, active->items[i], &tenant)) continue;
        ENSURE(tenant.twin_id == twin_id, SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    }
    return DISPATCH_OK;
}

dispatch_t smart_contract_create_rent_contract(rt_t *rt, const account_id_t *who,
                                               const smart_contract_create_rent_contract_args_t *args)
{
    uint32_t twin_id;
    support_node_t node;
    support_farm_t farm;
    u64_vec_t active;
    contract_t contract;
    ENSURE(!smart_contract_active_rent_contract_for_node_exists(rt, args->node_id),
           SMART_CONTRACT_NODE_HAS_RENT_CONTRACT);
    ENSURE(tfgrid_nodes_get(rt, args->node_id, &node), SMART_CONTRACT_NODE_NOT_EXISTS);
    ENSURE(tfgrid_farms_get(rt, node.farm_id, &farm), SMART_CONTRACT_FARM_NOT_EXISTS);
    smart_contract_active_node_contracts_get(rt, args->node_id, &active);
    ENSURE(farm.dedicated_farm || active.len == 0, SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    TRY(contract_twin_of(rt, who, &twin_id));
    TRY(check_tenants(rt, &active, twin_id));

    const smart_contract_contract_data_t data = {
        .kind          = SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT,
        .rent_contract = {.node_id = args->node_id},
    };
    TRY(contract_store(rt, twin_id, &data, args->solution_provider_id, &contract));
    smart_contract_active_rent_contract_for_node_put(rt, args->node_id, contract.contract_id);

    smart_contract_emit_contract_created(rt, &contract);
    return DISPATCH_OK;
}

dispatch_t
smart_contract_set_dedicated_node_extra_fee(rt_t *rt, const account_id_t *who,
                                            const smart_contract_set_dedicated_node_extra_fee_args_t *args)
{
    uint32_t twin_id;
    support_node_t node;
    support_farm_t farm;
    TRY(contract_twin_of(rt, who, &twin_id));
    ENSURE(tfgrid_nodes_get(rt, args->node_id, &node), SMART_CONTRACT_NODE_NOT_EXISTS);
    ENSURE(tfgrid_farms_get(rt, node.farm_id, &farm), SMART_CONTRACT_FARM_NOT_EXISTS);
    ENSURE(farm.twin_id == twin_id, SMART_CONTRACT_UNAUTHORIZED_TO_SET_EXTRA_FEE);
    ENSURE(!smart_contract_node_is_used(rt, args->node_id), SMART_CONTRACT_NODE_HAS_ACTIVE_CONTRACTS);

    if (args->extra_fee > 0)
        smart_contract_dedicated_nodes_extra_fee_put(rt, args->node_id, args->extra_fee);
    else
        smart_contract_dedicated_nodes_extra_fee_remove(rt, args->node_id);
    smart_contract_emit_node_extra_fee_set(rt, args->node_id, args->extra_fee);
    return DISPATCH_OK;
}
