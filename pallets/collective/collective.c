/* collective.c - the council: motions, votes, and calls run in its name.
 *
 * A motion is a call, known by the hash of its bytes.  It runs with the origin "this many of that many
 * members" as soon as enough said aye and somebody closes it; whether the call succeeds or not, the motion is
 * over (spec tfgrid 1.7, pallet-collective of polkadot-v1.0.0). */
#include "../utility/nested.h"
#include "accounts.h"
#include "council.h"
#include "hash.h"
#include "runtime_call.h"
#include "system_pallet.h"

#include <string.h>

enum { MOTION_BLOCKS = 1200, MAX_PROPOSALS = 100 };

/* Half of what a block may weigh: no motion may be heavier. */
static const weight_t MAX_PROPOSAL_WEIGHT = {UINT64_C(1000000000000), UINT64_MAX / 2};

static bool weight_fits(weight_t weight, weight_t most)
{
    return weight.ref_time <= most.ref_time && weight.proof_size <= most.proof_size;
}

static hash_t call_hash(const runtime_call_t *call) { return blake2_256(call->encoded); }

static dispatch_t check_member(rt_t *rt, const account_id_t *who, uint32_t *seats)
{
    account_id_vec_t members;
    council_members_get(rt, &members);
    if (seats) *seats = members.len;
    return accounts_contain(members, who) ? DISPATCH_OK : (dispatch_t)COUNCIL_NOT_MEMBER;
}

/* ------------------------------------------------------------------ members */

void council_change_members(rt_t *rt, account_id_vec_t members)
{
    hash_vec_t motions;
    account_id_vec_t before;
    council_members_get(rt, &before);
    account_id_vec_t left = accounts_minus(&rt->arena, before, members);

    council_proposals_get(rt, &motions);
    for (uint32_t i = 0; left.len > 0 && i < motions.len; i++) {
        council_votes_t votes;
        if (!council_voting_get(rt, &motions.items[i], &votes)) continue;
        votes.ayes = accounts_minus(&rt->arena, votes.ayes, left);
        votes.nays = accounts_minus(&rt->arena, votes.nays, left);
        council_voting_put(rt, &motions.items[i], &votes);
    }
    council_members_put(rt, members);
    council_prime_remove(rt);
}

void council_set_prime(rt_t *rt, const account_id_t *who)
{
    if (who)
        council_prime_put(rt, who);
    else
        council_prime_remove(rt);
}

dispatch_t council_set_members(rt_t *rt, const council_set_members_args_t *args)
{
    account_id_vec_t members = args->new_members;
    ENSURE(members.len <= COUNCIL_MAX_MEMBERS, DISPATCH_OTHER);
    ENSURE(!args->prime.some || accounts_contain(members, &args->prime.value),
           COUNCIL_PRIME_ACCOUNT_NOT_MEMBER);
    accounts_sort(&members);

    council_change_members(rt, members);
    council_set_prime(rt, args->prime.some ? &args->prime.value : NULL);
    return DISPATCH_OK;
}

/* ------------------------------------------------------------------ propose */

static dispatch_t check_proposal(rt_t *rt, const runtime_call_t *call, uint32_t length_bound,
                                 const hash_t *hash)
{
    ENSURE(call->encoded.len <= length_bound, COUNCIL_WRONG_PROPOSAL_LENGTH);
    ENSURE(weight_fits(runtime_call_dispatch_info(call).weight, MAX_PROPOSAL_WEIGHT),
           COUNCIL_WRONG_PROPOSAL_WEIGHT);
    ENSURE(!council_proposal_of_exists(rt, hash), COUNCIL_DUPLICATE_PROPOSAL);
    return DISPATCH_OK;
}

dispatch_t council_execute(rt_t *rt, const account_id_t *who, const council_execute_args_t *args)
{
    origin_t origin = {.kind = ORIGIN_COUNCIL_MEMBER, .who = *who};
    hash_t hash     = call_hash(args->proposal);
    TRY(check_member(rt, who, NULL));
    ENSURE(args->proposal->encoded.len <= args->length_bound, COUNCIL_WRONG_PROPOSAL_LENGTH);

    support_dispatch_error_result_t result =
        support_dispatch_result_from(nested_run(rt, &origin, args->proposal, NULL));
    council_emit_member_executed(rt, &hash, &result);
    return DISPATCH_OK;
}

