/* burning.c - TFT that its owner destroys, with a word to say why. */
#include "../balances/balances.h"
#include "burning_pallet.h"
#include "system_pallet.h"

/* What was taken is recorded: an account that something holds keeps its existential deposit (spec
 * smart-contract, B32). */
dispatch_t burning_burn_tft(rt_t *rt, const account_id_t *who, const burning_burn_tft_args_t *args)
{
    burning_burn_vec_t burns = {0};
    ENSURE(balances_free(rt, who) >= args->amount, BURNING_NOT_ENOUGH_BALANCE_TO_BURN);
    burning_burns_get(rt, &burns);
    const uint64_t size   = ((uint64_t)burns.len + 1) * sizeof *burns.items;
    burning_burn_t *items = size > UINT32_MAX ? NULL : arena_take(&rt->arena, (uint32_t)size);
    ENSURE(items, DISPATCH_EXHAUSTED);

    for (uint32_t i = 0; i < burns.len; i++)
        items[i] = burns.items[i];
    items[burns.len] = (burning_burn_t){
        .target  = *who,
        .amount  = balances_slash(rt, who, args->amount),
        .block   = system_number_get(rt),
        .message = args->message,
    };
    const burning_burn_t *burn = &items[burns.len];

    burning_burns_put(rt, (burning_burn_vec_t){.items = items, .len = burns.len + 1});
    burning_emit_burn_transaction_created(rt, who, burn->amount, burn->block, args->message);
    return DISPATCH_OK;
}
