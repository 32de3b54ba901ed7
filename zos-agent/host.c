/* host.c - what a machine can do, and what of ours is on it. */
#include "host.h"
#include "mounts.h"
#include "netlink.h"
#include "runner.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOOL_TIMEOUT_MS 30000
#define PROBE_BASE      100000

host_result_t host_ok(void) { return (host_result_t){.status = HOST_OK}; }

host_result_t host_fail(host_status_t status, const char *format, ...)
{
    host_result_t result = {.status = status};
    va_list args;
    va_start(args, format);
    vsnprintf(result.error, sizeof result.error, format, args);
    va_end(args);
    return result;
}

/* ---- what there is ---- */

static bool find_program(const char *name, char path[PATH_CAP])
{
    static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                          "/usr/bin",        "/sbin",          "/bin"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (path_join(path, "%s/%s", folders[i], name) && access(path, X_OK) == 0) return true;
    return false;
}

/* crun takes no hybrid tree: there runc goes first, and crun must not see the part that confuses it. */
static bool choose_runtime(host_t *host, const char *wanted)
{
    bool is_v2 = host->cgroup.kind == CGROUP_V2;
    const char *const *try =
        is_v2 ? (const char *const[]){"crun", "runc", NULL} : (const char *const[]){"runc", "crun", NULL};
    bool is_found = wanted && wanted[0] == '/' && path_join(host->runtime, "%s", wanted);
    if (wanted && !is_found) is_found = find_program(wanted, host->runtime);
    for (; !wanted && !is_found && *try; try++)
        is_found = find_program(*try, host->runtime);
    if (!is_found) return false;
    if (host->cgroup.kind != CGROUP_HYBRID || !strstr(host->runtime, "crun")) return true;
    for (uint32_t i = 0; i < host->cgroup.tree_count; i++)
        if (host->cgroup.tree[i].options[0] == 0)
            snprintf(host->unified, sizeof host->unified, "%s", host->cgroup.tree[i].path);
    return true;
}

static bool kernel_has(const char *type)
{
    char text[8192], wanted[32];
    snprintf(wanted, sizeof wanted, "\t%s\n", type);
    return file_read("/proc/filesystems", text, sizeof text) && strstr(text, wanted);
}

/* Most kernels have these as modules that nobody asked for yet. */
static void load_modules(void)
{
    static const char *const modules[] = {"loop", "overlay", "squashfs", "btrfs"};
    int filter                         = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (filter >= 0)
        close(filter);
    else
        SPAWN(NULL, TOOL_TIMEOUT_MS, "modprobe", "-q", "nf_tables");
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (!kernel_has(modules[i]) && (i > 0 || !file_exists("/dev/loop-control")))
            SPAWN(NULL, TOOL_TIMEOUT_MS, "modprobe", "-q", modules[i]);
}

/* In a child: makes and mounts an image and shifts its owners, else those of a plain folder; the exit code is
 * the answer.  All of it is in memory: a disk that is full must not look like a kernel that cannot. */
static int try_shifting(const char *folder)
{
    char image[PATH_CAP], inner[PATH_CAP], outer[PATH_CAP];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", folder, "tmpfs", MS_NODEV | MS_NOSUID, "size=4m,mode=0700") != 0)
        return HOST_SHIFTS_NONE;
    if (!path_join(image, "%s/image", folder) || !path_join(inner, "%s/a", folder) ||
        !path_join(outer, "%s/b", folder) || !folder_make(inner, 0700) || !folder_make(outer, 0700))
        return HOST_SHIFTS_NONE;
    if (SPAWN(NULL, TOOL_TIMEOUT_MS, "mksquashfs", "/proc/self/fdinfo", image, "-quiet", "-no-progress",
              "-noappend") &&
        mount_file(image, inner, "squashfs", MS_RDONLY, NULL) && mount_shifted(inner, outer, PROBE_BASE))
        return HOST_SHIFTS_IMAGES;
    return mount_shifted(outer, outer, PROBE_BASE) ? HOST_SHIFTS_FOLDERS : HOST_SHIFTS_NONE;
}

/* Whether images can be seen through a user namespace is only known by trying; folders are tried where images
 * are. */
static host_shifts_t probe_shifting(const host_t *host)
{
    int status  = -1;
    pid_t child = fork();
    if (child == 0) _exit(try_shifting(host->run_dir));
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status >= 0 && WIFEXITED(status) ? (host_shifts_t)WEXITSTATUS(status) : HOST_SHIFTS_NONE;
}

