/* sim_relay.c - the parts of rmb/main_relay.c put together for each relay of the world.
 *
 * The program's file is included so that its own functions, not copies, are what is simulated. */
#include <sys/stat.h>
#include <sys/types.h>

#include "sim_relay.h"

int relay_main(int argc, char **argv);
int sim_mkdir(const char *path, mode_t mode);

#define main  relay_main
#define mkdir sim_mkdir
#include "../../rmb/main_relay.c"
#undef main
#undef mkdir

#include <assert.h>

int sim_mkdir(const char *path, mode_t mode)
{
    (void)path;
    (void)mode;
    return 0;
}

static void *relay_program_start(machine_t *machine, io_t *io, void *self)
{
    const sim_relay_t *relay = self;
    app_t *app               = calloc(1, sizeof *app);
    options_t *o             = &app->options;
    (void)machine;
    for (uint32_t i = 0; i < relay->node_count; i++)
        o->substrate[o->substrate_count++] = relay->nodes[i];
    o->domains[o->domain_count++] = relay->domain;
    o->nng[o->nng_count++]        = relay->nng;
    o->store                      = relay->store;
    snprintf(o->address, sizeof o->address, "%s", relay->domain);
    o->port              = 443;
    o->inbox_limit.count = 100000;
    o->inbox_limit.bytes = 1u << 30;
    app->io              = io;
    if (relay->link_listen) o->link_listen[o->link_listen_count++] = relay->link_listen;
    for (uint32_t i = 0; i < relay->link_count; i++)
        o->links[o->link_count++] = relay->links[i];
    bool is_started =
        links_check(o) < 0 && chain_start(app) && relay_start(app) && links_start(app) && edges_start(app);
    assert(is_started || io_is_dead(io));
    return app;
}

static void relay_program_stop(void *program)
{
    app_t *app = program;
    stop(app);
    free(app);
}

program_t sim_relay_program(sim_relay_t *relay)
{
    return (program_t){relay_program_start, relay_program_stop, relay};
}

void sim_relay_stats(const machine_t *machine, relay_stats_t *stats)
{
    relay_stats(relay_io_core(((const app_t *)machine_program(machine))->relay), stats);
}
