/* What contracts cost and who gets it, case by case: tests/vectors/bill-vectors.json, which
 * tests/tools/bill_vectors.py computes from the spec alone.  Each case is played on a chain; one that is not
 * so is shown with its arithmetic. */
#include "billing.h"
#include "vectors.h"

static uint64_t number(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    if (!json_is_number(value)) printf("a case without %s\n", key);
    return json_is_real(value) ? (uint64_t)json_real_value(value) : (uint64_t)json_integer_value(value);
}

static bool flag(const json_t *row, const char *key) { return json_is_true(json_object_get(row, key)); }
static bool is_kind(const json_t *row, const char *kind)
{
    return strcmp(vector_text(row, "kind"), kind) == 0;
}

static support_resources_t resources_of(const json_t *row)
{
    return (support_resources_t){.hru = number(row, "hru") * GIB,
                                 .sru = number(row, "sru") * GIB,
                                 .cru = number(row, "cru"),
                                 .mru = number(row, "mru") * GIB};
}

/* ------------------------------------------------------------------------- setting up a case */

/* make_node joins a farm: the machine that a rent is for, or any. */
static uint32_t make_node(const json_t *row)
{
    tfgrid_create_node_args_t args = world_node_args(1);
    if (is_kind(row, "rent")) args.resources = resources_of(row);
    world_twin(&node_account);
    world_writer.len = 0;
    tfgrid_create_node_call_encode(&world_writer, &args);
    if (world_apply_written(from(&node_account)) != DISPATCH_OK) printf("no node\n");
    if (flag(row, "certified"))
        (void)ROOT(tfgrid_set_node_certification, .node_id = 1,
                   .node_certification = SUPPORT_NODE_CERTIFICATION_CERTIFIED);
    if (number(row, "fee") > 0)
        (void)CALL(farmer, smart_contract_set_dedicated_node_extra_fee, .node_id = 1,
                   .extra_fee = number(row, "fee"));
    return 1;
}

static void set_prices(const json_t *row)
{
    tfgrid_pricing_policy_t policy;
    tft_price_average_tft_price_put(rt, (uint32_t)number(row, "average"));
    tft_price_min_tft_price_put(rt, (uint32_t)number(row, "least"));
    tft_price_max_tft_price_put(rt, (uint32_t)number(row, "most"));
    if (!tfgrid_pricing_policies_get(rt, 1, &policy)) return;
    policy.discount_for_dedication_nodes = (uint8_t)number(row, "discount");
    tfgrid_pricing_policies_put(rt, 1, &policy);
}

static dispatch_t make_contract(const json_t *row, uint32_t node)
{
    if (is_kind(row, "name"))
        return CALL(alice, smart_contract_create_name_contract, .name = BYTES("a-name"));
    if (is_kind(row, "rent") || is_kind(row, "tenant"))
        TRY(CALL(alice, smart_contract_create_rent_contract, .node_id = node));
    if (is_kind(row, "rent")) return DISPATCH_OK;
    return CALL(alice, smart_contract_create_node_contract, .node_id = node, .deployment_hash = {{1}},
                .public_ips = (uint32_t)number(row, "ips"));
}

static void report_use(const json_t *row, uint64_t id)
{
    smart_contract_nru_consumption_t traffic[] = {
        {id, world_now_s(), number(row, "window"), number(row, "nru")}
    };
    if (!is_kind(row, "node") && !is_kind(row, "tenant")) return;
    world_use(&node_account, id, resources_of(row));
    if (number(row, "nru") > 0)
        (void)CALL(node_account, smart_contract_add_nru_reports, .reports = {traffic, 1});
}

/* set_up gives the id of the contract that the case is about. */
static uint64_t set_up(const json_t *row)
{
    world_start();
    world_farm(&farmer, BYTES("farm"), 3);
    world_twin(&alice);
    const uint32_t node = make_node(row);
    if (make_contract(row, node) != DISPATCH_OK) printf("no contract\n");
    const uint64_t id = smart_contract_contract_id_get(rt);
    report_use(row, id);
    set_prices(row);
    return id;
}

/* -------------------------------------------------------------------------------- one bill */

static void give_bond(const json_t *row)
{
    if (number(row, "bond") == 0) return;
    (void)CALL(bob, tfgrid_bond_twin_account, .twin_id = world_twin(&alice));
    world_set_free(&bob, number(row, "bond"));
}

/* billed_as tells whether the bill's event says what the case does. */
static bool billed_as(const json_t *row)
{
    const runtime_event_t *paid = world_event(CONTRACTS, BILLED, 0),
                          *owed = world_event(CONTRACTS, OVERDRAWN, 0);
    if (number(row, "due") + number(row, "extra") == 0) return !paid && !owed;
    if (flag(row, "funded"))
        return paid && !owed && paid->smart_contract.contract_billed.amount_billed == number(row, "taken") &&
               paid->smart_contract.contract_billed.discount_level == number(row, "level");
    return owed && !paid &&
           owed->smart_contract.contract_payment_overdrawn.partially_billed_amount == number(row, "taken") &&
           owed->smart_contract.contract_payment_overdrawn.overdraft ==
               number(row, "due") + number(row, "extra") - number(row, "taken");
}

