/* The agent's core on the real machine: deployed, killed at any moment, found again, cancelled; and what goes
 * wrong.
 *
 * The core is engine, worker and database without chain and bus, in a process of its own that is killed with
 * SIGKILL.  Needs root. */
#include "core.h"
#include "mounts.h"
#include "netlink.h"
#include "shim.h"

#include <signal.h>
#include <sys/wait.h>

static void count_group(void *context, const char *name)
{
    (void)name;
    ++*(unsigned *)context;
}

/* First processes of containers of ours: one web server has one. */
static unsigned count_servers(void)
{
    unsigned groups  = 0;
    cgroup_t freezer = {.kind = host.cgroup.kind};
    for (uint32_t i = 0; i < host.cgroup.tree_count && freezer.tree_count == 0; i++)
        if (host.cgroup.kind == CGROUP_V2 || strstr(host.cgroup.tree[i].options, ",freezer,"))
            freezer.tree[freezer.tree_count++] = host.cgroup.tree[i];
    cgroup_children(&freezer, real_prefix, count_group, &groups);
    return groups;
}

TEST(a_core_that_is_killed_at_any_moment_leaves_one_workload_running)
{
    for (unsigned round = 0; round < 24; round++) {
        pid_t child = fork();
        if (child == 0) {
            core_open();
            if (!engine_get(engine, 7, 42)) {
                char error[ENGINE_ERROR_MAX + 1];
                if (!engine_deploy(engine, deployment(42, web("oci:web-demo", ports(real_port), 16 << 20)),
                                   (int64_t)(now_ms() / 1000), error))
                    _exit(1);
            }
            core_work(5000);
            pause();
        }
        poll(NULL, 0, (int)(15 + round * 17));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    core_open();
    core_work(8000);
    IS(42, "web", "ok");
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "<b>42</b>"));
    EQ(count_servers(), 1);
    core_close();
}

TEST(a_running_workload_is_found_again_and_not_touched)
{
    char wid[WID_LEN + 1], folder[PATH_CAP];
    shim_run_t first, second;
    plan_wid(7, 42, "web", wid);
    OK(machine_folder(&host, wid, folder) && shim_run_read(folder, &first));
    core_open();
    core_work(500);
    IS(42, "web", "ok");
    core_close();
    OK(shim_run_read(folder, &second));
    EQ(first.pid, second.pid);
    EQ(first.start_ticks, second.start_ticks);
}

TEST(a_workload_that_dies_is_started_again)
{
    char wid[WID_LEN + 1], folder[PATH_CAP];
    shim_run_t run;
    plan_wid(7, 42, "web", wid);
    core_open();
    core_work(200);
    OK(machine_folder(&host, wid, folder) && shim_run_read(folder, &run));
    OK(kill(run.pid, SIGKILL) == 0);
    for (int i = 0; i < 100; i++) {
        int code;
        if (machine_state(&host, wid, &code) == MACHINE_ENDED) break;
        poll(NULL, 0, 20);
    }
    core_work(100);
    IS(42, "web", "init");
    OK(strstr(result_of(42, "web", "message"), "status 137"));
    core_work(4000);
    IS(42, "web", "ok");
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "<b>42</b>"));
    core_close();
}

TEST(grace_stops_it_and_payment_brings_it_back)
{
    char wid[WID_LEN + 1];
    cgroup_usage_t first, second;
    plan_wid(7, 42, "web", wid);
    core_open();
    core_work(200);
    engine_desire(engine, 42, DESIRED_PAUSED, "grace period", "", 1);
    core_work(500);
    IS(42, "web", "paused");
    OK(machine_usage(&host, wid, &first));
    OK(real_fetch("127.0.0.1", real_port, 0)[0] == 0);
    OK(machine_usage(&host, wid, &second));
    EQ(second.cpu_ns, first.cpu_ns);
    core_close();
    core_open(); /* a new agent leaves it paused */
    core_work(500);
    IS(42, "web", "paused");
    OK(real_fetch("127.0.0.1", real_port, 0)[0] == 0);
    engine_desire(engine, 42, DESIRED_RUN, "paid", "", 2);
    core_work(500);
    IS(42, "web", "ok");
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "<b>42</b>"));
    core_close();
}

/* ---- what is taken away under it ---- */

static int first_process(void) { return core_process(7, 42, "web"); }

static bool in_network(const char *command)
{
    char id[NETWORK_LEN + 1], netns[32], table[8], link[20], wid[WID_LEN + 1];
    plan_network_id(7, "net", id);
    plan_wid(7, 42, "web", wid);
    network_namespace(&host, id, netns);
    snprintf(table, sizeof table, "%s", real_prefix);
    snprintf(link, sizeof link, "v%s", wid);
    spawn_result_t said;
    bool is_ok = SPAWN(&said, 5000, "sh", "-c", command, netns, table, link);
    if (!is_ok) printf("%s: %s\n", command, said.text);
    return is_ok;
}

