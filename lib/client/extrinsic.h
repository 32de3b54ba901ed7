/* extrinsic.h - a signed extrinsic, version 4, with the chain's nine extensions (docs/formats/chain.md 2). */
#ifndef EXTRINSIC_H
#define EXTRINSIC_H
#include "keyring.h"
#include "scale.h"

#define EXTRINSIC_HEAD_MAX 192u /* bytes around the call */

/* What is signed beside the call. */
typedef struct {
    uint32_t spec_version, transaction_version, nonce;
    hash_t genesis, birth; /* birth: hash of the block that the era begins with; genesis if it is immortal */
    era_t era;
    u128_t tip;
} extrinsic_terms_t;

/* extrinsic_sign writes the extrinsic with its length before it.  False when out has no room; call.len +
 * EXTRINSIC_HEAD_MAX is enough. */
NODISCARD bool extrinsic_sign(const keypair_t *key, bytes_t call, const extrinsic_terms_t *terms,
                              scale_writer_t *out);

#endif
