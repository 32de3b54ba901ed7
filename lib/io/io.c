/* io.c - the loop over libuv. */
#include "io.h"

#include "io_internal.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct io_timer {
    uv_timer_t timer;
    io_t *io;
    io_fn_t fn;
    void *self;
    bool is_single, is_ended;
    io_timer_t *next, **back;
};

struct io_watch {
    uv_poll_t poll;
    io_watch_fn_t fn;
    void *self;
};

typedef struct {
    uv_work_t work;
    io_t *io;
    io_fn_t run, done;
    void *self;
} io_job_t;

void *must(void *memory)
{
    if (!memory) abort();
    return memory;
}

/* ---- the loop ---- */

static void call_posted(uv_async_t *async)
{
    io_t *io = async->data;
    uv_mutex_lock(&io->mutex);
    io_posted_t *posted = io->posted;
    io->posted          = NULL;
    io->posted_end      = &io->posted;
    uv_mutex_unlock(&io->mutex);
    while (posted) {
        io_posted_t *next = posted->next;
        posted->fn(posted->self);
        free(posted);
        posted = next;
    }
}

void io_wake(io_t *io) { uv_async_send(&io->async); }

/* A timer that is due when the loop turns may make what is waited for true before it sleeps; or it is the
 * waker, and nothing would end the sleep. */
static void before_sleep(uv_prepare_t *prepare)
{
    io_t *io = prepare->data;
    if (io->awaited && (*io->awaited || io->is_woken)) uv_stop(&io->loop);
}

io_t *io_new(void)
{
    io_t *io = must(calloc(1, sizeof *io));
    if (uv_loop_init(&io->loop) != 0) {
        free(io);
        return NULL;
    }
    if (uv_async_init(&io->loop, &io->async, call_posted) != 0) {
        uv_loop_close(&io->loop);
        free(io);
        return NULL;
    }
    io->async.data = io;
    uv_prepare_init(&io->loop, &io->prepare);
    io->prepare.data = io;
    uv_prepare_start(&io->prepare, before_sleep);
    uv_unref((uv_handle_t *)&io->prepare);
    uv_timer_init(&io->loop, &io->waker);
    io->waker.data = io;
    io->posted_end = &io->posted;
    uv_mutex_init(&io->mutex);
    signal(SIGPIPE, SIG_IGN);
    return io;
}

void io_free(io_t *io)
{
    if (!io) return;
    web_fini(io);
    while (io->timers)
        io_timer_stop(io->timers);
    for (int i = 0; i < 3; i++)
        if (io->has_signal[i]) uv_close((uv_handle_t *)&io->signals[i], NULL);
    while (io->jobs > 0)
        uv_run(&io->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&io->async, NULL);
    uv_close((uv_handle_t *)&io->prepare, NULL);
    uv_close((uv_handle_t *)&io->waker, NULL);
    uv_run(&io->loop, UV_RUN_DEFAULT);
    int closed = uv_loop_close(&io->loop);
    assert(closed == 0); /* somebody left a handle open */
    (void)closed;
    while (io->posted) {
        io_posted_t *next = io->posted->next;
        free(io->posted);
        io->posted = next;
    }
    uv_mutex_destroy(&io->mutex);
    free(io);
}

void io_run(io_t *io)
{
    while (!io->is_stopped)
        uv_run(&io->loop, UV_RUN_ONCE);
    io->is_stopped = false;
}

void io_stop(io_t *io)
{
    io->is_stopped = true;
    uv_async_send(&io->async);
}

static void on_waker(uv_timer_t *waker) { ((io_t *)waker->data)->is_woken = true; }

/* One timer of the loop wakes it: a new one each time would have to be closed, and the loop does not sleep
 * while something is closing.  It is started anew each turn, for a wait within a wait takes it over. */
