/* pool_chain.c - what a new best block, a fork or a finalized block means for what waits. */

#include "pool_internal.h"

#include "hash.h"

#include <stdlib.h>
#include <string.h>

enum { ROUTE_ARENA = 1 << 20, BODY_ARENA = 8 << 20, JUDGED_A_TICK = 64 };

void pool_chain_event(void *self, const chain_event_t *event)
{
    pool_t *pool = self;
    switch (event->kind) {
    case CHAIN_IMPORTED: break;
    case CHAIN_BEST: pool->has_best = true; break;
    case CHAIN_FINALIZED: pool->has_finalized = true; break;
    }
}

bool pool_has_work(const pool_t *pool) { return pool->has_best || pool->has_finalized || pool->has_refused; }

/* ------------------------------------------------------------------------------------ blocks */

typedef void (*each_extrinsic_t)(pool_t *pool, const chain_point_t *block, uint32_t index, bytes_t extrinsic,
                                 uint64_t now_ms);

static void each_in_block(pool_t *pool, const chain_point_t *block, each_extrinsic_t each, uint64_t now_ms)
{
    arena_t arena = {.start = malloc(BODY_ARENA), .size = BODY_ARENA};
    bytes_t body;
    if (arena.start && chain_body(pool->chain, &block->hash, &arena, &body)) {
        scale_reader_t r = scale_reader(body, NULL);
        uint32_t count   = scale_get_compact_u32(&r);
        for (uint32_t i = 0; i < count && !r.failed; i++) {
            const uint8_t *start = r.at;
            (void)scale_get_bytes(&r, UINT32_MAX);
            if (!r.failed) each(pool, block, i, (bytes_t){start, (uint32_t)(r.at - start)}, now_ms);
        }
    }
    free(arena.start);
}

/* The chain now provides a tag: who waited for it does so no longer. */
static void tag_provided(pool_t *pool, const tag_t *tag)
{
    for (entry_t *e; (e = queue_waiter(&pool->queue, tag, ENTRY_READY));)
        queue_forget_requirement(&pool->queue, e);
    for (entry_t *e; (e = queue_waiter(&pool->queue, tag, ENTRY_FUTURE));) {
        queue_forget_requirement(&pool->queue, e);
        pool_promote(pool, e);
    }
}

static void included(pool_t *pool, const chain_point_t *block, uint32_t index, bytes_t extrinsic,
                     uint64_t now_ms)
{
    (void)now_ms;
    hash_t hash    = blake2_256(extrinsic);
    entry_t *entry = queue_find(&pool->queue, &hash);
    if (!entry || (entry->state == ENTRY_INCLUDED && !entry->is_retracted)) return;
    if (entry->state != ENTRY_INCLUDED) queue_move(&pool->queue, entry, ENTRY_INCLUDED);
    entry->block        = *block;
    entry->is_retracted = false;
    pool_tell(entry, POOL_IN_BLOCK, &block->hash, index);
    for (uint32_t i = 0; i < entry->provides_count; i++)
        tag_provided(pool, &entry->provides[i]);
    if (!entry->watchers) {
        queue_take(&pool->queue, entry);
        queue_free_entry(entry);
    }
}

static void retracted(pool_t *pool, const chain_point_t *block, uint32_t index, bytes_t extrinsic,
                      uint64_t now_ms)
{
    (void)now_ms;
    hash_t hash    = blake2_256(extrinsic);
    entry_t *entry = queue_find(&pool->queue, &hash);
    if (!entry || entry->state != ENTRY_INCLUDED || entry->is_retracted) return;
    entry->is_retracted = true;
    pool_tell(entry, POOL_RETRACTED, &block->hash, index);
}

static void back_in(pool_t *pool, entry_t *entry, uint64_t now_ms)
{
    entry->is_retracted = false;
    queue_take(&pool->queue, entry);
    if (pool_judge_again(pool, entry) && pool_let_in(pool, entry, now_ms) != POOL_LOW_PRIORITY) return;
    pool_tell(entry, POOL_BECAME_INVALID, NULL, 0);
    queue_free_entry(entry);
}

