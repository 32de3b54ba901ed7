/* options.c - the command line taken apart, and its words read as values. */
#include "cli.h"
#include "letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const option_t cli_options[] = {
    {"url",                                                                                                    "URL",
     "Node to talk to, ws:// or wss://; several are tried in turn. Default: $TRELLIS_URL, "
     "ws://127.0.0.1:9944", true},
    {"substrate",                                                                                    "URL", "The same as --url", true},
    {"key",                                                                                                        "SURI",
     "Who signs: a secret URI (//Alice, 0xseed, words). Others on this machine can see it: prefer --key-file", true},
    {"seed",                "SURI", "The same as --key", true},
    {"key-file",                                                                                                    "FILE",
     "Who signs: a file with a secret URI, or one sealed by `trellis key seal`. Default: $TRELLIS_KEY_FILE", true},
    {"key-type",                                                                                                    "TYPE", "sr25519 (default), ed25519 or ecdsa", true},
    {"password-file", "FILE",
     "Password of a sealed key file. Default: $TRELLIS_PASSWORD, else it is asked for", true},
    {"ca",                                                                                                        "FILE", "Certificates (PEM) to trust beside the system's, of nodes and relays", true},
    {"json",                                                                                   NULL, "Print JSON, for programs", true},
    {"quiet",                                                                                                    NULL, "Do not tell progress", true},
    {"final",                                                                                               NULL, "Wait until the block is final, not only until the call is in a block", true},
    {"tip",   "TFT", "Pay more, to be taken first", true},
    {"timeout",                                                                                                        "SECONDS", "Give up on a silent node after this long; default 20", true},
    {"help",NULL, "Show how a command is used", true},
    {"at",                                                                                                    "BLOCK", "Number or hash of the block to look at; default: the best one", false},
    {"relay",                                                                                          "DOMAIN",
     "Relay of the twin: a bare domain, or several joined by '_'; elsewhere a URL as --relay-url too", false},
    {"relay-url",                        "URL", "Relay to use for this command, instead of those of the twin", false},
    {"relay-at",                                                                                                        "DOMAIN=URL", "Where a relay's domain is reached; may be repeated", false},
    {"pk","HEX", "Encryption key of the twin; default: the one that belongs to the key", false},
    {"no-pk",                                                                                                    NULL, "Store no encryption key", false},
    {"link",                                                                                                   "URL", "Document that is accepted", false},
    {"hash",                                                                              "TEXT", "Hash of the document, or of the deployment", false},
    {"node",                                                                                                        "ID", "Node to deploy on, or to list contracts of", false},
    {"farm", "ID", "Only nodes of this farm", false},
    {"twin",                                                                                                    "ID", "Only those of this twin", false},
    {"all",                                                                                                  NULL, "Those of everybody", false},
    {"data",                                  "TEXT", "deployment_data: text, or 0x and hex", false},
    {"public-ips",                                                                                                        "N", "Public IPv4 addresses to reserve", false},
    {"provider",                                                                                                 "ID", "Solution provider", false},
    {"ip",                                                                                                    "CIDR,GATEWAY", "Public address of the farm; may be repeated", false},
    {"limit",                                                                                                "N", "At most so many", false},
    {"from",                                                  "BLOCK", "First block to look at", false},
    {"count",                                                                                                        "N", "Stop after so many", false},
    {"threshold",                                                                                                      "N", "Members that must agree; default three fifths", false},
    {"no",                                                                                                    NULL, "Vote against it", false},
    {"index",                                                                                                     "N", "Number of the proposal, when the chain does not know it any more", false},
    {"words",                                         "N", "Words of the mnemonic: 12 (default), 15, 18, 21 or 24", false},
    {"out",                                                                                                        "FILE", "Write it there, readable by you alone, instead of printing the secret", false},
    {"prefix",       "N", "Network of the address; default 42", false},
    {"encode",                                                                                                   NULL, "Only print the call's bytes and hash", false},
    {"keep",                                                                                              NULL, "Keep the contract when the deployment fails", false},
    {"update",                                           "CONTRACT", "Change the deployment of this contract instead of making one", false},
    {"wait",                                                                                                        "SECONDS|STAGE",
     "deploy: seconds until it must run, default 300; call: inblock (default), finalized or none", false},
    {"nonce","N", "Number of the extrinsic of this account; default: the next one", false},
    {"mortal",                                                                                                   "BLOCKS", "In how many blocks it may be included; default 64", false},
    {"immortal",                                                                                                     NULL, "It may be included for ever", false},
    {"dry-run",                                  NULL, "Sign it and show its fee and whether the chain would take it, but do not send it",
     false},
    {"propose",                                                                                                        "THRESHOLD", "Propose the call to the council, to be carried out when so many agree", false},
    {"batch", "FILE", "Send the calls of a file, one a line, all or none of them; - is standard input",
     false},
    {"follow",                                                                                                   NULL, "Go on with each new block, until Ctrl-C", false},
    {"watch",                                                                                                   NULL, "Show the value each time that it changes, until Ctrl-C", false},
    {"dir",                                                                             "DIRECTORY", "Write one file for each page there", false},
    {"session",                                                                                                        "NAME",
     "Name of your session on the bus; default of echo and listen: none, as a node's; of others: a random "
     "one", false},
    {"to-session",                     "NAME", "Session of the other twin; default: none, as a node's", false},
    {"expire",                                                                                                   "SECONDS", "Life of the message, and how long to wait for its answer; default 60", false},
    {"answer",                                                                                                   "JSON", "What to answer; default null", false},
    {"no-copy",                                                            NULL, "Put no recovery copy on the chain", false},
    {0                                                                                                       },
};

