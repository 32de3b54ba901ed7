/* api_node.c - what the bus may ask of the machine itself, and what the farmer may set. */
#include "api_internal.h"
#include "dmi.h"
#include "log.h"
#include "perf.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DMI_FOLDER "/sys/firmware/dmi/tables"

bool api_may(const agent_t *agent, api_right_t right, uint32_t twin_id)
{
    const chain_node_t *node = agent->chain ? chain_side_node(agent->chain) : NULL;
    if (right == FOR_ALL) return true;
    if (node && node->is_known && node->farmer_twin == twin_id) return true;
    for (const char *at = right == FOR_ADMINS ? agent->config->admin_twins : NULL; at && *at;) {
        char *end;
        if (strtoul(at, &end, 10) == twin_id && end != at) return true;
        at = strchr(at, ',');
        if (at) at++;
    }
    return false;
}

/* ---- zos.system ---- */

static void on_dmi(api_t *api, const peer_incoming_t *request)
{
    json_t *json = dmi_json(DMI_FOLDER);
    if (json)
        api_reply(api, &request->from, json);
    else
        api_refuse(api, &request->from, "this machine has no DMI tables");
}

static void on_hypervisor(api_t *api, const peer_incoming_t *request)
{
    api_reply(api, &request->from, json_string(dmi_hypervisor()));
}

/* A module as zos has them: what works in it, or what is wrong. */
static void add_module(json_t *modules, const char *name, bool is_busy, const char *error)
{
    json_object_set_new(modules, name,
                        error ? json_pack("{s:s}", "error", error)
                              : json_pack("{s:{s:[],s:[{s:s}]}}", "status", "objects", "workers", "state",
                                          is_busy ? "busy" : "free"));
}

static void on_diagnostics(api_t *api, const peer_incoming_t *request)
{
    const agent_t *agent = api->agent;
    chain_figures_t chain;
    json_t *modules = json_object();
    chain_side_figures(agent->chain, &chain);
    bool has_chain = chain.is_connected, has_bus = peer_is_connected(agent->peer);
    add_module(modules, "chain", chain.outbox > 0, has_chain ? NULL : "the chain is not reached");
    add_module(modules, "bus", false, has_bus ? NULL : "no relay is reached");
    add_module(modules, "provision", engine_is_busy(agent->engine), NULL);
    add_module(modules, "storage", false, NULL);
    add_module(modules, "network", false, NULL);
    if (agent->host.gateway.is_on)
        add_module(modules, "gateway", false,
                   engine_has_gateway(agent->engine) && !gateway_is_up(&agent->host) ? "haproxy does not run"
                                                                                     : NULL);
    bool is_ok = has_chain && has_bus;
    api_reply(api, &request->from,
              json_pack("{s:b,s:o,s:b}", "system_status_ok", is_ok, "modules", modules, "healthy",
                        is_ok && perf_is_healthy(agent->db)));
}

/* ---- zos.perf ---- */

/* Go takes a key in any case. */
static const char *text_of_any_case(const json_t *object, const char *wanted)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key,
                        value) if (strcasecmp(key, wanted) == 0) return json_string_value(value);
    return NULL;
}

static void on_perf_get(api_t *api, const peer_incoming_t *request)
{
    json_t *payload  = api_payload(request);
    const char *name = text_of_any_case(payload, "name");
    json_t *result   = name ? perf_get(api->agent->db, name) : NULL;
    if (result)
        api_reply(api, &request->from, result);
    else
        api_refuse(api, &request->from,
                   name ? "result not found" : "failed to unmarshal payload: it must be {\"name\":text}");
    json_decref(payload);
}

static void on_perf_all(api_t *api, const peer_incoming_t *request)
{
    api_reply(api, &request->from, perf_all(api->agent->db));
}

/* ---- zos.admin ---- */

static bool is_ours(const agent_t *agent, const char *name)
{
    char uplink[16];
    snprintf(uplink, sizeof uplink, "%su", agent->host.prefix);
    return strncmp(name, uplink, strlen(uplink)) == 0;
}

