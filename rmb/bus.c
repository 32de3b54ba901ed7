/* bus.c - nng's threads hand over to the loop through one list that needs no lock. */
#include "bus.h"

#include <arpa/inet.h>
#include <assert.h>
#include <nng/nng.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bus_frame.h"
#include "log.h"

#define LISTEN_QUEUE     8192 /* nng's most: messages of all pipes on their way to their own queues */
#define DIAL_QUEUE       1024
#define RECONNECT_MS     100
#define RECONNECT_MS_MAX 5000
#define PEM_MAX          (4u << 20)
#define SETTLE_MS        20
#define CLOSING_MAX      256
#define CLOSE_S          2 /* it takes milliseconds */
#define SYSTEM_CA        "/etc/ssl/certs/ca-certificates.crt"

typedef enum { EVENT_OPEN, EVENT_MESSAGE, EVENT_CLOSE, EVENT_END } event_kind_t;

typedef struct event {
    event_kind_t kind;
    uint32_t pipe;
    nng_msg *message;
    struct event *next;
} event_t;

struct bus {
    io_t *io;
    bus_handler_t handler;
    nng_socket socket;
    nng_aio *receive;
    nng_tls_config *tls;
    _Atomic(event_t *) events; /* newest first */
    atomic_uint held;          /* messages that were received and not handled */
    atomic_bool is_paused;
    atomic_bool is_holding; /* nothing more is received: something is about to be closed */
    atomic_uint open_count;
    uint32_t closing[CLOSING_MAX], closing_count;
    io_timer_t *close_timer;
    atomic_bool is_left; /* nng does not let go of it: nothing is told any more, nothing is freed */
    bool is_closed;
};

/* ---- on nng's threads ---- */

static void drain(void *self);

static void event_add(bus_t *bus, event_t *event)
{
    if (atomic_load(&bus->is_left)) {
        if (event->message) nng_msg_free(event->message);
        free(event);
        return;
    }
    event_t *head = atomic_load(&bus->events);
    do
        event->next = head;
    while (!atomic_compare_exchange_weak(&bus->events, &head, event));
    if (!head) io_post(bus->io, drain, bus);
}

static event_t *event_new(event_kind_t kind, uint32_t pipe, nng_msg *message)
{
    event_t *event = malloc(sizeof *event);
    assert(event);
    event->kind    = kind;
    event->pipe    = pipe;
    event->message = message;
    return event;
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev what, void *self)
{
    bus_t *bus = self;
    if (what == NNG_PIPE_EV_ADD_PRE)
        atomic_fetch_add(&bus->open_count, 1);
    else
        atomic_fetch_sub(&bus->open_count, 1);
    event_add(self, event_new(what == NNG_PIPE_EV_ADD_PRE ? EVENT_OPEN : EVENT_CLOSE,
                              (uint32_t)nng_pipe_id(pipe), NULL));
}

static void on_received(void *self)
{
    bus_t *bus = self;
    int result = nng_aio_result(bus->receive);
    if (result == NNG_ECLOSED || result == NNG_ECANCELED) return;
    if (result == 0) {
        nng_msg *message = nng_aio_get_msg(bus->receive);
        unsigned held    = atomic_fetch_add(&bus->held, 1) + 1;
        bool is_enough   = held >= BUS_HELD_MAX || atomic_load(&bus->is_holding);
        if (is_enough) atomic_store(&bus->is_paused, true);
        event_add(bus, event_new(EVENT_MESSAGE, (uint32_t)nng_pipe_id(nng_msg_get_pipe(message)), message));
        if (is_enough) return; /* the loop goes on when it has caught up */
    }
    nng_recv_aio(bus->socket, bus->receive);
}

/* ---- on the loop ---- */

static void bus_end(bus_t *bus)
{
    if (bus->tls) nng_tls_config_free(bus->tls);
    free(bus);
}

static void go_on(bus_t *bus)
{
    if (!bus->is_closed && !atomic_load(&bus->is_holding) && atomic_exchange(&bus->is_paused, false))
        nng_recv_aio(bus->socket, bus->receive);
}

