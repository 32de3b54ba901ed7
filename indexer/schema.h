/* schema.h - the tables of the index, each declared once.
 *
 * A table's first column is its key.  `id` is what GraphQL shows as id: the event that made the row, as the
 * grid's processor names it.  The columns behind `-- derived` of a node are made of other rows at the end of
 * each block (derive.c); everything else comes from one event. */
#ifndef SCHEMA_H
#define SCHEMA_H
#include "db.h"

typedef enum {
    COLUMN_INT,  /* a number */
    COLUMN_BIG,  /* a number that JavaScript may not hold: text in GraphQL */
    COLUMN_WIDE, /* a u128: 39 digits as text, so that it sorts */
    COLUMN_BOOL,
    COLUMN_REAL,
    COLUMN_TEXT,
} column_kind_t;

typedef struct {
    const char *name;
    column_kind_t kind;
} column_t;

typedef enum {
    TABLE_TWIN,
    TABLE_FARM,
    TABLE_PUBLIC_IP,
    TABLE_NODE,
    TABLE_INTERFACE,
    TABLE_CONTRACT,
    TABLE_BILL,
    TABLE_NRU,
    TABLE_UPTIME,
    TABLE_PRICING,
    TABLE_FARMING,
    TABLE_PROVIDER,
    TABLE_SERVICE,
    TABLE_SERVICE_BILL,
    TABLE_ENTITY,
    TABLE_PROOF,
    TABLE_BRIDGE,
    TABLE_POWER,
    TABLE_PRICE,
    TABLE_COUNTRY,
    TABLE_COUNT
} table_id_t;

typedef struct {
    const char *name;
    const column_t *columns;
    unsigned count;
    const char *const *indexes; /* columns to be found by, each "a" or "a, b"; ends with NULL */
} table_t;

extern const table_t tables[TABLE_COUNT];
#define COLUMNS_MAX 48

#define TWIN_COLUMNS(X)                                                                                      \
    X(TWIN_ID, twin_id, INT)                                                                                 \
    X(TWIN_EVENT, id, TEXT)                                                                                  \
    X(TWIN_VERSION, grid_version, INT)                                                                       \
    X(TWIN_ACCOUNT, account_id, TEXT)                                                                        \
    X(TWIN_RELAY, relay, TEXT)                                                                               \
    X(TWIN_KEY, public_key, TEXT)

#define FARM_COLUMNS(X)                                                                                      \
    X(FARM_ID, farm_id, INT)                                                                                 \
    X(FARM_EVENT, id, TEXT)                                                                                  \
    X(FARM_VERSION, grid_version, INT)                                                                       \
    X(FARM_NAME, name, TEXT)                                                                                 \
    X(FARM_TWIN, twin_id, INT)                                                                               \
    X(FARM_PRICING, pricing_policy_id, INT)                                                                  \
    X(FARM_CERTIFICATION, certification, TEXT)                                                               \
    X(FARM_STELLAR, stellar_address, TEXT)                                                                   \
    X(FARM_DEDICATED, dedicated_farm, BOOL)                                                                  \
    X(FARM_IPS_TOTAL, total_ips, INT) /* derived */                                                          \
    X(FARM_IPS_FREE, free_ips, INT)

#define IP_COLUMNS(X)                                                                                        \
    X(IP_ID, id, TEXT)                                                                                       \
    X(IP_FARM, farm_id, INT)                                                                                 \
    X(IP_IP, ip, TEXT)                                                                                       \
    X(IP_GATEWAY, gateway, TEXT)                                                                             \
    X(IP_CONTRACT, contract_id, BIG)

