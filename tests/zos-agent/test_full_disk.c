/* Full disks, really full: the state directory is a small ext4, the run directory a small tmpfs, and every
 * byte of them is taken while something is deployed, updated, cancelled, counted, or while the agent starts.
 * What was acknowledged is kept, what runs goes on, what the chain ends is ended, and with room again all is
 * as asked. Needs root. */
#include "faults.h"
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

#define STATE_SIZE "640M"
#define POOL_SIZE  (UINT64_C(256) << 20)
#define RUN_SIZE   "size=8m,mode=0711"

static uint64_t contract = 300; /* of this case */
static char error[ENGINE_ERROR_MAX + 1];

static bool runs(void) { return strcmp(result_of(contract, "web", "state"), "ok") == 0; }

static bool is_gone(void) { return engine_is_idle(engine); }

static deployment_t *machine(uint32_t version, json_int_t disk)
{
    json_t *workloads = web("oci:web-demo", ports(real_port), disk);
    json_object_set_new(json_array_get(workloads, 0), "version", json_integer(version));
    return deployment_of(7, version, contract, workloads);
}

static bool deploy(void)
{
    return engine_deploy(engine, machine(0, 16 << 20), (int64_t)(virtual_ms() / 1000), error);
}

static bool grow(void)
{
    return engine_update(engine, machine(1, 24 << 20), (int64_t)(virtual_ms() / 1000), error);
}

static void cancel(void)
{
    engine_desire(engine, contract, DESIRED_DELETED, "contract canceled", "block",
                  (int64_t)(virtual_ms() / 1000));
}

static int first_process(void) { return core_process(7, contract, "web"); }

static bool answers(void)
{
    char page[32];
    snprintf(page, sizeof page, "<b>%llu</b>", (unsigned long long)contract);
    return strstr(real_fetch("127.0.0.1", real_port, 5000), page) != NULL;
}

/* ---- filling ---- */

static const char *filler(const char *folder)
{
    return real_path(strcmp(folder, "run") == 0 ? "run/filler" : "state/filler");
}

/* Takes every byte, the last ones by single writes. */
static bool fill(const char *folder)
{
    int fd     = open(filler(folder), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    off_t used = 0;
    for (off_t len = 64 << 20; fd >= 0 && len >= 4096;)
        if (fallocate(fd, 0, used, len) == 0)
            used += len;
        else
            len /= 2;
    while (fd >= 0 && pwrite(fd, "x", 1, used) == 1 && fsync(fd) == 0)
        used++;
    bool is_full = errno == ENOSPC;
    if (fd >= 0) close(fd);
    return is_full;
}

static bool fill_again(const char *folder) { return unlink(filler(folder)) == 0 && fill(folder); }

static bool make_room(const char *folder) { return unlink(filler(folder)) == 0; }

/* Closing gives back what was written ahead: that is taken, too, as after a kill. */
static bool restart(void)
{
    char why[256];
    core_close();
    if (!fill_again("state")) return false;
    db_t *probe = db_open(host.state_dir, false, why);
    if (!probe) printf("%s\n", why);
    db_close(probe);
    if (probe) core_open();
    return probe != NULL;
}

static int64_t ask(const char *sql)
{
    db_rows_t *rows = db_ask(db, sql, "i", (int64_t)contract);
    int64_t number  = db_next(&rows) ? db_number(rows, 0) : -1;
    if (rows) db_stop(rows);
    return number;
}

/* ---- the state directory ---- */

TEST(an_update_on_a_full_disk_changes_nothing_and_what_runs_goes_on)
{
    core_open();
    OK(deploy() && work_until(runs));
    int pid = first_process();
    OK(fill("state"));
    OK(!grow() && strstr(error, "cannot keep"));
    EQ(ask("SELECT version FROM deployment WHERE contract = ?1"), 0);
    OK(answers());
    OK(restart());
    OK(work_until(runs));
    EQ(first_process(), pid);
    OK(fill_again("state") && !grow());
    OK(make_room("state"));
    OK(grow() && work_until(runs));
    EQ(ask("SELECT version FROM deployment WHERE contract = ?1"), 1);
    EQ(first_process(), pid);
    ENDS_CLEAN();
}

TEST(what_is_cancelled_on_a_full_disk_is_ended_on_record)
{
    core_open();
    OK(deploy() && work_until(runs));
    OK(fill("state"));
    cancel();
    OK(work_until(is_gone));
    EQ(ask("SELECT count(*) FROM audit WHERE contract = ?1"), 1);
    OK(restart());
    OK(work_until(is_gone));
    IS(contract, "web", "deleted");
    OK(make_room("state"));
    ENDS_CLEAN();
}

/* Writes so much into the machine's disk, as the machine would. */
static bool write_to_disk(size_t mib)
{
    static char block[1 << 20];
    char wid[WID_LEN + 1], name[32], path[PATH_CAP], file[PATH_CAP];
    plan_wid(7, contract, "data", wid);
    snprintf(name, sizeof name, "vol-%s", wid);
    int fd     = disk_path(&host, name, path) && path_join(file, "%s/written", path)
                     ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
                     : -1;
    bool is_ok = fd >= 0;
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < mib && is_ok; i++)
        is_ok = write(fd, block, sizeof block) == sizeof block && fsync(fd) == 0;
    if (!is_ok) printf("%s: %s\n", file, strerror(errno));
    if (fd >= 0) close(fd);
    return is_ok;
}

TEST(disks_of_workloads_have_their_room_whatever_else_fills_the_disk)
{
    core_open();
    OK(deploy() && work_until(runs));
    OK(fill("state"));
    OK(write_to_disk(14));
    OK(answers());
    OK(make_room("state"));
    OK(write_to_disk(14));
    ENDS_CLEAN();
}

