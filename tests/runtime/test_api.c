/* test_api.c - the runtime's functions by name, and what the pool asks. */
#include "blocks.h"
#include "runtime_version.h"
#include "test.h"

static bytes_t call(const char *name, bytes_t args)
{
    bytes_t result = {0};
    rt.fault       = NULL;
    if (!runtime_api(&rt, bytes_text(name), args, &result)) return (bytes_t){0};
    return result;
}

static scale_reader_t asked(const char *name, bytes_t args)
{
    return scale_reader(call(name, args), &rt.arena);
}

/* What clients use (spec tfgrid 1.4): every one answers. */
TEST(functions_without_arguments_answer)
{
    static const char *const names[] = {"Core_version",
                                        "Metadata_metadata",
                                        "Metadata_metadata_versions",
                                        "AuraApi_slot_duration",
                                        "AuraApi_authorities",
                                        "GrandpaApi_grandpa_authorities",
                                        "GrandpaApi_current_set_id"};
    blocks_start();
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++)
        OK(call(names[i], (bytes_t){0}).len > 0);
    blocks_stop();
}

TEST(an_unknown_function_and_wrong_arguments_are_refused)
{
    blocks_start();
    bytes_t result;
    OK(!runtime_api(&rt, BYTES("Core_vers"), (bytes_t){0}, &result));
    OK(!rt.fault);
    OK(!runtime_api(&rt, BYTES("AccountNonceApi_account_nonce"), BYTES("short"), &result));
    OK(rt.fault);
    rt.fault = NULL;
    OK(!runtime_api(&rt, BYTES("Core_version"), BYTES("too much"), &result));
    blocks_stop();
}

TEST(the_version_is_as_clients_read_it)
{
    blocks_start();
    scale_reader_t r = asked("Core_version", (bytes_t){0});
    OK(bytes_equal(scale_get_bytes(&r, 99), BYTES("substrate-threefold")));
    OK(bytes_equal(scale_get_bytes(&r, 99), BYTES("substrate-threefold")));
    EQ(scale_get_u32(&r), 1);
    EQ(scale_get_u32(&r), 154);
    EQ(scale_get_u32(&r), 1);
    EQ(scale_get_compact(&r), 10);
    (void)scale_get_slice(&r, 120);
    EQ(scale_get_u32(&r), 2);
    EQ(scale_get_u8(&r), 1);
    OK(scale_done(&r));
    blocks_stop();
}

TEST(metadata_is_wrapped_once)
{
    blocks_start();
    scale_reader_t r = asked("Metadata_metadata", (bytes_t){0});
    bytes_t inner    = scale_get_bytes(&r, UINT32_MAX);
    OK(scale_done(&r));
    OK(inner.len > 50000 && memcmp(inner.data, "meta\x0e", 5) == 0);
    static const uint8_t fifteen[] = {15, 0, 0, 0}, ninety_nine[] = {99, 0, 0, 0};
    r = asked("Metadata_metadata_at_version", (bytes_t){fifteen, 4});
    OK(scale_get_option(&r));
    inner = scale_get_bytes(&r, UINT32_MAX);
    OK(scale_done(&r) && memcmp(inner.data, "meta\x0f", 5) == 0);
    r = asked("Metadata_metadata_at_version", (bytes_t){ninety_nine, 4});
    OK(!scale_get_option(&r) && scale_done(&r));
    blocks_stop();
}

/* fake is an extrinsic with a signature of zeros, as clients send it to ask for its fee. */
static bytes_t fee_question(void)
{
    static uint8_t room[512];
    sign.is_forged = true;
    bytes_t extrinsic =
        signed_call(&bob, CALL_BYTES(balances_transfer_keep_alive, .dest = ID(eve), .value = 5));
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_raw(&w, extrinsic.data, extrinsic.len);
    scale_put_u32(&w, extrinsic.len);
    last_len = extrinsic.len;
    return scale_written(&w);
}

TEST(fees_are_foretold_without_a_signature)
{
    blocks_start();
    scale_reader_t r = asked("TransactionPaymentApi_query_info", fee_question());
    EQ(scale_get_compact(&r), 43657000 + 125000000);
    EQ(scale_get_compact(&r), 3593);
    EQ(scale_get_u8(&r), 0);
    OK(scale_get_u128(&r) == 10000 + last_len);
    OK(scale_done(&r));

    r = asked("TransactionPaymentApi_query_fee_details", fee_question());
    OK(scale_get_option(&r));
    OK(scale_get_u128(&r) == 10000);
    OK(scale_get_u128(&r) == last_len);
    OK(scale_get_u128(&r) == 0);
    OK(scale_get_u128(&r) == 0);
    OK(scale_done(&r));

    static const uint8_t len[4] = {200, 0, 0, 0};
    r                           = asked("TransactionPaymentApi_query_length_to_fee", (bytes_t){len, 4});
    OK(scale_get_u128(&r) == 200);
    uint8_t room[16];
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_compact(&w, 124414000);
    scale_put_compact(&w, 0);
    r = asked("TransactionPaymentApi_query_weight_to_fee", scale_written(&w));
    OK(scale_get_u128(&r) == 10000);
    blocks_stop();
}

