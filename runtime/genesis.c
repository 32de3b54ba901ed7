/* genesis.c - the state of block 0 (spec tfgrid 1.6). */

#include "aura/aura.h"
#include "balances/balances.h"
#include "dev_accounts.h"
#include "hash.h"
#include "runtime.h"
#include "runtime_call.h"
#include "system/system.h"

#include <string.h>

#define ENDOWMENT ((u128_t)1 << 60) /* units of each development account */

enum {
    DISCOUNT_FOR_DEDICATION = 50, /* percent */
    CONNECTION_PRICE        = 80,
    BRIDGE_FEE              = 10000000,
    NO_BLOCK_HASH           = 0x45, /* what BlockHash[0] and ParentHash are made of before block 1 */
};

/* ------------------------------------------------------------------------------------ what a chain is made
 * with */

void runtime_genesis_dev(genesis_t *genesis)
{
    static genesis_balance_t balances[DEV_ACCOUNT_COUNT];
    for (uint32_t i = 0; i < DEV_ACCOUNT_COUNT; i++)
        balances[i] = (genesis_balance_t){dev_accounts[i], ENDOWMENT};
    *genesis = (genesis_t){
        .authorities            = {{dev_accounts[DEV_ALICE], dev_accounts[DEV_ALICE], dev_grandpa_keys[0]}},
        .authority_count        = 1,
        .balances               = balances,
        .balance_count          = DEV_ACCOUNT_COUNT,
        .council                = {dev_accounts[DEV_BOB],                                                   dev_accounts[DEV_CHARLIE], dev_accounts[DEV_ALICE]},
        .council_count          = 3,
        .foundation             = dev_accounts[DEV_EVE],
        .sales                  = dev_accounts[DEV_FERDIE],
        .bridge_validators      = {dev_accounts[DEV_BRIDGE_1]                                               },
        .bridge_validator_count = 1,
        .bridge_fee_account     = dev_accounts[DEV_FERDIE],
        .billing_frequency      = 10,
        .tft_price_min          = 10,
        .tft_price_max          = 1000,
    };
}

void runtime_genesis_local(genesis_t *genesis)
{
    runtime_genesis_dev(genesis);
    genesis->authorities[1] =
        (genesis_authority_t){dev_accounts[DEV_BOB], dev_accounts[DEV_BOB], dev_grandpa_keys[1]};
    genesis->authority_count   = 2;
    genesis->billing_frequency = 5;
}

/* ------------------------------------------------------------------------------------ each pallet */

/* Each pallet says in which form its storage is; clients do not read it. */
static void put_storage_versions(rt_t *rt)
{
    static const struct {
        const char *pallet;
        uint8_t version;
    } pallets[] = {
        {"System",              0},
        {"Timestamp",           0},
        {"Utility",             0},
        {"Scheduler",           4},
        {"ValidatorSet",        0},
        {"Session",             0},
        {"Aura",                0},
        {"Grandpa",             4},
        {"Historical",          1},
        {"Authorship",          0},
        {"Balances",            1},
        {"TransactionPayment",  0},
        {"TfgridModule",        0},
        {"SmartContractModule", 0},
        {"TFTBridgeModule",     0},
        {"TFTPriceModule",      0},
        {"BurningModule",       0},
        {"TFKVStore",           0},
        {"RuntimeUpgrade",      0},
        {"Council",             4},
        {"CouncilMembership",   4},
        {"Dao",                 0},
        {"Validator",           0},
    };
    for (uint32_t i = 0; i < sizeof pallets / sizeof *pallets; i++) {
        uint8_t key[32], value[2] = {pallets[i].version, 0};
        uint32_t len = 0;
        while (pallets[i].pallet[len])
            len++;
        twox_128(key, (bytes_t){(const uint8_t *)pallets[i].pallet, len});
        twox_128(key + 16, BYTES(":__STORAGE_VERSION__:"));
        rt->host->put(rt->host->state, (bytes_t){key, sizeof key}, (bytes_t){value, sizeof value});
    }
}

