/* Nodes: joining, moving, reporting, sleeping, leaving. */
#include "test.h"
#include "world.h"

#define GIB (UINT64_C(1) << 30)

static dispatch_t create(const account_id_t *who, tfgrid_create_node_args_t args)
{
    world_writer.len = 0;
    tfgrid_create_node_call_encode(&world_writer, &args);
    return world_apply_written(from(who));
}

static dispatch_t update(const account_id_t *who, uint32_t node_id, tfgrid_create_node_args_t args)
{
    return CALL(*who, tfgrid_update_node, .node_id = node_id, .farm_id = args.farm_id,
                .resources = args.resources, .location = args.location, .interfaces = args.interfaces,
                .secure_boot = args.secure_boot, .virtualized = args.virtualized,
                .serial_number = args.serial_number);
}

static void start(void)
{
    world_start();
    world_farm(&farmer, BYTES("farm"), 2);
    world_twin(&node_account);
}

TEST(a_node_joins_a_farm)
{
    support_node_t node;
    u32_vec_t list;
    start();
    tfgrid_create_node_args_t args = world_node_args(1);
    args.secure_boot               = true;
    args.serial_number             = (bytes_opt_t){true, BYTES("")};
    EQ(create(&node_account, args), DISPATCH_OK);
    EQ(world_event_count(25, 3), 1);
    OK(tfgrid_nodes_get(rt, 1, &node));
    EQ(node.version, 5);
    EQ(node.farm_id, 1);
    EQ(node.twin_id, 2);
    EQ(node.created, START_S);
    EQ(node.connection_price, 80);
    EQ(node.farming_policy_id, 1);
    EQ(node.certification, SUPPORT_NODE_CERTIFICATION_DIY);
    OK(node.secure_boot && !node.virtualized && node.serial_number.some && !node.public_config.some);
    OK(bytes_equal(node.location.longitude, BYTES("3.71")));
    OK(bytes_equal(node.interfaces.items[0].ips.items[0], BYTES("10.1.0.2")));
    EQ(tfgrid_node_id_by_twin_id_get(rt, 2), 1);
    tfgrid_nodes_by_farm_id_get(rt, 1, &list);
    EQ(list.len, 1);
    /* 8 cores: c = 16 000 GIB, 2 * 16 = 32 CU; 1000 / 1200 + 1000 / 250 = 4 SU; 2 * 32 + 4 */
    EQ(dao_farm_weight_get(rt, 1), 68);
    OK(world_is_sound());
}

/* One input changed at a time, and what the chain says of it. */
typedef enum {
    FLASH,
    DISK,
    CORES,
    MEMORY,
    CITY,
    COUNTRY,
    LATITUDE,
    LONGITUDE,
    NAME,
    MAC,
    IPS,
    INTERFACES,
    SERIAL,
    FARM
} input_t;
typedef struct {
    input_t what;
    bytes_t text;
    uint64_t number;
    bytes_vec_t ips;
    dispatch_t want;
} input_case_t;

static uint8_t filled[200];
static bytes_t bad_ip[] = {BYTES("10.1.0.2/24")}, short_ip[] = {BYTES("1.1.1")}, six[] = {BYTES("fe80::1")},
               many_ips[11];
static support_interface_t many[11];

