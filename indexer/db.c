/* db.c - what both databases have in common. */
#include "db_internal.h"

#include <string.h>

static db_t *open_as(const char *where, bool is_reader, char error[DB_ERROR_MAX + 1])
{
    bool is_postgres = strncmp(where, "postgres://", 11) == 0 || strncmp(where, "postgresql://", 13) == 0;
    return is_postgres ? db_postgres_open(where, is_reader, error) : db_sqlite_open(where, is_reader, error);
}

db_t *db_open(const char *where, char error[DB_ERROR_MAX + 1]) { return open_as(where, false, error); }
db_t *db_open_reader(const char *where, char error[DB_ERROR_MAX + 1]) { return open_as(where, true, error); }

void db_close(db_t *db)
{
    if (db) db->ops->close(db);
}

db_rows_t *db_query(db_t *db, const char *sql, const value_t *values, unsigned count)
{
    return db->ops->query(db, sql, values, count);
}

bool db_run(db_t *db, const char *sql, const value_t *values, unsigned count)
{
    db_rows_t *rows = db_query(db, sql, values, count);
    if (!rows) return false;
    while (db_next(rows))
        ;
    return db_rows_free(rows);
}

bool db_next(db_rows_t *rows) { return rows->db->ops->next(rows); }
value_t db_value(const db_rows_t *rows, unsigned column) { return rows->db->ops->value(rows, column); }
bool db_rows_free(db_rows_t *rows) { return rows->db->ops->rows_free(rows); }

int64_t db_int(const db_rows_t *rows, unsigned column)
{
    value_t v = db_value(rows, column);
    return v.kind == VALUE_INT ? v.number : 0;
}

const char *db_text(const db_rows_t *rows, unsigned column)
{
    value_t v = db_value(rows, column);
    return v.kind == VALUE_TEXT ? v.text : "";
}

bool db_begin(db_t *db) { return db_run(db, db->begin, NULL, 0); }
bool db_commit(db_t *db) { return db_run(db, "COMMIT", NULL, 0); }
void db_rollback(db_t *db) { (void)!db_run(db, "ROLLBACK", NULL, 0); }

void db_tidy(db_t *db)
{
    if (!db_is_postgres(db)) (void)!db_run(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, 0);
}
