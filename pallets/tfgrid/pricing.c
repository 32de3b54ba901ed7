/* pricing.c - what the grid asks for its units, and the small settings beside it. */
#include "grid.h"

enum { PRICING_POLICY_VERSION = 2 };

dispatch_t tfgrid_create_pricing_policy(rt_t *rt, const tfgrid_create_pricing_policy_args_t *args)
{
    ENSURE(!tfgrid_pricing_policy_id_by_name_exists(rt, args->name), TFGRID_PRICING_POLICY_EXISTS);

    tfgrid_pricing_policy_t policy = {
        .version                       = PRICING_POLICY_VERSION,
        .id                            = tfgrid_pricing_policy_id_get(rt) + 1,
        .name                          = args->name,
        .su                            = args->su,
        .cu                            = args->cu,
        .nu                            = args->nu,
        .ipu                           = args->ipu,
        .unique_name                   = args->unique_name,
        .domain_name                   = args->domain_name,
        .foundation_account            = args->foundation_account,
        .certified_sales_account       = args->certified_sales_account,
        .discount_for_dedication_nodes = args->discount_for_dedication_nodes,
    };

    tfgrid_pricing_policies_put(rt, policy.id, &policy);
    tfgrid_pricing_policy_id_by_name_put(rt, policy.name, policy.id);
    tfgrid_pricing_policy_id_put(rt, policy.id);

    tfgrid_emit_pricing_policy_stored(rt, &policy);
    return DISPATCH_OK;
}

/* The counter PricingPolicyID is of new policies only (spec tfgrid, G3). */
dispatch_t tfgrid_update_pricing_policy(rt_t *rt, const tfgrid_update_pricing_policy_args_t *args)
{
    tfgrid_pricing_policy_t policy;
    ENSURE(tfgrid_pricing_policies_get(rt, args->pricing_policy_id, &policy),
           TFGRID_PRICING_POLICY_NOT_EXISTS);
    uint32_t holder = tfgrid_pricing_policy_id_by_name_get(rt, args->name);
    ENSURE(holder == 0 || holder == policy.id, TFGRID_PRICING_POLICY_WITH_DIFFERENT_ID_EXISTS);

    if (!bytes_equal(policy.name, args->name)) tfgrid_pricing_policy_id_by_name_remove(rt, policy.name);
    policy = (tfgrid_pricing_policy_t){
        .version                       = policy.version,
        .id                            = policy.id,
        .name                          = args->name,
        .su                            = args->su,
        .cu                            = args->cu,
        .nu                            = args->nu,
        .ipu                           = args->ipu,
        .unique_name                   = args->unique_name,
        .domain_name                   = args->domain_name,
        .foundation_account            = args->foundation_account,
        .certified_sales_account       = args->certified_sales_account,
        .discount_for_dedication_nodes = args->discount_for_dedication_nodes,
    };

    tfgrid_pricing_policies_put(rt, policy.id, &policy);
    tfgrid_pricing_policy_id_by_name_put(rt, policy.name, policy.id);

    tfgrid_emit_pricing_policy_stored(rt, &policy);
    return DISPATCH_OK;
}

dispatch_t tfgrid_set_connection_price(rt_t *rt, const tfgrid_set_connection_price_args_t *args)
{
    tfgrid_connection_price_put(rt, args->price);
    tfgrid_emit_connection_price_set(rt, args->price);
    return DISPATCH_OK;
}

dispatch_t tfgrid_set_zos_version(rt_t *rt, const tfgrid_set_zos_version_args_t *args)
{
    const bytes_t present = tfgrid_zos_version_get(rt);
    ENSURE(!bytes_equal(present, args->zos_version), TFGRID_INVALID_ZOS_VERSION);

    tfgrid_zos_version_put(rt, args->zos_version);
    tfgrid_emit_zos_version_updated(rt, args->zos_version);
    return DISPATCH_OK;
}

dispatch_t tfgrid_set_storage_version(rt_t *rt, const tfgrid_set_storage_version_args_t *args)
{
    tfgrid_pallet_version_put(rt, args->version);
    return DISPATCH_OK;
}
