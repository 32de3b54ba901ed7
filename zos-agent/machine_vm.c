/* machine_vm.c - what a virtual machine needs on the host before its shim starts QEMU: raw disks with a file
 * system, and what zos-init is to read. */
#include "machine_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MKFS_TIMEOUT_MS 60000
#define DISK_SPARE      64 /* a part of a disk is left for what its own file system needs on the pool */
#define DISK_SPARE_MIN  (UINT64_C(2) << 20)
#define DISK_MIN        (UINT64_C(8) << 20)
#define DISK_UNIT       4096

/* ---- raw disks ---- */

/* What of a disk its file can be: less than its limit, as the pool counts what it needs to keep it, too. */
static uint64_t raw_size(const host_t *host, const char *folder, uint64_t size)
{
    struct statvfs st;
    uint64_t spare = size / DISK_SPARE > DISK_SPARE_MIN ? size / DISK_SPARE : DISK_SPARE_MIN;
    if (!host->has_btrfs && statvfs(folder, &st) == 0) size = (uint64_t)st.f_bavail * st.f_frsize;
    return (size > spare ? size - spare : 0) / DISK_UNIT * DISK_UNIT;
}

static host_result_t grow(const char *path, uint64_t size)
{
    struct stat st;
    int fd     = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool is_ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (is_ok && (uint64_t)st.st_size < size) is_ok = ftruncate(fd, (off_t)size) == 0;
    int error = errno;
    if (fd >= 0) close(fd);
    return is_ok ? host_ok() : host_fail(HOST_LATER, "its disk cannot be used: %s", strerror(error));
}

/* Changes are written in place: a machine's file system keeps its own order. */
static void write_in_place(int fd)
{
    int flags = 0;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return;
    flags |= FS_NOCOW_FL;
    ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* A disk that has a file is never formatted: the file gets its name when all is in it. */
static host_result_t make_raw(const char *path, uint64_t size)
{
    char fresh[PATH_CAP];
    spawn_result_t said;
    if (!path_join(fresh, "%s.new", path)) return host_fail(HOST_REFUSED, "the path is too long");
    unlink(fresh);
    int fd     = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool is_ok = fd >= 0;
    if (is_ok) write_in_place(fd);
    is_ok = is_ok && ftruncate(fd, (off_t)size) == 0;
    if (!is_ok) {
        int error = errno;
        if (fd >= 0) close(fd);
        return host_fail(HOST_LATER, "its disk cannot be made: %s", strerror(error));
    }
    is_ok = SPAWN_FRESH(&said, MKFS_TIMEOUT_MS, "mkfs.ext4", "-q", "-F", "-m", "0", "-E",
                        "lazy_itable_init=1,lazy_journal_init=1", fresh);
    is_ok = is_ok && fsync(fd) == 0;
    close(fd);
    if (!is_ok) return host_fail(HOST_LATER, "its disk cannot be formatted: %.200s", said.text);
    if (rename(fresh, path) != 0)
        return host_fail(HOST_LATER, "its disk cannot be made: %s", strerror(errno));
    return host_ok();
}

static host_result_t ensure_raw(const host_t *host, const char *folder, uint64_t size)
{
    char path[PATH_CAP];
    uint64_t raw = raw_size(host, folder, size);
    if (!path_join(path, "%s/disk.raw", folder)) return host_fail(HOST_REFUSED, "the path is too long");
    if (file_exists(path)) return grow(path, raw);
    if (raw < DISK_MIN)
        return host_fail(HOST_REFUSED, "a disk of a virtual machine has at least %" PRIu64 " MiB",
                         (DISK_MIN + DISK_SPARE_MIN) >> 20);
    return make_raw(path, raw);
}

static host_result_t ensure_disks(const host_t *host, const machine_plan_t *plan, char root[PATH_CAP])
{
    char name[32];
    if (plan->mount_count > VM_DISKS_MAX)
        return host_fail(HOST_REFUSED, "a virtual machine has at most %d disks", VM_DISKS_MAX);
    snprintf(name, sizeof name, "root-%s", plan->wid);
    host_result_t result = disk_ensure(host, name, plan->root_size, 0);
    if (result.status != HOST_OK) return result;
    if (!disk_path(host, name, root) || chmod(root, 0700) != 0)
        return host_fail(HOST_LATER, "the root disk cannot be prepared: %s", strerror(errno));
    result = ensure_raw(host, root, plan->root_size);
    for (uint32_t i = 0; i < plan->mount_count && result.status == HOST_OK; i++)
        result = ensure_raw(host, plan->mounts[i].source, plan->mounts[i].size);
    return result;
}

/* ---- what it is to do ---- */

static void put(FILE *out, const char *key, const char *value)
{
    fwrite(key, 1, strlen(key) + 1, out);
    fwrite(value, 1, strlen(value) + 1, out);
}

static void put_number(FILE *out, const char *key, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof text, "%u", number);
    put(out, key, text);
}

