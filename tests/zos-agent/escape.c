/* escape.c - a program for the inside of a workload that tries to get out, or to take what is not its own.
 *
 * One line a try, "held NAME" or "BROKEN NAME: what it got", and "end" at last.  It stands on nothing, so
 * that it runs in any image; `escape whoami` is its other self, with the set-user-id bit. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define QUOTA            (16 << 20) /* of /data, as the test deploys it */
#define SUBVOLUME_CREATE 0x5000940eul
#define SNAPSHOT_CREATE  0x50009417ul

__attribute__((format(printf, 3, 4))) static void tell(const char *name, int is_held, const char *format, ...)
{
    va_list args;
    printf(is_held ? "held %s" : "BROKEN %s: ", name);
    va_start(args, format);
    if (!is_held) vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static void must_fail(const char *name, long result) { tell(name, result < 0, "%ld", result); }

/* ---- devices ---- */

static void make_device(const char *folder, mode_t type, unsigned major_number, unsigned minor_number)
{
    char path[64], name[96];
    snprintf(path, sizeof path, "%s/device", folder);
    snprintf(name, sizeof name, "device %u:%u in %s", major_number, minor_number, folder);
    unlink(path);
    int fd = mknod(path, type | 0666, makedev(major_number, minor_number)) == 0 ? open(path, O_RDWR) : -1;
    must_fail(name, fd);
    unlink(path);
}

static void devices(void)
{
    static const char *const folders[] = {"/", "/data", "/dev", "/dev/shm", "/tmp"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        make_device(folders[i], S_IFCHR, 1, 1);    /* memory */
        make_device(folders[i], S_IFCHR, 10, 237); /* loop-control */
        make_device(folders[i], S_IFCHR, 10, 200); /* tun */
        make_device(folders[i], S_IFBLK, 7, 0);
        make_device(folders[i], S_IFBLK, 8, 0);
        make_device(folders[i], S_IFBLK, 254, 0);
    }
    must_fail("memory, from the image", open("/bin/memory", O_RDWR));
    must_fail("a disk, from the image", open("/bin/disk", O_RDWR));
    must_fail("terminal input", ioctl(0, TIOCSTI, "x"));
}

/* ---- files of the kernel ---- */

static void write_to(const char *path)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    must_fail(path, fd < 0 ? -1 : write(fd, "1", 1));
    if (fd >= 0) close(fd);
}

static void read_from(const char *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    tell(path, fd < 0 || read(fd, &byte, 1) <= 0, "it can be read");
    if (fd >= 0) close(fd);
}

static void kernel_files(void)
{
    static const char *const written[] = {
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/vm/drop_caches",
        "/proc/sys/kernel/hostname",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/irq/0/smp_affinity",
        "/sys/power/state",
        "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/cgroup.procs",
        "/sys/module/kernel/parameters/panic",
        "/etc/hosts",
        "/etc/resolv.conf",
    };
    static const char *const readable[] = {
        "/proc/kcore", "/proc/keys",        "/proc/timer_list",
        "/proc/kmsg",  "/proc/acpi/wakeup", "/proc/interrupts",
        "/dev/mem",    "/dev/kmsg",         "/sys/firmware/acpi/tables/DSDT",
    };
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        write_to(written[i]);
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
        read_from(readable[i]);
}

/* ---- calls ---- */

static int in_new_stack(void *unused)
{
    (void)unused;
    return 0;
}

static void namespaces(void)
{
    static char stack[65536];
    static const struct {
        const char *name;
        int flag;
    } kinds[] = {
        {"user",    CLONE_NEWUSER  },
        {"mount",   CLONE_NEWNS    },
        {"network", CLONE_NEWNET   },
        {"pid",     CLONE_NEWPID   },
        {"uts",     CLONE_NEWUTS   },
        {"cgroup",  CLONE_NEWCGROUP},
    };
    char name[64];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(name, sizeof name, "unshare %s", kinds[i].name);
        must_fail(name, unshare(kinds[i].flag));
        snprintf(name, sizeof name, "clone %s", kinds[i].name);
        must_fail(name, clone(in_new_stack, stack + sizeof stack, kinds[i].flag | SIGCHLD, NULL));
    }
    must_fail("clone3", syscall(SYS_clone3, NULL, (size_t)0));
    must_fail("setns", setns(open("/proc/1/ns/net", O_RDONLY), 0));
}

