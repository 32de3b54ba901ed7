/* test_session.c - sessions rotate, validators come and go, keys are set. */
#include "blocks.h"
#include "collective/accounts.h"
#include "test.h"
#include "validator_set/validator_set.h"

/* next_session goes to the next multiple of 600 and gives that block's header. */
static header_t next_session(void)
{
    uint32_t now = system_number_get(&rt);
    system_number_put(&rt, now - now % 600 + 599);
    block_open();
    return block_close();
}

static support_session_keys_t keys_of(uint8_t n)
{
    support_session_keys_t keys;
    memset(keys.aura.b, n, 32);
    memset(keys.grandpa.b, n + 100, 32);
    return keys;
}

static validity_t purge(const keypair_t *who)
{
    call_writer.len = 0;
    session_purge_keys_call_encode(&call_writer);
    return apply(signed_call(who, scale_written(&call_writer)));
}

static void start(void)
{
    blocks_start();
    block_open();
    (void)block_close();
}

static bool has_log(const header_t *header, const char *engine)
{
    for (uint32_t i = 0; i < header->digest_count; i++)
        if (header->digest[i].kind == DIGEST_CONSENSUS && memcmp(header->digest[i].engine, engine, 4) == 0)
            return true;
    return false;
}

TEST(a_session_that_changes_nothing_tells_nobody)
{
    start();
    for (uint32_t i = 1; i < 4; i++) {
        header_t header = next_session();
        EQ(session_current_index_get(&rt), i);
        EQ(header.digest_count, 1);
        EQ(grandpa_current_set_id_get(&rt), 0);
        OK(strstr(event_names(PHASE_INITIALIZATION), "Session.NewSession"));
    }
    block_open();
    (void)block_close();
    EQ(session_current_index_get(&rt), 3);
    blocks_stop();
}

TEST(a_new_validator_makes_blocks_two_sessions_later)
{
    start();
    block_open();
    EQ(APPLY(bob, session_set_keys, .keys = keys_of(1), .proof = {0}), VALID);
    EQ(last_result, DISPATCH_OK);
    EQ(account_of(&bob.account).consumers, 1);
    EQ(validator_set_add(&rt, &bob.account), DISPATCH_OK);
    EQ(validator_set_add(&rt, &bob.account), VALIDATOR_SET_DUPLICATE);
    (void)block_close();

    account_id_t keys[4];
    header_t header = next_session();
    EQ(header.digest_count, 1);
    EQ(runtime_aura_authorities(&rt, keys, 4), 1);
    header = next_session();
    EQ(header.digest_count, 3);
    OK(has_log(&header, "aura"));
    OK(has_log(&header, "FRNK"));
    EQ(runtime_aura_authorities(&rt, keys, 4), 2);
    EQ(keys[1].b[0], 1);
    EQ(runtime_grandpa_authorities(&rt, keys, 4), 2);
    EQ(keys[1].b[0], 101);
    EQ(grandpa_current_set_id_get(&rt), 1);
    OK(!grandpa_pending_change_exists(&rt));
    account_id_vec_t validators;
    session_validators_get(&rt, &validators);
    EQ(validators.len, 2);
    OK(strstr(event_names(PHASE_FINALIZATION), "Grandpa.NewAuthorities"));
    header = next_session();
    EQ(header.digest_count, 1);
    EQ(grandpa_current_set_id_get(&rt), 1);
    blocks_stop();
}

TEST(a_validator_without_keys_is_left_out)
{
    start();
    EQ(validator_set_add(&rt, &bob.account), DISPATCH_OK);
    (void)next_session();
    header_t header = next_session();
    EQ(header.digest_count, 1);
    account_id_vec_t validators;
    session_validators_get(&rt, &validators);
    EQ(validators.len, 1);
    blocks_stop();
}

TEST(the_last_validator_stays_and_a_removed_one_may_return)
{
    start();
    EQ(validator_set_remove(&rt, &alice.account), VALIDATOR_SET_TOO_LOW_VALIDATOR_COUNT);
    EQ(validator_set_add(&rt, &bob.account), DISPATCH_OK);
    EQ(validator_set_remove(&rt, &bob.account), DISPATCH_OK);
    EQ(validator_set_add(&rt, &bob.account), DISPATCH_OK);
    block_open();
    EQ(APPLY(bob, validator_set_add_validator, .validator_id = eve.account), VALID);
    EQ(last_result, DISPATCH_BAD_ORIGIN);
    EQ(APPLY(bob, validator_set_add_validator_again, .validator_id = eve.account), VALID);
    EQ(last_result, VALIDATOR_SET_BAD_ORIGIN);
    EQ(APPLY(eve, validator_set_add_validator_again, .validator_id = eve.account), VALID);
    EQ(last_result, VALIDATOR_SET_VALIDATOR_NOT_APPROVED);
    EQ(APPLY(bob, validator_set_add_validator_again, .validator_id = bob.account), VALID);
    EQ(last_result, VALIDATOR_SET_DUPLICATE);
    blocks_stop();
}

