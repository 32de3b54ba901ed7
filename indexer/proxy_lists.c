/* proxy_lists.c - farms, contracts, twins and public addresses, as lists. */
#include "proxy_internal.h"

#include <string.h>

#define TEXT_IS(column)  "lower(" column ") = lower(CAST(? AS TEXT))"
#define TEXT_HAS(column) "strpos(lower(" column "), lower(CAST(? AS TEXT))) > 0"
#define NO_FILTER                                                                                            \
    {                                                                                                        \
        NULL, FILTER_UINT, NULL, NULL                                                                        \
    }

static json_t *integer(const db_rows_t *rows, unsigned column) { return json_integer(db_int(rows, column)); }

/* ---- farms ---- */

static const filter_t farm_filters[] = {
    {"free_ips",           FILTER_UINT,   "COALESCE(f.free_ips, 0) >= ?",                                        NULL  },
    {"total_ips",          FILTER_UINT,   "COALESCE(f.total_ips, 0) >= ?",                                       NULL  },
    {"stellar_address",    FILTER_TEXT,   "COALESCE(f.stellar_address, '') = ?",                                 NULL  },
    {"pricing_policy_id",  FILTER_UINT,   "f.pricing_policy_id = ?",                                             NULL  },
    {"farm_id",            FILTER_UINT,   "f.farm_id = ?",                                                       NULL  },
    {"farm_ids",           FILTER_UINTS,  "f.farm_id IN (?)",                                                    NULL  },
    {"twin_id",            FILTER_UINT,   "f.twin_id = ?",                                                       NULL  },
    {"name",               FILTER_TEXT,   TEXT_IS("f.name"),                                                     NULL  },
    {"name_contains",      FILTER_TEXT,   TEXT_HAS("f.name"),                                                    NULL  },
    {"farm_name",          FILTER_TEXT,   TEXT_IS("f.name"),                                                     NULL  },
    {"version",            FILTER_UINT,   "f.grid_version = ?",                                                  NULL  },
    {"certification_type", FILTER_TEXT,   "f.certification = ?",                                                 NULL  },
    {"dedicated",          FILTER_BOOL,   "f.dedicated_farm = 1",                                                NULL  },
    {"node_free_mru",      FILTER_UINT,   "n.free_mru >= ?",                                                     "node"},
    {"node_free_hru",      FILTER_UINT,   "n.free_hru >= ?",                                                     "node"},
    {"node_free_sru",      FILTER_UINT,   "n.free_sru >= ?",                                                     "node"},
    {"node_total_cru",     FILTER_UINT,   "n.total_cru >= ?",                                                    "node"},
    {"node_status",        FILTER_STATUS, NULL,                                                                  "node"},
    {"node_rented_by",     FILTER_UINT,   "COALESCE(n.renter, 0) = ?",                                           "node"},
    {"node_available_for", FILTER_UINT,
     "COALESCE(n.renter, 0) = ? OR (n.renter IS NULL AND f.dedicated_farm = 0 AND n.extra_fee = 0)",             "node"},
    {"node_has_gpu",       FILTER_BOOL,   "COALESCE(p.num_gpu, 0) > 0",                                          "node"},
    {"node_has_ipv6",      FILTER_BOOL,   "COALESCE(p.has_ipv6, 0) = 1",                                         "node"},
    {"node_certified",     FILTER_BOOL,   "n.certification = 'Certified'",                                       "node"},
    {"node_features",      FILTER_TEXTS,  "strpos(COALESCE(p.features, ''), ',' || CAST(? AS TEXT) || ',') > 0",
     "node"                                                                                                            },
    {"country",            FILTER_TEXT,   TEXT_IS("n.country"),                                                  "node"},
    {"region",             FILTER_TEXT,   TEXT_IS("n.region"),                                                   "node"},
    NO_FILTER,
};

