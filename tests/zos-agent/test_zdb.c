/* Databases on the real machine: reached with a password, full at their size, kept over kills, restarts and a
 * reboot, frozen and thawed, grown, removed without a trace.  Needs root and redis-server. */
#include "core.h"
#include "shim.h"

#include <signal.h>

#define MIB UINT64_C(1048576)

static uint64_t contract = 300;

static json_t *database(int version, const char *password, bool is_public, uint64_t size)
{
    return json_pack("[{s:i,s:s,s:s,s:{s:I,s:s,s:s,s:b}}]", "version", version, "name", "db1", "type", "zdb",
                     "data", "size", (json_int_t)size, "mode", "user", "password", password, "public",
                     is_public);
}

static bool deploy(bool is_public, uint64_t size)
{
    char error[ENGINE_ERROR_MAX + 1];
    bool is_ok = engine_deploy(engine, deployment(contract, database(0, "se cret\"", is_public, size)),
                               (int64_t)(now_ms() / 1000), error);
    if (!is_ok) printf("%s\n", error);
    return is_ok;
}

static uint16_t port(void) { return core_zdb_port(); }

/* What redis-cli says to some words, as the user of the namespace, or with password NULL as nobody. */
static const char *ask(const char *user, const char *password, const char *a, const char *b, const char *c)
{
    static spawn_result_t said;
    char number[8];
    const char *argv[20] = {"timeout",   "5",  "redis-cli", "-h",
                            "127.0.0.1", "-p", number,      "--no-auth-warning"};
    int count            = 8;
    snprintf(number, sizeof number, "%u", port());
    if (user && password) argv[count++] = "--user", argv[count++] = user;
    if (password) argv[count++] = "-a", argv[count++] = password;
    for (const char *const *word = (const char *const[]){a, b, c, NULL}; *word; word++)
        argv[count++] = *word;
    spawn_run(argv, 8000, &said);
    return said.text;
}

static const char *own(const char *a, const char *b, const char *c)
{
    return ask(NULL, "se cret\"", a, b, c);
}

static bool waits_for(const char *a, const char *b, const char *wanted)
{
    for (uint64_t end_ms = now_ms() + 15000; now_ms() < end_ms; poll(NULL, 0, 50))
        if (strcmp(own(a, b, NULL), wanted) == 0) return true;
    printf("%s\n", own(a, b, NULL));
    return false;
}

static void cancel(void)
{
    engine_desire(engine, contract, DESIRED_DELETED, "contract canceled", "block", 0);
    core_work(20000);
    IS(contract, "db1", "deleted");
    OK(engine_is_idle(engine));
    contract++;
    OK(left_nothing());
}

static const char *wid(void)
{
    static char text[WID_LEN + 1];
    plan_wid(7, contract, "db1", text);
    return text;
}

static int first_process(void) { return core_process(7, contract, "db1"); }

/* Works until its first process is another one than this. */
static bool runs_anew(int pid)
{
    for (uint64_t end_ms = now_ms() + 20000; now_ms() < end_ms; poll(NULL, 0, 50)) {
        core_work(50);
        if (first_process() != pid && first_process() != 0 &&
            strcmp(result_of(contract, "db1", "state"), "ok") == 0)
            return true;
    }
    return false;
}

TEST(a_database_answers_to_its_password_and_its_result_says_where)
{
    json_t *json, *data;
    char space[64];
    core_open();
    OK(deploy(false, 32 * MIB));
    core_work(20000);
    IS(contract, "db1", "ok");
    json = engine_get(engine, 7, contract);
    data = json_object_get(json_object_get(json_array_get(json_object_get(json, "workloads"), 0), "result"),
                           "data");
    snprintf(space, sizeof space, "7-%d-db1", (int)contract);
    EQ(strcmp(json_string_value(json_object_get(data, "Namespace")), space), 0);
    EQ(json_integer_value(json_object_get(data, "Port")), port());
    EQ(strcmp(json_string_value(json_array_get(json_object_get(data, "IPs"), 0)), "127.0.0.1"), 0);
    EQ(json_object_size(data), 3);
    json_decref(json);
    OK(waits_for("PING", NULL, "PONG"));
    OK(strcmp(own("SET", "a", "one"), "OK") == 0);
    OK(strcmp(ask(space, "se cret\"", "GET", "a", NULL), "one") == 0);
    OK(strstr(ask(NULL, NULL, "GET", "a", NULL), "NOAUTH"));
    OK(strstr(ask(NULL, "wrong", "GET", "a", NULL), "NOAUTH"));
}

