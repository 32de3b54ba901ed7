/* test_code.c - a newer runtime is put in place, by root and by the council; and what a blob says about
 * itself. */
#include "blocks.h"
#include "hash.h"
#include "runtime_version.h"
#include "system/system.h"
#include "test.h"
#include "wasm_section.h"

enum { BLOB_CAP = 1 << 20 };

static uint8_t room[BLOB_CAP], section_room[4096];
static uint8_t memory[4 << 20];
static arena_t arena;

/* ------------------------------------------------------------------ blobs */

static void put_leb(scale_writer_t *w, uint32_t value)
{
    for (; value > 0x7f; value >>= 7)
        scale_put_u8(w, (uint8_t)(value | 0x80));
    scale_put_u8(w, (uint8_t)value);
}

static void put_section(scale_writer_t *w, uint8_t kind, const char *name, bytes_t content)
{
    uint32_t name_len = (uint32_t)strlen(name);
    scale_put_u8(w, kind);
    put_leb(w, content.len + (kind == 0 ? 1 + name_len : 0));
    if (kind == 0) {
        put_leb(w, name_len);
        scale_put_raw(w, name, name_len);
    }
    scale_put_raw(w, content.data, content.len);
}

static bytes_t version_bytes(bytes_t name, uint32_t spec_version)
{
    scale_writer_t w                 = scale_writer(section_room, sizeof section_room);
    system_runtime_version_t version = {.spec_name           = name,
                                        .impl_name           = name,
                                        .authoring_version   = 1,
                                        .spec_version        = spec_version,
                                        .impl_version        = 1,
                                        .transaction_version = 2,
                                        .state_version       = 1};
    system_runtime_version_encode(&w, &version);
    return scale_written(&w);
}

/* blob is a module with `filler` bytes of code that tells its version. */
static bytes_t blob(bytes_t name, uint32_t spec_version, uint32_t filler)
{
    static const uint8_t zeros[1 << 19];
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_raw(&w, "\0asm\1\0\0\0", 8);
    put_section(&w, 10, "", (bytes_t){zeros, filler});
    put_section(&w, 0, "runtime_version", version_bytes(name, spec_version));
    put_section(&w, 0, "runtime_apis", BYTES("\xdf\x6a\xcb\x68\x99\x07\x60\x9b\4\0\0\0"));
    return scale_written(&w);
}

static bytes_t newer(uint32_t filler)
{
    return blob(BYTES(RUNTIME_SPEC_NAME), RUNTIME_SPEC_VERSION + 1, filler);
}

static void start(void)
{
    blocks_start();
    block_open();
    arena = (arena_t){memory, sizeof memory, 0};
}

static bytes_t code_now(void)
{
    bytes_t code = {0};
    (void)rt.host->get(rt.host->state, BYTES(":code"), &rt.arena, &code);
    return code;
}

static dispatch_t set_code(bytes_t code)
{
    runtime_call_t call = {
        .pallet = SYSTEM_PALLET, .system = {.index = SYSTEM_CALL_SET_CODE, .set_code = {.code = code}}
    };
    return runtime_call_dispatch(&rt, &(origin_t){.kind = ORIGIN_ROOT}, &call);
}

static uint32_t updates_in(const header_t *header)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < header->digest_count; i++)
        count += header->digest[i].kind == DIGEST_ENVIRONMENT_UPDATED;
    return count;
}

/* ------------------------------------------------------------------ sections */

TEST(a_section_is_found_by_its_name)
{
    bytes_t code = newer(5), content;
    OK(wasm_custom_section(code, BYTES("runtime_version"), &content));
    OK(bytes_equal(content, version_bytes(BYTES(RUNTIME_SPEC_NAME), RUNTIME_SPEC_VERSION + 1)));
    OK(wasm_custom_section(code, BYTES("runtime_apis"), &content));
    EQ(content.len, 12);
    OK(!wasm_custom_section(code, BYTES("runtime"), &content));
    EQ(content.len, 0);
}

TEST(a_module_that_is_cut_short_has_no_sections)
{
    bytes_t code = newer(5), content;
    /* The second custom section makes every cut visible but those at the end of a section. */
    for (uint32_t len = 0; len < code.len; len++)
        if (len < 8) OK(!wasm_custom_section((bytes_t){code.data, len}, BYTES("runtime_version"), &content));
    uint32_t whole = 0;
    for (uint32_t len = 8; len <= code.len; len++)
        whole += wasm_custom_section((bytes_t){code.data, len}, BYTES("runtime_version"), &content);
    EQ(whole, 2); /* after the version's section, and after the last */
}

