/* redis_server.c - see redis_server.h. */
#define _GNU_SOURCE
#include "redis_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define READ_LEN 65536
#define TICK_MS  200
#define BACKLOG  64
#define KEPT_LEN 65536 /* larger buffers are given back when they are empty */
#define PORT     "6379"

typedef struct socket {
    redis_server_t *server;
    int fd;
    io_watch_t *watch;
    redis_client_t *client;
    bus_writer_t in, out;
    uint32_t written;
    bool is_last;   /* closed when the answer is out */
    bool is_queued; /* to be gone on with */
    struct socket *next, **back, *queued_next;
} socket_t;

struct redis_server {
    io_t *io;
    redis_t *redis;
    void (*on_queue)(void *self, bool is_reply, bytes_t value);
    void *self;
    int fd;
    io_watch_t *watch;
    io_timer_t *tick_timer, *go_timer;
    socket_t *sockets, *queued;
    uint32_t count;
    uint64_t input_len;
    char path[108];
};

/* ---- a client ---- */

static void socket_close(socket_t *socket)
{
    redis_server_t *server = socket->server;
    for (socket_t **at = &server->queued; *at; at = &(*at)->queued_next) {
        if (*at != socket) continue;
        *at = socket->queued_next;
        break;
    }
    io_watch_stop(socket->watch);
    (void)close(socket->fd);
    redis_client_free(socket->client);
    server->input_len -= socket->in.len;
    server->count--;
    *socket->back = socket->next;
    if (socket->next) socket->next->back = socket->back;
    bus_writer_fini(&socket->in);
    bus_writer_fini(&socket->out);
    free(socket);
}

static void want(socket_t *socket)
{
    uint32_t unread = socket->out.len - socket->written;
    bool may_read   = !socket->is_last && unread < REDIS_OUTPUT_MAX / 10 && socket->in.len < RESP_COMMAND_MAX;
    io_watch_want(socket->watch, (may_read ? IO_READABLE : 0) | (unread ? IO_WRITABLE : 0));
}

/* False: it is gone. */
static bool write_out(socket_t *socket)
{
    while (socket->written < socket->out.len) {
        ssize_t len = send(socket->fd, socket->out.data + socket->written, socket->out.len - socket->written,
                           MSG_NOSIGNAL);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (len <= 0) {
            socket_close(socket);
            return false;
        }
        socket->written += (uint32_t)len;
    }
    if (socket->written < socket->out.len) return true;
    socket->written = 0;
    bus_writer_reset(&socket->out);
    if (socket->out.cap > KEPT_LEN) bus_writer_fini(&socket->out);
    if (!socket->is_last) return true;
    socket_close(socket);
    return false;
}

/* Does what is whole, as long as the answers are read. */
static void commands(socket_t *socket)
{
    uint32_t at = 0, used, before = socket->in.len;
    while (!socket->is_last && !redis_is_waiting(socket->client) &&
           socket->out.len - socket->written < REDIS_OUTPUT_MAX / 10) {
        resp_command_t command;
        resp_status_t status =
            resp_read((bytes_t){socket->in.data + at, socket->in.len - at}, &command, &used);
        if (status == RESP_MORE) break;
        if (status == RESP_MALFORMED) {
            resp_error(&socket->out, "ERR Protocol error: not a command, or one that is too long");
            socket->is_last = true;
            break;
        }
        if (command.count && !redis_command(socket->client, &command, &socket->out)) socket->is_last = true;
        at += used;
    }
    if (at) memmove(socket->in.data, socket->in.data + at, socket->in.len - at);
    socket->in.len -= at;
    socket->server->input_len -= before - socket->in.len;
    if (socket->in.len == 0 && socket->in.cap > KEPT_LEN) bus_writer_fini(&socket->in);
}

static void go_on(socket_t *socket)
{
    commands(socket);
    if (write_out(socket)) want(socket);
}

/* False: it is gone. */
static bool read_in(socket_t *socket)
{
    static uint8_t room[READ_LEN];
    redis_server_t *server = socket->server;
    ssize_t len            = recv(socket->fd, room, sizeof room, 0);
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return true;
    if (len <= 0 || server->input_len + (uint64_t)len > REDIS_INPUT_MAX) {
        if (len > 0)
            log_warn(LOG_PEER, "a local program sends too much", LOG_U64("waiting", server->input_len));
        socket_close(socket);
        return false;
    }
    bus_writer_add(&socket->in, room, (uint32_t)len);
    server->input_len += (uint64_t)len;
    return true;
}

static void on_ready(void *self, uint32_t ready)
{
    socket_t *socket = self;
    if ((ready & IO_READABLE) && !read_in(socket)) return;
    go_on(socket);
}

/* ---- answers that come later ---- */

static void go_all(void *self)
{
    redis_server_t *server = self;
    server->go_timer       = NULL;
    while (server->queued) {
        socket_t *socket  = server->queued;
        server->queued    = socket->queued_next;
        socket->is_queued = false;
        go_on(socket);
    }
}

static void on_answer(void *self, void *link)
{
    redis_server_t *server = self;
    socket_t *socket       = link;
    if (socket->is_queued) return;
    socket->is_queued   = true;
    socket->queued_next = server->queued;
    server->queued      = socket;
    if (!server->go_timer) server->go_timer = io_timer_start(server->io, 0, 0, go_all, server);
}

