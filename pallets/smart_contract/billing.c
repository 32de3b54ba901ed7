/* billing.c - charging contracts: one bill, and the loop at the end of each block (spec smart-contract 7.2,
 * 9). */
#include "contract.h"

#include "checked.h"
#include "cost.h"
#include "distribution.h"
#include "funds.h"
#include "session_pallet.h"
#include "smart_contract.h"
#include "system_pallet.h"

enum { BILLS_A_BLOCK = 2000 };

#define BILLING_POLICY 1

/* All that one bill looks at. */
typedef struct {
    u128_t usable; /* what the owner can spend */
    u128_t stash;  /* what the account bonded to his twin can spend */
    u128_t standard_due, additional_due, need;
    payment_t payment;
    contract_t contract;
    tfgrid_pricing_policy_t policy;
    support_node_t node; /* of node and rent contracts */
    uint64_t now_s, seconds;
    uint32_t block;
    smart_contract_discount_level_t level;
    earners_t earners;
    bool is_waived;
} bill_t;

static bool has_node(const bill_t *bill)
{
    return contract_is_node(&bill->contract) || contract_is_rent(&bill->contract);
}

static dispatch_t load_farmer(rt_t *rt, bill_t *bill)
{
    support_farm_t farm;
    tfgrid_twin_t farmer;
    ENSURE(tfgrid_nodes_get(rt, contract_node_id(&bill->contract), &bill->node),
           SMART_CONTRACT_NODE_NOT_EXISTS);
    ENSURE(tfgrid_farms_get(rt, bill->node.farm_id, &farm), SMART_CONTRACT_FARM_NOT_EXISTS);
    ENSURE(tfgrid_twins_get(rt, farm.twin_id, &farmer), SMART_CONTRACT_TWIN_NOT_EXISTS);
    bill->earners.farmer     = farmer.account_id;
    bill->earners.has_farmer = true;
    return DISPATCH_OK;
}

/* load reads what the bill needs: steps 1 to 4. */
static dispatch_t load(rt_t *rt, uint64_t contract_id, bill_t *bill)
{
    tfgrid_twin_t owner;
    account_id_t bonded;
    *bill = (bill_t){.now_s = contract_now_s(rt), .block = system_number_get(rt)};
    ENSURE(smart_contract_contracts_get(rt, contract_id, &bill->contract),
           SMART_CONTRACT_CONTRACT_NOT_EXISTS);
    ENSURE(tfgrid_twins_get(rt, bill->contract.twin_id, &owner), SMART_CONTRACT_TWIN_NOT_EXISTS);
    ENSURE(tfgrid_pricing_policies_get(rt, BILLING_POLICY, &bill->policy),
           SMART_CONTRACT_PRICING_POLICY_NOT_EXISTS);
    if (has_node(bill)) TRY(load_farmer(rt, bill));
    ENSURE(smart_contract_contract_payment_state_get(rt, contract_id, &bill->payment),
           SMART_CONTRACT_CONTRACT_PAYMENT_STATE_NOT_EXISTS);

    bill->earners.owner      = owner.account_id;
    bill->earners.foundation = bill->policy.foundation_account;
    bill->usable             = funds_usable(rt, &owner.account_id);
    if (tfgrid_twin_bounded_account_id_get(rt, bill->contract.twin_id, &bonded))
        bill->stash = funds_usable(rt, &bonded);
    bill->seconds = u64_sub_sat(bill->now_s, bill->payment.last_updated_seconds);
    return DISPATCH_OK;
}

/* A rented node that sleeps costs nothing (step 5). */
static bool is_on_standby(rt_t *rt, const bill_t *bill)
{
    support_node_power_t power;
    if (!contract_is_rent(&bill->contract)) return false;
    tfgrid_node_power_get(rt, contract_node_id(&bill->contract), &power);
    return power.state.kind == SUPPORT_POWER_STATE_DOWN;
}

