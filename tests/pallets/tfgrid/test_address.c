/* Internet addresses as text, and which of them a farm may lend. */
#include "test.h"
#include "tfgrid/address.h"

#include <arpa/inet.h>

typedef struct {
    const char *text;
    bool want;
} case_t;

typedef bool (*parser_t)(bytes_t, address_t *);

static bool check(parser_t parse, const case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        address_t address;
        if (parse(bytes_text(cases[i].text), &address) == cases[i].want) continue;
        printf("'%s' should %sbe an address\n", cases[i].text, cases[i].want ? "" : "not ");
        return false;
    }
    return true;
}
#define CHECK(parse, cases) OK(check(parse, cases, sizeof cases / sizeof *cases))

TEST(an_ip4_is_four_numbers)
{
    static const case_t cases[] = {
        {"0.0.0.0",         true },
        {"255.255.255.255", true },
        {"185.206.122.1",   true },
        {"1.2.3",           false},
        {"1.2.3.4.5",       false},
        {"256.1.1.1",       false},
        {"01.2.3.4",        false},
        {"1.2.3.04",        false},
        {"1..2.3",          false},
        {"1.2.3.4 ",        false},
        {" 1.2.3.4",        false},
        {"1.2.3.-4",        false},
        {"1.2.3.4/24",      false},
        {"",                false},
        {"a.b.c.d",         false},
        {"1.2.3.1234",      false},
    };
    CHECK(address_parse_ip4, cases);
}

TEST(a_cidr_has_a_mask)
{
    static const case_t four[] = {
        {"185.206.122.33/24", true },
        {"1.2.3.4/0",         true },
        {"1.2.3.4/32",        true },
        {"1.2.3.4/33",        false},
        {"1.2.3.4/",          false},
        {"1.2.3.4",           false},
        {"1.2.3.4/08",        false},
        {"1.2.3.4/-1",        false},
        {"1.2.3.4/24/",       false},
    };
    static const case_t six[] = {
        {"2a10:b600::1/64", true },
        {"::/0",            true },
        {"::1/128",         true },
        {"::1/129",         false},
        {"::1",             false}
    };
    CHECK(address_parse_cidr4, four);
    CHECK(address_parse_cidr6, six);
}

TEST(an_ip6_is_eight_groups_or_shortened)
{
    static const case_t cases[] = {
        {"::",                    true },
        {"::1",                   true },
        {"1::",                   true },
        {"1:2:3:4:5:6:7:8",       true },
        {"1:2:3:4:5:6:7::",       true },
        {"::2:3:4:5:6:7:8",       true },
        {"1::8",                  true },
        {"fe80::1:2",             true },
        {"ABCD:ef01::",           true },
        {"::ffff:1.2.3.4",        true },
        {"1:2:3:4:5:6:1.2.3.4",   true },
        {"64:ff9b::192.0.2.33",   true },
        {"1:2:3:4:5:6:7",         false},
        {"1:2:3:4:5:6:7:8:9",     false},
        {"1::2::3",               false},
        {":::",                   false},
        {"12345::",               false},
        {":1:2:3:4:5:6:7",        false},
        {"1:2:3:4:5:6:7:",        false},
        {"1:2:3:4:5:6:7:8::",     false},
        {"",                      false},
        {":",                     false},
        {"1.2.3.4",               false},
        {"1.2.3.4::",             false},
        {"1:2:3:4:5:6:7:1.2.3.4", false},
        {"::1.2.3.4:5",           false},
        {"g::",                   false},
        {"::1%eth0",              false},
        {"[::1]",                 false},
    };
    CHECK(address_parse_ip6, cases);
}

