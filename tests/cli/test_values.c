/* test_values.c - amounts, numbers and addresses as people write them. */
#include "cli.h"
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

const command_t cli_commands[] = {
    {"balance", "", "", "", 0, NULL, NULL},
    {0      }
};
const command_t *command_find(const char *words, size_t len)
{
    return len == 7 && strncmp(words, "balance", 7) == 0 ? cli_commands : NULL;
}
int cli_help(const char *words) { return words ? 1 : 0; }

static cli_t cli;

__attribute__((constructor)) static void prepare(void)
{
    if (!freopen("/dev/null", "w", stderr)) abort();
}

TEST(amounts_are_exact_to_seven_decimals)
{
    static const struct {
        const char *text;
        uint64_t units;
    } good[] = {
        {"1",                10000000       },
        {"1.5",              15000000       },
        {"0.0000001",        1              },
        {".5",               5000000        },
        {"12345678.7654321", 123456787654321},
        {"0",                0              }
    };
    static const char *const bad[] = {"",    ".",     "1.23456789", "1,5", "-1",
                                      "1e5", "1.2.3", "TFT",        " 1",  "1234567890123456789012345678901"};
    char text[48];
    u128_t units;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        OK(cli_amount(&cli, good[i].text, &units));
        EQ(units, good[i].units);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(!cli_amount(&cli, bad[i], &units));
    amount_text(15000000, text);
    OK(strcmp(text, "1.5") == 0);
    amount_text(1, text);
    OK(strcmp(text, "0.0000001") == 0);
    amount_text(30000000, text);
    OK(strcmp(text, "3") == 0);
    amount_text(~(u128_t)0, text);
    OK(strcmp(text, "34028236692093846346337460743176.8211455") == 0);
}

TEST(numbers_are_whole_and_fit)
{
    uint64_t v;
    OK(cli_u64(&cli, "18446744073709551615", "n", &v) && v == UINT64_MAX);
    OK(!cli_u64(&cli, "18446744073709551616", "n", &v));
    OK(!cli_u64(&cli, "", "n", &v) && !cli_u64(&cli, "-1", "n", &v) && !cli_u64(&cli, "1x", "n", &v) &&
       !cli_u64(&cli, NULL, "n", &v));
}

TEST(accounts_are_addresses_or_hex)
{
    account_id_t one, two;
    OK(cli_account(&cli, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", &one));
    OK(cli_account(&cli, "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d", &two));
    OK(memcmp(&one, &two, sizeof one) == 0);
    OK(!cli_account(&cli, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ", &one));
    OK(!cli_account(&cli, "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d", &one));
}

TEST(options_are_found_wherever_they_stand)
{
    char *line[] = {(char[]){"trellis"}, (char[]){"--url"},        (char[]){"ws://a"}, (char[]){"balance"},
                    (char[]){"--json"},  (char[]){"--url=ws://b"}, (char[]){"--"},     (char[]){"--odd"}};
    cli_t parsed = {0};
    OK(cli_parse(&parsed, 8, line));
    OK(parsed.is_json && parsed.argument_count == 1 && strcmp(cli_argument(&parsed, 0), "--odd") == 0);
    OK(strcmp(cli_option(&parsed, "url"), "ws://b") == 0 &&
       strcmp(cli_option_at(&parsed, "url", 0), "ws://a") == 0);
    char *unknown[] = {(char[]){"trellis"}, (char[]){"balance"}, (char[]){"--jsno"}};
    parsed          = (cli_t){0};
    OK(!cli_parse(&parsed, 3, unknown));
    char *other[] = {(char[]){"trellis"}, (char[]){"balance"}, (char[]){"--words"}, (char[]){"12"}};
    parsed        = (cli_t){0};
    OK(!cli_parse(&parsed, 4, other)); /* an option of another command */
    char *missing[] = {(char[]){"trellis"}, (char[]){"balance"}, (char[]){"--url"}};
    parsed          = (cli_t){0};
    OK(!cli_parse(&parsed, 3, missing));
}

TEST_MAIN()
