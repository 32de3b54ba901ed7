/* trie.h - a map whose whole content has one hash: the base-16 Merkle-Patricia trie.
 *
 * A trie_t is the part of the trie that was touched, loaded from a store of nodes on demand and kept
 * in an arena.  Put and remove change it; trie_root hashes each changed node once; trie_changes says
 * which nodes to store, and is called before anything else changes.  Nodes are stored by path and not by
 * hash: a node that changes is overwritten, so nothing counts references.  After trie_changes it may go on to
 * the next block, with all it has loaded.  Spec: chain-host 3. */
#ifndef TRIE_H
#define TRIE_H
#include "kv.h"
#include "trie_node.h"

typedef struct trie_spot {
    struct trie_item *item;
    bytes_t reference;
} trie_spot_t;
typedef struct trie {
    trie_version_t version;
    kv_t nodes;
    arena_t *arena;
    trie_spot_t root;
    changes_t changes; /* made by trie_root, not yet handed out */
    bytes_t *removed;  /* where stored nodes are gone, as nibbles */
    uint32_t change_cap, removed_count, removed_cap;
    uint8_t *nibbles, *path; /* room for one key's nibbles each */
    bool has_failed;
} trie_t;

/* trie_init stands at the state whose nodes (by trie_path_key) the store holds: an empty one holds
 * the empty trie.  arena must outlive the trie. */
void trie_init(trie_t *trie, trie_version_t version, const kv_t *nodes, arena_t *arena);

/* trie_put and trie_remove change one key, trie_apply many.  The bytes are copied. */
void trie_put(trie_t *trie, bytes_t key, bytes_t value);
void trie_remove(trie_t *trie, bytes_t key);
void trie_apply(trie_t *trie, const changes_t *changes);

/* trie_root is the hash of everything.  It fails when the arena was too small, a key too long or a
 * stored node broken, now or in any call before; the trie is of no use then. */
NODISCARD bool trie_root(trie_t *trie, hash_t *root);

/* trie_changes takes the nodes that changed since it was last called, in no order, each path once.
 * Call trie_root first.  They live in the trie's arena. */
changes_t trie_changes(trie_t *trie);

/* trie_root_sorted is the root of `count` pairs, sorted by key and each key once, without any store.
 * scratch is used and given back.  It serves extrinsics roots, child tries and as a second opinion. */
NODISCARD bool trie_root_sorted(trie_version_t version, const change_t *pairs, uint32_t count,
                                arena_t *scratch, hash_t *root);

/* trie_root_ordered is the root of {Compact(i): items[i]}; an extrinsics root is of TRIE_V0. */
NODISCARD bool trie_root_ordered(trie_version_t version, const bytes_t *items, uint32_t count,
                                 arena_t *scratch, hash_t *root);

/* trie_empty_root is the root of nothing. */
hash_t trie_empty_root(void);

#endif
