/* rpc_transaction.c - transaction_v1_* and transactionWatch_v1_*: extrinsics, as the new API hands them in.
 *
 * A broadcast is handed to the pool again at each new best block, until it is final, stopped, or its
 * connection gone; whether it is valid is not told.  A watched one is handed in once and everything is told.
 */

#include "rpc_internal.h"

#include <stdlib.h>
#include <string.h>

enum { BROADCASTS_MAX = 16 }; /* of a connection */

/* ------------------------------------------------------------------------------------ broadcast */

typedef struct {
    subscription_t *subscription;
    io_timer_t *timer; /* NULL: it is not to be handed in now */
    uint8_t *bytes;
    uint32_t len;
    bool is_in_pool, is_over; /* over: final, or no extrinsic at all */
} broadcast_t;

static void drop_broadcast(subscription_t *subscription)
{
    broadcast_t *broadcast = subscription->own;
    if (broadcast->timer) io_timer_stop(broadcast->timer);
    pool_unwatch(subscription->conn->rpc->o.pool, broadcast);
    free(broadcast->bytes);
    free(broadcast);
}

static void heard_broadcast(void *self, pool_event_t event, const hash_t *block, uint32_t index)
{
    broadcast_t *broadcast = self;
    (void)block;
    (void)index;
    switch (event) {
    case POOL_FUTURE:
    case POOL_READY:
    case POOL_IN_BLOCK:
    case POOL_RETRACTED: return;
    case POOL_FINALIZED: broadcast->is_over = true; return;
    case POOL_USURPED:
    case POOL_DROPPED:
    case POOL_BECAME_INVALID: broadcast->is_in_pool = false; return;
    }
}

/* is_valid_now asks the runtime before the pool is asked, which bans what it refuses. */
static bool is_valid_now(broadcast_t *broadcast)
{
    rpc_t *rpc      = broadcast->subscription->conn->rpc;
    hash_t best     = chain_best(rpc->o.chain).hash;
    uint32_t cap    = 1 + broadcast->len + (uint32_t)sizeof best;
    rpc->arena.used = 0;
    uint8_t *room   = arena_take(&rpc->arena, cap);
    bytes_t validity;
    if (!room) return false;
    scale_writer_t w = scale_writer(room, cap);
    scale_put_u8(&w, SOURCE_EXTERNAL);
    scale_put_raw(&w, broadcast->bytes, broadcast->len);
    scale_put_hash(&w, &best);
    chain_status_t status =
        chain_call(rpc->o.chain, &best, BYTES("TaggedTransactionQueue_validate_transaction"),
                   scale_written(&w), &rpc->arena, &validity);
    if (status == CHAIN_FAULT) broadcast->is_over = true; /* it does not decode, and never will */
    return status == CHAIN_OK && validity.len > 0 && validity.data[0] == 0;
}

static void submit(broadcast_t *broadcast)
{
    const rpc_options_t *o = &broadcast->subscription->conn->rpc->o;
    hash_t hash;
    validity_t validity;
    if (!is_valid_now(broadcast)) return;
    broadcast->is_in_pool = true;
    if (pool_submit(o->pool, (bytes_t){broadcast->bytes, broadcast->len}, SOURCE_EXTERNAL, io_now_ms(o->io),
                    heard_broadcast, broadcast, &hash, &validity) != POOL_OK)
        broadcast->is_in_pool = false;
}

static void submit_again(void *self)
{
    broadcast_t *broadcast = self;
    const rpc_options_t *o = &broadcast->subscription->conn->rpc->o;
    broadcast->timer       = NULL;
    submit(broadcast);
    if (o->wake) o->wake(o->wake_self);
}

static void start_broadcast(subscription_t *subscription) { submit(subscription->own); }

static void hear_best(subscription_t *subscription, const chain_event_t *event)
{
    broadcast_t *broadcast = subscription->own;
    if (event->kind != CHAIN_BEST || broadcast->is_in_pool || broadcast->is_over || broadcast->timer) return;
    broadcast->timer = io_timer_start(subscription->conn->rpc->o.io, 0, 0, submit_again, broadcast);
}

static const sub_hooks_t broadcast_hooks = {start_broadcast, hear_best, drop_broadcast};

static json_t *broadcast(call_t *call)
{
    bytes_t extrinsic;
    uint32_t count = 0;
    if (!param_bytes(call, 0, &extrinsic)) return NULL;
    for (subscription_t *s = call->conn ? call->conn->subscriptions : NULL; s; s = s->next)
        count += s->kind == SUB_OWN && s->hooks == &broadcast_hooks;
    if (count >= BROADCASTS_MAX) return json_null();
    subscription_t *subscription = rpc_subscribe_own(call, &broadcast_hooks, "");
    if (!subscription) return NULL;
    broadcast_t *made = calloc(1, sizeof *made);
    if (!made) abort();
    made->subscription = subscription;
    made->len          = extrinsic.len;
    made->bytes        = malloc(extrinsic.len + 1u);
    if (!made->bytes) abort();
    if (extrinsic.len) memcpy(made->bytes, extrinsic.data, extrinsic.len);
    subscription->own = made;
    return rpc_subscribed(call, subscription);
}

static json_t *stop_broadcast(call_t *call)
{
    const char *id;
    if (!param_text(call, 0, &id)) return NULL;
    subscription_t *subscription = rpc_find_own(call, &broadcast_hooks, id);
    if (!subscription) return rpc_bad_param(call, "parameter 1: no such operation");
    rpc_end_subscription(subscription);
    return json_null();
}

/* ------------------------------------------------------------------------------------ watch */

