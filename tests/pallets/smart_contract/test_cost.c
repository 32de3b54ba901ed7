/* What contracts cost, with the arithmetic shown.  Policy 1: su 50 000, cu 100 000, nu 15 000, ipu 40 000
 * units USD an hour, unique name 2 500; amounts in units USD (10^-7) and units TFT (10^-7). */
#include "checked.h"
#include "smart_contract/cost.h"
#include "test.h"
#include "world.h"

#define GIB (UINT64_C(1) << 30)

static tfgrid_pricing_policy_t policy_one(void)
{
    tfgrid_pricing_policy_t policy = {0};
    world_start();
    if (!tfgrid_pricing_policies_get(rt, 1, &policy)) printf("no policy\n");
    return policy;
}

/* CU = min(max(mru / 4, cru / 2), max(mru / 8, cru), max(mru / 2, cru / 4)), SU = hru / 1200 + sru / 200, in
 * GiB */
TEST(resources_cost)
{
    const struct {
        support_resources_t used; /* hru, sru, cru, mru */
        uint32_t ips;
        uint64_t seconds, want, want_rented;
    } cases[] = {
        {{0, 0, 0, 0},                                     0, 3600,       0,       0         },
        {{0, 0, 1, 0},                                     0, 3600,       25000,   0         }, /* min(1/2, 1, 1/4) = 1/4 CU */
        {{0, 0, 2, 4 * GIB},                               0, 3600,       100000,  0         }, /* min(max(1, 1), 2, 2) = 1 CU */
        {{0, 0, 4, 4 * GIB},                               0, 3600,       200000,  0         }, /* min(max(1, 2), max(.5, 4), max(2, 1)) = 2 CU */
        {{0, 0, 1, 8 * GIB},                               0, 3600,       100000,  0         }, /* min(max(2, .5), max(1, 1), max(4, .25)) = 1 CU */
        {{0, 0, 1, 64 * GIB},                              0, 3600,       800000,  0         }, /* min(16, 8, 32) = 8 CU */
        {{0, 0, 64, 1 * GIB},                              0, 3600,       1600000, 0         }, /* min(32, 64, 16) = 16 CU */
        {{0, 100 * GIB, 0, 0},                             0, 3600,       25000,   0         }, /* 100 / 200 = 1/2 SU */
        {{0, 200 * GIB, 0, 0},                             0, 3600,       50000,   0         }, /* 1 SU */
        {{1200 * GIB, 0, 0, 0},                            0, 3600,       50000,   0         }, /* 1 SU */
        {{600 * GIB, 100 * GIB, 0, 0},                     0, 3600,       50000,   0         },
        {{0, 25 * GIB, 1, 2 * GIB},                        0, 3600,       56250,   0         }, /* 1/8 SU = 6 250, 1/2 CU = 50 000 */
        {{0, 0, 0, 0},                                     1, 3600,       40000,   40000     },
        {{0, 0, 0, 0},                                     2, 60,         1333,    1333      }, /* 2 * 40 000 / 60 = 1333.3 */
        {{0, 25 * GIB, 1, 2 * GIB},                        1, 60,         1604,    667       }, /* 56 250 / 60 = 937.5, + 666.67 = 1604.17 */
        {{0, 25 * GIB, 1, 2 * GIB},                        1, 6,          160,     67        }, /* 93.75 + 66.67 = 160.4 */
        {{1000 * GIB, 500 * GIB, 8, 32 * GIB},             4, 3600,       1126667, 160000    }, /* 3.333 SU, 8 CU, 4 addresses */
        {{1, 1, 1, 1},                                     1, 1,          18,      11        }, /* 6.94 + 11.11 */
        {{0, 0, 1, 0},                                     0, 1,          7,       0         }, /* 25 000 / 3600 = 6.9 */
        {{0, 0, 1, 0},                                     0, 7200,       50000,   0         },
        {{0, GIB, 0, 0},                                   0, 1,          0,       0         }, /* 50 000 / 3600 / 200 = 0.07 */
        {{0, 0, 2, 4 * GIB},                               0, 0,          0,       0         },
        {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
         UINT32_MAX,                                          UINT64_MAX,
         UINT64_MAX,                                                               UINT64_MAX}, /* B16 */
    };
    const tfgrid_pricing_policy_t policy = policy_one();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EQ(cost_of_resources(&policy, &cases[i].used, cases[i].ips, cases[i].seconds, true), cases[i].want);
        EQ(cost_of_resources(&policy, &cases[i].used, cases[i].ips, cases[i].seconds, false),
           cases[i].want_rented);
    }
}

