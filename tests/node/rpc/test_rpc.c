/* test_rpc.c - the RPC of a development chain, over real sockets: methods, errors, limits, subscriptions. */
#include "desk.h"

/* ---- messages ---- */

TEST(a_message_that_is_none_is_told)
{
    static const struct {
        const char *message, *answer;
    } cases[] = {
        {"",                                                                               "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse error\"},\"id\":null}"},
        {"{",                                                                              "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse error\"},\"id\":null}"},
        {"[]",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid request\"},\"id\":null}"                                                                              },
        {"7",                                                                              "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse error\"},\"id\":null}"},
        {"{\"id\":7}",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid request\"},\"id\":7}"                                                                                 },
        {"{\"id\":{},\"jsonrpc\":\"2.0\",\"method\":\"x\"}",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid request\"},\"id\":null}"                                                                              },
        {"{\"id\":\"a\",\"jsonrpc\":\"2.0\",\"method\":\"x\"}",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":\"Method not found\"},\"id\":\"a\"}"                                                                            },
        {"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"system_name\"}",
         "{\"jsonrpc\":\"2.0\",\"result\":\"trellis-node\",\"id\":1}"                                                                                                                 },
        {"{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"system_name\",\"params\":{\"a\":1}}",
         "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32602,\"message\":\"Invalid "
         "params\",\"data\":\"parameters are taken as an array, not by name\"},\"id\":1}"                                                                                             },
        {"[{\"jsonrpc\":\"2.0\",\"method\":\"system_name\"},{\"id\":2,\"jsonrpc\":\"2.0\",\"method\":"
         "\"system_version\",\"params\":null},1]",                                "[{\"jsonrpc\":\"2.0\",\"result\":\"0.0.1\",\"id\":2},{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-"
         "32600,\"message\":\"Invalid request\"},\"id\":null}]"                                                            },
    };
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){0}));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *answer = ask_text(&d, cases[i].message);
        char *text     = json_dumps(answer, JSON_COMPACT);
        if (!text || strcmp(text, cases[i].answer) != 0)
            printf("%s: %s\n", cases[i].message, text ? text : "nothing");
        OK(text && strcmp(text, cases[i].answer) == 0);
        free(text);
        json_decref(answer);
    }
    desk_stop(&d);
}

TEST(messages_have_limits)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.response_max = 20000}));
    char *deep = malloc(1 << 20);
    memset(deep, '[', 100000);
    deep[100000]   = 0;
    json_t *answer = ask_text(&d, deep);
    EQ(json_integer_value(json_object_get(json_object_get(answer, "error"), "code")), -32700);
    json_decref(answer);
    snprintf(deep, 1 << 20, "%s", "[1");
    for (int i = 0; i < 1000; i++)
        add_text(deep, 1 << 20, ",1");
    add_text(deep, 1 << 20, "]");
    answer = ask_text(&d, deep);
    EQ(json_integer_value(json_object_get(json_object_get(answer, "error"), "code")), -32010);
    json_decref(answer);
    memset(deep, ',', 1000000);
    deep[1000000] = 0;
    answer        = ask_text(&d, deep);
    EQ(json_integer_value(json_object_get(json_object_get(answer, "error"), "code")), -32007);
    json_decref(answer);
    OK(fails(&d, "state_getMetadata", "[]", -32008, "Response is too big", NULL));
    /* each is short enough, all together are not */
    snprintf(deep, 1 << 20, "%s", "[");
    for (int i = 0; i < 900; i++)
        add_text(deep, 1 << 20, "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"chain_getBlockHash\"},");
    deep[strlen(deep) - 1] = ']';
    answer                 = ask_text(&d, deep);
    EQ(json_integer_value(json_object_get(json_object_get(answer, "error"), "code")), -32008);
    json_decref(answer);
    /* longer than one may be at all */
    memset(deep, ' ', 1 << 20);
    OK(web_send(d.session, (bytes_t){(const uint8_t *)deep, 1 << 20}, true));
    OK(web_send(d.session, (bytes_t){(const uint8_t *)deep, 1 << 20}, true));
    OK(wait_count(&d, d.answers, 3)); /* the batch's, and two parse errors */
    char *more = calloc(1, (1 << 20) + 1);
    json_array_clear(d.answers);
    web_send(d.session, (bytes_t){(const uint8_t *)more, (1 << 20) + 1}, true);
    OK(wait_count(&d, d.answers, 1));
    json_t *error = json_object_get(json_array_get(d.answers, 0), "error");
    EQ(json_integer_value(json_object_get(error, "code")), -32007);
    OK(strcmp(json_string_value(json_object_get(error, "data")), "Exceeded max limit of 1048576") == 0);
    OK(is_text(result(&d, "system_name", "[]"), "trellis-node")); /* the session goes on */
    free(more);
    free(deep);
    desk_stop(&d);
}

