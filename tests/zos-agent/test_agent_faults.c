/* The crash matrix: whatever dies, fills up, is locked or comes twice, in the end the machine is as the chain
 * asks.
 *
 * Each case deploys, does its harm, works on and takes everything away; what is on the machine afterwards is
 * what was there before.  Time is virtual: who waits for a retry does not wait here.
 *     ZOS_CRASH_STRIDE=1 test_agent_faults     kills core and shim at every step instead of some
 * Needs root. */
#include "faults.h"
#include "shim.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define STRIDE      11
#define SHIM_STRIDE 7

static uint64_t contract = 200; /* of this case */

static const char *state_of(const char *name) { return result_of(contract, name, "state"); }

static bool runs(void) { return strcmp(state_of("web"), "ok") == 0; }

static bool runs_or_is_gone(void) { return runs() || strcmp(state_of("web"), "deleted") == 0; }

static bool is_gone(void) { return engine_is_idle(engine); }

/* A machine that ends when it is asked to. */
static deployment_t *quick(uint64_t id)
{
    json_t *workloads = web("oci:web-demo", ports(real_port), 16 << 20);
    json_object_set_new(json_object_get(json_array_get(workloads, 2), "data"), "entrypoint",
                        json_string("sh -c 'trap exit TERM; httpd -f -p 80 & wait'"));
    return deployment(id, workloads);
}

static bool deploy(void)
{
    char error[ENGINE_ERROR_MAX + 1];
    return engine_deploy(engine, quick(contract), (int64_t)(virtual_ms() / 1000), error);
}

static void cancel(void)
{
    engine_desire(engine, contract, DESIRED_DELETED, "contract canceled", "block",
                  (int64_t)(virtual_ms() / 1000));
}

static int first_process(void) { return core_process(7, contract, "web"); }

static void count_group(void *context, const char *name)
{
    (void)name;
    ++*(unsigned *)context;
}

static unsigned count_machines(void)
{
    unsigned groups = 0;
    cgroup_t one    = {.kind = host.cgroup.kind, .tree_count = 1};
    one.tree[0]     = host.cgroup.tree[0];
    for (uint32_t i = 0; i < host.cgroup.tree_count; i++)
        if (strstr(host.cgroup.tree[i].options, ",freezer,")) one.tree[0] = host.cgroup.tree[i];
    cgroup_children(&one, real_prefix, count_group, &groups);
    return groups;
}

/* What each case ends with: it runs, once; it is cancelled; nothing of it is left. */
#define ENDS_WELL()                                                                                          \
    do {                                                                                                     \
        OK(work_until(runs));                                                                                \
        OK(first_process() != 0);                                                                            \
        EQ(count_machines(), 1);                                                                             \
        ENDS_CLEAN();                                                                                        \
    } while (0)
/* ---- the core, at every step ---- */

static bool live(void)
{
    if (!deploy() || !work_until(runs)) return false;
    cancel();
    return work_until(is_gone);
}

TEST(a_core_that_is_killed_at_any_step_does_what_was_asked_when_it_comes_back)
{
    unsigned point = 1;
    for (; point < POINTS_MAX; point += crash_stride(STRIDE)) {
        life_t life = life_until(point, live);
        OK(life != LIFE_WRONG);
        core_open();
        json_t *known = engine_get(engine, 7, contract);
        json_decref(known);
        bool was_cancelled = known && strcmp(state_of("web"), "deleted") == 0;
        if (!known) OK(deploy());
        OK(known == NULL || !deploy()); /* the same request again changes nothing */
        if (life == LIFE_WHOLE) {
            core_close();
            break; /* there are no more steps */
        }
        if (!was_cancelled) OK(work_until(runs_or_is_gone));
        ENDS_CLEAN();
    }
    printf("%u steps of one life\n", point);
    OK(point < POINTS_MAX);
    contract++;
    OK(left_nothing());
}

/* ---- shim and runtime ---- */

static void kill_while_starting(const char *first, unsigned delay_ms)
{
    char wid[WID_LEN + 1];
    plan_wid(7, contract, "web", wid);
    core_open();
    OK(deploy());
    pid_t hunter = fork();
    if (hunter == 0) hunt(first, wid, delay_ms * 1000, false);
    bool is_ok = work_until(runs);
    kill(hunter, SIGKILL);
    waitpid(hunter, NULL, 0);
    OK(is_ok);
    ENDS_WELL();
}

TEST(a_runtime_that_is_killed_while_it_starts_a_machine_is_run_again)
{
    const char *name = strrchr(host.runtime, '/') + 1;
    for (unsigned ms = 2; ms <= 12 && !test_failed_; ms += getenv("ZOS_CRASH_STRIDE") ? 1 : 5)
        kill_while_starting(name, ms);
}

