/* rpc_chain.c - blocks and headers: chain_*, and heads to subscribe to. */

#include "rpc_internal.h"

#include <string.h>

enum { HASHES_MAX = 10000 };

static json_t *get_header(call_t *call)
{
    hash_t hash;
    bytes_t header;
    if (!param_block(call, 0, &hash)) return NULL;
    if (!chain_header(call->rpc->o.chain, &hash, call->arena, &header)) return json_null();
    return json_header(header);
}

json_t *json_extrinsics(bytes_t body)
{
    json_t *all      = json_array();
    scale_reader_t r = scale_reader(body, NULL);
    uint32_t count   = scale_get_compact_u32(&r);
    for (uint32_t i = 0; i < count && !r.failed; i++) {
        const uint8_t *start = r.at;
        (void)scale_get_bytes(&r, UINT32_MAX);
        json_array_append_new(all, json_hex((bytes_t){start, (uint32_t)(r.at - start)}));
    }
    return all;
}

static json_t *json_byte_array(bytes_t bytes)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < bytes.len; i++)
        json_array_append_new(all, json_integer(bytes.data[i]));
    return all;
}

static json_t *get_block(call_t *call)
{
    chain_t *chain = call->rpc->o.chain;
    hash_t hash;
    bytes_t header, body, justification;
    if (!param_block(call, 0, &hash)) return NULL;
    if (!chain_header(chain, &hash, call->arena, &header)) return json_null();
    if (!chain_body(chain, &hash, call->arena, &body)) body = BYTES("\0");
    json_t *justifications = json_null();
    if (chain_justification(chain, &hash, call->arena, &justification) && justification.len > 0)
        justifications =
            json_pack("[[o, o]]", json_byte_array(BYTES("FRNK")), json_byte_array(justification));
    return json_pack("{s:{s:o, s:o}, s:o}", "block", "header", json_header(header), "extrinsics",
                     json_extrinsics(body), "justifications", justifications);
}

static json_t *hash_of_number(call_t *call, json_t *number)
{
    call_t one   = *call; /* a list of one number, read as any parameter is */
    json_t *list = json_pack("[O]", number);
    hash_t hash;
    uint32_t n;
    one.params   = list;
    bool is_read = param_u32(&one, 0, &n);
    json_decref(list);
    if (!is_read) {
        json_decref(one.data);
        return rpc_bad_param(call, "expected a block number, or an array of them");
    }
    return chain_hash(call->rpc->o.chain, n, &hash) ? json_hash(&hash) : json_null();
}

static json_t *get_block_hash(call_t *call)
{
    json_t *which = param_at(call, 0), *item;
    if (!which) {
        hash_t best = chain_best(call->rpc->o.chain).hash;
        return json_hash(&best);
    }
    if (!json_is_array(which)) return hash_of_number(call, which);
    if (json_array_size(which) > HASHES_MAX) return rpc_bad_param(call, "too many block numbers");
    json_t *hashes = json_array();
    size_t i;
    json_array_foreach(which, i, item)
    {
        json_t *hash = hash_of_number(call, item);
        if (!hash) {
            json_decref(hashes);
            return NULL;
        }
        json_array_append_new(hashes, hash);
    }
    return hashes;
}

static json_t *get_finalized_head(call_t *call)
{
    hash_t hash = chain_finalized(call->rpc->o.chain).hash;
    return json_hash(&hash);
}

static json_t *subscribe_heads(call_t *call, sub_kind_t kind, const char *method)
{
    return rpc_subscribed(call, rpc_subscribe(call, kind, method));
}
static json_t *subscribe_new(call_t *call) { return subscribe_heads(call, SUB_NEW_HEADS, "chain_newHead"); }
static json_t *subscribe_all(call_t *call) { return subscribe_heads(call, SUB_ALL_HEADS, "chain_allHead"); }
static json_t *subscribe_finalized(call_t *call)
{
    return subscribe_heads(call, SUB_FINALIZED_HEADS, "chain_finalizedHead");
}
static json_t *subscribe_justifications(call_t *call)
{
    return subscribe_heads(call, SUB_JUSTIFICATIONS, "grandpa_justifications");
}

