/* api_debug.c - zos.debug.deployment: what the farmer and his helpers may see of anybody's deployments. */
#include "api_internal.h"
#include "control.h"
#include "netlink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_SHORT 8192

/* ---- who is meant: {"deployment":"TWIN:CONTRACT"} ---- */

static bool deployment_id(const json_t *payload, uint32_t *twin_id, uint64_t *contract_id, char why[160])
{
    const char *text = json_string_value(json_object_get(payload, "deployment"));
    char *end        = NULL;
    if (!text || !text[0]) {
        snprintf(why, 160, "deployment identifier is required");
        return false;
    }
    unsigned long long twin = strtoull(text, &end, 10), contract = 0;
    bool is_ok = end != text && *end == ':' && twin <= UINT32_MAX;
    if (is_ok) contract = strtoull(end + 1, &end, 10);
    if (!is_ok || *end || contract == 0) {
        snprintf(why, 160, "invalid deployment format: expected 'twin-id:contract-id', got '%.60s'", text);
        return false;
    }
    *twin_id     = (uint32_t)twin;
    *contract_id = contract;
    return true;
}

/* The deployment that a request means, with results; NULL when it was refused. */
static json_t *meant(api_t *api, const peer_incoming_t *request, json_t *payload, uint32_t *twin_id,
                     uint64_t *contract_id)
{
    char why[160] = "deployment not found";
    json_t *json  = deployment_id(payload, twin_id, contract_id, why)
                        ? engine_get(api->agent->engine, *twin_id, *contract_id)
                        : NULL;
    if (!json) api_refuse(api, &request->from, why);
    return json;
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static bool is_machine(const char *type)
{
    return strcmp(type, "zmachine") == 0 || strcmp(type, "zmachine-light") == 0;
}

static bool is_network(const char *type)
{
    return strcmp(type, "network") == 0 || strcmp(type, "network-light") == 0;
}

/* ---- list, get, history ---- */

static json_t *list_workloads(const json_t *deployment)
{
    json_t *list = json_array(), *w;
    size_t i;
    json_array_foreach(json_object_get(deployment, "workloads"), i, w) json_array_append_new(
        list, json_pack("{s:s,s:s,s:s}", "type", text_of(w, "type"), "name", text_of(w, "name"), "state",
                        text_of(json_object_get(w, "result"), "state")));
    return list;
}

static void on_list(api_t *api, const peer_incoming_t *request)
{
    engine_t *engine = api->agent->engine;
    json_t *payload = api_payload(request), *list = json_array();
    uint32_t count = 0, wanted = (uint32_t)json_integer_value(json_object_get(payload, "twin_id"));
    uint64_t *contracts = engine_contracts(engine, &count);
    for (uint32_t i = 0; contracts && i < count; i++) {
        uint32_t twin_id;
        if (!engine_contract_twin(engine, contracts[i], &twin_id) || (wanted && wanted != twin_id)) continue;
        json_t *deployment = engine_get(engine, twin_id, contracts[i]);
        json_array_append_new(list,
                              json_pack("{s:I,s:I,s:o}", "twin_id", (json_int_t)twin_id, "contract_id",
                                        (json_int_t)contracts[i], "workloads", list_workloads(deployment)));
        json_decref(deployment);
    }
    free(contracts);
    json_decref(payload);
    api_reply(api, &request->from, json_pack("{s:o}", "deployments", list));
}

static void on_get(api_t *api, const peer_incoming_t *request)
{
    uint32_t twin_id;
    uint64_t contract_id;
    json_t *payload = api_payload(request), *json = meant(api, request, payload, &twin_id, &contract_id);
    if (json) api_reply(api, &request->from, json_pack("{s:o}", "deployment", json));
    json_decref(payload);
}

static void on_history(api_t *api, const peer_incoming_t *request)
{
    uint32_t twin_id;
    uint64_t contract_id;
    size_t i;
    json_t *payload = api_payload(request), *json = meant(api, request, payload, &twin_id, &contract_id);
    json_t *changes = json ? engine_changes(api->agent->engine, twin_id, contract_id) : NULL, *w,
           *list    = json_array();
    json_array_foreach(changes, i, w)
    {
        json_t *result = json_object_get(w, "result");
        json_array_append_new(list,
                              json_pack("{s:I,s:s,s:s,s:I,s:s,s:s}", "seq", (json_int_t)(i + 1), "type",
                                        text_of(w, "type"), "name", text_of(w, "name"), "created",
                                        json_integer_value(json_object_get(result, "created")), "state",
                                        text_of(result, "state"), "message", text_of(result, "message")));
    }
    if (json)
        api_reply(api, &request->from,
                  json_pack("{s:s,s:O}", "deployment", text_of(payload, "deployment"), "history", list));
    json_decref(list);
    json_decref(changes);
    json_decref(json);
    json_decref(payload);
}

/* ---- info ---- */

static json_t *machine_info(const agent_t *agent, const char *wid)
{
    static const char *const states[] = {"absent", "starting", "running", "unheld", "ended"};
    cgroup_usage_t used               = {0};
    int code                          = 0;
    machine_state_t state             = machine_state(&agent->host, wid, &code);
    (void)machine_usage(&agent->host, wid, &used);
    return json_pack("{s:s,s:s,s:I,s:I,s:I}", "id", wid, "state", states[state], "memory",
                     (json_int_t)used.memory, "cpu_ms", (json_int_t)(used.cpu_ns / 1000000), "oom_kills",
                     (json_int_t)used.oom_kills);
}

static json_t *network_info(const agent_t *agent, uint32_t twin_id, const json_t *w)
{
    char id[NETWORK_LEN + 1], netns[32];
    plan_network_id(twin_id, text_of(w, "name"), id);
    network_namespace(&agent->host, id, netns);
    return json_pack("{s:s,s:s,s:s}", "net_id", id, "namespace", netns, "state",
                     text_of(json_object_get(w, "result"), "state"));
}

static const json_t *workload_named(const json_t *deployment, const char *name)
{
    size_t i;
    json_t *w;
    json_array_foreach(json_object_get(deployment, "workloads"), i,
                       w) if (strcmp(text_of(w, "name"), name) == 0) return w;
    return NULL;
}

static void tell_info(api_t *api, const peer_incoming_t *request, const json_t *w, uint32_t twin_id,
                      uint64_t contract_id, bool is_verbose)
{
    char wid[WID_LEN + 1], id[96];
    const char *type = text_of(w, "type"), *name = text_of(w, "name");
    int64_t next;
    plan_wid(twin_id, contract_id, name, wid);
    snprintf(id, sizeof id, "%u-%llu-%.40s", twin_id, (unsigned long long)contract_id, name);
    char *log     = is_machine(type)
                        ? control_log(api->agent, wid, is_verbose ? -CONTROL_LOG_MAX : -LOG_SHORT, &next)
                        : NULL;
    json_t *about = is_machine(type) ? machine_info(api->agent, wid) : network_info(api->agent, twin_id, w);
    api_reply(api, &request->from,
              json_pack("{s:s,s:s,s:s,s:o,s:s}", "workload_id", id, "type", type, "name", name, "info", about,
                        "logs",
                        log                ? log
                        : is_machine(type) ? ""
                                           : "Network workloads don't support logs"));
    free(log);
}

static void on_info(api_t *api, const peer_incoming_t *request)
{
    uint32_t twin_id;
    uint64_t contract_id;
    char why[160];
    json_t *payload  = api_payload(request);
    const char *name = text_of(payload, "workload");
    json_t *json     = NULL;
    if (!name[0])
        api_refuse(api, &request->from, "workload name is required");
    else
        json = meant(api, request, payload, &twin_id, &contract_id);
    const json_t *w  = json ? workload_named(json, name) : NULL;
    const char *type = w ? text_of(w, "type") : "";
    if (w && (is_machine(type) || is_network(type))) {
        tell_info(api, request, w, twin_id, contract_id, json_is_true(json_object_get(payload, "verbose")));
    } else if (json) {
        snprintf(why, sizeof why,
                 w ? "workload type '%.60s' not supported for info command"
                   : "workload '%.60s' not found in deployment",
                 w ? type : name);
        api_refuse(api, &request->from, why);
    }
    json_decref(json);
    json_decref(payload);
}

/* ---- health ---- */

static void add_check(json_t *checks, const char *name, bool is_ok, const char *yes, const char *no)
{
    json_array_append_new(checks, json_pack("{s:s,s:b,s:s,s:{}}", "name", name, "ok", (int)is_ok, "message",
                                            is_ok ? yes : no, "evidence"));
}

static void check_machine(const agent_t *agent, const char *wid, json_t *checks)
{
    char folder[PATH_CAP];
    int code;
    machine_state_t state = machine_state(&agent->host, wid, &code);
    add_check(checks, "vm.config", machine_folder(&agent->host, wid, folder) && file_exists(folder),
              "config valid", "config file not found");
    add_check(checks, "vm.vmd", state != MACHINE_UNHELD && state != MACHINE_ABSENT, "a shim holds it",
              "no shim holds it");
    add_check(checks, "vm.process", state == MACHINE_RUNNING || state == MACHINE_UNHELD, "process running",
              "process not found");
}

static void check_network(const agent_t *agent, const char *id, json_t *checks)
{
    char name[32];
    network_namespace(&agent->host, id, name);
    int netns = netns_open(name);
    add_check(checks, "network.namespace", netns >= 0, "namespace exists", "namespace not found");
    if (netns >= 0) close(netns);
}

static json_t *health_of(const agent_t *agent, uint32_t twin_id, uint64_t contract_id, const json_t *w)
{
    char wid[WID_LEN + 1], network[NETWORK_LEN + 1], id[96];
    const char *type = text_of(w, "type"), *name = text_of(w, "name");
    json_t *checks = json_array(), *check;
    bool is_ok     = true;
    size_t i;
    plan_wid(twin_id, contract_id, name, wid);
    plan_network_id(twin_id, name, network);
    snprintf(id, sizeof id, "%u-%llu-%.40s", twin_id, (unsigned long long)contract_id, name);
    if (is_machine(type))
        check_machine(agent, wid, checks);
    else
        check_network(agent, network, checks);
    json_array_foreach(checks, i, check) is_ok = is_ok && json_is_true(json_object_get(check, "ok"));
    return json_pack("{s:s,s:s,s:s,s:s,s:o}", "workload_id", id, "type", type, "name", name, "status",
                     is_ok ? "healthy" : "unhealthy", "checks", checks);
}

/* zos also runs a command that the request names; here nobody runs commands over the bus. */
static void on_health(api_t *api, const peer_incoming_t *request)
{
    uint32_t twin_id;
    uint64_t contract_id;
    size_t i;
    json_t *payload = api_payload(request), *json = NULL, *list = json_array(), *w;
    if (json_object_get(json_object_get(payload, "options"), "system_probe"))
        api_refuse(api, &request->from, "system_probe is not offered: this node runs no commands of others");
    else
        json = meant(api, request, payload, &twin_id, &contract_id);
    json_array_foreach(json_object_get(json, "workloads"), i,
                       w) if (is_machine(text_of(w, "type")) || is_network(text_of(w, "type")))
        json_array_append_new(list, health_of(api->agent, twin_id, contract_id, w));
    if (json)
        api_reply(api, &request->from,
                  json_pack("{s:I,s:I,s:O}", "twin_id", (json_int_t)twin_id, "contract_id",
                            (json_int_t)contract_id, "workloads", list));
    json_decref(list);
    json_decref(json);
    json_decref(payload);
}

const api_command_t api_debug_commands[] = {
    {"zos.debug.deployment.list",    FOR_ADMINS, on_list   },
    {"zos.debug.deployment.get",     FOR_ADMINS, on_get    },
    {"zos.debug.deployment.history", FOR_ADMINS, on_history},
    {"zos.debug.deployment.info",    FOR_ADMINS, on_info   },
    {"zos.debug.deployment.health",  FOR_ADMINS, on_health },
    {NULL,                           FOR_ALL,    NULL      },
};
