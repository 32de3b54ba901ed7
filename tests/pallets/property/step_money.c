/* step_money.c - money: what an event does not tell did not happen, and a refused call costs its fee alone.
 */
#include "dev_accounts.h"
#include "fault.h"
#include "step.h"

#include "hash.h"

#include <string.h>

enum { LEDGER_MAX = 512, ACCOUNT_KEY_LEN = 32 + 16 + 32, FEE_PALLET = 21 };

typedef __int128 i128_t;

/* One account's total as events tell it, and as it is. */
typedef struct {
    account_id_t who;
    i128_t told, reserved; /* reserved is a part of what is told, which BalanceSet does not tell */
    u128_t now;
    bool is_changed;
} entry_t;
static entry_t ledger[LEDGER_MAX];
static uint32_t ledger_len;

typedef struct {
    uint8_t account[32], issuance[32];
} keys_t;

static const keys_t *keys(void)
{
    static keys_t made;
    static bool is_made;
    if (is_made) return &made;
    twox_128(made.account, BYTES("System"));
    twox_128(made.account + 16, BYTES("Account"));
    twox_128(made.issuance, BYTES("Balances"));
    twox_128(made.issuance + 16, BYTES("TotalIssuance"));
    is_made = true;
    return &made;
}

static bool starts_with(bytes_t key, const uint8_t prefix[32])
{
    return key.len >= 32 && memcmp(key.data, prefix, 32) == 0;
}

static system_account_info_t account_in(bytes_t value, bool exists)
{
    system_account_info_t account = {0};
    scale_reader_t r              = scale_reader(value, NULL);
    if (exists) system_account_info_decode(&r, &account);
    return account;
}

static u128_t number_in(bytes_t value, bool exists)
{
    scale_reader_t r = scale_reader(value, NULL);
    return exists ? scale_get_u128(&r) : 0;
}

/* entry_of finds an account's line; one that did not change begins with what it has. */
static entry_t *entry_of(rt_t *rt, const account_id_t *who)
{
    for (uint32_t i = 0; i < ledger_len; i++)
        if (memcmp(ledger[i].who.b, who->b, sizeof who->b) == 0) return &ledger[i];
    if (ledger_len == LEDGER_MAX) return &ledger[0];
    system_account_info_t account;
    system_account_get(rt, who, &account);
    const u128_t total = account.data.free + account.data.reserved;
    ledger[ledger_len] = (entry_t){
        .who = *who, .told = (i128_t)total, .now = total, .reserved = (i128_t)account.data.reserved};
    return &ledger[ledger_len++];
}

static void add(rt_t *rt, const account_id_t *who, u128_t amount)
{
    entry_of(rt, who)->told += (i128_t)amount;
}
static void take(rt_t *rt, const account_id_t *who, u128_t amount)
{
    entry_of(rt, who)->told -= (i128_t)amount;
}

static void reserve(rt_t *rt, const account_id_t *who, i128_t amount)
{
    entry_of(rt, who)->reserved += amount;
}

static void tell_repatriated(rt_t *rt, const account_id_t *from, const account_id_t *to, u128_t amount,
                             bool is_reserved)
{
    take(rt, from, amount);
    reserve(rt, from, -(i128_t)amount);
    add(rt, to, amount);
    if (is_reserved) reserve(rt, to, (i128_t)amount);
}

static void tell(rt_t *rt, const balances_event_t *event)
{
    switch ((int)event->kind) {
    case BALANCES_EVENT_DUST_LOST: take(rt, &event->dust_lost.account, event->dust_lost.amount); return;
    case BALANCES_EVENT_TRANSFER:
        take(rt, &event->transfer.from, event->transfer.amount);
        add(rt, &event->transfer.to, event->transfer.amount);
        return;
    case BALANCES_EVENT_RESERVED: reserve(rt, &event->reserved.who, (i128_t)event->reserved.amount); return;
    case BALANCES_EVENT_UNRESERVED:
        reserve(rt, &event->unreserved.who, -(i128_t)event->unreserved.amount);
        return;
    case BALANCES_EVENT_RESERVE_REPATRIATED:
        tell_repatriated(rt, &event->reserve_repatriated.from, &event->reserve_repatriated.to,
                         event->reserve_repatriated.amount,
                         event->reserve_repatriated.destination_status == BALANCES_BALANCE_STATUS_RESERVED);
        return;
    case BALANCES_EVENT_BALANCE_SET: {
        entry_t *entry = entry_of(rt, &event->balance_set.who);
        entry->told    = (i128_t)event->balance_set.free + entry->reserved;
        return;
    }
    case BALANCES_EVENT_DEPOSIT: add(rt, &event->deposit.who, event->deposit.amount); return;
    case BALANCES_EVENT_WITHDRAW: take(rt, &event->withdraw.who, event->withdraw.amount); return;
    case BALANCES_EVENT_SLASHED: take(rt, &event->slashed.who, event->slashed.amount); return;
    default: return; /* Endowed comes with another */
    }
}

