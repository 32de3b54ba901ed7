/* engine_work.c - the next difference between what is wanted and what is there, as a job; and its result. */
#include "engine_internal.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX    DEPLOYMENT_LIST_CAP
#define SETTLED_MS     60000 /* a machine that ran so long is not in a crash loop */
#define RESTARTS_SHOWN 1000
#define WAIT_MS        1000 /* for another workload of ours */

/* A random part keeps many from coming back at once. */
static uint64_t backoff_ms(engine_t *engine, uint32_t tries)
{
    uint64_t wait = ENGINE_BACKOFF_MS;
    for (uint32_t i = 1; i < tries && wait < ENGINE_BACKOFF_MAX_MS; i++)
        wait *= 2;
    if (wait > ENGINE_BACKOFF_MAX_MS) wait = ENGINE_BACKOFF_MAX_MS;
    engine->seed = engine->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return wait + (engine->seed >> 33) % (wait / 4);
}

/* What has to be stopped and started, not only allowed again. */
static bool is_live(const record_t *record)
{
    return plan_is_run(record->workload) || workload_is_gateway(record->workload);
}

/* A clock that was set back does not make anybody wait for a day. */
static bool waits(const record_t *record, uint64_t now_ms)
{
    return record->next_ms > now_ms && record->next_ms - now_ms <= 2 * ENGINE_BACKOFF_MAX_MS;
}

static int64_t seconds(uint64_t ms) { return (int64_t)(ms / 1000); }

static void changed(const engine_t *engine, const record_t *record)
{
    if (engine->config.on_change)
        engine->config.on_change(engine->config.context, record->entry->contract_id);
}

/* What has a network of its own making, which lets it through before it runs and no longer when it goes. */
static bool has_gate(const record_t *record)
{
    return workload_is_machine(record->workload) || record->workload->kind == WORKLOAD_ZDB;
}

static void job_for(job_t *job, job_kind_t kind, const record_t *record)
{
    *job = (job_t){
        .kind = kind, .contract_id = record->entry->contract_id, .version = record->workload->version};
    snprintf(job->name, sizeof job->name, "%s", record->workload->name);
    memcpy(job->wid, record->wid, sizeof job->wid);
}

/* ---- outcomes that need no job ---- */

static void deleted(engine_t *engine, record_t *record, uint64_t now_ms)
{
    bool is_removed = record->is_removed;
    if (record->state != WORKLOAD_DELETED) {
        record_change(engine, record, WORKLOAD_DELETED,
                      is_removed ? "removed by an update" : record->entry->reason, seconds(now_ms));
        changed(engine, record);
    }
    store_record(engine, record);
    if (!is_removed) return;
    store_record_gone(engine, record);
    record_free(record);
}

static void try_later(engine_t *engine, record_t *record, const host_result_t *result, uint64_t wait_ms,
                      uint64_t now_ms)
{
    record->is_waiting = result->status == HOST_WAITS;
    record->next_ms    = now_ms + wait_ms;
    bool was_counted   = record->state == WORKLOAD_OK;
    if (record->state == WORKLOAD_PAUSED) return;
    record_change(engine, record, WORKLOAD_INIT, result->error, seconds(now_ms));
    if (was_counted) changed(engine, record);
}

/* What ran before is not given up for what may heal; what was changed in vain stays as it was. */
static void failed(engine_t *engine, record_t *record, const host_result_t *result, uint64_t now_ms)
{
    bool has_run =
        record->state == WORKLOAD_OK || record->state == WORKLOAD_PAUSED || record->started_ms != 0;
    if (result->status == HOST_WAITS) { /* its rules are as they were */
        try_later(engine, record, result, WAIT_MS, now_ms);
        return;
    }
    record->gate     = GATE_UNKNOWN;
    record->is_known = false;
    if (result->status == HOST_REFUSED && has_run && !is_live(record)) {
        record->is_dirty = false;
        record_change(engine, record, record->state, result->error, seconds(now_ms));
        return;
    }
    if (result->status == HOST_LATER || has_run) {
        try_later(engine, record, result, backoff_ms(engine, ++record->tries), now_ms);
        return;
    }
    record_change(engine, record, WORKLOAD_ERROR, result->error, seconds(now_ms));
    changed(engine, record);
}

