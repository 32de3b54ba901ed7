/* What is searched for ahead of a block: all that the block asks for, and nothing old. */
#define _GNU_SOURCE /* nftw */
#include "store_internal.h"
#include "trie.h"

#include "test.h"

#include <ftw.h>
#include <unistd.h>

enum { KEYS = 4000, KEY_LEN = 48, CHANGED = 300, ARENA_SIZE = 64 << 20, BLOCKS = 12 };

typedef struct {
    char path[64];
    store_t *store;
    hash_t head;
    uint32_t number;
    uint8_t keys[KEYS][KEY_LEN];
    uint32_t values[KEYS]; /* 0: absent */
    uint32_t missing;      /* nodes that a trie asked for and memory did not have */
    kv_t nodes;
    arena_t arena;
} world_t;

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static bytes_t key_of(const world_t *world, uint32_t i) { return (bytes_t){world->keys[i], KEY_LEN}; }

static bool counting_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    world_t *world = self;
    world->missing += !cache_has(&world->store->records, COLUMN_NODE, key);
    return world->nodes.get(world->nodes.self, key, arena, value);
}

/* put_block writes new values (0: none) of keys as the next block. */
static bool put_block(world_t *world, const uint32_t *which, const uint32_t *values, uint32_t count)
{
    static change_t items[KEYS];
    static uint32_t kept[KEYS];
    changes_t changes = {items, count};
    store_view_t view = {.store = world->store};
    trie_t trie;
    hash_t root;
    world->arena.used = 0;
    for (uint32_t i = 0; i < count; i++) {
        kept[i] = world->values[which[i]] = values[i];
        items[i]                          = (change_t){
                                     key_of(world, which[i]), {(const uint8_t *)&kept[i], 4},
                                       values[i] == 0
        };
    }
    changes_sort(&changes);
    if (world->number > 0 && !store_view(world->store, &world->head, &view)) return false;
    world->nodes     = store_nodes(&view);
    const kv_t nodes = {.self = world, .get = counting_get};
    const kv_t none  = {.self = &view, .get = world->nodes.get};
    trie_init(&trie, TRIE_V1, world->number > 0 ? &nodes : &none, &world->arena);
    trie_apply(&trie, &changes);
    if (!trie_root(&trie, &root)) return false;
    changes_t changed   = trie_changes(&trie);
    store_block_t block = {.hash    = root,
                           .parent  = world->head,
                           .number  = world->number,
                           .header  = BYTES("header"),
                           .body    = BYTES("body"),
                           .values  = &changes,
                           .nodes   = &changed,
                           .is_best = true};
    world->head         = root;
    if (world->number++ == 0) return store_genesis(world->store, &block) == STORE_OK;
    return store_commit(world->store, &block) == STORE_OK &&
           store_finalize(world->store, &root, (bytes_t){0}) == STORE_OK;
}

static bool empty_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)self, (void)key, (void)arena, (void)value;
    return false;
}

/* check_root makes the trie of all that should be there anew, from nothing. */
static void check_root(world_t *world)
{
    const kv_t nothing = {.get = empty_get};
    trie_t trie;
    hash_t root;
    world->arena.used = 0;
    trie_init(&trie, TRIE_V1, &nothing, &world->arena);
    for (uint32_t i = 0; i < KEYS; i++)
        if (world->values[i]) trie_put(&trie, key_of(world, i), (bytes_t){(uint8_t *)&world->values[i], 4});
    OK(trie_root(&trie, &root));
    EQ(memcmp(&root, &world->head, sizeof root), 0);
}

static void check_values(world_t *world)
{
    store_view_t view;
    bytes_t value;
    OK(store_view(world->store, &world->head, &view));
    kv_t values       = store_values(&view);
    world->arena.used = 0;
    for (uint32_t i = 0; i < KEYS && !test_failed_; i++) {
        EQ(values.get(values.self, key_of(world, i), &world->arena, &value), world->values[i] != 0);
        if (world->values[i]) EQ(memcmp(value.data, &world->values[i], 4), 0);
    }
}

/* open_world makes genesis of all keys and opens the store again: nothing is in memory. */
static bool open_world(random_t *random, world_t *world)
{
    static uint32_t all[KEYS], values[KEYS];
    store_options_t options = {.is_unsynced = true, .cache_mib = 64};
    *world                  = (world_t){
                         .arena = {malloc(ARENA_SIZE), ARENA_SIZE, 0}
    };
    snprintf(world->path, sizeof world->path, "/tmp/trellis-ahead-XXXXXX");
    options.path = mkdtemp(world->path);
    if (!options.path || store_open(&options, &world->store) != STORE_OK) return false;
    for (uint32_t i = 0; i < KEYS; i++) {
        memset(world->keys[i], 0x33, 32);
        for (uint32_t j = 32; j < KEY_LEN; j++)
            world->keys[i][j] = (uint8_t)random_next(random);
        all[i]    = i;
        values[i] = 1 + random_below(random, 1000);
    }
    if (!put_block(world, all, values, KEYS)) return false;
    store_free(world->store);
    return store_open(&options, &world->store) == STORE_OK;
}

static void close_world(world_t *world)
{
    store_free(world->store);
    nftw(world->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(world->arena.start);
}

static void draw(random_t *random, uint32_t *which, uint32_t *values, store_ahead_t *ahead,
                 const world_t *world)
{
    const uint32_t start = random_below(random, KEYS);
    for (uint32_t i = 0; i < CHANGED; i++) {
        which[i]  = (start + i * 7) % KEYS;
        values[i] = random_below(random, 4) ? 1 + random_below(random, 1000) : 0;
        ahead[i]  = (store_ahead_t){key_of(world, which[i]), true};
    }
}

TEST(what_was_searched_for_is_all_that_a_block_asks_for)
{
    static world_t world;
    static uint32_t which[CHANGED], values[CHANGED];
    static store_ahead_t ahead[CHANGED];
    random_t random = {7};
    OK(open_world(&random, &world));
    for (uint32_t block = 0; block < 4 && !test_failed_; block++) {
        draw(&random, which, values, ahead, &world);
        for (uint32_t i = 0; i < CHANGED; i++)
            values[i] = 1 + i; /* a removal asks for a neighbour too */
        store_ahead(world.store, ahead, CHANGED);
        store_ahead_wait(world.store);
        for (uint32_t i = 0; i < CHANGED; i++)
            OK(cache_has(&world.store->records, COLUMN_VALUE, ahead[i].key));
        world.missing = 0;
        OK(put_block(&world, which, values, CHANGED));
        EQ(world.missing, 0);
    }
    check_root(&world);
    close_world(&world);
}

PROPERTY(nothing_that_was_searched_for_is_old, 6)
{
    static world_t world;
    static uint32_t which[CHANGED], values[CHANGED];
    static store_ahead_t ahead[CHANGED];
    OK(open_world(random, &world));
    for (uint32_t block = 0; block < BLOCKS && !test_failed_; block++) {
        draw(random, which, values, ahead, &world);
        store_ahead(world.store, ahead, 1 + random_below(random, CHANGED));
        if (random_below(random, 3) == 0) store_ahead_wait(world.store);
        if (random_below(random, 3) == 0) draw(random, which, values, ahead, &world);
        OK(put_block(&world, which, values, CHANGED));
        if (random_below(random, 4) == 0) check_values(&world);
    }
    if (!test_failed_) check_values(&world);
    if (!test_failed_) check_root(&world);
    close_world(&world);
}

TEST_MAIN()
