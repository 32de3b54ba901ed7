/* The crash matrix of databases and of logs that are sent: whatever dies or is taken away, in the end they
 * are as the chain asks, no write that was answered is lost, and nothing is left.
 *
 *     ZOS_CRASH_STRIDE=1 test_service_faults     kills the core at every step of a life
 *
 * Needs root and redis-server. */
#include "faults.h"
#include "logs.h"
#include "shim.h"

#include <fcntl.h>
#include <sys/wait.h>

#define STRIDE 61
#define MIB    UINT64_C(1048576)

static uint64_t contract = 600; /* of this case */

static bool is_ok(const char *name) { return strcmp(result_of(contract, name, "state"), "ok") == 0; }

static bool all_run(void) { return is_ok("db1") && is_ok("zlogs_web") && is_ok("web"); }

static bool is_gone(void) { return engine_is_idle(engine); }

static bool run_or_are_gone(void)
{
    return all_run() || is_gone() || strcmp(result_of(contract, "db1", "state"), "deleted") == 0;
}

/* A machine that talks, what sends its words, and a database: one deployment. */
static bool deploy(void)
{
    char error[ENGINE_ERROR_MAX + 1];
    json_t *list = web("oci:web-demo", "", 16 << 20);
    json_object_set_new(
        json_object_get(json_array_get(list, 2), "data"), "entrypoint",
        json_string("sh -c 'trap exit TERM; while :; do echo tick; busybox sleep 1 & wait; done'"));
    json_array_append_new(list,
                          json_pack("{s:i,s:s,s:s,s:{s:s,s:s}}", "version", 0, "name", "zlogs_web", "type",
                                    "zlogs", "data", "zmachine", "web", "output", "tcp://10.20.3.9:7001"));
    json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:{s:I,s:s,s:s,s:b}}", "version", 0, "name", "db1",
                                          "type", "zdb", "data", "size", (json_int_t)(16 * MIB), "mode",
                                          "user", "password", "secret", "public", 0));
    bool is_taken = engine_deploy(engine, deployment(contract, list), (int64_t)(virtual_ms() / 1000), error);
    if (!is_taken && !strstr(error, "already")) printf("%s\n", error);
    return is_taken;
}

static void cancel(void)
{
    engine_desire(engine, contract, DESIRED_DELETED, "contract canceled", "block",
                  (int64_t)(virtual_ms() / 1000));
}

static int process_of(const char *name) { return core_process(7, contract, name); }

static bool answers(const char *word, const char *key, const char *value, const char *wanted)
{
    spawn_result_t said;
    char number[8];
    snprintf(number, sizeof number, "%u", core_zdb_port());
    for (uint64_t end_ms = now_ms() + 15000; now_ms() < end_ms; poll(NULL, 0, 50)) {
        SPAWN(&said, 8000, "timeout", "2", "redis-cli", "-p", number, "-a", "secret", "--no-auth-warning",
              word, key, value);
        if (strcmp(said.text, wanted) == 0) return true;
    }
    printf("%s\n", said.text);
    return false;
}

static bool live(void)
{
    if (!deploy() || !work_until(all_run)) return false;
    engine_desire(engine, contract, DESIRED_PAUSED, "grace period", "block", (int64_t)(virtual_ms() / 1000));
    core_work(3000);
    cancel();
    return work_until(is_gone);
}

TEST(a_core_that_is_killed_at_any_step_does_what_was_asked_when_it_comes_back)
{
    const char *from = getenv("ZOS_CRASH_FROM");
    unsigned point   = from ? (unsigned)strtoul(from, NULL, 10) : 1;
    for (; point < POINTS_MAX; point += crash_stride(STRIDE)) {
        life_t life = life_until(point, live);
        OK(life != LIFE_WRONG);
        core_open();
        json_t *known = engine_get(engine, 7, contract);
        json_decref(known);
        if (!known) OK(deploy());
        if (life == LIFE_WHOLE) {
            core_close();
            break; /* there are no more steps */
        }
        engine_desire(engine, contract, DESIRED_RUN, "grace period ended", "block", 0);
        OK(work_until(run_or_are_gone));
        if (all_run()) OK(process_of("db1") && process_of("zlogs_web") && answers("PING", "x", NULL, "x"));
        ENDS_CLEAN();
    }
    printf("%u steps of one life\n", point);
    OK(point < POINTS_MAX);
    contract++;
    OK(left_nothing());
}

TEST(a_shim_that_is_killed_while_it_starts_a_database_is_run_again)
{
    for (unsigned ms = 2; ms <= 120 && !test_failed_; ms += 59) {
        char wid[WID_LEN + 1];
        plan_wid(7, contract, "db1", wid);
        core_open();
        OK(deploy());
        pid_t hunter = fork();
        if (hunter == 0) hunt("zos-shim", wid, ms * 1000, false);
        bool run = work_until(all_run);
        kill(hunter, SIGKILL);
        waitpid(hunter, NULL, 0);
        OK(run && answers("SET", "a", "one", "OK"));
        ENDS_CLEAN();
    }
}

