/* engine_gateway.c - names of the web that lead to workloads: who may have one, and where it leads. */
#include "engine_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATEWAY_LABEL_MAX 63 /* of a domain name */

bool workload_is_gateway(const workload_t *workload)
{
    return workload->kind == WORKLOAD_GATEWAY_NAME || workload->kind == WORKLOAD_GATEWAY_FQDN;
}

void gateway_fqdn(const engine_t *engine, const workload_t *w, char fqdn[GATEWAY_HOST_MAX + 1])
{
    const char *domain = engine->config.gateway_domain;
    if (w->kind == WORKLOAD_GATEWAY_NAME)
        snprintf(fqdn, GATEWAY_HOST_MAX + 1, "%s.%s", w->gateway.name, domain ? domain : "");
    else
        snprintf(fqdn, GATEWAY_HOST_MAX + 1, "%s", w->gateway.name);
    for (char *c = fqdn; *c; c++)
        *c = (char)tolower((unsigned char)*c);
}

/* ---- who may have one ---- */

/* Addresses that only machines near the node have: the gateway must not be a way into the farmer's own
 * network. */
static bool is_private(const gateway_backend_t *b)
{
    const uint8_t *ip = b->ip;
    if (b->is_v6) return (ip[0] & 0xfe) == 0xfc || ip[0] == 0xff || (ip[0] == 0xfe && (ip[1] & 0x80) == 0x80);
    return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
           (ip[0] == 169 && ip[1] == 254) || (ip[0] == 100 && (ip[1] & 0xc0) == 64) || ip[0] >= 224;
}

static bool is_below(const char *name, const char *domain)
{
    size_t name_len = strlen(name), domain_len = strlen(domain);
    return name_len >= domain_len && strcmp(name + name_len - domain_len, domain) == 0 &&
           (name_len == domain_len || name[name_len - domain_len - 1] == '.');
}

bool gateway_offered(const engine_t *engine, const workload_t *w, char error[ENGINE_ERROR_MAX + 1])
{
    char fqdn[GATEWAY_HOST_MAX + 1];
    const char *domain = engine->config.gateway_domain;
    if (!domain)
        return engine_refuse(error, "workload '%s': this node is no gateway: it has no domain", w->name);
    if (w->gateway.backend_count > GATEWAY_BACKENDS_MAX)
        return engine_refuse(error, "workload '%s': a gateway has at most %d backends", w->name,
                             GATEWAY_BACKENDS_MAX);
    if (w->kind == WORKLOAD_GATEWAY_NAME && strlen(w->gateway.name) > GATEWAY_LABEL_MAX)
        return engine_refuse(error, "workload '%s': the name is longer than %d", w->name, GATEWAY_LABEL_MAX);
    gateway_fqdn(engine, w, fqdn);
    if (w->kind == WORKLOAD_GATEWAY_FQDN && is_below(fqdn, domain))
        return engine_refuse(error, "workload '%s': names below %s are reserved by name contracts: use %s",
                             w->name, domain, workload_kind_text(WORKLOAD_GATEWAY_NAME));
    for (uint32_t i = 0; i < w->gateway.backend_count; i++) {
        gateway_backend_t backend;
        if (!gateway_backend(&w->gateway, i, &backend))
            return engine_refuse(error, "workload '%s': a backend", w->name);
        if (!w->gateway.network[0] && is_private(&backend))
            return engine_refuse(error,
                                 "workload '%s': the backend %s is a private address: name its network",
                                 w->name, backend.address);
        if (w->gateway.network[0] && backend.is_v6)
            return engine_refuse(error, "workload '%s': a backend in a network has an IPv4 address", w->name);
    }
    return true;
}

