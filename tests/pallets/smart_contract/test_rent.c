/* Rented nodes: half price, extra fee, sleep, and the node contracts that follow their rent.
 *
 * The node of the world costs 5.83 SU and 8 CU: 1 091 667 units an hour, 18 194 a minute (18 194.4), half of
 * it 9097; 181 940 units TFT, 7 859 808 000 a month: no discount with 1000 TFT (1.27 months). */
#include "billing.h"

enum { RENT_MINUTE = 181940 };

static dispatch_t rent(const account_id_t *who, uint32_t node)
{
    return CALL(*who, smart_contract_create_rent_contract, .node_id = node);
}
static dispatch_t sleep_node(void)
{
    return CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_DOWN);
}
static dispatch_t wake_node(void)
{
    return CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_UP);
}

TEST(a_rent_costs_half_of_the_node)
{
    const uint32_t node = start();
    EQ(rent(&alice, node), DISPATCH_OK);
    world_blocks(11);
    EQ(billed(), RENT_MINUTE);
    EQ(payment_of(1).standard_reserve, RENT_MINUTE);
    EQ(payment_of(1).additional_reserve, 0);
    OK(world_is_sound());
}

/* 5000 mUSD a month: 1157 units a minute, 23 140 units TFT, whole to the farmer, no discount, no quarter
 * more. */
TEST(the_extra_fee_is_the_farmers)
{
    const uint32_t node = start();
    EQ(CALL(farmer, smart_contract_set_dedicated_node_extra_fee, .node_id = node, .extra_fee = 5000),
       DISPATCH_OK);
    EQ(ROOT(tfgrid_set_node_certification, .node_id = node,
            .node_certification = SUPPORT_NODE_CERTIFICATION_CERTIFIED),
       DISPATCH_OK);
    EQ(rent(&alice, node), DISPATCH_OK);
    world_blocks(11);
    EQ(payment_of(1).standard_reserve, 227425); /* 181 940 * 1.25 */
    EQ(payment_of(1).additional_reserve, 23140);
    EQ(billed(), 227425 + 23140);
    const u128_t farmer_before = world_free(&farmer), foundation_before = world_free(&foundation);
    EQ(cancel(&alice, 1), DISPATCH_OK);
    const runtime_event_t *reward = world_event(CONTRACTS, REWARD, 0);
    OK(reward);
    const u128_t standard = reward->smart_contract.reward_distributed.standard_rewards;
    const u128_t extra    = reward->smart_contract.reward_distributed.additional_rewards;
    EQ(extra, 23140 + 2320);      /* six seconds more: 116 units */
    EQ(standard, 227425 + 22725); /* 1819 units, half is 909.5, rounded down; 18 180 * 1.25 */
    EQ(world_free(&farmer), farmer_before + extra + 125075);
    EQ(world_free(&foundation), foundation_before + 100060);
    OK(world_is_sound());
}

/* Without money the fee is owed first: 30 000 pay the 23 140 of it and 6860 of the rent. */
TEST(partial_payments_settle_the_extra_fee_first)
{
    const uint32_t node = start();
    EQ(CALL(farmer, smart_contract_set_dedicated_node_extra_fee, .node_id = node, .extra_fee = 5000),
       DISPATCH_OK);
    EQ(rent(&alice, node), DISPATCH_OK);
    world_set_free(&alice, EXISTENTIAL + 30000);
    world_blocks(11);
    EQ(payment_of(1).additional_reserve, 23140);
    EQ(payment_of(1).additional_overdraft, 0);
    EQ(payment_of(1).standard_reserve, 6860);
    EQ(payment_of(1).standard_overdraft, RENT_MINUTE - 6860);
    OK(world_is_sound());
}

/* The node contract of a renter pays for its address and traffic only. */
TEST(a_rented_node_computes_for_free)
{
    const uint32_t node = start();
    EQ(rent(&alice, node), DISPATCH_OK);
    world_node_contract(&alice, node, 1, 1);
    world_use(&node_account, 2, ONE_CU);
    world_blocks(12);
    EQ(billed(), 8004); /* 667 units, Silver */
    world_node_contract(&alice, node, 2, 0);
    world_use(&node_account, 3, ONE_CU);
    world_blocks(20);
    EQ(payment_of(3).standard_reserve, 0);
    OK(world_is_sound());
}

