/* rpc_state.c - state at any block: values, keys, proofs, runtime functions; payment_* stands on them. */

#include "hash.h"
#include "rpc_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS_MAX = 10000, SIZED_MAX = 100000, RANGE_MAX = 1000, KEY_MAX = 4096 };

/* at_block reads the block parameter and checks that its state is here. */
static bool at_block(call_t *call, size_t index, hash_t *at)
{
    if (!param_block(call, index, at)) return false;
    if (chain_has_state(call->rpc->o.chain, at)) return true;
    rpc_unknown_block(call, at);
    return false;
}

static bool get_value(call_t *call, const hash_t *at, bytes_t key, bytes_t *value)
{
    return chain_state_get(call->rpc->o.chain, at, key, call->arena, value);
}

/* ------------------------------------------------------------------------------------ values */

static bool value_asked(call_t *call, bytes_t *value, bool *is_there)
{
    bytes_t key;
    hash_t at;
    if (!param_bytes(call, 0, &key) || !at_block(call, 1, &at)) return false;
    *is_there = get_value(call, &at, key, value);
    return true;
}

static json_t *get_storage(call_t *call)
{
    bytes_t value;
    bool is_there;
    if (!value_asked(call, &value, &is_there)) return NULL;
    if (!is_there) return json_null();
    rpc_text_hex(&call->text, value);
    return rpc_told(call);
}

static json_t *get_storage_hash(call_t *call)
{
    bytes_t value;
    bool is_there;
    if (!value_asked(call, &value, &is_there)) return NULL;
    hash_t hash = is_there ? blake2_256(value) : (hash_t){0};
    return is_there ? json_hash(&hash) : json_null();
}

static bool has_prefix(bytes_t key, bytes_t prefix)
{
    return key.len >= prefix.len && (prefix.len == 0 || memcmp(key.data, prefix.data, prefix.len) == 0);
}

/* The size of a value; of a prefix that is none, of all values below it, as Substrate has it. */
static json_t *get_storage_size(call_t *call)
{
    bytes_t prefix, value;
    hash_t at;
    if (!param_bytes(call, 0, &prefix) || !at_block(call, 1, &at)) return NULL;
    if (get_value(call, &at, prefix, &value)) return json_integer(value.len);
    uint8_t room[KEY_MAX];
    bytes_t key    = prefix;
    uint32_t used  = call->arena->used;
    json_int_t sum = 0;
    for (uint32_t count = 0;; count++, call->arena->used = used) {
        bytes_t next;
        if (!chain_state_next_key(call->rpc->o.chain, &at, key, call->arena, &next) ||
            !has_prefix(next, prefix) || next.len > KEY_MAX)
            return sum > 0 ? json_integer(sum) : json_null();
        if (count == SIZED_MAX)
            return rpc_fail(call, RPC_CLIENT, NULL, "Client error: more than %d values", SIZED_MAX);
        if (get_value(call, &at, next, &value)) sum += value.len;
        memcpy(room, next.data, next.len);
        key = (bytes_t){room, next.len};
    }
}

static json_t *change(bytes_t key, const bytes_t *value)
{
    return json_pack("[o, o]", json_hex(key), value ? json_hex(*value) : json_null());
}

/* is_too_long counts what an answer will hold, in digits; sets the error when it is more than one may be. */
static bool is_too_long(call_t *call, size_t *len, size_t more)
{
    *len += 2 * more + 8;
    if (*len <= call->rpc->o.response_max) return false;
    rpc_fail(call, RPC_ANSWER_TOO_BIG, NULL, "Response is too big");
    return true;
}

/* values_at gives {block, changes} of the keys at a block; NULL when they are too long together. */
static json_t *values_at(call_t *call, const hash_t *at, const bytes_t *keys, uint32_t count, size_t *len)
{
    json_t *changes = json_array();
    uint32_t used   = call->arena->used;
    for (uint32_t i = 0; i < count; i++) {
        bytes_t value = {0};
        bool is_there = get_value(call, at, keys[i], &value);
        if (is_too_long(call, len, keys[i].len + value.len)) {
            json_decref(changes);
            return NULL;
        }
        json_array_append_new(changes, change(keys[i], is_there ? &value : NULL));
        call->arena->used = used;
    }
    return json_pack("{s:o, s:o}", "block", json_hash(at), "changes", changes);
}

