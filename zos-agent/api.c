/* api.c - what users ask over the bus, and the answers: JSON as zos gives it (docs/formats/deployment.md). */
#include "api_internal.h"
#include "gpu.h"
#include "log.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <jansson.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_SPARE_MS 2000 /* for the answer, before the message is too old */
#define KYC_MS         5000
#define KYC_LINES      2
#define KYC_URL_MAX    512
#define PENDING_MAX    256
#define PENDING_OF_ONE 16 /* checks of one twin's deployments at a time */

/* A deployment that is being checked. */
struct pending {
    struct pending *next;
    api_t *api;
    peer_return_t to;
    deployment_t *deployment;
    bool is_update;
    uint64_t deadline_ms;
    deployment_signer_t *signers;
    uint32_t signer_count;
    chain_check_t *check;
};

/* ---- answering ---- */

void api_reply(api_t *api, const peer_return_t *to, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text)
        peer_reply(api->agent->peer, to, bytes_text(text));
    else
        peer_reply_error(api->agent->peer, to, 0, "the answer cannot be written");
    free(text);
    json_decref(json);
}

void api_refuse(api_t *api, const peer_return_t *to, const char *why)
{
    peer_reply_error(api->agent->peer, to, 0, why);
}

static void reply(api_t *api, const peer_return_t *to, json_t *json) { api_reply(api, to, json); }

static void refuse(api_t *api, const peer_return_t *to, const char *why) { api_refuse(api, to, why); }

/* ---- deploying ---- */

static void pending_free(pending_t *pending)
{
    api_t *api = pending->api;
    for (pending_t **at = &api->pending; *at; at = &(*at)->next) {
        if (*at != pending) continue;
        *at = pending->next;
        break;
    }
    api->pending_count--;
    twin_cache_cancel(api->agent->twins, pending);
    if (pending->check) chain_check_cancel(pending->check);
    deployment_free(pending->deployment);
    free(pending->signers);
    free(pending);
}

static void pending_refuse(pending_t *pending, const char *why)
{
    log_info(LOG_ENGINE, "deployment refused", LOG_U64("contract", pending->deployment->contract_id),
             LOG_U64("twin", pending->to.twin), LOG_TEXT("why", why));
    refuse(pending->api, &pending->to, why);
    pending_free(pending);
}

static void on_checked(void *context, chain_check_status_t status, const char *why)
{
    pending_t *pending = context;
    agent_t *agent     = pending->api->agent;
    char error[ENGINE_ERROR_MAX + 1];
    pending->check = NULL;
    if (status != CHAIN_CHECK_OK) {
        pending_refuse(pending, why);
        return;
    }
    deployment_t *deployment = pending->deployment;
    pending->deployment      = NULL;
    bool is_taken = pending->is_update ? engine_update(agent->engine, deployment, agent_now_s(agent), error)
                                       : engine_deploy(agent->engine, deployment, agent_now_s(agent), error);
    if (is_taken)
        reply(pending->api, &pending->to, json_null());
    else
        refuse(pending->api, &pending->to, error);
    pending_free(pending);
    agent_pump(agent);
}

static void check_signatures(pending_t *pending)
{
    const agent_t *agent = pending->api->agent;
    uint64_t now_ms      = io_now_ms(agent->io);
    char error[DEPLOYMENT_ERROR_MAX + 1];
    chain_expected_t expected;
    if (!deployment_verify(pending->deployment, pending->signers, pending->signer_count, error)) {
        pending_refuse(pending, error);
        return;
    }
    if (chain_expected_of(pending->deployment, &expected)) {
        expected.wait_ms = pending->deadline_ms > now_ms ? pending->deadline_ms - now_ms : 1;
        pending->check   = chain_side_check(agent->chain, &expected, on_checked, pending);
    }
    if (!pending->check) pending_refuse(pending, "this node has no memory left");
}

static void ask_signers(pending_t *pending);

