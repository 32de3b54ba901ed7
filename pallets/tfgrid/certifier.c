/* certifier.c - who may certify nodes, and doing it. */
#include "grid.h"
#include "pallet.h"

static int compare(const account_id_t *a, const account_id_t *b)
{
    return bytes_compare((bytes_t){a->b, sizeof a->b}, (bytes_t){b->b, sizeof b->b});
}

/* place_of finds where an account stands in the sorted list, or would stand. */
static uint32_t place_of(account_id_vec_t certifiers, const account_id_t *who, bool *is_listed)
{
    uint32_t at = 0;
    while (at < certifiers.len && compare(&certifiers.items[at], who) < 0)
        at++;
    *is_listed = at < certifiers.len && compare(&certifiers.items[at], who) == 0;
    return at;
}

dispatch_t tfgrid_add_node_certifier(rt_t *rt, const tfgrid_add_node_certifier_args_t *args)
{
    account_id_vec_t present = {0};
    bool is_listed;
    tfgrid_allowed_node_certifiers_get(rt, &present);
    const uint32_t at = place_of(present, &args->certifier, &is_listed);
    ENSURE(!is_listed, TFGRID_ALREADY_CERTIFIER);

    account_id_t *items = grid_room(rt, present.len + 1, sizeof *items);
    ENSURE(items, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < at; i++)
        items[i] = present.items[i];
    items[at] = args->certifier;
    for (uint32_t i = at; i < present.len; i++)
        items[i + 1] = present.items[i];

    tfgrid_allowed_node_certifiers_put(rt, (account_id_vec_t){.items = items, .len = present.len + 1});
    tfgrid_emit_node_certifier_added(rt, &args->certifier);
    return DISPATCH_OK;
}

dispatch_t tfgrid_remove_node_certifier(rt_t *rt, const tfgrid_remove_node_certifier_args_t *args)
{
    account_id_vec_t present = {0};
    bool is_listed;
    if (!tfgrid_allowed_node_certifiers_get(rt, &present)) return DISPATCH_OK;
    uint32_t at = place_of(present, &args->certifier, &is_listed);
    ENSURE(is_listed, TFGRID_NOT_CERTIFIER);

    for (; at + 1 < present.len; at++)
        present.items[at] = present.items[at + 1];
    present.len--;

    tfgrid_allowed_node_certifiers_put(rt, present);
    tfgrid_emit_node_certifier_removed(rt, &args->certifier);
    return DISPATCH_OK;
}

static dispatch_t check_certifier(rt_t *rt, const origin_t *origin)
{
    account_id_vec_t certifiers = {0};
    bool is_listed              = false;
    if (rt_origin_is_restricted(origin)) return DISPATCH_OK;
    ENSURE(origin->kind == ORIGIN_SIGNED, DISPATCH_BAD_ORIGIN);
    if (tfgrid_allowed_node_certifiers_get(rt, &certifiers)) place_of(certifiers, &origin->who, &is_listed);
    ENSURE(is_listed, TFGRID_NOT_ALLOWED_TO_CERTIFY_NODE);
    return DISPATCH_OK;
}

dispatch_t tfgrid_set_node_certification(rt_t *rt, const origin_t *origin,
                                         const tfgrid_set_node_certification_args_t *args)
{
    support_node_t node;
    tfgrid_farming_policy_t policy;
    TRY(check_certifier(rt, origin));
    ENSURE(tfgrid_nodes_get(rt, args->node_id, &node), TFGRID_NODE_NOT_EXISTS);

    node.certification = args->node_certification;
    tfgrid_farming_policies_map_get(rt, node.farming_policy_id, &policy);
    if (policy.default_) {
        TRY(grid_policy_choose(rt, &node, &policy));
        node.farming_policy_id = policy.id;
    }

    tfgrid_nodes_put(rt, node.id, &node);
    tfgrid_emit_node_updated(rt, &node);
    tfgrid_emit_node_certification_set(rt, node.id, node.certification);
    return DISPATCH_OK;
}
