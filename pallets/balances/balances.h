/* balances.h - money, as other pallets hold and move it.
 *
 * An account lives while its free balance is at least the existential deposit (500), or while it has a
 * reserve; below that it is reaped and the rest, its dust, is gone.  A reserve counts as one consumer of the
 * account: its provider cannot go while it is there.  Total issuance is the sum of all free and reserved
 * balances after each of these functions.  Events are as FRAME emits them (spec tfgrid 1.7).  An amount of 0
 * does nothing and succeeds. */
#ifndef BALANCES_H
#define BALANCES_H
#include "balances_pallet.h"

u128_t balances_free(rt_t *rt, const account_id_t *who);
u128_t balances_reserved(rt_t *rt, const account_id_t *who);

/* balances_usable is what an account can spend or reserve and live on: free less the greater of the
 * existential deposit and what is frozen. */
u128_t balances_usable(rt_t *rt, const account_id_t *who);

/* balances_move transfers between free balances: TokenErrors when it cannot, as the transfer calls.  With
 * keep_alive the sender may not be reaped. */
dispatch_t balances_move(rt_t *rt, const account_id_t *from, const account_id_t *to, u128_t amount,
                         bool keep_alive);

/* balances_reserve moves from free to reserved: BALANCES_INSUFFICIENT_BALANCE,
 * BALANCES_LIQUIDITY_RESTRICTIONS, or DISPATCH_CONSUMER_REMAINING when less than the existential deposit
 * would stay free. */
dispatch_t balances_reserve(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_unreserve moves from reserved to free, as much as there is, and returns what was missing. */
u128_t balances_unreserve(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_repatriate moves from the reserve of one account to another's free balance, as much as there is;
 * *left is what was missing.  BALANCES_DEAD_ACCOUNT when the other does not exist. */
dispatch_t balances_repatriate(rt_t *rt, const account_id_t *from, const account_id_t *to, u128_t amount,
                               u128_t *left);

/* balances_slash_reserved destroys reserve, as much as there is, and returns what was missing. balances_slash
 * destroys free balance, but for the existential deposit when something consumes the account, and returns how
 * much. */
u128_t balances_slash_reserved(rt_t *rt, const account_id_t *who, u128_t amount);
u128_t balances_slash(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_deposit makes new money: BALANCES_DEAD_ACCOUNT when the account is not there.
 * balances_deposit_creating makes the account too: BALANCES_EXISTENTIAL_DEPOSIT_ERROR when amount is below
 * what it needs. */
dispatch_t balances_deposit(rt_t *rt, const account_id_t *who, u128_t amount);
dispatch_t balances_deposit_creating(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_withdraw destroys money: BALANCES_INSUFFICIENT_BALANCE, BALANCES_EXPENDABILITY (keep_alive, and it
 * would be reaped), BALANCES_LIQUIDITY_RESTRICTIONS (frozen). */
dispatch_t balances_withdraw(rt_t *rt, const account_id_t *who, u128_t amount, bool keep_alive);

/* balances_endow gives an account its first money, at genesis: no events. */
void balances_endow(rt_t *rt, const account_id_t *who, u128_t amount);

#endif
