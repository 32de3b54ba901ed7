/* ed25519.c - RFC 8032, by libsodium and by its rules. */
#include "crypto.h"

#include <sodium.h>

void ed25519_public(const uint8_t seed[32], uint8_t public_key[32])
{
    uint8_t secret[64];
    crypto_sign_seed_keypair(public_key, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

void ed25519_sign(const uint8_t seed[32], bytes_t message, uint8_t signature[64])
{
    uint8_t public_key[32], secret[64];
    crypto_sign_seed_keypair(public_key, secret, seed);
    crypto_sign_detached(signature, NULL, message.data, message.len, secret);
    sodium_memzero(secret, sizeof secret);
}

bool ed25519_verify(const uint8_t signature[64], const uint8_t public_key[32], bytes_t message)
{
    return crypto_sign_verify_detached(signature, message.data, message.len, public_key) == 0;
}
