/* web_server.c - a listener: requests with their answers, and upgrades that it lets in or refuses.
 *
 * A connection carries one request after the other, but never a second one that came before the first was
 * answered: libwebsockets 4.1.6 takes the head of such a one for its body, and turns for ever (the loop over
 * the buflist in lws_http_action).  It is known by this: nothing was read from the socket since the answer.
 *
 * Nor can libwebsockets wait before it says 101.  A session that its owner must think about is made all the
 * same, but what libwebsockets would say is kept back (hold_answer), and the socket not read, until the owner
 * knows: then that is written, or a refusal in its place. */
#include "web_chunks.h"
#include "web_internal.h"
#include "web_socket.h"

#include <assert.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_DEFAULT 100
#define QUEUE_DEFAULT    (64u << 20)
#define MEMORY_DEFAULT   ((size_t)1 << 30)
#define HEAD_S_DEFAULT   10
#define IDLE_S_DEFAULT   60
#define KEEPALIVE_S      30
#define ANSWER_S         60 /* for the other side to take an answer */
#define HTTP_EXTRA_CAP   256

typedef struct web_socket web_socket_t;

/* One socket of the listener: it carries requests, or becomes a session. */
struct web_socket {
    struct lws *wsi;
    web_server_t *server;
    web_request_t *request; /* until it is written */
    bool has_answered;
    uint64_t read_len; /* bytes that had been read from the socket when the last answer was written */
    web_session_t session;
    bool has_session, is_admitted; /* admitted: on_upgrade let it in, it is not open yet */
    bool is_held, is_over;         /* held: on_upgrade said WEB_LATER; over: it was refused then */
    web_room_t held;               /* the 101 that it may get */
    web_socket_t *next, **back;
};

struct web_request {
    web_socket_t *socket; /* NULL when it is gone */
    char method[8], content_type[128], origin[256], peer[64];
    char *target; /* path, zero, query, zero */
    uint32_t body_len, body_cap;
    uint8_t *body;
    uint64_t started_ms;
    bool is_chunked;
    web_chunks_t chunks;
    bool is_told, is_head, is_kept, is_written, is_ended; /* kept: the connection goes on behind the answer */
    web_room_t answer;
};

struct web_server {
    io_t *io;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[2];
    lws_retry_bo_t idle;
    web_listen_t listen;
    web_handler_t handler;
    char *cert, *key, *origins, *subprotocol, *address;
    web_socket_t *sockets;
    web_stats_t stats;
    size_t memory;
    bool is_ended;
};

/* What web_head_t.headers points to, while a head is shown. */
struct web_headers {
    struct lws *wsi;
    char room[2 * WEB_HEAD_MAX];
    size_t used;
};

/* ---- heads ---- */

static bool token_named(const char *name, enum lws_token_indexes *token)
{
    size_t len = strlen(name);
    for (int t = 0; lws_token_to_string((enum lws_token_indexes)t); t++) {
        const char *text = (const char *)lws_token_to_string((enum lws_token_indexes)t);
        if (strncmp(text, name, len) != 0 || strcmp(text + len, ":") != 0) continue;
        *token = (enum lws_token_indexes)t;
        return true;
    }
    return false;
}

const char *web_head_header(const web_head_t *head, const char *name)
{
    struct web_headers *headers = head->headers;
    char with_colon[128];
    int len;
    enum lws_token_indexes token;
    bool is_known = token_named(name, &token);
    int with_len  = snprintf(with_colon, sizeof with_colon, "%s:", name);
    char *out     = headers->room + headers->used;
    size_t room   = sizeof headers->room - headers->used;
    if (with_len >= (int)sizeof with_colon) return NULL;
    if (is_known)
        len = lws_hdr_total_length(headers->wsi, token);
    else
        len = lws_hdr_custom_length(headers->wsi, with_colon, with_len);
    if (len < 0 || (is_known && len == 0) || (size_t)len + 1 > room) return NULL;
    int got = is_known ? lws_hdr_copy(headers->wsi, out, (int)room, token)
                       : lws_hdr_custom_copy(headers->wsi, out, (int)room, with_colon, with_len);
    if (got < 0) return NULL;
    out[got] = 0;
    headers->used += (size_t)got + 1;
    return out;
}

