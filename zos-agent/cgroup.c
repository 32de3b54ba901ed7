/* cgroup.c - control groups by their files. */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX     8 /* a workload may nest groups of its own */
#define THAW_EVERY    25
#define CPU_PERIOD_US 100000u
#define KILL_TRIES    250
#define KILL_PAUSE_MS 2

/* ---- what is mounted ---- */

/* A line of mountinfo: "... MOUNTPOINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS". */
static void take_mount(cgroup_t *cgroup, char *line)
{
    char point[128], type[32], options[256];
    char *dash = strstr(line, " - ");
    if (!dash || sscanf(line, "%*s %*s %*s %*s %127s", point) != 1) return;
    if (sscanf(dash, " - %31s %*s %255s", type, options) != 2) return;
    bool is_v2 = strcmp(type, "cgroup2") == 0;
    if (!is_v2 && strcmp(type, "cgroup") != 0) return;
    if (cgroup->tree_count == CGROUP_TREES_CAP || strlen(point) >= sizeof cgroup->tree[0].path) return;
    uint32_t i = cgroup->tree_count++;
    snprintf(cgroup->tree[i].path, sizeof cgroup->tree[i].path, "%.63s", point);
    if (!is_v2) snprintf(cgroup->tree[i].options, sizeof cgroup->tree[i].options, ",%.120s,", options);
}

bool cgroup_probe(cgroup_t *cgroup)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t cap = 0;
    *cgroup    = (cgroup_t){0};
    if (!file) return false;
    while (getline(&line, &cap, file) > 0)
        take_mount(cgroup, line);
    free(line);
    fclose(file);
    uint32_t v2 = 0;
    for (uint32_t i = 0; i < cgroup->tree_count; i++)
        v2 += cgroup->tree[i].options[0] == 0;
    cgroup->kind = v2 == 0 ? CGROUP_V1 : v2 == cgroup->tree_count ? CGROUP_V2 : CGROUP_HYBRID;
    return cgroup->tree_count > 0;
}

/* The file of a group in the tree of a controller; "" is version 2's tree. */
static bool find_file(const cgroup_t *cgroup, const char *controller, const char *group, const char *name,
                      char path[PATH_CAP])
{
    char wanted[32];
    snprintf(wanted, sizeof wanted, controller[0] ? ",%s," : "%s", controller);
    for (uint32_t i = 0; i < cgroup->tree_count; i++) {
        const char *options = cgroup->tree[i].options;
        if (wanted[0] ? !strstr(options, wanted) : options[0] != 0) continue;
        return path_join(path, "%s/%s/%s", cgroup->tree[i].path, group, name) && file_exists(path);
    }
    return false;
}

/* The root has no limits; any group below it has the files of its tree's controllers. */
bool cgroup_has(const cgroup_t *cgroup, const char *name)
{
    char path[PATH_CAP];
    bool is_there = false;
    for (uint32_t i = 0; i < cgroup->tree_count && !is_there; i++) {
        DIR *dir = opendir(cgroup->tree[i].path);
        is_there = path_join(path, "%s/%s", cgroup->tree[i].path, name) && file_exists(path);
        for (struct dirent *entry; dir && !is_there && (entry = readdir(dir));)
            is_there = entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
                       path_join(path, "%s/%s/%s", cgroup->tree[i].path, entry->d_name, name) &&
                       file_exists(path);
        if (dir) closedir(dir);
    }
    return is_there;
}

bool cgroup_exists(const cgroup_t *cgroup, const char *group)
{
    char path[PATH_CAP];
    for (uint32_t i = 0; i < cgroup->tree_count; i++)
        if (path_join(path, "%s/%s", cgroup->tree[i].path, group) && file_exists(path)) return true;
    return false;
}

/* ---- make and enter ---- */

/* The trees in which a group of ours limits, counts, freezes or kills. */
static bool is_used(const cgroup_t *cgroup, uint32_t tree)
{
    static const char *const controllers[] = {",cpu,", ",cpuacct,", ",memory,", ",pids,", ",freezer,"};
    const char *options                    = cgroup->tree[tree].options;
    bool is_one                            = options[0] == 0; /* version 2 */
    for (size_t i = 0; i < sizeof controllers / sizeof *controllers && !is_one; i++)
        is_one = strstr(options, controllers[i]) != NULL;
    return is_one;
}

/* Version 2 gives a group only what the one above it hands on; each controller by itself, as one may be
 * missing. */
static void hand_on(const char *folder)
{
    static const char *const controllers[] = {"+cpu", "+memory", "+pids"};
    char path[PATH_CAP];
    for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
        if (path_join(path, "%s/cgroup.subtree_control", folder)) (void)!file_write(path, controllers[i]);
}

