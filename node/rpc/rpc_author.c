/* rpc_author.c - extrinsics into the pool, and what becomes of them. */

#include "hash.h"
#include "hex.h"
#include "rpc_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ refusals, as clients
 * know them */

static const char *const invalid_texts[] = {
    "Transaction call is not expected",
    "Inability to pay some fees (e.g. account balance too low)",
    "Transaction will be valid in the future",
    "Transaction is outdated",
    "Transaction has a bad signature",
    "Transaction has an ancient birth block",
    "Transaction would exhaust the block limits",
    NULL, /* Custom */
    "A call was labelled as mandatory, but resulted in an Error.",
    "Transaction dispatch is mandatory; transactions must not be validated.",
    "Invalid signing address",
};

static json_t *refused(call_t *call, validity_t validity)
{
    static const char *const unknown_texts[] = {"CannotLookup", "NoUnsignedValidator"};
    uint32_t kind = validity >> 16, index = validity >> 8 & 0xff;
    char custom[40];
    if (kind != 1) {
        snprintf(custom, sizeof custom, "Custom(%u)", validity & 0xff);
        return rpc_fail(call, RPC_TX_UNKNOWN, index < 2 ? unknown_texts[index] : custom,
                        "Unknown Transaction Validity");
    }
    const char *text = index < sizeof invalid_texts / sizeof *invalid_texts ? invalid_texts[index]
                                                                            : "Transaction is not valid";
    if (!text) {
        snprintf(custom, sizeof custom, "Custom error: %u", validity & 0xff);
        text = custom;
    }
    return rpc_fail(call, RPC_TX_INVALID, text, "Invalid Transaction");
}

