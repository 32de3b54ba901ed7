/* chainspec_read.c - a chain spec out of JSON; each field that is wrong is told by its name. */

#include "chainspec.h"

#include "hex.h"
#include "ss58.h"
#include "trie.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    BALANCES_MAX = 1000000,
    BALANCE_MIN  = 500, /* the existential deposit: less would be reaped */
    SLOT_MS_MIN  = 10,
    SLOT_MS_MAX  = 3600000,
    FIELDS_MAX   = 16,
};

typedef struct {
    chainspec_t *spec;
    char *error;
} in_t;

__attribute__((format(printf, 2, 3))) static bool wrong(in_t *in, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(in->error, CHAINSPEC_ERROR_CAP, format, list);
    va_end(list);
    return false;
}

/* ------------------------------------------------------------------------------------ fields */

/* only refuses an object's fields but these (by blanks). */
static bool only(in_t *in, json_t *object, const char *path, const char *known)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) return wrong(in, "%s: expected an object", path);
    json_object_foreach(object, key, value)
    {
        size_t len        = strlen(key);
        const char *found = len > 0 && !strchr(key, ' ') ? known : NULL;
        while (found && (found = strstr(found, key)) &&
               !((found == known || found[-1] == ' ') && (found[len] == ' ' || found[len] == 0)))
            found++;
        if (!found)
            return wrong(in, "%s%s%.60s: there is no such field; it may have: %s", path, path[0] ? "." : "",
                         key, known);
    }
    return true;
}

/* need finds a field; NULL with the error set. */
static json_t *need(in_t *in, json_t *object, const char *path, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!value) wrong(in, "%s%s%s: the field is missing", path, path[0] ? "." : "", key);
    return value;
}

static bool get_text(in_t *in, json_t *object, const char *key, char *out, size_t cap)
{
    json_t *value = need(in, object, "", key);
    if (!value) return false;
    size_t len = json_string_length(value);
    if (!json_is_string(value) || len == 0 || len >= cap || strlen(json_string_value(value)) != len)
        return wrong(in, "%s: expected a text of 1 to %zu characters", key, cap - 1);
    memcpy(out, json_string_value(value), len + 1);
    return true;
}

static bool get_number(in_t *in, json_t *object, const char *path, const char *key, uint64_t least,
                       uint64_t most, uint64_t *out)
{
    json_t *value = need(in, object, path, key);
    if (!value) return false;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) < least || (uint64_t)json_integer_value(value) > most)
        return wrong(in, "%s.%s: expected a number from %llu to %llu", path, key, (unsigned long long)least,
                     (unsigned long long)most);
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool get_account(in_t *in, json_t *value, const char *path, account_id_t *account)
{
    const char *text = json_string_value(value);
    if (!text || !ss58_account_decode((bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)}, account))
        return wrong(in, "%s: expected an SS58 address", path);
    return true;
}

static bool get_account_at(in_t *in, json_t *object, const char *path, const char *key, account_id_t *account)
{
    char name[128];
    json_t *value = need(in, object, path, key);
    snprintf(name, sizeof name, "%s.%s", path, key);
    return value && get_account(in, value, name, account);
}

/* get_accounts reads a list of different accounts. */
static bool get_accounts(in_t *in, json_t *object, const char *path, const char *key, uint32_t least,
                         account_id_t *accounts, uint32_t *count)
{
    char name[128];
    json_t *list = need(in, object, path, key), *item;
    size_t i;
    if (!list) return false;
    if (!json_is_array(list) || json_array_size(list) < least ||
        json_array_size(list) > GENESIS_AUTHORITIES_CAP)
        return wrong(in, "%s.%s: expected a list of %u to %u addresses", path, key, least,
                     GENESIS_AUTHORITIES_CAP);
    json_array_foreach(list, i, item)
    {
        snprintf(name, sizeof name, "%s.%s[%zu]", path, key, i);
        if (!get_account(in, item, name, &accounts[i])) return false;
        for (size_t j = 0; j < i; j++)
            if (memcmp(&accounts[j], &accounts[i], sizeof *accounts) == 0)
                return wrong(in, "%s: the address is there twice", name);
    }
    *count = (uint32_t)json_array_size(list);
    return true;
}