/* A machine reaches databases of the node by an address of the node: here its end of the machine's uplink. */
TEST(a_machine_reaches_a_database_and_the_database_nothing)
{
    spawn_result_t said;
    uint8_t near[4];
    char address[16], number[8], pid[16];
    core_open();
    OK(deploy() && work_until(all_run));
    OK(answers("SET", "a", "one", "OK"));
    network_host_end(real_prefix, 0, near);
    snprintf(address, sizeof address, "%u.%u.%u.%u", near[0], near[1], near[2], near[3]);
    snprintf(number, sizeof number, "%u", core_zdb_port());
    snprintf(pid, sizeof pid, "%d", process_of("web"));
    OK(SPAWN(&said, 8000, "nsenter", "-t", pid, "-n", "timeout", "3", "redis-cli", "-h", address, "-p",
             number, "-a", "secret", "--no-auth-warning", "GET", "a"));
    OK(strcmp(said.text, "one") == 0);
    snprintf(pid, sizeof pid, "%d", process_of("db1"));
    static const char *const others[] = {"10.255.255.1", "10.20.3.2", "8.8.8.8", "192.0.2.2", NULL};
    for (const char *const *other = others; *other; other++)
        OK(!SPAWN(&said, 8000, "nsenter", "-t", pid, "-n", "timeout", "1", "bash", "-c", "</dev/tcp/$0/80",
                  *other));
    OK(!SPAWN(&said, 8000, "nsenter", "-t", pid, "-n", "timeout", "1", "bash", "-c", "</dev/tcp/$0/$1",
              address, number)); /* nor its own port by the node */
    ENDS_CLEAN();
}

/* Waits until the log of a database has this. */
static bool is_kept(const char *name, const char *text)
{
    char path[PATH_CAP];
    if (!core_disk(contract, name, path)) return false;
    for (int i = 0; i < 100; i++, poll(NULL, 0, 50))
        if (SPAWN(NULL, 5000, "grep", "-rq", text, path)) return true;
    return false;
}

TEST(what_is_killed_comes_back_with_what_it_had)
{
    core_open();
    OK(deploy() && work_until(all_run));
    OK(answers("SET", "a", "one", "OK"));
    OK(is_kept("db1", "one")); /* redis writes its log within a second */
    int database = process_of("db1"), sender = process_of("zlogs_web"), machine = process_of("web");
    OK(database && sender && machine);
    OK(kill(database, SIGKILL) == 0 && kill(sender, SIGKILL) == 0);
    for (int i = 0; i < 200 && all_run(); i++) {
        engine_look(engine, virtual_ms(), look, NULL);
        poll(NULL, 0, 20);
    }
    OK(work_until(all_run));
    OK(answers("GET", "a", NULL, "one"));
    OK(process_of("db1") != database && process_of("zlogs_web") != sender);
    EQ(process_of("web"), machine);
    ENDS_CLEAN();
}

TEST(a_namespace_or_a_table_that_is_taken_away_is_made_again)
{
    char zdb[NETWORK_LEN + 1], net[NETWORK_LEN + 1], name[32], text[64];
    spawn_result_t said;
    core_open();
    OK(deploy() && work_until(all_run));
    int database = process_of("db1"), sender = process_of("zlogs_web");
    snprintf(text, sizeof text, "%d:db1", (int)contract);
    plan_network_id(7, text, zdb);
    plan_network_id(7, "net", net);
    network_namespace(&host, zdb, name);
    OK(SPAWN(&said, 5000, "ip", "netns", "del", name));
    network_namespace(&host, net, name);
    OK(SPAWN(&said, 5000, "ip", "netns", "del", name));
    OK(SPAWN(&said, 5000, "nft", "delete", "table", "inet", real_prefix));
    engine_sweep(engine);
    OK(work_until(all_run));
    OK(work_until(all_run)); /* the sender follows in a job of its own */
    OK(answers("SET", "a", "one", "OK"));
    EQ(process_of("db1"), database);
    OK(process_of("zlogs_web") != 0 && process_of("zlogs_web") != sender);
    ENDS_CLEAN();
}

TEST(what_nobody_knows_is_swept)
{
    core_open();
    OK(deploy() && work_until(all_run));
    core_close();
    db = db_open(host.state_dir, false, (char[256]){0});
    db_do(db, "DELETE FROM workload", "");
    db_do(db, "DELETE FROM deployment", "");
    db_close(db);
    core_open();
    engine_sweep(engine);
    core_work(2000);
    OK(process_of("db1") != 0); /* seen once */
    for (int i = 0; i < 3; i++) {
        engine_sweep(engine);
        core_work(4000);
    }
    core_close();
    contract++;
    OK(left_nothing());
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (!obstacle && access("/usr/bin/redis-server", X_OK) != 0) obstacle = "no redis-server";
    return core_main(argc, argv, obstacle);
}
