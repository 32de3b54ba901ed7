/* store_cache.c - a hash table of records, and a clock's hand over it.
 *
 * The table is one row of slots, a key's at or soon after the place of its hash; the hash stands in the slot,
 * so that of entries, which are far apart in memory, only the right one is looked at. */
#include "store_cache.h"
#include "kv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct cache_entry {
    uint64_t hash;
    uint32_t number, place; /* in the ring */
    uint32_t key_len, value_len;
    column_t column;
    bool is_removed, was_used;
    uint8_t bytes[]; /* key, value */
};

enum { TABLE_START = 1024, ENTRY_COST = sizeof(cache_entry_t) + 64 /* malloc, table, ring */ };

static void *allocate(size_t count, size_t size)
{
    void *room = calloc(count, size);
    assert(room);
    return room;
}

/* new_table asks for large pages where the table is large: each key is somewhere else in it. */
static cache_slot_t *new_table(uint32_t size)
{
    enum { PAGE = 4096, LARGE = 4 << 20 };
    cache_slot_t *table = allocate(size, sizeof *table);
    const size_t len = size * sizeof *table, start = (PAGE - (uintptr_t)table % PAGE) % PAGE;
    if (len >= LARGE) (void)madvise((uint8_t *)table + start, len - start, MADV_HUGEPAGE);
    return table;
}

void cache_init(store_cache_t *cache, uint64_t bytes_max, uint64_t seed)
{
    *cache       = (store_cache_t){.table_size = TABLE_START, .bytes_max = bytes_max, .seed = seed};
    cache->table = new_table(cache->table_size);
}

void cache_fini(store_cache_t *cache)
{
    for (uint32_t i = 0; i < cache->count; i++)
        free(cache->ring[i]);
    free(cache->ring);
    free(cache->table);
    *cache = (store_cache_t){0};
}

static uint64_t entry_cost(const cache_entry_t *entry)
{
    return ENTRY_COST + (uint64_t)entry->key_len + entry->value_len;
}

static uint64_t hash_of(uint64_t seed, column_t column, bytes_t key)
{
    return bytes_spread(key, seed + (uint64_t)column);
}

static bool is_of(const cache_entry_t *entry, column_t column, bytes_t key)
{
    return entry->column == column && entry->key_len == key.len &&
           (key.len == 0 || memcmp(entry->bytes, key.data, key.len) == 0);
}

/* slot_of finds the slot that holds a key's entry, or the empty one where it belongs. */
static cache_slot_t *slot_of(const store_cache_t *cache, column_t column, bytes_t key, uint64_t hash)
{
    for (uint64_t i = hash;; i++) {
        cache_slot_t *slot = &cache->table[i & (cache->table_size - 1)];
        if (!slot->entry || (slot->hash == hash && is_of(slot->entry, column, key))) return slot;
    }
}

/* free_slot finds the first empty slot for a hash. */
static cache_slot_t *free_slot(cache_slot_t *table, uint32_t size, uint64_t hash)
{
    uint64_t i = hash;
    while (table[i & (size - 1)].entry)
        i++;
    return &table[i & (size - 1)];
}

static void grow_table(store_cache_t *cache)
{
    uint32_t size       = cache->table_size * 2;
    cache_slot_t *table = new_table(size);
    for (uint32_t i = 0; i < cache->table_size; i++)
        if (cache->table[i].entry) *free_slot(table, size, cache->table[i].hash) = cache->table[i];
    free(cache->table);
    cache->table      = table;
    cache->table_size = size;
}

