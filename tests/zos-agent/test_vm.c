/* Virtual machines for real: with KVM where that works, else emulated; with a kernel of Debian's.
 *
 *     TRELLIS_VM_KERNEL=/boot/NAME test_vm     takes this kernel instead of the newest in /boot
 * Needs root, QEMU, and a kernel with its modules. */
#include "netlink.h"
#include "vm_kernel.h"

#include <signal.h>
#include <sys/wait.h>

#define BOOT_MS    90000 /* an emulated machine on a busy one */
#define SETTLED_MS 60000 /* at most; it is over when there is nothing to do */
#define OWN        90    /* its image has a kernel */
#define GIVEN      91    /* an image for containers, with the operator's kernel */

/* ---- the image ---- */

static const char make_tree[] =
    "set -e; T=$0 K=$1 V=$2; mkdir -p $T/bin $T/boot $T/etc $T/www $T/data $T/proc $T/sys $T/dev $T/tmp\n"
    "cp /bin/busybox $T/bin/; ln -sf busybox $T/bin/sh; cp $K $T/boot/vmlinuz-$V; ln -s vmlinuz-$V "
    "$T/boot/vmlinuz\n"
    "M=$T/lib/modules/$V; mkdir -p $M; cp /lib/modules/$V/modules.dep $M/\n"
    "for m in virtio virtio_ring virtio_mmio virtio_blk virtio-rng failover net_failover virtio_net squashfs "
    "overlay ext4 "
    "crc16 mbcache jbd2 crc32c_generic button evdev; do\n"
    "  f=$(find /lib/modules/$V -name \"$m.ko*\" | head -1); [ -n \"$f\" ] || continue\n"
    "  d=$T${f%/*}; mkdir -p $d; cp $f $d/\n"
    "done\n";

/* Its page says how often it was started, and what it is. */
static const char web_script[] =
    "#!/bin/busybox sh\n"
    "export PATH=/bin; busybox --install -s /bin\n"
    "echo x >> /data/boots; sync\n"
    "trap 'echo ended >> /data/ends; sync; exit' TERM\n"
    "echo \"contract $CONTRACT_ID boot $(wc -l < /data/boots) ends $(cat /data/ends 2>/dev/null | wc -l) "
    "on $(hostname) kernel $(uname -r) user $(id -u) data $(df /data | tail -1 | awk '{print $2}') "
    "mem $(free -m | awk '/Mem/{print $2}') cpu $(grep -c processor /proc/cpuinfo) "
    "ip6 $(ip addr show dev eth0 | grep -c 'inet6 fd') \" > /www/index.html\n"
    "httpd -f -p 80 -h /www & wait\n";

static bool make_image(void)
{
    char tree[PATH_CAP], script[PATH_CAP], error[IMAGE_ERROR_MAX + 1], *file;
    spawn_result_t said;
    snprintf(tree, sizeof tree, "%s", real_path("vm-tree"));
    if (!SPAWN(&said, 60000, "sh", "-c", make_tree, tree, kernel, version)) {
        printf("%s\n", said.text);
        return false;
    }
    if (!path_join(script, "%s/bin/web", tree)) return false;
    real_write(script, web_script, 0755);
    file = strdup(real_path("vm.sqfs"));
    db   = db_open(host.state_dir, false, error);
    bool is_ok =
        file &&
        SPAWN(NULL, 60000, "mksquashfs", tree, file, "-quiet", "-no-progress", "-noappend", "-all-root") &&
        db && image_import(db, host.state_dir, "https://hub.example/vm.flist", file, error);
    if (!is_ok) printf("%s\n", error);
    db_close(db);
    db = NULL;
    free(file);
    folder_remove(tree);
    return is_ok;
}

/* ---- looking ---- */

static bool run_of(uint64_t contract, shim_run_t *run, char folder[PATH_CAP])
{
    char wid[WID_LEN + 1];
    plan_wid(7, contract, "web", wid);
    return machine_folder(&host, wid, folder) && shim_run_read(folder, run) && shim_run_is_alive(run);
}

