/* peer_link.h - one session of a peer with one relay, by nng or by WebSocket, kept alive.
 *
 * It dials, logs in, and comes back after growing pauses when it is lost.  All on the loop. */
#ifndef PEER_LINK_H
#define PEER_LINK_H
#include "io.h"
#include "keyring.h"
#include "rmb.h"

typedef struct peer_link peer_link_t;

typedef struct {
    void *self;
    void (*on_ready)(void *self, peer_link_t *link);
    void (*on_lost)(void *self, peer_link_t *link); /* of a link that was ready */
    /* on_envelope writes the envelope's uid ("" if it has none).  It is taken once this returns true, or
     * later when peer_link_taken is called with the ticket; until then the relay sends no more by this link.
     */
    bool (*on_envelope)(void *self, peer_link_t *link, uint64_t ticket, bytes_t wire,
                        char uid[RMB_UID_MAX + 1]);
    void (*on_ack)(void *self, const char *uid, bool is_stored);
} peer_link_handler_t;

typedef struct {
    io_t *io;
    uint32_t twin;
    const char *connection; /* must outlive the link, as all that is pointed to */
    const keypair_t *key;
    const char *url;
    const char *ca_file;
} peer_link_config_t;

peer_link_t *peer_link_new(const peer_link_config_t *config, const peer_link_handler_t *handler);
void peer_link_free(peer_link_t *link);
bool peer_link_is_ready(const peer_link_t *link);

/* peer_link_has_acks: does the relay acknowledge by this link? */
bool peer_link_has_acks(const peer_link_t *link);

/* peer_link_taken: an envelope of this ticket was dealt with.  Call it once for each that on_envelope left
 * open; one of a session that is lost is ignored: the relay brings it again. */
void peer_link_taken(peer_link_t *link, uint64_t ticket);

/* peer_link_send is false when there is no room now, or no session. */
NODISCARD bool peer_link_send(peer_link_t *link, bytes_t wire);

#endif
