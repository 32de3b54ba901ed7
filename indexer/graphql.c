/* graphql.c - a question's answer: fields, their rows, and the rows of those. */
#include "graphql_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_SIZE (1u << 20)
#define FIELDS_CAP 128u

typedef struct {
    const gq_selection_t *from;
    const graphql_field_t *field; /* NULL: __typename */
} wanted_t;

typedef struct {
    wanted_t items[FIELDS_CAP];
    unsigned count;
} wanted_list_t;

static json_t *answer_rows(graphql_run_t *run, const graphql_type_t *type, const gq_selection_t *selections,
                           sql_t *sql, const wanted_list_t *wanted);

void graphql_fail(graphql_run_t *run, const char *format, ...)
{
    va_list args;
    if (run->has_failed) return;
    va_start(args, format);
    vsnprintf(run->error, sizeof run->error, format, args);
    va_end(args);
    run->has_failed = true;
}

bool graphql_is(bytes_t text, const char *word) { return bytes_equal(text, bytes_text(word)); }

/* ---- values ---- */

static json_t *text_json(bytes_t text) { return json_stringn((const char *)text.data, text.len); }

static json_t *number_json(const gq_value_t *v)
{
    char room[64];
    if (v->text.len >= sizeof room) return text_json(v->text);
    snprintf(room, sizeof room, "%.*s", (int)v->text.len, v->text.data);
    if (v->kind == GQ_FLOAT) return json_real(strtod(room, NULL));
    return v->text.len > 18 ? json_string(room) : json_integer(strtoll(room, NULL, 10));
}

/* value_json gives a value with its variables in place; NULL for a variable that was not given, or a failure.
 */
static json_t *value_json(graphql_run_t *run, const gq_value_t *v)
{
    json_t *json = NULL;
    char name[128];
    switch (v->kind) {
    case GQ_VARIABLE:
        snprintf(name, sizeof name, "%.*s", (int)(v->text.len < 127 ? v->text.len : 127), v->text.data);
        return json_incref(json_object_get(run->variables, name));
    case GQ_INT:
    case GQ_FLOAT: json = number_json(v); break;
    case GQ_STRING:
    case GQ_ENUM: json = text_json(v->text); break;
    case GQ_BOOL: json = json_boolean(v->text.len == 4); break;
    case GQ_NULL: json = json_null(); break;
    case GQ_LIST:
        json = json_array();
        for (const gq_value_t *i = v->items; i; i = i->next) {
            json_t *item = value_json(run, i);
            json_array_append_new(json, item ? item : json_null());
        }
        break;
    case GQ_OBJECT:
        json = json_object();
        for (const gq_value_t *i = v->items; i; i = i->next) {
            json_t *item = value_json(run, i);
            if (item) json_object_setn_new(json, (const char *)i->name.data, i->name.len, item);
        }
        break;
    }
    if (!json) graphql_fail(run, "a text that is no UTF-8");
    return json;
}

json_t *graphql_arguments(graphql_run_t *run, const gq_selection_t *s, const char *const *known)
{
    json_t *json = json_object();
    for (const gq_value_t *a = s->arguments; a && !run->has_failed; a = a->next) {
        bool is_known = false;
        for (unsigned i = 0; known[i] && !is_known; i++)
            is_known = graphql_is(a->name, known[i]);
        if (!is_known)
            graphql_fail(run, "Unknown argument \"%.*s\" on field \"%.*s\"", (int)a->name.len, a->name.data,
                         (int)s->name.len, s->name.data);
        json_t *value = value_json(run, a);
        if (value && !json_is_null(value))
            json_object_setn_new(json, (const char *)a->name.data, a->name.len, value);
        else
            json_decref(value);
    }
    return json;
}

