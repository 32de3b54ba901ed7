/* Any sequence of calls that move, make or burn money leaves issuance and reserves as they must be: transfers
 * of every kind between people and the chain's own accounts, alone and within other calls, the bridge,
 * burning, validators, and contracts whose owners lose everything meanwhile. */
#include "smart_contract/billing.h"

enum { STEPS = 300, PEOPLE = 11 };

static const account_id_t derived = {
    {1, 2, 3}
};
static const account_id_t *const people[PEOPLE] = {&alice,        &bob,    &farmer,  &node_account,
                                                   &foundation,   &sales,  &council, &validator,
                                                   &staking_pool, &nobody, &derived};
static const account_id_t *const guards[]       = {&farmer, &council, &bob};

#define STELLAR BYTES("GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ")
#define TO(who_)                                                                                             \
    {                                                                                                        \
        .kind = SUPPORT_MULTI_ADDRESS_ID, .id = (who_)                                                       \
    }

static const account_id_t *anybody(random_t *random) { return people[random_below(random, PEOPLE)]; }

/* Amounts at the edges of what an account has, of what may exist, and of the types. */
static u128_t amount(random_t *random, const account_id_t *who)
{
    const u128_t free = world_free(who), held = world_reserved(who);
    switch (random_below(random, 14)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return EXISTENTIAL - random_below(random, 2);
    case 3: return free;
    case 4: return free - 1;
    case 5: return free + 1;
    case 6: return free - EXISTENTIAL + random_below(random, 3) - 1;
    case 7: return free - held;
    case 8: return held;
    case 9: return ~(u128_t)0 - random_below(random, 2);
    case 10: return UINT64_MAX;
    case 11: return free / 2;
    default: return random_next(random) >> (20 + random_below(random, 40));
    }
}

/* A sequence of refusals would show nothing. */
static uint32_t accepted;
static dispatch_t count(dispatch_t result)
{
    accepted += result == DISPATCH_OK;
    return result;
}
#define world_apply_written(origin_) count((world_apply_written)(origin_))

/* ---- calls within calls ---- */

static uint8_t room[1 << 16];
static arena_t arena;

