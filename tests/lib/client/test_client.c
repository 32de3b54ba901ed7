/* test_client.c - a client over lost lines, several nodes, reorganisations and calls in flight. */
#include "client.h"
#include "fake_node.h"
#include "log.h"
#include "test.h"

#include <stdlib.h>

#define WAIT_MS   20000
#define SETTLE_MS 150

static io_t *io;
static keypair_t alice;

__attribute__((constructor)) static void prepare(void)
{
    io = io_new();
    log_level(getenv("DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    if (!io || !crypto_init() || key_from_suri("//Alice", KEY_SR25519, &alice) != KEY_OK) abort();
}

static client_t *client_of(const char *first, const char *second)
{
    client_config_t config = {
        .io = io, .urls = {first, second},
             .url_count = second ? 2 : 1, .timeout_ms = 3000
    };
    return client_new(&config);
}

/* settle runs the loop for what is under way on this machine. */
static void settle(void)
{
    bool never = false;
    (void)io_wait(io, &never, SETTLE_MS);
}

static uint8_t memory[65536];

static arena_t fresh(void) { return (arena_t){.start = memory, .size = sizeof memory}; }

TEST(a_client_learns_the_chain_and_reads_state)
{
    fake_node_t *node = fake_node_new(io, 0);
    client_t *client  = client_of(fake_node_url(node), NULL);
    arena_t arena     = fresh();
    bytes_t value, *keys;
    uint32_t count;
    EQ(client_connect_wait(client).status, CLIENT_OK);
    OK(client_is_connected(client) && client_chain(client)->spec_version == 152);
    OK(memcmp(&client_chain(client)->genesis, &fake_node_at(node, 0)->hash, 32) == 0);
    EQ(client_storage_wait(client, BYTES("known"), NULL, &arena, &value).status, CLIENT_OK);
    OK(bytes_equal(value, BYTES("\x01\x02")));
    EQ(client_storage_wait(client, BYTES("other"), NULL, &arena, &value).status, CLIENT_OK);
    OK(!value.data);
    EQ(client_keys_wait(client, BYTES("k"), (bytes_t){0}, 10, NULL, &arena, &keys, &count).status, CLIENT_OK);
    OK(count == 2 && bytes_equal(keys[1], BYTES("kez")));
    json_t *result;
    client_error_t error = client_rpc_wait(client, "no_such", "[]", &result);
    OK(error.status == CLIENT_REFUSED && error.code == -32601 &&
       strcmp(error.text, "Method not found: because") == 0);
    client_free(client);
    fake_node_free(node);
}

TEST(a_url_of_another_kind_is_refused)
{
    client_config_t none = {.io = io}, http = {.io = io, .urls = {"http://127.0.0.1:1"}, .url_count = 1};
    OK(!client_new(&none) && !client_new(&http));
}

TEST(a_silent_node_is_a_timeout_and_none_is_unavailable)
{
    fake_node_t *node      = fake_node_new(io, 0);
    client_config_t config = {.io = io, .urls = {fake_node_url(node)}, .url_count = 1, .timeout_ms = 300};
    client_t *client       = client_new(&config);
    json_t *result;
    EQ(client_connect_wait(client).status, CLIENT_OK);
    fake_node_silent(node, true);
    EQ(client_rpc_wait(client, "system_chain", "[]", &result).status, CLIENT_TIMEOUT);
    client_free(client);
    fake_node_stop(node);
    client = client_new(&config);
    EQ(client_connect_wait(client).status, CLIENT_UNAVAILABLE);
    client_free(client);
    fake_node_free(node);
}

TEST(another_chain_is_refused)
{
    fake_node_t *node      = fake_node_new(io, 5);
    hash_t other           = {{1}};
    client_config_t config = {.io = io, .urls = {fake_node_url(node)}, .url_count = 1, .genesis = &other};
    client_t *client       = client_new(&config);
    EQ(client_connect_wait(client).status, CLIENT_WRONG_CHAIN);
    client_free(client);
    fake_node_free(node);
}

TEST(the_next_node_is_used_when_one_is_lost)
{
    fake_node_t *first = fake_node_new(io, 0), *second = fake_node_new(io, 0);
    client_t *client = client_of(fake_node_url(first), fake_node_url(second));
    EQ(client_connect_wait(client).status, CLIENT_OK);
    OK(strcmp(client_chain(client)->url, fake_node_url(first)) == 0);
    fake_node_stop(first);
    settle();
    EQ(client_connect_wait(client).status, CLIENT_OK);
    OK(strcmp(client_chain(client)->url, fake_node_url(second)) == 0);
    client_free(client);
    fake_node_free(first);
    fake_node_free(second);
}

TEST(a_sibling_asks_another_node_of_the_same_chain_alone)
{
    fake_node_t *first = fake_node_new(io, 0), *same = fake_node_new(io, 0);
    client_t *client = client_of(fake_node_url(first), fake_node_url(same));
    OK(strcmp(client_url(client, 1), fake_node_url(same)) == 0 && !client_url(client, 2));
    OK(!client_sibling(client, 1, NULL, NULL)); /* of which chain? */
    EQ(client_connect_wait(client).status, CLIENT_OK);
    OK(!client_sibling(client, 2, NULL, NULL));
    client_t *sibling = client_sibling(client, 1, NULL, NULL);
    EQ(client_connect_wait(sibling).status, CLIENT_OK);
    OK(strcmp(client_chain(sibling)->url, fake_node_url(same)) == 0 && !client_url(sibling, 1));
    client_free(sibling);
    client_free(client);
    fake_node_free(first);
    fake_node_free(same);
}

typedef struct {
    bool is_done;
    client_status_t status;
} done_t;

static void on_json(void *context, const client_error_t *error, const json_t *result)
{
    done_t *done = context;
    (void)result;
    done->is_done = true;
    done->status  = error->status;
}

TEST(a_question_survives_a_lost_line)
{
    fake_node_t *node = fake_node_new(io, 0);
    client_t *client  = client_of(fake_node_url(node), NULL);
    done_t done = {0}, cancelled = {0};
    EQ(client_connect_wait(client).status, CLIENT_OK);
    fake_node_silent(node, true);
    (void)client_rpc(client, "system_chain", "[]", on_json, &done);
    client_cancel(client, client_rpc(client, "system_chain", "[]", on_json, &cancelled));
    settle();
    fake_node_stop(node);
    settle();
    fake_node_silent(node, false);
    fake_node_start(node);
    OK(io_wait(io, &done.is_done, WAIT_MS) && done.status == CLIENT_OK);
    OK(!cancelled.is_done);
    client_free(client);
    fake_node_free(node);
}

TEST(who_waits_hears_that_the_client_is_gone)
{
    fake_node_t *node = fake_node_new(io, 0);
    client_t *client  = client_of(fake_node_url(node), NULL);
    done_t done       = {0};
    (void)client_rpc(client, "system_chain", "[]", on_json, &done);
    client_free(client);
    OK(done.is_done && done.status == CLIENT_FREED);
    fake_node_free(node);
}

/* ---- following ---- */

typedef struct {
    char seen[256]; /* "+3 +4 -4 +4" ; "!" before one that comes after a gap */
    bool is_enough;
    uint32_t until;
} seen_t;

static void note(seen_t *seen, const char *sign, const client_block_t *block)
{
    size_t len = strlen(seen->seen);
    snprintf(seen->seen + len, sizeof seen->seen - len, "%s%s%u", len ? " " : "", sign, block->number);
}

static void on_block(void *context, const client_block_t *block)
{
    seen_t *seen = context;
    note(seen, block->after_gap ? "!" : "+", block);
    seen->is_enough = block->number >= seen->until;
}

static void on_retracted(void *context, const client_block_t *block) { note(context, "-", block); }

static bool wait_for_block(seen_t *seen, uint32_t number)
{
    seen->until     = number;
    seen->is_enough = false;
    return io_wait(io, &seen->is_enough, WAIT_MS);
}

TEST(blocks_come_in_order_without_holes_and_are_taken_back)
{
    fake_node_t *node      = fake_node_new(io, 0);
    client_t *client       = client_of(fake_node_url(node), NULL);
    seen_t seen            = {0};
    client_follow_t follow = {.on_block = on_block, .on_retracted = on_retracted, .context = &seen};
    int a1 = fake_node_block(node, 0), a2 = fake_node_block(node, a1), a3 = fake_node_block(node, a2);
    int b3 = fake_node_block(node, a2), b4 = fake_node_block(node, b3);
    fake_node_best(node, a1);
    uint64_t ticket = client_follow(client, &follow);
    OK(wait_for_block(&seen, 1));
    fake_node_best(node, a3);
    OK(wait_for_block(&seen, 3));
    OK(strcmp(seen.seen, "!1 +2 +3") == 0);
    fake_node_best(node, b4);
    OK(wait_for_block(&seen, 4));
    OK(strcmp(seen.seen, "!1 +2 +3 -3 +3 +4") == 0);
    fake_node_best(node, b3); /* and back to a block that was shown */
    settle();
    OK(strcmp(seen.seen, "!1 +2 +3 -3 +3 +4 -4") == 0);
    client_cancel(client, ticket);
    fake_node_best(node, fake_node_block(node, b4));
    settle();
    OK(strcmp(seen.seen, "!1 +2 +3 -3 +3 +4 -4") == 0);
    client_free(client);
    fake_node_free(node);
}

TEST(a_follower_starts_where_it_was_told_and_goes_on_after_a_lost_line)
{
    fake_node_t *node      = fake_node_new(io, 0);
    client_t *client       = client_of(fake_node_url(node), NULL);
    seen_t seen            = {0};
    client_follow_t follow = {.is_finalized = true, .from = 2, .on_block = on_block, .context = &seen};
    int block              = 0;
    for (int i = 0; i < 5; i++)
        block = fake_node_block(node, block);
    fake_node_best(node, block);
    fake_node_final(node, block);
    (void)client_follow(client, &follow);
    OK(wait_for_block(&seen, 5));
    OK(strcmp(seen.seen, "!2 +3 +4 +5") == 0);
    fake_node_stop(node);
    settle();
    for (int i = 0; i < 3; i++)
        block = fake_node_block(node, block);
    fake_node_best(node, block);
    fake_node_final(node, block);
    fake_node_start(node);
    OK(wait_for_block(&seen, 8));
    OK(strcmp(seen.seen, "!2 +3 +4 +5 +6 +7 +8") == 0);
    client_free(client);
    fake_node_free(node);
}

TEST(too_far_behind_is_a_gap)
{
    fake_node_t *node      = fake_node_new(io, 0);
    client_t *client       = client_of(fake_node_url(node), NULL);
    seen_t seen            = {0};
    client_follow_t follow = {.on_block = on_block, .on_retracted = on_retracted, .context = &seen};
    int first              = fake_node_block(node, 0);
    fake_node_best(node, first);
    (void)client_follow(client, &follow);
    OK(wait_for_block(&seen, 1));
    int other =
        fake_node_block(node, fake_node_block(node, 0)); /* a branch from genesis, which was never shown */
    fake_node_best(node, other);
    OK(wait_for_block(&seen, 2));
    OK(strcmp(seen.seen, "!1 !1 +2") == 0);
    client_free(client);
    fake_node_free(node);
}

/* ---- sending ---- */

typedef struct {
    char stages[128];
    bool is_last;
    client_outcome_t last;
} told_t;

static void on_outcome(void *context, const client_outcome_t *outcome)
{
    static const char *const names[] = {"sent", "in", "retracted", "final", "failed", "signed"};
    told_t *told                     = context;
    size_t len                       = strlen(told->stages);
    snprintf(told->stages + len, sizeof told->stages - len, "%s%s", len ? " " : "", names[outcome->stage]);
    told->is_last = outcome->is_last;
    told->last    = *outcome;
}

/* wait_sent runs the loop until the node has so many extrinsics. */
static bool wait_sent(const fake_node_t *node, int count)
{
    uint64_t end_ms = io_ticks_ms(io) + WAIT_MS;
    while (fake_node_submitted(node) < count && io_ticks_ms(io) < end_ms)
        io_step(io, 50);
    return fake_node_submitted(node) == count;
}

static const client_submit_t call = {
    .key = &alice, .call = {(const uint8_t *)"\x00\x00\x00", 3}
};

TEST(a_call_is_followed_until_it_is_in_a_block)
{
    fake_node_t *node = fake_node_new(io, 0);
    client_t *client  = client_of(fake_node_url(node), NULL);
    told_t told       = {0};
    (void)client_submit(client, &call, on_outcome, &told);
    OK(wait_sent(node, 1));
    int block = fake_node_block(node, 0);
    fake_node_include(node, block, 0, true);
    fake_node_tell(node, 0, "inBlock", block);
    OK(io_wait(io, &told.is_last, WAIT_MS));
    OK(strcmp(told.stages, "sent in") == 0);
    OK(told.last.is_success && told.last.block_number == 1 && told.last.index == 1);
    client_free(client);
    fake_node_free(node);
}

TEST(a_refused_call_has_the_name_of_its_error)
{
    fake_node_t *node     = fake_node_new(io, 0);
    client_t *client      = client_of(fake_node_url(node), NULL);
    client_submit_t final = call;
    told_t told           = {0};
    char text[512];
    final.until_final = true;
    (void)client_submit(client, &final, on_outcome, &told);
    OK(wait_sent(node, 1));
    int block = fake_node_block(node, 0), other = fake_node_block(node, 0);
    fake_node_include(node, block, 0, true);
    fake_node_include(node, other, 0, false);
    fake_node_tell(node, 0, "inBlock", block);
    settle();
    fake_node_tell(node, 0, "retracted", block);
    settle();
    fake_node_tell(node, 0, "finalized", other);
    OK(io_wait(io, &told.is_last, WAIT_MS));
    OK(strcmp(told.stages, "sent in retracted final") == 0);
    OK(!told.last.is_success && strcmp(told.last.refusal.pallet_name, "TfgridModule") == 0);
    EQ(client_outcome_text(&told.last, text, sizeof text), CLIENT_REFUSED);
    OK(strstr(text, "TfgridModule."));
    client_free(client);
    fake_node_free(node);
}

TEST(a_call_that_the_pool_refuses_fails_and_the_next_goes_on)
{
    fake_node_t *node = fake_node_new(io, 0);
    client_t *client  = client_of(fake_node_url(node), NULL);
    told_t first = {0}, second = {0};
    fake_node_refuse(node, 1010);
    (void)client_submit(client, &call, on_outcome, &first);
    OK(io_wait(io, &first.is_last, WAIT_MS));
    OK(strcmp(first.stages, "failed") == 0 && first.last.error.code == 1010);
    fake_node_refuse(node, 0);
    (void)client_submit(client, &call, on_outcome, &second);
    OK(wait_sent(node, 1));
    fake_node_tell_state(node, 0, "invalid");
    OK(io_wait(io, &second.is_last, WAIT_MS));
    OK(strcmp(second.stages, "sent failed") == 0);
    client_free(client);
    fake_node_free(node);
}

TEST(calls_in_flight_have_rising_nonces)
{
    fake_node_t *node = fake_node_new(io, 0);
    client_t *client  = client_of(fake_node_url(node), NULL);
    told_t told[4]    = {0};
    for (int i = 0; i < 4; i++)
        (void)client_submit(client, &call, on_outcome, &told[i]);
    OK(wait_sent(node, 4));
    EQ(fake_node_asked(node, "system_accountNextIndex"), 4);
    settle();
    for (int i = 0; i < 4; i++)
        OK(strcmp(told[i].stages, "sent") == 0);
    client_free(client);
    for (int i = 0; i < 4; i++)
        OK(told[i].is_last && told[i].last.error.status == CLIENT_FREED);
    fake_node_free(node);
}

TEST(a_call_whose_line_was_lost_is_found_in_the_chain)
{
    fake_node_t *node = fake_node_new(io, 0);
    client_t *client  = client_of(fake_node_url(node), NULL);
    told_t told       = {0};
    (void)client_submit(client, &call, on_outcome, &told);
    OK(wait_sent(node, 1));
    settle();
    fake_node_stop(node);
    settle();
    int block = fake_node_block(node, fake_node_block(node, 0)), best = fake_node_block(node, block);
    fake_node_include(node, block, 0, true);
    fake_node_best(node, best);
    fake_node_refuse(node, 1010); /* "outdated": it is in a block already */
    fake_node_start(node);
    OK(io_wait(io, &told.is_last, WAIT_MS));
    OK(strcmp(told.stages, "sent in") == 0);
    OK(told.last.is_success && told.last.block_number == 2);
    client_free(client);
    fake_node_free(node);
}

TEST(a_call_that_no_block_took_fails_when_its_era_ends)
{
    fake_node_t *node = fake_node_new(io, 0);
    client_t *client  = client_of(fake_node_url(node), NULL);
    told_t told       = {0};
    int block         = 0;
    (void)client_submit(client, &call, on_outcome, &told);
    OK(wait_sent(node, 1));
    settle();
    fake_node_stop(node);
    settle();
    fake_node_refuse(node, 1012);
    for (int i = 0; i < 70; i++)
        block = fake_node_block(node, block);
    fake_node_best(node, block);
    fake_node_start(node);
    for (int i = 0; i < 20 && !told.is_last; i++) {
        settle();
        fake_node_best(node, block = fake_node_block(node, block));
    }
    OK(strcmp(told.stages, "sent failed") == 0);
    EQ(told.last.error.status, CLIENT_TIMEOUT);
    client_free(client);
    fake_node_free(node);
}

TEST(a_call_may_be_signed_alone_and_its_terms_are_those_that_were_asked)
{
    static uint8_t room[4096];
    arena_t arena           = {.start = room, .size = sizeof room};
    fake_node_t *node       = fake_node_new(io, 0);
    client_t *client        = client_of(fake_node_url(node), NULL);
    client_submit_t signed_ = call;
    signed_.is_sign_only    = true;
    signed_.is_immortal     = true;
    signed_.has_nonce       = true;
    signed_.nonce           = 77;
    client_outcome_t told   = client_submit_wait(client, &signed_, &arena);
    EQ(told.stage, CLIENT_TX_SIGNED);
    EQ(fake_node_submitted(node), 0);
    scale_reader_t r = scale_reader(told.extrinsic, NULL);
    EQ(scale_get_compact_u32(&r), scale_left(&r));
    (void)scale_get_slice(&r, 1 + 1 + 32 + 1 + 64); /* version, who, signature */
    EQ(scale_get_u8(&r), 0);                        /* immortal */
    EQ(scale_get_compact_u32(&r), 77);
    EQ(scale_get_compact_u32(&r), 0); /* tip */
    OK(bytes_equal(scale_get_slice(&r, call.call.len), call.call) && scale_done(&r));
    client_free(client);
    fake_node_free(node);
}

TEST(a_call_may_be_left_in_the_pool)
{
    fake_node_t *node    = fake_node_new(io, 0);
    client_t *client     = client_of(fake_node_url(node), NULL);
    client_submit_t sent = call;
    told_t first = {0}, second = {0};
    sent.until_sent = true;
    (void)client_submit(client, &sent, on_outcome, &first);
    (void)client_submit(client, &call, on_outcome, &second);
    OK(io_wait(io, &first.is_last, WAIT_MS));
    OK(strcmp(first.stages, "sent") == 0);
    OK(wait_sent(node, 2)); /* the next one goes on */
    OK(!second.is_last);
    client_free(client);
    fake_node_free(node);
}

TEST_MAIN()
