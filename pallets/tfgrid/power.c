/* power.c - nodes that sleep and wake: what a node says it is, and what its farmer wants it to be. */
#include "../smart_contract/smart_contract.h"
#include "grid.h"
#include "system_pallet.h"

dispatch_t tfgrid_change_power_state(rt_t *rt, const account_id_t *who,
                                     const tfgrid_change_power_state_args_t *args)
{
    support_node_t node;
    support_node_power_t power;
    TRY(grid_node_of_caller(rt, who, &node));
    rt_pays_no(rt);

    const bool is_up            = args->power_state == SUPPORT_POWER_UP;
    support_power_state_t state = {.kind = SUPPORT_POWER_STATE_UP};
    if (!is_up)
        state = (support_power_state_t){.kind = SUPPORT_POWER_STATE_DOWN, .down = system_number_get(rt)};
    tfgrid_node_power_get(rt, node.id, &power);
    if (power.state.kind == state.kind && (is_up || power.state.down == state.down)) return DISPATCH_OK;
    power.state = state;

    tfgrid_node_power_put(rt, node.id, &power);
    tfgrid_hook_node_power_changed(rt, node.id, is_up);
    tfgrid_emit_power_state_changed(rt, node.farm_id, node.id, &power.state);
    return DISPATCH_OK;
}

dispatch_t tfgrid_change_power_target(rt_t *rt, const account_id_t *who,
                                      const tfgrid_change_power_target_args_t *args)
{
    uint32_t twin_id;
    support_node_t node;
    support_farm_t farm;
    support_node_power_t power;
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(tfgrid_nodes_get(rt, args->node_id, &node), TFGRID_NODE_NOT_EXISTS);
    ENSURE(tfgrid_farms_get(rt, node.farm_id, &farm), TFGRID_FARM_NOT_EXISTS);
    ENSURE(farm.twin_id == twin_id, TFGRID_UNAUTHORIZED_TO_CHANGE_POWER_TARGET);
    ENSURE(args->power_target == SUPPORT_POWER_UP || !smart_contract_node_is_used(rt, node.id),
           TFGRID_NODE_HAS_ACTIVE_CONTRACTS);

    tfgrid_node_power_get(rt, node.id, &power);
    power.target = args->power_target;

    tfgrid_node_power_put(rt, node.id, &power);
    tfgrid_emit_power_target_changed(rt, node.farm_id, node.id, power.target);
    return DISPATCH_OK;
}
