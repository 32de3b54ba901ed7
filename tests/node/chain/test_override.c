/* Blocks of a development chain that put or remove keys at their end. */
#define _GNU_SOURCE /* nftw */
#include "chain_support.h"

static const bytes_t key = BYTES("\x12\x34");

static bool start(world_t *world, bool is_trial)
{
    if (!world_path(world, 0)) return false;
    world->is_trial = is_trial;
    return world_open(world) == CHAIN_OK && world_equip(world);
}

static author_status_t set(world_t *world, bytes_t name, const char *value, chain_point_t *block)
{
    const change_t item = {
        .key        = name,
        .value      = {(const uint8_t *)value, value ? (uint32_t)strlen(value) : 0},
        .is_removed = !value
    };
    return author_override(world->author, 1700000000000, &item, 1, block);
}

static chain_status_t import_from(world_t *to, world_t *from, const hash_t *hash)
{
    bytes_t header, body;
    chain_point_t block;
    if (!chain_header(from->chain, hash, fresh_arena(0), &header)) return CHAIN_FAULT;
    if (!chain_body(from->chain, hash, fresh_arena(1), &body)) return CHAIN_FAULT;
    return chain_import(to->chain, header, body, UINT64_MAX / 2, &block);
}

TEST(a_block_has_the_state_that_its_header_says)
{
    world_t world, other, live;
    chain_point_t put, next, removed;
    header_t header;
    hash_t root;
    bytes_t value;
    OK(start(&world, true));
    EQ(set(&world, key, "value", &put), AUTHOR_OK);
    OK(chain_state_get(world.chain, &put.hash, key, fresh_arena(0), &value));
    OK(bytes_equal(value, BYTES("value")));
    EQ(author_create(world.author, 1700000000000, true, NULL, &next), AUTHOR_OK);
    OK(chain_state_get(world.chain, &next.hash, key, fresh_arena(0), &value));
    EQ(set(&world, key, NULL, &removed), AUTHOR_OK);
    OK(!chain_state_get(world.chain, &removed.hash, key, fresh_arena(0), &value));
    const hash_t *blocks[] = {&put.hash, &next.hash, &removed.hash};
    for (uint32_t i = 0; i < 3; i++) {
        OK(state_root(world.chain, blocks[i], &root));
        OK(read_header(world.chain, blocks[i], fresh_arena(0), &header));
        OK(memcmp(&root, &header.state_root, 32) == 0);
        EQ(header.digest_count, i == 1 ? 2 : 3);
        EQ(chain_check(world.chain, blocks[i]), CHAIN_OK);
    }

    OK(start(&other, true));
    OK(start(&live, false));
    for (uint32_t i = 0; i < 3; i++)
        EQ(import_from(&other, &world, blocks[i]), CHAIN_OK);
    EQ(import_from(&live, &world, blocks[0]), CHAIN_BAD_HEADER);
    EQ(set(&live, key, "value", &put), AUTHOR_FAILED);
    EQ(author_failure(live.author), CHAIN_MALFORMED);
    EQ(author_create(live.author, 1700000000000, true, NULL, &put), AUTHOR_OK);
    world_stop(&live);
    world_stop(&other);
    world_stop(&world);
}

/* What the chain itself keeps may be set too: time goes on from there. */
TEST(a_hook_finds_what_was_set)
{
    world_t world;
    chain_point_t block;
    uint8_t name[32];
    bytes_t value;
    OK(start(&world, true));
    twox_128(name, BYTES("Balances"));
    twox_128(name + 16, BYTES("TotalIssuance"));
    EQ(set(&world, (bytes_t){name, 32}, "0123456789abcdef", &block), AUTHOR_OK);
    EQ(author_create(world.author, 1700000000000, true, NULL, &block), AUTHOR_OK);
    OK(chain_state_get(world.chain, NULL, (bytes_t){name, 32}, fresh_arena(0), &value));
    OK(bytes_equal(value, BYTES("0123456789abcdef")));
    world_stop(&world);
}

