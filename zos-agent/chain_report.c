/* chain_report.c - what the node tells the chain: that it is up, what its contracts use, and what they moved.
 *
 * Resources and traffic are rows in the database first, sent in calls of several, and removed when the call
 * is finalized.  A row of resources says that a contract is to be reported; what it uses is looked up when it
 * is sent. A row of traffic is one window of one contract, in chain time; windows touch and never overlap.
 *
 * The chain counts a report of traffic unless a newer one was counted, so the same one may count twice.
 * Before it is sent, the row gets the block by which that try is in the chain or never will be (`dead`):
 * after a crash or a lost connection it waits until that block is finalized, then the contract's billing
 * information says whether it was counted. */
#include "chain_internal.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#define SOON_MS     500 /* changes that come together go together */
#define DEAD_BLOCKS (CLIENT_MORTAL_BLOCKS + 8)

static void resources_kick(void *self);
static void traffic_kick(void *self);
static void uptime_start(void *self);
static void close_start(void *self);

/* ---- rows ---- */

bool report_prepare(chain_side_t *side)
{
    db_t *db = side->config.db;
    return db_do(db,
                 "CREATE TABLE IF NOT EXISTS chain_report(id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, "
                 "contract "
                 "INTEGER, at INTEGER, window INTEGER, bytes INTEGER, dead INTEGER, UNIQUE(kind, contract, "
                 "at))",
                 "") &&
           db_do(db, "CREATE TABLE IF NOT EXISTS chain_window(contract INTEGER PRIMARY KEY, until INTEGER)",
                 "") &&
           db_do(db, "CREATE TABLE IF NOT EXISTS chain_accepted(contract INTEGER PRIMARY KEY, block INTEGER)",
                 "");
}

uint32_t report_backlog(const chain_side_t *side)
{
    db_rows_t *rows = db_ask(side->config.db, "SELECT COUNT(*) FROM chain_report", "");
    if (!db_next(&rows)) return 0;
    int64_t count = db_number(rows, 0);
    db_stop(rows);
    return (uint32_t)count;
}

uint32_t report_rows(chain_side_t *side, const char *kind, uint32_t finalized, uint32_t most,
                     report_row_t rows[REPORT_ROWS_CAP])
{
    uint32_t count = 0;
    for (db_rows_t *at =
             db_ask(side->config.db,
                    "SELECT id, contract, at, window, bytes, dead FROM chain_report WHERE kind = ?1 "
                    "AND dead <= ?2 ORDER BY id LIMIT ?3",
                    "tii", kind, (int64_t)finalized, (int64_t)most);
         db_next(&at);)
        rows[count++] = (report_row_t){.id          = db_number(at, 0),
                                       .contract_id = (uint64_t)db_number(at, 1),
                                       .at_s        = db_number(at, 2),
                                       .window_s    = db_number(at, 3),
                                       .bytes       = (uint64_t)db_number(at, 4),
                                       .dead        = db_number(at, 5)};
    return count;
}

void report_remove(chain_side_t *side, const report_row_t *row)
{
    db_do(side->config.db, "DELETE FROM chain_report WHERE id = ?1", "i", row->id);
}

static void rows_dead_at(chain_side_t *side, const sender_t *sender, int64_t block)
{
    db_begin(side->config.db);
    for (uint32_t i = 0; i < sender->count; i++)
        db_do(side->config.db, "UPDATE chain_report SET dead = ?2 WHERE id = ?1", "ii", sender->rows[i].id,
              block);
    db_end(side->config.db);
}

static void rows_done(chain_side_t *side, const sender_t *sender)
{
    db_begin(side->config.db);
    for (uint32_t i = 0; i < sender->count; i++)
        report_remove(side, &sender->rows[i]);
    db_end(side->config.db);
    side->report.sent += sender->count;
}

/* ---- a sender ---- */

static void kick_at(chain_side_t *side, sender_t *sender, uint64_t delay_ms, io_fn_t kick)
{
    if (sender->timer) io_timer_stop(sender->timer);
    sender->timer = io_timer_start(side->config.io, delay_ms, 0, kick, side);
}

/* kick_soon: unless a call or a pause is under way, which end in a kick of their own. */
static void kick_soon(chain_side_t *side, sender_t *sender, uint64_t delay_ms, io_fn_t kick)
{
    if (side->report.is_started && !sender->ticket && !sender->timer) kick_at(side, sender, delay_ms, kick);
}

