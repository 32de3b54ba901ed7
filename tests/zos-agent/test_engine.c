/* The engine without a machine: jobs are answered by the test, time is a number. */
#include "engine.h"
#include "test.h"

#include "deployments.h"
#include "image.h"

#include <jansson.h>
#include <unistd.h>

static char folder[64];
static db_t *db;
static engine_t *engine;
static uint64_t now_ms;
static char said[ENGINE_ERROR_MAX + 1];

static void stop(void)
{
    engine_free(engine);
    db_close(db);
    engine = NULL;
    db     = NULL;
}

static void start(void)
{
    char error[256];
    stop();
    db                     = db_open(folder, false, error);
    engine_config_t config = {
        .db              = db,
        .state_dir       = folder,
        .pool_dir        = "/pool",
        .has_user_spaces = true,
        .total           = {.cru = 4, .mru = UINT64_C(8) << 30, .sru = UINT64_C(100) << 30}
    };
    engine = engine_new(&config);
    if (!db || !engine) exit(1);
}

static void fresh(void)
{
    char path[96];
    stop();
    snprintf(folder, sizeof folder, "/tmp/zt-engine-%d", getpid());
    folder_remove(folder);
    if (!folder_make(folder, 0700)) exit(1);
    now_ms = 1000000000;
    start();
    snprintf(path, sizeof path, "%s/img", folder);
    if (!folder_make(path, 0755)) exit(1);
    snprintf(path, sizeof path, "%s/img/d0.sqfs", folder);
    if (!file_replace(path, "x", 1, 0644)) exit(1);
    image_checked(db, "d0", path); /* as it was when it was last read */
    db_do(db,
          "INSERT INTO image VALUES('web', 'd0', 1, "
          "'{\"args\":[\"/bin/web\"],\"env\":[\"A=1\",\"B=2\"],\"cwd\":\"/\",\"uid\":0,\"gid\":0}', 0)",
          "");
}

static json_t *vm(const char *name, const char *ip, const char *metadata)
{
    return json_pack("{s:i,s:s,s:s,s:s,s:{s:s,s:{s:[{s:s,s:s}]},s:{s:i,s:I},s:[{s:s,s:s}],s:s,s:{s:s}}}",
                     "version", 0, "name", name, "type", "zmachine-light", "metadata", metadata, "data",
                     "flist", "oci:web", "network", "interfaces", "network", "net", "ip", ip,
                     "compute_capacity", "cpu", 1, "memory", (json_int_t)268435456, "mounts", "name", "disk",
                     "mountpoint", "/data", "entrypoint", "", "env", "B", "3");
}

static deployment_t *deployment(uint32_t twin, uint64_t contract, uint32_t version, json_t *workloads)
{
    return deployment_of(twin, version, contract, workloads);
}

static deployment_t *web(uint64_t contract)
{
    return deployment(
        7, contract, 0,
        json_pack("[o,o,o]",
                  vm("vm", "10.20.2.2", "{\"ports\":[{\"proto\":\"tcp\",\"host\":8080,\"guest\":80}]}"),
                  zmount_of("disk", 1 << 20, 0), network_of("net")));
}

/* Gives the next job; its kind, or -1 when there is none.  Removing what nobody needs comes after all else
 * and changes nothing. */
static job_t job;
static int next(void)
{
    uint64_t wake;
    if (!engine_next(engine, now_ms, &job, &wake)) return -1;
    if (job.kind != JOB_REST) return (int)job.kind;
    engine_done(engine, &job, now_ms);
    return next();
}

static void done(host_status_t status, const char *error)
{
    job.result = status == HOST_OK ? host_ok() : host_fail(status, "%s", error);
    engine_done(engine, &job, now_ms);
}

/* The step before one of that kind: the rules of its network. */
static void after(job_kind_t rules, job_kind_t kind)
{
    EQ(next(), rules);
    done(HOST_OK, "");
    EQ(next(), kind);
}

