/* engine_plan.c - what a workload needs, looked up among all others. */
#include "engine_internal.h"
#include "image.h"
#include "vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER_BASE    100000
#define USER_RANGE   65536
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

uint32_t plan_user_ids(const entry_t *entry) { return USER_BASE + (entry->owner_index - 1) * USER_RANGE; }

uint32_t plan_owner(const engine_t *engine, const entry_t *entry)
{
    return engine->config.has_user_spaces ? plan_user_ids(entry) : 0;
}

bool plan_is_run(const workload_t *w)
{
    return workload_is_machine(w) || w->kind == WORKLOAD_ZDB || w->kind == WORKLOAD_ZLOGS;
}

void plan_disk_name(const record_t *record, char name[40]) { snprintf(name, 40, "vol-%s", record->wid); }

bool plan_is_going(const record_t *record)
{
    return record->is_removed || record->entry->desired == DESIRED_DELETED;
}

/* ---- networks ---- */

static const char *network_name(const record_t *machine)
{
    return machine->workload->machine.interfaces[0].network;
}

record_t *plan_network_named(const engine_t *engine, uint32_t twin_id, const char *name)
{
    for (const entry_t *entry = engine->entries; entry; entry = entry->next) {
        if (entry->twin_id != twin_id) continue;
        record_t *record = record_find(entry, name);
        if (record && workload_is_network(record->workload) && !plan_is_going(record) &&
            record->state != WORKLOAD_DELETED)
            return record;
    }
    return NULL;
}

record_t *plan_network_of(const engine_t *engine, const record_t *machine)
{
    return plan_network_named(engine, machine->entry->twin_id, network_name(machine));
}

static bool is_guest(const record_t *record, const record_t *network, scope_t scope)
{
    if (!workload_is_machine(record->workload) || record == scope.without) return false;
    if (strcmp(network_name(record), network->workload->name) != 0) return false;
    if (record == scope.with) return true;
    return record->is_made && !plan_is_going(record) && record_is_active(record); /* it may run */
}

bool plan_is_paused(const record_t *record, scope_t scope)
{
    if (record == scope.with) return scope.is_with_paused;
    if (record->gate == GATE_OPEN) return false; /* even if it is not resumed yet */
    return record->gate == GATE_CUT || record->state == WORKLOAD_PAUSED ||
           (record->state == WORKLOAD_INIT && record->entry->desired == DESIRED_PAUSED);
}

static bool add_guest(network_plan_t *plan, const record_t *record, bool is_paused)
{
    char error[DEPLOYMENT_ERROR_MAX + 1];
    guest_plan_t *more = realloc(plan->guests, (plan->guest_count + 1) * sizeof *more);
    if (!more) return false;
    plan->guests        = more;
    guest_plan_t *guest = &more[plan->guest_count++];
    *guest              = (guest_plan_t){.is_paused = is_paused};
    memcpy(guest->wid, record->wid, sizeof guest->wid);
    memcpy(guest->ip, record->workload->machine.interfaces[0].ip.address, 4);
    network_ip6(plan, guest->ip, guest->ip6);
    if (record->link == LINK_VM) vm_mac(record->wid, guest->mac);
    plan_public(record, &guest->public_ip);
    return workload_ports(record->workload, guest->ports, &guest->port_count, error);
}

bool plan_network(const engine_t *engine, const record_t *network, scope_t scope, network_plan_t *plan)
{
    const network_data_t *data = &network->workload->network;
    *plan                      = (network_plan_t){.index = network->link - 1, .prefix = data->subnet.prefix};
    plan_network_id(network->entry->twin_id, network->workload->name, plan->id);
    memcpy(plan->subnet, data->subnet.address, 4);
    engine_subnet6(network->entry->twin_id, network->workload->name, plan);
    for (const entry_t *entry = engine->entries; entry; entry = entry->next) {
        if (entry->twin_id != network->entry->twin_id) continue;
        for (const record_t *record = entry->records; record; record = record->next) {
            if (!is_guest(record, network, scope)) continue;
            if (!add_guest(plan, record, plan_is_paused(record, scope))) return false;
        }
    }
    return plan_forwards(engine, network, scope, plan) && plan_wireguard(engine, data, &plan->wireguard);
}

