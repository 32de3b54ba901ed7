/* shim_vm.c - QEMU, started: files opened for it, a link of its own, then nothing but an ordinary user.
 *
 * All that it uses is handed to it as descriptors: disks, the tap, the socket for orders.  It has the user id
 * of the contract, no privileges to gain, a list of system calls (its own -sandbox), empty namespaces for
 * network and processes' messages, and a control group. */
#include "cgroup.h"
#include "mounts.h"
#include "netlink.h"
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISKS_CAP  (VM_DISKS_MAX + 2)
#define ARGS_CAP   160
#define ARG_CAP    640
#define PIDS_MAX   512 /* threads of QEMU: one for each core, and those that read and write */
#define START_MS   20000
#define SERIAL_CAP 16
#define SANDBOX    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

typedef struct {
    const shim_plan_t *plan;
    int disks[DISKS_CAP];
    char serials[DISKS_CAP][SERIAL_CAP];
    uint32_t disk_count;
    int qmp, output;
    char *argv[ARGS_CAP + 1];
    uint32_t argc;
    char *error;
} start_t;

__attribute__((format(printf, 2, 3))) static bool fail(start_t *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->error, SHIM_ERROR_MAX + 1, format, args);
    va_end(args);
    return false;
}

/* ---- files ---- */

