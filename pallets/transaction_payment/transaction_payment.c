/* transaction_payment.c - the price of weight, and the multiplier that stays 0. */

#include "transaction_payment.h"

#include "checked.h"

enum { WEIGHT_FEE_PARTS = 80376 }; /* of a billion: CENTS / (10 x base extrinsic weight), rounded down */
#define MULTIPLIER_ONE ((u128_t)UINT64_C(1000000000000000000))

u128_t transaction_payment_weight_fee(uint64_t ref_time) { return perbill_of(WEIGHT_FEE_PARTS, ref_time); }

u128_t transaction_payment_adjusted(rt_t *rt, u128_t weight_fee)
{
    u128_t multiplier = transaction_payment_next_fee_multiplier_get(rt);
    if (multiplier == 0 || weight_fee == 0) return 0;
    if (multiplier > ~(u128_t)0 / weight_fee) return ~(u128_t)0 / MULTIPLIER_ONE;
    return multiplier * weight_fee / MULTIPLIER_ONE;
}

void transaction_payment_on_finalize(rt_t *rt)
{
    if (transaction_payment_next_fee_multiplier_get(rt) != 0)
        transaction_payment_next_fee_multiplier_put(rt, 0);
}
