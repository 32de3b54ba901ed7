/* cmd_rmb.c - the message bus by hand: send, listen, echo, ping, trace. */
#include "bus_open.h"
#include "cli.h"
#include "io.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPIRE_S   60
#define PING_COUNT 4
#define PAUSE_MS   200
#define STEP_MS    1000

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static json_t *json_ms(double ms) { return json_real((double)(int64_t)(ms * 1000 + 0.5) / 1000); }

/* ---- one question ---- */

typedef struct {
    uint32_t twin;
    uint64_t expire_s;
    const char *command, *payload;
} question_t;

static bool read_twin(const cli_t *cli, uint32_t *twin)
{
    uint64_t id;
    if (!cli_u64(cli, cli_argument(cli, 0), "the twin's id", &id)) return false;
    if (id == 0 || id > UINT32_MAX) return !cli_usage(cli, "there is no twin %" PRIu64, id);
    *twin = (uint32_t)id;
    return true;
}

static bool read_question(const cli_t *cli, question_t *question)
{
    const char *expire = cli_option(cli, "expire"), *session = cli_option(cli, "to-session");
    question->expire_s = EXPIRE_S;
    if (session && strlen(session) > RMB_CONNECTION_MAX)
        return !cli_usage(cli, "--to-session has at most %d bytes", RMB_CONNECTION_MAX);
    if (expire && !cli_u64(cli, expire, "--expire", &question->expire_s)) return false;
    if (question->expire_s == 0 || question->expire_s > RMB_EXPIRATION_S_MAX)
        return !cli_usage(cli, "--expire is 1 to %d seconds", RMB_EXPIRATION_S_MAX);
    return read_twin(cli, &question->twin);
}

typedef struct {
    bool is_done;
    double begun_ms, safe_ms, done_ms; /* safe_ms: 0 when the relay did not say */
    arena_t *arena;
    peer_answer_t answer;
    char error[512];
} asking_t;

static void on_safe(void *context)
{
    asking_t *asking = context;
    asking->safe_ms  = now_ms() - asking->begun_ms;
}

static void on_answer(void *context, const peer_answer_t *answer)
{
    asking_t *asking = context;
    asking->is_done  = true;
    asking->done_ms  = now_ms() - asking->begun_ms;
    asking->answer   = *answer;
    if (!arena_copy(asking->arena, answer->payload, &asking->answer.payload))
        asking->answer.status = PEER_TOO_LONG;
    snprintf(asking->error, sizeof asking->error, "%s", answer->error);
}

/* ask waits for the answer.  True when the other twin answered, be it by an error. */
static bool ask(const cli_t *cli, const cli_bus_t *bus, const question_t *question, arena_t *arena,
                asking_t *asking)
{
    peer_request_t request = {.twin         = question->twin,
                              .connection   = cli_option(cli, "to-session"),
                              .command      = question->command,
                              .payload      = bytes_text(question->payload),
                              .expiration_s = question->expire_s,
                              .on_safe      = on_safe};
    *asking                = (asking_t){.arena = arena, .begun_ms = now_ms()};
    (void)peer_request(bus->peer, &request, on_answer, asking);
    while (!asking->is_done)
        io_step(cli->io, STEP_MS);
    return asking->answer.status == PEER_OK || asking->answer.status == PEER_REFUSED;
}

/* ---- send ---- */

static int print_answer(cli_t *cli, const asking_t *asking)
{
    switch (asking->answer.status) {
    case PEER_OK: break;
    case PEER_REFUSED:
        return cli_fail(cli, "the twin answered with error %u: %s", asking->answer.error_code, asking->error);
    case PEER_RELAY: return cli_fail(cli, "the relay could not deliver: %s", asking->error);
    case PEER_TIMEOUT:
    case PEER_NO_TWIN:
    case PEER_UNAVAILABLE:
    case PEER_BAD_ANSWER:
    case PEER_TOO_LONG:
    case PEER_CLOSED: return cli_fail(cli, "%s", peer_status_text(asking->answer.status));
    }
    json_t *json = json_loadb((const char *)asking->answer.payload.data, asking->answer.payload.len,
                              JSON_DECODE_ANY, NULL);
    return json ? cli_print(cli, json, NULL) : cli_fail(cli, "the answer is no JSON");
}

int cmd_rmb_send(cli_t *cli)
{
    question_t question = {.command = cli_argument(cli, 1), .payload = cli_argument(cli, 2)};
    cli_bus_t bus       = {0};
    json_t *checked     = NULL;
    asking_t asking;
    uint32_t twin;
    if (!read_question(cli, &question)) return 2;
    if (!question.command) return cli_usage(cli, "which command?");
    if (strlen(question.command) > PEER_COMMAND_MAX) return cli_usage(cli, "the command is too long");
    if (!question.payload) question.payload = "null";
    if (!cli_json_argument(cli, question.payload, &checked)) return 2;
    json_decref(checked);
    int status = 1;
    if (cli_own_twin(cli, &twin) && cli_bus_open(cli, &bus, twin, NULL) && cli_bus_wait(cli, &bus)) {
        (void)ask(cli, &bus, &question, &cli->arena, &asking);
        status = print_answer(cli, &asking);
    }
    cli_bus_close(&bus);
    return status;
}

