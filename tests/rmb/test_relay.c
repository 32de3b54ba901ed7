/* test_relay.c - the switch with a table for the chain, a list for the store and a clock of our own. */
#include "test.h"

#include "envelope.h"
#include "relay.h"

#include <assert.h>

#define LINKS 8
#define HOUR  3600

typedef struct {
    relay_session_t *session;
    relay_message_t *pulled[64];
    uint32_t pulled_count, woken;
    char acks[64][40]; /* "uid+" stored, "uid-" refused */
    uint32_t ack_count;
    int closed; /* reason + 1 */
} link_t;

static struct {
    uint64_t now_ms;
    relay_t *relay;
    twin_cache_t *twins;
    relay_store_memory_t *memory;
    relay_store_t store;
    uint32_t commits;
    link_t links[LINKS];
    relay_message_t *outward[8];
    char outward_to[8][64];
    uint32_t outward_count;
    void (*sync_done)(void *);
    void *sync_context;
    bool is_slow_disk;
    bool is_chain_down, is_chain_slow;
    twin_done_fn slow_done; /* the last question to a slow chain */
    void *slow_context;
    uint64_t memory_max, store_max;
    bool is_tracking;
} w;

static keypair_t keys[4];
static rmb_twin_t table[] = {
    {.id = 1,              .relay = "here"},
    {.id = 2,                    .relay = "far_here"},
    {.id = 3,.relay = "far"},
    {.id = 4             }
};

static void get_twin(void *self, uint32_t id, twin_done_fn done, void *context)
{
    (void)self;
    if (w.is_chain_slow) {
        w.slow_done    = done;
        w.slow_context = context;
        return;
    }
    if (w.is_chain_down) {
        done(context, TWIN_UNAVAILABLE, NULL);
        return;
    }
    bool is_known = id >= 1 && id <= 4;
    done(context, is_known ? TWIN_FOUND : TWIN_UNKNOWN, is_known ? &table[id - 1] : NULL);
}

static uint64_t now_ms(void *self)
{
    (void)self;
    return w.now_ms;
}
static void wake(void *self, void *link)
{
    (void)self;
    ((link_t *)link)->woken++;
}
static void commit_soon(void *self)
{
    (void)self;
    w.commits++;
}
static void on_ack(void *self, void *link, const char *uid, relay_ack_t ack)
{
    (void)self;
    link_t *l = link;
    if (l->ack_count < 64)
        snprintf(l->acks[l->ack_count], sizeof l->acks[0], "%s%c", uid, ack == RELAY_STORED ? '+' : '-');
    l->ack_count++;
}
static void on_close(void *self, void *link, relay_close_t reason)
{
    (void)self;
    ((link_t *)link)->session = NULL;
    ((link_t *)link)->closed  = (int)reason + 1;
}
static void federate(void *self, relay_message_t *message, const char *relay)
{
    (void)self;
    snprintf(w.outward_to[w.outward_count], sizeof w.outward_to[0], "%s", relay);
    w.outward[w.outward_count++] = message;
}
static void sync_later(void *self, void (*done)(void *), void *context)
{
    (void)self;
    if (!w.is_slow_disk) {
        done(context);
        return;
    }
    assert(!w.sync_done);
    w.sync_done    = done;
    w.sync_context = context;
}
static void disk_is_done(void)
{
    void (*done)(void *) = w.sync_done;
    w.sync_done          = NULL;
    if (done) done(w.sync_context);
}

static const char *const domains[] = {"here", "also"};

static void start(uint32_t limit)
{
    relay_ops_t ops       = {NULL, now_ms, wake, on_ack, on_close, commit_soon, federate};
    w.twins               = twin_cache_new(&(twin_source_t){NULL, get_twin}, 8);
    w.store               = relay_store_memory_ops(w.memory);
    w.store.sync          = sync_later;
    relay_config_t config = {.domains         = domains,
                             .domain_count    = 2,
                             .limit_count     = limit,
                             .is_tracking     = w.is_tracking,
                             .memory_max      = w.memory_max,
                             .store_bytes_max = w.store_max};
    w.relay               = relay_new(&config, &ops, &w.store, w.twins);
}

