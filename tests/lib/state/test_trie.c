/* The trie against known roots, against itself built at once, and its nodes against an attacker. */
#include "state_support.h"
#include "trie.h"
#include "vectors.h"

static bool hash_is(const hash_t *hash, bytes_t want)
{
    return want.len == 32 && memcmp(hash->b, want.data, 32) == 0;
}

/* take_pairs turns a vector's [key, value] pairs into sorted changes. */
static changes_t take_pairs(const json_t *entries, arena_t *arena)
{
    changes_t pairs = {arena_take(arena, (uint32_t)(json_array_size(entries) * sizeof(change_t)) + 1), 0};
    size_t i;
    json_t *entry;
    json_array_foreach(entries, i, entry)
    {
        change_t *pair = &pairs.items[pairs.count++];
        arena_copy(arena, vector_hex(json_string_value(json_array_get(entry, 0))), &pair->key);
        arena_copy(arena, vector_hex(json_string_value(json_array_get(entry, 1))), &pair->value);
    }
    changes_sort(&pairs);
    return pairs;
}

static hash_t grown_root(trie_version_t version, const changes_t *pairs, arena_t *arena)
{
    kv_memory_t nodes;
    trie_t trie;
    hash_t root = {{0}};
    kv_memory_init(&nodes, arena);
    kv_t view = kv_memory_view(&nodes);
    trie_init(&trie, version, &view, arena);
    trie_apply(&trie, pairs);
    if (!trie_root(&trie, &root)) memset(&root, 0, sizeof root);
    return root;
}

static void check_vectors(const char *list)
{
    json_t *vectors = vectors_load("trie-vectors.json"), *item;
    size_t i;
    OK(json_array_size(json_object_get(vectors, list)) >= 10);
    json_array_foreach(json_object_get(vectors, list), i, item)
    {
        arena_t *arena         = fresh_arena(0);
        trie_version_t version = (trie_version_t)json_integer_value(json_object_get(item, "stateVersion"));
        changes_t pairs        = take_pairs(json_object_get(item, "entries"), arena);
        bytes_t want           = vector_bytes(item, "root");
        hash_t built, grown = grown_root(version, &pairs, arena);
        OK(trie_root_sorted(version, pairs.items, pairs.count, arena, &built));
        OK(hash_is(&built, want));
        OK(hash_is(&grown, want));
    }
    json_decref(vectors);
}

TEST(random_tries_have_the_known_roots) { check_vectors("cases"); }
TEST(odd_tries_have_the_known_roots) { check_vectors("edges"); }

TEST(ordered_tries_have_the_known_roots)
{
    json_t *vectors = vectors_load("trie-vectors.json"), *item, *value;
    size_t i, j;
    OK(json_array_size(json_object_get(vectors, "ordered")) >= 5);
    json_array_foreach(json_object_get(vectors, "ordered"), i, item)
    {
        arena_t *arena         = fresh_arena(0);
        json_t *values         = json_object_get(item, "values");
        bytes_t *items         = arena_take(arena, (uint32_t)(json_array_size(values) * sizeof *items) + 1);
        trie_version_t version = (trie_version_t)json_integer_value(json_object_get(item, "stateVersion"));
        hash_t root;
        json_array_foreach(values, j, value)
            arena_copy(arena, vector_hex(json_string_value(value)), &items[j]);
        OK(trie_root_ordered(version, items, (uint32_t)json_array_size(values), arena, &root));
        OK(hash_is(&root, vector_bytes(item, "root")));
    }
    json_decref(vectors);
}

TEST(the_trie_of_the_host_vectors_has_its_roots)
{
    json_t *vectors = vectors_load("host-vectors.json"), *trie = json_object_get(vectors, "trie");
    json_t *ordered = json_object_get(vectors, "ordered");
    arena_t *arena  = fresh_arena(0);
    changes_t pairs = take_pairs(json_object_get(trie, "entries"), arena);
    hash_t v0 = grown_root(TRIE_V0, &pairs, arena), v1 = grown_root(TRIE_V1, &pairs, arena),
           empty = trie_empty_root();
    bytes_t items[3];
    OK(hash_is(&v0, vector_bytes(trie, "v0")));
    OK(hash_is(&v1, vector_bytes(trie, "v1")));
    OK(hash_is(&empty, vector_bytes(vectors, "emptyRoot")));
    for (uint32_t i = 0; i < 3; i++)
        items[i] = vector_hex(json_string_value(json_array_get(json_object_get(ordered, "xts"), i)));
    OK(trie_root_ordered(TRIE_V0, items, 3, arena, &v0));
    OK(trie_root_ordered(TRIE_V1, items, 3, arena, &v1));
    OK(hash_is(&v0, vector_bytes(ordered, "rootV0")));
    OK(hash_is(&v1, vector_bytes(ordered, "rootV1")));
    json_decref(vectors);
}