TEST(unsafe_methods_are_not_for_all)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){0}));
    OK(fails(&d, "engine_createBlock", "[true,true]", -32601, "RPC call is unsafe to be called externally",
             NULL));
    json_t *listed = result(&d, "rpc_methods", "[]"), *name;
    size_t i;
    bool has_safe = false;
    json_array_foreach(json_object_get(listed, "methods"), i, name)
    {
        OK(strncmp(json_string_value(name), "engine_", 7) != 0);
        has_safe = has_safe || strcmp(json_string_value(name), "state_getStorage") == 0;
    }
    OK(has_safe);
    json_decref(listed);
    desk_stop(&d);
}

/* ---- chain and state ---- */

TEST(blocks_are_found_by_hash_and_number)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    json_t *made = result(&d, "engine_createBlock", "[true,true]"), *aux = json_object_get(made, "aux");
    char hash[80], params[100];
    snprintf(hash, sizeof hash, "%s", json_string_value(json_object_get(made, "hash")));
    OK(json_is_true(json_object_get(aux, "is_new_best")) &&
       json_is_false(json_object_get(aux, "header_only")));
    json_decref(made);
    OK(is_text(result(&d, "chain_getBlockHash", "[1]"), hash));
    OK(is_text(result(&d, "chain_getBlockHash", "[\"0x1\"]"), hash));
    OK(is_text(result(&d, "chain_getHead", "[]"), hash));
    OK(is_text(result(&d, "chain_getFinalizedHead", "[]"), hash));
    json_t *hashes = result(&d, "chain_getBlockHash", "[[0,1,2]]");
    EQ(json_array_size(hashes), 3);
    OK(json_is_null(json_array_get(hashes, 2)));
    OK(strcmp(json_string_value(json_array_get(hashes, 1)), hash) == 0);
    snprintf(params, sizeof params, "[\"%s\"]", hash);
    json_t *block = result(&d, "chain_getBlock", params), *inner = json_object_get(block, "block"),
           *header = json_object_get(inner, "header");
    OK(strcmp(json_string_value(json_object_get(header, "number")), "0x1") == 0);
    OK(strcmp(json_string_value(json_object_get(header, "parentHash")),
              json_string_value(json_array_get(hashes, 0))) == 0);
    EQ(json_array_size(json_object_get(inner, "extrinsics")), 1);
    EQ(json_array_size(json_object_get(json_object_get(header, "digest"), "logs")), 2);
    EQ(json_array_size(json_object_get(block, "justifications")), 1);
    json_t *engine = json_array_get(json_array_get(json_object_get(block, "justifications"), 0), 0);
    EQ(json_integer_value(json_array_get(engine, 0)), 'F');
    json_decref(hashes);
    json_decref(block);
    json_t *none = result(&d, "chain_getHeader",
                          "[\"0x1111111111111111111111111111111111111111111111111111111111111111\"]");
    OK(json_is_null(none));
    json_decref(none);
    OK(fails(&d, "chain_getHeader", "[\"0x11\"]", -32602, "Invalid params", NULL));
    OK(fails(&d, "chain_getBlockHash", "[-1]", -32602, "Invalid params", NULL));
    OK(fails(&d, "engine_createBlock", "[false,false]", 1, "the pool is empty", NULL));
    json_t *proof = result(&d, "grandpa_proveFinality", "[0]");
    OK(strlen(json_string_value(proof)) > 300);
    OK(strncmp(json_string_value(proof), hash, 66) == 0);
    json_decref(proof);
    desk_stop(&d);
}

