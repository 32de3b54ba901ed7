/* host.h - the machine: what it can do, and making workloads on it.
 *
 * Every ensure makes so whatever is missing and leaves what is there; every drop succeeds when there is
 * nothing. All of it blocks, for milliseconds mostly, and none of it knows the database.  The engine's jobs
 * call it from several threads: of one workload, and of networks, filter and gateway, one call at a time. */
#ifndef HOST_H
#define HOST_H
#include "cgroup.h"
#include "gateway.h"
#include "plan.h"
#include "vm.h"

#define HOST_PREFIX_MAX 4 /* so that "PREFIXu" and a network's short name fit an interface's name */
#define HOST_ERROR_MAX  511
#define HOST_STOP_MS    2000 /* between a machine's SIGTERM and its SIGKILL */

/* What the kernel can show with other owners: squashfs files since 6.2, folders since 5.12, or neither. */
typedef enum { HOST_SHIFTS_NONE, HOST_SHIFTS_IMAGES, HOST_SHIFTS_FOLDERS } host_shifts_t;

/* Who speaks WireGuard: the kernel, the program wireguard-go, or nobody. */
typedef enum { HOST_WIREGUARD_NONE, HOST_WIREGUARD_PROGRAM, HOST_WIREGUARD_KERNEL } host_wireguard_t;

typedef struct host {
    char prefix[HOST_PREFIX_MAX + 1]; /* of namespaces, links, groups and the packet filter's table */
    char state_dir[PATH_CAP];         /* survives a reboot: images, pool */
    char run_dir[PATH_CAP];           /* need not: workloads' folders */
    char shim[PATH_CAP];              /* the program zos-shim */
    char pool_dir[PATH_CAP];          /* where disks are; mounted by us unless is_pool_given */
    bool is_pool_given;
    uint64_t pool_size;   /* of the file that we make, bytes */
    bool is_lan_blocked;  /* guests reach no private addresses but their network's */
    bool has_user_spaces; /* false: workloads run without user namespaces */
    host_shifts_t shifts; /* HOST_SHIFTS_FOLDERS: images are unpacked beside their files, once */
    bool has_btrfs;       /* false: each disk is a file with ext4 */
    const char *dns[4];   /* name servers of machines, ends with NULL */
    char runtime[PATH_CAP];
    cgroup_t cgroup;
    char unified[64]; /* a tree that the runtime must not see */
    gateway_settings_t gateway;
    host_wireguard_t wireguard;
    char zdb_program[PATH_CAP];  /* redis-server; "": none */
    char logs_program[PATH_CAP]; /* zos-logs; "": none */
    char public_link[16];  /* where public addresses are: each is a link of its own on its wire; "": none */
    bool is_public_routed; /* or whatever is sent to them reaches this host */
    bool has_public6;      /* on public_link there are IPv6 addresses, too: of this net, by this gateway */
    uint8_t public_net6[8], public_gateway6[16];
    bool is_ipv6_off; /* networks have IPv6 inside alone */
    vm_settings_t vm;
} host_t;

typedef struct {
    const char *state_dir, *run_dir, *prefix, *shim; /* run_dir and shim may be NULL */
    const char *runtime;                             /* NULL: chosen by what is there */
    const char *pool_dir;                            /* NULL: a file in state_dir */
    uint64_t pool_size;
    bool is_lan_blocked, is_ext4_forced, is_user_space_off;
    const char *gateway_domain;                        /* NULL: the node is no gateway */
    const char *gateway_address, *gateway_certificate; /* may be NULL: 0.0.0.0, one made here */
    uint32_t gateway_http_port, gateway_https_port;
    const char *public_link;                   /* NULL: none */
    const char *public_net6, *public_gateway6; /* "A::/64" and an address; NULL: none */
    bool is_public_routed, is_ipv6_off;
    const char
        *vm_kernel; /* of virtual machines whose image has none: ".../boot/NAME"; NULL: no virtual ones */
    bool is_vm_emulated; /* run them without KVM, slowly: for tests */
} host_config_t;

/* host_init finds out what there is.  False, and error says what a person must install or mend. */
NODISCARD bool host_init(host_t *host, const host_config_t *config, char error[HOST_ERROR_MAX + 1]);

typedef enum {
    HOST_OK,
    HOST_LATER,   /* it may go well another time */
    HOST_WAITS,   /* as HOST_LATER, for something of ours that is under way */
    HOST_REFUSED, /* it will not, as it was asked */
} host_status_t;

/* What an ensure answers.  error is for the user; it names nothing of this machine. */
typedef struct {
    host_status_t status;
    char error[HOST_ERROR_MAX + 1];
} host_result_t;

/* ---- disks ---- */

/* disk_ensure makes a folder that takes at most size bytes (an existing one gets the new size and keeps what
 * it holds), owned by the user `owner`.  disk_path writes where it is. */
host_result_t disk_ensure(const host_t *host, const char *name, uint64_t size, uint32_t owner);
host_result_t disk_drop(const host_t *host, const char *name);
NODISCARD bool disk_path(const host_t *host, const char *name, char path[PATH_CAP]);
bool disk_used(const host_t *host, const char *name, uint64_t *bytes);

/* disk_trash takes a disk away and keeps what it holds under another name, in the trash of the pool; *is_kept
 * says whether there is something under that name.  trash_drop deletes it.  disk_restore puts it in the place
 * of a disk that is there and empty: with that one's size, and files of the users from `old_owner` on given
 * to those from `owner` on.  All may be done twice. */
