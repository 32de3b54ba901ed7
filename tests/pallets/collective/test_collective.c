/* test_collective.c - motions of the council: proposed, voted on, closed, run. */
#include "blocks.h"
#include "collective/council.h"
#include "hash.h"
#include "test.h"

#define BOUND                                                                                                \
    {                                                                                                        \
        .ref_time = UINT64_C(10000000000), .proof_size = 1000000                                             \
    }

static runtime_call_t motion;
static hash_t hash;
static uint8_t motion_room[256];

/* A motion that only the council may run: the price of a connection. */
static void make_motion(uint32_t price)
{
    scale_writer_t w = scale_writer(motion_room, sizeof motion_room);
    tfgrid_set_connection_price_call_encode(&w, &(tfgrid_set_connection_price_args_t){.price = price});
    static uint8_t memory[65536];
    static arena_t arena;
    arena            = (arena_t){memory, sizeof memory, 0};
    scale_reader_t r = scale_reader(scale_written(&w), &arena);
    runtime_call_decode(&r, &motion);
    hash = blake2_256(motion.encoded);
}

static void start(void)
{
    blocks_start();
    block_open();
    make_motion(77);
}

static dispatch_t propose(const keypair_t *who, uint32_t threshold)
{
    if (apply(signed_call(who, CALL_BYTES(council_propose, .threshold = threshold, .proposal = &motion,
                                          .length_bound = 1000))) != VALID)
        return UINT32_MAX;
    return last_result;
}

static dispatch_t vote(const keypair_t *who, bool approve)
{
    if (apply(signed_call(who, CALL_BYTES(council_vote, .proposal = hash, .index = 0, .approve = approve))) !=
        VALID)
        return UINT32_MAX;
    return last_result;
}

static dispatch_t close_motion(const keypair_t *who)
{
    if (apply(signed_call(who, CALL_BYTES(council_close, .proposal_hash = hash, .index = 0,
                                          .proposal_weight_bound = BOUND, .length_bound = 1000))) != VALID)
        return UINT32_MAX;
    return last_result;
}

static bool told(const char *names) { return strstr(event_names(block_count - 1), names) != NULL; }

TEST(two_of_three_run_a_motion)
{
    start();
    EQ(propose(&alice, 2), DISPATCH_OK);
    OK(told("Council.Proposed"));
    EQ(vote(&alice, true), DISPATCH_OK);
    EQ(close_motion(&eve), COUNCIL_TOO_EARLY);
    EQ(vote(&bob, true), DISPATCH_OK);
    EQ(close_motion(&eve), DISPATCH_OK);
    OK(told("Council.Closed Council.Approved TfgridModule.ConnectionPriceSet Council.Executed"));
    EQ(tfgrid_connection_price_get(&rt), 77);
    hash_vec_t motions;
    council_proposals_get(&rt, &motions);
    EQ(motions.len, 0);
    OK(!council_proposal_of_exists(&rt, &hash));
    OK(!council_voting_exists(&rt, &hash));
    EQ(close_motion(&eve), COUNCIL_PROPOSAL_MISSING);
    blocks_stop();
}

TEST(a_first_vote_is_free_and_a_second_is_not)
{
    start();
    EQ(propose(&alice, 2), DISPATCH_OK);
    u128_t before = free_of(&bob.account);
    EQ(vote(&bob, true), DISPATCH_OK);
    OK(free_of(&bob.account) == before);
    OK(told("Balances.Withdraw Council.Voted Balances.Deposit TransactionPayment.TransactionFeePaid "
            "System.ExtrinsicSuccess"));
    system_event_record_vec_t records = events();
    EQ(records.items[records.len - 1].event->system.extrinsic_success.pays_fee, SUPPORT_PAYS_NO);
    OK(records.items[records.len - 2].event->transaction_payment.transaction_fee_paid.actual_fee == 0);
    EQ(vote(&bob, true), COUNCIL_DUPLICATE_VOTE);
    before = free_of(&bob.account);
    EQ(vote(&bob, false), DISPATCH_OK);
    OK(free_of(&bob.account) < before);
    council_votes_t votes;
    OK(council_voting_get(&rt, &hash, &votes));
    EQ(votes.ayes.len, 0);
    EQ(votes.nays.len, 1);
    blocks_stop();
}

TEST(strangers_neither_propose_nor_vote)
{
    start();
    EQ(propose(&eve, 2), COUNCIL_NOT_MEMBER);
    EQ(propose(&alice, 2), DISPATCH_OK);
    EQ(propose(&bob, 2), COUNCIL_DUPLICATE_PROPOSAL);
    EQ(vote(&eve, true), COUNCIL_NOT_MEMBER);
    blocks_stop();
}

