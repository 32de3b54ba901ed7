/* bench_billing.c - what the billing loop of a block costs, over the overlay of a node.
 *
 *     bench_billing [CONTRACTS]     100 000 unless told otherwise
 *
 * Node contracts with resources in use, one of ten with a public address, 100 of each twin, on 1000 nodes of
 * 100 farms.  The frequency is such that each block bills as much as it may (2000); 26 cycles run, so that
 * each contract is paid out once.  Only the hook is timed: state is in memory, no root is computed. */
#include "overlay.h"
#include "runtime_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FARMS = 100, NODES = 1000, CONTRACTS_A_TWIN = 100, BILLS_A_BLOCK = 2000, CYCLES = 26, ROOM = 1 << 30 };

#define GIB UINT64_C(1073741824)

static arena_t state_arena, block_arena;
static kv_memory_t state;
static overlay_t overlay;
static uint8_t *memory;
static rt_t runtime, *rt = &runtime;
static uint32_t contracts = 100000;

static bool host_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)arena;
    return overlay_get(self, key, value);
}
static void host_put(void *self, bytes_t key, bytes_t value) { overlay_put(self, key, value); }
static void host_remove(void *self, bytes_t key) { overlay_remove(self, key); }
static void host_append(void *self, bytes_t key, uint32_t count, bytes_t items)
{
    overlay_append(self, key, count, items);
}
static bool host_next(void *self, bytes_t key, arena_t *arena, bytes_t *next)
{
    return overlay_next_key(self, key, arena, next);
}
static void host_begin(void *self) { overlay_begin(self); }
static void host_end(void *self, bool keep) { overlay_end(self, keep); }
static void host_log(void *self, const char *message)
{
    (void)self;
    printf("%s\n", message);
}

static const host_t host = {.state    = &overlay,
                            .get      = host_get,
                            .put      = host_put,
                            .remove   = host_remove,
                            .append   = host_append,
                            .next_key = host_next,
                            .begin    = host_begin,
                            .end      = host_end,
                            .log      = host_log};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* block_open lays a fresh overlay over what is kept; block_keep keeps its changes. */
static void block_open(uint32_t number)
{
    static kv_t base;
    base             = kv_memory_view(&state);
    block_arena.used = 0;
    overlay_init(&overlay, &base, &block_arena, 1);
    rt_start(rt, &host, memory, 64 << 20);
    rt->phase = PHASE_FINALIZATION;
    system_number_put(rt, number);
    timestamp_now_put(rt, (UINT64_C(1700000000) + 6 * (uint64_t)number) * 1000);
    system_events_remove(rt);
}

static void block_keep(void)
{
    changes_t changes;
    rt_events_flush(rt);
    if (rt->fault || overlay.has_failed || !overlay_changes(&overlay, &block_arena, &changes)) {
        printf("broken: %s\n", rt->fault ? rt->fault : "overlay");
        exit(1);
    }
    kv_memory_apply(&state, &changes);
}

static account_id_t account_of(uint32_t twin)
{
    account_id_t account = {{0}};
    memcpy(account.b, &twin, sizeof twin);
    account.b[31] = 1;
    return account;
}

static void put_twin(uint32_t id)
{
    const account_id_t account       = account_of(id);
    const tfgrid_twin_t twin         = {.id = id, .account_id = account};
    const system_account_info_t info = {
        .providers = 1, .data = {.free = (u128_t)1 << 60, .flags = (u128_t)1 << 127}
    };
    tfgrid_twins_put(rt, id, &twin);
    tfgrid_twin_id_by_account_id_put(rt, &account, id);
    system_account_put(rt, &account, &info);
    balances_total_issuance_put(rt, balances_total_issuance_get(rt) + info.data.free);
}

static void put_grid(void)
{
    const tfgrid_policy_t fifty = {50000, TFGRID_UNIT_GIGABYTES}, hundred = {100000, TFGRID_UNIT_GIGABYTES};
    const tfgrid_pricing_policy_t policy = {.id                            = 1,
                                            .su                            = fifty,
                                            .cu                            = hundred,
                                            .nu                            = fifty,
                                            .ipu                           = fifty,
                                            .unique_name                   = fifty,
                                            .foundation_account            = account_of(1),
                                            .discount_for_dedication_nodes = 50};
    tfgrid_pricing_policies_put(rt, 1, &policy);
    tft_price_max_tft_price_put(rt, 1000);
    tft_price_average_tft_price_put(rt, 50);
    for (uint32_t farm = 1; farm <= FARMS; farm++) {
        static support_public_ip_t ips[16];
        for (int i = 0; i < 16; i++)
            ips[i] = (support_public_ip_t){BYTES("185.206.122.133/24"), BYTES("185.206.122.1"), 1};
        tfgrid_farms_put(rt, farm,
                         &(support_farm_t){
                             .id = farm, .name = BYTES("farm"), .twin_id = farm, .public_ips = {ips, 16}
        });
    }
    for (uint32_t node = 1; node <= NODES; node++)
        tfgrid_nodes_put(rt, node,
                         &(support_node_t){.id = node, .farm_id = node % FARMS + 1, .twin_id = node});
}

