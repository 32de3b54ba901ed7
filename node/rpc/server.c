/* server.c - requests in, answers out: single, batched, over WebSocket and HTTP. */

#include "hex.h"
#include "rpc_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ------------------------------------------------------------------------------------ failures */

json_t *rpc_fail(call_t *call, int code, const char *data, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(call->message, sizeof call->message, format, arguments);
    va_end(arguments);
    call->code = code;
    json_decref(call->data);
    call->data = data ? json_string(data) : NULL;
    return NULL;
}

json_t *rpc_bad_param(call_t *call, const char *what)
{
    return rpc_fail(call, RPC_INVALID_PARAMS, what, "Invalid params");
}

json_t *rpc_unknown_block(call_t *call, const hash_t *hash)
{
    char text[65];
    hex_encode(text, (bytes_t){hash->b, sizeof hash->b});
    if (chain_is_discarded(call->rpc->o.chain, hash))
        return rpc_fail(call, RPC_CLIENT, NULL,
                        "Client error: UnknownBlock: State already discarded for 0x%s", text);
    return rpc_fail(call, RPC_CLIENT, NULL, "Client error: UnknownBlock: State of block 0x%s is not here",
                    text);
}

json_t *rpc_chain_failed(call_t *call, chain_status_t status, const hash_t *hash)
{
    if (status == CHAIN_UNKNOWN_BLOCK) return rpc_unknown_block(call, hash);
    return rpc_fail(call, RPC_CLIENT, NULL, "Client error: Execution failed: %s", chain_status_text(status));
}

/* ------------------------------------------------------------------------------------ one call */

static json_t *error_object(int code, const char *message, json_t *data)
{
    json_t *error = json_pack("{s:i, s:s}", "code", code, "message", message);
    if (data) json_object_set(error, "data", data);
    return error;
}

static json_t *answer_object(json_t *id, json_t *result, json_t *error)
{
    json_t *answer = json_object();
    json_object_set_new(answer, "jsonrpc", json_string("2.0"));
    if (error)
        json_object_set_new(answer, "error", error);
    else
        json_object_set_new(answer, "result", result ? result : json_null());
    json_object_set(answer, "id", id ? id : json_null());
    return answer;
}

static json_t *failed_answer(json_t *id, int code, const char *message)
{
    return answer_object(id, NULL, error_object(code, message, NULL));
}

/* As jsonrpsee says that a limit was exceeded. */
static json_t *beyond_limit(json_t *id, int code, const char *message, uint32_t limit)
{
    json_t *data   = json_sprintf("Exceeded max limit of %u", limit);
    json_t *answer = answer_object(id, NULL, error_object(code, message, data));
    json_decref(data);
    return answer;
}

static json_t *run_method(call_t *call, const char *name, const json_t *params)
{
    const method_t *method = rpc_find(call->rpc, name);
    if (!method) return rpc_fail(call, RPC_NO_METHOD, NULL, "Method not found");
    if (method->is_unsafe && !call->rpc->o.is_unsafe_allowed)
        return rpc_fail(call, RPC_NO_METHOD, NULL, "RPC call is unsafe to be called externally");
    if (!call->is_named) return method->run(call);
    if (!method->params && json_object_size(params) > 0)
        return rpc_bad_param(call, "parameters are taken as an array, not by name");
    call->params   = params_by_name(method->params ? method->params : "", params);
    json_t *result = method->run(call);
    json_decref(call->params);
    return result;
}

static bool is_request(const json_t *request)
{
    const json_t *id = json_object_get(request, "id"), *params = json_object_get(request, "params");
    const char *version = json_string_value(json_object_get(request, "jsonrpc"));
    return json_is_object(request) && version && strcmp(version, "2.0") == 0 &&
           json_is_string(json_object_get(request, "method")) &&
           (!id || json_is_null(id) || json_is_string(id) || json_is_number(id)) &&
           (!params || json_is_null(params) || json_is_array(params) || json_is_object(params));
}

