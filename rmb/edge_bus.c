/* edge_bus.c - sessions over nng: token first, then one message of ours at a time until it is acknowledged.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "bus_frame.h"
#include "edge.h"
#include "log.h"
#include "token.h"

#define SESSIONS_MAX 10000
#define TICK_MS      5000
#define SILENCE_MS   60000 /* peers say something each 20 s */
#define LOGIN_MS     10000
#define BUCKETS      1024
#define ACK_DELAY_MS 3
#define ACKS_NOW_LEN 1024
#define RELISTEN_MS  200
#define CLOSING_MS   200 /* so that the reason arrives before the end */

typedef struct link {
    relay_link_t base;
    edge_bus_t *edge;
    uint32_t pipe;
    enum { LINK_NEW, LINK_CHECKING, LINK_OPEN, LINK_CLOSING } state;
    uint64_t heard_ms;
    token_t token;
    char *token_text; /* until it was checked */
    relay_session_t *session;
    relay_message_t **in_flight; /* sent, not acknowledged: room for BUS_BATCH_COUNT, or NULL */
    uint32_t in_flight_count;
    bool is_waiting; /* for the acknowledgement of the last message */
    bool is_deaf;    /* it leaves too many acknowledgements unread */
    bus_writer_t acks;
    struct link *next;
    struct link *next_dirty[2]; /* by urgency */
    bool is_dirty[2];
} link_t;

struct edge_bus {
    edge_config_t config;
    bus_t *bus;
    link_t *links[BUCKETS];
    link_t *dirty[2]; /* NOW and SOON */
    uint32_t link_count;
    char url[RMB_URL_MAX];
    io_timer_t *flush_timer[2], *tick_timer, *listen_timer;
    bus_writer_t out;
};

static link_t *link_get(edge_bus_t *edge, uint32_t pipe)
{
    link_t *link = edge->links[pipe % BUCKETS];
    while (link && link->pipe != pipe)
        link = link->next;
    return link;
}

static bool say(const link_t *link)
{
    edge_bus_t *edge = link->edge;
    return bus_send(edge->bus, link->pipe, (bytes_t){edge->out.data, edge->out.len});
}

static void in_flight_drop(link_t *link)
{
    for (uint32_t i = 0; i < link->in_flight_count; i++)
        relay_message_drop(link->in_flight[i]);
    link->in_flight_count = 0;
    free(link->in_flight); /* sessions are many, and idle most of the time */
    link->in_flight = NULL;
}

/* The pipe is closed a little later, by the tick: the reason must leave first. */
static void link_end(link_t *link, const char *reason)
{
    edge_bus_t *edge = link->edge;
    if (link->state == LINK_CLOSING) return;
    if (link->state == LINK_CHECKING) twin_cache_cancel(edge->config.twins, link);
    if (link->session) relay_session_close(edge->config.relay, link->session);
    link->session = NULL;
    in_flight_drop(link);
    free(link->token_text);
    link->token_text = NULL;
    link->state      = LINK_CLOSING;
    link->heard_ms   = io_ticks_ms(edge->config.io);
    bus_writer_reset(&edge->out);
    bus_write_refused(&edge->out, reason);
    bool is_told = say(link);
    log_debug(LOG_RELAY, is_told ? "bus session refused" : "bus session cut",
              LOG_U64("twin", link->token.twin), LOG_TEXT("reason", reason));
}

/* ---- to the peer ---- */

static void fill(link_t *link)
{
    edge_bus_t *edge = link->edge;
    bytes_t acks     = {link->acks.data, link->acks.len};
    bus_writer_reset(&edge->out);
    relay_message_t *message = NULL;
    while (link->in_flight_count < BUS_BATCH_COUNT && edge->out.len < BUS_BATCH_LEN &&
           (message = relay_session_next(edge->config.relay, link->session)) != NULL) {
        if (link->in_flight_count == 0) bus_write_batch(&edge->out, acks);
        if (!link->in_flight) link->in_flight = calloc(BUS_BATCH_COUNT, sizeof *link->in_flight);
        link->in_flight[link->in_flight_count++] = message;
        bus_write_envelope(&edge->out, relay_message_wire(message));
    }
}

