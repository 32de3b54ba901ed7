/* extrinsic.h - an extrinsic as it comes: version 4, signed or bare (spec chain-host 5.1, 5.2; tfgrid 1.3).
 */
#ifndef EXTRINSIC_H
#define EXTRINSIC_H
#include "runtime_call.h"

typedef struct {
    bytes_t encoded; /* all of it, with its length prefix */
    bool is_signed;
    support_multi_address_t address;
    support_multi_signature_t signature;
    bytes_t extra; /* what the signed extensions put into it, as bytes */
    era_t era;
    uint32_t nonce;
    u128_t tip;
    runtime_call_t call; /* call.encoded is what is signed */
} extrinsic_t;

/* extrinsic_decode reads one extrinsic that fills `encoded`; calls within calls come from the arena.  false:
 * it is none. */
NODISCARD bool extrinsic_decode(bytes_t encoded, arena_t *arena, extrinsic_t *extrinsic);

#endif
