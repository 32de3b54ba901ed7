/* disk.c - folders that hold so many bytes and no more.
 *
 * The pool is a mounted btrfs: each disk is a subvolume with a quota.  Without btrfs each disk is a file of
 * its size with ext4 in it.  What exists is never formatted anew. */
#include "btrfs.h"
#include "host.h"
#include "mounts.h"
#include "runner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TOOL_TIMEOUT_MS 60000
#define POOL_SIZE_MIN   (UINT64_C(256) << 20) /* of btrfs */
#define POOL_LEAVES     4                     /* the part of the disk that its file leaves: a quarter */
#define EXT4_SIZE_MIN   (UINT64_C(4) << 20)
#define OWNERS_OF_ONE   65536 /* user ids of one contract */

/* ---- the pool ---- */

static bool pool_file(const host_t *host, char path[PATH_CAP])
{
    return path_join(path, "%s/pool.img", host->state_dir);
}

static bool is_mounted(const host_t *host)
{
    return host->is_pool_given || !host->has_btrfs || mount_is_at(host->pool_dir);
}

/* For all of the pool, so that nothing else that fills the disk takes it from the workloads; else it is
 * sparse. */
static bool has_room(int fd, uint64_t size)
{
    struct statvfs fs;
    return fstatvfs(fd, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize > size + (uint64_t)fs.f_blocks * fs.f_frsize / POOL_LEAVES;
}

static host_result_t make_pool_file(const host_t *host, const char *path)
{
    char fresh[PATH_CAP];
    spawn_result_t said;
    uint64_t size = host->pool_size > POOL_SIZE_MIN ? host->pool_size : POOL_SIZE_MIN;
    if (!path_join(fresh, "%s.new", path))
        return host_fail(HOST_REFUSED, "the state directory's path is too long");
    int fd     = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_ok = fd >= 0 && ftruncate(fd, (off_t)size) == 0;
    if (is_ok && has_room(fd, size) && posix_fallocate(fd, 0, (off_t)size) != 0)
        is_ok = ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0;
    if (fd >= 0) close(fd);
    if (!is_ok) return host_fail(HOST_LATER, "the pool cannot be made: %s", strerror(errno));
    if (!SPAWN(&said, TOOL_TIMEOUT_MS, "mkfs.btrfs", "-q", "-K", "-m", "single", "-d", "single", fresh))
        return host_fail(HOST_LATER, "the pool cannot be made: %.200s", said.text);
    if (rename(fresh, path) != 0)
        return host_fail(HOST_LATER, "the pool cannot be made: %s", strerror(errno));
    return host_ok();
}

/* btrfs writes no more once its disk was full or broken. */
static bool is_readonly(const host_t *host)
{
    struct statvfs fs;
    return statvfs(host->pool_dir, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

static host_result_t pool_mount(const host_t *host)
{
    char path[PATH_CAP];
    if (!folder_make(host->pool_dir, 0711))
        return host_fail(HOST_LATER, "no pool folder: %s", strerror(errno));
    if (is_mounted(host) && is_readonly(host)) /* and who has it mounted keeps it so */
        return host_fail(HOST_LATER,
                         "the disks of this node are read-only, as after the host's was full or broken");
    if (is_mounted(host)) return host_ok();
    if (!pool_file(host, path)) return host_fail(HOST_REFUSED, "the state directory's path is too long");
    if (!file_exists(path)) {
        host_result_t made = make_pool_file(host, path);
        if (made.status != HOST_OK) return made;
    }
    if (!mount_file(path, host->pool_dir, "btrfs", MS_NODEV | MS_NOSUID, "user_subvol_rm_allowed,nodiscard"))
        return host_fail(HOST_LATER, "the pool cannot be mounted: %s", strerror(errno));
    if (chmod(host->pool_dir, 0711) != 0 ||
        !SPAWN(NULL, TOOL_TIMEOUT_MS, "btrfs", "quota", "enable", host->pool_dir))
        return host_fail(HOST_LATER, "the pool has no quotas");
    return host_ok();
}

/* Held by who mounts the pool, and by who makes the folder of the trash or takes it away. */
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;

static host_result_t pool_ensure(const host_t *host)
{
    pthread_mutex_lock(&pool_lock);
    host_result_t result = pool_mount(host);
    pthread_mutex_unlock(&pool_lock);
    return result;
}

bool disk_path(const host_t *host, const char *name, char path[PATH_CAP])
{
    return path_join(path, "%s/%s", host->pool_dir, name);
}

/* ---- btrfs ---- */

static host_result_t btrfs_ensure(const char *path, uint64_t size)
{
    if (!btrfs_subvolume_make(path))
        return host_fail(HOST_LATER, "the disk cannot be made: %s", strerror(errno));
    if (!btrfs_subvolume_limit(path, size))
        return host_fail(HOST_LATER, "the disk cannot be given its size: %s", strerror(errno));
    return host_ok();
}

static host_result_t btrfs_drop(const char *path)
{
    return btrfs_subvolume_drop(path)
               ? host_ok()
               : host_fail(HOST_LATER, "the disk cannot be deleted: %s", strerror(errno));
}

/* ---- ext4 ---- */

static bool image_path(const host_t *host, const char *name, char path[PATH_CAP])
{
    return path_join(path, "%s/%s.img", host->pool_dir, name);
}

static host_result_t ext4_make(const char *path, uint64_t size)
{
    char fresh[PATH_CAP];
    spawn_result_t said;
    if (!path_join(fresh, "%s.new", path)) return host_fail(HOST_REFUSED, "the path is too long");
    int fd    = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)(size > EXT4_SIZE_MIN ? size : EXT4_SIZE_MIN));
    if (fd >= 0) close(fd);
    host_result_t result = host_ok();
    if (error != 0)
        result = host_fail(error == ENOSPC ? HOST_REFUSED : HOST_LATER, "the disk cannot be made: %s",
                           strerror(error));
    else if (!SPAWN_FRESH(&said, TOOL_TIMEOUT_MS, "mkfs.ext4", "-q", "-m", "0", "-F", fresh))
        result = host_fail(HOST_LATER, "the disk cannot be made: %.200s", said.text);
    else if (rename(fresh, path) != 0)
        result = host_fail(HOST_LATER, "the disk cannot be made: %s", strerror(errno));
    if (result.status != HOST_OK) unlink(fresh);
    return result;
}

/* Grows the file and, when that is unmounted, the file system in it; never shrinks. */
static host_result_t ext4_grow(const char *path, const char *image, uint64_t size)
{
    struct stat st;
    spawn_result_t said;
    if (stat(image, &st) != 0 || (uint64_t)st.st_size >= size) return host_ok();
    if (mount_is_at(path) && !mount_drop(path))
        return host_fail(HOST_LATER, "the disk is in use: it grows later");
    int fd    = open(image, O_WRONLY | O_CLOEXEC);
    int error = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)size);
    if (fd >= 0) close(fd);
    if (error != 0)
        return host_fail(error == ENOSPC ? HOST_REFUSED : HOST_LATER, "the disk cannot grow: %s",
                         strerror(error));
    SPAWN(NULL, TOOL_TIMEOUT_MS, "e2fsck", "-f", "-p", image);
    if (!SPAWN(&said, TOOL_TIMEOUT_MS, "resize2fs", image))
        return host_fail(HOST_LATER, "the disk cannot grow: %.200s", said.text);
    return host_ok();
}

