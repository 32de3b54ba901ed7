/* Farms and the public addresses that they lend. */
#include "test.h"
#include "world.h"

static support_ip4_t good[] = {
    {BYTES("185.206.122.33/24"), BYTES("185.206.122.1")},
    {BYTES("185.206.122.34/24"), BYTES("185.206.122.1")}
};
static support_ip4_t twice[] = {
    {BYTES("185.206.122.33/24"), BYTES("185.206.122.1")},
    {BYTES("185.206.122.33/24"), BYTES("185.206.122.1")}
};
static support_ip4_t two_ways[] = {
    {BYTES("185.206.122.33/24"), BYTES("185.206.122.1")},
    {BYTES("185.206.122.33/24"), BYTES("185.206.122.2")}
};
static support_ip4_t private[] = {
    {BYTES("10.0.0.2/24"), BYTES("10.0.0.1")}
};

TEST(a_farm_is_stored_and_found)
{
    support_farm_t farm;
    world_start();
    world_twin(&farmer);
    EQ(CALL(farmer, tfgrid_create_farm, .name = BYTES("Green_farm-1"), .public_ips = {good, 2}), DISPATCH_OK);
    EQ(world_event_count(25, 0), 1);
    OK(tfgrid_farms_get(rt, 1, &farm));
    EQ(farm.version, 4);
    EQ(farm.pricing_policy_id, 1);
    EQ(farm.certification, SUPPORT_FARM_CERTIFICATION_NOT_CERTIFIED);
    OK(!farm.dedicated_farm && !farm.farming_policy_limits.some);
    EQ(farm.public_ips.len, 2);
    EQ(farm.public_ips.items[1].contract_id, 0);
    OK(bytes_equal(farm.public_ips.items[1].ip, BYTES("185.206.122.34/24")));
    EQ(tfgrid_farm_id_by_name_get(rt, BYTES("Green_farm-1")), 1);
    OK(world_is_sound());
}

TEST(a_farm_is_refused)
{
    static uint8_t long_name[41];
    memset(long_name, 'a', sizeof long_name);
    const struct {
        const account_id_t *who;
        bytes_t name;
        support_ip4_vec_t ips;
        dispatch_t want;
    } cases[] = {
        {&nobody, BYTES("farm"),   {0},           TFGRID_TWIN_NOT_EXISTS    },
        {&farmer, BYTES("taken"),  {0},           TFGRID_FARM_EXISTS        },
        {&farmer, BYTES("Taken"),  {0},           DISPATCH_OK               },
        {&farmer, BYTES("ab"),     {0},           TFGRID_FARM_NAME_TOO_SHORT},
        {&farmer, BYTES(""),       {0},           TFGRID_FARM_NAME_TOO_SHORT},
        {&farmer, BYTES("a farm"), {0},           TFGRID_INVALID_FARM_NAME  },
        {&farmer, {long_name, 40}, {0},           DISPATCH_OK               },
        {&farmer, {long_name, 41}, {0},           WORLD_BAD_CALL            },
        {&farmer, BYTES("farm"),   {private, 1},  TFGRID_INVALID_PUBLIC_IP  },
        {&farmer, BYTES("farm"),   {twice, 2},    TFGRID_IP_EXISTS          },
        {&farmer, BYTES("farm"),   {two_ways, 2}, DISPATCH_OK               }, /* another gateway is another entry */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world_start();
        world_farm(&farmer, BYTES("taken"), 0);
        EQ(CALL(*cases[i].who, tfgrid_create_farm, .name = cases[i].name, .public_ips = cases[i].ips),
           cases[i].want);
        EQ(tfgrid_farm_id_get(rt), cases[i].want == DISPATCH_OK ? 2 : 1);
    }
}

/* G10: the call takes 512 addresses, a farm holds 256. */
TEST(g10_a_farm_holds_256_addresses)
{
    static support_ip4_t many[513];
    static char texts[513][19];
    for (uint32_t i = 0; i < 513; i++) {
        snprintf(texts[i], sizeof texts[i], "8.8.%u.%u/16", i / 250, i % 250 + 2);
        many[i] = (support_ip4_t){bytes_text(texts[i]), BYTES("8.8.255.1")};
    }
    world_start();
    world_twin(&farmer);
    EQ(CALL(farmer, tfgrid_create_farm, .name = BYTES("many"), .public_ips = {many, 513}), WORLD_BAD_CALL);
    EQ(CALL(farmer, tfgrid_create_farm, .name = BYTES("many"), .public_ips = {many, 257}),
       TFGRID_INVALID_PUBLIC_IP);
    EQ(CALL(farmer, tfgrid_create_farm, .name = BYTES("many"), .public_ips = {many, 256}), DISPATCH_OK);
    EQ(CALL(farmer, tfgrid_add_farm_ip, .farm_id = 1, .ip = BYTES("9.9.9.9/24"), .gw = BYTES("9.9.9.1")),
       TFGRID_INVALID_PUBLIC_IP);
    EQ(CALL(farmer, tfgrid_remove_farm_ip, .farm_id = 1, .ip = many[7].ip), DISPATCH_OK);
    EQ(CALL(farmer, tfgrid_add_farm_ip, .farm_id = 1, .ip = BYTES("9.9.9.9/24"), .gw = BYTES("9.9.9.1")),
       DISPATCH_OK);
}

