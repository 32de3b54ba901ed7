/* reader.c - the queue of questions, and the threads that answer them. */
#include "reader.h"
#include "graphql.h"
#include "log.h"
#include "proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STOP_STEP_MS 5
#define QUIET_MS     20000
#define KINDS        1024 /* of questions; those that fall together share a memory */
#define SLOW_MS      25.0
#define SLOW_AT_ONCE (READER_COUNT - 1)

/* A question, in the queue or under way; only the thread that answers it touches what is below db. */
typedef struct ask {
    struct ask *next;
    reader_t *reader;
    web_request_t *request; /* NULL: the peer left */
    char *path, *query, *peer;
    uint8_t *body;
    uint32_t body_len, height;
    uint64_t start_ms, now_s;
    unsigned place; /* of the connection */
    uint32_t kind;
    bool is_slow;
    db_t *db;

    int status;
    double took_ms;
    char headers[320];
    char *text;
} ask_t;

struct reader {
    reader_config_t c;
    db_t *db[READER_COUNT];
    ask_t *under_way[READER_COUNT];
    ask_t *first, **last;
    uint32_t waiting, running, slow;
    double usual_ms[KINDS]; /* what questions of a kind took lately */
    uint64_t quiet_ms;      /* when nothing was under way */
    bool is_stopping;
};

static void ask_free(ask_t *a)
{
    free(a->path);
    free(a->query);
    free(a->peer);
    free(a->body);
    free(a->text);
    free(a);
}

/* ---- on a thread ---- */

static json_t *look_up(ask_t *a)
{
    proxy_result_t result;
    if (!a->path) return graphql_answer(a->db, a->height, (bytes_t){a->body, a->body_len}, &a->status);
    proxy_t proxy = {.db = a->db, .now_s = a->now_s, .version = a->reader->c.version};
    json_t *json  = proxy_answer(&proxy, a->path, a->query, &result);
    a->status     = json ? result.status : 404;
    if (!json) return json_pack("{s:s}", "error", "there is no such path");
    snprintf(a->headers, sizeof a->headers, "%s%s", a->reader->c.headers, result.headers);
    return json;
}

/* A file is read by this thread; a server is waited for. */
static double clock_ms(const db_t *db)
{
    struct timespec now;
    clock_gettime(db_is_postgres(db) ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void work(void *self)
{
    ask_t *a     = self;
    double start = clock_ms(a->db);
    snprintf(a->headers, sizeof a->headers, "%s", a->reader->c.headers);
    a->status = 500;
    if (!db_begin(a->db)) return;
    json_t *json = look_up(a);
    a->text      = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(json);
    db_rollback(a->db);
    a->took_ms = clock_ms(a->db) - start;
}

/* ---- on the loop ---- */

static void start_next(reader_t *reader);

static uint32_t mix(uint32_t hash, uint8_t byte) { return (hash ^ byte) * 16777619u; }

/* Questions that differ in their numbers alone, or in the values of their filters, are of one kind. */
static uint32_t kind_of(const ask_t *a)
{
    uint32_t hash = 2166136261u;
    bool is_value = false;
    for (uint32_t i = 0; !a->path && i < a->body_len; i++)
        if (a->body[i] < '0' || a->body[i] > '9') hash = mix(hash, a->body[i]);
    for (const char *at = a->path; at && *at; at++)
        if (*at < '0' || *at > '9') hash = mix(hash, (uint8_t)*at);
    for (const char *at = a->query; at && *at; at++) {
        if (*at == '&' || *at == '=') is_value = *at == '=';
        if (!is_value) hash = mix(hash, (uint8_t)*at);
    }
    return hash % KINDS;
}

static void done(void *self)
{
    ask_t *a                  = self;
    reader_t *reader          = a->reader;
    static const bytes_t none = BYTES("{\"error\":\"the index cannot be read\"}");
    bytes_t body = a->text ? (bytes_t){(const uint8_t *)a->text, (uint32_t)strlen(a->text)} : none;
    int status   = a->text ? a->status : 500;
    if (a->request) web_answer(a->request, status, "application/json", a->headers, body);
    if (reader->c.on_answer)
        reader->c.on_answer(reader->c.context, status, io_ticks_ms(reader->c.io) - a->start_ms);
    double *usual               = &reader->usual_ms[a->kind];
    *usual                      = *usual > 0 ? 0.7 * *usual + 0.3 * a->took_ms : a->took_ms;
    reader->under_way[a->place] = NULL;
    reader->running--;
    reader->slow -= a->is_slow;
    ask_free(a);
    start_next(reader);
}

/* Is it time for a moment in which nobody reads?  Then what runs is waited for. */
static bool waits_for_quiet(reader_t *reader)
{
    uint64_t now_ms = io_ticks_ms(reader->c.io);
    bool is_time    = now_ms - reader->quiet_ms >= QUIET_MS;
    if (reader->running > 0) return is_time;
    reader->quiet_ms = now_ms;
    if (is_time && reader->c.on_quiet) reader->c.on_quiet(reader->c.context);
    return false;
}

/* The first that may go: one place is kept free of what usually takes long. */
static ask_t *take_next(reader_t *reader)
{
    for (ask_t **at = &reader->first; *at; at = &(*at)->next) {
        ask_t *a   = *at;
        a->is_slow = reader->usual_ms[a->kind] > SLOW_MS;
        if (a->is_slow && reader->slow >= SLOW_AT_ONCE) continue;
        *at = a->next;
        if (!*at) reader->last = at;
        reader->waiting--;
        return a;
    }
    return NULL;
}

static void start_next(reader_t *reader)
{
    if (waits_for_quiet(reader)) return;
    for (unsigned i = 0; i < READER_COUNT && !reader->is_stopping; i++) {
        ask_t *a = reader->under_way[i] ? NULL : take_next(reader);
        if (!a) continue;
        reader->running++;
        reader->slow += a->is_slow;
        a->place             = i;
        a->db                = reader->db[i];
        reader->under_way[i] = a;
        io_work(reader->c.io, work, done, a);
    }
}

static uint32_t count_of(const reader_t *reader, const char *peer)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < READER_COUNT; i++)
        count += reader->under_way[i] && strcmp(reader->under_way[i]->peer, peer) == 0;
    for (const ask_t *a = reader->first; a; a = a->next)
        count += strcmp(a->peer, peer) == 0;
    return count;
}

