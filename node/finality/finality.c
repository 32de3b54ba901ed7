/* finality.c - when a block becomes final, with one voter. */
#include "finality.h"
#include "crypto.h"
#include "justification.h"
#include "log.h"
#include "runtime.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ALONE_MS_MIN = 1000, JUSTIFICATION_LEN_MAX = 256 };

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
    _Alignas(16) uint8_t room[1 << 12];
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
    account_id_t voters[2];
    uint32_t count;
    uint64_t set_id, slot_ms;
    bool has_set;
} voting_t;

static void ask_voting(void *self, rt_t *rt)
{
    voting_t *voting = self;
    bytes_t result;
    voting->count   = runtime_grandpa_authorities(rt, voting->voters, 2);
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

static bool is_sole_voter(const finality_t *finality, const voting_t *voting)
{
    return voting->count == 1 && memcmp(voting->voters[0].b, finality->round.voter, 32) == 0;
}

chain_status_t finality_finalize(finality_t *finality, const hash_t *hash)
{
    uint8_t room[JUSTIFICATION_LEN_MAX];
    voting_t voting;
    chain_point_t target = {.hash = *hash}, final = chain_finalized(finality->chain);
    if (!chain_number(finality->chain, hash, &target.number)) return CHAIN_UNKNOWN_BLOCK;
    if (target.number <= final.number) return chain_finalize(finality->chain, hash, (bytes_t){0});
    chain_status_t status = read_voting(finality, &voting);
    if (status != CHAIN_OK) return status;
    if (!is_sole_voter(finality, &voting)) return CHAIN_BAD_HEADER;

    if (finality->has_set && voting.set_id != finality->round.set_id) finality->round.round = 0;
    finality->has_set      = true;
    finality->round.set_id = voting.set_id;
    finality->round.round++;
    scale_writer_t w = scale_writer(room, sizeof room);
    justification_sign(&w, finality->options.seed, &target, finality->round.round, voting.set_id);
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
    voting_t voting;
    hash_t before;
    *next_ms = FINALITY_NEVER;
    look(finality, &best, now_ms);
    if (finality->options.is_manual || best.number == final.number) return CHAIN_OK;
    chain_status_t status = read_voting(finality, &voting);
    if (status != CHAIN_OK) return status;
    if (!is_sole_voter(finality, &voting)) {
        if (!finality->has_warned) log_warn(LOG_FINAL, "not the only voter: nothing is finalized here");
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
