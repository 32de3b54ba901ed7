/* Known faults of the mirrored system, each by its name (spec smart-contract 0.3, tfgrid 0.1): what is not
 * tested beside the rules of its pallet stands here. */
#include "smart_contract/billing.h"
#include "tfgrid/resources.h"

static void spend_to(u128_t free_amount) { world_set_free(&alice, free_amount); }

static dispatch_t rent(const account_id_t *who, uint32_t node)
{
    return CALL(*who, smart_contract_create_rent_contract, .node_id = node);
}

TEST(b5_leaving_grace_takes_what_is_owed_and_no_more)
{
    start_with_one_cu();
    spend_to(EXISTENTIAL);
    world_skip(10, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    OK(is_in_grace(1));
    EQ(payment_of(1).standard_overdraft, FULL_MINUTE); /* no money, no discount */
    spend_to(EXISTENTIAL + 2 * FULL_MINUTE);           /* owed, and the minute that comes */
    world_skip(10, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    OK(is_created(1));
    EQ(billed(), 2 * FULL_MINUTE);
    EQ(world_free(&alice), EXISTENTIAL);
    EQ(payment_of(1).standard_reserve, 2 * FULL_MINUTE);
    EQ(payment_of(1).standard_overdraft, 0);
    OK(world_is_sound());
}

TEST(b15_only_a_change_of_state_is_told)
{
    const uint32_t node = start();
    EQ(rent(&alice, node), DISPATCH_OK);
    world_node_contract(&alice, node, 1, 1); /* owes for its address */
    world_node_contract(&alice, node, 2, 0);
    spend_to(EXISTENTIAL);
    world_skip(10, 60);
    EQ(bill(&bob, 2), DISPATCH_OK);
    EQ(world_event_count(CONTRACTS, GRACE_STARTED), 1);
    EQ(bill(&bob, 1), DISPATCH_OK);
    EQ(world_event_count(CONTRACTS, GRACE_STARTED), 2); /* the rent and contract 3; contract 2 was there */
    OK(is_in_grace(1) && is_in_grace(2) && is_in_grace(3));
    spend_to((u128_t)1000 * TFT);
    EQ(bill(&bob, 1), DISPATCH_OK);
    EQ(world_event_count(CONTRACTS, GRACE_ENDED), 2); /* contract 2 still owes */
    OK(is_created(1) && is_in_grace(2) && is_created(3));
    OK(world_is_sound());
}

TEST(b21_a_solution_provider_receives_nothing)
{
    const uint32_t node                  = start();
    smart_contract_provider_t provider[] = {
        {.who = bob, .take = 50}
    };
    EQ(CALL(bob, smart_contract_create_solution_provider, .providers = {provider, 1}), DISPATCH_OK);
    EQ(ROOT(smart_contract_approve_solution_provider, .solution_provider_id = 1, .approve = true),
       DISPATCH_OK);
    EQ(CALL(alice, smart_contract_create_node_contract, .node_id = node, .deployment_hash = {{1}},
            .solution_provider_id = {true, 1}),
       DISPATCH_OK);
    world_use(&node_account, 1, ONE_CU);
    const u128_t bobs = world_free(&bob), farmers = world_free(&farmer);
    world_blocks(250); /* 24 bills and a little */
    EQ(world_free(&bob), bobs);
    OK(world_free(&farmer) > farmers);
    OK(world_is_sound());
}

TEST(b22_up_time_before_a_node_went_down_is_not_charged)
{
    const uint32_t node = start();
    EQ(rent(&alice, node), DISPATCH_OK);
    world_skip(5, 30);
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_DOWN), DISPATCH_OK);
    world_skip(5, 30);
    EQ(bill(&bob, 1), DISPATCH_OK);
    EQ(world_event_count(CONTRACTS, BILLED), 0);
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_UP), DISPATCH_OK);
    world_skip(10, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    EQ(billed(), 181940); /* one minute, not two */
}

