/* bench_index.c - the index of a large grid: how fast events become rows, and how long questions take.
 *
 *     bench_index [NODES CONTRACTS [DATABASE]]       default 10,000 100,000, a file that is removed
 *     bench_index clients [NODES CONTRACTS]          default 100,000 50,000
 *
 * With clients the program trellis-indexer serves these rows to 50 connections for SECONDS, each with one
 * question under way, and one more asks its loop how it is. */
#include "apply.h"
#include "graphql.h"
#include "proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PER_BLOCK 100u
#define ROUNDS    50
#define FARMS     1000u
#define PORT      42795
#define CLIENTS   50
#define SECONDS   20
#define ASKED_MAX 200000

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint32_t next_random(void)
{
    static uint64_t state = 1;
    state                 = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

/* ---- events ---- */

static void a_node(store_t *s, uint32_t index, uint32_t id)
{
    static const char *const countries[] = {"Belgium", "Egypt", "Japan", "France", "Canada"};
    tfgrid_event_t e                     = {
                            .kind        = TFGRID_EVENT_NODE_STORED,
                            .node_stored = {
                                            .version   = 5,
                                            .id        = id,
                                            .farm_id   = 1 + id % FARMS,
                                            .twin_id   = id + 10000,
                                            .resources = {0, (uint64_t)(1 + id % 9) << 39, 1 + id % 64, (uint64_t)(2 + id % 250) << 30},
                                            .location  = {BYTES("Somewhere"), bytes_text(countries[id % 5]), BYTES("1"), BYTES("2")}}
    };
    apply_tfgrid(s, index, &e);
}

static void a_contract(store_t *s, uint32_t index, uint64_t id, uint32_t nodes)
{
    char data[96];
    snprintf(data, sizeof data,
             "{\"version\":3,\"type\":\"vm\",\"name\":\"vm%llu\",\"projectName\":\"vm/vm%llu\"}",
             (unsigned long long)id, (unsigned long long)id);
    smart_contract_event_t e = {
        .kind             = SMART_CONTRACT_EVENT_CONTRACT_CREATED,
        .contract_created = {.contract_id = id, .twin_id = 1 + next_random() % 5000}
    };
    e.contract_created.contract_type.node_contract = (smart_contract_node_contract_t){
        .node_id = 1 + next_random() % nodes, .deployment_data = bytes_text(data)};
    apply_smart_contract(s, index, &e);
    smart_contract_event_t used = {
        .kind                   = SMART_CONTRACT_EVENT_UPDATED_USED_RESOURCES,
        .updated_used_resources = {id, {0, 1u << 30, 1, 1u << 29}}
    };
    apply_smart_contract(s, index + 1, &used);
    if (next_random() % 3) return;
    smart_contract_event_t end = {.kind = SMART_CONTRACT_EVENT_NODE_CONTRACT_CANCELED,
                                  .node_contract_canceled.contract_id = id};
    apply_smart_contract(s, index + 2, &end);
}

static void a_farm(store_t *s, uint32_t index, uint32_t id)
{
    char name[24];
    snprintf(name, sizeof name, "farm-%u", id);
    tfgrid_event_t e = {
        .kind        = TFGRID_EVENT_FARM_STORED,
        .farm_stored = {
                        .version = 4, .id = id, .name = bytes_text(name), .twin_id = id, .pricing_policy_id = 1}
    };
    apply_tfgrid(s, index, &e);
}

static void a_block(store_t *s, uint32_t number, bool is_final)
{
    char hash[67];
    snprintf(hash, sizeof hash, "0x%064x", number);
    store_block(s,
                &(store_block_t){.number = number, .hash = hash, .time_s = 1800000000, .is_final = is_final});
}

/* make_rows gives the number of events. */
static uint64_t make_rows(store_t *s, uint32_t nodes, uint32_t contracts)
{
    uint32_t number = 0;
    if (!store_begin(s)) abort();
    a_block(s, ++number, true);
    for (uint32_t id = 1; id <= FARMS; id++)
        a_farm(s, id, id);
    (void)!store_block_done(s);
    for (uint32_t id = 1; id <= nodes; id++) {
        if (id % PER_BLOCK == 1) a_block(s, ++number, true);
        a_node(s, id % PER_BLOCK, id);
        if (id % PER_BLOCK == 0 || id == nodes) (void)!store_block_done(s);
    }
    if (!store_commit(s) || !store_begin(s)) abort();
    for (uint32_t id = 1; id <= contracts; id++) {
        if (id % PER_BLOCK == 1) a_block(s, ++number, true);
        a_contract(s, 3 * (id % PER_BLOCK), id, nodes);
        if (id % PER_BLOCK == 0 || id == contracts) (void)!store_block_done(s);
    }
    if (!store_commit(s)) abort();
    return nodes + contracts * 7ull / 3;
}

/* Blocks that may be taken back, each a transaction with its undo, as at the head of a chain. */
static void measure_head(store_t *s, uint32_t nodes, uint32_t contracts)
{
    uint32_t first = store_head(s)->number;
    double start   = now_s();
    for (uint32_t i = 1; i <= 100; i++) {
        if (!store_begin(s)) abort();
        a_block(s, first + i, false);
        for (uint32_t k = 0; k < 20; k++)
            a_contract(s, 3 * k, contracts + i * 20 + k, nodes);
        if (!store_block_done(s) || !store_commit(s)) abort();
    }
    double forward = now_s() - start;
    start          = now_s();
    for (uint32_t i = 0; i < 100; i++)
        if (!store_undo(s)) abort();
    printf("a block of 20 contracts at the head: %.1f ms, taken back in %.1f ms\n", forward * 10,
           (now_s() - start) * 10);
}

/* ---- questions ---- */

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void report(const char *what, double *ms, size_t bytes)
{
    qsort(ms, ROUNDS, sizeof *ms, compare);
    printf("%-58s %8.2f %8.2f %9zu\n", what, ms[ROUNDS / 2], ms[ROUNDS - 1], bytes);
}

static void ask_proxy(store_t *s, const char *path, const char *query)
{
    double ms[ROUNDS];
    size_t bytes  = 0;
    proxy_t proxy = {.db = store_db(s), .now_s = 1800000000, .version = "bench"};
    char what[160];
    for (int i = 0; i < ROUNDS; i++) {
        proxy_result_t result;
        double start = now_s();
        json_t *json = proxy_answer(&proxy, path, query, &result);
        char *text   = json_dumps(json, JSON_COMPACT);
        ms[i]        = (now_s() - start) * 1000;
        bytes        = strlen(text);
        if (result.status != 200) abort();
        free(text);
        json_decref(json);
    }
    snprintf(what, sizeof what, "%s?%s", path, query);
    report(what, ms, bytes);
}

static void ask_graphql(store_t *s, const char *name, const char *query)
{
    double ms[ROUNDS];
    size_t bytes    = 0;
    json_t *request = json_pack("{s:s}", "query", query);
    char *body      = json_dumps(request, JSON_COMPACT);
    for (int i = 0; i < ROUNDS; i++) {
        int status;
        double start = now_s();
        json_t *json = graphql_answer(store_db(s), 1, bytes_text(body), &status);
        char *text   = json_dumps(json, JSON_COMPACT);
        ms[i]        = (now_s() - start) * 1000;
        bytes        = strlen(text);
        if (status != 200) abort();
        free(text);
        json_decref(json);
    }
    free(body);
    json_decref(request);
    report(name, ms, bytes);
}

static void ask_all(store_t *s)
{
    printf("%-58s %8s %8s %9s\n", "question, ms", "p50", "max", "bytes");
    ask_proxy(s, "/nodes/77", "");
    ask_proxy(s, "/nodes", "status=up&size=50&ret_count=true");
    ask_proxy(s, "/nodes",
              "free_mru=34359738368&free_sru=2199023255552&country=japan&available_for=7&sort_by=free_cru&"
              "sort_order=desc");
    ask_proxy(s, "/nodes", "size=10000");
    ask_proxy(s, "/farms", "node_free_mru=214748364800&country=egypt");
    ask_proxy(s, "/contracts", "twin_id=77&state=created");
    ask_proxy(s, "/contracts", "deployment_data=x");
    ask_proxy(s, "/stats", "");
    ask_graphql(s, "graphql: a twin's contracts, by text",
                "{ nodeContracts(where: {twinID_eq: 77, state_in: [Created, GracePeriod], AND: "
                "[{deploymentData_contains: \"vm\"}]}) { contractID "
                "deploymentData state createdAt nodeID } }");
    ask_graphql(s, "graphql: text in all contracts",
                "{ nodeContracts(where: {deploymentData_contains: \"vm77777\"}) { contractID } }");
    ask_graphql(s, "graphql: 1,000 nodes with their resources",
                "{ nodes(limit: 1000, orderBy: nodeID_ASC) { nodeID resourcesTotal { cru mru } } }");
}

/* ---- many clients ---- */

static const char by_text[] =
    "{\"query\":\"{ nodeContracts(where: {twinID_eq: 77, state_in: [Created, GracePeriod], AND: "
    "[{deploymentData_contains: \\\"vm\\\"}]}) { contractID deploymentData state createdAt nodeID } }\"}";
static const char counted[] =
    "{\"query\":\"{ items: nodeContractsConnection(where: {twinID_eq: 77, state_in: [Created, "
    "GracePeriod]}, orderBy: twinID_ASC) { count: totalCount } }\"}";
static const struct {
    const char *what, *path, *body;
} questions[] = {
    {"/health, by the loop",                    "/health",                                         NULL   },
    {"/nodes/77",                               "/nodes/77",                                       NULL   },
    {"/nodes? six filters, sorted",
     "/nodes?free_mru=34359738368&free_sru=2199023255552&country=japan&"
     "available_for=7&sort_by=free_cru&sort_order=desc",                                           NULL   },
    {"/nodes?status=up&size=50&ret_count=true", "/nodes?status=up&size=50&ret_count=true",         NULL   },
    {"/contracts?twin_id=77",                   "/contracts?twin_id=77&state=created",             NULL   },
    {"/farms? by one of their nodes",           "/farms?node_free_mru=214748364800&country=egypt", NULL   },
    {"GraphQL: a twin's contracts, by text",    NULL,                                              by_text},
    {"GraphQL: a twin's contracts, counted",    NULL,                                              counted},
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

static struct {
    uint8_t question;
    float ms;
} asked[ASKED_MAX];
static uint32_t asked_count, failures;
static double stop_at;

static int connect_to(void)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0) return fd;
    close(fd);
    return -1;
}

