/* cmd_call.c - any call, by name: listed, explained, made from words, tried, sent, proposed, many at once. */
#include "advice.h"
#include "hash.h"
#include "runtime_json.h"
#include "runtime_names.h"
#include "typed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN (1u << 20)
#define BATCH_MAX    1000
#define FROM_OUTSIDE 2 /* TransactionSource::External */
#define REQUIRES_AT  9 /* in Ok(ValidTransaction): after the priority */

/* ---- lists ---- */

int list_pallets(const cli_t *cli, unsigned kinds)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < runtime_pallet_count; i++) {
        const table_pallet_t *p = &runtime_pallets[i];
        int count = (kinds & NAME_CALL ? p->call_count : 0) + (kinds & NAME_ITEM ? p->storage_count : 0) +
                    (kinds & NAME_CONSTANT ? p->constant_count : 0) +
                    (kinds & NAME_EVENT ? p->event_count : 0) + (kinds & NAME_ERROR ? p->error_count : 0);
        if (count == 0) continue;
        json_array_append_new(rows, json_pack("{s:s,s:s,s:i,s:s}", "pallet", p->prefix, "also", p->name,
                                              "has", count, "about", pallet_about(p->index)));
    }
    int status = cli_print(cli, rows, NULL);
    cli_note(cli, "\n  trellis %s PALLET        lists what one has\n  trellis %s PALLET.NAME   %s",
             cli->command->words, cli->command->words,
             kinds & NAME_CALL ? "sends it; with --help explains it" : "shows it");
    return status;
}

typedef struct {
    json_t *rows;
    unsigned kinds;
} listing_t;

#define TYPE_SHOWN 48 /* letters; a longer type is told by its name */

static void short_type(uint16_t type, char text[400])
{
    typed_describe(type, text, 400);
    if (strlen(text) <= TYPE_SHOWN) return;
    const table_type_t *t = &runtime_types[type];
    bool is_list          = t->form == TABLE_SEQUENCE;
    const char *name      = is_list ? runtime_types[t->inner].name : t->name;
    if (name[0])
        snprintf(text, 400, "%s%s", is_list ? "list of " : "", name);
    else
        memcpy(text + TYPE_SHOWN - 3, "...", 4);
}

static json_t *item_row(const table_pallet_t *pallet, const table_storage_t *item, const char *snake)
{
    char keys[820] = "", value[400];
    for (uint32_t i = 0; i < item->key_count; i++) {
        char key[400];
        short_type(item->keys[i], key);
        snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%s%s", i ? ", " : "", key);
    }
    short_type(item->value, value);
    return json_pack("{s:s+++,s:s,s:s,s:s}", "name", pallet->prefix, ".", snake, "", "keys", keys, "value",
                     value, "docs", item->docs);
}

static void list_one(void *context, const table_pallet_t *pallet, const char *name, const char *docs)
{
    listing_t *listing          = context;
    const table_storage_t *item = listing->kinds & NAME_ITEM ? table_storage(pallet, bytes_text(name)) : NULL;
    char snake[80];
    name_snake(name, snake);
    if (item) {
        json_array_append_new(listing->rows, item_row(pallet, item, snake));
        return;
    }
    json_array_append_new(listing->rows,
                          json_pack("{s:s+++,s:s}", "name", pallet->prefix, ".", snake, "", "docs", docs));
}

int list_names(const cli_t *cli, const table_pallet_t *pallet, unsigned kinds)
{
    listing_t listing = {.rows = json_array(), .kinds = kinds};
    name_each(pallet, kinds, list_one, &listing);
    if (json_array_size(listing.rows) == 0) {
        json_decref(listing.rows);
        return cli_fail(cli, "%s has none", pallet->name);
    }
    return cli_print(cli, listing.rows, NULL);
}

/* ---- one call explained ---- */