static const option_t *option_find(const char *name, size_t len)
{
    for (const option_t *option = cli_options; option->name; option++)
        if (strlen(option->name) == len && memcmp(option->name, name, len) == 0) return option;
    return NULL;
}

static bool is_of_command(const option_t *option, const command_t *command)
{
    size_t len = strlen(option->name);
    for (const char *at = command->options; !option->is_common; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (*at == 0) return false;
        if (strncmp(at, option->name, len) == 0 && (at[len] == ' ' || at[len] == 0)) return true;
    }
    return true;
}

static bool unknown_option(const char *word)
{
    const option_t *nearest = NULL;
    for (const option_t *option = cli_options; option->name; option++)
        if (letters_apart(word + 2, option->name) <= 2) nearest = option;
    fprintf(stderr, "trellis: there is no option %s%s%s%s\n", word, nearest ? "; did you mean --" : "",
            nearest ? nearest->name : "", nearest ? "?" : "");
    return false;
}

static bool take_option(cli_t *cli, int argc, char **argv, int *at)
{
    const char *word = argv[*at], *equals = strchr(word, '=');
    size_t len             = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    const option_t *option = option_find(word + 2, len);
    if (strcmp(word, "-h") == 0) option = option_find("help", 4);
    if (!option || (!option->value && equals)) return unknown_option(word);
    if (cli->given_count == CLI_OPTIONS_CAP) return !cli_usage(cli, "too many options");
    cli->given[cli->given_count].option = option;
    cli->given[cli->given_count].value  = equals ? equals + 1 : "";
    /* --count takes a number, and of a query none. */
    bool is_bare = strcmp(option->name, "count") == 0 &&
                   (*at + 1 >= argc || argv[*at + 1][0] < '0' || argv[*at + 1][0] > '9');
    if (option->value && !equals && !is_bare) {
        if (*at + 1 >= argc) {
            fprintf(stderr, "trellis: --%s takes %s\n", option->name, option->value);
            return false;
        }
        cli->given[cli->given_count].value = argv[++*at];
    }
    cli->given_count++;
    return true;
}

static bool unknown_command(const char *first, const char *second)
{
    const command_t *nearest = NULL;
    size_t best              = 4;
    char words[128];
    snprintf(words, sizeof words, "%s%s%s", first, second ? " " : "", second ? second : "");
    for (const command_t *command = cli_commands; command->words; command++) {
        const char *against = strchr(command->words, ' ') && !second ? command->words : words;
        size_t away =
            against == words ? letters_apart(words, command->words) : letters_apart(first, command->words);
        if (away < best) {
            best    = away;
            nearest = command;
        }
    }
    fprintf(stderr, "trellis: there is no command '%s'%s%s%s\n  trellis help   shows all commands\n", words,
            nearest ? "; did you mean '" : "", nearest ? nearest->words : "", nearest ? "'?" : "");
    return false;
}

/* find_command takes one or two words off the front of the arguments. */
static bool find_command(cli_t *cli)
{
    char words[128];
    const char *first = cli_argument(cli, 0), *second = cli_argument(cli, 1);
    int used = 2;
    if (!first) {
        cli->command = command_find("help", 4);
        return true;
    }
    snprintf(words, sizeof words, "%.60s %.60s", first, second ? second : "");
    cli->command = second ? command_find(words, strlen(words)) : NULL;
    if (!cli->command) {
        cli->command = command_find(first, strlen(first));
        used         = 1;
    }
    if (!cli->command && (cli_option(cli, "help") || !second) && cli_help(first) == 0) {
        cli->command = NULL; /* help of a group was shown */
        exit(cli_option(cli, "help") ? 0 : 2);
    }
    if (!cli->command) return unknown_command(first, second);
    cli->argument_count -= used;
    memmove(cli->arguments, cli->arguments + used, (size_t)cli->argument_count * sizeof *cli->arguments);
    return true;
}

