/* random_calls.c - which call comes next, and who signs it. */
#include "random_calls.h"

#include "hash.h"
#include "random_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Twins, farms and nodes that a chain begins with; five farms with nodes make the DAO's votes count. */
enum { FARMS = 7, SETUP_STEPS_PER_ACTOR = 2, DEPTH_MAX = 2 };

/* Grandpa's reports of equivocation hold a proof that has no values: nobody can make one. */
#define CALL(pallet_, name_, weight_, by_, danger_)                                                          \
    {                                                                                                        \
        .pallet = #pallet_, .name = #name_, .weight = weight_, .by = by_, .danger = danger_                  \
    }
static plan_t plans[] = {
    CALL(system, remark, 2, BY_ANYONE, SAFE),
    CALL(system, set_heap_pages, 1, BY_ROOT, RAW),
    CALL(system, set_code, 1, BY_ROOT, RAW),
    CALL(system, set_code_without_checks, 1, BY_ROOT, RAW),
    CALL(system, set_storage, 1, BY_ROOT, RAW),
    CALL(system, kill_storage, 1, BY_ROOT, RAW),
    CALL(system, kill_prefix, 1, BY_ROOT, RAW),
    CALL(system, remark_with_event, 2, BY_ANYONE, SAFE),
    CALL(timestamp, set, 1, BY_ANYONE, SAFE),
    CALL(utility, batch, 12, BY_INNER, SAFE),
    CALL(utility, as_derivative, 6, BY_INNER, SAFE),
    CALL(utility, batch_all, 12, BY_INNER, SAFE),
    CALL(utility, dispatch_as, 2, BY_ROOT, SAFE),
    CALL(utility, force_batch, 12, BY_INNER, SAFE),
    CALL(utility, with_weight, 2, BY_ROOT, SAFE),
    CALL(scheduler, schedule, 3, BY_ROOT, SAFE),
    CALL(scheduler, cancel, 2, BY_ROOT, SAFE),
    CALL(scheduler, schedule_named, 3, BY_ROOT, SAFE),
    CALL(scheduler, cancel_named, 2, BY_ROOT, SAFE),
    CALL(scheduler, schedule_after, 3, BY_ROOT, SAFE),
    CALL(scheduler, schedule_named_after, 3, BY_ROOT, SAFE),
    CALL(validator_set, add_validator, 2, BY_RESTRICTED, CHANGES_VALIDATORS),
    CALL(validator_set, remove_validator, 2, BY_RESTRICTED, CHANGES_VALIDATORS),
    CALL(validator_set, add_validator_again, 3, BY_NAMED, CHANGES_VALIDATORS),
    CALL(session, set_keys, 4, BY_ANYONE, CHANGES_VALIDATORS),
    CALL(session, purge_keys, 2, BY_ANYONE, CHANGES_VALIDATORS),
    CALL(grandpa, note_stalled, 1, BY_ROOT, CHANGES_VALIDATORS),
    CALL(balances, transfer_allow_death, 12, BY_ANYONE, SAFE),
    CALL(balances, set_balance_deprecated, 1, BY_ROOT, RAW),
    CALL(balances, force_transfer, 1, BY_ROOT, SAFE),
    CALL(balances, transfer_keep_alive, 8, BY_ANYONE, SAFE),
    CALL(balances, transfer_all, 1, BY_ANYONE, SAFE),
    CALL(balances, force_unreserve, 1, BY_ROOT, RAW),
    CALL(balances, upgrade_accounts, 1, BY_ANYONE, SAFE),
    CALL(balances, transfer, 4, BY_ANYONE, SAFE),
    CALL(balances, force_set_balance, 4, BY_ROOT, SAFE),
    CALL(tfgrid, set_storage_version, 1, BY_RESTRICTED, SAFE),
    CALL(tfgrid, create_farm, 6, BY_TWIN, SAFE),
    CALL(tfgrid, update_farm, 6, BY_FARMER, SAFE),
    CALL(tfgrid, add_stellar_payout_v2address, 3, BY_FARMER, SAFE),
    CALL(tfgrid, set_farm_certification, 2, BY_RESTRICTED, SAFE),
    CALL(tfgrid, add_farm_ip, 10, BY_FARMER, SAFE),
    CALL(tfgrid, remove_farm_ip, 6, BY_FARMER, SAFE),
    CALL(tfgrid, create_node, 16, BY_TWIN, SAFE),
    CALL(tfgrid, update_node, 10, BY_NODE, SAFE),
    CALL(tfgrid, set_node_certification, 4, BY_RESTRICTED, SAFE),
    CALL(tfgrid, report_uptime, 2, BY_NODE, SAFE),
    CALL(tfgrid, add_node_public_config, 4, BY_FARMER, SAFE),
    CALL(tfgrid, delete_node, 2, BY_NODE, SAFE),
    CALL(tfgrid, create_entity, 6, BY_ANYONE, SAFE),
    CALL(tfgrid, update_entity, 4, BY_ENTITY, SAFE),
    CALL(tfgrid, delete_entity, 2, BY_ENTITY, SAFE),
    CALL(tfgrid, create_twin, 6, BY_ANYONE, SAFE),
    CALL(tfgrid, update_twin, 4, BY_TWIN, SAFE),
    CALL(tfgrid, add_twin_entity, 6, BY_TWIN_ITSELF, SAFE),
    CALL(tfgrid, delete_twin_entity, 6, BY_TWIN_ITSELF, SAFE),
    CALL(tfgrid, create_pricing_policy, 1, BY_RESTRICTED, SAFE),
    CALL(tfgrid, update_pricing_policy, 3, BY_RESTRICTED, SAFE),
    CALL(tfgrid, create_farming_policy, 2, BY_RESTRICTED, SAFE),
    CALL(tfgrid, user_accept_tc, 3, BY_ANYONE, SAFE),
    CALL(tfgrid, delete_node_farm, 2, BY_FARMER, SAFE),
    CALL(tfgrid, set_farm_dedicated, 3, BY_RESTRICTED, SAFE),
    CALL(tfgrid, force_reset_farm_ip, 2, BY_RESTRICTED, TAKES_ADDRESSES),
    CALL(tfgrid, set_connection_price, 1, BY_RESTRICTED, SAFE),
    CALL(tfgrid, add_node_certifier, 2, BY_RESTRICTED, SAFE),
    CALL(tfgrid, remove_node_certifier, 1, BY_RESTRICTED, SAFE),
    CALL(tfgrid, update_farming_policy, 2, BY_RESTRICTED, SAFE),
    CALL(tfgrid, attach_policy_to_farm, 3, BY_RESTRICTED, SAFE),
    CALL(tfgrid, set_zos_version, 1, BY_RESTRICTED, SAFE),
    CALL(tfgrid, change_power_state, 12, BY_NODE, SAFE),
    CALL(tfgrid, change_power_target, 8, BY_FARMER, SAFE),
    CALL(tfgrid, bond_twin_account, 4, BY_ANYONE, SAFE),
    CALL(tfgrid, report_uptime_v2, 2, BY_NODE, SAFE),
    CALL(smart_contract, create_node_contract, 70, BY_TENANT, SAFE),
    CALL(smart_contract, update_node_contract, 14, BY_OWNER, SAFE),
    CALL(smart_contract, cancel_contract, 22, BY_OWNER, SAFE),
    CALL(smart_contract, create_name_contract, 12, BY_TWIN, SAFE),
    CALL(smart_contract, add_nru_reports, 30, BY_NODE, SAFE),
    CALL(smart_contract, report_contract_resources, 40, BY_NODE, SAFE),
    CALL(smart_contract, create_rent_contract, 16, BY_TWIN, SAFE),
    CALL(smart_contract, create_solution_provider, 3, BY_TWIN, SAFE),
    CALL(smart_contract, approve_solution_provider, 5, BY_RESTRICTED, SAFE),
    CALL(smart_contract, bill_contract_for_block, 20, BY_ANYONE, SAFE),
    CALL(smart_contract, service_contract_create, 6, BY_NAMED, SAFE),
    CALL(smart_contract, service_contract_set_metadata, 8, BY_PARTY, SAFE),
    CALL(smart_contract, service_contract_set_fees, 8, BY_SELLER, SAFE),
    CALL(smart_contract, service_contract_approve, 14, BY_PARTY, SAFE),
    CALL(smart_contract, service_contract_reject, 2, BY_PARTY, SAFE),
    CALL(smart_contract, service_contract_cancel, 2, BY_PARTY, SAFE),
    CALL(smart_contract, service_contract_bill, 14, BY_SELLER, SAFE),
    CALL(smart_contract, change_billing_frequency, 1, BY_RESTRICTED, SAFE),
    CALL(smart_contract, attach_solution_provider_id, 4, BY_OWNER, SAFE),
    CALL(smart_contract, set_dedicated_node_extra_fee, 8, BY_FARMER, SAFE),
    CALL(smart_contract, cancel_contract_collective, 3, BY_RESTRICTED, SAFE),
    CALL(tft_bridge, add_bridge_validator, 2, BY_RESTRICTED, SAFE),
    CALL(tft_bridge, remove_bridge_validator, 1, BY_RESTRICTED, SAFE),
    CALL(tft_bridge, set_fee_account, 1, BY_RESTRICTED, SAFE),
    CALL(tft_bridge, set_withdraw_fee, 1, BY_RESTRICTED, SAFE),
    CALL(tft_bridge, set_deposit_fee, 1, BY_RESTRICTED, SAFE),
    CALL(tft_bridge, swap_to_stellar, 6, BY_ANYONE, SAFE),
    CALL(tft_bridge, propose_or_vote_mint_transaction, 10, BY_BRIDGE, SAFE),
    CALL(tft_bridge, propose_burn_transaction_or_add_sig, 6, BY_BRIDGE, SAFE),
    CALL(tft_bridge, set_burn_transaction_executed, 2, BY_BRIDGE, SAFE),
    CALL(tft_bridge, create_refund_transaction_or_add_sig, 6, BY_BRIDGE, SAFE),
    CALL(tft_bridge, set_refund_transaction_executed, 2, BY_BRIDGE, SAFE),
    CALL(tft_price, set_prices, 8, BY_VALIDATOR, SAFE),
    CALL(tft_price, set_min_tft_price, 2, BY_RESTRICTED, SAFE),
    CALL(tft_price, set_max_tft_price, 1, BY_RESTRICTED, SAFE),
    CALL(burning, burn_tft, 2, BY_ANYONE, SAFE),
    CALL(kvstore, set, 8, BY_ANYONE, SAFE),
    CALL(kvstore, delete, 3, BY_ANYONE, SAFE),
    CALL(runtime_upgrade, set_code, 1, BY_RESTRICTED, RAW),
    CALL(council, set_members, 1, BY_ROOT, SAFE),
    CALL(council, execute, 4, BY_COUNCIL, SAFE),
    CALL(council, propose, 6, BY_COUNCIL, SAFE),
    CALL(council, vote, 8, BY_COUNCIL, SAFE),
    CALL(council, disapprove_proposal, 1, BY_ROOT, SAFE),
    CALL(council, close, 6, BY_ANYONE, SAFE),
    CALL(council_membership, add_member, 2, BY_RESTRICTED, SAFE),
    CALL(council_membership, remove_member, 1, BY_RESTRICTED, SAFE),
    CALL(council_membership, swap_member, 1, BY_RESTRICTED, SAFE),
    CALL(council_membership, reset_members, 1, BY_RESTRICTED, SAFE),
    CALL(council_membership, change_key, 1, BY_COUNCIL, SAFE),
    CALL(council_membership, set_prime, 1, BY_RESTRICTED, SAFE),
    CALL(council_membership, clear_prime, 1, BY_RESTRICTED, SAFE),
    CALL(dao, propose, 3, BY_COUNCIL, SAFE),
    CALL(dao, vote, 8, BY_FARMER, SAFE),
    CALL(dao, veto, 3, BY_COUNCIL, SAFE),
    CALL(dao, close, 4, BY_COUNCIL, SAFE),
    CALL(validator, create_validator_request, 5, BY_ANYONE, SAFE),
    CALL(validator, activate_validator_node, 2, BY_CANDIDATE, CHANGES_VALIDATORS),
    CALL(validator, change_validator_node_account, 2, BY_CANDIDATE, CHANGES_VALIDATORS),
    CALL(validator, bond, 2, BY_ANYONE, SAFE),
    CALL(validator, approve_validator, 3, BY_COUNCIL, SAFE),
    CALL(validator, remove_validator, 1, BY_COUNCIL, CHANGES_VALIDATORS),
};
enum { PLAN_COUNT = sizeof plans / sizeof *plans };

