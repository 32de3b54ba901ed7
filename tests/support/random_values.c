/* random_values.c - arguments of calls, by their types and by what they are called.
 *
 * A hint knows what an argument of some name should be; without one, a value is any of its type, most often a
 * small one, at times the greatest. */
#include "random_values.h"

#include "runtime_version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)
#define TFT UINT64_C(10000000)

/* -------------------------------------------------------------------------- what is in state */

/* any_id gives one of 1 .. newest, now and then one that there never was. */
static uint64_t any_id(random_calls_t *g, uint64_t newest)
{
    if (newest == 0 || PERCENT(g, 3)) return newest + BELOW(g, 3);
    return 1 + BELOW(g, (uint32_t)newest);
}

static u128_t contract_id(random_calls_t *g)
{
    const uint64_t newest = smart_contract_contract_id_get(g->rt);
    uint64_t id           = any_id(g, newest);
    for (uint32_t i = 0; i < 6 && newest > 0 && !smart_contract_contracts_exists(g->rt, id); i++)
        id = newest - BELOW(g, newest < 60 ? (uint32_t)newest : 60);
    g->of.contract     = id;
    g->of.has_contract = true;
    return id;
}

/* A report is about a contract of the node that reports. */
static u128_t reported_id(random_calls_t *g)
{
    u64_vec_t active;
    const uint64_t id = (uint64_t)contract_id(g);
    if (!g->of.has_node) {
        smart_contract_contract_t contract;
        if (!smart_contract_contracts_get(g->rt, id, &contract)) return id;
        if (contract.contract_type.kind != SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT)
            return PERCENT(g, 15) ? id : 0;
        g->of.node     = contract.contract_type.node_contract.node_id;
        g->of.has_node = true;
        return id;
    }
    smart_contract_active_node_contracts_get(g->rt, g->of.node, &active);
    return active.len > 0 && PERCENT(g, 90) ? active.items[BELOW(g, active.len)] : id;
}

static u128_t node_id(random_calls_t *g)
{
    const uint32_t newest = tfgrid_node_id_get(g->rt);
    g->of.node            = (uint32_t)any_id(g, newest);
    for (uint32_t i = 0; i < 4 && newest > 0 && !tfgrid_nodes_exists(g->rt, g->of.node); i++)
        g->of.node = 1 + BELOW(g, newest);
    g->of.has_node = true;
    return g->of.node;
}

static u128_t farm_id(random_calls_t *g)
{
    g->of.farm     = (uint32_t)any_id(g, tfgrid_farm_id_get(g->rt));
    g->of.has_farm = true;
    return g->of.farm;
}

/* node_of_farm: some calls want a node of the farm that was named before. */
static u128_t node_of_farm(random_calls_t *g)
{
    u32_vec_t nodes;
    tfgrid_nodes_by_farm_id_get(g->rt, g->of.farm, &nodes);
    if (nodes.len == 0 || PERCENT(g, 10)) return node_id(g);
    return nodes.items[BELOW(g, nodes.len)];
}

static u128_t twin_id(random_calls_t *g)
{
    g->of.twin = (uint32_t)any_id(g, tfgrid_twin_id_get(g->rt));
    return g->of.twin;
}

static u128_t entity_id(random_calls_t *g)
{
    g->of.entity = (uint32_t)any_id(g, tfgrid_entity_id_get(g->rt));
    return g->of.entity;
}

static u128_t service_id(random_calls_t *g)
{
    const uint64_t newest = smart_contract_service_contract_id_get(g->rt);
    g->of.service         = any_id(g, newest);
    for (uint32_t i = 0;
         i < 4 && newest > 0 && !smart_contract_service_contracts_exists(g->rt, g->of.service); i++)
        g->of.service = newest - BELOW(g, newest < 8 ? (uint32_t)newest : 8);
    return g->of.service;
}

static u128_t pricing_policy_id(random_calls_t *g) { return any_id(g, tfgrid_pricing_policy_id_get(g->rt)); }
static u128_t farming_policy_id(random_calls_t *g) { return any_id(g, tfgrid_farming_policy_id_get(g->rt)); }
static u128_t provider_id(random_calls_t *g)
{
    return any_id(g, smart_contract_solution_provider_id_get(g->rt));
}
static u128_t burn_id(random_calls_t *g)
{
    return g->of.mint = (uint32_t)any_id(g, tft_bridge_burn_transaction_id_get(g->rt));
}

static bytes_t motion_of_council(random_calls_t *g)
{
    hash_vec_t motions;
    council_votes_t votes = {0};
    council_proposals_get(g->rt, &motions);
    memset(&g->of.motion, (int)BELOW(g, 4), sizeof g->of.motion);
    if (motions.len > 0) g->of.motion = motions.items[BELOW(g, motions.len)];
    if (council_voting_get(g->rt, &g->of.motion, &votes)) g->of.motion_index = votes.index;
    return (bytes_t){g->of.motion.b, 32};
}

