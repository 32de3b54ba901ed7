/* author.h - makes blocks: Aura slots, inherents, the extrinsics that are ready, a seal.
 *
 * A block's time is t = max(now, (parent slot + 1) * slot duration, parent time + minimum period), its
 * slot floor(t / slot duration), its timestamp t (spec chain-host 4.2, "Dev sealing"): the checks of
 * every importer hold, and quick blocks run ahead of the clock.  Time is handed in; nothing here
 * waits.  The owner calls author_tick when it says, and author_wake when the pool has something new. */
#ifndef AUTHOR_H
#define AUTHOR_H
#include "chain.h"
#include "crypto.h"

typedef enum {
    SEALING_SLOTS,   /* in our slots, by the clock; with --sealing MS the chain's slot is MS long */
    SEALING_INSTANT, /* whenever an extrinsic is ready */
    SEALING_MANUAL,  /* by author_create alone */
} sealing_t;

/* Where extrinsics come from: the pool. */
typedef struct {
    void *self;
    /* start begins a walk over what is ready on the best block; next gives one extrinsic after the other, in
     * the order in which they should be tried, as they stand in a body.  Valid until the walk ends. */
    void (*start)(void *self);
    bool (*next)(void *self, bytes_t *extrinsic);
    /* refused says that the last one given is not valid any more (validity: TransactionValidityError). */
    void (*refused)(void *self, bytes_t validity);
    void (*end)(void *self);
    /* ready_count is how many wait. */
    uint32_t (*ready_count)(void *self);
} author_source_t;

#define AUTHOR_MORE_MAX 15
typedef struct {
    sealing_t sealing;
    sr25519_pair_t pair;                  /* the authority's key; copied */
    sr25519_pair_t more[AUTHOR_MORE_MAX]; /* those of others that are held here too */
    uint32_t more_count;
    author_source_t source;
    uint32_t block_len_max; /* bytes of a body; 0: the runtime's limit alone */
} author_options_t;

typedef enum {
    AUTHOR_OK,
    AUTHOR_NOTHING,       /* not our slot yet, or nothing to put into a block */
    AUTHOR_EMPTY_POOL,    /* create_empty was false and nothing is ready */
    AUTHOR_UNKNOWN_BLOCK, /* no such parent */
    AUTHOR_OTHER_RUNTIME, /* the chain's runtime is another version than ours (chain_runtime); said once in
                             the log */
    AUTHOR_NOT_AUTHORITY, /* our key is not among the chain's authorities, or the slot is another's */
    AUTHOR_FAILED,        /* the chain refused; author_failure says why */
} author_status_t;

typedef struct author author_t;

author_t *author_new(chain_t *chain, const author_options_t *options);
void author_free(author_t *author);

#define AUTHOR_NEVER UINT64_MAX

/* author_tick makes a block when one is due at now_ms (unix time), and tells when it wants to be called next.
 * SEALING_SLOTS makes blocks with or without extrinsics, INSTANT only after author_wake. */
author_status_t author_tick(author_t *author, uint64_t now_ms, uint64_t *next_ms);

/* author_wake notes that the pool has a new ready extrinsic. */
void author_wake(author_t *author);

/* author_create makes a block now, in any sealing (engine_createBlock); parent NULL: the best block.  On
 * another parent extrinsics of the pool that do not fit there are left out, not refused.  To finalize it,
 * call finality_finalize. */
author_status_t author_create(author_t *author, uint64_t now_ms, bool create_empty, const hash_t *parent,
                              chain_point_t *block);

/* author_override makes a block without extrinsics that puts or removes keys at its end
 * (chain_override_write), for development chains; as author_create otherwise. */
author_status_t author_override(author_t *author, uint64_t now_ms, const change_t *items, uint32_t count,
                                chain_point_t *block);

/* author_travel moves the author's clock, for development chains: the next block on the best one has time
 * to_ms, or the first after it that is in a slot of ours, and what follows goes on from there.  *time_ms is
 * that time.  AUTHOR_NOTHING: to_ms is before the earliest time that the next block may have, which *time_ms
 * then is; nothing moved. */
author_status_t author_travel(author_t *author, uint64_t to_ms, uint64_t *time_ms);

const char *author_status_text(author_status_t status);

/* author_failure is the chain's answer behind the last AUTHOR_FAILED. */
chain_status_t author_failure(const author_t *author);

#endif