static void find_plans(void)
{
    if (plans[0].call) return;
    for (uint32_t i = 0; i < PLAN_COUNT; i++) {
        plans[i].table = table_pallet(bytes_text(plans[i].pallet));
        plans[i].call  = plans[i].table ? table_call(plans[i].table, bytes_text(plans[i].name)) : NULL;
        if (plans[i].call) continue;
        printf("random calls: there is no %s.%s\n", plans[i].pallet, plans[i].name);
        exit(1);
    }
}

random_calls_t *random_calls_new(const random_config_t *config, chance_t chance)
{
    random_calls_t *g = calloc(1, sizeof *g);
    if (!g) abort();
    find_plans();
    g->config = *config;
    g->chance = chance;
    g->w      = scale_writer(g->bytes, sizeof g->bytes);
    return g;
}

void random_calls_free(random_calls_t *g) { free(g); }
chance_t *random_calls_chance(random_calls_t *g) { return &g->chance; }

/* ------------------------------------------------------------------------------ choosing */

static bool may_come(const random_calls_t *g, const plan_t *plan)
{
    if (plan->danger == RAW && !g->config.has_root) return false;
    if (plan->danger == TAKES_ADDRESSES && g->config.keeps_addresses) return false;
    return plan->danger != CHANGES_VALIDATORS || !g->config.keeps_validators;
}

