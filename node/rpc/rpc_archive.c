/* rpc_archive.c - archive_v1_*: any block that is kept, by its hash, without following the chain. */

#include "hash.h"
#include "rpc_scan.h"

#include <stdlib.h>
#include <string.h>

enum { ARCHIVE_ITEMS_MAX = 1024, ARCHIVE_READS_MAX = 16 }; /* of a call; at once of a connection */

/* ------------------------------------------------------------------------------------ blocks */

static bool block_asked(call_t *call, hash_t *hash)
{
    if (param_at(call, 0)) return param_block(call, 0, hash);
    rpc_bad_param(call, "parameter 1: expected a block hash");
    return false;
}

static json_t *get_body(call_t *call)
{
    hash_t hash;
    bytes_t body;
    if (!block_asked(call, &hash)) return NULL;
    return chain_body(call->rpc->o.chain, &hash, call->arena, &body) ? json_extrinsics(body) : json_null();
}

static json_t *get_header(call_t *call)
{
    hash_t hash;
    bytes_t header;
    if (!block_asked(call, &hash)) return NULL;
    return chain_header(call->rpc->o.chain, &hash, call->arena, &header) ? json_hex(header) : json_null();
}

static json_t *finalized_height(call_t *call)
{
    return json_integer(chain_finalized(call->rpc->o.chain).number);
}

static json_t *genesis_hash(call_t *call)
{
    hash_t hash = chain_genesis(call->rpc->o.chain).hash;
    return json_hash(&hash);
}

/* Above the finalized block there may be several. */
static json_t *hash_by_height(call_t *call)
{
    chain_t *chain = call->rpc->o.chain;
    chain_point_t *blocks;
    uint32_t height, count = 0;
    hash_t hash;
    if (!param_u32(call, 0, &height)) return NULL;
    json_t *all = json_array();
    if (height <= chain_finalized(chain).number) {
        if (chain_hash(chain, height, &hash)) json_array_append_new(all, json_hash(&hash));
        return all;
    }
    if (!chain_unfinalized(chain, call->arena, &blocks, &count)) count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (blocks[i].number == height) json_array_append_new(all, json_hash(&blocks[i].hash));
    return all;
}

static json_t *call_function(call_t *call)
{
    const char *function;
    hash_t at;
    bytes_t args, result;
    if (!block_asked(call, &at) || !param_text(call, 1, &function) || !param_bytes(call, 2, &args))
        return NULL;
    chain_status_t status =
        chain_call(call->rpc->o.chain, &at, bytes_text(function), args, call->arena, &result);
    if (status == CHAIN_UNKNOWN_BLOCK) return json_null();
    if (status == CHAIN_OK) return json_pack("{s:b, s:o}", "success", 1, "value", json_hex(result));
    return json_pack("{s:b, s:s}", "success", 0, "error", chain_status_text(status));
}

/* ------------------------------------------------------------------------------------ a read in parts */

/* What differs under a prefix between two blocks: both are walked along together. */
typedef struct {
    uint8_t prefix[SCAN_KEY_MAX];
    uint32_t prefix_len;
    bool is_hash, is_child;
} diff_query_t;

typedef struct {
    hash_t before, after;
    diff_query_t *queries;
    uint32_t count, index;
    bool is_within;
    uint8_t last[SCAN_KEY_MAX];
    uint32_t last_len;
} diff_t;

typedef struct {
    subscription_t *subscription;
    io_timer_t *timer;
    scan_t *scan; /* either this or diff; neither: a child trie, and there is none */
    diff_t *diff;
    const char *item, *done, *failed; /* names of its events */
} read_t;

static void drop_read(subscription_t *subscription)
{
    read_t *read = subscription->own;
    if (read->timer) io_timer_stop(read->timer);
    scan_free(read->scan);
    if (read->diff) free(read->diff->queries);
    free(read->diff);
    free(read);
}

static bool diff_page(rpc_t *rpc, diff_t *diff, json_t *items);

static bool is_lost(const rpc_t *rpc, const read_t *read)
{
    chain_t *chain = rpc->o.chain;
    if (read->diff)
        return !chain_has_state(chain, &read->diff->before) || !chain_has_state(chain, &read->diff->after);
    return read->scan && !chain_has_state(chain, &read->scan->at);
}

/* read_part sends the next items; true: that was all. */
static bool read_part(read_t *read, rpc_t *rpc)
{
    json_t *items = json_array(), *item;
    size_t len    = 0, i;
    bool is_done  = true;
    if (read->scan)
        is_done = scan_page(rpc, read->scan, items, &len);
    else if (read->diff)
        is_done = diff_page(rpc, read->diff, items);
    json_array_foreach(items, i, item)
    {
        json_object_set_new(item, "event", json_string(read->item));
        rpc_notify(read->subscription, json_incref(item));
    }
    json_decref(items);
    return is_done;
}

