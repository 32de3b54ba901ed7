/* world.h - a small chain for tests of the grid's pallets: the development genesis, accounts, blocks, calls.
 *
 * Calls go the way they go in a block: encoded, decoded, dispatched in a layer of their own.  Events are
 * those of the last call or block. */
#ifndef WORLD_H
#define WORLD_H
#include "runtime_call.h"

extern rt_t *rt;

/* alice uses the grid, farmer has the farms, the others have parts in tests; nobody has no account. */
extern const account_id_t alice, bob, farmer, node_account, other_node_account, foundation, sales, council,
    validator, staking_pool, nobody;

enum { TFT = 10000000, BLOCK_S = 6, BILLING_EVERY = 10, EXISTENTIAL = 500, START_S = 1700000000 };
#define WORLD_BAD_CALL UINT32_C(0xbad)

/* world_start makes everything anew: price 50 mUSD a TFT, policy 1 of the development chain, billing each 10
 * blocks, every named account but nobody and staking_pool with 1000 TFT. */
void world_start(void);

/* world_verify_with sets who verifies signatures in this world; without, all are refused. */
typedef bool (*world_verify_t)(void *state, uint8_t kind, bytes_t signature, bytes_t message,
                               const account_id_t *signer);
void world_verify_with(world_verify_t verify);

/* world_next_block ends the present block with the hook of all pallets and starts another, BLOCK_S later. */
void world_next_block(void);

/* world_blocks runs so many blocks; world_skip moves the clock and the number without any hook. */
void world_blocks(uint32_t count);
void world_skip(uint32_t blocks, uint64_t seconds);
uint32_t world_block(void);
uint64_t world_now_s(void);

/* world_apply decodes and dispatches an encoded call. */
dispatch_t world_apply(const origin_t *origin, bytes_t call);
extern scale_writer_t world_writer;
dispatch_t world_apply_written(origin_t origin);

extern const origin_t from_root, from_council;
origin_t from(const account_id_t *who);

#define CALL_FROM(origin_, name_, ...)                                                                       \
    (world_writer.len = 0, name_##_call_encode(&world_writer, &(name_##_args_t){__VA_ARGS__}),               \
     world_apply_written(origin_))
#define CALL(who_, name_, ...) CALL_FROM(from(&(who_)), name_, __VA_ARGS__)
#define ROOT(name_, ...)       CALL_FROM(from_root, name_, __VA_ARGS__)

/* world_event finds the nth (from 0) event of a kind, NULL when there are fewer; world_event_count counts
 * them. */
const runtime_event_t *world_event(uint8_t pallet, uint8_t index, uint32_t nth);
uint32_t world_event_count(uint8_t pallet, uint8_t index);
void world_forget_events(void);

/* Money.  world_give makes money out of nothing, issuance included; world_set_free moves the difference so
 * too. */
void world_give(const account_id_t *who, u128_t amount);
void world_set_free(const account_id_t *who, u128_t free);
void world_freeze(const account_id_t *who, u128_t frozen);
u128_t world_free(const account_id_t *who);
u128_t world_reserved(const account_id_t *who);
u128_t world_issuance(void);

/* Shortcuts that set up what a test is not about: they end the test program when refused. */
uint32_t world_twin(const account_id_t *who);
uint32_t world_farm(const account_id_t *who, bytes_t name, uint32_t ips); /* with 1 to 9 public addresses */
uint32_t world_node(const account_id_t *who, uint32_t farm_id); /* 8 cores, 32 GiB, 1000 GiB of each disk */
uint64_t world_node_contract(const account_id_t *who, uint32_t node_id, uint8_t hash, uint32_t ips);
void world_use(const account_id_t *node, uint64_t contract_id, support_resources_t used);

tfgrid_create_node_args_t world_node_args(uint32_t farm_id);

/* world_is_sound checks what holds after anything (property/sound.h); prints what does not. */
bool world_is_sound(void);

#endif
