/* typed_text.c - types told to a person: what they take, and an example. */
#include "typed.h"

#include <stdio.h>
#include <string.h>

#define DEEP 3 /* how far into structs */

/* Text that grows in a room of fixed size; what has no place is left out. */
typedef struct {
    char *text;
    size_t cap, len;
} out_t;

static void put(out_t *out, const char *text)
{
    size_t len = strlen(text), room = out->cap - out->len - 1;
    if (len > room) len = room;
    memcpy(out->text + out->len, text, len);
    out->len += len;
    out->text[out->len] = 0;
}

static void put_number(out_t *out, uint32_t v)
{
    char text[16];
    snprintf(text, sizeof text, "%u", v);
    put(out, text);
}

static bool is_byte(uint16_t id)
{
    return runtime_types[id].form == TABLE_PRIMITIVE && runtime_types[id].inner == TABLE_U8;
}

static bool is_named(const table_type_t *type, const char *name) { return strcmp(type->name, name) == 0; }

static void describe(out_t *out, uint16_t id, uint32_t limit, int depth);

static void describe_fields(out_t *out, const table_field_t *fields, uint32_t count, int depth)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i) put(out, ", ");
        if (fields[i].name) {
            put(out, fields[i].name);
            put(out, ": ");
        }
        describe(out, fields[i].type, 0, depth + 1);
    }
}

static void describe_variant(out_t *out, uint16_t id, const table_type_t *type, int depth)
{
    if (is_named(type, "Option")) {
        describe(out, type->variants[1].fields[0].type, 0, depth);
        put(out, " or none");
        return;
    }
    if (is_named(type, "MultiAddress")) {
        put(out, "account");
        return;
    }
    if (id == runtime_type_call) {
        put(out, "call");
        return;
    }
    if (type->count > 8) put(out, type->name);
    for (uint32_t i = 0; type->count <= 8 && i < type->count; i++) {
        if (i) put(out, " | ");
        put(out, type->variants[i].name);
        if (type->variants[i].field_count > 0 && depth < DEEP) {
            put(out, "(");
            describe_fields(out, type->variants[i].fields, type->variants[i].field_count, depth + 1);
            put(out, ")");
        }
    }
}

static void put_limit(out_t *out, uint32_t limit)
{
    if (!limit) return;
    put(out, " (");
    put_number(out, limit);
    put(out, " at most)");
}

static void describe_sequence(out_t *out, const table_type_t *type, uint32_t limit, int depth)
{
    if (is_byte(type->inner)) {
        put(out, "bytes");
    } else {
        put(out, "list of ");
        describe(out, type->inner, 0, depth);
    }
    put_limit(out, limit);
}

static void describe(out_t *out, uint16_t id, uint32_t limit, int depth)
{
    static const char *const primitives[] = {[TABLE_BOOL] = "true or false",
                                             [1]          = "",
                                             [TABLE_STR]  = "text",
                                             [TABLE_U8]   = "number (8 bits)",
                                             [TABLE_U16]  = "number (16 bits)",
                                             [TABLE_U32]  = "number (32 bits)",
                                             [TABLE_U64]  = "number (64 bits)",
                                             [TABLE_U128] = "balance"};
    const table_type_t *type              = &runtime_types[id];
    bool wraps = type->form == TABLE_COMPOSITE && type->count == 1 && !type->fields[0].name;
    if (is_named(type, "AccountId32")) {
        put(out, "account");
        return;
    }
    if (is_named(type, "H256")) {
        put(out, "hash (32 bytes)");
        return;
    }
    if (wraps) {
        describe(out, type->fields[0].type, type->limit, depth);
        return;
    }
    switch ((table_form_t)type->form) {
    case TABLE_COMPOSITE:
        if (depth >= DEEP) {
            put(out, type->name);
            break;
        }
        put(out, "{");
        describe_fields(out, type->fields, type->count, depth);
        put(out, "}");
        break;
    case TABLE_VARIANT: describe_variant(out, id, type, depth); break;
    case TABLE_SEQUENCE: describe_sequence(out, type, limit, depth); break;
    case TABLE_ARRAY:
        put_number(out, type->count);
        put(out, " bytes");
        break;
    case TABLE_TUPLE:
        put(out, "[");
        describe_fields(out, type->fields, type->count, depth);
        put(out, "]");
        break;
    case TABLE_PRIMITIVE: put(out, primitives[type->inner]); break;
    case TABLE_COMPACT: describe(out, type->inner, 0, depth); break;
    }
}

void typed_describe(uint16_t type, char *text, size_t cap)
{
    out_t out = {.text = text, .cap = cap};
    text[0]   = 0;
    describe(&out, type, 0, 0);
}

/* ---- examples ---- */

static void example(out_t *out, uint16_t id, const char *name, bool is_json, int depth);

/* quoted writes a word: in JSON as a string. */
static void quoted(out_t *out, const char *word, bool is_json)
{
    if (is_json) put(out, "\"");
    put(out, word);
    if (is_json) put(out, "\"");
}

