/* graphql_sql.c - where and orderBy as SQL.  Names of columns are ours; values are always bound. */
#include "graphql_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIAS_CAP 16

static void new_alias(graphql_run_t *run, char alias[ALIAS_CAP])
{
    snprintf(alias, ALIAS_CAP, "t%u", ++run->aliases);
}

void graphql_from(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias)
{
    const char *mark = type->only ? strstr(type->only, "%s") : NULL;
    (void)run;
    sql_add(sql, " FROM %s %s WHERE ", type->table, alias);
    if (mark)
        sql_add(sql, "%.*s%s%s", (int)(mark - type->only), type->only, alias, mark + 2);
    else
        sql_add(sql, "1 = 1");
}

/* ---- values ---- */

static bool read_big(const char *text, int64_t *number)
{
    char *end = NULL;
    *number   = strtoll(text, &end, 10); /* what is larger than any stays the largest */
    return *text && end && *end == 0;
}

static bool read_wide(const char *text, char digits[40])
{
    size_t len = strlen(text);
    if (len == 0 || len > 39 || strspn(text, "0123456789") != len) return false;
    memset(digits, '0', 39);
    memcpy(digits + 39 - len, text, len + 1);
    return true;
}

/* Binds a value for a field of this kind. */
static void put_value(graphql_run_t *run, sql_t *sql, const graphql_field_t *field, const json_t *json)
{
    char room[40];
    int64_t number;
    const char *text = json_string_value(json);
    if (json_is_integer(json)) {
        snprintf(room, sizeof room, "%lld", (long long)json_integer_value(json));
        text = room;
    }
    char digits[40];
    switch (field->kind) {
    case GRAPHQL_INT:
    case GRAPHQL_BIG:
        if (!text || !read_big(text, &number)) break;
        sql_value(sql, value_int(number));
        return;
    case GRAPHQL_WIDE:
        if (!text || !read_wide(text, digits)) break;
        sql_value(sql, value_text(digits));
        return;
    case GRAPHQL_DECIMAL:
        if (!json_is_number(json) && !text) break;
        sql_value(sql, value_real((text ? strtod(text, NULL) : json_number_value(json)) * 1000));
        return;
    case GRAPHQL_BOOL:
        if (!json_is_boolean(json)) break;
        sql_value(sql, value_int(json_is_true(json)));
        return;
    case GRAPHQL_TEXT:
    case GRAPHQL_ENUM:
        if (!json_is_string(json)) break;
        sql_value(sql, value_text(text));
        return;
    case GRAPHQL_JSON:
    case GRAPHQL_OBJECT:
    case GRAPHQL_ONE:
    case GRAPHQL_MANY: break;
    }
    graphql_fail(run, "the value of \"%s\" is of another type", field->name);
}

/* ---- operators ---- */

static void put_list(graphql_run_t *run, sql_t *sql, const graphql_field_t *field, const char *column,
                     const json_t *list, bool is_in)
{
    size_t i;
    json_t *item;
    if (!json_is_array(list)) {
        graphql_fail(run, "\"%s%s\" takes a list", field->name, is_in ? "_in" : "_not_in");
        return;
    }
    if (json_array_size(list) == 0) {
        sql_add(sql, is_in ? "1 = 0" : "1 = 1");
        return;
    }
    sql_add(sql, "%s %s (", column, is_in ? "IN" : "NOT IN");
    json_array_foreach(list, i, item)
    {
        if (i) sql_add(sql, ", ");
        put_value(run, sql, field, item);
    }
    sql_add(sql, ")");
}

static void put_text(sql_t *sql, const json_t *json)
{
    sql_add(sql, "CAST(");
    sql_value(sql, value_text(json_string_value(json)));
    sql_add(sql, " AS TEXT)");
}

static void contains(sql_t *sql, const char *column, const json_t *json, bool in_any_case)
{
    sql_add(sql, in_any_case ? "strpos(lower(%s), lower(" : "strpos(%s, ", column);
    put_text(sql, json);
    sql_add(sql, in_any_case ? ")) > 0" : ") > 0");
}

