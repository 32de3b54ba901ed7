/* unpack.c - tar entries, one after the other, in a child that is locked into the folder. */
#include "unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#define BLOCK    512
#define NAME_CAP 4096
#define PAX_MAX  65536

typedef struct {
    gzFile in;
    uint64_t bytes, files;
    char name[NAME_CAP], link[NAME_CAP]; /* of the next entry, when a header before it says */
    bool has_name, has_link, has_size;
    uint64_t size;
    char error[UNPACK_ERROR_MAX + 1];
} tar_t;

__attribute__((format(printf, 2, 3))) static bool fail(tar_t *tar, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(tar->error, sizeof tar->error, format, args);
    va_end(args);
    return false;
}

/* ---- reading ---- */

static bool read_exact(tar_t *tar, void *out, size_t len)
{
    return gzread(tar->in, out, (unsigned)len) == (int)len || fail(tar, "the layer is cut short or damaged");
}

/* Octal, or GNU's binary form for what octal cannot say. */
static bool number(const uint8_t *field, size_t len, uint64_t *value)
{
    *value = 0;
    if (field[0] & 0x80) {
        for (size_t i = 1; i < len; i++) {
            if (*value >> 55) return false;
            *value = *value << 8 | field[i];
        }
        return field[0] == 0x80;
    }
    size_t i = 0;
    while (i < len && field[i] == ' ')
        i++;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
        *value = *value << 3 | (uint64_t)(field[i] - '0');
    return i == len || field[i] == 0 || field[i] == ' ';
}

static bool skip(tar_t *tar, uint64_t len)
{
    uint8_t block[BLOCK];
    for (uint64_t left = (len + BLOCK - 1) / BLOCK; left > 0; left--)
        if (!read_exact(tar, block, BLOCK)) return false;
    return true;
}

static bool read_text(tar_t *tar, uint64_t len, char *out, size_t cap)
{
    if (len >= cap) return fail(tar, "a name is too long");
    if (!read_exact(tar, out, (size_t)len)) return false;
    out[len]    = 0;
    size_t rest = (size_t)((BLOCK - len % BLOCK) % BLOCK);
    uint8_t block[BLOCK];
    return rest == 0 || read_exact(tar, block, rest);
}

/* "LEN KEY=VALUE\n" again and again. */
static bool read_pax(tar_t *tar, uint64_t len)
{
    char *text = malloc(PAX_MAX);
    bool is_ok = text && read_text(tar, len, text, PAX_MAX);
    for (char *at = text; is_ok && *at;) {
        char *end          = NULL;
        unsigned long size = strtoul(at, &end, 10);
        char *equals       = end ? strchr(end, '=') : NULL;
        if (!equals || *end != ' ' || size < 4 || size > strlen(at) || at[size - 1] != '\n') {
            is_ok = fail(tar, "a header is malformed");
            break;
        }
        at[size - 1] = 0;
        *equals      = 0;
        if (strcmp(end + 1, "path") == 0)
            tar->has_name = (size_t)snprintf(tar->name, NAME_CAP, "%s", equals + 1) < NAME_CAP;
        if (strcmp(end + 1, "linkpath") == 0)
            tar->has_link = (size_t)snprintf(tar->link, NAME_CAP, "%s", equals + 1) < NAME_CAP;
        if (strcmp(end + 1, "size") == 0) {
            tar->has_size = true;
            tar->size     = strtoull(equals + 1, NULL, 10);
        }
        at += size;
    }
    free(text);
    return is_ok;
}

/* ---- names ---- */

/* Cleans a name to "a/b/c"; refuses what climbs. */
static bool clean(tar_t *tar, const char *name, char out[NAME_CAP])
{
    size_t used = 0;
    while (*name) {
        size_t len = strcspn(name, "/");
        if (len == 2 && name[0] == '.' && name[1] == '.')
            return fail(tar, "the entry %.100s climbs out of the image", name);
        if (len > 0 && !(len == 1 && name[0] == '.')) {
            if (used + len + 2 > NAME_CAP) return fail(tar, "a name is too long");
            if (used > 0) out[used++] = '/';
            memcpy(out + used, name, len);
            used += len;
        }
        name += len + (name[len] == '/');
    }
    out[used] = 0;
    return true;
}

static bool make_parents(const char *name)
{
    char part[NAME_CAP];
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
    char name[NAME_CAP];
    DIR *dir = opendir(folder[0] ? folder : ".");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (snprintf(name, sizeof name, "%s%s%s", folder, folder[0] ? "/" : "", entry->d_name) < NAME_CAP)
            is_ok = drop(name) && is_ok;
    }
    if (dir) closedir(dir);
    return is_ok;
}

/* ".wh.NAME" deletes what a lower layer put there. */
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

static bool write_file(tar_t *tar, const char *name, uint64_t size, mode_t mode)
{
    uint8_t block[64 * BLOCK];
    tar->bytes += size;
    if (tar->bytes > UNPACK_BYTES_MAX) return fail(tar, "the image is too large");
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) return fail(tar, "%.100s: %s", name, strerror(errno));
    bool is_ok = true;
    while (is_ok && size > 0) {
        uint64_t want = size < sizeof block ? size : sizeof block;
        size_t room   = (size_t)((want + BLOCK - 1) / BLOCK * BLOCK);
        is_ok         = read_exact(tar, block, room) && (write(fd, block, (size_t)want) == (ssize_t)want ||
                                                 fail(tar, "%.100s: %s", name, strerror(errno)));
        size -= want;
    }
    close(fd);
    return is_ok;
}

