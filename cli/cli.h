/* cli.h - what the commands of `trellis` stand on: options, the chain, keys, output.
 *
 * A command is one row of cli_commands (commands.c); help, completion and the man page are made from it.
 * Commands speak JSON inside: what they read from the chain, send to it and print; --json prints it as it
 * is, otherwise it becomes lines and tables.  A function that returns false has said why on standard error.
 */
#ifndef CLI_H
#define CLI_H
#include "client.h"
#include "keyring.h"

#include <jansson.h>

#define CLI_ARGUMENTS_CAP 64
#define CLI_OPTIONS_CAP   64
#define CLI_KEYS_CAP      16
#define CLI_ARENA_LEN     (64u << 20)
#define TFT_DECIMALS      7
#define TFT_ONE           10000000u

typedef struct cli cli_t;

/* ---- the tables ---- */

typedef struct {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, "NAME"; NULL: nothing */
    const char *help;
    bool is_common; /* of every command */
} option_t;

enum { NEEDS_KEY = 1, TAKES_KEY = 2 };

typedef struct {
    const char *words;     /* "contract create" */
    const char *arguments; /* "NODE HASH [DATA]" */
    const char *summary;   /* one line */
    const char *options;   /* names, by spaces, of options that are not common */
    unsigned needs;        /* NEEDS_*; a key is loaded when one is given and it is taken or needed */
    const char *details;   /* paragraphs with examples; may be NULL */
    int (*run)(cli_t *cli);
} command_t;

extern const option_t cli_options[];
extern const command_t cli_commands[];

struct cli {
    const command_t *command;
    const char *arguments[CLI_ARGUMENTS_CAP];
    int argument_count;
    struct {
        const option_t *option;
        const char *value;
    } given[CLI_OPTIONS_CAP];
    int given_count;
    bool is_json, is_quiet;
    io_t *io;
    client_t *client;
    keypair_t keys[CLI_KEYS_CAP];
    int key_count;
    arena_t arena;
};

/* ---- options (options.c) ---- */

/* cli_parse finds the command and takes the line apart.  False: said why. */
bool cli_parse(cli_t *cli, int argc, char **argv);

/* cli_option is the last value given, "" of one without a value; NULL when it was not given.  cli_option_at
 * is the n-th one given. */
const char *cli_option(const cli_t *cli, const char *name);
const char *cli_option_at(const cli_t *cli, const char *name, int n);

/* cli_argument is the n-th word after the command, or NULL. */
const char *cli_argument(const cli_t *cli, int n);

/* These read an argument or an option's value; `what` names it when it is missing or wrong. */
bool cli_u64(const cli_t *cli, const char *text, const char *what, uint64_t *v);
bool cli_amount(const cli_t *cli, const char *text, u128_t *units); /* "1.5" TFT */
bool cli_account(const cli_t *cli, const char *text, account_id_t *account);
/* cli_account_read reads an account quietly: an address, 0x and 64 digits, alice, //Any//path, me, FILE.key.
 */
bool cli_account_read(const cli_t *cli, const char *text, account_id_t *account);
bool cli_json_argument(const cli_t *cli, const char *text, json_t **json);
void amount_text(u128_t units, char text[48]); /* "1.5" of 15000000 units */
void u128_text(u128_t v, char text[40]);

/* ---- output (print.c) ---- */

