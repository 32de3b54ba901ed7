/* test_trellis.c - the program as a user runs it, as far as it goes without a chain. */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char out[1 << 18];

/* run gives the exit status; out holds what it printed on both streams. */
static int run(const char *arguments)
{
    char line[2048];
    snprintf(line, sizeof line, "%s %s 2>&1 < /dev/null", TRELLIS_PROGRAM, arguments);
    FILE *pipe = popen(line, "r");
    size_t len = pipe ? fread(out, 1, sizeof out - 1, pipe) : 0;
    out[len]   = 0;
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool says(const char *text) { return strstr(out, text) != NULL; }

TEST(help_teaches_and_names_every_command)
{
    EQ(run("help"), 0);
    OK(says("trellis deploy web.json") && says("contract bills") && says("council set-billing-frequency"));
    EQ(run(""), 0);
    EQ(run("contract --help"), 0);
    OK(says("contract recover") && !says("twin create"));
    EQ(run("contract"), 2);
    EQ(run("deploy --help"), 0);
    OK(says("--relay-at") && says("--keep") && says("--json"));
    EQ(run("help twin create"), 0);
    OK(says("--relay"));
}

TEST(a_mistake_is_answered_by_what_was_meant)
{
    EQ(run("contrat bills 1"), 2);
    OK(says("did you mean 'contract bills'"));
    EQ(run("balance --jsn"), 2);
    OK(says("did you mean --json"));
    EQ(run("transfer nobody 1 --key //Alice"), 2);
    OK(says("no address") && says("usage:"));
    EQ(run("transfer 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY 1"), 1);
    OK(says("who signs?"));
    EQ(run("key inspect --key 'bottom drive obey'"), 1);
    OK(says("mnemonic is not valid"));
    EQ(run("balance --key //Alice --url ws://127.0.0.1:1 --timeout 1"), 1);
    OK(says("no node could be reached"));
    EQ(run("balance --key //Alice --url http://127.0.0.1:1"), 1);
    OK(says("ws://HOST:PORT"));
}

TEST(keys_are_shown_in_all_their_forms)
{
    EQ(run("key inspect --key //Alice --json"), 0);
    OK(says("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"));
    OK(says("037051bed73458951b45ca6376f4096c85bf1a370da94d5336d04867cfaaad019e"));
    EQ(run("key inspect --key //Alice --prefix 0"), 0);
    OK(says("15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"));
    EQ(run("key inspect --key //Alice --key-type ed25519"), 0);
    OK(says("5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu"));
    EQ(run("key inspect 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"), 0);
    OK(says("0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"));
}

TEST(a_new_key_is_private_and_never_replaced)
{
    char path[64], line[256];
    struct stat info;
    snprintf(path, sizeof path, "/tmp/trellis-test-cli-%ld", (long)getpid());
    snprintf(line, sizeof line, "key generate --out %s --words 24", path);
    EQ(run(line), 0);
    OK(!says("secret") && stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    EQ(run(line), 1);
    OK(says("never replaced"));
    snprintf(line, sizeof line, "key inspect --key-file %s", path);
    EQ(run(line), 0);
    OK(chmod(path, 0644) == 0);
    EQ(run(line), 1);
    OK(says("chmod 600"));
    unlink(path);
}

TEST(a_sealed_key_opens_with_its_password)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/tmp/trellis-test-seal-%ld", (long)getpid());
    setenv("TRELLIS_PASSWORD", "sesame", 1);
    snprintf(line, sizeof line, "echo //Alice | %s key seal %s > /dev/null 2>&1", TRELLIS_PROGRAM, path);
    FILE *pipe = popen(line, "r");
    EQ(pclose(pipe), 0);
    snprintf(line, sizeof line, "key inspect --key-file %s", path);
    EQ(run(line), 0);
    OK(says("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"));
    setenv("TRELLIS_PASSWORD", "wrong", 1);
    EQ(run(line), 1);
    OK(says("does not open"));
    unsetenv("TRELLIS_PASSWORD");
    EQ(run(line), 1);
    OK(says("--password-file"));
    unlink(path);
}

TEST(a_signature_is_checked)
{
    char line[1024], signature[200];
    EQ(run("key sign hello --key //Bob --json"), 0);
    const char *at = strstr(out, "0x");
    OK(at && sscanf(at, "%131[0-9a-fx]", signature) == 1);
    snprintf(line, sizeof line, "key verify hello %s 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
             signature);
    EQ(run(line), 0);
    snprintf(line, sizeof line, "key verify hallo %s 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
             signature);
    EQ(run(line), 1);
}

TEST(calls_and_items_are_known_without_a_chain)
{
    EQ(run("call Balances.transfer_keep_alive "
           "'{\"dest\":\"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY\",\"value\":5}' --encode --json"),
       0);
    OK(says("0x140300d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d14"));
    EQ(run("call Balances.transfer_keep_alive '{\"dest\":\"nobody\",\"value\":5}' --encode"), 2);
    EQ(run("call SmartContractModule"), 0);
    OK(says("smart_contract.create_node_contract"));
    EQ(run("query TfgridModule"), 0);
    OK(says("tfgrid.farms"));
    EQ(run("query Balances.ExistentialDeposit"), 0);
    OK(strcmp(out, "500  (0.00005 TFT)\n") == 0);
    EQ(run("query Balances.Nothing"), 1);
}

/* Every way to write one call gives the same bytes. */
TEST(a_call_is_written_in_many_ways)
{
    static const char *const ways[] = {
        "balances.transfer_keep_alive bob 12.5TFT",
        "Balances.transferKeepAlive value=125_000_000 dest=//Bob",
        "BALANCES.TRANSFER-KEEP-ALIVE 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty 0x7735940",
        "balances.transfer_keep_alive '{\"dest\": \"bob\", \"Value\": \"12.5 TFT\"}'",
        "balances.transfer_keep_alive dest='{\"Id\": \"bob\"}' value=12.5tft",
        "balances.transfer_keep_alive 0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48 "
        "125000000",
    };
    char line[512];
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        snprintf(line, sizeof line, "call %s --encode --json", ways[i]);
        EQ(run(line), 0);
        OK(says("\"0x1403008eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a480265cd1d\""));
    }
}

