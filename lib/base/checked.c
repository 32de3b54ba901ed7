/* checked.c - products of 256 bits, shares and their rounding. */
#include "checked.h"

/* A 256-bit product. */
typedef struct {
    u128_t high, low;
} u256_t;

static u256_t wide_mul(u128_t a, u128_t b)
{
    u128_t a0 = (uint64_t)a, a1 = a >> 64, b0 = (uint64_t)b, b1 = b >> 64;
    u128_t low = a0 * b0, middle = a1 * b0 + (low >> 64);
    u128_t other = a0 * b1 + (uint64_t)middle;
    return (u256_t){.high = a1 * b1 + (middle >> 64) + (other >> 64), .low = other << 64 | (uint64_t)low};
}

/* wide_div divides v by divisor, which is above v.high: the quotient fits. */
static u128_t wide_div(u256_t v, u128_t divisor, u128_t *remainder)
{
    if (v.high == 0) {
        *remainder = v.low % divisor;
        return v.low / divisor;
    }
    u128_t quotient = 0, rest = v.high;
    for (int bit = 127; bit >= 0; bit--) {
        bool carry = rest >> 127;
        rest       = rest << 1 | (v.low >> bit & 1);
        if (carry || rest >= divisor) {
            rest -= divisor;
            quotient |= (u128_t)1 << bit;
        }
    }
    *remainder = rest;
    return quotient;
}

static bool rounds_up(u128_t remainder, u128_t divisor, rounding_t rounding)
{
    switch (rounding) {
    case ROUND_DOWN: return false;
    case ROUND_NEAREST_HALF_DOWN: return remainder > divisor - remainder;
    case ROUND_NEAREST_HALF_UP: return remainder >= divisor - remainder;
    case ROUND_UP: return remainder > 0;
    }
    return false;
}

bool u128_mul_div(u128_t a, u128_t b, u128_t divisor, rounding_t rounding, u128_t *out)
{
    u256_t product = wide_mul(a, b);
    u128_t remainder;
    if (product.high >= divisor) /* also when divisor is 0 */
        return false;
    u128_t quotient = wide_div(product, divisor, &remainder);
    return u128_add(quotient, rounds_up(remainder, divisor, rounding), out);
}

u128_t share_of(uint32_t parts, uint32_t whole, u128_t x, rounding_t rounding)
{
    if (parts >= whole) return x;
    u128_t rest = x % whole * parts; /* below 2^64 */
    return x / whole * parts + rest / whole + rounds_up(rest % whole, whole, rounding);
}

uint32_t perbill_ratio(u128_t part, u128_t whole)
{
    u128_t parts;
    if (part >= whole || !u128_mul_div(part, PERBILL_WHOLE, whole, ROUND_DOWN, &parts)) return PERBILL_WHOLE;
    return (uint32_t)parts;
}

u128_t fixed_of(u128_t fixed, u128_t x)
{
    u128_t v;
    return u128_mul_div(fixed, x, FIXED_ONE, ROUND_DOWN, &v) ? v : U128_MAX;
}
