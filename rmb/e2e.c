/* e2e.c - AES-256-GCM by OpenSSL under a key agreed by secp256k1. */
#include "e2e.h"

#include <openssl/evp.h>
#include <string.h>

bool e2e_secret(const keypair_t *key, uint8_t secret[32], uint8_t pk[RMB_PK_LEN])
{
    if (!key->has_seed || !secp256k1_public(key->seed, pk)) return false;
    memcpy(secret, key->seed, 32);
    return true;
}

static bool seal(const uint8_t key[32], const uint8_t nonce[E2E_NONCE_LEN], bytes_t plain, uint8_t *cipher)
{
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    int len             = 0;
    memcpy(cipher, nonce, E2E_NONCE_LEN);
    uint8_t *body = cipher + E2E_NONCE_LEN;
    bool ok       = gcm && EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
              (plain.len == 0 || EVP_EncryptUpdate(gcm, body, &len, plain.data, (int)plain.len) == 1) &&
              EVP_EncryptFinal_ex(gcm, body + len, &len) == 1 &&
              EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, E2E_TAG_LEN, body + plain.len) == 1;
    EVP_CIPHER_CTX_free(gcm);
    return ok;
}

bool e2e_encrypt_with(const uint8_t secret[32], const uint8_t pk[RMB_PK_LEN],
                      const uint8_t nonce[E2E_NONCE_LEN], bytes_t plain, uint8_t *cipher)
{
    uint8_t key[32];
    if (plain.len > RMB_MESSAGE_MAX || !secp256k1_ecdh_x(secret, pk, key)) return false;
    bool ok = seal(key, nonce, plain, cipher);
    crypto_wipe(key, sizeof key);
    return ok;
}

bool e2e_encrypt(const uint8_t secret[32], const uint8_t pk[RMB_PK_LEN], bytes_t plain, uint8_t *cipher)
{
    uint8_t nonce[E2E_NONCE_LEN];
    crypto_random(nonce, sizeof nonce);
    return e2e_encrypt_with(secret, pk, nonce, plain, cipher);
}

static bool unseal(const uint8_t key[32], bytes_t cipher, uint8_t *plain)
{
    const uint8_t *body = cipher.data + E2E_NONCE_LEN;
    uint32_t body_len   = cipher.len - E2E_OVERHEAD;
    uint8_t tag[E2E_TAG_LEN];
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    int len             = 0;
    memcpy(tag, body + body_len, sizeof tag);
    bool ok = gcm && EVP_DecryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, key, cipher.data) == 1 &&
              (body_len == 0 || EVP_DecryptUpdate(gcm, plain, &len, body, (int)body_len) == 1) &&
              EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_SET_TAG, E2E_TAG_LEN, tag) == 1 &&
              EVP_DecryptFinal_ex(gcm, tag, &len) == 1;
    EVP_CIPHER_CTX_free(gcm);
    return ok;
}

bool e2e_decrypt(const uint8_t secret[32], const uint8_t pk[RMB_PK_LEN], bytes_t cipher, uint8_t *plain)
{
    uint8_t key[32];
    if (cipher.len < E2E_OVERHEAD || cipher.len > RMB_MESSAGE_MAX || !secp256k1_ecdh_x(secret, pk, key))
        return false;
    bool ok = unseal(key, cipher, plain);
    crypto_wipe(key, sizeof key);
    return ok;
}
