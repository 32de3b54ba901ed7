/* pool_internal.h - what the files of the pool share. */
#ifndef POOL_INTERNAL_H
#define POOL_INTERNAL_H
#include "queue.h"

typedef struct {
    hash_t hash;
    uint64_t until_ms;
} banned_t;

struct pool {
    chain_t *chain;
    queue_t queue;
    walk_t walk;
    pool_limits_t limits;
    banned_t banned[POOL_BANNED_MAX];
    chain_point_t seen; /* the best block that the queues are settled for */
    uint32_t finalized; /* the number of the last block whose watchers heard that it is */
    bool has_best, has_finalized, has_refused;
    uint64_t low_old, low_new; /* priorities of the last one that was too low */
    uint64_t judged_order;     /* of the last ready entry that was judged again in passing */
    void (*on_ready)(void *self);
    void *on_ready_self;
    pool_counters_t counters;
};

void pool_tell(entry_t *entry, pool_event_t event, const hash_t *block, uint32_t index);
void pool_ban(pool_t *pool, const hash_t *hash, uint64_t now_ms);
/* pool_judge_again renews the entry's tags; the entry is in no list.  false: it is not valid any more. */
bool pool_judge_again(pool_t *pool, entry_t *entry);
/* pool_end takes an entry out, tells the last event, and frees it. */
void pool_end(pool_t *pool, entry_t *entry, pool_event_t last, const hash_t *by);
void pool_unready_dependents(pool_t *pool, const entry_t *entry);
/* pool_promote puts a future one whose requirements are met among the ready ones, and those that only waited
 * for it; or ends it, when another that provides the same is above it. */
void pool_promote(pool_t *pool, entry_t *entry);
/* pool_let_in puts a judged entry where it belongs, and owns it, but with POOL_LOW_PRIORITY. */
pool_status_t pool_let_in(pool_t *pool, entry_t *entry, uint64_t now_ms);
void pool_chain_event(void *self, const chain_event_t *event);

#endif
