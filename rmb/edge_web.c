/* edge_web.c - sessions over WebSocket as rmb-rs has them, the inbox of other relays, and the operator's
 * pages. */
#include "edge.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "token.h"
#include "web.h"

#define SESSIONS_MAX  10000
#define IN_FLIGHT_MAX 256
#define QUEUE_LEN     (1u << 20) /* no more is handed to a socket while this waits in it */
#define LOGIN_MS      5000       /* for the chain to say who a twin is */
#define TEXT          "text/plain; charset=utf-8"

typedef struct {
    relay_link_t base;
    edge_web_t *edge;
    web_session_t *socket; /* while the login waits: the one to be */
    relay_session_t *session;
    token_t token;
    char *token_text;     /* until it was checked */
    io_timer_t *too_late; /* while the login waits */
    enum { LOGIN_CHECKING, LOGIN_GOOD, LOGIN_BAD, LOGIN_UNAVAILABLE } login;
    bool is_closing;
    relay_message_t **in_flight; /* sent, not known to be read: room for IN_FLIGHT_MAX, or NULL */
    uint32_t in_flight_count;
    uint32_t pinged_count; /* of them, that the pong we wait for tells of; 0: no ping is under way */
} link_t;

/* An envelope that another relay posted and that is being checked. */
typedef struct inbox {
    edge_web_t *edge;
    web_request_t *request; /* NULL: it left */
    struct inbox *next, **back;
} inbox_t;

struct edge_web {
    edge_config_t config;
    web_server_t *server;
    inbox_t *inboxes;
};

/* ---- the link's duties to the relay ---- */

/* WebSocket has no acknowledgements, but whoever answers a ping has read what was sent before it. */
static void ask_for_sign(link_t *link)
{
    if (link->is_closing || link->pinged_count > 0 || link->in_flight_count == 0) return;
    link->pinged_count = link->in_flight_count;
    web_ping(link->socket);
}

static void on_wake(void *self)
{
    link_t *link   = self;
    relay_t *relay = link->edge->config.relay;
    while (!link->is_closing && link->in_flight_count < IN_FLIGHT_MAX &&
           web_queued(link->socket) < QUEUE_LEN) {
        relay_message_t *message = relay_session_next(relay, link->session);
        if (!message) break;
        if (!link->in_flight) link->in_flight = calloc(IN_FLIGHT_MAX, sizeof *link->in_flight);
        link->in_flight[link->in_flight_count++] = message;
        if (!web_send(link->socket, relay_message_wire(message), false)) link->is_closing = true;
    }
    ask_for_sign(link);
}

static void on_ack(void *self, const char *uid, relay_ack_t ack)
{
    (void)self;
    (void)uid;
    (void)ack; /* a WebSocket session has no word for it */
}

static void link_end(link_t *link, uint16_t code, const char *reason)
{
    if (link->is_closing) return;
    link->is_closing = true;
    web_close(link->socket, code, reason);
}

static void on_relay_close(void *self, relay_close_t reason)
{
    link_t *link  = self;
    link->session = NULL;
    link_end(link, reason == RELAY_CLOSE_BACK_PRESSURE ? 1013 : 1001, relay_close_text(reason));
}

static const relay_link_ops_t link_ops = {on_wake, on_ack, on_relay_close};

/* ---- login ---- */

static void link_free(link_t *link)
{
    if (link->login == LOGIN_CHECKING) twin_cache_cancel(link->edge->config.twins, link);
    for (uint32_t i = 0; i < link->in_flight_count; i++)
        relay_message_drop(link->in_flight[i]);
    if (link->too_late) io_timer_stop(link->too_late);
    free(link->in_flight);
    free(link->token_text);
    free(link);
}

static void session_open(link_t *link)
{
    edge_web_t *edge        = link->edge;
    relay_address_t address = {.twin = link->token.twin, .has_connection = link->token.has_connection};
    memcpy(address.connection, link->token.connection, sizeof address.connection);
    link->session = relay_session_open(edge->config.relay, &address, link, false);
    free(link->token_text);
    link->token_text = NULL;
    on_wake(link);
    log_info(LOG_RELAY, "session opened", LOG_U64("twin", address.twin),
             LOG_TEXT("connection", address.connection));
}

static int login_status(const link_t *link)
{
    switch (link->login) {
    case LOGIN_GOOD: return 101;
    case LOGIN_BAD: return 401;
    case LOGIN_CHECKING: return WEB_LATER;
    case LOGIN_UNAVAILABLE: return 500;
    }
    return 500;
}