static void copy_header(struct lws *wsi, enum lws_token_indexes token, char *out, size_t cap)
{
    out[0] = 0;
    if (lws_hdr_total_length(wsi, token) >= (int)cap || lws_hdr_copy(wsi, out, (int)cap, token) < 0)
        out[0] = 0;
}

/* libwebsockets keeps the parts between the '&' apart, decoded; out has room for three times what they are.
 */
static void copy_query(struct lws *wsi, char *part, int cap, char *out)
{
    for (int i = 0; lws_hdr_copy_fragment(wsi, part, cap, WSI_TOKEN_HTTP_URI_ARGS, i) >= 0; i++) {
        if (i > 0) *out++ = '&';
        for (const char *at = part; *at; at++) {
            if (*at != '&' && *at != '%')
                *out++ = *at;
            else
                out += snprintf(out, 4, "%%%02X", *at);
        }
    }
    *out = 0;
}

/* request_new copies what the head said; false: nothing that can be answered. */
static web_request_t *request_new(web_socket_t *socket)
{
    struct lws *wsi = socket->wsi;
    char *uri;
    int uri_len, method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
    if (method < 0 || uri_len < 1) return NULL;
    int query_len          = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);
    web_request_t *request = must(calloc(1, sizeof *request));
    request->socket        = socket;
    request->started_ms    = io_ticks_ms(socket->server->io);
    request->is_head       = method == LWSHUMETH_HEAD;
    snprintf(request->method, sizeof request->method, "%s", web_method_name(method));
    copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, request->content_type, sizeof request->content_type);
    copy_header(wsi, WSI_TOKEN_ORIGIN, request->origin, sizeof request->origin);
    lws_get_peer_simple(wsi, request->peer, sizeof request->peer);
    if (strncmp(request->peer, "::ffff:", 7) == 0)
        memmove(request->peer, request->peer + 7, strlen(request->peer) - 6);
    char *part      = must(malloc((size_t)query_len + 2));
    request->target = must(malloc((size_t)uri_len + 3 * (size_t)query_len + 3));
    memcpy(request->target, uri, (size_t)uri_len);
    request->target[uri_len] = 0;
    copy_query(wsi, part, query_len + 2, request->target + uri_len + 1);
    free(part);
    return request;
}

static void request_free(web_request_t *request)
{
    if (request->socket && request->socket->request == request) request->socket->request = NULL;
    free(request->target);
    free(request->body);
    web_room_free(&request->answer);
    free(request);
}

static void head_of(const web_request_t *request, struct web_headers *headers, web_head_t *head)
{
    headers->wsi  = request->socket->wsi;
    headers->used = 0;
    *head         = (web_head_t){.method       = request->method,
                                 .path         = request->target,
                                 .query        = request->target + strlen(request->target) + 1,
                                 .origin       = request->origin,
                                 .content_type = request->content_type,
                                 .peer         = request->peer,
                                 .headers      = headers};
}

/* ---- answers ---- */

static void build_answer(web_request_t *request, int status, const char *content_type, const char *headers,
                         bytes_t body)
{
    const web_server_t *server = request->socket->server;
    char head[1024];
    int len = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nContent-Length: %u\r\nConnection: %s\r\n",
                       status, web_status_text(status), body.len, request->is_kept ? "keep-alive" : "close");
    if (content_type && body.len > 0)
        len += snprintf(head + len, sizeof head - (size_t)len, "Content-Type: %.200s\r\n", content_type);
    if (*request->origin && web_is_origin_let_in(server->origins, request->origin))
        len += snprintf(head + len, sizeof head - (size_t)len,
                        "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", request->origin);
    web_room_add(&request->answer, head, (size_t)len);
    if (headers) web_room_add(&request->answer, headers, strlen(headers));
    web_room_add(&request->answer, "\r\n", 2);
    if (!request->is_head) web_room_add(&request->answer, body.data, body.len);
}

