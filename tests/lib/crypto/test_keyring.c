/* test_keyring.c - secret URIs, mnemonics and the keystore file. */
#include "keyring.h"
#include "ss58.h"
#include "test.h"
#include "vectors.h"

#include <sys/stat.h>
#include <unistd.h>

__attribute__((constructor)) static void prepare(void)
{
    if (!crypto_init()) abort();
}

/* uri_is makes the key of a URI; text is what vectors say instead of a key: that it is refused. */
static bool uri_is(const char *uri, const char *kind_text, bytes_t public_key, bytes_t account)
{
    key_kind_t kind;
    keypair_t key;
    if (!key_kind_parse(kind_text, &kind) || key_from_suri(uri, kind, &key) != KEY_OK) return false;
    return bytes_equal((bytes_t){key.public_key, key_public_len(kind)}, public_key) &&
           bytes_equal((bytes_t){key.account.b, 32}, account);
}

TEST(keys_are_as_the_vectors_say)
{
    json_t *root = vectors_load("crypto-vectors.json"), *item;
    size_t i;
    json_array_foreach(json_object_get(root, "keys"), i, item)
    {
        const char *uri = vector_text(item, "uri"), *kind_text = vector_text(item, "type");
        key_kind_t kind;
        keypair_t key;
        if (json_object_get(item, "publicKey")) {
            OK(uri_is(uri, kind_text, vector_bytes(item, "publicKey"), vector_bytes(item, "addressRaw")));
        } else {
            OK(key_kind_parse(kind_text, &kind));
            EQ(key_from_suri(uri, kind, &key), KEY_SOFT_REFUSED);
        }
    }
    EQ(i, 24);
    json_decref(root);
}

TEST(host_keys_are_as_the_vectors_say)
{
    json_t *root = vectors_load("host-vectors.json"), *item;
    const char *name;
    unsigned count = 0;
    json_object_foreach(root, name, item)
    {
        char kind_text[16], uri[32], address[SS58_TEXT_MAX + 1];
        key_kind_t kind;
        keypair_t key;
        if (sscanf(name, "%15s %31s", kind_text, uri) != 2 || !key_kind_parse(kind_text, &kind)) continue;
        count++;
        if (!json_is_object(item)) {
            EQ(key_from_suri(uri, kind, &key), KEY_SOFT_REFUSED);
            continue;
        }
        OK(uri_is(uri, kind_text, vector_bytes(item, "pub"), vector_bytes(item, "addressRaw")));
        EQ(key_from_suri(uri, kind, &key), KEY_OK);
        ss58_account(address, &key.account);
        OK(strcmp(address, vector_text(item, "ss58")) == 0);
    }
    EQ(count, 12);
    json_decref(root);
}

TEST(mnemonics_are_as_the_vectors_say)
{
    json_t *root = vectors_load("crypto-vectors.json"), *item;
    size_t i;
    json_array_foreach(json_object_get(root, "mnemonic"), i, item)
    {
        const char *phrase = vector_text(item, "mnemonic"), *password = vector_text(item, "password");
        uint8_t entropy[32], seed[32];
        uint32_t len;
        char text[MNEMONIC_TEXT_MAX + 1], uri[SURI_TEXT_MAX];
        EQ(mnemonic_entropy(phrase, entropy, &len), KEY_OK);
        OK(bytes_equal((bytes_t){entropy, len}, vector_bytes(item, "entropy")));
        OK(mnemonic_from_entropy((bytes_t){entropy, len}, text) && strcmp(text, phrase) == 0);
        EQ(mnemonic_mini_secret(phrase, password, seed), KEY_OK);
        OK(bytes_equal((bytes_t){seed, 32}, vector_bytes(item, "miniSecret")));
        snprintf(uri, sizeof uri, "%s///%s", phrase, password);
        OK(uri_is(uri, "sr25519", vector_bytes(item, "sr25519"), vector_bytes(item, "sr25519")));
        OK(uri_is(uri, "ed25519", vector_bytes(item, "ed25519"), vector_bytes(item, "ed25519")));
    }
    EQ(i, 5);
    json_decref(root);
    root = vectors_load("host-vectors.json");
    keypair_t dev;
    EQ(key_from_suri("", KEY_SR25519, &dev), KEY_OK);
    OK(bytes_equal((bytes_t){dev.seed, 32}, vector_bytes(root, "devPhraseMini")));
    OK(!bytes_equal((bytes_t){dev.seed, 32}, (bytes_t){vector_bytes(root, "bip39_seed_std").data, 32}));
    json_decref(root);
}