void rpc_give_back(arena_t *arena)
{
    if (arena->used > RPC_ARENA_KEPT)
        (void)madvise(arena->start + RPC_ARENA_KEPT, arena->used - RPC_ARENA_KEPT, MADV_DONTNEED);
    arena->used = 0;
}

/* answer_one gives the answer to one request, NULL to a notification. *started is the subscription that it
 * opened. */
static json_t *answer_one(rpc_t *rpc, conn_t *conn, rate_t *rate, json_t *request, subscription_t **started,
                          rpc_text_t *text)
{
    json_t *id = json_is_object(request) ? json_object_get(request, "id") : NULL;
    *started   = NULL;
    if (!is_request(request))
        return failed_answer(json_is_string(id) || json_is_number(id) ? id : NULL, RPC_INVALID_REQUEST,
                             "Invalid request");
    json_t *params  = json_object_get(request, "params");
    call_t call     = {.rpc      = rpc,
                       .conn     = conn,
                       .params   = json_is_array(params) ? params : NULL,
                       .is_named = json_is_object(params),
                       .arena    = &rpc->arena};
    rpc->arena.used = 0;
    rpc->counters.calls++;
    json_t *result = rpc_take_call(rpc, rate)
                         ? run_method(&call, json_string_value(json_object_get(request, "method")), params)
                         : rpc_fail(&call, RPC_TOO_OFTEN, NULL, "RPC rate limit exceeded");
    json_t *answer;
    if (call.code != 0) {
        rpc->counters.errors++;
        json_decref(result);
        answer = answer_object(id, NULL, error_object(call.code, call.message, call.data));
    } else {
        answer = answer_object(id, result, NULL);
    }
    json_decref(call.data);
    if (call.code != 0 || !id) {
        free(call.text.data);
        call.text = (rpc_text_t){0};
    }
    *text = call.text;
    rpc_give_back(&rpc->arena);
    *started = call.started;
    if (id) return answer;
    json_decref(answer); /* nobody asked for an answer */
    return NULL;
}

/* ------------------------------------------------------------------------------------ whole messages */

enum { ENVELOPE_MAX = 64 }; /* around a result, but for a long id */

/* A message of many tiny values takes far more memory than its bytes: no request has so many. */
static bool is_too_complex(bytes_t message)
{
    uint32_t count = 0;
    bool is_inside = false;
    for (uint32_t i = 0; i < message.len; i++) {
        uint8_t c = message.data[i];
        if (is_inside && c == '\\')
            i++;
        else if (c == '"')
            is_inside = !is_inside;
        else if (!is_inside && (c == ',' || c == '[' || c == '{'))
            count++;
    }
    return count > RPC_VALUES_MAX;
}

/* answer_too_big is the error in the place of an answer, which it takes. */
static json_t *answer_too_big(const rpc_t *rpc, json_t *answer)
{
    json_t *id    = json_is_object(answer) ? json_object_get(answer, "id") : NULL;
    json_t *error = beyond_limit(id, RPC_ANSWER_TOO_BIG, "Response is too big", rpc->o.response_max);
    json_decref(answer);
    return error;
}

/* take_text gives an answer as text, or in its place the error that it is too long; takes the answer. */
static char *take_text(const rpc_t *rpc, json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT);
    if (text && strlen(text) > rpc->o.response_max) {
        free(text);
        answer = answer_too_big(rpc, answer);
        text   = json_dumps(answer, JSON_COMPACT);
    }
    json_decref(answer);
    return text;
}

