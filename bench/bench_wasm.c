/* bench_wasm.c - the native half of bench_wasm.mjs: blocks of a few kinds, told as a stream, and what each
 * costs.
 *
 *     node bench/bench_wasm.mjs [BUILD/bench/bench_wasm]
 *
 * Each kind is a development chain of its own: blocks without extrinsics, with 100 signed transfers, with so
 * many bills.  They are made first, and written to standard output for the other half (twin_stream.h).  Then
 * the chain is opened again, so that no signature is known, and each block is executed once more on its
 * parent's state in the database, rooted, and dropped (chain_check): once with every signature to verify,
 * then with all known. Standard error has a line for each block: kind, number, microseconds of processor of
 * both. */
#define _GNU_SOURCE /* nftw */
#include "author.h"
#include "bench_grid.h"
#include "blob.h"
#include "chain.h"
#include "extrinsic.h"
#include "log.h"
#include "runtime.h"
#include "runtime_version.h"
#include "twin_stream.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SENDERS = 100, EXTRINSIC_CAP = 512, FREQUENCY = 10, AGAIN = 5 };
#define START_MS (GRID_START_S * 1000)
#define FUNDS    ((u128_t)1000 * 10000000)

typedef struct {
    const char *name;
    uint32_t transfers, contracts, blocks;
} kind_t;
static const kind_t kinds[] = {
    {"empty",         0,       0,     20},
    {"100_transfers", SENDERS, 0,     20},
    {"100_bills",     0,       1000,  20},
    {"1667_bills",    0,       16670, 8 },
};

typedef struct {
    const kind_t *kind;
    keypair_t senders[SENDERS];
    chain_t *chain;
    uint32_t nonce, next;
    uint8_t extrinsic[EXTRINSIC_CAP];
} world_t;

static void die(const char *what)
{
    fprintf(stderr, "bench_wasm: %s\n", what);
    exit(1);
}

static bool build_genesis(void *self, const host_t *host)
{
    world_t *world = self;
    static genesis_balance_t balances[SENDERS];
    void *memory = malloc(RUNTIME_MEMORY);
    genesis_t genesis;
    rt_t rt;
    runtime_genesis_dev(&genesis);
    for (uint32_t i = 0; i < SENDERS; i++)
        balances[i] = (genesis_balance_t){world->senders[i].account, FUNDS};
    genesis.code          = runtime_blob();
    genesis.balances      = balances;
    genesis.balance_count = SENDERS;
    rt_start(&rt, host, memory, RUNTIME_MEMORY);
    runtime_genesis_build(&rt, &genesis);
    if (world->kind->contracts > 0) {
        grid_put(&rt, world->kind->contracts, FREQUENCY);
        timestamp_now_put(&rt, START_MS);
    }
    free(memory);
    return !rt.fault;
}

/* ---- the pool of this program: each sender sends to the next ---- */

static void source_start(void *self) { ((world_t *)self)->next = 0; }
static void source_end(void *self) { ((world_t *)self)->nonce++; }
static uint32_t source_ready(void *self) { return ((world_t *)self)->kind->transfers; }
static void source_refused(void *self, bytes_t validity)
{
    (void)self, (void)validity;
    die("a transfer is refused");
}
static bool source_next(void *self, bytes_t *extrinsic)
{
    world_t *world = self;
    if (world->next == world->kind->transfers) return false;
    uint8_t room[64];
    const hash_t genesis                     = chain_genesis(world->chain).hash;
    scale_writer_t call                      = scale_writer(room, sizeof room),
                   out                       = scale_writer(world->extrinsic, EXTRINSIC_CAP);
    balances_transfer_keep_alive_args_t args = {.dest  = {.kind = SUPPORT_MULTI_ADDRESS_ID},
                                                .value = 10000000};
    args.dest.id                             = world->senders[(world->next + 1) % SENDERS].account;
    balances_transfer_keep_alive_call_encode(&call, &args);
    const extrinsic_terms_t terms = {.spec_version        = RUNTIME_SPEC_VERSION,
                                     .transaction_version = RUNTIME_TRANSACTION_VERSION,
                                     .nonce               = world->nonce,
                                     .genesis             = genesis,
                                     .birth               = genesis};
    if (!extrinsic_sign(&world->senders[world->next++], scale_written(&call), &terms, &out)) die("no room");
    *extrinsic = scale_written(&out);
    return true;
}

/* ---- both halves ---- */

static void open_chain(world_t *world, const char *path)
{
    const chain_options_t options = {
        .path = path, .is_unsynced = true, .cache_mib = 256, .genesis = build_genesis, .genesis_self = world};
    const chain_status_t status = chain_open(&options, &world->chain);
    if (status != CHAIN_OK) die(chain_status_text(status));
}

static void make_blocks(world_t *world)
{
    keypair_t alice;
    twin_stream_t stream;
    if (key_from_suri("//Alice", KEY_SR25519, &alice) != KEY_OK) die("no key");
    const author_options_t options = {
        .sealing = SEALING_MANUAL,
        .pair    = alice.sr25519,
        .source  = {world, source_start, source_next, source_refused, source_end, source_ready}
    };
    author_t *author = author_new(world->chain, &options);
    twin_stream_start(&stream, world->chain);
    for (uint32_t i = 0; i < world->kind->blocks; i++) {
        chain_point_t block;
        if (author_create(author, START_MS, true, NULL, &block) != AUTHOR_OK) die("no block");
    }
    twin_stream_end(&stream);
    author_free(author);
}

static double check_us(world_t *world, const hash_t *hash)
{
    struct timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    if (chain_check(world->chain, hash) != CHAIN_OK) die("a block is not true");
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

static void check_blocks(world_t *world)
{
    for (uint32_t number = 1; number <= world->kind->blocks; number++) {
        hash_t hash;
        if (!chain_hash(world->chain, number, &hash)) die("a block is gone");
        const double first = check_us(world, &hash);
        double best        = first;
        for (uint32_t i = 0; i < AGAIN; i++) {
            const double took = check_us(world, &hash);
            if (took < best) best = took;
        }
        fprintf(stderr, "%s %u %.0f %.0f\n", world->kind->name, number, first, best);
    }
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void measure(world_t *world)
{
    char path[] = "/tmp/bench_wasm_XXXXXX";
    if (!mkdtemp(path)) die("no folder");
    open_chain(world, path);
    make_blocks(world);
    chain_free(world->chain);
    open_chain(world, path);
    check_blocks(world);
    chain_free(world->chain);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    static world_t world;
    if (!crypto_init() || !log_filter("error")) return 1;
    for (uint32_t i = 0; i < SENDERS; i++) {
        char suri[32];
        snprintf(suri, sizeof suri, "//sender//%u", i);
        if (key_from_suri(suri, KEY_SR25519, &world.senders[i]) != KEY_OK) return 1;
    }
    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        world.kind  = &kinds[i];
        world.nonce = 0;
        measure(&world);
    }
    return fflush(stdout) != 0;
}