static void fresh(void)
{
    memset(&w, 0, sizeof w);
    w.now_ms = 1700000000000;
    w.memory = relay_store_memory_new();
    for (uint32_t i = 0; i < 4; i++) {
        if (key_from_seed((uint8_t[32]){(uint8_t)(i + 1)}, KEY_ED25519, &keys[i]) != KEY_OK) exit(1);
        table[i].account = keys[i].account;
    }
    start(0);
}

static void drop_pulled(link_t *link)
{
    for (uint32_t i = 0; i < link->pulled_count; i++)
        relay_message_drop(link->pulled[i]);
    link->pulled_count = 0;
}

static void stop(void)
{
    for (int i = 0; i < LINKS; i++) {
        drop_pulled(&w.links[i]);
        if (w.links[i].session) relay_session_close(w.relay, w.links[i].session);
        w.links[i].session = NULL;
    }
    for (uint32_t i = 0; i < w.outward_count; i++)
        relay_message_drop(w.outward[i]);
    w.outward_count = 0;
    relay_free(w.relay);
    disk_is_done();
    twin_cache_free(w.twins);
}

static void done(void)
{
    stop();
    relay_store_memory_free(w.memory);
}

static link_t *session(int i, uint32_t twin, const char *connection)
{
    relay_address_t address = {.twin = twin, .has_connection = connection != NULL};
    if (connection) snprintf(address.connection, sizeof address.connection, "%s", connection);
    w.links[i]         = (link_t){0};
    w.links[i].session = relay_session_open(w.relay, &address, &w.links[i], true);
    return &w.links[i];
}

static envelope_t request(uint32_t from, const char *connection, uint32_t to, const char *uid)
{
    return (envelope_t){
        .uid             = uid,
        .timestamp_s     = w.now_ms / 1000,
        .expiration_s    = 60,
        .has_source      = true,
        .has_destination = true,
        .source          = {from, connection},
        .destination     = {to,   NULL      },
        .kind            = ENVELOPE_REQUEST,
        .command         = "c"
    };
}

static void send(link_t *link, const envelope_t *envelope)
{
    uint8_t wire[2048];
    envelope_encode(envelope, wire);
    relay_session_input(w.relay, link->session, (bytes_t){wire, envelope_encoded_len(envelope)});
}

static uint8_t room[65536];
static envelope_t got;

/* The next envelope for this link, or one without a uid. */
static const envelope_t *pull(link_t *link)
{
    got                      = (envelope_t){.uid = ""};
    relay_message_t *message = relay_session_next(w.relay, link->session);
    if (!message) return &got;
    link->pulled[link->pulled_count++] = message;
    arena_t arena                      = {.start = room, .size = sizeof room};
    if (envelope_decode(relay_message_wire(message), &arena, &got) != ENVELOPE_OK) exit(1);
    return &got;
}

static void take_all(link_t *link)
{
    for (uint32_t i = 0; i < link->pulled_count; i++)
        relay_session_taken(w.relay, link->session, link->pulled[i]);
    drop_pulled(link);
}

#define TEXT(a, b) OK(strcmp((a), (b)) == 0)

static uint64_t stored(void)
{
    relay_stats_t stats;
    relay_stats(w.relay, &stats);
    return stats.stored_count;
}

TEST(an_envelope_reaches_a_session_that_is_here)
{
    fresh();
    link_t *a = session(0, 1, "x"), *b = session(1, 2, NULL);
    envelope_t e = request(1, "x", 2, "u1");
    send(a, &e);
    OK(b->woken > 0);
    TEXT(pull(b)->uid, "u1");
    EQ(a->ack_count, 0);
    take_all(b);
    EQ(a->ack_count, 1);
    TEXT(a->acks[0], "u1+");
    EQ(stored(), 0);
    relay_commit(w.relay);
    EQ(stored(), 0);
    done();
}

