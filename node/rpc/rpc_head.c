/* rpc_head.c - chainHead_v1_follow: what becomes of the head of the chain, and which blocks are pinned. */

#include "rpc_head.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ pins */

static uint32_t bucket_of(const follow_t *follow, const hash_t *hash)
{
    uint32_t start;
    memcpy(&start, hash->b, sizeof start);
    return start & (follow->bucket_count - 1);
}

static pin_t **pin_place(const follow_t *follow, const hash_t *hash)
{
    pin_t **at = &follow->buckets[bucket_of(follow, hash)];
    while (*at && memcmp((*at)->hash.b, hash->b, sizeof hash->b) != 0)
        at = &(*at)->next;
    return at;
}

static void grow(follow_t *follow)
{
    pin_t **old          = follow->buckets;
    uint32_t old_count   = follow->bucket_count;
    follow->bucket_count = old_count ? 2 * old_count : 64;
    follow->buckets      = calloc(follow->bucket_count, sizeof(pin_t *));
    if (!follow->buckets) abort();
    for (uint32_t i = 0; i < old_count; i++)
        for (pin_t *pin = old[i], *next; pin; pin = next) {
            next         = pin->next;
            pin_t **head = &follow->buckets[bucket_of(follow, &pin->hash)];
            pin->next    = *head;
            *head        = pin;
        }
    free(old);
}

/* add_pin pins a block; header is kept when it is not empty. */
static void add_pin(follow_t *follow, const hash_t *hash, bytes_t header)
{
    if (follow->pin_count == follow->bucket_count) grow(follow);
    pin_t **place = pin_place(follow, hash);
    if (*place) return;
    pin_t *pin = calloc(1, sizeof *pin);
    if (!pin) abort();
    pin->hash     = *hash;
    pin->is_final = header.len == 0;
    if (header.len > 0) {
        pin->header = malloc(header.len);
        if (!pin->header) abort();
        memcpy(pin->header, header.data, header.len);
        pin->header_len = header.len;
    }
    *place = pin;
    follow->pin_count++;
    follow->final_count += pin->is_final;
}

static void drop_pin(follow_t *follow, pin_t **place)
{
    pin_t *pin = *place;
    *place     = pin->next;
    follow->pin_count--;
    follow->final_count -= pin->is_final;
    free(pin->header);
    free(pin);
}

/* mark_final notes that a block cannot change its fate any more. */
static void mark_final(follow_t *follow, const hash_t *hash, bool is_pruned)
{
    pin_t *pin = *pin_place(follow, hash);
    if (!pin || pin->is_final) return;
    pin->is_final = true;
    follow->final_count++;
    if (is_pruned) return; /* its header is nowhere else */
    free(pin->header);
    pin->header = NULL;
}

static void drop_follow(subscription_t *subscription)
{
    follow_t *follow = subscription->own;
    head_end_operations(follow);
    for (uint32_t i = 0; i < follow->bucket_count; i++)
        while (follow->buckets[i])
            drop_pin(follow, &follow->buckets[i]);
    free(follow->buckets);
    free(follow);
}

/* ------------------------------------------------------------------------------------ what is told */

static json_t *runtime_json(const rpc_t *rpc, const hash_t *at)
{
    json_t *version = rpc_version_json(rpc, at), *apis = json_object(), *pair, *spec = json_object();
    static const char *const kept[] = {"specName", "implName", "specVersion", "implVersion",
                                       "transactionVersion"};
    size_t i;
    if (!version) {
        json_decref(apis);
        json_decref(spec);
        return json_pack("{s:s, s:s}", "type", "invalid", "error", "the runtime does not tell its version");
    }
    json_array_foreach(json_object_get(version, "apis"), i, pair)
        json_object_set(apis, json_string_value(json_array_get(pair, 0)), json_array_get(pair, 1));
    for (i = 0; i < sizeof kept / sizeof *kept; i++)
        json_object_set(spec, kept[i], json_object_get(version, kept[i]));
    json_object_set_new(spec, "apis", apis);
    json_decref(version);
    return json_pack("{s:s, s:o}", "type", "valid", "spec", spec);
}

static bool is_new_runtime(const header_t *header)
{
    for (uint32_t i = 0; i < header->digest_count; i++)
        if (header->digest[i].kind == DIGEST_ENVIRONMENT_UPDATED) return true;
    return false;
}

