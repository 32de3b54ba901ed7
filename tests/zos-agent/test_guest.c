/* Another machine to test the agent on: a virtual one, with control groups version 2, crun and the kernel's
 * WireGuard, whose power can fail.
 *
 * Tests of this folder run inside, and the agent's core, which holds workloads while the machine is killed
 * and started again.  Minutes where KVM does not work, and then only when asked for: TRELLIS_LONG=1
 * test_guest TRELLIS_VM_KERNEL names another kernel than the newest in /boot.  Needs root. */
#include "vm_kernel.h"

#include <signal.h>
#include <sys/mount.h>

#define BOOT_MS   240000
#define TESTS_MS  1500000
#define STAYS     80
#define CANCELLED 81
#define PORT      8080

static uint64_t inside = 70; /* the contract of the machine that is tested on */

/* ---- inside: the core of an agent that is never told to stop ---- */

static void tell(unsigned boot)
{
    char kept[PATH_CAP], path[PATH_CAP], state[16];
    snprintf(state, sizeof state, "%s", result_of(STAYS, "web", "state"));
    bool has_file = core_disk(STAYS, "data", path) && path_join(kept, "%s/kept", path) && file_exists(kept);
    printf("core: boot %u, 80 %s, 81 %s, page %s, disk %s, groups %s\n", boot, state,
           result_of(CANCELLED, "web", "state"),
           strstr(real_fetch("127.0.0.1", PORT, 2000), "<b>80</b>") ? "there" : "missing",
           has_file ? "kept" : "empty", host.cgroup.kind == CGROUP_V2 ? "v2" : "v1");
    fflush(stdout);
    if (!has_file && path_join(kept, "%s/kept", path)) real_write(kept, "kept", 0644);
}

/* The contract 81 is cancelled while the machine is off: its second start finds that on the chain. */
static int run_core(void)
{
    static char prefix[] = "zin", state[] = "/data/state", run[] = "/run/zin";
    char error[HOST_ERROR_MAX + 1];
    host_config_t config = {.prefix    = prefix,
                            .state_dir = state,
                            .run_dir   = run,
                            .shim      = TRELLIS_BINARY_DIR "/bin/zos-shim",
                            .pool_size = UINT64_C(400) << 20};
    if (!host_init(&host, &config, error)) {
        printf("core: %s\n", error);
        return 1;
    }
    db            = db_open(host.state_dir, false, error);
    unsigned boot = (unsigned)db_get(db, "boots", 0) + 1;
    bool is_ok = db_set(db, "boots", boot) && (boot > 1 || image_demo(db, host.state_dir, "web-demo", error));
    db_close(db);
    if (!is_ok) {
        printf("core: %s\n", error);
        return 1;
    }
    core_open();
    if (boot == 1) {
        core_deploy(7, STAYS, web_apart(STAYS, PORT));
        core_deploy(7, CANCELLED, web_apart(CANCELLED, 0));
    }
    if (boot > 1) engine_desire(engine, CANCELLED, DESIRED_DELETED, "canceled", "block", 1);
    for (;;) {
        core_work(60000);
        tell(boot);
        sync();
        poll(NULL, 0, 1000);
    }
}

/* ---- outside ---- */

static const char make_tree[] =
    "set -e; T=$0 K=$1 V=$2 B=$3; mkdir -p $T/usr/bin $T/usr/sbin $T/usr/lib $T/usr/lib64 $T/boot $T/etc "
    "$T/data\n"
    "mkdir -p $T/proc $T/sys $T/dev $T/tmp $T/run $T/root $T/var\n"
    "for d in bin sbin lib lib64; do ln -s usr/$d $T/$d; done; ln -s /run $T/var/run\n"
    "cp $K $T/boot/vmlinuz; cp -r --parents /lib/modules/$V $T; rm -f $T/lib/modules/$V/build "
    "$T/lib/modules/$V/source\n"
    "echo root:x:0:0:root:/root:/bin/sh > $T/etc/passwd; echo root:x:0: > $T/etc/group\n"
    "put() { cp -L --parents $1 $T; ldd $1 2>/dev/null | grep -o '/[^ ]*' | while read l; do\n"
    "  [ -e $T$l ] || cp -L --parents $l $T; done; }\n"
    "for p in crun mksquashfs unsquashfs mkfs.btrfs btrfs mkfs.ext4 busybox nft ip wg modprobe ps pgrep "
    "pkill losetup mount "
    "umount sh find grep cut sed cp tail cat ls df dd sleep readlink timeout curl mkdir rm; do\n"
    "  f=$(command -v $p) || { echo $p is missing; exit 1; }; put $f; done\n"
    "put $(ldconfig -p | grep -o '/[^ ]*libgcc_s.so.1$' | head -1)\n" /* threads that end ask for it */
    "for p in zos-shim zos-init; do put $B/bin/$p; done\n"
    "for p in test_guest test_host test_wireguard; do put $B/tests/zos-agent/$p; done\n"
    "cp /etc/protocols /etc/services $T/etc/ 2>/dev/null || true\n";

static const char guest_script[] =
    "#!/bin/sh\n"
    "mount -t tmpfs none /run; mkdir -p /data/tmp; cp -r /tmp/. /data/tmp\n"
    "mount --bind /data/tmp /tmp\n"
    "mount -t cgroup2 none /sys/fs/cgroup; mkdir -p /run/netns\n"
    "for m in loop btrfs overlay squashfs nf_tables nft_chain_nat nft_ct nft_masq veth bridge br_netfilter "
    "wireguard tun; do\n"
    "  modprobe -q $m || echo no module $m\n"
    "done\n"
    "export TRELLIS_PATIENCE=10; cd /tmp; for t in \"$@\"; do echo \"start $t\"; TESTS/$t 2>&1; echo \"end "
    "of $t: $?\"; done\n";