#define NODE_COLUMNS(X)                                                                                      \
    X(NODE_ID, node_id, INT)                                                                                 \
    X(NODE_EVENT, id, TEXT)                                                                                  \
    X(NODE_VERSION, grid_version, INT)                                                                       \
    X(NODE_FARM, farm_id, INT)                                                                               \
    X(NODE_TWIN, twin_id, INT)                                                                               \
    X(NODE_CITY, city, TEXT)                                                                                 \
    X(NODE_COUNTRY, country, TEXT)                                                                           \
    X(NODE_LATITUDE, latitude, TEXT)                                                                         \
    X(NODE_LONGITUDE, longitude, TEXT)                                                                       \
    X(NODE_CREATED, created, INT)                                                                            \
    X(NODE_CREATED_AT, created_at, BIG)                                                                      \
    X(NODE_UPDATED_AT, updated_at, BIG)                                                                      \
    X(NODE_UPTIME, uptime, BIG)                                                                              \
    X(NODE_FARMING, farming_policy_id, INT)                                                                  \
    X(NODE_CERTIFICATION, certification, TEXT)                                                               \
    X(NODE_SECURE, secure, BOOL)                                                                             \
    X(NODE_VIRTUALIZED, virtualized, BOOL)                                                                   \
    X(NODE_SERIAL, serial_number, TEXT)                                                                      \
    X(NODE_CONNECTION_PRICE, connection_price, INT)                                                          \
    X(NODE_POWER_STATE, power_state, TEXT)                                                                   \
    X(NODE_POWER_TARGET, power_target, TEXT)                                                                 \
    X(NODE_EXTRA_FEE, extra_fee, BIG)                                                                        \
    X(NODE_HRU, total_hru, BIG)                                                                              \
    X(NODE_SRU, total_sru, BIG)                                                                              \
    X(NODE_CRU, total_cru, BIG)                                                                              \
    X(NODE_MRU, total_mru, BIG)                                                                              \
    X(NODE_HAS_CONFIG, has_config, BOOL)                                                                     \
    X(NODE_IPV4, ipv4, TEXT)                                                                                 \
    X(NODE_IPV6, ipv6, TEXT)                                                                                 \
    X(NODE_GW4, gw4, TEXT)                                                                                   \
    X(NODE_GW6, gw6, TEXT)                                                                                   \
    X(NODE_DOMAIN, domain, TEXT)                                                                             \
    X(NODE_USED_HRU, used_hru, BIG) /* derived, as all below */                                              \
    X(NODE_USED_SRU, used_sru, BIG)                                                                          \
    X(NODE_USED_CRU, used_cru, BIG)                                                                          \
    X(NODE_USED_MRU, used_mru, BIG)                                                                          \
    X(NODE_FREE_HRU, free_hru, BIG)                                                                          \
    X(NODE_FREE_SRU, free_sru, BIG)                                                                          \
    X(NODE_FREE_MRU, free_mru, BIG)                                                                          \
    X(NODE_CONTRACTS, contracts_count, INT)                                                                  \
    X(NODE_RENTER, renter, INT)                                                                              \
    X(NODE_RENT_CONTRACT, rent_contract_id, BIG)                                                             \
    X(NODE_DEDICATED, dedicated, BOOL)                                                                       \
    X(NODE_PRICE, price_usd, REAL)                                                                           \
    X(NODE_REGION, region, TEXT)

#define INTERFACE_COLUMNS(X)                                                                                 \
    X(INTERFACE_ID, id, TEXT)                                                                                \
    X(INTERFACE_NODE, node_id, INT)                                                                          \
    X(INTERFACE_NAME, name, TEXT)                                                                            \
    X(INTERFACE_MAC, mac, TEXT)                                                                              \
    X(INTERFACE_IPS, ips, TEXT)

#define CONTRACT_COLUMNS(X)                                                                                  \
    X(CONTRACT_ID, contract_id, BIG)                                                                         \
    X(CONTRACT_EVENT, id, TEXT)                                                                              \
    X(CONTRACT_KIND, kind, TEXT) /* node, name, rent */                                                      \
    X(CONTRACT_VERSION, grid_version, INT)                                                                   \
    X(CONTRACT_TWIN, twin_id, INT)                                                                           \
    X(CONTRACT_NODE, node_id, INT)                                                                           \
    X(CONTRACT_DATA, deployment_data, TEXT)                                                                  \
    X(CONTRACT_HASH, deployment_hash, TEXT)                                                                  \
    X(CONTRACT_IPS, public_ips, INT)                                                                         \
    X(CONTRACT_NAME, name, TEXT)                                                                             \
    X(CONTRACT_STATE, state, TEXT)                                                                           \
    X(CONTRACT_CREATED, created_at, BIG)                                                                     \
    X(CONTRACT_PROVIDER, solution_provider_id, INT)                                                          \
    X(CONTRACT_HAS_RESOURCES, has_resources, BOOL)                                                           \
    X(CONTRACT_HRU, hru, BIG)                                                                                \
    X(CONTRACT_SRU, sru, BIG)                                                                                \
    X(CONTRACT_CRU, cru, BIG)                                                                                \
    X(CONTRACT_MRU, mru, BIG)

#define BILL_COLUMNS(X)                                                                                      \
    X(BILL_ID, id, TEXT)                                                                                     \
    X(BILL_CONTRACT, contract_id, BIG)                                                                       \
    X(BILL_DISCOUNT, discount_received, TEXT)                                                                \
    X(BILL_AMOUNT, amount_billed, WIDE)                                                                      \
    X(BILL_TIME, timestamp, BIG)

#define NRU_COLUMNS(X)                                                                                       \
    X(NRU_ID, id, TEXT)                                                                                      \
    X(NRU_CONTRACT, contract_id, BIG)                                                                        \
    X(NRU_TIME, timestamp, BIG)                                                                              \
    X(NRU_WINDOW, nru_window, BIG)                                                                           \
    X(NRU_NRU, nru, BIG)

