/* engine_trash.c - disks that were deleted and are kept for a while.
 *
 * Nobody who was cancelled by mistake loses his data at once; nobody else waits for room because of it: what
 * is admitted is counted without the trash, which is emptied for it, the oldest first. */
#include "engine_internal.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 60000 /* after one that could not be deleted */
#define HOUR_MS  3600000

/* ---- rows ---- */

static trash_t *trash_find(const engine_t *engine, const char *id)
{
    for (trash_t *trash = engine->trash; trash; trash = trash->next)
        if (strcmp(trash->id, id) == 0) return trash;
    return NULL;
}

static trash_t *trash_add(engine_t *engine, const trash_t *from)
{
    trash_t *trash = malloc(sizeof *trash), **at = &engine->trash;
    if (!trash) return NULL;
    *trash = *from;
    while (*at && (*at)->at_s <= trash->at_s)
        at = &(*at)->next;
    trash->next = *at;
    return *at  = trash;
}

static void trash_remove(engine_t *engine, trash_t *trash)
{
    for (trash_t **at = &engine->trash; *at; at = &(*at)->next) {
        if (*at != trash) continue;
        *at = trash->next;
        break;
    }
    db_do(engine->config.db, "DELETE FROM trash WHERE id = ?1", "t", trash->id);
    free(trash);
}

static bool trash_store(const engine_t *engine, const trash_t *trash)
{
    return db_do(engine->config.db,
                 "INSERT INTO trash(id, wid, contract, twin, name, size, owner, at, is_kept)"
                 " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                 " ON CONFLICT(id) DO UPDATE SET size = ?6, at = ?8, is_kept = ?9",
                 "ttiitiiii", trash->id, trash->wid, (int64_t)trash->contract_id, (int64_t)trash->twin_id,
                 trash->name, (int64_t)trash->size, (int64_t)trash->owner, trash->at_s,
                 (int64_t)trash->is_kept);
}

bool trash_load(engine_t *engine)
{
    db_rows_t *rows = db_ask(engine->config.db,
                             "SELECT id, wid, contract, twin, name, size, owner, at, is_kept FROM trash", "");
    while (db_next(&rows)) {
        trash_t trash = {.contract_id = (uint64_t)db_number(rows, 2),
                         .twin_id     = (uint32_t)db_number(rows, 3),
                         .size        = (uint64_t)db_number(rows, 5),
                         .owner       = (uint32_t)db_number(rows, 6),
                         .at_s        = db_number(rows, 7),
                         .is_kept     = db_number(rows, 8) != 0};
        snprintf(trash.id, sizeof trash.id, "%s", db_text(rows, 0));
        snprintf(trash.wid, sizeof trash.wid, "%s", db_text(rows, 1));
        snprintf(trash.name, sizeof trash.name, "%s", db_text(rows, 4));
        if (trash_add(engine, &trash)) continue;
        db_stop(rows);
        return false;
    }
    return db_ended(engine->config.db);
}

void trash_free(engine_t *engine)
{
    while (engine->trash) {
        trash_t *trash = engine->trash;
        engine->trash  = trash->next;
        free(trash);
    }
}

uint64_t trash_size(const engine_t *engine)
{
    uint64_t size = 0;
    for (const trash_t *trash = engine->trash; trash; trash = trash->next)
        size += trash->size;
    return size;
}

/* ---- in ---- */

/* A database's disk is larger than what is sold of it. */
static uint64_t size_of(const workload_t *w)
{
    return w->kind == WORKLOAD_ZDB ? zdb_disk(w->zdb.size) : w->size;
}

/* The row is there before the disk moves: a disk that is moved without one would be an orphan. */
void trash_keep(engine_t *engine, const record_t *record, int64_t now_s, job_t *job)
{
    bool is_failed = record->state == WORKLOAD_ERROR;
    if (engine->config.trash_s == 0 || is_failed) return;
    trash_t *trash = engine->trash;
    while (trash && (trash->is_kept || strcmp(trash->wid, record->wid) != 0))
        trash = trash->next;
    if (!trash) {
        trash_t fresh = {.contract_id = record->entry->contract_id,
                         .twin_id     = record->entry->twin_id,
                         .size        = size_of(record->workload),
                         .owner       = plan_owner(engine, record->entry),
                         .at_s        = now_s};
        memcpy(fresh.wid, record->wid, sizeof fresh.wid);
        snprintf(fresh.name, sizeof fresh.name, "%s", record->workload->name);
        do
            snprintf(fresh.id, sizeof fresh.id, "%s@%lld", fresh.wid, (long long)fresh.at_s++);
        while (trash_find(engine, fresh.id));
        fresh.at_s = now_s;
        if (!trash_store(engine, &fresh)) return;
        trash = trash_add(engine, &fresh);
    }
    if (trash) snprintf(job->trash, sizeof job->trash, "%s", trash->id);
}

