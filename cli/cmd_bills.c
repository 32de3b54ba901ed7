/* cmd_bills.c - what happened to a contract: its bills, read back from the blocks, and its events as they
 * come. */
#define _GNU_SOURCE /* memmem */
#include "cli.h"
#include "io.h"
#include "runtime_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PALLET       "SmartContractModule"
#define CHUNK        200u
#define BLOCKS_MAX   100000u /* looked at without --from */
#define EVENTS_ARENA (1u << 20)

typedef struct {
    uint32_t number;
    bool is_done;
    hash_t hash;
    bytes_t events; /* ours */
    client_error_t error;
} seen_t;

static void on_events(void *self, const client_error_t *error, bytes_t value)
{
    seen_t *seen  = self;
    seen->is_done = true;
    seen->error   = *error;
    uint8_t *copy = value.len ? malloc(value.len) : NULL;
    if (copy) memcpy(copy, value.data, value.len);
    seen->events = (bytes_t){copy, copy ? value.len : 0};
}

/* mentions: may these events speak of the contract?  Its id stands in each of its events, little-endian. */
static bool mentions(bytes_t events, uint64_t id)
{
    return events.len >= sizeof id && memmem(events.data, events.len, &id, sizeof id);
}

/* contract_id_in finds the id that an event of SmartContractModule is about; 0 for none. */
static uint64_t contract_id_in(const json_t *data)
{
    if (json_is_integer(data)) return (uint64_t)json_integer_value(data);
    return (uint64_t)json_integer_value(json_object_get(data, "contract_id"));
}

typedef void (*event_fn)(void *context, uint32_t block, const char *name, json_t *data);

/* each_event calls fn for each event of the contract in a block's events. */
static void each_event(bytes_t raw, uint32_t block, uint64_t id, event_fn fn, void *context)
{
    arena_t arena = {.start = calloc(1, EVENTS_ARENA), .size = EVENTS_ARENA};
    client_events_t events;
    client_event_t event;
    if (!arena.start) abort();
    client_events_start(&events, raw, &arena);
    while (mentions(raw, id) && client_events_next(&events, &event)) {
        scale_reader_t r = scale_reader(event.encoded, NULL);
        if (event.event.pallet != SMART_CONTRACT_PALLET || !mentions(event.encoded, id)) continue;
        json_t *json = runtime_json_decode(&r, runtime_type_event), *inner = json_object_get(json, PALLET);
        const char *name = json_object_iter_key(json_object_iter(inner));
        if (name && contract_id_in(json_object_get(inner, name)) == id)
            fn(context, block, name, json_object_get(inner, name));
        json_decref(json);
    }
    free(arena.start);
}

typedef struct {
    json_t *rows; /* newest first */
    bool is_born;
} bills_t;

static void add_bill(void *context, uint32_t block, const char *name, json_t *data)
{
    bills_t *bills = context;
    if (strcmp(name, "ContractCreated") == 0) bills->is_born = true;
    bool is_bill      = strcmp(name, "ContractBilled") == 0,
         is_overdrawn = strcmp(name, "ContractPaymentOverdrawn") == 0;
    if (!is_bill && !is_overdrawn) return;
    json_t *amount = json_object_get(data, is_bill ? "amount_billed" : "partially_billed_amount");
    json_t *row =
        json_pack("{s:I,s:o,s:O}", "block", (json_int_t)block, "amount", json_u128(json_u128_value(amount)),
                  "timestamp", json_object_get(data, "timestamp"));
    if (is_bill)
        json_object_set(row, "discount", json_object_get(data, "discount_level"));
    else
        json_object_set_new(row, "overdraft", json_u128(json_u128_value(json_object_get(data, "overdraft"))));
    json_array_insert_new(bills->rows, 0, row);
}

/* ask_hashes learns the hashes of a run of blocks by one request. */
static bool ask_hashes(cli_t *cli, seen_t *seen, uint32_t count)
{
    json_t *numbers = json_array(), *params = json_array(), *result;
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(numbers, json_integer(seen[i].number));
    json_array_append_new(params, numbers);
    char *text           = json_dumps(params, JSON_COMPACT);
    client_error_t error = client_rpc_wait(cli->client, "chain_getBlockHash", text, &result);
    free(text);
    json_decref(params);
    bool is_read = error.status == CLIENT_OK;
    for (uint32_t i = 0; i < count && is_read; i++) {
        const char *hash = json_string_value(json_array_get(result, i));
        is_read          = hash && strlen(hash) == 66;
        for (size_t b = 0; is_read && b < 32; b++) {
            char digits[3]    = {hash[2 + 2 * b], hash[3 + 2 * b], 0};
            seen[i].hash.b[b] = (uint8_t)strtoul(digits, NULL, 16);
        }
    }
    json_decref(result);
    return is_read ||
           !cli_fail(cli, "%s",
                     error.status == CLIENT_OK ? "the node does not know its own blocks" : error.text);
}

