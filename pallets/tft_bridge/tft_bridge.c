/* tft_bridge.c - TFT between this chain and Stellar: validators agree on what came and what goes.
 *
 * Minted here when a majority of validators saw a deposit on Stellar; burned here when a user withdraws, and
 * paid out there with a majority's signatures; sent back there when a deposit cannot be used (spec
 * smart-contract 20). */
#include "tft_bridge_pallet.h"

#include "../balances/balances.h"
#include "stellar.h"
#include "system_pallet.h"

enum { RETRY_BLOCKS = 20 };

typedef tft_bridge_stellar_signature_t signature_t;
typedef tft_bridge_stellar_signature_vec_t signature_vec_t;

static bool is_same(const account_id_t *a, const account_id_t *b)
{
    return bytes_equal((bytes_t){a->b, sizeof a->b}, (bytes_t){b->b, sizeof b->b});
}

static void *room(rt_t *rt, uint32_t count, size_t item_size)
{
    uint64_t size = (uint64_t)count * item_size;
    void *taken   = size > UINT32_MAX ? NULL : arena_take(&rt->arena, (uint32_t)size);
    if (!taken && size > 0) rt_exhaust(rt, "tft_bridge: no room in the block's memory");
    return taken;
}

/* ------------------------------------------------------------------------------ validators, fees */

/* place_of finds where an account stands in a list, which for validators is sorted, or would stand. */
static uint32_t place_of(const account_id_vec_t *list, const account_id_t *who, bool *is_listed)
{
    uint32_t at = 0;
    while (at < list->len && bytes_compare((bytes_t){list->items[at].b, 32}, (bytes_t){who->b, 32}) < 0)
        at++;
    *is_listed = at < list->len && is_same(&list->items[at], who);
    return at;
}

/* inserted makes a list with one more account at a place. */
static dispatch_t inserted(rt_t *rt, account_id_vec_t *list, uint32_t at, const account_id_t *who)
{
    account_id_t *items = room(rt, list->len + 1, sizeof *items);
    ENSURE(items, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < at; i++)
        items[i] = list->items[i];
    items[at] = *who;
    for (uint32_t i = at; i < list->len; i++)
        items[i + 1] = list->items[i];
    *list = (account_id_vec_t){.items = items, .len = list->len + 1};
    return DISPATCH_OK;
}

static dispatch_t check_validator(rt_t *rt, const account_id_t *who)
{
    account_id_vec_t validators;
    bool is_listed;
    tft_bridge_validators_get(rt, &validators);
    place_of(&validators, who, &is_listed);
    ENSURE(is_listed, TFT_BRIDGE_VALIDATOR_NOT_EXISTS);
    return DISPATCH_OK;
}

/* majority_of is how many of the validators must agree. */
static uint32_t majority_of(rt_t *rt)
{
    account_id_vec_t validators;
    tft_bridge_validators_get(rt, &validators);
    return validators.len / 2 + 1;
}

dispatch_t tft_bridge_add_bridge_validator(rt_t *rt, const tft_bridge_add_bridge_validator_args_t *args)
{
    account_id_vec_t validators;
    bool is_listed;
    tft_bridge_validators_get(rt, &validators);
    const uint32_t at = place_of(&validators, &args->target, &is_listed);
    ENSURE(!is_listed, TFT_BRIDGE_VALIDATOR_EXISTS);
    TRY(inserted(rt, &validators, at, &args->target));

    tft_bridge_validators_put(rt, validators);
    return DISPATCH_OK;
}

dispatch_t tft_bridge_remove_bridge_validator(rt_t *rt, const tft_bridge_remove_bridge_validator_args_t *args)
{
    account_id_vec_t validators;
    bool is_listed;
    tft_bridge_validators_get(rt, &validators);
    uint32_t at = place_of(&validators, &args->target, &is_listed);
    ENSURE(is_listed, TFT_BRIDGE_VALIDATOR_NOT_EXISTS);

    for (; at + 1 < validators.len; at++)
        validators.items[at] = validators.items[at + 1];
    validators.len--;

    tft_bridge_validators_put(rt, validators);
    return DISPATCH_OK;
}

dispatch_t tft_bridge_set_fee_account(rt_t *rt, const tft_bridge_set_fee_account_args_t *args)
{
    tft_bridge_fee_account_put(rt, &args->target);
    return DISPATCH_OK;
}