/* execute_now is what a motion of threshold 1 is: the proposer's aye suffices. */
static dispatch_t execute_now(rt_t *rt, const runtime_call_t *call, const hash_t *hash, uint32_t seats)
{
    origin_t origin = {.kind = ORIGIN_COUNCIL_MEMBERS, .ayes = 1, .seats = seats};

    support_dispatch_error_result_t result =
        support_dispatch_result_from(nested_run(rt, &origin, call, NULL));
    council_emit_executed(rt, hash, &result);
    return DISPATCH_OK;
}

static dispatch_t add_motion(rt_t *rt, const hash_t *hash)
{
    hash_vec_t motions;
    council_proposals_get(rt, &motions);
    ENSURE(motions.len < MAX_PROPOSALS, COUNCIL_TOO_MANY_PROPOSALS);
    hash_vec_t all = {.items = arena_take(&rt->arena, (motions.len + 1) * (uint32_t)sizeof *all.items)};
    if (!all.items) {
        rt_fault(rt, "no memory for the list of motions");
        return DISPATCH_EXHAUSTED;
    }
    if (motions.len > 0) memcpy(all.items, motions.items, motions.len * sizeof *all.items);
    all.items[motions.len] = *hash;
    all.len                = motions.len + 1;
    council_proposals_put(rt, all);
    return DISPATCH_OK;
}

dispatch_t council_propose(rt_t *rt, const account_id_t *who, const council_propose_args_t *args)
{
    uint32_t seats;
    hash_t hash = call_hash(args->proposal);
    TRY(check_member(rt, who, &seats));
    TRY(check_proposal(rt, args->proposal, args->length_bound, &hash));
    if (args->threshold < 2) return execute_now(rt, args->proposal, &hash, seats);
    TRY(add_motion(rt, &hash));

    council_votes_t votes = {
        .index     = council_proposal_count_get(rt),
        .threshold = args->threshold,
        .end       = system_number_get(rt) + MOTION_BLOCKS,
    };

    council_proposal_count_put(rt, votes.index + 1);
    council_proposal_of_put(rt, &hash, args->proposal);
    council_voting_put(rt, &hash, &votes);

    council_emit_proposed(rt, who, votes.index, &hash, votes.threshold);
    return DISPATCH_OK;
}

/* ------------------------------------------------------------------ vote */

static bool position(account_id_vec_t accounts, const account_id_t *who, uint32_t *at)
{
    for (*at = 0; *at < accounts.len; ++*at)
        if (accounts_compare(&accounts.items[*at], who) == 0) return true;
    return false;
}

/* Votes stand in the order they were cast; who is put at the end. */
static bool push(rt_t *rt, account_id_vec_t *accounts, const account_id_t *who)
{
    account_id_t *items = arena_take(&rt->arena, (accounts->len + 1) * (uint32_t)sizeof *items);
    if (!items) {
        rt_fault(rt, "no memory for votes");
        return false;
    }
    if (accounts->len > 0) memcpy(items, accounts->items, accounts->len * sizeof *items);
    items[accounts->len] = *who;
    *accounts            = (account_id_vec_t){.items = items, .len = accounts->len + 1};
    return true;
}

dispatch_t council_vote(rt_t *rt, const account_id_t *who, const council_vote_args_t *args)
{
    council_votes_t votes;
    uint32_t at, other_at;
    TRY(check_member(rt, who, NULL));
    ENSURE(council_voting_get(rt, &args->proposal, &votes), COUNCIL_PROPOSAL_MISSING);
    ENSURE(votes.index == args->index, COUNCIL_WRONG_INDEX);
    account_id_vec_t *side  = args->approve ? &votes.ayes : &votes.nays;
    account_id_vec_t *other = args->approve ? &votes.nays : &votes.ayes;
    ENSURE(!position(*side, who, &at), COUNCIL_DUPLICATE_VOTE);

    bool had_voted = position(*other, who, &other_at);
    if (!push(rt, side, who)) return DISPATCH_EXHAUSTED;
    if (had_voted) other->items[other_at] = other->items[--other->len];

    council_voting_put(rt, &args->proposal, &votes);

    council_emit_voted(rt, who, &args->proposal, args->approve, votes.ayes.len, votes.nays.len);
    if (!had_voted) rt_pays_no(rt);
    return DISPATCH_OK;
}

