/* client.h - a light voice to a node: read state, follow blocks, sign and send calls.
 *
 * One WebSocket at a time to one of several URLs; when it is lost the next URL is tried, with growing
 * pauses, and everything that was subscribed to is subscribed to again.  All on the loop of the io_t;
 * `done` functions are called once, from the loop, never before the asking function returned.
 * Requests that wait for a connection longer than their timeout fail.
 *
 *     uint8_t room[64];
 *     scale_writer_t key = scale_writer(room, sizeof room);
 *     tfgrid_twins_key(&key, 7);
 *     client_storage(client, scale_written(&key), NULL, got_twin, agent);
 *
 * The _wait functions are for programs that have nothing else to do, as the command line: they run the
 * loop until the answer is there. */
#ifndef CLIENT_H
#define CLIENT_H
#include "keyring.h"
#include "runtime_types.h"

#define CLIENT_URLS_CAP      8
#define CLIENT_URL_MAX       511
#define CLIENT_TIMEOUT_MS    20000
#define CLIENT_ERROR_MAX     511
#define CLIENT_MORTAL_BLOCKS 64
#define CLIENT_GAP_MAX       4096 /* blocks behind that a follower is brought up to date one by one */

typedef struct io io_t;
typedef struct client client_t;
struct json_t; /* jansson's */

/* ---- what can go wrong ---- */

typedef enum {
    CLIENT_OK,
    CLIENT_UNAVAILABLE, /* no node could be reached in time */
    CLIENT_TIMEOUT,     /* the node did not answer in time */
    CLIENT_REFUSED,     /* the node said no: code and text are its JSON-RPC error */
    CLIENT_MALFORMED,   /* the node's answer does not decode */
    CLIENT_WRONG_CHAIN, /* the node's genesis is another than the first node's, or than the one asked for */
    CLIENT_INVALID,     /* what was asked cannot be: too long, or of another version than the chain's calls */
    CLIENT_FREED,       /* the client was freed before the answer */
} client_status_t;

/* client_status_text says what happened and what to do, for a person. */
const char *client_status_text(client_status_t status);

typedef struct {
    client_status_t status;
    int64_t code;                    /* of CLIENT_REFUSED: Substrate's, e.g. 1010 */
    char text[CLIENT_ERROR_MAX + 1]; /* never empty when status is not CLIENT_OK */
} client_error_t;

/* ---- connection ---- */

/* What the node said of its chain; set before anything is answered. */
typedef struct {
    hash_t genesis;
    char spec_name[64];
    uint32_t spec_version, transaction_version;
    char url[CLIENT_URL_MAX + 1]; /* of the node that is used now */
} client_chain_t;

typedef struct {
    io_t *io;
    const char *urls[CLIENT_URLS_CAP]; /* ws:// or wss://; copied */
    uint32_t url_count;
    uint64_t timeout_ms;   /* of each request; 0: CLIENT_TIMEOUT_MS */
    const hash_t *genesis; /* refuse nodes of any other chain; NULL: the first node's chain counts */
    const char *ca_file;   /* PEM of a CA for wss:// beside the system's; may be NULL */
    /* on_state is called when a node became usable (is_connected) and when it is lost.  May be NULL. */
    void (*on_state)(void *context, bool is_connected);
    void *context;
} client_config_t;

/* client_new starts to connect.  NULL when there is no URL, or one is too long or of another scheme. */
client_t *client_new(const client_config_t *config);

/* client_free closes; whoever waits hears CLIENT_FREED before it returns.  Not from one of the functions
 * called back. */
void client_free(client_t *client);

bool client_is_connected(const client_t *client);

/* client_chain is NULL until a node was reached once.  Its version changes with a runtime upgrade. */
const client_chain_t *client_chain(const client_t *client);

/* client_connect_wait waits until a node is usable, at most the timeout. */
client_error_t client_connect_wait(client_t *client);

/* client_url is one of the URLs it was given; NULL behind the last. */
const char *client_url(const client_t *client, uint32_t index);

