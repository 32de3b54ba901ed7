/* bench_workload.c - from a deployment that is accepted to a server that listens, and back to nothing.
 *
 *     bench_workload [ROUNDS [RUNTIME]]     50 unless told otherwise, runc or crun; needs root
 *
 * The core of the agent without chain and bus: engine, database (synced at each commit), worker, shim and
 * runtime, with a disk, a network and a web server each time, on a node that has another disk; the image is
 * in the store.  Milliseconds of the clock: p50, p99 and the worst; and what all processes of a round took of
 * the processor.  `start` ends when the runtime said that it runs, `listen` when its port takes connections,
 * `page` when a page was served over it. */
#include "engine.h"
#include "image.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

enum { PORT = 42780, STEPS = 9, ROUNDS_MAX = 1000, OTHER = 1, FIRST = 3 };

static const char *const steps[STEPS] = {"accept", "disk", "network", "machine", "start",
                                         "listen", "page", "drop",    "total"};
static double taken[STEPS][ROUNDS_MAX];
static host_t host;
static engine_t *engine;
static db_t *state;

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Of this process and all that it waited for, shims that were left to it included. */
static double processor_ms(void)
{
    struct rusage own, others;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &others);
    const struct timeval all[] = {own.ru_utime, own.ru_stime, others.ru_utime, others.ru_stime};
    double sum                 = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sum += (double)all[i].tv_sec * 1e3 + (double)all[i].tv_usec / 1e3;
    return sum;
}

static uint64_t wall_ms(void) { return (uint64_t)time(NULL) * 1000; }

static deployment_t *deployment(uint64_t contract)
{
    static const char form[] =
        "{\"version\":0,\"twin_id\":7,\"contract_id\":%llu,\"workloads\":["
        "{\"version\":0,\"name\":\"data\",\"type\":\"zmount\",\"data\":{\"size\":104857600}},"
        "{\"version\":0,\"name\":\"net\",\"type\":\"network-light\",\"data\":{\"subnet\":\"10.20.2.0/"
        "24\",\"ip_range\":\"10.20.0.0/16\"}},"
        "{\"version\":0,\"name\":\"web\",\"type\":\"zmachine-light\",\"metadata\":\"{\\\"ports\\\":[{"
        "\\\"proto\\\":\\\"tcp\\\","
        "\\\"host\\\":%d,\\\"guest\\\":80}]}\",\"data\":{\"flist\":\"oci:web-demo\",\"network\":{"
        "\"interfaces\":[{\"network\":\"net\","
        "\"ip\":\"10.20.2.2\"}]},\"compute_capacity\":{\"cpu\":1,\"memory\":268435456},\"mounts\":[{\"name\":"
        "\"data\","
        "\"mountpoint\":\"/data\"}]}}]}";
    char text[2048], error[DEPLOYMENT_ERROR_MAX + 1];
    snprintf(text, sizeof text, form, (unsigned long long)contract, PORT);
    deployment_t *d = deployment_parse(bytes_text(text), error);
    if (!d) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return d;
}

/* Connects to the published port; with a page, waits for the start of one. */
static bool is_served(bool is_page)
{
    char answer[512];
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 1};
    int fd               = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    bool is_there = connect(fd, (const struct sockaddr *)&to, sizeof to) == 0;
    if (is_page && is_there)
        is_there = write(fd, "GET / HTTP/1.0\r\n\r\n", 18) == 18 && read(fd, answer, sizeof answer) > 12;
    close(fd);
    return is_there;
}

/* Runs jobs until there are none, each result kept with the next intention as the agent does; the time of
 * each kind goes to its step. */
static void work(int round)
{
    static job_t job;
    uint64_t wake;
    bool has_job = engine_next(engine, wall_ms(), &job, &wake);
    while (has_job) {
        int step     = job.kind == JOB_DISK      ? 1
                       : job.kind == JOB_NETWORK ? 2
                       : job.kind == JOB_OPEN    ? 3 /* the machine's rules, then itself */
                       : job.kind == JOB_MACHINE ? 3
                                                 : -1;
        double start = now_ms();
        job_run(&host, &job);
        if (step > 0) taken[step][round] += now_ms() - start;
        if (job.result.status != HOST_OK) {
            fprintf(stderr, "%s\n", job.result.error);
            exit(1);
        }
        db_begin(state);
        engine_done(engine, &job, wall_ms());
        has_job = engine_next(engine, wall_ms(), &job, &wake);
        db_end(state);
    }
}