static bytes_t motion_of_dao(random_calls_t *g)
{
    hash_vec_t motions;
    dao_dao_votes_t votes = {0};
    dao_proposal_list_get(g->rt, &motions);
    memset(&g->of.motion, (int)BELOW(g, 4), sizeof g->of.motion);
    if (motions.len > 0) g->of.motion = motions.items[BELOW(g, motions.len)];
    if (dao_voting_get(g->rt, &g->of.motion, &votes)) g->of.motion_index = votes.index;
    return (bytes_t){g->of.motion.b, 32};
}

static u128_t motion_index(random_calls_t *g) { return g->of.motion_index + (PERCENT(g, 3) ? 1U : 0U); }
static u128_t call_len(random_calls_t *g) { return g->of.call_len - (g->of.call_len > 0 && PERCENT(g, 3)); }

/* An agenda's block and place. */
static u128_t scheduled_at(random_calls_t *g)
{
    bytes_t at    = {0};
    uint32_t when = 0, skip = BELOW(g, 4);
    scheduler_scheduled_opt_vec_t agenda;
    while (scheduler_agenda_next(g->rt, &at, &when, &agenda) && skip-- > 0)
        continue;
    return when;
}

/* --------------------------------------------------------------------------------- numbers */

static u128_t block_now(random_calls_t *g) { return system_number_get(g->rt); }
static u128_t block_soon(random_calls_t *g) { return system_number_get(g->rt) + BELOW(g, 40); }
static uint64_t now_s(random_calls_t *g) { return timestamp_now_get(g->rt) / 1000; }
static u128_t time_now(random_calls_t *g) { return now_s(g) - BELOW(g, 3) * 40; }
static u128_t time_near(random_calls_t *g) { return now_s(g) + 65 - BELOW(g, 130); }
static u128_t time_later(random_calls_t *g) { return now_s(g) + BELOW(g, 100000) - 5000; }
static u128_t window_s(random_calls_t *g) { return BELOW(g, 4000); }
static u128_t traffic(random_calls_t *g) { return chance_next(&g->chance) >> (20 + BELOW(g, 40)); }
static u128_t few(random_calls_t *g) { return BELOW(g, 4); }
static u128_t none_to_three(random_calls_t *g) { return PERCENT(g, 60) ? 0 : 1 + BELOW(g, 3); }
static u128_t percent(random_calls_t *g) { return BELOW(g, 101); }
static u128_t take(random_calls_t *g) { return BELOW(g, 24); }
static u128_t cores(random_calls_t *g) { return BELOW(g, 33); }
static u128_t memory(random_calls_t *g) { return BELOW(g, 64) * 2 * GIB; }
static u128_t zero(random_calls_t *g)
{
    (void)g;
    return 0;
}
static u128_t disk(random_calls_t *g) { return BELOW(g, 24) * 100 * GIB; }
static u128_t price(random_calls_t *g) { return BELOW(g, PERCENT(g, 50) ? 60 : 1500); }
static u128_t least_price(random_calls_t *g) { return PERCENT(g, 40) ? 0 : BELOW(g, 100); }
static u128_t policy_value(random_calls_t *g) { return BELOW(g, 200000); }
static u128_t extra_fee(random_calls_t *g) { return PERCENT(g, 30) ? 0 : BELOW(g, 4000000); }
static u128_t service_fee(random_calls_t *g) { return BELOW(g, 5000); }
static u128_t service_use(random_calls_t *g) { return BELOW(g, 40); }
static u128_t ayes_needed(random_calls_t *g) { return 1 + BELOW(g, 4); }
static u128_t farms_needed(random_calls_t *g) { return PERCENT(g, 90) ? 5 : 4 + BELOW(g, 3); }
static u128_t vote_blocks(random_calls_t *g) { return 14395 + BELOW(g, 2000); }
static u128_t derivative(random_calls_t *g) { return BELOW(g, 2); }
static u128_t policy_blocks(random_calls_t *g) { return PERCENT(g, 60) ? 0 : BELOW(g, 500); }
static u128_t much_weight(random_calls_t *g)
{
    return PERCENT(g, 96) ? UINT64_C(1000000000000) : BELOW(g, 1000);
}
static u128_t much_len(random_calls_t *g) { return PERCENT(g, 96) ? 100000 : 3; }
static u128_t often(random_calls_t *g) { return PERCENT(g, 85); }
static u128_t mostly_up(random_calls_t *g) { return PERCENT(g, 35); }
static u128_t one_frequency(random_calls_t *g)
{
    return smart_contract_billing_frequency_get(g->rt) + BELOW(g, 5) + (PERCENT(g, 3) ? 200 : 0);
}

