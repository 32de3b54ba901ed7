/* guest_init.c - the program zos-init: the first process of a machine that is a virtual one.
 *
 * It is all that the machine's first file system holds, beside modules of its kernel (/modules, loaded by
 * name) and /config: pairs of key and value, each ended by a zero.  It mounts the image under a layer that
 * takes the changes, then the disks; sets up the link; and starts what the deployment asks for: as the first
 * process itself (init), or as its child, which it asks to end when the power button is pressed.  Without
 * /config it says that the machine works, and switches it off. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <net/if.h>
#include <net/route.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIG_MAX      (1u << 20)
#define LIST_MAX        1024
#define MODULES_MAX     128
#define ROOT            "/root"
#define END_MS          4000 /* between SIGTERM and the end of the machine */
#define DEVICE_TRIES    200
#define DEVICE_STEP_MS  10
#define EXT4_IOC_RESIZE _IOW('f', 16, uint64_t) /* EXT4_IOC_RESIZE_FS: blocks */
#define BLOCK           4096
#define COMPRESSED_FILE 4 /* MODULE_INIT_COMPRESSED_FILE */

static char config[CONFIG_MAX + 1];
static char *arguments[LIST_MAX + 1], *environment[LIST_MAX + 1];

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    if (len > (int)sizeof text - 2) len = sizeof text - 2;
    text[len++] = '\n';
    if (write(2, text, (size_t)len) < 0) return;
}

static void switch_off(void)
{
    if (getpid() == 1) kill(-1, SIGKILL);
    sync();
    reboot(RB_POWER_OFF);
    reboot(RB_AUTOBOOT);
    for (;;)
        pause();
}

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say("zos-init: %s", text);
    switch_off();
    abort();
}

/* ---- what it is told ---- */

/* The next value of a key behind `at` (NULL: the first); NULL when there is none. */
static char *next_value(const char *key, const char *at)
{
    char *pair = config;
    while (*pair) {
        char *value = pair + strlen(pair) + 1;
        if ((!at || value > at) && strcmp(pair, key) == 0) return value;
        pair = value + strlen(value) + 1;
    }
    return NULL;
}

static const char *value_of(const char *key, const char *otherwise)
{
    const char *value = next_value(key, NULL);
    return value ? value : otherwise;
}

static bool read_config(void)
{
    int fd      = open("/config", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, config, CONFIG_MAX - 1) : -1;
    if (fd >= 0) close(fd);
    return got > 0;
}

static void take_list(const char *key, char **list)
{
    size_t count = 0;
    for (char *value = next_value(key, NULL); value && count < LIST_MAX; value = next_value(key, value))
        list[count++] = value;
    list[count] = NULL;
}

/* ---- the kernel's parts ---- */

static void load_module(int folder, const char *name)
{
    int fd        = openat(folder, name, O_RDONLY | O_CLOEXEC);
    size_t n      = strlen(name);
    bool is_plain = n > 3 && strcmp(name + n - 3, ".ko") == 0;
    if (fd >= 0 && syscall(SYS_finit_module, fd, "", is_plain ? 0 : COMPRESSED_FILE) != 0 && errno != EEXIST)
        say("zos-init: the module %s: %s", name, strerror(errno));
    if (fd >= 0) close(fd);
}

