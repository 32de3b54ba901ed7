/* shim.h - one process that holds one container, or one virtual machine, and outlives the agent.
 *
 * When a shim is killed the container goes on; another `zos-shim FOLDER` adopts it.
 * The agent writes shim.json into the workload's folder and runs `zos-shim FOLDER`.  That returns when the
 * container runs (0) or could not be started (1, and why on standard error).  What stays behind holds
 * FOLDER/lock, has a mount namespace of its own, and leaves FOLDER/run while the container runs and
 * FOLDER/exit once it ended. */
#ifndef SHIM_H
#define SHIM_H
#include "vm.h"

#define SHIM_VOLUMES_CAP 64
#define SHIM_TARGET_MAX  1024
#define SHIM_ERROR_MAX   1023
#define SHIM_LOG_MAX     (8u << 20) /* of FOLDER/log, what the workload prints: then the newest is kept */
#define SHIM_LOG_KEPT    (4u << 20)

typedef struct {
    char wid[32];
    char folder[PATH_CAP];
    char image[PATH_CAP];   /* a squashfs file, or a folder */
    char root[PATH_CAP];    /* on the pool: holds upper and work */
    char runtime[PATH_CAP]; /* runc or crun */
    char runtime_root[PATH_CAP];
    char cgroup[64];
    char unified[64];   /* a cgroup tree that the runtime must not see; "" for none */
    uint32_t user_base; /* 0: no user namespace */
    uint32_t volume_count;
    char volumes[SHIM_VOLUMES_CAP][PATH_CAP];
    char targets[SHIM_VOLUMES_CAP][SHIM_TARGET_MAX + 1]; /* where each is in the machine */
    char netns[32], bridge[16], veth[16];
    uint8_t ip[4], prefix, gateway[4];
    uint8_t ip6[16], gateway6[16]; /* zeros: none */

    /* A virtual machine: runtime is QEMU, volumes are raw disks, root holds one, too; FOLDER/guest is what
     * zos-init reads. */
    bool is_vm;
    vm_kind_t vm_kind;
    char vm_root[PATH_CAP]; /* where its kernel is; "" for the image */
    char vm_kernel[64];
    char vm_init[PATH_CAP];
    char vm_cpu[VM_CPU_CAP];
    uint32_t cpus;
    uint64_t memory; /* bytes */
} shim_plan_t;

NODISCARD bool shim_plan_read(const char *folder, shim_plan_t *plan);
NODISCARD bool shim_plan_write(const shim_plan_t *plan);

/* What FOLDER/run and FOLDER/exit hold. */
typedef struct {
    int pid;
    uint64_t start_ticks; /* field 22 of /proc/PID/stat: the pid is this process's only with it */
    char boot[37];
} shim_run_t;
typedef struct {
    int code; /* exit code, or 128 + signal; -1 unknown */
    int64_t at_s;
} shim_exit_t;

NODISCARD bool shim_run_read(const char *folder, shim_run_t *run);
NODISCARD bool shim_exit_read(const char *folder, shim_exit_t *end);

/* process_start_ticks is 0 when there is no such process, or it is a zombie. */
uint64_t process_start_ticks(int pid);

/* The link of a virtual machine, in a namespace of its own; a bridge leads from it to eth0. */
#define SHIM_TAP "tap0"

/* shim_vm_start starts QEMU for a plan that is_vm, as its own user in its own group, tied to the network.
 * What it prints goes to output; ours is the other end of that.  It calls let_go once all files are open.  On
 * failure error says why. */
NODISCARD bool shim_vm_start(const shim_plan_t *plan, int network, int output, int ours, void (*let_go)(void),
                             int *pid, char error[SHIM_ERROR_MAX + 1]);

/* shim_connect ties a container to its network: one end of a pair of links in the network's namespace, one in
 * that of process pid.  What is tied is only tied to the bridge again; false, and errno says why. */
NODISCARD bool shim_connect(const shim_plan_t *plan, int network, int pid);

/* shim_run_is_alive: is the process of FOLDER/run still that one? */
bool shim_run_is_alive(const shim_run_t *run);

#endif
