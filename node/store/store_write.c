/* store_write.c - committing blocks and making them final, each in one batch. */
#include "scale.h"
#include "store_internal.h"

#include <stdlib.h>
#include <string.h>

static bool same(const hash_t *a, const hash_t *b) { return memcmp(a, b, sizeof *a) == 0; }

/* ------------------------------------------------------------------ parts of a batch */

static void put_versions(store_t *store, rocksdb_writebatch_t *batch, column_t column,
                         const changes_t *changes, uint32_t number)
{
    static const char absent = 0, present = 1;
    for (uint32_t i = 0; i < changes->count; i++) {
        const change_t *change = &changes->items[i];
        store_key_t key;
        if (!store_key_plain(&key, column, change->key)) store_die("write", "a key that is too long");
        store_key_u32(&key, ~number);
        const char *keys[]      = {(const char *)key.bytes},
                   *values[]    = {change->is_removed ? &absent : &present, (const char *)change->value.data};
        const size_t key_lens[] = {key.len}, value_lens[] = {1, change->value.len};
        rocksdb_writebatch_putv_cf(batch, store->columns[column], 1, keys, key_lens,
                                   change->is_removed ? 1 : 2, values, value_lens);
    }
}

static void put_canonical(store_t *store, rocksdb_writebatch_t *batch, uint32_t number, const hash_t *hash)
{
    store_key_t key = {.len = 0};
    store_key_u32(&key, number);
    store_batch_put(store, batch, COLUMN_CANONICAL, &key, (bytes_t){hash->b, sizeof *hash});
}

static void put_block(store_t *store, rocksdb_writebatch_t *batch, const store_block_t *block)
{
    uint8_t room[36];
    scale_writer_t w = scale_writer(room, sizeof room);
    store_key_t key = store_key_block(block->number, &block->hash), hash = {.len = 0};
    store_key_hash(&hash, &block->hash);
    scale_put_u32(&w, block->number);
    scale_put_hash(&w, &block->parent);
    store_batch_put(store, batch, COLUMN_NUMBER, &hash, scale_written(&w));
    store_batch_put(store, batch, COLUMN_HEADER, &key, block->header);
    store_batch_put(store, batch, COLUMN_BODY, &key, block->body);
}

/* put_best moves the canonical chain to end in a block; (number, hash) pairs above the fork are rewritten. */
static void put_best(store_t *store, rocksdb_writebatch_t *batch, const store_point_t *best,
                     const hash_t *parent)
{
    for (uint32_t number = best->number + 1; number <= store->best.number; number++) {
        store_key_t key = {.len = 0};
        store_key_u32(&key, number);
        store_batch_remove(store, batch, COLUMN_CANONICAL, &key);
    }
    put_canonical(store, batch, best->number, &best->hash);
    const pending_t *up = parent ? pending_find(&store->pending, parent) : NULL;
    for (hash_t there; up; up = up->up) {
        if (store_hash(store, up->number, &there) && same(&there, &up->hash)) break;
        put_canonical(store, batch, up->number, &up->hash);
    }
    store_batch_meta(store, batch, "best", best);
}

/* ------------------------------------------------------------------ commit */

store_status_t store_genesis(store_t *store, const store_block_t *block)
{
    if (!store->is_empty) return STORE_KNOWN_BLOCK;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    store_point_t point         = {block->hash, 0};
    const store_point_t format  = {.number = STORE_FORMAT};
    put_block(store, batch, block);
    put_versions(store, batch, COLUMN_VALUE, block->values, 0);
    put_versions(store, batch, COLUMN_NODE, block->nodes, 0);
    put_canonical(store, batch, 0, &block->hash);
    prune_begin(store, batch);
    store_batch_meta(store, batch, "format", &format);
    store_batch_meta(store, batch, "genesis", &point);
    store_batch_meta(store, batch, "best", &point);
    store_batch_meta(store, batch, "finalized", &point);
    store_write(store, batch);
    store->genesis = store->best = store->finalized = store->looked_at = point;
    store->is_empty                                                    = false;
    return STORE_OK;
}

