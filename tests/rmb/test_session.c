/* test_session.c - peers over nng and WebSocket through a relay, all on one loop and the loopback. */
#include "test.h"

#include "e2e.h"
#include "edge.h"
#include "envelope.h"
#include "peer.h"
#include "relay_io.h"
#include "token.h"
#include "web.h"

#include <stdlib.h>
#include <unistd.h>

#define WAIT_MS     10000
#define INBOX_BYTES 100000

static struct {
    io_t *io;
    relay_io_t *relay;
    relay_store_memory_t *memory;
    twin_cache_t *twins;
    edge_bus_t *bus;
    edge_web_t *web;
    inbox_limit_t *inbox_limit;
    char bus_url[64], web_url[64];
} w;

static keypair_t keys[4];
static rmb_twin_t records[4];
static twin_table_t table = {records, 4};

static char *metrics(void *self, size_t *len)
{
    (void)self;
    *len = 2;
    return strdup("m\n");
}
static bool is_healthy(void *self)
{
    (void)self;
    return true;
}

static void relay_up(void)
{
    static const char *const domains[] = {"here"};
    relay_config_t relay_config        = {.domains = domains, .domain_count = 1};
    relay_store_t store                = relay_store_memory_ops(w.memory);
    const char *error                  = "";
    w.relay                            = relay_io_new(w.io, &relay_config, &store, w.twins, NULL);
    edge_config_t config               = {.io         = w.io,
                                          .relay      = relay_io_core(w.relay),
                                          .twins      = w.twins,
                                          .metrics    = metrics,
                                          .is_healthy = is_healthy};
    w.inbox_limit                      = inbox_limit_new(0, INBOX_BYTES); /* a minute */
    config.inbox_limit                 = w.inbox_limit;
    w.bus                              = edge_bus_new(&config, w.bus_url, &error);
    if (!w.bus) printf("nng: %s\n", error);
    w.web = edge_web_new(&config, "127.0.0.1", 0, &error);
    if (!w.web) printf("web: %s\n", error);
    if (!w.bus || !w.web) exit(1);
    snprintf(w.web_url, sizeof w.web_url, "ws://127.0.0.1:%u", edge_web_port(w.web));
}

static void relay_down(void)
{
    edge_web_free(w.web);
    edge_bus_free(w.bus);
    relay_io_free(w.relay);
    inbox_limit_free(w.inbox_limit);
    w.inbox_limit = NULL;
}

static void fresh(void)
{
    io_t *io = w.io ? w.io : io_new(); /* one loop for all tests */
    memset(&w, 0, sizeof w);
    w.io     = io;
    w.memory = relay_store_memory_new();
    snprintf(w.bus_url, sizeof w.bus_url, "ipc:///tmp/trellis-test-rmb-%d", (int)getpid());
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)}, secret[32];
        if (key_from_seed(seed, i % 2 ? KEY_ED25519 : KEY_SR25519, &keys[i]) != KEY_OK) exit(1);
        records[i] = (rmb_twin_t){.id = i + 1, .account = keys[i].account, .relay = "here"};
        records[i].has_pk =
            e2e_secret(&keys[i], secret, records[i].pk) && i != 3; /* twin 4 has no key on the chain */
    }
    twin_source_t source = twin_table_source(&table);
    w.twins              = twin_cache_new(&source, 16);
    relay_up();
}

static void settle(void)
{
    for (int i = 0; i < 20; i++)
        io_step(w.io, 1);
}

static void done(void)
{
    relay_down();
    settle();
    twin_cache_free(w.twins);
    relay_store_memory_free(w.memory);
}

/* Runs the loop until the condition holds; the bound only ends a test that failed. */
#define UNTIL(condition)                                                                                     \
    do {                                                                                                     \
        uint64_t end_ = io_ticks_ms(w.io) + WAIT_MS;                                                         \
        while (!(condition) && io_ticks_ms(w.io) < end_)                                                     \
            io_step(w.io, 20);                                                                               \
        OK(condition);                                                                                       \
    } while (0)

typedef struct {
    int count;
    peer_status_t status;
    uint32_t code;
    char text[256], error[256];
    uint32_t len;
} heard_t;

