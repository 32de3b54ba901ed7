/* runner.c - run a program and wait for it, not longer than told. */
#include "runner.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t ticks_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Keeps the last of what is said. */
static bool take_output(int fd, spawn_result_t *result)
{
    char piece[1024];
    ssize_t got = read(fd, piece, sizeof piece);
    if (got <= 0) return got < 0 && errno == EINTR;
    size_t used = strlen(result->text), room = sizeof result->text - 1, len = (size_t)got;
    for (size_t i = 0; i < len; i++)
        if (piece[i] == 0) piece[i] = ' ';
    if (used + len > room) {
        size_t drop = used + len - room;
        memmove(result->text, result->text + drop, used - drop);
        used -= drop;
    }
    memcpy(result->text + used, piece, len);
    result->text[used + len] = 0;
    return true;
}

static _Thread_local int fresh_until = -1;

void spawn_fresh_until(int fd) { fresh_until = fd; }

/* Reads output until the process is gone, or late, or nobody wants it any more.  output is -1 when it goes
 * elsewhere, until when it is always wanted. */
static bool attend(int pidfd, int output, int until, uint64_t deadline_ms, spawn_result_t *result)
{
    struct pollfd fds[3] = {
        {.fd = pidfd,  .events = POLLIN},
        {.fd = output, .events = POLLIN},
        {.fd = until,  .events = POLLIN}
    };
    for (;;) {
        uint64_t now = ticks_ms();
        if (now >= deadline_ms) return false;
        if (poll(fds, 3, (int)(deadline_ms - now)) < 0 && errno != EINTR) return false;
        if (fds[2].revents && !fds[0].revents) return false;
        if (fds[1].fd >= 0 && fds[1].revents && !take_output(output, result)) fds[1].fd = -1;
        if (fds[0].revents && (fds[1].fd < 0 || !(fds[1].revents & POLLIN))) return true;
    }
}

static pid_t start(const char *const *argv, int output)
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    static char lang[] = "LC_ALL=C";
    char shim[48] = SHIM_CRASH_AT "=", *environment[] = {path, lang, NULL, NULL};
    char *const *argument = NULL;
    pid_t pid             = -1;
    sigset_t none, all;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    if (getenv(SHIM_CRASH_AT)) {
        snprintf(shim, sizeof shim, SHIM_CRASH_AT "=%.20s", getenv(SHIM_CRASH_AT));
        environment[2] = shim;
    }
    memcpy(&argument, &argv, sizeof argument); /* posix_spawn does not change them */
    sigemptyset(&none);
    sigfillset(&all);

    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawn_file_actions_adddup2(&actions, output, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (posix_spawnp(&pid, argv[0], &actions, &attributes, argument, environment) != 0) pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return pid;
}

static void reap(pid_t pid, int pidfd, bool is_late, spawn_result_t *result)
{
    int status = 0;
    if (is_late) kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    close(pidfd);
    result->is_done   = !is_late;
    result->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool run(const char *const *argv, uint32_t timeout_ms, int to, int from, int until,
                spawn_result_t *result)
{
    result->exit_code = -1;
    pid_t pid         = start(argv, to);
    if (from >= 0) close(to);
    if (pid < 0) {
        strncpy(result->text, "cannot be started", sizeof result->text - 1);
        return false;
    }
    int pidfd    = (int)syscall(SYS_pidfd_open, pid, 0);
    bool is_late = pidfd < 0 || !attend(pidfd, from, until, ticks_ms() + timeout_ms, result);
    reap(pid, pidfd, is_late, result);
    if (is_late) strncpy(result->text, "did not end in time", sizeof result->text - 1);
    return result->is_done && result->exit_code == 0;
}

static bool spawn(const char *const *argv, uint32_t timeout_ms, int until, spawn_result_t *result)
{
    spawn_result_t own;
    if (!result) result = &own;
    *result = (spawn_result_t){.exit_code = -1};
    crash_point();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    fcntl(ends[0], F_SETFL, O_NONBLOCK); /* what a daemon still holds is not waited for */
    bool is_ok = run(argv, timeout_ms, ends[1], ends[0], until, result);
    while (take_output(ends[0], result))
        continue;
    close(ends[0]);
    size_t len = strlen(result->text);
    while (len > 0 && (result->text[len - 1] == '\n' || result->text[len - 1] == ' '))
        result->text[--len] = 0;
    crash_point();
    return is_ok;
}

bool spawn_run(const char *const *argv, uint32_t timeout_ms, spawn_result_t *result)
{
    return spawn(argv, timeout_ms, -1, result);
}

bool spawn_fresh(const char *const *argv, uint32_t timeout_ms, spawn_result_t *result)
{
    return spawn(argv, timeout_ms, fresh_until, result);
}

bool spawn_logged(const char *const *argv, uint32_t timeout_ms, int output, spawn_result_t *result)
{
    spawn_result_t own;
    if (!result) result = &own;
    *result = (spawn_result_t){.exit_code = -1};
    return run(argv, timeout_ms, output, -1, -1, result);
}
