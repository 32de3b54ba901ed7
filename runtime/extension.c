/* extension.c - the signed extensions, in order: sender, versions, genesis, mortality, nonce, weight,
 * payment, and the pool's tag for bills. */

#include "extension.h"

#include "authorship/authorship.h"
#include "balances/balances.h"
#include "checked.h"
#include "hash.h"
#include "limits.h"
#include "runtime_version.h"
#include "system/system.h"
#include "transaction_payment/transaction_payment.h"

enum { PAYLOAD_HASHED_ABOVE = 256, OPERATIONAL_FACTOR = 5 };

/* ------------------------------------------------------------------------------------ who signed */

static bool birth_hash(rt_t *rt, uint64_t number, place_t place, hash_t *hash)
{
    if (place.parent && number + 1 == place.number) {
        *hash = *place.parent;
        return true;
    }
    if (number > UINT32_MAX || !system_block_hash_exists(rt, (uint32_t)number)) return false;
    system_block_hash_get(rt, (uint32_t)number, hash);
    return true;
}

/* put_additional writes what is signed though it is not in the extrinsic. */
static validity_t put_additional(rt_t *rt, scale_writer_t *w, const extrinsic_t *x, place_t place)
{
    hash_t genesis, birth;
    if (!birth_hash(rt, 0, place, &genesis)) return INVALID_BAD_PROOF;
    if (!birth_hash(rt, era_birth(x->era, place.number), place, &birth)) return INVALID_ANCIENT_BIRTH;
    scale_put_u32(w, RUNTIME_SPEC_VERSION);
    scale_put_u32(w, RUNTIME_TRANSACTION_VERSION);
    scale_put_hash(w, &genesis);
    scale_put_hash(w, x->era.period == 0 ? &genesis : &birth);
    return VALID;
}

static bytes_t signature_bytes(const support_multi_signature_t *signature)
{
    switch (signature->kind) {
    case SUPPORT_MULTI_SIGNATURE_ED25519: return (bytes_t){signature->ed25519.b, 64};
    case SUPPORT_MULTI_SIGNATURE_SR25519: return (bytes_t){signature->sr25519.b, 64};
    case SUPPORT_MULTI_SIGNATURE_ECDSA: return (bytes_t){signature->ecdsa.b, 65};
    }
    return (bytes_t){0};
}

validity_t extension_signer(rt_t *rt, const extrinsic_t *x, place_t place, account_id_t *who)
{
    if (system_lookup(&x->address, who) != DISPATCH_OK) return UNKNOWN_CANNOT_LOOKUP;
    arena_t before   = rt->arena;
    uint32_t cap     = x->call.encoded.len + x->extra.len + 128;
    scale_writer_t w = scale_writer(arena_take(&rt->arena, cap), cap);
    if (!w.start) {
        rt_fault(rt, "block memory is too small for a call");
        return INVALID_EXHAUSTS;
    }
    scale_put_raw(&w, x->call.encoded.data, x->call.encoded.len);
    scale_put_raw(&w, x->extra.data, x->extra.len);
    validity_t validity = put_additional(rt, &w, x, place);
    bytes_t payload     = scale_written(&w);
    hash_t hashed;
    if (payload.len > PAYLOAD_HASHED_ABOVE) {
        hashed  = blake2_256(payload);
        payload = (bytes_t){hashed.b, sizeof hashed.b};
    }
    if (validity == VALID && !rt->host->verify(rt->host->state, (uint8_t)x->signature.kind,
                                               signature_bytes(&x->signature), payload, who))
        validity = INVALID_BAD_PROOF;
    rt->arena.used = before.used;
    return validity;
}

static bool is_zero(const account_id_t *who)
{
    uint8_t any = 0;
    for (uint32_t i = 0; i < sizeof who->b; i++)
        any |= who->b[i];
    return any == 0;
}

/* ------------------------------------------------------------------------------------ weight and length */

/* What a class of extrinsics may take: one of them, all of them in a block, and what all of them may take
 * even in a full block. */
typedef struct {
    weight_t one, all, reserved;
    uint32_t len;
    bool is_bounded;
} class_limits_t;

static const class_limits_t class_limits[] = {
    [CLASS_NORMAL]      = {.one        = {EXTRINSIC_NORMAL_MAX, PROOF_NORMAL_MAX},
                           .all        = {BLOCK_WEIGHT_NORMAL, PROOF_NORMAL_MAX},
                           .len        = BLOCK_LEN_NORMAL,
                           .is_bounded = true},
    [CLASS_OPERATIONAL] = {.one        = {EXTRINSIC_OPERATIONAL_MAX, UINT64_MAX},
                           .all        = {BLOCK_WEIGHT_MAX, UINT64_MAX},
                           .reserved   = {BLOCK_WEIGHT_RESERVED, PROOF_RESERVED},
                           .len        = BLOCK_LEN_MAX,
                           .is_bounded = true},
    [CLASS_MANDATORY]   = {.len = BLOCK_LEN_MAX                                                     },
};

