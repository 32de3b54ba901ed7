/* typed.c - values by their type, from what people write. */
#include "typed.h"
#include "hex.h"
#include "runtime_json.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LEN_MAX (4u << 20)
#define WORDS_MAX    32

typedef struct {
    cli_t *cli;
    typed_error_t *error;
    int depth;
} typed_t;

static json_t *from_text(typed_t *t, uint16_t id, const char *text);
static json_t *from_json(typed_t *t, uint16_t id, json_t *json);

static json_t *wrong(typed_t *t, uint16_t id, const char *format, ...) __attribute__((format(printf, 3, 4)));
static json_t *wrong(typed_t *t, uint16_t id, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(t->error->text, sizeof t->error->text, format, arguments);
    va_end(arguments);
    t->error->type = id;
    return NULL;
}

/* within says in which field it was. */
static json_t *within(typed_t *t, const char *name)
{
    char inner[TYPED_TEXT_MAX];
    memcpy(inner, t->error->text, sizeof inner);
    snprintf(t->error->text, sizeof t->error->text, "%.60s: %.330s", name, inner);
    return NULL;
}

static bool is_named(uint16_t id, const char *name) { return strcmp(runtime_types[id].name, name) == 0; }

static bool is_byte(uint16_t id)
{
    return runtime_types[id].form == TABLE_PRIMITIVE && runtime_types[id].inner == TABLE_U8;
}

/* unwrapped goes through structs around one unnamed field, which JSON does not show, and compact numbers. */
static uint16_t unwrapped(uint16_t id)
{
    const table_type_t *type = &runtime_types[id];
    bool wraps               = type->form == TABLE_COMPOSITE && type->count == 1 && !type->fields[0].name &&
                 !is_named(id, "AccountId32");
    if (wraps) return unwrapped(type->fields[0].type);
    return type->form == TABLE_COMPACT ? unwrapped(type->inner) : id;
}

static bool is_bytes(uint16_t id)
{
    return runtime_types[id].form == TABLE_SEQUENCE && is_byte(runtime_types[id].inner);
}

/* ---- numbers ---- */

static bool read_units(const char *text, size_t len, unsigned scale, u128_t *units)
{
    int decimals = -1, most = scale == 1 ? 0 : TFT_DECIMALS;
    u128_t v = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '_' || text[i] == ',') continue;
        if (text[i] == '.' && decimals < 0 && most > 0) {
            decimals = 0;
            continue;
        }
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || decimals >= most || v > (~(u128_t)0 - digit) / 10) return false;
        v = v * 10 + digit;
        decimals += decimals >= 0;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < most; i++) {
        if (v > ~(u128_t)0 / 10) return false;
        v *= 10;
    }
    *units = v;
    return len > 0 && isdigit((unsigned char)text[0]);
}

static bool ends_in(const char *text, const char *suffix, size_t *len)
{
    size_t own = strlen(suffix), whole = strlen(text);
    if (whole <= own) return false;
    for (size_t i = 0; i < own; i++)
        if (tolower((unsigned char)text[whole - own + i]) != tolower((unsigned char)suffix[i])) return false;
    *len = whole - own;
    while (*len > 0 && text[*len - 1] == ' ')
        --*len;
    return true;
}

static bool read_hex(const char *text, u128_t *v)
{
    *v = 0;
    for (const char *at = text + 2; *at; at++) {
        if (!isxdigit((unsigned char)*at) || *v >> 124) return false;
        *v = *v << 4 |
             (unsigned)(isdigit((unsigned char)*at) ? *at - '0' : tolower((unsigned char)*at) - 'a' + 10);
    }
    return text[2] != 0;
}

