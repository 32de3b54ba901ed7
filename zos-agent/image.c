/* image.c - the store: what is in it, and how it comes in. */
#include "image.h"
#include "oci_layout.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TOOL_TIMEOUT_MS (30 * 60 * 1000)
#define DEMO_CONFIG     "{\"args\":[\"/bin/web\"],\"env\":[],\"cwd\":\"/\",\"uid\":0,\"gid\":0}"
#define PLAIN_CONFIG    "{\"args\":[],\"env\":[],\"cwd\":\"/\",\"uid\":0,\"gid\":0}"

__attribute__((format(printf, 2, 3))) static bool fail(char error[IMAGE_ERROR_MAX + 1], const char *format,
                                                       ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, IMAGE_ERROR_MAX + 1, format, args);
    va_end(args);
    return false;
}

/* ---- finding ---- */

bool image_name_is_valid(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > IMAGE_NAME_MAX) return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f) return false;
    return true;
}

static bool find_by(db_t *db, const char *state_dir, const char *sql, const char *key, image_t *image)
{
    db_rows_t *rows = db_ask(db, sql, "t", key);
    if (!db_next(&rows)) return false;
    snprintf(image->digest, sizeof image->digest, "%s", db_text(rows, 0));
    image->config = strdup(db_text(rows, 1));
    db_stop(rows);
    if (image->config && path_join(image->path, "%s/img/%s.sqfs", state_dir, image->digest)) return true;
    free(image->config);
    return false;
}

/* NAME, oci:NAME[:latest] or sha256:DIGEST; no rules. */
static bool find_named(db_t *db, const char *state_dir, const char *text, image_t *image)
{
    static const char by_name[]   = "SELECT digest, config FROM image WHERE name = ?1";
    static const char by_digest[] = "SELECT digest, config FROM image WHERE digest = ?1 ORDER BY name";
    char name[IMAGE_NAME_MAX + 1];
    if (find_by(db, state_dir, by_name, text, image)) return true;
    if (strncmp(text, "sha256:", 7) == 0) return find_by(db, state_dir, by_digest, text + 7, image);
    if (strncmp(text, "oci:", 4) != 0) return false;
    if (find_by(db, state_dir, by_name, text + 4, image)) return true;
    snprintf(name, sizeof name, "%s", text + 4); /* NAME:latest is NAME */
    char *colon = strrchr(name, ':');
    if (!colon || strcmp(colon, ":latest") != 0) return false;
    *colon = 0;
    return find_by(db, state_dir, by_name, name, image);
}

bool image_find(db_t *db, const char *state_dir, const char *flist, image_t *image)
{
    char name[IMAGE_NAME_MAX + 1];
    *image = (image_t){0};
    if (!image_name_is_valid(flist)) return false;
    if (find_named(db, state_dir, flist, image)) return true;
    return image_ruled(db, flist, name) && find_named(db, state_dir, name, image);
}

/* ---- keeping ---- */

/* Moves a squashfs file to its place by digest, and writes the entry. */
static bool keep(db_t *db, const char *state_dir, const char *name, const char *file, const char *config,
                 char error[IMAGE_ERROR_MAX + 1])
{
    char digest[IMAGE_DIGEST_LEN + 1], path[PATH_CAP];
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0 || fstat(fd, &st) != 0) {
        if (fd >= 0) close(fd);
        return fail(error, "the image cannot be read: %s", strerror(errno));
    }
    close(fd);
    if (!oci_file_digest(file, digest) || !path_join(path, "%s/img/%s.sqfs", state_dir, digest) ||
        chmod(file, 0444) != 0 || rename(file, path) != 0)
        return fail(error, "the image cannot be kept: %s", strerror(errno));
    if (!db_do(db,
               "INSERT INTO image(name, digest, size, config, created) VALUES(?1, ?2, ?3, ?4, ?5)"
               " ON CONFLICT(name) DO UPDATE SET digest = ?2, size = ?3, config = ?4, created = ?5",
               "ttiti", name, digest, (int64_t)st.st_size, config, (int64_t)time(NULL)))
        return fail(error, "the image table cannot be written");
    image_checked(db, digest, path);
    return true;
}

/* A folder of our own to work in, below the store so that a rename suffices. */
static bool work_folder(const char *state_dir, char path[PATH_CAP], char error[IMAGE_ERROR_MAX + 1])
{
    char img[PATH_CAP];
    if (!path_join(img, "%s/img", state_dir) || !folder_make(img, 0755) ||
        !path_join(path, "%s/work-XXXXXX", img) || !mkdtemp(path))
        return fail(error, "no folder for images below %s: %s", state_dir, strerror(errno));
    return true;
}

static bool squash(const char *tree, const char *file, bool is_root_owned, char error[IMAGE_ERROR_MAX + 1])
{
    spawn_result_t said;
    const char *argv[] = {"mksquashfs", tree,    file,   "-quiet",     "-no-progress",
                          "-noappend",  "-comp", "zstd", "-no-xattrs", is_root_owned ? "-all-root" : NULL,
                          NULL};
    return spawn_run(argv, TOOL_TIMEOUT_MS, &said) || fail(error, "mksquashfs: %.300s", said.text);
}

/* ---- importing ---- */

static bool import_layout(const char *from, const char *work, char file[PATH_CAP], char **config,
                          char error[IMAGE_ERROR_MAX + 1])
{
    char tree[PATH_CAP];
    return path_join(tree, "%s/tree", work) && folder_make(tree, 0755) && chmod(tree, 0755) == 0 &&
           oci_layout_unpack(from, tree, config, error) && path_join(file, "%s/image.sqfs", work) &&
           squash(tree, file, false, error);
}

