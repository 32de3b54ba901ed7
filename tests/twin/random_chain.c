/* random_chain.c - a development chain under random load, as a database and as a stream for whoever repeats
 * it.
 *
 *     random_chain FOLDER BLOCKS [SEED]        a new database in FOLDER, the stream on standard output
 *
 * The chain is that of `trellis-node --dev`: the node opens the folder.  Blocks have no extrinsic, a few, or
 * now and then many; slots are skipped; validators come and go and make blocks with keys of their own.  What
 * the runtime refuses to take in is left out.
 *
 * The stream: records of SCALE, each Vec<u8> header | Vec<u8> body | Vec<(Vec<u8> key, Option<Vec<u8>>)> of
 * what the block changed in state, as the store was told.  The first is genesis, with all of its state. */
#include "blob.h"
#include "chain.h"
#include "extrinsic.h"
#include "hash.h"
#include "log.h"
#include "random_calls.h"
#include "runtime.h"
#include "runtime_call.h"
#include "runtime_version.h"
#include "twin_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ACTORS          = 24,
    ENDOWED         = 6,
    ARENA_SIZE      = 64 << 20,
    LOAD_CAP        = 4 << 20,
    EXTRINSIC_CAP   = 64 << 10,
    CALLS_MOST      = 50, /* of random ones in a block */
    AUTHORITIES_MAX = 64,
    SLOTS_TRIED     = 256,
    FINAL_BEHIND    = 3,
    MOTION_CAP      = 128,
    YOUNG           = 150, /* blocks in which more happens */
};
#define START_MS      UINT64_C(1700000000000)
#define MOTION_WEIGHT ((support_weight_t){UINT64_C(10000000000), 100000})
#define GIFT          ((u128_t)1000000 * 10000000)

typedef struct {
    chain_t *chain;
    random_calls_t *calls;
    chance_t *chance;
    keypair_t actors[ACTORS],
        aura[ACTORS]; /* who acts, by every kind of key; aura: what each makes blocks with */
    uint32_t nonces[ACTORS];
    arena_t arena;
    scale_writer_t extrinsic, load; /* load: the signed extrinsics of the block to come */
    uint32_t load_count, block;
    account_id_t authorities[AUTHORITIES_MAX];
    uint32_t authority_count;
    uint64_t slot_ms, slot;
    hash_t recent[FINAL_BEHIND], motion;
    uint64_t taken, refused;
} maker_t;

static void die(const char *what, chain_status_t status)
{
    fprintf(stderr, "random_chain: %s: %s\n", what, chain_status_text(status));
    exit(1);
}

static bool build_genesis(void *self, const host_t *host)
{
    (void)self;
    void *memory = malloc(RUNTIME_MEMORY);
    genesis_t genesis;
    rt_t rt;
    runtime_genesis_dev(&genesis);
    genesis.code = runtime_blob();
    rt_start(&rt, host, memory, RUNTIME_MEMORY);
    runtime_genesis_build(&rt, &genesis);
    free(memory);
    return !rt.fault;
}

/* ------------------------------------------------------------------ load */

static void make_key(const char *suri, key_kind_t kind, keypair_t *key)
{
    if (key_from_suri(suri, kind, key) != KEY_OK) abort();
}

static void prove(void *self, uint32_t actor, bytes_t message, uint8_t proof[64])
{
    const maker_t *maker  = self;
    signature_t signature = {0};
    key_sign(&maker->actors[actor], message, &signature);
    memcpy(proof, signature.b, 64);
}

static void make_actors(maker_t *maker, uint64_t seed)
{
    static const char *const endowed[ENDOWED] = {"//Alice", "//Bob", "//Charlie",
                                                 "//Dave",  "//Eve", "//Ferdie"};
    static const key_kind_t kinds[] = {KEY_SR25519, KEY_ED25519, KEY_SR25519, KEY_ECDSA, KEY_SR25519};
    random_config_t config = {.count = ACTORS, .sign = prove, .context = maker, .keeps_validators = true};
    for (uint32_t i = 0; i < ACTORS; i++) {
        char suri[32];
        snprintf(suri, sizeof suri, "//actor//%u", i);
        make_key(i < ENDOWED ? endowed[i] : suri, i < ENDOWED ? KEY_SR25519 : kinds[i % 5],
                 &maker->actors[i]);
        make_key(i < ENDOWED ? endowed[i] : suri, KEY_SR25519, &maker->aura[i]);
        config.actors[i] = maker->actors[i].account;
    }
    maker->calls  = random_calls_new(&config, chance_of_seed(seed));
    maker->chance = random_calls_chance(maker->calls);
}

