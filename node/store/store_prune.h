/* store_prune.h - what is kept of blocks that are final: all of it, or the last ones' states and bodies.
 *
 * The horizon is the lowest block whose state is kept; it goes up in the batch that makes a block final.  A
 * view below it is refused, so a version with a newer one at or below the horizon is never read again:
 * compactions drop it as they pass (prune_filter), at no cost to a block.  A key that is gone leaves a mark
 * that says so; those are noted in COLUMN_PRUNE by the block that made them, and leave with all versions
 * below them when the horizon comes by.  Compactions follow the horizon that is on the disk, so a power cut
 * takes back no more than what can be read again. */
#ifndef STORE_PRUNE_H
#define STORE_PRUNE_H
#include "columns.h"
#include "store.h"

#include <rocksdb/c.h>
#include <stdatomic.h>

typedef struct {
    store_keep_t state, blocks;
    uint32_t horizon;         /* states from this block on are kept */
    uint32_t bodies_from;     /* bodies likewise; block 0 has none worth the name */
    _Atomic uint32_t on_disk; /* the horizon that compactions may follow */
} prune_t;

/* prune_load finds how the database was made and how far it is, and whether what is asked for now fits. */
NODISCARD store_status_t prune_load(store_t *store, const store_keep_t *state, const store_keep_t *blocks);

/* prune_begin adds to a new database's first batch how it is made. */
void prune_begin(store_t *store, rocksdb_writebatch_t *batch);

/* prune_note adds the marks of keys that a block removed. */
void prune_note(store_t *store, rocksdb_writebatch_t *batch, column_t column, const changes_t *changes,
                uint32_t number);

/* prune_step adds what leaves the database when `final` becomes final, a bounded number of records;
 * prune_done follows when the batch is written. */
typedef struct {
    uint32_t horizon, bodies_from;
} prune_step_t;
void prune_step(store_t *store, rocksdb_writebatch_t *batch, uint32_t final, prune_step_t *step);
void prune_done(store_t *store, const prune_step_t *step);

/* prune_sync waits for the disk, and lets compactions follow. */
void prune_sync(store_t *store);

/* prune_filter makes the filter of a versioned column's compactions.  on_disk outlives the database's use. */
rocksdb_compactionfilterfactory_t *prune_filter(_Atomic uint32_t *on_disk);

#endif