static void event_run(bus_t *bus, const event_t *event)
{
    switch (event->kind) {
    case EVENT_OPEN:
        if (!bus->is_closed) bus->handler.on_open(bus->handler.self, event->pipe);
        return;
    case EVENT_MESSAGE:
        if (!bus->is_closed)
            bus->handler.on_message(
                bus->handler.self, event->pipe,
                (bytes_t){nng_msg_body(event->message), (uint32_t)nng_msg_len(event->message)});
        nng_msg_free(event->message);
        if (atomic_fetch_sub(&bus->held, 1) == 1) go_on(bus);
        return;
    case EVENT_CLOSE:
        if (!bus->is_closed) bus->handler.on_close(bus->handler.self, event->pipe);
        return;
    case EVENT_END: return;
    }
}

static void drain(void *self)
{
    bus_t *bus      = self;
    event_t *events = atomic_exchange(&bus->events, NULL), *first = NULL;
    bool is_end = false;
    while (events) {
        event_t *next = events->next;
        events->next  = first;
        first         = events;
        events        = next;
    }
    while (first) {
        event_t *next = first->next;
        is_end        = is_end || first->kind == EVENT_END;
        event_run(bus, first);
        free(first);
        first = next;
    }
    if (is_end) bus_end(bus);
}

/* ---- TLS ---- */

static char *file_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? malloc(PEM_MAX + 1) : NULL;
    if (text) text[fread(text, 1, PEM_MAX, file)] = 0;
    if (file) fclose(file);
    return text;
}

/* tls_own reads what this side shows. */
static int tls_own(nng_tls_config *config, const bus_tls_t *tls)
{
    char *cert = file_read(tls->cert), *key = file_read(tls->key);
    int result = cert && key ? nng_tls_config_own_cert(config, cert, key, NULL) : NNG_ENOENT;
    if (key) explicit_bzero(key, strlen(key));
    free(cert);
    free(key);
    return result;
}

static int tls_trust(nng_tls_config *config, const char *ca_path)
{
    char *ca   = file_read(ca_path);
    int result = ca ? nng_tls_config_ca_chain(config, ca, NULL) : NNG_ENOENT;
    free(ca);
    if (result == 0) result = nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED);
    return result;
}

static int tls_server(nng_tls_config **config, const bus_tls_t *tls)
{
    int result = nng_tls_config_alloc(config, NNG_TLS_MODE_SERVER);
    if (result == 0) result = tls_own(*config, tls);
    if (result == 0 && tls->ca) result = tls_trust(*config, tls->ca);
    return result;
}

static const char *tls_listen(bus_t *bus, nng_listener listener, const bus_tls_t *tls)
{
    if (!tls->cert || !tls->key) return "TLS needs a certificate and a key";
    int result = tls_server(&bus->tls, tls);
    if (result == 0) result = nng_listener_setopt_ptr(listener, NNG_OPT_TLS_CONFIG, bus->tls);
    return result == 0 ? NULL : "certificate, key or CA cannot be read";
}

const char *bus_tls_check(const bus_tls_t *tls)
{
    nng_tls_config *config = NULL;
    if (!tls->cert || !tls->key) return "TLS needs a certificate and a key";
    int result = tls_server(&config, tls);
    if (config) nng_tls_config_free(config);
    return result == 0 ? NULL : "certificate, key or CA cannot be read";
}

static void host_of(const char *url, char *host, size_t cap)
{
    const char *start = strstr(url, "://");
    start             = start ? start + 3 : url;
    size_t len        = *start == '[' ? strcspn(++start, "]") : strcspn(start, ":/");
    snprintf(host, cap, "%.*s", (int)len, start);
}

static bool is_address(const char *host)
{
    uint8_t room[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, room) == 1 || inet_pton(AF_INET6, host, room) == 1;
}

/* One text of all certificates that are trusted: nng has no store of its own. */
static char *trusted(const char *ca_file, bool with_system)
{
    char *system = with_system ? file_read(SYSTEM_CA) : NULL, *own = ca_file ? file_read(ca_file) : NULL;
    size_t len = (system ? strlen(system) : 0) + (own ? strlen(own) : 0) + 2;
    char *both = !ca_file || own ? malloc(len) : NULL;
    if (both) snprintf(both, len, "%s\n%s", own ? own : "", system ? system : "");
    free(own);
    free(system);
    return both;
}

/* mbedTLS 2.28 compares names, not addresses.  A relay that is dialled by its address must therefore have a
 * certificate of the operator's own CA, whatever name is in it; the system's CAs do not count then. */
