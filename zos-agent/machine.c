/* machine.c - a machine is a container, or a virtual machine, that a shim holds: made ready, started, frozen,
 * stopped, removed. */
#include "machine_internal.h"
#include "netlink.h"
#include "nft.h"
#include "oci.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNPACK_TIMEOUT_MS (10 * 60 * 1000)
#define SHIM_TIMEOUT_MS   60000
#define WAIT_STEP_MS      2
#define SHIM_END_MS       10000

bool machine_folder(const host_t *host, const char *wid, char path[PATH_CAP])
{
    return path_join(path, "%s/w/%s", host->run_dir, wid);
}

static void group_name(const host_t *host, const char *wid, char group[64])
{
    snprintf(group, 64, "%s/%s", host->prefix, wid);
}

static bool shim_holds(const char *folder)
{
    char path[PATH_CAP];
    return path_join(path, "%s/lock", folder) && lock_is_held(path);
}

machine_state_t machine_state(const host_t *host, const char *wid, int *code)
{
    char folder[PATH_CAP];
    shim_run_t run;
    shim_exit_t end;
    *code = -1;
    if (!machine_folder(host, wid, folder) || !file_exists(folder)) return MACHINE_ABSENT;
    bool is_held = shim_holds(folder), has_run = shim_run_read(folder, &run);
    if (shim_exit_read(folder, &end)) {
        *code = end.code;
        return is_held ? MACHINE_STARTING : MACHINE_ENDED; /* the shim still cleans up */
    }
    if (has_run && shim_run_is_alive(&run)) return is_held ? MACHINE_RUNNING : MACHINE_UNHELD;
    if (is_held) return MACHINE_STARTING;
    return has_run ? MACHINE_ENDED : MACHINE_ABSENT;
}

/* ---- making ---- */

static bool write_etc(const host_t *host, const machine_plan_t *plan, const char *folder)
{
    char path[PATH_CAP], text[512];
    int used = 0;
    for (int i = 0; host->dns[i]; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "nameserver %.63s\n", host->dns[i]);
    bool is_ok = path_join(path, "%s/resolv.conf", folder) && file_put(path, text, (size_t)used, 0644);
    used       = snprintf(text, sizeof text, "%s\n", plan->hostname);
    is_ok      = is_ok && path_join(path, "%s/hostname", folder) && file_put(path, text, (size_t)used, 0644);
    used = snprintf(text, sizeof text, "127.0.0.1 localhost\n::1 localhost\n%u.%u.%u.%u %s\n", plan->ip[0],
                    plan->ip[1], plan->ip[2], plan->ip[3], plan->hostname);
    return is_ok && path_join(path, "%s/hosts", folder) && file_put(path, text, (size_t)used, 0644);
}

/* Readable for the machine's own user alone. */
static bool write_settings(const machine_plan_t *plan, const char *folder)
{
    char path[PATH_CAP];
    uint32_t owner = plan->user_base + plan->uid;
    return !plan->settings ||
           (path_join(path, "%s/settings", folder) &&
            file_put(path, plan->settings, strlen(plan->settings), 0400) && chown(path, owner, owner) == 0);
}

static bool write_config(const host_t *host, const machine_plan_t *plan, const char *folder)
{
    char path[PATH_CAP], cgroup[72];
    snprintf(cgroup, sizeof cgroup, "/%s/%s", host->prefix, plan->wid);
    char *text = oci_config(plan, &(oci_place_t){cgroup, folder, host->cgroup.kind == CGROUP_V2});
    bool is_ok =
        text && path_join(path, "%s/config.json", folder) && file_put(path, text, strlen(text), 0600);
    free(text);
    return is_ok;
}

static host_result_t unpack_image(const char *packed, const char *image)
{
    char fresh[PATH_CAP];
    spawn_result_t said;
    if (!path_join(fresh, "%s.new", image)) return host_fail(HOST_REFUSED, "the path is too long");
    folder_remove(fresh);
    if (!SPAWN_FRESH(&said, UNPACK_TIMEOUT_MS, "unsquashfs", "-no-progress", "-quiet", "-d", fresh, packed))
        return host_fail(HOST_LATER, "its image cannot be unpacked: %.200s", said.text);
    if (rename(fresh, image) != 0)
        return host_fail(HOST_LATER, "its image cannot be unpacked: %s", strerror(errno));
    return host_ok();
}

