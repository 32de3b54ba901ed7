/* test_block.c - a block from start to end, and again by a peer. */
#include "blocks.h"
#include "hash.h"
#include "hex.h"
#include "runtime_version.h"
#include "test.h"

static bool same(const hash_t *a, const hash_t *b) { return memcmp(a, b, sizeof *a) == 0; }

TEST(a_header_has_the_known_hash)
{
    /* Spec chain-host 4.1: parent 0, number 0, both roots empty, no digest. */
    static const uint8_t empty_root[32] = {0x03, 0x17, 0x0a, 0x2e, 0x75, 0x97, 0xb7, 0xb7, 0xe3, 0xd8, 0x4c,
                                           0x05, 0x39, 0x1d, 0x13, 0x9a, 0x62, 0xb1, 0x57, 0xe7, 0x87, 0x86,
                                           0xd8, 0xc0, 0x82, 0xf2, 0x9d, 0xcf, 0x4c, 0x11, 0x13, 0x14};
    static const uint8_t known[4]       = {0xc3, 0x75, 0xf4, 0x78};
    header_t header                     = {0};
    memcpy(header.state_root.b, empty_root, 32);
    memcpy(header.extrinsics_root.b, empty_root, 32);
    hash_t hash = header_hash(&header);
    OK(memcmp(hash.b, known, sizeof known) == 0);
    OK(hash.b[31] == 0x7e);
}

TEST(a_header_is_read_as_it_was_written)
{
    header_t header = {
        .number       = 70000,
        .digest       = {{.kind = DIGEST_PRE_RUNTIME, .engine = "aura", .data = BYTES("12345678")},
                         {.kind = DIGEST_ENVIRONMENT_UPDATED},
                         {.kind = DIGEST_OTHER, .data = BYTES("x")}},
        .digest_count = 3
    };
    uint8_t room[512];
    scale_writer_t w = scale_writer(room, sizeof room);
    header_encode(&w, &header);
    header_t back;
    scale_reader_t r = scale_reader(scale_written(&w), NULL);
    header_decode(&r, &back);
    OK(scale_done(&r));
    EQ(back.number, 70000);
    EQ(back.digest_count, 3);
    hash_t a = header_hash(&header), b = header_hash(&back);
    OK(same(&a, &b));
    room[32 + 4 + 64 + 1] = 7; /* no such kind of digest item */
    r                     = scale_reader(scale_written(&w), NULL);
    header_decode(&r, &back);
    OK(!scale_done(&r));
}

TEST(an_empty_block_has_only_the_time)
{
    blocks_start();
    block_open();
    header_t header = block_close();
    EQ(header.number, 1);
    OK(same(&header.parent_hash, &genesis_hash));
    EQ(system_number_get(&rt), 1);
    OK(strcmp(event_names(0), "System.ExtrinsicSuccess") == 0);
    EQ(events().len, 1);
    EQ(system_event_count_get(&rt), 1);
    hash_t known;
    system_block_hash_get(&rt, 0, &known);
    OK(same(&known, &genesis_hash));
    OK(!timestamp_did_update_exists(&rt));
    OK(!authorship_author_exists(&rt));
    OK(!system_extrinsic_data_exists(&rt, 0));
    OK(!system_all_extrinsics_len_exists(&rt));
    blocks_stop();
}

TEST(the_weight_of_a_block_is_base_hooks_and_extrinsics)
{
    blocks_start();
    block_open();
    (void)block_close();
    system_per_dispatch_class_weight_t used;
    system_block_weight_get(&rt, &used);
    OK(used.mandatory.ref_time > UINT64_C(390584000) + 124414000);
    OK(used.mandatory.ref_time < UINT64_C(390584000) + 3 * UINT64_C(1000000000));
    EQ(used.normal.ref_time, 0);
    blocks_stop();
}

