/* crypto.h - signatures and keys: sr25519, ed25519, ecdsa (secp256k1).
 *
 * docs/formats/keys.md.  sr25519 is schnorrkel: our Merlin transcripts on libsodium's
 * ristretto255.  ed25519 follows libsodium's rules (small-order keys and non-canonical points are
 * refused): that is this chain's consensus rule.  Call crypto_init once before anything else;
 * after that every function may be called from any thread.  Secrets are wiped from the stack. */
#ifndef CRYPTO_H
#define CRYPTO_H
#include "base.h"

/* The numbers are the variants of MultiSignature. */
typedef enum { KEY_ED25519 = 0, KEY_SR25519 = 1, KEY_ECDSA = 2 } key_kind_t;

#define SIGNATURE_LEN_MAX 65

/* MultiSignature: 64 bytes of ed25519 or sr25519, 65 (r, s, recovery id) of ecdsa. */
typedef struct {
    key_kind_t kind;
    uint8_t b[SIGNATURE_LEN_MAX];
} signature_t;

/* crypto_init prepares the libraries.  False when the system gives no randomness. */
NODISCARD bool crypto_init(void);

void crypto_random(void *out, size_t len);
void crypto_wipe(void *secret, size_t len);

/* signature_len is how many bytes of a signature of this kind are used: 64 or 65. */
uint32_t signature_len(key_kind_t kind);

/* crypto_verify: did the owner of `who` sign the message?  who is the public key, and for ecdsa
 * the BLAKE2b-256 of the compressed one. */
NODISCARD bool crypto_verify(const signature_t *signature, const account_id_t *who, bytes_t message);

/* ---- sr25519 ---- */

typedef struct {
    uint8_t scalar[32], nonce[32]; /* the scalar divided by the cofactor, as schnorrkel keeps it */
    uint8_t public_key[32];
} sr25519_pair_t;

void sr25519_from_seed(const uint8_t mini_secret[32], sr25519_pair_t *pair);

/* sr25519_from_secret takes the 64 bytes that schnorrkel exports (scalar, nonce), or with is_ed25519_form
 * the scalar times 8 that polkadot-js exports.  False when that is no multiple of 8. */
NODISCARD bool sr25519_from_secret(const uint8_t secret[64], bool is_ed25519_form, sr25519_pair_t *pair);

/* sr25519_sign and _verify use the signing context "substrate".  Each signature is a new one. */
void sr25519_sign(const sr25519_pair_t *pair, bytes_t message, uint8_t signature[64]);
NODISCARD bool sr25519_verify(const uint8_t signature[64], const uint8_t public_key[32], bytes_t message);

/* sr25519_derive_hard makes a child's mini-secret; _soft a child pair; _soft_public only its public key. */
void sr25519_derive_hard(const sr25519_pair_t *parent, const uint8_t chain_code[32], uint8_t mini_secret[32]);
void sr25519_derive_soft(const sr25519_pair_t *parent, const uint8_t chain_code[32], sr25519_pair_t *child);
NODISCARD bool sr25519_derive_soft_public(const uint8_t parent[32], const uint8_t chain_code[32],
                                          uint8_t child[32]);

/* A VRF signature: 32 bytes of output, 64 of proof; the signing context is the caller's. */
void sr25519_vrf_sign(const sr25519_pair_t *pair, bytes_t context, bytes_t message, uint8_t signature[96]);
NODISCARD bool sr25519_vrf_verify(const uint8_t signature[96], const uint8_t public_key[32], bytes_t context,
                                  bytes_t message);

/* ---- ed25519 ---- */

void ed25519_public(const uint8_t seed[32], uint8_t public_key[32]);
void ed25519_sign(const uint8_t seed[32], bytes_t message, uint8_t signature[64]);
NODISCARD bool ed25519_verify(const uint8_t signature[64], const uint8_t public_key[32], bytes_t message);

/* ---- secp256k1 ---- */

/* False when the 32 bytes are no secret key (zero, or not below the group's order). */
NODISCARD bool secp256k1_public(const uint8_t secret[32], uint8_t compressed[33]);

/* ecdsa_sign signs a 32-byte hash: r, s (low), recovery id.  Substrate signs blake2_256(message). */
NODISCARD bool ecdsa_sign(const uint8_t secret[32], const uint8_t hash[32], uint8_t signature[65]);

/* ecdsa_recover takes the recovery id from 0 or, as Ethereum does, from 27. */
NODISCARD bool ecdsa_recover(const uint8_t signature[65], const uint8_t hash[32], uint8_t compressed[33]);

/* secp256k1_ecdh_x is SHA-256 of the 32-byte X coordinate of secret * point (docs/formats/rmb.md 3), not
 * libsecp256k1's default.  False when the point or the secret is not valid. */
NODISCARD bool secp256k1_ecdh_x(const uint8_t secret[32], const uint8_t compressed[33], uint8_t key[32]);

#endif
