/* cost.c - what a contract costs. */
#include "cost.h"

#include "checked.h"
#include "fixed.h"
#include "tft_price_pallet.h"

#define TFT_UNITS      UINT64_C(10000000)
#define MONTH_S        UINT64_C(2592000) /* 30 days */
#define CERTIFIED_RATE FIXED_BITS(1, 0x4000000000000000)

static fixed_t per_second(uint32_t value) { return fixed_over(fixed_from(value), BILLING_REFERENCE_S); }

static uint64_t factor_1024(tfgrid_unit_t unit) { return UINT64_C(1) << (10 * (uint32_t)unit); }

static uint64_t factor_1000(tfgrid_unit_t unit)
{
    uint64_t factor = 1;
    for (uint32_t i = 0; i < (uint32_t)unit; i++)
        factor *= 1000;
    return factor;
}

/* A storage unit is 1200 of disk or 200 of flash. */
static fixed_t storage_units(const support_resources_t *used, tfgrid_unit_t unit)
{
    const uint64_t factor = factor_1024(unit);
    fixed_t hru           = fixed_over(fixed_from(used->hru), factor);
    fixed_t sru           = fixed_over(fixed_from(used->sru), factor);
    return fixed_add(fixed_over(hru, 1200), fixed_over(sru, 200));
}

/* A computing unit is 4 of memory and 2 cores, 8 and 1, or 2 and 4: what suits the use best. */
static fixed_t compute_units(const support_resources_t *used, tfgrid_unit_t unit)
{
    fixed_t cru = fixed_from(used->cru), mru = fixed_over(fixed_from(used->mru), factor_1024(unit));
    fixed_t even     = fixed_max(fixed_over(mru, 4), fixed_over(cru, 2));
    fixed_t memory   = fixed_max(fixed_over(mru, 8), cru);
    fixed_t computes = fixed_max(fixed_over(mru, 2), fixed_over(cru, 4));
    return fixed_min(fixed_min(even, memory), computes);
}

uint64_t cost_of_resources(const tfgrid_pricing_policy_t *policy, const support_resources_t *used,
                           uint32_t public_ips, uint64_t seconds, bool has_compute)
{
    fixed_t total = {0};
    if (has_compute) {
        fixed_t su = fixed_mul(fixed_times(per_second(policy->su.value), seconds),
                               storage_units(used, policy->su.unit));
        fixed_t cu = fixed_mul(fixed_times(per_second(policy->cu.value), seconds),
                               compute_units(used, policy->cu.unit));
        total      = fixed_add(su, cu);
    }
    fixed_t ips = fixed_times(fixed_times(per_second(policy->ipu.value), public_ips), seconds);
    return fixed_round(fixed_add(total, ips));
}

static uint64_t cost_of_node_contract(rt_t *rt, const contract_t *contract,
                                      const tfgrid_pricing_policy_t *policy, uint64_t seconds)
{
    smart_contract_contract_resources_t resources;
    smart_contract_contract_billing_information_t billing;
    const smart_contract_node_contract_t *node_contract = &contract->contract_type.node_contract;
    smart_contract_node_contract_resources_get(rt, contract->contract_id, &resources);
    smart_contract_contract_billing_information_by_id_get(rt, contract->contract_id, &billing);
    bool is_rented = smart_contract_active_rent_contract_for_node_exists(rt, node_contract->node_id);
    uint64_t units =
        cost_of_resources(policy, &resources.used, node_contract->public_ips, seconds, !is_rented);
    return u64_add_sat(units, billing.amount_unbilled);
}

/* discount_for_dedication_nodes is the percentage that a rent does not pay (spec smart-contract, B11). */
static uint64_t cost_of_rent(const support_node_t *node, const tfgrid_pricing_policy_t *policy,
                             uint64_t seconds)
{
    uint32_t discount =
        policy->discount_for_dedication_nodes > 100 ? 100 : policy->discount_for_dedication_nodes;
    return (uint64_t)percent_of(100 - discount,
                                cost_of_resources(policy, &node->resources, 0, seconds, true));
}

