/* engine.c - what users send and ask, what the chain wants. */
#include "engine_internal.h"
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_MAX 1000 /* of one deployment, in an answer */

bool engine_refuse(char error[ENGINE_ERROR_MAX + 1], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, ENGINE_ERROR_MAX + 1, format, args);
    va_end(args);
    return false;
}

engine_t *engine_new(const engine_config_t *config)
{
    engine_t *engine = calloc(1, sizeof *engine);
    if (!engine) return NULL;
    engine->config = *config;
    engine->seed   = 1;
    engine->intake = (engine_intake_t)db_get(config->db, "intake", INTAKE_ALL);
    if (store_load(engine) && trash_load(engine)) return engine;
    log_error(LOG_ENGINE, "the state cannot be read");
    engine_free(engine);
    return NULL;
}

void engine_free(engine_t *engine)
{
    if (!engine) return;
    while (engine->entries)
        entry_free(engine, engine->entries);
    trash_free(engine);
    free(engine->suspects);
    free(engine);
}

/* ---- deploying ---- */

static bool ports_are_offered(const engine_t *engine, const workload_t *w, char error[ENGINE_ERROR_MAX + 1])
{
    machine_port_t ports[DEPLOYMENT_PORTS_CAP];
    uint32_t count = 0;
    char unread[DEPLOYMENT_ERROR_MAX + 1];
    if (!engine->config.gateway_domain || !workload_ports(w, ports, &count, unread)) return true;
    for (uint32_t i = 0; i < count; i++)
        if (ports[i].host >= FORWARD_FIRST_PORT)
            return engine_refuse(error, "workload '%s': ports from %d on are the gateway's on this node",
                                 w->name, FORWARD_FIRST_PORT);
    return true;
}

static bool is_offered(const engine_t *engine, const workload_t *w, char error[ENGINE_ERROR_MAX + 1])
{
    if (workload_is_gateway(w)) return gateway_offered(engine, w, error);
    if (workload_is_address(w)) return address_offered(engine, w, error);
    if (w->kind == WORKLOAD_ZDB) return zdb_offered(engine, w, error);
    if (w->kind == WORKLOAD_ZLOGS) return logs_offered(engine, w, error);
    if (!workload_is_machine(w)) {
        bool is_ok = workload_is_disk(w) || workload_is_network(w);
        return is_ok || engine_refuse(error, "workload '%s': this node does not offer %s", w->name,
                                      workload_kind_text(w->kind));
    }
    if (w->machine.is_planetary)
        return engine_refuse(error, "workload '%s': this node offers no planetary network", w->name);
    if (w->machine.gpu_count > 0)
        return engine_refuse(error, "workload '%s': this node offers no GPUs", w->name);
    for (uint32_t i = 0; i < w->machine.mount_count; i++)
        if (!w->machine.mounts[i].name[0])
            return engine_refuse(error, "workload '%s': a mount has no name", w->name);
    return ports_are_offered(engine, w, error);
}

static bool name_is_free(const engine_t *engine, const deployment_t *d, const workload_t *w,
                         char error[ENGINE_ERROR_MAX + 1])
{
    if (!workload_is_network(w)) return true;
    for (const entry_t *entry = engine->entries; entry; entry = entry->next) {
        if (entry->twin_id != d->twin_id || entry->contract_id == d->contract_id ||
            entry->desired == DESIRED_DELETED)
            continue;
        const record_t *record = record_find(entry, w->name);
        if (record && workload_is_network(record->workload) && record_is_active(record))
            return engine_refuse(error,
                                 "workload '%s': a network of this name is there already, of contract %llu",
                                 w->name, (unsigned long long)entry->contract_id);
    }
    return true;
}

/* Short names are hashes, and a hash of 40 bits can be met on purpose: two networks of one short name would
 * be one. */
static bool short_name(uint32_t twin, uint64_t contract, const workload_t *w, char id[NETWORK_LEN + 1])
{
    if (workload_is_network(w))
        plan_network_id(twin, w->name, id);
    else if (w->kind == WORKLOAD_ZDB)
        zdb_network_id(twin, contract, w->name, id);
    else
        return false;
    return true;
}

