/* report.c - what the chain is told: that the node is up, what contracts hold, what they moved.
 *
 * Reports of contracts wait in the database until a finalized block has them.  Those of one kind go together;
 * the resources are those of the moment of sending, so that an old report never undoes a newer one. */
#include "agent.h"
#include "log.h"
#include "smart_contract_types.h"
#include "tfgrid_types.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 32
#define AGAIN_MS  6000
#define UPTIME_S  10 /* again after a failure */
#define SOON_MS   100
#define CALL_CAP  16384
#define KEY_CAP   64

typedef struct {
    bool is_nru;
    uint32_t count;
    int64_t ids[BATCH_MAX];
} batch_t;

struct report {
    agent_t *agent;
    bool is_started, is_out; /* a batch is on its way */
    batch_t batch;
    uint64_t ticket, uptime_ticket;
    io_timer_t *send_timer, *uptime_timer, *nru_timer;
};

static void send_next(void *self);
static void ask_time_for_uptime(void *self);
static void ask_time_for_nru(void *self);

static void send_soon(report_t *report, uint64_t wait_ms)
{
    if (report->is_started && !report->is_out && !report->send_timer)
        report->send_timer = io_timer_start(report->agent->io, wait_ms, 0, send_next, report);
}

/* ---- the outbox ---- */

void report_resources(report_t *report, uint64_t contract_id)
{
    /* One that waits and is not out will say what is true when it is sent. */
    db_t *db     = report->agent->db;
    int64_t last = report->is_out && !report->batch.is_nru ? report->batch.ids[report->batch.count - 1] : 0;
    db_rows_t *rows =
        db_ask(db, "SELECT 1 FROM outbox WHERE kind = 'resources' AND contract = ?1 AND id > ?2", "ii",
               (int64_t)contract_id, last);
    bool is_waiting = db_next(&rows);
    db_stop(rows);
    if (!is_waiting)
        db_do(db, "INSERT INTO outbox(kind, contract) VALUES('resources', ?1)", "i", (int64_t)contract_id);
    send_soon(report, SOON_MS);
}

uint32_t report_backlog(const report_t *report)
{
    db_rows_t *rows = db_ask(report->agent->db, "SELECT count(*) FROM outbox", "");
    if (!db_next(&rows)) return 0;
    uint32_t count = (uint32_t)db_number(rows, 0);
    db_stop(rows);
    return count;
}

static void forget(report_t *report)
{
    db_t *db = report->agent->db;
    db_begin(db);
    for (uint32_t i = 0; i < report->batch.count; i++)
        db_do(db, "DELETE FROM outbox WHERE id = ?1", "i", report->batch.ids[i]);
    db_end(db);
}

static void told(void *context, const client_outcome_t *outcome)
{
    report_t *report = context;
    char why[CLIENT_ERROR_MAX + 1];
    const char *kind = report->batch.is_nru ? "add_nru_reports" : "report_contract_resources";
    if (outcome->stage == CLIENT_TX_IN_BLOCK)
        log_info(LOG_REPORT, "reported", LOG_TEXT("call", kind), LOG_U64("contracts", report->batch.count),
                 LOG_U64("block", outcome->block_number));
    if (!outcome->is_last) return;
    report->ticket = 0;
    report->is_out = false;
    if (client_outcome_text(outcome, why, sizeof why) == CLIENT_OK) {
        forget(report);
        send_soon(report, SOON_MS);
        return;
    }
    log_warn(LOG_REPORT, "not reported yet", LOG_TEXT("call", kind), LOG_TEXT("why", why));
    send_soon(report, AGAIN_MS);
}

static void submit(report_t *report, const scale_writer_t *call)
{
    client_submit_t order = {.key = &report->agent->key, .call = scale_written(call), .until_final = true};
    report->is_out        = true;
    report->ticket        = client_submit(report->agent->client, &order, told, report);
}

static bool send_resources(report_t *report)
{
    smart_contract_contract_resources_t items[BATCH_MAX];
    uint8_t room[CALL_CAP];
    scale_writer_t w = scale_writer(room, sizeof room);
    db_rows_t *rows  = db_ask(report->agent->db,
                              "SELECT id, contract FROM outbox WHERE kind = 'resources' ORDER BY id LIMIT ?1",
                              "i", (int64_t)BATCH_MAX);
    batch_t *batch   = &report->batch;
    for (batch->count = 0, batch->is_nru = false; db_next(&rows); batch->count++) {
        uint64_t contract_id     = (uint64_t)db_number(rows, 1);
        capacity_t used          = engine_resources(report->agent->engine, contract_id);
        batch->ids[batch->count] = db_number(rows, 0);
        items[batch->count]      = (smart_contract_contract_resources_t){
                 contract_id, {used.hru, used.sru, used.cru, used.mru}
        };
    }
    if (batch->count == 0) return false;
    smart_contract_report_contract_resources_call_encode(&w,
                                                         &(smart_contract_report_contract_resources_args_t){
                                                             {items, batch->count}
    });
    submit(report, &w);
    return true;
}

static bool send_nru(report_t *report)
{
    smart_contract_nru_consumption_t items[BATCH_MAX];
    uint8_t room[CALL_CAP];
    scale_writer_t w = scale_writer(room, sizeof room);
    db_rows_t *rows =
        db_ask(report->agent->db,
               "SELECT id, contract, at, window, bytes FROM outbox WHERE kind = 'nru' ORDER BY id LIMIT ?1",
               "i", (int64_t)BATCH_MAX);
    batch_t *batch = &report->batch;
    for (batch->count = 0, batch->is_nru = true; db_next(&rows); batch->count++) {
        batch->ids[batch->count] = db_number(rows, 0);
        items[batch->count] =
            (smart_contract_nru_consumption_t){(uint64_t)db_number(rows, 1), (uint64_t)db_number(rows, 2),
                                               (uint64_t)db_number(rows, 3), (uint64_t)db_number(rows, 4)};
    }
    if (batch->count == 0) return false;
    smart_contract_add_nru_reports_call_encode(&w, &(smart_contract_add_nru_reports_args_t){
                                                       {items, batch->count}
    });
    submit(report, &w);
    return true;
}

