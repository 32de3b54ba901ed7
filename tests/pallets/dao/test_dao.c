/* Farmers vote on what the council proposes. */
#include "hash.h"
#include "test.h"
#include "world.h"

enum { DAO = 43, DAY = 14400 };

static hash_t proposal; /* of the one proposal of a test: set_connection_price(99) */

/* Five farms with a node of 68 each; the council is alice, bob and council. */
static void start(void)
{
    static account_id_t members[3], people[10];
    static char names[5][8];
    world_start();
    members[0] = alice;
    members[1] = bob;
    members[2] = council;
    council_membership_members_put(rt, (account_id_vec_t){members, 3});
    for (uint8_t i = 0; i < 10; i++)
        people[i] = (account_id_t){
            {0x70, i}
        };
    for (uint8_t i = 0; i < 5; i++) {
        snprintf(names[i], sizeof names[i], "farm-%d", i);
        world_give(&people[i], (u128_t)10 * TFT);
        world_farm(&people[i], bytes_text(names[i]), 0);
        world_node(&people[i + 5], i + 1U);
    }
}

static account_id_t farmer_of(uint32_t farm)
{
    return (account_id_t){
        {0x70, (uint8_t)(farm - 1)}
    };
}

static dispatch_t propose(const account_id_t *who, uint32_t threshold, u32_opt_t duration)
{
    static uint8_t encoded[] = {25, 29, 99, 0, 0, 0};
    runtime_call_t *call     = arena_take(&rt->arena, sizeof *call);
    scale_reader_t r         = scale_reader((bytes_t){encoded, sizeof encoded}, &rt->arena);
    runtime_call_decode(&r, call);
    proposal = blake2_256((bytes_t){encoded, sizeof encoded});
    return CALL(*who, dao_propose, .threshold = threshold, .action = call, .description = BYTES("d"),
                .link = BYTES("l"), .duration = duration);
}

static dispatch_t vote(uint32_t farm, bool approve)
{
    const account_id_t who = farmer_of(farm);
    return CALL(who, dao_vote, .farm_id = farm, .proposal_hash = proposal, .approve = approve);
}

static dispatch_t close_it(const account_id_t *who, uint32_t index)
{
    return CALL(*who, dao_close, .proposal_hash = proposal, .proposal_index = index);
}