static void on_queue(void *self, bool is_reply, bytes_t value)
{
    redis_server_t *server = self;
    server->on_queue(server->self, is_reply, value);
}

static uint64_t now_ms(void *self) { return io_now_ms(((const redis_server_t *)self)->io); }
static void tick(void *self) { redis_tick(((const redis_server_t *)self)->redis); }

/* ---- the listener ---- */

static void on_connect(void *self, uint32_t ready)
{
    redis_server_t *server = self;
    (void)ready;
    int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    if (server->count >= REDIS_CLIENTS_MAX) {
        static const char text[] = "-ERR max number of clients reached\r\n";
        (void)!send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
        (void)close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    socket_t *socket = calloc(1, sizeof *socket);
    socket->server   = server;
    socket->fd       = fd;
    socket->client   = redis_client_new(server->redis, socket);
    socket->next     = server->sockets;
    socket->back     = &server->sockets;
    if (socket->next) socket->next->back = &socket->next;
    server->sockets = socket;
    server->count++;
    socket->watch = io_watch_start(server->io, fd, IO_READABLE, on_ready, socket);
    assert(socket->watch);
}

static int listen_unix(redis_server_t *server, const char *path, const char **error)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    *error                = "the path is too long";
    if (strlen(path) >= sizeof at.sun_path) return -1;
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    struct stat old;
    if (lstat(path, &old) == 0 && S_ISSOCK(old.st_mode)) (void)unlink(path);
    int fd        = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *error        = "the socket cannot be made";
    mode_t mask   = umask(0077); /* whoever opens it speaks for the twin */
    bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    (void)umask(mask);
    if (is_bound) snprintf(server->path, sizeof server->path, "%s", path);
    if (is_bound && listen(fd, BACKLOG) == 0) return fd;
    if (fd >= 0) (void)close(fd);
    return -1;
}

static bool is_loopback(const struct sockaddr *at)
{
    if (at->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)at)->sin_addr.s_addr) >> 24 == 127;
    return at->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)at)->sin6_addr);
}

static int listen_tcp(const char *host, const char *port, bool has_password, const char **error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int fd = -1, on = 1;
    *error = "no such address";
    if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        *error = "others than this machine could speak for the twin: give a password";
        if (!has_password && !is_loopback(at->ai_addr)) continue;
        *error = "the address is taken or not ours";
        fd     = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) break;
        (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static int listen_at(redis_server_t *server, const char *url, bool has_password, const char **error)
{
    char host[256], port[8] = PORT;
    if (strncmp(url, "unix://", 7) == 0) return listen_unix(server, url + 7, error);
    if (strncmp(url, "redis://", 8) == 0) url += 8;
    size_t len        = strcspn(url, "/");
    const char *colon = memrchr(url, ':', len), *end = url + len;
    bool is_six = url[0] == '[' && memchr(url, ']', len);
    if (is_six && colon && colon[-1] != ']') colon = NULL;
    size_t host_len = colon ? (size_t)(colon - url) : len;
    *error          = "it is HOST:PORT, redis://HOST:PORT or unix:///PATH";
    if (host_len >= sizeof host || host_len == 0 || memchr(url, '@', len)) return -1;
    if (colon && (end - colon < 2 || end - colon > 6)) return -1;
    if (colon) snprintf(port, sizeof port, "%.*s", (int)(end - colon - 1), colon + 1);
    if (port[strspn(port, "0123456789")]) return -1;
    snprintf(host, sizeof host, "%.*s", (int)host_len - 2 * is_six, url + is_six);
    return listen_tcp(host, port, has_password, error);
}

redis_server_t *redis_server_new(io_t *io, const char *url, const char *password,
                                 void (*on_queue_fn)(void *self, bool is_reply, bytes_t value), void *self,
                                 const char **error)
{
    redis_server_t *server = calloc(1, sizeof *server);
    redis_ops_t ops        = {server, now_ms, on_queue, on_answer};
    server->io             = io;
    server->on_queue       = on_queue_fn;
    server->self           = self;
    server->fd             = listen_at(server, url, password && *password, error);
    if (server->fd < 0) {
        free(server);
        return NULL;
    }
    server->redis      = redis_new(&ops, password);
    server->watch      = io_watch_start(io, server->fd, IO_READABLE, on_connect, server);
    server->tick_timer = io_timer_start(io, TICK_MS, TICK_MS, tick, server);
    assert(server->watch);
    return server;
}

redis_t *redis_server_table(redis_server_t *server) { return server->redis; }
uint32_t redis_server_clients(const redis_server_t *server) { return server->count; }

uint16_t redis_server_port(const redis_server_t *server)
{
    struct sockaddr_storage at = {0};
    socklen_t len              = sizeof at;
    if (getsockname(server->fd, (struct sockaddr *)&at, &len) != 0) return 0;
    if (at.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)(void *)&at)->sin_port);
    return at.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)(void *)&at)->sin6_port) : 0;
}

void redis_server_free(redis_server_t *server)
{
    if (!server) return;
    while (server->sockets)
        socket_close(server->sockets);
    if (server->go_timer) io_timer_stop(server->go_timer);
    io_timer_stop(server->tick_timer);
    io_watch_stop(server->watch);
    (void)close(server->fd);
    if (server->path[0]) (void)unlink(server->path);
    redis_free(server->redis);
    free(server);
}