static bool make_in_tree(const cgroup_t *cgroup, uint32_t tree, const char *group)
{
    char path[PATH_CAP], above[PATH_CAP];
    bool is_v2  = cgroup->kind == CGROUP_V2;
    size_t len  = strcspn(group, "/");
    bool is_top = group[len] == 0;
    if (!path_join(path, "%s/%s", cgroup->tree[tree].path, group) ||
        !path_join(above, "%s/%.*s", cgroup->tree[tree].path, (int)len, group))
        return false;
    if (is_v2) hand_on(cgroup->tree[tree].path);
    if (!is_top && mkdir(above, 0755) != 0 && errno != EEXIST) return false;
    if (is_v2 && !is_top) hand_on(above);
    return mkdir(path, 0755) == 0 || errno == EEXIST;
}

static bool set_number(const cgroup_t *cgroup, const char *controller, const char *group, const char *name,
                       uint64_t number)
{
    char path[PATH_CAP], text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return find_file(cgroup, controller, group, name, path) && file_write(path, text);
}

static bool set_limits_v2(const cgroup_t *cgroup, const char *group, const cgroup_limits_t *limits)
{
    char path[PATH_CAP], text[64];
    snprintf(text, sizeof text, "%u %u", limits->cpu_millis * (CPU_PERIOD_US / 1000), CPU_PERIOD_US);
    (void)!set_number(cgroup, "", group, "memory.swap.max", 0);
    (void)!set_number(cgroup, "", group, "memory.oom.group", 1);
    return set_number(cgroup, "", group, "memory.max", limits->memory) &&
           set_number(cgroup, "", group, "pids.max", limits->pids) &&
           find_file(cgroup, "", group, "cpu.max", path) && file_write(path, text);
}

bool cgroup_make(const cgroup_t *cgroup, const char *group, const cgroup_limits_t *limits)
{
    bool is_ok = true;
    for (uint32_t i = 0; i < cgroup->tree_count && is_ok; i++)
        is_ok = !is_used(cgroup, i) || make_in_tree(cgroup, i, group);
    if (!is_ok) return false;
    if (cgroup->kind == CGROUP_V2) return set_limits_v2(cgroup, group, limits);
    (void)!set_number(cgroup, "pids", group, "pids.max", limits->pids);
    bool is_limited = set_number(cgroup, "memory", group, "memory.limit_in_bytes", limits->memory);
    (void)!set_number(cgroup, "memory", group, "memory.memsw.limit_in_bytes", limits->memory);
    return is_limited && set_number(cgroup, "cpu", group, "cpu.cfs_period_us", CPU_PERIOD_US) &&
           set_number(cgroup, "cpu", group, "cpu.cfs_quota_us",
                      (uint64_t)limits->cpu_millis * (CPU_PERIOD_US / 1000));
}

bool cgroup_enter(const cgroup_t *cgroup, const char *group)
{
    char path[PATH_CAP];
    bool is_ok = true;
    for (uint32_t i = 0; i < cgroup->tree_count && is_ok; i++)
        if (is_used(cgroup, i))
            is_ok =
                path_join(path, "%s/%s/cgroup.procs", cgroup->tree[i].path, group) && file_write(path, "0");
    return is_ok;
}

/* ---- freeze and kill ---- */

/* A number that stands alone in a file, or behind `key ` at the start of a line. */
static bool read_number(const char *path, const char *key, uint64_t *number)
{
    char text[4096];
    if (!file_read(path, text, sizeof text)) return false;
    const char *at = text;
    size_t len     = strlen(key);
    while (len > 0 && (strncmp(at, key, len) != 0 || at[len] != ' ')) {
        at = strchr(at, '\n');
        if (!at) return false;
        at++;
    }
    return sscanf(at + len, "%" SCNu64, number) == 1;
}

/* The kernel takes its time, and says in another file when it is done. */
static bool freeze_v2(const cgroup_t *cgroup, const char *group, bool is_frozen)
{
    char path[PATH_CAP];
    uint64_t state = 0;
    if (!find_file(cgroup, "", group, "cgroup.freeze", path)) return !is_frozen;
    if (!file_write(path, is_frozen ? "1" : "0")) return false;
    if (!is_frozen || !find_file(cgroup, "", group, "cgroup.events", path)) return true;
    for (int i = 0; i < KILL_TRIES; i++) {
        if (read_number(path, "frozen", &state) && state == 1) return true;
        poll(NULL, 0, KILL_PAUSE_MS);
    }
    if (find_file(cgroup, "", group, "cgroup.freeze", path)) (void)!file_write(path, "0");
    return false;
}

bool cgroup_freeze(const cgroup_t *cgroup, const char *group, bool is_frozen)
{
    char path[PATH_CAP], state[32];
    if (cgroup->kind == CGROUP_V2) return freeze_v2(cgroup, group, is_frozen);
    if (!find_file(cgroup, "freezer", group, "freezer.state", path)) return !is_frozen;
    for (int i = 0; i < KILL_TRIES; i++) { /* FREEZING may need more than one push */
        if (!file_write(path, is_frozen ? "FROZEN" : "THAWED")) return false;
        if (file_read(path, state, sizeof state) && state[0] == (is_frozen ? 'F' : 'T') && state[4] != 'Z')
            return true;
        poll(NULL, 0, KILL_PAUSE_MS);
        /* A program that starts another waits for its threads to end, and frozen ones do not: let them. */
        if (i % THAW_EVERY != THAW_EVERY - 1 || !file_write(path, "THAWED")) continue;
        poll(NULL, 0, KILL_PAUSE_MS);
    }
    if (is_frozen && !file_write(path, "THAWED")) return false;
    return false;
}