TEST(a_farm_is_renamed)
{
    support_farm_t farm;
    world_start();
    EQ(CALL(farmer, tfgrid_update_farm, .farm_id = 1, .name = BYTES("new")), TFGRID_TWIN_NOT_EXISTS);
    world_twin(&alice);
    world_farm(&farmer, BYTES("old"), 2);
    world_farm(&farmer, BYTES("other"), 0);
    EQ(CALL(farmer, tfgrid_update_farm, .farm_id = 9, .name = BYTES("new")), TFGRID_FARM_NOT_EXISTS);
    EQ(CALL(alice, tfgrid_update_farm, .farm_id = 1, .name = BYTES("new")),
       TFGRID_CANNOT_UPDATE_FARM_WRONG_TWIN);
    EQ(CALL(farmer, tfgrid_update_farm, .farm_id = 1, .name = BYTES("n")), TFGRID_FARM_NAME_TOO_SHORT);
    EQ(CALL(farmer, tfgrid_update_farm, .farm_id = 1, .name = BYTES("other")), TFGRID_INVALID_FARM_NAME);
    EQ(CALL(farmer, tfgrid_update_farm, .farm_id = 1, .name = BYTES("old")), DISPATCH_OK);
    EQ(world_event_count(25, 1), 0); /* its own name changes nothing and tells nothing */
    EQ(CALL(farmer, tfgrid_update_farm, .farm_id = 1, .name = BYTES("new")), DISPATCH_OK);
    EQ(world_event_count(25, 1), 1);
    EQ(tfgrid_farm_id_by_name_get(rt, BYTES("old")), 0);
    EQ(tfgrid_farm_id_by_name_get(rt, BYTES("new")), 1);
    OK(tfgrid_farms_get(rt, 1, &farm));
    OK(bytes_equal(farm.name, BYTES("new")));
    EQ(farm.public_ips.len, 2);
    OK(bytes_equal(farm.public_ips.items[0].gateway, BYTES("185.206.1.1")));
    OK(world_is_sound());
}

TEST(a_payout_address_is_kept)
{
    world_start();
    world_farm(&farmer, BYTES("farm"), 0);
    world_twin(&alice);
    EQ(CALL(nobody, tfgrid_add_stellar_payout_v2address, .farm_id = 1, .stellar_address = BYTES("G")),
       TFGRID_TWIN_NOT_EXISTS);
    EQ(CALL(farmer, tfgrid_add_stellar_payout_v2address, .farm_id = 2, .stellar_address = BYTES("G")),
       TFGRID_FARM_NOT_EXISTS);
    EQ(CALL(alice, tfgrid_add_stellar_payout_v2address, .farm_id = 1, .stellar_address = BYTES("G")),
       TFGRID_CANNOT_UPDATE_FARM_WRONG_TWIN);
    EQ(CALL(farmer, tfgrid_add_stellar_payout_v2address, .farm_id = 1, .stellar_address = BYTES("GABC")),
       DISPATCH_OK);
    EQ(world_event_count(25, 19), 1);
    OK(bytes_equal(tfgrid_farm_payout_v2_address_by_farm_id_get(rt, 1), BYTES("GABC")));
}

