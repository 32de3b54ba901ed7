/* test_extrinsic.c - who may put what into a block, and what it costs. */
#include "blocks.h"
#include "test.h"

#define REMARK(who_, text_) APPLY(who_, system_remark, .remark = BYTES(text_))
#define TRANSFER(from_, to_, amount_)                                                                        \
    APPLY(from_, balances_transfer_allow_death, .dest = ID(to_), .value = (amount_))

static void start(void)
{
    blocks_start();
    block_open();
}

TEST(a_transfer_costs_ten_thousand_and_its_length)
{
    start();
    u128_t bobs = free_of(&bob.account), eves = free_of(&eve.account), alices = free_of(&alice.account);
    EQ(TRANSFER(bob, eve, 12345), VALID);
    EQ(last_result, DISPATCH_OK);
    EQ(last_len, 141);
    OK(free_of(&bob.account) == bobs - 12345 - 10000 - last_len);
    OK(free_of(&eve.account) == eves + 12345);
    OK(free_of(&alice.account) == alices + 10000 + last_len);
    EQ(account_of(&bob.account).nonce, 1);
    OK(strcmp(event_names(1), "Balances.Withdraw Balances.Transfer Balances.Deposit "
                              "TransactionPayment.TransactionFeePaid System.ExtrinsicSuccess") == 0);
    OK(issuance_is_whole());
    blocks_stop();
}

/* The multiplier is 0 from genesis on: whatever a call weighs, it costs the base and its length. */
TEST(g14_a_fee_does_not_depend_on_weight)
{
    start();
    for (uint32_t block = 0; block < 3; block++) {
        OK(transaction_payment_next_fee_multiplier_get(&rt) == 0);
        u128_t bobs = free_of(&bob.account);
        EQ(APPLY(bob, tfgrid_user_accept_tc, .document_link = BYTES("https://a.b"),
                 .document_hash = BYTES("h")),
           VALID);
        EQ(last_result, DISPATCH_OK);
        OK(free_of(&bob.account) == bobs - 10000 - last_len);
        bobs = free_of(&bob.account);
        EQ(REMARK(bob, "light"), VALID);
        OK(free_of(&bob.account) == bobs - 10000 - last_len);
        (void)block_close();
        block_open();
    }
    blocks_stop();
}

TEST(the_event_tells_the_weight_with_the_base)
{
    start();
    EQ(TRANSFER(bob, eve, 1000), VALID);
    system_event_record_vec_t records = events();
    const runtime_event_t *last       = records.items[records.len - 1].event;
    EQ(last->system.kind, SYSTEM_EVENT_EXTRINSIC_SUCCESS);
    EQ(last->system.extrinsic_success.weight.ref_time, 60031000 + 25000000 + 100000000 + 124414000);
    EQ(last->system.extrinsic_success.weight.proof_size, 3593);
    EQ(last->system.extrinsic_success.pays_fee, SUPPORT_PAYS_YES);
    blocks_stop();
}

TEST(a_tip_goes_to_the_author_too)
{
    start();
    u128_t bobs = free_of(&bob.account), alices = free_of(&alice.account);
    sign.tip = 777;
    EQ(REMARK(bob, "x"), VALID);
    OK(free_of(&bob.account) == bobs - 10777 - last_len);
    OK(free_of(&alice.account) == alices + 10777 + last_len);
    system_event_record_vec_t records = events();
    const runtime_event_t *paid       = records.items[records.len - 2].event;
    OK(paid->transaction_payment.transaction_fee_paid.actual_fee == 10777 + last_len);
    OK(paid->transaction_payment.transaction_fee_paid.tip == 777);
    blocks_stop();
}

