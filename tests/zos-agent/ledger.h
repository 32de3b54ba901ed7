/* ledger.h - what the chain did to contracts, block by block, as lines of JSON for tests/tools/bill_audit.py.
 *
 * Only finalized blocks are read, in their order, each once. */
#ifndef LEDGER_H
#define LEDGER_H
#include "grid.h"
#include "hex.h"

#include <stdarg.h>
#include <string.h>

#define LEDGER_USERS_MAX 8

static FILE *ledger_file;
static uint32_t ledger_at; /* the last block that was read */
static const keypair_t *ledger_users[LEDGER_USERS_MAX];

/* What the test is told of each event; NULL: nothing. */
static void (*ledger_seen)(const smart_contract_event_t *event);

typedef struct {
    uint32_t number;
    hash_t hash;
    bool is_named;
} ledger_block_t;

__attribute__((format(printf, 1, 2))) static inline void ledger_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(ledger_file, format, args);
    va_end(args);
    fputc('\n', ledger_file);
}

/* The block's own line comes before the first of its events, with its time and its users' money at its end.
 */
static inline void ledger_name(ledger_block_t *block)
{
    if (block->is_named) return;
    block->is_named = true;
    fprintf(ledger_file, "{\"block\":%u,\"now\":%llu,\"free\":[", block->number,
            (unsigned long long)grid_now_s(&block->hash));
    for (uint32_t i = 0; i < LEDGER_USERS_MAX && ledger_users[i]; i++)
        fprintf(ledger_file, "%s%llu", i ? "," : "",
                (unsigned long long)grid_free(&ledger_users[i]->account, &block->hash));
    fprintf(ledger_file, "]}\n");
}

static inline bool ledger_contract(const smart_contract_event_t *e)
{
    typedef unsigned long long u;
    const smart_contract_contract_bill_t *bill   = &e->contract_billed;
    const smart_contract_nru_consumption_t *n    = &e->nru_consumption_report_received;
    const smart_contract_contract_resources_t *r = &e->updated_used_resources;
    if (e->kind == SMART_CONTRACT_EVENT_CONTRACT_CREATED)
        ledger_line("{\"e\":\"created\",\"id\":%llu,\"twin\":%u}", (u)e->contract_created.contract_id,
                    e->contract_created.twin_id);
    else if (e->kind == SMART_CONTRACT_EVENT_UPDATED_USED_RESOURCES)
        ledger_line("{\"e\":\"resources\",\"id\":%llu,\"cru\":%llu,\"mru\":%llu,\"sru\":%llu,\"hru\":%llu}",
                    (u)r->contract_id, (u)r->used.cru, (u)r->used.mru, (u)r->used.sru, (u)r->used.hru);
    else if (e->kind == SMART_CONTRACT_EVENT_NRU_CONSUMPTION_REPORT_RECEIVED)
        ledger_line("{\"e\":\"nru\",\"id\":%llu,\"at\":%llu,\"window\":%llu,\"nru\":%llu}", (u)n->contract_id,
                    (u)n->timestamp, (u)n->window, (u)n->nru);
    else if (e->kind == SMART_CONTRACT_EVENT_CONTRACT_BILLED)
        ledger_line("{\"e\":\"billed\",\"id\":%llu,\"at\":%llu,\"level\":%d,\"amount\":%llu}",
                    (u)bill->contract_id, (u)bill->timestamp, (int)bill->discount_level,
                    (u)bill->amount_billed);
    else if (e->kind == SMART_CONTRACT_EVENT_CONTRACT_PAYMENT_OVERDRAWN)
        ledger_line("{\"e\":\"overdrawn\",\"id\":%llu,\"partial\":%llu,\"overdraft\":%llu}",
                    (u)e->contract_payment_overdrawn.contract_id,
                    (u)e->contract_payment_overdrawn.partially_billed_amount,
                    (u)e->contract_payment_overdrawn.overdraft);
    else if (e->kind == SMART_CONTRACT_EVENT_REWARD_DISTRIBUTED)
        ledger_line("{\"e\":\"reward\",\"id\":%llu,\"amount\":%llu}", (u)e->reward_distributed.contract_id,
                    (u)e->reward_distributed.standard_rewards);
    else if (e->kind == SMART_CONTRACT_EVENT_CONTRACT_GRACE_PERIOD_STARTED)
        ledger_line("{\"e\":\"grace\",\"id\":%llu}", (u)e->contract_grace_period_started.contract_id);
    else if (e->kind == SMART_CONTRACT_EVENT_CONTRACT_GRACE_PERIOD_ENDED)
        ledger_line("{\"e\":\"paid\",\"id\":%llu}", (u)e->contract_grace_period_ended.contract_id);
    else if (e->kind == SMART_CONTRACT_EVENT_NODE_CONTRACT_CANCELED)
        ledger_line("{\"e\":\"canceled\",\"id\":%llu}", (u)e->node_contract_canceled.contract_id);
    else
        return false;
    return true;
}

