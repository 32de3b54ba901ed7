/* scheduler.c - calls that run by themselves in a later block (spec tfgrid 1.7, pallet-scheduler of v1.0.0).
 *
 * A block has an agenda of 50 tasks at most; they run by priority, lower numbers first, as far as their
 * weight allows.  What did not run keeps its place, and IncompleteSince tells where to go on.  There are no
 * preimages: a call is at most 128 bytes. */
#include "scheduler_pallet.h"

#include "../utility/nested.h"
#include "checked.h"
#include "runtime_call.h"
#include "system_pallet.h"

#include <string.h>

enum { CALL_LEN_MAX = 128 };

/* Four fifths of what a block may weigh. */
#define BLOCK_WEIGHT  UINT64_C(1600000000000)
#define BLOCK_PROOF   (UINT64_MAX / 5 * 4)
#define BASE_WEIGHT   (UINT64_C(5000000) + 2 * (WEIGHT_READ + WEIGHT_WRITE))
#define AGENDA_WEIGHT (UINT64_C(7000000) + WEIGHT_READ + WEIGHT_WRITE)
#define TASK_WEIGHT   (UINT64_C(10000000) + WEIGHT_READ + 2 * WEIGHT_WRITE)

typedef scheduler_scheduled_opt_vec_t agenda_t;
typedef enum { TASK_RAN, TASK_UNAVAILABLE, TASK_TOO_HEAVY } task_result_t;

/* ------------------------------------------------------------------ agendas */

static dispatch_t add_task(rt_t *rt, uint32_t when, const scheduler_scheduled_t *task)
{
    agenda_t agenda;
    scheduler_agenda_get(rt, when, &agenda);
    agenda_t all = {.items = arena_take(&rt->arena, (agenda.len + 1) * (uint32_t)sizeof *all.items),
                    .len   = agenda.len};
    if (!all.items) {
        rt_fault(rt, "no memory for an agenda");
        return DISPATCH_EXHAUSTED;
    }
    if (agenda.len > 0) memcpy(all.items, agenda.items, agenda.len * sizeof *all.items);
    uint32_t at = agenda.len;
    if (at >= SCHEDULER_MAX_SCHEDULED_PER_BLOCK)
        for (at = 0; at < all.len && all.items[at].some;)
            at++;
    ENSURE(at < SCHEDULER_MAX_SCHEDULED_PER_BLOCK, DISPATCH_EXHAUSTED);
    all.items[at] = (scheduler_scheduled_opt_t){.some = true, .value = *task};
    if (at == all.len) all.len++;

    scheduler_agenda_put(rt, when, all);
    if (task->maybe_id.some) {
        u32_u32_t address = {when, at};
        scheduler_lookup_put(rt, &task->maybe_id.value, &address);
    }
    scheduler_emit_scheduled(rt, when, at);
    return DISPATCH_OK;
}

/* keep_agenda puts an agenda without the empty places at its end. */
static void keep_agenda(rt_t *rt, uint32_t when, agenda_t agenda)
{
    while (agenda.len > 0 && !agenda.items[agenda.len - 1].some)
        agenda.len--;
    if (agenda.len > 0)
        scheduler_agenda_put(rt, when, agenda);
    else
        scheduler_agenda_remove(rt, when);
}

/* ------------------------------------------------------------------ calls */

static dispatch_t schedule(rt_t *rt, uint32_t when, const bytes32_t *id, u32_u32_opt_t periodic,
                           uint8_t priority, const runtime_call_t *call)
{
    ENSURE(when > system_number_get(rt), SCHEDULER_TARGET_BLOCK_NUMBER_IN_PAST);
    ENSURE(call->encoded.len <= CALL_LEN_MAX, DISPATCH_EXHAUSTED);

    scheduler_scheduled_t task = {
        .priority = priority,
        .call     = {.kind = SCHEDULER_BOUNDED_CALL_INLINE, .inline_ = call->encoded                      },
        .origin   = {.kind = SUPPORT_ORIGIN_CALLER_SYSTEM,  .system = {.kind = SUPPORT_SYSTEM_ORIGIN_ROOT}},
    };
    if (id) task.maybe_id = (bytes32_opt_t){.some = true, .value = *id};
    if (periodic.some && periodic.value.f0 > 0 && periodic.value.f1 > 1) {
        task.maybe_periodic = periodic;
        task.maybe_periodic.value.f1--; /* the first time is not a repetition */
    }
    return add_task(rt, when, &task);
}

