/* policy.c - farming policies, what they limit, and who certifies nodes (spec tfgrid 6.5 and 7). */
#include "grid.h"
#include "resources.h"
#include "system_pallet.h"

enum { FARMING_POLICY_VERSION = 2 };

/* ---------------------------------------------------------------- which policy a node gets */

/* A greater rank is chosen first: default, farm certification, node certification, id. */
static uint64_t rank_of(const tfgrid_farming_policy_t *policy)
{
    return (uint64_t)policy->default_ << 34 | (uint64_t)policy->farm_certification << 33 |
           (uint64_t)policy->node_certification << 32 | policy->id;
}

/* best_policy finds the first policy of the order that fits the node and farm, or, when only_default, the
 * first default one whatever its certifications. */
static dispatch_t best_policy(rt_t *rt, const support_node_t *node, const support_farm_t *farm,
                              bool only_default, tfgrid_farming_policy_t *best)
{
    bool has_any          = false;
    const uint32_t newest = tfgrid_farming_policy_id_get(rt);
    for (uint32_t id = 1; id <= newest && id != 0; id++) {
        tfgrid_farming_policy_t policy;
        if (!tfgrid_farming_policies_map_exists(rt, id)) continue;
        tfgrid_farming_policies_map_get(rt, id, &policy);
        bool fits = only_default ? policy.default_
                                 : policy.node_certification <= node->certification &&
                                       policy.farm_certification <= farm->certification;
        if (!fits || (has_any && rank_of(&policy) < rank_of(best))) continue;
        *best   = policy;
        has_any = true;
    }
    ENSURE(has_any, TFGRID_FARMING_POLICY_NOT_EXISTS);
    return DISPATCH_OK;
}

/* limits_hold tells whether the node still fits into what its farm may earn. */
static bool limits_hold(const support_farming_policy_limit_t *limit, uint64_t cu, uint64_t su, uint64_t now_s)
{
    if (limit->end.some && now_s > limit->end.value) return false;
    if (limit->cu.some && cu > limit->cu.value) return false;
    if (limit->su.some && su > limit->su.value) return false;
    return !limit->node_count.some || limit->node_count.value > 0;
}

dispatch_t grid_policy_choose(rt_t *rt, const support_node_t *node, tfgrid_farming_policy_t *policy)
{
    support_farm_t farm;
    ENSURE(tfgrid_farms_get(rt, node->farm_id, &farm), TFGRID_FARM_NOT_EXISTS);
    if (!farm.farming_policy_limits.some) return best_policy(rt, node, &farm, false, policy);

    support_farming_policy_limit_t *limit = &farm.farming_policy_limits.value;
    ENSURE(tfgrid_farming_policies_map_exists(rt, limit->farming_policy_id),
           TFGRID_FARMING_POLICY_NOT_EXISTS);
    const node_size_t size = {node->resources.hru, node->resources.sru, node->resources.cru,
                              node->resources.mru};
    const uint64_t cu = resources_cu(size), su = resources_su(size);
    if (!limits_hold(limit, cu, su, grid_now_s(rt))) return best_policy(rt, node, &farm, true, policy);

    if (limit->cu.some) limit->cu.value -= cu;
    if (limit->su.some) limit->su.value -= su;
    if (limit->node_count.some) limit->node_count.value--;
    tfgrid_farms_put(rt, farm.id, &farm);
    tfgrid_emit_farm_updated(rt, &farm);
    tfgrid_farming_policies_map_get(rt, limit->farming_policy_id, policy);
    return DISPATCH_OK;
}

/* ---------------------------------------------------------------------------- the policies */

