/* justification.c - making and checking GRANDPA justifications. */
#include "justification.h"
#include "crypto.h"
#include "finality.h"

#include <string.h>

enum { STAGE_PRECOMMIT = 1, PAYLOAD_LEN = 53, PRECOMMITS_MAX = 1024, PRECOMMIT_LEN = 132 };

typedef struct {
    chain_point_t target;
    uint8_t signature[64];
    account_id_t voter;
} precommit_t;

/* payload is what a voter signs. */
static bytes_t payload(const chain_point_t *target, uint64_t round, uint64_t set_id,
                       uint8_t room[PAYLOAD_LEN])
{
    scale_writer_t w = scale_writer(room, PAYLOAD_LEN);
    scale_put_u8(&w, STAGE_PRECOMMIT);
    scale_put_hash(&w, &target->hash);
    scale_put_u32(&w, target->number);
    scale_put_u64(&w, round);
    scale_put_u64(&w, set_id);
    return scale_written(&w);
}

void justification_sign(scale_writer_t *w, const uint8_t *const *seeds, uint32_t count,
                        const chain_point_t *target, uint64_t round, uint64_t set_id)
{
    uint8_t room[PAYLOAD_LEN], signature[64], voter[32];
    scale_put_u64(w, round);
    scale_put_hash(w, &target->hash);
    scale_put_u32(w, target->number);
    scale_put_compact(w, count);
    for (uint32_t i = 0; i < count; i++) {
        ed25519_sign(seeds[i], payload(target, round, set_id, room), signature);
        ed25519_public(seeds[i], voter);
        scale_put_hash(w, &target->hash);
        scale_put_u32(w, target->number);
        scale_put_raw(w, signature, sizeof signature);
        scale_put_raw(w, voter, sizeof voter);
    }
    scale_put_compact(w, 0);
}

bool justification_round(bytes_t justification, uint64_t *round)
{
    scale_reader_t r = scale_reader(justification, NULL);
    *round           = scale_get_u64(&r);
    return !r.failed;
}

static uint32_t voter_index(const account_id_t *voters, uint32_t count, const account_id_t *voter)
{
    uint32_t i = 0;
    while (i < count && memcmp(&voters[i], voter, sizeof *voter) != 0)
        i++;
    return i;
}

static precommit_t get_precommit(scale_reader_t *r)
{
    precommit_t precommit;
    scale_get_hash(r, &precommit.target.hash);
    precommit.target.number = scale_get_u32(r);
    scale_get_raw(r, precommit.signature, sizeof precommit.signature);
    scale_get_account_id(r, &precommit.voter);
    return precommit;
}

bool finality_check(bytes_t justification, const chain_point_t *block, const account_id_t *voters,
                    uint32_t voter_count, uint64_t set_id)
{
    bool has_voted[PRECOMMITS_MAX] = {false};
    uint8_t room[PAYLOAD_LEN];
    chain_point_t target;
    scale_reader_t r = scale_reader(justification, NULL);
    uint64_t round   = scale_get_u64(&r);
    scale_get_hash(&r, &target.hash);
    target.number  = scale_get_u32(&r);
    uint64_t count = scale_get_compact(&r);
    if (r.failed || count > scale_left(&r) / PRECOMMIT_LEN || voter_count == 0 ||
        voter_count > PRECOMMITS_MAX)
        return false;
    if (target.number != block->number || memcmp(&target.hash, &block->hash, sizeof block->hash) != 0)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        precommit_t precommit = get_precommit(&r);
        uint32_t voter        = voter_index(voters, voter_count, &precommit.voter);
        if (voter == voter_count || has_voted[voter]) return false;
        if (memcmp(&precommit.target.hash, &target.hash, sizeof target.hash) != 0) return false;
        if (precommit.target.number != target.number) return false;
        if (!ed25519_verify(precommit.signature, precommit.voter.b, payload(&target, round, set_id, room)))
            return false;
        has_voted[voter] = true;
    }
    bool has_headers = scale_get_compact(&r) != 0;
    return scale_done(&r) && !has_headers && count >= 2 * (uint64_t)voter_count / 3 + 1;
}