TEST(arguments_of_every_form_are_read)
{
    static const struct {
        const char *call, *bytes;
    } cases[] = {
        {"system.remark hello",                                                                        "0x00001468656c6c6f"          },
        {"system.remark 0x0102",                                                                       "0x0000080102"                },
        {"grid.change_power_target 7 down",                                                            "0x1924070000000"             },
        {"grid.create_twin relay=none",                                                                "0x19110000"                  },
        {"grid.create_twin relay.org pk=0x0102",                                                       "0x1911012472656c61792e6f7267"},
        {"system.kill_storage 0x01,0x0203",                                                            "0x00050804"                  },
        {"utility.batch '[\"system.remark hello\", {\"System\": {\"remark\": {\"remark\": \"a\"}}}]'",
         "0x03000800001468656c6c6f00000461"                                                                                          },
        {"utility.as_derivative 1 'balances.transfer bob 1TFT'",                                       "0x030101001407008eaf"        },
        {"utility.as_derivative 1 0x00000461",                                                         "0x0301010000000461"          },
        {"contract.create_node_contract 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa '{\"a\":1}' 0",
         "0x1a00010000006161"                                                                                                        },
        {"grid.set_farm_dedicated 1 yes",                                                              "0x191b0100000001"            },
        {"grid.attach_policy_to_farm 1 'farming_policy_id=3,cu=100,node_certification=no'",
         "0x1921010000000103000000"                                                                                                  },
        {"session.purge_keys",                                                                         "0x0b01"                      },
    };
    char line[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(line, sizeof line, "call %s --encode --json", cases[i].call);
        EQ(run(line), 0);
        bool is_same = says(cases[i].bytes);
        if (!is_same) printf("%s: %s\n", cases[i].call, out);
        OK(is_same);
    }
}

