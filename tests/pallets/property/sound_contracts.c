/* sound_contracts.c - contracts, and every map and list that leads to them. */
#include "fault.h"
#include "runtime_call.h"
#include "sound.h"

#include <string.h>

typedef smart_contract_contract_t contract_t;
typedef smart_contract_contract_payment_state_t payment_t;

/* How many there are of each kind: every index has as many entries. */
typedef struct {
    uint32_t all, node, rent, name;
} counts_t;

static uint32_t times_in(u64_vec_t list, uint64_t id)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list.len; i++)
        count += list.items[i] == id;
    return count;
}

static bool is_in_grace(const contract_t *contract)
{
    return contract->state.kind == SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD;
}

static bool payment_of(rt_t *rt, uint64_t id, payment_t *payment)
{
    HOLDS(smart_contract_contract_payment_state_get(rt, id, payment), "contract %llu", U(id));
    HOLDS(payment->cycles < 24 || payment->standard_reserve + payment->additional_reserve == 0,
          "contract %llu holds money after %u cycles", U(id), payment->cycles);
    return true;
}

/* A node contract of a rented node does as its rent does, unless it owes for itself. */
static bool tenant_is_sound(rt_t *rt, const contract_t *contract, const payment_t *payment)
{
    const uint32_t node_id = contract->contract_type.node_contract.node_id;
    const bool owes        = payment->standard_overdraft + payment->additional_overdraft > 0;
    uint64_t rent_id;
    contract_t rent;
    if (!smart_contract_active_rent_contract_for_node_get(rt, node_id, &rent_id) ||
        !smart_contract_contracts_get(rt, rent_id, &rent)) {
        HOLDS(is_in_grace(contract) == owes, "contract %llu", U(contract->contract_id));
        return true;
    }
    HOLDS(rent.twin_id == contract->twin_id, "contract %llu on a node that another rents",
          U(contract->contract_id));
    if (is_in_grace(&rent))
        HOLDS(is_in_grace(contract), "contract %llu runs, its rent does not", U(contract->contract_id));
    else
        HOLDS(is_in_grace(contract) == owes, "contract %llu", U(contract->contract_id));
    return true;
}

static bool node_contract_is_sound(rt_t *rt, const contract_t *contract, const payment_t *payment)
{
    const smart_contract_node_contract_t *node = &contract->contract_type.node_contract;
    const uint64_t id                          = contract->contract_id;
    u64_vec_t list;
    smart_contract_active_node_contracts_get(rt, node->node_id, &list);
    HOLDS(times_in(list, id) == 1, "contract %llu is active %u times", U(id), times_in(list, id));
    HOLDS(smart_contract_contract_id_by_node_id_and_hash_get(rt, node->node_id, &node->deployment_hash) == id,
          "contract %llu", U(id));
    HOLDS(tfgrid_nodes_exists(rt, node->node_id), "contract %llu", U(id));
    HOLDS(smart_contract_contract_billing_information_by_id_exists(rt, id), "contract %llu", U(id));
    HOLDS(node->public_ips == node->public_ips_list.len, "contract %llu", U(id));
    HOLDS(payment->additional_reserve + payment->additional_overdraft == 0, "contract %llu", U(id));
    return tenant_is_sound(rt, contract, payment);
}

static bool rent_contract_is_sound(rt_t *rt, const contract_t *contract, const payment_t *payment)
{
    const uint32_t node_id = contract->contract_type.rent_contract.node_id;
    const uint64_t id      = contract->contract_id;
    uint64_t rent_id       = 0;
    HOLDS(smart_contract_active_rent_contract_for_node_get(rt, node_id, &rent_id) && rent_id == id,
          "contract %llu, the node's is %llu", U(id), U(rent_id));
    HOLDS(tfgrid_nodes_exists(rt, node_id), "contract %llu", U(id));
    HOLDS(is_in_grace(contract) == (payment->standard_overdraft + payment->additional_overdraft > 0),
          "contract %llu", U(id));
    return true;
}

