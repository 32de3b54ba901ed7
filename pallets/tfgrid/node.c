/* node.c - nodes: joining a farm, reporting that they live, leaving. */
#include "../dao/dao.h"
#include "../smart_contract/smart_contract.h"
#include "address.h"
#include "grid.h"
#include "resources.h"
#include "smart_contract_pallet.h"
#include "text.h"

enum { NODE_VERSION = 5, HINT_DRIFT_S = 60, FARM_NODES_MAX = 5000 };

/* ------------------------------------------------------------------------- what nodes share */

dispatch_t grid_node_of_caller(rt_t *rt, const account_id_t *who, support_node_t *node)
{
    uint32_t twin_id;
    TRY(grid_twin_of(rt, who, &twin_id));
    uint32_t node_id = tfgrid_node_id_by_twin_id_get(rt, twin_id);
    ENSURE(node_id != 0 && tfgrid_nodes_get(rt, node_id, node), TFGRID_NODE_NOT_EXISTS);
    return DISPATCH_OK;
}

dispatch_t grid_farm_list_add(rt_t *rt, uint32_t farm_id, uint32_t node_id)
{
    u32_vec_t nodes;
    tfgrid_nodes_by_farm_id_get(rt, farm_id, &nodes);
    ENSURE(nodes.len < FARM_NODES_MAX,
           TFGRID_CANNOT_CREATE_NODE); /* anybody may join, and the list is one value */
    uint32_t *items = grid_room(rt, nodes.len + 1, sizeof *items);
    ENSURE(items, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < nodes.len; i++)
        items[i] = nodes.items[i];
    items[nodes.len] = node_id;
    tfgrid_nodes_by_farm_id_put(rt, farm_id, (u32_vec_t){.items = items, .len = nodes.len + 1});
    return DISPATCH_OK;
}

/* The list is in no order: a node that moves to another farm is appended (spec tfgrid, G2). */
bool grid_farm_list_remove(rt_t *rt, uint32_t farm_id, uint32_t node_id)
{
    u32_vec_t nodes;
    uint32_t at = 0;
    tfgrid_nodes_by_farm_id_get(rt, farm_id, &nodes);
    while (at < nodes.len && nodes.items[at] != node_id)
        at++;
    if (at == nodes.len) return false;
    for (; at + 1 < nodes.len; at++)
        nodes.items[at] = nodes.items[at + 1];
    nodes.len--;
    tfgrid_nodes_by_farm_id_put(rt, farm_id, nodes);
    return true;
}

static node_size_t size_of(const support_resources_t *resources)
{
    return (node_size_t){resources->hru, resources->sru, resources->cru, resources->mru};
}

static void describe(support_node_t *node, const node_input_t *input)
{
    node->resources     = *input->resources;
    node->location      = (tfgrid_location_t){.city      = input->location->city,
                                              .country   = input->location->country,
                                              .latitude  = input->location->latitude,
                                              .longitude = input->location->longitude};
    node->interfaces    = input->interfaces;
    node->serial_number = input->serial_number;
}

/* ------------------------------------------------------------------------ joining and moving */

dispatch_t tfgrid_create_node(rt_t *rt, const account_id_t *who, const tfgrid_create_node_args_t *args)
{
    uint32_t twin_id;
    const node_input_t input = {&args->resources, &args->location, args->interfaces, args->serial_number};
    ENSURE(tfgrid_farms_exists(rt, args->farm_id), TFGRID_FARM_NOT_EXISTS);
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(!tfgrid_node_id_by_twin_id_exists(rt, twin_id), TFGRID_NODE_WITH_TWIN_ID_EXISTS);
    TRY(grid_node_input_check(&input));

    support_node_t node = {
        .version          = NODE_VERSION,
        .id               = tfgrid_node_id_get(rt) + 1,
        .farm_id          = args->farm_id,
        .twin_id          = twin_id,
        .created          = grid_now_s(rt),
        .certification    = SUPPORT_NODE_CERTIFICATION_DIY,
        .secure_boot      = args->secure_boot,
        .virtualized      = args->virtualized,
        .connection_price = tfgrid_connection_price_get(rt),
    };
    describe(&node, &input);
    tfgrid_farming_policy_t policy;
    TRY(grid_policy_choose(rt, &node, &policy));
    node.farming_policy_id = policy.id;
    node.certification     = policy.node_certification;

    tfgrid_nodes_put(rt, node.id, &node);
    tfgrid_node_id_put(rt, node.id);
    tfgrid_node_id_by_twin_id_put(rt, twin_id, node.id);
    TRY(grid_farm_list_add(rt, node.farm_id, node.id));
    dao_farm_weight_add(rt, node.farm_id, resources_weight(size_of(&node.resources)));

    tfgrid_emit_node_stored(rt, &node);
    return DISPATCH_OK;
}

