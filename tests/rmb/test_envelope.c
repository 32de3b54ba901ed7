/* test_envelope.c - envelopes, encryption and login tokens, against what rmb_direct_client makes. */
#include "test.h"

#include "e2e.h"
#include "envelope.h"
#include "token.h"
#include "vectors.h"

static json_t *vectors(void)
{
    static json_t *root;
    if (!root) root = vectors_load("rmb-vectors.json");
    return root;
}

static uint8_t room[1 << 18];
static arena_t arena;
static arena_t *fresh_arena(void)
{
    arena = (arena_t){.start = room, .size = sizeof room};
    return &arena;
}

static keypair_t key_a(key_kind_t kind)
{
    keypair_t key;
    if (key_from_suri(vector_text(vectors(), "mnemonicA"), kind, &key) != KEY_OK) exit(1);
    return key;
}

static envelope_t decode(const json_t *vector)
{
    envelope_t envelope;
    if (envelope_decode(vector_bytes(vector, "wire"), fresh_arena(), &envelope) != ENVELOPE_OK) exit(1);
    return envelope;
}

/* The client writes errors and pings with the kind before the signature: the same message in other bytes. */
TEST(vectors_decode_and_encode_to_the_same_message)
{
    size_t i;
    json_t *vector;
    json_array_foreach(json_object_get(vectors(), "envelopes"), i, vector)
    {
        envelope_t envelope = decode(vector);
        bytes_t wire        = vector_bytes(vector, "wire");
        uint8_t again[1024], room_again[32768], challenge[16];
        EQ(envelope_encoded_len(&envelope), wire.len);
        envelope_encode(&envelope, again);
        OK(bytes_equal((bytes_t){again, wire.len}, wire) || i >= 2);
        arena_t other = {.start = room_again, .size = sizeof room_again};
        OK(envelope_decode((bytes_t){again, wire.len}, &other, &envelope) == ENVELOPE_OK);
        envelope_challenge(&envelope, challenge);
        OK(bytes_equal((bytes_t){challenge, 16}, vector_bytes(vector, "challengeMd5")));
        EQ(envelope.source.twin, 7);
        OK(strcmp(envelope.source.connection, "sess1") == 0);
        OK(!envelope.destination.connection);
    }
    EQ(i, 4);
}

TEST(vectors_have_our_challenge_and_signature)
{
    keypair_t key = key_a(KEY_ED25519);
    size_t i;
    json_t *vector;
    json_array_foreach(json_object_get(vectors(), "envelopes"), i, vector)
    {
        envelope_t envelope = decode(vector);
        uint8_t challenge[16], signature[65];
        envelope_challenge(&envelope, challenge);
        OK(bytes_equal((bytes_t){challenge, 16}, vector_bytes(vector, "challengeMd5")));
        OK(envelope_sign(&envelope, &key, signature));
        OK(bytes_equal((bytes_t){signature, 65}, vector_bytes(vector, "ed25519Signature65")));
        OK(envelope_verify(&envelope, &key.account));
    }
}

