/* relay.c - mailboxes: what waits for whom, in memory and in the store. */
#include "relay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay_internal.h"

#define STORE_BYTES_MAX (UINT64_C(1) << 30)
#define EXPIRE_PER_TICK 4096

/* ---- messages ---- */

relay_message_t *relay_message_new(const envelope_t *envelope, bytes_t wire)
{
    const char *uid          = envelope->uid ? envelope->uid : "";
    size_t uid_len           = strlen(uid);
    relay_message_t *message = malloc(sizeof *message + uid_len + 1 + wire.len);
    if (!message) return NULL;
    *message          = (relay_message_t){.refs = 1, .is_request = envelope->kind == ENVELOPE_REQUEST};
    message->from     = relay_address_of(&envelope->source);
    message->to       = relay_address_of(&envelope->destination);
    message->uid      = (char *)(message + 1);
    message->wire     = (uint8_t *)message->uid + uid_len + 1;
    message->wire_len = wire.len;
    memcpy(message->uid, uid, uid_len + 1);
    memcpy(message->wire, wire.data, wire.len);
    return message;
}

bytes_t relay_message_wire(const relay_message_t *message)
{
    return (bytes_t){message->wire, message->wire_len};
}
const char *relay_message_uid(const relay_message_t *message) { return message->uid; }

relay_message_t *relay_message_hold(relay_message_t *message)
{
    assert(message->refs > 0 && message->refs < UINT32_MAX);
    message->refs++;
    return message;
}

static void session_drop(relay_session_t *session)
{
    if (session && --session->refs == 0) free(session);
}

void relay_message_drop(relay_message_t *message)
{
    if (--message->refs > 0) return;
    session_drop(message->sender);
    free(message);
}

void relay_settle(relay_t *relay, relay_message_t *message, relay_ack_t ack)
{
    relay_session_t *sender = message->sender;
    if (message->route) relay_route_settled(message->route, ack);
    if (!sender) return;
    message->sender = NULL;
    if (sender->mailbox) relay->ops.ack(relay->ops.self, sender->link, message->uid, ack);
    session_drop(sender);
}

uint64_t relay_now_s(const relay_t *relay) { return relay->ops.now_ms(relay->ops.self) / 1000; }

/* ---- addresses and mailboxes ---- */

relay_address_t relay_address_of(const envelope_address_t *address)
{
    relay_address_t to = {.twin = address->twin, .has_connection = address->connection != NULL};
    if (address->connection) memcpy(to.connection, address->connection, strlen(address->connection) + 1);
    return to;
}

bool relay_address_equal(const relay_address_t *a, const relay_address_t *b)
{
    return a->twin == b->twin && a->has_connection == b->has_connection &&
           strcmp(a->connection, b->connection) == 0;
}