/* What was in a block that is no longer of the best chain, and is in none of the blocks that replaced it,
 * waits again, if it is still valid. */
static void resubmit(pool_t *pool, const chain_point_t *block, uint32_t index, bytes_t extrinsic,
                     uint64_t now_ms)
{
    (void)block;
    hash_t hash    = blake2_256(extrinsic), ignored;
    entry_t *entry = queue_find(&pool->queue, &hash);
    validity_t validity;
    if (entry && entry->is_retracted) back_in(pool, entry, now_ms);
    if (entry || index == 0) return; /* the first is the block's time */
    if (pool_submit(pool, extrinsic, SOURCE_EXTERNAL, now_ms, NULL, NULL, &ignored, &validity) != POOL_OK)
        pool->counters.refused++;
}

/* ------------------------------------------------------------------------------------ judging again */

static void judge_and_keep(pool_t *pool, entry_t *entry, uint64_t now_ms)
{
    uint64_t order = entry->order;
    queue_take(&pool->queue, entry);
    if (pool_judge_again(pool, entry)) {
        bool is_ready = queue_is_satisfied(&pool->queue, entry);
        queue_add(&pool->queue, entry, is_ready ? ENTRY_READY : ENTRY_FUTURE);
        entry->order = order;
        if (is_ready) return;
        pool_tell(entry, POOL_FUTURE, NULL, 0);
        pool_unready_dependents(pool, entry);
        return;
    }
    pool_ban(pool, &entry->hash, now_ms);
    pool_unready_dependents(pool, entry);
    pool_tell(entry, POOL_BECAME_INVALID, NULL, 0);
    queue_free_entry(entry);
}

/* drop_expired takes out what may not be in the next block any more. */
static void drop_expired(pool_t *pool, uint32_t best, uint64_t now_ms)
{
    for (entry_state_t state = ENTRY_FUTURE; state <= ENTRY_READY; state++)
        for (entry_t *e = pool->queue.lists[state], *next; e; e = next) {
            next = e->next;
            if (e->valid_till > best) continue;
            pool_ban(pool, &e->hash, now_ms);
            pool_unready_dependents(pool, e);
            pool_end(pool, e, POOL_BECAME_INVALID, NULL);
            next = pool->queue.lists[state]; /* dependents may have moved: from the start again */
        }
}

/* A few ready ones are judged again after each block, all in turn: a balance may have gone. */
static void judge_some(pool_t *pool, uint64_t now_ms)
{
    entry_t *some[JUDGED_A_TICK];
    uint32_t count = 0;
    for (entry_t *e = pool->queue.lists[ENTRY_READY]; e; e = e->next) {
        if (e->order < pool->judged_order) continue;
        uint32_t at = count < JUDGED_A_TICK ? count++ : count;
        if (at == count && some[--at]->order < e->order) continue;
        for (; at > 0 && some[at - 1]->order > e->order; at--)
            some[at] = some[at - 1];
        some[at] = e; /* the oldest that were not judged yet, in order */
    }
    pool->judged_order = count < JUDGED_A_TICK ? 0 : some[count - 1]->order + 1;
    hash_t hashes[JUDGED_A_TICK];
    for (uint32_t i = 0; i < count; i++)
        hashes[i] = some[i]->hash;
    for (uint32_t i = 0; i < count; i++) {
        entry_t *e = queue_find(&pool->queue, &hashes[i]); /* an earlier one may have taken it along */
        if (e && e->state == ENTRY_READY) judge_and_keep(pool, e, now_ms);
    }
}

static void judge_all(pool_t *pool, uint64_t now_ms)
{
    uint32_t count = pool->queue.counts[ENTRY_READY], found = 0;
    hash_t *hashes = malloc(((size_t)count + 1) * sizeof *hashes);
    if (!hashes) return;
    for (entry_t *e = pool->queue.lists[ENTRY_READY]; e; e = e->next)
        hashes[found++] = e->hash;
    for (uint32_t i = 0; i < found; i++) {
        entry_t *e = queue_find(&pool->queue, &hashes[i]);
        if (e && e->state == ENTRY_READY) judge_and_keep(pool, e, now_ms);
    }
    free(hashes);
}

