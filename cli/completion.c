/* completion.c - what may come next on the command line; shells ask by `trellis complete LINE`.
 *
 * The scripts hold no names: they ask the program, so they are right for the program that is installed. */
#include "typed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64
#define LINE_CAP  4096

typedef struct {
    const char *words[WORDS_MAX];
    int count;           /* without the program and without options */
    const char *current; /* what is being written, "" for a new word */
    const char *last_option;
} line_t;

/* split takes a line apart; the last word is the one that is being written. */
static void split(char *text, line_t *line)
{
    const char *word = NULL;
    bool is_first = true, is_value = false;
    line->current = "";
    for (char *at = text;;) {
        at += strspn(at, " ");
        if (!*at) break;
        char quote = *at == '\'' || *at == '"' ? *at++ : 0;
        word       = at;
        while (*at && (quote ? *at != quote : *at != ' '))
            at++;
        bool is_last = *at == 0;
        if (*at) *at++ = 0;
        if (is_last) {
            line->current = word;
            break;
        }
        bool is_option = word[0] == '-' && word[1] == '-';
        if (!is_first && !is_option && !is_value && line->count < WORDS_MAX)
            line->words[line->count++] = word;
        line->last_option = is_option ? word + 2 : NULL;
        is_value          = false;
        for (const option_t *option = cli_options; is_option && option->name; option++)
            if (strcmp(option->name, word + 2) == 0) is_value = option->value != NULL;
        if (!is_value) line->last_option = NULL;
        is_first = false;
    }
}

static void offer(const line_t *line, const char *candidate, const char *tail)
{
    if (strncmp(candidate, line->current, strlen(line->current)) == 0) printf("%s%s\n", candidate, tail);
}

static void offer_options(const line_t *line, const command_t *command)
{
    char text[64];
    for (const option_t *option = cli_options; option->name; option++) {
        if (!option->is_common && !is_option_of(option, command)) continue;
        snprintf(text, sizeof text, "--%s", option->name);
        offer(line, text, "");
    }
}

/* offer_commands tells first words, or second ones after the first. */
static void offer_commands(const line_t *line)
{
    char last[64] = "", word[64];
    for (const command_t *command = cli_commands; command->words; command++) {
        const char *space = strchr(command->words, ' ');
        size_t len        = strcspn(command->words, " ");
        if (!command->summary[0]) continue;
        if (line->count == 0) {
            snprintf(word, sizeof word, "%.*s", (int)len, command->words);
            if (strcmp(word, last) != 0) offer(line, word, "");
            snprintf(last, sizeof last, "%s", word);
        } else if (space && strlen(line->words[0]) == len &&
                   strncmp(line->words[0], command->words, len) == 0) {
            offer(line, space + 1, "");
        }
    }
}

/* ---- names of the chain ---- */

static void offer_name(void *context, const table_pallet_t *pallet, const char *name, const char *docs)
{
    char snake[80], text[128];
    (void)docs;
    name_snake(name, snake);
    snprintf(text, sizeof text, "%s.%s", pallet->prefix, snake);
    offer(context, text, "");
}

static uint32_t count_of(const table_pallet_t *p, unsigned kinds)
{
    return (kinds & NAME_CALL ? p->call_count : 0u) + (kinds & NAME_ITEM ? p->storage_count : 0u) +
           (kinds & NAME_CONSTANT ? p->constant_count : 0u) + (kinds & NAME_EVENT ? p->event_count : 0u) +
           (kinds & NAME_ERROR ? p->error_count : 0u);
}

/* offer_names tells pallets, and after a dot what one has. */
static void offer_names(line_t *line, unsigned kinds)
{
    const char *dot              = strchr(line->current, '.');
    const table_pallet_t *pallet = dot ? name_pallet(line->current, (size_t)(dot - line->current)) : NULL;
    static char whole[160];
    for (uint32_t i = 0; !dot && i < runtime_pallet_count; i++)
        if (count_of(&runtime_pallets[i], kinds)) offer(line, runtime_pallets[i].prefix, ".");
    if (!pallet) return;
    snprintf(whole, sizeof whole, "%s%s", pallet->prefix,
             dot); /* an alias becomes the name that is offered */
    line->current = whole;
    name_each(pallet, kinds, offer_name, line);
}