/* take_told writes an answer around a result that is text; takes both. */
static char *take_told(const rpc_t *rpc, json_t *answer, rpc_text_t *result)
{
    json_t *id       = json_object_get(answer, "id");
    rpc_text_t whole = {0};
    if (result->len + ENVELOPE_MAX > rpc->o.response_max) {
        free(result->data);
        return take_text(rpc, answer_too_big(rpc, answer));
    }
    char *id_text = json_dumps(id, JSON_COMPACT | JSON_ENCODE_ANY);
    rpc_text_add(&whole, "{\"jsonrpc\":\"2.0\",\"result\":");
    rpc_text_add(&whole, result->data);
    rpc_text_add(&whole, ",\"id\":");
    rpc_text_add(&whole, id_text ? id_text : "null");
    rpc_text_add(&whole, "}");
    free(id_text);
    free(result->data);
    json_decref(answer);
    return whole.data;
}

static void add_started(rpc_started_t *all, subscription_t *started)
{
    if (all->count == all->cap) {
        all->cap   = all->cap ? all->cap * 2 : 4;
        all->items = realloc(all->items, all->cap * sizeof(subscription_t *));
        if (!all->items) abort();
    }
    all->items[all->count++] = started;
}

static char *answer_single(rpc_t *rpc, conn_t *conn, rate_t *rate, json_t *request, rpc_started_t *all)
{
    subscription_t *started;
    rpc_text_t text = {0};
    json_t *answer  = answer_one(rpc, conn, rate, request, &started, &text);
    if (started) add_started(all, started);
    if (text.data) return take_told(rpc, answer, &text);
    return answer ? take_text(rpc, answer) : NULL;
}

/* The answers are written one by one: all together are no longer than one may be. */
static char *answer_batch(rpc_t *rpc, conn_t *conn, rate_t *rate, json_t *batch, rpc_started_t *all)
{
    if (rpc->o.has_no_batches)
        return take_text(
            rpc, failed_answer(NULL, RPC_NO_BATCHES, "Batched requests are not supported by this server"));
    if (json_array_size(batch) == 0)
        return take_text(rpc, failed_answer(NULL, RPC_INVALID_REQUEST, "Invalid request"));
    if (json_array_size(batch) > rpc->o.batch_max)
        return take_text(
            rpc, beyond_limit(NULL, RPC_BATCH_TOO_BIG, "The batch request was too large", rpc->o.batch_max));
    rpc_text_t text = {0};
    json_t *request;
    size_t i;
    json_array_foreach(batch, i, request)
    {
        char *answer = answer_single(rpc, conn, rate, request, all);
        if (!answer) continue;
        rpc_text_add(&text, text.len ? "," : "[");
        rpc_text_add(&text, answer);
        free(answer);
        if (text.len <= rpc->o.response_max) continue;
        free(text.data);
        return take_text(rpc,
                         beyond_limit(NULL, RPC_ANSWER_TOO_BIG, "Response is too big", rpc->o.response_max));
    }
    if (text.len) rpc_text_add(&text, "]");
    return text.data;
}

char *rpc_answer(rpc_t *rpc, conn_t *conn, rate_t *rate, bytes_t message, rpc_started_t *all)
{
    json_error_t where;
    if (is_too_complex(message))
        return take_text(rpc, failed_answer(NULL, RPC_TOO_BIG, "Request is too big"));
    json_t *request = json_loadb((const char *)message.data, message.len, JSON_ALLOW_NUL, &where);
    if (!request) return take_text(rpc, failed_answer(NULL, RPC_PARSE, "Parse error"));
    char *text = json_is_array(request) ? answer_batch(rpc, conn, rate, request, all)
                                        : answer_single(rpc, conn, rate, request, all);
    json_decref(request);
    return text;
}

/* After a method the pool may be fuller, or the chain longer: whoever owns them goes on. */
static void wake(rpc_t *rpc)
{
    if (rpc->o.wake) rpc->o.wake(rpc->o.wake_self);
}

/* ------------------------------------------------------------------------------------ WebSocket */

static int on_upgrade(void *self, const web_head_t *head, void **session_self)
{
    const rpc_t *rpc = self;
    (void)head;
    (void)session_self;
    return rpc->is_stopping ? 503 : 101;
}

