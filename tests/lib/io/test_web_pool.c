/* test_web_pool.c - requests over connections that are kept: to our own server, with TLS, and to hostile
 * ones. */
#include "web_echo.h"

typedef struct {
    int count, status;
    char body[256];
} got_t;

static void got_it(void *self, int status, bytes_t body)
{
    got_t *got  = self;
    got->status = status;
    snprintf(got->body, sizeof got->body, "%.*s", (int)body.len, (const char *)body.data);
    got->count++;
}

static bool turn_until(io_t *io, const int *count, int wanted)
{
    for (uint64_t end = io_ticks_ms(io) + 10000; *count < wanted && io_ticks_ms(io) < end;)
        io_step(io, 10);
    return *count >= wanted;
}

static const char *url_of(const echo_t *echo, const char *scheme, const char *path)
{
    static char url[128];
    snprintf(url, sizeof url, "%s://localhost:%u%s", scheme, web_server_port(echo->server), path);
    return url;
}

TEST(a_connection_carries_many_requests_and_a_bounded_number_is_made)
{
    echo_t echo;
    got_t one = {0}, many = {0};
    OK(echo_start(&echo, (web_listen_t){0}));
    web_pool_t *pool = web_pool_new(echo.io, NULL, 4);
    for (int i = 0; i < 50; i++) {
        OK(web_pool_fetch(pool, "POST", url_of(&echo, "http", "/x"), "text/plain", BYTES("hello"), 5000,
                          got_it, &one));
        OK(turn_until(echo.io, &one.count, i + 1));
        EQ(one.status, 200);
        OK(strcmp(one.body, "hello") == 0);
    }
    EQ(web_pool_opened(pool), 1);
    for (int i = 0; i < 100; i++)
        OK(web_pool_fetch(pool, "POST", url_of(&echo, "http", i % 2 ? "/missing" : "/x"), NULL, BYTES("a"),
                          5000, got_it, &many));
    OK(turn_until(echo.io, &many.count, 100));
    EQ(web_pool_opened(pool), 4);
    OK(!web_pool_fetch(pool, "GET", "ws://localhost/", NULL, (bytes_t){0}, 100, got_it, &many));
    web_pool_free(pool);
    echo_stop(&echo);
}

TEST(a_request_has_a_time_and_ends_with_its_pool)
{
    echo_t echo;
    got_t late = {0}, left = {0}, next = {0};
    OK(echo_start(&echo, (web_listen_t){0}));
    web_pool_t *pool = web_pool_new(echo.io, NULL, 1);
    OK(web_pool_fetch(pool, "POST", url_of(&echo, "http", "/held"), NULL, BYTES("a"), 100, got_it, &late));
    OK(web_pool_fetch(pool, "POST", url_of(&echo, "http", "/x"), NULL, BYTES("b"), 5000, got_it, &next));
    OK(turn_until(echo.io, &next.count, 1));
    EQ(late.count, 1);
    EQ(late.status, 0);
    EQ(next.status, 200);
    EQ(web_pool_opened(pool), 2);
    OK(web_pool_fetch(pool, "POST", url_of(&echo, "http", "/held"), NULL, BYTES("a"), 60000, got_it, &left));
    for (int i = 0; i < 5; i++)
        io_step(echo.io, 5);
    EQ(left.count, 0);
    web_pool_free(pool);
    EQ(left.count, 1);
    EQ(left.status, 0);
    echo_stop(&echo);
}

TEST(a_server_that_came_again_is_asked_again)
{
    echo_t echo, again;
    got_t got = {0};
    OK(echo_start(&echo, (web_listen_t){0}));
    web_pool_t *pool = web_pool_new(echo.io, NULL, 2);
    uint16_t port    = web_server_port(echo.server);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    OK(web_pool_fetch(pool, "POST", url, NULL, BYTES("a"), 5000, got_it, &got));
    OK(turn_until(echo.io, &got.count, 1));
    web_server_free(echo.server);
    const char *error     = "";
    web_handler_t handler = {.self = &echo, .on_request = on_request, .on_request_gone = on_request_gone};
    memset(&again, 0, sizeof again);
    for (int i = 0; i < 200 && !again.server; i++) { /* the old listener closes in its own time */
        io_step(echo.io, 10);
        again.server =
            web_listen(echo.io, &(web_listen_t){.address = "127.0.0.1", .port = port}, &handler, &error);
    }
    OK(again.server != NULL);
    OK(web_pool_fetch(pool, "POST", url, NULL, BYTES("b"), 5000, got_it, &got));
    OK(turn_until(echo.io, &got.count, 2));
    EQ(got.status, 200);
    web_server_free(again.server);
    for (int i = 0; i < 20; i++)
        io_step(echo.io, 5);
    OK(web_pool_fetch(pool, "POST", url, NULL, BYTES("c"), 5000, got_it, &got));
    OK(turn_until(echo.io, &got.count, 3));
    EQ(got.status, 0);
    web_pool_free(pool);
    io_free(echo.io);
}

