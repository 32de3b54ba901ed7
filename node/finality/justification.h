/* justification.h - GRANDPA's proof that a block is final, as bytes.  Spec: chain-host 4.3.
 *
 * round | target hash, number | precommits (hash, number, signature, voter) | headers between a
 * precommit's target and the proof's.  In ours all precommits are of the target itself, and there are no
 * headers. */
#ifndef JUSTIFICATION_H
#define JUSTIFICATION_H
#include "chain.h"
#include "scale.h"

/* justification_sign makes the proof by the voters with these ed25519 secrets. */
void justification_sign(scale_writer_t *w, const uint8_t *const *seeds, uint32_t count,
                        const chain_point_t *target, uint64_t round, uint64_t set_id);

/* justification_round finds the round of an encoded proof. */
bool justification_round(bytes_t justification, uint64_t *round);

#endif