static void run_read(void *self)
{
    read_t *read    = self;
    rpc_t *rpc      = read->subscription->conn->rpc;
    read->timer     = NULL;
    rpc->arena.used = 0;
    if (web_queued(read->subscription->conn->web) > RPC_QUEUED_MAX) {
        read->timer = io_timer_start(rpc->o.io, RPC_QUEUED_WAIT_MS, 0, run_read, read);
        return;
    }
    if (is_lost(rpc, read)) {
        rpc_notify(read->subscription, json_pack("{s:s, s:s}", "event", read->failed, "error",
                                                 chain_status_text(CHAIN_UNKNOWN_BLOCK)));
        rpc_end_subscription(read->subscription);
    } else if (read_part(read, rpc)) {
        rpc_notify(read->subscription, json_pack("{s:s}", "event", read->done));
        rpc_end_subscription(read->subscription);
    } else {
        read->timer = io_timer_start(rpc->o.io, 0, 0, run_read, read);
    }
    rpc_give_back(&rpc->arena);
}

static void start_read(subscription_t *subscription)
{
    read_t *read = subscription->own;
    read->timer  = io_timer_start(subscription->conn->rpc->o.io, 0, 0, run_read, read);
}

static void hear_nothing(subscription_t *subscription, const chain_event_t *event)
{
    (void)subscription;
    (void)event;
}

static const sub_hooks_t read_hooks = {start_read, hear_nothing, drop_read};

static read_t *subscribe(call_t *call, const char *method)
{
    uint32_t count = 0;
    for (subscription_t *s = call->conn ? call->conn->subscriptions : NULL; s; s = s->next)
        count += s->kind == SUB_OWN && s->hooks == &read_hooks;
    if (count >= ARCHIVE_READS_MAX) {
        rpc_fail(call, RPC_TOO_MANY_SUBSCRIPTIONS, NULL, "Too many subscriptions on the connection");
        return NULL;
    }
    subscription_t *subscription = rpc_subscribe_own(call, &read_hooks, method);
    if (!subscription) return NULL;
    read_t *read = calloc(1, sizeof *read);
    if (!read) abort();
    read->subscription = subscription;
    subscription->own  = read;
    return read;
}

/* ------------------------------------------------------------------------------------ storage */

static json_t *storage(call_t *call)
{
    hash_t at;
    bytes_t child;
    json_t *items = param_at(call, 1);
    bool is_child = param_at(call, 2) != NULL;
    if (!block_asked(call, &at) || (is_child && !param_bytes(call, 2, &child))) return NULL;
    if (json_array_size(items) > ARCHIVE_ITEMS_MAX) return rpc_bad_param(call, "parameter 2: too many items");
    scan_t *scan = scan_new(call, items, &at, ARCHIVE_ITEMS_MAX);
    if (!scan) return NULL;
    read_t *read = subscribe(call, "archive_v1_storageEvent");
    if (!read || is_child) scan_free(scan);
    if (!read) return NULL;
    read->item   = "storage";
    read->done   = "storageDone";
    read->failed = "storageError";
    if (!is_child) read->scan = scan;
    return rpc_subscribed(call, read->subscription);
}

/* ------------------------------------------------------------------------------------ differences */

static bool read_diff_query(call_t *call, const json_t *item, diff_query_t *query)
{
    const json_t *key = json_object_get(item, "key"), *child = json_object_get(item, "childTrieKey");
    const char *type = json_string_value(json_object_get(item, "returnType"));
    bytes_t prefix   = {0}, child_key;
    if (!json_is_object(item) || !type || (strcmp(type, "value") != 0 && strcmp(type, "hash") != 0) ||
        (key && !json_is_null(key) && !json_to_bytes(call, key, &prefix)) || prefix.len > SCAN_KEY_MAX ||
        (child && !json_is_null(child) && !json_to_bytes(call, child, &child_key)))
        return false;
    query->is_hash  = strcmp(type, "hash") == 0;
    query->is_child = child && !json_is_null(child);
    if (prefix.len) memcpy(query->prefix, prefix.data, prefix.len);
    query->prefix_len = prefix.len;
    return true;
}

static bool read_diff_queries(call_t *call, const json_t *items, diff_t *diff)
{
    size_t count = items ? json_array_size(items) : 1;
    if ((items && !json_is_array(items)) || count > ARCHIVE_READS_MAX) return false;
    diff->queries = calloc(count + 1, sizeof *diff->queries);
    if (!diff->queries) abort();
    for (size_t i = 0; items && i < count; i++)
        if (!read_diff_query(call, json_array_get(items, i), &diff->queries[i])) return false;
    diff->count = (uint32_t)count;
    return true;
}

static void add_difference(json_t *items, const diff_query_t *query, bytes_t key, const bytes_t *before,
                           const bytes_t *after)
{
    if (before && after && bytes_equal(*before, *after)) return;
    bytes_t value    = after ? *after : *before; /* what is gone is told as it was */
    hash_t hash      = query->is_hash ? blake2_256(value) : (hash_t){0};
    const char *type = before && after ? "modified" : (after ? "added" : "deleted");
    json_array_append_new(items, json_pack("{s:o, s:s, s:o}", "key", json_hex(key), "type", type,
                                           query->is_hash ? "hash" : "value",
                                           query->is_hash ? json_hash(&hash) : json_hex(value)));
}

