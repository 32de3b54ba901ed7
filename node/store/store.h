/* store.h - blocks and state on disk.
 *
 * Finalized state is versioned: every value and trie node under its key and the number of the block
 * that wrote it, so the state at any kept block is one seek a key.  What a block above the finalized
 * one changes is kept beside it as one change set, on disk and in memory, and moves into the
 * versions when the block is finalized; blocks of other forks are dropped then.  A block is written
 * in one batch: killed at any moment, the database opens at the last block that was committed.  States and
 * bodies of old blocks may be let go (store_keep_t).
 *
 * A read or write that fails on the disk stops the process: there is no state to go on with.  All
 * calls come from one thread. */
#ifndef STORE_H
#define STORE_H
#include "kv.h"

typedef struct store store_t;

typedef enum {
    STORE_OK,
    STORE_CANNOT_OPEN,         /* no such directory, locked by another process, or damaged */
    STORE_OTHER_FORMAT,        /* written by another version of this program */
    STORE_OTHER_PRUNING,       /* made to keep all states, or not to, and asked for the other */
    STORE_UNKNOWN_BLOCK,       /* the block, or its parent, is not here */
    STORE_KNOWN_BLOCK,         /* committed before */
    STORE_FINALIZED_ELSEWHERE, /* the block is not on the finalized chain */
} store_status_t;

const char *store_status_text(store_status_t status);

/* What is kept of final blocks: Substrate's pruning modes.  Headers always stay, and so do blocks that are
 * not final.  State once let go does not come back, so of state a database that is made to keep all of it, or
 * not to, stays so; the number may change. */
typedef enum {
    STORE_KEEP_AS_MADE,   /* as before; a new database: STORE_KEEP_CANONICAL */
    STORE_KEEP_ALL,       /* and of blocks that lost to others their headers and bodies, never their state */
    STORE_KEEP_CANONICAL, /* of all blocks on the finalized chain */
    STORE_KEEP_LAST,      /* state of the finalized block and `count` before it; bodies and justifications of
                             the last `count`, at least 1 */
} store_keep_kind_t;
typedef struct {
    store_keep_kind_t kind;
    uint32_t count;
} store_keep_t;

typedef struct {
    const char *path;
    store_keep_t state, blocks;
    bool is_unsynced;   /* do not wait for the disk after each block; default: wait */
    uint32_t cache_mib; /* of records, and a quarter for RocksDB's blocks; 0: 16.  Beside it an eighth, 16 at
                           least and 128 at most, for what waits to be written to tables */
} store_options_t;

/* store_open opens or makes the database at options->path.  A new one is empty until store_genesis. */
NODISCARD store_status_t store_open(const store_options_t *options, store_t **store);
void store_free(store_t *store);

/* store_compact rewrites the whole database now, without what is not kept any more.  RocksDB does it by and
 * by; this is for tests, measurements and after bulk writes. */
void store_compact(store_t *store);

typedef struct {
    hash_t hash;
    uint32_t number;
} store_point_t;

/* One block.  header as it is hashed; body is the SCALE Vec of opaque extrinsics. */
typedef struct {
    hash_t hash, parent;
    uint32_t number;
    bytes_t header, body;
    const changes_t *values; /* of state, by storage key, sorted */
    const changes_t *nodes;  /* of the trie, by path key */
    bool is_best;            /* the new best block */
} store_block_t;

bool store_is_empty(const store_t *store);

/* store_genesis writes block 0: best and finalized at once. */
NODISCARD store_status_t store_genesis(store_t *store, const store_block_t *block);

/* store_commit writes a block whose parent is the finalized block or one above it, durably (see
 * is_unsynced) when it returns. */
NODISCARD store_status_t store_commit(store_t *store, const store_block_t *block);

/* store_finalize makes a block and its unfinalized ancestors final, keeps its justification (may be
 * empty), and drops every block that is not on its chain; best moves to it when best was dropped. */
NODISCARD store_status_t store_finalize(store_t *store, const hash_t *hash, bytes_t justification);

/* store_revert forgets every unfinalized block above `number`, on all forks; best becomes the canonical block
 * of that number.  STORE_FINALIZED_ELSEWHERE: number is below the finalized block, or above the best one. */
NODISCARD store_status_t store_revert(store_t *store, uint32_t number);

/* store_set_best makes the finalized block, or one above it, the best one. */
NODISCARD store_status_t store_set_best(store_t *store, const hash_t *hash);

store_point_t store_best(const store_t *store);
store_point_t store_finalized(const store_t *store);
store_point_t store_genesis_point(const store_t *store);

/* These find what is kept of a block, in arena or in the store's memory; false: unknown. */
bool store_header(store_t *store, const hash_t *hash, arena_t *arena, bytes_t *header);
bool store_body(store_t *store, const hash_t *hash, arena_t *arena, bytes_t *body);
bool store_justification(store_t *store, const hash_t *hash, arena_t *arena, bytes_t *justification);

/* store_parent finds the parent of a known block other than genesis. */
bool store_parent(store_t *store, const hash_t *hash, hash_t *parent);

/* store_number finds the number of a known block, store_hash the block of a number on the best chain. */
bool store_number(store_t *store, const hash_t *hash, uint32_t *number);
bool store_hash(store_t *store, uint32_t number, hash_t *hash);

/* store_is_canonical says whether a block is on the chain that ends in the best one. */
bool store_is_canonical(store_t *store, const hash_t *hash);

/* store_unfinalized calls `each` for every block above the finalized one, parents first. */
typedef void (*store_each_t)(void *self, const hash_t *hash, const hash_t *parent, uint32_t number);
void store_unfinalized(store_t *store, store_each_t each, void *self);
uint32_t store_unfinalized_count(const store_t *store);

/* store_state_kept and store_blocks_kept say how it is; store_horizon is the lowest block with state. */
store_keep_t store_state_kept(const store_t *store);
store_keep_t store_blocks_kept(const store_t *store);
uint32_t store_horizon(const store_t *store);

/* store_is_alive says whether a block is on the best chain, or may still come to be. */
bool store_is_alive(store_t *store, const hash_t *hash);

/* The state after one block.  Good until the store is next written. */
typedef struct store_view {
    store_t *store;
    struct store_pending *pending;
    uint32_t number;
} store_view_t;

/* store_view stands at a block; false: unknown, or its state is not kept. */
bool store_view(store_t *store, const hash_t *hash, store_view_t *view);

/* The view's two maps.  Values have next; nodes do not.  view must outlive them. */
kv_t store_values(store_view_t *view);
kv_t store_nodes(store_view_t *view);

/* A key that the next block will ask for, and whether it will write it too. */
typedef struct {
    bytes_t key;
    bool is_written;
} store_ahead_t;

/* store_ahead starts to search, on a thread of its own, for the values of keys and for the nodes that writing
 * them changes, so that they are in memory when the next block asks.  A hint: nothing depends on it, and what
 * is not found by the time that it is asked for is searched for again.  The keys are copied; one search at a
 * time, a new one ends the one before. */
void store_ahead(store_t *store, const store_ahead_t *keys, uint32_t count);

/* store_ahead_wait lets a search come to its end. */
void store_ahead_wait(store_t *store);

/* store_meta and store_meta_put keep small records of other parts (a justification's round, ...) by name, of
 * at most 200 characters. */
bool store_meta(store_t *store, const char *name, arena_t *arena, bytes_t *value);
void store_meta_put(store_t *store, const char *name, bytes_t value);
void store_meta_remove(store_t *store, const char *name);

#endif