/* cli_fail says what went wrong and what to do, and gives 1: return cli_fail(...). */
int cli_fail(const cli_t *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_usage(const cli_t *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* cli_colour is an escape sequence for a stream that is a terminal, "" for others, under NO_COLOR and
 * TERM=dumb: 'b' bold, 'd' dim, 'r' red, 'y' yellow, 'g' green, '0' back to normal. */
const char *cli_colour(int fd, char which);

/* cli_note tells progress to a person; nothing with --json. */
void cli_note(const cli_t *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* cli_print prints a result and drops it; gives 0.  columns chooses what a person sees of an array of objects
 * ("id name twin_id"), or NULL. */
int cli_print(const cli_t *cli, json_t *result, const char *columns);

/* cli_cell writes a value on one line, of which `name` tells the unit; the caller frees it. */
char *cli_cell(const char *name, const json_t *value);

/* cli_print_value prints a value of a type: balances in TFT too.  cli_print_entries prints those of a map, as
 * a table when they are narrow enough.  cli_print_sent prints what came of a call.  All drop the JSON and
 * give 0. */
int cli_print_value(const cli_t *cli, json_t *value, uint16_t type);
int cli_print_entries(const cli_t *cli, json_t *entries, uint16_t type);
int cli_print_sent(const cli_t *cli, json_t *result);

/* cli_print_event prints {"Pallet": {"Event": data}} on a line, after the text of its place. */
void cli_print_event(const char *place, json_t *event);

/* ---- keys (keys.c) ---- */

bool cli_load_keys(cli_t *cli);

/* ---- the chain (chain.c) ---- */

/* cli_connect does nothing when it is connected already.  The functions below call it. */
bool cli_connect(cli_t *cli);
void cli_disconnect(cli_t *cli);

/* cli_read reads one storage item: *value is its JSON (json_null when it is not there and has no default).
 * keys, an array or NULL, is dropped. */
bool cli_read(cli_t *cli, const char *pallet, const char *item, json_t *keys, const hash_t *at,
              json_t **value);

/* cli_read_all reads the entries of a map that start with `keys`, at most `most`: an array of {"key": [..],
 * "value"}. */
bool cli_read_all(cli_t *cli, const char *pallet, const char *item, json_t *keys, uint32_t most,
                  const hash_t *at, json_t **entries);

/* cli_count counts the entries that cli_read_all would read. */
bool cli_count(cli_t *cli, const char *pallet, const char *item, json_t *keys, const hash_t *at,
               uint32_t *count);

/* cli_submit_options reads --tip, --nonce, --mortal, --immortal, --wait and --final. */
bool cli_submit_options(cli_t *cli, client_submit_t *submit);

/* cli_encode_call makes the bytes of a call, in the arena; arguments is dropped. */
bool cli_encode_call(cli_t *cli, const char *pallet, const char *call, json_t *arguments, bytes_t *encoded);

/* cli_send signs and sends, waits until it is in a block (or final, with --final), and fails if the chain
 * refuses it. *result: {"block", "block_hash", "index", "extrinsic_hash", "fee", "events"}; with --wait none
 * only {"extrinsic_hash"}. */
bool cli_send(cli_t *cli, const keypair_t *key, bytes_t call, json_t **result);
bool cli_call(cli_t *cli, const char *pallet, const char *call, json_t *arguments, json_t **result);

/* cli_event finds the data of an event among a result's: borrowed, NULL when there is none. */
json_t *cli_event(const json_t *result, const char *pallet, const char *event);

/* cli_own_twin is the id of the key's twin; cli_has_twin is 0 for none. */
bool cli_has_twin(cli_t *cli, const account_id_t *account, uint32_t *twin_id);
bool cli_own_twin(cli_t *cli, uint32_t *twin_id);

/* cli_forget_copy takes the parts of a deployment's copy, which nobody needs any more, off the chain. */
void cli_forget_copy(cli_t *cli, uint64_t contract_id, uint32_t parts);

/* cli_block_at reads --at: a number or a hash.  *at is NULL without it. */
bool cli_block_at(cli_t *cli, hash_t *room, const hash_t **at);

json_t *json_account(const account_id_t *account);
json_t *json_hex(bytes_t v);
json_t *json_u128(u128_t v);
u128_t json_u128_value(const json_t *json); /* a number or a decimal string */

/* ---- help (help.c) ---- */

int cli_help(const char *words); /* NULL: all */
bool is_option_of(const option_t *option, const command_t *command);
const command_t *command_find(const char *words, size_t len);

/* ---- the commands ---- */

int cmd_help(cli_t *cli);
int cmd_completion(cli_t *cli);
int cmd_man(cli_t *cli);
int cmd_complete(cli_t *cli);
int cmd_key_generate(cli_t *cli);
int cmd_key_inspect(cli_t *cli);
int cmd_key_seal(cli_t *cli);
int cmd_key_sign(cli_t *cli);
int cmd_key_verify(cli_t *cli);
int cmd_balance(cli_t *cli);
int cmd_transfer(cli_t *cli);
int cmd_query(cli_t *cli);
int cmd_call(cli_t *cli);
int cmd_rpc(cli_t *cli);
int cmd_const(cli_t *cli);
int cmd_errors(cli_t *cli);
int cmd_events(cli_t *cli);
int cmd_decode(cli_t *cli);
int cmd_twin_create(cli_t *cli);
int cmd_twin_update(cli_t *cli);
int cmd_twin_show(cli_t *cli);
int cmd_twin_list(cli_t *cli);
int cmd_twin_terms(cli_t *cli);
int cmd_farm_create(cli_t *cli);
int cmd_farm_add_ip(cli_t *cli);
int cmd_farm_remove_ip(cli_t *cli);
int cmd_farm_show(cli_t *cli);
int cmd_farm_list(cli_t *cli);
int cmd_node_show(cli_t *cli);
int cmd_node_list(cli_t *cli);
int cmd_contract_create(cli_t *cli);
int cmd_contract_update(cli_t *cli);
int cmd_contract_cancel(cli_t *cli);
int cmd_contract_show(cli_t *cli);
int cmd_contract_list(cli_t *cli);
int cmd_contract_bills(cli_t *cli);
int cmd_contract_watch(cli_t *cli);
int cmd_contract_recover(cli_t *cli);
int cmd_council_show(cli_t *cli);
int cmd_council_propose(cli_t *cli);
int cmd_council_vote(cli_t *cli);
int cmd_council_close(cli_t *cli);
int cmd_council_set_billing_frequency(cli_t *cli);
int cmd_deploy(cli_t *cli);
int cmd_rmb_send(cli_t *cli);
int cmd_rmb_listen(cli_t *cli);
int cmd_rmb_echo(cli_t *cli);
int cmd_rmb_ping(cli_t *cli);
int cmd_rmb_trace(cli_t *cli);
int cmd_relay_status(cli_t *cli);

#endif