/* Another one's, that is: what is sent again has the name that it had, and a network's own name is looked at
 * by name_is_free. */
static bool has_short_name(const entry_t *entry, const record_t *record, const deployment_t *d,
                           const workload_t *w, const char *id)
{
    char other[NETWORK_LEN + 1];
    bool is_same = entry->twin_id == d->twin_id && strcmp(record->workload->name, w->name) == 0 &&
                   (entry->contract_id == d->contract_id || workload_is_network(w)) &&
                   workload_is_network(w) == workload_is_network(record->workload);
    return !is_same && (record->is_made || record_is_active(record)) &&
           short_name(entry->twin_id, entry->contract_id, record->workload, other) && strcmp(id, other) == 0;
}

static bool short_name_is_free(const engine_t *engine, const deployment_t *d, const workload_t *w,
                               char error[ENGINE_ERROR_MAX + 1])
{
    char id[NETWORK_LEN + 1], other[NETWORK_LEN + 1];
    bool is_taken = false;
    if (!short_name(d->twin_id, d->contract_id, w, id)) return true;
    for (uint32_t i = 0; i < d->workload_count && !is_taken; i++)
        is_taken = &d->workloads[i] != w && short_name(d->twin_id, d->contract_id, &d->workloads[i], other) &&
                   strcmp(id, other) == 0;
    for (const entry_t *entry = engine->entries; entry && !is_taken; entry = entry->next)
        for (const record_t *record = entry->records; record && !is_taken; record = record->next)
            is_taken = has_short_name(entry, record, d, w, id);
    return !is_taken ||
           engine_refuse(error, "workload '%s': take another name, this one is in use on this node", w->name);
}

static bool can_create(const engine_t *engine, const deployment_t *d, char error[ENGINE_ERROR_MAX + 1])
{
    uint32_t count = 0;
    if (entry_find(engine, d->contract_id))
        return engine_refuse(error, "there is a deployment of this contract already: update it");
    if (d->version != 0)
        return engine_refuse(error, "expected version to be 0 on deployment creation: invalid version");
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        count += entry->desired != DESIRED_DELETED;
    return count < ENGINE_DEPLOYMENTS_MAX || engine_refuse(error, "this node has too many deployments");
}

static bool same_text(const workload_t *a, const workload_t *b)
{
    char *one = workload_challenge(a, DEPLOYMENT_FORM_JS), *two = workload_challenge(b, DEPLOYMENT_FORM_JS);
    bool is_same = one && two && strcmp(one, two) == 0;
    free(one);
    free(two);
    return is_same;
}

static bool can_change(const record_t *old, const workload_t *w, uint32_t version,
                       char error[ENGINE_ERROR_MAX + 1])
{
    if (!old)
        return w->version == version ||
               engine_refuse(error, "invalid version number for workload '%s' expected '%u'", w->name,
                             version);
    if (old->is_removed || old->state == WORKLOAD_DELETED)
        return engine_refuse(error, "workload '%s' is still being removed", w->name);
    if (old->workload->kind != w->kind)
        return engine_refuse(error, "cannot change workload type '%s'", w->name);
    if (w->version != version)
        return (w->version == old->workload->version && same_text(old->workload, w)) ||
               engine_refuse(error, "invalid version number for workload '%s' expected '%u'", w->name,
                             version);
    if (!workload_can_update(w->kind))
        return engine_refuse(error,
                             "workload '%s': a %s cannot be changed; remove it and add it under another name",
                             w->name, workload_kind_text(w->kind));
    if (workload_is_disk(w) && w->size < old->workload->size)
        return engine_refuse(error, "workload '%s': a disk cannot shrink", w->name);
    if (w->kind == WORKLOAD_ZDB && w->zdb.size < old->workload->zdb.size)
        return engine_refuse(error, "workload '%s': a database cannot shrink", w->name);
    bool is_moved = workload_is_network(w) &&
                    (w->network.subnet.prefix != old->workload->network.subnet.prefix ||
                     memcmp(w->network.subnet.address, old->workload->network.subnet.address, 4) != 0);
    return !is_moved || engine_refuse(error, "workload '%s': a network's subnet cannot change", w->name);
}

