/* local_nng.h - rmb-peer's sockets for local programs that speak nng: REP to ask and answer, PUB to listen.
 *
 * Over ipc, whose socket only this user may open.  A message of REQ is JSON (peer_queue.h) and has one
 * answer; a message of PUB is a command, a space, and the JSON of a request for it. */
#ifndef LOCAL_NNG_H
#define LOCAL_NNG_H
#include "io.h"

#define LOCAL_ASKS_MAX 64 /* that wait for their answers; more wait in their sockets */

typedef struct local_nng local_nng_t;
typedef struct local_ask local_ask_t;

/* on_ask must have local_nng_answer called once for each, at once or later; message lasts until it returns.
 */
typedef void (*local_ask_fn)(void *self, local_ask_t *ask, bytes_t message);

/* local_nng_new: rep_url and pub_url are ipc://PATH, or NULL.  NULL with a text in *error. */
local_nng_t *local_nng_new(io_t *io, const char *rep_url, const char *pub_url, local_ask_fn on_ask,
                           void *self, const char **error);
void local_nng_answer(local_ask_t *ask, bytes_t json);
void local_nng_publish(local_nng_t *local, const char *topic, bytes_t json);

/* local_nng_free: asks that have no answer yet must not be answered any more. */
void local_nng_free(local_nng_t *local);

#endif