/* money is an amount that somebody may have: a little, some TFT, about all of it. */
static u128_t money(random_calls_t *g)
{
    system_account_info_t account;
    switch (BELOW(g, 8)) {
    case 0: return BELOW(g, 1100);
    case 1: return BELOW(g, 30000);
    case 2:
    case 3: return BELOW(g, 200) * (TFT / 100);
    case 4: return BELOW(g, 50) * TFT;
    default:
        system_account_get(g->rt, random_account(g), &account);
        return PERCENT(g, 50) ? account.data.free / (1 + BELOW(g, 6)) : account.data.free - BELOW(g, 40000);
    }
}

static u128_t bridged(random_calls_t *g) { return (g->of.mint + 1) * TFT + (PERCENT(g, 3) ? 1 : 0); }
static u128_t bridge_fee(random_calls_t *g) { return BELOW(g, 3) * TFT / 2; }
static u128_t burnt_amount(random_calls_t *g)
{
    tft_bridge_burn_transaction_t burn;
    return tft_bridge_burn_transactions_get(g->rt, g->of.mint, &burn) ? burn.amount : 1;
}

/* ----------------------------------------------------------------------------------- bytes */

static bytes_t written(random_calls_t *g, const char *form, uint32_t number)
{
    static char text[8][40];
    static uint32_t next;
    char *room = text[next++ % 8];
    (void)g;
    snprintf(room, sizeof text[0], form, number);
    return bytes_text(room);
}

static bytes_t one_of(random_calls_t *g, const char *const *texts, uint32_t count)
{
    return bytes_text(texts[BELOW(g, count)]);
}
#define ONE_OF(name_, ...)                                                                                   \
    static bytes_t name_(random_calls_t *g)                                                                  \
    {                                                                                                        \
        static const char *const texts[] = {__VA_ARGS__};                                                    \
        return one_of(g, texts, sizeof texts / sizeof *texts);                                               \
    }

ONE_OF(link, "https://grid.example/terms", "https://a.b/c?d=e", "http://x", "no spaces", "")
ONE_OF(document_hash, "Qm1234", "abc-DEF_9", "b", "with space", "")
ONE_OF(relay, "relay.grid.example", "a.b", "r_1-2.example", "relay.example", "..", "a..b", "")
ONE_OF(stellar, "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
       "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
       "GAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6JAN")
ONE_OF(city, "Ghent", "Cairo", "Unknown", "C")
ONE_OF(country, "Belgium", "Egypt", "BE", "Egypt", "Unknown", "Egypt", "Belgium", "X")
ONE_OF(latitude, "51.05", "-90", "Unknown", "30.0444", "12", "0", "1.5", "90.1")
ONE_OF(longitude, "3.71", "180", "Unknown", "31.2357", "-12.5", "0", "1.5", "x")
ONE_OF(interface_name, "zos", "eth0", "br-1", "wlan_0", "zos", "eth1", "eth2", "e")
ONE_OF(mac, "00:11:22:33:44:55", "aa:bb:cc:dd:ee:ff", "00:11:22:33:44:55", "00:11:22:33:44:56",
       "00:11:22:33:44:57", "00:11:22:33:44:zz")
ONE_OF(interface_ip, "10.1.0.2", "192.168.0.7", "fd00::1", "2001:db8::2", "10.1.0.3", "10.1.0.4", "nowhere")
ONE_OF(domain, "node.grid.example", "a-b.example", "", "under_score")
ONE_OF(ip6, "2a10:b600:1::2/64", "2a10:b600:1::3/64", "2a10:b600:1::1/64", "fe80::2/64")
ONE_OF(gateway6, "2a10:b600:1::1", "2a10:b600:1::1", "2a10:b600:2::1")
ONE_OF(zos_version, "3.1", "3.2", "{\"safe_to_upgrade\":true}")
ONE_OF(words, "", "a", "some words", "more words than before, and a comma")
ONE_OF(kv_key, "a", "b", "c", "color")
ONE_OF(raw_key, "property:a", "property:b", "property:c")
ONE_OF(raw_prefix, "property:", "property:b", "nothing")

