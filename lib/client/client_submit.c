/* client_submit.c - a call's way: nonce and era, signature, pool, block, finality.
 *
 * Submissions of one client are signed one after the other: the next one asks for its nonce when the node has
 * the one before in its pool, so that the node's own count is right.  When the connection is lost
 * after sending, the same bytes are sent again; if the node then does not want them (it has or had
 * them), the extrinsic is looked for in the blocks of its era. */
#include "client_internal.h"
#include "extrinsic.h"
#include "hash.h"
#include "hex.h"
#include "log.h"
#include "runtime_version.h"

#include "ss58.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINALITY_LAG_MAX 5u /* blocks that finality may be behind before eras begin at the best block */

/* In the order that a submission goes through; SIGNING ones hold the line. */
typedef enum { STEP_QUEUED, STEP_SIGNING, STEP_SENT, STEP_SEARCHING } step_t;

struct submission {
    submission_t *next; /* in the order they were asked for */
    client_t *client;
    uint64_t ticket, asking, subscription, follow;
    step_t step;
    keypair_t key;
    bytes_t call; /* ours */
    client_submit_t want;
    extrinsic_terms_t terms;
    uint32_t finalized_number, birth_number;
    hash_t finalized;
    char *params; /* the signed extrinsic as JSON */
    client_outcome_fn told;
    void *context;
    client_outcome_t outcome;
    uint8_t *events;
    bool is_told_sent;
    hash_t *blocks; /* that are to be looked into, when searching */
    uint32_t block_count, block_at;
    bool *is_freed;
};

static void search_next(submission_t *s);
static void start_next(client_t *client);

static submission_t **find(client_t *client, uint64_t ticket)
{
    submission_t **at = &client->submissions;
    while (*at && (*at)->ticket != ticket)
        at = &(*at)->next;
    return at;
}

static void submission_free(submission_t *s)
{
    uint8_t *call;
    memcpy(&call, &s->call.data, sizeof call); /* ours, const for readers */
    if (s->asking) rpc_cancel(s->client, s->asking);
    if (s->subscription) rpc_cancel(s->client, s->subscription);
    if (s->follow) (void)follow_cancel(s->client, s->follow);
    if (s->is_freed) *s->is_freed = true;
    key_wipe(&s->key);
    free(call);
    free(s->params);
    free(s->events);
    free(s->blocks);
    free(s);
}

bool submit_cancel(client_t *client, uint64_t ticket)
{
    submission_t **at = find(client, ticket), *s = *at;
    if (!s) return false;
    *at = s->next;
    submission_free(s);
    start_next(client);
    return true;
}

/* tell gives the outcome to the user; false when the submission is gone: it was the last, or it was
 * cancelled. */
static bool tell(submission_t *s, client_stage_t stage, bool is_last)
{
    bool is_freed      = false;
    client_t *client   = s->client;
    uint64_t ticket    = s->ticket;
    s->outcome.stage   = stage;
    s->outcome.is_last = is_last;
    s->is_freed        = &is_freed;
    s->told(s->context, &s->outcome);
    if (!is_freed) s->is_freed = NULL;
    if (!is_freed && is_last) (void)submit_cancel(client, ticket);
    return !is_freed && !is_last;
}

static void fail(submission_t *s, const client_error_t *error)
{
    s->outcome.error = *error;
    (void)tell(s, CLIENT_TX_FAILED, true);
}

static void fail_with(submission_t *s, client_status_t status, const char *text)
{
    client_error_t error = error_of(status, text);
    fail(s, &error);
}

/* ---- in a block ---- */

static bool is_ours(const submission_t *s, const json_t *extrinsic)
{
    uint8_t *data;
    uint32_t len;
    if (!json_hex_bytes(extrinsic, &data, &len)) return false;
    hash_t hash = blake2_256((bytes_t){data, len});
    free(data);
    return memcmp(&hash, &s->outcome.extrinsic_hash, sizeof hash) == 0;
}

static void on_events(void *self, const client_error_t *error, bytes_t value)
{
    submission_t *s = self;
    s->asking       = 0;
    if (error->status != CLIENT_OK) {
        fail(s, error);
        return;
    }
    free(s->events);
    s->events = must_alloc(value.len);
    if (value.len) memcpy(s->events, value.data, value.len);
    s->outcome.events = (bytes_t){s->events, value.len};
    if (!outcome_read(&s->outcome)) {
        fail_with(s, CLIENT_MALFORMED,
                  "the block's events do not decode: this program and the chain differ in version");
        return;
    }
    bool is_final = s->step == STEP_SEARCHING && s->want.until_final;
    (void)tell(s, is_final ? CLIENT_TX_FINALIZED : CLIENT_TX_IN_BLOCK, is_final || !s->want.until_final);
}