/* get_hex reads 0x and digits into room, and moves room on. */
static bool get_hex(const char *text, size_t len, uint8_t **room, bytes_t *bytes)
{
    if (!text || len < 2 || text[0] != '0' || text[1] != 'x') return false;
    bytes->data = *room;
    if (!hex_decode((bytes_t){(const uint8_t *)text, (uint32_t)len}, *room, (uint32_t)(len / 2), &bytes->len))
        return false;
    *room += bytes->len;
    return true;
}

/* ------------------------------------------------------------------------------------ genesis.runtime */

#define RUNTIME "genesis.runtime"

static bool get_amount(json_t *value, u128_t *amount)
{
    *amount = 0;
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *amount = (u128_t)json_integer_value(value);
        return true;
    }
    const char *text = json_string_value(value);
    if (!text || !text[0] || strlen(text) > 38) return false; /* under 10^38 < 2^128 */
    for (; *text >= '0' && *text <= '9'; text++)
        *amount = *amount * 10u + (uint32_t)(*text - '0');
    return *text == 0;
}

static int compare_balances(const void *a, const void *b)
{
    return memcmp(&((const genesis_balance_t *)a)->who, &((const genesis_balance_t *)b)->who, 32);
}

static bool read_balances(in_t *in, json_t *object)
{
    const char *path = RUNTIME ".balances";
    char name[96], address[SS58_TEXT_MAX + 1];
    size_t i;
    u128_t total = 0;
    json_t *list = json_is_object(object) ? need(in, object, path, "balances") : NULL, *item;
    if (!only(in, object, path, "balances") || !list) return false;
    if (!json_is_array(list) || json_array_size(list) > BALANCES_MAX)
        return wrong(in, "%s.balances: expected a list of [address, amount]", path);
    genesis_balance_t *balances = calloc(json_array_size(list) + 1, sizeof *balances);
    if (!balances) return wrong(in, "no memory");
    in->spec->owned[0] = balances;
    json_array_foreach(list, i, item)
    {
        snprintf(name, sizeof name, "%s.balances[%zu]", path, i);
        if (!json_is_array(item) || json_array_size(item) != 2)
            return wrong(in, "%s: expected [address, amount]", name);
        if (!get_account(in, json_array_get(item, 0), name, &balances[i].who)) return false;
        if (!get_amount(json_array_get(item, 1), &balances[i].amount) || balances[i].amount < BALANCE_MIN)
            return wrong(in, "%s: expected an amount of at least %d units, as a number or as text in digits",
                         name, BALANCE_MIN);
        if (total + balances[i].amount < total) return wrong(in, "%s: the sum of all is too large", name);
        total += balances[i].amount;
    }
    in->spec->genesis.balances      = balances;
    in->spec->genesis.balance_count = (uint32_t)i;
    qsort(balances, i, sizeof *balances, compare_balances);
    for (size_t j = 1; j < i; j++)
        if (compare_balances(&balances[j - 1], &balances[j]) == 0) {
            ss58_account(address, &balances[j].who);
            return wrong(in, "%s.balances: %s is there twice", path, address);
        }
    return true;
}