static uint32_t number_argument(graphql_run_t *run, const json_t *arguments, const char *name,
                                uint32_t otherwise)
{
    const json_t *v = json_object_get(arguments, name);
    if (!v) return otherwise;
    json_int_t number = json_is_string(v) ? strtoll(json_string_value(v), NULL, 10) : json_integer_value(v);
    if ((!json_is_integer(v) && !json_is_string(v)) || number < 0)
        graphql_fail(run, "\"%s\" takes a number from 0", name);
    return number > INT32_MAX ? INT32_MAX : number < 0 ? 0 : (uint32_t)number;
}

/* ---- which fields ---- */

/* Does @include or @skip leave the selection out? */
static bool is_left_out(graphql_run_t *run, const gq_selection_t *s)
{
    for (const gq_directive_t *d = s->directives; d; d = d->next) {
        bool is_skip = graphql_is(d->name, "skip");
        if (!is_skip && !graphql_is(d->name, "include")) {
            graphql_fail(run, "Unknown directive \"@%.*s\"", (int)d->name.len, d->name.data);
            return true;
        }
        json_t *value =
            d->arguments && graphql_is(d->arguments->name, "if") ? value_json(run, d->arguments) : NULL;
        bool is_true = json_is_true(value);
        if (!json_is_boolean(value)) graphql_fail(run, "@include and @skip take if: true or false");
        json_decref(value);
        if (is_true == is_skip) return true;
    }
    return false;
}

static const gq_definition_t *fragment_named(const graphql_run_t *run, bytes_t name)
{
    for (const gq_definition_t *d = run->definitions; d; d = d->next)
        if (d->is_fragment && bytes_equal(d->name, name)) return d;
    return NULL;
}

void graphql_each_field(graphql_run_t *run, const gq_selection_t *s, const char *type, graphql_field_fn fn,
                        void *context)
{
    if (++run->depth > run->depth_max) graphql_fail(run, "nested too deeply");
    for (; s && !run->has_failed; s = s->next) {
        if (run->selections_left-- == 0) {
            run->selections_left = 0;
            graphql_fail(run, "the question is too large");
            break;
        }
        if (is_left_out(run, s)) continue;
        if (s->kind == GQ_FIELD) {
            fn(run, s, context);
            continue;
        }
        const gq_definition_t *fragment = s->kind == GQ_SPREAD ? fragment_named(run, s->name) : NULL;
        if (s->kind == GQ_SPREAD && !fragment) {
            graphql_fail(run, "Unknown fragment \"%.*s\"", (int)s->name.len, s->name.data);
            break;
        }
        bytes_t on = fragment ? fragment->on : s->name;
        if (on.len > 0 && !graphql_is(on, type)) {
            graphql_fail(run, "a fragment on \"%.*s\" cannot be spread in \"%s\"", (int)on.len, on.data,
                         type);
            break;
        }
        graphql_each_field(run, fragment ? fragment->selections : s->children, type, fn, context);
    }
    run->depth--;
}

typedef struct {
    const char *type;
    const graphql_field_t *fields;
    wanted_list_t *list;
} collect_t;

static void collect_field(graphql_run_t *run, const gq_selection_t *s, void *context)
{
    collect_t *c                 = context;
    const graphql_field_t *field = graphql_field(c->fields, (const char *)s->name.data, s->name.len);
    if (!field && !graphql_is(s->name, "__typename")) {
        graphql_fail(run, "Cannot query field \"%.*s\" on type \"%s\"", (int)s->name.len, s->name.data,
                     c->type);
        return;
    }
    bool has_parts = field && (field->kind == GRAPHQL_ONE || field->kind == GRAPHQL_MANY ||
                               field->kind == GRAPHQL_OBJECT || field->kind == GRAPHQL_JSON);
    if (has_parts != (s->children != NULL))
        graphql_fail(run,
                     has_parts ? "Field \"%.*s\" must have a selection of subfields"
                               : "Field \"%.*s\" must not have a selection",
                     (int)s->name.len, s->name.data);
    if (s->arguments && (!field || field->kind != GRAPHQL_MANY))
        graphql_fail(run, "Field \"%.*s\" takes no arguments", (int)s->name.len, s->name.data);
    for (unsigned i = 0; i < c->list->count; i++) {
        if (!bytes_equal(c->list->items[i].from->alias, s->alias)) continue;
        if (has_parts || c->list->items[i].field != field)
            graphql_fail(run, "\"%.*s\" is selected twice", (int)s->alias.len, s->alias.data);
        return;
    }
    if (c->list->count == FIELDS_CAP)
        graphql_fail(run, "too many fields");
    else
        c->list->items[c->list->count++] = (wanted_t){s, field};
}

