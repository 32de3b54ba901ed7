/* cmd_decode.c - bytes of the chain told: errors, events, calls, extrinsics, storage keys. */
#include "advice.h"
#include "hash.h"
#include "hex.h"
#include "io.h"
#include "runtime_json.h"
#include "runtime_names.h"
#include "typed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_ARENA (1u << 20)
#define STEP_MS      1000
#define VERSION_4    4
#define IS_SIGNED    0x80

static const char system_events[] = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";

/* ---- errors ---- */

static json_t *error_row(const table_pallet_t *pallet, const table_variant_t *error)
{
    char room[120];
    return json_pack("{s:s,s:s,s:i,s:i,s:s,s:s}", "pallet", pallet->name, "error", error->name, "index",
                     pallet->index, "number", error->index, "docs", error_docs(error, room), "advice",
                     error_advice(error->name));
}

/* hex_argument reads 0x and hex into the arena. */
static bool hex_argument(cli_t *cli, const char *text, bytes_t *bytes)
{
    uint32_t cap = text ? (uint32_t)strlen(text) / 2 + 1 : 1, len = 0;
    uint8_t *data = arena_take(&cli->arena, cap);
    bool is_read =
        text && data && strncmp(text, "0x", 2) == 0 && hex_decode(bytes_text(text), data, cap, &len);
    *bytes = (bytes_t){data, len};
    return is_read || !cli_usage(cli, "bytes are written 0x and hex digits");
}

/* error_of_bytes takes a DispatchError, or only the two numbers of a module's error. */
static int error_of_bytes(cli_t *cli, const char *text)
{
    bytes_t bytes;
    if (!hex_argument(cli, text, &bytes)) return 2;
    const table_pallet_t *pallet = bytes.len == 2 ? table_pallet_at(bytes.data[0]) : NULL;
    const table_variant_t *error = pallet ? table_error(bytes.data[0], bytes.data[1]) : NULL;
    if (error) return cli_print(cli, error_row(pallet, error), NULL);
    json_t *json = runtime_json_dispatch_error(bytes);
    if (!json) return cli_fail(cli, "%s is no error of this chain", text);
    const char *name = json_string_value(json_object_get(json, "error"));
    if (name) json_object_set_new(json, "advice", json_string(error_advice(name)));
    return cli_print(cli, json, NULL);
}

int cmd_errors(cli_t *cli)
{
    const char *text = cli_argument(cli, 0);
    name_t name;
    json_t *rows;
    if (!text) return list_pallets(cli, NAME_ERROR);
    if (strncmp(text, "0x", 2) == 0) return error_of_bytes(cli, text);
    if (!name_find(cli, text, NAME_ERROR, &name)) return 1;
    if (name.variant) return cli_print(cli, error_row(name.pallet, name.variant), NULL);
    rows = json_array();
    for (uint32_t i = 0; i < name.pallet->error_count; i++)
        json_array_append_new(rows, error_row(name.pallet, &name.pallet->errors[i]));
    return cli_print(cli, rows, "number error docs");
}

/* ---- events ---- */

typedef struct {
    cli_t *cli;
    name_t only; /* pallet NULL: all */
    uint64_t left;
    bool is_bounded;
} shown_t;

static void print_event(const cli_t *cli, uint32_t block, const client_event_t *event, json_t *json)
{
    const char *pallet = json_object_iter_key(json_object_iter(json));
    json_t *inner      = pallet ? json_object_get(json, pallet) : NULL;
    const char *name =
        json_is_string(inner) ? json_string_value(inner) : json_object_iter_key(json_object_iter(inner));
    json_t *data    = json_is_string(inner) ? NULL : json_object_get(inner, name ? name : "");
    bool is_of_call = event->phase == CLIENT_PHASE_EXTRINSIC;
    if (cli->is_json) {
        json_t *line = json_pack("{s:I,s:o,s:s?,s:s?,s:O?}", "block", (json_int_t)block, "extrinsic",
                                 is_of_call ? json_integer(event->extrinsic) : json_null(), "pallet", pallet,
                                 "event", name, "data", data);
        char *text   = json_dumps(line, JSON_COMPACT);
        puts(text);
        free(text);
        json_decref(line);
        return;
    }
    char place[48];
    if (is_of_call)
        snprintf(place, sizeof place, "%u-%-4u ", block, event->extrinsic);
    else
        snprintf(place, sizeof place, "%u      ", block);
    cli_print_event(place, json);
}