static bool can_update(const engine_t *engine, const deployment_t *d, char error[ENGINE_ERROR_MAX + 1])
{
    const entry_t *entry = entry_find(engine, d->contract_id);
    if (!entry || entry->twin_id != d->twin_id || entry->desired == DESIRED_DELETED)
        return engine_refuse(error, "deployment not found");
    if (d->version != entry->deployment->version + 1)
        return engine_refuse(error, "expecting deployment version %u, got %u", entry->deployment->version + 1,
                             d->version);
    uint64_t grown = 0, zdb_grown = 0;
    for (uint32_t i = 0; i < d->workload_count; i++) {
        const workload_t *w = &d->workloads[i];
        const record_t *old = record_find(entry, w->name);
        if (!can_change(old, w, d->version, error)) return false;
        if (old && old->is_made && workload_is_disk(w) && w->size > old->workload->size)
            grown += w->size - old->workload->size;
        if (old && old->is_made && w->kind == WORKLOAD_ZDB)
            zdb_grown += w->zdb.size - old->workload->zdb.size;
    }
    host_result_t result = plan_can_grow(engine, grown);
    if (result.status == HOST_OK) result = zdb_can_grow(engine, zdb_grown);
    return result.status == HOST_OK || engine_refuse(error, "%s", result.error);
}

engine_intake_t engine_intake(const engine_t *engine) { return engine->intake; }

bool engine_set_intake(engine_t *engine, engine_intake_t intake)
{
    bool is_ok = db_set(engine->config.db, "intake", intake);
    if (is_ok) engine->intake = intake;
    return is_ok;
}

const char *engine_intake_text(engine_intake_t intake)
{
    static const char *const texts[] = {"everything", "updates only (cordoned)", "nothing (draining)"};
    return texts[intake];
}

const char *engine_takes(const engine_t *engine)
{
    return engine->is_partial ? "nothing (not all of its state is understood: see its log)"
                              : engine_intake_text(engine->intake);
}

static bool is_taken_in(const engine_t *engine, bool is_update, char error[ENGINE_ERROR_MAX + 1])
{
    if (engine->is_partial)
        return engine_refuse(error, "this node takes nothing now: it does not understand all of its state");
    switch (engine->intake) {
    case INTAKE_ALL: return true;
    case INTAKE_UPDATES:
        return is_update ||
               engine_refuse(error, "this node takes no new deployments: its operator cordoned it");
    case INTAKE_NOTHING:
        return engine_refuse(error,
                             "this node takes neither deployments nor updates: its operator drains it");
    }
    return false;
}

bool engine_can_take(engine_t *engine, const deployment_t *d, bool is_update,
                     char error[ENGINE_ERROR_MAX + 1])
{
    if (!is_taken_in(engine, is_update, error)) return false;
    for (uint32_t i = 0; i < d->workload_count; i++)
        if (!is_offered(engine, &d->workloads[i], error) ||
            !name_is_free(engine, d, &d->workloads[i], error) ||
            !gateway_name_is_free(engine, d, &d->workloads[i], error) ||
            !short_name_is_free(engine, d, &d->workloads[i], error))
            return false;
    return is_update ? can_update(engine, d, error) : can_create(engine, d, error);
}

/* Writes an entry with all its records at once; on a disk that is full nothing is kept. */
static bool store_whole(engine_t *engine, entry_t *entry, char error[ENGINE_ERROR_MAX + 1])
{
    db_begin(engine->config.db);
    bool is_ok = store_entry(engine, entry);
    for (const record_t *record = entry->records; record && is_ok; record = record->next)
        is_ok = store_record(engine, record);
    is_ok = is_ok ? db_end(engine->config.db) : db_undo(engine->config.db);
    return is_ok || engine_refuse(error, "this node cannot keep the deployment now");
}