/* One question and the whole of its answer; false when it was no 200. */
static bool ask_once(int fd, int question)
{
    static _Thread_local char room[1 << 20];
    const char *body = questions[question].body, *end = NULL;
    int len =
        body ? snprintf(room, sizeof room,
                        "POST /graphql HTTP/1.1\r\nHost: i\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
                        body)
             : snprintf(room, sizeof room, "GET %s HTTP/1.1\r\nHost: i\r\n\r\n", questions[question].path);
    size_t got = 0, whole = SIZE_MAX;
    if (write(fd, room, (size_t)len) != len) return false;
    while (got < whole && got < sizeof room - 1) {
        ssize_t more = read(fd, room + got, sizeof room - 1 - got);
        if (more <= 0) return false;
        got += (size_t)more;
        room[got] = 0;
        if (!end && (end = strstr(room, "\r\n\r\n"))) {
            const char *length = strstr(room, "ontent-length:");
            if (!length) length = strstr(room, "ontent-Length:");
            if (!length) return false;
            whole = (size_t)(end - room) + 4 + strtoul(length + 14, NULL, 10);
        }
    }
    return strncmp(room + 9, "200", 3) == 0 || (question == 0 && strncmp(room + 9, "503", 3) == 0);
}

static void *be_client(void *self)
{
    uintptr_t number = (uintptr_t)self;
    int fd           = connect_to();
    for (uint32_t i = 0; now_s() < stop_at && fd >= 0; i++) {
        int question = number == CLIENTS ? 0 : 1 + (int)((number + i) % (QUESTIONS - 1));
        double start = now_s();
        if (!ask_once(fd, question)) {
            __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
            close(fd);
            fd = connect_to();
            continue;
        }
        uint32_t at = __atomic_fetch_add(&asked_count, 1, __ATOMIC_RELAXED);
        if (at >= ASKED_MAX) break;
        asked[at].question = (uint8_t)question;
        asked[at].ms       = (float)((now_s() - start) * 1000);
        if (number == CLIENTS) poll(NULL, 0, 20);
    }
    close(fd);
    return NULL;
}