/* compute_dues is steps 6 and 8. */
static dispatch_t compute_dues(rt_t *rt, bill_t *bill)
{
    if (!bill->is_waived) {
        uint64_t tft, extra = 0;
        const uint64_t units =
            cost_of_contract(rt, &bill->contract, &bill->node, &bill->policy, bill->seconds);
        const bool is_certified =
            has_node(bill) && bill->node.certification == SUPPORT_NODE_CERTIFICATION_CERTIFIED;
        TRY(cost_in_tft(rt, units, &tft));
        bill->standard_due = cost_discounted(tft, bill->seconds, u128_add_sat(bill->usable, bill->stash),
                                             is_certified, &bill->level);
        if (contract_is_rent(&bill->contract)) {
            const uint64_t fee = smart_contract_dedicated_nodes_extra_fee_get(rt, bill->node.id);
            TRY(cost_in_tft(rt, cost_of_extra_fee(fee, bill->seconds), &extra));
        }
        bill->additional_due = extra;
    }
    const payment_t *payment = &bill->payment;
    bill->need               = u128_add_sat(u128_add_sat(bill->standard_due, bill->additional_due),
                                            u128_add_sat(payment->standard_overdraft, payment->additional_overdraft));
    return DISPATCH_OK;
}

/* is_nothing_to_do is step 7.  A contract in grace that holds a reserve goes on: others may wait for it
 * (B10). */
static bool is_nothing_to_do(const bill_t *bill)
{
    const payment_t *payment = &bill->payment;
    const bool holds         = payment->standard_reserve > 0 || payment->additional_reserve > 0;
    const bool waits_in_vain = contract_is_in_grace(&bill->contract) && holds;
    return bill->need == 0 && !contract_is_deleted(&bill->contract) && !waits_in_vain;
}

/* -------------------------------------------------------------------- step 9: states, section 10 */

static bool holds_reserve(rt_t *rt, uint64_t contract_id)
{
    payment_t payment;
    if (!smart_contract_contract_payment_state_get(rt, contract_id, &payment)) return false;
    return payment.standard_reserve > 0 || payment.additional_reserve > 0;
}

static bool is_overdrawn(rt_t *rt, uint64_t contract_id)
{
    payment_t payment;
    if (!smart_contract_contract_payment_state_get(rt, contract_id, &payment)) return false;
    return payment.standard_overdraft > 0 || payment.additional_overdraft > 0;
}

/* A rent contract whose time is over waits for its node contracts to be paid out. */
static bool waits_for_tenants(rt_t *rt, const contract_t *contract)
{
    u64_vec_t active;
    if (!contract_is_rent(contract)) return false;
    smart_contract_active_node_contracts_get(rt, contract_node_id(contract), &active);
    bool waits          = false;
    const uint32_t used = rt->arena.used;
    for (uint32_t i = 0; i < active.len && !waits; i++) {
        waits          = holds_reserve(rt, active.items[i]);
        rt->arena.used = used; /* there may be many tenants */
    }
    return waits;
}

static bool is_under_suspended_rent(rt_t *rt, const contract_t *contract)
{
    uint64_t rent_id;
    contract_t rent;
    if (!contract_is_node(contract)) return false;
    if (!smart_contract_active_rent_contract_for_node_get(rt, contract_node_id(contract), &rent_id))
        return false;
    return smart_contract_contracts_get(rt, rent_id, &rent) && contract_is_in_grace(&rent);
}

static void enter_grace(rt_t *rt, contract_t *contract, uint64_t block)
{
    contract_change_state(rt, contract, STATE_IN_GRACE(block));
    smart_contract_emit_contract_grace_period_started(rt, contract->contract_id, contract_node_id(contract),
                                                      contract->twin_id, block);
}

static void leave_grace(rt_t *rt, contract_t *contract)
{
    contract_change_state(rt, contract, STATE_CREATED);
    smart_contract_emit_contract_grace_period_ended(rt, contract->contract_id, contract_node_id(contract),
                                                    contract->twin_id);
}

/* follow lets the node contracts of a rented node follow their rent.  Only a change is told (B15). */
static void follow(rt_t *rt, const contract_t *rent, uint64_t block)
{
    u64_vec_t active;
    if (!contract_is_rent(rent)) return;
    smart_contract_active_node_contracts_get(rt, contract_node_id(rent), &active);
    const uint32_t used = rt->arena.used;
    for (uint32_t i = 0; i < active.len; i++, rt->arena.used = used) {
        contract_t tenant;
        if (!smart_contract_contracts_get(rt, active.items[i], &tenant)) continue;
        if (contract_is_in_grace(rent) && contract_is_created(&tenant)) enter_grace(rt, &tenant, block);
        if (contract_is_created(rent) && contract_is_in_grace(&tenant) &&
            !is_overdrawn(rt, tenant.contract_id))
            leave_grace(rt, &tenant);
    }
}

