/* follow.h - keeps the index at the node's best block.
 *
 * A round asks the node for the hash of the block that the index stands on and of those after it.  When the
 * first is another one, the newest block is taken back, and the next round sees further.  Else the blocks
 * come in, with their events and time, and are applied: those that are final in one transaction, others
 * each in its own, to be taken back when they lose.  The node must have the state of all blocks (an archive):
 * genesis is read as state, since it has no events. */
#ifndef FOLLOW_H
#define FOLLOW_H
#include "client.h"
#include "store.h"

typedef struct follow follow_t;

typedef struct {
    uint32_t best, final;    /* of the node */
    uint64_t blocks, undone; /* applied and taken back since the start */
    double blocks_a_second;  /* while it catches up */
    bool is_connected;       /* to a node */
    uint32_t failures;       /* rounds that failed in a row; error says why */
    bool is_caught_up;       /* the index was at the best block once, and is at most 2 behind */
    bool has_stopped;        /* it cannot go on: error says why */
    char error[256];
} follow_state_t;

follow_t *follow_new(io_t *io, client_t *client, store_t *store);
void follow_free(follow_t *follow);
const follow_state_t *follow_state(follow_t *follow);

/* follow_on_block calls fn after each round that changed the index. */
void follow_on_block(follow_t *follow, void (*fn)(void *self), void *self);

#endif
