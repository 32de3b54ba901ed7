/* sound.c - money: issuance is the sum of all accounts, reserves are what contracts hold, references count.
 */
#include "sound.h"

#include "balances/balances.h"
#include "fault.h"
#include "runtime_call.h"

#include <string.h>

enum { TWINS_MAX = 4096 };

/* held_by_twins adds up what the contracts of each twin have reserved. */
static bool held_by_twins(rt_t *rt, u128_t held[TWINS_MAX])
{
    bytes_t at = {0};
    uint64_t id;
    smart_contract_contract_t contract;
    smart_contract_contract_payment_state_t payment;
    memset(held, 0, TWINS_MAX * sizeof *held);
    while (smart_contract_contracts_next(rt, &at, &id, &contract)) {
        HOLDS(smart_contract_contract_payment_state_get(rt, id, &payment), "contract %llu", U(id));
        HOLDS(contract.twin_id < TWINS_MAX, "contract %llu", U(id));
        held[contract.twin_id] += payment.standard_reserve + payment.additional_reserve;
    }
    return true;
}

static bool account_is_sound(rt_t *rt, const account_id_t *who, const system_account_info_t *info,
                             u128_t held)
{
    const uint32_t consumers = (info->data.reserved > 0 || info->data.frozen > 0 ? 1U : 0U) +
                               (session_next_keys_exists(rt, who) ? 1U : 0U);
    HOLDS(held == info->data.reserved, "account %02x%02x: contracts hold %llu, reserved is %llu", who->b[0],
          who->b[1], U(held), U(info->data.reserved));
    HOLDS(info->consumers == consumers, "account %02x%02x has %u consumers, counted %u", who->b[0], who->b[1],
          info->consumers, consumers);
    HOLDS(info->providers == 1 && info->sufficients == 0, "account %02x%02x has %u providers", who->b[0],
          who->b[1], info->providers);
    HOLDS(info->data.free >= BALANCES_EXISTENTIAL_DEPOSIT, "account %02x%02x lives on %llu", who->b[0],
          who->b[1], U(info->data.free));
    return true;
}

bool sound_money(rt_t *rt)
{
    static u128_t held[TWINS_MAX];
    bytes_t at = {0};
    account_id_t who;
    system_account_info_t info;
    u128_t sum = 0;
    if (!held_by_twins(rt, held)) return false;
    while (system_account_next(rt, &at, &who, &info)) {
        uint32_t twin_id = 0;
        sum += info.data.free + info.data.reserved;
        if (!tfgrid_twin_id_by_account_id_get(rt, &who, &twin_id)) twin_id = 0;
        if (!account_is_sound(rt, &who, &info, held[twin_id])) return false;
        held[twin_id] = 0;
    }
    for (uint32_t i = 0; i < TWINS_MAX; i++)
        HOLDS(held[i] == 0, "twin %u has no account, its contracts hold %llu", i, U(held[i]));
    const u128_t issuance = balances_total_issuance_get(rt);
    HOLDS(sum == issuance, "accounts have %llu, issued are %llu", U(sum), U(issuance));
    return true;
}

bool sound_all(rt_t *rt)
{
    const uint32_t used = rt->arena.used;
    const bool is_sound =
        sound_money(rt) && sound_contracts(rt) && sound_addresses(rt) && sound_grid(rt) && sound_councils(rt);
    rt->arena.used = used;
    HOLDS(!is_sound || !rt->fault, "%s", rt->fault);
    return is_sound;
}
