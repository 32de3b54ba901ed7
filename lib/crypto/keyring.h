/* keyring.h - who signs: secret URIs, mnemonics, and the keystore file.
 *
 * A secret URI (docs/formats/keys.md 2) is [phrase | 0xseed] (//hard | /soft)* [///password]; without
 * a phrase it is the development phrase.  Wipe a keypair_t with key_wipe when it is no longer needed. */
#ifndef KEYRING_H
#define KEYRING_H
#include "crypto.h"

#define MNEMONIC_TEXT_MAX 255 /* 24 words */
#define SURI_TEXT_MAX     1024

typedef struct {
    key_kind_t kind;
    uint8_t public_key[33]; /* 32 bytes, 33 of ecdsa */
    account_id_t account;
    bool has_seed;    /* false after a soft junction: then there is no mini-secret */
    uint8_t seed[32]; /* the mini-secret after the last hard junction (docs/formats/rmb.md 3 makes its key of
                         it) */
    sr25519_pair_t sr25519; /* of KEY_SR25519 only */
} keypair_t;

typedef enum {
    KEY_OK,
    KEY_BAD_PHRASE,      /* a word that is not in the list, a wrong number of words, or a wrong checksum */
    KEY_BAD_SEED,        /* 0x, but not 32 bytes of hex; or no secp256k1 secret */
    KEY_BAD_PATH,        /* an empty junction or text that is too long */
    KEY_SOFT_REFUSED,    /* ed25519 and ecdsa have no soft derivation */
    KEY_FILE_UNREADABLE, /* errno says why */
    KEY_FILE_EXISTS,
    KEY_FILE_MALFORMED,
    KEY_FILE_WRONG_PASSWORD,
    KEY_FILE_TOO_OPEN, /* others than its owner may read it */
} key_status_t;

/* key_status_text says what is wrong and what to do, for a person. */
const char *key_status_text(key_status_t status);

/* key_kind_text and key_kind_parse: "sr25519", "ed25519", "ecdsa". */
const char *key_kind_text(key_kind_t kind);
NODISCARD bool key_kind_parse(const char *text, key_kind_t *kind);

NODISCARD key_status_t key_from_suri(const char *suri, key_kind_t kind, keypair_t *key);
NODISCARD key_status_t key_from_seed(const uint8_t seed[32], key_kind_t kind, keypair_t *key);
void key_wipe(keypair_t *key);

/* key_public_len is 32, or 33 of ecdsa. */
uint32_t key_public_len(key_kind_t kind);

/* key_sign signs the message itself; Substrate's rule for long payloads is the caller's. */
void key_sign(const keypair_t *key, bytes_t message, signature_t *signature);

/* key_account_of gives the account of a public key: itself, or BLAKE2b-256 of an ecdsa one. */
account_id_t key_account_of(key_kind_t kind, const uint8_t *public_key);

/* ---- mnemonics: Substrate's BIP39, the English list ---- */

/* mnemonic_generate makes 12, 15, 18, 21 or 24 words from fresh randomness. */
NODISCARD bool mnemonic_generate(unsigned word_count, char text[MNEMONIC_TEXT_MAX + 1]);
NODISCARD bool mnemonic_from_entropy(bytes_t entropy, char text[MNEMONIC_TEXT_MAX + 1]);

/* mnemonic_entropy checks words and checksum; *len is 16 to 32. */
NODISCARD key_status_t mnemonic_entropy(const char *text, uint8_t entropy[32], uint32_t *len);

/* mnemonic_mini_secret is Substrate's: PBKDF2 over the entropy, not over the words. */
NODISCARD key_status_t mnemonic_mini_secret(const char *text, const char *password, uint8_t mini_secret[32]);

/* ---- keystore file: a secret URI sealed with a password (argon2id, XSalsa20-Poly1305), mode 0600 ---- */

/* key_file_write never replaces a file.  An empty password seals against a glance only. */
NODISCARD key_status_t key_file_write(const char *path, const char *suri, key_kind_t kind,
                                      const char *password);

/* key_file_read gives the secret URI; wipe it.  Refuses a file that others than its owner can read. */
NODISCARD key_status_t key_file_read(const char *path, const char *password, char suri[SURI_TEXT_MAX + 1],
                                     key_kind_t *kind);

/* ---- what only the owner of a key can read ---- */

#define KEY_SEAL_OVERHEAD 40 /* nonce and tag */

/* key_seal writes plain.len + KEY_SEAL_OVERHEAD bytes that key_unseal, with the same key, opens.  False when
 * the key has no seed (a soft junction). */
NODISCARD bool key_seal(const keypair_t *key, bytes_t plain, uint8_t *sealed);

/* key_unseal writes sealed.len - KEY_SEAL_OVERHEAD bytes.  False when it was sealed by another key, or
 * changed. */
NODISCARD bool key_unseal(const keypair_t *key, bytes_t sealed, uint8_t *plain);

#endif