static void pump(link_t *link)
{
    edge_bus_t *edge = link->edge;
    if (link->state != LINK_OPEN || link->is_waiting) return;
    fill(link);
    bytes_t out = {edge->out.data, edge->out.len};
    if (link->in_flight_count == 1 && link->acks.len == 0) out = relay_message_wire(link->in_flight[0]);
    if (link->in_flight_count == 0) out = (bytes_t){link->acks.data, link->acks.len};
    if (out.len == 0) return;
    if (!bus_send(edge->bus, link->pipe, out)) {
        link_end(link, "the relay is overloaded");
        return;
    }
    link->is_waiting = true;
    bus_writer_fini(&link->acks);
}

enum { NOW, SOON };

static void flush(edge_bus_t *edge, int urgency)
{
    while (edge->dirty[urgency]) {
        link_t *link            = edge->dirty[urgency];
        edge->dirty[urgency]    = link->next_dirty[urgency];
        link->is_dirty[urgency] = false;
        pump(link);
    }
}

static void flush_now(void *self)
{
    edge_bus_t *edge       = self;
    edge->flush_timer[NOW] = NULL;
    flush(edge, NOW);
}

static void flush_soon(void *self)
{
    edge_bus_t *edge        = self;
    edge->flush_timer[SOON] = NULL;
    flush(edge, SOON);
}

/* What one turn of the loop brings for a link leaves in one message.  Acknowledgements alone wait a little:
 * an answer that goes the same way takes them along. */
static void dirty(link_t *link, int urgency)
{
    edge_bus_t *edge = link->edge;
    if (!link->is_dirty[urgency]) {
        link->is_dirty[urgency]   = true;
        link->next_dirty[urgency] = edge->dirty[urgency];
        edge->dirty[urgency]      = link;
    }
    if (edge->flush_timer[urgency]) return;
    edge->flush_timer[urgency] = io_timer_start(edge->config.io, urgency == NOW ? 0 : ACK_DELAY_MS, 0,
                                                urgency == NOW ? flush_now : flush_soon, edge);
}

static void on_wake(void *self) { dirty(self, NOW); }

static void on_ack(void *self, const char *uid, relay_ack_t ack)
{
    link_t *link = self;
    if (link->acks.len > BUS_ACKS_LEN) {
        link->is_deaf = true;
        return;
    }
    bus_write_ack(&link->acks, ack == RELAY_STORED ? BUS_STORED : BUS_DROPPED, uid);
    dirty(link, link->acks.len > ACKS_NOW_LEN ? NOW : SOON);
}

static void on_relay_close(void *self, relay_close_t reason)
{
    link_t *link  = self;
    link->session = NULL;
    link_end(link, relay_close_text(reason));
}

static const relay_link_ops_t link_ops = {on_wake, on_ack, on_relay_close};

/* ---- from the peer ---- */

static void on_twin(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    link_t *link     = context;
    edge_bus_t *edge = link->edge;
    link->state      = LINK_NEW;
    if (status == TWIN_UNAVAILABLE) {
        link_end(link, "the chain is not available");
    } else if (status == TWIN_UNKNOWN) {
        link_end(link, "unknown twin");
    } else if (!token_verify(&link->token, &twin->account)) {
        link_end(link, "the token is not signed by its twin");
    } else {
        relay_address_t address = {.twin = link->token.twin, .has_connection = link->token.has_connection};
        memcpy(address.connection, link->token.connection, sizeof address.connection);
        link->state = LINK_OPEN;
        free(link->token_text);
        link->token_text = NULL;
        bus_writer_reset(&edge->out);
        bus_write_welcome(&edge->out);
        if (!say(link)) {
            link_end(link, "the relay is overloaded");
            return;
        }
        link->session = relay_session_open(edge->config.relay, &address, link, true);
        dirty(link, NOW);
        log_info(LOG_RELAY, "bus session opened", LOG_U64("twin", address.twin),
                 LOG_TEXT("connection", address.connection));
    }
}

