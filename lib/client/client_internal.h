/* client_internal.h - what the files of lib/client share.
 *
 * client.c keeps the connection, client_rpc.c the requests and subscriptions on it; storage, follow and
 * submit stand on those two alone. */
#ifndef CLIENT_INTERNAL_H
#define CLIENT_INTERNAL_H
#include "client.h"

#include <jansson.h>

#define REQUEST_BUCKETS 256u

typedef struct request {
    struct request *next;
    uint64_t ticket, deadline_ms;
    char *text;            /* the whole JSON-RPC request */
    bool is_sent, is_once; /* once: it is not sent again over another connection */
    bool owns_context;     /* of a cancelled request it is freed */
    client_json_fn done;
    void *context;
} request_t;

typedef struct subscription {
    struct subscription *next;
    uint64_t ticket, asking; /* asking: ticket of the request for it, 0 when none is under way */
    client_t *client;
    const char *method, *unsubscribe;
    char *params;
    bool is_once, has_id;
    char id[64]; /* the node's name for it, in JSON */
    client_json_fn item;
    void *context;
} subscription_t;

typedef struct follower follower_t;
typedef struct submission submission_t;
typedef struct wire wire_t;

struct client {
    io_t *io;
    wire_t *wire; /* the connection */
    client_config_t config;
    char *ca_file;
    char urls[CLIENT_URLS_CAP][CLIENT_URL_MAX + 1];
    client_chain_t chain;
    bool has_chain, is_ready;
    uint64_t next_ticket;
    request_t *requests[REQUEST_BUCKETS]; /* by ticket */
    uint32_t request_count;
    subscription_t *subscriptions;
    follower_t *followers;
    submission_t *submissions;
};

/* must_alloc gives zeroed memory or ends the program. */
void *must_alloc(size_t size);
char *must_copy_text(const char *text);

/* error_of makes an error; text NULL takes the status's. */
client_error_t error_of(client_status_t status, const char *text);

uint64_t client_ticket(client_t *client);

/* ---- wire.c: one WebSocket, with time ---- */

/* wire_new starts to connect to the first of the client's URLs and calls client_on_*. */
wire_t *wire_new(client_t *client);
void wire_free(wire_t *wire);
void wire_send(wire_t *wire, const char *text, size_t len);
bool wire_is_open(const wire_t *wire);
void wire_drop(wire_t *wire);                          /* close, and connect to the next URL after a pause */
void wire_greeted(wire_t *wire);                       /* the node is good: the next pause is short again */
bool wire_wait(client_t *client, const bool *is_done); /* false: the loop was stopped */
uint64_t wire_now_ms(const client_t *client);

/* ---- client_rpc.c ---- */

void client_on_open(client_t *client, const char *url);
void client_on_closed(client_t *client);
void client_on_text(client_t *client, const char *text, size_t len);
void client_on_tick(client_t *client);

/* rpc_once is client_rpc for what must not be sent twice: CLIENT_UNAVAILABLE when the connection is lost. */
uint64_t rpc_once(client_t *client, const char *method, const char *params, client_json_fn done,
                  void *context);

/* rpc_own_context: when the request is cancelled its context is freed. */
void rpc_own_context(client_t *client, uint64_t ticket);

/* rpc_subscribe calls item for each notification; with CLIENT_UNAVAILABLE when the connection is lost, after
 * which it subscribes again by itself unless is_once; with CLIENT_REFUSED when the node does not want to, and
 * then it is gone. */
uint64_t rpc_subscribe(client_t *client, const char *method, const char *unsubscribe, const char *params,
                       bool is_once, client_json_fn item, void *context);

bool version_read(client_t *client, const json_t *json);
void requests_fail_all(client_t *client, client_status_t status);
void subscriptions_lost(client_t *client);
void subscriptions_renew(client_t *client);
void rpc_cancel(client_t *client, uint64_t ticket);
void rpc_free(client_t *client);

/* ---- JSON to values ---- */

/* json_hex_bytes decodes a string of hex into memory that is the caller's to free. */
bool json_hex_bytes(const json_t *json, uint8_t **data, uint32_t *len);
bool json_hex_hash(const json_t *json, hash_t *hash);
bool json_number(const json_t *json, uint32_t *number); /* an integer, or a string of hex digits after 0x */

/* header_read takes number and parent out of a header, and hashes it. */
bool header_read(const json_t *json, uint32_t *number, hash_t *parent, hash_t *hash);

void params_hash(char params[80], const hash_t *hash);

/* outcome_read takes result and fee from outcome->events, for the extrinsic at outcome->index. */
bool outcome_read(client_outcome_t *outcome);

/* ---- the parts that hold on to tickets ---- */

bool follow_cancel(client_t *client, uint64_t ticket);
void follow_free_all(client_t *client);
bool submit_cancel(client_t *client, uint64_t ticket);
void submit_free_all(client_t *client);

#endif
