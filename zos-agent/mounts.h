/* mounts.h - block files and what is mounted on them.
 *
 * Loop devices are set to clear themselves: they are gone with their last mount. */
#ifndef MOUNTS_H
#define MOUNTS_H
#include "files.h"

/* mount_file mounts a file with a file system on a folder, over a loop device.  errno says why not. */
NODISCARD bool mount_file(const char *file, const char *folder, const char *type, unsigned long flags,
                          const char *options);

/* mount_is_at says whether something is mounted right at this folder, in this process's mount namespace. */
bool mount_is_at(const char *folder);

/* mount_drop unmounts a folder; true when nothing is mounted there. */
bool mount_drop(const char *folder);

/* mounts_below calls fn for each mount point below a folder or at it, the deepest first; of "": for
 * all.  mounts_all goes through all of them, the outermost first: letting go of one lets go of those in it,
 * and the kernel waits once for that. */
void mounts_below(const char *folder, void (*fn)(void *context, const char *point), void *context);
void mounts_all(void (*fn)(void *context, const char *point), void *context);

/* mount_shifted copies a mount to another folder with its owners shifted: user and group ids from 0 on become
 * those from base on, 65536 of them.  errno is EINVAL or ENOSYS when the kernel cannot. */
NODISCARD bool mount_shifted(const char *from, const char *folder, uint32_t base);

#endif
