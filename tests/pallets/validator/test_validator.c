/* People who ask to run a validator. */
#include "test.h"
#include "world.h"

enum { VALIDATOR = 50 };

static const account_id_t machine =
                              {
                                  {0x77, 1}
},
                          other_machine = {{0x77, 2}};

/* The council is council and sales; the validator set holds two, so that one may go. */
static void start(void)
{
    static account_id_t members[2], set[2];
    world_start();
    members[0] = sales;
    members[1] = council;
    set[0]     = validator;
    set[1]     = farmer;
    council_membership_members_put(rt, (account_id_vec_t){members, 2});
    council_members_put(rt, (account_id_vec_t){members, 2});
    validator_set_validators_put(rt, (account_id_vec_t){set, 2});
    validator_set_approved_validators_put(rt, (account_id_vec_t){set, 2});
}

static support_multi_address_t address(const account_id_t *who)
{
    return (support_multi_address_t){.kind = SUPPORT_MULTI_ADDRESS_ID, .id = *who};
}

static dispatch_t request(const account_id_t *who)
{
    return CALL(*who, validator_create_validator_request, .validator_node_account = machine,
                .stash_account = *who, .description = BYTES("d"), .tf_connect_id = BYTES("t"),
                .info = BYTES("i"));
}
static dispatch_t approve(const account_id_t *who, const account_id_t *whom)
{
    return CALL(*who, validator_approve_validator, .validator_account = address(whom));
}
static dispatch_t remove_it(const account_id_t *who, const account_id_t *whom)
{
    return CALL(*who, validator_remove_validator, .validator_account = address(whom));
}
static dispatch_t activate(const account_id_t *who)
{
    const origin_t origin = from(who);
    return world_apply(&origin, BYTES("\x32\x01"));
}

static bool is_in(account_id_vec_t list, const account_id_t *who)
{
    for (uint32_t i = 0; i < list.len; i++)
        if (memcmp(list.items[i].b, who->b, 32) == 0) return true;
    return false;
}
static bool makes_blocks(const account_id_t *who)
{
    account_id_vec_t set;
    validator_set_validators_get(rt, &set);
    return is_in(set, who);
}
static bool is_member(const account_id_t *who)
{
    account_id_vec_t members;
    council_membership_members_get(rt, &members);
    return is_in(members, who);
}

TEST(asked_approved_activated)
{
    validator_validator_t stored;
    start();
    EQ(activate(&alice), VALIDATOR_VALIDATOR_NOT_FOUND);
    EQ(request(&alice), DISPATCH_OK);
    EQ(world_event_count(VALIDATOR, 1), 1);
    EQ(request(&alice), VALIDATOR_DUPLICATE_VALIDATOR);
    EQ(activate(&alice), VALIDATOR_VALIDATOR_NOT_APPROVED);
    EQ(approve(&bob, &alice), VALIDATOR_NOT_COUNCIL_MEMBER);
    EQ(approve(&sales, &bob), VALIDATOR_VALIDATOR_NOT_FOUND);
    EQ(approve(&sales, &alice), DISPATCH_OK);
    EQ(world_event_count(VALIDATOR, 2), 1);
    OK(is_member(&alice));
    EQ(activate(&alice), DISPATCH_OK);
    EQ(world_event_count(VALIDATOR, 3), 1);
    OK(makes_blocks(&machine));
    EQ(activate(&alice), VALIDATOR_VALIDATOR_VALIDATING_ALREADY);
    OK(validator_validator_get(rt, &alice, &stored));
    EQ(stored.state, VALIDATOR_VALIDATOR_REQUEST_STATE_VALIDATING);
}

TEST(another_machine_takes_over)
{
    start();
    EQ(CALL(alice, validator_change_validator_node_account, .new_node_validator_account = other_machine),
       VALIDATOR_VALIDATOR_NOT_FOUND);
    EQ(request(&alice), DISPATCH_OK);
    EQ(approve(&sales, &alice), DISPATCH_OK);
    EQ(activate(&alice), DISPATCH_OK);
    EQ(CALL(alice, validator_change_validator_node_account, .new_node_validator_account = other_machine),
       DISPATCH_OK);
    EQ(world_event_count(VALIDATOR, 5), 1);
    EQ(world_event_count(VALIDATOR, 6), 1);
    OK(makes_blocks(&other_machine) && !makes_blocks(&machine));
}

TEST(b31_who_is_removed_makes_no_blocks)
{
    start();
    EQ(request(&alice), DISPATCH_OK);
    EQ(approve(&sales, &alice), DISPATCH_OK);
    EQ(activate(&alice), DISPATCH_OK);
    EQ(remove_it(&bob, &alice), VALIDATOR_BAD_ORIGIN);
    EQ(remove_it(&sales, &bob), VALIDATOR_VALIDATOR_NOT_FOUND);
    EQ(remove_it(&sales, &alice), DISPATCH_OK);
    EQ(world_event_count(VALIDATOR, 4), 1);
    OK(!makes_blocks(&machine) && !is_member(&alice));
    OK(!validator_validator_exists(rt, &alice));
    EQ(request(&alice), DISPATCH_OK); /* and may ask again, or go by itself */
    EQ(remove_it(&alice, &alice), DISPATCH_OK);
}

TEST(a_stash_is_bonded_once)
{
    account_id_t bonded;
    start();
    EQ(CALL(bob, validator_bond, .validator = address(&alice)), DISPATCH_OK);
    EQ(world_event_count(VALIDATOR, 0), 1);
    EQ(CALL(bob, validator_bond, .validator = address(&farmer)), VALIDATOR_ALREADY_BONDED);
    OK(validator_bonded_get(rt, &bob, &bonded));
    EQ(memcmp(bonded.b, alice.b, 32), 0);
}

TEST_MAIN()