/* A chain of blocks: a model of all pairs, the nodes as a store keeps them, and a trie that is thrown away
 * after some blocks and carried on after others. */
typedef struct {
    kv_memory_t model, nodes;
    kv_t view;
    trie_t trie;
    trie_version_t version;
} chain_t;

static void random_block(random_t *random, chain_t *chain, uint32_t most)
{
    for (uint32_t i = random_below(random, most); i > 0; i--) {
        bytes_t key   = random_key(random, chain->model.arena),
                value = random_value(random, chain->model.arena);
        if (random_below(random, 3) == 0) {
            kv_memory_remove(&chain->model, key);
            trie_remove(&chain->trie, key);
        } else {
            kv_memory_put(&chain->model, key, value);
            trie_put(&chain->trie, key, value);
        }
    }
}

static void check_block(chain_t *chain)
{
    hash_t grown, built, again;
    OK(trie_root(&chain->trie, &grown));
    OK(trie_root_sorted(chain->version, chain->model.items, chain->model.count, fresh_arena(3), &built));
    OK(memcmp(&grown, &built, 32) == 0);
    OK(trie_root(&chain->trie, &again));
    OK(memcmp(&grown, &again, 32) == 0);
}

/* The nodes kept must be just those of a trie that is built from nothing. */
static void check_nodes(const chain_t *chain)
{
    kv_memory_t none;
    trie_t whole;
    hash_t root;
    kv_memory_init(&none, fresh_arena(3));
    kv_t view = kv_memory_view(&none);
    trie_init(&whole, chain->version, &view, none.arena);
    for (uint32_t i = 0; i < chain->model.count; i++)
        trie_put(&whole, chain->model.items[i].key, chain->model.items[i].value);
    OK(trie_root(&whole, &root));
    changes_t all = trie_changes(&whole);
    changes_sort(&all);
    EQ(all.count, chain->nodes.count);
    for (uint32_t i = 0; i < all.count; i++) {
        OK(bytes_equal(all.items[i].key, chain->nodes.items[i].key));
        OK(bytes_equal(all.items[i].value, chain->nodes.items[i].value));
    }
}

static void run_chain(random_t *random, uint32_t blocks, uint32_t most)
{
    chain_t chain = {.version = random_below(random, 2) ? TRIE_V1 : TRIE_V0};
    kv_memory_init(&chain.model, fresh_arena(0));
    kv_memory_init(&chain.nodes, fresh_arena(1));
    chain.view = kv_memory_view(&chain.nodes);
    trie_init(&chain.trie, chain.version, &chain.view, fresh_arena(2));
    for (uint32_t block = 0; block < blocks && !test_failed_; block++) {
        random_block(random, &chain, most);
        check_block(&chain);
        if (test_failed_) return;
        changes_t changes = trie_changes(&chain.trie);
        changes_sort(&changes);
        for (uint32_t i = 1; i < changes.count; i++)
            OK(bytes_compare(changes.items[i - 1].key, changes.items[i].key) < 0);
        kv_memory_apply(&chain.nodes, &changes);
        check_nodes(&chain);
        if (random_below(random, 3) == 0) trie_init(&chain.trie, chain.version, &chain.view, fresh_arena(2));
    }
    OK(!chain.model.has_failed && !chain.nodes.has_failed);
}

PROPERTY(a_trie_that_grew_is_the_trie_built_at_once, 300) { run_chain(random, 12, 40); }
PROPERTY(a_small_trie_that_grew_is_the_trie_built_at_once, 600) { run_chain(random, 30, 4); }

