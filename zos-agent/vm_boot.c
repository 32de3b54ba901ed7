/* vm_boot.c - a kernel, and the first file system that it starts with: cpio, "newc". */
#include "vm.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULE_MAX   (16u << 20)
#define DEPENDS_MAX  (16u << 20) /* of modules.dep */
#define CONFIG_MAX   (1u << 20)
#define INIT_MAX     (16u << 20)
#define SETUP_MAGIC  0x202 /* "HdrS" */
#define SETUP_STRING 0x20e /* where the version's text is, less 0x200 */

/* What a machine needs before its own programs run; what a kernel has built in is in no list of modules. */
static const char *const wanted_modules[] = {"virtio_mmio", "virtio_pci", "virtio_blk", "virtio_net",
                                             "virtio_rng",  "ext4",       "squashfs",   "overlay",
                                             "button",      "evdev"};

__attribute__((format(printf, 2, 3))) static bool fail(char error[VM_ERROR_MAX + 1], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, VM_ERROR_MAX + 1, format, args);
    va_end(args);
    return false;
}

/* A file below a folder, whatever links lead to it; never outside. */
static int open_below(int folder, const char *path)
{
    struct open_how how = {.flags   = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

/* A regular file, whole, and closed; the caller's to free().  NULL, and errno says why. */
static char *read_whole(int fd, size_t max, size_t *len)
{
    struct stat st;
    char *bytes = NULL;
    *len        = 0;
    if (fd < 0) return NULL;
    errno = EFBIG;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= max)
        bytes = malloc((size_t)st.st_size + 1);
    while (bytes && *len < (size_t)st.st_size) {
        ssize_t got = read(fd, bytes + *len, (size_t)st.st_size - *len);
        if (got <= 0) break;
        *len += (size_t)got;
    }
    close(fd);
    if (bytes) bytes[*len] = 0;
    return bytes;
}

/* ---- the kernel ---- */

static bool is_version(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._+-~", text[i])) return false;
    return len > 0 && text[0] != '.';
}

bool vm_kernel_version(int kernel, char version[128])
{
    uint8_t magic[4], offset[2];
    if (pread(kernel, magic, 4, SETUP_MAGIC) != 4 || memcmp(magic, "HdrS", 4) != 0) return false;
    if (pread(kernel, offset, 2, SETUP_STRING) != 2) return false;
    ssize_t got = pread(kernel, version, 127, (offset[0] | offset[1] << 8) + 0x200);
    if (got <= 0) return false;
    version[got]                     = 0;
    version[strcspn(version, " \n")] = 0;
    return is_version(version);
}

static bool copy_kernel(int kernel, const char *path, uint32_t owner)
{
    char piece[65536];
    uint64_t total = 0;
    ssize_t got    = -1;
    unlink(path);
    int fd     = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    bool is_ok = fd >= 0 && lseek(kernel, 0, SEEK_SET) == 0;
    while (is_ok && total < VM_KERNEL_MAX && (got = read(kernel, piece, sizeof piece)) > 0) {
        is_ok = write(fd, piece, (size_t)got) == got;
        total += (uint64_t)got;
    }
    is_ok = is_ok && got == 0 && fchown(fd, owner, owner) == 0;
    if (fd >= 0) close(fd);
    return is_ok;
}

/* ---- the archive ---- */

static void put_padding(FILE *out)
{
    while (ftell(out) % 4 != 0)
        fputc(0, out);
}

static void put_entry(FILE *out, const char *name, unsigned mode, unsigned device, const char *bytes,
                      size_t len)
{
    static _Thread_local unsigned number = 1;
    fprintf(out, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", number++, mode, 0, 0, 1, 0,
            len, 0, 0, device >> 8, device & 0xff, strlen(name) + 1, 0);
    fwrite(name, 1, strlen(name) + 1, out);
    put_padding(out);
    if (len > 0) fwrite(bytes, 1, len, out);
    put_padding(out);
}

/* ---- modules ---- */

/* "kernel/fs/ext4/ext4.ko.xz" is the module ext4; names have - and _ alike. */
static bool is_module(const char *path, size_t len, const char *name)
{
    size_t start = len;
    while (start > 0 && path[start - 1] != '/')
        start--;
    size_t want = strlen(name);
    if (len - start < want + 3 || strncmp(path + start + want, ".ko", 3) != 0) return false;
    for (size_t i = 0; i < want; i++) {
        char c = path[start + i];
        if ((c == '-' ? '_' : c) != name[i]) return false;
    }
    return true;
}

static void take_module(vm_modules_t *m, const char *path, size_t len)
{
    char *copy  = strndup(path, len);
    bool is_new = copy && m->count < VM_MODULES_MAX && len < PATH_CAP;
    for (uint32_t i = 0; i < m->count && is_new; i++)
        is_new = strcmp(m->paths[i], copy) != 0;
    if (is_new)
        m->paths[m->count++] = copy;
    else
        free(copy);
}

/* A line of modules.dep: "kernel/b.ko: kernel/a.ko kernel/c.ko", the last of which is loaded first. */
static void take_line(vm_modules_t *m, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    const char *end = line + len, *at = end;
    while (colon && at > colon + 1) {
        const char *stop = at;
        while (at > colon + 1 && at[-1] != ' ')
            at--;
        if (stop > at) take_module(m, at, (size_t)(stop - at));
        if (at > colon + 1) at--;
    }
    if (colon) take_module(m, line, (size_t)(colon - line));
}

static void find_module(vm_modules_t *m, const char *depends, const char *name)
{
    for (const char *line = depends; *line;) {
        size_t len       = strcspn(line, "\n");
        const char *stop = memchr(line, ':', len);
        if (stop && is_module(line, (size_t)(stop - line), name)) {
            take_line(m, line, len);
            return;
        }
        line += len + (line[len] == '\n');
    }
}

void vm_modules_find(vm_modules_t *m, const char *depends)
{
    *m = (vm_modules_t){0};
    for (size_t i = 0; i < sizeof wanted_modules / sizeof *wanted_modules; i++)
        find_module(m, depends, wanted_modules[i]);
}

void vm_modules_fini(vm_modules_t *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        free(m->paths[i]);
    m->count = 0;
}

static void put_modules(FILE *out, int folder, const vm_modules_t *m)
{
    char name[PATH_CAP];
    for (uint32_t i = 0; i < m->count; i++) {
        size_t len;
        char *bytes       = read_whole(open_below(folder, m->paths[i]), MODULE_MAX, &len);
        const char *slash = strrchr(m->paths[i], '/');
        if (bytes && path_join(name, "modules/%02u-%s", i, slash ? slash + 1 : m->paths[i]))
            put_entry(out, name, S_IFREG | 0400, 0, bytes, len);
        free(bytes);
    }
}

/* A kernel without a folder of modules has all it needs built in, or the machine says what is missing. */
static void add_modules(FILE *out, int root, const char *version)
{
    char path[PATH_CAP];
    size_t len;
    if (!path_join(path, VM_MODULES_FOLDER "/%s", version)) return;
    int folder    = open_below(root, path);
    char *depends = folder >= 0 ? read_whole(open_below(folder, "modules.dep"), DEPENDS_MAX, &len) : NULL;
    vm_modules_t modules;
    if (depends) {
        vm_modules_find(&modules, depends);
        put_modules(out, folder, &modules);
        vm_modules_fini(&modules);
    }
    free(depends);
    if (folder >= 0) close(folder);
}

/* ---- both ---- */

static bool add_file(FILE *out, const char *from, const char *name, unsigned mode, size_t max)
{
    size_t len;
    char *bytes = read_whole(open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), max, &len);
    if (bytes) put_entry(out, name, S_IFREG | mode, 0, bytes, len);
    free(bytes);
    return bytes != NULL;
}

