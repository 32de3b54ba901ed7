/* account.c - references to an account: who provides for it, and who consumes it. */

#include "system.h"

bool system_account_is_alive(rt_t *rt, const account_id_t *who)
{
    system_account_info_t account;
    if (!system_account_exists(rt, who)) return false;
    system_account_get(rt, who, &account);
    return account.providers > 0 || account.sufficients > 0;
}

void system_provider_add(rt_t *rt, const account_id_t *who, system_account_info_t *account)
{
    if (account->providers == 0 && account->sufficients == 0) system_emit_new_account(rt, who);
    account->providers++;
}

bool system_provider_may_go(const system_account_info_t *account)
{
    return account->consumers == 0 || account->providers > 1;
}

dispatch_t system_provider_remove(rt_t *rt, const account_id_t *who, system_account_info_t *account,
                                  bool *is_dead)
{
    *is_dead = false;
    if (account->providers == 0) return DISPATCH_OK;
    ENSURE(account->providers > 1 || account->sufficients > 0 || account->consumers == 0,
           DISPATCH_CONSUMER_REMAINING);
    account->providers--;
    *is_dead = account->providers == 0 && account->sufficients == 0;
    if (*is_dead) system_emit_killed_account(rt, who);
    return DISPATCH_OK;
}

dispatch_t system_consumer_add(system_account_info_t *account)
{
    ENSURE(account->providers > 0, DISPATCH_NO_PROVIDERS);
    ENSURE(account->consumers < SYSTEM_MAX_CONSUMERS, DISPATCH_TOO_MANY_CONSUMERS);
    account->consumers++;
    return DISPATCH_OK;
}

void system_consumer_remove(system_account_info_t *account)
{
    if (account->consumers > 0) account->consumers--;
}

dispatch_t system_lookup(const support_multi_address_t *address, account_id_t *who)
{
    ENSURE(address->kind == SUPPORT_MULTI_ADDRESS_ID, DISPATCH_CANNOT_LOOKUP);
    *who = address->id;
    return DISPATCH_OK;
}
