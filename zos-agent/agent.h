/* agent.h - the agent as a whole: its parts, and what they share.
 *
 * One loop, one worker.  agent.c owns the parts and pumps the engine's jobs; register.c brings the node onto
 * the chain; watch.c follows contracts; report.c tells the chain what was used; api.c answers users. */
#ifndef AGENT_H
#define AGENT_H
#include "client.h"
#include "config.h"
#include "engine.h"
#include "io.h"
#include "metrics.h"
#include "peer.h"
#include "twin_cache.h"
#include "web.h"

typedef struct agent agent_t;
typedef struct registration registration_t;
typedef struct watch watch_t;
typedef struct report report_t;
typedef struct api api_t;

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

    registration_t *registration;
    watch_t *watch;
    report_t *report;
    api_t *api;

    job_t job; /* the worker's, while is_working */
    bool is_working, is_stopping;
    uint64_t started_ms;
    io_timer_t *wake_timer, *look_timer, *meter_timer, *sweep_timer;
    uint64_t jobs_done, jobs_failed;
};

/* agent_run runs until a signal; the exit code. */
int agent_run(const config_t *config);

/* agent_pump gives the worker its next job if it has none: call it whenever something changed. */
void agent_pump(agent_t *agent);

/* agent_registered is called once, when twin and node are known. */
void agent_registered(agent_t *agent, uint32_t twin_id, uint32_t node_id);

/* agent_relay_record is the relay as the twin has it on the chain: domains, sorted, joined by '_'. */
bool agent_relay_record(const config_t *config, char record[RMB_RELAY_MAX + 1]);

/* agent_now_s is wall time in seconds. */
int64_t agent_now_s(const agent_t *agent);

/* ---- register.c ---- */

registration_t *registration_new(agent_t *agent);
void registration_free(registration_t *registration);

/* ---- watch.c ---- */

/* watch_new follows best and finalized blocks; it tells the engine what becomes of contracts. */
watch_t *watch_new(agent_t *agent);
void watch_free(watch_t *watch);

/* watch_best is the number of the best block that was seen; 0 before the first. */
uint32_t watch_best(const watch_t *watch);

/* watch_accepted says that a contract was taken at the best block: finalized blocks before it say nothing of
 * it. */
void watch_accepted(watch_t *watch, uint64_t contract_id);

/* ---- chain_check.c ---- */

typedef enum {
    CHECK_OK,
    CHECK_REFUSED,     /* error says why */
    CHECK_UNAVAILABLE, /* the chain did not answer, or does not have the contract yet */
} check_status_t;
typedef void (*check_fn)(void *context, check_status_t status, const char *error);

/* chain_check asks whether a deployment is what its contract says: a node contract of this node and this
 * twin, with its hash and its number of public addresses, and not cancelled.  A contract that is not there
 * yet, or still has another hash, is waited for until deadline_ms (io_now_ms).  The deployment must live
 * until done is called, or the ticket is cancelled. */
typedef struct chain_check chain_check_t;
chain_check_t *chain_check(agent_t *agent, const deployment_t *deployment, uint64_t deadline_ms,
                           check_fn done, void *context);
void chain_check_cancel(chain_check_t *check);

/* chain_read_contract reads a contract at a block (NULL: best) and says what the chain wants of it. */
typedef enum {
    CONTRACT_UNKNOWN,
    CONTRACT_ABSENT,
    CONTRACT_CREATED,
    CONTRACT_GRACE,
    CONTRACT_DELETED,
    CONTRACT_FOREIGN
} contract_view_t;
contract_view_t chain_view(const agent_t *agent, bytes_t value);

/* ---- report.c ---- */

report_t *report_new(agent_t *agent);
void report_free(report_t *report);

/* report_start begins to send: the node is on the chain. */
void report_start(report_t *report);

/* report_resources remembers that a contract's resources changed, and sends them soon. */
void report_resources(report_t *report, uint64_t contract_id);

/* report_backlog is how many reports wait for finality. */
uint32_t report_backlog(const report_t *report);

/* ---- api.c ---- */

api_t *api_new(agent_t *agent);
void api_free(api_t *api);
void api_answer(void *context, peer_t *peer,
                const peer_incoming_t *request); /* peer_handler_fn; context is the api_t */

/* ---- metrics ---- */

char *agent_metrics(agent_t *agent, size_t *len);

#endif
