/* bus.h - nng sockets on the loop: pair1, polyamorous where it listens.
 *
 * nng runs its own threads; nothing of ours runs on them but handing over.  A pipe is one connection.  Of
 * messages that were received but not handled yet BUS_HELD_MAX are held, more wait in their pipes.
 * A pipe's messages come after its on_open and before its on_close.  nng 1.5.2 forgets the memory of a
 * message that it was receiving when the connection broke (pair1_poly.c, pipe_recv_cb: the stopped aio_put
 * keeps it): at most one a broken connection, and no message that anybody was told is safe. */
#ifndef BUS_H
#define BUS_H
#include "io.h"

#define BUS_HELD_MAX 256

typedef struct bus bus_t;

typedef struct {
    void *self;
    void (*on_open)(void *self, uint32_t pipe);
    /* message lasts until the function returns. */
    void (*on_message)(void *self, uint32_t pipe, bytes_t message);
    void (*on_close)(void *self, uint32_t pipe);
} bus_handler_t;

/* bus_listen opens url (tcp://host:port, tls+tcp://host:port, ipc://path).  tls_cert and tls_key are PEM
 * files, needed by tls+tcp.  NULL with a text in *error when it fails. */
bus_t *bus_listen(io_t *io, const char *url, const char *tls_cert, const char *tls_key,
                  const bus_handler_t *handler, const char **error);

/* bus_dial connects to url, and tries until it is freed or one pipe was opened and closed: then dial anew, so
 * that nothing that was queued for one connection is sent by the next.  ca_file: see peer.h. */
bus_t *bus_dial(io_t *io, const char *url, const char *ca_file, const bus_handler_t *handler,
                const char **error);

/* PEM files; NULL: none.  A listener with a ca lets in only who has a certificate of it; a dialler with a
 * cert and a key shows it. */
typedef struct {
    const char *cert, *key, *ca;
} bus_tls_t;

/* bus_listen_to and bus_dial_as are bus_listen and bus_dial where both sides show who they are. */
bus_t *bus_listen_to(io_t *io, const char *url, const bus_tls_t *tls, const bus_handler_t *handler,
                     const char **error);
bus_t *bus_dial_as(io_t *io, const char *url, const bus_tls_t *tls, const bus_handler_t *handler,
                   const char **error);

/* bus_tls_check says why a certificate, its key or a ca are not fit; NULL: they are. */
const char *bus_tls_check(const bus_tls_t *tls);

/* bus_free closes all pipes; nothing is called any more. */
void bus_free(bus_t *bus);

/* bus_send copies the message and queues it.  False when the queue is full: nothing was sent.  A listener
 * drops what is sent to a pipe beyond two messages that wait in it: its user counts. */
NODISCARD bool bus_send(bus_t *bus, uint32_t pipe, bytes_t message);

/* bus_close closes one pipe; its on_close is still called. */
void bus_close(bus_t *bus, uint32_t pipe);

#endif
