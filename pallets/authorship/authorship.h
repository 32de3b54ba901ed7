/* authorship.h - who made the block. */
#ifndef AUTHORSHIP_H
#define AUTHORSHIP_H
#include "authorship_pallet.h"

/* authorship_find finds the author's account: the session validator whose slot the block's is. */
bool authorship_find(rt_t *rt, account_id_t *author);

#endif
