/* sound.c - what holds in the world after anything that happens. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#define HOLDS(c, ...)                                                                                        \
    do {                                                                                                     \
        if (!(c)) {                                                                                          \
            printf("unsound: %s: ", #c);                                                                     \
            printf(__VA_ARGS__);                                                                             \
            printf("\n");                                                                                    \
            return false;                                                                                    \
        }                                                                                                    \
    } while (0)
#define U(v) ((unsigned long long)(v))

/* Issuance is the sum of all accounts; each reserve is the sum of its contracts' payment states. */
static bool money_is_sound(void)
{
    bytes_t at = {0};
    account_id_t who;
    system_account_info_t info;
    u128_t sum = 0;
    while (system_account_next(rt, &at, &who, &info)) {
        sum += info.data.free + info.data.reserved;
        u128_t held = 0;
        uint32_t twin_id;
        if (tfgrid_twin_id_by_account_id_get(rt, &who, &twin_id)) {
            bytes_t place = {0};
            uint64_t id;
            smart_contract_contract_t contract;
            smart_contract_contract_payment_state_t payment;
            while (smart_contract_contracts_next(rt, &place, &id, &contract)) {
                if (contract.twin_id != twin_id) continue;
                HOLDS(smart_contract_contract_payment_state_get(rt, id, &payment), "contract %llu", U(id));
                held += payment.standard_reserve + payment.additional_reserve;
            }
        }
        HOLDS(held == info.data.reserved, "account %02x%02x holds %llu, reserved %llu", who.b[0], who.b[1],
              U(held), U(info.data.reserved));
    }
    HOLDS(sum == world_issuance(), "%llu, issuance %llu", U(sum), U(world_issuance()));
    return true;
}

/* Addresses of farms and of contracts name each other. */
static bool addresses_are_sound(void)
{
    bytes_t at = {0};
    uint32_t farm_id, lent = 0, listed = 0;
    support_farm_t farm;
    while (tfgrid_farms_next(rt, &at, &farm_id, &farm)) {
        for (uint32_t i = 0; i < farm.public_ips.len; i++) {
            smart_contract_contract_t contract;
            const uint64_t id = farm.public_ips.items[i].contract_id;
            if (id == 0) continue;
            lent++;
            HOLDS(smart_contract_contracts_get(rt, id, &contract), "address of contract %llu", U(id));
            uint32_t found = 0;
            for (uint32_t j = 0; j < contract.contract_type.node_contract.public_ips_list.len; j++)
                found += bytes_equal(contract.contract_type.node_contract.public_ips_list.items[j].ip,
                                     farm.public_ips.items[i].ip);
            HOLDS(found == 1, "contract %llu", U(id));
        }
        HOLDS(tfgrid_farm_id_by_name_get(rt, farm.name) == farm_id, "farm %u", farm_id);
    }
    bytes_t place = {0};
    uint64_t id;
    smart_contract_contract_t contract;
    while (smart_contract_contracts_next(rt, &place, &id, &contract))
        if (contract.contract_type.kind == SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT) {
            HOLDS(contract.contract_type.node_contract.public_ips ==
                      contract.contract_type.node_contract.public_ips_list.len,
                  "%llu", U(id));
            listed += contract.contract_type.node_contract.public_ips;
        }
    HOLDS(lent == listed, "lent %u, listed %u", lent, listed);
    return true;
}

static uint32_t times_in(u64_vec_t list, uint64_t id)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list.len; i++)
        count += list.items[i] == id;
    return count;
}

static bool contract_is_sound(uint64_t id, const smart_contract_contract_t *contract)
{
    u64_vec_t list;
    HOLDS(contract->contract_id == id, "%llu", U(id));
    HOLDS(contract->state.kind != SMART_CONTRACT_CONTRACT_STATE_DELETED, "%llu", U(id));
    smart_contract_contracts_to_bill_at_get(rt, id % smart_contract_billing_frequency_get(rt), &list);
    HOLDS(times_in(list, id) == 1, "contract %llu is billed %u times a cycle", U(id), times_in(list, id));
    switch (contract->contract_type.kind) {
    case SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT: {
        const smart_contract_node_contract_t *node = &contract->contract_type.node_contract;
        smart_contract_active_node_contracts_get(rt, node->node_id, &list);
        HOLDS(times_in(list, id) == 1, "contract %llu is active %u times", U(id), times_in(list, id));
        HOLDS(smart_contract_contract_id_by_node_id_and_hash_get(rt, node->node_id, &node->deployment_hash) ==
                  id,
              "%llu", U(id));
        HOLDS(tfgrid_nodes_exists(rt, node->node_id), "%llu", U(id));
        break;
    }
    case SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT: {
        uint64_t rent_id = 0;
        smart_contract_active_rent_contract_for_node_get(rt, contract->contract_type.rent_contract.node_id,
                                                         &rent_id);
        HOLDS(rent_id == id, "%llu", U(id));
        HOLDS(tfgrid_nodes_exists(rt, contract->contract_type.rent_contract.node_id), "%llu", U(id));
        break;
    }
    case SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT:
        HOLDS(smart_contract_contract_id_by_name_registration_get(
                  rt, contract->contract_type.name_contract.name) == id,
              "%llu", U(id));
        break;
    }
    return true;
}

