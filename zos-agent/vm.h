/* vm.h - machines that are virtual ones: their kernel, their first file system, and how QEMU is told.
 *
 * A virtual machine boots the kernel of its image (/boot/vmlinuz), or the operator's, with a first file
 * system that holds zos-init, a few modules of that kernel, and what the deployment says; zos-init does the
 * rest (guest_init.c).  Everything of an image is somebody else's: paths are resolved below its root, and
 * sizes are bounded. */
#ifndef VM_H
#define VM_H
#include "files.h"

#define VM_ERROR_MAX      255
#define VM_KERNEL_MAX     (128u << 20)
#define VM_DISKS_MAX      16 /* beside image and root */
#define VM_IMAGE_KERNEL   "boot/vmlinuz"
#define VM_MEMORY_SPARE   (UINT64_C(160) << 20) /* QEMU's own, beside the machine's memory */
#define VM_STOP_MS        6000                  /* between the power button and the end */
#define VM_ANSWER_MS      3000
#define VM_PROBE_MS       3000
#define VM_CPU_CAP        48
#define VM_MODULES_FOLDER "lib/modules"

/* What runs virtual machines on this node. */
typedef enum {
    VM_NONE,
    VM_EMULATED, /* by software, slowly: for tests, and only when the operator says so */
    VM_KVM,
} vm_kind_t;

typedef struct {
    vm_kind_t kind;
    char why_not[VM_ERROR_MAX + 1]; /* of VM_NONE: for the operator */
    char program[PATH_CAP];         /* QEMU */
    char init[PATH_CAP];            /* zos-init */
    char root[PATH_CAP];            /* of the operator's kernel: ROOT/boot/NAME, ROOT/lib/modules; "": none */
    char kernel[64];                /* "boot/NAME" */
    char cpu[VM_CPU_CAP];           /* QEMU's -cpu */
} vm_settings_t;

/* vm_boot_files writes FOLDER/kernel and FOLDER/initrd, readable for `owner` alone: the kernel that is at
 * `kernel` below root, and zos-init with that kernel's modules and the file `config` (NULL: none). */
NODISCARD bool vm_boot_files(const char *root, const char *kernel, const char *init, const char *config,
                             const char *folder, uint32_t owner, char error[VM_ERROR_MAX + 1]);

/* vm_kernel_version reads the version out of a bzImage; false when it is none. */
NODISCARD bool vm_kernel_version(int kernel, char version[128]);

/* vm_modules_find reads what a machine needs out of a kernel's modules.dep: paths below the folder of its
 * modules, in the order in which they are loaded. */
#define VM_MODULES_MAX 64
typedef struct {
    char *paths[VM_MODULES_MAX];
    uint32_t count;
} vm_modules_t;
void vm_modules_find(vm_modules_t *modules, const char *depends);
void vm_modules_fini(vm_modules_t *modules);

/* QEMU's -M and -accel, and the kernel's command line. */
#define VM_MACHINE "microvm,acpi=on,rtc=on,x-option-roms=off"
const char *vm_accel_option(vm_kind_t kind);
void vm_kernel_line(vm_kind_t kind, char text[256]);

/* vm_probe finds out by booting a machine whether virtual machines work, and fills settings->kind and cpu. */
void vm_probe(vm_settings_t *settings, bool is_emulated, const char *folder);

/* vm_mac is the address of a machine's link, by its short name. */
void vm_mac(const char *wid, uint8_t mac[6]);

/* vm_order gives an order (as "stop") to the QEMU that listens at FOLDER/qmp, and waits until it has been
 * taken.  vm_is_one says whether a workload's folder is that of a virtual machine; vm_is_up whether QEMU
 * answers there. */
NODISCARD bool vm_order(const char *folder, const char *order, uint32_t timeout_ms);
bool vm_is_one(const char *folder);
NODISCARD bool vm_is_up(const char *folder, uint32_t timeout_ms);

/* vm_listen makes FOLDER/qmp; a descriptor that QEMU inherits, or -1. */
int vm_listen(const char *folder);

#endif
