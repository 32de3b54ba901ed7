/* Blocks are executed again, taken back, and made at a time of one's own. */
#define _GNU_SOURCE /* nftw */
#include "chain_support.h"

#define NOW  UINT64_C(1800000000000)
#define SLOT UINT64_C(6000)

static bool same(const hash_t *a, const hash_t *b) { return memcmp(a, b, sizeof *a) == 0; }

/* make makes a block on a parent (NULL: best) with a transfer of that nonce. */
static bool make(world_t *world, const hash_t *parent, uint32_t nonce, chain_point_t *block)
{
    uint8_t room[EXTRINSIC_MOST];
    world->pool->count = 0;
    pool_add(world, transfer(world, &world->alice, &world->bob, nonce, 1000 + nonce, room));
    return author_create(world->author, NOW, true, parent, block) == AUTHOR_OK;
}

static bool has_good_root(world_t *world, const hash_t *at)
{
    hash_t root;
    header_t header;
    return read_header(world->chain, at, fresh_arena(0), &header) && state_root(world->chain, at, &root) &&
           same(&root, &header.state_root);
}

static uint64_t slot_of(world_t *world, const hash_t *at)
{
    header_t header;
    uint64_t slot = 0;
    return read_header(world->chain, at, fresh_arena(0), &header) && header_slot(&header, &slot) ? slot : 0;
}

static uint64_t best_slot(world_t *world)
{
    chain_point_t best = chain_best(world->chain);
    return slot_of(world, &best.hash);
}

TEST(each_block_is_good_again_and_nothing_of_it_stays)
{
    world_t world;
    chain_point_t blocks[4];
    hash_t unknown = {{7}};
    OK(world_start(&world, 0));
    for (uint32_t i = 0; i < 4; i++)
        OK(make(&world, NULL, i, &blocks[i]));
    EQ(chain_finalize(world.chain, &blocks[1].hash, (bytes_t){0}), CHAIN_OK);
    for (uint32_t i = 0; i < 4; i++)
        EQ(chain_check(world.chain, &blocks[i].hash), CHAIN_OK);
    EQ(chain_check(world.chain, &unknown), CHAIN_UNKNOWN_BLOCK);
    OK(has_good_root(&world, &blocks[3].hash));
    OK(make(&world, NULL, 4, &blocks[0]));
    EQ(blocks[0].number, 5);
    OK(has_good_root(&world, &blocks[0].hash));
    world_stop(&world);
}

TEST(blocks_are_taken_back_on_all_forks)
{
    world_t world;
    chain_point_t a[5], b[3], next;
    OK(world_start(&world, 0));
    for (uint32_t i = 0; i < 5; i++)
        OK(make(&world, NULL, i, &a[i]));   /* 1 2 3 4 5 */
    OK(make(&world, &a[1].hash, 9, &b[0])); /* 3' on 2, with another body */
    OK(make(&world, &b[0].hash, 9, &b[1])); /* 4' */
    EQ(chain_finalize(world.chain, &a[0].hash, (bytes_t){0}), CHAIN_OK);

    EQ(chain_revert(world.chain, 0), CHAIN_FINALIZED_BEYOND);
    EQ(chain_revert(world.chain, 6), CHAIN_FINALIZED_BEYOND);
    EQ(chain_revert(world.chain, 3), CHAIN_OK);
    uint32_t number;
    hash_t hash;
    chain_point_t best = chain_best(world.chain);
    EQ(best.number, 3);
    OK(same(&best.hash, &a[2].hash));
    OK(!chain_number(world.chain, &a[3].hash, &number) && !chain_number(world.chain, &a[4].hash, &number));
    OK(!chain_number(world.chain, &b[1].hash, &number) && chain_number(world.chain, &b[0].hash, &number));
    OK(!chain_hash(world.chain, 4, &hash) && chain_hash(world.chain, 3, &hash) && same(&hash, &a[2].hash));
    OK(has_good_root(&world, &a[2].hash));

    /* It is so on disk too, and the chain goes on, to the same blocks as before. */
    world_close(&world);
    EQ(world_open(&world), CHAIN_OK);
    OK(world_equip(&world));
    best = chain_best(world.chain);
    OK(same(&best.hash, &a[2].hash));
    OK(make(&world, NULL, 3, &next));
    EQ(next.number, 4);
    OK(has_good_root(&world, &next.hash));
    EQ(chain_revert(world.chain, 1), CHAIN_OK);
    EQ(chain_revert(world.chain, 1), CHAIN_OK);
    best = chain_best(world.chain);
    OK(same(&best.hash, &a[0].hash));
    world_stop(&world);
}

TEST(time_goes_where_it_is_sent_and_on_from_there)
{
    world_t world, other;
    chain_point_t block;
    uint64_t time, then = NOW + 86400000 + 77, next;
    OK(world_start(&world, 0));
    OK(world_start(&other, 0));
    EQ(author_travel(world.author, 0, &time), AUTHOR_NOTHING);
    EQ(time, SLOT); /* the first slot after block 0 */
    EQ(author_travel(world.author, then, &time), AUTHOR_OK);
    EQ(time, then);
    OK(make(&world, NULL, 0, &block));
    EQ(slot_of(&world, &block.hash), then / SLOT);
    EQ(author_travel(world.author, then, &time), AUTHOR_NOTHING);
    EQ(time, (then / SLOT + 1) * SLOT);
    /* The clock goes on from there: an hour later by ours is an hour later by the chain's. */
    world.pool->count = 0;
    EQ(author_create(world.author, NOW + 3600000, true, NULL, &block), AUTHOR_OK);
    EQ(slot_of(&world, &block.hash), (then + 3600000) / SLOT);
    EQ(author_tick(world.author, NOW, &next), AUTHOR_NOTHING);

    /* Every rule of an importer holds, but that it is early for it. */
    bytes_t header, body;
    hash_t first;
    arena_t *arena = fresh_arena(1);
    OK(chain_hash(world.chain, 1, &first));
    OK(chain_header(world.chain, &first, arena, &header) && chain_body(world.chain, &first, arena, &body));
    EQ(chain_import(other.chain, header, body, NOW, &block), CHAIN_BAD_HEADER);
    EQ(chain_import(other.chain, header, body, then, &block), CHAIN_OK);
    world_stop(&world);
    world_stop(&other);
}

/* In slots too: the next tick makes the block, and the ones after it follow slot by slot of our clock. */
TEST(slots_follow_the_time_that_was_sent)
{
    world_t world;
    uint64_t time, next, now = NOW;
    OK(world_start(&world, 0));
    author_options_t options = {.sealing = SEALING_SLOTS, .pair = world.alice.sr25519};
    author_t *author         = author_new(world.chain, &options);
    EQ(author_tick(author, now, &next), AUTHOR_OK);
    EQ(author_travel(author, NOW + 50 * SLOT + 1000, &time), AUTHOR_OK);
    EQ(author_tick(author, now, &next), AUTHOR_OK);
    EQ(best_slot(&world), NOW / SLOT + 50);
    EQ(next, now + 5000);
    EQ(author_tick(author, now + 4999, &next), AUTHOR_NOTHING);
    EQ(next, now + 5000);
    for (uint32_t i = 0; i < 3; i++) {
        now = next;
        EQ(author_tick(author, now, &next), AUTHOR_OK);
        EQ(next, now + SLOT);
        EQ(best_slot(&world), NOW / SLOT + 51 + i);
    }
    author_free(author);
    world_stop(&world);
}

TEST_MAIN()
