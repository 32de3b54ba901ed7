/* table_host.c - a sorted array of entries, and a journal that undoes a layer. */

#include "table_host.h"

#include <stdlib.h>
#include <string.h>

typedef struct blob {
    struct blob *next;
    uint8_t bytes[];
} blob_t;
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
    blob_t *blobs; /* every key and value ever put, freed with the table */
    table_verify_t verify;
    table_root_t root;
};

table_t *table_new(void) { return calloc(1, sizeof(table_t)); }

void table_free(table_t *table)
{
    if (!table) return;
    for (blob_t *b = table->blobs, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(table->entries);
    free(table->journal);
    free(table->layers);
    free(table);
}

static bytes_t keep(table_t *table, bytes_t bytes)
{
    blob_t *blob = malloc(sizeof *blob + bytes.len + 1);
    if (!blob) abort();
    blob->next   = table->blobs;
    table->blobs = blob;
    if (bytes.len > 0) memcpy(blob->bytes, bytes.data, bytes.len);
    return (bytes_t){blob->bytes, bytes.len};
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