/* Their names begin with numbers, so that what stands on others comes after them. */
static void load_modules(void)
{
    struct dirent **names = NULL;
    int folder            = open("/modules", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count             = folder >= 0 ? scandir("/modules", &names, NULL, alphasort) : 0;
    for (int i = 0; i < count && i < MODULES_MAX; i++)
        if (names[i]->d_name[0] != '.') load_module(folder, names[i]->d_name);
    if (folder >= 0) close(folder);
}

static void mount_kernel(const char *below)
{
    static const struct {
        const char *where, *type, *options;
        unsigned long flags;
    } all[] = {
        {"/proc",    "proc",     "",                      MS_NOSUID | MS_NODEV | MS_NOEXEC},
        {"/sys",     "sysfs",    "",                      MS_NOSUID | MS_NODEV | MS_NOEXEC},
        {"/dev",     "devtmpfs", "mode=755",              MS_NOSUID                       },
        {"/dev/pts", "devpts",   "mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC           },
        {"/dev/shm", "tmpfs",    "mode=1777",             MS_NOSUID | MS_NODEV            },
    };
    char path[256];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        snprintf(path, sizeof path, "%s%s", below, all[i].where);
        mkdir(path, 0755);
        mount(all[i].type, path, all[i].type, all[i].flags, all[i].options);
    }
}

/* ---- disks ---- */

static bool has_serial(const char *device, const char *serial)
{
    char path[300], text[64] = {0};
    snprintf(path, sizeof path, "/sys/block/%s/serial", device);
    int fd      = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) close(fd);
    text[got > 0 ? got : 0]   = 0;
    text[strcspn(text, "\n")] = 0;
    return strcmp(text, serial) == 0;
}

static bool find_device(const char *serial, char path[300])
{
    DIR *dir      = opendir("/sys/block");
    bool is_found = false;
    for (struct dirent *entry; dir && !is_found && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || !has_serial(entry->d_name, serial)) continue;
        snprintf(path, 300, "/dev/%s", entry->d_name);
        is_found = access(path, F_OK) == 0;
    }
    if (dir) closedir(dir);
    return is_found;
}

/* A disk that has become larger since it was last mounted is filled by its file system. */
static void fill_disk(const char *device, const char *where)
{
    uint64_t bytes = 0;
    int fd         = open(device, O_RDONLY | O_CLOEXEC);
    bool is_known  = fd >= 0 && ioctl(fd, _IOR(0x12, 114, size_t), &bytes) == 0; /* BLKGETSIZE64 */
    if (fd >= 0) close(fd);
    fd              = is_known ? open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    uint64_t blocks = bytes / BLOCK;
    if (fd >= 0) ioctl(fd, EXT4_IOC_RESIZE, &blocks);
    if (fd >= 0) close(fd);
}

static void mount_disk(const char *serial, const char *where, const char *type, unsigned long flags)
{
    char device[300];
    for (int i = 0; !find_device(serial, device); i++) {
        if (i == DEVICE_TRIES) give_up("the disk %s is not there", serial);
        poll(NULL, 0, DEVICE_STEP_MS);
    }
    if (mount(device, where, type, flags, "") != 0)
        give_up("%s cannot be mounted on %s: %s", device, where, strerror(errno));
    if (!(flags & MS_RDONLY)) fill_disk(device, where);
}

static void make_folders(const char *path)
{
    char part[4096];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(part, 0755);
        *slash = '/';
    }
    mkdir(part, 0755);
}

static void mount_root(void)
{
    mkdir("/image", 0755);
    mkdir("/changes", 0755);
    mkdir(ROOT, 0755);
    mount_disk("image", "/image", "squashfs", MS_RDONLY);
    mount_disk("root", "/changes", "ext4", MS_NOATIME);
    mkdir("/changes/upper", 0755);
    mkdir("/changes/work", 0755);
    if (mount("overlay", ROOT, "overlay", 0, "lowerdir=/image,upperdir=/changes/upper,workdir=/changes/work"))
        give_up("the root file system cannot be mounted: %s", strerror(errno));
}

/* Inside the image already: a link in a path leads where the image wants, which is the machine's own. */
static void mount_disks(void)
{
    char serial[16];
    int i = 0;
    for (char *where = next_value("mount", NULL); where; where = next_value("mount", where), i++) {
        snprintf(serial, sizeof serial, "disk%d", i);
        make_folders(where);
        mount_disk(serial, where, "ext4", MS_NOATIME | MS_NOSUID | MS_NODEV);
    }
}