static bool make_image(void)
{
    char tree[PATH_CAP], script[PATH_CAP], error[IMAGE_ERROR_MAX + 1], text[4096];
    spawn_result_t said;
    char *file = strdup(real_path("guest.sqfs"));
    snprintf(tree, sizeof tree, "%s", real_path("guest-tree"));
    if (!SPAWN(&said, 120000, "sh", "-c", make_tree, tree, kernel, version, TRELLIS_BINARY_DIR)) {
        printf("%s\n", said.text);
        return false;
    }
    const char *mark = strstr(guest_script, "TESTS");
    snprintf(text, sizeof text, "%.*s" TRELLIS_BINARY_DIR "/tests/zos-agent%s", (int)(mark - guest_script),
             guest_script, mark + 5);
    if (!path_join(script, "%s/guest", tree)) return false;
    real_write(script, text, 0755);
    db         = db_open(host.state_dir, false, error);
    bool is_ok = file && db &&
                 SPAWN(&said, 300000, "mksquashfs", tree, file, "-quiet", "-no-progress", "-noappend",
                       "-all-root", "-comp", "zstd", "-Xcompression-level", "1") &&
                 image_import(db, host.state_dir, "guest", file, error);
    if (!is_ok) printf("%s %s\n", said.text, error);
    db_close(db);
    db = NULL;
    folder_remove(tree);
    free(file);
    return is_ok;
}

static void start(const char *entrypoint)
{
    char error[ENGINE_ERROR_MAX + 1];
    json_t *workloads = web("guest", "", INT64_C(3) << 30);
    json_t *data      = json_object_get(json_array_get(workloads, 2), "data");
    json_object_set_new(data, "entrypoint", json_string(entrypoint));
    json_object_set_new(data, "compute_capacity",
                        json_pack("{s:i,s:I}", "cpu", 2, "memory", (json_int_t)1536 << 20));
    json_object_set_new(data, "size", json_integer(INT64_C(3) << 30));
    OK(engine_deploy(engine, deployment(inside, workloads), (int64_t)(now_ms() / 1000), error));
}

static bool log_path(char path[PATH_CAP])
{
    char wid[WID_LEN + 1], folder[PATH_CAP];
    plan_wid(7, inside, "web", wid);
    return machine_folder(&host, wid, folder) && path_join(path, "%s/log", folder);
}

/* Until the machine's console shows a line with all of the texts; prints it. */
static bool shows(const char *one, const char *other, uint64_t wait_ms)
{
    static char line[4096];
    char path[PATH_CAP];
    for (uint64_t end_ms = now_ms() + wait_ms; now_ms() < end_ms; poll(NULL, 0, 500)) {
        core_work(100);
        FILE *file = log_path(path) ? fopen(path, "re") : NULL;
        bool is_so = false;
        while (file && !is_so && fgets(line, sizeof line, file))
            is_so = strstr(line, one) && strstr(line, other);
        if (file) fclose(file);
        if (is_so) {
            printf("inside: %s", line);
            return true;
        }
    }
    spawn_result_t said;
    if (log_path(path) && SPAWN(&said, 5000, "tail", "-c", "2000", path))
        printf("its console:\n%s\n", said.text);
    return false;
}

static void finish(void)
{
    engine_desire(engine, inside, DESIRED_DELETED, "canceled", "block", 1);
    core_work(60000);
    OK(engine_is_idle(engine));
    core_close();
    inside++;
    OK(left_nothing());
}

TEST(after_the_power_failed_everything_is_as_the_chain_asks)
{
    char wid[WID_LEN + 1], folder[PATH_CAP];
    shim_run_t run;
    core_open();
    start("/guest 'test_guest core'");
    OK(shows("core: boot 1, 80 ok, 81 ok, page there", "disk kept, groups v2", BOOT_MS));
    plan_wid(7, inside, "web", wid);
    OK(machine_folder(&host, wid, folder) && shim_run_read(folder, &run));
    OK(kill(run.pid, SIGKILL) == 0); /* QEMU: the machine has no power any more */
    OK(shows("core: boot 2, 80 ok, 81 deleted, page there", "disk kept, groups v2", BOOT_MS));
    finish();
}

TEST(the_tests_of_the_host_pass_with_control_groups_version_2_crun_and_the_kernels_wireguard)
{
    core_open();
    start("/guest test_host test_wireguard");
    OK(shows("runtime /usr/bin/crun", "disks btrfs", BOOT_MS));
    OK(shows("end of test_host: 0", "", TESTS_MS));
    OK(shows("end of test_wireguard: 0", "", TESTS_MS));
    finish();
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "core") == 0) return run_core();
    const char *obstacle = vm_obstacle();
    host_config_t config = {.vm_kernel = kernel};
    if (!obstacle && !core_start(&config)) return 1;
    if (!obstacle && host.vm.kind == VM_NONE && !getenv("TRELLIS_LONG"))
        obstacle = "KVM does not work here; TRELLIS_LONG=1 takes minutes without";
    if (obstacle) {
        if (real_dir[0]) folder_remove(real_dir);
        return test_skip("no machine to test on", obstacle);
    }
    if (host.vm.kind == VM_NONE) vm_probe(&host.vm, true, real_path("probe"));
    if (!make_image()) return 1;
    snprintf(before, sizeof before, "%s", real_traces());
    int status = test_main_(argc, argv);
    folder_remove(real_dir);
    return status;
}