bool engine_deploy(engine_t *engine, deployment_t *deployment, int64_t now_s,
                   char error[ENGINE_ERROR_MAX + 1])
{
    entry_t *entry =
        engine_can_take(engine, deployment, false, error) ? entry_add(engine, deployment, now_s) : NULL;
    if (!entry) {
        deployment_free(deployment);
        return false;
    }
    bool is_ok = true;
    for (uint32_t i = 0; i < deployment->workload_count; i++)
        is_ok = record_add(entry, &deployment->workloads[i], now_s) && is_ok;
    if (is_ok && store_whole(engine, entry, error)) {
        log_info(LOG_ENGINE, "deployment accepted", LOG_U64("contract", entry->contract_id),
                 LOG_U64("twin", entry->twin_id), LOG_U64("workloads", deployment->workload_count));
        return true;
    }
    if (!is_ok) engine_refuse(error, "no memory");
    entry_free(engine, entry);
    return false;
}

/* A record as an update leaves it: of what the update changed, else of what is there. */
static bool take_record(entry_t *next, const record_t *old, const workload_t *w, int64_t now_s)
{
    bool is_changed  = w && w->version == next->deployment->version;
    record_t *record = record_add(next, is_changed ? w : old->workload, now_s);
    if (!record) return false;
    record_carry(record, old);
    if (!w) {
        record->is_removed = true;
        record->next_ms    = 0;
    }
    if (!is_changed) return true;
    record->state    = old->state == WORKLOAD_ERROR ? WORKLOAD_INIT : old->state;
    record->is_dirty = true;
    record->is_known = false;
    record->gate     = GATE_UNKNOWN;
    record->tries = record->restarts = 0;
    record->started_ms = record->next_ms = 0;
    record->message[0]                   = 0;
    return true;
}

/* The entry as an update leaves it, beside the one that counts until the update is on the disk. */
static entry_t *entry_next(const entry_t *entry, deployment_t *deployment, int64_t now_s)
{
    entry_t *next = calloc(1, sizeof *next);
    bool is_ok    = next != NULL;
    if (!is_ok) return NULL;
    *next            = *entry;
    next->next       = NULL;
    next->records    = NULL;
    next->deployment = deployment;
    next->updated_s  = now_s;
    for (const record_t *old = entry->records; old; old = old->next)
        is_ok = take_record(next, old, deployment_workload(deployment, old->workload->name), now_s) && is_ok;
    for (uint32_t i = 0; i < deployment->workload_count; i++)
        if (!record_find(entry, deployment->workloads[i].name))
            is_ok = record_add(next, &deployment->workloads[i], now_s) && is_ok;
    if (is_ok) return next;
    entry_free(NULL, next); /* with the deployment */
    return NULL;
}

bool engine_update(engine_t *engine, deployment_t *deployment, int64_t now_s,
                   char error[ENGINE_ERROR_MAX + 1])
{
    if (!engine_can_take(engine, deployment, true, error)) {
        deployment_free(deployment);
        return false;
    }
    entry_t *entry = entry_find(engine, deployment->contract_id);
    entry_t *next  = entry_next(entry, deployment, now_s);
    if (!next) return engine_refuse(error, "no memory");
    if (!store_whole(engine, next, error)) {
        entry_free(NULL, next);
        return false;
    }
    entry_replace(engine, entry, next);
    if (engine->config.on_change) engine->config.on_change(engine->config.context, deployment->contract_id);
    log_info(LOG_ENGINE, "deployment updated", LOG_U64("contract", next->contract_id),
             LOG_U64("version", deployment->version));
    return true;
}

/* ---- asking ---- */

static json_t *entry_json(const entry_t *entry)
{
    json_t *json = json_deep_copy(entry->deployment->json), *list = json_object_get(json, "workloads"),
           *workload;
    size_t i;
    json_array_foreach(list, i, workload)
    {
        const char *name       = json_string_value(json_object_get(workload, "name"));
        const record_t *record = name ? record_find(entry, name) : NULL;
        json_t *with           = record ? record_json(record) : NULL;
        json_object_set(workload, "result", json_object_get(with, "result"));
        json_decref(with);
    }
    return json;
}

