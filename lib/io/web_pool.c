/* web_pool.c - HTTP requests over connections that are kept; see web.h.
 *
 * A line is one connection, and carries one request at a time.  Sockets and OpenSSL stand on the loop's
 * watches: libwebsockets' client makes a connection a request.  What was asked on a line that had carried
 * another request before, and was closed without a byte of an answer, is asked once more on a new one: the
 * other side had given the line up in that moment. */
#include "web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io_internal.h"
#include "web_reply.h"

#define IDLE_MS       15000 /* less than servers keep a connection: ours 30 s */
#define KEPT_MAX      256   /* lines of all servers; above it none is kept */
#define ADDRESSES_MAX 8
#define READ_LEN      16384

typedef struct server server_t;
typedef struct line line_t;

typedef struct ask {
    server_t *server;
    line_t *line; /* NULL: it waits for one */
    uint8_t *text;
    size_t len;
    bool is_again;
    io_timer_t *deadline;
    web_fetched_t done;
    void *self;
    struct ask *next;
} ask_t;

struct line {
    server_t *server; /* NULL: over, but its name is being looked up */
    uv_getaddrinfo_t lookup;
    bool is_looking, is_used; /* used: it has carried a request */
    enum { LINE_NEW, LINE_CONNECTING, LINE_SHAKING, LINE_UP } state;
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    socklen_t address_lens[ADDRESSES_MAX];
    uint32_t address_count, address_next;
    int fd;
    io_watch_t *watch;
    SSL *tls;
    ask_t *ask;
    size_t sent;
    web_reply_t reply;
    io_timer_t *idle;
    line_t *next, **back;
};

/* One scheme, host and port. */
struct server {
    web_pool_t *pool;
    web_url_t url; /* its path is not looked at */
    line_t *lines;
    uint32_t line_count;
    ask_t *waiting, **waiting_end;
    server_t *next, **back;
};

struct web_pool {
    io_t *io;
    char *ca_file;
    uint32_t lines_max, line_count;
    uint64_t opened;
    SSL_CTX *tls; /* NULL until it is needed */
    server_t *servers;
};

static void serve(server_t *server);
static void line_go_on(line_t *line);

/* ---- requests ---- */

static void ask_end(ask_t *ask, int status, bytes_t body)
{
    if (ask->deadline) io_timer_stop(ask->deadline);
    ask->done(ask->self, status, body);
    free(ask->text);
    free(ask);
}

static void ask_queue(ask_t *ask, bool is_first)
{
    server_t *server = ask->server;
    ask->line        = NULL;
    ask->next        = is_first ? server->waiting : NULL;
    if (!server->waiting) server->waiting_end = &ask->next;
    if (is_first) {
        server->waiting = ask;
        return;
    }
    if (server->waiting)
        *server->waiting_end = ask;
    else
        server->waiting = ask;
    server->waiting_end = &ask->next;
}

static ask_t *ask_unqueue(server_t *server, ask_t *wanted)
{
    for (ask_t **at = &server->waiting; *at; at = &(*at)->next) {
        ask_t *ask = *at;
        if (wanted && ask != wanted) continue;
        *at = ask->next;
        if (!*at) server->waiting_end = at;
        return ask;
    }
    return NULL;
}

/* ---- lines ---- */

static void socket_end(line_t *line)
{
    if (line->watch) io_watch_stop(line->watch);
    if (line->tls) SSL_free(line->tls);
    if (line->fd >= 0) close(line->fd);
    line->watch = NULL;
    line->tls   = NULL;
    line->fd    = -1;
}

/* The line is gone for its server; its memory stays while a name is looked up. */
static void line_end(line_t *line)
{
    socket_end(line);
    if (line->idle) io_timer_stop(line->idle);
    web_reply_fini(&line->reply);
    *line->back = line->next;
    if (line->next) line->next->back = line->back;
    line->server->line_count--;
    line->server->pool->line_count--;
    line->server = NULL;
    line->idle   = NULL;
    if (line->is_looking)
        uv_cancel((uv_req_t *)&line->lookup);
    else
        free(line);
}

static void line_fail(line_t *line, const char *why)
{
    server_t *server = line->server;
    ask_t *ask       = line->ask;
    bool is_stale    = line->is_used && line->reply.status == 0 && line->reply.head_len == 0;
    line_end(line);
    if (ask && is_stale && !ask->is_again) {
        ask->is_again = true;
        ask_queue(ask, true);
        ask = NULL;
    }
    serve(server);
    if (ask) ask_end(ask, 0, bytes_text(why));
}