/* empty_slot takes a slot's entry out and moves back those behind it that may stand there. */
static void empty_slot(store_cache_t *cache, cache_slot_t *slot)
{
    const uint32_t mask = cache->table_size - 1;
    uint32_t hole       = (uint32_t)(slot - cache->table);
    for (uint32_t i = (hole + 1) & mask; cache->table[i].entry; i = (i + 1) & mask) {
        const uint32_t home = (uint32_t)cache->table[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        cache->table[hole] = cache->table[i];
        hole               = i;
    }
    cache->table[hole] = (cache_slot_t){0};
}

static void drop(store_cache_t *cache, cache_slot_t *slot)
{
    cache_entry_t *entry = slot->entry, *last = cache->ring[--cache->count];
    cache->ring[entry->place] = last;
    last->place               = entry->place;
    cache->bytes -= entry_cost(entry);
    empty_slot(cache, slot);
    free(entry);
}

/* make_room moves the hand over entries that were used since it last came by, and drops others. */
static void make_room(store_cache_t *cache, uint64_t cost)
{
    while (cache->count > 0 && cache->bytes + cost > cache->bytes_max) {
        if (cache->hand >= cache->count) cache->hand = 0;
        cache_entry_t *entry = cache->ring[cache->hand];
        if (entry->was_used) {
            entry->was_used = false;
            cache->hand++;
            continue;
        }
        drop(cache, slot_of(cache, entry->column, (bytes_t){entry->bytes, entry->key_len}, entry->hash));
    }
}

static void add(store_cache_t *cache, cache_entry_t *entry)
{
    if (cache->count == cache->cap) {
        cache->cap  = cache->cap ? 2 * cache->cap : TABLE_START;
        cache->ring = realloc(cache->ring, cache->cap * sizeof(cache_entry_t *));
        assert(cache->ring);
    }
    if (cache->count >= cache->table_size / 4 * 3) grow_table(cache);
    entry->place                                             = cache->count;
    cache->ring[cache->count++]                              = entry;
    *free_slot(cache->table, cache->table_size, entry->hash) = (cache_slot_t){entry->hash, entry};
    cache->bytes += entry_cost(entry);
}

bool cache_find(store_cache_t *cache, column_t column, bytes_t key, uint32_t *number, bool *is_removed,
                bytes_t *value)
{
    cache_entry_t *entry = slot_of(cache, column, key, hash_of(cache->seed, column, key))->entry;
    if (!entry) return false;
    entry->was_used = true;
    *number         = entry->number;
    *is_removed     = entry->is_removed;
    *value          = (bytes_t){entry->bytes + entry->key_len, entry->value_len};
    return true;
}

bool cache_has(const store_cache_t *cache, column_t column, bytes_t key)
{
    return slot_of(cache, column, key, hash_of(cache->seed, column, key))->entry != NULL;
}

static cache_entry_t *new_entry(uint64_t hash, column_t column, bytes_t key, uint32_t number,
                                const bytes_t *value)
{
    uint32_t value_len = value ? value->len : 0;
    if (value_len > CACHE_RECORD_MAX || key.len > CACHE_RECORD_MAX) return NULL;
    cache_entry_t *entry = malloc(sizeof *entry + key.len + value_len);
    assert(entry);
    *entry = (cache_entry_t){.hash       = hash,
                             .number     = number,
                             .key_len    = key.len,
                             .value_len  = value_len,
                             .column     = column,
                             .is_removed = !value};
    if (key.len) memcpy(entry->bytes, key.data, key.len);
    if (value_len) memcpy(entry->bytes + key.len, value->data, value_len);
    return entry;
}

/* enter adds an entry, which is not there yet, if the cache is not too small for it. */
static void enter(store_cache_t *cache, cache_entry_t *entry)
{
    if (entry_cost(entry) > cache->bytes_max / 16) {
        free(entry);
        return;
    }
    make_room(cache, entry_cost(entry));
    add(cache, entry);
}

cache_entry_t *cache_entry_new(uint64_t seed, column_t column, bytes_t key, uint32_t number,
                               const bytes_t *value)
{
    return new_entry(hash_of(seed, column, key), column, key, number, value);
}

void cache_expect(const store_cache_t *cache, column_t column, bytes_t key, bool is_near)
{
    const uint64_t hash      = hash_of(cache->seed, column, key);
    const cache_slot_t *slot = &cache->table[hash & (cache->table_size - 1)];
    if (is_near && slot->entry)
        __builtin_prefetch(slot->entry->bytes);
    else
        __builtin_prefetch(slot);
}

static void take_entry(store_cache_t *cache, cache_entry_t *entry)
{
    bytes_t key = {entry->bytes, entry->key_len};
    if (slot_of(cache, entry->column, key, entry->hash)->entry)
        free(entry);
    else
        enter(cache, entry);
}

void cache_take_all(store_cache_t *cache, cache_entry_t *const *entries, uint32_t count)
{
    enum { SOON = 8, LATER = 16 };
    for (uint32_t i = 0; i < count; i++) {
        if (i + LATER < count) __builtin_prefetch(entries[i + LATER]);
        if (i + SOON < count)
            __builtin_prefetch(&cache->table[entries[i + SOON]->hash & (cache->table_size - 1)]);
        take_entry(cache, entries[i]);
    }
}

static void put(store_cache_t *cache, column_t column, bytes_t key, uint32_t number, const bytes_t *value,
                bool is_update)
{
    uint64_t hash      = hash_of(cache->seed, column, key);
    cache_slot_t *slot = slot_of(cache, column, key, hash);
    cache_entry_t *old = slot->entry;
    if (is_update && !old) return;
    if (old && value && !old->is_removed && old->value_len == value->len) {
        if (value->len) memcpy(old->bytes + key.len, value->data, value->len);
        old->number = number;
        return;
    }
    bool was_used = old && old->was_used;
    if (old) drop(cache, slot);
    cache_entry_t *entry = new_entry(hash, column, key, number, value);
    if (!entry) return;
    entry->was_used = was_used;
    enter(cache, entry);
}

void cache_put(store_cache_t *cache, column_t column, bytes_t key, uint32_t number, const bytes_t *value)
{
    put(cache, column, key, number, value, false);
}

void cache_update(store_cache_t *cache, column_t column, bytes_t key, uint32_t number, const bytes_t *value)
{
    put(cache, column, key, number, value, true);
}