static bool open_disk(start_t *s, const char *path, bool is_writable, const char *serial)
{
    struct stat st;
    int fd = open(path, (is_writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || s->disk_count == DISKS_CAP) return fail(s, "a disk cannot be opened: %s", strerror(errno));
    s->disks[s->disk_count] = fd;
    snprintf(s->serials[s->disk_count++], SERIAL_CAP, "%s", serial);
    return (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) || fail(s, "a disk is no file");
}

static bool open_disks(start_t *s)
{
    char path[PATH_CAP], serial[SERIAL_CAP];
    const shim_plan_t *plan = s->plan;
    bool is_ok = open_disk(s, plan->image, false, "image") && path_join(path, "%s/disk.raw", plan->root) &&
                 open_disk(s, path, true, "root");
    for (uint32_t i = 0; i < plan->volume_count && is_ok; i++) {
        snprintf(serial, sizeof serial, "disk%u", i);
        is_ok = path_join(path, "%s/disk.raw", plan->volumes[i]) && open_disk(s, path, true, serial);
    }
    return is_ok;
}

/* The image is mounted only while its kernel is copied. */
static bool make_boot_files(start_t *s)
{
    const shim_plan_t *plan = s->plan;
    char image[PATH_CAP], guest[PATH_CAP], why[VM_ERROR_MAX + 1] = "";
    bool is_own = plan->vm_root[0] == 0;
    if (!path_join(image, "%s/image", plan->folder) || !path_join(guest, "%s/guest", plan->folder))
        return fail(s, "the path is too long");
    if (is_own && (!folder_make(image, 0755) ||
                   !mount_file(plan->image, image, "squashfs", MS_RDONLY | MS_NODEV, NULL)))
        return fail(s, "the image cannot be mounted: %s", strerror(errno));
    bool is_ok = vm_boot_files(is_own ? image : plan->vm_root, plan->vm_kernel, plan->vm_init, guest,
                               plan->folder, plan->user_base, why);
    if (is_own) umount2(image, MNT_DETACH);
    return is_ok || fail(s, "%s", why);
}

/* ---- arguments ---- */

__attribute__((format(printf, 2, 3))) static void add(start_t *s, const char *format, ...)
{
    char text[ARG_CAP];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = len >= 0 && (size_t)len < sizeof text && s->argc < ARGS_CAP ? strdup(text) : NULL;
    if (copy) s->argv[s->argc++] = copy;
}

static void add_machine(start_t *s)
{
    const shim_plan_t *plan = s->plan;
    char line[256];
    vm_kernel_line(plan->vm_kind, line);
    const char *const fixed[] = {"-nodefaults", "-no-user-config", "-no-reboot", "-display",
                                 "none",        "-sandbox",        SANDBOX};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        add(s, "%s", fixed[i]);
    add(s, "-name");
    add(s, "%s", plan->wid);
    add(s, "-M");
    add(s, VM_MACHINE);
    add(s, "-accel");
    add(s, "%s", vm_accel_option(plan->vm_kind));
    add(s, "-cpu");
    add(s, "%s", plan->vm_cpu);
    add(s, "-smp");
    add(s, "%u", plan->cpus);
    add(s, "-m");
    add(s, "size=%" PRIu64 "k", plan->memory >> 10);
    add(s, "-kernel");
    add(s, "%s/kernel", plan->folder);
    add(s, "-initrd");
    add(s, "%s/initrd", plan->folder);
    add(s, "-append");
    add(s, "%s", line);
}

static void add_devices(start_t *s, int tap)
{
    uint8_t mac[6];
    vm_mac(s->plan->wid, mac);
    add(s, "-chardev");
    add(s, "stdio,id=console,signal=off");
    add(s, "-serial");
    add(s, "chardev:console");
    add(s, "-chardev");
    add(s, "socket,id=orders,fd=%d,server=on,wait=off", s->qmp);
    add(s, "-mon");
    add(s, "chardev=orders,mode=control");
    add(s, "-netdev");
    add(s, "tap,id=net,fd=%d,vhost=off", tap);
    add(s, "-device");
    add(s, "virtio-net-device,netdev=net,mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
        mac[4], mac[5]);
    add(s, "-object");
    add(s, "rng-random,id=random,filename=/dev/urandom");
    add(s, "-device");
    add(s, "virtio-rng-device,rng=random");
    for (uint32_t i = 0; i < s->disk_count; i++) {
        bool is_image = i == 0;
        add(s, "-add-fd");
        add(s, "fd=%d,set=%u", s->disks[i], i + 1);
        add(s, "-drive");
        add(s, "file=/dev/fdset/%u,if=none,id=drive%u,format=raw,%s,werror=report,rerror=report", i + 1, i,
            is_image ? "readonly=on,file.locking=off" : "auto-read-only=off,discard=unmap,file.locking=off");
        add(s, "-device");
        add(s, "virtio-blk-device,drive=drive%u,serial=%s", i, s->serials[i]);
    }
}

/* ---- the process ---- */

/* A link of this process's namespace whose other end is a descriptor. */
static int open_tap(void)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int fd               = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    snprintf(request.ifr_name, sizeof request.ifr_name, SHIM_TAP);
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

static bool drop_privileges(uint32_t user)
{
    struct stat st;
    gid_t kvm              = stat("/dev/kvm", &st) == 0 ? st.st_gid : 0;
    struct rlimit no_cores = {0, 0};
    return setrlimit(RLIMIT_CORE, &no_cores) == 0 && setgroups(kvm != 0, &kvm) == 0 &&
           setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static void keep_open(int fd) { fcntl(fd, F_SETFD, 0); }

static void forget_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++)
        if (i != SIGKILL && i != SIGSTOP) signal(i, SIG_DFL);
}

/* In the child: says when its link can be tied, and waits until it is. */
static int become_machine(start_t *s, int said, int heard)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LC_ALL=C";
    char *environment[] = {path, lang, NULL};
    char letter         = 'y';
    cgroup_t cgroup;
    if (!cgroup_probe(&cgroup) || !cgroup_enter(&cgroup, s->plan->cgroup)) return 120;
    if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) return 121;
    int tap = open_tap();
    if (tap < 0) return 122;
    if (write(said, &letter, 1) != 1 || read(heard, &letter, 1) != 1) return 123;
    add_machine(s);
    add_devices(s, tap);
    forget_signals();
    dup2(s->output, 1);
    dup2(s->output, 2);
    keep_open(tap);
    keep_open(s->qmp);
    for (uint32_t i = 0; i < s->disk_count; i++)
        keep_open(s->disks[i]);
    if (!drop_privileges(s->plan->user_base)) return 124;
    execve(s->argv[0], s->argv, environment);
    return 125;
}

