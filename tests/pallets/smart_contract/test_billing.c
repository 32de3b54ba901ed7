/* Bills: reserve, overdraft, grace, distribution.  What is charged is explained in billing.h. */
#include "billing.h"

/* ------------------------------------------------------------------------------- the plain bill */

TEST(a_bill_reserves_what_a_cycle_cost)
{
    start_with_one_cu();
    world_blocks(10);
    EQ(world_reserved(&alice), 0); /* blocks 1 to 10: it was made in block 1, its next turn is 11 */
    const u128_t before = world_free(&alice);
    world_next_block();
    EVENTS(BALANCES, 4, CONTRACTS, BILLED);
    const runtime_event_t *event = world_event(CONTRACTS, BILLED, 0);
    EQ(event->smart_contract.contract_billed.contract_id, 1);
    EQ(event->smart_contract.contract_billed.timestamp, START_S + 60);
    EQ(event->smart_contract.contract_billed.discount_level, SMART_CONTRACT_DISCOUNT_LEVEL_SILVER);
    EQ(billed(), SILVER_MINUTE);
    EQ(world_reserved(&alice), SILVER_MINUTE);
    EQ(world_free(&alice), before - SILVER_MINUTE);
    EQ(payment_of(1).standard_reserve, SILVER_MINUTE);
    EQ(payment_of(1).cycles, 1);
    EQ(payment_of(1).last_updated_seconds, START_S + 60);
    OK(world_is_sound());
}

TEST(b1_each_contract_is_billed_once_a_cycle)
{
    const uint32_t node = start_with_one_cu();
    world_node_contract(&alice, node, 2, 0);
    world_use(&node_account, 2, ONE_CU);
    uint32_t bills[3] = {0};
    for (uint32_t block = 1; block <= 60; block++) {
        world_next_block();
        for (uint32_t i = 0; i < world_event_count(CONTRACTS, BILLED); i++) {
            const uint64_t id = world_event(CONTRACTS, BILLED, i)->smart_contract.contract_billed.contract_id;
            EQ(block % BILLING_EVERY, id);
            bills[id]++;
        }
    }
    EQ(bills[1], 5);
    EQ(bills[2], 6); /* the first after six seconds, in block 2 */
    EQ(payment_of(1).standard_reserve, 5 * SILVER_MINUTE);
    OK(world_is_sound());
}

TEST(nothing_in_use_leaves_no_trace)
{
    const uint32_t node = start();
    world_node_contract(&alice, node, 1, 0);
    world_blocks(31);
    EVENTS();
    EQ(payment_of(1).cycles, 0);
    EQ(payment_of(1).last_updated_seconds, START_S);
    world_use(&node_account, 1, ONE_CU); /* B23: the time before the report is charged at the first bill */
    world_blocks(10);
    EQ(payment_of(1).last_updated_seconds, START_S + 240);
    EQ(payment_of(1).standard_reserve, 80004); /* 6667 units, 133 340 of which monthly is the same; * 0.6 */
}

/* A name: 2500 / 60 = 42 units = 840 units TFT a minute; 36 288 000 a month: Gold, 336. */
TEST(a_name_is_billed)
{
    start();
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("name")), DISPATCH_OK);
    world_blocks(11);
    EQ(billed(), 336);
    EQ(world_event(CONTRACTS, BILLED, 0)->smart_contract.contract_billed.discount_level,
       SMART_CONTRACT_DISCOUNT_LEVEL_GOLD);
    OK(world_is_sound());
}

/* An address: 40 000 / 60 = 667 units = 13 340; 576 288 000 a month: 17.35 months, Silver, 8004. */
TEST(addresses_are_billed)
{
    const uint32_t node = start();
    world_node_contract(&alice, node, 1, 1);
    world_blocks(11);
    EQ(billed(), 8004);
}

