/* perf.h - what the node measures of itself now and then, as zos does: its cores, its health, the farm's
 * addresses.
 *
 * Results are kept in the database and given over the bus (zos.perf.get, zos.perf.get_all); a task that did
 * not run yet, or cannot run on this node, has none.  Measuring blocks, so it is the pool's work; one task
 * runs at a time. */
#ifndef PERF_H
#define PERF_H
#include "chain_side.h"
#include "db.h"
#include "io.h"

#define PERF_URLS_CAP 16

typedef struct perf perf_t;

typedef struct {
    io_t *io;
    db_t *db;
    const char *state_dir;
    const char *urls[PERF_URLS_CAP]; /* of what must be reached: chain, then relays, as SERVICE=URL; copied */
    uint32_t url_count;
    const char *iperf_servers; /* IP:PORT with commas; NULL: none.  Outlives this */
    /* What the tasks ask of the rest of the agent. */
    uint32_t (*workloads)(void *context);
    const chain_node_t *(*node)(void *context); /* may be NULL, as its answer */
    void *context;
    uint64_t look_ms; /* how often it looks for what is due; 0: 15 s.  With another one no task waits for its
                         first time: for tests */
} perf_config_t;

/* perf_new runs the tasks in their times: the first a while after the start, unless an earlier result is
 * young enough. */
perf_t *perf_new(const perf_config_t *config);
void perf_free(perf_t *perf); /* after the pool's work ended */

/* perf_get finds a result by a task's name, in any case; NULL when there is none.  perf_all is an array.
 * The caller's to json_decref. */
struct json_t *perf_get(db_t *db, const char *name);
struct json_t *perf_all(db_t *db);

/* perf_is_healthy: did the last look at the node find nothing wrong?  Also before the first. */
bool perf_is_healthy(db_t *db);

/* ---- the tasks; separate, so that tests can ---- */

/* {"single","multi","threads","workloads"}: seconds for a fixed amount of work on one core, and on all. */
struct json_t *perf_cpu(uint32_t threads, uint32_t rounds, uint32_t workloads);

/* {"cache":[TEXT],"network":[TEXT]}: what is wrong.  urls as above. */
struct json_t *perf_health(const char *state_dir, const char *const *urls, uint32_t url_count);

/* [{"upload_speed","download_speed","node_id","node_ip","test_type","error","cpu_report"}]: bits a second, by
 * TCP and UDP with each server.  Where there are none, one that says so. */
struct json_t *perf_iperf(const char *servers, uint32_t seconds);

/* {IP:{"state","reason"}} of a farm's addresses. */
struct json_t *perf_public_ips(const chain_node_t *node);

#endif
