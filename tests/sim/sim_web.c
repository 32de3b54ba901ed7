/* sim_web.c - web.h over the network of the simulation: WebSockets and HTTP requests as frames.
 *
 * A frame's first byte says what it is.  Sessions ping and give up as lib/io's do; a request has a connection
 * of its own.  Addresses are "host:port" as URLs have them. */
#include "web.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum {
    FRAME_UPGRADE = 1, /* path?query */
    FRAME_BINARY  = WEB_FRAME_BINARY,
    FRAME_TEXT,
    FRAME_UPGRADED, /* status, two bytes */
    FRAME_PING,
    FRAME_PONG,
    FRAME_CLOSE,
    FRAME_POST = WEB_FRAME_POST, /* a request: method, path, body behind zeros */
    FRAME_ANSWER,                /* status, two bytes, and the body */
};

#define CONNECT_MS 10000
#define IDLE_MS    60000
#define CLOSE_MS   5000
#define TICK_MS    10000
#define QUEUE_MAX  (64u << 20)

struct web_session {
    io_t *io;
    end_t *end; /* NULL: over */
    bool is_client, is_open, is_closing;
    web_server_t *server;
    web_client_handler_t handler;
    void *self;
    uint32_t message_len;
    uint64_t heard_ms, closing_ms;
    io_timer_t *timer;
    char *query;
    web_session_t *next, **back;
};

struct web_request {
    web_server_t *server;
    end_t *end;
    bool is_told;
    web_request_t *next, **back;
};

struct web_server {
    io_t *io;
    web_handler_t handler;
    web_limits_t limits;
    listener_t *listener;
    uint16_t port;
    web_session_t *sessions;
    web_request_t *requests;
    bool is_ending;
};

typedef struct fetch {
    io_t *io;
    end_t *end;
    web_fetched_t done;
    void *self;
    io_timer_t *timer;
    uint8_t *frame;
    uint32_t len;
    struct fetch *next, **back;
} fetch_t;

/* A connection that said nothing yet. */
typedef struct fresh {
    web_server_t *server;
    end_t *end;
    end_handler_t *handler;
    struct fresh *next, **back;
} fresh_t;

static fetch_t *fetches;
static fresh_t *fresh_ones;
static web_session_t *clients;

/* A request has a connection of its own here: what is kept between them is lib/io's affair. */
struct web_pool {
    io_t *io;
};

/* ---- frames ---- */

static void send_frame(end_t *end, uint8_t kind, bytes_t content)
{
    uint8_t *frame = malloc(1 + (size_t)content.len);
    frame[0]       = kind;
    if (content.len) memcpy(frame + 1, content.data, content.len);
    end_send(end, (bytes_t){frame, 1 + content.len});
    free(frame);
}

static void send_status(end_t *end, uint8_t kind, int status, bytes_t body)
{
    uint8_t *content = malloc(2 + (size_t)body.len);
    content[0]       = (uint8_t)(status >> 8);
    content[1]       = (uint8_t)status;
    if (body.len) memcpy(content + 2, body.data, body.len);
    send_frame(end, kind, (bytes_t){content, 2 + body.len});
    free(content);
}

static int status_of(bytes_t frame) { return frame.len < 3 ? 0 : frame.data[1] << 8 | frame.data[2]; }

/* ---- sessions ---- */

static void session_free(web_session_t *session)
{
    if (session->timer) io_timer_stop(session->timer);
    if (session->back) {
        *session->back = session->next;
        if (session->next) session->next->back = session->back;
    }
    free(session->query);
    free(session);
}

/* Over: the owner is told, once. */
static void session_over(web_session_t *session, int status, const char *reason)
{
    if (session->end) end_close(session->end);
    session->end = NULL;
    if (session->is_client)
        session->handler.on_close(session->handler.self, session, status, reason);
    else if (session->is_open)
        session->server->handler.on_close(session->server->handler.self, session);
    else if (session->server->handler.on_refused && session->self)
        session->server->handler.on_refused(session->server->handler.self, session->self);
    session_free(session);
}

