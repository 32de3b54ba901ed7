/* relay_internal.h - what the two files of the switch share; see relay.h.
 *
 * A mailbox is one address: its live session, the messages in memory (the window) and the count of
 * those that are only in the store.  In order of seq the window comes first, the store's rows after. */
#ifndef RELAY_INTERNAL_H
#define RELAY_INTERNAL_H
#include "envelope.h"
#include "relay.h"

typedef struct mailbox mailbox_t;

struct relay_message {
    uint32_t refs;
    uint64_t seq, deadline_s;
    relay_address_t from, to;
    bool is_request, is_fail_fast, is_outward;
    bool is_stored;                   /* has a row */
    bool is_young;                    /* in memory only, to be stored at the next commit */
    bool is_pulled;                   /* its link has it */
    relay_session_t *sender;          /* held: it wants to hear that the message is safe; NULL once it did */
    struct route *route;              /* of another relay that wants to hear the same */
    relay_message_t *next, *previous; /* in its window */
    relay_message_t *young_next, *young_previous; /* in relay->young */
    char *uid;
    uint32_t wire_len;
    uint8_t *wire;
};

typedef struct {
    relay_message_t *first, *last;
    uint32_t count;
    uint64_t bytes;
} window_t;

struct mailbox {
    relay_address_t address;
    relay_session_t *session;
    window_t window;
    relay_message_t *pull; /* first of the window that was not pulled */
    uint64_t loaded_seq;   /* rows above it are not in the window */
    uint64_t taken_ms;     /* when something was taken last, or the first was pulled */
    uint32_t pulled_count;
    uint32_t row_count; /* rows that are not in the window */
    uint64_t row_bytes;
    mailbox_t *next; /* in its bucket */
};

struct relay_session {
    uint32_t refs;
    mailbox_t *mailbox; /* NULL: closed */
    void *link;
    bool wants_acks;
};

/* A list that grows: messages whose senders wait for the disk. */
typedef struct {
    relay_message_t **items;
    uint32_t count, cap;
} waiting_t;

/* A sync under way: it may end after the relay. */
typedef struct {
    relay_t *relay;
} sync_t;

/* What one twin sent in this minute. */
typedef struct limit {
    uint32_t twin, count;
    uint64_t bytes;
    struct limit *next;
} limit_t;

/* What one twin ever sent. */
typedef struct tracked {
    uint32_t twin;
    uint64_t count;
    struct tracked *next;
} tracked_t;

/* An envelope whose destination (or source, from another relay) is being looked up. */
typedef struct route {
    relay_t *relay;
    relay_message_t *message;
    void (*done)(void *context, relay_in_t in); /* of another relay's envelope; else NULL */
    void *context;
    relay_gate_t *gate; /* of a link; else NULL */
    bool is_parked;     /* the chain did not answer; asked again at the next tick */
    bool is_posted;     /* waits for the disk, or for who takes it */
    struct route *next, **back;
} route_t;

#define MAILBOX_BUCKETS   4096
#define LIMIT_BUCKETS     1024
#define RELAY_DOMAINS_CAP 8

struct relay {
    relay_config_t config;
    char domains[RELAY_DOMAINS_CAP][RMB_RELAY_MAX + 1];
    relay_ops_t ops;
    relay_store_t store;
    twin_cache_t *twins;
    mailbox_t *mailboxes[MAILBOX_BUCKETS];
    uint64_t last_seq;
    relay_message_t *young_first, *young_last;
    bool is_commit_due, has_unsynced;
    sync_t *sync;
    waiting_t unsynced, syncing;
    limit_t *limits[LIMIT_BUCKETS];
    uint64_t limit_minute;
    tracked_t *tracked[LIMIT_BUCKETS];
    uint32_t tracked_count;
    route_t *routes, **routes_end; /* oldest first */
    uint32_t route_count;
    uint64_t route_bytes;
    uint64_t window_bytes; /* of all mailboxes */
    uint8_t *scratch;      /* to decode in */
    relay_stats_t stats;
};

/* ---- relay.c ---- */

#define SCRATCH_LEN (RMB_MESSAGE_MAX + ENVELOPE_ARENA_SPARE)

uint64_t relay_now_s(const relay_t *relay);
relay_address_t relay_address_of(const envelope_address_t *address);
bool relay_address_equal(const relay_address_t *a, const relay_address_t *b);
relay_message_t *relay_message_new(const envelope_t *envelope, bytes_t wire);
mailbox_t *relay_mailbox_get(relay_t *relay, const relay_address_t *address);

typedef enum { POST_OK, POST_FULL, POST_EXPIRED } post_t;

/* relay_post leaves a message in the mailbox of message->to.  The caller keeps its own hold. */
post_t relay_post(relay_t *relay, relay_message_t *message);

/* relay_post_row is relay_post for what must be in the store before something else may leave it. */
post_t relay_post_row(relay_t *relay, relay_message_t *message);

/* relay_turn_inward makes of an outward row one for a session here: the old one goes when the new one is
 * there, so that neither a full disk nor a kill loses it.  Not POST_OK: the outward row stays. */
post_t relay_turn_inward(relay_t *relay, relay_message_t *message);

/* relay_put makes a row of it; its sender hears when it is on disk. */
bool relay_put(relay_t *relay, relay_message_t *message);
void relay_remove_row(relay_t *relay, relay_message_t *message);

/* relay_settle tells the sender, if it wants to hear and did not yet. */
void relay_settle(relay_t *relay, relay_message_t *message, relay_ack_t ack);

/* ---- relay_route.c ---- */

/* relay_refuse settles a message as refused, and tells the sender of a request why. */
void relay_refuse(relay_t *relay, relay_message_t *message, const char *why);

/* relay_refuse_row is relay_refuse for a message with a row, which goes when what its sender is told is in
 * the store.  False: there is no room for that yet, and the row stays. */
NODISCARD bool relay_refuse_row(relay_t *relay, relay_message_t *message, const char *why);

void relay_route_free_all(relay_t *relay);
void relay_route_tick(relay_t *relay);

/* relay_route_is_shut: the message of this route must not be stored, as an earlier one was not. */
bool relay_route_is_shut(const struct route *route);

/* relay_route_settled answers the other relay that brought a message. */
void relay_route_settled(struct route *route, relay_ack_t ack);

/* relay_resume takes up an outward row again, at start. */
void relay_resume(relay_t *relay, relay_message_t *message);
void relay_limits_free(relay_t *relay);

/* ---- relay_gate.c: gate may be NULL ---- */

bool relay_gate_is_shut(const relay_gate_t *gate, const relay_message_t *message);
void relay_gate_shut(relay_gate_t *gate, const relay_message_t *message);

#endif
