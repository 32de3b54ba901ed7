/* db_sqlite.c - a file of SQLite, with write-ahead log.  Prepared statements are kept. */
#include "db_internal.h"
#include "log.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_CAP   128u
#define BUSY_MS    10000
#define STEP_MAX   50000000 /* of SQLite's machine, of a statement or a reader's question: about a second */
#define STEPS_LOOK 100000

typedef struct {
    char *sql;
    sqlite3_stmt *statement;
    bool is_used;
    uint64_t last;
} kept_t;

typedef struct {
    db_t db;
    sqlite3 *file;
    kept_t kept[KEPT_CAP];
    uint64_t clock;
    bool is_reader;
    int steps;
} sqlite_db_t;

typedef struct {
    db_rows_t rows;
    sqlite3_stmt *statement;
    kept_t *kept; /* NULL: the statement is this one's alone */
    bool has_failed;
} sqlite_rows_t;

static void failed(sqlite_db_t *s, const char *sql)
{
    log_error(LOG_STORE, "statement failed", LOG_TEXT("sql", sql), LOG_TEXT("why", sqlite3_errmsg(s->file)));
}

/* Finds the statement, or makes it in the place that was unused longest. */
static kept_t *keep(sqlite_db_t *s, const char *sql)
{
    kept_t *place = NULL;
    for (unsigned i = 0; i < KEPT_CAP; i++) {
        kept_t *k = &s->kept[i];
        if (k->is_used) continue;
        if (k->sql && strcmp(k->sql, sql) == 0) return k;
        if (!place || k->last < place->last) place = k;
    }
    if (!place) return NULL;
    sqlite3_finalize(place->statement);
    free(place->sql);
    *place = (kept_t){.sql = strdup(sql)};
    if (place->sql && sqlite3_prepare_v2(s->file, sql, -1, &place->statement, NULL) == SQLITE_OK)
        return place;
    failed(s, sql);
    free(place->sql);
    *place = (kept_t){0};
    return NULL;
}

static void bind(sqlite3_stmt *statement, const value_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const value_t *v = &values[i];
        int at           = (int)i + 1;
        switch (v->kind) {
        case VALUE_NULL: sqlite3_bind_null(statement, at); break;
        case VALUE_INT: sqlite3_bind_int64(statement, at, v->number); break;
        case VALUE_REAL: sqlite3_bind_double(statement, at, v->real); break;
        case VALUE_TEXT: sqlite3_bind_text(statement, at, v->text, -1, SQLITE_TRANSIENT); break;
        }
    }
}

static db_rows_t *query(db_t *db, const char *sql, const value_t *values, unsigned count)
{
    sqlite_db_t *s      = (sqlite_db_t *)db;
    sqlite_rows_t *rows = calloc(1, sizeof *rows);
    kept_t *kept        = rows ? keep(s, sql) : NULL;
    if (!kept) {
        free(rows);
        return NULL;
    }
    kept->is_used = true;
    kept->last    = ++s->clock;
    if (!s->is_reader || sqlite3_get_autocommit(s->file)) s->steps = 0;
    bind(kept->statement, values, count);
    *rows = (sqlite_rows_t){{db}, kept->statement, kept, false};
    return &rows->rows;
}

static bool next(db_rows_t *rows)
{
    sqlite_rows_t *r = (sqlite_rows_t *)rows;
    int code         = r->has_failed ? SQLITE_DONE : sqlite3_step(r->statement);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) {
        r->has_failed = true;
        failed((sqlite_db_t *)rows->db, r->kept->sql);
    }
    return false;
}

static value_t value(const db_rows_t *rows, unsigned column)
{
    sqlite3_stmt *statement = ((const sqlite_rows_t *)rows)->statement;
    int at                  = (int)column;
    switch (sqlite3_column_type(statement, at)) {
    case SQLITE_INTEGER: return value_int(sqlite3_column_int64(statement, at));
    case SQLITE_FLOAT: return value_real(sqlite3_column_double(statement, at));
    case SQLITE_TEXT: return value_text((const char *)sqlite3_column_text(statement, at));
    default: return VALUE_NONE;
    }
}

static bool rows_free(db_rows_t *rows)
{
    sqlite_rows_t *r = (sqlite_rows_t *)rows;
    bool is_ok       = !r->has_failed;
    sqlite3_reset(r->statement);
    sqlite3_clear_bindings(r->statement);
    r->kept->is_used = false;
    free(r);
    return is_ok;
}

static void close_file(db_t *db)
{
    sqlite_db_t *s = (sqlite_db_t *)db;
    for (unsigned i = 0; i < KEPT_CAP; i++) {
        sqlite3_finalize(s->kept[i].statement);
        free(s->kept[i].sql);
    }
    sqlite3_close(s->file);
    free(s);
}

/* PostgreSQL's strpos: where a text begins in another, from 1; 0 when it does not. */
static void sql_strpos(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *in   = (const char *)sqlite3_value_text(values[0]);
    const char *what = (const char *)sqlite3_value_text(values[1]);
    (void)count;
    if (!in || !what) {
        sqlite3_result_null(context);
        return;
    }
    const char *at = strstr(in, what);
    sqlite3_result_int64(context, at ? at - in + 1 : 0);
}

static int count_steps(void *self)
{
    sqlite_db_t *s = self;
    return ++s->steps > STEP_MAX / STEPS_LOOK;
}

static const db_ops_t ops = {close_file, query, next, value, rows_free};

static bool set_up(sqlite_db_t *s)
{
    sqlite3_busy_timeout(s->file, BUSY_MS);
    sqlite3_progress_handler(s->file, STEPS_LOOK, count_steps, s);
    if (sqlite3_create_function(s->file, "strpos", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, sql_strpos,
                                NULL, NULL) != SQLITE_OK)
        return false;
    if (s->is_reader) return db_run(&s->db, "PRAGMA query_only=1", NULL, 0);
    return db_run(&s->db, "PRAGMA journal_mode=WAL", NULL, 0) &&
           db_run(&s->db, "PRAGMA synchronous=NORMAL", NULL, 0);
}

db_t *db_sqlite_open(const char *path, bool is_reader, char error[DB_ERROR_MAX + 1])
{
    sqlite_db_t *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->db        = (db_t){&ops, is_reader ? "BEGIN" : "BEGIN IMMEDIATE"};
    s->is_reader = is_reader;
    int flags =
        SQLITE_OPEN_NOMUTEX | (is_reader ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    bool is_memory = strcmp(path, ":memory:") == 0;
    if (is_reader && is_memory)
        snprintf(error, DB_ERROR_MAX + 1, "the index must be a file: nobody else can read what is in memory");
    else if (sqlite3_open_v2(path, &s->file, flags, NULL) == SQLITE_OK && set_up(s))
        return &s->db;
    else
        snprintf(error, DB_ERROR_MAX + 1, "%.150s: %.90s", path, sqlite3_errmsg(s->file));
    close_file(&s->db);
    return NULL;
}
