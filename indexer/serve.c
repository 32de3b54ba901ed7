/* serve.c - requests by their paths. */
#include "serve.h"
#include "io.h"
#include "log.h"
#include "probe.h"
#include "proxy.h"
#include "rate.h"
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTENERS_CAP 4
#define BODY_MAX      (256u << 10)
#define EXPOSE        "Access-Control-Expose-Headers: *\r\n"
#define LATER         EXPOSE "Retry-After: 1\r\n"
#define PEER_MAX      64

typedef struct {
    serve_t *serve;
    web_server_t *web;
    bool is_kyc_only;
} listener_t;

struct serve {
    serve_config_t c;
    listener_t listeners[LISTENERS_CAP];
    uint32_t count;
    reader_t *reader;
    rate_t rate;
    metrics_t *metrics;
    metric_t *refused, *waiting;
    metric_t *block, *best, *final, *blocks, *undone, *requests, *errors, *memory, *behind, *seconds;
};

static void answer(web_request_t *request, int status, const char *headers, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    bytes_t body =
        text ? (bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)} : BYTES("{\"error\":\"no answer\"}");
    web_answer(request, text ? status : 500, "application/json", headers, body);
    free(text);
    json_decref(json);
}

static void refuse(web_request_t *request, int status, const char *why)
{
    answer(request, status, EXPOSE, json_pack("{s:s}", "error", why));
}

/* ---- health and metrics ---- */

static json_t *health_json(const serve_t *s, int *status)
{
    const follow_state_t *state = follow_state(s->c.follow);
    bool is_ok = state->is_caught_up && state->is_connected && !state->failures && !state->has_stopped;
    *status    = is_ok ? 200 : 503;
    return json_pack("{s:b,s:s,s:s,s:{s:I,s:I,s:I,s:f,s:b,s:s}}", "total_state_ok", is_ok, "db_conn", "ok",
                     "rmb_conn", s->c.probe && probe_is_connected(s->c.probe) ? "ok" : "not connected",
                     "index", "block", (json_int_t)store_head(s->c.store)->number, "best",
                     (json_int_t)state->best, "final", (json_int_t)state->final, "blocks_a_second",
                     state->blocks_a_second, "caught_up", (int)state->is_caught_up, "error", state->error);
}

static void fill(void *self)
{
    serve_t *s                  = self;
    const follow_state_t *state = follow_state(s->c.follow);
    uint32_t at                 = store_head(s->c.store)->number;
    metric_set(s->block, at);
    metric_set(s->best, state->best);
    metric_set(s->final, state->final);
    metric_set(s->behind, state->best > at ? state->best - at : 0);
    metric_add(s->blocks, state->blocks - (uint64_t)metric_value(s->blocks));
    metric_add(s->undone, state->undone - (uint64_t)metric_value(s->undone));
    metric_set(s->memory, (int64_t)io_memory_bytes());
    metric_set(s->waiting, reader_waiting(s->reader));
}

static void make_metrics(serve_t *s)
{
    static const double bounds[] = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3};
    metrics_t *m = s->metrics = metrics_new();
    s->block    = metrics_gauge(m, "indexer_block", NULL, "The block that the index stands on.");
    s->best     = metrics_gauge(m, "indexer_node_best", NULL, "The best block of the node.");
    s->final    = metrics_gauge(m, "indexer_node_final", NULL, "The newest final block of the node.");
    s->behind   = metrics_gauge(m, "indexer_behind", NULL, "Blocks that the index is behind the node.");
    s->blocks   = metrics_counter(m, "indexer_blocks_total", NULL, "Blocks applied.");
    s->undone   = metrics_counter(m, "indexer_undone_total", NULL, "Blocks taken back.");
    s->requests = metrics_counter(m, "indexer_requests_total", NULL, "Requests answered.");
    s->errors = metrics_counter(m, "indexer_request_errors_total", NULL, "Requests answered with an error.");
    s->memory = metrics_gauge(m, "indexer_memory_bytes", NULL, "Resident memory.");
    s->refused =
        metrics_counter(m, "indexer_requests_refused_total", NULL, "Requests over what an address may ask.");
    s->waiting = metrics_gauge(m, "indexer_requests_waiting", NULL, "Questions that wait for a reader.");
    s->seconds = metrics_histogram(m, "indexer_request_seconds", NULL, "Time that an answer took.", bounds,
                                   sizeof bounds / sizeof *bounds);
    metrics_on_text(m, fill, s);
}

