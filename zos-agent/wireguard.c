/* wireguard.c - the mesh of a network: its part on this node, tied to those on others.
 *
 * The link lives in the network's namespace; packets of its port reach it through the host by translation, as
 * published ports do.  Where the kernel has no WireGuard a wireguard-go does it, which ends with its link. */
#include "hash.h"
#include "host.h"
#include "netlink.h"
#include "runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOOL_TIMEOUT_MS 10000
#define SOCKET_DIR      "/var/run/wireguard"
#define MARK_LEN        64 /* hex digits of what a link was last told */

void wireguard_name(const char *prefix, const char *id, char name[16])
{
    snprintf(name, 16, "%sw%.8s", prefix, id);
}

host_wireguard_t wireguard_probe(const char *prefix)
{
    char name[LINK_NAME_CAP];
    int own = netns_own();
    wireguard_name(prefix, "probe", name);
    bool has_kernel = own >= 0 && link_wireguard(own, name);
    if (has_kernel) link_drop(own, name);
    if (own >= 0) close(own);
    if (!SPAWN(NULL, TOOL_TIMEOUT_MS, "wg", "--version")) return HOST_WIREGUARD_NONE;
    if (has_kernel) return HOST_WIREGUARD_KERNEL;
    bool has_program =
        file_exists("/dev/net/tun") && SPAWN(NULL, TOOL_TIMEOUT_MS, "wireguard-go", "--version");
    return has_program ? HOST_WIREGUARD_PROGRAM : HOST_WIREGUARD_NONE;
}

/* ---- programs in the namespace ---- */

typedef struct {
    const char *const *argv;
    spawn_result_t said;
} inside_t;

static bool run_inside(void *context)
{
    inside_t *inside = context;
    return spawn_run(inside->argv, TOOL_TIMEOUT_MS, &inside->said);
}

static bool inside(int netns, const char *const *argv)
{
    inside_t run = {.argv = argv};
    return netns_inside(netns, run_inside, &run);
}
#define INSIDE(netns, ...) inside(netns, (const char *const[]){__VA_ARGS__, NULL})

/* ---- what it was last told ---- */

static bool mark_path(const host_t *host, const char *name, char path[PATH_CAP])
{
    return path_join(path, "%s/wireguard/%s", host->run_dir, name);
}

static void mark_of(const wireguard_plan_t *plan, char mark[MARK_LEN + 1])
{
    uint8_t digest[2][32];
    blake2b(digest[0], 32, bytes_text(plan->text));
    memcpy(digest[1], plan->address, 4);
    memset(digest[1] + 4, 0, 28);
    blake2b(digest[0], 32, (bytes_t){digest[0], sizeof digest});
    for (size_t i = 0; i < 32; i++)
        snprintf(mark + 2 * i, 3, "%02x", digest[0][i]);
}

static bool is_told(const host_t *host, const char *name, const char *mark)
{
    char path[PATH_CAP], last[MARK_LEN + 1];
    return mark_path(host, name, path) && file_read(path, last, sizeof last) && strcmp(last, mark) == 0;
}

/* ---- making ---- */

static bool make_link(const host_t *host, int netns, const char *name)
{
    if (link_exists(netns, name)) return true;
    if (host->wireguard == HOST_WIREGUARD_KERNEL) return link_wireguard(netns, name);
    return INSIDE(netns, "wireguard-go", name);
}

/* The file holds the secret for the moment that wg reads it. */
static bool configure(const host_t *host, int netns, const char *name, const wireguard_plan_t *plan)
{
    char folder[PATH_CAP], path[PATH_CAP];
    if (!path_join(folder, "%s/wireguard", host->run_dir) || !folder_make(folder, 0700) ||
        !path_join(path, "%s/%s.conf", folder, name) ||
        !file_replace(path, plan->text, strlen(plan->text), 0600))
        return false;
    bool is_ok = INSIDE(netns, "wg", "syncconf", name, path);
    unlink(path);
    is_ok = is_ok && link_address(netns, name, plan->address, 32) && link_up(netns, name, NULL);
    is_ok = is_ok && INSIDE(netns, "ip", "route", "flush", "dev", name, "proto", "static");
    for (uint32_t i = 0; i < plan->route_count && is_ok; i++)
        is_ok = route_link(netns, name, plan->routes[i].ip, plan->routes[i].prefix);
    return is_ok;
}

host_result_t wireguard_ensure(const host_t *host, int netns, const network_plan_t *network)
{
    char name[LINK_NAME_CAP], path[PATH_CAP], mark[MARK_LEN + 1];
    const wireguard_plan_t *plan = &network->wireguard;
    wireguard_name(host->prefix, network->id, name);
    if (!plan->text) {
        wireguard_drop(host, netns, network->id);
        return host_ok();
    }
    mark_of(plan, mark);
    if (link_exists(netns, name) && is_told(host, name, mark)) return host_ok();
    if (!mark_path(host, name, path)) return host_fail(HOST_LATER, "a long path");
    unlink(path);
    if (!make_link(host, netns, name)) return host_fail(HOST_LATER, "WireGuard does not start");
    if (!configure(host, netns, name, plan) || !file_replace(path, mark, MARK_LEN, 0600))
        return host_fail(HOST_LATER, "WireGuard does not take its settings");
    return host_ok();
}

void wireguard_drop(const host_t *host, int netns, const char *id)
{
    char name[LINK_NAME_CAP], path[PATH_CAP];
    wireguard_name(host->prefix, id, name);
    if (link_exists(netns, name)) link_drop(netns, name);
    if (mark_path(host, name, path)) unlink(path);
    if (path_join(path, SOCKET_DIR "/%s.sock", name)) unlink(path);
    if (path_join(path, "%s/wireguard", host->run_dir)) rmdir(path);
}
