/* sound_councils.c - council, DAO, validators, scheduler, bridge and prices: lists and the maps behind them.
 */
#include "fault.h"
#include "runtime_call.h"
#include "sound.h"

#include <string.h>

static bool holds(account_id_vec_t list, const account_id_t *who)
{
    for (uint32_t i = 0; i < list.len; i++)
        if (memcmp(list.items[i].b, who->b, 32) == 0) return true;
    return false;
}

static bool is_ordered(account_id_vec_t list)
{
    for (uint32_t i = 1; i < list.len; i++)
        if (memcmp(list.items[i - 1].b, list.items[i].b, 32) >= 0) return false;
    return true;
}

static bool are_distinct(account_id_vec_t list)
{
    for (uint32_t i = 0; i < list.len; i++)
        for (uint32_t j = 0; j < i; j++)
            if (memcmp(list.items[i].b, list.items[j].b, 32) == 0) return false;
    return true;
}

static bool are_within(account_id_vec_t part, account_id_vec_t whole)
{
    for (uint32_t i = 0; i < part.len; i++)
        if (!holds(whole, &part.items[i])) return false;
    return true;
}

/* --------------------------------------------------------------------------------- council */

static bool motion_is_sound(rt_t *rt, const hash_t *hash, account_id_vec_t members)
{
    council_votes_t votes;
    HOLDS(council_voting_get(rt, hash, &votes) && council_proposal_of_exists(rt, hash), "motion %02x%02x",
          hash->b[0], hash->b[1]);
    HOLDS(votes.index < council_proposal_count_get(rt), "motion %u", votes.index);
    HOLDS(are_distinct(votes.ayes) && are_distinct(votes.nays), "motion %u", votes.index);
    HOLDS(are_within(votes.ayes, members) && are_within(votes.nays, members), "motion %u", votes.index);
    for (uint32_t i = 0; i < votes.ayes.len; i++)
        HOLDS(!holds(votes.nays, &votes.ayes.items[i]), "motion %u has an aye that is a nay", votes.index);
    return true;
}

static bool council_is_sound(rt_t *rt)
{
    account_id_vec_t members, seats;
    account_id_t prime;
    hash_vec_t motions;
    hash_t hash;
    uint32_t count;
    council_members_get(rt, &members);
    council_membership_members_get(rt, &seats);
    council_proposals_get(rt, &motions);
    HOLDS(is_ordered(seats), "the membership is in no order");
    const bool is_one = are_within(seats, members); /* not after root has set the seats apart */
    HOLDS(!is_one || !council_prime_get(rt, &prime) || holds(members, &prime), "the prime has no seat");
    HOLDS(!council_membership_prime_get(rt, &prime) || holds(seats, &prime), "the prime is no member");
    for (uint32_t i = 0; i < motions.len; i++)
        if (!motion_is_sound(rt, &motions.items[i], members)) return false;
    COUNT(count, council_voting_next, &hash, NULL);
    HOLDS(count == motions.len, "votes on %u of %u motions", count, motions.len);
    COUNT(count, council_proposal_of_next, &hash, NULL);
    HOLDS(count == motions.len, "calls of %u of %u motions", count, motions.len);
    return true;
}

/* ------------------------------------------------------------------------------------- DAO */

static bool proposal_is_sound(rt_t *rt, const hash_t *hash)
{
    dao_dao_votes_t votes;
    dao_dao_proposal_t proposal;
    HOLDS(dao_voting_get(rt, hash, &votes) && dao_proposals_get(rt, hash, &proposal) &&
              dao_proposal_of_exists(rt, hash),
          "proposal %02x%02x", hash->b[0], hash->b[1]);
    HOLDS(votes.index == proposal.index && votes.index < dao_proposal_count_get(rt), "proposal %u",
          votes.index);
    HOLDS(are_distinct(votes.vetos) && votes.vetos.len < 3, "proposal %u has %u vetos", votes.index,
          votes.vetos.len);
    for (uint32_t i = 0; i < votes.ayes.len; i++) {
        for (uint32_t j = 0; j < votes.nays.len; j++)
            HOLDS(votes.ayes.items[i].farm_id != votes.nays.items[j].farm_id, "proposal %u", votes.index);
        for (uint32_t j = 0; j < i; j++)
            HOLDS(votes.ayes.items[i].farm_id != votes.ayes.items[j].farm_id, "proposal %u", votes.index);
    }
    return true;
}

static bool dao_is_sound(rt_t *rt)
{
    hash_vec_t list;
    hash_t hash;
    uint32_t count;
    dao_proposal_list_get(rt, &list);
    for (uint32_t i = 0; i < list.len; i++)
        if (!proposal_is_sound(rt, &list.items[i])) return false;
    COUNT(count, dao_voting_next, &hash, NULL);
    HOLDS(count == list.len, "votes on %u of %u proposals", count, list.len);
    COUNT(count, dao_proposals_next, &hash, NULL);
    HOLDS(count == list.len, "%u of %u proposals", count, list.len);
    COUNT(count, dao_proposal_of_next, &hash, NULL);
    HOLDS(count == list.len, "calls of %u of %u proposals", count, list.len);
    return true;
}