/* A certified node that becomes another machine loses its certificate. */
static void check_certificate(rt_t *rt, support_node_t *node, const support_resources_t *resources)
{
    if (node->certification != SUPPORT_NODE_CERTIFICATION_CERTIFIED) return;
    if (!resources_changed(size_of(&node->resources), size_of(resources))) return;
    node->certification = SUPPORT_NODE_CERTIFICATION_DIY;
    tfgrid_emit_node_certification_set(rt, node->id, node->certification);
}

dispatch_t tfgrid_update_node(rt_t *rt, const account_id_t *who, const tfgrid_update_node_args_t *args)
{
    uint32_t twin_id;
    support_node_t node;
    const node_input_t input = {&args->resources, &args->location, args->interfaces, args->serial_number};
    ENSURE(tfgrid_nodes_get(rt, args->node_id, &node), TFGRID_NODE_NOT_EXISTS);
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(node.twin_id == twin_id, TFGRID_NODE_UPDATE_NOT_AUTHORIZED);
    ENSURE(tfgrid_farms_exists(rt, args->farm_id), TFGRID_FARM_NOT_EXISTS);
    ENSURE(node.farm_id == args->farm_id || !smart_contract_node_holds_addresses(rt, node.id),
           TFGRID_NODE_HAS_ACTIVE_CONTRACTS);
    TRY(grid_node_input_check(&input));

    check_certificate(rt, &node, &args->resources);
    const uint32_t old_farm   = node.farm_id;
    const uint64_t old_weight = resources_weight(size_of(&node.resources));
    describe(&node, &input);
    node.farm_id     = args->farm_id;
    node.secure_boot = args->secure_boot;
    node.virtualized = args->virtualized;

    if (old_farm != node.farm_id) {
        grid_farm_list_remove(rt, old_farm, node.id);
        TRY(grid_farm_list_add(rt, node.farm_id, node.id));
    }
    tfgrid_nodes_put(rt, node.id, &node);
    dao_farm_weight_take(rt, old_farm, old_weight);
    dao_farm_weight_add(rt, node.farm_id, resources_weight(size_of(&node.resources)));

    tfgrid_emit_node_updated(rt, &node);
    rt_pays_no(rt);
    return DISPATCH_OK;
}

/* ---------------------------------------------------------------------------------- leaving */

/* remove_node ends the node's contracts and forgets all that is kept for it (spec tfgrid, G1). */
static void remove_node(rt_t *rt, const support_node_t *node)
{
    tfgrid_hook_node_deleted(rt, node->id);
    dao_farm_weight_take(rt, node->farm_id, resources_weight(size_of(&node->resources)));
    tfgrid_nodes_remove(rt, node->id);
    tfgrid_node_id_by_twin_id_remove(rt, node->twin_id);
    tfgrid_node_power_remove(rt, node->id);
    smart_contract_dedicated_nodes_extra_fee_remove(rt, node->id);
    tfgrid_emit_node_deleted(rt, node->id);
}