static void report_asked(int question)
{
    static double ms[ASKED_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < asked_count && i < ASKED_MAX; i++)
        if (question < 0 ? asked[i].question > 0 : asked[i].question == question)
            ms[count++] = (double)asked[i].ms;
    qsort(ms, count, sizeof *ms, compare);
    if (count > 0)
        printf("%-44s %8zu %8.1f %8.1f %8.1f\n", question < 0 ? "all but /health" : questions[question].what,
               count, ms[count / 2], ms[(count * 99 - 1) / 100], ms[count - 1]);
}

static double processor_s(pid_t pid)
{
    char path[64], text[1024] = "";
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file     = fopen(path, "r");
    const char *at = file && fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    if (at) (void)!sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    if (file) fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void serve_clients(const char *path)
{
    char own[400], program[440], listen[32];
    pthread_t threads[CLIENTS + 1];
    ssize_t len            = readlink("/proc/self/exe", own, sizeof own - 1);
    own[len > 0 ? len : 0] = 0;
    *strrchr(own, '/')     = 0;
    snprintf(program, sizeof program, "%s/../bin/trellis-indexer", own);
    snprintf(listen, sizeof listen, "127.0.0.1:%d", PORT);
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, "--substrate", "ws://127.0.0.1:1", "--db", path, "--listen", listen,
              "--rate-limit", "0", "--log-level", "error", NULL);
        _exit(1);
    }
    for (int i = 0, fd = -1; i < 200 && fd < 0; i++, close(fd)) {
        poll(NULL, 0, 50);
        fd = connect_to();
        if (fd >= 0) break;
    }
    double used = processor_s(child);
    stop_at     = now_s() + SECONDS;
    for (uintptr_t i = 0; i <= CLIENTS; i++)
        pthread_create(&threads[i], NULL, be_client, (void *)i);
    for (size_t i = 0; i <= CLIENTS; i++)
        pthread_join(threads[i], NULL);
    used = processor_s(child) - used;
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    printf("%u questions, %.0f a second, %u failed; %.2f ms of the processor each\n%-44s %8s %8s %8s %8s\n",
           asked_count, asked_count / (double)SECONDS, failures, used * 1000 / asked_count, "ms", "asked",
           "p50", "p99", "max");
    for (int i = -1; i < QUESTIONS; i++)
        report_asked(i);
}