static bool set_owner(tar_t *tar, const char *name, const uint8_t *header, char type, mode_t mode)
{
    uint64_t uid, gid, at;
    if (!number(header + 108, 8, &uid) || !number(header + 116, 8, &gid) || !number(header + 136, 12, &at))
        return fail(tar, "a header is malformed");
    struct timespec times[2] = {
        {(time_t)at, 0},
        {(time_t)at, 0}
    };
    if (lchown(name, (uid_t)uid, (gid_t)gid) != 0) return fail(tar, "%.100s: %s", name, strerror(errno));
    if (type != '2' && chmod(name, mode) != 0) return fail(tar, "%.100s: %s", name, strerror(errno));
    utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW);
    return true;
}

/* Makes one entry; what is neither file, folder nor link is left out: a machine gets its devices elsewhere.
 */
static bool make_entry(tar_t *tar, char type, const char *name, const char *link, uint64_t size, mode_t mode)
{
    char target[NAME_CAP];
    struct stat st;
    if (!make_parents(name)) return fail(tar, "%.100s: %s", name, strerror(errno));
    bool is_folder = lstat(name, &st) == 0 && S_ISDIR(st.st_mode);
    if (!(type == '5' && is_folder) && !drop(name)) return fail(tar, "%.100s cannot be replaced", name);
    switch (type) {
    case '5': return is_folder || mkdir(name, mode) == 0 || fail(tar, "%.100s: %s", name, strerror(errno));
    case '2': return symlink(link, name) == 0 || fail(tar, "%.100s: %s", name, strerror(errno));
    case '1':
        return clean(tar, link, target) && (linkat(AT_FDCWD, target, AT_FDCWD, name, 0) == 0 ||
                                            fail(tar, "%.100s: %s", name, strerror(errno)));
    default: return write_file(tar, name, size, mode);
    }
}

static bool take_entry(tar_t *tar, const uint8_t *header, char type, uint64_t size)
{
    char plain[NAME_CAP], name[NAME_CAP], link[NAME_CAP];
    uint64_t mode;
    bool is_ok = true;
    snprintf(plain, sizeof plain, "%.*s%s%.100s", header[257] == 'u' ? 155 : 0, (const char *)header + 345,
             header[257] == 'u' && header[345] ? "/" : "", (const char *)header);
    snprintf(link, sizeof link, "%.100s", (const char *)header + 157);
    if (!number(header + 100, 8, &mode)) return fail(tar, "a header is malformed");
    if (!clean(tar, tar->has_name ? tar->name : plain, name)) return false;
    if (++tar->files > UNPACK_FILES_MAX) return fail(tar, "the image has too many files");
    if (name[0] == 0) return skip(tar, size);
    if (is_whiteout(name, &is_ok))
        return (is_ok || fail(tar, "%.100s cannot be removed", name)) && skip(tar, size);
    if (type == '\0' || type == '7') type = '0';
    if (type != '0' && type != '1' && type != '2' && type != '5') return skip(tar, size);
    mode_t bits = (mode_t)(mode & 07777);
    if (!make_entry(tar, type, name, tar->has_link ? tar->link : link, size, bits)) return false;
    if (type != '0' && !skip(tar, size)) return false;
    return type == '1' || set_owner(tar, name, header, type, bits);
}

static bool is_zero(const uint8_t *block)
{
    for (int i = 0; i < BLOCK; i++)
        if (block[i]) return false;
    return true;
}

static bool checksum_is_right(const uint8_t *header)
{
    uint64_t sum = 0, said;
    for (int i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : header[i];
    return number(header + 148, 8, &said) && said == sum;
}

static bool take_header(tar_t *tar, const uint8_t *header)
{
    uint64_t size;
    if (!checksum_is_right(header) || !number(header + 124, 12, &size))
        return fail(tar, "not a tar archive, or damaged");
    char type = (char)header[156];
    if (type == 'x') return read_pax(tar, size);
    if (type == 'g') return skip(tar, size);
    if (type == 'L') return tar->has_name = read_text(tar, size, tar->name, NAME_CAP);
    if (type == 'K') return tar->has_link = read_text(tar, size, tar->link, NAME_CAP);
    if (tar->has_size) size = tar->size;
    bool is_ok    = take_entry(tar, header, type, size);
    tar->has_name = tar->has_link = tar->has_size = false;
    return is_ok;
}

static bool take_all(tar_t *tar)
{
    uint8_t header[BLOCK];
    for (;;) {
        int got = gzread(tar->in, header, BLOCK);
        if (got == 0) return true; /* some writers leave the end mark out */
        if (got != BLOCK) return fail(tar, "the layer is cut short or damaged");
        if (is_zero(header)) return true;
        if (!take_header(tar, header)) return false;
    }
}

/* ---- the child ---- */

static int unpack(int fd, const char *root, tar_t *tar)
{
    umask(0);
    if (chroot(root) != 0 || chdir("/") != 0)
        return !fail(tar, "the folder cannot be entered: %s", strerror(errno));
    tar->in = gzdopen(fd, "rb");
    if (!tar->in) return !fail(tar, "no memory");
    return !take_all(tar);
}

static int unpack_and_tell(int fd, const char *root, int told)
{
    tar_t *tar = calloc(1, sizeof *tar);
    if (!tar) return 1;
    int code = unpack(fd, root, tar);
    if (code != 0 && write(told, tar->error, strlen(tar->error)) < 0) code = 1;
    return code;
}

bool unpack_layer(const char *file, const char *root, char error[UNPACK_ERROR_MAX + 1])
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
    if (child == 0) _exit(unpack_and_tell(fd, root, ends[1]));
    close(ends[1]);
    close(fd);
    ssize_t got              = child > 0 ? read(ends[0], error, UNPACK_ERROR_MAX) : 0;
    error[got > 0 ? got : 0] = 0;
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status != 0 && error[0] == 0)
        snprintf(error, UNPACK_ERROR_MAX + 1, "unpacking ended with status %d", status);
    return status == 0;
}
