/* rmb.h - words that all of the message bus shares: limits, twins as the bus sees them, where relays are.
 *
 * Spec: docs/formats/rmb.md.  A twin is found on the chain; its relay record is up to four bare
 * domains joined by '_', reached as wss://DOMAIN unless the operator says otherwise. */
#ifndef RMB_H
#define RMB_H
#include "base.h"

#define RMB_MESSAGE_MAX      (16u << 20) /* bytes of one envelope: the frame limit of rmb-rs's WebSocket */
#define RMB_UID_MAX          255         /* bytes of text; clients send 36 */
#define RMB_CONNECTION_MAX   255         /* bytes of text; clients send 36 */
#define RMB_RELAY_MAX        1024        /* bytes of a twin's relay record, as on the chain */
#define RMB_URL_MAX          1100        /* room for a scheme, a domain and a port, with the ending zero */
#define RMB_EXPIRATION_S     300         /* life of a message whose sender names none, and of every reply */
#define RMB_EXPIRATION_S_MAX 1800
#define RMB_PK_LEN           33

/* What the bus needs to know of a twin. */
typedef struct {
    uint32_t id;
    account_id_t account;          /* its public key: ed25519 or sr25519, the prefix of a signature says */
    char relay[RMB_RELAY_MAX + 1]; /* domains joined by '_'; empty when none is set */
    bool has_pk;                   /* with a key that is no compressed point has_pk is false */
    uint8_t pk[RMB_PK_LEN];        /* secp256k1, compressed: who writes to this twin encrypts */
} rmb_twin_t;

typedef enum {
    TWIN_FOUND,
    TWIN_UNKNOWN,     /* the chain says that there is none */
    TWIN_UNAVAILABLE, /* the chain did not answer */
} twin_status_t;

/* twin_done_fn hears the answer.  twin is NULL unless the status is TWIN_FOUND, and valid during the call. */
typedef void (*twin_done_fn)(void *context, twin_status_t status, const rmb_twin_t *twin);

/* Where twins are looked up: the chain, or a table in tests.  get calls done exactly once, perhaps
 * before it returns. */
typedef struct {
    void *self;
    void (*get)(void *self, uint32_t twin_id, twin_done_fn done, void *context);
} twin_source_t;

/* ---- where a domain is reached (--relay-at DOMAIN=URL) ---- */

#define RELAY_AT_CAP 32

typedef struct {
    uint32_t count;
    struct {
        char domain[RMB_RELAY_MAX + 1], url[RMB_URL_MAX];
    } entry[RELAY_AT_CAP];
} relay_at_t;

/* relay_at_add reads "DOMAIN=URL".  URL begins with wss://, ws://, https://, http://, tls+tcp://,
 * tcp:// or ipc://.  False when it has another form, or when there are RELAY_AT_CAP already. */
NODISCARD bool relay_at_add(relay_at_t *map, const char *text);

/* relay_at_get writes the URL of a domain: the one of the map, or wss://DOMAIN.  map may be NULL. */
void relay_at_get(const relay_at_t *map, const char *domain, char url[RMB_URL_MAX]);

/* relay_url_is_nng says whether a URL is reached by nng (tcp, tls+tcp, ipc, inproc), not by WebSocket. */
bool relay_url_is_nng(const char *url);

/* relay_url_is_web says whether it is reached by WebSocket or HTTP (wss, ws, https, http). */
bool relay_url_is_web(const char *url);

/* relay_domain_next walks a twin's relay record: *at is 0 at first.  False when there are no more. */
NODISCARD bool relay_domain_next(const char *relay, uint32_t *at, char domain[RMB_RELAY_MAX + 1]);

#endif