static const char *tls_dial(bus_t *bus, nng_dialer dialer, const char *url, const bus_tls_t *tls)
{
    const char *ca_file = tls->ca;
    char host[256];
    host_of(url, host, sizeof host);
    bool is_name = !is_address(host);
    if (!is_name && !ca_file) return "a relay at an address, not a name, needs a CA file";
    char *ca = trusted(ca_file, is_name);
    if (!ca) return "CA file cannot be read";
    int result = nng_tls_config_alloc(&bus->tls, NNG_TLS_MODE_CLIENT);
    if (result == 0) result = nng_tls_config_ca_chain(bus->tls, ca, NULL);
    if (result == 0) result = nng_tls_config_auth_mode(bus->tls, NNG_TLS_AUTH_MODE_REQUIRED);
    if (result == 0 && is_name) result = nng_tls_config_server_name(bus->tls, host);
    if (result == 0 && tls->cert) result = tls_own(bus->tls, tls);
    if (result == 0) result = nng_dialer_setopt_ptr(dialer, NNG_OPT_TLS_CONFIG, bus->tls);
    free(ca);
    return result == 0 ? NULL : "certificates cannot be read";
}

static bool is_scheme(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

/* ---- the socket ---- */

static bus_t *bus_new(io_t *io, const bus_handler_t *handler, bool is_listener, int *result)
{
    bus_t *bus   = calloc(1, sizeof *bus);
    bus->io      = io;
    bus->handler = *handler;
    *result      = is_listener ? nng_pair1_open_poly(&bus->socket) : nng_pair1_open(&bus->socket);
    if (*result == 0) *result = nng_aio_alloc(&bus->receive, on_received, bus);
    if (*result == 0) *result = nng_socket_set_size(bus->socket, NNG_OPT_RECVMAXSZ, BUS_MESSAGE_MAX);
    if (*result == 0)
        *result = nng_socket_set_int(bus->socket, NNG_OPT_SENDBUF, is_listener ? LISTEN_QUEUE : DIAL_QUEUE);
    if (*result == 0) *result = nng_socket_set_ms(bus->socket, NNG_OPT_RECONNMINT, RECONNECT_MS);
    if (*result == 0) *result = nng_socket_set_ms(bus->socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    if (*result == 0) *result = nng_pipe_notify(bus->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, bus);
    if (*result == 0) *result = nng_pipe_notify(bus->socket, NNG_PIPE_EV_REM_POST, on_pipe, bus);
    return bus;
}

static bus_t *bus_started(bus_t *bus, int result, const char *why, const char **error)
{
    if (result == 0 && !why) {
        nng_recv_aio(bus->socket, bus->receive);
        return bus;
    }
    *error = why ? why : nng_strerror(result);
    bus_free(bus);
    return NULL;
}

bus_t *bus_listen_to(io_t *io, const char *url, const bus_tls_t *tls, const bus_handler_t *handler,
                     const char **error)
{
    int result;
    const char *why = NULL;
    nng_listener listener;
    bus_t *bus = bus_new(io, handler, true, &result);
    if (result == 0) result = nng_listener_create(&listener, bus->socket, url);
    if (result == 0 && (is_scheme(url, "tcp://") || is_scheme(url, "tls+tcp://"))) {
        result = nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true);
        if (result == 0) result = nng_listener_set_bool(listener, NNG_OPT_TCP_KEEPALIVE, true);
    }
    if (result == 0 && is_scheme(url, "tls+")) why = tls_listen(bus, listener, tls);
    if (result == 0 && !why) result = nng_listener_start(listener, 0);
    return bus_started(bus, result, why, error);
}

bus_t *bus_listen(io_t *io, const char *url, const char *tls_cert, const char *tls_key,
                  const bus_handler_t *handler, const char **error)
{
    return bus_listen_to(io, url, &(bus_tls_t){.cert = tls_cert, .key = tls_key}, handler, error);
}

bus_t *bus_dial_as(io_t *io, const char *url, const bus_tls_t *tls, const bus_handler_t *handler,
                   const char **error)
{
    int result;
    const char *why = NULL;
    nng_dialer dialer;
    bus_t *bus = bus_new(io, handler, false, &result);
    if (result == 0) result = nng_dialer_create(&dialer, bus->socket, url);
    if (result == 0 && (is_scheme(url, "tcp://") || is_scheme(url, "tls+tcp://"))) {
        result = nng_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
        if (result == 0) result = nng_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true);
    }
    if (result == 0 && is_scheme(url, "tls+")) why = tls_dial(bus, dialer, url, tls);
    if (result == 0 && !why) result = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    return bus_started(bus, result, why, error);
}