dispatch_t tfgrid_delete_node(rt_t *rt, const account_id_t *who, const tfgrid_delete_node_args_t *args)
{
    uint32_t twin_id;
    support_node_t node;
    ENSURE(tfgrid_nodes_get(rt, args->node_id, &node), TFGRID_NODE_NOT_EXISTS);
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(node.twin_id == twin_id, TFGRID_NODE_UPDATE_NOT_AUTHORIZED);
    ENSURE(grid_farm_list_remove(rt, node.farm_id, node.id), TFGRID_NODE_NOT_EXISTS);
    remove_node(rt, &node);
    return DISPATCH_OK;
}

dispatch_t tfgrid_delete_node_farm(rt_t *rt, const account_id_t *who,
                                   const tfgrid_delete_node_farm_args_t *args)
{
    uint32_t twin_id;
    support_node_t node;
    support_farm_t farm;
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(tfgrid_nodes_get(rt, args->node_id, &node), TFGRID_NODE_NOT_EXISTS);
    ENSURE(tfgrid_farms_get(rt, node.farm_id, &farm), TFGRID_FARM_NOT_EXISTS);
    ENSURE(farm.twin_id == twin_id, TFGRID_FARMER_NOT_AUTHORIZED);
    grid_farm_list_remove(rt, node.farm_id, node.id);
    remove_node(rt, &node);
    return DISPATCH_OK;
}

/* ------------------------------------------------------------------- uptime and public config */

/* report tells the world that the caller's node has been up for `uptime` seconds. */
static dispatch_t report(rt_t *rt, const account_id_t *who, uint64_t uptime, uint64_t hint)
{
    support_node_t node;
    const uint64_t now = grid_now_s(rt);
    TRY(grid_node_of_caller(rt, who, &node));
    ENSURE(hint >= (now > HINT_DRIFT_S ? now - HINT_DRIFT_S : 0) && hint <= now + HINT_DRIFT_S,
           TFGRID_INVALID_TIMESTAMP_HINT);

    tfgrid_emit_node_uptime_reported(rt, node.id, now, uptime);
    rt_pays_no(rt);
    return DISPATCH_OK;
}

dispatch_t tfgrid_report_uptime(rt_t *rt, const account_id_t *who, const tfgrid_report_uptime_args_t *args)
{
    return report(rt, who, args->uptime, grid_now_s(rt));
}

dispatch_t tfgrid_report_uptime_v2(rt_t *rt, const account_id_t *who,
                                   const tfgrid_report_uptime_v2_args_t *args)
{
    return report(rt, who, args->uptime, args->timestamp_hint);
}

static bool public_config_is_valid(const support_public_config_t *config)
{
    if (config->domain.some && !text_is_domain(config->domain.value)) return false;
    if (!address_pair_is_valid_ip4(config->ip4.ip, config->ip4.gw)) return false;
    return !config->ip6.some || address_pair_is_valid_ip6(config->ip6.value.ip, config->ip6.value.gw);
}

dispatch_t tfgrid_add_node_public_config(rt_t *rt, const account_id_t *who,
                                         const tfgrid_add_node_public_config_args_t *args)
{
    uint32_t twin_id;
    support_farm_t farm;
    support_node_t node;
    ENSURE(tfgrid_farms_get(rt, args->farm_id, &farm), TFGRID_FARM_NOT_EXISTS);
    TRY(grid_twin_of(rt, who, &twin_id));
    ENSURE(farm.twin_id == twin_id, TFGRID_CANNOT_UPDATE_FARM_WRONG_TWIN);
    ENSURE(tfgrid_nodes_get(rt, args->node_id, &node), TFGRID_NODE_NOT_EXISTS);
    ENSURE(node.farm_id == args->farm_id, TFGRID_NODE_UPDATE_NOT_AUTHORIZED);
    ENSURE(!args->public_config.some || public_config_is_valid(&args->public_config.value),
           TFGRID_INVALID_PUBLIC_CONFIG);

    node.public_config = args->public_config;

    tfgrid_nodes_put(rt, node.id, &node);
    tfgrid_emit_node_public_config_stored(rt, node.id, &node.public_config);
    return DISPATCH_OK;
}
