/* store_cache.h - newest finalized records in memory, so that a key that is read again costs no search.
 *
 * An entry is what a key had at the finalized block, and the number of the block that wrote it: good for
 * every block from that one on.  Whoever makes a block final tells the cache what it changed.  Bounded by
 * bytes; what was not used for long goes first (a clock's hand). */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H
#include "base.h"
#include "columns.h"

/* Longer records are not kept: a runtime's blob is read once. */
#define CACHE_RECORD_MAX 16384

typedef struct cache_entry cache_entry_t;
typedef struct {
    uint64_t hash;
    cache_entry_t *entry; /* NULL: empty */
} cache_slot_t;
typedef struct {
    cache_slot_t *table;  /* by hash */
    cache_entry_t **ring; /* all of them, for the hand */
    uint32_t table_size, count, cap, hand;
    uint64_t bytes, bytes_max, seed;
} store_cache_t;

/* seed, which a stranger should not guess, spreads the keys.  bytes_max 0: nothing is kept. */
void cache_init(store_cache_t *cache, uint64_t bytes_max, uint64_t seed);
void cache_fini(store_cache_t *cache);

/* cache_find finds a record: it was written by block *number; is_removed: by then there was none.  value is
 * good until the cache is next written to.  False: not kept, search for it. */
bool cache_find(store_cache_t *cache, column_t column, bytes_t key, uint32_t *number, bool *is_removed,
                bytes_t *value);

/* cache_put takes a copy of a record that was searched for; value NULL: there is none. */
void cache_put(store_cache_t *cache, column_t column, bytes_t key, uint32_t number, const bytes_t *value);

/* cache_has says whether a key is kept. */
bool cache_has(const store_cache_t *cache, column_t column, bytes_t key);

/* cache_expect lets memory know that a key is looked for soon; is_near: in a moment, and it was told before.
 */
void cache_expect(const store_cache_t *cache, column_t column, bytes_t key, bool is_near);

/* cache_entry_new makes what cache_put would keep, without a cache: on any thread.  NULL: too long to be
 * kept. cache_take_all hands them over, on the cache's thread; what is kept already stays. */
cache_entry_t *cache_entry_new(uint64_t seed, column_t column, bytes_t key, uint32_t number,
                               const bytes_t *value);
void cache_take_all(store_cache_t *cache, cache_entry_t *const *entries, uint32_t count);

/* cache_update is cache_put for a key that is kept already, and nothing for others: what a block writes is
 * not always read again. */
void cache_update(store_cache_t *cache, column_t column, bytes_t key, uint32_t number, const bytes_t *value);

#endif