static json_t *number(typed_t *t, uint16_t id, const char *text)
{
    static const char *const sizes[] = {"KiB", "MiB", "GiB", "TiB"};
    uint16_t kind                    = runtime_types[id].inner;
    size_t len;
    u128_t v;
    bool is_read = strncmp(text, "0x", 2) == 0 && read_hex(text, &v);
    if (!is_read && ends_in(text, "TFT", &len) && (kind == TABLE_U128 || kind == TABLE_U64))
        is_read = read_units(text, len, TFT_ONE, &v);
    for (unsigned i = 0; !is_read && kind == TABLE_U64 && i < sizeof sizes / sizeof *sizes; i++)
        if (ends_in(text, sizes[i], &len) && read_units(text, len, 1, &v) && v < (u128_t)1 << 60) {
            v <<= 10 * (i + 1);
            is_read = true;
        }
    is_read = is_read || read_units(text, strlen(text), 1, &v);
    if (!is_read) return wrong(t, id, "'%.60s' is no number", text);
    static const uint8_t bits[] = {[TABLE_U8] = 8, [TABLE_U16] = 16, [TABLE_U32] = 32, [TABLE_U64] = 64};
    if (kind != TABLE_U128 && v >> bits[kind]) return wrong(t, id, "%.60s is too large", text);
    return json_u128(v);
}

/* ---- the other leaves ---- */

static json_t *account(typed_t *t, uint16_t id, const char *text)
{
    account_id_t who;
    if (!cli_account_read(t->cli, text, &who))
        return wrong(t, id, "'%.80s' is no account: a letter may be wrong or missing", text);
    return json_account(&who);
}

static json_t *boolean(typed_t *t, uint16_t id, const char *text)
{
    if (names_equal(text, "true") || names_equal(text, "yes")) return json_true();
    if (names_equal(text, "false") || names_equal(text, "no")) return json_false();
    return wrong(t, id, "'%.60s' is not true or false", text);
}

static json_t *file_bytes(typed_t *t, uint16_t id, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) return wrong(t, id, "%.200s: %s", path, strerror(errno));
    uint8_t *data = malloc(FILE_LEN_MAX);
    if (!data) abort();
    size_t len   = fread(data, 1, FILE_LEN_MAX, file);
    bool is_good = feof(file) && !ferror(file);
    (void)fclose(file);
    json_t *json = is_good ? json_hex((bytes_t){data, (uint32_t)len}) : NULL;
    free(data);
    return json ? json : wrong(t, id, "%.200s: it cannot be read, or is larger than 4 MiB", path);
}

static bool is_hex(const char *text)
{
    size_t len = strlen(text);
    if (strncmp(text, "0x", 2) != 0 || len % 2) return false;
    for (size_t i = 2; i < len; i++)
        if (!isxdigit((unsigned char)text[i])) return false;
    return true;
}

/* array takes hex, or a text that is just as long, as deployment hashes are. */
static json_t *array(typed_t *t, uint16_t id, const char *text)
{
    uint32_t count = runtime_types[id].count;
    if (is_hex(text) && strlen(text) == 2 + 2 * (size_t)count) return json_string(text);
    if (strlen(text) == count) return json_hex(bytes_text(text));
    return wrong(t, id, "'%.60s' is not %u bytes: 0x and %u digits, or a text of %u letters", text, count,
                 2 * count, count);
}

/* ---- calls in values ---- */

static int split_words(char *text, const char *words[WORDS_MAX])
{
    int count = 0;
    for (char *at = text; *at && count < WORDS_MAX;) {
        at += strspn(at, " \t");
        if (!*at) break;
        char quote     = *at == '\'' || *at == '"' ? *at++ : 0;
        words[count++] = at;
        while (*at && (quote ? *at != quote : *at != ' ' && *at != '\t'))
            at++;
        if (*at) *at++ = 0;
    }
    return count;
}

static json_t *call_of_words(typed_t *t, uint16_t id, const char *text)
{
    const char *words[WORDS_MAX];
    char *copy = strdup(text);
    name_t name;
    json_t *arguments;
    int count    = copy ? split_words(copy, words) : 0;
    bool is_good = count > 0 && name_find(t->cli, words[0], NAME_CALL, &name) && name.variant &&
                   typed_arguments(t->cli, name.pallet, name.variant, words + 1, count - 1, &arguments);
    free(copy);
    if (!is_good) return wrong(t, id, "'%.60s' is no call", text);
    if (name.variant->field_count == 0) {
        json_decref(arguments);
        return json_pack("{s:s}", name.pallet->name, name.variant->name);
    }
    return json_pack("{s:{s:o}}", name.pallet->name, name.variant->name, arguments);
}

