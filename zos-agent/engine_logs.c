/* engine_logs.c - whose output is sent, and where to: nowhere but into the machine's own network. */
#include "engine_internal.h"
#include "logs.h"

#include <stdio.h>
#include <string.h>

#define LOGS_UID 1001 /* of the contract's range of user ids; ZDB_UID is another */

bool logs_offered(const engine_t *engine, const workload_t *w, char error[ENGINE_ERROR_MAX + 1])
{
    char why[128];
    logs_target_t target;
    if (!engine->config.has_logs)
        return engine_refuse(error, "workload '%s': this node does not offer %s", w->name,
                             workload_kind_text(w->kind));
    if (strlen(w->zlogs.output) > LOGS_URL_MAX)
        return engine_refuse(error, "workload '%s': output is longer than %d", w->name, LOGS_URL_MAX);
    return logs_target_parse(w->zlogs.output, &target, why) ||
           engine_refuse(error, "workload '%s': %s", w->name, why);
}

static bool is_behind(const route_plan_t *route, const uint8_t ip[4])
{
    uint32_t mask = route->prefix == 0 ? 0 : UINT32_MAX << (32 - route->prefix), a = 0, b = 0;
    for (int i = 0; i < 4; i++) {
        a = a << 8 | route->ip[i];
        b = b << 8 | ip[i];
    }
    return route->prefix <= 32 && (a & mask) == (b & mask);
}

static bool is_in_mesh(const engine_t *engine, const network_data_t *data, const uint8_t ip[4])
{
    network_plan_t plan = {0};
    bool is_found       = false;
    if (plan_wireguard(engine, data, &plan.wireguard) && plan.wireguard.text)
        for (uint32_t i = 0; i < plan.wireguard.route_count; i++)
            is_found = is_found || is_behind(&plan.wireguard.routes[i], ip);
    network_plan_fini(&plan);
    return is_found;
}

/* The sender is bound to the link behind which its target is: what is neither in the network's subnet nor in
 * a peer's has no link. */
static host_result_t find_target(const engine_t *engine, const record_t *record, const record_t *network,
                                 logs_plan_t *plan)
{
    logs_target_t target;
    char why[128];
    const network_data_t *data = &network->workload->network;
    if (!logs_target_parse(record->workload->zlogs.output, &target, why))
        return host_fail(HOST_REFUSED, "%s", why);
    bool is_near = network_has_guest(data->subnet.address, data->subnet.prefix, target.ip);
    explicit_bzero(&target.password, sizeof target.password);
    plan->is_in_mesh = !is_near && is_in_mesh(engine, data, target.ip);
    if (is_near || plan->is_in_mesh) return host_ok();
    return host_fail(HOST_REFUSED, "output is no address of a machine in the network %s",
                     network->workload->name);
}

host_result_t plan_logs(const engine_t *engine, const record_t *record, job_t *job)
{
    const char *name        = record->workload->zlogs.machine;
    const record_t *machine = record_find(record->entry, name);
    logs_plan_t *plan       = &job->logs;
    if (!machine || !workload_is_machine(machine->workload) || !record_is_active(machine))
        return host_fail(HOST_REFUSED, "its machine %s failed", name);
    if (machine->state == WORKLOAD_INIT) return host_fail(HOST_WAITS, "waits for its machine %s", name);
    const record_t *network = plan_network_of(engine, machine);
    if (!network || network->link == 0 || !record_is_active(network))
        return host_fail(HOST_WAITS, "waits for its network");
    host_result_t result = find_target(engine, record, network, plan);
    if (result.status != HOST_OK) return result;
    memcpy(plan->wid, record->wid, sizeof plan->wid);
    memcpy(plan->machine, machine->wid, sizeof plan->machine);
    plan_network_id(network->entry->twin_id, network->workload->name, plan->network);
    plan->user = plan_user_ids(record->entry) + LOGS_UID;
    snprintf(plan->url, sizeof plan->url, "%s", record->workload->zlogs.output);
    return result;
}

void engine_logs_dirty(engine_t *engine)
{
    for (entry_t *entry = engine->entries; entry; entry = entry->next)
        for (record_t *record = entry->records; record; record = record->next)
            if (record->workload->kind == WORKLOAD_ZLOGS && record->state == WORKLOAD_OK)
                record->is_dirty = true;
}

void engine_senders(const engine_t *engine,
                    void (*fn)(void *context, uint64_t contract_id, const char *name, const char *wid),
                    void *context)
{
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next)
            if (record->workload->kind == WORKLOAD_ZLOGS && record->is_made)
                fn(context, entry->contract_id, record->workload->name, record->wid);
}
