/* relay_io.h - the relay's world: clock and timers of the loop, the links of the edges, and the federation.
 */
#ifndef RELAY_IO_H
#define RELAY_IO_H
#include "federation_io.h"
#include "relay.h"

typedef struct relay_io relay_io_t;

/* relay_io_new makes a relay whose links are those of edge.h, and has it tick and commit.  federation takes
 * what is for the twins of other relays; NULL: that is dropped.  io, what store points to and twins must
 * outlive it. */
relay_io_t *relay_io_new(io_t *io, const relay_config_t *config, const relay_store_t *store,
                         twin_cache_t *twins, federation_io_t *federation);
relay_t *relay_io_core(relay_io_t *world); /* NULL of NULL */
void relay_io_free(relay_io_t *world);     /* the relay with it; edges, links and federation before it */

#endif
