/* parse_data.c - the data of each kind of workload. */
#include "parse.h"

#include <stdlib.h>
#include <string.h>

static void parse_networks(parser_t *p, const json_t *object, const char *key, const deployment_ip_t **out,
                           uint32_t *count)
{
    const char *const *texts  = parse_texts(p, object, key, count);
    deployment_ip_t *networks = parse_take(p, *count, sizeof *networks);
    if (!networks) *count = 0;
    for (uint32_t i = 0; i < *count; i++)
        parse_network(p, key, texts[i], &networks[i]);
    *out = networks;
}

static void parse_peers(parser_t *p, const json_t *data, network_data_t *network)
{
    const json_t *list    = parse_list(p, data, "peers", &network->peer_count);
    network_peer_t *peers = parse_take(p, network->peer_count, sizeof *peers);
    if (!peers) network->peer_count = 0;
    for (uint32_t i = 0; i < network->peer_count; i++) {
        const json_t *peer = json_array_get(list, i);
        if (!json_is_object(peer)) parse_fail(p, "peers", "holds what is not an object");
        parse_network(p, "peers.subnet", parse_text(p, peer, "subnet"), &peers[i].subnet);
        peers[i].public_key = parse_text(p, peer, "wireguard_public_key");
        peers[i].endpoint   = parse_text(p, peer, "endpoint");
        parse_networks(p, peer, "allowed_ips", &peers[i].allowed_ips, &peers[i].allowed_ip_count);
    }
    network->peers = peers;
}

static void parse_network_data(parser_t *p, const json_t *data, network_data_t *network)
{
    parse_network(p, "ip_range", parse_text(p, data, "ip_range"), &network->ip_range);
    parse_network(p, "subnet", parse_text(p, data, "subnet"), &network->subnet);
    network->private_key = parse_text(p, data, "wireguard_private_key");
    network->listen_port = (uint16_t)parse_number(p, data, "wireguard_listen_port", UINT16_MAX);
    parse_peers(p, data, network);

    const json_t *mycelium  = parse_object(p, data, "mycelium");
    network->has_mycelium   = mycelium != NULL;
    network->mycelium_key   = parse_text(p, mycelium, "hex_key");
    network->mycelium_peers = parse_texts(p, mycelium, "peers", &network->mycelium_peer_count);
}

static void parse_interfaces(parser_t *p, const json_t *network, machine_data_t *machine)
{
    const json_t *list              = parse_list(p, network, "interfaces", &machine->interface_count);
    machine_interface_t *interfaces = parse_take(p, machine->interface_count, sizeof *interfaces);
    if (!interfaces) machine->interface_count = 0;
    for (uint32_t i = 0; i < machine->interface_count; i++) {
        const json_t *interface = json_array_get(list, i);
        if (!json_is_object(interface)) parse_fail(p, "interfaces", "holds what is not an object");
        interfaces[i].network = parse_text(p, interface, "network");
        parse_ip(p, "interfaces.ip", parse_text(p, interface, "ip"), &interfaces[i].ip);
    }
    machine->interfaces = interfaces;
}

static void parse_mounts(parser_t *p, const json_t *data, machine_data_t *machine)
{
    const json_t *list      = parse_list(p, data, "mounts", &machine->mount_count);
    machine_mount_t *mounts = parse_take(p, machine->mount_count, sizeof *mounts);
    if (!mounts) machine->mount_count = 0;
    for (uint32_t i = 0; i < machine->mount_count; i++) {
        const json_t *mount = json_array_get(list, i);
        if (!json_is_object(mount)) parse_fail(p, "mounts", "holds what is not an object");
        mounts[i].name       = parse_text(p, mount, "name");
        mounts[i].mountpoint = parse_text(p, mount, "mountpoint");
    }
    machine->mounts = mounts;
}

static int env_order(const void *a, const void *b)
{
    return strcmp(((const machine_env_t *)a)->key, ((const machine_env_t *)b)->key);
}

