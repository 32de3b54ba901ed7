/* test_chain.c - every command against a chain of its own: trellis-node in this test's folder. */
#include "own_grid.h"
#include "test.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOB "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"

__attribute__((constructor)) static void prepare(void) { own_node_start(); }

/* The tests build on each other, in this order. */

TEST(a_new_chain_has_nothing_but_money)
{
    OK(number("balance --key //Alice", "free") > 0);
    EQ(run("twin show --key //Bob"), 1);
    OK(says("trellis twin create"));
    EQ(run("farm show 1"), 1);
    EQ(run("node list --json"), 0);
    OK(strcmp(out, "[]\n") == 0);
}

TEST(a_twin_is_made_once_and_accepts_the_terms)
{
    EQ(number("twin create --relay grid.local --key //Bob", "id"), 1);
    EQ(number("twin create --relay grid.local --key //Dave", "id"), 2);
    EQ(run("twin create --relay grid.local --key //Bob"), 1);
    OK(says("TfgridModule.TwinWithPubkeyExists"));
    EQ(number("twin show " BOB, "id"), 1);
    json_t *terms = answer("twin terms --key //Bob");
    EQ(json_array_size(terms), 1);
    json_decref(terms);
    json_t *twin = answer("twin update --relay other.local --no-pk --key //Dave");
    OK(json_is_null(json_object_get(twin, "pk")) &&
       strcmp(json_string_value(json_object_get(twin, "relay")), "other.local") == 0);
    json_decref(twin);
    EQ(run("twin create --relay .wrong --key //Eve"), 1);
    OK(says("InvalidRelayAddress"));
}

TEST(a_farm_has_a_name_and_addresses)
{
    EQ(number("farm create green-farm --ip 185.206.122.33/24,185.206.122.1 --key //Bob", "farm_id"), 1);
    EQ(run("farm create green-farm --key //Bob"), 1);
    OK(says("FarmExists"));
    EQ(run("farm add-ip 1 185.206.122.34/24,185.206.122.1 --key //Bob"), 0);
    EQ(run("farm remove-ip 1 185.206.122.33/24 --key //Bob"), 0);
    json_t *farm = answer("farm show green-farm");
    EQ(json_array_size(json_object_get(farm, "public_ips")), 1);
    json_decref(farm);
    EQ(run("farm add-ip 1 185.206.122.34 --key //Bob"), 2);
}

TEST(money_moves_exactly)
{
    json_int_t before = number("balance " BOB, "free");
    json_int_t fee    = number("transfer " BOB " 12.5000001 --key //Alice", "fee");
    EQ(number("balance " BOB, "free") - before, 125000001);
    OK(fee > 0);
    EQ(run("transfer " BOB " 1 --key //Nobody"), 1);
    OK(says("pay some fees"));
    EQ(run("transfer " BOB " 99999999999999 --key //Alice"), 1);
    OK(says("refused"));
    OK(number("transfer " BOB " 1 --key //Alice --tip 0.5", "fee") >= 5000000);
}

TEST(keys_of_other_kinds_sign_too)
{
    static const char *const types[] = {"ed25519", "ecdsa"};
    char line[256], address[64];
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "key inspect --key //Alice --key-type %s", types[i]);
        json_t *key = answer(line);
        snprintf(address, sizeof address, "%s", json_string_value(json_object_get(key, "address")));
        json_decref(key);
        snprintf(line, sizeof line, "transfer %s 10 --key //Alice", address);
        EQ(run(line), 0);
        snprintf(line, sizeof line, "transfer " BOB " 1 --key //Alice --key-type %s", types[i]);
        EQ(run(line), 0);
    }
}