PROPERTY(a_node_decodes_to_what_was_encoded, 2000)
{
    arena_t *arena   = fresh_arena(0);
    trie_node_t node = {.nibble_count =
                            random_below(random, 4) ? random_below(random, 70) : random_below(random, 700)};
    uint8_t *nibbles = arena_take(arena, 701), *bytes = arena_take(arena, 100);
    for (uint32_t i = 0; i < node.nibble_count; i++)
        nibbles[i] = (uint8_t)random_below(random, 16);
    for (uint32_t i = 0; i < 100; i++)
        bytes[i] = (uint8_t)random_next(random);
    node.nibbles    = nibbles;
    node.value_kind = (trie_value_kind_t)random_below(random, 3);
    if (node.value_kind == TRIE_VALUE) node.value = (bytes_t){bytes, random_below(random, 100)};
    if (node.value_kind == TRIE_VALUE_HASH) node.value = (bytes_t){bytes, 32};
    node.children = random_below(random, 3) ? (uint16_t)random_next(random) : 0;
    if (node.value_kind == TRIE_NO_VALUE) node.children |= 0x8001;
    for (uint32_t i = 0; i < 16; i++)
        if (node.children >> i & 1) node.child[i] = (bytes_t){bytes + i, 1 + random_below(random, 32)};

    bytes_t encoded, again;
    trie_node_t got;
    OK(trie_node_encode(&node, arena, &encoded));
    OK(trie_node_decode(encoded, arena, &got));
    OK(trie_node_encode(&got, arena, &again));
    OK(bytes_equal(encoded, again));
    EQ(got.nibble_count, node.nibble_count);
    EQ(got.children, node.children);
    for (uint32_t len = 0; len < encoded.len; len++)
        OK(!trie_node_decode((bytes_t){encoded.data, len}, arena, &got));
}

TEST(a_node_that_nobody_writes_is_refused)
{
    arena_t *arena = fresh_arena(0);
    trie_node_t node;
    const bytes_t bad[] = {
        BYTES("\x00"), /* the empty trie is no node */
        BYTES("\x01"),
        BYTES("\x0f"),                 /* no such kind */
        BYTES("\x41\x10\x00"),         /* odd partial key, its first half not zero */
        BYTES("\x40\x01\x00"),         /* a length that is not minimal */
        BYTES("\x80\x00\x00"),         /* a branch without children */
        BYTES("\x80\x01\x00\x04\x01"), /* one child and no value */
        BYTES("\xc0\x00\x00\x00"),     /* a branch with a value alone is a leaf */
        BYTES("\xc0\x01\x00\x00\x00"), /* a child of no bytes */
        BYTES("\x40\x00\x00"),         /* a byte too many */
        BYTES("\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"),
    };
    for (uint32_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(!trie_node_decode(bad[i], arena, &node));
    OK(trie_node_decode(BYTES("\x40\x00"), arena, &node));
    OK(trie_node_decode(BYTES("\xc0\x01\x00\x00\x04\x01"), arena, &node));
}

TEST(a_full_arena_fails_the_trie)
{
    kv_memory_t nodes;
    trie_t trie;
    hash_t root;
    arena_t small = {fresh_arena(1)->start, 20000, 0};
    kv_memory_init(&nodes, fresh_arena(0));
    kv_t view = kv_memory_view(&nodes);
    trie_init(&trie, TRIE_V1, &view, &small);
    for (uint8_t i = 0; i < 255; i++)
        trie_put(&trie, (bytes_t){&i, 1}, BYTES("a value that takes its room"));
    OK(!trie_root(&trie, &root));
}

TEST(a_key_that_is_too_long_fails_the_trie)
{
    static uint8_t key[TRIE_KEY_MAX + 1];
    kv_memory_t nodes;
    trie_t trie;
    hash_t root;
    kv_memory_init(&nodes, fresh_arena(0));
    kv_t view = kv_memory_view(&nodes);
    trie_init(&trie, TRIE_V1, &view, fresh_arena(1));
    for (uint32_t len = 0; len <= TRIE_KEY_MAX; len += 8)
        trie_put(&trie, (bytes_t){key, len}, BYTES("deep"));
    OK(trie_root(&trie, &root));
    trie_put(&trie, (bytes_t){key, sizeof key}, BYTES("too deep"));
    OK(!trie_root(&trie, &root));
}

TEST_MAIN()