#define TIMESTAMP_NOW "0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb"
#define CODE          "0x3a636f6465"
#define ABSENT        "0xf0c365c3cf59d671eb72da0e7a4113c400000000000000000000000000000000"

TEST(state_is_read_at_any_block)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    json_t *made = result(&d, "engine_createBlock", "[true,true]");
    json_decref(made);
    json_t *now = result(&d, "state_getStorage", "[\"" TIMESTAMP_NOW "\"]");
    EQ(json_string_length(now), 18);
    json_t *genesis = result(&d, "chain_getBlockHash", "[0]");
    char params[400];
    snprintf(params, sizeof params, "[\"" TIMESTAMP_NOW "\",\"%s\"]", json_string_value(genesis));
    json_t *before = result(&d, "state_getStorage", params);
    OK(json_is_null(before) || strcmp(json_string_value(before), json_string_value(now)) != 0);
    json_decref(before);
    json_t *size = result(&d, "state_getStorageSize", "[\"" TIMESTAMP_NOW "\"]");
    EQ(json_integer_value(size), 8);
    json_decref(size);
    json_t *absent = result(&d, "state_getStorageHash", "[\"" ABSENT "\"]");
    OK(json_is_null(absent));
    json_decref(absent);
    json_t *values  = result(&d, "state_queryStorageAt", "[[\"" TIMESTAMP_NOW "\",\"" ABSENT "\"]]");
    json_t *changes = json_object_get(json_array_get(values, 0), "changes");
    EQ(json_array_size(changes), 2);
    OK(json_equal(json_array_get(json_array_get(changes, 0), 1), now));
    OK(json_is_null(json_array_get(json_array_get(changes, 1), 1)));
    json_decref(values);
    snprintf(params, sizeof params, "[[\"" TIMESTAMP_NOW "\"],\"%s\"]", json_string_value(genesis));
    json_t *history = result(&d, "state_queryStorage", params);
    EQ(json_array_size(history), 2);
    json_decref(history);
    OK(fails(&d, "state_getStorage",
             "[\"" TIMESTAMP_NOW "\",\"0x1111111111111111111111111111111111111111111111111111111111111111\"]",
             4003, "Client error: UnknownBlock", NULL));
    OK(fails(&d, "state_getStorage", "[\"zz\"]", -32602, "Invalid params", NULL));
    OK(fails(&d, "state_getStorage", "[]", -32602, "Invalid params", NULL));
    OK(fails(&d, "state_getKeysPaged", "[null,1001]", 4002,
             "count exceeds maximum value. value: 1001, max: 1000", NULL));
    json_decref(now);
    json_decref(genesis);
    desk_stop(&d);
}

TEST(keys_are_paged_without_gap_or_repeat)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    json_t *all  = result(&d, "state_getKeysPaged", "[\"0x\",1000]"), *few, *key;
    size_t count = json_array_size(all), i, seen = 0;
    OK(count > 20);
    char start[10000] = "null";
    do {
        char params[10100];
        snprintf(params, sizeof params, "[null,7,%s]", start);
        few = result(&d, "state_getKeysPaged", params);
        json_array_foreach(few, i, key)
        {
            OK(json_equal(key, json_array_get(all, seen++)));
            snprintf(start, sizeof start, "\"%s\"", json_string_value(key));
        }
        i = json_array_size(few);
        json_decref(few);
    } while (i == 7);
    EQ(seen, count);
    json_t *pairs = result(&d, "state_getPairs", "[\"0x26aa394eea5630e07c48ae0c9558cef7\"]");
    OK(json_array_size(pairs) > 3);
    json_array_foreach(pairs, i, key)
        OK(strncmp(json_string_value(json_array_get(key, 0)), "0x26aa394eea5630e07c48ae0c9558cef7", 34) == 0);
    json_decref(pairs);
    json_decref(all);
    desk_stop(&d);
}

