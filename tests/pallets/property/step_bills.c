/* step_bills.c - bills: what is taken for a contract is held or given on, by the shares of the spec, and the
 * hook bills each contract once a cycle. */
#include "fault.h"
#include "step.h"

#include "hash.h"
#include "smart_contract/contract.h"
#include "smart_contract/cost.h"
#include "system_pallet.h"

#include <stdlib.h>
#include <string.h>

enum { PAYMENTS_MAX = 4, DUE_MAX = 4096 };

/* What was told of one contract. */
typedef struct {
    u128_t taken, given;
    uint32_t attempt, created; /* blocks; attempt 0: none since time was regular */
} account_t;

struct accounts {
    account_t *of;
    uint64_t cap;
    uint64_t due[DUE_MAX]; /* what the block's end has to bill */
    uint32_t due_count;
    uint32_t regular_since, last_block; /* blocks follow each other, with one frequency */
    uint64_t frequency;
    /* the last payments that were told, for the reward that sums them up */
    struct {
        account_id_t to;
        u128_t amount;
        bool is_given_on;
    } payments[PAYMENTS_MAX];
    uint32_t payment_count;
};

static const account_id_t staking_pool = {
    {0x0d, 0xd1, 0xd1, 0xa6, 0xe5, 0xa3, 0x5a, 0xa8, 0xc7, 0xf5, 0xe5, 0x7e, 0x1e, 0xdd, 0x0c, 0x3f,
     0xbd, 0x6a, 0xbf, 0x2e, 0xaa, 0x8e, 0xf4, 0x25, 0x48, 0x98, 0x6e, 0x54, 0xa2, 0x56, 0x20, 0x00}
};

accounts_t *accounts_new(void)
{
    accounts_t *accounts = calloc(1, sizeof *accounts);
    if (!accounts) abort();
    return accounts;
}

void accounts_free(accounts_t *accounts)
{
    if (accounts) free(accounts->of);
    free(accounts);
}

static account_t *account_of(accounts_t *accounts, uint64_t id)
{
    if (id >= accounts->cap) {
        const uint64_t cap = id * 2 + 64;
        accounts->of       = realloc(accounts->of, cap * sizeof *accounts->of);
        if (!accounts->of) abort();
        memset(accounts->of + accounts->cap, 0, (cap - accounts->cap) * sizeof *accounts->of);
        accounts->cap = cap;
    }
    return &accounts->of[id];
}

/* --------------------------------------------------------------------------------- rewards */

static void note_payment(accounts_t *accounts, const account_id_t *to, u128_t amount)
{
    if (accounts->payment_count == PAYMENTS_MAX) {
        memmove(accounts->payments, accounts->payments + 1, (PAYMENTS_MAX - 1) * sizeof *accounts->payments);
        accounts->payment_count--;
    }
    const uint32_t at                  = accounts->payment_count++;
    accounts->payments[at].amount      = amount;
    accounts->payments[at].is_given_on = to != NULL;
    if (to) accounts->payments[at].to = *to;
}

static void note_balances(accounts_t *accounts, const balances_event_t *event)
{
    switch ((int)event->kind) {
    case BALANCES_EVENT_RESERVE_REPATRIATED:
        note_payment(accounts, &event->reserve_repatriated.to, event->reserve_repatriated.amount);
        return;
    case BALANCES_EVENT_UNRESERVED: note_payment(accounts, NULL, event->unreserved.amount); return;
    case BALANCES_EVENT_SLASHED: note_payment(accounts, NULL, event->slashed.amount); return;
    default: return;
    }
}

static bool is_contract_key(bytes_t key, uint64_t id)
{
    static uint8_t prefix[32];
    if (prefix[0] == 0) {
        twox_128(prefix, BYTES("SmartContractModule"));
        twox_128(prefix + 16, BYTES("Contracts"));
    }
    if (key.len != 32 + 16 + 8 || memcmp(key.data, prefix, sizeof prefix) != 0) return false;
    scale_reader_t r = scale_reader((bytes_t){key.data + 48, 8}, NULL);
    return scale_get_u64(&r) == id;
}

/* has_farmer reads the contract as it was before the step: it may be gone. */
static bool has_farmer(rt_t *rt, const step_t *step, uint64_t id)
{
    smart_contract_contract_t contract;
    if (smart_contract_contracts_get(rt, id, &contract))
        return contract.contract_type.kind != SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT;
    for (uint32_t i = 0; i < step->change_count; i++) {
        if (!step->changes[i].was || !is_contract_key(step->changes[i].key, id)) continue;
        scale_reader_t r = scale_reader(step->changes[i].before, &rt->arena);
        smart_contract_contract_decode(&r, &contract);
        return contract.contract_type.kind != SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT;
    }
    return true; /* it came and went within the step */
}