/* ---- dropping ---- */

static bool wants_drop(const record_t *record)
{
    bool is_going = record->is_removed || record->entry->desired == DESIRED_DELETED;
    return is_going ? record->is_made || record->state != WORKLOAD_DELETED
                    : record->state == WORKLOAD_ERROR && record->is_made;
}

static job_kind_t drop_kind(const record_t *record)
{
    const workload_t *w = record->workload;
    if (workload_is_disk(w)) return JOB_DROP_DISK;
    if (workload_is_network(w)) return JOB_DROP_NETWORK;
    if (workload_is_gateway(w)) return JOB_DROP_GATEWAY;
    if (w->kind == WORKLOAD_ZLOGS) return JOB_DROP_LOGS;
    if (record->gate != GATE_CLOSED) return JOB_CLOSE;
    return w->kind == WORKLOAD_ZDB ? JOB_DROP_ZDB : JOB_DROP_MACHINE;
}

/* The rules without it: of the host, and of a machine's network if that is there. */
static bool plan_close(engine_t *engine, const record_t *record, job_t *job)
{
    scope_t scope           = {.without = record};
    bool is_machine         = workload_is_machine(record->workload);
    const record_t *network = is_machine ? plan_network_of(engine, record) : NULL;
    for (record_t *own = is_machine ? record->entry->records : NULL; own && !network;
         own           = own->next) /* one that is going, too */
        if (workload_is_network(own->workload) &&
            strcmp(own->workload->name, record->workload->machine.interfaces[0].network) == 0)
            network = own;
    if (network && network->link != 0 && network->is_made && network->state != WORKLOAD_ERROR &&
        !plan_network(engine, network, scope, &job->network))
        return false;
    return plan_firewall(engine, scope, &job->firewall);
}

/* The job that drops a record; false when memory is short. */
static bool drop_job(engine_t *engine, record_t *record, uint64_t now_ms, job_t *job)
{
    scope_t scope       = {.without = record};
    const workload_t *w = record->workload;
    job_for(job, drop_kind(record), record);
    if (job->kind == JOB_CLOSE) return plan_close(engine, record, job);
    if (job->kind == JOB_DROP_GATEWAY) return plan_gateway(engine, record, scope, 0, job).status == HOST_OK;
    if (job->kind == JOB_DROP_NETWORK) {
        plan_network_id(record->entry->twin_id, w->name, job->network.id);
        return plan_firewall(engine, scope, &job->firewall);
    }
    if (job->kind == JOB_DROP_ZDB)
        zdb_network_id(record->entry->twin_id, record->entry->contract_id, w->name, job->network.id);
    if (job->kind == JOB_DROP_ZDB || job->kind == JOB_DROP_DISK) {
        plan_disk_name(record, job->disk);
        trash_keep(engine, record, seconds(now_ms), job);
    }
    return true;
}

static uint32_t backwards(const entry_t *entry, record_t *records[RECORDS_MAX])
{
    uint32_t count = 0;
    for (record_t *record = entry->records; record && count < RECORDS_MAX; record = record->next)
        records[count++] = record;
    for (uint32_t i = 0; i < count / 2; i++) {
        record_t *other        = records[i];
        records[i]             = records[count - 1 - i];
        records[count - 1 - i] = other;
    }
    return count;
}

static void wake_at(uint64_t *wake_ms, uint64_t at_ms)
{
    if (at_ms < *wake_ms) *wake_ms = at_ms;
}

/* The last installed goes first; what stands on it waits for it. */
static bool next_drop(engine_t *engine, entry_t *entry, uint64_t now_ms, job_t *job, uint64_t *wake_ms)
{
    record_t *records[RECORDS_MAX];
    uint32_t count = backwards(entry, records);
    for (uint32_t i = 0; i < count; i++) {
        record_t *record = records[i];
        if (!wants_drop(record)) continue;
        if (!record->is_made) {
            deleted(engine, record, now_ms);
            continue;
        }
        if (record->tries > 0 && waits(record, now_ms)) {
            wake_at(wake_ms, record->next_ms);
            return false;
        }
        return lane_is_free(engine, drop_kind(record), entry->contract_id) &&
               drop_job(engine, record, now_ms, job);
    }
    return false;
}