dispatch_t tft_bridge_set_withdraw_fee(rt_t *rt, const tft_bridge_set_withdraw_fee_args_t *args)
{
    tft_bridge_withdraw_fee_put(rt, args->amount);
    return DISPATCH_OK;
}

dispatch_t tft_bridge_set_deposit_fee(rt_t *rt, const tft_bridge_set_deposit_fee_args_t *args)
{
    tft_bridge_deposit_fee_put(rt, args->amount);
    return DISPATCH_OK;
}

/* pay_fee mints a fee for the fee account; without one, nobody gets it. */
static dispatch_t pay_fee(rt_t *rt, uint64_t fee)
{
    account_id_t account;
    if (fee == 0 || !tft_bridge_fee_account_get(rt, &account)) return DISPATCH_OK;
    return balances_deposit_creating(rt, &account, fee);
}

/* ------------------------------------------------------------------------------ from Stellar */

/* vote records who saw a deposit; each validator counts once (spec smart-contract, B29). */
static dispatch_t vote(rt_t *rt, const account_id_t *who, bytes_t transaction,
                       tft_bridge_mint_transaction_t *mint)
{
    account_id_vec_t voters;
    tft_bridge_mint_voters_get(rt, transaction, &voters);
    for (uint32_t i = 0; i < voters.len; i++)
        ENSURE(!is_same(&voters.items[i], who), TFT_BRIDGE_MINT_TRANSACTION_EXISTS);
    TRY(inserted(rt, &voters, voters.len, who));
    mint->votes++;

    tft_bridge_mint_voters_put(rt, transaction, voters);
    tft_bridge_mint_transactions_put(rt, transaction, mint);
    tft_bridge_emit_mint_transaction_voted(rt, transaction);
    return DISPATCH_OK;
}

static dispatch_t complete_mint(rt_t *rt, bytes_t transaction, const tft_bridge_mint_transaction_t *mint)
{
    const uint64_t fee = tft_bridge_deposit_fee_get(rt);
    ENSURE(mint->amount > fee, TFT_BRIDGE_AMOUNT_IS_LESS_THAN_DEPOSIT_FEE);
    TRY(balances_deposit_creating(rt, &mint->target, mint->amount - fee));
    TRY(pay_fee(rt, fee));

    tft_bridge_mint_transactions_remove(rt, transaction);
    tft_bridge_mint_voters_remove(rt, transaction);
    tft_bridge_executed_mint_transactions_put(rt, transaction, mint);
    tft_bridge_emit_mint_completed(rt, mint, transaction);
    return DISPATCH_OK;
}

dispatch_t
tft_bridge_propose_or_vote_mint_transaction(rt_t *rt, const account_id_t *who,
                                            const tft_bridge_propose_or_vote_mint_transaction_args_t *args)
{
    tft_bridge_mint_transaction_t mint;
    TRY(check_validator(rt, who));
    ENSURE(!tft_bridge_executed_mint_transactions_exists(rt, args->transaction),
           TFT_BRIDGE_MINT_TRANSACTION_ALREADY_EXECUTED);
    if (tft_bridge_mint_transactions_get(rt, args->transaction, &mint)) {
        ENSURE(mint.amount == args->amount && is_same(&mint.target, &args->target),
               TFT_BRIDGE_WRONG_PARAMETERS_PROVIDED);
    } else {
        mint = (tft_bridge_mint_transaction_t){
            .amount = args->amount, .target = args->target, .block = system_number_get(rt)};
        tft_bridge_emit_mint_transaction_proposed(rt, args->transaction, &args->target, args->amount);
    }
    TRY(vote(rt, who, args->transaction, &mint));
    return mint.votes >= majority_of(rt) ? complete_mint(rt, args->transaction, &mint) : DISPATCH_OK;
}

/* -------------------------------------------------------------------------------- to Stellar */