static bool contract_is_sound(rt_t *rt, uint64_t id, const contract_t *contract, counts_t *counts)
{
    u64_vec_t list;
    payment_t payment;
    const uint64_t frequency = smart_contract_billing_frequency_get(rt);
    HOLDS(contract->contract_id == id && id <= smart_contract_contract_id_get(rt), "contract %llu", U(id));
    HOLDS(contract->state.kind != SMART_CONTRACT_CONTRACT_STATE_DELETED, "contract %llu", U(id));
    HOLDS(tfgrid_twins_exists(rt, contract->twin_id), "contract %llu of twin %u", U(id), contract->twin_id);
    if (contract->solution_provider_id.some)
        HOLDS(smart_contract_solution_providers_exists(rt, contract->solution_provider_id.value),
              "contract %llu", U(id));
    smart_contract_contracts_to_bill_at_get(rt, id % frequency, &list);
    HOLDS(times_in(list, id) == 1, "contract %llu is billed %u times a cycle", U(id), times_in(list, id));
    if (!payment_of(rt, id, &payment)) return false;
    counts->all++;
    switch (contract->contract_type.kind) {
    case SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT:
        counts->node++;
        return node_contract_is_sound(rt, contract, &payment);
    case SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT:
        counts->rent++;
        return rent_contract_is_sound(rt, contract, &payment);
    case SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT:
        counts->name++;
        HOLDS(smart_contract_contract_id_by_name_registration_get(
                  rt, contract->contract_type.name_contract.name) == id,
              "contract %llu", U(id));
        HOLDS(is_in_grace(contract) == (payment.standard_overdraft > 0), "contract %llu", U(id));
        return true;
    }
    return false;
}

/* ------------------------------------------------------------ what leads to contracts, counted */

static bool lists_are_sound(rt_t *rt, const counts_t *counts)
{
    bytes_t at = {0};
    uint64_t place;
    uint32_t node_id, billed = 0, active = 0;
    u64_vec_t list;
    while (smart_contract_contracts_to_bill_at_next(rt, &at, &place, &list)) {
        HOLDS(place < smart_contract_billing_frequency_get(rt), "list %llu", U(place));
        billed += list.len;
    }
    HOLDS(billed == counts->all, "%u are billed, of %u contracts", billed, counts->all);
    at = (bytes_t){0};
    while (smart_contract_active_node_contracts_next(rt, &at, &node_id, &list))
        active += list.len;
    HOLDS(active == counts->node, "%u are active, of %u node contracts", active, counts->node);
    smart_contract_billing_carry_get(rt, &list);
    for (uint32_t i = 0; i < list.len; i++)
        HOLDS(times_in(list, list.items[i]) == 1, "contract %llu is carried over twice", U(list.items[i]));
    return true;
}

/* Each contract has its entry in each map of its kind, and there are no others. */
static bool maps_are_sound(rt_t *rt, const counts_t *counts)
{
    uint64_t id;
    uint32_t node_id, count;
    bytes32_t hash;
    bytes_t name;
    COUNT(count, smart_contract_contract_id_by_node_id_and_hash_next, &node_id, &hash, NULL);
    HOLDS(count == counts->node, "%u hashes, %u node contracts", count, counts->node);
    COUNT(count, smart_contract_contract_billing_information_by_id_next, &id, NULL);
    HOLDS(count == counts->node, "traffic of %u, %u node contracts", count, counts->node);
    COUNT(count, smart_contract_active_rent_contract_for_node_next, &node_id, NULL);
    HOLDS(count == counts->rent, "%u rented nodes, %u rent contracts", count, counts->rent);
    COUNT(count, smart_contract_contract_id_by_name_registration_next, &name, NULL);
    HOLDS(count == counts->name, "%u names, %u name contracts", count, counts->name);
    COUNT(count, smart_contract_contract_payment_state_next, &id, NULL);
    HOLDS(count == counts->all, "%u payment states, %u contracts", count, counts->all);
    COUNT(count, smart_contract_contract_lock_next, &id, NULL);
    HOLDS(count == 0, "%u locks of a kind that is gone", count);

    bytes_t at = {0};
    smart_contract_contract_resources_t used;
    contract_t contract;
    while (smart_contract_node_contract_resources_next(rt, &at, &id, &used))
        HOLDS(used.contract_id == id && smart_contract_contracts_get(rt, id, &contract) &&
                  contract.contract_type.kind == SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT,
              "resources of contract %llu", U(id));
    at           = (bytes_t){0};
    uint64_t fee = 0;
    while (smart_contract_dedicated_nodes_extra_fee_next(rt, &at, &node_id, &fee))
        HOLDS(fee > 0 && tfgrid_nodes_exists(rt, node_id), "extra fee of node %u", node_id);
    return true;
}

/* --------------------------------------------------------------------------- other contracts */

