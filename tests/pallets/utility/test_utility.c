/* test_utility.c - many calls in one, and calls in another's name. */
#include "blocks.h"
#include "hex.h"
#include "test.h"

static uint8_t memory[1 << 20];
static arena_t arena;

static void start(void)
{
    blocks_start();
    block_open();
    arena = (arena_t){memory, sizeof memory, 0};
}

/* call keeps an encoded call as one within another. */
static runtime_call_t *call(bytes_t encoded)
{
    bytes_t kept;
    (void)arena_copy(&arena, encoded, &kept);
    scale_reader_t r = scale_reader(kept, &arena);
    return runtime_call_take(&r);
}

static runtime_call_t *pay(const keypair_t *to, u128_t value)
{
    return call(CALL_BYTES(balances_transfer_keep_alive, .dest = ID(*to), .value = value));
}

static bool told(const char *names) { return strstr(event_names(block_count - 1), names) != NULL; }

TEST(a_batch_stops_at_the_first_failure_and_keeps_the_rest)
{
    start();
    u128_t eves             = free_of(&eve.account);
    runtime_call_t *calls[] = {pay(&eve, 1000), pay(&eve, (u128_t)1 << 100), pay(&eve, 1000)};
    EQ(APPLY(bob, utility_batch, .calls = {calls, 3}), VALID);
    EQ(last_result, DISPATCH_OK);
    OK(free_of(&eve.account) == eves + 1000);
    OK(told("Balances.Transfer Utility.ItemCompleted Utility.BatchInterrupted"));
    system_event_record_vec_t records = events();
    for (uint32_t i = 0; i < records.len; i++)
        if (records.items[i].event->pallet == UTILITY_PALLET &&
            records.items[i].event->utility.kind == UTILITY_EVENT_BATCH_INTERRUPTED)
            EQ(records.items[i].event->utility.batch_interrupted.index, 1);
    blocks_stop();
}

TEST(a_batch_of_all_undoes_all)
{
    start();
    u128_t eves             = free_of(&eve.account);
    runtime_call_t *calls[] = {pay(&eve, 1000), pay(&eve, (u128_t)1 << 100)};
    EQ(APPLY(bob, utility_batch_all, .calls = {calls, 2}), VALID);
    EQ(last_result, DISPATCH_TOKEN(TOKEN_FUNDS_UNAVAILABLE));
    OK(free_of(&eve.account) == eves);
    OK(!told("Transfer "));
    OK(!told("Utility."));
    calls[1] = pay(&eve, 5);
    EQ(APPLY(bob, utility_batch_all, .calls = {calls, 2}), VALID);
    EQ(last_result, DISPATCH_OK);
    OK(told("Utility.ItemCompleted Balances.Transfer Utility.ItemCompleted Utility.BatchCompleted"));
    OK(free_of(&eve.account) == eves + 1005);
    blocks_stop();
}

TEST(a_forced_batch_goes_on)
{
    start();
    u128_t eves             = free_of(&eve.account);
    runtime_call_t *calls[] = {pay(&eve, 1000), pay(&eve, (u128_t)1 << 100), pay(&eve, 1000)};
    EQ(APPLY(bob, utility_force_batch, .calls = {calls, 3}), VALID);
    EQ(last_result, DISPATCH_OK);
    OK(free_of(&eve.account) == eves + 2000);
    OK(told("Utility.ItemFailed"));
    OK(told("Utility.BatchCompletedWithErrors"));
    blocks_stop();
}

TEST(a_batch_of_all_is_not_within_another)
{
    start();
    runtime_call_t *inner[] = {call(CALL_BYTES(utility_batch_all, .calls = {NULL, 0}))};
    EQ(APPLY(bob, utility_batch_all, .calls = {inner, 1}), VALID);
    EQ(last_result, SYSTEM_CALL_FILTERED);
    blocks_stop();
}