static char *copy(const char *text)
{
    char *made = strdup(text ? text : "");
    if (!made) abort();
    return made;
}

bool reader_ask(reader_t *reader, web_request_t *request, const reader_question_t *question)
{
    if (reader->is_stopping || reader->waiting >= READER_QUEUE_MAX ||
        count_of(reader, question->peer) >= READER_OF_ONE)
        return false;
    ask_t *a = calloc(1, sizeof *a);
    if (!a) abort();
    *a = (ask_t){.reader   = reader,
                 .request  = request,
                 .path     = question->path ? copy(question->path) : NULL,
                 .query    = copy(question->query),
                 .peer     = copy(question->peer),
                 .body     = malloc(question->body.len + 1),
                 .body_len = question->body.len,
                 .height   = question->height,
                 .start_ms = io_ticks_ms(reader->c.io),
                 .now_s    = io_now_ms(reader->c.io) / 1000};
    if (!a->body) abort();
    if (question->body.len > 0) memcpy(a->body, question->body.data, question->body.len);
    a->kind       = kind_of(a);
    *reader->last = a;
    reader->last  = &a->next;
    reader->waiting++;
    start_next(reader);
    return true;
}

void reader_gone(reader_t *reader, const web_request_t *request)
{
    for (unsigned i = 0; i < READER_COUNT; i++)
        if (reader->under_way[i] && reader->under_way[i]->request == request)
            reader->under_way[i]->request = NULL;
    for (ask_t **at = &reader->first; *at; at = &(*at)->next) {
        ask_t *a = *at;
        if (a->request != request) continue;
        *at = a->next;
        if (!*at) reader->last = at;
        reader->waiting--;
        ask_free(a);
        return;
    }
}

uint32_t reader_waiting(const reader_t *reader) { return reader->waiting; }

/* ---- start and stop ---- */

reader_t *reader_new(const reader_config_t *config, char error[DB_ERROR_MAX + 1])
{
    reader_t *reader = calloc(1, sizeof *reader);
    if (!reader) abort();
    reader->c    = *config;
    reader->last = &reader->first;
    for (unsigned i = 0; i < READER_COUNT; i++) {
        reader->db[i] = db_open_reader(config->where, error);
        if (reader->db[i]) continue;
        reader_free(reader);
        return NULL;
    }
    return reader;
}

void reader_free(reader_t *reader)
{
    if (!reader) return;
    reader->is_stopping = true;
    for (unsigned i = 0; i < READER_COUNT; i++)
        if (reader->under_way[i]) reader->under_way[i]->request = NULL;
    while (reader->running > 0)
        io_step(reader->c.io, STOP_STEP_MS);
    while (reader->first) {
        ask_t *a      = reader->first;
        reader->first = a->next;
        ask_free(a);
    }
    for (unsigned i = 0; i < READER_COUNT; i++)
        db_close(reader->db[i]);
    free(reader);
}
