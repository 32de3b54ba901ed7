/* extrinsic.c - what is signed, and what is sent. */
#include "extrinsic.h"

#include "hash.h"

#include <stdlib.h>

#define SIGNED_V4       0x84
#define PAYLOAD_LEN_MAX 256u /* a longer payload is signed by its hash */

static void put_extra(scale_writer_t *w, const extrinsic_terms_t *terms)
{
    era_put(w, terms->era);
    scale_put_compact(w, terms->nonce);
    scale_put_compact_u128(w, terms->tip);
}

static bool sign_payload(const keypair_t *key, bytes_t call, const extrinsic_terms_t *terms,
                         signature_t *signature)
{
    uint32_t cap     = call.len + EXTRINSIC_HEAD_MAX;
    uint8_t *room    = malloc(cap);
    scale_writer_t w = scale_writer(room, cap);
    if (!room) return false;
    scale_put_raw(&w, call.data, call.len);
    put_extra(&w, terms);
    scale_put_u32(&w, terms->spec_version);
    scale_put_u32(&w, terms->transaction_version);
    scale_put_hash(&w, &terms->genesis);
    scale_put_hash(&w, &terms->birth);
    bytes_t payload = scale_written(&w);
    hash_t hash     = blake2_256(payload);
    if (payload.len > PAYLOAD_LEN_MAX) payload = (bytes_t){hash.b, sizeof hash.b};
    key_sign(key, payload, signature);
    free(room);
    return true;
}

bool extrinsic_sign(const keypair_t *key, bytes_t call, const extrinsic_terms_t *terms, scale_writer_t *out)
{
    signature_t signature;
    uint8_t room[EXTRINSIC_HEAD_MAX];
    scale_writer_t head = scale_writer(room, sizeof room);
    if (call.len > UINT32_MAX - EXTRINSIC_HEAD_MAX || !sign_payload(key, call, terms, &signature))
        return false;
    scale_put_u8(&head, SIGNED_V4);
    scale_put_u8(&head, 0); /* MultiAddress::Id */
    scale_put_account_id(&head, &key->account);
    scale_put_u8(&head, (uint8_t)signature.kind);
    scale_put_raw(&head, signature.b, signature_len(signature.kind));
    put_extra(&head, terms);
    scale_put_compact(out, head.len + call.len);
    scale_put_raw(out, room, head.len);
    scale_put_raw(out, call.data, call.len);
    return !head.failed && !out->failed;
}