/* Answers every job with success, until there is none. */
static unsigned settle(void)
{
    unsigned count = 0;
    for (; next() >= 0; count++)
        done(HOST_OK, "");
    return count;
}

static const char *state_of(uint64_t contract, const char *name)
{
    static char text[64];
    json_t *json = engine_get(engine, 7, contract), *w;
    size_t i;
    snprintf(text, sizeof text, "none");
    json_array_foreach(json_object_get(json, "workloads"), i, w)
    {
        if (strcmp(json_string_value(json_object_get(w, "name")), name) == 0)
            snprintf(text, sizeof text, "%s",
                     json_string_value(json_object_get(json_object_get(w, "result"), "state")));
    }
    json_decref(json);
    return text;
}
#define IS(contract, name, state) OK(strcmp(state_of(contract, name), state) == 0)

TEST(workloads_are_made_in_order_and_told)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    IS(42, "vm", "init");
    EQ(next(), JOB_DISK);
    EQ(job.disk_size, 1 << 20);
    EQ(job.disk_owner, 100000);
    done(HOST_OK, "");
    IS(42, "disk", "ok");
    EQ(next(), JOB_NETWORK);
    OK(job.network.prefix == 24 && job.network.guest_count == 0);
    done(HOST_OK, "");
    EQ(next(), JOB_OPEN);
    OK(job.is_new);
    EQ(job.network.guest_count, 1);
    EQ(job.network.guests[0].ports[0].host, 8080);
    EQ(job.firewall.network_count, 1);
    IS(42, "vm", "init");
    done(HOST_OK, "");
    EQ(next(), JOB_MACHINE);
    EQ(job.machine.network.guest_count, 1);
    EQ(job.machine.memory, 268435456);
    EQ(job.machine.mount_count, 1);
    OK(strncmp(job.machine.mounts[0].source, "/pool/vol-", 10) == 0);
    OK(strcmp(job.machine.args[0], "/bin/web") == 0);
    EQ(job.machine.env_count, 4);
    OK(strcmp(job.machine.env[2].key, "B") == 0 && strcmp(job.machine.env[2].value, "3") == 0);
    OK(strcmp(job.machine.env[3].key, "CONTRACT_ID") == 0 && strcmp(job.machine.env[3].value, "42") == 0);
    done(HOST_OK, "");
    IS(42, "vm", "ok");
    EQ(next(), -1);
    capacity_t used = engine_resources(engine, 42);
    EQ(used.cru, 1);
    EQ(used.sru, (UINT64_C(500) << 20) + (1 << 20));
    json_t *changes = engine_changes(engine, 7, 42);
    EQ(json_array_size(changes), 3);
    json_decref(changes);
    OK(!engine_get(engine, 8, 42));
}

TEST(what_may_heal_is_init_and_comes_back_what_will_not_is_error_and_cleaned_up)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    EQ(next(), JOB_DISK);
    done(HOST_LATER, "busy");
    IS(42, "disk", "init");
    EQ(next(), JOB_NETWORK); /* others go on */
    done(HOST_OK, "");
    EQ(next(), -1);
    now_ms += 2000;
    EQ(next(), JOB_DISK);
    done(HOST_OK, "");
    now_ms += 2000;
    EQ(next(), JOB_OPEN);
    done(HOST_REFUSED, "port 8080 is in use on this node");
    IS(42, "vm", "error");
    EQ(next(), JOB_CLOSE);
    EQ(job.network.guest_count, 0);
    done(HOST_OK, "");
    EQ(next(), JOB_DROP_MACHINE);
    done(HOST_OK, "");
    IS(42, "vm", "error");
    EQ(next(), -1);
    EQ(engine_resources(engine, 42).cru, 0);
}

static int64_t pages(const char *pragma)
{
    int64_t count   = 0;
    db_rows_t *rows = db_ask(db, pragma, "");
    if (db_next(&rows)) count = db_number(rows, 0);
    if (rows) db_stop(rows);
    return count;
}

