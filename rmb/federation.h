/* federation.h - envelopes for twins of other relays, brought to them by POST over HTTPS.
 *
 * The domains of the twin's record are tried in order of their failures in the last hour, three passes at a
 * time, until one answers or the envelope has expired (docs/formats/rmb.md 7). */
#ifndef FEDERATION_H
#define FEDERATION_H
#include "io.h"
#include "relay.h"

#define FEDERATION_COUNT_MAX 10000
#define FEDERATION_BYTES_MAX (64u << 20)

typedef struct federation federation_t;

/* federation_new: at and ca_file may be NULL; they must outlive it.  Set the relay before anything is sent.
 */
federation_t *federation_new(io_t *io, const relay_at_t *at, const char *ca_file);
void federation_set_relay(federation_t *federation, relay_t *relay);

/* federation_send is the relay's op: it takes over the hold on message. */
void federation_send(federation_t *federation, relay_message_t *message, const char *record);

/* federation_counts tells of each relay how many envelopes it took, and how many ended without that, of the
 * FEDERATION_RELAYS_MAX relays that were met first. */
#define FEDERATION_RELAYS_MAX 64
void federation_counts(const federation_t *federation,
                       void (*each)(void *context, const char *domain, uint64_t done, uint64_t failed),
                       void *context);

/* federation_free lets go of what is under way; the relay's store still has it. */
void federation_free(federation_t *federation);

#endif
