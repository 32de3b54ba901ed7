/* db_internal.h - what a kind of database does for db.h. */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H
#include "db.h"

typedef struct {
    void (*close)(db_t *db);
    db_rows_t *(*query)(db_t *db, const char *sql, const value_t *values, unsigned count);
    bool (*next)(db_rows_t *rows);
    value_t (*value)(const db_rows_t *rows, unsigned column);
    bool (*rows_free)(db_rows_t *rows); /* false: an error ended the rows */
} db_ops_t;

struct db {
    const db_ops_t *ops;
    const char *begin;
};

struct db_rows {
    db_t *db;
};

db_t *db_sqlite_open(const char *path, bool is_reader, char error[DB_ERROR_MAX + 1]);
db_t *db_postgres_open(const char *url, bool is_reader, char error[DB_ERROR_MAX + 1]);

#endif