static const table_type_t *enum_of(uint16_t id)
{
    const table_type_t *type = &runtime_types[id];
    if (type->form == TABLE_COMPOSITE && type->count == 1 && !type->fields[0].name)
        return enum_of(type->fields[0].type);
    if (type->form == TABLE_VARIANT && strcmp(type->name, "Option") == 0)
        return enum_of(type->variants[1].fields[0].type);
    return type->form == TABLE_VARIANT && id != runtime_type_call ? type : NULL;
}

static bool is_account(uint16_t id)
{
    const char *name = runtime_types[id].name;
    return strcmp(name, "AccountId32") == 0 || strcmp(name, "MultiAddress") == 0;
}

/* offer_values tells what an argument may be: accounts by name, variants of an enum, true and false. */
static void offer_values(const line_t *line, uint16_t type, const char *before)
{
    static const char *const accounts[] = {"alice", "bob", "charlie", "dave", "eve", "ferdie", "me"};
    char text[160];
    const table_type_t *choice = enum_of(type);
    for (size_t i = 0; is_account(type) && i < sizeof accounts / sizeof *accounts; i++) {
        snprintf(text, sizeof text, "%s%s", before, accounts[i]);
        offer(line, text, "");
    }
    for (uint32_t i = 0; !is_account(type) && choice && i < choice->count; i++) {
        snprintf(text, sizeof text, "%s%s", before, choice->variants[i].name);
        offer(line, text, "");
    }
    for (int i = 0;
         runtime_types[type].form == TABLE_PRIMITIVE && runtime_types[type].inner == TABLE_BOOL && i < 2;
         i++) {
        snprintf(text, sizeof text, "%s%s", before, i ? "true" : "false");
        offer(line, text, "");
    }
}

static void offer_arguments(const line_t *line, const char *call_name)
{
    static cli_t quiet;
    name_t name;
    char text[96];
    const char *dot = strchr(call_name, '.');
    /* name_find would speak on standard error about what it does not find */
    name.pallet = dot ? name_pallet(call_name, (size_t)(dot - call_name)) : NULL;
    if (!name.pallet) return;
    for (uint32_t i = 0; i < name.pallet->call_count; i++) {
        const table_variant_t *call = &name.pallet->calls[i];
        if (!names_equal(dot + 1, call->name)) continue;
        for (uint32_t f = 0; f < call->field_count; f++) {
            snprintf(text, sizeof text, "%s=", call->fields[f].name);
            if (strncmp(line->current, text, strlen(text)) == 0)
                offer_values(line, call->fields[f].type, text);
            else
                offer(line, text, "");
        }
    }
    (void)quiet;
}

static const command_t *command_of(const line_t *line, int *used)
{
    char words[128];
    *used = 2;
    if (line->count > 1) {
        snprintf(words, sizeof words, "%.60s %.60s", line->words[0], line->words[1]);
        const command_t *command = command_find(words, strlen(words));
        if (command) return command;
    }
    *used = 1;
    return line->count > 0 ? command_find(line->words[0], strlen(line->words[0])) : NULL;
}

static void offer_words(line_t *line, const command_t *command, int used)
{
    static const char *const shells[] = {"bash", "zsh", "fish"}, *const kinds[] = {"call", "event",
                                                                                   "extrinsic", "key",
                                                                                   "error"};
    int at = line->count - used;
    if (command->run == cmd_call && at == 0) offer_names(line, NAME_CALL);
    if (command->run == cmd_call && at > 0) offer_arguments(line, line->words[used]);
    if (command->run == cmd_query && at == 0) offer_names(line, NAME_ITEM);
    if (command->run == cmd_const && at == 0) offer_names(line, NAME_CONSTANT);
    if (command->run == cmd_errors && at == 0) offer_names(line, NAME_ERROR);
    if (command->run == cmd_events && at == 0) offer_names(line, NAME_EVENT);
    if (command->run == cmd_council_propose && at == 0) offer_names(line, NAME_CALL);
    if (command->run == cmd_council_propose && at > 0) offer_arguments(line, line->words[used]);
    for (size_t i = 0; command->run == cmd_completion && at == 0 && i < sizeof shells / sizeof *shells; i++)
        offer(line, shells[i], "");
    for (size_t i = 0; command->run == cmd_decode && at == 0 && i < sizeof kinds / sizeof *kinds; i++)
        offer(line, kinds[i], "");
}