static json_t *call_of_hex(typed_t *t, uint16_t id, const char *text)
{
    uint32_t len  = (uint32_t)strlen(text) / 2;
    uint8_t *data = malloc(len + 1);
    if (!data) abort();
    bool is_hexadecimal = hex_decode(bytes_text(text), data, len, &len);
    scale_reader_t r    = scale_reader((bytes_t){data, len}, NULL);
    json_t *call        = is_hexadecimal ? runtime_json_decode(&r, id) : NULL;
    bool is_whole       = call && scale_done(&r);
    free(data);
    return is_whole ? call : wrong(t, id, "the bytes are no call of this chain");
}

static json_t *call_of_json(typed_t *t, uint16_t id, json_t *json)
{
    const char *pallet_name = json_object_iter_key(json_object_iter(json));
    json_t *inner           = pallet_name ? json_object_get(json, pallet_name) : NULL;
    const char *call_name =
        json_is_string(inner) ? json_string_value(inner) : json_object_iter_key(json_object_iter(inner));
    char whole[160];
    name_t name;
    if (!pallet_name || !call_name)
        return wrong(t, id, "a call in JSON is {\"Pallet\": {\"call\": {arguments}}}");
    snprintf(whole, sizeof whole, "%.70s.%.70s", pallet_name, call_name);
    if (!name_find(t->cli, whole, NAME_CALL, &name)) return wrong(t, id, "%s is no call", whole);
    if (name.variant->field_count == 0) return json_pack("{s:s}", name.pallet->name, name.variant->name);
    json_t *given = json_object_get(inner, call_name), *arguments = json_object();
    for (uint32_t i = 0; i < name.variant->field_count; i++) {
        const table_field_t *field = &name.variant->fields[i];
        json_t *value              = from_json(t, field->type, json_object_get(given, field->name));
        if (!value) return within(t, field->name);
        json_object_set_new(arguments, field->name, value);
    }
    return json_pack("{s:{s:o}}", name.pallet->name, name.variant->name, arguments);
}

/* ---- several values ---- */

/* next_part cuts at the next comma that stands in no bracket or quote; NULL at the end. */
static char *next_part(char **at)
{
    char *part = *at, quote = 0;
    int depth = 0;
    if (!part) return NULL;
    for (char *c = part; *c; c++) {
        if (quote)
            quote = *c == quote ? 0 : quote;
        else if (*c == '"')
            quote = *c;
        else if (*c == '{' || *c == '[')
            depth++;
        else if (*c == '}' || *c == ']')
            depth--;
        else if (*c == ',' && depth == 0) {
            *c  = 0;
            *at = c + 1;
            return part;
        }
    }
    *at = NULL;
    return part;
}

static json_t *list_of_text(typed_t *t, uint16_t inner, const char *text)
{
    json_t *list = json_array();
    char *copy = strdup(text), *at = text[0] ? copy : NULL, *part;
    while (list && (part = next_part(&at))) {
        json_t *value = from_text(t, inner, part);
        if (!value) {
            json_decref(list);
            list = NULL;
        } else
            json_array_append_new(list, value);
    }
    free(copy);
    return list;
}

/* field_of finds a field by a name as people write it. */
static const table_field_t *field_of(const table_field_t *fields, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (fields[i].name && names_equal(name, fields[i].name)) return &fields[i];
    return NULL;
}

static json_t *struct_of_text(typed_t *t, uint16_t id, const char *text)
{
    const table_type_t *type = &runtime_types[id];
    json_t *object           = json_object();
    char *copy = strdup(text), *at = copy, *part;
    while ((part = next_part(&at))) {
        char *equals = strchr(part, '=');
        if (equals) *equals = 0;
        const table_field_t *field = equals ? field_of(type->fields, type->count, part) : NULL;
        json_t *value              = field ? from_text(t, field->type, equals + 1) : NULL;
        if (!value) {
            json_decref(object);
            object = field ? within(t, field->name) : wrong(t, id, "'%.60s' is no field of it", part);
            break;
        }
        json_object_set_new(object, field->name, value);
    }
    free(copy);
    return object;
}

