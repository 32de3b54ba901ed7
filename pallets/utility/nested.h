/* nested.h - calls run by the executive, by hooks and by other calls. */
#ifndef NESTED_H
#define NESTED_H
#include "rt.h"
#include "support_types.h"

/* call_run runs a call that no other call runs: of an extrinsic, or of a hook.  A limit that it met, at
 * whatever depth, undoes all of it (DISPATCH_EXHAUSTED).  Afterwards rt->pays_no_fee and rt->used_weight are
 * the call's. */
dispatch_t call_run(rt_t *rt, const origin_t *origin, const runtime_call_t *call);

/* nested_run runs a call in a layer of its own, and adds to *used (may be NULL) what it weighed.  What it
 * says about its fee is its own affair: the call that runs it pays as it says itself.  The memory that it
 * took is given back. */
dispatch_t nested_run(rt_t *rt, const origin_t *origin, const runtime_call_t *call, weight_t *used);

/* weight_sum adds without wrapping. */
weight_t weight_sum(weight_t a, weight_t b);

/* weight_less is the smaller of two in each dimension. */
weight_t weight_less(weight_t a, weight_t b);

#endif