static json_t *query_storage_at(call_t *call)
{
    bytes_t *keys;
    uint32_t count;
    hash_t at;
    if (!param_keys(call, 0, &keys, &count) || !at_block(call, 1, &at)) return NULL;
    rpc_text_t *text = &call->text;
    size_t len       = 0;
    uint32_t used    = call->arena->used;
    rpc_text_add(text, "[{\"block\":");
    rpc_text_hex(text, (bytes_t){at.b, sizeof at.b});
    rpc_text_add(text, ",\"changes\":[");
    for (uint32_t i = 0; i < count; i++, call->arena->used = used) {
        bytes_t value = {0};
        bool is_there = get_value(call, &at, keys[i], &value);
        if (is_too_long(call, &len, keys[i].len + value.len)) return NULL;
        rpc_text_add(text, i > 0 ? ",[" : "[");
        rpc_text_hex(text, keys[i]);
        rpc_text_add(text, ",");
        if (is_there)
            rpc_text_hex(text, value);
        else
            rpc_text_add(text, "null");
        rpc_text_add(text, "]");
    }
    rpc_text_add(text, "]}]");
    return rpc_told(call);
}

/* keep_changed leaves of `values` what differs from `last`, which it brings up to date. */
static void keep_changed(json_t *values, json_t *last)
{
    json_t *changes = json_object_get(values, "changes");
    for (size_t i = json_array_size(changes); i-- > 0;) {
        json_t *now = json_array_get(json_array_get(changes, i), 1), *before = json_array_get(last, i);
        bool is_same = before && json_equal(now, before);
        json_array_set(last, i, now);
        if (is_same) json_array_remove(changes, i);
    }
}

static json_t *query_storage(call_t *call)
{
    chain_t *chain = call->rpc->o.chain;
    bytes_t *keys;
    uint32_t count, first, end;
    hash_t from, to;
    if (!param_keys(call, 0, &keys, &count) || !param_block(call, 1, &from) || !param_block(call, 2, &to))
        return NULL;
    if (!chain_number(chain, &from, &first) || !chain_number(chain, &to, &end) || first > end ||
        end - first > RANGE_MAX || !chain_is_canonical(chain, &from) || !chain_is_canonical(chain, &to))
        return rpc_fail(call, RPC_BLOCK_RANGE, NULL,
                        "Cannot resolve a block range: at most %d blocks of the best chain, oldest first",
                        RANGE_MAX);
    json_t *all = json_array(), *last = json_array();
    size_t len = 0;
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(last, json_false()); /* equal to no value: the first block tells all */
    for (uint32_t number = first; number <= end; number++) {
        hash_t at;
        if (!chain_hash(chain, number, &at)) break;
        json_t *values = values_at(call, &at, keys, count, &len);
        if (!values) break;
        keep_changed(values, last);
        if (json_array_size(json_object_get(values, "changes")) > 0) json_array_append(all, values);
        json_decref(values);
    }
    json_decref(last);
    if (call->code == 0) return all;
    json_decref(all);
    return NULL;
}

/* ------------------------------------------------------------------------------------ keys */

/* add_key adds one to a list of keys, or of pairs; false when it would be too long. */
static bool add_key(call_t *call, const hash_t *at, bytes_t key, bool with_values, json_t *all, size_t *len)
{
    bytes_t value = {0};
    if (with_values && !get_value(call, at, key, &value)) return true;
    if (is_too_long(call, len, key.len + value.len)) return false;
    json_array_append_new(all, with_values ? change(key, &value) : json_hex(key));
    return true;
}

/* list_keys gives at most `most` keys with the prefix, after `after`; with_values gives pairs. */
static json_t *list_keys(call_t *call, const hash_t *at, bytes_t prefix, bytes_t after, uint32_t most,
                         bool with_values)
{
    json_t *all = json_array();
    bytes_t key = after.len < prefix.len ? prefix : after, value;
    size_t len  = 0;
    uint8_t room[2][KEY_MAX];
    uint32_t used = call->arena->used;
    bool is_ok    = true;
    if (after.len == 0 && prefix.len > 0 && most > 0 && get_value(call, at, prefix, &value))
        is_ok = add_key(call, at, prefix, with_values, all, &len);
    for (uint32_t turn = 0; is_ok && json_array_size(all) < most; turn ^= 1) {
        call->arena->used = used;
        bytes_t next;
        if (!chain_state_next_key(call->rpc->o.chain, at, key, call->arena, &next) ||
            !has_prefix(next, prefix) || next.len > KEY_MAX)
            break;
        memcpy(room[turn], next.data, next.len);
        key   = (bytes_t){room[turn], next.len};
        is_ok = add_key(call, at, key, with_values, all, &len);
    }
    if (is_ok) return all;
    json_decref(all);
    return NULL;
}