TEST(b6_a_sleeping_node_is_free_and_can_be_cancelled)
{
    const uint32_t node = start();
    EQ(rent(&alice, node), DISPATCH_OK);
    world_blocks(11);
    EQ(sleep_node(), DISPATCH_OK);
    world_blocks(10);
    EVENTS(CONTRACTS, RENT_WAIVED);
    EQ(payment_of(1).last_updated_seconds, START_S + 60); /* B22: nothing is written */
    EQ(payment_of(1).cycles, 1);
    EQ(wake_node(), DISPATCH_OK);
    EQ(payment_of(1).last_updated_seconds, world_now_s()); /* the sleep is not charged afterwards */
    EQ(sleep_node(), DISPATCH_OK);
    EQ(cancel(&alice, 1), DISPATCH_OK);
    EQ(world_event_count(CONTRACTS, RENT_WAIVED), 1);
    EQ(billed(), 0);
    EQ(world_event_count(CONTRACTS, REWARD), 1);
    OK(is_gone(1));
    OK(world_is_sound());
}

TEST(a_sleeping_rent_in_grace_can_pay_its_debt)
{
    const uint32_t node = start();
    EQ(rent(&alice, node), DISPATCH_OK);
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(11);
    OK(is_in_grace(1));
    EQ(sleep_node(), DISPATCH_OK);
    world_give(&alice, RENT_MINUTE);
    world_blocks(10);
    EVENTS(CONTRACTS, RENT_WAIVED, CONTRACTS, GRACE_ENDED, BALANCES, 4, CONTRACTS, BILLED);
    EQ(billed(), RENT_MINUTE);
    OK(is_created(1));
}

/* ---------------------------------------------------------------- node contracts follow their rent */

/* Rent 1; node contracts 2 (nothing owed) and 3 (an address). */
static uint32_t start_with_tenants(void)
{
    const uint32_t node = start();
    if (rent(&alice, node)) printf("no rent\n");
    world_node_contract(&alice, node, 1, 0);
    world_node_contract(&alice, node, 2, 1);
    world_use(&node_account, 2, ONE_CU);
    return node;
}

TEST(tenants_enter_and_leave_grace_with_their_rent)
{
    start_with_tenants();
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(11); /* contract 3 owes from block 3 on, the rent from block 11 */
    OK(is_in_grace(1) && is_in_grace(2) && is_in_grace(3));
    EVENTS(CONTRACTS, GRACE_STARTED, CONTRACTS, GRACE_STARTED, CONTRACTS,
           OVERDRAWN); /* B15: not again for 3 */
    EQ(world_event(CONTRACTS, GRACE_STARTED, 1)->smart_contract.contract_grace_period_started.contract_id, 2);
    EQ(contract_of(3).state.grace_period, 3);
    EQ(contract_of(2).state.grace_period, 11);
    OK(world_is_sound());

    world_give(&alice, (u128_t)1000 * TFT);
    EQ(bill(&bob, 1), DISPATCH_OK);
    OK(is_created(1) && is_created(2));
    OK(is_in_grace(3)); /* it has an overdraft of its own */
    EQ(world_event_count(CONTRACTS, GRACE_ENDED), 2);
    EQ(bill(&bob, 3), DISPATCH_OK);
    OK(is_created(3));
    OK(world_is_sound());
}

TEST(b9_a_tenant_is_not_revived_under_a_suspended_rent)
{
    start_with_tenants();
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(11);
    world_give(&alice, 100000); /* enough for the address, not for the rent */
    EQ(bill(&bob, 3), DISPATCH_OK);
    EQ(world_event_count(CONTRACTS, BILLED), 1);
    EQ(payment_of(3).standard_overdraft, 0);
    OK(is_in_grace(3));
    OK(world_is_sound());
}

/* Contract 3 holds a reserve and, its address gone, owes nothing any more: it must still come to its payout,
 * or the rent, whose time is over, waits for ever. */
TEST(b10_a_tenant_with_a_reserve_does_not_hold_up_the_end)
{
    start_with_tenants();
    world_blocks(13);
    OK(payment_of(3).standard_reserve > 0);
    contract_t contract = contract_of(3);
    support_farm_t farm;
    OK(tfgrid_farms_get(rt, 1, &farm));
    farm.public_ips.items[0].contract_id = 0;
    tfgrid_farms_put(rt, 1, &farm);
    contract.contract_type.node_contract.public_ips          = 0;
    contract.contract_type.node_contract.public_ips_list.len = 0;
    smart_contract_contracts_put(rt, 3, &contract);
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(8);
    OK(is_in_grace(1) && is_in_grace(3));
    const uint64_t since = contract_of(1).state.grace_period;
    world_skip((uint32_t)(since + 201600 - world_block()), 60);
    while (world_block() % BILLING_EVERY != 1)
        world_next_block();
    world_next_block();
    OK(is_in_grace(1)); /* over, but contract 3 holds a reserve */
    world_blocks(2);
    OK(is_gone(3)); /* its own time is over: paid out and gone */
    world_blocks(10);
    OK(is_gone(1) && is_gone(2));
    EQ(world_reserved(&alice), 0);
    OK(world_is_sound());
}