bool gateway_name_is_free(const engine_t *engine, const deployment_t *d, const workload_t *w,
                          char error[ENGINE_ERROR_MAX + 1])
{
    char fqdn[GATEWAY_HOST_MAX + 1], other[GATEWAY_HOST_MAX + 1];
    if (!workload_is_gateway(w)) return true;
    gateway_fqdn(engine, w, fqdn);
    for (uint32_t i = 0; i < d->workload_count; i++) {
        if (&d->workloads[i] == w || !workload_is_gateway(&d->workloads[i])) continue;
        gateway_fqdn(engine, &d->workloads[i], other);
        if (strcmp(fqdn, other) == 0)
            return engine_refuse(error, "workload '%s': the name %s is there twice", w->name, fqdn);
    }
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next) {
            if (!workload_is_gateway(record->workload) || (!record_is_active(record) && !record->is_made))
                continue;
            if (entry->contract_id == d->contract_id) continue;
            gateway_fqdn(engine, record->workload, other);
            if (strcmp(fqdn, other) == 0)
                return engine_refuse(error, "workload '%s': the name %s is in use on this node", w->name,
                                     fqdn);
        }
    return true;
}

/* ---- where it leads ---- */

static bool is_led(const record_t *record, scope_t scope)
{
    if (!workload_is_gateway(record->workload) || record == scope.without || record->link == 0) return false;
    if (record == scope.with) return true;
    return record->is_made && !plan_is_going(record) &&
           (record->state == WORKLOAD_OK || record->state == WORKLOAD_PAUSED);
}

static uint16_t forward_port(uint32_t slot, uint32_t index)
{
    return (uint16_t)(FORWARD_FIRST_PORT + slot * GATEWAY_BACKENDS_MAX + index);
}

record_t *plan_gateway_network(const engine_t *engine, const record_t *record)
{
    const char *name = record->workload->gateway.network;
    return name[0] ? plan_network_named(engine, record->entry->twin_id, name) : NULL;
}

/* The host reaches what is in a network by a port of the network's far end. */
static void set_target(const engine_t *engine, const record_t *record, uint32_t index, gateway_plan_t *plan)
{
    gateway_backend_t backend;
    gateway_target_t *target = &plan->targets[plan->target_count];
    if (!gateway_backend(&record->workload->gateway, index, &backend)) return;
    if (record->workload->gateway.network[0]) {
        const record_t *network = plan_gateway_network(engine, record);
        if (!network || network->link == 0) return;
        *target =
            (gateway_target_t){.network_index = network->link - 1, .port = forward_port(plan->slot, index)};
    } else {
        *target = (gateway_target_t){.port = backend.port};
        memcpy(target->address, backend.address, sizeof target->address);
    }
    plan->target_count++;
}

bool plan_gateways(const engine_t *engine, scope_t scope, gateways_plan_t *plan)
{
    *plan = (gateways_plan_t){0};
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next) {
            if (!is_led(record, scope)) continue;
            gateway_plan_t *more = realloc(plan->gateways, (plan->count + 1) * sizeof *more);
            if (!more) return false;
            plan->gateways      = more;
            gateway_plan_t *one = &more[plan->count++];
            *one                = (gateway_plan_t){.slot               = record->link - 1,
                                                   .is_tls_passthrough = record->workload->gateway.is_tls_passthrough,
                                                   .is_paused          = record == scope.with ? scope.is_with_paused
                                                                                              : record->state == WORKLOAD_PAUSED};
            memcpy(one->wid, record->wid, sizeof one->wid);
            gateway_fqdn(engine, record->workload, one->host);
            for (uint32_t i = 0; i < record->workload->gateway.backend_count && i < GATEWAY_BACKENDS_MAX; i++)
                set_target(engine, record, i, one);
        }
    return true;
}

