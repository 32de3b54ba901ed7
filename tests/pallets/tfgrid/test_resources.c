/* What a node's resources amount to. */
#include "test.h"
#include "tfgrid/resources.h"

#define GIB (UINT64_C(1) << 30)

/* c = cru * 2 * GIB * 1000, m = (mru - 1) * GIB * 1000 / 4, s = sru * 1000 / 50; the strict least of them,
 * over GIB and over 1000, twice.  m takes bytes, so it is never the least of a real node. */
TEST(computing_units)
{
    static const struct {
        node_size_t size;
        uint64_t want;
    } cases[] = {
        {{0, 1000 * GIB, 8, 32 * GIB}, 32}, /* c = 16 000 GIB, s = 20 000 GIB: 2 * 16 */
        {{0, 500 * GIB, 8, 32 * GIB},  20}, /* s = 10 000 GIB: 2 * 10 */
        {{0, 100 * GIB, 1, 2 * GIB},   0 }, /* G9: c = 2 000 GIB and s = 2 000 GIB tie */
        {{0, 120 * GIB, 1, 2 * GIB},   4 }, /* c = 2 000 GIB: 2 * 2 */
        {{100 * GIB, 0, 1, 2 * GIB},   0 }, /* s = 0 */
        {{0, 1000 * GIB, 0, 2 * GIB},  0 },
        {{0, 1000 * GIB, 8, 1},        0 }, /* m = 0 */
        {{0, 74 * GIB, 4, 16 * GIB},   2 }, /* s = 1 480 GIB: 2 * 1 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EQ(resources_cu(cases[i].size), cases[i].want);
}

/* (hru * 1000 / 1200 + sru * 1000 / 250) / GIB / 1000 */
TEST(storage_units)
{
    EQ(resources_su((node_size_t){1200 * GIB, 0, 1, GIB}), 1);
    EQ(resources_su((node_size_t){1199 * GIB, 0, 1, GIB}), 0);
    EQ(resources_su((node_size_t){0, 250 * GIB, 1, GIB}), 1);
    EQ(resources_su((node_size_t){600 * GIB, 125 * GIB, 1, GIB}), 1);
    EQ(resources_su((node_size_t){12000 * GIB, 1000 * GIB, 1, GIB}), 14);
    EQ(resources_su((node_size_t){UINT64_MAX, UINT64_MAX, 1, GIB}),
       83036034); /* 2^34 GiB of each: 14 316 557.7 + 68 719 476.7 */
}

TEST(weight_is_twice_cu_and_su)
{
    EQ(resources_weight((node_size_t){1200 * GIB, 1000 * GIB, 8, 32 * GIB}), 2 * 32 + 1 + 4);
}

/* One percent of 1000 is 10, of 1050 is 10.5 and rounds down, of 1051 is 10.51 and rounds up. */
TEST(a_change_is_more_than_one_percent)
{
    static const struct {
        uint64_t before, after;
        bool want;
    } cases[] = {
        {1000, 1000,       false},
        {1000, 1010,       false},
        {1000, 990,        false},
        {1000, 1011,       true },
        {1000, 989,        true },
        {1050, 1060,       false},
        {1050, 1061,       true },
        {1051, 1062,       false},
        {1051, 1063,       true },
        {8,    9,          true },
        {0,    1,          true },
        {0,    0,          false},
        {50,   51,         true },
        {51,   52,         false},
        {0,    UINT64_MAX, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        node_size_t before = {5, 5, cases[i].before, 5}, after = {5, 5, cases[i].after, 5};
        EQ(resources_changed(before, after), cases[i].want);
    }
    OK(resources_changed((node_size_t){1, 2, 3, 4}, (node_size_t){2, 2, 3, 4}));
    OK(resources_changed((node_size_t){1, 2, 3, 4}, (node_size_t){1, 3, 3, 4}));
    OK(resources_changed((node_size_t){1, 2, 3, 4}, (node_size_t){1, 2, 3, 5}));
}

TEST_MAIN()