/* The image as the shim is to mount it: the file, or the folder that it is unpacked to where the kernel can
 * shift only folders.  It is unpacked once, for all that run it: nobody writes there. */
static host_result_t ensure_image(const host_t *host, const machine_plan_t *plan, char image[PATH_CAP])
{
    static pthread_mutex_t unpacking = PTHREAD_MUTEX_INITIALIZER;
    if (!file_exists(plan->image)) return host_fail(HOST_LATER, "its image is not in the store");
    if (host->shifts != HOST_SHIFTS_FOLDERS || plan->user_base == 0)
        return path_join(image, "%s", plan->image) ? host_ok()
                                                   : host_fail(HOST_REFUSED, "the path is too long");
    if (!path_join(image, "%s.tree", plan->image)) return host_fail(HOST_REFUSED, "the path is too long");
    if (file_exists(image)) return host_ok();
    if (pthread_mutex_trylock(&unpacking) != 0)
        return host_fail(HOST_WAITS, "waits for an image that is being unpacked"); /* and holds no lane */
    host_result_t result = file_exists(image) ? host_ok() : unpack_image(plan->image, image);
    pthread_mutex_unlock(&unpacking);
    return result;
}

static bool write_shim_plan(const host_t *host, const machine_plan_t *plan, const char *folder,
                            const char *image, const char *root)
{
    shim_plan_t *shim = calloc(1, sizeof *shim);
    if (!shim || plan->mount_count > SHIM_VOLUMES_CAP) {
        free(shim);
        return false;
    }
    snprintf(shim->wid, sizeof shim->wid, "%s", plan->wid);
    snprintf(shim->bridge, sizeof shim->bridge, NFT_BRIDGE);
    snprintf(shim->veth, sizeof shim->veth, "v%s", plan->wid);
    snprintf(shim->unified, sizeof shim->unified, "%s", host->unified);
    group_name(host, plan->wid, shim->cgroup);
    network_namespace(host, plan->network.id, shim->netns);
    network_gateway(&plan->network, shim->gateway);
    memcpy(shim->ip, plan->ip, 4);
    network_ip6(&plan->network, plan->ip, shim->ip6);
    network_ip6(&plan->network, shim->gateway, shim->gateway6);
    shim->prefix       = plan->network.prefix;
    shim->user_base    = plan->user_base;
    shim->volume_count = plan->mount_count;
    bool is_ok         = path_join(shim->folder, "%s", folder) && path_join(shim->image, "%s", image) &&
                 path_join(shim->root, "%s", root) && path_join(shim->runtime, "%s", host->runtime) &&
                 path_join(shim->runtime_root, "%s/runtime", host->run_dir);
    for (uint32_t i = 0; i < plan->mount_count; i++)
        is_ok = is_ok && path_join(shim->volumes[i], "%s", plan->mounts[i].source) &&
                snprintf(shim->targets[i], sizeof shim->targets[i], "%s", plan->mounts[i].target) <=
                    SHIM_TARGET_MAX;
    if (plan->is_vm) is_ok = is_ok && machine_vm_plan(host, plan, shim);
    is_ok = is_ok && shim_plan_write(shim);
    free(shim);
    return is_ok;
}

/* The layer that takes a machine's changes: a disk of its own, with the two folders that overlayfs wants. */
static host_result_t ensure_root(const host_t *host, const machine_plan_t *plan, char root[PATH_CAP])
{
    char name[32], upper[PATH_CAP], work[PATH_CAP];
    snprintf(name, sizeof name, "root-%s", plan->wid);
    host_result_t result = disk_ensure(host, name, plan->root_size, 0);
    if (result.status != HOST_OK) return result;
    if (!disk_path(host, name, root) || !path_join(upper, "%s/upper", root) ||
        !path_join(work, "%s/work", root) || !folder_make(upper, 0755) || !folder_make(work, 0755) ||
        chmod(root, 0711) != 0 || chown(upper, plan->user_base, plan->user_base) != 0 ||
        chown(work, plan->user_base, plan->user_base) != 0)
        return host_fail(HOST_LATER, "the root disk cannot be prepared: %s", strerror(errno));
    return result;
}

