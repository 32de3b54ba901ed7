/* node.h - the parts of a running node, and the loop that moves them. */
#ifndef NODE_H
#define NODE_H
#include "chainspec.h"
#include "config.h"
#include "keystore.h"
#include "metrics.h"
#include "node_key.h"
#include "rpc.h"
#include "web.h"

typedef struct {
    const config_t *config;
    chainspec_t spec;
    char path[1024]; /* of the database */
    io_t *io;
    chain_t *chain;
    pool_t *pool;
    author_t *author;     /* NULL: this node makes no blocks */
    finality_t *finality; /* NULL with it */
    char keystore[KEYSTORE_PATH_CAP], peer_id[PEER_ID_TEXT_MAX + 1];
    uint8_t aura_key[32], grandpa_key[32]; /* public; when the author is not NULL */
    rpc_t *rpc;
    metrics_t *metrics;
    web_server_t *metrics_web;
    io_timer_t *timer; /* for what the author or finality want later */
    uint64_t timer_at_ms;
    bool is_due; /* go_on was posted */
    bool is_stopping;
} node_t;

/* node_start opens the chain and every part; false when one cannot, which is logged. */
bool node_start(node_t *node, const config_t *config);

/* node_stop closes what was started, in the other order. */
void node_stop(node_t *node);

/* node_wake has the node go on soon: the pool or the chain changed. */
void node_wake(void *self);

/* node_metrics_start serves /metrics; false when its port is taken. */
bool node_metrics_start(node_t *node);
void node_metrics_stop(node_t *node);

#endif
