/* graphql_introspect.c - the schema, told in its own language (GraphQL specification, October 2021, section
 * 4).
 *
 * Each type is made of the tables of graphql_schema.h when it is asked for, as JSON in which another type is
 * {"&": NAME}: it is looked up when a selection goes into it. */
#include "graphql_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  40
#define VALUE_SIZE 32 /* what a value counts of GRAPHQL_BYTES_MAX, beside its text */
#define NAME_CAP   96

/* ---- pieces ---- */

static json_t *ref(const char *name) { return json_pack("{s:s}", "&", name); }

static json_t *wrapped(const char *kind, json_t *of)
{
    return json_pack("{s:s,s:s,s:o}", "__typename", "__Type", "kind", kind, "ofType", of);
}

static json_t *required(json_t *of) { return wrapped("NON_NULL", of); }

/* [of!] */
static json_t *list(json_t *of) { return wrapped("LIST", required(of)); }

static json_t *type(const char *kind, const char *name)
{
    return json_pack("{s:s,s:s,s:s}", "__typename", "__Type", "kind", kind, "name", name);
}

static json_t *piece(const char *typename, const char *name)
{
    return json_pack("{s:s,s:s,s:b}", "__typename", typename, "name", name, "isDeprecated", 0);
}

static void add_input(json_t *to, const char *name, json_t *of)
{
    json_t *input = piece("__InputValue", name);
    json_object_set_new(input, "type", of);
    json_array_append_new(to, input);
}

static void add_field(json_t *to, const char *name, json_t *of, json_t *arguments)
{
    json_t *field = piece("__Field", name);
    json_object_set_new(field, "type", of);
    json_object_set_new(field, "args", arguments ? arguments : json_array());
    json_array_append_new(to, field);
}

static void add_value(json_t *to, const char *name) { json_array_append_new(to, piece("__EnumValue", name)); }

static json_t *object_type(const char *name, json_t *fields)
{
    json_t *made = type("OBJECT", name);
    json_object_set_new(made, "fields", fields);
    json_object_set_new(made, "interfaces", json_array());
    return made;
}

static json_t *input_type(const char *name, json_t *inputs)
{
    json_t *made = type("INPUT_OBJECT", name);
    json_object_set_new(made, "inputFields", inputs);
    return made;
}

static const char *joined(char room[NAME_CAP], const char *a, const char *b)
{
    snprintf(room, NAME_CAP, "%s%s", a, b);
    return room;
}

void graphql_connection_name(const graphql_type_t *of, char name[96])
{
    snprintf(name, 96, "%c%sConnection", toupper((unsigned char)of->plural[0]), of->plural + 1);
}

/* ---- the entities ---- */

static const char *scalar_name(const graphql_field_t *field)
{
    switch (field->kind) {
    case GRAPHQL_INT: return "Int";
    case GRAPHQL_BIG:
    case GRAPHQL_WIDE: return "BigInt";
    case GRAPHQL_DECIMAL: return "BigDecimal";
    case GRAPHQL_BOOL: return "Boolean";
    case GRAPHQL_TEXT: return "String";
    case GRAPHQL_ENUM: return field->values->name;
    case GRAPHQL_JSON:
    case GRAPHQL_OBJECT: return field->part_name;
    case GRAPHQL_ONE:
    case GRAPHQL_MANY: return field->type->name;
    }
    return "String";
}

static bool is_scalar(const graphql_field_t *field)
{
    return field->kind != GRAPHQL_JSON && field->kind != GRAPHQL_OBJECT && field->kind != GRAPHQL_ONE &&
           field->kind != GRAPHQL_MANY;
}

static json_t *list_arguments(const graphql_type_t *of)
{
    char name[NAME_CAP];
    json_t *arguments = json_array();
    add_input(arguments, "where", ref(joined(name, of->name, "WhereInput")));
    add_input(arguments, "orderBy", list(ref(joined(name, of->name, "OrderByInput"))));
    add_input(arguments, "offset", ref("Int"));
    add_input(arguments, "limit", ref("Int"));
    return arguments;
}

