/* Blocks are built, checked by another chain, and refused when anything about them is wrong. */
#define _GNU_SOURCE /* nftw */
#include "chain_support.h"

#define NOW UINT64_C(1800000000000)

static void check_root(world_t *world, const hash_t *at)
{
    hash_t root;
    header_t header;
    OK(read_header(world->chain, at, fresh_arena(0), &header));
    OK(state_root(world->chain, at, &root));
    OK(memcmp(&root, &header.state_root, sizeof root) == 0);
}

TEST(genesis_has_the_root_of_its_keys)
{
    world_t world;
    bytes_t body;
    chain_point_t genesis;
    OK(world_start(&world, 0));
    genesis = chain_genesis(world.chain);
    EQ(genesis.number, 0);
    EQ(chain_best(world.chain).number, 0);
    EQ(chain_finalized(world.chain).number, 0);
    OK(chain_body(world.chain, &genesis.hash, fresh_arena(0), &body));
    OK(bytes_equal(body, BYTES("\0")));
    check_root(&world, &genesis.hash);
    world_stop(&world);
}

TEST(each_block_has_the_root_of_its_keys)
{
    world_t world;
    chain_point_t block;
    uint8_t room[EXTRINSIC_MOST];
    OK(world_start(&world, 1000));
    for (uint32_t i = 0; i < 8 && !test_failed_; i++) {
        world.pool->count = 0;
        for (uint32_t j = 0; j < i; j++)
            pool_add(&world, transfer(&world, &world.alice, &world.bob, i * (i - 1) / 2 + j, 1000 + j, room));
        EQ(author_create(world.author, NOW + i * 1000, true, NULL, &block), AUTHOR_OK);
        EQ(block.number, i + 1);
        EQ(world.pool->refused, 0);
        check_root(&world, &block.hash);
    }
    EQ(chain_counters(world.chain).extrinsics_applied, 28 + 8);
    EQ(chain_counters(world.chain).blocks_built, 8);
    world_stop(&world);
}

TEST(the_extrinsics_root_is_that_of_the_body)
{
    world_t world;
    chain_point_t block;
    uint8_t room[EXTRINSIC_MOST];
    bytes_t body, items[8];
    header_t header;
    hash_t root;
    OK(world_start(&world, 0));
    for (uint32_t i = 0; i < 5; i++)
        pool_add(&world, transfer(&world, &world.bob, &world.alice, i, 77, room));
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
    arena_t *arena = fresh_arena(1);
    OK(read_header(world.chain, &block.hash, arena, &header));
    OK(chain_body(world.chain, &block.hash, arena, &body));
    scale_reader_t r = scale_reader(body, NULL);
    EQ(scale_get_compact(&r), 6);
    for (uint32_t i = 0; i < 6; i++) {
        const uint8_t *start = r.at;
        (void)scale_get_bytes(&r, 1000);
        items[i] = (bytes_t){start, (uint32_t)(r.at - start)};
    }
    OK(scale_done(&r));
    OK(trie_root_ordered(TRIE_V0, items, 6, fresh_arena(2), &root));
    OK(memcmp(&root, &header.extrinsics_root, sizeof root) == 0);
    world_stop(&world);
}

/* copy_block imports a block of one chain into another. */
static chain_status_t copy_block(world_t *from, world_t *to, const hash_t *hash, uint64_t now_ms)
{
    bytes_t header, body;
    chain_point_t block;
    arena_t *arena = fresh_arena(1);
    if (!chain_header(from->chain, hash, arena, &header) || !chain_body(from->chain, hash, arena, &body))
        return CHAIN_UNKNOWN_BLOCK;
    return chain_import(to->chain, header, body, now_ms, &block);
}

