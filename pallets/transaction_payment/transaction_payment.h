/* transaction_payment.h - what weight costs (spec tfgrid 1.4, fault G14). */
#ifndef TRANSACTION_PAYMENT_H
#define TRANSACTION_PAYMENT_H
#include "transaction_payment_pallet.h"

/* transaction_payment_weight_fee is the price of weight: a tenth of a cent for the base weight of an
 * extrinsic. */
u128_t transaction_payment_weight_fee(uint64_t ref_time);

/* transaction_payment_adjusted multiplies by NextFeeMultiplier, which is 0 on this chain. */
u128_t transaction_payment_adjusted(rt_t *rt, u128_t weight_fee);

#endif
