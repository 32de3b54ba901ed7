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
bool link_drop(int netns, const char *name);
bool link_exists(int netns, const char *name);

/* link_up sets a link up; master may be NULL. */
NODISCARD bool link_up(int netns, const char *name, const char *master);

/* Addresses are 4 bytes, as on the wire. */
NODISCARD bool link_address(int netns, const char *name, const uint8_t address[4], uint8_t prefix);
NODISCARD bool route_link(int netns, const char *name, const uint8_t address[4], uint8_t prefix);
NODISCARD bool route_default(int netns, const uint8_t gateway[4]);

#endif
