/* encode.c - JSON to SCALE. */
#include "runtime_json.h"

#include "hex.h"
#include "ss58.h"
#include "storage_key.h"
#include <stdio.h>
#include <string.h>

static bool encode(scale_writer_t *w, uint16_t id, const json_t *value, uint32_t depth,
                   runtime_json_error_t *error);

static bool wrong(runtime_json_error_t *error, const char *reason, const char *what)
{
    snprintf(error->text, sizeof error->text, what ? "%s '%.60s'" : "%s", reason, what);
    error->has_path = false;
    return false;
}

/* Says in which field it was: "dest" before "Id: not an address". */
static bool within(runtime_json_error_t *error, const char *name)
{
    char inner[sizeof error->text];

    memcpy(inner, error->text, sizeof inner);
    snprintf(error->text, sizeof error->text, error->has_path ? "%.40s.%.150s" : "%.40s: %.150s", name,
             inner);
    error->has_path = true;
    return false;
}

static bool within_item(runtime_json_error_t *error, uint32_t index)
{
    char name[16];

    snprintf(name, sizeof name, "%u", index);
    return within(error, name);
}

static bool read_number(const json_t *value, u128_t most, u128_t *out)
{
    const char *text = json_string_value(value);
    u128_t v         = 0;

    if (json_is_integer(value)) {
        *out = (u128_t)json_integer_value(value);
        return json_integer_value(value) >= 0 && *out <= most;
    }
    if (!text || !*text) return false;
    for (; *text; text++) {
        uint32_t digit = (uint32_t)(*text - '0');
        if (*text == '_' || *text == ',') continue;
        if (digit > 9 || v > (most - digit) / 10) return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

static u128_t most_of(uint16_t kind)
{
    static const uint8_t bits[] = {[TABLE_U8] = 8, [TABLE_U16] = 16, [TABLE_U32] = 32, [TABLE_U64] = 64};

    return kind >= sizeof bits || !bits[kind] ? ~(u128_t)0 : ((u128_t)1 << bits[kind]) - 1;
}

static bool primitive(scale_writer_t *w, uint16_t kind, const json_t *value, runtime_json_error_t *error)
{
    u128_t v = 0;

    if (kind == TABLE_BOOL) {
        scale_put_bool(w, json_is_true(value));
        return json_is_boolean(value) || wrong(error, "must be true or false", NULL);
    }
    if (kind == TABLE_STR) {
        scale_put_bytes(
            w, (bytes_t){(const uint8_t *)json_string_value(value), (uint32_t)json_string_length(value)});
        return json_is_string(value) || wrong(error, "must be a text", NULL);
    }
    if (!read_number(value, most_of(kind), &v))
        return wrong(error, "must be a whole number that fits", json_string_value(value));
    switch ((table_primitive_t)kind) {
    case TABLE_U8: scale_put_u8(w, (uint8_t)v); return true;
    case TABLE_U16: scale_put_u16(w, (uint16_t)v); return true;
    case TABLE_U32: scale_put_u32(w, (uint32_t)v); return true;
    case TABLE_U64: scale_put_u64(w, (uint64_t)v); return true;
    case TABLE_U128: scale_put_u128(w, v); return true;
    case TABLE_BOOL:
    case TABLE_STR: break;
    }
    return wrong(error, "is of no known type", NULL);
}

static bool compact(scale_writer_t *w, uint16_t inner, const json_t *value, runtime_json_error_t *error)
{
    const table_type_t *type = &runtime_types[inner];
    u128_t v;

    if (type->form == TABLE_TUPLE) return json_is_null(value) || wrong(error, "must be null", NULL);
    if (!read_number(value, most_of(type->inner), &v))
        return wrong(error, "must be a whole number that fits", json_string_value(value));
    scale_put_compact_u128(w, v);
    return true;
}

/* Bytes from 0x..., or from the text itself when `as_text`; at the writer's end, without their count. */
static bool raw_bytes(scale_writer_t *w, const json_t *value, bool as_text, uint32_t *len,
                      runtime_json_error_t *error)
{
    bytes_t text  = {(const uint8_t *)json_string_value(value), (uint32_t)json_string_length(value)};
    uint32_t room = w->failed ? 0 : w->cap - w->len;

    if (!text.data) return wrong(error, "must be a text or 0x...", NULL);
    *len = text.len;
    if (text.len < 2 || text.data[0] != '0' || text.data[1] != 'x') {
        scale_put_raw(w, text.data, text.len);
        return as_text || wrong(error, "must be 0x...", NULL);
    }
    if ((text.len - 2) / 2 > room) w->failed = true;
    if (w->failed) return true;
    if (!hex_decode(text, w->start + w->len, room, len)) return wrong(error, "is not hexadecimal", NULL);
    w->len += *len;
    return true;
}

static bool byte_vector(scale_writer_t *w, uint32_t limit, const json_t *value, runtime_json_error_t *error)
{
    const char *text = json_string_value(value);
    size_t length    = json_string_length(value);
    uint32_t len;

    if (!text) return wrong(error, "must be a text or 0x...", NULL);
    if (length >= 2 && memcmp(text, "0x", 2) == 0) length = (length - 2) / 2;
    if (length > limit) return wrong(error, "is too long", NULL);
    scale_put_compact(w, length);
    return raw_bytes(w, value, true, &len, error);
}

static bool is_byte(uint16_t type)
{
    return runtime_types[type].form == TABLE_PRIMITIVE && runtime_types[type].inner == TABLE_U8;
}

static bool sequence(scale_writer_t *w, const table_type_t *type, uint32_t limit, const json_t *value,
                     uint32_t depth, runtime_json_error_t *error)
{
    size_t count = json_array_size(value);

    if (is_byte(type->inner)) return byte_vector(w, limit, value, error);
    if (!json_is_array(value)) return wrong(error, "must be an array", NULL);
    if (count > limit) return wrong(error, "has too many items", NULL);
    scale_put_compact(w, count);
    for (size_t i = 0; i < count; i++)
        if (!encode(w, type->inner, json_array_get(value, i), depth, error))
            return within_item(error, (uint32_t)i);
    return true;
}

static bool array(scale_writer_t *w, const table_type_t *type, const json_t *value,
                  runtime_json_error_t *error)
{
    uint32_t len;

    if (!raw_bytes(w, value, false, &len, error)) return false;
    return w->failed || len == type->count || wrong(error, "has not the right number of bytes", NULL);
}

static bool is_known(const table_field_t *field, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(field[i].name, name) == 0) return true;
    return false;
}

/* Fields of a struct, a variant or a tuple: an object when they have names, else an array. */
static bool fields(scale_writer_t *w, const table_field_t *field, uint32_t count, const json_t *value,
                   uint32_t depth, runtime_json_error_t *error)
{
    const char *name;
    json_t *unused;

    if (count && field[0].name) {
        if (!json_is_object(value)) return wrong(error, "must be an object", NULL);
        json_object_foreach((json_t *)(uintptr_t)value, name,
                            unused) if (!is_known(field, count, name)) return wrong(error, "has no field",
                                                                                    name);
        for (uint32_t i = 0; i < count; i++) {
            const json_t *one = json_object_get(value, field[i].name);
            if (!encode(w, field[i].type, one, depth, error)) return within(error, field[i].name);
        }
        return true;
    }
    if (json_array_size(value) != count || !json_is_array(value))
        return wrong(error, "must be an array with as many items as the type has", NULL);
    for (uint32_t i = 0; i < count; i++)
        if (!encode(w, field[i].type, json_array_get(value, i), depth, error)) return within_item(error, i);
    return true;
}

static bool account(scale_writer_t *w, const json_t *value, runtime_json_error_t *error)
{
    const char *text = json_string_value(value);
    account_id_t who;

    if (!text) return wrong(error, "must be an address", NULL);
    if (strncmp(text, "0x", 2) == 0 ? !hex_decode_exact(bytes_text(text), who.b, sizeof who.b)
                                    : !ss58_account_decode(bytes_text(text), &who))
        return wrong(error, "is not an address:", text);
    scale_put_account_id(w, &who);
    return true;
}

static bool variant(scale_writer_t *w, const table_type_t *type, const json_t *value, uint32_t depth,
                    runtime_json_error_t *error)
{
    const char *name             = json_string_value(value);
    const json_t *inner          = NULL;
    const table_variant_t *found = NULL;

    if (strcmp(type->name, "Option") == 0) {
        const json_t *some = json_object_size(value) == 1 ? json_object_get(value, "Some") : NULL;
        scale_put_u8(w, json_is_null(value) || !value ? 0 : 1);
        return json_is_null(value) || !value ||
               encode(w, type->variants[1].fields[0].type, json_is_null(some) ? some : value, depth, error);
    }
    if (json_object_size(value) == 1) {
        name  = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)value));
        inner = json_object_get(value, name);
    }
    if (!name) return wrong(error, "must be a name, or an object with one", NULL);
    for (uint32_t i = 0; i < type->count && !found; i++)
        if (strcmp(type->variants[i].name, name) == 0) found = &type->variants[i];
    if (!found && !inner && strcmp(type->name, "MultiAddress") == 0) {
        scale_put_u8(w, 0);
        return account(w, value, error);
    }
    if (!found) return wrong(error, "there is no", name);
    scale_put_u8(w, found->index);
    if (found->field_count == 0)
        return !inner || json_is_null(inner) || json_object_size(inner) == 0 ||
               wrong(error, "takes nothing:", name);
    if (found->field_count == 1 && !found->fields[0].name)
        return encode(w, found->fields[0].type, inner, depth, error) || within(error, name);
    return fields(w, found->fields, found->field_count, inner, depth, error) || within(error, name);
}