static void sender_stop(chain_side_t *side, sender_t *sender)
{
    if (sender->ticket) client_cancel(side->config.client, sender->ticket);
    if (sender->timer) io_timer_stop(sender->timer);
    sender->ticket = 0;
    sender->timer  = NULL;
}

static void pause_sender(chain_side_t *side, sender_t *sender, const char *what, const char *why,
                         io_fn_t kick)
{
    side->report.failed++;
    sender->pause_ms = chain_backoff(sender->pause_ms);
    log_warn(LOG_REPORT, "not reported yet", LOG_TEXT("call", what), LOG_U32("contracts", sender->count),
             LOG_TEXT("why", why), LOG_U64("again_ms", sender->pause_ms));
    kick_at(side, sender, sender->pause_ms, kick);
}

/* A call that the chain refuses may be refused for one of its rows: they go one by one, and the one is
 * dropped. */
static void refused(chain_side_t *side, sender_t *sender, const char *what, const char *why, bool is_for_ever,
                    io_fn_t kick)
{
    if (is_for_ever && sender->count == 1) {
        log_error(LOG_REPORT, "report dropped", LOG_TEXT("report", what),
                  LOG_U64("contract", sender->rows[0].contract_id), LOG_TEXT("why", why));
        report_remove(side, &sender->rows[0]);
        sender->most = REPORT_ROWS_CAP;
    } else if (is_for_ever) {
        sender->most = 1;
    }
    pause_sender(side, sender, what, why, kick);
}

/* is_for_ever: the contract is not what a node may report on. */
static bool is_for_ever(const client_outcome_t *outcome)
{
    const char *name = outcome->refusal.name;
    return outcome->stage != CLIENT_TX_FAILED && !outcome->is_success &&
           (strcmp(name, "InvalidContractType") == 0 ||
            strcmp(name, "NodeNotAuthorizedToComputeReport") == 0);
}

static void told(chain_side_t *side, sender_t *sender, const char *what, const client_outcome_t *outcome,
                 io_fn_t kick)
{
    char why[CLIENT_ERROR_MAX + 1];
    if (outcome->stage == CLIENT_TX_SENT) sender->was_sent = true;
    if (!outcome->is_last) return;
    sender->ticket = 0;
    if (client_outcome_text(outcome, why, sizeof why) == CLIENT_OK) {
        rows_done(side, sender);
        sender->pause_ms = 0;
        log_info(LOG_REPORT, "reported", LOG_TEXT("call", what), LOG_U32("contracts", sender->count),
                 LOG_U32("block", outcome->block_number));
        kick_at(side, sender, 0, kick);
        return;
    }
    bool is_surely_out = outcome->stage != CLIENT_TX_FAILED || !sender->was_sent;
    if (is_surely_out) rows_dead_at(side, sender, 0);
    refused(side, sender, what, why, is_for_ever(outcome), kick);
}

static void submit(chain_side_t *side, sender_t *sender, const scale_writer_t *call, client_outcome_fn fn)
{
    client_submit_t wanted = {.key = &side->key, .call = scale_written(call), .until_final = true};
    sender->was_sent       = false;
    sender->ticket         = client_submit(side->config.client, &wanted, fn, side);
}

/* ---- resources ---- */

static reported_t *reported_find(const chain_side_t *side, uint64_t contract_id)
{
    for (uint32_t i = 0; i < side->report.reported_count; i++)
        if (side->report.reported[i].contract_id == contract_id) return &side->report.reported[i];
    return NULL;
}

static void reported_put(chain_side_t *side, uint64_t contract_id, capacity_t used)
{
    report_t *r       = &side->report;
    reported_t *found = reported_find(side, contract_id);
    if (!found) {
        reported_t *more = realloc(r->reported, (r->reported_count + 1) * sizeof *more);
        if (!more) return; /* it is reported once more than needed */
        r->reported = more;
        found       = &r->reported[r->reported_count++];
    }
    *found = (reported_t){contract_id, used};
}

static bool same_used(const capacity_t *a, const capacity_t *b)
{
    return a->cru == b->cru && a->mru == b->mru && a->sru == b->sru && a->hru == b->hru;
}

