/* subscriptions.c - what is told without being asked again. */

#include "hash.h"
#include "rpc_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ begin and end */

static void make_id(char id[RPC_ID_LEN + 1])
{
    static const char letters[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    uint8_t random[RPC_ID_LEN];
    io_random(random, sizeof random);
    for (int i = 0; i < RPC_ID_LEN; i++)
        id[i] = letters[random[i] % (sizeof letters - 1)];
    id[RPC_ID_LEN] = 0;
}

subscription_t *rpc_subscribe(call_t *call, sub_kind_t kind, const char *method)
{
    conn_t *conn = call->conn;
    if (!conn) {
        rpc_fail(call, RPC_NO_METHOD, "subscriptions need a WebSocket", "Method not found");
        return NULL;
    }
    if (conn->subscription_count >= call->rpc->o.subscriptions_max) {
        char data[48];
        snprintf(data, sizeof data, "Exceeded max limit of %u", call->rpc->o.subscriptions_max);
        rpc_fail(call, RPC_TOO_MANY_SUBSCRIPTIONS, data, "Too many subscriptions on the connection");
        return NULL;
    }
    subscription_t *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->conn             = conn;
    s->kind             = kind;
    s->method           = method;
    s->next             = conn->subscriptions;
    conn->subscriptions = s;
    conn->subscription_count++;
    call->rpc->counters.subscriptions++;
    make_id(s->id);
    return s;
}

subscription_t *rpc_subscribe_own(call_t *call, const sub_hooks_t *hooks, const char *method)
{
    subscription_t *s = rpc_subscribe(call, SUB_OWN, method);
    if (s) s->hooks = hooks;
    return s;
}

subscription_t *rpc_find_own(const call_t *call, const sub_hooks_t *hooks, const char *id)
{
    for (subscription_t *s = call->conn ? call->conn->subscriptions : NULL; s; s = s->next)
        if (s->kind == SUB_OWN && s->hooks == hooks && strcmp(s->id, id) == 0) return s;
    return NULL;
}

json_t *rpc_subscribed(call_t *call, subscription_t *subscription)
{
    if (!subscription) return NULL;
    call->started = subscription;
    return json_string(subscription->id);
}

static void free_subscription(subscription_t *s)
{
    conn_t *conn = s->conn;
    if (s->kind == SUB_EXTRINSIC && !s->is_over) pool_unwatch(conn->rpc->o.pool, s);
    if (s->kind == SUB_OWN && s->own) s->hooks->drop(s);
    for (uint32_t i = 0; i < s->key_count; i++)
        free(s->keys[i].bytes);
    free(s->keys);
    json_decref(s->early);
    conn->subscription_count--;
    conn->rpc->counters.subscriptions--;
    free(s);
}

void rpc_end_subscription(subscription_t *subscription)
{
    for (subscription_t **at = &subscription->conn->subscriptions; *at; at = &(*at)->next)
        if (*at == subscription) {
            *at = subscription->next;
            free_subscription(subscription);
            return;
        }
}

void rpc_end_subscriptions(conn_t *conn)
{
    while (conn->subscriptions)
        rpc_end_subscription(conn->subscriptions);
}

json_t *rpc_unsubscribe(call_t *call)
{
    const json_t *id = param_at(call, 0);
    if (!json_is_string(id)) return rpc_bad_param(call, "parameter 1: expected the id of a subscription");
    for (subscription_t *s = call->conn ? call->conn->subscriptions : NULL; s; s = s->next)
        if (strcmp(s->id, json_string_value(id)) == 0) {
            rpc_end_subscription(s);
            return json_true();
        }
    return json_false();
}

void rpc_notify_text(subscription_t *s, const char *result)
{
    size_t cap = strlen(result) + strlen(s->method) + RPC_ID_LEN + 100;
    char small[2048], *text = cap <= sizeof small ? small : malloc(cap);
    if (!text) abort();
    int len = snprintf(text, cap,
                       "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"subscription\":\"%s\","
                       "\"result\":%s}}",
                       s->method, s->id, result);
    if (!web_send(s->conn->web, (bytes_t){(const uint8_t *)text, (uint32_t)len}, true))
        web_close(s->conn->web, 1013, "too slow: notifications could not be sent");
    if (text != small) free(text);
}

void rpc_notify(subscription_t *s, json_t *result)
{
    char *text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text) rpc_notify_text(s, text);
    free(text);
    json_decref(result);
}