static void login(link_t *link, bytes_t text)
{
    edge_bus_t *edge = link->edge;
    if (text.len == 0 || text.len > TOKEN_MAX) {
        link_end(link, "the first message must be a login token");
        return;
    }
    link->token_text = malloc(text.len);
    memcpy(link->token_text, text.data, text.len);
    token_status_t status = token_read((bytes_t){(uint8_t *)link->token_text, text.len},
                                       io_now_ms(edge->config.io) / 1000, &link->token);
    if (status != TOKEN_OK) {
        link_end(link, status == TOKEN_EXPIRED ? "the login token has expired"
                                               : "the first message must be a login token");
        return;
    }
    link->state = LINK_CHECKING;
    twin_cache_get(edge->config.twins, link->token.twin, on_twin, link);
}

static bool is_uid(bytes_t uid, const char *text) { return bytes_equal(uid, bytes_text(text)); }

/* One message acknowledges all of the last one of ours: envelopes in their order. */
static bool take_acks(link_t *link, bytes_t message)
{
    bus_reader_t reader = bus_read(message);
    bus_item_t item;
    uint32_t taken = 0;
    while (bus_next(&reader, &item)) {
        if (item.kind != BUS_ACK || taken == link->in_flight_count) return false;
        if (!is_uid(item.bytes, relay_message_uid(link->in_flight[taken]))) return false;
        taken++;
    }
    if (bus_is_failed(&reader) || taken != link->in_flight_count) return false;
    for (uint32_t i = 0; i < taken; i++)
        relay_session_taken(link->edge->config.relay, link->session, link->in_flight[i]);
    in_flight_drop(link);
    link->is_waiting = false;
    dirty(link, NOW);
    return true;
}

static void open_message(link_t *link, bytes_t message)
{
    edge_bus_t *edge = link->edge;
    if (message.len == 0) {
        if (!link->is_waiting && !bus_send(edge->bus, link->pipe, message))
            link_end(link, "the relay is overloaded");
        return;
    }
    if (message.data[0] == BUS_ACK) {
        if (!link->is_waiting || !take_acks(link, message))
            link_end(link, "an acknowledgement of what was not sent");
        return;
    }
    if (message.data[0] < BUS_ENVELOPE && message.data[0] != BUS_BATCH) {
        link_end(link, "a frame of no known kind");
        return;
    }
    bus_reader_t reader = bus_read(message);
    bus_item_t item;
    while (link->state == LINK_OPEN && bus_next(&reader, &item)) {
        if (item.kind == BUS_ENVELOPE)
            relay_session_input(edge->config.relay, link->session, item.bytes);
        else
            link_end(link, "a frame of no known kind");
    }
    if (bus_is_failed(&reader)) link_end(link, "a malformed batch");
}

static void on_message(void *self, uint32_t pipe, bytes_t message)
{
    edge_bus_t *edge = self;
    link_t *link     = link_get(edge, pipe);
    if (!link) return;
    if (link->state != LINK_CLOSING) link->heard_ms = io_ticks_ms(edge->config.io);
    switch (link->state) {
    case LINK_NEW: login(link, message); break;
    case LINK_CHECKING: link_end(link, "nothing may be sent before the token was checked"); break;
    case LINK_OPEN: open_message(link, message); break;
    case LINK_CLOSING: break;
    }
}

static void on_open(void *self, uint32_t pipe)
{
    edge_bus_t *edge = self;
    uint32_t max     = edge->config.sessions_max ? edge->config.sessions_max : SESSIONS_MAX;
    if (edge->link_count >= max) {
        bus_close(edge->bus, pipe);
        return;
    }
    link_t *link                = calloc(1, sizeof *link);
    link->base.ops              = &link_ops;
    link->edge                  = edge;
    link->pipe                  = pipe;
    link->heard_ms              = io_ticks_ms(edge->config.io);
    link->next                  = edge->links[pipe % BUCKETS];
    edge->links[pipe % BUCKETS] = link;
    edge->link_count++;
}

