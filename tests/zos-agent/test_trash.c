/* Deleted disks are kept for a while: on the real machine, and by the engine alone with time as a number. */
#include "core.h"

#include <signal.h>

#define HOUR_S UINT64_C(3600)
#define GIB    ((json_int_t)1 << 30)

static bool deploy(uint32_t twin, uint64_t contract, json_int_t size)
{
    char error[ENGINE_ERROR_MAX + 1];
    return engine_deploy(engine,
                         deployment_of(twin, 0, contract, json_pack("[o]", zmount_of("data", size, 0))),
                         (int64_t)(now_ms() / 1000), error);
}

static void cancel(uint64_t contract)
{
    engine_desire(engine, contract, DESIRED_DELETED, "contract canceled", "block 9",
                  (int64_t)(now_ms() / 1000));
}

/* One field of the trash's row at an index; "" when there is none. */
static const char *kept(size_t index, const char *key)
{
    static char text[512];
    json_t *json        = engine_trash(engine);
    const json_t *row   = json_array_get(json_object_get(json, "trash"), index),
                 *value = json_object_get(row, key);
    text[0]             = 0;
    if (json_is_string(value)) snprintf(text, sizeof text, "%s", json_string_value(value));
    if (json_is_integer(value)) snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    json_decref(json);
    return text;
}

static size_t kept_count(void)
{
    json_t *json = engine_trash(engine);
    size_t count = json_array_size(json_object_get(json, "trash"));
    json_decref(json);
    return count;
}

/* ---- by the engine alone ---- */

static job_t job;

static int next_at(uint64_t at_ms)
{
    uint64_t wake;
    for (;;) {
        if (!engine_next(engine, at_ms, &job, &wake)) return -1;
        if (job.kind != JOB_METER && job.kind != JOB_SWEEP && job.kind != JOB_REST) return (int)job.kind;
        job.result = host_ok();
        engine_done(engine, &job, at_ms);
    }
}

static void done_at(uint64_t at_ms, host_status_t status)
{
    job.result  = status == HOST_OK ? host_ok() : host_fail(status, "busy");
    job.is_kept = true;
    engine_done(engine, &job, at_ms);
}

static void alone(uint64_t trash_s)
{
    folder_remove(real_path("alone"));
    if (!folder_make(real_path("alone"), 0700)) exit(1);
    snprintf(host.state_dir, sizeof host.state_dir, "%s", real_path("alone"));
    core_trash_s = trash_s;
    core_open();
}

TEST(a_disk_is_kept_for_its_time_and_over_a_restart)
{
    uint64_t start = now_ms();
    alone(24 * HOUR_S);
    OK(deploy(7, 1, GIB));
    EQ(next_at(start), JOB_DISK);
    done_at(start, HOST_OK);
    cancel(1);
    EQ(next_at(start), JOB_DROP_DISK);
    char name[40];
    OK(job.trash[0] != 0);
    snprintf(name, sizeof name, "%s", job.trash);
    done_at(start, HOST_LATER);
    core_close();
    core_open(); /* and with it the place that it goes to */
    EQ(next_at(start), JOB_DROP_DISK);
    OK(strcmp(job.trash, name) == 0);
    done_at(start, HOST_OK);
    EQ(kept_count(), 1);
    OK(strcmp(kept(0, "id"), name) == 0);
    OK(strcmp(kept(0, "contract_id"), "1") == 0 && strcmp(kept(0, "name"), "data") == 0);
    EQ(next_at(start + 23 * HOUR_S * 1000), -1);
    core_close();
    core_open();
    EQ(kept_count(), 1);
    EQ(next_at(start + 23 * HOUR_S * 1000), -1);
    const uint64_t leap = start + 87600 * HOUR_S * 1000, over = start + 25 * HOUR_S * 1000;
    EQ(next_at(leap), -1); /* ten years on, all at once: perhaps not */
    EQ(next_at(over), -1);
    EQ(next_at(over + HOUR_S * 500), -1);
    EQ(next_at(over + HOUR_S * 1000), JOB_EMPTY_TRASH); /* an hour later it is */
    OK(strcmp(job.trash, name) == 0);
    done_at(over + HOUR_S * 1000, HOST_LATER);
    EQ(next_at(over + HOUR_S * 1000), -1); /* a while later */
    OK(strstr(kept(0, "why"), "not deleted: busy"));
    EQ(next_at(over + HOUR_S * 1000 + 60000), JOB_EMPTY_TRASH);
    done_at(over + HOUR_S * 1000 + 60000, HOST_OK);
    EQ(kept_count(), 0);
    core_close();
}

