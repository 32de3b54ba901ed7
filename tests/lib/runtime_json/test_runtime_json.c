/* test_runtime_json.c - calls and values of a real chain go through both codecs and come back the same. */
#include "hash.h"
#include "runtime_json.h"
#include "runtime_types.h"
#include "test.h"
#include "vectors.h"

#include <strings.h>

enum { CALLS = 103, STORAGE = 108, NAMED = 94 }; /* in scale-vectors.json */

static uint8_t memory[1 << 20];

static arena_t fresh(void) { return (arena_t){.start = memory, .size = sizeof memory}; }

/* The value of this type in bytes, read to JSON and written back. */
static bool comes_back(uint16_t type, bytes_t bytes)
{
    static uint8_t room[65536];
    runtime_json_error_t error = {0};
    scale_reader_t r           = scale_reader(bytes, NULL);
    scale_writer_t w           = scale_writer(room, sizeof room);
    json_t *json               = runtime_json_decode(&r, type);
    bool same                  = false;

    if (json && scale_done(&r))
        same = runtime_json_encode(&w, type, json, &error) && bytes_equal(scale_written(&w), bytes);
    if (!same) printf("type %u: %s\n", type, json ? error.text : "not read");
    json_decref(json);
    return same;
}

static json_t *vectors(void)
{
    static json_t *root;

    return root ? root : (root = vectors_load("scale-vectors.json"));
}

TEST(calls_of_a_real_chain_come_back_from_json)
{
    json_t *calls = json_object_get(vectors(), "calls");

    EQ(json_array_size(calls), CALLS);
    for (size_t i = 0; i < json_array_size(calls); i++)
        OK(comes_back(runtime_type_call, vector_bytes(json_array_get(calls, i), "callHex")));
}

/* Forgets the bytes that calls were read from, so that encoding must use the fields. */
static void forget(runtime_call_t *call)
{
    call->encoded = (bytes_t){0};
    if (call->pallet == 3) switch (call->utility.index) {
        case UTILITY_CALL_BATCH:
        case UTILITY_CALL_BATCH_ALL:
        case UTILITY_CALL_FORCE_BATCH:
            for (uint32_t i = 0; i < call->utility.batch.calls.len; i++)
                forget(call->utility.batch.calls.items[i]);
        }
}

TEST(calls_of_a_real_chain_come_back_from_structs)
{
    static uint8_t room[65536];
    json_t *calls = json_object_get(vectors(), "calls");

    for (size_t i = 0; i < json_array_size(calls); i++) {
        bytes_t bytes    = vector_bytes(json_array_get(calls, i), "callHex");
        arena_t arena    = fresh();
        scale_reader_t r = scale_reader(bytes, &arena);
        scale_writer_t w = scale_writer(room, sizeof room);
        runtime_call_t call;
        runtime_call_decode(&r, &call);
        OK(scale_done(&r));
        OK(bytes_equal(call.encoded, bytes));
        forget(&call);
        runtime_call_encode(&w, &call);
        OK(bytes_equal(scale_written(&w), bytes));
    }
}

static const table_pallet_t *pallet_like(const char *name)
{
    for (uint32_t i = 0; i < runtime_pallet_count; i++)
        if (strcasecmp(runtime_pallets[i].name, name) == 0) return &runtime_pallets[i];
    return NULL;
}

static const table_storage_t *item_like(const table_pallet_t *pallet, const char *name)
{
    for (uint32_t i = 0; pallet && i < pallet->storage_count; i++)
        if (strcasecmp(pallet->storage[i].name, name) == 0) return &pallet->storage[i];
    return NULL;
}