/* client_sibling starts another client that knows this URL alone, and takes no other chain than this one's:
 * to hear what another node says.  on_state and context as in client_config_t.  NULL while this client knows
 * no chain. */
client_t *client_sibling(const client_t *client, uint32_t index,
                         void (*on_state)(void *context, bool is_connected), void *context);

/* client_cancel forgets a ticket of any kind: its function is not called any more. */
void client_cancel(client_t *client, uint64_t ticket);

/* ---- any RPC method ---- */

/* result is NULL when error->status is not CLIENT_OK; both are valid during the call. */
typedef void (*client_json_fn)(void *context, const client_error_t *error, const struct json_t *result);

/* client_rpc calls a method with params, JSON text of an array ("[]" for none).  Returns a ticket. */
uint64_t client_rpc(client_t *client, const char *method, const char *params, client_json_fn done,
                    void *context);

/* client_rpc_wait: *result is the caller's to json_decref; NULL on failure. */
client_error_t client_rpc_wait(client_t *client, const char *method, const char *params,
                               struct json_t **result);

/* ---- state ---- */

/* value.data is NULL when there is nothing under the key, or on failure. */
typedef void (*client_value_fn)(void *context, const client_error_t *error, bytes_t value);

/* client_storage reads one value at a block; at is NULL for the best one. */
uint64_t client_storage(client_t *client, bytes_t key, const hash_t *at, client_value_fn done, void *context);

/* client_storage_wait copies the value to the arena. */
client_error_t client_storage_wait(client_t *client, bytes_t key, const hash_t *at, arena_t *arena,
                                   bytes_t *value);

typedef void (*client_keys_fn)(void *context, const client_error_t *error, const bytes_t *keys,
                               uint32_t count);

/* client_keys lists at most `most` (1000 at most) keys that start with prefix and come after `after` (empty:
 * from the first). */
uint64_t client_keys(client_t *client, bytes_t prefix, bytes_t after, uint32_t most, const hash_t *at,
                     client_keys_fn done, void *context);

/* client_keys_wait copies the keys to the arena. */
client_error_t client_keys_wait(client_t *client, bytes_t prefix, bytes_t after, uint32_t most,
                                const hash_t *at, arena_t *arena, bytes_t **keys, uint32_t *count);

/* client_state_call calls a function of the runtime API with SCALE arguments. */
uint64_t client_state_call(client_t *client, const char *method, bytes_t arguments, const hash_t *at,
                           client_value_fn done, void *context);

client_error_t client_state_call_wait(client_t *client, const char *method, bytes_t arguments,
                                      const hash_t *at, arena_t *arena, bytes_t *value);

/* ---- events ---- */

typedef enum {
    CLIENT_PHASE_EXTRINSIC      = 0,
    CLIENT_PHASE_FINALIZATION   = 1,
    CLIENT_PHASE_INITIALIZATION = 2
} client_phase_t;

typedef struct {
    client_phase_t phase;
    uint32_t extrinsic;    /* index in the block, of CLIENT_PHASE_EXTRINSIC */
    bytes_t encoded;       /* the event alone: pallet, variant, fields */
    runtime_event_t event; /* valid until the next event is read */
} client_event_t;

/* A walk over the raw System.Events of a block.  One event at a time is decoded, into the arena's free part.
 */
typedef struct {
    scale_reader_t r;
    uint32_t left;
    uint32_t arena_mark;
} client_events_t;

void client_events_start(client_events_t *events, bytes_t raw, arena_t *arena);

/* client_events_next is false at the end, and then client_events_failed says whether all decoded. */
bool client_events_next(client_events_t *events, client_event_t *event);
bool client_events_failed(const client_events_t *events);

/* ---- following blocks ---- */

typedef struct {
    uint32_t number;
    hash_t hash, parent;
    bytes_t events; /* raw System.Events; of a retracted block empty */
    bool after_gap; /* blocks before it were not shown: read state anew.  Also true of the first one. */
} client_block_t;

