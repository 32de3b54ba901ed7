/* cmd_twin.c - twins: who somebody is on the grid, where messages reach them, and the terms they accepted. */
#include "cli.h"
#include "hex.h"

#include <stdio.h>
#include <string.h>

#define TERMS_LINK "https://library.threefold.me/info/legal/terms_conditions_griduser.html"
#define TERMS_HASH "terms_conditions_griduser"
#define PK_LEN     33

static json_t *or_null(const char *text) { return text ? json_string(text) : json_null(); }

/* pk_json is the encryption key that others shall use: the one given, none, or the key's own. */
static bool pk_json(cli_t *cli, json_t **pk)
{
    uint8_t own[PK_LEN];
    const char *given    = cli_option(cli, "pk");
    const keypair_t *key = &cli->keys[0];
    *pk                  = NULL;
    if (given && !hex_decode_exact(bytes_text(given), own, sizeof own))
        return !cli_usage(cli, "--pk is 0x and 66 hexadecimal digits: a compressed secp256k1 point");
    if (cli_option(cli, "no-pk"))
        *pk = json_null();
    else if (given || (key->has_seed && secp256k1_public(key->seed, own)))
        *pk = json_hex((bytes_t){own, sizeof own});
    return *pk || !cli_fail(cli, "this key has a soft junction and so no encryption key: say --no-pk, or use "
                                 "a key without one");
}

static bool has_accepted(cli_t *cli, bool *has)
{
    json_t *terms;
    if (!cli_read(cli, "TfgridModule", "UsersTermsAndConditions",
                  json_pack("[o]", json_account(&cli->keys[0].account)), NULL, &terms))
        return false;
    *has = json_array_size(terms) > 0;
    json_decref(terms);
    return true;
}

static bool accept_terms(cli_t *cli, json_t **result)
{
    const char *link = cli_option(cli, "link"), *hash = cli_option(cli, "hash");
    return cli_call(cli, "TfgridModule", "user_accept_tc",
                    json_pack("{s:s,s:s}", "document_link", link ? link : TERMS_LINK, "document_hash",
                              hash ? hash : TERMS_HASH),
                    result);
}

int cmd_twin_terms(cli_t *cli)
{
    json_t *result;
    bool has;
    if (!has_accepted(cli, &has)) return 1;
    if (has && !cli_option(cli, "link")) {
        if (!cli_read(cli, "TfgridModule", "UsersTermsAndConditions",
                      json_pack("[o]", json_account(&cli->keys[0].account)), NULL, &result))
            return 1;
        return cli_print(cli, result, NULL);
    }
    return accept_terms(cli, &result) ? cli_print(cli, result, NULL) : 1;
}

int cmd_twin_create(cli_t *cli)
{
    json_t *pk, *result = NULL;
    bool has;
    if (!has_accepted(cli, &has) || !pk_json(cli, &pk)) return 1;
    if (!has) {
        cli_note(cli, "accepting the terms and conditions (%s)",
                 cli_option(cli, "link") ? cli_option(cli, "link") : TERMS_LINK);
        if (!accept_terms(cli, &result)) return 1;
        json_decref(result);
    }
    if (!cli_call(cli, "TfgridModule", "create_twin",
                  json_pack("{s:o,s:o}", "relay", or_null(cli_option(cli, "relay")), "pk", pk), &result))
        return 1;
    json_t *twin = json_incref(cli_event(result, "TfgridModule", "TwinStored"));
    json_decref(result);
    return twin ? cli_print(cli, twin, NULL) : cli_fail(cli, "the chain did not tell the twin it made");
}

int cmd_twin_update(cli_t *cli)
{
    json_t *pk, *result, *twin;
    uint32_t id;
    const char *relay = cli_option(cli, "relay");
    if (!cli_own_twin(cli, &id) || !cli_read(cli, "TfgridModule", "Twins", json_pack("[i]", id), NULL, &twin))
        return 1;
    if (!pk_json(cli, &pk)) {
        json_decref(twin);
        return 1;
    }
    json_t *kept = relay ? json_string(relay) : json_incref(json_object_get(twin, "relay"));
    bool is_sent = cli_call(cli, "TfgridModule", "update_twin",
                            json_pack("{s:o,s:o}", "relay", kept, "pk", pk), &result);
    json_decref(twin);
    if (!is_sent) return 1;
    twin = json_incref(cli_event(result, "TfgridModule", "TwinUpdated"));
    json_decref(result);
    return twin ? cli_print(cli, twin, NULL) : cli_fail(cli, "the chain did not tell the twin it changed");
}

/* which_twin: an id, an address, or the key's own. */
static bool which_twin(cli_t *cli, uint32_t *id)
{
    const char *text = cli_argument(cli, 0);
    uint64_t number;
    account_id_t account;
    if (!text && cli->key_count == 0) return !cli_usage(cli, "whose? give an id, an address, or --key-file");
    if (!text) return cli_own_twin(cli, id);
    if (strlen(text) < 11 && cli_u64(cli, text, "the twin's id", &number)) {
        *id = (uint32_t)number;
        return true;
    }
    if (!cli_account(cli, text, &account) || !cli_has_twin(cli, &account, id)) return false;
    return *id || !cli_fail(cli, "%s has no twin", text);
}

int cmd_twin_show(cli_t *cli)
{
    uint32_t id = 0;
    json_t *twin;
    if (!which_twin(cli, &id) || !cli_read(cli, "TfgridModule", "Twins", json_pack("[i]", id), NULL, &twin))
        return 1;
    if (json_is_null(twin)) return cli_fail(cli, "there is no twin %u", id);
    return cli_print(cli, twin, NULL);
}

int cmd_twin_list(cli_t *cli)
{
    json_t *entries, *rows = json_array(), *entry;
    size_t i;
    if (!cli_read_all(cli, "TfgridModule", "Twins", NULL, 100000, NULL, &entries)) return 1;
    json_array_foreach(entries, i, entry) { json_array_append(rows, json_object_get(entry, "value")); }
    json_decref(entries);
    return cli_print(cli, rows, "id account_id relay");
}
