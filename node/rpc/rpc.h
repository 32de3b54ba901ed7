/* rpc.h - JSON-RPC 2.0 over WebSocket and HTTP on one port, with Substrate's methods, codes and texts.
 *
 * Spec: chain-host 6.  Each rpc_*.c ends in a table of its methods; rpc_methods lists them all.  Everything
 * runs on the loop of the io_t.  Besides, GET /health answers what system_health does, and GET
 * /health/readiness 200 when the node can serve, else 500. */
#ifndef RPC_H
#define RPC_H
#include "finality.h"
#include "io.h"
#include "pool.h"

/* Addresses of a network: the first prefix_len bits are as in bytes; IPv4 as ::ffff:a.b.c.d. */
typedef struct {
    uint8_t bytes[16];
    uint8_t prefix_len;
} rpc_network_t;

/* rpc_network_read reads "10.0.0.0/8", "::1/128", or an address alone. */
NODISCARD bool rpc_network_read(const char *text, size_t len, rpc_network_t *network);

#define RPC_NETWORKS_MAX 16
#define RPC_BATCH_MAX    1000 /* requests of a batch, when the options do not say */

typedef struct {
    io_t *io;
    chain_t *chain;
    pool_t *pool;
    author_t *author;     /* NULL: this node makes no blocks */
    finality_t *finality; /* NULL: this node does not vote */
    /* wake is called after a method changed the pool or the chain, so that the owner goes on with it. */
    void (*wake)(void *self);
    void *wake_self;

    const char *address; /* "127.0.0.1" */
    uint16_t port;       /* 0: any, see rpc_port */
    bool is_unsafe_allowed;
    const char *origins; /* of browsers, by commas; "all" or NULL for any */
    uint32_t connections_max, subscriptions_max, request_max, response_max; /* the last two in bytes */
    uint32_t batch_max;                                                     /* 0: RPC_BATCH_MAX */
    bool has_no_batches;
    uint32_t calls_a_minute; /* of a connection (over HTTP: of an address), then -32999; 0: any number */
    rpc_network_t unlimited[RPC_NETWORKS_MAX]; /* whose calls are not counted */
    uint32_t unlimited_count;
    const char *keystore;                  /* folder of author_insertKey and rotateKeys; NULL: none */
    const uint8_t *aura_key, *grandpa_key; /* public keys in use that are in no folder; may be NULL */
    const char *log_filter;                /* what system_resetLogFilter goes back to */

    const char *node_name, *version, *chain_name, *chain_type, *chain_id;
    const char *role; /* system_nodeRoles: "Authority", "Full" */
    const char *peer_id;
} rpc_options_t;

typedef struct rpc rpc_t;

/* rpc_new opens the port; on failure NULL and *error is a sentence (static). */
rpc_t *rpc_new(const rpc_options_t *options, const char **error);
void rpc_free(rpc_t *rpc);
uint16_t rpc_port(const rpc_t *rpc);

typedef struct {
    uint64_t calls, errors;
    uint32_t connections, subscriptions;
} rpc_counters_t;
rpc_counters_t rpc_counters(const rpc_t *rpc);

#endif
