/* ecdsa.c - secp256k1: recoverable signatures, public keys and ECDH, by libsecp256k1. */
#include "ecdsa.h"

#include <assert.h>
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_recovery.h>
#include <sodium.h>
#include <string.h>

static secp256k1_context *context; /* written once, by crypto_init */

bool ecdsa_init(void)
{
    uint8_t seed[32];
    if (context) return true;
    randombytes_buf(seed, sizeof seed);
    context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    return context && secp256k1_context_randomize(context, seed) == 1;
}

static void compress(const secp256k1_pubkey *key, uint8_t compressed[33])
{
    size_t len = 33;
    secp256k1_ec_pubkey_serialize(context, compressed, &len, key, SECP256K1_EC_COMPRESSED);
}

bool secp256k1_public(const uint8_t secret[32], uint8_t compressed[33])
{
    secp256k1_pubkey key;
    assert(context);
    if (secp256k1_ec_pubkey_create(context, &key, secret) != 1) return false;
    compress(&key, compressed);
    return true;
}

bool ecdsa_sign(const uint8_t secret[32], const uint8_t hash[32], uint8_t signature[65])
{
    secp256k1_ecdsa_recoverable_signature recoverable;
    int recovery_id;
    assert(context);
    if (secp256k1_ecdsa_sign_recoverable(context, &recoverable, hash, secret, NULL, NULL) != 1) return false;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context, signature, &recovery_id, &recoverable);
    signature[64] = (uint8_t)recovery_id;
    return true;
}

bool ecdsa_recover(const uint8_t signature[65], const uint8_t hash[32], uint8_t compressed[33])
{
    secp256k1_ecdsa_recoverable_signature recoverable;
    secp256k1_pubkey key;
    int recovery_id = signature[64] > 26 ? signature[64] - 27 : signature[64];
    assert(context);
    if (recovery_id > 3 || secp256k1_ecdsa_recoverable_signature_parse_compact(context, &recoverable,
                                                                               signature, recovery_id) != 1)
        return false;
    if (secp256k1_ecdsa_recover(context, &key, &recoverable, hash) != 1) return false;
    compress(&key, compressed);
    return true;
}

static int sha256_of_x(unsigned char *out, const unsigned char *x, const unsigned char *y, void *unused)
{
    (void)y;
    (void)unused;
    return crypto_hash_sha256(out, x, 32) == 0;
}

bool secp256k1_ecdh_x(const uint8_t secret[32], const uint8_t compressed[33], uint8_t key[32])
{
    secp256k1_pubkey point;
    assert(context);
    return secp256k1_ec_pubkey_parse(context, &point, compressed, 33) == 1 &&
           secp256k1_ecdh(context, key, &point, secret, sha256_of_x, NULL) == 1;
}