TEST(what_is_too_long_is_refused_before_it_is_built)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true, .response_max = 2000}));
    OK(fails(&d, "state_getPairs", "[\"0x\"]", -32008, "Response is too big", NULL));
    char params[8000] = "[[";
    for (int i = 0; i < 60; i++)
        add_text(params, sizeof params, "\"" TIMESTAMP_NOW "\",");
    params[strlen(params) - 1] = 0;
    add_text(params, sizeof params, "]]");
    OK(fails(&d, "state_queryStorageAt", params, -32008, "Response is too big", NULL));
    desk_stop(&d);
}

TEST(the_runtime_answers)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){0}));
    json_t *version = result(&d, "state_getRuntimeVersion", "[]");
    OK(strcmp(json_string_value(json_object_get(version, "specName")), "substrate-threefold") == 0);
    OK(json_array_size(json_object_get(version, "apis")) >= 8);
    json_decref(version);
    OK(is_text(result(&d, "state_call", "[\"AuraApi_slot_duration\",\"\"]"), "0x7017000000000000"));
    OK(is_text(result(&d, "state_call", "[\"AuraApi_slot_duration\",\"0x\"]"), "0x7017000000000000"));
    OK(fails(&d, "state_call", "[\"Nothing_here\",\"0x\"]", 4003,
             "Client error: Execution failed: Exported method Nothing_here is not found", NULL));
    OK(fails(&d, "state_call", "[\"AccountNonceApi_account_nonce\",\"0x00\"]", 4003,
             "Client error: Execution failed", NULL));
    json_t *metadata = result(&d, "state_getMetadata", "[]");
    OK(strncmp(json_string_value(metadata), "0x6d6574610e", 12) == 0);
    json_decref(metadata);
    json_t *proof = result(&d, "state_getReadProof", "[[\"" TIMESTAMP_NOW "\"]]");
    OK(json_array_size(json_object_get(proof, "proof")) > 0);
    json_decref(proof);
    json_t *health = result(&d, "system_health", "[]");
    OK(json_is_false(json_object_get(health, "isSyncing")));
    json_decref(health);
    json_t *properties = result(&d, "system_properties", "[]");
    EQ(json_integer_value(json_object_get(properties, "tokenDecimals")), 7);
    json_decref(properties);
    OK(is_text(result(&d, "system_chainType", "[]"), "Development"));
    desk_stop(&d);
}

/* ---- extrinsics ---- */

TEST(an_extrinsic_is_watched_to_its_end)
{
    desk_t d;
    uint8_t room[EXTRINSIC_MOST];
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    bytes_t extrinsic = transfer(&d.world, &d.world.alice, &d.world.bob, 0, 1000, room);
    json_t *answer    = submit(&d, "author_submitAndWatchExtrinsic", extrinsic);
    OK(json_is_string(json_object_get(answer, "result")));
    json_decref(answer);
    OK(is_text(json_incref(note(&d, 0, "author_extrinsicUpdate")), "ready"));
    OK(d.wakes > 0);
    json_t *pending = result(&d, "author_pendingExtrinsics", "[]");
    EQ(json_array_size(pending), 1);
    json_decref(pending);
    json_t *index =
        result(&d, "system_accountNextIndex", "[\"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\"]");
    EQ(json_integer_value(index), 1);
    json_decref(index);
    json_t *made = result(&d, "engine_createBlock", "[false,true]");
    OK(is_text(json_incref(json_object_get(note(&d, 1, "author_extrinsicUpdate"), "inBlock")),
               json_string_value(json_object_get(made, "hash"))));
    EQ(json_array_size(d.notes), 2);
    pool_tick(d.pool, io_now_ms(d.io));
    OK(is_text(json_incref(json_object_get(note(&d, 2, "author_extrinsicUpdate"), "finalized")),
               json_string_value(json_object_get(made, "hash"))));
    json_decref(made);
    EQ(rpc_counters(d.rpc).subscriptions, 0);
    desk_stop(&d);
}