static void print_log(uint64_t contract)
{
    char wid[WID_LEN + 1], folder[PATH_CAP], path[PATH_CAP];
    spawn_result_t said;
    plan_wid(7, contract, "web", wid);
    if (machine_folder(&host, wid, folder) && path_join(path, "%s/log", folder) &&
        SPAWN(&said, 5000, "tail", "-c", "1500", path))
        printf("its console:\n%s\n", said.text);
}

static bool says(uint64_t contract, const char *what, int wait_ms)
{
    const char *page = real_fetch("127.0.0.1", real_port, wait_ms);
    if (strstr(page, what)) return true;
    printf("expected %s in: %s\n", what, page);
    print_log(contract);
    return false;
}

/* Until the page is that of the start with this number. */
static bool comes_up(uint64_t contract, const char *what)
{
    for (uint64_t end_ms = now_ms() + BOOT_MS; now_ms() < end_ms; poll(NULL, 0, 100)) {
        if (engine) core_work(50);
        if (strstr(real_fetch("127.0.0.1", real_port, 0), what)) return true;
    }
    return says(contract, what, 0);
}

static bool fetch_inside(void *context) { return strstr(real_fetch("10.20.3.2", 80, 5000), context) != NULL; }

static void deploy(uint64_t contract, const char *flist, const char *entrypoint)
{
    char error[ENGINE_ERROR_MAX + 1];
    json_t *workloads = web(flist, ports(real_port), 64 << 20);
    json_t *data      = json_object_get(json_array_get(workloads, 2), "data");
    json_object_set_new(data, "entrypoint", json_string(entrypoint));
    json_object_set_new(json_object_get(data, "compute_capacity"), "memory",
                        json_integer(INT64_C(320) << 20));
    if (!engine_deploy(engine, deployment(contract, workloads), (int64_t)(now_ms() / 1000), error)) {
        printf("%s\n", error);
        _exit(1);
    }
}

TEST(whether_kvm_works_is_found_out_by_starting_a_machine)
{
    vm_settings_t real = host.vm;
    uint64_t start_ms  = now_ms();
    real.why_not[0]    = 0;
    vm_probe(&real, false, real_path("probe"));
    printf("KVM: %s (%llu ms)\n", real.kind == VM_KVM ? "works" : real.why_not,
           (unsigned long long)(now_ms() - start_ms));
    OK(real.kind == VM_KVM || (real.kind == VM_NONE && real.why_not[0]));
    OK(!file_exists(real_path("probe")));
    if (real.kind == VM_KVM) host.vm = real;
}

TEST(a_machine_with_a_kernel_of_its_own_answers_and_outlives_the_agent)
{
    char folder[PATH_CAP];
    shim_run_t first, second;
    uint64_t start_ms = now_ms();
    pid_t child       = fork();
    if (child == 0) {
        core_open();
        deploy(OWN, "https://hub.example/vm.flist", "/bin/web");
        core_work(BOOT_MS);
        for (;;)
            pause();
    }
    OK(comes_up(OWN, "contract 90 boot 1 ends 0 on web"));
    printf("%s: request to listening %llu ms\n", host.vm.kind == VM_KVM ? "KVM" : "emulated",
           (unsigned long long)(now_ms() - start_ms));
    OK(run_of(OWN, &first, folder));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    OK(says(OWN, version, 2000));
    OK(says(OWN, "user 0", 2000) && says(OWN, "cpu 1", 2000) && says(OWN, "ip6 1", 2000));
    core_open();
    core_work(500);
    IS(OWN, "web", "ok");
    OK(run_of(OWN, &second, folder));
    EQ(first.pid, second.pid);
    EQ(first.start_ticks, second.start_ticks);
    core_close();
}

