/* job.c - what a worker does. */
#include "job.h"
#include "logs.h"
#include "netlink.h"
#include "nft.h"
#include "zdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_ok(const host_result_t *result) { return result->status == HOST_OK; }

/* A port that one of our own machines has is told apart by the engine; here it is another program's. */
static host_result_t check_ports(const job_t *job)
{
    const network_plan_t *network = &job->network;
    for (uint32_t i = 0; i < network->guest_count && job->is_new; i++) {
        const guest_plan_t *guest = &network->guests[i];
        if (strcmp(guest->wid, job->wid) != 0) continue;
        for (uint32_t p = 0; p < guest->port_count; p++)
            if (!port_is_free(guest->ports[p].is_udp, guest->ports[p].host))
                return host_fail(HOST_REFUSED, "port %u is in use on this node", guest->ports[p].host);
    }
    return host_ok();
}

/* The rules of the machine's network, if that is still there, and of the host. */
static host_result_t apply_rules(const host_t *host, const job_t *job)
{
    host_result_t result = host_ok();
    if (job->network.prefix != 0) result = network_ensure(host, &job->network);
    return is_ok(&result) ? firewall_apply(host, &job->firewall) : result;
}

/* Its ports must be nobody else's when it is new: a database may move to others. */
static void run_open(const host_t *host, job_t *job)
{
    job->result        = check_ports(job);
    job->is_port_taken = !is_ok(&job->result);
    if (is_ok(&job->result)) job->result = apply_rules(host, job);
}

static void run_machine(const host_t *host, job_t *job)
{
    int code;
    bool is_there = job->is_known && machine_state(host, job->wid, &code) == MACHINE_RUNNING &&
                    machine_connect(host, job->wid).status == HOST_OK;
    job->is_lost = job->is_known && !is_there;
    if (job->is_lost)
        job->result = host_fail(HOST_WAITS, "is looked at anew");
    else if (!is_there)
        job->result = machine_ensure(host, &job->machine);
    if (is_ok(&job->result)) job->result = machine_pause(host, job->wid, false);
}

static void run_pause(const host_t *host, job_t *job)
{
    job->result = machine_pause(host, job->wid, true);
    if (is_ok(&job->result)) job->result = apply_rules(host, job);
}

/* ---- counters ---- */

static void see_count(void *context, const char *wid, uint64_t bytes, uint64_t born)
{
    job_t *job        = context;
    job_count_t *more = realloc(job->counts, (job->count_count + 1) * sizeof *more);
    if (!more) return;
    job->counts                  = more;
    more[job->count_count].bytes = bytes;
    more[job->count_count].born  = born;
    snprintf(more[job->count_count++].wid, sizeof more->wid, "%.*s", WID_LEN, wid);
}

static bool count_network(const host_t *host, const char *id, job_t *job)
{
    char name[32];
    network_namespace(host, id, name);
    int netns  = netns_open(name);
    bool is_ok = netns < 0 || nft_counters(netns, host->prefix, see_count, job);
    if (netns >= 0) close(netns);
    return is_ok;
}

/* No rule counts for it any more: what its counter says now is the last of it.  The counter itself goes with
 * the network, or with the next sweep: once this is in the database. */
static void run_close(const host_t *host, job_t *job)
{
    job->result = apply_rules(host, job);
    if (is_ok(&job->result) && job->network.prefix != 0 && !count_network(host, job->network.id, job))
        job->result = host_fail(HOST_LATER, "no counters");
}

static void run_drop_network(const host_t *host, job_t *job)
{
    (void)count_network(host, job->network.id, job);
    job->result = network_drop(host, job->network.id);
    if (is_ok(&job->result)) job->result = firewall_apply(host, &job->firewall);
}

static host_result_t drop_disk(const host_t *host, job_t *job)
{
    return job->trash[0] ? disk_trash(host, job->disk, job->trash, &job->is_kept)
                         : disk_drop(host, job->disk);
}

/* ---- databases ---- */

static void run_zdb(const host_t *host, job_t *job)
{
    int code;
    bool is_there = job->is_known && machine_state(host, job->wid, &code) == MACHINE_RUNNING &&
                    zdb_is_current(host, &job->machine) && machine_connect(host, job->wid).status == HOST_OK;
    if (!is_there) job->result = zdb_ensure(host, &job->machine, job->disk, job->disk_size);
    if (is_ok(&job->result)) job->result = machine_pause(host, job->wid, false);
}

static void run_drop_zdb(const host_t *host, job_t *job)
{
    job->result = machine_drop(host, job->wid);
    if (is_ok(&job->result)) job->result = network_drop(host, job->network.id);
    if (is_ok(&job->result)) job->result = drop_disk(host, job);
}

/* ---- gateways ---- */

static void count_gateways(const host_t *host, job_t *job, const char *only_wid)
{
    uint64_t bytes[GATEWAY_SLOTS], born = gateway_born(host);
    if (job->gateways.count == 0 || !gateway_counters(host, bytes)) return;
    for (uint32_t i = 0; i < job->gateways.count; i++) {
        const gateway_plan_t *gateway = &job->gateways.gateways[i];
        if (!only_wid || strcmp(gateway->wid, only_wid) == 0)
            see_count(job, gateway->wid, bytes[gateway->slot], born);
    }
}

/* A slot counts on when its workload changes: what it says before the first request of a new one is not his.
 */
static void run_gateway(const host_t *host, job_t *job)
{
    job->result = apply_rules(host, job);
    if (is_ok(&job->result) && job->is_new) count_gateways(host, job, job->wid);
    if (is_ok(&job->result)) job->result = gateway_apply(host, &job->gateways);
}

