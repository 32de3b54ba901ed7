/* proxy_filter.c - a query's parameters, and the statement that they make of a list. */
#include "proxy_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SIZE_DEFAULT 50u
#define UP_S         (2u * 40 * 60) /* a node that said nothing for two reports is not up */
#define STANDBY_S    (24u * 3600)

json_t *proxy_error(proxy_result_t *result, int status, const char *text)
{
    json_t *error  = json_pack("{s:s}", "error", text);
    result->status = status;
    return error ? error : json_pack("{s:s}", "error", "a value that is no UTF-8");
}

json_t *proxy_text(const db_rows_t *rows, unsigned column) { return json_string(db_text(rows, column)); }

/* ---- status ---- */

#define POWERED_ON "(n.power_state IS NULL OR (n.power_state = 'Up' AND n.power_target = 'Up'))"
#define POWER_OFF  "(n.power_state = 'Down' OR n.power_target = 'Down')"
const char proxy_is_up[]      = "(n.updated_at >= {up} AND " POWERED_ON ")";
const char proxy_is_down[]    = "((n.updated_at < {up} AND " POWERED_ON ") OR n.updated_at < {standby})";
const char proxy_is_standby[] = "(" POWER_OFF " AND n.updated_at >= {standby})";

void proxy_status_sql(const proxy_t *proxy, sql_t *sql, const char *condition)
{
    for (const char *at = condition; *at;) {
        size_t plain = strcspn(at, "{");
        sql_add(sql, "%.*s", (int)plain, at);
        at += plain;
        if (!*at) break;
        bool is_up   = strncmp(at, "{up}", 4) == 0;
        uint64_t ago = is_up ? UP_S : STANDBY_S;
        sql_add(sql, "%lld", (long long)proxy->now_s - (long long)ago);
        at = strchr(at, '}') + 1;
    }
}

const char *proxy_status(const proxy_t *proxy, const char *state, const char *target, int64_t updated_at)
{
    bool is_off    = strcmp(state, "Down") == 0 || strcmp(target, "Down") == 0;
    bool is_recent = updated_at >= (int64_t)proxy->now_s - (int64_t)UP_S;
    if (!is_off) return is_recent ? "up" : "down";
    return updated_at >= (int64_t)proxy->now_s - (int64_t)STANDBY_S ? "standby" : "down";
}

/* ---- parameters ---- */

static bool read_uint(const char *text, uint64_t *v)
{
    char *end = NULL;
    if (!*text || strspn(text, "0123456789") != strlen(text)) return false;
    *v = strtoull(text, &end, 10);
    return true;
}

