/* engine_lanes.c - which jobs may be out at the same time.
 *
 * Of one deployment there is one at most, so that its steps keep their order.  What all deployments share
 * (networks, the packet filter, the gateway, the counters) is changed by one job at a time, from a plan that
 * was made when it went out: a later plan cannot be overtaken by an older one.  Making and taking away have
 * lanes of their own: who is to go never waits for who is being made. */
#include "engine_internal.h"

static lane_t lane_of(job_kind_t kind)
{
    switch (kind) {
    case JOB_DISK:
    case JOB_MACHINE:
    case JOB_ZDB:
    case JOB_LOGS:
    case JOB_RESTORE_DISK: return LANE_MAKE;
    case JOB_PAUSE_LOGS:
    case JOB_DROP_MACHINE:
    case JOB_DROP_ZDB:
    case JOB_DROP_LOGS:
    case JOB_DROP_DISK:
    case JOB_EMPTY_TRASH: return LANE_DROP;
    case JOB_NETWORK:
    case JOB_OPEN:
    case JOB_CLOSE:
    case JOB_PAUSE:
    case JOB_GATEWAY:
    case JOB_PAUSE_GATEWAY:
    case JOB_DROP_GATEWAY:
    case JOB_DROP_NETWORK:
    case JOB_METER:
    case JOB_SWEEP: return LANE_SHARED;
    case JOB_REST: break;
    }
    return LANE_ALONE;
}

uint32_t engine_lanes(const engine_t *engine)
{
    uint32_t lanes = engine->config.lanes;
    return lanes == 0 ? ENGINE_LANES : lanes < ENGINE_LANES_MAX ? lanes : ENGINE_LANES_MAX;
}

uint32_t engine_jobs_max(const engine_t *engine) { return 2 * engine_lanes(engine) + 1; }

bool entry_is_out(const engine_t *engine, uint64_t contract_id)
{
    for (uint32_t i = 0; i < ENGINE_SEATS && contract_id != 0; i++)
        if (engine->seats[i].is_out && engine->seats[i].contract_id == contract_id) return true;
    return false;
}

bool lane_is_free(const engine_t *engine, job_kind_t kind, uint64_t contract_id)
{
    lane_t lane     = lane_of(kind);
    uint32_t beside = 0, all = 0, most = lane == LANE_SHARED ? 1 : engine_lanes(engine);
    for (uint32_t i = 0; i < ENGINE_SEATS; i++) {
        const seat_t *seat = &engine->seats[i];
        if (!seat->is_out) continue;
        if (seat->lane == LANE_ALONE) return false;
        all++;
        beside += seat->lane == lane;
    }
    return lane == LANE_ALONE ? all == 0 : beside < most && !entry_is_out(engine, contract_id);
}

void seat_take(engine_t *engine, job_t *job)
{
    uint32_t free_seat = 0;
    while (engine->seats[free_seat].is_out) /* there are as many as lanes let out */
        free_seat++;
    job->seat                = free_seat;
    engine->seats[free_seat] = (seat_t){true, lane_of(job->kind), job->contract_id};
}

void seat_leave(engine_t *engine, const job_t *job) { engine->seats[job->seat].is_out = false; }

uint32_t engine_jobs_out(const engine_t *engine)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ENGINE_SEATS; i++)
        count += engine->seats[i].is_out;
    return count;
}

bool engine_is_busy(const engine_t *engine) { return engine_jobs_out(engine) > 0; }

bool engine_is_unwanted(const engine_t *engine, const job_t *job)
{
    if (lane_of(job->kind) != LANE_MAKE || job->kind == JOB_RESTORE_DISK) return false;
    const entry_t *entry   = entry_find(engine, job->contract_id);
    const record_t *record = entry ? record_find(entry, job->name) : NULL;
    return !record || plan_is_going(record) || entry->desired != DESIRED_RUN;
}