TEST(what_is_wrong_in_a_call_is_told_with_its_type_and_an_example)
{
    static const struct {
        const char *arguments, *told;
    } cases[] = {
        {"call grid.create_fram",                                   "did you mean tfgrid.create_farm?"      },
        {"call grids.create_farm",                                  "there is no pallet grids; did you mean"},
        {"call balances.transfer_keep_alive nobody 1",              "dest: 'nobody' is no account"          },
        {"call balances.transfer_keep_alive nobody 1",              "for example dest=alice"                },
        {"call balances.transfer_keep_alive bob 1.5",               "value takes balance"                   },
        {"call balances.transfer_keep_alive bob 1.12345678TFT",     "is no number"                          },
        {"call balances.transfer_keep_alive bob",                   "value is missing"                      },
        {"call balances.transfer_keep_alive bob 1 2",               "'2' is one more"                       },
        {"call balances.transfer_keep_alive dest=bob dest=bob",     "is given twice"                        },
        {"call grid.change_power_target 7 sideways",                "it is one of Up, Down"                 },
        {"call grid.delete_node 4294967296",                        "is too large"                          },
        {"call grid.create_farm a '[{\"ip\": \"1\", \"via\": 2}]'", "public_ips: 0: 'via' is no field of it"},
        {"call utility.batch 'nothing.at_all'",                     "is no call"                            },
        {"call system.remark @/no/such/file",                       "No such file"                          },
        {"query system.acount",                                     "did you mean system.account?"          },
        {"query system.account nobody",                             "key1: 'nobody' is no account"          },
        {"query grid.farms 1 2",                                    "has 1 keys, and 2 are given"           },
        {"errors grid.farm_exist",                                  "did you mean tfgrid.farm_exists"       },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OK(run(cases[i].arguments) != 0);
        bool is_told = says(cases[i].told);
        if (!is_told) printf("%s: %s\n", cases[i].arguments, out);
        OK(is_told);
    }
}

TEST(a_call_is_explained_with_who_sends_it_and_its_errors)
{
    EQ(run("call tfgrid.createFarm --help"), 0);
    OK(says("Register a farm") && says("any account") && says("public_ips") && says("(512 at most)") &&
       says("FarmExists") && says("Another farm has this name"));
    EQ(run("call grid.set_connection_price --help"), 0);
    OK(says("the council"));
    EQ(run("call smart_contract.create_node_contract --help --json"), 0);
    OK(says("NodeNotAvailableToDeploy") && says("\"arguments\":[{"));
    EQ(run("query grid.farms --help"), 0);
    OK(says("public_ips"));
}

/* Every call has an explanation whose example is a call that can be made. */
TEST(every_example_is_a_good_call)
{
    char line[4096], name[128];
    int count = 0;
    FILE *names;
    snprintf(line, sizeof line,
             "for p in $(%s complete -- 'trellis call '); do %s complete -- \"trellis call $p\"; done",
             TRELLIS_PROGRAM, TRELLIS_PROGRAM);
    names = popen(line, "r");
    while (names && fscanf(names, "%127s", name) == 1) {
        if (strcmp(name, "grandpa.report_equivocation") == 0 ||
            strcmp(name, "grandpa.report_equivocation_unsigned") == 0)
            continue; /* nobody can write these */
        snprintf(line, sizeof line, "call %s --help", name);
        EQ(run(line), 0);
        char *example = strstr(out, "\nExample\n  trellis "),
             *end     = example ? strstr(example, " --key-file") : NULL;
        OK(end);
        *end = 0;
        snprintf(line, sizeof line, "%s --encode", example + strlen("\nExample\n  trellis "));
        bool is_good = strstr(line, "@runtime.wasm") || run(line) == 0;
        if (!is_good) printf("%s\n%s\n", line, out);
        OK(is_good);
        count++;
    }
    OK(names && pclose(names) == 0);
    EQ(count, 135);
}

TEST(bytes_of_the_chain_are_told)
{
    EQ(run("decode call 0x1403008eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a480265cd1d "
           "--json"),
       0);
    OK(says("\"transfer_keep_alive\"") && says("\"value\":125000000"));
    EQ(run("decode call 0x14"), 1);
    EQ(run("decode key "
           "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9de1e86a9a8c739864cf3cc5ec2bea5"
           "9fd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"),
       0);
    OK(says("Account") && says("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"));
    EQ(run("decode event 0x00000000"), 1);
    EQ(run("decode nothing 0x00"), 2);
    EQ(run("errors 0x031908000000"), 0);
    OK(says("FarmExists") && says("Another farm has this name"));
    EQ(run("errors 0x1908 --json"), 0);
    OK(says("\"error\":\"FarmExists\"") && says("choose another"));
    EQ(run("errors 0x02"), 0);
    OK(says("BadOrigin") && says("--propose"));
    EQ(run("errors contract"), 0);
    OK(says("NodeNotAvailableToDeploy"));
    EQ(run("const balances"), 0);
    OK(says("balances.existential_deposit"));
    EQ(run("const timestamp.minimum_period --json"), 0);
    OK(strcmp(out, "3000\n") == 0);
}