static json_t *get_keys_paged(call_t *call)
{
    bytes_t prefix = {0}, after = {0};
    uint32_t count;
    hash_t at;
    if (param_at(call, 0) && !param_bytes(call, 0, &prefix)) return NULL;
    if (!param_u32(call, 1, &count) || (param_at(call, 2) && !param_bytes(call, 2, &after))) return NULL;
    if (count > RPC_KEYS_MAX)
        return rpc_fail(call, RPC_COUNT, NULL, "count exceeds maximum value. value: %u, max: %d", count,
                        RPC_KEYS_MAX);
    if (!at_block(call, 3, &at)) return NULL;
    return list_keys(call, &at, prefix, after, count, false);
}

static json_t *all_under(call_t *call, bool with_values)
{
    bytes_t prefix = {0};
    hash_t at;
    if ((param_at(call, 0) && !param_bytes(call, 0, &prefix)) || !at_block(call, 1, &at)) return NULL;
    return list_keys(call, &at, prefix, (bytes_t){0}, PAIRS_MAX, with_values);
}
static json_t *get_keys(call_t *call) { return all_under(call, false); }
static json_t *get_pairs(call_t *call) { return all_under(call, true); }

/* ------------------------------------------------------------------------------------ proofs */

static json_t *get_read_proof(call_t *call)
{
    bytes_t *keys;
    uint32_t count;
    hash_t at;
    trie_proof_t proof;
    if (!param_keys(call, 0, &keys, &count) || !at_block(call, 1, &at)) return NULL;
    chain_status_t status = chain_state_prove(call->rpc->o.chain, &at, keys, count, call->arena, &proof);
    if (status != CHAIN_OK) return rpc_chain_failed(call, status, &at);
    size_t len = 0;
    for (uint32_t i = 0; i < proof.count; i++)
        if (is_too_long(call, &len, proof.items[i].len)) return NULL;
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < proof.count; i++)
        json_array_append_new(nodes, json_hex(proof.items[i]));
    return json_pack("{s:o, s:o}", "at", json_hash(&at), "proof", nodes);
}

/* ------------------------------------------------------------------------------------ the runtime */

static bool run_function(call_t *call, const char *name, bytes_t args, const hash_t *at, bytes_t *result)
{
    bytes_t function      = {(const uint8_t *)name, (uint32_t)strlen(name)};
    chain_status_t status = chain_call(call->rpc->o.chain, at, function, args, call->arena, result);
    if (status == CHAIN_UNKNOWN_CALL)
        rpc_fail(call, RPC_CLIENT, NULL, "Client error: Execution failed: Exported method %.80s is not found",
                 name);
    else if (status != CHAIN_OK)
        rpc_chain_failed(call, status, at);
    return status == CHAIN_OK;
}

static json_t *state_call(call_t *call)
{
    const char *name;
    bytes_t args = {0}, result;
    hash_t at;
    if (!param_text(call, 0, &name) || (param_at(call, 1) && !param_bytes(call, 1, &args)) ||
        !at_block(call, 2, &at))
        return NULL;
    if (strcmp(name, "SessionKeys_generate_session_keys") == 0) /* nobody makes keys here by asking */
        return rpc_fail(call, RPC_CLIENT, NULL,
                        "Client error: Execution failed: No `keystore` associated for the current context; "
                        "author_rotateKeys makes session keys");
    return run_function(call, name, args, &at, &result) ? json_hex(result) : NULL;
}

static json_t *get_metadata(call_t *call)
{
    hash_t at;
    if (!at_block(call, 0, &at)) return NULL;
    return json_hex((bytes_t){runtime_metadata, runtime_metadata_len});
}

static json_t *get_runtime_version(call_t *call)
{
    hash_t at;
    if (!at_block(call, 0, &at)) return NULL;
    json_t *version = rpc_version_json(call->rpc, &at);
    return version ? version : rpc_chain_failed(call, chain_runtime(call->rpc->o.chain, &at), &at);
}

static json_t *subscribe_version(call_t *call)
{
    return rpc_subscribed(call, rpc_subscribe(call, SUB_VERSION, "state_runtimeVersion"));
}

