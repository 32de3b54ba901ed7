/* When a block is made, what time it has, and what the pool hears. */
#define _GNU_SOURCE /* nftw */
#include "chain_support.h"

#define NOW UINT64_C(1800000000500)

static author_t *author_with(world_t *world, sealing_t sealing, const keypair_t *key)
{
    author_options_t options = {.sealing = sealing, .pair = key->sr25519, .source = world_source(world)};
    author_free(world->author);
    world->author = author_new(world->chain, &options);
    return world->author;
}

static void ask_now(void *self, rt_t *rt) { *(uint64_t *)self = runtime_now(rt); }

/* check_time holds slot and timestamp of the best block to the rule. */
static void check_time(world_t *world, uint64_t slot_ms, uint64_t want_ms)
{
    hash_t best = chain_best(world->chain).hash;
    header_t header;
    uint64_t slot, now_ms;
    OK(read_header(world->chain, &best, fresh_arena(0), &header));
    OK(header_slot(&header, &slot));
    EQ(chain_run(world->chain, &best, ask_now, &now_ms), CHAIN_OK);
    EQ(now_ms, want_ms);
    EQ(slot, want_ms / slot_ms);
}

TEST(in_slots_there_is_one_block_a_slot)
{
    world_t world;
    uint64_t next;
    OK(world_start(&world, 1000));
    author_t *author = author_with(&world, SEALING_SLOTS, &world.alice);
    EQ(author_tick(author, NOW, &next), AUTHOR_OK);
    EQ(next, NOW + 500);
    check_time(&world, 1000, NOW);
    EQ(author_tick(author, NOW + 100, &next), AUTHOR_NOTHING);
    EQ(next, NOW + 500);
    EQ(author_tick(author, NOW + 500, &next), AUTHOR_OK);
    EQ(next, NOW + 1500);
    check_time(&world, 1000, NOW + 500);
    EQ(author_tick(author, NOW + 7777, &next), AUTHOR_OK);
    check_time(&world, 1000, NOW + 7777);
    EQ(chain_best(world.chain).number, 3);
    world_stop(&world);
}

/* Late in its slot a block leaves too little time before the next slot: that one waits for the minimum
 * period. */
TEST(the_minimum_period_holds)
{
    world_t world;
    uint64_t next;
    OK(world_start(&world, 1000));
    author_t *author = author_with(&world, SEALING_SLOTS, &world.alice);
    EQ(author_tick(author, NOW + 400, &next), AUTHOR_OK);
    EQ(author_tick(author, NOW + 500, &next), AUTHOR_NOTHING);
    EQ(next, NOW + 900);
    EQ(author_tick(author, NOW + 900, &next), AUTHOR_OK);
    check_time(&world, 1000, NOW + 900);
    world_stop(&world);
}

TEST(blocks_on_demand_run_ahead_of_the_clock)
{
    world_t world;
    chain_point_t block;
    uint64_t slot_ms = 6000, first = NOW / slot_ms;
    OK(world_start(&world, 0));
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
    check_time(&world, slot_ms, NOW);
    for (uint64_t i = 1; i < 5 && !test_failed_; i++) {
        EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
        uint64_t want = (first + i) * slot_ms, least = NOW + slot_ms / 2;
        check_time(&world, slot_ms, i == 1 && want < least ? least : want);
    }
    world_stop(&world);
}

TEST(a_clock_that_goes_back_does_not_make_time_go_back)
{
    world_t world;
    chain_point_t block;
    uint64_t next;
    OK(world_start(&world, 1000));
    EQ(author_create(world.author, NOW, true, NULL, &block), AUTHOR_OK);
    author_t *author = author_with(&world, SEALING_SLOTS, &world.alice);
    EQ(author_tick(author, NOW - 3600000, &next), AUTHOR_NOTHING);
    OK(next >= NOW + 500);
    EQ(author_create(author, NOW - 3600000, true, NULL, &block), AUTHOR_OK);
    check_time(&world, 1000, NOW + 500);
    world_stop(&world);
}

TEST(instant_sealing_waits_for_an_extrinsic)
{
    world_t world;
    uint64_t next;
    uint8_t room[EXTRINSIC_MOST];
    OK(world_start(&world, 0));
    author_t *author = author_with(&world, SEALING_INSTANT, &world.alice);
    EQ(author_tick(author, NOW, &next), AUTHOR_NOTHING);
    EQ(next, AUTHOR_NEVER);
    author_wake(author);
    EQ(author_tick(author, NOW, &next), AUTHOR_NOTHING);
    pool_add(&world, transfer(&world, &world.alice, &world.bob, 0, 5, room));
    EQ(author_tick(author, NOW, &next), AUTHOR_NOTHING);
    author_wake(author);
    EQ(author_tick(author, NOW, &next), AUTHOR_OK);
    EQ(chain_best(world.chain).number, 1);
    world_stop(&world);
}

TEST(manual_sealing_waits_for_the_word)
{
    world_t world;
    chain_point_t block;
    uint64_t next;
    hash_t nobody = {{1}};
    OK(world_start(&world, 0));
    author_t *author = author_with(&world, SEALING_MANUAL, &world.alice);
    author_wake(author);
    EQ(author_tick(author, NOW, &next), AUTHOR_NOTHING);
    EQ(next, AUTHOR_NEVER);
    EQ(author_create(author, NOW, false, NULL, &block), AUTHOR_EMPTY_POOL);
    EQ(author_create(author, NOW, true, &nobody, &block), AUTHOR_UNKNOWN_BLOCK);
    EQ(author_create(author, NOW, true, NULL, &block), AUTHOR_OK);
    world_stop(&world);
}

TEST(who_is_no_authority_makes_no_block)
{
    world_t world;
    chain_point_t block;
    uint64_t next;
    OK(world_start(&world, 0));
    author_t *author = author_with(&world, SEALING_SLOTS, &world.bob);
    EQ(author_tick(author, NOW, &next), AUTHOR_NOT_AUTHORITY);
    EQ(author_create(author, NOW, true, NULL, &block), AUTHOR_NOT_AUTHORITY);
    EQ(chain_best(world.chain).number, 0);
    world_stop(&world);
}

TEST(the_pool_hears_of_what_can_never_be_valid)
{
    world_t world;
    chain_point_t block;
    uint8_t room[EXTRINSIC_MOST];
    bytes_t body;
    OK(world_start(&world, 0));
    pool_add(&world, transfer(&world, &world.alice, &world.bob, 0, 5, room));
    pool_add(&world, transfer(&world, &world.alice, &world.bob, 0, 6, room)); /* its nonce is used by then */
    pool_add(&world, transfer(&world, &world.alice, &world.bob, 9, 7, room)); /* waits for others */
    bytes_t forged = transfer(&world, &world.alice, &world.bob, 1, 8, room);
    pool_add(&world, forged);
    world.pool->bytes[3][60] ^= 1;
    EQ(author_create(world.author, NOW, false, NULL, &block), AUTHOR_OK);
    EQ(world.pool->refused, 2);
    OK(chain_body(world.chain, &block.hash, fresh_arena(0), &body));
    EQ(body.data[0], 2 << 2);
    EQ(author_create(world.author, NOW, false, NULL, &block), AUTHOR_EMPTY_POOL);
    EQ(chain_best(world.chain).number, 1);
    world_stop(&world);
}

TEST_MAIN()