/* ---- pausing ---- */

/* From here on its network's rules may be those of a paused one, whatever comes between. */
static void keep_pausing(engine_t *engine, record_t *record)
{
    record->is_known = false;
    record->is_dirty = true; /* should it be resumed after half of a pause */
    if (record->state != WORKLOAD_OK || strcmp(record->message, ENGINE_PAUSING) == 0) return;
    snprintf(record->message, sizeof record->message, "%s", ENGINE_PAUSING);
    store_record(engine, record);
}

/* What runs, what was paused or resumed by half, and what may have been started after all. */
static bool wants_pause(const record_t *record)
{
    if (record->state == WORKLOAD_OK) return true;
    if (record->state == WORKLOAD_INIT)
        return has_gate(record) && record->is_made && record->gate != GATE_CUT;
    return record->state == WORKLOAD_PAUSED && is_live(record) && record->is_dirty;
}

static job_kind_t pause_kind(const record_t *record)
{
    if (workload_is_gateway(record->workload)) return JOB_PAUSE_GATEWAY;
    return record->workload->kind == WORKLOAD_ZLOGS ? JOB_PAUSE_LOGS : JOB_PAUSE;
}

static bool pause_job(engine_t *engine, record_t *record, uint64_t now_ms, job_t *job)
{
    scope_t scope = {.with = record, .is_with_paused = true};
    record->gate  = GATE_UNKNOWN;
    keep_pausing(engine, record);
    job_for(job, pause_kind(record), record);
    if (job->kind == JOB_PAUSE_LOGS) return true;
    if (job->kind == JOB_PAUSE_GATEWAY)
        return plan_gateway(engine, record, scope, now_ms, job).status == HOST_OK;
    if (record->workload->kind == WORKLOAD_ZDB)
        return plan_zdb_network(engine, record, scope, &job->network) &&
               plan_firewall(engine, scope, &job->firewall);
    const record_t *network = plan_network_of(engine, record);
    return (!network || network->link == 0 || plan_network(engine, network, scope, &job->network)) &&
           plan_firewall(engine, scope, &job->firewall);
}

static bool next_pause(engine_t *engine, entry_t *entry, uint64_t now_ms, job_t *job, uint64_t *wake_ms)
{
    record_t *records[RECORDS_MAX];
    uint32_t count = entry->desired == DESIRED_PAUSED ? backwards(entry, records) : 0;
    for (uint32_t i = 0; i < count; i++) {
        record_t *record = records[i];
        if (!wants_pause(record)) continue;
        if (!is_live(record)) {
            record_change(engine, record, WORKLOAD_PAUSED, "paused", seconds(now_ms));
            continue;
        }
        if (waits(record, now_ms)) {
            wake_at(wake_ms, record->next_ms);
            continue;
        }
        return lane_is_free(engine, pause_kind(record), entry->contract_id) &&
               pause_job(engine, record, now_ms, job);
    }
    return false;
}

/* ---- making ---- */

static bool wants_ensure(const record_t *record)
{
    if (record->is_removed || record->entry->desired != DESIRED_RUN) return false;
    return record->state == WORKLOAD_INIT || record->state == WORKLOAD_PAUSED ||
           (record->state == WORKLOAD_OK && record->is_dirty);
}

/* The lowest number that no other network's link has; counted from 1. */
static uint32_t free_link(const engine_t *engine)
{
    for (uint32_t link = 1; link <= NETWORK_INDEX_MAX - ZDB_SLOTS; link++) {
        bool is_taken = false;
        for (const entry_t *entry = engine->entries; entry && !is_taken; entry = entry->next)
            for (const record_t *record = entry->records; record && !is_taken; record = record->next)
                is_taken = workload_is_network(record->workload) && record->link == link;
        if (!is_taken) return link;
    }
    return 0;
}