static void on_open(void *self, web_session_t *web)
{
    rpc_t *rpc   = self;
    conn_t *conn = calloc(1, sizeof *conn);
    if (!conn) abort();
    *conn              = (conn_t){.rpc = rpc, .web = web, .next = rpc->conns, .here = &rpc->conns};
    conn->is_unlimited = rpc_is_unlimited(rpc, web_session_peer(web));
    if (conn->next) conn->next->here = &conn->next;
    rpc->conns = conn;
    rpc->counters.connections++;
    web_session_set_self(web, conn);
}

static void on_message(void *self, web_session_t *web, bytes_t message, bool is_text)
{
    (void)is_text; /* Substrate takes both */
    rpc_t *rpc        = self;
    conn_t *conn      = web_session_self(web);
    rpc_started_t all = {0};
    char *text        = rpc_answer(rpc, conn, conn->is_unlimited ? NULL : &conn->rate, message, &all);
    if (text) (void)web_send(web, bytes_text(text), true);
    free(text);
    for (size_t i = 0; i < all.count; i++)
        rpc_start(all.items[i]);
    free(all.items);
    wake(rpc);
}

static void on_too_long(void *self, web_session_t *web)
{
    rpc_t *rpc = self;
    char *text = take_text(rpc, beyond_limit(NULL, RPC_TOO_BIG, "Request is too big", rpc->o.request_max));
    if (text) (void)web_send(web, bytes_text(text), true);
    free(text);
}

static void on_close(void *self, web_session_t *web)
{
    rpc_t *rpc   = self;
    conn_t *conn = web_session_self(web);
    if (!conn) return;
    rpc_end_subscriptions(conn);
    *conn->here = conn->next;
    if (conn->next) conn->next->here = conn->here;
    rpc->counters.connections--;
    free(conn);
}

/* ------------------------------------------------------------------------------------ HTTP */

static void answer_text(web_request_t *request, int status, const char *type, const char *text)
{
    web_answer(request, status, type, NULL, (bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)});
}

static void answer_health(rpc_t *rpc, web_request_t *request)
{
    json_t *health = rpc_health_json(rpc);
    char *text     = json_dumps(health, JSON_COMPACT);
    answer_text(request, 200, "application/json; charset=utf-8", text ? text : "{}");
    free(text);
    json_decref(health);
}

/* Substrate wants a peer for it; a node that should have none is ready without. */
static void answer_readiness(const rpc_t *rpc, web_request_t *request)
{
    json_t *health = rpc_health_json(rpc);
    bool is_ready  = !json_is_true(json_object_get(health, "isSyncing")) &&
                    (json_integer_value(json_object_get(health, "peers")) > 0 ||
                     !json_is_true(json_object_get(health, "shouldHavePeers")));
    answer_text(request, is_ready ? 200 : 500, "application/json; charset=utf-8", "");
    json_decref(health);
}

static void on_request(void *self, web_request_t *request, const web_head_t *head, bytes_t body)
{
    rpc_t *rpc = self;
    if (strcmp(head->method, "GET") == 0 && strcmp(head->path, "/health") == 0) {
        answer_health(rpc, request);
        return;
    }
    if (strcmp(head->method, "GET") == 0 && strcmp(head->path, "/health/readiness") == 0) {
        answer_readiness(rpc, request);
        return;
    }
    if (strcmp(head->method, "POST") != 0) {
        answer_text(request, 405, "text/plain", "Used HTTP Method is not allowed. POST is required\n");
        return;
    }
    if (strncmp(head->content_type, "application/json", 16) !=
        0) { /* as jsonrpsee: a foreign form cannot send it */
        answer_text(request, 415, "text/plain",
                    "Supplied content type is not allowed. Content-Type: application/json is required\n");
        return;
    }
    rpc_started_t none = {.count = 0};
    char *text         = rpc_answer(rpc, NULL, rpc_rate_of(rpc, head->peer), body, &none);
    answer_text(request, 200, "application/json; charset=utf-8", text ? text : "");
    free(text);
    wake(rpc);
}