TEST(it_answers_on_its_address_in_its_network_and_speaks_for_itself_alone)
{
    char id[NETWORK_LEN + 1], name[32], wid[WID_LEN + 1], rule[64];
    static char what[] = "contract 90";
    uint8_t mac[6];
    spawn_result_t said;
    plan_network_id(7, "net", id);
    plan_wid(7, OWN, "web", wid);
    network_namespace(&host, id, name);
    int netns = netns_open(name);
    OK(netns >= 0 && netns_inside(netns, fetch_inside, what));
    if (netns >= 0) close(netns);
    vm_mac(wid, mac);
    snprintf(rule, sizeof rule, "ether saddr != %02x:%02x:%02x:%02x:%02x:%02x drop", mac[0], mac[1], mac[2],
             mac[3], mac[4], mac[5]);
    OK(SPAWN(&said, 5000, "ip", "netns", "exec", name, "nft", "list", "table", "bridge", real_prefix));
    OK(strstr(said.text, rule));
}

static bool status_has(int pid, const char *line)
{
    char path[64];
    spawn_result_t said;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    bool is_there = SPAWN(&said, 5000, "cat", path) && strstr(said.text, line);
    if (!is_there) printf("no %s in:\n%s\n", line, said.text);
    return is_there;
}

TEST(qemu_is_an_ordinary_user_without_privileges)
{
    char folder[PATH_CAP], path[PATH_CAP];
    shim_run_t run;
    spawn_result_t own, links;
    OK(run_of(OWN, &run, folder));
    OK(status_has(run.pid, "\nUid:\t100000\t100000\t100000\t100000\n"));
    OK(status_has(run.pid, "\nCapEff:\t0000000000000000\n") &&
       status_has(run.pid, "\nCapPrm:\t0000000000000000\n"));
    OK(status_has(run.pid, "\nNoNewPrivs:\t1\n") && status_has(run.pid, "\nSeccomp:\t2\n"));
    snprintf(path, sizeof path, "/proc/%d/ns/net", run.pid);
    OK(SPAWN(&own, 5000, "readlink", "/proc/self/ns/net") && SPAWN(&links, 5000, "readlink", path));
    OK(strcmp(own.text, links.text) != 0);
    snprintf(path, sizeof path, "/proc/%d/cgroup", run.pid);
    OK(SPAWN(&own, 5000, "cat", path) && strstr(own.text, real_prefix));
}

TEST(grace_stops_it_and_payment_brings_it_back)
{
    char folder[PATH_CAP], wid[WID_LEN + 1];
    shim_run_t first, second;
    cgroup_usage_t one, two;
    plan_wid(7, OWN, "web", wid);
    OK(run_of(OWN, &first, folder));
    core_open();
    core_work(200);
    engine_desire(engine, OWN, DESIRED_PAUSED, "grace period", "", 1);
    core_work(SETTLED_MS);
    IS(OWN, "web", "paused");
    OK(machine_usage(&host, wid, &one));
    poll(NULL, 0, 300);
    OK(real_fetch("127.0.0.1", real_port, 0)[0] == 0);
    OK(machine_usage(&host, wid, &two));
    EQ(two.cpu_ns, one.cpu_ns);
    engine_desire(engine, OWN, DESIRED_RUN, "paid", "", 2);
    core_work(SETTLED_MS);
    IS(OWN, "web", "ok");
    OK(says(OWN, "contract 90 boot 1", 10000));
    OK(run_of(OWN, &second, folder));
    EQ(first.pid, second.pid);
    core_close();
}

TEST(its_shim_is_replaced_and_it_is_started_again_when_it_ends)
{
    char folder[PATH_CAP], text[PATH_CAP];
    shim_run_t first, second;
    OK(run_of(OWN, &first, folder) && path_join(text, "zos-shim %s$", folder));
    OK(SPAWN(NULL, 5000, "pkill", "-9", "-f", text));
    core_open();
    core_work(SETTLED_MS);
    IS(OWN, "web", "ok");
    OK(run_of(OWN, &second, folder) && first.pid == second.pid);
    OK(says(OWN, "contract 90 boot 1", 5000));
    OK(kill(first.pid, SIGKILL) == 0);
    OK(comes_up(OWN, "contract 90 boot 2")); /* with the disk that it had */
    IS(OWN, "web", "ok");
    core_close();
}

