/* test_rpc_methods.c - every method that rpc_methods lists, and the limits that an operator sets. */
#include "desk.h"
#include "keyring.h"
#include "keystore.h"

#include <sys/stat.h>

static int code_of(json_t *answer)
{
    return (int)json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));
}

/* is_proper says that an answer has a result, or an error as one must be. */
static bool is_proper(json_t *answer)
{
    json_t *error = json_object_get(answer, "error"), *code = json_object_get(error, "code");
    const char *message = json_string_value(json_object_get(error, "message"));
    if (!answer) return false;
    if (!error) return json_object_get(answer, "result") != NULL;
    return json_is_integer(code) && json_integer_value(code) != -32601 && message && message[0] &&
           !json_object_get(answer, "result");
}

static bool asks_well(desk_t *d, const char *method, const char *params)
{
    json_t *answer = ask(d, method, params);
    bool is_fine   = is_proper(answer);
    if (!is_fine) {
        char *text = json_dumps(answer, 0);
        printf("%s%s: %s\n", method, params, text ? text : "no answer");
        free(text);
    }
    json_decref(answer);
    return is_fine;
}

/* ---- every method ---- */

TEST(every_listed_method_answers_whatever_it_is_asked)
{
    static const char *const params[] = {
        "[]",
        "{}",
        "[{}]",
        "[[]]",
        "[true, true]",
        "[-1, \"x\", {}, []]",
        "[\"0xzz\", \"0xzz\", \"0xzz\", \"0xzz\"]",
        "[\"\", \"\", \"\", \"\"]",
        "[\"0x1111111111111111111111111111111111111111111111111111111111111111\", null]",
        "{\"hash\":7,\"key\":{},\"keys\":[1],\"followSubscription\":3}",
    };
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true, .subscriptions_max = 1000}));
    json_t *listed = result(&d, "rpc_methods", "[]"), *name;
    size_t i;
    OK(json_array_size(json_object_get(listed, "methods")) > 100);
    json_array_foreach(json_object_get(listed, "methods"), i,
                       name) for (size_t k = 0; k < sizeof params / sizeof *params; k++)
    {
        if (k > 0 && strncmp(json_string_value(name), "dev_newBlock", 12) == 0) break;
        OK(asks_well(&d, json_string_value(name), params[k]));
    }
    json_decref(listed);
    desk_stop(&d);
}

