/* A killed store: whatever it was told is kept is there, whole, after.
 *
 * After each kill the database must open at the last block told of, or the one after; every kept block must
 * show the state it made, and the trie's nodes must hash to the root that its values have.  Built with
 * STATES_KEPT too: then older states and bodies are let go meanwhile, and compactions are made to run. */
#define _GNU_SOURCE /* nftw */
#include "crash_support.h"
#include "store.h"
#include "trie.h"

enum { KEYS = 60, CHANGES = 8, ARENA_SIZE = 16 << 20, BLOCKS_MOST = 100000 };

#ifdef STATES_KEPT
#define OPTIONS(path_)                                                                                       \
    {                                                                                                        \
        .path = (path_), .state = {STORE_KEEP_LAST, STATES_KEPT}, .blocks = { STORE_KEEP_LAST, STATES_KEPT } \
    }
#else
#define STATES_KEPT UINT32_MAX
#define OPTIONS(path_)                                                                                       \
    {                                                                                                        \
        .path = (path_)                                                                                      \
    }
#endif

static arena_t *fresh_arena(unsigned n)
{
    static arena_t arenas[2];
    if (!arenas[n].start) arenas[n] = (arena_t){aligned_alloc(16, ARENA_SIZE), ARENA_SIZE, 0};
    arenas[n].used = 0;
    return &arenas[n];
}

static hash_t hash_of(uint32_t number)
{
    hash_t hash = {{0x42}};
    memcpy(hash.b + 28, &number, 4);
    return hash;
}

/* The state is a function of the block's number: key k holds the last block that wrote it. */
static bool writes(uint32_t number, uint32_t k)
{
    return (number * 2654435761u >> 7) % KEYS / CHANGES == k / CHANGES;
}
static uint32_t value_of(uint32_t number, uint32_t k)
{
    while (number > 0 && !writes(number, k))
        number--;
    return number;
}

static bytes_t key_of(uint32_t k, uint8_t room[20])
{
    memset(room, (int)(k * 37), 20);
    room[19] = (uint8_t)k;
    return (bytes_t){room, 20};
}

/* ------------------------------------------------------------------ the writer */

static store_status_t write_block(store_t *store, uint32_t number)
{
    static uint8_t names[KEYS][20], values[KEYS][40];
    arena_t *arena = fresh_arena(0);
    change_t items[KEYS];
    changes_t set     = {items, 0};
    hash_t parent     = number ? hash_of(number - 1) : (hash_t){{0}}, root;
    store_view_t view = {.store = store};
    trie_t trie;
    kv_memory_t none;
    kv_memory_init(&none, arena);
    if (number && !store_view(store, &parent, &view)) return STORE_UNKNOWN_BLOCK;
    kv_t nodes = number ? store_nodes(&view) : kv_memory_view(&none);
    for (uint32_t k = 0; k < KEYS; k++) {
        if (number && !writes(number, k)) continue;
        memset(values[k], (int)number, 40);
        memcpy(values[k], &number, 4);
        items[set.count++] = (change_t){
            .key = key_of(k, names[k]), .value = {values[k], 40}
        };
    }
    changes_sort(&set);
    trie_init(&trie, TRIE_V1, &nodes, arena);
    trie_apply(&trie, &set);
    if (!trie_root(&trie, &root)) return STORE_CANNOT_OPEN;
    changes_t node_set  = trie_changes(&trie);
    store_block_t block = {
        .hash    = hash_of(number),
        .parent  = parent,
        .number  = number,
        .header  = {root.b, 32},
        .body    = {root.b, 32},
        .values  = &set,
        .nodes   = &node_set,
        .is_best = true
    };
    return number ? store_commit(store, &block) : store_genesis(store, &block);
}

static int write_forever(const char *path, int told)
{
    store_options_t options = OPTIONS(path);
    store_t *store;
    if (store_open(&options, &store) != STORE_OK) return 2;
    if (store_is_empty(store) && write_block(store, 0) != STORE_OK) return 3;
    for (uint32_t number = store_best(store).number + 1; number < BLOCKS_MOST; number++) {
        hash_t final = hash_of(number - 1);
        if (write_block(store, number) != STORE_OK) return 4;
        if (write(told, "b", 1) != 1) return 5;
        if (number % 3 == 0) continue;
        if (store_finalize(store, &final, BYTES("signed")) != STORE_OK) return 6;
        if (write(told, "f", 1) != 1) return 5;
        if (STATES_KEPT != UINT32_MAX && number % 7 == 0) store_compact(store);
    }
    return 0;
}

/* ------------------------------------------------------------------ the check */

static void check_state(store_t *store, uint32_t number)
{
    hash_t hash = hash_of(number), root, built;
    store_view_t view;
    bytes_t value, header;
    uint8_t name[20];
    arena_t *arena = fresh_arena(0);
    trie_t trie;
    change_t pairs[KEYS];
    OK(store_view(store, &hash, &view));
    OK(store_header(store, &hash, arena, &header));
    kv_t values = store_values(&view), nodes = store_nodes(&view);
    bytes_t key = {0};
    for (uint32_t k = 0; k < KEYS; k++) {
        uint32_t got;
        OK(values.get(values.self, key_of(k, name), arena, &value));
        memcpy(&got, value.data, 4);
        EQ(got, value_of(number, k));
        OK(values.next(values.self, key, arena, &key));
        OK(values.get(values.self, key, arena, &value));
        pairs[k] = (change_t){.key = key, .value = value};
    }
    OK(!values.next(values.self, key, arena, &key));
    trie_init(&trie, TRIE_V1, &nodes, fresh_arena(1));
    OK(trie_root(&trie, &root));
    OK(trie_root_sorted(TRIE_V1, pairs, KEYS, fresh_arena(1), &built));
    OK(memcmp(&root, &built, 32) == 0);
    OK(memcmp(&root, header.data, 32) == 0);
}

/* Nothing is told of what was let go but its header. */
static void check_gone(store_t *store, uint32_t number)
{
    hash_t hash = hash_of(number);
    store_view_t view;
    bytes_t bytes;
    OK(!store_view(store, &hash, &view));
    OK(store_header(store, &hash, fresh_arena(0), &bytes));
    OK(number == 0 || !store_body(store, &hash, fresh_arena(0), &bytes));
}

static void check_store(const char *path, told_t *told)
{
    store_options_t options = OPTIONS(path);
    store_t *store;
    hash_t hash;
    EQ(store_open(&options, &store), STORE_OK);
    uint32_t best = store_best(store).number, finalized = store_finalized(store).number;
    OK(best >= told->best && best <= told->best + 1);
    OK(finalized >= told->finalized && finalized <= best);
    EQ(store_hash(store, best + 1, &hash), false);
    uint32_t lowest = finalized > STATES_KEPT ? finalized - STATES_KEPT : 0;
    for (uint32_t number = best > 20 ? best - 20 : 0; number <= best && !test_failed_; number++) {
        OK(store_hash(store, number, &hash));
        if (number < lowest)
            check_gone(store, number);
        else
            check_state(store, number);
    }
    if (!test_failed_ && lowest == 0) check_state(store, 0);
    *told = (told_t){best, finalized};
    store_free(store);
}

int main(int argc, char **argv) { return crash_main(argc, argv, write_forever, check_store); }