/* Removes what a machine that is not running left in the kernel. */
static void drop_kernel_part(const host_t *host, const char *wid)
{
    char group[64], root[PATH_CAP], record[PATH_CAP];
    group_name(host, wid, group);
    cgroup_kill(&host->cgroup, group);
    if (path_join(root, "%s/runtime", host->run_dir) && path_join(record, "%s/%s", root, wid) &&
        file_exists(record))
        SPAWN(NULL, SHIM_TIMEOUT_MS, host->runtime, "--root", root, "delete", "--force", wid);
    if (path_join(record, "%s/runtime/%s", host->run_dir, wid)) folder_remove(record);
    cgroup_remove(&host->cgroup, group);
}

/* Users read why a machine cannot start, and need not know where it would have been. */
static void hide_path(char *text, const char *path)
{
    size_t len = strlen(path);
    for (char *at; (at = strstr(text, path));)
        memmove(at, at + len, strlen(at + len) + 1);
}

static host_result_t start_shim(const host_t *host, const char *folder)
{
    spawn_result_t said;
    if (SPAWN(&said, SHIM_TIMEOUT_MS, host->shim, folder)) return host_ok();
    hide_path(said.text, folder);
    hide_path(said.text, host->state_dir);
    const char *const for_ever[] = {"executable file",         "no such file or directory",
                                    "permission denied",       "is a directory",
                                    "exec format error",       "a symbolic link of the image",
                                    "ended before it started", "it has no kernel",
                                    "its kernel is none",      NULL};
    for (size_t i = 0; for_ever[i]; i++)
        if (strstr(said.text, for_ever[i]))
            return host_fail(HOST_REFUSED, "it cannot be started: %.400s", said.text);
    return host_fail(HOST_LATER, "it cannot be started: %.400s", said.text);
}

host_result_t machine_connect(const host_t *host, const char *wid)
{
    char folder[PATH_CAP];
    shim_run_t run;
    shim_plan_t *plan = calloc(1, sizeof *plan);
    bool is_running   = plan && machine_folder(host, wid, folder) && shim_run_read(folder, &run) &&
                      shim_run_is_alive(&run) && shim_plan_read(folder, plan);
    int network = is_running ? netns_open(plan->netns) : -1;
    bool is_ok  = !is_running || (network >= 0 && shim_connect(plan, network, run.pid));
    if (network >= 0) close(network);
    free(plan);
    return is_ok ? host_ok() : host_fail(HOST_LATER, "its network cannot be connected: %s", strerror(errno));
}

static host_result_t prepare_container(const host_t *host, const machine_plan_t *plan, const char *folder,
                                       char image[PATH_CAP], char root[PATH_CAP])
{
    host_result_t result = ensure_image(host, plan, image);
    if (result.status == HOST_OK) result = ensure_root(host, plan, root);
    if (result.status == HOST_OK && (!write_config(host, plan, folder) || !write_settings(plan, folder)))
        result = host_fail(HOST_LATER, "its files cannot be written: %s", strerror(errno));
    return result;
}

host_result_t machine_ensure(const host_t *host, const machine_plan_t *plan)
{
    char folder[PATH_CAP], root[PATH_CAP], image[PATH_CAP];
    int code;
    machine_state_t state = machine_state(host, plan->wid, &code);
    if (state == MACHINE_RUNNING) return machine_connect(host, plan->wid);
    if (state == MACHINE_STARTING) return host_fail(HOST_LATER, "it is starting");
    if (!machine_folder(host, plan->wid, folder) || !folder_make(folder, 0711))
        return host_fail(HOST_LATER, "it has no folder: %s", strerror(errno));
    if (state == MACHINE_UNHELD) return start_shim(host, folder);
    drop_kernel_part(host, plan->wid);
    if (!path_join(image, "%s", plan->image) || !write_etc(host, plan, folder))
        return host_fail(HOST_LATER, "its files cannot be written: %s", strerror(errno));
    host_result_t result = plan->is_vm ? machine_vm_prepare(host, plan, folder, root)
                                       : prepare_container(host, plan, folder, image, root);
    if (result.status != HOST_OK) return result;
    if (!write_shim_plan(host, plan, folder, image, root))
        return host_fail(HOST_LATER, "its files cannot be written: %s", strerror(errno));
    return start_shim(host, folder);
}

