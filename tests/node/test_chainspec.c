/* A chain spec reads back as it was written, and each wrong field is refused by its name. */
#include "chainspec.h"
#include "signed_block.h"
#include "table_host.h"
#include "test.h"

#include <jansson.h>

static char error[CHAINSPEC_ERROR_CAP];

static char *written(const chainspec_t *spec)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out || !chainspec_write(spec, out) || fclose(out) != 0) abort();
    return text;
}

/* written_raw is the raw form of the state of block 0. */
static char *written_raw(const chainspec_t *spec, table_t *table)
{
    char *text = NULL;
    size_t len;
    uint32_t count;
    FILE *out                    = open_memstream(&text, &len);
    const table_entry_t *entries = table_entries(table, &count);
    if (!out) abort();
    chainspec_raw_start(spec, out);
    for (uint32_t i = 0; i < count; i++)
        chainspec_raw_item(out, entries[i].key, entries[i].value, i == 0);
    if (!chainspec_raw_end(out) || fclose(out) != 0) abort();
    return text;
}

static bool parse(const char *text, chainspec_t *spec)
{
    error[0] = 0;
    return chainspec_parse((bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)}, spec, error);
}

/* dev is the development chain with little code. */
static void dev(chainspec_t *spec)
{
    if (!chainspec_open("dev", 0, spec, error)) abort();
    spec->genesis.code = BYTES("\0asm and code");
}

static table_t *genesis_of(chainspec_t *spec)
{
    table_t *table = table_new();
    host_t host    = table_host(table);
    if (!chainspec_genesis(spec, &host)) abort();
    return table;
}

static bool same_state(table_t *a, table_t *b)
{
    uint32_t a_count, b_count;
    const table_entry_t *a_all = table_entries(a, &a_count), *b_all = table_entries(b, &b_count);
    if (a_count != b_count || a_count < 50) return false;
    for (uint32_t i = 0; i < a_count; i++)
        if (!bytes_equal(a_all[i].key, b_all[i].key) || !bytes_equal(a_all[i].value, b_all[i].value))
            return false;
    return true;
}

/* begins_alike says that what text tells begins with the state in table. */
static bool begins_alike(const char *text, table_t *table)
{
    chainspec_t spec;
    if (!parse(text, &spec)) return false;
    table_t *other = genesis_of(&spec);
    bool is_same   = same_state(table, other);
    table_free(other);
    chainspec_free(&spec);
    return is_same;
}

TEST(both_forms_begin_as_the_chain_that_was_written)
{
    static const char *const ids[] = {"dev", "local"};
    for (unsigned i = 0; i < 2; i++) {
        chainspec_t spec;
        OK(chainspec_open(ids[i], i * 250, &spec, error));
        EQ(spec.genesis.slot_duration_ms, i * 250);
        table_t *table = genesis_of(&spec);
        char *text = written(&spec), *raw = written_raw(&spec, table);
        OK(begins_alike(text, table));
        OK(begins_alike(raw, table));
        free(text);
        free(raw);
        table_free(table);
        chainspec_free(&spec);
    }
}

TEST(what_a_person_edits_is_what_the_chain_begins_with)
{
    chainspec_t spec, edited;
    dev(&spec);
    char *text      = written(&spec);
    json_t *file    = json_loads(text, 0, NULL),
           *runtime = json_object_get(json_object_get(file, "genesis"), "runtime");
    json_t *list    = json_object_get(json_object_get(runtime, "balances"), "balances");
    json_array_clear(json_object_get(json_object_get(runtime, "councilMembership"), "members"));
    json_array_append_new(json_object_get(json_object_get(runtime, "councilMembership"), "members"),
                          json_incref(json_array_get(json_array_get(list, 4), 0)));
    json_array_set_new(json_array_get(list, 1), 1, json_string("340282366920938463463374607431"));
    json_object_set_new(json_object_get(runtime, "smartContractModule"), "billingFrequency",
                        json_integer(600));
    json_object_set_new(runtime, "aura", json_pack("{s:i}", "slotDuration", 3000));
    json_object_set_new(file, "id", json_string("my_net-2"));
    char *changed = json_dumps(file, 0);
    OK(parse(changed, &edited));
    EQ(edited.genesis.council_count, 1);
    EQ(edited.genesis.billing_frequency, 600);
    EQ(edited.genesis.slot_duration_ms, 3000);
    OK(strcmp(edited.id, "my_net-2") == 0);
    u128_t most = 0;
    for (uint32_t i = 0; i < edited.genesis.balance_count; i++)
        if (edited.genesis.balances[i].amount > most) most = edited.genesis.balances[i].amount;
    OK(most == (u128_t)34028236692093846ull * 10000000000000ull + 3463374607431ull);
    free(changed);
    char *again = written(&edited);
    OK(strstr(again, "\"340282366920938463463374607431\"") != NULL);
    free(again);
    free(text);
    json_decref(file);
    chainspec_free(&edited);
    chainspec_free(&spec);
}

