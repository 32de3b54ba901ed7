/* test_genesis.c - block 0 of the dev chain, item by item (spec tfgrid 1.6). */
#include "blocks.h"
#include "hash.h"
#include "hex.h"
#include "runtime_table.h"
#include "runtime_version.h"
#include "test.h"

/* Every item that block 0 has, and how many entries of it. */
static const struct {
    const char *pallet, *item;
    uint32_t count;
} items[] = {
    {"System",              "BlockHash",                1 },
    {"System",              "ParentHash",               1 },
    {"System",              "LastRuntimeUpgrade",       1 },
    {"System",              "UpgradedToU32RefCount",    1 },
    {"System",              "UpgradedToTripleRefCount", 1 },
    {"System",              "Account",                  15},
    {"ValidatorSet",        "Validators",               1 },
    {"ValidatorSet",        "ApprovedValidators",       1 },
    {"Session",             "Validators",               1 },
    {"Session",             "QueuedKeys",               1 },
    {"Session",             "NextKeys",                 1 },
    {"Session",             "KeyOwner",                 2 },
    {"Aura",                "Authorities",              1 },
    {"Grandpa",             "CurrentSetId",             1 },
    {"Grandpa",             "SetIdSession",             1 },
    {"Balances",            "TotalIssuance",            1 },
    {"TransactionPayment",  "StorageVersion",           1 },
    {"TransactionPayment",  "NextFeeMultiplier",        1 },
    {"TfgridModule",        "PricingPolicies",          1 },
    {"TfgridModule",        "PricingPolicyID",          1 },
    {"TfgridModule",        "PricingPolicyIdByName",    1 },
    {"TfgridModule",        "FarmingPoliciesMap",       2 },
    {"TfgridModule",        "FarmingPolicyID",          1 },
    {"TfgridModule",        "ConnectionPrice",          1 },
    {"SmartContractModule", "BillingFrequency",         1 },
    {"SmartContractModule", "PalletVersion",            1 },
    {"TFTBridgeModule",     "Validators",               1 },
    {"TFTBridgeModule",     "FeeAccount",               1 },
    {"TFTBridgeModule",     "DepositFee",               1 },
    {"TFTBridgeModule",     "WithdrawFee",              1 },
    {"TFTPriceModule",      "MinTftPrice",              1 },
    {"TFTPriceModule",      "MaxTftPrice",              1 },
    {"CouncilMembership",   "Members",                  1 },
    {"Council",             "Members",                  1 },
};

static uint32_t entries_under(const uint8_t prefix[32])
{
    uint32_t count, found = 0;
    const table_entry_t *entries = table_entries(table, &count);
    for (uint32_t i = 0; i < count; i++)
        if (entries[i].key.len >= 32 && memcmp(entries[i].key.data, prefix, 32) == 0) found++;
    return found;
}

TEST(block_0_has_these_items_and_no_others)
{
    blocks_start();
    uint32_t count, sum = 0;
    (void)table_entries(table, &count);
    for (uint32_t i = 0; i < sizeof items / sizeof *items; i++) {
        const table_pallet_t *pallet = table_pallet(bytes_text(items[i].pallet));
        OK(pallet);
        const table_storage_t *item = table_storage(pallet, bytes_text(items[i].item));
        OK(item);
        if (entries_under(item->prefix) != items[i].count) printf("%s.%s\n", items[i].pallet, items[i].item);
        EQ(entries_under(item->prefix), items[i].count);
        sum += items[i].count;
    }
    EQ(count, sum + 23 + 1); /* a storage version of each pallet, and :grandpa_authorities */
    blocks_stop();
}