/* ------------------------------------------------------------------ close */

static void remove_motion(rt_t *rt, const hash_t *hash)
{
    hash_vec_t motions;
    uint32_t kept = 0;
    council_proposal_of_remove(rt, hash);
    council_voting_remove(rt, hash);
    council_proposals_get(rt, &motions);
    for (uint32_t i = 0; i < motions.len; i++)
        if (memcmp(motions.items[i].b, hash->b, sizeof hash->b) != 0)
            motions.items[kept++] = motions.items[i];
    motions.len = kept;
    council_proposals_put(rt, motions);
}

static dispatch_t approve(rt_t *rt, const council_close_args_t *args, uint32_t ayes, uint32_t nays,
                          uint32_t seats)
{
    const hash_t *hash = &args->proposal_hash;
    origin_t origin    = {.kind = ORIGIN_COUNCIL_MEMBERS, .ayes = ayes, .seats = seats};
    weight_t bound     = {args->proposal_weight_bound.ref_time, args->proposal_weight_bound.proof_size};
    runtime_call_t *call;
    ENSURE(council_proposal_of_get(rt, hash, &call), COUNCIL_PROPOSAL_MISSING);
    ENSURE(call->encoded.len <= args->length_bound, COUNCIL_WRONG_PROPOSAL_LENGTH);
    ENSURE(weight_fits(runtime_call_dispatch_info(call).weight, bound), COUNCIL_WRONG_PROPOSAL_WEIGHT);

    weight_t used = COUNCIL_CLOSE_WEIGHT;
    council_emit_closed(rt, hash, ayes, nays);
    council_emit_approved(rt, hash);
    support_dispatch_error_result_t result =
        support_dispatch_result_from(nested_run(rt, &origin, call, &used));
    council_emit_executed(rt, hash, &result);
    remove_motion(rt, hash);
    rt_weight_used(rt, used);
    return DISPATCH_OK;
}

static dispatch_t disapprove(rt_t *rt, const hash_t *hash, uint32_t ayes, uint32_t nays)
{
    council_emit_closed(rt, hash, ayes, nays);
    council_emit_disapproved(rt, hash);
    remove_motion(rt, hash);
    rt_weight_used(rt, COUNCIL_CLOSE_WEIGHT);
    rt_pays_no(rt);
    return DISPATCH_OK;
}

dispatch_t council_close(rt_t *rt, const account_id_t *who, const council_close_args_t *args)
{
    council_votes_t votes;
    account_id_vec_t members;
    account_id_t prime;
    (void)who;
    ENSURE(council_voting_get(rt, &args->proposal_hash, &votes), COUNCIL_PROPOSAL_MISSING);
    ENSURE(votes.index == args->index, COUNCIL_WRONG_INDEX);
    council_members_get(rt, &members);
    uint32_t ayes = votes.ayes.len, nays = votes.nays.len, seats = members.len;

    if (ayes >= votes.threshold) return approve(rt, args, ayes, nays, seats);
    if ((seats > nays ? seats - nays : 0) < votes.threshold)
        return disapprove(rt, &args->proposal_hash, ayes, nays);
    ENSURE(system_number_get(rt) >= votes.end, COUNCIL_TOO_EARLY);

    /* The absent vote as the prime did; without one, nay. */
    uint32_t absent = seats > ayes + nays ? seats - ayes - nays : 0;
    if (council_prime_get(rt, &prime) && accounts_contain(votes.ayes, &prime))
        ayes += absent;
    else
        nays += absent;
    return ayes >= votes.threshold ? approve(rt, args, ayes, nays, seats)
                                   : disapprove(rt, &args->proposal_hash, ayes, nays);
}

dispatch_t council_disapprove_proposal(rt_t *rt, const council_disapprove_proposal_args_t *args)
{
    council_emit_disapproved(rt, &args->proposal_hash);
    remove_motion(rt, &args->proposal_hash);
    return DISPATCH_OK;
}
