/* federation_io.c - see federation_io.h. */
#include "federation_io.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "relay_link.h"
#include "web.h"

#define TRY_MS 3000

typedef struct posting {
    federation_io_t *world; /* NULL: it is gone */
    federation_item_t *item;
    char domain[RMB_RELAY_MAX + 1];
    struct posting *next, **back;
} posting_t;

struct federation_io {
    io_t *io;
    const relay_at_t *at;
    web_pool_t *pool;
    federation_t *federation;
    posting_t *postings;
    io_timer_t *timer;
    uint64_t timer_ms;
};

static uint64_t now_ms(void *self) { return io_now_ms(((const federation_io_t *)self)->io); }
static uint64_t ticks_ms(void *self) { return io_ticks_ms(((const federation_io_t *)self)->io); }

static void random_bytes(void *self, void *out, size_t len)
{
    (void)self;
    io_random(out, len);
}

static void run(void *self)
{
    federation_io_t *world = self;
    world->timer           = NULL;
    federation_run(world->federation);
}

static void wake(void *self, uint64_t delay_ms)
{
    federation_io_t *world = self;
    uint64_t at_ms         = io_ticks_ms(world->io) + delay_ms;
    if (world->timer && world->timer_ms <= at_ms) return;
    if (world->timer) io_timer_stop(world->timer);
    world->timer_ms = at_ms;
    world->timer    = io_timer_start(world->io, delay_ms, 0, run, world);
}

static void on_fetched(void *self, int status, bytes_t body)
{
    posting_t *posting = self;
    *posting->back     = posting->next;
    if (posting->next) posting->next->back = posting->back;
    federation_result_t result = status == 202                    ? FEDERATION_TAKEN
                                 : status >= 400 && status <= 499 ? FEDERATION_REFUSED
                                                                  : FEDERATION_FAILED;
    if (posting->world && result == FEDERATION_FAILED)
        log_debug(LOG_RELAY, "other relay not reached", LOG_TEXT("domain", posting->domain),
                  LOG_U64("status", status), LOG_BYTES("reason", body.data, body.len));
    if (posting->world) federation_posted(posting->world->federation, posting->item, result);
    free(posting);
}

static void url_of(const federation_io_t *world, const char *domain, char url[RMB_URL_MAX + 8])
{
    char at[RMB_URL_MAX];
    relay_at_get(world->at, domain, at);
    const char *rest = strstr(at, "://");
    bool is_secure   = strncmp(at, "wss", 3) == 0 || strncmp(at, "https", 5) == 0;
    assert(rest);
    snprintf(url, RMB_URL_MAX + 8, "%s%s/", is_secure ? "https" : "http", rest);
}

static void cannot_read(void *self) { on_fetched(self, 0, BYTES("the URL cannot be read")); }

static void post(void *self, federation_item_t *item, const char *domain, bytes_t wire)
{
    federation_io_t *world = self;
    char url[RMB_URL_MAX + 8];
    posting_t *posting = calloc(1, sizeof *posting);
    *posting = (posting_t){.world = world, .item = item, .next = world->postings, .back = &world->postings};
    if (posting->next) posting->next->back = &posting->next;
    world->postings = posting;
    snprintf(posting->domain, sizeof posting->domain, "%s", domain);
    url_of(world, domain, url);
    if (!web_pool_fetch(world->pool, "POST", url, "application/octet-stream", wire, TRY_MS, on_fetched,
                        posting))
        io_post(world->io, cannot_read, posting);
}

static bool link_send(void *self, void *link, federation_item_t *item, bytes_t wire)
{
    (void)self;
    return relay_link_send(link, item, wire);
}

federation_io_t *federation_io_new(io_t *io, const relay_at_t *at, const char *ca_file, uint32_t period_s)
{
    federation_io_t *world = calloc(1, sizeof *world);
    federation_ops_t ops   = {world, now_ms, ticks_ms, random_bytes, wake, post, link_send};
    world->io              = io;
    world->at              = at;
    world->pool            = web_pool_new(io, ca_file, FEDERATION_POSTS_MAX / 4);
    world->federation      = federation_new(&ops, period_s);
    return world;
}

federation_t *federation_io_core(federation_io_t *world) { return world->federation; }

void federation_io_free(federation_io_t *world)
{
    if (!world) return;
    if (world->timer) io_timer_stop(world->timer);
    /* The list must stay a list: each unlinks itself when it ends. */
    while (world->postings) {
        posting_t *posting = world->postings;
        world->postings    = posting->next;
        posting->world     = NULL;
        posting->next      = NULL;
        posting->back      = &posting->next;
    }
    web_pool_free(world->pool);
    federation_free(world->federation);
    free(world);
}
