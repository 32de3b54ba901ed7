/* engine_zdb.c - databases: what is offered, where each is, and what it takes. */
#include "engine_internal.h"
#include "zdb.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t subnet[4] = {10, 255, 255, 0}, guest_ip[4] = {10, 255, 255, 2}; /* of each its own */
#define SUBNET_PREFIX  29
#define CPU_MILLIS     1000
#define ROOT_SIZE      (UINT64_C(16) << 20) /* nothing is written there */
#define USER_IDS_FIRST 100000

/* ---- what is offered ---- */

bool zdb_offered(const engine_t *engine, const workload_t *w, char error[ENGINE_ERROR_MAX + 1])
{
    if (engine->config.zdb_port == 0 || engine->config.total.hru == 0)
        return engine_refuse(error, "workload '%s': this node does not offer %s", w->name,
                             workload_kind_text(w->kind));
    if (strcmp(w->zdb.mode, "user") != 0)
        return engine_refuse(
            error,
            "workload '%s': this node's databases have no mode %s, whose keys the server chooses: use "
            "mode user",
            w->name, w->zdb.mode);
    if (w->zdb.size < ZDB_SIZE_MIN)
        return engine_refuse(error, "workload '%s': a database has at least %llu MiB", w->name,
                             (unsigned long long)(ZDB_SIZE_MIN >> 20));
    return w->zdb.password[0] || engine_refuse(error, "workload '%s': a database needs a password", w->name);
}

/* ---- where it is ---- */

uint16_t zdb_port(const engine_t *engine, const record_t *record)
{
    return record->link ? (uint16_t)(engine->config.zdb_port + record->link - 1) : 0;
}

void zdb_network_id(uint32_t twin_id, uint64_t contract_id, const char *name, char id[NETWORK_LEN + 1])
{
    char text[DEPLOYMENT_NAME_MAX + 32];
    snprintf(text, sizeof text, "%llu:%s", (unsigned long long)contract_id, name);
    plan_network_id(twin_id, text, id); /* networks of users have no colon in their names */
}

static bool is_published(const record_t *machine, uint16_t port)
{
    machine_port_t ports[DEPLOYMENT_PORTS_CAP];
    uint32_t count = 0;
    char error[DEPLOYMENT_ERROR_MAX + 1];
    if (!workload_is_machine(machine->workload) || !workload_ports(machine->workload, ports, &count, error))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!ports[i].is_udp && ports[i].host == port) return true;
    return false;
}

/* Does another workload have this slot, or its port? */
static bool is_taken(const engine_t *engine, uint32_t slot)
{
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next) {
            if (record->workload->kind == WORKLOAD_ZDB && record->link == slot) return true;
            if ((record_is_active(record) || record->is_made) &&
                is_published(record, (uint16_t)(engine->config.zdb_port + slot - 1)))
                return true;
        }
    return false;
}

uint32_t zdb_free_slot(const engine_t *engine, uint32_t after)
{
    for (uint32_t slot = after + 1; slot <= ZDB_SLOTS && engine->config.zdb_port + slot - 1 <= 65535; slot++)
        if (!is_taken(engine, slot)) return slot;
    return 0;
}

bool zdb_publishes(const engine_t *engine, const record_t *zdb, const record_t *machine)
{
    return zdb->workload->kind == WORKLOAD_ZDB && zdb->link != 0 &&
           is_published(machine, zdb_port(engine, zdb));
}

bool plan_zdb_network(const engine_t *engine, const record_t *record, scope_t scope, network_plan_t *plan)
{
    guest_plan_t *guest = calloc(1, sizeof *guest);
    *plan               = (network_plan_t){.index       = NETWORK_INDEX_MAX + 1 - record->link,
                                           .prefix      = SUBNET_PREFIX,
                                           .guests      = guest,
                                           .guest_count = guest ? 1 : 0};
    if (!guest) return false;
    zdb_network_id(record->entry->twin_id, record->entry->contract_id, record->workload->name, plan->id);
    memcpy(plan->subnet, subnet, 4);
    memcpy(guest->wid, record->wid, sizeof guest->wid);
    memcpy(guest->ip, guest_ip, 4);
    guest->is_paused  = plan_is_paused(record, scope);
    guest->is_closed  = true;
    guest->port_count = 1;
    guest->ports[0]   = (machine_port_t){.host = zdb_port(engine, record), .guest = ZDB_PORT};
    return true;
}

/* ---- what it takes ---- */

