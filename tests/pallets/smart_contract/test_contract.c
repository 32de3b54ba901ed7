/* Contracts as records: who may make, change and end them, and what leads to them. */
#include "test.h"
#include "world.h"

static uint32_t node_id;

/* A farm with three addresses, a node, and twins of alice and bob. */
static void start(void)
{
    world_start();
    world_farm(&farmer, BYTES("farm"), 3);
    node_id = world_node(&node_account, 1);
    world_twin(&alice);
    world_twin(&bob);
}

static dispatch_t create(const account_id_t *who, uint32_t node, uint8_t hash, uint32_t ips)
{
    return CALL(*who, smart_contract_create_node_contract, .node_id = node, .deployment_hash = {{hash}},
                .deployment_data = BYTES("d"), .public_ips = ips);
}

static dispatch_t cancel(const account_id_t *who, uint64_t id)
{
    return CALL(*who, smart_contract_cancel_contract, .contract_id = id);
}

static uint64_t place_len(uint64_t place)
{
    u64_vec_t list;
    smart_contract_contracts_to_bill_at_get(rt, place, &list);
    return list.len;
}

/* ---------------------------------------------------------------------------- node contracts */

TEST(a_node_contract_is_stored_and_found)
{
    smart_contract_contract_t contract;
    smart_contract_contract_payment_state_t payment;
    smart_contract_contract_billing_information_t billing;
    u64_vec_t active;
    start();
    EQ(create(&alice, node_id, 7, 2), DISPATCH_OK);
    EQ(world_event_count(26, 0), 1);
    OK(smart_contract_contracts_get(rt, 1, &contract));
    EQ(contract.version, 4);
    EQ(contract.state.kind, SMART_CONTRACT_CONTRACT_STATE_CREATED);
    EQ(contract.twin_id, world_twin(&alice));
    OK(!contract.solution_provider_id.some);
    OK(bytes_equal(contract.contract_type.node_contract.deployment_data, BYTES("d")));
    EQ(contract.contract_type.node_contract.public_ips_list.len, 2);
    EQ(contract.contract_type.node_contract.public_ips_list.items[0].contract_id, 1);
    EQ(smart_contract_contract_id_by_node_id_and_hash_get(rt, node_id, &(bytes32_t){{7}}), 1);
    smart_contract_active_node_contracts_get(rt, node_id, &active);
    EQ(active.len, 1);
    OK(smart_contract_contract_payment_state_get(rt, 1, &payment));
    EQ(payment.last_updated_seconds, START_S);
    EQ(payment.cycles, 0);
    smart_contract_contract_billing_information_by_id_get(rt, 1, &billing);
    EQ(billing.last_updated, START_S);
    EQ(place_len(1), 1);
    OK(world_is_sound());
}