/* is_needed: it is still wanted here, and uses something else than was reported. */
static bool is_needed(const chain_side_t *side, uint64_t contract_id, const capacity_t *used)
{
    static const capacity_t nothing;
    const reported_t *before = reported_find(side, contract_id);
    return watch_has(side, contract_id) && !same_used(used, before ? &before->used : &nothing);
}

static void resources_told(void *context, const client_outcome_t *outcome)
{
    chain_side_t *side = context;
    sender_t *s        = &side->report.resources;
    if (outcome->stage == CLIENT_TX_FINALIZED && outcome->is_success)
        for (uint32_t i = 0; i < s->count; i++)
            reported_put(side, s->rows[i].contract_id, s->used[i]);
    told(side, s, "report_contract_resources", outcome, resources_kick);
}

static void resources_kick(void *self)
{
    chain_side_t *side = self;
    sender_t *s        = &side->report.resources;
    smart_contract_contract_resources_t items[REPORT_ROWS_CAP];
    report_row_t found[REPORT_ROWS_CAP];
    uint8_t room[CHAIN_CALL_CAP];
    scale_writer_t w = scale_writer(room, sizeof room);
    s->timer         = NULL;
    uint32_t count   = report_rows(side, "resources", UINT32_MAX, s->most, found);
    s->count         = 0;
    for (uint32_t i = 0; i < count; i++) {
        capacity_t used = engine_resources(side->config.engine, found[i].contract_id);
        if (!is_needed(side, found[i].contract_id, &used)) {
            report_remove(side, &found[i]);
            continue;
        }
        support_resources_t told_used = {.hru = used.hru, .sru = used.sru, .cru = used.cru, .mru = used.mru};
        items[s->count]     = (smart_contract_contract_resources_t){found[i].contract_id, told_used};
        s->used[s->count]   = used;
        s->rows[s->count++] = found[i];
    }
    if (s->count == 0) {
        if (count == s->most) kick_at(side, s, 0, resources_kick);
        return;
    }
    smart_contract_report_contract_resources_args_t args = {
        {items, s->count}
    };
    smart_contract_report_contract_resources_call_encode(&w, &args);
    submit(side, s, &w, resources_told);
}

void report_changed(chain_side_t *side, uint64_t contract_id)
{
    db_do(side->config.db,
          "INSERT OR REPLACE INTO chain_report(kind, contract, at, window, bytes, dead) "
          "VALUES('resources', ?1, 0, 0, 0, 0)",
          "i", (int64_t)contract_id);
    kick_soon(side, &side->report.resources, SOON_MS, resources_kick);
}

/* ---- traffic ---- */

void report_close(chain_side_t *side, int64_t now_s)
{
    db_t *db       = side->config.db;
    int64_t ahead  = now_s - (int64_t)(io_now_ms(side->config.io) / 1000); /* the chain's clock, to ours */
    int64_t closed = db_get(db, "chain_nru_closed", 0);
    uint32_t count = 0, i;
    db_begin(db);
    engine_nru_t *list = engine_nru(side->config.engine, &count);
    for (i = 0; i < count; i++) {
        int64_t contract = (int64_t)list[i].contract_id, from = list[i].since_s + ahead;
        db_rows_t *rows = db_ask(db, "SELECT until FROM chain_window WHERE contract = ?1", "i", contract);
        if (db_next(&rows)) {
            from = db_number(rows, 0);
            db_stop(rows);
        }
        if (closed && (from < closed || from >= now_s)) from = closed; /* our clock was set in between */
        if (from >= now_s) continue; /* no time went by on the chain: the bytes stay for the next window */
        if (list[i].bytes > 0)
            db_do(
                db,
                "INSERT INTO chain_report(kind, contract, at, window, bytes, dead) VALUES('nru', ?1, ?2, ?3, "
                "?4, 0)",
                "iiii", contract, now_s, now_s - from, (int64_t)list[i].bytes);
        db_do(db,
              "INSERT INTO chain_window(contract, until) VALUES(?1, ?2) ON CONFLICT(contract) DO UPDATE SET "
              "until = ?2",
              "ii", contract, now_s);
        engine_nru_taken(side->config.engine, list[i].contract_id, now_s);
        if (!watch_has(side, list[i].contract_id))
            db_do(db, "DELETE FROM chain_window WHERE contract = ?1", "i", contract);
    }
    db_set(db, "chain_nru_closed", now_s);
    db_end(db);
    free(list);
}

