/* test_web.c - the edge over real loopback sockets: sessions, requests, limits, TLS, and hostile clients. */
#include "io.h"
#include "test.h"
#include "web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

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

TEST(a_message_comes_back)
{
    echo_t echo;
    voice_t voice;
    OK(echo_start(&echo, (web_listen_t){0}));
    OK(voice_start(&echo, &voice, "ws", "localhost", "/path?token=right&x=1", NULL));
    OK(io_wait(echo.io, &voice.is_open, 5000));
    EQ(echo.opened, 1);
    OK(strcmp(echo.query, "token=right&x=1") == 0);
    OK(web_send(voice.session, BYTES("hello"), true));
    OK(io_wait(echo.io, &voice.has_message, 5000));
    EQ(voice.len, 5);
    OK(memcmp(voice.message, "hello", 5) == 0 && voice.is_text);
    voice.has_message = false;
    OK(web_send(voice.session, (bytes_t){0}, false));
    OK(io_wait(echo.io, &voice.has_message, 5000));
    EQ(voice.len, 0);
    OK(!voice.is_text);
    web_close(voice.session, 1000, "bye");
    OK(io_wait(echo.io, &voice.is_closed, 5000));
    while (echo.closed == 0)
        io_step(echo.io, 100);
    EQ(web_server_stats(echo.server).sessions, 0);
    free(voice.message);
    echo_stop(&echo);
}

