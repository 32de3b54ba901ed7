/* help.c - help, completion and the man page: all made from the tables. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

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

static bool is_option_of(const option_t *option, const command_t *command)
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
        printf("\nOptions\n");
        print_options(command, false);
    }
    printf("\nOptions of every command\n");
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
        if (strncmp(command->words, group, len) == 0 && command->words[len] == ' ') {
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
        "Commands");
    for (const command_t *command = cli_commands; command->words; command++)
        command_line(command);
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

int cmd_completion(cli_t *cli)
{
    const char *shell = cli_argument(cli, 0);
    if (!shell || strcmp(shell, "bash") != 0)
        return cli_usage(cli, "only bash: trellis completion bash > /etc/bash_completion.d/trellis");
    return cli_completion_bash();
}

static void print_groups(void)
{
    const char *last = "";
    for (const command_t *command = cli_commands; command->words; command++) {
        size_t len = strcspn(command->words, " ");
        if (strncmp(last, command->words, len) != 0 || (last[len] != ' ' && last[len] != 0))
            printf("%.*s ", (int)len, command->words);
        last = command->words;
    }
}

int cli_completion_bash(void)
{
    puts("# bash completion of trellis: made by `trellis completion bash`\n"
         "_trellis() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} line=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" options=''\n"
         "    case \"$line\" in");
    for (const command_t *command = cli_commands; command->words; command++) {
        printf("    '%s%s) options='", command->words, strchr(command->words, ' ') ? "'" : " '*");
        for (const option_t *option = cli_options; option->name; option++)
            if (option->is_common || is_option_of(option, command)) printf("--%s ", option->name);
        puts("' ;;");
    }
    printf("    esac\n"
           "    if [[ $word == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$word\")); return; fi\n"
           "    if ((COMP_CWORD == 1)); then COMPREPLY=($(compgen -W '");
    print_groups();
    puts("' -- \"$word\")); return; fi\n    ((COMP_CWORD == 2)) && case \"${COMP_WORDS[1]}\" in");
    for (const command_t *command = cli_commands; command->words; command++) {
        const char *space = strchr(command->words, ' ');
        if (space)
            printf("    %.*s) COMPREPLY+=($(compgen -W '%s' -- \"$word\")) ;;&\n",
                   (int)(space - command->words), command->words, space + 1);
    }
    puts("    esac\n    ((${#COMPREPLY[@]})) || COMPREPLY=($(compgen -f -- \"$word\"))\n}\ncomplete -F "
         "_trellis trellis");
    return 0;
}

/* roff prints text with what troff would take for its own escaped. */
static void roff(const char *text)
{
    bool is_line_start = true;
    for (; *text; text++) {
        if (is_line_start && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
        is_line_start = *text == '\n';
    }
    putchar('\n');
}

static void man_options(const command_t *command, bool is_common)
{
    for (const option_t *option = cli_options; option->name; option++) {
        if (is_common ? !option->is_common : !is_option_of(option, command)) continue;
        printf(".TP\n\\fB\\-\\-%s\\fR %s\n", option->name, option->value ? option->value : "");
        roff(option->help);
    }
}

int cmd_man(cli_t *cli)
{
    (void)cli;
    puts(
        ".TH TRELLIS 1\n.SH NAME\ntrellis \\- use a grid: keys, twins, farms, nodes, contracts, deployments\n"
        ".SH SYNOPSIS\n\\fBtrellis\\fR COMMAND [ARGUMENTS] [OPTIONS]\n.SH OPTIONS OF EVERY COMMAND");
    man_options(NULL, true);
    puts(".SH COMMANDS");
    for (const command_t *command = cli_commands; command->words; command++) {
        printf(".SS \"trellis %s %s\"\n", command->words, command->arguments);
        roff(command->summary);
        if (command->details) {
            puts(".PP\n.nf");
            roff(command->details);
            puts(".fi");
        }
        man_options(command, false);
    }
    puts(".SH EXIT STATUS\n0 it went well; 1 it was refused or failed, and standard error says why; 2 the "
         "command line is wrong.\n"
         ".SH ENVIRONMENT\nTRELLIS_URL, TRELLIS_KEY_FILE, TRELLIS_PASSWORD: defaults of \\-\\-url, "
         "\\-\\-key\\-file and the\n"
         "password of a sealed key file.");
    return 0;
}
