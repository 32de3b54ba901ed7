/* peer.h - a program that speaks for a twin on the bus: asks others, and answers them.
 *
 * A peer keeps one session with each of its relays, by nng or by WebSocket as the URL says, and comes back
 * with growing pauses when one is lost.  It signs all it sends, encrypts to whom has a key on the
 * chain, and gives its handler only requests that were signed by the twin they name, live, and are
 * new.  Everything runs on the loop of the io_t it was made with; no function blocks but peer_ask.
 *
 *     peer_t *peer = peer_new(&(peer_config_t){.io = io, .twin = 7, .key = &key, .twins = twins,
 *                             .relays = {"tls+tcp://127.0.0.2:4437"}, .relay_count = 1,
 *                             .on_request = answer, .context = agent});
 *     peer_request(peer, &(peer_request_t){.twin = 9, .command = "zos.system.version"}, heard, agent); */
#ifndef PEER_H
#define PEER_H
#include "keyring.h"
#include "rmb.h"
#include "twin_cache.h"

#define PEER_RELAYS_CAP  4
#define PEER_COMMAND_MAX 255

/* Codes of errors that a peer reports (rmb-rs's); 0 is a relay's or a zos node's own. */
enum {
    PEER_ERROR_INVALID_TYPE  = 100,
    PEER_ERROR_PARSE         = 101,
    PEER_ERROR_EXPIRED       = 102,
    PEER_ERROR_UNKNOWN_TWIN  = 103,
    PEER_ERROR_BAD_SIGNATURE = 104,
    PEER_ERROR_NO_PK         = 105,
    PEER_ERROR_E2E           = 106,
    PEER_ERROR_OTHER         = 500,
};

typedef struct io io_t;
typedef struct peer peer_t;

/* Whom to answer: a plain value, copy it and answer whenever you can, within the request's life. */
typedef struct {
    char uid[RMB_UID_MAX + 1];
    uint32_t twin;
    bool has_connection;
    char connection[RMB_CONNECTION_MAX + 1];
} peer_return_t;

/* A request that was verified.  Valid until the handler returns. */
typedef struct {
    peer_return_t from; /* from.twin signed it */
    const char *command;
    bytes_t payload;     /* decrypted; may be empty */
    uint64_t deadline_s; /* unix time: an answer after it is not heard */
    uint64_t timestamp_s, expiration_s;
    const char *schema, *tags; /* NULL: none */
} peer_incoming_t;

/* peer_handler_fn must answer each request once, now or later, by peer_reply or peer_reply_error: clients
 * wait until their request expires otherwise. */
typedef void (*peer_handler_fn)(void *context, peer_t *peer, const peer_incoming_t *request);

typedef struct {
    io_t *io;
    uint32_t twin;
    const char *connection;              /* NULL: the null session, where a node is looked for */
    const keypair_t *key;                /* ed25519 or sr25519; copied, wiped by peer_free */
    twin_cache_t *twins;                 /* must outlive the peer; may be shared */
    const char *relays[PEER_RELAYS_CAP]; /* URLs: tls+tcp:// tcp:// ipc:// inproc:// (nng), wss:// ws:// */
    uint32_t relay_count;
    const char *ca_file;        /* PEM of a CA that relays may use beside the system's; may be NULL */
    bool takes_any_schema;      /* else requests of another than application/json are refused */
    peer_handler_fn on_request; /* NULL: requests are refused with PEER_ERROR_INVALID_TYPE */
    void *context;
} peer_config_t;

/* peer_new starts to connect.  NULL when the key cannot sign on the bus (ecdsa), there is no relay, or a URL
 * has no form that is known. */
peer_t *peer_new(const peer_config_t *config);

/* peer_free ends the sessions; whoever waits for an answer hears PEER_CLOSED. */
void peer_free(peer_t *peer);

/* peer_is_connected: is there a session with at least one relay? */
bool peer_is_connected(const peer_t *peer);

/* peer_replays counts the requests that were dropped because they had come before. */
uint64_t peer_replays(const peer_t *peer);

