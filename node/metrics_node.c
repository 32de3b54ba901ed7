/* metrics_node.c - what a node counts, under Substrate's names, at http://127.0.0.1:PORT/metrics. */

#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    metric_t *best, *finalized, *ready, *future, *submitted, *sessions, *calls, *errors, *subscriptions,
        *memory, *start;
    metric_t *imported, *built, *applied, *verified, *cached;
} node_metrics_t;

static node_metrics_t counted;

static void make(node_t *node)
{
    metrics_t *m = node->metrics;
    char build[160];
    counted.best =
        metrics_gauge(m, "substrate_block_height", "{status=\"best\"}", "Block height info of the chain");
    counted.finalized = metrics_gauge(m, "substrate_block_height", "{status=\"finalized\"}", "");
    counted.ready     = metrics_gauge(m, "substrate_ready_transactions_number", NULL,
                                      "Number of transactions in the ready queue");
    counted.future    = metrics_gauge(m, "substrate_future_transactions_number", NULL,
                                      "Number of transactions in the future queue");
    counted.submitted = metrics_counter(m, "substrate_sub_txpool_validations_scheduled", NULL,
                                        "Transactions that were submitted");
    counted.sessions = metrics_gauge(m, "substrate_rpc_sessions", NULL, "Open WebSocket sessions of the RPC");
    counted.calls    = metrics_counter(m, "substrate_rpc_calls_started", NULL, "RPC calls since the start");
    counted.errors =
        metrics_counter(m, "trellis_rpc_errors", NULL, "RPC calls that were answered with an error");
    counted.subscriptions = metrics_gauge(m, "trellis_rpc_subscriptions", NULL, "Open RPC subscriptions");
    counted.memory        = metrics_gauge(m, "process_resident_memory_bytes", NULL, "Resident memory");
    counted.start         = metrics_gauge(m, "substrate_process_start_time_seconds", NULL,
                                          "When the process started, seconds since 1970");
    counted.imported = metrics_counter(m, "trellis_blocks_imported", NULL, "Blocks kept since the start");
    counted.built =
        metrics_counter(m, "trellis_blocks_built", NULL, "Blocks made by this node since the start");
    counted.applied =
        metrics_counter(m, "trellis_extrinsics_applied", NULL, "Extrinsics executed since the start");
    counted.verified =
        metrics_counter(m, "trellis_signatures_verified", NULL, "Signatures verified since the start");
    counted.cached =
        metrics_counter(m, "trellis_signatures_cached", NULL, "Signatures that had been verified before");
    snprintf(build, sizeof build, "{name=\"%.64s\",version=\"%s\"}", node->config->name, TRELLIS_VERSION);
    metric_set(metrics_gauge(m, "substrate_build_info", build, "The version of this node"), 1);
    metric_set(counted.start, (int64_t)(io_now_ms(node->io) / 1000));
}

static void fill(void *self)
{
    node_t *node           = self;
    pool_counters_t pool   = pool_counters(node->pool);
    rpc_counters_t rpc     = rpc_counters(node->rpc);
    chain_counters_t chain = chain_counters(node->chain);
    metric_set(counted.best, chain_best(node->chain).number);
    metric_set(counted.finalized, chain_finalized(node->chain).number);
    metric_set(counted.ready, pool.ready);
    metric_set(counted.future, pool.future);
    metric_set(counted.submitted, (int64_t)pool.submitted);
    metric_set(counted.sessions, rpc.connections);
    metric_set(counted.calls, (int64_t)rpc.calls);
    metric_set(counted.errors, (int64_t)rpc.errors);
    metric_set(counted.subscriptions, rpc.subscriptions);
    metric_set(counted.memory, (int64_t)io_memory_bytes());
    metric_set(counted.imported, (int64_t)chain.blocks_imported);
    metric_set(counted.built, (int64_t)chain.blocks_built);
    metric_set(counted.applied, (int64_t)chain.extrinsics_applied);
    metric_set(counted.verified, (int64_t)chain.signatures_verified);
    metric_set(counted.cached, (int64_t)chain.signatures_cached);
}

static void on_request(void *self, web_request_t *request, const web_head_t *head, bytes_t body)
{
    node_t *node = self;
    size_t len;
    (void)body;
    if (strcmp(head->path, "/metrics") != 0) {
        web_answer(request, 404, "text/plain", NULL, BYTES("metrics are at /metrics\n"));
        return;
    }
    char *text = metrics_text(node->metrics, &len);
    web_answer(request, 200, METRICS_CONTENT_TYPE, NULL, (bytes_t){(const uint8_t *)text, (uint32_t)len});
    free(text);
}

bool node_metrics_start(node_t *node)
{
    const config_t *config = node->config;
    const char *error      = NULL;
    node->metrics          = metrics_new();
    make(node);
    metrics_on_text(node->metrics, fill, node);
    if (!config->has_prometheus) return true;
    web_listen_t listen   = {.address = config->is_prometheus_external ? "0.0.0.0" : "127.0.0.1",
                             .port    = config->prometheus_port};
    web_handler_t handler = {.self = node, .on_request = on_request};
    node->metrics_web     = web_listen(node->io, &listen, &handler, &error);
    if (!node->metrics_web)
        log_error(LOG_MAIN, "the metrics port cannot be opened", LOG_U64("port", config->prometheus_port),
                  LOG_TEXT("reason", error),
                  LOG_TEXT("advice", "name another with --prometheus-port, or --no-prometheus"));
    return node->metrics_web != NULL;
}

void node_metrics_stop(node_t *node)
{
    if (node->metrics_web) web_server_free(node->metrics_web);
    metrics_free(node->metrics);
}