static void line_idle(void *self)
{
    line_t *line     = self;
    server_t *server = line->server;
    line->idle       = NULL;
    line_end(line);
    serve(server);
}

/* The answer is whole: the line is free for the next, or goes. */
static void line_done(line_t *line, bool is_kept)
{
    server_t *server = line->server;
    ask_t *ask       = line->ask;
    int status       = line->reply.status;
    uint8_t *body    = line->reply.body;
    uint32_t len     = line->reply.body_len;
    line->reply.body = NULL;
    line->ask        = NULL;
    line->is_used    = true;
    web_reply_reset(&line->reply);
    if (is_kept && server->pool->line_count <= KEPT_MAX)
        line->idle = io_timer_start(server->pool->io, IDLE_MS, 0, line_idle, line);
    else
        line_end(line);
    serve(server);
    ask_end(ask, status, (bytes_t){body, len});
    free(body);
}

/* ---- bytes ---- */

enum { BYTES_LATER = -1, BYTES_FAILED = -2 };

static int tls_result(const line_t *line, int result)
{
    int error = SSL_get_error(line->tls, result);
    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? BYTES_LATER : BYTES_FAILED;
}

static int line_read(line_t *line, uint8_t *to, int cap)
{
    if (line->tls) {
        int got = SSL_read(line->tls, to, cap);
        return got > 0 ? got : tls_result(line, got);
    }
    ssize_t got = recv(line->fd, to, (size_t)cap, 0);
    if (got >= 0) return (int)got;
    return errno == EAGAIN || errno == EINTR ? BYTES_LATER : BYTES_FAILED;
}

static int line_write(line_t *line, const uint8_t *from, size_t len)
{
    int most = len > INT32_MAX ? INT32_MAX : (int)len;
    if (line->tls) {
        int put = SSL_write(line->tls, from, most);
        return put > 0 ? put : tls_result(line, put);
    }
    ssize_t put = send(line->fd, from, (size_t)most, MSG_NOSIGNAL);
    if (put >= 0) return (int)put;
    return errno == EAGAIN || errno == EINTR ? BYTES_LATER : BYTES_FAILED;
}

/* False: the line is over. */
static bool write_more(line_t *line)
{
    while (line->ask && line->sent < line->ask->len) {
        int put = line_write(line, line->ask->text + line->sent, line->ask->len - line->sent);
        if (put == BYTES_LATER) break;
        if (put <= 0) {
            line_fail(line, "the connection was lost");
            return false;
        }
        line->sent += (size_t)put;
    }
    bool is_waiting = line->ask && line->sent < line->ask->len;
    io_watch_want(line->watch, IO_READABLE | (is_waiting ? IO_WRITABLE : 0));
    return true;
}

static void read_more(line_t *line)
{
    uint8_t room[READ_LEN];
    for (;;) {
        int got = line_read(line, room, sizeof room);
        if (got == BYTES_LATER) return;
        if (got <= 0) {
            if (got == 0 && line->ask && web_reply_end(&line->reply))
                line_done(line, false);
            else
                line_fail(line, "the connection was lost");
            return;
        }
        bytes_t in = {room, (uint32_t)got};
        web_reply_status_t status =
            line->ask ? web_reply_take(&line->reply, &in) : WEB_REPLY_MALFORMED; /* nobody asked */
        if (status == WEB_REPLY_MALFORMED) {
            line_fail(line, "not an answer of HTTP");
            return;
        }
        if (status == WEB_REPLY_MORE) continue;
        line_done(line, line->reply.is_kept && in.len == 0 && line->sent == line->ask->len);
        return;
    }
}

/* ---- connecting ---- */

static void connect_next(line_t *line);

static SSL_CTX *tls_of(web_pool_t *pool)
{
    if (pool->tls) return pool->tls;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (!tls) return NULL;
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    bool is_good = SSL_CTX_set_default_verify_paths(tls) == 1 &&
                   (!pool->ca_file || SSL_CTX_load_verify_locations(tls, pool->ca_file, NULL) == 1);
    ERR_clear_error();
    if (is_good) return pool->tls = tls;
    SSL_CTX_free(tls);
    return NULL;
}

static bool tls_begin(line_t *line)
{
    static const uint8_t alpn[] = "\x08http/1.1";
    char *host                  = line->server->url.host; /* OpenSSL's macro casts const away */
    SSL_CTX *tls                = tls_of(line->server->pool);
    uint8_t address[16];
    bool is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    line->tls       = tls ? SSL_new(tls) : NULL;
    if (!line->tls || SSL_set_fd(line->tls, line->fd) != 1) return false;
    SSL_set_connect_state(line->tls);
    if (SSL_set_alpn_protos(line->tls, alpn, sizeof alpn - 1) != 0) return false;
    if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(line->tls), host) == 1;
    SSL_set_hostflags(line->tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(line->tls, host) == 1 && SSL_set1_host(line->tls, host) == 1;
}