TEST(sixteen_mebibytes_go_both_ways)
{
    echo_t echo;
    voice_t voice;
    OK(echo_start(&echo, (web_listen_t){0}));
    OK(voice_start(&echo, &voice, "ws", "127.0.0.1", "/", NULL));
    OK(io_wait(echo.io, &voice.is_open, 5000));
    uint32_t len  = 16u << 20;
    uint8_t *data = malloc(len);
    for (uint32_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    OK(web_send(voice.session, (bytes_t){data, len}, false));
    OK(web_queued(voice.session) >= len);
    OK(io_wait(echo.io, &voice.has_message, 30000));
    EQ(voice.len, len);
    OK(memcmp(voice.message, data, len) == 0);
    OK(echo.drained > 0);
    OK(web_send(voice.session, BYTES("small"), true));
    voice.has_message = false;
    OK(io_wait(echo.io, &voice.has_message, 5000));
    EQ(voice.len, 5);
    uint8_t *more = calloc(1, len + 1);
    OK(web_send(voice.session, (bytes_t){more, len + 1}, false));
    OK(io_wait(echo.io, &voice.is_closed, 5000));
    OK(strstr(voice.reason, "1009") != NULL);
    free(more);
    free(data);
    free(voice.message);
    echo_stop(&echo);
}

TEST(a_thousand_sessions_at_once)
{
    enum { COUNT = 1000 };
    static voice_t voices[COUNT];
    echo_t echo;
    OK(echo_start(&echo, (web_listen_t){.limits = {.sessions = COUNT}}));
    for (int i = 0; i < COUNT; i++)
        OK(voice_start(&echo, &voices[i], "ws", "127.0.0.1", "/", NULL));
    for (int i = 0; i < COUNT; i++)
        OK(io_wait(echo.io, &voices[i].is_open, 30000));
    EQ(echo.opened, COUNT);
    EQ(web_server_stats(echo.server).sessions, COUNT);
    for (int i = 0; i < COUNT; i++) {
        voices[i].wanted = 3;
        for (uint32_t k = 0; k < 3; k++) {
            char text[32];
            snprintf(text, sizeof text, "%d/%u", i, k);
            OK(web_send(voices[i].session, bytes_text(text), true));
        }
    }
    for (int i = 0; i < COUNT; i++) {
        char text[32];
        OK(io_wait(echo.io, &voices[i].is_done, 30000));
        snprintf(text, sizeof text, "%d/2", i);
        OK(bytes_equal((bytes_t){voices[i].message, voices[i].len}, bytes_text(text)));
        free(voices[i].message);
    }
    voice_t one;
    OK(voice_start(&echo, &one, "ws", "127.0.0.1", "/", NULL));
    OK(io_wait(echo.io, &one.is_closed, 5000));
    EQ(one.status, 503);
    echo_stop(&echo);
}

TEST(an_upgrade_is_refused_with_a_status)
{
    echo_t echo;
    voice_t voice;
    OK(echo_start(&echo, (web_listen_t){.origins = "https://ours.example"}));
    OK(voice_start(&echo, &voice, "ws", "127.0.0.1", "/?token=wrong", NULL));
    OK(io_wait(echo.io, &voice.is_closed, 5000));
    EQ(voice.status, 401);
    OK(strcmp(voice.reason, "refused: 401") == 0);
    EQ(echo.opened, 0);
    EQ(web_server_stats(echo.server).refused, 1);
    echo_stop(&echo);
}

TEST(the_server_closes_with_a_code_and_goes_with_another)
{
    echo_t echo;
    voice_t voice, other;
    OK(echo_start(&echo, (web_listen_t){0}));
    OK(voice_start(&echo, &voice, "ws", "127.0.0.1", "/", NULL));
    OK(voice_start(&echo, &other, "ws", "127.0.0.1", "/", NULL));
    OK(io_wait(echo.io, &voice.is_open, 5000));
    OK(io_wait(echo.io, &other.is_open, 5000));
    OK(web_send(voice.session, BYTES("close me"), true));
    OK(io_wait(echo.io, &voice.is_closed, 5000));
    OK(strstr(voice.reason, "1008 as you wish") != NULL);
    web_server_free(echo.server);
    EQ(echo.closed, 2);
    OK(io_wait(echo.io, &other.is_closed, 5000));
    OK(strstr(other.reason, "1001") != NULL);
    io_free(echo.io);
    free(voice.message);
}

TEST(nobody_is_there)
{
    io_t *io      = io_new();
    voice_t voice = {0}, unknown = {0};
    web_client_handler_t handler = {
        .self = &voice, .on_open = voice_open, .on_message = voice_message, .on_close = voice_close};
    OK(web_connect(io, "ws://127.0.0.1:1/", NULL, 0, &handler));
    handler.self = &unknown;
    OK(web_connect(io, "ws://no-such-host.invalid/", NULL, 0, &handler));
    OK(!web_connect(io, "http://127.0.0.1:1/", NULL, 0, &handler));
    OK(!web_connect(io, "ws://127.0.0.1:99999/", NULL, 0, &handler));
    OK(io_wait(io, &voice.is_closed, 10000));
    OK(io_wait(io, &unknown.is_closed, 10000));
    OK(!voice.is_open && voice.reason[0]);
    web_session_t *left = web_connect(io, "ws://127.0.0.1:1/", NULL, 0, &handler);
    web_session_free(left);
    web_connect(io, "ws://127.0.0.1:1/", NULL, 0, &handler);
    io_free(io);
}

/* ---- requests ---- */

typedef struct {
    bool is_done;
    int status;
    char body[256];
    uint32_t len;
} answer_t;
static void fetched(void *self, int status, bytes_t body)
{
    answer_t *answer = self;
    answer->is_done  = true;
    answer->status   = status;
    answer->len      = body.len;
    snprintf(answer->body, sizeof answer->body, "%.*s", (int)body.len, (const char *)body.data);
}
static bool fetch(echo_t *echo, const char *method, const char *rest, bytes_t body, answer_t *answer)
{
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", web_server_port(echo->server), rest);
    memset(answer, 0, sizeof *answer);
    return web_fetch(echo->io, method, url, NULL, "text/plain", body, 5000, fetched, answer) &&
           io_wait(echo->io, &answer->is_done, 6000);
}

TEST(a_request_is_answered)
{
    echo_t echo;
    answer_t answer;
    OK(echo_start(&echo, (web_listen_t){.limits = {.body_len = 1u << 20}}));
    OK(fetch(&echo, "POST", "/a/b?c=d&e=f", BYTES("the body"), &answer));
    EQ(answer.status, 200);
    OK(strcmp(answer.body, "the body") == 0);
    OK(strcmp(echo.path, "/a/b") == 0 && strcmp(echo.query, "c=d&e=f") == 0);
    OK(fetch(&echo, "GET", "/missing", (bytes_t){0}, &answer));
    EQ(answer.status, 404);
    OK(fetch(&echo, "GET", "/method", (bytes_t){0}, &answer));
    OK(strcmp(answer.body, "GET") == 0);
    uint8_t *large = malloc(1u << 20);
    memset(large, 'x', 1u << 20);
    OK(fetch(&echo, "POST", "/", (bytes_t){large, 1u << 20}, &answer));
    EQ(answer.status, 200);
    EQ(answer.len, 1u << 20);
    free(large);
    EQ(web_server_stats(echo.server).requests, 4);
    echo_stop(&echo);
}

static void answer_held(void *self)
{
    echo_t *echo = self;
    web_answer(echo->held, 202, NULL, NULL, (bytes_t){0});
    echo->held = NULL;
}

TEST(an_answer_may_come_later)
{
    echo_t echo;
    answer_t answer = {0};
    char url[256];
    OK(echo_start(&echo, (web_listen_t){0}));
    snprintf(url, sizeof url, "http://127.0.0.1:%u/held", web_server_port(echo.server));
    OK(web_fetch(echo.io, "GET", url, NULL, NULL, (bytes_t){0}, 5000, fetched, &answer));
    OK(io_wait(echo.io, &echo.is_held, 5000));
    io_timer_start(echo.io, 1, 0, answer_held, &echo);
    OK(io_wait(echo.io, &answer.is_done, 5000));
    EQ(answer.status, 202);
    echo_stop(&echo);
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

TEST(one_socket_carries_many_requests)
{
    echo_t echo;
    char text[4096];
    OK(echo_start(&echo, (web_listen_t){0}));
    int fd = raw_connect(&echo);
    OK(raw_write(
        fd,
        "POST /1 HTTP/1.1\r\nHost: x\r\nUser-Agent: me\r\nX-Custom: mine\r\nContent-Length: 3\r\n\r\none"));
    OK(raw_read(&echo, fd, text, sizeof text, "\r\n\r\none"));
    OK(strstr(text, "Connection: keep-alive") != NULL && strstr(text, "X-More: yes") != NULL);
    OK(strcmp(echo.path, "/1") == 0 && strcmp(echo.agent, "me") == 0 && strcmp(echo.custom, "mine") == 0);
    OK(raw_write(fd, "GET /method HTTP/1.1\r\nHost: x\r\n\r\n"));
    OK(raw_read(&echo, fd, text, sizeof text, "GET"));
    OK(strcmp(echo.custom, "none") == 0);
    OK(raw_write(fd, "POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"));
    OK(raw_write(fd, "\r\nth"));
    io_step(echo.io, 10);
    OK(raw_write(fd, "ree"));
    OK(raw_read(&echo, fd, text, sizeof text, "three"));
    OK(raw_write(fd, "POST /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfour"));
    OK(raw_read(&echo, fd, text, sizeof text, NULL));
    OK(strstr(text, "Connection: close") != NULL && strstr(text, "four") != NULL);
    EQ(web_server_stats(echo.server).requests, 4);
    close(fd);
    echo_stop(&echo);
}

TEST(a_second_request_behind_the_first_is_not_mixed_with_it)
{
    static const char *const pairs[] = {
        "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nonePOST /2 HTTP/1.1\r\nHost: "
        "x\r\nContent-Length: 3\r\n\r\ntwo",
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo",
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    echo_t echo;
    char text[4096];
    OK(echo_start(&echo, (web_listen_t){.limits = {.head_s = 1}}));
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        int fd = raw_connect(&echo);
        OK(raw_write(fd, pairs[i]));
        OK(raw_read(&echo, fd, text, sizeof text, NULL));
        OK(strstr(text, "two") == NULL);
        OK(strcmp(echo.path, "/1") == 0);
        EQ(web_server_stats(echo.server).requests, i + 1);
        close(fd);
    }
    echo_stop(&echo);
}

typedef struct {
    const char *what, *request, *answer;
} raw_case_t;

TEST(what_cannot_be_served_is_said)
{
    static const raw_case_t cases[] = {
        {"too large",           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n",              "HTTP/1.1 413"                },
        {"no length",           "POST / HTTP/1.1\r\nHost: x\r\n\r\n",                                      "HTTP/1.1 411"                },
        {"two lengths",
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400"                },
        {"an unknown coding",   "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
         "HTTP/1.1 400"                                                                                                                  },
        {"bad length",          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",                "HTTP/1.1 400"                },
        {"foreign site",        "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://theirs.example\r\n\r\n",
         "HTTP/1.1 403"                                                                                                                  },
        {"our site",            "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://ours.example\r\n\r\n",
         "Access-Control-Allow-Origin: https://ours.example"                                                                             },
        {"any port",            "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example:8443\r\n\r\n",     "HTTP/1.1 200"                },
        {"no port",             "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n\r\n",          "HTTP/1.1 200"                },
        {"no port's like",      "GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example.evil:1\r\n\r\n",
         "HTTP/1.1 403"                                                                                                                  },
        {"preflight",
         "OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: https://ours.example\r\nAccess-Control-Request-Method: "
         "POST\r\n\r\n",                                                                                   "HTTP/1.1 204"                },
        {"h2c",
         "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
         "h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",                                                "HTTP/1.1 400"                },
        {"foreign session",
         "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: "
         "https://theirs.example\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",               "HTTP/1.1 403"                },
        {"our session",
         "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nOrigin: "
         "https://ours.example\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",               "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
        {"unknown subprotocol",
         "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: "
         "other\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",               "HTTP/1.1 400"                },
    };
    echo_t echo;
    OK(echo_start(&echo, (web_listen_t){.limits  = {.body_len = 1000},
                                        .origins = "https://a.example:*,https://ours.example"}));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        int fd = raw_connect(&echo);
        OK(write(fd, cases[i].request, strlen(cases[i].request)) > 0);
        bool is_said = raw_read(&echo, fd, text, sizeof text, cases[i].answer);
        if (!is_said) printf("case: %s\n", cases[i].what);
        OK(is_said);
        close(fd);
    }
    echo_stop(&echo);
}

TEST(a_body_comes_in_chunks)
{
    static const char head[] = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    echo_t echo;
    char text[4096], much[2000];
    OK(echo_start(&echo, (web_listen_t){.limits = {.body_len = 1000}}));
    int fd = raw_connect(&echo);
    OK(raw_write(fd, head) && raw_write(fd, "5\r\nwhole\r\n3;a=b\r\n in"));
    io_step(echo.io, 10);
    OK(raw_write(fd, "\r\n7\r\n pieces\r\n0\r\nTrailer: x\r\n\r\n"));
    OK(raw_read(&echo, fd, text, sizeof text, NULL));
    OK(strstr(text, "HTTP/1.1 200") != NULL && strstr(text, "whole in pieces") != NULL);
    close(fd);
    fd = raw_connect(&echo);
    snprintf(much, sizeof much, "%s3e9\r\n%01001d\r\n", head, 7);
    OK(raw_write(fd, much) && raw_read(&echo, fd, text, sizeof text, "HTTP/1.1 413"));
    close(fd);
    echo_stop(&echo);
}

TEST(a_head_of_sixteen_kibibytes_is_read)
{
    echo_t echo;
    static char request[20000], text[4096];
    OK(echo_start(&echo, (web_listen_t){0}));
    int len = snprintf(request, sizeof request, "GET /long?%0*d HTTP/1.1\r\nHost: x\r\nCookie: %0*d\r\n\r\n",
                       2000, 1, 13500, 2);
    int fd  = raw_connect(&echo);
    OK(write(fd, request, (size_t)len) == len);
    OK(raw_read(&echo, fd, text, sizeof text, "HTTP/1.1 200"));
    close(fd);
    len = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: x\r\nCookie: %0*d\r\n\r\n", 18000, 2);
    fd  = raw_connect(&echo);
    OK(write(fd, request, (size_t)len) == len);
    OK(raw_read(&echo, fd, text, sizeof text, NULL));
    OK(strstr(text, "200") == NULL);
    close(fd);
    echo_stop(&echo);
}

TEST(a_slow_head_is_not_waited_for)
{
    echo_t echo;
    char text[1024];
    OK(echo_start(&echo, (web_listen_t){
                             .limits = {.head_s = 1, .sockets = 3}
    }));
    int slow = raw_connect(&echo), silent = raw_connect(&echo), body = raw_connect(&echo);
    static const char begin[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab";
    OK(write(body, begin, sizeof begin - 1) > 0);
    uint64_t end        = io_ticks_ms(echo.io) + 6000;
    bool is_slow_closed = false, is_refused = false;
    for (uint32_t at = 0; !is_slow_closed && io_ticks_ms(echo.io) < end; at++) {
        if (at < 200 && write(slow, at == 0 ? "GET / HTTP/1.1\r\nA: " : "a", at == 0 ? 19 : 1) < 0)
            is_slow_closed = true;
        io_step(echo.io, 50);
        char c;
        if (read(slow, &c, 1) == 0) is_slow_closed = true;
        if (at == 3) {
            int fourth = raw_connect(&echo);
            is_refused = raw_read(&echo, fourth, text, sizeof text, NULL);
            close(fourth);
        }
    }
    OK(is_slow_closed);
    OK(is_refused);
    OK(raw_read(&echo, silent, text, sizeof text, NULL));
    OK(raw_read(&echo, body, text, sizeof text, NULL));
    while (web_server_stats(echo.server).sockets > 0)
        io_step(echo.io, 100);
    close(slow);
    close(silent);
    close(body);
    echo_stop(&echo);
}

/* Opens a session by hand; the key is the RFC's. */
static int raw_session(echo_t *echo)
{
    static const char ask[] =
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    char text[1024];
    int fd = raw_connect(echo);
    if (write(fd, ask, sizeof ask - 1) != (ssize_t)sizeof ask - 1) return -1;
    return raw_read(echo, fd, text, sizeof text, "\r\n\r\n") ? fd : -1;
}

/* ---- upgrades that wait ---- */

#define LATER_ASK                                                                                            \
    " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                                  \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static int raw_ask(echo_t *echo, const char *target, const char *more)
{
    char text[512];
    snprintf(text, sizeof text, "GET %s" LATER_ASK "%s", target, more);
    int fd = raw_connect(echo);
    return fd >= 0 && raw_write(fd, text) ? fd : -1;
}

/* Turns the loop until an upgrade waits; nothing may have been said to it. */
static bool raw_waits(echo_t *echo, int fd)
{
    char text[64];
    for (int turns = 0; turns < 500 && !echo->later; turns++)
        io_step(echo->io, 5);
    for (int turns = 0; turns < 5; turns++)
        io_step(echo->io, 5);
    return echo->later && read(fd, text, sizeof text) < 0 && errno == EAGAIN;
}

TEST(an_upgrade_may_wait_and_is_answered_as_if_it_had_not)
{
    echo_t echo;
    char now[1024], later[1024];
    OK(echo_start(&echo, (web_listen_t){0}));
    int fd = raw_ask(&echo, "/", "");
    OK(raw_read(&echo, fd, now, sizeof now, "\r\n\r\n"));
    close(fd);
    fd = raw_ask(&echo, "/?later", "\x81\x85xxxx\x10\x1d\x14\x14\x17"); /* "hello" comes with the head */
    OK(raw_waits(&echo, fd));
    EQ(echo.opened, 1);
    web_upgrade_answer(echo.later, 101);
    EQ(echo.opened, 2);
    OK(raw_read(&echo, fd, later, sizeof later, "hello"));
    OK(strncmp(now, later, strlen(now)) == 0 && strcmp(later + strlen(now), "\x81\x05hello") == 0);
    OK(raw_write(fd, "\x81\x85xxxx\x10\x1d\x14\x14\x17"));
    OK(raw_read(&echo, fd, later, sizeof later, "\x81\x05hello"));
    close(fd);
    fd = raw_ask(&echo, "/?token=wrong", "");
    OK(raw_read(&echo, fd, now, sizeof now, NULL));
    close(fd);
    echo.later = NULL;
    fd         = raw_ask(&echo, "/?later", "");
    OK(raw_waits(&echo, fd));
    web_upgrade_answer(echo.later, 401);
    OK(raw_read(&echo, fd, later, sizeof later, NULL));
    OK(strncmp(later, "HTTP/1.1 401 Unauthorized\r\n", 27) == 0 && strcmp(now, later) == 0);
    close(fd);
    EQ(echo.opened, 2);
    EQ(echo.refused, 0);
    for (int turns = 0; turns < 200 && echo.closed < 2; turns++)
        io_step(echo.io, 5);
    EQ(echo.closed, 2);
    EQ(web_server_stats(echo.server).refused, 2);
    EQ(web_server_stats(echo.server).sessions, 0);
    echo_stop(&echo);
}

TEST(an_upgrade_that_waits_ends_with_its_server)
{
    echo_t echo;
    char text[64];
    OK(echo_start(&echo, (web_listen_t){0}));
    int fd = raw_ask(&echo, "/?later", "");
    OK(raw_waits(&echo, fd));
    int left   = raw_ask(&echo, "/?later", "");
    echo.later = NULL;
    OK(raw_waits(&echo, left));
    close(left);
    for (int turns = 0; turns < 5; turns++)
        io_step(echo.io, 5);
    web_upgrade_answer(echo.later, 101); /* whether or not it was seen that nobody is there */
    for (int turns = 0; turns < 200 && echo.closed == 0; turns++)
        io_step(echo.io, 5);
    EQ(echo.closed, 1);
    EQ(echo.refused, 0);
    web_server_free(echo.server);
    EQ(echo.refused, 1);
    io_free(echo.io);
    OK(read(fd, text, sizeof text) <= 0);
    close(fd);
}

TEST(fragments_become_one_message_with_a_ping_between)
{
    echo_t echo;
    char text[64];
    OK(echo_start(&echo, (web_listen_t){0}));
    int fd = raw_session(&echo);
    OK(fd >= 0);
    static const char frames[] = "\x01\x82\0\0\0\0he"
                                 "\x89\x81\0\0\0\0p"
                                 "\x00\x82\0\0\0\0ll"
                                 "\x80\x81\0\0\0\0o";
    OK(write(fd, frames, sizeof frames - 1) == (ssize_t)sizeof frames - 1);
    OK(raw_read(&echo, fd, text, sizeof text, "hello"));
    OK(strstr(text, "\x8a\x01p") != NULL);
    OK(strstr(text, "\x81\x05hello") != NULL);
    close(fd);
    while (echo.closed == 0)
        io_step(echo.io, 100);
    echo_stop(&echo);
}

TEST(frames_that_break_the_rules_end_the_session)
{
    static const struct {
        const char *frame;
        size_t len;
    } bad[] = {
        {"\x83\x81\0\0\0\0x",                                7 }, /* an opcode that nobody has */
        {"\xc1\x81\0\0\0\0x",                                7 }, /* a reserved bit */
        {"\x80\x81\0\0\0\0x",                                7 }, /* continues nothing */
        {"\x09\x81\0\0\0\0x",                                7 }, /* a ping in fragments */
        {"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14}, /* longer than anything */
        {"\x81\xff\0\0\0\0\x7f\xff\xff\xff\0\0\0\0x",        15}, /* 2 GiB */
    };
    echo_t echo;
    char text[256];
    OK(echo_start(&echo, (web_listen_t){.limits = {.message_len = 1000}}));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int fd = raw_session(&echo);
        OK(fd >= 0);
        OK(write(fd, bad[i].frame, bad[i].len) == (ssize_t)bad[i].len);
        for (int turns = 0; turns < 500 && echo.closed <= (int)i; turns++) {
            io_step(echo.io, 10);
            if (read(fd, text, sizeof text) > 0) shutdown(fd, SHUT_WR);
        }
        if (echo.closed != (int)i + 1) printf("bad frame %zu\n", i);
        EQ(echo.closed, i + 1);
        close(fd);
    }
    echo_stop(&echo);
}

TEST(who_reads_nothing_is_closed)
{
    echo_t echo;
    OK(echo_start(&echo, (web_listen_t){.limits = {.queue_len = 1u << 20}}));
    int fd = raw_session(&echo);
    OK(fd >= 0);
    static uint8_t frame[8 + 60000] = {0x82, 0xfe, 60000 >> 8, 60000 & 0xff};
    uint64_t end                    = io_ticks_ms(echo.io) + 20000;
    for (size_t at = 0; echo.closed == 0 && io_ticks_ms(echo.io) < end;) {
        ssize_t sent = write(fd, frame + at, sizeof frame - at);
        if (sent > 0) at = (at + (size_t)sent) % sizeof frame;
        io_step(echo.io, 1);
    }
    EQ(echo.closed, 1);
    close(fd);
    echo_stop(&echo);
}

TEST(who_answers_no_ping_is_closed)
{
    echo_t echo;
    voice_t voice;
    OK(echo_start(&echo, (web_listen_t){.limits = {.idle_s = 2}}));
    OK(voice_start(&echo, &voice, "ws", "127.0.0.1", "/", NULL));
    OK(io_wait(echo.io, &voice.is_open, 5000));
    int fd = raw_session(&echo);
    OK(fd >= 0);
    for (uint64_t end = io_ticks_ms(echo.io) + 8000; echo.closed == 0 && io_ticks_ms(echo.io) < end;)
        io_step(echo.io, 100);
    EQ(echo.closed, 1);
    OK(!voice.is_closed);
    OK(web_send(voice.session, BYTES("still here"), true));
    OK(io_wait(echo.io, &voice.has_message, 5000));
    close(fd);
    free(voice.message);
    echo_stop(&echo);
}

TEST(all_sessions_together_have_a_limit)
{
    echo_t echo;
    voice_t voice;
    OK(echo_start(&echo, (web_listen_t){.limits = {.memory_max = 100000}}));
    OK(voice_start(&echo, &voice, "ws", "127.0.0.1", "/", NULL));
    OK(io_wait(echo.io, &voice.is_open, 5000));
    static uint8_t data[200000];
    for (int i = 0; i < 5; i++) {
        OK(web_send(voice.session, (bytes_t){data, 40000}, false));
        voice.has_message = false;
        OK(io_wait(echo.io, &voice.has_message, 5000)); /* what was sent counts no more */
    }
    OK(web_send(voice.session, (bytes_t){data, sizeof data}, false));
    OK(io_wait(echo.io, &voice.is_closed, 5000));
    EQ(voice.received, 5);
    free(voice.message);
    echo_stop(&echo);
}

TEST(a_request_that_nobody_waits_for_is_told)
{
    echo_t echo;
    OK(echo_start(&echo, (web_listen_t){0}));
    int fd                  = raw_connect(&echo);
    static const char ask[] = "GET /held HTTP/1.1\r\nHost: x\r\n\r\n";
    OK(write(fd, ask, sizeof ask - 1) > 0);
    OK(io_wait(echo.io, &echo.is_held, 5000));
    web_server_free(echo.server);
    EQ(echo.gone, 1);
    close(fd);
    io_free(echo.io);
}

TEST(an_address_is_taken_once)
{
    echo_t echo;
    OK(echo_start(&echo, (web_listen_t){0}));
    web_handler_t handler = {0};
    const char *error     = NULL;
    OK(web_listen(echo.io, &(web_listen_t){.address = "127.0.0.1", .port = web_server_port(echo.server)},
                  &handler, &error) == NULL);
    OK(error != NULL);
    web_server_t *second = web_listen(echo.io, &(web_listen_t){.address = "127.0.0.1"}, &handler, &error);
    OK(second != NULL);
    OK(web_server_port(second) != web_server_port(echo.server));
    web_server_free(second);
    echo_stop(&echo);
}

/* ---- TLS ---- */

TEST(tls_is_spoken_and_certificates_are_checked_and_renewed)
{
    char make[2048];
    static const char *const dir = TRELLIS_BINARY_DIR "/test_web_tls";
    snprintf(make, sizeof make,
             "mkdir -p %s && cd %s && for n in a b; do openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:prime256v1 -nodes "
             "-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout $n.key -out $n.pem; "
             "done >log 2>&1 && "
             "cp a.pem now.pem && cp a.key now.key",
             dir, dir);
    OK(system(make) == 0);
    char cert[512], key[512], other[512];
    snprintf(cert, sizeof cert, "%s/now.pem", dir);
    snprintf(key, sizeof key, "%s/now.key", dir);
    snprintf(other, sizeof other, "%s/b.pem", dir);
    char first[512];
    snprintf(first, sizeof first, "%s/a.pem", dir);
    echo_t echo;
    voice_t good, bad, renewed;
    OK(echo_start(&echo, (web_listen_t){.tls_cert = cert, .tls_key = key}));
    OK(voice_start(&echo, &good, "wss", "localhost", "/", first));
    OK(voice_start(&echo, &bad, "wss", "localhost", "/", other));
    OK(io_wait(echo.io, &good.is_open, 10000));
    OK(io_wait(echo.io, &bad.is_closed, 10000));
    OK(!bad.is_open);
    uint32_t len  = 3u << 20;
    uint8_t *data = malloc(len);
    for (uint32_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    OK(web_send(good.session, (bytes_t){data, len}, false));
    OK(io_wait(echo.io, &good.has_message, 20000));
    EQ(good.len, len);
    OK(memcmp(good.message, data, len) == 0);
    free(data);
    free(good.message);
    snprintf(make, sizeof make, "cd %s && cp b.pem now.pem && cp b.key now.key", dir);
    OK(system(make) == 0);
    OK(web_server_reload(echo.server));
    OK(voice_start(&echo, &renewed, "wss", "localhost", "/", other));
    OK(io_wait(echo.io, &renewed.is_open, 10000));
    echo_stop(&echo);
}

TEST(urls)
{
    web_url_t url;
    OK(web_url_decode("wss://relay.example/?a=b", &url));
    OK(url.port == 443 && url.is_secure && strcmp(url.host, "relay.example") == 0 &&
       strcmp(url.path, "/?a=b") == 0);
    OK(web_url_decode("http://[::1]:8080?x", &url));
    OK(url.port == 8080 && strcmp(url.host, "::1") == 0 && strcmp(url.path, "/?x") == 0);
    OK(web_url_decode("ws://h", &url) && url.port == 80 && strcmp(url.path, "/") == 0);
    OK(!web_url_decode("ftp://h/", &url) && !web_url_decode("ws://", &url) &&
       !web_url_decode("ws://h:0/", &url));
    OK(!web_url_decode("ws://h:65536/", &url) && !web_url_decode("ws://u@h/", &url) &&
       !web_url_decode("ws://h/\r\nX: y", &url));
}

TEST_MAIN()
