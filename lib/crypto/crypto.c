/* crypto.c - the three kinds of signature behind one name. */
#include "crypto.h"

#include "ecdsa.h"
#include "hash.h"

#include <sodium.h>
#include <string.h>

bool crypto_init(void) { return sodium_init() >= 0 && ecdsa_init(); }

void crypto_random(void *out, size_t len) { randombytes_buf(out, len); }
void crypto_wipe(void *secret, size_t len) { sodium_memzero(secret, len); }

uint32_t signature_len(key_kind_t kind) { return kind == KEY_ECDSA ? 65 : 64; }

static bool verify_ecdsa(const uint8_t signature[65], const account_id_t *who, bytes_t message)
{
    hash_t hash = blake2_256(message), account;
    uint8_t compressed[33];
    if (!ecdsa_recover(signature, hash.b, compressed)) return false;
    account = blake2_256((bytes_t){compressed, sizeof compressed});
    return memcmp(account.b, who->b, sizeof who->b) == 0;
}

bool crypto_verify(const signature_t *signature, const account_id_t *who, bytes_t message)
{
    switch (signature->kind) {
    case KEY_ED25519: return ed25519_verify(signature->b, who->b, message);
    case KEY_SR25519: return sr25519_verify(signature->b, who->b, message);
    case KEY_ECDSA: return verify_ecdsa(signature->b, who, message);
    }
    return false;
}
