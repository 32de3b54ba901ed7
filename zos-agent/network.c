/* network.c - a namespace for each network of a twin, tied to the host, and the packet filter. */
#include "host.h"
#include "netlink.h"
#include "nft.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LAN6_CAP   1024
#define FLOWS_PART 256 /* of all connections of the host, begun by one network within a second */

void network_namespace(const host_t *host, const char *id, char name[32])
{
    snprintf(name, 32, "%sn-%s", host->prefix, id);
}

static void uplink_name(const host_t *host, const char *id, char name[LINK_NAME_CAP])
{
    snprintf(name, LINK_NAME_CAP, "%su%.8s", host->prefix, id);
}

/* ---- IPv6 ---- */

static bool has_ipv6(void) { return file_exists("/proc/sys/net/ipv6"); }

/* A host that forwards no longer hears its router's advertisements, unless told to. */
static bool keep_hearing(void *context)
{
    char path[PATH_CAP], value[8];
    DIR *dir = opendir("/proc/sys/net/ipv6/conf");
    (void)context;
    if (!dir) return false;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        if (path_join(path, "/proc/sys/net/ipv6/conf/%s/accept_ra", entry->d_name) &&
            file_read(path, value, sizeof value) && value[0] == '1' && !file_write(path, "2")) {
            closedir(dir);
            return false;
        }
    }
    closedir(dir);
    return true;
}

static bool forward6_ensure(int own)
{
    char value[8];
    if (file_read("/proc/sys/net/ipv6/conf/all/forwarding", value, sizeof value) && value[0] == '1')
        return true;
    return netns_inside(own, keep_hearing, NULL) && netns_sysctl(own, "ipv6/conf/all/forwarding", "1");
}

/* A default route, by a link that is not ours. */
bool host_reaches_ipv6(const host_t *host)
{
    char line[256], net[40], prefix[8], gateway[40], link[32];
    bool is_found = false;
    FILE *file    = host->is_ipv6_off ? NULL : fopen("/proc/thread-self/net/ipv6_route", "re");
    while (file && !is_found && fgets(line, sizeof line, file)) {
        is_found =
            sscanf(line, "%39s %7s %*s %*s %39s %*s %*s %*s %*s %31s", net, prefix, gateway, link) == 4 &&
            strspn(net, "0") == 32 && strcmp(prefix, "00") == 0 && strcmp(link, "lo") != 0;
    }
    if (file) fclose(file);
    return is_found;
}

/* Its IPv6 side: addresses in the network and towards the host; nobody's advertisements are believed. */
static bool bridge_up6(int netns, const network_plan_t *network)
{
    uint8_t gateway[4], gateway6[16];
    if (!network_has_ip6(network) || !has_ipv6()) return true;
    network_gateway(network, gateway);
    network_ip6(network, gateway, gateway6);
    return netns_sysctl(netns, "ipv6/conf/all/forwarding", "1") &&
           link_address6(netns, NFT_BRIDGE, gateway6, NETWORK_IP6_PREFIX);
}

static bool uplink_up6(const host_t *host, int own, int netns, const network_plan_t *network)
{
    char name[LINK_NAME_CAP];
    uint8_t near[16], far[16];
    if (!network_has_ip6(network) || !has_ipv6()) return true;
    uplink_name(host, network->id, name);
    network_link6(host->prefix, network->index, false, near);
    network_link6(host->prefix, network->index, true, far);
    return link_address6(own, name, near, NETWORK_IP6_PREFIX) &&
           link_address6(netns, NFT_UPLINK, far, NETWORK_IP6_PREFIX) && route_default6(netns, near) &&
           (!host_reaches_ipv6(host) || forward6_ensure(own));
}

/* Frames that the bridge passes are not packets for the filter. */
static bool bridge_up(int netns, const network_plan_t *network)
{
    uint8_t gateway[4];
    network_gateway(network, gateway);
    bool is_ok = link_bridge(netns, NFT_BRIDGE) && link_up(netns, "lo", NULL) &&
                 link_up(netns, NFT_BRIDGE, NULL) &&
                 link_address(netns, NFT_BRIDGE, gateway, network->prefix) &&
                 netns_sysctl(netns, "ipv4/ip_forward", "1");
    if (is_ok && file_exists("/proc/sys/net/bridge/bridge-nf-call-iptables"))
        is_ok = netns_sysctl(netns, "bridge/bridge-nf-call-iptables", "0") &&
                netns_sysctl(netns, "bridge/bridge-nf-call-ip6tables", "0");
    return is_ok && bridge_up6(netns, network);
}

/* Packets of the host's own loopback address may leave by this link: that is how a published port answers
 * there. */
