/* print_values.c - values of the chain for a person: balances in TFT, maps as tables, what came of a call. */
#include "cli.h"
#include "runtime_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TABLE_COLUMNS_MAX 12
#define WIDTH_DEFAULT     110

const char *cli_colour(int fd, char which)
{
    const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    if (!isatty(fd) || (no_colour && no_colour[0]) || (term && strcmp(term, "dumb") == 0)) return "";
    switch (which) {
    case 'b': return "\033[1m";
    case 'd': return "\033[2m";
    case 'r': return "\033[31m";
    case 'g': return "\033[32m";
    case 'y': return "\033[33m";
    case '0': return "\033[0m";
    }
    return "";
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : WIDTH_DEFAULT;
}

/* is_balance: a 128-bit number is units of TFT, wherever the chain has one. */
static bool is_balance(uint16_t type)
{
    const table_type_t *t = &runtime_types[type];
    if (t->form == TABLE_COMPACT) return is_balance(t->inner);
    return t->form == TABLE_PRIMITIVE && t->inner == TABLE_U128;
}

int cli_print_value(const cli_t *cli, json_t *value, uint16_t type)
{
    char amount[48];
    if (cli->is_json || !is_balance(type) || (!json_is_integer(value) && !json_is_string(value)))
        return cli_print(cli, value, NULL);
    amount_text(json_u128_value(value), amount);
    if (json_is_string(value))
        printf("%s  (%s TFT)\n", json_string_value(value), amount);
    else
        printf("%" JSON_INTEGER_FORMAT "  (%s TFT)\n", json_integer_value(value), amount);
    json_decref(value);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- entries of a map ---- */

static json_t *key_cell(const json_t *keys)
{
    if (json_array_size(keys) == 1) return json_incref(json_array_get(keys, 0));
    char text[400] = "";
    size_t i;
    json_t *key;
    json_array_foreach(keys, i, key)
    {
        char *one = json_is_string(key) ? NULL : json_dumps(key, JSON_ENCODE_ANY | JSON_COMPACT);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "",
                 one ? one : json_string_value(key));
        free(one);
    }
    return json_string(text);
}

/* has_fields: is a value of the type a struct, whose fields may stand side by side? */
static bool has_fields(uint16_t type)
{
    const table_type_t *t = &runtime_types[type];
    if (t->form != TABLE_COMPOSITE || t->count == 0) return false;
    return t->fields[0].name ? true : t->count == 1 && has_fields(t->fields[0].type);
}

/* flat_row puts key and fields side by side; NULL when the value has no fields. */
static json_t *flat_row(json_t *entry)
{
    json_t *value = json_object_get(entry, "value"), *row, *field;
    const char *name;
    if (!json_is_object(value)) return NULL;
    row = json_object();
    json_object_set_new(row, "key", key_cell(json_object_get(entry, "key")));
    json_object_foreach(value, name, field) { json_object_set(row, name, field); }
    return row;
}

static int row_width(const json_t *row)
{
    int width = 0;
    const char *name;
    json_t *cell;
    json_object_foreach((json_t *)(uintptr_t)row, name, cell)
    {
        char *text = json_dumps(cell, JSON_ENCODE_ANY | JSON_COMPACT);
        int len = text ? (int)strlen(text) : 0, own = (int)strlen(name);
        width += (len > own ? len : own) + 2;
        free(text);
    }
    return width;
}

