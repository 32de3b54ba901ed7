/* sim_net.c - connections: frames in order, late, never twice; and what befalls them.
 *
 * A frame is pending until the sender's kernel has room for it, then in flight until it arrives.  A cut
 * between two machines holds frames back; a reset loses what is in flight.  Who loses its power says nothing:
 * the other side finds out when the machine is back, or by its own patience. */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_LEN (64u << 10)
#define CONNECT_US 10000000
#define RETRY_US   100000
#define VOID_US    1000000
#define VOID_TRIES 120
#define KEY_CAP    256
#define LATENCY_US 60

typedef struct frame {
    uint64_t at_us;
    bool is_last;
    uint32_t len;
    struct frame *next;
    uint8_t data[];
} frame_t;

typedef struct {
    frame_t *first, **end;
    size_t len;
    uint32_t count;
} queue_t;

typedef struct {
    queue_t pending, flight;
    uint64_t last_at_us;
    bool is_deliver_due, is_drain_due, is_drain_told;
} way_t;

typedef struct conn conn_t;

struct end {
    conn_t *conn;
    uint32_t side, id;
    io_t *io;
    end_handler_t handler;
    bool is_open, is_closed;
};

struct conn {
    char key[KEY_CAP];
    end_t ends[2]; /* who dialled, who listened */
    way_t ways[2]; /* from that end */
    bool is_joined, is_broken;
    uint32_t void_tries;
    uint64_t begun_us;
    conn_t *next;
};

struct listener {
    char key[KEY_CAP];
    io_t *io;
    accept_fn accept;
    void *self;
    listener_t *next;
};

static struct {
    conn_t *conns;
    listener_t *listeners;
    bool is_cut[MACHINES_CAP][MACHINES_CAP];
    uint32_t max_ms, last_id;
    lost_fn lost, seen;
} net;

static bool is_cut(const io_t *a, const io_t *b)
{
    return net.is_cut[machine_index(io_machine(a))][machine_index(io_machine(b))];
}

/* ---- queues ---- */

static void queue_add(queue_t *queue, frame_t *frame)
{
    if (!queue->first) queue->end = &queue->first;
    frame->next = NULL;
    *queue->end = frame;
    queue->end  = &frame->next;
    queue->len += frame->len;
    queue->count++;
}

static frame_t *queue_take(queue_t *queue)
{
    frame_t *frame = queue->first;
    queue->first   = frame->next;
    queue->len -= frame->len;
    queue->count--;
    return frame;
}

static void queue_lose(conn_t *conn, queue_t *queue, bool is_told)
{
    while (queue->first) {
        frame_t *frame = queue_take(queue);
        if (is_told && !frame->is_last && net.lost) net.lost(conn->key, (bytes_t){frame->data, frame->len});
        free(frame);
    }
}

/* ---- ends ---- */

static void told_close(void *self)
{
    end_t *end = self;
    if (end->is_closed) return;
    end->is_closed = true;
    end->handler.on_close(end->handler.self, end);
}

static void conn_break(conn_t *conn)
{
    if (conn->is_broken) return;
    conn->is_broken = true;
    for (uint32_t i = 0; i < 2; i++) {
        queue_lose(conn, &conn->ways[i].flight, true);
        queue_lose(conn, &conn->ways[i].pending, false);
        end_t *end = &conn->ends[i];
        if (end->io && !end->is_closed) (void)sim_event_add(end->io, sim_below(50000), told_close, end);
    }
}

static void deliver_soon(end_t *to, uint64_t delay_us);
static void drain_soon(end_t *from);