dispatch_t tfgrid_create_farming_policy(rt_t *rt, const tfgrid_create_farming_policy_args_t *args)
{
    tfgrid_farming_policy_t policy = {
        .version            = FARMING_POLICY_VERSION,
        .id                 = tfgrid_farming_policy_id_get(rt) + 1,
        .name               = args->name,
        .cu                 = args->cu,
        .su                 = args->su,
        .nu                 = args->nu,
        .ipv4               = args->ipv4,
        .minimal_uptime     = args->minimal_uptime,
        .policy_created     = system_number_get(rt),
        .policy_end         = args->policy_end,
        .immutable          = args->immutable,
        .default_           = args->default_,
        .node_certification = args->node_certification,
        .farm_certification = args->farm_certification,
    };

    tfgrid_farming_policies_map_put(rt, policy.id, &policy);
    tfgrid_farming_policy_id_put(rt, policy.id);

    tfgrid_emit_farming_policy_stored(rt, &policy);
    return DISPATCH_OK;
}

dispatch_t tfgrid_update_farming_policy(rt_t *rt, const tfgrid_update_farming_policy_args_t *args)
{
    tfgrid_farming_policy_t policy;
    ENSURE(tfgrid_farming_policies_map_exists(rt, args->farming_policy_id), TFGRID_FARMING_POLICY_NOT_EXISTS);

    tfgrid_farming_policies_map_get(rt, args->farming_policy_id, &policy);
    policy.name               = args->name;
    policy.cu                 = args->cu;
    policy.su                 = args->su;
    policy.nu                 = args->nu;
    policy.ipv4               = args->ipv4;
    policy.minimal_uptime     = args->minimal_uptime;
    policy.policy_end         = args->policy_end;
    policy.default_           = args->default_;
    policy.node_certification = args->node_certification;
    policy.farm_certification = args->farm_certification;

    tfgrid_farming_policies_map_put(rt, policy.id, &policy);
    tfgrid_emit_farming_policy_updated(rt, &policy);
    return DISPATCH_OK;
}

/* is_expired: policy_end counts blocks from the policy's creation; 0 is never. */
static bool is_expired(rt_t *rt, const tfgrid_farming_policy_t *policy)
{
    uint64_t end = (uint64_t)policy->policy_created + policy->policy_end;
    return policy->policy_end != 0 && system_number_get(rt) >= end;
}

/* reevaluate chooses anew for each node of the farm that has a default policy. */
static dispatch_t reevaluate(rt_t *rt, uint32_t farm_id)
{
    u32_vec_t nodes;
    tfgrid_nodes_by_farm_id_get(rt, farm_id, &nodes);
    for (uint32_t i = 0; i < nodes.len; i++) {
        support_node_t node;
        tfgrid_farming_policy_t policy;
        if (!tfgrid_nodes_get(rt, nodes.items[i], &node)) continue;
        tfgrid_farming_policies_map_get(rt, node.farming_policy_id, &policy);
        if (!policy.default_) continue;
        TRY(grid_policy_choose(rt, &node, &policy));
        node.farming_policy_id = policy.id;
        node.certification     = policy.node_certification;
        tfgrid_nodes_put(rt, node.id, &node);
        tfgrid_emit_node_updated(rt, &node);
    }
    return DISPATCH_OK;
}

/* A policy that does not exist is refused before anything else (spec tfgrid, G7). */
dispatch_t tfgrid_attach_policy_to_farm(rt_t *rt, const tfgrid_attach_policy_to_farm_args_t *args)
{
    support_farm_t farm;
    tfgrid_farming_policy_t policy;
    if (!args->limits.some) return DISPATCH_OK;
    const uint32_t policy_id = args->limits.value.farming_policy_id;
    ENSURE(tfgrid_farming_policies_map_exists(rt, policy_id), TFGRID_FARMING_POLICY_NOT_EXISTS);
    tfgrid_farming_policies_map_get(rt, policy_id, &policy);
    ENSURE(!is_expired(rt, &policy), TFGRID_FARMING_POLICY_EXPIRED);
    ENSURE(tfgrid_farms_get(rt, args->farm_id, &farm), TFGRID_FARM_NOT_EXISTS);

    farm.farming_policy_limits = args->limits;
    farm.certification         = policy.farm_certification;

    tfgrid_farms_put(rt, farm.id, &farm);
    tfgrid_emit_farm_updated(rt, &farm);
    TRY(reevaluate(rt, farm.id));

    tfgrid_emit_farming_policy_set(rt, farm.id, &args->limits);
    return DISPATCH_OK;
}