static bool import_squashfs(const char *from, const char *work, char file[PATH_CAP], char **config,
                            char error[IMAGE_ERROR_MAX + 1])
{
    char magic[4] = {0};
    spawn_result_t said;
    int fd      = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, magic, 4) : -1;
    if (fd >= 0) close(fd);
    if (got != 4 || memcmp(magic, "hsqs", 4) != 0)
        return fail(error, "%s is neither an OCI layout folder nor a squashfs file", from);
    if (!path_join(file, "%s/image.sqfs", work) || !SPAWN(&said, TOOL_TIMEOUT_MS, "cp", "--", from, file))
        return fail(error, "%s cannot be copied", from);
    *config = strdup(PLAIN_CONFIG);
    return *config != NULL;
}

/* An image that brings its own kernel is a virtual machine's: its entry says so. */
static void note_kernel(const char *file, char **config)
{
    static const char kernel[] = "/boot/vmlinuz";
    spawn_result_t said;
    if (!SPAWN(&said, TOOL_TIMEOUT_MS, "unsquashfs", "-l", file, kernel + 1) || !strstr(said.text, kernel))
        return;
    json_t *json = json_loads(*config, 0, NULL);
    json_object_set_new(json, "kernel", json_true());
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text) return;
    free(*config);
    *config = text;
}

bool image_import(db_t *db, const char *state_dir, const char *name, const char *from,
                  char error[IMAGE_ERROR_MAX + 1])
{
    char work[PATH_CAP], file[PATH_CAP];
    char *config = NULL;
    struct stat st;
    if (!image_name_is_valid(name))
        return fail(error, "an image's name is 1 to %d characters without blanks", IMAGE_NAME_MAX);
    if (stat(from, &st) != 0) return fail(error, "%s: %s", from, strerror(errno));
    if (!work_folder(state_dir, work, error)) return false;
    error[0]   = 0;
    bool is_ok = S_ISDIR(st.st_mode) ? import_layout(from, work, file, &config, error)
                                     : import_squashfs(from, work, file, &config, error);
    if (is_ok) note_kernel(file, &config);
    is_ok = is_ok && keep(db, state_dir, name, file, config, error);
    if (!is_ok && error[0] == 0) fail(error, "%s cannot be imported", from);
    free(config);
    folder_remove(work);
    return is_ok;
}

bool image_remove(db_t *db, const char *state_dir, const char *name)
{
    image_t image;
    if (!find_by(db, state_dir, "SELECT digest, config FROM image WHERE name = ?1", name, &image))
        return false;
    free(image.config);
    if (!db_do(db, "DELETE FROM image WHERE name = ?1", "t", name)) return false;
    db_do(db, "DELETE FROM image_released WHERE name = ?1", "t", name);
    db_rows_t *rows = db_ask(db, "SELECT 1 FROM image WHERE digest = ?1", "t", image.digest);
    bool is_used    = db_next(&rows);
    db_stop(rows);
    is_used = is_used || image_is_used(db, image.digest); /* its file is collected later */
    char tree[PATH_CAP];
    if (!is_used) unlink(image.path);
    if (!is_used && path_join(tree, "%s.tree", image.path)) folder_remove(tree);
    return true;
}

/* ---- the example ---- */

static const char demo_script[] =
    "#!/bin/sh\n"
    "# A page that names the contract which pays for it.\n"
    "mkdir -p /www /data\n"
    "cat >/www/index.html <<END\n"
    "<!doctype html>\n"
    "<title>Contract $CONTRACT_ID</title>\n"
    "<h1>It runs</h1>\n"
    "<p>This page is served by the workload of contract <b>$CONTRACT_ID</b> on $(hostname).</p>\n"
    "END\n"
    "exec httpd -f -p 80 -h /www\n";

static bool make_demo_tree(const char *tree, char error[IMAGE_ERROR_MAX + 1])
{
    static const char *const folders[] = {"bin", "dev", "etc", "proc", "sys", "tmp", "data", "www", "root"};
    static const char *const applets[] = {"sh", "mkdir", "cat", "hostname", "httpd",
                                          "ls", "ps",    "df",  "wget",     "ip"};
    static const char passwd[]         = "root:x:0:0:root:/root:/bin/sh\n";
    char path[PATH_CAP];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (!path_join(path, "%s/%s", tree, folders[i]) || !folder_make(path, 0755))
            return fail(error, "no room for the demo");
    if (!path_join(path, "%s/bin/busybox", tree) || !SPAWN(NULL, TOOL_TIMEOUT_MS, "cp", "/bin/busybox", path))
        return fail(error, "/bin/busybox is missing: install busybox-static");
    for (size_t i = 0; i < sizeof applets / sizeof *applets; i++)
        if (!path_join(path, "%s/bin/%s", tree, applets[i]) || symlink("busybox", path) != 0)
            return fail(error, "no room for the demo");
    return (path_join(path, "%s/etc/passwd", tree) && file_replace(path, passwd, sizeof passwd - 1, 0644) &&
            path_join(path, "%s/bin/web", tree) &&
            file_replace(path, demo_script, sizeof demo_script - 1, 0755)) ||
           fail(error, "no room for the demo");
}

bool image_demo(db_t *db, const char *state_dir, const char *name, char error[IMAGE_ERROR_MAX + 1])
{
    char work[PATH_CAP], tree[PATH_CAP], file[PATH_CAP];
    if (!work_folder(state_dir, work, error)) return false;
    bool is_ok = path_join(tree, "%s/tree", work) && path_join(file, "%s/image.sqfs", work) &&
                 make_demo_tree(tree, error) && squash(tree, file, true, error) &&
                 keep(db, state_dir, name, file, DEMO_CONFIG, error);
    folder_remove(work);
    return is_ok;
}
