/* Proofs answer for every key, hold nothing that is not needed, and cannot lie. */
#include "hash.h"
#include "state_support.h"
#include "trie.h"
#include "trie_proof.h"

typedef struct {
    kv_memory_t values, nodes;
    kv_t value_view, node_view;
    hash_t root;
} world_t;

static bool make_world(random_t *random, world_t *world, trie_version_t version, uint32_t most)
{
    trie_t trie;
    kv_memory_init(&world->values, fresh_arena(0));
    kv_memory_init(&world->nodes, fresh_arena(1));
    world->value_view = kv_memory_view(&world->values);
    world->node_view  = kv_memory_view(&world->nodes);
    trie_init(&trie, version, &world->node_view, fresh_arena(2));
    for (uint32_t i = random_below(random, most); i > 0; i--) {
        bytes_t key = random_key(random, world->values.arena);
        kv_memory_put(&world->values, key, random_value(random, world->values.arena));
    }
    for (uint32_t i = 0; i < world->values.count; i++)
        trie_put(&trie, world->values.items[i].key, world->values.items[i].value);
    if (!trie_root(&trie, &world->root)) return false;
    changes_t changes = trie_changes(&trie);
    kv_memory_apply(&world->nodes, &changes);
    return !world->nodes.has_failed;
}

static void check_answer(const world_t *world, const trie_proof_t *proof, bytes_t key)
{
    bytes_t value, want;
    bool is_there              = world->value_view.get(world->value_view.self, key, fresh_arena(3), &want);
    trie_proof_status_t status = trie_proof_read(proof, &world->root, key, fresh_arena(3), &value);
    EQ(status, is_there ? TRIE_PROVED_VALUE : TRIE_PROVED_ABSENT);
    OK(!is_there || bytes_equal(value, want));
}

PROPERTY(a_proof_answers_for_each_of_its_keys, 400)
{
    world_t world;
    trie_proof_t proof, read;
    bytes_t keys[6];
    OK(make_world(random, &world, random_below(random, 2) ? TRIE_V1 : TRIE_V0, 60));
    for (uint32_t i = 0; i < 6; i++)
        keys[i] = random_key(random, world.values.arena);
    OK(trie_prove(&world.node_view, &world.value_view, keys, 6, fresh_arena(2), &proof));

    static uint8_t room[1 << 16];
    scale_writer_t w = scale_writer(room, sizeof room);
    trie_proof_encode(&w, &proof);
    arena_t rest = {world.nodes.arena->start + world.nodes.arena->used, 1 << 20, 0};
    rest.start += -(uintptr_t)rest.start & 15;
    OK(trie_proof_decode(scale_written(&w), &rest, &read));
    EQ(read.count, proof.count);
    for (uint32_t i = 0; i < 6 && !test_failed_; i++)
        check_answer(&world, &read, keys[i]);

    /* without any one of its items it does not answer for some key: it is minimal */
    for (uint32_t left_out = 0; left_out < proof.count && world.values.count; left_out++) {
        trie_proof_t part   = {arena_take(&rest, proof.count * (uint32_t)sizeof(bytes_t)), 0};
        uint32_t unanswered = 0;
        for (uint32_t i = 0; i < proof.count; i++)
            if (i != left_out) part.items[part.count++] = proof.items[i];
        for (uint32_t i = 0; i < 6; i++) {
            bytes_t value;
            unanswered +=
                trie_proof_read(&part, &world.root, keys[i], fresh_arena(3), &value) == TRIE_PROOF_INCOMPLETE;
        }
        OK(unanswered > 0);
    }
}

PROPERTY(a_changed_proof_never_gives_another_value, 300)
{
    world_t world;
    trie_proof_t proof;
    OK(make_world(random, &world, TRIE_V1, 40));
    if (world.values.count == 0) return;
    bytes_t key = world.values.items[random_below(random, world.values.count)].key, value, want;
    OK(trie_prove(&world.node_view, &world.value_view, &key, 1, fresh_arena(2), &proof));
    OK(world.value_view.get(world.value_view.self, key, fresh_arena(3), &want));
    bytes_t *item = &proof.items[random_below(random, proof.count)], copy;
    OK(item->len > 0 && arena_copy(world.nodes.arena, *item, &copy));
    uint8_t *changed = world.nodes.arena->start + (copy.data - world.nodes.arena->start);
    changed[random_below(random, copy.len)] ^= (uint8_t)(1u << random_below(random, 8));
    *item = copy;
    EQ(trie_proof_read(&proof, &world.root, key, fresh_arena(3), &value), TRIE_PROOF_INCOMPLETE);
}