TEST(without_a_time_nothing_is_kept_and_what_failed_never_is)
{
    uint64_t start = now_ms();
    alone(0);
    OK(deploy(7, 1, GIB));
    EQ(next_at(start), JOB_DISK);
    done_at(start, HOST_OK);
    cancel(1);
    EQ(next_at(start), JOB_DROP_DISK);
    OK(job.trash[0] == 0);
    done_at(start, HOST_OK);
    EQ(kept_count(), 0);
    core_close();
    alone(HOUR_S);
    OK(deploy(7, 2, GIB));
    EQ(next_at(start), JOB_DISK);
    done_at(start, HOST_REFUSED);
    EQ(next_at(start), JOB_DROP_DISK);
    OK(job.trash[0] == 0);
    done_at(start, HOST_OK);
    core_close();
}

/* 100 GiB are offered. */
TEST(the_trash_makes_room_the_oldest_first_and_no_more_than_is_needed)
{
    engine_figures_t figures;
    uint64_t start = now_ms();
    alone(24 * HOUR_S);
    for (uint64_t contract = 1; contract <= 3; contract++) {
        OK(deploy(7, contract, 30 * GIB));
        EQ(next_at(start), JOB_DISK);
        done_at(start, HOST_OK);
        engine_desire(engine, contract, DESIRED_DELETED, "contract canceled", "block 9", 1);
        EQ(next_at(start + contract * 1000), JOB_DROP_DISK);
        done_at(start + contract * 1000, HOST_OK);
    }
    engine_figures(engine, &figures);
    EQ(figures.trash, 90 * GIB);
    EQ(figures.used.sru, 0); /* all of it can be had */
    OK(deploy(8, 4, 40 * GIB));
    EQ(next_at(start + 5000), JOB_EMPTY_TRASH);
    EQ(job.contract_id, 1);
    done_at(start + 5000, HOST_OK);
    EQ(next_at(start + 5000), JOB_DISK);
    done_at(start + 5000, HOST_OK);
    EQ(kept_count(), 2);
    char error[ENGINE_ERROR_MAX + 1];
    OK(engine_update(engine, deployment_of(8, 1, 4, json_pack("[o]", zmount_of("data", 70 * GIB, 1))),
                     (int64_t)(start / 1000) + 6, error));
    EQ(next_at(start + 6000), JOB_EMPTY_TRASH); /* a disk that grows takes it, too */
    EQ(job.contract_id, 2);
    done_at(start + 6000, HOST_LATER);
    EQ(next_at(start + 6000), JOB_EMPTY_TRASH);
    EQ(job.contract_id, 3);
    done_at(start + 6000, HOST_OK);
    EQ(next_at(start + 6000), JOB_DISK);
    done_at(start + 6000, HOST_OK);
    EQ(kept_count(), 1);
    OK(deploy(8, 5, 31 * GIB)); /* and what does not fit without it empties nothing */
    EQ(next_at(start + 7000), -1);
    EQ(kept_count(), 1);
    core_close();
}

/* ---- room ---- */

static uint64_t memory_left;
static uint64_t memory_free(void *context)
{
    (void)context;
    return memory_left;
}

/* 4 cores, 8 GiB of memory, 100 GiB of disk, with what the operator says of them. */
static void with_room(overcommit_t overcommit, capacity_t reserved)
{
    alone(0);
    engine_free(engine);
    memory_left            = UINT64_C(1) << 40;
    engine_config_t config = {
        .db          = db,
        .state_dir   = host.state_dir,
        .pool_dir    = "/pool",
        .overcommit  = overcommit,
        .reserved    = reserved,
        .memory_free = memory_free,
        .total       = {.cru = 4, .mru = UINT64_C(8) << 30, .sru = UINT64_C(100) << 30}
    };
    engine = engine_new(&config);
}

/* What a machine of so many cores and so much memory is told: "" when it has room. */
static const char *machine_is_told(uint64_t contract, int cores, json_int_t memory)
{
    static char text[512];
    char error[ENGINE_ERROR_MAX + 1], ip[16];
    uint64_t at = now_ms();
    snprintf(ip, sizeof ip, "10.20.3.%u", (unsigned)(contract + 2) % 250);
    json_t *list =
        json_pack("[{s:i,s:s,s:s,s:{s:s}},{s:i,s:s,s:s,s:{s:s,s:{s:[{s:s,s:s}]},s:{s:i,s:I}}}]", "version", 0,
                  "name", "net", "type", "network-light", "data", "subnet", "10.20.3.0/24", "version", 0,
                  "name", "vm", "type", "zmachine-light", "data", "flist", "none", "network", "interfaces",
                  "network", "net", "ip", ip, "compute_capacity", "cpu", cores, "memory", memory);
    if (!engine_deploy(engine, deployment_of(7, 0, contract, list), (int64_t)(at / 1000), error))
        return "not taken";
    while (next_at(at) >= 0)
        done_at(at, HOST_OK);
    snprintf(text, sizeof text, "%s", result_of(contract, "vm", "message"));
    engine_desire(engine, contract, DESIRED_DELETED, "over", "", 1);
    while (next_at(at) >= 0)
        done_at(at, HOST_OK);
    return text;
}