static void shake(line_t *line)
{
    int result = SSL_do_handshake(line->tls);
    if (result == 1) {
        line->state = LINE_UP;
        line_go_on(line);
        return;
    }
    int error   = SSL_get_error(line->tls, result);
    long verify = SSL_get_verify_result(line->tls);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        io_watch_want(line->watch, error == SSL_ERROR_WANT_READ ? IO_READABLE : IO_WRITABLE);
    else
        line_fail(line, verify == X509_V_OK ? "no TLS" : X509_verify_cert_error_string(verify));
}

static void connected(line_t *line)
{
    int error           = 0;
    socklen_t error_len = sizeof error;
    if (getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0 || error != 0) {
        connect_next(line);
        return;
    }
    line->server->pool->opened++;
    if (!line->server->url.is_secure) {
        line->state = LINE_UP;
        line_go_on(line);
    } else if (tls_begin(line)) {
        line->state = LINE_SHAKING;
        shake(line);
    } else {
        line_fail(line, "TLS cannot start: is the CA file readable?");
    }
}

static void on_ready(void *self, uint32_t ready)
{
    line_t *line = self;
    (void)ready;
    switch (line->state) {
    case LINE_NEW: break;
    case LINE_CONNECTING: connected(line); break;
    case LINE_SHAKING: shake(line); break;
    case LINE_UP: line_go_on(line); break;
    }
}

/* What a line that is up does next. */
static void line_go_on(line_t *line)
{
    if (write_more(line)) read_more(line);
}

static void connect_next(line_t *line)
{
    int one = 1;
    socket_end(line);
    while (line->address_next < line->address_count) {
        uint32_t i  = line->address_next++;
        line->state = LINE_CONNECTING;
        line->fd    = socket(line->addresses[i].ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (line->fd < 0) continue;
        (void)setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        bool is_begun =
            connect(line->fd, (struct sockaddr *)&line->addresses[i], line->address_lens[i]) == 0 ||
            errno == EINPROGRESS;
        if (is_begun)
            line->watch = io_watch_start(line->server->pool->io, line->fd, IO_WRITABLE, on_ready, line);
        if (line->watch) return;
        socket_end(line);
    }
    line_fail(line, line->address_count ? "cannot connect" : "no such host");
}

static void looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    line_t *line     = lookup->data;
    line->is_looking = false;
    if (!line->server) {
        uv_freeaddrinfo(found);
        free(line);
        return;
    }
    for (struct addrinfo *at = found; status == 0 && at; at = at->ai_next) {
        if (line->address_count == ADDRESSES_MAX || at->ai_addrlen > sizeof line->addresses[0]) break;
        memcpy(&line->addresses[line->address_count], at->ai_addr, at->ai_addrlen);
        line->address_lens[line->address_count++] = at->ai_addrlen;
    }
    uv_freeaddrinfo(found);
    connect_next(line);
}

static void not_looked_up(void *self) { looked_up(&((line_t *)self)->lookup, UV_EAI_FAIL, NULL); }

static line_t *line_new(server_t *server)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char port[8];
    line_t *line      = must(calloc(1, sizeof *line));
    line->server      = server;
    line->fd          = -1;
    line->next        = server->lines;
    line->back        = &server->lines;
    line->lookup.data = line;
    if (line->next) line->next->back = &line->next;
    server->lines = line;
    server->line_count++;
    server->pool->line_count++;
    snprintf(port, sizeof port, "%u", server->url.port);
    line->is_looking = true;
    if (uv_getaddrinfo(&server->pool->io->loop, &line->lookup, looked_up, server->url.host, port, &hints) !=
        0)
        io_post(server->pool->io, not_looked_up, line);
    return line;
}

/* ---- servers ---- */

static void server_free(server_t *server)
{
    *server->back = server->next;
    if (server->next) server->next->back = server->back;
    free(server);
}

static void give(line_t *line, ask_t *ask)
{
    if (line->idle) io_timer_stop(line->idle);
    line->idle = NULL;
    line->ask  = ask;
    line->sent = 0;
    ask->line  = line;
    if (line->state != LINE_UP) return;
    int put    = line_write(line, ask->text, ask->len);
    line->sent = put > 0 ? (size_t)put : 0; /* what went wrong is seen when the watch calls */
    io_watch_want(line->watch, IO_READABLE | (line->sent < ask->len ? IO_WRITABLE : 0));
}