TEST(nobody_reaches_the_server_itself)
{
    static const char *const words[][3] = {
        {"CONFIG",    "GET",       "maxmemory"},
        {"EVAL",      "return 1",  "0"        },
        {"ACL",       "LIST",      NULL       },
        {"SHUTDOWN",  NULL,        NULL       },
        {"DEBUG",     "JMAP",      NULL       },
        {"MODULE",    "LIST",      NULL       },
        {"REPLICAOF", "127.0.0.1", "1"        },
        {"SAVE",      NULL,        NULL       },
        {"FUNCTION",  "LIST",      NULL       },
        {"CLIENT",    "LIST",      NULL       },
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        OK(strstr(own(words[i][0], words[i][1], words[i][2]),
                  words[i][0][0] == 'D' ? "not allowed" : "NOPERM"));
    OK(first_process() != 0);
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%d/status", first_process());
    OK(file_read(path, text, sizeof text));
    OK(!strstr(text, "\nUid:\t0\t") && strstr(text, "\nCapEff:\t0000000000000000\n"));
    OK(strstr(text, "\nNoNewPrivs:\t1\n") && strstr(text, "\nSeccomp:\t2\n"));
}

TEST(it_opens_no_connection_itself)
{
    spawn_result_t said;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", first_process());
    OK(SPAWN(&said, 10000, "nsenter", "-t", pid, "-n", "sh", "-c",
             "! timeout 2 bash -c '</dev/tcp/192.0.2.2/22' 2>/dev/null"));
}

TEST(it_is_kept_when_the_agent_the_shim_or_the_server_is_killed)
{
    core_close(); /* the agent is away */
    OK(strcmp(own("GET", "a", NULL), "one") == 0);
    int pid = first_process();
    core_open();
    core_work(5000);
    EQ(first_process(), pid);
    OK(pid > 0 && kill(pid, SIGKILL) == 0);
    OK(runs_anew(pid));
    OK(waits_for("GET", "a", "one"));
    OK(first_process() != pid);
}

TEST(a_reboot_leaves_the_data)
{
    /* A reboot: no processes, nothing mounted, no namespaces, no run folder. */
    char folder[PATH_CAP], id[NETWORK_LEN + 1];
    spawn_result_t said;
    OK(strcmp(own("SET", "b", "two"), "OK") == 0);
    core_close();
    OK(machine_stop(&host, wid()).status == HOST_OK);
    OK(machine_folder(&host, wid(), folder));
    SPAWN(&said, 5000, "rm", "-rf", folder);
    char text[64];
    snprintf(text, sizeof text, "%d:db1", (int)contract);
    plan_network_id(7, text, id);
    OK(network_drop(&host, id).status == HOST_OK);
    OK(firewall_apply(&host, &(firewall_plan_t){NULL, 0}).status == HOST_OK);
    core_open();
    OK(runs_anew(0));
    OK(waits_for("GET", "b", "two"));
    OK(waits_for("GET", "a", "one"));
}

TEST(a_paused_database_is_frozen_unreachable_and_kept)
{
    cgroup_usage_t first, second;
    engine_desire(engine, contract, DESIRED_PAUSED, "grace period", "block", 0);
    core_work(10000);
    IS(contract, "db1", "paused");
    OK(machine_usage(&host, wid(), &first));
    OK(!strstr(own("GET", "a", NULL), "one"));
    OK(machine_usage(&host, wid(), &second));
    EQ(second.cpu_ns, first.cpu_ns);
    EQ(engine_resources(engine, contract).hru, 32 * MIB);
    engine_desire(engine, contract, DESIRED_RUN, "grace period ended", "block", 0);
    core_work(10000);
    IS(contract, "db1", "ok");
    OK(waits_for("GET", "a", "one"));
}

/* Sends `rounds` times a piece of some 64 KiB under each of the keys from `first` on; how many went in. */
static unsigned fill(unsigned first, unsigned keys, unsigned rounds)
{
    spawn_result_t said;
    char script[512];
    snprintf(script, sizeof script,
             "head -c 45000 /dev/urandom | base64 -w0 > $0/piece; echo >> $0/piece; awk '{ for (r = 0; r < "
             "%u; r++) "
             "for (i = %u; i < %u; i++) print \"SET k\" i \" \" $0 }' $0/piece | "
             "redis-cli -p %u -a 'se cret\"' --no-auth-warning | grep -c OK",
             rounds, first, first + keys, port());
    SPAWN(&said, 60000, "sh", "-c", script, real_dir);
    return (unsigned)strtoul(said.text, NULL, 10);
}

TEST(a_full_database_refuses_writes_and_evicts_nothing)
{
    char count[16];
    unsigned pieces = fill(0, 700, 1);
    printf("%u pieces of 60,000 bytes in 32 MiB\n", pieces);
    OK(pieces > 450 && pieces < 560);
    EQ(fill(1000, 1, 1), 0);
    OK(strcmp(own("GET", "a", NULL), "one") == 0);
    snprintf(count, sizeof count, "%u", pieces + 2);
    OK(strcmp(own("DBSIZE", NULL, NULL), count) == 0);
    OK(strcmp(own("DEL", "k0", "k1"), "2") == 0);
    EQ(fill(1000, 1, 1), 1);
}

TEST(its_log_stays_within_its_disk_however_often_it_is_overwritten)
{
    OK(strcmp(own("FLUSHALL", NULL, NULL), "OK") == 0);
    OK(strcmp(own("SET", "a", "one"), "OK") == 0);
    EQ(fill(0, 400, 9), 3600); /* 216 MB written into a disk of 160 MiB, none refused */
    OK(strcmp(own("GET", "a", NULL), "one") == 0);
}

TEST(it_grows_and_never_shrinks)
{
    char error[ENGINE_ERROR_MAX + 1];
    OK(!engine_update(engine, deployment_of(7, 1, contract, database(1, "se cret\"", false, 16 * MIB)), 0,
                      error));
    OK(strstr(error, "cannot shrink"));
    OK(!engine_update(engine, deployment_of(7, 1, contract, database(1, "se cret\"", false, 9000 * MIB)), 0,
                      error));
    OK(strstr(error, "not enough"));
    printf("%s\n", error);
    OK(engine_update(engine, deployment_of(7, 1, contract, database(1, "se cret\"", false, 64 * MIB)), 0,
                     error));
    core_work(20000);
    IS(contract, "db1", "ok");
    OK(waits_for("GET", "a", "one"));
    EQ(fill(600, 400, 1), 400);
    cancel();
    core_close();
}

TEST(a_public_database_is_read_by_all_and_written_with_the_password)
{
    char space[64];
    core_open();
    OK(deploy(true, 16 * MIB));
    core_work(20000);
    IS(contract, "db1", "ok");
    snprintf(space, sizeof space, "7-%d-db1", (int)contract);
    for (int i = 0; i < 100 && strcmp(ask(NULL, NULL, "PING", NULL, NULL), "PONG") != 0; i++)
        poll(NULL, 0, 50);
    OK(strcmp(ask(space, "se cret\"", "SET", "a", "one"), "OK") == 0);
    OK(strcmp(ask(NULL, NULL, "GET", "a", NULL), "one") == 0);
    OK(strstr(ask(NULL, NULL, "SET", "a", "two"), "NOPERM"));
    OK(strstr(ask(NULL, NULL, "FLUSHALL", NULL, NULL), "NOPERM"));
    cancel();
    core_close();
}

static int taker(uint16_t number)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(number)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0) return fd;
    close(fd);
    return -1;
}