/* ------------------------------------------------------------------------------------ subscribed storage */

static bool watch_key(watched_key_t *watched, bytes_t key)
{
    watched->bytes = malloc(key.len ? key.len : 1);
    if (!watched->bytes) return false;
    memcpy(watched->bytes, key.data, key.len);
    watched->len = key.len;
    return true;
}

static json_t *subscribe_storage(call_t *call)
{
    bytes_t *keys  = NULL;
    uint32_t count = 0;
    if (!param_at(call, 0)) { /* all of them */
        if (!call->rpc->o.is_unsafe_allowed)
            return rpc_fail(call, RPC_NO_METHOD, NULL, "RPC call is unsafe to be called externally");
    } else if (!param_keys(call, 0, &keys, &count)) {
        return NULL;
    } else if (count == 0 || count > RPC_SUBSCRIBED_KEYS_MAX) {
        return rpc_bad_param(call, "name 1 to 4096 keys, or give null for all");
    }
    subscription_t *subscription = rpc_subscribe(call, SUB_STORAGE, "state_storage");
    if (!subscription) return NULL;
    subscription->keys = count ? calloc(count, sizeof *subscription->keys) : NULL;
    for (uint32_t i = 0; subscription->keys && i < count && watch_key(&subscription->keys[i], keys[i]); i++)
        subscription->key_count++;
    return rpc_subscribed(call, subscription);
}

/* ------------------------------------------------------------------------------------ payment */

static bool fee_args(call_t *call, bytes_t *args, hash_t *at)
{
    bytes_t extrinsic;
    if (!param_bytes(call, 0, &extrinsic) || !at_block(call, 1, at)) return false;
    scale_writer_t w = scale_writer(arena_take(call->arena, extrinsic.len + 4), extrinsic.len + 4);
    if (!w.start) {
        rpc_bad_param(call, "the extrinsic is too long");
        return false;
    }
    scale_put_raw(&w, extrinsic.data, extrinsic.len);
    scale_put_u32(&w, extrinsic.len);
    *args = scale_written(&w);
    return true;
}

static json_t *u128_text(u128_t v)
{
    char text[40], *at = text + sizeof text - 1;
    *at = 0;
    do
        *--at = (char)('0' + (int)(v % 10));
    while ((v /= 10) > 0);
    return json_string(at);
}

static json_t *u128_hex(u128_t v)
{
    char text[36];
    if (v >> 64)
        snprintf(text, sizeof text, "0x%" PRIx64 "%016" PRIx64, (uint64_t)(v >> 64), (uint64_t)v);
    else
        snprintf(text, sizeof text, "0x%" PRIx64, (uint64_t)v);
    return json_string(text);
}

static json_t *query_info(call_t *call)
{
    static const char *const classes[] = {"normal", "operational", "mandatory"};
    bytes_t args, result;
    hash_t at;
    if (!fee_args(call, &args, &at) ||
        !run_function(call, "TransactionPaymentApi_query_info", args, &at, &result))
        return NULL;
    scale_reader_t r  = scale_reader(result, NULL);
    uint64_t ref_time = scale_get_compact(&r), proof_size = scale_get_compact(&r);
    uint8_t class = scale_get_u8(&r);
    u128_t fee    = scale_get_u128(&r);
    return json_pack("{s:{s:I, s:I}, s:s, s:o}", "weight", "ref_time", (json_int_t)ref_time, "proof_size",
                     (json_int_t)proof_size, "class", classes[class < 3 ? class : 0], "partialFee",
                     u128_text(fee));
}

static json_t *query_fee_details(call_t *call)
{
    bytes_t args, result;
    hash_t at;
    if (!fee_args(call, &args, &at) ||
        !run_function(call, "TransactionPaymentApi_query_fee_details", args, &at, &result))
        return NULL;
    scale_reader_t r = scale_reader(result, NULL);
    if (!scale_get_option(&r)) return json_pack("{s:n}", "inclusionFee");
    json_t *base = u128_hex(scale_get_u128(&r)), *len = u128_hex(scale_get_u128(&r)),
           *weight = u128_hex(scale_get_u128(&r));
    return json_pack("{s:{s:o, s:o, s:o}}", "inclusionFee", "baseFee", base, "lenFee", len,
                     "adjustedWeightFee", weight);
}

