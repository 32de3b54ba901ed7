/* bench_transfers.c - signed extrinsics executed, rooted and committed, beside verifying their signatures.
 *
 *     bench_transfers [ACCOUNTS [A_BLOCK [BLOCKS [CONTRACTS_A_BLOCK]]]]      20000 5000 3 1000 by default
 *
 * A development chain with that many further accounts, each with a twin, is made in a new folder.  Two kinds
 * of block: balances.transfer_keep_alive from one account to another, and create_node_contract, of which a
 * block's weight takes about a thousand; all signed beforehand.  `verify` checks the same signatures alone,
 * `cold` is blocks whose signatures are checked in the block, `warm` blocks of what the pool has checked
 * before.  Each block is written, synced, and its state root computed.  One thread. */
#define _GNU_SOURCE /* nftw */
#include "author.h"
#include "bench_grid.h"
#include "chain.h"
#include "crypto.h"
#include "hash.h"
#include "log.h"
#include "runtime.h"
#include "runtime_version.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXTRINSIC_CAP = 320, PAYLOAD_CAP = 256, FIRST_TWIN = 100000 };
#define FUNDS    ((u128_t)1000 * 10000000)
#define AMOUNT   ((u128_t)10000000)
#define START_MS UINT64_C(1700000000000)

typedef struct {
    uint8_t bytes[EXTRINSIC_CAP];
    uint32_t len;
} extrinsic_bytes_t;
typedef struct {
    uint8_t bytes[PAYLOAD_CAP];
    uint32_t len;
    signature_t signature;
    account_id_t who;
} signed_t;

typedef struct {
    uint32_t accounts, a_block, blocks;
    sr25519_pair_t *pairs;
    uint32_t *nonces;
    chain_t *chain;
    author_t *author;
    const extrinsic_bytes_t *next, *end;
    uint32_t refused;
} world_t;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A rate by the clock, and by the time that this thread had a processor: where others want it too, and a sync
 * waits for the disk, they differ. */
typedef struct {
    double clock, processor;
} rate_t;

static double processor_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *room_for(size_t count, size_t size)
{
    void *room = calloc(count, size);
    if (!room) abort();
    return room;
}

static bool build_genesis(void *self, const host_t *host)
{
    world_t *world              = self;
    genesis_balance_t *balances = room_for(world->accounts, sizeof *balances);
    void *memory                = room_for(1, RUNTIME_MEMORY);
    genesis_t genesis;
    rt_t rt;
    runtime_genesis_dev(&genesis);
    for (uint32_t i = 0; i < world->accounts; i++) {
        memcpy(balances[i].who.b, world->pairs[i].public_key, 32);
        balances[i].amount = FUNDS;
    }
    genesis.balances      = balances;
    genesis.balance_count = world->accounts;
    rt_start(&rt, host, memory, RUNTIME_MEMORY);
    runtime_genesis_build(&rt, &genesis);
    grid_put(&rt, 0, 600);
    for (uint32_t i = 0; i < world->accounts; i++) {
        account_id_t who;
        memcpy(who.b, world->pairs[i].public_key, 32);
        const tfgrid_twin_t twin = {.id = FIRST_TWIN + i, .account_id = who};
        tfgrid_twins_put(&rt, twin.id, &twin);
        tfgrid_twin_id_by_account_id_put(&rt, &who, twin.id);
    }
    free(balances);
    free(memory);
    return !rt.fault;
}

static uint32_t write_transfer(const world_t *world, uint32_t from, uint8_t *call, uint32_t cap)
{
    scale_writer_t w                         = scale_writer(call, cap);
    balances_transfer_keep_alive_args_t args = {.dest = {.kind = SUPPORT_MULTI_ADDRESS_ID}, .value = AMOUNT};
    memcpy(args.dest.id.b, world->pairs[(from + 1) % world->accounts].public_key, 32);
    balances_transfer_keep_alive_call_encode(&w, &args);
    return w.len;
}

/* Each contract has a hash of its own, on one of the grid's nodes. */
static uint32_t write_contract(const world_t *world, uint32_t from, uint8_t *call, uint32_t cap)
{
    static const uint8_t data[64];
    scale_writer_t w                                = scale_writer(call, cap);
    smart_contract_create_node_contract_args_t args = {
        .node_id = from % GRID_NODES + 1, .deployment_data = {data, sizeof data}
    };
    memcpy(args.deployment_hash.b, &from, sizeof from);
    memcpy(args.deployment_hash.b + 4, &world->nonces[from], sizeof world->nonces[from]);
    smart_contract_create_node_contract_call_encode(&w, &args);
    return w.len;
}