TEST(b33_the_council_proposes_within_limits)
{
    static const struct {
        uint32_t threshold;
        u32_opt_t duration;
        dispatch_t want;
    } cases[] = {
        {5, {0},                  DISPATCH_OK                  },
        {4, {0},                  DAO_THRESHOLD_TOO_LOW        },
        {5, {true, DAY},          DISPATCH_OK                  },
        {5, {true, DAY - 1},      DAO_INVALID_PROPOSAL_DURATION},
        {5, {true, 30 * DAY - 1}, DISPATCH_OK                  },
        {5, {true, 30 * DAY},     DAO_INVALID_PROPOSAL_DURATION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start();
        EQ(propose(&farmer, cases[i].threshold, cases[i].duration), DAO_NOT_COUNCIL_MEMBER);
        EQ(propose(&alice, cases[i].threshold, cases[i].duration), cases[i].want);
        EQ(world_event_count(DAO, 1), cases[i].want == DISPATCH_OK);
        if (cases[i].want != DISPATCH_OK) continue;
        EQ(propose(&bob, 5, (u32_opt_t){0}), DAO_DUPLICATE_PROPOSAL);
        dao_dao_votes_t votes;
        OK(dao_voting_get(rt, &proposal, &votes));
        EQ(votes.end, world_block() + (cases[i].duration.some ? cases[i].duration.value : 7 * DAY));
        EQ(votes.index, 0);
    }
}

TEST(a_farm_votes_once_and_may_change_its_mind)
{
    dao_dao_votes_t votes;
    start();
    EQ(vote(1, true), DAO_PROPOSAL_MISSING);
    EQ(propose(&alice, 5, (u32_opt_t){0}), DISPATCH_OK);
    EQ(CALL(alice, dao_vote, .farm_id = 9, .proposal_hash = proposal, .approve = true), DAO_FARM_NOT_EXISTS);
    EQ(CALL(alice, dao_vote, .farm_id = 1, .proposal_hash = proposal, .approve = true),
       DAO_NOT_AUTHORIZED_TO_VOTE);
    EQ(vote(1, true), DISPATCH_OK);
    OK(rt->pays_no_fee);
    EQ(vote(1, true), DAO_DUPLICATE_VOTE);
    EQ(vote(2, true), DISPATCH_OK);
    EQ(vote(1, false), DISPATCH_OK);
    OK(!rt->pays_no_fee); /* changing sides is paid */
    OK(dao_voting_get(rt, &proposal, &votes));
    EQ(votes.ayes.len, 1);
    EQ(votes.nays.len, 1);
    EQ(votes.nays.items[0].farm_id, 1);
    EQ(votes.nays.items[0].weight, 68);
    const account_id_t third = farmer_of(3);
    EQ(CALL(third, tfgrid_delete_node_farm, .node_id = 3), DISPATCH_OK);
    EQ(vote(3, true), DAO_FARM_HAS_NO_NODES);
    world_skip(7 * DAY + 1, 60);
    EQ(vote(4, true), DAO_TIME_LIMIT_REACHED);
}

TEST(an_approved_call_is_made_as_root)
{
    start();
    EQ(propose(&alice, 5, (u32_opt_t){0}), DISPATCH_OK);
    for (uint32_t farm = 1; farm <= 4; farm++)
        EQ(vote(farm, true), DISPATCH_OK);
    EQ(close_it(&alice, 0), DAO_ONGOING_VOTE_AND_TRESHOLD_STILL_NOT_MET);
    EQ(vote(5, false), DISPATCH_OK);
    EQ(close_it(&farmer, 0), DAO_NOT_COUNCIL_MEMBER);
    EQ(close_it(&alice, 1), DAO_WRONG_INDEX);
    EQ(close_it(&alice, 0), DISPATCH_OK);
    OK(rt->pays_no_fee);
    EQ(tfgrid_connection_price_get(rt), 99);
    EQ(world_event_count(DAO, 5), 1);
    EQ(world_event_count(DAO, 2), 1);
    EQ(world_event_count(25, 21), 1);
    const runtime_event_t *executed = world_event(DAO, 4, 0);
    OK(executed);
    OK(!dao_voting_exists(rt, &proposal) && !dao_proposals_exists(rt, &proposal) &&
       !dao_proposal_of_exists(rt, &proposal));
    hash_vec_t list;
    dao_proposal_list_get(rt, &list);
    EQ(list.len, 0);
    EQ(propose(&alice, 5, (u32_opt_t){0}), DISPATCH_OK);
    EQ(close_it(&alice, 1), DAO_ONGOING_VOTE_AND_TRESHOLD_STILL_NOT_MET); /* the next one has number 1 */
}

TEST(too_few_votes_at_the_end_disapprove)
{
    start();
    EQ(propose(&alice, 5, (u32_opt_t){0}), DISPATCH_OK);
    for (uint32_t farm = 1; farm <= 4; farm++)
        EQ(vote(farm, true), DISPATCH_OK);
    world_skip(7 * DAY, 60);
    EQ(close_it(&alice, 0), DISPATCH_OK);
    EQ(world_event_count(DAO, 3), 1);
    EQ(tfgrid_connection_price_get(rt), 80);
}

TEST(three_vetos_close)
{
    start();
    EQ(propose(&alice, 5, (u32_opt_t){0}), DISPATCH_OK);
    EQ(CALL(farmer, dao_veto, .proposal_hash = proposal), DAO_NOT_COUNCIL_MEMBER);
    EQ(CALL(alice, dao_veto, .proposal_hash = proposal), DISPATCH_OK);
    EQ(CALL(alice, dao_veto, .proposal_hash = proposal), DAO_DUPLICATE_VETO);
    EQ(CALL(bob, dao_veto, .proposal_hash = proposal), DISPATCH_OK);
    OK(dao_voting_exists(rt, &proposal));
    EQ(CALL(council, dao_veto, .proposal_hash = proposal), DISPATCH_OK);
    EQ(world_event_count(DAO, 6), 1);
    EQ(world_event_count(DAO, 3), 1);
    OK(!dao_voting_exists(rt, &proposal));
}

TEST_MAIN()