static bool exceeds(weight_t weight, weight_t most)
{
    return weight.ref_time > most.ref_time || weight.proof_size > most.proof_size;
}

/* check_one is what the pool can know: whether the extrinsic alone is too long or too heavy for any block. */
static validity_t check_one(const dispatch_info_t *info, uint32_t len)
{
    const class_limits_t *limits = &class_limits[info->class];
    if (len > limits->len) return INVALID_EXHAUSTS;
    return limits->is_bounded && exceeds(info->weight, limits->one) ? INVALID_EXHAUSTS : VALID;
}

static weight_t used_of(const system_per_dispatch_class_weight_t *used, dispatch_class_t class)
{
    const support_weight_t *w = class == CLASS_NORMAL        ? &used->normal
                                : class == CLASS_OPERATIONAL ? &used->operational
                                                             : &used->mandatory;
    return (weight_t){w->ref_time, w->proof_size};
}

static weight_t sum(weight_t a, weight_t b)
{
    return (weight_t){u64_add_sat(a.ref_time, b.ref_time), u64_add_sat(a.proof_size, b.proof_size)};
}

static validity_t check_block_weight(rt_t *rt, const dispatch_info_t *info, weight_t taken)
{
    static const weight_t most   = {BLOCK_WEIGHT_MAX, UINT64_MAX};
    const class_limits_t *limits = &class_limits[info->class];
    system_per_dispatch_class_weight_t used;
    if (!limits->is_bounded) return VALID;
    system_block_weight_get(rt, &used);
    weight_t all  = sum(used_of(&used, CLASS_NORMAL), used_of(&used, CLASS_OPERATIONAL));
    weight_t mine = sum(used_of(&used, info->class), taken);
    all           = sum(sum(all, used_of(&used, CLASS_MANDATORY)), taken);
    if (exceeds(mine, limits->all)) return INVALID_EXHAUSTS;
    return exceeds(all, most) && exceeds(mine, limits->reserved) ? INVALID_EXHAUSTS : VALID;
}

validity_t extension_limits(rt_t *rt, const dispatch_info_t *info, uint32_t len)
{
    uint32_t all_len = 0;
    weight_t taken   = sum(info->weight, (weight_t){EXTRINSIC_WEIGHT_BASE, 0});
    (void)system_all_extrinsics_len_get(rt, &all_len);
    all_len             = u32_add_sat(all_len, len);
    validity_t validity = check_one(info, all_len);
    if (validity == VALID) validity = check_block_weight(rt, info, taken);
    if (validity != VALID) return validity;

    system_weight_add(rt, info->class, taken);
    system_all_extrinsics_len_put(rt, all_len);
    return VALID;
}

/* ------------------------------------------------------------------------------------ payment */

fee_details_t extension_fee(rt_t *rt, const dispatch_info_t *info, uint32_t len, u128_t tip)
{
    if (info->pays_no_fee) return (fee_details_t){.tip = tip};
    uint64_t weight = info->weight.ref_time < BLOCK_WEIGHT_MAX ? info->weight.ref_time : BLOCK_WEIGHT_MAX;
    return (fee_details_t){
        .base_fee            = transaction_payment_weight_fee(EXTRINSIC_WEIGHT_BASE),
        .len_fee             = len,
        .adjusted_weight_fee = transaction_payment_adjusted(rt, transaction_payment_weight_fee(weight)),
        .tip                 = tip,
    };
}

u128_t fee_total(const fee_details_t *fee)
{
    u128_t inclusion = fee->base_fee + fee->len_fee + fee->adjusted_weight_fee;
    return fee->tip > ~inclusion ? ~(u128_t)0 : inclusion + fee->tip;
}

static uint64_t priority_of(const dispatch_info_t *info, uint32_t len, u128_t tip, u128_t fee)
{
    uint64_t weight    = info->weight.ref_time < 1 ? 1 : info->weight.ref_time;
    uint32_t len_max   = info->class == CLASS_NORMAL ? BLOCK_LEN_NORMAL : BLOCK_LEN_MAX;
    uint32_t bound_len = len < 1 ? 1 : len < len_max ? len : len_max;
    uint64_t by_weight = BLOCK_WEIGHT_MAX / (weight < BLOCK_WEIGHT_MAX ? weight : BLOCK_WEIGHT_MAX);
    uint64_t fit       = len_max / bound_len < by_weight ? len_max / bound_len : by_weight;
    u128_t worth       = tip >= UINT64_MAX ? UINT64_MAX : tip + 1;
    if (info->class == CLASS_OPERATIONAL)
        worth += fee >= UINT64_MAX / OPERATIONAL_FACTOR ? UINT64_MAX : fee * OPERATIONAL_FACTOR;
    u128_t priority = worth * fit;
    return priority > UINT64_MAX ? UINT64_MAX : (uint64_t)priority;
}

