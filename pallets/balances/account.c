/* account.c - changing one account's balance, and what follows: references, birth, death and dust. */

#include "account.h"

#include "checked.h"

void money_load(rt_t *rt, const account_id_t *who, money_t *m)
{
    *m = (money_t){.who = *who};
    system_account_get(rt, who, &m->account);
    m->was    = m->account.data;
    m->is_new = m->was.free == 0 && m->was.reserved == 0 && m->was.frozen == 0;
}

static bool provides(const support_account_data_t *data)
{
    return data->free >= BALANCES_EXISTENTIAL_DEPOSIT;
}
static bool consumes(const support_account_data_t *data) { return data->reserved > 0 || data->frozen > 0; }

/* The order of these steps is pallet-balances': it decides the order of events. */
static dispatch_t count_references(rt_t *rt, money_t *m, bool *is_dead)
{
    bool did_provide = provides(&m->was), does_provide = provides(&m->account.data);
    bool did_consume = consumes(&m->was), does_consume = consumes(&m->account.data);
    *is_dead = false;
    if (!did_provide && does_provide) system_provider_add(rt, &m->who, &m->account);
    if (did_consume && !does_consume) system_consumer_remove(&m->account);
    if (!did_consume && does_consume) TRY(system_consumer_add(&m->account));
    if (did_provide && !does_provide) TRY(system_provider_remove(rt, &m->who, &m->account, is_dead));
    return DISPATCH_OK;
}

dispatch_t money_store(rt_t *rt, money_t *m)
{
    bool is_dead;
    TRY(count_references(rt, m, &is_dead));
    support_account_data_t *now = &m->account.data;
    u128_t dust                 = 0;
    if (!provides(now) && now->reserved == 0) {
        dust      = now->free;
        now->free = 0;
    }
    if (is_dead || (m->account.providers == 0 && m->account.sufficients == 0))
        system_account_remove(rt, &m->who);
    else
        system_account_put(rt, &m->who, &m->account);
    if (m->is_new && (now->free > 0 || now->reserved > 0)) balances_emit_endowed(rt, &m->who, now->free);
    if (dust > 0) {
        balances_emit_dust_lost(rt, &m->who, dust);
        issuance_fall(rt, dust);
    }
    return DISPATCH_OK;
}

bool issuance_may_rise(rt_t *rt, u128_t amount) { return amount <= ~balances_total_issuance_get(rt); }

void issuance_rise(rt_t *rt, u128_t amount)
{
    u128_t issuance = balances_total_issuance_get(rt);
    if (amount > ~issuance) rt_fault(rt, "more was issued than there can be");
    balances_total_issuance_put(rt, issuance + amount);
}

void issuance_fall(rt_t *rt, u128_t amount)
{
    u128_t issuance = balances_total_issuance_get(rt);
    if (amount > issuance) rt_fault(rt, "more was lost than was issued");
    balances_total_issuance_put(rt, issuance - amount);
}

u128_t money_spendable(const money_t *m, bool keep_alive)
{
    const support_account_data_t *data = &m->account.data;
    u128_t untouchable                 = data->frozen > data->reserved ? data->frozen - data->reserved : 0;
    if (keep_alive || (data->free > 0 && !system_provider_may_go(&m->account)))
        untouchable = untouchable > BALANCES_EXISTENTIAL_DEPOSIT ? untouchable : BALANCES_EXISTENTIAL_DEPOSIT;
    return data->free > untouchable ? data->free - untouchable : 0;
}
