/* reserve.c - balances that are held back, and what is taken by force. */

#include "account.h"

static u128_t least(u128_t a, u128_t b) { return a < b ? a : b; }

dispatch_t balances_reserve(rt_t *rt, const account_id_t *who, u128_t amount)
{
    if (amount == 0) return DISPATCH_OK;
    money_t m;
    money_load(rt, who, &m);
    ENSURE(m.was.free >= amount, BALANCES_INSUFFICIENT_BALANCE);
    ENSURE(amount <= ~m.was.reserved, DISPATCH_ARITHMETIC(ARITHMETIC_OVERFLOW));
    ENSURE(m.was.free - amount >= m.was.frozen, BALANCES_LIQUIDITY_RESTRICTIONS);

    m.account.data.free -= amount;
    m.account.data.reserved += amount;
    TRY(money_store(rt, &m));
    balances_emit_reserved(rt, who, amount);
    return DISPATCH_OK;
}

/* Less reserved and as much or more free: the account cannot die of it, so storing is never refused. */
static void store_richer(rt_t *rt, money_t *m)
{
    if (money_store(rt, m) != DISPATCH_OK)
        rt_fault(rt, "an account that was given money could not be stored");
}

u128_t balances_unreserve(rt_t *rt, const account_id_t *who, u128_t amount)
{
    money_t m;
    money_load(rt, who, &m);
    u128_t actual = least(m.was.reserved, amount);
    if (amount == 0 || m.is_new) return amount;

    m.account.data.reserved -= actual;
    m.account.data.free += actual;
    store_richer(rt, &m);
    balances_emit_unreserved(rt, who, actual);
    return amount - actual;
}

/* What may leave a reserve: all of it, but for what a freeze larger than the free balance covers. */
static u128_t reserve_available(const money_t *m)
{
    u128_t covered = m->was.frozen > m->was.free ? m->was.frozen - m->was.free : 0;
    return m->was.reserved > covered ? m->was.reserved - covered : 0;
}

dispatch_t balances_repatriate(rt_t *rt, const account_id_t *from_id, const account_id_t *to_id,
                               u128_t amount, u128_t *left)
{
    *left = 0;
    if (amount == 0) return DISPATCH_OK;
    if (bytes_equal((bytes_t){from_id->b, 32}, (bytes_t){to_id->b, 32})) {
        *left = balances_unreserve(rt, from_id, amount);
        return DISPATCH_OK;
    }
    money_t from, to;
    money_load(rt, to_id, &to);
    ENSURE(!to.is_new, BALANCES_DEAD_ACCOUNT);
    money_load(rt, from_id, &from);
    u128_t actual = least(reserve_available(&from), amount);
    ENSURE(actual <= ~to.was.free, DISPATCH_ARITHMETIC(ARITHMETIC_OVERFLOW));

    from.account.data.reserved -= actual;
    TRY(money_store(rt, &from));
    to.account.data.free += actual;
    TRY(money_store(rt, &to));
    *left = amount - actual;
    balances_emit_reserve_repatriated(rt, from_id, to_id, actual, BALANCES_BALANCE_STATUS_FREE);
    return DISPATCH_OK;
}

u128_t balances_slash_reserved(rt_t *rt, const account_id_t *who, u128_t amount)
{
    money_t m;
    money_load(rt, who, &m);
    if (amount == 0 || m.is_new) return amount;
    u128_t actual = least(reserve_available(&m), amount);

    m.account.data.reserved -= actual;
    store_richer(rt, &m);
    issuance_fall(rt, actual);
    balances_emit_slashed(rt, who, actual);
    return amount - actual;
}

u128_t balances_slash(rt_t *rt, const account_id_t *who, u128_t amount)
{
    money_t m;
    money_load(rt, who, &m);
    if (amount == 0 || m.is_new) return 0;
    u128_t kept      = system_provider_may_go(&m.account) ? 0 : BALANCES_EXISTENTIAL_DEPOSIT;
    u128_t from_free = least(m.was.free > kept ? m.was.free - kept : 0, amount);

    m.account.data.free -= from_free;
    store_richer(rt, &m);
    issuance_fall(rt, from_free);
    balances_emit_slashed(rt, who, from_free);
    return from_free;
}
