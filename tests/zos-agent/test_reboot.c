/* The machine is switched off while workloads are on it, and started again: what the chain asks for is there
 * again, with its data and its bill, and nothing else.
 *
 * Switched off means here: every process of ours is killed, namespaces, mounts, rules and groups are gone,
 * the run directory is empty, and the kernel has another boot's id; the state directory stays.  Needs root.
 */
#include "core.h"
#include "mounts.h"
#include "netlink.h"
#include "shim.h"

#include <signal.h>

#define SETTLED_MS 60000 /* at most; it is over when there is nothing to do */
#define STAYS      80    /* runs, and runs again */
#define PAUSED     81    /* in grace; paid for later */
#define CANCELLED  82    /* while the machine was off */
#define FINAL      83    /* known to be cancelled, not yet removed */

static void deploy(uint64_t contract, uint16_t port)
{
    json_t *workloads = web_apart(contract, port);
    json_object_set_new(json_object_get(json_array_get(workloads, 2), "data"), "entrypoint",
                        json_string("sh -c 'trap exit TERM; /bin/web & wait'"));
    OK(core_deploy(7, contract, workloads));
}

static void desire(uint64_t contract, desired_t desired)
{
    engine_desire(engine, contract, desired, "the chain says so", "block", (int64_t)(now_ms() / 1000));
}

static bool says(uint16_t port, const char *what, int wait_ms)
{
    return strstr(real_fetch("127.0.0.1", port, wait_ms), what) != NULL;
}

static bool disk_file(uint64_t contract, char file[PATH_CAP])
{
    char path[PATH_CAP];
    return core_disk(contract, "data", path) && path_join(file, "%s/kept", path);
}

static bool run_of(uint64_t contract, shim_run_t *run)
{
    char wid[WID_LEN + 1], folder[PATH_CAP];
    plan_wid(7, contract, "web", wid);
    return machine_folder(&host, wid, folder) && shim_run_read(folder, run);
}

static uint64_t billed(uint64_t contract) { return core_counted(contract, 300); }

/* ---- switching off ---- */

static void kill_group(void *context, const char *name)
{
    char group[64];
    (void)context;
    snprintf(group, sizeof group, "%s/%s", real_prefix, name);
    cgroup_kill(&host.cgroup, group);
    cgroup_remove(&host.cgroup, group);
}

static void forget_namespace(void *context, const char *name)
{
    (void)context;
    if (strncmp(name, real_prefix, strlen(real_prefix)) == 0) netns_drop(name);
}

static void unmount(void *context, const char *point)
{
    (void)context;
    SPAWN(NULL, 5000, "umount", "-l", point);
}

/* The links of a namespace go some time after its name: a boot has none of them. */
static void wait_for_links(void)
{
    char command[64];
    snprintf(command, sizeof command, "! ip -o link | grep -q ' %su'", real_prefix);
    for (int i = 0; i < 200 && !SPAWN(NULL, 5000, "sh", "-c", command); i++)
        poll(NULL, 0, 20);
}

static bool switch_off(void)
{
    char shims[PATH_CAP];
    if (!path_join(shims, "zos-shim %s/", real_dir)) return false;
    SPAWN(NULL, 5000, "pkill", "-9", "-f", shims);
    cgroup_children(&host.cgroup, real_prefix, kill_group, NULL);
    cgroup_rest(&host.cgroup, real_prefix);
    netns_list(forget_namespace, NULL);
    SPAWN(NULL, 5000, "nft", "delete", "table", "inet", real_prefix);
    mounts_below(real_dir, unmount, NULL);
    wait_for_links();
    return folder_remove(host.run_dir) && folder_make(host.run_dir, 0711);
}

