/* derive.c - what is made of other rows when a block ends: use and rent of nodes, free addresses of farms.
 *
 * Use is as gridproxy counts it: what the node reported for its contracts that live, and what a node keeps
 * for itself: a tenth of its memory, at least 2 GiB, and 20 GiB of SSD. */
#include "country.h"
#include "sql.h"
#include "store_internal.h"

#include <stdlib.h>
#include <string.h>

#define GIB            ((int64_t)1 << 30)
#define KEPT_MRU_LEAST (2 * GIB)
#define KEPT_SRU       (20 * GIB)
#define HOURS_A_MONTH  720.0
#define UNITS_A_DOLLAR 10000000.0
#define CERTIFIED_MORE 1.25

/* A sum of amounts that users choose stays at its end. */
static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void touch(touched_t *list, uint32_t id)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->ids[i] == id) return;
    if (list->count == list->cap) {
        list->cap     = list->cap ? list->cap * 2 : 16;
        uint32_t *ids = realloc(list->ids, list->cap * sizeof *ids);
        if (!ids) abort();
        list->ids = ids;
    }
    list->ids[list->count++] = id;
}

void store_touch_node(store_t *store, uint32_t node_id) { touch(&store->nodes, node_id); }
void store_touch_farm(store_t *store, uint32_t farm_id) { touch(&store->farms, farm_id); }
void store_touch_prices(store_t *store) { store->are_prices_touched = true; }

static void touch_all_nodes(store_t *s, const char *where, value_t value)
{
    sql_t sql;
    sql_init(&sql);
    sql_add(&sql, "SELECT node_id FROM node WHERE %s = $1", where);
    db_rows_t *rows = db_query(s->db, sql.text, &value, 1);
    while (rows && db_next(rows))
        touch(&s->nodes, (uint32_t)db_int(rows, 0));
    if (!rows || !db_rows_free(rows)) store_fail(s, "nodes cannot be listed");
    sql_fini(&sql);
}

/* ---- a node ---- */

typedef struct {
    int64_t hru, sru, cru, mru, count, renter, rent_contract;
} use_t;

static use_t use_of(store_t *s, uint32_t node_id)
{
    use_t use = {0};
    db_rows_t *rows =
        db_query(s->db,
                 "SELECT kind, contract_id, twin_id, hru, sru, cru, mru FROM contract WHERE node_id = "
                 "$1 AND state IN ('Created', 'GracePeriod') ORDER BY contract_id",
                 (value_t[]){value_int(node_id)}, 1);
    while (rows && db_next(rows)) {
        if (strcmp(db_text(rows, 0), "rent") == 0) {
            use.rent_contract = db_int(rows, 1);
            use.renter        = db_int(rows, 2);
            continue;
        }
        use.count++;
        use.hru = add(use.hru, db_int(rows, 3));
        use.sru = add(use.sru, db_int(rows, 4));
        use.cru = add(use.cru, db_int(rows, 5));
        use.mru = add(use.mru, db_int(rows, 6));
    }
    if (!rows || !db_rows_free(rows)) store_fail(s, "contracts cannot be listed");
    return use;
}

static double least(double a, double b) { return a < b ? a : b; }
static double most(double a, double b) { return a > b ? a : b; }

/* What renting the node whole costs a month, in dollars, before any discount. */
static double price_of(const row_t *node, const row_t *policy)
{
    double gib = (double)GIB, cru = (double)node->v[NODE_CRU].number;
    double mru = (double)node->v[NODE_MRU].number / gib, sru = (double)node->v[NODE_SRU].number / gib;
    double hru  = (double)node->v[NODE_HRU].number / gib;
    double cu   = least(least(most(mru / 4, cru / 2), most(mru / 8, cru)), most(mru / 2, cru / 4));
    double su   = hru / 1200 + sru / 200;
    double hour = cu * (double)policy->v[PRICING_CU].number + su * (double)policy->v[PRICING_SU].number +
                  (double)node->v[NODE_EXTRA_FEE].number;
    bool is_certified = strcmp(node->v[NODE_CERTIFICATION].text, "Certified") == 0;
    return hour * (is_certified ? CERTIFIED_MORE : 1) * HOURS_A_MONTH / UNITS_A_DOLLAR;
}

static void derive_node(store_t *s, uint32_t node_id)
{
    row_t node, farm, policy;
    if (!row_get(s, TABLE_NODE, value_int(node_id), &node)) return;
    use_t use    = use_of(s, node_id);
    int64_t mru  = node.v[NODE_MRU].number / 10;
    bool is_farm = row_get(s, TABLE_FARM, node.v[NODE_FARM], &farm);
    bool is_priced =
        is_farm && row_get(s, TABLE_PRICING,
                           value_int(farm.v[FARM_PRICING].number ? farm.v[FARM_PRICING].number : 1), &policy);
    node.v[NODE_USED_HRU]      = value_int(use.hru);
    node.v[NODE_USED_SRU]      = value_int(add(use.sru, KEPT_SRU));
    node.v[NODE_USED_CRU]      = value_int(use.cru);
    node.v[NODE_USED_MRU]      = value_int(add(use.mru, mru > KEPT_MRU_LEAST ? mru : KEPT_MRU_LEAST));
    node.v[NODE_FREE_HRU]      = value_int(node.v[NODE_HRU].number - node.v[NODE_USED_HRU].number);
    node.v[NODE_FREE_SRU]      = value_int(node.v[NODE_SRU].number - node.v[NODE_USED_SRU].number);
    node.v[NODE_FREE_MRU]      = value_int(node.v[NODE_MRU].number - node.v[NODE_USED_MRU].number);
    node.v[NODE_CONTRACTS]     = value_int(use.count);
    node.v[NODE_RENTER]        = use.rent_contract ? value_int(use.renter) : VALUE_NONE;
    node.v[NODE_RENT_CONTRACT] = use.rent_contract ? value_int(use.rent_contract) : VALUE_NONE;
    node.v[NODE_DEDICATED]     = value_int(use.rent_contract || node.v[NODE_EXTRA_FEE].number > 0);
    node.v[NODE_PRICE]         = value_real(is_priced ? price_of(&node, &policy) : 0);
    node.v[NODE_REGION]        = value_text(country_region(node.v[NODE_COUNTRY].text));
    row_put(s, &node);
}

/* ---- a farm ---- */

static void derive_farm(store_t *s, uint32_t farm_id)
{
    row_t farm;
    if (!row_get(s, TABLE_FARM, value_int(farm_id), &farm)) return;
    db_rows_t *rows =
        db_query(s->db,
                 "SELECT COUNT(*), COUNT(CASE WHEN contract_id = 0 THEN 1 END) FROM public_ip WHERE "
                 "farm_id = $1",
                 (value_t[]){value_int(farm_id)}, 1);
    if (rows && db_next(rows)) {
        farm.v[FARM_IPS_TOTAL] = value_int(db_int(rows, 0));
        farm.v[FARM_IPS_FREE]  = value_int(db_int(rows, 1));
    }
    if (!rows || !db_rows_free(rows)) store_fail(s, "addresses cannot be counted");
    row_put(s, &farm);
    touch_all_nodes(s, "farm_id", value_int(farm_id));
}

void derive_block(store_t *store)
{
    for (uint32_t i = 0; i < store->farms.count && !store->has_failed; i++)
        derive_farm(store, store->farms.ids[i]);
    if (store->are_prices_touched) touch_all_nodes(store, "1", value_int(1));
    for (uint32_t i = 0; i < store->nodes.count && !store->has_failed; i++)
        derive_node(store, store->nodes.ids[i]);
}
