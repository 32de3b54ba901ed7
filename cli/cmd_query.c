/* cmd_query.c - any storage item, constant and RPC method, by name. */
#include "io.h"
#include "runtime_json.h"
#include "runtime_names.h"
#include "typed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES_MAX 1000000u
#define STEP_MS     1000

static int print_constant(const cli_t *cli, const table_constant_t *constant)
{
    scale_reader_t r = scale_reader(constant->value, NULL);
    json_t *value    = runtime_json_decode(&r, constant->type);
    return value ? cli_print_value(cli, value, constant->type)
                 : cli_fail(cli, "the constant does not decode");
}

static int explain_item(const cli_t *cli, const table_pallet_t *pallet, const table_storage_t *item)
{
    char takes[2000], example[400], snake[80];
    json_t *keys = json_array();
    name_snake(item->name, snake);
    for (uint32_t i = 0; i < item->key_count; i++) {
        typed_describe(item->keys[i], takes, sizeof takes);
        typed_example(item->keys[i], NULL, example, sizeof example);
        json_array_append_new(keys, json_pack("{s:s,s:s}", "type", takes, "example", example));
    }
    typed_describe(item->value, takes, sizeof takes);
    if (cli->is_json)
        return cli_print(cli,
                         json_pack("{s:s,s:s,s:s,s:o,s:s}", "item", item->name, "pallet", pallet->name,
                                   "docs", item->docs, "keys", keys, "value", takes),
                         NULL);
    printf("trellis query %s.%s%s\n\n%s%s", pallet->prefix, snake, item->key_count ? " [KEY ...]" : "",
           item->docs, item->docs[0] ? "\n" : "");
    for (size_t i = 0; i < json_array_size(keys); i++)
        printf("key    %s, as %s\n", json_string_value(json_object_get(json_array_get(keys, i), "type")),
               json_string_value(json_object_get(json_array_get(keys, i), "example")));
    printf(
        "value  %s%s\n\nOptions: --at BLOCK --count --limit N --watch; trellis query --help explains them.\n",
        takes, item->optional ? ", or nothing" : "");
    json_decref(keys);
    return 0;
}

/* ---- counted ---- */

static int count_entries(cli_t *cli, const table_pallet_t *pallet, const table_storage_t *item, json_t *keys,
                         const hash_t *at)
{
    uint32_t count;
    if (!cli_count(cli, pallet->name, item->name, keys, at, &count)) return 1;
    return cli_print(cli, json_integer(count), NULL);
}

/* ---- watched ---- */

typedef struct {
    const char *what; /* of the runtime's blocks: a new one came */
    bool is_new, is_lost;
    uint32_t number;
    hash_t hash;
} heads_t;

static void on_block(void *context, const client_block_t *block)
{
    heads_t *heads = context;
    heads->is_new  = true;
    heads->number  = block->number;
    heads->hash    = block->hash;
}

/* show_change prints the value at a block if it is another than the last. */
static bool show_change(cli_t *cli, const table_storage_t *item, json_t *value, uint32_t number, char **last)
{
    char *text      = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    bool is_changed = !*last || strcmp(*last, text) != 0;
    if (is_changed && cli->is_json)
        printf("{\"block\":%u,\"value\":%s}\n", number, text);
    else if (is_changed) {
        printf("%sblock %u%s%s", cli_colour(STDOUT_FILENO, 'b'), number, cli_colour(STDOUT_FILENO, '0'),
               json_is_object(value) || json_is_array(value) ? "\n" : "  ");
        (void)cli_print_value(cli, json_incref(value), item->value);
    }
    (void)fflush(stdout);
    if (is_changed) {
        free(*last);
        *last = text;
    } else
        free(text);
    json_decref(value);
    return is_changed;
}

static int watch_item(cli_t *cli, const table_pallet_t *pallet, const table_storage_t *item, json_t *keys)
{
    heads_t heads          = {0};
    client_follow_t follow = {
        .is_finalized = cli_option(cli, "final") != NULL, .on_block = on_block, .context = &heads};
    uint64_t left   = 0;
    char *last      = NULL;
    bool is_good    = true;
    bool is_bounded = cli_option(cli, "limit") != NULL;
    if (is_bounded && !cli_u64(cli, cli_option(cli, "limit"), "--limit", &left)) return 2;
    if (!cli_connect(cli)) return 1;
    cli_note(cli, "watching %s.%s; Ctrl-C ends it", pallet->name, item->name);
    uint64_t ticket = client_follow(cli->client, &follow);
    while (is_good && (!is_bounded || left > 0)) {
        json_t *value;
        io_step(cli->io, STEP_MS);
        if (!heads.is_new) continue;
        heads.is_new    = false;
        uint32_t number = heads.number;
        hash_t at       = heads.hash;
        is_good         = cli_read(cli, pallet->name, item->name, json_deep_copy(keys), &at, &value);
        if (is_good && show_change(cli, item, value, number, &last)) left -= left > 0;
    }
    client_cancel(cli->client, ticket);
    json_decref(keys);
    free(last);
    return is_good ? 0 : 1;
}

