/* sim_relay.h - rmb-relay itself, as a machine of the simulation. */
#ifndef SIM_RELAY_H
#define SIM_RELAY_H
#include "relay.h"
#include "sim.h"

typedef struct {
    const char *domain; /* also its address: WebSocket and inbox on port 443 */
    const char *nng;    /* URL */
    const char *store;
    const char *const *nodes;
    uint32_t node_count;
    const char *link_listen; /* NULL: none */
    const char *links[2];    /* "DOMAIN=URL" */
    uint32_t link_count;
} sim_relay_t;

program_t sim_relay_program(sim_relay_t *relay);

/* sim_relay_stats of a relay that runs. */
void sim_relay_stats(const machine_t *machine, relay_stats_t *stats);

#endif