static void wait_for(bool is_page, double start)
{
    while (!is_served(is_page) && now_ms() - start < 10000)
        poll(NULL, 0, 1);
}

static void once(int round, uint64_t contract)
{
    char error[ENGINE_ERROR_MAX + 1];
    double start = now_ms();
    for (int i = 0; i < STEPS; i++)
        taken[i][round] = 0;
    if (!engine_deploy(engine, deployment(contract), time(NULL), error)) exit(1);
    taken[0][round] = now_ms() - start;
    work(round);
    taken[4][round] = now_ms() - start;
    wait_for(false, start);
    taken[5][round] = now_ms() - start;
    wait_for(true, start);
    taken[6][round] = now_ms() - start;
    double drop     = now_ms();
    engine_desire(engine, contract, DESIRED_DELETED, "bench", "", time(NULL));
    work(round);
    taken[7][round] = now_ms() - drop;
    taken[8][round] = now_ms() - start;
}

/* A node has more than one deployment: its pool is mounted. */
static void deploy_other(void)
{
    static const char text[] =
        "{\"version\":0,\"twin_id\":8,\"contract_id\":1,\"workloads\":[{\"version\":0,\"name\":"
        "\"data\",\"type\":\"zmount\",\"data\":{\"size\":104857600}}]}";
    char error[ENGINE_ERROR_MAX + 1];
    deployment_t *d = deployment_parse(bytes_text(text), error);
    if (!d || !engine_deploy(engine, d, time(NULL), error)) exit(1);
    work(0);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(int rounds)
{
    printf("%d rounds, runtime %s, user namespaces %s, disks %s; ms\n%-10s %10s %10s %10s\n", rounds,
           host.runtime, host.has_user_spaces ? "yes" : "no", host.has_btrfs ? "btrfs" : "ext4", "step",
           "p50", "p99", "worst");
    for (int i = 0; i < STEPS; i++) {
        qsort(taken[i], (size_t)rounds, sizeof(double), by_size);
        printf("%-10s %10.1f %10.1f %10.1f\n", steps[i], taken[i][rounds / 2],
               taken[i][(rounds * 99 - 1) / 100], taken[i][rounds - 1]);
    }
}

static bool start(const char *folder, const char *runtime, db_t **db)
{
    char error[HOST_ERROR_MAX + 1], shim[PATH_CAP], run[PATH_CAP], own[PATH_CAP];
    ssize_t len            = readlink("/proc/self/exe", own, sizeof own - 1);
    own[len > 0 ? len : 0] = 0;
    *strrchr(own, '/')     = 0;
    if (!path_join(shim, "%s/../bin/zos-shim", own) || !path_join(run, "%s/run", folder)) return false;
    host_config_t config = {.prefix    = "ztb",
                            .runtime   = runtime,
                            .state_dir = folder,
                            .run_dir   = run,
                            .shim      = shim,
                            .pool_size = UINT64_C(4) << 30};
    if (!host_init(&host, &config, error) || !(*db = db_open(folder, false, error)) ||
        !image_demo(*db, folder, "web-demo", error)) {
        fprintf(stderr, "%s\n", error);
        return false;
    }
    engine = engine_new(&(engine_config_t){
        .db              = *db,
        .state_dir       = host.state_dir,
        .pool_dir        = host.pool_dir,
        .has_user_spaces = host.has_user_spaces,
        .total           = {.cru = 64, .mru = UINT64_C(64) << 30, .sru = UINT64_C(200) << 30}
    });
    return engine != NULL;
}

int main(int argc, char **argv)
{
    char folder[]       = "/tmp/bench-workload-XXXXXX";
    const char *runtime = argc > 2 ? argv[2] : NULL;
    int rounds          = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 50;
    log_level(LOG_LEVEL_ERROR);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that what shims took counts when they end */
    if (rounds < 1 || rounds > ROUNDS_MAX || !mkdtemp(folder) || chmod(folder, 0711) != 0 ||
        !start(folder, runtime, &state))
        return 1;
    deploy_other();
    once(0, FIRST - 1); /* not counted */
    double before = processor_ms();
    for (int i = 0; i < rounds; i++)
        once(i, (uint64_t)(i + FIRST));
    double after = processor_ms();
    print(rounds);
    printf("%-10s %10.1f of the processor, all processes, for a whole round\n", "each",
           (after - before) / rounds);
    engine_desire(engine, OTHER, DESIRED_DELETED, "bench", "", time(NULL));
    work(0);
    engine_free(engine);
    db_close(state);
    folder_remove(folder);
    return 0;
}