static json_t *call_errors(const table_pallet_t *pallet, const table_variant_t *call)
{
    json_t *rows = json_array();
    char room[120];
    for (const call_error_t *one = runtime_call_errors; one->pallet_name; one++) {
        if (one->pallet != pallet->index || one->call != call->index) continue;
        const table_pallet_t *of       = table_pallet(bytes_text(one->pallet_name));
        const table_variant_t *variant = NULL;
        for (uint32_t i = 0; of && i < of->error_count; i++)
            if (strcmp(of->errors[i].name, one->error) == 0) variant = &of->errors[i];
        if (variant)
            json_array_append_new(rows, json_pack("{s:s,s:s,s:s}", "pallet", of->name, "error", variant->name,
                                                  "docs", error_docs(variant, room)));
    }
    return rows;
}

static json_t *call_arguments(const table_variant_t *call)
{
    json_t *rows = json_array();
    char takes[2000], example[400];
    for (uint32_t i = 0; i < call->field_count; i++) {
        typed_describe(call->fields[i].type, takes, sizeof takes);
        typed_example(call->fields[i].type, call->fields[i].name, example, sizeof example);
        json_array_append_new(rows,
                              json_pack("{s:s,s:s,s:s,s:i}", "argument", call->fields[i].name, "type", takes,
                                        "example", example, "type_id", (int)call->fields[i].type));
    }
    return rows;
}

static int explain_call(const cli_t *cli, const table_pallet_t *pallet, const table_variant_t *call)
{
    json_t *arguments = call_arguments(call), *errors = call_errors(pallet, call), *row;
    size_t i;
    if (cli->is_json)
        return cli_print(cli,
                         json_pack("{s:s+++,s:s,s:s,s:s,s:o,s:o}", "call", pallet->prefix, ".", call->name,
                                   "", "pallet", pallet->name, "docs", call->docs, "origin",
                                   call_origin(pallet->index, call->index), "arguments", arguments, "errors",
                                   errors),
                         NULL);
    printf("trellis call %s.%s", pallet->prefix, call->name);
    json_array_foreach(arguments, i, row) printf(" %s", json_string_value(json_object_get(row, "argument")));
    printf("\n\n%s\nWho may send it: %s\n", call->docs, call_origin(pallet->index, call->index));
    if (json_array_size(arguments) > 0) puts("\nArguments, in this order or as name=value");
    int width = 0;
    json_array_foreach(arguments, i, row)
    {
        int len = (int)json_string_length(json_object_get(row, "argument"));
        width   = len > width ? len : width;
    }
    json_array_foreach(arguments, i, row)
    {
        printf("  %-*s  %s\n", width, json_string_value(json_object_get(row, "argument")),
               json_string_value(json_object_get(row, "type")));
    }
    printf("\nExample\n  trellis call %s.%s", pallet->prefix, call->name);
    json_array_foreach(arguments, i, row)
    {
        printf(" %s=%s", json_string_value(json_object_get(row, "argument")),
               json_string_value(json_object_get(row, "example")));
    }
    puts(" --key-file me.key");
    if (json_array_size(errors) > 0) puts("\nIt may be refused with");
    json_array_foreach(errors, i, row)
    {
        printf("  %-40s %s\n", json_string_value(json_object_get(row, "error")),
               json_string_value(json_object_get(row, "docs")));
    }
    puts("\nOptions: --dry-run --encode --propose N --wait STAGE --tip TFT --nonce N --mortal N --immortal;\n"
         "trellis call --help explains them.");
    json_decref(arguments);
    json_decref(errors);
    return 0;
}

/* ---- made ---- */

typedef struct {
    const char *pallet, *call;
    json_t *arguments;
} made_t;

static bool read_batch(cli_t *cli, const char *path, json_t *calls)
{
    FILE *file   = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *line   = malloc(LINE_MAX_LEN);
    int number   = 0;
    bool is_good = file && line;
    if (!file) (void)cli_fail(cli, "%s: %s", path, strerror(errno));
    while (is_good && fgets(line, LINE_MAX_LEN, file)) {
        typed_error_t error;
        size_t len = strcspn(line, "\r\n"), blank = strspn(line, " \t\r\n");
        number++;
        line[len] = 0;
        if (!line[blank] || line[blank] == '#') continue;
        json_t *call = typed_value(cli, runtime_type_call, line + blank, &error);
        is_good      = call && json_array_append_new(calls, call) == 0 && json_array_size(calls) <= BATCH_MAX;
        if (!call) (void)cli_fail(cli, "%s, line %d: %s", path, number, error.text);
        if (call && !is_good) (void)cli_fail(cli, "%s holds more than %d calls", path, BATCH_MAX);
    }
    free(line);
    if (file && file != stdin) (void)fclose(file);
    if (is_good && json_array_size(calls) == 0) return !cli_fail(cli, "%s holds no call", path);
    return is_good;
}

