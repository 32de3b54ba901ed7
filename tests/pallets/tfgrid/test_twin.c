/* Terms, twins, bonds and entities. */
#include "test.h"
#include "world.h"

static dispatch_t accept(const account_id_t *who, bytes_t link, bytes_t hash)
{
    return CALL(*who, tfgrid_user_accept_tc, .document_link = link, .document_hash = hash);
}

TEST(terms_are_judged)
{
    static uint8_t long_link[2049];
    memset(long_link, 'a', sizeof long_link);
    const struct {
        bytes_t link, hash;
        dispatch_t want;
    } cases[] = {
        {BYTES("https://a.b/c#d"), BYTES("Abc_-9"), DISPATCH_OK                         },
        {{long_link, 2048},        BYTES("a"),      DISPATCH_OK                         },
        {{long_link, 2049},        BYTES("a"),      WORLD_BAD_CALL                      },
        {BYTES(""),                BYTES("abc"),    TFGRID_DOCUMENT_LINK_INPUT_TOO_SHORT},
        {BYTES("a b"),             BYTES("abc"),    TFGRID_INVALID_DOCUMENT_LINK_INPUT  },
        {BYTES("a"),               BYTES(""),       TFGRID_DOCUMENT_HASH_INPUT_TOO_SHORT},
        {BYTES("a"),               BYTES("a.b"),    TFGRID_INVALID_DOCUMENT_HASH_INPUT  },
        {BYTES("a"),               {long_link, 50}, DISPATCH_OK                         },
        {BYTES("a"),               {long_link, 51}, WORLD_BAD_CALL                      },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world_start();
        EQ(accept(&alice, cases[i].link, cases[i].hash), cases[i].want);
        EQ(tfgrid_users_terms_and_conditions_exists(rt, &alice), cases[i].want == DISPATCH_OK);
    }
}

TEST(terms_are_kept_one_after_another)
{
    tfgrid_terms_and_conditions_vec_t kept;
    world_start();
    EQ(accept(&alice, BYTES("first"), BYTES("a")), DISPATCH_OK);
    world_skip(1, 6);
    EQ(accept(&alice, BYTES("second"), BYTES("b")), DISPATCH_OK);
    OK(tfgrid_users_terms_and_conditions_get(rt, &alice, &kept));
    EQ(kept.len, 2);
    OK(bytes_equal(kept.items[0].document_link, BYTES("first")));
    OK(bytes_equal(kept.items[1].document_hash, BYTES("b")));
    EQ(kept.items[1].timestamp, START_S + 6);
    EQ(memcmp(kept.items[1].account_id.b, alice.b, 32), 0);
}

TEST(the_newest_16_terms_are_kept)
{
    static const char *const links[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                        "j", "k", "l", "m", "n", "o", "p", "q", "r"};
    tfgrid_terms_and_conditions_vec_t kept;
    world_start();
    for (int i = 0; i < 18; i++)
        EQ(accept(&alice, bytes_text(links[i]), BYTES("a")), DISPATCH_OK);
    OK(tfgrid_users_terms_and_conditions_get(rt, &alice, &kept));
    EQ(kept.len, 16);
    OK(bytes_equal(kept.items[0].document_link, BYTES("c")));
    OK(bytes_equal(kept.items[15].document_link, BYTES("r")));
}

TEST(a_twin_wants_terms_first_and_is_one)
{
    tfgrid_twin_t twin;
    world_start();
    EQ(CALL(alice, tfgrid_create_twin, .relay = {0}), TFGRID_USER_DID_NOT_SIGN_TERMS_AND_CONDITIONS);
    EQ(accept(&alice, BYTES("a"), BYTES("a")), DISPATCH_OK);
    EQ(CALL(alice, tfgrid_create_twin, .relay = {true, BYTES("")}), TFGRID_INVALID_RELAY_ADDRESS);
    EQ(CALL(alice, tfgrid_create_twin, .relay = {true, BYTES("a..b")}), TFGRID_INVALID_RELAY_ADDRESS);
    EQ(CALL(alice, tfgrid_create_twin, .relay = {true, BYTES("a.b")}, .pk = {true, BYTES("pk")}),
       DISPATCH_OK);                  /* G4 */
    EQ(world_event_count(25, 11), 1); /* TwinStored */
    EQ(CALL(alice, tfgrid_create_twin, .relay = {0}), TFGRID_TWIN_WITH_PUBKEY_EXISTS);
    OK(tfgrid_twins_get(rt, 1, &twin));
    EQ(twin.id, 1);
    OK(twin.relay.some && bytes_equal(twin.relay.value, BYTES("a.b")));
    OK(twin.pk.some && bytes_equal(twin.pk.value, BYTES("pk")));
    EQ(world_twin(&bob), 2);
}

