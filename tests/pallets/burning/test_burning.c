/* TFT that its owner destroys. */
#include "test.h"
#include "world.h"

TEST(b32_what_was_taken_is_recorded)
{
    burning_burn_vec_t burns;
    world_start();
    const u128_t issuance = world_issuance(), before = world_free(&alice);
    EQ(CALL(alice, burning_burn_tft, .amount = before + 1, .message = BYTES("m")),
       BURNING_NOT_ENOUGH_BALANCE_TO_BURN);
    EQ(CALL(alice, burning_burn_tft, .amount = 1000, .message = BYTES("why not")), DISPATCH_OK);
    EQ(world_event_count(29, 0), 1);
    EQ(world_free(&alice), before - 1000);
    EQ(world_issuance(), issuance - 1000);

    /* something holds alice's account: it keeps its existential deposit */
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("name")),
       SMART_CONTRACT_TWIN_NOT_EXISTS);
    world_twin(&alice);
    EQ(CALL(alice, smart_contract_create_name_contract, .name = BYTES("name")), DISPATCH_OK);
    world_blocks(11);
    OK(world_reserved(&alice) > 0);
    const u128_t left = world_free(&alice);
    EQ(CALL(alice, burning_burn_tft, .amount = left, .message = BYTES("all")), DISPATCH_OK);
    EQ(world_free(&alice), EXISTENTIAL);
    OK(burning_burns_get(rt, &burns));
    EQ(burns.len, 2);
    EQ(burns.items[0].amount, 1000);
    OK(bytes_equal(burns.items[0].message, BYTES("why not")));
    EQ(burns.items[1].amount, left - EXISTENTIAL);
    EQ(world_event(29, 0, 0)->burning.burn_transaction_created.amount, left - EXISTENTIAL);
    OK(world_is_sound());
}

TEST(a_message_has_a_limit)
{
    static uint8_t text[1025];
    burning_burn_vec_t burns;
    world_start();
    EQ(CALL(alice, burning_burn_tft, .amount = 1, .message = {text, 1025}), DISPATCH_EXHAUSTED);
    EQ(CALL(alice, burning_burn_tft, .amount = 1, .message = {text, 1024}), DISPATCH_OK);
    EQ(CALL(bob, burning_burn_tft, .amount = 2, .message = BYTES("")), DISPATCH_OK);
    OK(burning_burns_get(rt, &burns));
    EQ(burns.len, 2);
    EQ(burns.items[0].message.len, 1024);
    EQ(burns.items[1].amount, 2);
    EQ(memcmp(burns.items[1].target.b, bob.b, 32), 0);
}

TEST_MAIN()
