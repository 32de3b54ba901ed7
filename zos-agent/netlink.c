/* netlink.c - one request, one acknowledgement, on a socket of the namespace that is meant. */
#include "netlink.h"
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define NETNS_DIR   "/run/netns"
#define MESSAGE_CAP 1024
#define RULE_NEAR   100 /* priorities of routing rules in a network */
#define RULE_MARKED 101

/* ---- namespaces ---- */

static bool netns_path(const char *name, char path[PATH_CAP])
{
    return path_join(path, NETNS_DIR "/%s", name);
}

/* In a child: its new namespace is kept by a mount on the file. */
static int keep_new(const char *path)
{
    if (unshare(CLONE_NEWNET) != 0) return errno;
    return mount("/proc/self/ns/net", path, "none", MS_BIND, NULL) == 0 ? 0 : errno;
}

bool netns_make(const char *name)
{
    char path[PATH_CAP];
    if (!netns_path(name, path) || !folder_make(NETNS_DIR, 0755)) return false;
    if (netns_exists(name)) return true;
    int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0444);
    if (fd < 0) return false;
    close(fd);
    int status  = -1;
    pid_t child = fork();
    if (child == 0) _exit(keep_new(path));
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status == 0) return true;
    unlink(path);
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
    return false;
}

bool netns_drop(const char *name)
{
    char path[PATH_CAP];
    if (!netns_path(name, path)) return false;
    while (umount2(path, MNT_DETACH) == 0)
        continue;
    return unlink(path) == 0 || errno == ENOENT;
}

/* A file that is no namespace was left by a crash half-way. */
int netns_open(const char *name)
{
    char path[PATH_CAP];
    if (!netns_path(name, path)) return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int own    = netns_own();
    bool is_ns = own >= 0 && setns(fd, CLONE_NEWNET) == 0;
    if (is_ns && setns(own, CLONE_NEWNET) != 0) abort(); /* this thread is nowhere it should be */
    if (own >= 0) close(own);
    if (is_ns) return fd;
    close(fd);
    return -1;
}

bool netns_exists(const char *name)
{
    int fd = netns_open(name);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

int netns_own(void) { return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }

int netns_of(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void netns_list(void (*fn)(void *context, const char *name), void *context)
{
    DIR *dir = opendir(NETNS_DIR);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.') fn(context, entry->d_name);
    if (dir) closedir(dir);
}

bool netns_inside(int netns, bool (*fn)(void *context), void *context)
{
    int own = netns_own();
    if (own < 0) return false;
    bool is_ok = setns(netns, CLONE_NEWNET) == 0;
    if (is_ok) {
        is_ok = fn(context);
        if (setns(own, CLONE_NEWNET) != 0) abort();
    }
    close(own);
    return is_ok;
}

typedef struct {
    const char *path, *value;
} setting_t;

static bool write_setting(void *context)
{
    const setting_t *setting = context;
    return file_write(setting->path, setting->value);
}

bool netns_sysctl(int netns, const char *key, const char *value)
{
    char path[PATH_CAP];
    if (!path_join(path, "/proc/sys/net/%s", key)) return false;
    return netns_inside(netns, write_setting, &(setting_t){path, value});
}

/* ---- requests ---- */

static bool open_socket(void *context)
{
    struct mnl_socket **socket = context;
    *socket                    = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (*socket && mnl_socket_bind(*socket, 0, MNL_SOCKET_AUTOPID) == 0) return true;
    if (*socket) mnl_socket_close(*socket);
    *socket = NULL;
    return false;
}

/* Sends, and gives each answer to fn until the acknowledgement; an error is left in errno. */
static bool ask(int netns, struct nlmsghdr *message, mnl_cb_t fn, void *context)
{
    static const uint32_t sequence = 1; /* each socket asks once */
    struct mnl_socket *socket      = NULL;
    uint8_t answer[16384];
    if (message->nlmsg_type != RTM_GETLINK && message->nlmsg_type != RTM_GETROUTE) crash_point();
    if (!netns_inside(netns, open_socket, &socket)) return false;
    message->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    message->nlmsg_seq = sequence;
    int state          = mnl_socket_sendto(socket, message, message->nlmsg_len) < 0 ? -1 : 1;
    while (state > 0) {
        ssize_t got = mnl_socket_recvfrom(socket, answer, sizeof answer);
        if (got < 0 && errno == EINTR) continue;
        state = got < 0
                    ? -1
                    : mnl_cb_run(answer, (size_t)got, sequence, mnl_socket_get_portid(socket), fn, context);
    }
    int error = errno;
    mnl_socket_close(socket);
    errno = error;
    return state == 0;
}

static struct nlmsghdr *link_message(void *room, uint16_t type, uint16_t flags, const char *name)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(room);
    message->nlmsg_type      = type;
    message->nlmsg_flags     = flags;
    struct ifinfomsg *info   = mnl_nlmsg_put_extra_header(message, sizeof *info);
    info->ifi_family         = AF_UNSPEC;
    mnl_attr_put_strz(message, IFLA_IFNAME, name);
    return message;
}

static int take_index(const struct nlmsghdr *message, void *context)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
    *(uint32_t *)context         = (uint32_t)info->ifi_index;
    return MNL_CB_OK;
}