static job_kind_t ensure_kind(const record_t *record)
{
    const workload_t *w = record->workload;
    if (workload_is_disk(w)) return JOB_DISK;
    if (workload_is_network(w)) return JOB_NETWORK;
    if (workload_is_gateway(w)) return JOB_GATEWAY;
    if (w->kind == WORKLOAD_ZLOGS) return JOB_LOGS;
    if (w->kind == WORKLOAD_ZDB) return record->gate == GATE_OPEN ? JOB_ZDB : JOB_OPEN;
    return record->gate == GATE_OPEN || record->is_known ? JOB_MACHINE : JOB_OPEN;
}

static host_result_t ensure_network(engine_t *engine, record_t *record, job_t *job)
{
    scope_t scope = {0};
    if (record->link == 0) record->link = free_link(engine);
    if (record->link == 0) return host_fail(HOST_REFUSED, "this node has too many networks");
    record->is_made = true;
    if (!plan_network(engine, record, scope, &job->network) || !plan_firewall(engine, scope, &job->firewall))
        return host_fail(HOST_LATER, "no memory");
    return host_ok();
}

static host_result_t plan_ensure(engine_t *engine, record_t *record, uint64_t now_ms, job_t *job)
{
    const workload_t *w = record->workload;
    job_for(job, ensure_kind(record), record);
    job->is_new   = !record->is_made;
    job->is_known = record->is_known;
    if (workload_is_disk(w)) {
        plan_disk_name(record, job->disk);
        job->disk_size  = w->size;
        job->disk_owner = plan_owner(engine, record->entry);
        return host_ok();
    }
    if (workload_is_network(w)) return ensure_network(engine, record, job);
    if (workload_is_gateway(w)) return plan_gateway(engine, record, (scope_t){.with = record}, now_ms, job);
    if (w->kind == WORKLOAD_ZLOGS) return plan_logs(engine, record, job);
    if (w->kind == WORKLOAD_ZDB) return plan_zdb(engine, record, job);
    return plan_machine(engine, record, now_ms, job);
}

static void made(engine_t *engine, record_t *record, uint64_t now_ms);

/* There is nothing to do on the machine: never a job. */
static bool take_address(engine_t *engine, record_t *record, uint64_t now_ms)
{
    host_result_t result = plan_address(engine, record);
    if (result.status == HOST_OK)
        made(engine, record, now_ms);
    else if (result.status != HOST_REFUSED)
        try_later(engine, record, &result, WAIT_MS, now_ms);
    else
        failed(engine, record, &result, now_ms);
    return false;
}

/* Something that still has room, ports or names, and will not have them for long. */
static bool is_room_coming(const engine_t *engine)
{
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next)
            if (record->is_made && record->tries == 0 && plan_is_going(record)) return true;
    return false;
}

/* The image that it uses and the record are one change, on the disk before anything of it is on the machine.
 */
static host_result_t plan_and_keep(engine_t *engine, record_t *record, uint64_t now_ms, job_t *job)
{
    bool was_made = record->is_made, is_kept = true;
    uint32_t link = record->link;
    db_begin(engine->config.db);
    host_result_t result = plan_ensure(engine, record, now_ms, job);
    if (result.status == HOST_OK) {
        record->is_made = true;
        is_kept         = (was_made && record->link == link) || store_record(engine, record);
    }
    is_kept = is_kept ? db_end(engine->config.db) : db_undo(engine->config.db);
    if (result.status == HOST_OK && !is_kept) {
        record->is_made = was_made;
        record->link    = link;
        return host_fail(HOST_LATER, "this node cannot keep it now");
    }
    /* from here on one that was paused may be resumed by half */
    if (result.status == HOST_OK && record->state == WORKLOAD_PAUSED) record->is_dirty = true;
    return result;
}