TEST(generated_mnemonics_are_valid_and_differ)
{
    char first[MNEMONIC_TEXT_MAX + 1], second[MNEMONIC_TEXT_MAX + 1];
    uint8_t entropy[32];
    uint32_t len;
    for (unsigned words = 12; words <= 24; words += 3) {
        OK(mnemonic_generate(words, first) && mnemonic_generate(words, second) && strcmp(first, second) != 0);
        EQ(mnemonic_entropy(first, entropy, &len), KEY_OK);
        EQ(len, words / 3 * 4);
    }
    OK(!mnemonic_generate(13, first) && !mnemonic_generate(9, first) && !mnemonic_generate(27, first));
}

TEST(a_wrong_mnemonic_is_refused)
{
    static const char *const bad[] = {
        "bottom drive obey lake curtain smoke basket hold race lonely fit fit", /* checksum */
        "bottom drive obey lake curtain smoke basket hold race lonely fit",     /* a word short */
        "bottom drive obey lake curtain smoke basket hold race lonely fit wal", /* no word */
        "bottom drive obey lake curtain smoke basket hold race lonely fit walks",
        "abandon",
        "zoozoozoozoozoozoozoozoozoo"};
    uint8_t entropy[32];
    uint32_t len;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EQ(mnemonic_entropy(bad[i], entropy, &len), KEY_BAD_PHRASE);
}

TEST(a_wrong_uri_is_refused)
{
    keypair_t key;
    char long_uri[SURI_TEXT_MAX + 8];
    EQ(key_from_suri("0x1234", KEY_SR25519, &key), KEY_BAD_SEED);
    EQ(key_from_suri("//Alice/", KEY_SR25519, &key), KEY_BAD_PATH);
    EQ(key_from_suri("//", KEY_SR25519, &key), KEY_BAD_PATH);
    EQ(key_from_suri("0x0000000000000000000000000000000000000000000000000000000000000000", KEY_ECDSA, &key),
       KEY_BAD_SEED);
    memset(long_uri, 'a', sizeof long_uri);
    memcpy(long_uri, "//", 2);
    long_uri[sizeof long_uri - 1] = 0;
    EQ(key_from_suri(long_uri, KEY_SR25519, &key), KEY_BAD_PATH);
    long_uri[SURI_TEXT_MAX] = 0;
    EQ(key_from_suri(long_uri, KEY_SR25519, &key), KEY_OK);
}

/* docs/formats/rmb.md 3: the secret that the bus makes its secp256k1 key of */
TEST(the_seed_after_the_last_hard_junction_is_known)
{
    keypair_t key;
    uint8_t compressed[33];
    EQ(key_from_suri("//Alice", KEY_SR25519, &key), KEY_OK);
    OK(bytes_equal((bytes_t){key.seed, 32},
                   vector_hex("e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a")));
    OK(secp256k1_public(key.seed, compressed));
    OK(bytes_equal((bytes_t){compressed, 33},
                   vector_hex("037051bed73458951b45ca6376f4096c85bf1a370da94d5336d04867cfaaad019e")));
    EQ(key_from_suri("//Alice", KEY_ED25519, &key), KEY_OK);
    OK(bytes_equal((bytes_t){key.seed, 32},
                   vector_hex("abf8e5bdbe30c65656c0a3cbd181ff8a56294a69dfedd27982aace4a76909115")));
    OK(key.has_seed);
    EQ(key_from_suri("//Alice/soft", KEY_SR25519, &key), KEY_OK);
    OK(!key.has_seed);
}

