/* justification.h - GRANDPA's proof that a block is final, as bytes.  Spec: chain-host 4.3.
 *
 * round | target hash, number | precommits (hash, number, signature, voter) | headers between a
 * precommit's target and the proof's.  Ours have one precommit, of the target itself, and no headers. */
#ifndef JUSTIFICATION_H
#define JUSTIFICATION_H
#include "chain.h"
#include "scale.h"

/* justification_sign makes the proof of a single voter with this ed25519 secret. */
void justification_sign(scale_writer_t *w, const uint8_t seed[32], const chain_point_t *target,
                        uint64_t round, uint64_t set_id);

/* justification_round finds the round of an encoded proof. */
bool justification_round(bytes_t justification, uint64_t *round);

#endif