static void mounts(void)
{
    must_fail("mount tmpfs", mount("none", "/tmp", "tmpfs", 0, NULL));
    must_fail("mount proc", mount("none", "/tmp", "proc", 0, NULL));
    must_fail("remount /proc/sys", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
    must_fail("bind", mount("/", "/tmp", NULL, MS_BIND | MS_REC, NULL));
    must_fail("umount", umount2("/proc/kcore", MNT_DETACH));
    must_fail("pivot_root", syscall(SYS_pivot_root, "/data", "/data"));
    must_fail("open_tree", syscall(428, AT_FDCWD, "/", 1));
    must_fail("fsopen", syscall(430, "tmpfs", 0));
    must_fail("move_mount", syscall(429, AT_FDCWD, "/", AT_FDCWD, "/tmp", 0));
}

static void calls(void)
{
    union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
    struct timespec now = {1700000000, 0};
    uint8_t handle[128] = {8};
    must_fail("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr));
    must_fail("perf_event_open", syscall(SYS_perf_event_open, handle, 0, -1, -1, 0));
    must_fail("userfaultfd", syscall(SYS_userfaultfd, 0));
    must_fail("keyctl", syscall(SYS_keyctl, 0, -3, 1));
    must_fail("add_key", syscall(SYS_add_key, "user", "a", "b", 1, -3));
    must_fail("io_uring", syscall(425, 1, handle));
    must_fail("init_module", syscall(SYS_init_module, handle, sizeof handle, ""));
    must_fail("kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0));
    must_fail("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL));
    must_fail("swapon", syscall(SYS_swapon, "/data/big", 0));
    must_fail("iopl", syscall(SYS_iopl, 3));
    must_fail("syslog", syscall(SYS_syslog, 3, handle, sizeof handle));
    must_fail("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, handle, O_RDONLY));
    must_fail("clock_settime", clock_settime(CLOCK_REALTIME, &now));
    must_fail("sethostname", sethostname("host", 4));
    must_fail("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL));
    must_fail("personality", syscall(SYS_personality, 0x0040000));
}

static void priorities(void)
{
    struct sched_param first = {.sched_priority = 50};
    struct rlimit files      = {1 << 20, 1 << 20}, core;
    must_fail("nice", setpriority(PRIO_PROCESS, 0, -10));
    must_fail("real time", sched_setscheduler(0, SCHED_FIFO, &first));
    must_fail("real time disk", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
    must_fail("more files", setrlimit(RLIMIT_NOFILE, &files));
    int is_known = getrlimit(RLIMIT_CORE, &core) == 0;
    tell("core dumps", is_known && core.rlim_max <= 1, "%lu", (unsigned long)core.rlim_max);
}

/* ---- the network ---- */

static void sockets(void)
{
    static const struct {
        const char *name;
        int family, type, protocol;
    } kinds[] = {
        {"raw IPv4",        AF_INET,   SOCK_RAW,       1     },
        {"raw IPv6",        AF_INET6,  SOCK_RAW,       58    },
        {"packet",          AF_PACKET, SOCK_RAW,       0x0300},
        {"packet datagram", AF_PACKET, SOCK_DGRAM,     0x0608},
        {"vsock",           AF_VSOCK,  SOCK_STREAM,    0     },
        {"ciphers",         AF_ALG,    SOCK_SEQPACKET, 0     },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int fd = socket(kinds[i].family, kinds[i].type, kinds[i].protocol);
        must_fail(kinds[i].name, fd);
        if (fd >= 0) close(fd);
    }
}

/* What the kernel says to a message of this kind; anybody may ask. */
static void ask_kernel(const char *name, int protocol, struct nlmsghdr *message)
{
    char answer[512];
    int said = -1, fd = socket(AF_NETLINK, SOCK_RAW, protocol);
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    if (fd >= 0 && send(fd, message, message->nlmsg_len, 0) > 0 && recv(fd, answer, sizeof answer, 0) >= 20)
        memcpy(&said, answer + 16, sizeof said);
    tell(name, said < 0, "%d", said);
    if (fd >= 0) close(fd);
}

/* Another Ethernet address, so that it speaks for its neighbour; another address; no more rules. */
static void links(void)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg link;
        struct rtattr attribute;
        uint8_t mac[8];
    } mac = {0};
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg address;
        struct rtattr attribute;
        uint8_t ip[4];
    } ip          = {0};
    mac.head      = (struct nlmsghdr){.nlmsg_len = 44, .nlmsg_type = RTM_NEWLINK};
    mac.link      = (struct ifinfomsg){.ifi_index = 2};
    mac.attribute = (struct rtattr){.rta_len = 10, .rta_type = 1};
    memcpy(mac.mac, "\2\1\2\3\4\5", 6);
    ask_kernel("another Ethernet address", NETLINK_ROUTE, &mac.head);
    ip.head      = (struct nlmsghdr){.nlmsg_len = 32, .nlmsg_type = RTM_NEWADDR};
    ip.address   = (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 2};
    ip.attribute = (struct rtattr){.rta_len = 8, .rta_type = 2};
    memcpy(ip.ip, "\12\24\3\3", 4);
    ask_kernel("another address", NETLINK_ROUTE, &ip.head);
    mac.head = (struct nlmsghdr){.nlmsg_len = 20, .nlmsg_type = 10 << 8 | 2};
    ask_kernel("no more rules", NETLINK_NETFILTER, &mac.head);
}

/* ---- rights ---- */

static void copy_self(const char *to)
{
    static char block[1 << 16];
    int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    for (ssize_t got; in >= 0 && out >= 0 && (got = read(in, block, sizeof block)) > 0;)
        if (write(out, block, (size_t)got) != got) break;
    if (in >= 0) close(in);
    if (out >= 0) close(out);
}

static void set_user_id(const char *path, int is_made)
{
    int status = -1;
    if (is_made) copy_self(path);
    if (is_made && chmod(path, 06755) != 0) return tell(path, 1, "it");
    pid_t child = fork();
    if (child == 0) {
        if (setgid(1000) == 0 && setuid(1000) == 0) execl(path, path, "whoami", (char *)NULL);
        _exit(errno == EACCES ? 7 : 0);
    }
    waitpid(child, &status, 0);
    tell(path, !WIFEXITED(status) || WEXITSTATUS(status) != 1, "root again");
    if (is_made) unlink(path);
}

static uint64_t status_number(const char *key, int base)
{
    char line[256];
    FILE *file     = fopen("/proc/self/status", "r");
    uint64_t value = UINT64_MAX;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0) value = strtoull(line + strlen(key), NULL, base);
    if (file) fclose(file);
    return value;
}

static void rights(void)
{
    /* chown, dac_override, fowner, fsetid, kill, setgid, setuid, net_bind_service, sys_chroot */
    const uint64_t may =
        1u << 0 | 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 10 | 1u << 18;
    uint64_t bounding = status_number("CapBnd:", 16);
    tell("capabilities", (bounding & ~may) == 0, "%llx", (unsigned long long)bounding);
    tell("no new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "they can be had");
    tell("system calls", status_number("Seccomp:", 10) == 2, "not filtered");
    set_user_id("/set-user-id", 1);
    set_user_id("/data/set-user-id", 1);
    set_user_id("/bin/escape", 0);
    must_fail("above the root", open("/../../../../../../../run/netns", O_RDONLY));
}

/* ---- more disk than it has ---- */

static uint64_t fill(const char *path, uint64_t most)
{
    static char block[1 << 20];
    uint64_t put = 0;
    int fd       = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 2654435761u >> 11);
    for (ssize_t got; fd >= 0 && put < most && (got = write(fd, block, sizeof block)) > 0;)
        put += (uint64_t)got;
    if (fd >= 0 && fsync(fd) != 0) put /= 2;
    if (fd >= 0) close(fd);
    return put;
}

static void disk(void)
{
    struct {
        int64_t fd;
        char name[4088];
    } ask    = {.name = "below"};
    int data = open("/data", O_RDONLY | O_DIRECTORY), self = open("/data/sparse", O_RDWR | O_CREAT, 0600);
    int is_made = ioctl(data, SUBVOLUME_CREATE, &ask);
    tell("a disk in the disk", is_made < 0, "%llu bytes in it",
         (unsigned long long)(is_made < 0 ? 0 : fill("/data/below/big", 4 * QUOTA)));
    struct {
        int64_t fd;
        uint64_t transid, flags, unused[4];
        char name[4040];
    } snapshot = {.fd = data, .name = "again"};
    must_fail("a copy of the disk", ioctl(data, SNAPSHOT_CREATE, &snapshot));
    tell("a sparse file", self >= 0, "not made");
    if (self >= 0 && ftruncate(self, INT64_MAX / 2) == 0) close(self);
    uint64_t put = fill("/data/big", 4 * QUOTA);
    tell("more than the disk", put <= QUOTA, "%llu bytes", (unsigned long long)put);
    unlink("/data/big");
    uint64_t names = 0;
    char path[64], value[3000] = {1};
    for (unsigned i = 0; i < 6000; i++, names++) {
        snprintf(path, sizeof path, "/data/n%u", i);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        if (fd < 0 || fsetxattr(fd, "user.much", value, sizeof value, 0) != 0) break;
        close(fd);
    }
    tell("more attributes than the disk", names * sizeof value <= 3 * QUOTA / 2, "%llu of them",
         (unsigned long long)names);
}

/* So deep that no path reaches it: whoever takes the disk away must not care. */
static void depth(void)
{
    int depth = 0;
    char name[201];
    memset(name, 'd', 200);
    name[200] = 0;
    for (; chdir(depth ? "." : "/") == 0 && depth < 64 && mkdir(name, 0700) == 0 && chdir(name) == 0; depth++)
        continue;
    tell("a deep folder", depth > 30, "%d", depth);
    if (chdir("/") != 0) return;
}

static void descriptors(void)
{
    int open_one = 0;
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0) open_one = fd;
    tell("descriptors", open_one == 0, "%d is open", open_one);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "whoami") == 0) return geteuid() == 0;
    descriptors();
    devices();
    kernel_files();
    namespaces();
    mounts();
    calls();
    priorities();
    sockets();
    links();
    rights();
    disk();
    depth();
    puts("end");
    fflush(stdout);
    for (;;)
        pause();
}
