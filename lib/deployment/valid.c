/* valid.c - the rules of a deployment that need nothing but itself. */
#include "deployment.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENV_KEY_MAX      256
#define GATEWAY_NAME_MAX 253

/* What is checked, and where the refusal is written. */
typedef struct {
    const deployment_t *deployment;
    const workload_t *workload;
    char *error;
} check_t;

static bool refuse(const check_t *c, const char *what)
{
    const char *name = c->workload ? c->workload->name : "";
    snprintf(c->error, DEPLOYMENT_ERROR_MAX + 1, "%s%s%s%s", c->workload ? "workload '" : "", name,
             c->workload ? "': " : "", what);
    return false;
}
#define MUST(condition, what)                                                                                \
    if (!(condition)) return refuse(c, what)

/* What zos checks too is refused in its words, which clients may know. */
__attribute__((format(printf, 2, 3))) static bool refuse_as_zos(const check_t *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->error, DEPLOYMENT_ERROR_MAX + 1, format, args);
    va_end(args);
    return false;
}
#define MUST_AS_ZOS(condition, ...)                                                                          \
    if (!(condition)) return refuse_as_zos(c, __VA_ARGS__)

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

static const char *name_fault(const char *name)
{
    if (name[0] == 0) return "name cannot be empty";
    if (strlen(name) > DEPLOYMENT_NAME_MAX) return "name cannot exceed 36 characters";
    if (name[strspn(name, LETTERS)] != 0) return "unsupported character in workload name";
    return strcmp(name, "ygg") == 0 ? "invalid name 'ygg' is reserved" : NULL;
}

static bool is_name(const char *name) { return !name_fault(name); }

static bool is_reserved_network(const char *name)
{
    return strcmp(name, "ygg") == 0 || strcmp(name, "pub") == 0 || strcmp(name, "mycelium") == 0;
}

/* The first `bits` bits are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++)
        if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1) return false;
    return true;
}

static bool is_wireguard_key(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    return len == 43 && text[43] == '=' && text[44] == 0;
}

/* ADDRESS:port or [ADDRESS]:port; a node asks no name server for its user. */
static bool is_endpoint(const char *text)
{
    const char *colon = strrchr(text, ':');
    bool is_v6        = text[0] == '[';
    size_t host = colon ? (size_t)(colon - text) : 0, digits = colon ? strspn(colon + 1, "0123456789") : 0;
    if (host < 2 || digits < 1 || digits > 5 || colon[1 + digits] || strtoul(colon + 1, NULL, 10) > 65535)
        return false;
    if (is_v6) return text[host - 1] == ']' && strspn(text + 1, "0123456789abcdefABCDEF:.") == host - 2;
    return strspn(text, "0123456789.") == host;
}

static bool valid_mesh(const check_t *c, const network_data_t *n)
{
    MUST(!n->private_key[0] || is_wireguard_key(n->private_key),
         "wireguard_private_key must be base64 of 32 bytes");
    for (uint32_t i = 0; i < n->peer_count; i++) {
        MUST_AS_ZOS(n->peers[i].subnet.is_given, "peer wireguard subnet cannot empty");
        MUST_AS_ZOS(n->peers[i].allowed_ip_count > 0, "peer wireguard allowedIPs cannot empty");
        MUST_AS_ZOS(n->peers[i].public_key[0], "peer wireguard public key cannot empty");
        MUST(is_wireguard_key(n->peers[i].public_key),
             "a peer's wireguard_public_key must be base64 of 32 bytes");
        MUST(!n->peers[i].endpoint[0] || is_endpoint(n->peers[i].endpoint),
             "a peer's endpoint must be ADDRESS:port");
    }
    return true;
}

static bool valid_network(const check_t *c, const network_data_t *n)
{
    MUST_AS_ZOS(n->ip_range.is_given || c->workload->kind == WORKLOAD_NETWORK_LIGHT,
                "network IP range cannot be empty");
    MUST_AS_ZOS(n->subnet.is_given, "network resource subnet cannot empty");
    if (!valid_mesh(c, n)) return false;
    MUST(!is_reserved_network(c->workload->name), "a network cannot have this name");
    MUST(!n->subnet.is_v6, "subnet must be an IPv4 network");
    MUST(n->subnet.prefix >= 16 && n->subnet.prefix <= 30, "subnet must have a prefix of 16 to 30");
    if (!n->ip_range.is_given) return true;
    MUST(!n->ip_range.is_v6 && n->ip_range.prefix >= 8 && n->ip_range.prefix <= n->subnet.prefix,
         "ip_range must be an IPv4 network that holds the subnet");
    MUST(same_bits(n->ip_range.address, n->subnet.address, n->ip_range.prefix), "subnet is not in ip_range");
    return true;
}

