/* cmd_council.c - what a majority of the council decides: propose, vote, close.
 *
 * With several keys one command goes all the way: the first proposes, all vote, the first closes. */
#include "hash.h"
#include "hex.h"
#include "runtime_json.h"
#include "typed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNCIL      "Council"
#define REF_TIME_MAX 500000000000 /* weight that closing may take: a quarter of a block */
#define PROOF_MAX    1000000

static bool members(cli_t *cli, json_t **list) { return cli_read(cli, COUNCIL, "Members", NULL, NULL, list); }

int cmd_council_show(cli_t *cli)
{
    json_t *list, *proposals, *hash, *rows = json_array(), *voting, *call;
    size_t i;
    if (!members(cli, &list) || !cli_read(cli, COUNCIL, "Proposals", NULL, NULL, &proposals)) return 1;
    json_array_foreach(proposals, i, hash)
    {
        if (!cli_read(cli, COUNCIL, "Voting", json_pack("[O]", hash), NULL, &voting) ||
            !cli_read(cli, COUNCIL, "ProposalOf", json_pack("[O]", hash), NULL, &call))
            return 1;
        json_array_append_new(rows, json_pack("{s:O,s:o,s:o}", "hash", hash, "call", call, "voting", voting));
    }
    json_decref(proposals);
    return cli_print(cli, json_pack("{s:o,s:o}", "members", list, "proposals", rows), NULL);
}

/* A call that may become the council's will. */
typedef struct {
    bytes_t call;
    json_t *json; /* borrowed: {"Pallet": {"call": {..}}} */
    hash_t hash;
    uint64_t index, threshold;
    bool is_executed;
} proposal_t;

static bool default_threshold(cli_t *cli, uint64_t *threshold)
{
    json_t *list;
    if (cli_option(cli, "threshold"))
        return cli_u64(cli, cli_option(cli, "threshold"), "--threshold", threshold);
    if (!members(cli, &list)) return false;
    *threshold = (json_array_size(list) * 3 + 4) / 5;
    json_decref(list);
    return true;
}

/* send_as signs with one of several keys. */
static bool send_as(cli_t *cli, int key, const char *call, json_t *arguments, json_t **result)
{
    bytes_t encoded;
    uint32_t mark = cli->arena.used;
    bool is_sent  = cli_encode_call(cli, COUNCIL, call, arguments, &encoded) &&
                   cli_send(cli, &cli->keys[key], encoded, result);
    cli->arena.used = mark;
    return is_sent;
}

/* told_result fails when the chain executed the proposal and that was refused. */
static bool told_result(const cli_t *cli, const json_t *result)
{
    json_t *executed = cli_event(result, COUNCIL, "Executed"),
           *member   = cli_event(result, COUNCIL, "MemberExecuted");
    json_t *outcome  = json_object_get(executed ? executed : member, "result"),
           *error    = json_object_get(outcome, "Err");
    if (cli_event(result, COUNCIL, "Disapproved"))
        return !cli_fail(cli, "the council did not agree: the proposal is closed and nothing happened");
    if (!error) return true;
    char *text = json_dumps(error, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)cli_fail(cli, "the council agreed, but its call was refused: %s", text);
    free(text);
    return false;
}

static bool hash_of_event(const json_t *event, const char *name, hash_t *hash)
{
    const char *text = json_string_value(json_object_get(event, name));
    return text && hex_decode_exact(bytes_text(text), hash->b, sizeof hash->b);
}

static bool propose(cli_t *cli, proposal_t *proposal)
{
    json_t *result;
    if (!send_as(cli, 0, "propose",
                 json_pack("{s:I,s:O,s:I}", "threshold", (json_int_t)proposal->threshold, "proposal",
                           proposal->json, "length_bound", (json_int_t)proposal->call.len),
                 &result))
        return false;
    json_t *event         = cli_event(result, COUNCIL, "Proposed");
    proposal->is_executed = cli_event(result, COUNCIL, "Executed") != NULL;
    proposal->index       = (uint64_t)json_integer_value(json_object_get(event, "proposal_index"));
    bool is_told          = proposal->is_executed || hash_of_event(event, "proposal_hash", &proposal->hash);
    bool is_good          = is_told && told_result(cli, result);
    json_decref(result);
    return is_good || (is_told ? false : !cli_fail(cli, "the chain did not tell the proposal"));
}

static bool vote(cli_t *cli, int key, const proposal_t *proposal, bool is_aye)
{
    json_t *result;
    if (!send_as(cli, key, "vote",
                 json_pack("{s:o,s:I,s:b}", "proposal", json_hex((bytes_t){proposal->hash.b, 32}), "index",
                           (json_int_t)proposal->index, "approve", is_aye),
                 &result))
        return false;
    json_decref(result);
    return true;
}

static bool close_proposal(cli_t *cli, const proposal_t *proposal, json_t **result)
{
    return send_as(cli, 0, "close",
                   json_pack("{s:o,s:I,s:{s:I,s:I},s:I}", "proposal_hash",
                             json_hex((bytes_t){proposal->hash.b, 32}), "index", (json_int_t)proposal->index,
                             "proposal_weight_bound", "ref_time", (json_int_t)REF_TIME_MAX, "proof_size",
                             (json_int_t)PROOF_MAX, "length_bound", (json_int_t)proposal->call.len),
                   result) &&
           told_result(cli, *result);
}

static json_t *proposal_json(const proposal_t *proposal, const char *state)
{
    return json_pack("{s:s,s:o,s:I,s:I,s:O}", "state", state, "hash",
                     json_hex((bytes_t){proposal->hash.b, 32}), "index", (json_int_t)proposal->index,
                     "threshold", (json_int_t)proposal->threshold, "call", proposal->json);
}

