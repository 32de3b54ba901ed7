/* council.h - what the membership pallet, and genesis, tell the council. */
#ifndef COUNCIL_H
#define COUNCIL_H
#include "council_pallet.h"

#define COUNCIL_MAX_MEMBERS 100u

/* What closing a motion costs, without the motion's call. */
#define COUNCIL_CLOSE_WEIGHT ((weight_t){UINT64_C(40000000) + 5 * WEIGHT_READ + 3 * WEIGHT_WRITE, 4327})

/* council_change_members makes `members`, sorted, the council: those who left lose their votes in all
 * motions, and there is no prime until council_set_prime names one. */
void council_change_members(rt_t *rt, account_id_vec_t members);

/* council_set_prime names the member whose vote counts for the absent; NULL: none. */
void council_set_prime(rt_t *rt, const account_id_t *who);

#endif