static const char *step_text(int status)
{
    static const char *const texts[] = {"its control group", "its namespaces",    "its link",
                                        "its network",       "its user's rights", "QEMU"};
    int code                         = WIFEXITED(status) ? WEXITSTATUS(status) - 120 : -1;
    return code >= 0 && code < 6 ? texts[code] : NULL;
}

/* What QEMU said before it ended; the last line. */
static bool take_last_words(start_t *s, int ours, int status)
{
    char text[4096];
    ssize_t got      = read(ours, text, sizeof text - 1);
    const char *step = step_text(status);
    if (step) return fail(s, "%s cannot be made ready", step);
    while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == '\r'))
        got--;
    if (got <= 0) return fail(s, "QEMU ended at once");
    text[got]        = 0;
    const char *line = strrchr(text, '\n');
    return fail(s, "QEMU: %.900s", line ? line + 1 : text);
}

/* Ties the link, lets the child go on, and waits until QEMU takes orders. */
static bool tie_and_go(start_t *s, int network, pid_t child, int said, int heard)
{
    char letter = 'y';
    if (read(said, &letter, 1) != 1) return false;
    if (!shim_connect(s->plan, network, child))
        return fail(s, "its network cannot be connected: %s", strerror(errno));
    return write(heard, &letter, 1) == 1 && vm_is_up(s->plan->folder, START_MS);
}

static bool run(start_t *s, int network, int ours, int *pid)
{
    int said[2], heard[2], status = 0;
    if (pipe2(said, O_CLOEXEC) != 0 || pipe2(heard, O_CLOEXEC) != 0) return fail(s, "no pipe");
    pid_t child = fork();
    if (child == 0) {
        close(said[0]);
        close(heard[1]);
        _exit(become_machine(s, said[1], heard[0]));
    }
    close(said[1]);
    close(heard[0]);
    close(s->qmp); /* so that nobody listens when QEMU has ended */
    bool is_ok = child > 0 && tie_and_go(s, network, child, said[0], heard[1]);
    close(said[0]);
    close(heard[1]);
    *pid = child;
    if (is_ok) return true;
    if (child <= 0) return fail(s, "no process: %s", strerror(errno));
    kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return s->error[0] ? false : take_last_words(s, ours, status);
}

bool shim_vm_start(const shim_plan_t *plan, int network, int output, int ours, void (*let_go)(void), int *pid,
                   char error[SHIM_ERROR_MAX + 1])
{
    start_t s              = {.plan = plan, .error = error, .output = output, .qmp = -1};
    cgroup_limits_t limits = {plan->memory + VM_MEMORY_SPARE, plan->cpus * 1000, PIDS_MAX};
    cgroup_t cgroup;
    error[0] = 0;
    add(&s, "%s", plan->runtime);
    bool is_ok = plan->user_base != 0 || fail(&s, "a virtual machine needs a user of its own");
    is_ok      = is_ok && make_boot_files(&s) && open_disks(&s);
    s.qmp      = is_ok ? vm_listen(plan->folder) : -1;
    if (is_ok && s.qmp < 0) is_ok = fail(&s, "its socket cannot be made: %s", strerror(errno));
    if (is_ok) let_go();
    if (is_ok && (!cgroup_probe(&cgroup) || !cgroup_make(&cgroup, plan->cgroup, &limits)))
        is_ok = fail(&s, "its control group cannot be made: %s", strerror(errno));
    is_ok = is_ok && run(&s, network, ours, pid);
    for (uint32_t i = 0; i < s.disk_count; i++)
        close(s.disks[i]);
    for (uint32_t i = 0; i < s.argc; i++)
        free(s.argv[i]);
    return is_ok;
}
