/* test_extrinsic.c - extrinsics have the bytes that other clients make, and signatures that hold. */
#define _GNU_SOURCE /* memmem */
#include "extrinsic.h"
#include "hash.h"
#include "test.h"
#include "vectors.h"

static keypair_t alice;

__attribute__((constructor)) static void prepare(void)
{
    if (!crypto_init() || key_from_suri("//Alice", KEY_SR25519, &alice) != KEY_OK) abort();
}

static const extrinsic_terms_t plain = {.spec_version = 152, .transaction_version = 2};

TEST(extrinsics_are_those_of_another_client_but_for_the_signature)
{
    json_t *root = vectors_load("scale-vectors.json"), *item;
    size_t i;
    unsigned compared = 0;
    json_array_foreach(json_object_get(root, "calls"), i, item)
    {
        static uint8_t room[65536];
        scale_writer_t w = scale_writer(room, sizeof room);
        bytes_t want = vector_bytes(item, "extrinsic"), call = vector_bytes(item, "callHex"), got;
        bool is_by_alice = memmem(want.data, 40, alice.account.b, 32) != NULL;
        if (!is_by_alice) continue;
        extrinsic_terms_t terms = plain;
        scale_reader_t r        = scale_reader(want, NULL);
        uint32_t head = scale_compact_len(scale_get_compact(&r)) + 2 + 32 + 1; /* the signature follows */
        r             = scale_reader((bytes_t){want.data + head + 64 + 1, 8}, NULL); /* and era, nonce, tip */
        terms.nonce   = scale_get_compact_u32(&r);
        terms.tip     = scale_get_compact(&r);
        OK(extrinsic_sign(&alice, call, &terms, &w));
        got = scale_written(&w);
        EQ(got.len, want.len);
        OK(memcmp(got.data, want.data, head) == 0);
        OK(memcmp(got.data + head + 64, want.data + head + 64, got.len - head - 64) == 0);
        compared++;
    }
    EQ(compared, 62);
    json_decref(root);
}

/* payload is what must have been signed, put together once more. */
static bytes_t payload(bytes_t call, const extrinsic_terms_t *terms, uint8_t *room, uint32_t cap)
{
    scale_writer_t w = scale_writer(room, cap);
    scale_put_raw(&w, call.data, call.len);
    era_put(&w, terms->era);
    scale_put_compact(&w, terms->nonce);
    scale_put_compact_u128(&w, terms->tip);
    scale_put_u32(&w, terms->spec_version);
    scale_put_u32(&w, terms->transaction_version);
    scale_put_hash(&w, &terms->genesis);
    scale_put_hash(&w, &terms->birth);
    return scale_written(&w);
}

static bool signs(const keypair_t *key, uint32_t call_len)
{
    static uint8_t call_bytes[1024], room[2048], payload_room[2048];
    extrinsic_terms_t terms = {.spec_version        = 7,
                               .transaction_version = 2,
                               .nonce               = 300,
                               .era                 = era_at(1000, 64),
                               .tip                 = ((u128_t)1 << 70) + 5,
                               .genesis             = {{1}},
                               .birth               = {{2}}};
    scale_writer_t w        = scale_writer(room, sizeof room);
    bytes_t call            = {call_bytes, call_len},
            signed_part     = payload(call, &terms, payload_room, sizeof payload_room);
    signature_t signature   = {.kind = key->kind};
    account_id_t who;
    if (!extrinsic_sign(key, call, &terms, &w)) return false;
    scale_reader_t r = scale_reader(scale_written(&w), NULL);
    if (scale_get_compact(&r) != scale_left(&r) || scale_get_u8(&r) != 0x84 || scale_get_u8(&r) != 0)
        return false;
    scale_get_account_id(&r, &who);
    if (scale_get_u8(&r) != key->kind) return false;
    scale_get_raw(&r, signature.b, signature_len(key->kind));
    era_t era = era_get(&r);
    if (era.period != 64 || scale_get_compact(&r) != 300 || scale_get_compact_u128(&r) != terms.tip)
        return false;
    hash_t hash  = blake2_256(signed_part);
    bool is_long = signed_part.len > 256;
    return scale_left(&r) == call_len &&
           crypto_verify(&signature, &who, is_long ? (bytes_t){hash.b, 32} : signed_part);
}

TEST(signatures_of_all_kinds_hold_for_short_and_long_calls)
{
    for (unsigned kind = KEY_ED25519; kind <= KEY_ECDSA; kind++) {
        keypair_t key;
        EQ(key_from_suri("//Bob", (key_kind_t)kind, &key), KEY_OK);
        OK(signs(&key, 36));
        OK(signs(&key, 150)); /* around 256 bytes of payload */
        OK(signs(&key, 160));
        OK(signs(&key, 900));
    }
}

TEST(a_writer_without_room_makes_no_extrinsic)
{
    uint8_t room[40];
    scale_writer_t w = scale_writer(room, sizeof room);
    OK(!extrinsic_sign(&alice, BYTES("call"), &plain, &w));
}

TEST_MAIN()
