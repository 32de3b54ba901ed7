/* relay.h - the switch: who is here, what waits for whom, and what goes where (docs/formats/rmb.md 6).
 *
 * No socket, clock, thread or file of its own: envelopes go in, and relay_ops_t is asked to do what follows.
 * A session is (twin, connection); the newest replaces the older one, whatever its transport.  Transports
 * pull: they are woken, take messages by relay_session_next, and say relay_session_taken when the other side
 * has them.  What is not taken at once is in the store, and is there before its sender hears so. */
#ifndef RELAY_H
#define RELAY_H
#include "rmb.h"
#include "twin_cache.h"

typedef struct relay relay_t;
typedef struct relay_session relay_session_t;

/* A twin's session name.  connection is empty and has_connection false for the null session. */
typedef struct {
    uint32_t twin;
    bool has_connection;
    char connection[RMB_CONNECTION_MAX + 1];
} relay_address_t;

/* One envelope on its way.  Counted: relay_message_hold and _drop. */
typedef struct relay_message relay_message_t;
bytes_t relay_message_wire(const relay_message_t *message);
const char *relay_message_uid(const relay_message_t *message);
relay_message_t *relay_message_hold(relay_message_t *message);
void relay_message_drop(relay_message_t *message);

typedef enum { RELAY_STORED, RELAY_REFUSED } relay_ack_t;
typedef enum { RELAY_CLOSE_REPLACED, RELAY_CLOSE_BACK_PRESSURE, RELAY_CLOSE_STOPPING } relay_close_t;

/* What the relay asks for.  None of these may call back into the relay but where said. */
typedef struct {
    void *self;
    /* Unix time. */
    uint64_t (*now_ms)(void *self);
    /* wake: there is something to pull for the session; may call relay_session_next and _taken. */
    void (*wake)(void *self, void *link);
    /* ack: an envelope with this uid, that came by this link, is safe, or was refused.  Only if it wants
     * acks. */
    void (*ack)(void *self, void *link, const char *uid, relay_ack_t ack);
    /* close: the session is gone for the relay already; the link must be closed and not speak of it again. */
    void (*close)(void *self, void *link, relay_close_t reason);
    /* commit_soon: call relay_commit within RELAY_COMMIT_MS. */
    void (*commit_soon)(void *self);
    /* federate: bring it to one of the domains (a twin's relay record); hold it as long as needed; then
     * call relay_federated once, at once if there is no room for it.  In order, of one address to another. */
    void (*federate)(void *self, relay_message_t *message, const char *relay);
} relay_ops_t;

/* Where messages wait.  put, remove and load act at once; what was put before sync began is on disk
 * when its done is called (later, or at once, but always: at the latest when the store is freed). */
typedef struct {
    uint64_t seq; /* grows over the life of the store */
    uint64_t deadline_s;
    relay_address_t to;
    bool is_outward; /* waits for another relay, not for a session here */
    bytes_t wire;
} relay_row_t;

typedef bool (*relay_row_fn)(void *context, const relay_row_t *row); /* false: enough */

typedef struct relay_store {
    void *self;
    bool (*put)(void *self, const relay_row_t *row);
    void (*remove)(void *self, const relay_row_t *row); /* wire is not looked at */
    /* expire: removes rows, not the outward ones, whose end is now_s or before, and tells of each; at most
     * count_max. */
    void (*expire)(void *self, uint64_t now_s, uint32_t count_max, relay_row_fn each, void *context);
    /* load: rows of one address, not the outward ones, in order of seq, above after_seq. */
    void (*load)(void *self, const relay_address_t *to, uint64_t after_seq, relay_row_fn each, void *context);
    /* all: every row, in no order that matters; at start. */
    void (*all)(void *self, relay_row_fn each, void *context);
    void (*sync)(void *self, void (*done)(void *context), void *context);
} relay_store_t;

#define RELAY_COMMIT_MS       5 /* a message that is taken sooner never meets the disk */
#define RELAY_TICK_MS         1000
#define RELAY_STORE_S_MAX     3600  /* how long a message may wait, as in rmb-rs */
#define RELAY_QUEUE_COUNT_MAX 10000 /* messages that wait for one session, as in rmb-rs */
#define RELAY_QUEUE_BYTES_MAX (256u << 20)
#define RELAY_WINDOW_COUNT    256 /* messages of one live session in memory, as in rmb-rs */
#define RELAY_WINDOW_BYTES    (32u << 20)
#define RELAY_MEMORY_MAX      (256u << 20) /* bytes of messages in the windows of all sessions */
#define RELAY_ROW_COST        512          /* what a stored message takes beside its bytes, at most */
#define RELAY_STALL_MS        60000 /* a session that takes nothing this long, with messages waiting, is closed */
#define RELAY_LOOKUPS_MAX     4096 /* envelopes that wait for a twin's record, and their bytes */
#define RELAY_LOOKUPS_BYTES   (64u << 20)

