/* sim.h - a world of one thread and one clock in which the real programs of rmb/ run.
 *
 * The sources of rmb/ and lib/client are linked as they are; io.h, bus.h, web.h and RocksDB's C interface are
 * this folder's instead of libuv's, nng's, libwebsockets' and RocksDB's.  Time is an ordered list of events;
 * all chance comes from one seed, so that a seed is a whole history.
 *
 * A machine is a process on a host of its own: it has an io_t, a clock that may be wrong, a disk that
 * outlives it, and it may die at any event or within one: at what it writes or sends. */
#ifndef SIM_H
#define SIM_H
#include "io.h"

#define SIM_EPOCH_MS UINT64_C(1700000000000)
#define MACHINES_CAP 32

typedef struct machine machine_t;

/* ---- chance ---- */

uint64_t sim_random(void);
uint32_t sim_below(uint32_t limit); /* 0 .. limit - 1 */
bool sim_chance(uint32_t per_million);

/* ---- time ---- */

/* sim_start begins a world; sim_end frees it. */
void sim_start(uint64_t seed);
void sim_end(void);
uint64_t sim_now_us(void);

/* sim_after calls fn of the world itself (no machine's) after a while. */
void sim_after(uint64_t delay_us, io_fn_t fn, void *self);

/* sim_run runs events until the clock says until_us. */
void sim_run(uint64_t until_us);
uint64_t sim_events(void); /* how many ran */

/* sim_trace says what happens on standard output, when it was asked for. */
extern bool sim_is_traced;
__attribute__((format(printf, 1, 2))) void sim_trace(const char *format, ...);

/* ---- machines ---- */

/* What runs on a machine: start makes the program, stop frees it (also of a machine that died: then nothing
 * that it does reaches the world). */
typedef struct {
    void *(*start)(machine_t *machine, io_t *io, void *self);
    void (*stop)(void *program);
    void *self;
} program_t;

machine_t *machine_new(const char *name, const program_t *program);
void machine_start(machine_t *machine);
void machine_stop(machine_t *machine); /* as by SIGTERM */

/* machine_kill ends the process at once (SIGKILL); with is_power_lost the disk loses what was not synced, and
 * nobody is told that its connections are gone. */
void machine_kill(machine_t *machine, bool is_power_lost);

/* machine_doom lets it die within the next microseconds, at something that it writes or sends. */
void machine_doom(machine_t *machine, bool is_power_lost);
bool machine_is_up(const machine_t *machine);
const char *machine_name(const machine_t *machine);
void *machine_program(const machine_t *machine);
uint32_t machine_index(const machine_t *machine);
void machine_set_skew(machine_t *machine, int64_t skew_ms);
uint64_t machine_starts(const machine_t *machine);

/* ---- for the files of the world ---- */

/* What an event belongs to: an io_t that is dead drops it. */
typedef struct sim_event sim_event_t;
sim_event_t *sim_event_add(io_t *io, uint64_t delay_us, io_fn_t fn, void *self);
void sim_event_cancel(sim_event_t *event);
machine_t *io_machine(const io_t *io);
bool io_is_dead(const io_t *io);

/* sim_may_act is called before what a machine does to the world; false: it is dead, nothing is done. */
bool sim_may_act(io_t *io);

/* sim_current is the io_t whose event runs now, or NULL. */
io_t *sim_current(void);

/* ---- the network (sim_net.c) ---- */

typedef struct end end_t; /* one side of a connection */

typedef struct {
    void *self;
    void (*on_open)(void *self, end_t *end);
    void (*on_frame)(void *self, end_t *end, bytes_t frame);
    void (*on_drained)(void *self, end_t *end); /* all was handed to the kernel */
    void (*on_close)(void *self, end_t *end);   /* the last call; never after end_close */
} end_handler_t;

/* net_listen takes connections to a key ("tcp://a:1", "127.0.0.2:443"); accept fills the handler. */
typedef struct listener listener_t;
typedef void (*accept_fn)(void *self, end_t *end, end_handler_t *handler);
listener_t *net_listen(io_t *io, const char *key, accept_fn accept, void *self);
void net_unlisten(listener_t *listener);

/* net_dial: on_open or on_close follows, never before it returned. */
end_t *net_dial(io_t *io, const char *key, const end_handler_t *handler);
void end_send(end_t *end, bytes_t frame);
size_t end_queued(const end_t *end);      /* bytes that the kernel has not taken */
uint32_t end_in_flight(const end_t *end); /* frames that have not arrived */

/* end_unread: a frame came to somebody who does not look at it any more: as good as lost. */
void end_unread(const end_t *end, bytes_t frame);

/* end_close: what was sent before still arrives.  Nothing is called any more; the end is gone. */
void end_close(end_t *end);
uint32_t end_id(const end_t *end);

/* lost is told each frame that a kernel had taken and that never arrived. */
typedef void (*lost_fn)(const char *key, bytes_t frame);
void net_start(lost_fn lost);
void net_tap(lost_fn seen); /* is told each frame that is sent; who listens on the wire */
void net_tell_lost(void);   /* all that is in flight will never arrive: at the end */
void net_end(void);

/* What may go wrong with the network. */
void net_partition(uint32_t a, uint32_t b, bool is_cut); /* machines by index */
void net_heal(void);
void net_break_one(void);            /* some connection is reset */
void net_set_delay(uint32_t max_ms); /* of a frame */
void net_machine_gone(io_t *io, bool is_power_lost);

/* ---- disks (sim_disk.c) ---- */

void disk_start(void);
void disk_end(void);
void disk_machine_gone(io_t *io, bool is_power_lost);
void disk_set_full(bool is_full); /* writes of rows fail */

/* disk_rows counts the keys that begin with one of the bytes of kinds. */
uint32_t disk_rows(const char *path, const char *kinds);

/* ---- web.h and bus.h (sim_web.c, sim_bus.c) ---- */

#define WEB_FRAME_BINARY 2
#define WEB_FRAME_POST   8

/* web_machine_gone ends what a program left open, as web_fini does. */
void web_machine_gone(io_t *io);

#endif
