/* pool.h - the extrinsics that wait for a block.
 *
 * Substrate's rules (spec chain-host 5.5): an extrinsic is ready when everything that it requires is provided
 * by the chain or by ready ones, else it waits as future.  Of two that provide the same the one of higher
 * priority stays.  What is not valid, or fell out, is banned for a while.  Validity is the runtime's word.
 *
 * Sans-io: time is handed in, nothing waits.  The pool listens to the chain and settles what that means -
 * what was included, what was retracted, what is to be judged again - in pool_tick, which the owner calls
 * soon after pool_has_work. */
#ifndef POOL_H
#define POOL_H
#include "author.h"
#include "chain.h"
#include "runtime.h"

#define POOL_READY_MAX       8192
#define POOL_READY_BYTES_MAX (20u << 20)
#define POOL_FUTURE_MAX      819
#define POOL_BAN_MS          UINT64_C(1800000)
#define POOL_BANNED_MAX      2048

typedef struct pool pool_t;

/* pool_new stands on a chain, and listens to it until pool_free. */
pool_t *pool_new(chain_t *chain);

typedef struct {
    uint32_t ready_max, future_max;   /* extrinsics */
    uint64_t ready_bytes_max, ban_ms; /* bytes of both queues together */
} pool_limits_t;

/* pool_limit replaces the limits above for what is submitted from now on. */
void pool_limit(pool_t *pool, const pool_limits_t *limits);
void pool_free(pool_t *pool);

typedef enum {
    POOL_OK,
    POOL_INVALID,       /* *validity says why (error 1010, 1011) */
    POOL_MALFORMED,     /* bytes that are no extrinsic (1001) */
    POOL_BANNED,        /* 1012 */
    POOL_KNOWN,         /* 1013 */
    POOL_LOW_PRIORITY,  /* 1014 */
    POOL_FULL,          /* 1016 */
    POOL_UNACTIONABLE,  /* provides nothing, or may not be here (1018) */
    POOL_OTHER_RUNTIME, /* the chain's runtime is not this node's: nothing can be judged */
    POOL_FAILED,        /* the runtime broke */
} pool_status_t;

typedef enum {
    POOL_FUTURE, /* waits for what it requires */
    POOL_READY,
    POOL_IN_BLOCK,       /* block */
    POOL_RETRACTED,      /* block: it was in it, and is ready again */
    POOL_FINALIZED,      /* block; the last */
    POOL_USURPED,        /* by another of the same tags; the last */
    POOL_DROPPED,        /* the pool was full; the last */
    POOL_BECAME_INVALID, /* the last */
} pool_event_t;

/* A watcher hears what becomes of one extrinsic.  block is of IN_BLOCK, RETRACTED, FINALIZED, and the
 * usurper's hash of USURPED; index is the extrinsic's place in the block.  After a last event the watcher is
 * forgotten.  It may call any function of the pool but pool_submit. */
typedef void (*pool_watch_t)(void *self, pool_event_t event, const hash_t *block, uint32_t index);

/* pool_submit judges an extrinsic (bytes with their length prefix; copied) on the best block and lets it in.
 * hash is BLAKE2b-256 of the bytes.  watch may be NULL; it hears of READY or FUTURE first, during the call,
 * when the result is POOL_OK. */
NODISCARD pool_status_t pool_submit(pool_t *pool, bytes_t extrinsic, transaction_source_t source,
                                    uint64_t now_ms, pool_watch_t watch, void *self, hash_t *hash,
                                    validity_t *validity);

/* pool_last_priorities gives those of the last POOL_LOW_PRIORITY: of what it would have replaced, and its
 * own. */
void pool_last_priorities(const pool_t *pool, uint64_t *old, uint64_t *now);

/* pool_unwatch forgets every watcher with this self. */
void pool_unwatch(pool_t *pool, void *self);

/* pool_remove takes one out (author_removeExtrinsic) and bans it; false: it is not here. */
bool pool_remove(pool_t *pool, const hash_t *hash, uint64_t now_ms);

/* pool_has_work tells that pool_tick is due: the chain went on. */
bool pool_has_work(const pool_t *pool);
void pool_tick(pool_t *pool, uint64_t now_ms);

/* pool_next_nonce is the nonce after the account's on the best block and all of its ready extrinsics
 * (system_accountNextIndex). */
uint32_t pool_next_nonce(pool_t *pool, const account_id_t *who);

/* pool_each calls visit with each extrinsic, ready ones first in the order of a block. */
typedef void (*pool_visit_t)(void *self, const hash_t *hash, bytes_t extrinsic, bool is_ready);
void pool_each(pool_t *pool, pool_visit_t visit, void *self);

typedef struct {
    uint32_t ready, future;
    uint64_t bytes, submitted, refused;
} pool_counters_t;
pool_counters_t pool_counters(const pool_t *pool);

/* pool_on_ready is called when the pool has a new ready extrinsic. */
void pool_on_ready(pool_t *pool, void (*on_ready)(void *self), void *self);

/* pool_source is where the author takes extrinsics from. */
author_source_t pool_source(pool_t *pool);

#endif
