/* graphql_schema.c - the entities of the grid's GraphQL (threefoldtech/tfchain_graphql, schema.graphql). */
#include "graphql_schema.h"

#include <string.h>

#define F(name_, kind_, column_)                                                                             \
    {                                                                                                        \
        .name = #name_, .kind = GRAPHQL_##kind_, .column = #column_                                          \
    }
#define ONE(name_, column_, type_, foreign_)                                                                 \
    {                                                                                                        \
        .name = #name_, .kind = GRAPHQL_ONE, .column = #column_, .type = &type_, .foreign = #foreign_        \
    }
#define MANY(name_, column_, type_, foreign_)                                                                \
    {                                                                                                        \
        .name = #name_, .kind = GRAPHQL_MANY, .column = #column_, .type = &type_, .foreign = #foreign_       \
    }
#define E(name_, values_, column_)                                                                           \
    {                                                                                                        \
        .name = #name_, .kind = GRAPHQL_ENUM, .column = #column_, .values = &values_                         \
    }
#define OBJECT(name_, part_, ...)                                                                            \
    {                                                                                                        \
        .name = #name_, .kind = GRAPHQL_OBJECT, .part_name = #part_, .fields = (const graphql_field_t[])     \
        {                                                                                                    \
            __VA_ARGS__, { 0 }                                                                               \
        }                                                                                                    \
    }
#define FIELDS(...)                                                                                          \
    (const graphql_field_t[])                                                                                \
    {                                                                                                        \
        F(id, TEXT, id), __VA_ARGS__, { 0 }                                                                  \
    }

static const graphql_enum_t farm_grade = {
    "FarmCertification", {"NotCertified", "Gold"}
};
static const graphql_enum_t node_grade = {
    "NodeCertification", {"Diy", "Certified"}
};
static const graphql_enum_t contract_state = {
    "ContractState", {"Created", "Deleted", "OutOfFunds", "GracePeriod"}
};
static const graphql_enum_t service_state = {
    "ServiceContractState", {"Created", "AgreementReady", "ApprovedByBoth"}
};
static const graphql_enum_t discount = {
    "DiscountLevel", {"None", "Default", "Bronze", "Silver", "Gold"}
};
static const graphql_enum_t power = {
    "PowerState", {"Up", "Down"}
};

static const graphql_type_t twin, farm, public_ip, node, resources_total, interfaces, public_config, location,
    node_contract, contract_resources;

static const graphql_type_t entity = {"Entity",
                                      "entity",
                                      "entities",
                                      "entity",
                                      NULL,
                                      FIELDS(F(gridVersion, INT, grid_version), F(entityID, INT, entity_id),
                                             F(name, TEXT, name), F(country, TEXT, country),
                                             F(city, TEXT, city), F(accountID, TEXT, account_id))};

static const graphql_type_t twin = {"Twin",
                                    "twin",
                                    "twins",
                                    "twin",
                                    NULL,
                                    FIELDS(F(gridVersion, INT, grid_version), F(twinID, INT, twin_id),
                                           F(accountID, TEXT, account_id), F(relay, TEXT, relay),
                                           F(publicKey, TEXT, public_key))};

static const graphql_type_t entity_proof = {
    "EntityProof",
    "entityProof",
    "entityProofs",
    "entity_proof",
    NULL,
    FIELDS(F(entityID, INT, entity_id), F(signature, TEXT, signature), ONE(twinRel, twin_id, twin, twin_id))};

static const graphql_type_t farm = {
    "Farm",
    "farm",
    "farms",
    "farm",
    NULL,
    FIELDS(F(gridVersion, INT, grid_version), F(farmID, INT, farm_id), F(name, TEXT, name),
           F(twinID, INT, twin_id), F(pricingPolicyID, INT, pricing_policy_id),
           E(certification, farm_grade, certification), MANY(publicIPs, farm_id, public_ip, farm_id),
           F(stellarAddress, TEXT, stellar_address), F(dedicatedFarm, BOOL, dedicated_farm))};

