/* peer_link.c - see peer_link.h; the relay's side is edge_bus.c and edge_web.c. */
#include "peer_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "bus_frame.h"
#include "log.h"
#include "token.h"
#include "web.h"

#define PAUSE_MS     200
#define PAUSE_MS_MAX 15000
#define UNACKED_MAX  256 /* envelopes: a quarter of a pipe's queue, so that acknowledgements find room */
#define TICK_MS      5000
#define LOGIN_MS     10000
#define QUIET_MS     20000 /* then we say that we live, as rmb-peer does */
#define SILENCE_MS   40000 /* then the relay is taken for lost */

/* A WebSocket outlives its link until it is closed. */
typedef struct {
    peer_link_t *link; /* NULL: nobody listens */
    web_session_t *socket;
} web_t;

struct peer_link {
    peer_link_config_t config;
    peer_link_handler_t handler;
    char url[RMB_URL_MAX];
    bool is_nng, is_ready;
    bus_t *bus;
    uint32_t pipe, unacked;
    web_t *web;
    uint64_t heard_ms, said_ms, begun_ms, pause_ms;
    io_timer_t *tick_timer, *retry_timer;
    bus_writer_t acks;
    uint64_t ticket; /* of the relay's last message */
    uint32_t open;   /* its envelopes that are not taken */
    bool is_read;    /* all of it */
};

static void connect_now(void *self);

static uint64_t ticks_ms(const peer_link_t *link) { return io_ticks_ms(link->config.io); }

/* The next try comes after a pause with a random part, so that a relay's peers do not come back in step. */
static void retry(peer_link_t *link)
{
    uint32_t random;
    io_random(&random, sizeof random);
    uint64_t pause_ms = link->pause_ms / 2 + random % (link->pause_ms / 2 + 1);
    link->pause_ms    = link->pause_ms * 2 > PAUSE_MS_MAX ? PAUSE_MS_MAX : link->pause_ms * 2;
    if (!link->retry_timer)
        link->retry_timer = io_timer_start(link->config.io, pause_ms, 0, connect_now, link);
}

static void hang_up(peer_link_t *link)
{
    link->ticket++; /* what is open is not awaited any more */
    link->open    = 0;
    link->is_read = false;
    if (link->bus) bus_free(link->bus);
    link->bus = NULL;
    if (link->web) {
        link->web->link = NULL;
        if (link->web->socket) web_close(link->web->socket, 1000, "");
    }
    link->web = NULL;
}

static void lost(peer_link_t *link, const char *why)
{
    bool was_ready = link->is_ready;
    hang_up(link);
    link->is_ready = false;
    if (was_ready)
        log_info(LOG_PEER, "relay lost", LOG_TEXT("relay", link->url), LOG_TEXT("reason", why));
    else
        log_debug(LOG_PEER, "relay not reached", LOG_TEXT("relay", link->url), LOG_TEXT("reason", why));
    retry(link);
    if (was_ready) link->handler.on_lost(link->handler.self, link);
}

static void ready(peer_link_t *link)
{
    link->is_ready = true;
    link->pause_ms = PAUSE_MS;
    log_info(LOG_PEER, "relay reached", LOG_TEXT("relay", link->url), LOG_U64("twin", link->config.twin));
    link->handler.on_ready(link->handler.self, link);
}

/* ---- nng ---- */

static void bus_opened(void *self, uint32_t pipe)
{
    peer_link_t *link = self;
    char token[TOKEN_MAX + 1];
    uint32_t len   = token_write(link->config.key, link->config.twin, link->config.connection,
                                 io_now_ms(link->config.io) / 1000, TOKEN_LIFE_S, token);
    link->pipe     = pipe;
    link->heard_ms = link->begun_ms = ticks_ms(link);
    if (!bus_send(link->bus, pipe, (bytes_t){(uint8_t *)token, len}))
        lost(link, "the token could not be sent");
}

static void answer(peer_link_t *link)
{
    if (!link->is_read || link->open > 0) return;
    link->is_read = false;
    if (!bus_send(link->bus, link->pipe, (bytes_t){link->acks.data, link->acks.len}))
        lost(link, "no room to send");
    else
        link->said_ms = ticks_ms(link);
}