static bool nests(const plan_t *plan)
{
    return plan->by == BY_INNER || strcmp(plan->name, "propose") == 0 || strcmp(plan->name, "execute") == 0 ||
           strncmp(plan->name, "schedule", 8) == 0 || strcmp(plan->name, "dispatch_as") == 0 ||
           strcmp(plan->name, "with_weight") == 0;
}

static bool fits(const plan_t *plan, by_t by)
{
    if (by == BY_RESTRICTED) return plan->by == BY_RESTRICTED;
    return by != BY_ROOT || plan->by == BY_RESTRICTED || plan->by == BY_ROOT;
}

static const plan_t *choose(random_calls_t *g, by_t by)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < PLAN_COUNT; i++)
        sum += plans[i].weight;
    for (uint32_t tries = 0;; tries++) {
        uint32_t at = BELOW(g, sum), i = 0;
        for (; at >= plans[i].weight; i++)
            at -= plans[i].weight;
        const plan_t *plan = &plans[i];
        if (tries > 200) return &plans[0];
        if (!may_come(g, plan) || (g->depth >= DEPTH_MAX && nests(plan)) || !fits(plan, by)) continue;
        return plan;
    }
}

/* ------------------------------------------------------------------------------- signing */

static const account_id_t *account_of_twin(random_calls_t *g, uint32_t twin_id)
{
    static account_id_t account;
    tfgrid_twin_t twin;
    if (!tfgrid_twins_get(g->rt, twin_id, &twin)) return random_account(g);
    account = twin.account_id;
    return &account;
}