static void session_message(web_session_t *session, bytes_t frame)
{
    bytes_t message = {frame.data + 1, frame.len - 1};
    bool is_text    = frame.data[0] == FRAME_TEXT;
    if (session->is_closing || !session->is_open) {
        end_unread(session->end, frame);
        return;
    }
    if (message.len > session->message_len)
        web_close(session, 1009, "message too big");
    else if (session->is_client)
        session->handler.on_message(session->handler.self, session, message, is_text);
    else
        session->server->handler.on_message(session->server->handler.self, session, message, is_text);
}

static void session_pong(web_session_t *session)
{
    if (!session->is_open || session->is_closing) return;
    if (session->is_client && session->handler.on_pong)
        session->handler.on_pong(session->handler.self, session);
    else if (!session->is_client && session->server->handler.on_pong)
        session->server->handler.on_pong(session->server->handler.self, session);
}

static void client_opened(web_session_t *session, int status)
{
    if (status != 101) {
        session_over(session, status, "refused");
        return;
    }
    session->is_open = true;
    session->handler.on_open(session->handler.self, session);
}

static void on_session_frame(void *self, end_t *end, bytes_t frame)
{
    web_session_t *session = self;
    session->heard_ms      = io_ticks_ms(session->io);
    switch (frame.data[0]) {
    case FRAME_BINARY:
    case FRAME_TEXT: session_message(session, frame); return;
    case FRAME_UPGRADED: client_opened(session, status_of(frame)); return;
    case FRAME_PING: send_frame(end, FRAME_PONG, (bytes_t){frame.data + 1, frame.len - 1}); return;
    case FRAME_PONG:
        if (frame.len > 1) session_pong(session); /* else the edge's own */
        return;
    case FRAME_CLOSE:
        if (!session->is_closing) send_frame(end, FRAME_CLOSE, (bytes_t){0});
        session_over(session, 0, "closed by the other side");
        return;
    default: return;
    }
}

static void on_session_drained(void *self, end_t *end)
{
    web_session_t *session = self;
    (void)end;
    if (session->is_client || !session->is_open || session->is_closing) return;
    if (session->server->handler.on_drained)
        session->server->handler.on_drained(session->server->handler.self, session);
}

static void on_session_close(void *self, end_t *end)
{
    web_session_t *session = self;
    (void)end;
    session->end = NULL;
    session_over(session, 0, "connection lost");
}

static void session_tick(void *self)
{
    web_session_t *session = self;
    uint64_t now_ms = io_ticks_ms(session->io), silent_ms = now_ms - session->heard_ms;
    if (session->is_closing && now_ms - session->closing_ms >= CLOSE_MS)
        session_over(session, 0, "closed");
    else if (!session->is_open && silent_ms >= CONNECT_MS)
        session_over(session, 0, "no connection in time");
    else if (silent_ms >= IDLE_MS)
        session_over(session, 0, "nothing heard");
    else if (session->is_open && silent_ms >= IDLE_MS / 2)
        send_frame(session->end, FRAME_PING, (bytes_t){0});
}

bool web_send(web_session_t *session, bytes_t message, bool is_text)
{
    if (!session->is_open || session->is_closing) return false;
    if (end_queued(session->end) + message.len > QUEUE_MAX) {
        web_close(session, 1013, "too slow");
        return false;
    }
    send_frame(session->end, is_text ? FRAME_TEXT : FRAME_BINARY, message);
    return true;
}

size_t web_queued(const web_session_t *session) { return session->end ? end_queued(session->end) : 0; }
void web_ping(web_session_t *session)
{
    if (session->is_open && !session->is_closing) send_frame(session->end, FRAME_PING, BYTES("!"));
}

void web_close(web_session_t *session, uint16_t code, const char *reason)
{
    (void)code;
    (void)reason;
    if (session->is_closing) return;
    session->is_closing = true;
    session->closing_ms = io_ticks_ms(session->io);
    send_frame(session->end, FRAME_CLOSE, (bytes_t){0});
}

void web_pause(web_session_t *session, bool is_paused)
{
    (void)session;
    (void)is_paused;
}
void *web_session_self(const web_session_t *session) { return session->self; }
void web_session_set_self(web_session_t *session, void *self) { session->self = self; }
const char *web_session_peer(const web_session_t *session)
{
    (void)session;
    return "127.0.0.1";
}

