/* Control groups as they are: what freezes, and what resists. */
#include "cgroup.h"
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FREEZES 20
#define THREADS 4
#define ARGS    40
#define ARG_LEN (120 * 1024) /* all of them, nearly 5 MiB, are copied by each exec: that takes a while */
#define STEP_US 700

static cgroup_t all;
static char group[32];

/* ---- a program that starts itself anew all the time, each time with threads ---- */

static void *idle(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static int start_myself_again(char **argv)
{
    static char room[ARGS][ARG_LEN];
    char *args[ARGS + 3] = {argv[0], (char[]){"--again"}};
    pthread_t thread;
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_create(&thread, NULL, idle, NULL);
    for (size_t i = 0; i < ARGS; i++) {
        memset(room[i], 'x', ARG_LEN - 1);
        args[i + 2] = room[i];
    }
    execv("/proc/self/exe", args);
    return 1;
}

static char **own_argv;

/* The program, in the group of every tree. */
static pid_t start_program(void)
{
    int ends[2];
    char path[PATH_CAP], text[16];
    if (pipe(ends) != 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        char byte; /* comes when it is in its group */
        close(ends[1]);
        struct rlimit stack = {RLIM_INFINITY, RLIM_INFINITY}; /* arguments may take a part of it */
        if (read(ends[0], &byte, 1) < 0 || setrlimit(RLIMIT_STACK, &stack) != 0) _exit(1);
        _exit(start_myself_again(own_argv));
    }
    close(ends[0]);
    snprintf(text, sizeof text, "%d", (int)child);
    for (uint32_t i = 0; i < all.tree_count; i++) {
        bool is_ours = all.tree[i].options[0] == 0 || strstr(all.tree[i].options, ",freezer,");
        if (!is_ours || !path_join(path, "%s/%s", all.tree[i].path, group) || mkdir(path, 0755) != 0)
            continue;
        if (!path_join(path, "%s/%s/cgroup.procs", all.tree[i].path, group) || !file_write(path, text))
            child = -1;
    }
    close(ends[1]);
    return child;
}

/* ---- */

TEST(what_starts_other_programs_all_the_time_is_frozen_and_thawed_at_any_moment)
{
    int status;
    pid_t child = start_program();
    OK(child > 0);
    for (unsigned i = 0; i < FREEZES && !test_failed_; i++) {
        usleep((i + 1) * STEP_US % 20000);
        OK(cgroup_freeze(&all, group, true));
        OK(cgroup_freeze(&all, group, false));
    }
    OK(cgroup_freeze(&all, group, true));
    OK(cgroup_kill(&all, group)); /* what is frozen dies, too */
    OK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    OK(cgroup_remove(&all, group));
    OK(!cgroup_exists(&all, group));
}

TEST(what_is_not_there_is_thawed_killed_and_removed_already_but_cannot_be_frozen)
{
    OK(!cgroup_freeze(&all, group, true));
    OK(cgroup_freeze(&all, group, false) && cgroup_kill(&all, group) && cgroup_remove(&all, group));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--again") == 0) return start_myself_again(argv);
    if (geteuid() != 0 || !cgroup_probe(&all)) return test_skip("not root, or no control groups", NULL);
    own_argv = argv;
    snprintf(group, sizeof group, "zt-test-%u", (unsigned)getpid());
    return test_main_(argc, argv);
}