static void hear(void *context, const peer_answer_t *answer)
{
    heard_t *heard = context;
    heard->count++;
    heard->status = answer->status;
    heard->code   = answer->error_code;
    heard->len    = answer->payload.len;
    snprintf(heard->error, sizeof heard->error, "%s", answer->error);
    snprintf(heard->text, sizeof heard->text, "%.*s",
             (int)(answer->payload.len < 200 ? answer->payload.len : 200),
             answer->payload.len ? (const char *)answer->payload.data : "");
}

/* Answers "echo" with what it got, "fail" with an error, and nothing to "silence". */
static int asked;
static void answer(void *context, peer_t *peer, const peer_incoming_t *request)
{
    (void)context;
    asked++;
    if (strcmp(request->command, "echo") == 0)
        peer_reply(peer, &request->from, request->payload);
    else if (strcmp(request->command, "fail") == 0)
        peer_reply_error(peer, &request->from, 0, "as you wish");
    else if (strcmp(request->command, "who") == 0) {
        char text[64];
        snprintf(text, sizeof text, "%u", request->from.twin);
        peer_reply(peer, &request->from, bytes_text(text));
    }
}

static peer_t *peer(int i, const char *connection, const char *url)
{
    peer_t *p = peer_new(&(peer_config_t){.io          = w.io,
                                          .twin        = (uint32_t)i + 1,
                                          .connection  = connection,
                                          .key         = &keys[i],
                                          .twins       = w.twins,
                                          .relays      = {url},
                                          .relay_count = 1,
                                          .on_request  = answer});
    if (!p) exit(1);
    return p;
}

static peer_request_t request(uint32_t twin, const char *command, const char *payload)
{
    return (peer_request_t){
        .twin = twin, .command = command, .payload = bytes_text(payload), .expiration_s = 20};
}

static void both_ways(const char *user_url, const char *node_url)
{
    fresh();
    heard_t heard[5] = {0};
    peer_t *user     = peer(0, "session", strcmp(user_url, "nng") == 0 ? w.bus_url : w.web_url);
    peer_t *node     = peer(1, NULL, strcmp(node_url, "nng") == 0 ? w.bus_url : w.web_url);
    peer_t *bare     = peer(3, NULL, w.bus_url);
    const struct {
        uint32_t twin;
        const char *command;
    } asks[5] = {
        {2, "echo"},
        {2, "fail"},
        {2, "who" },
        {9, "echo"},
        {4, "echo"}
    };
    UNTIL(peer_is_connected(node) && peer_is_connected(bare)); /* the user comes while its requests wait */
    for (int i = 0; i < 5; i++) {
        peer_request_t r = request(asks[i].twin, asks[i].command, "{\"n\":1}");
        (void)peer_request(user, &r, hear, &heard[i]);
        EQ(heard[i].count, 0);
    }
    UNTIL(heard[0].count && heard[1].count && heard[2].count && heard[3].count && heard[4].count);
    EQ(heard[0].status, PEER_OK);
    OK(strcmp(heard[0].text, "{\"n\":1}") == 0);
    EQ(heard[1].status, PEER_REFUSED);
    EQ(heard[1].code, 0);
    OK(strcmp(heard[1].error, "as you wish") == 0 && strcmp(heard[1].text, "null") == 0);
    OK(strcmp(heard[2].text, "1") == 0);
    EQ(heard[3].status, PEER_NO_TWIN);
    EQ(heard[4].status, PEER_OK);
    settle();
    for (int i = 0; i < 5; i++)
        EQ(heard[i].count, 1);
    peer_free(user);
    peer_free(node);
    peer_free(bare);
    done();
}

TEST(peers_talk_over_nng) { both_ways("nng", "nng"); }
TEST(a_websocket_user_talks_to_an_nng_node) { both_ways("web", "nng"); }
TEST(an_nng_user_talks_to_a_websocket_node) { both_ways("nng", "web"); }