static void parse_env(parser_t *p, const json_t *data, machine_data_t *machine)
{
    const json_t *object = parse_object(p, data, "env");
    size_t count         = json_object_size(object);
    if (count > DEPLOYMENT_LIST_CAP) {
        parse_fail(p, "env", "has too many entries");
        return;
    }
    machine_env_t *env = parse_take(p, count, sizeof *env);
    if (!env) return;
    const char *key;
    json_t *value, *pairs;
    memcpy(&pairs, &object, sizeof pairs); /* json_object_foreach asks for one that may change */
    json_object_foreach(pairs, key, value)
    {
        const char *text = json_string_value(value);
        if (!text || json_string_length(value) > DEPLOYMENT_TEXT_MAX)
            parse_fail(p, "env", "holds what is not a text, or too long");
        env[machine->env_count++] = (machine_env_t){key, text ? text : ""};
    }
    qsort(env, machine->env_count, sizeof *env, env_order);
    machine->env = env;
}

static void parse_machine(parser_t *p, const json_t *data, machine_data_t *machine)
{
    machine->flist            = parse_text(p, data, "flist");
    const json_t *network     = parse_object(p, data, "network");
    machine->public_ip        = parse_text(p, network, "public_ip");
    machine->is_planetary     = parse_flag(p, network, "planetary");
    const json_t *mycelium    = parse_object(p, network, "mycelium");
    machine->has_mycelium     = mycelium != NULL;
    machine->mycelium_network = parse_text(p, mycelium, "network");
    machine->mycelium_seed    = parse_text(p, mycelium, "hex_seed");
    parse_interfaces(p, network, machine);

    const json_t *compute = parse_object(p, data, "compute_capacity");
    machine->size         = parse_number(p, data, "size", DEPLOYMENT_SIZE_MAX);
    machine->cpu          = (uint8_t)parse_number(p, compute, "cpu", DEPLOYMENT_CPU_MAX);
    machine->memory       = parse_number(p, compute, "memory", DEPLOYMENT_SIZE_MAX);
    parse_mounts(p, data, machine);
    machine->entrypoint = parse_text(p, data, "entrypoint");
    parse_env(p, data, machine);
    machine->is_corex = parse_flag(p, data, "corex");
    machine->gpus     = parse_texts(p, data, "gpu", &machine->gpu_count);
}

static void parse_gateway(parser_t *p, const json_t *data, const char *name, gateway_data_t *gateway)
{
    gateway->name               = parse_text(p, data, name);
    gateway->is_tls_passthrough = parse_flag(p, data, "tls_passthrough");
    gateway->backends           = parse_texts(p, data, "backends", &gateway->backend_count);
    gateway->network            = parse_text(p, data, "network");
}

static void parse_zdb(parser_t *p, const json_t *data, zdb_data_t *zdb)
{
    zdb->size      = parse_number(p, data, "size", DEPLOYMENT_SIZE_MAX);
    zdb->mode      = parse_text(p, data, "mode");
    zdb->password  = parse_text(p, data, "password");
    zdb->is_public = parse_flag(p, data, "public");
}

static void parse_backends(parser_t *p, const json_t *object, qsfs_group_t *group)
{
    const json_t *list       = parse_list(p, object, "backends", &group->backend_count);
    qsfs_backend_t *backends = parse_take(p, group->backend_count, sizeof *backends);
    if (!backends) group->backend_count = 0;
    for (uint32_t i = 0; i < group->backend_count; i++) {
        const json_t *backend = json_array_get(list, i);
        if (!json_is_object(backend)) parse_fail(p, "backends", "holds what is not an object");
        backends[i].address  = parse_text(p, backend, "address");
        backends[i].space    = parse_text(p, backend, "namespace");
        backends[i].password = parse_text(p, backend, "password");
    }
    group->backends = backends;
}

