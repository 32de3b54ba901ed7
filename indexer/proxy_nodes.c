/* proxy_nodes.c - nodes: their filters, what they are sorted by, and how they are shown. */
#include "proxy_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_IS(column)  "lower(" column ") = lower(CAST(? AS TEXT))"
#define TEXT_HAS(column) "strpos(lower(" column "), lower(CAST(? AS TEXT))) > 0"
#define IS_SET(column)   "COALESCE(" column ", '') <> ''"
#define RENTABLE         "((f.dedicated_farm = 1 OR n.contracts_count = 0) AND n.renter IS NULL)"
#define FREE_FOR_ALL     "(n.renter IS NULL AND f.dedicated_farm = 0 AND n.extra_fee = 0)"
#define DEDICATED        "(f.dedicated_farm = 1 OR n.contracts_count = 0 OR n.renter IS NOT NULL OR n.extra_fee > 0)"
/* What staking takes off the price, by how many months of it the balance pays. */
#define PRICE(balance)                                                                                       \
    "(n.price_usd * (CASE WHEN " balance " >= n.price_usd * 18 THEN 0.4 WHEN " balance                       \
    " >= n.price_usd * 6 THEN 0.6 WHEN " balance " >= n.price_usd * 3 THEN 0.7 WHEN " balance                \
    " >= n.price_usd * 1.5 THEN 0.8 ELSE 1.0 END))"
#define BALANCE "CAST(? AS DOUBLE PRECISION)"

