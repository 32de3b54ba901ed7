/* table_host.c - state as places found by a hash, an array of those that hold something sorted by key, and a
 * journal that undoes a layer. */

#include "table_host.h"

#include <stdlib.h>
#include <string.h>

/* Keys, values and places stand in chunks, each of which is filled from its start. */
typedef struct chunk {
    struct chunk *next;
    size_t used, size;
    uint8_t bytes[];
} chunk_t;
enum { CHUNK_SIZE = 1 << 18, FIRST_SLOTS = 1 << 10 };

/* The place of a key, there once the key was written, whether it holds something or not. */
typedef struct {
    bytes_t key, value;
    uint64_t seen; /* the look of table_changes that met it last */
    uint32_t hash;
    bool exists;
} place_t;
typedef struct {
    place_t *place;
    bytes_t value;
    bool existed;
} undo_t;

struct table {
    place_t **slots; /* by hash; a power of two, at most half filled */
    uint32_t slot_count, place_count;
    place_t **order; /* those that hold something, by key */
    uint32_t count, cap;
    undo_t *journal;
    uint32_t journal_len, journal_cap;
    uint32_t *layers;
    uint32_t depth, depth_cap;
    chunk_t *chunks; /* every key and value ever put, freed with the table */
    table_entry_t *entries;
    uint32_t entry_cap;
    uint64_t looks;
    table_verify_t verify;
    table_root_t root;
};

table_t *table_new(void)
{
    table_t *table = calloc(1, sizeof(table_t));
    if (!table) abort();
    table->slot_count = FIRST_SLOTS;
    table->slots      = calloc(FIRST_SLOTS, sizeof(place_t *));
    if (!table->slots) abort();
    return table;
}