static void starts(sql_t *sql, const char *column, const json_t *json)
{
    sql_add(sql, "substr(%s, 1, length(", column);
    put_text(sql, json);
    sql_add(sql, ")) = ");
    put_text(sql, json);
}

static void ends(sql_t *sql, const char *column, const json_t *json)
{
    sql_add(sql, "(length(%s) >= length(", column);
    put_text(sql, json);
    sql_add(sql, ") AND substr(%s, length(%s) - length(", column, column);
    put_text(sql, json);
    sql_add(sql, ") + 1) = ");
    put_text(sql, json);
    sql_add(sql, ")");
}

static bool put_text_operator(sql_t *sql, const char *column, const char *operator, const json_t * json)
{
    bool is_not      = strncmp(operator, "not_", 4) == 0;
    const char *name = is_not ? operator+ 4 : operator;
    if (strcmp(name, "contains") != 0 && strcmp(name, "containsInsensitive") != 0 &&
        strcmp(name, "startsWith") != 0 && strcmp(name, "endsWith") != 0)
        return false;
    if (is_not) sql_add(sql, "NOT ");
    if (strcmp(name, "startsWith") == 0)
        starts(sql, column, json);
    else if (strcmp(name, "endsWith") == 0)
        ends(sql, column, json);
    else
        contains(sql, column, json, name[8] != 0);
    return true;
}

static void put_operator(graphql_run_t *run, sql_t *sql, const graphql_type_t *type,
                         const graphql_field_t *field, const char *column, const char *operator,
                         const json_t * json)
{
    static const struct {
        const char *name, *sign;
        bool is_ordered;
    } signs[] = {
        {"eq",     "=",  false},
        {"not_eq", "<>", false},
        {"gt",     ">",  true },
        {"gte",    ">=", true },
        {"lt",     "<",  true },
        {"lte",    "<=", true },
    };
    bool is_ordered = field->kind != GRAPHQL_BOOL && field->kind != GRAPHQL_ENUM;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (strcmp(operator, signs[i].name) != 0 || (signs[i].is_ordered && !is_ordered)) continue;
        if (json_is_null(json) && !signs[i].is_ordered) {
            sql_add(sql, i == 0 ? "%s IS NULL" : "%s IS NOT NULL", column);
            return;
        }
        sql_add(sql, "%s %s ", column, signs[i].sign);
        put_value(run, sql, field, json);
        return;
    }
    if (strcmp(operator, "in") == 0 || strcmp(operator, "not_in") == 0)
        put_list(run, sql, field, column, json, operator[0] == 'i');
    else if (strcmp(operator, "isNull") == 0 && json_is_boolean(json))
        sql_add(sql, json_is_true(json) ? "%s IS NULL" : "%s IS NOT NULL", column);
    else if (field->kind != GRAPHQL_TEXT || !json_is_string(json) ||
             !put_text_operator(sql, column, operator, json))
        graphql_fail(run, "Field \"%s_%s\" is not defined by type \"%sWhereInput\", or takes another value",
                     field->name, operator, type->name);
}

/* ---- relations ---- */

/* rows of the other type that belong to this one, and fulfil `where`, exist */
static void put_exists(graphql_run_t *run, sql_t *sql, const graphql_field_t *field, const char *alias,
                       const json_t *where, bool is_not_where)
{
    char other[ALIAS_CAP];
    new_alias(run, other);
    sql_add(sql, "EXISTS (SELECT 1");
    graphql_from(run, sql, field->type, other);
    sql_add(sql, " AND %s.%s = %s.%s AND %s(", other, field->foreign, alias, field->column,
            is_not_where ? "NOT " : "");
    graphql_where(run, sql, field->type, other, where);
    sql_add(sql, "))");
}