static void add_address(json_t *ips, const struct ifaddrs *at)
{
    char text[INET6_ADDRSTRLEN];
    const struct sockaddr *address = at->ifa_addr, *mask = at->ifa_netmask;
    bool is_v6        = address->sa_family == AF_INET6;
    const void *plain = is_v6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
                              : (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    const uint8_t *bits = is_v6
                              ? (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr
                              : (const uint8_t *)&((const struct sockaddr_in *)(const void *)mask)->sin_addr;
    int prefix          = 0;
    for (int i = 0; i < (is_v6 ? 16 : 4); i++)
        prefix += __builtin_popcount(bits[i]);
    if (inet_ntop(address->sa_family, plain, text, sizeof text))
        json_array_append_new(ips, json_sprintf("%s/%d", text, prefix));
}

static json_t *interface_json(const char *name)
{
    char path[128], mac[32] = "";
    snprintf(path, sizeof path, "/sys/class/net/%.32s/address", name);
    if (file_read(path, mac, sizeof mac)) mac[strcspn(mac, "\n")] = 0;
    return json_pack("{s:[],s:s}", "ips", "mac", mac);
}

static void on_interfaces(api_t *api, const peer_incoming_t *request)
{
    struct ifaddrs *list = NULL;
    json_t *all          = json_object();
    if (getifaddrs(&list) != 0) list = NULL;
    for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
        if (at->ifa_flags & IFF_LOOPBACK || is_ours(api->agent, at->ifa_name)) continue;
        if (!json_object_get(all, at->ifa_name))
            json_object_set_new(all, at->ifa_name, interface_json(at->ifa_name));
        if (at->ifa_addr && at->ifa_netmask &&
            (at->ifa_addr->sa_family == AF_INET || at->ifa_addr->sa_family == AF_INET6))
            add_address(json_object_get(json_object_get(all, at->ifa_name), "ips"), at);
    }
    if (list) freeifaddrs(list);
    api_reply(api, &request->from, all);
}

static void on_get_nic(api_t *api, const peer_incoming_t *request)
{
    const char *link = api->agent->host.public_link;
    api_reply(api, &request->from,
              json_pack("{s:b,s:b,s:s}", "is_single", link[0] == 0, "is_dual", link[0] != 0, "dual_interface",
                        link));
}

/* Older clients ask the node; the chain is where it is kept. */
static void on_set_public_config(api_t *api, const peer_incoming_t *request)
{
    api_refuse(api, &request->from, "the public config is set on the chain: add_node_public_config");
}

/* Takes effect when the agent starts again: what has an address now keeps it until then. */
static void on_set_nic(api_t *api, const peer_incoming_t *request)
{
    json_t *payload  = api_payload(request);
    const char *name = json_string_value(payload);
    const char *why  = NULL;
    bool is_plain    = name && name[0] && strlen(name) < IFNAMSIZ && !strchr(name, '/');
    if (!is_plain)
        why = "failed to decode input, expecting string";
    else if (strcmp(name, "zos") != 0 && (if_nametoindex(name) == 0 || is_ours(api->agent, name)))
        why = "there is no such interface on this node";
    else if (!db_note(api->agent->db, AGENT_NOTE_NIC, strcmp(name, "zos") == 0 ? "" : name))
        why = "this node cannot keep it now";
    if (why)
        api_refuse(api, &request->from, why);
    else
        api_reply(api, &request->from, json_null());
    if (!why)
        log_info(LOG_MAIN, "the farmer set the public interface", LOG_TEXT("link", name),
                 LOG_U64("twin", request->from.twin));
    json_decref(payload);
}

/* The farmer's commands have two spellings: the clients' in Go, and the node's own. */
const api_command_t api_node_commands[] = {
    {"zos.system.dmi",                   FOR_ALL,    on_dmi              },
    {"zos.system.hypervisor",            FOR_ALL,    on_hypervisor       },
    {"zos.system.diagnostics",           FOR_ALL,    on_diagnostics      },
    {"zos.perf.get",                     FOR_ALL,    on_perf_get         },
    {"zos.perf.get_all",                 FOR_ALL,    on_perf_all         },
    {"zos.admin.interfaces",             FOR_FARMER, on_interfaces       },
    {"zos.admin.get_public_nic",         FOR_FARMER, on_get_nic          },
    {"zos.admin.set_public_nic",         FOR_FARMER, on_set_nic          },
    {"zos.network.admin.interfaces",     FOR_FARMER, on_interfaces       },
    {"zos.network.admin.get_public_nic", FOR_FARMER, on_get_nic          },
    {"zos.network.admin.set_public_nic", FOR_FARMER, on_set_nic          },
    {"zos.network.public_config_set",    FOR_FARMER, on_set_public_config},
    {NULL,                               FOR_ALL,    NULL                },
};
