/* sql.h - a statement that grows, with the values that belong to it.
 *
 * Texts that a user sent are never part of a statement: sql_value gives them a number. */
#ifndef SQL_H
#define SQL_H
#include "db.h"

#define SQL_VALUES_CAP 1024u
#define SQL_LEN_MAX    65536u

typedef struct {
    char *text;
    size_t len, cap;
    value_t values[SQL_VALUES_CAP];
    char *owned[SQL_VALUES_CAP]; /* copies of text values */
    unsigned count;
    bool has_failed; /* too long, or too many values */
} sql_t;

void sql_init(sql_t *sql);
void sql_fini(sql_t *sql);

/* sql_add writes more of the statement, as printf does. */
void sql_add(sql_t *sql, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* sql_value writes the next $N and keeps the value; a text is copied. */
void sql_value(sql_t *sql, value_t value);

/* sql_piece writes a piece with each '?' in it replaced by the next of the values. */
void sql_piece(sql_t *sql, const char *piece, const value_t *values, unsigned count);

/* sql_query asks; NULL also when the statement had failed. */
db_rows_t *sql_query(sql_t *sql, db_t *db);
NODISCARD bool sql_run(sql_t *sql, db_t *db);

#endif
