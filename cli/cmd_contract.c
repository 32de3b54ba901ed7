/* cmd_contract.c - contracts: made, changed, ended, shown; and the deployment's copy brought back. */
#include "cli.h"
#include "hex.h"
#include "recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PALLET   "SmartContractModule"
#define HASH_LEN 32u
#define LIST_MAX 100000u

/* hash_json reads a deployment's hash: 32 characters as they are (the hex of an MD5), or 0x and 64 digits. */
static bool hash_json(const cli_t *cli, const char *text, json_t **hash)
{
    uint8_t bytes[HASH_LEN];
    *hash = NULL;
    if (text && strlen(text) == HASH_LEN)
        *hash = json_hex(bytes_text(text));
    else if (text && strncmp(text, "0x", 2) == 0 && hex_decode_exact(bytes_text(text), bytes, sizeof bytes))
        *hash = json_hex((bytes_t){bytes, sizeof bytes});
    return *hash ||
           !cli_usage(cli, "the deployment's hash has 32 characters, or is 0x and 64 hexadecimal digits");
}

/* data_bytes reads deployment_data: text as it is, or 0x and hex. */
static bool data_bytes(const json_t *json, uint8_t data[RECOVERY_DATA_MAX], uint32_t *len)
{
    const char *text = json_string_value(json);
    *len             = 0;
    if (!text) return false;
    if (strncmp(text, "0x", 2) == 0) return hex_decode(bytes_text(text), data, RECOVERY_DATA_MAX, len);
    if (strlen(text) > RECOVERY_DATA_MAX) return false;
    *len = (uint32_t)strlen(text);
    memcpy(data, text, *len); /* NOLINT(bugprone-not-null-terminated-result): bytes, not a text */
    return true;
}

static int contract_event(cli_t *cli, json_t *result, const char *event)
{
    json_t *contract = json_incref(cli_event(result, PALLET, event));
    if (contract) json_object_set(contract, "block", json_object_get(result, "block"));
    json_decref(result);
    return contract ? cli_print(cli, contract, NULL) : cli_fail(cli, "the chain did not tell the contract");
}

static const char *data_option(const cli_t *cli)
{
    return cli_option(cli, "data") ? cli_option(cli, "data") : "";
}

static int create_name(cli_t *cli, const char *name)
{
    json_t *result;
    return cli_call(cli, PALLET, "create_name_contract", json_pack("{s:s}", "name", name), &result)
               ? contract_event(cli, result, "ContractCreated")
               : 1;
}

static bool provider(const cli_t *cli, json_t **json)
{
    uint64_t id;
    *json = json_null();
    if (!cli_option(cli, "provider")) return true;
    if (!cli_u64(cli, cli_option(cli, "provider"), "--provider", &id)) return false;
    *json = json_integer((json_int_t)id);
    return true;
}

static int create_rent(cli_t *cli, const char *node_text)
{
    uint64_t node;
    json_t *result, *provider_id;
    if (!cli_u64(cli, node_text, "the node's id", &node) || !provider(cli, &provider_id)) return 2;
    return cli_call(cli, PALLET, "create_rent_contract",
                    json_pack("{s:I,s:o}", "node_id", (json_int_t)node, "solution_provider_id", provider_id),
                    &result)
               ? contract_event(cli, result, "ContractCreated")
               : 1;
}

int cmd_contract_create(cli_t *cli)
{
    const char *first = cli_argument(cli, 0), *second = cli_argument(cli, 1);
    uint64_t node, public_ips                         = 0;
    json_t *hash, *result, *provider_id;
    if (first && second && strcmp(first, "name") == 0) return create_name(cli, second);
    if (first && second && strcmp(first, "rent") == 0) return create_rent(cli, second);
    if (!cli_u64(cli, first, "the node's id", &node) || !hash_json(cli, second, &hash) ||
        !provider(cli, &provider_id))
        return 2;
    if (cli_option(cli, "public-ips") &&
        !cli_u64(cli, cli_option(cli, "public-ips"), "--public-ips", &public_ips))
        return 2;
    if (!cli_call(cli, PALLET, "create_node_contract",
                  json_pack("{s:I,s:o,s:s,s:I,s:o}", "node_id", (json_int_t)node, "deployment_hash", hash,
                            "deployment_data", data_option(cli), "public_ips", (json_int_t)public_ips,
                            "solution_provider_id", provider_id),
                  &result))
        return 1;
    return contract_event(cli, result, "ContractCreated");
}