/* One record's job; false when it waits or failed already. */
static bool ensure_job(engine_t *engine, record_t *record, uint64_t now_ms, job_t *job)
{
    *job = (job_t){0};
    if (workload_is_address(record->workload)) return take_address(engine, record, now_ms);
    host_result_t result = record->is_made ? host_ok() : plan_admit(engine, record);
    bool is_job;
    if (result.status == HOST_REFUSED && is_room_coming(engine))
        result = host_fail(HOST_WAITS, "waits for what is being removed");
    if (result.status == HOST_OK && trash_yields(engine, record, now_ms, job, &is_job)) {
        if (is_job) return true;
        result = host_fail(HOST_WAITS, "waits for room on the disks");
    }
    if (result.status == HOST_OK) result = plan_and_keep(engine, record, now_ms, job);
    if (result.status == HOST_OK) return true;
    job_fini(job);
    if (result.status != HOST_REFUSED)
        try_later(engine, record, &result, WAIT_MS, now_ms);
    else
        failed(engine, record, &result, now_ms);
    return false;
}

static bool next_ensure(engine_t *engine, entry_t *entry, uint64_t now_ms, job_t *job, uint64_t *wake_ms)
{
    for (record_t *record = entry->records; record; record = record->next) {
        if (!wants_ensure(record)) continue;
        bool is_plain = record->state == WORKLOAD_PAUSED && !is_live(record) && !record->is_dirty;
        if (is_plain) {
            record_change(engine, record, WORKLOAD_OK, plan_note(engine, record), seconds(now_ms));
            continue;
        }
        if (!waits(record, now_ms)) {
            if (!lane_is_free(engine, ensure_kind(record), entry->contract_id) ||
                (engine->is_sweeping && !record->is_made))
                return false;
            if (ensure_job(engine, record, now_ms, job)) return true;
        }
        if (wants_ensure(record)) wake_at(wake_ms, record->next_ms);
    }
    return false;
}

/* ---- the whole machine ---- */

void engine_sweep(engine_t *engine) { engine->wants_sweep = true; }

static bool know(job_t *job, char kind, const char *prefix, const char *name)
{
    job_object_t *more = realloc(job->objects, (job->object_count + 1) * sizeof *more);
    if (!more) return false;
    job->objects                 = more;
    more[job->object_count].kind = kind;
    snprintf(more[job->object_count++].name, sizeof more->name, "%s%s", prefix, name);
    return true;
}

static bool sweep_job(engine_t *engine, job_t *job)
{
    char id[NETWORK_LEN + 1];
    bool is_ok = true;
    *job       = (job_t){.kind = JOB_SWEEP};
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record && is_ok; record = record->next) {
            if (!record->is_made) continue;
            plan_network_id(entry->twin_id, record->workload->name, id);
            if (workload_is_network(record->workload))
                is_ok = know(job, 'n', "", id);
            else if (workload_is_gateway(record->workload))
                continue;
            else if (workload_is_disk(record->workload))
                is_ok = know(job, 'd', "vol-", record->wid);
            else if (record->workload->kind == WORKLOAD_ZDB) {
                zdb_network_id(entry->twin_id, entry->contract_id, record->workload->name, id);
                is_ok = know(job, 'n', "", id) && know(job, 'd', "vol-", record->wid) &&
                        know(job, 'w', "", record->wid) && know(job, 'd', "root-", record->wid);
            } else
                is_ok = know(job, 'w', "", record->wid) && know(job, 'd', "root-", record->wid);
        }
    for (const trash_t *trash = engine->trash; trash && is_ok; trash = trash->next)
        is_ok = know(job, 't', "", trash->id);
    if (engine->is_partial) { /* nobody is seen for the second time */
        free(engine->suspects);
        engine->suspects      = NULL;
        engine->suspect_count = 0;
    }
    job->suspects         = engine->suspects;
    job->suspect_count    = engine->suspect_count;
    engine->suspects      = NULL;
    engine->suspect_count = 0;
    engine->wants_sweep   = false;
    return is_ok && plan_firewall(engine, (scope_t){0}, &job->firewall) &&
           plan_gateways(engine, (scope_t){0}, &job->gateways);
}