TEST(storage_of_a_real_chain_comes_back_under_its_keys)
{
    json_t *entries  = json_object_get(vectors(), "storage");
    unsigned checked = 0;

    for (size_t i = 0; i < json_array_size(entries); i++) {
        json_t *entry = json_array_get(entries, i), *keys;
        const table_storage_t *item;
        uint8_t room[1024];
        scale_writer_t w = scale_writer(room, sizeof room);
        runtime_json_error_t error;
        if (!json_object_get(entry, "item")) continue;
        item = item_like(pallet_like(vector_text(entry, "pallet")), vector_text(entry, "item"));
        OK(item);
        bool is_good = runtime_json_key(&w, item, json_object_get(entry, "args"), &error);
        if (!is_good) printf("%s: %s\n", item->name, error.text);
        OK(is_good);
        OK(bytes_equal(scale_written(&w), vector_bytes(entry, "key")));
        keys = runtime_json_key_decode(scale_written(&w), item);
        OK(json_array_size(keys) == item->key_count);
        json_decref(keys);
        OK(comes_back(item->value, vector_bytes(entry, "value")));
        checked++;
    }
    EQ(checked, NAMED);
}

/* ---- the same values through the structs of pallets ---- */

typedef void (*back_fn)(scale_reader_t *r, scale_writer_t *w);

#define STRUCT(name)                                                                                         \
    static void name##_back(scale_reader_t *r, scale_writer_t *w)                                            \
    {                                                                                                        \
        name##_t v;                                                                                          \
        name##_decode(r, &v);                                                                                \
        if (!r->failed) name##_encode(w, &v);                                                                \
    }
#define VECTOR(name)                                                                                         \
    static void name##_back(scale_reader_t *r, scale_writer_t *w)                                            \
    {                                                                                                        \
        name##_t v;                                                                                          \
        name##_decode(r, UINT32_MAX, &v);                                                                    \
        if (!r->failed) name##_encode(w, v);                                                                 \
    }
#define SCALAR(name)                                                                                         \
    static void name##_back(scale_reader_t *r, scale_writer_t *w)                                            \
    {                                                                                                        \
        scale_put_##name(w, scale_get_##name(r));                                                            \
    }

STRUCT(system_account_info)
STRUCT(system_per_dispatch_class_weight)
STRUCT(support_farm)
STRUCT(support_node_power)
STRUCT(tfgrid_twin)
STRUCT(tfgrid_pricing_policy)
STRUCT(tfgrid_farming_policy)
VECTOR(account_id_vec)
VECTOR(account_id_support_session_keys_vec)
VECTOR(u64_vec)
VECTOR(hash_vec)
SCALAR(bool)
SCALAR(u32)
SCALAR(u64)
SCALAR(u128)

static void terms_back(scale_reader_t *r, scale_writer_t *w)
{
    tfgrid_terms_and_conditions_vec_t v;
    tfgrid_terms_and_conditions_vec_decode(r, UINT32_MAX, &v);
    if (!r->failed) tfgrid_terms_and_conditions_vec_encode(w, v);
}

static void bytes_back(scale_reader_t *r, scale_writer_t *w)
{
    scale_put_bytes(w, scale_get_bytes(r, UINT32_MAX));
}
static void hash_back(scale_reader_t *r, scale_writer_t *w)
{
    scale_put_raw(w, scale_get_slice(r, 32).data, 32);
}

