/* validator.c - people who ask to run a validator: the council approves, they activate.
 *
 * An approved validator is a member of the council too; an active one makes blocks with its node account
 * (spec smart-contract 16). */
#include "validator_pallet.h"

#include "../membership/membership.h"
#include "../system/system.h"
#include "../validator_set/validator_set.h"
#include "council_membership_pallet.h"

static bool is_same(const account_id_t *a, const account_id_t *b)
{
    return bytes_equal((bytes_t){a->b, sizeof a->b}, (bytes_t){b->b, sizeof b->b});
}

static bool is_council_member(rt_t *rt, const account_id_t *who)
{
    account_id_vec_t members;
    council_membership_members_get(rt, &members);
    for (uint32_t i = 0; i < members.len; i++)
        if (is_same(&members.items[i], who)) return true;
    return false;
}

dispatch_t validator_create_validator_request(rt_t *rt, const account_id_t *who,
                                              const validator_create_validator_request_args_t *args)
{
    ENSURE(!validator_validator_exists(rt, who), VALIDATOR_DUPLICATE_VALIDATOR);

    const validator_validator_t validator = {
        .validator_node_account = args->validator_node_account,
        .stash_account          = args->stash_account,
        .description            = args->description,
        .tf_connect_id          = args->tf_connect_id,
        .info                   = args->info,
        .state                  = VALIDATOR_VALIDATOR_REQUEST_STATE_CREATED,
    };

    validator_validator_put(rt, who, &validator);
    validator_emit_validator_request_created(rt, who, &validator);
    return DISPATCH_OK;
}

dispatch_t validator_activate_validator_node(rt_t *rt, const account_id_t *who)
{
    validator_validator_t validator;
    ENSURE(validator_validator_get(rt, who, &validator), VALIDATOR_VALIDATOR_NOT_FOUND);
    ENSURE(validator.state != VALIDATOR_VALIDATOR_REQUEST_STATE_VALIDATING,
           VALIDATOR_VALIDATOR_VALIDATING_ALREADY);
    ENSURE(validator.state == VALIDATOR_VALIDATOR_REQUEST_STATE_APPROVED, VALIDATOR_VALIDATOR_NOT_APPROVED);
    TRY(validator_set_add(rt, &validator.validator_node_account));

    validator.state = VALIDATOR_VALIDATOR_REQUEST_STATE_VALIDATING;

    validator_validator_put(rt, who, &validator);
    validator_emit_validator_activated(rt, &validator);
    return DISPATCH_OK;
}

dispatch_t validator_change_validator_node_account(rt_t *rt, const account_id_t *who,
                                                   const validator_change_validator_node_account_args_t *args)
{
    validator_validator_t validator;
    ENSURE(validator_validator_get(rt, who, &validator), VALIDATOR_VALIDATOR_NOT_FOUND);

    const account_id_t before        = validator.validator_node_account;
    validator.validator_node_account = args->new_node_validator_account;
    validator_validator_put(rt, who, &validator);
    if (validator.state != VALIDATOR_VALIDATOR_REQUEST_STATE_VALIDATING) return DISPATCH_OK;

    TRY(validator_set_remove(rt, &before));
    validator_emit_node_validator_removed(rt, &before);
    TRY(validator_set_add(rt, &validator.validator_node_account));
    validator_emit_node_validator_changed(rt, &validator.validator_node_account);
    return DISPATCH_OK;
}

dispatch_t validator_bond(rt_t *rt, const account_id_t *who, const validator_bond_args_t *args)
{
    account_id_t validator;
    TRY(system_lookup(&args->validator, &validator));
    ENSURE(!validator_bonded_exists(rt, who), VALIDATOR_ALREADY_BONDED);

    validator_bonded_put(rt, who, &validator);
    validator_emit_bonded(rt, who);
    return DISPATCH_OK;
}

dispatch_t validator_approve_validator(rt_t *rt, const account_id_t *who,
                                       const validator_approve_validator_args_t *args)
{
    account_id_t account;
    validator_validator_t validator;
    TRY(system_lookup(&args->validator_account, &account));
    ENSURE(is_council_member(rt, who), VALIDATOR_NOT_COUNCIL_MEMBER);
    ENSURE(validator_validator_get(rt, &account, &validator), VALIDATOR_VALIDATOR_NOT_FOUND);
    TRY(membership_add(rt, &account));

    validator.state = VALIDATOR_VALIDATOR_REQUEST_STATE_APPROVED;

    validator_validator_put(rt, &account, &validator);
    validator_emit_validator_request_approved(rt, &validator);
    return DISPATCH_OK;
}

/* Who leaves stops making blocks too, and the world is told (spec smart-contract, B31). */
dispatch_t validator_remove_validator(rt_t *rt, const account_id_t *who,
                                      const validator_remove_validator_args_t *args)
{
    account_id_t account;
    validator_validator_t validator;
    TRY(system_lookup(&args->validator_account, &account));
    ENSURE(is_same(&account, who) || is_council_member(rt, who), VALIDATOR_BAD_ORIGIN);
    ENSURE(validator_validator_get(rt, &account, &validator), VALIDATOR_VALIDATOR_NOT_FOUND);
    if (validator.state == VALIDATOR_VALIDATOR_REQUEST_STATE_VALIDATING)
        TRY(validator_set_remove(rt, &validator.validator_node_account));
    if (is_council_member(rt, &account)) TRY(membership_remove(rt, &account));

    validator_validator_remove(rt, &account);
    validator_emit_validator_removed(rt, &validator);
    return DISPATCH_OK;
}