static bool read_bool(const char *text, bool *v)
{
    *v = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0;
    return *v || strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static bool read_real(const char *text, double *v)
{
    char *end = NULL;
    *v        = strtod(text, &end);
    return *text && *end == 0 && *v >= -1e300 && *v <= 1e300;
}

/* read_limit takes what every list knows; *is_known says whether the name is one of these. */
static bool read_limit(params_t *p, const char *name, const char *value, bool *is_known)
{
    uint64_t number = 0;
    *is_known       = true;
    if (strcmp(name, "size") == 0) {
        bool is_ok = read_uint(value, &number);
        p->size    = number < PROXY_ROWS_MAX ? (uint32_t)number : PROXY_ROWS_MAX;
        return is_ok;
    }
    if (strcmp(name, "page") == 0) {
        bool is_ok = read_uint(value, &number) && number > 0;
        p->page    = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
        return is_ok;
    }
    if (strcmp(name, "ret_count") == 0) return read_bool(value, &p->is_counted);
    if (strcmp(name, "randomize") == 0) return read_bool(value, &p->is_random);
    if (strcmp(name, "balance") == 0) return read_real(value, &p->balance);
    if (strcmp(name, "sort_by") == 0) {
        p->sort_by = value;
        return true;
    }
    if (strcmp(name, "sort_order") == 0) {
        p->is_down = strcasecmp(value, "desc") == 0;
        return p->is_down || strcasecmp(value, "asc") == 0;
    }
    *is_known = false;
    return true;
}

/* A '&' and a '%' that are no signs of the query's own. */
static void decode_signs(char *text)
{
    char *out = text;
    for (const char *at = text; *at; at++) {
        bool is_and = strncmp(at, "%26", 3) == 0, is_percent = strncmp(at, "%25", 3) == 0;
        *out++ = is_and ? '&' : *at;
        if (is_and || is_percent) at += 2;
    }
    *out = 0;
}

bool params_read(params_t *params, const char *query, char error[256])
{
    *params       = (params_t){.text = strdup(query), .size = SIZE_DEFAULT, .page = 1};
    char *at      = params->text;
    bool is_known = false;
    if (!at) abort();
    for (char *c = at; *c; c++)
        if (*c == '+') *c = ' ';
    while (at && *at) {
        char *next = strchr(at, '&');
        if (next) *next++ = 0;
        char *value = strchr(at, '=');
        if (value) *value++ = 0;
        if (value) decode_signs(value);
        if (value && *value) { /* an empty value is no filter */
            if (!read_limit(params, at, value, &is_known)) {
                snprintf(error, 256, "failed to decode params: %.40s cannot be \"%.60s\"", at, value);
                return false;
            }
            if (!is_known && params->count == PROXY_PARAMS_MAX) {
                snprintf(error, 256, "failed to decode params: too many");
                return false;
            }
            if (!is_known) {
                params->items[params->count].name    = at;
                params->items[params->count++].value = value;
            }
        }
        at = next;
    }
    return true;
}

void params_free(params_t *params) { free(params->text); }

/* ---- conditions ---- */

/* put_condition writes sql with every '?' as this value. */
static void put_condition(sql_t *sql, const char *condition, value_t value)
{
    value_t values[8];
    for (unsigned i = 0; i < 8; i++)
        values[i] = value;
    sql_piece(sql, condition, values, 8);
}

typedef bool (*each_part_fn)(sql_t *sql, const filter_t *filter, const char *part, bool is_first);

/* each_part calls fn for the parts between commas. */
static bool each_part(sql_t *sql, const filter_t *filter, const char *text, each_part_fn fn)
{
    char part[128];
    bool is_ok = true, is_first = true;
    while (is_ok && *text) {
        size_t len = strcspn(text, ",");
        if (len >= sizeof part) return false;
        memcpy(part, text, len);
        part[len] = 0;
        is_ok     = len == 0 || fn(sql, filter, part, is_first);
        is_first  = is_first && len == 0;
        text += len + (text[len] == ',');
    }
    return is_ok && !is_first;
}

static bool put_uint_part(sql_t *sql, const filter_t *filter, const char *part, bool is_first)
{
    uint64_t number;
    (void)filter;
    if (!read_uint(part, &number)) return false;
    if (!is_first) sql_add(sql, ", ");
    sql_value(sql, value_big(number));
    return true;
}

static bool put_text_part(sql_t *sql, const filter_t *filter, const char *part, bool is_first)
{
    if (!is_first) sql_add(sql, " AND ");
    put_condition(sql, filter->sql, value_text(part));
    return true;
}

static bool put_state_part(sql_t *sql, const filter_t *filter, const char *part, bool is_first)
{
    if (!is_first) sql_add(sql, " OR ");
    put_condition(sql, filter->sql, value_text(part));
    return true;
}

static bool put_status_part(const proxy_t *proxy, sql_t *sql, const char *part, bool is_first)
{
    const char *condition = strcmp(part, "up") == 0        ? proxy_is_up
                            : strcmp(part, "down") == 0    ? proxy_is_down
                            : strcmp(part, "standby") == 0 ? proxy_is_standby
                                                           : NULL;
    if (!condition) return false;
    if (!is_first) sql_add(sql, " OR ");
    proxy_status_sql(proxy, sql, condition);
    return true;
}

static bool put_status(const proxy_t *proxy, sql_t *sql, const char *text)
{
    char part[16];
    bool is_first = true;
    while (*text) {
        size_t len = strcspn(text, ",");
        if (len >= sizeof part) return false;
        memcpy(part, text, len);
        part[len] = 0;
        if (!put_status_part(proxy, sql, part, is_first)) return false;
        is_first = false;
        text += len + (text[len] == ',');
    }
    return !is_first;
}

static bool put_list(sql_t *sql, const filter_t *filter, const char *value)
{
    const char *mark = strchr(filter->sql, '?');
    sql_add(sql, "%.*s", (int)(mark - filter->sql), filter->sql);
    bool is_ok = each_part(sql, filter, value, put_uint_part);
    sql_add(sql, "%s", mark + 1);
    return is_ok;
}

/* put_filter writes the condition of one filter, in brackets; false: the value is not one of its kind. */
static bool put_filter(const proxy_t *proxy, sql_t *sql, const params_t *p, const filter_t *filter,
                       const char *value)
{
    uint64_t number;
    double real;
    bool is_true, is_ok = true;
    sql_add(sql, "(");
    switch (filter->kind) {
    case FILTER_UINT:
        is_ok = read_uint(value, &number);
        if (is_ok) put_condition(sql, filter->sql, value_big(number));
        break;
    case FILTER_BOOL:
        is_ok = read_bool(value, &is_true);
        if (is_ok) sql_add(sql, "%s(%s)", is_true ? "" : "NOT ", filter->sql);
        break;
    case FILTER_REAL: /* the first two values are the balance, for the discount that it gives */
        is_ok = read_real(value, &real);
        if (is_ok) {
            value_t b = value_real(p->balance);
            sql_piece(sql, filter->sql, (value_t[]){b, b, b, b, value_real(real)}, 5);
        }
        break;
    case FILTER_TEXT: put_condition(sql, filter->sql, value_text(value)); break;
    case FILTER_UINTS: is_ok = put_list(sql, filter, value); break;
    case FILTER_TEXTS: is_ok = each_part(sql, filter, value, put_text_part); break;
    case FILTER_STATES: is_ok = each_part(sql, filter, value, put_state_part); break;
    case FILTER_STATUS: is_ok = put_status(proxy, sql, value); break;
    }
    sql_add(sql, ")");
    return is_ok;
}

static const filter_t *find_filter(const list_t *list, const char *name)
{
    for (const filter_t *f = list->filters; f->name; f++)
        if (strcmp(f->name, name) == 0) return f;
    return NULL;
}

bool params_where(const proxy_t *proxy, sql_t *sql, const list_t *list, const params_t *p, char error[256])
{
    bool has_group = false;
    sql_add(sql, " WHERE (1 = 1)");
    for (int pass = 0; pass < 2; pass++) { /* those of the group last, within its EXISTS */
        for (unsigned i = 0; i < p->count; i++) {
            const filter_t *f = find_filter(list, p->items[i].name);
            if (!f) {
                snprintf(error, 256, "failed to decode params: schema: invalid path \"%.60s\"",
                         p->items[i].name);
                return false;
            }
            if ((f->group != NULL) != (pass == 1)) continue;
            if (f->group && !has_group) sql_add(sql, " AND %s", list->group_open);
            has_group = has_group || f->group;
            sql_add(sql, " AND ");
            if (put_filter(proxy, sql, p, f, p->items[i].value)) continue;
            snprintf(error, 256, "failed to decode params: %.40s cannot be \"%.60s\"", f->name,
                     p->items[i].value);
            return false;
        }
    }
    if (has_group) sql_add(sql, ")");
    return true;
}

/* ---- order ---- */

static bool has_one_of(const params_t *p, const char *names)
{
    for (unsigned i = 0; names && i < p->count; i++)
        for (const char *at = names; *at;) {
            size_t len = strcspn(at, ",");
            if (strlen(p->items[i].name) == len && memcmp(p->items[i].name, at, len) == 0) return true;
            at += len + (at[len] == ',');
        }
    return false;
}

static bool put_order(const proxy_t *proxy, sql_t *sql, const list_t *list, const params_t *p,
                      char error[256])
{
    const sort_t *sort = list->sorts;
    while (p->sort_by && sort->name && strcmp(sort->name, p->sort_by) != 0)
        sort++;
    if (p->sort_by && !sort->name) {
        snprintf(error, 256, "\"%.60s\" is not a sort field for %s type", p->sort_by, list->what);
        return false;
    }
    sql_add(sql, " ORDER BY ");
    if (p->is_random) {
        sql_add(sql, "random()");
        return true;
    }
    if (has_one_of(p, list->first)) sql_add(sql, "%s, ", list->first_sql);
    if (p->sort_by) {
        value_t b = value_real(p->balance);
        if (strchr(sort->sql, '?'))
            sql_piece(sql, sort->sql, (value_t[]){b, b, b, b}, 4);
        else
            proxy_status_sql(proxy, sql, sort->sql);
        sql_add(sql, " %s NULLS %s, ", p->is_down ? "DESC" : "ASC", p->is_down ? "LAST" : "FIRST");
    }
    sql_add(sql, "%s", list->order);
    return true;
}

/* ---- lists ---- */

static bool count_rows(const proxy_t *proxy, const list_t *list, const params_t *p, proxy_result_t *result)
{
    char error[256];
    sql_t sql;
    sql_init(&sql);
    sql_add(&sql, "SELECT COUNT(*) FROM %s", list->from);
    bool is_ok      = params_where(proxy, &sql, list, p, error);
    db_rows_t *rows = is_ok ? sql_query(&sql, proxy->db) : NULL;
    if (rows && db_next(rows)) {
        uint64_t count = (uint64_t)db_int(rows, 0);
        snprintf(result->headers, sizeof result->headers, "count: %llu\r\nsize: %u\r\npages: %llu\r\n",
                 (unsigned long long)count, p->size,
                 (unsigned long long)(p->size ? (count + p->size - 1) / p->size : 0));
    }
    is_ok = rows && db_rows_free(rows);
    sql_fini(&sql);
    return is_ok;
}

static json_t *read_rows(const proxy_t *proxy, const list_t *list, sql_t *sql)
{
    db_rows_t *rows = sql_query(sql, proxy->db);
    json_t *out     = json_array();
    while (rows && db_next(rows))
        json_array_append_new(out, list->row(proxy, rows));
    if (rows && db_rows_free(rows)) return out;
    json_decref(out);
    return NULL;
}

json_t *list_answer(const proxy_t *proxy, const list_t *list, const char *query, proxy_result_t *result)
{
    char error[256] = "";
    params_t p;
    sql_t sql;
    json_t *out = NULL;
    sql_init(&sql);
    bool is_ok = params_read(&p, query, error);
    sql_add(&sql, "SELECT %s FROM %s", list->columns, list->from);
    is_ok = is_ok && params_where(proxy, &sql, list, &p, error) && put_order(proxy, &sql, list, &p, error);
    sql_add(&sql, " LIMIT %u OFFSET %llu", p.size, (unsigned long long)(p.page - 1) * p.size);
    if (is_ok && sql.has_failed) {
        is_ok = false;
        snprintf(error, sizeof error, "failed to decode params: too many values");
    }
    proxy_t asked = *proxy;
    asked.balance = p.balance;
    if (!is_ok)
        out = proxy_error(result, 400, error);
    else
        out = read_rows(&asked, list, &sql);
    if (is_ok && out && p.is_counted && !count_rows(proxy, list, &p, result)) {
        json_decref(out);
        out = NULL;
    }
    sql_fini(&sql);
    params_free(&p);
    return out ? out : proxy_error(result, 500, "the index cannot be read");
}

json_t *list_rows(const proxy_t *proxy, const list_t *list, const char *condition, value_t value)
{
    sql_t sql;
    sql_init(&sql);
    sql_add(&sql, "SELECT %s FROM %s WHERE ", list->columns, list->from);
    sql_piece(&sql, condition, &value, 1);
    sql_add(&sql, " ORDER BY %s", list->order);
    json_t *out = read_rows(proxy, list, &sql);
    sql_fini(&sql);
    return out;
}