/* completed runs bash with the script and tells what it completes a line to. */
static bool completes(const char *shell_line, const char *wanted)
{
    char script[4096];
    snprintf(
        script, sizeof script,
        "bash --norc -c 'PATH=%s:$PATH; source <(trellis completion bash); line=\"%s\"; COMP_LINE=$line; "
        "COMP_POINT=${#line}; COMP_WORDS=($line); [[ $line == *\" \" ]] && COMP_WORDS+=(\"\"); "
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); complete -p trellis > /dev/null && _trellis trellis && "
        "echo \" ${COMPREPLY[*]} \"' 2>&1",
        TRELLIS_BINARY_DIR "/bin", shell_line);
    FILE *pipe   = popen(script, "r");
    size_t len   = pipe ? fread(out, 1, sizeof out - 1, pipe) : 0;
    out[len]     = 0;
    bool is_good = pclose(pipe) == 0 && says(wanted);
    if (!is_good) printf("%s: %s\n", shell_line, out);
    return is_good;
}

TEST(bash_completes_commands_names_arguments_and_values)
{
    OK(completes("trellis contr", " contract "));
    OK(completes("trellis contract c", " create cancel "));
    OK(completes("trellis call smart", " smart_contract. "));
    OK(completes("trellis call grid.create_f", " tfgrid.create_farm tfgrid.create_farming_policy "));
    OK(completes("trellis query contract.active", " smart_contract.active_node_contracts "));
    OK(completes("trellis call tfgrid.create_farm n", " name= "));
    OK(completes("trellis call grid.change_power_target power_target=D", " Down "));
    OK(completes("trellis call balances.transfer dest=al", " alice "));
    OK(completes("trellis errors tfgrid.farm_ex", " tfgrid.farm_exists "));
    OK(completes("trellis call --wait f", " finalized "));
    OK(completes("trellis call --dry", " --dry-run "));
    OK(completes("trellis decode ev", " event "));
    OK(completes("trellis completion ", " bash zsh fish "));
}

TEST(completion_scripts_are_well_formed)
{
    char line[512];
    EQ(run("completion bash"), 0);
    OK(says("complete -F _trellis trellis"));
    snprintf(line, sizeof line, "%s completion bash | bash -n", TRELLIS_PROGRAM);
    EQ(pclose(popen(line, "r")), 0);
    static const char *const shells[] = {"zsh", "fish"};
    for (int i = 0; i < 2; i++) { /* where the shell is there */
        snprintf(line, sizeof line, "command -v %s > /dev/null || exit 0; %s completion %s | %s -n",
                 shells[i], TRELLIS_PROGRAM, shells[i], shells[i]);
        EQ(pclose(popen(line, "r")), 0);
    }
    EQ(run("completion tcsh"), 2);
}

TEST(the_pages_of_the_manual_are_well_formed)
{
    char dir[64], line[1024];
    snprintf(dir, sizeof dir, "/tmp/trellis-test-man-%ld", (long)getpid());
    snprintf(line, sizeof line, "man --dir %s", dir);
    EQ(run(line), 0);
    EQ(run("man"), 0);
    OK(says(".TH TRELLIS 1") && says("trellis contract recover"));
    EQ(run("man trellis-call.7"), 0);
    OK(says(".SS tfgrid.create_farm") && says("FarmExists") && says(".SS validator.remove_validator"));
    EQ(run("man trellis-query.7"), 0);
    OK(says("smart_contract.contract_payment_state") && says("balances.existential_deposit"));
    snprintf(line, sizeof line,
             "cd %s && test $(ls | wc -l) -gt 20 || exit 1; for page in *; do man --warnings -E UTF-8 -l "
             "-Tutf8 -Z $page 2>&1 "
             "> /dev/null; done",
             dir);
    FILE *pipe = popen(line, "r");
    size_t len = pipe ? fread(out, 1, sizeof out - 1, pipe) : 0;
    out[len]   = 0;
    EQ(pclose(pipe), 0);
    if (len) printf("%s\n", out);
    EQ(len, 0);
    snprintf(line, sizeof line, "rm -r %s", dir);
    EQ(system(line), 0);
}

TEST_MAIN()