/* The same amounts in other units: a unit is a power of 1024 of bytes. */
TEST(units_of_resources)
{
    tfgrid_pricing_policy_t policy = policy_one();
    const support_resources_t used = {.sru = 200 * GIB, .cru = 2, .mru = 4 * GIB};
    policy.su.unit                 = TFGRID_UNIT_TERRABYTES; /* 200 / 1024 / 200 SU = 48.8 */
    EQ(cost_of_resources(&policy, &used, 0, 3600, true), 100049);
    policy.su.unit = TFGRID_UNIT_GIGABYTES;
    policy.cu.unit = TFGRID_UNIT_MEGABYTES; /* 4096 MiB and 2 cores: min(1024, 512, 2048) = 512 CU */
    EQ(cost_of_resources(&policy, &used, 0, 3600, true), 51250000);
    policy.cu.unit = TFGRID_UNIT_TERRABYTES; /* 0.0039 TiB and 2 cores: min(1, 2, 1/2) = 1/2 CU */
    EQ(cost_of_resources(&policy, &used, 0, 3600, true), 100000);
}

/* (nru / 10^9) * 15 000 / 3600 * window */
TEST(network_cost)
{
    static const struct {
        uint64_t nru, window, want;
    } cases[] = {
        {1000000000, 3600,       15000          },
        {1000000000, 60,         250            },
        {5000000000, 3600,       75000          },
        {1000000,    3600,       15             },
        {1,          1,          0              },
        {0,          3600,       0              },
        {1000000000, 0,          0              },
        {33333333,   3600,       500            },
        {UINT64_MAX, 3600,       276701161105643},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX     },
    };
    const tfgrid_pricing_policy_t policy = policy_one();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EQ(cost_of_network(&policy.nu, cases[i].nru, cases[i].window), cases[i].want);
    EQ(cost_of_network(&(tfgrid_policy_t){15000, TFGRID_UNIT_BYTES}, 2, 3600), 30000);
}

/* fee * 10 000 * seconds / 2 592 000 */
TEST(extra_fee)
{
    EQ(cost_of_extra_fee(1000, 3600), 13889); /* 13 888.9 */
    EQ(cost_of_extra_fee(5000, 60), 1157);    /* 1157.4 */
    EQ(cost_of_extra_fee(50, 3600), 694);
    EQ(cost_of_extra_fee(1, 1), 0);
    EQ(cost_of_extra_fee(0, 3600), 0);
    EQ(cost_of_extra_fee(1, 2592000), 10000);
    EQ(cost_of_extra_fee(UINT64_MAX, UINT64_MAX), UINT64_MAX); /* B16: wide, then the greatest */
}

/* units / (price * 10 000) * 10^7, price = min(max(average, least), most) */
TEST(units_become_tft)
{
    static const struct {
        uint64_t units;
        uint32_t average, least, most;
        uint64_t want;
    } cases[] = {
        {100000,        50,   10,  1000, 2000000        },
        {1,             50,   10,  1000, 20             },
        {100000,        5,    10,  1000, 10000000       },
        {72222,         37,   10,  1000, 1951946        }, /* 1 951 945.95 */
        {12345678,      5000, 10,  999,  12358036       },
        {1000000000000, 3,    1,   1000, 333333333333333},
        {333,           7,    1,   1000, 47571          },
        {333,           0,    7,   1000, 47571          },
        {0,             50,   10,  1000, 0              },
        {UINT64_MAX,    1,    0,   1000, UINT64_MAX     },
        {100000,        50,   100, 60,   1666667        }, /* least above most: most decides */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t tft;
        world_start();
        tft_price_average_tft_price_put(rt, cases[i].average);
        tft_price_min_tft_price_put(rt, cases[i].least);
        tft_price_max_tft_price_put(rt, cases[i].most);
        EQ(cost_in_tft(rt, cases[i].units, &tft), DISPATCH_OK);
        EQ(tft, cases[i].want);
    }
}

TEST(b16_no_price_is_an_error)
{
    uint64_t tft;
    world_start();
    tft_price_max_tft_price_put(rt, 0);
    EQ(cost_in_tft(rt, 1, &tft), SMART_CONTRACT_TFT_PRICE_VALUE_ERROR);
    EQ(cost_in_tft(rt, 0, &tft), DISPATCH_OK);
}

/* monthly = tft * 3600 / seconds * 24 * 30; for 2 000 000 an hour 1 440 000 000.  The factors are binary64's:
 * 0.4 and 0.8 a little more than written, 0.6 and 0.7 a little less. */