/* look reads the events of the blocks first .. first + count - 1, newest first. */
static bool look(cli_t *cli, uint32_t first, uint32_t count, uint64_t id, bills_t *bills, bool *is_pruned)
{
    seen_t seen[CHUNK] = {0};
    uint8_t room[32];
    scale_writer_t key = scale_writer(room, sizeof room);
    system_events_key(&key);
    for (uint32_t i = 0; i < count; i++)
        seen[i].number = first + count - 1 - i;
    if (!ask_hashes(cli, seen, count)) return false;
    for (uint32_t i = 0; i < count; i++)
        (void)client_storage(cli->client, scale_written(&key), &seen[i].hash, on_events, &seen[i]);
    for (uint32_t i = 0; i < count; i++) {
        while (!seen[i].is_done)
            io_step(cli->io, 100);
        *is_pruned = *is_pruned || seen[i].error.status != CLIENT_OK;
        if (!*is_pruned && !bills->is_born) each_event(seen[i].events, seen[i].number, id, add_bill, bills);
        uint8_t *events;
        memcpy(&events, &seen[i].events.data, sizeof events);
        free(events);
    }
    return true;
}

static bool best_number(cli_t *cli, uint32_t *number)
{
    json_t *value;
    if (!cli_read(cli, "System", "Number", NULL, NULL, &value)) return false;
    *number = (uint32_t)json_integer_value(value);
    json_decref(value);
    return true;
}

int cmd_contract_bills(cli_t *cli)
{
    uint64_t id, from = 0;
    uint32_t best;
    bills_t bills  = {0};
    bool is_pruned = false;
    if (!cli_u64(cli, cli_argument(cli, 0), "the contract's id", &id) ||
        (cli_option(cli, "from") && !cli_u64(cli, cli_option(cli, "from"), "--from", &from)))
        return 2;
    if (!best_number(cli, &best)) return 1;
    if (!cli_option(cli, "from") && best > BLOCKS_MAX) from = best - BLOCKS_MAX;
    from       = from < 1 ? 1 : from;
    bills.rows = json_array();
    for (uint32_t next = best; next >= from && !bills.is_born && !is_pruned;) {
        uint32_t count = next - (uint32_t)from + 1 < CHUNK ? next - (uint32_t)from + 1 : CHUNK;
        if (!look(cli, next - count + 1, count, id, &bills, &is_pruned)) {
            json_decref(bills.rows);
            return 1;
        }
        next -= count;
    }
    if (!bills.is_born && from > 1)
        cli_note(cli, "looked back to block %" PRIu64 " only; --from goes further", from);
    if (is_pruned) cli_note(cli, "the node has forgotten the state of older blocks");
    return cli_print(cli, bills.rows, "block amount discount timestamp overdraft");
}

/* ---- watch ---- */

typedef struct {
    cli_t *cli;
    uint64_t id, count, left;
    bool is_done;
} watch_t;

static void print_event(void *context, uint32_t block, const char *name, json_t *data)
{
    watch_t *watch = context;
    json_t *line   = json_pack("{s:I,s:s,s:O}", "block", (json_int_t)block, "event", name, "data", data);
    char *text =
        json_dumps(watch->cli->is_json ? line : data, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    if (watch->cli->is_json)
        puts(text);
    else
        printf("%10u  %-28s %s\n", block, name, text);
    (void)fflush(stdout);
    free(text);
    json_decref(line);
    if (strstr(name, "Canceled") || (watch->count && --watch->left == 0)) watch->is_done = true;
}

static void on_block(void *context, const client_block_t *block)
{
    watch_t *watch = context;
    if (!watch->is_done) each_event(block->events, block->number, watch->id, print_event, watch);
}

int cmd_contract_watch(cli_t *cli)
{
    watch_t watch          = {.cli = cli};
    uint64_t from          = 0;
    client_follow_t follow = {
        .is_finalized = cli_option(cli, "final") != NULL, .on_block = on_block, .context = &watch};
    if (!cli_u64(cli, cli_argument(cli, 0), "the contract's id", &watch.id) ||
        (cli_option(cli, "from") && !cli_u64(cli, cli_option(cli, "from"), "--from", &from)) ||
        (cli_option(cli, "count") && !cli_u64(cli, cli_option(cli, "count"), "--count", &watch.count)))
        return 2;
    if (!cli_connect(cli)) return 1;
    watch.left  = watch.count;
    follow.from = (uint32_t)from;
    cli_note(cli, "watching contract %" PRIu64 "; Ctrl-C ends it", watch.id);
    uint64_t ticket = client_follow(cli->client, &follow);
    while (!watch.is_done)
        io_step(cli->io, 1000);
    client_cancel(cli->client, ticket);
    return 0;
}