static void answer_metrics(serve_t *s, web_request_t *request)
{
    size_t len;
    char *text = metrics_text(s->metrics, &len);
    web_answer(request, 200, METRICS_CONTENT_TYPE, NULL, (bytes_t){(const uint8_t *)text, (uint32_t)len});
    free(text);
}

/* ---- paths ---- */

static bool is_path(const web_head_t *head, const char *path)
{
    size_t len = strlen(path);
    return strncmp(head->path, path, len) == 0 &&
           (head->path[len] == 0 || strcmp(head->path + len, "/") == 0);
}

static proxy_t proxy_of(const serve_t *s)
{
    return (proxy_t){.db = store_db(s->c.store), .now_s = io_now_ms(s->c.io) / 1000, .version = s->c.version};
}

/* What only the node itself knows: /nodes/N/statistics and /nodes/N/gpu. */
static bool ask_node(serve_t *s, web_request_t *request, const char *path)
{
    unsigned node_id;
    char what[16];
    uint32_t twin_id;
    bool is_up;
    proxy_t proxy = proxy_of(s);
    if (sscanf(path, "/nodes/%u/%15[a-z]", &node_id, what) != 2) return false;
    bool is_gpu = strcmp(what, "gpu") == 0;
    if (!is_gpu && strcmp(what, "statistics") != 0) return false;
    if (!proxy_node_twin(&proxy, node_id, &twin_id, &is_up))
        refuse(request, 404, "node not found");
    else if (!is_up)
        refuse(request, 500, "the node is not up");
    else if (!s->c.probe)
        refuse(request, 501, "this indexer has no session with a relay: it asks no nodes");
    else
        probe_ask(s->c.probe, request, twin_id, is_gpu ? "zos.gpu.list" : "zos.statistics.get");
    return true;
}

static void refuse_busy(serve_t *s, web_request_t *request, int status, const char *why)
{
    metric_add(s->refused, 1);
    answer(request, status, LATER, json_pack("{s:s}", "error", why));
}

/* The reader answers by and by. */
static void ask_index(serve_t *s, web_request_t *request, const reader_question_t *question)
{
    if (!reader_ask(s->reader, request, question))
        refuse_busy(s, request, 503, "too many questions wait already");
}

static void answer_get(serve_t *s, web_request_t *request, const web_head_t *head, const char *who)
{
    int status;
    if (is_path(head, "/health")) {
        json_t *json = health_json(s, &status);
        answer(request, status, EXPOSE, json);
        return;
    }
    if (ask_node(s, request, head->path)) return;
    ask_index(s, request, &(reader_question_t){.path = head->path, .query = head->query, .peer = who});
}

static void answer_kyc(serve_t *s, web_request_t *request, const web_head_t *head)
{
    int status;
    json_t *json = kyc_answer(s->c.kyc, store_db(s->c.store), head->query, &status);
    answer(request, status, EXPOSE, json);
}

static void answer_post(serve_t *s, web_request_t *request, const web_head_t *head, bytes_t body,
                        const char *who)
{
    if (is_path(head, "/graphql") || is_path(head, "/"))
        ask_index(s, request,
                  &(reader_question_t){.body = body, .peer = who, .height = store_head(s->c.store)->number});
    else if (is_path(head, "/activation/activate") && s->c.faucet)
        faucet_ask(s->c.faucet, request, body);
    else
        refuse(request, 404, "there is no such path");
}

/* on_answer counts what the reader answered. */
static void on_answer(void *context, int status, uint64_t ms)
{
    serve_t *s = context;
    metric_add(s->errors, status >= 400);
    metric_observe(s->seconds, (double)ms / 1000);
}

static void on_quiet(void *context) { db_tidy(store_db(((serve_t *)context)->c.store)); }

/* Who asks: the peer, or, behind a proxy that is believed, whom that names last. */
static void who_asks(const serve_t *s, const web_head_t *head, char who[PEER_MAX])
{
    const char *named = s->c.forwarded_by && strcmp(head->peer, s->c.forwarded_by) == 0
                            ? web_head_header(head, "x-forwarded-for")
                            : NULL;
    const char *comma = named ? strrchr(named, ',') : NULL;
    if (comma) named = comma + 1;
    if (named) named += strspn(named, " ");
    snprintf(who, PEER_MAX, "%s", named ? named : head->peer);
    who[strcspn(who, " ")] = 0;
}

