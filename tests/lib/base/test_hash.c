/* test_hash.c - each hash gives the known answers, and both BLAKE2b agree. */
#include "hash.h"
#include "test.h"
#include "vectors.h"

void pure_blake2b(uint8_t *digest, uint32_t digest_len, bytes_t message);

TEST(hashes_are_as_the_vectors_say)
{
    json_t *root = vectors_load("crypto-vectors.json"), *item;
    size_t i;
    json_array_foreach(json_object_get(root, "hash"), i, item)
    {
        bytes_t in = vector_bytes(item, "in");
        uint8_t d[64];
        blake2b(d, 16, in);
        OK(bytes_equal((bytes_t){d, 16}, vector_bytes(item, "blake2_128")));
        hash_t hash = blake2_256(in);
        OK(bytes_equal((bytes_t){hash.b, 32}, vector_bytes(item, "blake2_256")));
        blake2b(d, 64, in);
        OK(bytes_equal((bytes_t){d, 64}, vector_bytes(item, "blake2_512")));
        twox_64(d, in);
        OK(bytes_equal((bytes_t){d, 8}, vector_bytes(item, "twox64")));
        twox_128(d, in);
        OK(bytes_equal((bytes_t){d, 16}, vector_bytes(item, "twox128")));
        twox_256(d, in);
        OK(bytes_equal((bytes_t){d, 32}, vector_bytes(item, "twox256")));
        keccak_256(d, in);
        OK(bytes_equal((bytes_t){d, 32}, vector_bytes(item, "keccak256")));
        sha2_256(d, in);
        OK(bytes_equal((bytes_t){d, 32}, vector_bytes(item, "sha256")));
    }
    EQ(i, 8);
    json_decref(root);
}

TEST(host_hashes_are_as_the_vectors_say)
{
    json_t *root = vectors_load("host-vectors.json");
    uint8_t d[32];
    twox_64(d, BYTES("abc"));
    OK(bytes_equal((bytes_t){d, 8}, vector_bytes(root, "twox64_abc")));
    twox_128(d, BYTES("System"));
    OK(bytes_equal((bytes_t){d, 16}, vector_bytes(root, "twox128_System")));
    twox_128(d, BYTES("Account"));
    OK(bytes_equal((bytes_t){d, 16}, vector_bytes(root, "twox128_Account")));
    twox_128(d, BYTES("Events"));
    OK(bytes_equal((bytes_t){d, 16}, vector_bytes(root, "twox128_Events")));
    hash_t hash = blake2_256((bytes_t){0});
    OK(bytes_equal((bytes_t){hash.b, 32}, vector_bytes(root, "blake2_256_empty")));
    keccak_256(d, (bytes_t){0});
    OK(bytes_equal((bytes_t){d, 32}, vector_bytes(root, "keccak256_empty")));
    json_decref(root);
}

TEST(storage_prefixes_are_twox_of_names)
{
    json_t *root = vectors_load("crypto-vectors.json"), *item;
    size_t i;
    unsigned derived = 0;
    json_array_foreach(json_object_get(root, "storagePrefix"), i, item)
    {
        uint8_t d[16];
        const char *prefix = vector_text(item, "prefix");
        twox_128(d, bytes_text(prefix));
        OK(bytes_equal((bytes_t){d, 16}, vector_bytes(item, "palletHash")));
        bytes_t key = vector_bytes(item, "key");
        /* palletVersion's and the raw keys' names are not hashed as they are called. */
        if (key.len == 32 && memcmp(key.data, d, 16) == 0 &&
            bytes_equal((bytes_t){key.data + 16, 16}, vector_bytes(item, "itemHash")))
            derived++;
    }
    OK(derived > 120);
    json_decref(root);
}

PROPERTY(both_blake2b_agree, 400)
{
    uint8_t message[400], native[64], pure[64];
    bytes_t v = {message, random_below(random, sizeof message + 1)};
    for (uint32_t i = 0; i < v.len; i++)
        message[i] = (uint8_t)random_next(random);
    uint32_t len = 1 + random_below(random, 64);
    blake2b(native, len, v);
    pure_blake2b(pure, len, v);
    OK(memcmp(native, pure, len) == 0);
}

TEST(sha2_pads_across_block_ends)
{
    uint8_t d[32], zeros[129] = {0};
    static const char *const want[] = {"02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7",
                                       "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb",
                                       "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"};
    for (uint32_t i = 0; i < 3; i++) {
        sha2_256(d, (bytes_t){zeros, i == 0 ? 55 : i == 1 ? 56 : 64});
        OK(bytes_equal((bytes_t){d, 32}, vector_hex(want[i])));
    }
}

TEST_MAIN()
