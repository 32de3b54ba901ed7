/* sound_grid.c - twins, entities, farms, nodes and policies, and every map that leads to them. */
#include "fault.h"
#include "runtime_call.h"
#include "sound.h"
#include "tfgrid/resources.h"

#include <string.h>

enum { FARMS_MAX = 4096 };

static bool is_same(const account_id_t *a, const account_id_t *b) { return memcmp(a->b, b->b, 32) == 0; }

static bool twins_are_sound(rt_t *rt)
{
    bytes_t at = {0};
    uint32_t id, count = 0, indexed, by_account;
    tfgrid_twin_t twin;
    account_id_t account;
    while (tfgrid_twins_next(rt, &at, &id, &twin)) {
        HOLDS(twin.id == id && id <= tfgrid_twin_id_get(rt), "twin %u", id);
        HOLDS(tfgrid_twin_id_by_account_id_get(rt, &twin.account_id, &by_account) && by_account == id,
              "twin %u", id);
        HOLDS(tfgrid_users_terms_and_conditions_exists(rt, &twin.account_id), "twin %u without terms", id);
        count++;
    }
    COUNT(indexed, tfgrid_twin_id_by_account_id_next, &account, NULL);
    HOLDS(indexed == count, "%u accounts of %u twins", indexed, count);
    at = (bytes_t){0};
    while (tfgrid_twin_bounded_account_id_next(rt, &at, &id, &account))
        HOLDS(tfgrid_twins_get(rt, id, &twin) && !is_same(&twin.account_id, &account), "bond of twin %u", id);
    return true;
}

static bool entities_are_sound(rt_t *rt)
{
    bytes_t at = {0}, name;
    uint32_t id, count = 0, indexed, by_account;
    tfgrid_entity_t entity;
    account_id_t account;
    while (tfgrid_entities_next(rt, &at, &id, &entity)) {
        HOLDS(entity.id == id && id <= tfgrid_entity_id_get(rt), "entity %u", id);
        HOLDS(tfgrid_entity_id_by_account_id_get(rt, &entity.account_id, &by_account) && by_account == id,
              "entity %u", id);
        HOLDS(tfgrid_entity_id_by_name_get(rt, entity.name) == id, "entity %u", id);
        count++;
    }
    COUNT(indexed, tfgrid_entity_id_by_account_id_next, &account, NULL);
    HOLDS(indexed == count, "%u accounts of %u entities", indexed, count);
    COUNT(indexed, tfgrid_entity_id_by_name_next, &name, NULL);
    HOLDS(indexed == count, "%u names of %u entities", indexed, count);
    return true;
}

/* ------------------------------------------------------------------------------ farms, nodes */

static bool farm_is_sound(rt_t *rt, uint32_t id, const support_farm_t *farm)
{
    HOLDS(farm->id == id && id <= tfgrid_farm_id_get(rt) && id < FARMS_MAX, "farm %u", id);
    HOLDS(tfgrid_farm_id_by_name_get(rt, farm->name) == id, "farm %u", id);
    HOLDS(tfgrid_twins_exists(rt, farm->twin_id), "farm %u of twin %u", id, farm->twin_id);
    HOLDS(farm->public_ips.len <= 256, "farm %u has %u addresses", id, farm->public_ips.len);
    for (uint32_t i = 0; i < farm->public_ips.len; i++)
        for (uint32_t j = 0; j < i; j++)
            HOLDS(!bytes_equal(farm->public_ips.items[i].ip, farm->public_ips.items[j].ip) ||
                      !bytes_equal(farm->public_ips.items[i].gateway, farm->public_ips.items[j].gateway),
                  "farm %u has an address twice", id);
    return true;
}

static bool node_is_sound(rt_t *rt, uint32_t id, const support_node_t *node)
{
    u32_vec_t list;
    uint32_t found = 0;
    HOLDS(node->id == id && id <= tfgrid_node_id_get(rt), "node %u", id);
    HOLDS(tfgrid_node_id_by_twin_id_get(rt, node->twin_id) == id, "node %u", id);
    HOLDS(tfgrid_twins_exists(rt, node->twin_id), "node %u", id);
    HOLDS(tfgrid_farms_exists(rt, node->farm_id) && node->farm_id < FARMS_MAX, "node %u", id);
    HOLDS(tfgrid_farming_policies_map_exists(rt, node->farming_policy_id), "node %u", id);
    tfgrid_nodes_by_farm_id_get(rt, node->farm_id, &list);
    for (uint32_t i = 0; i < list.len; i++)
        found += list.items[i] == id;
    HOLDS(found == 1, "node %u is %u times in farm %u", id, found, node->farm_id);
    return true;
}