/* The other side waited for this. */
static void login_end(link_t *link)
{
    int status            = login_status(link);
    web_session_t *socket = link->socket;
    if (link->too_late) io_timer_stop(link->too_late);
    link->too_late = NULL;
    if (status != 101) link_free(link);
    web_upgrade_answer(socket, status);
}

static void too_late(void *self)
{
    link_t *link   = self;
    link->too_late = NULL;
    twin_cache_cancel(link->edge->config.twins, link);
    link->login = LOGIN_UNAVAILABLE;
    login_end(link);
}

/* Called at once when the twin is known, which the follower of the chain sees to. */
static void on_twin(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    link_t *link = context;
    if (status == TWIN_UNAVAILABLE)
        link->login = LOGIN_UNAVAILABLE;
    else if (status == TWIN_FOUND && token_verify(&link->token, &twin->account))
        link->login = LOGIN_GOOD;
    else
        link->login = LOGIN_BAD;
    if (link->socket) login_end(link);
}

static int on_upgrade(void *self, const web_head_t *head, void **session_self)
{
    edge_web_t *edge = self;
    size_t len       = strlen(head->query);
    if (len == 0) return 400;
    if (len > TOKEN_MAX) return 401;
    link_t *link     = calloc(1, sizeof *link);
    link->base.ops   = &link_ops;
    link->edge       = edge;
    link->token_text = strdup(head->query);
    if (token_read((bytes_t){(uint8_t *)link->token_text, (uint32_t)len}, io_now_ms(edge->config.io) / 1000,
                   &link->token) != TOKEN_OK) {
        link->login = LOGIN_BAD;
        link_free(link);
        return 401;
    }
    twin_cache_get(edge->config.twins, link->token.twin, on_twin, link);
    int status = login_status(link);
    if (status != 101 && status != WEB_LATER) {
        link_free(link);
        return status;
    }
    if (status == WEB_LATER) {
        link->socket   = head->session;
        link->too_late = io_timer_start(edge->config.io, LOGIN_MS, 0, too_late, link);
    }
    *session_self = link;
    return status;
}

static void on_refused(void *self, void *session_self)
{
    (void)self;
    link_free(session_self);
}

/* ---- the session ---- */

static void on_open(void *self, web_session_t *socket)
{
    (void)self;
    link_t *link = web_session_self(socket);
    link->socket = socket;
    session_open(link);
}

static void on_message(void *self, web_session_t *socket, bytes_t message, bool is_text)
{
    const edge_web_t *edge = self;
    link_t *link           = web_session_self(socket);
    if (!link || link->is_closing) return;
    if (is_text)
        link_end(link, 1003, "binary messages only");
    else if (link->session)
        relay_session_input(edge->config.relay, link->session, message);
}

static void on_pong(void *self, web_session_t *socket)
{
    const edge_web_t *edge = self;
    link_t *link           = web_session_self(socket);
    if (!link || !link->session) return;
    uint32_t taken = link->pinged_count, left = link->in_flight_count - taken;
    for (uint32_t i = 0; i < taken; i++) {
        relay_session_taken(edge->config.relay, link->session, link->in_flight[i]);
        relay_message_drop(link->in_flight[i]);
    }
    if (left > 0) memmove(link->in_flight, link->in_flight + taken, left * sizeof *link->in_flight);
    link->in_flight_count = left;
    link->pinged_count    = 0;
    on_wake(link);
    if (link->in_flight_count > 0) return;
    free(link->in_flight); /* sessions are many, and idle most of the time */
    link->in_flight = NULL;
}

static void on_close(void *self, web_session_t *socket)
{
    const edge_web_t *edge = self;
    link_t *link           = web_session_self(socket);
    if (!link) return;
    web_session_set_self(socket, NULL);
    if (link->session) relay_session_close(edge->config.relay, link->session);
    link_free(link);
}

/* ---- HTTP ---- */

static void answer_text(web_request_t *request, int status, const char *text)
{
    web_answer(request, status, TEXT, NULL, bytes_text(text));
}

static void on_inbox(void *context, relay_in_t in)
{
    inbox_t *inbox = context;
    if (inbox->request) {
        web_request_t *request = inbox->request;
        switch (in) {
        case RELAY_IN_ACCEPTED: web_answer(request, 202, TEXT, NULL, (bytes_t){0}); break;
        case RELAY_IN_OFFLINE: answer_text(request, 404, "destination offline"); break;
        case RELAY_IN_MALFORMED: answer_text(request, 400, "no envelope, or one that has expired"); break;
        case RELAY_IN_FORGED: answer_text(request, 401, "not signed by its source"); break;
        case RELAY_IN_BUSY: answer_text(request, 503, "try again later"); break;
        }
    }
    *inbox->back = inbox->next;
    if (inbox->next) inbox->next->back = inbox->back;
    free(inbox);
}

