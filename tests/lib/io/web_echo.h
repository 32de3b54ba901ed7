/* web_echo.h - a server that echoes, a client, and raw sockets towards it, on one loop.
 *
 * A test file includes it once; not every one needs all of it. */
#ifndef WEB_ECHO_H
#define WEB_ECHO_H
#include "io.h"
#include "test.h"
#include "web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wunused-function"

/* ---- a server that echoes ---- */

typedef struct {
    io_t *io;
    web_server_t *server;
    int opened, closed, drained, gone, refused;
    web_request_t *held;
    bool is_held;
    web_session_t *later; /* an upgrade that waits */
    char path[64], query[128], agent[64], custom[64];
} echo_t;

static void on_request(void *self, web_request_t *request, const web_head_t *head, bytes_t body)
{
    echo_t *echo      = self;
    const char *agent = web_head_header(head, "user-agent"), *custom = web_head_header(head, "x-custom");
    snprintf(echo->path, sizeof echo->path, "%s", head->path);
    snprintf(echo->query, sizeof echo->query, "%s", head->query);
    snprintf(echo->agent, sizeof echo->agent, "%s", agent ? agent : "none");
    snprintf(echo->custom, sizeof echo->custom, "%s", custom ? custom : "none");
    if (strcmp(head->path, "/held") == 0) {
        echo->held    = request;
        echo->is_held = true;
        return;
    }
    if (strcmp(head->path, "/method") == 0) {
        web_answer(request, 200, "text/plain", NULL, bytes_text(head->method));
        return;
    }
    web_answer(request, strcmp(head->path, "/missing") == 0 ? 404 : 200, "text/plain", "X-More: yes\r\n",
               body);
}
static void on_request_gone(void *self, web_request_t *request)
{
    echo_t *echo = self;
    echo->gone++;
    if (echo->held == request) echo->held = NULL;
}
static int on_upgrade(void *self, const web_head_t *head, void **session_self)
{
    echo_t *echo = self;
    if (strcmp(head->query, "token=wrong") == 0) return 401;
    snprintf(echo->query, sizeof echo->query, "%s", head->query);
    *session_self = echo;
    if (strcmp(head->query, "later") != 0) return 101;
    echo->later = head->session;
    return WEB_LATER;
}
static void on_refused(void *self, void *session_self)
{
    echo_t *echo = self;
    if (session_self == echo) echo->refused++;
}
static void on_open(void *self, web_session_t *session)
{
    echo_t *echo = self;
    if (web_session_self(session) == echo) echo->opened++;
}
static void on_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    (void)self;
    if (bytes_equal(message, BYTES("close me")))
        web_close(session, 1008, "as you wish");
    else
        web_send(session, message, is_text);
}
static void on_close(void *self, web_session_t *session)
{
    (void)session;
    ((echo_t *)self)->closed++;
}
static void on_drained(void *self, web_session_t *session)
{
    (void)session;
    ((echo_t *)self)->drained++;
}

static bool echo_start(echo_t *echo, web_listen_t listen)
{
    const char *error = "";
    if (!listen.address) listen.address = "127.0.0.1";
    web_handler_t handler = {.self            = echo,
                             .on_request      = on_request,
                             .on_request_gone = on_request_gone,
                             .on_upgrade      = on_upgrade,
                             .on_refused      = on_refused,
                             .on_open         = on_open,
                             .on_message      = on_message,
                             .on_drained      = on_drained,
                             .on_close        = on_close};
    memset(echo, 0, sizeof *echo);
    echo->io     = io_new();
    echo->server = web_listen(echo->io, &listen, &handler, &error);
    if (!echo->server) printf("cannot listen: %s\n", error);
    return echo->server != NULL;
}
static void echo_stop(echo_t *echo)
{
    web_server_free(echo->server);
    io_free(echo->io);
}

/* ---- a client ---- */

typedef struct {
    web_session_t *session;
    bool is_open, is_closed, has_message, is_done;
    int status, received, wanted;
    char reason[256];
    uint8_t *message;
    uint32_t len;
    bool is_text;
} voice_t;

static void voice_open(void *self, web_session_t *session)
{
    voice_t *voice = self;
    voice->session = session;
    voice->is_open = true;
}
static void voice_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    (void)session;
    voice_t *voice = self;
    voice->message = realloc(voice->message, message.len + 1);
    if (message.len) memcpy(voice->message, message.data, message.len);
    voice->len         = message.len;
    voice->is_text     = is_text;
    voice->has_message = true;
    voice->is_done     = ++voice->received >= voice->wanted;
}
static void voice_close(void *self, web_session_t *session, int status, const char *reason)
{
    (void)session;
    voice_t *voice   = self;
    voice->is_closed = true;
    voice->status    = status;
    snprintf(voice->reason, sizeof voice->reason, "%s", reason);
}
static web_session_t *voice_start(echo_t *echo, voice_t *voice, const char *scheme, const char *host,
                                  const char *rest, const char *ca)
{
    char url[512];
    web_client_handler_t handler = {
        .self = voice, .on_open = voice_open, .on_message = voice_message, .on_close = voice_close};
    memset(voice, 0, sizeof *voice);
    snprintf(url, sizeof url, "%s://%s:%u%s", scheme, host, web_server_port(echo->server), rest);
    return web_connect(echo->io, url, ca, 32u << 20, &handler);
}

/* ---- raw sockets ---- */

static int raw_connect(echo_t *echo)
{
    struct sockaddr_in to = {.sin_family      = AF_INET,
                             .sin_port        = htons(web_server_port(echo->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd                = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return -1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* raw_read turns the loop until the other side closed, the text holds `until`, or it takes too long. */
static bool raw_read(echo_t *echo, int fd, char *text, size_t cap, const char *until)
{
    size_t len = 0;
    for (uint64_t end = io_ticks_ms(echo->io) + 5000; io_ticks_ms(echo->io) < end;) {
        io_step(echo->io, 5);
        ssize_t got = read(fd, text + len, cap - len - 1);
        if (got > 0) len += (size_t)got;
        text[len] = 0;
        if (until && strstr(text, until)) return true;
        if (got == 0 || (got < 0 && errno != EAGAIN)) return !until;
    }
    printf("raw: %s\n", text);
    return false;
}

static bool raw_write(int fd, const char *text)
{
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

#endif