static const filter_t filters[] = {
    {"status",                FILTER_STATUS, NULL,                                                                  NULL },
    {"free_mru",              FILTER_UINT,   "n.free_mru >= ?",                                                     NULL },
    {"free_hru",              FILTER_UINT,   "n.free_hru >= ?",                                                     NULL },
    {"free_sru",              FILTER_UINT,   "n.free_sru >= ?",                                                     NULL },
    {"total_mru",             FILTER_UINT,   "n.total_mru >= ?",                                                    NULL },
    {"total_hru",             FILTER_UINT,   "n.total_hru >= ?",                                                    NULL },
    {"total_sru",             FILTER_UINT,   "n.total_sru >= ?",                                                    NULL },
    {"total_cru",             FILTER_UINT,   "n.total_cru >= ?",                                                    NULL },
    {"country",               FILTER_TEXT,   TEXT_IS("n.country"),                                                  NULL },
    {"country_contains",      FILTER_TEXT,   TEXT_HAS("n.country"),                                                 NULL },
    {"city",                  FILTER_TEXT,   TEXT_IS("n.city"),                                                     NULL },
    {"city_contains",         FILTER_TEXT,   TEXT_HAS("n.city"),                                                    NULL },
    {"region",                FILTER_TEXT,   TEXT_IS("n.region"),                                                   NULL },
    {"farm_name",             FILTER_TEXT,   TEXT_IS("f.name"),                                                     NULL },
    {"farm_name_contains",    FILTER_TEXT,   TEXT_HAS("f.name"),                                                    NULL },
    {"farm_ids",              FILTER_UINTS,  "n.farm_id IN (?)",                                                    NULL },
    {"farm_id",               FILTER_UINT,   "n.farm_id = ?",                                                       NULL },
    {"free_ips",              FILTER_UINT,   "COALESCE(f.free_ips, 0) >= ?",                                        NULL },
    {"ipv4",                  FILTER_BOOL,   IS_SET("n.ipv4"),                                                      NULL },
    {"ipv6",                  FILTER_BOOL,   IS_SET("n.ipv6"),                                                      NULL },
    {"domain",                FILTER_BOOL,   IS_SET("n.domain"),                                                    NULL },
    {"dedicated",             FILTER_BOOL,   DEDICATED,                                                             NULL },
    {"in_dedicated_farm",     FILTER_BOOL,   "COALESCE(f.dedicated_farm, 0) = 1",                                   NULL },
    {"rentable",              FILTER_BOOL,   RENTABLE,                                                              NULL },
    {"rented",                FILTER_BOOL,   "n.renter IS NOT NULL",                                                NULL },
    {"rented_by",             FILTER_UINT,   "COALESCE(n.renter, 0) = ?",                                           NULL },
    {"rentedBy",              FILTER_UINT,   "COALESCE(n.renter, 0) = ?",                                           NULL },
    {"rentable_or_rented_by", FILTER_UINT,   RENTABLE " OR COALESCE(n.renter, 0) = ?",                              NULL },
    {"available_for",         FILTER_UINT,   "COALESCE(n.renter, 0) = ? OR " FREE_FOR_ALL,                          NULL },
    {"owned_by",              FILTER_UINT,   "COALESCE(f.twin_id, 0) = ?",                                          NULL },
    {"node_id",               FILTER_UINT,   "n.node_id = ?",                                                       NULL },
    {"node_ids",              FILTER_UINTS,  "n.node_id IN (?)",                                                    NULL },
    {"excluded",              FILTER_UINTS,  "n.node_id NOT IN (?)",                                                NULL },
    {"twin_id",               FILTER_UINT,   "n.twin_id = ?",                                                       NULL },
    {"certification_type",    FILTER_TEXT,   TEXT_IS("n.certification"),                                            NULL },
    {"has_gpu",               FILTER_BOOL,   "COALESCE(p.num_gpu, 0) > 0",                                          NULL },
    {"num_gpu",               FILTER_UINT,   "COALESCE(p.num_gpu, 0) >= ?",                                         NULL },
    {"total_gpu",             FILTER_UINT,   "COALESCE(p.num_gpu, 0) >= ?",                                         NULL },
    {"free_gpu",              FILTER_UINT,
     "(SELECT COUNT(*) FROM probe_gpu f WHERE f.twin_id = n.twin_id AND f.contract = 0) >= ?",                      NULL },
    {"gpu_device_id",         FILTER_TEXT,   TEXT_HAS("g.id"),                                                      "gpu"},
    {"gpu_device_name",       FILTER_TEXT,   TEXT_HAS("g.device"),                                                  "gpu"},
    {"gpu_vendor_id",         FILTER_TEXT,   TEXT_HAS("g.id"),                                                      "gpu"},
    {"gpu_vendor_name",       FILTER_TEXT,   TEXT_HAS("g.vendor"),                                                  "gpu"},
    {"gpu_available",         FILTER_BOOL,   "g.contract = 0",                                                      "gpu"},
    {"healthy",               FILTER_BOOL,   "COALESCE(p.healthy, 0) = 1",                                          NULL },
    {"has_ipv6",              FILTER_BOOL,   "COALESCE(p.has_ipv6, 0) = 1",                                         NULL },
    {"price_min",             FILTER_REAL,   PRICE(BALANCE) " >= ?",                                                NULL },
    {"price_max",             FILTER_REAL,   PRICE(BALANCE) " <= ?",                                                NULL },
    {"features",              FILTER_TEXTS,  "strpos(COALESCE(p.features, ''), ',' || CAST(? AS TEXT) || ',') > 0", NULL },
    {NULL,                    FILTER_UINT,   NULL,                                                                  NULL },
};

static const sort_t sorts[] = {
    {"node_id",          "n.node_id"                                         },
    {"farm_id",          "n.farm_id"                                         },
    {"twin_id",          "n.twin_id"                                         },
    {"farm_name",        "f.name"                                            },
    {"country",          "n.country"                                         },
    {"city",             "n.city"                                            },
    {"uptime",           "n.uptime"                                          },
    {"created",          "n.created"                                         },
    {"updated_at",       "n.updated_at"                                      },
    {"total_cru",        "n.total_cru"                                       },
    {"total_mru",        "n.total_mru"                                       },
    {"total_hru",        "n.total_hru"                                       },
    {"total_sru",        "n.total_sru"                                       },
    {"used_cru",         "n.used_cru"                                        },
    {"used_mru",         "n.used_mru"                                        },
    {"used_hru",         "n.used_hru"                                        },
    {"used_sru",         "n.used_sru"                                        },
    {"free_cru",         "(n.total_cru - n.used_cru)"                        },
    {"free_mru",         "n.free_mru"                                        },
    {"free_hru",         "n.free_hru"                                        },
    {"free_sru",         "n.free_sru"                                        },
    {"dedicated_farm",   "f.dedicated_farm"                                  },
    {"rent_contract_id", "n.rent_contract_id"                                },
    {"rented",           "(CASE WHEN n.renter IS NOT NULL THEN 1 ELSE 0 END)"},
    {"rentable",         "(CASE WHEN " RENTABLE " THEN 1 ELSE 0 END)"        },
    {"num_gpu",          "COALESCE(p.num_gpu, 0)"                            },
    {"extra_fee",        "n.extra_fee"                                       },
    {"price_usd",        PRICE(BALANCE)                                      },
    {"status",           "(CASE WHEN n.updated_at >= {up} AND (n.power_state IS NULL OR (n.power_state = 'Up' AND "
               "n.power_target = 'Up')) THEN 1 WHEN (n.power_state = 'Down' OR n.power_target = 'Down') AND "
               "n.updated_at >= {standby} THEN 2 ELSE 3 END)"  },
    {NULL,               NULL                                                },
};

