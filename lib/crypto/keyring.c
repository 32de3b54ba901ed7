/* keyring.c - secret URIs to key pairs. */
#include "keyring.h"

#include "hash.h"
#include "hex.h"
#include "scale.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static const char dev_phrase[] = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

const char *key_status_text(key_status_t status)
{
    switch (status) {
    case KEY_OK: return "the key is good";
    case KEY_BAD_PHRASE:
        return "the mnemonic is not valid: 12, 15, 18, 21 or 24 words of the English BIP39 list, in their "
               "order";
    case KEY_BAD_SEED: return "the seed is not valid: write 0x and 64 hexadecimal digits";
    case KEY_BAD_PATH:
        return "the secret URI is not valid: write [phrase or 0xseed][//hard or /soft ...][///password]";
    case KEY_SOFT_REFUSED: return "only sr25519 keys have soft junctions: write //NAME, or choose sr25519";
    case KEY_FILE_UNREADABLE: return "the key file cannot be read or written";
    case KEY_FILE_EXISTS: return "the key file exists already and is not replaced: choose another name";
    case KEY_FILE_MALFORMED: return "the key file is damaged or is no key file";
    case KEY_FILE_WRONG_PASSWORD: return "the password does not open the key file";
    case KEY_FILE_TOO_OPEN: return "others can read the key file: make it yours alone with chmod 600";
    }
    return "unknown key status";
}

const char *key_kind_text(key_kind_t kind)
{
    switch (kind) {
    case KEY_ED25519: return "ed25519";
    case KEY_SR25519: return "sr25519";
    case KEY_ECDSA: return "ecdsa";
    }
    return "?";
}

bool key_kind_parse(const char *text, key_kind_t *kind)
{
    for (unsigned k = KEY_ED25519; k <= KEY_ECDSA; k++) {
        if (strcmp(text, key_kind_text((key_kind_t)k)) == 0) {
            *kind = (key_kind_t)k;
            return true;
        }
    }
    return false;
}

uint32_t key_public_len(key_kind_t kind) { return kind == KEY_ECDSA ? 33 : 32; }

void key_wipe(keypair_t *key) { sodium_memzero(key, sizeof *key); }

account_id_t key_account_of(key_kind_t kind, const uint8_t *public_key)
{
    account_id_t account;
    if (kind == KEY_ECDSA) {
        hash_t hash = blake2_256((bytes_t){public_key, 33});
        memcpy(account.b, hash.b, sizeof account.b);
    } else {
        memcpy(account.b, public_key, sizeof account.b);
    }
    return account;
}

key_status_t key_from_seed(const uint8_t seed[32], key_kind_t kind, keypair_t *key)
{
    *key = (keypair_t){.kind = kind, .has_seed = true};
    memcpy(key->seed, seed, sizeof key->seed);
    switch (kind) {
    case KEY_ED25519: ed25519_public(seed, key->public_key); break;
    case KEY_SR25519:
        sr25519_from_seed(seed, &key->sr25519);
        memcpy(key->public_key, key->sr25519.public_key, 32);
        break;
    case KEY_ECDSA:
        if (!secp256k1_public(seed, key->public_key)) {
            key_wipe(key);
            return KEY_BAD_SEED;
        }
    }
    key->account = key_account_of(kind, key->public_key);
    return KEY_OK;
}

/* chain_code makes a junction's 32 bytes: a number's, or a text's with its length before it. */
static void chain_code(bytes_t text, uint8_t code[32])
{
    uint8_t encoded[SURI_TEXT_MAX + 4];
    scale_writer_t w = scale_writer(encoded, sizeof encoded);
    uint64_t number  = 0;
    bool is_number   = true;
    for (uint32_t i = 0; i < text.len && is_number; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        is_number     = digit <= 9 && number <= (UINT64_MAX - digit) / 10;
        number        = number * 10 + digit;
    }
    if (is_number)
        scale_put_u64(&w, number);
    else
        scale_put_bytes(&w, text);
    memset(code, 0, 32);
    if (w.len <= 32)
        memcpy(code, encoded, w.len);
    else
        blake2b(code, 32, scale_written(&w));
}

