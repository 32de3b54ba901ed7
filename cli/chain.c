/* chain.c - what commands ask of the chain and send to it, as JSON. */
#include "advice.h"
#include "hash.h"
#include "hex.h"
#include "io.h"
#include "log.h"
#include "runtime_json.h"
#include "runtime_table.h"
#include "ss58.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_LEN_MAX   2048u
#define CALL_LEN_MAX  (4u << 20)
#define URL_DEFAULT   "ws://127.0.0.1:9944"
#define PAGE          500u
#define CLOSE_STEP_MS 20u

bool cli_connect(cli_t *cli)
{
    client_config_t config = {0};
    uint64_t seconds;
    const char *environment = getenv("TRELLIS_URL"), *timeout = cli_option(cli, "timeout");
    if (cli->client) return true;
    for (int i = 0; i < cli->given_count && config.url_count < CLIENT_URLS_CAP; i++)
        if (strcmp(cli->given[i].option->name, "url") == 0 ||
            strcmp(cli->given[i].option->name, "substrate") == 0)
            config.urls[config.url_count++] = cli->given[i].value;
    if (config.url_count == 0) config.urls[config.url_count++] = environment ? environment : URL_DEFAULT;
    if (timeout && !cli_u64(cli, timeout, "--timeout", &seconds)) return false;
    config.ca_file    = cli_option(cli, "ca");
    config.timeout_ms = timeout ? seconds * 1000 : 0;
    log_level(LOG_LEVEL_ERROR);
    cli->io   = io_new();
    config.io = cli->io;
    if (!cli->io) return !cli_fail(cli, "the system gives no event loop");
    cli->client = client_new(&config);
    if (!cli->client) return !cli_usage(cli, "--url is ws://HOST:PORT or wss://HOST:PORT");
    client_error_t error = client_connect_wait(cli->client);
    return error.status == CLIENT_OK || !cli_fail(cli, "%s: %s", config.urls[0], error.text);
}

void cli_disconnect(cli_t *cli)
{
    client_free(cli->client);
    if (cli->io) {
        io_step(cli->io, CLOSE_STEP_MS);
        io_free(cli->io);
    }
    cli->client = NULL;
    cli->io     = NULL;
}

/* ---- reading ---- */

static bool find_item(const cli_t *cli, const char *pallet, const char *item, const table_storage_t **found)
{
    const table_pallet_t *of = table_pallet(bytes_text(pallet));
    *found                   = of ? table_storage(of, bytes_text(item)) : NULL;
    return *found || !cli_fail(cli, "this program knows no storage item %s.%s", pallet, item);
}

static bool make_key(const cli_t *cli, const table_storage_t *item, json_t *keys, scale_writer_t *w)
{
    runtime_json_error_t error = {0};
    json_t *list               = keys ? keys : json_array();
    bool made                  = runtime_json_key(w, item, list, &error);
    json_decref(list);
    return made || !cli_usage(cli, "the key of %s: %s", item->name, error.text);
}

static json_t *decode_value(const table_storage_t *item, bytes_t value)
{
    bytes_t bytes    = value.data || item->optional ? value : item->missing;
    scale_reader_t r = scale_reader(bytes, NULL);
    if (!bytes.data) return json_null();
    json_t *json = runtime_json_decode(&r, item->value);
    if (json && scale_done(&r)) return json;
    json_decref(json);
    return NULL;
}

bool cli_read(cli_t *cli, const char *pallet, const char *item, json_t *keys, const hash_t *at,
              json_t **value)
{
    const table_storage_t *found;
    uint8_t room[KEY_LEN_MAX];
    scale_writer_t w = scale_writer(room, sizeof room);
    uint32_t mark    = cli->arena.used;
    bytes_t bytes;
    *value = NULL;
    if (!find_item(cli, pallet, item, &found) || !make_key(cli, found, keys, &w) || !cli_connect(cli))
        return false;
    client_error_t error = client_storage_wait(cli->client, scale_written(&w), at, &cli->arena, &bytes);
    if (error.status != CLIENT_OK) return !cli_fail(cli, "%s", error.text);
    *value          = decode_value(found, bytes);
    cli->arena.used = mark;
    return *value || !cli_fail(cli, "%s.%s does not decode: this program and the chain differ in version",
                               pallet, item);
}

