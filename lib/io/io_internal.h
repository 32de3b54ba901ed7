/* io_internal.h - what the files of this folder share of the loop. */
#ifndef IO_INTERNAL_H
#define IO_INTERNAL_H
#include "io.h"

#include <uv.h>

typedef struct io_posted {
    io_fn_t fn;
    void *self;
    struct io_posted *next;
} io_posted_t;

struct io {
    uv_loop_t loop;
    uv_async_t async;
    uv_prepare_t prepare;
    uv_timer_t waker;    /* of io_step and io_wait */
    const bool *awaited; /* of io_wait: the loop does not sleep once it is true */
    bool is_woken;       /* the waker rang in this turn: the loop must not sleep without it */
    uv_mutex_t mutex;    /* of the posted list */
    io_posted_t *posted, **posted_end;
    uv_signal_t signals[3]; /* SIGTERM, SIGINT, SIGHUP */
    bool has_signal[3], is_stopped;
    io_fn_t on_signal, on_hangup;
    void *signal_self, *hangup_self;
    io_timer_t *timers;
    uint32_t jobs;   /* that were not told yet */
    struct web *web; /* web.c's; made when first needed */
};

/* web_fini ends what web.c made on a loop; turns the loop until it is gone. */
void web_fini(io_t *io);

/* io_wake lets the loop turn once more before it sleeps. */
void io_wake(io_t *io);

/* must gives memory back, or stops: a daemon without memory has nothing to go on with. */
void *must(void *memory);

#endif
