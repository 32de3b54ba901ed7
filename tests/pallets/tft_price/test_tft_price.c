/* The price of TFT: who says it, the ring of the last 1440, and their average. */
#include "test.h"
#include "world.h"

enum { PRICE = 28 };

static dispatch_t set_price(uint32_t price)
{
    return CALL(validator, tft_price_set_prices, .price = price, .block_number = world_block());
}

TEST(only_validators_say_the_price)
{
    world_start();
    EQ(CALL(alice, tft_price_set_prices, .price = 50, .block_number = 1),
       TFT_PRICE_ACCOUNT_UNAUTHORIZED_TO_SET_PRICE);
    EQ(ROOT(tft_price_set_prices, .price = 50, .block_number = 1), DISPATCH_BAD_ORIGIN);
    EQ(CALL(validator, tft_price_set_prices, .price = 60, .block_number = 77), DISPATCH_OK);
    OK(rt->pays_no_fee);
    EQ(tft_price_tft_price_get(rt), 60);
    EQ(tft_price_average_tft_price_get(rt), 60);
    EQ(tft_price_last_block_set_get(rt), 77);
    EQ(world_event_count(PRICE, 0), 1);
    EQ(world_event_count(PRICE, 2), 1);
}

/* 10, 11: 10.5 is 11; 10, 11, 11: 10.67 is 11; 10, 11, 11, 9: 10.25 is 10. */
TEST(the_average_rounds_half_up)
{
    static const uint32_t cases[][2] = {
        {10, 10},
        {11, 11},
        {11, 11},
        {9,  10}
    };
    world_start();
    for (size_t i = 0; i < 4; i++) {
        EQ(set_price(cases[i][0]), DISPATCH_OK);
        EQ(tft_price_average_tft_price_get(rt), cases[i][1]);
    }
}

TEST(the_average_is_told_beyond_its_limits_but_not_held)
{
    world_start();
    EQ(set_price(9), DISPATCH_OK);
    EQ(world_event_count(PRICE, 4), 1);
    EQ(world_event_count(PRICE, 3), 0);
    EQ(tft_price_average_tft_price_get(rt), 9);
    EQ(set_price(3000), DISPATCH_OK); /* 1504.5 */
    EQ(world_event(PRICE, 3, 0)->tft_price.kind, TFT_PRICE_EVENT_AVERAGE_PRICE_IS_ABOVE_MAX_PRICE);
    EQ(tft_price_average_tft_price_get(rt), 1505);
    world_start();
    EQ(set_price(UINT32_MAX), DISPATCH_OK);
    EQ(set_price(UINT32_MAX), DISPATCH_OK); /* the sum saturates: half of it */
    EQ(tft_price_average_tft_price_get(rt), UINT32_C(1) << 31);
}

/* The 1441st price takes the place of the first. */
TEST(the_ring_holds_1440)
{
    u16_u16_t range;
    world_start();
    for (uint32_t i = 0; i < 1440; i++) {
        tft_price_tft_price_history_put(rt, (uint16_t)i, 20);
    }
    tft_price_buffer_range_put(rt, &(u16_u16_t){1, 0});
    EQ(set_price(1460), DISPATCH_OK); /* (1439 * 20 + 1460) / 1440 = 21 */
    EQ(tft_price_average_tft_price_get(rt), 21);
    tft_price_buffer_range_get(rt, &range);
    EQ(range.f1, 1);
    EQ(range.f0, 2);
    OK(!tft_price_tft_price_history_exists(rt, 1440));
    tft_price_buffer_range_put(rt, &(u16_u16_t){0, 1439});
    EQ(set_price(20), DISPATCH_OK);
    tft_price_buffer_range_get(rt, &range);
    EQ(range.f1, 0);
    EQ(range.f0, 1);
}

TEST(the_council_sets_the_limits)
{
    world_start();
    EQ(CALL(validator, tft_price_set_min_tft_price, .price = 20), DISPATCH_BAD_ORIGIN);
    EQ(ROOT(tft_price_set_min_tft_price, .price = 1000), TFT_PRICE_MIN_PRICE_ABOVE_MAX_PRICE_ERROR);
    EQ(ROOT(tft_price_set_min_tft_price, .price = 999), DISPATCH_OK);
    EQ(ROOT(tft_price_set_max_tft_price, .price = 999), TFT_PRICE_MAX_PRICE_BELOW_MIN_PRICE_ERROR);
    EQ(CALL_FROM(from_council, tft_price_set_max_tft_price, .price = 5000), DISPATCH_OK);
    EQ(tft_price_min_tft_price_get(rt), 999);
    EQ(tft_price_max_tft_price_get(rt), 5000);
}

TEST_MAIN()