/* ---- read ---- */

static int read_item(cli_t *cli, const table_pallet_t *pallet, const table_storage_t *item, json_t *keys)
{
    hash_t room;
    const hash_t *at;
    uint64_t limit = ENTRIES_MAX;
    json_t *result;
    bool is_one = json_array_size(keys) >= item->key_count;
    if (cli_option(cli, "limit") && !cli_u64(cli, cli_option(cli, "limit"), "--limit", &limit)) return 2;
    if (!cli_block_at(cli, &room, &at)) return 1;
    if (cli_option(cli, "count")) return count_entries(cli, pallet, item, keys, at);
    if (is_one) {
        bool is_read = cli_read(cli, pallet->name, item->name, keys, at, &result);
        return is_read ? cli_print_value(cli, result, item->value) : 1;
    }
    if (!cli_read_all(cli, pallet->name, item->name, keys,
                      (uint32_t)(limit < ENTRIES_MAX ? limit : ENTRIES_MAX), at, &result))
        return 1;
    return cli->is_json ? cli_print(cli, result, NULL) : cli_print_entries(cli, result, item->value);
}

int cmd_query(cli_t *cli)
{
    const char *text = cli_argument(cli, 0);
    name_t name;
    json_t *keys;
    if (!text) return list_pallets(cli, NAME_ITEM);
    if (!name_find(cli, text, NAME_ITEM | NAME_CONSTANT, &name)) return 1;
    if (name.constant) return print_constant(cli, name.constant);
    if (!name.item) return list_names(cli, name.pallet, NAME_ITEM);
    if (cli_option(cli, "help")) return explain_item(cli, name.pallet, name.item);
    if (!typed_keys(cli, name.pallet, name.item, cli->arguments + 1, cli->argument_count - 1, &keys))
        return 2;
    if (!cli_option(cli, "watch")) return read_item(cli, name.pallet, name.item, keys);
    if (json_array_size(keys) < name.item->key_count)
        return cli_usage(cli, "--watch needs all %u keys of %s", name.item->key_count, name.item->name);
    return watch_item(cli, name.pallet, name.item, keys);
}

static void constant_row(void *context, const table_pallet_t *pallet, const char *name, const char *docs)
{
    json_t *rows                     = context;
    const table_constant_t *constant = table_constant(pallet, bytes_text(name));
    scale_reader_t r                 = scale_reader(constant->value, NULL);
    json_t *value                    = runtime_json_decode(&r, constant->type);
    char snake[80];
    name_snake(name, snake);
    json_array_append_new(rows, json_pack("{s:s+++,s:o?,s:s}", "name", pallet->prefix, ".", snake, "",
                                          "value", value, "docs", docs));
}

int cmd_const(cli_t *cli)
{
    const char *text = cli_argument(cli, 0);
    name_t name;
    if (text && !name_find(cli, text, NAME_CONSTANT, &name)) return 1;
    if (text && name.constant) return print_constant(cli, name.constant);
    json_t *rows = json_array();
    for (uint32_t i = 0; i < runtime_pallet_count; i++)
        if (!text || name.pallet == &runtime_pallets[i])
            name_each(&runtime_pallets[i], NAME_CONSTANT, constant_row, rows);
    return cli_print(cli, rows, NULL);
}

int cmd_rpc(cli_t *cli)
{
    const char *method = cli_argument(cli, 0), *params = cli_argument(cli, 1);
    json_t *result, *check;
    if (!method || strpbrk(method, "\"\\"))
        return cli_usage(cli, "the method is missing: chain_getHeader, system_health ...");
    if (!cli_json_argument(cli, params ? params : "[]", &check)) return 2;
    char *text = json_dumps(check, JSON_COMPACT);
    json_decref(check);
    client_error_t error = cli_connect(cli) ? client_rpc_wait(cli->client, method, text, &result)
                                            : (client_error_t){.status = CLIENT_UNAVAILABLE};
    free(text);
    if (!cli->client) return 1;
    return error.status == CLIENT_OK ? cli_print(cli, result, NULL)
                                     : cli_fail(cli, "%s (%lld)", error.text, (long long)error.code);
}