/* A disk that has no room for the database to grow. */
static void fill_disk(void)
{
    char text[64];
    snprintf(text, sizeof text, "PRAGMA max_page_count = %lld", (long long)pages("PRAGMA page_count"));
    (void)pages(text);
}

static deployment_t *bigger_web(uint64_t contract)
{
    static char long_name[20001];
    memset(long_name, 'x', sizeof long_name - 1);
    json_t *more = zmount_of("more", 4 << 20, 1), *grown = zmount_of("disk", 2 << 20, 1);
    json_object_set_new(more, "description", json_string(long_name)); /* several pages */
    return deployment(7, contract, 1, json_pack("[o,o,o]", grown, network_of("net"), more));
}

TEST(an_update_that_a_full_disk_does_not_keep_changes_nothing)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    EQ(settle(), 4);
    fill_disk();
    for (int i = 0; i < 2; i++) {
        OK(!engine_update(engine, bigger_web(42), 1000001, said));
        OK(strstr(said, "cannot keep"));
        EQ(next(), -1); /* neither grown nor removed nor made */
        json_t *now = engine_get(engine, 7, 42);
        EQ(json_integer_value(json_object_get(now, "version")), 0);
        EQ(json_array_size(json_object_get(now, "workloads")), 3);
        json_decref(now);
        IS(42, "vm", "ok");
        IS(42, "more", "none");
        EQ(engine_resources(engine, 42).sru, (UINT64_C(500) << 20) + (1 << 20));
    }
    start(); /* nor on the disk, of which no half was written */
    IS(42, "more", "none");
    EQ(settle(), 3); /* looked at anew, as after each start */
    OK(engine_update(engine, bigger_web(42), 1000003, said));
    settle();
    IS(42, "vm", "none"); /* removed */
    IS(42, "more", "ok");
    EQ(engine_resources(engine, 42).sru, (2 << 20) + (4 << 20));
}

TEST(a_deployment_that_a_full_disk_does_not_keep_is_not_there_after_a_start)
{
    fresh();
    fill_disk();
    deployment_t *big = bigger_web(44);
    big->version      = 0;
    for (uint32_t i = 0; i < big->workload_count; i++)
        big->workloads[i].version = 0;
    OK(!engine_deploy(engine, big, 1000000, said));
    OK(strstr(said, "cannot keep"));
    OK(!engine_get(engine, 7, 44));
    start();
    OK(!engine_get(engine, 7, 44));
    EQ(next(), -1);
}

TEST(a_cancelled_contract_goes_backwards_and_for_good)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    EQ(settle(), 4);
    engine_desire(engine, 42, DESIRED_DELETED, "contract canceled", "block 9", 1000001);
    EQ(next(), JOB_METER);
    done(HOST_OK, "");
    after(JOB_CLOSE, JOB_DROP_MACHINE);
    done(HOST_LATER, "it does not end");
    IS(42, "vm", "deleted");
    EQ(next(), -1); /* the network and the disk wait for it */
    start();        /* and a new agent knows */
    after(JOB_CLOSE, JOB_DROP_MACHINE);
    done(HOST_OK, "");
    EQ(next(), JOB_DROP_NETWORK);
    EQ(job.firewall.network_count, 0);
    done(HOST_OK, "");
    EQ(next(), JOB_DROP_DISK);
    done(HOST_OK, "");
    EQ(next(), -1);
    OK(engine_is_idle(engine));
    engine_desire(engine, 42, DESIRED_RUN, "reborn", "", 1000002);
    EQ(next(), -1);
    json_t *status = engine_status(engine), *list = engine_list(engine, 7);
    EQ(json_array_size(json_object_get(status, "workloads")), 0);
    EQ(json_array_size(list), 0);
    json_decref(status);
    json_decref(list);
}