static const account_id_t *any_twin(random_calls_t *g)
{
    const account_id_t *who = random_account(g);
    for (uint32_t i = 0; i < 6 && !tfgrid_twin_id_by_account_id_exists(g->rt, who); i++)
        who = random_account(g);
    return who;
}

static const account_id_t *one_of_list(random_calls_t *g, account_id_vec_t list)
{
    static account_id_t account;
    if (list.len == 0) return random_account(g);
    account = list.items[BELOW(g, list.len)];
    return &account;
}

static const account_id_t *node_signer(random_calls_t *g)
{
    support_node_t node;
    const uint32_t newest = tfgrid_node_id_get(g->rt);
    if (!g->of.has_node && newest > 0) g->of.node = 1 + BELOW(g, newest);
    return tfgrid_nodes_get(g->rt, g->of.node, &node) ? account_of_twin(g, node.twin_id) : any_twin(g);
}

static const account_id_t *farmer_signer(random_calls_t *g)
{
    support_node_t node;
    support_farm_t farm;
    if (!g->of.has_farm && tfgrid_nodes_get(g->rt, g->of.node, &node)) g->of.farm = node.farm_id;
    return tfgrid_farms_get(g->rt, g->of.farm, &farm) ? account_of_twin(g, farm.twin_id) : any_twin(g);
}

static const account_id_t *owner_signer(random_calls_t *g)
{
    smart_contract_contract_t contract;
    if (!smart_contract_contracts_get(g->rt, g->of.contract, &contract)) return any_twin(g);
    return account_of_twin(g, contract.twin_id);
}