/* ------------------------------------------------------------------------------------ storage */

static bool has_changed(watched_key_t *key, const bytes_t *value, bool is_first)
{
    hash_t hash    = value ? blake2_256(*value) : (hash_t){0};
    bool is_absent = value == NULL;
    bool is_changed =
        is_first || is_absent != key->is_absent || memcmp(hash.b, key->last.b, sizeof hash.b) != 0;
    key->last      = hash;
    key->is_absent = is_absent;
    return is_changed;
}

static void tell_storage(subscription_t *s, const hash_t *at, bool is_first)
{
    rpc_t *rpc      = s->conn->rpc;
    json_t *changes = json_array();
    size_t len      = 0;
    for (uint32_t i = 0; i < s->key_count && len <= rpc->o.response_max; i++) {
        bytes_t key = {s->keys[i].bytes, s->keys[i].len}, value = {0};
        rpc->arena.used = 0;
        bool is_there   = chain_state_get(rpc->o.chain, at, key, &rpc->arena, &value);
        if (!has_changed(&s->keys[i], is_there ? &value : NULL, is_first)) continue;
        len += 2 * ((size_t)key.len + value.len);
        json_array_append_new(changes,
                              json_pack("[o, o]", json_hex(key), is_there ? json_hex(value) : json_null()));
    }
    if (len > rpc->o.response_max)
        web_close(s->conn->web, 1009, "a notification is too big: subscribe to fewer keys");
    else if (is_first || json_array_size(changes) > 0)
        rpc_notify(s, json_pack("{s:o, s:O}", "block", json_hash(at), "changes", changes));
    json_decref(changes);
}

/* tell_changes is for who wants to hear of every key: what a new best block changed. */
static void tell_changes(subscription_t *s, const chain_event_t *event)
{
    hash_t best = chain_best(s->conn->rpc->o.chain).hash;
    if (memcmp(best.b, event->block.hash.b, sizeof best.b) != 0) return;
    json_t *changes = json_array();
    size_t len      = 0;
    for (uint32_t i = 0; i < event->values->count && len <= s->conn->rpc->o.response_max; i++) {
        const change_t *change = &event->values->items[i];
        len += 2 * ((size_t)change->key.len + change->value.len);
        json_array_append_new(changes, json_pack("[o, o]", json_hex(change->key),
                                                 change->is_removed ? json_null() : json_hex(change->value)));
    }
    if (len > s->conn->rpc->o.response_max)
        web_close(s->conn->web, 1009, "a notification is too big: subscribe to some keys");
    else
        rpc_notify(s, json_pack("{s:o, s:O}", "block", json_hash(&best), "changes", changes));
    json_decref(changes);
}

/* ------------------------------------------------------------------------------------ heads */

/* A header is written once for all who hear of it. */
static const char *header_text(rpc_t *rpc, const hash_t *hash)
{
    bytes_t header;
    rpc->arena.used = 0;
    if (rpc->told_text && memcmp(rpc->told.b, hash->b, sizeof hash->b) == 0) return rpc->told_text;
    free(rpc->told_text);
    rpc->told_text = NULL;
    rpc->told      = *hash;
    if (!chain_header(rpc->o.chain, hash, &rpc->arena, &header)) return NULL;
    json_t *json   = json_header(header);
    rpc->told_text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return rpc->told_text;
}

static void tell_header(subscription_t *s, const hash_t *hash)
{
    const char *text = header_text(s->conn->rpc, hash);
    if (text) rpc_notify_text(s, text);
}

static void tell_justification(subscription_t *s, const hash_t *hash)
{
    rpc_t *rpc = s->conn->rpc;
    bytes_t justification;
    rpc->arena.used = 0;
    if (chain_justification(rpc->o.chain, hash, &rpc->arena, &justification) && justification.len > 0)
        rpc_notify(s, json_hex(justification));
}

