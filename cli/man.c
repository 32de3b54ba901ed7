/* man.c - the manual pages, made from the tables: trellis(1), one of each group of commands, and all calls
 * and items of the chain in trellis-call(7) and trellis-query(7). */
#include "advice.h"
#include "runtime_names.h"
#include "typed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_CAP 512

/* roff writes text with what troff would take for its own escaped. */
static void roff(FILE *out, const char *text)
{
    bool is_line_start = true;
    for (; *text; text++) {
        if (is_line_start && (*text == '.' || *text == '\'')) fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
        is_line_start = *text == '\n';
    }
}

static void roff_line(FILE *out, const char *text)
{
    roff(out, text);
    fputc('\n', out);
}

/* literal writes paragraphs as they stand; lines that begin with two spaces are examples. */
static void literal(FILE *out, const char *text)
{
    fputs(".PP\n.nf\n", out);
    for (const char *at = text; *at;) {
        int len = (int)strcspn(at, "\n");
        char line[1024];
        snprintf(line, sizeof line, "%.*s", len, at);
        roff_line(out, line[0] ? line : " ");
        at += len + (at[len] == '\n');
    }
    fputs(".fi\n", out);
}

static void head(FILE *out, const char *page, int section, const char *summary)
{
    char upper[64];
    size_t i;
    for (i = 0; page[i] && i + 1 < sizeof upper; i++)
        upper[i] = (char)(page[i] >= 'a' && page[i] <= 'z' ? page[i] - 32 : page[i]);
    upper[i] = 0;
    fprintf(out,
            ".\\\" made by `trellis man`\n.TH %s %d \"\" \"Trellis\" \"Trellis manual\"\n.SH NAME\n%s \\- ",
            upper, section, page);
    roff_line(out, summary);
}

