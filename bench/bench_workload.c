/* bench_workload.c - from a deployment that is accepted to a page that is served, and back to nothing.
 *
 *     bench_workload [ROUNDS]     20 unless told otherwise; needs root
 *
 * The core of the agent without chain and bus: engine, database (synced at each commit), worker, shim and
 * runtime, with a disk, a network and a web server each time; the image is in the store.  Milliseconds, the
 * median and the worst. `start` ends when the runtime said that it runs, `page` when it was served over the
 * published port. */
#include "engine.h"
#include "image.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

enum { PORT = 41780, STEPS = 8, ROUNDS_MAX = 1000 };

static const char *const steps[STEPS] = {"accept", "disk", "network", "machine",
                                         "start",  "page", "drop",    "total"};
static double taken[STEPS][ROUNDS_MAX];
static host_t host;
static engine_t *engine;

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
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

static bool page_is_served(void)
{
    char answer[512];
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 1};
    int fd               = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    bool is_served = connect(fd, (const struct sockaddr *)&to, sizeof to) == 0 &&
                     write(fd, "GET / HTTP/1.0\r\n\r\n", 18) == 18 && read(fd, answer, sizeof answer) > 12;
    close(fd);
    return is_served;
}

/* Runs jobs until there are none; the time of each kind goes to its step. */
static void work(int round)
{
    static job_t job;
    uint64_t wake;
    while (engine_next(engine, wall_ms(), &job, &wake)) {
        int step = job.kind == JOB_DISK ? 1 : job.kind == JOB_NETWORK ? 2 : job.kind == JOB_MACHINE ? 3 : -1;
        double start = now_ms();
        job_run(&host, &job);
        if (step > 0) taken[step][round] = now_ms() - start;
        if (job.result.status != HOST_OK) {
            fprintf(stderr, "%s\n", job.result.error);
            exit(1);
        }
        engine_done(engine, &job, wall_ms());
    }
}

static void once(int round, uint64_t contract)
{
    char error[ENGINE_ERROR_MAX + 1];
    double start = now_ms();
    if (!engine_deploy(engine, deployment(contract), time(NULL), error)) exit(1);
    taken[0][round] = now_ms() - start;
    work(round);
    taken[4][round] = now_ms() - start;
    while (!page_is_served() && now_ms() - start < 10000)
        poll(NULL, 0, 1);
    taken[5][round] = now_ms() - start;
    double drop     = now_ms();
    engine_desire(engine, contract, DESIRED_DELETED, "bench", "", time(NULL));
    work(round);
    taken[6][round] = now_ms() - drop;
    taken[7][round] = now_ms() - start;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(int rounds)
{
    printf("%d rounds, runtime %s, user namespaces %s, disks %s; ms\n%-10s %10s %10s\n", rounds, host.runtime,
           host.has_user_spaces ? "yes" : "no", host.has_btrfs ? "btrfs" : "ext4", "step", "median", "worst");
    for (int i = 0; i < STEPS; i++) {
        qsort(taken[i], (size_t)rounds, sizeof(double), by_size);
        printf("%-10s %10.1f %10.1f\n", steps[i], taken[i][rounds / 2], taken[i][rounds - 1]);
    }
}

static bool start(const char *folder, db_t **db)
{
    char error[HOST_ERROR_MAX + 1], shim[PATH_CAP], run[PATH_CAP], own[PATH_CAP];
    ssize_t len            = readlink("/proc/self/exe", own, sizeof own - 1);
    own[len > 0 ? len : 0] = 0;
    *strrchr(own, '/')     = 0;
    if (!path_join(shim, "%s/../bin/zos-shim", own) || !path_join(run, "%s/run", folder)) return false;
    host_config_t config = {
        .prefix = "ztb", .state_dir = folder, .run_dir = run, .shim = shim, .pool_size = UINT64_C(4) << 30};
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
    char folder[] = "/tmp/bench-workload-XXXXXX";
    db_t *db;
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 20;
    log_level(LOG_LEVEL_ERROR);
    if (rounds < 1 || rounds > ROUNDS_MAX || !mkdtemp(folder) || chmod(folder, 0711) != 0 ||
        !start(folder, &db))
        return 1;
    for (int i = -1; i < rounds; i++) /* the first makes the pool, and is not counted */
        once(i < 0 ? 0 : i, (uint64_t)(i + 2));
    print(rounds);
    engine_free(engine);
    db_close(db);
    folder_remove(folder);
    return 0;
}