static void on_twin(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    pending_t *pending = context;
    if (status != TWIN_FOUND) {
        char why[128];
        uint32_t twin_id = pending->deployment->requests[pending->signer_count].twin_id;
        snprintf(why, sizeof why, "failed to get public key for twin '%u': %s", twin_id,
                 status == TWIN_UNKNOWN ? "it is not on the chain" : "this node cannot reach the chain now");
        pending_refuse(pending, why);
        return;
    }
    pending->signers[pending->signer_count++] = (deployment_signer_t){twin->id, twin->account};
    ask_signers(pending);
}

/* One after the other: the accounts of all who must sign. */
static void ask_signers(pending_t *pending)
{
    const deployment_t *d = pending->deployment;
    if (pending->signer_count == d->request_count)
        check_signatures(pending);
    else
        twin_cache_get(pending->api->agent->twins, d->requests[pending->signer_count].twin_id, on_twin,
                       pending);
}

/* ---- is the twin verified? ---- */

static bool is_verified(bytes_t body)
{
    json_t *json     = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    const char *text = json_string_value(json_object_get(json_object_get(json, "result"), "status"));
    bool is_it       = text && strcmp(text, "VERIFIED") == 0;
    json_decref(json);
    return is_it;
}

static void on_kyc(void *self, int status, bytes_t body)
{
    pending_t *pending = self;
    char why[64]       = "failed to get twin verification status";
    if (pending->api->is_ending) return; /* api_free frees it */
    if (status == 200 && is_verified(body)) {
        ask_signers(pending);
        return;
    }
    if (status == 200) snprintf(why, sizeof why, "user with twin id %u is not verified", pending->to.twin);
    pending_refuse(pending, why);
}

static void ask_kyc(pending_t *pending)
{
    char url[KYC_URL_MAX];
    int len = snprintf(url, sizeof url, "%s/api/v1/status?twin_id=%u", pending->api->agent->config->kyc_url,
                       pending->to.twin);
    if ((size_t)len >= sizeof url ||
        !web_pool_fetch(pending->api->kyc, "GET", url, NULL, (bytes_t){0}, KYC_MS, on_kyc, pending))
        pending_refuse(pending, "failed to get twin verification status");
}

static uint32_t pending_of(const api_t *api, uint32_t twin_id)
{
    uint32_t count = 0;
    for (const pending_t *pending = api->pending; pending; pending = pending->next)
        count += pending->to.twin == twin_id;
    return count;
}

static bool read_deployment(api_t *api, const peer_incoming_t *request, bool is_update,
                            deployment_t **deployment)
{
    char error[ENGINE_ERROR_MAX + 1];
    *deployment           = deployment_parse(request->payload, error);
    const deployment_t *d = *deployment;
    if (d && d->twin_id != request->from.twin) {
        snprintf(error, sizeof error, "twin id mismatch (deployment: %u, message: %u)", d->twin_id,
                 request->from.twin);
    } else if (d && deployment_valid(d, error) && engine_can_take(api->agent->engine, d, is_update, error)) {
        if (api->agent->node_id != 0 && api->pending_count < PENDING_MAX &&
            pending_of(api, request->from.twin) < PENDING_OF_ONE)
            return true;
        snprintf(error, sizeof error, "%s",
                 api->agent->node_id == 0 ? "this node is not registered yet"
                                          : "this node has too much to do");
    }
    log_info(LOG_ENGINE, "deployment refused", LOG_U64("contract", d ? d->contract_id : 0),
             LOG_U64("twin", request->from.twin), LOG_TEXT("why", error));
    deployment_free(*deployment);
    refuse(api, &request->from, error);
    return false;
}

