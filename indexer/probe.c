/* probe.c - questions to nodes over the bus. */
#include "probe.h"
#include "io.h"
#include "log.h"
#include "peer.h"
#include "sql.h"
#include "tfgrid_types.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE    16u
#define NODES_MAX  4096u
#define ANSWER_S   20u
#define UP_S       (2u * 40 * 60)
#define TWINS_CAP  4096u
#define CONNECTION "indexer"
#define RETRY_MS   2000u

typedef struct asked {
    struct asked *next;
    probe_t *probe;
    uint32_t twin_id, step;
    uint64_t ticket;
    bool has_answered;
    web_request_t *request; /* of probe_ask; NULL else, or when its peer left */
    bool is_request;
} asked_t;

struct probe {
    io_t *io;
    client_t *client;
    store_t *store;
    keypair_t key;
    char *relay, *ca_file;
    twin_chain_t *chain;
    twin_cache_t *twins;
    peer_t *peer;
    io_timer_t *retry;
    asked_t *asked;
    uint32_t asking;
};

static void ask_next(asked_t *a);

static void forget(asked_t *a)
{
    asked_t **at = &a->probe->asked;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    if (!a->is_request) a->probe->asking--;
    free(a);
}

static asked_t *asked_new(probe_t *p, uint32_t twin_id)
{
    asked_t *a = calloc(1, sizeof *a);
    if (!a) abort();
    *a       = (asked_t){.next = p->asked, .probe = p, .twin_id = twin_id};
    p->asked = a;
    return a;
}

/* ---- answers ---- */

static bool run(probe_t *p, const char *sql, const value_t *values, unsigned count)
{
    return db_run(store_db(p->store), sql, values, count);
}

static void finish(asked_t *a)
{
    probe_t *p  = a->probe;
    value_t v[] = {value_int((int64_t)(io_now_ms(p->io) / 1000)), value_int(a->twin_id)};
    (void)!run(p, "UPDATE probe SET updated_at = $1 WHERE twin_id = $2", v, 2);
    if (!a->has_answered) (void)!run(p, "UPDATE probe SET healthy = 0 WHERE twin_id = $1", &v[1], 1);
    forget(a);
    probe_look(p);
}

static void on_answer(void *self, const peer_answer_t *got)
{
    asked_t *a = self;
    if (got->status == PEER_CLOSED) return; /* probe_free frees it */
    if (got->status == PEER_OK) {
        json_t *json = json_loadb((const char *)got->payload.data, got->payload.len, JSON_DECODE_ANY, NULL);
        a->has_answered = true;
        if (json) (void)!probe_keep(store_db(a->probe->store), a->twin_id, a->step, json);
        json_decref(json);
    } else
        log_debug(LOG_PEER, "node did not say", LOG_U32("twin", a->twin_id),
                  LOG_TEXT("what", probe_questions[a->step].command), LOG_TEXT("why", got->error));
    bool is_silent = got->status != PEER_OK && got->status != PEER_REFUSED;
    if (is_silent || ++a->step == PROBE_QUESTIONS)
        finish(a);
    else
        ask_next(a);
}

static void ask_next(asked_t *a)
{
    const probe_question_t *question = &probe_questions[a->step];
    peer_request_t request           = {.twin         = a->twin_id,
                                        .command      = question->command,
                                        .payload      = bytes_text(question->payload),
                                        .expiration_s = ANSWER_S};
    a->ticket                        = peer_request(a->probe->peer, &request, on_answer, a);
}

/* ---- which nodes ---- */

static bool is_asking(const probe_t *p, uint32_t twin_id)
{
    for (const asked_t *a = p->asked; a; a = a->next)
        if (a->twin_id == twin_id && !a->is_request) return true;
    return false;
}

void probe_look(probe_t *probe)
{
    uint32_t due[AT_ONCE], count = 0;
    int64_t now = (int64_t)(io_now_ms(probe->io) / 1000);
    if (!probe->peer || !peer_is_connected(probe->peer) || probe->asking >= AT_ONCE) return;
    value_t v[] = {value_int(now - UP_S), value_int(now - PROBE_EVERY_S)};
    db_rows_t *rows =
        db_query(store_db(probe->store),
                 "SELECT n.twin_id FROM node n LEFT JOIN probe p ON p.twin_id = n.twin_id WHERE "
                 "n.updated_at >= $1 AND COALESCE(p.updated_at, 0) < $2 ORDER BY COALESCE(p.updated_at, 0) "
                 "LIMIT 64",
                 v, 2);
    while (rows && db_next(rows) && count + probe->asking < AT_ONCE) {
        uint32_t twin_id = (uint32_t)db_int(rows, 0);
        if (!is_asking(probe, twin_id)) due[count++] = twin_id;
    }
    if (!rows || !db_rows_free(rows)) return;
    for (uint32_t i = 0; i < count; i++) {
        value_t row[] = {value_int(due[i])};
        if (!run(probe,
                 "INSERT INTO probe(twin_id, updated_at) VALUES($1, 0) ON CONFLICT(twin_id) DO NOTHING", row,
                 1))
            return;
        probe->asking++;
        ask_next(asked_new(probe, due[i]));
    }
}