static const input_case_t input_cases[] = {
    {FLASH,      {0},                        100 * GIB,     {0},            DISPATCH_OK                     },
    {FLASH,      {0},                        100 * GIB - 1, {0},            TFGRID_INVALID_STORAGE_INPUT    },
    {DISK,       {0},                        100 * GIB,     {0},            DISPATCH_OK                     },
    {DISK,       {0},                        0,             {0},            TFGRID_INVALID_STORAGE_INPUT    },
    {CORES,      {0},                        0,             {0},            TFGRID_INVALID_CRU_INPUT        },
    {CORES,      {0},                        1,             {0},            DISPATCH_OK                     },
    {MEMORY,     {0},                        2 * GIB - 1,   {0},            TFGRID_INVALID_MRU_INPUT        },
    {MEMORY,     {0},                        2 * GIB,       {0},            DISPATCH_OK                     },
    {CITY,       BYTES(""),                  0,             {0},            TFGRID_CITY_NAME_TOO_SHORT      },
    {CITY,       BYTES("\xff"),              0,             {0},            DISPATCH_OK                     },
    {CITY,       {filled, 59},               0,             {0},            WORLD_BAD_CALL                  },
    {CITY,       {filled, 58},               0,             {0},            DISPATCH_OK                     },
    {COUNTRY,    BYTES("B"),                 0,             {0},            TFGRID_COUNTRY_NAME_TOO_SHORT   },
    {COUNTRY,    {filled, 57},               0,             {0},            WORLD_BAD_CALL                  },
    {LATITUDE,   BYTES(""),                  0,             {0},            TFGRID_LATITUDE_INPUT_TOO_SHORT },
    {LATITUDE,   BYTES("90.00001"),          0,             {0},            TFGRID_INVALID_LATITUDE_INPUT   },
    {LATITUDE,   BYTES("Unknown"),           0,             {0},            DISPATCH_OK                     },
    {LATITUDE,   BYTES("-90"),               0,             {0},            DISPATCH_OK                     },
    {LATITUDE,   BYTES("1,2"),               0,             {0},            TFGRID_INVALID_LATITUDE_INPUT   },
    {LONGITUDE,  BYTES(""),                  0,             {0},            TFGRID_LONGITUDE_INPUT_TOO_SHORT},
    {LONGITUDE,  BYTES("180.1"),             0,             {0},            TFGRID_INVALID_LONGITUDE_INPUT  },
    {LONGITUDE,  BYTES("90.1"),              0,             {0},            DISPATCH_OK                     },
    {LONGITUDE,  {filled, 51},               0,             {0},            WORLD_BAD_CALL                  },
    {NAME,       BYTES("ab"),                0,             {0},            TFGRID_INTERFACE_NAME_TOO_SHORT },
    {NAME,       BYTES("Zos"),               0,             {0},            TFGRID_INVALID_INTERFACE_NAME   },
    {NAME,       {filled, 20},               0,             {0},            DISPATCH_OK                     },
    {NAME,       {filled, 21},               0,             {0},            WORLD_BAD_CALL                  },
    {MAC,        BYTES("00:11:22:33:44"),    0,             {0},            TFGRID_INTERFACE_MAC_TOO_SHORT  },
    {MAC,        BYTES("zz:11:22:33:44:55"), 0,             {0},            TFGRID_INVALID_MAC_ADDRESS      },
    {IPS,        {0},                        0,             {bad_ip, 1},    TFGRID_INVALID_INTERFACE_IP     },
    {IPS,        {0},                        0,             {short_ip, 1},  TFGRID_INTERFACE_IP_TOO_SHORT   },
    {IPS,        {0},                        0,             {six, 1},       DISPATCH_OK                     },
    {IPS,        {0},                        0,             {0},            DISPATCH_OK                     },
    {IPS,        {0},                        0,             {many_ips, 10}, DISPATCH_OK                     },
    {IPS,        {0},                        0,             {many_ips, 11}, WORLD_BAD_CALL                  },
    {INTERFACES, {0},                        10,            {0},            DISPATCH_OK                     },
    {INTERFACES, {0},                        11,            {0},            WORLD_BAD_CALL                  },
    {INTERFACES, {0},                        0,             {0},            DISPATCH_OK                     },
    {SERIAL,     {filled, 128},              0,             {0},            DISPATCH_OK                     },
    {SERIAL,     {filled, 129},              0,             {0},            WORLD_BAD_CALL                  },
    {FARM,       {0},                        2,             {0},            TFGRID_FARM_NOT_EXISTS          },
};

static void change(tfgrid_create_node_args_t *args, const input_case_t *c)
{
    support_interface_t *interface = args->interfaces.items;
    switch (c->what) {
    case FLASH:
        args->resources.hru = 0;
        args->resources.sru = c->number;
        break;
    case DISK:
        args->resources.sru = 0;
        args->resources.hru = c->number;
        break;
    case CORES: args->resources.cru = c->number; break;
    case MEMORY: args->resources.mru = c->number; break;
    case CITY: args->location.city = c->text; break;
    case COUNTRY: args->location.country = c->text; break;
    case LATITUDE: args->location.latitude = c->text; break;
    case LONGITUDE: args->location.longitude = c->text; break;
    case NAME: interface->name = c->text; break;
    case MAC: interface->mac = c->text; break;
    case IPS: interface->ips = c->ips; break;
    case INTERFACES: args->interfaces = (support_interface_vec_t){many, (uint32_t)c->number}; break;
    case SERIAL: args->serial_number = (bytes_opt_t){true, c->text}; break;
    case FARM: args->farm_id = (uint32_t)c->number; break;
    }
}