static uint32_t blocks_from_now(rt_t *rt, uint32_t after)
{
    return u32_add_sat(u32_add_sat(system_number_get(rt), after), 1);
}

static dispatch_t schedule_named(rt_t *rt, uint32_t when, const bytes32_t *id, u32_u32_opt_t periodic,
                                 uint8_t priority, const runtime_call_t *call)
{
    ENSURE(!scheduler_lookup_exists(rt, id), SCHEDULER_FAILED_TO_SCHEDULE);
    return schedule(rt, when, id, periodic, priority, call);
}

dispatch_t scheduler_schedule(rt_t *rt, const scheduler_schedule_args_t *args)
{
    return schedule(rt, args->when, NULL, args->maybe_periodic, args->priority, args->call);
}

dispatch_t scheduler_schedule_after(rt_t *rt, const scheduler_schedule_after_args_t *args)
{
    return schedule(rt, blocks_from_now(rt, args->after), NULL, args->maybe_periodic, args->priority,
                    args->call);
}

dispatch_t scheduler_schedule_named(rt_t *rt, const scheduler_schedule_named_args_t *args)
{
    return schedule_named(rt, args->when, &args->id, args->maybe_periodic, args->priority, args->call);
}

dispatch_t scheduler_schedule_named_after(rt_t *rt, const scheduler_schedule_named_after_args_t *args)
{
    return schedule_named(rt, blocks_from_now(rt, args->after), &args->id, args->maybe_periodic,
                          args->priority, args->call);
}

dispatch_t scheduler_cancel(rt_t *rt, const scheduler_cancel_args_t *args)
{
    agenda_t agenda;
    scheduler_agenda_get(rt, args->when, &agenda);
    ENSURE(args->index < agenda.len && agenda.items[args->index].some, SCHEDULER_NOT_FOUND);
    scheduler_scheduled_opt_t *place = &agenda.items[args->index];

    if (place->value.maybe_id.some) scheduler_lookup_remove(rt, &place->value.maybe_id.value);
    place->some = false;
    keep_agenda(rt, args->when, agenda);

    scheduler_emit_canceled(rt, args->when, args->index);
    return DISPATCH_OK;
}

dispatch_t scheduler_cancel_named(rt_t *rt, const scheduler_cancel_named_args_t *args)
{
    u32_u32_t address;
    ENSURE(scheduler_lookup_get(rt, &args->id, &address), SCHEDULER_NOT_FOUND);
    scheduler_cancel_args_t place = {.when = address.f0, .index = address.f1};
    return scheduler_cancel(rt, &place);
}

/* ------------------------------------------------------------------ the hook */

/* What the tasks of this block may still weigh. */
typedef struct {
    weight_t left;
    uint32_t ran;
} meter_t;

static bool meter_fits(const meter_t *meter, weight_t weight)
{
    return weight.ref_time <= meter->left.ref_time && weight.proof_size <= meter->left.proof_size;
}

static bool meter_take(meter_t *meter, weight_t weight)
{
    if (!meter_fits(meter, weight)) return false;
    meter->left.ref_time -= weight.ref_time;
    meter->left.proof_size -= weight.proof_size;
    return true;
}

/* again puts a periodic task into the agenda of its next time. */
static void again(rt_t *rt, u32_u32_t address, scheduler_scheduled_t *task)
{
    if (!task->maybe_periodic.some) return;
    uint32_t next = u32_add_sat(system_number_get(rt), task->maybe_periodic.value.f0);
    if (task->maybe_periodic.value.f1 > 1)
        task->maybe_periodic.value.f1--;
    else
        task->maybe_periodic.some = false;
    if (add_task(rt, next, task) != DISPATCH_OK)
        scheduler_emit_periodic_failed(rt, &address, &task->maybe_id);
}