/* ---- the server ---- */

static void upgrade(web_server_t *server, end_t *end, const char *target, end_handler_t *handler)
{
    web_session_t *session = calloc(1, sizeof *session);
    const char *question   = strchr(target, '?');
    *session               = (web_session_t){.io       = server->io,
                                             .end      = end,
                                             .server   = server,
                                             .heard_ms = io_ticks_ms(server->io),
                                             .message_len =
                                   server->limits.message_len ? server->limits.message_len : WEB_MESSAGE_MAX};
    web_head_t head        = {.method       = "GET",
                              .path         = "/",
                              .query        = question ? question + 1 : "",
                              .origin       = "",
                              .content_type = "",
                              .peer         = "127.0.0.1"};
    head.session           = session;
    int status             = server->handler.on_upgrade(server->handler.self, &head, &session->self);
    bool is_admitted       = status == 101 || status == WEB_LATER;
    if (status != WEB_LATER) send_status(end, FRAME_UPGRADED, status, (bytes_t){0});
    if (!is_admitted || io_is_dead(server->io)) {
        if (is_admitted && server->handler.on_refused)
            server->handler.on_refused(server->handler.self, session->self);
        free(session);
        end_close(end);
        return;
    }
    session->next = server->sessions;
    session->back = &server->sessions;
    if (session->next) session->next->back = &session->next;
    server->sessions = session;
    session->timer   = io_timer_start(server->io, TICK_MS, TICK_MS, session_tick, session);
    *handler         = (end_handler_t){.self       = session,
                                       .on_frame   = on_session_frame,
                                       .on_drained = on_session_drained,
                                       .on_close   = on_session_close};
    if (status == WEB_LATER) return;
    session->is_open = true;
    server->handler.on_open(server->handler.self, session);
}

void web_upgrade_answer(web_session_t *session, int status)
{
    send_status(session->end, FRAME_UPGRADED, status, (bytes_t){0});
    if (status == 101) {
        session->is_open = true;
        session->server->handler.on_open(session->server->handler.self, session);
        return;
    }
    end_close(session->end);
    session_free(session);
}

static void request_free(web_request_t *request)
{
    *request->back = request->next;
    if (request->next) request->next->back = request->back;
    free(request);
}

static void on_request_close(void *self, end_t *end)
{
    web_request_t *request = self;
    web_server_t *server   = request->server;
    (void)end;
    if (server->handler.on_request_gone) server->handler.on_request_gone(server->handler.self, request);
    request_free(request);
}

static void on_request_frame(void *self, end_t *end, bytes_t frame)
{
    (void)self;
    (void)end;
    (void)frame;
}

static void serve(web_server_t *server, end_t *end, bytes_t frame, end_handler_t *handler)
{
    const char *method = (const char *)frame.data + 1, *path = method + strlen(method) + 1;
    const uint8_t *body    = (const uint8_t *)path + strlen(path) + 1;
    web_request_t *request = calloc(1, sizeof *request);
    *request =
        (web_request_t){.server = server, .end = end, .next = server->requests, .back = &server->requests};
    if (request->next) request->next->back = &request->next;
    server->requests = request;
    *handler = (end_handler_t){.self = request, .on_frame = on_request_frame, .on_close = on_request_close};
    web_head_t head = {.method       = method,
                       .path         = path,
                       .query        = "",
                       .origin       = "",
                       .content_type = "",
                       .peer         = machine_name(io_machine(server->io))};
    server->handler.on_request(server->handler.self, request, &head,
                               (bytes_t){body, (uint32_t)(frame.data + frame.len - body)});
}

static void fresh_free(fresh_t *fresh)
{
    *fresh->back = fresh->next;
    if (fresh->next) fresh->next->back = fresh->back;
    free(fresh);
}

static void on_first_frame(void *self, end_t *end, bytes_t frame)
{
    fresh_t *fresh       = self;
    web_server_t *server = fresh->server;
    end_handler_t *at    = fresh->handler;
    fresh_free(fresh);
    if (frame.data[0] == FRAME_UPGRADE) {
        char *target = strndup((const char *)frame.data + 1, frame.len - 1);
        upgrade(server, end, target, at);
        free(target);
    } else if (frame.data[0] == FRAME_POST) {
        serve(server, end, frame, at);
    }
}