static bool services_are_sound(rt_t *rt)
{
    bytes_t at = {0};
    uint64_t id;
    smart_contract_service_contract_t service;
    while (smart_contract_service_contracts_next(rt, &at, &id, &service)) {
        HOLDS(service.service_contract_id == id && id <= smart_contract_service_contract_id_get(rt),
              "service %llu", U(id));
        HOLDS(service.service_twin_id != service.consumer_twin_id &&
                  tfgrid_twins_exists(rt, service.service_twin_id) &&
                  tfgrid_twins_exists(rt, service.consumer_twin_id),
              "service %llu", U(id));
        const bool is_approved = service.state == SMART_CONTRACT_SERVICE_CONTRACT_STATE_APPROVED_BY_BOTH;
        HOLDS(is_approved == (service.accepted_by_service && service.accepted_by_consumer), "service %llu",
              U(id));
    }
    return true;
}

static bool providers_are_sound(rt_t *rt)
{
    bytes_t at = {0};
    uint64_t id;
    smart_contract_solution_provider_t provider;
    while (smart_contract_solution_providers_next(rt, &at, &id, &provider)) {
        uint32_t takes = 0;
        for (uint32_t i = 0; i < provider.providers.len; i++)
            takes += provider.providers.items[i].take;
        HOLDS(provider.solution_provider_id == id && takes <= 50, "provider %llu takes %u", U(id), takes);
    }
    return true;
}

bool sound_contracts(rt_t *rt)
{
    bytes_t at = {0};
    uint64_t id;
    contract_t contract;
    counts_t counts = {0};
    while (smart_contract_contracts_next(rt, &at, &id, &contract))
        if (!contract_is_sound(rt, id, &contract, &counts)) return false;
    return lists_are_sound(rt, &counts) && maps_are_sound(rt, &counts) && services_are_sound(rt) &&
           providers_are_sound(rt);
}

/* -------------------------------------------------------------------------- public addresses */

/* times_listed counts an address in a contract's list. */
static uint32_t times_listed(const contract_t *contract, bytes_t ip)
{
    const support_public_ip_vec_t *list = &contract->contract_type.node_contract.public_ips_list;
    uint32_t count                      = 0;
    for (uint32_t i = 0; i < list->len; i++)
        count += bytes_equal(list->items[i].ip, ip);
    return count;
}

/* An address that a farm has lent is in the list of that contract, once; the council may take the mark off an
 * address by force (force_reset_farm_ip), so a contract may list one that is no longer its own. */
bool sound_addresses(rt_t *rt)
{
    bytes_t at = {0};
    uint32_t farm_id;
    support_farm_t farm;
    while (tfgrid_farms_next(rt, &at, &farm_id, &farm))
        for (uint32_t i = 0; i < farm.public_ips.len; i++) {
            const support_public_ip_t *ip = &farm.public_ips.items[i];
            contract_t contract;
            if (ip->contract_id == 0) continue;
            HOLDS(smart_contract_contracts_get(rt, ip->contract_id, &contract) &&
                      contract.contract_type.kind == SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT,
                  "farm %u has lent an address to contract %llu", farm_id, U(ip->contract_id));
            HOLDS(times_listed(&contract, ip->ip) >= 1, "contract %llu does not list its address",
                  U(ip->contract_id));
        }
    return true;
}

static bool is_lent_to(const support_farm_t *farm, bytes_t ip, uint64_t contract_id)
{
    for (uint32_t i = 0; i < farm->public_ips.len; i++)
        if (farm->public_ips.items[i].contract_id == contract_id &&
            bytes_equal(farm->public_ips.items[i].ip, ip))
            return true;
    return false;
}

bool sound_addresses_agree(rt_t *rt)
{
    bytes_t at = {0};
    uint64_t id;
    contract_t contract;
    while (smart_contract_contracts_next(rt, &at, &id, &contract)) {
        support_node_t node;
        support_farm_t farm;
        if (contract.contract_type.kind != SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT) continue;
        const smart_contract_node_contract_t *of = &contract.contract_type.node_contract;
        if (of->public_ips == 0) continue;
        HOLDS(tfgrid_nodes_get(rt, of->node_id, &node) && tfgrid_farms_get(rt, node.farm_id, &farm),
              "contract %llu", U(id));
        for (uint32_t i = 0; i < of->public_ips_list.len; i++)
            HOLDS(is_lent_to(&farm, of->public_ips_list.items[i].ip, id),
                  "contract %llu lists an address that it has not", U(id));
    }
    return true;
}
