/* rpc_internal.h - what the files of the RPC share. */
#ifndef RPC_INTERNAL_H
#define RPC_INTERNAL_H
#include "metrics.h"
#include "rpc.h"
#include "web.h"

#include <jansson.h>

enum {
    RPC_PARSE                  = -32700,
    RPC_INVALID_REQUEST        = -32600,
    RPC_NO_METHOD              = -32601,
    RPC_INVALID_PARAMS         = -32602,
    RPC_INTERNAL               = -32603,
    RPC_EXECUTION              = -32000,
    RPC_TOO_BIG                = -32007,
    RPC_ANSWER_TOO_BIG         = -32008,
    RPC_TOO_MANY_SUBSCRIPTIONS = -32006,
    RPC_BATCH_TOO_BIG          = -32010,
    RPC_NO_BATCHES             = -32005,
    RPC_TOO_OFTEN              = -32999, /* as polkadot-sdk's middleware says it */
    RPC_BAD_FORMAT             = 1001,
    RPC_VERIFICATION           = 1002,
    RPC_TX_INVALID             = 1010,
    RPC_TX_UNKNOWN             = 1011,
    RPC_TX_BANNED              = 1012,
    RPC_TX_KNOWN               = 1013,
    RPC_TX_LOW_PRIORITY        = 1014,
    RPC_TX_DROPPED             = 1016,
    RPC_TX_UNACTIONABLE        = 1018,
    RPC_AUTHOR                 = 1040,
    RPC_BLOCK_RANGE            = 4001,
    RPC_COUNT                  = 4002,
    RPC_CLIENT                 = 4003,
};
enum {
    RPC_METHODS_CAP         = 160,
    RPC_RATED_ADDRESSES     = 1024, /* of HTTP clients that are counted apart */
    RPC_ARENA               = 64 << 20,
    RPC_KEYS_MAX            = 1000,
    RPC_SUBSCRIBED_KEYS_MAX = 4096,
    RPC_ID_LEN              = 16,
    RPC_VALUES_MAX          = 500000,    /* of a message */
    RPC_MEMORY_MAX          = 512 << 20, /* what waits in all connections together */
    RPC_ARENA_KEPT          = 1 << 20,
    RPC_QUEUED_MAX          = 16 << 20, /* bytes to a client that does not read: answers in parts wait */
    RPC_QUEUED_WAIT_MS      = 20
};

typedef struct subscription subscription_t;

/* When the calls so far would have been made at the allowed rate, in us of io_ticks_ms. */
typedef struct {
    uint64_t paid_until_us;
} rate_t;

/* One WebSocket. */
typedef struct conn {
    struct conn *next, **here;
    rpc_t *rpc;
    web_session_t *web;
    subscription_t *subscriptions;
    uint32_t subscription_count;
    bool is_unlimited;
    rate_t rate;
} conn_t;

typedef enum {
    SUB_NEW_HEADS,
    SUB_ALL_HEADS,
    SUB_FINALIZED_HEADS,
    SUB_VERSION,
    SUB_STORAGE,
    SUB_EXTRINSIC,
    SUB_JUSTIFICATIONS,
    SUB_OWN /* of a file that knows what to do: hooks */
} sub_kind_t;

/* What becomes of a subscription of kind SUB_OWN.  start comes after its id was sent; start and hear may end
 * it, no other. */
typedef struct {
    void (*start)(subscription_t *subscription);
    void (*hear)(subscription_t *subscription, const chain_event_t *event);
    void (*drop)(subscription_t *subscription); /* frees own */
} sub_hooks_t;

typedef struct {
    uint8_t *bytes;
    uint32_t len;
    hash_t last; /* H of the value that was told; none: is_absent */
    bool is_absent;
} watched_key_t;

struct subscription {
    subscription_t *next;
    conn_t *conn;
    sub_kind_t kind;
    char id[RPC_ID_LEN + 1];
    const char *method; /* of its notifications */
    bool is_started, is_over;
    watched_key_t *keys; /* STORAGE */
    uint32_t key_count;
    json_t *early;            /* EXTRINSIC: told before the id was */
    const sub_hooks_t *hooks; /* OWN */
    void *own;
};

/* JSON as it is written, for answers that are long: a tree of it costs far more. */
typedef struct {
    char *data; /* ends in zero; NULL: nothing was added */
    size_t len, cap;
} rpc_text_t;
void rpc_text_add(rpc_text_t *text, const char *more);
void rpc_text_hex(rpc_text_t *text, bytes_t bytes); /* a string of digits, with its quotes */

/* One call of a method. */
typedef struct {
    rpc_t *rpc;
    conn_t *conn;   /* NULL over HTTP: no subscriptions */
    json_t *params; /* array, or NULL */
    bool is_named;  /* they were an object; params has them in order when the method has names */
    arena_t *arena; /* until the answer is written */
    int code;       /* 0: no error */
    char message[256];
    json_t *data;
    subscription_t *started; /* a subscription whose id is the answer */
    rpc_text_t text;         /* the result as it is written, in place of what run returns; see rpc_told */
} call_t;

typedef struct {
    const char *name;
    bool is_unsafe;
    json_t *(*run)(call_t *call); /* NULL with call->code set on failure */
    const char *params;           /* their names in order, for who gives them by name; NULL: only by place */
} method_t;

