/* nested.c - calls run by calls, and their weights added. */
#include "nested.h"

#include "checked.h"
#include "runtime_call.h"

dispatch_t nested_run(rt_t *rt, const origin_t *origin, const runtime_call_t *call)
{
    bool pays_no_fee  = rt->pays_no_fee;
    uint32_t used     = rt->arena.used;
    dispatch_t result = runtime_call_dispatch(rt, origin, call);
    rt->arena.used    = used;
    rt->pays_no_fee   = pays_no_fee;
    return result;
}

weight_t weight_sum(weight_t a, weight_t b)
{
    return (weight_t){u64_add_sat(a.ref_time, b.ref_time), u64_add_sat(a.proof_size, b.proof_size)};
}