/* B7: a quarter more, 33 340 * 0.6 * 1.25 = 25 005. */
TEST(b7_a_certified_node_costs_a_quarter_more)
{
    start_with_one_cu();
    EQ(ROOT(tfgrid_set_node_certification, .node_id = 1,
            .node_certification = SUPPORT_NODE_CERTIFICATION_CERTIFIED),
       DISPATCH_OK);
    world_blocks(11);
    EQ(billed(), 25005);
}

/* Bob's 3000 TFT count for the level, 27.8 months, but are not taken. */
TEST(a_bonded_account_raises_the_level)
{
    start_with_one_cu();
    world_give(&bob, (u128_t)2000 * TFT);
    EQ(CALL(bob, tfgrid_bond_twin_account, .twin_id = world_twin(&alice)), DISPATCH_OK);
    const u128_t before = world_free(&bob);
    world_blocks(11);
    EQ(billed(), 13336); /* 33 340 * 0.4 */
    EQ(world_free(&bob), before);
    EQ(world_reserved(&bob), 0);
}

TEST(anybody_may_bill_and_validators_pay_no_fee)
{
    start_with_one_cu();
    world_skip(3, 60);
    EQ(bill(&nobody, 9), SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    EQ(bill(&validator, 9), SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    OK(rt->pays_no_fee);
    EQ(bill(&bob, 1), DISPATCH_OK);
    OK(!rt->pays_no_fee);
    EQ(billed(), SILVER_MINUTE);
    EQ(bill(&validator, 1), DISPATCH_OK); /* the same second: nothing to do */
    OK(rt->pays_no_fee);
    EVENTS();
    EQ(payment_of(1).cycles, 1);
}

/* -------------------------------------------------------------------------------- distribution */

/* 24 * 20 004 = 480 096: staking 10 % = 48 009.6, foundation 40 % = 192 038.4, the farmer the rest. */
TEST(after_24_bills_the_reserve_is_paid_out)
{
    start_with_one_cu();
    const u128_t farmer_before = world_free(&farmer), foundation_before = world_free(&foundation),
                 issuance = world_issuance();
    world_blocks(231); /* the 23rd bill */
    EQ(payment_of(1).cycles, 23);
    EQ(world_reserved(&alice), 23 * SILVER_MINUTE);
    world_blocks(10);
    /* Reserved, ContractBilled; Slashed, NewAccount, Endowed, Deposit (staking has no account);
     * ReserveRepatriated twice */
    EQ(world_event_count(BALANCES, 9), 1);
    EQ(world_event_count(SYSTEM, 3), 1);
    EQ(world_event_count(BALANCES, 6), 2);
    const runtime_event_t *reward = world_event(CONTRACTS, REWARD, 0);
    OK(reward);
    EQ(reward->smart_contract.reward_distributed.standard_rewards, 480096);
    EQ(reward->smart_contract.reward_distributed.additional_rewards, 0);
    EQ(memcmp(world_event(BALANCES, 6, 0)->balances.reserve_repatriated.to.b, farmer.b, 32),
       0); /* farmer, then foundation */
    EQ(memcmp(world_event(BALANCES, 6, 1)->balances.reserve_repatriated.to.b, foundation.b, 32), 0);
    EQ(world_free(&staking_pool), 48010);
    EQ(world_free(&foundation), foundation_before + 192038);
    EQ(world_free(&farmer), farmer_before + 240048);
    EQ(world_reserved(&alice), 0);
    EQ(payment_of(1).cycles, 0);
    EQ(payment_of(1).standard_reserve, 0);
    EQ(world_issuance(), issuance);
    OK(world_is_sound());
}

/* Names have no farmer: 24 * 336 = 8064, staking 806, foundation 7258. */
TEST(a_name_pays_staking_and_foundation)
{
    start();
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("name")), DISPATCH_OK);
    const u128_t before = world_free(&foundation);
    world_blocks(241);
    EQ(world_free(&staking_pool), 806);
    EQ(world_free(&foundation), before + 7258);
    OK(world_is_sound());
}

