/* shim.c - the program zos-shim: prepare, start, wait, tell. */
#include "shim.h"
#include "cgroup.h"
#include "mounts.h"
#include "netlink.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNTIME_TIMEOUT_MS 30000
#define NO_DUMP            1     /* byte: core(5) */
#define OUTPUT_PIECE       65536 /* as much as a pipe holds */
#define OUTPUT_PAUSE_MS    20    /* after each piece: some 3 MB a second */

static shim_plan_t plan;
static char error[SHIM_ERROR_MAX + 1]; /* why it could not be started */

__attribute__((format(printf, 1, 2))) static bool fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, sizeof error, format, args);
    va_end(args);
    return false;
}

/* ---- the file system ---- */

static bool in_folder(char path[PATH_CAP], const char *name)
{
    return path_join(path, "%s/%s", plan.folder, name);
}

static bool make_in_folder(char path[PATH_CAP], const char *name)
{
    return (in_folder(path, name) && folder_make(path, 0755)) || fail("%s: %s", name, strerror(errno));
}

/* An image, its owners shifted into the user namespace, under a layer that takes the changes. */
static bool mount_root(void)
{
    char image[PATH_CAP], shifted[PATH_CAP], rootfs[PATH_CAP], options[4 * PATH_CAP];
    struct stat st;
    if (!make_in_folder(image, "image") || !make_in_folder(shifted, "shifted") ||
        !make_in_folder(rootfs, "rootfs"))
        return false;
    crash_point();
    bool is_folder = stat(plan.image, &st) == 0 && S_ISDIR(st.st_mode);
    if (is_folder ? mount(plan.image, image, NULL, MS_BIND, NULL) != 0
                  : !mount_file(plan.image, image, "squashfs", MS_RDONLY | MS_NODEV, NULL))
        return fail("the image cannot be mounted: %s", strerror(errno));
    crash_point();
    if (plan.user_base != 0 && !mount_shifted(image, shifted, plan.user_base))
        return fail("no owners can be shifted: %s", strerror(errno));
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
             plan.user_base != 0 ? shifted : image, plan.root, plan.root);
    crash_point();
    if (mount("overlay", rootfs, "overlay", MS_NODEV, options) != 0)
        return fail("the root file system cannot be mounted: %s", strerror(errno));
    return true;
}

/* The image, or the workload before it ended, may have put a link there: to /proc/self/fd/N, for one, which
 * the runtime would follow out of the root file system. */
static bool check_targets(void)
{
    char rootfs[PATH_CAP];
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
    int root            = in_folder(rootfs, "rootfs") ? open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    bool is_ok          = root >= 0 || fail("no root file system: %s", strerror(errno));
    for (uint32_t i = 0; i < plan.volume_count && is_ok; i++) {
        int fd = (int)syscall(SYS_openat2, root, plan.targets[i], &how, sizeof how);
        is_ok  = fd >= 0 || errno == ENOENT ||
                fail("the mountpoint %.200s is, or is behind, a symbolic link of the image", plan.targets[i]);
        if (fd >= 0) close(fd);
    }
    if (root >= 0) close(root);
    return is_ok;
}

static bool mount_volumes(void)
{
    char target[PATH_CAP], name[32];
    for (uint32_t i = 0; i < plan.volume_count; i++) {
        snprintf(name, sizeof name, "vol/%u", (unsigned)i);
        if (!make_in_folder(target, name)) return false;
        crash_point();
        if (mount(plan.volumes[i], target, NULL, MS_BIND, NULL) != 0)
            return fail("a volume cannot be mounted: %s", strerror(errno));
    }
    return true;
}

static bool is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == 0 || path[len] == '/');
}

/* The root, the kernel's own, what is the workload's, and what these stand on. */
static bool is_needed(const char *point)
{
    if (strcmp(point, "/") == 0 || is_below(point, "/proc") || is_below(point, "/sys") ||
        is_below(point, "/dev"))
        return true;
    return is_below(point, plan.folder) || is_below(plan.folder, point) || is_below(plan.runtime, point) ||
           is_below(plan.runtime_root, point);
}

static void let_go(void *context, const char *point)
{
    (void)context;
    if (!is_needed(point)) umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW);
}

static void let_go_all(void)
{
    mounts_all(let_go, NULL);
    if (plan.unified[0]) umount2(plan.unified, MNT_DETACH);
}

/* What this namespace keeps mounted cannot be unmounted by anybody: keep only what is needed. */
static bool mount_all(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return fail("no mount namespace: %s", strerror(errno));
    if (!mount_root() || !check_targets() || !mount_volumes()) return false;
    crash_point();
    let_go_all();
    return true;
}

/* ---- the container ---- */

/* The runtime's own words are in its log, one JSON object or one text a line; the last line says it. */
static void take_runtime_error(const char *step)
{
    char path[PATH_CAP], text[4096];
    fail("the runtime cannot %s it", step);
    if (!in_folder(path, "runtime.log") || !file_read(path, text, sizeof text)) return;
    char *end = text + strlen(text);
    while (end > text && (end[-1] == '\n'))
        *--end = 0;
    const char *line = strrchr(text, '\n');
    if (end > text) fail("the runtime cannot %s it: %.900s", step, line ? line + 1 : text);
}