/* nodes_are_sound adds up what the nodes of each farm weigh. */
static bool nodes_are_sound(rt_t *rt, uint64_t weights[FARMS_MAX])
{
    bytes_t at = {0};
    uint32_t id, nodes = 0, in_farms = 0, by_twin;
    support_node_t node;
    u32_vec_t list;
    while (tfgrid_nodes_next(rt, &at, &id, &node)) {
        if (!node_is_sound(rt, id, &node)) return false;
        const node_size_t size = {node.resources.hru, node.resources.sru, node.resources.cru,
                                  node.resources.mru};
        weights[node.farm_id] += resources_weight(size);
        nodes++;
    }
    at = (bytes_t){0};
    while (tfgrid_nodes_by_farm_id_next(rt, &at, &id, &list))
        in_farms += list.len;
    COUNT(by_twin, tfgrid_node_id_by_twin_id_next, &id, NULL);
    HOLDS(nodes == in_farms && nodes == by_twin, "%u nodes, %u in farms, %u by twin", nodes, in_farms,
          by_twin);
    at = (bytes_t){0};
    while (tfgrid_node_power_next(rt, &at, &id, NULL))
        HOLDS(tfgrid_nodes_exists(rt, id), "power of node %u", id);
    return true;
}

static bool farms_are_sound(rt_t *rt)
{
    static uint64_t weights[FARMS_MAX];
    bytes_t at = {0}, name;
    uint32_t id, farms = 0, indexed;
    uint64_t weight;
    support_farm_t farm;
    memset(weights, 0, sizeof weights);
    while (tfgrid_farms_next(rt, &at, &id, &farm)) {
        if (!farm_is_sound(rt, id, &farm)) return false;
        farms++;
    }
    COUNT(indexed, tfgrid_farm_id_by_name_next, &name, NULL);
    HOLDS(indexed == farms, "%u names of %u farms", indexed, farms);
    if (!nodes_are_sound(rt, weights)) return false;
    for (uint32_t i = 1; i <= tfgrid_farm_id_get(rt) && i < FARMS_MAX; i++)
        HOLDS(dao_farm_weight_get(rt, i) == weights[i], "farm %u weighs %llu, its nodes %llu", i,
              U(dao_farm_weight_get(rt, i)), U(weights[i]));
    at = (bytes_t){0};
    while (dao_farm_weight_next(rt, &at, &id, &weight))
        HOLDS(tfgrid_farms_exists(rt, id), "weight of farm %u", id);
    at = (bytes_t){0};
    while (tfgrid_farm_payout_v2_address_by_farm_id_next(rt, &at, &id, NULL))
        HOLDS(tfgrid_farms_exists(rt, id), "address of farm %u", id);
    return true;
}

/* -------------------------------------------------------------------------------- policies */

static bool policies_are_sound(rt_t *rt)
{
    bytes_t at = {0}, name;
    uint32_t id, count = 0, indexed;
    tfgrid_pricing_policy_t pricing;
    tfgrid_farming_policy_t farming;
    while (tfgrid_pricing_policies_next(rt, &at, &id, &pricing)) {
        HOLDS(pricing.id == id && id <= tfgrid_pricing_policy_id_get(rt), "pricing policy %u", id);
        HOLDS(tfgrid_pricing_policy_id_by_name_get(rt, pricing.name) == id, "pricing policy %u", id);
        count++;
    }
    COUNT(indexed, tfgrid_pricing_policy_id_by_name_next, &name, NULL);
    HOLDS(indexed == count, "%u names of %u pricing policies", indexed, count);
    at = (bytes_t){0};
    while (tfgrid_farming_policies_map_next(rt, &at, &id, &farming))
        HOLDS(farming.id == id && id <= tfgrid_farming_policy_id_get(rt), "farming policy %u", id);

    account_id_vec_t certifiers;
    if (!tfgrid_allowed_node_certifiers_get(rt, &certifiers)) return true;
    for (uint32_t i = 1; i < certifiers.len; i++)
        HOLDS(memcmp(certifiers.items[i - 1].b, certifiers.items[i].b, 32) < 0, "certifiers are in no order");
    return true;
}

bool sound_grid(rt_t *rt)
{
    return twins_are_sound(rt) && entities_are_sound(rt) && farms_are_sound(rt) && policies_are_sound(rt);
}