TEST(an_ip6_is_read_byte_for_byte)
{
    static const uint8_t want[16] = {0x2a, 0x10, 0xb6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
    address_t address;
    OK(address_parse_cidr6(BYTES("2a10:b600::1.2.3.4/48"), &address));
    EQ(memcmp(address.bytes, want, 16), 0);
    EQ(address.mask, 48);
}

TEST(private_and_special_networks_are_not_public)
{
    static const case_t cases[] = {
        {"185.206.122.33",  true },
        {"8.8.8.8",         true },
        {"100.63.255.255",  true },
        {"100.128.0.0",     true },
        {"172.15.0.1",      true },
        {"172.32.0.1",      true },
        {"198.17.255.255",  true },
        {"198.20.0.0",      true },
        {"223.255.255.255", true },
        {"255.255.255.254", true },
        {"0.1.2.3",         false},
        {"10.0.0.1",        false},
        {"100.64.0.1",      false},
        {"100.127.255.255", false},
        {"127.0.0.1",       false},
        {"169.254.1.1",     false},
        {"172.16.0.1",      false},
        {"172.31.255.255",  false},
        {"192.0.2.1",       false},
        {"192.168.1.1",     false},
        {"198.18.0.1",      false},
        {"198.19.255.255",  false},
        {"198.51.100.7",    false},
        {"203.0.113.9",     false},
        {"224.0.0.1",       false},
        {"239.255.255.255", false},
        {"255.255.255.255", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        address_t address;
        OK(address_parse_ip4(bytes_text(cases[i].text), &address));
        EQ(address_is_public(&address), cases[i].want);
    }
    static const case_t six[] = {
        {"2a10:b600::1",    true },
        {"2001:4860::8888", true },
        {"::",              false},
        {"::1",             false},
        {"::ffff:8.8.8.8",  false},
        {"fc00::1",         false},
        {"fdff::1",         false},
        {"fe80::1",         false},
        {"ff02::1",         false},
        {"2001:db8::1",     false},
        {"100::1",          false}
    };
    for (size_t i = 0; i < sizeof six / sizeof *six; i++) {
        address_t address;
        OK(address_parse_ip6(bytes_text(six[i].text), &address));
        EQ(address_is_public(&address), six[i].want);
    }
}

TEST(a_gateway_lies_in_the_network)
{
    static const struct {
        const char *ip, *gateway;
        bool want;
    } cases[] = {
        {"185.206.122.33/24", "185.206.122.1",    true },
        {"185.206.122.33/24", "185.206.123.1",    false},
        {"185.206.122.33/23", "185.206.123.1",    true },
        {"185.206.122.33/24", "185.206.122.33",   false},
        {"185.206.122.33/32", "185.206.122.1",    false},
        {"185.206.122.33",    "185.206.122.1",    false},
        {"10.1.1.2/24",       "10.1.1.1",         false},
        {"185.206.122.33/24", "nope",             false},
        {"8.8.8.8/0",         "9.9.9.9",          true },
        {"8.8.8.8/0",         "10.0.0.1",         false},
        {"2.2.2.2/0",         "224.0.0.1",        false},
        {"185.206.122.33/24", "185.206.122.1/24", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EQ(address_pair_is_valid_ip4(bytes_text(cases[i].ip), bytes_text(cases[i].gateway)), cases[i].want);
    OK(address_pair_is_valid_ip6(BYTES("2a10:b600:1::2/64"), BYTES("2a10:b600:1::1")));
    OK(!address_pair_is_valid_ip6(BYTES("2a10:b600:1::2/64"), BYTES("2a10:b600:2::1")));
    OK(!address_pair_is_valid_ip6(BYTES("2a10:b600:1::2/64"), BYTES("fe80::1")));
    OK(!address_pair_is_valid_ip4(BYTES("2a10:b600:1::2/64"), BYTES("2a10:b600:1::1")));
}

/* Against the C library, on addresses with a few characters changed. */
PROPERTY(addresses_agree_with_the_c_library, 5000)
{
    static const char *const starts[] = {
        "1.2.3.4", "255.255.0.10", "::1",    "1:2:3:4:5:6:7:8", "2a10:b600::1.2.3.4",
        "fe80::",  "::",           "a::b:c", "::ffff:9.8.7.6",  "1:2:3:4:5:6:1.2.3.4"};
    static const char letters[] = "0123456789abF.::/gx";
    char text[48];
    int len = snprintf(text, sizeof text, "%s", starts[random_below(random, 10)]);
    for (uint32_t i = random_below(random, 4); i > 0; i--) {
        const uint32_t at = random_below(random, (uint32_t)len + 1);
        const char c      = letters[random_below(random, sizeof letters - 1)];
        if (random_below(random, 2) && at < (uint32_t)len) {
            text[at] = c;
        } else {
            memmove(text + at + 1, text + at, (size_t)len - at);
            text[at] = c;
            len++;
        }
    }
    text[len] = 0;
    address_t address;
    uint8_t want[16];
    bool is_address = inet_pton(AF_INET, text, want) == 1;
    if (address_parse_ip4(bytes_text(text), &address) != is_address) printf("'%s'\n", text);
    EQ(address_parse_ip4(bytes_text(text), &address), is_address);
    if (is_address) EQ(memcmp(address.bytes, want, 4), 0);
    is_address = inet_pton(AF_INET6, text, want) == 1;
    if (address_parse_ip6(bytes_text(text), &address) != is_address) printf("'%s'\n", text);
    EQ(address_parse_ip6(bytes_text(text), &address), is_address);
    if (is_address) EQ(memcmp(address.bytes, want, 16), 0);
}

TEST_MAIN()
