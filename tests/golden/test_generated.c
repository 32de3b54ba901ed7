/* test_generated.c - what generated code does at run time: keys, defaults, walks, origins, bounds, events. */
#include "hex.h"
#include "runtime_call.h"
#include "table_host.h"
#include "test.h"

static uint8_t memory[1 << 20];
static rt_t runtime;
static host_t host;
static table_t *table;

static rt_t *fresh(void)
{
    table_free(table);
    table = table_new();
    host  = table_host(table);
    rt_start(&runtime, &host, memory, sizeof memory);
    return &runtime;
}

static const account_id_t alice =
                              {
                                  {1, 2, 3}
},
                          bob = {{4, 5, 6}};

static bool key_is(const scale_writer_t *w, const char *hex)
{
    uint8_t want[256];
    uint32_t len;

    return hex_decode(bytes_text(hex), want, sizeof want, &len) &&
           bytes_equal(scale_written(w), (bytes_t){want, len});
}

TEST(keys_are_those_of_a_real_chain)
{
    uint8_t room[256];
    scale_writer_t w = scale_writer(room, sizeof room);
    account_id_t dave;

    OK(hex_decode_exact(BYTES("306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20"), dave.b,
                        32));
    tfgrid_twin_id_by_account_id_key(&w, &dave);
    OK(key_is(
        &w, "19a2526838feefd7695a3b5715b415b1aca6514962aa3f0d58aff3524045f9e0e5e802737cce3a54b0bc9e3d3e6be26e"
            "306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20"));
    w = scale_writer(room, sizeof room);
    tfgrid_pricing_policies_key(&w, 2);
    OK(key_is(&w, "19a2526838feefd7695a3b5715b415b12ce48a8d64ed338e33faeae645d493d3754faa9acf0378f8c3543d9f13"
                  "2d85bc02000000"));
    w = scale_writer(room, 40);
    tfgrid_pricing_policies_key(&w, 2);
    OK(w.failed);
}

TEST(accessors_and_key_builders_agree)
{
    rt_t *rt = fresh();
    uint8_t room[256];
    scale_writer_t w = scale_writer(room, sizeof room);
    uint32_t count;
    const table_entry_t *entries;
    bytes32_t hash = {{7}};

    smart_contract_contract_id_by_node_id_and_hash_put(rt, 5, &hash, 77);
    smart_contract_contract_id_by_node_id_and_hash_key(&w, 5, &hash);
    entries = table_entries(table, &count);
    EQ(count, 1);
    OK(bytes_equal(entries[0].key, scale_written(&w)));
    EQ(smart_contract_contract_id_by_node_id_and_hash_get(rt, 5, &hash), 77);
    OK(smart_contract_contract_id_by_node_id_and_hash_exists(rt, 5, &hash));
    OK(!smart_contract_contract_id_by_node_id_and_hash_exists(rt, 6, &hash));
    smart_contract_contract_id_by_node_id_and_hash_remove(rt, 5, &hash);
    table_entries(table, &count);
    EQ(count, 0);
    OK(!rt->fault);
}

TEST(missing_values_read_as_declared)
{
    rt_t *rt = fresh();
    system_account_info_t account;
    tfgrid_twin_t twin;

    EQ(smart_contract_billing_frequency_get(rt), 600);
    EQ(smart_contract_pallet_version_get(rt), SMART_CONTRACT_STORAGE_VERSION_V10);
    EQ(tfgrid_pallet_version_get(rt), TFGRID_STORAGE_VERSION_V17_STRUCT);
    OK(transaction_payment_next_fee_multiplier_get(rt) == UINT64_C(1000000000000000000));
    EQ(tfgrid_farm_id_get(rt), 0);
    EQ(tfgrid_farm_id_by_name_get(rt, BYTES("nobody")), 0);
    OK(!tfgrid_twins_get(rt, 1, &twin));
    system_account_get(rt, &alice, &account);
    OK(account.data.flags == (u128_t)1 << 127);
    OK(!rt->fault);
}

TEST(a_map_is_walked_whole_and_removed_whole)
{
    rt_t *rt      = fresh();
    bool seen[50] = {0};
    bytes_t at    = {0};
    uint32_t node_id, power_state = 0, walked = 0;
    support_node_power_t power;

    for (uint32_t i = 0; i < 50; i++)
        tfgrid_node_power_put(rt, i,
                              &(support_node_power_t){
                                  .state = {.kind = SUPPORT_POWER_STATE_DOWN, .down = i}
        });
    tfgrid_node_id_put(rt, 50);
    while (tfgrid_node_power_next(rt, &at, &node_id, &power)) {
        OK(node_id < 50 && !seen[node_id]);
        seen[node_id] = true;
        power_state += power.state.down;
        walked++;
        if (node_id % 2) tfgrid_node_power_remove(rt, node_id);
    }
    EQ(walked, 50);
    EQ(power_state, 49 * 50 / 2);
    for (at = (bytes_t){0}, walked = 0; tfgrid_node_power_next(rt, &at, &node_id, NULL); walked++)
        OK(node_id % 2 == 0);
    EQ(walked, 25);
    tfgrid_node_power_remove_all(rt);
    at = (bytes_t){0};
    OK(!tfgrid_node_power_next(rt, &at, &node_id, NULL));
    EQ(tfgrid_node_id_get(rt), 50);
    OK(!rt->fault);
}

