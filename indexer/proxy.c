/* proxy.c - the paths of gridproxy, and the answers that are no lists. */
#include "proxy_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNITS_A_TFT 10000000.0

/* ---- bills ---- */

static const filter_t bill_filters[] = {
    {NULL, FILTER_UINT, NULL, NULL}
};
static const sort_t no_sorts[] = {
    {NULL, NULL}
};

static json_t *bill_row(const proxy_t *proxy, const db_rows_t *rows)
{
    const char *digits = db_text(rows, 0) + strspn(db_text(rows, 0), "0");
    (void)proxy;
    json_t *amount = strlen(digits) > 18 ? json_string(digits) : json_integer(strtoll(digits, NULL, 10));
    return json_pack("{s:o,s:o,s:I}", "amountBilled", amount, "discountReceived", proxy_text(rows, 1),
                     "timestamp", (json_int_t)db_int(rows, 2));
}

json_t *proxy_bills(const proxy_t *proxy, uint64_t contract_id, const char *query, proxy_result_t *result)
{
    char from[128];
    snprintf(from, sizeof from, "(SELECT * FROM contract_bill_report WHERE contract_id = %llu) b",
             (unsigned long long)(contract_id < INT64_MAX ? contract_id : INT64_MAX));
    list_t bills = {.what    = "ContractBilling",
                    .columns = "b.amount_billed, b.discount_received, b.timestamp",
                    .from    = from,
                    .filters = bill_filters,
                    .sorts   = no_sorts,
                    .order   = "b.timestamp DESC, b.id DESC",
                    .row     = bill_row};
    return list_answer(proxy, &bills, query, result);
}

/* ---- consumption ---- */

static double amount_of(const char *digits) { return strtod(digits, NULL) / UNITS_A_TFT; }

/* What the last bill of a contract came to an hour: since the one before, or since the contract began. */
static double last_hour(const proxy_t *proxy, int64_t contract_id, int64_t created)
{
    double amount = 0, hours = 0;
    int64_t times[2] = {0, created};
    int count        = 0;
    db_rows_t *rows =
        db_query(proxy->db,
                 "SELECT amount_billed, timestamp FROM contract_bill_report WHERE contract_id = $1 ORDER BY "
                 "timestamp DESC LIMIT 2",
                 (value_t[]){value_int(contract_id)}, 1);
    while (rows && db_next(rows)) {
        if (count == 0) amount = amount_of(db_text(rows, 0));
        times[count++] = db_int(rows, 1);
    }
    if (rows) (void)!db_rows_free(rows);
    hours = (double)(times[0] - times[1]) / 3600;
    return count > 0 && hours > 0 ? amount / hours : 0;
}

json_t *proxy_consumption(const proxy_t *proxy, uint32_t twin_id, proxy_result_t *result)
{
    double hour = 0, all = 0;
    value_t key = value_int(twin_id);
    db_rows_t *rows =
        db_query(proxy->db,
                 "SELECT contract_id, created_at FROM contract WHERE twin_id = $1 AND state IN ('Created', "
                 "'GracePeriod')",
                 &key, 1);
    bool is_ok = rows != NULL;
    while (rows && db_next(rows))
        hour += last_hour(proxy, db_int(rows, 0), db_int(rows, 1));
    is_ok = rows && db_rows_free(rows) && is_ok;
    rows  = db_query(
         proxy->db,
         "SELECT b.amount_billed FROM contract_bill_report b JOIN contract c ON c.contract_id = b.contract_id "
          "WHERE c.twin_id = $1",
         &key, 1);
    while (rows && db_next(rows))
        all += amount_of(db_text(rows, 0));
    is_ok = rows && db_rows_free(rows) && is_ok;
    if (!is_ok) return proxy_error(result, 500, "the index cannot be read");
    return json_pack("{s:f,s:f}", "last_hour_consumption", hour, "overall_consumption", all);
}

/* ---- stats ---- */

