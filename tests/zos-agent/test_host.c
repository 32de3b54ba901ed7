/* Workloads on the real machine: made, reached, frozen, removed, and nothing left.  Needs root. */
#include "netlink.h"
#include "nft.h"
#include "real.h"
#include "runner.h"
#include "shim.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#define BOMB_TASKS 100

static host_t host;
static char before[65536];
static guest_plan_t guest;

static network_plan_t network(void)
{
    guest = (guest_plan_t){
        .wid = "aaaaaaaaaaaa", .ip = {10, 20, 2, 2},
             .port_count = 1, .ports = {{false, real_port, 80}}
    };
    return (network_plan_t){
        .id          = "bbbbbbbb",
        .index       = 900,
        .subnet      = {10, 20, 2, 0},
        .prefix      = 24,
        .guests      = &guest,
        .guest_count = 1
    };
}

static machine_plan_t machine(void)
{
    static char web[] = "/bin/web", key[] = "CONTRACT_ID", value[] = "4711", cwd[] = "/";
    static char *args[]     = {web, NULL};
    static plan_env_t env[] = {
        {key, value}
    };
    machine_plan_t plan = {
        .wid        = "aaaaaaaaaaaa",
        .cpu_millis = 500,
        .memory     = 64 << 20,
        .root_size  = 64 << 20,
        .hostname   = "web",
        .args       = args,
        .cwd        = cwd,
        .env        = env,
        .env_count  = 1,
        .network    = network(),
        .ip         = {10, 20, 2, 2}
    };
    plan.user_base = host.has_user_spaces ? 100000 : 0;
    snprintf(plan.image, sizeof plan.image, "%s", real_path("web.sqfs"));
    return plan;
}

/* Prints why, so that a failure can be read. */
static bool went_well(host_result_t result)
{
    if (result.status != HOST_OK) printf("%s\n", result.error);
    return result.status == HOST_OK;
}

static bool bring_up(void)
{
    network_plan_t net  = network();
    machine_plan_t plan = machine();
    return went_well(network_ensure(&host, &net)) &&
           went_well(firewall_apply(&host, &(firewall_plan_t){&net, 1})) &&
           went_well(machine_ensure(&host, &plan));
}

static bool take_down(void)
{
    bool is_ok = went_well(machine_drop(&host, "aaaaaaaaaaaa")) &&
                 went_well(network_drop(&host, "bbbbbbbb")) &&
                 went_well(firewall_apply(&host, &(firewall_plan_t){NULL, 0}));
    host_rest(&host);
    return is_ok;
}

static bool left_nothing(void)
{
    const char *after = real_traces();
    for (int i = 0; i < 40 && strcmp(before, after) != 0; i++) { /* a killed process's own mounts go later */
        poll(NULL, 0, 50);
        host_rest(&host);
        after = real_traces();
    }
    if (strcmp(before, after) != 0) printf("before:\n%s\nafter:\n%s\n", before, after);
    return strcmp(before, after) == 0;
}

static uint64_t last_born;

static void see_counter(void *context, const char *wid, uint64_t bytes, uint64_t born)
{
    if (strcmp(wid, "aaaaaaaaaaaa") != 0) return;
    *(uint64_t *)context = bytes;
    last_born            = born;
}

static uint64_t counted(void)
{
    uint64_t bytes = 0;
    char name[32];
    network_namespace(&host, "bbbbbbbb", name);
    int netns = netns_open(name);
    if (!nft_counters(netns, real_prefix, see_counter, &bytes)) bytes = 0;
    close(netns);
    return bytes;
}

TEST(a_machine_answers_on_its_published_port)
{
    int code;
    OK(bring_up());
    EQ(machine_state(&host, "aaaaaaaaaaaa", &code), MACHINE_RUNNING);
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "contract 4711 on web"));
    uint64_t bytes = counted(), born = last_born;
    OK(bytes > 100 && born != 0);
    OK(bring_up()); /* again: nothing changes */
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "contract 4711"));
    OK(counted() > bytes && last_born == born);
}

TEST(a_frozen_machine_uses_no_time_and_comes_back)
{
    cgroup_usage_t first, second;
    OK(went_well(machine_pause(&host, "aaaaaaaaaaaa", true)));
    poll(NULL, 0, 20 * real_patience()); /* version 2 calls a process frozen just before it is */
    OK(machine_usage(&host, "aaaaaaaaaaaa", &first));
    OK(real_fetch("127.0.0.1", real_port, 0)[0] == 0);
    OK(machine_usage(&host, "aaaaaaaaaaaa", &second));
    EQ(second.cpu_ns, first.cpu_ns);
    OK(went_well(machine_pause(&host, "aaaaaaaaaaaa", false)));
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "contract 4711"));
}

