/* rpc_dev_state.c - dev_setStorage and dev_setHead: another state, another best block, on development chains.
 *
 * What is set is part of the chain: a new block says it in its header (chain_override_write), and shows it in
 * its state.  Values come as pairs of hex, or named by pallet and item and written as JSON, as chopsticks
 * takes them; what a struct leaves out is as in the item's default. */

#include "rpc_dev.h"
#include "runtime_json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS_MAX = 10000, VALUE_ROOM = CHAIN_OVERRIDE_MAX, DEPTH_MAX = 32 };

/* What is to be set. */
typedef struct {
    call_t *call;
    change_t *items; /* malloc */
    uint32_t count, cap;
} wish_t;

static bool refuse(call_t *call, const char *what, const char *of, const char *why)
{
    char text[400];
    snprintf(text, sizeof text, "%s%s%s%s%s", what, of ? "." : "", of ? of : "", why ? ": " : "",
             why ? why : "");
    return rpc_bad_param(call, text) != NULL;
}

static bool wish_add(wish_t *wish, bytes_t key, const bytes_t *value)
{
    if (wish->count == ITEMS_MAX) return refuse(wish->call, "at most 10000 keys by one call", NULL, NULL);
    if (key.len + (value ? value->len : 0) + 64 > CHAIN_OVERRIDE_MAX)
        return refuse(wish->call, "a key and its value", NULL,
                      "together at most 3520 bytes: a block's header holds them");
    if (wish->count == wish->cap) {
        wish->cap       = wish->cap ? 2 * wish->cap : 64;
        change_t *grown = realloc(wish->items, wish->cap * sizeof *grown);
        if (!grown) return rpc_fail(wish->call, RPC_INTERNAL, NULL, "no memory") != NULL;
        wish->items = grown;
    }
    wish->items[wish->count++] =
        (change_t){.key = key, .value = value ? *value : (bytes_t){0}, .is_removed = !value};
    return true;
}

/* ------------------------------------------------------------------------------------ pairs */

static bool add_pairs(wish_t *wish, const json_t *pairs)
{
    static const char expected[] = "expected [key, value] or [key, null], both 0x and hexadecimal digits";
    size_t i;
    const json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        bytes_t key, value;
        if (!json_is_array(pair) || json_array_size(pair) != 2 ||
            !json_to_bytes(wish->call, json_array_get(pair, 0), &key))
            return refuse(wish->call, expected, NULL, NULL);
        bool is_removed = json_is_null(json_array_get(pair, 1));
        if (!is_removed && !json_to_bytes(wish->call, json_array_get(pair, 1), &value))
            return refuse(wish->call, expected, NULL, NULL);
        if (!wish_add(wish, key, is_removed ? NULL : &value)) return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------------ names */

/* snake is a field's name as the runtime has it: freeBalance is free_balance there.  Variants begin with a
 * capital and stay. */
static void snake(const char *name, char *room, size_t cap)
{
    size_t used = 0;
    for (const char *at = name; *at && used + 2 < cap; at++) {
        bool is_hump = isupper((unsigned char)*at) && islower((unsigned char)name[0]);
        if (is_hump) room[used++] = '_';
        room[used++] = is_hump ? (char)tolower((unsigned char)*at) : *at;
    }
    room[used] = 0;
}

/* with_names is a value with its fields named as the runtime names them; new. */
static json_t *with_names(const json_t *value, uint32_t depth)
{
    if (depth == DEPTH_MAX || !(json_is_object(value) || json_is_array(value))) return json_deep_copy(value);
    if (json_is_array(value)) {
        json_t *list = json_array();
        for (size_t i = 0; i < json_array_size(value); i++)
            json_array_append_new(list, with_names(json_array_get(value, i), depth + 1));
        return list;
    }
    json_t *object = json_object();
    const char *name;
    json_t *field;
    json_object_foreach((json_t *)(uintptr_t)value, name, field)
    {
        char room[128];
        snake(name, room, sizeof room);
        json_object_set_new(object, room, with_names(field, depth + 1));
    }
    return object;
}

/* fill puts into `value` what it leaves out of `missing`. */
static void fill(json_t *value, const json_t *missing, uint32_t depth)
{
    const char *name;
    json_t *field;
    if (!json_is_object(value) || !json_is_object(missing) || depth == DEPTH_MAX) return;
    json_object_foreach((json_t *)(uintptr_t)missing, name, field)
    {
        json_t *given = json_object_get(value, name);
        if (given)
            fill(given, field, depth + 1);
        else
            json_object_set_new(value, name, json_deep_copy(field));
    }
}

/* A struct leaves out fields; an enum's value has one name, and no other is added to it. */
static void fill_missing(json_t *value, const table_storage_t *item)
{
    scale_reader_t r = scale_reader(item->missing, NULL);
    json_t *missing  = NULL;
    if (item->missing.len == 0 || runtime_types[item->value].form != TABLE_COMPOSITE) return;
    missing = runtime_json_decode(&r, item->value);
    if (missing) fill(value, missing, 0);
    json_decref(missing);
}

static bool add_value(wish_t *wish, const char *pallet, const table_storage_t *item, const json_t *keys,
                      const json_t *value)
{
    uint8_t room[VALUE_ROOM];
    scale_writer_t k = scale_writer(room, sizeof room);
    runtime_json_error_t error;
    bytes_t key, encoded;
    if (json_array_size(keys) != item->key_count)
        return refuse(wish->call, pallet, item->name,
                      item->key_count ? "each value as [[keys], value], with all keys of the map"
                                      : "it has no keys");
    if (!runtime_json_key(&k, item, keys, &error)) return refuse(wish->call, pallet, item->name, error.text);
    if (!arena_copy(wish->call->arena, scale_written(&k), &key))
        return rpc_fail(wish->call, RPC_INTERNAL, NULL, "no memory") != NULL;
    if (json_is_null(value)) return wish_add(wish, key, NULL);
    json_t *whole = with_names(value, 0);
    fill_missing(whole, item);
    scale_writer_t v = scale_writer(room, sizeof room);
    bool is_encoded  = runtime_json_encode(&v, item->value, whole, &error);
    json_decref(whole);
    if (!is_encoded) return refuse(wish->call, pallet, item->name, error.text);
    if (!arena_copy(wish->call->arena, scale_written(&v), &encoded))
        return rpc_fail(wish->call, RPC_INTERNAL, NULL, "no memory") != NULL;
    return wish_add(wish, key, &encoded);
}

static bytes_t text_of(const char *text) { return (bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)}; }