static bool read_authority(in_t *in, json_t *item, const char *name, genesis_authority_t *authority)
{
    account_id_t again;
    char path[128];
    const genesis_t *genesis = &in->spec->genesis;
    json_t *keys             = json_array_get(item, 2);
    snprintf(path, sizeof path, "%s[2]", name);
    if (!json_is_array(item) || json_array_size(item) != 3)
        return wrong(in, "%s: expected [address, address, {\"aura\": .., \"grandpa\": ..}]", name);
    if (!get_account(in, json_array_get(item, 0), name, &authority->account) ||
        !get_account(in, json_array_get(item, 1), name, &again) || !only(in, keys, path, "aura grandpa") ||
        !get_account_at(in, keys, path, "aura", &authority->aura) ||
        !get_account_at(in, keys, path, "grandpa", &authority->grandpa))
        return false;
    if (memcmp(&again, &authority->account, sizeof again) != 0)
        return wrong(in, "%s: the account and the validator must be the same address", name);
    const genesis_balance_t wanted = {.who = authority->account};
    if (!bsearch(&wanted, genesis->balances, genesis->balance_count, sizeof wanted, compare_balances))
        return wrong(in, "%s: the authority has no balance in %s.balances", name, RUNTIME);
    return true;
}

/* read_session comes after the balances. */
static bool read_session(in_t *in, json_t *object)
{
    const char *path   = RUNTIME ".session";
    genesis_t *genesis = &in->spec->genesis;
    char name[96];
    size_t i;
    json_t *list = json_is_object(object) ? need(in, object, path, "keys") : NULL, *item;
    if (!only(in, object, path, "keys") || !list) return false;
    if (!json_is_array(list) || json_array_size(list) < 1 || json_array_size(list) > GENESIS_AUTHORITIES_CAP)
        return wrong(in, "%s.keys: expected a list of 1 to %u authorities", path, GENESIS_AUTHORITIES_CAP);
    json_array_foreach(list, i, item)
    {
        genesis_authority_t *new = &genesis->authorities[i];
        snprintf(name, sizeof name, "%s.keys[%zu]", path, i);
        if (!read_authority(in, item, name, new)) return false;
        for (size_t j = 0; j < i; j++) {
            const genesis_authority_t *old = &genesis->authorities[j];
            if (memcmp(&old->account, &new->account, 32) == 0 || memcmp(&old->aura, &new->aura, 32) == 0 ||
                memcmp(&old->grandpa, &new->grandpa, 32) == 0)
                return wrong(in, "%s: the account or a key is another authority's too", name);
        }
    }
    genesis->authority_count = (uint32_t)i;
    return true;
}

static bool read_code(in_t *in, json_t *object)
{
    json_t *code = json_is_object(object) ? need(in, object, RUNTIME ".system", "code") : NULL;
    if (!only(in, object, RUNTIME ".system", "code") || !code) return false;
    uint8_t *room = malloc(json_string_length(code) / 2 + 1);
    if (!room) return wrong(in, "no memory");
    in->spec->owned[1] = room;
    return get_hex(json_string_value(code), json_string_length(code), &room, &in->spec->genesis.code) ||
           wrong(in, "%s.system.code: expected hexadecimal digits with 0x", RUNTIME);
}

static bool read_grid(in_t *in, json_t *runtime)
{
    genesis_t *g   = &in->spec->genesis;
    uint64_t least = 0, most = 0;
    json_t *grid     = json_object_get(runtime, "tfgridModule"),
           *contract = json_object_get(runtime, "smartContractModule"),
           *price    = json_object_get(runtime, "tftPriceModule"),
           *bridge   = json_object_get(runtime, "tftBridgeModule");
    bool is_fine =
        only(in, grid, RUNTIME ".tfgridModule", "foundationAccount salesAccount") &&
        get_account_at(in, grid, RUNTIME ".tfgridModule", "foundationAccount", &g->foundation) &&
        get_account_at(in, grid, RUNTIME ".tfgridModule", "salesAccount", &g->sales) &&
        only(in, contract, RUNTIME ".smartContractModule", "billingFrequency") &&
        get_number(in, contract, RUNTIME ".smartContractModule", "billingFrequency", 1, UINT32_MAX,
                   &g->billing_frequency) &&
        only(in, price, RUNTIME ".tftPriceModule", "minTftPrice maxTftPrice") &&
        get_number(in, price, RUNTIME ".tftPriceModule", "minTftPrice", 1, UINT32_MAX, &least) &&
        get_number(in, price, RUNTIME ".tftPriceModule", "maxTftPrice", least, UINT32_MAX, &most) &&
        only(in, bridge, RUNTIME ".tftBridgeModule", "validators feeAccount") &&
        get_accounts(in, bridge, RUNTIME ".tftBridgeModule", "validators", 0, g->bridge_validators,
                     &g->bridge_validator_count) &&
        get_account_at(in, bridge, RUNTIME ".tftBridgeModule", "feeAccount", &g->bridge_fee_account);
    g->tft_price_min = (uint32_t)least;
    g->tft_price_max = (uint32_t)most;
    return is_fine;
}

