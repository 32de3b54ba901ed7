/* membership.c - who sits in the council: a sorted list that the council itself may change.
 *
 * Every change goes on to the council, where those who left lose their votes; a prime that left is none
 * (spec tfgrid 1.7). */
#include "council_membership_pallet.h"

#include "../collective/accounts.h"
#include "../collective/council.h"
#include "../system/system.h"
#include "membership.h"

static account_id_vec_t members_now(rt_t *rt)
{
    account_id_vec_t members;
    council_membership_members_get(rt, &members);
    return members;
}

static void keep(rt_t *rt, account_id_vec_t members)
{
    account_id_t prime;
    uint32_t at;
    council_membership_members_put(rt, members);
    council_change_members(rt, members);
    if (!council_membership_prime_get(rt, &prime)) return;
    if (accounts_find(members, &prime, &at))
        council_set_prime(rt, &prime);
    else
        council_membership_prime_remove(rt);
}

dispatch_t membership_add(rt_t *rt, const account_id_t *who)
{
    account_id_vec_t members = members_now(rt);
    uint32_t at;
    ENSURE(!accounts_find(members, who, &at), COUNCIL_MEMBERSHIP_ALREADY_MEMBER);
    ENSURE(members.len < COUNCIL_MAX_MEMBERS, COUNCIL_MEMBERSHIP_TOO_MANY_MEMBERS);

    keep(rt, accounts_with(&rt->arena, members, who));
    council_membership_emit_member_added(rt);
    return DISPATCH_OK;
}

dispatch_t membership_remove(rt_t *rt, const account_id_t *who)
{
    account_id_vec_t members = members_now(rt);
    uint32_t at;
    ENSURE(accounts_find(members, who, &at), COUNCIL_MEMBERSHIP_NOT_MEMBER);

    keep(rt, accounts_without(&rt->arena, members, who));
    council_membership_emit_member_removed(rt);
    return DISPATCH_OK;
}

/* replace puts one account where another was. */
static dispatch_t replace(rt_t *rt, const account_id_t *before, const account_id_t *after)
{
    account_id_vec_t members = members_now(rt);
    uint32_t at, unused;
    ENSURE(accounts_find(members, before, &at), COUNCIL_MEMBERSHIP_NOT_MEMBER);
    ENSURE(!accounts_find(members, after, &unused), COUNCIL_MEMBERSHIP_ALREADY_MEMBER);

    members.items[at] = *after;
    accounts_sort(&members);
    keep(rt, members);
    return DISPATCH_OK;
}

dispatch_t council_membership_add_member(rt_t *rt, const council_membership_add_member_args_t *args)
{
    account_id_t who;
    TRY(system_lookup(&args->who, &who));
    return membership_add(rt, &who);
}

dispatch_t council_membership_remove_member(rt_t *rt, const council_membership_remove_member_args_t *args)
{
    account_id_t who;
    TRY(system_lookup(&args->who, &who));
    return membership_remove(rt, &who);
}

dispatch_t council_membership_swap_member(rt_t *rt, const council_membership_swap_member_args_t *args)
{
    account_id_t before, after;
    TRY(system_lookup(&args->remove, &before));
    TRY(system_lookup(&args->add, &after));
    if (accounts_compare(&before, &after) == 0) return DISPATCH_OK;
    TRY(replace(rt, &before, &after));
    council_membership_emit_members_swapped(rt);
    return DISPATCH_OK;
}

dispatch_t council_membership_reset_members(rt_t *rt, const council_membership_reset_members_args_t *args)
{
    account_id_vec_t members = args->members;
    ENSURE(members.len <= COUNCIL_MAX_MEMBERS, COUNCIL_MEMBERSHIP_TOO_MANY_MEMBERS);
    accounts_sort(&members);
    for (uint32_t i = 1; i < members.len; i++)
        ENSURE(accounts_compare(&members.items[i - 1], &members.items[i]) != 0,
               COUNCIL_MEMBERSHIP_ALREADY_MEMBER);

    keep(rt, members);
    council_membership_emit_members_reset(rt);
    return DISPATCH_OK;
}

dispatch_t council_membership_change_key(rt_t *rt, const account_id_t *who,
                                         const council_membership_change_key_args_t *args)
{
    account_id_t after, prime;
    TRY(system_lookup(&args->new, &after));
    if (accounts_compare(who, &after) != 0) {
        bool is_prime = council_membership_prime_get(rt, &prime) && accounts_compare(&prime, who) == 0;
        TRY(replace(rt, who, &after));
        if (is_prime) {
            council_membership_prime_put(rt, &after);
            council_set_prime(rt, &after);
        }
    }
    council_membership_emit_key_changed(rt);
    return DISPATCH_OK;
}

dispatch_t council_membership_set_prime(rt_t *rt, const council_membership_set_prime_args_t *args)
{
    account_id_t who;
    uint32_t at;
    TRY(system_lookup(&args->who, &who));
    ENSURE(accounts_find(members_now(rt), &who, &at), COUNCIL_MEMBERSHIP_NOT_MEMBER);

    council_membership_prime_put(rt, &who);
    council_set_prime(rt, &who);
    return DISPATCH_OK;
}

dispatch_t council_membership_clear_prime(rt_t *rt)
{
    council_membership_prime_remove(rt);
    council_set_prime(rt, NULL);
    return DISPATCH_OK;
}