TEST(rules_are_refused_with_rmb_rs_texts)
{
    static const struct {
        uint32_t from, to;
        const char *connection, *tags, *want;
    } cases[] = {
        {2, 2, "x",  NULL,          "message wrong source"               },
        {1, 2, NULL, NULL,          "message wrong source"               },
        {1, 0, "x",  NULL,          "message with missing destination"   },
        {1, 9, "x",  NULL,          "unknown twin destination"           },
        {1, 4, "x",  NULL,          "relay info is not set for this twin"},
        {1, 2, "x",  "a fail-fast", "destination offline"                },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fresh();
        link_t *a    = session(0, 1, "x");
        envelope_t e = request(cases[i].from, cases[i].connection, cases[i].to, "u");
        e.tags       = cases[i].tags;
        send(a, &e);
        const envelope_t *report = pull(a);
        TEXT(report->uid, "u");
        EQ(report->kind, ENVELOPE_ERROR);
        TEXT(report->error_message, cases[i].want);
        EQ(report->error_code, 0);
        OK(!report->has_source && !report->signature.data);
        EQ(report->destination.twin, 1);
        TEXT(report->destination.connection, "x");
        EQ(report->expiration_s, 300);
        EQ(report->timestamp_s, w.now_ms / 1000);
        TEXT(a->acks[0], "u-");
        e.kind = ENVELOPE_RESPONSE;
        take_all(a);
        send(a, &e);
        TEXT(pull(a)->uid, "");
        done();
    }
}

TEST(a_ping_is_answered_whatever_its_destination)
{
    fresh();
    link_t *a         = session(0, 1, "x");
    envelope_t ping   = request(1, "x", 0, "p");
    ping.kind         = ENVELOPE_PING;
    ping.payload_kind = PAYLOAD_NONE;
    send(a, &ping);
    const envelope_t *pong = pull(a);
    EQ(pong->kind, ENVELOPE_PONG);
    TEXT(pong->uid, "p");
    EQ(pong->source.twin, 0);
    EQ(pong->destination.twin, 1);
    OK(bytes_equal(pong->payload, BYTES("hello world")));
    done();
}

TEST(what_comes_for_an_absent_one_waits_in_order)
{
    fresh();
    link_t *a = session(0, 1, NULL);
    envelope_t e;
    char uid[3] = "u0";
    for (int i = 0; i < 5; i++) {
        uid[1] = (char)('0' + i);
        e      = request(1, NULL, 2, uid);
        send(a, &e);
    }
    EQ(stored(), 5);
    link_t *b = session(1, 2, NULL);
    for (int i = 0; i < 5; i++) {
        uid[1] = (char)('0' + i);
        TEXT(pull(b)->uid, uid);
    }
    e = request(1, NULL, 2, "u5");
    send(a, &e);
    TEXT(pull(b)->uid, "u5");
    TEXT(pull(b)->uid, "");
    take_all(b);
    EQ(stored(), 0);
    done();
}

TEST(an_acknowledgement_waits_for_the_disk)
{
    fresh();
    w.is_slow_disk = true;
    link_t *a      = session(0, 1, NULL);
    envelope_t e   = request(1, NULL, 2, "one");
    send(a, &e);
    OK(w.commits > 0);
    EQ(a->ack_count, 0);
    relay_commit(w.relay);
    EQ(a->ack_count, 0);
    e = request(1, NULL, 2, "two");
    send(a, &e);
    relay_commit(w.relay);
    disk_is_done();
    EQ(a->ack_count, 1);
    TEXT(a->acks[0], "one+");
    disk_is_done();
    EQ(a->ack_count, 2);
    TEXT(a->acks[1], "two+");
    done();
}

