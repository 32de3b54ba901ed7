/* The store against a model that keeps a whole copy of state for every block. */
#define _GNU_SOURCE /* nftw */
#include "columns.h"
#include "store.h"

#include "test.h"

#include <ftw.h>
#include <rocksdb/c.h>
#include <unistd.h>

enum { BLOCK_MOST = 60, KEY_MOST = 24, ARENA_SIZE = 1 << 20 };

typedef struct {
    hash_t hash, parent;
    uint32_t number;
    bool is_final, is_dropped;
    uint8_t values[KEY_MOST]; /* 0: absent */
} model_block_t;

typedef struct {
    char path[64];
    store_t *store;
    model_block_t blocks[BLOCK_MOST];
    uint32_t count, finalized, best;
    store_keep_t state, kept;      /* options */
    uint32_t horizon, bodies_from; /* in the model */
    store_status_t status;
} world_t;

/* Keys that start each other and hold zeros: what the escaping is for. */
static const bytes_t keys[KEY_MOST] = {
    BYTES(""),
    BYTES("\x00"),
    BYTES("\x00\x00"),
    BYTES("\x00\x01"),
    BYTES("\x00\xff"),
    BYTES("\x01"),
    BYTES("\x01\x00"),
    BYTES("a"),
    BYTES("a\x00"),
    BYTES("a\x00\x00"),
    BYTES("a\x00\xff"),
    BYTES("a\x00\xff\xff\xff\xff"),
    BYTES("a\x01"),
    BYTES("aa"),
    BYTES("ab"),
    BYTES("ab\x00"),
    BYTES("ab\x00\x00\x00\x00"),
    BYTES("b"),
    BYTES("b\xff"),
    BYTES("b\xff\xff\xff\xff"),
    BYTES("\xff"),
    BYTES("\xff\x00"),
    BYTES("\xff\xff"),
    BYTES("\xff\xff\xff\xff\xff\xff"),
};

/* node_key makes a path key of a key's number: 0 to 23 nibbles. */
static bytes_t node_key(uint32_t i, uint8_t room[16])
{
    memset(room, 0x55, 16);
    room[0] = 0;
    room[1] = (uint8_t)i;
    return (bytes_t){room, 2 + (i + 1) / 2};
}

