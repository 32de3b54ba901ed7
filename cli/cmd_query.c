/* cmd_query.c - any storage item, constant, call and RPC method, by name. */
#include "cli.h"
#include "hash.h"
#include "runtime_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_DEFAULT 1000u

/* split_name finds the pallet of "PALLET.ITEM". */
static const table_pallet_t *split_name(const char *name, const char **item)
{
    const char *dot = name ? strchr(name, '.') : NULL;
    if (!dot) return NULL;
    *item = dot + 1;
    return table_pallet((bytes_t){(const uint8_t *)name, (uint32_t)(dot - name)});
}

static int list_names(const cli_t *cli, const char *of, bool is_call)
{
    json_t *rows = json_array();
    for (uint32_t p = 0; p < runtime_pallet_count; p++) {
        const table_pallet_t *pallet = &runtime_pallets[p];
        if (of && strcmp(of, pallet->name) != 0 && strcmp(of, pallet->prefix) != 0) continue;
        for (uint32_t i = 0; is_call && i < pallet->call_count; i++)
            json_array_append_new(rows, json_pack("{s:s+++,s:s}", "name", pallet->name, ".",
                                                  pallet->calls[i].name, "", "docs", pallet->calls[i].docs));
        for (uint32_t i = 0; !is_call && i < pallet->storage_count; i++)
            json_array_append_new(
                rows, json_pack("{s:s+++,s:i,s:s}", "name", pallet->name, ".", pallet->storage[i].name, "",
                                "keys", (int)pallet->storage[i].key_count, "docs", pallet->storage[i].docs));
        for (uint32_t i = 0; !is_call && i < pallet->constant_count; i++)
            json_array_append_new(rows, json_pack("{s:s+++,s:i,s:s}", "name", pallet->name, ".",
                                                  pallet->constants[i].name, "", "keys", 0, "docs",
                                                  pallet->constants[i].docs));
    }
    if (json_array_size(rows) == 0) {
        json_decref(rows);
        return cli_fail(cli, "there is no pallet %s", of ? of : "");
    }
    return cli_print(cli, rows, NULL);
}

/* key_argument reads one key: JSON when it is some, else a text (an address, a name). */
static json_t *key_argument(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    return json ? json : json_string(text);
}

static int query_constant(cli_t *cli, const table_constant_t *constant)
{
    scale_reader_t r = scale_reader(constant->value, NULL);
    json_t *value    = runtime_json_decode(&r, constant->type);
    return value ? cli_print(cli, value, NULL) : cli_fail(cli, "the constant does not decode");
}

int cmd_query(cli_t *cli)
{
    const char *name = cli_argument(cli, 0), *item_name = NULL;
    const table_pallet_t *pallet     = split_name(name, &item_name);
    const table_storage_t *item      = pallet ? table_storage(pallet, bytes_text(item_name)) : NULL;
    const table_constant_t *constant = pallet && !item ? table_constant(pallet, bytes_text(item_name)) : NULL;
    hash_t room;
    const hash_t *at;
    uint64_t limit = ENTRIES_DEFAULT;
    json_t *result, *keys = json_array();
    if (!name || !strchr(name, '.')) return list_names(cli, name, false);
    if (constant) return query_constant(cli, constant);
    if (!item)
        return cli_fail(cli, "there is no item %s (trellis query PALLET lists them; names are as in %s)",
                        name, "System.Account");
    if (cli_option(cli, "limit") && !cli_u64(cli, cli_option(cli, "limit"), "--limit", &limit)) return 2;
    if (!cli_block_at(cli, &room, &at)) return 1;
    for (int i = 1; cli_argument(cli, i); i++)
        json_array_append_new(keys, key_argument(cli_argument(cli, i)));
    bool is_one  = json_array_size(keys) >= item->key_count;
    bool is_read = is_one ? cli_read(cli, pallet->name, item->name, keys, at, &result)
                          : cli_read_all(cli, pallet->name, item->name, keys,
                                         (uint32_t)(limit < 1000000 ? limit : 1000000), at, &result);
    return is_read ? cli_print(cli, result, NULL) : 1;
}

static int print_encoded(const cli_t *cli, bytes_t call)
{
    hash_t hash = blake2_256(call);
    return cli_print(cli,
                     json_pack("{s:o,s:o,s:i}", "call", json_hex(call), "hash",
                               json_hex((bytes_t){hash.b, sizeof hash.b}), "length", (int)call.len),
                     NULL);
}

/* describe_call shows what a call takes. */
static int describe_call(const cli_t *cli, const table_pallet_t *pallet, const table_variant_t *call)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < call->field_count; i++)
        json_array_append_new(rows, json_pack("{s:s,s:s,s:i}", "argument",
                                              call->fields[i].name ? call->fields[i].name : "", "type",
                                              runtime_types[call->fields[i].type].name, "type_id",
                                              (int)call->fields[i].type));
    cli_note(cli, "%s.%s: %s", pallet->name, call->name, call->docs);
    return cli_print(cli, rows, NULL);
}

int cmd_call(cli_t *cli)
{
    const char *name = cli_argument(cli, 0), *text = cli_argument(cli, 1), *call_name = NULL;
    const table_pallet_t *pallet = split_name(name, &call_name);
    const table_variant_t *call  = pallet ? table_call(pallet, bytes_text(call_name)) : NULL;
    json_t *arguments            = NULL, *result;
    bytes_t encoded;
    if (!name || !strchr(name, '.')) return list_names(cli, name, true);
    if (!call)
        return cli_fail(cli,
                        "there is no call %s (trellis call PALLET lists them; names are as in "
                        "Balances.transfer_keep_alive)",
                        name);
    if (!text && call->field_count > 0) return describe_call(cli, pallet, call);
    if (text && !cli_json_argument(cli, text, &arguments)) return 2;
    if (!cli_encode_call(cli, pallet->name, call->name, arguments, &encoded)) return 2;
    if (cli_option(cli, "encode")) return print_encoded(cli, encoded);
    if (cli->key_count == 0) return cli_usage(cli, "who signs? give --key-file FILE");
    if (!cli_send(cli, &cli->keys[0], encoded, &result)) return 1;
    return cli_print(cli, result, NULL);
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
