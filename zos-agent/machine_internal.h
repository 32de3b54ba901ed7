/* machine_internal.h - what the files of machines share. */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H
#include "host.h"
#include "runner.h"
#include "shim.h"

/* machine_vm_prepare makes the disks of a virtual machine, and its file for zos-init; root is where its root
 * disk is.  machine_vm_plan fills the part of a shim's plan that is a virtual machine's. */
host_result_t machine_vm_prepare(const host_t *host, const machine_plan_t *plan, const char *folder,
                                 char root[PATH_CAP]);
NODISCARD bool machine_vm_plan(const host_t *host, const machine_plan_t *plan, shim_plan_t *shim);

#endif
