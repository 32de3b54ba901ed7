/* zdb.c - redis-server as a machine: its image, its settings, its disk. */
#include "zdb.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOOL_TIMEOUT_MS (5 * 60 * 1000)
#define LDD_TEXT_MAX    16384

/* ---- how large ---- */

/* A half more while the log is written anew by a copy of the process, of which only what changes meanwhile is
 * twice there; and what the program itself needs. */
uint64_t zdb_memory(uint64_t size) { return size + size / 2 + (UINT64_C(64) << 20); }

/* The log is written anew when it is half as long again as it was then: both together are two and a half
 * times the data. */
uint64_t zdb_disk(uint64_t size) { return 3 * size + (UINT64_C(64) << 20); }

/* ---- settings ---- */

/* Users may do what changes data: nothing that shows or changes the server, and no scripts, which go on
 * writing when the memory is full. */
#define WRITER "~* &* +@all -@admin -@dangerous -@scripting +keys +flushdb +flushall +info +sort +sort_ro"
#define READER "~* &* -@all +@read +@connection -@dangerous +keys +info"

static const char fixed[] = "bind 0.0.0.0\n"
                            "protected-mode no\n"
                            "daemonize no\n"
                            "logfile \"\"\n"
                            "dir /data\n"
                            "databases 1\n"
                            "maxclients 1000\n"
                            "maxmemory-policy noeviction\n"
                            "maxmemory-clients 32mb\n"
                            "proto-max-bulk-len 8mb\n"
                            "client-query-buffer-limit 16mb\n"
                            "client-output-buffer-limit normal 64mb 16mb 30\n"
                            "client-output-buffer-limit pubsub 8mb 4mb 30\n"
                            "tcp-keepalive 60\n"
                            "save \"\"\n"
                            "appendonly yes\n"
                            "appenddirname log\n"
                            "appendfsync everysec\n"
                            "aof-use-rdb-preamble yes\n"
                            "auto-aof-rewrite-percentage 50\n"
                            "auto-aof-rewrite-min-size 16mb\n"
                            "oom-score-adj relative\n"
                            "oom-score-adj-values 0 200 800\n"
                            "enable-protected-configs no\n"
                            "enable-debug-command no\n"
                            "enable-module-command no\n";

char *zdb_text(const zdb_settings_t *s)
{
    char *text = NULL, owner[sizeof s->password + sizeof WRITER + 2];
    snprintf(owner, sizeof owner, "#%s " WRITER, s->password);
    int len = asprintf(&text, "%sport %d\nmaxmemory %" PRIu64 "\nuser default on %s\nuser %s on %s\n", fixed,
                       ZDB_PORT, s->size, s->is_public ? "nopass " READER : owner, s->space, owner);
    return len < 0 ? NULL : text;
}

/* ---- its image: the program and the libraries that it names, nothing else ---- */

static bool copy_into(const char *tree, const char *file)
{
    char to[PATH_CAP], folder[PATH_CAP];
    if (!path_join(to, "%s%s", tree, file) || !path_join(folder, "%s", to)) return false;
    *strrchr(folder, '/') = 0;
    return folder_make(folder, 0755) && SPAWN(NULL, TOOL_TIMEOUT_MS, "cp", "-L", "--", file, to);
}

/* Lines are "NAME => PATH (ADDRESS)" or "PATH (ADDRESS)". */
static bool copy_libraries(const char *tree, char *said)
{
    char *rest = NULL;
    for (char *line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *path = strchr(line, '/');
        if (!path) continue;
        path[strcspn(path, " ")] = 0;
        if (!copy_into(tree, path)) return false;
    }
    return true;
}

static bool list_libraries(const char *program, const char *file, char said[LDD_TEXT_MAX])
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_ok =
        fd >= 0 && spawn_logged((const char *const[]){"ldd", program, NULL}, TOOL_TIMEOUT_MS, fd, NULL);
    if (fd >= 0) close(fd);
    return is_ok && file_read(file, said, LDD_TEXT_MAX);
}

static bool make_tree(const host_t *host, const char *work, const char *tree)
{
    static const char *const folders[] = {"proc", "sys", "dev", "etc", "tmp", "data"};
    char path[PATH_CAP], *said = malloc(LDD_TEXT_MAX);
    bool is_ok = said && path_join(path, "%s/ldd", work) && list_libraries(host->zdb_program, path, said) &&
                 copy_into(tree, host->zdb_program) && copy_libraries(tree, said);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        is_ok = is_ok && path_join(path, "%s/%s", tree, folders[i]) && folder_make(path, 0755);
    free(said);
    return is_ok;
}

/* Named by the program's age and size, so that an upgrade makes another, for those that start then. */
static host_result_t image_ensure(const host_t *host, char image[PATH_CAP])
{
    char work[PATH_CAP], tree[PATH_CAP], fresh[PATH_CAP];
    struct stat st;
    if (host->zdb_program[0] == 0 || stat(host->zdb_program, &st) != 0)
        return host_fail(HOST_LATER, "this node has no redis-server now");
    if (!path_join(image, "%s/zdb-%llx-%llx.sqfs", host->state_dir, (unsigned long long)st.st_mtime,
                   (unsigned long long)st.st_size) ||
        !path_join(work, "%s/zdb-work", host->state_dir) || !path_join(tree, "%s/tree", work) ||
        !path_join(fresh, "%s/image", work))
        return host_fail(HOST_REFUSED, "the path is too long");
    if (file_exists(image)) return host_ok();
    folder_remove(work);
    bool is_ok =
        folder_make(tree, 0755) && make_tree(host, work, tree) &&
        SPAWN_FRESH(NULL, TOOL_TIMEOUT_MS, "mksquashfs", tree, fresh, "-quiet", "-no-progress", "-noappend",
                    "-comp", "zstd", "-Xcompression-level", "1", "-no-xattrs", "-all-root") &&
        rename(fresh, image) == 0;
    folder_remove(work);
    return is_ok ? host_ok() : host_fail(HOST_LATER, "the database's program cannot be made ready");
}

static host_result_t ensure_image(const host_t *host, char image[PATH_CAP])
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all databases there is one */
    pthread_mutex_lock(&lock);
    host_result_t result = image_ensure(host, image);
    pthread_mutex_unlock(&lock);
    return result;
}

/* ---- running ---- */

bool zdb_is_current(const host_t *host, const machine_plan_t *plan)
{
    char folder[PATH_CAP], path[PATH_CAP], text[4096];
    return machine_folder(host, plan->wid, folder) && path_join(path, "%s/settings", folder) &&
           file_read(path, text, sizeof text) && strcmp(text, plan->settings) == 0;
}

static host_result_t ensure_disk(const host_t *host, const machine_plan_t *plan, const char *disk,
                                 uint64_t size)
{
    char path[PATH_CAP];
    host_result_t result = disk_ensure(host, disk, size, plan->user_base + plan->uid);
    if (result.status != HOST_OK) return result;
    if (!disk_path(host, disk, path) || chmod(path, 0700) != 0)
        return host_fail(HOST_LATER, "the disk cannot be closed to others: %s", strerror(errno));
    return result;
}

host_result_t zdb_ensure(const host_t *host, machine_plan_t *plan, const char *disk, uint64_t disk_size)
{
    host_result_t result = host_ok();
    if (!zdb_is_current(host, plan)) result = machine_stop(host, plan->wid);
    if (result.status == HOST_OK) result = ensure_image(host, plan->image);
    if (result.status == HOST_OK) result = ensure_disk(host, plan, disk, disk_size);
    if (result.status == HOST_OK) result = machine_ensure(host, plan);
    return result;
}