TEST(keys_of_all_kinds_sign)
{
    for (unsigned kind = KEY_ED25519; kind <= KEY_ECDSA; kind++) {
        keypair_t key;
        signature_t signature;
        EQ(key_from_suri("//Bob//stash", (key_kind_t)kind, &key), KEY_OK);
        key_sign(&key, BYTES("hello"), &signature);
        OK(crypto_verify(&signature, &key.account, BYTES("hello")));
        OK(!crypto_verify(&signature, &key.account, BYTES("hallo")));
    }
}

TEST(a_key_file_is_sealed_private_and_never_replaced)
{
    char path[64], suri[SURI_TEXT_MAX + 1], text[4096] = {0};
    key_kind_t kind;
    struct stat info;
    snprintf(path, sizeof path, "/tmp/trellis-test-key-%ld", (long)getpid());
    EQ(key_file_write(path, "//Alice//stash", KEY_ED25519, "open sesame"), KEY_OK);
    EQ(key_file_write(path, "//Bob", KEY_ED25519, "open sesame"), KEY_FILE_EXISTS);
    OK(stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    FILE *file = fopen(path, "r");
    OK(file && fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    OK(!strstr(text, "Alice"));
    EQ(key_file_read(path, "open sesame", suri, &kind), KEY_OK);
    OK(strcmp(suri, "//Alice//stash") == 0 && kind == KEY_ED25519);
    EQ(key_file_read(path, "open says me", suri, &kind), KEY_FILE_WRONG_PASSWORD);
    OK(chmod(path, 0644) == 0);
    EQ(key_file_read(path, "open sesame", suri, &kind), KEY_FILE_TOO_OPEN);
    unlink(path);
    EQ(key_file_read(path, "open sesame", suri, &kind), KEY_FILE_UNREADABLE);
}

TEST(a_damaged_key_file_is_refused)
{
    static const char *const bad[] = {"", "trellis-key-1", "trellis-key-1 sr25519 00 00 00\n",
                                      "hello world\n",
                                      "trellis-key-1 sr25519 00112233445566778899aabbccddeeff "
                                      "00112233445566778899aabbccddeeff0011223344556677 00\n"};
    char path[64], suri[SURI_TEXT_MAX + 1];
    key_kind_t kind;
    snprintf(path, sizeof path, "/tmp/trellis-test-bad-key-%ld", (long)getpid());
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        FILE *file = fopen(path, "w");
        OK(file && fputs(bad[i], file) >= 0 && fclose(file) == 0 && chmod(path, 0600) == 0);
        EQ(key_file_read(path, "", suri, &kind), KEY_FILE_MALFORMED);
    }
    unlink(path);
}

TEST(what_is_sealed_opens_only_for_its_key)
{
    keypair_t alice, bob, soft;
    uint8_t sealed[11 + KEY_SEAL_OVERHEAD], plain[11];
    EQ(key_from_suri("//Alice", KEY_SR25519, &alice), KEY_OK);
    EQ(key_from_suri("//Bob", KEY_SR25519, &bob), KEY_OK);
    EQ(key_from_suri("//Bob/soft", KEY_SR25519, &soft), KEY_OK);
    OK(key_seal(&alice, BYTES("hello world"), sealed));
    OK(key_unseal(&alice, (bytes_t){sealed, sizeof sealed}, plain) && memcmp(plain, "hello world", 11) == 0);
    OK(!key_unseal(&bob, (bytes_t){sealed, sizeof sealed}, plain));
    OK(!key_unseal(&alice, (bytes_t){sealed, 20}, plain));
    sealed[30] ^= 1;
    OK(!key_unseal(&alice, (bytes_t){sealed, sizeof sealed}, plain));
    OK(!key_seal(&soft, BYTES("hello world"), sealed));
}

TEST_MAIN()
