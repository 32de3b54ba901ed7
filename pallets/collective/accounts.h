/* accounts.h - lists of accounts in ascending order of their bytes, each once. */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H
#include "support_types.h"

int accounts_compare(const account_id_t *a, const account_id_t *b);

/* accounts_find tells whether who is in a sorted list, and where it is or belongs. */
bool accounts_find(account_id_vec_t accounts, const account_id_t *who, uint32_t *at);

/* accounts_contain looks into a list in any order. */
bool accounts_contain(account_id_vec_t accounts, const account_id_t *who);

/* accounts_sort puts a list in order, in place. */
void accounts_sort(account_id_vec_t *accounts);

/* accounts_with and accounts_without copy a list into arena, with one more at its place, or without one.  An
 * empty copy of a list that is not to be empty means that the arena is full. */
account_id_vec_t accounts_with(arena_t *arena, account_id_vec_t accounts, const account_id_t *who);
account_id_vec_t accounts_without(arena_t *arena, account_id_vec_t accounts, const account_id_t *who);

/* accounts_minus is those of a list that are not in another. */
account_id_vec_t accounts_minus(arena_t *arena, account_id_vec_t accounts, account_id_vec_t others);

#endif