static json_int_t count_of(const proxy_t *proxy, const char *what)
{
    char sql[160];
    json_int_t count = 0;
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s", what);
    db_rows_t *rows = db_query(proxy->db, sql, NULL, 0);
    if (rows && db_next(rows)) count = db_int(rows, 0);
    if (rows) (void)!db_rows_free(rows);
    return count;
}

typedef struct {
    uint64_t cru, sru, mru, hru, nodes, access, gateways, gpus, dedicated, workloads;
    json_t *countries;
} totals_t;

static uint64_t add(uint64_t a, int64_t b)
{
    return b < 0 || a > (uint64_t)INT64_MAX - (uint64_t)b ? (uint64_t)INT64_MAX : a + (uint64_t)b;
}

static void add_node(totals_t *t, const db_rows_t *rows)
{
    bool has_ip         = db_text(rows, 5)[0] || db_text(rows, 6)[0];
    const char *country = db_text(rows, 4);
    json_int_t so_far   = json_integer_value(json_object_get(t->countries, country));
    json_object_set_new(t->countries, country, json_integer(so_far + 1));
    t->nodes++;
    t->cru = add(t->cru, db_int(rows, 0));
    t->sru = add(t->sru, db_int(rows, 1));
    t->mru = add(t->mru, db_int(rows, 2));
    t->hru = add(t->hru, db_int(rows, 3));
    t->access += has_ip;
    t->gateways += has_ip && db_text(rows, 7)[0];
    t->gpus += db_int(rows, 8) > 0;
    t->dedicated += db_int(rows, 9) != 0;
    t->workloads = add(t->workloads, db_int(rows, 10));
}

static const filter_t stats_filters[] = {
    {"status", FILTER_STATUS, NULL, NULL},
    {NULL,     FILTER_UINT,   NULL, NULL}
};

static json_t *totals_json(const proxy_t *proxy, const totals_t *t)
{
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:O,s:I,s:I,s:I}", "nodes", (json_int_t)t->nodes,
        "farms", count_of(proxy, "farm"), "countries", (json_int_t)json_object_size(t->countries), "totalCru",
        (json_int_t)t->cru, "totalSru", (json_int_t)t->sru, "totalMru", (json_int_t)t->mru, "totalHru",
        (json_int_t)t->hru, "publicIps", count_of(proxy, "public_ip"), "accessNodes", (json_int_t)t->access,
        "gateways", (json_int_t)t->gateways, "twins", count_of(proxy, "twin"), "contracts",
        count_of(proxy, "contract"), "nodesDistribution", t->countries, "gpus", (json_int_t)t->gpus,
        "dedicatedNodes", (json_int_t)t->dedicated, "workloads_number", (json_int_t)t->workloads);
}

json_t *proxy_stats(const proxy_t *proxy, const char *query, proxy_result_t *result)
{
    char error[256] = "";
    totals_t totals = {.countries = json_object()};
    params_t p;
    sql_t sql;
    json_t *out = NULL;
    sql_init(&sql);
    bool is_ok = params_read(&p, query, error);
    sql_add(
        &sql,
        "SELECT n.total_cru, n.total_sru, n.total_mru, n.total_hru, n.country, n.ipv4, n.ipv6, n.domain, "
        "p.num_gpu, "
        "CASE WHEN f.dedicated_farm = 1 OR n.contracts_count = 0 OR n.renter IS NOT NULL THEN 1 ELSE 0 END, "
        "p.workloads FROM node n LEFT JOIN farm f ON f.farm_id = n.farm_id LEFT JOIN probe p ON p.twin_id = "
        "n.twin_id");
    is_ok           = is_ok && params_where(proxy, &sql, &(list_t){.filters = stats_filters}, &p, error);
    db_rows_t *rows = is_ok ? sql_query(&sql, proxy->db) : NULL;
    while (rows && db_next(rows))
        add_node(&totals, rows);
    if (!is_ok)
        out = proxy_error(result, 400, error);
    else if (!rows || !db_rows_free(rows))
        out = proxy_error(result, 500, "the index cannot be read");
    else
        out = totals_json(proxy, &totals);
    json_decref(totals.countries);
    sql_fini(&sql);
    params_free(&p);
    return out;
}

