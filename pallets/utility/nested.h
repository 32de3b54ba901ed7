/* nested.h - a call that is run by another call. */
#ifndef NESTED_H
#define NESTED_H
#include "rt.h"
#include "support_types.h"

/* nested_run runs a call in a layer of its own, and adds to *used (may be NULL) what it weighed.  What it
 * says about its fee is its own affair: the call that runs it pays as it says itself.  The memory that it
 * took is given back. */
dispatch_t nested_run(rt_t *rt, const origin_t *origin, const runtime_call_t *call, weight_t *used);

/* weight_sum adds without wrapping. */
weight_t weight_sum(weight_t a, weight_t b);

/* weight_less is the smaller of two in each dimension. */
weight_t weight_less(weight_t a, weight_t b);

#endif
