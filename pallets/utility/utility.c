/* utility.c - many calls in one, and calls in another's name.
 *
 * Every call within runs in a layer of its own, whatever becomes of the others (spec tfgrid 1.7). */
#include "nested.h"

#include "hash.h"
#include "runtime_call.h"

#include <string.h>

/* What a batch weighs beside its calls. */
static weight_t batch_base(uint32_t count)
{
    return (weight_t){UINT64_C(16000000) + count * UINT64_C(5000000), 0};
}

static dispatch_t check_batch(const origin_t *origin, runtime_call_vec_t calls)
{
    ENSURE(origin->kind != ORIGIN_NONE, DISPATCH_BAD_ORIGIN);
    ENSURE(calls.len <= UTILITY_BATCHED_CALLS_LIMIT, UTILITY_TOO_MANY_CALLS);
    return DISPATCH_OK;
}

dispatch_t utility_batch(rt_t *rt, const origin_t *origin, const utility_batch_args_t *args)
{
    weight_t used = {0};
    TRY(check_batch(origin, args->calls));
    for (uint32_t i = 0; i < args->calls.len; i++) {
        dispatch_t result = nested_run(rt, origin, args->calls.items[i], &used);
        if (result != DISPATCH_OK) {
            support_dispatch_error_t error = support_dispatch_error_from(result);
            utility_emit_batch_interrupted(rt, i, &error);
            rt_weight_used(rt, weight_sum(batch_base(i + 1), used));
            return DISPATCH_OK;
        }
        utility_emit_item_completed(rt);
    }
    utility_emit_batch_completed(rt);
    rt_weight_used(rt, weight_sum(batch_base(args->calls.len), used));
    return DISPATCH_OK;
}

static bool is_batch_all(const runtime_call_t *call)
{
    return call->pallet == UTILITY_PALLET && call->utility.index == UTILITY_CALL_BATCH_ALL;
}

dispatch_t utility_batch_all(rt_t *rt, const origin_t *origin, const utility_batch_all_args_t *args)
{
    weight_t used = {0};
    TRY(check_batch(origin, args->calls));
    for (uint32_t i = 0; i < args->calls.len; i++) {
        ENSURE(origin->kind == ORIGIN_ROOT || !is_batch_all(args->calls.items[i]), SYSTEM_CALL_FILTERED);
        dispatch_t result = nested_run(rt, origin, args->calls.items[i], &used);
        rt_weight_used(rt, weight_sum(batch_base(i + 1), used));
        TRY(result);
        utility_emit_item_completed(rt);
    }
    utility_emit_batch_completed(rt);
    return DISPATCH_OK;
}

dispatch_t utility_force_batch(rt_t *rt, const origin_t *origin, const utility_force_batch_args_t *args)
{
    bool has_errors = false;
    weight_t used   = {0};
    TRY(check_batch(origin, args->calls));
    for (uint32_t i = 0; i < args->calls.len; i++) {
        dispatch_t result = nested_run(rt, origin, args->calls.items[i], &used);
        if (result == DISPATCH_OK) {
            utility_emit_item_completed(rt);
            continue;
        }
        support_dispatch_error_t error = support_dispatch_error_from(result);
        utility_emit_item_failed(rt, &error);
        has_errors = true;
    }
    if (has_errors)
        utility_emit_batch_completed_with_errors(rt);
    else
        utility_emit_batch_completed(rt);
    rt_weight_used(rt, weight_sum(batch_base(args->calls.len), used));
    return DISPATCH_OK;
}

/* An account derives others, one a number: the hash of a name, itself and the number. */
static account_id_t derived(const account_id_t *who, uint16_t index)
{
    static const char name[] = "modlpy/utilisuba";
    uint8_t room[sizeof name - 1 + 32 + 2];
    account_id_t account;
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_raw(&w, name, sizeof name - 1);
    scale_put_account_id(&w, who);
    scale_put_u16(&w, index);
    hash_t hash = blake2_256(scale_written(&w));
    memcpy(account.b, hash.b, sizeof account.b);
    return account;
}