static void on_block(void *self, const client_error_t *error, const json_t *result)
{
    static const uint8_t events_key[32] = {0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae,
                                           0x0c, 0x95, 0x58, 0xce, 0xf7, 0x80, 0xd4, 0x1e, 0x5e, 0x16, 0x05,
                                           0x67, 0x65, 0xbc, 0x84, 0x61, 0x85, 0x10, 0x72, 0xc9, 0xd7};
    submission_t *s                     = self;
    json_t *block                       = json_object_get(result, "block"), *extrinsic;
    hash_t parent, hash;
    uint32_t number;
    size_t i;
    s->asking = 0;
    if (error->status != CLIENT_OK) {
        fail(s, error);
        return;
    }
    if (!header_read(json_object_get(block, "header"), &number, &parent, &hash)) {
        fail_with(s, CLIENT_MALFORMED, NULL);
        return;
    }
    json_array_foreach(json_object_get(block, "extrinsics"), i, extrinsic)
    {
        if (!is_ours(s, extrinsic)) continue;
        s->outcome.block        = hash;
        s->outcome.block_number = number;
        s->outcome.index        = (uint32_t)i;
        s->asking = client_storage(s->client, (bytes_t){events_key, sizeof events_key}, &hash, on_events, s);
        return;
    }
    if (s->step == STEP_SEARCHING)
        search_next(s);
    else
        fail_with(s, CLIENT_MALFORMED, "the node named a block that does not hold the extrinsic");
}

static void ask_block(submission_t *s, const hash_t *hash)
{
    char params[80];
    params_hash(params, hash);
    if (s->asking) rpc_cancel(s->client, s->asking);
    s->asking = client_rpc(s->client, "chain_getBlock", params, on_block, s);
}

/* ---- looking for it in the chain ---- */

static void search_next(submission_t *s)
{
    if (!s->asking && s->block_at < s->block_count) ask_block(s, &s->blocks[s->block_at++]);
}

static void on_search_block(void *self, const client_block_t *block)
{
    submission_t *s = self;
    if (block->number > era_death(s->terms.era, s->birth_number) && s->block_at == s->block_count &&
        !s->asking) {
        fail_with(s, CLIENT_TIMEOUT, "the extrinsic was sent, but came into no block while it was valid");
        return;
    }
    hash_t *grown = realloc(s->blocks, (s->block_count + 1) * sizeof *grown);
    if (!grown) abort();
    s->blocks                   = grown;
    s->blocks[s->block_count++] = block->hash;
    search_next(s);
}

static void search(submission_t *s)
{
    client_follow_t follow = {.is_finalized = s->want.until_final,
                              .from         = s->birth_number ? s->birth_number : 1,
                              .on_block     = on_search_block,
                              .context      = s};
    s->step                = STEP_SEARCHING;
    s->follow              = client_follow(s->client, &follow);
}

/* ---- in the pool ---- */

static void send(submission_t *s);

static void told_sent(submission_t *s)
{
    s->step = STEP_SENT;
    start_next(s->client);
    if (!s->is_told_sent) {
        s->is_told_sent = true;
        (void)tell(s, CLIENT_TX_SENT, s->want.until_sent);
    }
}

static void on_in_block(submission_t *s, const json_t *hash)
{
    hash_t block;
    if (json_hex_hash(hash, &block)) ask_block(s, &block);
}

/* on_finalized: the block that it was told to be in, or another one. */
static void on_finalized(submission_t *s, const json_t *hash)
{
    hash_t block;
    if (!json_hex_hash(hash, &block)) return;
    bool is_known = memcmp(&block, &s->outcome.block, sizeof block) == 0 && s->events && !s->asking;
    if (is_known) {
        (void)tell(s, CLIENT_TX_FINALIZED, true);
        return;
    }
    rpc_cancel(s->client, s->subscription);
    s->subscription = 0;
    s->step         = STEP_SEARCHING; /* found there, it is final */
    ask_block(s, &block);
}

static void on_state(submission_t *s, const char *state)
{
    if (strcmp(state, "ready") == 0 || strcmp(state, "future") == 0) return;
    if (strcmp(state, "invalid") == 0)
        fail_with(s, CLIENT_REFUSED,
                  "the extrinsic became invalid: its account may lack the fee, or its era ended");
    else if (strcmp(state, "dropped") == 0)
        fail_with(s, CLIENT_REFUSED,
                  "the node's pool is full and dropped the extrinsic: try again, or give a tip");
}