static void collect(graphql_run_t *run, const char *type, const graphql_field_t *fields,
                    const gq_selection_t *s, wanted_list_t *list)
{
    list->count = 0;
    graphql_each_field(run, s, type, collect_field, &(collect_t){type, fields, list});
}

/* ---- columns and rows ---- */

/* One column a wanted field, in order; of an object its fields follow it. */
static void put_columns(sql_t *sql, const char *alias, const wanted_list_t *wanted)
{
    sql_add(sql, "SELECT 1");
    for (unsigned i = 0; i < wanted->count; i++) {
        const graphql_field_t *field = wanted->items[i].field;
        if (!field)
            sql_add(sql, ", 1");
        else if (field->kind != GRAPHQL_OBJECT)
            sql_add(sql, ", %s.%s", alias, field->column);
        else {
            sql_add(sql, ", 1");
            for (const graphql_field_t *part = field->fields; part->name; part++)
                sql_add(sql, ", %s.%s", alias, part->column);
        }
    }
}

static json_t *wide_json(const char *digits)
{
    while (digits[0] == '0' && digits[1])
        digits++;
    return json_string(digits);
}

static json_t *decimal_json(int64_t thousandths)
{
    char text[40];
    int len = snprintf(text, sizeof text, "%lld.%03lld", (long long)(thousandths / 1000),
                       (long long)(thousandths % 1000));
    while (len > 1 && text[len - 1] == '0')
        text[--len] = 0;
    if (len > 1 && text[len - 1] == '.') text[len - 1] = 0;
    return json_string(text);
}

static json_t *scalar_json(graphql_run_t *run, graphql_kind_t kind, value_t v)
{
    char text[32];
    uint32_t size = v.kind == VALUE_TEXT ? (uint32_t)strlen(v.text) : 8;
    run->bytes_left -= size < run->bytes_left ? size : run->bytes_left;
    if (run->bytes_left == 0) graphql_fail(run, "the answer is too large: use limit");
    if (v.kind == VALUE_NULL) return json_null();
    if (v.kind == VALUE_TEXT) return kind == GRAPHQL_WIDE ? wide_json(v.text) : json_string(v.text);
    if (v.kind == VALUE_REAL) return json_real(v.real);
    if (kind == GRAPHQL_BOOL) return json_boolean(v.number);
    if (kind == GRAPHQL_DECIMAL) return decimal_json(v.number);
    if (kind != GRAPHQL_BIG) return json_integer(v.number);
    snprintf(text, sizeof text, "%lld", (long long)v.number);
    return json_string(text);
}

typedef struct {
    json_t *from, *to;
} pick_t;

static void pick_field(graphql_run_t *run, const gq_selection_t *s, void *context)
{
    pick_t *pick = context;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(s->name.len < 63 ? s->name.len : 63), s->name.data);
    json_t *value = json_object_get(pick->from, name);
    if (s->children) graphql_fail(run, "Field \"%s\" must not have a selection", name);
    json_object_setn_new(pick->to, (const char *)s->alias.data, s->alias.len,
                         value ? json_incref(value) : json_null());
}

