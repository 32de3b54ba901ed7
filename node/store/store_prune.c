/* store_prune.c - letting go of old states and bodies. */
#include "store_prune.h"
#include "scale.h"
#include "store_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    REMOVED_A_STEP_MAX = 20000, /* records of keys that are gone; what is left waits for the next block */
    BODIES_A_STEP_MAX  = 1024,
    UNSYNCED_STEPS = 256, /* blocks between syncs for the compactions' sake, where blocks are not synced */
};

/* ------------------------------------------------------------------ how a database was made */

static void put_keep(scale_writer_t *w, const store_keep_t *keep)
{
    scale_put_u8(w, (uint8_t)keep->kind);
    scale_put_u32(w, keep->count);
}

static store_keep_t get_keep(scale_reader_t *r)
{
    store_keep_t keep = {.kind = (store_keep_kind_t)scale_get_u8(r)};
    keep.count        = scale_get_u32(r);
    if (keep.kind == STORE_KEEP_AS_MADE || keep.kind > STORE_KEEP_LAST) r->failed = true;
    return keep;
}

static void put_setting(store_t *store, rocksdb_writebatch_t *batch)
{
    uint8_t room[16];
    scale_writer_t w = scale_writer(room, sizeof room);
    store_key_t key  = store_key_name("pruning");
    put_keep(&w, &store->prune.state);
    put_keep(&w, &store->prune.blocks);
    store_batch_put(store, batch, COLUMN_META, &key, scale_written(&w));
}

static void choose(store_keep_t *made, const store_keep_t *asked)
{
    if (asked->kind != STORE_KEEP_AS_MADE) *made = *asked;
}

static bool is_same(const store_keep_t *a, const store_keep_t *b)
{
    return a->kind == b->kind && a->count == b->count;
}

void prune_begin(store_t *store, rocksdb_writebatch_t *batch)
{
    const store_point_t first = {.number = 1};
    put_setting(store, batch);
    store_batch_meta(store, batch, "bodies", &first);
    store->prune.bodies_from = 1;
}

/* load_setting reads what stands in the database; one from before there was a choice keeps everything. */
static bool load_setting(store_t *store)
{
    uint8_t room[64];
    arena_t arena = {room, sizeof room, 0};
    bytes_t record;
    store_point_t horizon = {0}, bodies = {.number = 1};
    store_key_t key = store_key_name("pruning");
    if (store_get(store, COLUMN_META, &key, &arena, &record)) {
        scale_reader_t r    = scale_reader(record, NULL);
        store->prune.state  = get_keep(&r);
        store->prune.blocks = get_keep(&r);
        if (!scale_done(&r)) return false;
    }
    (void)store_load_point(store, "horizon", &horizon);
    (void)store_load_point(store, "bodies", &bodies);
    store->prune.horizon     = horizon.number;
    store->prune.bodies_from = bodies.number;
    atomic_store(&store->prune.on_disk, horizon.number);
    return true;
}

store_status_t prune_load(store_t *store, const store_keep_t *state, const store_keep_t *blocks)
{
    store->prune.state = store->prune.blocks = (store_keep_t){.kind = STORE_KEEP_CANONICAL};
    if (!store->is_empty && !load_setting(store)) return STORE_CANNOT_OPEN;
    const store_keep_t made = store->prune.state, before = store->prune.blocks;
    bool is_other = state->kind != STORE_KEEP_AS_MADE &&
                    (state->kind == STORE_KEEP_LAST) != (made.kind == STORE_KEEP_LAST);
    if (is_other && !store->is_empty) return STORE_OTHER_PRUNING;
    choose(&store->prune.state, state);
    choose(&store->prune.blocks, blocks);
    if (store->is_empty || (is_same(&made, &store->prune.state) && is_same(&before, &store->prune.blocks)))
        return STORE_OK;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    put_setting(store, batch);
    store_write(store, batch);
    return STORE_OK;
}