bus_t *bus_dial(io_t *io, const char *url, const char *ca_file, const bus_handler_t *handler,
                const char **error)
{
    return bus_dial_as(io, url, &(bus_tls_t){.ca = ca_file}, handler, error);
}

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bus_t *bus;
    bool is_done;
} closing_t;

static void *close_socket(void *self)
{
    closing_t *closing     = self;
    bus_t *bus             = closing->bus;
    struct timespec moment = {.tv_nsec = SETTLE_MS * 1000000L};
    atomic_store(&bus->is_holding, true);
    if (atomic_load(&bus->open_count) > 0) nanosleep(&moment, NULL);
    nng_close(bus->socket);
    if (bus->receive) nng_aio_free(bus->receive);
    pthread_mutex_lock(&closing->mutex);
    closing->is_done = true;
    pthread_cond_signal(&closing->cond);
    pthread_mutex_unlock(&closing->mutex);
    return NULL;
}

/* False: nng has not let go of the socket in time.  closing is left to the thread then. */
static bool close_in_time(bus_t *bus)
{
    closing_t *closing = calloc(1, sizeof *closing);
    struct timespec end;
    pthread_t thread;
    *closing = (closing_t){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, bus, false};
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += CLOSE_S;
    if (pthread_create(&thread, NULL, close_socket, closing) != 0) abort();
    int result = 0;
    pthread_mutex_lock(&closing->mutex);
    while (!closing->is_done && result == 0)
        result = pthread_cond_timedwait(&closing->cond, &closing->mutex, &end);
    bool is_done = closing->is_done;
    pthread_mutex_unlock(&closing->mutex);
    if (!is_done) {
        pthread_detach(thread);
        return false;
    }
    pthread_join(thread, NULL);
    free(closing);
    return true;
}

/* After nng_close and nng_aio_free no thread of nng knows this socket; what was handed over before is
 * dropped by the loop, which then frees.  If nng waits for ever all the same the socket is left as it is,
 * which is better than a loop that stands. */
void bus_free(bus_t *bus)
{
    if (!bus) return;
    bus->is_closed = true;
    if (bus->close_timer) io_timer_stop(bus->close_timer);
    if (close_in_time(bus)) {
        event_add(bus, event_new(EVENT_END, 0, NULL));
        return;
    }
    atomic_store(&bus->is_left, true);
    log_error(LOG_PEER, "nng does not close a socket: it is left");
}

bool bus_send(bus_t *bus, uint32_t pipe, bytes_t message)
{
    nng_msg *copy;
    if (nng_msg_alloc(&copy, message.len) != 0) return false;
    if (message.len) memcpy(nng_msg_body(copy), message.data, message.len);
    nng_msg_set_pipe(copy, (nng_pipe){pipe});
    if (nng_sendmsg(bus->socket, copy, NNG_FLAG_NONBLOCK) == 0) return true;
    nng_msg_free(copy);
    return false;
}

static void close_pipes(void *self)
{
    bus_t *bus       = self;
    bus->close_timer = NULL;
    for (uint32_t i = 0; i < bus->closing_count; i++)
        nng_pipe_close((nng_pipe){bus->closing[i]});
    bus->closing_count = 0;
    atomic_store(&bus->is_holding, false);
    if (atomic_load(&bus->held) == 0) go_on(bus);
}

/* nng 1.5.2 waits for ever when a pipe is closed in the moment that it begins to read the body of a message
 * (the stopped aio is not called back, ipctran_pipe_recv_cb and its likes), and then reaps no other pipe
 * either.  So nothing is received for a moment before: whoever sends is held up between two messages. */
void bus_close(bus_t *bus, uint32_t pipe)
{
    for (uint32_t i = 0; i < bus->closing_count; i++)
        if (bus->closing[i] == pipe) return;
    if (bus->closing_count == CLOSING_MAX) return; /* its user asks again, or it ends by itself */
    bus->closing[bus->closing_count++] = pipe;
    atomic_store(&bus->is_holding, true);
    if (!bus->close_timer) bus->close_timer = io_timer_start(bus->io, SETTLE_MS, 0, close_pipes, bus);
}