static void example_fields(out_t *out, const table_field_t *fields, uint32_t count, int depth)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i) put(out, ",");
        if (fields[i].name) {
            quoted(out, fields[i].name, true);
            put(out, ":");
        }
        example(out, fields[i].type, fields[i].name, true, depth + 1);
    }
}

static bool has(const char *name, const char *part) { return name && strstr(name, part) != NULL; }

static const char *example_bytes(const char *name)
{
    static const struct {
        const char *part, *value;
    } known[] = {
        {"ip",        "185.206.122.33/24"                                       },
        {"gw",        "185.206.122.1"                                           },
        {"mac",       "00:00:5e:00:53:af"                                       },
        {"relay",     "relay.example.org"                                       },
        {"link",      "https://example.org"                                     },
        {"stellar",   "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H"},
        {"code",      "@runtime.wasm"                                           },
        {"latitude",  "51.05"                                                   },
        {"longitude", "3.71"                                                    },
        {"country",   "Belgium"                                                 },
        {"city",      "Ghent"                                                   },
        {"name",      "green-farm"                                              },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (has(name, known[i].part)) return known[i].value;
    return "hello";
}

static void example_variant(out_t *out, uint16_t id, const table_type_t *type, const char *name, bool is_json,
                            int depth)
{
    if (is_named(type, "Option")) {
        if (is_json || depth)
            put(out, "null");
        else
            example(out, type->variants[1].fields[0].type, name, is_json, depth);
        return;
    }
    if (is_named(type, "MultiAddress") || id == runtime_type_call) {
        quoted(out,
               id == runtime_type_call ? (is_json ? "system.remark hello" : "'system.remark hello'")
                                       : "alice",
               is_json);
        return;
    }
    const table_variant_t *first = &type->variants[0];
    if (type->count == 0) return;
    if (first->field_count == 0) {
        quoted(out, first->name, is_json);
        return;
    }
    if (!is_json) put(out, "'");
    put(out, "{");
    quoted(out, first->name, true);
    put(out, ":");
    bool is_bare = first->field_count == 1 && !first->fields[0].name;
    if (!is_bare) put(out, first->fields[0].name ? "{" : "[");
    if (depth < DEEP + 2) example_fields(out, first->fields, first->field_count, depth + 1);
    if (!is_bare) put(out, first->fields[0].name ? "}" : "]");
    put(out, is_json ? "}" : "}'");
}

static void example_number(out_t *out, const table_type_t *type, const char *name, bool is_json)
{
    if (type->inner == TABLE_BOOL)
        put(out, "true");
    else if (type->inner == TABLE_STR)
        quoted(out, "hello", is_json);
    else if (type->inner == TABLE_U128)
        quoted(out, "12.5TFT", is_json);
    else if (type->inner == TABLE_U64 && (has(name, "mru") || has(name, "sru") || has(name, "hru")))
        quoted(out, "500GiB", is_json);
    else
        put(out, "1");
}

static void example_bracketed(out_t *out, const table_type_t *type, const char *name, bool is_json, int depth)
{
    bool is_struct = type->form == TABLE_COMPOSITE;
    if (!is_json) put(out, "'");
    put(out, is_struct ? "{" : "[");
    if (type->form == TABLE_SEQUENCE)
        example(out, type->inner, name, true, depth + 1);
    else
        example_fields(out, type->fields, type->count, depth);
    put(out, is_struct ? "}" : "]");
    if (!is_json) put(out, "'");
}

static void example_array(out_t *out, const table_type_t *type, bool is_json)
{
    char digits[80] = "0x";
    for (uint32_t i = 0; i < type->count && i < 32; i++)
        memcpy(digits + 2 + (size_t)i * 2, "00", 3);
    quoted(out, digits, is_json);
}

static void example(out_t *out, uint16_t id, const char *name, bool is_json, int depth)
{
    const table_type_t *type = &runtime_types[id];
    bool wraps               = type->form == TABLE_COMPOSITE && type->count == 1 && !type->fields[0].name;
    if (depth > 8) return;
    if (is_named(type, "AccountId32")) {
        quoted(out, "alice", is_json);
        return;
    }
    if (wraps || type->form == TABLE_COMPACT) {
        example(out, wraps ? type->fields[0].type : type->inner, name, is_json, depth);
        return;
    }
    switch ((table_form_t)type->form) {
    case TABLE_VARIANT: example_variant(out, id, type, name, is_json, depth); break;
    case TABLE_SEQUENCE:
        if (is_byte(type->inner))
            quoted(out, example_bytes(name), is_json);
        else
            example_bracketed(out, type, name, is_json, depth);
        break;
    case TABLE_ARRAY: example_array(out, type, is_json); break;
    case TABLE_PRIMITIVE: example_number(out, type, name, is_json); break;
    case TABLE_COMPOSITE:
    case TABLE_TUPLE: example_bracketed(out, type, name, is_json, depth); break;
    case TABLE_COMPACT: break;
    }
}

void typed_example(uint16_t type, const char *name, char *text, size_t cap)
{
    out_t out = {.text = text, .cap = cap};
    text[0]   = 0;
    example(&out, type, name, false, 0);
}
