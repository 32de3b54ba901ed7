/* bench_workloads.c - many workloads on one machine, and an agent that comes back to them.
 *
 *     bench_workloads [COUNT]     200 unless told otherwise; needs root
 *
 * COUNT machines in one network: how long until all of them run; how long an agent's core that is new to them
 * takes until it has seen to all; what zos-agent itself holds in memory with them; how fast one sends through
 * the network's bridge to a published port of the node, beside the same programs over a plain pair of links,
 * and what the counters say of it; how long until 50 of them, and all, are removed.  Milliseconds of one run.
 */
#include "engine.h"
#include "image.h"
#include "log.h"
#include "runner.h"
#include "shim.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 41790, COUNT_MAX = 230, SOME = 50, FIRST = 10 };
#define SENT      (UINT64_C(256) << 20)
#define SEND_FORM "while :; do dd if=/dev/zero bs=65536 count=4096 2>/dev/null | busybox nc -l -p 80; done"

static char folder[] = "/tmp/bench-workloads-XXXXXX";
static char own[PATH_CAP], bin[PATH_CAP];
static host_t host;
static db_t *db;
static engine_t *engine;
static int pids[COUNT_MAX];

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static uint64_t wall_ms(void) { return (uint64_t)time(NULL) * 1000; }

static void die(const char *what)
{
    fprintf(stderr, "bench_workloads: %s\n", what);
    exit(1);
}

static void deploy(uint64_t contract, json_t *workload)
{
    char error[ENGINE_ERROR_MAX + 1];
    json_t *json    = json_pack("{s:i,s:i,s:I,s:[o]}", "version", 0, "twin_id", 7, "contract_id",
                                (json_int_t)contract, "workloads", workload);
    deployment_t *d = json ? deployment_from_json(json, error) : NULL;
    json_decref(json);
    if (!d || !engine_deploy(engine, d, (int64_t)time(NULL), error)) die(error);
}

static void deploy_machine(int i)
{
    char ip[20], metadata[96] = "";
    snprintf(ip, sizeof ip, "10.20.2.%d", i + 2);
    if (i == 0)
        snprintf(metadata, sizeof metadata, "{\"ports\":[{\"proto\":\"tcp\",\"host\":%d,\"guest\":80}]}",
                 PORT);
    const char *entry = i == 0 ? "sh -c 'trap exit TERM; (" SEND_FORM ") & wait'"
                               : "sh -c 'trap exit TERM; httpd -f -p 80 & wait'";
    deploy((uint64_t)(FIRST + i),
           json_pack("{s:i,s:s,s:s,s:s,s:{s:s,s:s,s:{s:[{s:s,s:s}]},s:{s:i,s:I}}}", "version", 0, "name",
                     "web", "type", "zmachine-light", "metadata", metadata, "data", "flist", "oci:web-demo",
                     "entrypoint", entry, "network", "interfaces", "network", "net", "ip", ip,
                     "compute_capacity", "cpu", i == 0 ? 2 : 1, "memory", (json_int_t)268435456));
}

static unsigned work(void)
{
    static job_t job;
    uint64_t wake;
    unsigned jobs = 0;
    for (; engine_next(engine, wall_ms(), &job, &wake); jobs++) {
        job_run(&host, &job);
        if (job.result.status != HOST_OK) die(job.result.error);
        engine_done(engine, &job, wall_ms());
    }
    return jobs;
}

static int first_process(int i)
{
    char wid[WID_LEN + 1], path[PATH_CAP];
    shim_run_t run = {0};
    plan_wid(7, (uint64_t)(FIRST + i), "web", wid);
    return machine_folder(&host, wid, path) && shim_run_read(path, &run) && shim_run_is_alive(&run) ? run.pid
                                                                                                    : 0;
}