/* The wanted fields of a list that is kept as JSON. */
static json_t *json_column(graphql_run_t *run, const graphql_field_t *field, const gq_selection_t *s,
                           value_t v)
{
    json_t *kept = v.kind == VALUE_TEXT ? json_loads(v.text, 0, NULL) : NULL, *out = json_array(), *item;
    size_t i;
    json_array_foreach(kept, i, item)
    {
        json_t *to = json_object();
        json_object_set_new(item, "__typename", json_string(field->part_name));
        graphql_each_field(run, s->children, field->part_name, pick_field, &(pick_t){item, to});
        json_array_append_new(out, to);
    }
    json_decref(kept);
    return out;
}

static json_t *object_json(graphql_run_t *run, const wanted_t *w, const db_rows_t *rows, unsigned column)
{
    static const graphql_field_t none = {0};
    wanted_list_t *parts              = malloc(sizeof *parts);
    json_t *out                       = json_object();
    if (!parts) abort();
    collect(run, w->field->part_name, w->field ? w->field->fields : &none, w->from->children, parts);
    bool is_null = db_value(rows, column).kind == VALUE_NULL;
    for (unsigned i = 0; i < parts->count && !run->has_failed; i++) {
        const graphql_field_t *part = parts->items[i].field;
        unsigned at                 = part ? column + (unsigned)(part - w->field->fields) : 0;
        json_t *value =
            part ? scalar_json(run, part->kind, db_value(rows, at)) : json_string(w->field->part_name);
        json_object_setn_new(out, (const char *)parts->items[i].from->alias.data,
                             parts->items[i].from->alias.len, value);
    }
    free(parts);
    if (!is_null) return out;
    json_decref(out);
    return json_null();
}

/* ---- lists ---- */

static json_t *list_json(graphql_run_t *run, const graphql_type_t *type, const gq_selection_t *s,
                         const json_t *arguments, const char *column, value_t key)
{
    sql_t sql;
    json_t *out           = NULL;
    wanted_list_t *wanted = malloc(sizeof *wanted);
    if (!wanted) abort();
    sql_init(&sql);
    collect(run, type->name, type->fields, s->children, wanted);
    put_columns(&sql, "t0", wanted);
    graphql_from(run, &sql, type, "t0");
    if (column) {
        sql_add(&sql, " AND t0.%s = ", column);
        sql_value(&sql, key);
    }
    sql_add(&sql, " AND ");
    graphql_where(run, &sql, type, "t0", json_object_get(arguments, "where"));
    graphql_order(run, &sql, type, "t0", json_object_get(arguments, "orderBy"));
    sql_add(&sql, " LIMIT %u OFFSET %u", number_argument(run, arguments, "limit", INT32_MAX),
            number_argument(run, arguments, "offset", 0));
    if (!run->has_failed) out = answer_rows(run, type, s->children, &sql, wanted);
    sql_fini(&sql);
    free(wanted);
    return out;
}

static json_t *relation_json(graphql_run_t *run, const wanted_t *w, value_t key)
{
    static const char *const known[] = {"where", "orderBy", "limit", "offset", NULL};
    bool is_one                      = w->field->kind == GRAPHQL_ONE;
    if (key.kind == VALUE_NULL) return is_one ? json_null() : json_array();
    if (++run->depth > GRAPHQL_DEPTH_MAX) graphql_fail(run, "nested too deeply");
    json_t *arguments = graphql_arguments(run, w->from, known);
    json_t *list =
        run->has_failed ? NULL : list_json(run, w->field->type, w->from, arguments, w->field->foreign, key);
    json_decref(arguments);
    run->depth--;
    if (!is_one || !list) return list ? list : json_null();
    json_t *first = json_array_size(list) ? json_incref(json_array_get(list, 0)) : json_null();
    json_decref(list);
    return first;
}

