/* store_internal.h - what the files of node/store share. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H
#include "columns.h"
#include "store.h"
#include "store_ahead.h"
#include "store_cache.h"
#include "store_pending.h"
#include "store_prune.h"

#include <rocksdb/c.h>

struct store {
    rocksdb_t *db;
    rocksdb_options_t *options[COLUMN_COUNT];
    rocksdb_column_family_handle_t *columns[COLUMN_COUNT];
    rocksdb_block_based_table_options_t *tables[COLUMN_COUNT];
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read, *read_one, *read_range; /* plain; within one key's versions; across keys */
    rocksdb_readoptions_t *read_once; /* as read_one, where the same block of a table is of no more use */
    rocksdb_writeoptions_t *write;
    rocksdb_iterator_t *iterators[COLUMN_COUNT][2]; /* kept until the next write; [1]: across keys */
    pending_set_t pending;
    store_cache_t records;
    store_point_t genesis, best, finalized;
    store_point_t looked_at; /* a final block that was asked for last */
    prune_t prune;
    ahead_job_t *ahead; /* what is searched for ahead of the next block, or NULL */
    bool is_empty, is_unsynced;
};

/* A key under construction. */
#define STORE_KEY_MAX (2 * 4096 + 8)
typedef struct {
    uint8_t bytes[STORE_KEY_MAX];
    uint32_t len;
} store_key_t;

/* store_die tells what the disk said and ends the process: there is no state to go on with. */
_Noreturn void store_die(const char *what, const char *why);

void store_key_u32(store_key_t *key, uint32_t number);
void store_key_hash(store_key_t *key, const hash_t *hash);

/* store_key_plain starts the key of a versioned record: the number follows.  False: longer than any key here.
 */
bool store_key_plain(store_key_t *key, column_t column, bytes_t plain);

/* store_key_block is the key of what is kept by number and hash. */
store_key_t store_key_block(uint32_t number, const hash_t *hash);

/* store_key_name is the key of one of the store's own records. */
store_key_t store_key_name(const char *name);

/* store_load_point reads what store_batch_meta wrote; false: there is none. */
bool store_load_point(store_t *store, const char *name, store_point_t *point);

/* store_get finds one record, copied to arena. */
bool store_get(store_t *store, column_t column, const store_key_t *key, arena_t *arena, bytes_t *value);

/* store_iterator is the iterator that is kept for a column. */
rocksdb_iterator_t *store_iterator(store_t *store, column_t column, bool is_across);

/* store_seek finds a versioned record as of a block: the first version at or after the seek.  *written is the
 * block that wrote it, 0 when none did; the value is good until the iterator, one within a key's versions,
 * moves.  From any thread that has an iterator. */
bool store_seek(rocksdb_iterator_t *it, column_t column, bytes_t plain, uint32_t number, uint32_t *written,
                bytes_t *value);

/* store_write writes a batch, in one piece, and destroys it. */
void store_write(store_t *store, rocksdb_writebatch_t *batch);

/* store_batch_* add to a batch. */
void store_batch_put(store_t *store, rocksdb_writebatch_t *batch, column_t column, const store_key_t *key,
                     bytes_t value);
void store_batch_remove(store_t *store, rocksdb_writebatch_t *batch, column_t column, const store_key_t *key);
void store_batch_meta(store_t *store, rocksdb_writebatch_t *batch, const char *name,
                      const store_point_t *point);

/* store_known finds number and parent of a block. */
bool store_known(store_t *store, const hash_t *hash, uint32_t *number, hash_t *parent);

#endif
