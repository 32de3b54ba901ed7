/* store_pending.c - change sets of unfinalized blocks, and the index over them. */
#include "store_pending.h"
#include "scale.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One block's change of a key; newest first. */
typedef struct version {
    const pending_t *block;
    const change_t *change;
    struct version *older;
} version_t;

struct pending_entry {
    bytes_t key; /* of one of the versions */
    pending_map_t map;
    uint64_t hash;
    version_t *newest;
    pending_entry_t *chain;
};

static void *allocate(size_t size)
{
    void *room = calloc(1, size ? size : 1);
    assert(room);
    return room;
}

/* ------------------------------------------------------------------ index */

static uint64_t hash_key(const pending_set_t *set, pending_map_t map, bytes_t key)
{
    return bytes_spread(key, set->seed + (uint64_t)map);
}

/* entry_of finds the link that holds the entry of a key, or the empty link where it belongs. */
static pending_entry_t **entry_of(const pending_set_t *set, pending_map_t map, bytes_t key, uint64_t hash)
{
    pending_entry_t **link = &set->table[hash & (set->table_size - 1)];
    while (*link && !((*link)->hash == hash && (*link)->map == map && bytes_equal((*link)->key, key)))
        link = &(*link)->chain;
    return link;
}

static void grow(pending_set_t *set)
{
    uint32_t size           = set->table_size * 2;
    pending_entry_t **table = allocate(size * sizeof(pending_entry_t *));
    for (uint32_t i = 0; i < set->table_size; i++) {
        for (pending_entry_t *entry = set->table[i], *chain; entry; entry = chain) {
            chain                           = entry->chain;
            entry->chain                    = table[entry->hash & (size - 1)];
            table[entry->hash & (size - 1)] = entry;
        }
    }
    free(set->table);
    set->table      = table;
    set->table_size = size;
}

static void index_block(pending_set_t *set, const pending_t *block, pending_map_t map)
{
    for (uint32_t i = 0; i < block->changes[map].count; i++) {
        if (set->entry_count >= set->table_size) grow(set);
        const change_t *change = &block->changes[map].items[i];
        uint64_t hash          = hash_key(set, map, change->key);
        pending_entry_t **link = entry_of(set, map, change->key, hash);
        version_t *version     = allocate(sizeof *version);
        if (!*link) {
            *link  = allocate(sizeof **link);
            **link = (pending_entry_t){.key = change->key, .map = map, .hash = hash};
            set->entry_count++;
        }
        *version        = (version_t){block, change, (*link)->newest};
        (*link)->newest = version;
    }
}

static void unindex_block(pending_set_t *set, const pending_t *block, pending_map_t map)
{
    for (uint32_t i = 0; i < block->changes[map].count; i++) {
        bytes_t key            = block->changes[map].items[i].key;
        pending_entry_t **link = entry_of(set, map, key, hash_key(set, map, key));
        pending_entry_t *entry = *link;
        version_t **at         = &entry->newest;
        while ((*at)->block != block)
            at = &(*at)->older;
        version_t *version = *at;
        *at                = version->older;
        free(version);
        if (entry->newest) {
            entry->key = entry->newest->change->key;
            continue;
        }
        *link = entry->chain;
        free(entry);
        set->entry_count--;
    }
}

/* ------------------------------------------------------------------ records */

static size_t changes_len(const changes_t *changes)
{
    size_t len = 4;
    for (uint32_t i = 0; i < changes->count; i++)
        len += 9 + (size_t)changes->items[i].key.len + changes->items[i].value.len;
    return len;
}

static void put_changes(scale_writer_t *w, const changes_t *changes)
{
    scale_put_u32(w, changes->count);
    for (uint32_t i = 0; i < changes->count; i++) {
        const change_t *change = &changes->items[i];
        scale_put_bool(w, change->is_removed);
        scale_put_u32(w, change->key.len);
        scale_put_u32(w, change->is_removed ? 0 : change->value.len);
        scale_put_raw(w, change->key.data, change->key.len);
        if (!change->is_removed) scale_put_raw(w, change->value.data, change->value.len);
    }
}

uint8_t *pending_encode(const hash_t *parent, const changes_t *values, const changes_t *nodes, size_t *len)
{
    size_t most = sizeof *parent + changes_len(values) + changes_len(nodes);
    assert(most <= UINT32_MAX);
    uint8_t *record  = allocate(most);
    scale_writer_t w = scale_writer(record, (uint32_t)most);
    scale_put_hash(&w, parent);
    put_changes(&w, values);
    put_changes(&w, nodes);
    assert(!w.failed);
    *len = w.len;
    return record;
}

static bool get_changes(scale_reader_t *r, changes_t *changes)
{
    uint32_t count = scale_get_u32(r);
    if (r->failed || count > scale_left(r) / 9) return false;
    changes->items = allocate(count * sizeof(change_t));
    changes->count = count;
    for (uint32_t i = 0; i < count; i++) {
        change_t *change   = &changes->items[i];
        change->is_removed = scale_get_bool(r);
        uint32_t key_len   = scale_get_u32(r);
        uint32_t value_len = scale_get_u32(r);
        change->key        = scale_get_slice(r, key_len);
        change->value      = scale_get_slice(r, value_len);
    }
    return !r->failed;
}