typedef uint32_t (*write_call_t)(const world_t *world, uint32_t from, uint8_t *call, uint32_t cap);

/* make_signed signs a call of account `from`; *payload keeps what was signed. */
static void make_signed(world_t *world, write_call_t write, uint32_t from, extrinsic_bytes_t *x,
                        signed_t *payload)
{
    hash_t genesis = chain_genesis(world->chain).hash;
    uint8_t call[160], extra[16], inner[EXTRINSIC_CAP];
    scale_writer_t c = scale_writer(call, sizeof call), e = scale_writer(extra, sizeof extra);
    c.len = write(world, from, call, sizeof call);
    scale_put_u8(&e, 0);
    scale_put_compact(&e, world->nonces[from]++);
    scale_put_compact(&e, 0);

    scale_writer_t p = scale_writer(payload->bytes, sizeof payload->bytes);
    scale_put_raw(&p, call, c.len);
    scale_put_raw(&p, extra, e.len);
    scale_put_u32(&p, RUNTIME_SPEC_VERSION);
    scale_put_u32(&p, RUNTIME_TRANSACTION_VERSION);
    scale_put_hash(&p, &genesis);
    scale_put_hash(&p, &genesis);
    payload->len            = p.len;
    payload->signature.kind = KEY_SR25519;
    memcpy(payload->who.b, world->pairs[from].public_key, 32);
    sr25519_sign(&world->pairs[from], scale_written(&p), payload->signature.b);

    scale_writer_t w = scale_writer(inner, sizeof inner);
    scale_put_u8(&w, 0x84);
    scale_put_u8(&w, 0);
    scale_put_raw(&w, payload->who.b, 32);
    scale_put_u8(&w, KEY_SR25519);
    scale_put_raw(&w, payload->signature.b, 64);
    scale_put_raw(&w, extra, e.len);
    scale_put_raw(&w, call, c.len);
    scale_writer_t out = scale_writer(x->bytes, sizeof x->bytes);
    scale_put_bytes(&out, scale_written(&w));
    x->len = out.len;
    if (out.failed || w.failed || p.failed) abort();
}

/* ---- the pool of this program: an array ---- */

static void source_start(void *self) { (void)self; }
static void source_end(void *self) { (void)self; }
static bool source_next(void *self, bytes_t *extrinsic)
{
    world_t *world = self;
    if (world->next == world->end) return false;
    *extrinsic = (bytes_t){world->next->bytes, world->next->len};
    world->next++;
    return true;
}
static void source_refused(void *self, bytes_t validity)
{
    (void)validity;
    ((world_t *)self)->refused++;
}
static uint32_t source_ready(void *self)
{
    const world_t *world = self;
    return (uint32_t)(world->end - world->next);
}

static void validate_all(void *self, rt_t *rt)
{
    world_t *world = self;
    hash_t best    = chain_best(world->chain).hash;
    for (const extrinsic_bytes_t *x = world->next; x < world->end; x++) {
        transaction_t transaction;
        uint32_t used = rt->arena.used;
        if (runtime_validate(rt, SOURCE_EXTERNAL, (bytes_t){x->bytes, x->len}, &best, &transaction) != VALID)
            world->refused++;
        rt->arena.used = used;
    }
}

