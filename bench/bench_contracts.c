/* bench_contracts.c - what a bill costs all in: the hook, the state root, the write to the disk.
 *
 *     bench_contracts [CONTRACTS [BLOCKS [CACHE_MIB [FOLDER]]]]      10000 60 1024 by default
 *
 * A chain with that many active contracts, each billed once in 600 blocks, is written straight into a new
 * database; then a development authority makes blocks without extrinsics on it, through chain and author as
 * the node does: executed, rooted, synced, and made final by a second synced write.  Time is of both.  What
 * is searched for ahead of a block has ended before the block begins, as in the seconds between two slots; it
 * is counted by itself.  Bytes are what the process wrote to files, log, flushed tables and compactions
 * together. FOLDER, if given, keeps the database, and another run goes on with it. */
#define _GNU_SOURCE /* nftw */
#include "author.h"
#include "bench_grid.h"
#include "hash.h"
#include "keyring.h"
#include "log.h"
#include "overlay.h"
#include "runtime.h"
#include "store.h"
#include "trie.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { FREQUENCY = 600, CHUNK = 200000, SLOT_MS = 6000, FIRST_BLOCKS = 3 };

#define START_MS   (GRID_START_S * 1000)
#define ARENA_SIZE UINT32_MAX

/* Everything that state will hold, before it is sorted. */
typedef struct {
    change_t *items;
    size_t count, cap;
    uint8_t *chunk;
    size_t chunk_left;
} pairs_t;

typedef struct {
    char path[256];
    uint32_t contracts, blocks, cache_mib;
    pairs_t pairs;
    store_t *store;
    chain_t *chain;
    author_t *author;
    hash_t head;
} world_t;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* thread_ms and cpu_ms are how long this thread, and all of the process, has had a processor: what is left to
 * look at when others want it too. */
static double thread_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}
static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "bench_contracts: %s\n", what);
    exit(1);
}

static arena_t new_arena(void)
{
    void *room =
        mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) die("no memory");
    return (arena_t){room, ARENA_SIZE, 0};
}

/* ------------------------------------------------------------------ the state */

static bytes_t keep(pairs_t *pairs, bytes_t bytes)
{
    enum { BLOCK = 64 << 20 };
    if (pairs->chunk_left < bytes.len) {
        pairs->chunk      = malloc(BLOCK);
        pairs->chunk_left = BLOCK;
        if (!pairs->chunk) die("no memory");
    }
    uint8_t *copy = pairs->chunk;
    if (bytes.len) memcpy(copy, bytes.data, bytes.len);
    pairs->chunk += bytes.len;
    pairs->chunk_left -= bytes.len;
    return (bytes_t){copy, bytes.len};
}

static void pairs_add(void *self, bytes_t key, bytes_t value)
{
    pairs_t *pairs = self;
    if (pairs->count == pairs->cap) {
        pairs->cap   = pairs->cap ? 2 * pairs->cap : 1 << 20;
        pairs->items = realloc(pairs->items, pairs->cap * sizeof *pairs->items);
        if (!pairs->items) die("no memory");
    }
    pairs->items[pairs->count++] = (change_t){.key = keep(pairs, key), .value = keep(pairs, value)};
}

static bool nothing(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)self, (void)key, (void)arena, (void)value;
    return false;
}
static bool overlay_host_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)arena;
    return overlay_get(self, key, value);
}
static void overlay_host_put(void *self, bytes_t key, bytes_t value) { overlay_put(self, key, value); }
static void overlay_host_remove(void *self, bytes_t key) { overlay_remove(self, key); }
static void overlay_host_append(void *self, bytes_t key, uint32_t count, bytes_t items)
{
    overlay_append(self, key, count, items);
}
static void overlay_host_begin(void *self) { overlay_begin(self); }
static void overlay_host_end(void *self, bool is_kept) { overlay_end(self, is_kept); }