static const graphql_type_t public_ip = {"PublicIp",
                                         "publicIp",
                                         "publicIps",
                                         "public_ip",
                                         NULL,
                                         FIELDS(ONE(farm, farm_id, farm, farm_id), F(gateway, TEXT, gateway),
                                                F(ip, TEXT, ip), F(contractId, BIG, contract_id))};

static const graphql_type_t node = {
    "Node",
    "node",
    "nodes",
    "node",
    NULL,
    FIELDS(F(gridVersion, INT, grid_version), F(nodeID, INT, node_id), F(farmID, INT, farm_id),
           F(twinID, INT, twin_id), ONE(location, node_id, location, node_id), F(country, TEXT, country),
           F(city, TEXT, city), ONE(publicConfig, node_id, public_config, node_id),
           ONE(resourcesTotal, node_id, resources_total, node_id), F(uptime, BIG, uptime),
           F(created, INT, created), F(farmingPolicyId, INT, farming_policy_id),
           MANY(interfaces, node_id, interfaces, node_id), E(certification, node_grade, certification),
           F(secure, BOOL, secure), F(virtualized, BOOL, virtualized), F(serialNumber, TEXT, serial_number),
           F(createdAt, BIG, created_at), F(updatedAt, BIG, updated_at),
           F(connectionPrice, INT, connection_price),
           OBJECT(power, NodePower, E(state, power, power_state), E(target, power, power_target)),
           F(dedicated, BOOL, dedicated), F(extraFee, BIG, extra_fee))};

static const graphql_type_t resources_total = {"NodeResourcesTotal",
                                               "nodeResourcesTotal",
                                               "nodeResourcesTotals",
                                               "node",
                                               NULL,
                                               FIELDS(ONE(node, node_id, node, node_id),
                                                      F(hru, BIG, total_hru), F(sru, BIG, total_sru),
                                                      F(cru, BIG, total_cru), F(mru, BIG, total_mru))};

static const graphql_type_t interfaces = {
    "Interfaces",
    "interfaces",
    "interfaces",
    "interface",
    NULL,
    FIELDS(ONE(node, node_id, node, node_id), F(name, TEXT, name), F(mac, TEXT, mac), F(ips, TEXT, ips))};

static const graphql_type_t public_config = {"PublicConfig",
                                             "publicConfig",
                                             "publicConfigs",
                                             "node",
                                             "%s.has_config = 1",
                                             FIELDS(ONE(node, node_id, node, node_id), F(ipv4, TEXT, ipv4),
                                                    F(ipv6, TEXT, ipv6), F(gw4, TEXT, gw4), F(gw6, TEXT, gw6),
                                                    F(domain, TEXT, domain))};

static const graphql_type_t location = {
    "Location", "location", "locations",
    "node",     NULL,       FIELDS(F(longitude, TEXT, longitude), F(latitude, TEXT, latitude))};

#define POLICY(name_, value_, unit_) OBJECT(name_, Policy, F(value, INT, value_), F(unit, TEXT, unit_))
static const graphql_type_t pricing_policy = {
    "PricingPolicy",
    "pricingPolicy",
    "pricingPolicies",
    "pricing_policy",
    NULL,
    FIELDS(F(gridVersion, INT, grid_version), F(pricingPolicyID, INT, pricing_policy_id), F(name, TEXT, name),
           POLICY(su, su, su_unit), POLICY(cu, cu, cu_unit), POLICY(nu, nu, nu_unit),
           POLICY(ipu, ipu, ipu_unit), F(foundationAccount, TEXT, foundation_account),
           F(certifiedSalesAccount, TEXT, certified_sales_account),
           F(dedicatedNodeDiscount, INT, dedicated_node_discount))};

static const graphql_type_t country = {"Country",
                                       "country",
                                       "countries",
                                       "country",
                                       NULL,
                                       FIELDS(F(countryID, INT, country_id), F(code, TEXT, code),
                                              F(name, TEXT, name), F(region, TEXT, region),
                                              F(subregion, TEXT, subregion))};