/* capital is a name with its first letter large, as metadata has it and JavaScript has not. */
static bytes_t capital(const char *name, char room[96])
{
    snprintf(room, 96, "%s", name);
    room[0] = (char)toupper((unsigned char)room[0]);
    return text_of(room);
}

static const table_pallet_t *find_pallet(const char *name)
{
    char room[96];
    const table_pallet_t *pallet = table_pallet(text_of(name));
    return pallet ? pallet : table_pallet(capital(name, room));
}

static const table_storage_t *find_item(const table_pallet_t *pallet, const char *name)
{
    char room[96];
    const table_storage_t *item = table_storage(pallet, text_of(name));
    return item ? item : table_storage(pallet, capital(name, room));
}

static bool remove_prefix(wish_t *wish, const table_storage_t *item)
{
    chain_t *chain = wish->call->rpc->o.chain;
    hash_t at      = chain_best(chain).hash;
    bytes_t key    = {item->prefix, sizeof item->prefix}, value;
    if (chain_state_get(chain, &at, key, wish->call->arena, &value) && !wish_add(wish, key, NULL))
        return false;
    while (chain_state_next_key(chain, &at, key, wish->call->arena, &key)) {
        if (key.len < sizeof item->prefix || memcmp(key.data, item->prefix, sizeof item->prefix) != 0) break;
        if (!wish_add(wish, key, NULL)) return false;
    }
    return true;
}

static bool add_prefixes(wish_t *wish, const char *name, const table_pallet_t *pallet, const json_t *names)
{
    size_t i;
    const json_t *one;
    json_array_foreach(names, i, one)
    {
        const table_storage_t *item = json_is_string(one) ? find_item(pallet, json_string_value(one)) : NULL;
        if (!item) return refuse(wish->call, name, "$removePrefix", "no such item");
        if (!remove_prefix(wish, item)) return false;
    }
    return json_is_array(names) || refuse(wish->call, name, "$removePrefix", "expected a list of items");
}

static bool add_item(wish_t *wish, const char *name, const table_storage_t *item, const json_t *value)
{
    size_t i;
    const json_t *pair;
    if (item->key_count == 0) {
        json_t *none = json_array();
        bool is_fine = add_value(wish, name, item, none, value);
        json_decref(none);
        return is_fine;
    }
    if (!json_is_array(value))
        return refuse(wish->call, name, item->name, "a map: expected a list of [[keys], value]");
    json_array_foreach(value, i, pair)
    {
        const json_t *keys = json_array_get(pair, 0);
        if (!json_is_array(keys) || json_array_size(pair) != 2)
            return refuse(wish->call, name, item->name, "a map: expected [[keys], value]");
        if (!add_value(wish, name, item, keys, json_array_get(pair, 1))) return false;
    }
    return true;
}