/* Substrate's legacy methods of spec chain-host 6.1, the new API of 6.2, and what a safe node refuses. */
static const char *const unsafe_methods[] = {
    "offchain_localStorageClear",
    "offchain_localStorageGet",
    "offchain_localStorageSet",
    "author_hasKey",
    "author_hasSessionKeys",
    "author_insertKey",
    "author_removeExtrinsic",
    "author_rotateKeys",
    "dev_newBlock",
    "dev_timeTravel",
    "engine_createBlock",
    "engine_finalizeBlock",
    "state_getKeys",
    "state_getPairs",
    "state_queryStorage",
    "system_addLogFilter",
    "system_dryRun",
    "system_dryRunAt",
    "system_peers",
    "system_resetLogFilter",
};
static const char *const safe_methods[] = {"account_nextIndex",
                                           "archive_v1_body",
                                           "archive_v1_call",
                                           "archive_v1_finalizedHeight",
                                           "archive_v1_genesisHash",
                                           "archive_v1_hashByHeight",
                                           "archive_v1_header",
                                           "archive_v1_storage",
                                           "archive_v1_storageDiff",
                                           "author_pendingExtrinsics",
                                           "author_submitAndWatchExtrinsic",
                                           "author_submitExtrinsic",
                                           "author_unwatchExtrinsic",
                                           "chainHead_v1_body",
                                           "chainHead_v1_call",
                                           "chainHead_v1_continue",
                                           "chainHead_v1_follow",
                                           "chainHead_v1_header",
                                           "chainHead_v1_stopOperation",
                                           "chainHead_v1_storage",
                                           "chainHead_v1_unfollow",
                                           "chainHead_v1_unpin",
                                           "chainSpec_v1_chainName",
                                           "chainSpec_v1_genesisHash",
                                           "chainSpec_v1_properties",
                                           "chain_getBlock",
                                           "chain_getBlockHash",
                                           "chain_getFinalisedHead",
                                           "chain_getFinalizedHead",
                                           "chain_getHead",
                                           "chain_getHeader",
                                           "chain_getRuntimeVersion",
                                           "chain_subscribeAllHeads",
                                           "chain_subscribeFinalisedHeads",
                                           "chain_subscribeFinalizedHeads",
                                           "chain_subscribeNewHead",
                                           "chain_subscribeNewHeads",
                                           "chain_subscribeRuntimeVersion",
                                           "chain_unsubscribeAllHeads",
                                           "chain_unsubscribeFinalisedHeads",
                                           "chain_unsubscribeFinalizedHeads",
                                           "chain_unsubscribeNewHead",
                                           "chain_unsubscribeNewHeads",
                                           "chain_unsubscribeRuntimeVersion",
                                           "childstate_getKeys",
                                           "childstate_getKeysPaged",
                                           "childstate_getKeysPagedAt",
                                           "childstate_getStorage",
                                           "childstate_getStorageEntries",
                                           "childstate_getStorageHash",
                                           "childstate_getStorageSize",
                                           "grandpa_proveFinality",
                                           "grandpa_roundState",
                                           "grandpa_subscribeJustifications",
                                           "grandpa_unsubscribeJustifications",
                                           "payment_queryFeeDetails",
                                           "payment_queryInfo",
                                           "rpc_methods",
                                           "state_call",
                                           "state_callAt",
                                           "state_getKeysPaged",
                                           "state_getKeysPagedAt",
                                           "state_getMetadata",
                                           "state_getReadProof",
                                           "state_getRuntimeVersion",
                                           "state_getStorage",
                                           "state_getStorageAt",
                                           "state_getStorageHash",
                                           "state_getStorageHashAt",
                                           "state_getStorageSize",
                                           "state_getStorageSizeAt",
                                           "state_queryStorageAt",
                                           "state_subscribeRuntimeVersion",
                                           "state_subscribeStorage",
                                           "state_unsubscribeRuntimeVersion",
                                           "state_unsubscribeStorage",
                                           "subscribe_newHead",
                                           "system_accountNextIndex",
                                           "system_chain",
                                           "system_chainType",
                                           "system_health",
                                           "system_localListenAddresses",
                                           "system_name",
                                           "system_nodeRoles",
                                           "system_localPeerId",
                                           "system_properties",
                                           "system_reservedPeers",
                                           "system_syncState",
                                           "system_version",
                                           "transactionWatch_v1_submitAndWatch",
                                           "transactionWatch_v1_unwatch",
                                           "transaction_v1_broadcast",
                                           "transaction_v1_stop",
                                           "unsubscribe_newHead"};

TEST(the_methods_of_substrate_are_listed_and_the_unsafe_ones_are_for_the_operator)
{
    desk_t d, open;
    OK(desk_start(&d, (rpc_options_t){0}));
    OK(desk_start(&open, (rpc_options_t){.is_unsafe_allowed = true}));
    json_t *few = result(&d, "rpc_methods", "[]"), *all = result(&open, "rpc_methods", "[]");
    char *few_text = json_dumps(few, 0), *all_text = json_dumps(all, 0), quoted[80];
    for (size_t i = 0; i < sizeof safe_methods / sizeof *safe_methods; i++) {
        snprintf(quoted, sizeof quoted, "\"%s\"", safe_methods[i]);
        if (!strstr(few_text, quoted)) printf("%s is missing\n", safe_methods[i]);
        OK(strstr(few_text, quoted) && strstr(all_text, quoted));
    }
    for (size_t i = 0; i < sizeof unsafe_methods / sizeof *unsafe_methods; i++) {
        snprintf(quoted, sizeof quoted, "\"%s\"", unsafe_methods[i]);
        if (!strstr(all_text, quoted)) printf("%s is missing\n", unsafe_methods[i]);
        OK(!strstr(few_text, quoted) && strstr(all_text, quoted));
        OK(fails(&d, unsafe_methods[i], "[]", -32601, "RPC call is unsafe to be called externally", NULL));
    }
    free(few_text);
    free(all_text);
    json_decref(few);
    json_decref(all);
    desk_stop(&d);
    desk_stop(&open);
}