TEST(keys_have_one_owner)
{
    start();
    block_open();
    EQ(APPLY(bob, session_set_keys, .keys = keys_of(1), .proof = {0}), VALID);
    EQ(APPLY(eve, session_set_keys, .keys = keys_of(1), .proof = {0}), VALID);
    EQ(last_result, SESSION_DUPLICATED_KEY);
    EQ(APPLY(bob, session_set_keys, .keys = keys_of(2), .proof = {0}), VALID);
    EQ(last_result, DISPATCH_OK);
    EQ(account_of(&bob.account).consumers, 1);
    EQ(APPLY(eve, session_set_keys, .keys = keys_of(1), .proof = {0}), VALID);
    EQ(last_result, DISPATCH_OK);
    EQ(purge(&bob), VALID);
    EQ(last_result, DISPATCH_OK);
    EQ(account_of(&bob.account).consumers, 0);
    EQ(purge(&bob), VALID);
    EQ(last_result, SESSION_NO_KEYS);
    blocks_stop();
}

/* ------------------------------------------------------------------ finality that stalled */

static void note_stalled(uint32_t delay, uint32_t best_final)
{
    runtime_call_t call = {
        .pallet  = GRANDPA_PALLET,
        .grandpa = {.index        = GRANDPA_CALL_NOTE_STALLED,
                    .note_stalled = {.delay = delay, .best_finalized_block_number = best_final}}
    };
    EQ(runtime_call_dispatch(&rt, &(origin_t){.kind = ORIGIN_SIGNED, .who = alice.account}, &call),
       DISPATCH_BAD_ORIGIN);
    EQ(runtime_call_dispatch(&rt, &(origin_t){.kind = ORIGIN_ROOT}, &call), DISPATCH_OK);
}

/* grandpa_log is GRANDPA's message in a header: empty when there is none. */
static bytes_t grandpa_log(const header_t *header)
{
    for (uint32_t i = 0; i < header->digest_count; i++)
        if (header->digest[i].kind == DIGEST_CONSENSUS && memcmp(header->digest[i].engine, "FRNK", 4) == 0)
            return header->digest[i].data;
    return (bytes_t){0};
}

TEST(after_a_stall_the_authorities_are_changed_by_force)
{
    start();
    note_stalled(2, 77);
    header_t header  = next_session();
    bytes_t log      = grandpa_log(&header);
    scale_reader_t r = scale_reader(log, NULL);
    EQ(scale_get_u8(&r), 2); /* ForcedChange */
    EQ(scale_get_u32(&r), 77);
    uint32_t count = scale_get_compact_u32(&r);
    OK(count > 0);
    (void)scale_get_slice(&r, count * 40);
    EQ(scale_get_u32(&r), 2);
    OK(scale_done(&r));
    OK(!grandpa_stalled_exists(&rt));
    uint32_t next_forced;
    OK(grandpa_next_forced_get(&rt, &next_forced));
    EQ(next_forced, 600 + 2 * 2);
    EQ(grandpa_current_set_id_get(&rt), 1);

    block_open();
    header = block_close();
    EQ(grandpa_log(&header).len, 0);
    OK(grandpa_pending_change_exists(&rt));
    block_open();
    (void)block_close();
    OK(!grandpa_pending_change_exists(&rt));
    OK(strstr(event_names(PHASE_FINALIZATION), "Grandpa.NewAuthorities"));
    blocks_stop();
}

TEST(a_forced_change_waits_for_twice_the_delay_of_the_last)
{
    start();
    note_stalled(400, 77);
    (void)next_session();
    EQ(grandpa_current_set_id_get(&rt), 1);
    grandpa_pending_change_remove(&rt);
    note_stalled(1, 78);
    (void)next_session(); /* 1200, before 600 + 800 */
    EQ(grandpa_current_set_id_get(&rt), 1);
    OK(!grandpa_stalled_exists(&rt));
    note_stalled(1, 79);
    (void)next_session();
    EQ(grandpa_current_set_id_get(&rt), 2);
    blocks_stop();
}

/* The proof of key ownership has no value here, so a report has no bytes either: it is never in a block. */
TEST(a_report_of_a_double_vote_does_not_decode)
{
    uint8_t bytes[2 + 8 + 1 + 8 + 32 + 2 * (36 + 64) + 8] = {GRANDPA_PALLET,
                                                             GRANDPA_CALL_REPORT_EQUIVOCATION};
    start();
    for (uint32_t len = 2; len <= sizeof bytes; len++) {
        runtime_call_t call;
        scale_reader_t r = scale_reader((bytes_t){bytes, len}, &rt.arena);
        runtime_call_decode(&r, &call);
        OK(r.failed);
    }
    block_open();
    EQ(apply(signed_call(&alice, (bytes_t){bytes, sizeof bytes})), INVALID_CALL);
    (void)block_close();
    blocks_stop();
}

TEST_MAIN()