/* Every index leads to a contract that is there; the contracts were counted, so it leads to no other. */
static bool indices_are_sound(uint32_t contracts)
{
    bytes_t at = {0};
    uint64_t place, id;
    uint32_t node_id, billed = 0;
    bytes32_t hash;
    u64_vec_t list;
    while (smart_contract_contracts_to_bill_at_next(rt, &at, &place, &list))
        billed += list.len;
    HOLDS(billed == contracts, "%u billed, %u contracts", billed, contracts);
    at = (bytes_t){0};
    while (smart_contract_active_node_contracts_next(rt, &at, &node_id, &list))
        for (uint32_t i = 0; i < list.len; i++)
            HOLDS(smart_contract_contracts_exists(rt, list.items[i]), "%llu", U(list.items[i]));
    at = (bytes_t){0};
    while (smart_contract_contract_id_by_node_id_and_hash_next(rt, &at, &node_id, &hash, &id))
        HOLDS(smart_contract_contracts_exists(rt, id), "hash of contract %llu", U(id));
    at = (bytes_t){0};
    while (smart_contract_contract_payment_state_next(rt, &at, &id, NULL))
        HOLDS(smart_contract_contracts_exists(rt, id), "payment of contract %llu", U(id));
    at = (bytes_t){0};
    while (smart_contract_contract_billing_information_by_id_next(rt, &at, &id, NULL))
        HOLDS(smart_contract_contracts_exists(rt, id), "traffic of contract %llu", U(id));
    at = (bytes_t){0};
    while (smart_contract_active_rent_contract_for_node_next(rt, &at, &node_id, &id))
        HOLDS(smart_contract_contracts_exists(rt, id), "rent %llu", U(id));
    return true;
}

static bool nodes_are_sound(void)
{
    bytes_t at = {0};
    uint32_t id, farm_id, nodes = 0, in_farms = 0, twin_id, by_twin = 0;
    support_node_t node;
    u32_vec_t list;
    while (tfgrid_nodes_next(rt, &at, &id, &node)) {
        nodes++;
        HOLDS(node.id == id && tfgrid_node_id_by_twin_id_get(rt, node.twin_id) == id, "node %u", id);
        tfgrid_nodes_by_farm_id_get(rt, node.farm_id, &list);
        uint32_t found = 0;
        for (uint32_t i = 0; i < list.len; i++)
            found += list.items[i] == id;
        HOLDS(found == 1, "node %u is %u times in farm %u", id, found, node.farm_id);
    }
    at = (bytes_t){0};
    while (tfgrid_nodes_by_farm_id_next(rt, &at, &farm_id, &list))
        in_farms += list.len;
    at = (bytes_t){0};
    while (tfgrid_node_id_by_twin_id_next(rt, &at, &twin_id, NULL))
        by_twin++;
    HOLDS(nodes == in_farms && nodes == by_twin, "%u nodes, %u in farms, %u by twin", nodes, in_farms,
          by_twin);
    return true;
}

bool world_is_sound(void)
{
    bytes_t at     = {0};
    uint32_t count = 0;
    uint64_t id;
    smart_contract_contract_t contract;
    const uint32_t used = rt->arena.used;
    bool is_sound       = true;
    while (is_sound && smart_contract_contracts_next(rt, &at, &id, &contract)) {
        is_sound = contract_is_sound(id, &contract);
        count++;
    }
    is_sound = is_sound && indices_are_sound(count) && nodes_are_sound() && addresses_are_sound() &&
               money_is_sound();
    rt->arena.used = used;
    return is_sound && !rt->fault;
}