TEST(large_messages_pass)
{
    fresh();
    heard_t heard[2] = {0};
    uint32_t len     = RMB_MESSAGE_MAX - 4096;
    uint8_t *big     = calloc(1, RMB_MESSAGE_MAX);
    memset(big, 'x', len);
    peer_t *user = peer(0, "session", w.bus_url), *web = peer(2, "other", w.web_url),
           *node     = peer(1, NULL, w.bus_url);
    peer_request_t r = request(2, "echo", "");
    r.payload        = (bytes_t){big, len};
    (void)peer_request(user, &r, hear, &heard[0]);
    (void)peer_request(web, &r, hear, &heard[1]);
    UNTIL(heard[0].count && heard[1].count);
    EQ(heard[0].status, PEER_OK);
    EQ(heard[0].len, len);
    EQ(heard[1].len, len);
    r.payload.len = RMB_MESSAGE_MAX;
    heard[0]      = (heard_t){0};
    (void)peer_request(user, &r, hear, &heard[0]);
    UNTIL(heard[0].count);
    EQ(heard[0].status, PEER_TOO_LONG);
    free(big);
    peer_free(user);
    peer_free(web);
    peer_free(node);
    done();
}

static void waits(bool is_web)
{
    fresh();
    heard_t heard = {0};
    peer_t *user  = peer(0, "session", w.bus_url);
    UNTIL(peer_is_connected(user));
    peer_request_t r = request(2, "echo", "[1]");
    (void)peer_request(user, &r, hear, &heard);
    relay_stats_t stats = {0};
    UNTIL((relay_stats(relay_io_core(w.relay), &stats), stats.stored_count == 1));
    relay_down();
    settle();
    relay_up();
    peer_t *node = peer(1, NULL, is_web ? w.web_url : w.bus_url);
    UNTIL(heard.count);
    EQ(heard.status, PEER_OK);
    OK(strcmp(heard.text, "[1]") == 0);
    peer_free(user);
    peer_free(node);
    done();
}

TEST(a_request_waits_for_its_node_and_survives_a_restart_of_the_relay) { waits(false); }
TEST(a_request_waits_for_a_websocket_node) { waits(true); }

TEST(the_relay_says_when_nobody_is_there)
{
    fresh();
    heard_t heard    = {0};
    peer_t *user     = peer(0, "session", w.bus_url);
    peer_request_t r = request(2, "echo", "[1]");
    r.tags           = "fail-fast";
    (void)peer_request(user, &r, hear, &heard);
    UNTIL(heard.count);
    EQ(heard.status, PEER_RELAY);
    OK(strcmp(heard.error, "destination offline") == 0);
    peer_free(user);
    done();
}

TEST(a_request_that_nobody_answers_times_out)
{
    fresh();
    heard_t heard = {0};
    peer_t *user = peer(0, "session", w.bus_url), *node = peer(1, NULL, w.bus_url);
    peer_request_t r = request(2, "silence", "1");
    r.expiration_s   = 1;
    asked            = 0;
    (void)peer_request(user, &r, hear, &heard);
    UNTIL(heard.count);
    EQ(heard.status, PEER_TIMEOUT);
    r.expiration_s  = 20;
    uint64_t ticket = peer_request(user, &r, hear, &heard);
    int before      = asked; /* 0 where the first was late */
    UNTIL(asked > before);
    peer_cancel(user, ticket);
    (void)peer_request(user, &r, hear, &heard);
    peer_free(user);
    EQ(heard.count, 2);
    EQ(heard.status, PEER_CLOSED);
    peer_free(node);
    done();
}

TEST(a_blocking_ask_answers)
{
    fresh();
    static uint8_t room[4096];
    arena_t arena = {.start = room, .size = sizeof room};
    peer_t *user = peer(0, "session", w.bus_url), *node = peer(1, NULL, w.web_url);
    peer_request_t r = request(2, "echo", "{\"a\":2}");
    peer_answer_t got;
    EQ(peer_ask(user, &r, &arena, &got), PEER_OK);
    OK(bytes_equal(got.payload, BYTES("{\"a\":2}")));
    arena.size = 4;
    EQ(peer_ask(user, &r, &arena, &got), PEER_TOO_LONG);
    peer_free(user);
    peer_free(node);
    done();
}

/* ---- against hostile ones ---- */

typedef struct {
    int opened, closed, status;
    char error[64];
} socket_t;