TEST(grace_pauses_and_payment_resumes)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    settle();
    engine_desire(engine, 42, DESIRED_PAUSED, "grace period", "", 1000001);
    EQ(next(), JOB_PAUSE);
    EQ(job.network.guests[0].is_paused, true);
    done(HOST_OK, "");
    EQ(next(), -1);
    IS(42, "vm", "paused");
    IS(42, "disk", "paused");
    EQ(engine_resources(engine, 42).cru, 1); /* what is paused is still held */
    engine_desire(engine, 42, DESIRED_RUN, "paid", "", 1000002);
    EQ(next(), JOB_OPEN);
    EQ(job.network.guests[0].is_paused, false);
    done(HOST_OK, "");
    EQ(next(), JOB_MACHINE);
    done(HOST_OK, "");
    EQ(next(), -1);
    IS(42, "vm", "ok");
    IS(42, "net", "ok");
}

TEST(a_new_agent_looks_at_everything_anew_and_starts_nothing_twice)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    settle();
    start();
    IS(42, "vm", "ok");
    EQ(next(), JOB_DISK);
    done(HOST_OK, "");
    EQ(next(), JOB_NETWORK);
    EQ(job.network.guest_count, 1); /* its machine runs */
    done(HOST_OK, "");
    EQ(next(), JOB_MACHINE);
    OK(!job.is_new);
    done(HOST_OK, "");
    EQ(next(), -1);
    IS(42, "vm", "ok");
}

static machine_state_t has_ended(void *context, const char *wid, int *code)
{
    (void)wid;
    *code = *(int *)context;
    return MACHINE_ENDED;
}

TEST(a_machine_that_ends_is_started_again_ever_later)
{
    int code = 1;
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    settle();
    engine_look(engine, now_ms, has_ended, &code);
    IS(42, "vm", "init");
    EQ(next(), -1);
    now_ms += 1300;
    after(JOB_OPEN, JOB_MACHINE);
    done(HOST_OK, "");
    engine_look(engine, now_ms, has_ended, &code);
    now_ms += 1300;
    EQ(next(), -1);
    now_ms += 1300;
    after(JOB_OPEN, JOB_MACHINE);
    done(HOST_OK, "");
}

TEST(a_machine_waits_for_a_network_that_comes_and_not_for_one_that_does_not)
{
    fresh();
    OK(engine_deploy(
        engine,
        deployment(7, 43, 0, json_pack("[o,o]", vm("vm", "10.20.2.2", ""), zmount_of("disk", 4096, 0))),
        1000000, said));
    EQ(next(), JOB_DISK);
    done(HOST_OK, "");
    EQ(next(), -1);
    IS(43, "vm", "init");
    OK(engine_deploy(engine, deployment(7, 44, 0, json_pack("[o]", network_of("net"))), 1000005, said));
    EQ(next(), JOB_NETWORK);
    done(HOST_OK, "");
    after(JOB_OPEN, JOB_MACHINE); /* at once: it is what it waited for */
    done(HOST_OK, "");
    IS(43, "vm", "ok");

    json_t *lonely = vm("vm", "10.20.2.9", "");
    json_object_set_new(json_object_get(lonely, "data"), "mounts", json_null());
    json_object_set_new(
        json_array_get(
            json_object_get(json_object_get(json_object_get(lonely, "data"), "network"), "interfaces"), 0),
        "network", json_string("other"));
    OK(engine_deploy(engine, deployment(7, 45, 0, json_pack("[o]", lonely)), (int64_t)(now_ms / 1000), said));
    EQ(next(), -1);
    IS(45, "vm", "init");
    now_ms += ENGINE_NETWORK_WAIT_S * 1000 + 1000;
    EQ(next(), -1);
    IS(45, "vm", "error");
}