/* load signs a call and puts it with what the block is to have; one that is too long is left out. */
static void load(maker_t *maker, uint32_t signer, bytes_t call, u128_t tip)
{
    hash_t genesis          = chain_genesis(maker->chain).hash;
    extrinsic_terms_t terms = {.spec_version        = RUNTIME_SPEC_VERSION,
                               .transaction_version = RUNTIME_TRANSACTION_VERSION,
                               .nonce               = maker->nonces[signer],
                               .genesis             = genesis,
                               .birth               = genesis,
                               .tip                 = tip};
    if (chance_below(maker->chance, 3) == 0) {
        terms.era = era_at(maker->block, 64);
        if (!chain_hash(maker->chain, (uint32_t)era_birth(terms.era, maker->block), &terms.birth)) abort();
    }
    maker->extrinsic.len = 0;
    if (!extrinsic_sign(&maker->actors[signer], call, &terms, &maker->extrinsic)) {
        maker->extrinsic.failed = false;
        return;
    }
    maker->nonces[signer]++;
    maker->load_count++;
    scale_put_bytes(&maker->load, scale_written(&maker->extrinsic));
}

static uint32_t find_richest(rt_t *rt, const maker_t *maker, u128_t *most)
{
    uint32_t found = 0;
    *most          = 0;
    for (uint32_t i = 0; i < ACTORS; i++) {
        system_account_info_t account;
        system_account_get(rt, &maker->actors[i].account, &account);
        if (account.data.free > *most) found = i, *most = account.data.free;
    }
    return found;
}

/* load_gift has the richest pay one who is poor, so that life goes on. */
static void load_gift(maker_t *maker, rt_t *rt)
{
    uint8_t room[64];
    u128_t most;
    system_account_info_t account;
    scale_writer_t call   = scale_writer(room, sizeof room);
    const uint32_t actor  = chance_below(maker->chance, ACTORS);
    const uint32_t giver  = find_richest(rt, maker, &most);
    const account_id_t id = maker->actors[actor].account;
    system_account_get(rt, &id, &account);
    if (account.data.free > GIFT / 1000 || most < GIFT * 2) return;
    balances_transfer_keep_alive_args_t args = {
        .dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = id},
          .value = GIFT
    };
    balances_transfer_keep_alive_call_encode(&call, &args);
    load(maker, giver, scale_written(&call), 0);
}

/* load_keys has an actor say with which keys it would make blocks. */
static void load_keys(maker_t *maker)
{
    uint8_t room[128];
    scale_writer_t call          = scale_writer(room, sizeof room);
    const uint32_t actor         = chance_below(maker->chance, ACTORS);
    session_set_keys_args_t args = {.proof = BYTES("")};
    memcpy(args.keys.aura.b, maker->aura[actor].public_key, 32);
    memcpy(args.keys.grandpa.b, maker->actors[actor].account.b, 32);
    session_set_keys_call_encode(&call, &args);
    load(maker, actor, scale_written(&call), 0);
}

/* propose_validator writes a motion for another validator, or for one less; the first one stays. */
static void propose_validator(maker_t *maker, uint32_t seats, scale_writer_t *call)
{
    const uint32_t actor = 1 + chance_below(maker->chance, ACTORS - 1);
    const bool is_added  = chance_below(maker->chance, 3) > 0;
    scale_put_u8(call, COUNCIL_PALLET);
    scale_put_u8(call, COUNCIL_CALL_PROPOSE);
    scale_put_compact(call, (seats * 3 + 4) / 5);
    const uint32_t start = call->len;
    scale_put_u8(call, VALIDATOR_SET_PALLET);
    scale_put_u8(call, is_added ? VALIDATOR_SET_CALL_ADD_VALIDATOR : VALIDATOR_SET_CALL_REMOVE_VALIDATOR);
    scale_put_account_id(call, &maker->actors[actor].account);
    maker->motion = blake2_256((bytes_t){call->start + start, call->len - start});
    scale_put_compact(call, MOTION_CAP);
}