enum {
    C_ID,
    C_NODE,
    C_FARM,
    C_FARM_NAME,
    C_TWIN,
    C_COUNTRY,
    C_VERSION,
    C_CITY,
    C_UPTIME,
    C_CREATED,
    C_FARMING,
    C_UPDATED,
    C_TOTAL_CRU,
    C_TOTAL_SRU,
    C_TOTAL_HRU,
    C_TOTAL_MRU,
    C_USED_CRU,
    C_USED_SRU,
    C_USED_HRU,
    C_USED_MRU,
    C_LONGITUDE,
    C_LATITUDE,
    C_DOMAIN,
    C_GW4,
    C_GW6,
    C_IPV4,
    C_IPV6,
    C_CERTIFICATION,
    C_IN_DEDICATED,
    C_DEDICATED,
    C_RENT_CONTRACT,
    C_RENTER,
    C_RENTABLE,
    C_SERIAL,
    C_STATE,
    C_TARGET,
    C_GPUS,
    C_NUM_GPU,
    C_EXTRA_FEE,
    C_HEALTHY,
    C_DMI,
    C_UPLOAD,
    C_DOWNLOAD,
    C_PRICE,
    C_FREE_IPS,
    C_FEATURES,
    C_BENCHMARK,
    C_PROBED,
};
static const char columns[] =
    "n.id, n.node_id, n.farm_id, f.name, n.twin_id, n.country, n.grid_version, n.city, n.uptime, n.created, "
    "n.farming_policy_id, n.updated_at, n.total_cru, n.total_sru, n.total_hru, n.total_mru, n.used_cru, "
    "n.used_sru, "
    "n.used_hru, n.used_mru, n.longitude, n.latitude, n.domain, n.gw4, n.gw6, n.ipv4, n.ipv6, "
    "n.certification, "
    "f.dedicated_farm, CASE WHEN " DEDICATED
    " THEN 1 ELSE 0 END, n.rent_contract_id, n.renter, CASE WHEN " RENTABLE
    " THEN 1 ELSE 0 END, n.serial_number, n.power_state, n.power_target, p.gpus, p.num_gpu, n.extra_fee, "
    "p.healthy, "
    "p.dmi, p.upload, p.download, n.price_usd, f.free_ips, p.features, p.benchmark, "
    "p.updated_at";

/* ---- a row ---- */

/* "51.05" as a number; null when it is none. */
static json_t *degrees(const char *text)
{
    char *end = NULL;
    double v  = strtod(text, &end);
    return *text && *end == 0 && isfinite(v) ? json_real(v) : json_null();
}

static json_t *capacity(const db_rows_t *rows, unsigned cru)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "cru", (json_int_t)db_int(rows, cru), "sru",
                     (json_int_t)db_int(rows, cru + 1), "hru", (json_int_t)db_int(rows, cru + 2), "mru",
                     (json_int_t)db_int(rows, cru + 3));
}

static json_t *location(const db_rows_t *rows)
{
    return json_pack("{s:o,s:o,s:o,s:o}", "country", proxy_text(rows, C_COUNTRY), "city",
                     proxy_text(rows, C_CITY), "longitude", degrees(db_text(rows, C_LONGITUDE)), "latitude",
                     degrees(db_text(rows, C_LATITUDE)));
}