typedef struct {
    bool is_finalized; /* follow finalized blocks; else the best chain */
    uint32_t from;     /* the first block wanted; 0: the head.  More than CLIENT_GAP_MAX behind is a gap. */
    /* on_block is called for each block, parents first. */
    void (*on_block)(void *context, const client_block_t *block);
    /* on_retracted: the block is not on the best chain any more; children first, before the blocks that
     * replace it.  Never for finalized ones.  May be NULL. */
    void (*on_retracted)(void *context, const client_block_t *block);
    void *context;
} client_follow_t;

/* client_follow follows until client_cancel, over lost connections too.  Returns a ticket. */
uint64_t client_follow(client_t *client, const client_follow_t *follow);

/* ---- sending calls ---- */

typedef struct {
    const keypair_t *key; /* copied, wiped when it is done */
    bytes_t call;         /* encoded: as <pallet>_<call>_call_encode writes it; copied */
    u128_t tip;
    uint32_t mortal_blocks; /* blocks in which it may be included; 0: CLIENT_MORTAL_BLOCKS */
    bool is_immortal;       /* it may be included for ever; mortal_blocks counts no more */
    bool has_nonce;         /* nonce is to be used, instead of the next one that the node tells */
    uint32_t nonce;
    bool is_sign_only; /* done when signed: nothing is sent */
    bool until_sent;   /* done when the node has it in its pool */
    bool until_final;  /* done when finalized; without these two when it is in a block */
} client_submit_t;

typedef enum {
    CLIENT_TX_SENT,      /* the node has it in its pool */
    CLIENT_TX_IN_BLOCK,  /* it is in a block: block, events and is_success are set */
    CLIENT_TX_RETRACTED, /* that block is not on the best chain any more; it will be in another */
    CLIENT_TX_FINALIZED,
    CLIENT_TX_FAILED, /* it is in no block: error says why */
    CLIENT_TX_SIGNED, /* extrinsic is set; told of is_sign_only alone */
} client_stage_t;

/* Why a call that is in a block was refused.  name and docs come from the runtime's declarations. */
typedef struct {
    uint8_t variant; /* of DispatchError; 3: Module */
    uint8_t pallet, error;
    const char *pallet_name; /* "TfgridModule"; "" if it is no module's */
    char name[64];           /* "TwinNotExists", "BadOrigin", "Token: FundsUnavailable" ... */
    const char *docs;        /* may be "" */
} client_refusal_t;

typedef struct {
    client_stage_t stage;
    bool is_last; /* nothing more will be told */
    hash_t extrinsic_hash;
    bytes_t extrinsic; /* of CLIENT_TX_SIGNED: with its length before it */
    hash_t block;
    uint32_t block_number, index; /* the extrinsic's place */
    bool is_success;
    client_refusal_t refusal; /* when it is in a block and not is_success */
    u128_t fee;               /* paid, with the tip; 0 when no event told */
    bytes_t events;           /* raw System.Events of the block: see those with `extrinsic` == index */
    client_error_t error;     /* of CLIENT_TX_FAILED */
} client_outcome_t;

/* What outcome points to is valid during the call. */
typedef void (*client_outcome_fn)(void *context, const client_outcome_t *outcome);

/* client_submit signs and sends.  Nonces are given in the order of calls; many may be in flight.  When the
 * connection is lost the same bytes are sent again, and looked for in the chain, until their era ends. */
uint64_t client_submit(client_t *client, const client_submit_t *submit, client_outcome_fn told,
                       void *context);

/* client_submit_wait gives the last outcome; its events and extrinsic are copied to the arena (empty if it is
 * too small). */
client_outcome_t client_submit_wait(client_t *client, const client_submit_t *submit, arena_t *arena);

/* client_refusal names a DispatchError, as events hold them (council.Executed, utility.ItemFailed). */
client_refusal_t client_refusal(const support_dispatch_error_t *error);

/* client_outcome_text is CLIENT_OK if the call is in a block and succeeded, else CLIENT_REFUSED or what
 * failed, and writes why for a person. */
client_status_t client_outcome_text(const client_outcome_t *outcome, char *text, size_t cap);

#endif
