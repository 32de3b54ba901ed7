/* authorship.c - the author of the block, found once a block. */

#include "authorship.h"

#include "aura/aura.h"
#include "session_pallet.h"

bool authorship_find(rt_t *rt, account_id_t *author)
{
    if (authorship_author_get(rt, author)) return true;
    account_id_vec_t validators;
    uint64_t slot;
    session_validators_get(rt, &validators);
    if (validators.len == 0 || !aura_slot_of_block(rt, &slot)) return false;
    *author = validators.items[slot % validators.len];
    authorship_author_put(rt, author);
    return true;
}

void authorship_on_finalize(rt_t *rt) { authorship_author_remove(rt); }