TEST(a_twin_is_updated_whole)
{
    tfgrid_twin_t twin;
    world_start();
    EQ(CALL(alice, tfgrid_update_twin, .relay = {0}), TFGRID_TWIN_NOT_EXISTS);
    world_twin(&alice);
    EQ(CALL(alice, tfgrid_update_twin, .relay = {true, BYTES("b.")}), TFGRID_INVALID_RELAY_ADDRESS);
    EQ(CALL(alice, tfgrid_update_twin, .relay = {0}, .pk = {true, BYTES("new")}), DISPATCH_OK);
    EQ(world_event_count(25, 12), 1);
    OK(tfgrid_twins_get(rt, 1, &twin));
    OK(!twin.relay.some && bytes_equal(twin.pk.value, BYTES("new")));
}

TEST(g8_a_bond_is_not_taken_over)
{
    account_id_t bonded;
    world_start();
    EQ(CALL(bob, tfgrid_bond_twin_account, .twin_id = 1), TFGRID_TWIN_NOT_EXISTS);
    const uint32_t twin = world_twin(&alice);
    EQ(CALL(alice, tfgrid_bond_twin_account, .twin_id = twin), TFGRID_TWIN_CANNOT_BOUND_TO_ITSELF);
    EQ(CALL(bob, tfgrid_bond_twin_account, .twin_id = twin), DISPATCH_OK);
    EQ(world_event_count(25, 16), 1);
    EQ(CALL(farmer, tfgrid_bond_twin_account, .twin_id = twin), TFGRID_UNAUTHORIZED_TO_UPDATE_TWIN);
    EQ(CALL(bob, tfgrid_bond_twin_account, .twin_id = twin), DISPATCH_OK);
    OK(tfgrid_twin_bounded_account_id_get(rt, twin, &bonded));
    EQ(memcmp(bonded.b, bob.b, 32), 0);
}

/* --------------------------------------------------------------------------------- entities */

static bytes_t signed_message;
static uint8_t signed_kind;

/* A signature that is right for one kind of key, one message and bob, when its 64 bytes are all 0xab. */
static bool verify(void *state, uint8_t kind, bytes_t signature, bytes_t message, const account_id_t *signer)
{
    (void)state;
    for (uint32_t i = 0; i < signature.len; i++)
        if (signature.data[i] != 0xab) return false;
    return kind == signed_kind && signature.len == 64 && bytes_equal(message, signed_message) &&
           memcmp(signer->b, bob.b, 32) == 0;
}

static bytes_t proof(char c)
{
    static char text[128];
    for (size_t i = 0; i < sizeof text; i += 2) {
        text[i]     = c;
        text[i + 1] = 'b';
    }
    return (bytes_t){(const uint8_t *)text, sizeof text};
}

static void start_with(bytes_t message, uint8_t kind)
{
    world_start();
    world_verify_with(verify);
    signed_message = message;
    signed_kind    = kind;
}

static dispatch_t create_entity(bytes_t name, bytes_t country, bytes_t city, bytes_t signature)
{
    return CALL(alice, tfgrid_create_entity, .target = bob, .name = name, .country = country, .city = city,
                .signature = signature);
}