TEST(refusals_are_worded_as_substrate_words_them)
{
    desk_t d;
    uint8_t room[EXTRINSIC_MOST];
    char params[2 * EXTRINSIC_MOST + 16], known[80];
    keypair_t poor;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    OK(key_from_suri("//Nobody", KEY_SR25519, &poor) == KEY_OK);
    hex_text(params, transfer(&d.world, &poor, &d.world.bob, 0, 1, room));
    OK(fails(&d, "author_submitExtrinsic", params, 1010, "Invalid Transaction",
             "Inability to pay some fees (e.g. account balance too low)"));
    OK(fails(&d, "author_submitExtrinsic", params, 1012, "Transaction is temporarily banned", NULL));
    bytes_t extrinsic = transfer(&d.world, &d.world.alice, &d.world.bob, 0, 1, room);
    hash_t hash       = blake2_256(extrinsic);
    hex_text(params, extrinsic);
    json_decref(result(&d, "author_submitExtrinsic", params));
    memcpy(known, "[0x", 4);
    hex_encode(known + 3, (bytes_t){hash.b, 32});
    add_text(known, sizeof known, "]");
    OK(fails(&d, "author_submitExtrinsic", params, 1013, "Transaction Already Imported", known));
    json_decref(result(&d, "engine_createBlock", "[true,false]"));
    hex_text(params, transfer(&d.world, &d.world.alice, &d.world.bob, 0, 2, room));
    OK(fails(&d, "author_submitExtrinsic", params, 1010, "Invalid Transaction", "Transaction is outdated"));
    OK(fails(&d, "author_submitAndWatchExtrinsic", params, 1012, "Transaction is temporarily banned", NULL));
    extrinsic = transfer(&d.world, &d.world.alice, &d.world.bob, 1, 2, room);
    room[50] ^= 1;
    hex_text(params, extrinsic);
    OK(fails(&d, "author_submitExtrinsic", params, 1010, "Invalid Transaction",
             "Transaction has a bad signature"));
    OK(fails(&d, "author_submitExtrinsic", "[\"0x00\"]", 1001, "Extrinsic has invalid format", NULL));
    OK(fails(&d, "author_submitExtrinsic", "[\"0x\"]", 1001, "Extrinsic has invalid format", NULL));
    OK(fails(&d, "author_submitExtrinsic", "[7]", -32602, "Invalid params", NULL));
    EQ(rpc_counters(d.rpc).subscriptions, 0);
    desk_stop(&d);
}

TEST(fees_are_told_and_a_dry_run_changes_nothing)
{
    desk_t d;
    uint8_t room[EXTRINSIC_MOST];
    char params[2 * EXTRINSIC_MOST + 16];
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    bytes_t extrinsic = transfer(&d.world, &d.world.alice, &d.world.bob, 0, 1000, room);
    hex_text(params, extrinsic);
    json_t *info = result(&d, "payment_queryInfo", params);
    OK(is_text(json_incref(json_object_get(info, "class")), "normal"));
    OK(strtoul(json_string_value(json_object_get(info, "partialFee")), NULL, 10) >= 10000);
    OK(json_is_integer(json_object_get(json_object_get(info, "weight"), "ref_time")));
    json_decref(info);
    json_t *details = result(&d, "payment_queryFeeDetails", params);
    OK(strncmp(json_string_value(json_object_get(json_object_get(details, "inclusionFee"), "baseFee")), "0x",
               2) == 0);
    json_decref(details);
    OK(is_text(result(&d, "system_dryRun", params), "0x0000"));
    OK(is_text(result(&d, "system_dryRun", params), "0x0000"));
    hex_text(params, transfer(&d.world, &d.world.alice, &d.world.bob, 5, 1000, room));
    OK(is_text(result(&d, "system_dryRun", params), "0x010002")); /* in the future */
    OK(fails(&d, "system_dryRun", "[\"0x1234\"]", 4003, "Client error: Execution failed", NULL));
    EQ(chain_best(d.world.chain).number, 0);
    desk_stop(&d);
}

/* ---- subscriptions ---- */