/* share is a part of an amount in hundredths: to the nearest, a half down. */
static u128_t share(u128_t amount, uint32_t hundredths) { return (amount * hundredths * 2 + 99) / 200; }

static bool reward_holds(rt_t *rt, const step_t *step, accounts_t *accounts, uint64_t id, u128_t standard,
                         u128_t additional)
{
    const bool is_farmed    = has_farmer(rt, step, id);
    const u128_t staking    = share(standard, 10);
    const u128_t foundation = is_farmed ? share(standard, 40) : standard - staking;
    const u128_t parts[4]   = {additional, staking, standard - staking - foundation, foundation};
    uint32_t count          = 0;
    for (uint32_t i = 0; i < 4; i++)
        count += parts[i] > 0;
    HOLDS(accounts->payment_count >= count, "reward of contract %llu without payments", U(id));
    uint32_t at                = accounts->payment_count - count;
    const account_id_t *farmer = NULL;
    for (uint32_t i = 0; i < 4; i++) {
        if (parts[i] == 0) continue;
        HOLDS(accounts->payments[at].amount == parts[i], "contract %llu: share %u is %llu, paid %llu", U(id),
              i, U(parts[i]), U(accounts->payments[at].amount));
        const account_id_t *to = accounts->payments[at].is_given_on ? &accounts->payments[at].to : NULL;
        if (to && i == 1) HOLDS(memcmp(to->b, staking_pool.b, 32) == 0, "contract %llu", U(id));
        if (to && (i == 0 || i == 2)) {
            HOLDS(!farmer || memcmp(to->b, farmer->b, 32) == 0, "contract %llu has two farmers", U(id));
            farmer = to;
        }
        at++;
    }
    accounts->payment_count = 0;
    return true;
}

/* ----------------------------------------------------------------------------- what is told */

static bool note_contract(rt_t *rt, const step_t *step, accounts_t *accounts,
                          const smart_contract_event_t *event)
{
    switch ((int)event->kind) {
    case SMART_CONTRACT_EVENT_CONTRACT_CREATED:
        account_of(accounts, event->contract_created.contract_id)->created = system_number_get(rt);
        return true;
    case SMART_CONTRACT_EVENT_CONTRACT_BILLED:
        account_of(accounts, event->contract_billed.contract_id)->taken +=
            event->contract_billed.amount_billed;
        return true;
    case SMART_CONTRACT_EVENT_CONTRACT_PAYMENT_OVERDRAWN:
        account_of(accounts, event->contract_payment_overdrawn.contract_id)->taken +=
            event->contract_payment_overdrawn.partially_billed_amount;
        return true;
    case SMART_CONTRACT_EVENT_BILLING_FREQUENCY_CHANGED:
        accounts->regular_since = system_number_get(rt);
        return true;
    case SMART_CONTRACT_EVENT_REWARD_DISTRIBUTED: {
        const uint64_t id       = event->reward_distributed.contract_id;
        const u128_t standard   = event->reward_distributed.standard_rewards,
                     additional = event->reward_distributed.additional_rewards;
        account_of(accounts, id)->given += standard + additional;
        return reward_holds(rt, step, accounts, id, standard, additional);
    }
    default: return true;
    }
}

bool step_bills_hold(rt_t *rt, const step_t *step, accounts_t *accounts)
{
    accounts->payment_count = 0;
    for (uint32_t i = 0; i < step->events.len; i++) {
        const runtime_event_t *event = step->events.items[i].event;
        if (event->pallet == BALANCES_PALLET) note_balances(accounts, &event->balances);
        if (event->pallet == SMART_CONTRACT_PALLET &&
            !note_contract(rt, step, accounts, &event->smart_contract))
            return false;
    }
    return true;
}

bool accounts_balance(rt_t *rt, const accounts_t *accounts)
{
    const uint32_t now = system_number_get(rt);
    for (uint64_t id = 1; id < accounts->cap; id++) {
        const account_t *account = &accounts->of[id];
        payment_t payment        = {0};
        const bool is_live       = smart_contract_contract_payment_state_get(rt, id, &payment);
        if (!is_live) payment = (payment_t){0};
        HOLDS(account->taken == account->given + payment.standard_reserve + payment.additional_reserve,
              "contract %llu: taken %llu, given on %llu", U(id), U(account->taken), U(account->given));
        if (!is_live || account->created == 0 || accounts->last_block != now) continue;
        uint32_t since = account->attempt > account->created ? account->attempt : account->created;
        if (since < accounts->regular_since) since = accounts->regular_since;
        HOLDS(now - since <= accounts->frequency, "contract %llu was last billed in block %u, now is %u",
              U(id), since, now);
    }
    return true;
}

/* -------------------------------------------------------------------------------- the cycle */

