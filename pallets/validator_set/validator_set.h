/* validator_set.h - who may make blocks, as the session and other pallets see it. */
#ifndef VALIDATOR_SET_H
#define VALIDATOR_SET_H
#include "validator_set_pallet.h"

/* validator_set_of_session gives the validators of the session to be planned, after the offline ones went. */
account_id_vec_t validator_set_of_session(rt_t *rt);

/* validator_set_add approves and adds a validator (VALIDATOR_SET_DUPLICATE); validator_set_remove takes one
 * from both lists (VALIDATOR_SET_TOO_LOW_VALIDATOR_COUNT).  They take effect two sessions later. */
dispatch_t validator_set_add(rt_t *rt, const account_id_t *who);
dispatch_t validator_set_remove(rt_t *rt, const account_id_t *who);

#endif