/* newer_code is a module that does nothing but tell that it is the next version of this runtime. */
static bytes_t newer_code(random_calls_t *g)
{
    static uint8_t room[512], version_room[128];
    scale_writer_t w       = scale_writer(room, sizeof room),
                   version = scale_writer(version_room, sizeof version_room);
    const uint32_t number  = RUNTIME_SPEC_VERSION + (PERCENT(g, 60) ? 1 : 0);
    system_runtime_version_encode(&version, &(system_runtime_version_t){.spec_name = BYTES(RUNTIME_SPEC_NAME),
                                                                        .impl_name = BYTES(RUNTIME_SPEC_NAME),
                                                                        .spec_version = number});
    scale_put_raw(&w, "\0asm\1\0\0", 8);
    scale_put_u8(&w, 0); /* custom sections: length, name, content; all shorter than 128 bytes */
    scale_put_u8(&w, (uint8_t)(16 + version.len));
    scale_put_u8(&w, 15);
    scale_put_raw(&w, "runtime_version", 15);
    scale_put_raw(&w, version.start, version.len);
    scale_put_raw(&w, "\0\31\14runtime_apis\xdf\x6a\xcb\x68\x99\x07\x60\x9b\4\0\0\0", 2 + 13 + 12);
    return PERCENT(g, 10) ? BYTES("no code") : scale_written(&w);
}

static bytes_t farm_name(random_calls_t *g)
{
    return PERCENT(g, 5) ? BYTES("no farm!") : written(g, "farm-%u", BELOW(g, 40));
}
static bytes_t entity_name(random_calls_t *g) { return written(g, "entity-%u", BELOW(g, 12)); }
static bytes_t policy_name(random_calls_t *g)
{
    tfgrid_pricing_policy_t policy;
    if (PERCENT(g, 30) && tfgrid_pricing_policies_get(g->rt, (uint32_t)pricing_policy_id(g), &policy))
        return policy.name;
    return written(g, "policy-%u", BELOW(g, 12));
}
static bytes_t contract_name(random_calls_t *g)
{
    return PERCENT(g, 5) ? BYTES("No.Name") : written(g, "name-%u", BELOW(g, 40));
}
static bytes_t ip(random_calls_t *g)
{
    g->of.address = BELOW(g, 2);
    if (PERCENT(g, 4)) return BYTES("10.0.0.2/24");
    return written(g, g->of.address == 0 ? "185.206.0.%u/24" : "185.206.1.%u/24", 2 + BELOW(g, 30));
}
static bytes_t gateway(random_calls_t *g)
{
    if (PERCENT(g, 3)) return BYTES("185.206.9.1");
    return g->of.address == 0 ? BYTES("185.206.0.1") : BYTES("185.206.1.1");
}
/* ip_of_farm is an address that the farm has. */
static bytes_t ip_of_farm(random_calls_t *g)
{
    support_farm_t farm;
    if (PERCENT(g, 10) || !tfgrid_farms_get(g->rt, g->of.farm, &farm) || farm.public_ips.len == 0)
        return ip(g);
    return farm.public_ips.items[BELOW(g, farm.public_ips.len)].ip;
}
static bytes_t small_hash(random_calls_t *g)
{
    static uint8_t hash[32];
    memset(hash, 0, sizeof hash);
    hash[0] = (uint8_t)BELOW(g, 48);
    return (bytes_t){hash, sizeof hash};
}
static bytes_t task_name(random_calls_t *g)
{
    static uint8_t id[32];
    id[0] = (uint8_t)BELOW(g, 6);
    return (bytes_t){id, sizeof id};
}
static bytes_t mint_name(random_calls_t *g) { return written(g, "mint-%u", g->of.mint = BELOW(g, 24)); }
static bytes_t refund_name(random_calls_t *g) { return written(g, "refund-%u", g->of.mint = BELOW(g, 24)); }
static bytes_t burn_target(random_calls_t *g)
{
    tft_bridge_burn_transaction_t burn;
    return tft_bridge_burn_transactions_get(g->rt, g->of.mint, &burn) ? burn.target : BYTES("x");
}
static bytes_t signature(random_calls_t *g) { return written(g, "signature-%u", BELOW(g, 12)); }
static bytes_t stellar_key(random_calls_t *g) { return written(g, "key-%u", BELOW(g, 5)); }

/* -------------------------------------------------------------------------------- accounts */

const account_id_t *random_account(random_calls_t *g)
{
    g->of.actor = BELOW(g, g->config.count);
    return &g->config.actors[g->of.actor];
}

uint32_t random_actor_of(random_calls_t *g, const account_id_t *who)
{
    for (uint32_t i = 0; i < g->config.count; i++)
        if (memcmp(g->config.actors[i].b, who->b, sizeof who->b) == 0) return i;
    return BELOW(g, g->config.count);
}

static const account_id_t *mint_target(random_calls_t *g)
{
    return &g->config.actors[g->of.mint % g->config.count];
}

