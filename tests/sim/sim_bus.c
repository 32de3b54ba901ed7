/* sim_bus.c - bus.h over the network of the simulation, with nng's manners.
 *
 * A listener's pipe takes what fits and two messages more, and drops the rest in silence; a dialler tries
 * until it is freed, and one pipe is all that it opens. */
#include "bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus_frame.h"
#include "sim.h"

#define PIPE_WAITING 4 /* in the kernel, and nng's own two */
#define DIAL_WAITING 1024
#define DIAL_MS      100

typedef struct pipe {
    bus_t *bus;
    end_t *end;
    uint32_t id;
    bool is_open;
    sim_event_t *closing;
    struct pipe *next;
} pipe_t;

struct bus {
    io_t *io;
    bus_handler_t handler;
    listener_t *listener; /* NULL: it dials */
    char key[256];
    pipe_t *pipes;
    io_timer_t *retry;
};

static pipe_t *pipe_get(const bus_t *bus, uint32_t id)
{
    pipe_t *pipe = bus->pipes;
    while (pipe && pipe->id != id)
        pipe = pipe->next;
    return pipe;
}

static void pipe_free(pipe_t *pipe)
{
    pipe_t **at = &pipe->bus->pipes;
    while (*at != pipe)
        at = &(*at)->next;
    *at = pipe->next;
    if (pipe->closing) sim_event_cancel(pipe->closing);
    free(pipe);
}

static pipe_t *pipe_new(bus_t *bus, end_t *end)
{
    pipe_t *pipe = calloc(1, sizeof *pipe);
    *pipe        = (pipe_t){.bus = bus, .end = end, .id = end_id(end), .next = bus->pipes};
    bus->pipes   = pipe;
    return pipe;
}

static void on_frame(void *self, end_t *end, bytes_t frame)
{
    const pipe_t *pipe = self;
    (void)end;
    if (frame.len > BUS_MESSAGE_MAX) abort();
    pipe->bus->handler.on_message(pipe->bus->handler.self, pipe->id, frame);
}

static void dial(void *self);

/* nng tries again when a pipe never opened. */
static void on_close(void *self, end_t *end)
{
    pipe_t *pipe = self;
    bus_t *bus   = pipe->bus;
    uint32_t id  = pipe->id;
    bool is_told = pipe->is_open;
    (void)end;
    pipe_free(pipe);
    if (is_told)
        bus->handler.on_close(bus->handler.self, id);
    else
        bus->retry = io_timer_start(bus->io, DIAL_MS, 0, dial, bus);
}

static void on_open(void *self, end_t *end)
{
    pipe_t *pipe  = self;
    pipe->is_open = true;
    (void)end;
    pipe->bus->handler.on_open(pipe->bus->handler.self, pipe->id);
}

static void on_accept(void *self, end_t *end, end_handler_t *handler)
{
    *handler = (end_handler_t){
        .self = pipe_new(self, end), .on_open = on_open, .on_frame = on_frame, .on_close = on_close};
}

const char *bus_tls_check(const bus_tls_t *tls)
{
    (void)tls;
    return NULL;
}

bus_t *bus_listen_to(io_t *io, const char *url, const bus_tls_t *tls, const bus_handler_t *handler,
                     const char **error)
{
    (void)tls;
    bus_t *bus    = calloc(1, sizeof *bus);
    *bus          = (bus_t){.io = io, .handler = *handler};
    bus->listener = net_listen(io, url, on_accept, bus);
    if (bus->listener) return bus;
    *error = "address in use";
    free(bus);
    return NULL;
}

bus_t *bus_listen(io_t *io, const char *url, const char *tls_cert, const char *tls_key,
                  const bus_handler_t *handler, const char **error)
{
    return bus_listen_to(io, url, &(bus_tls_t){.cert = tls_cert, .key = tls_key}, handler, error);
}

static void dial(void *self)
{
    bus_t *bus   = self;
    pipe_t *pipe = calloc(1, sizeof *pipe);
    bus->retry   = NULL;
    *pipe        = (pipe_t){.bus = bus, .next = bus->pipes};
    bus->pipes   = pipe;
    pipe->end    = net_dial(
           bus->io, bus->key,
           &(end_handler_t){.self = pipe, .on_open = on_open, .on_frame = on_frame, .on_close = on_close});
    pipe->id = end_id(pipe->end);
}

bus_t *bus_dial_as(io_t *io, const char *url, const bus_tls_t *tls, const bus_handler_t *handler,
                   const char **error)
{
    (void)tls;
    (void)error;
    bus_t *bus = calloc(1, sizeof *bus);
    *bus       = (bus_t){.io = io, .handler = *handler};
    snprintf(bus->key, sizeof bus->key, "%s", url);
    dial(bus);
    return bus;
}

bus_t *bus_dial(io_t *io, const char *url, const char *ca_file, const bus_handler_t *handler,
                const char **error)
{
    return bus_dial_as(io, url, &(bus_tls_t){.ca = ca_file}, handler, error);
}

void bus_free(bus_t *bus)
{
    if (!bus) return;
    if (bus->listener && !io_is_dead(bus->io)) net_unlisten(bus->listener);
    if (bus->retry) io_timer_stop(bus->retry);
    while (bus->pipes) {
        end_close(bus->pipes->end);
        pipe_free(bus->pipes);
    }
    free(bus);
}

bool bus_send(bus_t *bus, uint32_t pipe_id, bytes_t message)
{
    const pipe_t *pipe = pipe_get(bus, pipe_id);
    if (!pipe || !pipe->is_open)
        return bus->listener != NULL; /* nng drops what is sent to a pipe that is gone */
    if (bus->listener && end_in_flight(pipe->end) >= PIPE_WAITING) return true;
    if (!bus->listener && end_in_flight(pipe->end) >= DIAL_WAITING) return false;
    end_send(pipe->end, message);
    return true;
}

/* The owner hears on_close from the loop. */
static void closed_here(void *self)
{
    pipe_t *pipe  = self;
    pipe->closing = NULL;
    on_close(pipe, NULL);
}

void bus_close(bus_t *bus, uint32_t pipe_id)
{
    pipe_t *pipe = pipe_get(bus, pipe_id);
    if (!pipe || pipe->closing) return;
    end_close(pipe->end);
    pipe->closing = sim_event_add(bus->io, 50, closed_here, pipe);
}