TEST(a_shim_that_is_killed_while_it_starts_a_machine_is_run_again)
{
    for (unsigned ms = 2; ms <= 120 && !test_failed_; ms += getenv("ZOS_CRASH_STRIDE") ? 6 : 59)
        kill_while_starting("zos-shim", ms);
}

/* Takes in what ended and was nobody's child: was there a shim that was killed? */
static bool reap_shims(void)
{
    siginfo_t info = {0};
    bool is_found  = false;
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
        char path[64], name[32] = "";
        snprintf(path, sizeof path, "/proc/%d/comm", (int)info.si_pid);
        if (!file_read(path, name, sizeof name)) name[0] = 0;
        is_found |= strncmp(name, "zos-shim", 8) == 0 && info.si_code == CLD_KILLED;
        waitpid(info.si_pid, NULL, 0);
        info = (siginfo_t){0};
    }
    return is_found;
}

static bool try_to_start(void)
{
    static job_t job;
    uint64_t wake_ms;
    for (int jobs = 0; jobs < 50 && engine_next(engine, virtual_ms(), &job, &wake_ms); jobs++) {
        bool is_it = job.kind == JOB_MACHINE;
        job_run(&host, &job);
        engine_done(engine, &job, virtual_ms());
        if (is_it) return true;
    }
    return false;
}

/* A life of a machine whose first shim is killed at a step; false when it lived longer. */
static bool live_with_shim(unsigned point)
{
    char text[16];
    snprintf(text, sizeof text, "%u", point);
    core_open();
    setenv(SHIM_CRASH_AT, text, 1);
    bool is_ok = deploy() && try_to_start();
    unsetenv(SHIM_CRASH_AT);
    bool is_killed = reap_shims();
    if (!is_ok) test_failed_ = true;
    is_ok = work_until(runs) && first_process() != 0 && count_machines() == 1;
    cancel();
    is_ok = is_ok && work_until(is_gone);
    core_close();
    contract++;
    if (!is_ok || !left_nothing()) {
        printf("killed at step %u\n", point);
        test_failed_ = true;
    }
    return reap_shims() || is_killed;
}

