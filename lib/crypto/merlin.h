/* merlin.h - Merlin transcripts: what both sides of a proof have said, hashed as it is said.
 *
 * STROBE-128 on keccak-f[1600], only the four operations that Merlin needs (docs/formats/keys.md 3). */
#ifndef MERLIN_H
#define MERLIN_H
#include "base.h"

typedef struct {
    uint64_t lanes[25];
    uint8_t pos, pos_begin;
} merlin_t;

void merlin_start(merlin_t *t, bytes_t label);
void merlin_append(merlin_t *t, bytes_t label, bytes_t message);

/* merlin_challenge draws len bytes that depend on all that was appended. */
void merlin_challenge(merlin_t *t, bytes_t label, uint8_t *out, uint32_t len);

/* merlin_witness draws 64 bytes from a copy of the transcript, a secret nonce and fresh randomness. */
void merlin_witness(const merlin_t *t, bytes_t label, const uint8_t nonce[32], uint8_t out[64]);

#endif
