/* chain_support.h - a dev chain in a temporary folder, keys, and signed transfers, for the tests of node. */
#ifndef CHAIN_SUPPORT_H
#define CHAIN_SUPPORT_H
#include "author.h"
#include "chain.h"
#include "crypto.h"
#include "hash.h"
#include "keyring.h"
#include "log.h"
#include "runtime.h"
#include "scale.h"
#include "test.h"
#include "trie.h"

#include <ftw.h>
#include <unistd.h>

enum { POOL_MOST = 4096, EXTRINSIC_MOST = 256 };

/* A pool that is a list. */
typedef struct {
    uint8_t bytes[POOL_MOST][EXTRINSIC_MOST];
    uint32_t lens[POOL_MOST];
    uint32_t count, at, refused;
} list_pool_t;

typedef struct {
    char path[64];
    chain_t *chain;
    author_t *author;
    list_pool_t *pool;
    keypair_t alice, bob, voter;
    uint64_t slot_ms;
    bytes_t code; /* of genesis; set it between world_path and world_open */
    bool is_synced, is_trial;
    chain_keep_t state, blocks;
} world_t;

static inline arena_t *fresh_arena(unsigned n)
{
    enum { SIZE = 32 << 20 };
    static arena_t arenas[3];
    if (!arenas[n].start) arenas[n] = (arena_t){aligned_alloc(16, SIZE), SIZE, 0};
    arenas[n].used = 0;
    return &arenas[n];
}

/* ------------------------------------------------------------------ pool */

static void pool_start(void *self) { ((list_pool_t *)self)->at = 0; }
static bool pool_next(void *self, bytes_t *extrinsic)
{
    list_pool_t *pool = self;
    if (pool->at == pool->count) return false;
    *extrinsic = (bytes_t){pool->bytes[pool->at], pool->lens[pool->at]};
    pool->at++;
    return true;
}
static void pool_refused(void *self, bytes_t validity)
{
    (void)validity;
    ((list_pool_t *)self)->refused++;
}
static void pool_end(void *self) { (void)self; }
static uint32_t pool_ready(void *self) { return ((list_pool_t *)self)->count; }

/* ------------------------------------------------------------------ world */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static bool dev_genesis(void *self, const host_t *host)
{
    static _Alignas(16) uint8_t memory[RUNTIME_QUERY_MEMORY];
    genesis_t genesis;
    rt_t rt;
    rt_start(&rt, host, memory, sizeof memory);
    runtime_genesis_dev(&genesis);
    genesis.slot_duration_ms = ((const world_t *)self)->slot_ms;
    genesis.code             = ((const world_t *)self)->code;
    runtime_genesis_build(&rt, &genesis);
    return !rt.fault;
}

static inline chain_status_t world_open(world_t *world)
{
    chain_options_t options = {.path         = world->path,
                               .state        = world->state,
                               .blocks       = world->blocks,
                               .is_trial     = world->is_trial,
                               .is_unsynced  = !world->is_synced,
                               .genesis      = dev_genesis,
                               .genesis_self = world};
    return chain_open(&options, &world->chain);
}

/* world_source is where authors take extrinsics from: world->pool. */
static inline author_source_t world_source(world_t *world)
{
    return (author_source_t){.self        = world->pool,
                             .start       = pool_start,
                             .next        = pool_next,
                             .refused     = pool_refused,
                             .end         = pool_end,
                             .ready_count = pool_ready};
}

/* world_equip gives an open chain keys, and an author that seals instantly and takes from world->pool. */
static inline bool world_equip(world_t *world)
{
    if (!crypto_init() || !log_filter("error")) return false;
    if (key_from_suri("//Alice", KEY_SR25519, &world->alice) != KEY_OK) return false;
    if (key_from_suri("//Bob", KEY_SR25519, &world->bob) != KEY_OK) return false;
    if (key_from_suri("//Alice", KEY_ED25519, &world->voter) != KEY_OK) return false;
    world->pool              = calloc(1, sizeof *world->pool);
    author_options_t options = {
        .sealing = SEALING_INSTANT, .pair = world->alice.sr25519, .source = world_source(world)};
    world->author = author_new(world->chain, &options);
    return true;
}

/* world_path makes a new folder for a chain. */
static inline bool world_path(world_t *world, uint64_t slot_ms)
{
    memset(world, 0, sizeof *world);
    world->slot_ms = slot_ms;
    snprintf(world->path, sizeof world->path, "/tmp/trellis-chain-XXXXXX");
    return mkdtemp(world->path) != NULL;
}