static bool is_wanted(const shown_t *shown, const client_event_t *event)
{
    const name_t *only = &shown->only;
    return !only->pallet || (event->encoded.len >= 2 && event->encoded.data[0] == only->pallet->index &&
                             (!only->variant || event->encoded.data[1] == only->variant->index));
}

static void show_events(shown_t *shown, uint32_t block, bytes_t raw)
{
    arena_t arena = {.start = calloc(1, EVENTS_ARENA), .size = EVENTS_ARENA};
    client_events_t events;
    client_event_t event;
    if (!arena.start) abort();
    client_events_start(&events, raw, &arena);
    while ((!shown->is_bounded || shown->left > 0) && client_events_next(&events, &event)) {
        scale_reader_t r = scale_reader(event.encoded, NULL);
        json_t *json     = is_wanted(shown, &event) ? runtime_json_decode(&r, runtime_type_event) : NULL;
        if (!json) continue;
        errors_name(json);
        print_event(shown->cli, block, &event, json);
        json_decref(json);
        shown->left -= shown->left > 0;
    }
    (void)fflush(stdout);
    free(arena.start);
}

static void on_block(void *context, const client_block_t *block)
{
    show_events(context, block->number, block->events);
}

static int follow_events(cli_t *cli, shown_t *shown)
{
    uint64_t from          = 0;
    client_follow_t follow = {
        .is_finalized = cli_option(cli, "final") != NULL, .on_block = on_block, .context = shown};
    if (cli_option(cli, "from") && !cli_u64(cli, cli_option(cli, "from"), "--from", &from)) return 2;
    follow.from = (uint32_t)from;
    if (!cli_connect(cli)) return 1;
    cli_note(cli, "events of each new block; Ctrl-C ends it");
    uint64_t ticket = client_follow(cli->client, &follow);
    while (!shown->is_bounded || shown->left > 0)
        io_step(cli->io, STEP_MS);
    client_cancel(cli->client, ticket);
    return 0;
}

static int events_at(cli_t *cli, shown_t *shown)
{
    hash_t room;
    const hash_t *at;
    bytes_t key, raw;
    json_t *number;
    if (!cli_block_at(cli, &room, &at) || !cli_connect(cli) || !hex_argument(cli, system_events, &key))
        return 1;
    if (!cli_read(cli, "System", "Number", NULL, at, &number)) return 1;
    client_error_t error = client_storage_wait(cli->client, key, at, &cli->arena, &raw);
    if (error.status != CLIENT_OK) return cli_fail(cli, "%s", error.text);
    show_events(shown, (uint32_t)json_integer_value(number), raw);
    json_decref(number);
    return 0;
}

int cmd_events(cli_t *cli)
{
    const char *text = cli_argument(cli, 0);
    shown_t shown    = {.cli = cli, .is_bounded = cli_option(cli, "limit") != NULL};
    if (text && !name_find(cli, text, NAME_EVENT, &shown.only)) return 1;
    if (shown.is_bounded && !cli_u64(cli, cli_option(cli, "limit"), "--limit", &shown.left)) return 2;
    return cli_option(cli, "follow") || cli_option(cli, "from") ? follow_events(cli, &shown)
                                                                : events_at(cli, &shown);
}

/* ---- decode ---- */

static int decode_type(cli_t *cli, bytes_t bytes, uint16_t type, const char *what)
{
    scale_reader_t r = scale_reader(bytes, NULL);
    json_t *json     = runtime_json_decode(&r, type);
    if (!json || !scale_done(&r)) return cli_fail(cli, "the bytes are no %s of this chain", what);
    errors_name(json);
    return cli_print(cli, json, NULL);
}