static const account_id_t *tenant_signer(random_calls_t *g)
{
    uint64_t rent_id;
    if (PERCENT(g, 20) || !smart_contract_active_rent_contract_for_node_get(g->rt, g->of.node, &rent_id))
        return any_twin(g);
    g->of.contract = rent_id;
    return owner_signer(g);
}

static const account_id_t *party_signer(random_calls_t *g, bool is_seller)
{
    smart_contract_service_contract_t service;
    if (!smart_contract_service_contracts_get(g->rt, g->of.service, &service)) return any_twin(g);
    return account_of_twin(g, is_seller ? service.service_twin_id : service.consumer_twin_id);
}

static const account_id_t *listed_signer(random_calls_t *g, by_t by)
{
    account_id_vec_t list;
    if (by == BY_COUNCIL)
        council_members_get(g->rt, &list);
    else if (by == BY_VALIDATOR)
        session_validators_get(g->rt, &list);
    else
        tft_bridge_validators_get(g->rt, &list);
    return one_of_list(g, list);
}

static const account_id_t *entity_signer(random_calls_t *g)
{
    static account_id_t account;
    tfgrid_entity_t entity;
    const uint32_t newest = tfgrid_entity_id_get(g->rt);
    for (uint32_t i = 0; i < 4 && newest > 0; i++)
        if (tfgrid_entities_get(g->rt, 1 + BELOW(g, newest), &entity)) {
            account = entity.account_id;
            return &account;
        }
    return random_account(g);
}

static const account_id_t *candidate_signer(random_calls_t *g)
{
    const account_id_t *who = random_account(g);
    for (uint32_t i = 0; i < 12 && !validator_validator_exists(g->rt, who); i++)
        who = random_account(g);
    return who;
}

static const account_id_t *natural_signer(random_calls_t *g, const plan_t *plan)
{
    switch (plan->by) {
    case BY_TWIN: return any_twin(g);
    case BY_OWNER: return owner_signer(g);
    case BY_TENANT: return tenant_signer(g);
    case BY_NODE: return node_signer(g);
    case BY_FARMER: return farmer_signer(g);
    case BY_SELLER: return party_signer(g, true);
    case BY_PARTY: return party_signer(g, PERCENT(g, 50));
    case BY_CANDIDATE: return candidate_signer(g);
    case BY_COUNCIL:
    case BY_VALIDATOR:
    case BY_BRIDGE: return listed_signer(g, plan->by);
    case BY_NAMED: return &g->config.actors[g->of.actor];
    case BY_TWIN_ITSELF: return account_of_twin(g, g->of.twin);
    case BY_ENTITY: return entity_signer(g);
    case BY_INNER:
        return g->of.call && g->of.call->by != BY_INNER ? natural_signer(g, g->of.call) : random_account(g);
    case BY_ANYONE:
    case BY_RESTRICTED:
    case BY_ROOT: break;
    }
    return random_account(g);
}

/* ------------------------------------------------------------------------------ entities */

static bytes_t proof(random_calls_t *g, uint32_t actor, bytes_t message)
{
    static uint8_t text[128];
    uint8_t signature[64] = {0};
    if (g->config.sign) g->config.sign(g->config.context, actor, message, signature);
    for (uint32_t i = 0; i < sizeof signature; i++) {
        text[2 * i]     = (uint8_t) "0123456789abcdef"[signature[i] >> 4];
        text[2 * i + 1] = (uint8_t) "0123456789abcdef"[signature[i] & 15];
    }
    return (bytes_t){text, sizeof text};
}

static void put_create_entity(random_calls_t *g)
{
    static const char *const countries[] = {"Belgium", "Egypt", "BE"}, *const cities[] = {"Ghent", "Cairo"};
    char name[16], message[64];
    tfgrid_create_entity_args_t args = {.target  = *random_account(g),
                                        .country = bytes_text(countries[BELOW(g, 3)]),
                                        .city    = bytes_text(cities[BELOW(g, 2)])};
    const uint32_t actor             = g->of.actor;
    snprintf(name, sizeof name, "entity-%u", BELOW(g, 12));
    snprintf(message, sizeof message, "%s%.*s%.*s", name, (int)args.country.len,
             (const char *)args.country.data, (int)args.city.len, (const char *)args.city.data);
    args.name      = bytes_text(name);
    args.signature = proof(g, actor, bytes_text(message));
    tfgrid_create_entity_call_encode(&g->w, &args);
}