static void deliver(void *self)
{
    end_t *end          = self;
    conn_t *conn        = end->conn;
    way_t *way          = &conn->ways[1 - end->side];
    way->is_deliver_due = false;
    if (conn->is_broken || !way->flight.first) return;
    if (is_cut(end->io, conn->ends[1 - end->side].io)) {
        deliver_soon(end, RETRY_US);
        return;
    }
    if (way->flight.first->at_us > sim_now_us()) {
        deliver_soon(end, way->flight.first->at_us - sim_now_us());
        return;
    }
    if (end->is_closed) {
        queue_lose(conn, &way->flight, true);
        return;
    }
    frame_t *frame = queue_take(&way->flight);
    drain_soon(&conn->ends[1 - end->side]);
    if (frame->is_last) {
        end->is_closed = true;
        queue_lose(conn, &conn->ways[end->side].flight, true);
        end->handler.on_close(end->handler.self, end);
    } else {
        end->handler.on_frame(end->handler.self, end, (bytes_t){frame->data, frame->len});
    }
    free(frame);
    if (way->flight.first) deliver_soon(end, 0);
}

static void deliver_soon(end_t *to, uint64_t delay_us)
{
    way_t *way = &to->conn->ways[1 - to->side];
    if (way->is_deliver_due || !to->io || io_is_dead(to->io)) return;
    way->is_deliver_due = true;
    (void)sim_event_add(to->io, delay_us, deliver, to);
}

/* Brings pending frames into flight, as far as the kernel takes them. */
static void drain(void *self)
{
    end_t *end        = self;
    conn_t *conn      = end->conn;
    way_t *way        = &conn->ways[end->side];
    way->is_drain_due = false;
    if (conn->is_broken || !conn->is_joined) return;
    while (way->pending.first && (way->flight.len < KERNEL_LEN || !way->flight.first)) {
        frame_t *frame = queue_take(&way->pending);
        uint64_t us    = LATENCY_US + (net.max_ms ? sim_below(net.max_ms * 1000) : 0);
        frame->at_us   = sim_now_us() + us;
        if (frame->at_us <= way->last_at_us) frame->at_us = way->last_at_us + 1;
        way->last_at_us = frame->at_us;
        queue_add(&way->flight, frame);
    }
    const end_t *other = &conn->ends[1 - end->side];
    if (other->is_closed && io_is_dead(other->io)) queue_lose(conn, &way->flight, true);
    if (way->flight.first) deliver_soon(&conn->ends[1 - end->side], 0);
    if (way->pending.first || way->is_drain_told || end->is_closed) return;
    way->is_drain_told = true;
    if (end->handler.on_drained) end->handler.on_drained(end->handler.self, end);
}

static void drain_soon(end_t *from)
{
    way_t *way = &from->conn->ways[from->side];
    if (way->is_drain_due || !from->io || io_is_dead(from->io)) return;
    way->is_drain_due = true;
    (void)sim_event_add(from->io, 5 + sim_below(100), drain, from);
}

static void add_frame(end_t *end, bytes_t bytes, bool is_last)
{
    way_t *way     = &end->conn->ways[end->side];
    frame_t *frame = malloc(sizeof *frame + bytes.len);
    frame->is_last = is_last;
    frame->len     = bytes.len;
    if (bytes.len) memcpy(frame->data, bytes.data, bytes.len);
    queue_add(&way->pending, frame);
    way->is_drain_told = is_last;
    drain_soon(end);
}

void end_send(end_t *end, bytes_t frame)
{
    if (end->is_closed || end->conn->is_broken || !sim_may_act(end->io)) return;
    if (net.seen) net.seen(end->conn->key, frame);
    add_frame(end, frame, false);
}

size_t end_queued(const end_t *end) { return end->conn->ways[end->side].pending.len; }
uint32_t end_in_flight(const end_t *end)
{
    const way_t *way = &end->conn->ways[end->side];
    return way->pending.count + way->flight.count;
}
void end_unread(const end_t *end, bytes_t frame)
{
    if (net.lost) net.lost(end->conn->key, frame);
}

uint32_t end_id(const end_t *end) { return end->id; }

