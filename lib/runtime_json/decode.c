/* decode.c - SCALE to JSON. */
#include "runtime_json.h"

#include "hex.h"
#include "ss58.h"
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX ((UINT64_C(1) << 53) - 1) /* what every JSON reader keeps exact */

static json_t *decode(scale_reader_t *r, uint16_t type, uint32_t depth);

static json_t *number(u128_t v)
{
    char text[40];
    char *at = text + sizeof text - 1;

    if (v <= EXACT_MAX) return json_integer((json_int_t)v);
    *at = 0;
    for (; v; v /= 10)
        *--at = (char)('0' + (int)(v % 10));
    return json_string(at);
}

static json_t *hexadecimal(bytes_t v)
{
    char *text = malloc(2 * (size_t)v.len + 3);
    json_t *made;

    if (!text) return NULL;
    memcpy(text, "0x", 2);
    hex_encode(text + 2, v);
    made = json_string(text);
    free(text);
    return made;
}

static bool is_text(bytes_t v)
{
    if (v.len >= 2 && v.data[0] == '0' && v.data[1] == 'x') return false;
    for (uint32_t i = 0; i < v.len; i++)
        if (v.data[i] < 0x20 || v.data[i] > 0x7e) return false;
    return true;
}

static json_t *byte_string(bytes_t v)
{
    return is_text(v) ? json_stringn((const char *)v.data, v.len) : hexadecimal(v);
}

static json_t *primitive(scale_reader_t *r, uint16_t kind)
{
    switch ((table_primitive_t)kind) {
    case TABLE_BOOL: return json_boolean(scale_get_bool(r));
    case TABLE_STR: {
        bytes_t text = scale_get_bytes(r, UINT32_MAX);
        return json_stringn((const char *)text.data, text.len); /* NULL when it is not UTF-8 */
    }
    case TABLE_U8: return json_integer(scale_get_u8(r));
    case TABLE_U16: return json_integer(scale_get_u16(r));
    case TABLE_U32: return json_integer(scale_get_u32(r));
    case TABLE_U64: return number(scale_get_u64(r));
    case TABLE_U128: return number(scale_get_u128(r));
    }
    return NULL;
}