bool plan_firewall(const engine_t *engine, scope_t scope, firewall_plan_t *plan)
{
    *plan = (firewall_plan_t){0};
    for (const entry_t *entry = engine->entries; entry; entry = entry->next) {
        for (const record_t *record = entry->records; record; record = record->next) {
            bool is_zdb = record->workload->kind == WORKLOAD_ZDB;
            if ((!is_zdb && !workload_is_network(record->workload)) || record->link == 0) continue;
            if (!record->is_made && !(is_zdb && record == scope.with)) continue;
            if (record == scope.without || record->state == WORKLOAD_ERROR) continue;
            if (is_zdb && record->gate == GATE_CLOSED && record != scope.with) continue; /* it is going */
            network_plan_t *more = realloc(plan->networks, (plan->network_count + 1) * sizeof *more);
            if (!more) return false;
            plan->networks      = more;
            network_plan_t *one = &more[plan->network_count++];
            if (is_zdb ? !plan_zdb_network(engine, record, scope, one)
                       : !plan_network(engine, record, scope, one))
                return false;
        }
    }
    return true;
}

/* ---- ports and addresses ---- */

/* Two that publish the same port of the host. */
static bool share_port(const record_t *a, const record_t *b)
{
    machine_port_t mine[DEPLOYMENT_PORTS_CAP], other[DEPLOYMENT_PORTS_CAP];
    uint32_t mine_count, other_count;
    char error[DEPLOYMENT_ERROR_MAX + 1];
    if (!workload_ports(a->workload, mine, &mine_count, error) ||
        !workload_ports(b->workload, other, &other_count, error))
        return false;
    for (uint32_t i = 0; i < mine_count; i++)
        for (uint32_t j = 0; j < other_count; j++)
            if (mine[i].host == other[j].host && mine[i].is_udp == other[j].is_udp) return true;
    return false;
}

static bool share_address(const record_t *a, const record_t *b)
{
    const machine_interface_t *x = a->workload->machine.interfaces, *y = b->workload->machine.interfaces;
    return a->entry->twin_id == b->entry->twin_id && strcmp(x->network, y->network) == 0 &&
           memcmp(x->ip.address, y->ip.address, 4) == 0;
}

/* Does a machine publish the UDP port of a network? */
static bool publishes(const record_t *machine, uint16_t port)
{
    machine_port_t ports[DEPLOYMENT_PORTS_CAP];
    uint32_t count;
    char error[DEPLOYMENT_ERROR_MAX + 1];
    if (!workload_ports(machine->workload, ports, &count, error)) return false;
    for (uint32_t i = 0; i < count; i++)
        if (ports[i].is_udp && ports[i].host == port) return true;
    return false;
}

static uint16_t mesh_port(const record_t *record)
{
    const workload_t *w = record->workload;
    return workload_is_network(w) && w->network.private_key[0] ? w->network.listen_port : 0;
}

static bool share_mesh_port(const record_t *a, const record_t *b)
{
    uint16_t mine = mesh_port(a), other = mesh_port(b);
    return (mine && mine == other) || (mine && workload_is_machine(b->workload) && publishes(b, mine)) ||
           (other && workload_is_machine(a->workload) && publishes(a, other));
}

static host_result_t check_neighbour(const engine_t *engine, const record_t *record, const record_t *other)
{
    if (share_mesh_port(record, other))
        return host_fail(HOST_REFUSED,
                         "the WireGuard port of a network is in use on this node: take another");
    if (zdb_publishes(engine, other, record))
        return host_fail(HOST_REFUSED, "a port that it publishes is in use on this node");
    if (!workload_is_machine(record->workload) || !workload_is_machine(other->workload)) return host_ok();
    if (share_address(record, other))
        return host_fail(HOST_REFUSED, "its address is another machine's in this network");
    if (share_port(record, other))
        return host_fail(HOST_REFUSED, "a port that it publishes is in use on this node");
    return host_ok();
}

