/* sql.c - statements out of pieces. */
#include "sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sql_init(sql_t *sql)
{
    sql->text       = NULL;
    sql->len        = 0;
    sql->cap        = 0;
    sql->count      = 0;
    sql->has_failed = false;
}

void sql_fini(sql_t *sql)
{
    for (unsigned i = 0; i < sql->count; i++)
        free(sql->owned[i]);
    free(sql->text);
    sql_init(sql);
}

static bool make_room(sql_t *sql, size_t more)
{
    if (sql->has_failed || sql->len + more + 1 > SQL_LEN_MAX) sql->has_failed = true;
    if (sql->has_failed || sql->len + more + 1 <= sql->cap) return !sql->has_failed;
    size_t cap = sql->cap ? sql->cap * 2 : 512;
    while (cap < sql->len + more + 1)
        cap *= 2;
    char *text      = realloc(sql->text, cap);
    sql->has_failed = text == NULL;
    if (!text) return false;
    sql->text = text;
    sql->cap  = cap;
    return true;
}

void sql_add(sql_t *sql, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len >= 0 && make_room(sql, (size_t)len)) {
        vsnprintf(sql->text + sql->len, (size_t)len + 1, format, again);
        sql->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

void sql_value(sql_t *sql, value_t value)
{
    if (sql->count == SQL_VALUES_CAP) sql->has_failed = true;
    if (sql->has_failed) return;
    sql->owned[sql->count] = NULL;
    if (value.kind == VALUE_TEXT) {
        value.text = sql->owned[sql->count] = strdup(value.text);
        if (!value.text) sql->has_failed = true;
    }
    sql->values[sql->count++] = value;
    sql_add(sql, "$%u", sql->count);
}

void sql_piece(sql_t *sql, const char *piece, const value_t *values, unsigned count)
{
    unsigned next = 0;
    for (const char *at = piece; *at;) {
        size_t plain = strcspn(at, "?");
        sql_add(sql, "%.*s", (int)plain, at);
        at += plain;
        if (*at != '?') continue;
        at++;
        if (next < count)
            sql_value(sql, values[next++]);
        else
            sql->has_failed = true;
    }
}

db_rows_t *sql_query(sql_t *sql, db_t *db)
{
    return sql->has_failed || !sql->text ? NULL : db_query(db, sql->text, sql->values, sql->count);
}

bool sql_run(sql_t *sql, db_t *db)
{
    return !sql->has_failed && sql->text && db_run(db, sql->text, sql->values, sql->count);
}
