/* test_checked.c - arithmetic tells when it cannot, and shares round as the chain's do. */
#include "checked.h"
#include "test.h"

TEST(sums_and_products_tell_or_clamp)
{
    uint64_t a;
    u128_t b;
    OK(u64_add(UINT64_MAX - 1, 1, &a) && a == UINT64_MAX);
    OK(!u64_add(UINT64_MAX, 1, &a));
    OK(!u64_sub(1, 2, &a));
    OK(!u64_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &a));
    OK(!u128_add(U128_MAX, 1, &b));
    OK(!u128_mul(U128_MAX / 2, 3, &b));
    OK(u128_mul(U128_MAX / 3, 3, &b) && b == U128_MAX);
    OK(u128_mul(0, U128_MAX, &b) && b == 0);
    EQ(u64_add_sat(UINT64_MAX, 5), UINT64_MAX);
    EQ(u64_sub_sat(3, 5), 0);
    EQ(u64_mul_sat(UINT64_MAX, 2), UINT64_MAX);
    EQ(u32_add_sat(UINT32_MAX, 1), UINT32_MAX);
    OK(u128_mul_sat(U128_MAX, 2) == U128_MAX);
    OK(u128_sub_sat(1, 2) == 0);
}

TEST(an_exact_half_of_a_share_rounds_down)
{
    EQ(percent_of(50, 1), 0);
    EQ(percent_of(50, 3), 1);
    EQ(percent_of(51, 1), 1);
    EQ(percent_of(75, 10), 7);
    EQ(percent_of(75, 11), 8);
    EQ(percent_of(100, 77), 77);
    EQ(percent_of(250, 77), 77);
    EQ(perbill_of(500000000, 5), 2);
    EQ(perbill_of(333333333, 1000000000), 333333333);
    EQ(permill_of(1, 500000), 0);
    EQ(permill_of(1, 500001), 1);
    EQ(share_of(1, 2, 5, ROUND_NEAREST_HALF_UP), 3);
    EQ(share_of(1, 3, 10, ROUND_UP), 4);
    EQ(share_of(1, 3, 11, ROUND_DOWN), 3);
    OK(perbill_of(PERBILL_WHOLE - 1, U128_MAX) < U128_MAX);
}

TEST(ratios_round_down_and_stay_below_the_whole)
{
    EQ(perbill_ratio(1, 3), 333333333);
    EQ(perbill_ratio(2, 3), 666666666);
    EQ(perbill_ratio(5, 5), PERBILL_WHOLE);
    EQ(perbill_ratio(5, 0), PERBILL_WHOLE);
    EQ(perbill_ratio(0, 9), 0);
    EQ(perbill_ratio(U128_MAX - 1, U128_MAX), PERBILL_WHOLE - 1);
}

TEST(a_product_of_256_bits_is_divided_exactly)
{
    u128_t v, two_100 = (u128_t)1 << 100;
    OK(u128_mul_div(two_100, two_100, two_100, ROUND_DOWN, &v) && v == two_100);
    OK(u128_mul_div(U128_MAX, U128_MAX, U128_MAX, ROUND_UP, &v) && v == U128_MAX);
    OK(!u128_mul_div(U128_MAX, 2, 1, ROUND_DOWN, &v));
    OK(!u128_mul_div(1, 1, 0, ROUND_DOWN, &v));
    OK(u128_mul_div(U128_MAX, 3, 6, ROUND_DOWN, &v) && v == U128_MAX / 2);
    OK(u128_mul_div(U128_MAX, 3, 6, ROUND_NEAREST_HALF_DOWN, &v) && v == U128_MAX / 2);
    OK(u128_mul_div(U128_MAX, 3, 6, ROUND_NEAREST_HALF_UP, &v) && v == U128_MAX / 2 + 1);
    EQ(fixed_of(FIXED_ONE + FIXED_ONE / 2, 7), 10);
    OK(fixed_of(2 * FIXED_ONE, U128_MAX) == U128_MAX);
}

PROPERTY(division_undoes_multiplication, 300)
{
    u128_t a = ((u128_t)random_next(random) << 64 | random_next(random)) >> random_below(random, 128), v;
    u128_t b = ((u128_t)random_next(random) << 64 | random_next(random)) >> random_below(random, 127) | 1;
    OK(u128_mul_div(a, b, b, ROUND_DOWN, &v) && v == a);
    OK(u128_mul_div(a, b, b, ROUND_UP, &v) && v == a);
    if (u128_mul_div(a, b, b > 2 ? b - 1 : b, ROUND_DOWN, &v)) OK(v >= a);
}

TEST_MAIN()
