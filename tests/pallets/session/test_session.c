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

TEST_MAIN()