static void deploy_or_update(api_t *api, const peer_incoming_t *request, bool is_update)
{
    deployment_t *deployment;
    if (!read_deployment(api, request, is_update, &deployment)) return;
    pending_t *pending = calloc(1, sizeof *pending);
    if (pending) pending->signers = calloc(deployment->request_count + 1, sizeof *pending->signers);
    if (!pending || !pending->signers) {
        free(pending);
        deployment_free(deployment);
        refuse(api, &request->from, "this node has no memory left");
        return;
    }
    uint64_t now_ms = io_now_ms(api->agent->io), life_ms = request->deadline_s * 1000;
    pending->api         = api;
    pending->to          = request->from;
    pending->deployment  = deployment;
    pending->is_update   = is_update;
    pending->deadline_ms = now_ms + CHAIN_CHECK_MS;
    if (life_ms > CHECK_SPARE_MS && life_ms - CHECK_SPARE_MS < pending->deadline_ms)
        pending->deadline_ms = life_ms - CHECK_SPARE_MS;
    pending->next = api->pending;
    api->pending  = pending;
    api->pending_count++;
    if (api->kyc)
        ask_kyc(pending);
    else
        ask_signers(pending);
}

static void on_deploy(api_t *api, const peer_incoming_t *request) { deploy_or_update(api, request, false); }

static void on_update(api_t *api, const peer_incoming_t *request) { deploy_or_update(api, request, true); }

static void on_delete(api_t *api, const peer_incoming_t *request)
{
    refuse(api, &request->from, "deletion over the api is disabled, please cancel your contract instead");
}

/* ---- asking for deployments ---- */

json_t *api_payload(const peer_incoming_t *request)
{
    return json_loadb((const char *)request->payload.data, request->payload.len,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
}

static bool contract_of(api_t *api, const peer_incoming_t *request, uint64_t *contract_id)
{
    json_t *json = api_payload(request), *id = json_object_get(json, "contract_id");
    bool is_right = json_is_integer(id) && json_integer_value(id) > 0;
    *contract_id  = (uint64_t)json_integer_value(id);
    json_decref(json);
    if (!is_right) refuse(api, &request->from, "the payload must be {\"contract_id\":number}");
    return is_right;
}

static void on_get(api_t *api, const peer_incoming_t *request)
{
    uint64_t contract_id;
    if (!contract_of(api, request, &contract_id)) return;
    json_t *json = engine_get(api->agent->engine, request->from.twin, contract_id);
    if (json)
        reply(api, &request->from, json);
    else
        refuse(api, &request->from, "deployment not found");
}

static void on_changes(api_t *api, const peer_incoming_t *request)
{
    uint64_t contract_id;
    if (!contract_of(api, request, &contract_id)) return;
    json_t *json = engine_changes(api->agent->engine, request->from.twin, contract_id);
    if (json)
        reply(api, &request->from, json);
    else
        refuse(api, &request->from, "deployment not found");
}

static void on_list(api_t *api, const peer_incoming_t *request)
{
    reply(api, &request->from, engine_list(api->agent->engine, request->from.twin));
}

/* ---- the node ---- */

static json_t *capacity_json(capacity_t c)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I}", "cru", (json_int_t)c.cru, "sru", (json_int_t)c.sru, "hru",
                     (json_int_t)c.hru, "mru", (json_int_t)c.mru, "ipv4u", (json_int_t)c.ipv4u);
}

/* Established TCP connections of the machine, as the kernel lists them. */
static uint32_t open_connections(void)
{
    uint32_t count = 0;
    char line[512], state[8];
    FILE *file = fopen("/proc/net/tcp", "re");
    while (file && fgets(line, sizeof line, file))
        count += sscanf(line, "%*s %*s %*s %7s", state) == 1 && strcmp(state, "01") == 0;
    if (file) fclose(file);
    return count;
}

static void on_statistics(api_t *api, const peer_incoming_t *request)
{
    engine_figures_t f;
    engine_figures(api->agent->engine, &f);
    reply(api, &request->from,
          json_pack("{s:o,s:o,s:o,s:{s:i,s:i,s:I},s:i}", "total", capacity_json(f.total), "used",
                    capacity_json(f.used), "system", capacity_json(f.system), "users", "deployments",
                    (int)f.deployments, "workloads", (int)f.workloads, "last_deployment_timestamp",
                    (json_int_t)f.last_deployment_s, "open_connections", (int)open_connections()));
}

