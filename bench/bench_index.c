/* bench_index.c - the index of a large grid: how fast events become rows, and how long questions take.
 *
 *     bench_index [NODES CONTRACTS [DATABASE]]       default 10,000 100,000, a file that is removed */
#include "apply.h"
#include "graphql.h"
#include "proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PER_BLOCK 100u
#define ROUNDS    50
#define FARMS     1000u

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

int main(int argc, char **argv)
{
    char path[64], error[DB_ERROR_MAX + 1];
    uint32_t nodes     = argc > 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10000,
             contracts = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 100000;
    snprintf(path, sizeof path, "/tmp/trellis-bench-index-%d", (int)getpid());
    store_t *s = store_open(argc > 3 ? argv[3] : path, true, error);
    if (!s) return fprintf(stderr, "bench_index: %s\n", error), 1;
    double start    = now_s();
    uint64_t events = make_rows(s, nodes, contracts);
    double seconds  = now_s() - start;
    printf("%u nodes, %u contracts: %.0f events a second\n", nodes, contracts, (double)events / seconds);
    measure_head(s, nodes, contracts);
    ask_all(s);
    store_close(s);
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end; end++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, *end);
        (void)unlink(name);
    }
    return 0;
}