store_status_t store_commit(store_t *store, const store_block_t *block)
{
    uint32_t number;
    if (store_number(store, &block->hash, &number)) return STORE_KNOWN_BLOCK;
    const pending_t *parent = pending_find(&store->pending, &block->parent);
    if (parent
            ? parent->number + 1 != block->number
            : !same(&block->parent, &store->finalized.hash) || store->finalized.number + 1 != block->number)
        return STORE_UNKNOWN_BLOCK;

    size_t len;
    uint8_t *record             = pending_encode(&block->parent, block->values, block->nodes, &len);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    store_key_t key             = store_key_block(block->number, &block->hash);
    store_point_t point         = {block->hash, block->number};
    put_block(store, batch, block);
    store_batch_put(store, batch, COLUMN_PENDING, &key, (bytes_t){record, (uint32_t)len});
    if (block->is_best) put_best(store, batch, &point, &block->parent);
    store_write(store, batch);

    if (!pending_add(&store->pending, &block->hash, block->number, &store->finalized.hash, record, len))
        store_die("write", "a change set that does not read back");
    if (block->is_best) store->best = point;
    return STORE_OK;
}

/* ------------------------------------------------------------------ finalize */

/* dropped_by lists the blocks that are neither below nor above the one that becomes final. */
static pending_t **dropped_by(store_t *store, const pending_t *final, uint32_t *count)
{
    pending_t **dropped = calloc(store->pending.block_count, sizeof(pending_t *));
    if (!dropped) store_die("write", "no memory");
    *count = 0;
    for (pending_t *block = store->pending.oldest; block; block = block->newer)
        if (!pending_is_ancestor(block, final) && !pending_is_ancestor(final, block))
            dropped[(*count)++] = block;
    return dropped;
}

/* remove_block lets go of a block that lost to another.  Who keeps all keeps what it was. */
static void remove_block(store_t *store, rocksdb_writebatch_t *batch, const pending_t *block, bool is_kept)
{
    store_key_t key = store_key_block(block->number, &block->hash), hash = {.len = 0};
    store_key_hash(&hash, &block->hash);
    store_batch_remove(store, batch, COLUMN_PENDING, &key);
    if (is_kept) return;
    store_batch_remove(store, batch, COLUMN_HEADER, &key);
    store_batch_remove(store, batch, COLUMN_BODY, &key);
    store_batch_remove(store, batch, COLUMN_NUMBER, &hash);
}

/* settle moves what a block changed into the versions. */
static void settle(store_t *store, rocksdb_writebatch_t *batch, const pending_t *block)
{
    store_key_t key = store_key_block(block->number, &block->hash);
    put_versions(store, batch, COLUMN_VALUE, &block->changes[PENDING_VALUES], block->number);
    put_versions(store, batch, COLUMN_NODE, &block->changes[PENDING_NODES], block->number);
    prune_note(store, batch, COLUMN_VALUE, &block->changes[PENDING_VALUES], block->number);
    prune_note(store, batch, COLUMN_NODE, &block->changes[PENDING_NODES], block->number);
    store_batch_remove(store, batch, COLUMN_PENDING, &key);
}

/* highest_above is the highest block at or above the one that becomes final, the first of equals. */
static const pending_t *highest_above(const store_t *store, const pending_t *final)
{
    const pending_t *highest = final;
    for (const pending_t *block = store->pending.oldest; block; block = block->newer)
        if (block->number > highest->number && pending_is_ancestor(final, block)) highest = block;
    return highest;
}

static bool is_listed(pending_t *const *blocks, uint32_t count, const hash_t *hash)
{
    for (uint32_t i = 0; i < count; i++)
        if (same(&blocks[i]->hash, hash)) return true;
    return false;
}

/* refresh lets the records in memory follow what a block changed. */
static void refresh(store_t *store, column_t column, const changes_t *changes, uint32_t number)
{
    enum { SOON = 5, LATER = 10 };
    for (uint32_t i = 0; i < changes->count; i++) {
        const change_t *change = &changes->items[i];
        if (i + LATER < changes->count)
            cache_expect(&store->records, column, changes->items[i + LATER].key, false);
        if (i + SOON < changes->count)
            cache_expect(&store->records, column, changes->items[i + SOON].key, true);
        cache_update(&store->records, column, change->key, number,
                     change->is_removed ? NULL : &change->value);
    }
}

