/* relay_world.h - a relay without sockets, clock or disk: its links, its chain and its store are this world.
 *
 * A test file includes it once; not every one needs all of it. */
#ifndef RELAY_WORLD_H
#define RELAY_WORLD_H
#include "test.h"

#include "envelope.h"
#include "relay.h"

#include <assert.h>

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"

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
    bool is_slow_disk, is_full_disk;
    bool (*put)(void *self, const relay_row_t *row); /* the store's own */
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

static bool put_row(void *self, const relay_row_t *row) { return !w.is_full_disk && w.put(self, row); }

static const char *const domains[] = {"here", "also"};

static void start(uint32_t limit)
{
    relay_ops_t ops       = {NULL, now_ms, wake, on_ack, on_close, commit_soon, federate};
    w.twins               = twin_cache_new(&(twin_source_t){NULL, get_twin}, 8);
    w.store               = relay_store_memory_ops(w.memory);
    w.store.sync          = sync_later;
    w.put                 = w.store.put;
    w.store.put           = put_row;
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

#endif