static json_t *public_config(const db_rows_t *rows)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "domain", proxy_text(rows, C_DOMAIN), "gw4",
                     proxy_text(rows, C_GW4), "gw6", proxy_text(rows, C_GW6), "ipv4",
                     proxy_text(rows, C_IPV4), "ipv6", proxy_text(rows, C_IPV6));
}

/* What was kept as JSON of what the node said; `otherwise` when there is none. */
static json_t *kept_json(const char *text, const char *otherwise)
{
    json_t *json = *text ? json_loads(text, 0, NULL) : NULL;
    return json ? json : json_loads(otherwise, 0, NULL);
}

/* ",zmachine,zmount," as a list. */
static json_t *features_json(const char *text)
{
    json_t *list = json_array();
    while (*text) {
        size_t len = strcspn(text, ",");
        if (len > 0) json_array_append_new(list, json_stringn(text, len));
        text += len + (text[len] == ',');
    }
    return list;
}

static double real_of(const db_rows_t *rows, unsigned column)
{
    value_t v = db_value(rows, column);
    return v.kind == VALUE_REAL ? v.real : v.kind == VALUE_INT ? (double)v.number : 0;
}

/* The price of a month, less what staking takes off it. */
static double price_of(double price, double balance)
{
    double rest = balance >= price * 18    ? 0.4
                  : balance >= price * 6   ? 0.6
                  : balance >= price * 3   ? 0.7
                  : balance >= price * 1.5 ? 0.8
                                           : 1;
    return round(price * rest * 1000) / 1000;
}

static void put_int(json_t *node, const char *name, const db_rows_t *rows, unsigned column)
{
    json_object_set_new(node, name, json_integer(db_int(rows, column)));
}

static void put_bool(json_t *node, const char *name, const db_rows_t *rows, unsigned column)
{
    json_object_set_new(node, name, json_boolean(db_int(rows, column)));
}

static void put_head(const proxy_t *proxy, json_t *node, const db_rows_t *rows)
{
    (void)proxy;
    json_object_set_new(node, "id", proxy_text(rows, C_ID));
    put_int(node, "nodeId", rows, C_NODE);
    put_int(node, "farmId", rows, C_FARM);
    json_object_set_new(node, "farmName", proxy_text(rows, C_FARM_NAME));
    put_int(node, "twinId", rows, C_TWIN);
    json_object_set_new(node, "country", proxy_text(rows, C_COUNTRY));
    put_int(node, "gridVersion", rows, C_VERSION);
    json_object_set_new(node, "city", proxy_text(rows, C_CITY));
    put_int(node, "uptime", rows, C_UPTIME);
    put_int(node, "created", rows, C_CREATED);
    put_int(node, "farmingPolicyId", rows, C_FARMING);
    put_int(node, "updatedAt", rows, C_UPDATED);
}

static void put_rest(const proxy_t *proxy, json_t *node, const db_rows_t *rows)
{
    const char *state = db_text(rows, C_STATE), *target = db_text(rows, C_TARGET);
    const char *status =
        proxy_status(proxy, db_text(rows, C_STATE), db_text(rows, C_TARGET), db_int(rows, C_UPDATED));
    json_object_set_new(node, "location", location(rows));
    json_object_set_new(node, "publicConfig", public_config(rows));
    json_object_set_new(node, "status", json_string(status));
    json_object_set_new(node, "certificationType", proxy_text(rows, C_CERTIFICATION));
    put_bool(node, "dedicated", rows, C_DEDICATED);
    put_bool(node, "inDedicatedFarm", rows, C_IN_DEDICATED);
    put_int(node, "rentContractId", rows, C_RENT_CONTRACT);
    json_object_set_new(node, "rented", json_boolean(db_value(rows, C_RENTER).kind != VALUE_NULL));
    put_bool(node, "rentable", rows, C_RENTABLE);
    put_int(node, "rentedByTwinId", rows, C_RENTER);
    json_object_set_new(node, "serialNumber", proxy_text(rows, C_SERIAL));
    json_object_set_new(node, "power", json_pack("{s:s,s:s}", "state", state, "target", target));
    put_int(node, "num_gpu", rows, C_NUM_GPU);
    put_int(node, "extraFee", rows, C_EXTRA_FEE);
    put_bool(node, "healthy", rows, C_HEALTHY);
    json_object_set_new(node, "dmi",
                        kept_json(db_text(rows, C_DMI),
                                  "{\"bios\":{\"vendor\":\"\",\"version\":\"\"},\"baseboard\":"
                                  "{\"manufacturer\":\"\",\"product_name\":\"\"},\"processor\":[],"
                                  "\"memory\":[]}"));
    json_object_set_new(
        node, "speed",
        json_pack("{s:f,s:f}", "upload", real_of(rows, C_UPLOAD), "download", real_of(rows, C_DOWNLOAD)));
    json_object_set_new(node, "gpus", kept_json(db_text(rows, C_GPUS), "[]"));
    json_object_set_new(
        node, "cpu_benchmark",
        kept_json(db_text(rows, C_BENCHMARK), "{\"single\":0,\"multi\":0,\"threads\":0,\"workloads\":0}"));
    json_object_set_new(node, "price_usd", json_real(price_of(real_of(rows, C_PRICE), proxy->balance)));
    put_int(node, "farm_free_ips", rows, C_FREE_IPS);
    json_object_set_new(node, "features", features_json(db_text(rows, C_FEATURES)));
}