static const struct {
    const char *item;
    back_fn back;
} values[] = {
    {"Account",                     system_account_info_back                },
    {"BlockWeight",                 system_per_dispatch_class_weight_back   },
    {"BlockHash",                   hash_back                               },
    {"Number",                      u32_back                                },
    {"ParentHash",                  hash_back                               },
    {"UpgradedToU32RefCount",       bool_back                               },
    {"UpgradedToTripleRefCount",    bool_back                               },
    {"Now",                         u64_back                                },
    {"OfflineValidators",           account_id_vec_back                     },
    {"Validators",                  account_id_vec_back                     },
    {"QueuedKeys",                  account_id_support_session_keys_vec_back},
    {"KeyOwner",                    hash_back                               },
    {"SetIdSession",                u32_back                                },
    {"TotalIssuance",               u128_back                               },
    {"NextFeeMultiplier",           u128_back                               },
    {"Farms",                       support_farm_back                       },
    {"FarmIdByName",                u32_back                                },
    {"FarmPayoutV2AddressByFarmID", bytes_back                              },
    {"NodeIdByTwinID",              u32_back                                },
    {"Twins",                       tfgrid_twin_back                        },
    {"TwinIdByAccountID",           u32_back                                },
    {"PricingPolicies",             tfgrid_pricing_policy_back              },
    {"FarmingPoliciesMap",          tfgrid_farming_policy_back              },
    {"UsersTermsAndConditions",     terms_back                              },
    {"ConnectionPrice",             u32_back                                },
    {"PricingPolicyID",             u32_back                                },
    {"FarmingPolicyID",             u32_back                                },
    {"NodePower",                   support_node_power_back                 },
    {"ActiveNodeContracts",         u64_vec_back                            },
    {"ContractsToBillAt",           u64_vec_back                            },
    {"SolutionProviderID",          u64_back                                },
    {"BillingFrequency",            u64_back                                },
    {"WithdrawFee",                 u64_back                                },
    {"DepositFee",                  u64_back                                },
    {"TftPrice",                    u32_back                                },
    {"AverageTftPrice",             u32_back                                },
    {"TftPriceHistory",             u32_back                                },
    {"MinTftPrice",                 u32_back                                },
    {"TFKVStore",                   bytes_back                              },
    {"Proposals",                   hash_vec_back                           },
    {"FarmWeight",                  u64_back                                },
};

TEST(storage_of_a_real_chain_comes_back_from_structs)
{
    static uint8_t room[65536];
    json_t *entries  = json_object_get(vectors(), "storage");
    unsigned checked = 0;

    for (size_t i = 0; i < json_array_size(entries); i++) {
        json_t *entry = json_array_get(entries, i);
        back_fn back  = NULL;
        if (!json_object_get(entry, "item")) continue;
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            if (strcasecmp(values[v].item, vector_text(entry, "item")) == 0) back = values[v].back;
        if (!back) printf("%s has no codec here\n", vector_text(entry, "item"));
        OK(back);
        bytes_t bytes    = vector_bytes(entry, "value");
        arena_t arena    = fresh();
        scale_reader_t r = scale_reader(bytes, &arena);
        scale_writer_t w = scale_writer(room, sizeof room);
        back(&r, &w);
        OK(scale_done(&r));
        OK(bytes_equal(scale_written(&w), bytes));
        checked++;
    }
    EQ(checked, NAMED);
}

/* What is no item of a pallet is the number of its storage's layout, under the pallet's name. */
TEST(the_other_keys_of_a_real_chain_are_layout_numbers)
{
    json_t *entries  = json_object_get(vectors(), "storage");
    unsigned checked = 0;

    EQ(json_array_size(entries), STORAGE);
    for (size_t i = 0; i < json_array_size(entries); i++) {
        json_t *entry = json_array_get(entries, i);
        uint8_t own[32];
        bool is_known = false;
        if (json_object_get(entry, "item")) continue;
        bytes_t key = vector_bytes(entry, "key");
        EQ(key.len, sizeof own);
        twox_128(own + 16, BYTES(":__STORAGE_VERSION__:"));
        for (uint32_t p = 0; p < runtime_pallet_count && !is_known; p++) {
            twox_128(own, bytes_text(runtime_pallets[p].name));
            is_known = memcmp(own, key.data, sizeof own) == 0;
        }
        OK(is_known);
        EQ(vector_bytes(entry, "value").len, 2);
        checked++;
    }
    EQ(checked, STORAGE - NAMED);
}

