/* tft_price.c - the price of TFT in mUSD, as validators report it, and its average.
 *
 * The last 1440 prices are kept in a ring; bills use their average, held between a least and a greatest
 * price (spec smart-contract 14 and 8.6). */
#include "tft_price_pallet.h"

#include "checked.h"
#include "pallet.h"
#include "session_pallet.h"

enum { RING_SIZE = 1440 };

static dispatch_t check_validator(rt_t *rt, const account_id_t *who)
{
    account_id_vec_t validators;
    session_validators_get(rt, &validators);
    for (uint32_t i = 0; i < validators.len; i++)
        if (bytes_equal((bytes_t){validators.items[i].b, 32}, (bytes_t){who->b, 32})) return DISPATCH_OK;
    return TFT_PRICE_ACCOUNT_UNAUTHORIZED_TO_SET_PRICE;
}

/* push writes a price at the ring's end; a full ring loses its oldest. */
static void push(rt_t *rt, uint32_t price)
{
    u16_u16_t range; /* f0 is the oldest, f1 where the next goes */
    tft_price_buffer_range_get(rt, &range);
    tft_price_tft_price_history_put(rt, range.f1, price);
    range.f1 = (uint16_t)((range.f1 + 1) % RING_SIZE);
    if (range.f1 == range.f0) range.f0 = (uint16_t)((range.f0 + 1) % RING_SIZE);
    tft_price_buffer_range_put(rt, &range);
}

/* average is the sum of all stored prices, which saturates, over their number, rounded half up. */
static uint32_t average(rt_t *rt)
{
    uint32_t sum = 0, count = 0;
    for (uint32_t at = 0; at < RING_SIZE; at++) {
        const uint16_t i = (uint16_t)at;
        if (!tft_price_tft_price_history_exists(rt, i)) continue;
        sum = u32_add_sat(sum, tft_price_tft_price_history_get(rt, i));
        count++;
    }
    return count == 0 ? 0 : (uint32_t)(((uint64_t)sum * 2 + count) / (2 * (uint64_t)count));
}

dispatch_t tft_price_set_prices(rt_t *rt, const account_id_t *who, const tft_price_set_prices_args_t *args)
{
    TRY(check_validator(rt, who));

    tft_price_last_block_set_put(rt, args->block_number);
    tft_price_tft_price_put(rt, args->price);
    tft_price_emit_price_stored(rt, args->price);
    push(rt, args->price);

    const uint32_t mean = average(rt), least = tft_price_min_tft_price_get(rt),
                   most = tft_price_max_tft_price_get(rt);
    tft_price_average_tft_price_put(rt, mean);
    tft_price_emit_average_price_stored(rt, mean);
    if (mean < least) tft_price_emit_average_price_is_below_min_price(rt, mean, least);
    if (mean > most) tft_price_emit_average_price_is_above_max_price(rt, mean, most);
    rt_pays_no(rt);
    return DISPATCH_OK;
}

dispatch_t tft_price_set_min_tft_price(rt_t *rt, const tft_price_set_min_tft_price_args_t *args)
{
    ENSURE(args->price < tft_price_max_tft_price_get(rt), TFT_PRICE_MIN_PRICE_ABOVE_MAX_PRICE_ERROR);
    tft_price_min_tft_price_put(rt, args->price);
    return DISPATCH_OK;
}

dispatch_t tft_price_set_max_tft_price(rt_t *rt, const tft_price_set_max_tft_price_args_t *args)
{
    ENSURE(args->price > tft_price_min_tft_price_get(rt), TFT_PRICE_MAX_PRICE_BELOW_MIN_PRICE_ERROR);
    tft_price_max_tft_price_put(rt, args->price);
    return DISPATCH_OK;
}