static const account_id_t *member_of(random_calls_t *g, account_id_vec_t list)
{
    static account_id_t member;
    if (list.len == 0 || PERCENT(g, 8)) return random_account(g);
    member = list.items[BELOW(g, list.len)];
    return &member;
}
static const account_id_t *councillor(random_calls_t *g)
{
    account_id_vec_t members;
    council_members_get(g->rt, &members);
    return member_of(g, members);
}
static const account_id_t *bridge_validator(random_calls_t *g)
{
    account_id_vec_t validators;
    tft_bridge_validators_get(g->rt, &validators);
    return member_of(g, validators);
}
static const account_id_t *active_validator(random_calls_t *g)
{
    account_id_vec_t validators;
    validator_set_validators_get(g->rt, &validators);
    return member_of(g, validators);
}
static const account_id_t *candidate(random_calls_t *g)
{
    const account_id_t *who = random_account(g);
    for (uint32_t i = 0; i < 8 && !validator_validator_exists(g->rt, who); i++)
        who = random_account(g);
    return who;
}
/* Only contracts reserve here: by force, root would take the reserve from under them. */
static const account_id_t *nobody(random_calls_t *g)
{
    static const account_id_t account = {{0x99}};
    (void)g;
    return &account;
}
static const account_id_t *with_twin(random_calls_t *g)
{
    const account_id_t *who = random_account(g);
    for (uint32_t i = 0; i < 4 && !tfgrid_twin_id_by_account_id_exists(g->rt, who); i++)
        who = random_account(g);
    return who;
}
static const account_id_t *certifier(random_calls_t *g)
{
    account_id_vec_t certifiers = {0};
    if (!tfgrid_allowed_node_certifiers_get(g->rt, &certifiers)) certifiers.len = 0;
    return member_of(g, certifiers);
}

/* ----------------------------------------------------------------------------------- hints */

typedef struct {
    const char *where; /* "pallet.call.argument", "Type.field", or a name wherever it stands */
    u128_t (*number)(random_calls_t *g);
    bytes_t (*bytes)(random_calls_t *g);
    const account_id_t *(*account)(random_calls_t *g);
    by_t inner;    /* of a call within */
    uint8_t count; /* of a list, at least one: this many at most */
} hint_t;

#define NUMBER(w, f)                                                                                         \
    {                                                                                                        \
        .where = w, .number = f                                                                              \
    }
#define BYTES_OF(w, f)                                                                                       \
    {                                                                                                        \
        .where = w, .bytes = f                                                                               \
    }
#define ACCOUNT(w, f)                                                                                        \
    {                                                                                                        \
        .where = w, .account = f                                                                             \
    }
#define LIST(w, n)                                                                                           \
    {                                                                                                        \
        .where = w, .count = n                                                                               \
    }
#define LIST_OF(w, f, n)                                                                                     \
    {                                                                                                        \
        .where = w, .bytes = f, .count = n                                                                   \
    }
#define WITHIN(w, by, n)                                                                                     \
    {                                                                                                        \
        .where = w, .inner = by, .count = n                                                                  \
    }
