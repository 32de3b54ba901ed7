/* graphql_internal.h - what the answer of a question needs, and how where and orderBy become SQL. */
#ifndef GRAPHQL_INTERNAL_H
#define GRAPHQL_INTERNAL_H
#include "graphql.h"
#include "graphql_parse.h"
#include "graphql_schema.h"
#include "sql.h"

typedef struct {
    db_t *db;
    uint32_t height;
    const gq_definition_t *definitions;
    json_t *variables;
    uint32_t rows_left, bytes_left, aliases;
    int depth;
    bool has_failed, is_our_fault;
    char error[256];
} graphql_run_t;

/* graphql_fail keeps the first failure. */
void graphql_fail(graphql_run_t *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* graphql_where writes a condition for rows of the type under the alias; "1 = 1" for an empty one. */
void graphql_where(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias,
                   const json_t *where);

/* graphql_order writes " ORDER BY ..." of a text or a list of texts; always to a whole order. */
void graphql_order(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias,
                   const json_t *order);

/* graphql_rows_of writes " FROM table alias WHERE (what makes rows of this type)". */
void graphql_from(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias);

#endif
