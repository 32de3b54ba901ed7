/* graphql_schema.h - the types of the grid's GraphQL, over the tables of schema.h. */
#ifndef GRAPHQL_SCHEMA_H
#define GRAPHQL_SCHEMA_H
#include <stdbool.h>

typedef enum {
    GRAPHQL_INT,
    GRAPHQL_BIG,     /* BigInt: a text in answers, a text or number in questions */
    GRAPHQL_WIDE,    /* BigInt kept as 39 digits */
    GRAPHQL_DECIMAL, /* BigDecimal kept in thousandths */
    GRAPHQL_BOOL,
    GRAPHQL_TEXT,
    GRAPHQL_ENUM,
    GRAPHQL_JSON,   /* a text of JSON, of which fields are selected */
    GRAPHQL_OBJECT, /* fields of this row under one name; null when its first is */
    GRAPHQL_ONE,    /* a row of another type, or null */
    GRAPHQL_MANY,   /* rows of another type */
} graphql_kind_t;

typedef struct graphql_type graphql_type_t;

/* The values of an enum; ends with NULL. */
typedef struct {
    const char *name;
    const char *values[6];
} graphql_enum_t;

typedef struct graphql_field {
    const char *name;
    graphql_kind_t kind;
    const char *column;         /* of ONE and MANY: the own column that `foreign` of the type equals */
    const graphql_type_t *type; /* of ONE and MANY */
    const char *foreign;
    const struct graphql_field *fields; /* of OBJECT and JSON; ends with a NULL name */
    const char *part_name;              /* of OBJECT and JSON: what the type of their fields is called */
    const graphql_enum_t *values;       /* of ENUM */
} graphql_field_t;

struct graphql_type {
    const char *name;   /* NodeContract */
    const char *single; /* nodeContract: ...ById, ...ByUniqueInput */
    const char *plural; /* nodeContracts, ...Connection */
    const char *table;
    const char *only; /* SQL that holds for the rows of this type, of alias %s; NULL: all */
    const graphql_field_t *fields;
};

extern const graphql_type_t *const graphql_types[]; /* ends with NULL */

/* graphql_field finds a field; NULL when the type has none of this name. */
const graphql_field_t *graphql_field(const graphql_field_t *fields, const char *name, unsigned len);

#endif