TEST(updates_follow_the_rules)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    settle();
    json_t *same = vm("vm", "10.20.2.2", "{\"ports\":[{\"proto\":\"tcp\",\"host\":8080,\"guest\":80}]}");
    OK(!engine_update(
        engine,
        deployment(7, 42, 2, json_pack("[O,o,o]", same, zmount_of("disk", 1 << 21, 2), network_of("net"))),
        1000001, said));
    OK(strcmp(said, "expecting deployment version 1, got 2") == 0);
    OK(!engine_update(
        engine,
        deployment(7, 42, 1, json_pack("[O,o,o]", same, zmount_of("disk", 1 << 21, 0), network_of("net"))),
        1000001, said));
    OK(strcmp(said, "invalid version number for workload 'disk' expected '1'") == 0);
    OK(!engine_update(
        engine,
        deployment(7, 42, 1, json_pack("[O,o,o]", same, zmount_of("disk", 1 << 19, 1), network_of("net"))),
        1000001, said));
    OK(strstr(said, "shrink"));
    OK(!engine_update(engine, deployment(8, 42, 1, json_pack("[o]", network_of("net"))), 1000001, said));
    OK(strstr(said, "not found"));
    OK(engine_update(
        engine,
        deployment(7, 42, 1, json_pack("[O,o,o]", same, zmount_of("disk", 1 << 21, 1), network_of("net"))),
        1000001, said));
    EQ(next(), JOB_DISK);
    EQ(job.disk_size, 1 << 21);
    done(HOST_OK, "");
    json_t *changes = engine_changes(engine, 7, 42),
           *last    = json_array_get(changes, json_array_size(changes) - 1);
    EQ(json_integer_value(json_object_get(last, "version")), 1); /* ok as it was, and another one */
    json_decref(changes);
    EQ(next(), -1);
    IS(42, "vm", "ok");
    OK(engine_update(
        engine, deployment(7, 42, 2, json_pack("[o,o]", zmount_of("disk", 1 << 21, 1), network_of("net"))),
        1000002, said));
    after(JOB_CLOSE, JOB_DROP_MACHINE);
    done(HOST_OK, "");
    EQ(next(), -1);
    IS(42, "vm", "none");
    json_decref(same);
}

TEST(what_does_not_fit_is_refused)
{
    fresh();
    json_t *big = zmount_of("disk", (json_int_t)200 << 30, 0);
    OK(engine_deploy(engine, deployment(7, 42, 0, json_pack("[o]", big)), 1000000, said));
    EQ(next(), -1);
    IS(42, "disk", "error");
    OK(engine_deploy(engine, web(43), 1000000, said));
    settle();
    OK(engine_deploy(
        engine,
        deployment(7, 44, 0, json_pack("[o,o]", zmount_of("disk", 4096, 0), vm("vm2", "10.20.2.2", ""))),
        1000000, said));
    settle();
    IS(44, "vm2", "error"); /* the address is taken */
    OK(engine_deploy(engine,
                     deployment(7, 45, 0,
                                json_pack("[o,o]", zmount_of("disk", 4096, 0),
                                          vm("vm3", "10.20.2.3",
                                             "{\"ports\":[{\"proto\":\"tcp\",\"host\":8080,\"guest\":1}]}"))),
                     1000000, said));
    settle();
    IS(45, "vm3", "error"); /* the port is taken */
    OK(!engine_deploy(engine, deployment(7, 46, 0, json_pack("[o]", network_of("net"))), 1000000, said));
    OK(strstr(said, "network of this name"));
    OK(!engine_deploy(engine,
                      deployment(7, 47, 0,
                                 json_pack("[{s:i,s:s,s:s,s:{s:i,s:s}}]", "version", 0, "name", "db", "type",
                                           "zdb", "data", "size", 4096, "mode", "seq")),
                      1000000, said));
    OK(strstr(said, "does not offer zdb"));
    OK(!engine_deploy(engine, web(43), 1000000, said));
    OK(strstr(said, "already"));
}

