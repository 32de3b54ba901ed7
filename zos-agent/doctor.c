/* doctor.c - the machine, looked at as an operator would. */
#include "doctor.h"
#include "hardware.h"
#include "mounts.h"

#include <inttypes.h>
#include <jansson.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LITTLE_SPACE (UINT64_C(1) << 30)
#define GIB          1073741824.0
#define FLOWS_ENOUGH 262144

static void add(json_t *checks, const char *name, bool is_ok, const char *bad, const char *found,
                const char *follows)
{
    json_array_append_new(checks, json_pack("{s:s,s:s,s:s,s:s}", "name", name, "state", is_ok ? "ok" : bad,
                                            "found", found, "follows", is_ok ? "" : follows));
}

static bool has_program(const char *name)
{
    static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                          "/usr/bin",        "/sbin",          "/bin"};
    char path[PATH_CAP];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (path_join(path, "%s/%s", folders[i], name) && access(path, X_OK) == 0) return true;
    return false;
}

static void look_at_kernel(json_t *checks, const host_t *host)
{
    static const char *const kinds[]  = {"version 1", "hybrid", "version 2"};
    static const char *const shifts[] = {"no", "yes, images are mounted", "yes, images are unpacked once"};
    struct utsname system;
    bool is_known = uname(&system) == 0;
    add(checks, "kernel", is_known, "missing", is_known ? system.release : "unknown", "");
    add(checks, "control groups", host->cgroup.kind == CGROUP_V2, "less", kinds[host->cgroup.kind],
        "limits hold, but an out-of-memory workload is killed one process at a time: boot with "
        "systemd.unified_cgroup_hierarchy=1");
    add(checks, "user namespaces", host->has_user_spaces, "less", shifts[host->shifts],
        "workloads run without user namespaces: their root is the machine's, held only by capabilities and "
        "the "
        "system call filter; a kernel since 5.12 can do better");
    static const char *const kinds_of_vm[] = {"no", "emulated, for tests", "yes, with KVM"};
    bool is_asked                          = host->vm.root[0] != 0;
    add(checks, "virtual machines", !is_asked || host->vm.kind == VM_KVM, "less",
        is_asked && host->vm.kind == VM_NONE ? host->vm.why_not : kinds_of_vm[host->vm.kind],
        host->vm.kind == VM_EMULATED ? "they are slow: leave vm_emulated out"
                                     : "images with a kernel of their own are refused");
}

static void look_at_programs(json_t *checks, const host_t *host)
{
    static const char *const wireguards[] = {"none", "wireguard-go", "kernel"};
    bool has_haproxy = has_program("haproxy"), can_unpack = has_program("unsquashfs");
    add(checks, "container runtime", host->runtime[0] != 0, "missing",
        host->runtime[0] ? host->runtime : "none", "no machine can run: install crun or runc");
    add(checks, "WireGuard", host->wireguard != HOST_WIREGUARD_NONE, "less", wireguards[host->wireguard],
        "networks end at this machine: load the module, or install wireguard-go");
    add(checks, "haproxy", has_haproxy, "less", has_haproxy ? "installed" : "none",
        "the node cannot be a gateway: install haproxy");
    add(checks, "gateway", host->gateway.is_on, "less", host->gateway.is_on ? host->gateway.domain : "off",
        "gateway workloads are refused: set gateway.domain");
    add(checks, "redis-server", host->zdb_program[0] != 0, "less",
        host->zdb_program[0] ? "installed" : "none", "zdb workloads are refused: install redis-server");
    add(checks, "zos-logs", host->logs_program[0] != 0, "less", host->logs_program[0] ? "installed" : "none",
        "zlogs workloads are refused: install it beside the agent");
    add(checks, "unsquashfs", can_unpack || host->shifts != HOST_SHIFTS_FOLDERS, "missing",
        can_unpack ? "installed" : "none", "no image can be unpacked: install squashfs-tools");
}

static void look_at_networks(json_t *checks, const host_t *host)
{
    char found[64]   = "off";
    bool has_link    = host->public_link[0] != 0;
    bool is_link_up  = has_link && if_nametoindex(host->public_link) != 0;
    bool has_outside = host_reaches_ipv6(host);
    if (has_link) snprintf(found, sizeof found, "on %s", host->public_link);
    if (host->is_public_routed) snprintf(found, sizeof found, "routed to this host");
    add(checks, "public addresses", is_link_up || host->is_public_routed, has_link ? "missing" : "less",
        found,
        has_link ? "there is no such link: machines with public addresses wait for it"
                 : "ip workloads are refused: set public.link or public.routed");
    add(checks, "IPv6", has_outside, "less", has_outside ? "reaches the outside" : "inside networks alone",
        "workloads reach nobody outside by IPv6: the host has no default route, or ipv6 is false");
}

static void look_at_disks(json_t *checks, const host_t *host)
{
    struct statvfs room;
    char found[64] = "unknown";
    add(checks, "disks", host->has_btrfs, "less", host->has_btrfs ? "btrfs with quotas" : "ext4 in files",
        "each disk is a file with its own file system, which takes longer to make: install btrfs-progs, load "
        "btrfs");
    if (statvfs(host->pool_dir, &room) == 0 && (room.f_flag & ST_RDONLY))
        add(checks, "pool", false, "missing", "read-only",
            "nothing is written any more, and no disk made: make room, see to the disk, and start the "
            "machine again");
    bool is_known    = statvfs(host->state_dir, &room) == 0;
    uint64_t is_free = is_known ? (uint64_t)room.f_bavail * room.f_frsize : 0;
    if (is_known) snprintf(found, sizeof found, "%.1f GiB free", (double)is_free / (double)(1u << 30));
    add(checks, "state directory", is_free >= LITTLE_SPACE, "less", found,
        "it fills up: then new deployments are refused, and disks of workloads fail to grow");
}

