/* checked.h - arithmetic that tells, or saturates, instead of wrapping.
 *
 * x_add(a, b, &out) is false when the result does not fit, and leaves out alone; x_add_sat clamps.
 * Perbill, Permill and Percent are parts of 10^9, 10^6 and 100; a share above the whole counts as
 * the whole.  `_of` rounds to the nearest, an exact half down. */
#ifndef CHECKED_H
#define CHECKED_H
#include "base.h"

#define U128_MAX (~(u128_t)0)

#define PERCENT_WHOLE UINT32_C(100)
#define PERMILL_WHOLE UINT32_C(1000000)
#define PERBILL_WHOLE UINT32_C(1000000000)

NODISCARD static inline bool u32_add(uint32_t a, uint32_t b, uint32_t *out)
{
    return b <= UINT32_MAX - a && (*out = a + b, true);
}
NODISCARD static inline bool u32_sub(uint32_t a, uint32_t b, uint32_t *out)
{
    return b <= a && (*out = a - b, true);
}
NODISCARD static inline bool u64_add(uint64_t a, uint64_t b, uint64_t *out)
{
    return b <= UINT64_MAX - a && (*out = a + b, true);
}
NODISCARD static inline bool u64_sub(uint64_t a, uint64_t b, uint64_t *out)
{
    return b <= a && (*out = a - b, true);
}
NODISCARD static inline bool u64_mul(uint64_t a, uint64_t b, uint64_t *out)
{
    u128_t v = (u128_t)a * b;
    return v <= UINT64_MAX && (*out = (uint64_t)v, true);
}
NODISCARD static inline bool u128_add(u128_t a, u128_t b, u128_t *out)
{
    return b <= U128_MAX - a && (*out = a + b, true);
}
NODISCARD static inline bool u128_sub(u128_t a, u128_t b, u128_t *out)
{
    return b <= a && (*out = a - b, true);
}
NODISCARD static inline bool u128_mul(u128_t a, u128_t b, u128_t *out)
{
    return (a == 0 || b <= U128_MAX / a) && (*out = a * b, true);
}

static inline uint32_t u32_add_sat(uint32_t a, uint32_t b) { return b > UINT32_MAX - a ? UINT32_MAX : a + b; }
static inline uint32_t u32_sub_sat(uint32_t a, uint32_t b) { return b > a ? 0 : a - b; }
static inline uint64_t u64_add_sat(uint64_t a, uint64_t b) { return b > UINT64_MAX - a ? UINT64_MAX : a + b; }
static inline uint64_t u64_sub_sat(uint64_t a, uint64_t b) { return b > a ? 0 : a - b; }
static inline uint64_t u64_mul_sat(uint64_t a, uint64_t b)
{
    u128_t v = (u128_t)a * b;
    return v > UINT64_MAX ? UINT64_MAX : (uint64_t)v;
}
static inline u128_t u128_add_sat(u128_t a, u128_t b) { return b > U128_MAX - a ? U128_MAX : a + b; }
static inline u128_t u128_sub_sat(u128_t a, u128_t b) { return b > a ? 0 : a - b; }
static inline u128_t u128_mul_sat(u128_t a, u128_t b)
{
    return a != 0 && b > U128_MAX / a ? U128_MAX : a * b;
}

typedef enum { ROUND_DOWN, ROUND_NEAREST_HALF_DOWN, ROUND_NEAREST_HALF_UP, ROUND_UP } rounding_t;

/* u128_mul_div is a * b / divisor over a 256-bit product.  False when divisor is 0 or it does not fit. */
NODISCARD bool u128_mul_div(u128_t a, u128_t b, u128_t divisor, rounding_t rounding, u128_t *out);

/* share_of is parts / whole of x, rounded as asked. */
u128_t share_of(uint32_t parts, uint32_t whole, u128_t x, rounding_t rounding);

static inline u128_t percent_of(uint32_t parts, u128_t x)
{
    return share_of(parts, PERCENT_WHOLE, x, ROUND_NEAREST_HALF_DOWN);
}
static inline u128_t permill_of(uint32_t parts, u128_t x)
{
    return share_of(parts, PERMILL_WHOLE, x, ROUND_NEAREST_HALF_DOWN);
}
static inline u128_t perbill_of(uint32_t parts, u128_t x)
{
    return share_of(parts, PERBILL_WHOLE, x, ROUND_NEAREST_HALF_DOWN);
}

/* perbill_ratio is part of whole in parts of 10^9, rounded down; the whole when part >= whole or whole is 0.
 */
uint32_t perbill_ratio(u128_t part, u128_t whole);

/* A FixedU128 counts 10^-18.  fixed_of is fixed * x rounded down, saturating (saturating_mul_int). */
#define FIXED_ONE ((u128_t)UINT64_C(1000000000000000000))
u128_t fixed_of(u128_t fixed, u128_t x);

#endif
