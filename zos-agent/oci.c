/* oci.c - a machine's plan as config.json. */
#include "oci.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PIDS_MAX   4096
#define FILES_MAX  16384
#define CPU_PERIOD 100000
#define IDS        65536

#define BTRFS_IOCTLS 0x9400u

/* In a user namespace of its own a workload may be root over its own files; without one, next to nothing. */
static const char *const capabilities[] = {
    "CAP_NET_BIND_SERVICE", "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER",     "CAP_FSETID",
    "CAP_SETUID",           "CAP_SETGID", "CAP_KILL",         "CAP_SYS_CHROOT", NULL};

static json_t *texts(const char *const *list, size_t most)
{
    json_t *array = json_array();
    for (size_t i = 0; list[i] && i < most; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

static json_t *capability_sets(bool has_user_namespace)
{
    size_t most       = has_user_namespace ? SIZE_MAX : 1;
    json_t *object    = json_object();
    const char *set[] = {"bounding", "effective", "permitted"};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        json_object_set_new(object, set[i], texts(capabilities, most));
    return object;
}

static json_t *environment(const machine_plan_t *plan)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < plan->env_count; i++) {
        char *text = NULL;
        if (asprintf(&text, "%s=%s", plan->env[i].key, plan->env[i].value) < 0) continue;
        json_array_append_new(array, json_string(text));
        free(text);
    }
    return array;
}

static json_t *process(const machine_plan_t *plan)
{
    return json_pack("{s:b,s:{s:i,s:i},s:o,s:o,s:s,s:o,s:b,s:[{s:s,s:i,s:i}]}", "terminal", 0, "user", "uid",
                     (int)plan->uid, "gid", (int)plan->gid, "args",
                     texts((const char *const *)plan->args, SIZE_MAX), "env", environment(plan), "cwd",
                     plan->cwd, "capabilities", capability_sets(plan->user_base != 0), "noNewPrivileges", 1,
                     "rlimits", "type", "RLIMIT_NOFILE", "hard", FILES_MAX, "soft", FILES_MAX);
}

static void add_mount(json_t *array, const char *target, const char *type, const char *source,
                      const char *options)
{
    json_t *list = json_array();
    for (const char *at = options; *at;) {
        size_t len = strcspn(at, ",");
        json_array_append_new(list, json_stringn(at, len));
        at += len + (at[len] == ',');
    }
    json_array_append_new(array, json_pack("{s:s,s:s,s:s,s:o}", "destination", target, "type", type, "source",
                                           source, "options", list));
}

static void add_file(json_t *array, const oci_place_t *place, const char *name, const char *target)
{
    char source[PATH_CAP];
    if (path_join(source, "%s/%s", place->folder, name))
        add_mount(array, target, "bind", source, "rbind,ro,nosuid,nodev,noexec");
}

