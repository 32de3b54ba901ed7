/* store_view.c - reading: blocks, and the state after one. */
#include "scale.h"
#include "store_internal.h"

#include <string.h>

enum { STEPS_MAX = 4 }; /* of an iterator, before it seeks */

bool store_is_empty(const store_t *store) { return store->is_empty; }
store_point_t store_best(const store_t *store) { return store->best; }
store_point_t store_finalized(const store_t *store) { return store->finalized; }
store_point_t store_genesis_point(const store_t *store) { return store->genesis; }

/* ------------------------------------------------------------------ blocks */

bool store_known(store_t *store, const hash_t *hash, uint32_t *number, hash_t *parent)
{
    uint8_t room[64];
    arena_t arena = {room, sizeof room, 0};
    bytes_t record;
    store_key_t key = {.len = 0};
    store_key_hash(&key, hash);
    if (!store_get(store, COLUMN_NUMBER, &key, &arena, &record)) return false;
    scale_reader_t r = scale_reader(record, NULL);
    *number          = scale_get_u32(&r);
    scale_get_hash(&r, parent);
    if (!scale_done(&r)) store_die("read", "a block's number that is none");
    return true;
}

bool store_number(store_t *store, const hash_t *hash, uint32_t *number)
{
    hash_t parent;
    return store_known(store, hash, number, &parent);
}

bool store_parent(store_t *store, const hash_t *hash, hash_t *parent)
{
    uint32_t number;
    return store_known(store, hash, &number, parent) && number != 0;
}

bool store_hash(store_t *store, uint32_t number, hash_t *hash)
{
    uint8_t room[64];
    arena_t arena = {room, sizeof room, 0};
    bytes_t record;
    store_key_t key = {.len = 0};
    store_key_u32(&key, number);
    if (!store_get(store, COLUMN_CANONICAL, &key, &arena, &record)) return false;
    if (record.len != sizeof *hash) store_die("read", "a block's hash that is none");
    memcpy(hash, record.data, sizeof *hash);
    return true;
}

bool store_is_canonical(store_t *store, const hash_t *hash)
{
    uint32_t number;
    hash_t canonical;
    return store_number(store, hash, &number) && store_hash(store, number, &canonical) &&
           memcmp(&canonical, hash, sizeof *hash) == 0;
}

bool store_is_alive(store_t *store, const hash_t *hash)
{
    return pending_find(&store->pending, hash) || store_is_canonical(store, hash);
}

static bool of_block(store_t *store, column_t column, const hash_t *hash, arena_t *arena, bytes_t *bytes)
{
    uint32_t number;
    if (!store_number(store, hash, &number)) return false;
    store_key_t key = store_key_block(number, hash);
    return store_get(store, column, &key, arena, bytes);
}

bool store_header(store_t *store, const hash_t *hash, arena_t *arena, bytes_t *header)
{
    return of_block(store, COLUMN_HEADER, hash, arena, header);
}

bool store_body(store_t *store, const hash_t *hash, arena_t *arena, bytes_t *body)
{
    return of_block(store, COLUMN_BODY, hash, arena, body);
}

bool store_justification(store_t *store, const hash_t *hash, arena_t *arena, bytes_t *justification)
{
    return of_block(store, COLUMN_JUSTIFICATION, hash, arena, justification);
}

void store_unfinalized(store_t *store, store_each_t each, void *self)
{
    for (const pending_t *block = store->pending.oldest; block; block = block->newer)
        each(self, &block->hash, &block->parent, block->number);
}

uint32_t store_unfinalized_count(const store_t *store) { return store->pending.block_count; }

/* ------------------------------------------------------------------ state */

/* find_final finds the number of a block on the finalized chain.  What was found stays true. */
static bool find_final(store_t *store, const hash_t *hash, uint32_t *number)
{
    const store_point_t *points[] = {&store->finalized, &store->looked_at};
    for (uint32_t i = 0; i < 2; i++) {
        if (memcmp(&points[i]->hash, hash, sizeof *hash) != 0) continue;
        *number = points[i]->number;
        return true;
    }
    if (!store_is_canonical(store, hash) || !store_number(store, hash, number) ||
        *number > store->finalized.number)
        return false;
    store->looked_at = (store_point_t){*hash, *number};
    return true;
}

