/* print.c - results as JSON, or as lines and tables for a person. */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS_CAP   16
#define CELL_LEN_MAX  100
#define NESTED_INDENT 2

static void say(const cli_t *cli, const char *format, va_list arguments)
{
    fprintf(stderr, "%strellis%s%s:%s ", cli_colour(STDERR_FILENO, 'r'), cli->command ? " " : "",
            cli->command ? cli->command->words : "", cli_colour(STDERR_FILENO, '0'));
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start was called */
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int cli_fail(const cli_t *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(cli, format, arguments);
    va_end(arguments);
    return 1;
}

int cli_usage(const cli_t *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(cli, format, arguments);
    va_end(arguments);
    if (cli->command)
        fprintf(stderr, "  usage: trellis %s %s\n  trellis %s --help   explains it\n", cli->command->words,
                cli->command->arguments, cli->command->words);
    return 2;
}

void cli_note(const cli_t *cli, const char *format, ...)
{
    va_list arguments;
    if (cli->is_json || cli->is_quiet) return;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start was called */
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* is_amount: these hold units of 10^-7 TFT, and are shown as TFT too. */
static bool is_amount(const char *name)
{
    static const char *const names[] = {"free",
                                        "reserved",
                                        "frozen",
                                        "fee",
                                        "amount",
                                        "amount_billed",
                                        "standard_reserve",
                                        "additional_reserve",
                                        "standard_overdraft",
                                        "additional_overdraft",
                                        "tip",
                                        "actual_fee",
                                        "amount_locked"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

/* is_size: these hold bytes, and are shown in larger units when that is exact enough. */
static bool is_size(const char *name)
{
    return strcmp(name, "mru") == 0 || strcmp(name, "sru") == 0 || strcmp(name, "hru") == 0 ||
           strcmp(name, "size") == 0;
}

static char *size_cell(json_int_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    char text[64];
    double v = (double)bytes;
    int unit = 0;
    for (; v >= 1024 && unit < 5; unit++)
        v /= 1024;
    snprintf(text, sizeof text, "%.4g %s", v, units[unit]);
    return strdup(text);
}

char *cli_cell(const char *name, const json_t *value)
{
    char amount[48], text[96];
    if (json_is_null(value)) return strdup("-");
    if (is_size(name) && json_is_integer(value)) return size_cell(json_integer_value(value));
    if (is_amount(name) && (json_is_integer(value) || json_is_string(value))) {
        amount_text(json_u128_value(value), amount);
        snprintf(text, sizeof text, "%s TFT", amount);
        return strdup(text);
    }
    const json_t *module = json_object_get(value, "Module");
    if (json_object_get(module, "name")) { /* a module's error, as errors_name writes it */
        char told[400];
        snprintf(told, sizeof told, "%.60s.%.60s - %.250s",
                 json_string_value(json_object_get(module, "pallet")),
                 json_string_value(json_object_get(module, "name")),
                 json_string_value(json_object_get(module, "docs")));
        return strdup(told);
    }
    if (json_is_string(value)) {
        char *copy = strdup(json_string_value(value));
        for (char *at = copy; at && *at; at++)
            if ((unsigned char)*at < 0x20 || *at == 0x7f)
                *at = '?'; /* what others wrote must not move a terminal's cursor */
        return copy;
    }
    return json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) | JSON_COMPACT | JSON_ENSURE_ASCII);
}

/* print_list shows each object of an array on a line of its own. */
static void print_list(const char *name, const json_t *list, int indent)
{
    size_t i;
    json_t *one;
    printf("%*s%s\n", indent, "", name);
    json_array_foreach(list, i, one)
    {
        char *text = json_dumps(one, JSON_COMPACT | JSON_ENSURE_ASCII);
        printf("%*s%s\n", indent + NESTED_INDENT, "", text ? text : "");
        free(text);
    }
}

static void print_object(json_t *object, int indent)
{
    const char *name;
    json_t *value;
    int width = 0;
    json_object_foreach(object, name, value)
    {
        width = (int)strlen(name) > width ? (int)strlen(name) : width;
    }
    json_object_foreach(object, name, value)
    {
        if (json_is_array(value) && json_is_object(json_array_get(value, 0))) {
            print_list(name, value, indent);
            continue;
        }
        if (json_is_object(value) && json_object_size(value) > 0) {
            printf("%*s%s\n", indent, "", name);
            print_object(value, indent + NESTED_INDENT);
            continue;
        }
        char *text = cli_cell(name, value);
        printf("%*s%-*s  %s\n", indent, "", width, name, text ? text : "");
        free(text);
    }
}

/* split_columns takes the names of the first row. */
static int split_columns(const char *columns, json_t *row, char names[COLUMNS_CAP][32])
{
    int count = 0;
    const char *name;
    json_t *value;
    for (const char *at = columns; at && *at && count < COLUMNS_CAP; at += strspn(at, " ")) {
        int len = (int)strcspn(at, " ");
        snprintf(names[count++], 32, "%.*s", len, at);
        at += len;
    }
    if (columns) return count;
    json_object_foreach(row, name, value)
    {
        if (count < COLUMNS_CAP) snprintf(names[count++], 32, "%s", name);
    }
    return count;
}

static void print_table(const json_t *rows, const char *columns)
{
    char names[COLUMNS_CAP][32];
    int width[COLUMNS_CAP] = {0}, count = split_columns(columns, json_array_get(rows, 0), names);
    size_t i;
    json_t *row;
    for (int pass = 0; pass < 2; pass++) {
        for (int c = 0; c < count; c++) {
            if (pass == 0)
                width[c] = (int)strlen(names[c]);
            else
                printf("%s%-*s%s%s", cli_colour(STDOUT_FILENO, 'b'), c + 1 < count ? width[c] : 0, names[c],
                       cli_colour(STDOUT_FILENO, '0'), c + 1 < count ? "  " : "\n");
        }
        json_array_foreach(rows, i, row)
        {
            for (int c = 0; c < count; c++) {
                json_t *value = json_object_get(row, names[c]);
                char *text    = cli_cell(names[c], value ? value : json_null());
                int len       = text ? (int)strlen(text) : 0;
                if (pass == 0)
                    width[c] = len > width[c] ? (len > CELL_LEN_MAX ? CELL_LEN_MAX : len) : width[c];
                else
                    printf("%-*s%s", c + 1 < count ? width[c] : 0, text ? text : "",
                           c + 1 < count ? "  " : "\n");
                free(text);
            }
        }
    }
}

int cli_print(const cli_t *cli, json_t *result, const char *columns)
{
    if (cli->is_json) {
        (void)json_dumpf(result, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) | JSON_COMPACT);
        putchar('\n');
    } else if (json_is_object(result)) {
        print_object(result, 0);
    } else if (json_is_array(result) && json_array_size(result) == 0) {
        puts("none");
    } else if (json_is_array(result) && json_is_object(json_array_get(result, 0))) {
        print_table(result, columns);
    } else {
        char *text = json_dumps(result, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) | JSON_INDENT(2) |
                                            JSON_ENSURE_ASCII);
        puts(json_is_string(result) ? json_string_value(result) : text ? text : "");
        free(text);
    }
    json_decref(result);
    return fflush(stdout) == 0 ? 0 : 1;
}
