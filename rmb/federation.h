/* federation.h - envelopes for twins of other relays: which goes where, when, and again when it failed.
 *
 * No socket, clock or thread of its own, as relay.h: federation_io.h is the world.  What one address sends to
 * another stays in order: it is a lane, and of a lane one envelope is posted at a time.  A relay of the same
 * operator may be reached by a link (relay_link.h), which takes as many as it has room for and is used before
 * the post; what was in a link that breaks goes on from the first that was not acknowledged.
 * The domains of a twin's record are tried in order of their failures in the ranker period, three passes,
 * then again after a longer pause, until the envelope has expired (docs/formats/rmb.md 7). */
#ifndef FEDERATION_H
#define FEDERATION_H
#include "relay.h"

#define FEDERATION_COUNT_MAX  10000 /* envelopes that wait; more are refused */
#define FEDERATION_BYTES_MAX  (64u << 20)
#define FEDERATION_POSTS_MAX  64 /* at a time, and to one relay at most a quarter */
#define FEDERATION_PERIOD_S   3600
#define FEDERATION_RELAYS_MAX 64 /* that are counted apart */

typedef struct federation federation_t;
typedef struct federation_item federation_item_t; /* one envelope on its way */

typedef enum {
    FEDERATION_TAKEN,   /* 202 */
    FEDERATION_REFUSED, /* 4xx: for good */
    FEDERATION_FAILED,  /* anything else: try again, or elsewhere */
} federation_result_t;

typedef struct {
    void *self;
    uint64_t (*now_ms)(void *self);   /* Unix time */
    uint64_t (*ticks_ms)(void *self); /* never goes back */
    void (*random)(void *self, void *out, size_t len);
    /* wake: call federation_run after so long; an earlier wish stands. */
    void (*wake)(void *self, uint64_t delay_ms);
    /* post: bring wire (which lasts until then) to a domain, and call federation_posted once, later. */
    void (*post)(void *self, federation_item_t *item, const char *domain, bytes_t wire);
    /* link_send gives wire to a link that is up, as federation_posted, but false when it has no room: then
     * call federation_run when it has. */
    bool (*link_send)(void *self, void *link, federation_item_t *item, bytes_t wire);
} federation_ops_t;

/* federation_new: period_s is how long a failure counts; 0: FEDERATION_PERIOD_S. */
federation_t *federation_new(const federation_ops_t *ops, uint32_t period_s);
void federation_set_relay(federation_t *federation, relay_t *relay);

/* federation_send is the relay's op: it takes over the hold on message. */
void federation_send(federation_t *federation, relay_message_t *message, const char *record);

void federation_posted(federation_t *federation, federation_item_t *item, federation_result_t result);

/* federation_link says that a domain is reached by a link now; NULL: not any more, and the link speaks of no
 * item that it was given. */
void federation_link(federation_t *federation, const char *domain, void *link);

void federation_run(federation_t *federation);

/* federation_counts tells of each relay how many envelopes it took, and how many ended without that, of the
 * FEDERATION_RELAYS_MAX relays that were met first. */
void federation_counts(const federation_t *federation,
                       void (*each)(void *context, const char *domain, uint64_t done, uint64_t failed),
                       void *context);

/* federation_free lets go of what is under way, and speaks of no item again; the relay's store has it. */
void federation_free(federation_t *federation);

#endif