TEST(a_node_contract_is_refused)
{
    static uint8_t data[513];
    start();
    EQ(create(&nobody, node_id, 1, 0), SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(create(&alice, 9, 1, 0), SMART_CONTRACT_NODE_NOT_EXISTS);
    EQ(create(&alice, node_id, 1, 4), SMART_CONTRACT_FARM_HAS_NOT_ENOUGH_PUBLIC_IPS);
    EQ(create(&alice, node_id, 1, 2), DISPATCH_OK);
    EQ(create(&bob, node_id, 2, 2), SMART_CONTRACT_FARM_HAS_NOT_ENOUGH_PUBLIC_IPS_FREE);
    EQ(create(&bob, node_id, 1, 0), SMART_CONTRACT_CONTRACT_IS_NOT_UNIQUE);
    EQ(create(&bob, node_id, 2, 1), DISPATCH_OK);
    EQ(CALL(bob, smart_contract_create_node_contract, .node_id = node_id, .deployment_data = {data, 512}),
       DISPATCH_OK);
    EQ(CALL(bob, smart_contract_create_node_contract, .node_id = node_id, .deployment_data = {data, 513}),
       WORLD_BAD_CALL);
    EQ(CALL(bob, smart_contract_create_node_contract, .node_id = node_id, .deployment_hash = {{9}},
            .solution_provider_id = {true, 1}),
       SMART_CONTRACT_NO_SUCH_SOLUTION_PROVIDER);
    EQ(smart_contract_contract_id_get(rt), 3);
    OK(world_is_sound());
}

/* A refused contract lends nothing, although addresses are taken before the provider is judged. */
TEST(a_refused_contract_keeps_no_address)
{
    support_farm_t farm;
    start();
    EQ(CALL(bob, smart_contract_create_node_contract, .node_id = node_id, .public_ips = 3,
            .solution_provider_id = {true, 1}),
       SMART_CONTRACT_NO_SUCH_SOLUTION_PROVIDER);
    OK(tfgrid_farms_get(rt, 1, &farm));
    EQ(farm.public_ips.items[0].contract_id, 0);
    OK(world_is_sound());
}

TEST(a_sleeping_node_takes_no_contract)
{
    start();
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_DOWN), DISPATCH_OK);
    EQ(create(&alice, node_id, 1, 0), SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_UP), DISPATCH_OK);
    EQ(CALL(farmer, tfgrid_change_power_target, .node_id = node_id, .power_target = SUPPORT_POWER_DOWN),
       DISPATCH_OK);
    EQ(create(&alice, node_id, 1, 0), SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    EQ(CALL(farmer, tfgrid_change_power_target, .node_id = node_id, .power_target = SUPPORT_POWER_UP),
       DISPATCH_OK);
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
}