static void inbox_open(edge_web_t *edge, web_request_t *request, bytes_t body)
{
    inbox_t *inbox = calloc(1, sizeof *inbox);
    *inbox         = (inbox_t){edge, request, edge->inboxes, &edge->inboxes};
    if (inbox->next) inbox->next->back = &inbox->next;
    edge->inboxes = inbox;
    relay_federation_input(edge->config.relay, body, on_inbox, inbox);
}

static void on_request_gone(void *self, web_request_t *request)
{
    const edge_web_t *edge = self;
    for (inbox_t *inbox = edge->inboxes; inbox; inbox = inbox->next)
        if (inbox->request == request) inbox->request = NULL;
}

static void serve_metrics(edge_web_t *edge, web_request_t *request)
{
    size_t len;
    char *text = edge->config.metrics(edge->config.self, &len);
    web_answer(request, 200, "text/plain; version=0.0.4", NULL, (bytes_t){(uint8_t *)text, (uint32_t)len});
    free(text);
}

/* A relay takes any 4xx for final, and 503 for a reason to come back. */
static bool is_above_limit(edge_web_t *edge, web_request_t *request, const web_head_t *head, bytes_t body)
{
    uint64_t now_s = io_now_ms(edge->config.io) / 1000;
    if (!edge->config.inbox_limit || inbox_limit_take(edge->config.inbox_limit, head->peer, body.len, now_s))
        return false;
    web_answer(request, 503, TEXT, "Retry-After: 60\r\n", BYTES("too much from this address in this minute"));
    return true;
}

static void on_request(void *self, web_request_t *request, const web_head_t *head, bytes_t body)
{
    edge_web_t *edge = self;
    bool is_get      = strcmp(head->method, "GET") == 0;
    if (is_get && strcmp(head->path, "/metrics") == 0) {
        serve_metrics(edge, request);
    } else if (is_get && strcmp(head->path, "/health") == 0) {
        bool is_healthy = edge->config.is_healthy(edge->config.self);
        answer_text(request, is_healthy ? 200 : 503, is_healthy ? "ok" : "the chain is not available");
    } else if (strcmp(head->method, "POST") == 0 && strcmp(head->path, "/") == 0) {
        if (!is_above_limit(edge, request, head, body)) inbox_open(edge, request, body);
    } else {
        answer_text(request, 404, "page not found");
    }
}

/* ---- the edge ---- */

const char *relay_close_text(relay_close_t reason)
{
    switch (reason) {
    case RELAY_CLOSE_REPLACED: return "a newer session of this twin and connection came";
    case RELAY_CLOSE_BACK_PRESSURE: return "messages were not taken for a minute";
    case RELAY_CLOSE_STOPPING: return "the relay stops";
    }
    return "";
}

edge_web_t *edge_web_new(const edge_config_t *config, const char *address, uint16_t port, const char **error)
{
    edge_web_t *edge    = calloc(1, sizeof *edge);
    uint32_t max        = config->sessions_max ? config->sessions_max : SESSIONS_MAX;
    web_listen_t listen = {
        .address  = address,
        .port     = port,
        .tls_cert = config->tls_cert,
        .tls_key  = config->tls_key,
        .limits   = {.sessions = max, .message_len = RMB_MESSAGE_MAX, .body_len = RMB_MESSAGE_MAX}
    };
    web_handler_t handler = {.self            = edge,
                             .on_request      = on_request,
                             .on_request_gone = on_request_gone,
                             .on_upgrade      = on_upgrade,
                             .on_refused      = on_refused,
                             .on_open         = on_open,
                             .on_message      = on_message,
                             .on_pong         = on_pong,
                             .on_close        = on_close};
    edge->config          = *config;
    edge->server          = web_listen(config->io, &listen, &handler, error);
    if (edge->server) return edge;
    free(edge);
    return NULL;
}

uint16_t edge_web_port(const edge_web_t *edge) { return web_server_port(edge->server); }
bool edge_web_reload(edge_web_t *edge) { return web_server_reload(edge->server); }

void edge_web_free(edge_web_t *edge)
{
    if (!edge) return;
    inbox_t *next;
    for (inbox_t *inbox = edge->inboxes; inbox; inbox = next) {
        next = inbox->next;
        relay_federation_cancel(edge->config.relay, inbox);
        on_inbox(inbox, RELAY_IN_BUSY);
    }
    web_server_free(edge->server);
    free(edge);
}
