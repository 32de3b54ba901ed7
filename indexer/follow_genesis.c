/* follow_genesis.c - the state of block 0, item by item, as the first rows of an empty index. */
#include "follow_internal.h"
#include "hex.h"
#include "log.h"
#include "runtime_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500u

typedef struct {
    uint32_t item; /* of apply_genesis */
    uint8_t *key, *value;
    uint32_t key_len, value_len;
} entry_t;

struct genesis {
    uint32_t item;
    char hash[67];
    char start[1024]; /* the last key of the page before; "" for none */
    uint32_t page;    /* keys in the page that is read */
    entry_t *entries;
    uint32_t count, cap;
};

static void ask_page(follow_t *f);

static const table_storage_t *storage_of(uint32_t item)
{
    const table_pallet_t *pallet = table_pallet(bytes_text(apply_genesis[item].pallet));
    return pallet ? table_storage(pallet, bytes_text(apply_genesis[item].item)) : NULL;
}

static uint8_t *bytes_of(const char *hex, uint32_t *len)
{
    uint32_t cap  = (uint32_t)strlen(hex) / 2 + 1;
    uint8_t *data = malloc(cap);
    *len          = 0;
    if (data && hex_decode(bytes_text(hex), data, cap, len)) return data;
    free(data);
    return NULL;
}

static bool keep_entry(genesis_t *g, const char *key, const char *value)
{
    if (g->count == g->cap) {
        uint32_t cap  = g->cap ? g->cap * 2 : 64;
        entry_t *more = realloc(g->entries, cap * sizeof *more);
        if (!more) return false;
        g->entries = more;
        g->cap     = cap;
    }
    entry_t *e = &g->entries[g->count];
    *e         = (entry_t){.item = g->item};
    e->key     = bytes_of(key, &e->key_len);
    e->value   = bytes_of(value, &e->value_len);
    g->count++;
    return e->key && e->value;
}

/* ---- all is read: rows ---- */

/* The key of an entry without its prefix and the hash before it. */
static bytes_t last_key(const entry_t *e, const table_storage_t *storage)
{
    uint32_t hash = storage->hashers[0] == TABLE_BLAKE2_128_CONCAT ? 16
                    : storage->hashers[0] == TABLE_TWOX_64_CONCAT  ? 8
                                                                   : 0;
    uint32_t skip = 32 + hash;
    return e->key_len > skip ? (bytes_t){e->key + skip, e->key_len - skip} : (bytes_t){e->key, 0};
}

static void apply_entries(follow_t *f, const genesis_t *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        const entry_t *e               = &g->entries[i];
        const table_storage_t *storage = storage_of(e->item);
        f->arena.used                  = 0;
        scale_reader_t r               = scale_reader((bytes_t){e->value, e->value_len}, &f->arena);
        if (!storage || !apply_genesis[e->item].apply(f->store, i, &r, last_key(e, storage)))
            store_fail(f->store, "the state of genesis does not decode");
    }
}

static void all_read(follow_t *f)
{
    genesis_t *g        = f->genesis;
    store_block_t block = {.number = 0, .hash = g->hash, .is_final = true};
    bool is_ok          = store_begin(f->store);
    if (is_ok) {
        store_block(f->store, &block);
        apply_entries(f, g);
        is_ok = store_block_done(f->store);
        is_ok = store_commit(f->store) && is_ok;
    }
    log_info(LOG_CHAIN, "genesis read", LOG_U32("entries", g->count));
    genesis_free(f);
    f->is_busy = false;
    if (!is_ok)
        follow_later(f, "genesis not indexed", "see the errors above");
    else
        follow_round(f);
}

/* ---- pages of keys, then their values ---- */

static void next_item(follow_t *f)
{
    f->genesis->item++;
    f->genesis->start[0] = 0;
    ask_page(f);
}

static void give_up(follow_t *f, const char *why)
{
    genesis_free(f);
    follow_later(f, "genesis not read, the node must be an archive", why);
}

static void on_values(void *self, const client_error_t *error, const json_t *result)
{
    follow_t *f  = self;
    bool is_kept = true;
    size_t i;
    json_t *change;
    if (error->status == CLIENT_FREED) return;
    if (error->status != CLIENT_OK) {
        give_up(f, error->text);
        return;
    }
    json_array_foreach(json_object_get(json_array_get(result, 0), "changes"), i, change)
    {
        const char *key   = json_string_value(json_array_get(change, 0)),
                   *value = json_string_value(json_array_get(change, 1));
        if (key && value) is_kept = is_kept && keep_entry(f->genesis, key, value);
    }
    if (!is_kept)
        give_up(f, "values that are no hexadecimal text");
    else if (f->genesis->page < PAGE)
        next_item(f);
    else
        ask_page(f);
}

static void on_keys(void *self, const client_error_t *error, const json_t *result)
{
    follow_t *f      = self;
    size_t count     = json_array_size(result);
    const char *last = json_string_value(json_array_get(result, count ? count - 1 : 0));
    if (error->status == CLIENT_FREED) return;
    if (error->status != CLIENT_OK || (count && (!last || strlen(last) >= sizeof f->genesis->start))) {
        give_up(f, error->status == CLIENT_OK ? "a key that is none" : error->text);
        return;
    }
    f->genesis->page = (uint32_t)count;
    if (count == 0) {
        next_item(f);
        return;
    }
    memcpy(f->genesis->start, last, strlen(last) + 1);
    char *keys   = json_dumps(result, JSON_COMPACT);
    size_t len   = (keys ? strlen(keys) : 0) + 96;
    char *params = malloc(len);
    if (!keys || !params) abort();
    snprintf(params, len, "[%s,\"%s\"]", keys, f->genesis->hash);
    client_rpc(f->client, "state_queryStorageAt", params, on_values, f);
    free(params);
    free(keys);
}

static void ask_page(follow_t *f)
{
    genesis_t *g = f->genesis;
    char prefix[67], params[1400];
    if (g->item == apply_genesis_count) {
        all_read(f);
        return;
    }
    const table_storage_t *storage = storage_of(g->item);
    if (!storage) {
        genesis_free(f);
        follow_stop(f, "this program has no such storage item");
        return;
    }
    memcpy(prefix, "0x", 2);
    hex_encode(prefix + 2, (bytes_t){storage->prefix, 32});
    if (g->start[0])
        snprintf(params, sizeof params, "[\"%s\",%u,\"%s\",\"%s\"]", prefix, PAGE, g->start, g->hash);
    else
        snprintf(params, sizeof params, "[\"%s\",%u,null,\"%s\"]", prefix, PAGE, g->hash);
    client_rpc(f->client, "state_getKeysPaged", params, on_keys, f);
}

void genesis_start(follow_t *follow)
{
    genesis_free(follow);
    follow->genesis = calloc(1, sizeof *follow->genesis);
    if (!follow->genesis) abort();
    memcpy(follow->genesis->hash, "0x", 2);
    hex_encode(follow->genesis->hash + 2, (bytes_t){client_chain(follow->client)->genesis.b, 32});
    ask_page(follow);
}

void genesis_free(follow_t *follow)
{
    genesis_t *g = follow->genesis;
    for (uint32_t i = 0; g && i < g->count; i++) {
        free(g->entries[i].key);
        free(g->entries[i].value);
    }
    if (g) free(g->entries);
    free(g);
    follow->genesis = NULL;
}