dispatch_t tft_bridge_swap_to_stellar(rt_t *rt, const account_id_t *who,
                                      const tft_bridge_swap_to_stellar_args_t *args)
{
    const uint64_t fee = tft_bridge_withdraw_fee_get(rt);
    ENSURE(stellar_is_address(args->target_stellar_address), TFT_BRIDGE_INVALID_STELLAR_PUBLIC_KEY);
    ENSURE(args->amount > fee, TFT_BRIDGE_AMOUNT_IS_LESS_THAN_WITHDRAW_FEE);
    ENSURE(args->amount <= balances_usable(rt, who) && args->amount <= UINT64_MAX,
           TFT_BRIDGE_NOT_ENOUGH_BALANCE_TO_SWAP);
    TRY(balances_withdraw(rt, who, args->amount, true));
    TRY(pay_fee(rt, fee));

    const uint64_t id                        = tft_bridge_burn_transaction_id_get(rt) + 1;
    const tft_bridge_burn_transaction_t burn = {
        .block  = system_number_get(rt),
        .amount = (uint64_t)args->amount - fee,
        .source = {.some = true, .value = *who},
        .target = args->target_stellar_address,
    };

    tft_bridge_burn_transaction_id_put(rt, id);
    tft_bridge_burn_transactions_put(rt, id, &burn);
    tft_bridge_emit_burn_transaction_created(rt, id, who, burn.target, burn.amount);
    return DISPATCH_OK;
}

/* sign adds a signature, unless the same key or the same signature is there, or there are enough. */
static dispatch_t sign(rt_t *rt, signature_vec_t *signatures, const signature_t *added, dispatch_t enough,
                       dispatch_t exists)
{
    ENSURE(signatures->len < majority_of(rt), enough);
    for (uint32_t i = 0; i < signatures->len; i++)
        ENSURE(!bytes_equal(signatures->items[i].stellar_pub_key, added->stellar_pub_key) &&
                   !bytes_equal(signatures->items[i].signature, added->signature),
               exists);
    signature_t *items = room(rt, signatures->len + 1, sizeof *items);
    ENSURE(items, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < signatures->len; i++)
        items[i] = signatures->items[i];
    items[signatures->len] = *added;
    *signatures            = (signature_vec_t){.items = items, .len = signatures->len + 1};
    return DISPATCH_OK;
}

dispatch_t tft_bridge_propose_burn_transaction_or_add_sig(
    rt_t *rt, const account_id_t *who, const tft_bridge_propose_burn_transaction_or_add_sig_args_t *args)
{
    tft_bridge_burn_transaction_t burn;
    const uint64_t id           = args->transaction_id;
    const signature_t signature = {.signature = args->signature, .stellar_pub_key = args->stellar_pub_key};
    TRY(check_validator(rt, who));
    ENSURE(!tft_bridge_executed_burn_transactions_exists(rt, id),
           TFT_BRIDGE_BURN_TRANSACTION_ALREADY_EXECUTED);
    ENSURE(tft_bridge_burn_transactions_get(rt, id, &burn), TFT_BRIDGE_BURN_TRANSACTION_NOT_EXISTS);
    ENSURE(burn.amount == args->amount && bytes_equal(burn.target, args->target),
           TFT_BRIDGE_WRONG_PARAMETERS_PROVIDED);
    TRY(sign(rt, &burn.signatures, &signature, TFT_BRIDGE_ENOUGH_BURN_SIGNATURES_PRESENT,
             TFT_BRIDGE_BURN_SIGNATURE_EXISTS));
    burn.sequence_number = args->sequence_number;

    tft_bridge_burn_transactions_put(rt, id, &burn);
    tft_bridge_emit_burn_transaction_signature_added(rt, id, &signature);
    if (burn.signatures.len >= majority_of(rt)) tft_bridge_emit_burn_transaction_ready(rt, id);
    return DISPATCH_OK;
}

dispatch_t
tft_bridge_set_burn_transaction_executed(rt_t *rt, const account_id_t *who,
                                         const tft_bridge_set_burn_transaction_executed_args_t *args)
{
    tft_bridge_burn_transaction_t burn;
    const uint64_t id = args->transaction_id;
    TRY(check_validator(rt, who));
    ENSURE(!tft_bridge_executed_burn_transactions_exists(rt, id),
           TFT_BRIDGE_BURN_TRANSACTION_ALREADY_EXECUTED);
    ENSURE(tft_bridge_burn_transactions_get(rt, id, &burn), TFT_BRIDGE_BURN_TRANSACTION_NOT_EXISTS);

    tft_bridge_burn_transactions_remove(rt, id);
    tft_bridge_executed_burn_transactions_put(rt, id, &burn);
    tft_bridge_emit_burn_transaction_processed(rt, &burn);
    return DISPATCH_OK;
}

/* ---------------------------------------------------------------------------- back to Stellar */