#define UPTIME_COLUMNS(X)                                                                                    \
    X(UPTIME_ID, id, TEXT)                                                                                   \
    X(UPTIME_NODE, node_id, INT)                                                                             \
    X(UPTIME_UPTIME, uptime, BIG)                                                                            \
    X(UPTIME_TIME, timestamp, BIG)

#define PRICING_COLUMNS(X)                                                                                   \
    X(PRICING_ID, pricing_policy_id, INT)                                                                    \
    X(PRICING_EVENT, id, TEXT)                                                                               \
    X(PRICING_VERSION, grid_version, INT)                                                                    \
    X(PRICING_NAME, name, TEXT)                                                                              \
    X(PRICING_SU, su, INT)                                                                                   \
    X(PRICING_SU_UNIT, su_unit, TEXT)                                                                        \
    X(PRICING_CU, cu, INT)                                                                                   \
    X(PRICING_CU_UNIT, cu_unit, TEXT)                                                                        \
    X(PRICING_NU, nu, INT)                                                                                   \
    X(PRICING_NU_UNIT, nu_unit, TEXT)                                                                        \
    X(PRICING_IPU, ipu, INT)                                                                                 \
    X(PRICING_IPU_UNIT, ipu_unit, TEXT)                                                                      \
    X(PRICING_FOUNDATION, foundation_account, TEXT)                                                          \
    X(PRICING_SALES, certified_sales_account, TEXT)                                                          \
    X(PRICING_DISCOUNT, dedicated_node_discount, INT)

#define FARMING_COLUMNS(X)                                                                                   \
    X(FARMING_ID, farming_policy_id, INT)                                                                    \
    X(FARMING_EVENT, id, TEXT)                                                                               \
    X(FARMING_VERSION, grid_version, INT)                                                                    \
    X(FARMING_NAME, name, TEXT)                                                                              \
    X(FARMING_CU, cu, INT)                                                                                   \
    X(FARMING_SU, su, INT)                                                                                   \
    X(FARMING_NU, nu, INT)                                                                                   \
    X(FARMING_IPV4, ipv4, INT)                                                                               \
    X(FARMING_MINIMAL, minimal_uptime, INT)                                                                  \
    X(FARMING_CREATED, policy_created, INT)                                                                  \
    X(FARMING_END, policy_end, INT)                                                                          \
    X(FARMING_IMMUTABLE, is_immutable, BOOL)                                                                 \
    X(FARMING_DEFAULT, is_default, BOOL)                                                                     \
    X(FARMING_NODE, node_certification, TEXT)                                                                \
    X(FARMING_FARM, farm_certification, TEXT)

#define PROVIDER_COLUMNS(X)                                                                                  \
    X(PROVIDER_ID, solution_provider_id, BIG)                                                                \
    X(PROVIDER_EVENT, id, TEXT)                                                                              \
    X(PROVIDER_DESCRIPTION, description, TEXT)                                                               \
    X(PROVIDER_LINK, link, TEXT)                                                                             \
    X(PROVIDER_APPROVED, approved, BOOL)                                                                     \
    X(PROVIDER_PROVIDERS, providers, TEXT) /* JSON: [{"who","take"}] */

#define SERVICE_COLUMNS(X)                                                                                   \
    X(SERVICE_ID, service_contract_id, BIG)                                                                  \
    X(SERVICE_EVENT, id, TEXT)                                                                               \
    X(SERVICE_TWIN, service_twin_id, INT)                                                                    \
    X(SERVICE_CONSUMER, consumer_twin_id, INT)                                                               \
    X(SERVICE_BASE, base_fee, BIG)                                                                           \
    X(SERVICE_VARIABLE, variable_fee, BIG)                                                                   \
    X(SERVICE_METADATA, metadata, TEXT)                                                                      \
    X(SERVICE_BY_SERVICE, accepted_by_service, BOOL)                                                         \
    X(SERVICE_BY_CONSUMER, accepted_by_consumer, BOOL)                                                       \
    X(SERVICE_LAST_BILL, last_bill, BIG)                                                                     \
    X(SERVICE_STATE, state, TEXT)

#define SERVICE_BILL_COLUMNS(X)                                                                              \
    X(SERVICE_BILL_ID, id, TEXT)                                                                             \
    X(SERVICE_BILL_CONTRACT, service_contract_id, BIG)                                                       \
    X(SERVICE_BILL_VARIABLE, variable_amount, BIG)                                                           \
    X(SERVICE_BILL_WINDOW, bill_window, BIG)                                                                 \
    X(SERVICE_BILL_METADATA, metadata, TEXT)                                                                 \
    X(SERVICE_BILL_AMOUNT, amount, WIDE)