TEST(everything_is_as_the_chain_asks_after_the_power_failed)
{
    char kept[PATH_CAP], gone[PATH_CAP];
    shim_run_t run;
    core_open();
    deploy(STAYS, real_port);
    deploy(PAUSED, (uint16_t)(real_port + 1));
    deploy(CANCELLED, 0);
    deploy(FINAL, 0);
    core_work(SETTLED_MS);
    OK(says(real_port, "<b>80</b>", 5000) && says((uint16_t)(real_port + 1), "<b>81</b>", 5000));
    IS(CANCELLED, "web", "ok");
    IS(FINAL, "web", "ok");
    desire(PAUSED, DESIRED_PAUSED);
    core_work(SETTLED_MS);
    IS(PAUSED, "web", "paused");
    OK(disk_file(STAYS, kept) && disk_file(PAUSED, gone));
    real_write(kept, "kept", 0644);
    real_write(gone, "kept in grace", 0644);
    uint64_t before_ = billed(STAYS);
    OK(before_ > 100);
    desire(FINAL, DESIRED_DELETED); /* and the power fails before anything of it is removed */
    core_close();
    OK(switch_off());
    OK(!file_exists(kept));
    OK(left_nothing());

    core_open();
    desire(CANCELLED, DESIRED_DELETED);
    core_work(SETTLED_MS);
    IS(STAYS, "web", "ok");
    IS(PAUSED, "web", "paused");
    IS(CANCELLED, "web", "deleted");
    IS(FINAL, "web", "deleted");
    OK(says(real_port, "<b>80</b>", 5000));
    OK(!says((uint16_t)(real_port + 1), "<b>81</b>", 0));
    OK(file_exists(kept) && file_exists(gone));
    OK(run_of(STAYS, &run) && shim_run_is_alive(&run));
    OK(!run_of(PAUSED, &run)); /* what is not paid for is not started */
    desire(PAUSED, DESIRED_RUN);
    core_work(SETTLED_MS);
    IS(PAUSED, "web", "ok");
    OK(says((uint16_t)(real_port + 1), "<b>81</b>", 5000));
    core_close();
}

/* The counter of the new boot passes what the old one's had said before anybody looks. */
TEST(no_byte_is_billed_twice_and_none_is_forgotten)
{
    core_open();
    core_work(300);
    uint64_t first = billed(STAYS);
    EQ(billed(STAYS), first);
    for (int i = 0; i < 20; i++)
        OK(says(real_port, "<b>80</b>", 1000));
    uint64_t second = billed(STAYS), pages = second - first;
    OK(pages > 20 * 200);
    core_close();
    OK(switch_off());

    core_open();
    core_work(SETTLED_MS);
    IS(STAYS, "web", "ok");
    OK(says(real_port, "<b>80</b>", 5000));
    for (int i = 0; i < 60; i++)
        OK(says(real_port, "<b>80</b>", 1000));
    uint64_t third = billed(STAYS) - second;
    if (third < pages * 29 / 10 || third > pages * 33 / 10)
        printf("20 pages %llu bytes, then 61 pages %llu bytes\n", (unsigned long long)pages,
               (unsigned long long)third);
    OK(third > pages * 29 / 10 && third < pages * 33 / 10);
    core_close();
}

/* A run directory that did survive names processes of another boot: the same numbers are others' now. */
TEST(a_process_of_this_boot_is_nobody_of_the_last)
{
    char wid[WID_LEN + 1], folder[PATH_CAP], path[PATH_CAP], text[128];
    shim_run_t run;
    pid_t other = fork();
    if (other == 0) {
        for (;;)
            pause();
    }
    OK(switch_off());
    plan_wid(7, STAYS, "web", wid);
    OK(machine_folder(&host, wid, folder) && folder_make(folder, 0711) && path_join(path, "%s/run", folder));
    snprintf(text, sizeof text, "%d %llu 00000000-0000-4000-8000-000000000000\n", (int)other,
             (unsigned long long)process_start_ticks(other));
    real_write(path, text, 0600);
    core_open();
    core_work(SETTLED_MS);
    IS(STAYS, "web", "ok");
    OK(says(real_port, "<b>80</b>", 5000));
    OK(run_of(STAYS, &run) && run.pid != other);
    OK(process_start_ticks(other) != 0);
    kill(other, SIGKILL);
    core_close();
}

TEST(afterwards_all_can_be_taken_away)
{
    core_open();
    desire(STAYS, DESIRED_DELETED);
    desire(PAUSED, DESIRED_DELETED);
    core_work(SETTLED_MS);
    OK(engine_is_idle(engine));
    core_close();
    OK(left_nothing());
}

int main(int argc, char **argv) { return core_main(argc, argv, real_obstacle()); }
