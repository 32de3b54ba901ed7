/* shim_plan.c - what agent and shim share: the files between them, and the container's link. */
#include "netlink.h"
#include "plan.h"
#include "shim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool take_text(const json_t *json, const char *key, char *text, size_t cap)
{
    const char *value = json_string_value(json_object_get(json, key));
    return value && (size_t)snprintf(text, cap, "%s", value) < cap;
}

static uint64_t take_number(const json_t *json, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(json, key));
}

static void take_address(const json_t *json, const char *key, uint8_t address[4])
{
    uint64_t value = take_number(json, key);
    for (int i = 0; i < 4; i++)
        address[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void take_address6(const json_t *json, const char *key, uint8_t address[16])
{
    const char *text = json_string_value(json_object_get(json, key));
    if (!text || inet_pton(AF_INET6, text, address) != 1) memset(address, 0, 16);
}

static json_t *address6_json(const uint8_t address[16])
{
    char text[INET6_ADDRSTRLEN];
    return json_string(inet_ntop(AF_INET6, address, text, sizeof text));
}

static json_t *address_json(const uint8_t address[4])
{
    return json_integer((json_int_t)address[0] << 24 | (json_int_t)address[1] << 16 |
                        (json_int_t)address[2] << 8 | address[3]);
}

static bool take_volumes(const json_t *json, shim_plan_t *plan)
{
    const json_t *list = json_object_get(json, "volumes");
    if (json_array_size(list) > SHIM_VOLUMES_CAP) return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *path = json_string_value(json_array_get(list, i));
        if (!path || !path_join(plan->volumes[i], "%s", path)) return false;
    }
    plan->volume_count    = (uint32_t)json_array_size(list);
    const json_t *targets = json_object_get(json, "targets");
    for (size_t i = 0; i < plan->volume_count; i++) {
        const char *target = json_string_value(json_array_get(targets, i));
        if (!target || strlen(target) > SHIM_TARGET_MAX) return false;
        memcpy(plan->targets[i], target, strlen(target) + 1);
    }
    return true;
}

static bool take_vm(const json_t *json, shim_plan_t *plan)
{
    const json_t *vm = json_object_get(json, "vm");
    plan->is_vm      = json_is_object(vm);
    plan->vm_kind    = json_is_true(json_object_get(vm, "is_emulated")) ? VM_EMULATED : VM_KVM;
    plan->cpus       = (uint32_t)take_number(vm, "cpus");
    plan->memory     = take_number(vm, "memory");
    return !plan->is_vm || (take_text(vm, "root", plan->vm_root, PATH_CAP) &&
                            take_text(vm, "kernel", plan->vm_kernel, sizeof plan->vm_kernel) &&
                            take_text(vm, "init", plan->vm_init, PATH_CAP) &&
                            take_text(vm, "cpu", plan->vm_cpu, sizeof plan->vm_cpu));
}

static json_t *vm_json(const shim_plan_t *plan)
{
    if (!plan->is_vm) return json_null();
    return json_pack("{s:b,s:i,s:I,s:s,s:s,s:s,s:s}", "is_emulated", plan->vm_kind != VM_KVM, "cpus",
                     (int)plan->cpus, "memory", (json_int_t)plan->memory, "root", plan->vm_root, "kernel",
                     plan->vm_kernel, "init", plan->vm_init, "cpu", plan->vm_cpu);
}

bool shim_plan_read(const char *folder, shim_plan_t *plan)
{
    char path[PATH_CAP];
    *plan = (shim_plan_t){0};
    if (!path_join(path, "%s/shim.json", folder) || !path_join(plan->folder, "%s", folder)) return false;
    json_t *json = json_load_file(path, 0, NULL);
    bool is_ok   = take_text(json, "wid", plan->wid, sizeof plan->wid) &&
                 take_text(json, "image", plan->image, PATH_CAP) &&
                 take_text(json, "root", plan->root, PATH_CAP) &&
                 take_text(json, "runtime", plan->runtime, PATH_CAP) &&
                 take_text(json, "runtime_root", plan->runtime_root, PATH_CAP) &&
                 take_text(json, "cgroup", plan->cgroup, sizeof plan->cgroup) &&
                 take_text(json, "unified", plan->unified, sizeof plan->unified) &&
                 take_text(json, "netns", plan->netns, sizeof plan->netns) &&
                 take_text(json, "bridge", plan->bridge, sizeof plan->bridge) &&
                 take_text(json, "veth", plan->veth, sizeof plan->veth) && take_volumes(json, plan) &&
                 take_vm(json, plan);
    plan->user_base = (uint32_t)take_number(json, "user_base");
    plan->prefix    = (uint8_t)take_number(json, "prefix");
    take_address(json, "ip", plan->ip);
    take_address(json, "gateway", plan->gateway);
    take_address6(json, "ip6", plan->ip6);
    take_address6(json, "gateway6", plan->gateway6);
    json_decref(json);
    return is_ok;
}

bool shim_plan_write(const shim_plan_t *plan)
{
    char path[PATH_CAP];
    json_t *volumes = json_array(), *targets = json_array();
    for (uint32_t i = 0; i < plan->volume_count; i++) {
        json_array_append_new(volumes, json_string(plan->volumes[i]));
        json_array_append_new(targets, json_string(plan->targets[i]));
    }
    json_t *json =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:o,s:o,s:s,s:s,s:s,s:o,s:i,s:o,s:o,s:o,s:o}", "wid",
                  plan->wid, "image", plan->image, "root", plan->root, "runtime", plan->runtime,
                  "runtime_root", plan->runtime_root, "cgroup", plan->cgroup, "unified", plan->unified,
                  "user_base", (json_int_t)plan->user_base, "volumes", volumes, "targets", targets, "netns",
                  plan->netns, "bridge", plan->bridge, "veth", plan->veth, "ip", address_json(plan->ip),
                  "prefix", (int)plan->prefix, "gateway", address_json(plan->gateway), "ip6",
                  address6_json(plan->ip6), "gateway6", address6_json(plan->gateway6), "vm", vm_json(plan));
    char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    bool is_ok =
        text && path_join(path, "%s/shim.json", plan->folder) && file_put(path, text, strlen(text), 0600);
    free(text);
    json_decref(json);
    return is_ok;
}