static bool has_room(const char *said) { return strstr(said, "no image of the name") != NULL; }

TEST(a_refusal_says_how_much_is_left)
{
    with_room((overcommit_t){0}, (capacity_t){0});
    OK(has_room(machine_is_told(1, 4, 6 * GIB)));
    OK(strcmp(machine_is_told(2, 4, 7 * GIB),
              "not enough memory left on this node: 7.00 GiB asked for, 6.00 GiB free "
              "(of 8.00; 2.00 kept for the system, 0.00 in use)") == 0);
    OK(strcmp(machine_is_told(3, 5, GIB),
              "not enough cores left on this node: 5 asked for, 4 free (of 4; 0 kept for the "
              "system, 0 in use)") == 0);
    OK(deploy(7, 4, 30 * GIB) && deploy(7, 5, 80 * GIB));
    while (next_at(now_ms()) >= 0)
        done_at(now_ms(), HOST_OK);
    OK(strcmp(result_of(5, "data", "state"), "ok") == 0 || strcmp(result_of(4, "data", "state"), "ok") == 0);
    const char *said = result_of(5, "data", "message");
    OK(strcmp(said, "not enough disk (SSD) left on this node: 80.00 GiB asked for, 70.00 GiB free (of "
                    "100.00; 0.00 kept "
                    "for the system, 30.00 in use)") == 0);
    memory_left = UINT64_C(1) << 30;
    OK(strcmp(machine_is_told(6, 1, 2 * GIB),
              "not enough memory left on this node: 2.00 GiB asked for, the machine "
              "itself has 1.00 GiB left") == 0);
    core_close();
}

TEST(overcommit_and_what_is_kept_count_for_each_unit)
{
    engine_figures_t figures;
    with_room((overcommit_t){.cru = 200, .mru = 150, .sru = 50},
              (capacity_t){.cru = 1, .mru = 4 * GIB, .sru = 5 * GIB});
    engine_figures(engine, &figures);
    EQ(figures.total.cru, 8);
    EQ(figures.total.mru, 12 * GIB);
    EQ(figures.total.sru, 50 * GIB);
    EQ(figures.used.mru, 4 * GIB);
    EQ(figures.used.cru, 1);
    OK(has_room(machine_is_told(1, 7, 8 * GIB)));
    OK(strstr(machine_is_told(2, 8, GIB), "8 asked for, 7 free (of 8; 1 kept for the system, 0 in use)"));
    OK(strstr(machine_is_told(3, 1, 9 * GIB), "9.00 GiB asked for, 8.00 GiB free (of 12.00; 4.00 kept"));
    OK(deploy(7, 4, 46 * GIB));
    EQ(next_at(now_ms()), -1);
    OK(strstr(result_of(4, "data", "message"), "45.00 GiB free (of 50.00; 5.00 kept"));
    OK(deploy(7, 5, 45 * GIB));
    EQ(next_at(now_ms()), JOB_DISK);
    done_at(now_ms(), HOST_OK);
    engine_figures(engine, &figures);
    EQ(figures.used.sru, figures.total.sru); /* what statistics say is free is what is admitted */
    char error[ENGINE_ERROR_MAX + 1];
    OK(!engine_update(engine, deployment_of(7, 1, 5, json_pack("[o]", zmount_of("data", 46 * GIB, 1))), 1,
                      error));
    OK(strstr(error, "1.00 GiB asked for, 0.00 GiB free (of 50.00; 5.00 kept for the system, 45.00 in use)"));
    core_close();
}

/* ---- on the machine ---- */

static const char *disk_of(uint32_t twin, uint64_t contract)
{
    static char path[PATH_CAP];
    char wid[WID_LEN + 1];
    plan_wid(twin, contract, "data", wid);
    snprintf(path, sizeof path, "%.400s/vol-%s", host.pool_dir, wid);
    return path;
}

static const char *in_disk(uint32_t twin, uint64_t contract, const char *name)
{
    static char path[PATH_CAP];
    snprintf(path, sizeof path, "%.450s/%.40s", disk_of(twin, contract), name);
    return path;
}

static uint32_t owner_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 ? st.st_uid : UINT32_MAX;
}

static uint32_t listed;
static void count_trash(void *context, const char *name)
{
    (void)context;
    (void)name;
    listed++;
}

static uint32_t on_disk(void)
{
    listed = 0;
    trash_list(&host, count_trash, NULL);
    return listed;
}

static void until_settled(void) { core_work(2000); }

static const json_int_t disk_size = (json_int_t)64 << 20;

