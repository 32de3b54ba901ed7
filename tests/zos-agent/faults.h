/* faults.h - the core in virtual time: who waits for a retry does not wait here. */
#ifndef FAULTS_H
#define FAULTS_H
#include "core.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#define WORK_MS_MAX 60000

static int64_t skipped_ms; /* how far virtual time is ahead of the real one */

static inline uint64_t virtual_ms(void) { return now_ms() + (uint64_t)skipped_ms; }

/* work_until works until it is so, and there is nothing left to do at once. */
static inline bool work_until(bool (*is_so)(void))
{
    uint64_t wake_ms, end_ms = now_ms() + WORK_MS_MAX;
    while (now_ms() < end_ms) {
        engine_look(engine, virtual_ms(), look, NULL);
        if (lanes_work(engine, &host, virtual_ms, 20, &wake_ms)) continue;
        if (is_so()) return true;
        poll(NULL, 0, 10);
        if (wake_ms > virtual_ms()) skipped_ms += (int64_t)(wake_ms - virtual_ms());
    }
    return false;
}

/* Kills what has both words in its arguments, delay_us after it is first seen; in a child, for 5 s at most.
 */
static inline void hunt(const char *first, const char *second, unsigned delay_us, bool is_patient)
{
    for (uint64_t end_ms = now_ms() + 5000; now_ms() < end_ms; poll(NULL, 0, is_patient)) {
        DIR *dir = opendir("/proc");
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            char path[300], text[4096];
            FILE *file = NULL;
            if (!isdigit((unsigned char)entry->d_name[0])) continue;
            snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
            size_t len = (file = fopen(path, "r")) ? fread(text, 1, sizeof text - 1, file) : 0;
            if (file) fclose(file);
            for (size_t i = 0; i < len; i++)
                if (text[i] == 0) text[i] = ' ';
            text[len] = 0;
            if (!strstr(text, first) || !strstr(text, second)) continue;
            usleep(delay_us);
            kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
            _exit(0);
        }
        if (dir) closedir(dir);
    }
    _exit(1);
}

#define POINTS_MAX 2000 /* steps of one life; more is a life that does not end */

/* crash_stride says how far apart the steps are at which something is killed: ZOS_CRASH_STRIDE, or as usual.
 */
static inline unsigned crash_stride(unsigned usual)
{
    const char *given = getenv("ZOS_CRASH_STRIDE");
    unsigned stride   = given ? (unsigned)strtoul(given, NULL, 10) : usual;
    return stride ? stride : 1;
}

typedef enum { LIFE_KILLED, LIFE_WHOLE, LIFE_WRONG } life_t;

/* life_until has a child live, until the point at which its core kills itself; WRONG when it did not do what
 * it wanted, or ended in another way. */
static inline life_t life_until(unsigned point, bool (*live)(void))
{
    char text[16];
    int status  = 0;
    pid_t child = fork();
    if (child == 0) {
        snprintf(text, sizeof text, "%u", point);
        setenv("ZOS_CRASH_AT", text, 1);
        core_open();
        _exit(!live());
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGKILL ? LIFE_KILLED : LIFE_WRONG;
    return WEXITSTATUS(status) == 0 ? LIFE_WHOLE : LIFE_WRONG;
}

/* agent_start runs the agent's program over what the core left, without a chain or a relay. */
static inline pid_t agent_start(const char *program)
{
    char config[PATH_CAP], text[2048], said[PATH_CAP];
    snprintf(config, sizeof config, "%s", real_path("agent.json"));
    snprintf(said, sizeof said, "%s", real_path("agent.log"));
    snprintf(
        text, sizeof text,
        "{\"state_dir\":\"%s\",\"run_dir\":\"%s\",\"prefix\":\"%s\",\"substrate\":[\"ws://127.0.0.1:1\"],"
        "\"relay\":{\"domain\":\"relay.invalid\"},\"farm_id\":1,\"seed\":\"%064d\",\"capacity\":{\"cru\":4,"
        "\"mru\":8589934592,\"sru\":214748364800,\"hru\":0}}",
        host.state_dir, host.run_dir, real_prefix, 7);
    real_write(config, text, 0600);
    pid_t child = fork();
    if (child != 0) return child;
    if (!freopen(said, "a", stderr) || !freopen(said, "a", stdout)) _exit(1);
    execl(program, program, "--config", config, "--shim", host.shim, NULL);
    _exit(1);
}

/* agent_sees waits until an agent that runs lists this workload; else it prints the end of its log. */
static inline bool agent_sees(const char *name)
{
    spawn_result_t said;
    for (int i = 0; i < 400; i++) {
        if (SPAWN(&said, 5000, TRELLIS_BINARY_DIR "/bin/zosctl", "--socket", real_path("run/ctl.sock"),
                  "workloads") &&
            strstr(said.text, name))
            return true;
        poll(NULL, 0, 50);
    }
    (void)SPAWN(&said, 5000, "tail", "-n", "5", real_path("agent.log"));
    printf("%s\n", said.text);
    return false;
}

/* The end of a case: its contract, which the file names with how to cancel it, is gone without a trace. */
#define ENDS_CLEAN()                                                                                         \
    do {                                                                                                     \
        cancel();                                                                                            \
        OK(work_until(is_gone));                                                                             \
        core_close();                                                                                        \
        contract++;                                                                                          \
        OK(left_nothing());                                                                                  \
    } while (0)

#endif