host_result_t plan_is_apart(const engine_t *engine, const record_t *record)
{
    for (const entry_t *entry = engine->entries; entry; entry = entry->next) {
        for (const record_t *other = entry->records; other; other = other->next) {
            if (other == record || !plan_is_held(other)) continue;
            host_result_t result = check_neighbour(engine, record, other);
            if (result.status != HOST_OK) return result;
        }
    }
    return host_ok();
}

/* ---- machines ---- */

static host_result_t wait_for_network(const record_t *network, const record_t *machine, uint64_t now_ms)
{
    const machine_interface_t *interface = machine->workload->machine.interfaces;
    if (!network) {
        bool is_early = (int64_t)(now_ms / 1000) - machine->entry->updated_s < ENGINE_NETWORK_WAIT_S;
        return host_fail(is_early ? HOST_WAITS : HOST_REFUSED, "the network %s is not on this node",
                         interface->network);
    }
    if (network->state == WORKLOAD_ERROR)
        return host_fail(HOST_REFUSED, "its network %s failed", interface->network);
    if (network->state == WORKLOAD_INIT)
        return host_fail(HOST_WAITS, "waits for its network %s", interface->network);
    const deployment_ip_t *subnet = &network->workload->network.subnet;
    if (!network_has_guest(subnet->address, subnet->prefix, interface->ip.address))
        return host_fail(HOST_REFUSED, "its address is not in the network's subnet, or is the gateway's");
    return host_ok();
}

static host_result_t add_mounts(const engine_t *engine, const record_t *record, machine_plan_t *plan)
{
    const machine_data_t *data = &record->workload->machine;
    plan->mounts               = calloc(data->mount_count + 1, sizeof *plan->mounts);
    if (!plan->mounts) return host_fail(HOST_LATER, "no memory");
    for (uint32_t i = 0; i < data->mount_count; i++) {
        char name[40];
        const record_t *disk = record_find(record->entry, data->mounts[i].name);
        if (!disk || !workload_is_disk(disk->workload) || !record_is_active(disk))
            return host_fail(HOST_REFUSED, "its disk %s failed", data->mounts[i].name);
        if (disk->state == WORKLOAD_INIT)
            return host_fail(HOST_WAITS, "waits for its disk %s", data->mounts[i].name);
        plan_disk_name(disk, name);
        plan_mount_t *mount = &plan->mounts[plan->mount_count++];
        mount->target       = strdup(data->mounts[i].mountpoint);
        mount->size         = disk->workload->size;
        if (!mount->target || !path_join(mount->source, "%s/%s", engine->config.pool_dir, name))
            return host_fail(HOST_LATER, "no memory");
    }
    return host_ok();
}

/* Sets one variable; the last one of a name wins. */
static bool set_env(machine_plan_t *plan, const char *key, size_t key_len, const char *value)
{
    plan_env_t *env = NULL;
    for (uint32_t i = 0; i < plan->env_count && !env; i++)
        if (strlen(plan->env[i].key) == key_len && memcmp(plan->env[i].key, key, key_len) == 0)
            env = &plan->env[i];
    char *copy = strdup(value);
    if (!copy) return false;
    if (env) {
        free(env->value);
        env->value = copy;
        return true;
    }
    plan_env_t *more = realloc(plan->env, (plan->env_count + 1) * sizeof *more);
    char *name       = strndup(key, key_len);
    if (more) plan->env = more;
    if (!more || !name) {
        free(name);
        free(copy);
        return false;
    }
    more[plan->env_count++] = (plan_env_t){name, copy};
    return true;
}

static bool set_env_pair(machine_plan_t *plan, const char *pair)
{
    const char *equals = strchr(pair, '=');
    return !equals || equals == pair || set_env(plan, pair, (size_t)(equals - pair), equals + 1);
}

/* The image's own, then the user's, then what the agent knows and the user cannot: the contract's id. */
static bool fill_env(machine_plan_t *plan, const record_t *record, const json_t *image)
{
    const machine_data_t *data = &record->workload->machine;
    const json_t *list         = json_object_get(image, "env");
    char number[24];
    bool is_ok = set_env_pair(plan, DEFAULT_PATH);
    for (size_t i = 0; i < json_array_size(list) && is_ok; i++)
        is_ok = set_env_pair(plan, json_string_value(json_array_get(list, i)));
    for (uint32_t i = 0; i < data->env_count && is_ok; i++)
        is_ok = set_env(plan, data->env[i].key, strlen(data->env[i].key), data->env[i].value);
    snprintf(number, sizeof number, "%llu", (unsigned long long)record->entry->contract_id);
    return is_ok && set_env(plan, "CONTRACT_ID", strlen("CONTRACT_ID"), number);
}