static bool link_index(int netns, const char *name, uint32_t *index)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    *index = 0;
    return ask(netns, link_message(room, RTM_GETLINK, 0, name), take_index, index) && *index != 0;
}

bool link_exists(int netns, const char *name)
{
    uint32_t index;
    return link_index(netns, name, &index);
}

static bool link_of_kind(int netns, const char *name, const char *kind)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    struct nlmsghdr *message = link_message(room, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name);
    struct nlattr *link      = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
    mnl_attr_nest_end(message, link);
    return ask(netns, message, NULL, NULL) || errno == EEXIST;
}

bool link_bridge(int netns, const char *name) { return link_of_kind(netns, name, "bridge"); }

bool link_wireguard(int netns, const char *name) { return link_of_kind(netns, name, "wireguard"); }

bool link_veth(int netns, const char *name, int peer_netns, const char *peer_name)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    struct nlmsghdr *message = link_message(room, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name);
    mnl_attr_put_u32(message, IFLA_MTU, LINK_MTU);
    struct nlattr *link = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(message, IFLA_IFNAME, peer_name);
    mnl_attr_put_u32(message, IFLA_MTU, LINK_MTU);
    mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)peer_netns);
    mnl_attr_nest_end(message, peer);
    mnl_attr_nest_end(message, data);
    mnl_attr_nest_end(message, link);
    return ask(netns, message, NULL, NULL) || errno == EEXIST;
}

bool link_macvlan(int netns, const char *parent, int child_netns, const char *name, const uint8_t mac[6])
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    uint32_t index;
    if (!link_index(netns, parent, &index)) return false;
    struct nlmsghdr *message = link_message(room, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name);
    mnl_attr_put(message, IFLA_ADDRESS, 6, mac);
    mnl_attr_put_u32(message, IFLA_LINK, index);
    mnl_attr_put_u32(message, IFLA_NET_NS_FD, (uint32_t)child_netns);
    struct nlattr *link = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_KIND, "macvlan");
    struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
    mnl_attr_put_u32(message, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
    mnl_attr_nest_end(message, data);
    mnl_attr_nest_end(message, link);
    return ask(netns, message, NULL, NULL) || errno == EEXIST;
}

bool link_drop(int netns, const char *name)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    return ask(netns, link_message(room, RTM_DELLINK, 0, name), NULL, NULL) || errno == ENODEV;
}

bool link_up(int netns, const char *name, const char *master)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    uint32_t index           = 0;
    struct nlmsghdr *message = link_message(room, RTM_NEWLINK, 0, name);
    struct ifinfomsg *info   = mnl_nlmsg_get_payload(message);
    info->ifi_flags          = IFF_UP;
    info->ifi_change         = IFF_UP;
    if (master && !link_index(netns, master, &index)) return false;
    if (master) mnl_attr_put_u32(message, IFLA_MASTER, index);
    return ask(netns, message, NULL, NULL);
}