void end_close(end_t *end)
{
    if (end->is_closed) return;
    end->is_closed = true;
    if (end->conn->is_broken || io_is_dead(end->io)) return;
    if (end->conn->is_joined)
        add_frame(end, (bytes_t){0}, true);
    else
        end->conn->is_broken = true;
}

/* ---- connecting ---- */

static listener_t *listener_get(const char *key)
{
    listener_t *listener = net.listeners;
    while (listener && strcmp(listener->key, key) != 0)
        listener = listener->next;
    return listener;
}

static void opened(void *self)
{
    end_t *end = self;
    if (end->is_closed || end->conn->is_broken || end->is_open) return;
    end->is_open = true;
    if (end->handler.on_open) end->handler.on_open(end->handler.self, end);
    drain_soon(end);
}

static void arrived(void *self)
{
    conn_t *conn         = self;
    listener_t *listener = listener_get(conn->key);
    end_t *end           = &conn->ends[1];
    if (conn->is_broken || conn->ends[0].is_closed) return;
    if (!listener || listener->io != sim_current()) {
        conn_break(conn);
        return;
    }
    *end = (end_t){.conn = conn, .side = 1, .id = ++net.last_id, .io = listener->io, .is_open = true};
    conn->is_joined = true;
    listener->accept(listener->self, end, &end->handler);
    if (!end->is_closed && end->handler.on_open) end->handler.on_open(end->handler.self, end);
    (void)sim_event_add(conn->ends[0].io, LATENCY_US, opened, &conn->ends[0]);
}

static void try_connect(void *self)
{
    conn_t *conn         = self;
    listener_t *listener = listener_get(conn->key);
    end_t *end           = &conn->ends[0];
    if (conn->is_broken || end->is_closed || conn->is_joined) return;
    bool is_late = sim_now_us() - conn->begun_us > CONNECT_US;
    if (listener && !is_cut(listener->io, end->io) && !is_late)
        (void)sim_event_add(listener->io, LATENCY_US + sim_below(2000), arrived, conn);
    else if (!listener || is_late)
        conn_break(conn);
    if (!conn->is_broken) (void)sim_event_add(end->io, RETRY_US, try_connect, conn);
}

end_t *net_dial(io_t *io, const char *key, const end_handler_t *handler)
{
    conn_t *conn = calloc(1, sizeof *conn);
    assert(strlen(key) < sizeof conn->key);
    memcpy(conn->key, key, strlen(key) + 1);
    conn->begun_us = sim_now_us();
    conn->next     = net.conns;
    net.conns      = conn;
    conn->ends[0]  = (end_t){.conn = conn, .id = ++net.last_id, .io = io, .handler = *handler};
    (void)sim_event_add(io, 20 + sim_below(500), try_connect, conn);
    return &conn->ends[0];
}

listener_t *net_listen(io_t *io, const char *key, accept_fn accept, void *self)
{
    if (listener_get(key)) return NULL;
    listener_t *listener = calloc(1, sizeof *listener);
    assert(strlen(key) < sizeof listener->key);
    *listener = (listener_t){.io = io, .accept = accept, .self = self, .next = net.listeners};
    memcpy(listener->key, key, strlen(key) + 1);
    net.listeners = listener;
    return listener;
}

void net_unlisten(listener_t *listener)
{
    listener_t **at = &net.listeners;
    while (*at && *at != listener)
        at = &(*at)->next;
    if (!*at) return; /* its machine died before */
    *at = listener->next;
    free(listener);
}

/* ---- what befalls them ---- */

void net_partition(uint32_t a, uint32_t b, bool is_cut_now)
{
    net.is_cut[a][b] = net.is_cut[b][a] = is_cut_now;
}
void net_heal(void) { memset(net.is_cut, 0, sizeof net.is_cut); }
void net_set_delay(uint32_t max_ms) { net.max_ms = max_ms; }

