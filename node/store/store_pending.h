/* store_pending.h - the blocks above the finalized one, in memory: what each changes, by key.
 *
 * Blocks form a tree above the finalized block.  For each key that any of them changed there is a list
 * of versions, the newest first; reading at a block takes the first that an ancestor (or the block
 * itself) wrote.  Keys of values stand in a skip list too, so that the next one is found in a logarithm of
 * steps however many blocks there are. */
#ifndef STORE_PENDING_H
#define STORE_PENDING_H
#include "kv.h"

typedef enum { PENDING_VALUES, PENDING_NODES, PENDING_MAPS } pending_map_t;

typedef struct store_pending {
    hash_t hash, parent;
    uint32_t number;
    struct store_pending *up;   /* the parent; NULL when it is the finalized block */
    struct store_pending *skip; /* a far ancestor, to get to others fast */
    uint32_t skip_number;       /* of skip; it is alive while this is above the finalized block */
    uint8_t *record;            /* owns the bytes that changes point into */
    changes_t changes[PENDING_MAPS];
    struct pending_version *versions[PENDING_MAPS]; /* one a change */
    struct store_pending *older, *newer;            /* in the order in which they came */
    struct store_pending *chain;                    /* in the table of blocks */
} pending_t;

#define PENDING_LEVELS 12

typedef struct pending_entry pending_entry_t;
typedef struct {
    pending_t *oldest, *newest;
    pending_t **blocks; /* by hash */
    uint32_t block_count, blocks_size;
    pending_entry_t *first[PENDING_LEVELS]; /* of the skip list */
    uint64_t random;
    pending_entry_t **table; /* by hash of map and key */
    uint32_t table_size, entry_count;
    uint64_t seed;
} pending_set_t;

/* seed, which a stranger should not guess, spreads the keys. */
void pending_init(pending_set_t *set, uint64_t seed);
void pending_fini(pending_set_t *set);

/* pending_encode writes a change set as one record (malloc; the caller frees). */
uint8_t *pending_encode(const hash_t *parent, const changes_t *values, const changes_t *nodes, size_t *len);

/* pending_add takes a block over, with its record (malloc).  NULL: the record is damaged, or its parent
 * neither `finalized` nor here; the record is freed then. */
pending_t *pending_add(pending_set_t *set, const hash_t *hash, uint32_t number, const hash_t *finalized,
                       uint8_t *record, size_t len);

/* pending_remove forgets a block; its children have the finalized block as their parent from then on. */
void pending_remove(pending_set_t *set, pending_t *block);

pending_t *pending_find(const pending_set_t *set, const hash_t *hash);

/* pending_is_ancestor says whether `above` is block or an ancestor of it. */
bool pending_is_ancestor(const pending_t *above, const pending_t *block);

/* pending_get finds what block and its unfinalized ancestors made of key; NULL: they left it alone. */
const change_t *pending_get(const pending_set_t *set, pending_map_t map, bytes_t key, const pending_t *block);

/* pending_next finds the first key after `key` that block or an ancestor wrote, values and removals alike. */
const change_t *pending_next(const pending_set_t *set, const pending_t *block, bytes_t key);

#endif