dispatch_t utility_as_derivative(rt_t *rt, const account_id_t *who, const utility_as_derivative_args_t *args)
{
    origin_t origin = {.kind = ORIGIN_SIGNED, .who = derived(who, args->index)};
    return nested_run(rt, &origin, args->call, NULL);
}

static dispatch_t origin_from(const support_origin_caller_t *caller, origin_t *origin)
{
    *origin = (origin_t){.kind = ORIGIN_NONE};
    if (caller->kind == SUPPORT_ORIGIN_CALLER_COUNCIL) {
        const support_council_origin_t *council = &caller->council;
        ENSURE(council->kind != SUPPORT_COUNCIL_ORIGIN__PHANTOM, DISPATCH_BAD_ORIGIN);
        if (council->kind == SUPPORT_COUNCIL_ORIGIN_MEMBER)
            *origin = (origin_t){.kind = ORIGIN_COUNCIL_MEMBER, .who = council->member};
        else
            *origin = (origin_t){
                .kind = ORIGIN_COUNCIL_MEMBERS, .ayes = council->members.u32, .seats = council->members.u32_};
        return DISPATCH_OK;
    }
    ENSURE(caller->kind == SUPPORT_ORIGIN_CALLER_SYSTEM, DISPATCH_BAD_ORIGIN);
    if (caller->system.kind == SUPPORT_SYSTEM_ORIGIN_ROOT) origin->kind = ORIGIN_ROOT;
    if (caller->system.kind == SUPPORT_SYSTEM_ORIGIN_SIGNED)
        *origin = (origin_t){.kind = ORIGIN_SIGNED, .who = caller->system.signed_};
    return DISPATCH_OK;
}

dispatch_t utility_dispatch_as(rt_t *rt, const utility_dispatch_as_args_t *args)
{
    origin_t origin;
    TRY(origin_from(&args->as_origin, &origin));

    support_dispatch_error_result_t result =
        support_dispatch_result_from(nested_run(rt, &origin, args->call, NULL));
    utility_emit_dispatched_as(rt, &result);
    return DISPATCH_OK;
}

dispatch_t utility_with_weight(rt_t *rt, const utility_with_weight_args_t *args)
{
    origin_t origin = {.kind = ORIGIN_ROOT};
    return nested_run(rt, &origin, args->call, NULL);
}

/* ------------------------------------------------------------------ weights */

/* A batch weighs what its calls weigh and a little for each; it is operational when all of them are. */
static void batch_weight(runtime_call_vec_t calls, dispatch_info_t *info)
{
    weight_t sum = batch_base(calls.len);
    info->class  = CLASS_OPERATIONAL;
    for (uint32_t i = 0; i < calls.len; i++) {
        dispatch_info_t one = runtime_call_dispatch_info(calls.items[i]);
        sum                 = weight_sum(sum, one.weight);
        if (one.class != CLASS_OPERATIONAL) info->class = CLASS_NORMAL;
    }
    info->weight = sum;
}

void utility_batch_weight(const utility_batch_args_t *args, dispatch_info_t *info)
{
    batch_weight(args->calls, info);
}

void utility_batch_all_weight(const utility_batch_all_args_t *args, dispatch_info_t *info)
{
    batch_weight(args->calls, info);
}

void utility_force_batch_weight(const utility_force_batch_args_t *args, dispatch_info_t *info)
{
    batch_weight(args->calls, info);
}

static void call_weight(const runtime_call_t *call, uint64_t ref_time, dispatch_info_t *info)
{
    dispatch_info_t inner = runtime_call_dispatch_info(call);
    info->class           = inner.class;
    info->weight          = weight_sum((weight_t){ref_time, 0}, inner.weight);
}

void utility_as_derivative_weight(const utility_as_derivative_args_t *args, dispatch_info_t *info)
{
    call_weight(args->call, UINT64_C(6500000) + WEIGHT_READ + WEIGHT_WRITE, info);
}

void utility_dispatch_as_weight(const utility_dispatch_as_args_t *args, dispatch_info_t *info)
{
    call_weight(args->call, UINT64_C(9000000), info);
}

void utility_with_weight_weight(const utility_with_weight_args_t *args, dispatch_info_t *info)
{
    call_weight(args->call, 0, info);
    info->weight = (weight_t){args->weight.ref_time, args->weight.proof_size};
}
