/* relay_io.c - the relay's world: clock and timers of the loop, the links of the edges, and the federation.
 */
#include "relay_io.h"

#include "edge.h"

#include <stdlib.h>

struct relay_io {
    io_t *io;
    relay_t *relay;
    federation_io_t *federation;
    io_timer_t *tick, *commit;
};

static uint64_t now_ms(void *self) { return io_now_ms(((const relay_io_t *)self)->io); }

static const relay_link_ops_t *ops_of(void *link) { return ((const relay_link_t *)link)->ops; }

static void wake(void *self, void *link)
{
    (void)self;
    ops_of(link)->wake(link);
}

static void ack(void *self, void *link, const char *uid, relay_ack_t what)
{
    (void)self;
    ops_of(link)->ack(link, uid, what);
}

static void close_link(void *self, void *link, relay_close_t reason)
{
    (void)self;
    ops_of(link)->close(link, reason);
}

static void commit_now(void *self)
{
    relay_io_t *world = self;
    world->commit     = NULL;
    relay_commit(world->relay);
}

static void commit_soon(void *self)
{
    relay_io_t *world = self;
    if (!world->commit) world->commit = io_timer_start(world->io, RELAY_COMMIT_MS, 0, commit_now, world);
}

static void federate(void *self, relay_message_t *message, const char *record)
{
    const relay_io_t *world = self;
    if (world->federation)
        federation_send(federation_io_core(world->federation), message, record);
    else
        relay_message_drop(message);
}

static void tick(void *self) { relay_tick(((const relay_io_t *)self)->relay); }

relay_io_t *relay_io_new(io_t *io, const relay_config_t *config, const relay_store_t *store,
                         twin_cache_t *twins, federation_io_t *federation)
{
    relay_io_t *world = calloc(1, sizeof *world);
    relay_ops_t ops   = {world, now_ms, wake, ack, close_link, commit_soon, federate};
    world->io         = io;
    world->federation = federation;
    world->relay      = relay_new(config, &ops, store, twins);
    if (federation) federation_set_relay(federation_io_core(federation), world->relay);
    world->tick = io_timer_start(io, RELAY_TICK_MS, RELAY_TICK_MS, tick, world);
    return world;
}

relay_t *relay_io_core(relay_io_t *world) { return world ? world->relay : NULL; }

void relay_io_free(relay_io_t *world)
{
    if (!world) return;
    if (world->tick) io_timer_stop(world->tick);
    relay_free(world->relay);
    if (world->commit) io_timer_stop(world->commit);
    free(world);
}