static void traffic_told(void *context, const client_outcome_t *outcome)
{
    chain_side_t *side = context;
    told(side, &side->report.traffic, "add_nru_reports", outcome, traffic_kick);
}

static void traffic_send(chain_side_t *side)
{
    sender_t *s = &side->report.traffic;
    smart_contract_nru_consumption_t items[REPORT_ROWS_CAP];
    uint8_t room[CHAIN_CALL_CAP];
    scale_writer_t w = scale_writer(room, sizeof room);
    for (uint32_t i = 0; i < s->count; i++)
        items[i] = (smart_contract_nru_consumption_t){.contract_id = s->rows[i].contract_id,
                                                      .timestamp   = (uint64_t)s->rows[i].at_s,
                                                      .window      = (uint64_t)s->rows[i].window_s,
                                                      .nru         = s->rows[i].bytes};
    smart_contract_add_nru_reports_args_t args = {
        {items, s->count}
    };
    smart_contract_add_nru_reports_call_encode(&w, &args);
    rows_dead_at(side, s, (int64_t)side->watch.best.number + DEAD_BLOCKS);
    submit(side, s, &w, traffic_told);
}

static void traffic_check(chain_side_t *side);

static void got_billing(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    sender_t *s        = &side->report.traffic;
    s->ticket          = 0;
    if (error->status == CLIENT_FREED) return;
    if (error->status != CLIENT_OK) {
        pause_sender(side, s, "add_nru_reports", error->text, traffic_kick);
        return;
    }
    smart_contract_contract_billing_information_t billing = {0};
    scale_reader_t r                                      = scale_reader(value, NULL);
    if (value.data) smart_contract_contract_billing_information_decode(&r, &billing);
    const report_row_t *row = &s->rows[s->at];
    if (value.data && scale_done(&r) && billing.last_updated >= (uint64_t)row->at_s) {
        log_info(LOG_REPORT, "report was counted", LOG_U64("contract", row->contract_id),
                 LOG_I64("at", row->at_s));
        report_remove(side, row);
        side->report.sent++;
        memmove(&s->rows[s->at], &s->rows[s->at + 1], (s->count - s->at - 1) * sizeof *s->rows);
        s->count--;
    } else {
        s->at++;
    }
    traffic_check(side);
}

/* traffic_check asks, for each row that was tried before, whether it was counted; then sends the others. */
static void traffic_check(chain_side_t *side)
{
    sender_t *s = &side->report.traffic;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    while (s->at < s->count && s->rows[s->at].dead == 0)
        s->at++;
    if (s->at < s->count) {
        smart_contract_contract_billing_information_by_id_key(&key, s->rows[s->at].contract_id);
        s->ticket = client_storage(side->config.client, scale_written(&key), &side->watch.finalized.hash,
                                   got_billing, side);
    } else if (s->count > 0) {
        traffic_send(side);
    }
}

static void traffic_kick(void *self)
{
    chain_side_t *side = self;
    sender_t *s        = &side->report.traffic;
    s->timer           = NULL;
    s->at              = 0;
    s->count           = 0;
    if (side->watch.finalized.number == 0) return; /* the first finalized block kicks again */
    s->count = report_rows(side, "nru", side->watch.finalized.number, s->most, s->rows);
    traffic_check(side);
}

static void close_got_time(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    report_t *r        = &side->report;
    uint64_t pause_ms  = CHAIN_RETRY_MS;
    r->close_ticket    = 0;
    if (error->status == CLIENT_FREED) return;
    if (chain_took_time(side, error, value)) {
        int64_t now_s   = (int64_t)(side->now_ms / 1000),
                last_s  = db_get(side->config.db, "chain_nru_closed", 0);
        int64_t every_s = (int64_t)(side->config.nru_ms / 1000), due_s = last_s + every_s;
        pause_ms = side->config.nru_ms;
        if (last_s == 0) {
            db_set(side->config.db, "chain_nru_closed", now_s);
        } else if (now_s >= due_s) {
            report_close(side, now_s);
            kick_soon(side, &r->traffic, 0, traffic_kick);
        } else if ((uint64_t)(due_s - now_s) * 1000 < pause_ms) {
            pause_ms = (uint64_t)(due_s - now_s) * 1000;
        }
    }
    r->close_timer = io_timer_start(side->config.io, pause_ms > 1000 ? pause_ms : 1000, 0, close_start, side);
}