typedef struct {
    const char *const *domains; /* ours; at least one */
    uint32_t domain_count;
    uint64_t store_bytes_max; /* of all queues; 0: 1 GiB */
    uint64_t memory_max;      /* of all windows; 0: RELAY_MEMORY_MAX */
    uint32_t limit_count;     /* envelopes a minute of one twin's sessions; 0: no limit */
    uint64_t limit_bytes;     /* bytes a minute of one twin's sessions; 0: no limit */
    bool is_tracking;         /* count what each twin sends, for relay_tracked */
} relay_config_t;

/* relay_new: ops and store are copied, what they point to and twins must outlive the relay.  config is
 * copied. */
relay_t *relay_new(const relay_config_t *config, const relay_ops_t *ops, const relay_store_t *store,
                   twin_cache_t *twins);

/* relay_free puts what is in memory into the store.  Close the links first. */
void relay_free(relay_t *relay);

/* relay_session_open begins a session; pull at once, something may wait.  An older session with this address
 * is closed.  Owned by the relay until relay_session_close or ops.close. */
relay_session_t *relay_session_open(relay_t *relay, const relay_address_t *address, void *link,
                                    bool wants_acks);
void relay_session_close(relay_t *relay, relay_session_t *session);

/* relay_session_input: one envelope came in.  What is wrong with it is told to its sender as rmb-rs does. */
void relay_session_input(relay_t *relay, relay_session_t *session, bytes_t wire);

/* relay_session_next gives the next message for this session, held for the caller, or NULL. */
relay_message_t *relay_session_next(relay_t *relay, relay_session_t *session);

/* relay_session_taken: the other side has it; it is forgotten here. */
void relay_session_taken(relay_t *relay, relay_session_t *session, relay_message_t *message);

typedef enum {
    RELAY_IN_ACCEPTED,  /* 202 */
    RELAY_IN_OFFLINE,   /* 404: it asked to fail fast, and the destination is not here */
    RELAY_IN_MALFORMED, /* 400 */
    RELAY_IN_FORGED,    /* 401: the signature is not its source's, or the source is no twin */
    RELAY_IN_BUSY,      /* 503: no room, or the chain did not answer */
} relay_in_t;

/* relay_federation_input: another relay brings an envelope.  done is called once, perhaps at once; when it
 * was accepted, not before it is on disk or taken. */
void relay_federation_input(relay_t *relay, bytes_t wire, void (*done)(void *context, relay_in_t in),
                            void *context);
void relay_federation_cancel(relay_t *relay, const void *context);

/* relay_link_input is the same for another relay of the same operator, which has checked who sent it.  That
 * relay does not wait for one answer before it sends the next: what is of one address to another, and came by
 * the same gate, is RELAY_IN_BUSY too once one of it was.  relay_gate_said: the answers so far leave now;
 * relay_gate_heard: those that had left were heard, so what comes now is in order again. */
typedef struct relay_gate relay_gate_t;
relay_gate_t *relay_gate_new(void);
void relay_gate_said(relay_gate_t *gate);
void relay_gate_heard(relay_gate_t *gate);
void relay_gate_free(relay_t *relay, relay_gate_t *gate);
void relay_link_input(relay_t *relay, relay_gate_t *gate, bytes_t wire,
                      void (*done)(void *context, relay_in_t in), void *context);

typedef enum { RELAY_FED_DONE, RELAY_FED_REFUSED, RELAY_FED_EXPIRED, RELAY_FED_FULL } relay_fed_t;
void relay_federated(relay_t *relay, relay_message_t *message, relay_fed_t result);

/* relay_commit stores what was not taken yet; relay_tick (each RELAY_TICK_MS) drops what expired and closes
 * sessions that stall. */
void relay_commit(relay_t *relay);
void relay_tick(relay_t *relay);

typedef struct {
    uint64_t rx, tx, rx_bytes, tx_bytes;
    uint64_t evicted_closed, evicted_back_pressure, evicted_replaced;
    uint64_t federation_done, federation_error;
    uint64_t expired, refused, limited;
    uint64_t stored_count, stored_bytes; /* waiting now */
    uint32_t sessions;
} relay_stats_t;
void relay_stats(const relay_t *relay, relay_stats_t *stats);

/* relay_tracked tells how many envelopes each twin's sessions sent, of the first RELAY_TRACKED_MAX twins that
 * did. */
#define RELAY_TRACKED_MAX 16384
void relay_tracked(const relay_t *relay, void (*each)(void *context, uint32_t twin, uint64_t count),
                   void *context);

/* ---- stores ---- */

/* relay_store_memory forgets all at its end; capacity in bytes.  For tests. */
typedef struct relay_store_memory relay_store_memory_t;
relay_store_memory_t *relay_store_memory_new(void);
relay_store_t relay_store_memory_ops(relay_store_memory_t *store);
void relay_store_memory_free(relay_store_memory_t *store);

/* relay_store_disk keeps rows in a RocksDB directory.  NULL with text in *error (valid until the next call)
 * when it cannot be opened.  sync runs beside the loop, its done on the loop. */
typedef struct io io_t;
typedef struct relay_store_disk relay_store_disk_t;
relay_store_disk_t *relay_store_disk_new(io_t *io, const char *path, const char **error);
relay_store_t relay_store_disk_ops(relay_store_disk_t *store);
void relay_store_disk_free(relay_store_disk_t *store);

#endif