TEST(what_a_session_does_not_take_is_stored_at_the_commit)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    send(a, &e);
    TEXT(pull(b)->uid, "u");
    EQ(stored(), 0);
    relay_commit(w.relay);
    EQ(stored(), 1);
    TEXT(a->acks[0], "u+");
    take_all(b);
    EQ(stored(), 0);
    EQ(a->ack_count, 1);
    done();
}

TEST(what_was_sent_but_not_taken_is_sent_again)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    send(a, &e);
    TEXT(pull(b)->uid, "u");
    drop_pulled(b);
    relay_session_close(w.relay, b->session);
    b->session = NULL;
    EQ(stored(), 1);
    b = session(1, 2, NULL);
    TEXT(pull(b)->uid, "u");
    take_all(b);
    done();
}

TEST(the_newest_session_replaces_the_older)
{
    fresh();
    link_t *a = session(0, 1, NULL), *old = session(1, 2, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    send(a, &e);
    link_t *young = session(2, 2, NULL);
    EQ(old->closed, RELAY_CLOSE_REPLACED + 1);
    OK(!old->session);
    TEXT(pull(young)->uid, "u");
    link_t *named = session(3, 2, "n");
    OK(!young->closed && named->session);
    e                        = request(1, NULL, 2, "v");
    e.destination.connection = "n";
    send(a, &e);
    TEXT(pull(named)->uid, "v");
    TEXT(pull(young)->uid, "");
    done();
}

TEST(a_relay_that_restarts_still_has_what_it_acknowledged)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 2, "u1");
    send(a, &e);
    e = request(1, NULL, 3, "far");
    send(a, &e);
    EQ(w.outward_count, 1);
    TEXT(w.outward_to[0], "far");
    relay_commit(w.relay);
    EQ(a->ack_count, 2);
    stop();
    start(0);
    EQ(w.outward_count, 1);
    EQ(stored(), 2);
    link_t *b = session(1, 2, NULL);
    TEXT(pull(b)->uid, "u1");
    a = session(0, 1, NULL);
    e = request(1, NULL, 2, "u2");
    send(a, &e);
    TEXT(pull(b)->uid, "u2");
    done();
}

TEST(a_chain_that_is_away_at_start_is_asked_again)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 3, "far");
    send(a, &e);
    stop();
    w.is_chain_down = true;
    start(0);
    EQ(w.outward_count, 0);
    EQ(stored(), 1);
    w.is_chain_down = false;
    relay_tick(w.relay);
    EQ(w.outward_count, 1);
    done();
}

TEST(messages_expire)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    send(a, &e);
    e.uid = "dead";
    e.timestamp_s -= 61;
    send(a, &e);
    TEXT(a->acks[0], "dead-");
    relay_commit(w.relay);
    TEXT(a->acks[1], "u+");
    EQ(stored(), 2); /* with the report of the dead one */
    w.now_ms += 61000;
    relay_tick(w.relay);
    EQ(stored(), 1);
    w.now_ms += 240000;
    relay_tick(w.relay);
    EQ(stored(), 0);
    TEXT(pull(session(1, 2, NULL))->uid, "");
    done();
}

TEST(a_long_life_is_cut_to_an_hour)
{
    fresh();
    link_t *a      = session(0, 1, NULL);
    envelope_t e   = request(1, NULL, 2, "u");
    e.expiration_s = UINT64_MAX;
    send(a, &e);
    EQ(stored(), 1);
    w.now_ms += (uint64_t)HOUR * 1000;
    relay_tick(w.relay);
    EQ(stored(), 0);
    done();
}

