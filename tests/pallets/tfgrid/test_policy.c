/* Pricing and farming policies, certifiers and small settings. */
#include "test.h"
#include "world.h"

#define GIB (UINT64_C(1) << 30)

static dispatch_t create_pricing(bytes_t name)
{
    return ROOT(tfgrid_create_pricing_policy, .name = name, .discount_for_dedication_nodes = 40);
}

TEST(g3_updating_a_pricing_policy_leaves_the_counter)
{
    tfgrid_pricing_policy_t policy;
    world_start();
    EQ(CALL(alice, tfgrid_create_pricing_policy, .name = BYTES("x")), DISPATCH_BAD_ORIGIN);
    EQ(create_pricing(BYTES("threefold_default_pricing_policy")), TFGRID_PRICING_POLICY_EXISTS);
    EQ(create_pricing(BYTES("second")), DISPATCH_OK);
    EQ(world_event_count(25, 17), 1);
    EQ(create_pricing(BYTES("third")), DISPATCH_OK);
    EQ(ROOT(tfgrid_update_pricing_policy, .pricing_policy_id = 9, .name = BYTES("x")),
       TFGRID_PRICING_POLICY_NOT_EXISTS);
    EQ(ROOT(tfgrid_update_pricing_policy, .pricing_policy_id = 2, .name = BYTES("third")),
       TFGRID_PRICING_POLICY_WITH_DIFFERENT_ID_EXISTS);
    EQ(ROOT(tfgrid_update_pricing_policy, .pricing_policy_id = 2, .name = BYTES("second"),
            .su = {7, TFGRID_UNIT_BYTES}),
       DISPATCH_OK);
    EQ(tfgrid_pricing_policy_id_by_name_get(rt, BYTES("second")), 2);
    EQ(ROOT(tfgrid_update_pricing_policy, .pricing_policy_id = 2, .name = BYTES("renamed")), DISPATCH_OK);
    EQ(tfgrid_pricing_policy_id_by_name_get(rt, BYTES("second")), 0);
    EQ(tfgrid_pricing_policy_id_by_name_get(rt, BYTES("renamed")), 2);
    OK(tfgrid_pricing_policies_get(rt, 2, &policy));
    EQ(policy.version, 2);
    EQ(create_pricing(BYTES("fourth")), DISPATCH_OK);
    OK(tfgrid_pricing_policies_get(rt, 3, &policy) && bytes_equal(policy.name, BYTES("third")));
    OK(tfgrid_pricing_policies_get(rt, 4, &policy) && bytes_equal(policy.name, BYTES("fourth")));
}

static dispatch_t create_policy(bytes_t name, bool is_default, support_node_certification_t node,
                                support_farm_certification_t farm, uint32_t end)
{
    return ROOT(tfgrid_create_farming_policy, .name = name, .su = 1, .cu = 2, .nu = 3, .ipv4 = 4,
                .minimal_uptime = 5, .policy_end = end, .immutable = true, .default_ = is_default,
                .node_certification = node, .farm_certification = farm);
}

TEST(a_farming_policy_keeps_its_numbers_in_place)
{
    tfgrid_farming_policy_t policy;
    world_start();
    EQ(create_policy(BYTES("p"), false, SUPPORT_NODE_CERTIFICATION_DIY, SUPPORT_FARM_CERTIFICATION_GOLD, 10),
       DISPATCH_OK);
    EQ(world_event_count(25, 18), 1);
    tfgrid_farming_policies_map_get(rt, 3, &policy);
    EQ(policy.version, 2);
    EQ(policy.su, 1);
    EQ(policy.cu, 2);
    EQ(policy.nu, 3);
    EQ(policy.ipv4, 4);
    EQ(policy.minimal_uptime, 5);
    EQ(policy.policy_created, 1);
    EQ(policy.policy_end, 10);
    OK(policy.immutable && !policy.default_);
    EQ(ROOT(tfgrid_update_farming_policy, .farming_policy_id = 4, .name = BYTES("x")),
       TFGRID_FARMING_POLICY_NOT_EXISTS);
    EQ(ROOT(tfgrid_update_farming_policy, .farming_policy_id = 3, .name = BYTES("q"), .su = 9,
            .default_ = true),
       DISPATCH_OK); /* G11 */
    EQ(world_event_count(25, 25), 1);
    tfgrid_farming_policies_map_get(rt, 3, &policy);
    OK(policy.su == 9 && policy.cu == 0 && policy.default_ && policy.immutable &&
       bytes_equal(policy.name, BYTES("q")));
}

