/* cmd.c - finds the command, reads its flags, and what all commands share. */

#include "cmd.h"

#include "crypto.h"
#include "hex.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { TELL_MS = 1000, CHAIN_ARGS_MAX = 32 };

static const command_t *const commands[] = {
    &cmd_build_spec,  &cmd_export_state, &cmd_export_blocks,         &cmd_import_blocks,
    &cmd_check_block, &cmd_revert,       &cmd_purge_chain,           &cmd_key_generate,
    &cmd_key_inspect, &cmd_key_insert,   &cmd_key_generate_node_key, &cmd_key_inspect_node_key};

static const char chain_help[] =
    "\n"
    "Which chain\n"
    "  --dev                    the development chain\n"
    "  --chain dev|local|FILE   which chain; FILE: a chain spec\n"
    "  --base-path DIR, -d DIR  where the database is (default: ~/.local/share/trellis-node)\n"
    "  --sealing MS             the slot of a new chain, as the node was started with it\n"
    "  --log LEVELS, -l LEVELS  (default warn)\n";

/* ------------------------------------------------------------------------------------ the command line */

static int tell(const cmd_t *cmd, int code, const char *format, va_list list)
{
    fflush(stdout);
    fprintf(stderr, "trellis-node %s: ", cmd->command->name);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    if (code == 2) fprintf(stderr, "trellis-node %s --help tells more\n", cmd->command->name);
    return code;
}

int cmd_fail(const cmd_t *cmd, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int code = tell(cmd, 1, format, list);
    va_end(list);
    return code;
}

int cmd_usage(const cmd_t *cmd, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int code = tell(cmd, 2, format, list);
    va_end(list);
    return code;
}

const char *cmd_option(const cmd_t *cmd, const char *name)
{
    const char *value = NULL;
    for (unsigned i = 0; i < cmd->option_count; i++)
        if (strcmp(cmd->options[i].name, name) == 0) value = cmd->options[i].value;
    return value;
}

/* find_flag looks for a flag's name in a list by blanks. */
static const char *find_flag(const char *list, const char *name, size_t len)
{
    const char *found = list;
    while (found && (found = strstr(found, name)) && !(found > list && found[-1] == ' ' && found[len] == ' '))
        found++;
    return found;
}

/* long_name gives a flag's long name without its dashes and value; empty: it can be none. */
static void long_name(const char *flag, char name[32])
{
    static const char *const shorts[][2] = {
        {"-d", "base-path"},
        {"-l", "log"      },
        {"-y", "yes"      },
        {"-w", "words"    },
        {"-n", "network"  }
    };
    name[0] = 0;
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++)
        if (strcmp(flag, shorts[i][0]) == 0) snprintf(name, 32, "%s", shorts[i][1]);
    size_t len = strcspn(flag, "=");
    if (strncmp(flag, "--", 2) == 0 && len < 32) snprintf(name, 32, "%.*s", (int)len - 2, flag + 2);
}

typedef struct {
    char *args[CHAIN_ARGS_MAX]; /* for config_read */
    int count;
} chain_args_t;

/* take_flag takes the flag at argv[*i], and its value; false with the error written. */
static bool take_flag(cmd_t *cmd, int argc, char **argv, int *i, chain_args_t *chain)
{
    static const char chain_switches[] = " dev tmp ",
                      chain_values[] =
                          " chain base-path sealing log db-cache db-sync state-pruning blocks-pruning ";
    const command_t *c = cmd->command;
    char *flag         = argv[*i];
    char name[32];
    long_name(flag, name);
    size_t len         = strlen(name);
    const char *equals = strchr(flag, '=');
    bool is_switch     = len > 0 && (find_flag(c->switches, name, len) ||
                                 (c->has_chain && find_flag(chain_switches, name, len)));
    bool is_value =
        len > 0 && (find_flag(c->values, name, len) || (c->has_chain && find_flag(chain_values, name, len)));
    bool is_own = len > 0 && (find_flag(c->switches, name, len) || find_flag(c->values, name, len));
    if (!is_switch && !is_value) return !cmd_usage(cmd, "there is no option '%s' here", flag);
    if (is_switch && equals) return !cmd_usage(cmd, "'%s' takes no value", flag);
    if (is_value && !equals && *i + 1 >= argc) return !cmd_usage(cmd, "a value is missing after '%s'", flag);
    char *value = equals ? flag + (equals - flag) + 1 : is_value ? argv[++*i] : flag + strlen(flag);
    if (!is_own) {
        if (chain->count + 2 >= CHAIN_ARGS_MAX) return !cmd_usage(cmd, "too many options");
        chain->args[chain->count++] = flag;
        if (is_value && !equals) chain->args[chain->count++] = value;
        return true;
    }
    if (cmd->option_count == CMD_OPTIONS_MAX) return !cmd_usage(cmd, "too many options");
    const char *kept                        = find_flag(is_switch ? c->switches : c->values, name, len);
    cmd->options[cmd->option_count].name    = strndup(kept, len); /* until the process ends */
    cmd->options[cmd->option_count++].value = value;
    return cmd->options[cmd->option_count - 1].name != NULL;
}

static bool find_chain(cmd_t *cmd, chain_args_t *chain)
{
    char error[CHAINSPEC_ERROR_CAP];
    log_filter("warn");
    if (config_read(chain->count, chain->args, &cmd->config) != CONFIG_RUN) return false;
    if (!chainspec_open(cmd->config.chain, cmd->config.slot_ms, &cmd->spec, error))
        return !cmd_fail(cmd, "%s", error);
    return config_path(&cmd->config, cmd->spec.id, cmd->path, sizeof cmd->path) ||
           !cmd_fail(cmd, "the base path is too long, or there is no home folder");
}