/* world_start makes a new chain in a new folder. */
static inline bool world_start(world_t *world, uint64_t slot_ms)
{
    return world_path(world, slot_ms) && world_open(world) == CHAIN_OK && world_equip(world);
}

static inline void world_close(world_t *world)
{
    author_free(world->author);
    chain_free(world->chain);
    free(world->pool);
}

/* world_stop removes the folder too. */
static inline void world_stop(world_t *world)
{
    world_close(world);
    nftw(world->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ------------------------------------------------------------------ extrinsics */

static inline uint32_t spec_version(chain_t *chain)
{
    bytes_t version;
    if (chain_call(chain, NULL, BYTES("Core_version"), (bytes_t){0}, fresh_arena(0), &version) != CHAIN_OK)
        return 0;
    scale_reader_t r = scale_reader(version, NULL);
    (void)scale_get_bytes(&r, 100);
    (void)scale_get_bytes(&r, 100);
    (void)scale_get_u32(&r);
    return scale_get_u32(&r);
}

/* sign_call puts an immortal signed extrinsic around a call, as it stands in a body. */
static inline bytes_t sign_call(world_t *world, const keypair_t *who, uint32_t nonce, bytes_t call,
                                uint8_t *room)
{
    static uint8_t payload[EXTRINSIC_MOST], inner[EXTRINSIC_MOST];
    hash_t genesis = chain_genesis(world->chain).hash;
    signature_t signature;
    scale_writer_t w = scale_writer(payload, sizeof payload);
    scale_put_raw(&w, call.data, call.len);
    scale_put_u8(&w, 0);
    scale_put_compact(&w, nonce);
    scale_put_compact(&w, 0);
    uint32_t extra_end = w.len;
    scale_put_u32(&w, spec_version(world->chain));
    scale_put_u32(&w, 2);
    scale_put_hash(&w, &genesis);
    scale_put_hash(&w, &genesis);
    key_sign(who, scale_written(&w), &signature);

    scale_writer_t i = scale_writer(inner, sizeof inner);
    scale_put_u8(&i, 0x84);
    scale_put_u8(&i, 0);
    scale_put_account_id(&i, &who->account);
    scale_put_u8(&i, KEY_SR25519);
    scale_put_raw(&i, signature.b, 64);
    scale_put_raw(&i, payload + call.len, extra_end - call.len);
    scale_put_raw(&i, call.data, call.len);
    scale_writer_t out = scale_writer(room, EXTRINSIC_MOST);
    scale_put_bytes(&out, scale_written(&i));
    return scale_written(&out);
}

static inline bytes_t transfer(world_t *world, const keypair_t *from, const keypair_t *to, uint32_t nonce,
                               uint64_t amount, uint8_t *room)
{
    uint8_t call[64];
    scale_writer_t w = scale_writer(call, sizeof call);
    scale_put_u8(&w, 20);
    scale_put_u8(&w, 3); /* Balances.transfer_keep_alive */
    scale_put_u8(&w, 0);
    scale_put_account_id(&w, &to->account);
    scale_put_compact(&w, amount);
    return sign_call(world, from, nonce, scale_written(&w), room);
}

static inline void pool_add(world_t *world, bytes_t extrinsic)
{
    list_pool_t *pool = world->pool;
    memcpy(pool->bytes[pool->count], extrinsic.data, extrinsic.len);
    pool->lens[pool->count++] = extrinsic.len;
}

/* ------------------------------------------------------------------ checks */

/* state_root is the root of all keys at a block, built at once. */
static inline bool state_root(chain_t *chain, const hash_t *at, hash_t *root)
{
    enum { PAIRS = 20000 };
    static change_t pairs[PAIRS];
    arena_t *arena = fresh_arena(1);
    uint32_t count = 0;
    bytes_t key    = {0};
    for (; count < PAIRS && chain_state_next_key(chain, at, key, arena, &key); count++) {
        pairs[count].key = key;
        if (!chain_state_get(chain, at, key, arena, &pairs[count].value)) return false;
    }
    return count < PAIRS && trie_root_sorted(TRIE_V1, pairs, count, fresh_arena(2), root);
}

static inline bool read_header(chain_t *chain, const hash_t *hash, arena_t *arena, header_t *header)
{
    bytes_t bytes;
    if (!chain_header(chain, hash, arena, &bytes)) return false;
    scale_reader_t r = scale_reader(bytes, NULL);
    header_decode(&r, header);
    return scale_done(&r);
}

#endif
