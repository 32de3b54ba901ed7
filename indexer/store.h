/* store.h - the index: rows of the tables as of one block, and how to go back.
 *
 * Blocks are applied one by one.  Each row that a block that is not final changes is kept as it was in the
 * table undo, so the newest block can be taken back whole.  A block, its rows and its undo are one
 * transaction: what a crash leaves is a whole block.  The first failure sticks until the block is dropped. */
#ifndef STORE_H
#define STORE_H
#include "schema.h"

typedef struct store store_t;

/* Where the index stands.  number is of `hash`; has_block is false of an empty index. */
typedef struct {
    bool has_block;
    uint32_t number;
    char hash[67];  /* 0x... */
    uint32_t final; /* the newest block that was final when it was applied, or was told to be */
    char genesis[67];
} store_head_t;

/* store_open makes the tables, or empties them when is_rebuild or when they are of another version of this
 * program.  NULL: *error says why. */
store_t *store_open(const char *where, bool is_rebuild, char error[DB_ERROR_MAX + 1]);
void store_close(store_t *store);
db_t *store_db(store_t *store);
const store_head_t *store_head(const store_t *store);

/* store_check reads anew where the index stands, when the last transaction failed: it may have been kept all
 * the same, by a server whose answer was lost.  False: it cannot be read now. */
NODISCARD bool store_check(store_t *store);

/* store_clear empties the index; the chain is another. */
NODISCARD bool store_clear(store_t *store);
NODISCARD bool store_set_genesis(store_t *store, const char *hash);

/* ---- a block ---- */

/* What is known of the block that is applied, for the rows that its events make. */
typedef struct {
    uint32_t number;
    const char *hash; /* 0x... */
    uint64_t time_s;
    bool is_final; /* nothing of it is kept to undo it */
} store_block_t;

/* store_begin opens a transaction for one block or more; store_block begins the next block in it. */
NODISCARD bool store_begin(store_t *store);
void store_block(store_t *store, const store_block_t *block);
const store_block_t *store_now(const store_t *store);

/* store_block_done ends the block: derived columns are made, and the head is this block. */
NODISCARD bool store_block_done(store_t *store);

/* store_commit keeps all since store_begin, or drops it and is false when something failed. */
NODISCARD bool store_commit(store_t *store);

/* store_undo takes the newest block back, in a transaction of its own.  False: there is none to take back. */
NODISCARD bool store_undo(store_t *store);

/* store_finalized forgets how to undo up to that block. */
NODISCARD bool store_finalized(store_t *store, uint32_t number);

/* ---- rows, inside a block ---- */

typedef struct {
    table_id_t table;
    value_t v[COLUMNS_MAX];
} row_t;

/* store_text copies bytes of the chain as a text that ends with a zero: zeros are left out, and what is no
 * UTF-8 becomes U+FFFD.  It lasts until the block is done, as every text of row_get. */
const char *store_text(store_t *store, bytes_t bytes);
const char *store_format(store_t *store, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* store_event_id names event `index` of the block as the grid's processor does. */
const char *store_event_id(store_t *store, uint32_t index);

/* row_get finds a row by its key.  row_new gives an empty one, with its key. */
bool row_get(store_t *store, table_id_t table, value_t key, row_t *row);
row_t row_new(table_id_t table, value_t key);

/* row_put writes the row, over the one of the same key; row_remove takes it away. */
void row_put(store_t *store, const row_t *row);
void row_remove(store_t *store, table_id_t table, value_t key);

/* row_keys lists the keys of the rows whose column has this value; *count of them, at most 65536. */
value_t *row_keys(store_t *store, table_id_t table, unsigned column, value_t value, uint32_t *count);

/* store_fail makes the block fail: what it says cannot be indexed. */
void store_fail(store_t *store, const char *why);

/* derive.c: what is made of other rows, at the end of a block. */
void store_touch_node(store_t *store, uint32_t node_id);
void store_touch_farm(store_t *store, uint32_t farm_id);
void store_touch_prices(store_t *store);

#endif