/* The order is default, farm certification, node certification, id; the first that fits the node and farm. */
TEST(a_node_gets_the_best_policy_that_fits)
{
    support_node_t node;
    world_start();
    world_farm(&farmer, BYTES("farm"), 0);
    world_node(&node_account, 1);
    OK(tfgrid_nodes_get(rt, 1, &node));
    EQ(node.farming_policy_id, 1); /* 2 wants a certified node */
    EQ(create_policy(BYTES("better"), true, SUPPORT_NODE_CERTIFICATION_DIY,
                     SUPPORT_FARM_CERTIFICATION_NOT_CERTIFIED, 0),
       DISPATCH_OK);
    EQ(create_policy(BYTES("not default"), false, SUPPORT_NODE_CERTIFICATION_DIY,
                     SUPPORT_FARM_CERTIFICATION_NOT_CERTIFIED, 0),
       DISPATCH_OK);
    EQ(create_policy(BYTES("gold"), true, SUPPORT_NODE_CERTIFICATION_DIY, SUPPORT_FARM_CERTIFICATION_GOLD, 0),
       DISPATCH_OK);
    world_node(&other_node_account, 1);
    OK(tfgrid_nodes_get(rt, 2, &node));
    EQ(node.farming_policy_id, 3);
    EQ(ROOT(tfgrid_set_farm_certification, .farm_id = 1, .certification = SUPPORT_FARM_CERTIFICATION_GOLD),
       DISPATCH_OK);
    EQ(world_node(&alice, 1), 3);
    OK(tfgrid_nodes_get(rt, 3, &node));
    EQ(node.farming_policy_id, 5);
}

TEST(g7_an_unknown_policy_is_refused_first)
{
    const support_farming_policy_limit_t unknown = {.farming_policy_id = 9};
    world_start();
    world_farm(&farmer, BYTES("farm"), 0);
    EQ(CALL(farmer, tfgrid_attach_policy_to_farm, .farm_id = 1, .limits = {0}), DISPATCH_BAD_ORIGIN);
    EQ(ROOT(tfgrid_attach_policy_to_farm, .farm_id = 1, .limits = {true, unknown}),
       TFGRID_FARMING_POLICY_NOT_EXISTS);
    EQ(ROOT(tfgrid_attach_policy_to_farm, .farm_id = 7, .limits = {0}), DISPATCH_OK);
    EQ(ROOT(tfgrid_attach_policy_to_farm, .farm_id = 7, .limits = {true, {.farming_policy_id = 1}}),
       TFGRID_FARM_NOT_EXISTS);
    EQ(create_policy(BYTES("short"), false, SUPPORT_NODE_CERTIFICATION_DIY,
                     SUPPORT_FARM_CERTIFICATION_NOT_CERTIFIED, 10),
       DISPATCH_OK);
    world_skip(9, 54); /* block 10: one before 1 + 10 */
    EQ(ROOT(tfgrid_attach_policy_to_farm, .farm_id = 1, .limits = {true, {.farming_policy_id = 3}}),
       DISPATCH_OK);
    world_skip(1, 6);
    EQ(ROOT(tfgrid_attach_policy_to_farm, .farm_id = 1, .limits = {true, {.farming_policy_id = 3}}),
       TFGRID_FARMING_POLICY_EXPIRED);
}

/* A node of the world counts 32 CU and 4 SU. */
TEST(limits_are_used_up)
{
    support_farm_t farm;
    support_node_t node;
    world_start();
    world_farm(&farmer, BYTES("farm"), 0);
    world_node(&node_account, 1);
    EQ(create_policy(BYTES("special"), false, SUPPORT_NODE_CERTIFICATION_CERTIFIED,
                     SUPPORT_FARM_CERTIFICATION_GOLD, 0),
       DISPATCH_OK);
    const support_farming_policy_limit_t limit = {
        .farming_policy_id = 3,
        .cu                = {true, 70           },
        .su                = {true, 100          },
        .end               = {true, START_S + 100},
        .node_count        = {true, 3            }
    };
    EQ(ROOT(tfgrid_attach_policy_to_farm, .farm_id = 1, .limits = {true, limit}), DISPATCH_OK);
    EQ(world_event_count(25, 1), 2);  /* FarmUpdated: the limit, and what the node took of it */
    EQ(world_event_count(25, 4), 1);  /* NodeUpdated */
    EQ(world_event_count(25, 26), 1); /* FarmingPolicySet */
    OK(tfgrid_farms_get(rt, 1, &farm));
    EQ(farm.certification, SUPPORT_FARM_CERTIFICATION_GOLD);
    EQ(farm.farming_policy_limits.value.cu.value, 70 - 32);
    EQ(farm.farming_policy_limits.value.su.value, 100 - 4);
    EQ(farm.farming_policy_limits.value.node_count.value, 2);
    OK(tfgrid_nodes_get(rt, 1, &node));
    EQ(node.farming_policy_id, 3);
    EQ(node.certification, SUPPORT_NODE_CERTIFICATION_CERTIFIED);

    world_node(&other_node_account, 1); /* 38 CU are left: it fits */
    OK(tfgrid_nodes_get(rt, 2, &node));
    EQ(node.farming_policy_id, 3);
    world_node(&alice, 1); /* 6 CU are left: the first default policy, whatever it wants */
    OK(tfgrid_nodes_get(rt, 3, &node));
    EQ(node.farming_policy_id, 2);
    EQ(node.certification, SUPPORT_NODE_CERTIFICATION_CERTIFIED);
}