static int run(const command_t *command, int argc, char **argv)
{
    cmd_t cmd          = {.command = command};
    chain_args_t chain = {.args = {argv[0]}, .count = 1};
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0) continue;
        printf("%s%s", command->help, command->has_chain ? chain_help : "");
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] != 0) {
            if (!take_flag(&cmd, argc, argv, &i, &chain)) return 2;
        } else if (cmd.word_count == command->words_max)
            return cmd_usage(&cmd, "what is '%s'?", argv[i]);
        else
            cmd.words[cmd.word_count++] = argv[i];
    }
    if (!crypto_init()) return cmd_fail(&cmd, "the system gives no randomness");
    if (command->has_chain && !find_chain(&cmd, &chain)) return 2;
    int code = command->run(&cmd);
    chainspec_free(&cmd.spec);
    for (unsigned i = 0; i < cmd.option_count; i++)
        free((void *)(uintptr_t)cmd.options[i].name);
    return code;
}

bool cmd_run(int argc, char **argv, int *code)
{
    if (argc < 2 || argv[1][0] == '-') return false;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const char *name = commands[i]->name, *second = strchr(name, ' ');
        size_t len = second ? (size_t)(second - name) : strlen(name);
        if (strncmp(argv[1], name, len) != 0 || argv[1][len] != 0) continue;
        if (second && (argc < 3 || strcmp(argv[2], second + 1) != 0)) continue;
        *code = run(commands[i], argc - (second ? 2 : 1), argv + (second ? 2 : 1));
        return true;
    }
    if (strcmp(argv[1], "key") == 0)
        fprintf(stderr, "trellis-node: key needs one of: generate, inspect, insert\n");
    else
        fprintf(stderr, "trellis-node: there is no command '%s'\ntrellis-node --help lists them\n", argv[1]);
    *code = 2;
    return true;
}

/* ------------------------------------------------------------------------------------ the chain */

bool cmd_number(const char *text, uint32_t *number)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != 0 || value > UINT32_MAX) return false;
    *number = (uint32_t)value;
    return true;
}

chain_t *cmd_open(cmd_t *cmd, bool may_make)
{
    char current[CMD_PATH_CAP + 16];
    struct stat info;
    chain_t *chain = NULL;
    snprintf(current, sizeof current, "%s/CURRENT", cmd->path);
    bool is_there = stat(current, &info) == 0;
    if (!is_there && !may_make) {
        cmd_fail(cmd, "there is no database at %s", cmd->path);
        return NULL;
    }
    if (!config_make_folders(cmd->path)) {
        cmd_fail(cmd, "%s: %s", cmd->path, strerror(errno));
        return NULL;
    }
    /* A database that is there is the chain that it is; only a command that adds to it compares. */
    chain_options_t options = {.path         = cmd->path,
                               .state        = cmd->config.state,
                               .blocks       = cmd->config.blocks,
                               .is_trial     = chainspec_is_for_trial(&cmd->spec),
                               .is_unsynced  = cmd->config.is_unsynced || may_make,
                               .cache_mib    = cmd->config.db_cache_mib,
                               .genesis      = may_make ? chainspec_genesis : NULL,
                               .genesis_self = &cmd->spec};
    chain_status_t status   = chain_open(&options, &chain);
    if (status != CHAIN_OK)
        cmd_fail(cmd, "%s: %s%s", cmd->path, chain_status_text(status),
                 status == CHAIN_CANNOT_OPEN ? " (does a node run on it? stop it first)" : "");
    return chain;
}

bool cmd_find(const cmd_t *cmd, chain_t *chain, const char *text, chain_point_t *block)
{
    size_t len = strlen(text);
    bool is_hash =
        len == 66 && hex_decode_exact((bytes_t){(const uint8_t *)text, (uint32_t)len}, block->hash.b, 32);
    if (!is_hash && !cmd_number(text, &block->number))
        return !cmd_fail(cmd, "'%s' is neither a block's number nor its hash", text);
    bool is_known = is_hash ? chain_number(chain, &block->hash, &block->number)
                            : chain_hash(chain, block->number, &block->hash);
    return is_known ||
           !cmd_fail(cmd, "there is no block %s; the best one is %u", text, chain_best(chain).number);
}

/* ------------------------------------------------------------------------------------ progress */

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

cmd_progress_t cmd_progress(const char *doing, const char *of, uint64_t total)
{
    uint64_t now_ms = clock_ms();
    return (cmd_progress_t){doing, of, total, now_ms, now_ms};
}

static void tell_progress(const cmd_progress_t *p, uint64_t done, uint64_t now_ms)
{
    uint64_t took_ms = now_ms > p->start_ms ? now_ms - p->start_ms : 1;
    fprintf(stderr, "%s %llu", p->doing, (unsigned long long)done);
    if (p->total > 0) fprintf(stderr, " of %llu", (unsigned long long)p->total);
    fprintf(stderr, " %s, %.1f/s, %.1f s\n", p->of, (double)done * 1000 / (double)took_ms,
            (double)took_ms / 1000);
}

void cmd_progress_at(cmd_progress_t *progress, uint64_t done)
{
    uint64_t now_ms = clock_ms();
    if (now_ms - progress->told_ms < TELL_MS) return;
    progress->told_ms = now_ms;
    tell_progress(progress, done, now_ms);
}

void cmd_progress_end(cmd_progress_t *progress, uint64_t done) { tell_progress(progress, done, clock_ms()); }