static bool is_prefix(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    return len >= 1 && len <= HOST_PREFIX_MAX && text[len] == 0;
}

/* A folder that can stand in a mount's options. */
static bool set_folder(char out[PATH_CAP], const char *path, unsigned mode)
{
    char given[PATH_CAP], *real;
    if (!path_join(given, "%s", path) || strlen(path) > PATH_CAP - 100 || !folder_make(given, mode))
        return false;
    real       = realpath(given, NULL);
    bool is_ok = real && !strpbrk(real, ",:\\ \t\n\"") && path_join(out, "%s", real);
    free(real);
    return is_ok;
}

static bool set_folders(host_t *host, const host_config_t *config)
{
    char run[PATH_CAP], own[PATH_CAP];
    ssize_t len            = readlink("/proc/self/exe", own, sizeof own - 1);
    own[len > 0 ? len : 0] = 0;
    char *slash            = strrchr(own, '/');
    if (slash) *slash = 0;
    bool is_ok =
        path_join(run, config->run_dir ? "%s" : "/run/%s",
                  config->run_dir ? config->run_dir : host->prefix) &&
        set_folder(host->run_dir, run, 0711) && set_folder(host->state_dir, config->state_dir, 0711) &&
        path_join(host->shim, config->shim ? "%s" : "%s/zos-shim", config->shim ? config->shim : own);
    host->is_pool_given = config->pool_dir != NULL;
    if (config->pool_dir) return is_ok && set_folder(host->pool_dir, config->pool_dir, 0711);
    return is_ok && path_join(host->pool_dir, "%s/pool", host->state_dir);
}

/* The first process of a user namespace walks to its root file system with the rights of nobody. */
static bool is_reachable(const char *path)
{
    char part[PATH_CAP];
    struct stat st;
    for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        const char *next = strchr(slash + 1, '/');
        size_t len       = next ? (size_t)(next - path) : strlen(path);
        if (!path_join(part, "%.*s", (int)len, path) || stat(part, &st) != 0 || !(st.st_mode & S_IXOTH))
            return false;
    }
    return true;
}

static bool refuse(char error[HOST_ERROR_MAX + 1], const char *text)
{
    snprintf(error, HOST_ERROR_MAX + 1, "%s", text);
    return false;
}

/* Two prefixes in some 250 have one range of addresses; and other programs have addresses, too. */
static bool set_prefix(host_t *host, const char *prefix, char error[HOST_ERROR_MAX + 1])
{
    char link[16];
    uint8_t range[4];
    if (!is_prefix(prefix)) return refuse(error, "the prefix must be one to four of a to z");
    snprintf(host->prefix, sizeof host->prefix, "%s", prefix);
    if (!network_range_user(prefix, link)) return true;
    network_range(prefix, range);
    snprintf(error, HOST_ERROR_MAX + 1,
             "the link %s has an address in %u.%u.%u.0/%d, where the networks of the prefix %s have theirs: "
             "choose another prefix",
             link, range[0], range[1], range[2], NETWORK_RANGE_PREFIX, prefix);
    return false;
}

static bool is_domain(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.");
    return len >= 1 && len <= GATEWAY_HOST_MAX - DEPLOYMENT_NAME_MAX - 1 && text[len] == 0;
}

/* What goes into haproxy's configuration is checked here: it holds no blanks and no quotes. */
static bool set_gateway(host_t *host, const host_config_t *config, char error[HOST_ERROR_MAX + 1])
{
    gateway_settings_t *g = &host->gateway;
    const char *address   = config->gateway_address ? config->gateway_address : "0.0.0.0";
    const char *pem       = config->gateway_certificate ? config->gateway_certificate : "";
    struct in_addr parsed;
    if (!config->gateway_domain) return true;
    if (!is_domain(config->gateway_domain))
        return refuse(error, "gateway.domain must be a domain name in small letters");
    if (inet_pton(AF_INET, address, &parsed) != 1)
        return refuse(error, "gateway.address must be an IPv4 address");
    if (config->gateway_http_port < 1 || config->gateway_http_port > 65535 ||
        config->gateway_https_port < 1 || config->gateway_https_port > 65535)
        return refuse(error, "gateway.http_port and gateway.https_port must be 1 to 65535");
    if (pem[0] && (strpbrk(pem, " \t\n\"'\\#$") || !file_exists(pem)))
        return refuse(error, "gateway.certificate must be a PEM file or a folder, its path without blanks");
    if (!find_program("haproxy", g->program)) return refuse(error, "a gateway needs haproxy: install it");
    g->is_on      = true;
    g->http_port  = (uint16_t)config->gateway_http_port;
    g->https_port = (uint16_t)config->gateway_https_port;
    snprintf(g->domain, sizeof g->domain, "%s", config->gateway_domain);
    snprintf(g->address, sizeof g->address, "%s", address);
    return pem[0] == 0 || path_join(g->certificate, "%s", pem) ||
           refuse(error, "gateway.certificate: a long path");
}