static bool set_address(int netns, const char *name, int family, const uint8_t *address, uint8_t prefix)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    uint16_t len = family == AF_INET ? 4 : 16;
    uint32_t index;
    if (!link_index(netns, name, &index)) return false;
    struct nlmsghdr *message = mnl_nlmsg_put_header(room);
    message->nlmsg_type      = RTM_NEWADDR;
    message->nlmsg_flags     = NLM_F_CREATE | NLM_F_REPLACE;
    struct ifaddrmsg *info   = mnl_nlmsg_put_extra_header(message, sizeof *info);
    info->ifa_family         = (uint8_t)family;
    info->ifa_prefixlen      = prefix;
    info->ifa_index          = index;
    info->ifa_flags          = family == AF_INET6 ? IFA_F_NODAD : 0; /* nobody else can have it */
    mnl_attr_put(message, IFA_LOCAL, len, address);
    mnl_attr_put(message, IFA_ADDRESS, len, address);
    return ask(netns, message, NULL, NULL) || errno == EEXIST;
}

bool link_address(int netns, const char *name, const uint8_t address[4], uint8_t prefix)
{
    return set_address(netns, name, AF_INET, address, prefix);
}

bool link_address6(int netns, const char *name, const uint8_t address[16], uint8_t prefix)
{
    return set_address(netns, name, AF_INET6, address, prefix);
}

/* ---- routes ---- */

typedef struct {
    int family;
    const uint8_t *address; /* NULL: all */
    uint8_t prefix;
    const uint8_t *via; /* NULL: through the link itself */
    uint32_t index;     /* of a link; 0: by the address of via */
    uint32_t table;
} route_t;

static bool set_route(int netns, const route_t *route)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    uint16_t len             = route->family == AF_INET ? 4 : 16;
    struct nlmsghdr *message = mnl_nlmsg_put_header(room);
    message->nlmsg_type      = RTM_NEWROUTE;
    message->nlmsg_flags     = NLM_F_CREATE | NLM_F_REPLACE;
    struct rtmsg *info       = mnl_nlmsg_put_extra_header(message, sizeof *info);
    info->rtm_family         = (uint8_t)route->family;
    info->rtm_dst_len        = route->prefix;
    info->rtm_table          = RT_TABLE_UNSPEC;
    info->rtm_protocol       = RTPROT_STATIC;
    info->rtm_scope          = route->via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    info->rtm_type           = RTN_UNICAST;
    info->rtm_flags          = route->via && route->index ? RTNH_F_ONLINK : 0;
    mnl_attr_put_u32(message, RTA_TABLE, route->table);
    if (route->address) mnl_attr_put(message, RTA_DST, len, route->address);
    if (route->via) mnl_attr_put(message, RTA_GATEWAY, len, route->via);
    if (route->index) mnl_attr_put_u32(message, RTA_OIF, route->index);
    return ask(netns, message, NULL, NULL);
}

bool route_default(int netns, const uint8_t gateway[4])
{
    return set_route(netns, &(route_t){.family = AF_INET, .via = gateway, .table = RT_TABLE_MAIN});
}

bool route_default6(int netns, const uint8_t gateway[16])
{
    return set_route(netns, &(route_t){.family = AF_INET6, .via = gateway, .table = RT_TABLE_MAIN});
}

bool route_link(int netns, const char *name, const uint8_t address[4], uint8_t prefix)
{
    route_t route = {.family = AF_INET, .address = address, .prefix = prefix, .table = RT_TABLE_MAIN};
    return link_index(netns, name, &route.index) && set_route(netns, &route);
}

bool route_via(int netns, const uint8_t address[4], uint8_t prefix, const uint8_t gateway[4])
{
    return set_route(
        netns,
        &(route_t){
            .family = AF_INET, .address = address, .prefix = prefix, .via = gateway, .table = RT_TABLE_MAIN});
}

bool route_drop(int netns, const uint8_t address[4], uint8_t prefix)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    struct nlmsghdr *message = mnl_nlmsg_put_header(room);
    message->nlmsg_type      = RTM_DELROUTE;
    struct rtmsg *info       = mnl_nlmsg_put_extra_header(message, sizeof *info);
    info->rtm_family         = AF_INET;
    info->rtm_dst_len        = prefix;
    info->rtm_table          = RT_TABLE_MAIN;
    info->rtm_scope          = RT_SCOPE_NOWHERE;
    mnl_attr_put(message, RTA_DST, 4, address);
    return ask(netns, message, NULL, NULL) || errno == ESRCH;
}

