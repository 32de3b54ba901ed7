/* balances.h - money, as other pallets hold and move it.
 *
 * An account lives while its free balance is at least the existential deposit (500), or while it has a
 * reserve; below that it is reaped and the rest, its dust, is gone.  A reserve counts as one consumer of the
 * account: its provider cannot go while it is there.  Total issuance is the sum of all free and reserved
 * balances after each of these functions, but for balances_take and balances_give, whose caller settles the
 * difference.  Events are as FRAME emits them (spec tfgrid 1.7).  An amount of 0 does nothing and succeeds. */
#ifndef BALANCES_H
#define BALANCES_H
#include "rt.h"

u128_t balances_free(rt_t *rt, const account_id_t *who);
u128_t balances_reserved(rt_t *rt, const account_id_t *who);

/* balances_usable is what an account can spend or reserve and live on: free less the greater of the
 * existential deposit and what is frozen. */
u128_t balances_usable(rt_t *rt, const account_id_t *who);

/* balances_move transfers between free balances: TokenErrors when it cannot, as the transfer calls.  With
 * keep_alive the sender may not be reaped. */
dispatch_t balances_move(rt_t *rt, const account_id_t *from, const account_id_t *to, u128_t amount, bool keep_alive);

/* balances_reserve moves from free to reserved: BALANCES_INSUFFICIENT_BALANCE, BALANCES_LIQUIDITY_RESTRICTIONS,
 * or DISPATCH_CONSUMER_REMAINING when less than the existential deposit would stay free. */
dispatch_t balances_reserve(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_unreserve moves from reserved to free, as much as there is, and returns what was missing. */
u128_t balances_unreserve(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_repatriate moves from the reserve of one account to another's free (or, with to_reserved, reserved)
 * balance, as much as there is; *moved tells how much.  BALANCES_DEAD_ACCOUNT when the other does not exist. */
dispatch_t balances_repatriate(rt_t *rt, const account_id_t *from, const account_id_t *to, u128_t amount,
                               bool to_reserved, u128_t *moved);

/* balances_slash destroys free balance, balances_slash_reserved reserve, as much as there is; both return what
 * was missing.  The former leaves the existential deposit when something consumes the account. */
u128_t balances_slash(rt_t *rt, const account_id_t *who, u128_t amount);
u128_t balances_slash_reserved(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_deposit makes new money (deposit_creating).  False, and nothing is made, when the account does not
 * exist and amount is below the existential deposit, or on overflow. */
bool balances_deposit(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_withdraw destroys money: BALANCES_INSUFFICIENT_BALANCE, BALANCES_EXPENDABILITY (keep_alive, and it
 * would be reaped), BALANCES_LIQUIDITY_RESTRICTIONS (frozen). */
dispatch_t balances_withdraw(rt_t *rt, const account_id_t *who, u128_t amount, bool keep_alive);

/* balances_take and balances_give are withdraw and deposit without a change of issuance: what one takes
 * another must be given, or balances_forget must be told.  existing_only: an account that is not there gets
 * nothing. */
dispatch_t balances_take(rt_t *rt, const account_id_t *who, u128_t amount, bool keep_alive);
bool balances_give(rt_t *rt, const account_id_t *who, u128_t amount, bool existing_only);
void balances_forget(rt_t *rt, u128_t amount);

#endif
