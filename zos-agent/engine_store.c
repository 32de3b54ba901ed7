/* engine_store.c - deployments and workloads in memory and in the database. */
#include "engine_internal.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_ROWS  1000
#define HISTORY_BYTES (4 << 20) /* of one contract: a row has the whole workload, which may be 1 MiB */

static const char *const state_texts[]   = {"init", "ok", "error", "paused", "deleted"};
static const char *const desired_texts[] = {"run", "paused", "deleted"};

const char *workload_state_text(int state) { return state_texts[state]; }

static unsigned text_index(const char *const *texts, unsigned count, const char *text)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(texts[i], text) == 0) return i;
    return 0;
}

/* ---- in memory ---- */

entry_t *entry_find(const engine_t *engine, uint64_t contract_id)
{
    for (entry_t *entry = engine->entries; entry; entry = entry->next)
        if (entry->contract_id == contract_id) return entry;
    return NULL;
}

record_t *record_find(const entry_t *entry, const char *name)
{
    for (record_t *record = entry->records; record; record = record->next)
        if (strcmp(record->workload->name, name) == 0) return record;
    return NULL;
}

bool record_is_active(const record_t *record)
{
    return record->state != WORKLOAD_ERROR && record->state != WORKLOAD_DELETED;
}

/* A deployment of this workload alone, which the record keeps as long as it lives. */
static deployment_t *hold(const entry_t *entry, const json_t *workload)
{
    char error[DEPLOYMENT_ERROR_MAX + 1];
    json_t *json         = json_pack("{s:I,s:I,s:I,s:[O]}", "version", (json_int_t)UINT32_MAX, "twin_id",
                                     (json_int_t)entry->twin_id, "contract_id", (json_int_t)entry->contract_id,
                                     "workloads", workload);
    deployment_t *holder = json ? deployment_from_json(json, error) : NULL;
    json_decref(json);
    return holder;
}

/* Disks of one kind: the largest first.  Otherwise in the order of kinds, then as they were sent. */
static bool goes_before(const workload_t *a, const workload_t *b)
{
    if (a->kind != b->kind) return a->kind < b->kind;
    return workload_is_disk(a) && a->size > b->size;
}

static record_t *record_take(entry_t *entry, deployment_t *holder)
{
    record_t *record = holder ? calloc(1, sizeof *record) : NULL;
    if (!record) {
        deployment_free(holder);
        return NULL;
    }
    record->entry    = entry;
    record->holder   = holder;
    record->workload = &holder->workloads[0];
    plan_wid(entry->twin_id, entry->contract_id, record->workload->name, record->wid);
    record_t **at = &entry->records;
    while (*at && !goes_before(record->workload, (*at)->workload))
        at = &(*at)->next;
    record->next = *at;
    *at          = record;
    return record;
}

record_t *record_add(entry_t *entry, const workload_t *workload, int64_t now_s)
{
    record_t *record = record_take(entry, hold(entry, workload->json));
    if (record) record->created_s = now_s;
    return record;
}

void record_free(record_t *record)
{
    for (record_t **at = &record->entry->records; *at; at = &(*at)->next) {
        if (*at != record) continue;
        *at = record->next;
        break;
    }
    deployment_free(record->holder);
    free(record->data);
    free(record);
}

/* All that a workload is, but what was sent of it. */
void record_carry(record_t *record, const record_t *old)
{
    record->state = old->state;
    memcpy(record->message, old->message, sizeof record->message);
    record->data         = old->data ? strdup(old->data) : NULL;
    record->created_s    = old->created_s;
    record->link         = old->link;
    record->is_made      = old->is_made;
    record->is_removed   = old->is_removed;
    record->is_dirty     = old->is_dirty;
    record->is_known     = old->is_known;
    record->gate         = old->gate;
    record->told_version = old->told_version;
    record->tries        = old->tries;
    record->restarts     = old->restarts;
    record->started_ms   = old->started_ms;
    record->next_ms      = old->next_ms;
}

static void entry_insert(engine_t *engine, entry_t *entry)
{
    entry_t **at = &engine->entries;
    while (*at && (*at)->contract_id < entry->contract_id)
        at = &(*at)->next;
    entry->next = *at;
    *at         = entry;
}

