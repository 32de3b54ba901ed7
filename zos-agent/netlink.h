/* netlink.h - network namespaces, links, addresses and routes, over rtnetlink.
 *
 * A namespace is given as a descriptor of it.  Whatever is made may be there already, whatever is dropped may
 * be gone already: both are success. */
#ifndef NETLINK_H
#define NETLINK_H
#include "base.h"

#define LINK_NAME_CAP 16
#define LINK_MTU      1500

/* netns_make makes a namespace that lasts, under /run/netns as ip(8) does.  netns_open gives a descriptor of
 * it, or -1; netns_own of this thread's; netns_of of a process's. */
NODISCARD bool netns_make(const char *name);
bool netns_drop(const char *name);
bool netns_exists(const char *name);
int netns_open(const char *name);
int netns_own(void);
int netns_of(int pid);

/* netns_list calls fn for each namespace under /run/netns. */
void netns_list(void (*fn)(void *context, const char *name), void *context);

/* netns_inside calls fn with this thread in the namespace. */
NODISCARD bool netns_inside(int netns, bool (*fn)(void *context), void *context);

/* netns_sysctl writes /proc/sys/net/KEY as seen in the namespace. */
NODISCARD bool netns_sysctl(int netns, const char *key, const char *value);

/* link_bridge makes a bridge.  link_veth makes a pair, one end in each namespace. */
NODISCARD bool link_bridge(int netns, const char *name);
NODISCARD bool link_veth(int netns, const char *name, int peer_netns, const char *peer_name);
NODISCARD bool link_wireguard(int netns, const char *name); /* false where the kernel has none */

/* link_macvlan makes a link on another one's wire, in child_netns, with an Ethernet address of its own. */
NODISCARD bool link_macvlan(int netns, const char *parent, int child_netns, const char *name,
                            const uint8_t mac[6]);
bool link_drop(int netns, const char *name);
bool link_exists(int netns, const char *name);

/* link_up sets a link up; master may be NULL. */
NODISCARD bool link_up(int netns, const char *name, const char *master);

/* Addresses are 4 bytes, as on the wire; 16 where the name ends with 6. */
NODISCARD bool link_address(int netns, const char *name, const uint8_t address[4], uint8_t prefix);
NODISCARD bool link_address6(int netns, const char *name, const uint8_t address[16], uint8_t prefix);
NODISCARD bool route_link(int netns, const char *name, const uint8_t address[4], uint8_t prefix);
NODISCARD bool route_via(int netns, const uint8_t address[4], uint8_t prefix, const uint8_t gateway[4]);
bool route_drop(int netns, const uint8_t address[4], uint8_t prefix);
NODISCARD bool route_default(int netns, const uint8_t gateway[4]);
NODISCARD bool route_default6(int netns, const uint8_t gateway[16]);

/* route_marked is the way outside of packets with a mark: a gateway on a link.  rule_marked sends those there
 * for which no route but the default one is known; a mark is no small number, as it is its table's as well.
 */
NODISCARD bool route_marked(int netns, const char *name, const uint8_t gateway[4], uint32_t mark);
NODISCARD bool route_marked6(int netns, const char *name, const uint8_t gateway[16], uint32_t mark);
NODISCARD bool rule_marked(int netns, uint32_t mark);
NODISCARD bool rule_marked6(int netns, uint32_t mark);
bool rule_marked_drop(int netns, uint32_t mark);

/* route_list calls fn for each IPv4 route by way of a gateway through a link. */
NODISCARD bool route_list(int netns, const char *name,
                          void (*fn)(void *context, const uint8_t address[4], uint8_t prefix), void *context);

#endif