/* A farmer's own contract: his half comes back to him. */
TEST(a_farmer_pays_himself_by_unreserving)
{
    const uint32_t node = start();
    const uint64_t id   = world_node_contract(&farmer, node, 1, 0);
    world_use(&node_account, id, ONE_CU);
    const u128_t before = world_free(&farmer);
    world_blocks(241);
    EQ(world_event_count(BALANCES, 5), 1); /* Unreserved */
    EQ(world_free(&farmer), before - 480096 + 240048);
    OK(world_is_sound());
}

/* B12: 4 * 336 = 1344 and a tail of nothing; a tenth is 134, too little for the staking pool to be an
 * account. */
TEST(b12_a_share_too_small_goes_back)
{
    start();
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("name")), DISPATCH_OK);
    const u128_t before = world_free(&alice), foundation_before = world_free(&foundation),
                 issuance = world_issuance();
    world_blocks(41);
    EQ(world_reserved(&alice), 1344);
    world_skip(0, 0);
    EQ(bill(&bob, 1), DISPATCH_OK); /* the clock moved on by a block: 6 s, 4 units, 80, Gold: 32 */
    EQ(cancel(&alice, 1), DISPATCH_OK);
    EQ(world_event(CONTRACTS, REWARD, 0)->smart_contract.reward_distributed.standard_rewards, 1376);
    EQ(world_free(&staking_pool), 0);
    OK(!system_account_exists(rt, &staking_pool));
    EQ(world_free(&foundation), foundation_before + 1376 - 138);
    EQ(world_free(&alice), before - 1376 + 138);
    EQ(world_issuance(), issuance);
    OK(world_is_sound());
}

TEST(a_late_reserve_goes_out_at_once)
{
    start_with_one_cu();
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(241);
    EQ(payment_of(1).cycles, 24); /* nothing is reserved: the count goes on */
    EQ(payment_of(1).standard_overdraft, 24 * FULL_MINUTE);
    world_give(&alice, 1000);
    world_blocks(10);
    EQ(world_event_count(CONTRACTS, REWARD), 1);
    EQ(payment_of(1).cycles, 0);
    EQ(world_reserved(&alice), 0);
    OK(world_is_sound());
}

/* ---------------------------------------------------------------------------- overdraft and grace */

/* 10 000 to spend: no discount, 33 340 due. */
TEST(an_overdrawn_contract_enters_grace_and_leaves_it)
{
    start_with_one_cu();
    world_set_free(&alice, EXISTENTIAL + 10000);
    world_blocks(11);
    EVENTS(CONTRACTS, GRACE_STARTED, BALANCES, 4, CONTRACTS, OVERDRAWN);
    const runtime_event_t *started   = world_event(CONTRACTS, GRACE_STARTED, 0),
                          *overdrawn = world_event(CONTRACTS, OVERDRAWN, 0);
    EQ(started->smart_contract.contract_grace_period_started.block_number, 11);
    EQ(started->smart_contract.contract_grace_period_started.node_id, 1);
    EQ(started->smart_contract.contract_grace_period_started.twin_id, world_twin(&alice));
    EQ(overdrawn->smart_contract.contract_payment_overdrawn.partially_billed_amount, 10000);
    EQ(overdrawn->smart_contract.contract_payment_overdrawn.overdraft, FULL_MINUTE - 10000);
    EQ(overdrawn->smart_contract.contract_payment_overdrawn.timestamp, START_S + 60);
    OK(is_in_grace(1));
    EQ(contract_of(1).state.grace_period, 11);
    EQ(payment_of(1).standard_reserve, 10000);
    EQ(payment_of(1).standard_overdraft, 23340);
    EQ(payment_of(1).cycles, 1);

    world_blocks(10); /* nothing left: nothing reserved, the start of grace stays */
    EVENTS(CONTRACTS, OVERDRAWN);
    EQ(world_event(CONTRACTS, OVERDRAWN, 0)
           ->smart_contract.contract_payment_overdrawn.partially_billed_amount,
       0);
    EQ(payment_of(1).standard_overdraft, 23340 + FULL_MINUTE);
    EQ(contract_of(1).state.grace_period, 11);
    OK(world_is_sound());

    world_give(&alice, (u128_t)1000 * TFT); /* B5: leaving grace takes what is owed, no more */
    world_blocks(10);
    EVENTS(CONTRACTS, GRACE_ENDED, BALANCES, 4, CONTRACTS, BILLED);
    EQ(billed(), 23340 + FULL_MINUTE + SILVER_MINUTE);
    OK(is_created(1));
    EQ(payment_of(1).standard_overdraft, 0);
    EQ(payment_of(1).standard_reserve, 10000 + 23340 + FULL_MINUTE + SILVER_MINUTE);
    OK(world_is_sound());
}