/* ---- questions of users, passed on ---- */

static void on_passed(void *self, const peer_answer_t *got)
{
    asked_t *a = self;
    char text[512];
    if (got->status == PEER_CLOSED) return;
    json_t *error = json_pack("{s:s}", "error", got->error);
    char *dump    = error ? json_dumps(error, JSON_COMPACT) : NULL;
    snprintf(text, sizeof text, "%s", dump ? dump : "{}");
    if (a->request)
        web_answer(a->request, got->status == PEER_OK ? 200 : 502, "application/json",
                   "Access-Control-Expose-Headers: *\r\n",
                   got->status == PEER_OK ? got->payload : bytes_text(text));
    free(dump);
    json_decref(error);
    forget(a);
}

void probe_ask(probe_t *probe, web_request_t *request, uint32_t twin_id, const char *command)
{
    if (!probe->peer) {
        web_answer(request, 502, "application/json", NULL, BYTES("{\"error\":\"not connected to a relay\"}"));
        return;
    }
    asked_t *a            = asked_new(probe, twin_id);
    peer_request_t asking = {.twin = twin_id, .command = command, .expiration_s = ANSWER_S};
    a->is_request         = true;
    a->request            = request;
    a->ticket             = peer_request(probe->peer, &asking, on_passed, a);
}

void probe_gone(probe_t *probe, web_request_t *request)
{
    for (asked_t *a = probe->asked; a; a = a->next)
        if (a->request == request) a->request = NULL;
}

/* ---- our own twin ---- */

static void find_twin(void *self);

static void later(probe_t *p, const char *why)
{
    log_warn(LOG_PEER, "the indexer's twin is not known yet", LOG_TEXT("why", why));
    if (!p->retry) p->retry = io_timer_start(p->io, RETRY_MS, 0, find_twin, p);
}

static void on_twin(void *self, const client_error_t *error, bytes_t value)
{
    probe_t *p       = self;
    scale_reader_t r = scale_reader(value, NULL);
    if (error->status == CLIENT_FREED) return;
    if (error->status != CLIENT_OK || !value.data || value.len != 4) {
        later(p, error->status != CLIENT_OK ? error->text : "its account has none: trellis twin create");
        return;
    }
    peer_config_t config = {.io          = p->io,
                            .twin        = scale_get_u32(&r),
                            .connection  = CONNECTION,
                            .key         = &p->key,
                            .twins       = p->twins,
                            .relays      = {p->relay},
                            .relay_count = 1,
                            .ca_file     = p->ca_file};
    p->peer              = peer_new(&config);
    if (!p->peer) log_error(LOG_PEER, "the bus cannot be joined: the relay's URL is of no known form");
}

static void find_twin(void *self)
{
    probe_t *p = self;
    uint8_t room[96];
    p->retry         = NULL;
    scale_writer_t w = scale_writer(room, sizeof room);
    tfgrid_twin_id_by_account_id_key(&w, &p->key.account);
    client_storage(p->client, scale_written(&w), NULL, on_twin, p);
}

probe_t *probe_new(const probe_config_t *config)
{
    probe_t *p = calloc(1, sizeof *p);
    if (!p) abort();
    *p = (probe_t){.io = config->io, .client = config->client, .store = config->store, .key = *config->key};
    p->relay   = strdup(config->relay);
    p->ca_file = config->ca_file ? strdup(config->ca_file) : NULL;
    p->chain   = twin_chain_new(p->client);
    p->twins   = twin_cache_new(twin_chain_source(p->chain), TWINS_CAP);
    twin_chain_follow(p->chain, p->twins, false);
    p->retry = io_timer_start(p->io, 0, 0, find_twin, p);
    return p;
}

void probe_free(probe_t *probe)
{
    if (!probe) return;
    if (probe->retry) io_timer_stop(probe->retry);
    if (probe->peer) peer_free(probe->peer);
    while (probe->asked)
        forget(probe->asked);
    twin_chain_free(probe->chain);
    twin_cache_free(probe->twins);
    key_wipe(&probe->key);
    free(probe->relay);
    free(probe->ca_file);
    free(probe);
}

bool probe_is_connected(const probe_t *probe) { return probe->peer && peer_is_connected(probe->peer); }