/* Money that comes back to a user: shares that are too small for a new account. */
static inline void ledger_money(const balances_event_t *event)
{
    if (event->kind != BALANCES_EVENT_UNRESERVED) return;
    for (uint32_t i = 0; i < LEDGER_USERS_MAX && ledger_users[i]; i++)
        if (memcmp(&event->unreserved.who, &ledger_users[i]->account, sizeof event->unreserved.who) == 0)
            ledger_line("{\"e\":\"back\",\"user\":%u,\"amount\":%llu}", i,
                        (unsigned long long)event->unreserved.amount);
}

static inline bool ledger_is_ours(const runtime_event_t *event)
{
    return event->pallet == SMART_CONTRACT_PALLET ||
           (event->pallet == BALANCES_PALLET && event->balances.kind == BALANCES_EVENT_UNRESERVED);
}

static inline bool ledger_hash(uint32_t number, hash_t *hash)
{
    char params[32];
    json_t *result = NULL;
    snprintf(params, sizeof params, "[%u]", number);
    (void)client_rpc_wait(grid_client, "chain_getBlockHash", params, &result);
    const char *text = json_string_value(result);
    bool is_ok =
        text && strlen(text) == 66 && hex_decode_exact(bytes_text(text + 2), hash->b, sizeof hash->b);
    json_decref(result);
    return is_ok;
}

/* The raw events are copied first: what is read while they are walked over uses the same memory. */
static inline bool ledger_block(uint32_t number)
{
    static uint8_t raw[1 << 20], room[1 << 20];
    ledger_block_t block = {.number = number};
    arena_t arena;
    client_events_t events;
    client_event_t event;
    scale_writer_t key = grid_blank();
    system_events_key(&key);
    if (!ledger_hash(number, &block.hash)) return false;
    bytes_t value = grid_value(&key, &block.hash, &arena);
    if (value.len > sizeof raw) return false;
    if (value.len > 0) memcpy(raw, value.data, value.len);
    arena = (arena_t){.start = room, .size = sizeof room};
    client_events_start(&events, (bytes_t){raw, value.len}, &arena);
    while (client_events_next(&events, &event)) {
        if (!ledger_is_ours(&event.event)) continue;
        ledger_name(&block);
        if (event.event.pallet == BALANCES_PALLET) {
            ledger_money(&event.event.balances);
            continue;
        }
        if (ledger_contract(&event.event.smart_contract) && ledger_seen)
            ledger_seen(&event.event.smart_contract);
    }
    ledger_at = number;
    return !client_events_failed(&events);
}

/* ledger_read reads on to a finalized block. */
static inline bool ledger_read(uint32_t to)
{
    while (ledger_at < to)
        if (!ledger_block(ledger_at + 1)) return false;
    return fflush(ledger_file) == 0;
}

#endif