static const hint_t hints[] = {
    NUMBER("contract_id", contract_id),
    NUMBER("ContractResources.contract_id", reported_id),
    NUMBER("NruConsumption.contract_id", reported_id),
    LIST("contract_resources", 3),
    LIST("reports", 3),
    NUMBER("node_id", node_id),
    NUMBER("tfgrid.add_node_public_config.node_id", node_of_farm),
    NUMBER("farm_id", farm_id),
    NUMBER("twin_id", twin_id),
    NUMBER("entity_id", entity_id),
    NUMBER("service_contract_id", service_id),
    NUMBER("pricing_policy_id", pricing_policy_id),
    NUMBER("farming_policy_id", farming_policy_id),
    NUMBER("FarmingPolicyLimit.farming_policy_id", farming_policy_id),
    NUMBER("FarmingPolicyLimit.end", time_later),
    NUMBER("FarmingPolicyLimit.node_count", few),
    NUMBER("solution_provider_id", provider_id),
    NUMBER("Provider.take", take),
    LIST("providers", 3),
    BYTES_OF("deployment_hash", small_hash),
    BYTES_OF("deployment_data", words),
    NUMBER("smart_contract.create_node_contract.public_ips", none_to_three),
    LIST("tfgrid.create_farm.public_ips", 4),
    BYTES_OF("tfgrid.create_farm.name", farm_name),
    BYTES_OF("tfgrid.update_farm.name", farm_name),
    BYTES_OF("tfgrid.create_entity.name", entity_name),
    BYTES_OF("tfgrid.update_entity.name", entity_name),
    BYTES_OF("tfgrid.create_pricing_policy.name", policy_name),
    BYTES_OF("tfgrid.update_pricing_policy.name", policy_name),
    BYTES_OF("tfgrid.create_farming_policy.name", policy_name),
    BYTES_OF("tfgrid.update_farming_policy.name", policy_name),
    BYTES_OF("smart_contract.create_name_contract.name", contract_name),
    NUMBER("Policy.value", policy_value),
    NUMBER("discount_for_dedication_nodes", percent),
    NUMBER("policy_end", policy_blocks),
    BYTES_OF("document_link", link),
    BYTES_OF("document_hash", document_hash),
    BYTES_OF("link", link),
    BYTES_OF("description", words),
    BYTES_OF("relay", relay),
    BYTES_OF("pk", words),
    BYTES_OF("serial_number", words),
    BYTES_OF("stellar_address", stellar),
    NUMBER("Resources.hru", disk),
    NUMBER("Resources.sru", disk),
    NUMBER("Resources.cru", cores),
    NUMBER("Resources.mru", memory),
    BYTES_OF("LocationInput.city", city),
    BYTES_OF("LocationInput.country", country),
    BYTES_OF("LocationInput.latitude", latitude),
    BYTES_OF("LocationInput.longitude", longitude),
    BYTES_OF("city", city),
    BYTES_OF("country", country),
    BYTES_OF("Interface.name", interface_name),
    BYTES_OF("Interface.mac", mac),
    BYTES_OF("Interface.ips", interface_ip),
    BYTES_OF("IP4.ip", ip),
    BYTES_OF("IP4.gw", gateway),
    BYTES_OF("IP6.ip", ip6),
    BYTES_OF("IP6.gw", gateway6),
    BYTES_OF("PublicConfig.domain", domain),
    BYTES_OF("tfgrid.add_farm_ip.ip", ip),
    BYTES_OF("tfgrid.add_farm_ip.gw", gateway),
    BYTES_OF("ip", ip_of_farm),
    NUMBER("timestamp_hint", time_near),
    NUMBER("power_state", mostly_up),
    NUMBER("power_target", mostly_up),
    ACCOUNT("certifier", certifier),
    ACCOUNT("tfgrid.add_node_certifier.certifier", random_account),
    BYTES_OF("zos_version", zos_version),
    NUMBER("NruConsumption.timestamp", time_now),
    NUMBER("NruConsumption.window", window_s),
    NUMBER("NruConsumption.nru", traffic),
    NUMBER("extra_fee", extra_fee),
    NUMBER("frequency", one_frequency),
    ACCOUNT("service_account", with_twin),
    ACCOUNT("consumer_account", with_twin),
    NUMBER("base_fee", service_fee),
    NUMBER("variable_fee", service_fee),
    NUMBER("variable_amount", service_use),
    BYTES_OF("metadata", words),
    NUMBER("value", money),
    NUMBER("amount", money),
    NUMBER("new_free", money),
    NUMBER("old_reserved", zero),
    NUMBER("balances.force_unreserve.amount", few),
    ACCOUNT("balances.force_unreserve.who", nobody),
    BYTES_OF("kvstore.set.key", kv_key),
    BYTES_OF("kvstore.delete.key", kv_key),
    BYTES_OF("kvstore.set.value", words),
    BYTES_OF("burning.burn_tft.message", words),
    BYTES_OF("tft_bridge.propose_or_vote_mint_transaction.transaction", mint_name),
    ACCOUNT("tft_bridge.propose_or_vote_mint_transaction.target", mint_target),
    NUMBER("tft_bridge.propose_or_vote_mint_transaction.amount", bridged),
    BYTES_OF("tft_bridge.propose_burn_transaction_or_add_sig.target", burn_target),
    NUMBER("tft_bridge.propose_burn_transaction_or_add_sig.amount", burnt_amount),
    BYTES_OF("tft_bridge.create_refund_transaction_or_add_sig.target", stellar_key),
    NUMBER("tft_bridge.create_refund_transaction_or_add_sig.amount", bridged),
    NUMBER("tft_bridge.set_withdraw_fee.amount", bridge_fee),
    NUMBER("tft_bridge.set_deposit_fee.amount", bridge_fee),
    ACCOUNT("tft_bridge.remove_bridge_validator.target", bridge_validator),
    NUMBER("transaction_id", burn_id),
    BYTES_OF("tx_hash", refund_name),
    BYTES_OF("target_stellar_address", stellar),
    BYTES_OF("signature", signature),
    BYTES_OF("stellar_pub_key", stellar_key),
    NUMBER("price", price),
    NUMBER("tft_price.set_min_tft_price.price", least_price),
    NUMBER("block_number", block_now),
    LIST_OF("system.set_storage.items", raw_key, 2),
    LIST_OF("system.kill_storage.keys", raw_key, 2),
    BYTES_OF("system.kill_prefix.prefix", raw_prefix),
    BYTES_OF("code", newer_code),
    WITHIN("calls", BY_INNER, 3),
    WITHIN("call", BY_INNER, 0),
    WITHIN("utility.dispatch_as.call", BY_ROOT, 0),
    WITHIN("utility.with_weight.call", BY_ROOT, 0),
    WITHIN("scheduler.schedule.call", BY_ROOT, 0),
    WITHIN("scheduler.schedule_after.call", BY_ROOT, 0),
    WITHIN("scheduler.schedule_named.call", BY_ROOT, 0),
    WITHIN("scheduler.schedule_named_after.call", BY_ROOT, 0),
    WITHIN("proposal", BY_RESTRICTED, 0),
    WITHIN("action", BY_ROOT, 0),
    BYTES_OF("council.vote.proposal", motion_of_council),
    NUMBER("council.vote.index", motion_index),
    NUMBER("council.vote.approve", often),
    BYTES_OF("council.close.proposal_hash", motion_of_council),
    NUMBER("council.close.index", motion_index),
    NUMBER("council.close.length_bound", much_len),
    BYTES_OF("council.disapprove_proposal.proposal_hash", motion_of_council),
    NUMBER("council.propose.threshold", ayes_needed),
    NUMBER("length_bound", call_len),
    NUMBER("Weight.ref_time", much_weight),
    NUMBER("Weight.proof_size", much_weight),
    NUMBER("dao.propose.threshold", farms_needed),
    NUMBER("dao.propose.duration", vote_blocks),
    BYTES_OF("dao.vote.proposal_hash", motion_of_dao),
    NUMBER("dao.vote.approve", often),
    BYTES_OF("dao.veto.proposal_hash", motion_of_dao),
    BYTES_OF("dao.close.proposal_hash", motion_of_dao),
    NUMBER("dao.close.proposal_index", motion_index),
    ACCOUNT("council_membership.remove_member.who", councillor),
    ACCOUNT("council_membership.swap_member.remove", councillor),
    ACCOUNT("council_membership.set_prime.who", councillor),
    LIST("council_membership.reset_members.members", 4),
    LIST("council.set_members.new_members", 4),
    ACCOUNT("validator_account", candidate),
    ACCOUNT("validator_set.remove_validator.validator_id", active_validator),
    NUMBER("utility.as_derivative.index", derivative),
    NUMBER("when", block_soon),
    NUMBER("after", few),
    NUMBER("maybe_periodic", few),
    BYTES_OF("id", task_name),
    NUMBER("scheduler.cancel.when", scheduled_at),
    NUMBER("scheduler.cancel.index", few),
    NUMBER("approve", often),
};
enum { HINT_COUNT = sizeof hints / sizeof *hints, SLOTS = 1024 };