TEST(heads_are_told_first_and_then_with_each_block)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    json_t *id = result(&d, "chain_subscribeNewHeads", "[]");
    OK(is_text(json_incref(json_object_get(note(&d, 0, "chain_newHead"), "number")), "0x0"));
    json_decref(result(&d, "chain_subscribeFinalizedHeads", "[]"));
    OK(is_text(json_incref(json_object_get(note(&d, 1, "chain_finalizedHead"), "number")), "0x0"));
    json_decref(result(&d, "engine_createBlock", "[true,false]"));
    OK(is_text(json_incref(json_object_get(note(&d, 2, "chain_newHead"), "number")), "0x1"));
    json_decref(result(&d, "engine_createBlock", "[true,true]"));
    OK(is_text(json_incref(json_object_get(note(&d, 3, "chain_newHead"), "number")), "0x2"));
    OK(is_text(json_incref(json_object_get(note(&d, 4, "chain_finalizedHead"), "number")), "0x1"));
    OK(is_text(json_incref(json_object_get(note(&d, 5, "chain_finalizedHead"), "number")), "0x2"));
    char params[64];
    snprintf(params, sizeof params, "[\"%s\"]", json_string_value(id));
    json_t *ended = result(&d, "chain_unsubscribeNewHeads", params),
           *again = result(&d, "chain_unsubscribeNewHeads", params);
    OK(json_is_true(ended) && json_is_false(again));
    json_decref(result(&d, "engine_createBlock", "[true,false]"));
    EQ(json_array_size(d.notes), 6);
    json_decref(ended);
    json_decref(again);
    json_decref(id);
    desk_stop(&d);
}

TEST(storage_is_told_at_once_and_then_when_it_changes)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    json_decref(result(&d, "state_subscribeStorage", "[[\"" TIMESTAMP_NOW "\",\"" ABSENT "\"]]"));
    EQ(json_array_size(json_object_get(note(&d, 0, "state_storage"), "changes")), 2);
    json_decref(result(&d, "engine_createBlock", "[true,false]"));
    json_t *changes = json_object_get(note(&d, 1, "state_storage"), "changes");
    EQ(json_array_size(changes), 1);
    OK(is_text(json_incref(json_array_get(json_array_get(changes, 0), 0)), TIMESTAMP_NOW));
    json_decref(result(&d, "state_subscribeRuntimeVersion", "[]"));
    OK(json_is_string(json_object_get(note(&d, 2, "state_runtimeVersion"), "specName")));
    json_decref(result(&d, "grandpa_subscribeJustifications", "[]"));
    json_decref(result(&d, "engine_createBlock", "[true,true]"));
    OK(wait_count(&d, d.notes, 5));
    desk_stop(&d);
}

TEST(whoever_subscribes_to_all_of_the_storage_hears_what_a_block_changed)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    json_decref(result(&d, "state_subscribeStorage", "[null]"));
    json_decref(result(&d, "engine_createBlock", "[true,false]"));
    json_t *told = note(&d, 0, "state_storage"), *changes = json_object_get(told, "changes"), *change;
    json_t *at = result(&d, "chain_getBlockHash", "[1]");
    OK(json_equal(json_object_get(told, "block"), at));
    OK(json_array_size(changes) > 3);
    size_t i;
    json_array_foreach(changes, i, change)
    {
        char params[600];
        snprintf(params, sizeof params, "[\"%s\"]", json_string_value(json_array_get(change, 0)));
        json_t *value = result(&d, "state_getStorage", params);
        OK(json_equal(value, json_array_get(change, 1)));
        json_decref(value);
    }
    json_decref(at);
    desk_stop(&d);
    OK(desk_start(&d, (rpc_options_t){0}));
    OK(fails(&d, "state_subscribeStorage", "[]", -32601, "RPC call is unsafe to be called externally", NULL));
    desk_stop(&d);
}

TEST(a_connection_has_so_many_subscriptions_and_they_go_with_it)
{
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.subscriptions_max = 3}));
    for (int i = 0; i < 3; i++)
        json_decref(result(&d, "chain_subscribeNewHeads", "[]"));
    OK(fails(&d, "chain_subscribeNewHeads", "[]", -32006, "Too many subscriptions on the connection", NULL));
    EQ(rpc_counters(d.rpc).subscriptions, 3);
    web_close(d.session, 1000, NULL);
    OK(io_wait(d.io, &d.is_closed, 5000));
    for (int i = 0; i < 100 && rpc_counters(d.rpc).connections > 0; i++)
        io_step(d.io, 10);
    EQ(rpc_counters(d.rpc).subscriptions, 0);
    OK(desk_connect(&d));
    EQ(rpc_counters(d.rpc).connections, 1);
    desk_stop(&d);
}

