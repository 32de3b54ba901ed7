/* balances.c - the calls that users make, and money as other pallets move it. */

#include "account.h"

u128_t balances_free(rt_t *rt, const account_id_t *who)
{
    money_t m;
    money_load(rt, who, &m);
    return m.was.free;
}

u128_t balances_reserved(rt_t *rt, const account_id_t *who)
{
    money_t m;
    money_load(rt, who, &m);
    return m.was.reserved;
}

u128_t balances_usable(rt_t *rt, const account_id_t *who)
{
    money_t m;
    money_load(rt, who, &m);
    u128_t kept = m.was.frozen > BALANCES_EXISTENTIAL_DEPOSIT ? m.was.frozen : BALANCES_EXISTENTIAL_DEPOSIT;
    return m.was.free > kept ? m.was.free - kept : 0;
}

static bool is_same(const account_id_t *a, const account_id_t *b)
{
    return bytes_equal((bytes_t){a->b, 32}, (bytes_t){b->b, 32});
}

static dispatch_t check_sender(const money_t *from, u128_t amount, bool keep_alive)
{
    if (amount == 0) return DISPATCH_OK;
    ENSURE(from->was.free >= amount, DISPATCH_TOKEN(TOKEN_FUNDS_UNAVAILABLE));
    ENSURE(amount <= money_spendable(from, false), DISPATCH_TOKEN(TOKEN_FROZEN));
    bool is_reaped = from->was.free - amount < BALANCES_EXISTENTIAL_DEPOSIT;
    ENSURE(!(is_reaped && keep_alive), DISPATCH_TOKEN(TOKEN_NOT_EXPENDABLE));
    return DISPATCH_OK;
}

static dispatch_t check_receiver(const money_t *to, u128_t amount)
{
    if (amount == 0) return DISPATCH_OK;
    ENSURE(amount <= ~to->was.free, DISPATCH_ARITHMETIC(ARITHMETIC_OVERFLOW));
    ENSURE(to->was.free + amount >= BALANCES_EXISTENTIAL_DEPOSIT, DISPATCH_TOKEN(TOKEN_BELOW_MINIMUM));
    return DISPATCH_OK;
}

dispatch_t balances_move(rt_t *rt, const account_id_t *from_id, const account_id_t *to_id, u128_t amount,
                         bool keep_alive)
{
    money_t from, to;
    money_load(rt, from_id, &from);
    TRY(check_sender(&from, amount, keep_alive));
    money_load(rt, to_id, &to);
    TRY(check_receiver(&to, amount));
    if (is_same(from_id, to_id)) return DISPATCH_OK;

    if (amount > 0) {
        from.account.data.free -= amount;
        TRY(money_store(rt, &from));
        to.account.data.free += amount;
        TRY(money_store(rt, &to));
    }
    balances_emit_transfer(rt, from_id, to_id, amount);
    return DISPATCH_OK;
}

dispatch_t balances_withdraw(rt_t *rt, const account_id_t *who, u128_t amount, bool keep_alive)
{
    if (amount == 0) return DISPATCH_OK;
    money_t m;
    money_load(rt, who, &m);
    ENSURE(m.was.free >= amount, BALANCES_INSUFFICIENT_BALANCE);
    u128_t left  = m.was.free - amount;
    bool is_kill = left < BALANCES_EXISTENTIAL_DEPOSIT && m.was.free >= BALANCES_EXISTENTIAL_DEPOSIT;
    ENSURE(!(keep_alive && is_kill), BALANCES_EXPENDABILITY);
    ENSURE(left >= m.was.frozen, BALANCES_LIQUIDITY_RESTRICTIONS);

    m.account.data.free = left;
    balances_emit_withdraw(rt, who, amount);
    TRY(money_store(rt, &m));
    issuance_fall(rt, amount);
    return DISPATCH_OK;
}

static dispatch_t deposit(rt_t *rt, const account_id_t *who, u128_t amount, bool may_create)
{
    if (amount == 0) return DISPATCH_OK;
    money_t m;
    money_load(rt, who, &m);
    ENSURE(may_create || !m.is_new, BALANCES_DEAD_ACCOUNT);
    ENSURE(!m.is_new || amount >= BALANCES_EXISTENTIAL_DEPOSIT, BALANCES_EXISTENTIAL_DEPOSIT_ERROR);
    ENSURE(issuance_may_rise(rt, amount), DISPATCH_ARITHMETIC(ARITHMETIC_OVERFLOW));

    m.account.data.free += amount;
    balances_emit_deposit(rt, who, amount);
    issuance_rise(rt, amount);
    return money_store(rt, &m);
}

