/* apply.h - what an event changes in the index.
 *
 * Events carry whole records, so the index needs no state of the chain but that of genesis, which has no
 * events: its entries go through the same functions. */
#ifndef APPLY_H
#define APPLY_H
#include "runtime_types.h"
#include "store.h"

#define EVENTS_ARENA (8u << 20) /* what one event may take when it is decoded */

/* apply_events applies all events of the block (raw System.Events) that was begun by store_block.  An event
 * that does not decode makes the block fail. */
void apply_events(store_t *store, bytes_t raw, arena_t *arena);

/* apply_event applies one; index is its place in the block. */
void apply_event(store_t *store, uint32_t index, const runtime_event_t *event);

/* A storage item whose entries at genesis are rows: name is the pallet's prefix and the item. */
typedef struct {
    const char *pallet, *item;
    /* apply takes the value of one entry and its last key, encoded. */
    bool (*apply)(store_t *store, uint32_t index, scale_reader_t *value, bytes_t key);
} apply_genesis_t;
extern const apply_genesis_t apply_genesis[];
extern const uint32_t apply_genesis_count;

/* ---- parts of it, one a pallet ---- */
void apply_tfgrid(store_t *store, uint32_t index, const tfgrid_event_t *event);
void apply_smart_contract(store_t *store, uint32_t index, const smart_contract_event_t *event);
void apply_tft_bridge(store_t *store, uint32_t index, const tft_bridge_event_t *event);
void apply_tft_price(store_t *store, uint32_t index, const tft_price_event_t *event);

/* What genesis holds, as the events that would have made it. */
void apply_twin(store_t *store, uint32_t index, const tfgrid_twin_t *twin);
void apply_farm(store_t *store, uint32_t index, const support_farm_t *farm);
void apply_node(store_t *store, uint32_t index, const support_node_t *node, bool is_new);
void apply_entity(store_t *store, uint32_t index, const tfgrid_entity_t *entity);
void apply_pricing(store_t *store, uint32_t index, const tfgrid_pricing_policy_t *policy);
void apply_farming(store_t *store, uint32_t index, const tfgrid_farming_policy_t *policy);
void apply_power(store_t *store, uint32_t node_id, const support_node_power_t *power);
void apply_contract(store_t *store, uint32_t index, const smart_contract_contract_t *contract);
void apply_resources(store_t *store, const smart_contract_contract_resources_t *resources);
void apply_extra_fee(store_t *store, uint32_t node_id, uint64_t fee);
void apply_provider(store_t *store, uint32_t index, const smart_contract_solution_provider_t *provider);
void apply_service(store_t *store, uint32_t index, const smart_contract_service_contract_t *service);

/* How values of the chain stand in columns: texts last until the block is done. */
value_t put_account(store_t *store, const account_id_t *account);
value_t put_text(store_t *store, bytes_t text);
value_t put_wide(store_t *store, u128_t amount);
value_t put_hash_text(store_t *store, const uint8_t bytes[32]); /* text when it is printable, else 0x... */

#endif