static void link_free(link_t *link)
{
    edge_bus_t *edge = link->edge;
    link_t **at      = &edge->links[link->pipe % BUCKETS];
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    edge->link_count--;
    if (link->state == LINK_CHECKING) twin_cache_cancel(edge->config.twins, link);
    if (link->session) relay_session_close(edge->config.relay, link->session);
    in_flight_drop(link);
    for (int i = NOW; i <= SOON; i++) {
        for (at = &edge->dirty[i]; *at; at = &(*at)->next_dirty[i]) {
            if (*at != link) continue;
            *at = link->next_dirty[i];
            break;
        }
    }
    bus_writer_fini(&link->acks);
    free(link->token_text);
    free(link);
}

static void on_close(void *self, uint32_t pipe)
{
    link_t *link = link_get(self, pipe);
    if (link) link_free(link);
}

static void tick(void *self)
{
    edge_bus_t *edge = self;
    uint64_t now_ms  = io_ticks_ms(edge->config.io);
    for (uint32_t i = 0; i < BUCKETS; i++) {
        for (link_t *link = edge->links[i]; link; link = link->next) {
            uint64_t silent_ms = now_ms - link->heard_ms;
            if (link->state == LINK_CLOSING && silent_ms >= CLOSING_MS)
                bus_close(edge->bus, link->pipe);
            else if (link->state == LINK_NEW && silent_ms >= LOGIN_MS)
                link_end(link, "no login token came");
            else if (link->is_deaf)
                link_end(link, "acknowledgements are not read");
            else if (silent_ms >= SILENCE_MS)
                link_end(link, "nothing was heard for a minute");
        }
    }
}

static bool listen_now(edge_bus_t *edge, const char **error)
{
    bus_handler_t handler = {edge, on_open, on_message, on_close};
    edge->bus =
        bus_listen(edge->config.io, edge->url, edge->config.tls_cert, edge->config.tls_key, &handler, error);
    return edge->bus != NULL;
}

static void stop_listening(edge_bus_t *edge, const char *reason)
{
    for (uint32_t i = 0; i < BUCKETS; i++) {
        for (link_t *link = edge->links[i]; link; link = link->next)
            link_end(link, reason);
        while (edge->links[i])
            link_free(edge->links[i]);
    }
    bus_free(edge->bus);
    edge->bus = NULL;
}

/* The address may be taken for a moment still. */
static void listen_again(void *self)
{
    edge_bus_t *edge   = self;
    const char *error  = "";
    edge->listen_timer = NULL;
    if (listen_now(edge, &error)) return;
    log_error(LOG_RELAY, "cannot listen", LOG_TEXT("url", edge->url), LOG_TEXT("reason", error));
    edge->listen_timer = io_timer_start(edge->config.io, RELISTEN_MS, 0, listen_again, edge);
}

void edge_bus_reload(edge_bus_t *edge)
{
    if (!edge->bus) return;
    stop_listening(edge, "the relay's certificate changed");
    listen_again(edge);
}

edge_bus_t *edge_bus_new(const edge_config_t *config, const char *url, const char **error)
{
    *error = "the URL is too long";
    if (strlen(url) >= RMB_URL_MAX) return NULL;
    edge_bus_t *edge = calloc(1, sizeof *edge);
    edge->config     = *config;
    memcpy(edge->url, url, strlen(url) + 1);
    if (!listen_now(edge, error)) {
        free(edge);
        return NULL;
    }
    edge->tick_timer = io_timer_start(config->io, TICK_MS, TICK_MS, tick, edge);
    return edge;
}

void edge_bus_free(edge_bus_t *edge)
{
    if (!edge) return;
    if (edge->bus) stop_listening(edge, relay_close_text(RELAY_CLOSE_STOPPING));
    for (int i = NOW; i <= SOON; i++)
        if (edge->flush_timer[i]) io_timer_stop(edge->flush_timer[i]);
    if (edge->listen_timer) io_timer_stop(edge->listen_timer);
    io_timer_stop(edge->tick_timer);
    bus_writer_fini(&edge->out);
    free(edge);
}