/* load_by has the actor whose account it is sign a call. */
static void load_by(maker_t *maker, const account_id_t *who, bytes_t call)
{
    for (uint32_t i = 0; i < ACTORS; i++)
        if (memcmp(&maker->actors[i].account, who, sizeof *who) == 0) load(maker, i, call, 0);
}

/* load_motion takes the council's motion about a validator a step on: proposed, voted for, closed. */
static void load_motion(maker_t *maker, rt_t *rt)
{
    uint8_t room[MOTION_CAP];
    account_id_vec_t members;
    council_votes_t votes;
    scale_writer_t call = scale_writer(room, sizeof room);
    council_members_get(rt, &members);
    const bool is_open = council_voting_get(rt, &maker->motion, &votes);
    if (members.len == 0 || (!is_open && chance_below(maker->chance, 60) > 0)) return;
    if (!is_open)
        propose_validator(maker, members.len, &call);
    else if (votes.ayes.len < votes.threshold && votes.nays.len == 0)
        council_vote_call_encode(&call, &(council_vote_args_t){maker->motion, votes.index, true});
    else
        council_close_call_encode(
            &call, &(council_close_args_t){maker->motion, votes.index, MOTION_WEIGHT, MOTION_CAP});
    const bool is_vote = room[1] == COUNCIL_CALL_VOTE;
    for (uint32_t i = 0; i < (is_vote ? members.len : 1); i++)
        load_by(maker, &members.items[i], scale_written(&call));
}

/* plan looks at the state after the last block and makes what comes into the next one. */
static void plan(void *self, rt_t *rt)
{
    maker_t *maker = self;
    uint32_t n     = chance_below(maker->chance, 200);
    uint32_t count = n < 70 ? 0 : 1 + chance_below(maker->chance, system_number_get(rt) < YOUNG ? 12 : 3);
    maker->authority_count = runtime_aura_authorities(rt, maker->authorities, AUTHORITIES_MAX);
    maker->slot_ms         = runtime_slot_duration(rt);
    maker->block           = system_number_get(rt);
    maker->load.len = maker->load_count = 0;
    if (n == 0) count = 10 + chance_below(maker->chance, CALLS_MOST - 10);
    for (uint32_t i = 0; i < ACTORS; i++)
        maker->nonces[i] = runtime_account_nonce(rt, &maker->actors[i].account);
    if (count > 0) load_gift(maker, rt);
    if (chance_below(maker->chance, 50) == 0) load_keys(maker);
    load_motion(maker, rt);
    for (uint32_t i = 0; i < count; i++) {
        random_call_t call = random_calls_next(maker->calls, rt);
        load(maker, call.signer, call.call, call.tip);
    }
}

/* ------------------------------------------------------------------ a block */

/* choose_author takes the next slot whose author is one of ours. */
static const sr25519_pair_t *choose_author(maker_t *maker)
{
    if (chance_below(maker->chance, 6) == 0) maker->slot += chance_below(maker->chance, 5);
    for (uint32_t i = 0; i < SLOTS_TRIED && maker->authority_count > 0; i++) {
        maker->slot++;
        const account_id_t *author = &maker->authorities[maker->slot % maker->authority_count];
        for (uint32_t a = 0; a < ACTORS; a++)
            if (memcmp(maker->aura[a].public_key, author, 32) == 0) return &maker->aura[a].sr25519;
    }
    die("no author is known", CHAIN_BAD_HEADER);
    return NULL;
}

/* put_digest_item writes what a digest says of Aura: the slot, or the seal. */
static void put_digest_item(scale_writer_t *w, digest_kind_t kind, bytes_t data)
{
    scale_put_u8(w, (uint8_t)kind);
    scale_put_raw(w, "aura", 4);
    scale_put_bytes(w, data);
}