void web_answer(web_request_t *request, int status, const char *content_type, const char *headers,
                bytes_t body)
{
    assert(request->is_told && request->answer.len == 0);
    build_answer(request, status, content_type, headers, body);
    lws_callback_on_writable(request->socket->wsi);
}

/* answer_short is for what the edge answers itself. */
static void answer_short(web_request_t *request, int status, const char *headers)
{
    const char *text = status == 204 ? "" : web_status_text(status);
    request->is_told = true;
    web_answer(request, status, "text/plain; charset=utf-8", headers, bytes_text(text));
}

/* The answer is out. */
static int end_request(web_socket_t *socket)
{
    bool is_kept =
        socket->request->is_kept && web_socket_read_len(lws_get_socket_fd(socket->wsi), &socket->read_len);
    request_free(socket->request);
    socket->has_answered = true;
    if (!is_kept) return -1;
    return lws_http_transaction_completed(socket->wsi) ? -1 : 0;
}

static int write_answer(web_socket_t *socket)
{
    web_request_t *request = socket->request;
    if (!request || request->answer.len == 0) return 0;
    if (request->is_written) return end_request(socket);
    request->is_written = true;
    lws_set_timeout(socket->wsi, PENDING_TIMEOUT_HTTP_CONTENT, ANSWER_S);
    if (lws_write(socket->wsi, request->answer.data + LWS_PRE, request->answer.len, LWS_WRITE_HTTP) < 0)
        return -1;
    if (!lws_partial_buffered(socket->wsi)) return end_request(socket);
    lws_callback_on_writable(socket->wsi);
    return 0;
}

/* ---- requests ---- */

static void tell_request(web_request_t *request)
{
    web_server_t *server = request->socket->server;
    lws_set_timeout(request->socket->wsi, NO_PENDING_TIMEOUT, 0);
    server->stats.requests++;
    request->is_told = true;
    if (!server->handler.on_request) {
        answer_short(request, 404, NULL);
        return;
    }
    struct web_headers headers;
    web_head_t head;
    head_of(request, &headers, &head);
    server->handler.on_request(server->handler.self, request, &head,
                               (bytes_t){request->body, request->body_len});
}

enum { LEN_NONE = -1, LEN_MALFORMED = -2, LEN_CHUNKED = -3 };

/* The length that the head announces, or one of these.  Both kinds of length at once are somebody's trick. */
static int64_t announced_len(struct lws *wsi)
{
    char text[24];
    bool has_len = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0) {
        copy_header(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING, text, sizeof text);
        return strcasecmp(text, "chunked") == 0 && !has_len ? LEN_CHUNKED : LEN_MALFORMED;
    }
    if (!has_len) return LEN_NONE;
    copy_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, text, sizeof text);
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 15 || text[len]) return LEN_MALFORMED;
    return strtoll(text, NULL, 10);
}

static bool is_preflight(const web_request_t *request)
{
    return strcmp(request->method, "OPTIONS") == 0 && *request->origin &&
           lws_hdr_custom_length(request->socket->wsi, "access-control-request-method:", 30) > 0;
}

static int refuse(web_request_t *request, int status)
{
    request->is_kept = false;
    answer_short(request, status, NULL);
    return 0;
}

/* As libwebsockets decides it. */
static bool wants_to_keep(struct lws *wsi)
{
    char version[12], connection[25];
    copy_header(wsi, WSI_TOKEN_HTTP, version, sizeof version);
    copy_header(wsi, WSI_TOKEN_CONNECTION, connection, sizeof connection);
    if (strcasecmp(connection, "keep-alive") == 0) return true;
    return strcmp(version, "HTTP/1.1") == 0 && strcasecmp(connection, "close") != 0;
}