TEST(a_session_that_stalls_is_closed_and_its_messages_stay)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
    envelope_t e   = request(1, NULL, 2, "u");
    e.expiration_s = 600;
    send(a, &e);
    TEXT(pull(b)->uid, "u");
    w.now_ms += RELAY_STALL_MS - 1;
    relay_tick(w.relay);
    EQ(b->closed, 0);
    w.now_ms += 1;
    relay_tick(w.relay);
    EQ(b->closed, RELAY_CLOSE_BACK_PRESSURE + 1);
    drop_pulled(b);
    TEXT(pull(session(1, 2, NULL))->uid, "u");
    done();
}

TEST(more_than_the_window_waits_in_the_store)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
    char uid[12];
    for (int i = 0; i < RELAY_WINDOW_COUNT + 40; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        envelope_t e = request(1, NULL, 2, uid);
        send(a, &e);
        a->ack_count = 0;
    }
    EQ(stored(), 40);
    for (int i = 0; i < RELAY_WINDOW_COUNT + 40; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        TEXT(pull(b)->uid, uid);
        a->ack_count = 0;
        take_all(b);
    }
    TEXT(pull(b)->uid, "");
    EQ(stored(), 0);
    done();
}

TEST(sessions_that_take_nothing_fill_no_memory)
{
    fresh();
    stop();
    w.memory_max = 500;
    start(0);
    link_t *a = session(0, 1, NULL);
    char uid[12], name[4];
    for (int i = 0; i < 60; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        snprintf(name, sizeof name, "%d", i % 6);
        if (i < 6) session(i + 1, 2, name);
        envelope_t e             = request(1, NULL, 2, uid);
        e.destination.connection = name;
        send(a, &e);
    }
    relay_stats_t stats;
    relay_stats(w.relay, &stats);
    OK(stats.stored_count > 30); /* without being committed: they are nowhere else */
    for (int i = 0; i < 60; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        TEXT(pull(&w.links[i % 6 + 1])->uid, uid);
        take_all(&w.links[i % 6 + 1]);
    }
    EQ(stored(), 0);
    done();
}

TEST(small_messages_to_many_names_count_as_what_they_take)
{
    fresh();
    stop();
    w.store_max = 100 * RELAY_ROW_COST;
    start(0);
    link_t *a = session(0, 1, NULL);
    char name[16];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "n%d", i);
        envelope_t e             = request(1, NULL, 2, "u");
        e.destination.connection = name;
        send(a, &e);
    }
    OK(stored() > 50 && stored() < 100);
    done();
}

TEST(what_waits_for_the_chain_is_not_overtaken)
{
    fresh();
    w.is_chain_slow = true;
    link_t *a       = session(0, 1, NULL);
    envelope_t e    = request(1, NULL, 2, "first");
    send(a, &e);
    link_t *b = session(1, 2, NULL); /* it comes while the relay still asks */
    e.uid     = "second";
    send(a, &e);
    TEXT(pull(b)->uid, "");
    w.slow_done(w.slow_context, TWIN_UNAVAILABLE, NULL); /* it is here, whatever the chain says */
    TEXT(pull(b)->uid, "first");
    TEXT(pull(b)->uid, "second");
    e.uid = "third";
    send(a, &e);
    TEXT(pull(b)->uid, "third");
    done();
}

TEST(what_waits_for_the_chain_has_a_limit)
{
    fresh();
    w.is_chain_slow = true;
    link_t *a       = session(0, 1, NULL);
    uint32_t len    = RMB_MESSAGE_MAX - 100;
    uint8_t *data = calloc(1, len), *wire = malloc(RMB_MESSAGE_MAX);
    envelope_t e   = request(1, NULL, 2, "u");
    e.payload_kind = PAYLOAD_PLAIN;
    e.payload      = (bytes_t){data, len};
    envelope_encode(&e, wire);
    for (int i = 0; i < 6; i++)
        relay_session_input(w.relay, a->session, (bytes_t){wire, envelope_encoded_len(&e)});
    EQ(a->ack_count, 2);
    TEXT(a->acks[0], "u-");
    TEXT(pull(a)->error_message, "too many messages wait for the chain");
    w.is_chain_slow = false;
    w.slow_done(w.slow_context, TWIN_UNKNOWN, NULL);
    EQ(a->ack_count, 6);
    free(data);
    free(wire);
    done();
}

