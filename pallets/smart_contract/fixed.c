/* fixed.c - U64F64 arithmetic over 256-bit products. */
#include "fixed.h"

#define HIGHEST (~(u128_t)0)
#define LOW(v)  ((uint64_t)(v))

fixed_t fixed_from(u128_t integer) { return (fixed_t){integer > UINT64_MAX ? HIGHEST : integer << 64}; }

fixed_t fixed_add(fixed_t a, fixed_t b)
{
    return (fixed_t){b.bits > HIGHEST - a.bits ? HIGHEST : a.bits + b.bits};
}

fixed_t fixed_mul(fixed_t a, fixed_t b)
{
    uint64_t a0 = LOW(a.bits), a1 = LOW(a.bits >> 64), b0 = LOW(b.bits), b1 = LOW(b.bits >> 64);
    u128_t low = (u128_t)a0 * b0, cross = (u128_t)a1 * b0, other = (u128_t)a0 * b1, high = (u128_t)a1 * b1;

    /* The product over 2^64: high * 2^64 + cross + other + the upper half of low. */
    if (high > UINT64_MAX) return (fixed_t){HIGHEST};
    fixed_t sum = {high << 64};
    sum         = fixed_add(sum, (fixed_t){cross});
    sum         = fixed_add(sum, (fixed_t){other});
    return fixed_add(sum, (fixed_t){low >> 64});
}

/* divide_shifted is (a * 2^64) / b, truncated: long division, one bit of the quotient at a time. */
static u128_t divide_shifted(u128_t a, u128_t b)
{
    if (b == 0) return HIGHEST;
    if (a <= UINT64_MAX) return (a << 64) / b;
    u128_t quotient = a / b, rest = a % b;
    if (quotient > UINT64_MAX) return HIGHEST;
    for (int i = 0; i < 64; i++) {
        bool carries = rest >> 127;
        rest <<= 1;
        quotient <<= 1;
        if (carries || rest >= b) {
            rest -= b;
            quotient |= 1;
        }
    }
    return quotient;
}

fixed_t fixed_div(fixed_t a, fixed_t b) { return (fixed_t){divide_shifted(a.bits, b.bits)}; }

fixed_t fixed_times(fixed_t a, uint64_t n)
{
    return (fixed_t){n != 0 && a.bits > HIGHEST / n ? HIGHEST : a.bits * n};
}

fixed_t fixed_over(fixed_t a, uint64_t n) { return (fixed_t){a.bits / n}; }

fixed_t fixed_ratio(u128_t integer, u128_t divisor) { return (fixed_t){divide_shifted(integer, divisor)}; }

fixed_t fixed_min(fixed_t a, fixed_t b) { return a.bits < b.bits ? a : b; }
fixed_t fixed_max(fixed_t a, fixed_t b) { return a.bits > b.bits ? a : b; }

uint64_t fixed_round(fixed_t a)
{
    const u128_t half = (u128_t)1 << 63;
    return a.bits > HIGHEST - half ? UINT64_MAX : LOW((a.bits + half) >> 64);
}