/* peer_pk is the key that must be on the chain for others to encrypt to this peer (twin.pk).  False: this key
 * has none (soft derivation), so nobody can. */
bool peer_pk(const peer_t *peer, uint8_t pk[RMB_PK_LEN]);

typedef enum {
    PEER_OK,          /* a response came */
    PEER_REFUSED,     /* an error came from the other side: code and text */
    PEER_RELAY,       /* a relay could not deliver: text says why */
    PEER_TIMEOUT,     /* no answer within the life of the request */
    PEER_NO_TWIN,     /* the destination is not on the chain */
    PEER_UNAVAILABLE, /* the chain did not answer */
    PEER_BAD_ANSWER,  /* an answer that was not signed by the destination, or could not be decrypted */
    PEER_TOO_LONG,    /* the request is longer than RMB_MESSAGE_MAX */
    PEER_CLOSED,      /* the peer was freed, or the request was cancelled */
} peer_status_t;

/* peer_status_text says what happened, for a person. */
const char *peer_status_text(peer_status_t status);

typedef struct {
    uint32_t twin;
    const char *connection; /* NULL: the null session */
    const char *command;
    bytes_t payload;       /* JSON */
    uint64_t expiration_s; /* 0: RMB_EXPIRATION_S */
    const char *tags;      /* NULL: none */
    const char *schema;    /* NULL: application/json; empty: none */
    /* on_safe hears that the relay has the request on disk or its destination took it, unless the answer was
     * faster.  Only relays reached by nng say so.  May be NULL; its context is that of done. */
    void (*on_safe)(void *context);
} peer_request_t;

/* An answer; valid during the call. */
typedef struct {
    peer_status_t status;
    uint32_t error_code; /* of PEER_REFUSED */
    const char *error;   /* text of PEER_REFUSED and PEER_RELAY, else of the status; never NULL */
    bytes_t payload;     /* decrypted JSON of PEER_OK, and what a refusal carries */
    /* Who answered, of PEER_OK and PEER_REFUSED. */
    uint32_t twin;
    const char *connection, *schema; /* NULL: none */
    uint64_t timestamp_s;
} peer_answer_t;
typedef void (*peer_answer_fn)(void *context, const peer_answer_t *answer);

/* peer_request sends a request and calls done once, never before it returns.  It is sent again, with the same
 * uid, whenever a session comes back before it was acknowledged or answered.  The payload is copied.
 * Returns a ticket for peer_cancel. */
uint64_t peer_request(peer_t *peer, const peer_request_t *request, peer_answer_fn done, void *context);

/* peer_cancel: done is not called any more.  A ticket that is done is ignored. */
void peer_cancel(peer_t *peer, uint64_t ticket);

/* peer_ping asks the relay itself: done hears once whether its pong came within PEER_PING_MS.  One at a time:
 * false, and done is not called, when there is no session or the last one waits still. */
#define PEER_PING_MS 10000
typedef void (*peer_pong_fn)(void *context, bool is_answered);
NODISCARD bool peer_ping(peer_t *peer, peer_pong_fn done, void *context);

/* peer_reply answers with JSON, which must not be empty ("null" for no result): clients take an empty one for
 * none.  peer_reply_error answers with a code (zos nodes use 0) and a text, and the body "null". */
void peer_reply(peer_t *peer, const peer_return_t *to, bytes_t json);
void peer_reply_error(peer_t *peer, const peer_return_t *to, uint32_t code, const char *message);

/* peer_reply_as answers with bytes as they are, of a schema (NULL: application/json; empty: none). */
void peer_reply_as(peer_t *peer, const peer_return_t *to, const char *schema, bytes_t payload);

/* peer_ask is peer_request for a program that has nothing else to do: it runs the loop until the answer is
 * there.  The payload of *answer and its error text are copied to the arena; PEER_TOO_LONG when it is too
 * small. */
peer_status_t peer_ask(peer_t *peer, const peer_request_t *request, arena_t *arena, peer_answer_t *answer);

#endif
