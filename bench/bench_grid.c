/* bench_grid.c - a grid with many contracts. */
#include "bench_grid.h"

#include <stdlib.h>
#include <string.h>

#define GIB UINT64_C(1073741824)

account_id_t grid_account(uint32_t twin)
{
    account_id_t account = {{0}};
    memcpy(account.b, &twin, sizeof twin);
    account.b[31] = 1;
    return account;
}

static void put_twin(rt_t *rt, uint32_t id)
{
    const account_id_t account       = grid_account(id);
    const tfgrid_twin_t twin         = {.id = id, .account_id = account};
    const system_account_info_t info = {
        .providers = 1, .data = {.free = (u128_t)1 << 60, .flags = (u128_t)1 << 127}
    };
    tfgrid_twins_put(rt, id, &twin);
    tfgrid_twin_id_by_account_id_put(rt, &account, id);
    system_account_put(rt, &account, &info);
}

static void put_prices(rt_t *rt)
{
    const tfgrid_policy_t fifty = {50000, TFGRID_UNIT_GIGABYTES}, hundred = {100000, TFGRID_UNIT_GIGABYTES};
    const tfgrid_pricing_policy_t policy = {.id                            = 1,
                                            .su                            = fifty,
                                            .cu                            = hundred,
                                            .nu                            = fifty,
                                            .ipu                           = fifty,
                                            .unique_name                   = fifty,
                                            .foundation_account            = grid_account(1),
                                            .discount_for_dedication_nodes = 50};
    tfgrid_pricing_policies_put(rt, 1, &policy);
    tft_price_max_tft_price_put(rt, 1000);
    tft_price_average_tft_price_put(rt, 50);
}

static void put_nodes(rt_t *rt)
{
    static support_public_ip_t ips[16];
    for (int i = 0; i < 16; i++)
        ips[i] = (support_public_ip_t){BYTES("185.206.122.133/24"), BYTES("185.206.122.1"), 1};
    for (uint32_t farm = 1; farm <= GRID_FARMS; farm++)
        tfgrid_farms_put(rt, farm,
                         &(support_farm_t){
                             .id = farm, .name = BYTES("farm"), .twin_id = farm, .public_ips = {ips, 16}
        });
    for (uint32_t node = 1; node <= GRID_NODES; node++)
        tfgrid_nodes_put(rt, node,
                         &(support_node_t){.id = node, .farm_id = node % GRID_FARMS + 1, .twin_id = node});
}

static void put_contract(rt_t *rt, uint64_t id)
{
    static const uint8_t data[256];
    static support_public_ip_t ips[] = {
        {BYTES("185.206.122.133/24"), BYTES("185.206.122.1"), 1}
    };
    const uint32_t node                = (uint32_t)(id % GRID_NODES) + 1;
    smart_contract_contract_t contract = {
        .version = 4, .contract_id = id, .twin_id = (uint32_t)(id / GRID_CONTRACTS_A_TWIN) + 1};
    smart_contract_node_contract_t *part = &contract.contract_type.node_contract;
    *part                                = (smart_contract_node_contract_t){
                                       .node_id = node, .deployment_data = {data, sizeof data}
    };
    if (id % 10 == 0) {
        part->public_ips      = 1;
        part->public_ips_list = (support_public_ip_vec_t){ips, 1};
    }
    smart_contract_contracts_put(rt, id, &contract);
    smart_contract_contract_payment_state_put(
        rt, id, &(smart_contract_contract_payment_state_t){.last_updated_seconds = GRID_START_S});
    smart_contract_contract_billing_information_by_id_put(
        rt, id, &(smart_contract_contract_billing_information_t){.last_updated = 1});
    const smart_contract_contract_resources_t used = {
        id, {.sru = 25 * GIB, .cru = 2, .mru = 4 * GIB}
    };
    smart_contract_node_contract_resources_put(rt, id, &used);
}

static void put_cycle(rt_t *rt, uint32_t contracts, uint32_t frequency)
{
    uint64_t *ids = calloc(contracts / frequency + 1, sizeof *ids);
    if (!ids) abort();
    for (uint32_t place = 0; place < frequency; place++) {
        uint32_t count = 0;
        for (uint32_t id = place ? place : frequency; id <= contracts; id += frequency)
            ids[count++] = id;
        smart_contract_contracts_to_bill_at_put(rt, place, (u64_vec_t){ids, count});
    }
    free(ids);
    smart_contract_billing_frequency_put(rt, frequency);
    smart_contract_contract_id_put(rt, contracts);
}

void grid_put(rt_t *rt, uint32_t contracts, uint32_t frequency)
{
    const uint32_t used = rt->arena.used, least = contracts / GRID_CONTRACTS_A_TWIN + 1,
                   twins = least > GRID_NODES ? least : GRID_NODES;
    for (uint32_t twin = 1; twin <= twins; twin++, rt->arena.used = used)
        put_twin(rt, twin);
    balances_total_issuance_put(rt, balances_total_issuance_get(rt) + ((u128_t)twins << 60));
    put_prices(rt);
    put_nodes(rt);
    for (uint32_t id = 1; id <= contracts; id++, rt->arena.used = used)
        put_contract(rt, id);
    put_cycle(rt, contracts, frequency);
    rt->arena.used = used;
}