json_t *engine_get(engine_t *engine, uint32_t twin_id, uint64_t contract_id)
{
    const entry_t *entry = entry_find(engine, contract_id);
    return entry && entry->twin_id == twin_id ? entry_json(entry) : NULL;
}

static bool is_active(const entry_t *entry)
{
    for (const record_t *record = entry->records; record; record = record->next)
        if (record_is_active(record)) return true;
    return false;
}

json_t *engine_list(engine_t *engine, uint32_t twin_id)
{
    json_t *list = json_array();
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        if (entry->twin_id == twin_id && is_active(entry)) json_array_append_new(list, entry_json(entry));
    return list;
}

json_t *engine_changes(engine_t *engine, uint32_t twin_id, uint64_t contract_id)
{
    const entry_t *entry = entry_find(engine, contract_id);
    if (!entry || entry->twin_id != twin_id) return NULL;
    json_t *list    = json_array();
    db_rows_t *rows = db_ask(
        engine->config.db,
        "SELECT json FROM (SELECT seq, json FROM history WHERE contract = ?1 ORDER BY seq DESC LIMIT ?2)"
        " ORDER BY seq",
        "ii", (int64_t)contract_id, (int64_t)HISTORY_MAX);
    while (db_next(&rows))
        json_array_append_new(list, json_loads(db_text(rows, 0), 0, NULL));
    return list;
}

json_t *engine_private_ips(engine_t *engine, uint32_t twin_id, const char *network)
{
    json_t *list = json_array();
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->twin_id == twin_id ? entry->records : NULL; record;
             record                 = record->next) {
            if (!workload_is_machine(record->workload) || !record_is_active(record) || record->is_removed)
                continue;
            const machine_interface_t *interface = record->workload->machine.interfaces;
            if (strcmp(interface->network, network) == 0)
                json_array_append_new(list, json_string(interface->ip.canonical));
        }
    return list;
}

json_t *engine_status(engine_t *engine)
{
    json_t *list = json_array();
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next) {
            if (record->state == WORKLOAD_DELETED && !record->is_made) continue;
            json_array_append_new(
                list, json_pack("{s:I,s:I,s:s,s:s,s:s,s:s,s:s,s:b}", "contract_id",
                                (json_int_t)entry->contract_id, "twin_id", (json_int_t)entry->twin_id, "name",
                                record->workload->name, "type", workload_kind_text(record->workload->kind),
                                "wid", record->wid, "state", workload_state_text((int)record->state),
                                "message", record->message, "on_machine", record->is_made));
        }
    return json_pack("{s:o}", "workloads", list);
}

/* ---- the chain ---- */

static bool store_desire(engine_t *engine, const entry_t *entry, const char *evidence, int64_t now_s)
{
    db_begin(engine->config.db);
    bool is_ok =
        store_entry(engine, entry) &&
        db_do(engine->config.db, "INSERT INTO audit(at, contract, what, evidence) VALUES(?1, ?2, ?3, ?4)",
              "iitt", now_s, (int64_t)entry->contract_id, entry->reason, evidence);
    return is_ok ? db_end(engine->config.db) : db_undo(engine->config.db);
}

void engine_desire(engine_t *engine, uint64_t contract_id, desired_t desired, const char *reason,
                   const char *evidence, int64_t now_s)
{
    static const char *const texts[] = {"run", "pause", "delete"};
    entry_t *entry                   = entry_find(engine, contract_id);
    if (!entry || entry->desired == desired || entry->desired == DESIRED_DELETED) return;
    entry->desired = desired;
    snprintf(entry->reason, sizeof entry->reason, "%s", reason);
    if (desired == DESIRED_DELETED) engine->wants_meter = true; /* what it moved last is still counted */
    for (record_t *record = entry->records; record; record = record->next)
        record->next_ms = 0;
    bool is_kept = store_desire(engine, entry, evidence, now_s) ||
                   (db_spare(engine->config.db) && store_desire(engine, entry, evidence, now_s));
    if (!is_kept) log_error(LOG_ENGINE, "not on record", LOG_U64("contract", contract_id));
    log_info(LOG_ENGINE, "contract", LOG_U64("contract", contract_id), LOG_TEXT("now", texts[desired]),
             LOG_TEXT("why", reason), LOG_TEXT("evidence", evidence));
}