static bool add_pallets(wish_t *wish, json_t *pallets)
{
    const char *name, *item_name;
    json_t *items, *value;
    json_object_foreach(pallets, name, items)
    {
        const table_pallet_t *pallet = find_pallet(name);
        if (!pallet || !json_is_object(items)) return refuse(wish->call, name, NULL, "no such pallet");
        /* Prefixes first, whatever their place: what is set then stays. */
        json_t *prefixes = json_object_get(items, "$removePrefix");
        if (prefixes && !add_prefixes(wish, name, pallet, prefixes)) return false;
        json_object_foreach(items, item_name, value)
        {
            if (strcmp(item_name, "$removePrefix") == 0) continue;
            const table_storage_t *item = find_item(pallet, item_name);
            if (!item) return refuse(wish->call, name, item_name, "no such item");
            if (!add_item(wish, name, item, value)) return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------------------------ dev_setStorage */

/* part_of is how many items one block takes. */
static uint32_t part_of(const change_t *items, uint32_t count)
{
    uint32_t taken = 0;
    for (uint64_t len = 16; taken < count; taken++) {
        len += 11 + (uint64_t)items[taken].key.len + items[taken].value.len;
        if (len > CHAIN_OVERRIDE_MAX) break;
    }
    return taken ? taken : 1;
}

static json_t *make_blocks(call_t *call, const wish_t *wish)
{
    chain_point_t block = {0};
    for (uint32_t at = 0, part; at < wish->count; at += part) {
        uint64_t now_ms        = io_now_ms(call->rpc->o.io);
        part                   = part_of(wish->items + at, wish->count - at);
        author_status_t status = author_override(call->rpc->o.author, now_ms, wish->items + at, part, &block);
        if (status != AUTHOR_OK) return rpc_dev_not_made(call, status);
        if (!rpc_dev_made(call, now_ms)) return NULL;
    }
    return json_hash(&block.hash);
}

json_t *rpc_dev_set_storage(call_t *call)
{
    json_t *values = param_at(call, 0), *answer = NULL;
    wish_t wish = {.call = call};
    hash_t at, best = chain_best(call->rpc->o.chain).hash;
    if (!rpc_dev_is_allowed(call) || !param_block(call, 1, &at)) return NULL;
    if (memcmp(&at, &best, sizeof at) != 0)
        return rpc_bad_param(call, "parameter 2: state is set on the best block: dev_setHead first");
    bool is_read = json_is_array(values)    ? add_pairs(&wish, values)
                   : json_is_object(values) ? add_pallets(&wish, values)
                                            : refuse(call,
                                                     "parameter 1: expected a list of [key, value], or "
                                                     "{Pallet: {Item: value}}",
                                                     NULL, NULL);
    if (is_read && wish.count == 0) is_read = refuse(call, "parameter 1: nothing is to be set", NULL, NULL);
    if (is_read) answer = make_blocks(call, &wish);
    free(wish.items);
    return answer;
}

/* ------------------------------------------------------------------------------------ dev_setHead */

json_t *rpc_dev_set_head(call_t *call)
{
    chain_t *chain      = call->rpc->o.chain;
    const json_t *given = param_at(call, 0);
    chain_point_t final = chain_finalized(chain);
    hash_t hash;
    uint32_t number;
    if (!rpc_dev_is_allowed(call)) return NULL;
    if (json_is_integer(given)) {
        json_int_t wanted = json_integer_value(given);
        if (wanted < 0 && wanted >= -(json_int_t)chain_best(chain).number) wanted += chain_best(chain).number;
        if (wanted < 0 || wanted > UINT32_MAX || !chain_hash(chain, (uint32_t)wanted, &hash))
            return rpc_bad_param(call, "parameter 1: no block of this number on the best chain");
    } else if (!given || !param_block(call, 0, &hash)) {
        return call->code ? NULL : rpc_bad_param(call, "parameter 1: expected a block's hash or number");
    }
    if (!chain_number(chain, &hash, &number)) return rpc_unknown_block(call, &hash);
    chain_status_t status = chain_set_best(chain, &hash);
    if (status != CHAIN_OK)
        return rpc_fail(
            call, RPC_EXECUTION, NULL,
            "a finalized block is never undone, and #%u is final: with --sealing manual blocks become "
            "final by engine_finalizeBlock alone",
            final.number);
    pool_tick(call->rpc->o.pool, io_now_ms(call->rpc->o.io));
    return json_hash(&hash);
}