static void on_version(api_t *api, const peer_incoming_t *request)
{
    reply(api, &request->from, json_pack("{s:s,s:s}", "zos", "3.0.0-trellis.0.1.0", "zinit", "v0.0.0"));
}

/* Clients build what is listed: with "zmachine" and "network" the full classes, without "wireguard" no keys.
 */
static void on_features(api_t *api, const peer_incoming_t *request)
{
    json_t *list = json_pack("[s,s,s,s,s,s]", "zmachine", "network", "zmachine-light", "network-light",
                             "zmount", "volume");
    if (api->agent->host.wireguard != HOST_WIREGUARD_NONE)
        json_array_append_new(list, json_string("wireguard"));
    if (api->agent->host.zdb_program[0] && api->agent->config->zdb_port &&
        api->agent->config->capacity.hru > 0)
        json_array_append_new(list, json_string("zdb"));
    if (api->agent->host.logs_program[0]) json_array_append_new(list, json_string("zlogs"));
    if (api->agent->host.public_link[0] || api->agent->host.is_public_routed) {
        json_array_append_new(list, json_string("ipv4"));
        json_array_append_new(list, json_string("ip"));
    }
    if (api->agent->host.gateway.is_on) {
        json_array_append_new(list, json_string("gateway-name-proxy"));
        json_array_append_new(list, json_string("gateway-fqdn-proxy"));
    }
    reply(api, &request->from, list);
}

static void on_pools(api_t *api, const peer_incoming_t *request)
{
    engine_figures_t f;
    engine_figures(api->agent->engine, &f);
    json_t *list = json_array();
    json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I}", "name", "pool", "type", "ssd", "size",
                                          (json_int_t)f.total.sru, "used", (json_int_t)f.used.sru));
    if (f.total.hru > 0)
        json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I}", "name", "hdd", "type", "hdd", "size",
                                              (json_int_t)f.total.hru, "used", (json_int_t)f.used.hru));
    reply(api, &request->from, list);
}

static void on_gpus(api_t *api, const peer_incoming_t *request)
{
    reply(api, &request->from, gpu_list("/sys", NULL));
}

static void on_has_ipv6(api_t *api, const peer_incoming_t *request)
{
    reply(api, &request->from, json_boolean(host_reaches_ipv6(&api->agent->host)));
}

static void on_public_ips(api_t *api, const peer_incoming_t *request)
{
    reply(api, &request->from, engine_public_ips(api->agent->engine));
}

/* What the farmer set for this node on the chain. */
static void on_public_config(api_t *api, const peer_incoming_t *request)
{
    const chain_node_t *node = chain_side_node(api->agent->chain);
    if (node->has_public_config)
        reply(api, &request->from,
              json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "type", "macvlan", "ipv4", node->ip4, "ipv6", node->ip6,
                        "gw4", node->gw4, "gw6", node->gw6, "domain", node->domain));
    else
        refuse(api, &request->from, "no public config found");
}

static void on_interfaces(api_t *api, const peer_incoming_t *request)
{
    struct ifaddrs *list = NULL;
    char uplink[16], text[INET_ADDRSTRLEN];
    json_t *addresses = json_array();
    snprintf(uplink, sizeof uplink, "%su", api->agent->host.prefix);
    if (getifaddrs(&list) != 0) list = NULL;
    for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET || at->ifa_flags & IFF_LOOPBACK) continue;
        if (strncmp(at->ifa_name, uplink, strlen(uplink)) == 0) continue;
        const struct sockaddr_in *address = (const struct sockaddr_in *)(const void *)at->ifa_addr;
        if (inet_ntop(AF_INET, &address->sin_addr, text, sizeof text))
            json_array_append_new(addresses, json_string(text));
    }
    if (list) freeifaddrs(list);
    reply(api, &request->from, json_pack("{s:o,s:[]}", "zos", addresses, "ygg"));
}