static void put_add_twin_entity(random_calls_t *g)
{
    const uint32_t entities            = tfgrid_entity_id_get(g->rt);
    tfgrid_entity_t entity             = {0};
    tfgrid_add_twin_entity_args_t args = {.entity_id = 1 + BELOW(g, entities + 1)};
    uint8_t message[8];
    if (!tfgrid_twin_id_by_account_id_get(g->rt, any_twin(g), &args.twin_id)) args.twin_id = 1;
    for (uint32_t i = 0; i < 4; i++) {
        message[i]     = (uint8_t)(args.entity_id >> (24 - 8 * i));
        message[4 + i] = (uint8_t)(args.twin_id >> (24 - 8 * i));
    }
    g->of.twin = args.twin_id;
    if (!tfgrid_entities_get(g->rt, args.entity_id, &entity)) entity.account_id = *random_account(g);
    args.signature = proof(g, random_actor_of(g, &entity.account_id), (bytes_t){message, sizeof message});
    tfgrid_add_twin_entity_call_encode(&g->w, &args);
}

static void put_plan(random_calls_t *g, const plan_t *plan)
{
    const uint32_t start = g->w.len;
    const bool is_tfgrid = strcmp(plan->pallet, "tfgrid") == 0 && PERCENT(g, 85);
    g->depth++;
    if (is_tfgrid && strcmp(plan->name, "create_entity") == 0) {
        put_create_entity(g);
    } else if (is_tfgrid && strcmp(plan->name, "add_twin_entity") == 0) {
        put_add_twin_entity(g);
    } else {
        scale_put_u8(&g->w, plan->table->index);
        scale_put_u8(&g->w, plan->call->index);
        random_put_args(g, plan);
    }
    g->depth--;
    g->of.call_len = g->w.len - start;
    if (plan->by != BY_INNER) g->of.call = plan;
}

void random_put_call(random_calls_t *g, by_t by)
{
    if (PERCENT(g, 20)) by = BY_INNER;
    put_plan(g, choose(g, by));
}

/* ------------------------------------------------------------------------- what is to come */

static queued_t *enqueue(random_calls_t *g, queued_kind_t kind, uint32_t signer, const hash_t *hash)
{
    if (g->queued == QUEUE_MAX) return NULL;
    queued_t *item = &g->queue[g->queued++];
    item->kind     = kind;
    item->signer   = signer;
    item->hash     = *hash;
    item->len      = 0;
    return item;
}

/* propose_motion brings the call that was just written before the council: enough ayes, and a close. */
static bool propose_motion(random_calls_t *g)
{
    account_id_vec_t members;
    const bytes_t call = scale_written(&g->w);
    const hash_t hash  = blake2_256(call);
    council_members_get(g->rt, &members);
    if (members.len == 0 || call.len + 8 > QUEUED_MAX || g->queued + members.len + 2 > QUEUE_MAX)
        return false;
    const uint32_t ayes  = (3 * members.len + 4) / 5;
    const uint32_t first = BELOW(g, members.len);
    queued_t *item       = enqueue(g, QUEUED_CALL, random_actor_of(g, &members.items[first]), &hash);
    scale_writer_t w     = scale_writer(item->bytes, sizeof item->bytes);
    scale_put_u8(&w, COUNCIL_PALLET);
    scale_put_u8(&w, COUNCIL_CALL_PROPOSE);
    scale_put_compact(&w, ayes);
    scale_put_raw(&w, call.data, call.len);
    scale_put_compact(&w, call.len);
    item->len = w.len;
    for (uint32_t i = 0; ayes > 1 && i < ayes; i++)
        enqueue(g, QUEUED_VOTE, random_actor_of(g, &members.items[(first + i) % members.len]), &hash);
    if (ayes > 1) enqueue(g, QUEUED_CLOSE, BELOW(g, g->config.count), &hash);
    return true;
}