uint64_t cost_of_contract(rt_t *rt, const contract_t *contract, const support_node_t *node,
                          const tfgrid_pricing_policy_t *policy, uint64_t seconds)
{
    if (seconds == 0) return 0;
    switch (contract->contract_type.kind) {
    case SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT:
        return cost_of_node_contract(rt, contract, policy, seconds);
    case SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT: return cost_of_rent(node, policy, seconds);
    case SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT:
        return fixed_round(fixed_times(per_second(policy->unique_name.value), seconds));
    }
    return 0;
}

uint64_t cost_of_network(const tfgrid_policy_t *nu, uint64_t nru_bytes, uint64_t window_s)
{
    fixed_t used = fixed_over(fixed_from(nru_bytes), factor_1000(nu->unit));
    return fixed_round(fixed_times(fixed_mul(used, per_second(nu->value)), window_s));
}

uint64_t cost_of_extra_fee(uint64_t fee_musd, uint64_t seconds)
{
    u128_t units = u128_mul_sat(u128_mul_sat(fee_musd, UNITS_PER_MUSD), seconds);
    return fixed_round(fixed_ratio(units, MONTH_S));
}

dispatch_t cost_in_tft(rt_t *rt, uint64_t units, uint64_t *tft)
{
    *tft = 0;
    if (units == 0) return DISPATCH_OK;
    uint64_t price = tft_price_average_tft_price_get(rt), least = tft_price_min_tft_price_get(rt);
    uint64_t most = tft_price_max_tft_price_get(rt);
    if (price < least) price = least;
    if (price > most) price = most;
    ENSURE(price > 0, SMART_CONTRACT_TFT_PRICE_VALUE_ERROR);
    *tft = fixed_round(fixed_times(fixed_ratio(units, (u128_t)price * UNITS_PER_MUSD), TFT_UNITS));
    return DISPATCH_OK;
}

/* Months that the balance pays for, times two, and what is then left to pay. */
static const struct {
    u128_t half_months;
    smart_contract_discount_level_t level;
    fixed_t rate;
} discounts[] = {
    {36, SMART_CONTRACT_DISCOUNT_LEVEL_GOLD,    FIXED_BITS(0, 0x6666666666666800)}, /* 0.4, as binary64 has it */
    {12, SMART_CONTRACT_DISCOUNT_LEVEL_SILVER,  FIXED_BITS(0, 0x9999999999999800)}, /* 0.6 */
    {6,  SMART_CONTRACT_DISCOUNT_LEVEL_BRONZE,  FIXED_BITS(0, 0xB333333333333000)}, /* 0.7 */
    {3,  SMART_CONTRACT_DISCOUNT_LEVEL_DEFAULT, FIXED_BITS(0, 0xCCCCCCCCCCCCD000)}, /* 0.8 */
    {0,  SMART_CONTRACT_DISCOUNT_LEVEL_NONE,    FIXED_BITS(1, 0)                 },
};

uint64_t cost_discounted(uint64_t tft, uint64_t seconds, u128_t balance, bool is_certified,
                         smart_contract_discount_level_t *level)
{
    *level = SMART_CONTRACT_DISCOUNT_LEVEL_NONE;
    if (tft == 0 || seconds == 0) return 0;
    fixed_t hourly   = fixed_over(fixed_times(fixed_from(tft), BILLING_REFERENCE_S), seconds);
    uint64_t monthly = fixed_round(fixed_times(fixed_times(hourly, 24), 30));

    /* Twice the balance in half months; a monthly amount that rounds to nothing is paid for ever (B16). */
    const u128_t twice = u128_mul_sat(balance, 2);
    uint32_t i         = 0;
    while (twice < discounts[i].half_months * monthly)
        i++;
    *level         = discounts[i].level;
    fixed_t amount = fixed_mul(fixed_from(tft), discounts[i].rate);
    return fixed_round(is_certified ? fixed_mul(amount, CERTIFIED_RATE) : amount);
}