TEST(what_is_valid_says_what_it_needs_and_gives)
{
    blocks_start();
    block_open();
    (void)block_close();
    transaction_t t;
    bytes_t remark = CALL_BYTES(system_remark, .remark = BYTES("x"));
    EQ(runtime_validate(&rt, SOURCE_EXTERNAL, signed_call(&bob, remark), &genesis_hash, &t), VALID);
    EQ(t.requires_count, 0);
    EQ(t.provides_count, 1);
    EQ(t.provides[0].len, 36);
    OK(memcmp(t.provides[0].data, &bob.account, 32) == 0);
    EQ(t.longevity, UINT64_MAX);
    OK(t.propagate);
    uint64_t without_tip = t.priority;

    sign.tip = 10;
    EQ(runtime_validate(&rt, SOURCE_EXTERNAL, signed_call(&bob, remark), &genesis_hash, &t), VALID);
    OK(t.priority > without_tip);
    sign.nonce = 3;
    EQ(runtime_validate(&rt, SOURCE_EXTERNAL, signed_call(&bob, remark), &genesis_hash, &t), VALID);
    EQ(t.requires_count, 1);
    EQ(t.requires[0].data[32], 2);
    EQ(t.provides[0].data[32], 3);
    sign.is_forged = true;
    EQ(runtime_validate(&rt, SOURCE_EXTERNAL, signed_call(&bob, remark), &genesis_hash, &t),
       INVALID_BAD_PROOF);
    EQ(runtime_validate(&rt, SOURCE_EXTERNAL, signed_call(&ed, remark), &genesis_hash, &t), INVALID_PAYMENT);
    EQ(runtime_validate(&rt, SOURCE_EXTERNAL, BYTES("junk"), &genesis_hash, &t), INVALID_CALL);
    blocks_stop();
}

TEST(an_era_may_start_with_the_block_just_made)
{
    blocks_start();
    block_open();
    header_t header = block_close();
    hash_t hash     = header_hash(&header);
    transaction_t t;
    sign.era   = (era_t){64, 1};
    sign.birth = hash;
    EQ(runtime_validate(&rt, SOURCE_LOCAL, signed_call(&bob, CALL_BYTES(system_remark, .remark = {0})), &hash,
                        &t),
       VALID);
    EQ(t.longevity, 63); /* dies at 65, judged for block 2 */
    blocks_stop();
}

TEST(two_bills_of_a_contract_exclude_each_other)
{
    blocks_start();
    transaction_t t;
    block_open();
    (void)block_close();
    bytes_t bill = CALL_BYTES(smart_contract_bill_contract_for_block, .contract_id = 258);
    EQ(runtime_validate(&rt, SOURCE_LOCAL, signed_call(&bob, bill), &genesis_hash, &t), VALID);
    EQ(t.provides_count, 2);
    OK(bytes_equal(t.provides[1], BYTES("ContractIdProvides\x02\x01\0\0\0\0\0\0")));
    blocks_stop();
}

TEST(a_block_is_built_by_name)
{
    blocks_start();
    header_t header = {
        .parent_hash  = genesis_hash,
        .number       = 1,
        .digest       = {{.kind = DIGEST_PRE_RUNTIME, .engine = "aura", .data = BYTES("\1\0\0\0\0\0\0\0")}},
        .digest_count = 1};
    uint8_t room[512], data[64];
    scale_writer_t w = scale_writer(room, sizeof room);
    header_encode(&w, &header);
    (void)call("Core_initialize_block", scale_written(&w));
    OK(!rt.fault);
    w = scale_writer(data, sizeof data);
    scale_put_compact(&w, 1);
    scale_put_raw(&w, "timstap0", 8);
    scale_put_bytes(&w, BYTES("\x71\x17\0\0\0\0\0\0")); /* 6001 ms */
    scale_reader_t r = asked("BlockBuilder_inherent_extrinsics", scale_written(&w));
    EQ(scale_get_compact(&r), 1);
    r = asked("BlockBuilder_apply_extrinsic", scale_get_slice(&r, scale_left(&r)));
    EQ(scale_get_u16(&r), 0); /* Ok(Ok(())) */
    OK(scale_done(&r));
    r = asked("BlockBuilder_apply_extrinsic", signed_call(&ed, CALL_BYTES(system_remark, .remark = {0})));
    EQ(scale_get_u8(&r), 1);
    EQ(scale_get_u8(&r), 0);
    EQ(scale_get_u8(&r), 1); /* InvalidTransaction::Payment */
    r = asked("BlockBuilder_finalize_block", (bytes_t){0});
    header_decode(&r, &header);
    OK(scale_done(&r));
    EQ(header.number, 1);
    blocks_stop();
}

TEST_MAIN()
