/* dao.c - farmers decide: one proposal is a call of the chain, a farm's vote weighs what its nodes weigh.
 *
 * The council proposes, vetoes and closes (spec smart-contract 15).  A weight counts as it was when the farm
 * voted. */
#include "dao_pallet.h"

#include "../utility/nested.h"
#include "checked.h"
#include "council_membership_pallet.h"
#include "hash.h"
#include "pallet.h"
#include "runtime_types.h"
#include "system_pallet.h"
#include "tfgrid_pallet.h"

enum {
    MOTION_BLOCKS  = 100800,
    DURATION_MIN   = 14400,
    DURATION_END   = 432000,
    THRESHOLD_MIN  = 5,
    VETOS_TO_CLOSE = 3
};

typedef dao_dao_votes_t votes_t;

static bool is_same_hash(const hash_t *a, const hash_t *b)
{
    return bytes_equal((bytes_t){a->b, sizeof a->b}, (bytes_t){b->b, sizeof b->b});
}

static bool holds_account(const account_id_vec_t *list, const account_id_t *who)
{
    for (uint32_t i = 0; i < list->len; i++)
        if (bytes_equal((bytes_t){list->items[i].b, 32}, (bytes_t){who->b, 32})) return true;
    return false;
}

static dispatch_t check_council(rt_t *rt, const account_id_t *who)
{
    account_id_vec_t members;
    council_membership_members_get(rt, &members);
    ENSURE(holds_account(&members, who), DAO_NOT_COUNCIL_MEMBER);
    return DISPATCH_OK;
}

static void *room(rt_t *rt, uint32_t count, size_t item_size)
{
    uint64_t size = (uint64_t)count * item_size;
    void *taken   = size > UINT32_MAX ? NULL : arena_take(&rt->arena, (uint32_t)size);
    if (!taken && size > 0) rt_exhaust(rt, "dao: no room in the block's memory");
    return taken;
}

/* votes_of finds a proposal's votes, which belong to the proposal of the same number. */
static dispatch_t votes_of(rt_t *rt, const hash_t *hash, votes_t *votes)
{
    dao_dao_proposal_t proposal;
    ENSURE(dao_voting_get(rt, hash, votes), DAO_PROPOSAL_MISSING);
    ENSURE(dao_proposals_get(rt, hash, &proposal), DAO_PROPOSAL_MISSING);
    ENSURE(proposal.index == votes->index, DAO_WRONG_INDEX);
    return DISPATCH_OK;
}

static void remove_proposal(rt_t *rt, const hash_t *hash)
{
    hash_vec_t list;
    dao_proposal_list_get(rt, &list);
    uint32_t at = 0;
    while (at < list.len && !is_same_hash(&list.items[at], hash))
        at++;
    if (at < list.len) list.items[at] = list.items[--list.len];
    dao_proposal_list_put(rt, list);
    dao_proposals_remove(rt, hash);
    dao_proposal_of_remove(rt, hash);
    dao_voting_remove(rt, hash);
}

/* ------------------------------------------------------------------------------- proposing */

dispatch_t dao_propose(rt_t *rt, const account_id_t *who, const dao_propose_args_t *args)
{
    const hash_t hash  = blake2_256(args->action->encoded);
    const uint32_t now = system_number_get(rt);
    hash_vec_t list;
    uint32_t length = args->duration.some ? args->duration.value : MOTION_BLOCKS;
    TRY(check_council(rt, who));
    ENSURE(!dao_proposals_exists(rt, &hash), DAO_DUPLICATE_PROPOSAL);
    ENSURE(args->threshold >= THRESHOLD_MIN, DAO_THRESHOLD_TOO_LOW);
    ENSURE(length >= DURATION_MIN && length < DURATION_END, DAO_INVALID_PROPOSAL_DURATION);

    dao_proposal_list_get(rt, &list);
    hash_t *hashes = room(rt, list.len + 1, sizeof *hashes);
    ENSURE(hashes, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < list.len; i++)
        hashes[i] = list.items[i];
    hashes[list.len]                  = hash;
    const uint32_t index              = dao_proposal_count_get(rt);
    const dao_dao_proposal_t proposal = {
        .index = index, .description = args->description, .link = args->link};
    const votes_t votes = {.index = index, .threshold = args->threshold, .end = u32_add_sat(now, length)};

    dao_proposal_list_put(rt, (hash_vec_t){.items = hashes, .len = list.len + 1});
    dao_proposals_put(rt, &hash, &proposal);
    dao_proposal_of_put(rt, &hash, args->action);
    dao_voting_put(rt, &hash, &votes);
    dao_proposal_count_put(rt, index + 1);

    dao_emit_proposed(rt, who, index, &hash, args->threshold);
    return DISPATCH_OK;
}

/* ---------------------------------------------------------------------------------- voting */

static uint32_t place_of(const dao_vote_weight_vec_t *side, uint32_t farm_id)
{
    uint32_t at = 0;
    while (at < side->len && side->items[at].farm_id != farm_id)
        at++;
    return at;
}