static bool run_until(io_t *io, const bool *is_done, uint64_t timeout_ms, bool is_once)
{
    uint64_t now_ms   = io_ticks_ms(io);
    uint64_t end_ms   = timeout_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + timeout_ms;
    const bool *outer = io->awaited;
    io->awaited       = is_done;
    do {
        uint64_t left_ms = end_ms > now_ms ? end_ms - now_ms : 0;
        io->is_woken     = false;
        uv_timer_start(&io->waker, on_waker, left_ms, 0);
        uv_run(&io->loop, left_ms == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
        now_ms = io_ticks_ms(io);
    } while (!*is_done && now_ms < end_ms && !io->is_stopped && !is_once);
    uv_timer_stop(&io->waker);
    io->awaited = outer;
    return *is_done;
}
void io_step(io_t *io, uint64_t wait_ms)
{
    bool never = false;
    run_until(io, &never, wait_ms, true);
}

bool io_wait(io_t *io, const bool *is_done, uint64_t timeout_ms)
{
    return *is_done || run_until(io, is_done, timeout_ms, false);
}

/* ---- time ---- */

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t io_now_ms(const io_t *io)
{
    (void)io;
    return clock_us(CLOCK_REALTIME) / 1000;
}

uint64_t io_ticks_ms(const io_t *io)
{
    (void)io;
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

static void free_handle(uv_handle_t *handle) { free(handle->data); }

static void timer_due(uv_timer_t *handle)
{
    io_timer_t *timer = handle->data;
    timer->is_ended   = timer->is_single;
    timer->fn(timer->self);
    if (!timer->is_ended) return;
    timer->is_ended = false;
    io_timer_stop(timer);
}

io_timer_t *io_timer_start(io_t *io, uint64_t delay_ms, uint64_t repeat_ms, io_fn_t fn, void *self)
{
    io_timer_t *timer = must(calloc(1, sizeof *timer));
    uv_timer_init(&io->loop, &timer->timer);
    timer->timer.data = timer;
    timer->io         = io;
    timer->fn         = fn;
    timer->self       = self;
    timer->is_single  = repeat_ms == 0;
    timer->next       = io->timers;
    timer->back       = &io->timers;
    if (timer->next) timer->next->back = &timer->next;
    io->timers = timer;
    uv_update_time(&io->loop);
    uv_timer_start(&timer->timer, timer_due, delay_ms, repeat_ms);
    return timer;
}

void io_timer_stop(io_timer_t *timer)
{
    if (timer->is_ended) return; /* it is in its only call, and goes by itself */
    *timer->back = timer->next;
    if (timer->next) timer->next->back = timer->back;
    uv_close((uv_handle_t *)&timer->timer, free_handle);
}

/* ---- other threads ---- */

void io_post(io_t *io, io_fn_t fn, void *self)
{
    io_posted_t *posted = must(malloc(sizeof *posted));
    *posted             = (io_posted_t){fn, self, NULL};
    uv_mutex_lock(&io->mutex);
    *io->posted_end = posted;
    io->posted_end  = &posted->next;
    uv_mutex_unlock(&io->mutex);
    uv_async_send(&io->async);
}

static void job_run(uv_work_t *work)
{
    io_job_t *job = work->data;
    job->run(job->self);
}

static void job_done(uv_work_t *work, int status)
{
    (void)status; /* jobs are never cancelled */
    io_job_t *job = work->data;
    job->io->jobs--;
    if (job->done) job->done(job->self);
    free(job);
}

void io_workers(uint32_t count)
{
    char text[12];
    snprintf(text, sizeof text, "%u", count);
    setenv("UV_THREADPOOL_SIZE", text, 1);
}

void io_work(io_t *io, io_fn_t work, io_fn_t done, void *self)
{
    io_job_t *job  = must(malloc(sizeof *job));
    *job           = (io_job_t){.io = io, .run = work, .done = done, .self = self};
    job->work.data = job;
    io->jobs++;
    int queued = uv_queue_work(&io->loop, &job->work, job_run, job_done);
    assert(queued == 0);
    (void)queued;
}

/* ---- the system ---- */

/* A second signal stops the loop at once. */
static void io_stop_self(void *self) { io_stop(self); }

static void signalled(uv_signal_t *handle, int number)
{
    io_t *io = handle->data;
    if (number == SIGHUP) {
        if (io->on_hangup) io->on_hangup(io->hangup_self);
        return;
    }
    io_fn_t fn    = io->on_signal;
    io->on_signal = io_stop_self;
    fn(fn == io_stop_self ? io : io->signal_self);
}

static void watch_signal(io_t *io, int i, int number)
{
    if (io->has_signal[i]) return;
    io->has_signal[i] = true;
    uv_signal_init(&io->loop, &io->signals[i]);
    io->signals[i].data = io;
    uv_signal_start(&io->signals[i], signalled, number);
    uv_unref((uv_handle_t *)&io->signals[i]);
}

void io_stop_on_signals(io_t *io, io_fn_t on_signal, void *self)
{
    io->on_signal   = on_signal ? on_signal : io_stop_self;
    io->signal_self = self;
    watch_signal(io, 0, SIGTERM);
    watch_signal(io, 1, SIGINT);
}

void io_on_hangup(io_t *io, io_fn_t fn, void *self)
{
    io->on_hangup   = fn;
    io->hangup_self = self;
    watch_signal(io, 2, SIGHUP);
}

void io_random(void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) abort(); /* no keys without randomness */
        at += got;
        len -= (size_t)got;
    }
}

static void watch_ready(uv_poll_t *poll, int status, int events)
{
    io_watch_t *watch = poll->data;
    uint32_t ready    = 0;
    if (status < 0 || (events & UV_READABLE)) ready |= IO_READABLE; /* reading tells what is wrong */
    if (events & UV_WRITABLE) ready |= IO_WRITABLE;
    watch->fn(watch->self, ready);
}

io_watch_t *io_watch_start(io_t *io, int fd, uint32_t wanted, io_watch_fn_t fn, void *self)
{
    io_watch_t *watch = must(calloc(1, sizeof *watch));
    if (uv_poll_init(&io->loop, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->fn        = fn;
    watch->self      = self;
    io_watch_want(watch, wanted);
    return watch;
}

void io_watch_want(io_watch_t *watch, uint32_t wanted)
{
    int events = (wanted & IO_READABLE ? UV_READABLE : 0) | (wanted & IO_WRITABLE ? UV_WRITABLE : 0);
    if (events)
        uv_poll_start(&watch->poll, events, watch_ready);
    else
        uv_poll_stop(&watch->poll);
}

void io_watch_stop(io_watch_t *watch) { uv_close((uv_handle_t *)&watch->poll, free_handle); }

struct uv_loop_s *io_loop(io_t *io) { return &io->loop; }

uint64_t io_memory_bytes(void)
{
    unsigned long long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    int got = fscanf(file, "%llu %llu", &pages, &resident);
    fclose(file);
    return got == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}