static bool says_read_only(void)
{
    return strstr(result_of(contract, "data", "message"), "read-only") != NULL;
}

static bool says_nothing(void) { return runs() && result_of(contract, "data", "message")[0] == 0; }

TEST(disks_that_became_read_only_are_said_to_be_and_waited_for)
{
    core_open();
    OK(deploy() && work_until(runs));
    OK(SPAWN(NULL, 10000, "mount", "-o", "remount,ro", host.pool_dir));
    OK(grow());
    OK(work_until(says_read_only) && answers());
    OK(SPAWN(NULL, 10000, "mount", "-o", "remount,rw", host.pool_dir));
    OK(work_until(says_nothing) && write_to_disk(20));
    ENDS_CLEAN();
}

static int64_t counted(void)
{
    engine_meter(engine);
    return work_until(runs) ? ask("SELECT bytes FROM nru WHERE contract = ?1") : -1;
}

TEST(bytes_that_passed_while_the_disk_was_full_are_counted_once)
{
    core_open();
    OK(deploy() && work_until(runs) && answers());
    int64_t first = counted();
    OK(answers());
    int64_t one = counted() - first; /* what one answer costs; its last segments may be late */
    OK(first > 0 && one > 0);
    OK(fill("state"));
    for (int i = 0; i < 8; i++)
        OK(answers());
    EQ(counted(), first + one); /* cannot be kept */
    OK(restart());
    OK(counted() >= 0);
    OK(make_room("state"));
    int64_t all = counted() - first - one;
    printf("one answer %lld bytes, eight %lld\n", (long long)one, (long long)all);
    OK(all >= 8 * one * 9 / 10 && all <= 8 * one * 11 / 10);
    EQ(counted() - first - one, all);
    ENDS_CLEAN();
}

/* ---- the run directory ---- */

TEST(a_machine_waits_for_room_in_the_run_directory_and_one_that_runs_goes_on)
{
    core_open();
    OK(fill("run"));
    OK(deploy());
    for (int i = 0; i < 3; i++) {
        core_work(50);
        skipped_ms += 3600 * 1000;
    }
    IS(contract, "web", "init");
    OK(make_room("run") && work_until(runs) && answers());
    int pid = first_process();
    OK(fill("run"));
    OK(work_until(runs) && answers() && first_process() == pid);
    OK(kill(pid, SIGKILL) == 0); /* that it ended can be written nowhere */
    for (int i = 0; i < 200 && runs(); i++) {
        engine_look(engine, virtual_ms(), look, NULL);
        poll(NULL, 0, 20);
    }
    OK(!runs());
    OK(make_room("run") && work_until(runs) && answers());
    OK(fill("run"));
    cancel();
    OK(work_until(is_gone));
    OK(make_room("run"));
    ENDS_CLEAN();
}

/* ---- the program ---- */

/* What it says of the machine: a full disk is not taken for a kernel that cannot. */
static bool sees_the_kernel(void)
{
    spawn_result_t said;
    const char *line =
        SPAWN(&said, 5000, TRELLIS_BINARY_DIR "/bin/zosctl", "--socket", real_path("run/ctl.sock"), "doctor")
            ? strstr(said.text, "user namespaces")
            : NULL;
    return (line && strncmp(line + 18, " yes", 4) == 0) || !host.has_user_spaces;
}

TEST(an_agent_starts_on_disks_that_are_full_and_finds_what_runs)
{
    core_open();
    OK(deploy() && work_until(runs));
    int pid = first_process();
    core_close();
    for (int i = 0; i < 4; i++) { /* the first time there is room */
        int status;
        OK(i == 0 || (i == 1 ? fill("state") : fill_again("state")));
        OK(i < 2 || (i == 2 ? fill("run") : fill_again("run")));
        pid_t agent = agent_start(TRELLIS_BINARY_DIR "/bin/zos-agent");
        bool is_up  = agent_sees("web") && sees_the_kernel();
        kill(agent, i == 3 ? SIGKILL : SIGTERM);
        waitpid(agent, &status, 0);
        OK(is_up);
        EQ(first_process(), pid);
    }
    OK(make_room("state") && make_room("run"));
    core_open();
    OK(work_until(runs) && answers());
    EQ(first_process(), pid);
    ENDS_CLEAN();
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (obstacle) return test_skip("containers cannot be run here", obstacle);
    real_name_run();
    char disk[PATH_CAP], state[PATH_CAP], run[PATH_CAP];
    snprintf(disk, sizeof disk, "%s", real_path("disk"));
    snprintf(state, sizeof state, "%s", real_path("state"));
    snprintf(run, sizeof run, "%s", real_path("run"));
    if (!folder_make(state, 0755) || !folder_make(run, 0755) ||
        !SPAWN(NULL, 10000, "truncate", "-s", STATE_SIZE, disk) ||
        !SPAWN(NULL, 30000, "mkfs.ext4", "-q", "-m", "0", "-F", disk) ||
        !mount_file(disk, state, "ext4", 0, NULL) || mount("tmpfs", run, "tmpfs", 0, RUN_SIZE) != 0 ||
        !core_start(NULL))
        return 1;
    host.pool_size = POOL_SIZE;
    int status     = test_main_(argc, argv);
    for (int i = 0; i < 100 && (mount_is_at(run) || mount_is_at(state)); i++) {
        mount_drop(run);
        mount_drop(state);
        poll(NULL, 0, 50);
    }
    folder_remove(real_dir);
    return status;
}