TEST(an_entity_brings_its_own_signature)
{
    tfgrid_entity_t entity;
    for (uint8_t kind = 0; kind < 2; kind++) { /* ed25519, sr25519 */
        start_with(BYTES("nameBEGhent"), kind);
        EQ(create_entity(BYTES("name"), BYTES("BE"), BYTES("Ghent"), proof('a')), DISPATCH_OK);
        EQ(world_event_count(25, 8), 1);
        OK(tfgrid_entities_get(rt, 1, &entity));
        EQ(memcmp(entity.account_id.b, bob.b, 32), 0);
        EQ(tfgrid_entity_id_by_name_get(rt, BYTES("name")), 1);
        EQ(create_entity(BYTES("name"), BYTES("BE"), BYTES("Ghent"), proof('a')),
           TFGRID_ENTITY_WITH_NAME_EXISTS);
        EQ(create_entity(BYTES("other"), BYTES("BE"), BYTES("Ghent"), proof('a')),
           TFGRID_ENTITY_WITH_PUBKEY_EXISTS);
    }
}

TEST(g5_a_signature_that_is_not_hex_is_refused)
{
    start_with(BYTES("nameBEGhent"), 1);
    EQ(create_entity(BYTES("name"), BYTES("BE"), BYTES("Ghent"), BYTES("ab")),
       TFGRID_SIGNATURE_LENGTH_IS_INCORRECT);
    EQ(create_entity(BYTES("name"), BYTES("BE"), BYTES("Ghent"), proof('z')),
       TFGRID_ENTITY_SIGNATURE_DOES_NOT_MATCH);
    EQ(create_entity(BYTES("name"), BYTES("BE"), BYTES("Ghent"), proof('0')),
       TFGRID_ENTITY_SIGNATURE_DOES_NOT_MATCH);
    EQ(create_entity(BYTES("nam"), BYTES("eBE"), BYTES("Gent"), proof('a')),
       TFGRID_ENTITY_SIGNATURE_DOES_NOT_MATCH);
    signed_message = BYTES("nameBGhent");
    EQ(create_entity(BYTES("name"), BYTES("B"), BYTES("Ghent"), proof('a')), TFGRID_COUNTRY_NAME_TOO_SHORT);
    signed_message = BYTES("nameBE");
    EQ(create_entity(BYTES("name"), BYTES("BE"), BYTES(""), proof('a')), TFGRID_CITY_NAME_TOO_SHORT);
}

TEST(g6_an_entity_keeps_its_own_name)
{
    tfgrid_entity_t entity;
    start_with(BYTES("nameBEGhent"), 1);
    EQ(CALL(bob, tfgrid_update_entity, .name = BYTES("x"), .country = BYTES("BE"), .city = BYTES("y")),
       TFGRID_ENTITY_NOT_EXISTS);
    EQ(create_entity(BYTES("name"), BYTES("BE"), BYTES("Ghent"), proof('a')), DISPATCH_OK);
    tfgrid_entity_id_by_name_put(rt, BYTES("taken"), 9);
    EQ(CALL(bob, tfgrid_update_entity, .name = BYTES("taken"), .country = BYTES("BE"), .city = BYTES("y")),
       TFGRID_ENTITY_WITH_NAME_EXISTS);
    EQ(CALL(bob, tfgrid_update_entity, .name = BYTES("name"), .country = BYTES("NL"), .city = BYTES("y")),
       DISPATCH_OK);
    EQ(CALL(bob, tfgrid_update_entity, .name = BYTES("fresh"), .country = BYTES("NL"), .city = BYTES("y")),
       DISPATCH_OK);
    EQ(tfgrid_entity_id_by_name_get(rt, BYTES("name")), 0);
    EQ(tfgrid_entity_id_by_name_get(rt, BYTES("fresh")), 1);
    OK(tfgrid_entities_get(rt, 1, &entity));
    OK(bytes_equal(entity.country, BYTES("NL")));
    origin_t origin = from(&bob);
    EQ(world_apply(&origin, BYTES("\x19\x10")), DISPATCH_OK); /* delete_entity */
    EQ(world_event_count(25, 10), 1);
    EQ(world_apply(&origin, BYTES("\x19\x10")), TFGRID_ENTITY_NOT_EXISTS);
    OK(!tfgrid_entity_id_by_name_exists(rt, BYTES("fresh")));
    OK(!tfgrid_entity_id_by_account_id_exists(rt, &bob));
}

