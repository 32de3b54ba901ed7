/* db.h - the database of the indexer: SQLite in a file, or PostgreSQL, by the same few words.
 *
 * Statements are written once, in what both understand: $1, $2 ... for values, each first used in that
 * order; BIGINT, DOUBLE PRECISION and TEXT for columns, truth as 0 and 1; strpos() and lower() for text.
 * A connection is used from one thread. */
#ifndef DB_H
#define DB_H
#include "base.h"

#define DB_ERROR_MAX 255

typedef enum { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT } value_kind_t;

/* What a column holds.  A text ends with a zero and belongs to who made the value. */
typedef struct {
    value_kind_t kind;
    union {
        int64_t number;
        double real;
        const char *text;
    };
} value_t;

#define VALUE_NONE ((value_t){.kind = VALUE_NULL})
static inline value_t value_int(int64_t v) { return (value_t){.kind = VALUE_INT, .number = v}; }
static inline value_t value_real(double v) { return (value_t){.kind = VALUE_REAL, .real = v}; }
static inline value_t value_text(const char *v) { return (value_t){.kind = VALUE_TEXT, .text = v}; }

/* value_big keeps a number of the chain within what a column holds: larger ones become the largest. */
static inline value_t value_big(uint64_t v) { return value_int(v > INT64_MAX ? INT64_MAX : (int64_t)v); }

typedef struct db db_t;
typedef struct db_rows db_rows_t;

/* db_open takes a path, or postgres://... (postgresql://...).  NULL: *error says why. */
db_t *db_open(const char *where, char error[DB_ERROR_MAX + 1]);

/* db_open_reader opens one more connection to what is there already, which only reads; it may be used from
 * one other thread.  Between db_begin and db_rollback it sees one state, and the steps of all its statements
 * count together. */
db_t *db_open_reader(const char *where, char error[DB_ERROR_MAX + 1]);
void db_close(db_t *db);

/* db_run does a statement that gives nothing.  False: it failed, and was logged. */
NODISCARD bool db_run(db_t *db, const char *sql, const value_t *values, unsigned count);

/* db_query asks; NULL: it failed, and was logged.  Rows are read to their end or given back by db_rows_free,
 * which is always called. */
db_rows_t *db_query(db_t *db, const char *sql, const value_t *values, unsigned count);
bool db_next(db_rows_t *rows);

/* db_value is valid until the next row. */
value_t db_value(const db_rows_t *rows, unsigned column);
int64_t db_int(const db_rows_t *rows, unsigned column);
const char *db_text(const db_rows_t *rows, unsigned column); /* "" for none */

/* db_rows_free tells whether all rows that were asked for came. */
bool db_rows_free(db_rows_t *rows);

/* db_begin and db_commit hold a transaction; db_rollback undoes it. */
NODISCARD bool db_begin(db_t *db);
NODISCARD bool db_commit(db_t *db);
void db_rollback(db_t *db);

/* db_tidy begins a file's log of changes anew; outside of transactions, while nobody reads. */
void db_tidy(db_t *db);

bool db_is_postgres(const db_t *db);

#endif