static const table_variant_t *variant_of(const table_type_t *type, const char *name)
{
    for (uint32_t i = 0; i < type->count; i++)
        if (names_equal(name, type->variants[i].name)) return &type->variants[i];
    return NULL;
}

static json_t *names_wrong(typed_t *t, uint16_t id, const char *name)
{
    const table_type_t *type = &runtime_types[id];
    char all[200]            = "";
    for (uint32_t i = 0; i < type->count && strlen(all) < 160; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", type->variants[i].name);
    return wrong(t, id, "there is no '%.60s': it is one of %s", name, all);
}

static json_t *variant_of_json(typed_t *t, uint16_t id, json_t *json)
{
    const table_type_t *type = &runtime_types[id];
    const char *name = json_object_size(json) == 1 ? json_object_iter_key(json_object_iter(json)) : NULL;
    const table_variant_t *variant = name ? variant_of(type, name) : NULL;
    if (!variant) return names_wrong(t, id, name ? name : "");
    json_t *inner = json_object_get(json, name), *value = NULL;
    if (variant->field_count == 0) return json_string(variant->name);
    if (variant->field_count == 1 && !variant->fields[0].name)
        value = from_json(t, variant->fields[0].type, inner);
    else
        value = json_incref(inner);
    return value ? json_pack("{s:o}", variant->name, value) : within(t, variant->name);
}

static json_t *fields_of_json(typed_t *t, uint16_t id, json_t *json)
{
    const table_type_t *type = &runtime_types[id];
    json_t *object           = json_object(), *value;
    const char *name;
    if (!json_is_object(json)) return wrong(t, id, "it has named fields");
    json_object_foreach(json, name, value)
    {
        const table_field_t *field = field_of(type->fields, type->count, name);
        if (!field) return wrong(t, id, "'%.60s' is no field of it", name);
        json_t *made = from_json(t, field->type, value);
        if (!made) return within(t, field->name);
        json_object_set_new(object, field->name, made);
    }
    return object;
}

/* items_of_json takes a list, of one type or of those of a tuple. */
static json_t *items_of_json(typed_t *t, uint16_t id, json_t *json)
{
    const table_type_t *type = &runtime_types[id];
    bool is_list             = type->form == TABLE_SEQUENCE;
    json_t *list             = json_array(), *value;
    size_t i;
    if (!json_is_array(json) || (!is_list && json_array_size(json) != type->count))
        return wrong(t, id, is_list ? "it is a list" : "it is a list of %u values", type->count);
    json_array_foreach(json, i, value)
    {
        char place[24];
        snprintf(place, sizeof place, "%zu", i);
        json_t *made = from_json(t, is_list ? type->inner : type->fields[i].type, value);
        if (!made) return within(t, place);
        json_array_append_new(list, made);
    }
    return list;
}

/* ---- any value ---- */

static bool is_option(uint16_t id)
{
    return is_named(id, "Option") && runtime_types[id].form == TABLE_VARIANT;
}

static json_t *some(json_t *inner) { return json_is_null(inner) ? json_pack("{s:o}", "Some", inner) : inner; }

static json_t *from_json(typed_t *t, uint16_t id, json_t *json)
{
    id = unwrapped(id);
    if (is_option(id)) {
        if (!json || json_is_null(json)) return json_null();
        json_t *inner = json_object_size(json) == 1 ? json_object_get(json, "Some") : NULL;
        return some(
            from_json(t, runtime_types[id].variants[1].fields[0].type, json_is_null(inner) ? inner : json));
    }
    if (!json) return wrong(t, id, "it is missing");
    if (t->depth > RUNTIME_JSON_DEPTH_MAX) return wrong(t, id, "it is nested too deep");
    if (json_is_string(json)) return from_text(t, id, json_string_value(json));
    if (id == runtime_type_call) return call_of_json(t, id, json);
    t->depth++;
    json_t *made             = NULL;
    const table_type_t *type = &runtime_types[id];
    switch ((table_form_t)type->form) {
    case TABLE_COMPOSITE: made = fields_of_json(t, id, json); break;
    case TABLE_VARIANT: made = variant_of_json(t, id, json); break;
    case TABLE_SEQUENCE:
        made = is_bytes(id) ? wrong(t, id, "it is a text or 0x...") : items_of_json(t, id, json);
        break;
    case TABLE_TUPLE: made = type->count ? items_of_json(t, id, json) : json_null(); break;
    case TABLE_ARRAY: made = wrong(t, id, "it is a text or 0x..."); break;
    case TABLE_PRIMITIVE:
    case TABLE_COMPACT: made = json_incref(json); break;
    }
    t->depth--;
    return made;
}

static json_t *from_json_text(typed_t *t, uint16_t id, const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    if (!json) return wrong(t, id, "this is no JSON: %s (at character %d)", error.text, error.position);
    json_t *made = from_json(t, id, json);
    json_decref(json);
    return made;
}

static json_t *variant_of_text(typed_t *t, uint16_t id, const char *text)
{
    const table_variant_t *variant = variant_of(&runtime_types[id], text);
    if (is_named(id, "MultiAddress")) {
        json_t *who = account(t, id, text);
        return who ? json_pack("{s:o}", "Id", who) : NULL;
    }
    if (!variant) return names_wrong(t, id, text);
    if (variant->field_count > 0)
        return wrong(t, id, "%s takes a value: write {\"%s\": value}", variant->name, variant->name);
    return json_string(variant->name);
}

static json_t *from_text(typed_t *t, uint16_t id, const char *text)
{
    id                       = unwrapped(id);
    const table_type_t *type = &runtime_types[id];
    if (is_bytes(id)) return text[0] == '@' && text[1] ? file_bytes(t, id, text + 1) : json_string(text);
    if (is_option(id))
        return names_equal(text, "none") || names_equal(text, "null")
                   ? json_null()
                   : some(from_text(t, type->variants[1].fields[0].type, text));
    if (text[0] == '{' || text[0] == '[' || text[0] == '"') return from_json_text(t, id, text);
    if (is_named(id, "AccountId32")) return account(t, id, text);
    if (id == runtime_type_call)
        return strncmp(text, "0x", 2) == 0 ? call_of_hex(t, id, text) : call_of_words(t, id, text);
    switch ((table_form_t)type->form) {
    case TABLE_COMPOSITE: return struct_of_text(t, id, text);
    case TABLE_VARIANT: return variant_of_text(t, id, text);
    case TABLE_SEQUENCE: return list_of_text(t, type->inner, text);
    case TABLE_ARRAY: return array(t, id, text);
    case TABLE_TUPLE: return wrong(t, id, "it is written as JSON: [..]");
    case TABLE_PRIMITIVE:
        if (type->inner == TABLE_BOOL) return boolean(t, id, text);
        return type->inner == TABLE_STR ? json_string(text) : number(t, id, text);
    case TABLE_COMPACT: break;
    }
    return wrong(t, id, "it is of no known type");
}

json_t *typed_value(cli_t *cli, uint16_t type, const char *text, typed_error_t *error)
{
    typed_t t = {.cli = cli, .error = error};
    *error    = (typed_error_t){0};
    return from_text(&t, type, text);
}

/* ---- arguments and keys ---- */

static bool tell_wrong(const cli_t *cli, const char *what, const char *name, uint16_t type,
                       const typed_error_t *error)
{
    char takes[300], example[300];
    typed_describe(type, takes, sizeof takes);
    typed_example(type, name, example, sizeof example);
    (void)cli_fail(cli, "%s: %s: %s", what, name, error->text);
    fprintf(stderr, "  %s takes %s\n  for example %s=%s\n", name, takes, name, example);
    return false;
}

/* object_of is the word as one object of all arguments; NULL when one of its names is no argument. */
static json_t *object_of(const table_variant_t *call, const char *word)
{
    json_t *json = word[0] == '{' ? json_loads(word, 0, NULL) : NULL, *value;
    const char *name;
    json_object_foreach(json, name, value)
    {
        if (field_of(call->fields, call->field_count, name)) continue;
        json_decref(json);
        return NULL;
    }
    return json;
}

static bool arguments_of_object(typed_t *t, const char *what, const table_variant_t *call, json_t *object,
                                json_t *arguments)
{
    json_t *value;
    const char *name;
    json_object_foreach(object, name, value)
    {
        const table_field_t *field = field_of(call->fields, call->field_count, name);
        json_t *made               = from_json(t, field->type, value);
        if (!made) return tell_wrong(t->cli, what, field->name, field->type, t->error);
        json_object_set_new(arguments, field->name, made);
    }
    return true;
}

/* take_word gives a word to the argument that it names, or to the next one that has none. */
static bool take_word(typed_t *t, const char *what, const table_variant_t *call, const char *word,
                      json_t *arguments)
{
    const char *equals         = strchr(word, '=');
    const table_field_t *field = NULL;
    char name[64];
    if (equals && (size_t)(equals - word) < sizeof name) {
        snprintf(name, sizeof name, "%.*s", (int)(equals - word), word);
        field = field_of(call->fields, call->field_count, name);
    }
    const char *text = field ? equals + 1 : word;
    for (uint32_t i = 0; !field && i < call->field_count; i++)
        if (!json_object_get(arguments, call->fields[i].name)) field = &call->fields[i];
    if (!field)
        return !cli_usage(t->cli, "%s takes %u arguments, and '%s' is one more", what, call->field_count,
                          word);
    if (json_object_get(arguments, field->name))
        return !cli_usage(t->cli, "%s: %s is given twice", what, field->name);
    json_t *value = from_text(t, field->type, text);
    if (!value) return tell_wrong(t->cli, what, field->name, field->type, t->error);
    json_object_set_new(arguments, field->name, value);
    return true;
}

/* all_given: what may be none is none when it was not given. */
static bool all_given(const cli_t *cli, const char *what, const table_variant_t *call, json_t *arguments)
{
    char takes[300], example[300];
    for (uint32_t i = 0; i < call->field_count; i++) {
        const table_field_t *field = &call->fields[i];
        if (json_object_get(arguments, field->name)) continue;
        if (is_option(unwrapped(field->type))) {
            json_object_set_new(arguments, field->name, json_null());
            continue;
        }
        typed_describe(field->type, takes, sizeof takes);
        typed_example(field->type, field->name, example, sizeof example);
        (void)cli_fail(cli, "%s: %s is missing", what, field->name);
        fprintf(stderr, "  it takes %s\n  for example %s=%s\n  trellis call %s --help   explains all\n",
                takes, field->name, example, what);
        return false;
    }
    return true;
}

bool typed_arguments(cli_t *cli, const table_pallet_t *pallet, const table_variant_t *call,
                     const char *const *words, int count, json_t **arguments)
{
    typed_error_t error = {0};
    typed_t t           = {.cli = cli, .error = &error};
    json_t *object      = count == 1 ? object_of(call, words[0]) : NULL;
    char what[128];
    snprintf(what, sizeof what, "%s.%s", pallet->prefix, call->name);
    *arguments   = json_object();
    bool is_good = !object || arguments_of_object(&t, what, call, object, *arguments);
    for (int i = 0; !object && is_good && i < count; i++)
        is_good = take_word(&t, what, call, words[i], *arguments);
    is_good = is_good && all_given(cli, what, call, *arguments);
    json_decref(object);
    if (!is_good) json_decref(*arguments);
    return is_good;
}

bool typed_keys(cli_t *cli, const table_pallet_t *pallet, const table_storage_t *item,
                const char *const *words, int count, json_t **keys)
{
    typed_error_t error;
    char what[128], name[16];
    snprintf(what, sizeof what, "%s.%s", pallet->prefix, item->name);
    if (count > item->key_count)
        return !cli_usage(cli, "%s has %u keys, and %d are given", what, item->key_count, count);
    *keys = json_array();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "key%d", i + 1);
        json_t *key = typed_value(cli, item->keys[i], words[i], &error);
        if (!key) return tell_wrong(cli, what, name, item->keys[i], &error);
        json_array_append_new(*keys, key);
    }
    return true;
}