TEST(another_chain_imports_what_was_built)
{
    world_t world, other;
    chain_point_t blocks[4];
    uint8_t room[EXTRINSIC_MOST];
    OK(world_start(&world, 0));
    OK(world_start(&other, 0));
    OK(memcmp(chain_genesis(world.chain).hash.b, chain_genesis(other.chain).hash.b, 32) == 0);
    for (uint32_t i = 0; i < 4; i++) {
        world.pool->count = 0;
        pool_add(&world, transfer(&world, &world.alice, &world.bob, i, 5, room));
        EQ(author_create(world.author, NOW, true, NULL, &blocks[i]), AUTHOR_OK);
    }
    EQ(copy_block(&world, &other, &blocks[1].hash, NOW), CHAIN_UNKNOWN_BLOCK);
    for (uint32_t i = 0; i < 4; i++)
        EQ(copy_block(&world, &other, &blocks[i].hash, NOW), CHAIN_OK);
    EQ(copy_block(&world, &other, &blocks[2].hash, NOW), CHAIN_KNOWN_BLOCK);
    OK(memcmp(chain_best(other.chain).hash.b, blocks[3].hash.b, 32) == 0);
    EQ(chain_counters(other.chain).signatures_verified, 4);
    world_stop(&world);
    world_stop(&other);
}

TEST(a_slot_too_far_ahead_is_refused)
{
    world_t world, other;
    chain_point_t block;
    OK(world_start(&world, 0));
    OK(world_start(&other, 0));
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
    EQ(copy_block(&world, &other, &block.hash, NOW - 60000), CHAIN_BAD_HEADER);
    EQ(copy_block(&world, &other, &block.hash, NOW), CHAIN_OK);
    world_stop(&world);
    world_stop(&other);
}

/* A block whose every byte, one after the other, is changed must never be imported. */
TEST(a_changed_block_is_refused)
{
    world_t world, other;
    chain_point_t block, got;
    static uint8_t header[1024], body[1024];
    uint8_t room[EXTRINSIC_MOST];
    bytes_t h, b;
    OK(world_start(&world, 0));
    OK(world_start(&other, 0));
    pool_add(&world, transfer(&world, &world.alice, &world.bob, 0, 5, room));
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
    arena_t *arena = fresh_arena(1);
    OK(chain_header(world.chain, &block.hash, arena, &h) && chain_body(world.chain, &block.hash, arena, &b));
    OK(h.len <= sizeof header && b.len <= sizeof body);
    memcpy(header, h.data, h.len);
    memcpy(body, b.data, b.len);
    for (uint32_t i = 0; i < h.len; i++) {
        header[i] ^= 1;
        OK(chain_import(other.chain, (bytes_t){header, h.len}, (bytes_t){body, b.len}, NOW, &got) !=
           CHAIN_OK);
        header[i] ^= 1;
    }
    for (uint32_t i = 0; i < b.len; i++) {
        body[i] ^= 1;
        EQ(chain_import(other.chain, (bytes_t){header, h.len}, (bytes_t){body, b.len}, NOW, &got),
           CHAIN_BAD_BLOCK);
        body[i] ^= 1;
    }
    EQ(chain_import(other.chain, (bytes_t){header, h.len}, (bytes_t){body, b.len}, NOW, &got), CHAIN_OK);
    OK(memcmp(&got.hash, &block.hash, 32) == 0);
    world_stop(&world);
    world_stop(&other);
}

/* ------------------------------------------------------------------ forks and finality of the tree */

typedef struct {
    uint32_t imported, best, finalized, pruned, listed;
    chain_point_t last_best, last_final;
} heard_t;

static void hear(void *self, const chain_event_t *event)
{
    heard_t *heard = self;
    switch (event->kind) {
    case CHAIN_IMPORTED: heard->imported++; break;
    case CHAIN_BEST:
        heard->best++;
        heard->last_best = event->block;
        break;
    case CHAIN_FINALIZED:
        heard->finalized++;
        heard->listed += event->finalized_count;
        heard->pruned += event->pruned_count;
        heard->last_final = event->block;
        break;
    }
}