/* put_genesis writes what the development chain begins with; *issuance is of that. */
static void put_genesis(pairs_t *pairs, void *memory, u128_t *issuance)
{
    const kv_t none = {.get = nothing, .next = nothing};
    arena_t arena   = new_arena();
    overlay_t overlay;
    const host_t host = {.state  = &overlay,
                         .get    = overlay_host_get,
                         .put    = overlay_host_put,
                         .remove = overlay_host_remove,
                         .append = overlay_host_append,
                         .begin  = overlay_host_begin,
                         .end    = overlay_host_end};
    genesis_t genesis;
    changes_t changes;
    rt_t rt;
    overlay_init(&overlay, &none, &arena, 1);
    rt_start(&rt, &host, memory, RUNTIME_MEMORY);
    runtime_genesis_dev(&genesis);
    runtime_genesis_build(&rt, &genesis);
    timestamp_now_put(&rt, START_MS);
    system_number_put(&rt, UINT32_MAX); /* put_number has the true one */
    *issuance = balances_total_issuance_get(&rt);
    if (rt.fault || !overlay_changes(&overlay, &arena, &changes)) die("no genesis");
    for (uint32_t i = 0; i < changes.count; i++)
        pairs_add(pairs, changes.items[i].key, changes.items[i].value);
    munmap(arena.start, ARENA_SIZE);
}

static int by_key(const void *a, const void *b)
{
    return bytes_compare(((const change_t *)a)->key, ((const change_t *)b)->key);
}

/* Of two puts of a key the later one counts: sorting keeps them side by side, and values tell nothing of
 * order, so the grid's own keys are taken out of genesis first. */
static void make_state(world_t *world)
{
    pairs_t *pairs = &world->pairs, first = {0};
    void *memory = malloc(RUNTIME_MEMORY);
    u128_t issuance;
    rt_t rt;
    if (!memory) die("no memory");
    put_genesis(&first, memory, &issuance);
    const host_t host = {.state = pairs, .get = nothing, .put = pairs_add};
    rt_start(&rt, &host, memory, RUNTIME_MEMORY);
    grid_put(&rt, world->contracts, FREQUENCY);
    if (rt.fault) die(rt.fault);
    qsort(pairs->items, pairs->count, sizeof *pairs->items, by_key);
    const size_t grid_count = pairs->count;
    for (size_t i = 0; i < first.count; i++)
        if (!bsearch(&first.items[i], pairs->items, grid_count, sizeof *pairs->items, by_key))
            pairs_add(pairs, first.items[i].key, first.items[i].value);
    qsort(pairs->items, pairs->count, sizeof *pairs->items, by_key);
    free(first.items);
    free(memory);
}

/* put_number lets state know the number of the block that completes it. */
static void put_number(const pairs_t *pairs, uint32_t number)
{
    uint8_t key[32], value[4];
    const change_t wanted = {
        .key = {key, sizeof key}
    };
    scale_writer_t w = scale_writer(value, sizeof value);
    twox_128(key, BYTES("System"));
    twox_128(key + 16, BYTES("Number"));
    change_t *found = bsearch(&wanted, pairs->items, pairs->count, sizeof *pairs->items, by_key);
    if (!found || found->value.len != sizeof value) die("no number");
    scale_put_u32(&w, number);
    found->value = (bytes_t){memcpy(malloc(sizeof value), value, sizeof value), sizeof value};
}

/* put_chunk writes a part of state as a block; its number counts the parts. */
static void put_chunk(world_t *world, changes_t part, uint32_t number, arena_t *arena)
{
    uint8_t room[256], slot[8];
    store_view_t view = {.store = world->store};
    header_t header   = {.parent_hash = world->head, .number = number, .extrinsics_root = trie_empty_root()};
    trie_t trie;
    if (number > 0 && !store_view(world->store, &world->head, &view)) die("no view");
    const kv_t nodes = store_nodes(&view);
    madvise(arena->start, arena->used, MADV_DONTNEED);
    arena->used = 0;
    trie_init(&trie, TRIE_V1, &nodes, arena);
    trie_apply(&trie, &part);
    if (!trie_root(&trie, &header.state_root)) die("no root");
    const changes_t changed = trie_changes(&trie);
    scale_writer_t s = scale_writer(slot, sizeof slot), w = scale_writer(room, sizeof room);
    scale_put_u64(&s, START_MS / SLOT_MS);
    if (number > 0) {
        header.digest[0] = (digest_item_t){
            DIGEST_PRE_RUNTIME, {'a',  'u', 'r', 'a'},
             {slot, sizeof slot   }
        };
        header.digest_count = 1;
    }
    header_encode(&w, &header);
    store_block_t block = {.hash    = blake2_256(scale_written(&w)),
                           .parent  = world->head,
                           .number  = number,
                           .header  = scale_written(&w),
                           .body    = BYTES("\0"),
                           .values  = &part,
                           .nodes   = &changed,
                           .is_best = true};
    store_status_t status =
        number > 0 ? store_commit(world->store, &block) : store_genesis(world->store, &block);
    if (status == STORE_OK && number > 0) status = store_finalize(world->store, &block.hash, (bytes_t){0});
    if (status != STORE_OK) die(store_status_text(status));
    world->head = block.hash;
}