static void send_next(void *self)
{
    report_t *report   = self;
    report->send_timer = NULL;
    if (!report->is_out && !send_resources(report)) send_nru(report);
}

/* ---- the chain's time ---- */

static uint64_t ask_time(report_t *report, client_value_fn fn)
{
    uint8_t room[KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    timestamp_now_key(&key);
    return client_storage(report->agent->client, scale_written(&key), NULL, fn, report);
}

static bool time_of(const client_error_t *error, bytes_t value, uint64_t *now_s)
{
    scale_reader_t r = scale_reader(value, NULL);
    *now_s           = error->status == CLIENT_OK && value.data ? scale_get_u64(&r) / 1000 : 0;
    return *now_s != 0 && scale_done(&r);
}

/* ---- uptime ---- */

static void uptime_again(report_t *report, uint64_t wait_s)
{
    report->uptime_timer = io_timer_start(report->agent->io, wait_s * 1000, 0, ask_time_for_uptime, report);
}

static void told_uptime(void *context, const client_outcome_t *outcome)
{
    report_t *report = context;
    char why[CLIENT_ERROR_MAX + 1];
    if (!outcome->is_last) return;
    report->uptime_ticket = 0;
    if (client_outcome_text(outcome, why, sizeof why) == CLIENT_OK) {
        log_info(LOG_REPORT, "reported", LOG_TEXT("call", "report_uptime_v2"),
                 LOG_U64("block", outcome->block_number));
        uptime_again(report, report->agent->config->uptime_s);
        return;
    }
    log_warn(LOG_REPORT, "not reported yet", LOG_TEXT("call", "report_uptime_v2"), LOG_TEXT("why", why));
    uptime_again(report, UPTIME_S);
}

static uint64_t machine_uptime_s(void)
{
    char text[64];
    double seconds;
    return file_read("/proc/uptime", text, sizeof text) && sscanf(text, "%lf", &seconds) == 1
               ? (uint64_t)seconds
               : 0;
}

static void got_time_for_uptime(void *context, const client_error_t *error, bytes_t value)
{
    report_t *report = context;
    uint64_t now_s;
    uint8_t room[KEY_CAP];
    scale_writer_t w      = scale_writer(room, sizeof room);
    report->uptime_ticket = 0;
    if (!time_of(error, value, &now_s)) {
        uptime_again(report, UPTIME_S);
        return;
    }
    tfgrid_report_uptime_v2_call_encode(&w, &(tfgrid_report_uptime_v2_args_t){machine_uptime_s(), now_s});
    client_submit_t order = {.key = &report->agent->key, .call = scale_written(&w)};
    report->uptime_ticket = client_submit(report->agent->client, &order, told_uptime, report);
}

static void ask_time_for_uptime(void *self)
{
    report_t *report      = self;
    report->uptime_timer  = NULL;
    report->uptime_ticket = ask_time(report, got_time_for_uptime);
}

/* ---- network use ---- */

/* Closes the windows: what moved becomes a report, and the next window begins, in one transaction. */
static void got_time_for_nru(void *context, const client_error_t *error, bytes_t value)
{
    report_t *report = context;
    agent_t *agent   = report->agent;
    uint64_t chain_s;
    uint32_t count;
    if (!time_of(error, value, &chain_s)) return;
    int64_t now_s      = agent_now_s(agent);
    engine_nru_t *list = engine_nru(agent->engine, &count);
    db_begin(agent->db);
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].bytes > 0 && now_s > list[i].since_s)
            db_do(agent->db,
                  "INSERT INTO outbox(kind, contract, bytes, at, window) VALUES('nru', ?1, ?2, ?3, ?4)",
                  "iiii", (int64_t)list[i].contract_id, (int64_t)list[i].bytes, (int64_t)chain_s,
                  now_s - list[i].since_s);
        engine_nru_taken(agent->engine, list[i].contract_id, now_s);
    }
    db_end(agent->db);
    free(list);
    send_soon(report, SOON_MS);
}

static void ask_time_for_nru(void *self) { ask_time(self, got_time_for_nru); }

/* ---- parts ---- */

report_t *report_new(agent_t *agent)
{
    report_t *report = calloc(1, sizeof *report);
    if (report) report->agent = agent;
    return report;
}

void report_start(report_t *report)
{
    uint64_t every_ms = report->agent->config->nru_s * UINT64_C(1000);
    uint32_t count;
    report->is_started = true;
    report->nru_timer  = io_timer_start(report->agent->io, every_ms, every_ms, ask_time_for_nru, report);
    ask_time_for_uptime(report);
    uint64_t *list = engine_contracts(report->agent->engine, &count);
    for (uint32_t i = 0; i < count; i++) /* at start the chain is told of all that is active */
        report_resources(report, list[i]);
    free(list);
    send_soon(report, SOON_MS);
}

void report_free(report_t *report)
{
    if (!report) return;
    client_t *client = report->agent->client;
    if (report->ticket) client_cancel(client, report->ticket);
    if (report->uptime_ticket) client_cancel(client, report->uptime_ticket);
    io_timer_t *timers[] = {report->send_timer, report->uptime_timer, report->nru_timer};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        if (timers[i]) io_timer_stop(timers[i]);
    free(report);
}
