/* test_web_raw.c - the edge towards hostile clients, and what it says byte for byte. */
#include "web_echo.h"

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

TEST_MAIN()