static json_t *row_json(graphql_run_t *run, const graphql_type_t *type, const db_rows_t *rows,
                        const wanted_list_t *wanted)
{
    json_t *out     = json_object();
    unsigned column = 1;
    for (unsigned i = 0; i < wanted->count && !run->has_failed; i++, column++) {
        const wanted_t *w            = &wanted->items[i];
        const graphql_field_t *field = w->field;
        json_t *value;
        if (!field)
            value = json_string(type->name);
        else if (field->kind == GRAPHQL_OBJECT) {
            value = object_json(run, w, rows, column + 1);
            for (const graphql_field_t *part = field->fields; part->name; part++)
                column++;
        } else if (field->kind == GRAPHQL_JSON)
            value = json_column(run, field, w->from, db_value(rows, column));
        else if (field->kind == GRAPHQL_ONE || field->kind == GRAPHQL_MANY)
            value = relation_json(run, w, db_value(rows, column));
        else
            value = scalar_json(run, field->kind, db_value(rows, column));
        json_object_setn_new(out, (const char *)w->from->alias.data, w->from->alias.len, value);
    }
    return out;
}

static json_t *answer_rows(graphql_run_t *run, const graphql_type_t *type, const gq_selection_t *selections,
                           sql_t *sql, const wanted_list_t *wanted)
{
    db_rows_t *rows = sql_query(sql, run->db);
    json_t *out     = json_array();
    (void)selections;
    if (!rows) {
        run->is_our_fault = !sql->has_failed;
        graphql_fail(run, sql->has_failed ? "the question has too many values" : "the index cannot be read");
        return out;
    }
    while (!run->has_failed && db_next(rows)) {
        if (run->rows_left-- == 0) {
            run->rows_left = 0;
            graphql_fail(run, "the answer has more than %u rows: use limit", GRAPHQL_ROWS_MAX);
            break;
        }
        json_array_append_new(out, row_json(run, type, rows, wanted));
    }
    if (!db_rows_free(rows)) {
        run->is_our_fault = true;
        graphql_fail(run, "the question takes too long, or the index cannot be read");
    }
    return out;
}

/* ---- connections ---- */

static json_int_t count_rows(graphql_run_t *run, const graphql_type_t *type, const json_t *arguments)
{
    sql_t sql;
    json_int_t count = 0;
    sql_init(&sql);
    sql_add(&sql, "SELECT COUNT(*)");
    graphql_from(run, &sql, type, "t0");
    sql_add(&sql, " AND ");
    graphql_where(run, &sql, type, "t0", json_object_get(arguments, "where"));
    db_rows_t *rows = run->has_failed ? NULL : sql_query(&sql, run->db);
    if (rows && db_next(rows)) count = db_int(rows, 0);
    if (!rows || !db_rows_free(rows))
        graphql_fail(run, "the question takes too long, or has too many values");
    sql_fini(&sql);
    return count;
}

typedef struct {
    const graphql_type_t *type;
    json_t *arguments, *out;
    uint32_t after, first;
    char name[96];
} connection_t;

/* Finds the selection of `node` among the fields of an edge, and writes the rest of the edge. */
typedef struct {
    const gq_selection_t *node;
    json_t *out;
    char name[96];
    uint32_t at;
} edge_t;

static void edge_field(graphql_run_t *run, const gq_selection_t *s, void *context)
{
    edge_t *edge = context;
    char cursor[16];
    snprintf(cursor, sizeof cursor, "%u", edge->at);
    if (graphql_is(s->name, "node") && s->children)
        edge->node = s;
    else if (graphql_is(s->name, "cursor") && edge->out)
        json_object_setn_new(edge->out, (const char *)s->alias.data, s->alias.len, json_string(cursor));
    else if (graphql_is(s->name, "__typename") && edge->out)
        json_object_setn_new(edge->out, (const char *)s->alias.data, s->alias.len, json_string(edge->name));
    else if (!graphql_is(s->name, "cursor") && !graphql_is(s->name, "__typename"))
        graphql_fail(run, "Cannot query field \"%.*s\" on type \"%s\"", (int)s->name.len, s->name.data,
                     edge->name);
}