static bool read_runtime(in_t *in, json_t *runtime)
{
    static const char *const sections[] = {"system",         "balances",
                                           "session",        "councilMembership",
                                           "tfgridModule",   "smartContractModule",
                                           "tftPriceModule", "tftBridgeModule"};
    genesis_t *g                        = &in->spec->genesis;
    if (!only(in, runtime, RUNTIME,
              "system balances session aura councilMembership tfgridModule smartContractModule "
              "tftPriceModule tftBridgeModule"))
        return false;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (!need(in, runtime, RUNTIME, sections[i])) return false;
    json_t *aura = json_object_get(runtime, "aura"), *council = json_object_get(runtime, "councilMembership");
    if (aura && (!only(in, aura, RUNTIME ".aura", "slotDuration") ||
                 !get_number(in, aura, RUNTIME ".aura", "slotDuration", SLOT_MS_MIN, SLOT_MS_MAX,
                             &g->slot_duration_ms)))
        return false;
    return read_code(in, json_object_get(runtime, "system")) &&
           read_balances(in, json_object_get(runtime, "balances")) &&
           read_session(in, json_object_get(runtime, "session")) &&
           only(in, council, RUNTIME ".councilMembership", "members") &&
           get_accounts(in, council, RUNTIME ".councilMembership", "members", 1, g->council,
                        &g->council_count) &&
           read_grid(in, runtime);
}

/* ------------------------------------------------------------------------------------ genesis.raw */

static bool read_raw(in_t *in, json_t *raw)
{
    const char *text;
    json_t *value, *top, *children;
    uint64_t room_len = 0;
    if (!only(in, raw, "genesis.raw", "top childrenDefault")) return false;
    children = json_object_get(raw, "childrenDefault");
    if (children && (!json_is_object(children) || json_object_size(children) > 0))
        return wrong(in, "genesis.raw.childrenDefault: the chain has no child tries: expected {}");
    top = need(in, raw, "genesis.raw", "top");
    if (!top) return false;
    if (!json_is_object(top) || json_object_size(top) == 0 || json_object_size(top) > UINT32_MAX)
        return wrong(in, "genesis.raw.top: expected an object of keys and values");
    json_object_foreach(top, text, value) room_len += strlen(text) / 2 + json_string_length(value) / 2;
    changes_t *made    = &in->spec->raw;
    uint8_t *room      = malloc(room_len + 1);
    made->items        = calloc(json_object_size(top), sizeof *made->items);
    in->spec->owned[0] = made->items;
    in->spec->owned[1] = room;
    if (!room || !made->items) return wrong(in, "no memory");
    json_object_foreach(top, text, value)
    {
        change_t *item = &made->items[made->count++];
        if (!get_hex(text, strlen(text), &room, &item->key) || item->key.len == 0 ||
            item->key.len > TRIE_KEY_MAX)
            return wrong(in, "genesis.raw.top: the key %.80s: expected hexadecimal digits with 0x", text);
        if (!get_hex(json_string_value(value), json_string_length(value), &room, &item->value))
            return wrong(in, "genesis.raw.top.%.80s: expected hexadecimal digits with 0x", text);
    }
    changes_sort(made); /* 0xAB and 0xab are one key, but two in JSON */
    for (uint32_t i = 1; i < made->count; i++)
        if (bytes_equal(made->items[i - 1].key, made->items[i].key))
            return wrong(in, "genesis.raw.top: a key is there twice");
    return true;
}

