/* real.h - tests on the real machine: an image of busybox, a host of our own prefix, and what is on the
 * machine.
 *
 * Everything is named with the prefix `zt` and lives in a temporary folder; HTTP is spoken to loopback only.
 */
#ifndef REAL_H
#define REAL_H
#include "cgroup.h"
#include "host.h"
#include "runner.h"
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char real_dir[64]; /* of this run */
static char real_prefix[5];
static uint16_t real_port; /* free when the run began, and so is the next one */

static inline bool real_port_is_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd                     = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_free               = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return is_free;
}

static inline void real_name_run(void)
{
    unsigned pid = (unsigned)getpid();
    snprintf(real_dir, sizeof real_dir, "/tmp/zt-%u", pid);
    snprintf(real_prefix, sizeof real_prefix, "z%c%c%c", 'a' + pid % 26, 'a' + pid / 26 % 26,
             'a' + pid / 676 % 26);
    for (real_port = (uint16_t)(20000 + pid % 10000);
         !real_port_is_free(real_port) || !real_port_is_free((uint16_t)(real_port + 1));)
        real_port++;
}

static inline const char *real_path(const char *name)
{
    static char paths[8][PATH_CAP];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, PATH_CAP, "%s/%s", real_dir, name);
    return path;
}

/* Why the tests cannot run here; NULL when they can. */
static inline const char *real_obstacle(void)
{
    static const char *const tools[] = {"/usr/bin/mksquashfs", "/bin/busybox", NULL};
    if (geteuid() != 0) return "not root";
    for (int i = 0; tools[i]; i++)
        if (access(tools[i], X_OK) != 0) return tools[i];
    if (access("/usr/sbin/runc", X_OK) != 0 && access("/usr/bin/crun", X_OK) != 0) return "no runc, no crun";
    return NULL;
}

static inline void real_write(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0 || chmod(path, mode) != 0) exit(1);
}

/* A web server whose page names its contract, as a squashfs file. */
static inline bool real_image(const char *file)
{
    char tree[PATH_CAP], busybox[PATH_CAP], script[PATH_CAP], path[PATH_CAP];
    snprintf(tree, sizeof tree, "%s", real_path("tree"));
    static const char *const folders[] = {"bin", "etc", "tmp", "proc", "sys", "dev", "www"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!path_join(path, "%s/%s", tree, folders[i]) || !folder_make(path, 0755)) return false;
    }
    if (!path_join(busybox, "%s/bin/busybox", tree) || !path_join(script, "%s/bin/web", tree) ||
        !path_join(path, "%s/bin/sh", tree))
        return false;
    real_write(script,
               "#!/bin/busybox sh\n"
               "echo \"contract $CONTRACT_ID on $(/bin/busybox hostname)\" > /www/index.html\n"
               "exec /bin/busybox httpd -f -p 80 -h /www\n",
               0755);
    bool is_ok =
        SPAWN(NULL, 10000, "cp", "/bin/busybox", busybox) &&
        (symlink("busybox", path) == 0 || file_exists(path)) &&
        SPAWN(NULL, 30000, "mksquashfs", tree, file, "-quiet", "-no-progress", "-noappend", "-all-root");
    folder_remove(tree);
    return is_ok;
}

static inline bool real_start(host_t *host, const host_config_t *extra)
{
    char error[HOST_ERROR_MAX + 1];
    real_name_run();
    host_config_t config = extra ? *extra : (host_config_t){0};
    config.prefix        = real_prefix;
    config.state_dir     = real_path("state");
    config.run_dir       = real_path("run");
    config.shim          = TRELLIS_BINARY_DIR "/bin/zos-shim";
    config.pool_size     = UINT64_C(2) << 30;
    if (folder_make(real_dir, 0755) && host_init(host, &config, error) && real_image(real_path("web.sqfs")))
        return true;
    printf("%s\n", error);
    return false;
}

/* One GET; the body, or "" when there is no answer.  Tries until wait_ms are over. */
static inline const char *real_fetch(const char *address, uint16_t port, int wait_ms)
{
    static char answer[4096];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    for (int waited = 0;; waited += 100) {
        static const char request[] = "GET / HTTP/1.0\r\n\r\n";
        struct timeval limit        = {1, 0};
        size_t used                 = 0;
        int fd                      = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
            write(fd, request, sizeof request - 1) > 0)
            for (ssize_t got;
                 used < sizeof answer - 1 && (got = read(fd, answer + used, sizeof answer - 1 - used)) > 0;)
                used += (size_t)got;
        close(fd);
        answer[used] = 0;
        if (used > 0 || waited >= wait_ms) return answer;
        poll(NULL, 0, 100);
    }
}

/* How many times longer than usual tests wait: TRELLIS_PATIENCE, on a machine that is emulated. */
static inline int real_patience(void)
{
    const char *text = getenv("TRELLIS_PATIENCE");
    long times       = text ? strtol(text, NULL, 10) : 1;
    return times > 1 && times < 100 ? (int)times : 1;
}

/* What a workload of this run may leave behind, as lines of text: compared before and after. */
static inline char *real_traces(void)
{
    static char text[65536];
    static const char *const commands[] = {
        "ls /run/netns 2>/dev/null | grep ^$0; ls -d /sys/fs/cgroup/$0 /sys/fs/cgroup/*/$0 2>/dev/null",
        "ip -o link 2>/dev/null | grep -o \" $0[a-z0-9]*[@:]\"",
        "grep $1/ /proc/self/mountinfo | cut -d' ' -f5; losetup -a | grep $1/",
        "nft list tables | grep $0$",
        ("ps ax -o args | grep \"^[^ ]*zos-shim $1/\"; ps ax -o args | grep \"^[^ ]*zos-logs $1/\"; ps ax -o "
         "args | grep \"^[^ ]*haproxy .*$1/\"; "
         "ps ax -o args | grep \"^wireguard-go $0w\"; ls /var/run/wireguard 2>/dev/null | grep ^$0w"),
    };
    text[0] = 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        spawn_result_t said;
        SPAWN(&said, 60000, "sh", "-c", commands[i], real_prefix, real_dir);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", said.text);
    }
    return text;
}

#endif