static void parse_qsfs_meta(parser_t *p, const json_t *config, qsfs_data_t *qsfs)
{
    const json_t *meta        = parse_object(p, config, "meta");
    qsfs->meta_type           = parse_text(p, meta, "type");
    const json_t *meta_config = parse_object(p, meta, "config");
    qsfs->meta_prefix         = parse_text(p, meta_config, "prefix");
    const json_t *encryption  = parse_object(p, meta_config, "encryption");
    qsfs->meta_algorithm      = parse_text(p, encryption, "algorithm");
    qsfs->meta_key            = parse_text(p, encryption, "key");
    parse_backends(p, meta_config, &qsfs->meta);
}

static void parse_qsfs(parser_t *p, const json_t *data, qsfs_data_t *qsfs)
{
    const json_t *config     = parse_object(p, data, "config");
    qsfs->cache              = parse_number(p, data, "cache", DEPLOYMENT_SIZE_MAX);
    qsfs->minimal_shards     = (uint32_t)parse_number(p, config, "minimal_shards", UINT32_MAX);
    qsfs->expected_shards    = (uint32_t)parse_number(p, config, "expected_shards", UINT32_MAX);
    qsfs->redundant_groups   = (uint32_t)parse_number(p, config, "redundant_groups", UINT32_MAX);
    qsfs->redundant_nodes    = (uint32_t)parse_number(p, config, "redundant_nodes", UINT32_MAX);
    qsfs->max_data_dir_size  = (uint32_t)parse_number(p, config, "max_zdb_data_dir_size", UINT32_MAX);
    const json_t *encryption = parse_object(p, config, "encryption");
    qsfs->algorithm          = parse_text(p, encryption, "algorithm");
    qsfs->key                = parse_text(p, encryption, "key");
    parse_qsfs_meta(p, config, qsfs);

    const json_t *list   = parse_list(p, config, "groups", &qsfs->group_count);
    qsfs_group_t *groups = parse_take(p, qsfs->group_count, sizeof *groups);
    if (!groups) qsfs->group_count = 0;
    for (uint32_t i = 0; i < qsfs->group_count; i++) {
        if (!json_is_object(json_array_get(list, i))) parse_fail(p, "groups", "holds what is not an object");
        parse_backends(p, json_array_get(list, i), &groups[i]);
    }
    qsfs->groups      = groups;
    qsfs->compression = parse_text(p, parse_object(p, config, "compression"), "algorithm");
}

void parse_data(parser_t *p, const json_t *data, workload_t *workload)
{
    switch (workload->kind) {
    case WORKLOAD_ZMOUNT:
    case WORKLOAD_VOLUME: workload->size = parse_number(p, data, "size", DEPLOYMENT_SIZE_MAX); return;
    case WORKLOAD_QSFS: parse_qsfs(p, data, &workload->qsfs); return;
    case WORKLOAD_NETWORK:
    case WORKLOAD_NETWORK_LIGHT: parse_network_data(p, data, &workload->network); return;
    case WORKLOAD_IPV4: return;
    case WORKLOAD_IP:
        workload->ip.v4 = parse_flag(p, data, "v4");
        workload->ip.v6 = parse_flag(p, data, "v6");
        return;
    case WORKLOAD_ZMACHINE:
    case WORKLOAD_ZMACHINE_LIGHT: parse_machine(p, data, &workload->machine); return;
    case WORKLOAD_ZLOGS:
        workload->zlogs.machine = parse_text(p, data, "zmachine");
        workload->zlogs.output  = parse_text(p, data, "output");
        return;
    case WORKLOAD_ZDB: parse_zdb(p, data, &workload->zdb); return;
    case WORKLOAD_GATEWAY_NAME: parse_gateway(p, data, "name", &workload->gateway); return;
    case WORKLOAD_GATEWAY_FQDN: parse_gateway(p, data, "fqdn", &workload->gateway); return;
    case WORKLOAD_KIND_COUNT: return;
    }
}