/* Counting and sweeping come before what they should see. */
static bool next_round(engine_t *engine, job_t *job)
{
    if ((!engine->wants_meter && !engine->wants_sweep) || !lane_is_free(engine, JOB_METER, 0)) return false;
    if (engine->wants_meter) {
        engine->wants_meter = false;
        *job                = (job_t){.kind = JOB_METER};
        return plan_firewall(engine, (scope_t){0}, &job->firewall) &&
               plan_gateways(engine, (scope_t){0}, &job->gateways);
    }
    if (sweep_job(engine, job)) return true;
    job_fini(job); /* knowing only a part would drop the rest */
    return false;
}

static bool next_of_entries(engine_t *engine, uint64_t now_ms, job_t *job, uint64_t *wake_ms)
{
    typedef bool (*next_t)(engine_t *, entry_t *, uint64_t, job_t *, uint64_t *);
    static const next_t order[] = {next_drop, next_pause,
                                   next_ensure}; /* taking away never waits for making */
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (entry_t *entry = engine->entries; entry; entry = entry->next)
            if (!entry_is_out(engine, entry->contract_id) && order[i](engine, entry, now_ms, job, wake_ms))
                return true;
    return false;
}

static bool next_rest(engine_t *engine, job_t *job)
{
    if (!engine->wants_rest || !lane_is_free(engine, JOB_REST, 0)) return false;
    engine->wants_rest = false;
    *job               = (job_t){.kind = JOB_REST};
    return true;
}

bool engine_next(engine_t *engine, uint64_t now_ms, job_t *job, uint64_t *wake_ms)
{
    *wake_ms      = now_ms + ENGINE_BACKOFF_MAX_MS;
    bool is_found = next_round(engine, job) || next_of_entries(engine, now_ms, job, wake_ms) ||
                    trash_next(engine, now_ms, job, wake_ms) || next_rest(engine, job);
    if (is_found) seat_take(engine, job);
    if (is_found && job->kind == JOB_SWEEP) engine->is_sweeping = job->suspect_count > 0;
    return is_found;
}

/* ---- results ---- */

static void made(engine_t *engine, record_t *record, uint64_t now_ms)
{
    bool is_start    = record->state != WORKLOAD_OK;
    record->tries    = 0;
    record->next_ms  = 0;
    record->is_dirty = false;
    record->is_known = false;
    if (has_gate(record)) record->gate = GATE_OPEN;
    char *data       = plan_result(engine, record);
    const char *note = plan_note(engine, record);
    bool is_news     = is_start || record->told_version != record->workload->version ||
                   strcmp(note, record->message) != 0 || !data || !record->data ||
                   strcmp(data, record->data) != 0;
    free(record->data);
    record->data = data;
    if (plan_is_run(record->workload) && is_start) record->started_ms = now_ms;
    if (is_news) record_change(engine, record, WORKLOAD_OK, note, seconds(now_ms));
    changed(engine, record);
}

static void paused(engine_t *engine, record_t *record, const host_result_t *result, uint64_t now_ms)
{
    if (result->status != HOST_OK) {
        record->next_ms = now_ms + backoff_ms(engine, ++record->tries);
        return;
    }
    record->tries    = 0;
    record->next_ms  = 0;
    record->is_dirty = false;
    record->gate     = GATE_CUT;
    if (record->state != WORKLOAD_INIT) /* never made: it is neither counted nor resumed */
        record_change(engine, record, WORKLOAD_PAUSED, "paused", seconds(now_ms));
}

/* A drop that failed comes again; the state is "deleted" from its first try on, so that nobody waits for it.
 */
static void dropped(engine_t *engine, record_t *record, const host_result_t *result, uint64_t now_ms)
{
    bool is_error =
        !record->is_removed && record->entry->desired != DESIRED_DELETED; /* or was, an update ago */
    record->gate = GATE_UNKNOWN;
    if (result->status != HOST_OK) {
        log_warn(LOG_ENGINE, "not removed yet", LOG_U64("contract", record->entry->contract_id),
                 LOG_TEXT("name", record->workload->name), LOG_TEXT("why", result->error));
        if (!is_error && record->state != WORKLOAD_DELETED) {
            record_change(engine, record, WORKLOAD_DELETED, result->error, seconds(now_ms));
            changed(engine, record);
        }
        record->next_ms = now_ms + backoff_ms(engine, ++record->tries);
        return;
    }
    record->is_made = false;
    record->link    = 0;
    if (is_error)
        store_record(engine, record);
    else
        deleted(engine, record, now_ms);
}

