/* test_text.c - hex, base 58 and addresses. */
#include "base58.h"
#include "hex.h"
#include "ss58.h"
#include "test.h"
#include "vectors.h"

TEST(hex_is_strict)
{
    uint8_t out[4];
    uint32_t len;
    char text[9];
    OK(hex_decode(BYTES("0x00fFA1"), out, sizeof out, &len));
    EQ(len, 3);
    EQ(out[1] << 8 | out[2], 0xffa1);
    OK(hex_decode(BYTES(""), out, sizeof out, &len) && len == 0);
    OK(!hex_decode(BYTES("0x1"), out, sizeof out, &len));
    OK(!hex_decode(BYTES("0x1g"), out, sizeof out, &len));
    OK(!hex_decode(BYTES("0x 1"), out, sizeof out, &len));
    OK(!hex_decode(BYTES("0x0102030405"), out, sizeof out, &len));
    OK(!hex_decode_exact(BYTES("0x010203"), out, 4));
    OK(hex_decode_exact(BYTES("01020304"), out, 4));
    hex_encode(text, (bytes_t){out, 4});
    OK(strcmp(text, "01020304") == 0);
}

PROPERTY(base58_comes_back_as_it_went, 200)
{
    uint8_t in[BASE58_BYTES_MAX] = {0}, out[BASE58_BYTES_MAX];
    char text[BASE58_TEXT_MAX + 1];
    uint32_t len, zeros = random_below(random, 4);
    bytes_t v = {in, zeros + random_below(random, BASE58_BYTES_MAX - 4)};
    for (uint32_t i = zeros; i < v.len; i++)
        in[i] = (uint8_t)random_next(random);
    OK(base58_encode(text, sizeof text, v));
    OK(base58_decode(bytes_text(text), out, sizeof out, &len));
    OK(bytes_equal((bytes_t){out, len}, v));
}

TEST(base58_has_its_alphabet_and_bounds)
{
    uint8_t out[BASE58_BYTES_MAX];
    uint32_t len;
    char text[8], long_text[400];
    OK(base58_encode(text, sizeof text, BYTES("\0\0hi")));
    OK(strcmp(text, "118wr") == 0);
    OK(!base58_encode(text, 5, BYTES("\0\0hi")));
    OK(!base58_decode(BYTES("0"), out, sizeof out, &len));
    OK(!base58_decode(BYTES("Il"), out, sizeof out, &len));
    memset(long_text, 'z', sizeof long_text);
    OK(!base58_decode((bytes_t){(uint8_t *)long_text, 176}, out, sizeof out, &len));
    OK(!base58_decode((bytes_t){(uint8_t *)long_text, 400}, out, sizeof out, &len));
}

static bool address_is(uint16_t prefix, bytes_t raw, const char *address)
{
    char text[SS58_TEXT_MAX + 1];
    uint16_t got_prefix;
    uint32_t len;
    uint8_t payload[33];
    return ss58_encode(text, prefix, raw) && strcmp(text, address) == 0 &&
           ss58_decode(bytes_text(address), &got_prefix, payload, &len) && got_prefix == prefix &&
           bytes_equal((bytes_t){payload, len}, raw);
}

TEST(addresses_are_as_the_vectors_say)
{
    json_t *root = vectors_load("crypto-vectors.json"), *item;
    size_t i;
    json_array_foreach(json_object_get(root, "ss58"), i, item)
    {
        uint16_t prefix = (uint16_t)json_integer_value(json_object_get(item, "prefix"));
        OK(address_is(prefix, vector_bytes(item, "raw"), vector_text(item, "address")));
    }
    json_array_foreach(json_object_get(root, "keys"), i, item)
    {
        if (!json_object_get(item, "ss58_42")) continue;
        OK(address_is(42, vector_bytes(item, "addressRaw"), vector_text(item, "ss58_42")));
        OK(address_is(0, vector_bytes(item, "addressRaw"), vector_text(item, "ss58_0")));
        OK(address_is(2, vector_bytes(item, "addressRaw"), vector_text(item, "ss58_2")));
    }
    json_decref(root);
}

PROPERTY(every_prefix_comes_back, 300)
{
    uint8_t raw[33], payload[33];
    char text[SS58_TEXT_MAX + 1];
    uint16_t prefix = (uint16_t)random_below(random, 16384), got;
    uint32_t len, want = 32 + random_below(random, 2);
    for (uint32_t i = 0; i < want; i++)
        raw[i] = (uint8_t)random_next(random);
    OK(ss58_encode(text, prefix, (bytes_t){raw, want}));
    OK(ss58_decode(bytes_text(text), &got, payload, &len) && got == prefix && len == want);
    OK(memcmp(raw, payload, want) == 0);
    text[random_below(random, 40)] ^= 1; /* one wrong character */
    OK(!ss58_decode(bytes_text(text), &got, payload, &len) || random_below(random, 65536) == 0 ||
       got != prefix);
}

TEST(a_mistyped_address_is_refused)
{
    account_id_t account;
    OK(ss58_account_decode(BYTES("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"), &account));
    OK(!ss58_account_decode(BYTES("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ"), &account));
    OK(!ss58_account_decode(BYTES("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQ"), &account));
    OK(!ss58_account_decode(BYTES(""), &account));
    OK(!ss58_encode((char[SS58_TEXT_MAX + 1]){0}, 16384, (bytes_t){account.b, 32}));
    OK(!ss58_encode((char[SS58_TEXT_MAX + 1]){0}, 42, (bytes_t){account.b, 31}));
}

TEST_MAIN()
