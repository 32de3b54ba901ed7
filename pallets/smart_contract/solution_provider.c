/* solution_provider.c - who brought a user to the grid.  Providers are recorded; since 152 no bill pays them.
 */
#include "contract.h"

enum { TAKES_MAX = 50 };

dispatch_t contract_check_provider(rt_t *rt, uint64_t provider_id)
{
    smart_contract_solution_provider_t provider;
    ENSURE(smart_contract_solution_providers_get(rt, provider_id, &provider),
           SMART_CONTRACT_NO_SUCH_SOLUTION_PROVIDER);
    ENSURE(provider.approved, SMART_CONTRACT_SOLUTION_PROVIDER_NOT_APPROVED);
    return DISPATCH_OK;
}

dispatch_t smart_contract_create_solution_provider(rt_t *rt, const account_id_t *who,
                                                   const smart_contract_create_solution_provider_args_t *args)
{
    (void)who; /* anybody may ask for approval */
    uint64_t takes = 0;
    for (uint32_t i = 0; i < args->providers.len; i++)
        takes += args->providers.items[i].take; /* B20: wide */
    ENSURE(takes <= TAKES_MAX, SMART_CONTRACT_INVALID_PROVIDER_CONFIGURATION);

    const smart_contract_solution_provider_t provider = {
        .solution_provider_id = smart_contract_solution_provider_id_get(rt) + 1,
        .providers            = args->providers,
        .description          = args->description,
        .link                 = args->link,
    };

    smart_contract_solution_providers_put(rt, provider.solution_provider_id, &provider);
    smart_contract_solution_provider_id_put(rt, provider.solution_provider_id);

    smart_contract_emit_solution_provider_created(rt, &provider);
    return DISPATCH_OK;
}

dispatch_t
smart_contract_approve_solution_provider(rt_t *rt,
                                         const smart_contract_approve_solution_provider_args_t *args)
{
    smart_contract_solution_provider_t provider;
    ENSURE(smart_contract_solution_providers_get(rt, args->solution_provider_id, &provider),
           SMART_CONTRACT_NO_SUCH_SOLUTION_PROVIDER);

    provider.approved = args->approve;

    smart_contract_solution_providers_put(rt, provider.solution_provider_id, &provider);
    smart_contract_emit_solution_provider_approved(rt, provider.solution_provider_id, provider.approved);
    return DISPATCH_OK;
}

dispatch_t
smart_contract_attach_solution_provider_id(rt_t *rt, const account_id_t *who,
                                           const smart_contract_attach_solution_provider_id_args_t *args)
{
    contract_t contract;
    uint32_t twin_id;
    TRY(contract_check_provider(rt, args->solution_provider_id));
    ENSURE(smart_contract_contracts_get(rt, args->contract_id, &contract),
           SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    TRY(contract_twin_of(rt, who, &twin_id));
    ENSURE(contract.twin_id == twin_id && !contract.solution_provider_id.some,
           SMART_CONTRACT_UNAUTHORIZED_TO_CHANGE_SOLUTION_PROVIDER_ID);

    contract.solution_provider_id = (u64_opt_t){.some = true, .value = args->solution_provider_id};

    smart_contract_contracts_put(rt, contract.contract_id, &contract);
    smart_contract_emit_contract_updated(rt, &contract);
    return DISPATCH_OK;
}
