/* wire.c - one WebSocket to one of the client's URLs, opened again whenever it is lost. */
#include "client_internal.h"
#include "io.h"
#include "log.h"
#include "web.h"

#include <stdlib.h>

#define TICK_MS      100u
#define PAUSE_MS     100u /* before the second try; doubled for each further one */
#define PAUSE_MS_MAX 5000u
#define DOUBLES_MAX  6u
#define QUIET_MS     UINT64_C(30000) /* after so long without a word the node is asked for its name */
#define MESSAGE_MAX  (32u << 20)

struct wire {
    client_t *client;
    io_t *io;
    web_session_t *session;
    io_timer_t *tick;
    bool is_open, is_asked, is_dropping;
    uint32_t url, failures;
    uint64_t retry_at_ms, heard_at_ms;
};

static void on_open(void *context, web_session_t *session)
{
    wire_t *wire = context;
    (void)session;
    wire->is_open     = true;
    wire->is_asked    = false;
    wire->heard_at_ms = io_ticks_ms(wire->io);
    client_on_open(wire->client, wire->client->urls[wire->url]);
}

static void on_message(void *context, web_session_t *session, bytes_t message, bool is_text)
{
    wire_t *wire = context;
    (void)session;
    (void)is_text;
    wire->heard_at_ms = io_ticks_ms(wire->io);
    wire->is_asked    = false;
    if (!wire->is_dropping) client_on_text(wire->client, (const char *)message.data, message.len);
}

static void lost(wire_t *wire, const char *why)
{
    client_t *client  = wire->client;
    bool was_open     = wire->is_open;
    uint64_t pause_ms = (uint64_t)PAUSE_MS << (wire->failures < DOUBLES_MAX ? wire->failures : DOUBLES_MAX);
    log_debug(LOG_CLIENT, "disconnected", LOG_TEXT("url", client->urls[wire->url]), LOG_TEXT("why", why));
    wire->is_open = wire->is_dropping = false;
    wire->session                     = NULL;
    wire->retry_at_ms = io_ticks_ms(wire->io) + (pause_ms > PAUSE_MS_MAX ? PAUSE_MS_MAX : pause_ms);
    wire->url         = (wire->url + 1) % client->config.url_count;
    wire->failures++;
    if (was_open) client_on_closed(client);
}

static void on_close(void *context, web_session_t *session, int status, const char *why)
{
    (void)session;
    (void)status;
    lost(context, why);
}

static void connect_next(wire_t *wire)
{
    const web_client_handler_t handler = {
        .self = wire, .on_open = on_open, .on_message = on_message, .on_close = on_close};
    wire->session = web_connect(wire->io, wire->client->urls[wire->url], wire->client->config.ca_file,
                                MESSAGE_MAX, &handler);
    if (!wire->session) lost(wire, "the URL cannot be read");
}

static void drop_now(wire_t *wire)
{
    if (wire->session) web_session_free(wire->session);
    lost(wire, "dropped");
}

/* check_quiet finds out whether a silent node is still there. */
static void check_quiet(wire_t *wire)
{
    uint64_t quiet_ms = io_ticks_ms(wire->io) - wire->heard_at_ms;
    if (wire->is_asked && quiet_ms > 2 * QUIET_MS) {
        drop_now(wire);
    } else if (!wire->is_asked && quiet_ms > QUIET_MS) {
        wire->is_asked = true;
        (void)rpc_once(wire->client, "system_name", "[]", NULL, NULL);
    }
}

static void on_tick(void *context)
{
    wire_t *wire = context;
    if (wire->is_dropping) drop_now(wire);
    if (!wire->session && io_ticks_ms(wire->io) >= wire->retry_at_ms) connect_next(wire);
    if (wire->is_open) check_quiet(wire);
    client_on_tick(wire->client);
}

wire_t *wire_new(client_t *client)
{
    wire_t *wire = must_alloc(sizeof *wire);
    *wire        = (wire_t){.client = client, .io = client->io};
    wire->tick   = io_timer_start(client->io, 0, TICK_MS, on_tick, wire);
    return wire;
}

void wire_free(wire_t *wire)
{
    io_timer_stop(wire->tick);
    if (wire->session) web_session_free(wire->session);
    free(wire);
}

void wire_send(wire_t *wire, const char *text, size_t len)
{
    if (wire->is_open && !web_send(wire->session, (bytes_t){(const uint8_t *)text, (uint32_t)len}, true))
        wire_drop(wire);
}

/* wire_drop lets go at the next tick: who calls is in the midst of something. */
void wire_drop(wire_t *wire) { wire->is_dropping = true; }

void wire_greeted(wire_t *wire) { wire->failures = 0; }

uint64_t wire_now_ms(const client_t *client) { return io_ticks_ms(client->io); }

bool wire_wait(client_t *client, const bool *is_done)
{
    for (;;) {
        uint64_t start_ms = io_ticks_ms(client->io);
        if (io_wait(client->io, is_done, QUIET_MS)) return true;
        if (io_ticks_ms(client->io) - start_ms < QUIET_MS) return false;
    }
}