TEST(a_dedicated_node_is_rented_first)
{
    start();
    EQ(ROOT(tfgrid_set_farm_dedicated, .farm_id = 1, .dedicated = true), DISPATCH_OK);
    EQ(create(&alice, node_id, 1, 0), SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    EQ(CALL(alice, smart_contract_create_rent_contract, .node_id = node_id), DISPATCH_OK);
    EQ(create(&bob, node_id, 1, 0), SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
    EQ(cancel(&alice, 2), DISPATCH_OK);
    smart_contract_contract_t rent;
    OK(smart_contract_contracts_get(rt, 1, &rent)); /* a rent in grace lets nobody in */
    rent.state = (smart_contract_contract_state_t){.kind         = SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD,
                                                   .grace_period = 1};
    smart_contract_contracts_put(rt, 1, &rent);
    EQ(create(&alice, node_id, 1, 0), SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
}

TEST(a_node_has_at_most_2000_contracts)
{
    static uint64_t ids[2000];
    start();
    for (uint32_t i = 0; i < 2000; i++)
        ids[i] = i + 1000;
    smart_contract_active_node_contracts_put(rt, node_id, (u64_vec_t){ids, 2000});
    EQ(create(&alice, node_id, 1, 0), SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    smart_contract_active_node_contracts_put(rt, node_id, (u64_vec_t){ids, 1999});
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
}

TEST(an_extra_fee_dedicates_a_node)
{
    start();
    EQ(CALL(nobody, smart_contract_set_dedicated_node_extra_fee, .node_id = node_id, .extra_fee = 5),
       SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(CALL(farmer, smart_contract_set_dedicated_node_extra_fee, .node_id = 9, .extra_fee = 5),
       SMART_CONTRACT_NODE_NOT_EXISTS);
    EQ(CALL(alice, smart_contract_set_dedicated_node_extra_fee, .node_id = node_id, .extra_fee = 5),
       SMART_CONTRACT_UNAUTHORIZED_TO_SET_EXTRA_FEE);
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
    EQ(CALL(farmer, smart_contract_set_dedicated_node_extra_fee, .node_id = node_id, .extra_fee = 5),
       SMART_CONTRACT_NODE_HAS_ACTIVE_CONTRACTS);
    EQ(cancel(&alice, 1), DISPATCH_OK);
    EQ(CALL(farmer, smart_contract_set_dedicated_node_extra_fee, .node_id = node_id, .extra_fee = 5),
       DISPATCH_OK);
    EQ(world_event_count(26, 24), 1);
    EQ(create(&alice, node_id, 1, 0), SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    EQ(CALL(alice, smart_contract_create_rent_contract, .node_id = node_id), DISPATCH_OK);
    EQ(CALL(farmer, smart_contract_set_dedicated_node_extra_fee, .node_id = node_id, .extra_fee = 0),
       SMART_CONTRACT_NODE_HAS_ACTIVE_CONTRACTS);
}

TEST(a_node_contract_is_updated_by_its_owner)
{
    smart_contract_contract_t contract;
    start();
    EQ(create(&alice, node_id, 1, 1), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("name")), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_update_node_contract, .contract_id = 9),
       SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    EQ(CALL(bob, smart_contract_update_node_contract, .contract_id = 1),
       SMART_CONTRACT_TWIN_NOT_AUTHORIZED_TO_UPDATE_CONTRACT);
    EQ(CALL(alice, smart_contract_update_node_contract, .contract_id = 2),
       SMART_CONTRACT_INVALID_CONTRACT_TYPE);
    EQ(CALL(alice, smart_contract_update_node_contract, .contract_id = 1, .deployment_hash = {{2}},
            .deployment_data = BYTES("new")),
       DISPATCH_OK);
    EQ(world_event_count(26, 1), 1);
    OK(smart_contract_contracts_get(rt, 1, &contract));
    OK(bytes_equal(contract.contract_type.node_contract.deployment_data, BYTES("new")));
    EQ(contract.contract_type.node_contract.public_ips, 1);
    EQ(smart_contract_contract_id_by_node_id_and_hash_get(rt, node_id, &(bytes32_t){{1}}), 0);
    EQ(smart_contract_contract_id_by_node_id_and_hash_get(rt, node_id, &(bytes32_t){{2}}), 1);
    EQ(CALL(alice, smart_contract_update_node_contract, .contract_id = 1, .deployment_hash = {{2}},
            .deployment_data = BYTES("again")),
       DISPATCH_OK);
    OK(world_is_sound());
    contract.state = (smart_contract_contract_state_t){.kind = SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD,
                                                       .grace_period = 1};
    smart_contract_contracts_put(rt, 1, &contract);
    EQ(CALL(alice, smart_contract_update_node_contract, .contract_id = 1),
       SMART_CONTRACT_CANNOT_UPDATE_CONTRACT_IN_GRACE_STATE);
}

TEST(b19_a_deployment_is_not_taken_over)
{
    start();
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
    EQ(create(&bob, node_id, 2, 0), DISPATCH_OK);
    EQ(CALL(bob, smart_contract_update_node_contract, .contract_id = 2, .deployment_hash = {{1}}),
       SMART_CONTRACT_CONTRACT_IS_NOT_UNIQUE);
    OK(world_is_sound());
    /* a key that leads elsewhere survives the contract that once had it */
    smart_contract_contract_id_by_node_id_and_hash_put(rt, node_id, &(bytes32_t){{2}}, 1);
    EQ(cancel(&bob, 2), DISPATCH_OK);
    EQ(smart_contract_contract_id_by_node_id_and_hash_get(rt, node_id, &(bytes32_t){{2}}), 1);
}

TEST(a_cancelled_contract_leaves_nothing)
{
    start();
    const uint32_t twin = world_twin(&alice);
    EQ(create(&alice, node_id, 1, 2), DISPATCH_OK);
    world_use(&node_account, 1, (support_resources_t){.cru = 1});
    EQ(cancel(&alice, 9), SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    EQ(cancel(&bob, 1), SMART_CONTRACT_TWIN_NOT_AUTHORIZED_TO_CANCEL_CONTRACT);
    EQ(cancel(&node_account, 1), SMART_CONTRACT_TWIN_NOT_AUTHORIZED_TO_CANCEL_CONTRACT);
    EQ(cancel(&alice, 1), DISPATCH_OK);
    const runtime_event_t *freed = world_event(26, 5, 0), *canceled = world_event(26, 2, 0);
    OK(freed && canceled);
    EQ(freed->smart_contract.ips_freed.public_ips.len, 2);
    EQ(freed->smart_contract.ips_freed.public_ips.items[1].contract_id, 0);
    EQ(canceled->smart_contract.node_contract_canceled.node_id, node_id);
    EQ(canceled->smart_contract.node_contract_canceled.twin_id, twin);
    OK(!smart_contract_contracts_exists(rt, 1) && !smart_contract_contract_payment_state_exists(rt, 1));
    OK(!smart_contract_node_contract_resources_exists(rt, 1) &&
       !smart_contract_contract_billing_information_by_id_exists(rt, 1));
    EQ(place_len(1), 0);
    EQ(create(&bob, node_id, 1, 3), DISPATCH_OK); /* hash and addresses are free again */
    OK(world_is_sound());
}

TEST(the_council_may_cancel)
{
    start();
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_cancel_contract_collective, .contract_id = 1), DISPATCH_BAD_ORIGIN);
    EQ(CALL_FROM(from_council, smart_contract_cancel_contract_collective, .contract_id = 2),
       SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    EQ(CALL_FROM(from_council, smart_contract_cancel_contract_collective, .contract_id = 1), DISPATCH_OK);
    OK(!smart_contract_contracts_exists(rt, 1));
}

/* --------------------------------------------------------------------------- name contracts */

TEST(names_are_judged_and_taken_once)
{
    static uint8_t long_name[65];
    memset(long_name, 'a', sizeof long_name);
    start();
    EQ(CALL(nobody, smart_contract_create_name_contract, .name = BYTES("name")),
       SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("ab")),
       SMART_CONTRACT_NAME_CONTRACT_NAME_TOO_SHORT);
    EQ(CALL(alice, smart_contract_create_name_contract, .name = {long_name, 65}),
       SMART_CONTRACT_NAME_CONTRACT_NAME_TOO_LONG);
    EQ(CALL(alice, smart_contract_create_name_contract, .name = {long_name, 64}), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("Name")),
       SMART_CONTRACT_NAME_NOT_VALID);
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("a.b")), SMART_CONTRACT_NAME_NOT_VALID);
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("my-name_1")), DISPATCH_OK);
    EQ(CALL(bob, smart_contract_create_name_contract, .name = BYTES("my-name_1")),
       SMART_CONTRACT_NAME_EXISTS);
    EQ(cancel(&alice, 2), DISPATCH_OK);
    EQ(world_event_count(26, 3), 1);
    EQ(CALL(bob, smart_contract_create_name_contract, .name = BYTES("my-name_1")), DISPATCH_OK);
    OK(world_is_sound());
}