int cli_print_entries(const cli_t *cli, json_t *entries, uint16_t type)
{
    json_t *rows = json_array(), *entry;
    bool is_flat = true;
    size_t i;
    int widest = 0;
    json_array_foreach(entries, i, entry)
    {
        json_t *row = has_fields(type) ? flat_row(entry) : NULL;
        int width   = row ? row_width(row) : 0;
        is_flat     = is_flat && row && json_object_size(row) <= TABLE_COLUMNS_MAX;
        widest      = width > widest ? width : widest;
        json_array_append_new(rows,
                              row ? row
                                  : json_pack("{s:o,s:O}", "key", key_cell(json_object_get(entry, "key")),
                                              "value", json_object_get(entry, "value")));
    }
    if (json_array_size(rows) == 0 || (is_flat && widest <= terminal_width()) || !has_fields(type)) {
        json_decref(entries);
        return cli_print(cli, rows, NULL);
    }
    json_decref(rows);
    json_array_foreach(entries, i, entry)
    {
        json_t *key = key_cell(json_object_get(entry, "key"));
        char *text  = json_is_string(key) ? NULL : json_dumps(key, JSON_ENCODE_ANY);
        printf("%s%s%s%s\n", i ? "\n" : "", cli_colour(STDOUT_FILENO, 'b'),
               text ? text : json_string_value(key), cli_colour(STDOUT_FILENO, '0'));
        free(text);
        json_decref(key);
        (void)cli_print(cli, json_incref(json_object_get(entry, "value")), NULL);
    }
    json_decref(entries);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- what came of a call ---- */

/* has_error: does an event tell that something within the call was refused? */
static bool has_error(const json_t *json)
{
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        if (strcmp(name, "Err") == 0 || strcmp(name, "ItemFailed") == 0 ||
            strcmp(name, "BatchInterrupted") == 0 || has_error(value))
            return true;
    }
    json_array_foreach(json, i, value)
    {
        if (has_error(value)) return true;
    }
    return false;
}

/* print_fields writes what an event tells: "who 5Grw.., amount 1.5 TFT". */
static void print_fields(json_t *data)
{
    const char *name;
    json_t *value;
    bool is_first = true;
    if (!json_is_object(data)) {
        char *text = data ? json_dumps(data, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) : NULL;
        printf(" %s", text ? text : "");
        free(text);
        return;
    }
    json_object_foreach(data, name, value)
    {
        char *text = cli_cell(name, value);
        printf("%s %s %s", is_first ? "" : ",", name, text ? text : "");
        free(text);
        is_first = false;
    }
}

void cli_print_event(const char *place, json_t *event)
{
    const char *pallet = json_object_iter_key(json_object_iter(event));
    json_t *inner      = json_object_get(event, pallet ? pallet : "");
    const char *name =
        json_is_string(inner) ? json_string_value(inner) : json_object_iter_key(json_object_iter(inner));
    json_t *data = json_is_string(inner) ? NULL : json_object_get(inner, name ? name : "");
    bool is_bad  = has_error(inner);
    char whole[100];
    snprintf(whole, sizeof whole, "%.40s.%.50s", pallet ? pallet : "?", name ? name : "?");
    printf("%s%s%-40s%s", place, cli_colour(STDOUT_FILENO, is_bad ? 'r' : 'b'), whole,
           cli_colour(STDOUT_FILENO, '0'));
    print_fields(data);
    putchar('\n');
}

/* is_routine: every call has these, and fee and success are told otherwise. */
static bool is_routine(const json_t *event)
{
    return json_object_get(json_object_get(event, "System"), "ExtrinsicSuccess") ||
           json_object_get(event, "TransactionPayment");
}

int cli_print_sent(const cli_t *cli, json_t *result)
{
    json_t *block = json_object_get(result, "block"), *event;
    char fee[48];
    size_t i;
    if (cli->is_json) return cli_print(cli, result, NULL);
    printf("extrinsic  %s\n", json_string_value(json_object_get(result, "extrinsic_hash")));
    if (!block) {
        puts("sent       it waits in the node's pool");
        json_decref(result);
        return 0;
    }
    amount_text(json_u128_value(json_object_get(result, "fee")), fee);
    printf("block      %" JSON_INTEGER_FORMAT "  %s\nindex      %" JSON_INTEGER_FORMAT
           "\nfee        %s TFT\nevents\n",
           json_integer_value(block), json_string_value(json_object_get(result, "block_hash")),
           json_integer_value(json_object_get(result, "index")), fee);
    json_array_foreach(json_object_get(result, "events"), i, event)
    {
        if (!is_routine(event)) cli_print_event("  ", event);
    }
    json_decref(result);
    return fflush(stdout) == 0 ? 0 : 1;
}