/* An absolute path with no part that is empty, "." or "..". */
static bool is_mountpoint(const char *path)
{
    if (path[0] != '/' || path[1] == 0 || strlen(path) > 1024) return false;
    while (*path == '/') {
        size_t len = strcspn(++path, "/");
        if (len == 0 || (len == 1 && path[0] == '.') || (len == 2 && memcmp(path, "..", 2) == 0))
            return false;
        path += len;
    }
    return true;
}

/* What the container itself has there: a disk in its place, or under it, would be a way past its rules. */
static bool is_system_path(const char *path)
{
    static const char *const system[] = {"/proc",      "/sys",         "/dev", "/etc/resolv.conf",
                                         "/etc/hosts", "/etc/hostname"};
    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        size_t len = strlen(system[i]);
        if (strncmp(path, system[i], len) == 0 && (path[len] == 0 || path[len] == '/')) return true;
    }
    return false;
}

static bool valid_mounts(const check_t *c, const machine_data_t *m)
{
    for (uint32_t i = 0; i < m->mount_count; i++) {
        const workload_t *disk = deployment_workload(c->deployment, m->mounts[i].name);
        MUST(disk && (workload_is_disk(disk) || disk->kind == WORKLOAD_QSFS),
             "a mount names no disk of this deployment");
        MUST(is_mountpoint(m->mounts[i].mountpoint), "a mountpoint is not an absolute path below /");
        MUST(!is_system_path(m->mounts[i].mountpoint),
             "a mountpoint is in /proc, /sys, /dev, or a file that the node writes");
        for (uint32_t j = 0; j < i; j++)
            MUST(strcmp(m->mounts[i].mountpoint, m->mounts[j].mountpoint) != 0, "a mountpoint is used twice");
    }
    return true;
}

static bool valid_env(const check_t *c, const machine_data_t *m)
{
    for (uint32_t i = 0; i < m->env_count; i++) {
        size_t len = strlen(m->env[i].key);
        MUST(len > 0 && len <= ENV_KEY_MAX && !strchr(m->env[i].key, '='),
             "env has a key that cannot be one");
    }
    return true;
}

/* A public address is a workload of this deployment, and no other machine's. */
static bool valid_public_ip(const check_t *c, const machine_data_t *m)
{
    if (m->public_ip[0] == 0) return true;
    const workload_t *ip = deployment_workload(c->deployment, m->public_ip);
    MUST_AS_ZOS(ip, "public ip is not found");
    MUST(ip->kind == WORKLOAD_IP || ip->kind == WORKLOAD_IPV4, "public_ip names no ip workload");
    for (uint32_t i = 0; i < c->deployment->workload_count; i++) {
        const workload_t *other = &c->deployment->workloads[i];
        if (other == c->workload || other->kind != WORKLOAD_ZMACHINE) continue;
        MUST_AS_ZOS(strcmp(other->machine.public_ip, m->public_ip) != 0,
                    "public ip is assigned to multiple vms");
    }
    return true;
}

static bool valid_machine(const check_t *c, const machine_data_t *m)
{
    machine_port_t ports[DEPLOYMENT_PORTS_CAP];
    uint32_t port_count;
    MUST(m->flist[0] != 0, "flist is missing");
    MUST_AS_ZOS(m->interface_count == 1, "only one network private network is supported at the moment");
    MUST_AS_ZOS(m->interfaces[0].ip.is_given, "invalid IP");
    MUST(!m->interfaces[0].ip.is_v6, "interface: ip must be an IPv4 address");
    MUST_AS_ZOS(m->cpu >= 1, "cpu capacity can't be 0");
    MUST_AS_ZOS(m->memory >= DEPLOYMENT_MEMORY_MIN, "mem capacity can't be less that 250M");
    MUST_AS_ZOS(!is_reserved_network(m->interfaces[0].network), "'%s' is reserved network name",
                m->interfaces[0].network);
    MUST(is_name(m->interfaces[0].network), "interface: not a network's name");
    return valid_mounts(c, m) && valid_env(c, m) && valid_public_ip(c, m) &&
           workload_ports(c->workload, ports, &port_count, c->error);
}