static void enter_root(void)
{
    mount_kernel(ROOT);
    if (chdir(ROOT) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
        give_up("the root file system cannot be entered: %s", strerror(errno));
}

/* ---- the network ---- */

static void put_address(struct sockaddr *to, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    inet_pton(AF_INET, text, &address.sin_addr);
    memcpy(to, &address, sizeof address);
}

static void link_up(int fd, const char *name)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    ioctl(fd, SIOCGIFFLAGS, &request);
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
    if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) say("zos-init: the link %s: %s", name, strerror(errno));
}

static void set_up_network(void)
{
    char address[64], mask[INET_ADDRSTRLEN];
    struct ifreq request = {.ifr_name = "eth0"};
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    int fd               = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(address, sizeof address, "%s", value_of("ip", ""));
    char *slash = strchr(address, '/');
    if (fd < 0 || !slash) return;
    *slash           = 0;
    long prefix      = strtol(slash + 1, NULL, 10);
    struct in_addr m = {.s_addr = htonl(prefix > 0 && prefix <= 32 ? ~UINT32_C(0) << (32 - prefix) : 0)};
    inet_ntop(AF_INET, &m, mask, sizeof mask);
    link_up(fd, "lo");
    put_address(&request.ifr_addr, address);
    bool is_ok = ioctl(fd, SIOCSIFADDR, &request) == 0;
    put_address(&request.ifr_netmask, mask);
    is_ok = is_ok && ioctl(fd, SIOCSIFNETMASK, &request) == 0;
    link_up(fd, "eth0");
    put_address(&route.rt_dst, "0.0.0.0");
    put_address(&route.rt_genmask, "0.0.0.0");
    put_address(&route.rt_gateway, value_of("gateway", "0.0.0.0"));
    is_ok = is_ok && ioctl(fd, SIOCADDRT, &route) == 0;
    if (!is_ok) say("zos-init: the network cannot be set up: %s", strerror(errno));
    close(fd);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && write(fd, text, strlen(text)) < 0) say("zos-init: %s: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
}

/* Whatever the image has there, even a link. */
static void replace_file(const char *path, const char *text)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd >= 0) close(fd);
    write_file(path, text);
}

/* As <linux/ipv6.h> and <linux/ipv6_route.h> have them; those do not stand beside the C library's. */
typedef struct {
    struct in6_addr address;
    uint32_t prefix;
    int index;
} address6_t;
typedef struct {
    struct in6_addr to, from, gateway;
    uint32_t type;
    uint16_t to_prefix, from_prefix;
    uint32_t metric;
    unsigned long info;
    uint32_t flags;
    int index;
} route6_t;

static void set_up_network6(void)
{
    const char *ip = value_of("ip6", NULL), *gateway = value_of("gateway6", NULL);
    address6_t address = {.prefix = 64, .index = (int)if_nametoindex("eth0")};
    route6_t route     = {.metric = 1, .flags = RTF_UP | RTF_GATEWAY, .index = address.index};
    int fd             = ip && gateway ? socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0) return;
    write_file("/proc/sys/net/ipv6/conf/eth0/accept_ra", "0");
    write_file("/proc/sys/net/ipv6/conf/eth0/accept_dad", "0");
    inet_pton(AF_INET6, ip, &address.address);
    inet_pton(AF_INET6, gateway, &route.gateway);
    if (ioctl(fd, SIOCSIFADDR, &address) != 0 || ioctl(fd, SIOCADDRT, &route) != 0)
        say("zos-init: IPv6 cannot be set up: %s", strerror(errno));
    close(fd);
}

static void write_names(void)
{
    const char *name = value_of("hostname", "machine");
    mkdir("/etc", 0755);
    if (sethostname(name, strlen(name)) != 0) say("zos-init: hostname: %s", strerror(errno));
    replace_file("/etc/hostname", value_of("file.hostname", ""));
    replace_file("/etc/hosts", value_of("file.hosts", ""));
    replace_file("/etc/resolv.conf", value_of("file.resolv.conf", ""));
}