TEST(what_is_not_listed_is_not_found)
{
    static const char *const names[] = {"",
                                        "state_getStorage ",
                                        "STATE_GETSTORAGE",
                                        "sudo_unchecked",
                                        "system_addReservedPeer",
                                        "offchain_timestamp"};
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        OK(fails(&d, names[i], "[]", -32601, "Method not found", NULL));
    desk_stop(&d);
}

/* ---- parameters by name ---- */

TEST(parameters_may_be_given_by_name)
{
    static const struct {
        const char *method, *by_name, *by_place;
    } cases[] = {
        {"chain_getBlockHash", "{\"hash\":0}",                                                           "[0]"                                                            },
        {"state_getKeysPaged", "{\"prefix\":\"0x26\",\"count\":2,\"start_key\":null}",                   "[\"0x26\",2]"                                                   },
        {"state_getKeysPaged", "{\"startKey\":\"0x26aa\",\"count\":1,\"prefix\":\"0x\",\"other\":true}",
         "[\"0x\",1,\"0x26aa\"]"                                                                                                                                          },
        {"state_call",         "{\"name\":\"Core_version\",\"bytes\":\"0x\"}",                           "[\"Core_version\"]"                                             },
        {"childstate_getKeys",
         "{\"childStorageKey\":\"0x3a6368696c645f73746f726167653a64656661756c743a61\","
         "\"prefix\":\"0x\"}",                                                                           "[\"0x3a6368696c645f73746f726167653a64656661756c743a61\",\"0x\"]"},
        {"system_name",        "{}",                                                                     "[]"                                                             },
    };
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){0}));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *named  = result(&d, cases[i].method, cases[i].by_name),
               *placed = result(&d, cases[i].method, cases[i].by_place);
        OK(named && placed && json_equal(named, placed));
        json_decref(named);
        json_decref(placed);
    }
    OK(fails(&d, "state_getStorage", "{\"hash\":null}", -32602, "Invalid params", NULL));
    OK(fails(&d, "chain_unsubscribeNewHeads", "{\"subscription\":\"x\"}", -32602, "Invalid params", NULL));
    desk_stop(&d);
}

/* ---- limits ---- */

TEST(calls_are_counted_a_minute)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.calls_a_minute = 5}));
    for (int i = 0; i < 5; i++)
        OK(asks_well(&d, "system_name", "[]"));
    OK(fails(&d, "system_name", "[]", -32999, "RPC rate limit exceeded", NULL));
    json_t *batch = ask_text(&d, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system_name\"}]");
    EQ(code_of(json_array_get(batch, 0)), -32999);
    json_decref(batch);
    web_close(d.session, 1000, NULL);
    OK(io_wait(d.io, &d.is_closed, 5000));
    OK(desk_connect(&d)); /* another connection has a count of its own */
    OK(asks_well(&d, "system_name", "[]"));
    desk_stop(&d);
}

TEST(some_networks_are_not_counted)
{
    desk_t d;
    rpc_options_t o = {.calls_a_minute = 1, .unlimited_count = 1};
    OK(rpc_network_read("127.0.0.0/8", 11, &o.unlimited[0]));
    OK(desk_start(&d, o));
    for (int i = 0; i < 10; i++)
        OK(asks_well(&d, "system_name", "[]"));
    desk_stop(&d);
    OK(rpc_network_read("127.0.0.2", 9, &o.unlimited[0]));
    OK(desk_start(&d, o));
    OK(asks_well(&d, "system_name", "[]"));
    OK(fails(&d, "system_name", "[]", -32999, "RPC rate limit exceeded", NULL));
    desk_stop(&d);
    rpc_network_t network;
    static const char *const wrong[] = {"",  "1.2.3",  "1.2.3.4/33", "1.2.3.4/",  "1.2.3.4/a",
                                        "x", "::/129", "::1/-1",     "1.2.3.4/8 "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        OK(!rpc_network_read(wrong[i], strlen(wrong[i]), &network));
    OK(rpc_network_read("::1/128", 7, &network) && network.prefix_len == 128);
    OK(rpc_network_read("0.0.0.0/0", 9, &network) && network.prefix_len == 96);
}

TEST(batches_are_as_long_as_the_operator_allows)
{
    static const char batch[] = "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system_name\"},"
                                "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"system_name\"}]";
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.batch_max = 2}));
    json_t *answer = ask_text(&d, batch);
    EQ(json_array_size(answer), 2);
    json_decref(answer);
    answer = ask_text(&d, "[1,2,3]");
    EQ(code_of(answer), -32010);
    OK(strcmp(json_string_value(json_object_get(json_object_get(answer, "error"), "data")),
              "Exceeded max limit of 2") == 0);
    json_decref(answer);
    desk_stop(&d);
    OK(desk_start(&d, (rpc_options_t){.has_no_batches = true}));
    answer = ask_text(&d, batch);
    EQ(code_of(answer), -32005);
    json_decref(answer);
    OK(asks_well(&d, "system_name", "[]"));
    desk_stop(&d);
}