/* query_values asks for many keys at once and appends {"key", "value"} for each that is there. */
static bool query_values(cli_t *cli, const table_storage_t *item, const bytes_t *keys, uint32_t count,
                         const hash_t *at, json_t *entries)
{
    json_t *list = json_array(), *params = json_array(), *answer, *change;
    size_t i;
    for (uint32_t k = 0; k < count; k++)
        json_array_append_new(list, json_hex(keys[k]));
    json_array_append_new(params, list);
    if (at) json_array_append_new(params, json_hex((bytes_t){at->b, sizeof at->b}));
    char *text           = json_dumps(params, JSON_COMPACT);
    client_error_t error = client_rpc_wait(cli->client, "state_queryStorageAt", text, &answer);
    free(text);
    json_decref(params);
    if (error.status != CLIENT_OK) return !cli_fail(cli, "%s", error.text);
    bool is_read = true;
    json_array_foreach(json_object_get(json_array_get(answer, 0), "changes"), i, change)
    {
        uint32_t mark = cli->arena.used, key_len = 0, value_len = 0;
        const char *key_text   = json_string_value(json_array_get(change, 0)),
                   *value_text = json_string_value(json_array_get(change, 1));
        if (!key_text || !value_text) continue;
        uint8_t *key   = arena_take(&cli->arena, (uint32_t)strlen(key_text)),
                *value = arena_take(&cli->arena, (uint32_t)strlen(value_text));
        is_read        = key && value &&
                  hex_decode(bytes_text(key_text), key, (uint32_t)strlen(key_text), &key_len) &&
                  hex_decode(bytes_text(value_text), value, (uint32_t)strlen(value_text), &value_len);
        json_t *decoded = is_read ? decode_value(item, (bytes_t){value, value_len}) : NULL;
        json_t *names   = is_read ? runtime_json_key_decode((bytes_t){key, key_len}, item) : NULL;
        is_read         = decoded && names;
        json_array_append_new(entries, json_pack("{s:o?,s:o?}", "key", names, "value", decoded));
        cli->arena.used = mark;
        if (!is_read) break;
    }
    json_decref(answer);
    return is_read ||
           !cli_fail(cli, "%s does not decode: this program and the chain differ in version", item->name);
}

/* tell_progress shows on a terminal how far a long reading is; is_over takes it away again. */
static void tell_progress(const cli_t *cli, size_t count, bool is_over)
{
    if (cli->is_json || cli->is_quiet || !isatty(STDERR_FILENO)) return;
    if (is_over)
        fputs("\r\033[K", stderr);
    else if (count >= 2 * PAGE)
        fprintf(stderr, "\rread %zu entries ...", count);
}

bool cli_read_all(cli_t *cli, const char *pallet, const char *item, json_t *keys, uint32_t most,
                  const hash_t *at, json_t **entries)
{
    const table_storage_t *found;
    uint8_t room[KEY_LEN_MAX], last[KEY_LEN_MAX];
    scale_writer_t w = scale_writer(room, sizeof room);
    bytes_t after    = {0}, *page;
    uint32_t count   = PAGE;
    *entries         = NULL;
    if (!find_item(cli, pallet, item, &found) || !make_key(cli, found, keys, &w) || !cli_connect(cli))
        return false;
    *entries = json_array();
    while (count == PAGE && json_array_size(*entries) < most) {
        uint32_t mark = cli->arena.used, left = most - (uint32_t)json_array_size(*entries);
        client_error_t error = client_keys_wait(cli->client, scale_written(&w), after,
                                                left < PAGE ? left : PAGE, at, &cli->arena, &page, &count);
        bool is_read = error.status == CLIENT_OK && (count == 0 || page[count - 1].len <= sizeof last);
        if (error.status != CLIENT_OK) (void)cli_fail(cli, "%s", error.text);
        if (!is_read || (count > 0 && !query_values(cli, found, page, count, at, *entries))) {
            json_decref(*entries);
            return false;
        }
        if (count > 0) {
            memcpy(last, page[count - 1].data, page[count - 1].len);
            after = (bytes_t){last, page[count - 1].len};
        }
        cli->arena.used = mark;
        tell_progress(cli, json_array_size(*entries), false);
    }
    tell_progress(cli, 0, true);
    return true;
}

