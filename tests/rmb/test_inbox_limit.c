/* test_inbox_limit.c - what one address may post in a minute. */
#include "inbox_limit.h"
#include "test.h"

TEST(an_address_has_a_count_a_minute)
{
    inbox_limit_t *limit = inbox_limit_new(2, 0);
    OK(inbox_limit_take(limit, "10.0.0.1", 1, 600));
    OK(inbox_limit_take(limit, "10.0.0.1", 1, 659));
    OK(!inbox_limit_take(limit, "10.0.0.1", 1, 659));
    OK(!inbox_limit_take(limit, "::ffff:10.0.0.1", 1, 659));
    OK(inbox_limit_take(limit, "10.0.0.2", 1, 659));
    OK(inbox_limit_take(limit, "10.0.0.1", 1, 660));
    EQ(inbox_limit_refused(limit), 2);
    inbox_limit_free(limit);
}

TEST(bytes_count_too_and_a_network_is_one_address)
{
    inbox_limit_t *limit = inbox_limit_new(0, 100);
    OK(inbox_limit_take(limit, "2001:db8::1", 60, 0));
    OK(!inbox_limit_take(limit, "2001:db8::2", 60, 0));
    OK(inbox_limit_take(limit, "2001:db8:0:1::2", 60, 0));
    OK(!inbox_limit_take(limit, "10.0.0.1", 101, 0));
    inbox_limit_free(limit);
}

TEST(without_limits_all_pass)
{
    inbox_limit_t *limit = inbox_limit_new(0, 0);
    for (int i = 0; i < 1000; i++)
        OK(inbox_limit_take(limit, "10.0.0.1", UINT32_MAX, 0));
    inbox_limit_free(limit);
}

TEST(too_many_addresses_share_one_count)
{
    inbox_limit_t *limit = inbox_limit_new(1, 0);
    char address[32];
    for (uint32_t i = 0; i < INBOX_ADDRESSES_MAX; i++) {
        snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        OK(inbox_limit_take(limit, address, 1, 0));
    }
    OK(inbox_limit_take(limit, "11.0.0.1", 1, 0));
    OK(!inbox_limit_take(limit, "11.0.0.2", 1, 0));
    OK(!inbox_limit_take(limit, "10.0.0.0", 1, 0));
    OK(inbox_limit_take(limit, "11.0.0.2", 1, 60));
    inbox_limit_free(limit);
}

TEST_MAIN()
