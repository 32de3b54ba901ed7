/* public.c - public addresses of machines: each leads to one machine, whose traffic leaves with it.
 *
 * The address is on the farmer's wire by a macvlan that lives in the network's namespace, so that nothing of
 * it is left when that is gone; or the farmer's router sends it to the host, which passes it on.  Translation
 * is the network's (nft.c).  A machine that is paused has no address: another node may have it by then. */
#include "hash.h"
#include "host.h"
#include "netlink.h"
#include "nft.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 1024 /* entries of one namespace's list that are looked at */

static bool has_address(const guest_plan_t *guest)
{
    return (guest->public_ip.is_given || guest->public_ip.has_ip6) && !guest->is_paused;
}

static bool is_wanted(const network_plan_t *network, const uint8_t ip[4])
{
    for (uint32_t i = 0; i < network->guest_count; i++)
        if (has_address(&network->guests[i]) && memcmp(network->guests[i].public_ip.ip, ip, 4) == 0)
            return true;
    return false;
}

/* ---- what is there ---- */

typedef struct {
    char name[LINK_NAME_CAP];
    uint8_t ip[4]; /* zeros: none */
} seen_t;

typedef struct {
    char start[LINK_NAME_CAP]; /* of the names that are looked for */
    seen_t *seen;
    uint32_t count;
} list_t;

/* In the network's namespace.  A link is named once without an address, and once with each. */
static bool see_links(void *context)
{
    list_t *list        = context;
    struct ifaddrs *all = NULL;
    struct sockaddr_in address;
    if (getifaddrs(&all) != 0) return false;
    for (const struct ifaddrs *at = all; at && list->count < LINKS_MAX; at = at->ifa_next) {
        bool has_ip = at->ifa_addr && at->ifa_addr->sa_family == AF_INET;
        if (strncmp(at->ifa_name, list->start, strlen(list->start)) != 0) continue;
        if (at->ifa_addr && !has_ip && at->ifa_addr->sa_family != AF_PACKET) continue;
        seen_t *more = realloc(list->seen, (list->count + 1) * sizeof *more);
        if (!more) break;
        list->seen              = more;
        list->seen[list->count] = (seen_t){0};
        snprintf(list->seen[list->count].name, LINK_NAME_CAP, "%s", at->ifa_name);
        if (has_ip) {
            memcpy(&address, at->ifa_addr, sizeof address);
            memcpy(list->seen[list->count].ip, &address.sin_addr, 4);
        }
        list->count++;
    }
    freeifaddrs(all);
    return true;
}

static bool list_links(const host_t *host, int netns, list_t *list)
{
    *list = (list_t){0};
    snprintf(list->start, sizeof list->start, "%sp", host->prefix);
    return netns_inside(netns, see_links, list);
}

static bool is_seen(const list_t *list, const char *name, const uint8_t ip[4])
{
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->seen[i].name, name) == 0 && memcmp(list->seen[i].ip, ip, 4) == 0) return true;
    return false;
}

/* Is this link, with this address, a guest's? */
static bool is_right(const host_t *host, const network_plan_t *network, const seen_t *seen)
{
    static const uint8_t none[4];
    char name[LINK_NAME_CAP];
    for (uint32_t i = 0; i < network->guest_count; i++) {
        const guest_plan_t *guest = &network->guests[i];
        public_link_name(host->prefix, guest->wid, name);
        if (has_address(guest) && strcmp(name, seen->name) == 0 &&
            (memcmp(seen->ip, guest->public_ip.ip, 4) == 0 || memcmp(seen->ip, none, 4) == 0))
            return true;
    }
    return false;
}

/* ---- on a link ---- */

static host_result_t prune_links(const host_t *host, int netns, const network_plan_t *network)
{
    list_t list;
    bool is_ok = list_links(host, netns, &list);
    for (uint32_t i = 0; i < list.count && is_ok; i++) {
        if (is_right(host, network, &list.seen[i])) continue;
        public_plan_t was = {.is_given = true};
        memcpy(was.ip, list.seen[i].ip, sizeof was.ip);
        is_ok = (was.ip[0] == 0 || rule_marked_drop(netns, public_mark(&was))) &&
                link_drop(netns, list.seen[i].name);
    }
    free(list.seen);
    return is_ok ? host_ok()
                 : host_fail(HOST_LATER, "a public address cannot be taken back: %s", strerror(errno));
}

/* Each link answers for its own address alone, and takes what comes from anywhere.  When it comes up the wire
 * is told where the address is now. */
static bool set_link(int netns, const char *name, bool is_v6)
{
    char key[64], notify[64];
    snprintf(key, sizeof key, "ipv6/conf/%s/disable_ipv6", name);
    snprintf(notify, sizeof notify, "ipv4/conf/%s/arp_notify", name);
    bool has_v6 = file_exists("/proc/sys/net/ipv6");
    return (!has_v6 || netns_sysctl(netns, key, is_v6 ? "0" : "1")) && netns_sysctl(netns, notify, "1") &&
           netns_sysctl(netns, "ipv4/conf/all/arp_ignore", "1") &&
           netns_sysctl(netns, "ipv4/conf/all/arp_announce", "2") &&
           netns_sysctl(netns, "ipv4/conf/all/rp_filter", "2");
}