/* ---- keys ---- */

static bool is_null(json_t *value)
{
    bool is = json_is_null(value);
    json_decref(value);
    return is;
}

static bool is_true(json_t *value) /* takes value */
{
    bool is_so = json_is_true(value);
    json_decref(value);
    return is_so;
}

/* The content and name of a file are what Substrate's keystore has. */
static bool has_file(const char *folder, const char *name, const char *content)
{
    char path[400], text[200] = "";
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    return stat(path, &info) == 0 && (info.st_mode & 0777) == 0600 && len > 0 &&
           (!content || strcmp(text, content) == 0);
}

#define BOB_AURA "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48"
#define BOB_GRAN "d17c2d7823ebf260fd138f2d7e27d114c0145d968b5ff5006125f2414fadae69"

TEST(session_keys_are_stored_and_found)
{
    char folder[] = "/tmp/trellis-keys-XXXXXX", params[300], path[400];
    desk_t d;
    OK(mkdtemp(folder) != NULL);
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true, .keystore = folder}));
    OK(!is_true(result(&d, "author_hasKey", "[\"0x" BOB_AURA "\",\"aura\"]")));
    json_decref(result(&d, "author_insertKey", "[\"aura\",\"//Bob\",\"0x" BOB_AURA "\"]"));
    OK(has_file(folder, "61757261" BOB_AURA, "\"//Bob\""));
    OK(is_true(result(&d, "author_hasKey", "[\"0x" BOB_AURA "\",\"aura\"]")));
    OK(!is_true(result(&d, "author_hasKey", "[\"0x" BOB_AURA "\",\"gran\"]")));
    OK(!is_true(result(&d, "author_hasSessionKeys", "[\"0x" BOB_AURA BOB_GRAN "\"]")));
    json_decref(result(&d, "author_insertKey", "[\"gran\",\"//Bob\",\"0x" BOB_GRAN "\"]"));
    OK(is_true(result(&d, "author_hasSessionKeys", "[\"0x" BOB_AURA BOB_GRAN "\"]")));
    OK(fails(&d, "author_hasSessionKeys", "[\"0x00\"]", 1040, "Session keys are not encoded correctly",
             NULL));
    OK(fails(&d, "author_hasKey", "[\"0x00\",\"toolong\"]", 1040,
             "Invalid key type ID format (should be of length four)", NULL));
    OK(fails(&d, "author_insertKey", "[\"aura\",\"//Bob\",\"0x" BOB_GRAN "00\"]", -32602, "Invalid params",
             NULL));
    OK(fails(&d, "author_insertKey", "[\"../x\",\"//Bob\",\"0x\"]", -32602, "Invalid params", NULL));
    json_t *made = result(&d, "author_rotateKeys", "[]");
    OK(json_string_length(made) == 2 + 128);
    snprintf(params, sizeof params, "[\"%s\"]", json_string_value(made));
    OK(is_true(result(&d, "author_hasSessionKeys", params)));
    snprintf(path, sizeof path, "61757261%.64s", json_string_value(made) + 2);
    OK(has_file(folder, path, NULL));
    keypair_t key;
    OK(keystore_find(folder, "gran", KEY_ED25519, &key));
    key_wipe(&key);
    json_decref(made);
    desk_stop(&d);
    OK(nftw(folder, remove_one, 4, FTW_DEPTH | FTW_PHYS) == 0);
}

