/* store_ahead.h - searching for records before they are asked for, on a thread of its own.
 *
 * One search at a time, as of the finalized block: it has iterators of its own and touches nothing of the
 * store that changes.  What it found goes into the records in memory on the store's thread, when it is done
 * or when the finalized block is about to change, never later: what it found would be old then. */
#ifndef STORE_AHEAD_H
#define STORE_AHEAD_H
#include "store.h"

typedef struct ahead_job ahead_job_t;

/* ahead_take takes what a search that is done found; false: none is done. */
bool ahead_take(store_t *store);

/* ahead_end ends a search, if there is one, and takes what it found so far. */
void ahead_end(store_t *store);

#endif
