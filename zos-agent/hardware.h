/* hardware.h - cores, memory and disks of this machine, as its kernel shows them. */
#ifndef HARDWARE_H
#define HARDWARE_H
#include "deployment.h"

#define HARDWARE_DISKS_CAP 64
#define HARDWARE_NAME_MAX  63

typedef struct {
    char name[HARDWARE_NAME_MAX + 1], model[HARDWARE_NAME_MAX + 1]; /* sda; "" where none is told */
    uint64_t size;
    bool is_rotational;
} hardware_disk_t;

typedef struct {
    uint32_t cores, disk_count;
    uint64_t memory;
    hardware_disk_t disks[HARDWARE_DISKS_CAP]; /* whole ones that stay in, in the order of their names */
} hardware_t;

/* hardware_look reads SYS and PROC (/sys and /proc but in tests). */
void hardware_look(hardware_t *hardware, const char *sys, const char *proc);

/* hardware_room says how large the file system is that a folder is or will be on, and whether its disk turns:
 * what is not known does not. */
NODISCARD bool hardware_room(const char *sys, const char *folder, uint64_t *size, bool *is_rotational);

/* hardware_offer completes what an operator left open (0) of a capacity: all cores, all memory, and where
 * there is neither sru nor hru, a part of the file system of the disks, as what its disk is: nine tenths of
 * pool_dir, else seven of state_dir, where images and logs are, too.  The same machine gives the same at each
 * start: it counts what there is, not what is free.  pool_dir may be NULL. */
void hardware_offer(const hardware_t *hardware, const char *sys, const char *state_dir, const char *pool_dir,
                    capacity_t *capacity);

#endif