TEST(the_longest_fork_is_best_and_finality_drops_the_other)
{
    world_t world;
    heard_t heard = {0};
    chain_point_t a1, a2, b1, b2, b3;
    uint32_t number;
    chain_route_t route;
    OK(world_start(&world, 0));
    chain_listen(world.chain, hear, &heard);
    EQ(author_create(world.author, NOW, true, NULL, &a1), AUTHOR_OK);
    EQ(author_create(world.author, NOW, true, NULL, &a2), AUTHOR_OK);
    hash_t genesis = chain_genesis(world.chain).hash;
    EQ(author_create(world.author, NOW + 50000, true, &genesis, &b1), AUTHOR_OK);
    EQ(author_create(world.author, NOW + 60000, true, &b1.hash, &b2), AUTHOR_OK);
    OK(memcmp(chain_best(world.chain).hash.b, a2.hash.b, 32) == 0);
    EQ(author_create(world.author, NOW + 70000, true, &b2.hash, &b3), AUTHOR_OK);
    OK(memcmp(chain_best(world.chain).hash.b, b3.hash.b, 32) == 0);
    OK(chain_is_canonical(world.chain, &b1.hash) && !chain_is_canonical(world.chain, &a1.hash));
    check_root(&world, &a2.hash);
    check_root(&world, &b3.hash);
    EQ(heard.imported, 5);
    EQ(heard.best, 3);
    OK(chain_route(world.chain, &a2.hash, &b3.hash, fresh_arena(0), &route));
    EQ(route.retracted_count, 2);
    EQ(route.enacted_count, 3);
    OK(memcmp(&route.enacted[0].hash, &b1.hash, 32) == 0 &&
       memcmp(&route.retracted[0].hash, &a2.hash, 32) == 0);

    EQ(chain_finalize(world.chain, &b2.hash, BYTES("because")), CHAIN_OK);
    EQ(heard.finalized, 1);
    EQ(heard.listed, 2);
    EQ(heard.pruned, 2);
    OK(!chain_number(world.chain, &a1.hash, &number) && !chain_has_state(world.chain, &a2.hash));
    EQ(chain_finalize(world.chain, &a2.hash, (bytes_t){0}), CHAIN_UNKNOWN_BLOCK);
    EQ(chain_finalize(world.chain, &b1.hash, (bytes_t){0}), CHAIN_OK);
    EQ(chain_finalized(world.chain).number, 2);
    EQ(author_create(world.author, NOW + 80000, true, &b1.hash, &a1), AUTHOR_UNKNOWN_BLOCK);
    check_root(&world, &b1.hash);
    check_root(&world, &b3.hash);
    EQ(heard.best, 3);
    world_stop(&world);
}

TEST(finality_can_make_a_shorter_fork_best)
{
    world_t world;
    heard_t heard = {0};
    chain_point_t a1, a2, b1;
    OK(world_start(&world, 0));
    EQ(author_create(world.author, NOW, true, NULL, &a1), AUTHOR_OK);
    EQ(author_create(world.author, NOW, true, NULL, &a2), AUTHOR_OK);
    hash_t genesis = chain_genesis(world.chain).hash, at_two;
    EQ(author_create(world.author, NOW + 50000, true, &genesis, &b1), AUTHOR_OK);
    chain_listen(world.chain, hear, &heard);
    EQ(chain_finalize(world.chain, &b1.hash, (bytes_t){0}), CHAIN_OK);
    OK(memcmp(chain_best(world.chain).hash.b, b1.hash.b, 32) == 0);
    OK(memcmp(heard.last_best.hash.b, b1.hash.b, 32) == 0);
    OK(!chain_hash(world.chain, 2, &at_two));
    EQ(author_create(world.author, NOW + 60000, true, NULL, &a1), AUTHOR_OK);
    check_root(&world, &a1.hash);
    world_stop(&world);
}

/* ------------------------------------------------------------------ questions */

TEST(a_chain_opens_where_it_was)
{
    world_t world;
    chain_point_t block;
    uint8_t room[EXTRINSIC_MOST];
    OK(world_start(&world, 0));
    for (uint32_t i = 0; i < 3; i++) {
        world.pool->count = 0;
        pool_add(&world, transfer(&world, &world.alice, &world.bob, i, 5, room));
        EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
        if (i == 1) EQ(chain_finalize(world.chain, &block.hash, BYTES("j")), CHAIN_OK);
    }
    chain_free(world.chain);
    EQ(world_open(&world), CHAIN_OK);
    OK(memcmp(chain_best(world.chain).hash.b, block.hash.b, 32) == 0);
    EQ(chain_finalized(world.chain).number, 2);
    check_root(&world, &block.hash);
    chain_free(world.chain);
    world.slot_ms = 1234;
    EQ(world_open(&world), CHAIN_OTHER_GENESIS);
    world.slot_ms = 0;
    EQ(world_open(&world), CHAIN_OK);
    world_stop(&world);
}