static void on_socket_open(void *self, web_session_t *session)
{
    (void)session;
    ((socket_t *)self)->opened++;
}
static void on_socket_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    static uint8_t room[65536];
    arena_t arena = {.start = room, .size = sizeof room};
    envelope_t envelope;
    (void)session;
    (void)is_text;
    if (envelope_decode(message, &arena, &envelope) == ENVELOPE_OK && envelope.error_message)
        snprintf(((socket_t *)self)->error, sizeof((socket_t *)self)->error, "%s", envelope.error_message);
}
static void on_socket_close(void *self, web_session_t *session, int status, const char *reason)
{
    (void)session;
    (void)reason;
    ((socket_t *)self)->closed++;
    ((socket_t *)self)->status = status;
}

static web_session_t *dial(socket_t *s, const char *query)
{
    char url[TOKEN_MAX + 128];
    snprintf(url, sizeof url, "%s/any/path%s%s", w.web_url, query[0] ? "?" : "", query);
    web_client_handler_t handler = {
        .self = s, .on_open = on_socket_open, .on_message = on_socket_message, .on_close = on_socket_close};
    return web_connect(w.io, url, NULL, 0, &handler);
}

TEST(a_websocket_without_a_good_token_is_refused_before_the_upgrade)
{
    fresh();
    char good[TOKEN_MAX + 1], unknown[TOKEN_MAX + 1], forged[TOKEN_MAX + 1], old[TOKEN_MAX + 1];
    uint64_t now_s = io_now_ms(w.io) / 1000;
    OK(token_write(&keys[0], 1, NULL, now_s, 60, good) && token_write(&keys[0], 9, NULL, now_s, 60, unknown));
    OK(token_write(&keys[0], 2, NULL, now_s, 60, forged) &&
       token_write(&keys[0], 1, NULL, now_s - 100, 60, old));
    good[token_write(&keys[0], 1, NULL, now_s, 60, good)]       = 0;
    unknown[token_write(&keys[0], 9, NULL, now_s, 60, unknown)] = 0;
    forged[token_write(&keys[0], 2, NULL, now_s, 60, forged)]   = 0;
    old[token_write(&keys[0], 1, NULL, now_s - 100, 60, old)]   = 0;
    const struct {
        const char *query;
        int status;
    } cases[] = {
        {"",        400},
        {"rubbish", 401},
        {unknown,   401},
        {forged,    401},
        {old,       401}
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        socket_t s = {0};
        OK(dial(&s, cases[i].query));
        UNTIL(s.closed);
        EQ(s.opened, 0);
        EQ(s.status, cases[i].status);
    }
    socket_t s            = {0};
    web_session_t *socket = dial(&s, good);
    UNTIL(s.opened);
    OK(web_send(socket, BYTES("text"), true));
    UNTIL(s.closed);
    done();
}

/* An envelope of twin 1, as a client of another make would send it. */
static bytes_t made(uint32_t source, const char *uid, const keypair_t *signer)
{
    static uint8_t wire[1024];
    uint8_t signature[65];
    envelope_t e = {
        .uid             = uid,
        .timestamp_s     = io_now_ms(w.io) / 1000,
        .expiration_s    = 20,
        .has_source      = true,
        .has_destination = true,
        .source          = {source, NULL},
        .destination     = {2,      NULL},
        .kind            = ENVELOPE_REQUEST,
        .command         = "silence",
        .schema          = "application/json",
        .payload_kind    = PAYLOAD_PLAIN,
        .payload         = BYTES("1")
    };
    if (!envelope_sign(&e, signer, signature)) exit(1);
    envelope_encode(&e, wire);
    return (bytes_t){wire, envelope_encoded_len(&e)};
}

TEST(forged_and_repeated_requests_do_not_reach_the_handler)
{
    fresh();
    char token[TOKEN_MAX + 1];
    uint64_t now_s                                          = io_now_ms(w.io) / 1000;
    token[token_write(&keys[0], 1, NULL, now_s, 60, token)] = 0;
    peer_t *node                                            = peer(1, NULL, w.bus_url);
    socket_t s                                              = {0};
    web_session_t *socket                                   = dial(&s, token);
    UNTIL(s.opened && peer_is_connected(node));
    asked = 0;
    OK(web_send(socket, made(1, "forged", &keys[2]), false));
    OK(web_send(socket, made(1, "good", &keys[0]), false));
    OK(web_send(socket, made(1, "good", &keys[0]), false));
    OK(web_send(socket, made(1, "last", &keys[0]), false));
    UNTIL(asked == 2);
    settle();
    EQ(asked, 2);
    OK(web_send(socket, made(3, "wrong", &keys[2]), false));
    UNTIL(strcmp(s.error, "message wrong source") == 0);
    web_close(socket, 1000, "");
    UNTIL(s.closed);
    peer_free(node);
    done();
}

