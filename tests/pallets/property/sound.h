/* sound.h - what holds of the whole state between any two steps. */
#ifndef SOUND_H
#define SOUND_H
#include "rt.h"

/* COUNT counts the entries of a map by its ..._next: the keys' places follow, and NULL for the value. */
#define COUNT(count_, next_, ...)                                                                            \
    do {                                                                                                     \
        bytes_t at_ = {0};                                                                                   \
        (count_)    = 0;                                                                                     \
        while (next_(rt, &at_, __VA_ARGS__))                                                                 \
            (count_)++;                                                                                      \
    } while (0)

/* Each tells whether it holds; if not, fault_text (fault.h) says what does not. */
bool sound_money(rt_t *rt);     /* issuance, reserves, references to accounts */
bool sound_contracts(rt_t *rt); /* contracts and all that leads to them */
bool sound_addresses(rt_t *rt); /* public addresses of farms and of contracts */
bool sound_grid(rt_t *rt);      /* twins, entities, farms, nodes, policies */
bool sound_councils(rt_t *rt);  /* council, DAO, validators, scheduler, bridge, prices */

/* sound_addresses_agree: each address of a contract is lent to it by its farm, and so to no other.  Holds as
 * long as the council takes none away by force. */
bool sound_addresses_agree(rt_t *rt);

bool sound_all(rt_t *rt);

#endif
