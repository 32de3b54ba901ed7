/* sim_chain.h - a chain of twins that forks and reorganises, and the nodes that serve it by JSON-RPC. */
#ifndef SIM_CHAIN_H
#define SIM_CHAIN_H
#include "keyring.h"
#include "rmb.h"
#include "sim.h"

#define CHAIN_TWINS_CAP 24
#define CHAIN_NODES_CAP 4

typedef struct block block_t;

void chain_start(void);
void chain_end(void);

/* chain_best is the block that all nodes come to follow.  chain_grow makes a child of a block; chain_put sets
 * a twin (its id in it) in a block that is not sealed; chain_seal ends it; chain_announce makes it the best.
 */
block_t *chain_best(void);
block_t *chain_parent(const block_t *block);
block_t *chain_grow(block_t *parent);
void chain_put(block_t *block, const rmb_twin_t *twin);
void chain_seal(block_t *block);
void chain_announce(block_t *block);
uint32_t chain_number(const block_t *block);

/* chain_twin: a twin as a block has it, or NULL. */
const rmb_twin_t *chain_twin(const block_t *block, uint32_t id);

/* chain_was says whether within the last ms some block that was best had this twin with this account. */
bool chain_was(uint32_t id, const account_id_t *account, uint64_t ms);

/* A node of the chain listens on key ("node0:80"). */
program_t chain_node(const char *key);

#endif