static json_t *mounts(const machine_plan_t *plan, const oci_place_t *place)
{
    json_t *array = json_array();
    add_mount(array, "/proc", "proc", "proc", "nosuid,noexec,nodev");
    add_mount(array, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
    add_mount(array, "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
    add_mount(array, "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k");
    add_mount(array, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
    add_mount(array, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
    add_file(array, place, "resolv.conf", "/etc/resolv.conf");
    add_file(array, place, "hosts", "/etc/hosts");
    add_file(array, place, "hostname", "/etc/hostname");
    if (plan->settings) add_file(array, place, "settings", MACHINE_SETTINGS);
    for (uint32_t i = 0; i < plan->mount_count; i++) {
        char source[PATH_CAP];
        if (path_join(source, "%s/vol/%u", place->folder, (unsigned)i))
            add_mount(array, plan->mounts[i].target, "bind", source, "rbind,rw,nosuid,nodev");
    }
    return array;
}

static json_t *resources(const machine_plan_t *plan, bool is_cgroup_v2)
{
    json_int_t memory = (json_int_t)plan->memory;
    json_t *object = json_pack("{s:{s:I,s:I},s:{s:I,s:I},s:{s:I}}", "memory", "limit", memory, "swap", memory,
                               "cpu", "quota", (json_int_t)plan->cpu_millis * (CPU_PERIOD / 1000), "period",
                               (json_int_t)CPU_PERIOD, "pids", "limit", (json_int_t)PIDS_MAX);
    json_object_set_new(object, "devices", json_pack("[{s:b,s:s}]", "allow", 0, "access", "rwm"));
    if (is_cgroup_v2) json_object_set_new(object, "unified", json_pack("{s:s}", "memory.oom.group", "1"));
    return object;
}

static json_t *namespaces(bool has_user_namespace)
{
    json_t *array = json_pack("[{s:s},{s:s},{s:s},{s:s},{s:s},{s:s}]", "type", "pid", "type", "network",
                              "type", "ipc", "type", "uts", "type", "mount", "type", "cgroup");
    if (has_user_namespace) json_array_append_new(array, json_pack("{s:s}", "type", "user"));
    return array;
}

/* A call that is allowed where its argument, masked, is this. */
static void allow(json_t *calls, const char *name, int argument, uint32_t mask, uint32_t value)
{
    json_array_append_new(calls,
                          json_pack("{s:[s],s:s,s:[{s:i,s:I,s:I,s:s}]}", "names", name, "action",
                                    "SCMP_ACT_ALLOW", "args", "index", argument, "value", (json_int_t)mask,
                                    "valueTwo", (json_int_t)value, "op", "SCMP_CMP_MASKED_EQ"));
}

/* btrfs lets everybody make subvolumes in his folder, whose bytes the quota of his disk does not count: of
 * its kind of ioctl only those that share blocks between files are allowed, and each that differs from it in
 * a bit. */
static void allow_ioctl(json_t *calls)
{
    static const uint32_t sharing[] = {0x40049409, 0x4020940d, 0xc0189436};
    for (unsigned bit = 0; bit < 8; bit++)
        allow(calls, "ioctl", 1, 0x100u << bit, ~BTRFS_IOCTLS & (0x100u << bit));
    for (size_t i = 0; i < sizeof sharing / sizeof *sharing; i++)
        allow(calls, "ioctl", 1, UINT32_MAX, sharing[i]);
}

/* A call that is not listed fails with EPERM; clone3 with ENOSYS, so that the C library falls back to clone,
 * whose flags can be seen: no user namespaces within.  Sockets are local ones, IPv4, IPv6 and netlink: one of
 * vsock would lead to whoever runs this machine. */
static json_t *seccomp(void)
{
    static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    json_t *calls =
        json_pack("[{s:o,s:s},{s:[s],s:s,s:i}]", "names", texts(oci_syscalls, SIZE_MAX), "action",
                  "SCMP_ACT_ALLOW", "names", "clone3", "action", "SCMP_ACT_ERRNO", "errnoRet", 38);
    allow(calls, "clone", 0, 0x7E020000, 0);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        allow(calls, "socket", 0, UINT32_MAX, families[i]);
    allow_ioctl(calls);
    return json_pack("{s:s,s:i,s:[s,s,s],s:o}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet", 1,
                     "architectures", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "syscalls",
                     calls);
}

static json_t *linux_part(const machine_plan_t *plan, const oci_place_t *place)
{
    json_t *object = json_pack(
        "{s:s,s:o,s:o,s:o,s:[s,s,s,s,s,s,s,s,s,s,s,s],s:[s,s,s,s,s]}", "cgroupsPath", place->cgroup,
        "resources", resources(plan, place->is_cgroup_v2), "namespaces", namespaces(plan->user_base != 0),
        "seccomp", seccomp(), "maskedPaths", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
        "/proc/interrupts", "/proc/asound", "/sys/devices/virtual/powercap", "readonlyPaths", "/proc/bus",
        "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");
    if (plan->user_base == 0) return object;
    const char *keys[] = {"uidMappings", "gidMappings"};
    for (size_t i = 0; i < 2; i++)
        json_object_set_new(object, keys[i],
                            json_pack("[{s:i,s:I,s:i}]", "containerID", 0, "hostID",
                                      (json_int_t)plan->user_base, "size", IDS));
    return object;
}

char *oci_config(const machine_plan_t *plan, const oci_place_t *place)
{
    char rootfs[PATH_CAP];
    if (!path_join(rootfs, "%s/rootfs", place->folder)) return NULL;
    json_t *root = json_pack("{s:s,s:o,s:{s:s,s:b},s:s,s:o,s:o}", "ociVersion", "1.0.2", "process",
                             process(plan), "root", "path", rootfs, "readonly", 0, "hostname", plan->hostname,
                             "mounts", mounts(plan, place), "linux", linux_part(plan, place));
    char *text   = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return text;
}