TEST(a_machine_is_dropped_and_nothing_is_left)
{
    OK(take_down());
    OK(left_nothing());
    OK(take_down()); /* what is gone can be dropped again */
    OK(left_nothing());
}

/* The process that holds the lock of a workload's folder. */
static pid_t shim_of(const char *folder)
{
    char text[PATH_CAP];
    spawn_result_t said;
    if (!path_join(text, "zos-shim %s$", folder) || !SPAWN(&said, 5000, "pgrep", "-f", text)) return -1;
    return (pid_t)strtol(said.text, NULL, 10);
}

static machine_state_t wait_while(machine_state_t state, int *code)
{
    for (int i = 0; i < 150 * real_patience() && machine_state(&host, "aaaaaaaaaaaa", code) == state; i++)
        poll(NULL, 0, 20);
    return machine_state(&host, "aaaaaaaaaaaa", code);
}

TEST(a_shim_that_is_killed_leaves_its_machine_running_and_another_adopts_it)
{
    int code;
    shim_run_t run, again;
    char folder[PATH_CAP];
    OK(bring_up());
    OK(machine_folder(&host, "aaaaaaaaaaaa", folder) && shim_run_read(folder, &run));
    pid_t shim = shim_of(folder);
    OK(shim > 1 && kill(shim, SIGKILL) == 0);
    EQ(wait_while(MACHINE_RUNNING, &code), MACHINE_UNHELD);
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "contract 4711"));
    OK(bring_up());
    EQ(machine_state(&host, "aaaaaaaaaaaa", &code), MACHINE_RUNNING);
    OK(shim_run_read(folder, &again) && again.pid == run.pid);
    OK(kill(run.pid, SIGKILL) == 0);
    wait_while(MACHINE_RUNNING, &code);
    EQ(wait_while(MACHINE_STARTING, &code), MACHINE_ENDED);
    EQ(code, -1); /* who adopts is no parent */
    OK(bring_up());
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "contract 4711"));
    OK(shim_run_read(folder, &run));
    shim = shim_of(folder);
    OK(shim > 1 && kill(shim, SIGKILL) == 0);
    EQ(wait_while(MACHINE_RUNNING, &code), MACHINE_UNHELD);
    OK(kill(run.pid, SIGKILL) == 0);
    EQ(wait_while(MACHINE_UNHELD, &code), MACHINE_ENDED);
    OK(take_down());
    OK(left_nothing());
}

TEST(the_exit_code_of_a_machine_is_known)
{
    int code;
    network_plan_t net  = network();
    machine_plan_t plan = machine();
    plan.args           = (char *[]){(char[]){"/bin/sh"}, (char[]){"-c"}, (char[]){"exit 7"}, NULL};
    OK(went_well(network_ensure(&host, &net)));
    OK(went_well(machine_ensure(&host, &plan)));
    for (int i = 0; i < 200 * real_patience() && machine_state(&host, plan.wid, &code) != MACHINE_ENDED; i++)
        poll(NULL, 0, 20);
    EQ(machine_state(&host, plan.wid, &code), MACHINE_ENDED);
    EQ(code, 7);
    plan.args            = (char *[]){(char[]){"/no/such/program"}, NULL};
    host_result_t result = machine_ensure(&host, &plan);
    EQ(result.status, HOST_REFUSED);
    OK(take_down());
    OK(left_nothing());
}

TEST(limits_hold)
{
    spawn_result_t said;
    char folder[PATH_CAP], log[PATH_CAP];
    network_plan_t net  = network();
    machine_plan_t plan = machine();
    int code;
    plan.memory = 256 << 20; /* a pool in memory is charged to who writes */
    plan.args   = (char *[]){
          (char[]){"/bin/sh"}, (char[]){"-c"},
          (char[]){
              "/bin/busybox dd if=/dev/zero of=/big bs=1M count=100 2>&1; /bin/busybox ls -l /big;"
                " /bin/busybox mount -t tmpfs x /tmp; /bin/busybox id -u; /bin/busybox cat /proc/self/uid_map;"
                " /bin/busybox wc -c /etc/resolv.conf; /bin/busybox grep -e Seccomp: -e NoNewPrivs: "
                "/proc/self/status"},
          NULL};
    OK(went_well(network_ensure(&host, &net)));
    OK(went_well(machine_ensure(&host, &plan)));
    for (int i = 0; i < 500 * real_patience() && machine_state(&host, plan.wid, &code) != MACHINE_ENDED; i++)
        poll(NULL, 0, 20);
    OK(machine_folder(&host, plan.wid, folder) && path_join(log, "%s/log", folder));
    OK(SPAWN(&said, 5000, "cat", log));
    bool is_full = strstr(said.text, "No space left") || strstr(said.text, "Disk quota exceeded");
    if (!is_full) printf("%s\n", said.text);
    OK(is_full);
    OK(strstr(said.text, "mount: permission denied") || strstr(said.text, "Operation not permitted"));
    OK(strstr(said.text, "Seccomp:\t2") && strstr(said.text, "NoNewPrivs:\t1"));
    if (host.has_user_spaces) OK(strstr(said.text, "100000"));
    OK(take_down());
    OK(left_nothing());
}