TEST(a_disk_grows_only_into_what_is_left)
{
    fresh();
    json_int_t gib = (json_int_t)1 << 30;
    OK(engine_deploy(engine, deployment(7, 42, 0, json_pack("[o]", zmount_of("disk", gib, 0))), 1000000,
                     said));
    OK(engine_deploy(engine, deployment(8, 43, 0, json_pack("[o]", zmount_of("disk", 60 * gib, 0))), 1000000,
                     said));
    settle();
    OK(!engine_update(engine, deployment(7, 42, 1, json_pack("[o]", zmount_of("disk", 41 * gib, 1))), 1000001,
                      said));
    OK(strstr(said, "not enough disk"));
    OK(!engine_update(engine,
                      deployment(7, 42, 1, json_pack("[o]", zmount_of("disk", (json_int_t)1 << 52, 1))),
                      1000001, said));
    IS(42, "disk", "ok");
    OK(engine_update(engine, deployment(7, 42, 1, json_pack("[o]", zmount_of("disk", 40 * gib, 1))), 1000001,
                     said));
    EQ(next(), JOB_DISK);
    EQ(job.disk_size, 40 * gib);
    done(HOST_OK, "");
}

static json_t *net_of(const char *name)
{
    json_t *json = network_of("net");
    json_object_set_new(json, "name", json_string(name));
    return json;
}

/* The short names of 7's a915368 and 8's b938843 are the same: found by trying a million. */
TEST(nobody_comes_into_anothers_network_by_a_name_of_the_same_hash)
{
    char one[NETWORK_LEN + 1], two[NETWORK_LEN + 1];
    fresh();
    plan_network_id(7, "a915368", one);
    plan_network_id(8, "b938843", two);
    OK(strcmp(one, two) == 0);
    OK(engine_deploy(engine, deployment(7, 42, 0, json_pack("[o]", net_of("a915368"))), 1000000, said));
    OK(!engine_deploy(engine, deployment(8, 43, 0, json_pack("[o]", net_of("b938843"))), 1000000, said));
    OK(strstr(said, "take another name"));
    settle();
    OK(!engine_deploy(engine, deployment(8, 43, 0, json_pack("[o]", net_of("b938843"))), 1000000, said));
    engine_desire(engine, 42, DESIRED_DELETED, "contract canceled", "block 9", 1000001);
    OK(!engine_deploy(engine, deployment(8, 43, 0, json_pack("[o]", net_of("b938843"))), 1000000, said));
    settle();
    OK(engine_deploy(engine, deployment(8, 43, 0, json_pack("[o]", net_of("b938843"))), 1000000, said));
}

TEST(history_has_an_end)
{
    int code        = 1;
    char *long_text = calloc(1, 60001);
    memset(long_text, 'x', 60000);
    fresh();
    json_t *machine = vm("vm", "10.20.2.2", "");
    json_object_set_new(machine, "description", json_string(long_text));
    free(long_text);
    OK(engine_deploy(
        engine,
        deployment(7, 42, 0, json_pack("[o,o,o]", machine, zmount_of("disk", 4096, 0), network_of("net"))),
        1000000, said));
    settle();
    for (int i = 0; i < 60; i++) {
        engine_look(engine, now_ms, has_ended, &code);
        now_ms += 2 * ENGINE_BACKOFF_MAX_MS;
        after(JOB_OPEN, JOB_MACHINE);
        done(HOST_OK, "");
    }
    json_t *changes = engine_changes(engine, 7, 42);
    char *text      = json_dumps(changes, JSON_COMPACT);
    OK(json_array_size(changes) > 60 && strlen(text) < (4 << 20) + 4096);
    json_t *last = json_object_get(json_array_get(changes, json_array_size(changes) - 1), "result");
    OK(strcmp(json_string_value(json_object_get(last, "state")), "ok") == 0);
    free(text);
    json_decref(changes);
}

/* The worker is at it while its user sends another version. */
TEST(an_update_that_comes_while_a_job_is_out_is_carried_out_after_it)
{
    fresh();
    OK(engine_deploy(engine, deployment(7, 42, 0, json_pack("[o]", zmount_of("disk", 1 << 20, 0))), 1000000,
                     said));
    EQ(next(), JOB_DISK);
    OK(engine_update(engine, deployment(7, 42, 1, json_pack("[o]", zmount_of("disk", 2 << 20, 1))), 1000001,
                     said));
    done(HOST_OK, "");
    EQ(next(), JOB_DISK);
    EQ(job.disk_size, 2 << 20);
    OK(engine_update(engine, deployment(7, 42, 2, json_pack("[o]", zmount_of("disk", 3 << 20, 2))), 1000002,
                     said));
    done(HOST_REFUSED, "too large, as it was");
    EQ(next(), JOB_DISK);
    EQ(job.disk_size, 3 << 20);
    done(HOST_OK, "");
    IS(42, "disk", "ok");
    EQ(next(), -1);
}