void net_break_one(void)
{
    uint32_t count = 0, at;
    for (const conn_t *conn = net.conns; conn; conn = conn->next)
        count += conn->is_joined && !conn->is_broken && !conn->ends[0].is_closed && !conn->ends[1].is_closed;
    if (count == 0) return;
    at = sim_below(count);
    for (conn_t *conn = net.conns; conn; conn = conn->next) {
        if (!conn->is_joined || conn->is_broken || conn->ends[0].is_closed || conn->ends[1].is_closed)
            continue;
        if (at-- > 0) continue;
        sim_trace("connection of %s to %s is reset", machine_name(io_machine(conn->ends[0].io)), conn->key);
        conn_break(conn);
        return;
    }
}

/* The other side of a machine that lost its power hears when the machine is back. */
static void void_check(void *self)
{
    end_t *end         = self;
    conn_t *conn       = end->conn;
    const io_t *other  = conn->ends[1 - end->side].io;
    bool is_back       = machine_is_up(io_machine(other)) && !is_cut(end->io, other);
    bool has_something = conn->ways[end->side].flight.first || conn->ways[end->side].pending.first;
    if (conn->is_broken || end->is_closed) return;
    if ((is_back && has_something) || ++conn->void_tries > VOID_TRIES)
        conn_break(conn);
    else
        (void)sim_event_add(end->io, VOID_US, void_check, end);
}

static void end_gone(end_t *end, bool is_power_lost)
{
    conn_t *conn    = end->conn;
    end_t *other    = &conn->ends[1 - end->side];
    bool was_closed = end->is_closed;
    end->is_closed  = true;
    if (conn->is_broken) return;
    if (!conn->is_joined) {
        conn->is_broken = true;
        return;
    }
    queue_lose(conn, &conn->ways[other->side].flight, true);
    if (is_power_lost) {
        queue_lose(conn, &conn->ways[end->side].flight, true);
        queue_lose(conn, &conn->ways[end->side].pending, false);
        if (!other->is_closed && other->io && !io_is_dead(other->io))
            (void)sim_event_add(other->io, VOID_US, void_check, other);
    } else if (sim_chance(500000) || was_closed) {
        /* What the kernel has still arrives, and then the end. */
        way_t *way = &conn->ways[end->side];
        if (was_closed) return;
        queue_lose(conn, &way->pending, false);
        frame_t *last = calloc(1, sizeof *last);
        last->is_last = true;
        last->at_us   = way->last_at_us > sim_now_us() ? way->last_at_us + 1 : sim_now_us() + LATENCY_US;
        queue_add(&way->flight, last);
        deliver_soon(other, 0);
    } else {
        conn_break(conn);
    }
}

void net_machine_gone(io_t *io, bool is_power_lost)
{
    for (listener_t **at = &net.listeners; *at;) {
        listener_t *listener = *at;
        if (listener->io != io) {
            at = &listener->next;
            continue;
        }
        *at = listener->next;
        free(listener);
    }
    for (conn_t *conn = net.conns; conn; conn = conn->next)
        for (uint32_t i = 0; i < 2; i++)
            if (conn->ends[i].io == io) end_gone(&conn->ends[i], is_power_lost);
}

void net_tell_lost(void)
{
    for (conn_t *conn = net.conns; conn; conn = conn->next)
        for (uint32_t i = 0; i < 2; i++)
            queue_lose(conn, &conn->ways[i].flight, true);
}

void net_start(lost_fn lost)
{
    memset(&net, 0, sizeof net);
    net.lost = lost;
}

void net_tap(lost_fn seen) { net.seen = seen; }

void net_end(void)
{
    net.lost = NULL;
    while (net.conns) {
        conn_t *conn = net.conns;
        net.conns    = conn->next;
        for (uint32_t i = 0; i < 2; i++) {
            queue_lose(conn, &conn->ways[i].flight, false);
            queue_lose(conn, &conn->ways[i].pending, false);
        }
        free(conn);
    }
    while (net.listeners) {
        listener_t *listener = net.listeners;
        net.listeners        = listener->next;
        free(listener);
    }
}