static bool composite(scale_writer_t *w, const table_type_t *type, const json_t *value, uint32_t depth,
                      runtime_json_error_t *error)
{
    bool wraps = type->count == 1 && !type->fields[0].name;

    if (strcmp(type->name, "AccountId32") == 0) return account(w, value, error);
    if (wraps && type->limit && runtime_types[type->fields[0].type].form == TABLE_SEQUENCE)
        return sequence(w, &runtime_types[type->fields[0].type], type->limit, value, depth, error);
    if (wraps) return encode(w, type->fields[0].type, value, depth, error);
    return fields(w, type->fields, type->count, value, depth, error);
}

static bool is_option(const table_type_t *type)
{
    return type->form == TABLE_VARIANT && strcmp(type->name, "Option") == 0;
}

static bool encode(scale_writer_t *w, uint16_t id, const json_t *value, uint32_t depth,
                   runtime_json_error_t *error)
{
    const table_type_t *type = &runtime_types[id];

    if (depth++ >= RUNTIME_JSON_DEPTH_MAX) return wrong(error, "is nested too deep", NULL);
    if (!value && !is_option(type)) return wrong(error, "is missing", NULL);
    switch ((table_form_t)type->form) {
    case TABLE_COMPOSITE: return composite(w, type, value, depth, error);
    case TABLE_VARIANT: return variant(w, type, value, depth, error);
    case TABLE_SEQUENCE: return sequence(w, type, UINT32_MAX, value, depth, error);
    case TABLE_ARRAY: return array(w, type, value, error);
    case TABLE_TUPLE:
        return type->count ? fields(w, type->fields, type->count, value, depth, error)
                           : json_is_null(value) || wrong(error, "must be null", NULL);
    case TABLE_PRIMITIVE: return primitive(w, type->inner, value, error);
    case TABLE_COMPACT: return compact(w, type->inner, value, error);
    }
    return wrong(error, "is of no known type", NULL);
}

