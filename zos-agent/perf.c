/* perf.c - tasks, their times and their results. */
#include "perf.h"
#include "files.h"
#include "log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS     15000
#define HOUR_S      INT64_C(3600)
#define CPU_ROUNDS  2000
#define IPERF_S     5
#define REACH_MS    10000
#define THREADS_MAX 256

struct perf {
    perf_config_t config;
    char *urls[PERF_URLS_CAP];
    io_timer_t *timer;
    int64_t started_s;
    size_t running; /* index of the task that is out, from 1 */
    uint32_t workloads;
    chain_node_t node; /* as it was when the task began */
    json_t *result;
};

/* ---- cores ---- */

/* What one thread does: MiB of a mixing function over a table that fits into a cache. */
static uint64_t churn(uint32_t rounds)
{
    uint64_t table[4096], x = 88172645463325252u;
    for (size_t i = 0; i < 4096; i++)
        table[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < 65536; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            table[x & 4095] =
                (table[x & 4095] << 9 | table[x & 4095] >> 55) * UINT64_C(0xbf58476d1ce4e5b9) + x;
        }
    for (size_t i = 0; i < 4096; i++)
        x ^= table[i];
    return x;
}

static void *thread_main(void *rounds)
{
    volatile uint64_t sink = churn(*(const uint32_t *)rounds);
    (void)sink;
    return NULL;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The same amount of work, shared by so many threads. */
static double time_of(uint32_t threads, uint32_t rounds)
{
    pthread_t ids[THREADS_MAX];
    uint32_t each = rounds / threads ? rounds / threads : 1, started = 0;
    double start = seconds();
    for (; started < threads; started++)
        if (pthread_create(&ids[started], NULL, thread_main, &each) != 0) break;
    for (uint32_t i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    return started == threads ? seconds() - start : 0;
}

json_t *perf_cpu(uint32_t threads, uint32_t rounds, uint32_t workloads)
{
    if (threads < 1) threads = 1;
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    double single = time_of(1, rounds), multi = time_of(threads, rounds);
    if (single <= 0 || multi <= 0) return NULL;
    return json_pack("{s:f,s:f,s:i,s:i}", "single", single, "multi", multi, "threads", (int)threads,
                     "workloads", (int)workloads);
}

/* ---- health ---- */

/* SCHEME://HOST[:PORT]/... taken apart; the usual port of the scheme where there is none. */
static bool url_parts(const char *url, char host[256], char port[8])
{
    const char *at = strstr(url, "://");
    bool is_tls = strncmp(url, "wss", 3) == 0 || strncmp(url, "https", 5) == 0 || strncmp(url, "tls", 3) == 0;
    size_t bracketed = 0;
    if (!at) return false;
    at += 3;
    if (*at == '[') bracketed = strcspn(at, "]");
    size_t len = bracketed ? bracketed - 1 : strcspn(at, ":/");
    if (len == 0 || len > 255) return false;
    snprintf(host, 256, "%.*s", (int)len, bracketed ? at + 1 : at);
    at += bracketed ? bracketed + 1 : len;
    snprintf(port, 8, "%s", is_tls ? "443" : "80");
    if (*at == ':') snprintf(port, 8, "%.*s", (int)strcspn(at + 1, "/"), at + 1);
    return true;
}

static int try_connect(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    socklen_t len         = sizeof error;
    struct pollfd watched = {.fd = fd, .events = POLLOUT};
    if (fd < 0) return errno;
    if (connect(fd, info->ai_addr, info->ai_addrlen) != 0 && errno != EINPROGRESS)
        error = errno;
    else if (poll(&watched, 1, REACH_MS) != 1)
        error = ETIMEDOUT;
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    close(fd);
    return error;
}

static bool is_reached(const char *url, char *why, size_t cap)
{
    char host[256], port[8];
    struct addrinfo hint = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int code, error                                            = ECONNREFUSED;
    if (!url_parts(url, host, port)) {
        snprintf(why, cap, "invalid URL %s: missing hostname in URL", url);
        return false;
    }
    code = getaddrinfo(host, port, &hint, &list);
    for (const struct addrinfo *at = code == 0 ? list : NULL; at && error != 0; at = at->ai_next)
        error = try_connect(at);
    if (list) freeaddrinfo(list);
    if (code == 0 && error == 0) return true;
    snprintf(why, cap, "%s is not reachable: failed to connect: %s", url,
             code ? gai_strerror(code) : strerror(error));
    return false;
}

/* Each service needs one URL that answers; those of one service stand together. */
static void check_network(const char *const *urls, uint32_t count, json_t *wrong)
{
    for (uint32_t i = 0; i < count;) {
        char all[1024] = "", why[512];
        size_t name = strcspn(urls[i], "="), used = 0;
        bool is_up     = false;
        uint32_t first = i;
        for (; i < count && strncmp(urls[i], urls[first], name + 1) == 0; i++) {
            if (is_up || (is_up = is_reached(urls[i] + name + 1, why, sizeof why))) continue;
            int put = snprintf(all + used, sizeof all - used, "%s%s", used ? "; " : "", why);
            if (put > 0 && used + (size_t)put < sizeof all) used += (size_t)put;
        }
        if (!is_up)
            json_array_append_new(
                wrong, json_sprintf("all %.*s instances are unreachable: %s", (int)name, urls[first], all));
    }
}

static void check_cache(const char *state_dir, json_t *wrong)
{
    char path[PATH_CAP];
    int fd     = path_join(path, "%s/healthcheck", state_dir)
                     ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
                     : -1;
    bool is_ok = fd >= 0 && write(fd, "ok\n", 3) == 3 && fsync(fd) == 0;
    if (!is_ok) json_array_append_new(wrong, json_sprintf("failed to write to cache: %s", strerror(errno)));
    if (fd >= 0) close(fd);
    if (fd >= 0) unlink(path);
}

json_t *perf_health(const char *state_dir, const char *const *urls, uint32_t url_count)
{
    json_t *cache = json_array(), *network = json_array();
    check_cache(state_dir, cache);
    check_network(urls, url_count, network);
    return json_pack("{s:o,s:o}", "cache", cache, "network", network);
}

/* ---- the farm's addresses ---- */

static bool is_address_of(const chain_farm_ip_t *ip)
{
    char address[32];
    struct in_addr host, gateway;
    const char *slash = strchr(ip->ip, '/');
    if (!slash) return false;
    snprintf(address, sizeof address, "%.*s", (int)(slash - ip->ip), ip->ip);
    long prefix = strtol(slash + 1, NULL, 10);
    if (prefix < 1 || prefix > 32 || inet_pton(AF_INET, address, &host) != 1 ||
        inet_pton(AF_INET, ip->gateway, &gateway) != 1)
        return false;
    return host.s_addr != gateway.s_addr;
}

/* Whether an address leads here is only seen from elsewhere; no server is asked for that, and it is not said.
 */
json_t *perf_public_ips(const chain_node_t *node)
{
    json_t *report = json_object();
    for (uint32_t i = 0; i < node->farm_ip_count; i++) {
        const chain_farm_ip_t *ip = &node->farm_ips[i];
        const char *state = "skipped", *reason = "failed to get real public IP to the node";
        if (ip->contract_id != 0) {
            reason = "ip is already assigned to a contract";
        } else if (!is_address_of(ip)) {
            state  = "invalid";
            reason = "public ip or gateway data are not valid";
        }
        json_object_set_new(report, ip->ip, json_pack("{s:s,s:s}", "state", state, "reason", reason));
    }
    return report;
}

/* ---- tasks ---- */

static json_t *run_cpu(const perf_t *perf)
{
    long threads = sysconf(_SC_NPROCESSORS_ONLN);
    return perf_cpu(threads > 0 ? (uint32_t)threads : 1, CPU_ROUNDS, perf->workloads);
}

static json_t *run_health(const perf_t *perf)
{
    return perf_health(perf->config.state_dir, (const char *const *)perf->urls, perf->config.url_count);
}

static json_t *run_public_ips(const perf_t *perf)
{
    return perf->node.is_known ? perf_public_ips(&perf->node) : NULL;
}

static json_t *run_iperf(const perf_t *perf) { return perf_iperf(perf->config.iperf_servers, IPERF_S); }

static const struct {
    const char *name, *description;
    int64_t every_s, first_s; /* first_s: after the start, where there is no result that is young enough */
    json_t *(*run)(const perf_t *perf);
} tasks[] = {
    {"healthcheck",
     "health check task runs multiple checks to ensure the node is in a usable state and set flags for the "
     "power "
     "daemon to stop reporting uptime if it is not usable",                                                    HOUR_S / 4, 10,  run_health    },
    {"public-ip-validation", "Runs on the least NodeID node in a farm to validate all its IPs.",               6 * HOUR_S,
     60,                                                                                                                        run_public_ips},
    {"iperf",                "Test public nodes network performance with both UDP and TCP over IPv4 and IPv6", 6 * HOUR_S,
     300,                                                                                                                       run_iperf     },
    {"cpu-benchmark",
     "Measures the performance of the node CPU by reporting the timespent of computing a task in seconds.",    6 * HOUR_S, 600, run_cpu       },
};
#define TASK_COUNT (sizeof tasks / sizeof *tasks)

/* ---- results ---- */

static json_t *row_json(db_rows_t *rows)
{
    return json_pack("{s:s,s:s,s:I,s:o?}", "name", db_text(rows, 0), "description", db_text(rows, 1),
                     "timestamp", (json_int_t)db_number(rows, 2), "result",
                     json_loads(db_text(rows, 3), JSON_DECODE_ANY, NULL));
}

json_t *perf_all(db_t *db)
{
    json_t *list    = json_array();
    db_rows_t *rows = db_ask(db, "SELECT name, description, at, result FROM perf ORDER BY name", "");
    while (db_next(&rows))
        json_array_append_new(list, row_json(rows));
    return list;
}

json_t *perf_get(db_t *db, const char *name)
{
    json_t *json    = NULL;
    db_rows_t *rows = db_ask(db, "SELECT name, description, at, result FROM perf", "");
    while (db_next(&rows))
        if (!json && strcasecmp(db_text(rows, 0), name) == 0) json = row_json(rows);
    return json;
}

bool perf_is_healthy(db_t *db)
{
    json_t *health = perf_get(db, "healthcheck"), *wrong;
    bool is_ok     = true;
    const char *what;
    json_object_foreach(json_object_get(health, "result"), what, wrong) is_ok =
        is_ok && json_array_size(wrong) == 0;
    json_decref(health);
    return is_ok;
}

static void keep(perf_t *perf, size_t task)
{
    char *text = perf->result ? json_dumps(perf->result, JSON_COMPACT) : NULL;
    if (text)
        db_do(perf->config.db,
              "INSERT INTO perf(name, description, at, result) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(name) DO "
              "UPDATE "
              "SET description = ?2, at = ?3, result = ?4",
              "ttit", tasks[task].name, tasks[task].description, (int64_t)(io_now_ms(perf->config.io) / 1000),
              text);
    log_debug(LOG_MAIN, "measured", LOG_TEXT("task", tasks[task].name),
              LOG_TEXT("result", text ? text : "none"));
    free(text);
    json_decref(perf->result);
    perf->result = NULL;
}

/* ---- times ---- */

static void work(void *self)
{
    perf_t *perf = self;
    perf->result = tasks[perf->running - 1].run(perf);
}

static void worked(void *self)
{
    perf_t *perf  = self;
    size_t task   = perf->running - 1;
    perf->running = 0;
    keep(perf, task);
}

static bool is_due(const perf_t *perf, size_t task, int64_t now_s)
{
    int64_t at      = 0;
    db_rows_t *rows = db_ask(perf->config.db, "SELECT at FROM perf WHERE name = ?1", "t", tasks[task].name);
    if (db_next(&rows)) {
        at = db_number(rows, 0);
        db_stop(rows);
    }
    bool is_old = at == 0 || at > now_s || now_s - at >= tasks[task].every_s;
    return is_old && (perf->config.look_ms || now_s - perf->started_s >= tasks[task].first_s);
}

static void look(void *self)
{
    perf_t *perf  = self;
    int64_t now_s = (int64_t)(io_now_ms(perf->config.io) / 1000);
    if (now_s < perf->started_s) perf->started_s = now_s; /* the clock was set back */
    for (size_t i = 0; i < TASK_COUNT && !perf->running; i++) {
        if (!is_due(perf, i, now_s)) continue;
        const chain_node_t *node = perf->config.node ? perf->config.node(perf->config.context) : NULL;
        perf->workloads          = perf->config.workloads ? perf->config.workloads(perf->config.context) : 0;
        perf->node               = node ? *node : (chain_node_t){0};
        if (tasks[i].run == run_public_ips && !perf->node.is_known) continue;
        perf->running = i + 1;
        io_work(perf->config.io, work, worked, perf);
    }
}

perf_t *perf_new(const perf_config_t *config)
{
    perf_t *perf = calloc(1, sizeof *perf);
    if (!perf) return NULL;
    perf->config           = *config;
    perf->config.url_count = 0;
    for (uint32_t i = 0; i < config->url_count && i < PERF_URLS_CAP; i++)
        if ((perf->urls[perf->config.url_count] = strdup(config->urls[i]))) perf->config.url_count++;
    perf->started_s  = (int64_t)(io_now_ms(config->io) / 1000);
    uint64_t look_ms = config->look_ms ? config->look_ms : LOOK_MS;
    perf->timer      = io_timer_start(config->io, look_ms, look_ms, look, perf);
    return perf;
}

void perf_free(perf_t *perf)
{
    if (!perf) return;
    if (perf->timer) io_timer_stop(perf->timer);
    while (perf->running)
        io_step(perf->config.io, 50);
    for (uint32_t i = 0; i < PERF_URLS_CAP; i++)
        free(perf->urls[i]);
    free(perf);
}