bool cli_count(cli_t *cli, const char *pallet, const char *item, json_t *keys, const hash_t *at,
               uint32_t *count)
{
    const table_storage_t *found;
    uint8_t room[KEY_LEN_MAX], last[KEY_LEN_MAX];
    scale_writer_t w = scale_writer(room, sizeof room);
    bytes_t after    = {0}, *page;
    uint32_t got     = PAGE;
    *count           = 0;
    if (!find_item(cli, pallet, item, &found) || !make_key(cli, found, keys, &w) || !cli_connect(cli))
        return false;
    while (got == PAGE) {
        uint32_t mark = cli->arena.used;
        client_error_t error =
            client_keys_wait(cli->client, scale_written(&w), after, PAGE, at, &cli->arena, &page, &got);
        if (error.status != CLIENT_OK) return !cli_fail(cli, "%s", error.text);
        if (got > 0 && page[got - 1].len > sizeof last)
            return !cli_fail(cli, "the node tells a key that is too long");
        *count += got;
        if (got > 0) {
            memcpy(last, page[got - 1].data, page[got - 1].len);
            after = (bytes_t){last, page[got - 1].len};
        }
        cli->arena.used = mark;
        tell_progress(cli, *count, false);
    }
    tell_progress(cli, 0, true);
    return true;
}

bool cli_block_at(cli_t *cli, hash_t *room, const hash_t **at)
{
    const char *text = cli_option(cli, "at");
    uint64_t number;
    char params[32];
    json_t *result;
    *at = NULL;
    if (!text) return true;
    *at = room;
    if (strncmp(text, "0x", 2) == 0)
        return hex_decode_exact(bytes_text(text), room->b, sizeof room->b) ||
               !cli_usage(cli, "--at is a block's number or its hash");
    if (!cli_u64(cli, text, "--at", &number) || !cli_connect(cli)) return false;
    snprintf(params, sizeof params, "[%llu]", (unsigned long long)number);
    client_error_t error = client_rpc_wait(cli->client, "chain_getBlockHash", params, &result);
    if (error.status != CLIENT_OK) return !cli_fail(cli, "%s", error.text);
    const char *hash = json_string_value(result);
    bool is_known    = hash && hex_decode_exact(bytes_text(hash), room->b, sizeof room->b);
    json_decref(result);
    return is_known || !cli_fail(cli, "there is no block %s", text);
}

/* ---- sending ---- */

bool cli_encode_call(cli_t *cli, const char *pallet, const char *call, json_t *arguments, bytes_t *encoded)
{
    const table_pallet_t *of     = table_pallet(bytes_text(pallet));
    const table_variant_t *found = of ? table_call(of, bytes_text(call)) : NULL;
    runtime_json_error_t error   = {0};
    uint32_t cap                 = (cli->arena.size - cli->arena.used) / 2;
    scale_writer_t w             = scale_writer(NULL, cap < CALL_LEN_MAX ? cap : CALL_LEN_MAX);
    if (!found) {
        json_decref(arguments);
        return !cli_fail(cli, "there is no call %s.%s (see: trellis call)", pallet, call);
    }
    w.start      = arena_take(&cli->arena, w.cap);
    bool is_made = w.start && runtime_json_call(&w, of, found, arguments, &error);
    json_decref(arguments);
    *encoded = scale_written(&w);
    if (is_made) cli->arena.used -= w.cap - w.len; /* keep what was written only */
    return is_made || !cli_usage(cli, "%s.%s: %s", pallet, call, error.text);
}

/* own_events are the JSON of those events that the extrinsic made. */
static json_t *own_events(cli_t *cli, const client_outcome_t *outcome)
{
    client_events_t events;
    client_event_t event;
    json_t *list = json_array();
    client_events_start(&events, outcome->events, &cli->arena);
    while (client_events_next(&events, &event)) {
        scale_reader_t r = scale_reader(event.encoded, NULL);
        if (event.phase == CLIENT_PHASE_EXTRINSIC && event.extrinsic == outcome->index)
            json_array_append_new(list, runtime_json_decode(&r, runtime_type_event));
    }
    errors_name(list);
    return list;
}

bool cli_submit_options(cli_t *cli, client_submit_t *submit)
{
    const char *stage = cli_option(cli, "wait"), *nonce = cli_option(cli, "nonce"),
               *mortal = cli_option(cli, "mortal");
    uint64_t v;
    submit->until_final = cli_option(cli, "final") || (stage && strcmp(stage, "finalized") == 0);
    submit->until_sent  = !submit->until_final && stage && strcmp(stage, "none") == 0;
    submit->is_immortal = cli_option(cli, "immortal") != NULL;
    if (cli_option(cli, "tip") && !cli_amount(cli, cli_option(cli, "tip"), &submit->tip)) return false;
    if (mortal) {
        if (!cli_u64(cli, mortal, "--mortal", &v)) return false;
        if (v < 4 || v > 65536) return !cli_usage(cli, "--mortal is from 4 to 65536 blocks");
        submit->mortal_blocks = (uint32_t)v;
    }
    if (!nonce) return true;
    if (!cli_u64(cli, nonce, "--nonce", &v)) return false;
    submit->has_nonce = true;
    submit->nonce     = (uint32_t)v;
    return v <= UINT32_MAX || !cli_usage(cli, "--nonce is too large");
}