TEST(a_certificate_is_checked)
{
    static const char *const dir = TRELLIS_BINARY_DIR "/test_web_pool_tls";
    char make[1024], cert[256], key[256], other[256];
    snprintf(
        make, sizeof make,
        "mkdir -p %s && cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
        "-days 2 "
        "-subj /CN=x -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout a.key -out a.pem >log 2>&1 && "
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=x -addext subjectAltName=DNS:elsewhere -keyout b.key -out b.pem >log 2>&1",
        dir, dir);
    OK(system(make) == 0);
    snprintf(cert, sizeof cert, "%s/a.pem", dir);
    snprintf(key, sizeof key, "%s/a.key", dir);
    snprintf(other, sizeof other, "%s/b.pem", dir);
    echo_t echo;
    got_t good = {0}, by_address = {0}, unknown = {0}, none = {0}, named = {0};
    OK(echo_start(&echo, (web_listen_t){.tls_cert = cert, .tls_key = key}));
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/x", web_server_port(echo.server));
    web_pool_t *pool = web_pool_new(echo.io, cert, 4), *system_only = web_pool_new(echo.io, NULL, 4),
               *missing = web_pool_new(echo.io, "/no/such/file", 4), *wrong = web_pool_new(echo.io, other, 4);
    for (int i = 0; i < 20; i++) {
        OK(web_pool_fetch(pool, "POST", url_of(&echo, "https", "/x"), NULL, BYTES("a"), 5000, got_it, &good));
        OK(turn_until(echo.io, &good.count, i + 1));
        EQ(good.status, 200);
    }
    EQ(web_pool_opened(pool), 1);
    OK(web_pool_fetch(pool, "POST", url, NULL, BYTES("a"), 5000, got_it, &by_address));
    OK(turn_until(echo.io, &by_address.count, 1));
    EQ(by_address.status, 200);
    OK(web_pool_fetch(system_only, "POST", url, NULL, BYTES("a"), 5000, got_it, &unknown) &&
       turn_until(echo.io, &unknown.count, 1));
    EQ(unknown.status, 0);
    OK(web_pool_fetch(missing, "POST", url, NULL, BYTES("a"), 5000, got_it, &none) &&
       turn_until(echo.io, &none.count, 1));
    EQ(none.status, 0);
    OK(web_pool_fetch(wrong, "POST", url, NULL, BYTES("a"), 5000, got_it, &named) &&
       turn_until(echo.io, &named.count, 1));
    EQ(named.status, 0);
    EQ(echo.gone, 0);
    web_pool_free(pool);
    web_pool_free(system_only);
    web_pool_free(missing);
    web_pool_free(wrong);
    echo_stop(&echo);
    snprintf(key, sizeof key, "%s/b.key", dir);
    OK(echo_start(&echo, (web_listen_t){.tls_cert = other, .tls_key = key}));
    wrong = web_pool_new(echo.io, other, 4); /* trusted, but another name */
    OK(web_pool_fetch(wrong, "POST", url_of(&echo, "https", "/x"), NULL, BYTES("a"), 5000, got_it, &named) &&
       turn_until(echo.io, &named.count, 2));
    EQ(named.status, 0);
    web_pool_free(wrong);
    echo_stop(&echo);
}

/* ---- a server by hand ---- */

typedef struct {
    io_t *io;
    int listener, fd;
    uint16_t port;
} hand_t;

