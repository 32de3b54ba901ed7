/* funds.c - an account's money, as bills see it. */
#include "funds.h"

#include "../balances/balances.h"
#include "smart_contract_pallet.h"

u128_t funds_usable(rt_t *rt, const account_id_t *who) { return balances_usable(rt, who); }

dispatch_t funds_reserve(rt_t *rt, const account_id_t *who, u128_t amount)
{
    return balances_reserve(rt, who, amount);
}

void funds_give_back(rt_t *rt, const account_id_t *who, u128_t amount)
{
    if (balances_unreserve(rt, who, amount) != 0)
        rt->host->log(rt->host->state, "smart_contract: less is reserved than contracts hold");
}

/* pay_newcomer makes an account of what it is paid.  Less than it needs to exist would be lost: it goes back
 * (B12). */
static dispatch_t pay_newcomer(rt_t *rt, const account_id_t *owner, const account_id_t *to, u128_t amount)
{
    if (amount < BALANCES_EXISTENTIAL_DEPOSIT) {
        funds_give_back(rt, owner, amount);
        return DISPATCH_OK;
    }
    ENSURE(balances_slash_reserved(rt, owner, amount) == 0, SMART_CONTRACT_REWARD_DISTRIBUTION_ERROR);
    return balances_deposit_creating(rt, to, amount);
}

dispatch_t funds_pay(rt_t *rt, const account_id_t *owner, const account_id_t *to, u128_t amount)
{
    u128_t missing;
    const bool is_owner  = bytes_equal((bytes_t){owner->b, sizeof owner->b}, (bytes_t){to->b, sizeof to->b});
    const bool is_funded = balances_free(rt, to) > 0 || balances_reserved(rt, to) > 0;
    if (!is_owner && !is_funded) return pay_newcomer(rt, owner, to, amount);
    TRY(balances_repatriate(rt, owner, to, amount, &missing));
    ENSURE(missing == 0, SMART_CONTRACT_REWARD_DISTRIBUTION_ERROR);
    return DISPATCH_OK;
}

dispatch_t funds_transfer(rt_t *rt, const account_id_t *from, const account_id_t *to, u128_t amount)
{
    return balances_move(rt, from, to, amount, true);
}