TEST(the_newest_session_wins_whatever_its_transport)
{
    fresh();
    peer_t *first = peer(1, NULL, w.bus_url);
    UNTIL(peer_is_connected(first));
    char token[TOKEN_MAX + 1];
    token[token_write(&keys[1], 2, NULL, io_now_ms(w.io) / 1000, 60, token)] = 0;
    socket_t s                                                               = {0};
    OK(dial(&s, token));
    UNTIL(s.opened && !peer_is_connected(first));
    UNTIL(s.closed); /* the peer comes back, and is newer */
    UNTIL(peer_is_connected(first));
    peer_free(first);
    done();
}

TEST(a_peer_with_a_wrong_key_stays_out)
{
    fresh();
    peer_t *liar = peer_new(&(peer_config_t){
        .io = w.io, .twin = 1, .key = &keys[2], .twins = w.twins, .relays = {w.bus_url}, .relay_count = 1});
    OK(liar);
    heard_t heard    = {0};
    peer_request_t r = request(2, "echo", "1");
    r.expiration_s   = 1;
    (void)peer_request(liar, &r, hear, &heard);
    UNTIL(heard.count);
    EQ(heard.status, PEER_TIMEOUT);
    OK(!peer_is_connected(liar));
    peer_free(liar);
    keypair_t ecdsa;
    EQ(key_from_suri("//A", KEY_ECDSA, &ecdsa), KEY_OK);
    OK(!peer_new(&(peer_config_t){
        .io = w.io, .twin = 1, .key = &ecdsa, .twins = w.twins, .relays = {w.bus_url}, .relay_count = 1}));
    OK(!peer_new(&(peer_config_t){
        .io = w.io, .twin = 1, .key = &keys[0], .twins = w.twins, .relays = {"ftp://x"}, .relay_count = 1}));
    settle();
    done();
}

/* ---- HTTP ---- */

typedef struct {
    int status;
    char body[64];
} page_t;

static void on_page(void *self, int status, bytes_t body)
{
    page_t *page = self;
    page->status = status;
    snprintf(page->body, sizeof page->body, "%.*s", (int)body.len, (const char *)body.data);
}

static page_t fetch(const char *method, const char *path, bytes_t body)
{
    char url[128];
    page_t page = {.status = -1};
    snprintf(url, sizeof url, "http%s%s", w.web_url + 2, path);
    uint64_t end = io_ticks_ms(w.io) + WAIT_MS;
    if (!web_fetch(w.io, method, url, NULL, "application/octet-stream", body, 5000, on_page, &page)) exit(1);
    while (page.status == -1 && io_ticks_ms(w.io) < end)
        io_step(w.io, 20);
    return page;
}

TEST(an_address_posts_no_more_than_its_limit)
{
    static const uint8_t long_body[INBOX_BYTES + 1];
    fresh();
    EQ(fetch("POST", "/", (bytes_t){long_body, sizeof long_body}).status, 503);
    EQ(fetch("GET", "/health", (bytes_t){0}).status, 200);
    EQ(inbox_limit_refused(w.inbox_limit), 1);
    done();
}

TEST(pages_and_the_inbox_answer)
{
    fresh();
    page_t page = fetch("GET", "/metrics", (bytes_t){0});
    EQ(page.status, 200);
    OK(strcmp(page.body, "m\n") == 0);
    EQ(fetch("GET", "/health", (bytes_t){0}).status, 200);
    page = fetch("GET", "/", (bytes_t){0});
    EQ(page.status, 404);
    OK(strcmp(page.body, "page not found") == 0);
    EQ(fetch("POST", "/", BYTES("rubbish")).status, 400);
    EQ(fetch("POST", "/", made(1, "u", &keys[1])).status, 401);
    page = fetch("POST", "/", made(1, "u", &keys[0]));
    EQ(page.status, 202);
    OK(page.body[0] == 0);
    done();
}

int main(int argc, char **argv) { return crypto_init() ? test_main_(argc, argv) : 1; }