TEST(a_failed_call_changes_nothing_but_fee_and_nonce)
{
    start();
    u128_t bobs = free_of(&bob.account), eves = free_of(&eve.account);
    EQ(TRANSFER(bob, eve, bobs + 1), VALID);
    EQ(last_result, DISPATCH_TOKEN(TOKEN_FUNDS_UNAVAILABLE));
    OK(free_of(&bob.account) == bobs - 10000 - last_len);
    OK(free_of(&eve.account) == eves);
    EQ(account_of(&bob.account).nonce, 1);
    OK(strcmp(event_names(1), "Balances.Withdraw Balances.Deposit TransactionPayment.TransactionFeePaid "
                              "System.ExtrinsicFailed") == 0);
    system_event_record_vec_t records = events();
    EQ(records.items[records.len - 1].event->system.extrinsic_failed.dispatch_error.kind,
       SUPPORT_DISPATCH_ERROR_TOKEN);
    blocks_stop();
}

TEST(nonces_are_used_in_order_and_once)
{
    start();
    sign.nonce = 1;
    EQ(REMARK(bob, "early"), INVALID_FUTURE);
    sign.nonce = 0;
    EQ(REMARK(bob, "now"), VALID);
    sign.nonce = 0;
    EQ(REMARK(bob, "again"), INVALID_STALE);
    EQ(account_of(&bob.account).nonce, 1);
    EQ(block_count, 2);
    blocks_stop();
}

TEST(an_extrinsic_that_is_not_valid_leaves_no_trace)
{
    start();
    uint32_t count;
    u128_t before = free_of(&bob.account);
    sign.nonce    = 5;
    EQ(TRANSFER(bob, eve, 1), INVALID_FUTURE);
    OK(free_of(&bob.account) == before);
    EQ(account_of(&bob.account).nonce, 0);
    OK(!system_extrinsic_data_exists(&rt, 1));
    OK(system_all_extrinsics_len_get(&rt, &count));
    EQ(count, 11);
    blocks_stop();
}

TEST(every_kind_of_key_signs)
{
    start();
    EQ(TRANSFER(bob, ed, 1000000), VALID);
    EQ(TRANSFER(bob, ec, 1000000), VALID);
    EQ(REMARK(ed, "ed25519"), VALID);
    EQ(REMARK(ec, "ecdsa"), VALID);
    sign.is_forged = true;
    EQ(REMARK(ed, "forged"), INVALID_BAD_PROOF);
    sign.is_forged = true;
    EQ(REMARK(ec, "forged"), INVALID_BAD_PROOF);
    sign.is_forged = true;
    EQ(REMARK(bob, "forged"), INVALID_BAD_PROOF);
    blocks_stop();
}

TEST(a_long_payload_is_signed_by_its_hash)
{
    start();
    static const char text[2000] = "long";
    EQ(APPLY(bob, system_remark, .remark = {(const uint8_t *)text, sizeof text}), VALID);
    EQ(last_result, DISPATCH_OK);
    blocks_stop();
}

TEST(another_version_or_chain_is_not_signed_for)
{
    start();
    sign.spec_version = 153;
    EQ(REMARK(bob, "old"), INVALID_BAD_PROOF);
    hash_t real = genesis_hash;
    genesis_hash.b[0] ^= 1;
    EQ(REMARK(bob, "elsewhere"), INVALID_BAD_PROOF);
    genesis_hash = real;
    blocks_stop();
}

TEST(a_mortal_extrinsic_lives_in_its_era)
{
    start();
    for (uint32_t i = 0; i < 5; i++) {
        (void)block_close();
        block_open();
    }
    uint32_t now = system_number_get(&rt);
    sign.era     = era_at(now - 1, 16);
    system_block_hash_get(&rt, (uint32_t)era_birth(sign.era, now - 1), &sign.birth);
    EQ(REMARK(bob, "mortal"), VALID);
    sign.era   = era_at(now - 1, 16); /* with a hash that is not of its birth */
    sign.birth = genesis_hash;
    sign.birth.b[0] ^= 1;
    EQ(REMARK(bob, "wrong birth"), INVALID_BAD_PROOF);

    era_t short_era = era_at(now - 1, 4);
    hash_t birth;
    system_block_hash_get(&rt, (uint32_t)era_birth(short_era, now - 1), &birth);
    for (uint32_t i = 0; i < 8; i++) {
        (void)block_close();
        block_open();
    }
    sign.era   = short_era;
    sign.birth = birth;
    EQ(REMARK(bob, "late"),
       INVALID_BAD_PROOF); /* the era is a later one by now: another hash was to be signed */
    blocks_stop();
}