static void on_update(void *self, const client_error_t *error, const json_t *result)
{
    submission_t *s = self;
    if (error->status == CLIENT_UNAVAILABLE || error->status == CLIENT_REFUSED ||
        error->status == CLIENT_MALFORMED)
        s->subscription = 0;
    if (error->status == CLIENT_UNAVAILABLE) {
        send(s); /* the same bytes, over the next connection */
        return;
    }
    if (error->status == CLIENT_REFUSED && s->is_told_sent) {
        search(s);
        return;
    }
    if (error->status != CLIENT_OK) {
        fail(s, error);
        return;
    }
    json_t *in_block = json_object_get(result, "inBlock"), *finalized = json_object_get(result, "finalized");
    if (in_block)
        on_in_block(s, in_block);
    else if (finalized)
        on_finalized(s, finalized);
    else if (json_object_get(result, "retracted"))
        (void)tell(s, CLIENT_TX_RETRACTED, false);
    else if (json_object_get(result, "usurped"))
        fail_with(s, CLIENT_REFUSED, "another extrinsic with the same nonce took its place");
    else if (json_is_string(result))
        on_state(s, json_string_value(result));
}

/* on_first_update hears the first word of the node: it is in the pool, or refused. */
static void on_first_update(void *self, const client_error_t *error, const json_t *result)
{
    submission_t *s  = self;
    client_t *client = s->client;
    uint64_t ticket  = s->ticket;
    if (error->status == CLIENT_OK && s->step != STEP_SENT) told_sent(s);
    if (*find(client, ticket)) on_update(s, error, result);
}

static void send(submission_t *s)
{
    s->subscription = rpc_subscribe(s->client, "author_submitAndWatchExtrinsic", "author_unwatchExtrinsic",
                                    s->params, true, on_first_update, s);
}

/* ---- signing ---- */

static void sign_and_send(submission_t *s)
{
    uint32_t cap     = s->call.len + EXTRINSIC_HEAD_MAX;
    uint8_t *room    = must_alloc(cap);
    scale_writer_t w = scale_writer(room, cap);
    s->asking        = 0;
    if (!extrinsic_sign(&s->key, s->call, &s->terms, &w)) {
        free(room);
        fail_with(s, CLIENT_INVALID, "the call cannot be signed: it is too long");
        return;
    }
    s->outcome.extrinsic_hash = blake2_256(scale_written(&w));
    if (s->want.is_sign_only) {
        s->outcome.extrinsic = scale_written(&w);
        (void)tell(s, CLIENT_TX_SIGNED, true);
        free(room);
        return;
    }
    s->params = must_alloc(2 * (size_t)w.len + 8);
    memcpy(s->params, "[\"0x", 4);
    hex_encode(s->params + 4, scale_written(&w));
    memcpy(s->params + 4 + 2 * (size_t)w.len, "\"]", 3);
    free(room);
    send(s);
}

static void on_birth(void *self, const client_error_t *error, const json_t *result)
{
    submission_t *s = self;
    s->asking       = 0;
    if (error->status != CLIENT_OK)
        fail(s, error);
    else if (!json_hex_hash(result, &s->terms.birth))
        fail_with(s, CLIENT_MALFORMED, NULL);
    else
        sign_and_send(s);
}

/* live_for_ever has the extrinsic bound to the chain alone. */
static void live_for_ever(submission_t *s)
{
    s->terms.era   = (era_t){0};
    s->terms.birth = s->terms.genesis;
    sign_and_send(s);
}

/* begin_era chooses the era around a block, and learns the hash of its first one. */
static void begin_era(submission_t *s, uint32_t number, const hash_t *hash)
{
    s->terms.era    = era_at(number, s->want.mortal_blocks);
    s->birth_number = (uint32_t)era_birth(s->terms.era, number);
    if (s->birth_number == number) {
        s->terms.birth = *hash;
        sign_and_send(s);
        return;
    }
    char params[32];
    snprintf(params, sizeof params, "[%u]", s->birth_number);
    s->asking = client_rpc(s->client, "chain_getBlockHash", params, on_birth, s);
}

static void on_best(void *self, const client_error_t *error, const json_t *result)
{
    submission_t *s = self;
    hash_t parent, hash;
    uint32_t number;
    s->asking = 0;
    if (error->status != CLIENT_OK)
        fail(s, error);
    else if (!header_read(result, &number, &parent, &hash))
        fail_with(s, CLIENT_MALFORMED, NULL);
    else if (number > s->finalized_number + FINALITY_LAG_MAX)
        begin_era(s, number, &hash);
    else
        begin_era(s, s->finalized_number, &s->finalized);
}

static void on_finalized_header(void *self, const client_error_t *error, const json_t *result)
{
    submission_t *s = self;
    hash_t parent;
    s->asking = 0;
    if (error->status != CLIENT_OK)
        fail(s, error);
    else if (!header_read(result, &s->finalized_number, &parent, &s->finalized))
        fail_with(s, CLIENT_MALFORMED, NULL);
    else
        s->asking = client_rpc(s->client, "chain_getHeader", "[]", on_best, s);
}