static void on_wg_ports(api_t *api, const peer_incoming_t *request)
{
    reply(api, &request->from, engine_wireguard_ports(api->agent->engine));
}

static void on_private_ips(api_t *api, const peer_incoming_t *request)
{
    json_t *json     = api_payload(request);
    const char *name = json_string_value(json_object_get(json, "network_name"));
    if (name)
        reply(api, &request->from, engine_private_ips(api->agent->engine, request->from.twin, name));
    else
        refuse(api, &request->from, "the payload must be {\"network_name\":text}");
    json_decref(json);
}

static void on_location(api_t *api, const peer_incoming_t *request)
{
    const config_t *c = api->agent->config;
    reply(api, &request->from,
          json_pack("{s:f,s:f,s:s,s:s,s:s,s:s}", "longitude", strtod(c->longitude, NULL), "latitude",
                    strtod(c->latitude, NULL), "continent", c->continent ? c->continent : "", "country_name",
                    c->country, "country_code", c->country_code ? c->country_code : "", "city_name",
                    c->city));
}

/* ---- commands ---- */

static const struct {
    const char *name;
    void (*answer)(api_t *api, const peer_incoming_t *request);
} commands[] = {
    {"zos.deployment.deploy",         on_deploy       },
    {"zos.deployment.update",         on_update       },
    {"zos.deployment.delete",         on_delete       },
    {"zos.deployment.get",            on_get          },
    {"zos.deployment.list",           on_list         },
    {"zos.deployment.changes",        on_changes      },
    {"zos.statistics.get",            on_statistics   },
    {"zos.system.version",            on_version      },
    {"zos.system.node_features_get",  on_features     },
    {"zos.storage.pools",             on_pools        },
    {"zos.gpu.list",                  on_gpus         },
    {"zos.network.list_wg_ports",     on_wg_ports     },
    {"zos.network.list_public_ips",   on_public_ips   },
    {"zos.network.list_private_ips",  on_private_ips  },
    {"zos.network.public_config_get", on_public_config},
    {"zos.network.interfaces",        on_interfaces   },
    {"zos.network.has_ipv6",          on_has_ipv6     },
    {"zos.location.get",              on_location     },
};

static bool api_answer_of(api_t *api, const api_command_t *list, const peer_incoming_t *request)
{
    for (; list->name; list++) {
        if (strcmp(list->name, request->command) != 0) continue;
        if (api_may(api->agent, list->right, request->from.twin))
            list->answer(api, request);
        else
            refuse(api, &request->from, "unauthorized");
        return true;
    }
    return false;
}

void api_answer(void *context, peer_t *peer, const peer_incoming_t *request)
{
    api_t *api = context;
    if (!limit_take(&api->limit, request->from.twin, io_now_ms(api->agent->io))) {
        peer_reply_error(peer, &request->from, 0, "too many requests: wait a minute");
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, request->command) != 0) continue;
        commands[i].answer(api, request);
        return;
    }
    if (!api_answer_of(api, api_node_commands, request) && !api_answer_of(api, api_debug_commands, request))
        peer_reply_error(peer, &request->from, 0, "function is not found");
}

api_t *api_new(agent_t *agent)
{
    api_t *api = calloc(1, sizeof *api);
    if (!api) return NULL;
    api->agent = agent;
    if (agent->config->kyc_url) api->kyc = web_pool_new(agent->io, agent->config->ca_file, KYC_LINES);
    if (api->kyc || !agent->config->kyc_url) return api;
    free(api);
    return NULL;
}

void api_free(api_t *api)
{
    if (!api) return;
    api->is_ending = true;
    if (api->kyc) web_pool_free(api->kyc);
    while (api->pending)
        pending_free(api->pending);
    free(api);
}