static void open_core(void)
{
    char error[HOST_ERROR_MAX + 1];
    db     = db_open(folder, false, error);
    engine = db ? engine_new(&(engine_config_t){
                      .db              = db,
                      .state_dir       = host.state_dir,
                      .pool_dir        = host.pool_dir,
                      .has_user_spaces = host.has_user_spaces,
                      .total = {.cru = 64, .mru = UINT64_C(128) << 30, .sru = UINT64_C(2000) << 30}
    })
                : NULL;
    if (!engine) die("no state");
}

static void close_core(void)
{
    engine_free(engine);
    db_close(db);
}

/* ---- the agent itself ---- */

static long resident_kib(pid_t pid)
{
    char path[64], text[8192];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    const char *at = file_read(path, text, sizeof text) ? strstr(text, "VmRSS:") : NULL;
    return at ? strtol(at + 6, NULL, 10) : 0;
}

static void run_agent(int count)
{
    char config[PATH_CAP], socket_path[PATH_CAP], zosctl[PATH_CAP], agent[PATH_CAP], text[2048], jobs[64];
    spawn_result_t said = {0};
    snprintf(
        text, sizeof text,
        "{\"state_dir\":\"%s\",\"run_dir\":\"%s\",\"prefix\":\"%s\",\"substrate\":[\"ws://127.0.0.1:1\"],"
        "\"relay\":{\"domain\":\"relay.invalid\"},\"farm_id\":1,\"seed\":\"%064d\",\"log_level\":\"error\","
        "\"capacity\":{\"cru\":64,\"mru\":137438953472,\"sru\":2147483648000,\"hru\":0}}",
        host.state_dir, host.run_dir, host.prefix, 7);
    if (!path_join(config, "%s/agent.json", folder) || !path_join(socket_path, "%s/ctl.sock", host.run_dir) ||
        !path_join(zosctl, "%s/zosctl", bin) || !path_join(agent, "%s/zos-agent", bin) ||
        !file_replace(config, text, strlen(text), 0600))
        die("no configuration");
    double start = now_ms();
    pid_t child  = fork();
    if (child == 0) {
        execl(agent, agent, "--config", config, "--shim", host.shim, NULL);
        _exit(1);
    }
    snprintf(jobs, sizeof jobs, "\"jobs_done\":%d", count + 1);
    while (
        now_ms() - start < 60000 &&
        !(SPAWN(&said, 5000, zosctl, "--socket", socket_path, "--json", "status") && strstr(said.text, jobs)))
        poll(NULL, 0, 20);
    printf("%-52s %10.0f\n", "zos-agent, from its start to all seen to, ms", now_ms() - start);
    poll(NULL, 0, 7000); /* over its first sweep */
    printf("%-52s %10.1f\n", "zos-agent, resident, MiB", (double)resident_kib(child) / 1024);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* ---- throughput ---- */

/* Reads all that is sent; the rate in MB a second. */
static double take(const char *address, uint16_t port, uint64_t *bytes)
{
    static uint8_t piece[1 << 18];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    for (int tries = 0; tries < 100; tries++, poll(NULL, 0, 50)) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        *bytes = 0;
        if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0) {
            double start = now_ms();
            for (ssize_t got; (got = read(fd, piece, sizeof piece)) > 0;)
                *bytes += (uint64_t)got;
            close(fd);
            if (*bytes == SENT) return (double)*bytes / 1000 / (now_ms() - start);
            continue;
        }
        close(fd);
    }
    return 0;
}

