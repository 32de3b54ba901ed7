/* What becomes final when, and proofs that say so. */
#define _GNU_SOURCE /* nftw */
#include "chain_support.h"
#include "finality.h"

#define NOW UINT64_C(1800000000000)

static finality_t *finality_start(world_t *world, bool is_manual)
{
    finality_options_t options = {.is_manual = is_manual};
    memcpy(options.seed, world->voter.seed, 32);
    return finality_new(world->chain, &options);
}

static bool add_block(world_t *world, chain_point_t *block)
{
    return author_create(world->author, NOW, true, NULL, block) == AUTHOR_OK;
}

TEST(a_block_is_final_when_the_next_one_is_there)
{
    world_t world;
    chain_point_t blocks[5];
    uint64_t next;
    OK(world_start(&world, 0));
    finality_t *finality = finality_start(&world, false);
    EQ(finality_tick(finality, NOW, &next), CHAIN_OK);
    EQ(next, FINALITY_NEVER);
    for (uint32_t i = 0; i < 5; i++) {
        OK(add_block(&world, &blocks[i]));
        EQ(finality_tick(finality, NOW + i, &next), CHAIN_OK);
        EQ(chain_finalized(world.chain).number, i);
        EQ(next, NOW + i + 6000);
    }
    finality_free(finality);
    world_stop(&world);
}

TEST(a_block_that_stays_alone_is_final_after_a_slot)
{
    world_t world;
    chain_point_t block;
    uint64_t next;
    OK(world_start(&world, 200));
    finality_t *finality = finality_start(&world, false);
    OK(add_block(&world, &block));
    EQ(finality_tick(finality, NOW, &next), CHAIN_OK);
    EQ(next, NOW + 1000);
    EQ(finality_tick(finality, NOW + 999, &next), CHAIN_OK);
    EQ(chain_finalized(world.chain).number, 0);
    EQ(finality_tick(finality, NOW + 1000, &next), CHAIN_OK);
    EQ(chain_finalized(world.chain).number, 1);
    EQ(finality_tick(finality, NOW + 2000, &next), CHAIN_OK);
    EQ(next, FINALITY_NEVER);
    finality_free(finality);
    world_stop(&world);
}

TEST(manual_finality_waits_for_the_word)
{
    world_t world;
    chain_point_t blocks[3];
    uint64_t next;
    hash_t nobody = {{9}};
    OK(world_start(&world, 0));
    finality_t *finality = finality_start(&world, true);
    for (uint32_t i = 0; i < 3; i++)
        OK(add_block(&world, &blocks[i]));
    EQ(finality_tick(finality, NOW + 100000, &next), CHAIN_OK);
    EQ(chain_finalized(world.chain).number, 0);
    EQ(finality_finalize(finality, &nobody), CHAIN_UNKNOWN_BLOCK);
    EQ(finality_finalize(finality, &blocks[1].hash), CHAIN_OK);
    EQ(finality_finalize(finality, &blocks[0].hash), CHAIN_OK);
    EQ(chain_finalized(world.chain).number, 2);
    EQ(finality_round(finality).round, 1);
    finality_free(finality);
    world_stop(&world);
}

TEST(rounds_go_on_after_a_restart)
{
    world_t world;
    chain_point_t block;
    OK(world_start(&world, 0));
    finality_t *finality = finality_start(&world, true);
    for (uint32_t i = 1; i < 4; i++) {
        OK(add_block(&world, &block));
        EQ(finality_finalize(finality, &block.hash), CHAIN_OK);
        EQ(finality_round(finality).round, i);
        finality_free(finality);
        finality = finality_start(&world, true);
        EQ(finality_round(finality).round, i);
    }
    finality_free(finality);
    world_stop(&world);
}