/* A head is complete.  lws calls BODY_COMPLETION for a POST, even an empty one, and whatever has a length. */
static int on_head(web_socket_t *socket)
{
    web_server_t *server = socket->server;
    uint64_t read_len;
    if (socket->has_answered &&
        (!web_socket_read_len(lws_get_socket_fd(socket->wsi), &read_len) || read_len == socket->read_len))
        return -1;
    web_request_t *request = socket->request ? NULL : request_new(socket);
    if (!request) return -1;
    socket->request  = request;
    request->is_kept = wants_to_keep(socket->wsi);
    int64_t len      = announced_len(socket->wsi);
    bool wants_body  = strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0 ||
                      strcmp(request->method, "PATCH") == 0;
    if (!*request->method) return refuse(request, 405);
    if (len == LEN_MALFORMED || (len == LEN_CHUNKED && !wants_body)) return refuse(request, 400);
    if (len == LEN_NONE && wants_body) return refuse(request, 411);
    if (len > (int64_t)server->listen.limits.body_len) return refuse(request, 413);
    if (!web_is_origin_let_in(server->origins, request->origin)) return refuse(request, 403);
    if (is_preflight(request)) {
        answer_short(request, 204,
                     "Access-Control-Allow-Methods: GET, POST\r\nAccess-Control-Allow-Headers: Content-Type, "
                     "Authorization\r\nAccess-Control-Max-Age: 600\r\n");
        return 0;
    }
    if (len > 0 || len == LEN_CHUNKED || (len == 0 && strcmp(request->method, "POST") == 0)) {
        request->is_chunked = len == LEN_CHUNKED;
        request->is_kept &= !request->is_chunked; /* libwebsockets does not know where such a body ends */
        request->body_cap = request->is_chunked ? 0 : (uint32_t)len;
        lws_set_timeout(socket->wsi, PENDING_TIMEOUT_HTTP_CONTENT, (int)server->listen.limits.head_s);
        return 0;
    }
    tell_request(request);
    return 0;
}

static int on_chunks(web_request_t *request, bytes_t in)
{
    uint32_t most = request->socket->server->listen.limits.body_len;
    for (;;) {
        bytes_t piece;
        web_chunks_status_t status = web_chunks_take(&request->chunks, &in, &piece);
        if (status == CHUNKS_MORE) return 0;
        if (status == CHUNKS_MALFORMED) return refuse(request, 400);
        if (status == CHUNKS_END) {
            tell_request(request);
            return 0;
        }
        if (piece.len > most - request->body_len) return refuse(request, 413);
        if (piece.len > request->body_cap - request->body_len) {
            uint64_t cap      = 2 * ((uint64_t)request->body_len + piece.len);
            request->body_cap = cap < most ? (uint32_t)cap : most;
            request->body     = must(realloc(request->body, request->body_cap));
        }
        memcpy(request->body + request->body_len, piece.data, piece.len);
        request->body_len += piece.len;
    }
}

static int on_body(web_socket_t *socket, const void *data, size_t len)
{
    web_request_t *request = socket->request;
    if (!request || request->is_told) return 0; /* refused: the rest is not wanted */
    if (!request->is_chunked && len > request->body_cap - request->body_len) return -1;
    uint64_t late_ms =
        1000ull * socket->server->listen.limits.head_s + request->body_len / 16; /* 16 KB/s at least */
    if (io_ticks_ms(socket->server->io) - request->started_ms > late_ms) return -1;
    if (request->is_chunked) return on_chunks(request, (bytes_t){data, (uint32_t)len});
    if (!request->body) request->body = must(malloc(request->body_cap));
    if (len > 0) memcpy(request->body + request->body_len, data, len);
    request->body_len += (uint32_t)len;
    return 0;
}

static int on_body_end(web_socket_t *socket)
{
    web_request_t *request = socket->request;
    if (!request || request->is_ended) return -1; /* more than the request came */
    request->is_ended = true;
    if (request->is_told) return 0;
    if (request->body_len != request->body_cap) return -1;
    tell_request(request);
    return 0;
}

