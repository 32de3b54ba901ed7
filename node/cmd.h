/* cmd.h - what an operator asks of the node's database and keys, instead of running it.
 *
 * Names, flags and output are Substrate's.  A command that cannot do its work says why on standard error
 * and ends with 1; a command line that cannot be understood ends with 2. */
#ifndef CMD_H
#define CMD_H
#include "chainspec.h"
#include "config.h"

enum { CMD_WORDS_MAX = 2, CMD_OPTIONS_MAX = 16, CMD_PATH_CAP = 1024 };

struct command;
typedef struct {
    const struct command *command;
    struct {
        const char *name, *value;
    } options[CMD_OPTIONS_MAX];
    const char *words[CMD_WORDS_MAX];
    unsigned option_count, word_count;
    /* Of commands on a chain: */
    config_t config;
    chainspec_t spec;
    char path[CMD_PATH_CAP]; /* of the chain's folder */
} cmd_t;

typedef struct command {
    const char *name; /* "key generate" */
    const char *help;
    const char *switches, *values; /* its own flags, by blanks, each with blanks around it */
    unsigned words_max;
    bool has_chain; /* takes --chain, --dev, --base-path, ..., and has spec and path */
    int (*run)(cmd_t *cmd);
} command_t;

/* cmd_run runs the command that the command line begins with; false: it begins with none. */
bool cmd_run(int argc, char **argv, int *code);

/* cmd_option gives an option's value ("" of a switch), NULL: it was not given. */
const char *cmd_option(const cmd_t *cmd, const char *name);

/* cmd_fail writes a sentence, and gives 1; cmd_usage gives 2. */
int cmd_fail(const cmd_t *cmd, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cmd_usage(const cmd_t *cmd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* cmd_number reads a number of a block. */
NODISCARD bool cmd_number(const char *text, uint32_t *number);

/* cmd_open opens the database that is there; NULL with the error written.  may_make: also makes a new one. */
chain_t *cmd_open(cmd_t *cmd, bool may_make);

/* cmd_find finds a block of the best chain by number, or any by hash; false with the error written. */
NODISCARD bool cmd_find(const cmd_t *cmd, chain_t *chain, const char *text, chain_point_t *block);

/* A line on standard error now and then, while something takes long. */
typedef struct {
    const char *doing, *of; /* "exported", "blocks" */
    uint64_t total;         /* 0: not known */
    uint64_t start_ms, told_ms;
} cmd_progress_t;
cmd_progress_t cmd_progress(const char *doing, const char *of, uint64_t total);
void cmd_progress_at(cmd_progress_t *progress, uint64_t done);
void cmd_progress_end(cmd_progress_t *progress, uint64_t done);

/* The commands, by file. */
extern const command_t cmd_build_spec, cmd_export_state;                    /* cmd_spec.c */
extern const command_t cmd_export_blocks, cmd_import_blocks;                /* cmd_blocks.c */
extern const command_t cmd_check_block, cmd_revert, cmd_purge_chain;        /* cmd_chain.c */
extern const command_t cmd_key_generate, cmd_key_inspect, cmd_key_insert;   /* cmd_key.c */
extern const command_t cmd_key_generate_node_key, cmd_key_inspect_node_key; /* cmd_node_key.c */

#endif
