/* trie_build.c - the root of a whole map at once, from sorted pairs and without a store. */
#include "hash.h"
#include "trie.h"

#include <string.h>

/* How a parent holds a child: its hash, or its encoding when that is shorter. */
typedef struct {
    uint8_t bytes[32];
    uint32_t len;
} reference_t;

typedef struct {
    trie_version_t version;
    const change_t *pairs;
    arena_t *scratch;
} build_t;

/* What one level of the recursion needs; in the arena, to spare the stack. */
typedef struct {
    trie_node_t node;
    reference_t child[16];
    hash_t value_hash;
} level_t;

static uint8_t nibble_at(bytes_t key, uint32_t i)
{
    return i % 2 == 0 ? key.data[i / 2] >> 4 : key.data[i / 2] & 15;
}

static uint32_t common_nibbles(bytes_t a, bytes_t b, uint32_t from)
{
    uint32_t most = 2 * (a.len < b.len ? a.len : b.len), i = from;
    while (i < most && nibble_at(a, i) == nibble_at(b, i))
        i++;
    return i - from;
}

static void take_value(const build_t *build, level_t *level, bytes_t value)
{
    level->node.value_kind = TRIE_VALUE;
    level->node.value      = value;
    if (build->version == TRIE_V0 || value.len <= TRIE_INLINE_MAX) return;
    level->value_hash      = blake2_256(value);
    level->node.value_kind = TRIE_VALUE_HASH;
    level->node.value      = (bytes_t){level->value_hash.b, 32};
}

static void refer(bytes_t encoded, bool is_root, reference_t *reference)
{
    if (encoded.len < 32 && !is_root) {
        memcpy(reference->bytes, encoded.data, encoded.len);
        reference->len = encoded.len;
        return;
    }
    hash_t hash = blake2_256(encoded);
    memcpy(reference->bytes, hash.b, 32);
    reference->len = 32;
}

/* build_node makes the node that holds pairs low .. high - 1, whose keys agree in `depth` nibbles. */
static bool build_node(const build_t *build, uint32_t low, uint32_t high, uint32_t depth,
                       reference_t *reference)
{
    uint32_t mark    = build->scratch->used;
    bytes_t first    = build->pairs[low].key;
    uint32_t common  = common_nibbles(first, build->pairs[high - 1].key, depth);
    level_t *level   = arena_take(build->scratch, sizeof *level);
    uint8_t *nibbles = arena_take(build->scratch, common + 1);
    if (!level || !nibbles) return false;
    for (uint32_t i = 0; i < common; i++)
        nibbles[i] = nibble_at(first, depth + i);
    level->node.nibbles      = nibbles;
    level->node.nibble_count = common;

    uint32_t at = depth + common;
    if (2 * first.len == at) take_value(build, level, build->pairs[low++].value);
    while (low < high) {
        uint8_t nibble = nibble_at(build->pairs[low].key, at);
        uint32_t end   = low + 1;
        while (end < high && nibble_at(build->pairs[end].key, at) == nibble)
            end++;
        if (!build_node(build, low, end, at + 1, &level->child[nibble])) return false;
        level->node.child[nibble] = (bytes_t){level->child[nibble].bytes, level->child[nibble].len};
        level->node.children |= (uint16_t)(1u << nibble);
        low = end;
    }

    bytes_t encoded;
    if (!trie_node_encode(&level->node, build->scratch, &encoded)) return false;
    refer(encoded, depth == 0, reference);
    build->scratch->used = mark;
    return true;
}

bool trie_root_sorted(trie_version_t version, const change_t *pairs, uint32_t count, arena_t *scratch,
                      hash_t *root)
{
    build_t build = {version, pairs, scratch};
    uint32_t mark = scratch->used;
    reference_t reference;
    *root = trie_empty_root();
    if (count == 0) return true;
    for (uint32_t i = 0; i < count; i++)
        if (pairs[i].key.len > TRIE_KEY_MAX) return false;
    bool is_built = build_node(&build, 0, count, 0, &reference);
    if (is_built) memcpy(root->b, reference.bytes, 32);
    scratch->used = mark;
    return is_built;
}

bool trie_root_ordered(trie_version_t version, const bytes_t *items, uint32_t count, arena_t *scratch,
                       hash_t *root)
{
    uint32_t mark   = scratch->used;
    uint64_t size   = (uint64_t)count * sizeof(change_t);
    change_t *pairs = size <= UINT32_MAX ? arena_take(scratch, (uint32_t)size) : NULL;
    if (!pairs) return false;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *key = arena_take(scratch, 5);
        if (!key) return false;
        scale_writer_t w = scale_writer(key, 5);
        scale_put_compact(&w, i);
        pairs[i] = (change_t){.key = scale_written(&w), .value = items[i]};
    }
    changes_t sorted = {pairs, count};
    changes_sort(&sorted);
    bool is_built = trie_root_sorted(version, pairs, count, scratch, root);
    scratch->used = mark;
    return is_built;
}

hash_t trie_empty_root(void) { return blake2_256((bytes_t){(const uint8_t[]){0}, 1}); }