/* ---- paths ---- */

static json_t *one_contract(const proxy_t *proxy, uint64_t id, proxy_result_t *result)
{
    json_t *list = list_rows(proxy, &proxy_contracts, "c.contract_id = ?", value_big(id));
    json_t *one  = json_incref(json_array_get(list, 0));
    if (!list) return proxy_error(result, 500, "the index cannot be read");
    json_decref(list);
    return one ? one : proxy_error(result, 404, "contract not found");
}

static json_t *node_status(const proxy_t *proxy, uint32_t node_id, proxy_result_t *result)
{
    json_t *node = proxy_node(proxy, node_id, result, false);
    if (result->status != 200) return node;
    json_t *out = json_pack("{s:O}", "status", json_object_get(node, "status"));
    json_decref(node);
    return out;
}

/* split_path reads "/nodes/7/status" as ("nodes", 7, "status"). */
typedef struct {
    char what[32], rest[32];
    bool has_id;
    uint64_t id;
} route_t;

static bool split_path(const char *path, route_t *route)
{
    size_t len = strcspn(path + 1, "/");
    *route     = (route_t){.has_id = false};
    if (path[0] != '/' || len >= sizeof route->what) return false;
    memcpy(route->what, path + 1, len);
    path += 1 + len;
    if (!*path || !path[1]) return true;
    size_t digits = strspn(path + 1, "0123456789");
    if (digits == 0 || digits > 19 || (path[1 + digits] && path[1 + digits] != '/')) return false;
    route->has_id = true;
    route->id     = strtoull(path + 1, NULL, 10);
    path += 1 + digits;
    if (strlen(path) >= sizeof route->rest) return false;
    snprintf(route->rest, sizeof route->rest, "%s", *path ? path + 1 : "");
    return true;
}

static json_t *one_answer(const proxy_t *proxy, const route_t *r, const char *query, proxy_result_t *result)
{
    uint32_t id  = r->id < UINT32_MAX ? (uint32_t)r->id : UINT32_MAX;
    bool is_node = strcmp(r->what, "nodes") == 0, is_gateway = strcmp(r->what, "gateways") == 0;
    if ((is_node || is_gateway) && !r->rest[0]) return proxy_node(proxy, id, result, is_gateway);
    if ((is_node || is_gateway) && strcmp(r->rest, "status") == 0) return node_status(proxy, id, result);
    if (strcmp(r->what, "contracts") == 0 && !r->rest[0]) return one_contract(proxy, r->id, result);
    if (strcmp(r->what, "contracts") == 0 && strcmp(r->rest, "bills") == 0)
        return proxy_bills(proxy, r->id, query, result);
    if (strcmp(r->what, "twins") == 0 && strcmp(r->rest, "consumption") == 0)
        return proxy_consumption(proxy, id, result);
    return NULL;
}

json_t *proxy_answer(const proxy_t *proxy, const char *path, const char *query, proxy_result_t *result)
{
    static const struct {
        const char *name;
        const list_t *list;
    } lists[] = {
        {"nodes",      &proxy_nodes     },
        {"gateways",   &proxy_nodes     },
        {"farms",      &proxy_farms     },
        {"contracts",  &proxy_contracts },
        {"twins",      &proxy_twins     },
        {"public_ips", &proxy_public_ips},
    };
    route_t r;
    *result = (proxy_result_t){.status = 200};
    if (!split_path(path, &r)) return NULL;
    if (r.has_id) return one_answer(proxy, &r, query, result);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(r.what, lists[i].name) == 0) return list_answer(proxy, lists[i].list, query, result);
    if (strcmp(r.what, "stats") == 0) return proxy_stats(proxy, query, result);
    if (strcmp(r.what, "version") == 0) return json_pack("{s:s}", "version", proxy->version);
    if (strcmp(r.what, "ping") == 0) return json_pack("{s:s}", "ping", "pong");
    return NULL;
}
