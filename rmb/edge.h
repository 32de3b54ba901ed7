/* edge.h - how sessions reach the relay: by nng (agents, services) and by WebSocket (JavaScript clients).
 *
 * A link is one connection of either kind; the relay's ops go to it through relay_link_ops_t.  HTTP beside
 * it: POST / is the inbox of other relays, GET /metrics and GET /health are for the operator. */
#ifndef EDGE_H
#define EDGE_H
#include "inbox_limit.h"
#include "io.h"
#include "relay.h"
#include "twin_cache.h"

/* A link begins with a pointer to these; the relay's `link` is a relay_link_t *. */
typedef struct {
    void (*wake)(void *link);
    void (*ack)(void *link, const char *uid, relay_ack_t ack);
    void (*close)(void *link, relay_close_t reason);
} relay_link_ops_t;

typedef struct {
    const relay_link_ops_t *ops;
} relay_link_t;

/* relay_close_text says why a session ended. */
const char *relay_close_text(relay_close_t reason);

typedef struct {
    io_t *io;
    relay_t *relay;
    twin_cache_t *twins;
    const char *tls_cert, *tls_key; /* PEM files; NULL: plain */
    uint32_t sessions_max;          /* 0: 10000 */
    inbox_limit_t *inbox_limit;     /* of the WebSocket edge's POST; NULL: none */
    /* What GET /metrics and GET /health answer; of the WebSocket edge only.  text is freed by the edge. */
    void *self;
    char *(*metrics)(void *self, size_t *len);
    bool (*is_healthy)(void *self);
} edge_config_t;

typedef struct edge_bus edge_bus_t;
edge_bus_t *edge_bus_new(const edge_config_t *config, const char *url, const char **error);
/* edge_bus_reload listens anew with certificate and key as their files are now; sessions come back. */
void edge_bus_reload(edge_bus_t *edge);
void edge_bus_free(edge_bus_t *edge); /* sessions are told and closed */

typedef struct edge_web edge_web_t;
edge_web_t *edge_web_new(const edge_config_t *config, const char *address, uint16_t port, const char **error);
uint16_t edge_web_port(const edge_web_t *edge);
bool edge_web_reload(edge_web_t *edge); /* certificate and key again, from their files */
void edge_web_free(edge_web_t *edge);

#endif
