/* trie_proof.c - gathers the nodes that answer for keys, and reads them back. */
#include "trie_proof.h"
#include "hash.h"

#include <string.h>

/* ------------------------------------------------------------------ prove */

typedef struct {
    arena_t *arena;
    trie_proof_t *proof;
    uint32_t cap;
    hash_t *hashes; /* of the items so far */
} gather_t;

static bool grow(gather_t *gather)
{
    if (gather->proof->count < gather->cap) return true;
    uint32_t cap   = gather->cap ? 2 * gather->cap : 32;
    bytes_t *items = arena_take(gather->arena, cap * (uint32_t)sizeof *items);
    hash_t *hashes = arena_take(gather->arena, cap * (uint32_t)sizeof *hashes);
    if (!items || !hashes) return false;
    if (gather->hashes) {
        memcpy(items, gather->proof->items, gather->cap * sizeof *items);
        memcpy(hashes, gather->hashes, gather->cap * sizeof *hashes);
    }
    gather->proof->items = items;
    gather->hashes       = hashes;
    gather->cap          = cap;
    return true;
}

static bool add(gather_t *gather, bytes_t item)
{
    hash_t hash = blake2_256(item);
    if (!grow(gather)) return false;
    for (uint32_t i = 0; i < gather->proof->count; i++)
        if (memcmp(&gather->hashes[i], &hash, sizeof hash) == 0) return true;
    bytes_t *place = &gather->proof->items[gather->proof->count];
    if (!arena_copy(gather->arena, item, place)) return false;
    gather->hashes[gather->proof->count++] = hash;
    return true;
}

/* The way of a key through nodes: where it stands, and what it met there. */
typedef struct {
    uint8_t nibbles[TRIE_NIBBLE_MAX];
    uint32_t count, depth;
} way_t;

typedef enum { STEP_DOWN, STEP_VALUE, STEP_NOTHING } step_t;

/* step goes through one node: down to a child (*child), to the key's value, or to its absence. */
static step_t step(way_t *way, const trie_node_t *node, bytes_t *child)
{
    if (way->count - way->depth < node->nibble_count) return STEP_NOTHING;
    if (memcmp(way->nibbles + way->depth, node->nibbles, node->nibble_count) != 0) return STEP_NOTHING;
    way->depth += node->nibble_count;
    if (way->depth == way->count) return node->value_kind == TRIE_NO_VALUE ? STEP_NOTHING : STEP_VALUE;
    uint8_t nibble = way->nibbles[way->depth++];
    if (!(node->children >> nibble & 1)) return STEP_NOTHING;
    *child = node->child[nibble];
    return STEP_DOWN;
}

static bool way_start(way_t *way, bytes_t key)
{
    if (key.len > TRIE_KEY_MAX) return false;
    trie_nibbles(key, way->nibbles);
    way->count = 2 * key.len;
    way->depth = 0;
    return true;
}

static bool prove_key(gather_t *gather, const kv_t *nodes, const kv_t *values, bytes_t key, way_t *way)
{
    uint8_t name[TRIE_NIBBLE_MAX / 2 + 3];
    bytes_t encoded, child, value;
    trie_node_t node;
    bool is_inside = false; /* the node stands in its parent */
    if (!way_start(way, key)) return false;
    for (;;) {
        if (!nodes->get(nodes->self, trie_path_key(way->nibbles, way->depth, name), gather->arena, &encoded))
            return way->depth == 0; /* the empty trie proves itself */
        if (!is_inside && !add(gather, encoded)) return false;
        if (!trie_node_decode(encoded, gather->arena, &node)) return false;
        switch (step(way, &node, &child)) {
        case STEP_NOTHING: return true;
        case STEP_VALUE:
            if (node.value_kind != TRIE_VALUE_HASH) return true;
            return values->get(values->self, key, gather->arena, &value) && add(gather, value);
        case STEP_DOWN: is_inside = child.len < 32; break;
        }
    }
}

bool trie_prove(const kv_t *nodes, const kv_t *values, const bytes_t *keys, uint32_t key_count,
                arena_t *arena, trie_proof_t *proof)
{
    gather_t gather = {.arena = arena, .proof = proof};
    way_t *way      = arena_take(arena, sizeof *way);
    *proof          = (trie_proof_t){0};
    if (!way) return false;
    for (uint32_t i = 0; i < key_count; i++)
        if (!prove_key(&gather, nodes, values, keys[i], way)) return false;
    return true;
}