TEST(discounts)
{
    enum { NONE, DEFAULT, BRONZE, SILVER, GOLD };
    const struct {
        uint64_t tft, seconds;
        u128_t balance;
        bool is_certified;
        uint64_t want, level;
    } cases[] = {
        {2000000, 3600,        0,              false, 2000000, NONE   },
        {2000000, 3600,        2159999999,     false, 2000000, NONE   }, /* 1.5 months less one unit */
        {2000000, 3600,        2160000000,     false, 1600000, DEFAULT}, /* 1.5 months */
        {2000000, 3600,        4319999999,     false, 1600000, DEFAULT},
        {2000000, 3600,        4320000000,     false, 1400000, BRONZE }, /* 3 */
        {2000000, 3600,        8639999999,     false, 1400000, BRONZE },
        {2000000, 3600,        8640000000,     false, 1200000, SILVER }, /* 6 */
        {2000000, 3600,        25919999999,    false, 1200000, SILVER },
        {2000000, 3600,        25920000000,    false, 800000,  GOLD   }, /* 18 */
        {2000000, 3600,        0,              true,  2500000, NONE   }, /* certified: a quarter more */
        {2000000, 3600,        25920000000,    true,  1000000, GOLD   },
        {33340,   60,          10000000000,    false, 20004,   SILVER }, /* monthly 1 440 288 000: 6.94 */
        {3,       3600,        0,              true,  4,       NONE   }, /* 3.75 */
        {2,       3600,        0,              true,  3,       NONE   }, /* 2.5: a half rounds up */
        {3,       3600,        1000000000000,  true,  2,       GOLD   }, /* 3 * 0.4 * 1.25 = 1.5 and a little */
        {2,       3600,        8640,           true,  1,       SILVER }, /* 2 * 0.6 * 1.25 = 1.5 less a little */
        {5,       3600,        10800,          false, 3,       BRONZE }, /* 5 * 0.7 = 3.5 less a little */
        {7,       3600,        1000000000000,  false, 3,       GOLD   }, /* 2.8 */
        {1999999, 60,          10000000000000, true,  1000000, GOLD   }, /* 999 999.5 and a little */
        {1,       10000000000, 0,              false, 0,       GOLD   }, /* B16: monthly rounds to 0 */
        {0,       3600,        0,              false, 0,       NONE   },
        {1,       1,           U128_MAX,       false, 0,       GOLD   },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        smart_contract_discount_level_t level;
        EQ(cost_discounted(cases[i].tft, cases[i].seconds, cases[i].balance, cases[i].is_certified, &level),
           cases[i].want);
        EQ(level, cases[i].level);
    }
}

/* A rent pays for the whole node: 1000 / 1200 + 1000 / 200 = 5.833 SU = 291 667, min(max(8, 4), 8, 16) = 8 CU
 * = 800 000; 1 091 667 an hour. */
TEST(b11_the_rent_discount_is_taken_off)
{
    static const struct {
        uint8_t discount;
        uint64_t want;
    } cases[] = {
        {50,  545833 },
        {0,   1091667},
        {100, 0      },
        {40,  655000 },
        {255, 0      },
        {1,   1080750}
    }; /* .5, .2 and .33: halves down */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tfgrid_pricing_policy_t policy = policy_one();
        support_node_t node;
        world_farm(&farmer, BYTES("farm"), 0);
        world_node(&node_account, 1);
        OK(tfgrid_nodes_get(rt, 1, &node));
        policy.discount_for_dedication_nodes = cases[i].discount;
        contract_t rent                      = {
                                 .contract_id   = 1,
                                 .contract_type = {.kind = SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT, .rent_contract = {1}}
        };
        EQ(cost_of_contract(rt, &rent, &node, &policy, 3600), cases[i].want);
        EQ(cost_of_contract(rt, &rent, &node, &policy, 0), 0);
    }
}

/* 2500 / 3600 * seconds */
TEST(name_cost)
{
    static const uint64_t cases[][2] = {
        {3600, 2500},
        {60,   42  },
        {1,    1   },
        {30,   21  },
        {7200, 5000},
        {0,    0   }
    };
    const tfgrid_pricing_policy_t policy = policy_one();
    const contract_t name                = {.contract_id   = 1,
                                            .contract_type = {.kind = SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EQ(cost_of_contract(rt, &name, &(support_node_t){0}, &policy, cases[i][0]), cases[i][1]);
}

TEST_MAIN()