/* Reads the IP address at the start of text, in brackets when it is IPv6; the bytes taken, or 0 when there is
   none that another machine could have. */
static size_t backend_host(const char *text, gateway_backend_t *backend)
{
    bool is_v6 = text[0] == '[';
    size_t len = strspn(text + is_v6, is_v6 ? "0123456789abcdefABCDEF:." : "0123456789.");
    if (len == 0 || len >= sizeof backend->address || (is_v6 && text[1 + len] != ']')) return 0;
    *backend = (gateway_backend_t){.is_v6 = is_v6, .port = 80};
    memcpy(backend->address, text + is_v6, len);
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, backend->address, backend->ip) != 1) return 0;
    if (!is_v6) return backend->ip[0] == 127 || backend->ip[0] == 0 ? 0 : len;
    struct in6_addr ip;
    memcpy(&ip, backend->ip, sizeof ip);
    bool is_ours = IN6_IS_ADDR_LOOPBACK(&ip) || IN6_IS_ADDR_UNSPECIFIED(&ip) || IN6_IS_ADDR_V4MAPPED(&ip);
    return is_ours ? 0 : len + 2;
}

bool gateway_backend(const gateway_data_t *gateway, uint32_t index, gateway_backend_t *backend)
{
    const char *text = gateway->backends[index];
    if (!gateway->is_tls_passthrough) {
        if (strncmp(text, "http://", 7) != 0) return false;
        text += 7;
    }
    size_t host_len = backend_host(text, backend);
    if (host_len == 0) return false;
    text += host_len;
    if (text[0] == 0) return !gateway->is_tls_passthrough;
    size_t digits = strspn(text + 1, "0123456789");
    if (text[0] != ':' || digits < 1 || digits > 5 || text[1 + digits] != 0) return false;
    unsigned long port = strtoul(text + 1, NULL, 10);
    backend->port      = (uint16_t)port;
    return port >= 1 && port <= 65535;
}

/* At least two labels between single dots; the last has two letters or more. */
static bool is_fqdn(const char *text)
{
    size_t labels = 0, len = 0;
    for (const char *at = text; *at; at += len + (at[len] == '.')) {
        len = strspn(at, LETTERS "-");
        labels++;
        if (len == 0 || (at[len] != 0 && at[len] != '.') || (at[len] == '.' && at[len + 1] == 0))
            return false;
    }
    return labels >= 2 && len >= 2 && strlen(text) <= GATEWAY_NAME_MAX;
}

static bool valid_gateway(const check_t *c, const gateway_data_t *g)
{
    if (c->workload->kind == WORKLOAD_GATEWAY_FQDN) {
        MUST_AS_ZOS(is_fqdn(g->name), "fqdn %s is invalid", g->name);
    } else {
        size_t len = strspn(g->name, LETTERS "-");
        MUST_AS_ZOS(len >= 1 && len <= GATEWAY_NAME_MAX && g->name[len] == 0, "name %s is invalid", g->name);
    }
    MUST_AS_ZOS(g->backend_count >= 1, "backends list can not be empty");
    for (uint32_t i = 0; i < g->backend_count; i++) {
        gateway_backend_t backend;
        MUST_AS_ZOS(gateway_backend(g, i, &backend), "failed to validate backend '%s': %s", g->backends[i],
                    g->is_tls_passthrough ? "it must be IP:port, of another machine"
                                          : "it must be http://IP or http://IP:port, of another machine");
    }
    return true;
}

static bool valid_zlogs(const check_t *c)
{
    const workload_t *machine = deployment_workload(c->deployment, c->workload->zlogs.machine);
    const char *output        = c->workload->zlogs.output;
    MUST_AS_ZOS(machine && workload_is_machine(machine), "no zmachine with name '%s' found",
                c->workload->zlogs.machine);
    MUST_AS_ZOS(strncmp(output, "redis://", 8) == 0 || strncmp(output, "ws://", 5) == 0 ||
                    strncmp(output, "wss://", 6) == 0 || strncmp(output, "tcp://", 6) == 0 ||
                    strncmp(output, "udp://", 6) == 0,
                "invalid output schema '%.*s' not supported", (int)strcspn(output, ":"), output);
    return true;
}

