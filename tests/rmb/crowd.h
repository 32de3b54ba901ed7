/* crowd.h - twins of a chain of the test's own, each with a peer, on one loop: Alice, Bob, Charlie and Dave.
 */
#ifndef CROWD_H
#define CROWD_H
#include "client.h"
#include "io.h"
#include "log.h"
#include "own_grid.h"
#include "peer.h"
#include "test.h"

#define TWINS 4

/* nng 1.5.2 forgets the message that it was writing when a connection was lost. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libnng\n"; }

static const char *const names[TWINS] = {"Alice", "Bob", "Charlie", "Dave"};
static io_t *io;
static client_t *client;
static twin_chain_t *chain;
static twin_cache_t *twins;
static peer_t *peers[TWINS];

/* crowd_open reads the chain of own_node_start. */
static inline bool crowd_open(void)
{
    client = client_new(&(client_config_t){.io = io, .urls = {getenv("TRELLIS_URL")}, .url_count = 1});
    if (client_connect_wait(client).status != CLIENT_OK) return false;
    chain = twin_chain_new(client);
    twins = twin_cache_new(twin_chain_source(chain), TWINS);
    return true;
}

/* crowd_join makes the next twin, i + 1, and its peer at url; on_request is given the twin's i as a uint32_t.
 */
static inline bool crowd_join(uint32_t i, const char *domain, const char *url, const char *ca_file,
                              peer_handler_fn on_request)
{
    static uint32_t numbers[TWINS];
    static keypair_t key;
    char suri[16], line[128];
    snprintf(suri, sizeof suri, "//%s", names[i]);
    snprintf(line, sizeof line, "twin create --relay %s --key %s", domain, suri);
    if (run(line) != 0 || key_from_suri(suri, KEY_SR25519, &key) != KEY_OK) return false;
    numbers[i] = i;
    peers[i]   = peer_new(&(peer_config_t){.io          = io,
                                           .twin        = i + 1,
                                           .key         = &key,
                                           .twins       = twins,
                                           .relays      = {url},
                                           .relay_count = 1,
                                           .ca_file     = ca_file,
                                           .on_request  = on_request,
                                           .context     = &numbers[i]});
    return peers[i] != NULL;
}

static inline bool all_connected(void)
{
    for (uint32_t i = 0; i < TWINS; i++)
        if (!peer_is_connected(peers[i])) return false;
    return true;
}

static inline bool wait_for(bool (*condition)(void), uint64_t ms)
{
    uint64_t end_ms = io_ticks_ms(io) + ms;
    while (!condition() && io_ticks_ms(io) < end_ms)
        io_step(io, 20);
    return condition();
}

static inline void pass_ms(uint64_t ms)
{
    bool never = false;
    (void)io_wait(io, &never, ms);
}

static inline void crowd_close(void)
{
    for (uint32_t i = 0; i < TWINS; i++)
        peer_free(peers[i]);
    twin_chain_free(chain);
    twin_cache_free(twins);
    client_free(client);
    pass_ms(100); /* the peers say good-bye */
    io_free(io);
}

/* crowd_main is main; `option N` on the command line goes to *number. */
static inline int crowd_main(int argc, char **argv, const char *option, uint32_t *number)
{
    if (argc > 2 && strcmp(argv[1], option) == 0) {
        *number = (uint32_t)strtoul(argv[2], NULL, 10);
        argc -= 2;
        argv += 2;
    }
    log_level(LOG_LEVEL_ERROR);
    io = io_new();
    if (!io || !crypto_init()) return 2;
    return test_main_(argc, argv);
}

#endif
