/* proxy_internal.h - filters as data, and what every list has in common. */
#ifndef PROXY_INTERNAL_H
#define PROXY_INTERNAL_H
#include "proxy.h"
#include "sql.h"

typedef enum {
    FILTER_UINT,
    FILTER_BOOL, /* sql is a condition: the filter is whether it holds */
    FILTER_REAL,
    FILTER_TEXT,
    FILTER_UINTS,  /* by commas: `?` becomes all of them */
    FILTER_TEXTS,  /* by commas: sql holds for each */
    FILTER_STATUS, /* by commas: up, down, standby; one of them */
    FILTER_STATES, /* by commas: one of them, in any case */
} filter_kind_t;

/* A filter: '?' in sql is its value, as often as it stands there. */
typedef struct {
    const char *name;
    filter_kind_t kind;
    const char *sql;
    const char *group; /* conditions of one group hold for one row of it: see group in list_t; may be NULL */
} filter_t;

/* What a list may be sorted by: '?' in sql is the balance. */
typedef struct {
    const char *name, *sql;
} sort_t;

/* A list: SELECT columns FROM from WHERE (filters) ORDER BY ... */
typedef struct {
    const char *what; /* "Node", for errors */
    const char *columns, *from;
    const filter_t *filters; /* ends with a NULL name */
    const sort_t *sorts;     /* ends with a NULL name */
    const char *order;       /* when nothing is asked for */
    const char *first; /* filters whose presence puts `first_sql` before the order: by commas; may be NULL */
    const char *first_sql;
    const char *group_name, *group_open; /* of filters in a group: EXISTS (... AND conditions) */
    json_t *(*row)(const proxy_t *proxy, const db_rows_t *rows);
} list_t;

typedef struct {
    char *text; /* owns the names and values */
    struct {
        const char *name, *value;
    } items[PROXY_PARAMS_MAX];
    unsigned count;
    uint32_t size, page;
    bool is_counted, is_random, is_down; /* down: sort_order=desc */
    const char *sort_by;
    double balance;
} params_t;

/* params_read splits a query and reads size, page and so on; false: *result and *error say why. */
bool params_read(params_t *params, const char *query, char error[256]);
void params_free(params_t *params);

/* params_where writes " WHERE ..." of the list's filters that are given; false: *error says which is none, or
 * has a value that cannot be. */
bool params_where(const proxy_t *proxy, sql_t *sql, const list_t *list, const params_t *params,
                  char error[256]);

/* proxy_error gives {"error": text} with that status. */
json_t *proxy_error(proxy_result_t *result, int status, const char *text);

/* list_answer answers a whole list by the query. */
json_t *list_answer(const proxy_t *proxy, const list_t *list, const char *query, proxy_result_t *result);

/* list_rows gives the rows of the list that fulfil the condition, in its order; NULL when it cannot be read.
 */
json_t *list_rows(const proxy_t *proxy, const list_t *list, const char *condition, value_t value);

/* Conditions that hold for an up, down or standby node of alias n; `?` are the times before which it is not
 * up, and not standby. */
extern const char proxy_is_up[], proxy_is_down[], proxy_is_standby[];

extern const list_t proxy_nodes, proxy_farms, proxy_contracts, proxy_twins, proxy_public_ips;

/* proxy_node gives a node as /nodes/ID does: its resources under `capacity`. */
json_t *proxy_node(const proxy_t *proxy, uint32_t node_id, proxy_result_t *result, bool is_gateway);
json_t *proxy_bills(const proxy_t *proxy, uint64_t contract_id, const char *query, proxy_result_t *result);
json_t *proxy_stats(const proxy_t *proxy, const char *query, proxy_result_t *result);
json_t *proxy_consumption(const proxy_t *proxy, uint32_t twin_id, proxy_result_t *result);

/* A status condition with its times, as SQL text. */
void proxy_status_sql(const proxy_t *proxy, sql_t *sql, const char *condition);
const char *proxy_status(const proxy_t *proxy, const char *state, const char *target, int64_t updated_at);

/* proxy_text is a text column as JSON, "" for none. */
json_t *proxy_text(const db_rows_t *rows, unsigned column);

#endif