TEST(two_machines_do_not_share_a_disk_when_one_is_virtual)
{
    char error[ENGINE_ERROR_MAX + 1];
    core_open();
    core_work(200);
    json_t *workloads = web("oci:web-demo", "", 64 << 20), *more = web("https://hub.example/vm.flist", "", 1);
    json_t *vm = json_array_get(more, 2), *data = json_object_get(vm, "data");
    json_object_set_new(vm, "name", json_string("vm"));
    json_object_set_new(json_array_get(json_object_get(json_object_get(data, "network"), "interfaces"), 0),
                        "ip", json_string("10.20.3.3"));
    json_object_set_new(
        json_array_get(
            json_object_get(json_object_get(json_object_get(json_array_get(workloads, 2), "data"), "network"),
                            "interfaces"),
            0),
        "ip", json_string("10.20.3.4"));
    json_array_append(workloads, vm);
    json_decref(more);
    json_array_remove(workloads, 1); /* the network is there already */
    OK(engine_deploy(engine, deployment(92, workloads), (int64_t)(now_ms() / 1000), error));
    core_work(SETTLED_MS);
    IS(92, "vm", "error");
    OK(strstr(result_of(92, "vm", "message"), "a disk of a virtual machine"));
    engine_desire(engine, 92, DESIRED_DELETED, "canceled", "", 1);
    core_work(SETTLED_MS);
    IS(92, "web", "deleted");
    core_close();
}

TEST(it_is_deleted_and_nothing_is_left)
{
    uint64_t start_ms = now_ms();
    core_open();
    engine_desire(engine, OWN, DESIRED_DELETED, "contract canceled", "block", 3);
    core_work(SETTLED_MS);
    IS(OWN, "web", "deleted");
    OK(engine_is_idle(engine));
    core_close();
    printf("deleted in %llu ms\n", (unsigned long long)(now_ms() - start_ms));
    OK(left_nothing());
}

TEST(an_image_for_containers_runs_with_the_operators_kernel_and_ends_by_the_power_button)
{
    char folder[PATH_CAP], wid[WID_LEN + 1], log[PATH_CAP];
    shim_run_t run;
    spawn_result_t said;
    core_is_vm_default = true;
    core_open();
    deploy(GIVEN, "oci:web-demo", "sh -c '/bin/web & trap \"echo asked to end; exit 7\" TERM; wait'");
    OK(comes_up(GIVEN, "<b>91</b>"));
    IS(GIVEN, "web", "ok");
    OK(run_of(GIVEN, &run, folder));
    plan_wid(7, GIVEN, "web", wid);
    OK(machine_stop(&host, wid).status == HOST_OK);
    OK(path_join(log, "%s/log", folder) && SPAWN(&said, 5000, "tail", "-c", "1500", log));
    bool is_asked = strstr(said.text, "asked to end") && strstr(said.text, "the program ended with status 7");
    if (!is_asked) print_log(GIVEN);
    OK(is_asked);
    engine_desire(engine, GIVEN, DESIRED_DELETED, "contract canceled", "block", 3);
    core_work(SETTLED_MS);
    IS(GIVEN, "web", "deleted");
    core_close();
    core_is_vm_default = false;
    OK(left_nothing());
}

TEST(a_node_without_virtual_machines_says_so)
{
    vm_settings_t real = host.vm;
    host.vm.kind       = VM_NONE;
    core_open();
    deploy(93, "https://hub.example/vm.flist", "/bin/web");
    core_work(SETTLED_MS);
    IS(93, "web", "error");
    OK(strstr(result_of(93, "web", "message"), "this node runs none"));
    engine_desire(engine, 93, DESIRED_DELETED, "canceled", "", 1);
    core_work(SETTLED_MS);
    core_close();
    host.vm = real;
    OK(left_nothing());
}

int main(int argc, char **argv)
{
    const char *obstacle = vm_obstacle();
    if (obstacle) return test_skip("virtual machines cannot be run here", obstacle);
    host_config_t config = {.vm_kernel = kernel, .is_vm_emulated = true};
    if (!core_start(&config) || !make_image()) return 1;
    snprintf(before, sizeof before, "%s", real_traces());
    printf("kernel %s\n", kernel);
    int status = test_main_(argc, argv);
    folder_remove(real_dir);
    return status;
}
