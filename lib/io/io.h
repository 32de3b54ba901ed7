/* io.h - a daemon's one event loop: time, timers, jobs, signals, random bytes.
 *
 * One thread runs the loop and everything is called from it; only io_post may be called from any
 * thread, and only the `work` of a job runs on another.  Nothing that is called back may block.
 *
 *     io_t *io = io_new();
 *     io_on_signal(io, NULL, NULL);          SIGTERM and SIGINT stop the loop
 *     io_timer_start(io_timer_new(io, tick, self), 1000, 1000);
 *     io_run(io);
 *     ... free what stands on it ...
 *     io_free(io); */
#ifndef IO_H
#define IO_H
#include "base.h"

typedef struct io io_t;
typedef struct io_timer io_timer_t;
typedef struct io_watch io_watch_t;
typedef void (*io_fn)(void *context);

/* io_new makes a loop.  NULL when the system gives no descriptors. */
io_t *io_new(void);

/* io_free ends the loop: waits for the jobs that run, drops what was posted and not called, and closes.
 * Free servers, connections and watches before it; timers that are left are freed. */
void io_free(io_t *io);

/* io_run calls what is due until io_stop; io_stop lets it return after the callback that runs now. */
void io_run(io_t *io);
void io_stop(io_t *io);

/* io_wait runs the loop until *is_done, at most timeout_ms; gives *is_done back.  For programs that have nothing
 * else to do, from outside the loop.  False also when io_stop was called. */
bool io_wait(io_t *io, const bool *is_done, uint64_t timeout_ms);

/* ---- time ---- */

/* io_now_ms is unix time, io_mono_ms a clock that never goes back (of no known start). */
uint64_t io_now_ms(void);
uint64_t io_mono_ms(void);
uint64_t io_mono_us(void);

/* io_timer_new makes a timer that is not running.  io_timer_start lets it call fn after after_ms, and then
 * every repeat_ms (0: once); a timer that runs is started anew.  io_timer_free may be called in its own fn. */
io_timer_t *io_timer_new(io_t *io, io_fn fn, void *context);
void io_timer_start(io_timer_t *timer, uint64_t after_ms, uint64_t repeat_ms);
void io_timer_stop(io_timer_t *timer);
bool io_timer_is_running(const io_timer_t *timer);
void io_timer_free(io_timer_t *timer); /* NULL is allowed */

/* ---- other threads ---- */

/* io_post calls fn on the loop, soon, in the order of posting.  From any thread, and from the loop itself.  */
void io_post(io_t *io, io_fn fn, void *context);

/* io_job runs work on a thread of the pool, then done on the loop.  A value in, a value out: work must touch
 * nothing but its context.  done is called once, also while io_free waits (done may be NULL). */
void io_job(io_t *io, io_fn work, io_fn done, void *context);

/* ---- the system ---- */

/* io_on_signal calls fn, on the loop, at SIGTERM and SIGINT; NULL: the loop stops.  SIGPIPE is ignored. */
void io_on_signal(io_t *io, io_fn fn, void *context);

/* io_random fills with random bytes of the kernel. */
void io_random(void *out, size_t len);

#define IO_READABLE 1u
#define IO_WRITABLE 2u

/* io_watch_new calls fn while the descriptor is as asked (IO_READABLE, IO_WRITABLE, or both); fd stays the
 * caller's, to be closed after io_watch_free.  NULL when the descriptor cannot be watched. */
typedef void (*io_watch_fn)(void *context, uint32_t ready);
io_watch_t *io_watch_new(io_t *io, int fd, uint32_t wanted, io_watch_fn fn, void *context);
void io_watch_want(io_watch_t *watch, uint32_t wanted);
void io_watch_free(io_watch_t *watch); /* NULL is allowed */

/* io_loop is libuv's loop, for what is not here (processes, files). */
struct uv_loop_s *io_loop(io_t *io);

/* io_memory_bytes is what the process holds in memory now (resident). */
uint64_t io_memory_bytes(void);

#endif