static bool make_batch(cli_t *cli, made_t *made)
{
    json_t *calls = json_array();
    *made         = (made_t){"Utility", "batch_all", json_pack("{s:o}", "calls", calls)};
    return read_batch(cli, cli_option(cli, "batch"), calls);
}

/* wrap has the call proposed to the council. */
static bool wrap(cli_t *cli, made_t *made)
{
    uint64_t threshold;
    bytes_t encoded;
    uint32_t mark = cli->arena.used;
    if (!cli_u64(cli, cli_option(cli, "propose"), "--propose", &threshold)) return false;
    json_t *call = json_object_size(made->arguments)
                       ? json_pack("{s:{s:O}}", made->pallet, made->call, made->arguments)
                       : json_pack("{s:s}", made->pallet, made->call);
    if (!cli_encode_call(cli, made->pallet, made->call, made->arguments, &encoded)) return false;
    *made           = (made_t){"Council", "propose",
                               json_pack("{s:I,s:o,s:I}", "threshold", (json_int_t)threshold, "proposal", call,
                                         "length_bound", (json_int_t)encoded.len)};
    cli->arena.used = mark;
    return true;
}

static int print_encoded(const cli_t *cli, bytes_t call)
{
    hash_t hash = blake2_256(call);
    return cli_print(cli,
                     json_pack("{s:o,s:o,s:i}", "call", json_hex(call), "hash",
                               json_hex((bytes_t){hash.b, sizeof hash.b}), "length", (int)call.len),
                     NULL);
}

/* ---- tried ---- */

static const char *validity_text(bytes_t answer)
{
    static const char *const invalid[] = {"the chain does not take such a call from anybody",
                                          "the account cannot pay the fee",
                                          "its nonce is one that comes later: it would wait",
                                          "its nonce was used already",
                                          "its signature or its era is wrong",
                                          "its era is over",
                                          "no block has room for it",
                                          "custom"};
    if (answer.len > 0 && answer.data[0] == 0) return NULL;
    bool is_known =
        answer.len >= 3 && answer.data[1] == 0 && answer.data[2] < sizeof invalid / sizeof *invalid;
    return is_known ? invalid[answer.data[2]] : "the chain cannot tell why";
}

/* ask_validity has the chain judge an extrinsic; one that waits needs another before it. */
static bool ask_validity(cli_t *cli, bytes_t extrinsic, const char **refusal, bool *waits)
{
    bytes_t answer;
    const client_chain_t *chain = client_chain(cli->client);
    uint32_t cap                = extrinsic.len + 64;
    scale_writer_t w            = scale_writer(arena_take(&cli->arena, cap), cap);
    if (!w.start) return !cli_fail(cli, "the call is too large");
    scale_put_u8(&w, FROM_OUTSIDE);
    scale_put_raw(&w, extrinsic.data, extrinsic.len);
    scale_put_hash(&w, &chain->genesis);
    client_error_t error = client_state_call_wait(cli->client, "TaggedTransactionQueue_validate_transaction",
                                                  scale_written(&w), NULL, &cli->arena, &answer);
    *refusal             = error.status == CLIENT_OK ? validity_text(answer) : NULL;
    *waits               = error.status == CLIENT_OK && answer.len > REQUIRES_AT && answer.data[0] == 0 &&
             answer.data[REQUIRES_AT] != 0;
    return error.status == CLIENT_OK || !cli_fail(cli, "%s", error.text);
}

static json_t *ask_fee(cli_t *cli, json_t *extrinsic)
{
    json_t *info = NULL, *params = json_pack("[O]", extrinsic);
    char *text = json_dumps(params, JSON_COMPACT);
    (void)client_rpc_wait(cli->client, "payment_queryInfo", text, &info);
    free(text);
    json_decref(params);
    return info;
}

