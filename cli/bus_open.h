/* bus_open.h - a command's session on the bus: over which relays, and as whom. */
#ifndef BUS_OPEN_H
#define BUS_OPEN_H
#include "cli.h"
#include "peer.h"
#include "twin_cache.h"

typedef struct {
    relay_at_t relay_at;
    char urls[PEER_RELAYS_CAP][RMB_URL_MAX];
    uint32_t url_count;
    char session[RMB_CONNECTION_MAX + 1]; /* empty: the null session */
    twin_chain_t *chain;
    twin_cache_t *twins;
    peer_t *peer;
} cli_bus_t;

/* What else a peer may be given; NULL for nothing. */
typedef struct {
    peer_handler_fn on_request;
    void *context;
    bool is_null_session; /* --session has the last word */
} cli_bus_options_t;

/* cli_bus_urls fills urls from --relay-url, --relay, or the relay record of the twin (0: of the key's), where
 * --relay-at says they are. */
bool cli_bus_urls(cli_t *cli, cli_bus_t *bus, uint32_t twin);

/* cli_bus_record adds the URLs of the relays of any twin's record; false when it has none, or is no twin. */
bool cli_bus_record(cli_t *cli, cli_bus_t *bus, uint32_t twin);

/* cli_bus_open begins sessions with the relays of cli_bus_urls (those that bus has already, if any); it does
 * not wait for them.  cli_bus_close may follow a failure. */
bool cli_bus_open(cli_t *cli, cli_bus_t *bus, uint32_t twin, const cli_bus_options_t *options);

/* cli_bus_wait waits for a session, at most --timeout. */
bool cli_bus_wait(cli_t *cli, const cli_bus_t *bus);

void cli_bus_close(cli_bus_t *bus);

#endif
