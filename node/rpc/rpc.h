/* rpc.h - JSON-RPC 2.0 over WebSocket and HTTP on one port, with Substrate's methods, codes and texts.
 *
 * Spec: chain-host 6.  Each rpc_*.c ends in a table of its methods; rpc_methods lists them all.  Everything
 * runs on the loop of the io_t.  Besides, GET /health answers what system_health does. */
#ifndef RPC_H
#define RPC_H
#include "finality.h"
#include "io.h"
#include "pool.h"

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

    const char *node_name, *version, *chain_name, *chain_type, *chain_id;
    const char *role; /* system_nodeRoles: "Authority", "Full" */
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
