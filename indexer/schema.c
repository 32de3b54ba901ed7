/* schema.c - the tables as data, for the statements that are made of them. */
#include "schema.h"

#define COLUMN_(id_, name_, kind_) {#name_, COLUMN_##kind_},
static const column_t twin_columns[]         = {TWIN_COLUMNS(COLUMN_)};
static const column_t farm_columns[]         = {FARM_COLUMNS(COLUMN_)};
static const column_t ip_columns[]           = {IP_COLUMNS(COLUMN_)};
static const column_t node_columns[]         = {NODE_COLUMNS(COLUMN_)};
static const column_t interface_columns[]    = {INTERFACE_COLUMNS(COLUMN_)};
static const column_t contract_columns[]     = {CONTRACT_COLUMNS(COLUMN_)};
static const column_t bill_columns[]         = {BILL_COLUMNS(COLUMN_)};
static const column_t nru_columns[]          = {NRU_COLUMNS(COLUMN_)};
static const column_t uptime_columns[]       = {UPTIME_COLUMNS(COLUMN_)};
static const column_t pricing_columns[]      = {PRICING_COLUMNS(COLUMN_)};
static const column_t farming_columns[]      = {FARMING_COLUMNS(COLUMN_)};
static const column_t provider_columns[]     = {PROVIDER_COLUMNS(COLUMN_)};
static const column_t service_columns[]      = {SERVICE_COLUMNS(COLUMN_)};
static const column_t service_bill_columns[] = {SERVICE_BILL_COLUMNS(COLUMN_)};
static const column_t entity_columns[]       = {ENTITY_COLUMNS(COLUMN_)};
static const column_t proof_columns[]        = {PROOF_COLUMNS(COLUMN_)};
static const column_t bridge_columns[]       = {BRIDGE_COLUMNS(COLUMN_)};
static const column_t power_columns[]        = {POWER_COLUMNS(COLUMN_)};
static const column_t price_columns[]        = {PRICE_COLUMNS(COLUMN_)};
static const column_t country_columns[]      = {COUNTRY_COLUMNS(COLUMN_)};
#undef COLUMN_

#define INDEXES(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define TABLE_(name_, columns_, indexes_)                                                                    \
    {                                                                                                        \
        name_, columns_, sizeof columns_ / sizeof *columns_, indexes_                                        \
    }

const table_t tables[TABLE_COUNT] = {
    [TABLE_TWIN]      = TABLE_("twin", twin_columns, INDEXES("account_id")),
    [TABLE_FARM]      = TABLE_("farm", farm_columns, INDEXES("twin_id")),
    [TABLE_PUBLIC_IP] = TABLE_("public_ip", ip_columns, INDEXES("farm_id", "contract_id")),
    [TABLE_NODE]      = TABLE_("node", node_columns, INDEXES("farm_id", "twin_id")),
    [TABLE_INTERFACE] = TABLE_("interface", interface_columns, INDEXES("node_id")),
    [TABLE_CONTRACT]  = TABLE_("contract", contract_columns,
                               INDEXES("node_id, state", "twin_id, kind, state", "deployment_hash", "name")),
    [TABLE_BILL]      = TABLE_("contract_bill_report", bill_columns, INDEXES("contract_id, timestamp")),
    [TABLE_NRU]       = TABLE_("nru_consumption", nru_columns, INDEXES("contract_id")),
    [TABLE_UPTIME]    = TABLE_("uptime_event", uptime_columns, INDEXES("node_id")),
    [TABLE_PRICING]   = TABLE_("pricing_policy", pricing_columns, INDEXES()),
    [TABLE_FARMING]   = TABLE_("farming_policy", farming_columns, INDEXES()),
    [TABLE_PROVIDER]  = TABLE_("solution_provider", provider_columns, INDEXES()),
    [TABLE_SERVICE]   = TABLE_("service_contract", service_columns, INDEXES()),
    [TABLE_SERVICE_BILL] =
        TABLE_("service_contract_bill", service_bill_columns, INDEXES("service_contract_id")),
    [TABLE_ENTITY]  = TABLE_("entity", entity_columns, INDEXES()),
    [TABLE_PROOF]   = TABLE_("entity_proof", proof_columns, INDEXES("twin_id")),
    [TABLE_BRIDGE]  = TABLE_("bridge_transaction", bridge_columns, INDEXES("kind")),
    [TABLE_POWER]   = TABLE_("power_report", power_columns, INDEXES("node_id")),
    [TABLE_PRICE]   = TABLE_("price_report", price_columns, INDEXES("kind")),
    [TABLE_COUNTRY] = TABLE_("country", country_columns, INDEXES()),
};
