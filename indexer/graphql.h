/* graphql.h - questions in GraphQL over the index, as the grid's processor (a subsquid) answers them.
 *
 * What is answered: queries with variables, aliases, fragments, @include and @skip; for each entity of
 * graphql_schema.c its list, its Connection, ById and ByUniqueInput, with where, orderBy, limit and offset.
 * __schema and __type tell all of that.  Mutations and subscriptions are refused by name.
 * docs/formats/graphql.md */
#ifndef GRAPHQL_H
#define GRAPHQL_H
#include "db.h"

#include <jansson.h>

#define GRAPHQL_QUERY_MAX      65536u /* bytes of a question */
#define GRAPHQL_DEPTH_MAX      12     /* selections, lists and objects within one another */
#define GRAPHQL_ROWS_MAX       50000u /* rows of all lists of an answer together */
#define GRAPHQL_BYTES_MAX      (32u << 20)
#define GRAPHQL_SELECTIONS_MAX 4000000u /* of an answer, fragments each time that they are spread */

/* graphql_answer takes the body of a request: {"query", "variables", "operationName"}.  *status is the HTTP
 * status.  Never NULL; the caller's to json_decref. */
json_t *graphql_answer(db_t *db, uint32_t height, bytes_t body, int *status);

#endif
