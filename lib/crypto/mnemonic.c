/* mnemonic.c - words to entropy and back (BIP39), and the mini-secret that Substrate makes of it.
 *
 * A word stands for 11 bits; after the entropy come its first len / 4 bits of SHA-256. */
#include "bip39.h"
#include "hash.h"
#include "keyring.h"

#include <sodium.h>
#include <string.h>

#define ENTROPY_MIN   16u
#define ENTROPY_MAX   32u
#define WORDS_MAX     24u
#define WORD_LEN_MAX  8u
#define PBKDF2_ROUNDS 2048
#define PASSWORD_MAX  512u

/* word_index finds a word in the list, or gives -1. */
static int word_index(const char *word, size_t len)
{
    int low = 0, high = BIP39_WORD_COUNT - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        int order  = strncmp(word, bip39_english[middle], len);
        if (order == 0 && bip39_english[middle][len] == 0) return middle;
        if (order > 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

static uint8_t checksum(bytes_t entropy)
{
    uint8_t digest[32];
    sha2_256(digest, entropy);
    return digest[0];
}

static bool entropy_len_is_valid(uint32_t len)
{
    return len >= ENTROPY_MIN && len <= ENTROPY_MAX && len % 4 == 0;
}

bool mnemonic_from_entropy(bytes_t entropy, char text[MNEMONIC_TEXT_MAX + 1])
{
    uint8_t bits[ENTROPY_MAX + 1];
    char *at = text;
    if (!entropy_len_is_valid(entropy.len)) return false;
    memcpy(bits, entropy.data, entropy.len);
    bits[entropy.len] = checksum(entropy);
    for (uint32_t word = 0; word < entropy.len * 3 / 4; word++) {
        uint32_t index = 0;
        for (uint32_t bit = word * 11; bit < word * 11 + 11; bit++)
            index = index << 1 | (bits[bit / 8] >> (7 - bit % 8) & 1);
        size_t len = strlen(bip39_english[index]);
        if (word > 0) *at++ = ' ';
        memcpy(at, bip39_english[index], len);
        at += len;
    }
    *at = 0;
    sodium_memzero(bits, sizeof bits);
    return true;
}

bool mnemonic_generate(unsigned word_count, char text[MNEMONIC_TEXT_MAX + 1])
{
    uint8_t entropy[ENTROPY_MAX];
    uint32_t len = word_count / 3 * 4;
    if (word_count % 3 != 0 || word_count > WORDS_MAX || !entropy_len_is_valid(len)) return false;
    randombytes_buf(entropy, sizeof entropy);
    bool made = mnemonic_from_entropy((bytes_t){entropy, len}, text);
    sodium_memzero(entropy, sizeof entropy);
    return made;
}

/* read_words sets the bits of all words; gives their count, or 0 when one is not in the list. */
static uint32_t read_words(const char *text, uint8_t bits[ENTROPY_MAX + 1])
{
    uint32_t count = 0;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");
        int index  = len > WORD_LEN_MAX ? -1 : word_index(text, len);
        if (index < 0 || count == WORDS_MAX) return 0;
        for (uint32_t i = 0; i < 11; i++) {
            uint32_t bit = count * 11 + i;
            bits[bit / 8] |= (uint8_t)((unsigned)index >> (10 - i) << 7 >> bit % 8 & 0x80 >> bit % 8);
        }
        count++;
        text += len;
    }
    return count;
}

key_status_t mnemonic_entropy(const char *text, uint8_t entropy[32], uint32_t *len)
{
    uint8_t bits[ENTROPY_MAX + 1] = {0};
    uint32_t count                = read_words(text, bits);
    *len                          = count / 3 * 4;
    bool is_valid                 = count % 3 == 0 && entropy_len_is_valid(*len);
    if (is_valid) {
        uint8_t mask = (uint8_t)(0xff00 >> *len / 4);
        is_valid     = ((bits[*len] ^ checksum((bytes_t){bits, *len})) & mask) == 0;
        memcpy(entropy, bits, *len);
    }
    sodium_memzero(bits, sizeof bits);
    return is_valid ? KEY_OK : KEY_BAD_PHRASE;
}

/* pbkdf2 is the first block of PBKDF2-HMAC-SHA512. */
static void pbkdf2(bytes_t password, bytes_t salt, uint8_t out[64])
{
    static const uint8_t block_number[4] = {0, 0, 0, 1};
    crypto_auth_hmacsha512_state keyed, state;
    uint8_t u[64];
    crypto_auth_hmacsha512_init(&keyed, password.data, password.len);
    state = keyed;
    crypto_auth_hmacsha512_update(&state, salt.data, salt.len);
    crypto_auth_hmacsha512_update(&state, block_number, sizeof block_number);
    crypto_auth_hmacsha512_final(&state, u);
    memcpy(out, u, sizeof u);
    for (int round = 1; round < PBKDF2_ROUNDS; round++) {
        state = keyed;
        crypto_auth_hmacsha512_update(&state, u, sizeof u);
        crypto_auth_hmacsha512_final(&state, u);
        for (size_t i = 0; i < sizeof u; i++)
            out[i] ^= u[i];
    }
    sodium_memzero(u, sizeof u);
    sodium_memzero(&keyed, sizeof keyed);
    sodium_memzero(&state, sizeof state);
}

key_status_t mnemonic_mini_secret(const char *text, const char *password, uint8_t mini_secret[32])
{
    static const char prefix[] = "mnemonic";
    uint8_t entropy[32], seed[64], salt[sizeof prefix - 1 + PASSWORD_MAX];
    uint32_t len;
    size_t password_len = strlen(password);
    if (password_len > PASSWORD_MAX) return KEY_BAD_PATH;
    key_status_t status = mnemonic_entropy(text, entropy, &len);
    if (status != KEY_OK) return status;
    memcpy(salt, prefix, sizeof prefix - 1);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes, not a text */
    memcpy(salt + sizeof prefix - 1, password, password_len);
    pbkdf2((bytes_t){entropy, len}, (bytes_t){salt, (uint32_t)(sizeof prefix - 1 + password_len)}, seed);
    memcpy(mini_secret, seed, 32);
    sodium_memzero(entropy, sizeof entropy);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(salt, sizeof salt);
    return KEY_OK;
}