static bool valid_data(const check_t *c)
{
    const workload_t *w = c->workload;
    switch (w->kind) {
    case WORKLOAD_ZMOUNT:
    case WORKLOAD_VOLUME: MUST_AS_ZOS(w->size > 0, "invalid size"); return true;
    case WORKLOAD_NETWORK:
    case WORKLOAD_NETWORK_LIGHT: return valid_network(c, &w->network);
    case WORKLOAD_ZMACHINE:
    case WORKLOAD_ZMACHINE_LIGHT: return valid_machine(c, &w->machine);
    case WORKLOAD_IP: MUST_AS_ZOS(w->ip.v4 || w->ip.v6, "public ip workload with no selections"); return true;
    case WORKLOAD_ZDB:
        MUST_AS_ZOS(w->zdb.size > 0, "invalid size");
        MUST_AS_ZOS(strcmp(w->zdb.mode, "user") == 0 || strcmp(w->zdb.mode, "seq") == 0, "invalid mode");
        return true;
    case WORKLOAD_GATEWAY_NAME:
    case WORKLOAD_GATEWAY_FQDN: return valid_gateway(c, &w->gateway);
    case WORKLOAD_ZLOGS: return valid_zlogs(c);
    case WORKLOAD_QSFS:
        MUST_AS_ZOS(w->qsfs.minimal_shards <= w->qsfs.expected_shards,
                    "minimal shards can't be greater than expected shards");
        MUST(w->qsfs.cache >= UINT64_C(250) << 20, "cache must be at least 250 MiB");
        return true;
    case WORKLOAD_IPV4:
    case WORKLOAD_KIND_COUNT: return true;
    }
    return true;
}

bool deployment_valid(const deployment_t *deployment, char error[DEPLOYMENT_ERROR_MAX + 1])
{
    check_t check = {deployment, NULL, error}, *c = &check;
    MUST(deployment->twin_id != 0, "twin_id is missing");
    MUST(deployment->contract_id != 0, "contract_id is missing");
    MUST(deployment->workload_count >= 1, "the deployment has no workloads");
    for (uint32_t i = 0; i < deployment->workload_count; i++) {
        const workload_t *w = &deployment->workloads[i];
        const char *fault   = name_fault(w->name);
        c->workload         = w;
        MUST_AS_ZOS(w->version <= deployment->version,
                    "workload '%s' version '%u' cannot be higher than deployment version '%u'", w->name,
                    w->version, deployment->version);
        MUST_AS_ZOS(!fault, "name '%s' is invalid: %s", w->name, fault);
        MUST_AS_ZOS(deployment_workload(deployment, w->name) == w,
                    "multiple workloads with the same name '%s'", w->name);
        if (!valid_data(c)) return false;
    }
    return true;
}

/* ---- published ports ---- */

static bool read_port(const json_t *entry, const char *key, uint16_t *port)
{
    const json_t *value = json_object_get(entry, key);
    json_int_t number   = json_integer_value(value);
    *port               = (uint16_t)number;
    return json_is_integer(value) && number >= 1 && number <= UINT16_MAX;
}

static bool read_entry(const json_t *entry, machine_port_t *port)
{
    const char *proto = json_string_value(json_object_get(entry, "proto"));
    if (!proto || (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0)) return false;
    port->is_udp = proto[0] == 'u';
    return read_port(entry, "host", &port->host) && read_port(entry, "guest", &port->guest);
}

bool workload_ports(const workload_t *workload, machine_port_t ports[DEPLOYMENT_PORTS_CAP], uint32_t *count,
                    char error[DEPLOYMENT_ERROR_MAX + 1])
{
    check_t check = {NULL, workload, error};
    json_t *root = json_loads(workload->metadata, 0, NULL), *list = json_object_get(root, "ports");
    bool is_right = !list || (json_is_array(list) && json_array_size(list) <= DEPLOYMENT_PORTS_CAP);
    *count        = 0;
    for (size_t i = 0; is_right && i < json_array_size(list); i++) {
        machine_port_t *port = &ports[*count];
        is_right             = read_entry(json_array_get(list, i), port);
        for (uint32_t j = 0; is_right && j < *count; j++)
            is_right = ports[j].host != port->host || ports[j].is_udp != port->is_udp;
        *count += 1;
    }
    json_decref(root);
    if (is_right) return true;
    *count = 0;
    return refuse(&check, "metadata: ports must be a list of {\"proto\":\"tcp\"|\"udp\",\"host\":1-65535,"
                          "\"guest\":1-65535}, each host port once");
}