/* A namespace goes away some time after its name; where a route is missing somebody outside may answer. */
static bool is_silent(void)
{
    for (int i = 0; i < 100; i++) {
        if (!strstr(real_fetch("127.0.0.1", real_port, 0), "<b>42</b>")) return true;
        poll(NULL, 0, 20);
    }
    return false;
}

TEST(what_is_deleted_under_it_is_made_again_and_nothing_is_restarted)
{
    static const char *const harms[] = {
        "ip netns delete $0",
        "ip netns exec $0 ip link delete dev br",
        "ip netns exec $0 ip link delete dev uplink",
        "ip netns exec $0 ip link delete dev $2",
        "ip netns exec $0 nft delete table inet $1",
        "nft delete table inet $1",
    };
    core_open();
    core_work(500);
    int pid = first_process();
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        OK(in_network(harms[i]));
        bool is_gone = is_silent();
        if (!is_gone) printf("still there after: %s\n", harms[i]);
        OK(is_gone);
        engine_sweep(engine);
        core_work(200);
        bool is_back = strstr(real_fetch("127.0.0.1", real_port, 3000), "<b>42</b>") != NULL;
        if (!is_back) printf("not back after: %s\n", harms[i]);
        OK(is_back);
        IS(42, "web", "ok");
    }
    EQ(first_process(), pid);
    EQ(count_servers(), 1);
    core_close();
}

TEST(a_paused_machine_is_tied_to_its_network_again)
{
    core_open();
    core_work(500);
    int pid = first_process();
    engine_desire(engine, 42, DESIRED_PAUSED, "grace period", "", 1);
    core_work(300);
    OK(in_network("ip netns delete $0"));
    engine_sweep(engine);
    core_work(300);
    OK(real_fetch("127.0.0.1", real_port, 0)[0] == 0);
    engine_desire(engine, 42, DESIRED_RUN, "paid", "", 2);
    core_work(500);
    OK(strstr(real_fetch("127.0.0.1", real_port, 3000), "<b>42</b>"));
    EQ(first_process(), pid);
    core_close();
}

static void forget_namespace(void *context, const char *name)
{
    (void)context;
    if (strncmp(name, real_prefix, strlen(real_prefix)) == 0) netns_drop(name);
}

static void unmount(void *context, const char *point)
{
    (void)context;
    SPAWN(NULL, 5000, "umount", point);
}

/* What a reboot takes away: processes, namespaces, rules, mounts and the run directory. */
static bool reboot(void)
{
    char wid[WID_LEN + 1], folder[PATH_CAP], group[32];
    plan_wid(7, 42, "web", wid);
    snprintf(group, sizeof group, "%s/%s", real_prefix, wid);
    if (!machine_folder(&host, wid, folder)) return false;
    SPAWN(NULL, 5000, "pkill", "-9", "-f", folder); /* the shim, by the folder in its arguments */
    bool is_ok = cgroup_kill(&host.cgroup, group) && cgroup_remove(&host.cgroup, group);
    netns_list(forget_namespace, NULL);
    is_ok = SPAWN(NULL, 5000, "nft", "delete", "table", "inet", real_prefix) && is_ok;
    mounts_below(host.pool_dir, unmount, NULL);
    return folder_remove(host.run_dir) && is_ok;
}

TEST(after_a_reboot_everything_is_as_it_was)
{
    char path[PATH_CAP], file[PATH_CAP];
    OK(core_disk(42, "data", path) && path_join(file, "%s/kept", path));
    real_write(file, "kept", 0644);
    OK(reboot());
    OK(!file_exists(file));
    OK(real_fetch("127.0.0.1", real_port, 0)[0] == 0);
    core_open();
    core_work(4000);
    IS(42, "web", "ok");
    OK(file_exists(file));
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "<b>42</b>"));
    core_close();
}

TEST(a_port_that_is_in_use_is_an_error_and_leaves_nothing_half_made)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(real_port + 1)};
    char error[ENGINE_ERROR_MAX + 1], wid[WID_LEN + 1], folder[PATH_CAP];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    OK(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0);
    core_open();
    json_t *workloads = web("oci:web-demo", ports((uint16_t)(real_port + 1)), 16 << 20);
    json_object_set_new(json_array_get(workloads, 1), "name", json_string("net2"));
    json_t *interfaces = json_object_get(
        json_object_get(json_object_get(json_array_get(workloads, 2), "data"), "network"), "interfaces");
    json_object_set_new(json_array_get(interfaces, 0), "network", json_string("net2"));
    OK(engine_deploy(engine, deployment(43, workloads), (int64_t)(now_ms() / 1000), error));
    core_work(1500);
    IS(43, "web", "error");
    OK(strstr(result_of(43, "web", "message"), "is in use on this node"));
    plan_wid(7, 43, "web", wid);
    OK(machine_folder(&host, wid, folder) && !file_exists(folder));
    close(fd);
    engine_desire(engine, 43, DESIRED_DELETED, "canceled", "", 1);
    core_work(2000);
    core_close();
}