static int try_call(cli_t *cli, bytes_t call)
{
    const char *refusal    = NULL;
    bool waits             = false;
    client_submit_t submit = {.key = &cli->keys[0], .call = call, .is_sign_only = true};
    if (!cli_submit_options(cli, &submit) || !cli_connect(cli)) return 2;
    client_outcome_t outcome = client_submit_wait(cli->client, &submit, &cli->arena);
    if (outcome.stage != CLIENT_TX_SIGNED) return cli_fail(cli, "%s", outcome.error.text);
    if (!ask_validity(cli, outcome.extrinsic, &refusal, &waits)) return 1;
    json_t *extrinsic = json_hex(outcome.extrinsic), *info = ask_fee(cli, extrinsic);
    json_t *result =
        json_pack("{s:b,s:O?,s:O?,s:o,s:o}", "valid", refusal == NULL, "fee",
                  json_object_get(info, "partialFee"), "weight", json_object_get(info, "weight"), "hash",
                  json_hex((bytes_t){outcome.extrinsic_hash.b, 32}), "extrinsic", extrinsic);
    if (refusal) json_object_set_new(result, "reason", json_string(refusal));
    if (waits) json_object_set_new(result, "waits", json_string("for an earlier nonce of the account"));
    json_decref(info);
    cli_note(cli, "signed, not sent; whether the call itself is refused shows only in a block");
    int status = cli_print(cli, result, NULL);
    return refusal ? 1 : status;
}

/* ---- sent ---- */

static bool check_stage(const cli_t *cli)
{
    const char *stage = cli_option(cli, "wait");
    return !stage || strcmp(stage, "inblock") == 0 || strcmp(stage, "finalized") == 0 ||
           strcmp(stage, "none") == 0 ||
           !cli_usage(cli, "--wait is inblock, finalized or none, not '%s'", stage);
}

static void note_motion(const cli_t *cli, const json_t *result)
{
    const json_t *event = cli_event(result, "Council", "Proposed");
    const char *hash    = json_string_value(json_object_get(event, "proposal_hash"));
    if (hash)
        cli_note(
            cli,
            "\nproposed; its members agree and carry it out by\n  trellis council vote %s --key-file MEMBER\n"
            "  trellis council close %s --key-file MEMBER",
            hash, hash);
}

static int send_call(cli_t *cli, made_t *made)
{
    bytes_t encoded;
    json_t *result;
    if (cli_option(cli, "propose") && !wrap(cli, made)) return 2;
    if (!cli_encode_call(cli, made->pallet, made->call, made->arguments, &encoded)) return 2;
    if (cli_option(cli, "encode")) return print_encoded(cli, encoded);
    if (cli->key_count == 0) return cli_usage(cli, "who signs? give --key-file FILE");
    if (cli_option(cli, "dry-run")) return try_call(cli, encoded);
    cli_note(cli, "sending %s.%s ...", made->pallet, made->call);
    if (!cli_send(cli, &cli->keys[0], encoded, &result)) return 1;
    json_incref(result);
    int status = cli_print_sent(cli, result);
    note_motion(cli, result);
    json_decref(result);
    return status;
}

int cmd_call(cli_t *cli)
{
    const char *text = cli_argument(cli, 0);
    name_t name;
    made_t made;
    bool is_help = cli_option(cli, "help") != NULL;
    if (!check_stage(cli)) return 2;
    if (cli_option(cli, "batch")) return make_batch(cli, &made) ? send_call(cli, &made) : 2;
    if (!text) return list_pallets(cli, NAME_CALL);
    if (!name_find(cli, text, NAME_CALL, &name)) return 1;
    if (!name.variant) return list_names(cli, name.pallet, NAME_CALL);
    if (is_help || (cli->argument_count == 1 && name.variant->field_count > 0 && !cli_option(cli, "encode")))
        return explain_call(cli, name.pallet, name.variant);
    made = (made_t){name.pallet->name, name.variant->name, NULL};
    if (!typed_arguments(cli, name.pallet, name.variant, cli->arguments + 1, cli->argument_count - 1,
                         &made.arguments))
        return 2;
    return send_call(cli, &made);
}