static json_t *edges_json(graphql_run_t *run, const connection_t *c, const gq_selection_t *s)
{
    edge_t find = {0};
    json_t *out = json_array(), *rows, *row;
    size_t i;
    snprintf(find.name, sizeof find.name, "%sEdge", c->type->name);
    graphql_each_field(run, s->children, find.name, edge_field, &find);
    if (run->has_failed) return out;
    static const gq_selection_t id = {
        .kind = GQ_FIELD, .alias = {(const uint8_t *)"id", 2},
             .name = {(const uint8_t *)"id", 2}
    };
    gq_selection_t only_id = {.children = (gq_selection_t *)(uintptr_t)&id};
    json_t *arguments      = json_copy(c->arguments);
    json_object_set_new(arguments, "offset", json_integer(c->after));
    json_object_set_new(arguments, "limit", json_integer(c->first));
    rows = list_json(run, c->type, find.node ? find.node : &only_id, arguments, NULL, VALUE_NONE);
    json_decref(arguments);
    json_array_foreach(rows, i, row)
    {
        edge_t edge = {.out = json_object(), .at = c->after + (uint32_t)i + 1};
        snprintf(edge.name, sizeof edge.name, "%sEdge", c->type->name);
        graphql_each_field(run, s->children, edge.name, edge_field, &edge);
        if (edge.node)
            json_object_setn(edge.out, (const char *)edge.node->alias.data, edge.node->alias.len, row);
        json_array_append_new(out, edge.out);
    }
    json_decref(rows);
    return out;
}

static void page_field(graphql_run_t *run, const gq_selection_t *s, void *context)
{
    connection_t *c  = context;
    json_int_t count = count_rows(run, c->type, c->arguments);
    uint64_t end     = (uint64_t)c->after + c->first;
    json_int_t last  = end < (uint64_t)count ? (json_int_t)end : count;
    char text[24];
    json_t *value = NULL;
    if (graphql_is(s->name, "hasNextPage")) value = json_boolean(last < count);
    if (graphql_is(s->name, "hasPreviousPage")) value = json_boolean(c->after > 0);
    if (graphql_is(s->name, "startCursor") || graphql_is(s->name, "endCursor")) {
        snprintf(text, sizeof text, "%lld",
                 graphql_is(s->name, "endCursor") ? (long long)last : (long long)c->after + 1);
        value = json_string(last > (json_int_t)c->after ? text : "");
    }
    if (graphql_is(s->name, "__typename")) value = json_string("PageInfo");
    if (!value)
        graphql_fail(run, "Cannot query field \"%.*s\" on type \"PageInfo\"", (int)s->name.len, s->name.data);
    if (value) json_object_setn_new(c->out, (const char *)s->alias.data, s->alias.len, value);
}

static void connection_field(graphql_run_t *run, const gq_selection_t *s, void *context)
{
    connection_t *c = context;
    json_t *value   = NULL;
    if (graphql_is(s->name, "totalCount") && !s->children)
        value = json_integer(count_rows(run, c->type, c->arguments));
    else if (graphql_is(s->name, "edges") && s->children)
        value = edges_json(run, c, s);
    else if (graphql_is(s->name, "pageInfo") && s->children) {
        connection_t page = *c;
        page.out = value = json_object();
        graphql_each_field(run, s->children, "PageInfo", page_field, &page);
    } else if (graphql_is(s->name, "__typename"))
        value = json_string(c->name);
    else
        graphql_fail(run, "Cannot query field \"%.*s\" on type \"%s\"", (int)s->name.len, s->name.data,
                     c->name);
    if (value) json_object_setn_new(c->out, (const char *)s->alias.data, s->alias.len, value);
}