static void make_database(world_t *world)
{
    const store_options_t options = {.path = world->path, .is_unsynced = true, .cache_mib = 256};
    const double start            = now_ms();
    arena_t arena                 = new_arena();
    uint32_t number               = 0;
    if (store_open(&options, &world->store) != STORE_OK) die("no database");
    make_state(world);
    put_number(&world->pairs, (uint32_t)((world->pairs.count - 1) / CHUNK));
    printf("%u contracts, %zu keys", world->contracts, world->pairs.count);
    for (size_t at = 0; at < world->pairs.count; at += CHUNK) {
        const size_t left = world->pairs.count - at;
        put_chunk(world, (changes_t){world->pairs.items + at, (uint32_t)(left < CHUNK ? left : CHUNK)},
                  number++, &arena);
    }
    store_compact(world->store);
    store_free(world->store);
    munmap(arena.start, ARENA_SIZE);
    free(world->pairs.items); /* what keys and values stand in goes with the process */
    printf(", made in %.0f s\n", (now_ms() - start) / 1e3);
}

/* ------------------------------------------------------------------ blocks */

/* file_bytes is what this process has written to files so far. */
static uint64_t file_bytes(void)
{
    unsigned long long written = 0;
    char line[128];
    FILE *file = fopen("/proc/self/io", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "wchar: %llu", &written) == 1) break;
    if (file) (void)fclose(file);
    return written;
}

typedef struct {
    uint64_t now_s;
    uint32_t due, billed;
} counted_t;