static void restored(engine_t *engine, trash_t *trash, const job_t *job)
{
    if (job->result.status == HOST_OK) {
        log_info(LOG_ENGINE, "disk restored", LOG_U64("contract", trash->target_contract),
                 LOG_TEXT("name", trash->target), LOG_TEXT("from", trash->id));
        trash_remove(engine, trash);
        return;
    }
    trash->target_contract = 0;
    snprintf(trash->why, sizeof trash->why, "not restored: %.400s", job->result.error);
}

static void emptied(engine_t *engine, trash_t *trash, const job_t *job, uint64_t now_ms)
{
    if (job->result.status == HOST_OK) {
        trash_remove(engine, trash);
        return;
    }
    trash->next_ms = now_ms + AGAIN_MS;
    snprintf(trash->why, sizeof trash->why, "not deleted: %.400s", job->result.error);
}

/* A disk that could not be dropped is dropped again, under the same name. */
static void kept(engine_t *engine, trash_t *trash, const job_t *job)
{
    if (job->result.status != HOST_OK) return;
    trash->is_kept = job->is_kept;
    if (job->is_kept)
        trash_store(engine, trash);
    else
        trash_remove(engine, trash);
}

void trash_took(engine_t *engine, const job_t *job, uint64_t now_ms)
{
    trash_t *trash = job->trash[0] ? trash_find(engine, job->trash) : NULL;
    if (!trash) return;
    trash->is_out = false;
    if (job->kind == JOB_DROP_DISK || job->kind == JOB_DROP_ZDB) kept(engine, trash, job);
    if (job->kind == JOB_EMPTY_TRASH) emptied(engine, trash, job, now_ms);
    if (job->kind == JOB_RESTORE_DISK) restored(engine, trash, job);
}

/* ---- out ---- */

static bool drop_job(trash_t *trash, const char *why, job_t *job)
{
    trash->is_out = true;
    *job          = (job_t){.kind = JOB_EMPTY_TRASH, .contract_id = trash->contract_id};
    snprintf(job->trash, sizeof job->trash, "%s", trash->id);
    log_info(LOG_ENGINE, "disk in the trash is deleted", LOG_U64("contract", trash->contract_id),
             LOG_TEXT("name", trash->name), LOG_TEXT("id", trash->id), LOG_TEXT("why", why));
    return true;
}

/* Why a disk cannot be put in the place of this one now; NULL when it can. */
static const char *obstacle(const trash_t *trash, const record_t *disk)
{
    if (!disk || !workload_is_disk(disk->workload) || plan_is_going(disk))
        return "there is no such disk: the user deploys one first";
    if (disk->entry->twin_id != trash->twin_id) return "that disk is another twin's";
    if (disk->state != WORKLOAD_OK) return "that disk is not ok";
    if (disk->workload->size < trash->size) return "that disk is smaller";
    for (const record_t *other = disk->entry->records; other; other = other->next)
        for (uint32_t i = 0; workload_is_machine(other->workload) && i < other->workload->machine.mount_count;
             i++)
            if (other->is_made && strcmp(other->workload->machine.mounts[i].name, disk->workload->name) == 0)
                return "a machine has that disk: it is to be added after the disk is restored";
    return NULL;
}

static bool restore_job(engine_t *engine, trash_t *trash, job_t *job)
{
    const entry_t *entry = entry_find(engine, trash->target_contract);
    const record_t *disk = entry ? record_find(entry, trash->target) : NULL;
    const char *why      = obstacle(trash, disk);
    if (why) {
        trash->target_contract = 0;
        snprintf(trash->why, sizeof trash->why, "not restored: %s", why);
        return false;
    }
    *job = (job_t){.kind        = JOB_RESTORE_DISK,
                   .contract_id = trash->target_contract,
                   .disk_size   = disk->workload->size,
                   .disk_owner  = plan_owner(engine, entry),
                   .trash_owner = trash->owner};
    plan_disk_name(disk, job->disk);
    snprintf(job->trash, sizeof job->trash, "%s", trash->id);
    trash->is_out = true;
    return true;
}

/* A clock that was set far ahead ends nobody's time at once: after a leap, and after the start, nothing is
 * due for an hour. */