static void move_state(rt_t *rt, contract_t *contract, bool is_funded, uint64_t block)
{
    if (contract_is_created(contract) && !is_funded) {
        enter_grace(rt, contract, block);
        follow(rt, contract, block);
        return;
    }
    if (!contract_is_in_grace(contract)) return;
    if (is_funded && !is_under_suspended_rent(rt, contract)) {
        leave_grace(rt, contract);
        follow(rt, contract, block);
        return;
    }
    const uint64_t waited = u64_sub_sat(block, contract->state.grace_period);
    if (waited < GRACE_PERIOD_BLOCKS || waits_for_tenants(rt, contract)) return;
    smart_contract_emit_contract_grace_period_elapsed(rt, contract->contract_id, waited);
    contract_change_state(rt, contract, STATE_DELETED(SMART_CONTRACT_CAUSE_OUT_OF_FUNDS));
}

/* ------------------------------------------------------------------------------ step 10: funds */

static dispatch_t take_all(rt_t *rt, bill_t *bill)
{
    payment_t *payment = &bill->payment;
    if (bill->need > 0) TRY(funds_reserve(rt, &bill->earners.owner, bill->need));
    payment->standard_reserve += payment->standard_overdraft + bill->standard_due;
    payment->additional_reserve += payment->additional_overdraft + bill->additional_due;
    payment->standard_overdraft = payment->additional_overdraft = 0;
    if (bill->need == 0 && !contract_is_deleted(&bill->contract)) return DISPATCH_OK;
    smart_contract_emit_contract_billed(rt, &(smart_contract_contract_bill_t){
                                                .contract_id    = bill->contract.contract_id,
                                                .timestamp      = bill->now_s,
                                                .discount_level = bill->level,
                                                .amount_billed  = bill->need,
                                            });
    return DISPATCH_OK;
}

static u128_t settle(u128_t *overdraft, u128_t *reserve, u128_t money)
{
    u128_t settled = money < *overdraft ? money : *overdraft;
    *overdraft -= settled;
    *reserve += settled;
    return money - settled;
}

/* take_what_there_is reserves all that the owner can spend: for the extra fee first, then for the rest. */
static dispatch_t take_what_there_is(rt_t *rt, bill_t *bill)
{
    payment_t *payment            = &bill->payment;
    const u128_t due              = bill->standard_due + bill->additional_due;
    payment->standard_overdraft   = u128_add_sat(payment->standard_overdraft, bill->standard_due);
    payment->additional_overdraft = u128_add_sat(payment->additional_overdraft, bill->additional_due);
    if (bill->usable > 0) TRY(funds_reserve(rt, &bill->earners.owner, bill->usable));
    u128_t left = settle(&payment->additional_overdraft, &payment->additional_reserve, bill->usable);
    settle(&payment->standard_overdraft, &payment->standard_reserve, left);
    smart_contract_emit_contract_payment_overdrawn(rt, bill->contract.contract_id, bill->now_s, bill->usable,
                                                   u128_sub_sat(due, bill->usable));
    return DISPATCH_OK;
}

/* ------------------------------------------------------------------------------------ one bill */

/* save is steps 13 and 14.  Traffic stays unbilled until it was charged (B14). */
static void save(rt_t *rt, bill_t *bill)
{
    const uint64_t id = bill->contract.contract_id;
    if (contract_is_node(&bill->contract) && bill->seconds > 0) {
        smart_contract_contract_billing_information_t billing;
        smart_contract_contract_billing_information_by_id_get(rt, id, &billing);
        billing.amount_unbilled = 0;
        smart_contract_contract_billing_information_by_id_put(rt, id, &billing);
    }
    bill->payment.last_updated_seconds = bill->now_s;
    smart_contract_contract_payment_state_put(rt, id, &bill->payment);
}