bool store_view(store_t *store, const hash_t *hash, store_view_t *view)
{
    if (store->is_empty) return false;
    *view = (store_view_t){.store = store, .pending = pending_find(&store->pending, hash)};
    if (view->pending) view->number = view->pending->number;
    if (view->pending) return true;
    return find_final(store, hash, &view->number) && view->number >= store->prune.horizon;
}

/* base_number is the block whose versions lie under the pending ones of a view. */
static uint32_t base_number(const store_view_t *view)
{
    return view->pending ? view->store->finalized.number : view->number;
}

static bytes_t found_key(rocksdb_iterator_t *it)
{
    size_t len;
    const char *key = rocksdb_iter_key(it, &len);
    return (bytes_t){(const uint8_t *)key, (uint32_t)len};
}

/* number_of is the block that a versioned key says. */
static uint32_t number_of(bytes_t key)
{
    const uint8_t *at = key.data + key.len - 4;
    return ~((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
}

bool store_seek(rocksdb_iterator_t *it, column_t column, bytes_t plain, uint32_t number, uint32_t *written,
                bytes_t *value)
{
    store_key_t key;
    *written = 0;
    if (!store_key_plain(&key, column, plain)) return false;
    uint32_t plain_len = key.len;
    store_key_u32(&key, ~number);
    rocksdb_iter_seek(it, (const char *)key.bytes, key.len);
    if (!rocksdb_iter_valid(it)) return false;
    bytes_t found = found_key(it);
    if (found.len != key.len || memcmp(found.data, key.bytes, plain_len) != 0) return false;
    size_t len;
    const char *record = rocksdb_iter_value(it, &len);
    if (len == 0 || len > UINT32_MAX) store_die("read", "a record without its first byte");
    *written = number_of(found);
    *value   = (bytes_t){(const uint8_t *)record + 1, (uint32_t)len - 1};
    return record[0] != 0;
}

/* find_record finds the newest final version of a record in memory. */
static bool find_record(store_t *store, column_t column, bytes_t plain, uint32_t *written, bool *is_removed,
                        bytes_t *record)
{
    if (cache_find(&store->records, column, plain, written, is_removed, record)) return true;
    return ahead_take(store) && cache_find(&store->records, column, plain, written, is_removed, record);
}

/* version_get reads a record as of a block, from memory if it is the newest one and was read before. */
static bool version_get(store_t *store, column_t column, bytes_t plain, uint32_t number, arena_t *arena,
                        bytes_t *value)
{
    bytes_t record;
    uint32_t written;
    bool is_removed;
    if (!find_record(store, column, plain, &written, &is_removed, &record) || written > number) {
        is_removed =
            !store_seek(store_iterator(store, column, false), column, plain, number, &written, &record);
        if (number == store->finalized.number)
            cache_put(&store->records, column, plain, written, is_removed ? NULL : &record);
    }
    if (is_removed) return false;
    if (!arena_copy(arena, record, value)) store_die("read", "no room for a record in its reader's memory");
    return true;
}

static bool view_get(const store_view_t *view, pending_map_t map, bytes_t key, arena_t *arena, bytes_t *value)
{
    static const column_t columns[] = {[PENDING_VALUES] = COLUMN_VALUE, [PENDING_NODES] = COLUMN_NODE};
    const change_t *change =
        view->pending ? pending_get(&view->store->pending, map, key, view->pending) : NULL;
    if (change) {
        *value = change->value;
        return !change->is_removed;
    }
    return version_get(view->store, columns[map], key, base_number(view), arena, value);
}

static bool value_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    return view_get(self, PENDING_VALUES, key, arena, value);
}

static bool node_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    return view_get(self, PENDING_NODES, key, arena, value);
}