static void build_system(rt_t *rt, const genesis_t *genesis)
{
    hash_t none;
    memset(none.b, NO_BLOCK_HASH, sizeof none.b);
    system_block_hash_put(rt, 0, &none);
    system_parent_hash_put(rt, &none);
    system_note_upgrade(rt);
    system_upgraded_to_u32_ref_count_put(rt, true);
    system_upgraded_to_triple_ref_count_put(rt, true);
    if (genesis->code.len > 0) rt->host->put(rt->host->state, BYTES(":code"), genesis->code);
}

static void build_balances(rt_t *rt, const genesis_t *genesis)
{
    for (uint32_t i = 0; i < genesis->balance_count; i++)
        balances_endow(rt, &genesis->balances[i].who, genesis->balances[i].amount);
    transaction_payment_storage_version_put(rt, TRANSACTION_PAYMENT_RELEASES_V2);
    transaction_payment_next_fee_multiplier_put(rt, 0);
}

static void put_key_owner(rt_t *rt, const char type[4], const account_id_t *key, const account_id_t *owner)
{
    bytes4_bytes_t owned = {
        .f1 = {key->b, sizeof key->b}
    };
    memcpy(owned.f0.b, type, 4);
    session_key_owner_put(rt, &owned, owner);
}

static void build_validators(rt_t *rt, const genesis_t *genesis)
{
    account_id_t accounts[GENESIS_AUTHORITIES_CAP];
    bytes32_t aura[GENESIS_AUTHORITIES_CAP];
    account_id_support_session_keys_t queued[GENESIS_AUTHORITIES_CAP];
    uint32_t count = genesis->authority_count;
    for (uint32_t i = 0; i < count; i++) {
        const genesis_authority_t *a = &genesis->authorities[i];
        support_session_keys_t keys;
        memcpy(keys.aura.b, a->aura.b, 32);
        memcpy(keys.grandpa.b, a->grandpa.b, 32);
        memcpy(aura[i].b, a->aura.b, 32);
        accounts[i] = a->account;
        queued[i]   = (account_id_support_session_keys_t){a->account, keys};
        session_next_keys_put(rt, &a->account, &keys);
        put_key_owner(rt, "aura", &a->aura, &a->account);
        put_key_owner(rt, "gran", &a->grandpa, &a->account);
        system_account_info_t account; /* its session keys hold a validator's account */
        system_account_get(rt, &a->account, &account);
        account.consumers++;
        system_account_put(rt, &a->account, &account);
    }
    account_id_vec_t all = {accounts, count};
    validator_set_validators_put(rt, all);
    validator_set_approved_validators_put(rt, all);
    session_validators_put(rt, all);
    session_queued_keys_put(rt, (account_id_support_session_keys_vec_t){queued, count});
    aura_authorities_put(rt, (bytes32_vec_t){aura, count});
    if (genesis->slot_duration_ms > 0) aura_slot_duration_set(rt, genesis->slot_duration_ms);
}

static void build_grandpa(rt_t *rt, const genesis_t *genesis)
{
    uint8_t room[GENESIS_AUTHORITIES_CAP * 40 + 8];
    scale_writer_t w = scale_writer(room, sizeof room);
    scale_put_u8(&w, 1);
    scale_put_compact(&w, genesis->authority_count);
    for (uint32_t i = 0; i < genesis->authority_count; i++) {
        scale_put_account_id(&w, &genesis->authorities[i].grandpa);
        scale_put_u64(&w, 1);
    }
    rt->host->put(rt->host->state, BYTES(":grandpa_authorities"), scale_written(&w));
    grandpa_current_set_id_put(rt, 0);
    grandpa_set_id_session_put(rt, 0, 0);
}

static tfgrid_policy_t policy(uint32_t value)
{
    return (tfgrid_policy_t){.value = value, .unit = TFGRID_UNIT_GIGABYTES};
}