TEST(calls_within_calls_have_a_depth)
{
    start();
    uint8_t nested[200];
    for (uint32_t depth = 1; depth < 60; depth++) {
        scale_writer_t w = scale_writer(nested, sizeof nested);
        for (uint32_t i = 0; i < depth; i++)
            scale_put_raw(&w, (uint8_t[]){UTILITY_PALLET, UTILITY_CALL_BATCH, 4}, 3);
        scale_put_raw(&w, (uint8_t[]){SYSTEM_PALLET, SYSTEM_CALL_REMARK, 0}, 3);
        EQ(apply(signed_call(&bob, scale_written(&w))),
           depth < RUNTIME_CALL_DEPTH_MAX ? VALID : INVALID_CALL);
    }
    blocks_stop();
}

TEST(a_batch_pays_though_its_calls_would_not)
{
    start();
    hash_t hash           = {{9}};
    account_id_t bobs[]   = {bob.account};
    council_votes_t votes = {.threshold = 2, .end = 100};
    council_voting_put(&rt, &hash, &votes);
    council_members_put(&rt, (account_id_vec_t){bobs, 1});
    runtime_call_t *calls[] = {call(CALL_BYTES(council_vote, .proposal = hash, .index = 0, .approve = true))};
    u128_t before           = free_of(&bob.account);
    EQ(APPLY(bob, utility_batch, .calls = {calls, 1}), VALID);
    OK(told("Council.Voted Utility.ItemCompleted"));
    OK(free_of(&bob.account) == before - 10000 - last_len);
    blocks_stop();
}

TEST(an_account_derives_others)
{
    start();
    /* Alice's account 7, as polkadot-js' encodeDerivedAddress has it. */
    static const account_id_t seventh = {
        {0x63, 0xd3, 0x3e, 0xe4, 0x77, 0x19, 0xf2, 0x64, 0xc0, 0x31, 0x43, 0xb0, 0xf4, 0xd6, 0x9f, 0xf1,
         0x75, 0x1b, 0x7e, 0x2d, 0xa5, 0x69, 0x7c, 0xbf, 0x69, 0x06, 0xc7, 0x4d, 0x73, 0x4d, 0xcd, 0x28}
    };
    runtime_call_t *payment = pay(&eve, 1000);
    EQ(APPLY(alice, utility_as_derivative, .index = 7, .call = payment), VALID);
    EQ(last_result, DISPATCH_TOKEN(TOKEN_FUNDS_UNAVAILABLE));
    EQ(APPLY(bob, balances_transfer_keep_alive, .dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = seventh},
             .value = 5000),
       VALID);
    EQ(APPLY(alice, utility_as_derivative, .index = 7, .call = payment), VALID);
    EQ(last_result, DISPATCH_OK);
    OK(free_of(&seventh) == 4000);
    blocks_stop();
}

TEST(root_dispatches_as_anybody)
{
    start();
    u128_t eves                     = free_of(&eve.account);
    utility_dispatch_as_args_t args = {
        .as_origin = {.kind   = SUPPORT_ORIGIN_CALLER_SYSTEM,
                      .system = {.kind = SUPPORT_SYSTEM_ORIGIN_SIGNED, .signed_ = bob.account}},
        .call      = pay(&eve, 1000)
    };
    EQ(utility_dispatch_as(&rt, &args), DISPATCH_OK);
    OK(free_of(&eve.account) == eves + 1000);
    EQ(APPLY(bob, utility_dispatch_as, .as_origin = args.as_origin, .call = args.call), VALID);
    EQ(last_result, DISPATCH_BAD_ORIGIN);
    blocks_stop();
}

TEST(a_batch_weighs_its_calls)
{
    start();
    runtime_call_t *calls[] = {pay(&eve, 1000), pay(&eve, 1000)};
    runtime_call_t *batch   = call(CALL_BYTES(utility_batch, .calls = {calls, 2}));
    dispatch_info_t one = runtime_call_dispatch_info(calls[0]), all = runtime_call_dispatch_info(batch);
    OK(all.weight.ref_time > 2 * one.weight.ref_time);
    EQ(all.weight.proof_size, 2 * one.weight.proof_size);
    EQ(all.class, CLASS_NORMAL);
    runtime_call_t *council[] = {call(CALL_BYTES(council_vote, .index = 0))};
    EQ(runtime_call_dispatch_info(call(CALL_BYTES(utility_batch, .calls = {council, 1}))).class,
       CLASS_OPERATIONAL);
    blocks_stop();
}

TEST_MAIN()
