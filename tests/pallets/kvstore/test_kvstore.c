/* What an account keeps under keys of its own. */
#include "test.h"
#include "world.h"

static uint8_t filled[2049];

static dispatch_t set(const account_id_t *who, bytes_t key, bytes_t value)
{
    return CALL(*who, kvstore_set, .key = key, .value = value);
}

TEST(values_are_kept_for_each_account)
{
    world_start();
    EQ(set(&alice, BYTES("key"), BYTES("hers")), DISPATCH_OK);
    EQ(world_event_count(30, 0), 1);
    EQ(set(&bob, BYTES("key"), BYTES("his")), DISPATCH_OK);
    EQ(set(&bob, BYTES("key"), BYTES("his own")), DISPATCH_OK);
    OK(bytes_equal(kvstore_tfkv_store_get(rt, &alice, BYTES("key")), BYTES("hers")));
    OK(bytes_equal(kvstore_tfkv_store_get(rt, &bob, BYTES("key")), BYTES("his own")));
    EQ(CALL(bob, kvstore_delete, .key = BYTES("key")), DISPATCH_OK);
    const runtime_event_t *taken = world_event(30, 2, 0);
    OK(taken && bytes_equal(taken->kvstore.entry_taken.value, BYTES("his own")));
    EQ(CALL(bob, kvstore_delete, .key = BYTES("key")), KVSTORE_NO_VALUE_STORED);
    OK(kvstore_tfkv_store_exists(rt, &alice, BYTES("key")));
}

TEST(keys_and_values_have_limits)
{
    world_start();
    EQ(set(&alice, (bytes_t){filled, 512}, (bytes_t){filled, 2048}), DISPATCH_OK);
    EQ(set(&alice, (bytes_t){filled, 513}, BYTES("v")), KVSTORE_KEY_IS_TOO_LARGE);
    EQ(set(&alice, BYTES("k"), (bytes_t){filled, 2049}), KVSTORE_VALUE_IS_TOO_LARGE);
    EQ(CALL(alice, kvstore_delete, .key = {filled, 2049}), KVSTORE_NO_VALUE_STORED);
    EQ(set(&alice, BYTES(""), BYTES("")), DISPATCH_OK);
    EQ(CALL(alice, kvstore_delete, .key = BYTES("")), DISPATCH_OK);
}

TEST_MAIN()
