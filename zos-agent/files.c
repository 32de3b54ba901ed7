/* files.c - small files, folders and locks. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool path_join(char path[PATH_CAP], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(path, PATH_CAP, format, args);
    va_end(args);
    return len > 0 && len < PATH_CAP;
}

bool file_read(const char *path, char *text, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    size_t used = 0;
    ssize_t got = 0;
    while (used < cap && (got = read(fd, text + used, cap - used)) != 0) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        used += (size_t)got;
    }
    close(fd);
    if (got < 0 || used >= cap) return false;
    text[used] = 0;
    return true;
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text += written;
        len -= (size_t)written;
    }
    return true;
}

bool file_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool is_ok = write_all(fd, text, strlen(text));
    int error  = errno;
    close(fd);
    errno = error;
    return is_ok;
}

static bool sync_parent(const char *path)
{
    char parent[PATH_CAP];
    const char *slash = strrchr(path, '/');
    if (!slash || !path_join(parent, "%.*s", (int)(slash - path) ? (int)(slash - path) : 1, path))
        return true;
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool is_ok = fsync(fd) == 0;
    close(fd);
    return is_ok;
}

static const char *crash_variable = "ZOS_CRASH_AT";

void crash_points_by(const char *variable) { crash_variable = variable; }

void crash_point(void)
{
    static _Atomic unsigned long passed;
    const char *at = getenv(crash_variable);
    if (at && ++passed == strtoul(at, NULL, 10)) kill(getpid(), SIGKILL);
}

static bool replace(const char *path, const char *text, size_t len, unsigned mode, bool is_synced)
{
    char fresh[PATH_CAP];
    crash_point();
    if (!path_join(fresh, "%s.new", path)) return false;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) return false;
    bool is_ok = write_all(fd, text, len) && (!is_synced || fsync(fd) == 0);
    close(fd);
    if (is_ok && rename(fresh, path) == 0) return !is_synced || sync_parent(path);
    int error = errno;
    unlink(fresh);
    errno = error;
    return false;
}

bool file_replace(const char *path, const char *text, size_t len, unsigned mode)
{
    return replace(path, text, len, mode, true);
}

bool file_put(const char *path, const char *text, size_t len, unsigned mode)
{
    return replace(path, text, len, mode, false);
}

bool folder_make(const char *path, unsigned mode)
{
    char part[PATH_CAP];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        if (!path_join(part, "%.*s", (int)(slash - path), path)) return false;
        if (mkdir(part, 0755) != 0 && errno != EEXIST) return false;
    }
    return mkdir(path, mode) == 0 || errno == EEXIST;
}

/* Empties the folder behind fd, on this device only; closes fd. */
static bool empty_folder(int fd, dev_t device)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return false;
    }
    bool is_ok = true;
    struct stat st;
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            (S_ISDIR(st.st_mode) && st.st_dev != device)) {
            is_ok = false;
            continue;
        }
        if (!S_ISDIR(st.st_mode)) { /* an overlay's files have another device; one that is mounted on stays */
            is_ok = unlinkat(fd, name, 0) == 0 && is_ok;
            continue;
        }
        int child = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        is_ok = child >= 0 && empty_folder(child, device) && unlinkat(fd, name, AT_REMOVEDIR) == 0 && is_ok;
    }
    closedir(dir);
    return is_ok;
}

bool folder_remove(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT;
    if (fstat(fd, &st) != 0) {
        close(fd);
        return false;
    }
    return empty_folder(fd, st.st_dev) && rmdir(path) == 0;
}

/* The file is written with O_APPEND: what is cut off its start costs nobody a line. */
void file_trim(const char *path, uint32_t max, uint32_t kept)
{
    struct stat st;
    int fd     = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    char *tail = fd >= 0 && fstat(fd, &st) == 0 && st.st_size > max ? malloc(kept) : NULL;
    if (tail) {
        ssize_t got = pread(fd, tail, kept, st.st_size - (off_t)kept);
        if (got > 0 && ftruncate(fd, 0) == 0 && pwrite(fd, tail, (size_t)got, 0) != got)
            (void)!ftruncate(fd, 0);
    }
    free(tail);
    if (fd >= 0) close(fd);
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

void boot_id(char id[37])
{
    char text[64];
    if (!file_read("/proc/sys/kernel/random/boot_id", text, sizeof text)) text[0] = 0;
    snprintf(id, 37, "%.36s", text);
}

int lock_take(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    close(fd);
    return -1;
}

bool lock_is_held(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return false;
    bool is_held = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return is_held;
}
