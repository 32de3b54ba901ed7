/* twin_cache.h - twins by id, remembered: account, relay and encryption key.
 *
 * A miss asks the source once, however many wait for it.  Entries are as fresh as who calls
 * twin_cache_put (on TwinStored and TwinUpdated of followed blocks) keeps them; the oldest unused one
 * leaves when the cache is full.  twin_chain.c makes a source of the chain, and keeps a cache fresh from it.
 */
#ifndef TWIN_CACHE_H
#define TWIN_CACHE_H
#include "rmb.h"

typedef struct twin_cache twin_cache_t;

/* twin_cache_new: source must outlive the cache.  capacity is the number of twins kept, at least 1. */
twin_cache_t *twin_cache_new(const twin_source_t *source, uint32_t capacity);

/* twin_cache_free answers everybody who still waits with TWIN_UNAVAILABLE. */
void twin_cache_free(twin_cache_t *cache);

/* twin_cache_get calls done once: at once on a hit.  Unknown twins are not remembered. */
void twin_cache_get(twin_cache_t *cache, uint32_t twin_id, twin_done_fn done, void *context);

/* twin_cache_cancel forgets all who wait with this context; their done is not called. */
void twin_cache_cancel(twin_cache_t *cache, const void *context);

/* twin_cache_put sets what the chain said last of a twin that is in the cache, or is being asked for. */
void twin_cache_put(twin_cache_t *cache, const rmb_twin_t *twin);

/* twin_cache_add is twin_cache_put, and keeps a twin that nobody asked for yet. */
void twin_cache_add(twin_cache_t *cache, const rmb_twin_t *twin);

/* twin_cache_flush forgets all twins: after a gap in the blocks that were followed. */
void twin_cache_flush(twin_cache_t *cache);

typedef struct {
    uint64_t hits, misses, flushes;
    uint32_t entries;
} twin_cache_stats_t;
void twin_cache_stats(const twin_cache_t *cache, twin_cache_stats_t *stats);

/* ---- a source over the chain ---- */

typedef struct client client_t;
typedef struct twin_chain twin_chain_t;

/* twin_chain_new reads twins through a client, which must outlive it. */
twin_chain_t *twin_chain_new(client_t *client);
const twin_source_t *twin_chain_source(const twin_chain_t *chain);

/* twin_chain_follow keeps the cache as fresh as the best block: it applies TwinStored and TwinUpdated, and
 * flushes after a gap.  With is_full it fills the cache with all twins first, and keeps new ones.  Once; the
 * cache must outlive it. */
void twin_chain_follow(twin_chain_t *chain, twin_cache_t *cache, bool is_full);

typedef struct {
    uint32_t block; /* the last one that was followed */
    uint64_t stored, updated, gaps, errors;
} twin_chain_stats_t;
void twin_chain_stats(const twin_chain_t *chain, twin_chain_stats_t *stats);

/* twin_chain_free answers who still waits with TWIN_UNAVAILABLE. */
void twin_chain_free(twin_chain_t *chain);

/* ---- a source from a table, for tests ---- */

typedef struct {
    const rmb_twin_t *twins;
    uint32_t count;
} twin_table_t;
/* twin_table_source: the table must outlive the source. */
twin_source_t twin_table_source(twin_table_t *table);

#endif