static void tell_new_block(follow_t *follow, const hash_t *hash)
{
    rpc_t *rpc = follow->subscription->conn->rpc;
    bytes_t encoded;
    header_t header;
    rpc->arena.used = 0;
    if (!chain_header(rpc->o.chain, hash, &rpc->arena, &encoded)) return;
    scale_reader_t r = scale_reader(encoded, NULL);
    header_decode(&r, &header);
    if (!scale_done(&r)) return;
    add_pin(follow, hash, encoded);
    json_t *event = json_pack("{s:s, s:o, s:o}", "event", "newBlock", "blockHash", json_hash(hash),
                              "parentBlockHash", json_hash(&header.parent_hash));
    if (follow->with_runtime)
        json_object_set_new(event, "newRuntime",
                            is_new_runtime(&header) ? runtime_json(rpc, hash) : json_null());
    rpc_notify(follow->subscription, event);
}

static void tell_best(follow_t *follow, const hash_t *hash)
{
    rpc_notify(follow->subscription,
               json_pack("{s:s, s:o}", "event", "bestBlockChanged", "bestBlockHash", json_hash(hash)));
}

static json_t *hashes(const chain_point_t *points, uint32_t count)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(all, json_hash(&points[i].hash));
    return all;
}

static void tell_finalized(follow_t *follow, const chain_event_t *event)
{
    subscription_t *subscription = follow->subscription;
    for (uint32_t i = 0; i < event->finalized_count; i++)
        mark_final(follow, &event->finalized[i].hash, false);
    for (uint32_t i = 0; i < event->pruned_count; i++)
        mark_final(follow, &event->pruned[i].hash, true);
    rpc_notify(subscription, json_pack("{s:s, s:o, s:o}", "event", "finalized", "finalizedBlockHashes",
                                       hashes(event->finalized, event->finalized_count), "prunedBlockHashes",
                                       hashes(event->pruned, event->pruned_count)));
    if (follow->final_count <= HEAD_PINNED_FINAL_MAX) return;
    rpc_notify(subscription, json_pack("{s:s}", "event", "stop"));
    rpc_end_subscription(subscription);
}

static void tell_initialized(follow_t *follow)
{
    const rpc_t *rpc    = follow->subscription->conn->rpc;
    chain_t *chain      = rpc->o.chain;
    chain_point_t final = chain_finalized(chain);
    uint32_t last       = final.number;
    json_t *told        = json_array();
    for (uint32_t n = last < HEAD_FINALIZED_TOLD ? 0 : last + 1 - HEAD_FINALIZED_TOLD; n <= last; n++) {
        hash_t hash;
        if (!chain_hash(chain, n, &hash)) continue;
        add_pin(follow, &hash, (bytes_t){0});
        json_array_append_new(told, json_hash(&hash));
    }
    json_t *event = json_pack("{s:s, s:o}", "event", "initialized", "finalizedBlockHashes", told);
    if (follow->with_runtime)
        json_object_set_new(event, "finalizedBlockRuntime", runtime_json(rpc, &final.hash));
    rpc_notify(follow->subscription, event);
}

static void start_follow(subscription_t *subscription)
{
    follow_t *follow = subscription->own;
    rpc_t *rpc       = subscription->conn->rpc;
    chain_point_t *blocks;
    uint32_t count;
    tell_initialized(follow);
    rpc->arena.used = 0;
    if (!chain_unfinalized(rpc->o.chain, &rpc->arena, &blocks, &count)) { /* more than fit in memory */
        rpc_notify(subscription, json_pack("{s:s}", "event", "stop"));
        rpc_end_subscription(subscription);
        return;
    }
    arena_t whole = rpc->arena; /* the list stays while headers are read */
    uint32_t used = (whole.used + 15u) & ~15u;
    rpc->arena    = (arena_t){.start = whole.start + used, .size = whole.size - used};
    for (uint32_t i = 0; i < count; i++)
        tell_new_block(follow, &blocks[i].hash);
    rpc->arena  = whole;
    hash_t best = chain_best(rpc->o.chain).hash;
    tell_best(follow, &best);
}

static void hear_chain(subscription_t *subscription, const chain_event_t *event)
{
    follow_t *follow = subscription->own;
    switch (event->kind) {
    case CHAIN_IMPORTED: tell_new_block(follow, &event->block.hash); return;
    case CHAIN_BEST: tell_best(follow, &event->block.hash); return;
    case CHAIN_FINALIZED: tell_finalized(follow, event); return;
    }
}

static const sub_hooks_t follow_hooks = {start_follow, hear_chain, drop_follow};

/* ------------------------------------------------------------------------------------ parameters */

bool head_follow(call_t *call, follow_t **follow)
{
    const char *id;
    *follow = NULL;
    if (!param_text(call, 0, &id)) return false;
    subscription_t *subscription = rpc_find_own(call, &follow_hooks, id);
    if (subscription) *follow = subscription->own;
    return true;
}