static bool set_addresses(const host_t *host, int netns, const char *name, const public_plan_t *ip)
{
    return (!ip->is_given || link_address(netns, name, ip->ip, 32)) &&
           (!ip->has_ip6 || link_address6(netns, name, ip->ip6, 128)) && link_up(netns, name, NULL) &&
           (!ip->is_given || (rule_marked(netns, public_mark(ip)) &&
                              route_marked(netns, name, ip->gateway, public_mark(ip)))) &&
           (!ip->has_ip6 || (rule_marked6(netns, public_mark(ip)) &&
                             route_marked6(netns, name, host->public_gateway6, public_mark(ip))));
}

/* Its Ethernet address follows from the public one: who knew it goes on knowing it. */
static bool link_ensure(const host_t *host, int own, int netns, const guest_plan_t *guest)
{
    char name[LINK_NAME_CAP];
    const public_plan_t *ip = &guest->public_ip;
    uint8_t mac[6];
    blake2b(mac, sizeof mac, ip->is_given ? (bytes_t){ip->ip, 4} : (bytes_t){ip->ip6, 16});
    mac[0] = 0x02;
    public_link_name(host->prefix, guest->wid, name);
    return (link_exists(netns, name) || link_macvlan(own, host->public_link, netns, name, mac)) &&
           set_link(netns, name, ip->has_ip6) && set_addresses(host, netns, name, ip);
}

/* ---- routed ---- */

typedef struct {
    const network_plan_t *network;
    uint8_t stale[LINKS_MAX][4];
    uint32_t stale_count, right_count;
} routes_t;

static void see_route(void *context, const uint8_t address[4], uint8_t prefix)
{
    routes_t *routes = context;
    if (prefix != 32) return;
    if (is_wanted(routes->network, address))
        routes->right_count++;
    else if (routes->stale_count < LINKS_MAX)
        memcpy(routes->stale[routes->stale_count++], address, 4);
}

static bool list_routes(const host_t *host, int own, const network_plan_t *network, routes_t *routes)
{
    char name[LINK_NAME_CAP];
    routes->network     = network;
    routes->stale_count = routes->right_count = 0;
    snprintf(name, sizeof name, "%su%.8s", host->prefix, network->id);
    return route_list(own, name, see_route, routes);
}

static host_result_t ensure_routes(const host_t *host, int own, const network_plan_t *network)
{
    uint8_t far[4];
    routes_t *routes = malloc(sizeof *routes);
    network_far_end(host->prefix, network->index, far);
    bool is_ok = routes && list_routes(host, own, network, routes);
    for (uint32_t i = 0; is_ok && i < routes->stale_count; i++)
        is_ok = route_drop(own, routes->stale[i], 32);
    for (uint32_t i = 0; is_ok && i < network->guest_count; i++)
        if (has_address(&network->guests[i]) && network->guests[i].public_ip.is_given)
            is_ok = route_via(own, network->guests[i].public_ip.ip, 32, far);
    free(routes);
    return is_ok ? host_ok()
                 : host_fail(HOST_LATER, "a public address cannot be routed: %s", strerror(errno));
}

/* ---- both ---- */

host_result_t public_ensure(const host_t *host, int own, int netns, const network_plan_t *network)
{
    if (host->is_public_routed) return ensure_routes(host, own, network);
    host_result_t result = prune_links(host, netns, network);
    for (uint32_t i = 0; i < network->guest_count && result.status == HOST_OK; i++) {
        const guest_plan_t *guest = &network->guests[i];
        if (!has_address(guest)) continue;
        if (host->public_link[0] == 0 || !link_exists(own, host->public_link))
            return host_fail(HOST_LATER, "the node's link for public addresses is not there");
        if (!link_ensure(host, own, netns, guest))
            return host_fail(HOST_LATER, "its public address cannot be set: %s", strerror(errno));
    }
    return result;
}

bool public_is_whole(const host_t *host, int own, int netns, const network_plan_t *network)
{
    uint32_t wanted = 0;
    list_t list     = {0};
    for (uint32_t i = 0; i < network->guest_count; i++)
        wanted += has_address(&network->guests[i]);
    if (host->is_public_routed) {
        routes_t *routes = malloc(sizeof *routes);
        bool is_right = routes && list_routes(host, own, network, routes) && routes->right_count == wanted &&
                        routes->stale_count == 0;
        free(routes);
        return is_right;
    }
    bool is_whole = wanted == 0 || list_links(host, netns, &list);
    for (uint32_t i = 0; i < network->guest_count && is_whole; i++) {
        char name[LINK_NAME_CAP];
        public_link_name(host->prefix, network->guests[i].wid, name);
        if (has_address(&network->guests[i]))
            is_whole = is_seen(&list, name, network->guests[i].public_ip.ip);
    }
    free(list.seen);
    return is_whole;
}