/* ---- upgrades ---- */

/* Writes an answer to what asked for an upgrade; the socket closes after it. */
static int refuse_upgrade(web_socket_t *socket, web_request_t *request, int status)
{
    socket->server->stats.refused++;
    build_answer(request, status, "text/plain; charset=utf-8", NULL, bytes_text(web_status_text(status)));
    int written = lws_write(socket->wsi, request->answer.data + LWS_PRE, request->answer.len, LWS_WRITE_HTTP);
    request_free(request);
    return written < 0 ? -1 : 1;
}

static bool is_subprotocol_ours(const web_server_t *server, struct lws *wsi)
{
    char asked[256];
    if (lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) == 0) return true;
    if (!server->subprotocol) return false;
    copy_header(wsi, WSI_TOKEN_PROTOCOL, asked, sizeof asked);
    size_t len = strlen(server->subprotocol);
    for (const char *at = asked; *at;) {
        at += strspn(at, ", ");
        size_t item = strcspn(at, ", ");
        if (item == len && memcmp(at, server->subprotocol, len) == 0) return true;
        at += item;
    }
    return false;
}

static int on_upgrade(web_socket_t *socket, const char *kind)
{
    web_server_t *server   = socket->server;
    web_request_t *request = request_new(socket);
    if (!request) return -1;
    if (strcasecmp(kind, "websocket") != 0) return refuse_upgrade(socket, request, 400);
    if (!server->handler.on_upgrade) return refuse_upgrade(socket, request, 404);
    if (!web_is_origin_let_in(server->origins, request->origin)) return refuse_upgrade(socket, request, 403);
    if (server->stats.sessions >= server->listen.limits.sessions) return refuse_upgrade(socket, request, 503);
    if (!is_subprotocol_ours(server, socket->wsi)) return refuse_upgrade(socket, request, 400);
    struct web_headers headers;
    web_head_t head;
    void *session_self = NULL;
    head_of(request, &headers, &head);
    head.session = &socket->session;
    int status   = server->handler.on_upgrade(server->handler.self, &head, &session_self);
    if (status != 101 && status != WEB_LATER) return refuse_upgrade(socket, request, status);
    web_limits_t *limits = &server->listen.limits;
    socket->is_admitted  = true;
    socket->is_held      = status == WEB_LATER;
    socket->session      = (web_session_t){.wsi         = socket->wsi,
                                           .web         = web_of(server->io),
                                           .message_max = limits->message_len,
                                           .queue_max   = limits->queue_len,
                                           .self        = session_self,
                                           .stats       = &server->stats,
                                           .memory      = &server->memory,
                                           .memory_max  = limits->memory_max,
                                           .server      = server};
    memcpy(socket->session.peer, request->peer, sizeof request->peer);
    server->stats.sessions++;
    if (socket->is_held)
        socket->request = request; /* a refusal needs it */
    else
        request_free(request);
    return 0;
}

/* libwebsockets is about to write from the start of its answer to args->p, and two bytes that it adds there:
 * it writes nothing when args->p is two bytes before the start. */
static int hold_answer(web_socket_t *socket, struct lws_process_html_args *args)
{
    static const char begin[] = "HTTP/1.1 101 ";
    const char *buffer        = args->p + args->max_len - WEB_SERV_BUF;
    char *start               = args->p - strlen(begin);
    if (!socket->is_held) return 0;
    while (start > buffer + 2 && memcmp(start, begin, strlen(begin)) != 0)
        start--;
    if (memcmp(start, begin, strlen(begin)) != 0) return -1;
    web_room_add(&socket->held, start, (size_t)(args->p - start));
    web_room_add(&socket->held, "\r\n", 2);
    args->p = start - 2;
    return 0;
}