static void on_finalized_head(void *self, const client_error_t *error, const json_t *result)
{
    submission_t *s = self;
    hash_t hash;
    char params[80];
    s->asking = 0;
    if (error->status != CLIENT_OK) {
        fail(s, error);
        return;
    }
    if (!json_hex_hash(result, &hash)) {
        fail_with(s, CLIENT_MALFORMED, NULL);
        return;
    }
    params_hash(params, &hash);
    s->asking = client_rpc(s->client, "chain_getHeader", params, on_finalized_header, s);
}

static void on_nonce(void *self, const client_error_t *error, const json_t *result)
{
    submission_t *s = self;
    s->asking       = 0;
    if (error->status != CLIENT_OK) {
        fail(s, error);
        return;
    }
    if (!json_number(result, &s->terms.nonce)) {
        fail_with(s, CLIENT_MALFORMED, NULL);
        return;
    }
    if (s->want.has_nonce) s->terms.nonce = s->want.nonce;
    const client_chain_t *chain = client_chain(s->client);
    if (chain->transaction_version != RUNTIME_TRANSACTION_VERSION) {
        fail_with(s, CLIENT_INVALID,
                  "the chain takes calls of another version than this program makes: update it");
        return;
    }
    s->terms.spec_version        = chain->spec_version;
    s->terms.transaction_version = chain->transaction_version;
    s->terms.genesis             = chain->genesis;
    if (s->want.is_immortal)
        live_for_ever(s);
    else
        s->asking = client_rpc(s->client, "chain_getFinalizedHead", "[]", on_finalized_head, s);
}

/* start_next signs the oldest that waits, unless one is on its way to the pool. */
static void start_next(client_t *client)
{
    submission_t *s = client->submissions;
    while (s && s->step != STEP_QUEUED && s->step != STEP_SIGNING)
        s = s->next;
    if (!s || s->step == STEP_SIGNING) return;
    char address[SS58_TEXT_MAX + 1], params[SS58_TEXT_MAX + 8];
    ss58_account(address, &s->key.account);
    snprintf(params, sizeof params, "[\"%s\"]", address);
    s->step   = STEP_SIGNING;
    s->asking = client_rpc(client, "system_accountNextIndex", params, on_nonce, s);
}

uint64_t client_submit(client_t *client, const client_submit_t *submit, client_outcome_fn told, void *context)
{
    submission_t *s = must_alloc(sizeof *s), **at = &client->submissions;
    uint8_t *call = must_alloc(submit->call.len);
    memcpy(call, submit->call.data, submit->call.len);
    *s = (submission_t){
        .client  = client,
        .ticket  = client_ticket(client),
        .key     = *submit->key,
        .call    = {call, submit->call.len},
        .want    = *submit,
        .terms   = {.tip = submit->tip   },
        .told    = told,
        .context = context
    };
    if (s->want.mortal_blocks == 0) s->want.mortal_blocks = CLIENT_MORTAL_BLOCKS;
    s->want.key = NULL;
    while (*at)
        at = &(*at)->next;
    *at = s;
    start_next(client);
    return s->ticket;
}

void submit_free_all(client_t *client)
{
    while (client->submissions) {
        uint64_t ticket = client->submissions->ticket;
        fail_with(client->submissions, CLIENT_FREED, NULL);
        (void)submit_cancel(client, ticket);
    }
}

/* ---- waiting ---- */

typedef struct {
    bool is_done;
    arena_t *arena;
    client_outcome_t outcome;
} outcome_wait_t;

static void on_outcome(void *self, const client_outcome_t *outcome)
{
    outcome_wait_t *wait = self;
    if (!outcome->is_last) return;
    wait->is_done = true;
    wait->outcome = *outcome;
    if (!arena_copy(wait->arena, outcome->events, &wait->outcome.events)) wait->outcome.events = (bytes_t){0};
    if (!arena_copy(wait->arena, outcome->extrinsic, &wait->outcome.extrinsic))
        wait->outcome.extrinsic = (bytes_t){0};
}

client_outcome_t client_submit_wait(client_t *client, const client_submit_t *submit, arena_t *arena)
{
    outcome_wait_t wait = {.arena = arena};
    uint64_t ticket     = client_submit(client, submit, on_outcome, &wait);
    if (!wire_wait(client, &wait.is_done)) {
        client_cancel(client, ticket);
        wait.outcome = (client_outcome_t){
            .stage = CLIENT_TX_FAILED, .is_last = true, .error = error_of(CLIENT_FREED, "interrupted")};
    }
    return wait.outcome;
}