static bool write_initrd(int root, const char *version, const char *init, const char *config,
                         const char *path, uint32_t owner, char error[VM_ERROR_MAX + 1])
{
    unlink(path);
    int fd    = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out) {
        if (fd >= 0) close(fd);
        return fail(error, "the first file system cannot be written: %s", strerror(errno));
    }
    put_entry(out, "dev", S_IFDIR | 0755, 0, NULL, 0);
    put_entry(out, "dev/console", S_IFCHR | 0600, 5 << 8 | 1, NULL, 0);
    put_entry(out, "modules", S_IFDIR | 0755, 0, NULL, 0);
    add_modules(out, root, version);
    bool is_ok = add_file(out, init, "init", 0755, INIT_MAX) || fail(error, "zos-init is not there");
    is_ok      = is_ok && (!config || add_file(out, config, "config", 0400, CONFIG_MAX) ||
                      fail(error, "what the machine is to do is too long"));
    put_entry(out, "TRAILER!!!", 0, 0, NULL, 0);
    is_ok = is_ok && !ferror(out) && fchown(fd, owner, owner) == 0;
    return (fclose(out) == 0 && is_ok) ||
           (error[0] ? false : fail(error, "the first file system cannot be written: %s", strerror(errno)));
}

bool vm_boot_files(const char *root, const char *kernel, const char *init, const char *config,
                   const char *folder, uint32_t owner, char error[VM_ERROR_MAX + 1])
{
    char version[128], kernel_copy[PATH_CAP], initrd[PATH_CAP];
    struct stat st;
    error[0] = 0;
    int base = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = base >= 0 ? open_below(base, kernel) : -1;
    bool is_ok = fd >= 0 || fail(error, "it has no kernel: %s", strerror(errno));
    is_ok      = is_ok && ((fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && vm_kernel_version(fd, version)) ||
                      fail(error, "its kernel is none for this kind of machine"));
    is_ok      = is_ok && ((path_join(kernel_copy, "%s/kernel", folder) &&
                       path_join(initrd, "%s/initrd", folder) && copy_kernel(fd, kernel_copy, owner)) ||
                      fail(error, "its kernel cannot be copied: %s", strerror(errno)));
    is_ok      = is_ok && write_initrd(base, version, init, config, initrd, owner, error);
    if (fd >= 0) close(fd);
    if (base >= 0) close(base);
    return is_ok;
}