static json_t *connection_json(graphql_run_t *run, const graphql_type_t *type, const gq_selection_t *s)
{
    static const char *const known[] = {"where", "orderBy", "first", "after", NULL};
    connection_t c = {.type = type, .arguments = graphql_arguments(run, s, known), .out = json_object()};
    graphql_connection_name(type, c.name);
    c.first = number_argument(run, c.arguments, "first", INT32_MAX);
    c.after = number_argument(run, c.arguments, "after", 0);
    if (!json_object_get(c.arguments, "orderBy"))
        graphql_fail(run, "Field \"%sConnection\" argument \"orderBy\" is required", type->plural);
    if (!s->children)
        graphql_fail(run, "Field \"%sConnection\" must have a selection of subfields", type->plural);
    graphql_each_field(run, s->children, c.name, connection_field, &c);
    json_decref(c.arguments);
    return c.out;
}

/* ---- the query itself ---- */

static bool ends_with(bytes_t text, const char *head, const char *tail)
{
    size_t head_len = strlen(head), tail_len = strlen(tail);
    return text.len == head_len + tail_len && memcmp(text.data, head, head_len) == 0 &&
           memcmp(text.data + head_len, tail, tail_len) == 0;
}

static json_t *one_json(graphql_run_t *run, const graphql_type_t *type, const gq_selection_t *s,
                        bool is_by_id)
{
    static const char *const by_id[] = {"id", NULL}, *const by_input[] = {"where", NULL};
    json_t *arguments = graphql_arguments(run, s, is_by_id ? by_id : by_input);
    const char *id =
        json_string_value(json_object_get(is_by_id ? arguments : json_object_get(arguments, "where"), "id"));
    json_t *list = NULL, *out = json_null(), *none = json_object();
    if (!id) graphql_fail(run, "\"%.*s\" takes an id", (int)s->name.len, s->name.data);
    if (!run->has_failed) list = list_json(run, type, s, none, "id", value_text(id));
    if (json_array_size(list)) out = json_incref(json_array_get(list, 0));
    json_decref(none);
    json_decref(list);
    json_decref(arguments);
    return out;
}

static json_t *root_json(graphql_run_t *run, const gq_selection_t *s)
{
    static const char *const known[] = {"where", "orderBy", "limit", "offset", NULL};
    if (graphql_is(s->name, "__typename")) return json_string("Query");
    if (graphql_is(s->name, "__schema")) return graphql_schema_json(run, s);
    if (graphql_is(s->name, "__type")) return graphql_type_json(run, s);
    if (graphql_is(s->name, "squidStatus")) {
        json_t *status =
                   json_pack("{s:I,s:s}", "height", (json_int_t)run->height, "__typename", "SquidStatus"),
               *out = json_object();
        graphql_each_field(run, s->children, "SquidStatus", pick_field, &(pick_t){status, out});
        json_decref(status);
        return out;
    }
    for (unsigned i = 0; graphql_types[i]; i++) {
        const graphql_type_t *type = graphql_types[i];
        if (graphql_is(s->name, type->plural)) {
            if (!s->children) break;
            json_t *arguments = graphql_arguments(run, s, known);
            json_t *list      = run->has_failed ? NULL : list_json(run, type, s, arguments, NULL, VALUE_NONE);
            json_decref(arguments);
            return list;
        }
        if (ends_with(s->name, type->plural, "Connection")) return connection_json(run, type, s);
        if (!s->children) continue;
        if (ends_with(s->name, type->single, "ById")) return one_json(run, type, s, true);
        if (ends_with(s->name, type->single, "ByUniqueInput")) return one_json(run, type, s, false);
    }
    graphql_fail(run, "Cannot query field \"%.*s\" on type \"Query\", or it lacks a selection of subfields",
                 (int)s->name.len, s->name.data);
    return NULL;
}

static void root_field(graphql_run_t *run, const gq_selection_t *s, void *context)
{
    json_t *value = root_json(run, s);
    if (value) json_object_setn_new(context, (const char *)s->alias.data, s->alias.len, value);
}

