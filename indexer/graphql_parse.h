/* graphql_parse.h - a document in GraphQL as a tree (GraphQL specification, October 2021, section 2).
 *
 * The tree lives in an arena, and its texts point into the document or the arena. */
#ifndef GRAPHQL_PARSE_H
#define GRAPHQL_PARSE_H
#include "base.h"

typedef enum {
    GQ_VARIABLE, /* text: its name */
    GQ_INT,
    GQ_FLOAT,
    GQ_STRING, /* text: unescaped */
    GQ_BOOL,   /* text: true or false */
    GQ_NULL,
    GQ_ENUM,
    GQ_LIST,   /* items */
    GQ_OBJECT, /* items, each with its name */
} gq_kind_t;

typedef struct gq_value {
    struct gq_value *next; /* in a list, an object or arguments */
    gq_kind_t kind;
    bytes_t name; /* of an object's field or an argument */
    bytes_t text;
    struct gq_value *items;
} gq_value_t;

typedef struct gq_directive {
    struct gq_directive *next;
    bytes_t name;
    gq_value_t *arguments;
} gq_directive_t;

typedef enum { GQ_FIELD, GQ_SPREAD, GQ_INLINE } gq_selection_kind_t;

typedef struct gq_selection {
    struct gq_selection *next;
    gq_selection_kind_t kind;
    bytes_t alias; /* the name when none is given */
    bytes_t name;  /* of a field or fragment; of an inline fragment its type, may be empty */
    gq_value_t *arguments;
    gq_directive_t *directives;
    struct gq_selection *children; /* NULL: none */
} gq_selection_t;

typedef struct gq_variable {
    struct gq_variable *next;
    bytes_t name;
    bool is_required;     /* its type ends with ! */
    gq_value_t *fallback; /* may be NULL */
} gq_variable_t;

typedef struct gq_definition {
    struct gq_definition *next;
    bool is_fragment;
    bytes_t operation; /* query, mutation, subscription */
    bytes_t name;      /* may be empty */
    bytes_t on;        /* a fragment's type */
    gq_variable_t *variables;
    gq_selection_t *selections;
} gq_definition_t;

typedef struct {
    char text[128];
    uint32_t line, column;
} gq_error_t;

/* graphql_parse gives the definitions of a document, at least one; NULL: *error says why. */
gq_definition_t *graphql_parse(bytes_t document, arena_t *arena, gq_error_t *error);

#endif
