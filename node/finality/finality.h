/* finality.h - says which blocks will never be undone: GRANDPA, where this node holds enough voters' keys.
 *
 * Block n - 1 is final when n is the best, and a best block that stays alone for a slot (at least a
 * second) is final too; SEALING_MANUAL finalizes only when told (spec chain-host 4.2, 7.7).  Each step
 * is one round: a precommit by each voter's ed25519 key that is held here, kept as a justification.  More
 * than two thirds of the voters must be: votes do not travel in this version, so with fewer nothing becomes
 * final here. The round is on disk before the block is final, so no round votes twice.  Time is handed in;
 * nothing here waits. */
#ifndef FINALITY_H
#define FINALITY_H
#include "chain.h"

#define FINALITY_MORE_MAX 15
typedef struct {
    uint8_t seed[32];                    /* the authority's ed25519 secret; copied */
    uint8_t more[FINALITY_MORE_MAX][32]; /* those of others that are held here too */
    uint32_t more_count;
    bool is_manual; /* only finality_finalize */
} finality_options_t;

typedef struct finality finality_t;

finality_t *finality_new(chain_t *chain, const finality_options_t *options);
void finality_free(finality_t *finality);

#define FINALITY_NEVER UINT64_MAX

/* finality_tick finalizes what is due at now_ms, and tells when it wants to be called next.  Call it after
 * every new best block too, but not from a listener of the chain. */
chain_status_t finality_tick(finality_t *finality, uint64_t now_ms, uint64_t *next_ms);

/* finality_finalize makes one block and its ancestors final now (engine_finalizeBlock).
 * CHAIN_FINALIZED_BEYOND: the block is not a descendant of the finalized one. */
NODISCARD chain_status_t finality_finalize(finality_t *finality, const hash_t *hash);

/* finality_round is the last complete round and the authority set it is of (grandpa_roundState). */
typedef struct {
    uint64_t set_id, round;
    uint8_t voter[32];     /* the first of those that are held here */
    uint32_t voters, held; /* as last looked; 0: not yet */
} finality_round_t;
finality_round_t finality_round(const finality_t *finality);

/* finality_check says whether an encoded justification makes `block` final for one voter list: at least two
 * thirds and one of `voters` (32-byte keys) signed it.  ancestry headers must be absent or all needed. */
NODISCARD bool finality_check(bytes_t justification, const chain_point_t *block, const account_id_t *voters,
                              uint32_t voter_count, uint64_t set_id);

#endif