uint64_t *engine_contracts(engine_t *engine, uint32_t *count)
{
    *count = 0;
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        *count += entry->desired != DESIRED_DELETED;
    uint64_t *list = calloc(*count + 1, sizeof *list);
    *count         = 0;
    for (const entry_t *entry = engine->entries; list && entry; entry = entry->next)
        if (entry->desired != DESIRED_DELETED) list[(*count)++] = entry->contract_id;
    return list;
}

bool engine_contract_twin(engine_t *engine, uint64_t contract_id, uint32_t *twin_id)
{
    const entry_t *entry = entry_find(engine, contract_id);
    if (entry) *twin_id = entry->twin_id;
    return entry != NULL;
}

/* ---- figures ---- */

static void add(capacity_t *sum, capacity_t one)
{
    sum->cru += one.cru;
    sum->mru += one.mru;
    sum->sru += one.sru;
    sum->hru += one.hru;
    sum->ipv4u += one.ipv4u;
}

static bool is_counted(const record_t *record)
{
    return record->state == WORKLOAD_OK || record->state == WORKLOAD_PAUSED;
}

capacity_t engine_resources(const engine_t *engine, uint64_t contract_id)
{
    capacity_t sum       = {0};
    const entry_t *entry = entry_find(engine, contract_id);
    for (const record_t *record = entry ? entry->records : NULL; record; record = record->next)
        if (is_counted(record)) add(&sum, workload_capacity(record->workload));
    return sum;
}

void engine_figures(const engine_t *engine, engine_figures_t *figures)
{
    *figures      = (engine_figures_t){.total      = plan_limit(engine),
                                       .system     = plan_system(engine),
                                       .trash      = trash_size(engine),
                                       .overcommit = engine->config.overcommit};
    figures->used = figures->system;
    for (const entry_t *entry = engine->entries; entry; entry = entry->next) {
        if (entry->updated_s > figures->last_deployment_s) figures->last_deployment_s = entry->updated_s;
        figures->deployments += is_active(entry);
        for (const record_t *record = entry->records; record; record = record->next) {
            figures->workloads += record_is_active(record);
            if (!is_counted(record)) continue;
            add(&figures->used, workload_capacity(record->workload));
            add(&figures->used, zdb_beside(record->workload));
            add(&figures->system, zdb_beside(record->workload));
        }
    }
}

void engine_machines(const engine_t *engine,
                     void (*fn)(void *context, uint64_t contract_id, const char *name, const char *wid),
                     void *context)
{
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next)
            if (is_counted(record) &&
                (workload_is_machine(record->workload) || record->workload->kind == WORKLOAD_ZDB))
                fn(context, entry->contract_id, record->workload->name, record->wid);
}

engine_nru_t *engine_nru(engine_t *engine, uint32_t *count)
{
    engine_nru_t *list = NULL;
    db_rows_t *rows =
        db_ask(engine->config.db, "SELECT contract, bytes, since FROM nru ORDER BY contract", "");
    *count = 0;
    while (db_next(&rows)) {
        engine_nru_t *more = realloc(list, (*count + 1) * sizeof *more);
        if (!more) continue;
        list = more;
        list[(*count)++] =
            (engine_nru_t){(uint64_t)db_number(rows, 0), (uint64_t)db_number(rows, 1), db_number(rows, 2)};
    }
    return list;
}

void engine_nru_taken(engine_t *engine, uint64_t contract_id, int64_t now_s)
{
    const entry_t *entry = entry_find(engine, contract_id);
    if (entry && is_active(entry))
        db_do(engine->config.db, "UPDATE nru SET bytes = 0, since = ?2 WHERE contract = ?1", "ii",
              (int64_t)contract_id, now_s);
    else
        db_do(engine->config.db, "DELETE FROM nru WHERE contract = ?1", "i", (int64_t)contract_id);
}