static char **image_args(const json_t *image)
{
    const json_t *list = json_object_get(image, "args");
    size_t count       = json_array_size(list);
    char **args        = calloc(count + 1, sizeof *args);
    for (size_t i = 0; args && i < count; i++)
        args[i] = strdup(json_string_value(json_array_get(list, i)));
    return args;
}

static host_result_t fill_from_image(machine_plan_t *plan, const record_t *record, const json_t *image)
{
    const char *entrypoint = record->workload->machine.entrypoint,
               *cwd        = json_string_value(json_object_get(image, "cwd"));
    bool is_given          = entrypoint[strspn(entrypoint, " \t\n")] != 0;
    plan->args             = is_given ? plan_words(entrypoint) : image_args(image);
    plan->cwd              = strdup(cwd ? cwd : "/");
    plan->uid              = (uint32_t)json_integer_value(json_object_get(image, "uid"));
    plan->gid              = (uint32_t)json_integer_value(json_object_get(image, "gid"));
    if (!plan->args) return host_fail(HOST_REFUSED, "entrypoint has a quote that is not closed");
    if (!plan->args[0] && !plan->has_kernel)
        return host_fail(HOST_REFUSED, "neither entrypoint nor the image names a program");
    if (!plan->cwd || !fill_env(plan, record, image)) return host_fail(HOST_LATER, "no memory");
    return host_ok();
}

static bool share_disk(const machine_data_t *a, const machine_data_t *b)
{
    for (uint32_t i = 0; i < a->mount_count; i++)
        for (uint32_t j = 0; j < b->mount_count; j++)
            if (strcmp(a->mounts[i].name, b->mounts[j].name) == 0) return true;
    return false;
}

/* Two kernels cannot have one file system. */
static host_result_t check_disks(const record_t *record)
{
    for (const record_t *other = record->entry->records; other; other = other->next) {
        if (other == record || !workload_is_machine(other->workload) || !record_is_active(other)) continue;
        if (record->link != LINK_VM && other->link != LINK_VM) continue;
        if (share_disk(&record->workload->machine, &other->workload->machine))
            return host_fail(HOST_REFUSED, "a disk of a virtual machine can be in no other machine");
    }
    return host_ok();
}

/* Which kind a machine is: its image says so, or the operator, when it is first made. */
static host_result_t choose_kind(const engine_t *engine, record_t *record, machine_plan_t *plan)
{
    bool is_new = record->link == 0 && !record->is_made;
    plan->is_vm = is_new ? plan->has_kernel || engine->config.is_vm_default : record->link == LINK_VM;
    if (plan->is_vm && !engine->config.has_vm)
        return host_fail(HOST_REFUSED, "its image is a virtual machine's, and this node runs none");
    record->link = plan->is_vm ? LINK_VM : LINK_CONTAINER;
    if (plan->is_vm) plan->user_base = plan_user_ids(record->entry);
    return check_disks(record);
}

static host_result_t add_image(engine_t *engine, record_t *record, machine_plan_t *plan)
{
    const char *flist = record->workload->machine.flist;
    image_t image;
    if (!image_find(engine->config.db, engine->config.state_dir, flist, &image))
        return host_fail(HOST_REFUSED, "this node has no image of the name that flist gives");
    char error[IMAGE_ERROR_MAX + 1];
    json_t *config       = json_loads(image.config, 0, NULL);
    plan->has_kernel     = json_is_true(json_object_get(config, "kernel"));
    plan->user_base      = plan_owner(engine, record->entry);
    host_result_t result = fill_from_image(plan, record, config);
    if (result.status == HOST_OK) result = choose_kind(engine, record, plan);
    if (!path_join(plan->image, "%s", image.path)) result = host_fail(HOST_LATER, "the path is too long");
    if (!image_check(engine->config.db, &image, error)) result = host_fail(HOST_LATER, "%s", error);
    if (result.status == HOST_OK) image_used(engine->config.db, record->wid, image.digest);
    json_decref(config);
    free(image.config);
    return result;
}