TEST(lengths_that_lie_are_refused)
{
    bytes_t content;
    OK(!wasm_custom_section(BYTES("\0asm\1\0\0\0\0\xff\xff\xff\xff\x0f"), BYTES(""), &content));
    OK(!wasm_custom_section(BYTES("\0asm\1\0\0\0\0\x82\x80\x80\x80\x10\1a"), BYTES("a"), &content));
    OK(wasm_custom_section(BYTES("\0asm\1\0\0\0\0\x82\x80\x80\x80\x00\1a"), BYTES("a"), &content));
    OK(!wasm_custom_section(BYTES("\0asm\1\0\0\0\0\2\2a"), BYTES("a"), &content));
    OK(!wasm_custom_section(BYTES("\0asm\1\0\0\0\x0d\0"), BYTES("a"), &content));
    OK(!wasm_custom_section(BYTES("\0asm\2\0\0\0\0\2\1a"), BYTES("a"), &content));
}

TEST(a_version_comes_with_the_apis_of_its_own_section)
{
    system_runtime_version_t version;
    start();
    OK(system_code_version(newer(0), &arena, &version));
    EQ(version.spec_version, RUNTIME_SPEC_VERSION + 1);
    EQ(version.apis.len, 1);
    EQ(version.apis.items[0].f1, 4);
    EQ(version.state_version, 1);
    blocks_stop();
}

/* ------------------------------------------------------------------ set_code */

TEST(a_newer_runtime_is_stored_and_told)
{
    start();
    bytes_t code = newer(100);
    EQ(set_code(code), DISPATCH_OK);
    OK(bytes_equal(code_now(), code));
    header_t header = block_close();
    EQ(updates_in(&header), 1);
    OK(strstr(event_names(0), "System.CodeUpdated"));
    blocks_stop();
}

TEST(what_is_no_newer_runtime_of_this_name_is_refused)
{
    static const uint8_t compressed[] = {0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb,
                                         0x8e, 0x05, 0x28, 0xb5, 0x2f, 0xfd};
    start();
    EQ(set_code((bytes_t){0}), SYSTEM_FAILED_TO_EXTRACT_RUNTIME_VERSION);
    EQ(set_code(BYTES("\0asm\1\0\0\0")), SYSTEM_FAILED_TO_EXTRACT_RUNTIME_VERSION);
    EQ(set_code((bytes_t){compressed, sizeof compressed}), SYSTEM_FAILED_TO_EXTRACT_RUNTIME_VERSION);
    EQ(set_code(blob(BYTES("substrate-threefold2"), RUNTIME_SPEC_VERSION + 1, 0)), SYSTEM_INVALID_SPEC_NAME);
    EQ(set_code(blob(BYTES(RUNTIME_SPEC_NAME), RUNTIME_SPEC_VERSION, 0)),
       SYSTEM_SPEC_VERSION_NEEDS_TO_INCREASE);
    EQ(set_code(blob(BYTES(RUNTIME_SPEC_NAME), RUNTIME_SPEC_VERSION - 1, 0)),
       SYSTEM_SPEC_VERSION_NEEDS_TO_INCREASE);
    EQ(code_now().len, 0);
    header_t header = block_close();
    EQ(updates_in(&header), 0);
    blocks_stop();
}

TEST(root_may_store_any_code_unchecked)
{
    start();
    runtime_call_t call = {
        .pallet = SYSTEM_PALLET,
        .system = {.index                   = SYSTEM_CALL_SET_CODE_WITHOUT_CHECKS,
                   .set_code_without_checks = {.code = BYTES("anything")}}
    };
    EQ(runtime_call_dispatch(&rt, &(origin_t){.kind = ORIGIN_SIGNED, .who = alice.account}, &call),
       DISPATCH_BAD_ORIGIN);
    EQ(runtime_call_dispatch(&rt, &(origin_t){.kind = ORIGIN_ROOT}, &call), DISPATCH_OK);
    OK(bytes_equal(code_now(), BYTES("anything")));
    header_t header = block_close();
    EQ(updates_in(&header), 1);
    blocks_stop();
}