int main(int argc, char **argv)
{
    char path[64], error[DB_ERROR_MAX + 1];
    bool has_clients = argc > 1 && strcmp(argv[1], "clients") == 0;
    argc -= has_clients;
    argv += has_clients;
    uint32_t nodes     = argc > 2      ? (uint32_t)strtoul(argv[1], NULL, 10)
                         : has_clients ? 100000
                                       : 10000,
             contracts = argc > 2      ? (uint32_t)strtoul(argv[2], NULL, 10)
                         : has_clients ? 50000
                                       : 100000;
    snprintf(path, sizeof path, "/tmp/trellis-bench-index-%d", (int)getpid());
    store_t *s = store_open(argc > 3 ? argv[3] : path, true, error);
    if (!s) return fprintf(stderr, "bench_index: %s\n", error), 1;
    double start    = now_s();
    uint64_t events = make_rows(s, nodes, contracts);
    double seconds  = now_s() - start;
    printf("%u nodes, %u contracts: %.0f events a second\n", nodes, contracts, (double)events / seconds);
    if (!has_clients) {
        measure_head(s, nodes, contracts);
        ask_all(s);
    }
    store_close(s);
    if (has_clients) serve_clients(path);
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end; end++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, *end);
        (void)unlink(name);
    }
    return 0;
}
