/* bus_open.c - see bus_open.h. */
#include "bus_open.h"
#include "io.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TWINS_CAP 64
#define WAIT_S    20
#define STEP_MS   20

bool cli_bus_record(cli_t *cli, cli_bus_t *bus, uint32_t twin)
{
    char domain[RMB_RELAY_MAX + 1];
    uint32_t at = 0;
    json_t *record;
    if (!cli_read(cli, "TfgridModule", "Twins", json_pack("[I]", (json_int_t)twin), NULL, &record))
        return false;
    bool is_twin      = json_is_object(record);
    const char *relay = json_string_value(json_object_get(record, "relay"));
    while (relay && bus->url_count < PEER_RELAYS_CAP && relay_domain_next(relay, &at, domain))
        relay_at_get(&bus->relay_at, domain, bus->urls[bus->url_count++]);
    json_decref(record);
    if (!is_twin) return !cli_fail(cli, "there is no twin %u (trellis twin list)", twin);
    return bus->url_count || !cli_fail(cli,
                                       "twin %u has no relay: its owner sets one with `trellis twin "
                                       "update --relay DOMAIN`",
                                       twin);
}

static bool add_url(cli_t *cli, cli_bus_t *bus, const char *text)
{
    char *url = bus->urls[bus->url_count];
    if (bus->url_count == PEER_RELAYS_CAP) return !cli_usage(cli, "too many relays");
    if (strlen(text) >= RMB_RELAY_MAX) return !cli_usage(cli, "the relay's URL is too long");
    if (strstr(text, "://"))
        snprintf(url, RMB_URL_MAX, "%s", text);
    else
        relay_at_get(&bus->relay_at, text, url);
    if (!relay_url_is_nng(url) && !relay_url_is_web(url))
        return !cli_usage(cli, "%s: a relay is wss://, ws://, tls+tcp://, tcp:// or ipc://", url);
    bus->url_count++;
    return true;
}

bool cli_bus_urls(cli_t *cli, cli_bus_t *bus, uint32_t twin)
{
    const char *text;
    for (int i = 0; (text = cli_option_at(cli, "relay-at", i)); i++)
        if (!relay_at_add(&bus->relay_at, text))
            return !cli_usage(cli, "--relay-at is DOMAIN=URL, as grid.local=ws://127.0.0.1:8980");
    if (bus->url_count) return true;
    for (int i = 0; (text = cli_option_at(cli, "relay-url", i)); i++)
        if (!add_url(cli, bus, text)) return false;
    for (int i = 0; !cli_option(cli, "relay-url") && (text = cli_option_at(cli, "relay", i)); i++)
        if (!add_url(cli, bus, text)) return false;
    if (bus->url_count) return true;
    return (twin || cli_own_twin(cli, &twin)) && cli_bus_record(cli, bus, twin);
}

static bool choose_session(cli_t *cli, cli_bus_t *bus, bool is_null)
{
    const char *name = cli_option(cli, "session");
    uint8_t random[8];
    if (name && strlen(name) > RMB_CONNECTION_MAX)
        return !cli_usage(cli, "--session has at most %d bytes", RMB_CONNECTION_MAX);
    if (name || is_null) {
        snprintf(bus->session, sizeof bus->session, "%s", name ? name : "");
        return true;
    }
    char *end = bus->session + snprintf(bus->session, sizeof bus->session, "cli-");
    crypto_random(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++, end += 2)
        snprintf(end, 3, "%02x", random[i]);
    return true;
}

bool cli_bus_open(cli_t *cli, cli_bus_t *bus, uint32_t twin, const cli_bus_options_t *options)
{
    static const cli_bus_options_t none;
    if (!options) options = &none;
    if (!cli_connect(cli) || !cli_bus_urls(cli, bus, twin) ||
        !choose_session(cli, bus, options->is_null_session))
        return false;
    bus->chain = twin_chain_new(cli->client);
    bus->twins = twin_cache_new(twin_chain_source(bus->chain), TWINS_CAP);
    if (options->on_request) twin_chain_follow(bus->chain, bus->twins, false); /* it lives long */
    peer_config_t config = {.io          = cli->io,
                            .twin        = twin,
                            .connection  = bus->session[0] ? bus->session : NULL,
                            .key         = &cli->keys[0],
                            .twins       = bus->twins,
                            .relay_count = bus->url_count,
                            .ca_file     = cli_option(cli, "ca"),
                            .on_request  = options->on_request,
                            .context     = options->context};
    for (uint32_t i = 0; i < bus->url_count; i++)
        config.relays[i] = bus->urls[i];
    bus->peer = peer_new(&config);
    return bus->peer || !cli_fail(cli, "no session with a relay: the key must be sr25519 or ed25519, and "
                                       "the relay's URL wss://, ws://, tls+tcp://, tcp:// or ipc://");
}

bool cli_bus_wait(cli_t *cli, const cli_bus_t *bus)
{
    uint64_t seconds    = WAIT_S;
    const char *timeout = cli_option(cli, "timeout");
    if (timeout && !cli_u64(cli, timeout, "--timeout", &seconds)) return false;
    uint64_t end_ms = io_ticks_ms(cli->io) + seconds * 1000;
    while (!peer_is_connected(bus->peer) && io_ticks_ms(cli->io) < end_ms)
        io_step(cli->io, STEP_MS);
    return peer_is_connected(bus->peer) ||
           !cli_fail(cli,
                     "no session with %s after %" PRIu64 " s: is it the relay's address, is its certificate "
                     "trusted (--ca), and is the key that of twin's account?",
                     bus->urls[0], seconds);
}

void cli_bus_close(cli_bus_t *bus)
{
    peer_free(bus->peer);
    if (bus->chain) twin_chain_free(bus->chain);
    if (bus->twins) twin_cache_free(bus->twins);
    *bus = (cli_bus_t){0};
}