/* Each case sets (value NULL: removes) one field of the development chain's spec. */
typedef struct {
    const char *path, *value, *told;
} wrong_t;

#define R     "genesis/runtime/"
#define ALICE "\"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\""

static const wrong_t wrongs[] = {
    {"nmae",                                   "1",                                                    "nmae: there is no such field"                                   },
    {"name",                                   NULL,                                                   "name: the field is missing"                                     },
    {"name",                                   "7",                                                    "name: expected a text"                                          },
    {"id",                                     "\"\"",                                                 "id: expected a text"                                            },
    {"id",                                     "\"../../etc\"",                                        "id: it names a folder"                                          },
    {"chainType",                              "\"Dev\"",                                              "chainType: expected Live, Development or Local"                 },
    {"bootNodes",                              "7",                                                    "bootNodes: it has no use here"                                  },
    {"properties/tokenDecimals",               "12",                                                   "properties: the token is the runtime's"                         },
    {"properties/tokenName",                   "\"X\"",                                                "properties.tokenName: there is no such field"                   },
    {"codeSubstitutes/0x1",                    "\"0x\"",                                               "codeSubstitutes: it has no use here"                            },
    {"genesis/raw",                            "{\"top\": {}}",                                        "genesis: expected either runtime or raw"                        },
    {"genesis/runtime",                        NULL,                                                   "genesis: expected either runtime or raw"                        },
    {"genesis/runtimes",                       "{}",                                                   "genesis.runtimes: there is no such field"                       },
    {R "balances",                             NULL,                                                   "genesis.runtime.balances: the field is missing"                 },
    {R "sudo",                                 "{}",                                                   "genesis.runtime.sudo: there is no such field"                   },
    {R "balances/balances",                    "{}",                                                   "balances.balances: expected a list of"                          },
    {R "balances/balances/3",                  "[1]",                                                  "balances[3]: expected [address, amount]"                        },
    {R "balances/balances/3/0",                "\"5GrwvaEF5zXb26Fz9rcQpDWS57\"",                       "balances[3]: expected an SS58 address"                          },
    {R "balances/balances/3/0",                ALICE,                                                  "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY is there twice"},
    {R "balances/balances/3/1",                "-1",                                                   "balances[3]: expected an amount"                                },
    {R "balances/balances/3/1",                "1.5",                                                  "balances[3]: expected an amount"                                },
    {R "balances/balances/3/1",                "499",                                                  "at least 500"                                                   },
    {R "balances/balances/3/1",                "\"12x\"",                                              "balances[3]: expected an amount"                                },
    {R "session/keys",                         "[]",                                                   "session.keys: expected a list of 1 to 16"                       },
    {R "session/keys/0/2/babe",                ALICE,                                                  "session.keys[0][2].babe: there is no such field"                },
    {R "session/keys/0/2/grandpa",             NULL,                                                   "session.keys[0][2].grandpa: the field is missing"               },
    {R "session/keys/0/1",                     "\"5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty\"",
     "the account and the validator must be"                                                                                                                            },
    {R "councilMembership/members",            "[]",                                                   "members: expected a list of 1 to 16 addresses"                  },
    {R "councilMembership/members/0",          ALICE,                                                  "members[2]: the address is there twice"                         },
    {R "tfgridModule/salesAccount",            "null",                                                 "tfgridModule.salesAccount: expected an SS58"                    },
    {R "smartContractModule/billingFrequency", "0",                                                    "billingFrequency: expected a number from 1"                     },
    {R "tftPriceModule/maxTftPrice",           "9",                                                    "maxTftPrice: expected a number from 10"                         },
    {R "tftBridgeModule/feeAccount",           NULL,                                                   "tftBridgeModule.feeAccount: the field is missing"               },
    {R "aura",                                 "{\"slotDuration\": 1}",                                "aura.slotDuration: expected a number from 10"                   },
    {R "system/code",                          "\"0xabc\"",                                            "system.code: expected hexadecimal digits"                       },
    {R "system/code",                          "\"abcd\"",                                             "system.code: expected hexadecimal digits"                       },
};

/* change sets the field at path; false when the way there does not exist. */
static bool change(json_t *at, const char *path, json_t *value)
{
    const char *slash = strchr(path, '/');
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(slash ? slash - path : (long)strlen(path)), path);
    size_t index = (size_t)strtoul(name, NULL, 10);
    if (slash)
        return change(json_is_array(at) ? json_array_get(at, index) : json_object_get(at, name), slash + 1,
                      value);
    if (json_is_array(at)) return json_array_set_new(at, index, value) == 0;
    return (value ? json_object_set_new(at, name, value) : json_object_del(at, name)) == 0;
}