static void open_block(maker_t *maker)
{
    uint8_t room[32], slot[8];
    bytes_t validity;
    scale_writer_t w = scale_writer(room, sizeof room), s = scale_writer(slot, sizeof slot);
    scale_put_u64(&s, maker->slot);
    scale_put_compact(&w, 1);
    put_digest_item(&w, DIGEST_PRE_RUNTIME, scale_written(&s));
    chain_status_t status = chain_build_start(maker->chain, NULL, scale_written(&w));
    if (status != CHAIN_OK) die("no block can be begun", status);
    w = scale_writer(room, sizeof room);
    runtime_timestamp_inherent(&w, maker->slot * maker->slot_ms + chance_below(maker->chance, 2000));
    status = chain_build_apply(maker->chain, scale_written(&w), &maker->arena, &validity);
    if (status != CHAIN_OK) die("the time is refused", status);
}

static void apply_load(maker_t *maker)
{
    scale_reader_t r = scale_reader(scale_written(&maker->load), NULL);
    for (uint32_t i = 0; i < maker->load_count; i++) {
        bytes_t validity;
        chain_status_t status =
            chain_build_apply(maker->chain, scale_get_bytes(&r, UINT32_MAX), &maker->arena, &validity);
        if (status == CHAIN_FAULT || status == CHAIN_UNKNOWN_CALL)
            die("an extrinsic broke the block", status);
        maker->taken += status == CHAIN_OK;
        maker->refused += status != CHAIN_OK;
    }
}

static void close_block(maker_t *maker, const sr25519_pair_t *author)
{
    uint8_t room[80], signature[64];
    bytes_t header;
    chain_point_t block;
    chain_status_t status = chain_build_finish(maker->chain, &maker->arena, &header);
    if (status != CHAIN_OK) die("a block cannot be ended", status);
    hash_t hash = blake2_256(header);
    sr25519_sign(author, (bytes_t){hash.b, sizeof hash}, signature);
    scale_writer_t w = scale_writer(room, sizeof room);
    put_digest_item(&w, DIGEST_SEAL, (bytes_t){signature, sizeof signature});
    status = chain_build_commit(maker->chain, scale_written(&w), &block);
    if (status != CHAIN_OK) die("a block cannot be kept", status);
    hash_t *old = &maker->recent[block.number % FINAL_BEHIND];
    if (block.number > FINAL_BEHIND && (status = chain_finalize(maker->chain, old, (bytes_t){0})) != CHAIN_OK)
        die("a block cannot be made final", status);
    *old = block.hash;
}

static void make_block(maker_t *maker)
{
    maker->arena.used     = 0;
    chain_status_t status = chain_run(maker->chain, NULL, plan, maker);
    if (status != CHAIN_OK) die("the state cannot be read", status);
    const sr25519_pair_t *author = choose_author(maker);
    open_block(maker);
    apply_load(maker);
    close_block(maker, author);
}

static scale_writer_t room_for(uint32_t size)
{
    void *room = malloc(size);
    if (!room) abort();
    return scale_writer(room, size);
}

int main(int argc, char **argv)
{
    static maker_t maker;
    twin_stream_t stream;
    if (argc < 3 || !crypto_init() || !log_filter("error")) {
        fprintf(stderr, "random_chain FOLDER BLOCKS [SEED]\n");
        return 2;
    }
    uint32_t blocks         = (uint32_t)strtoul(argv[2], NULL, 10);
    uint64_t seed           = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
    chain_options_t options = {.path = argv[1], .is_unsynced = true, .genesis = build_genesis};
    chain_status_t status   = chain_open(&options, &maker.chain);
    if (status != CHAIN_OK) die(argv[1], status);
    make_actors(&maker, seed);
    maker.arena = (arena_t){malloc(ARENA_SIZE), ARENA_SIZE, 0};
    maker.load = room_for(LOAD_CAP), maker.extrinsic = room_for(EXTRINSIC_CAP);
    maker.slot = START_MS / 6000;
    twin_stream_start(&stream, maker.chain);
    for (uint32_t i = 0; i < blocks; i++)
        make_block(&maker);
    fprintf(stderr, "random_chain: seed %llu, %u blocks, %llu extrinsics, %llu not taken in\n",
            (unsigned long long)seed, blocks, (unsigned long long)maker.taken,
            (unsigned long long)maker.refused);
    random_calls_free(maker.calls);
    twin_stream_end(&stream);
    chain_free(maker.chain);
    return fflush(stdout) != 0;
}