TEST(what_a_node_says_of_itself_is_judged)
{
    memset(filled, 'a', sizeof filled);
    for (int i = 0; i < 11; i++) {
        many_ips[i] = BYTES("10.1.0.2");
        many[i]     = (support_interface_t){BYTES("zos"), BYTES("00:11:22:33:44:55"), {0}};
    }
    for (size_t i = 0; i < sizeof input_cases / sizeof *input_cases; i++) {
        start();
        tfgrid_create_node_args_t args = world_node_args(1);
        support_interface_t interface  = args.interfaces.items[0];
        args.interfaces.items          = &interface;
        change(&args, &input_cases[i]);
        dispatch_t got = create(&node_account, args);
        if (got != input_cases[i].want) printf("case %zu\n", i);
        EQ(got, input_cases[i].want);
        if (got == DISPATCH_OK)
            EQ(update(&node_account, 1, args), DISPATCH_OK); /* the same rules hold later */
    }
}

TEST(a_twin_is_one_node)
{
    start();
    EQ(create(&nobody, world_node_args(1)), TFGRID_TWIN_NOT_EXISTS);
    EQ(create(&node_account, world_node_args(1)), DISPATCH_OK);
    EQ(create(&node_account, world_node_args(1)), TFGRID_NODE_WITH_TWIN_ID_EXISTS);
}

TEST(a_farm_has_at_most_5000_nodes)
{
    static uint32_t ids[5000];
    start();
    world_farm(&farmer, BYTES("full"), 0);
    tfgrid_nodes_by_farm_id_put(rt, 2, (u32_vec_t){ids, 5000});
    EQ(create(&node_account, world_node_args(2)), TFGRID_CANNOT_CREATE_NODE);
    EQ(create(&node_account, world_node_args(1)), DISPATCH_OK);
    EQ(update(&node_account, 1, world_node_args(2)), TFGRID_CANNOT_CREATE_NODE);
    tfgrid_nodes_by_farm_id_remove(rt, 2);
    OK(world_is_sound()); /* it is still in its first farm */
}

TEST(g1_a_twin_may_be_a_node_again)
{
    start();
    const uint32_t node = world_node(&node_account, 1);
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_DOWN), DISPATCH_OK);
    EQ(CALL(farmer, smart_contract_set_dedicated_node_extra_fee, .node_id = node, .extra_fee = 5),
       DISPATCH_OK);
    EQ(CALL(node_account, tfgrid_delete_node, .node_id = node), DISPATCH_OK);
    EQ(world_event_count(25, 5), 1);
    OK(!tfgrid_nodes_exists(rt, node) && !tfgrid_node_power_exists(rt, node));
    OK(!smart_contract_dedicated_nodes_extra_fee_exists(rt, node) &&
       !tfgrid_node_id_by_twin_id_exists(rt, 2));
    EQ(dao_farm_weight_get(rt, 1), 0);
    EQ(world_node(&node_account, 1), 2);
    EQ(CALL(farmer, tfgrid_delete_node_farm, .node_id = 2), DISPATCH_OK);
    EQ(world_node(&node_account, 1), 3);
    OK(world_is_sound());
}

/* The second farm's list becomes 2, 1: a binary search would not find 1. */
TEST(g2_a_node_that_moved_can_be_deleted)
{
    start();
    world_farm(&farmer, BYTES("second"), 0);
    world_node(&node_account, 1);
    world_node(&other_node_account, 2);
    EQ(update(&node_account, 1, world_node_args(2)), DISPATCH_OK);
    OK(world_is_sound());
    EQ(dao_farm_weight_get(rt, 1), 0);
    EQ(dao_farm_weight_get(rt, 2), 2 * 68);
    EQ(CALL(node_account, tfgrid_delete_node, .node_id = 1), DISPATCH_OK);
    EQ(dao_farm_weight_get(rt, 2), 68);
    OK(world_is_sound());
}

