/* bench_workloads.c - many workloads on one machine, and an agent that comes back to them.
 *
 *     bench_workloads [COUNT]     200 unless told otherwise; needs root, and haproxy for its part
 *     bench_workloads all         first bench_workload, then this: all figures of the agent
 *
 * COUNT machines in one network: how long until all of them run; how long an agent's core that is new to them
 * takes until it has seen to all, and the program itself after SIGKILL; what it and each workload hold in
 * memory; how fast one sends a file through the network's bridge to a published port, and through a gateway,
 * beside the same server over a plain pair of links, and behind a plain haproxy; what the counters say of
 * that beside what the machine's link and the gateway's client moved; how long until 50 of them, and all, are
 * removed; how long 50 take that are asked for and cancelled at once, by the number of lanes.  One run. */
#include "engine.h"
#include "image.h"
#include "lanes.h"
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

enum {
    PORT       = 42790, /* of the first machine */
    PORT_WEB   = 42791, /* of the gateway */
    PORT_TLS   = 42792,
    PORT_PLAIN = 42793, /* of a plain haproxy */
    COUNT_MAX  = 230,
    SOME       = 50,
    FIRST      = 10,
    GATEWAY    = 5
};
#define SENT   (UINT64_C(64) << 20)
#define TIMES  4 /* that it is sent */
#define DOMAIN "bench.example.org"
#define SERVE  "dd if=/dev/zero of=%s/file bs=1048576 count=64 2>/dev/null; exec busybox httpd -f -p 80 -h %s"

static char folder[] = "/tmp/bench-workloads-XXXXXX";
static char own[PATH_CAP], bin[PATH_CAP];
static host_t host;
static db_t *db;
static engine_t *engine;
static int pids[COUNT_MAX];
static uint64_t first_contract = FIRST;
static uint32_t lanes          = 2; /* of the core */

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
    char serve[256], entry[300];
    snprintf(serve, sizeof serve, SERVE, "/tmp", "/tmp");
    snprintf(entry, sizeof entry, i == 0 ? "sh -c 'mkdir -p /tmp; %s'" : "sh -c 'exec httpd -f -p 80'",
             serve);
    deploy(first_contract + (uint64_t)i,
           json_pack("{s:i,s:s,s:s,s:s,s:{s:s,s:s,s:{s:[{s:s,s:s}]},s:{s:i,s:I}}}", "version", 0, "name",
                     "web", "type", "zmachine-light", "metadata", metadata, "data", "flist", "oci:web-demo",
                     "entrypoint", entry, "network", "interfaces", "network", "net", "ip", ip,
                     "compute_capacity", "cpu", i == 0 ? 2 : 1, "memory", (json_int_t)268435456));
}

static void look_at(const job_t *job)
{
    if (job->result.status != HOST_OK) die(job->result.error);
}

/* Until there is nothing to do and nothing out; how many jobs that took. */
static unsigned work(void)
{
    unsigned jobs = 0;
    uint64_t wake;
    for (;;) {
        db_begin(db);
        unsigned taken = lanes_take(engine, wall_ms(), look_at);
        unsigned given = lanes_give(engine, &host, wall_ms(), &wake);
        db_end(db);
        jobs += taken;
        if (taken == 0 && given == 0 && lanes_out() == 0) return jobs;
        if (taken == 0 && given == 0) lanes_wait(1000);
    }
}

static int first_process(int i)
{
    char wid[WID_LEN + 1], path[PATH_CAP];
    shim_run_t run = {0};
    plan_wid(7, first_contract + (uint64_t)i, "web", wid);
    return machine_folder(&host, wid, path) && shim_run_read(path, &run) && shim_run_is_alive(&run) ? run.pid
                                                                                                    : 0;
}

