/* key_seal.c - a secretbox under a key that is derived from the owner's seed: nonce, then the box. */
#include "hash.h"
#include "keyring.h"

#include <sodium.h>
#include <string.h>

_Static_assert(KEY_SEAL_OVERHEAD == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES, "nonce and tag");

static void seal_key(const keypair_t *key, uint8_t secret[32])
{
    static const char context[] = "trellis: sealed to oneself";
    uint8_t message[sizeof context + sizeof key->seed];
    memcpy(message, context, sizeof context);
    memcpy(message + sizeof context, key->seed, sizeof key->seed);
    blake2b(secret, 32, (bytes_t){message, sizeof message});
    sodium_memzero(message, sizeof message);
}

bool key_seal(const keypair_t *key, bytes_t plain, uint8_t *sealed)
{
    uint8_t secret[32];
    if (!key->has_seed) return false;
    seal_key(key, secret);
    randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, plain.data, plain.len, sealed, secret);
    sodium_memzero(secret, sizeof secret);
    return true;
}

bool key_unseal(const keypair_t *key, bytes_t sealed, uint8_t *plain)
{
    uint8_t secret[32];
    if (!key->has_seed || sealed.len < KEY_SEAL_OVERHEAD) return false;
    seal_key(key, secret);
    bool is_open =
        crypto_secretbox_open_easy(plain, sealed.data + crypto_secretbox_NONCEBYTES,
                                   sealed.len - crypto_secretbox_NONCEBYTES, sealed.data, secret) == 0;
    sodium_memzero(secret, sizeof secret);
    return is_open;
}