/* count_bills looks how many of a block's contracts it billed. */
static void count_bills(void *self, rt_t *rt)
{
    counted_t *counted = self;
    u64_vec_t list;
    smart_contract_contracts_to_bill_at_get(rt, system_number_get(rt) % FREQUENCY, &list);
    for (uint32_t i = 0; i < list.len; i++) {
        smart_contract_contract_payment_state_t payment = {0};
        counted->billed += smart_contract_contract_payment_state_get(rt, list.items[i], &payment) &&
                           payment.last_updated_seconds * 1000 == timestamp_now_get(rt);
    }
    counted->due += list.len;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What a block without bills takes. */
typedef struct {
    double clock_ms, processor_ms;
} empty_t;

/* make_blocks makes and measures them.  empty, of a block without bills, is taken off what a bill costs in
 * the second figure; it is the result where there are none. */
static empty_t make_blocks(world_t *world, empty_t empty)
{
    double *took = calloc(world->blocks, sizeof *took), executed = 0, sum = 0, cpu = 0, thread = 0, ahead = 0;
    double *worked    = calloc(world->blocks, sizeof *worked);
    counted_t counted = {0}, ignored = {0};
    uint64_t written = 0;
    if (!took || !worked) die("no memory");
    for (uint32_t i = 0; i < FIRST_BLOCKS + world->blocks; i++) {
        chain_point_t block;
        if (i == FIRST_BLOCKS) written = file_bytes();
        const double start = now_ms(), cpu_start = cpu_ms(), thread_start = thread_ms();
        if (author_create(world->author, START_MS, true, NULL, &block) != AUTHOR_OK) die("no block");
        const double made = now_ms();
        if (chain_finalize(world->chain, &block.hash, (bytes_t){0}) != CHAIN_OK) die("not final");
        const double done = now_ms();
        if (i >= FIRST_BLOCKS) {
            took[i - FIRST_BLOCKS] = done - start;
            executed += made - start;
            sum += done - start;
            cpu += cpu_ms() - cpu_start;
            thread += worked[i - FIRST_BLOCKS] = thread_ms() - thread_start;
        }
        const double wait_start = cpu_ms();
        chain_ahead_wait(world->chain);
        if (i >= FIRST_BLOCKS) ahead += cpu_ms() - wait_start;
        if (chain_run(world->chain, NULL, count_bills, i < FIRST_BLOCKS ? &ignored : &counted) != CHAIN_OK)
            die("no count");
    }
    written = file_bytes() - written;
    if (counted.billed != counted.due) die("a contract was not billed");
    qsort(took, world->blocks, sizeof *took, ascending);
    double median = took[world->blocks / 2], worst = took[world->blocks - 1], bills = counted.billed;
    qsort(worked, world->blocks, sizeof *worked, ascending);
    const double usual = worked[world->blocks / 2];
    free(took);
    free(worked);
    if (counted.billed == 0) return (empty_t){median, thread / world->blocks};
    printf("  %u bills in %u blocks of %u: block median %.1f ms, worst %.1f ms\n", counted.billed,
           world->blocks, counted.billed / world->blocks, median, worst);
    printf("  a bill all in %.1f us: %.1f until its block is kept, %.1f until it is final; "
           "processor %.1f (median block %.1f), compactions %.1f; ahead of its block %.1f\n",
           sum * 1e3 / bills, executed * 1e3 / bills, (sum - executed) * 1e3 / bills, thread * 1e3 / bills,
           usual * 1e3 * world->blocks / bills, (cpu - thread) * 1e3 / bills, ahead * 1e3 / bills);
    printf("  a bill without the cost of an empty block %.1f us, processor %.1f; %.0f bytes written a bill\n",
           (sum - empty.clock_ms * world->blocks) * 1e3 / bills,
           (thread - empty.processor_ms * world->blocks) * 1e3 / bills, (double)written / bills);
    return empty;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

/* run makes a chain with so many contracts, or takes the one in `folder`, and makes blocks on it. */
static empty_t run(const world_t *wish, uint32_t contracts, const char *folder, empty_t empty)
{
    static world_t world;
    world           = *wish;
    world.contracts = contracts;
    snprintf(world.path, sizeof world.path, "%s", folder ? folder : "/tmp/bench_contracts_XXXXXX");
    if (!folder && !mkdtemp(world.path)) die("no folder");
    if (!folder || mkdir(folder, 0755) == 0) make_database(&world);
    const chain_options_t options = {.path = world.path, .cache_mib = world.cache_mib};
    author_options_t author       = {.sealing = SEALING_MANUAL};
    keypair_t alice;
    if (key_from_suri("//Alice", KEY_SR25519, &alice) != KEY_OK) die("no key");
    author.pair = alice.sr25519;
    if (chain_open(&options, &world.chain) != CHAIN_OK) die("no chain");
    world.author = author_new(world.chain, &author);
    empty        = make_blocks(&world, empty);
    author_free(world.author);
    chain_free(world.chain);
    if (!folder) nftw(world.path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return empty;
}

int main(int argc, char **argv)
{
    world_t wish       = {.blocks = 60, .cache_mib = 1024};
    uint32_t contracts = 10000;
    if (argc > 1) contracts = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2) wish.blocks = (uint32_t)strtoul(argv[2], NULL, 10);
    if (argc > 3) wish.cache_mib = (uint32_t)strtoul(argv[3], NULL, 10);
    if (!crypto_init() || contracts < FREQUENCY || wish.blocks == 0 || !log_filter("error")) return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    const empty_t empty = run(&wish, 0, NULL, (empty_t){0});
    printf("a block without bills: %.1f ms, processor %.1f ms\n", empty.clock_ms, empty.processor_ms);
    run(&wish, contracts, argc > 4 ? argv[4] : NULL, empty);
    return 0;
}
