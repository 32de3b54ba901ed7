/* network.c - a namespace for each network of a twin, tied to the host, and the packet filter. */
#include "host.h"
#include "netlink.h"
#include "nft.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void network_namespace(const host_t *host, const char *id, char name[32])
{
    snprintf(name, 32, "%sn-%s", host->prefix, id);
}

static void uplink_name(const host_t *host, const char *id, char name[LINK_NAME_CAP])
{
    snprintf(name, LINK_NAME_CAP, "%su%.8s", host->prefix, id);
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
    return is_ok;
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
           netns_sysctl(own, key, "1") && netns_sysctl(own, "ipv4/ip_forward", "1");
}

static host_result_t apply_rules(const host_t *host, int netns, const network_plan_t *network)
{
    char error[NFT_ERROR_MAX + 1];
    char *text = nft_with_births(host->prefix, network, nft_network_text(host->prefix, network));
    bool is_ok = text && nft_apply(netns, text, error);
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
    bool is_whole = netns >= 0 && own >= 0 && link_exists(netns, NFT_BRIDGE) &&
                    link_exists(netns, NFT_UPLINK) && link_exists(own, uplink) &&
                    nft_has_table(netns, host->prefix) &&
                    (!network->wireguard.text || link_exists(netns, mesh));
    if (netns >= 0) close(netns);
    if (own >= 0) close(own);
    return is_whole;
}

bool firewall_is_whole(const host_t *host, const firewall_plan_t *firewall)
{
    int own       = netns_own();
    bool is_whole = own >= 0 && nft_has_table(own, host->prefix) == (firewall->network_count > 0);
    if (own >= 0) close(own);
    return is_whole;
}

host_result_t firewall_apply(const host_t *host, const firewall_plan_t *firewall)
{
    char error[NFT_ERROR_MAX + 1] = "no memory";
    int own                       = netns_own();
    if (own < 0) return host_fail(HOST_LATER, "no namespace: %s", strerror(errno));
    bool is_ok;
    if (firewall->network_count == 0) {
        is_ok = nft_drop_table(own, host->prefix);
    } else {
        char *text = nft_host_text(host->prefix, host->is_lan_blocked, firewall);
        is_ok      = text && nft_apply(own, text, error);
        free(text);
    }
    close(own);
    return is_ok ? host_ok() : host_fail(HOST_LATER, "the packet filter cannot be set: %.200s", error);
}

bool port_is_free(bool is_udp, uint16_t port)
{
    int one = 1;
    int fd  = socket(AF_INET, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (!is_udp) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool is_free = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return is_free;
}
