/* rpc_scan.c - reads storage by value, by hash, by what the trie says, and by prefix. */

#include "rpc_scan.h"
#include "hash.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ the question */

static bool read_kind(const char *text, scan_kind_t *kind)
{
    static const char *const names[] = {"value", "hash", "closestDescendantMerkleValue", "descendantsValues",
                                        "descendantsHashes"};
    for (size_t i = 0; text && i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *kind = (scan_kind_t)i;
            return true;
        }
    return false;
}

static uint8_t *keep(bytes_t bytes)
{
    uint8_t *kept = malloc(bytes.len + 1u);
    if (!kept) abort();
    if (bytes.len) memcpy(kept, bytes.data, bytes.len);
    return kept;
}

static bool read_query(call_t *call, const json_t *item, scan_query_t *query)
{
    const json_t *start = json_object_get(item, "paginationStartKey");
    bytes_t key, after = {0};
    bool has_start = start && !json_is_null(start);
    if (!read_kind(json_string_value(json_object_get(item, "type")), &query->kind) ||
        !json_to_bytes(call, json_object_get(item, "key"), &key) || key.len > SCAN_KEY_MAX ||
        (has_start && (!json_to_bytes(call, start, &after) || after.len > SCAN_KEY_MAX)))
        return false;
    query->key     = keep(key);
    query->key_len = key.len;
    if (has_start) query->after = keep(after), query->after_len = after.len;
    return true;
}

scan_t *scan_new(call_t *call, const json_t *items, const hash_t *at, uint32_t most)
{
    size_t count = json_array_size(items);
    if (!json_is_array(items)) {
        rpc_bad_param(call, "expected an array of {\"key\": ..., \"type\": ...}");
        return NULL;
    }
    if (count > most) count = most;
    scan_t *scan = calloc(1, sizeof *scan);
    if (scan) scan->queries = calloc(count + 1, sizeof *scan->queries);
    if (!scan || !scan->queries) abort();
    scan->at = *at;
    for (size_t i = 0; i < count; i++) {
        bool is_read = read_query(call, json_array_get(items, i), &scan->queries[i]);
        if (is_read) {
            scan->count++;
            continue;
        }
        rpc_bad_param(call, "an item is {\"key\": hex, \"type\": \"value\", \"hash\", "
                            "\"closestDescendantMerkleValue\", \"descendantsValues\" or "
                            "\"descendantsHashes\"}");
        scan_free(scan);
        return NULL;
    }
    return scan;
}

void scan_free(scan_t *scan)
{
    if (!scan) return;
    for (uint32_t i = 0; i < scan->count; i++) {
        free(scan->queries[i].key);
        free(scan->queries[i].after);
    }
    free(scan->queries);
    free(scan);
}

/* ------------------------------------------------------------------------------------ the answer */

bool scan_at(rpc_t *rpc, const hash_t *at, bytes_t key, bytes_t *value)
{
    return chain_state_get(rpc->o.chain, at, key, &rpc->arena, value);
}

static bool has_prefix(bytes_t key, bytes_t prefix)
{
    return key.len >= prefix.len && (prefix.len == 0 || memcmp(key.data, prefix.data, prefix.len) == 0);
}

bool scan_after(rpc_t *rpc, const hash_t *at, bytes_t prefix, bytes_t key, bytes_t *next, bytes_t *value)
{
    return chain_state_next_key(rpc->o.chain, at, key, &rpc->arena, next) && has_prefix(*next, prefix) &&
           next->len <= SCAN_KEY_MAX && scan_at(rpc, at, *next, value);
}

static void add_item(json_t *items, scan_kind_t kind, bytes_t key, bytes_t value, size_t *len)
{
    bool is_value = kind == SCAN_VALUE || kind == SCAN_VALUES, is_merkle = kind == SCAN_MERKLE;
    hash_t hash = is_value || is_merkle ? (hash_t){0} : blake2_256(value);
    json_array_append_new(
        items, json_pack("{s:o, s:o}", "key", json_hex(key),
                         is_merkle ? "closestDescendantMerkleValue" : (is_value ? "value" : "hash"),
                         is_value || is_merkle ? json_hex(value) : json_hash(&hash)));
    *len += key.len + (is_value ? value.len : 32) + 64;
}

/* one_query answers one that gives at most one item. */
static void one_query(rpc_t *rpc, const scan_t *scan, const scan_query_t *query, json_t *items, size_t *len)
{
    bytes_t key   = {query->key, query->key_len}, value;
    bool is_there = query->kind == SCAN_MERKLE
                        ? chain_state_merkle(rpc->o.chain, &scan->at, key, &rpc->arena, &value)
                        : scan_at(rpc, &scan->at, key, &value);
    if (is_there) add_item(items, query->kind, key, value, len);
}

static void set_last(scan_t *scan, bytes_t key)
{
    if (key.len) memcpy(scan->last, key.data, key.len);
    scan->last_len  = key.len;
    scan->is_within = true;
}

/* begin_prefix stands before the first key under a prefix; the prefix itself may be one. */
static void begin_prefix(rpc_t *rpc, scan_t *scan, const scan_query_t *query, json_t *items, size_t *len)
{
    bytes_t prefix = {query->key, query->key_len}, after = {query->after, query->after_len}, value;
    bool is_later = query->after && bytes_compare(after, prefix) >= 0;
    if (!is_later && prefix.len > 0 && scan_at(rpc, &scan->at, prefix, &value))
        add_item(items, query->kind, prefix, value, len);
    set_last(scan, is_later ? after : prefix);
}

/* next_under gives the next key under a prefix; false: there is none. */
static bool next_under(rpc_t *rpc, scan_t *scan, const scan_query_t *query, json_t *items, size_t *len)
{
    bytes_t next, value;
    if (!scan_after(rpc, &scan->at, (bytes_t){query->key, query->key_len},
                    (bytes_t){scan->last, scan->last_len}, &next, &value))
        return false;
    add_item(items, query->kind, next, value, len);
    set_last(scan, next);
    return true;
}

bool scan_page(rpc_t *rpc, scan_t *scan, json_t *items, size_t *len)
{
    size_t start  = *len;
    uint32_t used = rpc->arena.used;
    for (uint32_t i = 0; i < SCAN_PAGE_KEYS && scan->index < scan->count && *len - start < SCAN_PAGE_LEN;
         i++) {
        const scan_query_t *query = &scan->queries[scan->index];
        bool is_prefix = query->kind == SCAN_VALUES || query->kind == SCAN_HASHES, is_done = false;
        rpc->arena.used = used;
        if (!is_prefix)
            one_query(rpc, scan, query, items, len), is_done = true;
        else if (!scan->is_within)
            begin_prefix(rpc, scan, query, items, len);
        else
            is_done = !next_under(rpc, scan, query, items, len);
        if (!is_done) continue;
        scan->index++;
        scan->is_within = false;
    }
    return scan->index == scan->count;
}
