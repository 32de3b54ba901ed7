/* trie_node.h - one node of the trie as bytes.
 *
 * header | partial key | children bitmap | value | children.  A child stands in its parent as its
 * hash, or whole when its encoding is shorter than 32 bytes.  Polkadot spec 2.4; every nibble is one
 * byte here, high half of a key's byte first. */
#ifndef TRIE_NODE_H
#define TRIE_NODE_H
#include "scale.h"

#define TRIE_KEY_MAX    2048 /* bytes of a storage key; a longer one is refused */
#define TRIE_NIBBLE_MAX (2 * TRIE_KEY_MAX)
#define TRIE_INLINE_MAX 32 /* state version 1 keeps longer values as their hash */

typedef enum { TRIE_V0, TRIE_V1 } trie_version_t;
typedef enum { TRIE_NO_VALUE, TRIE_VALUE, TRIE_VALUE_HASH } trie_value_kind_t;

typedef struct {
    const uint8_t *nibbles; /* the partial key */
    uint32_t nibble_count;
    trie_value_kind_t value_kind;
    bytes_t value;     /* the value, or its hash (32) */
    uint16_t children; /* bit i: child i is there */
    bytes_t child[16]; /* hash (32), or the child's whole encoding (1 to 31) */
} trie_node_t;

/* trie_node_decode reads one whole node; value and children point into encoded, the nibbles are in
 * arena.  It fails on anything that trie_node_encode would not have written: an odd header, a partial
 * key that is too long or badly padded, a branch without children, bytes left over. */
NODISCARD bool trie_node_decode(bytes_t encoded, arena_t *arena, trie_node_t *node);

/* trie_node_encode writes node into arena; it fails when the arena is full. */
NODISCARD bool trie_node_encode(const trie_node_t *node, arena_t *arena, bytes_t *encoded);

/* trie_path_key is the name under which the node at a path is stored: how many nibbles (u16, big-endian), and
 * these, packed.  None starts another.  buffer needs nibble_count / 2 + 3 bytes. */
bytes_t trie_path_key(const uint8_t *nibbles, uint32_t nibble_count, uint8_t *buffer);

/* trie_nibbles spreads key into nibbles, which has room for 2 * key.len. */
void trie_nibbles(bytes_t key, uint8_t *nibbles);

#endif