int cmd_contract_update(cli_t *cli)
{
    uint64_t id;
    json_t *hash, *result;
    if (!cli_u64(cli, cli_argument(cli, 0), "the contract's id", &id) ||
        !hash_json(cli, cli_argument(cli, 1), &hash))
        return 2;
    if (!cli_call(cli, PALLET, "update_node_contract",
                  json_pack("{s:I,s:o,s:s}", "contract_id", (json_int_t)id, "deployment_hash", hash,
                            "deployment_data", data_option(cli)),
                  &result))
        return 1;
    return contract_event(cli, result, "ContractUpdated");
}

/* copy_parts tells in how many parts a contract's copy is kept in TFKVStore. */
static uint32_t copy_parts(json_t *contract)
{
    uint8_t data[RECOVERY_DATA_MAX];
    uint32_t len, parts;
    bytes_t sealed;
    json_t *node = json_object_get(json_object_get(contract, "contract_type"), "NodeContract");
    return data_bytes(json_object_get(node, "deployment_data"), data, &len) &&
                   recovery_read((bytes_t){data, len}, &sealed, &parts)
               ? parts
               : 0;
}

void cli_forget_copy(cli_t *cli, uint64_t id, uint32_t parts)
{
    json_t *calls = json_array(), *result;
    char key[64];
    for (uint32_t i = 0; i < parts; i++) {
        snprintf(key, sizeof key, "trellis/%" PRIu64 "/%u", id, i);
        json_array_append_new(calls, json_pack("{s:{s:{s:s}}}", "TFKVStore", "delete", "key", key));
    }
    if (cli_call(cli, "Utility", "batch", json_pack("{s:o}", "calls", calls), &result)) json_decref(result);
}

int cmd_contract_cancel(cli_t *cli)
{
    uint64_t id;
    json_t *result, *contract;
    if (!cli_u64(cli, cli_argument(cli, 0), "the contract's id", &id)) return 2;
    if (!cli_read(cli, PALLET, "Contracts", json_pack("[I]", (json_int_t)id), NULL, &contract)) return 1;
    uint32_t parts = copy_parts(contract);
    json_decref(contract);
    if (!cli_call(cli, PALLET, "cancel_contract", json_pack("{s:I}", "contract_id", (json_int_t)id), &result))
        return 1;
    if (parts) cli_forget_copy(cli, id, parts);
    return cli_print(cli,
                     json_pack("{s:I,s:b,s:O}", "contract_id", (json_int_t)id, "cancelled", 1, "block",
                               json_object_get(result, "block")),
                     NULL);
}

static bool read_contract(cli_t *cli, uint64_t id, const hash_t *at, json_t **contract)
{
    if (!cli_read(cli, PALLET, "Contracts", json_pack("[I]", (json_int_t)id), at, contract)) return false;
    if (!json_is_null(*contract)) return true;
    return !cli_fail(cli, "there is no contract %" PRIu64 " (any more)", id);
}

int cmd_contract_show(cli_t *cli)
{
    static const char *const items[][2] = {
        {"NodeContractResources",          "resources"},
        {"ContractBillingInformationByID", "billing"  },
        {"ContractPaymentState",           "payment"  }
    };
    uint64_t id;
    hash_t room;
    const hash_t *at;
    json_t *contract, *value;
    if (!cli_u64(cli, cli_argument(cli, 0), "the contract's id", &id)) return 2;
    if (!cli_block_at(cli, &room, &at) || !read_contract(cli, id, at, &contract)) return 1;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        if (!cli_read(cli, PALLET, items[i][0], json_pack("[I]", (json_int_t)id), at, &value)) {
            json_decref(contract);
            return 1;
        }
        json_object_set_new(contract, items[i][1], value);
    }
    return cli_print(cli, contract, NULL);
}

/* list_row is what a list shows of a contract. */
static json_t *list_row(json_t *contract)
{
    json_t *type     = json_object_get(contract, "contract_type"), *data;
    const char *kind = json_object_iter_key(json_object_iter(type));
    data             = json_object_get(type, kind ? kind : "");
    return json_pack("{s:O,s:O,s:s,s:O,s:o*,s:o*}", "contract_id", json_object_get(contract, "contract_id"),
                     "twin_id", json_object_get(contract, "twin_id"), "type", kind ? kind : "?", "state",
                     json_object_get(contract, "state"), "node_id",
                     json_is_object(data) ? json_incref(json_object_get(data, "node_id")) : NULL, "name",
                     json_is_string(data) ? json_incref(data) : NULL);
}

