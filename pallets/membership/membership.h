/* membership.h - the list of council members, as other pallets change it. */
#ifndef MEMBERSHIP_H
#define MEMBERSHIP_H
#include "rt.h"

/* membership_add and membership_remove change the list and the council, and tell it in an event:
 * COUNCIL_MEMBERSHIP_ALREADY_MEMBER, _TOO_MANY_MEMBERS, _NOT_MEMBER. */
dispatch_t membership_add(rt_t *rt, const account_id_t *who);
dispatch_t membership_remove(rt_t *rt, const account_id_t *who);

#endif