/* call_of reads the call of a task; NULL when it has none that this runtime knows. */
static const runtime_call_t *call_of(rt_t *rt, const scheduler_scheduled_t *task)
{
    if (task->call.kind != SCHEDULER_BOUNDED_CALL_INLINE) return NULL;
    scale_reader_t r           = scale_reader(task->call.inline_, &rt->arena);
    const runtime_call_t *call = runtime_call_take(&r);
    return scale_done(&r) ? call : NULL;
}

static task_result_t run_task(rt_t *rt, meter_t *meter, u32_u32_t address, scheduler_scheduled_t *task)
{
    const runtime_call_t *call = call_of(rt, task);
    if (task->maybe_id.some) scheduler_lookup_remove(rt, &task->maybe_id.value);
    if (!call) {
        scheduler_emit_call_unavailable(rt, &address, &task->maybe_id);
        return TASK_UNAVAILABLE;
    }
    if (!meter_take(meter, runtime_call_dispatch_info(call).weight)) {
        if (meter->ran > 0) return TASK_TOO_HEAVY;
        scheduler_emit_permanently_overweight(rt, &address, &task->maybe_id);
        return TASK_UNAVAILABLE;
    }
    support_dispatch_error_result_t result =
        support_dispatch_result_from(call_run(rt, &(origin_t){.kind = ORIGIN_ROOT}, call));
    scheduler_emit_dispatched(rt, &address, &task->maybe_id, &result);
    again(rt, address, task);
    meter->ran++;
    return TASK_RAN;
}

/* first_of finds the task that runs next: of the lowest priority number, the first. */
static bool first_of(agenda_t agenda, const bool done[], uint32_t *at)
{
    bool found = false;
    for (uint32_t i = 0; i < agenda.len; i++) {
        if (!agenda.items[i].some || done[i]) continue;
        if (!found || agenda.items[i].value.priority < agenda.items[*at].value.priority) *at = i;
        found = true;
    }
    return found;
}

/* run_agenda runs what it can of one agenda; false when some of it has to wait. */
static bool run_agenda(rt_t *rt, meter_t *meter, uint32_t when)
{
    agenda_t agenda;
    bool done[SCHEDULER_MAX_SCHEDULED_PER_BLOCK] = {false}, waits = false, keeps = false;
    scheduler_agenda_get(rt, when, &agenda);
    if (agenda.len == 0) return true;
    for (uint32_t at = 0; !waits && first_of(agenda, done, &at);) {
        done[at] = true;
        if (!meter_take(meter, (weight_t){TASK_WEIGHT, 0})) {
            waits = true;
            break;
        }
        task_result_t result = run_task(rt, meter, (u32_u32_t){when, at}, &agenda.items[at].value);
        if (result == TASK_RAN) agenda.items[at].some = false;
        waits = result == TASK_TOO_HEAVY;
        keeps = keeps || result == TASK_UNAVAILABLE;
    }
    if (waits || keeps)
        scheduler_agenda_put(rt, when, agenda);
    else
        scheduler_agenda_remove(rt, when);
    return !waits;
}

weight_t scheduler_on_initialize(rt_t *rt)
{
    const weight_t most = {BLOCK_WEIGHT, BLOCK_PROOF};
    meter_t meter       = {.left = most};
    uint32_t now = system_number_get(rt), when, waits_since = UINT32_MAX;
    bool had_waited = scheduler_incomplete_since_get(rt, &when);
    if (!had_waited) when = now;
    (void)meter_take(&meter, (weight_t){BASE_WEIGHT, 0});
    for (; when <= now && meter_take(&meter, (weight_t){AGENDA_WEIGHT, 0}); when++)
        if (!run_agenda(rt, &meter, when) && waits_since > when) waits_since = when;

    if (when <= now && waits_since > when) waits_since = when;
    if (waits_since <= now)
        scheduler_incomplete_since_put(rt, waits_since);
    else if (had_waited)
        scheduler_incomplete_since_remove(rt);
    return (weight_t){most.ref_time - meter.left.ref_time, most.proof_size - meter.left.proof_size};
}
