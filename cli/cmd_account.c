/* cmd_account.c - balances and transfers. */
#include "cli.h"

static bool whose(cli_t *cli, account_id_t *account)
{
    if (!cli_argument(cli, 0) && cli->key_count > 0) {
        *account = cli->keys[0].account;
        return true;
    }
    return cli_account(cli, cli_argument(cli, 0), account);
}

int cmd_balance(cli_t *cli)
{
    account_id_t account;
    hash_t room;
    const hash_t *at;
    json_t *info;
    if (!whose(cli, &account) || !cli_block_at(cli, &room, &at) ||
        !cli_read(cli, "System", "Account", json_pack("[o]", json_account(&account)), at, &info))
        return 1;
    json_t *data   = json_object_get(info, "data");
    json_t *result = json_pack("{s:o,s:o,s:o,s:o,s:O}", "address", json_account(&account), "free",
                               json_u128(json_u128_value(json_object_get(data, "free"))), "reserved",
                               json_u128(json_u128_value(json_object_get(data, "reserved"))), "frozen",
                               json_u128(json_u128_value(json_object_get(data, "frozen"))), "nonce",
                               json_object_get(info, "nonce"));
    json_decref(info);
    return cli_print(cli, result, NULL);
}

int cmd_transfer(cli_t *cli)
{
    account_id_t to;
    u128_t units;
    json_t *result;
    if (!cli_account(cli, cli_argument(cli, 0), &to) || !cli_amount(cli, cli_argument(cli, 1), &units))
        return 2;
    const char *call = cli_option(cli, "all") ? "transfer_allow_death" : "transfer_keep_alive";
    if (!cli_call(cli, "Balances", call,
                  json_pack("{s:{s:o},s:o}", "dest", "Id", json_account(&to), "value", json_u128(units)),
                  &result))
        return 1;
    json_object_set_new(result, "to", json_account(&to));
    json_object_set_new(result, "amount", json_u128(units));
    json_object_del(result, "events");
    return cli_print(cli, result, NULL);
}