static void put_relation(graphql_run_t *run, sql_t *sql, const graphql_type_t *type,
                         const graphql_field_t *field, const char *alias, const char *operator,
                         const json_t * json)
{
    bool is_many = field->kind == GRAPHQL_MANY;
    if (!operator[0] && !is_many && json_is_object(json))
        put_exists(run, sql, field, alias, json, false);
    else if (strcmp(operator, "isNull") == 0 && !is_many && json_is_boolean(json)) {
        if (json_is_true(json)) sql_add(sql, "NOT ");
        put_exists(run, sql, field, alias, NULL, false);
    } else if (is_many && json_is_object(json) && strcmp(operator, "some") == 0)
        put_exists(run, sql, field, alias, json, false);
    else if (is_many && json_is_object(json) && strcmp(operator, "none") == 0) {
        sql_add(sql, "NOT ");
        put_exists(run, sql, field, alias, json, false);
    } else if (is_many && json_is_object(json) && strcmp(operator, "every") == 0) {
        sql_add(sql, "NOT ");
        put_exists(run, sql, field, alias, json, true);
    } else
        graphql_fail(run, "Field \"%s%s%s\" is not defined by type \"%sWhereInput\", or takes another value",
                     field->name, operator[0] ? "_" : "", operator, type->name);
}

static void put_object(graphql_run_t *run, sql_t *sql, const graphql_type_t *type,
                       const graphql_field_t *field, const char *alias, const char *operator,
                       const json_t * json);

/* One entry of a where: FIELD_OPERATOR. */
static void put_entry(graphql_run_t *run, sql_t *sql, const graphql_type_t *type,
                      const graphql_field_t *fields, const char *alias, const char *key, const json_t *json)
{
    size_t len                   = strcspn(key, "_");
    const graphql_field_t *field = graphql_field(fields, key, (unsigned)len);
    const char *operator= key[len] ? key + len + 1 : "";
    char column[96];
    if (!field) {
        graphql_fail(run, "Field \"%.60s\" is not defined by type \"%sWhereInput\"", key, type->name);
        return;
    }
    if (field->kind == GRAPHQL_ONE || field->kind == GRAPHQL_MANY)
        put_relation(run, sql, type, field, alias, operator, json);
    else if (field->kind == GRAPHQL_OBJECT)
        put_object(run, sql, type, field, alias, operator, json);
    else {
        snprintf(column, sizeof column, "%s.%s", alias, field->column);
        put_operator(run, sql, type, field, column, operator, json);
    }
}

static void put_object(graphql_run_t *run, sql_t *sql, const graphql_type_t *type,
                       const graphql_field_t *field, const char *alias, const char *operator,
                       const json_t * json)
{
    const char *key;
    json_t *value;
    if (strcmp(operator, "isNull") == 0 && json_is_boolean(json)) {
        sql_add(sql, "%s.%s IS %sNULL", alias, field->fields[0].column, json_is_true(json) ? "" : "NOT ");
        return;
    }
    if (operator[0] || !json_is_object(json)) {
        graphql_fail(run, "Field \"%s\" takes an object", field->name);
        return;
    }
    sql_add(sql, "(1 = 1");
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        sql_add(sql, " AND ");
        put_entry(run, sql, type, field->fields, alias, key, value);
    }
    sql_add(sql, ")");
}

/* ---- where ---- */

/* AND and OR take an object or a list of them. */
static void put_parts(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias,
                      const json_t *json, const char *word)
{
    size_t i, count = json_is_array(json) ? json_array_size(json) : 1;
    for (i = 0; i < count; i++) {
        const json_t *part = json_is_array(json) ? json_array_get(json, i) : json;
        if (!json_is_object(part)) {
            graphql_fail(run, "AND and OR take objects");
            return;
        }
        sql_add(sql, " %s (", word);
        graphql_where(run, sql, type, alias, part);
        sql_add(sql, ")");
    }
}