/* ------------------------------------------------------------------------------ validators */

static bool owns(rt_t *rt, const char type[4], const uint8_t key[32], const account_id_t *who)
{
    bytes4_bytes_t owned = {
        .f1 = {key, 32}
    };
    account_id_t owner;
    memcpy(owned.f0.b, type, 4);
    return session_key_owner_get(rt, &owned, &owner) && memcmp(owner.b, who->b, 32) == 0;
}

static bool validators_are_sound(rt_t *rt)
{
    account_id_vec_t validators, approved;
    bytes_t at = {0};
    account_id_t who;
    support_session_keys_t keys;
    uint32_t with_keys = 0, owned = 0;
    bytes4_bytes_t key;
    validator_set_validators_get(rt, &validators);
    validator_set_approved_validators_get(rt, &approved);
    HOLDS(validators.len > 0 && are_distinct(validators) && are_distinct(approved), "%u validators",
          validators.len);
    HOLDS(are_within(validators, approved), "a validator is not approved");
    while (session_next_keys_next(rt, &at, &who, &keys)) {
        HOLDS(owns(rt, "aura", keys.aura.b, &who) && owns(rt, "gran", keys.grandpa.b, &who),
              "keys of %02x%02x", who.b[0], who.b[1]);
        with_keys++;
    }
    COUNT(owned, session_key_owner_next, &key, NULL);
    HOLDS(owned == 2 * with_keys, "%u keys of %u accounts", owned, with_keys);
    return true;
}

/* ------------------------------------------------------------------------------- scheduler */

static bool scheduler_is_sound(rt_t *rt)
{
    bytes_t at = {0};
    bytes32_t id;
    u32_u32_t place;
    uint32_t when;
    scheduler_scheduled_opt_vec_t agenda;
    while (scheduler_lookup_next(rt, &at, &id, &place)) {
        scheduler_agenda_get(rt, place.f0, &agenda);
        HOLDS(place.f1 < agenda.len && agenda.items[place.f1].some &&
                  agenda.items[place.f1].value.maybe_id.some &&
                  memcmp(agenda.items[place.f1].value.maybe_id.value.b, id.b, 32) == 0,
              "task %02x is not at %u.%u", id.b[0], place.f0, place.f1);
    }
    at = (bytes_t){0};
    while (scheduler_agenda_next(rt, &at, &when, &agenda))
        HOLDS(agenda.len > 0 && agenda.len <= 50, "block %u has %u tasks", when, agenda.len);
    return true;
}

/* -------------------------------------------------------------------------- bridge, prices */

static bool mints_are_sound(rt_t *rt)
{
    bytes_t at     = {0}, name;
    uint32_t mints = 0, voted;
    tft_bridge_mint_transaction_t mint;
    account_id_vec_t voters;
    while (tft_bridge_mint_transactions_next(rt, &at, &name, &mint)) {
        tft_bridge_mint_voters_get(rt, name, &voters);
        HOLDS(voters.len == mint.votes && are_distinct(voters), "%u voters, %u votes", voters.len,
              mint.votes);
        HOLDS(!tft_bridge_executed_mint_transactions_exists(rt, name), "a mint is executed and is not");
        mints++;
    }
    COUNT(voted, tft_bridge_mint_voters_next, &name, NULL);
    HOLDS(voted == mints, "voters of %u of %u mints", voted, mints);
    return true;
}

static bool bridge_is_sound(rt_t *rt)
{
    bytes_t at = {0}, hash;
    uint64_t id;
    account_id_vec_t validators;
    tft_bridge_burn_transaction_t burn;
    tft_bridge_validators_get(rt, &validators);
    HOLDS(is_ordered(validators), "the bridge's validators are in no order");
    while (tft_bridge_burn_transactions_next(rt, &at, &id, &burn)) {
        HOLDS(id <= tft_bridge_burn_transaction_id_get(rt), "burn %llu", U(id));
        HOLDS(!tft_bridge_executed_burn_transactions_exists(rt, id), "burn %llu is executed and is not",
              U(id));
    }
    at = (bytes_t){0};
    while (tft_bridge_refund_transactions_next(rt, &at, &hash, NULL))
        HOLDS(!tft_bridge_executed_refund_transactions_exists(rt, hash), "a refund is executed and is not");
    return mints_are_sound(rt);
}

static bool prices_are_sound(rt_t *rt)
{
    u16_u16_t range;
    uint16_t at;
    uint32_t count;
    tft_price_buffer_range_get(rt, &range);
    HOLDS(range.f0 < 1440 && range.f1 < 1440, "%u to %u", range.f0, range.f1);
    COUNT(count, tft_price_tft_price_history_next, &at, NULL);
    HOLDS(count <= 1440, "%u prices", count);
    HOLDS(tft_price_min_tft_price_get(rt) < tft_price_max_tft_price_get(rt), "least and greatest price");
    return true;
}

bool sound_councils(rt_t *rt)
{
    return council_is_sound(rt) && dao_is_sound(rt) && validators_are_sound(rt) && scheduler_is_sound(rt) &&
           bridge_is_sound(rt) && prices_are_sound(rt);
}
