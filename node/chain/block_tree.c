/* block_tree.c - which block stands where: lookups, and the way from one block to another. */
#include "chain_internal.h"

#include <stdlib.h>
#include <string.h>

static chain_point_t point(store_point_t from) { return (chain_point_t){from.hash, from.number}; }

chain_point_t chain_genesis(const chain_t *chain) { return point(store_genesis_point(chain->store)); }
chain_point_t chain_best(const chain_t *chain) { return point(store_best(chain->store)); }
chain_point_t chain_finalized(const chain_t *chain) { return point(store_finalized(chain->store)); }

const hash_t *chain_at(const chain_t *chain, const hash_t *at, chain_point_t *best)
{
    if (at) return at;
    *best = chain_best(chain);
    return &best->hash;
}

bool chain_hash(chain_t *chain, uint32_t number, hash_t *hash)
{
    return store_hash(chain->store, number, hash);
}

bool chain_number(chain_t *chain, const hash_t *hash, uint32_t *number)
{
    return store_number(chain->store, hash, number);
}

bool chain_is_canonical(chain_t *chain, const hash_t *hash) { return store_is_canonical(chain->store, hash); }

bool chain_parent(chain_t *chain, const hash_t *hash, hash_t *parent)
{
    return store_parent(chain->store, hash, parent);
}

bool chain_header(chain_t *chain, const hash_t *hash, arena_t *arena, bytes_t *header)
{
    return store_header(chain->store, hash, arena, header);
}

bool chain_body(chain_t *chain, const hash_t *hash, arena_t *arena, bytes_t *body)
{
    return store_body(chain->store, hash, arena, body);
}

bool chain_justification(chain_t *chain, const hash_t *hash, arena_t *arena, bytes_t *justification)
{
    return store_justification(chain->store, hash, arena, justification);
}

/* ------------------------------------------------------------------ lists */

typedef struct {
    chain_point_t *points;
    uint32_t count, cap;
} list_t;

static void count_one(void *self, const hash_t *hash, const hash_t *parent, uint32_t number)
{
    (void)hash, (void)parent, (void)number;
    ((list_t *)self)->cap++;
}

static void list_one(void *self, const hash_t *hash, const hash_t *parent, uint32_t number)
{
    list_t *list = self;
    (void)parent;
    list->points[list->count++] = (chain_point_t){*hash, number};
}

bool chain_unfinalized(chain_t *chain, arena_t *arena, chain_point_t **blocks, uint32_t *count)
{
    list_t list = {0};
    store_unfinalized(chain->store, count_one, &list);
    if (list.cap > UINT32_MAX / sizeof *list.points) return false;
    list.points = arena_take(arena, list.cap * (uint32_t)sizeof *list.points);
    if (!list.points) return false;
    store_unfinalized(chain->store, list_one, &list);
    *blocks = list.points;
    *count  = list.count;
    return true;
}

/* go_up moves a point to its parent. */
static bool go_up(chain_t *chain, chain_point_t *at)
{
    hash_t parent;
    if (!store_parent(chain->store, &at->hash, &parent)) return false;
    *at = (chain_point_t){parent, at->number - 1};
    return true;
}

/* meet walks both ends up to their last common ancestor, counting, and listing when there are lists. */
static bool meet(chain_t *chain, chain_point_t from, chain_point_t to, chain_route_t *route)
{
    uint32_t retracted = 0, enacted = 0;
    while (memcmp(&from.hash, &to.hash, sizeof from.hash) != 0) {
        if (from.number >= to.number) {
            if (route->retracted) route->retracted[retracted] = from;
            retracted++;
            if (!go_up(chain, &from)) return false;
            continue;
        }
        if (route->enacted) route->enacted[route->enacted_count - 1 - enacted] = to;
        enacted++;
        if (!go_up(chain, &to)) return false;
    }
    route->retracted_count = retracted;
    route->enacted_count   = enacted;
    return true;
}

bool chain_route(chain_t *chain, const hash_t *from, const hash_t *to, arena_t *arena, chain_route_t *route)
{
    chain_point_t start = {.hash = *from}, end = {.hash = *to};
    *route = (chain_route_t){0};
    if (!chain_number(chain, from, &start.number) || !chain_number(chain, to, &end.number)) return false;
    if (!meet(chain, start, end, route)) return false;
    uint64_t most = UINT32_MAX / sizeof(chain_point_t);
    if (route->retracted_count > most || route->enacted_count > most) return false;
    route->retracted = arena_take(arena, route->retracted_count * (uint32_t)sizeof(chain_point_t) + 1);
    route->enacted   = arena_take(arena, route->enacted_count * (uint32_t)sizeof(chain_point_t) + 1);
    return route->retracted && route->enacted && meet(chain, start, end, route);
}
