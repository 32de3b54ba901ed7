/* e2e.h - end-to-end encryption between two twins.
 *
 * secp256k1 ECDH, the key is SHA-256 of the shared point's X; AES-256-GCM; the field is nonce (12),
 * ciphertext, tag (16), nothing authenticated beside (docs/formats/rmb.md 3). */
#ifndef E2E_H
#define E2E_H
#include "keyring.h"
#include "rmb.h"

#define E2E_NONCE_LEN 12
#define E2E_TAG_LEN   16
#define E2E_OVERHEAD  (E2E_NONCE_LEN + E2E_TAG_LEN)

/* e2e_secret takes the encryption key out of a key pair: the mini-secret after its last hard junction.
 * False when there is none (a soft junction) or when it is no secp256k1 secret. */
NODISCARD bool e2e_secret(const keypair_t *key, uint8_t secret[32], uint8_t pk[RMB_PK_LEN]);

/* e2e_encrypt writes plain.len + E2E_OVERHEAD bytes with a fresh random nonce.  False when pk is no point. */
NODISCARD bool e2e_encrypt(const uint8_t secret[32], const uint8_t pk[RMB_PK_LEN], bytes_t plain,
                           uint8_t *cipher);

/* e2e_encrypt_with is e2e_encrypt with a nonce that the caller never used before with this pair of keys. */
NODISCARD bool e2e_encrypt_with(const uint8_t secret[32], const uint8_t pk[RMB_PK_LEN],
                                const uint8_t nonce[E2E_NONCE_LEN], bytes_t plain, uint8_t *cipher);

/* e2e_decrypt writes cipher.len - E2E_OVERHEAD bytes.  False, with nothing written to rely on, when the field
 * is too short, was changed, or is for somebody else. */
NODISCARD bool e2e_decrypt(const uint8_t secret[32], const uint8_t pk[RMB_PK_LEN], bytes_t cipher,
                           uint8_t *plain);

#endif
