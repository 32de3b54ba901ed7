/* validator_set.c - who may make blocks (spec smart-contract 17).
 *
 * Lists keep the order of addition.  Unlike upstream (fault B30) a removed validator is not approved any
 * more, so it can be added again. */
#include "validator_set.h"

#include "../collective/accounts.h"

#include <string.h>

enum { MIN_AUTHORITIES = 1, MAX_AUTHORITIES = 100 };

static account_id_vec_t validators_now(rt_t *rt)
{
    account_id_vec_t validators;
    validator_set_validators_get(rt, &validators);
    return validators;
}

static account_id_vec_t approved_now(rt_t *rt)
{
    account_id_vec_t approved;
    validator_set_approved_validators_get(rt, &approved);
    return approved;
}

static account_id_vec_t joined(rt_t *rt, account_id_vec_t accounts, const account_id_t *who)
{
    account_id_t *items = arena_take(&rt->arena, (accounts.len + 1) * (uint32_t)sizeof *items);
    if (!items) {
        rt_fault(rt, "no memory for validators");
        return accounts;
    }
    if (accounts.len > 0) memcpy(items, accounts.items, accounts.len * sizeof *items);
    items[accounts.len] = *who;
    return (account_id_vec_t){.items = items, .len = accounts.len + 1};
}

account_id_vec_t validator_set_of_session(rt_t *rt)
{
    account_id_vec_t validators = validators_now(rt), offline;
    validator_set_offline_validators_get(rt, &offline);
    if (offline.len == 0) return validators;
    validators = accounts_minus(&rt->arena, validators, offline);
    validator_set_validators_put(rt, validators);
    validator_set_offline_validators_remove(rt);
    return validators;
}

static dispatch_t activate(rt_t *rt, const account_id_t *who)
{
    account_id_vec_t validators = validators_now(rt);
    ENSURE(!accounts_contain(validators, who), VALIDATOR_SET_DUPLICATE);
    ENSURE(validators.len < MAX_AUTHORITIES, DISPATCH_EXHAUSTED);
    validator_set_validators_put(rt, joined(rt, validators, who));
    validator_set_emit_validator_addition_initiated(rt, who);
    return DISPATCH_OK;
}

dispatch_t validator_set_add(rt_t *rt, const account_id_t *who)
{
    account_id_vec_t approved = approved_now(rt);
    ENSURE(!accounts_contain(approved, who), VALIDATOR_SET_DUPLICATE);
    TRY(activate(rt, who));
    validator_set_approved_validators_put(rt, joined(rt, approved, who));
    return DISPATCH_OK;
}

dispatch_t validator_set_remove(rt_t *rt, const account_id_t *who)
{
    account_id_vec_t validators = validators_now(rt);
    ENSURE(validators.len >= MIN_AUTHORITIES + 1, VALIDATOR_SET_TOO_LOW_VALIDATOR_COUNT);
    validator_set_validators_put(rt, accounts_without(&rt->arena, validators, who));
    validator_set_approved_validators_put(rt, accounts_without(&rt->arena, approved_now(rt), who));
    validator_set_emit_validator_removal_initiated(rt, who);
    return DISPATCH_OK;
}

dispatch_t validator_set_add_validator(rt_t *rt, const validator_set_add_validator_args_t *args)
{
    return validator_set_add(rt, &args->validator_id);
}

dispatch_t validator_set_remove_validator(rt_t *rt, const validator_set_remove_validator_args_t *args)
{
    return validator_set_remove(rt, &args->validator_id);
}

dispatch_t validator_set_add_validator_again(rt_t *rt, const account_id_t *who,
                                             const validator_set_add_validator_again_args_t *args)
{
    ENSURE(accounts_compare(who, &args->validator_id) == 0, VALIDATOR_SET_BAD_ORIGIN);
    ENSURE(accounts_contain(approved_now(rt), who), VALIDATOR_SET_VALIDATOR_NOT_APPROVED);
    return activate(rt, who);
}