static void measure_sending(void)
{
    uint64_t got = 0, counted = 0;
    uint32_t count;
    engine_meter(engine);
    work();
    engine_nru_t *before = engine_nru(engine, &count);
    uint64_t base        = count > 0 ? before[0].bytes : 0;
    free(before);
    double through = take("127.0.0.1", PORT, &got);
    engine_meter(engine);
    work();
    engine_nru_t *after = engine_nru(engine, &count);
    counted             = count > 0 ? after[0].bytes - base : 0;
    free(after);
    SPAWN(NULL, 5000, "sh", "-c",
          "ip netns add opb; ip link add opb0 type veth peer name eth0 netns opb; ip addr add 10.251.9.1/30 "
          "dev opb0; ip link set "
          "opb0 up; ip -n opb addr add 10.251.9.2/30 dev eth0; ip -n opb link set eth0 up; ip -n opb link "
          "set lo up");
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        execlp("ip", "ip", "netns", "exec", "opb", "sh", "-c", SEND_FORM, NULL);
        _exit(1);
    }
    uint64_t plain_got;
    double plain = take("10.251.9.2", 80, &plain_got);
    kill(-child, SIGKILL);
    waitpid(child, NULL, 0);
    SPAWN(NULL, 5000, "sh", "-c", "ip link del opb0; ip netns del opb");
    printf("%-52s %10.0f\n", "published port, through the bridge, MB/s", through);
    printf("%-52s %10.0f\n", "plain pair of links, MB/s", plain);
    printf("%-52s %+10.2f\n", "counted beside bytes of payload, %",
           ((double)counted / (double)got - 1) * 100);
}

static void drop(int from, int to)
{
    for (int i = from; i < to; i++)
        engine_desire(engine, (uint64_t)(FIRST + i), DESIRED_DELETED, "bench", "", (int64_t)time(NULL));
    work();
}

static void measure(int count)
{
    int some = count < SOME ? count : SOME;
    deploy(1, json_pack("{s:i,s:s,s:s,s:{s:s}}", "version", 0, "name", "net", "type", "network-light", "data",
                        "subnet", "10.20.2.0/24"));
    work();
    double start = now_ms();
    for (int i = 0; i < count; i++) {
        deploy_machine(i);
        work();
        if (i + 1 == some) printf("%-52s %10.0f\n", "50 started, ms", now_ms() - start);
    }
    printf("%d %-48s %10.0f\n", count, "started, ms", now_ms() - start);
    for (int i = 0; i < count; i++)
        pids[i] = first_process(i);
    close_core();
    start = now_ms();
    open_core();
    double opened = now_ms();
    unsigned jobs = work();
    int changed   = 0;
    for (int i = 0; i < count; i++)
        changed += pids[i] == 0 || first_process(i) != pids[i];
    printf("%-52s %10.0f\n", "a new core: state read, ms", opened - start);
    printf("%-52s %10.0f\n", "a new core: all seen to, ms", now_ms() - start);
    printf("%-52s %10u\n", "jobs for it", jobs);
    printf("%-52s %10d\n", "restarted by it", changed);
    close_core();
    run_agent(count);
    open_core();
    work();
    measure_sending();
    start = now_ms();
    drop(0, some);
    printf("%-52s %10.0f\n", "50 removed, ms", now_ms() - start);
    drop(some, count);
    engine_desire(engine, 1, DESIRED_DELETED, "bench", "", (int64_t)time(NULL));
    work();
    close_core();
}

int main(int argc, char **argv)
{
    char error[HOST_ERROR_MAX + 1], shim[PATH_CAP], run[PATH_CAP];
    int count              = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 200;
    ssize_t len            = readlink("/proc/self/exe", own, sizeof own - 1);
    own[len > 0 ? len : 0] = 0;
    *strrchr(own, '/')     = 0;
    log_level(LOG_LEVEL_ERROR);
    if (count < 1 || count > COUNT_MAX || !mkdtemp(folder) || chmod(folder, 0711) != 0 ||
        !path_join(bin, "%s/../bin", own) || !path_join(shim, "%s/zos-shim", bin) ||
        !path_join(run, "%s/run", folder))
        return 1;
    host_config_t config = {
        .prefix = "opb", .state_dir = folder, .run_dir = run, .shim = shim, .pool_size = UINT64_C(64) << 30};
    if (!host_init(&host, &config, error)) die(error);
    open_core();
    if (!image_demo(db, folder, "web-demo", error)) die(error);
    setvbuf(stdout, NULL, _IOLBF, 0);
    measure(count);
    folder_remove(folder);
    return 0;
}
