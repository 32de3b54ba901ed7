/* fixed.h - U64F64: numbers of 64 bits before the point and 64 after it.
 *
 * Amounts of money are defined by this arithmetic, bit for bit (spec smart-contract 8.1): products and
 * quotients are truncated, rounding to an integer is half away from zero.  What does not fit is the
 * greatest value, never a wrapped one. */
#ifndef FIXED_H
#define FIXED_H
#include "base.h"

/* The number's raw bits: the value times 2^64. */
typedef struct {
    u128_t bits;
} fixed_t;

#define FIXED_BITS(whole, fraction) ((fixed_t){(u128_t)(whole) << 64 | UINT64_C(fraction)})

fixed_t fixed_from(u128_t integer);
fixed_t fixed_add(fixed_t a, fixed_t b);
fixed_t fixed_mul(fixed_t a, fixed_t b);

/* fixed_div is the greatest value when b is zero. */
fixed_t fixed_div(fixed_t a, fixed_t b);

/* fixed_times and fixed_over take a plain integer, which is not zero for fixed_over. */
fixed_t fixed_times(fixed_t a, uint64_t n);
fixed_t fixed_over(fixed_t a, uint64_t n);

/* fixed_ratio is integer / divisor of integers wider than 64 bits, truncated to 64 fractional bits. */
fixed_t fixed_ratio(u128_t integer, u128_t divisor);

fixed_t fixed_min(fixed_t a, fixed_t b);
fixed_t fixed_max(fixed_t a, fixed_t b);
uint64_t fixed_round(fixed_t a);

#endif