/* The lowest range of user ids that no other contract has. */
static uint32_t free_owner(const engine_t *engine)
{
    for (uint32_t index = 1;; index++) {
        bool is_taken = false;
        for (const entry_t *entry = engine->entries; entry && !is_taken; entry = entry->next)
            is_taken = entry->owner_index == index;
        if (!is_taken) return index;
    }
}

entry_t *entry_add(engine_t *engine, deployment_t *deployment, int64_t now_s)
{
    entry_t *entry = calloc(1, sizeof *entry);
    if (!entry) return NULL;
    entry->contract_id = deployment->contract_id;
    entry->twin_id     = deployment->twin_id;
    entry->owner_index = free_owner(engine);
    entry->deployment  = deployment;
    entry->created_s = entry->updated_s = now_s;
    entry_insert(engine, entry);
    return entry;
}

void entry_free(engine_t *engine, entry_t *entry)
{
    for (entry_t **at = engine ? &engine->entries : NULL; at && *at; at = &(*at)->next) {
        if (*at != entry) continue;
        *at = entry->next;
        break;
    }
    while (entry->records)
        record_free(entry->records);
    deployment_free(entry->deployment);
    free(entry);
}

void entry_replace(engine_t *engine, entry_t *entry, entry_t *next)
{
    entry_free(engine, entry);
    entry_insert(engine, next);
}

/* ---- in the database ---- */

bool store_entry(engine_t *engine, const entry_t *entry)
{
    char *text = json_dumps(entry->deployment->json, JSON_COMPACT);
    bool is_ok =
        text &&
        db_do(
            engine->config.db,
            "INSERT INTO deployment(contract, twin, version, json, desired, reason, owner, created, updated)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(contract) DO UPDATE SET version = ?3, "
            "json = ?4,"
            " desired = ?5, reason = ?6, owner = ?7, updated = ?9",
            "iiitttiii", (int64_t)entry->contract_id, (int64_t)entry->twin_id,
            (int64_t)entry->deployment->version, text, desired_texts[entry->desired], entry->reason,
            (int64_t)entry->owner_index, entry->created_s, entry->updated_s);
    free(text);
    return is_ok;
}

bool store_record(engine_t *engine, const record_t *record)
{
    char *text = json_dumps(record->workload->json, JSON_COMPACT);
    bool is_ok =
        text &&
        db_do(
            engine->config.db,
            "INSERT INTO workload(contract, name, json, wid, state, message, data, created, is_made, "
            "is_removed, link)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT(contract, name) DO UPDATE SET "
            "json = ?3,"
            " state = ?5, message = ?6, data = ?7, created = ?8, is_made = ?9, is_removed = ?10, link = ?11",
            "itttttt"
            "iiii",
            (int64_t)record->entry->contract_id, record->workload->name, text, record->wid,
            state_texts[record->state], record->message, record->data ? record->data : "", record->created_s,
            (int64_t)record->is_made, (int64_t)record->is_removed, (int64_t)record->link);
    free(text);
    return is_ok;
}

bool store_record_gone(engine_t *engine, const record_t *record)
{
    return db_do(engine->config.db, "DELETE FROM workload WHERE contract = ?1 AND name = ?2", "it",
                 (int64_t)record->entry->contract_id, record->workload->name);
}

json_t *record_json(const record_t *record)
{
    json_t *json = json_deep_copy(record->workload->json);
    json_t *data = record->data && record->data[0] ? json_loads(record->data, 0, NULL) : NULL;
    json_object_set_new(json, "result",
                        json_pack("{s:I,s:s,s:s,s:o}", "created", (json_int_t)record->created_s, "state",
                                  state_texts[record->state], "message", record->message, "data",
                                  data ? data : json_object()));
    return json;
}

/* Users choose how long a row is, and by a machine that ends again and again how many there are: of each
 * contract the newest are kept. */
static void history_add(engine_t *engine, uint64_t contract_id, const char *text)
{
    static const char trim[] =
        "DELETE FROM history WHERE contract = ?1 AND seq IN (SELECT seq FROM (SELECT seq, row_number() OVER w"
        " AS rows, sum(length(json)) OVER w AS bytes FROM history WHERE contract = ?1 WINDOW w AS (ORDER BY"
        " seq DESC)) WHERE rows > 1 AND (rows > ?2 OR bytes > ?3))";
    db_do(engine->config.db, "INSERT INTO history(contract, json) VALUES(?1, ?2)", "it", (int64_t)contract_id,
          text);
    db_do(engine->config.db, trim, "iii", (int64_t)contract_id, (int64_t)HISTORY_ROWS,
          (int64_t)HISTORY_BYTES);
}

