/* chainspec_write.c - a chain spec into JSON. */

#include "chainspec.h"

#include "hex.h"
#include "ss58.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *address(const account_id_t *account)
{
    char text[SS58_TEXT_MAX + 1];
    ss58_account(text, account);
    return json_string(text);
}

static json_t *addresses(const account_id_t *accounts, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, address(&accounts[i]));
    return list;
}

/* amount is a number as long as JSON readers keep it whole, and text beyond. */
static json_t *amount(u128_t value)
{
    char text[40], *at = text + sizeof text - 1;
    if (value <= INT64_MAX) return json_integer((json_int_t)value);
    *at = 0;
    for (; value > 0; value /= 10)
        *--at = (char)('0' + (int)(value % 10));
    return json_string(at);
}

static json_t *hex(bytes_t bytes)
{
    char *text = malloc((size_t)bytes.len * 2 + 3);
    if (!text) abort();
    text[0] = '0';
    text[1] = 'x';
    hex_encode(text + 2, bytes);
    json_t *value = json_string(text);
    free(text);
    return value;
}

static json_t *runtime(const genesis_t *g)
{
    json_t *balances = json_array(), *keys = json_array();
    for (uint32_t i = 0; i < g->balance_count; i++)
        json_array_append_new(
            balances, json_pack("[o, o]", address(&g->balances[i].who), amount(g->balances[i].amount)));
    for (uint32_t i = 0; i < g->authority_count; i++) {
        const genesis_authority_t *a = &g->authorities[i];
        json_array_append_new(keys,
                              json_pack("[o, o, {s:o, s:o}]", address(&a->account), address(&a->account),
                                        "aura", address(&a->aura), "grandpa", address(&a->grandpa)));
    }
    json_t *all =
        json_pack("{s:{s:o}, s:{s:o}, s:{s:o}, s:{s:o, s:o}, s:{s:I}, s:{s:I, s:I}, s:{s:o, s:o}}",
                  "balances", "balances", balances, "session", "keys", keys, "councilMembership", "members",
                  addresses(g->council, g->council_count), "tfgridModule", "foundationAccount",
                  address(&g->foundation), "salesAccount", address(&g->sales), "smartContractModule",
                  "billingFrequency", (json_int_t)g->billing_frequency, "tftPriceModule", "minTftPrice",
                  (json_int_t)g->tft_price_min, "maxTftPrice", (json_int_t)g->tft_price_max,
                  "tftBridgeModule", "validators", addresses(g->bridge_validators, g->bridge_validator_count),
                  "feeAccount", address(&g->bridge_fee_account));
    if (g->slot_duration_ms > 0)
        json_object_set_new(all, "aura", json_pack("{s:I}", "slotDuration", (json_int_t)g->slot_duration_ms));
    json_object_set_new(all, "system", json_pack("{s:o}", "code", hex(g->code))); /* long: last */
    return all;
}

/* head is what both forms begin with. */
static json_t *head(const chainspec_t *spec)
{
    return json_pack("{s:s, s:s, s:s, s:[], s:n, s:n, s:{s:i, s:i, s:s}, s:{}}", "name", spec->name, "id",
                     spec->id, "chainType", spec->type, "bootNodes", "telemetryEndpoints", "protocolId",
                     "properties", "ss58Format", 42, "tokenDecimals", 7, "tokenSymbol", "TFT",
                     "codeSubstitutes");
}

bool chainspec_write(const chainspec_t *spec, FILE *out)
{
    json_t *file = head(spec);
    json_object_set_new(file, "genesis", json_pack("{s:o}", "runtime", runtime(&spec->genesis)));
    bool is_written = json_dumpf(file, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
    json_decref(file);
    return is_written && fflush(out) == 0;
}

/* ------------------------------------------------------------------------------------ raw */

static void put_hex(FILE *out, bytes_t bytes)
{
    char text[1025];
    fputs("\"0x", out);
    for (uint32_t at = 0, part; at < bytes.len; at += part) {
        part = bytes.len - at < 512 ? bytes.len - at : 512;
        hex_encode(text, (bytes_t){bytes.data + at, part});
        fputs(text, out);
    }
    fputc('"', out);
}

void chainspec_raw_start(const chainspec_t *spec, FILE *out)
{
    json_t *file = head(spec);
    char *text   = json_dumps(file, JSON_INDENT(2) | JSON_EMBED);
    if (!text) abort();
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '\n') text[len - 1] = 0;
    fprintf(out, "{%s,\n  \"genesis\": {\n    \"raw\": {\n      \"top\": {", text);
    free(text);
    json_decref(file);
}

void chainspec_raw_item(FILE *out, bytes_t key, bytes_t value, bool is_first)
{
    fputs(is_first ? "\n        " : ",\n        ", out);
    put_hex(out, key);
    fputs(": ", out);
    put_hex(out, value);
}

bool chainspec_raw_end(FILE *out)
{
    fputs("\n      },\n      \"childrenDefault\": {}\n    }\n  }\n}\n", out);
    return fflush(out) == 0 && !ferror(out);
}