static void build_pricing(rt_t *rt, const genesis_t *genesis)
{
    tfgrid_pricing_policy_t pricing = {
        .version                       = 1,
        .id                            = 1,
        .name                          = BYTES("threefold_default_pricing_policy"),
        .su                            = policy(50000),
        .cu                            = policy(100000),
        .nu                            = policy(15000),
        .ipu                           = policy(40000),
        .unique_name                   = policy(2500),
        .domain_name                   = policy(5000),
        .foundation_account            = genesis->foundation,
        .certified_sales_account       = genesis->sales,
        .discount_for_dedication_nodes = DISCOUNT_FOR_DEDICATION,
    };
    tfgrid_pricing_policies_put(rt, 1, &pricing);
    tfgrid_pricing_policy_id_put(rt, 1);
    tfgrid_pricing_policy_id_by_name_put(rt, pricing.name, 1);
}

static void build_tfgrid(rt_t *rt, const genesis_t *genesis)
{
    build_pricing(rt, genesis);
    tfgrid_farming_policy_t diy = {
        .version            = 1,
        .id                 = 1,
        .name               = BYTES("threefold_default_diy_farming_policy"),
        .cu                 = 2400,
        .su                 = 1000,
        .nu                 = 30,
        .ipv4               = 5,
        .minimal_uptime     = 95,
        .default_           = true,
        .node_certification = SUPPORT_NODE_CERTIFICATION_DIY,
        .farm_certification = SUPPORT_FARM_CERTIFICATION_NOT_CERTIFIED,
    };
    tfgrid_farming_policy_t certified = {
        .version            = 1,
        .id                 = 2,
        .name               = BYTES("threefold_default_certified_farming_policy"),
        .cu                 = 3000,
        .su                 = 1250,
        .nu                 = 38,
        .ipv4               = 6,
        .minimal_uptime     = 95,
        .default_           = true,
        .node_certification = SUPPORT_NODE_CERTIFICATION_CERTIFIED,
        .farm_certification = SUPPORT_FARM_CERTIFICATION_NOT_CERTIFIED,
    };
    tfgrid_farming_policies_map_put(rt, 1, &diy);
    tfgrid_farming_policies_map_put(rt, 2, &certified);
    tfgrid_farming_policy_id_put(rt, 2);
    tfgrid_connection_price_put(rt, CONNECTION_PRICE);
}

/* sort orders accounts by their bytes, as memberships are kept. */
static void sort(account_id_t *accounts, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t j = i; j > 0 && memcmp(accounts[j - 1].b, accounts[j].b, 32) > 0; j--) {
            account_id_t swapped = accounts[j];
            accounts[j]          = accounts[j - 1];
            accounts[j - 1]      = swapped;
        }
}

static void build_grid(rt_t *rt, const genesis_t *genesis)
{
    genesis_t g = *genesis;
    build_tfgrid(rt, genesis);
    smart_contract_billing_frequency_put(rt, genesis->billing_frequency);
    smart_contract_pallet_version_put(rt, SMART_CONTRACT_STORAGE_VERSION_V12);
    tft_price_min_tft_price_put(rt, genesis->tft_price_min);
    tft_price_max_tft_price_put(rt, genesis->tft_price_max);
    sort(g.bridge_validators, g.bridge_validator_count);
    tft_bridge_validators_put(rt, (account_id_vec_t){g.bridge_validators, g.bridge_validator_count});
    tft_bridge_fee_account_put(rt, &genesis->bridge_fee_account);
    tft_bridge_deposit_fee_put(rt, BRIDGE_FEE);
    tft_bridge_withdraw_fee_put(rt, BRIDGE_FEE);
    sort(g.council, g.council_count);
    account_id_vec_t council = {g.council, g.council_count};
    council_membership_members_put(rt, council);
    council_members_put(rt, council);
}

void runtime_genesis_build(rt_t *rt, const genesis_t *genesis)
{
    put_storage_versions(rt);
    build_system(rt, genesis);
    build_balances(rt, genesis);
    build_validators(rt, genesis);
    build_grandpa(rt, genesis);
    build_grid(rt, genesis);
}