dispatch_t contract_bill(rt_t *rt, uint64_t contract_id)
{
    bill_t bill;
    TRY(load(rt, contract_id, &bill));
    bill.is_waived = is_on_standby(rt, &bill);
    if (bill.is_waived) smart_contract_emit_rent_waived(rt, contract_id);
    if (bill.is_waived && contract_is_created(&bill.contract)) return DISPATCH_OK;
    TRY(compute_dues(rt, &bill));
    if (is_nothing_to_do(&bill)) return DISPATCH_OK;

    const bool is_funded = bill.need <= bill.usable;
    move_state(rt, &bill.contract, is_funded, bill.block);
    TRY(is_funded ? take_all(rt, &bill) : take_what_there_is(rt, &bill));
    if (bill.payment.cycles < UINT16_MAX) bill.payment.cycles++;
    TRY(distribution_run(rt, &bill.contract, &bill.earners, &bill.payment));

    save(rt, &bill);
    if (contract_is_deleted(&bill.contract)) contract_remove(rt, &bill.contract);
    return DISPATCH_OK;
}

dispatch_t contract_settle(rt_t *rt, uint64_t contract_id)
{
    bill_t bill;
    TRY(load(rt, contract_id, &bill));
    TRY(distribution_run(rt, &bill.contract, &bill.earners, &bill.payment));

    smart_contract_contract_payment_state_put(rt, contract_id, &bill.payment);
    contract_remove(rt, &bill.contract);
    return DISPATCH_OK;
}

dispatch_t smart_contract_bill_contract_for_block(rt_t *rt, const account_id_t *who,
                                                  const smart_contract_bill_contract_for_block_args_t *args)
{
    account_id_vec_t validators;
    session_validators_get(rt, &validators);
    for (uint32_t i = 0; i < validators.len; i++)
        if (contract_is_same_account(&validators.items[i], who)) rt_pays_no(rt);
    return contract_bill(rt, args->contract_id);
}

/* ------------------------------------------------------------------------------------ the loop */

/* is_due: not a contract that came or was billed in this very block. */
static bool is_due(rt_t *rt, uint64_t contract_id)
{
    contract_t contract;
    payment_t payment;
    if (!smart_contract_contracts_get(rt, contract_id, &contract)) {
        contract_billing_remove(rt, contract_id);
        return false;
    }
    if (contract_is_deleted(&contract)) return true;
    if (!smart_contract_contract_payment_state_get(rt, contract_id, &payment))
        return true; /* told as an error */
    return payment.last_updated_seconds != contract_now_s(rt);
}

/* bill_one keeps a bill whole or drops it whole.  Its memory is given back: a block has many bills. */
static void bill_one(rt_t *rt, uint64_t contract_id)
{
    const uint32_t used = rt->arena.used;
    if (is_due(rt, contract_id)) {
        rt_layer_t layer  = rt_layer_begin(rt);
        dispatch_t result = contract_bill(rt, contract_id);
        rt_layer_end(rt, layer, result == DISPATCH_OK);
        if (result != DISPATCH_OK) rt->host->log(rt->host->state, "smart_contract: a bill was dropped");
    }
    rt->arena.used = used;
}

void smart_contract_bills_ahead(rt_t *rt, uint64_t block, const host_t *notes)
{
    u64_vec_t lists[2];
    const host_t *host = rt->host;
    uint32_t left      = BILLS_A_BLOCK;
    smart_contract_billing_carry_get(rt, &lists[0]);
    smart_contract_contracts_to_bill_at_get(rt, block % contract_frequency(rt), &lists[1]);
    rt->host = notes;
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t j = 0; j < lists[i].len && left > 0; j++, left--) {
            const uint64_t id = lists[i].items[j];
            (void)smart_contract_contracts_exists(rt, id);
            (void)smart_contract_node_contract_resources_exists(rt, id);
            (void)smart_contract_contract_billing_information_by_id_exists(rt, id);
            smart_contract_contract_payment_state_remove(rt, id);
        }
    }
    rt->host = host;
}