/* propose_to_farmers brings it before the DAO, where farms vote by what they weigh. */
static bool propose_to_farmers(random_calls_t *g)
{
    account_id_vec_t members;
    const bytes_t call = scale_written(&g->w);
    const hash_t hash  = blake2_256(call);
    council_members_get(g->rt, &members);
    if (members.len == 0 || call.len + 16 > QUEUED_MAX || g->queued + 8 > QUEUE_MAX) return false;
    const uint32_t by = random_actor_of(g, &members.items[BELOW(g, members.len)]);
    queued_t *item    = enqueue(g, QUEUED_CALL, by, &hash);
    scale_writer_t w  = scale_writer(item->bytes, sizeof item->bytes);
    scale_put_u8(&w, DAO_PALLET);
    scale_put_u8(&w, DAO_CALL_PROPOSE);
    scale_put_compact(&w, 5);
    scale_put_raw(&w, call.data, call.len);
    scale_put_compact(&w, 0);
    scale_put_compact(&w, 0);
    scale_put_u8(&w, 0);
    item->len = w.len;
    for (uint32_t farm = 1, votes = 0; votes < 6 && farm <= tfgrid_farm_id_get(g->rt) && farm < 40; farm++) {
        support_farm_t record;
        if (dao_farm_weight_get(g->rt, farm) == 0 || !tfgrid_farms_get(g->rt, farm, &record)) continue;
        item = enqueue(g, QUEUED_FARM_VOTE, random_actor_of(g, account_of_twin(g, record.twin_id)), &hash);
        if (item) item->farm_id = farm, votes++;
    }
    enqueue(g, QUEUED_DAO_CLOSE, by, &hash);
    return true;
}

/* put_queued writes the first call that waits. */
static uint32_t put_queued(random_calls_t *g)
{
    const queued_t *item       = &g->queue[0];
    council_votes_t votes      = {0};
    dao_dao_votes_t farm_votes = {0};
    g->w.len                   = 0;
    switch (item->kind) {
    case QUEUED_CALL: scale_put_raw(&g->w, item->bytes, item->len); break;
    case QUEUED_VOTE:
        (void)council_voting_get(g->rt, &item->hash, &votes);
        council_vote_call_encode(&g->w, &(council_vote_args_t){item->hash, votes.index, true});
        break;
    case QUEUED_CLOSE:
        (void)council_voting_get(g->rt, &item->hash, &votes);
        council_close_call_encode(&g->w,
                                  &(council_close_args_t){
                                      .proposal_hash         = item->hash,
                                      .index                 = votes.index,
                                      .proposal_weight_bound = {UINT64_C(1000000000000), UINT64_MAX / 2},
                                      .length_bound          = RANDOM_CALL_MAX
        });
        break;
    case QUEUED_FARM_VOTE:
        dao_vote_call_encode(&g->w, &(dao_vote_args_t){item->farm_id, item->hash, !PERCENT(g, 10)});
        break;
    case QUEUED_DAO_CLOSE:
        (void)dao_voting_get(g->rt, &item->hash, &farm_votes);
        dao_close_call_encode(&g->w, &(dao_close_args_t){item->hash, farm_votes.index});
        break;
    }
    const uint32_t signer = item->signer;
    memmove(g->queue, g->queue + 1, --g->queued * sizeof *g->queue);
    return signer;
}

/* -------------------------------------------------------------------------- the beginning */

static tfgrid_create_node_args_t first_node(random_calls_t *g, uint32_t farm)
{
    static bytes_t ips[]                    = {BYTES("10.1.0.2")};
    static support_interface_t interfaces[] = {
        {BYTES("zos"), BYTES("00:11:22:33:44:55"), {ips, 1}}
    };
    const uint64_t gib = UINT64_C(1) << 30;
    return (tfgrid_create_node_args_t){
        .farm_id    = farm,
        .resources  = {.hru = (1 + BELOW(g, 20)) * 100 * gib,
                       .sru = (1 + BELOW(g, 20)) * 100 * gib,
                       .cru = 1 + BELOW(g, 32),
                       .mru = (1 + BELOW(g, 32)) * 2 * gib},
        .location   = {BYTES("Ghent"),   BYTES("Belgium"),                    BYTES("51.05"), BYTES("3.71")},
        .interfaces = {interfaces, 1  },
    };
}

