/* distribution.h - who gets what a contract has reserved. */
#ifndef SMART_CONTRACT_DISTRIBUTION_H
#define SMART_CONTRACT_DISTRIBUTION_H
#include "contract.h"

/* Whose reserve it is and who earned it.  Name contracts have no farmer. */
typedef struct {
    account_id_t owner, foundation, farmer;
    bool has_farmer;
} earners_t;

/* distribution_run pays out the reserves of `payment`, when its time has come or the contract ends: a tenth
 * to the staking pool, four tenths to the foundation, half to the farmer; the extra fee whole to the farmer
 * (spec smart-contract 11).  When the contract ends, what cannot be paid goes back to the owner (B13). */
dispatch_t distribution_run(rt_t *rt, const contract_t *contract, const earners_t *earners,
                            payment_t *payment);

#endif
