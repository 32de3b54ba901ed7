/* kv.c - sets of changes in order. */
#include "kv.h"

static void sift_down(change_t *items, uint32_t at, uint32_t count)
{
    for (;;) {
        uint64_t child = 2 * (uint64_t)at + 1;
        if (child >= count) return;
        uint32_t most = (uint32_t)child;
        if (most + 1 < count && bytes_compare(items[most].key, items[most + 1].key) < 0) most++;
        if (bytes_compare(items[at].key, items[most].key) >= 0) return;
        change_t swap = items[at];
        items[at]     = items[most];
        items[most]   = swap;
        at            = most;
    }
}

/* A heap sort: in place, and no order of the input makes it slow. */
void changes_sort(changes_t *changes)
{
    change_t *items = changes->items;
    for (uint32_t i = changes->count / 2; i-- > 0;)
        sift_down(items, i, changes->count);
    for (uint32_t i = changes->count; i > 1; i--) {
        change_t swap = items[0];
        items[0]      = items[i - 1];
        items[i - 1]  = swap;
        sift_down(items, 0, i - 1);
    }
}