/* Addresses are given back to the node's farm: one that moved away would leave them lent for ever. */
TEST(a_node_whose_contracts_borrow_addresses_stays_in_its_farm)
{
    start();
    world_farm(&farmer, BYTES("second"), 0);
    world_farm(&farmer, BYTES("third"), 2);
    const uint32_t node = world_node(&node_account, 3);
    world_node_contract(&alice, node, 1, 1);
    world_node_contract(&alice, node, 2, 0);
    EQ(update(&node_account, node, world_node_args(2)), TFGRID_NODE_HAS_ACTIVE_CONTRACTS);
    EQ(update(&node_account, node, world_node_args(3)), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_cancel_contract, .contract_id = 1), DISPATCH_OK);
    EQ(update(&node_account, node, world_node_args(2)), DISPATCH_OK);
    OK(world_is_sound());
}

TEST(who_may_delete)
{
    start();
    world_node(&node_account, 1);
    world_twin(&alice);
    EQ(CALL(node_account, tfgrid_delete_node, .node_id = 2), TFGRID_NODE_NOT_EXISTS);
    EQ(CALL(nobody, tfgrid_delete_node, .node_id = 1), TFGRID_TWIN_NOT_EXISTS);
    EQ(CALL(farmer, tfgrid_delete_node, .node_id = 1), TFGRID_NODE_UPDATE_NOT_AUTHORIZED);
    EQ(CALL(nobody, tfgrid_delete_node_farm, .node_id = 1), TFGRID_TWIN_NOT_EXISTS);
    EQ(CALL(farmer, tfgrid_delete_node_farm, .node_id = 2), TFGRID_NODE_NOT_EXISTS);
    EQ(CALL(node_account, tfgrid_delete_node_farm, .node_id = 1), TFGRID_FARMER_NOT_AUTHORIZED);
}

TEST(an_update_keeps_what_is_not_given)
{
    support_node_t node;
    start();
    world_node(&node_account, 1);
    EQ(ROOT(tfgrid_set_connection_price, .price = 120), DISPATCH_OK);
    EQ(world_event_count(25, 21), 1);
    EQ(CALL(farmer, tfgrid_add_node_public_config, .farm_id = 1, .node_id = 1,
            .public_config = {true, {.ip4 = {BYTES("8.8.8.8/24"), BYTES("8.8.8.1")}}}),
       DISPATCH_OK);
    world_skip(5, 30);
    EQ(update(&alice, 1, world_node_args(1)), TFGRID_TWIN_NOT_EXISTS);
    EQ(update(&farmer, 1, world_node_args(1)), TFGRID_NODE_UPDATE_NOT_AUTHORIZED);
    EQ(update(&node_account, 2, world_node_args(1)), TFGRID_NODE_NOT_EXISTS);
    EQ(update(&node_account, 1, world_node_args(7)), TFGRID_FARM_NOT_EXISTS);
    tfgrid_create_node_args_t args = world_node_args(1);
    args.resources.cru             = 16;
    args.virtualized               = true;
    EQ(update(&node_account, 1, args), DISPATCH_OK);
    OK(rt->pays_no_fee);
    EQ(world_event_count(25, 4), 1);
    OK(tfgrid_nodes_get(rt, 1, &node));
    EQ(node.created, START_S);
    EQ(node.connection_price, 80);
    EQ(node.resources.cru, 16);
    OK(node.virtualized && node.public_config.some);
    EQ(world_node(&other_node_account, 1), 2);
    OK(tfgrid_nodes_get(rt, 2, &node));
    EQ(node.connection_price, 120);
}