static void derive_seed(key_kind_t kind, const uint8_t code[32], uint8_t seed[32])
{
    uint8_t room[96];
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_bytes(&w, kind == KEY_ED25519 ? BYTES("Ed25519HDKD") : BYTES("Secp256k1HDKD"));
    scale_put_raw(&w, seed, 32);
    scale_put_raw(&w, code, 32);
    blake2b(seed, 32, scale_written(&w));
    sodium_memzero(room, sizeof room);
}

static key_status_t derive(keypair_t *key, const uint8_t code[32], bool is_hard)
{
    if (!is_hard && key->kind != KEY_SR25519) return KEY_SOFT_REFUSED;
    if (!is_hard) {
        sr25519_pair_t child;
        sr25519_derive_soft(&key->sr25519, code, &child);
        *key = (keypair_t){.kind = KEY_SR25519, .sr25519 = child};
        memcpy(key->public_key, child.public_key, 32);
        key->account = key_account_of(key->kind, key->public_key);
        sodium_memzero(&child, sizeof child);
        return KEY_OK;
    }
    uint8_t seed[32];
    memcpy(seed, key->seed, sizeof seed);
    if (key->kind == KEY_SR25519)
        sr25519_derive_hard(&key->sr25519, code, seed);
    else
        derive_seed(key->kind, code, seed);
    key_status_t status = key_from_seed(seed, key->kind, key);
    sodium_memzero(seed, sizeof seed);
    return status;
}

/* walk follows the junctions from `path` to `end`. */
static key_status_t walk(keypair_t *key, const char *path, const char *end)
{
    while (path < end) {
        bool is_hard = path + 1 < end && path[1] == '/';
        path += is_hard ? 2 : 1;
        size_t left = (size_t)(end - path), len = 0;
        while (len < left && path[len] != '/')
            len++;
        if (len == 0) return KEY_BAD_PATH;
        uint8_t code[32];
        chain_code((bytes_t){(const uint8_t *)path, (uint32_t)len}, code);
        key_status_t status = derive(key, code, is_hard);
        if (status != KEY_OK) return status;
        path += len;
    }
    return KEY_OK;
}

static key_status_t root_seed(const char *phrase, const char *password, uint8_t seed[32])
{
    if (strncmp(phrase, "0x", 2) == 0)
        return hex_decode_exact(bytes_text(phrase), seed, 32) ? KEY_OK : KEY_BAD_SEED;
    return mnemonic_mini_secret(phrase[0] ? phrase : dev_phrase, password, seed);
}

key_status_t key_from_suri(const char *suri, key_kind_t kind, keypair_t *key)
{
    *key = (keypair_t){.kind = kind};
    if (strlen(suri) > SURI_TEXT_MAX) return KEY_BAD_PATH;
    const char *password = strstr(suri, "///");
    const char *end      = password ? password : suri + strlen(suri);
    size_t phrase_len    = strcspn(suri, "/");
    char phrase[SURI_TEXT_MAX + 1];
    uint8_t seed[32];
    memcpy(phrase, suri, phrase_len);
    phrase[phrase_len]  = 0;
    key_status_t status = root_seed(phrase, password ? password + 3 : "", seed);
    if (status == KEY_OK) status = key_from_seed(seed, kind, key);
    if (status == KEY_OK) status = walk(key, suri + phrase_len, end);
    if (status != KEY_OK) key_wipe(key);
    sodium_memzero(phrase, sizeof phrase);
    sodium_memzero(seed, sizeof seed);
    return status;
}

void key_sign(const keypair_t *key, bytes_t message, signature_t *signature)
{
    *signature = (signature_t){.kind = key->kind};
    switch (key->kind) {
    case KEY_ED25519: ed25519_sign(key->seed, message, signature->b); break;
    case KEY_SR25519: sr25519_sign(&key->sr25519, message, signature->b); break;
    case KEY_ECDSA: {
        hash_t hash    = blake2_256(message);
        bool is_signed = ecdsa_sign(key->seed, hash.b, signature->b);
        assert(is_signed); /* the secret was checked when the key was made */
    }
    }
}