static uint32_t hashed(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 16777619;
    return hash;
}

/* find_hint looks for "owner.name"; the table is filled at the first look. */
static const hint_t *find_hint(const char *owner, const char *owned, const char *name)
{
    static struct {
        uint32_t hash;
        const hint_t *hint;
    } slots[SLOTS];
    static bool is_filled;
    for (uint32_t i = 0; !is_filled && i < HINT_COUNT; i++) {
        uint32_t hash = hashed(2166136261, hints[i].where), at = hash % SLOTS;
        while (slots[at].hint)
            at = (at + 1) % SLOTS;
        slots[at].hash = hash;
        slots[at].hint = &hints[i];
    }
    is_filled     = true;
    uint32_t hash = 2166136261;
    if (owner) hash = hashed(hashed(hash, owner), ".");
    if (owned) hash = hashed(hashed(hash, owned), ".");
    hash = hashed(hash, name);
    for (uint32_t at = hash % SLOTS; slots[at].hint; at = (at + 1) % SLOTS)
        if (slots[at].hash == hash) return slots[at].hint;
    return NULL;
}

/* --------------------------------------------------------------------------------- by type */

static u128_t any_number(random_calls_t *g)
{
    switch (BELOW(g, 8)) {
    case 0: return ~(u128_t)0 - BELOW(g, 2);
    case 1: return chance_next(&g->chance);
    case 2: return BELOW(g, 1000000);
    default: return BELOW(g, 5);
    }
}

static uint32_t width_of(uint16_t primitive)
{
    static const uint8_t widths[] = {[TABLE_BOOL] = 1, [TABLE_U8] = 1,  [TABLE_U16] = 2,
                                     [TABLE_U32] = 4,  [TABLE_U64] = 8, [TABLE_U128] = 16};
    return widths[primitive];
}

static u128_t number_for(random_calls_t *g, const hint_t *hint, uint16_t primitive)
{
    u128_t value   = hint && hint->number && !PERCENT(g, 3) ? hint->number(g) : any_number(g);
    uint32_t width = width_of(primitive);
    if (primitive == TABLE_BOOL) return value & 1;
    return width < 16 ? value & (((u128_t)1 << (8 * width)) - 1) : value;
}