/* ------------------------------------------------------------------------------------ the whole */

static bool read_properties(in_t *in, json_t *file)
{
    json_t *p = json_object_get(file, "properties"), *format;
    if (!p || json_is_null(p)) return true;
    if (!only(in, p, "properties", "ss58Format tokenDecimals tokenSymbol isEthereum")) return false;
    format           = json_object_get(p, "ss58Format");
    json_t *decimals = json_object_get(p, "tokenDecimals"), *symbol = json_object_get(p, "tokenSymbol");
    const char *token     = json_string_value(symbol);
    const bool is_foreign = (decimals && json_integer_value(decimals) != 7) ||
                            (symbol && (!token || strcmp(token, "TFT") != 0)) ||
                            (format && json_integer_value(format) != 42) ||
                            json_is_true(json_object_get(p, "isEthereum"));
    return !is_foreign ||
           wrong(in, "properties: the token is the runtime's: tokenSymbol TFT, tokenDecimals 7, "
                     "ss58Format 42");
}

/* read_unused takes what Substrate's files have besides, as long as it asks for nothing. */
static bool read_unused(in_t *in, json_t *file)
{
    static const char *const names[] = {"bootNodes",       "telemetryEndpoints", "protocolId",
                                        "codeSubstitutes", "consensusEngine",    "forkId"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *value = json_object_get(file, names[i]);
        bool is_empty = !value || json_is_null(value) ||
                        (json_is_array(value) && json_array_size(value) == 0) ||
                        (json_is_object(value) && json_object_size(value) == 0);
        bool is_free = (i == 0 && json_is_array(value)) || ((i == 2 || i == 5) && json_is_string(value));
        if (!is_empty && !is_free) return wrong(in, "%s: it has no use here: leave it empty", names[i]);
    }
    return true;
}

static bool read_file(in_t *in, json_t *file)
{
    chainspec_t *spec = in->spec;
    if (!only(in, file, "",
              "name id chainType bootNodes telemetryEndpoints protocolId forkId properties codeSubstitutes "
              "consensusEngine genesis"))
        return false;
    if (!get_text(in, file, "name", spec->name, sizeof spec->name) ||
        !get_text(in, file, "id", spec->id, sizeof spec->id) ||
        !get_text(in, file, "chainType", spec->type, sizeof spec->type))
        return false;
    if (strspn(spec->id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") !=
        strlen(spec->id))
        return wrong(in, "id: it names a folder: expected letters, digits, _ and -");
    if (strcmp(spec->type, "Live") != 0 && !chainspec_is_for_trial(spec))
        return wrong(in, "chainType: expected Live, Development or Local");
    if (!read_properties(in, file) || !read_unused(in, file)) return false;
    json_t *genesis = need(in, file, "", "genesis"), *runtime = json_object_get(genesis, "runtime"),
           *raw = json_object_get(genesis, "raw");
    if (!genesis || !only(in, genesis, "genesis", "runtime raw")) return false;
    if (!runtime == !raw) return wrong(in, "genesis: expected either runtime or raw");
    spec->is_raw = raw != NULL;
    return raw ? read_raw(in, raw) : read_runtime(in, runtime);
}

bool chainspec_parse(bytes_t text, chainspec_t *spec, char error[CHAINSPEC_ERROR_CAP])
{
    json_error_t reason;
    in_t in       = {spec, error};
    *spec         = (chainspec_t){0};
    json_t *file  = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &reason);
    bool is_right = file ? read_file(&in, file)
                         : wrong(&in, "line %d, column %d: %s", reason.line, reason.column, reason.text);
    json_decref(file);
    if (!is_right) chainspec_free(spec);
    return is_right;
}