static bool starts_with(bytes_t key, bytes_t start)
{
    return key.len >= start.len && (start.len == 0 || memcmp(key.data, start.data, start.len) == 0);
}

/* copy_closest is trie_closest with the result in room. */
static bool copy_closest(const world_t *world, bytes_t key, uint8_t room[32], uint32_t *len)
{
    bytes_t merkle;
    if (!trie_closest(&world->node_view, key, fresh_arena(3), &merkle) || merkle.len > 32) return false;
    memcpy(room, merkle.data, merkle.len);
    *len = merkle.len;
    return true;
}

/* put_again gives a key that is there another value, in values and nodes. */
static bool put_again(world_t *world, bytes_t key, bytes_t value, trie_version_t version)
{
    trie_t trie;
    trie_init(&trie, version, &world->node_view, fresh_arena(2));
    trie_put(&trie, key, value);
    if (!trie_root(&trie, &world->root)) return false;
    changes_t changes = trie_changes(&trie);
    kv_memory_apply(&world->nodes, &changes);
    return !world->nodes.has_failed;
}

PROPERTY(a_merkle_value_changes_with_what_is_below_it_and_with_nothing_else, 400)
{
    world_t world;
    uint8_t before[32], after[32];
    uint32_t before_len = 0, after_len = 0;
    trie_version_t version = random_below(random, 2) ? TRIE_V1 : TRIE_V0;
    OK(make_world(random, &world, version, 60));
    if (world.values.count == 0) return;
    bytes_t start = random_key(random, world.values.arena);
    start.len     = start.len ? random_below(random, start.len + 1) : 0;
    bool is_any   = false;
    for (uint32_t i = 0; i < world.values.count; i++)
        is_any |= starts_with(world.values.items[i].key, start);
    EQ(copy_closest(&world, start, before, &before_len), is_any);
    if (!is_any) return;
    if (start.len == 0) OK(before_len == 32 && memcmp(before, world.root.b, 32) == 0);

    const change_t *changed = &world.values.items[random_below(random, world.values.count)];
    uint8_t other[40]       = {0};
    bytes_t value           = {other, sizeof other};
    if (bytes_equal(value, changed->value)) other[0] = 1;
    OK(put_again(&world, changed->key, value, version));
    OK(copy_closest(&world, start, after, &after_len));
    bool is_same = before_len == after_len && memcmp(before, after, before_len) == 0;
    EQ(is_same, !starts_with(changed->key, start));
}

TEST(the_empty_trie_needs_no_proof)
{
    random_t random = {1};
    world_t world;
    trie_proof_t proof;
    bytes_t key = BYTES("anything"), value;
    OK(make_world(&random, &world, TRIE_V1, 1));
    OK(trie_prove(&world.node_view, &world.value_view, &key, 1, fresh_arena(2), &proof));
    EQ(proof.count, 0);
    EQ(trie_proof_read(&proof, &world.root, key, fresh_arena(3), &value), TRIE_PROVED_ABSENT);
    OK(!trie_closest(&world.node_view, (bytes_t){0}, fresh_arena(3), &value));
}

TEST(a_node_with_the_right_hash_that_does_not_decode_is_malformed)
{
    bytes_t junk       = BYTES("\x01junk"), value;
    hash_t root        = blake2_256(junk);
    trie_proof_t proof = {&junk, 1};
    EQ(trie_proof_read(&proof, &root, BYTES("key"), fresh_arena(0), &value), TRIE_PROOF_MALFORMED);
    OK(!trie_proof_decode(BYTES("\x08\x04\x01"), fresh_arena(0), &proof));
    OK(!trie_proof_decode(BYTES("\xfe\xff\xff\xff\x04\x01"), fresh_arena(0), &proof));
}

TEST_MAIN()