TEST(a_wrong_field_is_refused_by_its_name)
{
    chainspec_t spec, got;
    dev(&spec);
    char *text = written(&spec);
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        json_t *file = json_loads(text, 0, NULL);
        OK(change(file, wrongs[i].path,
                  wrongs[i].value ? json_loads(wrongs[i].value, JSON_DECODE_ANY, NULL) : NULL));
        char *changed = json_dumps(file, 0);
        bool is_taken = parse(changed, &got);
        if (is_taken || !strstr(error, wrongs[i].told)) printf("%s: told '%s'\n", wrongs[i].path, error);
        OK(!is_taken);
        OK(strstr(error, wrongs[i].told) != NULL);
        free(changed);
        json_decref(file);
    }
    free(text);
    chainspec_free(&spec);
}

TEST(a_wrong_raw_form_is_refused)
{
    static const char *const cases[][2] = {
        {"{\"top\": {}}",                                                     "genesis.raw.top: expected an object"       },
        {"{\"top\": []}",                                                     "genesis.raw.top: expected an object"       },
        {"{}",                                                                "genesis.raw.top: the field is missing"     },
        {"{\"top\": {\"0x\": \"0x00\"}}",                                     "genesis.raw.top: the key 0x:"              },
        {"{\"top\": {\"3a\": \"0x00\"}}",                                     "genesis.raw.top: the key 3a:"              },
        {"{\"top\": {\"0x3a\": \"0x0\"}}",                                    "genesis.raw.top.0x3a: expected hexadecimal"},
        {"{\"top\": {\"0x3a\": 7}}",                                          "genesis.raw.top.0x3a: expected hexadecimal"},
        {"{\"top\": {\"0xab\": \"0x\", \"0xAB\": \"0x\"}}",                   "a key is there twice"                      },
        {"{\"top\": {\"0x3a\": \"0x\"}, \"childrenDefault\": {\"0x1\": {}}}", "no child tries"                            },
    };
    char text[512];
    chainspec_t spec;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text,
                 "{\"name\": \"n\", \"id\": \"i\", \"chainType\": \"Live\", \"genesis\": {\"raw\": %s}}",
                 cases[i][0]);
        OK(!parse(text, &spec));
        if (!strstr(error, cases[i][1])) printf("%s: told '%s'\n", cases[i][0], error);
        OK(strstr(error, cases[i][1]) != NULL);
    }
    OK(!parse("{\"name\": \"n\", \"name\": \"m\"}", &spec));
    OK(strstr(error, "line 1") != NULL);
    OK(!parse("", &spec));
}

TEST(the_slot_of_a_spec_stands)
{
    chainspec_t spec;
    OK(!chainspec_open("no-such-file.json", 0, &spec, error));
    OK(strstr(error, "there is no chain 'no-such-file.json'") != NULL);
    OK(chainspec_open("dev", 700, &spec, error));
    EQ(spec.genesis.slot_duration_ms, 700);
    OK(chainspec_is_for_trial(&spec));
    chainspec_free(&spec);
}

/* ------------------------------------------------------------------ blocks of files */

static const uint8_t header[] = {[32]      = 0x14 /* number 5 */,
                                 [33 + 64] = 4,
                                 6 /* PreRuntime */,
                                 'a',
                                 'u',
                                 'r',
                                 'a',
                                 32,
                                 1,
                                 2,
                                 3,
                                 4,
                                 5,
                                 6,
                                 7,
                                 8};

TEST(a_block_reads_back)
{
    uint8_t room[512];
    signed_block_t block =
                       {
                           .header        = {header, sizeof header},
                           .body          = BYTES("\x08\x04\x01\x08\x02\x03"),
                           .justification = BYTES("proof")
    },
                   got;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t len;
        scale_writer_t w = scale_writer(room, sizeof room);
        signed_block_write(&w, &block);
        bytes_t bytes = scale_written(&w);
        OK(bytes.len > 0);
        OK(signed_block_read(bytes, &got, &len));
        EQ(len, bytes.len);
        EQ(got.number, 5);
        OK(bytes_equal(got.header, block.header) && bytes_equal(got.body, block.body));
        OK(bytes_equal(got.justification, block.justification));
        for (uint32_t cut = 0; cut < bytes.len; cut++)
            OK(!signed_block_read((bytes_t){bytes.data, cut}, &got, &len));
        block.justification = (bytes_t){0};
    }
}

TEST_MAIN()
