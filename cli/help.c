/* help.c - help, made from the tables. */
#include "cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_WIDTH 96

const command_t *command_find(const char *words, size_t len)
{
    for (const command_t *command = cli_commands; command->words; command++)
        if (strlen(command->words) == len && strncmp(command->words, words, len) == 0) return command;
    return NULL;
}

/* wrapped prints text in lines of a terminal's width, each behind an indent. */
static void wrapped(const char *text, int indent)
{
    int column = indent;
    for (const char *at = text; *at;) {
        int len = (int)strcspn(at, " \n");
        if (column > indent && column + len + 1 > TEXT_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        printf("%s%.*s", column > indent ? " " : "", len, at);
        column += len + (column > indent);
        at += len;
        if (*at == '\n') {
            printf("\n%*s", indent, "");
            column = indent;
        }
        at += *at != 0;
    }
    putchar('\n');
}

bool is_option_of(const option_t *option, const command_t *command)
{
    size_t len     = strlen(option->name);
    const char *at = command->options;
    while ((at = strstr(at, option->name))) {
        bool starts = at == command->options || at[-1] == ' ';
        if (starts && (at[len] == ' ' || at[len] == 0)) return true;
        at += len;
    }
    return false;
}

static void heading(const char *text)
{
    size_t blank = strspn(text, "\n");
    printf("%.*s%s%s%s\n", (int)blank, text, cli_colour(STDOUT_FILENO, 'b'), text + blank,
           cli_colour(STDOUT_FILENO, '0'));
}

static void print_option(const option_t *option)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", option->name, option->value ? " " : "",
             option->value ? option->value : "");
    printf("  %-24s ", left);
    if (strlen(left) > 24) printf("\n%27s", "");
    wrapped(option->help, 27);
}

static void print_options(const command_t *command, bool is_common)
{
    for (const option_t *option = cli_options; option->name; option++)
        if (is_common ? option->is_common : is_option_of(option, command)) print_option(option);
}

static void command_help(const command_t *command)
{
    printf("trellis %s %s\n\n", command->words, command->arguments);
    wrapped(command->summary, 0);
    if (command->details) printf("\n%s\n", command->details);
    if (command->options[0]) {
        heading("\nOptions");
        print_options(command, false);
    }
    heading("\nOptions of every command");
    print_options(command, true);
}

static void command_line(const command_t *command)
{
    char left[64];
    snprintf(left, sizeof left, "%s %s", command->words, command->arguments);
    if (strlen(left) > 38) snprintf(left, sizeof left, "%s ...", command->words);
    printf("  %-38s %s\n", left, command->summary);
}

static int group_help(const char *group)
{
    size_t len = strlen(group);
    int count  = 0;
    for (const command_t *command = cli_commands; command->words; command++) {
        if (strncmp(command->words, group, len) == 0 && command->words[len] == ' ' && command->summary[0]) {
            command_line(command);
            count++;
        }
    }
    if (count) printf("\n  trellis %s COMMAND --help   explains one\n", group);
    return count ? 0 : 1;
}

int cli_help(const char *words)
{
    if (words) {
        const command_t *command = command_find(words, strlen(words));
        if (!command) return group_help(words);
        command_help(command);
        return 0;
    }
    puts(
        "trellis - use a grid: keys, twins, farms, nodes, contracts, deployments\n\n"
        "How it goes, on a development chain (./run starts one):\n\n"
        "  trellis key generate --out me.key            a key of your own, in a file that only you can read\n"
        "  trellis transfer ADDRESS 100 --key //Alice   somebody with money sends you some TFT\n"
        "  export TRELLIS_KEY_FILE=me.key               from here on, you sign\n"
        "  trellis twin create --relay grid.local       your entry on the grid: where messages reach you\n"
        "  trellis node list                            machines that you can rent\n"
        "  trellis deploy web.json --node 1             contract, message, and your workload runs\n"
        "  trellis contract bills 1                     what it costs\n"
        "  trellis contract cancel 1                    and stops\n\n"
        "Whatever has no command of its own is still a call or an item of the chain:\n\n"
        "  trellis call grid.create_farm green-farm '[]'    any call; --help after its name explains it\n"
        "  trellis query grid.farms 1                       any value, now or --at a block\n"
        "  trellis errors grid.farm_exists                  what a refusal means\n"
        "  trellis events --follow                          what happens, block by block\n");
    heading("Commands");
    for (const command_t *command = cli_commands; command->words; command++)
        if (command->summary[0]) command_line(command);
    puts("\n  trellis COMMAND --help   explains one; --json makes every command speak JSON");
    return 0;
}

int cmd_help(cli_t *cli)
{
    char words[128] = "";
    for (int i = 0; i < 2 && cli_argument(cli, i); i++)
        snprintf(words + strlen(words), sizeof words - strlen(words), "%s%.50s", i ? " " : "",
                 cli_argument(cli, i));
    if (!words[0]) return cli_help(NULL);
    return cli_help(words) == 0 ? 0 : cli_fail(cli, "there is no command '%s'", words);
}