host_result_t disk_trash(const host_t *host, const char *name, const char *trash, bool *is_kept);
host_result_t trash_drop(const host_t *host, const char *trash);
host_result_t disk_restore(const host_t *host, const char *trash, const char *name, uint64_t size,
                           uint32_t old_owner, uint32_t owner);
void trash_list(const host_t *host, void (*fn)(void *context, const char *trash), void *context);

/* disk_list calls fn with the name of each disk.  pool_rest unmounts the pool when it holds none. */
void disk_list(const host_t *host, void (*fn)(void *context, const char *name), void *context);
bool pool_rest(const host_t *host);

/* ---- networks ---- */

host_result_t network_ensure(const host_t *host, const network_plan_t *network);
host_result_t network_drop(const host_t *host, const char *id);
/* wireguard_probe says what there is.  wireguard_ensure makes a network's mesh so, or away when the plan has
 * none; what did not change is left alone, sessions live on.  wireguard_name is that of its link. */
host_wireguard_t wireguard_probe(const char *prefix);
host_result_t wireguard_ensure(const host_t *host, int netns, const network_plan_t *network);
void wireguard_drop(const host_t *host, int netns, const char *id);
void wireguard_name(const char *prefix, const char *id, char name[16]);

/* network_is_whole says whether all of a network is there: its namespace, links and rules. */
bool network_is_whole(const host_t *host, const network_plan_t *network);
bool firewall_is_whole(const host_t *host, const firewall_plan_t *firewall);

void network_namespace(const host_t *host, const char *id, char name[32]);

/* network_range_user finds a link of this host that is none of ours and has an address in the range of our
 * prefix: another agent's, or another program's.  False when there is none. */
bool network_range_user(const char *prefix, char link[16]);

/* host_reaches_ipv6: has the host a way outside by IPv6, for its workloads as well? */
bool host_reaches_ipv6(const host_t *host);

/* public_ensure gives the guests of a network that run their public addresses, and takes away those of
 * others; own and netns are the host's namespace and the network's. */
host_result_t public_ensure(const host_t *host, int own, int netns, const network_plan_t *network);
bool public_is_whole(const host_t *host, int own, int netns, const network_plan_t *network);

/* firewall_apply writes the rules of the host; of no network: it removes them all. */
host_result_t firewall_apply(const host_t *host, const firewall_plan_t *firewall);

/* ---- gateways ---- */

/* gateway_apply makes the machine's gateway lead just where the plan says; of an empty plan: stops it.
 * gateway_clear ends what still goes through a slot that has no workload any more. */
host_result_t gateway_apply(const host_t *host, const gateways_plan_t *plan);
host_result_t gateway_clear(const host_t *host, uint32_t slot);
host_result_t gateway_stop(const host_t *host);
bool gateway_is_up(const host_t *host);

/* gateway_counters writes the bytes that went through each slot, both ways, since the gateway started; false
 * when it does not answer. */
NODISCARD bool gateway_counters(const host_t *host, uint64_t bytes[GATEWAY_SLOTS]);

/* gateway_born is another number for each gateway that was started: with it the counters began anew.  0: none
 * runs. */
uint64_t gateway_born(const host_t *host);

/* port_is_free: does no program of this machine listen there? */
bool port_is_free(bool is_udp, uint16_t port);

/* ---- machines ---- */

host_result_t machine_ensure(const host_t *host, const machine_plan_t *plan);
host_result_t machine_pause(const host_t *host, const char *wid, bool is_paused);
host_result_t machine_drop(const host_t *host, const char *wid);

/* machine_stop ends it and keeps what it has: ensure starts it again. */
host_result_t machine_stop(const host_t *host, const char *wid);

/* machine_connect ties a machine that runs to its network again, where it is not. */
host_result_t machine_connect(const host_t *host, const char *wid);

typedef enum {
    MACHINE_ABSENT,
    MACHINE_STARTING, /* a shim is at it */
    MACHINE_RUNNING,
    MACHINE_UNHELD, /* it runs, and its shim is gone: ensure brings another */
    MACHINE_ENDED,
} machine_state_t;

/* machine_state is quick: it reads two small files.  code is the exit code of MACHINE_ENDED, -1 when unknown.
 */
machine_state_t machine_state(const host_t *host, const char *wid, int *code);
bool machine_usage(const host_t *host, const char *wid, cgroup_usage_t *usage);
NODISCARD bool machine_folder(const host_t *host, const char *wid, char path[PATH_CAP]);

/* ---- what is left over ---- */

/* host_list calls fn for every object with our prefix: kind is 'w' (a machine, by its short name), 'n' (a
 * network), 'd' (a disk) or 't' (a disk in the trash).  The same one may be named more than once.  host_drop
 * drops one. */
void host_list(const host_t *host, void (*fn)(void *context, char kind, const char *name), void *context);
host_result_t host_drop(const host_t *host, char kind, const char *name);

/* host_rest removes what belongs to no workload: the filter's table, the pool's mount, empty groups and
 * folders. */
void host_rest(const host_t *host);

host_result_t host_ok(void);
__attribute__((format(printf, 2, 3))) host_result_t host_fail(host_status_t status, const char *format, ...);

#endif