/* A body kept beside its header, to be executed elsewhere. */
typedef struct {
    header_t header;
    uint8_t slot[8], body[4096];
    uint32_t len;
} kept_t;

static void keep(kept_t *kept)
{
    kept->header = block_close();
    memcpy(kept->slot, kept->header.digest[0].data.data, 8);
    kept->header.digest[0].data.data = kept->slot;
    scale_writer_t w                 = scale_writer(kept->body, sizeof kept->body);
    scale_put_compact(&w, block_count);
    scale_put_raw(&w, block_body.start, block_body.len);
    kept->len = scale_written(&w).len;
}

static kept_t kept[3];

static void build_three(void)
{
    blocks_start();
    for (uint32_t i = 0; i < 3; i++) {
        block_open();
        (void)APPLY(alice, balances_transfer_keep_alive, .dest = ID(ed), .value = 100000 + i);
        (void)APPLY(bob, system_remark_with_event, .remark = BYTES("hello"));
        keep(&kept[i]);
    }
}

TEST(a_peer_executes_the_same_blocks_to_the_same_roots)
{
    build_three();
    EQ(block_count, 3);
    blocks_start();
    for (uint32_t i = 0; i < 3; i++) {
        OK(runtime_execute_block(&rt, &kept[i].header, (bytes_t){kept[i].body, kept[i].len}));
        OK(!rt.fault);
    }
    EQ(system_number_get(&rt), 3);
    blocks_stop();
}

TEST(a_block_that_lies_is_refused)
{
    build_three();
    for (uint32_t lie = 0; lie < 6; lie++) {
        blocks_start();
        kept_t bad = kept[0];
        if (lie == 0) bad.header.state_root.b[0] ^= 1;
        if (lie == 1) bad.header.extrinsics_root.b[31] ^= 1;
        if (lie == 2) bad.header.number = 2;
        if (lie == 3) bad.body[bad.len - 1] ^= 1; /* what Bob says, unsigned */
        if (lie == 4) bad.len--;
        if (lie == 5) bad.header.digest[bad.header.digest_count++] = (digest_item_t){.kind = DIGEST_OTHER};
        OK(!runtime_execute_block(&rt, &bad.header, (bytes_t){bad.body, bad.len}));
    }
    blocks_stop();
}

TEST(a_block_without_its_time_is_none)
{
    build_three();
    blocks_start();
    static const uint8_t no_extrinsics[] = {0};
    header_t header                      = kept[0].header;
    OK(!runtime_execute_block(&rt, &header, (bytes_t){no_extrinsics, 1}));
    OK(rt.fault != NULL);
    blocks_stop();
}

TEST(the_time_is_set_once_and_within_the_slot)
{
    blocks_start();
    block_open();
    uint8_t room[32];
    scale_writer_t w = scale_writer(room, sizeof room);
    runtime_timestamp_inherent(&w, runtime_now(&rt));
    dispatch_t result;
    EQ(runtime_apply_extrinsic(&rt, scale_written(&w), &result), INVALID_BAD_MANDATORY);
    blocks_stop();
}

TEST(only_2400_block_hashes_are_kept)
{
    blocks_start();
    block_open();
    (void)block_close();
    system_number_put(&rt, 2400);
    block_open(); /* 2401 */
    (void)block_close();
    OK(system_block_hash_exists(&rt, 0));
    block_open();
    (void)block_close();
    OK(system_block_hash_exists(&rt, 0)); /* genesis stays */
    OK(!system_block_hash_exists(&rt, 1));
    OK(system_block_hash_exists(&rt, 2400));
    blocks_stop();
}

TEST(the_author_is_the_validator_of_the_slot)
{
    blocks_start();
    block_open();
    u128_t before = free_of(&alice.account);
    EQ(APPLY(bob, system_remark, .remark = BYTES("")), VALID);
    OK(free_of(&alice.account) == before + 10000 + last_len);
    (void)block_close();
    blocks_stop();
}

TEST_MAIN()