/* need = usable is funded; one unit less is not. */
TEST(funded_is_exact)
{
    for (uint32_t short_by = 0; short_by < 2; short_by++) {
        start_with_one_cu();
        world_set_free(&alice, EXISTENTIAL + FULL_MINUTE - short_by);
        world_blocks(11);
        EQ(is_created(1), !short_by);
        EQ(payment_of(1).standard_overdraft, short_by);
        EQ(world_free(&alice), EXISTENTIAL);
        OK(world_is_sound());
    }
}

TEST(frozen_money_is_not_usable)
{
    start_with_one_cu();
    world_set_free(&alice, 50000);
    world_freeze(&alice, 20000);
    world_blocks(11);
    EQ(payment_of(1).standard_reserve, 30000); /* 50 000 - 20 000 of the 33 340 */
    EQ(payment_of(1).standard_overdraft, 3340);
}

/* B26: the event tells this cycle's shortfall; 40 000 pays the old 23 340 and half of the new. */
TEST(b26_the_event_tells_the_shortfall_of_the_cycle)
{
    start_with_one_cu();
    world_set_free(&alice, EXISTENTIAL + 10000);
    world_blocks(11);
    world_give(&alice, 40000);
    world_blocks(10);
    const runtime_event_t *overdrawn = world_event(CONTRACTS, OVERDRAWN, 0);
    OK(overdrawn);
    EQ(overdrawn->smart_contract.contract_payment_overdrawn.partially_billed_amount, 40000);
    EQ(overdrawn->smart_contract.contract_payment_overdrawn.overdraft, 0);
    EQ(payment_of(1).standard_overdraft, 23340 + FULL_MINUTE - 40000);
    EQ(payment_of(1).standard_reserve, 50000);
}

TEST(b8_an_overdraft_settles_without_use)
{
    start_with_one_cu();
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(11);
    world_use(&node_account, 1, (support_resources_t){0});
    world_give(&alice, FULL_MINUTE);
    world_blocks(10);
    EVENTS(CONTRACTS, GRACE_ENDED, BALANCES, 4, CONTRACTS, BILLED);
    EQ(billed(), FULL_MINUTE);
    OK(is_created(1));
}

/* In block 11 + 201 600 the time is over: a last payment of what there is, then out it goes. */
TEST(grace_ends_after_14_days)
{
    start_with_one_cu();
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(11);
    OK(is_in_grace(1));
    world_skip(201590 - 1, 60); /* to block 11 + 201 590 - ... the turn before the last */
    while (world_block() % BILLING_EVERY != 1)
        world_next_block();
    while (world_block() < 11 + 201600)
        world_next_block();
    OK(is_in_grace(1));
    world_give(&alice, 7000);
    const u128_t farmer_before = world_free(&farmer), foundation_before = world_free(&foundation);
    world_next_block();
    OK(is_gone(1));
    /* 7000: a tenth is 700, foundation 2800, farmer 3500 */
    EQ(world_free(&staking_pool), 700);
    EQ(world_free(&foundation), foundation_before + 2800);
    EQ(world_free(&farmer), farmer_before + 3500);
    EQ(world_event(CONTRACTS, GRACE_ELAPSED, 0)->smart_contract.contract_grace_period_elapsed.grace_period,
       201600);
    EQ(world_event_count(CONTRACTS, OVERDRAWN), 1);
    EQ(world_event_count(CONTRACTS, REWARD), 1);
    EQ(world_event_count(CONTRACTS, NODE_CANCELED), 1);
    EQ(world_reserved(&alice), 0);
    OK(world_is_sound()); /* B28: the rest is forgotten */
}