static json_t *not_taken(call_t *call, pool_status_t status, validity_t validity, const hash_t *hash)
{
    char known[80] = "[0x";
    uint64_t old, new;
    switch (status) {
    case POOL_OK: return NULL;
    case POOL_INVALID: return refused(call, validity);
    case POOL_MALFORMED:
        return rpc_fail(call, RPC_BAD_FORMAT, NULL, "Extrinsic has invalid format: it does not decode");
    case POOL_BANNED: return rpc_fail(call, RPC_TX_BANNED, NULL, "Transaction is temporarily banned");
    case POOL_KNOWN:
        hex_encode(known + 3, (bytes_t){hash->b, sizeof hash->b});
        known[67] = ']';
        known[68] = 0;
        return rpc_fail(call, RPC_TX_KNOWN, known, "Transaction Already Imported");
    case POOL_LOW_PRIORITY:
        pool_last_priorities(call->rpc->o.pool, &old, &new);
        return rpc_fail(
            call, RPC_TX_LOW_PRIORITY,
            "The transaction has too low priority to replace another transaction already in the pool.",
            "Priority is too low: (%" PRIu64 " vs %" PRIu64 ")", old, new);
    case POOL_FULL:
        return rpc_fail(call, RPC_TX_DROPPED, "The transaction couldn't enter the pool because of the limit",
                        "Immediately Dropped");
    case POOL_UNACTIONABLE:
        return rpc_fail(call, RPC_TX_UNACTIONABLE,
                        "The transaction is unactionable since it is not propagable and the local node does "
                        "not author blocks",
                        "Unactionable");
    case POOL_OTHER_RUNTIME:
        return rpc_fail(call, RPC_VERIFICATION, NULL, "Verification Error: Runtime error: %s",
                        chain_status_text(CHAIN_OTHER_RUNTIME));
    case POOL_FAILED:
        return rpc_fail(call, RPC_VERIFICATION, NULL, "Verification Error: Runtime error: Execution failed");
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------ what a watcher hears
 */

static json_t *event_json(pool_event_t event, const hash_t *block)
{
    switch (event) {
    case POOL_FUTURE: return json_string("future");
    case POOL_READY: return json_string("ready");
    case POOL_IN_BLOCK: return json_pack("{s:o}", "inBlock", json_hash(block));
    case POOL_RETRACTED: return json_pack("{s:o}", "retracted", json_hash(block));
    case POOL_FINALIZED: return json_pack("{s:o}", "finalized", json_hash(block));
    case POOL_USURPED: return json_pack("{s:o}", "usurped", json_hash(block));
    case POOL_DROPPED: return json_string("dropped");
    case POOL_BECAME_INVALID: return json_string("invalid");
    }
    return json_null();
}

static bool is_last(pool_event_t event)
{
    return event == POOL_FINALIZED || event == POOL_USURPED || event == POOL_DROPPED ||
           event == POOL_BECAME_INVALID;
}

static void heard(void *self, pool_event_t event, const hash_t *block, uint32_t index)
{
    (void)index;
    subscription_t *subscription = self;
    if (is_last(event)) subscription->is_over = true; /* the pool has forgotten the watcher */
    if (subscription->is_started)
        rpc_notify(subscription, event_json(event, block));
    else
        json_array_append_new(subscription->early, event_json(event, block));
    if (subscription->is_started && subscription->is_over) rpc_end_subscription(subscription);
}

/* ------------------------------------------------------------------------------------ methods */

static uint64_t now_ms(const call_t *call) { return io_now_ms(call->rpc->o.io); }

static json_t *submit(call_t *call)
{
    bytes_t extrinsic;
    hash_t hash;
    validity_t validity;
    if (!param_bytes(call, 0, &extrinsic)) return NULL;
    pool_status_t status = pool_submit(call->rpc->o.pool, extrinsic, SOURCE_EXTERNAL, now_ms(call), NULL,
                                       NULL, &hash, &validity);
    return status == POOL_OK ? json_hash(&hash) : not_taken(call, status, validity, &hash);
}

static json_t *submit_and_watch(call_t *call)
{
    bytes_t extrinsic;
    hash_t hash;
    validity_t validity;
    if (!param_bytes(call, 0, &extrinsic)) return NULL;
    subscription_t *subscription = rpc_subscribe(call, SUB_EXTRINSIC, "author_extrinsicUpdate");
    if (!subscription) return NULL;
    subscription->early  = json_array();
    pool_status_t status = pool_submit(call->rpc->o.pool, extrinsic, SOURCE_EXTERNAL, now_ms(call), heard,
                                       subscription, &hash, &validity);
    if (status == POOL_OK) return rpc_subscribed(call, subscription);
    rpc_end_subscription(subscription);
    return not_taken(call, status, validity, &hash);
}

static void add_pending(void *self, const hash_t *hash, bytes_t extrinsic, bool is_ready)
{
    (void)hash;
    if (is_ready) json_array_append_new(self, json_hex(extrinsic));
}

static json_t *pending(call_t *call)
{
    json_t *all = json_array();
    pool_each(call->rpc->o.pool, add_pending, all);
    return all;
}

static json_t *remove_extrinsics(call_t *call)
{
    json_t *list = param_at(call, 0), *item, *removed;
    size_t i;
    if (!json_is_array(list))
        return rpc_bad_param(call, "expected an array of {\"hash\": ...} or {\"extrinsic\": ...}");
    removed = json_array();
    json_array_foreach(list, i, item)
    {
        bytes_t bytes;
        hash_t hash;
        json_t *by_hash = json_object_get(item, "hash"), *by_bytes = json_object_get(item, "extrinsic");
        if (by_hash && json_to_bytes(call, by_hash, &bytes) && bytes.len == sizeof hash.b)
            memcpy(hash.b, bytes.data, sizeof hash.b);
        else if (by_bytes && json_to_bytes(call, by_bytes, &bytes))
            hash = blake2_256(bytes);
        else
            continue;
        if (pool_remove(call->rpc->o.pool, &hash, now_ms(call)))
            json_array_append_new(removed, json_hash(&hash));
    }
    return removed;
}

method_table_t rpc_author_methods(void)
{
    static const method_t methods[] = {
        {"author_pendingExtrinsics",       false, pending,           NULL           },
        {"author_removeExtrinsic",         true,  remove_extrinsics, "bytes_or_hash"},
        {"author_submitAndWatchExtrinsic", false, submit_and_watch,  "bytes"        },
        {"author_submitExtrinsic",         false, submit,            "extrinsic"    },
        {"author_unwatchExtrinsic",        false, rpc_unsubscribe,   NULL           },
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