static uint32_t nonce_at(world_t *world, const hash_t *at)
{
    bytes_t result;
    if (chain_call(world->chain, at, BYTES("AccountNonceApi_account_nonce"),
                   (bytes_t){world->alice.account.b, 32}, fresh_arena(0), &result) != CHAIN_OK)
        return UINT32_MAX;
    scale_reader_t r = scale_reader(result, NULL);
    return scale_get_u32(&r);
}

TEST(old_blocks_answer_as_they_did)
{
    world_t world;
    chain_point_t blocks[6];
    uint8_t room[EXTRINSIC_MOST];
    OK(world_start(&world, 0));
    for (uint32_t i = 0; i < 6; i++) {
        world.pool->count = 0;
        pool_add(&world, transfer(&world, &world.alice, &world.bob, i, 5, room));
        EQ(author_create(world.author, NOW, true, NULL, &blocks[i]), AUTHOR_OK);
        if (i % 2) EQ(chain_finalize(world.chain, &blocks[i - 1].hash, (bytes_t){0}), CHAIN_OK);
    }
    for (uint32_t i = 6; i-- > 0 && !test_failed_;) {
        EQ(nonce_at(&world, &blocks[i].hash), i + 1);
        check_root(&world, &blocks[i].hash);
    }
    EQ(nonce_at(&world, NULL), 6);
    world_stop(&world);
}

TEST(a_question_leaves_no_trace)
{
    world_t world;
    chain_point_t block;
    bytes_t result;
    OK(world_start(&world, 0));
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
    EQ(chain_call(world.chain, NULL, BYTES("No_such_function"), (bytes_t){0}, fresh_arena(0), &result),
       CHAIN_UNKNOWN_CALL);
    EQ(chain_call(world.chain, NULL, BYTES("Core_version"), (bytes_t){0}, fresh_arena(0), &result), CHAIN_OK);
    hash_t nobody = {{7}};
    EQ(chain_call(world.chain, &nobody, BYTES("Core_version"), (bytes_t){0}, fresh_arena(0), &result),
       CHAIN_UNKNOWN_BLOCK);
    /* A question that starts a block of its own, as dry runs do. */
    bytes_t header;
    arena_t *arena = fresh_arena(1);
    OK(chain_header(world.chain, &block.hash, arena, &header));
    hash_t genesis = chain_genesis(world.chain).hash;
    EQ(chain_call(world.chain, &genesis, BYTES("Core_initialize_block"), header, arena, &result), CHAIN_OK);
    EQ(chain_call(world.chain, NULL, BYTES("Core_initialize_block"), header, arena, &result), CHAIN_FAULT);
    EQ(chain_call(world.chain, NULL, BYTES("Core_initialize_block"), BYTES("x"), arena, &result),
       CHAIN_FAULT);
    check_root(&world, &block.hash);
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
    check_root(&world, &block.hash);
    world_stop(&world);
}

TEST(a_read_proof_proves_to_who_knows_the_root)
{
    world_t world;
    chain_point_t block;
    header_t header;
    trie_proof_t proof;
    bytes_t first, value, want;
    OK(world_start(&world, 0));
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
    OK(read_header(world.chain, &block.hash, fresh_arena(0), &header));
    OK(chain_state_next_key(world.chain, NULL, BYTES("\x40"), fresh_arena(1), &first));
    bytes_t keys[] = {first, BYTES("no such key")};
    EQ(chain_state_prove(world.chain, NULL, keys, 2, fresh_arena(2), &proof), CHAIN_OK);
    OK(chain_state_get(world.chain, NULL, first, fresh_arena(0), &want));
    arena_t small = {malloc(1 << 20), 1 << 20, 0};
    EQ(trie_proof_read(&proof, &header.state_root, keys[1], &small, &value), TRIE_PROVED_ABSENT);
    EQ(trie_proof_read(&proof, &header.state_root, first, &small, &value), TRIE_PROVED_VALUE);
    OK(bytes_equal(value, want));
    free(small.start);
    world_stop(&world);
}