typedef struct {
    subscription_t *subscription;
    json_t *early; /* events from before its id was told */
    bool is_validated, is_over;
    hash_t block; /* the last one that had it, and its place there */
    uint32_t index;
} watch_t;

static void drop_watch(subscription_t *subscription)
{
    watch_t *watch = subscription->own;
    pool_unwatch(subscription->conn->rpc->o.pool, watch);
    json_decref(watch->early);
    free(watch);
}

/* tell sends an event, or keeps it for the start; takes it. */
static void tell(watch_t *watch, json_t *event)
{
    if (watch->subscription->is_started)
        rpc_notify(watch->subscription, event);
    else
        json_array_append_new(watch->early, event);
}

static json_t *place(const char *event, const hash_t *block, uint32_t index)
{
    return json_pack("{s:s, s:{s:o, s:i}}", "event", event, "block", "hash", json_hash(block), "index",
                     (int)index);
}

static json_t *failure(const char *event, const char *error)
{
    return json_pack("{s:s, s:s}", "event", event, "error", error);
}

/* end tells the last event; the subscription ends with it, or at its start. */
static void end(watch_t *watch, json_t *event)
{
    tell(watch, event);
    watch->is_over = true;
    if (watch->subscription->is_started) rpc_end_subscription(watch->subscription);
}

static void heard_watched(void *self, pool_event_t event, const hash_t *block, uint32_t index)
{
    watch_t *watch = self;
    bool is_same;
    switch (event) {
    case POOL_FUTURE:
    case POOL_READY:
        if (!watch->is_validated) tell(watch, json_pack("{s:s}", "event", "validated"));
        watch->is_validated = true;
        return;
    case POOL_IN_BLOCK:
        watch->block = *block;
        watch->index = index;
        tell(watch, place("bestChainBlockIncluded", block, index));
        return;
    case POOL_RETRACTED:
        tell(watch, json_pack("{s:s, s:n}", "event", "bestChainBlockIncluded", "block"));
        return;
    case POOL_FINALIZED:
        is_same = memcmp(block, &watch->block, sizeof *block) == 0;
        end(watch, place("finalized", block, is_same ? watch->index : index));
        return;
    case POOL_USURPED:
        end(watch, failure("invalid", "Extrinsic was usurped by another of the same tags"));
        return;
    case POOL_DROPPED:
        end(watch, failure("dropped", "Extrinsic dropped from the pool due to exceeding limits"));
        return;
    case POOL_BECAME_INVALID: end(watch, failure("invalid", "Extrinsic marked as invalid")); return;
    }
}

static const char *refusal(pool_status_t status)
{
    switch (status) {
    case POOL_OK: break;
    case POOL_INVALID: return "Invalid transaction";
    case POOL_MALFORMED: return "Extrinsic has invalid format: it does not decode";
    case POOL_BANNED: return "Transaction is temporarily banned";
    case POOL_KNOWN: return "Transaction Already Imported";
    case POOL_LOW_PRIORITY: return "Priority is too low";
    case POOL_FULL: return "The pool is full";
    case POOL_UNACTIONABLE: return "Unactionable";
    case POOL_OTHER_RUNTIME: return chain_status_text(CHAIN_OTHER_RUNTIME);
    case POOL_FAILED: return "Execution failed";
    }
    return "";
}

static void start_watch(subscription_t *subscription)
{
    watch_t *watch = subscription->own;
    json_t *event;
    size_t i;
    json_array_foreach(watch->early, i, event) rpc_notify(subscription, json_incref(event));
    if (watch->is_over) rpc_end_subscription(subscription);
}

static void hear_nothing(subscription_t *subscription, const chain_event_t *event)
{
    (void)subscription;
    (void)event;
}

static const sub_hooks_t watch_hooks = {start_watch, hear_nothing, drop_watch};

static json_t *submit_and_watch(call_t *call)
{
    const rpc_options_t *o = &call->rpc->o;
    bytes_t extrinsic;
    hash_t hash;
    validity_t validity;
    if (!param_bytes(call, 0, &extrinsic)) return NULL;
    subscription_t *subscription = rpc_subscribe_own(call, &watch_hooks, "transactionWatch_v1_watchEvent");
    if (!subscription) return NULL;
    watch_t *watch = calloc(1, sizeof *watch);
    if (!watch) abort();
    watch->subscription  = subscription;
    watch->early         = json_array();
    subscription->own    = watch;
    pool_status_t status = pool_submit(o->pool, extrinsic, SOURCE_EXTERNAL, io_now_ms(o->io), heard_watched,
                                       watch, &hash, &validity);
    if (status == POOL_FULL)
        end(watch, failure("dropped", refusal(status)));
    else if (status != POOL_OK)
        end(watch, failure(status == POOL_FAILED ? "error" : "invalid", refusal(status)));
    return rpc_subscribed(call, subscription);
}

static json_t *unwatch(call_t *call)
{
    const char *id;
    if (!param_text(call, 0, &id)) return NULL;
    subscription_t *subscription = rpc_find_own(call, &watch_hooks, id);
    if (subscription) rpc_end_subscription(subscription);
    return json_null();
}

method_table_t rpc_transaction_methods(void)
{
    static const method_t methods[] = {
        {"transactionWatch_v1_submitAndWatch", false, submit_and_watch, "transaction" },
        {"transactionWatch_v1_unwatch",        false, unwatch,          "subscription"},
        {"transaction_v1_broadcast",           false, broadcast,        "transaction" },
        {"transaction_v1_stop",                false, stop_broadcast,   "operation_id"},
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