TEST(a_walk_gives_both_keys_of_a_double_map)
{
    rt_t *rt   = fresh();
    bytes_t at = {0}, key, value;
    account_id_t who;

    kvstore_tfkv_store_put(rt, &alice, BYTES("colour"), BYTES("green"));
    OK(kvstore_tfkv_store_next(rt, &at, &who, &key, &value));
    OK(memcmp(&who, &alice, sizeof who) == 0);
    OK(bytes_equal(key, BYTES("colour")) && bytes_equal(value, BYTES("green")));
    OK(!kvstore_tfkv_store_next(rt, &at, &who, &key, &value));
}

static dispatch_t set_price(rt_t *rt, origin_t origin)
{
    runtime_call_t call = {
        .pallet = TFGRID_PALLET,
        .tfgrid = {.index = TFGRID_CALL_SET_CONNECTION_PRICE, .set_connection_price = {.price = 9}}
    };
    return runtime_call_dispatch(rt, &origin, &call);
}

TEST(only_root_or_three_fifths_of_the_council_may)
{
    rt_t *rt = fresh();

    EQ(set_price(rt, (origin_t){.kind = ORIGIN_SIGNED, .who = alice}), DISPATCH_BAD_ORIGIN);
    EQ(set_price(rt, (origin_t){.kind = ORIGIN_NONE}), DISPATCH_BAD_ORIGIN);
    EQ(set_price(rt, (origin_t){.kind = ORIGIN_COUNCIL_MEMBER, .who = alice}), DISPATCH_BAD_ORIGIN);
    EQ(set_price(rt, (origin_t){.kind = ORIGIN_COUNCIL_MEMBERS, .ayes = 1, .seats = 3}), DISPATCH_BAD_ORIGIN);
    EQ(set_price(rt, (origin_t){.kind = ORIGIN_COUNCIL_MEMBERS, .ayes = 59, .seats = 100}),
       DISPATCH_BAD_ORIGIN);
    EQ(tfgrid_connection_price_get(rt), 0);
    EQ(set_price(rt, (origin_t){.kind = ORIGIN_COUNCIL_MEMBERS, .ayes = 60, .seats = 100}), DISPATCH_OK);
    EQ(tfgrid_connection_price_get(rt), 9);
    EQ(set_price(rt, (origin_t){.kind = ORIGIN_ROOT}), DISPATCH_OK);
    EQ(table_depth(table), 0);
}

TEST(an_argument_over_its_bound_does_not_decode)
{
    for (uint32_t len = 39; len <= 41; len++) {
        uint8_t room[128], name[41] = {0};
        arena_t arena    = {.start = memory, .size = sizeof memory};
        scale_writer_t w = scale_writer(room, sizeof room);
        runtime_call_t call;
        tfgrid_create_farm_call_encode(&w, &(tfgrid_create_farm_args_t){
                                               .name = {name, len}
        });
        scale_reader_t r = scale_reader(scale_written(&w), &arena);
        runtime_call_decode(&r, &call);
        EQ(scale_done(&r), len <= 40);
    }
}

TEST(events_are_read_as_they_were_told)
{
    rt_t *rt = fresh();
    system_event_record_vec_t events;
    uint8_t room[32];
    scale_writer_t key = scale_writer(room, sizeof room);
    bytes_t value;

    rt->phase = 1;
    tfgrid_emit_node_uptime_reported(rt, 3, 1000, 60);
    tft_price_emit_price_stored(rt, 5);
    rt_events_flush(rt);
    system_events_key(&key);
    OK(host.get(host.state, scale_written(&key), &rt->arena, &value));
    scale_reader_t r = scale_reader(value, &rt->arena);
    system_event_record_vec_decode(&r, UINT32_MAX, &events);
    OK(scale_done(&r));
    EQ(events.len, 2);
    EQ(events.items[0].phase.kind, SYSTEM_PHASE_APPLY_EXTRINSIC);
    EQ(events.items[0].phase.apply_extrinsic, 1);
    EQ(events.items[0].event->pallet, TFGRID_PALLET);
    EQ(events.items[0].event->tfgrid.kind, TFGRID_EVENT_NODE_UPTIME_REPORTED);
    EQ(events.items[0].event->tfgrid.node_uptime_reported.uptime_s, 60);
    EQ(events.items[1].event->tft_price.price_stored, 5);
    EQ(events.items[1].topics.len, 0);
}

TEST(a_refused_call_leaves_nothing)
{
    rt_t *rt            = fresh();
    origin_t from       = {.kind = ORIGIN_SIGNED, .who = bob};
    runtime_call_t call = {
        .pallet = TFGRID_PALLET, .tfgrid = {.index = TFGRID_CALL_DELETE_NODE, .delete_node = {.node_id = 1}}
    };
    uint32_t count;

    EQ(runtime_call_dispatch(rt, &from, &call), TFGRID_NODE_NOT_EXISTS);
    table_entries(table, &count);
    EQ(count, 0);
    EQ(rt->event_count, 0);
}

TEST_MAIN()
