/* Any sequence of calls and blocks leaves a sound world: money, indices, addresses, and the account of each
 * contract. */
#include "billing.h"

enum { STEPS = 250, CONTRACTS_MAX = 600, PEOPLE = 4 };

/* What bills told of each contract: taken for it, and given on. */
static u128_t taken[CONTRACTS_MAX], given[CONTRACTS_MAX];
static const account_id_t *const people[PEOPLE] = {&alice, &bob, &farmer, &nobody};
static const account_id_t *const machines[2]    = {&node_account, &other_node_account};

static uint64_t any_contract(random_t *random)
{
    return 1 + random_below(random, (uint32_t)smart_contract_contract_id_get(rt) + 1);
}
static uint32_t any_node(random_t *random) { return 1 + random_below(random, tfgrid_node_id_get(rt) + 1); }

/* count_events adds up what the last call or block told.  False when a block billed a contract twice. */
static bool count_events(bool is_block)
{
    system_event_record_vec_t records;
    static uint8_t times[CONTRACTS_MAX];
    memset(times, 0, sizeof times);
    system_events_get(rt, &records);
    for (uint32_t i = 0; i < records.len; i++) {
        const runtime_event_t *event = records.items[i].event;
        if (event->pallet != CONTRACTS) continue;
        uint64_t id = 0;
        if (event->smart_contract.kind == SMART_CONTRACT_EVENT_CONTRACT_BILLED) {
            id = event->smart_contract.contract_billed.contract_id;
            taken[id] += event->smart_contract.contract_billed.amount_billed;
        }
        if (event->smart_contract.kind == SMART_CONTRACT_EVENT_CONTRACT_PAYMENT_OVERDRAWN) {
            id = event->smart_contract.contract_payment_overdrawn.contract_id;
            taken[id] += event->smart_contract.contract_payment_overdrawn.partially_billed_amount;
        }
        if (event->smart_contract.kind == SMART_CONTRACT_EVENT_REWARD_DISTRIBUTED)
            given[event->smart_contract.reward_distributed.contract_id] +=
                event->smart_contract.reward_distributed.standard_rewards +
                event->smart_contract.reward_distributed.additional_rewards;
        if (is_block && id > 0 && ++times[id] > 1) return false;
    }
    return true;
}

static bool accounts_agree(void)
{
    for (uint64_t id = 1; id <= smart_contract_contract_id_get(rt); id++) {
        payment_t payment = {0};
        if (!smart_contract_contract_payment_state_get(rt, id, &payment)) memset(&payment, 0, sizeof payment);
        if (taken[id] == given[id] + payment.standard_reserve + payment.additional_reserve) continue;
        printf("contract %llu: taken %llu, given %llu\n", (unsigned long long)id,
               (unsigned long long)taken[id], (unsigned long long)given[id]);
        return false;
    }
    return true;
}

static void report(random_t *random)
{
    const uint64_t id                          = any_contract(random);
    smart_contract_contract_resources_t used[] = {
        {id,
         {.sru = random_below(random, 200) * GIB,
          .cru = random_below(random, 5),
          .mru = random_below(random, 16) * GIB}}
    };
    smart_contract_nru_consumption_t nru[] = {
        {id, world_now_s(), 60, random_next(random) >> (random_below(random, 34) + 30)}
    };
    const account_id_t *machine = machines[random_below(random, 2)];
    (void)CALL(*machine, smart_contract_report_contract_resources, .contract_resources = {used, 1});
    (void)CALL(*machine, smart_contract_add_nru_reports, .reports = {nru, 1});
}

static void make_contract(random_t *random)
{
    static char name[8];
    const account_id_t *who = people[random_below(random, PEOPLE)];
    switch (random_below(random, 4)) {
    case 0:
        snprintf(name, sizeof name, "n-%u", random_below(random, 20));
        (void)CALL(*who, smart_contract_create_name_contract, .name = bytes_text(name));
        return;
    case 1: (void)CALL(*who, smart_contract_create_rent_contract, .node_id = any_node(random)); return;
    default:
        (void)CALL(*who, smart_contract_create_node_contract, .node_id = any_node(random),
                   .public_ips      = random_below(random, 3),
                   .deployment_hash = {{(uint8_t)random_below(random, 12)}}, .deployment_data = BYTES("x"));
    }
}