store_keep_t store_state_kept(const store_t *store) { return store->prune.state; }
store_keep_t store_blocks_kept(const store_t *store) { return store->prune.blocks; }
uint32_t store_horizon(const store_t *store) { return store->prune.horizon; }

/* ------------------------------------------------------------------ keys that are gone */

void prune_note(store_t *store, rocksdb_writebatch_t *batch, column_t column, const changes_t *changes,
                uint32_t number)
{
    if (store->prune.state.kind != STORE_KEEP_LAST) return;
    for (uint32_t i = 0; i < changes->count; i++) {
        store_key_t plain, key = {.len = 0};
        if (!changes->items[i].is_removed) continue;
        if (!store_key_plain(&plain, column, changes->items[i].key))
            store_die("write", "a key that is too long");
        store_key_u32(&key, number);
        key.bytes[key.len++] = (uint8_t)column;
        memcpy(key.bytes + key.len, plain.bytes, plain.len);
        key.len += plain.len;
        store_batch_put(store, batch, COLUMN_PRUNE, &key, (bytes_t){0});
    }
}

static void remove_at(store_t *store, rocksdb_writebatch_t *batch, column_t column, bytes_t key)
{
    rocksdb_writebatch_delete_cf(batch, store->columns[column], (const char *)key.data, key.len);
}

/* remove_gone removes a key's mark and all below it, unless it came back by the horizon.  All or nothing:
 * without its mark an older version would be seen. */
static uint32_t remove_gone(store_t *store, rocksdb_writebatch_t *batch, column_t column, bytes_t plain,
                            uint32_t horizon)
{
    store_key_t key        = {.len = 0};
    rocksdb_iterator_t *it = store_iterator(store, column, false);
    uint32_t count         = 0;
    memcpy(key.bytes, plain.data, plain.len);
    key.len = plain.len;
    store_key_u32(&key, ~horizon);
    for (rocksdb_iter_seek(it, (const char *)key.bytes, key.len); rocksdb_iter_valid(it);
         rocksdb_iter_next(it)) {
        size_t len, value_len;
        const char *found = rocksdb_iter_key(it, &len);
        if (len != key.len || memcmp(found, key.bytes, plain.len) != 0) break;
        const char *value = rocksdb_iter_value(it, &value_len);
        if (count == 0 && (value_len == 0 || value[0] != 0)) break;
        remove_at(store, batch, column, (bytes_t){(const uint8_t *)found, (uint32_t)len});
        count++;
    }
    return count;
}