static void put_first_farm(random_calls_t *g, uint32_t number)
{
    support_ip4_t addresses[3];
    char texts[3][20], name[16];
    for (uint32_t i = 0; i < 3; i++) {
        snprintf(texts[i], sizeof texts[i], "185.206.%u.%u/24", number % 2, 2 + i + 4 * number);
        addresses[i] =
            (support_ip4_t){bytes_text(texts[i]), number % 2 ? BYTES("185.206.1.1") : BYTES("185.206.0.1")};
    }
    snprintf(name, sizeof name, "farm-%u", number);
    tfgrid_create_farm_call_encode(&g->w, &(tfgrid_create_farm_args_t){
                                              bytes_text(name), {addresses, 3}
    });
}

/* put_first writes a step of the beginning: terms and a twin for each actor, then farms, then nodes. */
static bool put_first(random_calls_t *g, uint32_t *signer)
{
    const uint32_t twins = SETUP_STEPS_PER_ACTOR * g->config.count, step = g->setup++;
    g->w.len = 0;
    if (step < twins) {
        *signer = step / 2;
        if (step % 2 == 0)
            tfgrid_user_accept_tc_call_encode(
                &g->w, &(tfgrid_user_accept_tc_args_t){BYTES("https://grid.example"), BYTES("Qm1")});
        else
            tfgrid_create_twin_call_encode(&g->w, &(tfgrid_create_twin_args_t){
                                                      .relay = {true, BYTES("relay.example")}
            });
        return true;
    }
    if (step < twins + FARMS) {
        *signer = (step - twins) % g->config.count;
        put_first_farm(g, step - twins);
        return true;
    }
    if (step >= twins + 2 * FARMS) return false;
    const tfgrid_create_node_args_t node = first_node(g, 1 + (step - twins - FARMS));
    *signer                              = (step - twins) % g->config.count;
    tfgrid_create_node_call_encode(&g->w, &node);
    return true;
}

/* --------------------------------------------------------------------------------- the next */

/* put_gift gives money to an actor that can hardly sign any more; false when the first asked is well. */
static bool put_gift(random_calls_t *g, uint32_t *signer)
{
    system_account_info_t account;
    const account_id_t *poor = random_account(g);
    system_account_get(g->rt, poor, &account);
    if (account.data.free > 200000 || PERCENT(g, 60)) return false;
    g->w.len = 0;
    balances_transfer_keep_alive_call_encode(
        &g->w,
        &(balances_transfer_keep_alive_args_t){
            .dest = {.kind = SUPPORT_MULTI_ADDRESS_ID, .id = *poor},
              .value = 100000 + BELOW(g, 20000000)
    });
    u128_t most = 0;
    for (uint32_t i = 0; i < g->config.count; i++) {
        system_account_get(g->rt, &g->config.actors[i], &account);
        if (account.data.free <= most) continue;
        most    = account.data.free;
        *signer = i;
    }
    return true;
}

static uint32_t put_any(random_calls_t *g)
{
    uint32_t giver = 0;
    if (put_gift(g, &giver)) return giver;
    g->w.len           = 0;
    g->of              = (subject_t){0};
    const plan_t *plan = choose(g, BY_INNER);
    put_plan(g, plan);
    const bool needs_council = plan->by == BY_RESTRICTED || plan->by == BY_ROOT;
    if (needs_council && g->config.has_root && PERCENT(g, 50)) return RANDOM_ROOT;
    if (plan->by == BY_RESTRICTED && PERCENT(g, 94) && propose_motion(g)) return put_queued(g);
    if (plan->by == BY_ROOT && PERCENT(g, 90) && propose_to_farmers(g)) return put_queued(g);
    const account_id_t *who = PERCENT(g, 92) ? natural_signer(g, plan) : random_account(g);
    return random_actor_of(g, who);
}

random_call_t random_calls_next(random_calls_t *g, rt_t *rt)
{
    const uint32_t used = rt->arena.used;
    random_call_t next  = {.tip = PERCENT(g, 5) ? BELOW(g, 5000) : 0};
    g->rt               = rt;
    g->w.failed         = false;
    if (!put_first(g, &next.signer))
        next.signer = g->queued > 0 && PERCENT(g, 60) ? put_queued(g) : put_any(g);
    if (g->w.failed) { /* longer than there is room for */
        g->w.failed = false;
        g->w.len    = 0;
        scale_put_u8(&g->w, SYSTEM_PALLET);
        scale_put_u8(&g->w, SYSTEM_CALL_REMARK);
        scale_put_compact(&g->w, 0);
    }
    next.call      = scale_written(&g->w);
    rt->arena.used = used;
    return next;
}
