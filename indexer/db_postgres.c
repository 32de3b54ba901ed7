/* db_postgres.c - a PostgreSQL server, by libpq.  Values go as text; types are the statement's. */
#include "db_internal.h"
#include "log.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_CAP 1024u

enum {
    OID_BOOL    = 16,
    OID_INT8    = 20,
    OID_INT2    = 21,
    OID_INT4    = 23,
    OID_FLOAT4  = 700,
    OID_FLOAT8  = 701,
    OID_NUMERIC = 1700
};

typedef struct {
    db_t db;
    PGconn *server;
    bool is_within; /* a transaction: when its connection broke, it is over, and nothing more of it is done */
} postgres_db_t;

typedef struct {
    db_rows_t rows;
    PGresult *result;
    int at, count;
} postgres_rows_t;

/* The server speaks of rows and types that a statement's values must fit; notices are not for our log. */
static void no_notice(void *self, const PGresult *result)
{
    (void)self;
    (void)result;
}

static PGresult *ask(postgres_db_t *p, const char *sql, const value_t *values, unsigned count)
{
    char room[VALUES_CAP][32];
    const char *texts[VALUES_CAP];
    for (unsigned i = 0; i < count; i++) {
        const value_t *v = &values[i];
        texts[i]         = room[i];
        switch (v->kind) {
        case VALUE_NULL: texts[i] = NULL; break;
        case VALUE_INT: snprintf(room[i], sizeof room[i], "%lld", (long long)v->number); break;
        case VALUE_REAL: snprintf(room[i], sizeof room[i], "%.17g", v->real); break;
        case VALUE_TEXT: texts[i] = v->text; break;
        }
    }
    return PQexecParams(p->server, sql, (int)count, NULL, texts, NULL, NULL, 0);
}

/* A statement that takes longer than this is stopped. */
static const char timeout[] = "SET statement_timeout = 3000";

static void reconnect(postgres_db_t *p)
{
    PQreset(p->server);
    PQclear(PQexec(p->server, timeout));
}

static bool is_broken(const postgres_db_t *p) { return PQstatus(p->server) == CONNECTION_BAD; }

/* ask_somewhere asks over a connection that is there: what begins may begin again on a new one. */
static PGresult *ask_somewhere(postgres_db_t *p, const char *sql, const value_t *values, unsigned count)
{
    bool begins = strncmp(sql, "BEGIN", 5) == 0, ends = strcmp(sql, "ROLLBACK") == 0;
    if (begins || ends) p->is_within = false;
    if (is_broken(p) && !p->is_within) reconnect(p);
    PGresult *result = ask(p, sql, values, count);
    if (begins && is_broken(p)) {
        PQclear(result);
        reconnect(p);
        result = ask(p, sql, values, count);
    }
    bool is_over = strcmp(sql, "COMMIT") == 0 && !is_broken(p);
    p->is_within = begins || (p->is_within && !is_over);
    return result;
}

static db_rows_t *query(db_t *db, const char *sql, const value_t *values, unsigned count)
{
    postgres_db_t *p = (postgres_db_t *)db;
    if (count > VALUES_CAP) return NULL;
    PGresult *result      = ask_somewhere(p, sql, values, count);
    ExecStatusType status = PQresultStatus(result);
    postgres_rows_t *rows =
        status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? calloc(1, sizeof *rows) : NULL;
    if (!rows) {
        log_error(LOG_STORE, "statement failed", LOG_TEXT("sql", sql),
                  LOG_TEXT("why", PQerrorMessage(p->server)));
        PQclear(result);
        return NULL;
    }
    *rows = (postgres_rows_t){{db}, result, -1, PQntuples(result)};
    return &rows->rows;
}

static bool next(db_rows_t *rows)
{
    postgres_rows_t *r = (postgres_rows_t *)rows;
    return r->at + 1 < r->count && ++r->at >= 0;
}

static value_t value(const db_rows_t *rows, unsigned column)
{
    const postgres_rows_t *r = (const postgres_rows_t *)rows;
    int at                   = (int)column;
    if (PQgetisnull(r->result, r->at, at)) return VALUE_NONE;
    const char *text = PQgetvalue(r->result, r->at, at);
    switch ((int)PQftype(r->result, at)) {
    case OID_BOOL: return value_int(text[0] == 't');
    case OID_INT2:
    case OID_INT4:
    case OID_INT8: return value_int(strtoll(text, NULL, 10));
    case OID_FLOAT4:
    case OID_FLOAT8:
    case OID_NUMERIC: return value_real(strtod(text, NULL));
    default: return value_text(text);
    }
}

static bool rows_free(db_rows_t *rows)
{
    PQclear(((postgres_rows_t *)rows)->result);
    free(rows);
    return true;
}

static void close_server(db_t *db)
{
    PQfinish(((postgres_db_t *)db)->server);
    free(db);
}

static const db_ops_t ops = {close_server, query, next, value, rows_free};

db_t *db_postgres_open(const char *url, bool is_reader, char error[DB_ERROR_MAX + 1])
{
    postgres_db_t *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->db     = (db_t){&ops, is_reader ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN"};
    p->server = PQconnectdb(url);
    PQsetNoticeReceiver(p->server, no_notice, NULL);
    if (PQstatus(p->server) == CONNECTION_OK && db_run(&p->db, timeout, NULL, 0)) return &p->db;
    snprintf(error, DB_ERROR_MAX + 1, "%.250s", PQerrorMessage(p->server));
    close_server(&p->db);
    return NULL;
}

bool db_is_postgres(const db_t *db) { return db->ops == &ops; }