static void put_file(FILE *out, const char *folder, const char *name)
{
    char path[PATH_CAP], text[1024], key[32];
    snprintf(key, sizeof key, "file.%s", name);
    if (path_join(path, "%s/%s", folder, name) && file_read(path, text, sizeof text)) put(out, key, text);
}

static void put_network(FILE *out, const machine_plan_t *plan)
{
    uint8_t gateway[4], ip6[16], gateway6[16];
    char text[INET6_ADDRSTRLEN + 4];
    network_gateway(&plan->network, gateway);
    snprintf(text, sizeof text, "%u.%u.%u.%u/%u", plan->ip[0], plan->ip[1], plan->ip[2], plan->ip[3],
             plan->network.prefix);
    put(out, "ip", text);
    put(out, "gateway", inet_ntop(AF_INET, gateway, text, sizeof text));
    if (!network_has_ip6(&plan->network)) return;
    network_ip6(&plan->network, plan->ip, ip6);
    network_ip6(&plan->network, gateway, gateway6);
    put(out, "ip6", inet_ntop(AF_INET6, ip6, text, sizeof text));
    put(out, "gateway6", inet_ntop(AF_INET6, gateway6, text, sizeof text));
}

static void put_program(FILE *out, const machine_plan_t *plan)
{
    for (uint32_t i = 0; plan->args && plan->args[i]; i++)
        put(out, "arg", plan->args[i]);
    if (!plan->args || !plan->args[0]) {
        put(out, "arg", "/sbin/init");
        put(out, "init", "1");
    }
    for (uint32_t i = 0; i < plan->env_count; i++) {
        char *text = NULL;
        if (asprintf(&text, "%s=%s", plan->env[i].key, plan->env[i].value) < 0) continue;
        put(out, "env", text);
        free(text);
    }
    put(out, "cwd", plan->cwd);
    put_number(out, "uid", plan->uid);
    put_number(out, "gid", plan->gid);
}

static bool write_guest(const machine_plan_t *plan, const char *folder)
{
    char path[PATH_CAP], *text = NULL;
    size_t len = 0;
    FILE *out  = open_memstream(&text, &len);
    if (!out) return false;
    put(out, "hostname", plan->hostname);
    put_network(out, plan);
    put_file(out, folder, "hostname");
    put_file(out, folder, "hosts");
    put_file(out, folder, "resolv.conf");
    for (uint32_t i = 0; i < plan->mount_count; i++)
        put(out, "mount", plan->mounts[i].target);
    put_program(out, plan);
    bool is_ok = fclose(out) == 0 && path_join(path, "%s/guest", folder) && file_put(path, text, len, 0600);
    explicit_bzero(text, len);
    free(text);
    return is_ok;
}

host_result_t machine_vm_prepare(const host_t *host, const machine_plan_t *plan, const char *folder,
                                 char root[PATH_CAP])
{
    if (host->vm.kind == VM_NONE)
        return host_fail(HOST_REFUSED, "this machine is a virtual one, and this node runs none");
    if (!plan->has_kernel && host->vm.root[0] == 0)
        return host_fail(HOST_REFUSED, "its image has no kernel, and this node gives none");
    if (!file_exists(plan->image)) return host_fail(HOST_LATER, "its image is not in the store");
    host_result_t result = ensure_disks(host, plan, root);
    if (result.status == HOST_OK && !write_guest(plan, folder))
        result = host_fail(HOST_LATER, "its files cannot be written: %s", strerror(errno));
    return result;
}

bool machine_vm_plan(const host_t *host, const machine_plan_t *plan, shim_plan_t *shim)
{
    shim->is_vm   = true;
    shim->vm_kind = host->vm.kind;
    shim->cpus    = (plan->cpu_millis + 999) / 1000;
    shim->memory  = plan->memory;
    snprintf(shim->vm_cpu, sizeof shim->vm_cpu, "%s", host->vm.cpu);
    snprintf(shim->vm_kernel, sizeof shim->vm_kernel, "%s",
             plan->has_kernel ? VM_IMAGE_KERNEL : host->vm.kernel);
    snprintf(shim->vm_root, sizeof shim->vm_root, "%s", plan->has_kernel ? "" : host->vm.root);
    return path_join(shim->vm_init, "%s", host->vm.init) && path_join(shim->runtime, "%s", host->vm.program);
}