/* --------------------------------------------------------------------------- rent contracts */

TEST(a_node_is_rented_once)
{
    start();
    EQ(CALL(alice, smart_contract_create_rent_contract, .node_id = 9), SMART_CONTRACT_NODE_NOT_EXISTS);
    EQ(CALL(nobody, smart_contract_create_rent_contract, .node_id = node_id), SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(CALL(alice, smart_contract_create_rent_contract, .node_id = node_id), DISPATCH_OK);
    EQ(CALL(bob, smart_contract_create_rent_contract, .node_id = node_id),
       SMART_CONTRACT_NODE_HAS_RENT_CONTRACT);
    EQ(create(&alice, node_id, 1, 1), DISPATCH_OK);
    EQ(cancel(&alice, 1), SMART_CONTRACT_NODE_HAS_ACTIVE_CONTRACTS);
    EQ(cancel(&alice, 2), DISPATCH_OK);
    EQ(cancel(&alice, 1), DISPATCH_OK);
    EQ(world_event_count(26, 12), 1);
    OK(!smart_contract_active_rent_contract_for_node_exists(rt, node_id));
    EQ(create(&bob, node_id, 1, 1), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_create_rent_contract, .node_id = node_id),
       SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    OK(world_is_sound());
}

/* On a dedicated farm a node may be rented while contracts run on it, but not while they are others'. */
TEST(b18_a_node_is_not_rented_from_under_others)
{
    start();
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
    EQ(ROOT(tfgrid_set_farm_dedicated, .farm_id = 1, .dedicated = true), DISPATCH_OK);
    EQ(CALL(bob, smart_contract_create_rent_contract, .node_id = node_id),
       SMART_CONTRACT_NODE_NOT_AVAILABLE_TO_DEPLOY);
    EQ(CALL(alice, smart_contract_create_rent_contract, .node_id = node_id), DISPATCH_OK);
    OK(world_is_sound());
}

/* ----------------------------------------------------------------------- solution providers */

static dispatch_t provider(uint8_t first, uint8_t second)
{
    smart_contract_provider_t providers[] = {
        {alice, first },
        {bob,   second}
    };
    return CALL(bob, smart_contract_create_solution_provider, .description = BYTES("d"), .link = BYTES("l"),
                .providers = {providers, 2});
}

TEST(b20_takes_are_summed_wide)
{
    smart_contract_solution_provider_t stored;
    start();
    EQ(provider(30, 21), SMART_CONTRACT_INVALID_PROVIDER_CONFIGURATION);
    EQ(provider(200, 66), SMART_CONTRACT_INVALID_PROVIDER_CONFIGURATION); /* 266 is 10 in a byte */
    EQ(provider(30, 20), DISPATCH_OK);
    EQ(world_event_count(26, 15), 1);
    OK(smart_contract_solution_providers_get(rt, 1, &stored));
    OK(!stored.approved && stored.providers.len == 2 && stored.providers.items[1].take == 20);
}

TEST(a_provider_is_approved_before_use)
{
    smart_contract_contract_t contract;
    start();
    EQ(provider(1, 1), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_create_rent_contract, .node_id = node_id,
            .solution_provider_id = {true, 1}),
       SMART_CONTRACT_SOLUTION_PROVIDER_NOT_APPROVED);
    EQ(CALL(alice, smart_contract_approve_solution_provider, .solution_provider_id = 1, .approve = true),
       DISPATCH_BAD_ORIGIN);
    EQ(ROOT(smart_contract_approve_solution_provider, .solution_provider_id = 2, .approve = true),
       SMART_CONTRACT_NO_SUCH_SOLUTION_PROVIDER);
    EQ(ROOT(smart_contract_approve_solution_provider, .solution_provider_id = 1, .approve = true),
       DISPATCH_OK);
    EQ(world_event_count(26, 16), 1);
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_attach_solution_provider_id, .contract_id = 1, .solution_provider_id = 9),
       SMART_CONTRACT_NO_SUCH_SOLUTION_PROVIDER);
    EQ(CALL(alice, smart_contract_attach_solution_provider_id, .contract_id = 9, .solution_provider_id = 1),
       SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    EQ(CALL(nobody, smart_contract_attach_solution_provider_id, .contract_id = 1, .solution_provider_id = 1),
       SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(CALL(bob, smart_contract_attach_solution_provider_id, .contract_id = 1, .solution_provider_id = 1),
       SMART_CONTRACT_UNAUTHORIZED_TO_CHANGE_SOLUTION_PROVIDER_ID);
    EQ(CALL(alice, smart_contract_attach_solution_provider_id, .contract_id = 1, .solution_provider_id = 1),
       DISPATCH_OK);
    EQ(world_event_count(26, 1), 1);
    EQ(CALL(alice, smart_contract_attach_solution_provider_id, .contract_id = 1, .solution_provider_id = 1),
       SMART_CONTRACT_UNAUTHORIZED_TO_CHANGE_SOLUTION_PROVIDER_ID);
    OK(smart_contract_contracts_get(rt, 1, &contract));
    EQ(contract.solution_provider_id.value, 1);
    EQ(ROOT(smart_contract_approve_solution_provider, .solution_provider_id = 1, .approve = false),
       DISPATCH_OK);
    EQ(CALL(alice, smart_contract_attach_solution_provider_id, .contract_id = 1, .solution_provider_id = 1),
       SMART_CONTRACT_SOLUTION_PROVIDER_NOT_APPROVED);
}

/* ---------------------------------------------------------------------------------- reports */

TEST(b25_reports_of_other_nodes_are_passed_over)
{
    smart_contract_contract_resources_t used;
    start();
    world_node(&other_node_account, 1);
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
    EQ(create(&alice, 2, 1, 0), DISPATCH_OK);
    smart_contract_contract_resources_t report[] = {
        {2,  {.cru = 5}},
        {77, {.cru = 6}},
        {1,  {.cru = 7}}
    };
    EQ(CALL(nobody, smart_contract_report_contract_resources, .contract_resources = {report, 3}),
       SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(CALL(alice, smart_contract_report_contract_resources, .contract_resources = {report, 3}),
       SMART_CONTRACT_NODE_NOT_EXISTS);
    EQ(CALL(node_account, smart_contract_report_contract_resources, .contract_resources = {report, 3}),
       DISPATCH_OK);
    OK(rt->pays_no_fee);
    EQ(world_event_count(26, 10), 1);
    smart_contract_node_contract_resources_get(rt, 1, &used);
    EQ(used.used.cru, 7);
    OK(!smart_contract_node_contract_resources_exists(rt, 2));
    smart_contract_nru_consumption_t nru[] = {
        {2, START_S + 1, 60, 1000000000},
        {1, START_S + 1, 60, 1000000000}
    };
    EQ(CALL(node_account, smart_contract_add_nru_reports, .reports = {nru, 2}), DISPATCH_OK);
    EQ(world_event_count(26, 11), 1);
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("name")), DISPATCH_OK);
    report[0].contract_id = nru[0].contract_id = 3;
    EQ(CALL(node_account, smart_contract_report_contract_resources, .contract_resources = {report, 1}),
       SMART_CONTRACT_INVALID_CONTRACT_TYPE);
    EQ(CALL(node_account, smart_contract_add_nru_reports, .reports = {nru, 1}),
       SMART_CONTRACT_INVALID_CONTRACT_TYPE);
}

