/* serve.h - the addresses that the indexer answers at: gridproxy's, GraphQL, KYC, activation, health,
 * metrics. */
#ifndef SERVE_H
#define SERVE_H
#include "faucet.h"
#include "follow.h"
#include "kyc.h"
#include "metrics.h"
#include "web.h"

typedef struct probe probe_t;
typedef struct serve serve_t;

typedef struct {
    io_t *io;
    store_t *store;
    follow_t *follow;
    kyc_t *kyc;       /* may be NULL */
    faucet_t *faucet; /* may be NULL */
    probe_t *probe;   /* may be NULL */
    const char *version;
    const char *where;        /* the index, for connections that only read */
    uint32_t rate;            /* requests a second of one address; 0: as many as it likes */
    const char *forwarded_by; /* a proxy before us, whose X-Forwarded-For is believed; NULL: none */
} serve_config_t;

/* serve_new needs the index to be there.  NULL: *error. */
serve_t *serve_new(const serve_config_t *config, char error[DB_ERROR_MAX + 1]);

/* serve_listen opens an address; several may be.  With only_kyc it answers nothing but KYC.  False: *error.
 */
NODISCARD bool serve_listen(serve_t *serve, const char *address, uint16_t port, const char *cert,
                            const char *key, bool only_kyc, const char **error);

/* serve_reload reads certificates and the table of KYC again; false: one was not fit. */
NODISCARD bool serve_reload(serve_t *serve);
void serve_free(serve_t *serve);

#endif