static bool is_wanted(const json_t *row, uint64_t twin, uint64_t node)
{
    return (!twin || (uint64_t)json_integer_value(json_object_get(row, "twin_id")) == twin) &&
           (!node || (uint64_t)json_integer_value(json_object_get(row, "node_id")) == node);
}

int cmd_contract_list(cli_t *cli)
{
    uint64_t twin = 0, node = 0;
    uint32_t own = 0;
    json_t *entries, *entry, *rows = json_array();
    size_t i;
    if ((cli_option(cli, "twin") && !cli_u64(cli, cli_option(cli, "twin"), "--twin", &twin)) ||
        (cli_option(cli, "node") && !cli_u64(cli, cli_option(cli, "node"), "--node", &node)))
        return 2;
    if (!twin && !node && !cli_option(cli, "all") && cli->key_count > 0 && !cli_own_twin(cli, &own)) return 1;
    if (!cli_read_all(cli, PALLET, "Contracts", NULL, LIST_MAX, NULL, &entries)) return 1;
    json_array_foreach(entries, i, entry)
    {
        json_t *row = list_row(json_object_get(entry, "value"));
        if (is_wanted(row, twin ? twin : own, node)) json_array_append(rows, row);
        json_decref(row);
    }
    json_decref(entries);
    return cli_print(cli, rows, "contract_id type state twin_id node_id name");
}

static bool add_part(cli_t *cli, const char *key, uint8_t *sealed, uint32_t *len)
{
    json_t *value;
    uint32_t part_len = 0;
    if (!cli_read(cli, "TFKVStore", "TFKVStore", json_pack("[o,s]", json_account(&cli->keys[0].account), key),
                  NULL, &value))
        return false;
    const char *text = json_string_value(value);
    bool is_hex      = text && strncmp(text, "0x", 2) == 0;
    bool is_read     = is_hex && hex_decode(bytes_text(text), sealed + *len, RECOVERY_PART_MAX, &part_len);
    *len += part_len;
    json_decref(value);
    return is_read || !cli_fail(cli, "TFKVStore holds no part of the copy under '%s' for this key", key);
}

static json_t *recover(cli_t *cli, uint64_t id, bytes_t data)
{
    bytes_t sealed;
    uint32_t parts, len = 0;
    char key[64];
    if (!recovery_read(data, &sealed, &parts)) {
        (void)cli_fail(cli,
                       "contract %" PRIu64
                       " holds no copy of its deployment: it was made by another program, or with --no-copy",
                       id);
        return NULL;
    }
    uint8_t *room = malloc((size_t)RECOVERY_PARTS_MAX * RECOVERY_PART_MAX);
    if (!room) abort();
    for (uint32_t i = 0; i < parts; i++) {
        snprintf(key, sizeof key, "trellis/%" PRIu64 "/%u", id, i);
        if (!add_part(cli, key, room, &len)) {
            free(room);
            return NULL;
        }
    }
    if (parts) sealed = (bytes_t){room, len};
    json_t *json = recovery_unpack(sealed, &cli->keys[0]);
    free(room);
    if (!json) (void)cli_fail(cli, "this key does not open the copy: use the one that made the contract");
    return json;
}

int cmd_contract_recover(cli_t *cli)
{
    uint64_t id;
    json_t *contract;
    uint8_t data[RECOVERY_DATA_MAX];
    uint32_t len = 0;
    if (!cli_u64(cli, cli_argument(cli, 0), "the contract's id", &id)) return 2;
    if (!read_contract(cli, id, NULL, &contract)) return 1;
    json_t *node = json_object_get(json_object_get(contract, "contract_type"), "NodeContract");
    bool is_read = data_bytes(json_object_get(node, "deployment_data"), data, &len);
    json_decref(contract);
    if (!is_read) return cli_fail(cli, "contract %" PRIu64 " is no node contract", id);
    json_t *deployment = recover(cli, id, (bytes_t){data, len});
    if (!deployment) return 1;
    json_object_set_new(deployment, "contract_id", json_integer((json_int_t)id));
    char *pretty = json_dumps(deployment, cli->is_json ? JSON_COMPACT : JSON_INDENT(2));
    json_decref(deployment);
    puts(pretty);
    free(pretty);
    return 0;
}
