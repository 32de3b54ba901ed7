/* queue.h - the pool's extrinsics and the tags that order them; no rules of its own.
 *
 * An extrinsic is READY, FUTURE, or INCLUDED (in a block that is not final yet, kept for who watches it).
 * Tags of ready ones are found by what provides them; tags that somebody still waits for by who requires
 * them. */
#ifndef POOL_QUEUE_H
#define POOL_QUEUE_H
#include "pool.h"

enum { TAG_MAX = 64, PROVIDES_MAX = 2 };

typedef enum { ENTRY_FUTURE, ENTRY_READY, ENTRY_INCLUDED } entry_state_t;

typedef struct watcher {
    struct watcher *next;
    pool_watch_t watch;
    void *self;
} watcher_t;

typedef struct entry entry_t;
typedef struct tag {
    entry_t *owner;
    struct tag *next; /* of the same bucket */
    uint8_t bytes[TAG_MAX], len;
    bool is_linked;
} tag_t;

struct entry {
    entry_t *next_same_hash, *next, **here; /* bucket of the hash table; the list of its state */
    hash_t hash;
    entry_state_t state;
    uint64_t priority, valid_till, order;
    tag_t requires[1], provides[PROVIDES_MAX];
    uint32_t requires_count, provides_count;
    watcher_t *watchers;
    chain_point_t block; /* INCLUDED */
    bool is_retracted;   /* INCLUDED, but its block is not of the best chain any more */
    /* of a walk: */
    entry_t *dependents, *next_dependent;
    uint32_t missing;
    bool is_refused;
    uint32_t len;
    uint8_t bytes[];
};

enum { BUCKETS = 16384 };
typedef struct {
    entry_t *by_hash[BUCKETS];
    tag_t *providers[BUCKETS], *waiters[BUCKETS];
    entry_t *lists[3];
    uint32_t counts[3];
    uint64_t bytes, next_order;
} queue_t;

/* queue_entry makes one from what the runtime said; NULL when a tag is too long or there is none. */
entry_t *queue_entry(const hash_t *hash, bytes_t extrinsic, const transaction_t *transaction, uint32_t at);

/* queue_set_tags replaces an entry's tags and priority, as a second judgement has them; the entry is in no
 * list. */
bool queue_set_tags(entry_t *entry, const transaction_t *transaction, uint32_t at);

void queue_add(queue_t *queue, entry_t *entry, entry_state_t state);
void queue_take(queue_t *queue, entry_t *entry); /* out of its list and all tables; stays allocated */
void queue_move(queue_t *queue, entry_t *entry, entry_state_t state);
void queue_free_entry(entry_t *entry);

entry_t *queue_find(const queue_t *queue, const hash_t *hash);
/* queue_provider finds the ready entry that provides a tag. */
entry_t *queue_provider(const queue_t *queue, const uint8_t *tag, uint32_t len);
/* queue_is_satisfied tells that all that it requires is provided. */
bool queue_is_satisfied(const queue_t *queue, const entry_t *entry);
/* queue_waiter gives one entry of a state that requires the tag; NULL when there is none. */
entry_t *queue_waiter(const queue_t *queue, const tag_t *tag, entry_state_t state);
/* queue_forget_requirement drops a requirement that the chain now meets. */
void queue_forget_requirement(queue_t *queue, entry_t *entry);

/* queue_is_before: a comes into a block before b. */
bool queue_is_before(const entry_t *a, const entry_t *b);

/* A walk over the ready ones in the order of a block: the best of those whose requirements were given before.
 */
typedef struct {
    entry_t **heap;
    uint32_t len;
    entry_t *last; /* given, its dependents not yet let in */
} walk_t;
void walk_start(walk_t *walk, queue_t *queue);
entry_t *walk_next(walk_t *walk);
void walk_end(walk_t *walk);

#endif