static void take_sweep(engine_t *engine, job_t *job)
{
    if (job->dropped > 0) log_warn(LOG_ENGINE, "swept", LOG_U64("objects", job->dropped));
    if (job->repaired > 0) log_warn(LOG_ENGINE, "repaired", LOG_U64("networks", job->repaired));
    if (job->repaired > 0) engine_logs_dirty(engine);
    free(engine->suspects);
    engine->suspects      = job->suspects;
    engine->suspect_count = job->suspect_count;
    job->suspects         = NULL;
    engine->is_sweeping   = false;
}

/* Another program has the port: the database, of which nothing is made yet, goes to the next slot. */
static void move_zdb(engine_t *engine, record_t *record)
{
    uint32_t slot   = zdb_free_slot(engine, record->link);
    record->link    = slot ? slot : zdb_free_slot(engine, 0);
    record->is_made = false;
    store_record(engine, record);
}

/* A machine that was thought to run does not: from its network on. */
static void lost(record_t *record)
{
    record->is_known = false;
    record->next_ms  = 0;
}

/* What failed was not wanted any more: it goes, or is paused, at once. */
static void given_up(record_t *record)
{
    record->tries    = 0;
    record->next_ms  = 0;
    record->is_known = false;
}

static void take_made(engine_t *engine, job_t *job, record_t *record, uint64_t now_ms)
{
    bool is_ok     = job->result.status == HOST_OK,
         is_wanted = record->entry->desired == DESIRED_RUN && !record->is_removed;
    if (job->is_port_taken && record->workload->kind == WORKLOAD_ZDB) {
        job->result.status = HOST_LATER;
        move_zdb(engine, record);
    }
    if (job->kind == JOB_GATEWAY && job->is_new) count_start(engine, job);
    if (job->is_lost)
        lost(record);
    else if (is_ok && job->kind == JOB_OPEN)
        record->gate = GATE_OPEN;
    else if (is_ok)
        made(engine, record, now_ms);
    else if (!is_wanted)
        given_up(record);
    else
        failed(engine, record, &job->result, now_ms);
}

static void take_dropped(engine_t *engine, job_t *job, record_t *record, uint64_t now_ms)
{
    if (job->count_count > 0) count_take(engine, job, seconds(now_ms));
    if (job->kind == JOB_CLOSE && job->result.status == HOST_OK) {
        record->gate = GATE_CLOSED;
        return;
    }
    dropped(engine, record, &job->result, now_ms);
}

static void take_result(engine_t *engine, job_t *job, record_t *record, uint64_t now_ms)
{
    switch (job->kind) {
    case JOB_DISK:
    case JOB_NETWORK:
    case JOB_OPEN:
    case JOB_MACHINE:
    case JOB_GATEWAY:
    case JOB_ZDB:
    case JOB_LOGS: take_made(engine, job, record, now_ms); return;
    case JOB_PAUSE:
    case JOB_PAUSE_LOGS:
    case JOB_PAUSE_GATEWAY: paused(engine, record, &job->result, now_ms); return;
    case JOB_CLOSE:
    case JOB_DROP_DISK:
    case JOB_DROP_GATEWAY:
    case JOB_DROP_LOGS:
    case JOB_DROP_ZDB:
    case JOB_DROP_NETWORK:
    case JOB_DROP_MACHINE: take_dropped(engine, job, record, now_ms); return;
    case JOB_EMPTY_TRASH:
    case JOB_RESTORE_DISK:
    case JOB_SWEEP:
    case JOB_METER:
    case JOB_REST: return;
    }
}