static const sort_t farm_sorts[] = {
    {"name",       "f.name"                                              },
    {"farm_id",    "f.farm_id"                                           },
    {"twin_id",    "f.twin_id"                                           },
    {"free_ips",   "COALESCE(f.free_ips, 0)"                             },
    {"total_ips",  "COALESCE(f.total_ips, 0)"                            },
    {"used_ips",   "(COALESCE(f.total_ips, 0) - COALESCE(f.free_ips, 0))"},
    {"public_ips", "COALESCE(f.total_ips, 0)"                            },
    {"dedicated",  "f.dedicated_farm"                                    },
    {NULL,         NULL                                                  },
};

static json_t *farm_ips(const proxy_t *proxy, int64_t farm_id)
{
    json_t *list    = json_array();
    db_rows_t *rows = db_query(
        proxy->db, "SELECT id, ip, gateway, contract_id FROM public_ip WHERE farm_id = $1 ORDER BY id",
        (value_t[]){value_int(farm_id)}, 1);
    while (rows && db_next(rows))
        json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o}", "id", proxy_text(rows, 0), "ip",
                                              proxy_text(rows, 1), "gateway", proxy_text(rows, 2),
                                              "contract_id", integer(rows, 3)));
    if (rows) (void)!db_rows_free(rows);
    return list;
}

static json_t *farm_row(const proxy_t *proxy, const db_rows_t *rows)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o}", "name", proxy_text(rows, 0), "farmId",
                     integer(rows, 1), "twinId", integer(rows, 2), "pricingPolicyId", integer(rows, 3),
                     "certificationType", proxy_text(rows, 4), "stellarAddress", proxy_text(rows, 5),
                     "dedicated", (int)db_int(rows, 6), "publicIps", farm_ips(proxy, db_int(rows, 1)));
}

const list_t proxy_farms = {
    .what       = "Farm",
    .columns    = "f.name, f.farm_id, f.twin_id, f.pricing_policy_id, f.certification, f.stellar_address, "
                  "f.dedicated_farm",
    .from       = "farm f",
    .filters    = farm_filters,
    .sorts      = farm_sorts,
    .order      = "f.farm_id",
    .first      = "node_available_for",
    .first_sql  = "(CASE WHEN EXISTS (SELECT 1 FROM node n WHERE n.farm_id = f.farm_id AND n.renter IS NOT "
                  "NULL) THEN 1 "
                  "ELSE 2 END)",
    .group_name = "node",
    .group_open =
        "EXISTS (SELECT 1 FROM node n LEFT JOIN probe p ON p.twin_id = n.twin_id WHERE n.farm_id = f.farm_id",
    .row = farm_row,
};

/* ---- contracts ---- */

static const filter_t contract_filters[] = {
    {"contract_id",          FILTER_UINT,   "c.contract_id = ?",     NULL},
    {"twin_id",              FILTER_UINT,   "c.twin_id = ?",         NULL},
    {"node_id",              FILTER_UINT,   "c.node_id = ?",         NULL},
    {"type",                 FILTER_TEXT,   "c.kind = ?",            NULL},
    {"state",                FILTER_STATES, TEXT_IS("c.state"),      NULL},
    {"name",                 FILTER_TEXT,   "c.name = ?",            NULL},
    {"number_of_public_ips", FILTER_UINT,   "c.public_ips >= ?",     NULL},
    {"deployment_data",      FILTER_TEXT,   "c.deployment_data = ?", NULL},
    {"deployment_hash",      FILTER_TEXT,   "c.deployment_hash = ?", NULL},
    {"farm_name",            FILTER_TEXT,   TEXT_IS("f.name"),       NULL},
    {"farm_id",              FILTER_UINT,   "f.farm_id = ?",         NULL},
    NO_FILTER,
};

static const sort_t contract_sorts[] = {
    {"contract_id", "c.contract_id"},
    {"twin_id",     "c.twin_id"    },
    {"state",       "c.state"      },
    {"created_at",  "c.created_at" },
    {"type",        "c.kind"       },
    {NULL,          NULL           },
};

