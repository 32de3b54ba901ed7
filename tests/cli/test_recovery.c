/* test_recovery.c - a deployment's copy on the chain comes back whole, for its owner alone. */
#include "recovery.h"
#include "test.h"

#include <stdlib.h>

static keypair_t alice, bob;

__attribute__((constructor)) static void prepare(void)
{
    if (!crypto_init() || key_from_suri("//Alice", KEY_SR25519, &alice) != KEY_OK ||
        key_from_suri("//Bob", KEY_SR25519, &bob) != KEY_OK)
        abort();
}

static json_t *example(void)
{
    json_t *json = json_load_file(TRELLIS_SOURCE_DIR "/examples/web.json", 0, NULL);
    if (!json) abort();
    json_object_set_new(json, "contract_id", json_integer(7));
    json_object_set_new(json, "signature_requirement",
                        json_pack("{s:[{s:i,s:b,s:i}],s:i,s:[{s:i,s:s}]}", "requests", "twin_id", 1,
                                  "required", 0, "weight", 1, "weight_required", 1, "signatures", "twin_id",
                                  1, "signature", "00"));
    return json;
}

TEST(the_example_fits_into_deployment_data)
{
    json_t *json = example(), *back;
    uint8_t *sealed, data[RECOVERY_DATA_MAX];
    uint32_t len, parts;
    bytes_t got;
    OK(recovery_pack(json, &alice, &sealed, &len));
    uint32_t data_len = recovery_data(sealed, len, data, &parts);
    EQ(parts, 0);
    OK(data_len <= RECOVERY_DATA_MAX && data_len == len + 4);
    OK(recovery_read((bytes_t){data, data_len}, &got, &parts) && parts == 0);
    OK(!recovery_unpack(got, &bob));
    OK((back = recovery_unpack(got, &alice)));
    json_object_del(json, "contract_id");
    json_object_del(json_object_get(json, "signature_requirement"), "signatures");
    OK(json_equal(json, back));
    data[40] ^= 1;
    OK(!recovery_unpack(got, &alice));
    json_decref(json);
    json_decref(back);
    free(sealed);
}

TEST(a_long_deployment_is_kept_in_parts)
{
    json_t *json = example(), *back;
    uint8_t *sealed, data[RECOVERY_DATA_MAX];
    uint32_t len, parts, read_parts;
    bytes_t got;
    char noise[9000] = {0};
    for (size_t i = 0; i + 1 < sizeof noise; i++)
        noise[i] = (char)('!' + (int)((i * i * 31 + i / 7) % 90));
    json_object_set_new(json, "description", json_string(noise));
    OK(recovery_pack(json, &alice, &sealed, &len));
    uint32_t data_len = recovery_data(sealed, len, data, &parts);
    EQ(data_len, 5);
    EQ(parts, (len + RECOVERY_PART_MAX - 1) / RECOVERY_PART_MAX);
    OK(recovery_read((bytes_t){data, data_len}, &got, &read_parts) && read_parts == parts);
    OK((back = recovery_unpack((bytes_t){sealed, len}, &alice)));
    OK(strcmp(json_string_value(json_object_get(back, "description")), noise) == 0);
    json_decref(json);
    json_decref(back);
    free(sealed);
}

TEST(what_others_put_there_is_no_copy)
{
    bytes_t got;
    uint32_t parts;
    OK(!recovery_read((bytes_t){0}, &got, &parts));
    OK(!recovery_read(BYTES("{\"version\":3,\"type\":\"vm\"}"), &got, &parts));
    OK(!recovery_read(BYTES("TRL1short"), &got, &parts));
    OK(!recovery_read(BYTES("TRL2\x00"), &got, &parts));
    OK(!recovery_read(BYTES("TRL2\xff"), &got, &parts));
}

TEST(a_key_without_a_seed_seals_nothing)
{
    json_t *json = example();
    keypair_t soft;
    uint8_t *sealed;
    uint32_t len;
    EQ(key_from_suri("//Alice/soft", KEY_SR25519, &soft), KEY_OK);
    OK(!recovery_pack(json, &soft, &sealed, &len) && !sealed);
    json_decref(json);
}

TEST_MAIN()
