/* params.c - parameters out of JSON, and values into it. */

#include "hex.h"
#include "rpc_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *param_at(const call_t *call, size_t index)
{
    json_t *value = call->params ? json_array_get(call->params, index) : NULL;
    return json_is_null(value) ? NULL : value;
}

static bool missing(call_t *call, size_t index, const char *what)
{
    char text[96];
    snprintf(text, sizeof text, "parameter %zu: %s", index + 1, what);
    rpc_bad_param(call, text);
    return false;
}

/* find_named finds a parameter by its name, as Substrate writes it ("start_key") or as JavaScript does. */
static json_t *find_named(const json_t *object, const char *name, size_t len)
{
    char exact[40], camel[40];
    size_t used = 0;
    if (len >= sizeof exact) return NULL;
    memcpy(exact, name, len);
    exact[len] = 0;
    for (size_t i = 0; i < len; i++)
        if (name[i] != '_') camel[used++] = i > 0 && name[i - 1] == '_' ? (char)(name[i] - 32) : name[i];
    camel[used]   = 0;
    json_t *value = json_object_get(object, exact);
    return value ? value : json_object_get(object, camel);
}

json_t *params_by_name(const char *names, const json_t *object)
{
    json_t *params = json_array();
    for (const char *at = names; *at;) {
        size_t len    = strcspn(at, " ");
        json_t *value = find_named(object, at, len);
        if (value)
            json_array_append(params, value);
        else
            json_array_append_new(params, json_null());
        at += len + (at[len] == ' ');
    }
    return params;
}

bool json_to_bytes(call_t *call, const json_t *value, bytes_t *bytes)
{
    const char *text = json_string_value(value);
    size_t len       = json_string_length(value);
    if (!text || (len > 0 && (len < 2 || text[0] != '0' || (text[1] | 32) != 'x'))) return false;
    uint32_t cap  = (uint32_t)(len / 2);
    uint8_t *room = arena_take(call->arena, cap + 1);
    if (!room || !hex_decode((bytes_t){(const uint8_t *)text, (uint32_t)len}, room, cap, &bytes->len))
        return false;
    bytes->data = room;
    return true;
}

bool param_bytes(call_t *call, size_t index, bytes_t *bytes)
{
    return json_to_bytes(call, param_at(call, index), bytes) ||
           missing(call, index, "expected a string of hexadecimal digits with 0x");
}

bool param_text(call_t *call, size_t index, const char **text)
{
    *text = json_string_value(param_at(call, index));
    return *text || missing(call, index, "expected a string");
}

bool param_u32(call_t *call, size_t index, uint32_t *number)
{
    const json_t *value = param_at(call, index);
    if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= UINT32_MAX) {
        *number = (uint32_t)json_integer_value(value);
        return true;
    }
    const char *text = json_string_value(value);
    char *end;
    unsigned long long parsed =
        text && text[0] == '0' && text[1] == 'x' && text[2] ? strtoull(text + 2, &end, 16) : 0;
    if (!text || text[0] != '0' || text[1] != 'x' || !text[2] || *end != 0 || parsed > UINT32_MAX)
        return missing(call, index, "expected a number");
    *number = (uint32_t)parsed;
    return true;
}

bool param_block(call_t *call, size_t index, hash_t *hash)
{
    const json_t *value = param_at(call, index);
    *hash               = chain_best(call->rpc->o.chain).hash;
    if (!value) return true;
    bytes_t bytes;
    if (!json_to_bytes(call, value, &bytes) || bytes.len != sizeof hash->b)
        return missing(call, index, "expected a block hash");
    memcpy(hash->b, bytes.data, sizeof hash->b);
    return true;
}

bool param_keys(call_t *call, size_t index, bytes_t **keys, uint32_t *count)
{
    json_t *value = param_at(call, index), *item;
    size_t i;
    if (!json_is_array(value)) return missing(call, index, "expected an array of storage keys");
    *count = (uint32_t)json_array_size(value);
    *keys  = arena_take(call->arena, (*count ? *count : 1) * (uint32_t)sizeof **keys);
    if (!*keys) return missing(call, index, "too many keys");
    json_array_foreach(value, i, item) if (!json_to_bytes(call, item, &(*keys)[i])) return missing(
        call, index, "expected storage keys as hexadecimal digits with 0x");
    return true;
}

