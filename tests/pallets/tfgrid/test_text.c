/* Which texts the grid accepts. */
#include "test.h"
#include "tfgrid/text.h"

typedef struct {
    const char *text;
    bool want;
} case_t;

static bool check(bool (*is)(bytes_t), const case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is(bytes_text(cases[i].text)) == cases[i].want) continue;
        printf("'%s' should %sbe accepted\n", cases[i].text, cases[i].want ? "" : "not ");
        return false;
    }
    return true;
}
#define CHECK(is, cases) OK(check(is, cases, sizeof cases / sizeof *cases))

TEST(a_farm_name_is_letters_digits_dashes)
{
    static const case_t cases[] = {
        {"green-farm",   true },
        {"A_Z-09",       true },
        {"",             true },
        {"a b",          false},
        {"a.b",          false},
        {"a/b",          false},
        {"na\xc3\xafve", false},
        {"a\n",          false},
    };
    CHECK(text_is_farm_name, cases);
}

TEST(an_interface_name_has_no_capitals)
{
    static const case_t cases[] = {
        {"zos",    true },
        {"br-0_1", true },
        {"Zos",    false},
        {"a.0",    false},
        {"a:0",    false}
    };
    CHECK(text_is_interface_name, cases);
}

TEST(a_domain_may_be_empty)
{
    static const case_t cases[] = {
        {"",             true },
        {"grid.TF-1.io", true },
        {"a_b",          false},
        {"a/b",          false},
        {"*.io",         false}
    };
    CHECK(text_is_domain, cases);
}

TEST(a_link_has_the_characters_of_rfc_3986)
{
    static const case_t cases[] = {
        {"https://library.threefold.me/info/legal/#/", true },
        {"-._~:/?#[]@!$&'()*+,;=",                     true },
        {"a b",                                        false},
        {"a%20b",                                      false},
        {"a\"",                                        false},
        {"a<b",                                        false},
        {"a\\b",                                       false},
    };
    CHECK(text_is_link, cases);
}

/* G4: a first label of one character is accepted; dots neither lead, trail nor touch. */
TEST(g4_relay_labels_of_one_character)
{
    static const case_t cases[] = {
        {"a.b",               true },
        {"relay.dev.grid.tf", true },
        {"localhost",         true },
        {"a",                 true },
        {"a_b-c.9",           true },
        {"",                  false},
        {".",                 false},
        {".a",                false},
        {"a.",                false},
        {"a..b",              false},
        {"a b",               false},
        {"a:80",              false},
        {"a/b",               false},
        {"..",                false},
        {"a.b..c",            false},
    };
    CHECK(text_is_relay, cases);
}

TEST(a_mac_is_six_pairs)
{
    static const case_t cases[] = {
        {"00:11:22:aa:BB:ff",  true },
        {"00-11-22-aa-bb-ff",  true },
        {"00:11:22:aa:bb",     false},
        {"00:11:22-aa:bb:ff",  false},
        {"001122aabbff",       false},
        {"00:11:22:aa:bb:fg",  false},
        {"00:11:22:aa:bb:ff:", false},
        {"",                   false},
    };
    CHECK(text_is_mac, cases);
}

static bool is_latitude(bytes_t v) { return text_is_coordinate(v, 90); }
static bool is_longitude(bytes_t v) { return text_is_coordinate(v, 180); }

/* The neighbours of 90 in binary32 are 2^-17 apart: what lies up to 90 + 2^-18 rounds to 90. */
TEST(a_latitude_is_judged_as_binary32)
{
    static const case_t cases[] = {
        {"Unknown",                   true },
        {"0",                         true },
        {"-0",                        true },
        {"+1.5",                      true },
        {".5",                        true },
        {"5.",                        true },
        {"50.8503",                   true },
        {"90",                        true },
        {"-90",                       true },
        {"90.0",                      true },
        {"0090",                      true },
        {"90.000003",                 true },
        {"9e1",                       true },
        {"9E+1",                      true },
        {"900e-1",                    true },
        {"0.0009e5",                  true },
        {"1e-999999999",              true },
        {"0e999999999",               true },
        {"90.000003814697265625",     true }, /* 90 + 2^-18: the tie goes to 90, the even one */
        {"90.0000038146972656250001", false},
        {"90.00001",                  false},
        {"-90.00001",                 false},
        {"90.1",                      false},
        {"91",                        false},
        {"100",                       false},
        {"1e2",                       false},
        {"-1e999999999",              false},
        {"unknown",                   false},
        {"",                          false},
        {".",                         false},
        {"-",                         false},
        {"+",                         false},
        {"e5",                        false},
        {"1e",                        false},
        {"1e+",                       false},
        {"1,5",                       false},
        {"1.2.3",                     false},
        {" 1",                        false},
        {"1 ",                        false},
        {"0x10",                      false},
        {"nan",                       false},
        {"inf",                       false},
        {"-infinity",                 false},
        {"--1",                       false},
        {"1f",                        false},
        {"1e1.5",                     false},
    };
    CHECK(is_latitude, cases);
}

/* Above 180 they are 2^-16 apart. */
TEST(a_longitude_is_judged_as_binary32)
{
    static const case_t cases[] = {
        {"Unknown",               true },
        {"180",                   true },
        {"-180.000007",           true },
        {"4.3517",                true },
        {"180.00000762939453125", true },
        {"180.00000762939453126", false},
        {"180.00001",             false},
        {"-181",                  false},
    };
    CHECK(is_longitude, cases);
}

/* Against the C library's correctly rounded binary32, on numbers near the limits and far from them. */
PROPERTY(coordinates_agree_with_binary32, 3000)
{
    static const char *const starts[] = {"90.0000",   "89.9999",   "180.0000", "179.9999",
                                         "-90.00000", "-180.0000", "0.0",      "",
                                         "9",         "18",        "+90.",     "1"};
    char text[51];
    int len = snprintf(text, sizeof text, "%s", starts[random_below(random, 12)]);
    for (uint32_t i = random_below(random, 30); i > 0; i--)
        text[len++] = (char)('0' + random_below(random, 10));
    if (random_below(random, 8) == 0 && len < 40)
        len += snprintf(text + len, 8, "e%d", (int)random_below(random, 9) - 4);
    text[len] = 0;
    if (len == 0 || strcmp(text, "+90.") == 0) return;
    char *end;
    const float value = strtof(text, &end);
    if (*end) return;
    for (uint32_t limit = 90; limit <= 180; limit += 90) {
        const bool want = value >= -(float)limit && value <= (float)limit;
        if (text_is_coordinate((bytes_t){(const uint8_t *)text, (uint32_t)len}, limit) != want)
            printf("'%s' within %u: %d\n", text, limit, want);
        EQ(text_is_coordinate((bytes_t){(const uint8_t *)text, (uint32_t)len}, limit), want);
    }
}

TEST_MAIN()