TEST(a_queue_has_an_end)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 2, "u");
    for (int i = 0; i < RELAY_QUEUE_COUNT_MAX; i++)
        send(a, &e);
    EQ(stored(), RELAY_QUEUE_COUNT_MAX);
    EQ(a->ack_count, 0);
    send(a, &e);
    EQ(stored(), RELAY_QUEUE_COUNT_MAX);
    TEXT(a->acks[0], "u-");
    TEXT(pull(a)->error_message, "no room for more messages to this destination");
    done();
}

TEST(a_limit_counts_by_minute_and_twin)
{
    fresh();
    stop();
    start(3);
    link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL), *c = session(2, 1, "other");
    envelope_t e = request(1, NULL, 2, "u");
    for (int i = 0; i < 3; i++)
        send(a, &e);
    for (int i = 0; i < 3; i++)
        TEXT(pull(b)->uid, "u");
    send(a, &e);
    TEXT(pull(b)->uid, "");
    TEXT(pull(a)->error_message, "exceeded rate limits, dropping message");
    e = request(1, "other", 2, "v");
    send(c, &e);
    TEXT(pull(b)->uid, "");
    w.now_ms += 60000;
    send(c, &e);
    TEXT(pull(b)->uid, "v");
    done();
}

/* ---- federation ---- */

static int in_result;
static void on_in(void *context, relay_in_t in)
{
    (void)context;
    in_result = (int)in;
}

static int post(const envelope_t *envelope, int signer)
{
    envelope_t copy = *envelope;
    uint8_t wire[2048], signature[65];
    if (signer >= 0 && !envelope_sign(&copy, &keys[signer], signature)) exit(1);
    envelope_encode(&copy, wire);
    in_result = -1;
    relay_federation_input(w.relay, (bytes_t){wire, envelope_encoded_len(&copy)}, on_in, NULL);
    if (in_result == -1) relay_commit(w.relay);
    return in_result;
}

static void add_tracked(void *context, uint32_t twin, uint64_t count)
{
    ((uint64_t *)context)[twin] += count;
}

TEST(what_each_twin_sends_is_counted_when_asked_for)
{
    for (int i = 0; i < 2; i++) {
        uint64_t counts[5] = {0};
        fresh();
        stop();
        w.is_tracking = i == 1;
        start(0);
        link_t *a = session(0, 1, NULL), *b = session(1, 2, NULL);
        envelope_t e = request(1, NULL, 2, "u1");
        send(a, &e);
        e.uid = "u2";
        send(a, &e);
        e = request(2, NULL, 1, "u3");
        send(b, &e);
        relay_tracked(w.relay, add_tracked, counts);
        EQ(counts[1], i ? 2 : 0);
        EQ(counts[2], i ? 1 : 0);
        done();
    }
}

TEST(another_relay_may_post_what_is_signed)
{
    fresh();
    envelope_t e = request(3, NULL, 1, "u");
    EQ(post(&e, -1), RELAY_IN_FORGED);
    EQ(post(&e, 0), RELAY_IN_FORGED);
    EQ(post(&e, 2), RELAY_IN_ACCEPTED);
    EQ(stored(), 1);
    e.tags = "fail-fast";
    EQ(post(&e, 2), RELAY_IN_OFFLINE);
    link_t *b = session(0, 1, NULL);
    EQ(post(&e, 2), RELAY_IN_ACCEPTED);
    TEXT(pull(b)->uid, "u");
    e.destination.twin = 3;
    EQ(post(&e, 2), RELAY_IN_OFFLINE); /* not ours */
    e.destination.twin = 0;
    EQ(post(&e, 2), RELAY_IN_MALFORMED);
    e = request(9, NULL, 1, "u");
    EQ(post(&e, 2), RELAY_IN_FORGED);
    e = request(3, NULL, 1, "u");
    e.timestamp_s -= 100;
    EQ(post(&e, 2), RELAY_IN_MALFORMED);
    relay_federation_input(w.relay, BYTES("not an envelope"), on_in, NULL);
    EQ(in_result, RELAY_IN_MALFORMED);
    w.is_chain_down = true;
    e               = request(2, NULL, 1, "u");
    EQ(post(&e, 1), RELAY_IN_BUSY);
    done();
}

