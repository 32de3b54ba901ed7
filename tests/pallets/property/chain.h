/* chain.h - a chain over a table where everybody does everything, one step at a time, and every step is
 * looked at.
 *
 * A step is a signed extrinsic, a call by root, or the start or end of a block.  What it changed and told is
 * given to the checks of step.h, and between steps the whole state to those of sound.h; the first that does
 * not hold is kept, and the chain goes no further. */
#ifndef CHAIN_H
#define CHAIN_H
#include "random_calls.h"
#include "runtime.h"
#include "runtime_call.h"
#include "table_host.h"

typedef struct chain chain_t;

/* chain_new begins at a genesis that the chance chooses: who is rich, the price, who makes blocks. */
chain_t *chain_new(chance_t chance);
void chain_free(chain_t *chain);

/* chain_run makes so many calls, in blocks, with time that passes.  False when something does not hold:
 * chain_fault then tells what and where. */
NODISCARD bool chain_run(chain_t *chain, uint32_t calls);
const char *chain_fault(const chain_t *chain);

/* With chain_is_traced every step is printed. */
extern bool chain_is_traced;

/* What all chains of this process did, call by call and error by error; chain_blocks is how many blocks. */
void chain_print_coverage(void);
uint32_t chain_calls_without_success(bool is_printed);
uint64_t chain_blocks(void);

#endif