static mailbox_t **bucket_of(relay_t *relay, const relay_address_t *address)
{
    uint32_t hash = (address->twin ^ 2166136261u) * 16777619u;
    for (const char *c = address->connection; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    return &relay->mailboxes[hash % MAILBOX_BUCKETS];
}

mailbox_t *relay_mailbox_get(relay_t *relay, const relay_address_t *address)
{
    mailbox_t *mailbox = *bucket_of(relay, address);
    while (mailbox && !relay_address_equal(&mailbox->address, address))
        mailbox = mailbox->next;
    return mailbox;
}

static mailbox_t *mailbox_open(relay_t *relay, const relay_address_t *address)
{
    mailbox_t *mailbox = relay_mailbox_get(relay, address);
    if (mailbox) return mailbox;
    mailbox            = calloc(1, sizeof *mailbox);
    mailbox->address   = *address;
    mailbox_t **bucket = bucket_of(relay, address);
    mailbox->next      = *bucket;
    *bucket            = mailbox;
    return mailbox;
}

static bool mailbox_is_idle(const mailbox_t *mailbox)
{
    return !mailbox->session && !mailbox->window.first && mailbox->row_count == 0;
}

static void mailbox_free_idle(relay_t *relay, mailbox_t *mailbox)
{
    if (!mailbox_is_idle(mailbox)) return;
    mailbox_t **at = bucket_of(relay, &mailbox->address);
    while (*at != mailbox)
        at = &(*at)->next;
    *at = mailbox->next;
    free(mailbox);
}

/* ---- the window of a mailbox ---- */

/* Many sessions that take nothing must not fill the memory: what finds no room here waits in the store. */
static bool memory_has_room(const relay_t *relay, uint32_t len)
{
    uint64_t max = relay->config.memory_max ? relay->config.memory_max : RELAY_MEMORY_MAX;
    return relay->window_bytes + len <= max;
}

static bool window_has_room(const relay_t *relay, const mailbox_t *mailbox, uint32_t len)
{
    const window_t *window = &mailbox->window;
    return window->count == 0 || (window->count < RELAY_WINDOW_COUNT &&
                                  window->bytes + len <= RELAY_WINDOW_BYTES && memory_has_room(relay, len));
}

static void window_append(relay_t *relay, mailbox_t *mailbox, relay_message_t *message)
{
    window_t *window  = &mailbox->window;
    message->next     = NULL;
    message->previous = window->last;
    if (window->last)
        window->last->next = message;
    else
        window->first = message;
    window->last = message;
    window->count++;
    window->bytes += message->wire_len;
    relay->window_bytes += message->wire_len;
    if (!mailbox->pull) mailbox->pull = message;
    mailbox->loaded_seq = message->seq;
    relay_message_hold(message);
}

static void window_remove(relay_t *relay, mailbox_t *mailbox, relay_message_t *message)
{
    window_t *window = &mailbox->window;
    if (mailbox->pull == message) mailbox->pull = message->next;
    if (message->previous)
        message->previous->next = message->next;
    else
        window->first = message->next;
    if (message->next)
        message->next->previous = message->previous;
    else
        window->last = message->previous;
    message->next = message->previous = NULL;
    window->count--;
    window->bytes -= message->wire_len;
    relay->window_bytes -= message->wire_len;
    if (message->is_pulled) mailbox->pulled_count--;
    message->is_pulled = false;
    relay_message_drop(message);
}

/* ---- young messages: in memory only, until the next commit ---- */

static void commit_soon(relay_t *relay)
{
    if (relay->is_commit_due) return;
    relay->is_commit_due = true;
    relay->ops.commit_soon(relay->ops.self);
}

static void young_add(relay_t *relay, relay_message_t *message)
{
    message->is_young       = true;
    message->young_next     = NULL;
    message->young_previous = relay->young_last;
    if (relay->young_last)
        relay->young_last->young_next = message;
    else
        relay->young_first = message;
    relay->young_last = message;
    commit_soon(relay);
}

static void young_remove(relay_t *relay, relay_message_t *message)
{
    if (!message->is_young) return;
    message->is_young = false;
    if (message->young_previous)
        message->young_previous->young_next = message->young_next;
    else
        relay->young_first = message->young_next;
    if (message->young_next)
        message->young_next->young_previous = message->young_previous;
    else
        relay->young_last = message->young_previous;
}

/* ---- rows ---- */

static relay_row_t row_of(const relay_message_t *message)
{
    return (relay_row_t){.seq        = message->seq,
                         .deadline_s = message->deadline_s,
                         .to         = message->to,
                         .is_outward = message->is_outward,
                         .wire       = relay_message_wire(message)};
}

static void wait_for_disk(relay_t *relay, relay_message_t *message)
{
    waiting_t *waiting = &relay->unsynced;
    if (waiting->count == waiting->cap) {
        waiting->cap   = waiting->cap ? waiting->cap * 2 : 64;
        waiting->items = realloc(waiting->items, waiting->cap * sizeof(relay_message_t *));
        assert(waiting->items);
    }
    waiting->items[waiting->count++] = relay_message_hold(message);
}

bool relay_put(relay_t *relay, relay_message_t *message)
{
    uint64_t max  = relay->config.store_bytes_max ? relay->config.store_bytes_max : STORE_BYTES_MAX;
    uint64_t used = relay->stats.stored_bytes + relay->stats.stored_count * RELAY_ROW_COST;
    if (used + message->wire_len + RELAY_ROW_COST > max) return false;
    relay_row_t row = row_of(message);
    if (!relay->store.put(relay->store.self, &row)) return false;
    message->is_stored = true;
    relay->stats.stored_count++;
    relay->stats.stored_bytes += message->wire_len;
    relay->has_unsynced = true;
    if (message->sender || message->route) wait_for_disk(relay, message);
    commit_soon(relay);
    return true;
}

static void row_forget(relay_t *relay, uint32_t len)
{
    relay->stats.stored_count--;
    relay->stats.stored_bytes -= len;
}

void relay_remove_row(relay_t *relay, relay_message_t *message)
{
    if (!message->is_stored) return;
    relay_row_t row = row_of(message);
    relay->store.remove(relay->store.self, &row);
    message->is_stored = false;
    row_forget(relay, message->wire_len);
}

/* ---- posting ---- */

static void wake(relay_t *relay, mailbox_t *mailbox)
{
    if (mailbox->session) relay->ops.wake(relay->ops.self, mailbox->session->link);
}

/* post_row leaves a message in the store, for its session to load. */
static post_t post_row(relay_t *relay, mailbox_t *mailbox, relay_message_t *message)
{
    post_t result = POST_OK;
    if (message->deadline_s <= relay_now_s(relay))
        result = POST_EXPIRED;
    else if (mailbox->row_count + mailbox->window.count >= RELAY_QUEUE_COUNT_MAX ||
             mailbox->row_bytes + mailbox->window.bytes + message->wire_len > RELAY_QUEUE_BYTES_MAX ||
             !relay_put(relay, message))
        result = POST_FULL;
    if (result == POST_OK) {
        mailbox->row_count++;
        mailbox->row_bytes += message->wire_len;
        wake(relay, mailbox);
    } else {
        mailbox_free_idle(relay, mailbox);
    }
    return result;
}

post_t relay_post(relay_t *relay, relay_message_t *message)
{
    mailbox_t *mailbox = mailbox_open(relay, &message->to);
    if (!message->seq) message->seq = ++relay->last_seq;
    if (mailbox->session && mailbox->row_count == 0 && memory_has_room(relay, message->wire_len) &&
        window_has_room(relay, mailbox, message->wire_len)) {
        window_append(relay, mailbox, message);
        young_add(relay, message);
        wake(relay, mailbox);
        return POST_OK;
    }
    return post_row(relay, mailbox, message);
}

post_t relay_post_row(relay_t *relay, relay_message_t *message)
{
    mailbox_t *mailbox = mailbox_open(relay, &message->to);
    message->seq       = ++relay->last_seq; /* behind what the session has loaded */
    return post_row(relay, mailbox, message);
}

post_t relay_turn_inward(relay_t *relay, relay_message_t *message)
{
    const relay_row_t outward = row_of(message);
    assert(message->is_stored && message->is_outward);
    message->is_stored = message->is_outward = false;
    row_forget(relay, message->wire_len); /* the new row takes the room of the old one */
    post_t result = relay_post_row(relay, message);
    if (result == POST_OK) {
        relay->store.remove(relay->store.self, &outward);
        return POST_OK;
    }
    message->is_stored = message->is_outward = true;
    message->seq                             = outward.seq;
    relay->stats.stored_count++;
    relay->stats.stored_bytes += message->wire_len;
    return result;
}

/* Nobody takes the window any more: what is not in the store yet goes there. */
static void window_to_store(relay_t *relay, mailbox_t *mailbox)
{
    while (mailbox->window.first) {
        relay_message_t *message = relay_message_hold(mailbox->window.first);
        uint32_t len             = message->wire_len;
        assert(!message->previous);
        window_remove(relay, mailbox, message);
        young_remove(relay, message);
        bool is_alive = message->deadline_s > relay_now_s(relay);
        if (!is_alive) relay_remove_row(relay, message);
        bool is_shut = message->route && relay_route_is_shut(message->route);
        if (message->is_stored || (is_alive && !is_shut && relay_put(relay, message))) {
            mailbox->row_count++;
            mailbox->row_bytes += len;
        } else if (is_alive && message->route) {
            relay_settle(relay, message, RELAY_REFUSED); /* the relay that brought it tries again */
        } else if (is_alive && !relay_address_equal(&message->from, &mailbox->address)) {
            relay_refuse(relay, message, "no room for more messages to this destination");
        } else {
            relay->stats.expired++;
            relay_settle(relay, message, RELAY_REFUSED);
        }
        relay_message_drop(message);
    }
    mailbox->pull       = NULL;
    mailbox->loaded_seq = 0;
}

/* ---- sessions ---- */

static void session_end(relay_t *relay, mailbox_t *mailbox)
{
    relay_session_t *session = mailbox->session;
    mailbox->session         = NULL;
    session->mailbox         = NULL;
    window_to_store(relay, mailbox);
    relay->stats.sessions--;
    session_drop(session);
}

relay_session_t *relay_session_open(relay_t *relay, const relay_address_t *address, void *link,
                                    bool wants_acks)
{
    mailbox_t *mailbox = mailbox_open(relay, address);
    if (mailbox->session) {
        void *old = mailbox->session->link;
        session_end(relay, mailbox);
        relay->stats.evicted_replaced++;
        relay->ops.close(relay->ops.self, old, RELAY_CLOSE_REPLACED);
    }
    relay_session_t *session = calloc(1, sizeof *session);
    *session = (relay_session_t){.refs = 1, .mailbox = mailbox, .link = link, .wants_acks = wants_acks};
    mailbox->session    = session;
    mailbox->loaded_seq = 0;
    mailbox->taken_ms   = relay->ops.now_ms(relay->ops.self);
    relay->stats.sessions++;
    return session;
}

void relay_session_close(relay_t *relay, relay_session_t *session)
{
    mailbox_t *mailbox = session->mailbox;
    assert(mailbox && mailbox->session == session);
    session_end(relay, mailbox);
    relay->stats.evicted_closed++;
    mailbox_free_idle(relay, mailbox);
}

typedef struct {
    relay_t *relay;
    mailbox_t *mailbox;
} loading_t;

static relay_message_t *message_of_row(relay_t *relay, const relay_row_t *row)
{
    arena_t arena = {.start = relay->scratch, .size = SCRATCH_LEN};
    envelope_t envelope;
    if (envelope_decode(row->wire, &arena, &envelope) != ENVELOPE_OK) return NULL;
    relay_message_t *message = relay_message_new(&envelope, row->wire);
    if (!message) return NULL;
    message->seq        = row->seq;
    message->deadline_s = row->deadline_s;
    message->to         = row->to;
    message->is_outward = row->is_outward;
    message->is_stored  = true;
    return message;
}

static bool load_row(void *context, const relay_row_t *row)
{
    loading_t *loading = context;
    mailbox_t *mailbox = loading->mailbox;
    if (!window_has_room(loading->relay, mailbox, row->wire.len)) return false;
    relay_message_t *message = message_of_row(loading->relay, row);
    if (!message) return false;
    window_append(loading->relay, mailbox, message);
    mailbox->row_count--;
    mailbox->row_bytes -= message->wire_len;
    relay_message_drop(message);
    return true;
}

relay_message_t *relay_session_next(relay_t *relay, relay_session_t *session)
{
    mailbox_t *mailbox = session->mailbox;
    assert(mailbox);
    if (!mailbox->pull && mailbox->row_count > 0 && window_has_room(relay, mailbox, 0)) {
        loading_t loading = {.relay = relay, .mailbox = mailbox};
        relay->store.load(relay->store.self, &mailbox->address, mailbox->loaded_seq, load_row, &loading);
    }
    relay_message_t *message = mailbox->pull;
    if (!message) return NULL;
    mailbox->pull      = message->next;
    message->is_pulled = true;
    if (mailbox->pulled_count++ == 0) mailbox->taken_ms = relay->ops.now_ms(relay->ops.self);
    return relay_message_hold(message);
}

void relay_session_taken(relay_t *relay, relay_session_t *session, relay_message_t *message)
{
    mailbox_t *mailbox = session->mailbox;
    assert(mailbox && message->is_pulled);
    relay->stats.tx++;
    relay->stats.tx_bytes += message->wire_len;
    mailbox->taken_ms = relay->ops.now_ms(relay->ops.self);
    young_remove(relay, message);
    relay_remove_row(relay, message);
    relay_settle(relay, message, RELAY_STORED);
    window_remove(relay, mailbox, message);
}

/* ---- commit and tick ---- */

static void sync_start(relay_t *relay);

static void sync_done(void *context)
{
    sync_t *sync   = context;
    relay_t *relay = sync->relay;
    free(sync);
    if (!relay) return;
    relay->sync = NULL;
    for (uint32_t i = 0; i < relay->syncing.count; i++) {
        relay_settle(relay, relay->syncing.items[i], RELAY_STORED);
        relay_message_drop(relay->syncing.items[i]);
    }
    relay->syncing.count = 0;
    if (relay->has_unsynced && !relay->is_commit_due) sync_start(relay);
}

static void sync_start(relay_t *relay)
{
    if (relay->sync || !relay->has_unsynced) return;
    waiting_t empty     = relay->syncing;
    relay->syncing      = relay->unsynced;
    relay->unsynced     = empty;
    relay->has_unsynced = false;
    relay->sync         = malloc(sizeof *relay->sync);
    relay->sync->relay  = relay;
    relay->store.sync(relay->store.self, sync_done, relay->sync);
}

/* A young message that finds no room stays in memory: its session is live, and may still take it.  Those
 * behind it wait too, and are tried again with the tick: on the disk nothing overtakes. */
void relay_commit(relay_t *relay)
{
    relay->is_commit_due = true; /* what is put here needs no other commit */
    uint64_t now_s       = relay_now_s(relay);
    while (relay->young_first) {
        relay_message_t *message = relay->young_first;
        if (message->deadline_s > now_s && !relay_put(relay, message)) break;
        young_remove(relay, message);
    }
    relay->is_commit_due = false;
    sync_start(relay);
}

static void window_expire(relay_t *relay, mailbox_t *mailbox, uint64_t now_s)
{
    relay_message_t *next;
    for (relay_message_t *message = mailbox->window.first; message; message = next) {
        next = message->next;
        if (message->deadline_s > now_s) continue;
        relay_remove_row(relay, message);
        if (message->is_pulled) continue; /* its link speaks of it still */
        young_remove(relay, message);
        relay_settle(relay, message, RELAY_REFUSED);
        relay->stats.expired++;
        window_remove(relay, mailbox, message);
    }
}

static bool row_expired(void *context, const relay_row_t *row)
{
    relay_t *relay = context;
    relay->stats.expired++;
    row_forget(relay, row->wire.len);
    mailbox_t *mailbox = row->is_outward ? NULL : relay_mailbox_get(relay, &row->to);
    if (!mailbox) return true;
    assert(mailbox->row_count > 0);
    mailbox->row_count--;
    mailbox->row_bytes -= row->wire.len;
    mailbox_free_idle(relay, mailbox);
    return true;
}

static void mailbox_tick(relay_t *relay, mailbox_t *mailbox, uint64_t now_ms)
{
    window_expire(relay, mailbox, now_ms / 1000);
    if (!mailbox->session || mailbox->pulled_count == 0 || now_ms < mailbox->taken_ms + RELAY_STALL_MS)
        return;
    void *link = mailbox->session->link;
    session_end(relay, mailbox);
    relay->stats.evicted_back_pressure++;
    relay->ops.close(relay->ops.self, link, RELAY_CLOSE_BACK_PRESSURE);
}

void relay_tick(relay_t *relay)
{
    uint64_t now_ms = relay->ops.now_ms(relay->ops.self);
    for (uint32_t i = 0; i < MAILBOX_BUCKETS; i++) {
        mailbox_t *next;
        for (mailbox_t *mailbox = relay->mailboxes[i]; mailbox; mailbox = next) {
            next = mailbox->next;
            mailbox_tick(relay, mailbox, now_ms);
            mailbox_free_idle(relay, mailbox);
        }
    }
    relay_route_tick(relay);
    if (relay->young_first) commit_soon(relay);
    relay->store.expire(relay->store.self, now_ms / 1000, EXPIRE_PER_TICK, row_expired, relay);
}

/* ---- the relay ---- */

static bool row_at_start(void *context, const relay_row_t *row)
{
    relay_t *relay = context;
    relay->stats.stored_count++;
    relay->stats.stored_bytes += row->wire.len;
    if (row->seq > relay->last_seq) relay->last_seq = row->seq;
    if (!row->is_outward) {
        mailbox_t *mailbox = mailbox_open(relay, &row->to);
        mailbox->row_count++;
        mailbox->row_bytes += row->wire.len;
        return true;
    }
    relay_message_t *message = message_of_row(relay, row);
    if (message) relay_resume(relay, message);
    return true;
}

relay_t *relay_new(const relay_config_t *config, const relay_ops_t *ops, const relay_store_t *store,
                   twin_cache_t *twins)
{
    assert(config->domain_count > 0 && config->domain_count <= RELAY_DOMAINS_CAP);
    relay_t *relay    = calloc(1, sizeof *relay);
    relay->config     = *config;
    relay->ops        = *ops;
    relay->store      = *store;
    relay->twins      = twins;
    relay->scratch    = malloc(SCRATCH_LEN);
    relay->routes_end = &relay->routes;
    for (uint32_t i = 0; i < config->domain_count; i++) {
        assert(strlen(config->domains[i]) <= RMB_RELAY_MAX);
        memcpy(relay->domains[i], config->domains[i], strlen(config->domains[i]) + 1);
    }
    relay->store.all(relay->store.self, row_at_start, relay);
    return relay;
}

static void waiting_free(waiting_t *waiting)
{
    for (uint32_t i = 0; i < waiting->count; i++)
        relay_message_drop(waiting->items[i]);
    free(waiting->items);
}

void relay_free(relay_t *relay)
{
    if (!relay) return;
    if (relay->sync) relay->sync->relay = NULL;
    relay_route_free_all(relay);
    relay->is_commit_due = true;
    for (uint32_t i = 0; i < MAILBOX_BUCKETS; i++) {
        while (relay->mailboxes[i]) {
            mailbox_t *mailbox = relay->mailboxes[i];
            if (mailbox->session) session_end(relay, mailbox);
            window_to_store(relay, mailbox);
            relay->mailboxes[i] = mailbox->next;
            free(mailbox);
        }
    }
    waiting_free(&relay->unsynced);
    waiting_free(&relay->syncing);
    relay_limits_free(relay);
    free(relay->scratch);
    free(relay);
}

void relay_stats(const relay_t *relay, relay_stats_t *stats) { *stats = relay->stats; }