static json_t *round_state(call_t *call)
{
    if (!call->rpc->o.finality) return rpc_fail(call, 1, NULL, "GRANDPA RPC endpoint not ready");
    finality_round_t round = finality_round(call->rpc->o.finality);
    json_int_t voters = round.voters ? round.voters : 1, held = round.voters ? round.held : 1;
    json_t *voted = json_pack("{s:I, s:[]}", "currentWeight", held, "missing");
    return json_pack("{s:I, s:{s:I, s:I, s:I, s:O, s:o}, s:[]}", "setId", (json_int_t)round.set_id, "best",
                     "round", (json_int_t)round.round, "totalWeight", voters, "thresholdWeight",
                     2 * voters / 3 + 1, "prevotes", voted, "precommits", voted, "background");
}

/* The first block from number on that has a justification of its own, and at most this far. */
enum { PROOF_BLOCKS_MAX = 256, PROOF_MAX = 1 << 20 };

static bool find_justified(chain_t *chain, uint32_t number, arena_t *arena, chain_point_t *block,
                           bytes_t *justification)
{
    uint32_t last = chain_finalized(chain).number;
    for (uint32_t n = number; n <= last && n - number < PROOF_BLOCKS_MAX; n++) {
        *block = (chain_point_t){.number = n};
        if (chain_hash(chain, n, &block->hash) &&
            chain_justification(chain, &block->hash, arena, justification) && justification->len > 0)
            return true;
    }
    return false;
}

/* FinalityProof: the justified block, its justification, the headers after the one that was asked for. */
static json_t *prove_finality(call_t *call)
{
    chain_t *chain = call->rpc->o.chain;
    uint32_t number;
    chain_point_t block;
    bytes_t justification, header;
    if (!param_u32(call, 0, &number)) return NULL;
    if (number > chain_finalized(chain).number)
        return rpc_fail(call, 2, NULL, "Block not covered by authority set changes or not finalized yet");
    if (!find_justified(chain, number, call->arena, &block, &justification)) return json_null();
    uint8_t *room = arena_take(call->arena, PROOF_MAX);
    if (!room) return rpc_fail(call, RPC_ANSWER_TOO_BIG, NULL, "Response is too big");
    scale_writer_t w = scale_writer(room, PROOF_MAX);
    scale_put_hash(&w, &block.hash);
    scale_put_bytes(&w, justification);
    scale_put_compact(&w, block.number - number);
    for (uint32_t n = number + 1; n <= block.number; n++) {
        hash_t hash;
        if (chain_hash(chain, n, &hash) && chain_header(chain, &hash, call->arena, &header))
            scale_put_raw(&w, header.data, header.len);
    }
    bytes_t proof = scale_written(&w);
    return json_hex(proof);
}

method_table_t rpc_chain_methods(void)
{
    static const method_t methods[] = {
        {"chain_getBlock",                    false, get_block,                "hash" },
        {"chain_getBlockHash",                false, get_block_hash,           "hash" },
        {"chain_getHead",                     false, get_block_hash,           "hash" },
        {"chain_getFinalizedHead",            false, get_finalized_head,       NULL   },
        {"chain_getFinalisedHead",            false, get_finalized_head,       NULL   },
        {"chain_getHeader",                   false, get_header,               "hash" },
        {"chain_subscribeAllHeads",           false, subscribe_all,            NULL   },
        {"chain_unsubscribeAllHeads",         false, rpc_unsubscribe,          NULL   },
        {"chain_subscribeNewHeads",           false, subscribe_new,            NULL   },
        {"chain_subscribeNewHead",            false, subscribe_new,            NULL   },
        {"subscribe_newHead",                 false, subscribe_new,            NULL   },
        {"chain_unsubscribeNewHeads",         false, rpc_unsubscribe,          NULL   },
        {"chain_unsubscribeNewHead",          false, rpc_unsubscribe,          NULL   },
        {"unsubscribe_newHead",               false, rpc_unsubscribe,          NULL   },
        {"chain_subscribeFinalizedHeads",     false, subscribe_finalized,      NULL   },
        {"chain_subscribeFinalisedHeads",     false, subscribe_finalized,      NULL   },
        {"chain_unsubscribeFinalizedHeads",   false, rpc_unsubscribe,          NULL   },
        {"chain_unsubscribeFinalisedHeads",   false, rpc_unsubscribe,          NULL   },
        {"grandpa_proveFinality",             false, prove_finality,           "block"},
        {"grandpa_roundState",                false, round_state,              NULL   },
        {"grandpa_subscribeJustifications",   false, subscribe_justifications, NULL   },
        {"grandpa_unsubscribeJustifications", false, rpc_unsubscribe,          NULL   },
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