static arena_t *fresh_arena(void)
{
    static _Alignas(16) uint8_t room[ARENA_SIZE];
    static arena_t arena;
    arena = (arena_t){room, sizeof room, 0};
    return &arena;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void close_world(world_t *world)
{
    store_free(world->store);
    nftw(world->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool open_store(world_t *world)
{
    store_options_t options = {.path        = world->path,
                               .state       = world->state,
                               .blocks      = world->kept,
                               .is_unsynced = true,
                               .cache_mib   = 1};
    world->status           = store_open(&options, &world->store);
    return world->status == STORE_OK;
}

static hash_t hash_of(uint32_t i)
{
    hash_t hash = {{0}};
    memcpy(hash.b, &i, 4);
    hash.b[31] = 0x77;
    return hash;
}

/* commit writes a block on `parent` (in the model at the same place) with some changes of values and nodes
 * alike. */
static store_status_t commit(random_t *random, world_t *world, uint32_t parent, bool is_genesis)
{
    static uint8_t values[KEY_MOST], names[KEY_MOST][16];
    change_t value_items[KEY_MOST], node_items[KEY_MOST];
    changes_t value_set = {value_items, 0}, node_set = {node_items, 0};
    model_block_t *block = &world->blocks[world->count];
    *block               = world->blocks[parent];
    block->parent        = is_genesis ? (hash_t){{0}} : world->blocks[parent].hash;
    block->hash          = hash_of(world->count + 1);
    block->number        = is_genesis ? 0 : world->blocks[parent].number + 1;
    block->is_final = block->is_dropped = false;
    for (uint32_t i = 0; i < KEY_MOST; i++) {
        if (random_below(random, 4)) continue;
        bool is_removed  = random_below(random, 3) == 0;
        block->values[i] = values[i]   = is_removed ? 0 : (uint8_t)(1 + random_below(random, 250));
        value_items[value_set.count++] = (change_t){
            keys[i], {&values[i], 1},
             is_removed
        };
        node_items[node_set.count++] = (change_t){
            node_key(i, names[i]), {&values[i], 1},
              is_removed
        };
    }
    changes_sort(&value_set);
    store_block_t put = {
        .hash    = block->hash,
        .parent  = block->parent,
        .number  = block->number,
        .header  = {block->hash.b, 4},
        .body    = {block->hash.b, 5},
        .values  = &value_set,
        .nodes   = &node_set,
        .is_best = block->number > world->blocks[world->best].number
    };
    store_status_t status = is_genesis ? store_genesis(world->store, &put) : store_commit(world->store, &put);
    if (status != STORE_OK) return status;
    if (put.is_best) world->best = world->count;
    world->count++;
    return status;
}

static bool open_world_keeping(random_t *random, world_t *world, store_keep_t state, store_keep_t kept)
{
    memset(world, 0, sizeof *world);
    world->state       = state;
    world->kept        = kept;
    world->bodies_from = 1;
    snprintf(world->path, sizeof world->path, "/tmp/trellis-store-XXXXXX");
    if (!mkdtemp(world->path) || !open_store(world) || !store_is_empty(world->store)) return false;
    if (commit(random, world, 0, true) != STORE_OK) return false;
    world->blocks[0].is_final = true;
    return true;
}

static bool open_world(random_t *random, world_t *world)
{
    return open_world_keeping(random, world, (store_keep_t){0}, (store_keep_t){0});
}

static uint32_t find_block(const world_t *world, const hash_t *hash)
{
    for (uint32_t i = 0; i < world->count; i++)
        if (memcmp(&world->blocks[i].hash, hash, sizeof *hash) == 0) return i;
    return UINT32_MAX;
}

static bool is_above(const world_t *world, uint32_t above, uint32_t block)
{
    while (world->blocks[block].number > world->blocks[above].number)
        block = find_block(world, &world->blocks[block].parent);
    return block == above;
}

static void check_block(world_t *world, uint32_t i)
{
    const model_block_t *block = &world->blocks[i];
    store_view_t view;
    bytes_t bytes;
    uint8_t name[16];
    const bool is_pruned = block->is_final && block->number < world->horizon,
               is_bare   = block->is_final && block->number > 0 && block->number < world->bodies_from,
               is_here   = !block->is_dropped || world->kept.kind == STORE_KEEP_ALL;
    EQ(store_is_alive(world->store, &block->hash), !block->is_dropped);
    EQ(store_view(world->store, &block->hash, &view), !block->is_dropped && !is_pruned);
    EQ(store_header(world->store, &block->hash, fresh_arena(), &bytes), is_here);
    EQ(store_body(world->store, &block->hash, fresh_arena(), &bytes), is_here && !is_bare);
    if (is_here && !is_bare) EQ(bytes.len, 5);
    if (block->is_dropped || is_pruned) return;
    kv_t values = store_values(&view), nodes = store_nodes(&view);
    bytes_t at = {0}, next;
    for (uint32_t k = 0; k < KEY_MOST; k++) {
        EQ(values.get(values.self, keys[k], fresh_arena(), &bytes), block->values[k] != 0);
        if (block->values[k]) EQ(bytes.data[0], block->values[k]);
        EQ(nodes.get(nodes.self, node_key(k, name), fresh_arena(), &bytes), block->values[k] != 0);
        if (block->values[k]) EQ(bytes.data[0], block->values[k]);
    }
    for (uint32_t k = 1; k < KEY_MOST; k++) { /* keys stand in order; the empty one cannot be `next` */
        if (!block->values[k]) continue;
        OK(values.next(values.self, at, fresh_arena(), &next));
        OK(bytes_equal(next, keys[k]));
        at = keys[k];
    }
    OK(!values.next(values.self, at, fresh_arena(), &next));
}

static void check_world(world_t *world)
{
    hash_t hash;
    OK(memcmp(store_best(world->store).hash.b, world->blocks[world->best].hash.b, 32) == 0);
    OK(memcmp(store_finalized(world->store).hash.b, world->blocks[world->finalized].hash.b, 32) == 0);
    EQ(store_hash(world->store, world->blocks[world->best].number + 1, &hash), false);
    for (uint32_t i = 0; i < world->count && !test_failed_; i++) {
        check_block(world, i);
        if (test_failed_) return;
        bool is_canonical = !world->blocks[i].is_dropped && is_above(world, i, world->best);
        EQ(store_is_canonical(world->store, &world->blocks[i].hash), is_canonical);
    }
}

static void model_prune(world_t *world, uint32_t before, uint32_t final)
{
    if (world->state.kind == STORE_KEEP_LAST && final > world->state.count + world->horizon)
        world->horizon = final - world->state.count;
    if (world->kept.kind != STORE_KEEP_LAST || final <= world->kept.count) return;
    uint32_t to = final - world->kept.count + 1;
    if (to > before + 1) to = before + 1;
    if (to > world->bodies_from) world->bodies_from = to;
}

static void model_finalize(world_t *world, uint32_t final)
{
    model_prune(world, world->blocks[world->finalized].number, world->blocks[final].number);
    for (uint32_t i = 0; i < world->count; i++) {
        model_block_t *block = &world->blocks[i];
        if (block->is_final || block->is_dropped) continue;
        if (block->number <= world->blocks[final].number && is_above(world, i, final))
            block->is_final = true;
        else if (block->number <= world->blocks[final].number || !is_above(world, final, i))
            block->is_dropped = true;
    }
    world->finalized = final;
    if (is_above(world, final, world->best) &&
        world->blocks[world->best].number >= world->blocks[final].number)
        return;
    world->best = final;
    for (uint32_t i = 0; i < world->count; i++) {
        if (world->blocks[i].is_dropped || world->blocks[i].is_final) continue;
        if (world->blocks[i].number > world->blocks[world->best].number) world->best = i;
    }
}

static uint32_t pick_alive(random_t *random, const world_t *world)
{
    for (;;) {
        uint32_t i = random_below(random, world->count);
        if (i == world->finalized || (!world->blocks[i].is_final && !world->blocks[i].is_dropped)) return i;
    }
}

/* look_ahead searches for everything, and sometimes waits for it. */
static void look_ahead(random_t *random, world_t *world)
{
    store_ahead_t ahead[KEY_MOST];
    for (uint32_t i = 0; i < KEY_MOST; i++)
        ahead[i] = (store_ahead_t){keys[i], random_below(random, 2)};
    store_ahead(world->store, ahead, KEY_MOST);
    if (random_below(random, 2)) store_ahead_wait(world->store);
}

static void live(random_t *random, world_t *world)
{
    for (uint32_t step = 0; step < 70 && world->count < BLOCK_MOST && !test_failed_; step++) {
        uint32_t block = pick_alive(random, world);
        if (random_below(random, 4) == 0) look_ahead(random, world);
        switch (random_below(random, 8)) {
        case 0:
            EQ(store_finalize(world->store, &world->blocks[block].hash, BYTES("because")), STORE_OK);
            if (block != world->finalized) model_finalize(world, block);
            break;
        case 1:
            if (random_below(random, 4)) break;
            store_free(world->store);
            OK(open_store(world));
            break;
        case 2:
            if (random_below(random, 16) == 0) store_compact(world->store);
            break;
        default: EQ(commit(random, world, random_below(random, 3) ? world->best : block, false), STORE_OK);
        }
        if (step % 5 == 0) check_world(world);
    }
    if (!test_failed_) check_world(world);
}

PROPERTY(every_block_keeps_the_state_it_made, 8)
{
    world_t world;
    OK(open_world(random, &world));
    live(random, &world);
    close_world(&world);
}

PROPERTY(the_last_states_and_bodies_stay, 10)
{
    world_t world;
    const store_keep_t state = {STORE_KEEP_LAST, random_below(random, 6)};
    OK(open_world_keeping(random, &world, state,
                          random_below(random, 2)
                              ? (store_keep_t){STORE_KEEP_ALL, 0}
                              : (store_keep_t){STORE_KEEP_LAST, 1 + random_below(random, 6)}));
    live(random, &world);
    close_world(&world);
}

/* records counts what stands in a column of a closed database. */
static uint32_t records(const world_t *world, column_t column)
{
    static const char *const names[] = COLUMN_NAMES;
    rocksdb_options_t *options       = rocksdb_options_create();
    const rocksdb_options_t *all[COLUMN_COUNT];
    rocksdb_column_family_handle_t *handles[COLUMN_COUNT];
    char *error = NULL;
    for (uint32_t i = 0; i < COLUMN_COUNT; i++)
        all[i] = options;
    rocksdb_t *db =
        rocksdb_open_column_families(options, world->path, COLUMN_COUNT, names, all, handles, &error);
    rocksdb_readoptions_t *read = rocksdb_readoptions_create();
    rocksdb_iterator_t *it      = rocksdb_create_iterator_cf(db, read, handles[column]);
    uint32_t count              = 0;
    for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it); rocksdb_iter_next(it))
        count++;
    rocksdb_iter_destroy(it);
    rocksdb_readoptions_destroy(read);
    for (uint32_t i = 0; i < COLUMN_COUNT; i++)
        rocksdb_column_family_handle_destroy(handles[i]);
    rocksdb_close(db);
    rocksdb_options_destroy(options);
    return count;
}

/* With no state kept but the finalized one, what is left on the disk is that state and nothing else. */
PROPERTY(what_is_let_go_leaves_the_disk, 3)
{
    world_t world;
    uint32_t values = 0;
    OK(open_world_keeping(random, &world, (store_keep_t){STORE_KEEP_LAST, 0}, (store_keep_t){0}));
    while (world.count < BLOCK_MOST - 1) {
        EQ(commit(random, &world, world.best, false), STORE_OK);
        if (random_below(random, 2)) continue;
        EQ(store_finalize(world.store, &world.blocks[world.best].hash, (bytes_t){0}), STORE_OK);
        model_finalize(&world, world.best);
    }
    for (uint32_t i = 0; i < 2; i++) { /* a mark of the last block leaves with the one after it */
        changes_t none      = {0};
        store_block_t empty = {.hash    = hash_of(500 + i),
                               .parent  = i ? hash_of(500) : world.blocks[world.best].hash,
                               .number  = world.blocks[world.best].number + i + 1,
                               .values  = &none,
                               .nodes   = &none,
                               .is_best = true};
        EQ(store_commit(world.store, &empty), STORE_OK);
        EQ(store_finalize(world.store, &empty.hash, (bytes_t){0}), STORE_OK);
    }
    store_compact(world.store);
    store_free(world.store);
    for (uint32_t k = 0; k < KEY_MOST; k++)
        values += world.blocks[world.best].values[k] != 0;
    EQ(records(&world, COLUMN_VALUE), values);
    EQ(records(&world, COLUMN_NODE), values);
    EQ(records(&world, COLUMN_PRUNE), 0);
    OK(records(&world, COLUMN_HEADER) > BLOCK_MOST);
    OK(open_store(&world));
    close_world(&world);
}

TEST(how_states_are_kept_does_not_change)
{
    random_t random = {1};
    world_t world;
    OK(open_world_keeping(&random, &world, (store_keep_t){STORE_KEEP_LAST, 4}, (store_keep_t){0}));
    store_free(world.store);
    world.state = (store_keep_t){STORE_KEEP_CANONICAL, 0};
    OK(!open_store(&world));
    EQ(world.status, STORE_OTHER_PRUNING);
    world.state = (store_keep_t){STORE_KEEP_AS_MADE, 0};
    OK(open_store(&world));
    EQ(store_state_kept(world.store).kind, STORE_KEEP_LAST);
    EQ(store_state_kept(world.store).count, 4);
    store_free(world.store);
    world.state = (store_keep_t){STORE_KEEP_LAST, 2};
    world.kept  = (store_keep_t){STORE_KEEP_LAST, 9};
    OK(open_store(&world));
    EQ(store_state_kept(world.store).count, 2);
    EQ(store_blocks_kept(world.store).count, 9);
    close_world(&world);

    OK(open_world(&random, &world));
    EQ(store_state_kept(world.store).kind, STORE_KEEP_CANONICAL);
    store_free(world.store);
    world.state = (store_keep_t){STORE_KEEP_LAST, 256};
    OK(!open_store(&world));
    EQ(world.status, STORE_OTHER_PRUNING);
    world.state = (store_keep_t){STORE_KEEP_ALL, 0};
    OK(open_store(&world));
    close_world(&world);
}

TEST(what_does_not_fit_is_refused)
{
    random_t random = {1};
    world_t world;
    OK(open_world(&random, &world));
    EQ(commit(&random, &world, 0, false), STORE_OK);
    EQ(commit(&random, &world, 0, false), STORE_OK);

    changes_t none       = {0};
    hash_t nobody        = hash_of(999);
    store_block_t again  = {.hash   = world.blocks[1].hash,
                            .parent = world.blocks[0].hash,
                            .number = 1,
                            .values = &none,
                            .nodes  = &none};
    store_block_t orphan = {
        .hash = hash_of(998), .parent = nobody, .number = 2, .values = &none, .nodes = &none};
    store_block_t jump = {
        .hash = hash_of(997), .parent = world.blocks[1].hash, .number = 3, .values = &none, .nodes = &none};
    EQ(store_commit(world.store, &again), STORE_KNOWN_BLOCK);
    EQ(store_commit(world.store, &orphan), STORE_UNKNOWN_BLOCK);
    EQ(store_commit(world.store, &jump), STORE_UNKNOWN_BLOCK);
    EQ(store_genesis(world.store, &again), STORE_KNOWN_BLOCK);
    EQ(store_finalize(world.store, &nobody, (bytes_t){0}), STORE_UNKNOWN_BLOCK);
    EQ(store_finalize(world.store, &world.blocks[2].hash, BYTES("proof")), STORE_OK);
    EQ(store_finalize(world.store, &world.blocks[2].hash, BYTES("again")), STORE_OK);
    EQ(store_finalize(world.store, &world.blocks[1].hash, (bytes_t){0}), STORE_UNKNOWN_BLOCK);
    bytes_t justification;
    OK(store_justification(world.store, &world.blocks[2].hash, fresh_arena(), &justification));
    OK(bytes_equal(justification, BYTES("proof")));
    OK(!store_justification(world.store, &world.blocks[0].hash, fresh_arena(), &justification));
    close_world(&world);
}

TEST(one_process_at_a_time)
{
    random_t random = {1};
    world_t world, second;
    OK(open_world(&random, &world));
    second = world;
    OK(!open_store(&second));
    EQ(second.status, STORE_CANNOT_OPEN);
    close_world(&world);
}

TEST(small_records_are_kept)
{
    random_t random = {1};
    world_t world;
    bytes_t value;
    OK(open_world(&random, &world));
    OK(!store_meta(world.store, "round", fresh_arena(), &value));
    store_meta_put(world.store, "round", BYTES("7"));
    store_free(world.store);
    OK(open_store(&world));
    OK(store_meta(world.store, "round", fresh_arena(), &value));
    OK(bytes_equal(value, BYTES("7")));
    close_world(&world);
}

TEST_MAIN()
