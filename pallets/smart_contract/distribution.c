/* distribution.c - who gets what a contract has reserved. */
#include "distribution.h"

#include "checked.h"
#include "funds.h"

enum { STAKING_PERBILL = 100000000, FOUNDATION_PERBILL = 400000000 };

/* 5CNposRewardAccount11111111111111111111111111FSU */
static const account_id_t staking_pool = {
    {0x0d, 0xd1, 0xd1, 0xa6, 0xe5, 0xa3, 0x5a, 0xa8, 0xc7, 0xf5, 0xe5, 0x7e, 0x1e, 0xdd, 0x0c, 0x3f,
     0xbd, 0x6a, 0xbf, 0x2e, 0xaa, 0x8e, 0xf4, 0x25, 0x48, 0x98, 0x6e, 0x54, 0xa2, 0x56, 0x20, 0x00}
};

/* pay gives one share away.  For the last time there is no later: what cannot be paid goes back. */
static dispatch_t pay(rt_t *rt, const account_id_t *owner, const account_id_t *to, u128_t amount,
                      bool is_last)
{
    if (amount == 0) return DISPATCH_OK;
    rt_layer_t layer  = rt_layer_begin(rt);
    dispatch_t result = funds_pay(rt, owner, to, amount);
    rt_layer_end(rt, layer, result == DISPATCH_OK);
    if (result == DISPATCH_OK) return DISPATCH_OK;
    ENSURE(is_last, SMART_CONTRACT_REWARD_DISTRIBUTION_ERROR);
    funds_give_back(rt, owner, amount);
    return DISPATCH_OK;
}

static dispatch_t pay_standard(rt_t *rt, const earners_t *earners, u128_t reserve, bool is_last)
{
    u128_t staking    = perbill_of(STAKING_PERBILL, reserve);
    u128_t foundation = earners->has_farmer ? perbill_of(FOUNDATION_PERBILL, reserve) : reserve - staking;
    TRY(pay(rt, &earners->owner, &staking_pool, staking, is_last));
    TRY(pay(rt, &earners->owner, &earners->farmer, reserve - foundation - staking, is_last));
    return pay(rt, &earners->owner, &earners->foundation, foundation, is_last);
}

dispatch_t distribution_run(rt_t *rt, const contract_t *contract, const earners_t *earners,
                            payment_t *payment)
{
    const bool is_last      = contract_is_deleted(contract);
    const u128_t standard   = payment->standard_reserve;
    const u128_t additional = payment->additional_reserve;
    if (payment->cycles < CYCLES_BEFORE_DISTRIBUTION && !is_last) return DISPATCH_OK;
    if (standard == 0 && additional == 0) return DISPATCH_OK;

    TRY(pay(rt, &earners->owner, &earners->farmer, additional, is_last));
    TRY(pay_standard(rt, earners, standard, is_last));
    payment->standard_reserve   = 0;
    payment->additional_reserve = 0;
    payment->cycles             = 0;

    smart_contract_emit_reward_distributed(rt, contract->contract_id, standard, additional);
    return DISPATCH_OK;
}