static void run_drop_gateway(const host_t *host, job_t *job)
{
    uint64_t bytes[GATEWAY_SLOTS], born = gateway_born(host);
    bool has_bytes = born && gateway_counters(host, bytes);
    if (has_bytes) see_count(job, job->wid, bytes[job->slot], born);
    job->result = gateway_apply(host, &job->gateways);
    if (is_ok(&job->result)) job->result = gateway_clear(host, job->slot);
    if (is_ok(&job->result)) job->result = apply_rules(host, job);
}

/* ---- sweep ---- */

static bool holds(const job_object_t *objects, uint32_t count, char kind, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (objects[i].kind == kind && strcmp(objects[i].name, name) == 0) return true;
    return false;
}

typedef struct {
    const job_t *job;
    job_object_t *found;
    uint32_t count;
} sweep_t;

static void see_object(void *context, char kind, const char *name)
{
    sweep_t *sweep = context;
    if (holds(sweep->job->objects, sweep->job->object_count, kind, name) ||
        holds(sweep->found, sweep->count, kind, name))
        return;
    job_object_t *more = realloc(sweep->found, (sweep->count + 1) * sizeof *more);
    if (!more) return;
    sweep->found            = more;
    more[sweep->count].kind = kind;
    snprintf(more[sweep->count++].name, sizeof more->name, "%s", name);
}

/* Counters of machines that are gone. */
static void sweep_counters(const host_t *host, const job_t *job)
{
    for (uint32_t i = 0; i < job->firewall.network_count; i++) {
        char name[32];
        job_t found = {0};
        network_namespace(host, job->firewall.networks[i].id, name);
        int netns = count_network(host, job->firewall.networks[i].id, &found) ? netns_open(name) : -1;
        for (uint32_t c = 0; c < found.count_count && netns >= 0; c++)
            if (!holds(job->objects, job->object_count, 'w', found.counts[c].wid))
                nft_drop_counter(netns, host->prefix, found.counts[c].wid);
        if (netns >= 0) close(netns);
        job_fini(&found);
    }
}

/* What somebody took away under us is made again, and what hung on it is tied to it: nothing is restarted. */
static void repair(const host_t *host, job_t *job)
{
    const firewall_plan_t *all = &job->firewall;
    for (uint32_t i = 0; i < all->network_count; i++) {
        const network_plan_t *network = &all->networks[i];
        if (!network_is_whole(host, network)) {
            job->repaired++;
            if (network_ensure(host, network).status != HOST_OK) continue;
        }
        for (uint32_t g = 0; g < network->guest_count; g++)
            machine_connect(host, network->guests[g].wid);
    }
    if (firewall_is_whole(host, all)) return;
    job->repaired += all->network_count > 0;
    firewall_apply(host, all);
}

static void run_sweep(const host_t *host, job_t *job)
{
    sweep_t sweep = {.job = job};
    host_list(host, see_object, &sweep);
    for (uint32_t i = 0; i < sweep.count; i++) {
        const job_object_t *object = &sweep.found[i];
        if (holds(job->suspects, job->suspect_count, object->kind, object->name))
            job->dropped += host_drop(host, object->kind, object->name).status == HOST_OK;
    }
    sweep_counters(host, job);
    repair(host, job);
    if (job->gateways.count == 0) gateway_stop(host);
    free(job->suspects);
    job->suspects      = sweep.found;
    job->suspect_count = sweep.count;
    job->result        = host_ok();
}

/* ---- meter ---- */

static void run_meter(const host_t *host, job_t *job)
{
    count_gateways(host, job, NULL);
    for (uint32_t i = 0; i < job->firewall.network_count; i++)
        if (!count_network(host, job->firewall.networks[i].id, job))
            job->result = host_fail(HOST_LATER, "no counters");
}

void job_run(const host_t *host, job_t *job)
{
    switch (job->kind) {
    case JOB_DISK: job->result = disk_ensure(host, job->disk, job->disk_size, job->disk_owner); return;
    case JOB_NETWORK: job->result = apply_rules(host, job); return;
    case JOB_OPEN: run_open(host, job); return;
    case JOB_MACHINE: run_machine(host, job); return;
    case JOB_PAUSE: run_pause(host, job); return;
    case JOB_ZDB: run_zdb(host, job); return;
    case JOB_DROP_ZDB: run_drop_zdb(host, job); return;
    case JOB_LOGS: job->result = logs_ensure(host, &job->logs); return;
    case JOB_PAUSE_LOGS: job->result = machine_stop(host, job->wid); return;
    case JOB_DROP_LOGS:
    case JOB_DROP_MACHINE: job->result = machine_drop(host, job->wid); return;
    case JOB_GATEWAY:
    case JOB_PAUSE_GATEWAY: run_gateway(host, job); return;
    case JOB_DROP_GATEWAY: run_drop_gateway(host, job); return;
    case JOB_CLOSE: run_close(host, job); return;
    case JOB_DROP_DISK: job->result = drop_disk(host, job); return;
    case JOB_EMPTY_TRASH: job->result = trash_drop(host, job->trash); return;
    case JOB_RESTORE_DISK:
        job->result =
            disk_restore(host, job->trash, job->disk, job->disk_size, job->trash_owner, job->disk_owner);
        return;
    case JOB_DROP_NETWORK: run_drop_network(host, job); return;
    case JOB_SWEEP: run_sweep(host, job); return;
    case JOB_METER: run_meter(host, job); return;
    case JOB_REST: host_rest(host); return;
    }
}

void job_fini(job_t *job)
{
    machine_plan_fini(&job->machine);
    firewall_plan_fini(&job->firewall);
    network_plan_fini(&job->network);
    gateways_plan_fini(&job->gateways);
    free(job->objects);
    free(job->suspects);
    free(job->counts);
    explicit_bzero(job->logs.url, sizeof job->logs.url);
    *job = (job_t){0};
}