TEST(every_field_is_signed)
{
    keypair_t key = key_a(KEY_SR25519);
    uint8_t signature[65];
    envelope_t good = {
        .uid             = "u",
        .tags            = "",
        .timestamp_s     = 5,
        .expiration_s    = 6,
        .has_source      = true,
        .has_destination = true,
        .source          = {1,     "c"},
        .destination     = {2,     NULL},
        .kind            = ENVELOPE_ERROR,
        .error_code      = 3,
        .error_message   = "m",
        .schema          = "s",
        .federation      = "f",
        .payload_kind    = PAYLOAD_PLAIN,
        .payload         = BYTES("p"),
        .relay_count     = 1,
        .relays          = {"r"}
    };
    OK(envelope_sign(&good, &key, signature));
    EQ(signature[0], 's');
    OK(envelope_verify(&good, &key.account));
    envelope_t bad[14];
    for (int i = 0; i < 14; i++)
        bad[i] = good;
    bad[0].uid                    = "v";
    bad[1].tags                   = "t";
    bad[2].timestamp_s            = 6;
    bad[3].expiration_s           = 7;
    bad[4].source.twin            = 9;
    bad[5].source.connection      = NULL;
    bad[6].destination.twin       = 9;
    bad[7].destination.connection = "d";
    bad[8].error_code             = 4;
    bad[9].error_message          = "n";
    bad[10].schema                = "t";
    bad[11].federation            = NULL;
    bad[12].payload               = BYTES("q");
    bad[13].relays[0]             = "s";
    for (int i = 0; i < 14; i++)
        OK(!envelope_verify(&bad[i], &key.account));
    keypair_t other;
    EQ(key_from_suri("//Bob", KEY_SR25519, &other), KEY_OK);
    OK(!envelope_verify(&good, &other.account));
    good.signature.len = 64;
    OK(!envelope_verify(&good, &key.account));
    EQ(key_from_suri("//Bob", KEY_ECDSA, &other), KEY_OK);
    OK(!envelope_sign(&good, &other, signature));
}

