/* btrfs.h - subvolumes and their sizes, by the kernel's own requests: a program for each would take longer
 * than all the rest of making a disk. */
#ifndef BTRFS_H
#define BTRFS_H
#include "base.h"

/* Each succeeds when it is so already, and leaves in errno why not.  btrfs_subvolume_limit sets how many
 * bytes it may refer to; quotas must be on.  btrfs_subvolume_drop returns when it is gone from the disk, and
 * takes its quota away, too. */
NODISCARD bool btrfs_subvolume_make(const char *path);
NODISCARD bool btrfs_subvolume_limit(const char *path, uint64_t size);
NODISCARD bool btrfs_subvolume_drop(const char *path);

#endif
