/* unpack.c - a layer's entries as files, in a child that is locked into the folder. */
#include "unpack.h"
#include "tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE 65536

typedef struct {
    tar_t tar;
    tar_entry_t entry;
    unpack_room_t room;
    char error[UNPACK_ERROR_MAX + 1];
} unpack_t;

static bool fail(unpack_t *u, const char *name, const char *why)
{
    snprintf(u->error, sizeof u->error, "%.120s%s%.100s", name, name[0] ? ": " : "", why);
    return false;
}

static int64_t read_layer(void *context, void *out, uint32_t len)
{
    return gzread(context, out, len); /* reads what is not compressed, too */
}

/* ---- replacing what lower layers made ---- */

static bool make_parents(const char *name)
{
    char part[TAR_NAME_CAP];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        if (mkdir(part, 0755) != 0 && errno != EEXIST) return false;
    }
    return true;
}

static bool drop(const char *name)
{
    struct stat st;
    if (lstat(name, &st) != 0) return errno == ENOENT || errno == ENOTDIR;
    return S_ISDIR(st.st_mode) ? folder_remove(name) : unlink(name) == 0;
}

static bool drop_children(const char *folder)
{
    bool is_ok = true;
    char name[TAR_NAME_CAP + 256];
    DIR *dir = opendir(folder[0] ? folder : ".");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(name, sizeof name, "%s%s%s", folder, folder[0] ? "/" : "", entry->d_name);
        is_ok = drop(name) && is_ok;
    }
    if (dir) closedir(dir);
    return is_ok;
}

/* ".wh.NAME" deletes what a lower layer put there; ".wh..wh..opq" all that is in its folder. */
static bool is_whiteout(char *name, bool *is_ok)
{
    char *base = strrchr(name, '/');
    base       = base ? base + 1 : name;
    if (strncmp(base, ".wh.", 4) != 0) return false;
    if (strcmp(base, ".wh..wh..opq") == 0) {
        *base = 0;
        if (base > name) base[-1] = 0;
        *is_ok = drop_children(name);
        return true;
    }
    memmove(base, base + 4, strlen(base + 4) + 1);
    *is_ok = drop(name);
    return true;
}

/* ---- entries ---- */

static bool has_disk(uint64_t bytes)
{
    struct statvfs fs;
    return statvfs(".", &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize > bytes + UNPACK_DISK_FREE;
}

static bool write_file(unpack_t *u, const char *name)
{
    static uint8_t piece[PIECE];
    uint32_t len = 1;
    if (u->entry.size > u->room.bytes) return fail(u, "", "the image is too large");
    if (!has_disk(u->entry.size)) return fail(u, "", "the disk has no room for the image");
    u->room.bytes -= u->entry.size;
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return fail(u, name, strerror(errno));
    bool is_ok = true;
    while (is_ok && len > 0) {
        is_ok = tar_read(&u->tar, piece, sizeof piece, &len) || fail(u, name, u->tar.error);
        is_ok = is_ok && (write(fd, piece, len) == (ssize_t)len || fail(u, name, strerror(errno)));
    }
    close(fd);
    return is_ok;
}

static bool set_owner(unpack_t *u, const char *name)
{
    const tar_entry_t *e     = &u->entry;
    struct timespec times[2] = {
        {(time_t)e->time_s, 0},
        {(time_t)e->time_s, 0}
    };
    if (lchown(name, e->uid, e->gid) != 0) return fail(u, name, strerror(errno));
    if (e->kind != TAR_SYMLINK && chmod(name, e->mode) != 0) return fail(u, name, strerror(errno));
    utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW);
    return true;
}

static bool make_entry(unpack_t *u, const char *name)
{
    struct stat st;
    if (!make_parents(name)) return fail(u, name, strerror(errno));
    bool is_folder = lstat(name, &st) == 0 && S_ISDIR(st.st_mode);
    if (!(u->entry.kind == TAR_FOLDER && is_folder) && !drop(name))
        return fail(u, name, "it cannot be replaced");
    switch (u->entry.kind) {
    case TAR_FILE: return write_file(u, name);
    case TAR_FOLDER: return is_folder || mkdir(name, 0700) == 0 || fail(u, name, strerror(errno));
    case TAR_SYMLINK: return symlink(u->entry.link, name) == 0 || fail(u, name, strerror(errno));
    case TAR_HARDLINK:
        return linkat(AT_FDCWD, u->entry.link, AT_FDCWD, name, 0) == 0 || fail(u, name, strerror(errno));
    case TAR_OTHER: return true;
    }
    return true;
}

/* What is neither file, folder nor link is left out: a machine gets its devices elsewhere. */
static bool take_entry(unpack_t *u)
{
    char *name = u->entry.name;
    bool is_ok = true;
    if (u->room.files == 0) return fail(u, "", "the image has too many files");
    u->room.files--;
    if (name[0] == 0 || u->entry.kind == TAR_OTHER) return true;
    if (is_whiteout(name, &is_ok)) return is_ok || fail(u, name, "it cannot be removed");
    return make_entry(u, name) && (u->entry.kind == TAR_HARDLINK || set_owner(u, name));
}

/* ---- the child ---- */

static bool unpack(unpack_t *u, int fd, const char *root)
{
    umask(0);
    if (chroot(root) != 0 || chdir("/") != 0) return fail(u, "the folder cannot be entered", strerror(errno));
    gzFile in = gzdopen(fd, "rb");
    if (!in) return fail(u, "", "no memory");
    u->tar = (tar_t){.read = read_layer, .context = in};
    while (tar_next(&u->tar, &u->entry))
        if (!take_entry(u)) return false;
    return u->tar.error[0] == 0 || fail(u, "", u->tar.error);
}

/* Tells what room is left, or why not. */
static int unpack_and_tell(int fd, const char *root, const unpack_room_t *room, int told)
{
    unpack_t *u = calloc(1, sizeof *u);
    if (!u) return 1;
    u->room  = *room;
    int code = !unpack(u, fd, root);
    if (code == 0 && write(told, &u->room, sizeof u->room) != sizeof u->room) code = 2;
    if (code != 0 && write(told, u->error, strlen(u->error)) < 0) code = 2;
    return code;
}

bool unpack_layer(const char *file, const char *root, unpack_room_t *room, char error[UNPACK_ERROR_MAX + 1])
{
    int ends[2], status = -1;
    error[0] = 0;
    int fd   = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(error, UNPACK_ERROR_MAX + 1, "a layer cannot be read: %s", strerror(errno));
        if (fd >= 0) close(fd);
        return false;
    }
    pid_t child = fork();
    if (child == 0) _exit(unpack_and_tell(fd, root, room, ends[1]));
    close(ends[1]);
    close(fd);
    ssize_t got              = child > 0 ? read(ends[0], error, UNPACK_ERROR_MAX) : 0;
    error[got > 0 ? got : 0] = 0;
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status == 0 && got == sizeof *room) {
        memcpy(room, error, sizeof *room);
        error[0] = 0;
    }
    if (status != 0 && error[0] == 0)
        snprintf(error, UNPACK_ERROR_MAX + 1, "unpacking ended with status %d", status);
    return status == 0;
}
