/* grandpa.h - the authorities that make blocks final, as the session changes them. */
#ifndef GRANDPA_H
#define GRANDPA_H
#include "grandpa_pallet.h"

/* grandpa_session starts a session of these authorities, one vote each.  When they changed, the change is
 * scheduled for this very block and the set's number grows. */
void grandpa_session(rt_t *rt, const bytes32_t *authorities, uint32_t count, bool is_changed,
                     uint32_t session);

#endif