static bool set_public6(host_t *host, const host_config_t *config, char error[HOST_ERROR_MAX + 1])
{
    const char *net = config->public_net6, *gateway = config->public_gateway6;
    char text[INET6_ADDRSTRLEN];
    uint8_t address[16];
    if (!net && !gateway) return true;
    size_t len = net ? strcspn(net, "/") : 0;
    if (!net || !gateway || !host->public_link[0] || len >= sizeof text || strcmp(net + len, "/64") != 0)
        return refuse(error, "public.net6 is A::/64 on public.link, with a public.gateway6");
    snprintf(text, sizeof text, "%.*s", (int)len, net);
    if (inet_pton(AF_INET6, text, address) != 1 || inet_pton(AF_INET6, gateway, host->public_gateway6) != 1)
        return refuse(error, "public.net6 or public.gateway6 is no IPv6 address");
    memcpy(host->public_net6, address, sizeof host->public_net6);
    host->has_public6 = true;
    return true;
}

/* The link may come later; its name goes into rules. */
static bool set_public(host_t *host, const host_config_t *config, char error[HOST_ERROR_MAX + 1])
{
    const char *link = config->public_link ? config->public_link : "";
    if (link[0] && config->is_public_routed)
        return refuse(error, "public.link and public.routed exclude each other");
    if (strlen(link) >= sizeof host->public_link || strpbrk(link, " \t\n\"/"))
        return refuse(error, "public.link must be the name of a link");
    snprintf(host->public_link, sizeof host->public_link, "%s", link);
    return set_public6(host, config, error);
}

/* ".../boot/NAME" is NAME below a root that has lib/modules, too. */
static bool set_vm(host_t *host, const host_config_t *config, char error[HOST_ERROR_MAX + 1])
{
    vm_settings_t *vm = &host->vm;
    const char *path = config->vm_kernel ? config->vm_kernel : "", *name = strrchr(path, '/');
    char probe[PATH_CAP];
    snprintf(vm->why_not, sizeof vm->why_not, "vm_kernel is not set");
    if (!path[0]) return true;
    if (path[0] != '/' || name - path < 5 || strncmp(name - 5, "/boot", 5) != 0 || strlen(name) > 50)
        return refuse(error, "vm_kernel must be a path that ends with /boot/NAME");
    snprintf(vm->kernel, sizeof vm->kernel, "boot%s", name);
    if (!path_join(vm->root, "%.*s/", (int)(name - 5 - path), path) ||
        !path_join(vm->init, "%.*s/zos-init", (int)(strrchr(host->shim, '/') - host->shim), host->shim) ||
        !path_join(probe, "%s/vm-probe", host->run_dir))
        return refuse(error, "vm_kernel: a long path");
    if (!file_exists(path)) return refuse(error, "vm_kernel: there is no such file");
    if (!file_exists(vm->init)) return refuse(error, "the program zos-init is not beside zos-shim");
    if (!find_program("qemu-system-x86_64", vm->program)) {
        snprintf(vm->why_not, sizeof vm->why_not, "there is no QEMU: install qemu-system-x86");
        return true;
    }
    vm_probe(vm, config->is_vm_emulated, probe);
    return true;
}