/* ------------------------------------------------------------------------------------ settling */

static void drop_refused(pool_t *pool, uint64_t now_ms)
{
    pool->has_refused = false;
    for (entry_t *e = pool->queue.lists[ENTRY_READY], *next; e; e = next) {
        next = e->next;
        if (!e->is_refused) continue;
        pool_ban(pool, &e->hash, now_ms);
        queue_take(&pool->queue, e);
        pool_unready_dependents(pool, e);
        pool_tell(e, POOL_BECAME_INVALID, NULL, 0);
        queue_free_entry(e);
        next = pool->queue.lists[ENTRY_READY];
    }
}

static void follow_route(pool_t *pool, const chain_route_t *route, uint64_t now_ms)
{
    for (uint32_t i = 0; i < route->retracted_count; i++)
        each_in_block(pool, &route->retracted[i], retracted, now_ms);
    for (uint32_t i = 0; i < route->enacted_count; i++)
        each_in_block(pool, &route->enacted[i], included, now_ms);
    for (uint32_t i = route->retracted_count; i-- > 0;) /* oldest first */
        each_in_block(pool, &route->retracted[i], resubmit, now_ms);
    if (route->retracted_count > 0) judge_all(pool, now_ms);
}

static entry_t *next_retracted(pool_t *pool)
{
    for (entry_t *e = pool->queue.lists[ENTRY_INCLUDED]; e; e = e->next)
        if (e->is_retracted) return e;
    return NULL;
}

/* The block that was best is gone, finalizing another fork dropped it: what was in blocks that are not of the
 * chain is looked for in all blocks since the one that was final before. */
static void follow_without_route(pool_t *pool, uint32_t best, uint64_t now_ms)
{
    for (entry_t *e = pool->queue.lists[ENTRY_INCLUDED]; e; e = e->next) {
        if (e->is_retracted || chain_is_canonical(pool->chain, &e->block.hash)) continue;
        e->is_retracted = true;
        pool_tell(e, POOL_RETRACTED, &e->block.hash, 0);
    }
    for (uint32_t number = pool->finalized + 1; number <= best; number++) {
        chain_point_t block = {.number = number};
        if (chain_hash(pool->chain, number, &block.hash)) each_in_block(pool, &block, included, now_ms);
    }
    for (entry_t *e; (e = next_retracted(pool));)
        back_in(pool, e, now_ms);
    judge_all(pool, now_ms);
}

static void settle_best(pool_t *pool, uint64_t now_ms)
{
    pool->has_best     = false;
    chain_point_t best = chain_best(pool->chain);
    arena_t arena      = {.start = malloc(ROUTE_ARENA), .size = ROUTE_ARENA};
    chain_route_t route;
    if (!arena.start) abort();
    if (chain_route(pool->chain, &pool->seen.hash, &best.hash, &arena, &route))
        follow_route(pool, &route, now_ms);
    else
        follow_without_route(pool, best.number, now_ms);
    free(arena.start);
    pool->seen = best;
    drop_expired(pool, best.number, now_ms);
    judge_some(pool, now_ms);
}

static void settle_finalized(pool_t *pool)
{
    pool->has_finalized = false;
    uint32_t finalized  = chain_finalized(pool->chain).number;
    pool->finalized     = finalized;
    for (entry_t *e = pool->queue.lists[ENTRY_INCLUDED], *next; e; e = next) {
        next = e->next;
        if (e->block.number <= finalized && chain_is_canonical(pool->chain, &e->block.hash)) {
            hash_t block = e->block.hash;
            pool_end(pool, e, POOL_FINALIZED, &block);
        }
    }
}

void pool_tick(pool_t *pool, uint64_t now_ms)
{
    chain_point_t best = chain_best(pool->chain);
    bool is_other =
        memcmp(&best.hash, &pool->seen.hash, sizeof best.hash) != 0; /* finalizing may move it too */
    if (pool->has_best || is_other) settle_best(pool, now_ms);
    if (pool->has_refused) drop_refused(pool, now_ms);
    if (pool->has_finalized) settle_finalized(pool);
}
