/* test_crypto.c - signatures of all three kinds: known answers, round trips, and what is refused. */
#include "crypto.h"
#include "hash.h"
#include "test.h"
#include "vectors.h"

#define EACH(root, list, i, item) json_array_foreach(json_object_get(root, list), i, item)

__attribute__((constructor)) static void prepare(void)
{
    if (!crypto_init()) abort();
}

static void pair_from_export(const json_t *item, sr25519_pair_t *pair, bool *is_good)
{
    bytes_t secret = vector_bytes(item, "secretKey64"), want = vector_bytes(item, "publicKey");
    *is_good = secret.len == 64 && sr25519_from_secret(secret.data, true, pair) &&
               memcmp(pair->public_key, want.data, 32) == 0;
}

TEST(sr25519_signatures_are_as_the_vectors_say)
{
    json_t *root = vectors_load("crypto-vectors.json"), *item;
    size_t i;
    EACH(root, "sr25519", i, item)
    {
        sr25519_pair_t pair, exported;
        uint8_t signature[64];
        bool is_good;
        bytes_t message = vector_bytes(item, "message"), public_key = vector_bytes(item, "publicKey");
        sr25519_from_seed(vector_bytes(item, "miniSecret").data, &pair);
        OK(memcmp(pair.public_key, public_key.data, 32) == 0);
        pair_from_export(item, &exported, &is_good);
        OK(is_good && memcmp(pair.scalar, exported.scalar, 32) == 0 &&
           memcmp(pair.nonce, exported.nonce, 32) == 0);
        OK(sr25519_verify(vector_bytes(item, "signature").data, public_key.data, message));
        OK(!sr25519_verify(vector_bytes(item, "badSignature").data, public_key.data, message));
        sr25519_sign(&pair, message, signature);
        OK(sr25519_verify(signature, public_key.data, message));
        signature[63] &= 0x7f; /* without the marker it is another scheme's */
        OK(!sr25519_verify(signature, public_key.data, message));
    }
    EQ(i, 8);
    json_decref(root);
}

TEST(sr25519_derivation_is_as_the_vectors_say)
{
    json_t *root = vectors_load("crypto-vectors.json"), *item;
    size_t i;
    EACH(root, "sr25519derive", i, item)
    {
        sr25519_pair_t pair, child;
        uint8_t public_key[32], mini_secret[32], signature[64];
        bool is_good;
        bytes_t code = vector_bytes(item, "chainCode");
        pair_from_export(item, &pair, &is_good);
        OK(is_good);
        sr25519_derive_soft(&pair, code.data, &child);
        OK(memcmp(child.public_key, vector_bytes(item, "softPublic").data, 32) == 0);
        OK(sr25519_derive_soft_public(pair.public_key, code.data, public_key));
        OK(memcmp(public_key, vector_bytes(item, "softPublicFromPublic").data, 32) == 0);
        sr25519_sign(&child, BYTES("softly"), signature);
        OK(sr25519_verify(signature, child.public_key, BYTES("softly")));
        sr25519_derive_hard(&pair, code.data, mini_secret);
        sr25519_from_seed(mini_secret, &child);
        OK(memcmp(child.public_key, vector_bytes(item, "hardPublic").data, 32) == 0);
    }
    EQ(i, 4);
    json_decref(root);
}

TEST(vrf_signatures_are_as_the_vectors_say)
{
    json_t *root = vectors_load("crypto-vectors.json"), *item;
    size_t i;
    EACH(root, "sr25519vrf", i, item)
    {
        uint8_t signature[96];
        bytes_t public_key = vector_bytes(item, "publicKey"), message = vector_bytes(item, "message");
        memcpy(signature, vector_bytes(item, "vrfSign").data, sizeof signature);
        OK(sr25519_vrf_verify(signature, public_key.data, (bytes_t){0}, message));
        OK(!sr25519_vrf_verify(signature, public_key.data, BYTES("other"), message));
        signature[40] ^= 1;
        OK(!sr25519_vrf_verify(signature, public_key.data, (bytes_t){0}, message));
    }
    EQ(i, 2);
    json_decref(root);
}

TEST(a_vrf_output_depends_only_on_key_and_message)
{
    sr25519_pair_t pair;
    uint8_t seed[32] = {7}, first[96], second[96];
    sr25519_from_seed(seed, &pair);
    sr25519_vrf_sign(&pair, BYTES("slot"), BYTES("42"), first);
    sr25519_vrf_sign(&pair, BYTES("slot"), BYTES("42"), second);
    OK(memcmp(first, second, 32) == 0 && memcmp(first, second, 96) != 0);
    OK(sr25519_vrf_verify(first, pair.public_key, BYTES("slot"), BYTES("42")));
    OK(!sr25519_vrf_verify(first, pair.public_key, BYTES("slot"), BYTES("43")));
}