/* ------------------------------------------------------------------------------------ child tries: this
 * chain has none */

/* is_child reads the child's key, whose prefix says of which kind it is, and checks that the block is here.
 */
static bool is_child(call_t *call, size_t block_index)
{
    bytes_t key;
    hash_t at;
    if (!param_bytes(call, 0, &key)) return false;
    if (has_prefix(key, BYTES(":child_storage:default:"))) return at_block(call, block_index, &at);
    rpc_fail(call, RPC_CLIENT, NULL, "Client error: Invalid child storage key");
    return false;
}
static json_t *child_nothing(call_t *call)
{
    bytes_t key;
    return param_bytes(call, 1, &key) && is_child(call, 2) ? json_null() : NULL;
}
static json_t *child_no_keys(call_t *call)
{
    bytes_t prefix;
    return param_bytes(call, 1, &prefix) && is_child(call, 2) ? json_array() : NULL;
}
static json_t *child_no_page(call_t *call)
{
    uint32_t count;
    return param_u32(call, 2, &count) && is_child(call, 4) ? json_array() : NULL;
}
static json_t *child_entries(call_t *call)
{
    bytes_t *keys;
    uint32_t count;
    if (!param_keys(call, 1, &keys, &count) || !is_child(call, 2)) return NULL;
    json_t *values = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(values, json_null());
    return values;
}

method_table_t rpc_state_methods(void)
{
    static const method_t methods[] = {
        {"state_call",                      false, state_call,          "name bytes hash"                              },
        {"state_callAt",                    false, state_call,          "name bytes hash"                              },
        {"state_getKeys",                   true,  get_keys,            "prefix hash"                                  },
        {"state_getKeysPaged",              false, get_keys_paged,      "prefix count start_key hash"                  },
        {"state_getKeysPagedAt",            false, get_keys_paged,      "prefix count start_key hash"                  },
        {"state_getPairs",                  true,  get_pairs,           "prefix hash"                                  },
        {"state_getMetadata",               false, get_metadata,        "hash"                                         },
        {"state_getReadProof",              false, get_read_proof,      "keys hash"                                    },
        {"state_getRuntimeVersion",         false, get_runtime_version, "hash"                                         },
        {"chain_getRuntimeVersion",         false, get_runtime_version, "hash"                                         },
        {"state_getStorage",                false, get_storage,         "key hash"                                     },
        {"state_getStorageAt",              false, get_storage,         "key hash"                                     },
        {"state_getStorageHash",            false, get_storage_hash,    "key hash"                                     },
        {"state_getStorageHashAt",          false, get_storage_hash,    "key hash"                                     },
        {"state_getStorageSize",            false, get_storage_size,    "key hash"                                     },
        {"state_getStorageSizeAt",          false, get_storage_size,    "key hash"                                     },
        {"state_queryStorage",              true,  query_storage,       "keys block hash"                              },
        {"state_queryStorageAt",            false, query_storage_at,    "keys at"                                      },
        {"state_subscribeRuntimeVersion",   false, subscribe_version,   NULL                                           },
        {"chain_subscribeRuntimeVersion",   false, subscribe_version,   NULL                                           },
        {"state_unsubscribeRuntimeVersion", false, rpc_unsubscribe,     NULL                                           },
        {"chain_unsubscribeRuntimeVersion", false, rpc_unsubscribe,     NULL                                           },
        {"state_subscribeStorage",          false, subscribe_storage,   "keys"                                         },
        {"state_unsubscribeStorage",        false, rpc_unsubscribe,     NULL                                           },
        {"childstate_getKeys",              false, child_no_keys,       "child_storage_key prefix hash"                },
        {"childstate_getKeysPaged",         false, child_no_page,       "child_storage_key prefix count start_key hash"},
        {"childstate_getKeysPagedAt",       false, child_no_page,       "child_storage_key prefix count start_key hash"},
        {"childstate_getStorageEntries",    false, child_entries,       "child_storage_key keys hash"                  },
        {"childstate_getStorage",           false, child_nothing,       "child_storage_key key hash"                   },
        {"childstate_getStorageHash",       false, child_nothing,       "child_storage_key key hash"                   },
        {"childstate_getStorageSize",       false, child_nothing,       "child_storage_key key hash"                   },
        {"payment_queryInfo",               false, query_info,          "encoded_xt at"                                },
        {"payment_queryFeeDetails",         false, query_fee_details,   "encoded_xt at"                                },
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