static hand_t hand_new(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len         = sizeof at;
    hand_t hand = {.io = io_new(), .listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .fd = -1};
    if (bind(hand.listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(hand.listener, 8) != 0 ||
        getsockname(hand.listener, (struct sockaddr *)&at, &len) != 0)
        exit(1);
    hand.port = ntohs(at.sin_port);
    return hand;
}

/* Takes a connection if there is none, and a request that ends with this text. */
static bool hand_read(hand_t *hand, const char *until)
{
    char text[4096];
    size_t len = 0;
    for (uint64_t end = io_ticks_ms(hand->io) + 5000; io_ticks_ms(hand->io) < end;) {
        io_step(hand->io, 5);
        if (hand->fd < 0) hand->fd = accept(hand->listener, NULL, NULL);
        if (hand->fd >= 0) fcntl(hand->fd, F_SETFL, O_NONBLOCK);
        ssize_t got = hand->fd < 0 ? 0 : read(hand->fd, text + len, sizeof text - len - 1);
        if (got > 0) len += (size_t)got;
        text[len] = 0;
        if (len >= strlen(until) && strcmp(text + len - strlen(until), until) == 0) return true;
    }
    return false;
}

static void hand_close(hand_t *hand)
{
    close(hand->fd);
    hand->fd = -1;
}

TEST(what_a_strange_server_says_is_taken_for_what_it_is)
{
    static const struct {
        const char *said, *body;
        int status;
        bool is_kept;
    } cases[] = {
        {"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",                                  "",    202, true },
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not\r\ncontent-length:3\r\n\r\nabc",        "abc", 404, true },
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "abc", 200,
         true                                                                                                    },
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",                                       "x",   200, false},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",                  "x",   200, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 202 Accepted\r\n",              "x",   200, false},
        {"SSH-2.0-OpenSSH\r\n\r\n",                                                             NULL,  0,   false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NULL,  0,
         false                                                                                                   },
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",                                       NULL,  0,   false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hand_t hand = hand_new();
        char url[64];
        got_t got        = {0};
        web_pool_t *pool = web_pool_new(hand.io, NULL, 2);
        snprintf(url, sizeof url, "http://127.0.0.1:%u/", hand.port);
        OK(web_pool_fetch(pool, "POST", url, NULL, BYTES("body"), 5000, got_it, &got));
        OK(hand_read(&hand, "\r\n\r\nbody"));
        OK(raw_write(hand.fd, cases[i].said));
        OK(turn_until(hand.io, &got.count, 1));
        EQ(got.status, cases[i].status);
        OK(!cases[i].body || strcmp(got.body, cases[i].body) == 0);
        OK(web_pool_fetch(pool, "POST", url, NULL, BYTES("next"), 5000, got_it, &got));
        if (!cases[i].is_kept) hand_close(&hand);
        OK(hand_read(&hand, "\r\n\r\nnext"));
        EQ(web_pool_opened(pool), cases[i].is_kept ? 1 : 2);
        web_pool_free(pool);
        hand_close(&hand);
        close(hand.listener);
        io_free(hand.io);
    }
}

TEST(a_line_that_was_given_up_is_replaced_once)
{
    hand_t hand = hand_new();
    char url[64];
    got_t got        = {0};
    web_pool_t *pool = web_pool_new(hand.io, NULL, 2);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", hand.port);
    OK(web_pool_fetch(pool, "POST", url, NULL, BYTES("one"), 5000, got_it, &got));
    OK(hand_read(&hand, "\r\n\r\none"));
    OK(raw_write(hand.fd, "HTTP/1.1 202 A\r\nContent-Length: 0\r\n\r\n"));
    OK(turn_until(hand.io, &got.count, 1));
    OK(web_pool_fetch(pool, "POST", url, NULL, BYTES("two"), 5000, got_it, &got));
    OK(hand_read(&hand, "\r\n\r\ntwo"));
    hand_close(&hand); /* without a word: the line was old */
    OK(hand_read(&hand, "\r\n\r\ntwo"));
    EQ(got.count, 1);
    hand_close(&hand); /* this one was new */
    OK(turn_until(hand.io, &got.count, 2));
    EQ(got.status, 0);
    web_pool_free(pool);
    close(hand.listener);
    io_free(hand.io);
}

TEST_MAIN()