bool step_money_holds(rt_t *rt, const step_t *step)
{
    i128_t changed = 0, issued = 0;
    ledger_len = 0;
    for (uint32_t i = 0; i < step->change_count; i++) {
        const table_change_t *change = &step->changes[i];
        if (starts_with(change->key, keys()->issuance))
            issued = (i128_t)(number_in(change->now, change->is) - number_in(change->before, change->was));
        if (!starts_with(change->key, keys()->account) || change->key.len != ACCOUNT_KEY_LEN) continue;
        HOLDS(ledger_len < LEDGER_MAX, "too many accounts changed");
        const system_account_info_t before = account_in(change->before, change->was),
                                    now    = account_in(change->now, change->is);
        entry_t *entry                     = &ledger[ledger_len++];
        const u128_t total                 = before.data.free + before.data.reserved;
        *entry =
            (entry_t){.told = (i128_t)total, .now = now.data.free + now.data.reserved, .is_changed = true};
        entry->reserved = (i128_t)before.data.reserved;
        memcpy(entry->who.b, change->key.data + 48, 32);
        changed += (i128_t)(entry->now - total);
    }
    HOLDS(changed == issued, "accounts changed by %lld, issuance by %lld", (long long)changed,
          (long long)issued);
    for (uint32_t i = 0; i < step->events.len; i++)
        if (step->events.items[i].event->pallet == BALANCES_PALLET)
            tell(rt, &step->events.items[i].event->balances);
    for (uint32_t i = 0; i < ledger_len; i++)
        HOLDS(ledger[i].told == (i128_t)ledger[i].now, "account %02x%02x has %llu, events tell %lld",
              ledger[i].who.b[0], ledger[i].who.b[1], U(ledger[i].now), (long long)ledger[i].told);
    return true;
}

/* -------------------------------------------------------------------------------- refusals */

/* What the block keeps of every extrinsic, refused or not. */
static bool is_bookkeeping(bytes_t key)
{
    static uint8_t prefixes[6][32];
    static const char *const names[][2] = {
        {"System",     "Events"          },
        {"System",     "EventCount"      },
        {"System",     "ExtrinsicData"   },
        {"System",     "BlockWeight"     },
        {"System",     "AllExtrinsicsLen"},
        {"Authorship", "Author"          },
    };
    if (prefixes[0][0] == 0)
        for (uint32_t i = 0; i < 6; i++) {
            twox_128(prefixes[i], bytes_text(names[i][0]));
            twox_128(prefixes[i] + 16, bytes_text(names[i][1]));
        }
    for (uint32_t i = 0; i < 6; i++)
        if (starts_with(key, prefixes[i])) return true;
    return bytes_equal(key, BYTES(":extrinsic_index"));
}

static bool signer_holds(const step_t *step, const table_change_t *change, u128_t fee)
{
    const system_account_info_t before = account_in(change->before, change->was),
                                now    = account_in(change->now, change->is);
    const bool is_author               = step->has_author && memcmp(step->author.b, step->signer.b, 32) == 0;
    HOLDS(now.nonce == before.nonce + 1, "nonce %u, was %u", now.nonce, before.nonce);
    HOLDS(now.data.reserved == before.data.reserved && now.data.frozen == before.data.frozen &&
              now.consumers == before.consumers && now.providers == before.providers,
          "of the signer");
    HOLDS(now.data.free == before.data.free - (is_author ? 0 : fee), "free %llu, was %llu, the fee is %llu",
          U(now.data.free), U(before.data.free), U(fee));
    return true;
}

/* fee_of finds what TransactionFeePaid tells, and that nothing is told but of the fee and the refusal. */
static bool fee_of(const step_t *step, u128_t *fee)
{
    bool is_told = false;
    for (uint32_t i = 0; i < step->events.len; i++) {
        const runtime_event_t *event = step->events.items[i].event;
        if (event->pallet == FEE_PALLET) {
            *fee    = event->transaction_payment.transaction_fee_paid.actual_fee;
            is_told = true;
            continue;
        }
        HOLDS(event->pallet == BALANCES_PALLET || event->pallet == SYSTEM_PALLET, "told of pallet %u",
              event->pallet);
    }
    HOLDS(is_told, "no fee is told");
    return true;
}

bool step_refusal_holds(rt_t *rt, const step_t *step)
{
    u128_t fee = 0;
    (void)rt;
    if (step->result == DISPATCH_OK || step->kind == STEP_START || step->kind == STEP_END) return true;
    if (step->kind == STEP_ROOT) {
        HOLDS(step->change_count == 0 && step->events.len == 0, "%u changes by a refused call",
              step->change_count);
        return true;
    }
    if (!fee_of(step, &fee)) return false;
    for (uint32_t i = 0; i < step->change_count; i++) {
        const table_change_t *change = &step->changes[i];
        if (is_bookkeeping(change->key) || starts_with(change->key, keys()->issuance)) continue;
        const bool is_account = starts_with(change->key, keys()->account);
        HOLDS(is_account, "a refused call changed %02x%02x...", change->key.data[0], change->key.data[1]);
        if (memcmp(change->key.data + 48, step->signer.b, 32) == 0) {
            if (!signer_holds(step, change, fee)) return false;
            continue;
        }
        HOLDS(step->has_author && memcmp(change->key.data + 48, step->author.b, 32) == 0,
              "a refused call changed another's account");
    }
    return true;
}