TEST(a_certificate_is_lost_with_the_machine)
{
    support_node_t node;
    start();
    world_node(&node_account, 1);
    EQ(ROOT(tfgrid_set_node_certification, .node_id = 1,
            .node_certification = SUPPORT_NODE_CERTIFICATION_CERTIFIED),
       DISPATCH_OK);
    tfgrid_create_node_args_t args = world_node_args(1);
    args.resources.sru += args.resources.sru / 100; /* just one percent */
    EQ(update(&node_account, 1, args), DISPATCH_OK);
    EQ(world_event_count(25, 22), 0);
    args.resources.cru = 9;
    EQ(update(&node_account, 1, args), DISPATCH_OK);
    EQ(world_event_count(25, 22), 1);
    OK(tfgrid_nodes_get(rt, 1, &node));
    EQ(node.certification, SUPPORT_NODE_CERTIFICATION_DIY);
    EQ(node.farming_policy_id, 2); /* not chosen anew */
}

TEST(uptime_is_told_within_a_minute)
{
    start();
    EQ(CALL(nobody, tfgrid_report_uptime, .uptime = 5), TFGRID_TWIN_NOT_EXISTS);
    EQ(CALL(farmer, tfgrid_report_uptime, .uptime = 5), TFGRID_NODE_NOT_EXISTS);
    world_node(&node_account, 1);
    EQ(CALL(node_account, tfgrid_report_uptime, .uptime = 5), DISPATCH_OK);
    OK(rt->pays_no_fee);
    const runtime_event_t *event = world_event(25, 6, 0);
    OK(event);
    EQ(event->tfgrid.node_uptime_reported.node_id, 1);
    EQ(event->tfgrid.node_uptime_reported.now_s, START_S);
    EQ(event->tfgrid.node_uptime_reported.uptime_s, 5);
    static const struct {
        int64_t drift;
        dispatch_t want;
    } cases[] = {
        {0,   DISPATCH_OK                  },
        {60,  DISPATCH_OK                  },
        {-60, DISPATCH_OK                  },
        {61,  TFGRID_INVALID_TIMESTAMP_HINT},
        {-61, TFGRID_INVALID_TIMESTAMP_HINT}
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EQ(CALL(node_account, tfgrid_report_uptime_v2, .uptime = 9,
                .timestamp_hint = (uint64_t)(START_S + cases[i].drift)),
           cases[i].want);
    EQ(CALL(node_account, tfgrid_report_uptime_v2, .uptime = 9, .timestamp_hint = UINT64_MAX),
       TFGRID_INVALID_TIMESTAMP_HINT);
}

TEST(a_public_config_is_the_farmers)
{
    support_node_t node;
    start();
    world_farm(&farmer, BYTES("second"), 0);
    world_node(&node_account, 1);
    const support_public_config_t whole = {
        .ip4    = {BYTES("8.8.8.8/24"), BYTES("8.8.8.1")                                     },
        .ip6    = {true,                {BYTES("2a10:b600:1::2/64"), BYTES("2a10:b600:1::1")}},
        .domain = {true,                BYTES("gent01.grid.tf")                              }
    };
    support_public_config_t bad[] = {whole, whole, whole, whole};
    bad[0].domain.value           = BYTES("a_b");
    bad[1].ip4.gw                 = BYTES("8.8.9.1");
    bad[2].ip6.value.gw           = BYTES("fe80::1");
    bad[3].ip4.ip                 = BYTES("192.168.1.1/24");
    EQ(CALL(farmer, tfgrid_add_node_public_config, .farm_id = 9, .node_id = 1,
            .public_config = {true, whole}),
       TFGRID_FARM_NOT_EXISTS);
    EQ(CALL(nobody, tfgrid_add_node_public_config, .farm_id = 1, .node_id = 1,
            .public_config = {true, whole}),
       TFGRID_TWIN_NOT_EXISTS);
    EQ(CALL(node_account, tfgrid_add_node_public_config, .farm_id = 1, .node_id = 1,
            .public_config = {true, whole}),
       TFGRID_CANNOT_UPDATE_FARM_WRONG_TWIN);
    EQ(CALL(farmer, tfgrid_add_node_public_config, .farm_id = 1, .node_id = 9,
            .public_config = {true, whole}),
       TFGRID_NODE_NOT_EXISTS);
    EQ(CALL(farmer, tfgrid_add_node_public_config, .farm_id = 2, .node_id = 1,
            .public_config = {true, whole}),
       TFGRID_NODE_UPDATE_NOT_AUTHORIZED);
    for (size_t i = 0; i < 4; i++)
        EQ(CALL(farmer, tfgrid_add_node_public_config, .farm_id = 1, .node_id = 1,
                .public_config = {true, bad[i]}),
           TFGRID_INVALID_PUBLIC_CONFIG);
    EQ(CALL(farmer, tfgrid_add_node_public_config, .farm_id = 1, .node_id = 1,
            .public_config = {true, whole}),
       DISPATCH_OK);
    EQ(world_event_count(25, 7), 1);
    OK(tfgrid_nodes_get(rt, 1, &node));
    OK(node.public_config.some &&
       bytes_equal(node.public_config.value.domain.value, BYTES("gent01.grid.tf")));
    EQ(CALL(farmer, tfgrid_add_node_public_config, .farm_id = 1, .node_id = 1, .public_config = {0}),
       DISPATCH_OK);
    OK(tfgrid_nodes_get(rt, 1, &node));
    OK(!node.public_config.some);
}

TEST(a_node_sleeps_and_wakes)
{
    support_node_power_t power;
    start();
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_DOWN),
       TFGRID_NODE_NOT_EXISTS);
    world_node(&node_account, 1);
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_UP), DISPATCH_OK);
    EQ(world_event_count(25, 30), 0); /* it is up already */
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_DOWN), DISPATCH_OK);
    OK(rt->pays_no_fee);
    EQ(world_event_count(25, 30), 1);
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_DOWN), DISPATCH_OK);
    EQ(world_event_count(25, 30), 0);
    world_skip(1, 6);
    EQ(CALL(node_account, tfgrid_change_power_state, .power_state = SUPPORT_POWER_DOWN), DISPATCH_OK);
    EQ(world_event_count(25, 30), 1); /* down at another block is another state */
    tfgrid_node_power_get(rt, 1, &power);
    EQ(power.state.kind, SUPPORT_POWER_STATE_DOWN);
    EQ(power.state.down, 2);
    EQ(power.target, SUPPORT_POWER_UP);
}