/* set_variables fills in what was not given, and refuses what is missing. */
static void set_variables(graphql_run_t *run, const gq_definition_t *query)
{
    char name[128];
    for (const gq_variable_t *v = query->variables; v && !run->has_failed; v = v->next) {
        snprintf(name, sizeof name, "%.*s", (int)(v->name.len < 127 ? v->name.len : 127), v->name.data);
        const json_t *given = json_object_get(run->variables, name);
        if (!given && v->fallback) {
            json_t *value = value_json(run, v->fallback);
            if (value) json_object_set_new(run->variables, name, value);
        } else if (v->is_required && (!given || json_is_null(given)))
            graphql_fail(run, "Variable \"$%s\" of required type was not provided", name);
    }
}

static const gq_definition_t *find_query(graphql_run_t *run, const char *name)
{
    const gq_definition_t *found = NULL;
    for (const gq_definition_t *d = run->definitions; d; d = d->next) {
        if (d->is_fragment || (name && !graphql_is(d->name, name))) continue;
        if (found) graphql_fail(run, "Must provide operation name if query contains multiple operations");
        found = d;
    }
    if (!found) graphql_fail(run, "there is no such query");
    if (found && !graphql_is(found->operation, "query"))
        graphql_fail(run, "only queries are answered here, no %.*s", (int)found->operation.len,
                     found->operation.data);
    return found;
}

static json_t *error_json(const char *message, const gq_error_t *at)
{
    json_t *error = json_pack("{s:s}", "message", message);
    if (!error) error = json_pack("{s:s}", "message", "the question is not readable");
    if (at && at->line)
        json_object_set_new(error, "locations",
                            json_pack("[{s:i,s:i}]", "line", (int)at->line, "column", (int)at->column));
    return json_pack("{s:[o]}", "errors", error);
}

static json_t *answer(graphql_run_t *run, const json_t *request, arena_t *arena, int *status)
{
    gq_error_t error   = {0};
    const char *query  = json_string_value(json_object_get(request, "query"));
    const char *name   = json_string_value(json_object_get(request, "operationName"));
    const json_t *vars = json_object_get(request, "variables");
    *status            = 400;
    if (!query) return error_json("the body is {\"query\": text, \"variables\": object}", NULL);
    run->definitions = graphql_parse(bytes_text(query), arena, &error);
    if (!run->definitions) return error_json(error.text, &error);
    run->variables              = json_is_object(vars) ? json_deep_copy(vars) : json_object();
    json_t *data                = json_object();
    const gq_definition_t *root = find_query(run, name && name[0] ? name : NULL);
    if (!run->has_failed) set_variables(run, root);
    if (!run->has_failed) graphql_each_field(run, root->selections, "Query", root_field, data);
    json_decref(run->variables);
    if (!run->has_failed) {
        *status = 200;
        return json_pack("{s:o}", "data", data);
    }
    json_decref(data);
    *status = run->is_our_fault ? 500 : 400;
    return error_json(run->error, NULL);
}

json_t *graphql_answer(db_t *db, uint32_t height, bytes_t body, int *status)
{
    arena_t arena     = {malloc(ARENA_SIZE), ARENA_SIZE, 0};
    graphql_run_t run = {.db              = db,
                         .height          = height,
                         .rows_left       = GRAPHQL_ROWS_MAX,
                         .bytes_left      = GRAPHQL_BYTES_MAX,
                         .selections_left = GRAPHQL_SELECTIONS_MAX,
                         .depth_max       = GRAPHQL_DEPTH_MAX};
    json_t *request   = json_loadb((const char *)body.data, body.len, 0, NULL);
    if (!arena.start) abort();
    json_t *out = answer(&run, request, &arena, status);
    json_decref(request);
    json_decref(run.types);
    free(arena.start);
    return out ? out : error_json("the answer cannot be written", NULL);
}
