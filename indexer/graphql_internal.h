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
    uint32_t rows_left, bytes_left, selections_left, aliases;
    int depth, depth_max;
    json_t *types; /* of the schema, as far as they were asked for; NULL before that */
    bool has_failed, is_our_fault;
    char error[256];
} graphql_run_t;

/* graphql_fail keeps the first failure. */
void graphql_fail(graphql_run_t *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* graphql_each_field calls fn for every field of the selections, with those of fragments on the type. */
typedef void (*graphql_field_fn)(graphql_run_t *run, const gq_selection_t *field, void *context);
void graphql_each_field(graphql_run_t *run, const gq_selection_t *selections, const char *type,
                        graphql_field_fn fn, void *context);

/* graphql_arguments gives the arguments as an object; each must be one of `known`, which ends with NULL. */
json_t *graphql_arguments(graphql_run_t *run, const gq_selection_t *s, const char *const *known);

/* graphql_is says whether a text of the question is this word. */
bool graphql_is(bytes_t text, const char *word);

/* graphql_connection_name writes the name of a type's Connection. */
void graphql_connection_name(const graphql_type_t *type, char name[96]);

/* graphql_schema_json answers __schema, and graphql_type_json __type(name). */
json_t *graphql_schema_json(graphql_run_t *run, const gq_selection_t *s);
json_t *graphql_type_json(graphql_run_t *run, const gq_selection_t *s);

/* graphql_where writes a condition for rows of the type under the alias; "1 = 1" for an empty one. */
void graphql_where(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias,
                   const json_t *where);

/* graphql_order writes " ORDER BY ..." of a text or a list of texts; always to a whole order. */
void graphql_order(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias,
                   const json_t *order);

/* graphql_from writes " FROM table alias WHERE (what makes rows of this type)". */
void graphql_from(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias);

#endif
