/* billing.h - what the tests of bills share.
 *
 * ONE_CU is 2 cores and 4 GiB: 100 000 units USD an hour; 1667 a minute, 33 340 units TFT at 50 mUSD; 1 440
 * 288 000 a month.  With 1000 TFT that is 6.9 months, level Silver: 20 004 a minute, the billing cycle of the
 * world. */
#ifndef TEST_BILLING_H
#define TEST_BILLING_H
#include "test.h"
#include "world.h"

#define GIB    (UINT64_C(1) << 30)
#define ONE_CU ((support_resources_t){.cru = 2, .mru = 4 * GIB})

enum { FULL_MINUTE = 33340, SILVER_MINUTE = 20004 };

typedef smart_contract_contract_payment_state_t payment_t;
typedef smart_contract_contract_t contract_t;

enum { SYSTEM = 0, BALANCES = 20, GRID = 25, CONTRACTS = 26 };
enum {
    IPS_FREED     = 5,
    BILLED        = 8,
    NODE_CANCELED = 2,
    NAME_CANCELED = 3,
    RENT_CANCELED = 12,
    GRACE_STARTED = 13,
    GRACE_ENDED   = 14,
    RENT_WAIVED   = 25,
    GRACE_ELAPSED = 26,
    OVERDRAWN     = 27,
    REWARD        = 28
};

static inline payment_t payment_of(uint64_t id)
{
    payment_t payment = {0};
    if (!smart_contract_contract_payment_state_get(rt, id, &payment)) payment.cycles = UINT16_MAX;
    return payment;
}

static inline contract_t contract_of(uint64_t id)
{
    contract_t contract = {0};
    if (!smart_contract_contracts_get(rt, id, &contract))
        contract.state.kind = (smart_contract_contract_state_kind_t)9;
    return contract;
}

static inline bool is_created(uint64_t id)
{
    return contract_of(id).state.kind == SMART_CONTRACT_CONTRACT_STATE_CREATED;
}
static inline bool is_in_grace(uint64_t id)
{
    return contract_of(id).state.kind == SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD;
}
static inline bool is_gone(uint64_t id) { return !smart_contract_contracts_exists(rt, id); }

static inline dispatch_t bill(const account_id_t *who, uint64_t id)
{
    return CALL(*who, smart_contract_bill_contract_for_block, .contract_id = id);
}
static inline dispatch_t cancel(const account_id_t *who, uint64_t id)
{
    return CALL(*who, smart_contract_cancel_contract, .contract_id = id);
}

/* billed and overdrawn give what the first event of the kind tells; ~0 when there is none. */
static inline u128_t billed(void)
{
    const runtime_event_t *event = world_event(CONTRACTS, BILLED, 0);
    return event ? event->smart_contract.contract_billed.amount_billed : ~(u128_t)0;
}

/* start makes a farm with three addresses, a node, and alice's twin. */
static inline uint32_t start(void)
{
    world_start();
    world_farm(&farmer, BYTES("farm"), 3);
    uint32_t node = world_node(&node_account, 1);
    world_twin(&alice);
    return node;
}

/* start_with_one_cu has contract 1 of alice, with one CU in use; the first bill comes in block 11, after a
 * minute. */
static inline uint32_t start_with_one_cu(void)
{
    uint32_t node = start();
    world_node_contract(&alice, node, 1, 0);
    world_use(&node_account, 1, ONE_CU);
    return node;
}

/* events_are tells whether the events of the last call or block are these, in this order: pallet, index, ...
 */
static inline bool events_are(const uint8_t *want, uint32_t count)
{
    system_event_record_vec_t records;
    system_events_get(rt, &records);
    for (uint32_t i = 0; i < records.len || i < count; i++) {
        uint8_t room[1 << 14];
        scale_writer_t w = scale_writer(room, sizeof room);
        if (i < records.len) runtime_event_encode(&w, records.items[i].event);
        if (i < records.len && i < count && room[0] == want[2 * i] && room[1] == want[2 * i + 1]) continue;
        printf("event %u of %u is %d.%d, not %d.%d of %u\n", i, records.len, i < records.len ? room[0] : -1,
               i < records.len ? room[1] : -1, i < count ? want[2 * i] : -1, i < count ? want[2 * i + 1] : -1,
               count);
        return false;
    }
    return true;
}
#define EVENTS(...) OK(events_are((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}) / 2))

#endif