/* run_blocks makes the blocks of one round; the result is extrinsics a second. */
static rate_t run_blocks(world_t *world, const extrinsic_bytes_t *all, bool is_checked_before)
{
    rate_t spent = {0};
    for (uint32_t i = 0; i < world->blocks; i++) {
        chain_point_t block;
        world->next = all + (size_t)i * world->a_block;
        world->end  = world->next + world->a_block;
        if (is_checked_before && chain_run(world->chain, NULL, validate_all, world) != CHAIN_OK) abort();
        double start = now_s(), processor = processor_s();
        author_status_t status = author_create(world->author, START_MS, false, NULL, &block);
        spent.clock += now_s() - start;
        spent.processor += processor_s() - processor;
        if (status != AUTHOR_OK || world->refused > 0) {
            fprintf(stderr, "bench_transfers: %s, %u refused\n", author_status_text(status), world->refused);
            exit(1);
        }
    }
    double count = (double)world->blocks * world->a_block;
    return (rate_t){count / spent.clock, count / spent.processor};
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void make_accounts(world_t *world)
{
    world->pairs = room_for(world->accounts, sizeof *world->pairs);
    for (uint32_t i = 0; i < world->accounts; i++) {
        uint8_t seed[32] = {1};
        memcpy(seed + 8, &i, sizeof i);
        sr25519_from_seed(seed, &world->pairs[i]);
    }
}

static void open_chain(world_t *world, const char *path)
{
    chain_options_t options = {.path = path, .genesis = build_genesis, .genesis_self = world};
    if (chain_open(&options, &world->chain) != CHAIN_OK) abort();
    author_options_t author = {
        .sealing = SEALING_MANUAL,
        .source  = {world, source_start, source_next, source_refused, source_end, source_ready},
    };
    uint8_t alice[32] = {0xe5, 0xbe, 0x9a, 0x50, 0x92, 0xb8, 0x1b, 0xca, 0x64, 0xbe, 0x81,
                         0xd2, 0x12, 0xe7, 0xf2, 0xf9, 0xeb, 0xa1, 0x83, 0xbb, 0x7a, 0x90,
                         0x95, 0x4f, 0x7b, 0x76, 0x36, 0x1f, 0x6e, 0xdb, 0x5c, 0x0a};
    sr25519_from_seed(alice, &author.pair);
    world->author = author_new(world->chain, &author);
}

static rate_t verify_rate(const signed_t *all, uint32_t count)
{
    double start = now_s(), processor = processor_s();
    for (uint32_t i = 0; i < count; i++)
        if (!crypto_verify(&all[i].signature, &all[i].who, (bytes_t){all[i].bytes, all[i].len})) abort();
    return (rate_t){count / (now_s() - start), count / (processor_s() - processor)};
}

static void tell(const char *what, rate_t rate, rate_t verified)
{
    printf("  %-36s %9.0f  %.2f   %9.0f  %.2f\n", what, rate.clock, rate.clock / verified.clock,
           rate.processor, rate.processor / verified.processor);
}

/* measure makes blocks of one kind of call and tells its three rates. */
static void measure(world_t *world, const char *of, write_call_t write)
{
    uint32_t count          = world->a_block * world->blocks;
    extrinsic_bytes_t *cold = room_for(count, sizeof *cold), *warm = room_for(count, sizeof *warm);
    signed_t *payloads = room_for(count, sizeof *payloads);
    for (uint32_t i = 0; i < count; i++)
        make_signed(world, write, i % world->accounts, &cold[i], &payloads[i]);
    rate_t verified = verify_rate(payloads, count);
    rate_t in_block = run_blocks(world, cold, false);
    for (uint32_t i = 0; i < count; i++)
        make_signed(world, write, i % world->accounts, &warm[i], &payloads[i]);
    rate_t checked = run_blocks(world, warm, true);

    printf("%u blocks of %u %s, %u accounts, one core: a second by the clock, by processor time\n",
           world->blocks, world->a_block, of, world->accounts);
    tell("verify alone", verified, verified);
    tell("blocks, signatures checked in block", in_block, verified);
    tell("blocks, signatures checked before", checked, verified);
    free(cold), free(warm), free(payloads);
}

static void count_contracts(void *self, rt_t *rt) { *(uint64_t *)self = smart_contract_contract_id_get(rt); }

int main(int argc, char **argv)
{
    static world_t world     = {.accounts = 20000, .a_block = 5000, .blocks = 3};
    uint32_t contracts_block = 1000;
    uint64_t contracts       = 0;
    if (argc > 1) world.accounts = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2) world.a_block = (uint32_t)strtoul(argv[2], NULL, 10);
    if (argc > 3) world.blocks = (uint32_t)strtoul(argv[3], NULL, 10);
    if (argc > 4) contracts_block = (uint32_t)strtoul(argv[4], NULL, 10);
    char path[] = "/tmp/bench_transfers_XXXXXX";
    if (!crypto_init() || !log_filter("error") || world.accounts < 2 || world.a_block == 0 ||
        world.blocks == 0 || contracts_block == 0 || !mkdtemp(path))
        return 1;
    world.nonces = room_for(world.accounts, sizeof *world.nonces);
    make_accounts(&world);
    open_chain(&world, path);
    measure(&world, "transfers", write_transfer);
    world.a_block = contracts_block;
    measure(&world, "create_node_contract", write_contract);
    if (chain_run(world.chain, NULL, count_contracts, &contracts) != CHAIN_OK ||
        contracts != 2 * (uint64_t)world.blocks * world.a_block)
        fprintf(stderr, "bench_transfers: %llu contracts came to be\n", (unsigned long long)contracts);
    author_free(world.author);
    chain_free(world.chain);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(world.pairs), free(world.nonces);
    return 0;
}