int cmd_complete(cli_t *cli)
{
    static char text[LINE_CAP];
    line_t line = {0};
    int used;
    snprintf(text, sizeof text, "%s", cli_argument(cli, 0) ? cli_argument(cli, 0) : "");
    split(text, &line);
    const command_t *command = command_of(&line, &used);
    if (line.last_option) {
        if (strcmp(line.last_option, "wait") == 0) {
            offer(&line, "inblock", "");
            offer(&line, "finalized", "");
            offer(&line, "none", "");
        }
        return 0;
    }
    if (strncmp(line.current, "-", 1) == 0) {
        if (command) offer_options(&line, command);
        return 0;
    }
    if (!command || (line.count == 1 && used == 1)) offer_commands(&line);
    if (command) offer_words(&line, command, used);
    return 0;
}

/* ---- the scripts ---- */

static const char bash_script[] =
    "# bash completion of trellis: made by `trellis completion bash`\n"
    "_trellis() {\n"
    "    local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]} whole before\n"
    "    whole=${line##* }\n"
    "    before=${whole%\"${whole##*[=:]}\"} # bash breaks words there, and takes what follows\n"
    "    mapfile -t COMPREPLY < <(trellis complete -- \"$line\" 2>/dev/null)\n"
    "    [[ -n $before ]] && COMPREPLY=(\"${COMPREPLY[@]#\"$before\"}\")\n"
    "    if ((${#COMPREPLY[@]} == 0)); then\n"
    "        compopt -o default 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
    "    elif ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[.=] ]]; then\n"
    "        compopt -o nospace 2>/dev/null\n"
    "    fi\n"
    "    return 0\n"
    "}\n"
    "complete -F _trellis trellis\n";

static const char zsh_script[] =
    "#compdef trellis\n"
    "# zsh completion of trellis: made by `trellis completion zsh`\n"
    "_trellis() {\n"
    "    local -a whole open\n"
    "    local one\n"
    "    for one in ${(f)\"$(trellis complete -- \"${(j: :)words[1,CURRENT]}\" 2>/dev/null)\"}; do\n"
    "        case $one in\n"
    "            *[.=]) open+=$one ;;\n"
    "            *) whole+=$one ;;\n"
    "        esac\n"
    "    done\n"
    "    (($#open)) && compadd -U -S '' -a open\n"
    "    (($#whole)) && compadd -U -a whole\n"
    "    (($#open + $#whole)) || _files\n"
    "}\n"
    "(($+functions[compdef])) && compdef _trellis trellis\n";

static const char fish_script[] =
    "# fish completion of trellis: made by `trellis completion fish`\n"
    "function __trellis_complete\n"
    "    trellis complete -- (commandline -cp) 2>/dev/null\n"
    "end\n"
    "complete -c trellis -f -n 'test (count (__trellis_complete)) -gt 0' -a '(__trellis_complete)'\n";

int cmd_completion(cli_t *cli)
{
    const char *shell  = cli_argument(cli, 0);
    const char *script = !shell                       ? NULL
                         : strcmp(shell, "bash") == 0 ? bash_script
                         : strcmp(shell, "zsh") == 0  ? zsh_script
                         : strcmp(shell, "fish") == 0 ? fish_script
                                                      : NULL;
    if (!script)
        return cli_usage(cli,
                         "for bash, zsh or fish: trellis completion bash > /etc/bash_completion.d/trellis");
    fputs(script, stdout);
    return 0;
}
