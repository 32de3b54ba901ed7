/* table_host.c - a sorted array of entries, and a journal that undoes a layer. */

#include "table_host.h"

#include <stdlib.h>
#include <string.h>

/* Keys and values stand in chunks, each of which is filled from its start. */
typedef struct chunk {
    struct chunk *next;
    size_t used, size;
    uint8_t bytes[];
} chunk_t;
enum { CHUNK_SIZE = 1 << 18 };
typedef struct {
    bytes_t key, value;
    bool existed;
} undo_t;

struct table {
    table_entry_t *entries;
    uint32_t count, cap;
    undo_t *journal;
    uint32_t journal_len, journal_cap;
    uint32_t *layers;
    uint32_t depth, depth_cap;
    chunk_t *chunks; /* every key and value ever put, freed with the table */
    table_verify_t verify;
    table_root_t root;
};

table_t *table_new(void) { return calloc(1, sizeof(table_t)); }

void table_free(table_t *table)
{
    if (!table) return;
    for (chunk_t *chunk = table->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(table->entries);
    free(table->journal);
    free(table->layers);
    free(table);
}

static bytes_t keep(table_t *table, bytes_t bytes)
{
    chunk_t *chunk = table->chunks;
    if (!chunk || chunk->size - chunk->used < bytes.len) {
        const size_t size = bytes.len > CHUNK_SIZE ? bytes.len : CHUNK_SIZE;
        chunk             = malloc(sizeof *chunk + size);
        if (!chunk) abort();
        *chunk        = (chunk_t){.next = table->chunks, .size = size};
        table->chunks = chunk;
    }
    uint8_t *room = chunk->bytes + chunk->used;
    if (bytes.len > 0) memcpy(room, bytes.data, bytes.len);
    chunk->used += bytes.len;
    return (bytes_t){room, bytes.len};
}

static int compare(bytes_t a, bytes_t b)
{
    uint32_t len = a.len < b.len ? a.len : b.len;
    int order    = len > 0 ? memcmp(a.data, b.data, len) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* find gives the place of the first entry not below key. */
static uint32_t find(const table_t *table, bytes_t key, bool *exists)
{
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(table->entries[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *exists = low < table->count && compare(table->entries[low].key, key) == 0;
    return low;
}

static void *grown(void *array, uint32_t len, uint32_t *cap, size_t size)
{
    if (len < *cap) return array;
    *cap  = *cap ? *cap * 2 : 64;
    array = realloc(array, *cap * size);
    if (!array) abort();
    return array;
}

static void set(table_t *table, bytes_t key, const bytes_t *value)
{
    bool exists;
    uint32_t at          = find(table, key, &exists);
    table_entry_t *entry = table->entries ? table->entries + at : NULL;
    uint32_t after       = table->count - at;
    if (!value) {
        if (exists) {
            memmove(entry, entry + 1, (after - 1) * sizeof *entry);
            table->count--;
        }
        return;
    }
    if (!exists) {
        table->entries = grown(table->entries, table->count, &table->cap, sizeof *entry);
        entry          = table->entries + at;
        memmove(entry + 1, entry, after * sizeof *entry);
        table->count++;
        entry->key = keep(table, key);
    }
    entry->value = *value;
}

static void note(table_t *table, bytes_t key)
{
    if (table->depth == 0) return;
    bool exists;
    uint32_t at    = find(table, key, &exists);
    table->journal = grown(table->journal, table->journal_len, &table->journal_cap, sizeof *table->journal);
    table->journal[table->journal_len++] =
        (undo_t){keep(table, key), exists ? table->entries[at].value : (bytes_t){0}, exists};
}

static bool get(void *state, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)arena;
    bool exists;
    uint32_t at = find(state, key, &exists);
    if (exists) *value = ((table_t *)state)->entries[at].value;
    return exists;
}

static void put(void *state, bytes_t key, bytes_t value)
{
    bytes_t kept = keep(state, value);
    note(state, key);
    set(state, key, &kept);
}

static void remove_key(void *state, bytes_t key)
{
    note(state, key);
    set(state, key, NULL);
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
    table_t *table = state;
    bool exists;
    uint32_t at = find(table, key, &exists) + exists;
    if (at >= table->count) return false;
    *next = table->entries[at].key;
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
        set(table, undo->key, undo->existed ? &undo->value : NULL);
    }
    if (table->depth == 0) table->journal_len = 0;
}

static hash_t storage_root(void *state)
{
    table_t *table = state;
    return table->root ? table->root(table->entries, table->count) : (hash_t){{0}};
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

const table_entry_t *table_entries(const table_t *table, uint32_t *count)
{
    *count = table->count;
    return table->entries;
}

/* ------------------------------------------------------------------------------ what changed */

static uint32_t slot_of(bytes_t key, uint32_t slots)
{
    uint32_t hash = 2166136261;
    for (uint32_t i = key.len > 40 ? 32 : 0; i < key.len; i++)
        hash = (hash ^ key.data[i]) * 16777619;
    return (hash ^ hash >> 15) & (slots - 1);
}

/* is_first says that no earlier place of the journal has this key; slots holds places, plus one. */
static bool is_first(const table_t *table, uint32_t *slots, uint32_t slot_count, uint32_t place)
{
    const bytes_t key = table->journal[place].key;
    uint32_t at       = slot_of(key, slot_count);
    for (; slots[at] > 0; at = (at + 1) & (slot_count - 1))
        if (compare(table->journal[slots[at] - 1].key, key) == 0) return false;
    slots[at] = place + 1;
    return true;
}

uint32_t table_changes(const table_t *table, table_change_t *changes, uint32_t most)
{
    if (table->depth == 0) abort();
    const uint32_t start = table->layers[table->depth - 1];
    uint32_t slot_count = 64, count = 0;
    while (slot_count < 2 * (table->journal_len - start))
        slot_count *= 2;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots) abort();
    for (uint32_t i = start; i < table->journal_len; i++) {
        const undo_t *undo = &table->journal[i];
        if (!is_first(table, slots, slot_count, i)) continue;
        bool exists;
        const uint32_t at     = find(table, undo->key, &exists);
        const bytes_t now     = exists ? table->entries[at].value : (bytes_t){0};
        const bool is_changed = exists != undo->existed || (exists && compare(now, undo->value) != 0);
        if (is_changed && count < most)
            changes[count++] = (table_change_t){undo->key, undo->value, now, undo->existed, exists};
    }
    free(slots);
    return count;
}