TEST(the_council_decides_in_one_go_or_step_by_step)
{
    char line[512], hash[80];
    EQ(run("council set-billing-frequency 5 --key //Alice --key //Bob"), 1);
    OK(says("can only be raised"));
    EQ(run("council set-billing-frequency 12 --key //Alice --key //Bob"), 0);
    json_t *frequency = answer("query SmartContractModule.BillingFrequency");
    EQ(json_integer_value(frequency), 12);
    json_decref(frequency);
    json_t *proposal =
        answer("council propose TfgridModule.set_connection_price '{\"price\":90}' --key //Alice");
    snprintf(hash, sizeof hash, "%s", json_string_value(json_object_get(proposal, "hash")));
    OK(strcmp(json_string_value(json_object_get(proposal, "state")), "proposed") == 0);
    json_decref(proposal);
    snprintf(line, sizeof line, "council close %s --key //Alice", hash);
    EQ(run(line), 1);
    OK(says("TooEarly"));
    snprintf(line, sizeof line, "council vote %s --key //Alice --key //Charlie", hash);
    EQ(run(line), 0);
    snprintf(line, sizeof line, "council close %s --key //Bob", hash);
    EQ(run(line), 0);
    json_t *price = answer("query TfgridModule.ConnectionPrice");
    EQ(json_integer_value(price), 90);
    json_decref(price);
    EQ(run("council propose TfgridModule.set_connection_price '{\"price\":90}' --key //Eve"), 1);
    OK(says("NotMember"));
}

TEST(any_call_is_sent_from_json)
{
    EQ(run("twin create --relay node.local --key //Eve"), 0);
    EQ(run("call TfgridModule.create_node "
           "'{\"farm_id\":1,\"resources\":{\"hru\":0,\"sru\":214748364800,\"cru\":4,\"mru\":8589934592},"
           "\"location\":{\"city\":\"Ghent\",\"country\":\"Belgium\",\"latitude\":\"51.05\",\"longitude\":"
           "\"3.71\"},"
           "\"interfaces\":[],\"secure_boot\":false,\"virtualized\":true,\"serial_number\":null}' --key "
           "//Eve"),
       0);
    json_t *nodes = answer("node list --farm green-farm");
    EQ(json_array_size(nodes), 1);
    json_decref(nodes);
    EQ(run("node list --farm 7 --json"), 0);
    OK(strcmp(out, "[]\n") == 0);
    EQ(run("node show 1"), 0);
    OK(says("8 GiB") && says("Belgium"));
}

TEST(a_contract_is_made_shown_and_listed)
{
    EQ(number("contract create 1 e54ec0dd8be9f825c73e07a901248188 --data hello --key //Dave", "contract_id"),
       1);
    EQ(run("contract create 1 e54ec0dd8be9f825c73e07a901248188 --key //Dave"), 1);
    OK(says("ContractIsNotUnique"));
    EQ(run("contract create 1 tooshort --key //Dave"), 2);
    EQ(number("contract create name my-name --key //Dave", "contract_id"), 2);
    EQ(run("contract update 1 00000000000000000000000000000001 --data 0x0102 --key //Dave"), 0);
    EQ(run("contract update 1 00000000000000000000000000000002 --key //Bob"), 1);
    json_t *list = answer("contract list --key //Dave"), *none = answer("contract list --key //Bob"),
           *all = answer("contract list --all");
    OK(json_array_size(list) == 2 && json_array_size(none) == 0 && json_array_size(all) == 2);
    json_decref(list);
    json_decref(none);
    json_decref(all);
    EQ(run("contract show 1"), 0);
    OK(says("standard_reserve"));
    EQ(run("contract recover 1 --key //Dave"), 1);
    OK(says("holds no copy"));
}