static record_t *record_of(const engine_t *engine, const job_t *job)
{
    const entry_t *entry = entry_find(engine, job->contract_id);
    return entry ? record_find(entry, job->name) : NULL;
}

/* A job for what an update has changed since says nothing of what is wanted now. */
static void take_late(engine_t *engine, job_t *job, record_t *record, uint64_t now_ms)
{
    uint32_t told = record->told_version;
    if (job->result.status == HOST_REFUSED) job->result.status = HOST_LATER;
    record->told_version = record->workload->version; /* nothing is said of the new one yet */
    take_result(engine, job, record, now_ms);
    record = record_of(engine, job); /* it may be gone */
    if (!record) return;
    record->told_version = told;
    record->is_dirty     = true;
    record->next_ms      = 0;
    record->gate         = GATE_UNKNOWN;
}

/* Something is there, or gone, that somebody may wait for. */
static void wake_waiting(engine_t *engine)
{
    for (entry_t *entry = engine->entries; entry; entry = entry->next)
        for (record_t *record = entry->records; record; record = record->next) {
            if (record->is_waiting) record->next_ms = 0;
            record->is_waiting = false;
        }
}

/* After it there may be folders, groups, a mount or a table that nobody needs. */
static bool leaves_rest(job_kind_t kind)
{
    return kind == JOB_DROP_MACHINE || kind == JOB_DROP_ZDB || kind == JOB_DROP_LOGS ||
           kind == JOB_DROP_DISK || kind == JOB_DROP_NETWORK || kind == JOB_DROP_GATEWAY ||
           kind == JOB_EMPTY_TRASH || kind == JOB_SWEEP;
}

void engine_done(engine_t *engine, job_t *job, uint64_t now_ms)
{
    seat_leave(engine, job);
    bool is_ok       = job->result.status == HOST_OK;
    record_t *record = record_of(engine, job);
    if (job->kind == JOB_SWEEP)
        take_sweep(engine, job);
    else if (job->kind == JOB_METER)
        count_take(engine, job, seconds(now_ms));
    else if (record && record->workload->version != job->version)
        take_late(engine, job, record, now_ms);
    else if (record)
        take_result(engine, job, record, now_ms);
    trash_took(engine, job, now_ms);
    if (is_ok && job->kind != JOB_METER && job->kind != JOB_REST) wake_waiting(engine);
    if (leaves_rest(job->kind)) engine->wants_rest = true;
    job_fini(job);
}

/* ---- looking ---- */

static void ended(engine_t *engine, record_t *record, int code, uint64_t now_ms)
{
    char message[128];
    if (now_ms - record->started_ms > SETTLED_MS) record->restarts = 0;
    if (record->restarts < RESTARTS_SHOWN) record->restarts++;
    uint64_t wait   = backoff_ms(engine, record->restarts);
    record->next_ms = now_ms + wait;
    record->gate    = GATE_UNKNOWN;
    if (code < 0)
        snprintf(message, sizeof message, "it ended; it is started again");
    else
        snprintf(message, sizeof message, "it ended with status %d; it is started again (%u)", code,
                 record->restarts);
    record_change(engine, record, WORKLOAD_INIT, message, seconds(now_ms));
    changed(engine, record);
}

void engine_look(engine_t *engine, uint64_t now_ms,
                 machine_state_t (*state)(void *context, const char *wid, int *code), void *context)
{
    for (entry_t *entry = engine->entries; entry; entry = entry->next)
        for (record_t *record = entry_is_out(engine, entry->contract_id) ? NULL : entry->records; record;
             record           = record->next) {
            int code;
            if (!plan_is_run(record->workload) || record->state != WORKLOAD_OK || record->is_dirty) continue;
            if (entry->desired != DESIRED_RUN || record->is_removed) continue;
            machine_state_t seen = state(context, record->wid, &code);
            if (seen == MACHINE_ENDED || seen == MACHINE_ABSENT) ended(engine, record, code, now_ms);
            if (seen == MACHINE_UNHELD) record->is_dirty = true;
        }
}

bool engine_is_idle(const engine_t *engine)
{
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next)
            if (record->is_made) return false;
    return true;
}
