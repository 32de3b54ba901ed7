/* kv.h - what state needs from a store: the value of a key, and the key after it.
 *
 * A kv_t is one map as it stands at one block: values by storage key, or trie nodes by path.
 * Nothing is written through it: whoever computes changes hands them out as changes_t, and the
 * owner of the store writes them in one piece. */
#ifndef KV_H
#define KV_H
#include "base.h"

typedef struct kv {
    void *self;
    /* get finds the value of key.  Its bytes are the store's or in arena; they stay valid until the
     * store is next written, or the arena dropped.  A store that cannot read stops the process. */
    bool (*get)(void *self, bytes_t key, arena_t *arena, bytes_t *value);
    /* next finds the first key after `key` in byte order, valid as above.  NULL where order is of no use
     * (trie nodes). */
    bool (*next)(void *self, bytes_t key, arena_t *arena, bytes_t *next);
} kv_t;

/* One key that changed: to value, or, when is_removed, to nothing. */
typedef struct {
    bytes_t key, value;
    bool is_removed;
} change_t;

/* Each key once.  A set made by an overlay is sorted by key. */
typedef struct {
    change_t *items;
    uint32_t count;
} changes_t;

/* changes_sort puts a set in the order of its keys. */
void changes_sort(changes_t *changes);

/* bytes_spread is a number for hash tables that a stranger cannot steer without the seed. */
uint64_t bytes_spread(bytes_t bytes, uint64_t seed);

/* A map in memory for tests, genesis and light readers: a sorted array in an arena. */
typedef struct {
    arena_t *arena;
    change_t *items;
    uint32_t count, cap;
    bool has_failed;
} kv_memory_t;

/* kv_memory_init makes an empty map whose memory comes from arena, which must outlive it. */
void kv_memory_init(kv_memory_t *map, arena_t *arena);

/* kv_memory_put and kv_memory_remove copy what they are given; has_failed says that the arena was full. */
void kv_memory_put(kv_memory_t *map, bytes_t key, bytes_t value);
void kv_memory_remove(kv_memory_t *map, bytes_t key);
void kv_memory_apply(kv_memory_t *map, const changes_t *changes);

/* kv_memory_view is the map as a store; it shows every later change too. */
kv_t kv_memory_view(kv_memory_t *map);

#endif