TEST(a_rent_takes_its_tenants_along)
{
    const uint32_t node = start();
    EQ(rent(&alice, node), DISPATCH_OK);
    world_node_contract(&alice, node, 1, 0);
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(11);
    OK(is_in_grace(1) && is_in_grace(2));
    world_skip(201600, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    OK(is_gone(1) && is_gone(2));
    EVENTS(CONTRACTS, GRACE_ELAPSED, CONTRACTS, OVERDRAWN, CONTRACTS, NODE_CANCELED, CONTRACTS,
           RENT_CANCELED);
    OK(world_is_sound());
}

/* Two thousand tenants, as many as there can be, end in one bill at the end of a block. */
TEST(a_rent_takes_2000_tenants_along)
{
    const uint32_t node = start();
    EQ(rent(&alice, node), DISPATCH_OK);
    for (uint32_t i = 0; i < 2000; i++)
        EQ(CALL(alice, smart_contract_create_node_contract, .node_id = node,
                .deployment_hash =
                    {
                        {(uint8_t)i, (uint8_t)(i >> 8)}
        }),
           DISPATCH_OK);
    EQ(CALL(alice, smart_contract_create_node_contract, .node_id = node,
            .deployment_hash =
                {
                    {9, 9, 9}
    }),
       SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    world_set_free(&alice, EXISTENTIAL);
    world_blocks(11);
    OK(is_in_grace(1) && is_in_grace(2001));
    EQ(world_event_count(CONTRACTS, OVERDRAWN), 1);
    world_skip(201600, 60);
    while (world_block() % BILLING_EVERY != 1)
        world_next_block();
    world_next_block();
    OK(is_gone(1) && is_gone(2) && is_gone(2001));
    EQ(world_event_count(CONTRACTS, RENT_CANCELED), 1);
    OK(world_is_sound());
}

/* --------------------------------------------------------------------------- nodes that are deleted */

TEST(a_deleted_node_ends_its_contracts)
{
    const uint32_t node = start_with_tenants();
    world_blocks(13);
    const u128_t issuance = world_issuance();
    EQ(CALL(farmer, tfgrid_delete_node_farm, .node_id = node), DISPATCH_OK);
    OK(is_gone(1) && is_gone(2) && is_gone(3));
    EQ(world_event_count(CONTRACTS, NODE_CANCELED), 2);
    EQ(world_event_count(CONTRACTS, RENT_CANCELED), 1);
    EQ(world_event_count(CONTRACTS, REWARD), 2);
    EQ(world_event_count(GRID, 5), 1);
    EQ(world_reserved(&alice), 0);
    EQ(world_issuance(), issuance);
    OK(world_is_sound());
}

/* Without the pricing policy no bill succeeds: the contracts go all the same, and the reserve goes back. */
TEST(b13_a_deleted_node_leaves_no_contract)
{
    const uint32_t node = start_with_tenants();
    world_blocks(13);
    const u128_t total = world_free(&alice) + world_reserved(&alice);
    tfgrid_pricing_policies_remove(rt, 1);
    tfgrid_pricing_policy_id_by_name_remove(rt, BYTES("threefold_default_pricing_policy"));
    EQ(CALL(node_account, tfgrid_delete_node, .node_id = node), DISPATCH_OK);
    OK(is_gone(1) && is_gone(2) && is_gone(3));
    EQ(world_event_count(CONTRACTS, NODE_CANCELED), 2);
    EQ(world_event_count(CONTRACTS, IPS_FREED), 1);
    EQ(world_reserved(&alice), 0);
    EQ(world_free(&alice), total);
    OK(world_is_sound());
}

/* What the farmer has earned is his, though nothing more can be charged: there is no price. */
TEST(b13_what_a_contract_holds_is_paid_out_when_its_last_bill_cannot_be_made)
{
    const uint32_t node = start_with_tenants();
    world_blocks(13);
    const u128_t held = world_reserved(&alice), free_before = world_free(&farmer);
    OK(held > 0);
    tft_price_average_tft_price_put(rt, 0);
    tft_price_min_tft_price_put(rt, 0);
    world_skip(1, 60);
    EQ(CALL(node_account, tfgrid_delete_node, .node_id = node), DISPATCH_OK);
    OK(is_gone(1) && is_gone(2) && is_gone(3));
    EQ(world_reserved(&alice), 0);
    OK(world_event_count(CONTRACTS, REWARD) > 0);
    const u128_t earned = world_free(&farmer) - free_before; /* half of each, less what rounds */
    OK(earned > held / 2 - 3 && earned < held / 2 + 3);
    OK(world_is_sound());
}

TEST_MAIN()
