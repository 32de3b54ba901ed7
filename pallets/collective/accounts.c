/* accounts.c - lists of accounts, searched and changed. */
#include "accounts.h"

#include <string.h>

int accounts_compare(const account_id_t *a, const account_id_t *b) { return memcmp(a->b, b->b, sizeof a->b); }

bool accounts_find(account_id_vec_t accounts, const account_id_t *who, uint32_t *at)
{
    uint32_t low = 0, high = accounts.len;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (accounts_compare(&accounts.items[middle], who) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < accounts.len && accounts_compare(&accounts.items[low], who) == 0;
}

bool accounts_contain(account_id_vec_t accounts, const account_id_t *who)
{
    for (uint32_t i = 0; i < accounts.len; i++)
        if (accounts_compare(&accounts.items[i], who) == 0) return true;
    return false;
}

void accounts_sort(account_id_vec_t *accounts)
{
    for (uint32_t i = 1; i < accounts->len; i++) {
        account_id_t one = accounts->items[i];
        uint32_t at      = i;
        for (; at > 0 && accounts_compare(&accounts->items[at - 1], &one) > 0; at--)
            accounts->items[at] = accounts->items[at - 1];
        accounts->items[at] = one;
    }
}

static account_id_vec_t room_for(arena_t *arena, uint32_t count)
{
    account_id_t *items = arena_take(arena, count * (uint32_t)sizeof *items);
    return (account_id_vec_t){.items = items, .len = 0};
}

account_id_vec_t accounts_with(arena_t *arena, account_id_vec_t accounts, const account_id_t *who)
{
    uint32_t at;
    account_id_vec_t all = room_for(arena, accounts.len + 1);
    if (!all.items) return all;
    (void)accounts_find(accounts, who, &at);
    for (uint32_t i = 0; i < at; i++)
        all.items[all.len++] = accounts.items[i];
    all.items[all.len++] = *who;
    for (uint32_t i = at; i < accounts.len; i++)
        all.items[all.len++] = accounts.items[i];
    return all;
}

account_id_vec_t accounts_minus(arena_t *arena, account_id_vec_t accounts, account_id_vec_t others)
{
    account_id_vec_t left = room_for(arena, accounts.len);
    for (uint32_t i = 0; left.items && i < accounts.len; i++)
        if (!accounts_contain(others, &accounts.items[i])) left.items[left.len++] = accounts.items[i];
    return left;
}

account_id_vec_t accounts_without(arena_t *arena, account_id_vec_t accounts, const account_id_t *who)
{
    account_id_t one = *who;
    return accounts_minus(arena, accounts, (account_id_vec_t){.items = &one, .len = 1});
}
