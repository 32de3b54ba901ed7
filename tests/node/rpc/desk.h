/* desk.h - a node without a program, and a client at its RPC, for the tests of the RPC. */
#ifndef DESK_H
#define DESK_H
#define _GNU_SOURCE /* nftw */
#include "chain_support.h"
#include "finality.h"
#include "hex.h"
#include "io.h"
#include "pool.h"
#include "rpc.h"
#include "web.h"

#include <jansson.h>

/* add_text adds to a text in an array. */
static inline void add_text(char *text, size_t cap, const char *more)
{
    size_t len = strlen(text);
    snprintf(text + len, cap - len, "%s", more);
}

/* ---- a node without a program ---- */

typedef struct {
    world_t world;
    pool_t *pool;
    finality_t *finality;
    io_t *io;
    rpc_t *rpc;
    int wakes;
    /* the client */
    web_session_t *session;
    bool is_open, is_closed;
    json_t *answers, *notes; /* arrays: what came, answers and notifications apart */
    int next_id;
} desk_t;

static inline void count_wake(void *self) { ((desk_t *)self)->wakes++; }

static inline void on_open(void *self, web_session_t *session)
{
    (void)session;
    ((desk_t *)self)->is_open = true;
}
static inline void on_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    (void)session, (void)is_text;
    desk_t *d   = self;
    json_t *one = json_loadb((const char *)message.data, message.len, 0, NULL);
    if (!one) printf("not JSON: %.*s\n", (int)message.len, (const char *)message.data);
    json_array_append_new(json_is_object(one) && json_object_get(one, "method") ? d->notes : d->answers, one);
}
static inline void on_close(void *self, web_session_t *session, int status, const char *reason)
{
    (void)session, (void)status, (void)reason;
    ((desk_t *)self)->is_closed = true;
}

static inline bool desk_connect(desk_t *d)
{
    char url[64];
    web_client_handler_t handler = {
        .self = d, .on_open = on_open, .on_message = on_message, .on_close = on_close};
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", rpc_port(d->rpc));
    d->is_open = d->is_closed = false;
    d->session                = web_connect(d->io, url, NULL, 64u << 20, &handler);
    return io_wait(d->io, &d->is_open, 5000);
}

static inline bool desk_start(desk_t *d, rpc_options_t o)
{
    memset(d, 0, sizeof *d);
    if (!world_start(&d->world, 0)) return false;
    author_free(d->world.author);
    d->io                    = io_new();
    d->pool                  = pool_new(d->world.chain);
    author_options_t options = {
        .sealing = SEALING_MANUAL, .pair = d->world.alice.sr25519, .source = pool_source(d->pool)};
    d->world.author          = author_new(d->world.chain, &options);
    finality_options_t voter = {.is_manual = true};
    memcpy(voter.seed, d->world.voter.seed, sizeof voter.seed);
    d->finality = finality_new(d->world.chain, &voter);
    o.io = d->io, o.chain = d->world.chain, o.pool = d->pool, o.author = d->world.author,
    o.finality = d->finality;
    o.wake = count_wake, o.wake_self = d, o.address = "127.0.0.1";
    if (!o.connections_max) o.connections_max = 10;
    if (!o.subscriptions_max) o.subscriptions_max = 100;
    if (!o.request_max) o.request_max = 1 << 20;
    if (!o.response_max) o.response_max = 8 << 20;
    o.node_name = "trellis-node", o.version = "0.0.1", o.chain_name = "Trellis Development",
    o.chain_type = "Development", o.chain_id = "dev", o.role = "Authority",
    o.peer_id         = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    const char *error = "";
    d->rpc            = rpc_new(&o, &error);
    d->answers = json_array(), d->notes = json_array();
    return d->rpc && desk_connect(d);
}

static inline void desk_stop(desk_t *d)
{
    if (!d->is_closed) web_session_free(d->session);
    rpc_free(d->rpc);
    pool_free(d->pool);
    finality_free(d->finality);
    io_free(d->io);
    json_decref(d->answers);
    json_decref(d->notes);
    world_stop(&d->world);
}

static inline bool wait_count(desk_t *d, json_t *list, size_t count)
{
    for (uint64_t end = io_ticks_ms(d->io) + 5000;
         json_array_size(list) < count && io_ticks_ms(d->io) < end && !d->is_closed;)
        io_step(d->io, 50);
    return json_array_size(list) >= count;
}

/* ask_text sends a message and gives the first answer that comes; json_decref it. */
static inline json_t *ask_text(desk_t *d, const char *text)
{
    json_array_clear(d->answers);
    if (!web_send(d->session, bytes_text(text), true) || !wait_count(d, d->answers, 1)) return NULL;
    return json_incref(json_array_get(d->answers, 0));
}

/* ask calls a method; the whole answer. */
static inline json_t *ask(desk_t *d, const char *method, const char *params)
{
    size_t len = strlen(params) + 200;
    char *text = malloc(len);
    snprintf(text, len, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"%s\",\"params\":%s}", ++d->next_id,
             method, params);
    json_t *answer = ask_text(d, text);
    free(text);
    if (json_integer_value(json_object_get(answer, "id")) == d->next_id) return answer;
    json_decref(answer);
    return NULL;
}

/* result is of the answer alone; the error is printed. */
static inline json_t *result(desk_t *d, const char *method, const char *params)
{
    json_t *answer = ask(d, method, params), *found = json_incref(json_object_get(answer, "result"));
    if (!found) {
        char *text = json_dumps(answer, 0);
        printf("%s: %s\n", method, text ? text : "no answer");
        free(text);
    }
    json_decref(answer);
    return found;
}

static inline bool is_text(json_t *value, const char *want) /* takes value */
{
    bool is_so = json_is_string(value) && strcmp(json_string_value(value), want) == 0;
    if (!is_so) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        printf("have %s, want %s\n", text ? text : "nothing", want);
        free(text);
    }
    json_decref(value);
    return is_so;
}

static inline bool fails(desk_t *d, const char *method, const char *params, int code, const char *message,
                         const char *data)
{
    json_t *answer = ask(d, method, params), *error = json_object_get(answer, "error");
    const char *said = json_string_value(json_object_get(error, "message")),
               *more = json_string_value(json_object_get(error, "data"));
    bool is_so       = json_integer_value(json_object_get(error, "code")) == code && said &&
                 strncmp(said, message, strlen(message)) == 0 && (!data || (more && strcmp(more, data) == 0));
    if (!is_so) {
        char *text = json_dumps(answer, 0);
        printf("%s: %s\n", method, text ? text : "no answer");
        free(text);
    }
    json_decref(answer);
    return is_so;
}

static inline void hex_text(char *out, bytes_t bytes)
{
    snprintf(out, 2 * EXTRINSIC_MOST + 16, "%s", "[\"0x");
    hex_encode(out + 4, bytes);
    add_text(out, 2 * EXTRINSIC_MOST + 16, "\"]");
}

static inline json_t *submit(desk_t *d, const char *method, bytes_t extrinsic)
{
    char params[2 * EXTRINSIC_MOST + 16];
    hex_text(params, extrinsic);
    return ask(d, method, params);
}

static inline json_t *note(desk_t *d, size_t index, const char *method)
{
    if (!wait_count(d, d->notes, index + 1)) return NULL;
    json_t *one = json_array_get(d->notes, index);
    if (strcmp(json_string_value(json_object_get(one, "method")), method) != 0) return NULL;
    return json_object_get(json_object_get(one, "params"), "result");
}

#endif