static void change_contract(random_t *random)
{
    const account_id_t *who = people[random_below(random, PEOPLE)];
    const uint64_t id       = any_contract(random);
    switch (random_below(random, 4)) {
    case 0:
        (void)CALL(*who, smart_contract_update_node_contract, .contract_id = id,
                   .deployment_hash = {{(uint8_t)random_below(random, 12)}});
        return;
    case 1: (void)bill(who, id); return;
    case 2: (void)cancel(who, id); return;
    default:
        if (random_below(random, 10) == 0)
            (void)ROOT(smart_contract_cancel_contract_collective, .contract_id = id);
    }
}

static void change_node(random_t *random)
{
    const uint32_t node         = any_node(random);
    const account_id_t *machine = machines[random_below(random, 2)];
    switch (random_below(random, 7)) {
    case 0:
        (void)CALL(*machine, tfgrid_change_power_state,
                   .power_state = random_below(random, 2) ? SUPPORT_POWER_UP : SUPPORT_POWER_DOWN);
        return;
    case 1:
        (void)CALL(farmer, tfgrid_change_power_target, .node_id = node,
                   .power_target = random_below(random, 2) ? SUPPORT_POWER_UP : SUPPORT_POWER_DOWN);
        return;
    case 2:
        (void)CALL(farmer, smart_contract_set_dedicated_node_extra_fee, .node_id = node,
                   .extra_fee = random_below(random, 3) * 9000);
        return;
    case 3: (void)ROOT(tfgrid_set_farm_dedicated, .farm_id = 1, .dedicated = random_below(random, 2)); return;
    case 4:
        (void)ROOT(tfgrid_set_node_certification, .node_id = node,
                   .node_certification = (support_node_certification_t)random_below(random, 2));
        return;
    case 5:
        if (random_below(random, 4) == 0) (void)CALL(farmer, tfgrid_delete_node_farm, .node_id = node);
        return;
    default: {
        const tfgrid_create_node_args_t args = world_node_args(1 + random_below(random, 2));
        world_writer.len                     = 0;
        tfgrid_create_node_call_encode(&world_writer, &args);
        (void)world_apply_written(from(machine));
    }
    }
}

static void change_money(random_t *random)
{
    const account_id_t *who = people[random_below(random, PEOPLE - 1)];
    switch (random_below(random, 5)) {
    case 0: world_set_free(who, EXISTENTIAL + random_below(random, 100000)); return;
    case 1: world_freeze(who, random_below(random, 2) * (u128_t)random_below(random, 1000000)); return;
    case 2: world_set_free(who, (u128_t)random_below(random, 100000) * TFT); return;
    default: world_give(who, random_next(random) >> 40);
    }
}

static void pass_time(random_t *random)
{
    switch (random_below(random, 12)) {
    case 0: world_skip(random_below(random, 2000), random_below(random, 12000)); return;
    case 1:
        if (random_below(random, 6) == 0) world_skip(201600, 1209600);
        return;
    case 2:
        if (random_below(random, 10) == 0)
            (void)ROOT(smart_contract_change_billing_frequency,
                       .frequency = smart_contract_billing_frequency_get(rt) + random_below(random, 5));
        return;
    default: return;
    }
}

static bool blocks_pass(random_t *random)
{
    for (uint32_t i = random_below(random, 15); i > 0; i--) {
        world_next_block();
        if (!count_events(true)) return false;
    }
    world_forget_events();
    return true;
}

PROPERTY(any_sequence_leaves_a_sound_world, 40)
{
    world_start();
    memset(taken, 0, sizeof taken);
    memset(given, 0, sizeof given);
    world_farm(&farmer, BYTES("first"), 5);
    world_farm(&farmer, BYTES("second"), 2);
    world_node(&node_account, 1);
    world_node(&other_node_account, 2);
    world_twin(&alice);
    world_twin(&bob);
    world_forget_events();
    const uint32_t used = rt->arena.used;
    for (uint32_t step = 0; step < STEPS; step++) {
        switch (random_below(random, 8)) {
        case 0:
        case 1: make_contract(random); break;
        case 2: change_contract(random); break;
        case 3: report(random); break;
        case 4: change_node(random); break;
        case 5: change_money(random); break;
        case 6: pass_time(random); break;
        default: OK(blocks_pass(random));
        }
        OK(count_events(false));
        world_forget_events();
        rt->arena.used = used;
        OK(!rt->fault);
        if (step % 5 == 0) OK(world_is_sound());
    }
    OK(world_is_sound());
    OK(accounts_agree());
}

TEST_MAIN()