static bool runtime(const char *step, const char *const *more, int output)
{
    char log[PATH_CAP];
    const char *argv[16] = {plan.runtime, "--root", plan.runtime_root, "--log", log, step};
    if (!in_folder(log, "runtime.log")) return false;
    for (size_t i = 6; *more && i < 15; i++)
        argv[i] = *more++;
    if (spawn_logged(argv, RUNTIME_TIMEOUT_MS, output, NULL)) return true;
    take_runtime_error(step);
    return false;
}
#define RUNTIME(step, output, ...) runtime(step, (const char *const[]){__VA_ARGS__, NULL}, output)

static bool write_run(int pid)
{
    char path[PATH_CAP], text[128], boot[37];
    uint64_t ticks = process_start_ticks(pid);
    boot_id(boot);
    snprintf(text, sizeof text, "%d %" PRIu64 " %s\n", pid, ticks, boot);
    if (ticks == 0) return fail("it ended at once");
    return (in_folder(path, "run") && file_put(path, text, strlen(text), 0600)) ||
           fail("run cannot be written: %s", strerror(errno));
}

static bool read_pid(int *pid)
{
    char path[PATH_CAP], text[32];
    if (!in_folder(path, "pid") || !file_read(path, text, sizeof text) || sscanf(text, "%d", pid) != 1 ||
        *pid < 2)
        return fail("the runtime named no process");
    return true;
}

/* Starts the container, which prints to output; *pidfd is its first process. */
static bool start(int network, int output, int log, int *pidfd)
{
    char pid_file[PATH_CAP];
    int pid;
    if (!in_folder(pid_file, "pid") ||
        !RUNTIME("create", output, "--bundle", plan.folder, "--pid-file", pid_file, plan.wid))
        return false;
    crash_point();
    if (!read_pid(&pid)) return false;
    *pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (*pidfd < 0) return fail("it ended before it started");
    if (!shim_connect(&plan, network, pid))
        return fail("its network cannot be connected: %s", strerror(errno));
    return write_run(pid) && RUNTIME("start", log, plan.wid);
}

static bool start_vm(int network, int output, int ours, int *pidfd)
{
    int pid;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return fail("no mount namespace: %s", strerror(errno));
    if (!shim_vm_start(&plan, network, output, ours, let_go_all, &pid, error)) return false;
    *pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return *pidfd >= 0 ? write_run(pid) : fail("it ended before it started");
}

/* Leaves nothing in the kernel: processes, groups, the runtime's record. */
static void clean_up(int output)
{
    cgroup_t cgroup;
    char path[PATH_CAP];
    crash_point();
    if (cgroup_probe(&cgroup)) cgroup_kill(&cgroup, plan.cgroup);
    if (!plan.is_vm) RUNTIME("delete", output, "--force", plan.wid);
    crash_point();
    if (cgroup_probe(&cgroup)) cgroup_remove(&cgroup, plan.cgroup);
    crash_point();
    if (in_folder(path, plan.is_vm ? "qmp" : "pid")) unlink(path);
}

/* What it prints comes through us, so that it fills neither disk nor memory: the log keeps the newest part,
 * and who prints without an end waits.  The way is a named pipe that the workload holds for reading, too:
 * when this process is killed nobody gets SIGPIPE, and the shim that adopts the workload reads on. */
static bool open_output(int *ours, int *theirs)
{
    char path[PATH_CAP];
    if (!in_folder(path, "output") || (mkfifo(path, 0600) != 0 && errno != EEXIST)) return false;
    *ours   = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    *theirs = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    return *ours >= 0 && *theirs >= 0;
}

static bool take_output(int output, int log)
{
    static uint8_t piece[OUTPUT_PIECE];
    static uint64_t since_trim = SHIM_LOG_MAX; /* what an earlier run left counts, too */
    char path[PATH_CAP];
    ssize_t got = read(output, piece, sizeof piece);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (got == 0) return false;
    if (write(log, piece, (size_t)got) != got) return true; /* a full disk costs the lines */
    since_trim += (uint64_t)got;
    if (since_trim <= SHIM_LOG_MAX - SHIM_LOG_KEPT) return true;
    if (in_folder(path, "log")) file_trim(path, SHIM_LOG_MAX, SHIM_LOG_KEPT);
    since_trim = 0;
    return true;
}

