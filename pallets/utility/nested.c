/* nested.c - calls run by calls, and their weights added. */
#include "nested.h"

#include "checked.h"
#include "runtime_call.h"

dispatch_t call_run(rt_t *rt, const origin_t *origin, const runtime_call_t *call)
{
    rt->pays_no_fee     = false;
    rt->has_used_weight = false;
    rt->is_exhausted    = false;
    rt->is_bounded      = true;
    rt_layer_t layer    = rt_layer_begin(rt);
    dispatch_t result   = runtime_call_dispatch(rt, origin, call);
    rt->is_bounded      = false;
    if (rt->is_exhausted) result = DISPATCH_EXHAUSTED;
    rt_layer_end(rt, layer, result == DISPATCH_OK);
    return result;
}

dispatch_t nested_run(rt_t *rt, const origin_t *origin, const runtime_call_t *call, weight_t *used)
{
    weight_t weight     = runtime_call_dispatch_info(call).weight;
    bool pays_no_fee    = rt->pays_no_fee;
    uint32_t arena_used = rt->arena.used;
    rt->has_used_weight = false;
    dispatch_t result   = runtime_call_dispatch(rt, origin, call);
    if (rt->has_used_weight) weight = weight_less(weight, rt->used_weight);
    if (used) *used = weight_sum(*used, weight);
    rt->arena.used      = arena_used;
    rt->pays_no_fee     = pays_no_fee;
    rt->has_used_weight = false;
    return result;
}

weight_t weight_sum(weight_t a, weight_t b)
{
    return (weight_t){u64_add_sat(a.ref_time, b.ref_time), u64_add_sat(a.proof_size, b.proof_size)};
}

weight_t weight_less(weight_t a, weight_t b)
{
    return (weight_t){a.ref_time < b.ref_time ? a.ref_time : b.ref_time,
                      a.proof_size < b.proof_size ? a.proof_size : b.proof_size};
}
