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
    OK(says("SmartContractModule.create_node_contract"));
    EQ(run("query TfgridModule"), 0);
    OK(says("TfgridModule.Farms"));
    EQ(run("query Balances.ExistentialDeposit"), 0);
    OK(strcmp(out, "500\n") == 0);
    EQ(run("query Balances.Nothing"), 1);
}

TEST(completion_and_man_page_are_well_formed)
{
    char line[512];
    EQ(run("completion bash"), 0);
    OK(says("complete -F _trellis trellis"));
    snprintf(line, sizeof line, "%s completion bash | bash -n", TRELLIS_PROGRAM);
    FILE *pipe = popen(line, "r");
    EQ(pclose(pipe), 0);
    EQ(run("man"), 0);
    OK(strncmp(out, ".TH TRELLIS 1", 13) == 0 && says(".SS \"trellis contract recover ID\""));
}

TEST_MAIN()
