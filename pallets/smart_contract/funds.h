/* funds.h - an account's money, as bills see it.
 *
 * Bills move money from an account's free balance to its reserve, and from there to who earned it. */
#ifndef SMART_CONTRACT_FUNDS_H
#define SMART_CONTRACT_FUNDS_H
#include "rt.h"

/* funds_usable is what an account can spend or reserve and live on: free less the greater of the existential
 * deposit and what is frozen. */
u128_t funds_usable(rt_t *rt, const account_id_t *who);

/* funds_reserve moves an amount, at most funds_usable, from free to reserved. */
dispatch_t funds_reserve(rt_t *rt, const account_id_t *who, u128_t amount);

/* funds_give_back moves an amount from reserved to free. */
void funds_give_back(rt_t *rt, const account_id_t *who, u128_t amount);

/* funds_pay takes an amount from the owner's reserve and gives it to the free balance of another account, or
 * gives it back where it cannot be given: to the owner himself, or less than an account needs to exist. */
dispatch_t funds_pay(rt_t *rt, const account_id_t *owner, const account_id_t *to, u128_t amount);

/* funds_transfer moves an amount between free balances and keeps the sender's account alive. */
dispatch_t funds_transfer(rt_t *rt, const account_id_t *from, const account_id_t *to, u128_t amount);

#endif