static host_result_t ext4_ensure(const host_t *host, const char *name, const char *path, uint64_t size)
{
    char image[PATH_CAP];
    if (!image_path(host, name, image) || !folder_make(path, 0755))
        return host_fail(HOST_LATER, "the disk has no place: %s", strerror(errno));
    host_result_t result = file_exists(image) ? ext4_grow(path, image, size) : ext4_make(image, size);
    if (result.status != HOST_OK || mount_is_at(path)) return result;
    if (mount_file(image, path, "ext4", MS_NODEV | MS_NOSUID, NULL)) return host_ok();
    return host_fail(HOST_LATER, "the disk cannot be mounted: %s", strerror(errno));
}

static host_result_t ext4_drop(const host_t *host, const char *name, const char *path)
{
    char image[PATH_CAP];
    if (!mount_drop(path)) return host_fail(HOST_LATER, "the disk is in use");
    if (!image_path(host, name, image) || (unlink(image) != 0 && errno != ENOENT) ||
        (rmdir(path) != 0 && errno != ENOENT))
        return host_fail(HOST_LATER, "the disk cannot be deleted: %s", strerror(errno));
    return host_ok();
}

/* ---- disks ---- */

host_result_t disk_ensure(const host_t *host, const char *name, uint64_t size, uint32_t owner)
{
    char path[PATH_CAP];
    struct stat st;
    if (!disk_path(host, name, path)) return host_fail(HOST_REFUSED, "the path is too long");
    host_result_t result = pool_ensure(host);
    if (result.status == HOST_OK)
        result = host->has_btrfs ? btrfs_ensure(path, size) : ext4_ensure(host, name, path, size);
    if (result.status != HOST_OK) return result;
    if (stat(path, &st) != 0) return host_fail(HOST_LATER, "the disk is not there");
    bool is_given = st.st_uid != 0 || owner == 0; /* not yet, too, when who made it was killed before that */
    if (!is_given && (chmod(path, 0755) != 0 || chown(path, owner, owner) != 0))
        return host_fail(HOST_LATER, "the disk cannot be given to its owner: %s", strerror(errno));
    return host_ok();
}