/* Fields of a struct, a variant or a tuple: an object when they have names, else an array. */
static json_t *fields(scale_reader_t *r, const table_field_t *field, uint32_t count, uint32_t depth)
{
    bool named   = count && field[0].name;
    json_t *made = named ? json_object() : json_array();

    for (uint32_t i = 0; i < count; i++) {
        json_t *one = decode(r, field[i].type, depth);
        if (!one ||
            (named ? json_object_set_new(made, field[i].name, one) : json_array_append_new(made, one))) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

static const table_variant_t *variant_at(const table_type_t *type, uint8_t index)
{
    for (uint32_t i = 0; i < type->count; i++)
        if (type->variants[i].index == index) return &type->variants[i];
    return NULL;
}

/* What is there but reads as null (an Option within an Option, a unit) is told from what is not there. */
static json_t *option(scale_reader_t *r, const table_variant_t *found, uint32_t depth)
{
    if (found->index == 0) return json_null();
    json_t *inner = decode(r, found->fields[0].type, depth);
    return json_is_null(inner) ? json_pack("{s:o}", "Some", inner) : inner;
}

static json_t *variant(scale_reader_t *r, const table_type_t *type, uint32_t depth)
{
    const table_variant_t *found = variant_at(type, scale_get_u8(r));
    json_t *inner, *made;

    if (!found || r->failed) return NULL;
    if (strcmp(type->name, "Option") == 0) return option(r, found, depth);
    if (found->field_count == 0) return json_string(found->name);
    if (found->field_count == 1 && !found->fields[0].name)
        inner = decode(r, found->fields[0].type, depth);
    else
        inner = fields(r, found->fields, found->field_count, depth);
    if (!inner) return NULL;
    made = json_object();
    if (json_object_set_new(made, found->name, inner)) {
        json_decref(made);
        return NULL;
    }
    return made;
}

static bool is_byte(uint16_t type)
{
    return runtime_types[type].form == TABLE_PRIMITIVE && runtime_types[type].inner == TABLE_U8;
}

static json_t *sequence(scale_reader_t *r, const table_type_t *type, uint32_t limit, uint32_t depth)
{
    uint32_t count;
    json_t *made;

    if (is_byte(type->inner)) {
        bytes_t bytes = scale_get_bytes(r, limit);
        return r->failed ? NULL : byte_string(bytes);
    }
    count = scale_get_compact_u32(r);
    if (count > limit || count > scale_left(r)) return NULL;
    made = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_t *one = decode(r, type->inner, depth);
        if (!one || json_array_append_new(made, one)) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

static json_t *array(scale_reader_t *r, const table_type_t *type)
{
    bytes_t bytes = scale_get_slice(r, type->count);

    return r->failed ? NULL : hexadecimal(bytes);
}

static json_t *account(scale_reader_t *r)
{
    account_id_t who;
    char text[SS58_TEXT_MAX + 1];

    scale_get_account_id(r, &who);
    ss58_account(text, &who);
    return r->failed ? NULL : json_string(text);
}

static json_t *composite(scale_reader_t *r, const table_type_t *type, uint32_t depth)
{
    bool wraps = type->count == 1 && !type->fields[0].name;

    if (strcmp(type->name, "AccountId32") == 0) return account(r);
    if (wraps && type->limit && runtime_types[type->fields[0].type].form == TABLE_SEQUENCE)
        return sequence(r, &runtime_types[type->fields[0].type], type->limit, depth);
    return wraps ? decode(r, type->fields[0].type, depth) : fields(r, type->fields, type->count, depth);
}

static json_t *compact(scale_reader_t *r, uint16_t inner)
{
    const table_type_t *type = &runtime_types[inner];

    if (type->form == TABLE_TUPLE) return json_null();
    if (type->inner == TABLE_U32) return json_integer(scale_get_compact_u32(r));
    return number(type->inner == TABLE_U64 ? scale_get_compact(r) : scale_get_compact_u128(r));
}

static json_t *decode(scale_reader_t *r, uint16_t id, uint32_t depth)
{
    const table_type_t *type = &runtime_types[id];
    json_t *made             = NULL;

    if (depth++ >= RUNTIME_JSON_DEPTH_MAX || r->failed) return NULL;
    switch ((table_form_t)type->form) {
    case TABLE_COMPOSITE: made = composite(r, type, depth); break;
    case TABLE_VARIANT: made = variant(r, type, depth); break;
    case TABLE_SEQUENCE: made = sequence(r, type, UINT32_MAX, depth); break;
    case TABLE_ARRAY: made = array(r, type); break;
    case TABLE_TUPLE: made = type->count ? fields(r, type->fields, type->count, depth) : json_null(); break;
    case TABLE_PRIMITIVE: made = primitive(r, type->inner); break;
    case TABLE_COMPACT: made = compact(r, type->inner); break;
    }
    if (!r->failed) return made;
    json_decref(made);
    return NULL;
}

json_t *runtime_json_decode(scale_reader_t *r, uint16_t type)
{
    return type < runtime_type_count ? decode(r, type, 0) : NULL;
}

json_t *runtime_json_key_decode(bytes_t key, const table_storage_t *item)
{
    scale_reader_t r = scale_reader(key, NULL);
    json_t *made     = json_array();

    scale_get_slice(&r, sizeof item->prefix);
    for (uint32_t i = 0; i < item->key_count; i++) {
        uint32_t hash_len = item->hashers[i] == TABLE_IDENTITY         ? 0
                            : item->hashers[i] == TABLE_TWOX_64_CONCAT ? 8
                                                                       : 16;
        json_t *one;
        scale_get_slice(&r, hash_len);
        one = runtime_json_decode(&r, item->keys[i]);
        if (!one || json_array_append_new(made, one)) {
            json_decref(made);
            return NULL;
        }
    }
    if (scale_done(&r)) return made;
    json_decref(made);
    return NULL;
}

json_t *runtime_json_dispatch_error(bytes_t encoded)
{
    scale_reader_t r = scale_reader(encoded, NULL);
    const table_pallet_t *pallet;
    const table_variant_t *error;
    json_t *whole = runtime_json_decode(&r, runtime_type_dispatch_error);

    if (!whole || !scale_done(&r)) {
        json_decref(whole);
        return NULL;
    }
    if (encoded.data[0] != 3) return json_pack("{s:o}", "error", whole);
    json_decref(whole);
    pallet = table_pallet_at(encoded.data[1]);
    error  = table_error(encoded.data[1], encoded.data[2]);
    if (!pallet || !error)
        return json_pack("{s:s, s:i, s:i}", "error", "Module", "index", encoded.data[1], "number",
                         encoded.data[2]);
    return json_pack("{s:s, s:s, s:s}", "pallet", pallet->name, "error", error->name, "docs", error->docs);
}
