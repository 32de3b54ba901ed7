/* deployment.c - a deployment from its JSON, and what its workloads are. */
#include "parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NODES_MAX 65536 /* JSON values in a deployment */

static const char *const kind_texts[WORKLOAD_KIND_COUNT] = {
    [WORKLOAD_ZMOUNT]         = "zmount",
    [WORKLOAD_VOLUME]         = "volume",
    [WORKLOAD_QSFS]           = "qsfs",
    [WORKLOAD_NETWORK]        = "network",
    [WORKLOAD_NETWORK_LIGHT]  = "network-light",
    [WORKLOAD_IPV4]           = "ipv4",
    [WORKLOAD_IP]             = "ip",
    [WORKLOAD_ZMACHINE]       = "zmachine",
    [WORKLOAD_ZMACHINE_LIGHT] = "zmachine-light",
    [WORKLOAD_ZLOGS]          = "zlogs",
    [WORKLOAD_ZDB]            = "zdb",
    [WORKLOAD_GATEWAY_NAME]   = "gateway-name-proxy",
    [WORKLOAD_GATEWAY_FQDN]   = "gateway-fqdn-proxy",
};

const char *workload_kind_text(workload_kind_t kind) { return kind_texts[kind]; }

bool workload_kind_parse(const char *text, workload_kind_t *kind)
{
    for (unsigned i = 0; i < WORKLOAD_KIND_COUNT; i++) {
        if (strcmp(kind_texts[i], text) != 0) continue;
        *kind = (workload_kind_t)i;
        return true;
    }
    return false;
}

/* ---- parse ---- */

static void parse_workload(parser_t *p, json_t *json, uint32_t index, workload_t *workload)
{
    snprintf(p->where, sizeof p->where, "workload %u", (unsigned)index + 1);
    if (!json_is_object(json)) {
        parse_fail(p, "", "is not an object");
        return;
    }
    workload->json        = json;
    workload->version     = (uint32_t)parse_number(p, json, "version", UINT32_MAX);
    workload->name        = parse_text(p, json, "name");
    workload->metadata    = parse_text(p, json, "metadata");
    workload->description = parse_text(p, json, "description");
    const char *kind      = parse_text(p, json, "type");
    if (!workload_kind_parse(kind, &workload->kind)) {
        if (p->error[0] == 0)
            snprintf(p->error, DEPLOYMENT_ERROR_MAX + 1, "invalid reservation type '%.60s'", kind);
        return;
    }
    parse_data(p, parse_object(p, json, "data"), workload);
}

static void parse_workloads(parser_t *p, const json_t *root, deployment_t *d)
{
    const json_t *list = parse_list(p, root, "workloads", &d->workload_count);
    d->workloads       = parse_take(p, d->workload_count, sizeof *d->workloads);
    if (!d->workloads) d->workload_count = 0;
    for (uint32_t i = 0; i < d->workload_count; i++)
        parse_workload(p, json_array_get(list, i), i, &d->workloads[i]);
    p->where[0] = 0;
}

static void parse_requirement(parser_t *p, const json_t *root, deployment_t *d)
{
    const json_t *requirement = parse_object(p, root, "signature_requirement");
    d->weight_required        = (uint32_t)parse_number(p, requirement, "weight_required", UINT32_MAX);
    d->signature_style        = parse_text(p, requirement, "signature_style");

    const json_t *requests   = parse_list(p, requirement, "requests", &d->request_count);
    signature_request_t *ask = parse_take(p, d->request_count, sizeof *ask);
    if (!ask) d->request_count = 0;
    for (uint32_t i = 0; i < d->request_count; i++) {
        const json_t *request = json_array_get(requests, i);
        ask[i].twin_id        = (uint32_t)parse_number(p, request, "twin_id", UINT32_MAX);
        ask[i].is_required    = parse_flag(p, request, "required");
        ask[i].weight         = (uint32_t)parse_number(p, request, "weight", UINT32_MAX);
    }
    d->requests = ask;

    const json_t *signatures     = parse_list(p, requirement, "signatures", &d->signature_count);
    deployment_signature_t *sign = parse_take(p, d->signature_count, sizeof *sign);
    if (!sign) d->signature_count = 0;
    for (uint32_t i = 0; i < d->signature_count; i++) {
        const json_t *signature = json_array_get(signatures, i);
        sign[i].twin_id         = (uint32_t)parse_number(p, signature, "twin_id", UINT32_MAX);
        sign[i].signature       = parse_text(p, signature, "signature");
        sign[i].kind            = parse_text(p, signature, "signature_type");
    }
    d->signatures = sign;
}

/* Seconds, or a date as 2023-01-31T12:00:00Z (a fraction of a second is dropped). */
static int64_t parse_expiration(parser_t *p, const json_t *root)
{
    const json_t *value = json_object_get(root, "expiration");
    if (!value || json_is_null(value)) return 0;
    if (json_is_integer(value)) return json_integer_value(value);
    struct tm tm     = {0};
    char zone        = 0;
    int read         = 0;
    const char *text = json_string_value(value);
    if (text && sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                       &tm.tm_min, &tm.tm_sec, &read) == 6) {
        text += read;
        if (*text == '.') text += 1 + strspn(text + 1, "0123456789");
        zone = *text;
    }
    if (zone != 'Z' || tm.tm_mon < 1 || tm.tm_mon > 12) {
        parse_fail(p, "expiration", "is neither seconds nor a date as 2030-01-31T12:00:00Z");
        return 0;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return timegm(&tm);
}