static void remove_marks(store_t *store, rocksdb_writebatch_t *batch, uint32_t horizon)
{
    rocksdb_iterator_t *it = store_iterator(store, COLUMN_PRUNE, true);
    uint32_t count         = 0;
    rocksdb_iter_seek_to_first(it);
    for (; rocksdb_iter_valid(it) && count < REMOVED_A_STEP_MAX; rocksdb_iter_next(it), count++) {
        size_t len;
        const uint8_t *key = (const uint8_t *)rocksdb_iter_key(it, &len);
        if (len < 5 || len > STORE_KEY_MAX || (key[4] != COLUMN_VALUE && key[4] != COLUMN_NODE))
            store_die("read", "a note of a removed key that is none");
        uint32_t number = (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
        if (number > horizon) break;
        count += remove_gone(store, batch, (column_t)key[4], (bytes_t){key + 5, (uint32_t)len - 5}, horizon);
        remove_at(store, batch, COLUMN_PRUNE, (bytes_t){key, (uint32_t)len});
    }
}

/* ------------------------------------------------------------------ a step */

static void remove_bodies(store_t *store, rocksdb_writebatch_t *batch, uint32_t from, uint32_t to)
{
    for (uint32_t number = from; number < to; number++) {
        hash_t hash;
        if (!store_hash(store, number, &hash)) continue;
        store_key_t key = store_key_block(number, &hash);
        store_batch_remove(store, batch, COLUMN_BODY, &key);
        store_batch_remove(store, batch, COLUMN_JUSTIFICATION, &key);
    }
}

void prune_step(store_t *store, rocksdb_writebatch_t *batch, uint32_t final, prune_step_t *step)
{
    const prune_t *now = &store->prune;
    *step              = (prune_step_t){now->horizon, now->bodies_from};
    if (now->state.kind == STORE_KEEP_LAST && final > now->state.count &&
        final - now->state.count > now->horizon)
        step->horizon = final - now->state.count;
    if (now->state.kind == STORE_KEEP_LAST) remove_marks(store, batch, step->horizon);
    if (step->horizon != now->horizon)
        store_batch_meta(store, batch, "horizon", &(store_point_t){.number = step->horizon});

    /* Who hears of a block that became final may read it then: its body leaves with a later one. */
    uint32_t before = store->finalized.number, count = now->blocks.count, to = 0;
    if (now->blocks.kind == STORE_KEEP_LAST && final > count) to = final - count + 1;
    if (to > before + 1) to = before + 1;
    if (to <= now->bodies_from) return;
    if (to - now->bodies_from > BODIES_A_STEP_MAX) to = now->bodies_from + BODIES_A_STEP_MAX;
    remove_bodies(store, batch, now->bodies_from, to);
    store_batch_meta(store, batch, "bodies", &(store_point_t){.number = to});
    step->bodies_from = to;
}

void prune_sync(store_t *store)
{
    char *error = NULL;
    if (store->is_unsynced) rocksdb_flush_wal(store->db, 1, &error);
    if (error) store_die("sync", error);
    atomic_store(&store->prune.on_disk, store->prune.horizon);
}

void prune_done(store_t *store, const prune_step_t *step)
{
    store->prune.horizon     = step->horizon;
    store->prune.bodies_from = step->bodies_from;
    if (!store->is_unsynced || step->horizon - atomic_load(&store->prune.on_disk) >= UNSYNCED_STEPS)
        prune_sync(store);
}

/* ------------------------------------------------------------------ compactions: other threads */

/* The key that passed last; those of one plain key come newest first. */
typedef struct {
    uint32_t horizon, number, len;
    bool is_there;
    uint8_t plain[STORE_KEY_MAX];
} passing_t;

static unsigned char is_shadowed(void *self, int level, const char *key, size_t len, const char *value,
                                 size_t value_len, char **new_value, size_t *new_len,
                                 unsigned char *is_changed)
{
    passing_t *last = self;
    (void)level, (void)value, (void)value_len, (void)new_value, (void)new_len;
    *is_changed = 0;
    if (len < 4 || len - 4 > sizeof last->plain) return 0;
    const uint8_t *at = (const uint8_t *)key + len - 4;
    uint32_t number   = ~((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
    if (last->is_there && last->len == len - 4 && memcmp(last->plain, key, len - 4) == 0 &&
        last->number <= last->horizon)
        return 1;
    memcpy(last->plain, key, len - 4);
    last->len      = (uint32_t)len - 4;
    last->number   = number;
    last->is_there = true;
    return 0;
}

static const char *filter_name(void *self)
{
    (void)self;
    return "shadowed";
}

static void filter_free(void *self) { (void)self; }

static rocksdb_compactionfilter_t *new_filter(void *self, rocksdb_compactionfiltercontext_t *context)
{
    _Atomic uint32_t *on_disk = self;
    passing_t *passing        = calloc(1, sizeof *passing);
    (void)context;
    if (!passing) store_die("compact", "no memory");
    passing->horizon = atomic_load(on_disk);
    return rocksdb_compactionfilter_create(passing, free, is_shadowed, filter_name);
}

rocksdb_compactionfilterfactory_t *prune_filter(_Atomic uint32_t *on_disk)
{
    return rocksdb_compactionfilterfactory_create(on_disk, filter_free, new_filter, filter_name);
}