static json_t *fields_of(const graphql_field_t *fields)
{
    json_t *made = json_array();
    for (const graphql_field_t *f = fields; f->name; f++) {
        json_t *of = ref(scalar_name(f));
        if (f->kind == GRAPHQL_MANY)
            add_field(made, f->name, required(list(of)), list_arguments(f->type));
        else if (f->kind == GRAPHQL_JSON)
            add_field(made, f->name, list(of), NULL);
        else
            add_field(made, f->name, strcmp(f->name, "id") == 0 ? required(of) : of, NULL);
    }
    return made;
}

static void add_operators(json_t *to, const graphql_field_t *f)
{
    static const char *const same[]           = {"eq", "not_eq", NULL},
                             *const ordered[] = {"gt", "gte", "lt", "lte", NULL},
                             *const text[]    = {"contains",   "not_contains",   "containsInsensitive",
                                                 "startsWith", "not_startsWith", "not_containsInsensitive",
                                                 "endsWith",   "not_endsWith",   NULL};
    bool is_ordered                           = f->kind != GRAPHQL_BOOL && f->kind != GRAPHQL_ENUM;
    char name[NAME_CAP];
    const char *const *const sets[] = {same, is_ordered ? ordered : NULL,
                                       f->kind == GRAPHQL_TEXT ? text : NULL};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (const char *const *word = sets[i]; word && *word; word++) {
            snprintf(name, sizeof name, "%s_%s", f->name, *word);
            add_input(to, name, ref(scalar_name(f)));
        }
    if (f->kind == GRAPHQL_BOOL) return;
    add_input(to, joined(name, f->name, "_in"), list(ref(scalar_name(f))));
    add_input(to, joined(name, f->name, "_not_in"), list(ref(scalar_name(f))));
}

static void add_conditions(json_t *to, const graphql_field_t *f)
{
    static const char *const many[] = {"_every", "_some", "_none", NULL};
    char name[NAME_CAP], where[NAME_CAP];
    joined(where, scalar_name(f), "WhereInput");
    for (const char *const *word = many; f->kind == GRAPHQL_MANY && *word; word++)
        add_input(to, joined(name, f->name, *word), ref(where));
    if (f->kind == GRAPHQL_MANY) return;
    add_input(to, joined(name, f->name, "_isNull"), ref("Boolean"));
    if (is_scalar(f)) add_operators(to, f);
    if (f->kind == GRAPHQL_ONE || f->kind == GRAPHQL_OBJECT) add_input(to, f->name, ref(where));
}

static json_t *where_type(const char *name, const graphql_field_t *fields, bool has_groups)
{
    json_t *inputs = json_array();
    for (const graphql_field_t *f = fields; f->name; f++)
        add_conditions(inputs, f);
    if (has_groups) {
        add_input(inputs, "AND", list(ref(name)));
        add_input(inputs, "OR", list(ref(name)));
    }
    return input_type(name, inputs);
}

static void add_orders(json_t *to, const char *before, const graphql_field_t *fields, int depth)
{
    static const char *const ways[] = {
        "ASC", "DESC", "ASC_NULLS_FIRST", "ASC_NULLS_LAST", "DESC_NULLS_FIRST", "DESC_NULLS_LAST"};
    char name[NAME_CAP];
    for (const graphql_field_t *f = fields; f->name; f++) {
        for (size_t i = 0; i < sizeof ways / sizeof *ways && is_scalar(f); i++) {
            snprintf(name, sizeof name, "%s%s_%s", before, f->name, ways[i]);
            add_value(to, name);
        }
        snprintf(name, sizeof name, "%s%s_", before, f->name);
        if (f->kind == GRAPHQL_OBJECT) add_orders(to, name, f->fields, depth);
        if (f->kind == GRAPHQL_ONE && depth == 0) add_orders(to, name, f->type->fields, depth + 1);
    }
}

static json_t *enum_type(const char *name, json_t *values)
{
    json_t *made = type("ENUM", name);
    json_object_set_new(made, "enumValues", values);
    return made;
}