TEST(an_era_whose_birth_is_forgotten_is_ancient)
{
    start();
    (void)block_close();
    system_number_put(&rt, 5000);
    block_open();
    sign.era = (era_t){4096, 8};
    EQ(REMARK(bob, "old"), INVALID_ANCIENT_BIRTH);
    blocks_stop();
}

TEST(who_cannot_pay_is_not_let_in)
{
    start();
    EQ(REMARK(ed, "no account"), INVALID_PAYMENT);
    EQ(TRANSFER(bob, ed, 10000), VALID);
    EQ(REMARK(ed, "too poor"), INVALID_PAYMENT);
    EQ(account_of(&ed.account).nonce, 0);
    sign.tip = ~(u128_t)0;
    EQ(REMARK(bob, "all tip"), INVALID_PAYMENT);
    blocks_stop();
}

TEST(bare_extrinsics_are_inherents_only)
{
    start();
    static const uint8_t remark[] = {5 << 2, 4, 0, 0, 4, 'x'};
    EQ(apply((bytes_t){remark, sizeof remark}), UNKNOWN_NO_VALIDATOR);
    static const uint8_t version5[] = {5 << 2, 5, 0, 0, 4, 'x'};
    EQ(apply((bytes_t){version5, sizeof version5}), INVALID_CALL);
    static const uint8_t short_of_one[] = {6 << 2, 4, 0, 0, 4, 'x'};
    EQ(apply((bytes_t){short_of_one, sizeof short_of_one}), INVALID_CALL);
    EQ(apply((bytes_t){remark, 0}), INVALID_CALL);
    blocks_stop();
}

TEST(a_signed_time_is_refused)
{
    start();
    EQ(APPLY(alice, timestamp_set, .now = runtime_now(&rt)), INVALID_MANDATORY);
    blocks_stop();
}

TEST(a_block_holds_a_length)
{
    start();
    static uint8_t text[2 << 20];
    EQ(APPLY(bob, system_remark, .remark = {text, 2 << 20}), VALID);
    EQ(APPLY(bob, system_remark, .remark = {text, 2 << 20}), INVALID_EXHAUSTS); /* 3.75 MiB of normal ones */
    EQ(APPLY(bob, system_remark, .remark = {text, 1 << 20}), VALID);
    blocks_stop();
}

TEST(a_block_holds_a_weight)
{
    start();
    support_weight_t half  = {.ref_time = UINT64_C(1000000000000), .proof_size = 1};
    support_weight_t whole = {.ref_time = UINT64_C(1800000000000), .proof_size = 1};
    hash_t hash            = {{1}};
    EQ(APPLY(bob, council_close, .proposal_hash = hash, .proposal_weight_bound = whole, .length_bound = 1),
       INVALID_EXHAUSTS);
    EQ(APPLY(bob, council_close, .proposal_hash = hash, .proposal_weight_bound = half, .length_bound = 1),
       VALID);
    EQ(last_result, COUNCIL_PROPOSAL_MISSING);
    EQ(APPLY(bob, council_close, .proposal_hash = hash, .proposal_weight_bound = half, .length_bound = 1),
       INVALID_EXHAUSTS);
    EQ(REMARK(bob, "still"), VALID);
    blocks_stop();
}