/* ---- pausing and stopping ---- */

/* A virtual machine is stopped, too, so that its clock stands still; one that does not answer is frozen all
 * the same.  True for a container. */
static bool order_vm(const host_t *host, const char *wid, const char *order)
{
    char folder[PATH_CAP];
    shim_run_t run;
    if (!machine_folder(host, wid, folder) || !vm_is_one(folder)) return true;
    if (!shim_run_read(folder, &run) || !shim_run_is_alive(&run)) return true;
    return vm_order(folder, order, VM_ANSWER_MS);
}

host_result_t machine_pause(const host_t *host, const char *wid, bool is_paused)
{
    char group[64];
    group_name(host, wid, group);
    if (!cgroup_exists(&host->cgroup, group)) return host_ok(); /* what does not run need not be stopped */
    if (is_paused) order_vm(host, wid, "stop");
    bool is_ok = cgroup_freeze(&host->cgroup, group, is_paused);
    if (is_ok && !is_paused) is_ok = order_vm(host, wid, "cont");
    if (is_ok) return host_ok();
    return host_fail(HOST_LATER, is_paused ? "it cannot be frozen" : "it cannot be thawed");
}

/* The first process of a pid namespace gets no signal that it neither handles nor waits for. */
static bool hears(int pid, int signal)
{
    static const char *const sets[] = {"\nSigBlk:", "\nSigCgt:"};
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (!file_read(path, text, sizeof text)) return true;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const char *at = strstr(text, sets[i]);
        if (!at || strtoull(at + strlen(sets[i]), NULL, 16) >> (signal - 1) & 1) return true;
    }
    return false;
}

/* Asks the first process to end, and waits for a while if it listens. */
static void ask_to_end(const host_t *host, const char *wid, const shim_run_t *run)
{
    char folder[PATH_CAP];
    int pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    if (pidfd < 0) return;
    struct pollfd fd = {.fd = pidfd, .events = POLLIN};
    machine_pause(host, wid, false);
    if (machine_folder(host, wid, folder) && vm_is_one(folder)) {
        if (vm_order(folder, "system_powerdown", VM_ANSWER_MS)) poll(&fd, 1, VM_STOP_MS);
        close(pidfd);
        return;
    }
    if (process_start_ticks(run->pid) == run->start_ticks && shim_run_is_alive(run) &&
        hears(run->pid, SIGTERM) && syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) == 0)
        poll(&fd, 1, HOST_STOP_MS);
    close(pidfd);
}

static bool shim_is_gone(const char *folder)
{
    for (int waited = 0; waited < SHIM_END_MS; waited += WAIT_STEP_MS) {
        if (!shim_holds(folder)) return true;
        poll(NULL, 0, WAIT_STEP_MS);
    }
    return false;
}

host_result_t machine_stop(const host_t *host, const char *wid)
{
    char folder[PATH_CAP], group[64];
    shim_run_t run;
    group_name(host, wid, group);
    if (!machine_folder(host, wid, folder)) return host_ok();
    if (shim_run_read(folder, &run) && shim_run_is_alive(&run)) ask_to_end(host, wid, &run);
    cgroup_kill(&host->cgroup, group);
    return shim_is_gone(folder) ? host_ok() : host_fail(HOST_LATER, "it does not end");
}

host_result_t machine_drop(const host_t *host, const char *wid)
{
    char folder[PATH_CAP], group[64], name[32];
    group_name(host, wid, group);
    if (!machine_folder(host, wid, folder)) return host_ok();
    host_result_t result = machine_stop(host, wid);
    if (result.status != HOST_OK) return result;
    drop_kernel_part(host, wid);
    snprintf(name, sizeof name, "root-%s", wid);
    result = disk_drop(host, name);
    if (result.status != HOST_OK) return result;
    if (!folder_remove(folder))
        return host_fail(HOST_LATER, "its folder cannot be removed: %s", strerror(errno));
    if (cgroup_exists(&host->cgroup, group)) return host_fail(HOST_LATER, "its group is still in use");
    return host_ok();
}

bool machine_usage(const host_t *host, const char *wid, cgroup_usage_t *usage)
{
    char group[64];
    group_name(host, wid, group);
    return cgroup_usage(&host->cgroup, group, usage);
}