TEST(many_upgrades_in_a_block_are_one_digest_item)
{
    start();
    for (uint32_t i = 0; i < 20; i++)
        EQ(set_code(newer(i)), DISPATCH_OK);
    header_t header = block_close();
    EQ(updates_in(&header), 1);
    OK(bytes_equal(code_now(), newer(19)));
    blocks_stop();
}

TEST(the_next_block_notes_the_version_that_makes_it)
{
    system_last_runtime_upgrade_info_t last;
    start();
    (void)block_close();
    system_last_runtime_upgrade_put(
        &rt, &(system_last_runtime_upgrade_info_t){.spec_version = RUNTIME_SPEC_VERSION - 1,
                                                   .spec_name    = BYTES(RUNTIME_SPEC_NAME)});
    block_open();
    OK(system_last_runtime_upgrade_get(&rt, &last));
    EQ(last.spec_version, RUNTIME_SPEC_VERSION);
    OK(bytes_equal(last.spec_name, BYTES(RUNTIME_SPEC_NAME)));
    (void)block_close();
    blocks_stop();
}

/* ------------------------------------------------------------------ the council's way */

TEST(three_fifths_of_the_council_upgrade_without_a_fee)
{
    start();
    runtime_call_t call = {
        .pallet          = RUNTIME_UPGRADE_PALLET,
        .runtime_upgrade = {.index = RUNTIME_UPGRADE_CALL_SET_CODE, .set_code = {.code = newer(9)}}
    };
    origin_t few    = {.kind = ORIGIN_COUNCIL_MEMBERS, .ayes = 1, .seats = 2},
             enough = {.kind = ORIGIN_COUNCIL_MEMBERS, .ayes = 3, .seats = 5};
    EQ(runtime_call_dispatch(&rt, &few, &call), DISPATCH_BAD_ORIGIN);
    EQ(runtime_call_dispatch(&rt, &(origin_t){.kind = ORIGIN_SIGNED, .who = alice.account}, &call),
       DISPATCH_BAD_ORIGIN);
    EQ(code_now().len, 0);
    rt.pays_no_fee = false;
    EQ(runtime_call_dispatch(&rt, &enough, &call), DISPATCH_OK);
    OK(rt.pays_no_fee);
    OK(bytes_equal(code_now(), newer(9)));
    EQ(runtime_call_dispatch_info(&call).class, CLASS_OPERATIONAL);
    (void)block_close();
    blocks_stop();
}

static runtime_call_t *kept_call(bytes_t encoded)
{
    bytes_t kept;
    (void)arena_copy(&arena, encoded, &kept);
    scale_reader_t r = scale_reader(kept, &arena);
    return runtime_call_take(&r);
}

/* A motion with a blob of 340 KB goes through proposal, votes and closing by signed extrinsics. */
TEST(a_motion_carries_a_whole_blob)
{
    static uint8_t call_room[1 << 19];
    start();
    account_id_t members[]         = {alice.account, bob.account, charlie.account};
    council_set_members_args_t set = {
        .new_members = {members, 3},
          .old_count = 3
    };
    EQ(council_set_members(&rt, &set), DISPATCH_OK);
    scale_writer_t w = scale_writer(call_room, sizeof call_room);
    runtime_upgrade_set_code_call_encode(&w, &(runtime_upgrade_set_code_args_t){.code = newer(340000)});
    runtime_call_t *motion = kept_call(scale_written(&w));
    hash_t hash            = blake2_256(motion->encoded);
    weight_t weight        = runtime_call_dispatch_info(motion).weight;
    uint32_t len           = motion->encoded.len;
    OK(len > 340000);

    EQ(APPLY(alice, council_propose, .threshold = 2, .proposal = motion, .length_bound = len), VALID);
    EQ(last_result, DISPATCH_OK);
    EQ(APPLY(alice, council_vote, .proposal = hash, .index = 0, .approve = true), VALID);
    EQ(APPLY(bob, council_vote, .proposal = hash, .index = 0, .approve = true), VALID);
    EQ(APPLY(charlie, council_close, .proposal_hash = hash, .index = 0,
             .proposal_weight_bound = {weight.ref_time, weight.proof_size}, .length_bound = len),
       VALID);
    EQ(last_result, DISPATCH_OK);
    OK(strstr(event_names(4), "Council.Approved System.CodeUpdated Council.Executed"));
    OK(bytes_equal(code_now(), newer(340000)));
    header_t header = block_close();
    EQ(updates_in(&header), 1);
    OK(issuance_is_whole());
    blocks_stop();
}

TEST_MAIN()