/* ---- HTTP ---- */

typedef struct {
    bool is_done;
    int status;
    char body[300];
} fetched_t;
static void fetched(void *self, int status, bytes_t body)
{
    fetched_t *f = self;
    f->status    = status;
    snprintf(f->body, sizeof f->body, "%.*s", (int)body.len, (const char *)body.data);
    f->is_done = true;
}
static bool fetch(desk_t *d, const char *method, const char *path, const char *type, const char *body,
                  fetched_t *f)
{
    char url[100];
    memset(f, 0, sizeof *f);
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", rpc_port(d->rpc), path);
    return web_fetch(d->io, method, url, NULL, type, bytes_text(body), 5000, fetched, f) &&
           io_wait(d->io, &f->is_done, 6000);
}

TEST(http_is_answered_on_the_same_port)
{
    desk_t d;
    fetched_t f;
    OK(desk_start(&d, (rpc_options_t){0}));
    OK(fetch(&d, "POST", "/", "application/json",
             "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"system_chain\"}", &f));
    EQ(f.status, 200);
    OK(strcmp(f.body, "{\"jsonrpc\":\"2.0\",\"result\":\"Trellis Development\",\"id\":1}") == 0);
    OK(fetch(&d, "POST", "/", "application/json",
             "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"chain_subscribeNewHeads\"}", &f));
    OK(strstr(f.body, "-32601") != NULL);
    OK(fetch(&d, "POST", "/", "application/json", "{\"jsonrpc\":\"2.0\",\"method\":\"system_chain\"}", &f));
    EQ(f.body[0], 0);
    OK(fetch(&d, "POST", "/", "text/plain", "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"system_chain\"}",
             &f));
    EQ(f.status, 415);
    OK(fetch(&d, "GET", "/health", NULL, "", &f));
    OK(strcmp(f.body, "{\"peers\":0,\"isSyncing\":false,\"shouldHavePeers\":false}") == 0);
    OK(fetch(&d, "GET", "/", NULL, "", &f));
    EQ(f.status, 405);
    desk_stop(&d);
}

/* What a hostile client sends gets an answer each, and the node goes on. */
PROPERTY(any_parameters_get_an_answer, 3)
{
    static const char *const values[] = {
        "null",
        "true",
        "-1",
        "0",
        "1e400",
        "4294967296",
        "\"\"",
        "\"0x\"",
        "\"0xzz\"",
        "[]",
        "[[]]",
        "{}",
        "\"0x26aa394eea5630e07c48ae0c9558cef7\"",
        "[null]",
        "[\"0x\"]",
        "\"AuraApi_authorities\"",
        "1",
        "9999999",
        "\"0x1111111111111111111111111111111111111111111111111111111111111111\""};
    desk_t d;
    OK(desk_start(&d, (rpc_options_t){.is_unsafe_allowed = true}));
    json_t *listed = result(&d, "rpc_methods", "[]"), *methods = json_object_get(listed, "methods"), *name;
    size_t i;
    json_array_foreach(methods, i, name)
    {
        char params[600] = "[";
        for (uint32_t k = random_below(random, 5); k-- > 0;) {
            add_text(params, sizeof params, values[random_below(random, sizeof values / sizeof *values)]);
            if (k) add_text(params, sizeof params, ",");
        }
        add_text(params, sizeof params, "]");
        char text[800];
        snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\",\"params\":%s}",
                 json_string_value(name), params);
        json_t *answer = ask_text(&d, text);
        if (!answer) printf("no answer: %s\n", text);
        OK(answer != NULL);
        json_decref(answer);
    }
    json_decref(listed);
    desk_stop(&d);
}

TEST_MAIN()
