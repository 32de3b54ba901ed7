/* lanes.h - the engine's jobs on threads, several at once, as the agent runs them: without its loop. */
#ifndef LANES_H
#define LANES_H
#include "engine.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct {
    pthread_t thread;
    const host_t *host;
    job_t job;
    bool is_out;
    atomic_bool is_done;
} test_lane_t;

static test_lane_t lanes_all[2 * ENGINE_LANES_MAX + 1];
static int lanes_ended = -1; /* an eventfd: some job is done */

static inline void *lane_main(void *self)
{
    test_lane_t *lane = self;
    job_run(lane->host, &lane->job);
    atomic_store(&lane->is_done, true);
    eventfd_write(lanes_ended, 1);
    return NULL;
}

static inline uint32_t lanes_out(void)
{
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof lanes_all / sizeof *lanes_all; i++)
        count += lanes_all[i].is_out;
    return count;
}

/* Gives the engine what is done; look may be NULL, and sees each before. */
static inline uint32_t lanes_take(engine_t *engine, uint64_t now_ms, void (*look)(const job_t *job))
{
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof lanes_all / sizeof *lanes_all; i++) {
        test_lane_t *lane = &lanes_all[i];
        if (!lane->is_out || !atomic_load(&lane->is_done)) continue;
        pthread_join(lane->thread, NULL);
        lane->is_out = false;
        if (look) look(&lane->job);
        engine_done(engine, &lane->job, now_ms);
        count++;
    }
    return count;
}

static inline uint32_t lanes_give(engine_t *engine, const host_t *host, uint64_t now_ms, uint64_t *wake_ms)
{
    uint32_t count = 0;
    if (lanes_ended < 0) lanes_ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < sizeof lanes_all / sizeof *lanes_all; i++) {
        test_lane_t *lane = &lanes_all[i];
        if (lane->is_out) continue;
        if (!engine_next(engine, now_ms, &lane->job, wake_ms)) break;
        lane->host   = host;
        lane->is_out = true;
        atomic_store(&lane->is_done, false);
        if (pthread_create(&lane->thread, NULL, lane_main, lane) != 0) exit(1);
        count++;
    }
    return count;
}

static inline void lanes_wait(int most_ms)
{
    eventfd_t count;
    struct pollfd fd = {.fd = lanes_ended, .events = POLLIN};
    if (poll(&fd, 1, most_ms) > 0) (void)eventfd_read(lanes_ended, &count);
}

/* lanes_work takes what is done and gives what there is to do, and waits if that was nothing, most_ms at
 * most, for a job that is out.  0: there is nothing to do before *wake_ms, and nothing is out. */
static inline uint32_t lanes_work(engine_t *engine, const host_t *host, uint64_t (*clock_ms)(void),
                                  int most_ms, uint64_t *wake_ms)
{
    uint32_t moved = lanes_take(engine, clock_ms(), NULL);
    moved += lanes_give(engine, host, clock_ms(), wake_ms);
    if (moved == 0 && lanes_out() > 0) lanes_wait(most_ms);
    return moved + lanes_out();
}

/* lanes_finish waits for what is out: before the engine goes. */
static inline void lanes_finish(engine_t *engine, uint64_t (*clock_ms)(void))
{
    while (engine && lanes_out() > 0) {
        lanes_take(engine, clock_ms(), NULL);
        if (lanes_out() > 0) lanes_wait(100);
    }
}

#endif
