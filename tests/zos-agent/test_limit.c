/* How often a twin may ask. */
#include "limit.h"
#include "test.h"

#include <string.h>

static limit_t limit;

static uint32_t taken(uint32_t twin, uint64_t now_ms)
{
    uint32_t count = 0;
    while (count < 10000 && limit_take(&limit, twin, now_ms))
        count++;
    return count;
}

TEST(a_bucket_empties_and_fills_again)
{
    memset(&limit, 0, sizeof limit);
    EQ(taken(7, 1000), LIMIT_BURST);
    EQ(taken(7, 1000), 0);
    EQ(taken(7, 1000 + 60000 / LIMIT_A_MINUTE * 3), 3);
    EQ(taken(7, 500), 0); /* a clock that goes back gives nothing, and hangs nothing */
    EQ(taken(7, 3600000), LIMIT_BURST);
    EQ(taken(8, 3600000), LIMIT_BURST);
}

/* Two twins, then many, that take turns get no more than each alone. */
TEST(twins_that_take_turns_get_no_fresh_bucket)
{
    memset(&limit, 0, sizeof limit);
    uint32_t count = 0;
    for (uint32_t i = 0; i < 10000; i++)
        count += limit_take(&limit, i % 2 ? 1 : 1 + 1024, 1000);
    EQ(count, 2 * LIMIT_BURST);
    memset(&limit, 0, sizeof limit);
    count = 0;
    for (uint32_t turn = 0; turn < 3 * LIMIT_BURST; turn++)
        for (uint32_t twin = 1; twin <= 4096; twin++)
            count += limit_take(&limit, twin, 1000);
    OK(count <= LIMIT_SETS * LIMIT_WAYS * LIMIT_BURST);
    OK(taken(5000, 1000 + 60000) > 0); /* a minute later there is room for everybody */
}

TEST_MAIN()
