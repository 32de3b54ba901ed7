/* peer_queue.h - between a peer and local programs: their JSON becomes envelopes, and the other way round.
 *
 * Requests of local programs are sent, one to each destination, and each answer is told.  Requests that come
 * for them are put into the list msgbus.COMMAND and published; the answer comes back as JSON as well. */
#ifndef PEER_QUEUE_H
#define PEER_QUEUE_H
#include "peer.h"
#include "redis.h"

#define PEER_QUEUE_KEEP_S 3600 /* an answer that nobody fetches is kept so long */

typedef struct peer_queue peer_queue_t;

typedef struct {
    redis_t *redis; /* may be NULL */
    void *self;
    /* publish tells who listens of a request for a command; may be NULL. */
    void (*publish)(void *self, const char *command, bytes_t json);
    uint64_t (*now_s)(void *self);
} peer_queue_config_t;

peer_queue_t *peer_queue_new(const peer_queue_config_t *config);
void peer_queue_set_peer(peer_queue_t *queue, peer_t *peer);
void peer_queue_free(peer_queue_t *queue); /* after its peer */

/* peer_queue_incoming is a peer_handler_fn; context is the queue. */
void peer_queue_incoming(void *context, peer_t *peer, const peer_incoming_t *request);

/* peer_queue_local takes a value of one of the queues: answers to requests go to their `ret`. */
void peer_queue_local(peer_queue_t *queue, bool is_reply, bytes_t json);

/* peer_queue_ask sends a request, and calls done once for each destination, later, be it with an error.
 * Returns NULL, or why nothing was sent. */
typedef void (*peer_queue_fn)(void *context, bytes_t json);
NODISCARD const char *peer_queue_ask(peer_queue_t *queue, bytes_t json, peer_queue_fn done, void *context,
                                     uint32_t *count);

/* peer_queue_reply sends the answer to a request that came.  Returns NULL, or why not. */
NODISCARD const char *peer_queue_reply(peer_queue_t *queue, bytes_t json);

#endif
