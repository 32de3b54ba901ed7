/* plan.h - what a machine is to be, as values: the engine makes a plan, a worker carries it out.
 *
 * A plan holds all that is needed, so that the worker reads no database and the engine touches no machine. */
#ifndef PLAN_H
#define PLAN_H
#include "deployment.h"
#include "files.h"

#define WID_LEN     12 /* the short name of a workload: in paths, cgroups and interfaces */
#define NETWORK_LEN 8  /* the short name of a network */

/* ---- gateways ---- */

#define GATEWAY_SLOTS        128 /* names of the web that one node can lead to workloads */
#define GATEWAY_BACKENDS_MAX 4
#define GATEWAY_HOST_MAX     253

typedef struct {
    char address[46]; /* "": the far end of a network's link, of this index */
    uint32_t network_index;
    uint16_t port;
} gateway_target_t;

/* A name that leads to targets. */
typedef struct {
    char wid[WID_LEN + 1];
    uint32_t slot; /* below GATEWAY_SLOTS, its own */
    char host[GATEWAY_HOST_MAX + 1];
    bool is_tls_passthrough, is_paused;
    gateway_target_t targets[GATEWAY_BACKENDS_MAX];
    uint32_t target_count;
} gateway_plan_t;

/* All gateways of the machine. */
typedef struct {
    gateway_plan_t *gateways;
    uint32_t count;
} gateways_plan_t;

/* A port of a network's far end that leads to an address behind it: how a gateway on the host reaches a
 * workload in a network.  Ports from FORWARD_FIRST_PORT on are kept for this, GATEWAY_BACKENDS_MAX of each
 * slot. */
#define FORWARD_FIRST_PORT (65536 - GATEWAY_SLOTS * GATEWAY_BACKENDS_MAX)
typedef struct {
    uint16_t port;
    uint8_t ip[4];
    uint16_t to;
} forward_plan_t;

/* ---- networks ---- */

/* A public address that leads to a guest, one to one. */
typedef struct {
    bool is_given, has_ip6; /* IPv4, IPv6; either, or both */
    uint8_t ip[4], prefix, gateway[4], ip6[16];
} public_plan_t;

typedef struct {
    char wid[WID_LEN + 1];
    uint8_t ip[4], ip6[16]; /* ip6: zeros where the network has none */
    public_plan_t public_ip;
    uint8_t mac[6]; /* of a virtual machine, the only one that it may speak by; zeros: any */
    bool is_paused;
    bool is_closed; /* it only answers: it opens no connections, and what it moves is not counted */
    uint32_t port_count;
    machine_port_t ports[DEPLOYMENT_PORTS_CAP];
} guest_plan_t;

typedef struct {
    uint8_t ip[4], prefix;
} route_plan_t;

/* How a network reaches its parts on other nodes. */
typedef struct {
    char *text;    /* what `wg syncconf` reads, with the secret key; NULL: no WireGuard */
    uint16_t port; /* of the node, UDP; 0: none, this node calls the others */
    uint8_t address[4];
    route_plan_t *routes;
    uint32_t route_count;
} wireguard_plan_t;

/* A network of one twin: a namespace with a bridge, tied to the host by a pair of links. */
typedef struct {
    char id[NETWORK_LEN + 1];
    uint32_t index;    /* of its addresses towards the host */
    uint8_t subnet[4]; /* the first address behind it is the gateway */
    uint8_t prefix;
    uint8_t subnet6[8]; /* the first half of its IPv6 addresses; zeros: it has none */
    guest_plan_t *guests;
    uint32_t guest_count;
    forward_plan_t *forwards;
    uint32_t forward_count;
    wireguard_plan_t wireguard;
} network_plan_t;

/* network_plan_fini frees what a network's plan points to. */
void network_plan_fini(network_plan_t *plan);

/* All networks of the machine: its packet filter follows from them. */
typedef struct {
    network_plan_t *networks;
    uint32_t network_count;
} firewall_plan_t;

/* network_host_end and network_far_end are the two addresses of the link of network `index`: a /30 net of the
 * range that belongs to the prefix, a /18 in 100.65.0.0 to 100.127.255.255, so that agents of several
 * prefixes do not meet on one machine.  network_range is the first address of that range. */
