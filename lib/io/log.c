/* log.c - see log.h.  A line is built in one buffer and written by one write. */
#include "log.h"

#include "hex.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_      8192 /* longer lines end in ".." */
#define HEX_SHOWN_MAX  256
#define TEXT_SHOWN_MAX 512
#define PARTS_CAP      32
#define PART_NAME_MAX  31

typedef struct {
    char name[PART_NAME_MAX + 1];
    log_level_t level;
} log_part_t;

static struct {
    log_level_t level;
    log_part_t parts[PARTS_CAP];
    uint32_t part_count;
    bool is_json;
    void (*tap)(void *self, const char *line);
    void *tap_self;
} settings                   = {.level = LOG_LEVEL_INFO};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

typedef struct {
    char text[LINE_MAX_ + 8];
    uint32_t len;
} line_t;

static void put(line_t *line, const char *text, size_t len)
{
    if (len > LINE_MAX_ - line->len) len = LINE_MAX_ - line->len;
    memcpy(line->text + line->len, text, len);
    line->len += (uint32_t)len;
}
static void put_text(line_t *line, const char *text) { put(line, text, strlen(text)); }

static void put_escaped(line_t *line, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        char escape[8];
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            snprintf(escape, sizeof escape, "\\u%04x", c);
        else
            snprintf(escape, sizeof escape, "%c", c);
        put_text(line, escape);
    }
}

static void put_quoted(line_t *line, const char *text, bool is_json)
{
    bool is_plain = !is_json && *text && !text[strcspn(text, " \"\\=\t\r\n\x1b\x7f")];
    for (const char *at = text; is_plain && *at; at++)
        is_plain = (unsigned char)*at >= 0x20;
    if (!is_plain) put_text(line, "\"");
    put_escaped(line, text);
    if (!is_plain) put_text(line, "\"");
}

static void put_u128(line_t *line, u128_t value)
{
    char digits[40];
    uint32_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + (unsigned)(value % 10));
    while ((value /= 10) != 0);
    put(line, digits + at, sizeof digits - at);
}

static void put_hex(line_t *line, const void *data, size_t len)
{
    char text[2 * HEX_SHOWN_MAX + 1];
    bool is_cut = len > HEX_SHOWN_MAX;
    hex_encode(text, (bytes_t){data, is_cut ? HEX_SHOWN_MAX : (uint32_t)len});
    put_text(line, "0x");
    put_text(line, text);
    if (is_cut) put_text(line, "..");
}

/* Bytes from outside that should be text. */
static void put_bytes(line_t *line, const char *data, size_t len, bool is_json)
{
    char text[TEXT_SHOWN_MAX + 1];
    if (len > TEXT_SHOWN_MAX) len = TEXT_SHOWN_MAX;
    for (size_t i = 0; i < len; i++)
        text[i] = '?';
    for (size_t i = 0; i < len; i++)
        if (data[i] >= 0x20 && data[i] < 0x7f) text[i] = data[i];
    text[len] = 0;
    put_quoted(line, text, is_json);
}

static void put_value(line_t *line, const log_value_t *value, bool is_json)
{
    char number[32];
    switch (value->kind) {
    case LOG_KIND_U64:
        snprintf(number, sizeof number, "%" PRIu64, value->u64);
        put_text(line, number);
        return;
    case LOG_KIND_I64:
        snprintf(number, sizeof number, "%" PRId64, value->i64);
        put_text(line, number);
        return;
    case LOG_KIND_U128:
        if (is_json) put_text(line, "\"");
        put_u128(line, value->u128);
        if (is_json) put_text(line, "\"");
        return;
    case LOG_KIND_BOOL: put_text(line, value->u64 ? "true" : "false"); return;
    case LOG_KIND_TEXT: put_quoted(line, value->text ? value->text : "", is_json); return;
    case LOG_KIND_BYTES: put_bytes(line, value->text, value->len, is_json); return;
    case LOG_KIND_HEX:
        if (is_json) put_text(line, "\"");
        put_hex(line, value->text, value->len);
        if (is_json) put_text(line, "\"");
        return;
    }
}

