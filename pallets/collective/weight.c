/* weight.c - what the council's calls cost, with the call that they carry. */
#include "../utility/nested.h"
#include "council.h"
#include "runtime_call.h"

void council_execute_weight(const council_execute_args_t *args, dispatch_info_t *info)
{
    info->weight = weight_sum((weight_t){UINT64_C(20000000) + 2 * WEIGHT_READ, 1600},
                              runtime_call_dispatch_info(args->proposal).weight);
}

void council_propose_weight(const council_propose_args_t *args, dispatch_info_t *info)
{
    if (args->threshold < 2)
        info->weight = weight_sum((weight_t){UINT64_C(23000000) + 2 * WEIGHT_READ, 3600},
                                  runtime_call_dispatch_info(args->proposal).weight);
    else
        info->weight = (weight_t){UINT64_C(28000000) + 4 * (WEIGHT_READ + WEIGHT_WRITE), 3986};
}

void council_close_weight(const council_close_args_t *args, dispatch_info_t *info)
{
    weight_t bound = {args->proposal_weight_bound.ref_time, args->proposal_weight_bound.proof_size};
    info->weight   = weight_sum(COUNCIL_CLOSE_WEIGHT, bound);
}