void peer_link_taken(peer_link_t *link, uint64_t ticket)
{
    if (ticket != link->ticket || link->open == 0) return;
    link->open--;
    answer(link);
}

/* Each message of the relay is answered by one frame with the uids of its envelopes, in their order, when all
 * are taken. */
static void take(peer_link_t *link, bytes_t message)
{
    bus_t *bus          = link->bus;
    bus_reader_t reader = bus_read(message);
    bus_item_t item;
    char uid[RMB_UID_MAX + 1];
    bus_writer_reset(&link->acks);
    bus_write_acks(&link->acks);
    link->ticket++;
    link->open = 0;
    while (link->bus == bus && bus_next(&reader, &item)) {
        if (item.kind == BUS_ENVELOPE) {
            if (!link->handler.on_envelope(link->handler.self, link, link->ticket, item.bytes, uid))
                link->open++;
            bus_write_ack(&link->acks, BUS_STORED, uid);
        } else if (item.kind == BUS_ACK) {
            memcpy(uid, item.bytes.data, item.bytes.len);
            uid[item.bytes.len] = 0;
            if (link->unacked > 0) link->unacked--;
            link->handler.on_ack(link->handler.self, uid, item.ack == BUS_STORED);
        }
    }
    if (link->bus != bus) return;
    link->is_read = true;
    if (bus_is_failed(&reader))
        lost(link, "a malformed message");
    else
        answer(link);
}

static void bus_received(void *self, uint32_t pipe, bytes_t message)
{
    peer_link_t *link = self;
    if (pipe != link->pipe) return;
    link->heard_ms = ticks_ms(link);
    if (message.len == 0) return;
    if (link->is_ready && message.data[0] != BUS_REFUSED) {
        take(link, message);
        return;
    }
    bus_reader_t reader = bus_read(message);
    bus_item_t item;
    char why[BUS_REASON_MAX + 1] = "not the answer to a login";
    if (bus_next(&reader, &item) && item.kind == BUS_WELCOME) {
        ready(link);
        return;
    }
    if (!bus_is_failed(&reader) && item.kind == BUS_REFUSED) {
        memcpy(why, item.bytes.data, item.bytes.len);
        why[item.bytes.len] = 0;
        log_warn(LOG_PEER, "relay refused", LOG_TEXT("relay", link->url), LOG_TEXT("reason", why));
    }
    lost(link, why);
}

static void bus_closed(void *self, uint32_t pipe)
{
    peer_link_t *link = self;
    if (pipe == link->pipe) lost(link, "closed");
}

/* ---- WebSocket ---- */

static void web_opened(void *self, web_session_t *socket)
{
    web_t *web  = self;
    web->socket = socket;
    if (!web->link) {
        web_close(socket, 1000, "");
        return;
    }
    web->link->heard_ms = ticks_ms(web->link);
    ready(web->link);
}

static void web_received(void *self, web_session_t *socket, bytes_t message, bool is_text)
{
    const web_t *web = self;
    char uid[RMB_UID_MAX + 1];
    (void)socket;
    if (!web->link) return;
    web->link->heard_ms = ticks_ms(web->link);
    if (!is_text) (void)web->link->handler.on_envelope(web->link->handler.self, web->link, 0, message, uid);
}

static void web_ponged(void *self, web_session_t *socket)
{
    const web_t *web = self;
    (void)socket;
    if (web->link) web->link->heard_ms = ticks_ms(web->link);
}

static void web_closed(void *self, web_session_t *socket, int status, const char *reason)
{
    web_t *web        = self;
    peer_link_t *link = web->link;
    (void)socket;
    web->socket = NULL;
    if (link) {
        if (status)
            log_warn(LOG_PEER, "relay refused", LOG_TEXT("relay", link->url), LOG_U64("status", status));
        link->web = NULL;
        lost(link, reason);
    }
    free(web);
}