dispatch_t tft_bridge_create_refund_transaction_or_add_sig(
    rt_t *rt, const account_id_t *who, const tft_bridge_create_refund_transaction_or_add_sig_args_t *args)
{
    tft_bridge_refund_transaction_t refund;
    const signature_t signature = {.signature = args->signature, .stellar_pub_key = args->stellar_pub_key};
    TRY(check_validator(rt, who));
    ENSURE(!tft_bridge_executed_refund_transactions_exists(rt, args->tx_hash),
           TFT_BRIDGE_REFUND_TRANSACTION_ALREADY_EXECUTED);
    const bool is_known = tft_bridge_refund_transactions_exists(rt, args->tx_hash);
    if (is_known) {
        tft_bridge_refund_transactions_get(rt, args->tx_hash, &refund);
        ENSURE(refund.amount == args->amount && bytes_equal(refund.target, args->target),
               TFT_BRIDGE_WRONG_PARAMETERS_PROVIDED);
    } else {
        refund = (tft_bridge_refund_transaction_t){.block   = system_number_get(rt),
                                                   .amount  = args->amount,
                                                   .target  = args->target,
                                                   .tx_hash = args->tx_hash};
    }
    TRY(sign(rt, &refund.signatures, &signature, TFT_BRIDGE_ENOUGH_REFUND_SIGNATURES_PRESENT,
             TFT_BRIDGE_REFUND_SIGNATURE_EXISTS));
    refund.sequence_number = args->sequence_number;

    tft_bridge_refund_transactions_put(rt, args->tx_hash, &refund);
    tft_bridge_emit_refund_transactionsignature_added(rt, args->tx_hash, &signature);
    if (refund.signatures.len >= majority_of(rt)) tft_bridge_emit_refund_transaction_ready(rt, args->tx_hash);
    if (!is_known) tft_bridge_emit_refund_transaction_created(rt, args->tx_hash, args->target, args->amount);
    return DISPATCH_OK;
}

dispatch_t
tft_bridge_set_refund_transaction_executed(rt_t *rt, const account_id_t *who,
                                           const tft_bridge_set_refund_transaction_executed_args_t *args)
{
    tft_bridge_refund_transaction_t refund;
    TRY(check_validator(rt, who));
    ENSURE(!tft_bridge_executed_refund_transactions_exists(rt, args->tx_hash),
           TFT_BRIDGE_REFUND_TRANSACTION_ALREADY_EXECUTED);
    ENSURE(tft_bridge_refund_transactions_exists(rt, args->tx_hash),
           TFT_BRIDGE_REFUND_TRANSACTION_NOT_EXISTS);

    tft_bridge_refund_transactions_get(rt, args->tx_hash, &refund);
    tft_bridge_refund_transactions_remove(rt, args->tx_hash);
    tft_bridge_executed_refund_transactions_put(rt, args->tx_hash, &refund);
    tft_bridge_emit_refund_transaction_processed(rt, &refund);
    return DISPATCH_OK;
}

/* ------------------------------------------------------------------------------- each block */

static bool is_late(uint32_t now, uint32_t block) { return now - block >= RETRY_BLOCKS && now >= block; }

static void expire_burns(rt_t *rt, uint32_t now)
{
    bytes_t at = {0};
    uint64_t id;
    tft_bridge_burn_transaction_t burn;
    while (tft_bridge_burn_transactions_next(rt, &at, &id, &burn)) {
        if (!is_late(now, burn.block)) continue;
        burn.block           = now;
        burn.signatures      = (signature_vec_t){0};
        burn.sequence_number = 0;
        tft_bridge_burn_transactions_put(rt, id, &burn);
        tft_bridge_emit_burn_transaction_expired(rt, id, &burn.source, burn.target, burn.amount);
    }
}

static void expire_refunds(rt_t *rt, uint32_t now)
{
    bytes_t at = {0}, hash;
    tft_bridge_refund_transaction_t refund;
    while (tft_bridge_refund_transactions_next(rt, &at, &hash, &refund)) {
        if (!is_late(now, refund.block)) continue;
        refund.block           = now;
        refund.signatures      = (signature_vec_t){0};
        refund.sequence_number = 0;
        tft_bridge_refund_transactions_put(rt, hash, &refund);
        tft_bridge_emit_refund_transaction_expired(rt, hash, refund.target, refund.amount);
    }
}

/* Signatures that were not used in time are dropped: validators sign anew with another sequence number. */
void tft_bridge_on_finalize(rt_t *rt)
{
    const uint32_t now  = system_number_get(rt);
    const uint32_t used = rt->arena.used;
    expire_burns(rt, now);
    expire_refunds(rt, now);
    rt->arena.used = used;
}