/* forget_settled lets go of the blocks that became final, the oldest first: a later one's record stays. */
static void forget_settled(store_t *store, const pending_t *final)
{
    for (pending_t *block = store->pending.oldest, *newer; block; block = newer) {
        bool is_last = block == final;
        newer        = block->newer;
        if (!pending_is_ancestor(block, final)) continue;
        refresh(store, COLUMN_VALUE, &block->changes[PENDING_VALUES], block->number);
        refresh(store, COLUMN_NODE, &block->changes[PENDING_NODES], block->number);
        pending_remove(&store->pending, block);
        if (is_last) break;
    }
}

store_status_t store_finalize(store_t *store, const hash_t *hash, bytes_t justification)
{
    uint32_t number, dropped_count;
    pending_t *final = pending_find(&store->pending, hash);
    if (!final && !store_number(store, hash, &number)) return STORE_UNKNOWN_BLOCK;
    if (!final) return store_is_canonical(store, hash) ? STORE_OK : STORE_FINALIZED_ELSEWHERE;

    ahead_end(store);
    pending_t **dropped         = dropped_by(store, final, &dropped_count);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    store_point_t finalized = {*hash, final->number}, best = store->best;
    prune_step_t step;
    store_key_t key = store_key_block(final->number, hash);
    for (const pending_t *block = final; block; block = block->up)
        settle(store, batch, block);
    for (uint32_t i = 0; i < dropped_count; i++)
        remove_block(store, batch, dropped[i], store->prune.blocks.kind == STORE_KEEP_ALL);
    if (justification.len) store_batch_put(store, batch, COLUMN_JUSTIFICATION, &key, justification);
    if (is_listed(dropped, dropped_count, &best.hash) || best.number < final->number) {
        const pending_t *highest = highest_above(store, final);
        best                     = (store_point_t){highest->hash, highest->number};
        put_best(store, batch, &best, &highest->parent);
    }
    prune_step(store, batch, finalized.number, &step);
    store_batch_meta(store, batch, "finalized", &finalized);
    store_write(store, batch);

    prune_done(store, &step);
    store->finalized = finalized;
    store->best      = best;
    for (uint32_t i = 0; i < dropped_count; i++)
        pending_remove(&store->pending, dropped[i]);
    forget_settled(store, final);
    free(dropped);
    return STORE_OK;
}

store_status_t store_set_best(store_t *store, const hash_t *hash)
{
    store_point_t best     = {.hash = *hash};
    const pending_t *block = pending_find(&store->pending, hash);
    if (!store_number(store, hash, &best.number)) return STORE_UNKNOWN_BLOCK;
    if (!block && !same(hash, &store->finalized.hash)) return STORE_FINALIZED_ELSEWHERE;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    put_best(store, batch, &best, block ? &block->parent : NULL);
    store_write(store, batch);
    store->best = best;
    return STORE_OK;
}

/* ------------------------------------------------------------------ revert */

store_status_t store_revert(store_t *store, uint32_t number)
{
    store_point_t best = {.number = number};
    if (number < store->finalized.number || number > store->best.number ||
        !store_hash(store, number, &best.hash))
        return STORE_FINALIZED_ELSEWHERE;
    const pending_t *block      = pending_find(&store->pending, &best.hash);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (const pending_t *gone = store->pending.newest; gone; gone = gone->older)
        if (gone->number > number) remove_block(store, batch, gone, false);
    put_best(store, batch, &best, block ? &block->parent : NULL);
    store_write(store, batch);

    store->best = best;
    for (pending_t *gone = store->pending.newest, *older; gone; gone = older) {
        older = gone->older; /* children come after their parents, so they go first */
        if (gone->number > number) pending_remove(&store->pending, gone);
    }
    return STORE_OK;
}