/* ---- listen, echo ---- */

typedef struct {
    cli_t *cli;
    const char *answer; /* of listen; NULL: echo */
    uint64_t count, left;
    bool is_done;
} serving_t;

static json_t *request_json(const peer_incoming_t *request)
{
    json_t *payload =
        json_loadb((const char *)request->payload.data, request->payload.len, JSON_DECODE_ANY, NULL);
    if (!payload && request->payload.len == 0) payload = json_null();
    if (!payload) payload = json_hex(request->payload);
    return json_pack("{s:s,s:I,s:s?,s:s,s:o,s:I}", "uid", request->from.uid, "twin",
                     (json_int_t)request->from.twin, "session",
                     request->from.has_connection ? request->from.connection : NULL, "command",
                     request->command, "payload", payload, "expires", (json_int_t)request->deadline_s);
}

static void print_request(const cli_t *cli, const peer_incoming_t *request)
{
    json_t *json = request_json(request);
    if (!json) return;
    char *text = json_dumps(cli->is_json ? json : json_object_get(json, "payload"),
                            JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    char *name = json_dumps(json_object_get(json, "command"), JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    if (cli->is_json)
        puts(text);
    else
        printf("twin %-8u %s %s\n", request->from.twin, name, text);
    (void)fflush(stdout);
    free(text);
    free(name);
    json_decref(json);
}

static void on_request(void *context, peer_t *peer, const peer_incoming_t *request)
{
    serving_t *serving = context;
    if (serving->is_done) return;
    print_request(serving->cli, request);
    if (serving->answer)
        peer_reply(peer, &request->from, bytes_text(serving->answer));
    else if (strcmp(request->command, "echo") == 0)
        peer_reply(peer, &request->from, request->payload);
    else
        peer_reply_error(peer, &request->from, 0, "function is not found");
    if (serving->count && --serving->left == 0) serving->is_done = true;
}

static void on_signal(void *self) { ((serving_t *)self)->is_done = true; }

static int serve(cli_t *cli, const char *answer)
{
    serving_t serving         = {.cli = cli, .answer = answer};
    cli_bus_options_t options = {on_request, &serving, true};
    cli_bus_t bus             = {0};
    uint32_t twin;
    int status = 1;
    if (cli_option(cli, "count") && !cli_u64(cli, cli_option(cli, "count"), "--count", &serving.count))
        return 2;
    serving.left = serving.count;
    if (cli_own_twin(cli, &twin) && cli_bus_open(cli, &bus, twin, &options)) {
        io_stop_on_signals(cli->io, on_signal, &serving);
        if (cli_bus_wait(cli, &bus)) {
            cli_note(cli, "twin %u listens at %s; Ctrl-C ends it", twin, bus.urls[0]);
            while (!serving.is_done)
                io_step(cli->io, STEP_MS);
            bool never = false;
            (void)io_wait(cli->io, &never, PAUSE_MS); /* the last answer leaves */
            status = 0;
        }
    }
    cli_bus_close(&bus);
    return status;
}

int cmd_rmb_listen(cli_t *cli)
{
    const char *answer = cli_option(cli, "answer");
    json_t *checked    = NULL;
    if (answer && !cli_json_argument(cli, answer, &checked)) return 2;
    json_decref(checked);
    return serve(cli, answer ? answer : "null");
}

int cmd_rmb_echo(cli_t *cli) { return serve(cli, NULL); }

/* ---- ping ---- */

typedef struct {
    bool is_done, is_answered;
    double begun_ms, done_ms;
} pinging_t;

static void on_pong(void *context, bool is_answered)
{
    pinging_t *pinging   = context;
    pinging->done_ms     = now_ms() - pinging->begun_ms;
    pinging->is_answered = is_answered;
    pinging->is_done     = true;
}

/* ping_relay gives the time to the relay and back; below zero: no answer. */
static double ping_relay(const cli_t *cli, const cli_bus_t *bus)
{
    pinging_t pinging = {.begun_ms = now_ms()};
    if (!peer_ping(bus->peer, on_pong, &pinging)) return -1;
    while (!pinging.is_done)
        io_step(cli->io, STEP_MS);
    return pinging.is_answered ? pinging.done_ms : -1;
}

static double ping_twin(cli_t *cli, const cli_bus_t *bus, const question_t *question)
{
    asking_t asking;
    uint32_t mark    = cli->arena.used;
    bool is_answered = ask(cli, bus, question, &cli->arena, &asking);
    cli->arena.used  = mark;
    if (!is_answered) cli_note(cli, "%s", asking.error);
    return is_answered ? asking.done_ms : -1;
}

static int ping(cli_t *cli, const cli_bus_t *bus, const question_t *question, uint64_t count)
{
    double least_ms = 0, most_ms = 0, sum_ms = 0;
    uint64_t answered = 0;
    bool never        = false;
    for (uint64_t i = 0; i < count; i++) {
        if (i) (void)io_wait(cli->io, &never, PAUSE_MS);
        double ms = question->twin ? ping_twin(cli, bus, question) : ping_relay(cli, bus);
        if (ms < 0) {
            cli_note(cli, "no answer");
            continue;
        }
        cli_note(cli, "%.3f ms", ms);
        least_ms = answered == 0 || ms < least_ms ? ms : least_ms;
        most_ms  = ms > most_ms ? ms : most_ms;
        sum_ms += ms;
        answered++;
    }
    json_t *result = json_pack("{s:I,s:I}", "sent", (json_int_t)count, "answered", (json_int_t)answered);
    if (answered) {
        json_object_set_new(result, "min_ms", json_ms(least_ms));
        json_object_set_new(result, "mean_ms", json_ms(sum_ms / (double)answered));
        json_object_set_new(result, "max_ms", json_ms(most_ms));
    }
    int status = cli_print(cli, result, NULL);
    return answered ? status : 1;
}

int cmd_rmb_ping(cli_t *cli)
{
    question_t question = {.command = "echo", .payload = "null"};
    uint64_t count      = PING_COUNT;
    cli_bus_t bus       = {0};
    uint32_t twin;
    int status = 1;
    if (cli_argument(cli, 0) && !read_question(cli, &question)) return 2;
    if (cli_option(cli, "count") && !cli_u64(cli, cli_option(cli, "count"), "--count", &count)) return 2;
    if (cli_own_twin(cli, &twin) && cli_bus_open(cli, &bus, twin, NULL) && cli_bus_wait(cli, &bus))
        status = ping(cli, &bus, &question, count);
    cli_bus_close(&bus);
    return status;
}

/* ---- trace ---- */

static void add_hop(json_t *rows, const char *hop, const char *what, double ms)
{
    json_array_append_new(
        rows, json_pack("{s:s,s:s,s:o}", "hop", hop, "what", what, "ms", ms < 0 ? json_null() : json_ms(ms)));
}

/* trace_relay times login, ping and the way to the twin by the relays that bus has, or by ours.  False: the
 * twin did not answer by it. */
static bool trace_relay(cli_t *cli, cli_bus_t *bus, uint32_t own, const question_t *question, json_t *rows)
{
    char hop[RMB_URL_MAX + 16], twin[64];
    double begun_ms = now_ms();
    asking_t asking;
    if (!cli_bus_open(cli, bus, own, NULL)) return false;
    bool is_here = cli_bus_wait(cli, bus);
    snprintf(hop, sizeof hop, "relay %s", bus->urls[0]);
    snprintf(twin, sizeof twin, "twin %u", question->twin);
    add_hop(rows, hop, "login", is_here ? now_ms() - begun_ms : -1);
    if (!is_here) return false;
    add_hop(rows, hop, "ping", ping_relay(cli, bus));
    bool is_answered = ask(cli, bus, question, &cli->arena, &asking);
    if (asking.safe_ms > 0) add_hop(rows, hop, "message safe", asking.safe_ms);
    snprintf(hop, sizeof hop, "round trip over %s", bus->urls[0]);
    add_hop(rows, twin, hop, is_answered ? asking.done_ms : -1);
    if (!is_answered) (void)cli_fail(cli, "twin %u: %s", question->twin, asking.error);
    return is_answered;
}

static bool has_url(const cli_bus_t *bus, const char *url)
{
    for (uint32_t i = 0; i < bus->url_count; i++)
        if (strcmp(bus->urls[i], url) == 0) return true;
    return false;
}

static int trace(cli_t *cli, const question_t *question, json_t *rows)
{
    cli_bus_t ours = {0}, theirs = {0};
    uint32_t own;
    double begun_ms = now_ms();
    if (!cli_connect(cli)) return 1;
    add_hop(rows, "chain", "connect", now_ms() - begun_ms);
    begun_ms = now_ms();
    if (!cli_own_twin(cli, &own) || !cli_bus_urls(cli, &ours, own)) return 1;
    theirs.relay_at = ours.relay_at;
    if (!cli_bus_record(cli, &theirs, question->twin)) return 1;
    add_hop(rows, "chain", "read both twins", now_ms() - begun_ms);
    cli_bus_t first = ours;
    int status      = trace_relay(cli, &first, own, question, rows) ? 0 : 1;
    cli_bus_close(&first);
    for (uint32_t i = 0; i < theirs.url_count; i++) {
        cli_bus_t far = {.url_count = 1};
        if (has_url(&ours, theirs.urls[i])) continue;
        memcpy(far.urls[0], theirs.urls[i], RMB_URL_MAX);
        if (!trace_relay(cli, &far, own, question, rows)) status = 1;
        cli_bus_close(&far);
    }
    return status;
}

int cmd_rmb_trace(cli_t *cli)
{
    question_t question = {.command = "echo", .payload = "null"};
    if (!read_question(cli, &question)) return 2;
    json_t *rows = json_array();
    int status   = trace(cli, &question, rows);
    int printed  = cli_print(cli, rows, "hop what ms");
    return status ? status : printed;
}