/* Contract 1 of twin 7 and contract 2 of twin 9 have a disk; the first one's is deleted, with a letter in it.
 */
static void a_disk_is_deleted(char id[64], uint32_t *owner)
{
    OK(deploy(7, 1, disk_size) && deploy(9, 2, disk_size));
    until_settled();
    IS(1, "data", "ok");
    *owner = owner_of(disk_of(7, 1));
    real_write(in_disk(7, 1, "letter"), "kept", 04755);
    OK(symlink("/etc/passwd", in_disk(7, 1, "link")) == 0);
    OK(*owner == 0 || (chown(in_disk(7, 1, "letter"), *owner + 33, *owner) == 0 &&
                       chmod(in_disk(7, 1, "letter"), 04755) == 0));
    cancel(1);
    until_settled();
    EQ(kept_count(), 1);
    EQ(on_disk(), 1);
    OK(!file_exists(disk_of(7, 1)));
    snprintf(id, 64, "%s", kept(0, "id"));
}

static void it_is_restored_where_it_may(const char *id)
{
    char error[ENGINE_ERROR_MAX + 1];
    OK(!engine_trash_restore(engine, "none@1", 2, "data", error) && strstr(error, "there is no disk"));
    OK(!engine_trash_restore(engine, id, 2, "data", error) && strstr(error, "another twin"));
    OK(!engine_trash_restore(engine, id, 1, "data", error));
    OK(deploy(7, 3, disk_size / 2) && deploy(7, 4, 2 * disk_size));
    until_settled();
    OK(!engine_trash_restore(engine, id, 3, "data", error) && strstr(error, "smaller"));
    real_write(in_disk(7, 4, "mine"), "mine", 0644);
    OK(engine_trash_restore(engine, id, 4, "data", error));
    until_settled();
    OK(strstr(kept(0, "why"), "not empty") && file_exists(in_disk(7, 4, "mine")));
    OK(unlink(in_disk(7, 4, "mine")) == 0);
    OK(engine_trash_restore(engine, id, 4, "data", error));
    until_settled();
    EQ(kept_count(), 0);
    EQ(on_disk(), 0);
    IS(4, "data", "ok");
}

static void it_holds_what_it_held(uint32_t owner)
{
    char text[16] = "";
    struct stat st;
    OK(file_read(in_disk(7, 4, "letter"), text, sizeof text) && strcmp(text, "kept") == 0);
    OK(stat(in_disk(7, 4, "letter"), &st) == 0 && (st.st_mode & 07777) == 04755);
    if (!host.has_user_spaces) return;
    OK(owner_of(disk_of(7, 4)) != owner);
    EQ(owner_of(in_disk(7, 4, "letter")), owner_of(disk_of(7, 4)) + 33);
    OK(lstat(in_disk(7, 4, "link"), &st) == 0 && S_ISLNK(st.st_mode));
}

/* One that no row knows is swept at its second sight; the others go when the operator says so. */
static void the_trash_is_emptied(void)
{
    char error[ENGINE_ERROR_MAX + 1];
    for (uint64_t contract = 2; contract <= 4; contract++)
        cancel(contract);
    until_settled();
    EQ(kept_count(), 3);
    core_close();
    db = db_open(host.state_dir, false, error);
    db_do(db, "DELETE FROM trash WHERE contract = 2", "");
    db_close(db);
    core_open();
    for (int i = 0; i < 2; i++) {
        engine_sweep(engine);
        until_settled();
    }
    EQ(on_disk(), 2);
    OK(engine_trash_empty(engine, kept(0, "id"), error));
    until_settled();
    EQ(on_disk(), 1);
    OK(!engine_trash_empty(engine, "none", error));
    OK(engine_trash_empty(engine, NULL, error));
    until_settled();
    EQ(kept_count(), 0);
    EQ(on_disk(), 0);
}

static void life_of_a_disk(const host_config_t *extra)
{
    char id[64] = "";
    if (!core_start(extra)) exit(1);
    core_trash_s = 24 * HOUR_S;
    core_open();
    uint32_t owner = 0;
    a_disk_is_deleted(id, &owner);
    it_is_restored_where_it_may(id);
    it_holds_what_it_held(owner);
    the_trash_is_emptied();
    core_close();
    host_rest(&host);
    OK(left_nothing());
    folder_remove(real_dir);
}

TEST(a_disk_comes_back_with_what_it_held) { life_of_a_disk(NULL); }

TEST(a_disk_that_is_a_file_comes_back_too) { life_of_a_disk(&(host_config_t){.is_ext4_forced = true}); }

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (obstacle) return test_skip("disks of this machine", obstacle);
    signal(SIGPIPE, SIG_IGN);
    real_name_run();
    if (!folder_make(real_dir, 0755)) return 1;
    int code = test_main_(argc, argv);
    folder_remove(real_dir);
    return code;
}