TEST(money_on_the_last_day_saves_a_contract)
{
    start_with_one_cu();
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(11);
    world_skip(300000, 60);
    world_give(&alice, (u128_t)1000 * TFT);
    EQ(bill(&bob, 1), DISPATCH_OK);
    OK(is_created(1));
}

/* --------------------------------------------------------------------------------- cancelling */

TEST(b3_the_tail_is_charged)
{
    start_with_one_cu();
    world_blocks(11);
    const u128_t farmer_before = world_free(&farmer), alice_before = world_free(&alice);
    world_skip(0, 24); /* block 12 is 6 s after 11: half a minute: 833 units, 16 660, Silver 9996 */
    EQ(cancel(&alice, 1), DISPATCH_OK);
    EQ(billed(), 9996);
    EQ(world_event_count(CONTRACTS, REWARD), 1);
    EQ(world_free(&alice), alice_before - 9996);
    EQ(world_free(&staking_pool), 3000);
    EQ(world_free(&farmer), farmer_before + 30000 - 3000 - 12000);
    EQ(world_reserved(&alice), 0);
    OK(is_gone(1));
    OK(world_is_sound());
}

TEST(a_cancel_takes_what_there_is)
{
    start_with_one_cu();
    world_set_free(&alice, EXISTENTIAL + 1000);
    world_skip(1, 60);
    EQ(cancel(&alice, 1), DISPATCH_OK);
    EQ(world_event_count(CONTRACTS, GRACE_STARTED), 0); /* it ends, it does not wait */
    EQ(world_event_count(CONTRACTS, OVERDRAWN), 1);
    EQ(world_free(&alice), EXISTENTIAL + 100); /* B12: the staking pool cannot be made of 100 */
    OK(is_gone(1));
    OK(world_is_sound());
}

TEST(a_contract_of_no_cost_is_cancelled_with_an_empty_bill)
{
    const uint32_t node = start();
    world_node_contract(&alice, node, 1, 1);
    EQ(cancel(&alice, 1), DISPATCH_OK); /* in the same second */
    EVENTS(CONTRACTS, BILLED, CONTRACTS, IPS_FREED, CONTRACTS, NODE_CANCELED);
    EQ(billed(), 0);
}

/* B13: a lock larger than the free balance covers the reserve: what cannot be paid is given back. */
TEST(b13_what_cannot_be_paid_goes_back_at_the_end)
{
    start_with_one_cu();
    world_blocks(11);
    const u128_t farmer_before = world_free(&farmer);
    world_freeze(&alice, ~(u128_t)0 >> 1);
    EQ(cancel(&alice, 1), DISPATCH_OK);
    OK(is_gone(1));
    EQ(world_reserved(&alice), 0);
    EQ(world_free(&farmer), farmer_before);
    EQ(world_event_count(CONTRACTS, REWARD), 1); /* nominal */
    OK(world_is_sound());
}

TEST(a_locked_reserve_waits_while_the_contract_lives)
{
    start_with_one_cu();
    world_blocks(231);
    world_freeze(&alice, ~(u128_t)0 >> 1);
    world_blocks(10); /* nothing can be reserved or paid: the 24th bill is dropped whole */
    EVENTS();
    EQ(payment_of(1).cycles, 23);
    OK(is_created(1));
    world_freeze(&alice, 0);
    world_blocks(10);
    EQ(world_event_count(CONTRACTS, REWARD), 1);
    EQ(payment_of(1).cycles, 0);
    OK(world_is_sound());
}