static bool uplink_up(const host_t *host, int own, int netns, const network_plan_t *network)
{
    char name[LINK_NAME_CAP], key[64];
    uint8_t near[4], far[4];
    uplink_name(host, network->id, name);
    network_host_end(host->prefix, network->index, near);
    network_far_end(host->prefix, network->index, far);
    snprintf(key, sizeof key, "ipv4/conf/%s/route_localnet", name);
    if (link_exists(own, name) && !link_exists(netns, NFT_UPLINK)) link_drop(own, name);
    return link_veth(own, name, netns, NFT_UPLINK) && link_up(own, name, NULL) &&
           link_address(own, name, near, 30) && link_up(netns, NFT_UPLINK, NULL) &&
           link_address(netns, NFT_UPLINK, far, 30) && route_default(netns, near) &&
           netns_sysctl(own, key, "1") && netns_sysctl(own, "ipv4/ip_forward", "1") &&
           uplink_up6(host, own, netns, network);
}

static host_result_t apply_rules(const host_t *host, int netns, const network_plan_t *network)
{
    char error[NFT_ERROR_MAX + 1];
    nft_site_t site = {.table            = host->prefix,
                       .is_lan_blocked   = host->is_lan_blocked,
                       .is_public_routed = host->is_public_routed};
    char *text      = nft_with_births(host->prefix, network, nft_network_text(&site, network));
    bool is_ok      = text && nft_apply(netns, text, error);
    free(text);
    return is_ok ? host_ok()
                 : host_fail(HOST_LATER, "the network's rules cannot be set: %.200s",
                             text ? error : "no memory");
}

host_result_t network_ensure(const host_t *host, const network_plan_t *network)
{
    char name[32];
    network_namespace(host, network->id, name);
    if (!netns_make(name)) return host_fail(HOST_LATER, "the network has no namespace: %s", strerror(errno));
    int netns = netns_open(name), own = netns_own();
    host_result_t result = host_ok();
    if (netns < 0 || own < 0 || !bridge_up(netns, network) || !uplink_up(host, own, netns, network))
        result = host_fail(HOST_LATER, "the network cannot be made: %s", strerror(errno));
    else
        result = apply_rules(host, netns, network);
    if (result.status == HOST_OK) result = public_ensure(host, own, netns, network);
    if (result.status == HOST_OK) result = wireguard_ensure(host, netns, network);
    if (netns >= 0) close(netns);
    if (own >= 0) close(own);
    return result;
}

/* The kernel removes the links with the namespace, soon; the uplink is dropped here, so that its name is
 * free. */
host_result_t network_drop(const host_t *host, const char *id)
{
    char name[32], uplink[LINK_NAME_CAP];
    int own = netns_own();
    network_namespace(host, id, name);
    uplink_name(host, id, uplink);
    int netns = netns_open(name);
    if (netns >= 0) wireguard_drop(host, netns, id);
    if (netns >= 0) close(netns);
    bool is_ok = own >= 0 && link_drop(own, uplink);
    if (own >= 0) close(own);
    if (is_ok && netns_drop(name)) return host_ok();
    return host_fail(HOST_LATER, "the network cannot be removed: %s", strerror(errno));
}

bool network_is_whole(const host_t *host, const network_plan_t *network)
{
    char name[32], uplink[LINK_NAME_CAP], mesh[LINK_NAME_CAP];
    network_namespace(host, network->id, name);
    uplink_name(host, network->id, uplink);
    wireguard_name(host->prefix, network->id, mesh);
    int netns = netns_open(name), own = netns_own();
    bool is_whole =
        netns >= 0 && own >= 0 && link_exists(netns, NFT_BRIDGE) && link_exists(netns, NFT_UPLINK) &&
        link_exists(own, uplink) && nft_has_table(netns, "inet", host->prefix) &&
        nft_has_table(netns, "bridge", host->prefix) && public_is_whole(host, own, netns, network) &&
        (!network->wireguard.text || link_exists(netns, mesh));
    if (netns >= 0) close(netns);
    if (own >= 0) close(own);
    return is_whole;
}

