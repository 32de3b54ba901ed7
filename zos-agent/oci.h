/* oci.h - the config.json that a container runtime reads.
 *
 * Spec: OCI runtime 1.0.2.  Everything a workload may do is listed: capabilities, system calls, mounts. */
#ifndef OCI_H
#define OCI_H
#include "plan.h"

/* What the machine can do, and where the pieces of this workload are. */
typedef struct {
    const char *cgroup; /* "/zos/WID" */
    const char *folder; /* of the workload: holds rootfs, volumes as vol/0, vol/1, and files to mount */
    bool is_cgroup_v2;
} oci_place_t;

/* oci_config gives the text, the caller's to free(); NULL when memory is short. */
char *oci_config(const machine_plan_t *plan, const oci_place_t *place);

/* The names of the system calls that a workload may make, ended by NULL. */
extern const char *const oci_syscalls[];

#endif
