/* apply.c - the events of a block, and the state of genesis. */
#include "apply.h"
#include "client.h"
#include "hex.h"
#include "log.h"
#include "ss58.h"

#include <string.h>

/* ---- values ---- */

value_t put_account(store_t *store, const account_id_t *account)
{
    char text[SS58_TEXT_MAX + 1];
    ss58_account(text, account);
    return value_text(store_format(store, "%s", text));
}

value_t put_text(store_t *store, bytes_t text) { return value_text(store_text(store, text)); }

value_t put_wide(store_t *store, u128_t amount)
{
    char digits[40];
    digits[39] = 0;
    for (int i = 38; i >= 0; i--, amount /= 10)
        digits[i] = (char)('0' + (int)(amount % 10));
    return value_text(store_format(store, "%s", digits));
}

value_t put_hash_text(store_t *store, const uint8_t bytes[32])
{
    char hex[65];
    bool is_text = true;
    for (int i = 0; i < 32; i++)
        is_text = is_text && bytes[i] > 0x20 && bytes[i] < 0x7f;
    if (is_text) return put_text(store, (bytes_t){bytes, 32});
    hex_encode(hex, (bytes_t){bytes, 32});
    return value_text(store_format(store, "0x%s", hex));
}

/* ---- events ---- */

void apply_event(store_t *store, uint32_t index, const runtime_event_t *event)
{
    switch (event->pallet) {
    case 25: apply_tfgrid(store, index, &event->tfgrid); break;
    case 26: apply_smart_contract(store, index, &event->smart_contract); break;
    case 27: apply_tft_bridge(store, index, &event->tft_bridge); break;
    case 28: apply_tft_price(store, index, &event->tft_price); break;
    default: break;
    }
}

void apply_events(store_t *store, bytes_t raw, arena_t *arena)
{
    client_events_t events;
    client_event_t event;
    if (raw.len == 0) return; /* genesis has none */
    client_events_start(&events, raw, arena);
    for (uint32_t i = 0; client_events_next(&events, &event); i++)
        apply_event(store, i, &event.event);
    if (client_events_failed(&events))
        store_fail(store, "an event does not decode: the chain's runtime is newer than this program");
}

void apply_tft_bridge(store_t *store, uint32_t index, const tft_bridge_event_t *event)
{
    row_t row           = row_new(TABLE_BRIDGE, value_text(store_event_id(store, index)));
    row.v[BRIDGE_BLOCK] = value_int(store_now(store)->number);
    const char *kind    = NULL;
    if (event->kind == TFT_BRIDGE_EVENT_MINT_COMPLETED) {
        kind                 = "mint";
        row.v[BRIDGE_AMOUNT] = value_big(event->mint_completed.mint.amount);
        row.v[BRIDGE_TARGET] = put_account(store, &event->mint_completed.mint.target);
        row.v[BRIDGE_HASH]   = put_text(store, event->mint_completed.transaction);
    } else if (event->kind == TFT_BRIDGE_EVENT_BURN_TRANSACTION_PROCESSED) {
        kind                 = "burn";
        row.v[BRIDGE_AMOUNT] = value_big(event->burn_transaction_processed.amount);
        row.v[BRIDGE_TARGET] = put_text(store, event->burn_transaction_processed.target);
    } else if (event->kind == TFT_BRIDGE_EVENT_REFUND_TRANSACTION_PROCESSED) {
        kind                 = "refund";
        row.v[BRIDGE_AMOUNT] = value_big(event->refund_transaction_processed.amount);
        row.v[BRIDGE_TARGET] = put_text(store, event->refund_transaction_processed.target);
        row.v[BRIDGE_HASH]   = put_text(store, event->refund_transaction_processed.tx_hash);
    }
    if (!kind) return;
    row.v[BRIDGE_KIND] = value_text(kind);
    row_put(store, &row);
}

void apply_tft_price(store_t *store, uint32_t index, const tft_price_event_t *event)
{
    bool is_price = event->kind == TFT_PRICE_EVENT_PRICE_STORED;
    if (!is_price && event->kind != TFT_PRICE_EVENT_AVERAGE_PRICE_STORED) return;
    row_t row          = row_new(TABLE_PRICE, value_text(store_event_id(store, index)));
    row.v[PRICE_KIND]  = value_text(is_price ? "price" : "average");
    row.v[PRICE_VALUE] = value_int(is_price ? event->price_stored : event->average_price_stored);
    row.v[PRICE_BLOCK] = value_int(store_now(store)->number);
    row.v[PRICE_TIME]  = value_big(store_now(store)->time_s);
    row_put(store, &row);
}

/* ---- genesis ---- */

#define GENESIS(name_, type_, ...)                                                                           \
    static bool genesis_##name_(store_t *store, uint32_t index, scale_reader_t *r, bytes_t key)              \
    {                                                                                                        \
        type_##_t v;                                                                                         \
        type_##_decode(r, &v);                                                                               \
        if (!scale_done(r)) return false;                                                                    \
        (void)index;                                                                                         \
        (void)key;                                                                                           \
        __VA_ARGS__;                                                                                         \
        return true;                                                                                         \
    }

static uint32_t key_u32(bytes_t key)
{
    scale_reader_t r = scale_reader(key, NULL);
    return scale_get_u32(&r);
}

GENESIS(twin, tfgrid_twin, apply_twin(store, index, &v))
GENESIS(farm, support_farm, apply_farm(store, index, &v))
GENESIS(node, support_node, apply_node(store, index, &v, true))
GENESIS(power, support_node_power, apply_power(store, key_u32(key), &v))
GENESIS(entity, tfgrid_entity, apply_entity(store, index, &v))
GENESIS(pricing, tfgrid_pricing_policy, apply_pricing(store, index, &v))
GENESIS(farming, tfgrid_farming_policy, apply_farming(store, index, &v))
GENESIS(contract, smart_contract_contract, apply_contract(store, index, &v))
GENESIS(resources, smart_contract_contract_resources, apply_resources(store, &v))
GENESIS(provider, smart_contract_solution_provider, apply_provider(store, index, &v))
GENESIS(service, smart_contract_service_contract, apply_service(store, index, &v))

static bool genesis_fee(store_t *store, uint32_t index, scale_reader_t *r, bytes_t key)
{
    uint64_t fee = scale_get_u64(r);
    (void)index;
    if (!scale_done(r)) return false;
    apply_extra_fee(store, key_u32(key), fee);
    return true;
}

/* In this order: nodes before what is told of them. */
const apply_genesis_t apply_genesis[] = {
    {"tfgrid",         "Twins",                  genesis_twin     },
    {"tfgrid",         "Farms",                  genesis_farm     },
    {"tfgrid",         "Nodes",                  genesis_node     },
    {"tfgrid",         "NodePower",              genesis_power    },
    {"tfgrid",         "Entities",               genesis_entity   },
    {"tfgrid",         "PricingPolicies",        genesis_pricing  },
    {"tfgrid",         "FarmingPoliciesMap",     genesis_farming  },
    {"smart_contract", "Contracts",              genesis_contract },
    {"smart_contract", "NodeContractResources",  genesis_resources},
    {"smart_contract", "SolutionProviders",      genesis_provider },
    {"smart_contract", "ServiceContracts",       genesis_service  },
    {"smart_contract", "DedicatedNodesExtraFee", genesis_fee      },
};
const uint32_t apply_genesis_count = sizeof apply_genesis / sizeof *apply_genesis;