TEST(an_entity_vouches_for_a_twin)
{
    tfgrid_twin_t twin;
    start_with(BYTES("nameBEGhent"), 1);
    EQ(create_entity(BYTES("name"), BYTES("BE"), BYTES("Ghent"), proof('a')), DISPATCH_OK);
    world_twin(&farmer);
    world_twin(&alice);
    signed_message = BYTES("\0\0\0\1\0\0\0\2"); /* entity 1, twin 2 */
    EQ(CALL(alice, tfgrid_add_twin_entity, .twin_id = 2, .entity_id = 7, .signature = proof('a')),
       TFGRID_ENTITY_NOT_EXISTS);
    EQ(CALL(alice, tfgrid_add_twin_entity, .twin_id = 7, .entity_id = 1, .signature = proof('a')),
       TFGRID_TWIN_NOT_EXISTS);
    EQ(CALL(farmer, tfgrid_add_twin_entity, .twin_id = 2, .entity_id = 1, .signature = proof('a')),
       TFGRID_UNAUTHORIZED_TO_UPDATE_TWIN);
    EQ(CALL(alice, tfgrid_add_twin_entity, .twin_id = 2, .entity_id = 1, .signature = BYTES("zz")),
       TFGRID_ENTITY_SIGNATURE_DOES_NOT_MATCH);
    EQ(CALL(alice, tfgrid_add_twin_entity, .twin_id = 2, .entity_id = 1, .signature = proof('a')),
       DISPATCH_OK);
    EQ(world_event_count(25, 13), 1);
    EQ(CALL(alice, tfgrid_add_twin_entity, .twin_id = 2, .entity_id = 1, .signature = proof('a')),
       TFGRID_ENTITY_WITH_SIGNATURE_ALREADY_EXISTS);
    OK(tfgrid_twins_get(rt, 2, &twin));
    EQ(twin.entities.len, 1);
    EQ(CALL(farmer, tfgrid_delete_twin_entity, .twin_id = 2, .entity_id = 1),
       TFGRID_UNAUTHORIZED_TO_UPDATE_TWIN);
    EQ(CALL(alice, tfgrid_delete_twin_entity, .twin_id = 2, .entity_id = 3), TFGRID_ENTITY_NOT_EXISTS);
    EQ(CALL(alice, tfgrid_delete_twin_entity, .twin_id = 2, .entity_id = 1), DISPATCH_OK);
    EQ(world_event_count(25, 14), 1);
    OK(tfgrid_twins_get(rt, 2, &twin));
    EQ(twin.entities.len, 0);
}

TEST(a_twin_has_at_most_32_proofs)
{
    static tfgrid_entity_proof_t proofs[32];
    tfgrid_twin_t twin;
    start_with(BYTES("nameBEGhent"), 1);
    EQ(create_entity(BYTES("name"), BYTES("BE"), BYTES("Ghent"), proof('a')), DISPATCH_OK);
    world_twin(&alice);
    OK(tfgrid_twins_get(rt, 1, &twin));
    for (uint32_t i = 0; i < 32; i++)
        proofs[i] = (tfgrid_entity_proof_t){i + 5, BYTES("x")};
    twin.entities = (tfgrid_entity_proof_vec_t){proofs, 32};
    tfgrid_twins_put(rt, 1, &twin);
    signed_message = BYTES("\0\0\0\1\0\0\0\1");
    EQ(CALL(alice, tfgrid_add_twin_entity, .twin_id = 1, .entity_id = 1, .signature = proof('a')),
       TFGRID_STORAGE_OVERFLOW);
    EQ(CALL(alice, tfgrid_delete_twin_entity, .twin_id = 1, .entity_id = 5), DISPATCH_OK);
    EQ(CALL(alice, tfgrid_add_twin_entity, .twin_id = 1, .entity_id = 1, .signature = proof('a')),
       DISPATCH_OK);
}

TEST(root_has_no_twin)
{
    world_start();
    EQ(ROOT(tfgrid_create_twin, .relay = {0}), DISPATCH_BAD_ORIGIN);
}

TEST_MAIN()