static void parse_all(parser_t *p, const json_t *root, deployment_t *d)
{
    d->version      = (uint32_t)parse_number(p, root, "version", UINT32_MAX);
    d->twin_id      = (uint32_t)parse_number(p, root, "twin_id", UINT32_MAX);
    d->contract_id  = parse_number(p, root, "contract_id", INT64_MAX);
    d->metadata     = parse_text(p, root, "metadata");
    d->description  = parse_text(p, root, "description");
    d->expiration_s = parse_expiration(p, root);
    parse_workloads(p, root, d);
    parse_requirement(p, root, d);
}

/* How many values are in json: what the arena must have room for. */
static size_t count_nodes(const json_t *json)
{
    size_t count = 1;
    if (json_is_array(json)) {
        for (size_t i = 0; i < json_array_size(json) && count < NODES_MAX; i++)
            count += count_nodes(json_array_get(json, i));
        return count;
    }
    if (!json_is_object(json)) return count;
    json_t *object;
    memcpy(&object, &json, sizeof object);
    for (void *i = json_object_iter(object); i && count < NODES_MAX; i = json_object_iter_next(object, i))
        count += count_nodes(json_object_iter_value(i));
    return count;
}

/* Takes the reference to root. */
static deployment_t *deployment_take(json_t *root, char error[DEPLOYMENT_ERROR_MAX + 1])
{
    deployment_t *d = calloc(1, sizeof *d);
    size_t nodes    = count_nodes(root);
    parser_t p      = {.arena = d ? &d->arena : NULL, .error = error};
    error[0]        = 0;
    if (!json_is_object(root) || nodes >= NODES_MAX) {
        parse_fail(&p, "", nodes >= NODES_MAX ? "the deployment has too many values" : "not a JSON object");
    } else if (d) {
        d->arena.size  = (uint32_t)(nodes * (sizeof(workload_t) + 16) + 4096);
        d->arena.start = aligned_alloc(16, (d->arena.size + 15) / 16 * 16);
        d->json        = json_incref(root);
        if (d->arena.start) parse_all(&p, root, d);
    }
    json_decref(root);
    if (error[0] == 0 && d && d->arena.start) return d;
    parse_fail(&p, "", "out of memory");
    deployment_free(d);
    return NULL;
}

deployment_t *deployment_parse(bytes_t text, char error[DEPLOYMENT_ERROR_MAX + 1])
{
    json_error_t where;
    if (text.len > DEPLOYMENT_JSON_MAX) {
        snprintf(error, DEPLOYMENT_ERROR_MAX + 1, "the deployment is longer than %u bytes",
                 DEPLOYMENT_JSON_MAX);
        return NULL;
    }
    json_t *root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        snprintf(error, DEPLOYMENT_ERROR_MAX + 1, "not JSON: line %d: %s", where.line, where.text);
        return NULL;
    }
    return deployment_take(root, error);
}

deployment_t *deployment_from_json(const json_t *json, char error[DEPLOYMENT_ERROR_MAX + 1])
{
    return deployment_take(json_deep_copy(json), error);
}

void deployment_free(deployment_t *deployment)
{
    if (!deployment) return;
    json_decref(deployment->json);
    free(deployment->arena.start);
    free(deployment);
}

/* ---- what workloads are ---- */

const workload_t *deployment_workload(const deployment_t *deployment, const char *name)
{
    for (uint32_t i = 0; i < deployment->workload_count; i++)
        if (strcmp(deployment->workloads[i].name, name) == 0) return &deployment->workloads[i];
    return NULL;
}

bool workload_is_machine(const workload_t *workload)
{
    return workload->kind == WORKLOAD_ZMACHINE || workload->kind == WORKLOAD_ZMACHINE_LIGHT;
}

bool workload_is_network(const workload_t *workload)
{
    return workload->kind == WORKLOAD_NETWORK || workload->kind == WORKLOAD_NETWORK_LIGHT;
}

bool workload_is_disk(const workload_t *workload)
{
    return workload->kind == WORKLOAD_ZMOUNT || workload->kind == WORKLOAD_VOLUME;
}

bool workload_can_update(workload_kind_t kind)
{
    return kind <= WORKLOAD_NETWORK_LIGHT || kind == WORKLOAD_ZDB;
}

uint64_t machine_root_size(const machine_data_t *machine)
{
    uint64_t units = machine->cpu * machine->memory / (UINT64_C(8) << 30);
    uint64_t least = units == 0 ? UINT64_C(500) << 20 : UINT64_C(2) << 30;
    return machine->size > least ? machine->size : least;
}

capacity_t workload_capacity(const workload_t *w)
{
    switch (w->kind) {
    case WORKLOAD_ZMOUNT:
    case WORKLOAD_VOLUME: return (capacity_t){.sru = w->size};
    case WORKLOAD_QSFS: return (capacity_t){.cru = 1, .mru = UINT64_C(1) << 30, .sru = w->qsfs.cache};
    case WORKLOAD_ZMACHINE:
    case WORKLOAD_ZMACHINE_LIGHT:
        return (capacity_t){
            .cru = w->machine.cpu, .mru = w->machine.memory, .sru = machine_root_size(&w->machine)};
    case WORKLOAD_IPV4: return (capacity_t){.ipv4u = 1};
    case WORKLOAD_IP: return (capacity_t){.ipv4u = w->ip.v4};
    case WORKLOAD_ZDB: return (capacity_t){.hru = w->zdb.size};
    case WORKLOAD_NETWORK:
    case WORKLOAD_NETWORK_LIGHT:
    case WORKLOAD_ZLOGS:
    case WORKLOAD_GATEWAY_NAME:
    case WORKLOAD_GATEWAY_FQDN:
    case WORKLOAD_KIND_COUNT: break;
    }
    return (capacity_t){0};
}