TEST(a_farmer_wants_a_node_asleep)
{
    support_node_power_t power;
    start();
    world_node(&node_account, 1);
    EQ(CALL(nobody, tfgrid_change_power_target, .node_id = 1, .power_target = SUPPORT_POWER_DOWN),
       TFGRID_TWIN_NOT_EXISTS);
    EQ(CALL(farmer, tfgrid_change_power_target, .node_id = 3, .power_target = SUPPORT_POWER_DOWN),
       TFGRID_NODE_NOT_EXISTS);
    EQ(CALL(node_account, tfgrid_change_power_target, .node_id = 1, .power_target = SUPPORT_POWER_DOWN),
       TFGRID_UNAUTHORIZED_TO_CHANGE_POWER_TARGET);
    const uint64_t contract = world_node_contract(&alice, 1, 1, 0);
    EQ(CALL(farmer, tfgrid_change_power_target, .node_id = 1, .power_target = SUPPORT_POWER_DOWN),
       TFGRID_NODE_HAS_ACTIVE_CONTRACTS);
    EQ(CALL(farmer, tfgrid_change_power_target, .node_id = 1, .power_target = SUPPORT_POWER_UP), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_cancel_contract, .contract_id = contract), DISPATCH_OK);
    EQ(CALL(alice, smart_contract_create_rent_contract, .node_id = 1), DISPATCH_OK);
    EQ(CALL(farmer, tfgrid_change_power_target, .node_id = 1, .power_target = SUPPORT_POWER_DOWN),
       TFGRID_NODE_HAS_ACTIVE_CONTRACTS);
    EQ(CALL(alice, smart_contract_cancel_contract, .contract_id = 2), DISPATCH_OK);
    EQ(CALL(farmer, tfgrid_change_power_target, .node_id = 1, .power_target = SUPPORT_POWER_DOWN),
       DISPATCH_OK);
    EQ(world_event_count(25, 29), 1);
    tfgrid_node_power_get(rt, 1, &power);
    EQ(power.target, SUPPORT_POWER_DOWN);
    EQ(power.state.kind, SUPPORT_POWER_STATE_UP);
}

TEST_MAIN()
