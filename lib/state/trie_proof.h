/* trie_proof.h - why a key has the value it has, to someone who knows only the root.
 *
 * A proof is a set of node encodings, and of values that nodes hold by hash; its reader finds each
 * by its hash, from the root down.  Nodes inside their parent are not repeated.  Spec: chain-host 3.3. */
#ifndef TRIE_PROOF_H
#define TRIE_PROOF_H
#include "kv.h"
#include "trie.h"

typedef struct {
    bytes_t *items;
    uint32_t count;
} trie_proof_t;

/* trie_prove gathers the least that answers for every key, present or not: nodes by path (as a trie
 * stores them) and values by key, both as of one block.  It fails when the arena is full or a stored
 * node is broken. */
NODISCARD bool trie_prove(const kv_t *nodes, const kv_t *values, const bytes_t *keys, uint32_t key_count,
                          arena_t *arena, trie_proof_t *proof);

/* trie_closest finds the Merkle value of the highest node at or below a key's path: its hash (32 bytes), or
 * its whole encoding when that is shorter.  In arena.  False: nothing is there, or arena is full. */
NODISCARD bool trie_closest(const kv_t *nodes, bytes_t key, arena_t *arena, bytes_t *merkle);

typedef enum {
    TRIE_PROVED_VALUE,
    TRIE_PROVED_ABSENT,
    TRIE_PROOF_INCOMPLETE, /* something on the way to the key is not in the proof */
    TRIE_PROOF_MALFORMED,  /* a node on the way does not decode */
} trie_proof_status_t;

/* trie_proof_read answers for one key from a proof that anybody sent.  *value points into the proof.
 * Items that are not on the way are not looked at. */
trie_proof_status_t trie_proof_read(const trie_proof_t *proof, const hash_t *root, bytes_t key,
                                    arena_t *arena, bytes_t *value);

/* trie_proof_encode and trie_proof_decode: SCALE Vec<Vec<u8>>.  Decoded items point into the bytes. */
void trie_proof_encode(scale_writer_t *w, const trie_proof_t *proof);
NODISCARD bool trie_proof_decode(bytes_t encoded, arena_t *arena, trie_proof_t *proof);

#endif