/* unescape turns a versioned key back into the storage key. */
static bytes_t unescape(bytes_t found, uint8_t *room)
{
    uint32_t len = 0;
    for (uint32_t i = 0; i + 6 < found.len; i++) {
        room[len++] = found.data[i];
        if (found.data[i] == 0) i++;
    }
    return (bytes_t){room, len};
}

/* stands_in says whether an iterator is at one of the versions of a key. */
static bool stands_in(rocksdb_iterator_t *it, const store_key_t *plain)
{
    if (!rocksdb_iter_valid(it)) return false;
    bytes_t found = found_key(it);
    return found.len == plain->len + 4 && memcmp(found.data, plain->bytes, plain->len) == 0;
}

/* leave moves an iterator behind the versions of a key.  From one of them it is mostly a step. */
static void leave(rocksdb_iterator_t *it, store_key_t *plain)
{
    for (uint32_t i = 0; i < STEPS_MAX && stands_in(it, plain); i++) {
        rocksdb_iter_next(it);
        if (!stands_in(it, plain)) return;
    }
    plain->bytes[plain->len - 1] = 1; /* after all versions of this key, before any longer one */
    rocksdb_iter_seek(it, (const char *)plain->bytes, plain->len);
}

/* settle_on moves an iterator from a key's first version to the one as of a block; false: there is none. */
static bool settle_on(rocksdb_iterator_t *it, const store_key_t *plain, uint32_t number)
{
    for (uint32_t i = 0; i < STEPS_MAX; i++, rocksdb_iter_next(it)) {
        if (!stands_in(it, plain)) return false;
        if (number_of(found_key(it)) <= number) return true;
    }
    store_key_t seek = *plain;
    store_key_u32(&seek, ~number);
    rocksdb_iter_seek(it, (const char *)seek.bytes, seek.len);
    return stands_in(it, plain);
}

/* version_next finds the first key after `key` that has a value as of a block. */
static bool version_next(store_t *store, bytes_t key, uint32_t number, arena_t *arena, bytes_t *next)
{
    store_key_t plain;
    size_t len;
    rocksdb_iterator_t *it = store_iterator(store, COLUMN_VALUE, true);
    if (!store_key_plain(&plain, COLUMN_VALUE, key)) return false;
    for (;;) {
        leave(it, &plain);
        if (!rocksdb_iter_valid(it)) return false;
        bytes_t found = found_key(it);
        if (found.len < 6 || found.len > sizeof plain.bytes) store_die("read", "a storage key that is none");
        plain.len = found.len - 4;
        memcpy(plain.bytes, found.data, plain.len);
        if (settle_on(it, &plain, number) && rocksdb_iter_value(it, &len)[0] != 0) break;
    }
    uint8_t *room = arena_take(arena, plain.len);
    if (!room) store_die("read", "no room for a key in its reader's memory");
    *next = unescape((bytes_t){plain.bytes, plain.len + 4}, room);
    return true;
}

static bool value_next(void *self, bytes_t key, arena_t *arena, bytes_t *next)
{
    const store_view_t *view = self;
    bytes_t below;
    bool has_below = version_next(view->store, key, base_number(view), arena, &below);
    if (!view->pending) {
        *next = below;
        return has_below;
    }
    const pending_set_t *set = &view->store->pending;
    const change_t *change;
    while (has_below && (change = pending_get(set, PENDING_VALUES, below, view->pending)) &&
           change->is_removed)
        has_below = version_next(view->store, below, base_number(view), arena, &below);
    const change_t *changed = pending_next(set, view->pending, key);
    while (changed && changed->is_removed)
        changed = pending_next(set, view->pending, changed->key);
    if (!has_below && !changed) return false;
    *next = !has_below || (changed && bytes_compare(changed->key, below) < 0) ? changed->key : below;
    return true;
}

kv_t store_values(store_view_t *view) { return (kv_t){.self = view, .get = value_get, .next = value_next}; }
kv_t store_nodes(store_view_t *view) { return (kv_t){.self = view, .get = node_get}; }