host_result_t plan_machine(engine_t *engine, record_t *record, uint64_t now_ms, job_t *job)
{
    const machine_data_t *data = &record->workload->machine;
    machine_plan_t *plan       = &job->machine;
    record_t *network          = plan_network_of(engine, record);
    host_result_t result       = wait_for_network(network, record, now_ms);
    if (result.status == HOST_OK) result = add_mounts(engine, record, plan);
    if (result.status == HOST_OK) result = plan_public_wait(record);
    if (result.status == HOST_OK) result = add_image(engine, record, plan);
    if (result.status != HOST_OK) return result;
    scope_t scope = {.with = record};
    if (job->kind == JOB_OPEN)
        return plan_network(engine, network, scope, &job->network) &&
                       plan_firewall(engine, scope, &job->firewall)
                   ? result
                   : host_fail(HOST_LATER, "no memory");
    memcpy(plan->wid, record->wid, sizeof plan->wid);
    memcpy(plan->ip, data->interfaces[0].ip.address, 4);
    snprintf(plan->hostname, sizeof plan->hostname, "%s", record->workload->name);
    plan->cpu_millis = data->cpu * 1000u;
    plan->memory     = data->memory;
    plan->root_size  = machine_root_size(data);
    return plan_network(engine, network, scope, &plan->network) ? result : host_fail(HOST_LATER, "no memory");
}

/* ---- results ---- */

static json_t *result_of(const engine_t *engine, const record_t *record)
{
    char id[96], fqdn[GATEWAY_HOST_MAX + 1];
    const workload_t *w = record->workload;
    snprintf(id, sizeof id, "%u-%llu-%s", record->entry->twin_id,
             (unsigned long long)record->entry->contract_id, w->name);
    switch (w->kind) {
    case WORKLOAD_ZMOUNT: return json_pack("{s:s}", "volume_id", id);
    case WORKLOAD_VOLUME: return json_pack("{s:s,s:s}", "id", id, "volume_id", id);
    case WORKLOAD_ZMACHINE:
        return json_pack("{s:s,s:s,s:s,s:s,s:s}", "id", id, "ip", w->machine.interfaces[0].ip.canonical,
                         "planetary_ip", "", "mycelium_ip", "", "console_url", "");
    case WORKLOAD_ZMACHINE_LIGHT:
        return json_pack("{s:s,s:s,s:s,s:s}", "id", id, "ip", w->machine.interfaces[0].ip.canonical,
                         "mycelium_ip", "", "console_url", "");
    case WORKLOAD_ZDB: return zdb_result(engine, record);
    case WORKLOAD_GATEWAY_NAME: gateway_fqdn(engine, w, fqdn); return json_pack("{s:s}", "fqdn", fqdn);
    case WORKLOAD_IPV4:
    case WORKLOAD_IP: return record->data ? json_loads(record->data, 0, NULL) : json_object();
    case WORKLOAD_NETWORK:
    case WORKLOAD_NETWORK_LIGHT:
    case WORKLOAD_QSFS:
    case WORKLOAD_ZLOGS:
    case WORKLOAD_GATEWAY_FQDN:
    case WORKLOAD_KIND_COUNT: break;
    }
    return json_object();
}

char *plan_result(const engine_t *engine, const record_t *record)
{
    json_t *json = result_of(engine, record);
    char *text   = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

const char *plan_note(const engine_t *engine, const record_t *record)
{
    const workload_t *w = record->workload;
    if (workload_is_network(w) && w->network.peer_count > 0 && !engine->config.has_wireguard)
        return "this node offers no WireGuard: its peers are not reached";
    if (workload_is_network(w) && w->network.has_mycelium)
        return "this node offers no mycelium: there is no such address";
    if (workload_is_machine(w) && w->machine.has_mycelium)
        return "this node offers no mycelium: there is no such address";
    return "";
}
