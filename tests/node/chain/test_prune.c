/* A chain that lets go of old states and bodies: what is kept answers as before, what is not is told. */
#define _GNU_SOURCE /* nftw */
#include "chain_support.h"

enum { BLOCKS = 12, KEPT = 3 };

static bool make(world_t *world, uint32_t count, chain_point_t *blocks)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t room[EXTRINSIC_MOST];
        uint32_t nonce     = chain_best(world->chain).number;
        world->pool->count = 0;
        pool_add(world, transfer(world, &world->alice, &world->bob, nonce, 1000000000, room));
        if (author_create(world->author, 1700000000000, true, NULL, &blocks[i]) != AUTHOR_OK) return false;
    }
    return true;
}

static void check_gone(world_t *world, const hash_t *at)
{
    bytes_t bytes;
    trie_proof_t proof;
    const bytes_t key = BYTES("anything");
    OK(!chain_has_state(world->chain, at));
    OK(chain_is_discarded(world->chain, at));
    OK(!chain_state_next_key(world->chain, at, (bytes_t){0}, fresh_arena(0), &bytes));
    EQ(chain_call(world->chain, at, BYTES("Core_version"), (bytes_t){0}, fresh_arena(0), &bytes),
       CHAIN_UNKNOWN_BLOCK);
    EQ(chain_state_prove(world->chain, at, &key, 1, fresh_arena(0), &proof), CHAIN_UNKNOWN_BLOCK);
    OK(chain_header(world->chain, at, fresh_arena(0), &bytes));
}

static void check_kept(world_t *world, const hash_t *at)
{
    header_t header;
    hash_t root;
    OK(!chain_is_discarded(world->chain, at));
    OK(state_root(world->chain, at, &root));
    OK(read_header(world->chain, at, fresh_arena(0), &header));
    OK(memcmp(&root, &header.state_root, 32) == 0);
}

TEST(the_last_states_answer_and_others_are_discarded)
{
    world_t world;
    chain_point_t blocks[BLOCKS];
    OK(world_path(&world, 0));
    world.state = (chain_keep_t){CHAIN_KEEP_LAST, KEPT};
    EQ(world_open(&world), CHAIN_OK);
    OK(world_equip(&world));
    OK(make(&world, BLOCKS, blocks));
    for (uint32_t i = 0; i < BLOCKS - 2; i++)
        EQ(chain_finalize(world.chain, &blocks[i].hash, (bytes_t){0}), CHAIN_OK);
    const uint32_t final = chain_finalized(world.chain).number;
    EQ(chain_horizon(world.chain), final - KEPT);
    hash_t genesis = chain_genesis(world.chain).hash, none = {{1}};
    check_gone(&world, &genesis);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        if (blocks[i].number < final - KEPT)
            check_gone(&world, &blocks[i].hash);
        else
            check_kept(&world, &blocks[i].hash);
    }
    OK(!chain_is_discarded(world.chain, &none));

    EQ(chain_check(world.chain, &blocks[BLOCKS - 1].hash), CHAIN_OK);
    EQ(chain_check(world.chain, &blocks[2].hash), CHAIN_UNKNOWN_BLOCK); /* what it stands on is gone */
    EQ(chain_revert(world.chain, final), CHAIN_OK);
    check_kept(&world, &blocks[final - 1].hash);

    world_close(&world); /* genesis is compared without its state */
    EQ(world_open(&world), CHAIN_OK);
    check_gone(&world, &genesis);
    check_kept(&world, &blocks[final - 1].hash);
    OK(world_equip(&world));
    OK(make(&world, 1, blocks));
    world_close(&world);

    world.state = (chain_keep_t){CHAIN_KEEP_ALL, 0};
    EQ(world_open(&world), CHAIN_OTHER_PRUNING);
    world.state   = (chain_keep_t){0};
    world.slot_ms = 1000;
    EQ(world_open(&world), CHAIN_OTHER_GENESIS);
    world.slot_ms = 0;
    EQ(world_open(&world), CHAIN_OK);
    EQ(world_equip(&world), true);
    world_stop(&world);
}

TEST(the_last_bodies_stay_and_all_headers)
{
    world_t world;
    chain_point_t blocks[BLOCKS];
    bytes_t bytes;
    OK(world_path(&world, 0));
    world.blocks = (chain_keep_t){CHAIN_KEEP_LAST, KEPT};
    EQ(world_open(&world), CHAIN_OK);
    OK(world_equip(&world));
    OK(make(&world, BLOCKS, blocks));
    for (uint32_t i = 0; i < BLOCKS; i++)
        EQ(chain_finalize(world.chain, &blocks[i].hash, BYTES("proof")), CHAIN_OK);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        const hash_t *at  = &blocks[i].hash;
        const bool is_one = blocks[i].number > blocks[BLOCKS - 1].number - KEPT;
        OK(chain_header(world.chain, at, fresh_arena(0), &bytes));
        EQ(chain_body(world.chain, at, fresh_arena(0), &bytes), is_one);
        EQ(chain_justification(world.chain, at, fresh_arena(0), &bytes), is_one);
        check_kept(&world, at); /* states are another matter */
    }
    world_stop(&world);
}

/* Two blocks on one parent; the one that is not final is told as pruned, kept or not. */
static uint32_t pruned_told;
static void listen(void *self, const chain_event_t *event)
{
    (void)self;
    if (event->kind == CHAIN_FINALIZED) pruned_told += event->pruned_count;
}

TEST(an_archive_keeps_the_bodies_of_lost_forks)
{
    const chain_keep_kind_t kinds[] = {CHAIN_KEEP_ALL, CHAIN_KEEP_CANONICAL};
    for (uint32_t i = 0; i < 2; i++) {
        world_t world;
        chain_point_t fork, best;
        bytes_t bytes;
        OK(world_path(&world, 0));
        world.blocks = (chain_keep_t){kinds[i], 0};
        EQ(world_open(&world), CHAIN_OK);
        OK(world_equip(&world));
        chain_listen(world.chain, listen, NULL);
        hash_t genesis = chain_genesis(world.chain).hash;
        EQ(author_create(world.author, 1700000000000, true, &genesis, &fork), AUTHOR_OK);
        EQ(author_create(world.author, 1700000060000, true, &genesis, &best), AUTHOR_OK);
        pruned_told = 0;
        EQ(chain_finalize(world.chain, &best.hash, (bytes_t){0}), CHAIN_OK);
        EQ(pruned_told, 1);
        EQ(chain_body(world.chain, &fork.hash, fresh_arena(0), &bytes), kinds[i] == CHAIN_KEEP_ALL);
        OK(!chain_has_state(world.chain, &fork.hash));
        EQ(chain_finalize(world.chain, &fork.hash, (bytes_t){0}),
           kinds[i] == CHAIN_KEEP_ALL ? CHAIN_FINALIZED_BEYOND : CHAIN_UNKNOWN_BLOCK);
        world_stop(&world);
    }
}

TEST_MAIN()
