/* engine_count.c - what machines and gateways moved: counters of the kernel and of the gateway, which begin
 * anew now and then, as sums in the database that never do. */
#include "engine_internal.h"

void engine_meter(engine_t *engine) { engine->wants_meter = true; }

static void keep_born(db_t *db, const job_count_t *count)
{
    db_do(db, "INSERT INTO meter_born(wid, born) VALUES(?1, ?2) ON CONFLICT(wid) DO UPDATE SET born = ?2",
          "ti", count->wid, (int64_t)count->born);
}

/* What the slot of a new gateway had counted before it. */
void count_start(engine_t *engine, const job_t *job)
{
    for (uint32_t i = 0; i < job->count_count; i++) {
        db_begin(engine->config.db);
        db_do(engine->config.db,
              "INSERT INTO meter(wid, contract, last, bytes) VALUES(?1, ?2, ?3, 0) ON CONFLICT(wid) DO "
              "UPDATE SET last = ?3",
              "tii", job->counts[i].wid, (int64_t)job->contract_id, (int64_t)job->counts[i].bytes);
        keep_born(engine->config.db, &job->counts[i]);
        db_end(engine->config.db);
    }
}

/* How far a counter went since it was last read: all of it when it began anew. */
static void take_count(db_t *db, const job_count_t *count, int64_t now_s)
{
    db_rows_t *rows = db_ask(db,
                             "SELECT w.contract, m.last, b.born FROM workload w LEFT JOIN meter m ON m.wid = "
                             "w.wid LEFT JOIN meter_born b ON b.wid = w.wid WHERE w.wid = ?1",
                             "t", count->wid);
    if (!db_next(&rows)) return;
    int64_t contract = db_number(rows, 0), last = db_number(rows, 1), born = db_number(rows, 2);
    int64_t bytes = (int64_t)count->bytes, now_born = (int64_t)count->born;
    db_stop(rows);
    bool is_anew  = bytes < last || (born != 0 && now_born != 0 && now_born != born);
    int64_t moved = is_anew ? bytes : bytes - last;
    if (born != now_born) keep_born(db, count);
    if (moved == 0 && last == bytes && last != 0) return;
    db_do(db,
          "INSERT INTO meter(wid, contract, last, bytes) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(wid) DO "
          "UPDATE SET last = ?3, bytes = bytes + ?4",
          "tiii", count->wid, contract, bytes, moved);
    db_do(db,
          "INSERT INTO nru(contract, bytes, since) VALUES(?1, ?2, ?3) ON CONFLICT(contract) DO UPDATE "
          "SET bytes = bytes + ?2",
          "iii", contract, moved, now_s);
}

void count_take(engine_t *engine, const job_t *job, int64_t now_s)
{
    db_begin(engine->config.db);
    for (uint32_t i = 0; i < job->count_count; i++)
        take_count(engine->config.db, &job->counts[i], now_s);
    db_end(engine->config.db);
}