TEST(a_flood_of_output_fills_nothing)
{
    char folder[PATH_CAP], log[PATH_CAP];
    struct stat st;
    network_plan_t net  = network();
    machine_plan_t plan = machine();
    plan.args           = (char *[]){(char[]){"/bin/busybox"}, (char[]){"yes"},
                                     (char[]){"a long line of output that a machine writes without an end"}, NULL};
    OK(went_well(network_ensure(&host, &net)));
    OK(went_well(machine_ensure(&host, &plan)));
    OK(machine_folder(&host, plan.wid, folder) && path_join(log, "%s/log", folder));
    for (int i = 0; i < 250 * real_patience(); i++, poll(NULL, 0, 20))
        if (stat(log, &st) == 0 && (uint64_t)st.st_size > SHIM_LOG_MAX + (1 << 20)) break;
    OK(stat(log, &st) == 0 && st.st_size > 1 << 20 && (uint64_t)st.st_size <= SHIM_LOG_MAX + (1 << 20));
    OK(take_down());
    OK(left_nothing());
}

/* How many processes and threads the machine has. */
static long tasks(void)
{
    char path[PATH_CAP], text[32];
    for (uint32_t i = 0; i < host.cgroup.tree_count; i++)
        if (path_join(path, "%s/%s/aaaaaaaaaaaa/pids.current", host.cgroup.tree[i].path, real_prefix) &&
            file_read(path, text, sizeof text))
            return strtol(text, NULL, 10);
    return 0;
}

TEST(a_range_of_addresses_that_somebody_has_is_not_taken)
{
    host_t other;
    uint8_t range[4];
    char error[HOST_ERROR_MAX + 1], address[32];
    host_config_t config = {
        .prefix = "zzq", .state_dir = real_path("other"), .run_dir = real_path("other-run")};
    network_range(config.prefix, range);
    snprintf(address, sizeof address, "%u.%u.%u.77/32", range[0], range[1], range[2] + 63);
    OK(SPAWN(NULL, 5000, "ip", "link", "add", "zzother", "type", "bridge"));
    OK(SPAWN(NULL, 5000, "ip", "addr", "add", address, "dev", "zzother"));
    OK(!host_init(&other, &config, error));
    OK(strstr(error, "the link zzother has an address in") && strstr(error, "choose another prefix"));
    OK(SPAWN(NULL, 5000, "ip", "link", "del", "zzother"));
    OK(!host_init(&other, &config, error)); /* of another reason: no shim is beside this test */
    OK(!strstr(error, "zzother"));
}

TEST(what_forks_without_an_end_is_removed)
{
    network_plan_t net  = network();
    machine_plan_t plan = machine();
    plan.args           = (char *[]){
                  (char[]){"/bin/sh"}, (char[]){"-c"},
                  (char[]){"bomb() { bomb | bomb & }; bomb 2>/dev/null; while :; do /bin/busybox sleep 9; done"}, NULL};
    OK(went_well(network_ensure(&host, &net)));
    OK(went_well(machine_ensure(&host, &plan)));
    for (int i = 0; i < 500 * real_patience() && tasks() < BOMB_TASKS; i++)
        poll(NULL, 0, 20);
    OK(tasks() >= BOMB_TASKS);
    OK(take_down());
    OK(left_nothing());
}

/* A machine that ends puts a link where its disk is to be mounted next time. */
TEST(a_disk_is_mounted_behind_no_link)
{
    int code;
    static char target[] = "/data";
    plan_mount_t mount   = {.target = target};
    network_plan_t net   = network();
    machine_plan_t plan  = machine();
    plan.args            = (char *[]){(char[]){"/bin/busybox"},    (char[]){"ln"}, (char[]){"-s"},
                                      (char[]){"/proc/self/fd/9"}, target,         NULL};
    OK(went_well(disk_ensure(&host, "vol-y", 16 << 20, 100000)) && disk_path(&host, "vol-y", mount.source));
    OK(went_well(network_ensure(&host, &net)));
    OK(went_well(machine_ensure(&host, &plan)));
    for (int i = 0; i < 200 * real_patience() && machine_state(&host, plan.wid, &code) != MACHINE_ENDED; i++)
        poll(NULL, 0, 20);
    EQ(code, 0);
    plan.mounts          = &mount;
    plan.mount_count     = 1;
    host_result_t result = machine_ensure(&host, &plan);
    EQ(result.status, HOST_REFUSED);
    OK(strstr(result.error, "symbolic link"));
    OK(take_down());
    OK(went_well(disk_drop(&host, "vol-y")));
    host_rest(&host);
    OK(left_nothing());
}