static runtime_call_t *kept(void)
{
    bytes_t copy;
    (void)arena_copy(&arena, scale_written(&world_writer), &copy);
    scale_reader_t r = scale_reader(copy, &arena);
    return runtime_call_take(&r);
}
#define WITHIN(name_, ...)                                                                                   \
    (world_writer.len = 0, name_##_call_encode(&world_writer, &(name_##_args_t){__VA_ARGS__}), kept())

static runtime_call_t *inner(random_t *random, const account_id_t *who)
{
    const account_id_t *to = anybody(random);
    switch (random_below(random, 5)) {
    case 0: return WITHIN(balances_transfer_all, .dest = TO(*to), .keep_alive = random_below(random, 2));
    case 1: return WITHIN(burning_burn_tft, .amount = amount(random, who), .message = BYTES("m"));
    case 2:
        return WITHIN(tft_bridge_swap_to_stellar, .target_stellar_address = STELLAR,
                      .amount = amount(random, who));
    case 3: return WITHIN(balances_transfer_keep_alive, .dest = TO(*to), .value = amount(random, who));
    default: return WITHIN(balances_transfer_allow_death, .dest = TO(*to), .value = amount(random, who));
    }
}

static void nested(random_t *random)
{
    const account_id_t *who = anybody(random), *other = anybody(random);
    arena                   = (arena_t){.start = room, .size = sizeof room};
    runtime_call_t *calls[] = {inner(random, who), inner(random, who), inner(random, who)};
    switch (random_below(random, 6)) {
    case 0: (void)CALL(*who, utility_batch, .calls = {calls, 3}); return;
    case 1: (void)CALL(*who, utility_batch_all, .calls = {calls, 3}); return;
    case 2: (void)CALL(*who, utility_force_batch, .calls = {calls, 3}); return;
    case 3:
        (void)CALL(*who, utility_as_derivative, .index = (uint16_t)random_below(random, 3), .call = calls[0]);
        return;
    case 4:
        calls[0] = WITHIN(utility_batch_all, .calls = {calls, 3});
        (void)CALL(*who, utility_batch, .calls = {calls, 2});
        return;
    default:
        (void)CALL_FROM(random_below(random, 2) ? from_root : from(who), utility_dispatch_as,
                        .as_origin =
                            {
                                .kind   = SUPPORT_ORIGIN_CALLER_SYSTEM,
                                .system = {.kind = SUPPORT_SYSTEM_ORIGIN_SIGNED, .signed_ = *other}
        },
                        .call = calls[0]);
    }
}

/* ---- calls ---- */

static void transfer(random_t *random)
{
    const account_id_t *who = anybody(random), *to = anybody(random);
    const u128_t value = amount(random, who);
    switch (random_below(random, 8)) {
    case 0: (void)CALL(*who, balances_transfer_allow_death, .dest = TO(*to), .value = value); return;
    case 1: (void)CALL(*who, balances_transfer_keep_alive, .dest = TO(*to), .value = value); return;
    case 2: (void)CALL(*who, balances_transfer, .dest = TO(*to), .value = value); return;
    case 3:
        (void)CALL(*who, balances_transfer_all, .dest = TO(*to), .keep_alive = random_below(random, 2));
        return;
    case 4: (void)ROOT(balances_force_transfer, .source = TO(*who), .dest = TO(*to), .value = value); return;
    case 5:
        (void)ROOT(balances_force_set_balance, .who = TO(*who), .new_free = value >> 64 ? UINT32_MAX : value);
        return;
    case 6: (void)CALL(*who, burning_burn_tft, .amount = value, .message = BYTES("burnt")); return;
    default: nested(random);
    }
}

static void bridge(random_t *random)
{
    static const bytes_t texts[] = {
        {(const uint8_t *)"a", 1},
        {(const uint8_t *)"b", 1},
        {(const uint8_t *)"c", 1}
    };
    const account_id_t *who = anybody(random), *guard = guards[random_below(random, 3)];
    const uint64_t value = (uint64_t)amount(random, who), id = random_below(random, 6);
    const bytes_t text = texts[random_below(random, 3)], key = texts[guard == &bob];
    switch (random_below(random, 11)) {
    case 0: (void)ROOT(tft_bridge_set_fee_account, .target = *who); return;
    case 1: (void)ROOT(tft_bridge_set_withdraw_fee, .amount = random_below(random, 8) ? 1000 : value); return;
    case 2: (void)ROOT(tft_bridge_set_deposit_fee, .amount = random_below(random, 8) ? 1000 : value); return;
    case 3:
        (void)CALL(*who, tft_bridge_swap_to_stellar, .target_stellar_address = STELLAR, .amount = value);
        return;
    case 4:
        (void)CALL(*guard, tft_bridge_propose_burn_transaction_or_add_sig, .transaction_id = id,
                   .target = STELLAR, .amount = value, .signature = text, .stellar_pub_key = key,
                   .sequence_number = 7);
        return;
    case 5: (void)CALL(*guard, tft_bridge_set_burn_transaction_executed, .transaction_id = id); return;
    case 6:
        (void)CALL(*guard, tft_bridge_create_refund_transaction_or_add_sig, .tx_hash = text,
                   .target = STELLAR, .amount = value, .signature = text, .stellar_pub_key = key,
                   .sequence_number = 7);
        return;
    case 7: (void)CALL(*guard, tft_bridge_set_refund_transaction_executed, .tx_hash = text); return;
    default:
        (void)CALL(*guard, tft_bridge_propose_or_vote_mint_transaction, .transaction = text, .target = *who,
                   .amount = random_below(random, 2) ? 5000 : value);
    }
}

static void validators(random_t *random)
{
    const account_id_t *who = anybody(random), *other = anybody(random);
    switch (random_below(random, 7)) {
    case 0:
        (void)CALL(*who, validator_create_validator_request, .validator_node_account = *other,
                   .stash_account = *who, .description = BYTES("d"), .tf_connect_id = BYTES("t"),
                   .info = BYTES("i"));
        return;
    case 1: (void)ROOT(validator_approve_validator, .validator_account = TO(*who)); return;
    case 2: (void)CALL(*who, validator_bond, .validator = TO(*other)); return;
    case 3:
        world_writer.len = 0;
        validator_activate_validator_node_call_encode(&world_writer);
        (void)world_apply_written(from(who));
        return;
    case 4:
        (void)CALL(*who, validator_change_validator_node_account, .new_node_validator_account = *other);
        return;
    case 5: (void)ROOT(validator_remove_validator, .validator_account = TO(*who)); return;
    default: (void)CALL(*who, kvstore_set, .key = BYTES("k"), .value = BYTES("v")); return;
    }
}

static void contracts(random_t *random)
{
    const account_id_t *who = random_below(random, 2) ? &alice : &bob;
    const uint64_t id       = 1 + random_below(random, (uint32_t)smart_contract_contract_id_get(rt) + 1);
    smart_contract_contract_resources_t used[] = {
        {id, ONE_CU}
    };
    switch (random_below(random, 5)) {
    case 0:
        (void)CALL(*who, smart_contract_create_node_contract, .node_id = 1,
                   .public_ips      = random_below(random, 2),
                   .deployment_hash = {{(uint8_t)random_below(random, 12)}}, .deployment_data = BYTES("x"));
        return;
    case 1:
        (void)CALL(node_account, smart_contract_report_contract_resources, .contract_resources = {used, 1});
        return;
    case 2: (void)CALL(*who, smart_contract_cancel_contract, .contract_id = id); return;
    case 3: (void)CALL(*who, smart_contract_bill_contract_for_block, .contract_id = id); return;
    default: world_blocks(random_below(random, 25)); return;
    }
}

PROPERTY(any_sequence_of_money_leaves_issuance_and_reserves_true, 60)
{
    world_start();
    world_farm(&farmer, BYTES("first"), 5);
    world_node(&node_account, 1);
    world_twin(&alice);
    world_twin(&bob);
    for (size_t i = 0; i < 3; i++)
        EQ(ROOT(tft_bridge_add_bridge_validator, .target = *guards[i]), DISPATCH_OK);
    world_forget_events();
    accepted            = 0;
    const uint32_t used = rt->arena.used;
    for (uint32_t step = 0; step < STEPS; step++) {
        switch (random_below(random, 8)) {
        case 0:
        case 1: transfer(random); break;
        case 2: bridge(random); break;
        case 3: validators(random); break;
        case 4: world_give(anybody(random), (u128_t)EXISTENTIAL + random_below(random, 100 * TFT)); break;
        default: contracts(random);
        }
        world_forget_events();
        rt->arena.used = used;
        OK(!rt->fault);
        OK(world_is_sound());
    }
    OK(accepted > STEPS / 5);
}

TEST_MAIN()
