/* bench_state.c - the state root of a block that changes n of N accounts, over RocksDB.
 *
 *     bench_state [ACCOUNTS ...]      100000 and 1000000 by default
 *
 * For each N a database of N accounts is made (System.Account: 80-byte keys and values), then blocks of
 * 1,000 and of 20,000 changed accounts are put on top: `cold` loads each touched node from the database,
 * `warm` is the block after it on other accounts with the same trie.  `commit` is the atomic write of the
 * block, synced, `finalize` its move into the versioned columns.  One thread. */
#define _GNU_SOURCE /* nftw */
#include "hash.h"
#include "store.h"
#include "trie.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define ARENA_SIZE (UINT32_C(3) << 30)

enum { CHUNK = 100000, KEY_LEN = 80, VALUE_LEN = 80 };

typedef struct {
    char path[64];
    store_t *store;
    uint32_t accounts, number;
    hash_t hash;
    uint64_t random;
} world_t;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static arena_t *fresh_arena(unsigned n)
{
    static arena_t arenas[2];
    if (!arenas[n].start) {
        void *room = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (room == MAP_FAILED) exit(1);
        arenas[n] = (arena_t){room, ARENA_SIZE, 0};
    }
    madvise(arenas[n].start, arenas[n].used, MADV_DONTNEED);
    arenas[n].used = 0;
    return &arenas[n];
}

static uint64_t random_next(world_t *world)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);
    z          = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z          = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* account_change makes the pair of one account: System.Account, Blake2_128Concat of its id. */
static change_t account_change(arena_t *arena, uint32_t account, uint64_t balance)
{
    uint8_t *key = arena_take(arena, KEY_LEN), *value = arena_take(arena, VALUE_LEN), *id = key + 48;
    twox_128(key, BYTES("System"));
    twox_128(key + 16, BYTES("Account"));
    hash_t hash = blake2_256((bytes_t){(const uint8_t *)&account, sizeof account});
    memcpy(id, hash.b, 32);
    blake2b(key + 32, 16, (bytes_t){id, 32});
    memcpy(value + 16, &balance, sizeof balance);
    return (change_t){
        .key = {key,   KEY_LEN  },
          .value = {value, VALUE_LEN}
    };
}

static store_status_t commit(world_t *world, const changes_t *values, const changes_t *nodes,
                             const hash_t *root)
{
    hash_t hash         = blake2_256((bytes_t){root->b, 32});
    store_block_t block = {
        .hash    = hash,
        .parent  = world->hash,
        .number  = world->number,
        .header  = {root->b, 32},
        .body    = BYTES("\0"),
        .values  = values,
        .nodes   = nodes,
        .is_best = true
    };
    store_status_t status =
        world->number ? store_commit(world->store, &block) : store_genesis(world->store, &block);
    world->hash = hash;
    world->number++;
    return status;
}

static bool fill(world_t *world)
{
    store_view_t view = {.store = world->store};
    for (uint32_t from = 0; from < world->accounts; from += CHUNK) {
        arena_t *arena = fresh_arena(0);
        changes_t set  = {arena_take(arena, CHUNK * sizeof(change_t)), 0};
        trie_t trie;
        hash_t root;
        if (world->number && !store_view(world->store, &world->hash, &view)) return false;
        kv_t nodes = store_nodes(&view);
        for (uint32_t i = from; i < from + CHUNK && i < world->accounts; i++)
            set.items[set.count++] = account_change(arena, i, 1000);
        changes_sort(&set);
        trie_init(&trie, TRIE_V1, &nodes, arena);
        trie_apply(&trie, &set);
        if (!trie_root(&trie, &root)) return false;
        changes_t node_set = trie_changes(&trie);
        bool is_first      = world->number == 0;
        if (commit(world, &set, &node_set, &root) != STORE_OK) return false;
        if (!is_first && store_finalize(world->store, &world->hash, (bytes_t){0}) != STORE_OK) return false;
    }
    return true;
}

/* one_block changes n accounts on the trie and tells how long that took. */
static bool one_block(world_t *world, trie_t *trie, uint32_t n, const char *name)
{
    arena_t *arena = fresh_arena(1);
    changes_t set  = {arena_take(arena, n * (uint32_t)sizeof(change_t)), 0};
    hash_t root;
    for (uint32_t i = 0; i < n; i++)
        set.items[set.count++] =
            account_change(arena, (uint32_t)(random_next(world) % world->accounts), random_next(world));
    changes_sort(&set);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set.count; i++)
        if (kept == 0 || !bytes_equal(set.items[kept - 1].key, set.items[i].key))
            set.items[kept++] = set.items[i];
    set.count    = kept;
    double start = now_ms();
    trie_apply(trie, &set);
    double loaded = now_ms();
    if (!trie_root(trie, &root)) return false;
    double rooted      = now_ms();
    changes_t node_set = trie_changes(trie);
    if (commit(world, &set, &node_set, &root) != STORE_OK) return false;
    double committed = now_ms();
    if (store_finalize(world->store, &world->hash, (bytes_t){0}) != STORE_OK) return false;
    printf("%8u of %8u %s  root %8.2f ms (apply %8.2f, hash %7.2f, %6u nodes)  commit %7.2f ms  finalize "
           "%7.2f ms\n",
           n, world->accounts, name, rooted - start, loaded - start, rooted - loaded, node_set.count,
           committed - rooted, now_ms() - committed);
    return true;
}

static bool measure(world_t *world, uint32_t n)
{
    store_view_t view;
    trie_t trie;
    if (!store_view(world->store, &world->hash, &view)) return false;
    kv_t nodes = store_nodes(&view);
    trie_init(&trie, TRIE_V1, &nodes, fresh_arena(0));
    if (!one_block(world, &trie, n, "cold") || !store_view(world->store, &world->hash, &view)) return false;
    return one_block(world, &trie, n, "warm");
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static bool run(uint32_t accounts)
{
    world_t world = {.path = "/tmp/trellis-bench-state-XXXXXX", .accounts = accounts, .random = 1};
    bool is_done;
    if (!mkdtemp(world.path)) return false;
    store_options_t options = {.path = world.path, .cache_mib = 128};
    double start            = now_ms();
    if (store_open(&options, &world.store) != STORE_OK) return false;
    is_done = fill(&world);
    printf("%u accounts made in %.0f ms\n", accounts, now_ms() - start);
    is_done = is_done && measure(&world, 1000) && measure(&world, 20000);
    store_free(world.store);
    nftw(world.path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return is_done;
}

int main(int argc, char **argv)
{
    bool is_done = true;
    if (argc == 1) return !(run(100000) && run(1000000));
    for (int i = 1; i < argc; i++)
        is_done = run((uint32_t)strtoul(argv[i], NULL, 10)) && is_done;
    return !is_done;
}