TEST(addresses_come_and_go)
{
    support_farm_t farm;
    world_start();
    world_farm(&farmer, BYTES("farm"), 3);
    world_twin(&alice);
    EQ(CALL(farmer, tfgrid_add_farm_ip, .farm_id = 2, .ip = BYTES("9.9.9.9/24"), .gw = BYTES("9.9.9.1")),
       TFGRID_FARM_NOT_EXISTS);
    EQ(CALL(nobody, tfgrid_add_farm_ip, .farm_id = 1, .ip = BYTES("9.9.9.9/24"), .gw = BYTES("9.9.9.1")),
       TFGRID_TWIN_NOT_EXISTS);
    EQ(CALL(alice, tfgrid_add_farm_ip, .farm_id = 1, .ip = BYTES("9.9.9.9/24"), .gw = BYTES("9.9.9.1")),
       TFGRID_CANNOT_UPDATE_FARM_WRONG_TWIN);
    EQ(CALL(farmer, tfgrid_add_farm_ip, .farm_id = 1, .ip = BYTES("9.9.9.9"), .gw = BYTES("9.9.9.1")),
       TFGRID_INVALID_PUBLIC_IP);
    EQ(CALL(farmer, tfgrid_add_farm_ip, .farm_id = 1, .ip = BYTES("185.206.1.2/24"),
            .gw = BYTES("185.206.1.9")),
       TFGRID_IP_EXISTS);
    EQ(CALL(farmer, tfgrid_add_farm_ip, .farm_id = 1, .ip = BYTES("9.9.9.9/24"), .gw = BYTES("9.9.9.1")),
       DISPATCH_OK);
    EQ(world_event_count(25, 1), 1);
    EQ(CALL(farmer, tfgrid_remove_farm_ip, .farm_id = 1, .ip = BYTES("185.206.1.3/24")), DISPATCH_OK);
    EQ(CALL(farmer, tfgrid_remove_farm_ip, .farm_id = 1, .ip = BYTES("185.206.1.3/24")),
       TFGRID_IP_NOT_EXISTS);
    EQ(CALL(alice, tfgrid_remove_farm_ip, .farm_id = 1, .ip = BYTES("185.206.1.2/24")),
       TFGRID_CANNOT_UPDATE_FARM_WRONG_TWIN);
    OK(tfgrid_farms_get(rt, 1, &farm));
    EQ(farm.public_ips.len, 3);
    OK(bytes_equal(farm.public_ips.items[0].ip, BYTES("185.206.1.2/24")));
    OK(bytes_equal(farm.public_ips.items[1].ip, BYTES("185.206.1.4/24")));
    OK(bytes_equal(farm.public_ips.items[2].ip, BYTES("9.9.9.9/24")));
}

TEST(a_lent_address_is_not_removed_but_may_be_reset)
{
    support_farm_t farm;
    world_start();
    world_farm(&farmer, BYTES("farm"), 1);
    OK(tfgrid_farms_get(rt, 1, &farm));
    farm.public_ips.items[0].contract_id = 7;
    tfgrid_farms_put(rt, 1, &farm);
    EQ(CALL(farmer, tfgrid_remove_farm_ip, .farm_id = 1, .ip = BYTES("185.206.1.2/24")),
       TFGRID_IP_NOT_EXISTS);
    EQ(CALL(farmer, tfgrid_force_reset_farm_ip, .farm_id = 1, .ip = BYTES("185.206.1.2/24")),
       DISPATCH_BAD_ORIGIN);
    EQ(ROOT(tfgrid_force_reset_farm_ip, .farm_id = 2, .ip = BYTES("185.206.1.2/24")), TFGRID_FARM_NOT_EXISTS);
    EQ(ROOT(tfgrid_force_reset_farm_ip, .farm_id = 1, .ip = BYTES("185.206.1.9/24")), TFGRID_IP_NOT_EXISTS);
    EQ(CALL_FROM(from_council, tfgrid_force_reset_farm_ip, .farm_id = 1, .ip = BYTES("185.206.1.2/24")),
       DISPATCH_OK);
    EQ(CALL(farmer, tfgrid_remove_farm_ip, .farm_id = 1, .ip = BYTES("185.206.1.2/24")), DISPATCH_OK);
}

/* Restricted: root, or at least three fifths of the council. */
TEST(the_council_certifies_and_dedicates)
{
    support_farm_t farm;
    const origin_t half = {.kind = ORIGIN_COUNCIL_MEMBERS, .ayes = 1, .seats = 2};
    world_start();
    world_farm(&farmer, BYTES("farm"), 0);
    EQ(CALL(farmer, tfgrid_set_farm_certification, .farm_id = 1,
            .certification = SUPPORT_FARM_CERTIFICATION_GOLD),
       DISPATCH_BAD_ORIGIN);
    EQ(CALL_FROM(half, tfgrid_set_farm_certification, .farm_id = 1,
                 .certification = SUPPORT_FARM_CERTIFICATION_GOLD),
       DISPATCH_BAD_ORIGIN);
    EQ(ROOT(tfgrid_set_farm_certification, .farm_id = 2, .certification = SUPPORT_FARM_CERTIFICATION_GOLD),
       TFGRID_FARM_NOT_EXISTS);
    EQ(CALL_FROM(from_council, tfgrid_set_farm_certification, .farm_id = 1,
                 .certification = SUPPORT_FARM_CERTIFICATION_GOLD),
       DISPATCH_OK);
    EQ(world_event_count(25, 27), 1);
    EQ(world_event_count(25, 1), 0);
    EQ(ROOT(tfgrid_set_farm_dedicated, .farm_id = 2, .dedicated = true), TFGRID_FARM_NOT_EXISTS);
    EQ(ROOT(tfgrid_set_farm_dedicated, .farm_id = 1, .dedicated = true), DISPATCH_OK);
    EQ(world_event_count(25, 1), 1);
    EQ(world_event_count(25, 20), 0); /* G12: FarmMarkedAsDedicated is never told */
    OK(tfgrid_farms_get(rt, 1, &farm));
    OK(farm.dedicated_farm);
    EQ(farm.certification, SUPPORT_FARM_CERTIFICATION_GOLD);
}

TEST_MAIN()
