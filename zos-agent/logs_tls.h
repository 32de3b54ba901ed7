/* logs_tls.h - TLS to a target of logs, over a socket that does not block.
 *
 * Whom to trust: the key that the target's URL pins, whoever signed its certificate; else a certificate for
 * its address that an authority of the machine vouches for. */
#ifndef LOGS_TLS_H
#define LOGS_TLS_H
#include "logs.h"

#include <sys/types.h>

typedef struct logs_tls logs_tls_t;

/* logs_tls_new reads authorities from a file (NULL: the machine's), so it comes before the root is given up.
 * NULL: there are none, and no key is pinned. */
logs_tls_t *logs_tls_new(const logs_target_t *target, const char *authorities);
void logs_tls_free(logs_tls_t *tls);

/* logs_tls_start begins on a connected socket; logs_tls_end is its end, the socket stays the caller's. */
NODISCARD bool logs_tls_start(logs_tls_t *tls, int fd);
void logs_tls_end(logs_tls_t *tls);

/* logs_tls_shake goes on with the handshake.  LOGS_TLS_WAITS: when the socket is ready for logs_tls_events.
 */
typedef enum { LOGS_TLS_DONE, LOGS_TLS_WAITS, LOGS_TLS_FAILED } logs_tls_step_t;
NODISCARD logs_tls_step_t logs_tls_shake(logs_tls_t *tls);
short logs_tls_events(const logs_tls_t *tls);

/* As send and recv: -1 with EAGAIN when it is to be called again, once the socket is ready. */
ssize_t logs_tls_send(logs_tls_t *tls, const void *data, size_t len);
ssize_t logs_tls_recv(logs_tls_t *tls, void *room, size_t cap);

#endif