static bool finish(const scale_writer_t *w, runtime_json_error_t *error)
{
    return !w->failed || wrong(error, "is too large", NULL);
}

bool runtime_json_encode(scale_writer_t *w, uint16_t type, const json_t *value, runtime_json_error_t *error)
{
    *error = (runtime_json_error_t){0};
    if (type >= runtime_type_count) return wrong(error, "there is no such type", NULL);
    return encode(w, type, value, 0, error) && finish(w, error);
}

bool runtime_json_call(scale_writer_t *w, const table_pallet_t *pallet, const table_variant_t *call,
                       const json_t *arguments, runtime_json_error_t *error)
{
    json_t *none = arguments ? NULL : json_object();
    bool is_good;

    *error = (runtime_json_error_t){0};
    scale_put_u8(w, pallet->index);
    scale_put_u8(w, call->index);
    if (call->field_count)
        is_good = fields(w, call->fields, call->field_count, arguments ? arguments : none, 0, error);
    else
        is_good = json_object_size(arguments) == 0 || wrong(error, "takes nothing:", call->name);
    json_decref(none);
    return is_good && finish(w, error);
}

bool runtime_json_key(scale_writer_t *w, const table_storage_t *item, const json_t *keys,
                      runtime_json_error_t *error)
{
    size_t count = json_array_size(keys);

    *error = (runtime_json_error_t){0};
    if (count > item->key_count) return wrong(error, "has fewer keys:", item->name);
    scale_put_raw(w, item->prefix, sizeof item->prefix);
    for (size_t i = 0; i < count; i++) {
        uint8_t hasher = item->hashers[i];
        uint32_t at    = storage_key_open(w, hasher == TABLE_IDENTITY         ? 0
                                             : hasher == TABLE_TWOX_64_CONCAT ? 8
                                                                              : 16);
        if (!encode(w, item->keys[i], json_array_get(keys, i), 0, error))
            return within_item(error, (uint32_t)i);
        if (hasher == TABLE_BLAKE2_128_CONCAT) storage_key_blake2_128_concat(w, at);
        if (hasher == TABLE_TWOX_64_CONCAT) storage_key_twox_64_concat(w, at);
    }
    return finish(w, error);
}