TEST(bills_are_found_in_the_blocks)
{
    EQ(run("call SmartContractModule.report_contract_resources "
           "'{\"contract_resources\":[{\"contract_id\":1,\"used\":{\"hru\":0,\"sru\":107374182400,\"cru\":2,"
           "\"mru\":4294967296}}]}' --key //Eve"),
       0);
    for (int i = 0; i < 13; i++)
        EQ(run("rpc engine_createBlock '[true,false]'"), 0);
    json_t *bills = answer("contract bills 1");
    OK(json_array_size(bills) >= 1);
    json_t *bill = json_array_get(bills, 0);
    EQ(json_integer_value(json_object_get(bill, "block")) % 12, 1);
    OK(strtoll(json_string_value(json_object_get(bill, "amount")), NULL, 10) > 0);
    json_decref(bills);
    EQ(run("contract watch 1 --from 1 --count 2"), 0);
    OK(says("ContractCreated") && says("ContractUpdated"));
    EQ(number("contract cancel 1 --key //Dave", "contract_id"), 1);
    EQ(run("contract show 1"), 1);
    EQ(run("contract cancel 1 --key //Dave"), 1);
    OK(says("ContractNotExists"));
    EQ(run("contract watch 1 --from 1"), 0); /* ends with the contract */
    OK(says("NodeContractCanceled"));
}

TEST(state_is_read_at_any_block_and_key)
{
    EQ(run("query System.Number --at 2"), 0);
    OK(strcmp(out, "2\n") == 0);
    EQ(run("query System.Number --at 999999"), 1);
    OK(says("no block"));
    json_t *entries = answer("query TfgridModule.Twins");
    EQ(json_array_size(entries), 3);
    json_decref(entries);
    EQ(run("query TfgridModule.FarmIdByName green-farm"), 0);
    OK(strcmp(out, "1\n") == 0);
    EQ(run("query TfgridModule.Twins notanumber"), 2);
    EQ(run("rpc no_such_method"), 1);
    OK(says("Method not found"));
}

/* ---- any call, any item ---- */

TEST(a_call_is_tried_without_being_sent)
{
    json_int_t before = number("balance //Ferdie", "free");
    json_t *tried     = answer("call balances.transfer bob 1TFT --dry-run --key //Ferdie");
    OK(json_is_true(json_object_get(tried, "valid")) && json_object_get(tried, "fee") &&
       json_object_get(tried, "weight"));
    json_decref(tried);
    EQ(number("balance //Ferdie", "free"), before);
    EQ(run("call balances.transfer bob 1TFT --dry-run --key //Nobody"), 1);
    OK(says("cannot pay the fee"));
    EQ(run("call balances.transfer bob 1TFT --dry-run --nonce 1000 --key //Ferdie"), 0);
    OK(says("waits") && says("an earlier nonce"));
}

TEST(a_call_waits_as_long_as_is_asked)
{
    json_t *sent = answer("call system.remark a --wait none --key //Ferdie");
    OK(json_object_get(sent, "extrinsic_hash") && !json_object_get(sent, "block"));
    json_decref(sent);
    OK(number("call system.remark b --wait finalized --key //Ferdie", "block") > 0);
    OK(number("call system.remark c --immortal --tip 0.5 --key //Ferdie", "fee") >= 5000000);
    OK(number("call system.remark d --mortal 8 --wait inblock --key //Ferdie", "block") > 0);
    json_int_t nonce = number("query system.account //Ferdie", "nonce");
    char line[128];
    snprintf(line, sizeof line, "call system.remark e --nonce %lld --key //Ferdie", (long long)nonce);
    OK(number(line, "block") > 0);
    EQ(run(line), 1);
    OK(says("outdated"));
    EQ(run("call system.remark f --wait long --key //Ferdie"), 2);
    EQ(run("call system.remark f --mortal 3 --key //Ferdie"), 1);
}

TEST(a_refusal_tells_its_documentation_and_what_to_do)
{
    EQ(run("call grid.create_farm green-farm [] --key //Bob"), 1);
    OK(says("TfgridModule.FarmExists - Another farm has this name") && says("choose another"));
    EQ(run("call grid.create_farm green-farm [] --key //Bob --json"), 1);
    OK(says("\"name\":\"FarmExists\"") && says("\"fee\":\""));
    EQ(run("call grid.set_connection_price 80 --key //Bob"), 1);
    OK(says("BadOrigin") && says("--propose"));
    EQ(run("call utility.force_batch \"grid.delete_node 99,system.remark a\" --key //Bob"), 0);
    OK(says("ItemFailed") && says("NodeNotExists") && says("ItemCompleted"));
}