#define NETWORK_INDEX_MAX    4095
#define NETWORK_RANGE_PREFIX 18
void network_range(const char *prefix, uint8_t address[4]);
void network_host_end(const char *prefix, uint32_t index, uint8_t address[4]);
void network_far_end(const char *prefix, uint32_t index, uint8_t address[4]);
void network_gateway(const network_plan_t *network, uint8_t address[4]);

/* network_ip6 is the IPv6 address that goes with an address of the subnet, as zos makes it: the last byte is
 * the same.  network_link6 is that of the link to the host, its near or its far end, in a /48 net of the
 * prefix, network_range6. */
void network_ip6(const network_plan_t *network, const uint8_t ip[4], uint8_t ip6[16]);
bool network_has_ip6(const network_plan_t *network);
#define NETWORK_RANGE6_PREFIX 48
#define NETWORK_IP6_PREFIX    64
void network_range6(const char *prefix, uint8_t address[16]);
void network_link6(const char *prefix, uint32_t index, bool is_far, uint8_t address[16]);

/* network_has_guest says whether an address may be a guest's: in the subnet, and neither its first two nor
 * its last. */
bool network_has_guest(const uint8_t subnet[4], uint8_t prefix, const uint8_t ip[4]);

/* ---- machines ---- */

#define MACHINE_SETTINGS "/settings"

typedef struct {
    char *key, *value;
} plan_env_t;

typedef struct {
    char source[PATH_CAP]; /* a folder of the host */
    char *target;          /* in the machine */
    uint64_t size;         /* bytes that it may hold */
} plan_mount_t;

typedef struct {
    char wid[WID_LEN + 1];
    char image[PATH_CAP]; /* a squashfs file */
    uint32_t user_base;   /* the first id of its user namespace; 0: none */
    uint32_t cpu_millis;  /* of a core */
    uint64_t memory;      /* bytes */
    uint64_t root_size;   /* bytes */
    char hostname[DEPLOYMENT_NAME_MAX + 1];
    char **args; /* ends with NULL */
    char *cwd;
    uint32_t uid, gid; /* inside */
    char *settings;    /* a text that it finds in MACHINE_SETTINGS and may read; NULL: none */
    plan_env_t *env;
    uint32_t env_count;
    plan_mount_t *mounts;
    uint32_t mount_count;
    network_plan_t network;
    uint8_t ip[4];
    bool is_vm;      /* a virtual machine, not a container */
    bool has_kernel; /* its image has one; else it is the operator's */
} machine_plan_t;

/* machine_plan_fini frees what a plan points to. */
void machine_plan_fini(machine_plan_t *plan);
void firewall_plan_fini(firewall_plan_t *plan);
void gateways_plan_fini(gateways_plan_t *plan);

/* plan_words splits an entry point as a shell would split words: blanks, quotes and backslashes, nothing
 * else. Ends with NULL; the caller's to plan_words_free.  NULL when a quote is open or memory is short. */
char **plan_words(const char *text);
void plan_words_free(char **words);

/* ---- databases: each a machine with a network of its own, in which it only answers ---- */

#define ZDB_SLOTS    256 /* that one node can hold; their networks have the last indices */
#define ZDB_PORT     9900
#define ZDB_UID      1000 /* inside */
#define ZDB_SIZE_MIN (UINT64_C(16) << 20)

/* A database keeps its data in memory, and on disk as a log that is written anew while the old one is still
 * there: what it takes of both for a size that is sold. */
uint64_t zdb_memory(uint64_t size);
uint64_t zdb_disk(uint64_t size);

/* ---- logs: what a machine prints, sent to an address in its network ---- */

#define LOGS_URL_MAX 511

typedef struct {
    char wid[WID_LEN + 1], machine[WID_LEN + 1];
    char network[NETWORK_LEN + 1];
    bool is_in_mesh; /* the target is behind the network's WireGuard, not on its bridge */
    uint32_t user;   /* the id of the process that sends */
    char url[LOGS_URL_MAX + 1];
} logs_plan_t;

/* ---- names ---- */

void plan_wid(uint32_t twin_id, uint64_t contract_id, const char *name, char wid[WID_LEN + 1]);
void plan_network_id(uint32_t twin_id, const char *name, char id[NETWORK_LEN + 1]);

#endif