static json_t *connection_type(const graphql_type_t *of, const char *name)
{
    char edge[NAME_CAP];
    json_t *fields = json_array();
    joined(edge, of->name, "Edge");
    add_field(fields, "edges", required(list(ref(edge))), NULL);
    add_field(fields, "pageInfo", required(ref("PageInfo")), NULL);
    add_field(fields, "totalCount", required(ref("Int")), NULL);
    return object_type(name, fields);
}

static json_t *edge_type(const graphql_type_t *of, const char *name)
{
    json_t *fields = json_array();
    add_field(fields, "node", required(ref(of->name)), NULL);
    add_field(fields, "cursor", required(ref("String")), NULL);
    return object_type(name, fields);
}

static json_t *parts_type(const graphql_field_t *fields, const char *name)
{
    for (const graphql_field_t *f = fields; f->name; f++) {
        char where[NAME_CAP];
        if (f->kind == GRAPHQL_ENUM && strcmp(f->values->name, name) == 0) {
            json_t *values = json_array();
            for (const char *const *value = f->values->values; *value; value++)
                add_value(values, *value);
            return enum_type(name, values);
        }
        if (f->kind != GRAPHQL_OBJECT && f->kind != GRAPHQL_JSON) continue;
        if (strcmp(f->part_name, name) == 0) return object_type(name, fields_of(f->fields));
        if (f->kind == GRAPHQL_OBJECT && strcmp(joined(where, f->part_name, "WhereInput"), name) == 0)
            return where_type(name, f->fields, false);
        json_t *inner = parts_type(f->fields, name);
        if (inner) return inner;
    }
    return NULL;
}

static json_t *entity_type(const graphql_type_t *of, const char *name)
{
    char other[NAME_CAP];
    if (strcmp(name, of->name) == 0) return object_type(name, fields_of(of->fields));
    if (strcmp(name, joined(other, of->name, "WhereInput")) == 0) return where_type(name, of->fields, true);
    if (strcmp(name, joined(other, of->name, "Edge")) == 0) return edge_type(of, name);
    if (strcmp(name, joined(other, of->name, "OrderByInput")) == 0) {
        json_t *values = json_array();
        add_orders(values, "", of->fields, 0);
        return enum_type(name, values);
    }
    graphql_connection_name(of, other);
    if (strcmp(name, other) == 0) return connection_type(of, name);
    return parts_type(of->fields, name);
}

/* ---- the rest ---- */

static json_t *one_argument(const char *name, json_t *of)
{
    json_t *arguments = json_array();
    add_input(arguments, name, of);
    return arguments;
}

static void add_entity(json_t *fields, const graphql_type_t *of)
{
    char name[NAME_CAP], order[NAME_CAP], made[NAME_CAP];
    add_field(fields, of->plural, required(list(ref(of->name))), list_arguments(of));
    add_field(fields, joined(name, of->single, "ById"), ref(of->name),
              one_argument("id", required(ref("String"))));
    add_field(fields, joined(name, of->single, "ByUniqueInput"), ref(of->name),
              one_argument("where", required(ref("WhereIdInput"))));
    json_t *arguments = one_argument("orderBy", required(list(ref(joined(order, of->name, "OrderByInput")))));
    add_input(arguments, "where", ref(joined(order, of->name, "WhereInput")));
    add_input(arguments, "first", ref("Int"));
    add_input(arguments, "after", ref("String"));
    graphql_connection_name(of, made);
    add_field(fields, joined(name, of->plural, "Connection"), required(ref(made)), arguments);
}

static const char *const scalars[] = {"Int", "String", "Boolean", "BigInt", "BigDecimal", NULL};
static const char *const singles[] = {"Query", "PageInfo", "SquidStatus", "WhereIdInput", NULL};