TEST(a_signature_is_verified_once)
{
    world_t world;
    chain_point_t block;
    uint8_t room[EXTRINSIC_MOST];
    bytes_t result;
    OK(world_start(&world, 0));
    bytes_t extrinsic = transfer(&world, &world.alice, &world.bob, 0, 5, room);
    uint8_t args[EXTRINSIC_MOST + 64];
    hash_t best      = chain_best(world.chain).hash;
    scale_writer_t w = scale_writer(args, sizeof args);
    scale_put_u8(&w, SOURCE_EXTERNAL);
    scale_put_raw(&w, extrinsic.data, extrinsic.len);
    scale_put_hash(&w, &best);
    EQ(chain_call(world.chain, NULL, BYTES("TaggedTransactionQueue_validate_transaction"), scale_written(&w),
                  fresh_arena(0), &result),
       CHAIN_OK);
    EQ(result.data[0], 0);
    EQ(chain_counters(world.chain).signatures_verified, 1);
    pool_add(&world, extrinsic);
    EQ(author_create(world.author, NOW, false, NULL, &block), AUTHOR_OK);
    EQ(chain_counters(world.chain).signatures_verified, 1);
    EQ(chain_counters(world.chain).signatures_cached, 1);
    world_stop(&world);
}

/* ------------------------------------------------------------------ another runtime */

/* blob is a module that tells a version. */
static bytes_t blob(uint32_t version, uint8_t room[512])
{
    static const uint8_t spec_name[] = "substrate-threefold";
    uint8_t content_room[256];
    bytes_t name     = {spec_name, sizeof spec_name - 1};
    scale_writer_t w = scale_writer(room, 512), content = scale_writer(content_room, sizeof content_room);
    scale_put_bytes(&content, name);
    scale_put_bytes(&content, name);
    scale_put_u32(&content, 1);
    scale_put_u32(&content, version);
    scale_put_u32(&content, 1);
    scale_put_compact(&content, 0);
    scale_put_u32(&content, 2);
    scale_put_u8(&content, 1);
    scale_put_raw(&w, "\0asm\1\0\0\0", 8);
    scale_put_u8(&w, 0);
    scale_put_u8(&w, (uint8_t)(1 + 15 + content.len));
    scale_put_u8(&w, 15);
    scale_put_raw(&w, "runtime_version", 15);
    scale_put_raw(&w, content_room, content.len);
    scale_put_raw(&w, "\0\x0d\x0cruntime_apis", 15);
    return scale_written(&w);
}

/* remark_of makes a signed System.remark with `len` bytes, as it stands in a body; malloc. */
static bytes_t remark_of(world_t *world, uint32_t len)
{
    hash_t genesis = chain_genesis(world->chain).hash;
    signature_t signature;
    uint8_t *payload = calloc(1, len + 512), *inner = calloc(1, len + 512), *room = calloc(1, len + 512);
    scale_writer_t w = scale_writer(payload, len + 512);
    scale_put_u8(&w, 0);
    scale_put_u8(&w, 0);
    scale_put_bytes(&w, (bytes_t){inner, len});
    uint32_t call_len = w.len;
    scale_put_raw(&w, (const uint8_t[]){0, 0, 0}, 3); /* for ever, nonce, tip */
    scale_put_u32(&w, spec_version(world->chain));
    scale_put_u32(&w, 2);
    scale_put_hash(&w, &genesis);
    scale_put_hash(&w, &genesis);
    hash_t digest = blake2_256(scale_written(&w));
    key_sign(&world->alice, (bytes_t){digest.b, 32}, &signature);

    scale_writer_t i = scale_writer(inner, len + 512), out = scale_writer(room, len + 512);
    scale_put_u8(&i, 0x84);
    scale_put_u8(&i, 0);
    scale_put_account_id(&i, &world->alice.account);
    scale_put_u8(&i, KEY_SR25519);
    scale_put_raw(&i, signature.b, 64);
    scale_put_raw(&i, payload + call_len, 3);
    scale_put_raw(&i, payload, call_len);
    scale_put_bytes(&out, scale_written(&i));
    free(payload), free(inner);
    return scale_written(&out);
}

typedef struct {
    bytes_t extrinsic;
    hash_t at;
    validity_t validity;
} judged_t;

static void judge(void *self, rt_t *rt)
{
    judged_t *judged = self;
    transaction_t transaction;
    judged->validity = runtime_validate(rt, SOURCE_EXTERNAL, judged->extrinsic, &judged->at, &transaction);
}