static void web_start(peer_link_t *link)
{
    char token[TOKEN_MAX + 1], url[RMB_URL_MAX + TOKEN_MAX + 8];
    uint32_t len = token_write(link->config.key, link->config.twin, link->config.connection,
                               io_now_ms(link->config.io) / 1000, TOKEN_LIFE_S, token);
    if (len == 0) return;
    const char *path = strchr(strstr(link->url, "://") + 3, '/');
    snprintf(url, sizeof url, "%s%s?%.*s", link->url, path ? "" : "/", (int)len, token);
    web_client_handler_t handler = {
        .on_open = web_opened, .on_message = web_received, .on_pong = web_ponged, .on_close = web_closed};
    link->web         = calloc(1, sizeof *link->web);
    link->web->link   = link;
    handler.self      = link->web;
    link->web->socket = web_connect(link->config.io, url, link->config.ca_file, RMB_MESSAGE_MAX, &handler);
    if (link->web->socket) return;
    free(link->web);
    link->web = NULL;
    lost(link, "the URL cannot be read");
}

/* ---- both ---- */

static void connect_now(void *self)
{
    peer_link_t *link     = self;
    bus_handler_t handler = {link, bus_opened, bus_received, bus_closed};
    const char *error     = "";
    link->retry_timer     = NULL;
    link->heard_ms = link->begun_ms = link->said_ms = ticks_ms(link);
    link->pipe                                      = 0;
    link->unacked                                   = 0;
    if (!link->is_nng) {
        web_start(link);
        return;
    }
    link->bus = bus_dial(link->config.io, link->url, link->config.ca_file, &handler, &error);
    if (link->bus) return;
    log_warn(LOG_PEER, "relay cannot be dialled", LOG_TEXT("relay", link->url), LOG_TEXT("reason", error));
    lost(link, error);
}

static void tick(void *self)
{
    peer_link_t *link = self;
    uint64_t now_ms   = ticks_ms(link);
    if (!link->is_ready) {
        bool is_begun = link->is_nng ? link->pipe != 0 : link->web != NULL;
        if (is_begun && now_ms - link->begun_ms > LOGIN_MS) lost(link, "no answer to the login");
        return;
    }
    if (now_ms - link->heard_ms > SILENCE_MS) {
        lost(link, "nothing was heard");
        return;
    }
    if (now_ms - link->heard_ms < QUIET_MS && now_ms - link->said_ms < QUIET_MS) return;
    link->said_ms = now_ms;
    if (!link->is_nng)
        web_ping(link->web->socket);
    else if (!bus_send(link->bus, link->pipe, (bytes_t){0}))
        lost(link, "no room to send");
}

peer_link_t *peer_link_new(const peer_link_config_t *config, const peer_link_handler_t *handler)
{
    size_t len = strlen(config->url);
    if (len >= RMB_URL_MAX || (!relay_url_is_nng(config->url) && !relay_url_is_web(config->url))) return NULL;
    peer_link_t *link = calloc(1, sizeof *link);
    link->config      = *config;
    link->handler     = *handler;
    link->is_nng      = relay_url_is_nng(config->url);
    link->pause_ms    = PAUSE_MS;
    memcpy(link->url, config->url, len + 1);
    link->tick_timer  = io_timer_start(config->io, TICK_MS, TICK_MS, tick, link);
    link->retry_timer = io_timer_start(config->io, 0, 0, connect_now, link);
    return link;
}

void peer_link_free(peer_link_t *link)
{
    if (!link) return;
    hang_up(link);
    if (link->retry_timer) io_timer_stop(link->retry_timer);
    io_timer_stop(link->tick_timer);
    bus_writer_fini(&link->acks);
    free(link);
}

bool peer_link_is_ready(const peer_link_t *link) { return link->is_ready; }
bool peer_link_has_acks(const peer_link_t *link) { return link->is_nng; }

bool peer_link_send(peer_link_t *link, bytes_t wire)
{
    if (!link->is_ready) return false;
    link->said_ms = ticks_ms(link);
    if (!link->is_nng) return web_send(link->web->socket, wire, false);
    if (link->unacked >= UNACKED_MAX || !bus_send(link->bus, link->pipe, wire)) return false;
    link->unacked++;
    return true;
}