/* Sends SIGKILL to all in one group; counts them. */
static unsigned kill_members(const char *procs)
{
    unsigned count = 0;
    FILE *file     = fopen(procs, "re");
    if (!file) return 0;
    for (int pid; fscanf(file, "%d", &pid) == 1;) {
        if (pid > 1 && kill(pid, SIGKILL) == 0) count++;
    }
    fclose(file);
    return count;
}

static unsigned kill_all(const cgroup_t *cgroup, const char *group)
{
    unsigned count = 0;
    char path[PATH_CAP];
    for (uint32_t i = 0; i < cgroup->tree_count; i++)
        if (path_join(path, "%s/%s/cgroup.procs", cgroup->tree[i].path, group)) count += kill_members(path);
    return count;
}

bool cgroup_kill(const cgroup_t *cgroup, const char *group)
{
    char path[PATH_CAP];
    if (find_file(cgroup, "", group, "cgroup.kill", path)) (void)!file_write(path, "1");
    for (int i = 0; i < KILL_TRIES; i++) {
        cgroup_freeze(cgroup, group, true); /* what forks faster than it is killed stands still */
        unsigned left = kill_all(cgroup, group);
        cgroup_freeze(cgroup, group, false); /* what is frozen does not die */
        if (left == 0) return true;
        poll(NULL, 0, KILL_PAUSE_MS);
    }
    return false;
}

/* ---- remove and list ---- */

static bool remove_tree(const char *path, int depth)
{
    DIR *dir = opendir(path);
    if (!dir) return errno == ENOENT;
    for (struct dirent *entry; depth < DEPTH_MAX && (entry = readdir(dir));) {
        char child[PATH_CAP];
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        if (path_join(child, "%s/%s", path, entry->d_name)) remove_tree(child, depth + 1);
    }
    closedir(dir);
    for (int i = 0; i < KILL_TRIES; i++) {
        if (rmdir(path) == 0 || errno == ENOENT) return true;
        if (errno != EBUSY) return false;
        poll(NULL, 0, KILL_PAUSE_MS); /* the last process is still leaving */
    }
    return false;
}

bool cgroup_remove(const cgroup_t *cgroup, const char *group)
{
    bool is_ok = true;
    char path[PATH_CAP];
    for (uint32_t i = 0; i < cgroup->tree_count; i++)
        is_ok = path_join(path, "%s/%s", cgroup->tree[i].path, group) && remove_tree(path, 0) && is_ok;
    return is_ok;
}

void cgroup_rest(const cgroup_t *cgroup, const char *group)
{
    char path[PATH_CAP];
    for (uint32_t i = 0; i < cgroup->tree_count; i++)
        if (path_join(path, "%s/%s", cgroup->tree[i].path, group)) rmdir(path);
}

void cgroup_children(const cgroup_t *cgroup, const char *group, void (*fn)(void *context, const char *name),
                     void *context)
{
    for (uint32_t i = 0; i < cgroup->tree_count; i++) {
        char path[PATH_CAP];
        DIR *dir = path_join(path, "%s/%s", cgroup->tree[i].path, group) ? opendir(path) : NULL;
        for (struct dirent *entry; dir && (entry = readdir(dir));)
            if (entry->d_type == DT_DIR && entry->d_name[0] != '.') fn(context, entry->d_name);
        if (dir) closedir(dir);
    }
}

/* ---- usage ---- */

bool cgroup_usage(const cgroup_t *cgroup, const char *group, cgroup_usage_t *usage)
{
    char path[PATH_CAP];
    *usage = (cgroup_usage_t){0};
    if (cgroup->kind == CGROUP_V2) {
        if (!find_file(cgroup, "", group, "cpu.stat", path) ||
            !read_number(path, "usage_usec", &usage->cpu_ns))
            return false;
        usage->cpu_ns *= 1000;
        if (find_file(cgroup, "", group, "memory.current", path))
            (void)!read_number(path, "", &usage->memory);
        if (find_file(cgroup, "", group, "memory.events", path))
            (void)!read_number(path, "oom_kill", &usage->oom_kills);
        return true;
    }
    if (!find_file(cgroup, "cpuacct", group, "cpuacct.usage", path) || !read_number(path, "", &usage->cpu_ns))
        return false;
    if (find_file(cgroup, "memory", group, "memory.usage_in_bytes", path))
        (void)!read_number(path, "", &usage->memory);
    if (find_file(cgroup, "memory", group, "memory.oom_control", path))
        (void)!read_number(path, "oom_kill", &usage->oom_kills);
    return true;
}