host_result_t disk_drop(const host_t *host, const char *name)
{
    char path[PATH_CAP], image[PATH_CAP];
    if (!disk_path(host, name, path) || !image_path(host, name, image)) return host_ok();
    if (!host->has_btrfs) return ext4_drop(host, name, path);
    if (!is_mounted(host) && (!pool_file(host, image) || !file_exists(image))) return host_ok();
    host_result_t result = pool_ensure(host); /* what is not mounted cannot be looked at */
    if (result.status != HOST_OK || !file_exists(path)) return result;
    return btrfs_drop(path);
}

bool disk_used(const host_t *host, const char *name, uint64_t *bytes)
{
    char path[PATH_CAP];
    struct statvfs st;
    if (host->has_btrfs || !disk_path(host, name, path) || statvfs(path, &st) != 0) return false;
    *bytes = (uint64_t)(st.f_blocks - st.f_bfree) * st.f_frsize;
    return true;
}

void disk_list(const host_t *host, void (*fn)(void *context, const char *name), void *context)
{
    char path[PATH_CAP];
    if (host->has_btrfs && !host->is_pool_given && (!pool_file(host, path) || !file_exists(path))) return;
    if (pool_ensure(host).status != HOST_OK) return;
    DIR *dir = opendir(host->pool_dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && strcmp(entry->d_name, "lost+found") != 0)
            fn(context, entry->d_name);
    if (dir) closedir(dir);
}

/* ---- the trash: POOL/.trash/NAME, a subvolume or a file with ext4 ---- */

static bool trash_folder(const host_t *host, char path[PATH_CAP])
{
    return path_join(path, "%s/.trash", host->pool_dir);
}

static bool trash_path(const host_t *host, const char *trash, char path[PATH_CAP])
{
    return path_join(path, host->has_btrfs ? "%s/.trash/%s" : "%s/.trash/%s.img", host->pool_dir, trash);
}

/* Moves a subvolume or an image; on disk when it returns. */
static host_result_t move(const char *from, const char *to, const char *folder)
{
    int fd     = rename(from, to) == 0 ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool is_ok = fd >= 0 && fsync(fd) == 0;
    int error  = errno;
    if (fd >= 0) close(fd);
    return is_ok ? host_ok() : host_fail(HOST_LATER, "the disk cannot be moved: %s", strerror(error));
}

host_result_t disk_trash(const host_t *host, const char *name, const char *trash, bool *is_kept)
{
    char path[PATH_CAP], image[PATH_CAP], folder[PATH_CAP], kept[PATH_CAP];
    *is_kept = false;
    if (!disk_path(host, name, path) || !image_path(host, name, image) || !trash_folder(host, folder) ||
        !trash_path(host, trash, kept))
        return disk_drop(host, name);
    if (host->has_btrfs && !is_mounted(host)) {
        char pool[PATH_CAP];
        if (!pool_file(host, pool) || !file_exists(pool)) return host_ok();
    }
    host_result_t result = pool_ensure(host);
    if (result.status != HOST_OK) return result;
    const char *from = host->has_btrfs ? path : image;
    if (!host->has_btrfs && !mount_drop(path)) return host_fail(HOST_LATER, "the disk is in use");
    if (file_exists(from)) {
        pthread_mutex_lock(&pool_lock);
        result = folder_make(folder, 0700) ? move(from, kept, folder)
                                           : host_fail(HOST_LATER, "no trash: %s", strerror(errno));
        pthread_mutex_unlock(&pool_lock);
    }
    if (result.status == HOST_OK && !host->has_btrfs && rmdir(path) != 0 && errno != ENOENT)
        return host_fail(HOST_LATER, "the disk cannot be moved: %s", strerror(errno));
    *is_kept = file_exists(kept);
    return result;
}

/* Removes the trash's folder, unless there is something in it. */
static void trash_rest(const char *folder)
{
    pthread_mutex_lock(&pool_lock);
    rmdir(folder);
    pthread_mutex_unlock(&pool_lock);
}

