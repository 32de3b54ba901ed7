/* The billing loop: lists, what a block leaves to the next, and the frequency. */
#include "billing.h"

/* put_names stores so many name contracts of alice, all of one billing place: ids place, place + 10, ... */
static void put_names(uint32_t count, uint64_t place)
{
    static uint64_t ids[8000];
    static char names[8000][12];
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t id = ids[i] = place + (uint64_t)i * BILLING_EVERY;
        snprintf(names[i], sizeof names[i], "n%llu", (unsigned long long)id);
        const contract_t contract = {
            .version       = 4,
            .contract_id   = id,
            .twin_id       = world_twin(&alice),
            .contract_type = {.kind          = SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT,
                              .name_contract = {bytes_text(names[i])}}
        };
        smart_contract_contracts_put(rt, id, &contract);
        smart_contract_contract_payment_state_put(rt, id,
                                                  &(payment_t){.last_updated_seconds = world_now_s()});
        smart_contract_contract_id_by_name_registration_put(rt, contract.contract_type.name_contract.name,
                                                            id);
    }
    smart_contract_contracts_to_bill_at_put(rt, place, (u64_vec_t){ids, count});
    if (count > 0) smart_contract_contract_id_put(rt, ids[count - 1]);
}

static uint32_t carried(void)
{
    u64_vec_t carry;
    smart_contract_billing_carry_get(rt, &carry);
    return carry.len;
}

/* 4500 contracts fall due in block 11: 2000 there, 2000 in block 12, 500 in block 13; each once, in order. */
TEST(a_block_bills_2000_and_carries_the_rest)
{
    world_start();
    world_twin(&alice);
    put_names(4500, 1);
    world_skip(9, 54);
    uint32_t bills               = 0;
    static const uint32_t want[] = {0, 2000, 2000, 500, 0, 0}, left[] = {0, 2500, 500, 0, 0, 0};
    for (uint32_t i = 0; i < 6; i++) {
        world_blocks(1);
        uint32_t now = 0;
        system_event_record_vec_t records;
        system_events_get(rt, &records);
        for (uint32_t j = 0; j < records.len; j++) {
            const runtime_event_t *event = records.items[j].event;
            if (event->pallet != CONTRACTS ||
                event->smart_contract.kind != SMART_CONTRACT_EVENT_CONTRACT_BILLED)
                continue;
            EQ(event->smart_contract.contract_billed.contract_id, 1 + (uint64_t)bills * BILLING_EVERY);
            bills++;
            now++;
        }
        EQ(now, want[i]);
        EQ(carried(), left[i]);
    }
    EQ(bills, 4500);
    EQ(payment_of(1).cycles, 1);
    EQ(payment_of(44991).cycles, 1);
    EQ(payment_of(1).last_updated_seconds, START_S + 60);
    EQ(payment_of(44991).last_updated_seconds, START_S + 72);
    OK(!smart_contract_billing_carry_exists(rt));
}

TEST(ids_that_are_gone_leave_the_list)
{
    u64_vec_t list;
    uint64_t ids[] = {1, 21, 11};
    start_with_one_cu();
    smart_contract_contracts_to_bill_at_put(rt, 1, (u64_vec_t){ids, 3});
    world_blocks(11);
    EQ(billed(), SILVER_MINUTE);
    smart_contract_contracts_to_bill_at_get(rt, 1, &list);
    EQ(list.len, 1);
    EQ(list.items[0], 1);
}

TEST(a_manual_bill_in_the_block_is_the_blocks_bill)
{
    start_with_one_cu();
    world_blocks(10);
    EQ(bill(&bob, 1), DISPATCH_OK);
    world_next_block();
    EVENTS();
    EQ(payment_of(1).cycles, 1);
}

/* --------------------------------------------------------------------------------- the frequency */

TEST(b2_a_new_frequency_moves_all_contracts)
{
    u64_vec_t list;
    const uint32_t node = start();
    for (uint8_t i = 1; i <= 25; i++)
        world_node_contract(&alice, node, i, 0);
    EQ(cancel(&alice, 7), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_change_billing_frequency, .frequency = 20), DISPATCH_BAD_ORIGIN);
    EQ(CALL_FROM(from_council, smart_contract_change_billing_frequency, .frequency = 10),
       SMART_CONTRACT_CAN_ONLY_INCREASE_FREQUENCY);
    EQ(CALL_FROM(from_council, smart_contract_change_billing_frequency, .frequency = 9),
       SMART_CONTRACT_CAN_ONLY_INCREASE_FREQUENCY);
    EQ(CALL_FROM(from_council, smart_contract_change_billing_frequency, .frequency = 20), DISPATCH_OK);
    EVENTS(CONTRACTS, 23);
    EQ(smart_contract_billing_frequency_get(rt), 20);
    smart_contract_contracts_to_bill_at_get(rt, 5, &list);
    EQ(list.len, 2);
    EQ(list.items[0], 5);
    EQ(list.items[1], 25);
    OK(world_is_sound());
    for (uint64_t id = 1; id <= 25; id++) /* and each can still be cancelled */
        if (id != 7) EQ(cancel(&alice, id), DISPATCH_OK);
    OK(world_is_sound());
}

/* A minute at 10, then two at 20: the same money as three minutes. */
TEST(a_new_frequency_loses_no_time)
{
    start_with_one_cu();
    world_blocks(11);
    EQ(CALL_FROM(from_council, smart_contract_change_billing_frequency, .frequency = 20), DISPATCH_OK);
    world_blocks(10);
    EQ(payment_of(1).standard_reserve, SILVER_MINUTE + 20004); /* block 21, 60 s later: 1 mod 20 */
    world_blocks(20);
    EQ(payment_of(1).standard_reserve, 2 * SILVER_MINUTE + 39996); /* 3333 units, 66 660 * 0.6 */
    EQ(payment_of(1).last_updated_seconds, START_S + 240);
}

TEST(a_great_frequency_is_no_danger)
{
    start_with_one_cu();
    EQ(ROOT(smart_contract_change_billing_frequency, .frequency = UINT64_MAX - 1), DISPATCH_OK);
    EQ(ROOT(smart_contract_change_billing_frequency, .frequency = UINT64_MAX), DISPATCH_OK);
    OK(world_is_sound());
    world_blocks(3);
    EVENTS(); /* its place is 1, and in block 1 it was made */
}

TEST(the_carry_goes_into_the_new_lists)
{
    u64_vec_t list;
    world_start();
    world_twin(&alice);
    put_names(2500, 1);
    world_skip(10, 60);
    world_next_block();
    EQ(carried(), 500);
    EQ(ROOT(smart_contract_change_billing_frequency, .frequency = 600), DISPATCH_OK);
    EQ(carried(), 0);
    smart_contract_contracts_to_bill_at_get(rt, 1, &list);
    EQ(list.len, 42); /* 1, 601, ... up to 24 991: 24 990 / 600 = 41.65 */
    smart_contract_contracts_to_bill_at_get(rt, 591, &list);
    EQ(list.len, 41);
    OK(world_is_sound());
}

TEST_MAIN()