static void see_clock(engine_t *engine, uint64_t now_ms)
{
    if (now_ms < engine->trash_looked_ms || now_ms - engine->trash_looked_ms > HOUR_MS)
        engine->trash_from_ms = now_ms + HOUR_MS;
    engine->trash_looked_ms = now_ms;
}

bool trash_next(engine_t *engine, uint64_t now_ms, job_t *job, uint64_t *wake_ms)
{
    see_clock(engine, now_ms);
    for (trash_t *trash = engine->trash; trash; trash = trash->next) {
        uint64_t due_ms = ((uint64_t)trash->at_s + engine->config.trash_s) * 1000;
        if (!trash->is_kept || trash->is_out) continue;
        if (trash->target_contract) {
            if (!lane_is_free(engine, JOB_RESTORE_DISK, trash->target_contract)) continue;
            if (restore_job(engine, trash, job)) return true;
            continue;
        }
        if (!lane_is_free(engine, JOB_EMPTY_TRASH, trash->contract_id)) continue;
        if (due_ms < engine->trash_from_ms) due_ms = engine->trash_from_ms;
        if (trash->is_unwanted) due_ms = 0;
        if (due_ms < trash->next_ms) due_ms = trash->next_ms;
        if (due_ms <= now_ms)
            return drop_job(trash, trash->is_unwanted ? "emptied" : "its time is over", job);
        if (due_ms < *wake_ms) *wake_ms = due_ms;
    }
    return false;
}

bool trash_yields(engine_t *engine, const record_t *record, uint64_t now_ms, job_t *job, bool *is_job)
{
    capacity_t limit = plan_limit(engine), held = plan_held(engine, record);
    uint64_t kept  = trash_size(engine);
    capacity_t own = workload_capacity(record->workload);
    *is_job        = false; /* SSD and HDD are sold of one pool, in which the trash is */
    if (own.sru + own.hru == 0 || kept == 0 || held.sru + held.hru + kept <= limit.sru + limit.hru)
        return false;
    for (const trash_t *trash = engine->trash; trash; trash = trash->next)
        if (trash->is_out) return true; /* how much is left shows when that is done */
    for (trash_t *trash = engine->trash; trash; trash = trash->next)
        if (trash->is_kept && trash->next_ms <= now_ms && !trash->target_contract &&
            lane_is_free(engine, JOB_EMPTY_TRASH, trash->contract_id))
            return *is_job = drop_job(trash, "its room is needed", job);
    return true;
}

/* ---- the operator ---- */

json_t *engine_trash(engine_t *engine)
{
    json_t *list = json_array();
    for (const trash_t *trash = engine->trash; trash; trash = trash->next) {
        const char *why = trash->target_contract ? "is being restored" : trash->why;
        json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:s,s:I,s:I,s:I,s:s}", "id", trash->id,
                                              "contract_id", (json_int_t)trash->contract_id, "twin_id",
                                              (json_int_t)trash->twin_id, "name", trash->name, "size",
                                              (json_int_t)trash->size, "at", (json_int_t)trash->at_s, "until",
                                              (json_int_t)(trash->at_s + (int64_t)engine->config.trash_s),
                                              "why", why));
    }
    return json_pack("{s:o,s:I,s:I}", "trash", list, "size", (json_int_t)trash_size(engine), "kept_s",
                     (json_int_t)engine->config.trash_s);
}

bool engine_trash_restore(engine_t *engine, const char *id, uint64_t contract_id, const char *name,
                          char error[ENGINE_ERROR_MAX + 1])
{
    trash_t *trash       = trash_find(engine, id);
    const entry_t *entry = entry_find(engine, contract_id);
    const char *why      = NULL;
    if (!trash) return engine_refuse(error, "there is no disk %.60s in the trash", id);
    why = obstacle(trash, entry ? record_find(entry, name) : NULL);
    if (why) return engine_refuse(error, "%s", why);
    trash->target_contract = contract_id;
    trash->why[0]          = 0;
    snprintf(trash->target, sizeof trash->target, "%s", name);
    return true;
}

bool engine_trash_empty(engine_t *engine, const char *id, char error[ENGINE_ERROR_MAX + 1])
{
    if (id && !trash_find(engine, id)) return engine_refuse(error, "there is no disk %.60s in the trash", id);
    for (trash_t *trash = engine->trash; trash; trash = trash->next) {
        if (id && strcmp(trash->id, id) != 0) continue;
        trash->is_unwanted = true;
        trash->next_ms     = 0;
    }
    return true;
}