static json_t *single_type(const char *name)
{
    for (const char *const *scalar = scalars; *scalar; scalar++)
        if (strcmp(*scalar, name) == 0) return type("SCALAR", name);
    json_t *fields = json_array();
    if (strcmp(name, "Query") == 0) {
        for (unsigned i = 0; graphql_types[i]; i++)
            add_entity(fields, graphql_types[i]);
        add_field(fields, "squidStatus", ref("SquidStatus"), NULL);
        return object_type(name, fields);
    }
    if (strcmp(name, "SquidStatus") == 0) {
        add_field(fields, "height", ref("Int"), NULL);
        return object_type(name, fields);
    }
    if (strcmp(name, "WhereIdInput") == 0) {
        add_input(fields, "id", required(ref("String")));
        return input_type(name, fields);
    }
    if (strcmp(name, "PageInfo") == 0) {
        add_field(fields, "hasNextPage", required(ref("Boolean")), NULL);
        add_field(fields, "hasPreviousPage", required(ref("Boolean")), NULL);
        add_field(fields, "startCursor", required(ref("String")), NULL);
        add_field(fields, "endCursor", required(ref("String")), NULL);
        return object_type(name, fields);
    }
    json_decref(fields);
    return NULL;
}

/* The type of that name, made once in a question; NULL: there is none.  run's. */
static json_t *find_type(graphql_run_t *run, const char *name)
{
    if (!run->types) run->types = json_object();
    json_t *made = json_object_get(run->types, name);
    if (made) return made;
    made = single_type(name);
    for (unsigned i = 0; graphql_types[i] && !made; i++)
        made = entity_type(graphql_types[i], name);
    if (made) json_object_set_new(run->types, name, made);
    return made;
}

static void list_name(json_t *names, json_t *seen, const char *name)
{
    if (json_object_get(seen, name)) return;
    json_object_set_new(seen, name, json_true());
    json_array_append_new(names, ref(name));
}

static void list_parts(json_t *names, json_t *seen, const graphql_field_t *fields)
{
    char where[NAME_CAP];
    for (const graphql_field_t *f = fields; f->name; f++) {
        if (f->kind == GRAPHQL_ENUM) list_name(names, seen, f->values->name);
        if (f->kind != GRAPHQL_OBJECT && f->kind != GRAPHQL_JSON) continue;
        list_name(names, seen, f->part_name);
        if (f->kind == GRAPHQL_OBJECT) list_name(names, seen, joined(where, f->part_name, "WhereInput"));
        list_parts(names, seen, f->fields);
    }
}

static json_t *all_types(void)
{
    static const char *const more[] = {"", "WhereInput", "OrderByInput", "Edge"};
    json_t *names = json_array(), *seen = json_object();
    char name[NAME_CAP];
    for (const char *const *single = singles; *single; single++)
        list_name(names, seen, *single);
    for (const char *const *scalar = scalars; *scalar; scalar++)
        list_name(names, seen, *scalar);
    for (unsigned i = 0; graphql_types[i]; i++) {
        for (size_t k = 0; k < sizeof more / sizeof *more; k++)
            list_name(names, seen, joined(name, graphql_types[i]->name, more[k]));
        graphql_connection_name(graphql_types[i], name);
        list_name(names, seen, name);
        list_parts(names, seen, graphql_types[i]->fields);
    }
    json_decref(seen);
    return names;
}

static json_t *directive(const char *name)
{
    return json_pack("{s:s,s:s,s:b,s:[s,s,s],s:o}", "__typename", "__Directive", "name", name, "isRepeatable",
                     0, "locations", "FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT", "args",
                     one_argument("if", required(ref("Boolean"))));
}

/* ---- what was selected of it ---- */

static const struct {
    const char *typename, *fields;
} known[] = {
    {"__Schema",     " description types queryType mutationType subscriptionType directives "},
    {"__Type",       " kind name description fields interfaces possibleTypes enumValues inputFields ofType "
               "specifiedByURL isOneOf "                                       },
    {"__Field",      " name description args type isDeprecated deprecationReason "           },
    {"__InputValue", " name description type defaultValue isDeprecated deprecationReason "   },
    {"__EnumValue",  " name description isDeprecated deprecationReason "                     },
    {"__Directive",  " name description locations args isRepeatable "                        },
};