bool plan_forwards(const engine_t *engine, const record_t *network, scope_t scope, network_plan_t *plan)
{
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next) {
            if (!is_led(record, scope) || plan_gateway_network(engine, record) != network) continue;
            for (uint32_t i = 0; i < record->workload->gateway.backend_count && i < GATEWAY_BACKENDS_MAX;
                 i++) {
                gateway_backend_t backend;
                forward_plan_t *more = realloc(plan->forwards, (plan->forward_count + 1) * sizeof *more);
                if (!more) return false;
                plan->forwards = more;
                if (!gateway_backend(&record->workload->gateway, i, &backend)) continue;
                more[plan->forward_count] =
                    (forward_plan_t){.port = forward_port(record->link - 1, i), .to = backend.port};
                memcpy(more[plan->forward_count++].ip, backend.ip, 4);
            }
        }
    return true;
}

static uint32_t free_slot(const engine_t *engine)
{
    for (uint32_t slot = 1; slot <= GATEWAY_SLOTS; slot++) {
        bool is_taken = false;
        for (const entry_t *entry = engine->entries; entry && !is_taken; entry = entry->next)
            for (const record_t *record = entry->records; record && !is_taken; record = record->next)
                is_taken = workload_is_gateway(record->workload) && record->link == slot;
        if (!is_taken) return slot;
    }
    return 0;
}

static host_result_t check_network(const record_t *network, const record_t *record, uint64_t now_ms)
{
    const char *name = record->workload->gateway.network;
    bool is_early    = now_ms / 1000 < (uint64_t)record->created_s + ENGINE_NETWORK_WAIT_S;
    if (!name[0]) return host_ok();
    if (!network)
        return host_fail(is_early ? HOST_WAITS : HOST_REFUSED, "the network %s is not on this node", name);
    if (network->state == WORKLOAD_ERROR) return host_fail(HOST_REFUSED, "its network %s failed", name);
    if (network->state == WORKLOAD_INIT) return host_fail(HOST_WAITS, "waits for its network %s", name);
    const network_data_t *data   = &network->workload->network;
    const deployment_ip_t *range = data->ip_range.is_given ? &data->ip_range : &data->subnet;
    for (uint32_t i = 0; i < record->workload->gateway.backend_count; i++) {
        gateway_backend_t backend;
        if (!gateway_backend(&record->workload->gateway, i, &backend) || backend.is_v6 ||
            !network_has_guest(range->address, range->prefix, backend.ip))
            return host_fail(HOST_REFUSED, "a backend is not in its network %s", name);
    }
    return host_ok();
}

/* A dropped gateway's network may be gone before it; then there are no rules to mend. */
host_result_t plan_gateway(engine_t *engine, record_t *record, scope_t scope, uint64_t now_ms, job_t *job)
{
    record_t *network    = plan_gateway_network(engine, record);
    host_result_t result = scope.without ? host_ok() : check_network(network, record, now_ms);
    if (result.status != HOST_OK) return result;
    if (record->link == 0 && !scope.without) record->link = free_slot(engine);
    if (record->link == 0) return host_fail(HOST_REFUSED, "this node has no room for another gateway");
    job->slot  = record->link - 1;
    bool is_ok = plan_gateways(engine, scope, &job->gateways) && plan_firewall(engine, scope, &job->firewall);
    if (network && network->link != 0 && network->is_made && network->state != WORKLOAD_ERROR)
        is_ok = is_ok && plan_network(engine, network, scope, &job->network);
    return is_ok ? host_ok() : host_fail(HOST_LATER, "no memory");
}

/* ---- looking ---- */

bool engine_has_gateway(const engine_t *engine)
{
    if (!lane_is_free(engine, JOB_GATEWAY, 0)) return false;
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next)
            if (workload_is_gateway(record->workload) && record->state == WORKLOAD_OK && !record->is_dirty &&
                entry->desired == DESIRED_RUN && !record->is_removed)
                return true;
    return false;
}

void engine_gateway_lost(engine_t *engine)
{
    for (entry_t *entry = engine->entries; entry; entry = entry->next)
        for (record_t *record = entry->records; record; record = record->next)
            if (workload_is_gateway(record->workload) && record->state == WORKLOAD_OK)
                record->is_dirty = true;
}