TEST(keys_in_use_are_had_and_without_a_keystore_none_is_stored)
{
    desk_t d;
    keypair_t alice;
    OK(key_from_suri("//Bob", KEY_SR25519, &alice) == KEY_OK);
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true, .aura_key = alice.public_key}));
    OK(is_true(result(&d, "author_hasKey", "[\"0x" BOB_AURA "\",\"aura\"]")));
    OK(!is_true(result(&d, "author_hasKey", "[\"0x" BOB_AURA "\",\"gran\"]")));
    OK(fails(&d, "author_rotateKeys", "[]", 1040, "The key store is unavailable", NULL));
    OK(fails(&d, "author_insertKey", "[\"aura\",\"//Bob\",\"0x" BOB_AURA "\"]", 1040,
             "The key store is unavailable", NULL));
    desk_stop(&d);
}

/* ---- what is told of the node ---- */

TEST(sizes_are_of_a_value_or_of_all_below_a_prefix)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    json_t *pairs = result(&d, "state_getPairs",
                           "[\"0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9\"]");
    json_t *size  = result(&d, "state_getStorageSize",
                           "[\"0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9\"]");
    EQ(json_integer_value(size), (json_int_t)json_array_size(pairs) * 80);
    OK(json_array_size(pairs) > 0);
    json_decref(size);
    size = result(&d, "state_getStorageSize", "[\"0x0102\"]");
    OK(json_is_null(size));
    json_decref(size);
    json_decref(pairs);
    desk_stop(&d);
}

TEST(records_beside_the_chain_are_kept_by_key)
{
    char set[400], long_key[260];
    desk_t d;
    memset(long_key, 'a', sizeof long_key - 2);
    long_key[sizeof long_key - 2] = 0;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    OK(is_null(result(&d, "offchain_localStorageGet", "[\"PERSISTENT\",\"0x6b\"]")));
    OK(is_null(result(&d, "offchain_localStorageSet", "[\"PERSISTENT\",\"0x6b\",\"0x0102\"]")));
    OK(is_null(result(&d, "offchain_localStorageSet", "[\"PERSISTENT\",\"0x6b00\",\"0x\"]")));
    OK(is_text(result(&d, "offchain_localStorageGet", "[\"PERSISTENT\",\"0x6b\"]"), "0x0102"));
    OK(is_text(result(&d, "offchain_localStorageGet", "[\"PERSISTENT\",\"0x6b00\"]"), "0x"));
    OK(is_null(result(&d, "offchain_localStorageClear", "[\"PERSISTENT\",\"0x6b\"]")));
    OK(is_null(result(&d, "offchain_localStorageGet", "[\"PERSISTENT\",\"0x6b\"]")));
    snprintf(set, sizeof set, "[\"PERSISTENT\",\"0x%s\",\"0x07\"]", long_key);
    OK(is_null(result(&d, "offchain_localStorageSet", set)));
    snprintf(set, sizeof set, "[\"PERSISTENT\",\"0x%s\"]", long_key);
    OK(is_text(result(&d, "offchain_localStorageGet", set), "0x07"));
    OK(fails(&d, "offchain_localStorageGet", "[\"LOCAL\",\"0x6b\"]", 5001,
             "This storage kind is not available yet", NULL));
    OK(fails(&d, "offchain_localStorageGet", "[\"OTHER\",\"0x6b\"]", -32602, "Invalid params", NULL));
    OK(fails(&d, "offchain_localStorageSet", "[\"PERSISTENT\",\"0x6b\"]", -32602, "Invalid params", NULL));
    desk_stop(&d);
}

TEST(log_levels_are_changed_and_put_back)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true, .log_filter = "error"}));
    json_decref(result(&d, "system_addLogFilter", "[\"rpc=warn\"]"));
    OK(fails(&d, "system_addLogFilter", "[\"rpc=loud\"]", -32602, "Invalid params", NULL));
    json_decref(result(&d, "system_resetLogFilter", "[]"));
    desk_stop(&d);
}

TEST_MAIN()
