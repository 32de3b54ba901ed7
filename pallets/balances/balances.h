/* balances.h - money, for the pallets that move it.
 *
 * Total issuance always equals the sum of all free and reserved balances.  An account whose free balance falls below
 * BALANCES_EXISTENTIAL_DEPOSIT is reaped unless something is reserved; what is left of it is lost, and issuance falls.
 * Events are Substrate's (spec tfgrid 1.7). */
#ifndef BALANCES_H
#define BALANCES_H
#include "balances_pallet.h"

/* balances_free and balances_reserved are the two parts of an account's balance. */
u128_t balances_free(rt_t *rt, const account_id_t *who);
u128_t balances_reserved(rt_t *rt, const account_id_t *who);

/* balances_usable is what can be spent by an account that lives on: free less the greater of the deposit and what is frozen. */
u128_t balances_usable(rt_t *rt, const account_id_t *who);

/* balances_move transfers between free balances (Transfer).  keep_alive refuses to reap the sender (TOKEN_NOT_EXPENDABLE). */
dispatch_t balances_move(rt_t *rt, const account_id_t *from, const account_id_t *to, u128_t amount, bool keep_alive);

/* balances_withdraw takes from free and out of issuance (Withdraw).  keep_alive: BALANCES_EXPENDABILITY when it would reap. */
dispatch_t balances_withdraw(rt_t *rt, const account_id_t *who, u128_t amount, bool keep_alive);

/* balances_deposit gives to free and into issuance (Deposit); BALANCES_DEAD_ACCOUNT when there is no such account.
 * balances_deposit_creating makes the account when there is none; BALANCES_EXISTENTIAL_DEPOSIT_ERROR when it is too little. */
dispatch_t balances_deposit(rt_t *rt, const account_id_t *who, u128_t amount);
dispatch_t balances_deposit_creating(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_reserve holds back part of the free balance (Reserved): BALANCES_INSUFFICIENT_BALANCE, BALANCES_LIQUIDITY_RESTRICTIONS,
 * or DISPATCH_CONSUMER_REMAINING when too little would stay free. */
dispatch_t balances_reserve(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_unreserve gives back at most amount (Unreserved); returns what it could not give back. */
u128_t balances_unreserve(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_repatriate moves at most amount from one account's reserve to another's free balance (ReserveRepatriated);
 * *left is what could not be moved.  BALANCES_DEAD_ACCOUNT when the other does not exist. */
dispatch_t balances_repatriate(rt_t *rt, const account_id_t *from, const account_id_t *to, u128_t amount, u128_t *left);

/* balances_slash_reserved takes at most amount out of the reserve and out of issuance (Slashed); returns what it could not take. */
u128_t balances_slash_reserved(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_slash takes at most amount from free, even of what is frozen, then from the reserve, and out of issuance (Slashed);
 * an account that something else needs keeps the deposit.  Returns what it took. */
u128_t balances_slash(rt_t *rt, const account_id_t *who, u128_t amount);

/* balances_endow sets an account's free balance at genesis, without events. */
void balances_endow(rt_t *rt, const account_id_t *who, u128_t amount);

#endif