TEST(what_is_too_much_or_malformed_is_refused)
{
    static uint8_t room[2 * CHAIN_OVERRIDE_MAX], large[CHAIN_OVERRIDE_MAX];
    world_t world;
    chain_point_t block;
    const bytes_t slot         = BYTES("\x08\x06"
                                               "aura\x20\0\0\0\0\0\0\0\0");
    const char *const broken[] = {"",         "\x04", "\x04\x04k", "\x04\x04k\x02", "\x04\x04k\x01\x08v",
                                  "\x04\x04k"};
    const uint32_t lens[]      = {0, 1, 3, 4, 6, 4};
    OK(start(&world, true));
    change_t item = {
        .key = key, .value = {large, sizeof large}
    };
    scale_writer_t w = scale_writer(room, sizeof room);
    OK(!chain_override_write(&w, &item, 1));
    item = (change_t){
        .key = {large, TRIE_KEY_MAX + 1}
    };
    OK(!chain_override_write(&w, &item, 1));
    OK(!chain_override_write(&w, &item, 0));
    EQ(author_override(world.author, 1700000000000, &item, 1, &block), AUTHOR_FAILED);
    for (uint32_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        w = scale_writer(room, sizeof room);
        scale_put_raw(&w, slot.data, slot.len);
        scale_put_raw(&w,
                      "\x06"
                      "devs",
                      5);
        scale_put_bytes(&w, (bytes_t){(const uint8_t *)broken[i], lens[i]});
        chain_status_t status = chain_build_start(world.chain, NULL, scale_written(&w));
        EQ(status, i == 0 ? CHAIN_OK : i == 5 ? CHAIN_OK : CHAIN_MALFORMED); /* no data: nothing is said */
        chain_build_drop(world.chain);
    }
    EQ(author_create(world.author, 1700000000000, true, NULL, &block), AUTHOR_OK);
    world_stop(&world);
}

static uint32_t best_told;
static void listen(void *self, const chain_event_t *event)
{
    (void)self;
    best_told += event->kind == CHAIN_BEST;
}

TEST(the_best_block_is_set_back_and_goes_on)
{
    world_t world;
    chain_point_t blocks[4], other;
    hash_t hash, genesis;
    OK(start(&world, true));
    genesis = chain_genesis(world.chain).hash;
    for (uint32_t i = 0; i < 4; i++)
        EQ(author_create(world.author, 1700000000000, true, NULL, &blocks[i]), AUTHOR_OK);
    chain_listen(world.chain, listen, NULL);
    best_told = 0;
    EQ(chain_set_best(world.chain, &blocks[1].hash), CHAIN_OK);
    EQ(best_told, 1);
    EQ(chain_best(world.chain).number, 2);
    OK(!chain_hash(world.chain, 3, &hash));
    OK(chain_has_state(world.chain, &blocks[3].hash));
    EQ(author_create(world.author, 1700009000000, true, NULL, &other), AUTHOR_OK);
    EQ(chain_best(world.chain).number, 3);
    OK(chain_hash(world.chain, 3, &hash));
    OK(memcmp(&hash, &other.hash, 32) == 0);
    EQ(chain_set_best(world.chain, &blocks[3].hash), CHAIN_OK);
    EQ(chain_best(world.chain).number, 4);
    EQ(chain_set_best(world.chain, &genesis), CHAIN_OK);
    chain_free(world.chain);
    author_free(world.author);
    free(world.pool);
    EQ(world_open(&world), CHAIN_OK);
    OK(world_equip(&world));
    EQ(chain_best(world.chain).number, 0);
    EQ(chain_set_best(world.chain, &blocks[2].hash), CHAIN_OK);
    EQ(chain_finalize(world.chain, &blocks[2].hash, (bytes_t){0}), CHAIN_OK);
    EQ(chain_set_best(world.chain, &genesis), CHAIN_FINALIZED_BEYOND);
    EQ(chain_set_best(world.chain, &other.hash), CHAIN_UNKNOWN_BLOCK);
    EQ(chain_set_best(world.chain, &blocks[3].hash), CHAIN_OK);
    world_stop(&world);
}

TEST_MAIN()