static void options(FILE *out, const command_t *command, bool is_common)
{
    for (const option_t *option = cli_options; option->name; option++) {
        if (is_common ? !option->is_common : !is_option_of(option, command)) continue;
        fputs(".TP\n\\fB\\-\\-", out);
        roff(out, option->name);
        fputs("\\fR", out);
        if (option->value) {
            fputs(" \\fI", out);
            roff(out, option->value);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        roff_line(out, option->help);
    }
}

static void command_section(FILE *out, const command_t *command)
{
    fputs(".SS \"trellis ", out);
    for (const char *at = command->words; *at; at++)
        fputs(*at == '-' ? "\\-" : (char[2]){*at, 0}, out);
    fputs(command->arguments[0] ? " " : "", out);
    roff(out, command->arguments);
    fputs("\"\n", out);
    roff_line(out, command->summary);
    if (command->details) literal(out, command->details);
    options(out, command, false);
}

static void foot(FILE *out)
{
    fputs(
        ".SH EXIT STATUS\n0 it went well; 1 it was refused or failed, and standard error says why; 2 the "
        "command line is "
        "wrong.\n.SH ENVIRONMENT\n.TP\nTRELLIS_URL\nThe node, as \\-\\-url.\n.TP\nTRELLIS_KEY_FILE\nWho "
        "signs, as "
        "\\-\\-key\\-file.\n.TP\nTRELLIS_PASSWORD\nThe password of a sealed key file.\n.TP\nNO_COLOR\nNo "
        "colours, even on a "
        "terminal.\n.SH SEE ALSO\n\\fBtrellis\\fR(1), \\fBtrellis\\-call\\fR(7), \\fBtrellis\\-query\\fR(7), "
        "\\fBtrellis\\-node\\fR(1)\n",
        out);
}

static bool is_of_group(const command_t *command, const char *group)
{
    size_t len = strlen(group);
    return strncmp(command->words, group, len) == 0 && (command->words[len] == ' ' || !command->words[len]);
}

/* next_group finds the first command of the next group; commands of a group stand together. */
static const command_t *next_group(const command_t *command, char group[32])
{
    do
        command++;
    while (command->words && is_of_group(command, group));
    if (command->words) snprintf(group, 32, "%.*s", (int)strcspn(command->words, " "), command->words);
    return command->words ? command : NULL;
}

/* group_page names the page of a group; that of `node` may not be called as the node itself is. */
static void group_page(const char *group, char name[64])
{
    snprintf(name, 64, "trellis-%.40s%s", group, strcmp(group, "node") == 0 ? "s" : "");
}

static void page_main(FILE *out)
{
    head(out, "trellis", 1, "use a grid: keys, twins, farms, nodes, contracts, deployments");
    fputs(".SH SYNOPSIS\n\\fBtrellis\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n.SH "
          "DESCRIPTION\n"
          "Everything that a person does with a grid: keys, money, twins, farms and nodes, contracts and "
          "what runs under them,\n"
          "and any other call and value of the chain by name.\n"
          ".SH COMMANDS\nEach group has a page of its own, as \\fBtrellis\\-contract\\fR(1).\n",
          out);
    for (const command_t *command = cli_commands; command->words; command++) {
        if (!command->summary[0]) continue;
        fputs(".TP\n\\fBtrellis ", out);
        roff(out, command->words);
        fputs("\\fR ", out);
        roff_line(out, command->arguments);
        roff_line(out, command->summary);
    }
    fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
    options(out, NULL, true);
    foot(out);
}

static void page_group(FILE *out, const char *group)
{
    char page[64], summary[160];
    const command_t *first = NULL;
    for (const command_t *command = cli_commands; command->words && !first; command++)
        if (is_of_group(command, group)) first = command;
    bool is_one = first && !strchr(first->words, ' ');
    group_page(group, page);
    snprintf(summary, sizeof summary, is_one ? "%s" : "commands about a %s",
             is_one && first ? first->summary : group);
    head(out, page, 1, summary);
    fputs(".SH SYNOPSIS\n", out);
    for (const command_t *command = cli_commands; command->words; command++) {
        if (!is_of_group(command, group)) continue;
        fputs("\\fBtrellis ", out);
        roff(out, command->words);
        fputs("\\fR ", out);
        roff(out, command->arguments);
        fputs("\n.br\n", out);
    }
    fputs(".SH COMMANDS\n", out);
    for (const command_t *command = cli_commands; command->words; command++)
        if (is_of_group(command, group)) command_section(out, command);
    fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
    options(out, NULL, true);
    foot(out);
}

/* ---- the chain ---- */

static void page_calls(FILE *out)
{
    char takes[2000];
    head(out, "trellis-call", 7, "every call of the chain");
    fputs(".SH DESCRIPTION\nSent by \\fBtrellis call\\fR \\fIPALLET.CALL\\fR \\fIARGUMENTS\\fR: in this "
          "order or as name=value. "
          "Case and separators of names do not matter.\n",
          out);
    for (uint32_t p = 0; p < runtime_pallet_count; p++) {
        const table_pallet_t *pallet = &runtime_pallets[p];
        if (pallet->call_count == 0) continue;
        fputs(".SH ", out);
        roff_line(out, pallet->name);
        roff_line(out, pallet_about(pallet->index));
        for (uint32_t c = 0; c < pallet->call_count; c++) {
            const table_variant_t *call = &pallet->calls[c];
            fprintf(out, ".SS %s.%s\n", pallet->prefix, call->name);
            roff_line(out, call->docs[0] ? call->docs : call->name);
            fputs("Sent by ", out);
            roff(out, call_origin(pallet->index, call->index));
            fputs(".\n", out);
            for (uint32_t f = 0; f < call->field_count; f++) {
                typed_describe(call->fields[f].type, takes, sizeof takes);
                fprintf(out, ".TP\n\\fI%s\\fR\n", call->fields[f].name);
                roff_line(out, takes);
            }
            bool is_first = true;
            for (const call_error_t *one = runtime_call_errors; one->pallet_name; one++) {
                if (one->pallet != pallet->index || one->call != call->index) continue;
                fprintf(out, is_first ? ".PP\nRefused with: %s" : ", %s", one->error);
                is_first = false;
            }
            if (!is_first) fputs(".\n", out);
        }
    }
    fputs(".SH SEE ALSO\n\\fBtrellis\\-call\\fR(1), \\fBtrellis\\-query\\fR(7)\n", out);
}

static void page_items(FILE *out)
{
    char takes[2000], snake[80];
    head(out, "trellis-query", 7, "every storage item and constant of the chain");
    fputs(".SH DESCRIPTION\nRead by \\fBtrellis query\\fR \\fIPALLET.ITEM\\fR \\fIKEYS\\fR; fewer keys than "
          "an item has list its "
          "entries. Constants are read by \\fBtrellis const\\fR.\n",
          out);
    for (uint32_t p = 0; p < runtime_pallet_count; p++) {
        const table_pallet_t *pallet = &runtime_pallets[p];
        if (pallet->storage_count + pallet->constant_count == 0) continue;
        fputs(".SH ", out);
        roff_line(out, pallet->name);
        roff_line(out, pallet_about(pallet->index));
        for (uint32_t i = 0; i < pallet->storage_count; i++) {
            const table_storage_t *item = &pallet->storage[i];
            name_snake(item->name, snake);
            fprintf(out, ".TP\n\\fB%s.%s\\fR", pallet->prefix, snake);
            for (uint32_t k = 0; k < item->key_count; k++) {
                typed_describe(item->keys[k], takes, sizeof takes);
                fputs(" [", out);
                roff(out, takes);
                fputs("]", out);
            }
            fputc('\n', out);
            if (item->docs[0]) roff_line(out, item->docs);
            typed_describe(item->value, takes, sizeof takes);
            fputs("Value: ", out);
            roff_line(out, takes);
        }
        for (uint32_t i = 0; i < pallet->constant_count; i++) {
            name_snake(pallet->constants[i].name, snake);
            fprintf(out, ".TP\n%s.%s (constant)\n", pallet->prefix, snake);
            typed_describe(pallet->constants[i].type, takes, sizeof takes);
            if (pallet->constants[i].docs[0]) roff_line(out, pallet->constants[i].docs);
            roff_line(out, takes);
        }
    }
    fputs(".SH SEE ALSO\n\\fBtrellis\\-query\\fR(1), \\fBtrellis\\-call\\fR(7)\n", out);
}

/* ---- where they go ---- */

static bool page_of_group(FILE *out, const char *name)
{
    char own[64], group[32];
    for (const command_t *command = cli_commands; command->words; command++) {
        snprintf(group, sizeof group, "%.*s", (int)strcspn(command->words, " "), command->words);
        group_page(group, own);
        if (!command->summary[0] || strcmp(own, name) != 0) continue;
        page_group(out, group);
        return true;
    }
    return false;
}

/* page writes one by its name; false when there is none of it. */
static bool page(FILE *out, const char *name)
{
    if (strcmp(name, "trellis") == 0)
        page_main(out);
    else if (strcmp(name, "trellis-call.7") == 0)
        page_calls(out);
    else if (strcmp(name, "trellis-query.7") == 0)
        page_items(out);
    else
        return page_of_group(out, name);
    return true;
}

static bool write_page(const cli_t *cli, const char *dir, const char *name, int section)
{
    char path[PATH_CAP];
    snprintf(path, sizeof path, "%.400s/%.60s%s", dir, name,
             strchr(name, '.') ? ""
             : section == 1    ? ".1"
                               : ".7");
    FILE *out = fopen(path, "we");
    if (!out) return !cli_fail(cli, "%s: %s", path, strerror(errno));
    bool is_made = page(out, name);
    is_made      = fclose(out) == 0 && is_made;
    return is_made || !cli_fail(cli, "%s cannot be written", path);
}

static int write_all(const cli_t *cli, const char *dir)
{
    char group[32]           = "", name[64];
    const command_t *command = cli_commands;
    if (mkdir(dir, 0755) != 0 && errno != EEXIST) return cli_fail(cli, "%s: %s", dir, strerror(errno));
    bool is_good = write_page(cli, dir, "trellis", 1) && write_page(cli, dir, "trellis-call.7", 7) &&
                   write_page(cli, dir, "trellis-query.7", 7);
    snprintf(group, sizeof group, "%.*s", (int)strcspn(command->words, " "), command->words);
    for (; is_good && command; command = next_group(command, group)) {
        group_page(group, name);
        if (command->summary[0]) is_good = write_page(cli, dir, name, 1);
    }
    return is_good ? 0 : 1;
}

int cmd_man(cli_t *cli)
{
    const char *name = cli_argument(cli, 0), *dir = cli_option(cli, "dir");
    if (dir) return write_all(cli, dir);
    if (page(stdout, name ? name : "trellis")) return 0;
    return cli_usage(cli, "there is no page %s: trellis, trellis-GROUP, trellis-call.7 or trellis-query.7",
                     name);
}