struct rpc {
    rpc_options_t o;
    web_server_t *web;
    conn_t *conns;
    arena_t arena;
    rpc_counters_t counters;
    bool is_stopping;
    char log_filter[512];                     /* what system_addLogFilter made of the operator's */
    const method_t *methods[RPC_METHODS_CAP]; /* by name */
    size_t method_count;
    rate_t rates[RPC_RATED_ADDRESSES]; /* of HTTP, by a hash of the address */
    hash_t told;                       /* the header that told_text is of */
    char *told_text;
};

/* ---- failures and parameters ---- */

/* rpc_fail sets the error and returns NULL; data may be NULL, a text. */
json_t *rpc_fail(call_t *call, int code, const char *data, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
json_t *rpc_bad_param(call_t *call, const char *what);
json_t *rpc_unknown_block(call_t *call, const hash_t *hash);
/* rpc_chain_failed tells a chain's status. */
json_t *rpc_chain_failed(call_t *call, chain_status_t status, const hash_t *hash);

json_t *param_at(const call_t *call, size_t index); /* NULL when it is absent or null */
/* These are false, with the error set, when the parameter is not as it must be. */
bool param_bytes(call_t *call, size_t index, bytes_t *bytes);
bool param_text(call_t *call, size_t index, const char **text);
bool param_u32(call_t *call, size_t index, uint32_t *number);
/* param_block reads an optional block hash: absent gives the best block; *hash is always set. */
bool param_block(call_t *call, size_t index, hash_t *hash);
bool param_keys(call_t *call, size_t index, bytes_t **keys, uint32_t *count);
bool json_to_bytes(call_t *call, const json_t *value, bytes_t *bytes);

/* rpc_told makes call->text the result. */
json_t *rpc_told(call_t *call);

json_t *json_hex(bytes_t bytes);
json_t *json_hash(const hash_t *hash);
json_t *json_number_hex(uint64_t number);
json_t *json_header(bytes_t header);   /* of an encoded one; NULL when it does not decode */
json_t *json_extrinsics(bytes_t body); /* of a SCALE Vec of them */
/* rpc_version_json is the RuntimeVersion at a block; NULL when it is not known. */
json_t *rpc_version_json(const rpc_t *rpc, const hash_t *at);
json_t *rpc_properties_json(void);
json_t *rpc_health_json(const rpc_t *rpc);

/* ---- messages ---- */

/* Subscriptions that a message opened: they start when its answer is sent. */
typedef struct {
    subscription_t **items; /* to be freed */
    size_t count, cap;
} rpc_started_t;

/* rpc_answer gives the answer to a message, the caller's to free; NULL: there is none.  conn is NULL over
 * HTTP; rate counts its calls, NULL: they are not counted. */
char *rpc_answer(rpc_t *rpc, conn_t *conn, rate_t *rate, bytes_t message, rpc_started_t *started);

/* rpc_give_back empties the arena; a large answer's memory is not kept.  For work outside of a method. */
void rpc_give_back(arena_t *arena);

/* ---- subscriptions ---- */

/* rpc_subscribe makes one whose id is the call's answer; NULL with the error set. */
subscription_t *rpc_subscribe(call_t *call, sub_kind_t kind, const char *method);
json_t *rpc_subscribed(call_t *call, subscription_t *subscription);
/* rpc_subscribe_own makes one with hooks; own may be set after. */
subscription_t *rpc_subscribe_own(call_t *call, const sub_hooks_t *hooks, const char *method);
/* rpc_find_own finds the connection's one with these hooks and this id; NULL: there is none. */
subscription_t *rpc_find_own(const call_t *call, const sub_hooks_t *hooks, const char *id);
/* rpc_unsubscribe ends the one that the first parameter names; answers true or false. */
json_t *rpc_unsubscribe(call_t *call);
void rpc_start(subscription_t *subscription);                  /* after its id was sent */
void rpc_notify(subscription_t *subscription, json_t *result); /* takes result */
void rpc_notify_text(subscription_t *subscription, const char *result);
void rpc_end_subscription(subscription_t *subscription);
void rpc_end_subscriptions(conn_t *conn);
void rpc_chain_event(void *self, const chain_event_t *event);

/* ---- limits ---- */

/* rpc_is_unlimited says whether an address, numeric, is of a network whose calls are not counted. */
bool rpc_is_unlimited(const rpc_t *rpc, const char *address);
/* rpc_rate_of finds the count of an HTTP client; NULL: its calls are not counted. */
rate_t *rpc_rate_of(rpc_t *rpc, const char *address);
/* rpc_take_call counts one call; false: there were too many in the last minute. */
bool rpc_take_call(const rpc_t *rpc, rate_t *rate);

/* ---- methods ---- */

/* params_by_name gives the parameters of an object in the order of the method's names; a new array. */
json_t *params_by_name(const char *names, const json_t *object);

typedef struct {
    const method_t *methods;
    size_t count;
} method_table_t;
method_table_t rpc_author_methods(void), rpc_key_methods(void), rpc_chain_methods(void),
    rpc_state_methods(void), rpc_system_methods(void), rpc_offchain_methods(void), rpc_engine_methods(void),
    rpc_spec_methods(void), rpc_head_methods(void), rpc_head_op_methods(void), rpc_archive_methods(void),
    rpc_transaction_methods(void), rpc_dev_methods(void);
const method_t *rpc_find(const rpc_t *rpc, const char *name);
json_t *rpc_all_methods(const rpc_t *rpc);

#endif