static json_t *signature_json(scale_reader_t *r)
{
    uint8_t kind = scale_get_u8(r);
    if (kind > KEY_ECDSA) scale_fail(r);
    if (r->failed) return NULL;
    bytes_t signature = scale_get_slice(r, signature_len((key_kind_t)kind));
    return json_pack("{s:s,s:o}", "kind", key_kind_text((key_kind_t)kind), "signature", json_hex(signature));
}

static json_t *signed_part(scale_reader_t *r)
{
    account_id_t who;
    if (scale_get_u8(r) != 0) scale_fail(r); /* MultiAddress::Id */
    scale_get_account_id(r, &who);
    json_t *signature = signature_json(r);
    era_t era         = era_get(r);
    uint32_t nonce    = scale_get_compact_u32(r);
    u128_t tip        = scale_get_compact_u128(r);
    if (r->failed) return NULL;
    json_t *part = json_pack("{s:o,s:I,s:o,s:i}", "signer", json_account(&who), "nonce", (json_int_t)nonce,
                             "tip", json_u128(tip), "mortal_blocks", (int)era.period);
    json_object_update(part, signature);
    json_decref(signature);
    return part;
}

static int decode_extrinsic(cli_t *cli, bytes_t bytes)
{
    scale_reader_t r = scale_reader(bytes, NULL);
    uint32_t len     = scale_get_compact_u32(&r);
    uint8_t version  = scale_get_u8(&r);
    bool is_signed   = version & IS_SIGNED;
    if (len != bytes.len - (uint32_t)(r.at - 1 - bytes.data) || (version & 0x7f) != VERSION_4) scale_fail(&r);
    json_t *part = r.failed ? NULL : is_signed ? signed_part(&r) : json_object();
    json_t *call = part ? runtime_json_decode(&r, runtime_type_call) : NULL;
    hash_t hash  = blake2_256(bytes);
    if (!call || !scale_done(&r)) return cli_fail(cli, "the bytes are no extrinsic of this chain");
    json_object_set_new(part, "hash", json_hex((bytes_t){hash.b, sizeof hash.b}));
    json_object_set_new(part, "call", call);
    return cli_print(cli, part, NULL);
}

/* decode_key finds the storage item that a key is of. */
static int decode_key(cli_t *cli, bytes_t bytes)
{
    for (uint32_t p = 0; bytes.len >= 32 && p < runtime_pallet_count; p++)
        for (uint32_t i = 0; i < runtime_pallets[p].storage_count; i++) {
            const table_storage_t *item = &runtime_pallets[p].storage[i];
            if (memcmp(item->prefix, bytes.data, sizeof item->prefix) != 0) continue;
            json_t *keys = runtime_json_key_decode(bytes, item);
            if (!keys && bytes.len > 32)
                return cli_fail(cli, "it is a key of %s.%s, but a broken one", runtime_pallets[p].name,
                                item->name);
            return cli_print(cli,
                             json_pack("{s:s,s:s,s:o}", "pallet", runtime_pallets[p].name, "item", item->name,
                                       "keys", keys ? keys : json_array()),
                             NULL);
        }
    return cli_fail(cli, "the bytes are no storage key of this chain");
}

int cmd_decode(cli_t *cli)
{
    const char *what = cli_argument(cli, 0);
    bytes_t bytes;
    if (!what) return cli_usage(cli, "what? call, event, extrinsic, key or error");
    if (!hex_argument(cli, cli_argument(cli, 1), &bytes)) return 2;
    if (names_equal(what, "call")) return decode_type(cli, bytes, runtime_type_call, "call");
    if (names_equal(what, "event")) return decode_type(cli, bytes, runtime_type_event, "event");
    if (names_equal(what, "extrinsic")) return decode_extrinsic(cli, bytes);
    if (names_equal(what, "key")) return decode_key(cli, bytes);
    if (names_equal(what, "error")) return error_of_bytes(cli, cli_argument(cli, 1));
    return cli_usage(cli, "'%s' is none of call, event, extrinsic, key and error", what);
}