TEST(json_says_what_is_wrong)
{
    static const struct {
        const char *call, *arguments, *message;
    } cases[] = {
        {"create_farm",        "{\"name\": \"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddX\", \"public_ips\": []}",
         "name: is too long"                                                                                                                               },
        {"create_farm",        "{\"name\": \"a\"}",                                                             "public_ips: is missing"                   },
        {"create_farm",        "{\"name\": \"a\", \"public_ips\": [{\"ip\": \"1\", \"gw\": 2}]}",
         "public_ips.0.gw: must be a text or 0x..."                                                                                                        },
        {"create_farm",        "{\"name\": \"a\", \"public_ips\": [], \"nam\": 1}",                             "has no field 'nam'"                       },
        {"delete_node",        "{\"node_id\": 4294967296}",                                                     "node_id: must be a whole number that fits"},
        {"delete_node",        "{\"node_id\": -1}",                                                             "node_id: must be a whole number that fits"},
        {"change_power_state", "{\"power_state\": \"Sideways\"}",                                               "power_state: there is no 'Sideways'"      },
        {"add_node_certifier", "{\"certifier\": \"5Foo\"}",                                                     "certifier: is not an address: '5Foo'"     },
    };
    const table_pallet_t *pallet = table_pallet(BYTES("tfgrid"));

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t room[256];
        scale_writer_t w            = scale_writer(room, sizeof room);
        json_t *arguments           = json_loads(cases[i].arguments, 0, NULL);
        const table_variant_t *call = table_call(pallet, bytes_text(cases[i].call));
        runtime_json_error_t error;
        OK(call && arguments);
        OK(!runtime_json_call(&w, pallet, call, arguments, &error));
        if (strcmp(error.text, cases[i].message)) printf("%s\n", error.text);
        OK(strcmp(error.text, cases[i].message) == 0);
        json_decref(arguments);
    }
}

TEST(a_bare_address_is_an_id_and_numbers_may_be_texts)
{
    static const char *forms[] = {
        "{\"dest\": \"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\", \"value\": 1000}",
        "{\"dest\": {\"Id\": \"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\"}, \"value\": \"1_000\"}",
    };
    const table_pallet_t *pallet = table_pallet(BYTES("Balances"));

    for (unsigned i = 0; i < 2; i++) {
        uint8_t room[64];
        scale_writer_t w  = scale_writer(room, sizeof room);
        json_t *arguments = json_loads(forms[i], 0, NULL);
        runtime_json_error_t error;
        OK(runtime_json_call(&w, pallet, table_call(pallet, BYTES("transfer_keep_alive")), arguments,
                             &error));
        OK(bytes_equal(
            scale_written(&w),
            vector_hex("140300d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27da10f")));
        json_decref(arguments);
    }
}

TEST(a_module_error_has_a_name)
{
    json_t *error = runtime_json_dispatch_error(vector_hex("0319"
                                                           "08000000"));

    OK(strcmp(vector_text(error, "pallet"), "TfgridModule") == 0);
    OK(strcmp(vector_text(error, "error"), "FarmExists") == 0);
    json_decref(error);
    error = runtime_json_dispatch_error(vector_hex("02"));
    OK(strcmp(vector_text(error, "error"), "BadOrigin") == 0);
    json_decref(error);
    OK(!runtime_json_dispatch_error(vector_hex("0319")));
}

TEST(nested_calls_are_bounded)
{
    uint8_t bytes[4 * 40];
    arena_t arena = fresh();
    runtime_call_t call;

    for (unsigned depth = 0; depth < 40; depth++) /* utility.as_derivative(0, ...) */
        memcpy(bytes + 4 * depth, (uint8_t[]){3, 1, 0, 0}, 4);
    scale_reader_t r = scale_reader((bytes_t){bytes, sizeof bytes}, &arena);
    runtime_call_decode(&r, &call);
    OK(r.failed);
    OK(arena.used < RUNTIME_CALL_DEPTH_MAX * (sizeof call + 16));
    r = scale_reader((bytes_t){bytes, sizeof bytes}, NULL);
    OK(!runtime_json_decode(&r, runtime_type_call));
}

TEST_MAIN()
