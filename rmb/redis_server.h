/* redis_server.h - redis.h on a socket: local programs connect, over TCP or a Unix socket. */
#ifndef REDIS_SERVER_H
#define REDIS_SERVER_H
#include "io.h"
#include "redis.h"

#define REDIS_CLIENTS_MAX 256
#define REDIS_INPUT_MAX   (128u << 20) /* bytes of commands that are not whole yet, of all clients */
#define REDIS_OUTPUT_MAX  (64u << 20)  /* that a client leaves unread; above a tenth it is asked nothing */

typedef struct redis_server redis_server_t;

/* redis_server_new listens on "HOST:PORT", "redis://HOST:PORT", or "unix:///PATH", for who may open it.  An
 * address that is not of this machine alone needs a password.  on_queue as in redis.h.  NULL with a text in
 * *error. */
redis_server_t *redis_server_new(io_t *io, const char *url, const char *password,
                                 void (*on_queue)(void *self, bool is_reply, bytes_t value), void *self,
                                 const char **error);
redis_t *redis_server_table(redis_server_t *server);
uint16_t redis_server_port(const redis_server_t *server); /* 0 of a Unix socket */
uint32_t redis_server_clients(const redis_server_t *server);
void redis_server_free(redis_server_t *server);

#endif