static void open_core(void)
{
    char error[HOST_ERROR_MAX + 1];
    db     = db_open(folder, false, error);
    engine = db ? engine_new(&(engine_config_t){
                      .db              = db,
                      .lanes           = lanes,
                      .state_dir       = host.state_dir,
                      .pool_dir        = host.pool_dir,
                      .has_user_spaces = host.has_user_spaces,
                      .gateway_domain  = host.gateway.is_on ? host.gateway.domain : NULL,
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

static void write_config(char path[PATH_CAP])
{
    char text[2048];
    snprintf(
        text, sizeof text,
        "{\"state_dir\":\"%s\",\"run_dir\":\"%s\",\"prefix\":\"%s\",\"substrate\":[\"ws://127.0.0.1:1\"],"
        "\"relay\":{\"domain\":\"relay.invalid\"},\"farm_id\":1,\"seed\":\"%064d\",\"log_level\":\"error\","
        "\"capacity\":{\"cru\":64,\"mru\":137438953472,\"sru\":2147483648000,\"hru\":0}}",
        host.state_dir, host.run_dir, host.prefix, 7);
    if (!path_join(path, "%s/agent.json", folder) || !file_replace(path, text, strlen(text), 0600))
        die("no configuration");
}

static pid_t start_agent(int count)
{
    char config[PATH_CAP], socket_path[PATH_CAP], zosctl[PATH_CAP], agent[PATH_CAP], jobs[64];
    spawn_result_t said = {0};
    if (!path_join(socket_path, "%s/ctl.sock", host.run_dir) || !path_join(zosctl, "%s/zosctl", bin) ||
        !path_join(agent, "%s/zos-agent", bin))
        die("long paths");
    write_config(config);
    pid_t child = fork();
    if (child == 0) {
        execl(agent, agent, "--config", config, "--shim", host.shim, NULL);
        _exit(1);
    }
    double start = now_ms();
    snprintf(jobs, sizeof jobs, "\"jobs_done\":%d", count + 1);
    while (
        now_ms() - start < 60000 &&
        !(SPAWN(&said, 5000, zosctl, "--socket", socket_path, "--json", "status") && strstr(said.text, jobs)))
        poll(NULL, 0, 20);
    return child;
}

/* The program, killed while all run, and started again. */
static void run_agent(int count, bool is_timed)
{
    pid_t child = start_agent(count);
    if (is_timed) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        double start = now_ms();
        child        = start_agent(count);
        printf("%-52s %10.0f\n", "zos-agent after SIGKILL, to all seen to, ms", now_ms() - start);
        poll(NULL, 0, 7000); /* over its first sweep */
    }
    printf("zos-agent with %3d workloads, resident, %-13s %10.1f\n", count, "MiB",
           (double)resident_kib(child) / 1024);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* What the shims hold of their own, and what is counted to the machines' groups, of `count` of them. */
static void measure_memory(int count)
{
    char wid[WID_LEN + 1], path[PATH_CAP], text[4096];
    uint64_t group = 0;
    long shims     = 0;
    spawn_result_t said;
    for (int i = 1; i < count; i++) { /* the first serves files */
        cgroup_usage_t used;
        plan_wid(7, first_contract + (uint64_t)i, "web", wid);
        if (machine_usage(&host, wid, &used)) group += used.memory;
    }
    snprintf(path, sizeof path,
             "for p in $(pgrep -f ^%.400s); do cat /proc/$p/smaps_rollup; done | awk '/^Pss:/{s+=$2} "
             "END{print s}'",
             host.shim);
    if (SPAWN(&said, 10000, "sh", "-c", path)) shims = strtol(said.text, NULL, 10);
    snprintf(text, sizeof text, "a shim (its share), KiB");
    printf("%-52s %10.0f\n", text, (double)shims / count);
    printf("%-52s %10.0f\n", "an idle web server's group, KiB",
           (double)group / 1024 / (count > 1 ? count - 1 : 1));
}

/* ---- throughput ---- */

static uint64_t moved; /* by the client, both ways */

/* Fetches /file; the rate in MB a second, 0 when it did not come. */
static double fetch(const char *address, uint16_t port)
{
    static uint8_t piece[1 << 18];
    static const char question[] = "GET /file HTTP/1.1\r\nHost: " DOMAIN "\r\nConnection: close\r\n\r\n";
    struct sockaddr_in to        = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit         = {.tv_sec = 20};
    uint64_t bytes               = 0;
    inet_pton(AF_INET, address, &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    double start = now_ms();
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
        write(fd, question, sizeof question - 1) == (ssize_t)sizeof question - 1)
        for (ssize_t got; (got = read(fd, piece, sizeof piece)) > 0;)
            bytes += (uint64_t)got;
    close(fd);
    if (bytes > SENT) moved += bytes + sizeof question - 1;
    return bytes > SENT ? (double)bytes / 1000 / (now_ms() - start) : 0;
}

/* The best of some tries, after the first that comes at all. */
static double rate_of(const char *address, uint16_t port)
{
    double best = 0;
    for (int i = 0; i < 100 && fetch(address, port) <= 0; i++)
        poll(NULL, 0, 50);
    for (int i = 0; i < TIMES; i++) {
        double rate = fetch(address, port);
        if (rate > best) best = rate;
    }
    return best;
}

static uint64_t counted(uint64_t contract)
{
    uint32_t count;
    uint64_t bytes = 0;
    engine_meter(engine);
    work();
    engine_nru_t *list = engine_nru(engine, &count);
    for (uint32_t i = 0; i < count; i++)
        if (list[i].contract_id == contract) bytes = list[i].bytes;
    free(list);
    return bytes;
}

/* IP bytes that went over the first machine's link, both ways: what the kernel counts there, without the
 * heads of frames. */
static uint64_t link_bytes(void)
{
    char path[64], text[4096];
    unsigned long long in = 0, in_packets = 0, out = 0, out_packets = 0;
    snprintf(path, sizeof path, "/proc/%d/net/dev", first_process(0));
    const char *at = file_read(path, text, sizeof text) ? strstr(text, "eth0:") : NULL;
    if (!at || sscanf(at + 5, "%llu %llu %*u %*u %*u %*u %*u %*u %llu %llu", &in, &in_packets, &out,
                      &out_packets) != 4)
        die("no counters of the link");
    return in + out - 14 * (in_packets + out_packets);
}

static pid_t run_shell(const char *text)
{
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        execlp("sh", "sh", "-c", text, NULL);
        _exit(1);
    }
    return child;
}

static void end_shell(pid_t child)
{
    kill(-child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* The same server and file on this machine's own file system, behind one pair of links. */
static double plain_links(void)
{
    char place[PATH_CAP], serve[3 * PATH_CAP], text[4 * PATH_CAP];
    if (!path_join(place, "%s/plain", folder) || !folder_make(place, 0755)) die("no folder");
    SPAWN(NULL, 5000, "sh", "-c",
          "ip netns add opb; ip link add opb0 type veth peer name eth0 netns opb; ip addr add 10.251.9.1/30 "
          "dev opb0; ip link set "
          "opb0 up; ip -n opb addr add 10.251.9.2/30 dev eth0; ip -n opb link set eth0 up; ip -n opb link "
          "set lo up");
    snprintf(serve, sizeof serve, SERVE, place, place);
    snprintf(text, sizeof text, "exec ip netns exec opb sh -c '%s'", serve);
    pid_t child = run_shell(text);
    double rate = rate_of("10.251.9.2", 80);
    end_shell(child);
    SPAWN(NULL, 5000, "sh", "-c", "ip link del opb0; ip netns del opb");
    return rate;
}

/* haproxy with the gateway's own settings, one name and one server: the same machine. */
static double plain_haproxy(void)
{
    char path[PATH_CAP], text[2048];
    snprintf(
        text, sizeof text,
        "global\n    maxconn 8000\ndefaults\n    mode http\n    option forwardfor\n    timeout connect 5s\n"
        "    timeout client 60s\n    timeout server 60s\nfrontend f\n    bind 127.0.0.1:%d\n"
        "    default_backend b\nbackend b\n    server s 127.0.0.1:%d\n",
        PORT_PLAIN, PORT);
    if (!path_join(path, "%s/plain.cfg", folder) || !file_replace(path, text, strlen(text), 0644)) return 0;
    snprintf(text, sizeof text, "exec %.400s -f %.400s -db", host.gateway.program, path);
    pid_t child = run_shell(text);
    double rate = rate_of("127.0.0.1", PORT_PLAIN);
    end_shell(child);
    return rate;
}

static void measure_gateway(void)
{
    if (!host.gateway.is_on) {
        printf("skipped: no haproxy\n");
        return;
    }
    deploy(GATEWAY, json_pack("{s:i,s:s,s:s,s:{s:s,s:b,s:[s],s:s}}", "version", 0, "name", "site", "type",
                              "gateway-name-proxy", "data", "name", "bench", "tls_passthrough", 0, "backends",
                              "http://10.20.2.2:80", "network", "net"));
    work();
    rate_of("127.0.0.1", PORT_WEB);
    uint64_t base = counted(GATEWAY), client = moved;
    double gateway = rate_of("127.0.0.1", PORT_WEB);
    uint64_t said = counted(GATEWAY) - base, real = moved - client;
    double plain = plain_haproxy();
    printf("%-52s %10.0f\n", "through a gateway, MB/s", gateway);
    printf("%-52s %10.0f\n", "through a plain haproxy, MB/s", plain);
    printf("%-52s %10.2f\n", "  of it", plain > 0 ? gateway / plain : 0);
    printf("%-52s %+10.3f\n", "counted by the gateway, beside its client, %",
           ((double)said / (double)real - 1) * 100);
    engine_desire(engine, GATEWAY, DESIRED_DELETED, "bench", "", (int64_t)time(NULL));
    work();
}

static void measure_sending(void)
{
    rate_of("127.0.0.1", PORT);
    uint64_t base = counted(FIRST), link = link_bytes(), client = moved;
    double through  = rate_of("127.0.0.1", PORT);
    uint64_t passed = link_bytes() - link, payload = moved - client, said = counted(FIRST) - base;
    double plain = plain_links();
    printf("%-52s %10.0f\n", "published port, through the bridge, MB/s", through);
    printf("%-52s %10.0f\n", "plain pair of links, MB/s", plain);
    printf("%-52s %10.2f\n", "  of it", through / plain);
    printf("%-52s %+10.3f\n", "counted, beside IP bytes on the machine's link, %",
           ((double)said / (double)passed - 1) * 100);
    printf("%-52s %+10.3f\n", "  beside bytes of HTTP", ((double)said / (double)payload - 1) * 100);
    measure_gateway();
}

static void drop(int from, int to)
{
    for (int i = from; i < to; i++)
        engine_desire(engine, first_contract + (uint64_t)i, DESIRED_DELETED, "bench", "",
                      (int64_t)time(NULL));
    work();
}

/* All at once: with one lane, and with more. */
static void measure_lanes(int count, uint32_t lane_count)
{
    char text[64];
    close_core();
    first_contract += COUNT_MAX;
    lanes = lane_count;
    open_core();
    work();
    double start = now_ms();
    for (int i = 0; i < count; i++)
        deploy_machine(i);
    work();
    snprintf(text, sizeof text, "%d asked for at once, %u lanes: started, ms", count, lane_count);
    printf("%-52s %10.0f\n", text, now_ms() - start);
    start = now_ms();
    drop(0, count);
    snprintf(text, sizeof text, "%d cancelled at once, %u lanes: removed, ms", count, lane_count);
    printf("%-52s %10.0f\n", text, now_ms() - start);
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
        if (i + 1 != some) continue;
        printf("%-52s %10.0f\n", "50 started, ms", now_ms() - start);
        if (count == some) continue;
        double pause = now_ms(); /* an agent of its own looks at these */
        close_core();
        run_agent(some, false);
        open_core();
        work();
        start += now_ms() - pause;
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
    run_agent(count, true);
    for (int i = changed = 0; i < count; i++)
        changed += first_process(i) != pids[i];
    printf("%-52s %10d\n", "restarted by it", changed);
    open_core();
    work();
    measure_memory(count);
    measure_sending();
    start = now_ms();
    drop(0, some);
    printf("%-52s %10.0f\n", "50 removed, ms", now_ms() - start);
    drop(some, count);
    measure_lanes(some, 1);
    measure_lanes(some, 2);
    measure_lanes(some, 4);
    engine_desire(engine, 1, DESIRED_DELETED, "bench", "", (int64_t)time(NULL));
    work();
    close_core();
}

/* The other program of this folder goes first. */
static void run_one(void)
{
    char path[PATH_CAP];
    if (!path_join(path, "%s/bench_workload", own)) die("long paths");
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
    char error[HOST_ERROR_MAX + 1], shim[PATH_CAP], run[PATH_CAP];
    bool is_all            = argc > 1 && strcmp(argv[1], "all") == 0;
    int count              = argc > 1 && !is_all ? (int)strtol(argv[1], NULL, 10) : 200;
    ssize_t len            = readlink("/proc/self/exe", own, sizeof own - 1);
    own[len > 0 ? len : 0] = 0;
    *strrchr(own, '/')     = 0;
    log_level(LOG_LEVEL_ERROR);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (count < 1 || count > COUNT_MAX || !mkdtemp(folder) || chmod(folder, 0711) != 0 ||
        !path_join(bin, "%s/../bin", own) || !path_join(shim, "%s/zos-shim", bin) ||
        !path_join(run, "%s/run", folder))
        return 1;
    if (is_all) run_one();
    host_config_t config = {.prefix             = "opb",
                            .state_dir          = folder,
                            .run_dir            = run,
                            .shim               = shim,
                            .pool_size          = UINT64_C(64) << 30,
                            .gateway_domain     = "example.org",
                            .gateway_address    = "127.0.0.1",
                            .gateway_http_port  = PORT_WEB,
                            .gateway_https_port = PORT_TLS};
    if (!host_init(&host, &config, error)) {
        config.gateway_domain = NULL;
        if (!host_init(&host, &config, error)) die(error);
    }
    open_core();
    if (!image_demo(db, folder, "web-demo", error)) die(error);
    measure(count);
    folder_remove(folder);
    return 0;
}
