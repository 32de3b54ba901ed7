/* U64F64, bit for bit. */
#include "smart_contract/fixed.h"
#include "test.h"

#define HIGHEST                  (~(u128_t)0)
#define IS(got, whole, fraction) OK((got).bits == ((u128_t)(whole) << 64 | UINT64_C(fraction)))

TEST(integers_stand_before_the_point)
{
    IS(fixed_from(0), 0, 0);
    IS(fixed_from(7), 7, 0);
    IS(fixed_from(UINT64_MAX), UINT64_MAX, 0);
    OK(fixed_from((u128_t)UINT64_MAX + 1).bits == HIGHEST);
}

TEST(products_are_truncated)
{
    const fixed_t third = fixed_over(fixed_from(1), 3); /* 0x5555555555555555 */
    IS(third, 0, 0x5555555555555555);
    IS(fixed_mul(third, fixed_from(3)), 0, 0xFFFFFFFFFFFFFFFF);
    IS(fixed_mul(third, third), 0, 0x1C71C71C71C71C71);
    IS(fixed_mul(FIXED_BITS(1, 0x8000000000000000), FIXED_BITS(2, 0x8000000000000000)), 3,
       0xC000000000000000);
    IS(fixed_mul(FIXED_BITS(0, 1), FIXED_BITS(0, 0xFFFFFFFFFFFFFFFF)), 0, 0);
    OK(fixed_mul(fixed_from(UINT64_C(1) << 33), fixed_from(UINT64_C(1) << 33)).bits == HIGHEST);
    IS(fixed_mul(fixed_from(UINT64_C(1) << 31), fixed_from(UINT64_C(1) << 32)), UINT64_C(1) << 63, 0);
    OK(fixed_mul((fixed_t){HIGHEST}, FIXED_BITS(1, 0)).bits == HIGHEST);
    OK(fixed_mul((fixed_t){HIGHEST}, FIXED_BITS(1, 1)).bits == HIGHEST);
}

TEST(quotients_are_truncated)
{
    IS(fixed_div(fixed_from(1), fixed_from(3)), 0, 0x5555555555555555);
    IS(fixed_div(fixed_from(10), FIXED_BITS(2, 0x8000000000000000)), 4, 0);
    IS(fixed_div(FIXED_BITS(5, 0x8000000000000000), FIXED_BITS(0, 0x8000000000000000)), 11, 0);
    IS(fixed_div(fixed_from(UINT64_MAX), fixed_from(UINT64_MAX)), 1, 0);
    OK(fixed_div(fixed_from(1), (fixed_t){0}).bits == HIGHEST);
    OK(fixed_div((fixed_t){HIGHEST}, FIXED_BITS(0, 0x8000000000000000)).bits == HIGHEST);
    OK(fixed_div((fixed_t){HIGHEST}, FIXED_BITS(1, 0)).bits == HIGHEST);
    IS(fixed_ratio((u128_t)1 << 100, (u128_t)1 << 101), 0, 0x8000000000000000);
    IS(fixed_ratio(7, 2), 3, 0x8000000000000000);
}

TEST(plain_integers_scale)
{
    IS(fixed_times(FIXED_BITS(0, 0x8000000000000000), 3), 1, 0x8000000000000000);
    IS(fixed_times(fixed_from(5), 0), 0, 0);
    OK(fixed_times(fixed_from(UINT64_MAX), 2).bits == HIGHEST);
    IS(fixed_over(fixed_from(7), 2), 3, 0x8000000000000000);
    OK(fixed_add((fixed_t){HIGHEST}, FIXED_BITS(0, 1)).bits == HIGHEST);
    IS(fixed_min(fixed_from(2), fixed_from(1)), 1, 0);
    IS(fixed_max(fixed_from(2), fixed_from(1)), 2, 0);
}

TEST(a_half_rounds_up)
{
    EQ(fixed_round(FIXED_BITS(3, 0x7FFFFFFFFFFFFFFF)), 3);
    EQ(fixed_round(FIXED_BITS(3, 0x8000000000000000)), 4);
    EQ(fixed_round(fixed_from(UINT64_MAX)), UINT64_MAX);
    EQ(fixed_round((fixed_t){HIGHEST}), UINT64_MAX);
}

/* a = q * b + r by integers, against the quotient by bits; and what is divided comes back but for the cut. */
PROPERTY(division_undoes_multiplication, 500)
{
    uint64_t whole   = random_next(random) >> (random_next(random) % 64),
             divisor = random_next(random) >> (random_next(random) % 63);
    if (divisor == 0) divisor = 1;
    fixed_t quotient = fixed_div(fixed_from(whole), fixed_from(divisor));
    EQ(quotient.bits >> 64, whole / divisor);
    fixed_t back = fixed_times(quotient, divisor);
    OK(back.bits <= fixed_from(whole).bits && fixed_from(whole).bits - back.bits < divisor);
    u128_t wide = (u128_t)random_next(random) << 64 | random_next(random);
    OK(fixed_mul((fixed_t){wide}, FIXED_BITS(1, 0)).bits == wide);
    OK(fixed_div((fixed_t){wide}, FIXED_BITS(1, 0)).bits == wide);
}

TEST_MAIN()