bool host_init(host_t *host, const host_config_t *config, char error[HOST_ERROR_MAX + 1])
{
    char tool[PATH_CAP];
    *host = (host_t){
        .pool_size        = config->pool_size,
        .is_lan_blocked   = config->is_lan_blocked,
        .is_public_routed = config->is_public_routed,
        .is_ipv6_off      = config->is_ipv6_off,
        .dns              = {"1.1.1.1", "8.8.8.8"}
    };
    if (!set_prefix(host, config->prefix, error)) return false;
    if (geteuid() != 0)
        return refuse(error, "the agent must run as root: it makes namespaces, mounts and rules");
    if (!set_folders(host, config))
        return refuse(
            error, "the state or run directory cannot be used: its path must exist or be makeable, be short, "
                   "and hold no blanks, commas or colons");
    if (access(host->shim, X_OK) != 0) return refuse(error, "the program zos-shim is not beside the agent");
    if (!cgroup_probe(&host->cgroup))
        return refuse(error, "no control groups are mounted under /sys/fs/cgroup");
    if (!choose_runtime(host, config->runtime))
        return refuse(error, "no container runtime: install runc or crun");
    if (!find_program("mksquashfs", tool))
        return refuse(error, "mksquashfs is missing: install squashfs-tools");
    load_modules();
    int filter = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (filter < 0) return refuse(error, "the kernel has no nf_tables: load the module");
    close(filter);
    if (!kernel_has("overlay") || !kernel_has("squashfs"))
        return refuse(error, "the kernel has no overlay or no squashfs: load the modules");
    if (!set_gateway(host, config, error) || !set_public(host, config, error)) return false;
    if (!path_join(host->logs_program, "%.*s/zos-logs", (int)(strrchr(host->shim, '/') - host->shim),
                   host->shim) ||
        access(host->logs_program, X_OK) != 0)
        host->logs_program[0] = 0;
    if (!find_program("redis-server", host->zdb_program)) host->zdb_program[0] = 0;
    if (!set_vm(host, config, error)) return false;
    host->wireguard = wireguard_probe(host->prefix);
    host->has_btrfs = !config->is_ext4_forced && kernel_has("btrfs") && find_program("mkfs.btrfs", tool);
    host->shifts    = config->is_user_space_off ? HOST_SHIFTS_NONE : probe_shifting(host);
    host->has_user_spaces = host->shifts != HOST_SHIFTS_NONE;
    if (host->has_user_spaces && !is_reachable(host->run_dir))
        return refuse(
            error,
            "workloads in user namespaces cannot reach the run directory: it and all above it need the "
            "right to enter for others (chmod o+x), or user_namespaces must be false");
    return true;
}

/* ---- what is left over ---- */

typedef struct {
    const host_t *host;
    void (*fn)(void *context, char kind, const char *name);
    void *context;
} listing_t;

static void take_machine(void *context, const char *name)
{
    const listing_t *listing = context;
    if (strlen(name) == WID_LEN) listing->fn(listing->context, 'w', name);
}

static void take_network(void *context, const char *name)
{
    const listing_t *listing = context;
    char start[16];
    snprintf(start, sizeof start, "%sn-", listing->host->prefix);
    size_t len = strlen(start);
    if (strncmp(name, start, len) == 0 && strlen(name) == len + NETWORK_LEN)
        listing->fn(listing->context, 'n', name + len);
}

static void take_disk(void *context, const char *name)
{
    const listing_t *listing = context;
    if (strncmp(name, "vol-", 4) == 0 || strncmp(name, "root-", 5) == 0)
        listing->fn(listing->context, 'd', name);
}

static void take_trash(void *context, const char *name)
{
    const listing_t *listing = context;
    listing->fn(listing->context, 't', name);
}

void host_list(const host_t *host, void (*fn)(void *context, char kind, const char *name), void *context)
{
    listing_t listing = {host, fn, context};
    char path[PATH_CAP];
    cgroup_children(&host->cgroup, host->prefix, take_machine, &listing);
    DIR *dir = path_join(path, "%s/w", host->run_dir) ? opendir(path) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        take_machine(&listing, entry->d_name);
    if (dir) closedir(dir);
    netns_list(take_network, &listing);
    disk_list(host, take_disk, &listing);
    trash_list(host, take_trash, &listing);
}

host_result_t host_drop(const host_t *host, char kind, const char *name)
{
    if (kind == 'w') return machine_drop(host, name);
    if (kind == 'n') return network_drop(host, name);
    if (kind == 't') return trash_drop(host, name);
    return disk_drop(host, name);
}

void host_rest(const host_t *host)
{
    char path[PATH_CAP];
    pool_rest(host);
    cgroup_rest(&host->cgroup, host->prefix);
    if (path_join(path, "%s/w", host->run_dir)) rmdir(path);
    if (path_join(path, "%s/runtime", host->run_dir)) rmdir(path);
}