void smart_contract_on_finalize(rt_t *rt)
{
    u64_vec_t late, list;
    const uint64_t frequency = contract_frequency(rt);
    smart_contract_billing_carry_get(rt, &late);
    smart_contract_contracts_to_bill_at_get(rt, system_number_get(rt) % frequency, &list);

    /* What a whole cycle could not bill holds the list's contracts already. */
    if (late.len / BILLS_A_BLOCK >= frequency) list.len = 0;
    const uint32_t count = late.len + list.len, now = count < BILLS_A_BLOCK ? count : BILLS_A_BLOCK;
    for (uint32_t i = 0; i < now && !rt->fault; i++)
        bill_one(rt, i < late.len ? late.items[i] : list.items[i - late.len]);

    uint64_t *left = contract_room(rt, count - now, sizeof *left);
    for (uint32_t i = now; left && i < count; i++)
        left[i - now] = i < late.len ? late.items[i] : list.items[i - late.len];
    if (count > now)
        smart_contract_billing_carry_put(rt, (u64_vec_t){.items = left, .len = left ? count - now : 0});
    else if (late.len > 0)
        smart_contract_billing_carry_remove(rt);
}

/* ------------------------------------------------------------------------------- the frequency */

/* One contract's place in the new lists. */
typedef struct {
    uint64_t place, id;
} place_t;

static bool is_before(place_t a, place_t b) { return a.place != b.place ? a.place < b.place : a.id < b.id; }

/* sift restores a heap of `count` places whose root is out of order. */
static void sift(place_t *places, uint32_t root, uint32_t count)
{
    for (uint32_t child = 2 * root + 1; child < count; root = child, child = 2 * root + 1) {
        if (child + 1 < count && is_before(places[child], places[child + 1])) child++;
        if (!is_before(places[root], places[child])) return;
        place_t swapped = places[root];
        places[root]    = places[child];
        places[child]   = swapped;
    }
}

static void sort(place_t *places, uint32_t count)
{
    for (uint32_t root = count / 2; root > 0; root--)
        sift(places, root - 1, count);
    for (uint32_t end = count; end > 1; end--) {
        place_t swapped = places[0];
        places[0]       = places[end - 1];
        places[end - 1] = swapped;
        sift(places, 0, end - 1);
    }
}

/* rebuild makes the billing lists of all contracts anew, each list ascending (B2). */
static dispatch_t rebuild(rt_t *rt, uint64_t old_frequency, uint64_t frequency)
{
    const uint64_t newest = smart_contract_contract_id_get(rt);
    uint64_t live         = 0;
    for (uint64_t id = 1; id <= newest; id++)
        live += smart_contract_contracts_exists(rt, id);
    ENSURE(live <= UINT32_MAX, DISPATCH_EXHAUSTED);
    const uint32_t count = (uint32_t)live;
    place_t *places      = contract_room(rt, count, sizeof *places);
    uint64_t *ids        = contract_room(rt, count, sizeof *ids);
    ENSURE(count == 0 || (places && ids), DISPATCH_EXHAUSTED);

    uint32_t at = 0;
    for (uint64_t id = 1; id <= newest && at < count; id++) {
        if (!smart_contract_contracts_exists(rt, id)) continue;
        smart_contract_contracts_to_bill_at_remove(rt, id % old_frequency);
        places[at++] = (place_t){id % frequency, id};
    }
    sort(places, count);
    for (uint32_t start = 0, end = 0; start < count; start = end) {
        for (; end < count && places[end].place == places[start].place; end++)
            ids[end - start] = places[end].id;
        smart_contract_contracts_to_bill_at_put(rt, places[start].place,
                                                (u64_vec_t){.items = ids, .len = end - start});
    }
    smart_contract_billing_carry_remove(rt);
    return DISPATCH_OK;
}

dispatch_t smart_contract_change_billing_frequency(rt_t *rt,
                                                   const smart_contract_change_billing_frequency_args_t *args)
{
    const uint64_t old_frequency = contract_frequency(rt);
    ENSURE(args->frequency > old_frequency, SMART_CONTRACT_CAN_ONLY_INCREASE_FREQUENCY);

    TRY(rebuild(rt, old_frequency, args->frequency));
    smart_contract_billing_frequency_put(rt, args->frequency);

    smart_contract_emit_billing_frequency_changed(rt, args->frequency);
    return DISPATCH_OK;
}