/* ------------------------------------------------------------------------------------ the tables */

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const method_t *const *)a)->name, (*(const method_t *const *)b)->name);
}

static void gather_methods(rpc_t *rpc)
{
    const method_table_t all[] = {rpc_author_methods(),  rpc_key_methods(),      rpc_chain_methods(),
                                  rpc_state_methods(),   rpc_offchain_methods(), rpc_system_methods(),
                                  rpc_engine_methods(),  rpc_spec_methods(),     rpc_head_methods(),
                                  rpc_head_op_methods(), rpc_archive_methods(),  rpc_transaction_methods(),
                                  rpc_dev_methods()};
    for (size_t t = 0; t < sizeof all / sizeof *all; t++)
        for (size_t i = 0; i < all[t].count; i++) {
            assert(rpc->method_count < RPC_METHODS_CAP);
            rpc->methods[rpc->method_count++] = &all[t].methods[i];
        }
    qsort(rpc->methods, rpc->method_count, sizeof *rpc->methods, by_name);
}

const method_t *rpc_find(const rpc_t *rpc, const char *name)
{
    const method_t wanted = {.name = name}, *key = &wanted;
    const method_t *const *found =
        bsearch(&key, rpc->methods, rpc->method_count, sizeof *rpc->methods, by_name);
    return found ? *found : NULL;
}

json_t *rpc_all_methods(const rpc_t *rpc)
{
    json_t *names = json_array();
    for (size_t i = 0; i < rpc->method_count; i++)
        if (!rpc->methods[i]->is_unsafe || rpc->o.is_unsafe_allowed)
            json_array_append_new(names, json_string(rpc->methods[i]->name));
    return json_pack("{s:o}", "methods", names);
}

/* ------------------------------------------------------------------------------------ the server */

rpc_t *rpc_new(const rpc_options_t *options, const char **error)
{
    rpc_t *rpc = calloc(1, sizeof *rpc);
    if (!rpc) abort();
    rpc->o = *options;
    if (!rpc->o.batch_max) rpc->o.batch_max = RPC_BATCH_MAX;
    gather_methods(rpc);
    void *room =
        mmap(NULL, RPC_ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    rpc->arena =
        (arena_t){.start = room == MAP_FAILED ? NULL : room, .size = room == MAP_FAILED ? 0 : RPC_ARENA};
    web_listen_t listen = {
        .address = options->address,
        .port    = options->port,
        .limits  = {.memory_max  = RPC_MEMORY_MAX,
                    .sessions    = options->connections_max,
                    .message_len = options->request_max,
                    .body_len    = options->request_max},
        .origins = options->origins,
    };
    web_handler_t handler = {.self        = rpc,
                             .on_request  = on_request,
                             .on_upgrade  = on_upgrade,
                             .on_open     = on_open,
                             .on_message  = on_message,
                             .on_too_long = on_too_long,
                             .on_close    = on_close};
    rpc->web              = web_listen(options->io, &listen, &handler, error);
    if (!rpc->web) {
        rpc_free(rpc);
        return NULL;
    }
    chain_listen(options->chain, rpc_chain_event, rpc);
    return rpc;
}

void rpc_free(rpc_t *rpc)
{
    if (!rpc) return;
    rpc->is_stopping = true;
    if (rpc->web) {
        chain_unlisten(rpc->o.chain, rpc_chain_event, rpc);
        web_server_free(rpc->web);
    }
    if (rpc->arena.start) munmap(rpc->arena.start, RPC_ARENA);
    free(rpc->told_text);
    free(rpc);
}

uint16_t rpc_port(const rpc_t *rpc) { return web_server_port(rpc->web); }
rpc_counters_t rpc_counters(const rpc_t *rpc) { return rpc->counters; }