static void on_request(void *self, web_request_t *request, const web_head_t *head, bytes_t body)
{
    listener_t *listener = self;
    serve_t *s           = listener->serve;
    char who[PEER_MAX];
    bool is_get = strcmp(head->method, "GET") == 0, is_post = strcmp(head->method, "POST") == 0;
    metric_add(s->requests, 1);
    who_asks(s, head, who);
    if (!rate_take(&s->rate, who, io_ticks_ms(s->c.io) * 1000))
        refuse_busy(s, request, 429, "too many requests of this address");
    else if (is_get && s->c.kyc && is_path(head, "/api/v1/status"))
        answer_kyc(s, request, head);
    else if (listener->is_kyc_only)
        refuse(request, 404, "there is no such path");
    else if (is_get && is_path(head, "/metrics"))
        answer_metrics(s, request);
    else if (is_get)
        answer_get(s, request, head, who);
    else if (is_post)
        answer_post(s, request, head, body, who);
    else
        refuse(request, 405, "GET, or POST for /graphql");
}

static void on_request_gone(void *self, web_request_t *request)
{
    const serve_t *s = ((const listener_t *)self)->serve;
    reader_gone(s->reader, request);
    if (s->c.faucet) faucet_gone(s->c.faucet, request);
    if (s->c.probe) probe_gone(s->c.probe, request);
}

static int on_upgrade(void *self, const web_head_t *head, void **session_self)
{
    (void)self;
    (void)head;
    (void)session_self;
    return 404;
}

static void on_session(void *self, web_session_t *session)
{
    (void)self;
    (void)session;
}

static void on_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    (void)self;
    (void)message;
    (void)is_text;
    web_close(session, 1008, "no sessions here");
}

/* ---- start and stop ---- */

serve_t *serve_new(const serve_config_t *config, char error[DB_ERROR_MAX + 1])
{
    serve_t *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->c             = *config;
    s->rate.a_second = config->rate;
    s->reader        = reader_new(&(reader_config_t){.io        = config->io,
                                                     .where     = config->where,
                                                     .version   = config->version,
                                                     .headers   = EXPOSE,
                                                     .on_answer = on_answer,
                                                     .on_quiet  = on_quiet,
                                                     .context   = s},
                                  error);
    if (s->reader) {
        make_metrics(s);
        return s;
    }
    free(s);
    return NULL;
}

bool serve_listen(serve_t *serve, const char *address, uint16_t port, const char *cert, const char *key,
                  bool only_kyc, const char **error)
{
    *error = "too many addresses";
    if (serve->count == LISTENERS_CAP) return false;
    listener_t *l       = &serve->listeners[serve->count];
    *l                  = (listener_t){.serve = serve, .is_kyc_only = only_kyc};
    web_listen_t listen = {
        .address  = address,
        .port     = port,
        .tls_cert = cert,
        .tls_key  = key,
        .limits   = {.sessions = 1, .body_len = BODY_MAX, .memory_max = 256u << 20, .sockets = 1024}
    };
    web_handler_t handler = {.self            = l,
                             .on_request      = on_request,
                             .on_request_gone = on_request_gone,
                             .on_upgrade      = on_upgrade,
                             .on_open         = on_session,
                             .on_message      = on_message,
                             .on_close        = on_session};
    l->web                = web_listen(serve->c.io, &listen, &handler, error);
    if (!l->web) return false;
    serve->count++;
    log_info(LOG_WEB, "listening", LOG_TEXT("address", address), LOG_U32("port", web_server_port(l->web)),
             LOG_TEXT("tls", cert ? "yes" : "no"), LOG_TEXT("answers", only_kyc ? "kyc" : "all"));
    return true;
}

bool serve_reload(serve_t *serve)
{
    bool is_ok = !serve->c.kyc || kyc_reload(serve->c.kyc);
    for (uint32_t i = 0; i < serve->count; i++)
        is_ok = web_server_reload(serve->listeners[i].web) && is_ok;
    return is_ok;
}

void serve_free(serve_t *serve)
{
    if (!serve) return;
    for (uint32_t i = 0; i < serve->count; i++)
        web_server_free(serve->listeners[i].web);
    reader_free(serve->reader);
    metrics_free(serve->metrics);
    free(serve);
}