bool shim_run_read(const char *folder, shim_run_t *run)
{
    char path[PATH_CAP], text[256];
    return path_join(path, "%s/run", folder) && file_read(path, text, sizeof text) &&
           sscanf(text, "%d %" SCNu64 " %36s", &run->pid, &run->start_ticks, run->boot) == 3;
}

bool shim_exit_read(const char *folder, shim_exit_t *end)
{
    char path[PATH_CAP], text[128];
    return path_join(path, "%s/exit", folder) && file_read(path, text, sizeof text) &&
           sscanf(text, "%d %" SCNd64, &end->code, &end->at_s) == 2;
}

uint64_t process_start_ticks(int pid)
{
    char path[64], text[1024], state;
    uint64_t ticks;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (!file_read(path, text, sizeof text)) return 0;
    const char *at = strrchr(text, ')'); /* the name before it may hold anything */
    if (!at ||
        sscanf(at + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
               &state, &ticks) != 2)
        return 0;
    return state == 'Z' || state == 'X' ? 0 : ticks;
}

bool shim_run_is_alive(const shim_run_t *run)
{
    char boot[37];
    boot_id(boot);
    return strcmp(boot, run->boot) == 0 && process_start_ticks(run->pid) == run->start_ticks &&
           run->start_ticks != 0;
}

/* Where the kernel has no IPv6, nor has the machine. */
static bool connect6(const shim_plan_t *plan, int own)
{
    if (plan->ip6[0] == 0 || !file_exists("/proc/sys/net/ipv6")) return true;
    return netns_sysctl(own, "ipv6/conf/eth0/accept_ra", "0") &&
           link_address6(own, "eth0", plan->ip6, NETWORK_IP6_PREFIX) && route_default6(own, plan->gateway6);
}

/* A virtual machine has its addresses inside: here its link only leads on to it. */
static bool connect_vm(int own)
{
    if (file_exists("/proc/sys/net/ipv6") && !netns_sysctl(own, "ipv6/conf/all/disable_ipv6", "1"))
        return false;
    return link_bridge(own, "br") && link_up(own, "br", NULL) && link_up(own, "eth0", "br") &&
           link_up(own, SHIM_TAP, "br");
}

static bool connect_container(const shim_plan_t *plan, int own)
{
    return link_up(own, "lo", NULL) && link_up(own, "eth0", NULL) &&
           link_address(own, "eth0", plan->ip, plan->prefix) && route_default(own, plan->gateway) &&
           connect6(plan, own);
}

/* An old pair may lead into a namespace that has no name any more: it goes by the container's end. */
bool shim_connect(const shim_plan_t *plan, int network, int pid)
{
    int own = netns_of(pid);
    if (own < 0) return false;
    bool is_tied = link_exists(network, plan->veth) && link_exists(own, "eth0");
    bool is_ok   = is_tied || (link_drop(network, plan->veth) && link_drop(own, "eth0") &&
                             link_veth(network, plan->veth, own, "eth0"));
    is_ok        = is_ok && link_up(network, plan->veth, plan->bridge);
    if (!is_tied) is_ok = is_ok && (plan->is_vm ? connect_vm(own) : connect_container(plan, own));
    int error = errno;
    close(own);
    errno = error;
    return is_ok;
}