/* decide proposes, and goes on as far as there are keys. */
static int decide(cli_t *cli, proposal_t *proposal)
{
    json_t *result;
    if (!propose(cli, proposal)) return 1;
    if (proposal->is_executed) return cli_print(cli, proposal_json(proposal, "executed"), NULL);
    for (int key = 0; key < cli->key_count && (uint64_t)cli->key_count >= proposal->threshold; key++)
        if ((uint64_t)key < proposal->threshold && !vote(cli, key, proposal, true)) return 1;
    if ((uint64_t)cli->key_count < proposal->threshold) {
        char hash[65];
        hex_encode(hash, (bytes_t){proposal->hash.b, 32});
        cli_note(cli,
                 "proposed; %" PRIu64
                 " members must agree:\n  trellis council vote 0x%s --key-file MEMBER\nthen:\n"
                 "  trellis council close 0x%s --key-file MEMBER",
                 proposal->threshold, hash, hash);
        return cli_print(cli, proposal_json(proposal, "proposed"), NULL);
    }
    if (!close_proposal(cli, proposal, &result)) return 1;
    json_t *row = proposal_json(proposal, "executed");
    json_object_set(row, "block", json_object_get(result, "block"));
    json_decref(result);
    return cli_print(cli, row, NULL);
}

/* decide_call makes a proposal of a call's JSON, which it drops. */
static int decide_call(cli_t *cli, const char *pallet, const char *call, json_t *arguments)
{
    proposal_t proposal = {.json = json_pack("{s:{s:O}}", pallet, call, arguments)};
    int status          = 1;
    if (cli_encode_call(cli, pallet, call, arguments, &proposal.call) &&
        default_threshold(cli, &proposal.threshold))
        status = decide(cli, &proposal);
    json_decref(proposal.json);
    return status;
}

int cmd_council_propose(cli_t *cli)
{
    const char *text = cli_argument(cli, 0);
    json_t *arguments;
    name_t name;
    if (!text) return cli_usage(cli, "what? name a call as PALLET.CALL");
    if (!name_find(cli, text, NAME_CALL, &name)) return 1;
    if (!name.variant)
        return cli_usage(cli, "which call of %s? trellis call %s lists them", name.pallet->name, text);
    if (!typed_arguments(cli, name.pallet, name.variant, cli->arguments + 1, cli->argument_count - 1,
                         &arguments))
        return 2;
    return decide_call(cli, name.pallet->name, name.variant->name, arguments);
}

int cmd_council_set_billing_frequency(cli_t *cli)
{
    uint64_t frequency;
    json_t *now;
    if (!cli_u64(cli, cli_argument(cli, 0), "the frequency, in blocks,", &frequency)) return 2;
    if (!cli_read(cli, "SmartContractModule", "BillingFrequency", NULL, NULL, &now)) return 1;
    uint64_t current = (uint64_t)json_integer_value(now);
    json_decref(now);
    if (frequency <= current)
        return cli_fail(cli, "contracts are billed each %" PRIu64 " blocks now, and that can only be raised",
                        current);
    return decide_call(cli, "SmartContractModule", "change_billing_frequency",
                       json_pack("{s:I}", "frequency", (json_int_t)frequency));
}

/* known_proposal finds index and length of the proposal whose hash is the first argument. */
static bool known_proposal(cli_t *cli, proposal_t *proposal)
{
    json_t *voting, *call;
    const char *text = cli_argument(cli, 0);
    if (!text || !hex_decode_exact(bytes_text(text), proposal->hash.b, 32))
        return !cli_usage(cli, "which proposal? give its hash (trellis council show)");
    if (!cli_read(cli, COUNCIL, "Voting", json_pack("[s]", text), NULL, &voting) ||
        !cli_read(cli, COUNCIL, "ProposalOf", json_pack("[s]", text), NULL, &call))
        return false;
    if (json_is_null(voting) || json_is_null(call))
        return !cli_fail(cli, "the council has no such proposal (any more)");
    proposal->index     = (uint64_t)json_integer_value(json_object_get(voting, "index"));
    proposal->threshold = (uint64_t)json_integer_value(json_object_get(voting, "threshold"));
    const char *pallet  = json_object_iter_key(json_object_iter(call));
    json_t *inner       = json_object_get(call, pallet ? pallet : "");
    const char *call_name =
        json_is_string(inner) ? json_string_value(inner) : json_object_iter_key(json_object_iter(inner));
    json_t *arguments =
        json_is_object(inner) && call_name ? json_incref(json_object_get(inner, call_name)) : NULL;
    bool is_encoded =
        pallet && call_name && cli_encode_call(cli, pallet, call_name, arguments, &proposal->call);
    json_decref(voting);
    json_decref(call);
    return is_encoded;
}

int cmd_council_vote(cli_t *cli)
{
    proposal_t proposal = {0};
    bool is_aye         = !cli_option(cli, "no");
    if (!known_proposal(cli, &proposal)) return 1;
    for (int key = 0; key < cli->key_count; key++)
        if (!vote(cli, key, &proposal, is_aye)) return 1;
    json_t *voting;
    if (!cli_read(cli, COUNCIL, "Voting", json_pack("[s]", cli_argument(cli, 0)), NULL, &voting)) return 1;
    return cli_print(cli, voting, NULL);
}

int cmd_council_close(cli_t *cli)
{
    proposal_t proposal = {0};
    json_t *result;
    if (!known_proposal(cli, &proposal) || !close_proposal(cli, &proposal, &result)) return 1;
    json_object_del(result, "extrinsic_hash");
    return cli_print(cli, result, NULL);
}