void table_free(table_t *table)
{
    if (!table) return;
    for (chunk_t *chunk = table->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(table->slots);
    free(table->order);
    free(table->entries);
    free(table->journal);
    free(table->layers);
    free(table);
}

static void *room(table_t *table, size_t len)
{
    chunk_t *chunk = table->chunks;
    len            = (len + 7) & ~(size_t)7; /* what a place is aligned for */
    if (!chunk || chunk->size - chunk->used < len) {
        const size_t size = len > CHUNK_SIZE ? len : CHUNK_SIZE;
        chunk             = malloc(sizeof *chunk + size);
        if (!chunk) abort();
        *chunk        = (chunk_t){.next = table->chunks, .size = size};
        table->chunks = chunk;
    }
    uint8_t *taken = chunk->bytes + chunk->used;
    chunk->used += len;
    return taken;
}

static bytes_t keep(table_t *table, bytes_t bytes)
{
    uint8_t *kept = room(table, bytes.len);
    if (bytes.len > 0) memcpy(kept, bytes.data, bytes.len);
    return (bytes_t){kept, bytes.len};
}

static int compare(bytes_t a, bytes_t b)
{
    uint32_t len = a.len < b.len ? a.len : b.len;
    int order    = len > 0 ? memcmp(a.data, b.data, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* ------------------------------------------------------------------------------------- places */

/* Most keys begin with 32 bytes of hashes that many share, and go on with a hash of their own. */
static uint32_t hash_of(bytes_t key)
{
    uint64_t hash = key.len * UINT64_C(0x9e3779b97f4a7c15), word = 0;
    for (uint32_t at = 0; at < key.len; at += 8) {
        const uint32_t left = key.len - at;
        word                = 0;
        memcpy(&word, key.data + at, left < 8 ? left : 8);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

static place_t **slot_of(const table_t *table, bytes_t key, uint32_t hash)
{
    uint32_t at = hash & (table->slot_count - 1);
    while (table->slots[at] && (table->slots[at]->hash != hash || compare(table->slots[at]->key, key) != 0))
        at = (at + 1) & (table->slot_count - 1);
    return &table->slots[at];
}

static const place_t *place_of(const table_t *table, bytes_t key)
{
    const place_t *place = *slot_of(table, key, hash_of(key));
    return place && place->exists ? place : NULL;
}

static void widen(table_t *table)
{
    place_t **old        = table->slots;
    const uint32_t count = table->slot_count;
    table->slot_count *= 2;
    table->slots = calloc(table->slot_count, sizeof *table->slots);
    if (!table->slots) abort();
    for (uint32_t i = 0; i < count; i++)
        if (old[i]) *slot_of(table, old[i]->key, old[i]->hash) = old[i];
    free(old);
}

/* place_for finds or makes the place of a key that is written. */
static place_t *place_for(table_t *table, bytes_t key)
{
    const uint32_t hash = hash_of(key);
    place_t **slot      = slot_of(table, key, hash);
    if (*slot) return *slot;
    if (2 * ++table->place_count > table->slot_count) {
        widen(table);
        slot = slot_of(table, key, hash);
    }
    place_t *place = room(table, sizeof *place);
    *place         = (place_t){.key = keep(table, key), .hash = hash};
    return *slot   = place;
}

static void *grown(void *array, uint32_t len, uint32_t *cap, size_t size)
{
    if (len < *cap) return array;
    *cap  = *cap ? *cap * 2 : 64;
    array = realloc(array, *cap * size);
    if (!array) abort();
    return array;
}

/* rank_of gives the number of the first key, of those that hold something, not below `key`. */
static uint32_t rank_of(const table_t *table, bytes_t key)
{
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(table->order[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void set(table_t *table, place_t *place, const bytes_t *value)
{
    if (value) place->value = *value;
    if (place->exists == (value != NULL)) return;
    place->exists     = value != NULL;
    const uint32_t at = rank_of(table, place->key), after = table->count - at;
    if (!value) {
        memmove(table->order + at, table->order + at + 1, (after - 1) * sizeof *table->order);
        table->count--;
        return;
    }
    table->order = grown(table->order, table->count, &table->cap, sizeof *table->order);
    memmove(table->order + at + 1, table->order + at, after * sizeof *table->order);
    table->order[at] = place;
    table->count++;
}

static void note(table_t *table, place_t *place)
{
    if (table->depth == 0) return;
    table->journal = grown(table->journal, table->journal_len, &table->journal_cap, sizeof *table->journal);
    table->journal[table->journal_len++] = (undo_t){place, place->value, place->exists};
}

/* -------------------------------------------------------------------------------------- the host */

static bool get(void *state, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)arena;
    const place_t *place = place_of(state, key);
    if (place) *value = place->value;
    return place != NULL;
}

static void put(void *state, bytes_t key, bytes_t value)
{
    const bytes_t kept = keep(state, value);
    place_t *place     = place_for(state, key);
    note(state, place);
    set(state, place, &kept);
}

static void remove_key(void *state, bytes_t key)
{
    place_t *place = *slot_of(state, key, hash_of(key));
    if (!place) return;
    note(state, place);
    set(state, place, NULL);
}

static void append(void *state, bytes_t key, uint32_t count, bytes_t items)
{
    bytes_t old      = {0};
    uint64_t had     = 0;
    scale_reader_t r = {0};
    if (get(state, key, NULL, &old)) {
        r   = (scale_reader_t){.at = old.data, .end = old.data + old.len};
        had = scale_get_compact(&r);
        old = (bytes_t){r.at, (uint32_t)(r.end - r.at)};
    }
    uint32_t cap     = old.len + items.len + 9;
    uint8_t *joined  = malloc(cap);
    scale_writer_t w = {.start = joined, .cap = cap};
    if (!joined) abort();
    scale_put_compact(&w, had + count);
    scale_put_raw(&w, old.data, old.len);
    scale_put_raw(&w, items.data, items.len);
    put(state, key, (bytes_t){w.start, w.len});
    free(joined);
}

static bool next_key(void *state, bytes_t key, arena_t *arena, bytes_t *next)
{
    (void)arena;
    const table_t *table = state;
    uint32_t at          = rank_of(table, key);
    if (at < table->count && compare(table->order[at]->key, key) == 0) at++;
    if (at >= table->count) return false;
    *next = table->order[at]->key;
    return true;
}

static void begin(void *state)
{
    table_t *table = state;
    table->layers  = grown(table->layers, table->depth, &table->depth_cap, sizeof *table->layers);
    table->layers[table->depth++] = table->journal_len;
}

static void end(void *state, bool is_kept)
{
    table_t *table = state;
    if (table->depth == 0) abort();
    uint32_t start = table->layers[--table->depth];
    while (!is_kept && table->journal_len > start) {
        undo_t *undo = &table->journal[--table->journal_len];
        set(table, undo->place, undo->existed ? &undo->value : NULL);
    }
    if (table->depth == 0) table->journal_len = 0;
}

static hash_t storage_root(void *state)
{
    table_t *table = state;
    uint32_t count;
    return table->root ? table->root(table_entries(table, &count), table->count) : (hash_t){{0}};
}

static bool verify(void *state, uint8_t kind, bytes_t signature, bytes_t message, const account_id_t *signer)
{
    table_t *table = state;
    return table->verify && table->verify(state, kind, signature, message, signer);
}

static void discard(void *state, const char *message)
{
    (void)state;
    (void)message;
}

host_t table_host(table_t *table)
{
    return (host_t){.state        = table,
                    .get          = get,
                    .put          = put,
                    .remove       = remove_key,
                    .append       = append,
                    .next_key     = next_key,
                    .begin        = begin,
                    .end          = end,
                    .storage_root = storage_root,
                    .verify       = verify,
                    .log          = discard};
}

void table_verify_with(table_t *table, table_verify_t with) { table->verify = with; }
void table_root_with(table_t *table, table_root_t root) { table->root = root; }
uint32_t table_depth(const table_t *table) { return table->depth; }

const table_entry_t *table_entries(table_t *table, uint32_t *count)
{
    *count = table->count;
    while (table->entry_cap < table->count)
        table->entries = grown(table->entries, table->entry_cap, &table->entry_cap, sizeof *table->entries);
    for (uint32_t i = 0; i < table->count; i++)
        table->entries[i] = (table_entry_t){table->order[i]->key, table->order[i]->value};
    return table->entries;
}

uint32_t table_changes(table_t *table, table_change_t *changes, uint32_t most)
{
    if (table->depth == 0) abort();
    uint32_t count = 0;
    table->looks++;
    for (uint32_t i = table->layers[table->depth - 1]; i < table->journal_len; i++) {
        const undo_t *undo = &table->journal[i];
        place_t *place     = undo->place;
        if (place->seen == table->looks) continue; /* the first note of a key tells what it was */
        place->seen = table->looks;
        const bool is_changed =
            place->exists != undo->existed || (place->exists && compare(place->value, undo->value) != 0);
        if (is_changed && count < most)
            changes[count++] =
                (table_change_t){place->key, undo->value, place->value, undo->existed, place->exists};
    }
    return count;
}