#define ENTITY_COLUMNS(X)                                                                                    \
    X(ENTITY_ID, entity_id, INT)                                                                             \
    X(ENTITY_EVENT, id, TEXT)                                                                                \
    X(ENTITY_VERSION, grid_version, INT)                                                                     \
    X(ENTITY_NAME, name, TEXT)                                                                               \
    X(ENTITY_COUNTRY, country, TEXT)                                                                         \
    X(ENTITY_CITY, city, TEXT)                                                                               \
    X(ENTITY_ACCOUNT, account_id, TEXT)

#define PROOF_COLUMNS(X)                                                                                     \
    X(PROOF_ID, id, TEXT)                                                                                    \
    X(PROOF_TWIN, twin_id, INT)                                                                              \
    X(PROOF_ENTITY, entity_id, INT)                                                                          \
    X(PROOF_SIGNATURE, signature, TEXT)

/* Money over the bridge: kind is mint, burn or refund. */
#define BRIDGE_COLUMNS(X)                                                                                    \
    X(BRIDGE_ID, id, TEXT)                                                                                   \
    X(BRIDGE_KIND, kind, TEXT)                                                                               \
    X(BRIDGE_BLOCK, block, INT)                                                                              \
    X(BRIDGE_AMOUNT, amount, BIG)                                                                            \
    X(BRIDGE_TARGET, target, TEXT)                                                                           \
    X(BRIDGE_HASH, tx_hash, TEXT)

/* Power of nodes: kind is target or state. */
#define POWER_COLUMNS(X)                                                                                     \
    X(POWER_ID, id, TEXT)                                                                                    \
    X(POWER_KIND, kind, TEXT)                                                                                \
    X(POWER_FARM, farm_id, INT)                                                                              \
    X(POWER_NODE, node_id, INT)                                                                              \
    X(POWER_VALUE, power, TEXT)                                                                              \
    X(POWER_BLOCK, block, INT)                                                                               \
    X(POWER_TIME, timestamp, BIG)

/* The price of a TFT in thousandths of a dollar: kind is price or average. */
#define PRICE_COLUMNS(X)                                                                                     \
    X(PRICE_ID, id, TEXT)                                                                                    \
    X(PRICE_KIND, kind, TEXT)                                                                                \
    X(PRICE_VALUE, price, BIG)                                                                               \
    X(PRICE_BLOCK, block, INT)                                                                               \
    X(PRICE_TIME, timestamp, BIG)

#define COUNTRY_COLUMNS(X)                                                                                   \
    X(COUNTRY_ID, country_id, INT)                                                                           \
    X(COUNTRY_EVENT, id, TEXT)                                                                               \
    X(COUNTRY_CODE, code, TEXT)                                                                              \
    X(COUNTRY_NAME, name, TEXT)                                                                              \
    X(COUNTRY_REGION, region, TEXT)                                                                          \
    X(COUNTRY_SUBREGION, subregion, TEXT)

#define COLUMN_ENUM_(id_, name_, kind_) id_,
enum { TWIN_COLUMNS(COLUMN_ENUM_) };
enum { FARM_COLUMNS(COLUMN_ENUM_) };
enum { IP_COLUMNS(COLUMN_ENUM_) };
enum { NODE_COLUMNS(COLUMN_ENUM_) };
enum { INTERFACE_COLUMNS(COLUMN_ENUM_) };
enum { CONTRACT_COLUMNS(COLUMN_ENUM_) };
enum { BILL_COLUMNS(COLUMN_ENUM_) };
enum { NRU_COLUMNS(COLUMN_ENUM_) };
enum { UPTIME_COLUMNS(COLUMN_ENUM_) };
enum { PRICING_COLUMNS(COLUMN_ENUM_) };
enum { FARMING_COLUMNS(COLUMN_ENUM_) };
enum { PROVIDER_COLUMNS(COLUMN_ENUM_) };
enum { SERVICE_COLUMNS(COLUMN_ENUM_) };
enum { SERVICE_BILL_COLUMNS(COLUMN_ENUM_) };
enum { ENTITY_COLUMNS(COLUMN_ENUM_) };
enum { PROOF_COLUMNS(COLUMN_ENUM_) };
enum { BRIDGE_COLUMNS(COLUMN_ENUM_) };
enum { POWER_COLUMNS(COLUMN_ENUM_) };
enum { PRICE_COLUMNS(COLUMN_ENUM_) };
enum { COUNTRY_COLUMNS(COLUMN_ENUM_) };
#undef COLUMN_ENUM_

#endif