host_result_t trash_drop(const host_t *host, const char *trash)
{
    char folder[PATH_CAP], kept[PATH_CAP], pool[PATH_CAP];
    if (!trash_folder(host, folder) || !trash_path(host, trash, kept)) return host_ok();
    if (host->has_btrfs && !is_mounted(host) && (!pool_file(host, pool) || !file_exists(pool)))
        return host_ok();
    host_result_t result = pool_ensure(host);
    if (result.status == HOST_OK && file_exists(kept)) {
        if (host->has_btrfs)
            result = btrfs_drop(kept);
        else if (unlink(kept) != 0)
            result = host_fail(HOST_LATER, "the disk cannot be deleted: %s", strerror(errno));
    }
    trash_rest(folder);
    return result;
}

void trash_list(const host_t *host, void (*fn)(void *context, const char *trash), void *context)
{
    char path[PATH_CAP];
    if (host->has_btrfs && !host->is_pool_given && (!pool_file(host, path) || !file_exists(path))) return;
    if (pool_ensure(host).status != HOST_OK || !trash_folder(host, path)) return;
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char *end = strstr(entry->d_name, ".img");
        if (end) *end = 0;
        if (entry->d_name[0] != '.') fn(context, entry->d_name);
    }
    if (dir) closedir(dir);
}

/* Nobody else is at these files: the disk is in no workload while this runs. */
static _Thread_local struct {
    uint32_t from, to;
} shifting;

static int shift_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)type;
    (void)at;
    uint32_t uid = st->st_uid - shifting.from, gid = st->st_gid - shifting.from;
    bool has_uid = st->st_uid >= shifting.from && uid < OWNERS_OF_ONE,
         has_gid = st->st_gid >= shifting.from && gid < OWNERS_OF_ONE;
    if (!has_uid && !has_gid) return 0;
    if (lchown(path, has_uid ? shifting.to + uid : st->st_uid, has_gid ? shifting.to + gid : st->st_gid) != 0)
        return -1;
    return S_ISLNK(st->st_mode) || chmod(path, st->st_mode & 07777) == 0 ? 0
                                                                         : -1; /* lchown takes setuid away */
}

static host_result_t shift_owners(const char *path, uint32_t from, uint32_t to)
{
    if (from == to) return host_ok();
    shifting.from = from;
    shifting.to   = to;
    if (nftw(path, shift_one, 32, FTW_PHYS | FTW_MOUNT) == 0) return host_ok();
    return host_fail(HOST_LATER, "the files cannot be given to their new owner: %s", strerror(errno));
}

static bool is_empty_folder(const char *path)
{
    DIR *dir      = opendir(path);
    bool is_empty = dir != NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        is_empty = is_empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                                strcmp(entry->d_name, "lost+found") == 0);
    if (dir) closedir(dir);
    return is_empty;
}

host_result_t disk_restore(const host_t *host, const char *trash, const char *name, uint64_t size,
                           uint32_t old_owner, uint32_t owner)
{
    char path[PATH_CAP], image[PATH_CAP], kept[PATH_CAP];
    if (!disk_path(host, name, path) || !image_path(host, name, image) || !trash_path(host, trash, kept))
        return host_fail(HOST_REFUSED, "the path is too long");
    host_result_t result = disk_ensure(host, name, size, owner); /* so that it can be looked into */
    if (result.status == HOST_OK && file_exists(kept)) {
        if (!is_empty_folder(path)) return host_fail(HOST_REFUSED, "the disk is not empty");
        if (host->has_btrfs) result = shift_owners(kept, old_owner, owner);
        if (result.status == HOST_OK) result = disk_drop(host, name);
        if (result.status == HOST_OK) result = move(kept, host->has_btrfs ? path : image, host->pool_dir);
        if (result.status == HOST_OK) result = disk_ensure(host, name, size, owner);
    }
    if (result.status == HOST_OK) result = shift_owners(path, old_owner, owner);
    if (trash_folder(host, path)) trash_rest(path);
    return result;
}

static void count_disk(void *context, const char *name)
{
    (void)name;
    ++*(uint32_t *)context;
}

bool pool_rest(const host_t *host)
{
    uint32_t count = 0;
    if (!host->has_btrfs || host->is_pool_given || !mount_is_at(host->pool_dir)) return true;
    disk_list(host, count_disk, &count);
    return count > 0 || mount_drop(host->pool_dir);
}