TEST(ports_that_other_programs_have_are_passed_over)
{
    int first = taker(port()), second = taker((uint16_t)(port() + 1));
    OK(first >= 0 && second >= 0);
    core_open();
    OK(deploy(false, 16 * MIB));
    OK(runs_anew(0));
    json_t *json = engine_get(engine, 7, contract);
    json_t *data = json_object_get(
        json_object_get(json_array_get(json_object_get(json, "workloads"), 0), "result"), "data");
    EQ(json_integer_value(json_object_get(data, "Port")), port() + 2);
    json_decref(json);
    close(first);
    close(second);
    cancel();
    core_close();
}

TEST(a_deleted_database_is_in_the_trash_for_a_while)
{
    char error[ENGINE_ERROR_MAX + 1];
    core_trash_s = 3600;
    core_open();
    OK(deploy(false, 16 * MIB));
    OK(runs_anew(0));
    OK(waits_for("PING", NULL, "PONG"));
    engine_desire(engine, contract, DESIRED_DELETED, "contract canceled", "block", 0);
    core_work(20000);
    IS(contract, "db1", "deleted");
    json_t *trash = engine_trash(engine), *entry = json_array_get(json_object_get(trash, "trash"), 0);
    EQ(json_integer_value(json_object_get(entry, "size")), 112 * MIB);
    EQ(json_integer_value(json_object_get(entry, "contract_id")), contract);
    json_decref(trash);
    OK(engine_trash_empty(engine, NULL, error));
    core_work(5000);
    trash = engine_trash(engine);
    EQ(json_array_size(json_object_get(trash, "trash")), 0);
    json_decref(trash);
    core_close();
    core_trash_s = 0;
    contract++;
    OK(left_nothing());
}