static bool has_field(const char *typename, const char *name)
{
    char wanted[NAME_CAP + 2];
    snprintf(wanted, sizeof wanted, " %s ", name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].typename, typename) == 0) return strstr(known[i].fields, wanted) != NULL;
    return false;
}

static json_t *select_of(graphql_run_t *run, const gq_selection_t *s, json_t *value);

typedef struct {
    json_t *from, *to;
    const char *typename;
} pick_t;

static void pick(graphql_run_t *run, const gq_selection_t *s, void *context)
{
    static const char *const arguments[] = {"includeDeprecated", NULL};
    const pick_t *p                      = context;
    char name[NAME_CAP];
    snprintf(name, sizeof name, "%.*s", (int)(s->name.len < NAME_CAP - 1 ? s->name.len : NAME_CAP - 1),
             s->name.data);
    if (strcmp(name, "__typename") != 0 && !has_field(p->typename, name)) {
        graphql_fail(run, "Cannot query field \"%s\" on type \"%s\"", name, p->typename);
        return;
    }
    json_decref(graphql_arguments(run, s, arguments));
    json_t *value = select_of(run, s, json_object_get(p->from, name));
    if (value) json_object_setn_new(p->to, (const char *)s->alias.data, s->alias.len, value);
}

static json_t *select_of(graphql_run_t *run, const gq_selection_t *s, json_t *value)
{
    size_t i, size = VALUE_SIZE + json_string_length(value);
    json_t *item;
    run->bytes_left -= size < run->bytes_left ? (uint32_t)size : run->bytes_left;
    if (run->bytes_left == 0) graphql_fail(run, "the answer is too large");
    if (run->has_failed) return NULL;
    if (!value) return json_null();
    if (json_is_array(value)) {
        json_t *out = json_array();
        json_array_foreach(value, i, item) json_array_append_new(out, select_of(run, s, item));
        return out;
    }
    if (!json_is_object(value)) {
        if (s->children)
            graphql_fail(run, "Field \"%.*s\" must not have a selection", (int)s->name.len, s->name.data);
        return json_incref(value);
    }
    const char *name = json_string_value(json_object_get(value, "&"));
    if (name) value = find_type(run, name);
    if (!s->children)
        graphql_fail(run, "Field \"%.*s\" must have a selection of subfields", (int)s->name.len,
                     s->name.data);
    if (!value || run->has_failed) return NULL;
    pick_t p = {value, json_object(), json_string_value(json_object_get(value, "__typename"))};
    graphql_each_field(run, s->children, p.typename, pick, &p);
    return p.to;
}

/* Introspection goes deeper than other questions: types of lists of types. */
static json_t *select_deep(graphql_run_t *run, const gq_selection_t *s, json_t *value)
{
    int depth_max  = run->depth_max;
    run->depth_max = DEPTH_MAX;
    json_t *out    = select_of(run, s, value);
    run->depth_max = depth_max;
    return out;
}

json_t *graphql_schema_json(graphql_run_t *run, const gq_selection_t *s)
{
    static const char *const none[] = {NULL};
    json_decref(graphql_arguments(run, s, none));
    json_t *schema = json_pack("{s:s,s:o,s:o,s:[o,o]}", "__typename", "__Schema", "queryType", ref("Query"),
                               "types", all_types(), "directives", directive("include"), directive("skip"));
    json_t *out    = select_deep(run, s, schema);
    json_decref(schema);
    return out;
}

json_t *graphql_type_json(graphql_run_t *run, const gq_selection_t *s)
{
    static const char *const names[] = {"name", NULL};
    json_t *arguments                = graphql_arguments(run, s, names);
    const char *name                 = json_string_value(json_object_get(arguments, "name"));
    if (!name) graphql_fail(run, "\"__type\" takes a name");
    json_t *out = name && !run->has_failed ? select_deep(run, s, find_type(run, name)) : NULL;
    json_decref(arguments);
    return out;
}