static void put_time(line_t *line, bool is_json)
{
    struct timespec now;
    struct tm tm;
    char text[48];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t len = strftime(text, sizeof text, is_json ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(text + len, sizeof text - len, ".%03ld%s", now.tv_nsec / 1000000, is_json ? "Z" : "");
    put_text(line, text);
}

static void build_json(line_t *line, log_level_t level, const char *part, const char *event,
                       const log_value_t *values, size_t count)
{
    put_text(line, "{\"time\":\"");
    put_time(line, true);
    put_text(line, "\",\"level\":\"");
    put_text(line, level_names[level]);
    put_text(line, "\",\"part\":");
    put_quoted(line, part, true);
    put_text(line, ",\"event\":");
    put_quoted(line, event, true);
    for (size_t i = 0; i < count; i++) {
        put_text(line, ",");
        put_quoted(line, values[i].name, true);
        put_text(line, ":");
        put_value(line, &values[i], true);
    }
    put_text(line, "}");
}

static void build_text(line_t *line, log_level_t level, const char *part, const char *event,
                       const log_value_t *values, size_t count)
{
    put_time(line, false);
    char head[16];
    snprintf(head, sizeof head, " %5s ", level_names[level]);
    put_text(line, head);
    put_text(line, part);
    put_text(line, ": ");
    put_text(line, event);
    for (size_t i = 0; i < count; i++) {
        put_text(line, " ");
        put_text(line, values[i].name);
        put_text(line, "=");
        put_value(line, &values[i], false);
    }
}

static bool level_named(const char *name, size_t len, log_level_t *level)
{
    if (len == 5 && memcmp(name, "trace", 5) == 0) {
        *level = LOG_LEVEL_DEBUG;
        return true;
    }
    for (uint32_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strlen(level_names[i]) == len && memcmp(level_names[i], name, len) == 0) {
            *level = (log_level_t)i;
            return true;
        }
    return false;
}

void log_level(log_level_t level) { settings.level = level; }
bool log_level_named(const char *name, log_level_t *level) { return level_named(name, strlen(name), level); }
void log_json(bool json) { settings.is_json = json; }

bool log_filter(const char *filter)
{
    log_level_t level = LOG_LEVEL_INFO;
    log_part_t parts[PARTS_CAP];
    uint32_t count = 0;
    for (const char *at = filter; *at;) {
        size_t len         = strcspn(at, ",");
        const char *equals = memchr(at, '=', len);
        if (!equals) {
            if (!level_named(at, len, &level)) return false;
        } else {
            size_t name_len = (size_t)(equals - at);
            if (name_len == 0 || name_len > PART_NAME_MAX || count == PARTS_CAP) return false;
            memset(parts[count].name, 0, sizeof parts[count].name);
            memcpy(parts[count].name, at, name_len);
            if (!level_named(equals + 1, len - name_len - 1, &parts[count].level)) return false;
            count++;
        }
        at += len;
        if (*at == ',') at++;
    }
    settings.level      = level;
    settings.part_count = count;
    memcpy(settings.parts, parts, count * sizeof *parts);
    return true;
}

static bool is_part_on(log_level_t level, const char *part)
{
    for (uint32_t i = settings.part_count; i-- > 0;) /* the last word counts */
        if (strcmp(settings.parts[i].name, part) == 0) return level <= settings.parts[i].level;
    return level <= settings.level;
}

bool log_is_on(log_level_t level)
{
    for (uint32_t i = 0; i < settings.part_count; i++)
        if (level <= settings.parts[i].level) return true;
    return level <= settings.level;
}

void log_write(log_level_t level, const char *part, const char *event, const log_value_t *values,
               size_t count)
{
    if (!is_part_on(level, part)) return;
    line_t line;
    line.len = 0;
    if (settings.is_json)
        build_json(&line, level, part, event, values, count);
    else
        build_text(&line, level, part, event, values, count);
    if (line.len == LINE_MAX_) {
        const char *end = settings.is_json ? "..\"}" : "..";
        memcpy(line.text + line.len, end, strlen(end));
        line.len += (uint32_t)strlen(end);
    }
    pthread_mutex_lock(&mutex);
    if (settings.tap) {
        line.text[line.len] = 0;
        settings.tap(settings.tap_self, line.text);
    } else {
        line.text[line.len++] = '\n';
        ssize_t written       = write(STDERR_FILENO, line.text, line.len);
        (void)written; /* nobody is left to hear of it */
    }
    pthread_mutex_unlock(&mutex);
}

void log_tap(void (*tap)(void *self, const char *line), void *self)
{
    settings.tap      = tap;
    settings.tap_self = self;
}