/* The nets that the host's own links are in, by global IPv6 addresses. */
static void lan6_list(const host_t *host, char text[LAN6_CAP])
{
    struct ifaddrs *all = NULL;
    char uplink[LINK_NAME_CAP], net[INET6_ADDRSTRLEN];
    size_t used = 0;
    text[0]     = 0;
    snprintf(uplink, sizeof uplink, "%su", host->prefix);
    if (getifaddrs(&all) != 0) return;
    for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
        struct sockaddr_in6 address, mask;
        unsigned prefix = 0;
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET6 || !at->ifa_netmask) continue;
        if (strncmp(at->ifa_name, uplink, strlen(uplink)) == 0) continue;
        memcpy(&address, at->ifa_addr, sizeof address);
        memcpy(&mask, at->ifa_netmask, sizeof mask);
        if ((address.sin6_addr.s6_addr[0] & 0xe0) != 0x20) continue; /* 2000::/3 */
        for (int i = 0; i < 16; i++) {
            address.sin6_addr.s6_addr[i] &= mask.sin6_addr.s6_addr[i];
            prefix += (unsigned)__builtin_popcount(mask.sin6_addr.s6_addr[i]);
        }
        inet_ntop(AF_INET6, &address.sin6_addr, net, sizeof net);
        if (strstr(text, net) || used + sizeof net + 8 > LAN6_CAP) continue;
        used += (size_t)snprintf(text + used, LAN6_CAP - used, "%s%s/%u", used ? ", " : "", net, prefix);
    }
    freeifaddrs(all);
}

bool network_range_user(const char *prefix, char link[16])
{
    struct ifaddrs *all = NULL;
    char uplink[LINK_NAME_CAP];
    uint8_t range[4];
    bool is_found = false;
    snprintf(uplink, sizeof uplink, "%su", prefix);
    network_range(prefix, range);
    if (getifaddrs(&all) != 0) return false;
    for (const struct ifaddrs *at = all; at && !is_found; at = at->ifa_next) {
        struct sockaddr_in address;
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET) continue;
        if (strncmp(at->ifa_name, uplink, strlen(uplink)) == 0) continue;
        memcpy(&address, at->ifa_addr, sizeof address);
        const uint8_t *ip = (const uint8_t *)&address.sin_addr;
        is_found          = ip[0] == range[0] && ip[1] == range[1] &&
                   ip[2] >> (24 - NETWORK_RANGE_PREFIX) == range[2] >> (24 - NETWORK_RANGE_PREFIX);
        snprintf(link, 16, "%.15s", at->ifa_name);
    }
    freeifaddrs(all);
    return is_found;
}

bool firewall_is_whole(const host_t *host, const firewall_plan_t *firewall)
{
    return nft_has_table(NFT_HOST, "inet", host->prefix) == (firewall->network_count > 0);
}

/* The kernel keeps all connections in one table: who fills it cuts everybody off.  How many one has is not
 * counted, since to count them the kernel looks at each whenever one is added; how fast they come is. */
static uint32_t flows_of_one(void)
{
    char text[32];
    bool is_known = file_read("/proc/sys/net/netfilter/nf_conntrack_max", text, sizeof text);
    return is_known ? (uint32_t)strtoul(text, NULL, 10) / FLOWS_PART : 0;
}

static bool apply_host(const host_t *host, const firewall_plan_t *firewall, uint32_t flows,
                       char error[NFT_ERROR_MAX + 1])
{
    char lan6[LAN6_CAP];
    lan6_list(host, lan6);
    nft_site_t site = {host->prefix, host->is_lan_blocked, host->is_public_routed, flows, lan6};
    char *text      = nft_host_text(&site, firewall);
    bool is_ok      = text && nft_apply(NFT_HOST, text, error);
    free(text);
    return is_ok;
}

host_result_t firewall_apply(const host_t *host, const firewall_plan_t *firewall)
{
    char error[NFT_ERROR_MAX + 1] = "no memory";
    bool is_ok;
    if (firewall->network_count == 0) {
        is_ok = nft_drop_table(NFT_HOST, host->prefix);
    } else {
        uint32_t flows = flows_of_one();
        is_ok          = apply_host(host, firewall, flows, error) ||
                (flows > 0 && apply_host(host, firewall, 0, error)); /* a kernel without limits */
    }
    return is_ok ? host_ok() : host_fail(HOST_LATER, "the packet filter cannot be set: %.200s", error);
}

/* Is the port of one that waits for anybody?  Who called out holds his port for himself: that is no
 * obstacle. */
static bool is_listening(const char *name, bool is_udp, uint16_t port)
{
    char path[64], line[256];
    unsigned local, remote, state;
    bool is_found = false;
    snprintf(path, sizeof path, "/proc/thread-self/net/%s", name);
    FILE *file = fopen(path, "re");
    while (file && !is_found && fgets(line, sizeof line, file))
        is_found = sscanf(line, "%*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%x %x", &local, &remote, &state) == 3 &&
                   local == port && (is_udp ? remote == 0 : state == TCP_LISTEN);
    if (file) fclose(file);
    return is_found;
}

bool port_is_free(bool is_udp, uint16_t port)
{
    return !is_listening(is_udp ? "udp" : "tcp", is_udp, port) &&
           !is_listening(is_udp ? "udp6" : "tcp6", is_udp, port);
}
