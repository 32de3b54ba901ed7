/* btrfs.c - requests to the file system, on the folder above or on the subvolume. */
#include "btrfs.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The folder above, and the last part of the path as the kernel takes it. */
static int open_above(const char *path, struct btrfs_ioctl_vol_args *args)
{
    char above[PATH_CAP];
    const char *slash = strrchr(path, '/');
    *args             = (struct btrfs_ioctl_vol_args){0};
    errno             = ENAMETOOLONG;
    if (!slash || !path_join(above, "%.*s", (int)(slash - path), path)) return -1;
    int len = snprintf(args->name, sizeof args->name, "%s", slash + 1);
    return len > 0 && (size_t)len < sizeof args->name ? open_folder(above) : -1;
}

static bool end(int fd, bool is_ok)
{
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    return is_ok;
}

bool btrfs_subvolume_make(const char *path)
{
    struct btrfs_ioctl_vol_args args;
    crash_point();
    int fd = open_above(path, &args);
    return end(fd, fd >= 0 && (ioctl(fd, BTRFS_IOC_SUBVOL_CREATE, &args) == 0 || errno == EEXIST));
}

bool btrfs_subvolume_limit(const char *path, uint64_t size)
{
    struct btrfs_ioctl_qgroup_limit_args args = {
        .lim = {.flags = BTRFS_QGROUP_LIMIT_MAX_RFER, .max_rfer = size}
    };
    crash_point();
    int fd = open_folder(path);
    return end(fd, fd >= 0 && ioctl(fd, BTRFS_IOC_QGROUP_LIMIT, &args) == 0);
}

static uint64_t id_of(const char *path)
{
    struct btrfs_ioctl_ino_lookup_args args = {.objectid = BTRFS_FIRST_FREE_OBJECTID};
    int fd                                  = open_folder(path);
    bool is_ok                              = fd >= 0 && ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) == 0;
    return end(fd, is_ok) ? args.treeid : 0;
}

/* The quota of what the file system still cleans up cannot be taken away yet on some kernels: it holds
 * nothing, and stays. */
bool btrfs_subvolume_drop(const char *path)
{
    struct btrfs_ioctl_vol_args args;
    struct btrfs_ioctl_qgroup_create_args quota = {.create = 0, .qgroupid = id_of(path)};
    uint64_t transaction                        = 0;
    crash_point();
    int fd     = open_above(path, &args);
    bool is_ok = fd >= 0 && (ioctl(fd, BTRFS_IOC_SNAP_DESTROY, &args) == 0 || errno == ENOENT);
    if (is_ok && ioctl(fd, BTRFS_IOC_START_SYNC, &transaction) == 0)
        is_ok = ioctl(fd, BTRFS_IOC_WAIT_SYNC, &transaction) == 0;
    crash_point();
    if (is_ok && quota.qgroupid != 0) (void)ioctl(fd, BTRFS_IOC_QGROUP_CREATE, &quota);
    return end(fd, is_ok);
}
