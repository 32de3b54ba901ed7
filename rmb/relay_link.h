/* relay_link.h - links between relays of one operator, over nng: one relay dials, and brings envelopes.
 *
 * Both sides show a certificate of the operator's CA (ipc: who may open the socket is one of ours); then the
 * dialler names its domains, and the listener its own.  Envelopes go in batches, and each is acknowledged
 * when it was taken or is on disk.  What comes by a link goes to a session or mailbox here, never to a third
 * relay; a relay that is linked with itself is refused (docs/formats/rmb.md 8). */
#ifndef RELAY_LINK_H
#define RELAY_LINK_H
#include "bus.h"
#include "federation.h"

typedef struct relay_link_out relay_link_out_t;
typedef struct relay_link_in relay_link_in_t;

typedef struct {
    io_t *io;
    bus_tls_t tls;
    const char *own_domains; /* joined by '_'; must outlive the link */
} relay_link_config_t;

/* relay_link_dial keeps a link to the relay of a domain, and tells federation when it is up and when it is
 * not.  NULL when the URL has no form that is known. */
relay_link_out_t *relay_link_dial(const relay_link_config_t *config, const char *domain, const char *url,
                                  federation_t *federation);
const char *relay_link_domain(const relay_link_out_t *link);
bool relay_link_is_up(const relay_link_out_t *link);

/* relay_link_send is federation_ops_t's link_send. */
bool relay_link_send(relay_link_out_t *link, federation_item_t *item, bytes_t wire);
void relay_link_hang_up(relay_link_out_t *link);

relay_link_in_t *relay_link_listen(const relay_link_config_t *config, const char *url, relay_t *relay,
                                   const char **error);
/* relay_link_reload listens anew with the certificates as they are now; links are dialled again. */
void relay_link_reload(relay_link_in_t *in);
uint32_t relay_link_count(const relay_link_in_t *in);
void relay_link_close(relay_link_in_t *in);

#endif