static const graphql_type_t node_contract = {
    "NodeContract",
    "nodeContract",
    "nodeContracts",
    "contract",
    "%s.kind = 'node'",
    FIELDS(F(gridVersion, INT, grid_version), F(contractID, BIG, contract_id), F(twinID, INT, twin_id),
           F(nodeID, INT, node_id), F(deploymentData, TEXT, deployment_data),
           F(deploymentHash, TEXT, deployment_hash), F(numberOfPublicIPs, INT, public_ips),
           E(state, contract_state, state), ONE(resourcesUsed, contract_id, contract_resources, contract_id),
           F(createdAt, BIG, created_at), F(solutionProviderID, INT, solution_provider_id))};

static const graphql_type_t contract_resources = {
    "ContractResources",
    "contractResources",
    "contractResources",
    "contract",
    "%s.has_resources = 1",
    FIELDS(ONE(contract, contract_id, node_contract, contract_id), F(hru, BIG, hru), F(sru, BIG, sru),
           F(cru, BIG, cru), F(mru, BIG, mru))};

static const graphql_type_t name_contract = {
    "NameContract",
    "nameContract",
    "nameContracts",
    "contract",
    "%s.kind = 'name'",
    FIELDS(F(gridVersion, INT, grid_version), F(contractID, BIG, contract_id), F(twinID, INT, twin_id),
           F(name, TEXT, name), E(state, contract_state, state), F(createdAt, BIG, created_at),
           F(solutionProviderID, INT, solution_provider_id))};

static const graphql_type_t rent_contract = {
    "RentContract",
    "rentContract",
    "rentContracts",
    "contract",
    "%s.kind = 'rent'",
    FIELDS(F(gridVersion, INT, grid_version), F(contractID, BIG, contract_id), F(twinID, INT, twin_id),
           F(nodeID, INT, node_id), E(state, contract_state, state), F(createdAt, BIG, created_at),
           F(solutionProviderID, INT, solution_provider_id))};

static const graphql_type_t solution_provider = {
    "SolutionProvider",
    "solutionProvider",
    "solutionProviders",
    "solution_provider",
    NULL,
    FIELDS(F(solutionProviderID, BIG, solution_provider_id), F(description, TEXT, description),
           F(link, TEXT, link), F(approved, BOOL, approved),
           {.name      = "providers",
                                                            .kind      = GRAPHQL_JSON,
                                                            .column    = "providers",
                                                            .part_name = "Provider",
                                                            .fields    = (const graphql_field_t[]){F(who, TEXT, who), F(take, INT, take), {0}}}
                )
};

static const graphql_type_t nru_consumption = {"NruConsumption",
                                               "nruConsumption",
                                               "nruConsumptions",
                                               "nru_consumption",
                                               NULL,
                                               FIELDS(F(contractID, BIG, contract_id),
                                                      F(timestamp, BIG, timestamp),
                                                      F(window, BIG, nru_window), F(nru, BIG, nru))};

static const graphql_type_t bill_report = {
    "ContractBillReport",
    "contractBillReport",
    "contractBillReports",
    "contract_bill_report",
    NULL,
    FIELDS(F(contractID, BIG, contract_id), E(discountReceived, discount, discount_received),
           F(amountBilled, WIDE, amount_billed), F(timestamp, BIG, timestamp))};

static const graphql_type_t farming_policy = {
    "FarmingPolicy",
    "farmingPolicy",
    "farmingPolicies",
    "farming_policy",
    NULL,
    FIELDS(F(gridVersion, INT, grid_version), F(farmingPolicyID, INT, farming_policy_id), F(name, TEXT, name),
           F(cu, INT, cu), F(su, INT, su), F(nu, INT, nu), F(ipv4, INT, ipv4),
           F(minimalUptime, INT, minimal_uptime), F(policyCreated, INT, policy_created),
           F(policyEnd, INT, policy_end), F(immutable, BOOL, is_immutable), F(default, BOOL, is_default),
           E(nodeCertification, node_grade, node_certification),
           E(farmCertification, farm_grade, farm_certification))};

static const graphql_type_t uptime_event = {
    "UptimeEvent",  "uptimeEvent",
    "uptimeEvents", "uptime_event",
    NULL,           FIELDS(F(nodeID, INT, node_id), F(uptime, BIG, uptime), F(timestamp, BIG, timestamp))};

