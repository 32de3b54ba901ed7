/* store_pending.c - change sets of unfinalized blocks, and the index over them. */
#include "store_pending.h"
#include "scale.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One block's change of a key. */
typedef struct pending_version {
    const pending_t *block;
    const change_t *change;
    pending_entry_t *entry;
    struct pending_version *older, *newer;
} version_t;

struct pending_entry {
    bytes_t key; /* of one of the versions */
    pending_map_t map;
    uint32_t level; /* in how many lists of the skip list it is; nodes: in none */
    uint64_t hash;
    version_t *newest;
    pending_entry_t *chain;
    pending_entry_t *next[];
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

/* ------------------------------------------------------------------ order */

/* Where a walk through the skip list is: in each list the last entry before a key; NULL: its start. */
typedef struct {
    pending_entry_t *at[PENDING_LEVELS];
    bytes_t key;
} finger_t;

static pending_entry_t *after(const pending_set_t *set, const pending_entry_t *entry, uint32_t level)
{
    return entry ? entry->next[level] : set->first[level];
}

/* move takes a finger to the last entries before a key.  Keys that come in order are a few steps apart. */
static void move(const pending_set_t *set, finger_t *finger, bytes_t key)
{
    uint32_t top          = 0;
    bool has_moved        = false;
    pending_entry_t *here = NULL, *next;
    if (bytes_compare(key, finger->key) <= 0) *finger = (finger_t){0};
    finger->key = key;
    while (top + 1 < PENDING_LEVELS && (next = after(set, finger->at[top], top)) &&
           bytes_compare(next->key, key) < 0)
        top++;
    for (uint32_t i = top + 1; i-- > 0; finger->at[i] = here) {
        if (!has_moved) here = finger->at[i];
        while ((next = after(set, here, i)) && bytes_compare(next->key, key) < 0) {
            here      = next;
            has_moved = true;
        }
    }
}

static uint32_t draw_level(pending_set_t *set)
{
    uint32_t level = 1;
    set->random ^= set->random << 13;
    set->random ^= set->random >> 7;
    set->random ^= set->random << 17;
    for (uint64_t bits = set->random; (bits & 3) == 0 && level < PENDING_LEVELS; bits >>= 2)
        level++;
    return level;
}

static void list(pending_set_t *set, finger_t *finger, pending_entry_t *entry)
{
    move(set, finger, entry->key);
    for (uint32_t i = 0; i < entry->level; i++) {
        entry->next[i]                                              = after(set, finger->at[i], i);
        *(finger->at[i] ? &finger->at[i]->next[i] : &set->first[i]) = entry;
    }
}

static void unlist(pending_set_t *set, finger_t *finger, const pending_entry_t *entry)
{
    move(set, finger, entry->key);
    for (uint32_t i = 0; i < entry->level; i++)
        *(finger->at[i] ? &finger->at[i]->next[i] : &set->first[i]) = entry->next[i];
}

/* ------------------------------------------------------------------ blocks in and out */

static pending_entry_t *new_entry(pending_set_t *set, pending_map_t map, bytes_t key, uint64_t hash)
{
    uint32_t level         = map == PENDING_VALUES ? draw_level(set) : 0;
    pending_entry_t *entry = allocate(sizeof *entry + level * sizeof entry->next[0]);
    entry->key             = key;
    entry->map             = map;
    entry->level           = level;
    entry->hash            = hash;
    set->entry_count++;
    return entry;
}

static void index_block(pending_set_t *set, pending_t *block, pending_map_t map)
{
    finger_t finger      = {0};
    block->versions[map] = allocate(block->changes[map].count * sizeof(version_t));
    for (uint32_t i = 0; i < block->changes[map].count; i++) {
        if (set->entry_count >= set->table_size) grow(set);
        const change_t *change = &block->changes[map].items[i];
        uint64_t hash          = hash_key(set, map, change->key);
        pending_entry_t **link = entry_of(set, map, change->key, hash);
        if (!*link) {
            *link = new_entry(set, map, change->key, hash);
            if (map == PENDING_VALUES) list(set, &finger, *link);
        }
        pending_entry_t *entry = *link;
        version_t *version     = &block->versions[map][i];
        *version               = (version_t){block, change, entry, entry->newest, NULL};
        if (entry->newest) entry->newest->newer = version;
        entry->newest = version;
    }
}

static void unindex_block(pending_set_t *set, const pending_t *block, pending_map_t map)
{
    finger_t finger = {0};
    for (uint32_t i = 0; i < block->changes[map].count; i++) {
        const version_t *version = &block->versions[map][i];
        pending_entry_t *entry   = version->entry;
        if (version->older) version->older->newer = version->newer;
        if (version->newer)
            version->newer->older = version->older;
        else
            entry->newest = version->older;
        if (entry->newest) {
            entry->key = entry->newest->change->key;
            continue;
        }
        if (map == PENDING_VALUES) unlist(set, &finger, entry);
        *entry_of(set, map, entry->key, entry->hash) = entry->chain;
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
        free(block->changes[map].items), free(block->versions[map]);
    free(block->record);
    free(block);
}

/* ------------------------------------------------------------------ blocks */

void pending_init(pending_set_t *set, uint64_t seed)
{
    *set        = (pending_set_t){.table_size = 1024, .blocks_size = 64, .seed = seed, .random = seed | 1};
    set->table  = allocate(set->table_size * sizeof(pending_entry_t *));
    set->blocks = allocate(set->blocks_size * sizeof(pending_t *));
}

static void free_entries(pending_entry_t *entry)
{
    for (pending_entry_t *chain; entry; entry = chain) {
        chain = entry->chain;
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
    free(set->blocks);
}

static pending_t **block_link(const pending_set_t *set, const hash_t *hash)
{
    uint64_t spread  = bytes_spread((bytes_t){hash->b, sizeof *hash}, set->seed);
    pending_t **link = &set->blocks[spread & (set->blocks_size - 1)];
    while (*link && memcmp(&(*link)->hash, hash, sizeof *hash) != 0)
        link = &(*link)->chain;
    return link;
}

pending_t *pending_find(const pending_set_t *set, const hash_t *hash) { return *block_link(set, hash); }

/* enter puts a block into the table, which grows with their number. */
static void enter(pending_set_t *set, pending_t *block)
{
    if (set->block_count >= set->blocks_size) {
        free(set->blocks);
        set->blocks_size *= 2;
        set->blocks = allocate(set->blocks_size * sizeof(pending_t *));
        for (pending_t *other = set->oldest; other; other = other->newer) {
            other->chain                   = NULL;
            *block_link(set, &other->hash) = other;
        }
    }
    block->chain                   = NULL;
    *block_link(set, &block->hash) = block;
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
    enter(set, block);
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
    *block_link(set, &block->hash) = block->chain;
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

/* seen_from is the newest version that block or an ancestor wrote. */
static const change_t *seen_from(const pending_entry_t *entry, const pending_t *block)
{
    for (const version_t *version = entry->newest; version; version = version->older)
        if (pending_is_ancestor(version->block, block)) return version->change;
    return NULL;
}

const change_t *pending_get(const pending_set_t *set, pending_map_t map, bytes_t key, const pending_t *block)
{
    const pending_entry_t *entry = *entry_of(set, map, key, hash_key(set, map, key));
    return entry ? seen_from(entry, block) : NULL;
}

const change_t *pending_next(const pending_set_t *set, const pending_t *block, bytes_t key)
{
    const pending_entry_t *here = NULL, *next;
    for (uint32_t i = PENDING_LEVELS; i-- > 0;)
        while ((next = after(set, here, i)) && bytes_compare(next->key, key) <= 0)
            here = next;
    for (next = after(set, here, 0); next; next = next->next[0]) {
        const change_t *change = seen_from(next, block);
        if (change) return change;
    }
    return NULL;
}
