/* main.c - `trellis`: the command line of the grid. */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int run(cli_t *cli)
{
    const command_t *command = cli->command;
    bool explains_itself = cli_argument(cli, 0) && (command->run == cmd_call || command->run == cmd_query);
    if (cli_option(cli, "help") && !explains_itself) return cli_help(command->words);
    if (!crypto_init()) return cli_fail(cli, "the system gives no randomness");
    if (!cli_load_keys(cli)) return 1;
    cli->arena = (arena_t){.start = calloc(1, CLI_ARENA_LEN), .size = CLI_ARENA_LEN};
    if (!cli->arena.start) return cli_fail(cli, "out of memory");

    return command->run(cli);
}

int main(int argc, char **argv)
{
    static cli_t cli;
    (void)signal(SIGPIPE, SIG_IGN);
    if (!cli_parse(&cli, argc, argv)) return 2;
    int status = run(&cli);
    cli_disconnect(&cli);
    for (int i = 0; i < cli.key_count; i++)
        key_wipe(&cli.keys[i]);
    (void)fflush(stdout);
    _exit(status); /* what a command left in memory is the system's */
}