#define BRIDGE(word_, Word_, ...)                                                                            \
    {                                                                                                        \
#Word_ "Transaction", #word_ "Transaction", #word_ "Transactions", "bridge_transaction",             \
            "%s.kind = '" #word_ "'",                                                                        \
            FIELDS(F(block, INT, block), F(amount, BIG, amount), F(target, TEXT, target) __VA_ARGS__)        \
    }
static const graphql_type_t mint   = BRIDGE(mint, Mint);
static const graphql_type_t burn   = BRIDGE(burn, Burn);
static const graphql_type_t refund = BRIDGE(refund, Refund, , F(txHash, TEXT, tx_hash));

static const graphql_type_t service_contract = {
    "ServiceContract",
    "serviceContract",
    "serviceContracts",
    "service_contract",
    NULL,
    FIELDS(F(serviceContractID, BIG, service_contract_id), F(serviceTwinID, INT, service_twin_id),
           F(consumerTwinID, INT, consumer_twin_id), F(baseFee, BIG, base_fee),
           F(variableFee, BIG, variable_fee), F(metadata, TEXT, metadata),
           F(acceptedByService, BOOL, accepted_by_service), F(acceptedByConsumer, BOOL, accepted_by_consumer),
           F(lastBill, BIG, last_bill), E(state, service_state, state))};

static const graphql_type_t service_contract_bill = {
    "ServiceContractBill",
    "serviceContractBill",
    "serviceContractBills",
    "service_contract_bill",
    NULL,
    FIELDS(F(serviceContractID, BIG, service_contract_id), F(variableAmount, BIG, variable_amount),
           F(window, BIG, bill_window), F(metadata, TEXT, metadata), F(amount, WIDE, amount))};

static const graphql_type_t power_target = {"PowerTargetReport",
                                            "powerTargetReport",
                                            "powerTargetReports",
                                            "power_report",
                                            "%s.kind = 'target'",
                                            FIELDS(F(farmID, INT, farm_id), F(nodeID, INT, node_id),
                                                   E(newPowerTarget, power, power), F(block, INT, block),
                                                   F(timestamp, BIG, timestamp))};

static const graphql_type_t power_state = {"PowerStateReport",
                                           "powerStateReport",
                                           "powerStateReports",
                                           "power_report",
                                           "%s.kind = 'state'",
                                           FIELDS(F(farmID, INT, farm_id), F(nodeID, INT, node_id),
                                                  E(newPowerState, power, power), F(block, INT, block),
                                                  F(timestamp, BIG, timestamp))};

static const graphql_type_t price_stored = {
    "PriceStored",
    "priceStored",
    "priceStoreds",
    "price_report",
    "%s.kind = 'price'",
    FIELDS(F(newPrice, DECIMAL, price), F(block, INT, block), F(timestamp, BIG, timestamp))};

static const graphql_type_t average_price = {
    "AveragePriceStored",
    "averagePriceStored",
    "averagePriceStoreds",
    "price_report",
    "%s.kind = 'average'",
    FIELDS(F(newAveragePrice, DECIMAL, price), F(block, INT, block), F(timestamp, BIG, timestamp))};

const graphql_type_t *const graphql_types[] = {&entity,
                                               &twin,
                                               &entity_proof,
                                               &farm,
                                               &public_ip,
                                               &node,
                                               &resources_total,
                                               &interfaces,
                                               &public_config,
                                               &location,
                                               &pricing_policy,
                                               &country,
                                               &node_contract,
                                               &contract_resources,
                                               &name_contract,
                                               &rent_contract,
                                               &solution_provider,
                                               &nru_consumption,
                                               &bill_report,
                                               &farming_policy,
                                               &uptime_event,
                                               &mint,
                                               &burn,
                                               &refund,
                                               &service_contract,
                                               &service_contract_bill,
                                               &power_target,
                                               &power_state,
                                               &price_stored,
                                               &average_price,
                                               NULL};

const graphql_field_t *graphql_field(const graphql_field_t *fields, const char *name, unsigned len)
{
    for (const graphql_field_t *f = fields; f->name; f++)
        if (strlen(f->name) == len && memcmp(f->name, name, len) == 0) return f;
    return NULL;
}
