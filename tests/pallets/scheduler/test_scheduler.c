/* test_scheduler.c - calls that run by themselves in a later block. */
#include "blocks.h"
#include "test.h"

static uint8_t memory[1 << 20];
static arena_t arena;

static void start(void)
{
    blocks_start();
    block_open();
    arena = (arena_t){memory, sizeof memory, 0};
}

static void next_block(void)
{
    (void)block_close();
    block_open();
}

static runtime_call_t *call(bytes_t encoded)
{
    bytes_t kept;
    (void)arena_copy(&arena, encoded, &kept);
    scale_reader_t r = scale_reader(kept, &arena);
    return runtime_call_take(&r);
}

static runtime_call_t *price(uint32_t price_)
{
    return call(CALL_BYTES(tfgrid_set_connection_price, .price = price_));
}

static bool told(const char *names) { return strstr(event_names(PHASE_INITIALIZATION), names) != NULL; }

TEST(only_root_schedules)
{
    start();
    runtime_call_t *later = price(5);
    EQ(APPLY(alice, scheduler_schedule, .when = 10, .call = later), VALID);
    EQ(last_result, DISPATCH_BAD_ORIGIN);
    blocks_stop();
}

TEST(a_call_runs_in_its_block)
{
    start();
    scheduler_schedule_args_t args = {.when = 3, .call = price(5)};
    EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    next_block();
    EQ(tfgrid_connection_price_get(&rt), 80);
    next_block();
    EQ(tfgrid_connection_price_get(&rt), 5);
    OK(told("TfgridModule.ConnectionPriceSet Scheduler.Dispatched"));
    OK(!scheduler_agenda_exists(&rt, 3));
    args.when = 3;
    EQ(scheduler_schedule(&rt, &args), SCHEDULER_TARGET_BLOCK_NUMBER_IN_PAST);
    blocks_stop();
}

TEST(after_no_block_is_the_next)
{
    start();
    scheduler_schedule_after_args_t args = {.after = 0, .call = price(6)};
    EQ(scheduler_schedule_after(&rt, &args), DISPATCH_OK);
    next_block();
    EQ(tfgrid_connection_price_get(&rt), 6);
    blocks_stop();
}

TEST(tasks_run_by_priority)
{
    start();
    scheduler_schedule_args_t args = {.when = 2, .priority = 9, .call = price(1)};
    EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    args.priority = 3, args.call = price(2);
    EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    args.priority = 9, args.call = price(3);
    EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    next_block();
    EQ(tfgrid_connection_price_get(&rt), 3); /* 2, 1, 3 */
    blocks_stop();
}

TEST(a_periodic_call_runs_so_often)
{
    start();
    scheduler_schedule_args_t args = {
        .when = 2, .maybe_periodic = {.some = true, .value = {.f0 = 2, .f1 = 3}},
             .call = price(4)
    };
    EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    uint32_t ran = 0;
    for (uint32_t i = 0; i < 12; i++) {
        next_block();
        ran += told("Scheduler.Dispatched");
    }
    EQ(ran, 3);
    OK(!scheduler_agenda_exists(&rt, 8));
    blocks_stop();
}

TEST(a_named_call_is_one_and_can_be_cancelled)
{
    start();
    scheduler_schedule_named_args_t args = {.id = {{1, 2, 3}}, .when = 5, .call = price(4)};
    EQ(scheduler_schedule_named(&rt, &args), DISPATCH_OK);
    EQ(scheduler_schedule_named(&rt, &args), SCHEDULER_FAILED_TO_SCHEDULE);
    scheduler_cancel_named_args_t name = {.id = args.id};
    EQ(scheduler_cancel_named(&rt, &name), DISPATCH_OK);
    EQ(scheduler_cancel_named(&rt, &name), SCHEDULER_NOT_FOUND);
    OK(!scheduler_agenda_exists(&rt, 5));
    for (uint32_t i = 0; i < 6; i++)
        next_block();
    EQ(tfgrid_connection_price_get(&rt), 80);
    blocks_stop();
}

TEST(a_failing_call_is_over_and_told)
{
    start();
    runtime_call_t *fails = call(CALL_BYTES(tfgrid_set_farm_dedicated, .farm_id = 99, .dedicated = true));
    scheduler_schedule_args_t args = {.when = 2, .call = fails};
    EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    next_block();
    OK(told("Scheduler.Dispatched"));
    system_event_record_vec_t records = events();
    for (uint32_t i = 0; i < records.len; i++)
        if (records.items[i].event->pallet == SCHEDULER_PALLET)
            OK(!records.items[i].event->scheduler.dispatched.result.is_ok);
    blocks_stop();
}

TEST(an_agenda_is_full_at_fifty)
{
    start();
    scheduler_schedule_args_t args = {.when = 2, .call = price(1)};
    for (uint32_t i = 0; i < 50; i++)
        EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    EQ(scheduler_schedule(&rt, &args), DISPATCH_EXHAUSTED);
    scheduler_cancel_args_t place = {.when = 2, .index = 7};
    EQ(scheduler_cancel(&rt, &place), DISPATCH_OK);
    EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    blocks_stop();
}

TEST(a_long_call_is_refused)
{
    start();
    static const uint8_t text[200] = {0};
    runtime_call_t *remark         = call(CALL_BYTES(system_remark, .remark = {text, sizeof text}));
    scheduler_schedule_args_t args = {.when = 2, .call = remark};
    EQ(scheduler_schedule(&rt, &args), DISPATCH_EXHAUSTED);
    blocks_stop();
}

TEST(what_is_too_heavy_waits_for_the_next_block)
{
    start();
    runtime_call_t *heavy =
        call(CALL_BYTES(council_close, .proposal_weight_bound = {.ref_time = UINT64_C(1000000000000)}));
    scheduler_schedule_args_t args = {.when = 2, .call = heavy};
    EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    EQ(scheduler_schedule(&rt, &args), DISPATCH_OK);
    next_block();
    OK(told("Scheduler.Dispatched"));
    OK(scheduler_agenda_exists(&rt, 2));
    uint32_t since;
    OK(scheduler_incomplete_since_get(&rt, &since));
    EQ(since, 2);
    next_block();
    OK(told("Scheduler.Dispatched"));
    OK(!scheduler_agenda_exists(&rt, 2));
    OK(!scheduler_incomplete_since_exists(&rt));
    blocks_stop();
}

TEST_MAIN()