void extension_after(rt_t *rt, const payment_t *paid, const dispatch_info_t *info, uint32_t len)
{
    fee_details_t due = extension_fee(rt, info, len, paid->tip);
    u128_t fee        = fee_total(&due);
    u128_t refund     = paid->fee > fee ? paid->fee - fee : 0;
    if (refund > 0 && balances_deposit(rt, &paid->who, refund) != DISPATCH_OK)
        refund = 0; /* the call ended the account: nobody is there to be paid back */
    account_id_t author;
    if (paid->fee > refund && authorship_find(rt, &author))
        (void)balances_deposit_creating(rt, &author,
                                        paid->fee - refund); /* too little for a new account: it is burnt */
    transaction_payment_emit_transaction_fee_paid(rt, &paid->who, fee, paid->tip);
}

/* ------------------------------------------------------------------------------------ before the call, and
 * in the pool */

validity_t extension_before(rt_t *rt, const extrinsic_t *x, const account_id_t *who,
                            const dispatch_info_t *info, payment_t *paid)
{
    if (is_zero(who)) return INVALID_BAD_SIGNER;
    system_account_info_t account;
    system_account_get(rt, who, &account);
    if (account.providers == 0 && account.sufficients == 0) return INVALID_PAYMENT;
    if (x->nonce != account.nonce) return x->nonce < account.nonce ? INVALID_STALE : INVALID_FUTURE;
    account.nonce++;
    system_account_put(rt, who, &account);

    validity_t validity = extension_limits(rt, info, x->encoded.len);
    if (validity != VALID) return validity;
    fee_details_t fee = extension_fee(rt, info, x->encoded.len, x->tip);
    *paid             = (payment_t){.who = *who, .fee = fee_total(&fee), .tip = x->tip};
    return balances_withdraw(rt, who, paid->fee, true) == DISPATCH_OK ? VALID : INVALID_PAYMENT;
}

static bytes_t nonce_tag(rt_t *rt, const account_id_t *who, uint32_t nonce)
{
    scale_writer_t w = scale_writer(arena_take(&rt->arena, 36), 36);
    if (!w.start) {
        rt_fault(rt, "memory is too small for a tag");
        return (bytes_t){0};
    }
    scale_put_account_id(&w, who);
    scale_put_u32(&w, nonce);
    return scale_written(&w);
}

/* Two bills of one contract exclude each other in the pool. */
static void add_bill_tag(rt_t *rt, const extrinsic_t *x, transaction_t *out)
{
    if (x->call.pallet != SMART_CONTRACT_PALLET ||
        x->call.smart_contract.index != SMART_CONTRACT_CALL_BILL_CONTRACT_FOR_BLOCK)
        return;
    static const char name[] = "ContractIdProvides";
    scale_writer_t w         = scale_writer(arena_take(&rt->arena, sizeof name + 8), sizeof name + 8);
    if (!w.start) return;
    scale_put_raw(&w, name, sizeof name - 1);
    scale_put_u64(&w, x->call.smart_contract.bill_contract_for_block.contract_id);
    out->provides[out->provides_count++] = scale_written(&w);
}

validity_t extension_validate(rt_t *rt, const extrinsic_t *x, const account_id_t *who, place_t place,
                              transaction_t *out)
{
    *out = (transaction_t){.propagate = true};
    if (is_zero(who)) return INVALID_BAD_SIGNER;
    dispatch_info_t info = runtime_call_dispatch_info(&x->call);
    if (info.class == CLASS_MANDATORY) return INVALID_MANDATORY;
    uint64_t death = era_death(x->era, place.number);
    out->longevity = death == UINT64_MAX ? UINT64_MAX : death > place.number ? death - place.number : 0;

    system_account_info_t account;
    system_account_get(rt, who, &account);
    if (account.providers == 0 && account.sufficients == 0) return INVALID_PAYMENT;
    if (x->nonce < account.nonce) return INVALID_STALE;
    if (check_one(&info, x->encoded.len) != VALID) return INVALID_EXHAUSTS;
    fee_details_t fee = extension_fee(rt, &info, x->encoded.len, x->tip);
    u128_t usable = balances_usable(rt, who), total = fee_total(&fee);
    if (total > usable) return INVALID_PAYMENT;

    out->provides[out->provides_count++]                               = nonce_tag(rt, who, x->nonce);
    if (x->nonce > account.nonce) out->requires[out->requires_count++] = nonce_tag(rt, who, x->nonce - 1);
    add_bill_tag(rt, x, out);
    out->priority = priority_of(&info, x->encoded.len, x->tip, total);
    return VALID;
}
