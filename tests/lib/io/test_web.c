/* test_web.c - the edge over real loopback sockets: sessions, requests, limits, TLS. */
#include "web_echo.h"

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
    OK(fetch(&echo, "POST", "/q?c=%26%25%3D&%20e=%c3%a9&f", BYTES("x"), &answer));
    OK(strcmp(echo.query, "c=%26%25=& e=\xc3\xa9&f") == 0);
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
    EQ(web_server_stats(echo.server).requests, 5);
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