TEST(limits_end)
{
    static const struct {
        support_farming_policy_limit_t limit;
        uint32_t want;
    } cases[] = {
        {{.farming_policy_id = 3, .end = {true, START_S}},     3}, /* the last second counts */
        {{.farming_policy_id = 3, .end = {true, START_S - 1}}, 2},
        {{.farming_policy_id = 3, .node_count = {true, 0}},    2},
        {{.farming_policy_id = 3, .node_count = {true, 1}},    3},
        {{.farming_policy_id = 3, .su = {true, 3}},            2},
        {{.farming_policy_id = 3, .su = {true, 4}},            3},
        {{.farming_policy_id = 3, .cu = {true, 31}},           2},
        {{.farming_policy_id = 3, .cu = {true, 32}},           3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        support_node_t node;
        world_start();
        world_farm(&farmer, BYTES("farm"), 0);
        EQ(create_policy(BYTES("special"), false, SUPPORT_NODE_CERTIFICATION_CERTIFIED,
                         SUPPORT_FARM_CERTIFICATION_GOLD, 0),
           DISPATCH_OK);
        EQ(ROOT(tfgrid_attach_policy_to_farm, .farm_id = 1, .limits = {true, cases[i].limit}), DISPATCH_OK);
        world_node(&node_account, 1);
        OK(tfgrid_nodes_get(rt, 1, &node));
        EQ(node.farming_policy_id, cases[i].want);
    }
}

TEST(certifiers_are_listed)
{
    support_node_t node;
    account_id_vec_t list;
    world_start();
    world_farm(&farmer, BYTES("farm"), 0);
    world_node(&node_account, 1);
    EQ(ROOT(tfgrid_remove_node_certifier, .certifier = bob), DISPATCH_OK); /* there is no list */
    EQ(CALL(bob, tfgrid_add_node_certifier, .certifier = bob), DISPATCH_BAD_ORIGIN);
    EQ(ROOT(tfgrid_add_node_certifier, .certifier = bob), DISPATCH_OK);
    EQ(ROOT(tfgrid_add_node_certifier, .certifier = alice), DISPATCH_OK);
    EQ(ROOT(tfgrid_add_node_certifier, .certifier = farmer), DISPATCH_OK);
    EQ(ROOT(tfgrid_add_node_certifier, .certifier = bob), TFGRID_ALREADY_CERTIFIER);
    OK(tfgrid_allowed_node_certifiers_get(rt, &list));
    EQ(list.len, 3);
    EQ(memcmp(list.items[0].b, alice.b, 32), 0); /* a1 < b0 < fa */
    EQ(memcmp(list.items[1].b, bob.b, 32), 0);
    EQ(CALL(bob, tfgrid_set_node_certification, .node_id = 9,
            .node_certification = SUPPORT_NODE_CERTIFICATION_CERTIFIED),
       TFGRID_NODE_NOT_EXISTS);
    EQ(CALL(sales, tfgrid_set_node_certification, .node_id = 1,
            .node_certification = SUPPORT_NODE_CERTIFICATION_CERTIFIED),
       TFGRID_NOT_ALLOWED_TO_CERTIFY_NODE);
    EQ(CALL(bob, tfgrid_set_node_certification, .node_id = 1,
            .node_certification = SUPPORT_NODE_CERTIFICATION_CERTIFIED),
       DISPATCH_OK);
    EQ(world_event_count(25, 4), 1);
    EQ(world_event_count(25, 22), 1);
    OK(tfgrid_nodes_get(rt, 1, &node));
    EQ(node.certification, SUPPORT_NODE_CERTIFICATION_CERTIFIED);
    EQ(node.farming_policy_id, 2); /* chosen anew, since policy 1 is a default one */
    EQ(ROOT(tfgrid_remove_node_certifier, .certifier = bob), DISPATCH_OK);
    EQ(ROOT(tfgrid_remove_node_certifier, .certifier = bob), TFGRID_NOT_CERTIFIER);
    EQ(CALL(bob, tfgrid_set_node_certification, .node_id = 1,
            .node_certification = SUPPORT_NODE_CERTIFICATION_DIY),
       TFGRID_NOT_ALLOWED_TO_CERTIFY_NODE);
    EQ(CALL_FROM(from_council, tfgrid_set_node_certification, .node_id = 1,
                 .node_certification = SUPPORT_NODE_CERTIFICATION_DIY),
       DISPATCH_OK);
}

TEST(small_settings)
{
    world_start();
    EQ(CALL(alice, tfgrid_set_zos_version, .zos_version = BYTES("3.1")), DISPATCH_BAD_ORIGIN);
    EQ(ROOT(tfgrid_set_zos_version, .zos_version = BYTES("3.1")), DISPATCH_OK);
    EQ(world_event_count(25, 28), 1);
    EQ(ROOT(tfgrid_set_zos_version, .zos_version = BYTES("3.1")), TFGRID_INVALID_ZOS_VERSION);
    OK(bytes_equal(tfgrid_zos_version_get(rt), BYTES("3.1")));
    EQ(ROOT(tfgrid_set_storage_version, .version = TFGRID_STORAGE_VERSION_V16_STRUCT), DISPATCH_OK);
    EQ(tfgrid_pallet_version_get(rt), TFGRID_STORAGE_VERSION_V16_STRUCT);
}

TEST_MAIN()