static int on_open(web_socket_t *socket)
{
    web_server_t *server = socket->server;
    if (socket->is_held) {
        web_pause(&socket->session, true);
        return 0;
    }
    socket->is_admitted     = false;
    socket->has_session     = true;
    socket->session.is_open = true;
    server->stats.opened++;
    server->handler.on_open(server->handler.self, &socket->session);
    return 0;
}

void web_upgrade_answer(web_session_t *session, int status)
{
    struct lws *wsi        = session->wsi;
    web_socket_t *socket   = lws_get_opaque_user_data(wsi);
    web_server_t *server   = socket->server;
    web_request_t *request = socket->request;
    web_room_t *answer     = status == 101 ? &socket->held : &request->answer;
    assert(socket->is_held && socket->held.len > 0);
    socket->is_held = false;
    if (status != 101) {
        build_answer(request, status, "text/plain; charset=utf-8", NULL, bytes_text(web_status_text(status)));
        socket->is_admitted = false;
        server->stats.sessions--;
        server->stats.refused++;
    }
    bool is_written = lws_write(wsi, answer->data + LWS_PRE, answer->len, LWS_WRITE_RAW) >= 0;
    request_free(request);
    web_room_free(&socket->held);
    if (status != 101 || !is_written) {
        socket->is_over = true;
        lws_callback_on_writable(wsi);
        return;
    }
    (void)on_open(socket);
    web_pause(session, false);
}

void web_session_told_message(web_session_t *session, bytes_t message, bool is_text)
{
    if (session->is_client) {
        web_client_told_message(session, message, is_text);
        return;
    }
    const web_handler_t *handler = &session->server->handler;
    handler->on_message(handler->self, session, message, is_text);
}

void web_session_told_drained(web_session_t *session)
{
    if (session->is_client) return;
    const web_handler_t *handler = &session->server->handler;
    if (handler->on_drained) handler->on_drained(handler->self, session);
}

bool web_session_hears_drained(const web_session_t *session)
{
    return !session->is_client && session->server->handler.on_drained;
}

bool web_session_told_too_long(web_session_t *session)
{
    if (session->is_client || !session->server->handler.on_too_long) return false;
    session->server->handler.on_too_long(session->server->handler.self, session);
    return true;
}

/* ---- sockets ---- */

static void socket_new(web_server_t *server, struct lws *wsi)
{
    web_socket_t *socket = must(calloc(1, sizeof *socket));
    socket->wsi          = wsi;
    socket->server       = server;
    socket->next         = server->sockets;
    socket->back         = &server->sockets;
    if (socket->next) socket->next->back = &socket->next;
    server->sockets = socket;
    server->stats.sockets++;
    lws_set_opaque_user_data(wsi, socket);
}

/* What is told to the owner when a socket goes, or its server. */
static void socket_end(web_socket_t *socket)
{
    web_server_t *server         = socket->server;
    const web_handler_t *handler = &server->handler;
    if (socket->has_session || socket->is_admitted) server->stats.sessions--;
    if (socket->has_session) {
        socket->has_session     = false;
        socket->session.is_open = false;
        handler->on_close(handler->self, &socket->session);
        web_session_fini(&socket->session);
    } else if (socket->is_admitted && handler->on_refused) {
        handler->on_refused(handler->self, socket->session.self);
    }
    socket->is_admitted = socket->is_held = false;
    web_room_free(&socket->held);
    web_request_t *request = socket->request;
    if (!request) return;
    if (request->is_told && request->answer.len == 0 && handler->on_request_gone)
        handler->on_request_gone(handler->self, request);
    request_free(request);
}

static void socket_free(web_socket_t *socket)
{
    lws_set_opaque_user_data(socket->wsi, NULL);
    socket->server->stats.sockets--;
    *socket->back = socket->next;
    if (socket->next) socket->next->back = socket->back;
    free(socket);
}