static void tell_version(subscription_t *s, const hash_t *hash)
{
    json_t *version = rpc_version_json(s->conn->rpc, hash);
    if (version) rpc_notify(s, version);
}

/* has_new_runtime says whether two blocks have runtimes of different versions. */
static bool has_new_runtime(const rpc_t *rpc, const hash_t *before, const hash_t *after)
{
    _Alignas(16) uint8_t room[32768];
    arena_t arena = {room, sizeof room, 0};
    bytes_t old, now;
    if (chain_runtime_version(rpc->o.chain, after, &arena, &now) != CHAIN_OK) return false;
    return chain_runtime_version(rpc->o.chain, before, &arena, &old) != CHAIN_OK || !bytes_equal(old, now);
}

static void tell_early(subscription_t *s)
{
    json_t *early = s->early, *event;
    size_t i;
    s->early = NULL;
    json_array_foreach(early, i, event) rpc_notify(s, json_incref(event));
    json_decref(early);
    if (s->is_over) rpc_end_subscription(s);
}

void rpc_start(subscription_t *s)
{
    chain_t *chain = s->conn->rpc->o.chain;
    hash_t best = chain_best(chain).hash, finalized = chain_finalized(chain).hash;
    s->is_started = true;
    switch (s->kind) {
    case SUB_NEW_HEADS:
    case SUB_ALL_HEADS: tell_header(s, &best); return;
    case SUB_FINALIZED_HEADS: tell_header(s, &finalized); return;
    case SUB_VERSION: tell_version(s, &best); return;
    case SUB_STORAGE:
        if (s->key_count > 0) tell_storage(s, &best, true);
        return;
    case SUB_EXTRINSIC: tell_early(s); return;
    case SUB_JUSTIFICATIONS: return;
    case SUB_OWN: s->hooks->start(s); return;
    }
}

/* ------------------------------------------------------------------------------------ the chain went on */

static void tell_event(subscription_t *s, const chain_event_t *event)
{
    if (s->kind == SUB_OWN) {
        s->hooks->hear(s, event);
        return;
    }
    if (event->kind == CHAIN_IMPORTED && s->kind == SUB_ALL_HEADS) tell_header(s, &event->block.hash);
    if (event->kind == CHAIN_BEST && s->kind == SUB_VERSION &&
        has_new_runtime(s->conn->rpc, &event->previous.hash, &event->block.hash))
        tell_version(s, &event->block.hash);
    if (event->kind == CHAIN_BEST && s->kind == SUB_NEW_HEADS) tell_header(s, &event->block.hash);
    if (event->kind == CHAIN_BEST && s->kind == SUB_STORAGE && s->key_count > 0)
        tell_storage(s, &event->block.hash, false);
    if (event->kind == CHAIN_IMPORTED && s->kind == SUB_STORAGE && s->key_count == 0) tell_changes(s, event);
    if (event->kind == CHAIN_FINALIZED && s->kind == SUB_JUSTIFICATIONS)
        tell_justification(s, &event->block.hash);
    for (uint32_t i = 0;
         event->kind == CHAIN_FINALIZED && s->kind == SUB_FINALIZED_HEADS && i < event->finalized_count; i++)
        tell_header(s, &event->finalized[i].hash);
}

void rpc_chain_event(void *self, const chain_event_t *event)
{
    rpc_t *rpc    = self;
    uint32_t used = (rpc->arena.used + 15u) & ~15u;
    /* A method may be running that made this block (engine_createBlock): what it holds in the arena is not
     * reused. */
    arena_t whole = rpc->arena;
    rpc->arena    = (arena_t){.start = whole.start + used, .size = whole.size - used};
    for (conn_t *conn = rpc->conns; conn; conn = conn->next)
        for (subscription_t *s = conn->subscriptions, *next; s; s = next) {
            next = s->next; /* it may end here */
            if (s->is_started) tell_event(s, event);
        }
    rpc->arena = whole;
}