TEST(storage_versions_are_two_bytes_under_the_known_key)
{
    blocks_start();
    uint8_t suffix[16], known[16] = {0x4e, 0x7b, 0x90, 0x12, 0x09, 0x6b, 0x41, 0xc4,
                                     0xeb, 0x3a, 0xaf, 0x94, 0x7f, 0x6e, 0xa4, 0x29};
    twox_128(suffix, BYTES(":__STORAGE_VERSION__:"));
    OK(memcmp(suffix, known, 16) == 0);
    uint32_t count, found = 0, fours = 0, ones = 0;
    const table_entry_t *entries = table_entries(table, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (entries[i].key.len != 32 || memcmp(entries[i].key.data + 16, known, 16) != 0) continue;
        EQ(entries[i].value.len, 2);
        found++;
        fours += entries[i].value.data[0] == 4;
        ones += entries[i].value.data[0] == 1;
    }
    EQ(found, 23);
    EQ(fours, 4);
    EQ(ones, 2);
    blocks_stop();
}

TEST(accounts_are_endowed_and_the_validator_is_consumed)
{
    blocks_start();
    system_account_info_t a = account_of(&alice.account), b = account_of(&bob.account);
    OK(a.data.free == (u128_t)1 << 60);
    EQ(a.consumers, 1);
    EQ(a.providers, 1);
    EQ(b.consumers, 0);
    EQ(b.sufficients, 0);
    OK(a.data.flags == (u128_t)1 << 127);
    OK(balances_total_issuance_get(&rt) == (u128_t)15 << 60);
    OK(issuance_is_whole());
    blocks_stop();
}

TEST(keys_and_members_stand_as_clients_read_them)
{
    blocks_start();
    /* Session.KeyOwner[("aura", key)]: Twox64Concat over 4 raw bytes, a length and the key. */
    bytes4_bytes_t owned = {
        .f0 = {"aura"},
          .f1 = { alice.account.b,    32}
    };
    memcpy(owned.f0.b, "aura", 4);
    account_id_t owner;
    OK(session_key_owner_get(&rt, &owned, &owner));
    OK(memcmp(&owner, &alice.account, 32) == 0);

    account_id_vec_t members;
    council_members_get(&rt, &members);
    EQ(members.len, 3);
    OK(memcmp(&members.items[0], &bob.account, 32) == 0);
    OK(memcmp(&members.items[1], &charlie.account, 32) == 0);
    OK(memcmp(&members.items[2], &alice.account, 32) == 0);

    bytes_t value;
    OK(rt.host->get(rt.host->state, BYTES(":grandpa_authorities"), &rt.arena, &value));
    EQ(value.len, 2 + 40);
    EQ(value.data[0], 1);
    EQ(value.data[1], 4);
    EQ(value.data[2], 0x88);
    EQ(value.data[34], 1);
    blocks_stop();
}

TEST(the_slot_duration_is_a_parameter)
{
    blocks_start();
    EQ(runtime_slot_duration(&rt), 6000);
    genesis_t genesis;
    runtime_genesis_dev(&genesis);
    genesis.slot_duration_ms = 1000;
    genesis.code             = BYTES("blob");
    runtime_genesis_build(&rt, &genesis);
    EQ(runtime_slot_duration(&rt), 1000);
    static const uint8_t key[16] = {0x9d, 0x5b, 0xe4, 0xd0, 0x12, 0xbf, 0xfb, 0xc2,
                                    0x6e, 0xf8, 0xda, 0xff, 0xf8, 0xd3, 0x3c, 0x28};
    bytes_t value;
    OK(rt.host->get(rt.host->state, (bytes_t){key, 16}, &rt.arena, &value));
    EQ(value.len, 8);
    OK(rt.host->get(rt.host->state, BYTES(":code"), &rt.arena, &value));
    OK(bytes_equal(value, BYTES("blob")));
    blocks_stop();
}

TEST(a_local_chain_has_two_authorities)
{
    blocks_start();
    genesis_t genesis;
    runtime_genesis_local(&genesis);
    EQ(genesis.authority_count, 2);
    EQ(genesis.billing_frequency, 5);
    blocks_stop();
    blocks_start();
    account_id_t keys[4];
    EQ(runtime_aura_authorities(&rt, keys, 4), 1);
    EQ(runtime_grandpa_authorities(&rt, keys, 4), 1);
    blocks_stop();
}

TEST_MAIN()