static bool held_as(const json_t *row, uint64_t id)
{
    const payment_t payment = payment_of(id);
    return payment.standard_reserve == number(row, "held") &&
           payment.additional_reserve == number(row, "extra_held") &&
           payment.standard_overdraft == number(row, "due") - number(row, "held") &&
           payment.additional_overdraft == number(row, "extra") - number(row, "extra_held");
}

static bool paid_as(const json_t *row, uint64_t id)
{
    const u128_t before[] = {world_free(&staking_pool), world_free(&farmer), world_free(&foundation)};
    if (cancel(&alice, id) != DISPATCH_OK) return false;
    return world_free(&staking_pool) - before[0] == number(row, "staking") &&
           world_free(&farmer) - before[1] == number(row, "farmer") &&
           world_free(&foundation) - before[2] == number(row, "foundation") && is_gone(id);
}

static bool bill_is_so(const json_t *row)
{
    const uint64_t id = set_up(row);
    world_skip(10, number(row, "seconds"));
    give_bond(row);
    world_set_free(&alice, number(row, "balance"));
    if (bill(&bob, id) != DISPATCH_OK || !billed_as(row) || !held_as(row, id)) return false;
    if (!paid_as(row, id)) return false;
    tft_price_min_tft_price_put(rt, 10); /* a case may have put it above the greatest */
    tft_price_max_tft_price_put(rt, 1000);
    return world_is_sound();
}

TEST(each_bill_is_what_the_rules_say)
{
    json_t *vectors    = vectors_load("bill-vectors.json");
    const json_t *rows = json_object_get(vectors, "bills");
    OK(json_array_size(rows) >= 200);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const bool is_so  = bill_is_so(row);
        if (!is_so)
            printf("case %zu, %s: %s\n  billed %lld\n", i, vector_text(row, "name"),
                   vector_text(row, "arithmetic"), (long long)billed());
        OK(is_so);
    }
    json_decref(vectors);
}

/* -------------------------------------------------------------------------------- many bills */

static void take_step(const json_t *step)
{
    const char *power = vector_text(step, "power");
    world_skip((uint32_t)number(step, "blocks"), number(step, "seconds"));
    if (power[0])
        (void)CALL(node_account, tfgrid_change_power_state,
                   .power_state = strcmp(power, "up") == 0 ? SUPPORT_POWER_UP : SUPPORT_POWER_DOWN);
    if (json_integer_value(json_object_get(step, "balance")) >= 0)
        world_set_free(&alice, number(step, "balance"));
}

static bool rewarded_as(const json_t *step)
{
    const runtime_event_t *reward = world_event(CONTRACTS, REWARD, 0);
    u128_t sum                    = 0;
    if (reward)
        sum = reward->smart_contract.reward_distributed.standard_rewards +
              reward->smart_contract.reward_distributed.additional_rewards;
    return sum == number(step, "rewarded");
}

static bool step_is_so(const json_t *step, uint64_t id)
{
    take_step(step);
    const u128_t had = world_free(&alice) + world_reserved(&alice), held = world_reserved(&alice);
    if (bill(&bob, id) != DISPATCH_OK || !rewarded_as(step)) return false;
    const u128_t taken = world_reserved(&alice) + number(step, "rewarded") - held;
    if (taken != number(step, "taken") || world_free(&alice) > had) return false;
    if (flag(step, "gone")) return is_gone(id) && world_event_count(CONTRACTS, GRACE_ELAPSED) == 1;
    const payment_t payment = payment_of(id);
    return payment.standard_reserve == number(step, "held") &&
           payment.additional_reserve == number(step, "extra_held") &&
           payment.standard_overdraft == number(step, "debt") &&
           payment.additional_overdraft == number(step, "extra_debt") &&
           payment.cycles == number(step, "cycles") && is_in_grace(id) == flag(step, "in_grace") &&
           world_is_sound();
}

TEST(bills_follow_each_other_as_the_rules_say)
{
    json_t *vectors       = vectors_load("bill-vectors.json");
    const json_t *stories = json_object_get(vectors, "stories");
    uint32_t steps        = 0;
    for (size_t i = 0; i < json_array_size(stories); i++) {
        const json_t *story = json_array_get(stories, i), *list = json_object_get(story, "steps");
        const uint64_t id = set_up(story);
        for (size_t j = 0; j < json_array_size(list); j++, steps++) {
            const json_t *step = json_array_get(list, j);
            const bool is_so   = step_is_so(step, id);
            if (!is_so) {
                const payment_t payment = payment_of(id);
                printf("%s, step %zu: %s\n  held %llu + %llu, owed %llu + %llu, cycle %u\n",
                       vector_text(story, "name"), j, vector_text(step, "arithmetic"),
                       (unsigned long long)payment.standard_reserve,
                       (unsigned long long)payment.additional_reserve,
                       (unsigned long long)payment.standard_overdraft,
                       (unsigned long long)payment.additional_overdraft, payment.cycles);
            }
            OK(is_so);
        }
    }
    OK(steps >= 90);
    json_decref(vectors);
}

TEST_MAIN()