static void wait_for_end(int pidfd, int output, int log)
{
    siginfo_t info = {0};
    char path[PATH_CAP], text[64];
    struct pollfd fds[] = {
        {.fd = pidfd,  .events = POLLIN},
        {.fd = output, .events = POLLIN}
    };
    while (!fds[0].revents) {
        if (poll(fds, 2, -1) < 0 || !fds[1].revents) continue;
        if (!take_output(output, log)) fds[1].fd = -1; /* nobody can print any more */
        fds[1].revents = 0;
        if (!fds[0].revents) poll(fds, 1, OUTPUT_PAUSE_MS);
    }
    int code = -1;
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) == 0)
        code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    snprintf(text, sizeof text, "%d %lld\n", code, (long long)time(NULL));
    crash_point();
    if (in_folder(path, "exit") && !file_put(path, text, strlen(text), 0600)) unlink(path);
    crash_point();
    clean_up(log);
    take_output(output, log);
}

/* ---- the process ---- */

/* Tells the waiting parent how it went: an empty line is good news, nothing at all is none. */
static void tell(int parent)
{
    const char *text = error[0] ? error : "\n";
    if (write(parent, text, strlen(text)) < 0) error[0] = 0;
    close(parent);
}

static int open_log(void)
{
    char path[PATH_CAP];
    return in_folder(path, "log") ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

static void forget_last(void)
{
    static const char *const names[] = {"run", "exit", "pid", "runtime.log"};
    char path[PATH_CAP];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (in_folder(path, names[i])) unlink(path);
}

static void become_daemon(void)
{
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

/* Takes over a workload whose shim was killed: it runs, so nothing is started.  False when there is none. */
static bool adopt(int *pidfd)
{
    shim_run_t run;
    if (!shim_run_read(plan.folder, &run)) return false;
    *pidfd = (int)syscall(SYS_pidfd_open, run.pid, 0);
    if (*pidfd >= 0 && shim_run_is_alive(&run)) return true;
    if (*pidfd >= 0) close(*pidfd);
    *pidfd = -1;
    return false;
}

/* Makes and starts it; on failure nothing of it is left. */
static bool bring_up(int output, int ours, int log, int *pidfd)
{
    char why[sizeof error];
    forget_last();
    int network = netns_open(plan.netns);
    if (network < 0) return fail("its network is not there");
    bool is_up = plan.is_vm ? start_vm(network, output, ours, pidfd)
                            : mount_all() && start(network, output, log, pidfd);
    close(network);
    if (is_up) return true;
    memcpy(why, error, sizeof why); /* cleaning up may fail for reasons of its own */
    clean_up(log);
    memcpy(error, why, sizeof error);
    return false;
}

static int serve(int parent)
{
    char path[PATH_CAP];
    int pidfd = -1, ours = -1, theirs = -1;
    become_daemon();
    int lock = in_folder(path, "lock") ? lock_take(path) : -1;
    if (lock < 0) {
        fail("another shim holds this workload");
        tell(parent);
        return 1;
    }
    crash_point();
    int log    = open_log();
    bool is_up = log >= 0 && open_output(&ours, &theirs);
    if (!is_up) fail("its log cannot be opened: %s", strerror(errno));
    is_up = is_up && (adopt(&pidfd) || bring_up(theirs, ours, log, &pidfd));
    if (theirs >= 0) close(theirs);
    if (!is_up && ours >= 0 && log >= 0) take_output(ours, log);
    crash_point();
    tell(parent);
    crash_point();
    if (is_up) wait_for_end(pidfd, ours, log);
    return !is_up;
}

static int wait_for_child(int child)
{
    char text[SHIM_ERROR_MAX + 1];
    size_t used = 0;
    ssize_t got;
    while (used < sizeof text - 1 && (got = read(child, text + used, sizeof text - 1 - used)) != 0) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        used += (size_t)got;
    }
    text[used] = 0;
    if (strcmp(text, "\n") == 0) return 0;
    fprintf(stderr, "%s\n", used > 0 ? text : "what was to hold it was killed");
    return 1;
}

/* Standard descriptors lead nowhere, so that nobody waits for this process by them. */
static void silence(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; null >= 0 && i < 3; i++)
        dup2(null, i);
    if (null > 2) close(null);
}

/* What a workload has in memory goes neither to a file nor, which a limit of 0 would allow, through the pipe
 * to whatever program of the host takes dumps. */
static void dump_nothing(void)
{
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max < NO_DUMP) return;
    limit = (struct rlimit){NO_DUMP, NO_DUMP};
    (void)!setrlimit(RLIMIT_CORE, &limit);
}

int main(int argc, char **argv)
{
    int ends[2];
    crash_points_by(SHIM_CRASH_AT);
    if (argc != 2 || argv[1][0] != '/') {
        fprintf(stderr, "usage: zos-shim FOLDER   (the agent runs it; an absolute path)\n");
        return 2;
    }
    if (!shim_plan_read(argv[1], &plan)) {
        fprintf(stderr, "%s/shim.json cannot be read\n", argv[1]);
        return 1;
    }
    umask(022);
    dump_nothing();
    crash_point();
    if (chdir("/") != 0 || pipe2(ends, O_CLOEXEC) != 0) return 1;
    pid_t child = fork();
    if (child < 0) return 1;
    if (child > 0) {
        close(ends[1]);
        return wait_for_child(ends[0]);
    }
    close(ends[0]);
    silence();
    return serve(ends[1]);
}