static int socket_callback(web_socket_t *socket, enum lws_callback_reasons reason, void *in, size_t len)
{
    if (reason == LWS_CALLBACK_HTTP) return on_head(socket);
    if (reason == LWS_CALLBACK_HTTP_BODY) return on_body(socket, in, len);
    if (reason == LWS_CALLBACK_HTTP_BODY_COMPLETION) return on_body_end(socket);
    if (reason == LWS_CALLBACK_HTTP_WRITEABLE) return write_answer(socket);
    if (reason == LWS_CALLBACK_HTTP_CONFIRM_UPGRADE) return on_upgrade(socket, in);
    if (reason == LWS_CALLBACK_ADD_HEADERS) return hold_answer(socket, in);
    if (reason == LWS_CALLBACK_ESTABLISHED) return on_open(socket);
    if (socket->is_over && reason == LWS_CALLBACK_SERVER_WRITEABLE) return -1;
    if (!socket->has_session) return 0;
    if (reason == LWS_CALLBACK_RECEIVE) return web_session_receive(&socket->session, in, len);
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE) return web_session_write(&socket->session);
    /* Its answer to our close ends it; libwebsockets answers one that it began. */
    if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
        socket->session.is_left = true;
        return socket->session.is_closing ? -1 : 0;
    }
    if (reason == LWS_CALLBACK_RECEIVE_PONG && socket->server->handler.on_pong &&
        web_session_is_pong(in, len))
        socket->server->handler.on_pong(socket->server->handler.self, &socket->session);
    if (reason == LWS_CALLBACK_CLOSED) socket_end(socket);
    return 0;
}

/* Sessions are many and mostly idle: buffers are given back between records, and no session is remembered. */
static void keep_little(SSL_CTX *tls)
{
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
}

static int server_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t len)
{
    web_server_t *server = lws_context_user(lws_get_context(wsi));
    if (server->is_ended)
        return reason == LWS_CALLBACK_FILTER_NETWORK_CONNECTION || reason == LWS_CALLBACK_HTTP ? -1 : 0;
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
        keep_little(user);
        return 0;
    }
    if (reason == LWS_CALLBACK_FILTER_NETWORK_CONNECTION)
        return server->stats.sockets >= server->listen.limits.sockets;
    if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED) {
        socket_new(server, wsi);
        return 0;
    }
    web_socket_t *socket = lws_get_opaque_user_data(wsi);
    if (!socket) return 0;
    if (reason != LWS_CALLBACK_WSI_DESTROY) return socket_callback(socket, reason, in, len);
    socket_end(socket);
    socket_free(socket);
    return 0;
}

/* ---- servers ---- */

static char *copy_text(const char *text) { return text ? must(strdup(text)) : NULL; }

static void fill_limits(web_limits_t *limits)
{
    if (!limits->sessions) limits->sessions = SESSIONS_DEFAULT;
    if (!limits->message_len) limits->message_len = WEB_MESSAGE_MAX;
    if (!limits->body_len) limits->body_len = WEB_MESSAGE_MAX;
    if (!limits->queue_len) limits->queue_len = QUEUE_DEFAULT;
    if (!limits->memory_max) limits->memory_max = MEMORY_DEFAULT;
    if (!limits->sockets) limits->sockets = limits->sessions + HTTP_EXTRA_CAP;
    if (!limits->head_s) limits->head_s = HEAD_S_DEFAULT;
    if (!limits->idle_s) limits->idle_s = IDLE_S_DEFAULT;
}

static void server_free(web_server_t *server)
{
    free(server->cert);
    free(server->key);
    free(server->origins);
    free(server->subprotocol);
    free(server->address);
    server->cert = server->key = server->origins = server->subprotocol = server->address = NULL;
}