static uint64_t number_in(const char *path)
{
    char text[64];
    return file_read(path, text, sizeof text) ? strtoull(text, NULL, 10) : 0;
}

/* What limits hold workloads with, and what all of them share. */
static void look_at_limits(json_t *checks, const host_t *host)
{
    char found[64];
    struct timex clock = {0};
    bool has_swap      = cgroup_has(&host->cgroup, "memory.memsw.limit_in_bytes") ||
                    cgroup_has(&host->cgroup, "memory.swap.max"),
         has_pids   = cgroup_has(&host->cgroup, "pids.max"),
         has_filter = file_exists("/proc/sys/kernel/seccomp/actions_avail");
    add(checks, "memory limit", has_swap, "less", has_swap ? "of memory and swap" : "of memory alone",
        "a workload may fill the swap: boot with swapaccount=1, or have none");
    add(checks, "process limit", has_pids, "missing", has_pids ? "yes" : "no",
        "one workload can take all process numbers: the kernel needs the pids controller");
    add(checks, "system calls", has_filter, "missing", has_filter ? "filtered" : "not filtered",
        "machines do not start: the kernel needs SECCOMP_FILTER");
    uint64_t flows = number_in("/proc/sys/net/netfilter/nf_conntrack_max");
    snprintf(found, sizeof found, "%" PRIu64 " at a time", flows);
    add(checks, "connections", flows == 0 || flows >= FLOWS_ENOUGH, "less", flows ? found : "not limited",
        "all workloads share them, and one can take most: sysctl net.netfilter.nf_conntrack_max=1048576");
    bool is_right = adjtimex(&clock) >= 0 && !(clock.status & STA_UNSYNC);
    add(checks, "clock", is_right, "less", is_right ? "synchronised" : "not synchronised",
        "the chain refuses reports of a node whose clock is off by a minute: install chrony or "
        "systemd-timesyncd");
}

void doctor_add_offer(json_t *report, const host_t *host, const capacity_t *offered)
{
    hardware_t hardware;
    uint64_t size = 0;
    bool is_rotational;
    char found[160];
    json_t *checks = json_object_get(report, "checks");
    hardware_look(&hardware, "/sys", "/proc");
    snprintf(found, sizeof found, "%" PRIu64 " of %u", offered->cru, hardware.cores);
    add(checks, "cores", offered->cru <= hardware.cores, "less", found,
        "the chain is told of more cores than there are: correct capacity.cru");
    snprintf(found, sizeof found, "%.1f of %.1f GiB", (double)offered->mru / GIB,
             (double)hardware.memory / GIB);
    add(checks, "memory", offered->mru <= hardware.memory, "less", found,
        "workloads that were admitted are killed when they use it: correct capacity.mru");
    if (!hardware_room("/sys", host->pool_dir, &size, &is_rotational)) return;
    if (mount_is_at(host->pool_dir) && !host->is_pool_given &&
        !hardware_room("/sys", host->state_dir, &size, &is_rotational)) /* what its file is on */
        return;
    snprintf(found, sizeof found, "%.1f GiB on a %s of %.1f", (double)(offered->sru + offered->hru) / GIB,
             is_rotational ? "hard disk" : "SSD", (double)size / GIB);
    add(checks, "disk space", offered->sru + offered->hru <= size, "less", found,
        "disks that were sold cannot be filled: correct capacity.sru and capacity.hru");
    if (offered->sru > 0)
        add(checks, "kind of disk", !is_rotational, "less", is_rotational ? "it turns" : "SSD",
            "it is offered as SSD: give capacity.hru instead");
}

json_t *doctor_report(const host_t *host)
{
    json_t *checks = json_array();
    look_at_kernel(checks, host);
    look_at_limits(checks, host);
    look_at_programs(checks, host);
    look_at_networks(checks, host);
    look_at_disks(checks, host);
    return json_pack("{s:o}", "checks", checks);
}

void doctor_add_witness(json_t *report, const chain_witness_t *w)
{
    char found[512];
    json_t *checks = json_object_get(report, "checks");
    if (w->needed == 0) {
        add(checks, "witnesses", false, "less", "none",
            w->others ? "what one node of the chain says is deleted at its word: set witnesses to 1"
                      : "what the one node of the chain says is deleted at its word: list another one in "
                        "substrate");
        return;
    }
    snprintf(found, sizeof found, "%u of %u other nodes; %u contracts wait%s%s", w->needed, w->others,
             w->waiting, w->why[0] ? ", " : "", w->why);
    add(checks, "witnesses", w->waiting == 0, w->contradicted ? "missing" : "less", found,
        w->contradicted
            ? "nodes of the chain contradict each other: nothing is deleted until they agree; find "
              "out which is wrong, and take it out of substrate"
            : "contracts that are over, as one node says, keep what they have until another "
              "confirms it");
}