TEST(disks_keep_their_data_and_hold_their_size)
{
    char path[PATH_CAP], file[PATH_CAP];
    OK(went_well(disk_ensure(&host, "vol-x", 16 << 20, 100000)));
    OK(disk_path(&host, "vol-x", path) && path_join(file, "%s/kept", path));
    real_write(file, "kept", 0644);
    OK(went_well(disk_ensure(&host, "vol-x", 32 << 20, 100000)));
    OK(file_exists(file));
    OK(path_join(file, "of=%s/big", path));
    OK(!SPAWN(NULL, 20000, "dd", "if=/dev/zero", file, "bs=1M", "count=64", "conv=fsync"));
    OK(went_well(disk_drop(&host, "vol-x")));
    host_rest(&host);
    OK(left_nothing());
}

TEST(a_host_without_btrfs_and_user_namespaces_works_too)
{
    host_t plain = host;
    char error[HOST_ERROR_MAX + 1];
    host_config_t config = {.prefix            = real_prefix,
                            .state_dir         = real_path("plain"),
                            .run_dir           = real_path("run"),
                            .is_ext4_forced    = true,
                            .is_user_space_off = true,
                            .shim              = plain.shim};
    OK(host_init(&host, &config, error));
    OK(!host.has_btrfs && !host.has_user_spaces);
    OK(bring_up());
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "contract 4711"));
    OK(take_down());
    OK(left_nothing());
    host = plain;
}

static void *say_it_is_unwanted(void *fd)
{
    eventfd_write(*(int *)fd, 1);
    return NULL;
}

/* What only makes new files is ended when nobody wants them any more; all else is waited for. */
TEST(a_program_that_nobody_needs_any_more_is_ended_where_that_is_safe)
{
    pthread_t other;
    eventfd_t count;
    spawn_result_t said;
    int unwanted = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    OK(unwanted >= 0);
    spawn_fresh_until(unwanted);
    OK(SPAWN_FRESH(&said, 60000, "true") && said.is_done);
    EQ(pthread_create(&other, NULL, say_it_is_unwanted, &unwanted), 0);
    OK(!SPAWN_FRESH(&said, 60000, "sleep", "1000"));
    OK(!said.is_done);
    EQ(said.exit_code, 128 + SIGKILL);
    pthread_join(other, NULL);
    OK(SPAWN(&said, 60000, "true") && said.is_done); /* though it is still unwanted */
    OK(eventfd_read(unwanted, &count) == 0);
    OK(SPAWN_FRESH(&said, 60000, "true") && said.is_done);
    spawn_fresh_until(-1);
    close(unwanted);
}

TEST(where_only_folders_can_change_owners_images_are_unpacked)
{
    host_shifts_t shifts = host.shifts;
    char tree[PATH_CAP];
    if (!host.has_user_spaces) return;
    host.shifts = HOST_SHIFTS_FOLDERS;
    OK(path_join(tree, "%s.tree/bin/web", real_path("web.sqfs")));
    OK(bring_up());
    OK(file_exists(tree));
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "contract 4711"));
    OK(take_down());
    OK(left_nothing());
    host.shifts = shifts;
}

TEST(crun_works_where_it_is_installed)
{
    char error[HOST_ERROR_MAX + 1];
    host_t plain = host;
    if (access("/usr/bin/crun", X_OK) != 0) return;
    host_config_t config = {.prefix    = real_prefix,
                            .state_dir = real_path("state"),
                            .run_dir   = real_path("run"),
                            .runtime   = "crun",
                            .shim      = plain.shim,
                            .pool_size = UINT64_C(2) << 30};
    OK(host_init(&host, &config, error));
    OK(bring_up());
    OK(strstr(real_fetch("127.0.0.1", real_port, 5000), "contract 4711"));
    OK(take_down());
    OK(left_nothing());
    host = plain;
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (obstacle) return test_skip("containers cannot be run here", obstacle);
    if (!real_start(&host, NULL)) return 1;
    printf("runtime %s, user namespaces %s, disks %s\n", host.runtime, host.has_user_spaces ? "yes" : "no",
           host.has_btrfs ? "btrfs" : "ext4");
    snprintf(before, sizeof before, "%s", real_traces());
    int status = test_main_(argc, argv);
    take_down();
    folder_remove(real_dir);
    return status;
}
