/* world.c - a small chain for tests of the grid's pallets. */
#include "world.h"

#include "runtime.h"
#include "table_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)
#define MUST(c)                                                                                              \
    do {                                                                                                     \
        if (!(c)) {                                                                                          \
            printf("%s:%d: the world is not so: %s\n", __FILE__, __LINE__, #c);                              \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

enum { MEMORY_SIZE = 64 << 20, CALL_MAX = 1 << 20 };

rt_t *rt;
const account_id_t alice =
                       {
                           {0xa1, 1}
},
                   bob = {{0xb0, 2}}, farmer = {{0xfa, 3}}, node_account = {{0x40, 4}},
                   other_node_account = {{0x41, 5}}, foundation = {{0xf0, 6}}, sales = {{0x5a, 7}},
                   council = {{0xc0, 8}}, validator = {{0x0a, 9}}, nobody = {{0x99, 10}};
const account_id_t staking_pool = {
    {0x0d, 0xd1, 0xd1, 0xa6, 0xe5, 0xa3, 0x5a, 0xa8, 0xc7, 0xf5, 0xe5, 0x7e, 0x1e, 0xdd, 0x0c, 0x3f,
     0xbd, 0x6a, 0xbf, 0x2e, 0xaa, 0x8e, 0xf4, 0x25, 0x48, 0x98, 0x6e, 0x54, 0xa2, 0x56, 0x20, 0x00}
};
const origin_t from_root    = {.kind = ORIGIN_ROOT},
               from_council = {.kind = ORIGIN_COUNCIL_MEMBERS, .ayes = 2, .seats = 3};

static table_t *table;
static host_t host;
static rt_t runtime;
static uint8_t call_bytes[CALL_MAX];
scale_writer_t world_writer = {.start = call_bytes, .cap = sizeof call_bytes};

origin_t from(const account_id_t *who) { return (origin_t){.kind = ORIGIN_SIGNED, .who = *who}; }

/* ---------------------------------------------------------------------------------- genesis */

static void begin_block(uint32_t number, uint64_t now_s)
{
    system_number_put(rt, number);
    timestamp_now_put(rt, now_s * 1000);
    rt->phase = 0;
}

/* The development genesis (runtime/genesis.c) with the people of this world: one validator, no council and no
 * bridge, which the tests of these make themselves. */
static void build_genesis(void)
{
    const account_id_t *rich[] = {&alice,      &bob,   &farmer,  &node_account, &other_node_account,
                                  &foundation, &sales, &council, &validator};
    genesis_balance_t balances[sizeof rich / sizeof *rich];
    genesis_t genesis;
    for (size_t i = 0; i < sizeof rich / sizeof *rich; i++)
        balances[i] = (genesis_balance_t){*rich[i], (u128_t)1000 * TFT};
    runtime_genesis_dev(&genesis);
    genesis.balances               = balances;
    genesis.balance_count          = sizeof rich / sizeof *rich;
    genesis.authorities[0]         = (genesis_authority_t){validator, validator, validator};
    genesis.council_count          = 0;
    genesis.bridge_validator_count = 0;
    genesis.foundation             = foundation;
    genesis.sales                  = sales;
    genesis.billing_frequency      = BILLING_EVERY;
    runtime_genesis_build(rt, &genesis);
}

void world_start(void)
{
    static uint8_t *memory;
    if (!memory) memory = malloc(MEMORY_SIZE);
    table_free(table);
    table = table_new();
    host  = table_host(table);
    rt    = &runtime;
    rt_start(rt, &host, memory, MEMORY_SIZE);
    build_genesis();
    begin_block(1, START_S);
    tft_price_average_tft_price_put(rt, 50);
}

void world_verify_with(world_verify_t verify) { table_verify_with(table, verify); }

/* ----------------------------------------------------------------------------- blocks, calls */

uint32_t world_block(void) { return system_number_get(rt); }
uint64_t world_now_s(void) { return timestamp_now_get(rt) / 1000; }

void world_forget_events(void)
{
    rt->events.len  = 0;
    rt->event_count = 0;
    system_events_remove(rt);
}

void world_next_block(void)
{
    const uint32_t number = world_block();
    const uint64_t now_s  = world_now_s();
    world_forget_events();
    rt->phase = PHASE_FINALIZATION;
    smart_contract_on_finalize(rt);
    tft_bridge_on_finalize(rt);
    rt_events_flush(rt);
    begin_block(number + 1, now_s + BLOCK_S);
    MUST(!rt->fault);
}

void world_blocks(uint32_t count)
{
    const uint32_t used = rt->arena.used;
    for (uint32_t i = 0; i < count; i++) {
        world_next_block();
        rt->arena.used = used;
    }
}

void world_skip(uint32_t blocks, uint64_t seconds)
{
    begin_block(world_block() + blocks, world_now_s() + seconds);
}

dispatch_t world_apply(const origin_t *origin, bytes_t encoded)
{
    uint8_t *copy = malloc(encoded.len + 1);
    memcpy(copy, encoded.data, encoded.len);
    runtime_call_t call;
    scale_reader_t r = scale_reader((bytes_t){copy, encoded.len}, &rt->arena);
    world_forget_events();
    rt->pays_no_fee = false;
    runtime_call_decode(&r, &call);
    dispatch_t result = WORLD_BAD_CALL;
    if (scale_done(&r)) result = runtime_call_dispatch(rt, origin, &call);
    free(copy); /* nothing may lean on a call's bytes once it is done */
    rt_events_flush(rt);
    MUST(!rt->fault);
    MUST(table_depth(table) == 0);
    return result;
}

dispatch_t world_apply_written(origin_t origin) { return world_apply(&origin, scale_written(&world_writer)); }

/* ----------------------------------------------------------------------------------- events */

static bool is_event(const system_event_record_t *record, uint8_t pallet, uint8_t index)
{
    uint8_t room[1 << 16];
    scale_writer_t w = scale_writer(room, sizeof room);
    runtime_event_encode(&w, record->event);
    return w.len >= 2 && room[0] == pallet && room[1] == index;
}

const runtime_event_t *world_event(uint8_t pallet, uint8_t index, uint32_t nth)
{
    system_event_record_vec_t records;
    system_events_get(rt, &records);
    for (uint32_t i = 0; i < records.len; i++)
        if (is_event(&records.items[i], pallet, index) && nth-- == 0) return records.items[i].event;
    return NULL;
}

uint32_t world_event_count(uint8_t pallet, uint8_t index)
{
    uint32_t count = 0;
    while (world_event(pallet, index, count))
        count++;
    return count;
}

/* ------------------------------------------------------------------------------------ money */

void world_give(const account_id_t *who, u128_t amount)
{
    system_account_info_t info;
    system_account_get(rt, who, &info);
    info.providers = 1;
    info.data.free += amount;
    info.data.flags = (u128_t)1 << 127;
    system_account_put(rt, who, &info);
    balances_total_issuance_put(rt, balances_total_issuance_get(rt) + amount);
}

void world_set_free(const account_id_t *who, u128_t free_amount)
{
    system_account_info_t info;
    system_account_get(rt, who, &info);
    balances_total_issuance_put(rt, balances_total_issuance_get(rt) - info.data.free + free_amount);
    info.data.free = free_amount;
    system_account_put(rt, who, &info);
}

void world_freeze(const account_id_t *who, u128_t frozen)
{
    system_account_info_t info;
    system_account_get(rt, who, &info);
    const bool was_held = info.data.frozen > 0 || info.data.reserved > 0;
    info.data.frozen    = frozen;
    const bool is_held  = frozen > 0 || info.data.reserved > 0;
    if (is_held && !was_held) info.consumers++;
    if (was_held && !is_held) info.consumers--;
    system_account_put(rt, who, &info);
}

static support_account_data_t money_of(const account_id_t *who)
{
    system_account_info_t info;
    system_account_get(rt, who, &info);
    return info.data;
}

u128_t world_free(const account_id_t *who) { return money_of(who).free; }
u128_t world_reserved(const account_id_t *who) { return money_of(who).reserved; }
u128_t world_issuance(void) { return balances_total_issuance_get(rt); }

/* -------------------------------------------------------------------------------- shortcuts */

uint32_t world_twin(const account_id_t *who)
{
    uint32_t twin_id;
    if (tfgrid_twin_id_by_account_id_get(rt, who, &twin_id)) return twin_id;
    MUST(CALL(*who, tfgrid_user_accept_tc, .document_link = BYTES("https://x.y"),
              .document_hash = BYTES("ab")) == DISPATCH_OK);
    MUST(CALL(*who, tfgrid_create_twin, .relay = {true, BYTES("relay.grid.tf")}) == DISPATCH_OK);
    MUST(tfgrid_twin_id_by_account_id_get(rt, who, &twin_id));
    return twin_id;
}

uint32_t world_farm(const account_id_t *who, bytes_t name, uint32_t ips)
{
    static support_ip4_t addresses[9];
    static char texts[9][19];
    const uint32_t farm = tfgrid_farm_id_get(rt) + 1;
    for (uint32_t i = 0; i < ips; i++) {
        snprintf(texts[i], sizeof texts[i], "185.206.%u.%u/24", farm & 255, i + 2);
        static char gateways[9][16];
        snprintf(gateways[i], sizeof gateways[i], "185.206.%u.1", farm & 255);
        addresses[i] = (support_ip4_t){bytes_text(texts[i]), bytes_text(gateways[i])};
    }
    world_twin(who);
    MUST(CALL(*who, tfgrid_create_farm, .name = name, .public_ips = {addresses, ips}) == DISPATCH_OK);
    return farm;
}

tfgrid_create_node_args_t world_node_args(uint32_t farm_id)
{
    static bytes_t ips[]                    = {BYTES("10.1.0.2")};
    static support_interface_t interfaces[] = {
        {BYTES("zos"), BYTES("00:11:22:33:44:55"), {ips, 1}}
    };
    return (tfgrid_create_node_args_t){
        .farm_id    = farm_id,
        .resources  = {.hru = 1000 * GIB, .sru = 1000 * GIB, .cru = 8, .mru = 32 * GIB},
        .location   = {BYTES("Ghent"),  BYTES("Belgium"),                   BYTES("51.05"), BYTES("3.71")},
        .interfaces = {interfaces,1},
    };
}

uint32_t world_node(const account_id_t *who, uint32_t farm_id)
{
    const tfgrid_create_node_args_t args = world_node_args(farm_id);
    world_twin(who);
    world_writer.len = 0;
    tfgrid_create_node_call_encode(&world_writer, &args);
    const origin_t origin = from(who);
    MUST(world_apply(&origin, scale_written(&world_writer)) == DISPATCH_OK);
    return tfgrid_node_id_get(rt);
}

uint64_t world_node_contract(const account_id_t *who, uint32_t node_id, uint8_t hash, uint32_t ips)
{
    world_twin(who);
    MUST(CALL(*who, smart_contract_create_node_contract, .node_id = node_id, .deployment_hash = {{hash}},
              .deployment_data = BYTES("data"), .public_ips = ips) == DISPATCH_OK);
    return smart_contract_contract_id_get(rt);
}

void world_use(const account_id_t *node, uint64_t contract_id, support_resources_t used)
{
    smart_contract_contract_resources_t report[] = {
        {contract_id, used}
    };
    MUST(CALL(*node, smart_contract_report_contract_resources, .contract_resources = {report, 1}) ==
         DISPATCH_OK);
}
