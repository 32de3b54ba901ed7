/* report.c - what nodes tell about the contracts that run on them: resources in use, and traffic. */
#include "checked.h"
#include "contract.h"
#include "cost.h"

/* Entries for contracts that are gone, or of other nodes, are passed over (B25). */
static dispatch_t is_reported(rt_t *rt, const support_node_t *node, uint64_t contract_id, bool *is_ours)
{
    contract_t contract;
    *is_ours = false;
    if (!smart_contract_contracts_get(rt, contract_id, &contract)) return DISPATCH_OK;
    ENSURE(contract_is_node(&contract), SMART_CONTRACT_INVALID_CONTRACT_TYPE);
    *is_ours = contract_node_id(&contract) == node->id;
    return DISPATCH_OK;
}

dispatch_t
smart_contract_report_contract_resources(rt_t *rt, const account_id_t *who,
                                         const smart_contract_report_contract_resources_args_t *args)
{
    support_node_t node;
    TRY(contract_node_of(rt, who, &node));
    const uint32_t used = rt->arena.used;
    for (uint32_t i = 0; i < args->contract_resources.len;
         i++, rt->arena.used = used) { /* there may be many */
        const smart_contract_contract_resources_t *resources = &args->contract_resources.items[i];
        bool is_ours;
        TRY(is_reported(rt, &node, resources->contract_id, &is_ours));
        if (!is_ours) continue;
        smart_contract_node_contract_resources_put(rt, resources->contract_id, resources);
        smart_contract_emit_updated_used_resources(rt, resources);
    }
    rt_pays_no(rt);
    return DISPATCH_OK;
}

/* add_traffic counts a report, unless a newer one was counted. */
static void add_traffic(rt_t *rt, const smart_contract_nru_consumption_t *report, const tfgrid_policy_t *nu)
{
    smart_contract_contract_billing_information_t billing;
    smart_contract_contract_billing_information_by_id_get(rt, report->contract_id, &billing);
    if (report->timestamp < billing.last_updated) return;
    billing.amount_unbilled =
        u64_add_sat(billing.amount_unbilled, cost_of_network(nu, report->nru, report->window));
    billing.last_updated = report->timestamp;
    smart_contract_contract_billing_information_by_id_put(rt, report->contract_id, &billing);
}

dispatch_t smart_contract_add_nru_reports(rt_t *rt, const account_id_t *who,
                                          const smart_contract_add_nru_reports_args_t *args)
{
    support_node_t node;
    support_farm_t farm;
    tfgrid_pricing_policy_t policy;
    TRY(contract_node_of(rt, who, &node));
    ENSURE(tfgrid_farms_get(rt, node.farm_id, &farm), SMART_CONTRACT_FARM_NOT_EXISTS);
    ENSURE(tfgrid_pricing_policies_get(rt, farm.pricing_policy_id, &policy),
           SMART_CONTRACT_PRICING_POLICY_NOT_EXISTS);

    const uint32_t used = rt->arena.used;
    for (uint32_t i = 0; i < args->reports.len; i++, rt->arena.used = used) { /* there may be many */
        const smart_contract_nru_consumption_t *report = &args->reports.items[i];
        bool is_ours;
        if (!smart_contract_contract_billing_information_by_id_exists(rt, report->contract_id) &&
            smart_contract_contracts_exists(rt, report->contract_id)) {
            contract_t contract;
            ENSURE(smart_contract_contracts_get(rt, report->contract_id, &contract) &&
                       contract_is_node(&contract),
                   SMART_CONTRACT_INVALID_CONTRACT_TYPE);
            continue;
        }
        TRY(is_reported(rt, &node, report->contract_id, &is_ours));
        if (!is_ours) continue;
        add_traffic(rt, report, &policy.nu);
        smart_contract_emit_nru_consumption_report_received(rt, report);
    }
    rt_pays_no(rt);
    return DISPATCH_OK;
}