static void put_number(random_calls_t *g, const hint_t *hint, uint16_t primitive)
{
    u128_t value = number_for(g, hint, primitive);
    for (uint32_t i = 0; i < width_of(primitive); i++, value >>= 8)
        scale_put_u8(&g->w, (uint8_t)value);
}

static void put_bytes(random_calls_t *g, const hint_t *hint)
{
    const bool is_raw =
        hint && (hint->bytes == raw_key || hint->bytes == raw_prefix); /* nobody else's keys */
    if (hint && hint->bytes && (is_raw || !PERCENT(g, 2))) {
        scale_put_bytes(&g->w, hint->bytes(g));
        return;
    }
    uint32_t len = PERCENT(g, 4) ? BELOW(g, 2100) : BELOW(g, 12);
    scale_put_compact(&g->w, len);
    for (uint32_t i = 0; i < len; i++)
        scale_put_u8(&g->w, i < 16 ? (uint8_t)('a' + BELOW(g, 26)) : 'x');
}

static void put_array(random_calls_t *g, const hint_t *hint, uint32_t count)
{
    bytes_t bytes = {0};
    if (hint && hint->bytes)
        bytes = hint->bytes(g);
    else if (count == 32)
        bytes = (bytes_t){(hint && hint->account ? hint->account : random_account)(g)->b, 32};
    for (uint32_t i = 0; i < count; i++)
        scale_put_u8(&g->w, i < bytes.len ? bytes.data[i] : (uint8_t)(count == 32 ? 0 : BELOW(g, 256)));
}

static void put_value(random_calls_t *g, uint16_t type, const hint_t *hint);

static void put_fields(random_calls_t *g, const char *owner, const table_field_t *fields, uint32_t count,
                       const hint_t *hint)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *name = fields[i].name;
        put_value(g, fields[i].type, name ? find_hint(owner, NULL, name) : hint);
    }
}

static void put_variant(random_calls_t *g, const table_type_t *type, const hint_t *hint)
{
    uint32_t at = BELOW(g, type->count ? type->count : 1);
    if (type->count == 0) return; /* there is no such value */
    if (strcmp(type->name, "MultiAddress") == 0)
        at = PERCENT(g, 97) ? 0 : at;
    else if (hint && hint->number && strcmp(type->name, "Option") != 0)
        at = (uint32_t)(hint->number(g) % type->count);
    scale_put_u8(&g->w, type->variants[at].index);
    put_fields(g, type->name, type->variants[at].fields, type->variants[at].field_count, hint);
}

static void put_items(random_calls_t *g, uint16_t inner, const hint_t *hint)
{
    uint32_t count = hint && hint->count ? 1 + BELOW(g, hint->count) : BELOW(g, 3);
    if (PERCENT(g, 2)) count = BELOW(g, 12);
    scale_put_compact(&g->w, count);
    for (uint32_t i = 0; i < count; i++)
        put_value(g, inner, hint);
}

static bool is_byte(uint16_t type)
{
    return runtime_types[type].form == TABLE_PRIMITIVE && runtime_types[type].inner == TABLE_U8;
}

static void put_value(random_calls_t *g, uint16_t id, const hint_t *hint)
{
    const table_type_t *type = &runtime_types[id];
    if (id == runtime_type_call) {
        random_put_call(g, hint ? hint->inner : BY_INNER);
        return;
    }
    switch ((table_form_t)type->form) {
    case TABLE_PRIMITIVE: put_number(g, hint, type->inner); return;
    case TABLE_COMPACT:
        scale_put_compact_u128(&g->w, number_for(g, hint, runtime_types[type->inner].inner));
        return;
    case TABLE_SEQUENCE:
        if (is_byte(type->inner))
            put_bytes(g, hint);
        else
            put_items(g, type->inner, hint);
        return;
    case TABLE_ARRAY:
        if (is_byte(type->inner)) {
            put_array(g, hint, type->count);
            return;
        }
        for (uint32_t i = 0; i < type->count; i++)
            put_value(g, type->inner, hint);
        return;
    case TABLE_VARIANT: put_variant(g, type, hint); return;
    case TABLE_COMPOSITE:
    case TABLE_TUPLE: put_fields(g, type->name, type->fields, type->count, hint); return;
    }
}

void random_put_args(random_calls_t *g, const plan_t *plan)
{
    for (uint32_t i = 0; i < plan->call->field_count; i++) {
        const table_field_t *field = &plan->call->fields[i];
        const hint_t *hint         = find_hint(plan->pallet, plan->name, field->name);
        put_value(g, field->type, hint ? hint : find_hint(NULL, NULL, field->name));
    }
}
