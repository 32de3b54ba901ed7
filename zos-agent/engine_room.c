/* engine_room.c - what the node has, what of it is given away, and whether there is room for more. */
#include "engine_internal.h"

#include <stdio.h>

#define GIB (UINT64_C(1) << 30)

/* ---- sums ---- */

capacity_t plan_system(const engine_t *engine)
{
    capacity_t system = engine->config.reserved;
    uint64_t total = engine->config.total.mru, tenth = total / 10, least = 2 * GIB;
    uint64_t mru = tenth > least ? tenth : least;
    if (system.mru == 0)
        system.mru = mru < total / 4 ? mru : total / 4; /* a small node has something to offer */
    return system;
}

/* A percentage of what there is.  What a machine has is far below 2^57. */
static uint64_t part(uint64_t total, uint32_t percent)
{
    return percent == 0 || percent == 100 ? total : total / 100 * percent + total % 100 * percent / 100;
}

capacity_t plan_limit(const engine_t *engine)
{
    const capacity_t *total  = &engine->config.total;
    const overcommit_t *over = &engine->config.overcommit;
    return (capacity_t){.cru   = part(total->cru, over->cru),
                        .mru   = part(total->mru, over->mru),
                        .sru   = part(total->sru, over->sru),
                        .hru   = part(total->hru, over->hru),
                        .ipv4u = total->ipv4u};
}

/* What it takes of the node: what is sold of it, and what it needs beside that. */
static capacity_t taken_by(const record_t *record)
{
    capacity_t sum = workload_capacity(record->workload), beside = zdb_beside(record->workload);
    sum.mru += beside.mru;
    sum.hru += beside.hru;
    return sum;
}

static void add_capacity(capacity_t *sum, const record_t *record)
{
    capacity_t one = taken_by(record);
    sum->cru += one.cru;
    sum->mru += one.mru;
    sum->sru += one.sru;
    sum->hru += one.hru;
    sum->ipv4u += one.ipv4u;
}

bool plan_is_held(const record_t *record)
{
    return record_is_active(record) && (record->state != WORKLOAD_INIT || record->is_made);
}

capacity_t plan_held(const engine_t *engine, const record_t *with)
{
    capacity_t sum = plan_system(engine);
    for (const entry_t *entry = engine->entries; entry; entry = entry->next)
        for (const record_t *record = entry->records; record; record = record->next)
            if (record != with && plan_is_held(record)) add_capacity(&sum, record);
    if (with) add_capacity(&sum, with);
    return sum;
}

/* ---- answers ---- */

static host_result_t no_cores(uint64_t wanted, uint64_t limit, uint64_t system, uint64_t held)
{
    uint64_t left = held < limit ? limit - held : 0;
    return host_fail(
        HOST_REFUSED,
        "not enough cores left on this node: %llu asked for, %llu free (of %llu; %llu kept for the "
        "system, %llu in use)",
        (unsigned long long)wanted, (unsigned long long)left, (unsigned long long)limit,
        (unsigned long long)system, (unsigned long long)(held - system));
}

static host_result_t no_bytes(const char *what, uint64_t wanted, uint64_t limit, uint64_t system,
                              uint64_t held)
{
    uint64_t left = held < limit ? limit - held : 0;
    return host_fail(
        HOST_REFUSED,
        "not enough %s left on this node: %.2f GiB asked for, %.2f GiB free (of %.2f; %.2f kept for "
        "the system, %.2f in use)",
        what, (double)wanted / (double)GIB, (double)left / (double)GIB, (double)limit / (double)GIB,
        (double)system / (double)GIB, (double)(held - system) / (double)GIB);
}

/* What the machine has left counts, too: programs that are none of ours take memory. */
static host_result_t check_machine(const engine_t *engine, uint64_t wanted)
{
    if (wanted == 0 || !engine->config.memory_free) return host_ok();
    uint64_t left = engine->config.memory_free(engine->config.context);
    if (wanted <= left) return host_ok();
    return host_fail(
        HOST_REFUSED,
        "not enough memory left on this node: %.2f GiB asked for, the machine itself has %.2f GiB left",
        (double)wanted / (double)GIB, (double)left / (double)GIB);
}

host_result_t plan_admit(const engine_t *engine, const record_t *record)
{
    host_result_t apart = plan_is_apart(engine, record);
    if (apart.status != HOST_OK) return apart;
    const capacity_t own = taken_by(record), limit = plan_limit(engine), system = plan_system(engine),
                     sum = plan_held(engine, record);
    bool is_shared = engine->config.overcommit.cru == 0; /* cores: one may have all, and all the same ones */
    uint64_t cores = is_shared ? own.cru + system.cru : sum.cru;
    if (own.cru > 0 && cores > limit.cru) return no_cores(own.cru, limit.cru, system.cru, cores - own.cru);
    if (own.mru > 0 && sum.mru > limit.mru)
        return no_bytes("memory", own.mru, limit.mru, system.mru, sum.mru - own.mru);
    if (own.sru > 0 && sum.sru > limit.sru)
        return no_bytes("disk (SSD)", own.sru, limit.sru, system.sru, sum.sru - own.sru);
    if (own.hru > 0 && sum.hru > limit.hru)
        return no_bytes("disk (HDD)", own.hru, limit.hru, system.hru, sum.hru - own.hru);
    return check_machine(engine, own.mru);
}

host_result_t plan_can_grow(const engine_t *engine, uint64_t more)
{
    const capacity_t limit = plan_limit(engine), system = plan_system(engine), held = plan_held(engine, NULL);
    if (more == 0 || (held.sru <= limit.sru && more <= limit.sru - held.sru)) return host_ok();
    return no_bytes("disk (SSD)", more, limit.sru, system.sru, held.sru);
}