static bool open_vhost(web_server_t *server, struct lws_context_creation_info *info)
{
    bool is_v4 = server->address && !strchr(server->address, ':');
    bool is_all =
        !server->address || strcmp(server->address, "0.0.0.0") == 0 || strcmp(server->address, "::") == 0;
    info->port                  = server->listen.port;
    info->iface                 = is_all ? NULL : server->address;
    info->protocols             = server->protocols;
    info->vhost_name            = "web";
    info->alpn                  = "http/1.1";
    info->keepalive_timeout     = KEEPALIVE_S;
    info->timeout_secs_ah_idle  = server->listen.limits.head_s;
    info->retry_and_idle_policy = &server->idle;
    info->options |= LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
    if (is_v4) info->options |= LWS_SERVER_OPTION_DISABLE_IPV6;
    if (server->cert) {
        info->ssl_cert_filepath        = server->cert;
        info->ssl_private_key_filepath = server->key;
    }
    server->vhost = lws_create_vhost(server->context, info);
    if (server->vhost || server->address) return server->vhost != NULL;
    info->options |= LWS_SERVER_OPTION_DISABLE_IPV6; /* a system without IPv6 */
    server->vhost = lws_create_vhost(server->context, info);
    return server->vhost != NULL;
}

web_server_t *web_listen(io_t *io, const web_listen_t *listen, const web_handler_t *handler,
                         const char **error)
{
    web_server_t *server = must(calloc(1, sizeof *server));
    server->io           = io;
    server->listen       = *listen;
    server->handler      = *handler;
    server->cert         = copy_text(listen->tls_cert);
    server->key          = copy_text(listen->tls_key);
    server->origins      = copy_text(listen->origins);
    server->subprotocol  = copy_text(listen->subprotocol);
    server->address      = copy_text(listen->address);
    fill_limits(&server->listen.limits);
    uint32_t idle_s      = server->listen.limits.idle_s;
    server->idle         = (lws_retry_bo_t){.secs_since_valid_ping   = (uint16_t)(idle_s / 2 + 1),
                                            .secs_since_valid_hangup = (uint16_t)(idle_s + 1)};
    server->protocols[0] = (struct lws_protocols){.name = server->subprotocol ? server->subprotocol : "web",
                                                  .callback       = server_callback,
                                                  .rx_buffer_size = 2048,
                                                  .tx_packet_size = 4u << 20};
    struct lws_context_creation_info info;
    void *loops[1];
    web_of(io);
    web_context_info(io, &info, loops);
    info.user         = server;
    info.timeout_secs = server->listen.limits.head_s;
    server->context   = web_context(&info);
    if (!server->context) {
        *error = "libwebsockets does not start: is libwebsockets-evlib-uv installed?";
        server_free(server);
        free(server);
        return NULL;
    }
    if (open_vhost(server, &info)) return server;
    *error = server->cert ? "the address is taken or not ours, or the certificate or key cannot be read"
                          : "the address is taken or not ours";
    server->is_ended = true;
    server_free(server);
    web_end(io, server->context, server);
    return NULL;
}

uint16_t web_server_port(const web_server_t *server)
{
    return (uint16_t)lws_get_vhost_listen_port(server->vhost);
}

bool web_server_reload(web_server_t *server)
{
    return server->cert &&
           lws_tls_cert_updated(server->context, server->cert, server->key, NULL, 0, NULL, 0) == 0;
}

web_stats_t web_server_stats(const web_server_t *server) { return server->stats; }

static void end_later(void *self)
{
    web_server_t *server = self;
    web_end(server->io, server->context, server);
}

void web_server_free(web_server_t *server)
{
    static const uint8_t going_away[] = {0x88, 2, 1001 >> 8, 1001 & 0xff};
    if (!server) return;
    for (web_socket_t *socket = server->sockets, *next; socket; socket = next) {
        next = socket->next;
        if (socket->has_session && !lws_partial_buffered(socket->wsi)) {
            web_room_add(&socket->session.out, going_away, sizeof going_away);
            lws_write(socket->wsi, socket->session.out.data + LWS_PRE, socket->session.out.len,
                      LWS_WRITE_RAW);
        }
        socket_end(socket);
        socket_free(socket);
    }
    server->is_ended = true;
    server_free(server);
    io_post(server->io, end_later, server);
}