static void on_first_close(void *self, end_t *end)
{
    (void)end;
    fresh_free(self);
}

static void on_accept(void *self, end_t *end, end_handler_t *handler)
{
    fresh_t *fresh = malloc(sizeof *fresh);
    *fresh         = (fresh_t){self, end, handler, fresh_ones, &fresh_ones};
    if (fresh->next) fresh->next->back = &fresh->next;
    fresh_ones = fresh;
    *handler   = (end_handler_t){.self = fresh, .on_frame = on_first_frame, .on_close = on_first_close};
}

web_server_t *web_listen(io_t *io, const web_listen_t *listen, const web_handler_t *handler,
                         const char **error)
{
    char key[300];
    web_server_t *server = calloc(1, sizeof *server);
    *server = (web_server_t){.io = io, .handler = *handler, .limits = listen->limits, .port = listen->port};
    snprintf(key, sizeof key, "%s:%u", listen->address, listen->port);
    server->listener = net_listen(io, key, on_accept, server);
    if (server->listener) return server;
    *error = "address in use";
    free(server);
    return NULL;
}

uint16_t web_server_port(const web_server_t *server) { return server->port; }
bool web_server_reload(web_server_t *server)
{
    (void)server;
    return true;
}
web_stats_t web_server_stats(const web_server_t *server)
{
    (void)server;
    return (web_stats_t){0};
}

void web_server_free(web_server_t *server)
{
    if (!server) return;
    if (!io_is_dead(server->io)) net_unlisten(server->listener);
    fresh_t *next;
    for (fresh_t *fresh = fresh_ones; fresh; fresh = next) {
        next = fresh->next;
        if (fresh->server != server) continue;
        end_close(fresh->end);
        fresh_free(fresh);
    }
    while (server->sessions)
        session_over(server->sessions, 0, "the server stops");
    while (server->requests) {
        end_close(server->requests->end);
        request_free(server->requests);
    }
    free(server);
}

const char *web_head_header(const web_head_t *head, const char *name)
{
    (void)head;
    (void)name;
    return NULL;
}

void web_answer(web_request_t *request, int status, const char *content_type, const char *headers,
                bytes_t body)
{
    (void)content_type;
    (void)headers;
    send_status(request->end, FRAME_ANSWER, status, body);
    end_close(request->end);
    request_free(request);
}

/* ---- the client ---- */

/* "scheme://host[:port]/rest" to "host:port" and the rest. */
static const char *key_of(const char *url, char key[300])
{
    const char *host = strstr(url, "://"), *slash;
    assert(host);
    host += 3;
    slash          = strchr(host, '/');
    size_t len     = slash ? (size_t)(slash - host) : strlen(host);
    bool is_secure = strncmp(url, "wss", 3) == 0 || strncmp(url, "https", 5) == 0;
    if (memchr(host, ':', len))
        snprintf(key, 300, "%.*s", (int)len, host);
    else
        snprintf(key, 300, "%.*s:%d", (int)len, host, is_secure ? 443 : 80);
    return slash ? slash : "/";
}

static void on_client_open(void *self, end_t *end)
{
    web_session_t *session = self;
    send_frame(end, FRAME_UPGRADE, bytes_text(session->query));
}

web_session_t *web_connect(io_t *io, const char *url, const char *ca_file, uint32_t message_len,
                           const web_client_handler_t *handler)
{
    char key[300];
    (void)ca_file;
    web_session_t *session = calloc(1, sizeof *session);
    const char *target     = key_of(url, key);
    *session               = (web_session_t){.io          = io,
                                             .is_client   = true,
                                             .handler     = *handler,
                                             .message_len = message_len ? message_len : WEB_MESSAGE_MAX,
                                             .heard_ms    = io_ticks_ms(io),
                                             .query       = strdup(target)};
    session->next          = clients;
    session->back          = &clients;
    if (session->next) session->next->back = &session->next;
    clients        = session;
    session->timer = io_timer_start(io, TICK_MS, TICK_MS, session_tick, session);
    session->end   = net_dial(io, key,
                              &(end_handler_t){.self       = session,
                                               .on_open    = on_client_open,
                                               .on_frame   = on_session_frame,
                                               .on_drained = on_session_drained,
                                               .on_close   = on_session_close});
    return session;
}