TEST(another_relay_hears_when_its_message_is_safe)
{
    fresh();
    w.is_slow_disk = true;
    envelope_t e   = request(3, NULL, 1, "u");
    EQ(post(&e, 2), -1);
    disk_is_done();
    EQ(in_result, RELAY_IN_ACCEPTED);
    link_t *b = session(0, 1, NULL);
    TEXT(pull(b)->uid, "u");
    take_all(b);
    EQ(post(&e, 2), -1);
    TEXT(pull(b)->uid, "u");
    take_all(b);
    EQ(in_result, RELAY_IN_ACCEPTED);
    EQ(post(&e, 2), -1);
    done(); /* the other relay is told to try again */
    EQ(in_result, RELAY_IN_BUSY);
}

TEST(what_goes_to_another_relay_is_told_of_its_end)
{
    fresh();
    link_t *a    = session(0, 1, NULL);
    envelope_t e = request(1, NULL, 3, "good");
    send(a, &e);
    e.uid = "bad";
    send(a, &e);
    EQ(w.outward_count, 2);
    EQ(stored(), 2);
    relay_federated(w.relay, w.outward[0], RELAY_FED_DONE);
    relay_federated(w.relay, w.outward[1], RELAY_FED_REFUSED);
    w.outward_count = 0;
    EQ(stored(), 0);
    TEXT(a->acks[0], "good+");
    TEXT(a->acks[1], "bad-");
    const envelope_t *report = pull(a);
    TEXT(report->uid, "bad");
    TEXT(report->error_message, "destination offline");
    done();
}

/* Each message is delivered or waits, in order, whatever sessions come and go. */
PROPERTY(nothing_is_lost_and_nothing_comes_out_of_order, 60)
{
    fresh();
    link_t *a = session(0, 1, NULL), *b = NULL;
    uint32_t sent = 0, taken = 0, seen = 0;
    for (int step = 0; step < 400; step++) {
        a->ack_count = 0;
        switch (random_below(random, 6)) {
        case 0:
        case 1: {
            char uid[12];
            snprintf(uid, sizeof uid, "%u", sent++);
            envelope_t e = request(1, NULL, 2, uid);
            send(a, &e);
            break;
        }
        case 2:
            if (b && b->session && b->pulled_count < 60) {
                const envelope_t *e = pull(b);
                if (e->uid[0]) EQ(strtoul(e->uid, NULL, 10), seen++);
            }
            break;
        case 3:
            if (b && b->session) {
                taken += b->pulled_count;
                take_all(b);
            }
            break;
        case 4: relay_commit(w.relay); break;
        default:
            if (random_below(random, 4)) break;
            if (b) drop_pulled(b);
            if (b && b->session && random_below(random, 2)) {
                relay_session_close(w.relay, b->session);
                b->session = NULL;
            }
            b    = session(1, 2, NULL);
            seen = taken;
        }
    }
    if (b) drop_pulled(b);
    b    = session(1, 2, NULL);
    seen = taken;
    while (seen < sent) {
        a->ack_count = 0;
        EQ(strtoul(pull(b)->uid, NULL, 10), seen++);
        take_all(b);
    }
    TEXT(pull(b)->uid, "");
    EQ(stored(), 0);
    done();
}

TEST_MAIN()