TEST(sr25519_refuses_scalars_and_points_that_are_not_canonical)
{
    sr25519_pair_t pair;
    uint8_t seed[32] = {9}, signature[64], bad[64], identity[32] = {0};
    sr25519_from_seed(seed, &pair);
    sr25519_sign(&pair, BYTES("x"), signature);
    OK(sr25519_verify(signature, pair.public_key, BYTES("x")));
    memset(bad, 0xff, sizeof bad);
    memcpy(bad, signature, 32);
    OK(!sr25519_verify(bad, pair.public_key, BYTES("x")));
    memset(bad, 0xff, 32);
    OK(!sr25519_verify(signature, bad, BYTES("x")));
    memset(bad, 0, sizeof bad); /* identity key, identity R, s = 0: the equation holds, as in schnorrkel */
    bad[63] = 0x80;
    OK(sr25519_verify(bad, identity, BYTES("x")));
    OK(!sr25519_verify(bad, pair.public_key, BYTES("x")));
}

TEST(ed25519_signatures_are_as_the_vectors_say)
{
    json_t *root = vectors_load("crypto-vectors.json"), *item;
    size_t i;
    EACH(root, "ed25519", i, item)
    {
        uint8_t public_key[32], signature[64];
        bytes_t seed = vector_bytes(item, "seed"), message = vector_bytes(item, "message");
        ed25519_public(seed.data, public_key);
        OK(memcmp(public_key, vector_bytes(item, "publicKey").data, 32) == 0);
        ed25519_sign(seed.data, message, signature);
        OK(memcmp(signature, vector_bytes(item, "signature").data, 64) == 0);
        OK(ed25519_verify(signature, public_key, message));
        signature[3] ^= 4;
        OK(!ed25519_verify(signature, public_key, message));
    }
    EQ(i, 8);
    json_decref(root);
}

PROPERTY(ecdsa_recovers_its_key, 30)
{
    uint8_t secret[32], compressed[33], recovered[33];
    signature_t signature = {.kind = KEY_ECDSA};
    account_id_t who;
    for (int i = 0; i < 32; i++)
        secret[i] = (uint8_t)random_next(random);
    OK(secp256k1_public(secret, compressed));
    hash_t hash = blake2_256(BYTES("message")), account = blake2_256((bytes_t){compressed, 33});
    OK(ecdsa_sign(secret, hash.b, signature.b));
    OK(ecdsa_recover(signature.b, hash.b, recovered) && memcmp(recovered, compressed, 33) == 0);
    memcpy(who.b, account.b, 32);
    OK(crypto_verify(&signature, &who, BYTES("message")));
    OK(!crypto_verify(&signature, &who, BYTES("massage")));
    signature.b[64] = (uint8_t)(signature.b[64] + 27);
    OK(crypto_verify(&signature, &who, BYTES("message")));
    signature.b[64] = 4;
    OK(!crypto_verify(&signature, &who, BYTES("message")));
}

TEST(a_signature_of_another_kind_is_refused)
{
    uint8_t seed[32]      = {1};
    signature_t signature = {.kind = KEY_ED25519};
    account_id_t who;
    ed25519_public(seed, who.b);
    ed25519_sign(seed, BYTES("m"), signature.b);
    OK(crypto_verify(&signature, &who, BYTES("m")));
    signature.kind = KEY_SR25519;
    OK(!crypto_verify(&signature, &who, BYTES("m")));
    signature.kind = KEY_ECDSA;
    OK(!crypto_verify(&signature, &who, BYTES("m")));
}

TEST(both_sides_of_ecdh_make_one_key)
{
    uint8_t a[32] = {1}, b[32] = {2}, zero[32] = {0}, pk_a[33], pk_b[33], key_a[32], key_b[32];
    OK(secp256k1_public(a, pk_a) && secp256k1_public(b, pk_b) && !secp256k1_public(zero, pk_a));
    OK(secp256k1_public(a, pk_a));
    OK(secp256k1_ecdh_x(a, pk_b, key_a) && secp256k1_ecdh_x(b, pk_a, key_b));
    OK(memcmp(key_a, key_b, 32) == 0);
    pk_b[0] = 9;
    OK(!secp256k1_ecdh_x(a, pk_b, key_a));
    OK(!secp256k1_ecdh_x(zero, pk_a, key_a));
}

TEST_MAIN()