TEST(enough_nays_end_a_motion_at_once)
{
    start();
    EQ(propose(&alice, 2), DISPATCH_OK);
    EQ(vote(&bob, false), DISPATCH_OK);
    EQ(close_motion(&eve), COUNCIL_TOO_EARLY);
    EQ(vote(&charlie, false), DISPATCH_OK);
    u128_t before = free_of(&eve.account);
    EQ(close_motion(&eve), DISPATCH_OK);
    OK(told("Council.Closed Council.Disapproved"));
    OK(free_of(&eve.account) == before);
    EQ(tfgrid_connection_price_get(&rt), 80);
    blocks_stop();
}

TEST(after_two_hours_the_absent_say_nay_or_what_the_prime_says)
{
    for (int has_prime = 0; has_prime < 2; has_prime++) {
        start();
        if (has_prime) council_set_prime(&rt, &bob.account);
        EQ(propose(&alice, 2), DISPATCH_OK);
        EQ(vote(&bob, true), DISPATCH_OK);
        (void)block_close();
        system_number_put(&rt, 1200);
        block_open(); /* 1201 = 1 + 1200 */
        EQ(close_motion(&eve), DISPATCH_OK);
        OK(told(has_prime ? "Council.Approved" : "Council.Disapproved"));
        EQ(tfgrid_connection_price_get(&rt), has_prime ? 77 : 80);
        blocks_stop();
    }
}

TEST(one_aye_runs_at_once_but_not_what_needs_three_fifths)
{
    start();
    EQ(propose(&alice, 1), DISPATCH_OK);
    OK(told("Council.Executed"));
    EQ(tfgrid_connection_price_get(&rt), 80);
    system_event_record_vec_t records = events();
    for (uint32_t i = 0; i < records.len; i++) {
        const runtime_event_t *event = records.items[i].event;
        if (event->pallet != COUNCIL_PALLET) continue;
        OK(!event->council.executed.result.is_ok);
        EQ(event->council.executed.result.error.kind, SUPPORT_DISPATCH_ERROR_BAD_ORIGIN);
    }
    blocks_stop();
}

TEST(a_motion_that_fails_is_over_too)
{
    start();
    scale_writer_t w = scale_writer(motion_room, sizeof motion_room);
    council_membership_remove_member_call_encode(&w,
                                                 &(council_membership_remove_member_args_t){.who = ID(eve)});
    static uint8_t memory[65536];
    arena_t arena    = {memory, sizeof memory, 0};
    scale_reader_t r = scale_reader(scale_written(&w), &arena);
    runtime_call_decode(&r, &motion);
    hash = blake2_256(motion.encoded);
    EQ(propose(&alice, 2), DISPATCH_OK);
    EQ(vote(&alice, true), DISPATCH_OK);
    EQ(vote(&bob, true), DISPATCH_OK);
    EQ(close_motion(&eve), DISPATCH_OK);
    OK(told("Council.Approved Council.Executed"));
    OK(!council_voting_exists(&rt, &hash));
    blocks_stop();
}

TEST(bounds_must_be_met)
{
    start();
    EQ(APPLY(alice, council_propose, .threshold = 2, .proposal = &motion,
             .length_bound = motion.encoded.len - 1),
       VALID);
    EQ(last_result, COUNCIL_WRONG_PROPOSAL_LENGTH);
    EQ(propose(&alice, 2), DISPATCH_OK);
    EQ(vote(&alice, true), DISPATCH_OK);
    EQ(vote(&bob, true), DISPATCH_OK);
    EQ(APPLY(eve, council_close, .proposal_hash = hash, .index = 1, .proposal_weight_bound = BOUND,
             .length_bound = 1000),
       VALID);
    EQ(last_result, COUNCIL_WRONG_INDEX);
    EQ(APPLY(eve, council_close, .proposal_hash = hash, .index = 0, .proposal_weight_bound = BOUND,
             .length_bound = 1),
       VALID);
    EQ(last_result, COUNCIL_WRONG_PROPOSAL_LENGTH);
    support_weight_t little = {.ref_time = 1000, .proof_size = 1000000};
    EQ(APPLY(eve, council_close, .proposal_hash = hash, .index = 0, .proposal_weight_bound = little,
             .length_bound = 1000),
       VALID);
    EQ(last_result, COUNCIL_WRONG_PROPOSAL_WEIGHT);
    blocks_stop();
}

TEST(a_member_executes_in_its_own_name)
{
    start();
    EQ(APPLY(eve, council_execute, .proposal = &motion, .length_bound = 1000), VALID);
    EQ(last_result, COUNCIL_NOT_MEMBER);
    EQ(APPLY(bob, council_execute, .proposal = &motion, .length_bound = 1000), VALID);
    EQ(last_result, DISPATCH_OK);
    OK(told("Council.MemberExecuted"));
    EQ(tfgrid_connection_price_get(&rt), 80);
    blocks_stop();
}

TEST_MAIN()