typedef struct {
    uint32_t index; /* of the link that is asked about */
    void (*fn)(void *context, const uint8_t address[4], uint8_t prefix);
    void *context;

    uint32_t of; /* the route that is read */
    const uint8_t *address;
    bool has_gateway;
} routes_t;

static int take_route_part(const struct nlattr *attr, void *context)
{
    routes_t *routes = context;
    uint16_t type = mnl_attr_get_type(attr), len = mnl_attr_get_payload_len(attr);
    if (type == RTA_OIF && len == 4) routes->of = mnl_attr_get_u32(attr);
    if (type == RTA_DST && len == 4) routes->address = mnl_attr_get_payload(attr);
    if (type == RTA_GATEWAY) routes->has_gateway = true;
    return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *message, void *context)
{
    routes_t *routes         = context;
    const struct rtmsg *info = mnl_nlmsg_get_payload(message);
    routes->of               = 0;
    routes->address          = NULL;
    routes->has_gateway      = false;
    if (mnl_attr_parse(message, sizeof *info, take_route_part, routes) < 0) return MNL_CB_ERROR;
    if (info->rtm_table == RT_TABLE_MAIN && routes->address && routes->has_gateway &&
        routes->of == routes->index)
        routes->fn(routes->context, routes->address, info->rtm_dst_len);
    return MNL_CB_OK;
}

bool route_list(int netns, const char *name,
                void (*fn)(void *context, const uint8_t address[4], uint8_t prefix), void *context)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    routes_t routes          = {.fn = fn, .context = context};
    struct nlmsghdr *message = mnl_nlmsg_put_header(room);
    message->nlmsg_type      = RTM_GETROUTE;
    message->nlmsg_flags     = NLM_F_DUMP;
    struct rtmsg *info       = mnl_nlmsg_put_extra_header(message, sizeof *info);
    info->rtm_family         = AF_INET;
    return link_index(netns, name, &routes.index) && ask(netns, message, take_route, &routes);
}

bool route_marked(int netns, const char *name, const uint8_t gateway[4], uint32_t mark)
{
    route_t route = {.family = AF_INET, .via = gateway, .table = mark};
    return link_index(netns, name, &route.index) && set_route(netns, &route);
}

bool route_marked6(int netns, const char *name, const uint8_t gateway[16], uint32_t mark)
{
    route_t route = {.family = AF_INET6, .via = gateway, .table = mark};
    return link_index(netns, name, &route.index) && set_route(netns, &route);
}

/* A rule of a priority: marked packets to the table of that number; of mark 0: to the main one, but for its
 * default route. */
static struct nlmsghdr *rule_message(void *room, uint16_t type, uint8_t family, uint32_t mark)
{
    struct nlmsghdr *message  = mnl_nlmsg_put_header(room);
    message->nlmsg_type       = type;
    message->nlmsg_flags      = type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0;
    struct fib_rule_hdr *info = mnl_nlmsg_put_extra_header(message, sizeof *info);
    info->family              = family;
    info->action              = FR_ACT_TO_TBL;
    mnl_attr_put_u32(message, FRA_PRIORITY, mark ? RULE_MARKED : RULE_NEAR);
    mnl_attr_put_u32(message, FRA_TABLE, mark ? mark : RT_TABLE_MAIN);
    if (mark) mnl_attr_put_u32(message, FRA_FWMARK, mark);
    if (!mark) mnl_attr_put_u32(message, FRA_SUPPRESS_PREFIXLEN, 0);
    return message;
}

static bool set_rules(int netns, uint8_t family, uint32_t mark)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    return (ask(netns, rule_message(room, RTM_NEWRULE, family, 0), NULL, NULL) || errno == EEXIST) &&
           (ask(netns, rule_message(room, RTM_NEWRULE, family, mark), NULL, NULL) || errno == EEXIST);
}

bool rule_marked(int netns, uint32_t mark) { return set_rules(netns, AF_INET, mark); }

bool rule_marked6(int netns, uint32_t mark) { return set_rules(netns, AF_INET6, mark); }

bool rule_marked_drop(int netns, uint32_t mark)
{
    uint8_t room[MESSAGE_CAP] __attribute__((aligned(8)));
    return ask(netns, rule_message(room, RTM_DELRULE, AF_INET, mark), NULL, NULL) || errno == ENOENT;
}