/* diff_step compares the next key of either block; false: there is none. */
static bool diff_step(rpc_t *rpc, diff_t *diff, const diff_query_t *query, json_t *items, size_t *len)
{
    bytes_t prefix = {query->prefix, query->prefix_len}, last = {diff->last, diff->last_len};
    bytes_t key_before, key_after, before = {0}, after = {0};
    bool has_before = scan_after(rpc, &diff->before, prefix, last, &key_before, &before);
    bool has_after  = scan_after(rpc, &diff->after, prefix, last, &key_after, &after);
    if (!has_before && !has_after) return false;
    int order   = !has_before ? 1 : (!has_after ? -1 : bytes_compare(key_before, key_after));
    bytes_t key = order <= 0 ? key_before : key_after;
    add_difference(items, query, key, order <= 0 ? &before : NULL, order >= 0 ? &after : NULL);
    *len += key.len + before.len + after.len;
    memcpy(diff->last, key.data, key.len);
    diff->last_len = key.len;
    return true;
}

static void diff_begin(rpc_t *rpc, diff_t *diff, const diff_query_t *query, json_t *items)
{
    bytes_t prefix  = {query->prefix, query->prefix_len}, before, after;
    bool has_before = prefix.len && scan_at(rpc, &diff->before, prefix, &before),
         has_after  = prefix.len && scan_at(rpc, &diff->after, prefix, &after);
    if (has_before || has_after)
        add_difference(items, query, prefix, has_before ? &before : NULL, has_after ? &after : NULL);
    if (prefix.len) memcpy(diff->last, prefix.data, prefix.len);
    diff->last_len  = prefix.len;
    diff->is_within = true;
}

static bool diff_page(rpc_t *rpc, diff_t *diff, json_t *items)
{
    size_t len = 0;
    for (uint32_t i = 0; i < SCAN_PAGE_KEYS && diff->index < diff->count && len < SCAN_PAGE_LEN; i++) {
        const diff_query_t *query = &diff->queries[diff->index];
        bool is_done              = query->is_child; /* there are none */
        rpc->arena.used           = 0;
        if (!is_done && !diff->is_within)
            diff_begin(rpc, diff, query, items);
        else if (!is_done)
            is_done = !diff_step(rpc, diff, query, items, &len);
        if (!is_done) continue;
        diff->index++;
        diff->is_within = false;
    }
    return diff->index == diff->count;
}

static json_t *storage_diff(call_t *call)
{
    hash_t after, before;
    chain_t *chain = call->rpc->o.chain;
    if (!block_asked(call, &after)) return NULL;
    if (param_at(call, 2)) {
        if (!param_block(call, 2, &before)) return NULL;
    } else if (!chain_parent(chain, &after, &before)) {
        before = after; /* unknown: told as an event; genesis: nothing differs */
    }
    diff_t *diff = calloc(1, sizeof *diff);
    if (!diff) abort();
    bool is_read = read_diff_queries(call, param_at(call, 1), diff);
    if (!is_read && call->code == 0)
        rpc_bad_param(call, "parameter 2: expected at most 16 of {\"key\": hex, \"returnType\": \"value\" or "
                            "\"hash\", \"childTrieKey\": hex}");
    read_t *read = is_read ? subscribe(call, "archive_v1_storageDiffEvent") : NULL;
    if (!read) {
        free(diff->queries);
        free(diff);
        return NULL;
    }
    diff->before = before;
    diff->after  = after;
    read->diff   = diff;
    read->item   = "storageDiff";
    read->done   = "storageDiffDone";
    read->failed = "storageDiffError";
    return rpc_subscribed(call, read->subscription);
}

static json_t *stop_read(call_t *call)
{
    const char *id;
    if (!param_text(call, 0, &id)) return NULL;
    subscription_t *subscription = rpc_find_own(call, &read_hooks, id);
    if (subscription) rpc_end_subscription(subscription);
    return json_null();
}

method_table_t rpc_archive_methods(void)
{
    static const method_t methods[] = {
        {"archive_v1_body",                        false, get_body,         "hash"                         },
        {"archive_v1_call",                        false, call_function,    "hash function call_parameters"},
        {"archive_v1_finalizedHeight",             false, finalized_height, NULL                           },
        {"archive_v1_genesisHash",                 false, genesis_hash,     NULL                           },
        {"archive_v1_hashByHeight",                false, hash_by_height,   "height"                       },
        {"archive_v1_header",                      false, get_header,       "hash"                         },
        {"archive_v1_stopStorage",                 false, stop_read,        "subscription"                 },
        {"archive_v1_stopStorageDiff",             false, stop_read,        "subscription"                 },
        {"archive_v1_storage",                     false, storage,          "hash items child_trie"        },
        {"archive_v1_storageDiff",                 false, storage_diff,     "hash items previous_hash"     },
        {"archive_v1_storageDiff_stopStorageDiff", false, stop_read,
         "subscription"                                                                                    }, /* Substrate's name for it */
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