TEST(what_is_not_an_envelope_is_refused)
{
    static const struct {
        const char *hex;
        envelope_status_t status;
    } cases[] = {
        {"",                       ENVELOPE_OK       },
        {"0a",                     ENVELOPE_MALFORMED},
        {"0aff",                   ENVELOPE_MALFORMED},
        {"0a05616263",             ENVELOPE_MALFORMED},
        {"0a01ff",                 ENVELOPE_MALFORMED}, /* not UTF-8 */
        {"0a02c080",               ENVELOPE_MALFORMED}, /* a long form of zero */
        {"0a03eda080",             ENVELOPE_MALFORMED}, /* a surrogate */
        {"0a04f4908080",           ENVELOPE_MALFORMED},
        {"0a03e282ac",             ENVELOPE_OK       },
        {"2a02086f",               ENVELOPE_OK       },
        {"2a03086f",               ENVELOPE_MALFORMED},
        {"ffffffffffffffffffff01", ENVELOPE_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        envelope_t envelope;
        EQ(envelope_decode(vector_hex(cases[i].hex), fresh_arena(), &envelope), cases[i].status);
    }
}

TEST(many_tiny_fields_cost_no_more_than_the_arena)
{
    static uint8_t wire[40000];
    for (uint32_t i = 0; i < sizeof wire; i += 2) {
        wire[i]     = 0xa0; /* field 36, varint */
        wire[i + 1] = 0x02;
    }
    for (uint32_t i = 0; i < sizeof wire; i += 4)
        memcpy(wire + i, (uint8_t[]){0xa0, 0x02, 0x01, 0x0a}, 2);
    uint8_t small[sizeof wire + ENVELOPE_ARENA_SPARE];
    arena_t little = {.start = small, .size = sizeof small};
    envelope_t envelope;
    EQ(envelope_decode((bytes_t){wire, sizeof wire}, &little, &envelope), ENVELOPE_MALFORMED);
}

TEST(long_names_are_refused)
{
    char text[RMB_UID_MAX + 2];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    envelope_t envelope   = {.uid = text}, got;
    uint8_t wire[512];
    envelope_encode(&envelope, wire);
    EQ(envelope_decode((bytes_t){wire, envelope_encoded_len(&envelope)}, fresh_arena(), &got),
       ENVELOPE_TOO_LONG);
    envelope = (envelope_t){
        .uid = "u", .has_destination = true, .destination = {1, text}
    };
    envelope_encode(&envelope, wire);
    EQ(envelope_decode((bytes_t){wire, envelope_encoded_len(&envelope)}, fresh_arena(), &got),
       ENVELOPE_TOO_LONG);
}

PROPERTY(envelopes_survive_the_wire, 200)
{
    static const char *const texts[] = {NULL, "", "a", "application/json", "zos.system.version"};
    envelope_t e                     = {.uid             = texts[random_below(random, 5)],
                                        .tags            = texts[random_below(random, 5)],
                                        .timestamp_s     = random_next(random),
                                        .expiration_s    = random_below(random, 3),
                                        .has_source      = random_below(random, 2),
                                        .has_destination = random_below(random, 2),
                                        .kind            = (envelope_kind_t)random_below(random, 6),
                                        .schema          = texts[random_below(random, 5)],
                                        .federation      = texts[random_below(random, 5)],
                                        .payload_kind    = (envelope_payload_t)random_below(random, 3),
                                        .relay_count     = random_below(random, ENVELOPE_RELAYS_CAP + 1)};
    if (e.has_source)
        e.source = (envelope_address_t){random_below(random, 3), texts[random_below(random, 5)]};
    if (e.has_destination)
        e.destination = (envelope_address_t){random_below(random, 3), texts[random_below(random, 5)]};
    if (e.kind == ENVELOPE_REQUEST) e.command = texts[random_below(random, 5)];
    if (e.kind == ENVELOPE_ERROR) e.error_code = random_below(random, 300);
    if (e.payload_kind != PAYLOAD_NONE)
        e.payload = (bytes_t){room + sizeof room - 300, random_below(random, 300)};
    for (uint32_t i = 0; i < e.relay_count; i++)
        e.relays[i] = "relay";
    uint8_t wire[2048], again[2048], one[16], two[16];
    uint32_t len = envelope_encoded_len(&e);
    envelope_t got;
    envelope_encode(&e, wire);
    EQ(envelope_decode((bytes_t){wire, len}, fresh_arena(), &got), ENVELOPE_OK);
    EQ(envelope_encoded_len(&got), len);
    envelope_encode(&got, again);
    OK(memcmp(wire, again, len) == 0);
    envelope_challenge(&e, one);
    envelope_challenge(&got, two);
    OK(memcmp(one, two, 16) == 0);
}

TEST(life_is_counted_from_the_timestamp)
{
    envelope_t e = {.timestamp_s = 1000, .expiration_s = 60};
    EQ(envelope_left_s(&e, 1000), 60);
    EQ(envelope_left_s(&e, 1060), 0);
    OK(envelope_left_s(&e, 1100) == -40);
    e = (envelope_t){.timestamp_s = UINT64_MAX, .expiration_s = UINT64_MAX};
    EQ(envelope_left_s(&e, 0), INT64_MAX);
    e = (envelope_t){0};
    OK(envelope_left_s(&e, UINT64_MAX) == INT64_MIN);
}

TEST(a_stamp_keeps_the_deadline)
{
    envelope_t e = {.timestamp_s = 1000, .expiration_s = 60};
    OK(envelope_stamp(&e, 1010));
    EQ(e.timestamp_s, 1010);
    EQ(e.expiration_s, 50);
    OK(!envelope_stamp(&e, 1060));
    e = (envelope_t){.expiration_s = 60};
    OK(envelope_stamp(&e, 500));
    EQ(e.timestamp_s, 500);
    EQ(e.expiration_s, 60);
    e = (envelope_t){.timestamp_s = 900, .expiration_s = 60};
    OK(envelope_stamp(&e, 500));
    EQ(e.timestamp_s, 500);
    EQ(e.expiration_s, 60);
    EQ(envelope_expiration(0), 300);
    EQ(envelope_expiration(7), 7);
    EQ(envelope_expiration(1801), 1800);
}

TEST(tags_are_whole_words)
{
    envelope_t e = {.tags = "a,fail-fast b"};
    OK(envelope_has_tag(&e, "fail-fast"));
    OK(envelope_has_tag(&e, "a"));
    OK(envelope_has_tag(&e, "b"));
    OK(!envelope_has_tag(&e, "fail"));
    OK(!envelope_has_tag(&e, "Fail-fast"));
    e.tags = NULL;
    OK(!envelope_has_tag(&e, "a"));
    e.tags = "fail-faster";
    OK(!envelope_has_tag(&e, "fail-fast"));
}

TEST(a_uid_is_a_random_uuid)
{
    char one[37], two[37];
    envelope_uid(one);
    envelope_uid(two);
    EQ(strlen(one), 36);
    EQ(one[14], '4');
    OK(strcmp(one, two) != 0);
}

/* ---- end to end ---- */

TEST(the_encryption_vector_holds)
{
    keypair_t a = key_a(KEY_ED25519), b;
    uint8_t secret_a[32], secret_b[32], pk_a[33], pk_b[33], shared[32], cipher[128], plain[128];
    bytes_t seed_b = vector_bytes(vectors(), "seedB"), text = bytes_text(vector_text(vectors(), "plaintext"));
    EQ(key_from_seed(seed_b.data, KEY_SR25519, &b), KEY_OK);
    OK(e2e_secret(&a, secret_a, pk_a) && e2e_secret(&b, secret_b, pk_b));
    OK(bytes_equal((bytes_t){secret_a, 32}, vector_bytes(vectors(), "miniSecretA")));
    OK(bytes_equal((bytes_t){pk_a, 33}, vector_bytes(vectors(), "pkA")));
    OK(bytes_equal((bytes_t){pk_b, 33}, vector_bytes(vectors(), "pkB")));
    OK(secp256k1_ecdh_x(secret_a, pk_b, shared));
    OK(bytes_equal((bytes_t){shared, 32}, vector_bytes(vectors(), "sharedAB")));

    bytes_t want = vector_bytes(vectors(), "cipherField");
    OK(e2e_encrypt_with(secret_a, pk_b, vector_bytes(vectors(), "nonce").data, text, cipher));
    OK(bytes_equal((bytes_t){cipher, text.len + E2E_OVERHEAD}, want));
    OK(e2e_decrypt(secret_b, pk_a, want, plain));
    OK(bytes_equal((bytes_t){plain, text.len}, text));
}

TEST(what_was_changed_does_not_decrypt)
{
    keypair_t a, b;
    uint8_t secret_a[32], secret_b[32], pk_a[33], pk_b[33], cipher[E2E_OVERHEAD + 5], plain[32];
    EQ(key_from_suri("//Alice", KEY_SR25519, &a), KEY_OK);
    EQ(key_from_suri("//Alice", KEY_ED25519, &b), KEY_OK);
    OK(e2e_secret(&a, secret_a, pk_a) && e2e_secret(&b, secret_b, pk_b));
    OK(bytes_equal((bytes_t){pk_a, 33},
                   vector_hex("037051bed73458951b45ca6376f4096c85bf1a370da94d5336d04867cfaaad019e")));
    OK(bytes_equal((bytes_t){pk_b, 33},
                   vector_hex("02dd958f0601b9fcdac03d6d56aa205a9ccbc6db0d63e622733c1879c16938253e")));
    OK(e2e_encrypt(secret_a, pk_b, BYTES("hello"), cipher));
    OK(e2e_decrypt(secret_b, pk_a, (bytes_t){cipher, sizeof cipher}, plain));
    for (uint32_t i = 0; i < sizeof cipher; i++) {
        cipher[i] ^= 1;
        OK(!e2e_decrypt(secret_b, pk_a, (bytes_t){cipher, sizeof cipher}, plain));
        cipher[i] ^= 1;
    }
    for (uint32_t len = 0; len < sizeof cipher; len++)
        OK(!e2e_decrypt(secret_b, pk_a, (bytes_t){cipher, len}, plain));
    pk_a[0] = 9;
    OK(!e2e_decrypt(secret_b, pk_a, (bytes_t){cipher, sizeof cipher}, plain));
    OK(e2e_encrypt(secret_a, pk_b, (bytes_t){0}, cipher));
}

TEST(a_soft_key_has_no_encryption_key)
{
    keypair_t soft;
    uint8_t secret[32], pk[33];
    EQ(key_from_suri("//Alice/soft", KEY_SR25519, &soft), KEY_OK);
    OK(!e2e_secret(&soft, secret, pk));
}

/* ---- tokens ---- */

TEST(the_token_vector_is_what_we_write)
{
    keypair_t key = key_a(KEY_ED25519);
    char text[TOKEN_MAX + 1];
    uint32_t len = token_write(&key, 7, "sess1", 1700000000, 1000, text);
    OK(bytes_equal((bytes_t){(const uint8_t *)text, len}, bytes_text(vector_text(vectors(), "jwtEd25519"))));
}

TEST(a_token_is_read_and_verified)
{
    keypair_t key = key_a(KEY_SR25519), other;
    token_t token;
    char text[TOKEN_MAX + 1];
    bytes_t vector = bytes_text(vector_text(vectors(), "jwtEd25519"));
    EQ(token_read(vector, 1700001000, &token), TOKEN_OK);
    EQ(token.twin, 7);
    EQ(token.issued_s, 1700000000);
    EQ(token.expires_s, 1700001000);
    OK(token.has_connection && strcmp(token.connection, "sess1") == 0);
    OK(token_verify(&token, &(account_id_t){.b = {0}}) == false);
    keypair_t ed = key_a(KEY_ED25519);
    OK(token_verify(&token, &ed.account));
    EQ(token_read(vector, 1700001001, &token), TOKEN_EXPIRED);

    uint32_t len = token_write(&key, UINT32_MAX, NULL, 1700000000, TOKEN_LIFE_S, text);
    OK(len > 0);
    EQ(token_read((bytes_t){(uint8_t *)text, len}, 1700000300, &token), TOKEN_OK);
    EQ(token.twin, UINT32_MAX);
    OK(!token.has_connection);
    OK(token_verify(&token, &key.account));
    EQ(key_from_suri("//Bob", KEY_SR25519, &other), KEY_OK);
    OK(!token_verify(&token, &other.account));
    EQ(key_from_suri("//Bob", KEY_ECDSA, &other), KEY_OK);
    EQ(token_write(&other, 1, NULL, 1, 1, text), 0);
}

TEST(a_changed_token_is_refused)
{
    keypair_t key = key_a(KEY_ED25519);
    char text[TOKEN_MAX + 1];
    uint32_t len = token_write(&key, 7, "a b\"\\\n", 1700000000, 1000, text);
    token_t token;
    for (uint32_t i = 0; i < len; i++) {
        text[i] ^= 1;
        bool is_good = token_read((bytes_t){(uint8_t *)text, len}, 1700000000, &token) == TOKEN_OK &&
                       token_verify(&token, &key.account);
        OK(!is_good);
        text[i] ^= 1;
        OK(token_read((bytes_t){(uint8_t *)text, i}, 1700000000, &token) != TOKEN_OK);
    }
    EQ(token_read((bytes_t){(uint8_t *)text, len}, 1700000000, &token), TOKEN_OK);
    OK(strcmp(token.connection, "a b\"\\\n") == 0);
}

TEST(claims_have_the_right_types)
{
    /* header {"alg":"RS512","typ":"JWT"}; the claims are, in turn, {"sub":7.5,...}, {"sub":"7",...},
     * {"sub":-1,...} and {"sub":4294967296,...}, each with iat 1 and exp 9. */
    static const char *const claims[] = {
        "eyJzdWIiOjcuNSwiaWF0IjoxLCJleHAiOjl9", "eyJzdWIiOiI3IiwiaWF0IjoxLCJleHAiOjl9",
        "eyJzdWIiOi0xLCJpYXQiOjEsImV4cCI6OX0", "eyJzdWIiOjQyOTQ5NjcyOTYsImlhdCI6MSwiZXhwIjo5fQ"};
    for (size_t i = 0; i < 4; i++) {
        char text[512];
        snprintf(text, sizeof text, "eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCJ9.%s.%s", claims[i],
                 strrchr(vector_text(vectors(), "jwtEd25519"), '.') + 1);
        token_t token;
        EQ(token_read(bytes_text(text), 1, &token), TOKEN_MALFORMED);
    }
}

int main(int argc, char **argv) { return crypto_init() ? test_main_(argc, argv) : 1; }