TEST(b23_time_without_reported_resources_is_charged_at_the_first_bill)
{
    const uint32_t node = start();
    world_node_contract(&alice, node, 1, 0);
    world_skip(10, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    EQ(world_event_count(CONTRACTS, BILLED), 0);
    world_use(&node_account, 1, ONE_CU);
    world_skip(10, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    EQ(billed(), 39996); /* 3333 units of two minutes, 66 660, at 0.6 */
}

TEST(b24_a_partial_payment_takes_all_that_is_usable)
{
    start_with_one_cu();
    spend_to(EXISTENTIAL + 12345);
    world_skip(10, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    EQ(world_free(&alice), EXISTENTIAL); /* nothing is left for the fee of a cancellation */
    EQ(world_reserved(&alice), 12345);
    EQ(payment_of(1).standard_overdraft, FULL_MINUTE - 12345);
}

TEST(b27_a_service_bill_without_funds_changes_nothing)
{
    world_start();
    world_twin(&alice);
    world_twin(&bob);
    EQ(CALL(bob, smart_contract_service_contract_create, .service_account = bob, .consumer_account = alice),
       DISPATCH_OK);
    EQ(CALL(bob, smart_contract_service_contract_set_metadata, .service_contract_id = 1,
            .metadata = BYTES("m")),
       DISPATCH_OK);
    EQ(CALL(bob, smart_contract_service_contract_set_fees, .service_contract_id = 1, .base_fee = 1000),
       DISPATCH_OK);
    EQ(CALL(bob, smart_contract_service_contract_approve, .service_contract_id = 1), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_service_contract_approve, .service_contract_id = 1), DISPATCH_OK);
    spend_to(EXISTENTIAL);
    world_skip(10, 3600);
    smart_contract_service_contract_t before, after;
    OK(smart_contract_service_contracts_get(rt, 1, &before));
    EQ(CALL(bob, smart_contract_service_contract_bill, .service_contract_id = 1),
       SMART_CONTRACT_SERVICE_CONTRACT_NOT_ENOUGH_FUNDS_TO_PAY_BILL);
    OK(smart_contract_service_contracts_get(rt, 1,
                                            &after)); /* upstream says that it is cancelled; it is not */
    EQ(after.last_bill, before.last_bill);
    EQ(after.state, SMART_CONTRACT_SERVICE_CONTRACT_STATE_APPROVED_BY_BOTH);
}

TEST(b28_what_is_still_owed_is_forgotten_with_the_contract)
{
    start_with_one_cu();
    spend_to(EXISTENTIAL + 100);
    world_skip(10, 60);
    EQ(bill(&bob, 1), DISPATCH_OK);
    OK(payment_of(1).standard_overdraft > 0);
    EQ(cancel(&alice, 1), DISPATCH_OK);
    OK(is_gone(1));
    EQ(payment_of(1).cycles, UINT16_MAX); /* there is no record */
    spend_to((u128_t)1000 * TFT);
    world_blocks(30);
    EQ(world_free(&alice), (u128_t)1000 * TFT);
    OK(world_is_sound());
}

TEST(b30_a_validator_that_was_removed_can_be_added_again)
{
    world_start();
    EQ(ROOT(validator_set_add_validator, .validator_id = alice), DISPATCH_OK);
    EQ(ROOT(validator_set_add_validator, .validator_id = bob), DISPATCH_OK);
    EQ(ROOT(validator_set_remove_validator, .validator_id = bob), DISPATCH_OK);
    account_id_vec_t approved;
    validator_set_approved_validators_get(rt, &approved);
    EQ(approved.len, 2); /* that of the genesis, and alice */
    EQ(ROOT(validator_set_add_validator, .validator_id = bob), DISPATCH_OK);
}

TEST(g9_a_tie_of_the_two_smallest_terms_gives_no_computing_units)
{
    node_size_t size = {.sru = 100 * GIB, .cru = 1, .mru = 32 * GIB}; /* 2 GIB * 1000 twice */
    EQ(resources_cu(size), 0);
    size.sru++; /* 1000 / 50 more: no tie */
    EQ(resources_cu(size), 2 * 2);
    EQ(resources_weight(size), 2 * 4); /* 100 / 250 of a storage unit is none */
}

static bool verify_all(void *state, uint8_t kind, bytes_t signature, bytes_t message,
                       const account_id_t *signer)
{
    (void)state;
    (void)kind;
    (void)signature;
    (void)message;
    (void)signer;
    return true;
}

TEST(g11_names_of_policies_repeat_immutable_ones_change_and_proofs_outlive_their_entity)
{
    uint8_t digits[128];
    tfgrid_twin_t twin;
    memset(digits, '0', sizeof digits);
    const bytes_t signature = {digits, sizeof digits};
    world_start();
    for (uint32_t id = 3; id <= 4; id++)
        EQ(ROOT(tfgrid_create_farming_policy, .name = BYTES("same"), .immutable = true), DISPATCH_OK);
    EQ(ROOT(tfgrid_update_farming_policy, .farming_policy_id = 4, .name = BYTES("other"), .cu = 7),
       DISPATCH_OK);
    tfgrid_farming_policy_t policy;
    tfgrid_farming_policies_map_get(rt, 4, &policy);
    EQ(policy.cu, 7);
    OK(policy.immutable);

    world_verify_with(verify_all);
    world_twin(&alice);
    EQ(CALL(bob, tfgrid_create_entity, .target = bob, .name = BYTES("bob"), .country = BYTES("BE"),
            .city = BYTES("G"), .signature = signature),
       DISPATCH_OK);
    EQ(CALL(alice, tfgrid_add_twin_entity, .twin_id = 1, .entity_id = 1, .signature = signature),
       DISPATCH_OK);
    world_writer.len = 0;
    tfgrid_delete_entity_call_encode(&world_writer);
    EQ(world_apply_written(from(&bob)), DISPATCH_OK);
    OK(tfgrid_twins_get(rt, 1, &twin));
    EQ(twin.entities.len, 1);
}

TEST(g12_a_dedicated_farm_is_told_as_updated)
{
    enum { FARM_UPDATED = 1, FARM_MARKED_AS_DEDICATED = 20 };
    start();
    EQ(ROOT(tfgrid_set_farm_dedicated, .farm_id = 1, .dedicated = true), DISPATCH_OK);
    EQ(world_event_count(GRID, FARM_UPDATED), 1);
    EQ(world_event_count(GRID, FARM_MARKED_AS_DEDICATED), 0);
}

/* Twins are not transferred on this chain: their calls are unknown, so no reserve can be left behind. */
TEST(g13_there_is_no_transfer_of_twins)
{
    start();
    for (uint8_t call = 40; call <= 42; call++) {
        const uint8_t bytes[34] = {GRID, call};
        const origin_t origin   = from(&alice);
        EQ(world_apply(&origin, (bytes_t){bytes, sizeof bytes}), WORLD_BAD_CALL);
        EQ(world_apply(&origin, (bytes_t){bytes, 10}), WORLD_BAD_CALL);
    }
}

TEST_MAIN()