dispatch_t balances_deposit(rt_t *rt, const account_id_t *who, u128_t amount)
{
    return deposit(rt, who, amount, false);
}
dispatch_t balances_deposit_creating(rt_t *rt, const account_id_t *who, u128_t amount)
{
    return deposit(rt, who, amount, true);
}

void balances_endow(rt_t *rt, const account_id_t *who, u128_t amount)
{
    money_t m;
    money_load(rt, who, &m);
    m.account.data.free = amount;
    m.account.providers = 1;
    system_account_put(rt, who, &m.account);
    issuance_rise(rt, amount);
}

/* ------------------------------------------------------------------------------------ calls */

static dispatch_t transfer_to(rt_t *rt, const account_id_t *who, const support_multi_address_t *dest,
                              u128_t value, bool keep_alive)
{
    account_id_t to;
    TRY(system_lookup(dest, &to));
    return balances_move(rt, who, &to, value, keep_alive);
}

dispatch_t balances_transfer_allow_death(rt_t *rt, const account_id_t *who,
                                         const balances_transfer_allow_death_args_t *args)
{
    return transfer_to(rt, who, &args->dest, args->value, false);
}

dispatch_t balances_transfer(rt_t *rt, const account_id_t *who, const balances_transfer_args_t *args)
{
    return transfer_to(rt, who, &args->dest, args->value, false);
}

dispatch_t balances_transfer_keep_alive(rt_t *rt, const account_id_t *who,
                                        const balances_transfer_keep_alive_args_t *args)
{
    return transfer_to(rt, who, &args->dest, args->value, true);
}

dispatch_t balances_force_transfer(rt_t *rt, const balances_force_transfer_args_t *args)
{
    account_id_t from;
    TRY(system_lookup(&args->source, &from));
    return transfer_to(rt, &from, &args->dest, args->value, false);
}

dispatch_t balances_transfer_all(rt_t *rt, const account_id_t *who, const balances_transfer_all_args_t *args)
{
    money_t m;
    money_load(rt, who, &m);
    return transfer_to(rt, who, &args->dest, money_spendable(&m, args->keep_alive), args->keep_alive);
}

dispatch_t balances_force_unreserve(rt_t *rt, const balances_force_unreserve_args_t *args)
{
    account_id_t who;
    TRY(system_lookup(&args->who, &who));
    (void)balances_unreserve(rt, &who, args->amount);
    return DISPATCH_OK;
}

/* Every account of this chain is of the form that the call upgrades to: there is nothing to do. */
dispatch_t balances_upgrade_accounts(rt_t *rt, const account_id_t *who,
                                     const balances_upgrade_accounts_args_t *args)
{
    (void)rt;
    (void)who;
    (void)args;
    return DISPATCH_OK;
}

static dispatch_t set_free(rt_t *rt, money_t *m, u128_t new_free)
{
    u128_t old_free = m->was.free;
    if (new_free < BALANCES_EXISTENTIAL_DEPOSIT) new_free = 0;
    ENSURE(new_free <= old_free || issuance_may_rise(rt, new_free - old_free),
           DISPATCH_ARITHMETIC(ARITHMETIC_OVERFLOW));
    m->account.data.free = new_free;
    TRY(money_store(rt, m));
    if (new_free > old_free) issuance_rise(rt, new_free - old_free);
    if (new_free < old_free) issuance_fall(rt, old_free - new_free);
    balances_emit_balance_set(rt, &m->who, new_free);
    return DISPATCH_OK;
}

dispatch_t balances_force_set_balance(rt_t *rt, const balances_force_set_balance_args_t *args)
{
    account_id_t who;
    money_t m;
    TRY(system_lookup(&args->who, &who));
    money_load(rt, &who, &m);
    return set_free(rt, &m, args->new_free);
}

dispatch_t balances_set_balance_deprecated(rt_t *rt, const balances_set_balance_deprecated_args_t *args)
{
    account_id_t who;
    money_t m;
    TRY(system_lookup(&args->who, &who));
    money_load(rt, &who, &m);
    ENSURE(m.was.reserved == args->old_reserved, DISPATCH_TOKEN(TOKEN_UNSUPPORTED));
    return set_free(rt, &m, args->new_free);
}