static void free_block(pending_t *block)
{
    for (uint32_t map = 0; map < PENDING_MAPS; map++)
        free(block->changes[map].items);
    free(block->record);
    free(block);
}

/* ------------------------------------------------------------------ blocks */

void pending_init(pending_set_t *set, uint64_t seed)
{
    *set       = (pending_set_t){.table_size = 1024, .seed = seed};
    set->table = allocate(set->table_size * sizeof(pending_entry_t *));
}

static void free_entries(pending_entry_t *entry)
{
    for (pending_entry_t *chain; entry; entry = chain) {
        chain = entry->chain;
        for (version_t *version = entry->newest, *older; version; version = older) {
            older = version->older;
            free(version);
        }
        free(entry);
    }
}

void pending_fini(pending_set_t *set)
{
    for (uint32_t i = 0; i < set->table_size; i++)
        free_entries(set->table[i]);
    for (pending_t *block = set->oldest, *newer; block; block = newer) {
        newer = block->newer;
        free_block(block);
    }
    free(set->table);
}

pending_t *pending_find(const pending_set_t *set, const hash_t *hash)
{
    for (pending_t *block = set->newest; block; block = block->older) /* who asks mostly means a late one */
        if (memcmp(&block->hash, hash, sizeof *hash) == 0) return block;
    return NULL;
}

/* Skips reach far when they can: a number without its lowest set bit, so that any ancestor is a
 * logarithm of steps away. */
static uint32_t skip_number(uint32_t number) { return number & (number - 1); }

static const pending_t *ancestor(const pending_t *block, uint32_t number)
{
    while (block && block->number > number)
        block = block->skip && block->skip_number >= number ? block->skip : block->up;
    return block;
}

pending_t *pending_add(pending_set_t *set, const hash_t *hash, uint32_t number, const hash_t *finalized,
                       uint8_t *record, size_t len)
{
    pending_t *block = allocate(sizeof *block);
    scale_reader_t r = scale_reader((bytes_t){record, (uint32_t)len}, NULL);
    block->hash      = *hash;
    block->number    = number;
    block->record    = record;
    scale_get_hash(&r, &block->parent);
    bool is_read =
        get_changes(&r, &block->changes[PENDING_VALUES]) && get_changes(&r, &block->changes[PENDING_NODES]);
    block->up    = pending_find(set, &block->parent);
    bool is_ours = block->up ? block->up->number + 1 == number
                             : memcmp(&block->parent, finalized, sizeof *finalized) == 0;
    if (!is_read || !scale_done(&r) || !is_ours) {
        free_block(block);
        return NULL;
    }
    block->skip_number = skip_number(number);
    for (block->skip = block->up; block->skip && block->skip->number > block->skip_number;)
        block->skip = block->skip->skip && block->skip->skip_number >= block->skip_number ? block->skip->skip
                                                                                          : block->skip->up;
    if (set->newest)
        set->newest->newer = block;
    else
        set->oldest = block;
    block->older = set->newest;
    set->newest  = block;
    set->block_count++;
    index_block(set, block, PENDING_VALUES);
    index_block(set, block, PENDING_NODES);
    return block;
}

void pending_remove(pending_set_t *set, pending_t *block)
{
    unindex_block(set, block, PENDING_VALUES);
    unindex_block(set, block, PENDING_NODES);
    for (pending_t *other = block->newer; other; other = other->newer) {
        if (other->up == block) other->up = NULL;
        if (other->skip == block) other->skip = NULL;
    }
    if (block->older)
        block->older->newer = block->newer;
    else
        set->oldest = block->newer;
    if (block->newer)
        block->newer->older = block->older;
    else
        set->newest = block->older;
    set->block_count--;
    free_block(block);
}

bool pending_is_ancestor(const pending_t *above, const pending_t *block)
{
    return ancestor(block, above->number) == above;
}

/* ------------------------------------------------------------------ read */

const change_t *pending_get(const pending_set_t *set, pending_map_t map, bytes_t key, const pending_t *block)
{
    const pending_entry_t *entry = *entry_of(set, map, key, hash_key(set, map, key));
    for (const version_t *version = entry ? entry->newest : NULL; version; version = version->older)
        if (pending_is_ancestor(version->block, block)) return version->change;
    return NULL;
}

/* first_after finds the first item of a sorted set whose key is after `key`. */
static const change_t *first_after(const changes_t *changes, bytes_t key)
{
    uint32_t low = 0, high = changes->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (bytes_compare(changes->items[middle].key, key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < changes->count ? &changes->items[low] : NULL;
}

bool pending_next(const pending_t *block, bytes_t key, bytes_t *next)
{
    bool has_next = false;
    for (; block; block = block->up) {
        const change_t *change = first_after(&block->changes[PENDING_VALUES], key);
        if (!change || (has_next && bytes_compare(change->key, *next) >= 0)) continue;
        *next    = change->key;
        has_next = true;
    }
    return has_next;
}