/* ------------------------------------------------------------------ the closest node */

/* is_below says whether a node's partial key goes on from where the way ends, so that the node is at its end
 * or below. */
static bool is_below(const way_t *way, const trie_node_t *node)
{
    uint32_t left = way->count - way->depth;
    return node->nibble_count >= left && memcmp(way->nibbles + way->depth, node->nibbles, left) == 0;
}

bool trie_closest(const kv_t *nodes, bytes_t key, arena_t *arena, bytes_t *merkle)
{
    uint8_t name[TRIE_NIBBLE_MAX / 2 + 3];
    bytes_t encoded;
    trie_node_t node;
    way_t *way = arena_take(arena, sizeof *way);
    *merkle    = (bytes_t){0};
    if (!way || !way_start(way, key)) return false;
    for (;;) {
        if (!nodes->get(nodes->self, trie_path_key(way->nibbles, way->depth, name), arena, &encoded) ||
            !trie_node_decode(encoded, arena, &node))
            return false;
        if (is_below(way, &node)) break;
        if (step(way, &node, merkle) != STEP_DOWN) return false;
    }
    if (merkle->len > 0) return true; /* as the parent has it */
    hash_t hash = blake2_256(encoded);
    return arena_copy(arena, (bytes_t){hash.b, sizeof hash.b}, merkle);
}

/* ------------------------------------------------------------------ read */

static bool find(const trie_proof_t *proof, const uint8_t hash[32], bytes_t *item)
{
    for (uint32_t i = 0; i < proof->count; i++) {
        hash_t of = blake2_256(proof->items[i]);
        if (memcmp(of.b, hash, 32) != 0) continue;
        *item = proof->items[i];
        return true;
    }
    return false;
}

static trie_proof_status_t read_value(const trie_proof_t *proof, const trie_node_t *node, bytes_t *value)
{
    *value = node->value;
    if (node->value_kind == TRIE_VALUE) return TRIE_PROVED_VALUE;
    return find(proof, node->value.data, value) ? TRIE_PROVED_VALUE : TRIE_PROOF_INCOMPLETE;
}

static trie_proof_status_t read_way(const trie_proof_t *proof, const hash_t *root, way_t *way, arena_t *arena,
                                    bytes_t *value)
{
    bytes_t reference = {root->b, 32}, encoded;
    trie_node_t node;
    for (;;) {
        encoded = reference;
        if (reference.len == 32 && !find(proof, reference.data, &encoded)) return TRIE_PROOF_INCOMPLETE;
        uint32_t mark = arena->used;
        if (!trie_node_decode(encoded, arena, &node)) return TRIE_PROOF_MALFORMED;
        step_t taken = step(way, &node, &reference);
        arena->used  = mark;
        switch (taken) {
        case STEP_NOTHING: return TRIE_PROVED_ABSENT;
        case STEP_VALUE: return read_value(proof, &node, value);
        case STEP_DOWN: break;
        }
    }
}

trie_proof_status_t trie_proof_read(const trie_proof_t *proof, const hash_t *root, bytes_t key,
                                    arena_t *arena, bytes_t *value)
{
    hash_t empty  = trie_empty_root();
    uint32_t mark = arena->used;
    way_t *way    = arena_take(arena, sizeof *way);
    *value        = (bytes_t){0};
    if (!way || !way_start(way, key)) return TRIE_PROOF_MALFORMED;
    if (memcmp(root->b, empty.b, 32) == 0) return TRIE_PROVED_ABSENT;
    trie_proof_status_t status = read_way(proof, root, way, arena, value);
    arena->used                = mark;
    return status;
}

/* ------------------------------------------------------------------ bytes */

void trie_proof_encode(scale_writer_t *w, const trie_proof_t *proof)
{
    scale_put_compact(w, proof->count);
    for (uint32_t i = 0; i < proof->count; i++)
        scale_put_bytes(w, proof->items[i]);
}

bool trie_proof_decode(bytes_t encoded, arena_t *arena, trie_proof_t *proof)
{
    scale_reader_t r = scale_reader(encoded, arena);
    proof->items     = scale_get_items(&r, UINT32_MAX, 1, sizeof *proof->items, &proof->count);
    for (uint32_t i = 0; i < proof->count; i++)
        proof->items[i] = scale_get_bytes(&r, UINT32_MAX);
    if (scale_done(&r)) return true;
    *proof = (trie_proof_t){0};
    return false;
}
