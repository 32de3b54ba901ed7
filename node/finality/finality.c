/* finality.c - when a block becomes final. */
#include "finality.h"
#include "crypto.h"
#include "justification.h"
#include "log.h"
#include "runtime.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALONE_MS_MIN          = 1000,
    VOTERS_MAX            = 256,
    HELD_MAX              = 1 + FINALITY_MORE_MAX,
    JUSTIFICATION_LEN_MAX = 64 + 132 * HELD_MAX
};

struct finality {
    chain_t *chain;
    finality_options_t options;
    finality_round_t round;
    chain_point_t seen; /* the best block when last looked */
    uint64_t seen_at_ms;
    bool has_seen, has_warned, has_set;
};

/* ------------------------------------------------------------------ start */

static void read_round(finality_t *finality)
{
    _Alignas(16) uint8_t room[1 << 16];
    arena_t arena = {room, sizeof room, 0};
    bytes_t justification;
    chain_point_t final = chain_finalized(finality->chain);
    if (!chain_justification(finality->chain, &final.hash, &arena, &justification)) return;
    if (!justification_round(justification, &finality->round.round)) finality->round.round = 0;
}

finality_t *finality_new(chain_t *chain, const finality_options_t *options)
{
    finality_t *finality = calloc(1, sizeof *finality);
    assert(finality);
    finality->chain   = chain;
    finality->options = *options;
    assert(options->more_count <= FINALITY_MORE_MAX);
    ed25519_public(options->seed, finality->round.voter);
    read_round(finality);
    return finality;
}

void finality_free(finality_t *finality)
{
    if (!finality) return;
    crypto_wipe(&finality->options, sizeof finality->options);
    free(finality);
}

finality_round_t finality_round(const finality_t *finality) { return finality->round; }

/* ------------------------------------------------------------------ one step */

/* What the chain says about voters at a block. */
typedef struct {
    account_id_t voters[VOTERS_MAX];
    uint32_t count;
    uint64_t set_id, slot_ms;
    bool has_set;
} voting_t;

static void ask_voting(void *self, rt_t *rt)
{
    voting_t *voting = self;
    bytes_t result;
    voting->count   = runtime_grandpa_authorities(rt, voting->voters, VOTERS_MAX);
    voting->slot_ms = runtime_slot_duration(rt);
    voting->has_set = runtime_api(rt, BYTES("GrandpaApi_current_set_id"), (bytes_t){0}, &result);
    if (!voting->has_set) return;
    scale_reader_t r = scale_reader(result, NULL);
    voting->set_id   = scale_get_u64(&r);
    voting->has_set  = scale_done(&r);
}

/* read_voting asks at the finalized block: its voters decide on what comes after. */
static chain_status_t read_voting(finality_t *finality, voting_t *voting)
{
    chain_point_t final   = chain_finalized(finality->chain);
    chain_status_t status = chain_run(finality->chain, &final.hash, ask_voting, voting);
    if (status == CHAIN_OK && !voting->has_set) return CHAIN_FAULT;
    return status;
}

static bool is_voter(const voting_t *voting, const uint8_t seed[32])
{
    account_id_t key;
    ed25519_public(seed, key.b);
    for (uint32_t i = 0; i < voting->count && i < VOTERS_MAX; i++)
        if (memcmp(&voting->voters[i], &key, sizeof key) == 0) return true;
    return false;
}

/* find_seeds lists the secrets of voters that are held here; false: they are too few to decide. */
static bool find_seeds(finality_t *finality, const voting_t *voting, const uint8_t *seeds[HELD_MAX],
                       uint32_t *count)
{
    const finality_options_t *o = &finality->options;
    *count                      = 0;
    if (is_voter(voting, o->seed)) seeds[(*count)++] = o->seed;
    for (uint32_t i = 0; i < o->more_count; i++)
        if (is_voter(voting, o->more[i])) seeds[(*count)++] = o->more[i];
    finality->round.voters = voting->count;
    finality->round.held   = *count;
    return voting->count > 0 && *count >= 2 * (uint64_t)voting->count / 3 + 1;
}

chain_status_t finality_finalize(finality_t *finality, const hash_t *hash)
{
    uint8_t room[JUSTIFICATION_LEN_MAX];
    const uint8_t *seeds[HELD_MAX];
    uint32_t seed_count;
    voting_t voting;
    chain_point_t target = {.hash = *hash}, final = chain_finalized(finality->chain);
    if (!chain_number(finality->chain, hash, &target.number)) return CHAIN_UNKNOWN_BLOCK;
    if (target.number <= final.number) return chain_finalize(finality->chain, hash, (bytes_t){0});
    chain_status_t status = read_voting(finality, &voting);
    if (status != CHAIN_OK) return status;
    if (!find_seeds(finality, &voting, seeds, &seed_count)) return CHAIN_BAD_HEADER;

    if (finality->has_set && voting.set_id != finality->round.set_id) finality->round.round = 0;
    finality->has_set      = true;
    finality->round.set_id = voting.set_id;
    finality->round.round++;
    scale_writer_t w = scale_writer(room, sizeof room);
    justification_sign(&w, seeds, seed_count, &target, finality->round.round, voting.set_id);
    return chain_finalize(finality->chain, hash, scale_written(&w));
}

/* ------------------------------------------------------------------ tick */

static void look(finality_t *finality, const chain_point_t *best, uint64_t now_ms)
{
    if (finality->has_seen && memcmp(&finality->seen.hash, &best->hash, sizeof best->hash) == 0) return;
    finality->seen       = *best;
    finality->seen_at_ms = now_ms;
    finality->has_seen   = true;
}

chain_status_t finality_tick(finality_t *finality, uint64_t now_ms, uint64_t *next_ms)
{
    chain_point_t best = chain_best(finality->chain), final = chain_finalized(finality->chain);
    const uint8_t *seeds[HELD_MAX];
    uint32_t seed_count;
    voting_t voting;
    hash_t before;
    *next_ms = FINALITY_NEVER;
    look(finality, &best, now_ms);
    if (finality->options.is_manual || best.number == final.number) return CHAIN_OK;
    chain_status_t status = read_voting(finality, &voting);
    if (status != CHAIN_OK) return status;
    if (!find_seeds(finality, &voting, seeds, &seed_count)) {
        if (!finality->has_warned)
            log_warn(LOG_FINAL, "too few voters' keys are held here: nothing becomes final",
                     LOG_U32("voters", voting.count), LOG_U32("held", seed_count));
        finality->has_warned = true;
        return CHAIN_OK;
    }
    uint64_t alone_ms = voting.slot_ms > ALONE_MS_MIN ? voting.slot_ms : ALONE_MS_MIN;
    if (now_ms >= finality->seen_at_ms + alone_ms) return finality_finalize(finality, &best.hash);
    *next_ms = finality->seen_at_ms + alone_ms;
    if (best.number - 1 == final.number || !chain_hash(finality->chain, best.number - 1, &before))
        return CHAIN_OK;
    return finality_finalize(finality, &before);
}
