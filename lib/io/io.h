/* io.h - the outside world of a daemon: its loop, clock, timers, signals and randomness.
 *
 * One loop a daemon, on one thread (libuv underneath).  Everything is called from it, but io_post, which
 * any thread may call.  Work that takes long goes to io_work as a value and comes back as one. */
#ifndef IO_H
#define IO_H
#include "base.h"

typedef struct io io_t;
typedef struct io_timer io_timer_t;
typedef void (*io_fn_t)(void *self);

/* io_new makes a loop; NULL when the system gives none.  io_free after everything on it was stopped: it waits
 * for the work that runs, and drops timers and what was posted and not called. */
io_t *io_new(void);
void io_free(io_t *io);

/* io_run runs until io_stop.  io_step runs what is due, waiting at most wait_ms for something to come. */
void io_run(io_t *io);
void io_step(io_t *io, uint64_t wait_ms);
void io_stop(io_t *io);

/* io_stop_on_signals makes SIGTERM and SIGINT call on_signal once, from the loop (NULL: io_stop), and
 * ignores SIGPIPE.  io_on_hangup calls fn on each SIGHUP. */
void io_stop_on_signals(io_t *io, io_fn_t on_signal, void *self);
void io_on_hangup(io_t *io, io_fn_t fn, void *self);

/* io_wait runs until *is_done, at most timeout_ms, and gives *is_done back; false too when io_stop was
 * called. For programs that have nothing else to do. */
bool io_wait(io_t *io, const bool *is_done, uint64_t timeout_ms);

/* io_now_ms is wall time in ms since 1970; io_ticks_ms never goes back and starts anywhere. */
uint64_t io_now_ms(const io_t *io);
uint64_t io_ticks_ms(const io_t *io);

/* io_timer_start calls fn after delay_ms, then each repeat_ms (0: once).  The timer is the loop's: it is
 * freed by io_timer_stop, or by itself after its only call.  Once it ran, a single timer is not to be
 * stopped. */
io_timer_t *io_timer_start(io_t *io, uint64_t delay_ms, uint64_t repeat_ms, io_fn_t fn, void *self);
void io_timer_stop(io_timer_t *timer);

/* io_post calls fn from the loop soon, in the order posted.  Any thread. */
void io_post(io_t *io, io_fn_t fn, void *self);

/* io_work calls work on a worker thread, then done on the loop.  io_workers says how many threads the process
 * has for it, all loops together: 4 when it is not called before the first work. */
void io_workers(uint32_t count);
void io_work(io_t *io, io_fn_t work, io_fn_t done, void *self);

/* io_random fills out with unpredictable bytes. */
void io_random(void *out, size_t len);

/* io_watch_start calls fn while a descriptor is as wanted; the descriptor stays the caller's, to be closed
 * after io_watch_stop.  NULL when it cannot be watched. */
#define IO_READABLE 1u
#define IO_WRITABLE 2u
typedef struct io_watch io_watch_t;
typedef void (*io_watch_fn_t)(void *self, uint32_t ready);
io_watch_t *io_watch_start(io_t *io, int fd, uint32_t wanted, io_watch_fn_t fn, void *self);
void io_watch_want(io_watch_t *watch, uint32_t wanted);
void io_watch_stop(io_watch_t *watch);

/* io_memory_bytes is what the process holds in memory now (resident). */
uint64_t io_memory_bytes(void);

/* io_loop is the uv_loop_t, for what lib/io itself and the bus build on. */
struct uv_loop_s *io_loop(io_t *io);

#endif