static bool is_hash(call_t *call, const json_t *value, hash_t *hash)
{
    bytes_t bytes;
    if (!json_to_bytes(call, value, &bytes) || bytes.len != sizeof hash->b) {
        rpc_bad_param(call, "expected a block hash");
        return false;
    }
    memcpy(hash->b, bytes.data, sizeof hash->b);
    return true;
}

static pin_t **find_pin(call_t *call, const follow_t *follow, const hash_t *hash)
{
    pin_t **place = follow->bucket_count ? pin_place(follow, hash) : NULL;
    if (place && *place) return place;
    rpc_fail(call, RPC_NOT_PINNED, NULL, "Invalid block hash");
    return NULL;
}

bool head_pinned(call_t *call, follow_t *follow, hash_t *hash)
{
    return is_hash(call, param_at(call, 1), hash) && (!follow || find_pin(call, follow, hash));
}

/* ------------------------------------------------------------------------------------ methods */

static json_t *follow_head(call_t *call)
{
    json_t *with_runtime = param_at(call, 0);
    uint32_t count       = 0;
    if (!json_is_boolean(with_runtime)) return rpc_bad_param(call, "parameter 1: expected true or false");
    for (subscription_t *s = call->conn ? call->conn->subscriptions : NULL; s; s = s->next)
        count += s->kind == SUB_OWN && s->hooks == &follow_hooks;
    if (count >= HEAD_FOLLOWS_MAX)
        return rpc_fail(call, RPC_TOO_MANY_FOLLOWS, NULL,
                        "Maximum number of chainHead_follow has been reached");
    subscription_t *subscription = rpc_subscribe_own(call, &follow_hooks, "chainHead_v1_followEvent");
    if (!subscription) return NULL;
    follow_t *follow = calloc(1, sizeof *follow);
    if (!follow) abort();
    follow->subscription = subscription;
    follow->with_runtime = json_is_true(with_runtime);
    subscription->own    = follow;
    return rpc_subscribed(call, subscription);
}

static json_t *unfollow(call_t *call)
{
    follow_t *follow;
    if (!head_follow(call, &follow)) return NULL;
    if (follow) rpc_end_subscription(follow->subscription);
    return json_null();
}

static json_t *get_header(call_t *call)
{
    follow_t *follow;
    hash_t hash;
    bytes_t header;
    if (!head_follow(call, &follow) || !head_pinned(call, follow, &hash)) return NULL;
    if (!follow) return json_null();
    const pin_t *pin = *pin_place(follow, &hash);
    if (pin->header) return json_hex((bytes_t){pin->header, pin->header_len});
    return chain_header(call->rpc->o.chain, &hash, call->arena, &header) ? json_hex(header) : json_null();
}

/* read_hashes reads one hash or an array of them, none of them twice. */
static bool read_hashes(call_t *call, json_t *value, hash_t **all, uint32_t *count)
{
    bool is_list = json_is_array(value);
    size_t most  = is_list ? json_array_size(value) : 1;
    *count       = 0;
    *all         = most <= UINT32_MAX / sizeof **all / 2
                       ? arena_take(call->arena, (uint32_t)((most + 1) * sizeof **all))
                       : NULL;
    if (!*all) {
        rpc_bad_param(call, "too many block hashes");
        return false;
    }
    for (size_t i = 0; i < most; i++)
        if (!is_hash(call, is_list ? json_array_get(value, i) : value, &(*all)[(*count)++])) return false;
    return true;
}

static int compare_hashes(const void *a, const void *b) { return memcmp(a, b, sizeof(hash_t)); }

/* All of them, or none. */
static json_t *unpin(call_t *call)
{
    follow_t *follow;
    hash_t *all;
    uint32_t count;
    if (!head_follow(call, &follow) || !read_hashes(call, param_at(call, 1), &all, &count)) return NULL;
    if (!follow) return json_null();
    qsort(all, count, sizeof *all, compare_hashes);
    for (uint32_t i = 1; i < count; i++)
        if (compare_hashes(&all[i - 1], &all[i]) == 0)
            return rpc_fail(call, RPC_DUPLICATE_HASHES, NULL,
                            "Received duplicate hashes for the `chainHead_unpin` method");
    for (uint32_t i = 0; i < count; i++)
        if (!find_pin(call, follow, &all[i])) return NULL;
    for (uint32_t i = 0; i < count; i++)
        drop_pin(follow, pin_place(follow, &all[i]));
    return json_null();
}

method_table_t rpc_head_methods(void)
{
    static const method_t methods[] = {
        {"chainHead_v1_follow",   false, follow_head, "with_runtime"                      },
        {"chainHead_v1_header",   false, get_header,  "follow_subscription hash"          },
        {"chainHead_v1_unfollow", false, unfollow,    "follow_subscription"               },
        {"chainHead_v1_unpin",    false, unpin,       "follow_subscription hash_or_hashes"},
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