TEST(an_update_that_comes_while_what_failed_is_taken_away_makes_it_anew)
{
    fresh();
    OK(engine_deploy(engine, deployment(7, 42, 0, json_pack("[o]", zmount_of("disk", 1 << 20, 0))), 1000000,
                     said));
    EQ(next(), JOB_DISK);
    done(HOST_REFUSED, "no");
    IS(42, "disk", "error");
    EQ(next(), JOB_DROP_DISK);
    OK(engine_update(engine, deployment(7, 42, 1, json_pack("[o]", zmount_of("disk", 2 << 20, 1))), 1000001,
                     said));
    done(HOST_OK, "");
    IS(42, "disk", "init");
    EQ(next(), JOB_DISK);
    EQ(job.disk_size, 2 << 20);
    done(HOST_OK, "");
    IS(42, "disk", "ok");
}

TEST(what_was_paused_by_half_is_made_again_when_it_is_resumed)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    settle();
    engine_desire(engine, 42, DESIRED_PAUSED, "grace period", "", 1000001);
    EQ(next(), JOB_PAUSE);
    done(HOST_LATER, "frozen, but its rules cannot be set");
    engine_desire(engine, 42, DESIRED_RUN, "paid", "", 1000002);
    after(JOB_OPEN, JOB_MACHINE);
    done(HOST_OK, "");
    IS(42, "vm", "ok");
    EQ(next(), -1);
}

static void say_count(uint64_t bytes, uint64_t born)
{
    job.counts      = calloc(1, sizeof *job.counts);
    job.count_count = 1;
    plan_wid(7, 42, "vm", job.counts[0].wid);
    job.counts[0].bytes = bytes;
    job.counts[0].born  = born;
}

static uint64_t counted(void)
{
    uint32_t count;
    engine_nru_t *list = engine_nru(engine, &count);
    uint64_t bytes     = count == 1 && list[0].contract_id == 42 ? list[0].bytes : 0;
    free(list);
    return bytes;
}

TEST(the_rules_of_a_machine_are_written_after_a_pause_however_it_ended)
{
    for (int is_killed = 0; is_killed < 2; is_killed++) {
        fresh();
        OK(engine_deploy(engine, web(42), 1000000, said));
        settle();
        if (!is_killed) start(); /* found running: its rules are there */
        engine_desire(engine, 42, DESIRED_PAUSED, "grace period", "", 1000001);
        EQ(next(), JOB_PAUSE);
        if (is_killed)
            job_fini(&job);
        else
            done(HOST_OK, "");
        engine_desire(engine, 42, DESIRED_RUN, "paid", "", 1000002);
        if (is_killed) start(); /* the rules were written, or not */
        while (next() != JOB_MACHINE)
            done(HOST_OK, "");
        OK(!job.is_known);
        done(HOST_OK, "");
        start();
        while (next() != JOB_MACHINE)
            done(HOST_OK, "");
        OK(job.is_known);
        done(HOST_OK, "");
    }
}

TEST(counters_add_up_over_a_restart_of_the_counter)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    settle();
    static const uint64_t readings[][3] = {
        {1000, 0, 1000},
        {1500, 0, 1500},
        {200,  0, 1700}, /* of which no birth is known: less is anew */
        {300,  5, 1800},
        {300,  5, 1800},
        {900,  5, 2400},
        {950,  6, 3350}, /* another counter, which has passed the last one's reading */
        {951,  6, 3351},
        {0,    7, 3351},
        {1,    7, 3352}
    };
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        engine_meter(engine);
        EQ(next(), JOB_METER);
        say_count(readings[i][0], readings[i][1]);
        done(HOST_OK, "");
        EQ(counted(), readings[i][2]);
        if (i % 3 == 2) {
            start(); /* the agent knows it after a restart */
            settle();
        }
    }
    uint32_t count;
    engine_nru_taken(engine, 42, 2000000);
    engine_nru_t *list = engine_nru(engine, &count);
    EQ(list[0].bytes, 0);
    EQ(list[0].since_s, 2000000);
    free(list);
}