TEST(a_shim_that_is_killed_at_any_step_of_its_life_leaves_a_machine_that_is_as_wanted)
{
    unsigned point = 1, killed = 0, lived = 0;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (; point < POINTS_MAX && !test_failed_ && lived < 2; point += crash_stride(SHIM_STRIDE)) {
        bool is_killed = live_with_shim(point);
        killed += is_killed;
        lived = is_killed || point == 1 ? 0 : lived + 1; /* at its first step it is somebody's child */
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    printf("%u steps of one shim\n", point);
    OK(killed > 0 && lived == 2);
}

TEST(a_shim_that_is_killed_later_is_replaced_and_its_machine_goes_on)
{
    char wid[WID_LEN + 1];
    plan_wid(7, contract, "web", wid);
    core_open();
    OK(deploy() && work_until(runs));
    int pid = first_process();
    for (int i = 0; i < 3; i++) {
        int status, code;
        pid_t hunter = fork();
        if (hunter == 0) hunt("zos-shim", wid, 0, true);
        waitpid(hunter, &status, 0);
        EQ(status, 0);
        for (int tries = 0; tries < 500 && machine_state(&host, wid, &code) == MACHINE_RUNNING; tries++)
            poll(NULL, 0, 10);
        OK(work_until(runs));
        EQ(first_process(), pid);
    }
    ENDS_WELL();
}

/* ---- disk, database, clock ---- */

static void use_folder(host_t *of, const char *state)
{
    snprintf(of->state_dir, PATH_CAP, "%s", state);
    snprintf(of->pool_dir, PATH_CAP, "%.400s/pool", state);
}

static bool fill(const char *folder)
{
    char path[PATH_CAP], block[4096] = {1};
    snprintf(path, sizeof path, "%.400s/filler", folder);
    FILE *file = fopen(path, "w");
    while (file && fwrite(block, 1, sizeof block, file) == sizeof block && fflush(file) == 0)
        continue;
    return file && (fclose(file) == 0 || true);
}

TEST(a_full_disk_refuses_what_is_new_and_heals_when_there_is_room)
{
    char error[IMAGE_ERROR_MAX + 1], small[PATH_CAP], filler[PATH_CAP];
    host_t usual = host;
    snprintf(small, sizeof small, "%s", real_path("small"));
    snprintf(filler, sizeof filler, "%.400s/filler", small);
    OK(folder_make(small, 0711) && mount("tmpfs", small, "tmpfs", 0, "size=200m,mode=0711") == 0);
    use_folder(&host, small);
    db         = db_open(host.state_dir, false, error);
    bool is_ok = db && image_demo(db, host.state_dir, "web-demo", error);
    db_close(db);
    OK(is_ok);
    core_open();
    OK(fill(small));
    OK(!deploy()); /* no room to keep it */
    OK(!engine_get(engine, 7, contract));
    OK(truncate(filler, (193 << 20)) == 0 && deploy()); /* room to keep it, none for the pool */
    for (int i = 0; i < 3; i++) {
        core_work(50);
        skipped_ms += 3600 * 1000;
    }
    IS(contract, "web", "init");
    OK(unlink(filler) == 0 && work_until(runs));
    cancel();
    OK(work_until(is_gone));
    core_close();
    host = usual;
    for (int i = 0; i < 50 && umount(small) != 0; i++)
        poll(NULL, 0, 20);
    folder_remove(small);
    contract++;
    OK(left_nothing());
}

TEST(a_locked_database_is_waited_for)
{
    int ends[2];
    char error[256], byte;
    OK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        db_t *other = db_open(host.state_dir, false, error);
        if (!other || !db_do(other, "BEGIN EXCLUSIVE", "") || write(ends[1], "x", 1) != 1) _exit(1);
        poll(NULL, 0, 700);
        _exit(0); /* with the lock */
    }
    EQ(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    core_open();
    OK(deploy());
    waitpid(child, NULL, 0);
    ENDS_WELL();
}

TEST(a_clock_that_jumps_restarts_nothing_and_makes_nobody_wait)
{
    core_open();
    OK(deploy() && work_until(runs));
    int pid               = first_process();
    const int64_t year_ms = INT64_C(365) * 86400 * 1000;
    skipped_ms += 10 * year_ms;
    OK(work_until(runs));
    EQ(first_process(), pid);
    OK(kill(pid, SIGKILL) == 0);
    for (int i = 0; i < 200 && runs(); i++) {
        engine_look(engine, virtual_ms(), look, NULL);
        poll(NULL, 0, 20);
    }
    OK(!runs()); /* waits for its next start, ten years from here */
    skipped_ms -= 11 * year_ms;
    ENDS_WELL();
    skipped_ms = 0;
}

/* ---- requests ---- */

TEST(requests_that_come_twice_or_in_another_order_change_nothing)
{
    char error[ENGINE_ERROR_MAX + 1];
    core_open();
    cancel(); /* of what is not known yet */
    deployment_t *early = quick(contract);
    early->version      = 1;
    OK(!engine_update(engine, early, 1, error)); /* before its deployment */
    OK(deploy());
    OK(!deploy());
    deployment_t *late = quick(contract);
    late->version      = 2;
    OK(!engine_update(engine, late, 1, error)); /* before version 1 */
    OK(work_until(runs));
    int pid = first_process();
    OK(!deploy());
    engine_desire(engine, contract, DESIRED_RUN, "again", "", 1);
    OK(work_until(runs));
    EQ(first_process(), pid);
    cancel();
    engine_desire(engine, contract, DESIRED_RUN, "late", "", 1); /* deleted stays deleted */
    engine_desire(engine, contract, DESIRED_PAUSED, "late", "", 1);
    OK(work_until(is_gone));
    OK(!deploy()); /* its contract is used up */
    OK(work_until(is_gone));
    IS(contract, "web", "deleted");
    ENDS_CLEAN();
}

/* ---- another agent over what runs ---- */

TEST(a_newer_agent_takes_over_what_the_old_one_left_running)
{
    char newer[PATH_CAP];
    int status;
    snprintf(newer, sizeof newer, "%s", real_path("zos-agent"));
    OK(SPAWN(NULL, 10000, "cp", TRELLIS_BINARY_DIR "/bin/zos-agent", newer));
    core_open();
    OK(deploy() && work_until(runs));
    core_close();
    int pid                      = first_process();
    const char *const programs[] = {TRELLIS_BINARY_DIR "/bin/zos-agent", newer};
    static const int signals[]   = {SIGTERM, SIGKILL};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        pid_t agent = agent_start(programs[i]);
        bool is_up  = agent_sees("web");
        kill(agent, signals[i]);
        waitpid(agent, &status, 0);
        OK(is_up);
        EQ(first_process(), pid);
    }
    core_open();
    ENDS_WELL();
}

int main(int argc, char **argv) { return core_main(argc, argv, real_obstacle()); }
