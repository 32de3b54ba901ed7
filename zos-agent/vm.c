/* vm.c - QEMU: whether it works here, and orders to one that runs.
 *
 * Orders go over QMP: a line of JSON each, answers and events come back.  What answers is QEMU, which a guest
 * may have taken over: lines are bounded, and nobody waits longer than told. */
#include "vm.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_CAP    65536
#define SOCKET_NAME "qmp"

static uint64_t ticks_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- orders ---- */

/* A socket's path is short; a workload's folder need not be: so it is reached by its descriptor. */
static int open_socket(const char *folder, struct sockaddr_un *address)
{
    int base = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/" SOCKET_NAME, base);
    return base;
}

int vm_listen(const char *folder)
{
    struct sockaddr_un address;
    int base = open_socket(folder, &address), fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (base >= 0) unlinkat(base, SOCKET_NAME, 0);
    bool is_ok = base >= 0 && fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
                 listen(fd, 4) == 0;
    int error = errno;
    if (base >= 0) close(base);
    if (!is_ok && fd >= 0) close(fd);
    errno = error;
    return is_ok ? fd : -1;
}

static int dial(const char *folder)
{
    struct sockaddr_un address;
    int base   = open_socket(folder, &address),
        fd     = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_ok = base >= 0 && fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (base >= 0) close(base);
    if (is_ok) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

typedef struct {
    int fd;
    uint64_t deadline_ms;
    size_t used;
    char text[LINE_CAP];
} talk_t;

/* The next line, without its end; NULL when there is none in time.  It is valid until the next call. */
static const char *next_line(talk_t *talk, char line[LINE_CAP])
{
    for (;;) {
        char *end = memchr(talk->text, '\n', talk->used);
        if (end) {
            size_t len = (size_t)(end - talk->text);
            memcpy(line, talk->text, len);
            line[len] = 0;
            talk->used -= len + 1;
            memmove(talk->text, end + 1, talk->used);
            return line;
        }
        uint64_t now     = ticks_ms();
        struct pollfd fd = {.fd = talk->fd, .events = POLLIN};
        if (talk->used == sizeof talk->text || now >= talk->deadline_ms) return NULL;
        if (poll(&fd, 1, (int)(talk->deadline_ms - now)) < 1) continue;
        ssize_t got = read(talk->fd, talk->text + talk->used, sizeof talk->text - talk->used);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return NULL;
        if (got > 0) talk->used += (size_t)got;
    }
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Waits for the answer; what QEMU tells of its own accord is passed over. */
static bool is_taken(talk_t *talk, char line[LINE_CAP])
{
    const char *said;
    while ((said = next_line(talk, line))) {
        if (starts_with(said, "{\"return\"")) return true;
        if (starts_with(said, "{\"error\"")) return false;
    }
    return false;
}

static bool give(talk_t *talk, const char *order, char line[LINE_CAP])
{
    char text[128];
    int len = snprintf(text, sizeof text, "{\"execute\":\"%.60s\"}\n", order);
    return send(talk->fd, text, (size_t)len, MSG_NOSIGNAL) == len && is_taken(talk, line);
}

bool vm_order(const char *folder, const char *order, uint32_t timeout_ms)
{
    talk_t *talk = calloc(1, sizeof *talk);
    char *line   = malloc(LINE_CAP);
    bool is_ok   = false;
    int fd       = talk && line ? dial(folder) : -1;
    if (fd >= 0) {
        *talk            = (talk_t){.fd = fd, .deadline_ms = ticks_ms() + timeout_ms};
        const char *hail = next_line(talk, line);
        is_ok            = hail && starts_with(hail, "{\"QMP\"") && give(talk, "qmp_capabilities", line) &&
                (!order || give(talk, order, line));
        close(fd);
    }
    free(line);
    free(talk);
    return is_ok;
}

bool vm_is_up(const char *folder, uint32_t timeout_ms) { return vm_order(folder, NULL, timeout_ms); }

bool vm_is_one(const char *folder)
{
    char path[PATH_CAP];
    return path_join(path, "%s/guest", folder) && file_exists(path);
}

/* ---- what it is told ---- */

void vm_mac(const char *wid, uint8_t mac[6])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (const char *c = wid; *c; c++)
        hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    mac[0] = 0x02; /* given by us, and one machine's */
    for (int i = 1; i < 6; i++)
        mac[i] = (uint8_t)(hash >> (8 * i));
}

const char *vm_accel_option(vm_kind_t kind) { return kind == VM_KVM ? "kvm" : "tcg,tb-size=64"; }

/* An emulated machine has no clock to measure its own by: it is told how fast this one's runs. */
static unsigned clock_khz(void)
{
    char line[256];
    double mhz = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && mhz == 0 && fgets(line, sizeof line, file))
        if (starts_with(line, "cpu MHz") && strchr(line, ':')) mhz = strtod(strchr(line, ':') + 1, NULL);
    if (file) fclose(file);
    return mhz > 1 ? (unsigned)(mhz * 1000) : 2000000;
}

void vm_kernel_line(vm_kind_t kind, char text[256])
{
    int used = snprintf(text, 256, "console=ttyS0 quiet panic=-1 random.trust_cpu=on");
    if (kind != VM_KVM)
        snprintf(text + used, 256 - (size_t)used, " nokaslr no_timer_check tsc=reliable tsc_early_khz=%u",
                 clock_khz());
}

/* ---- does it work? ---- */

static bool boots(const vm_settings_t *settings, const char *folder, const char *cpu, spawn_result_t *said)
{
    char line[256], kernel[PATH_CAP], initrd[PATH_CAP];
    vm_kernel_line(VM_KVM, line);
    return path_join(kernel, "%s/kernel", folder) && path_join(initrd, "%s/initrd", folder) &&
           SPAWN(said, VM_PROBE_MS, settings->program, "-M", VM_MACHINE, "-accel", vm_accel_option(VM_KVM),
                 "-cpu", cpu, "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-serial",
                 "stdio", "-no-reboot", "-kernel", kernel, "-initrd", initrd, "-append", line) &&
           strstr(said->text, "the machine works");
}

static void try_kvm(vm_settings_t *settings, const char *folder)
{
    static const char *const cpus[] = {"host", "host,arch-capabilities=off"};
    spawn_result_t said             = {.exit_code = -1};
    for (size_t i = 0; i < sizeof cpus / sizeof *cpus && settings->kind == VM_NONE; i++) {
        if (boots(settings, folder, cpus[i], &said)) settings->kind = VM_KVM;
        snprintf(settings->cpu, sizeof settings->cpu, "%s", cpus[i]);
    }
    if (settings->kind == VM_NONE)
        snprintf(settings->why_not, sizeof settings->why_not,
                 "a machine that was started to see whether KVM works did not come up%s%.150s",
                 said.text[0] ? ": " : "", said.text);
}

void vm_probe(vm_settings_t *settings, bool is_emulated, const char *folder)
{
    settings->kind = VM_NONE;
    if (is_emulated) {
        settings->kind = VM_EMULATED;
        snprintf(settings->cpu, sizeof settings->cpu, "max");
        return;
    }
    if (access("/dev/kvm", R_OK | W_OK) != 0) {
        snprintf(settings->why_not, sizeof settings->why_not, "/dev/kvm: %s", strerror(errno));
        return;
    }
    if (!folder_make(folder, 0700) ||
        !vm_boot_files(settings->root, settings->kernel, settings->init, NULL, folder, 0, settings->why_not))
        return;
    try_kvm(settings, folder);
    folder_remove(folder);
}