TEST(what_a_machine_moved_last_is_counted_when_it_goes_and_once)
{
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    settle();
    engine_meter(engine);
    EQ(next(), JOB_METER);
    say_count(1000, 5);
    done(HOST_OK, "");
    OK(engine_update(
        engine, deployment(7, 42, 1, json_pack("[o,o]", zmount_of("disk", 1 << 20, 0), network_of("net"))),
        1000001, said));
    EQ(next(), JOB_CLOSE);
    say_count(1700, 5);
    done(HOST_LATER, "no counters");
    EQ(counted(), 1700);
    start(); /* killed after that, it does it again */
    EQ(next(), JOB_CLOSE);
    say_count(1700, 5);
    done(HOST_OK, "");
    EQ(next(), JOB_DROP_MACHINE);
    done(HOST_OK, "");
    EQ(counted(), 1700);
}

/* A sweep that found one object that nobody knows; how many of the last one's it was to drop. */
static unsigned sweep(void)
{
    engine_sweep(engine);
    if (next() != JOB_SWEEP) return 99;
    unsigned count = job.suspect_count;
    free(job.suspects);
    job.suspects      = calloc(1, sizeof *job.suspects);
    job.suspect_count = 1;
    *job.suspects     = (job_object_t){'d', "vol-somebody"};
    done(HOST_OK, "");
    return count;
}

TEST(what_is_not_understood_is_not_swept)
{
    static const char *const spoils[] = {"UPDATE deployment SET json = '{\"version\":\"x\"}'",
                                         "UPDATE workload SET json = '{' WHERE name = 'disk'"};
    for (size_t i = 0; i < 2; i++) {
        fresh();
        OK(engine_deploy(engine, web(42), 1000000, said));
        while (next() >= 0)
            done(HOST_OK, "");
        EQ(sweep(), 0);
        EQ(sweep(), 1); /* seen for the second time */
        OK(db_do(db, spoils[i], ""));
        start();
        EQ(sweep(), 0);
        EQ(sweep(), 0);
        OK(!engine_deploy(engine, web(43), 1000000, said) && strstr(said, "does not understand"));
        OK(strncmp(engine_takes(engine), "nothing", 7) == 0);
    }
}

TEST(a_state_that_cannot_be_read_starts_no_engine)
{
    static const char *const tables[] = {"deployment", "workload", "trash"};
    engine_config_t config            = {.state_dir = folder, .pool_dir = "/pool"};
    char away[64], back[64];
    fresh();
    OK(engine_deploy(engine, web(42), 1000000, said));
    config.db = db;
    for (size_t i = 0; i < 3; i++) {
        snprintf(away, sizeof away, "ALTER TABLE %s RENAME TO away", tables[i]);
        snprintf(back, sizeof back, "ALTER TABLE away RENAME TO %s", tables[i]);
        OK(db_do(db, away, "") && !engine_new(&config) && db_do(db, back, ""));
    }
    start();
    IS(42, "vm", "init");
}

TEST(images_are_found_by_name_and_digest_never_by_path)
{
    image_t image;
    fresh();
    static const char *const right[] = {"web", "oci:web:latest", "sha256:d0"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        OK(image_find(db, folder, right[i], &image));
        free(image.config);
    }
    static const char *const wrong[] = {"",          "/etc",         "file:///etc", "oci:../web",
                                        "oci:web:1", "sha256:../d0", "a b",         "web\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        OK(!image_find(db, folder, wrong[i], &image));
    stop();
    folder_remove(folder);
}

TEST_MAIN()
