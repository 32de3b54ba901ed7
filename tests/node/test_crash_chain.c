/* A killed chain: signed transfers in blocks, finality behind them, and SIGKILL at random moments.
 *
 * After each kill the chain must open at the last block told of, or the one after; the header's state root
 * must be that of all keys, and the sender's nonce that of all its transfers. */
#define _GNU_SOURCE /* nftw */
#include "chain_support.h"
#include "crash_support.h"
#include "finality.h"

#define NOW UINT64_C(1800000000000)

enum { TRANSFERS = 3 };

static bool open_at(world_t *world, const char *path)
{
    memset(world, 0, sizeof *world);
    snprintf(world->path, sizeof world->path, "%s", path);
    world->is_synced = true;
    return world_open(world) == CHAIN_OK && world_equip(world);
}

static bool add_block(world_t *world, chain_point_t *block)
{
    uint8_t room[EXTRINSIC_MOST];
    uint32_t nonce     = chain_best(world->chain).number * TRANSFERS;
    world->pool->count = 0;
    for (uint32_t i = 0; i < TRANSFERS; i++)
        pool_add(world, transfer(world, &world->alice, &world->bob, nonce + i, 7, room));
    return author_create(world->author, NOW, false, NULL, block) == AUTHOR_OK && world->pool->refused == 0;
}

static int write_forever(const char *path, int told)
{
    static world_t world;
    chain_point_t block;
    uint64_t next;
    finality_options_t options = {0};
    if (!open_at(&world, path)) return 2;
    memcpy(options.seed, world.voter.seed, 32);
    finality_t *finality = finality_new(world.chain, &options);
    for (;;) {
        if (!add_block(&world, &block)) return 4;
        if (write(told, "b", 1) != 1) return 5;
        if (block.number % 3 == 0) continue;
        if (finality_tick(finality, NOW, &next) != CHAIN_OK) return 6;
        if (write(told, "f", 1) != 1) return 5;
    }
}

static void check_state(world_t *world, const hash_t *at, uint32_t number)
{
    hash_t root;
    header_t header;
    bytes_t nonce;
    OK(read_header(world->chain, at, fresh_arena(0), &header));
    EQ(header.number, number);
    OK(state_root(world->chain, at, &root));
    OK(memcmp(&root, &header.state_root, sizeof root) == 0);
    EQ(chain_call(world->chain, at, BYTES("AccountNonceApi_account_nonce"),
                  (bytes_t){world->alice.account.b, 32}, fresh_arena(0), &nonce),
       CHAIN_OK);
    scale_reader_t r = scale_reader(nonce, NULL);
    EQ(scale_get_u32(&r), number * TRANSFERS);
}

static void check_chain(const char *path, told_t *told)
{
    static world_t world;
    OK(open_at(&world, path));
    chain_point_t best = chain_best(world.chain), final = chain_finalized(world.chain);
    hash_t hash;
    OK(best.number >= told->best && best.number <= told->best + 1);
    OK(final.number >= told->finalized && final.number <= best.number);
    for (uint32_t number = best.number > 6 ? best.number - 6 : 0; number <= best.number && !test_failed_;
         number++) {
        OK(chain_hash(world.chain, number, &hash));
        check_state(&world, &hash, number);
    }
    bytes_t justification;
    OK(final.number == 0 || chain_justification(world.chain, &final.hash, fresh_arena(0), &justification));
    *told = (told_t){best.number, final.number};
    world_close(&world);
}

int main(int argc, char **argv) { return crash_main(argc, argv, write_forever, check_chain); }