void graphql_where(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias,
                   const json_t *where)
{
    const json_t *both = json_object_get(where, "AND"), *either = json_object_get(where, "OR");
    const char *key;
    json_t *value;
    bool has_own = both && !json_is_null(both);
    if (++run->depth > GRAPHQL_DEPTH_MAX) graphql_fail(run, "nested too deeply");
    if (where && !json_is_object(where) && !json_is_null(where)) graphql_fail(run, "where takes an object");
    json_object_foreach((json_t *)(uintptr_t)where, key, value) has_own =
        has_own || (strcmp(key, "AND") != 0 && strcmp(key, "OR") != 0);
    bool is_or_alone = either && !json_is_null(either) && !has_own;
    sql_add(sql, is_or_alone ? "(1 = 0" : "(1 = 1");
    json_object_foreach((json_t *)(uintptr_t)where, key, value)
    {
        if (run->has_failed) break;
        if (strcmp(key, "AND") == 0 || strcmp(key, "OR") == 0) continue;
        sql_add(sql, " AND ");
        put_entry(run, sql, type, type->fields, alias, key, value);
    }
    if (both && !json_is_null(both) && !run->has_failed) put_parts(run, sql, type, alias, both, "AND");
    sql_add(sql, ")");
    if (either && !json_is_null(either) && !run->has_failed) put_parts(run, sql, type, alias, either, "OR");
    run->depth--;
}

/* ---- orderBy ---- */

static bool put_order_field(graphql_run_t *run, sql_t *sql, const graphql_field_t *fields, const char *alias,
                            const char **name)
{
    size_t len                   = strcspn(*name, "_");
    const graphql_field_t *field = graphql_field(fields, *name, (unsigned)len);
    char other[ALIAS_CAP];
    if (!field || !(*name)[len]) return false;
    *name += len + 1;
    switch (field->kind) {
    case GRAPHQL_JSON:
    case GRAPHQL_MANY: return false;
    case GRAPHQL_OBJECT: return put_order_field(run, sql, field->fields, alias, name);
    case GRAPHQL_ONE:
        if (++run->depth > GRAPHQL_DEPTH_MAX) return false;
        new_alias(run, other);
        sql_add(sql, "(SELECT ");
        if (!put_order_field(run, sql, field->type->fields, other, name)) return false;
        graphql_from(run, sql, field->type, other);
        sql_add(sql, " AND %s.%s = %s.%s)", other, field->foreign, alias, field->column);
        run->depth--;
        return true;
    case GRAPHQL_INT:
    case GRAPHQL_BIG:
    case GRAPHQL_WIDE:
    case GRAPHQL_DECIMAL:
    case GRAPHQL_BOOL:
    case GRAPHQL_TEXT:
    case GRAPHQL_ENUM: break;
    }
    sql_add(sql, "%s.%s", alias, field->column);
    return true;
}

static void put_order(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias,
                      const json_t *json)
{
    static const char *const ways[][2] = {
        {"ASC",              " ASC NULLS LAST"  },
        {"DESC",             " DESC NULLS FIRST"},
        {"ASC_NULLS_FIRST",  " ASC NULLS FIRST" },
        {"ASC_NULLS_LAST",   " ASC NULLS LAST"  },
        {"DESC_NULLS_FIRST", " DESC NULLS FIRST"},
        {"DESC_NULLS_LAST",  " DESC NULLS LAST" },
    };
    const char *name = json_string_value(json), *rest = name;
    bool is_known = name && put_order_field(run, sql, type->fields, alias, &rest);
    for (size_t i = 0; is_known && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(rest, ways[i][0]) == 0) {
            sql_add(sql, "%s, ", ways[i][1]);
            return;
        }
    graphql_fail(run, "Value \"%.60s\" does not exist in \"%sOrderByInput\" enum", name ? name : "",
                 type->name);
}

void graphql_order(graphql_run_t *run, sql_t *sql, const graphql_type_t *type, const char *alias,
                   const json_t *order)
{
    size_t i;
    json_t *item;
    sql_add(sql, " ORDER BY ");
    if (json_array_size(order) > 16) graphql_fail(run, "orderBy takes at most 16 fields");
    if (json_is_string(order)) put_order(run, sql, type, alias, order);
    json_array_foreach(order, i, item)
    {
        if (run->has_failed) break;
        put_order(run, sql, type, alias, item);
    }
    sql_add(sql, "%s.id", alias);
}