bool cli_parse(cli_t *cli, int argc, char **argv)
{
    bool is_after_dashes = false;
    for (int i = 1; i < argc; i++) {
        bool is_option = !is_after_dashes && (strncmp(argv[i], "--", 2) == 0 || strcmp(argv[i], "-h") == 0);
        if (is_option && strcmp(argv[i], "--") == 0) {
            is_after_dashes = true;
        } else if (is_option) {
            if (!take_option(cli, argc, argv, &i)) return false;
        } else if (cli->argument_count < CLI_ARGUMENTS_CAP) {
            cli->arguments[cli->argument_count++] = argv[i];
        }
    }
    cli->is_json  = cli_option(cli, "json") != NULL;
    cli->is_quiet = cli_option(cli, "quiet") != NULL;
    if (!find_command(cli)) return false;
    for (int i = 0; i < cli->given_count; i++)
        if (!is_of_command(cli->given[i].option, cli->command))
            return !cli_usage(cli, "--%s is no option of this command", cli->given[i].option->name);
    return true;
}

const char *cli_option_at(const cli_t *cli, const char *name, int n)
{
    for (int i = 0; i < cli->given_count; i++)
        if (strcmp(cli->given[i].option->name, name) == 0 && n-- == 0) return cli->given[i].value;
    return NULL;
}

const char *cli_option(const cli_t *cli, const char *name)
{
    const char *value = NULL, *next;
    for (int n = 0; (next = cli_option_at(cli, name, n)); n++)
        value = next;
    return value;
}

const char *cli_argument(const cli_t *cli, int n)
{
    return n < cli->argument_count ? cli->arguments[n] : NULL;
}

bool cli_u64(const cli_t *cli, const char *text, const char *what, uint64_t *v)
{
    *v = 0;
    if (!text) return !cli_usage(cli, "%s is missing", what);
    bool is_number = *text != 0;
    for (const char *at = text; *at && is_number; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        is_number      = *at >= '0' && *at <= '9' && *v <= (UINT64_MAX - digit) / 10;
        *v             = *v * 10 + digit;
    }
    return is_number || !cli_usage(cli, "%s is a number, not '%s'", what, text);
}

bool cli_amount(const cli_t *cli, const char *text, u128_t *units)
{
    *units = 0;
    if (!text) return !cli_usage(cli, "the amount is missing: write it in TFT, as 1.5");
    int decimals = -1;
    bool is_good = *text != 0 && strcmp(text, ".") != 0 && strlen(text) <= 30;
    for (const char *at = text; *at && is_good; at++) {
        if (*at == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        is_good = *at >= '0' && *at <= '9' && decimals < TFT_DECIMALS;
        *units  = *units * 10 + (unsigned)(*at - '0');
        decimals += decimals >= 0;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < TFT_DECIMALS; i++)
        *units *= 10;
    return is_good ||
           !cli_usage(cli, "'%s' is no amount: write it in TFT with at most 7 decimals, as 1.5", text);
}

bool cli_account(const cli_t *cli, const char *text, account_id_t *account)
{
    if (!text) return !cli_usage(cli, "the address is missing");
    return cli_account_read(cli, text, account) ||
           !cli_usage(cli, "'%s' is no address: a letter may be wrong or missing", text);
}

bool cli_json_argument(const cli_t *cli, const char *text, json_t **json)
{
    json_error_t error;
    *json = json_loads(text, JSON_DECODE_ANY, &error);
    return *json || !cli_usage(cli, "this is no JSON: %s (at character %d)", error.text, error.position);
}

void u128_text(u128_t v, char text[40])
{
    char digits[40];
    int count = 0;
    do
        digits[count++] = (char)('0' + (int)(v % 10));
    while (v /= 10);
    while (count > 0)
        *text++ = digits[--count];
    *text = 0;
}

void amount_text(u128_t units, char text[48])
{
    char whole[40];
    unsigned rest = (unsigned)(units % TFT_ONE);
    u128_text(units / TFT_ONE, whole);
    int len = snprintf(text, 48, "%s.%07u", whole, rest);
    while (text[len - 1] == '0')
        text[--len] = 0;
    if (text[len - 1] == '.') text[--len] = 0;
}
