/* io_internal.h - what the files of this folder share of the loop. */
#ifndef IO_INTERNAL_H
#define IO_INTERNAL_H
#include "io.h"

#include <uv.h>

typedef struct io_posted {
    io_fn fn;
    void *context;
    struct io_posted *next;
} io_posted_t;

struct io {
    uv_loop_t loop;
    uv_async_t async;
    uv_mutex_t mutex; /* of the posted list */
    io_posted_t *posted, **posted_end;
    uv_signal_t signals[2];
    bool has_signals, is_stopped;
    io_fn on_signal;
    void *on_signal_context;
    io_timer_t *timers;
    uint32_t jobs; /* that were not told yet */
    void *web;     /* web.c's; made when first needed */
    void (*web_fini)(void *web);
};

#endif