TEST(a_call_is_proposed_and_many_go_at_once)
{
    char hash[80], line[256];
    json_t *sent  = answer("call grid.set_connection_price 77 --propose 2 --key //Alice");
    json_t *event = json_object_get(json_array_get(json_object_get(sent, "events"), 1), "Council");
    const char *text =
        json_string_value(json_object_get(json_object_get(event, "Proposed"), "proposal_hash"));
    snprintf(hash, sizeof hash, "%s", text ? text : "");
    json_decref(sent);
    snprintf(line, sizeof line, "council vote %s --key //Alice --key //Bob", hash);
    EQ(run(line), 0);
    snprintf(line, sizeof line, "council close %s --key //Alice", hash);
    EQ(run(line), 0);
    EQ(run("query grid.connection_price"), 0);
    OK(strcmp(out, "77\n") == 0);

    char path[64];
    snprintf(path, sizeof path, "/tmp/trellis-test-batch-%ld", (long)getpid());
    FILE *file = fopen(path, "we");
    fputs("# two calls\nsystem.remark 'a "
          "word'\n\n{\"Balances\":{\"transfer_keep_alive\":{\"dest\":\"bob\",\"value\":\"1TFT\"}}}\n",
          file);
    OK(fclose(file) == 0);
    snprintf(line, sizeof line, "call --batch %s --key //Alice", path);
    EQ(run(line), 0);
    OK(says("Utility.BatchCompleted") && says("amount 1 TFT"));
    file = fopen(path, "we");
    fputs("system.remark a\nno.such call\n", file);
    OK(fclose(file) == 0);
    EQ(run(line), 2);
    OK(says("line 2"));
    unlink(path);
}

TEST(items_are_counted_and_watched_and_events_are_heard)
{
    EQ(run("query grid.twins --count"), 0);
    OK(strcmp(out, "3\n") == 0);
    EQ(run("query grid.twins --count --at 1"), 0);
    OK(strcmp(out, "0\n") == 0);
    EQ(run("query grid.farms"), 0);
    OK(says("green-farm"));
    EQ(run("query grid.twin_id_by_account_id //Bob"), 0);
    OK(strcmp(out, "1\n") == 0);
    EQ(run("query balances.total_issuance"), 0);
    OK(says(" TFT)"));
    EQ(run("query system.number --watch --limit 1"), 0);
    OK(says("block "));
    EQ(run("query grid.twins --watch"), 2);
    EQ(run("events grid.farm_stored --from 1 --limit 1"), 0);
    OK(says("TfgridModule.FarmStored") && says("name green-farm"));
    EQ(run("events balances --from 1 --limit 1 --json"), 0);
    OK(says("\"pallet\":\"Balances\"") && says("\"block\":"));
    EQ(run("events --at 1"), 0);
    OK(says("System.ExtrinsicSuccess"));
    json_t *tried = answer("call balances.transfer bob 1TFT --dry-run --nonce 7 --tip 2 --key //Ferdie");
    char line[2048];
    snprintf(line, sizeof line, "decode extrinsic %s --json",
             json_string_value(json_object_get(tried, "extrinsic")));
    json_decref(tried);
    EQ(run(line), 0);
    OK(says("\"nonce\":7") && says("\"tip\":\"20000000\"") && says("\"transfer\""));
}

TEST(the_pages_of_the_other_programs_are_well_formed)
{
    static const char *const programs[] = {NODE_PROGRAM, RELAY_PROGRAM};
    char line[1024], page[64];
    snprintf(page, sizeof page, "/tmp/trellis-test-page-%ld.1", (long)getpid());
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line,
                 "python3 " TRELLIS_SOURCE_DIR
                 "/tools/manpage.py %s %s && test $(grep -c '^.TP' %s) -gt 10 && "
                 "test -z \"$(man --warnings -E UTF-8 -l -Tutf8 -Z %s 2>&1 > /dev/null)\"",
                 programs[i], page, page, page);
        EQ(system(line), 0);
    }
    unlink(page);
}

TEST_MAIN()
