/* resp.c - see resp.h. */
#include "resp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    bytes_t input;
    uint32_t at;
} cursor_t;

/* The line at the cursor, without its end; RESP_MORE when it is not whole yet. */
static resp_status_t line_next(cursor_t *cursor, bytes_t *line)
{
    uint32_t left        = cursor->input.len - cursor->at;
    const uint8_t *start = cursor->input.data + cursor->at;
    const uint8_t *end   = left ? memchr(start, '\n', left < RESP_LINE_MAX ? left : RESP_LINE_MAX) : NULL;
    if (!end) return left >= RESP_LINE_MAX ? RESP_MALFORMED : RESP_MORE;
    uint32_t len = (uint32_t)(end - start);
    cursor->at += len + 1;
    if (len > 0 && start[len - 1] == '\r') len--;
    *line = (bytes_t){start, len};
    return RESP_OK;
}

/* A number of at most nine digits behind its mark. */
static bool number_of(bytes_t line, uint8_t mark, int32_t *number)
{
    if (line.len < 2 || line.data[0] != mark) return false;
    bool is_negative = line.data[1] == '-';
    uint32_t at      = is_negative ? 2 : 1;
    if (at == line.len || line.len - at > 9) return false;
    *number = 0;
    for (; at < line.len; at++) {
        if (line.data[at] < '0' || line.data[at] > '9') return false;
        *number = *number * 10 + (line.data[at] - '0');
    }
    if (is_negative) *number = -*number;
    return true;
}

static resp_status_t bulk_next(cursor_t *cursor, bytes_t *bulk)
{
    bytes_t line;
    int32_t len;
    resp_status_t status = line_next(cursor, &line);
    if (status != RESP_OK) return status;
    if (!number_of(line, '$', &len) || len < 0 || (uint32_t)len > RESP_BULK_MAX) return RESP_MALFORMED;
    uint32_t left = cursor->input.len - cursor->at;
    if (left < (uint32_t)len + 2)
        return cursor->at + (uint32_t)len > RESP_COMMAND_MAX ? RESP_MALFORMED : RESP_MORE;
    const uint8_t *start = cursor->input.data + cursor->at;
    if (start[len] != '\r' || start[len + 1] != '\n') return RESP_MALFORMED;
    *bulk = (bytes_t){start, (uint32_t)len};
    cursor->at += (uint32_t)len + 2;
    return RESP_OK;
}

static resp_status_t words_of(bytes_t line, resp_command_t *command)
{
    for (uint32_t at = 0; at < line.len;) {
        uint32_t start = at;
        while (at < line.len && line.data[at] != ' ')
            at++;
        if (at > start) {
            if (command->count == RESP_WORDS_MAX) return RESP_MALFORMED;
            command->word[command->count++] = (bytes_t){line.data + start, at - start};
        }
        at++;
    }
    return RESP_OK;
}

resp_status_t resp_read(bytes_t input, resp_command_t *command, uint32_t *used)
{
    cursor_t cursor = {input, 0};
    bytes_t line;
    int32_t count;
    command->count       = 0;
    resp_status_t status = line_next(&cursor, &line);
    if (status != RESP_OK) return status;
    if (line.len == 0 || line.data[0] != '*') {
        *used = cursor.at;
        return words_of(line, command);
    }
    if (!number_of(line, '*', &count) || count > RESP_WORDS_MAX) return RESP_MALFORMED;
    for (int32_t i = 0; i < count; i++) {
        status = bulk_next(&cursor, &command->word[i]);
        if (status != RESP_OK) return status;
    }
    command->count = count > 0 ? (uint32_t)count : 0;
    *used          = cursor.at;
    return cursor.at > RESP_COMMAND_MAX ? RESP_MALFORMED : RESP_OK;
}

/* ---- answers ---- */

static void add_text(bus_writer_t *out, const char *text)
{
    bus_writer_add(out, text, (uint32_t)strlen(text));
}

static void add_line(bus_writer_t *out, char mark, const char *text)
{
    bus_writer_add(out, &mark, 1);
    for (const char *c = text; *c; c++) /* one line, whatever it holds */
        bus_writer_add(out, *c == '\r' || *c == '\n' ? " " : c, 1);
    add_text(out, "\r\n");
}

static void add_number(bus_writer_t *out, char mark, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%c%" PRId64 "\r\n", mark, number);
    add_text(out, text);
}

void resp_status(bus_writer_t *out, const char *text) { add_line(out, '+', text); }
void resp_error(bus_writer_t *out, const char *text) { add_line(out, '-', text); }
void resp_number(bus_writer_t *out, int64_t number) { add_number(out, ':', number); }
void resp_array(bus_writer_t *out, uint32_t count) { add_number(out, '*', count); }
void resp_null(bus_writer_t *out) { add_text(out, "$-1\r\n"); }
void resp_null_array(bus_writer_t *out) { add_text(out, "*-1\r\n"); }

void resp_bulk(bus_writer_t *out, bytes_t bulk)
{
    add_number(out, '$', bulk.len);
    bus_writer_add(out, bulk.data, bulk.len);
    add_text(out, "\r\n");
}
