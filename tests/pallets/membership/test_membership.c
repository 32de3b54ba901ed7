/* test_membership.c - who sits in the council. */
#include "blocks.h"
#include "collective/accounts.h"
#include "membership/membership.h"
#include "test.h"

static void start(void)
{
    blocks_start();
    block_open();
}

static account_id_vec_t council(void)
{
    account_id_vec_t members;
    council_members_get(&rt, &members);
    return members;
}

static bool both_are_sorted(uint32_t count)
{
    account_id_vec_t a, b = council();
    council_membership_members_get(&rt, &a);
    if (a.len != count || b.len != count) return false;
    for (uint32_t i = 0; i < count; i++)
        if (accounts_compare(&a.items[i], &b.items[i]) != 0 ||
            (i > 0 && accounts_compare(&a.items[i - 1], &a.items[i]) >= 0))
            return false;
    return true;
}

TEST(members_come_and_go)
{
    start();
    OK(both_are_sorted(3));
    EQ(membership_add(&rt, &eve.account), DISPATCH_OK);
    OK(both_are_sorted(4));
    EQ(membership_add(&rt, &eve.account), COUNCIL_MEMBERSHIP_ALREADY_MEMBER);
    EQ(membership_remove(&rt, &bob.account), DISPATCH_OK);
    EQ(membership_remove(&rt, &bob.account), COUNCIL_MEMBERSHIP_NOT_MEMBER);
    OK(both_are_sorted(3));
    OK(!accounts_contain(council(), &bob.account));
    blocks_stop();
}

TEST(a_stranger_changes_nothing)
{
    start();
    EQ(APPLY(alice, council_membership_add_member, .who = ID(eve)), VALID);
    EQ(last_result, DISPATCH_BAD_ORIGIN);
    EQ(APPLY(eve, council_membership_change_key, .new = ID(bob)), VALID);
    EQ(last_result, COUNCIL_MEMBERSHIP_NOT_MEMBER);
    blocks_stop();
}

TEST(a_member_changes_its_key_and_stays_prime)
{
    start();
    council_membership_set_prime_args_t prime = {.who = ID(bob)};
    EQ(council_membership_set_prime(&rt, &prime), DISPATCH_OK);
    EQ(APPLY(bob, council_membership_change_key, .new = ID(eve)), VALID);
    EQ(last_result, DISPATCH_OK);
    OK(both_are_sorted(3));
    account_id_t now;
    OK(council_prime_get(&rt, &now) && accounts_compare(&now, &eve.account) == 0);
    OK(council_membership_prime_get(&rt, &now) && accounts_compare(&now, &eve.account) == 0);
    EQ(APPLY(eve, council_membership_change_key, .new = ID(alice)), VALID);
    EQ(last_result, COUNCIL_MEMBERSHIP_ALREADY_MEMBER);
    blocks_stop();
}

TEST(a_prime_that_leaves_is_none)
{
    start();
    account_id_t now;
    council_membership_set_prime_args_t prime = {.who = ID(bob)};
    EQ(council_membership_set_prime(&rt, &prime), DISPATCH_OK);
    EQ(membership_add(&rt, &eve.account), DISPATCH_OK);
    OK(council_prime_get(&rt, &now)); /* others come: it stays */
    EQ(membership_remove(&rt, &bob.account), DISPATCH_OK);
    OK(!council_prime_exists(&rt));
    OK(!council_membership_prime_exists(&rt));
    blocks_stop();
}

TEST(who_leaves_loses_its_votes)
{
    start();
    council_votes_t votes = {.threshold = 2, .end = 100};
    account_id_t ayes[] = {alice.account, bob.account}, nays[] = {charlie.account};
    hash_t hash = {{7}};
    votes.ayes  = (account_id_vec_t){ayes, 2};
    votes.nays  = (account_id_vec_t){nays, 1};
    council_proposals_put(&rt, (hash_vec_t){&hash, 1});
    council_voting_put(&rt, &hash, &votes);
    EQ(membership_remove(&rt, &bob.account), DISPATCH_OK);
    EQ(membership_remove(&rt, &charlie.account), DISPATCH_OK);
    OK(council_voting_get(&rt, &hash, &votes));
    EQ(votes.ayes.len, 1);
    EQ(votes.nays.len, 0);
    blocks_stop();
}

TEST(swap_and_reset_keep_the_order)
{
    start();
    council_membership_swap_member_args_t swap = {.remove = ID(alice), .add = ID(eve)};
    EQ(council_membership_swap_member(&rt, &swap), DISPATCH_OK);
    OK(both_are_sorted(3));
    EQ(council_membership_swap_member(&rt, &swap), COUNCIL_MEMBERSHIP_NOT_MEMBER);
    account_id_t all[] = {alice.account, eve.account, bob.account, charlie.account};
    council_membership_reset_members_args_t reset = {
        .members = {all, 4}
    };
    EQ(council_membership_reset_members(&rt, &reset), DISPATCH_OK);
    OK(both_are_sorted(4));
    blocks_stop();
}

TEST_MAIN()