TEST(an_extrinsic_as_long_as_a_block_is_judged)
{
    static const struct {
        uint32_t len;
        validity_t validity;
    } cases[] = {
        {3900000, VALID           },
        {4300000, INVALID_EXHAUSTS},
        {5200000, INVALID_EXHAUSTS},
    };
    world_t world;
    OK(world_start(&world, 0));
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        judged_t judged = {.extrinsic = remark_of(&world, cases[i].len), .at = chain_best(world.chain).hash};
        EQ(chain_run(world.chain, NULL, judge, &judged), CHAIN_OK);
        EQ(judged.validity, cases[i].validity);
        free((void *)(uintptr_t)judged.extrinsic.data);
    }
    world_stop(&world);
}

TEST(nothing_is_executed_where_the_chain_has_another_runtime)
{
    world_t world, own;
    uint8_t room[512];
    bytes_t version, result, header, body;
    chain_point_t block;
    OK(world_start(&own, 0));
    uint32_t ours = spec_version(own.chain);
    EQ(author_create(own.author, NOW, true, NULL, &block), AUTHOR_OK);
    OK(chain_header(own.chain, &block.hash, fresh_arena(1), &header));
    OK(chain_body(own.chain, &block.hash, fresh_arena(2), &body));
    EQ(chain_runtime(own.chain, &block.hash), CHAIN_OK);

    OK(world_path(&world, 0));
    world.code = blob(ours + 1, room);
    EQ(world_open(&world), CHAIN_OK);
    OK(world_equip(&world));
    EQ(chain_runtime(world.chain, NULL), CHAIN_OTHER_RUNTIME);
    EQ(spec_version(world.chain), ours + 1);
    EQ(chain_runtime_version(world.chain, NULL, fresh_arena(0), &version), CHAIN_OK);
    EQ(chain_call(world.chain, NULL, BYTES("Metadata_metadata"), (bytes_t){0}, fresh_arena(0), &result),
       CHAIN_OTHER_RUNTIME);
    EQ(chain_build_start(world.chain, NULL, BYTES("\0")), CHAIN_OTHER_RUNTIME);
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OTHER_RUNTIME);
    hash_t genesis = chain_genesis(world.chain).hash;
    OK(header.len > 32 && header.len < sizeof room);
    memcpy(room, header.data, header.len);
    memcpy(room, &genesis, sizeof genesis);
    EQ(chain_import(world.chain, (bytes_t){room, header.len}, body, NOW, &block), CHAIN_OTHER_RUNTIME);
    EQ(chain_best(world.chain).number, 0);
    world_stop(&world);
    world_stop(&own);
}

TEST(a_blob_of_this_version_is_ours_and_one_that_tells_none_is_not)
{
    world_t world;
    uint8_t room[512];
    bytes_t version;
    chain_point_t block;
    OK(world_start(&world, 0));
    uint32_t ours = spec_version(world.chain);
    world_stop(&world);

    OK(world_path(&world, 0));
    world.code = blob(ours, room);
    EQ(world_open(&world), CHAIN_OK);
    OK(world_equip(&world));
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
    EQ(chain_runtime(world.chain, &block.hash), CHAIN_OK);
    world_stop(&world);

    OK(world_path(&world, 0));
    world.code = BYTES("nothing");
    EQ(world_open(&world), CHAIN_OK);
    EQ(chain_runtime_version(world.chain, NULL, fresh_arena(0), &version), CHAIN_OTHER_RUNTIME);
    world_stop(&world);
}

/* A chain that another version began has that version's genesis: a node of a newer one takes it as it is. */
TEST(a_database_of_another_version_opens)
{
    world_t world;
    uint8_t room[512];
    OK(world_start(&world, 0));
    uint32_t ours = spec_version(world.chain);
    chain_free(world.chain);
    world.code = blob(ours, room);
    EQ(world_open(&world), CHAIN_OTHER_GENESIS);
    world.code = (bytes_t){0};
    EQ(world_open(&world), CHAIN_OK);
    world_stop(&world);

    OK(world_path(&world, 0));
    world.code = blob(ours - 1, room);
    EQ(world_open(&world), CHAIN_OK);
    hash_t genesis = chain_genesis(world.chain).hash;
    chain_free(world.chain);
    world.code = blob(ours, room);
    EQ(world_open(&world), CHAIN_OK);
    OK(memcmp(genesis.b, chain_genesis(world.chain).hash.b, sizeof genesis) == 0);
    EQ(chain_runtime(world.chain, NULL), CHAIN_OTHER_RUNTIME);
    world_stop(&world);
}

TEST_MAIN()