static void put_contract(uint64_t id)
{
    static const uint8_t data[256];
    static support_public_ip_t ips[] = {
        {BYTES("185.206.122.133/24"), BYTES("185.206.122.1"), 1}
    };
    const uint32_t node                = (uint32_t)(id % NODES) + 1;
    smart_contract_contract_t contract = {
        .version = 4, .contract_id = id, .twin_id = (uint32_t)(id / CONTRACTS_A_TWIN) + 1};
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
        rt, id, &(smart_contract_contract_payment_state_t){.last_updated_seconds = 1700000000});
    smart_contract_contract_billing_information_by_id_put(
        rt, id, &(smart_contract_contract_billing_information_t){.last_updated = 1});
    const smart_contract_contract_resources_t used = {
        id, {.sru = 25 * GIB, .cru = 2, .mru = 4 * GIB}
    };
    smart_contract_node_contract_resources_put(rt, id, &used);
}

static uint32_t put_contracts(void)
{
    const uint32_t frequency = (contracts + BILLS_A_BLOCK - 1) / BILLS_A_BLOCK;
    static uint64_t ids[BILLS_A_BLOCK + 1];
    for (uint32_t id = 1; id <= contracts; id++) {
        const uint32_t used = rt->arena.used;
        put_contract(id);
        rt->arena.used = used;
    }
    for (uint32_t place = 0; place < frequency; place++) {
        uint32_t count = 0;
        for (uint32_t id = place ? place : frequency; id <= contracts; id += frequency)
            ids[count++] = id;
        smart_contract_contracts_to_bill_at_put(rt, place, (u64_vec_t){ids, count});
    }
    smart_contract_billing_frequency_put(rt, frequency);
    return frequency;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(const char *what, double *ms, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += ms[i];
    qsort(ms, count, sizeof *ms, ascending);
    printf("%-28s %4u blocks: median %.1f ms, worst %.1f ms; %.0f bills a second\n", what, count,
           ms[count / 2], ms[count - 1],
           (double)contracts / 1e3 * 1e6 * (double)count /
               (double)((contracts + BILLS_A_BLOCK - 1) / BILLS_A_BLOCK) / sum);
}

int main(int argc, char **argv)
{
    if (argc > 1) contracts = (uint32_t)strtoul(argv[1], NULL, 10);
    state_arena = (arena_t){.start = malloc(2U * ROOM), .size = 2U * ROOM};
    block_arena = (arena_t){.start = malloc(ROOM), .size = ROOM};
    memory      = malloc(64 << 20);
    if (contracts < BILLS_A_BLOCK || !state_arena.start || !block_arena.start || !memory) return 1;
    kv_memory_init(&state, &state_arena);

    block_open(0);
    for (uint32_t twin = 1; twin <= contracts / CONTRACTS_A_TWIN + NODES + 1; twin++)
        put_twin(twin);
    put_grid();
    const uint32_t frequency = put_contracts();
    block_keep();
    printf("%u contracts, %u keys, a bill each %u blocks\n", contracts, state.count, frequency);

    double *plain        = malloc(sizeof *plain * CYCLES * frequency),
           *paying       = malloc(sizeof *paying * CYCLES * frequency);
    uint32_t plain_count = 0, paying_count = 0;
    for (uint32_t number = 1; number <= CYCLES * frequency; number++) {
        block_open(number);
        const double start = now_ms();
        smart_contract_on_finalize(rt);
        const double took                               = now_ms() - start;
        smart_contract_contract_payment_state_t payment = {0};
        const uint64_t first                            = number % frequency ? number % frequency : frequency;
        if (!smart_contract_contract_payment_state_get(rt, first, &payment)) {
            printf("block %u: %s\n", number, rt->fault ? rt->fault : "a contract is gone");
            return 1;
        }
        if (payment.cycles == 0)
            paying[paying_count++] = took;
        else
            plain[plain_count++] = took;
        block_keep();
    }
    tell("reserving", plain, plain_count);
    tell("reserving and paying out", paying, paying_count);
    free(plain);
    free(paying);
    return 0;
}