TEST(what_cannot_be_is_an_error_on_its_workload)
{
    static const struct {
        const char *flist, *entrypoint, *says;
        json_int_t disk;
    } cases[] = {
        {"oci:nothing",     "",                 "no image",          1 << 20              },
        {"/etc/passwd",     "",                 "no image",          1 << 20              },
        {"oci:../web-demo", "",                 "no image",          1 << 20              },
        {"oci:web-demo",    "/no/such/program", "cannot be started", 1 << 20              },
        {"oci:web-demo",    "sh -c 'open",      "quote",             1 << 20              },
        {"oci:web-demo",    "",                 "failed",            (json_int_t)500 << 30},
    };
    core_open();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char error[ENGINE_ERROR_MAX + 1], name[16];
        uint64_t contract = 50 + i;
        json_t *workloads = web(cases[i].flist, "", cases[i].disk);
        json_t *data      = json_object_get(json_array_get(workloads, 2), "data");
        snprintf(name, sizeof name, "n%zu", i);
        json_object_set_new(json_array_get(workloads, 1), "name", json_string(name));
        json_object_set_new(
            json_array_get(json_object_get(json_object_get(data, "network"), "interfaces"), 0), "network",
            json_string(name));
        json_object_set_new(data, "entrypoint", json_string(cases[i].entrypoint));
        OK(engine_deploy(engine, deployment(contract, workloads), (int64_t)(now_ms() / 1000), error));
        core_work(1500);
        IS(contract, "web", "error");
        if (!strstr(result_of(contract, "web", "message"), cases[i].says))
            printf("%s: %s\n", cases[i].says, result_of(contract, "web", "message"));
        OK(strstr(result_of(contract, "web", "message"), cases[i].says));
        OK(!strstr(result_of(contract, "web", "message"), real_dir)); /* nothing of this machine */
        engine_desire(engine, contract, DESIRED_DELETED, "canceled", "", 1);
        core_work(1500);
        IS(contract, "web", "deleted");
    }
    core_close();
}

/* It hears SIGTERM and does not end: for as long as it is waited for, others come and go. */
TEST(a_machine_that_takes_its_time_to_end_holds_nobody)
{
    char error[ENGINE_ERROR_MAX + 1];
    json_t *slow = web("oci:web-demo", "", 16 << 20), *quick = web("oci:web-demo", "", 16 << 20);
    json_object_set_new(json_object_get(json_array_get(slow, 2), "data"), "entrypoint",
                        json_string("sh -c 'trap : TERM; while :; do sleep 1; done'"));
    json_object_set_new(json_array_get(quick, 1), "name", json_string("other"));
    json_object_set_new(
        json_array_get(
            json_object_get(json_object_get(json_object_get(json_array_get(quick, 2), "data"), "network"),
                            "interfaces"),
            0),
        "network", json_string("other"));
    core_open();
    OK(engine_deploy(engine, deployment_of(8, 0, 81, slow), (int64_t)(now_ms() / 1000), error));
    core_work(4000);
    unsigned before_it = count_servers();
    engine_desire(engine, 81, DESIRED_DELETED, "cancelled", "block", 1);
    core_work(100);
    OK(engine_is_busy(engine));
    OK(engine_deploy(engine, deployment_of(7, 0, 82, quick), (int64_t)(now_ms() / 1000), error));
    while (engine_is_busy(engine) && strcmp(result_of(82, "web", "state"), "ok") != 0)
        core_work(50);
    IS(82, "web", "ok");
    EQ(count_servers(), before_it + 1); /* both are there */
    engine_desire(engine, 82, DESIRED_DELETED, "cancelled", "block", 1);
    core_work(8000);
    EQ(count_servers(), before_it - 1);
    core_close();
}

TEST(what_nobody_knows_is_swept_at_the_second_sight)
{
    network_plan_t stray = {
        .id = "strayabc", .index = 910, .subnet = {10, 9, 8, 0},
                .prefix = 24
    };
    OK(network_ensure(&host, &stray).status == HOST_OK);
    char stray_name[32];
    network_namespace(&host, stray.id, stray_name);
    core_open();
    core_work(200);
    engine_sweep(engine);
    core_work(200);
    OK(netns_exists(stray_name));
    engine_sweep(engine);
    core_work(300);
    OK(!netns_exists(stray_name));
    IS(42, "web", "ok");
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "<b>42</b>"));
    core_close();
}

TEST(a_cancelled_contract_leaves_nothing)
{
    core_open();
    core_work(200);
    engine_desire(engine, 42, DESIRED_DELETED, "contract canceled", "block", 3);
    core_work(6000);
    IS(42, "web", "deleted");
    OK(engine_is_idle(engine));
    core_close();
    OK(left_nothing());
}

int main(int argc, char **argv) { return core_main(argc, argv, real_obstacle()); }