static json_t *flat_row(const proxy_t *proxy, const db_rows_t *rows)
{
    json_t *node = json_object();
    put_head(proxy, node, rows);
    json_object_set_new(node, "total_resources", capacity(rows, C_TOTAL_CRU));
    json_object_set_new(node, "used_resources", capacity(rows, C_USED_CRU));
    put_rest(proxy, node, rows);
    return node;
}

static json_t *nested_row(const proxy_t *proxy, const db_rows_t *rows)
{
    json_t *node = json_object();
    put_head(proxy, node, rows);
    json_object_set_new(node, "capacity",
                        json_pack("{s:o,s:o}", "total_resources", capacity(rows, C_TOTAL_CRU),
                                  "used_resources", capacity(rows, C_USED_CRU)));
    put_rest(proxy, node, rows);
    return node;
}

#define FROM "node n LEFT JOIN farm f ON f.farm_id = n.farm_id LEFT JOIN probe p ON p.twin_id = n.twin_id"
const list_t proxy_nodes = {
    .what       = "Node",
    .columns    = columns,
    .from       = FROM,
    .filters    = filters,
    .sorts      = sorts,
    .order      = "n.node_id",
    .first      = "available_for,rentable_or_rented_by",
    .first_sql  = "(CASE WHEN n.renter IS NOT NULL THEN 1 ELSE 2 END)",
    .group_name = "gpu",
    .group_open = "EXISTS (SELECT 1 FROM probe_gpu g WHERE g.twin_id = n.twin_id",
    .row        = flat_row,
};

static const list_t nested = {.columns = columns, .from = FROM, .order = "n.node_id", .row = nested_row};

json_t *proxy_node(const proxy_t *proxy, uint32_t node_id, proxy_result_t *result, bool is_gateway)
{
    json_t *list = list_rows(proxy, &nested, "n.node_id = ?", value_int(node_id));
    json_t *node = json_incref(json_array_get(list, 0));
    if (!list) return proxy_error(result, 500, "the index cannot be read");
    json_decref(list);
    const char *domain = json_string_value(json_object_get(json_object_get(node, "publicConfig"), "domain"));
    if (node && (!is_gateway || (domain && domain[0]))) return node;
    json_decref(node);
    return proxy_error(result, 404, node ? "gateway not found" : "node not found");
}

bool proxy_node_twin(const proxy_t *proxy, uint32_t node_id, uint32_t *twin_id, bool *is_up)
{
    db_rows_t *rows = db_query(
        proxy->db, "SELECT twin_id, power_state, power_target, updated_at FROM node WHERE node_id = $1",
        (value_t[]){value_int(node_id)}, 1);
    bool is_there = rows && db_next(rows);
    if (is_there) {
        char state[8], target[8];
        *twin_id = (uint32_t)db_int(rows, 0);
        snprintf(state, sizeof state, "%s", db_text(rows, 1));
        snprintf(target, sizeof target, "%s", db_text(rows, 2));
        *is_up = strcmp(proxy_status(proxy, state, target, db_int(rows, 3)), "up") == 0;
    }
    if (rows) (void)!db_rows_free(rows);
    return is_there;
}