/* ------------------------------------------------------------------------------------ values into JSON */

json_t *json_hex(bytes_t bytes)
{
    char small[520], *text = bytes.len <= 256 ? small : malloc((size_t)bytes.len * 2 + 3);
    if (!text) abort();
    text[0] = '0';
    text[1] = 'x';
    hex_encode(text + 2, bytes);
    json_t *value = json_stringn_nocheck(text, (size_t)bytes.len * 2 + 2);
    if (text != small) free(text);
    return value;
}

static char *text_room(rpc_text_t *text, size_t more)
{
    if (text->len + more + 1 > text->cap) {
        text->cap  = (text->len + more + 1) * 2;
        text->data = realloc(text->data, text->cap);
        if (!text->data) abort();
    }
    char *at = text->data + text->len;
    text->len += more;
    text->data[text->len] = 0;
    return at;
}

void rpc_text_add(rpc_text_t *text, const char *more)
{
    size_t len = strlen(more);
    memcpy(text_room(text, len), more, len);
}

void rpc_text_hex(rpc_text_t *text, bytes_t bytes)
{
    char *at = text_room(text, (size_t)bytes.len * 2 + 4);
    memcpy(at, "\"0x", 3);
    hex_encode(at + 3, bytes);
    memcpy(at + 3 + (size_t)bytes.len * 2, "\"", 2);
}

json_t *rpc_told(call_t *call)
{
    (void)call;
    return json_null();
}

json_t *json_hash(const hash_t *hash) { return json_hex((bytes_t){hash->b, sizeof hash->b}); }

json_t *json_number_hex(uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)number);
    return json_string_nocheck(text);
}

json_t *json_header(bytes_t encoded)
{
    header_t header;
    scale_reader_t r = scale_reader(encoded, NULL);
    header_decode(&r, &header);
    if (!scale_done(&r)) return NULL;
    json_t *logs = json_array();
    for (uint32_t i = 0; i < header.digest_count; i++) {
        uint8_t room[1024];
        scale_writer_t w = scale_writer(room, sizeof room);
        digest_item_encode(&w, &header.digest[i]);
        json_array_append_new(logs, json_hex(scale_written(&w)));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:{s:o}}", "parentHash", json_hash(&header.parent_hash), "number",
                     json_number_hex(header.number), "stateRoot", json_hash(&header.state_root),
                     "extrinsicsRoot", json_hash(&header.extrinsics_root), "digest", "logs", logs);
}

json_t *rpc_version_json(const rpc_t *rpc, const hash_t *at)
{
    _Alignas(16) uint8_t room[16384];
    arena_t arena = {room, sizeof room, 0};
    bytes_t encoded;
    if (chain_runtime_version(rpc->o.chain, at, &arena, &encoded) != CHAIN_OK) return NULL;
    scale_reader_t r = scale_reader(encoded, NULL);
    bytes_t spec = scale_get_bytes(&r, 256), impl = scale_get_bytes(&r, 256);
    uint32_t authoring = scale_get_u32(&r), spec_version = scale_get_u32(&r),
             impl_version = scale_get_u32(&r);
    json_t *apis          = json_array();
    uint32_t count        = scale_get_compact_u32(&r);
    for (uint32_t i = 0; i < count && !r.failed; i++) {
        bytes_t id       = scale_get_slice(&r, 8);
        uint32_t version = scale_get_u32(&r);
        json_array_append_new(apis, json_pack("[o, I]", json_hex(id), (json_int_t)version));
    }
    uint32_t transaction = scale_get_u32(&r);
    uint8_t state        = scale_get_u8(&r);
    return json_pack("{s:s#, s:s#, s:I, s:I, s:I, s:o, s:I, s:i}", "specName", (const char *)spec.data,
                     (int)spec.len, "implName", (const char *)impl.data, (int)impl.len, "authoringVersion",
                     (json_int_t)authoring, "specVersion", (json_int_t)spec_version, "implVersion",
                     (json_int_t)impl_version, "apis", apis, "transactionVersion", (json_int_t)transaction,
                     "stateVersion", (int)state);
}