TEST(a_kept_proof_is_good_and_a_changed_one_is_not)
{
    world_t world;
    chain_point_t block, other;
    bytes_t proof;
    static uint8_t changed[512];
    account_id_t voters[2];
    OK(world_start(&world, 0));
    finality_t *finality = finality_start(&world, true);
    OK(add_block(&world, &block));
    EQ(finality_finalize(finality, &block.hash), CHAIN_OK);
    OK(chain_justification(world.chain, &block.hash, fresh_arena(0), &proof));
    memcpy(voters[0].b, finality_round(finality).voter, 32);
    voters[1] = world.bob.account;
    EQ(proof.len, 8 + 36 + 1 + 132 + 1);
    OK(finality_check(proof, &block, voters, 1, 0));
    OK(!finality_check(proof, &block, voters, 1, 1));
    OK(!finality_check(proof, &block, voters, 2, 0));
    OK(!finality_check(proof, &block, &voters[1], 1, 0));
    other = block;
    other.number++;
    OK(!finality_check(proof, &other, voters, 1, 0));
    for (uint32_t i = 0; i < proof.len; i++) {
        memcpy(changed, proof.data, proof.len);
        changed[i] ^= 0x10;
        OK(!finality_check((bytes_t){changed, proof.len}, &block, voters, 1, 0));
        OK(!finality_check((bytes_t){proof.data, i}, &block, voters, 1, 0));
    }
    finality_free(finality);
    world_stop(&world);
}

static bool local_genesis(void *self, const host_t *host)
{
    static _Alignas(16) uint8_t memory[RUNTIME_QUERY_MEMORY];
    genesis_t genesis;
    rt_t rt;
    (void)self;
    rt_start(&rt, host, memory, sizeof memory);
    runtime_genesis_local(&genesis);
    runtime_genesis_build(&rt, &genesis);
    return !rt.fault;
}

/* The local chain has two voters: one alone decides nothing, both keys in one node do. */
TEST(two_voters_in_one_node_decide)
{
    world_t world;
    uint64_t next;
    bytes_t proof;
    keypair_t bob;
    OK(world_path(&world, 0));
    chain_options_t chain = {.path = world.path, .is_unsynced = true, .genesis = local_genesis};
    EQ(chain_open(&chain, &world.chain), CHAIN_OK);
    OK(world_equip(&world));
    EQ(key_from_suri("//Bob", KEY_ED25519, &bob), KEY_OK);
    author_free(world.author);
    author_options_t author          = {.sealing = SEALING_SLOTS, .pair = world.alice.sr25519};
    author.more[author.more_count++] = world.bob.sr25519;
    world.author                     = author_new(world.chain, &author);
    for (uint32_t i = 0; i < 6; i++) { /* each slot is one of theirs */
        EQ(author_tick(world.author, NOW + 6000 * i, &next), AUTHOR_OK);
        EQ(next, NOW + 6000 * (i + 1));
    }

    finality_t *finality = finality_start(&world, false);
    EQ(finality_tick(finality, NOW, &next), CHAIN_OK);
    EQ(chain_finalized(world.chain).number, 0);
    EQ(finality_round(finality).voters, 2);
    EQ(finality_round(finality).held, 1);
    finality_free(finality);

    finality_options_t options = {.more_count = 1};
    memcpy(options.seed, world.voter.seed, 32);
    memcpy(options.more[0], bob.seed, 32);
    finality = finality_new(world.chain, &options);
    EQ(finality_tick(finality, NOW, &next), CHAIN_OK);
    chain_point_t final = chain_finalized(world.chain);
    EQ(final.number, 5);
    OK(chain_justification(world.chain, &final.hash, fresh_arena(0), &proof));
    const account_id_t voters[] = {world.voter.account, bob.account}, one[] = {world.voter.account};
    OK(finality_check(proof, &final, voters, 2, 0));
    OK(!finality_check(proof, &final, one, 1, 0));
    finality_free(finality);
    finality = finality_new(world.chain, &options);
    EQ(finality_round(finality).round, 1);
    finality_free(finality);
    world_stop(&world);
}

TEST(one_voter_does_not_count_twice)
{
    world_t world;
    chain_point_t block;
    bytes_t proof;
    static uint8_t twice[512];
    account_id_t voters[2];
    OK(world_start(&world, 0));
    finality_t *finality = finality_start(&world, true);
    OK(add_block(&world, &block));
    EQ(finality_finalize(finality, &block.hash), CHAIN_OK);
    OK(chain_justification(world.chain, &block.hash, fresh_arena(0), &proof));
    memcpy(twice, proof.data, 44);
    twice[44] = 2 << 2;
    memcpy(twice + 45, proof.data + 45, 132);
    memcpy(twice + 45 + 132, proof.data + 45, 132);
    memcpy(voters[0].b, finality_round(finality).voter, 32);
    voters[1] = world.bob.account;
    OK(!finality_check((bytes_t){twice, 45 + 264 + 1}, &block, voters, 2, 0));
    finality_free(finality);
    world_stop(&world);
}

TEST_MAIN()