/* ------------------------------------------------------------------------------------ traffic */

static void report_traffic(uint64_t bytes)
{
    smart_contract_nru_consumption_t nru[] = {
        {1, world_now_s(), 3600, bytes}
    };
    if (CALL(node_account, smart_contract_add_nru_reports, .reports = {nru, 1}) != DISPATCH_OK)
        printf("report refused\n");
}

/* B4: 10^9 bytes are 15 000 units; with one CU 16 667 units, 333 340 units TFT: monthly 14.4 * 10^9, no
 * discount. */
TEST(b4_traffic_is_charged_once)
{
    start_with_one_cu();
    report_traffic(1000000000);
    world_blocks(11);
    EQ(billed(), 333340);
    world_blocks(10);
    EQ(billed(), SILVER_MINUTE);

    start_with_one_cu();
    report_traffic(1000000000);
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(21);
    EQ(payment_of(1).standard_overdraft, 333340 + FULL_MINUTE); /* an overdrawn bill charges it once too */
}

/* B14: in the second of a bill there is nothing to charge yet: traffic reported then stays for the next. */
TEST(b14_traffic_is_not_lost_in_the_same_second)
{
    smart_contract_contract_billing_information_t billing;
    start_with_one_cu();
    world_set_free(&alice, EXISTENTIAL);
    world_skip(1, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    report_traffic(1000000000);
    EQ(bill(&bob, 1), DISPATCH_OK); /* overdrawn: it gets past the early return */
    smart_contract_contract_billing_information_by_id_get(rt, 1, &billing);
    EQ(billing.amount_unbilled, 15000);
    world_skip(1, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    EQ(payment_of(1).standard_overdraft, FULL_MINUTE + 333340);
}

/* --------------------------------------------------------------------------------------- faults */

TEST(b17_a_bill_that_fails_changes_nothing)
{
    const uint32_t node = start_with_one_cu();
    world_node_contract(&alice, node, 2, 0);
    world_use(&node_account, 2, ONE_CU);
    for (uint64_t id = 3; id <= 11; id++)
        world_node_contract(&alice, node, (uint8_t)id, 0);
    world_use(&node_account, 11, ONE_CU); /* in the list of contract 1 */
    smart_contract_contract_payment_state_remove(rt, 1);
    world_blocks(11);
    EQ(world_event_count(CONTRACTS, BILLED), 1); /* 11 is billed although 1 fails */
    EQ(world_event(CONTRACTS, BILLED, 0)->smart_contract.contract_billed.contract_id, 11);
    EQ(bill(&bob, 1), SMART_CONTRACT_CONTRACT_PAYMENT_STATE_NOT_EXISTS);
    EVENTS();
    tfgrid_pricing_policies_remove(rt, 1);
    EQ(bill(&bob, 2), SMART_CONTRACT_PRICING_POLICY_NOT_EXISTS);
    tfgrid_nodes_remove(rt, node);
    EQ(bill(&bob, 2), SMART_CONTRACT_PRICING_POLICY_NOT_EXISTS); /* told first */
}

TEST(missing_records_are_told)
{
    support_farm_t farm;
    const uint32_t node = start_with_one_cu();
    OK(tfgrid_farms_get(rt, 1, &farm));
    tfgrid_farms_remove(rt, 1);
    EQ(bill(&bob, 1), SMART_CONTRACT_FARM_NOT_EXISTS);
    tfgrid_nodes_remove(rt, node);
    EQ(bill(&bob, 1), SMART_CONTRACT_NODE_NOT_EXISTS);
    tfgrid_twins_remove(rt, world_twin(&alice));
    EQ(bill(&bob, 1), SMART_CONTRACT_TWIN_NOT_EXISTS);
}

TEST_MAIN()