/* switch_vote puts the farm on one side and takes it off the other.  *is_first: it was on none. */
static dispatch_t switch_vote(rt_t *rt, uint32_t farm_id, dao_vote_weight_vec_t *to,
                              dao_vote_weight_vec_t *from, bool *is_first)
{
    ENSURE(place_of(to, farm_id) == to->len, DAO_DUPLICATE_VOTE);
    const uint64_t weight = dao_farm_weight_get(rt, farm_id);
    ENSURE(weight > 0, DAO_FARM_HAS_NO_NODES);

    dao_vote_weight_t *items = room(rt, to->len + 1, sizeof *items);
    ENSURE(items, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < to->len; i++)
        items[i] = to->items[i];
    items[to->len] = (dao_vote_weight_t){.farm_id = farm_id, .weight = weight};
    *to            = (dao_vote_weight_vec_t){.items = items, .len = to->len + 1};

    const uint32_t at = place_of(from, farm_id);
    *is_first         = at == from->len;
    if (!*is_first) from->items[at] = from->items[--from->len];
    return DISPATCH_OK;
}

dispatch_t dao_vote(rt_t *rt, const account_id_t *who, const dao_vote_args_t *args)
{
    support_farm_t farm;
    tfgrid_twin_t farmer;
    votes_t votes;
    bool is_first;
    ENSURE(tfgrid_farms_get(rt, args->farm_id, &farm), DAO_FARM_NOT_EXISTS);
    ENSURE(tfgrid_twins_get(rt, farm.twin_id, &farmer), DAO_NOT_AUTHORIZED_TO_VOTE);
    ENSURE(bytes_equal((bytes_t){farmer.account_id.b, 32}, (bytes_t){who->b, 32}),
           DAO_NOT_AUTHORIZED_TO_VOTE);
    TRY(votes_of(rt, &args->proposal_hash, &votes));
    ENSURE(system_number_get(rt) <= votes.end, DAO_TIME_LIMIT_REACHED);
    if (args->approve)
        TRY(switch_vote(rt, args->farm_id, &votes.ayes, &votes.nays, &is_first));
    else
        TRY(switch_vote(rt, args->farm_id, &votes.nays, &votes.ayes, &is_first));

    dao_voting_put(rt, &args->proposal_hash, &votes);
    dao_emit_voted(rt, who, &args->proposal_hash, args->approve, votes.ayes.len, votes.nays.len);
    if (is_first) rt_pays_no(rt);
    return DISPATCH_OK;
}

dispatch_t dao_veto(rt_t *rt, const account_id_t *who, const dao_veto_args_t *args)
{
    votes_t votes;
    TRY(check_council(rt, who));
    TRY(votes_of(rt, &args->proposal_hash, &votes));
    ENSURE(!holds_account(&votes.vetos, who), DAO_DUPLICATE_VETO);

    account_id_t *vetos = room(rt, votes.vetos.len + 1, sizeof *vetos);
    ENSURE(vetos, DISPATCH_EXHAUSTED);
    for (uint32_t i = 0; i < votes.vetos.len; i++)
        vetos[i] = votes.vetos.items[i];
    vetos[votes.vetos.len] = *who;
    votes.vetos            = (account_id_vec_t){.items = vetos, .len = votes.vetos.len + 1};

    dao_voting_put(rt, &args->proposal_hash, &votes);
    dao_emit_council_member_veto(rt, &args->proposal_hash, who);
    rt_pays_no(rt);
    if (votes.vetos.len < VETOS_TO_CLOSE) return DISPATCH_OK;
    dao_emit_closed_by_council(rt, &args->proposal_hash, votes.vetos);
    dao_emit_disapproved(rt, &args->proposal_hash);
    remove_proposal(rt, &args->proposal_hash);
    return DISPATCH_OK;
}

/* --------------------------------------------------------------------------------- closing */

static uint64_t weight_of(const dao_vote_weight_vec_t *side)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < side->len; i++)
        sum = u64_add_sat(sum, side->items[i].weight);
    return sum;
}

/* carry_out runs an approved call as root; the proposal is gone whether or not the call is refused. */
static void carry_out(rt_t *rt, const hash_t *hash)
{
    runtime_call_t *action;
    dao_emit_approved(rt, hash);
    dispatch_t result = DISPATCH_CANNOT_LOOKUP;
    if (dao_proposal_of_get(rt, hash, &action))
        result = nested_run(rt, &(origin_t){.kind = ORIGIN_ROOT}, action, NULL);
    const support_dispatch_error_result_t told = support_dispatch_result_from(result);
    dao_emit_executed(rt, hash, &told);
}

dispatch_t dao_close(rt_t *rt, const account_id_t *who, const dao_close_args_t *args)
{
    votes_t votes;
    TRY(check_council(rt, who));
    TRY(votes_of(rt, &args->proposal_hash, &votes));
    ENSURE(votes.index == args->proposal_index, DAO_WRONG_INDEX);
    const bool is_enough = votes.ayes.len + votes.nays.len >= votes.threshold;
    ENSURE(is_enough || system_number_get(rt) >= votes.end, DAO_ONGOING_VOTE_AND_TRESHOLD_STILL_NOT_MET);

    const uint64_t ayes = weight_of(&votes.ayes), nays = weight_of(&votes.nays);
    dao_emit_closed(rt, &args->proposal_hash, votes.ayes.len, ayes, votes.nays.len, nays);
    if (is_enough && ayes > nays)
        carry_out(rt, &args->proposal_hash);
    else
        dao_emit_disapproved(rt, &args->proposal_hash);
    remove_proposal(rt, &args->proposal_hash);
    rt_pays_no(rt);
    return DISPATCH_OK;
}