void record_change(engine_t *engine, record_t *record, workload_state_t state, const char *message,
                   int64_t now_s)
{
    bool is_news = state != record->state || strcmp(message, record->message) != 0 ||
                   record->told_version != record->workload->version;
    record->told_version = record->workload->version;
    record->state        = state;
    record->created_s    = now_s;
    snprintf(record->message, sizeof record->message, "%s", message);
    db_begin(engine->config.db);
    store_record(engine, record);
    if (is_news) {
        json_t *json = record_json(record);
        char *text   = json_dumps(json, JSON_COMPACT);
        if (text) history_add(engine, record->entry->contract_id, text);
        free(text);
        json_decref(json);
        log_info(LOG_ENGINE, "workload", LOG_U64("contract", record->entry->contract_id),
                 LOG_TEXT("name", record->workload->name), LOG_TEXT("state", state_texts[state]),
                 LOG_TEXT("message", record->message));
    }
    db_end(engine->config.db);
}

/* ---- loading ---- */

static void not_understood(engine_t *engine, uint64_t contract_id, const char *what)
{
    engine->is_partial = true;
    log_error(LOG_ENGINE, "not understood: nothing is swept, and nothing new is taken",
              LOG_TEXT("what", what), LOG_U64("contract", contract_id));
}

static void load_record(engine_t *engine, entry_t *entry, db_rows_t *rows)
{
    json_t *json     = json_loads(db_text(rows, 0), 0, NULL);
    record_t *record = json ? record_take(entry, hold(entry, json)) : NULL;
    json_decref(json);
    if (!record) {
        not_understood(engine, entry->contract_id, "workload in the database");
        return;
    }
    record->state = (workload_state_t)text_index(state_texts, 5, db_text(rows, 1));
    snprintf(record->message, sizeof record->message, "%s", db_text(rows, 2));
    record->data         = strdup(db_text(rows, 3));
    record->created_s    = db_number(rows, 4);
    record->is_made      = db_number(rows, 5) != 0;
    record->is_removed   = db_number(rows, 6) != 0;
    record->link         = (uint32_t)db_number(rows, 7);
    record->told_version = record->workload->version;
    record->is_dirty     = record->state == WORKLOAD_OK || record->state == WORKLOAD_PAUSED;
    record->is_known     = record->state == WORKLOAD_OK && strcmp(record->message, ENGINE_PAUSING) != 0;
}

static bool load_entry(engine_t *engine, db_rows_t *rows)
{
    char error[DEPLOYMENT_ERROR_MAX + 1];
    deployment_t *deployment = deployment_parse(bytes_text(db_text(rows, 1)), error);
    entry_t *entry           = deployment ? entry_add(engine, deployment, db_number(rows, 5)) : NULL;
    if (!entry) {
        not_understood(engine, (uint64_t)db_number(rows, 0), "deployment in the database");
        deployment_free(deployment);
        return true;
    }
    entry->desired     = (desired_t)text_index(desired_texts, 3, db_text(rows, 2));
    entry->owner_index = (uint32_t)db_number(rows, 4);
    entry->updated_s   = db_number(rows, 6);
    snprintf(entry->reason, sizeof entry->reason, "%s", db_text(rows, 3));
    db_rows_t *inner =
        db_ask(engine->config.db,
               "SELECT json, state, message, data, created, is_made, is_removed, link FROM workload"
               " WHERE contract = ?1",
               "i", (int64_t)entry->contract_id);
    while (db_next(&inner))
        load_record(engine, entry, inner);
    return db_ended(engine->config.db);
}

bool store_load(engine_t *engine)
{
    db_rows_t *rows = db_ask(engine->config.db,
                             "SELECT contract, json, desired, reason, owner, created, updated FROM deployment"
                             " ORDER BY contract",
                             "");
    bool is_ok      = true;
    while (db_next(&rows))
        is_ok = load_entry(engine, rows) && is_ok;
    return db_ended(engine->config.db) && is_ok;
}