TEST(what_cannot_be_is_refused_with_its_reason)
{
    char error[ENGINE_ERROR_MAX + 1];
    core_open();
    json_t *seq = database(0, "p", false, 32 * MIB);
    json_object_set_new(json_object_get(json_array_get(seq, 0), "data"), "mode", json_string("seq"));
    OK(!engine_deploy(engine, deployment(contract, seq), 0, error));
    OK(strstr(error, "mode seq"));
    OK(!engine_deploy(engine, deployment(contract, database(0, "", false, 32 * MIB)), 0, error));
    OK(strstr(error, "password"));
    OK(!engine_deploy(engine, deployment(contract, database(0, "p", false, 4096)), 0, error));
    OK(strstr(error, "at least 16 MiB"));
    OK(engine_deploy(engine, deployment(contract, database(0, "p", false, 9000 * MIB)), 0, error));
    core_work(2000);
    IS(contract, "db1", "error");
    OK(strstr(result_of(contract, "db1", "message"), "not enough"));
    printf("%s\n", result_of(contract, "db1", "message"));
    core_close();
    OK(left_nothing());
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (!obstacle && access("/usr/bin/redis-server", X_OK) != 0) obstacle = "no redis-server";
    if (!obstacle && access("/usr/bin/redis-cli", X_OK) != 0) obstacle = "no redis-cli";
    if (obstacle) return test_skip("databases cannot be run here", obstacle);
    /* By hand: without user namespaces, and on disks that are files. */
    bool is_plain = getenv("TRELLIS_PLAIN") != NULL;
    if (!core_start(&(host_config_t){.is_user_space_off = is_plain, .is_ext4_forced = is_plain})) return 1;
    int status = test_main_(argc, argv);
    folder_remove(real_dir);
    return status;
}
