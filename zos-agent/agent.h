/* agent.h - the agent as a whole: its parts, and what they share.
 *
 * One loop, which decides, and a thread for each job that is out.  agent.c owns the parts and gives the
 * engine's jobs to threads; chain_side.h is all that is between the node and the chain; api.c answers users.
 */
#ifndef AGENT_H
#define AGENT_H
#include "chain_side.h"
#include "config.h"
#include "engine.h"
#include "io.h"
#include "metrics.h"
#include "peer.h"
#include "perf.h"
#include "twin_cache.h"
#include "web.h"

typedef struct agent agent_t;
typedef struct api api_t;
typedef struct control control_t;
typedef struct collector collector_t;

#define AGENT_ZDB_ADDRESSES 3
#define AGENT_VERSION       "0.1.0"

/* A note: the link of public addresses, as the farmer set it; it goes before the configuration's. */
#define AGENT_NOTE_NIC "public_nic"

/* A job that is out, on a thread of its own. */
typedef struct {
    agent_t *agent;
    job_t job;
    int unwanted_fd; /* of an eventfd: nobody wants the job any more */
    bool is_working;
} lane_worker_t;

struct agent {
    const config_t *config;
    keypair_t key;
    host_t host;
    int lock; /* held as long as this agent may touch the machine */
    db_t *db;
    engine_t *engine;
    io_t *io;
    client_t *client;
    twin_chain_t *twin_chain;
    twin_cache_t *twins;
    peer_t *peer;
    web_server_t *metrics_server;
    uint32_t twin_id, node_id; /* 0 until registered */

    chain_side_t *chain;
    api_t *api;
    control_t *control;
    perf_t *perf;
    collector_t *collector;

    chain_interface_t zdb_interface;
    const char *zdb_addresses[AGENT_ZDB_ADDRESSES + 1]; /* ends with NULL */

    lane_worker_t lanes[2 * ENGINE_LANES_MAX + 1];
    uint32_t lane_count;
    bool is_stopping;
    uint64_t started_ms; /* by io_ticks_ms: clocks are set */
    io_timer_t *wake_timer, *look_timer, *meter_timer, *sweep_timer;
    uint64_t jobs_done, jobs_failed;
};

/* agent_run runs until a signal; the exit code. */
int agent_run(const config_t *config);

/* agent_pump gives the engine's next jobs to workers that have none: call it whenever something changed. */
void agent_pump(agent_t *agent);

/* agent_now_s is wall time in seconds. */
int64_t agent_now_s(const agent_t *agent);

/* ---- api.c ---- */

api_t *api_new(agent_t *agent);
void api_free(api_t *api);
void api_answer(void *context, peer_t *peer,
                const peer_incoming_t *request); /* peer_handler_fn; context is the api_t */

/* ---- collector.c: the image store, kept small ---- */

/* collector_new collects every hour; collector_run at once, and says how many names were forgotten and files
 * are deleted (by the pool, one lot at a time: false while the last one is at it, or when nobody can tell
 * what is used). */
collector_t *collector_new(agent_t *agent);
void collector_free(collector_t *collector);
NODISCARD bool collector_run(collector_t *collector, uint32_t *forgotten, uint32_t *files);

/* ---- metrics ---- */

char *agent_metrics(agent_t *agent, size_t *len);

#endif
