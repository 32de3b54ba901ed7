/* relay_store_memory.c - rows in a list, in order of seq. */
#include <stdlib.h>
#include <string.h>

#include "relay_internal.h"

typedef struct node {
    relay_row_t row;
    struct node *next;
} node_t;

struct relay_store_memory {
    node_t *first;
};

static bool memory_put(void *self, const relay_row_t *row)
{
    relay_store_memory_t *store = self;
    node_t **at                 = &store->first;
    while (*at && (*at)->row.seq < row->seq)
        at = &(*at)->next;
    node_t *node  = malloc(sizeof *node + row->wire.len);
    uint8_t *wire = (uint8_t *)(node + 1);
    node->row     = *row;
    node->next    = *at;
    memcpy(wire, row->wire.data, row->wire.len);
    node->row.wire.data = wire;
    *at                 = node;
    return true;
}

static void node_remove(node_t **at)
{
    node_t *node = *at;
    *at          = node->next;
    free(node);
}

static void memory_remove(void *self, const relay_row_t *row)
{
    relay_store_memory_t *store = self;
    for (node_t **at = &store->first; *at; at = &(*at)->next) {
        if ((*at)->row.seq != row->seq) continue;
        node_remove(at);
        return;
    }
}

static void memory_expire(void *self, uint64_t now_s, uint32_t count_max, relay_row_fn each, void *context)
{
    relay_store_memory_t *store = self;
    for (node_t **at = &store->first; *at && count_max > 0;) {
        if ((*at)->row.deadline_s > now_s || (*at)->row.is_outward) {
            at = &(*at)->next;
            continue;
        }
        (void)each(context, &(*at)->row);
        node_remove(at);
        count_max--;
    }
}

static void memory_load(void *self, const relay_address_t *to, uint64_t after_seq, relay_row_fn each,
                        void *context)
{
    const relay_store_memory_t *store = self;
    for (const node_t *node = store->first; node; node = node->next) {
        if (node->row.seq <= after_seq || node->row.is_outward || !relay_address_equal(&node->row.to, to))
            continue;
        if (!each(context, &node->row)) return;
    }
}

static void memory_all(void *self, relay_row_fn each, void *context)
{
    const relay_store_memory_t *store = self;
    for (const node_t *node = store->first; node; node = node->next)
        if (!each(context, &node->row)) return;
}

static void memory_sync(void *self, void (*done)(void *context), void *context)
{
    (void)self;
    done(context);
}

relay_store_memory_t *relay_store_memory_new(void) { return calloc(1, sizeof(relay_store_memory_t)); }

relay_store_t relay_store_memory_ops(relay_store_memory_t *store)
{
    return (relay_store_t){store,       memory_put, memory_remove, memory_expire,
                           memory_load, memory_all, memory_sync};
}

void relay_store_memory_free(relay_store_memory_t *store)
{
    while (store && store->first)
        node_remove(&store->first);
    free(store);
}