void accounts_before_end(rt_t *rt, accounts_t *accounts)
{
    u64_vec_t late, list;
    const uint32_t number    = system_number_get(rt);
    const uint64_t frequency = contract_frequency(rt);
    if (number != accounts->last_block + 1 || frequency != accounts->frequency)
        accounts->regular_since = number;
    accounts->last_block = number;
    accounts->frequency  = frequency;
    accounts->due_count  = 0;
    smart_contract_billing_carry_get(rt, &late);
    smart_contract_contracts_to_bill_at_get(rt, number % frequency, &list);
    for (uint32_t i = 0; i < late.len && accounts->due_count < DUE_MAX; i++)
        accounts->due[accounts->due_count++] = late.items[i];
    for (uint32_t i = 0; i < list.len && accounts->due_count < DUE_MAX; i++)
        accounts->due[accounts->due_count++] = list.items[i];
}

/* costs_something: by its price alone, whatever billing makes of it, the contract has to be billed now. */
static bool costs_something(rt_t *rt, uint64_t id, uint64_t seconds)
{
    contract_t contract;
    support_node_t node = {0};
    support_node_power_t power;
    tfgrid_pricing_policy_t policy;
    uint64_t tft;
    if (!smart_contract_contracts_get(rt, id, &contract) || !tfgrid_pricing_policies_get(rt, 1, &policy))
        return false;
    const uint32_t node_id = contract_node_id(&contract);
    if (node_id != 0 && !tfgrid_nodes_get(rt, node_id, &node)) return false;
    tfgrid_node_power_get(rt, node_id, &power);
    if (contract_is_rent(&contract) && power.state.kind == SUPPORT_POWER_STATE_DOWN) return false;
    const uint64_t units = cost_of_contract(rt, &contract, &node, &policy, seconds);
    return cost_in_tft(rt, units, &tft) == DISPATCH_OK && tft >= 3; /* four tenths of it are one at least */
}

/* is_missed says whether a bill that did not come had to, and could: it is tried, and undone.  An amount of a
 * unit or two says nothing, as the discount may make it none: it depends on what bills before it left of the
 * owner's money. */
static bool is_missed(rt_t *rt, uint64_t id, const payment_t *payment)
{
    const uint64_t seconds = contract_now_s(rt) - payment->last_updated_seconds;
    const bool owes        = payment->standard_overdraft + payment->additional_overdraft > 0;
    if (!owes && !costs_something(rt, id, seconds)) return false;
    const rt_layer_t layer  = rt_layer_begin(rt);
    const dispatch_t result = contract_bill(rt, id);
    payment_t after;
    const bool exists  = smart_contract_contract_payment_state_get(rt, id, &after);
    const bool charged = !exists || after.last_updated_seconds == contract_now_s(rt);
    rt_layer_end(rt, layer, false);
    return result == DISPATCH_OK && (charged || !owes); /* a sleeping machine owes, and waits */
}

static bool is_due(const accounts_t *accounts, uint64_t id)
{
    for (uint32_t i = 0; i < accounts->due_count; i++)
        if (accounts->due[i] == id) return true;
    return false;
}

static bool billed_once(const step_t *step, const accounts_t *accounts)
{
    static uint64_t billed[DUE_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < step->events.len; i++) {
        const runtime_event_t *event = step->events.items[i].event;
        if (event->pallet != SMART_CONTRACT_PALLET) continue;
        uint64_t id = 0;
        if (event->smart_contract.kind == SMART_CONTRACT_EVENT_CONTRACT_BILLED)
            id = event->smart_contract.contract_billed.contract_id;
        if (event->smart_contract.kind == SMART_CONTRACT_EVENT_CONTRACT_PAYMENT_OVERDRAWN)
            id = event->smart_contract.contract_payment_overdrawn.contract_id;
        if (id == 0) continue;
        HOLDS(is_due(accounts, id), "contract %llu is billed out of its turn", U(id));
        for (uint32_t j = 0; j < count; j++)
            HOLDS(billed[j] != id, "contract %llu is billed twice in a block", U(id));
        if (count < DUE_MAX) billed[count++] = id;
    }
    return true;
}

bool step_cycle_holds(rt_t *rt, const step_t *step, accounts_t *accounts)
{
    const uint32_t number = system_number_get(rt);
    const uint64_t now_s  = contract_now_s(rt);
    if (!billed_once(step, accounts)) return false;
    for (uint32_t i = 0; i < accounts->due_count; i++) {
        const uint64_t id = accounts->due[i];
        account_t *of     = account_of(accounts, id);
        payment_t payment;
        if (of->attempt > 0 && of->attempt >= accounts->regular_since)
            HOLDS(number - of->attempt == accounts->frequency, "contract %llu: %u blocks after its last turn",
                  U(id), number - of->attempt);
        of->attempt = number;
        if (!smart_contract_contract_payment_state_get(rt, id, &payment)) continue;
        if (payment.last_updated_seconds == now_s) continue;
        HOLDS(!is_missed(rt, id, &payment), "contract %llu is not billed in its turn", U(id));
    }
    return true;
}