/* Gives what waits to lines that are free, and new ones; a server without lines and requests goes. */
static void serve(server_t *server)
{
    while (server->waiting) {
        line_t *line = server->lines;
        bool is_new = server->waiting->is_again; /* others may have been given up with the line that failed */
        while (line && (is_new || line->ask))
            line = line->next;
        if (!line && server->line_count >= server->pool->lines_max) break;
        if (!line) line = line_new(server);
        give(line, ask_unqueue(server, NULL));
    }
    if (!server->lines && !server->waiting) server_free(server);
}

static server_t *server_get(web_pool_t *pool, const web_url_t *url)
{
    server_t *server = pool->servers;
    while (server && (server->url.port != url->port || server->url.is_secure != url->is_secure ||
                      strcmp(server->url.host, url->host) != 0))
        server = server->next;
    if (server) return server;
    server              = must(calloc(1, sizeof *server));
    server->pool        = pool;
    server->url         = *url;
    server->waiting_end = &server->waiting;
    server->next        = pool->servers;
    server->back        = &pool->servers;
    if (server->next) server->next->back = &server->next;
    return pool->servers = server;
}

/* ---- the pool ---- */

static void too_late(void *self)
{
    ask_t *ask       = self;
    server_t *server = ask->server;
    ask->deadline    = NULL;
    if (ask->line)
        line_end(ask->line);
    else
        (void)ask_unqueue(server, ask);
    serve(server);
    ask_end(ask, 0, BYTES("no answer in time"));
}

static void ask_write(ask_t *ask, const char *method, const web_url_t *url, const char *content_type,
                      bytes_t body)
{
    char head[sizeof url->path + sizeof url->host + 512], port[8] = "";
    bool is_v6 = strchr(url->host, ':') != NULL;
    if (url->port != (url->is_secure ? 443 : 80)) snprintf(port, sizeof port, ":%u", url->port);
    int len =
        snprintf(head, sizeof head,
                 "%.15s %s HTTP/1.1\r\nHost: %s%s%s%s\r\nContent-Type: %.100s\r\nContent-Length: %u\r\n\r\n",
                 method, url->path, is_v6 ? "[" : "", url->host, is_v6 ? "]" : "", port,
                 content_type ? content_type : "application/octet-stream", body.len);
    ask->len  = (size_t)len + body.len;
    ask->text = must(malloc(ask->len));
    memcpy(ask->text, head, (size_t)len);
    if (body.len) memcpy(ask->text + len, body.data, body.len);
}

web_pool_t *web_pool_new(io_t *io, const char *ca_file, uint32_t lines_max)
{
    web_pool_t *pool = must(calloc(1, sizeof *pool));
    pool->io         = io;
    pool->ca_file    = ca_file ? must(strdup(ca_file)) : NULL;
    pool->lines_max  = lines_max;
    return pool;
}

bool web_pool_fetch(web_pool_t *pool, const char *method, const char *url, const char *content_type,
                    bytes_t body, uint32_t timeout_ms, web_fetched_t done, void *self)
{
    web_url_t parts;
    if (!web_url_decode(url, &parts) || strncmp(parts.scheme, "http", 4) != 0) return false;
    server_t *server = server_get(pool, &parts);
    ask_t *ask       = must(calloc(1, sizeof *ask));
    *ask             = (ask_t){.server = server, .done = done, .self = self};
    ask_write(ask, method, &parts, content_type, body);
    ask->deadline = io_timer_start(pool->io, timeout_ms, 0, too_late, ask);
    ask_queue(ask, false);
    serve(server);
    return true;
}

uint64_t web_pool_opened(const web_pool_t *pool) { return pool->opened; }

void web_pool_free(web_pool_t *pool)
{
    if (!pool) return;
    ask_t *asks = NULL, *ask;
    while (pool->servers) {
        server_t *server = pool->servers;
        while (server->lines) {
            ask = server->lines->ask;
            line_end(server->lines);
            if (!ask) continue;
            ask->next = asks;
            asks      = ask;
        }
        while ((ask = ask_unqueue(server, NULL)) != NULL) {
            ask->next = asks;
            asks      = ask;
        }
        server_free(server);
    }
    while ((ask = asks) != NULL) {
        asks = ask->next;
        ask_end(ask, 0, BYTES("stopped"));
    }
    if (pool->tls) SSL_CTX_free(pool->tls);
    free(pool->ca_file);
    free(pool);
}
