/* store_cache.c - a hash table of records, and a clock's hand over it. */
#include "store_cache.h"
#include "kv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct cache_entry {
    cache_entry_t *chain;
    uint64_t hash;
    uint32_t number, place; /* in the ring */
    uint32_t key_len, value_len;
    column_t column;
    bool is_removed, was_used;
    uint8_t bytes[]; /* key, value */
};

enum { TABLE_START = 1024, ENTRY_COST = sizeof(cache_entry_t) + 48 /* malloc, table, ring */ };

static void *allocate(size_t count, size_t size)
{
    void *room = calloc(count, size);
    assert(room);
    return room;
}

void cache_init(store_cache_t *cache, uint64_t bytes_max, uint64_t seed)
{
    *cache       = (store_cache_t){.table_size = TABLE_START, .bytes_max = bytes_max, .seed = seed};
    cache->table = allocate(cache->table_size, sizeof *cache->table);
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

/* link_of finds the link that holds a key's entry, or the empty one at the end of its chain. */
static cache_entry_t **link_of(const store_cache_t *cache, column_t column, bytes_t key, uint64_t hash)
{
    cache_entry_t **link = &cache->table[hash & (cache->table_size - 1)];
    for (; *link; link = &(*link)->chain) {
        const cache_entry_t *entry = *link;
        if (entry->hash == hash && entry->column == column && entry->key_len == key.len &&
            memcmp(entry->bytes, key.data, key.len) == 0)
            break;
    }
    return link;
}

static void grow_table(store_cache_t *cache)
{
    uint32_t size         = cache->table_size * 2;
    cache_entry_t **table = allocate(size, sizeof *table);
    for (uint32_t i = 0; i < cache->count; i++) {
        cache_entry_t *entry            = cache->ring[i];
        entry->chain                    = table[entry->hash & (size - 1)];
        table[entry->hash & (size - 1)] = entry;
    }
    free(cache->table);
    cache->table      = table;
    cache->table_size = size;
}

static void drop(store_cache_t *cache, cache_entry_t **link)
{
    cache_entry_t *entry = *link, *last = cache->ring[--cache->count];
    cache->ring[entry->place] = last;
    last->place               = entry->place;
    cache->bytes -= entry_cost(entry);
    *link = entry->chain;
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
        cache_entry_t **link = &cache->table[entry->hash & (cache->table_size - 1)];
        while (*link != entry)
            link = &(*link)->chain;
        drop(cache, link);
    }
}

static void add(store_cache_t *cache, cache_entry_t *entry)
{
    if (cache->count == cache->cap) {
        cache->cap  = cache->cap ? 2 * cache->cap : TABLE_START;
        cache->ring = realloc(cache->ring, cache->cap * sizeof(cache_entry_t *));
        assert(cache->ring);
    }
    if (cache->count >= cache->table_size) grow_table(cache);
    entry->place                = cache->count;
    cache->ring[cache->count++] = entry;
    cache_entry_t **link        = &cache->table[entry->hash & (cache->table_size - 1)];
    entry->chain                = *link;
    *link                       = entry;
    cache->bytes += entry_cost(entry);
}

bool cache_find(store_cache_t *cache, column_t column, bytes_t key, uint32_t *number, bool *is_removed,
                bytes_t *value)
{
    cache_entry_t *entry = *link_of(cache, column, key, hash_of(cache->seed, column, key));
    if (!entry) return false;
    entry->was_used = true;
    *number         = entry->number;
    *is_removed     = entry->is_removed;
    *value          = (bytes_t){entry->bytes + entry->key_len, entry->value_len};
    return true;
}

bool cache_has(const store_cache_t *cache, column_t column, bytes_t key)
{
    return *link_of(cache, column, key, hash_of(cache->seed, column, key)) != NULL;
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

void cache_take(store_cache_t *cache, cache_entry_t *entry)
{
    bytes_t key = {entry->bytes, entry->key_len};
    if (*link_of(cache, entry->column, key, entry->hash))
        free(entry);
    else
        enter(cache, entry);
}

static void put(store_cache_t *cache, column_t column, bytes_t key, uint32_t number, const bytes_t *value,
                bool is_update)
{
    uint64_t hash        = hash_of(cache->seed, column, key);
    cache_entry_t **link = link_of(cache, column, key, hash), *old = *link;
    if (is_update && !old) return;
    if (old && value && !old->is_removed && old->value_len == value->len) {
        if (value->len) memcpy(old->bytes + key.len, value->data, value->len);
        old->number = number;
        return;
    }
    bool was_used = old && old->was_used;
    if (old) drop(cache, link);
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