/* refuse says why a call is in a block and changed nothing; with --json as an object too. */
static bool refuse(const cli_t *cli, const client_outcome_t *outcome)
{
    const client_refusal_t *refusal = &outcome->refusal;
    char room[120];
    const char *inner  = strrchr(refusal->name, ' '); /* of "Token: FundsUnavailable" */
    const char *advice = error_advice(inner ? inner + 1 : refusal->name);
    error_words(refusal->name, room);
    const char *docs = refusal->docs[0] ? refusal->docs : room;
    (void)cli_fail(cli, "the chain refused the call: %s%s%s - %s", refusal->pallet_name,
                   refusal->pallet_name[0] ? "." : "", refusal->name, docs);
    if (advice[0]) fprintf(stderr, "  %s\n", advice);
    if (!cli->is_json) return false;
    json_t *error = json_pack(
        "{s:{s:s,s:s,s:s,s:s},s:I,s:o,s:o}", "error", "pallet", refusal->pallet_name, "name", refusal->name,
        "docs", docs, "advice", advice, "block", (json_int_t)outcome->block_number, "extrinsic_hash",
        json_hex((bytes_t){outcome->extrinsic_hash.b, 32}), "fee", json_u128(outcome->fee));
    (void)cli_print(cli, error, NULL);
    return false;
}

bool cli_send(cli_t *cli, const keypair_t *key, bytes_t call, json_t **result)
{
    char text[1024];
    uint32_t mark          = cli->arena.used;
    client_submit_t submit = {.key = key, .call = call};
    if (!cli_submit_options(cli, &submit) || !cli_connect(cli)) return false;
    client_outcome_t outcome = client_submit_wait(cli->client, &submit, &cli->arena);
    if (outcome.stage == CLIENT_TX_SENT) {
        *result = json_pack("{s:o}", "extrinsic_hash", json_hex((bytes_t){outcome.extrinsic_hash.b, 32}));
        return true;
    }
    if (outcome.stage != CLIENT_TX_FAILED && !outcome.is_success) return refuse(cli, &outcome);
    if (client_outcome_text(&outcome, text, sizeof text) != CLIENT_OK) return !cli_fail(cli, "%s", text);
    json_t *events = own_events(cli, &outcome);
    *result = json_pack("{s:I,s:o,s:I,s:o,s:o,s:o}", "block", (json_int_t)outcome.block_number, "block_hash",
                        json_hex((bytes_t){outcome.block.b, 32}), "index", (json_int_t)outcome.index,
                        "extrinsic_hash", json_hex((bytes_t){outcome.extrinsic_hash.b, 32}), "fee",
                        json_u128(outcome.fee), "events", events);
    cli->arena.used = mark;
    return true;
}

bool cli_call(cli_t *cli, const char *pallet, const char *call, json_t *arguments, json_t **result)
{
    bytes_t encoded;
    uint32_t mark = cli->arena.used;
    bool is_sent  = cli_encode_call(cli, pallet, call, arguments, &encoded) &&
                   cli_send(cli, &cli->keys[0], encoded, result);
    cli->arena.used = mark;
    return is_sent;
}

json_t *cli_event(const json_t *result, const char *pallet, const char *event)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(result, "events"), i, one)
    {
        json_t *found = json_object_get(json_object_get(one, pallet), event);
        if (found) return found;
    }
    return NULL;
}

bool cli_has_twin(cli_t *cli, const account_id_t *account, uint32_t *twin_id)
{
    json_t *id;
    if (!cli_read(cli, "TfgridModule", "TwinIdByAccountID", json_pack("[o]", json_account(account)), NULL,
                  &id))
        return false;
    *twin_id = (uint32_t)json_integer_value(id);
    json_decref(id);
    return true;
}

bool cli_own_twin(cli_t *cli, uint32_t *twin_id)
{
    if (!cli_has_twin(cli, &cli->keys[0].account, twin_id)) return false;
    return *twin_id ||
           !cli_fail(cli, "this key has no twin yet: make one with `trellis twin create --relay DOMAIN`");
}