capacity_t zdb_beside(const workload_t *w)
{
    if (w->kind != WORKLOAD_ZDB) return (capacity_t){0};
    return (capacity_t){.mru = zdb_memory(w->zdb.size), .hru = zdb_disk(w->zdb.size) - w->zdb.size};
}

static void space_of(const record_t *record, char space[ZDB_SPACE_MAX + 1])
{
    snprintf(space, ZDB_SPACE_MAX + 1, "%u-%llu-%s", record->entry->twin_id,
             (unsigned long long)record->entry->contract_id, record->workload->name);
}

static bool hash_password(const char *password, char text[65])
{
    uint8_t digest[32];
    if (EVP_Digest(password, strlen(password), digest, NULL, EVP_sha256(), NULL) != 1) return false;
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return true;
}

/* It runs as a user of its contract's range, with a user namespace or without. */
static bool fill_machine(engine_t *engine, const record_t *record, machine_plan_t *plan)
{
    zdb_settings_t settings = {.size      = record->workload->zdb.size,
                               .is_public = record->workload->zdb.is_public};
    space_of(record, settings.space);
    memcpy(plan->wid, record->wid, sizeof plan->wid);
    memcpy(plan->ip, guest_ip, 4);
    snprintf(plan->hostname, sizeof plan->hostname, "zdb");
    plan->user_base  = plan_owner(engine, record->entry);
    plan->uid        = ZDB_UID + (plan->user_base ? 0 : plan_user_ids(record->entry));
    plan->gid        = plan->uid;
    plan->cpu_millis = CPU_MILLIS;
    plan->memory     = zdb_memory(settings.size);
    plan->root_size  = ROOT_SIZE;
    plan->args       = plan_words("/usr/bin/redis-server " MACHINE_SETTINGS);
    plan->cwd        = strdup("/");
    plan->mounts     = calloc(1, sizeof *plan->mounts);
    plan->settings =
        hash_password(record->workload->zdb.password, settings.password) ? zdb_text(&settings) : NULL;
    if (!plan->args || !plan->cwd || !plan->mounts || !plan->settings) return false;
    plan->mount_count      = 1;
    plan->mounts[0].target = strdup("/data");
    char name[40];
    plan_disk_name(record, name);
    return plan->mounts[0].target &&
           path_join(plan->mounts[0].source, "%s/%s", engine->config.pool_dir, name);
}

host_result_t plan_zdb(engine_t *engine, record_t *record, job_t *job)
{
    scope_t scope = {.with = record};
    if (record->link == 0) record->link = zdb_free_slot(engine, 0);
    if (record->link == 0) return host_fail(HOST_REFUSED, "this node has no room for another database");
    plan_disk_name(record, job->disk);
    job->disk_size = zdb_disk(record->workload->zdb.size);
    bool is_ok     = job->kind == JOB_OPEN ? plan_zdb_network(engine, record, scope, &job->network) &&
                                             plan_firewall(engine, scope, &job->firewall)
                                           : fill_machine(engine, record, &job->machine) &&
                                             plan_zdb_network(engine, record, scope, &job->machine.network);
    return is_ok ? host_ok() : host_fail(HOST_LATER, "no memory");
}

json_t *zdb_result(const engine_t *engine, const record_t *record)
{
    char space[ZDB_SPACE_MAX + 1];
    json_t *addresses = json_array();
    space_of(record, space);
    for (const char *const *at = engine->config.zdb_addresses; at && *at; at++)
        json_array_append_new(addresses, json_string(*at));
    return json_pack("{s:s,s:o,s:i}", "Namespace", space, "IPs", addresses, "Port",
                     (int)zdb_port(engine, record));
}

host_result_t zdb_can_grow(const engine_t *engine, uint64_t more)
{
    const capacity_t limit = plan_limit(engine), held = plan_held(engine, NULL);
    uint64_t disk = zdb_disk(more) - zdb_disk(0), memory = zdb_memory(more) - zdb_memory(0);
    if (more == 0) return host_ok();
    if (held.hru + disk > limit.hru)
        return host_fail(HOST_REFUSED,
                         "not enough disk (HDD) left on this node: %llu MiB asked for, %llu MiB free",
                         (unsigned long long)(disk >> 20),
                         (unsigned long long)((held.hru < limit.hru ? limit.hru - held.hru : 0) >> 20));
    if (held.mru + memory > limit.mru)
        return host_fail(HOST_REFUSED,
                         "not enough memory left on this node: %llu MiB asked for, %llu MiB free",
                         (unsigned long long)(memory >> 20),
                         (unsigned long long)((held.mru < limit.mru ? limit.mru - held.mru : 0) >> 20));
    return host_ok();
}
