/* fake_node.h - a node as a test wants it: blocks that it makes, answers that it holds back, a line it cuts.
 */
#ifndef FAKE_NODE_H
#define FAKE_NODE_H
#include "client.h"
#include "io.h"

#include <jansson.h>

#define FAKE_BLOCKS_CAP 256

typedef struct {
    json_t *header; /* as chain_getHeader gives it */
    json_t *extrinsics;
    uint32_t number;
    int parent;
    hash_t hash;
    uint8_t events[256];
    uint32_t events_len;
} fake_block_t;

typedef struct fake_node fake_node_t;

/* fake_node_new listens on any port of 127.0.0.1; block 0 is genesis, salted. */
fake_node_t *fake_node_new(io_t *io, uint8_t salt);
void fake_node_free(fake_node_t *node);

/* fake_node_stop closes all; fake_node_start listens again on the same port. */
void fake_node_stop(fake_node_t *node);
void fake_node_start(fake_node_t *node);
const char *fake_node_url(const fake_node_t *node);

/* fake_node_block adds a block on top of another without telling anybody; gives its index.  fake_node_best
 * and _final make one the head, and tell subscribers. */
int fake_node_block(fake_node_t *node, int parent);
void fake_node_best(fake_node_t *node, int block);
void fake_node_final(fake_node_t *node, int block);
fake_block_t *fake_node_at(fake_node_t *node, int block);

/* The extrinsics that were submitted, in order; fake_node_include puts the n-th into a block, which succeeds
 * or fails there, and _tell_in_block and _tell say so to who watches. */
int fake_node_submitted(const fake_node_t *node);
void fake_node_include(fake_node_t *node, int block, int submitted, bool is_success);
void fake_node_tell(fake_node_t *node, int submitted, const char *name,
                    int block); /* "inBlock", "finalized" ... */
void fake_node_tell_state(fake_node_t *node, int submitted, const char *state); /* "invalid" ... */

/* Behaviour: silent answers nothing more; refuse gives JSON-RPC error code to submissions. */
void fake_node_silent(fake_node_t *node, bool is_silent);
void fake_node_refuse(fake_node_t *node, int code);
uint32_t fake_node_asked(const fake_node_t *node, const char *method); /* how often */

#endif