TEST(a_motion_may_be_as_long_as_an_extrinsic)
{
    start();
    static uint8_t text[3 << 20];
    runtime_call_t remark = {.pallet = SYSTEM_PALLET};
    remark.system = (system_call_t){.index = SYSTEM_CALL_REMARK, .remark = {.remark = {text, 3 << 20}}};
    EQ(APPLY(bob, council_propose, .threshold = 2, .proposal = &remark, .length_bound = UINT32_MAX), VALID);
    EQ(last_result, DISPATCH_OK);
    EQ(council_proposal_count_get(&rt), 1);
    (void)block_close();
    blocks_stop();
}

TEST(a_key_too_long_for_the_state_refuses_the_call_and_not_the_block)
{
    start();
    static uint8_t name[3000] = {'n'};
    u128_t before             = free_of(&bob.account);
    EQ(APPLY(bob, tfgrid_create_entity, .target = bob.account, .name = {name, sizeof name},
             .country = BYTES("Belgium"), .city = BYTES("Ghent"), .signature = {name, 128}),
       VALID);
    EQ(last_result, DISPATCH_EXHAUSTED);
    OK(free_of(&bob.account) == before - 10000 - last_len);
    EQ(REMARK(bob, "goes on"), VALID);
    (void)block_close();
    blocks_stop();
}

TEST(too_many_events_refuse_the_call_and_not_the_block)
{
    start();
    enum { CALLS = 10922, BATCHES = 6 };
    static uint8_t call[BATCHES * (CALLS * 3 + 8) + 16];
    scale_writer_t w = scale_writer(call, sizeof call);
    scale_put_u8(&w, UTILITY_PALLET);
    scale_put_u8(&w, UTILITY_CALL_BATCH);
    scale_put_compact(&w, BATCHES);
    for (uint32_t b = 0; b < BATCHES; b++) {
        scale_put_u8(&w, UTILITY_PALLET);
        scale_put_u8(&w, UTILITY_CALL_BATCH);
        scale_put_compact(&w, CALLS);
        for (uint32_t i = 0; i < CALLS; i++)
            scale_put_raw(&w, (uint8_t[]){SYSTEM_PALLET, SYSTEM_CALL_REMARK_WITH_EVENT, 0}, 3);
    }
    validity_t validity = apply(signed_call(&bob, scale_written(&w)));
    if (validity == VALID) EQ(last_result, DISPATCH_EXHAUSTED); /* else it does not even decode: as good */
    OK(validity == VALID || validity == INVALID_CALL);
    EQ(REMARK(bob, "goes on"), VALID);
    (void)block_close();
    OK(issuance_is_whole());
    blocks_stop();
}

PROPERTY(money_is_conserved, 30)
{
    start();
    const keypair_t *who[] = {&alice, &bob, &charlie, &eve, &ed, &ec};
    for (uint32_t i = 0; i < 40; i++) {
        const keypair_t *from = who[random_below(random, 6)], *to = who[random_below(random, 6)];
        support_multi_address_t dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = to->account};
        u128_t most                  = free_of(&from->account);
        u128_t value                 = random_below(random, 2) ? random_below(random, 2000)
                                                               : most - most / (1 + random_below(random, 9));
        bytes_t call;
        switch (random_below(random, 4)) {
        case 0: call = CALL_BYTES(balances_transfer_allow_death, .dest = dest, .value = value); break;
        case 1: call = CALL_BYTES(balances_transfer_keep_alive, .dest = dest, .value = value); break;
        case 2:
            call = CALL_BYTES(balances_transfer_all, .dest = dest, .keep_alive = random_below(random, 2));
            break;
        default: call = CALL_BYTES(system_remark, .remark = {0}); break;
        }
        (void)apply(signed_call(from, call));
        OK(issuance_is_whole());
        if (random_below(random, 8) == 0) {
            (void)block_close();
            block_open();
        }
    }
    (void)block_close();
    OK(issuance_is_whole());
    blocks_stop();
}

TEST_MAIN()