/* ---- what it runs ---- */

static void run_program(bool is_first)
{
    const char *path = NULL;
    uid_t uid        = (uid_t)strtoul(value_of("uid", "0"), NULL, 10);
    gid_t gid        = (gid_t)strtoul(value_of("gid", "0"), NULL, 10);
    if (!is_first) setsid();
    if (!is_first) ioctl(0, TIOCSCTTY, 1);
    if (chdir(value_of("cwd", "/")) != 0 && chdir("/") != 0) _exit(126);
    if ((gid && (setgid(gid) != 0)) || (uid && setuid(uid) != 0)) _exit(126);
    clearenv();
    for (size_t i = 0; environment[i]; i++)
        if (putenv(environment[i]) != 0) _exit(126);
    path = arguments[0] ? arguments[0] : "/sbin/init";
    execvp(path, arguments);
    say("zos-init: %s: %s", path, strerror(errno));
}

/* Input devices of the machine: its power button is one. */
static int open_button(void)
{
    char path[300];
    int found = -1;
    DIR *dir  = opendir("/dev/input");
    for (struct dirent *entry; dir && found < 0 && (entry = readdir(dir));) {
        if (strncmp(entry->d_name, "event", 5) != 0) continue;
        snprintf(path, sizeof path, "/dev/input/%s", entry->d_name);
        found = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    }
    if (dir) closedir(dir);
    return found;
}

static bool is_pressed(int button)
{
    struct input_event event;
    bool is_power = false;
    while (read(button, &event, sizeof event) == sizeof event)
        is_power = is_power || (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1);
    return is_power;
}

/* Reaps all; gives the status of the one that counts, or -1 while that runs. */
static int reap(pid_t child)
{
    int status, code = -1;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == child) code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code;
}

/* Waits for the child, or for the power button: then it gets END_MS, and the rest of the machine with it. */
static void watch(pid_t child, int button)
{
    sigset_t wanted;
    int code = -1, left_ms = -1;
    sigemptyset(&wanted);
    while ((code = reap(child)) < 0 && left_ms != 0) {
        struct pollfd fd     = {.fd = button, .events = POLLIN};
        struct timespec wait = {0, 20 * 1000000};
        ppoll(&fd, 1, left_ms > 0 ? &wait : NULL, &wanted); /* SIGCHLD ends it, too */
        if (left_ms > 0) left_ms = left_ms > 20 ? left_ms - 20 : 0;
        if (!(fd.revents & POLLIN) || !is_pressed(button) || left_ms >= 0) continue;
        kill(-child, SIGTERM);
        left_ms = END_MS;
    }
    if (code >= 0) say("zos-init: the program ended with status %d", code);
}

static void on_child(int number) { (void)number; }

static void serve(void)
{
    sigset_t child_set;
    struct sigaction action = {.sa_handler = on_child};
    int button              = open_button();
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&child_set);
    sigaddset(&child_set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_set, NULL);
    pid_t child = fork();
    if (child == 0) {
        sigprocmask(SIG_UNBLOCK, &child_set, NULL);
        signal(SIGCHLD, SIG_DFL);
        run_program(false);
        _exit(127);
    }
    if (child > 0) watch(child, button);
    switch_off();
}

int main(void)
{
    mount_kernel("");
    int console = open("/dev/console", O_RDWR);
    for (int i = 0; console >= 0 && i < 3; i++)
        dup2(console, i);
    if (console > 2) close(console);
    bool has_config = read_config();
    load_modules();
    if (!has_config) give_up("the machine works");
    take_list("arg", arguments);
    take_list("env", environment);
    mount_root();
    set_up_network();
    set_up_network6();
    enter_root();
    write_names();
    mount_disks();
    if (next_value("init", NULL)) {
        run_program(true);
        switch_off();
    }
    serve();
}