/* 10^9 bytes in a minute are 15 000 / 3600 * 60 = 250 units. */
TEST(traffic_is_counted_once)
{
    smart_contract_contract_billing_information_t billing;
    start();
    EQ(create(&alice, node_id, 1, 0), DISPATCH_OK);
    static const struct {
        uint64_t timestamp, want;
    } cases[] = {
        {START_S - 1,  0  },
        {START_S,      250},
        {START_S + 60, 500},
        {START_S + 59, 500},
        {START_S + 60, 750}
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        smart_contract_nru_consumption_t nru[] = {
            {1, cases[i].timestamp, 60, 1000000000}
        };
        EQ(CALL(node_account, smart_contract_add_nru_reports, .reports = {nru, 1}), DISPATCH_OK);
        OK(rt->pays_no_fee);
        EQ(world_event_count(26, 11), 1); /* told even when too old to count */
        smart_contract_contract_billing_information_by_id_get(rt, 1, &billing);
        EQ(billing.amount_unbilled, cases[i].want);
    }
    EQ(CALL(nobody, smart_contract_add_nru_reports, .reports = {0}), SMART_CONTRACT_TWIN_NOT_EXISTS);
    EQ(CALL(alice, smart_contract_add_nru_reports, .reports = {0}), SMART_CONTRACT_NODE_NOT_EXISTS);
    tfgrid_pricing_policies_remove(rt, 1);
    EQ(CALL(node_account, smart_contract_add_nru_reports, .reports = {0}),
       SMART_CONTRACT_PRICING_POLICY_NOT_EXISTS);
}

TEST_MAIN()