void web_session_free(web_session_t *session)
{
    if (session->end) end_close(session->end);
    session_free(session);
}

static void fetch_over(fetch_t *fetch, int status, bytes_t body)
{
    if (fetch->timer) io_timer_stop(fetch->timer);
    if (fetch->end) end_close(fetch->end);
    *fetch->back = fetch->next;
    if (fetch->next) fetch->next->back = fetch->back;
    fetch->done(fetch->self, status, body);
    free(fetch->frame);
    free(fetch);
}

static void on_fetch_open(void *self, end_t *end)
{
    const fetch_t *fetch = self;
    end_send(end, (bytes_t){fetch->frame, fetch->len});
}
static void on_fetch_frame(void *self, end_t *end, bytes_t frame)
{
    (void)end;
    if (frame.data[0] == FRAME_ANSWER)
        fetch_over(self, status_of(frame), (bytes_t){frame.data + 3, frame.len - 3});
}
static void on_fetch_close(void *self, end_t *end)
{
    fetch_t *fetch = self;
    (void)end;
    fetch->end = NULL;
    fetch_over(fetch, 0, BYTES("connection lost"));
}
static void fetch_late(void *self)
{
    fetch_t *fetch = self;
    fetch->timer   = NULL;
    fetch_over(fetch, 0, BYTES("no answer in time"));
}

bool web_fetch(io_t *io, const char *method, const char *url, const char *ca_file, const char *content_type,
               bytes_t body, uint32_t timeout_ms, web_fetched_t done, void *self)
{
    char key[300];
    (void)ca_file;
    (void)content_type;
    fetch_t *fetch   = calloc(1, sizeof *fetch);
    const char *path = key_of(url, key);
    size_t head      = 1 + strlen(method) + 1 + strlen(path) + 1;
    *fetch           = (fetch_t){.io    = io,
                                 .done  = done,
                                 .self  = self,
                                 .frame = malloc(head + body.len),
                                 .len   = (uint32_t)head + body.len};
    fetch->next      = fetches;
    fetch->back      = &fetches;
    if (fetch->next) fetch->next->back = &fetch->next;
    fetches         = fetch;
    fetch->frame[0] = FRAME_POST;
    memcpy(fetch->frame + 1, method, strlen(method) + 1);
    memcpy(fetch->frame + 2 + strlen(method), path, strlen(path) + 1);
    if (body.len) memcpy(fetch->frame + head, body.data, body.len);
    fetch->timer = io_timer_start(io, timeout_ms, 0, fetch_late, fetch);
    fetch->end   = net_dial(
          io, key,
          &(end_handler_t){
              .self = fetch, .on_open = on_fetch_open, .on_frame = on_fetch_frame, .on_close = on_fetch_close});
    return true;
}

web_pool_t *web_pool_new(io_t *io, const char *ca_file, uint32_t lines_max)
{
    web_pool_t *pool = malloc(sizeof *pool);
    (void)ca_file;
    (void)lines_max;
    pool->io = io;
    return pool;
}
bool web_pool_fetch(web_pool_t *pool, const char *method, const char *url, const char *content_type,
                    bytes_t body, uint32_t timeout_ms, web_fetched_t done, void *self)
{
    return web_fetch(pool->io, method, url, NULL, content_type, body, timeout_ms, done, self);
}
void web_pool_free(web_pool_t *pool) { free(pool); }

/* ---- the end ---- */

void web_machine_gone(io_t *io)
{
    fetch_t *next_fetch;
    web_session_t *next;
    for (fetch_t *fetch = fetches; fetch; fetch = next_fetch) {
        next_fetch = fetch->next;
        if (fetch->io == io) fetch_over(fetch, 0, (bytes_t){0});
    }
    for (web_session_t *session = clients; session; session = next) {
        next = session->next;
        if (session->io == io) session_over(session, 0, "the program ends");
    }
}