static void close_start(void *self)
{
    chain_side_t *side        = self;
    side->report.close_timer  = NULL;
    side->report.close_ticket = chain_read_time(side, close_got_time);
}

/* ---- uptime ---- */

static void uptime_again(chain_side_t *side, bool is_done, const char *why)
{
    report_t *r        = &side->report;
    r->uptime_pause_ms = is_done ? 0 : chain_backoff(r->uptime_pause_ms);
    if (is_done) {
        r->sent++;
    } else {
        r->failed++;
        log_warn(LOG_REPORT, "not reported yet", LOG_TEXT("call", "report_uptime_v2"), LOG_TEXT("why", why),
                 LOG_U64("again_ms", r->uptime_pause_ms));
    }
    r->uptime_timer = io_timer_start(side->config.io, is_done ? side->config.uptime_ms : r->uptime_pause_ms,
                                     0, uptime_start, side);
}

static void uptime_told(void *context, const client_outcome_t *outcome)
{
    chain_side_t *side = context;
    char why[CLIENT_ERROR_MAX + 1];
    if (!outcome->is_last) return;
    side->report.uptime_ticket = 0;
    bool is_done               = client_outcome_text(outcome, why, sizeof why) == CLIENT_OK;
    if (is_done)
        log_info(LOG_REPORT, "reported", LOG_TEXT("call", "report_uptime_v2"),
                 LOG_U32("block", outcome->block_number));
    uptime_again(side, is_done, why);
}

static void uptime_got_time(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    struct sysinfo machine;
    uint8_t room[64];
    scale_writer_t w           = scale_writer(room, sizeof room);
    side->report.uptime_ticket = 0;
    if (error->status == CLIENT_FREED) return;
    if (!chain_took_time(side, error, value)) {
        uptime_again(side, false, error->status == CLIENT_OK ? "the chain has no time yet" : error->text);
        return;
    }
    tfgrid_report_uptime_v2_args_t args = {
        .uptime         = sysinfo(&machine) == 0 ? (uint64_t)machine.uptime : 0,
        .timestamp_hint = side->now_ms / 1000,
    };
    tfgrid_report_uptime_v2_call_encode(&w, &args);
    client_submit_t wanted     = {.key = &side->key, .call = scale_written(&w)};
    side->report.uptime_ticket = client_submit(side->config.client, &wanted, uptime_told, side);
}

static void uptime_start(void *self)
{
    chain_side_t *side         = self;
    side->report.uptime_timer  = NULL;
    side->report.uptime_ticket = chain_read_time(side, uptime_got_time);
}

void report_uptime_now(chain_side_t *side)
{
    report_t *r = &side->report;
    if (!r->uptime_timer) return; /* one is under way */
    io_timer_stop(r->uptime_timer);
    uptime_start(side);
}

/* ---- all ---- */

void report_start(chain_side_t *side)
{
    report_t *r         = &side->report;
    uint32_t count      = 0;
    uint64_t *contracts = engine_contracts(side->config.engine, &count);
    r->is_started       = true;
    r->resources.most   = REPORT_ROWS_CAP;
    r->traffic.most     = REPORT_ROWS_CAP;
    db_begin(side->config.db);
    for (uint32_t i = 0; contracts && i < count; i++)
        report_changed(side, contracts[i]);
    db_end(side->config.db);
    free(contracts);
    kick_soon(side, &r->resources, SOON_MS, resources_kick);
    kick_soon(side, &r->traffic, SOON_MS, traffic_kick);
    uptime_start(side);
    close_start(side);
}

void report_finalized(chain_side_t *side) { kick_soon(side, &side->report.traffic, 0, traffic_kick); }

void report_stop(chain_side_t *side)
{
    report_t *r      = &side->report;
    client_t *client = side->config.client;
    sender_stop(side, &r->resources);
    sender_stop(side, &r->traffic);
    if (r->uptime_ticket) client_cancel(client, r->uptime_ticket);
    if (r->close_ticket) client_cancel(client, r->close_ticket);
    if (r->uptime_timer) io_timer_stop(r->uptime_timer);
    if (r->close_timer) io_timer_stop(r->close_timer);
    free(r->reported);
    *r = (report_t){0};
}