static json_t *contract_row(const proxy_t *proxy, const db_rows_t *rows)
{
    const char *kind = db_text(rows, 4);
    json_t *details;
    (void)proxy;
    if (strcmp(kind, "name") == 0)
        details = json_pack("{s:o}", "name", proxy_text(rows, 5));
    else if (strcmp(kind, "rent") == 0)
        details = json_pack("{s:o,s:o,s:o}", "nodeId", integer(rows, 6), "farm_name", proxy_text(rows, 10),
                            "farm_id", integer(rows, 11));
    else
        details =
            json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "nodeId", integer(rows, 6), "deployment_data",
                      proxy_text(rows, 7), "deployment_hash", proxy_text(rows, 8), "number_of_public_ips",
                      integer(rows, 9), "farm_name", proxy_text(rows, 10), "farm_id", integer(rows, 11));
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "contract_id", integer(rows, 0), "twin_id",
                     integer(rows, 1), "state", proxy_text(rows, 2), "created_at", integer(rows, 3), "type",
                     proxy_text(rows, 4), "details", details);
}

const list_t proxy_contracts = {
    .what = "Contract",
    .columns =
        "c.contract_id, c.twin_id, c.state, c.created_at, c.kind, c.name, c.node_id, c.deployment_data, "
        "c.deployment_hash, c.public_ips, f.name, f.farm_id",
    .from = "contract c LEFT JOIN node n ON n.node_id = c.node_id LEFT JOIN farm f ON f.farm_id = n.farm_id",
    .filters = contract_filters,
    .sorts   = contract_sorts,
    .order   = "c.contract_id",
    .row     = contract_row,
};

/* ---- twins ---- */

static const filter_t twin_filters[] = {
    {"twin_id",    FILTER_UINT, "t.twin_id = ?",    NULL},
    {"account_id", FILTER_TEXT, "t.account_id = ?", NULL},
    {"relay",      FILTER_TEXT, "t.relay = ?",      NULL},
    {"public_key", FILTER_TEXT, "t.public_key = ?", NULL},
    NO_FILTER,
};

static const sort_t twin_sorts[] = {
    {"twin_id",    "t.twin_id"   },
    {"account_id", "t.account_id"},
    {"relay",      "t.relay"     },
    {"public_key", "t.public_key"},
    {NULL,         NULL          },
};

static json_t *twin_row(const proxy_t *proxy, const db_rows_t *rows)
{
    (void)proxy;
    return json_pack("{s:o,s:o,s:o,s:o}", "twinId", integer(rows, 0), "accountId", proxy_text(rows, 1),
                     "relay", proxy_text(rows, 2), "publicKey", proxy_text(rows, 3));
}

const list_t proxy_twins = {
    .what    = "Twin",
    .columns = "t.twin_id, t.account_id, t.relay, t.public_key",
    .from    = "twin t",
    .filters = twin_filters,
    .sorts   = twin_sorts,
    .order   = "t.twin_id",
    .row     = twin_row,
};

/* ---- public addresses ---- */

static const filter_t ip_filters[] = {
    {"farm_ids", FILTER_UINTS, "i.farm_id IN (?)",  NULL},
    {"free",     FILTER_BOOL,  "i.contract_id = 0", NULL},
    {"ip",       FILTER_TEXT,  "i.ip = ?",          NULL},
    {"gateway",  FILTER_TEXT,  "i.gateway = ?",     NULL},
    NO_FILTER,
};

static const sort_t ip_sorts[] = {
    {"ip",          "i.ip"         },
    {"contract_id", "i.contract_id"},
    {"farm_id",     "i.farm_id"    },
    {NULL,          NULL           },
};

static json_t *ip_row(const proxy_t *proxy, const db_rows_t *rows)
{
    (void)proxy;
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "id", proxy_text(rows, 0), "ip", proxy_text(rows, 1), "gateway",
                     proxy_text(rows, 2), "contract_id", integer(rows, 3), "farm_id", integer(rows, 4));
}

const list_t proxy_public_ips = {
    .what    = "PublicIP",
    .columns = "i.id, i.ip, i.gateway, i.contract_id, i.farm_id",
    .from    = "public_ip i",
    .filters = ip_filters,
    .sorts   = ip_sorts,
    .order   = "i.id",
    .row     = ip_row,
};
