/* mounts.c - loop devices, mount points and shifted owners, by system calls. */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOP_TRIES 32 /* another may take the free device that was named */
#define IDS        65536

/* ---- loop devices ---- */

static int attach_free(int control, int file, bool is_readonly, char device[32])
{
    struct loop_config config = {.fd = (uint32_t)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
    if (is_readonly) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) return -1;
    snprintf(device, 32, "/dev/loop%d", number);
    int loop = open(device, (is_readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (loop < 0 && errno == ENOENT && mknod(device, S_IFBLK | 0660, (dev_t)(7 << 8 | number)) == 0)
        loop = open(device, (is_readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (loop < 0) return -1;
    if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) return loop;
    int error = errno;
    close(loop);
    errno = error;
    return -1;
}

bool mount_file(const char *file, const char *folder, const char *type, unsigned long flags,
                const char *options)
{
    bool is_readonly = flags & MS_RDONLY;
    char device[32];
    int loop    = -1;
    int content = open(file, (is_readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (content < 0) return false;
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    for (int i = 0; control >= 0 && i < LOOP_TRIES; i++) {
        loop = attach_free(control, content, is_readonly, device);
        if (loop >= 0 || errno != EBUSY) break;
    }
    bool is_ok = loop >= 0 && mount(device, folder, type, flags, options) == 0;
    int error  = errno;
    if (loop >= 0) close(loop);
    if (control >= 0) close(control);
    close(content);
    errno = error;
    return is_ok;
}

/* ---- mount points ---- */

/* Mount points are written with octal escapes for spaces and the like. */
static void unescape(char *text)
{
    char *out = text;
    for (; *text; text++) {
        if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] && text[3]) {
            *out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
            text += 3;
        } else {
            *out++ = *text;
        }
    }
    *out = 0;
}

typedef struct {
    char **points;
    size_t count, cap;
} points_t;

static void add_point(points_t *list, const char *point)
{
    if (list->count == list->cap) {
        size_t cap  = list->cap ? list->cap * 2 : 64;
        char **more = realloc(list->points, cap * sizeof *more);
        if (!more) return;
        list->points = more;
        list->cap    = cap;
    }
    list->points[list->count] = strdup(point);
    if (list->points[list->count]) list->count++;
}

static points_t points_below(const char *folder)
{
    points_t list = {0};
    char *line    = NULL, point[4096];
    size_t cap = 0, len = strlen(folder);
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file) return list;
    while (getline(&line, &cap, file) > 0) {
        if (sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1) continue;
        unescape(point);
        if (strncmp(point, folder, len) == 0 && (point[len] == 0 || point[len] == '/'))
            add_point(&list, point);
    }
    free(line);
    fclose(file);
    return list;
}

void mounts_below(const char *folder, void (*fn)(void *context, const char *point), void *context)
{
    points_t list = points_below(folder);
    for (size_t i = list.count; i-- > 0;) { /* later mounts may stand on earlier ones */
        fn(context, list.points[i]);
        free(list.points[i]);
    }
    free(list.points);
}

void mounts_all(void (*fn)(void *context, const char *point), void *context)
{
    points_t list = points_below("");
    for (size_t i = 0; i < list.count; i++) {
        fn(context, list.points[i]);
        free(list.points[i]);
    }
    free(list.points);
}

bool mount_is_at(const char *folder)
{
    points_t list = points_below(folder);
    bool is_there = false;
    for (size_t i = 0; i < list.count; i++) {
        is_there = is_there || strcmp(list.points[i], folder) == 0;
        free(list.points[i]);
    }
    free(list.points);
    return is_there;
}

bool mount_drop(const char *folder)
{
    while (umount2(folder, UMOUNT_NOFOLLOW) == 0)
        continue;
    return errno == EINVAL || errno == ENOENT;
}

/* ---- shifted owners ---- */

static bool write_map(pid_t pid, const char *name, uint32_t base)
{
    char path[64], map[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    snprintf(map, sizeof map, "0 %u %d\n", base, IDS);
    return file_write(path, map);
}

/* A user namespace with the map, as a descriptor: a child makes it and waits to be killed. */
static int user_namespace(uint32_t base)
{
    int ends[2], fd = -1;
    char path[64], said;
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUSER) == 0 && write(ends[1], "y", 1) == 1) pause();
        _exit(1);
    }
    close(ends[1]);
    snprintf(path, sizeof path, "/proc/%d/ns/user", child);
    if (child > 0 && read(ends[0], &said, 1) == 1 && write_map(child, "uid_map", base) &&
        write_map(child, "gid_map", base))
        fd = open(path, O_RDONLY | O_CLOEXEC);
    close(ends[0]);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return fd;
}

bool mount_shifted(const char *from, const char *folder, uint32_t base)
{
    int space = user_namespace(base);
    int tree  = (int)syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)space};
    bool is_ok                   = space >= 0 && tree >= 0 &&
                 syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0 &&
                 syscall(SYS_move_mount, tree, "", AT_FDCWD, folder, MOVE_MOUNT_F_EMPTY_PATH) == 0;
    int error = errno;
    if (tree >= 0) close(tree);
    if (space >= 0) close(space);
    errno = error;
    return is_ok;
}
