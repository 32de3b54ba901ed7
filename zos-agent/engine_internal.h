/* engine_internal.h - the engine's records, as its files share them. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H
#include "engine.h"

#include <jansson.h>

typedef enum {
    WORKLOAD_INIT,
    WORKLOAD_OK,
    WORKLOAD_ERROR,
    WORKLOAD_PAUSED,
    WORKLOAD_DELETED
} workload_state_t;

#define ENGINE_PAUSING "is being paused" /* an ok workload's message while that is under way */
#define LINK_VM        1                 /* a machine's link: it is a virtual one, */
#define LINK_CONTAINER 2                 /* or a container, for as long as it lives */

/* What the rules of its network do with a machine or a database, as far as is known: they are open before it
 * runs, cut it off when it is paused, and are without it before it is stopped. */
typedef enum { GATE_UNKNOWN, GATE_OPEN, GATE_CUT, GATE_CLOSED } gate_t;

/* One workload as it was last sent, and as it is. */
typedef struct record {
    struct record *next; /* of its deployment, in the order of installation */
    struct entry *entry;
    deployment_t *holder; /* owns the workload, which is its only one */
    const workload_t *workload;
    char wid[WID_LEN + 1];
    workload_state_t state;
    char message[HOST_ERROR_MAX + 1];
    char *data; /* JSON of the result */
    int64_t created_s;
    uint32_t told_version; /* of the workload, as the history has it last */
    uint32_t
        link; /* a network's index or a gateway's slot, from 1; 0: none yet; of a machine which kind it is */
    bool is_made;    /* something of it may be on the machine */
    bool is_removed; /* an update took it out */
    bool is_dirty;   /* to be ensured again: at start, after an update */
    bool is_known;   /* found running at the start: its network's rules have it already */
    gate_t gate;
    bool is_waiting; /* for something of ours that is under way: asked again when a job is done */
    uint32_t tries, restarts;
    uint64_t started_ms; /* a machine: when it was last seen to start */
    uint64_t next_ms;    /* not before */
} record_t;

typedef struct entry {
    struct entry *next;
    uint64_t contract_id;
    uint32_t twin_id, owner_index; /* of its range of user ids, from 1 */
    deployment_t *deployment;      /* as it was last sent */
    desired_t desired;
    char reason[128];
    int64_t created_s, updated_s;
    record_t *records;
} entry_t;

/* A disk in the trash, or on its way there. */
typedef struct trash {
    struct trash *next; /* the oldest first */
    char id[40], wid[WID_LEN + 1], name[DEPLOYMENT_NAME_MAX + 1];
    uint64_t contract_id, size, next_ms;
    uint32_t twin_id, owner; /* of its files */
    int64_t at_s;
    bool is_kept; /* false: on its way */
    bool is_out;  /* a job is at it */
    bool is_unwanted;
    uint64_t target_contract; /* to be put in the place of this disk; 0: not */
    char target[DEPLOYMENT_NAME_MAX + 1], why[HOST_ERROR_MAX + 1];
} trash_t;

/* LANE_MAKE and LANE_DROP have several jobs out, of different deployments; LANE_SHARED one; LANE_ALONE one,
 * with nothing else. */
typedef enum { LANE_MAKE, LANE_DROP, LANE_SHARED, LANE_ALONE } lane_t;

#define ENGINE_SEATS (2 * ENGINE_LANES_MAX + 1)
typedef struct {
    bool is_out;
    lane_t lane;
    uint64_t contract_id; /* 0: of no deployment */
} seat_t;

struct engine {
    engine_config_t config;
    trash_t *trash;
    uint64_t trash_looked_ms, trash_from_ms; /* when its times were looked at; nothing is due before */
    entry_t *entries;                        /* by contract */
    seat_t seats[ENGINE_SEATS];              /* the jobs that are out */
    engine_intake_t intake;
    bool wants_sweep, wants_meter, wants_rest;
    bool is_partial;  /* some of the state is not understood: nothing is swept, it may be that; nothing new is
                         taken, what it would get may be that's */
    bool is_sweeping; /* a sweep is out that may drop something: nothing new is begun under its hands */
    job_object_t *suspects;
    uint32_t suspect_count;
    uint64_t seed;
};

/* engine_refuse writes why, for the user; false, to be returned. */
bool engine_refuse(char error[ENGINE_ERROR_MAX + 1], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- engine_store.c ---- */

entry_t *entry_find(const engine_t *engine, uint64_t contract_id);
record_t *record_find(const entry_t *entry, const char *name);
bool record_is_active(const record_t *record); /* neither error nor deleted */

/* record_add makes a record of a workload of the entry's deployment; NULL when memory is short. */
record_t *record_add(entry_t *entry, const workload_t *workload, int64_t now_s);
void record_free(record_t *record);                       /* and takes it out of its entry */
void record_carry(record_t *record, const record_t *old); /* all but the workload */
entry_t *entry_add(engine_t *engine, deployment_t *deployment, int64_t now_s);

/* entry_free takes the entry out of the engine, which may be NULL.  entry_replace puts another in its place.
 */
void entry_free(engine_t *engine, entry_t *entry);
void entry_replace(engine_t *engine, entry_t *entry, entry_t *next);

bool store_load(engine_t *engine); /* false: the database cannot be read */
bool store_entry(engine_t *engine, const entry_t *entry);
bool store_record(engine_t *engine, const record_t *record);
bool store_record_gone(engine_t *engine, const record_t *record);

/* record_change sets a state, and appends it to the history. */
void record_change(engine_t *engine, record_t *record, workload_state_t state, const char *message,
                   int64_t now_s);
json_t *record_json(const record_t *record);

/* ---- engine_count.c ---- */

/* count_start remembers what the slot of a new gateway had counted before it; count_take adds how far each
 * counter went since it was last read. */
void count_start(engine_t *engine, const job_t *job);
void count_take(engine_t *engine, const job_t *job, int64_t now_s);

/* ---- engine_lanes.c ---- */

/* entry_is_out: is a job of this deployment out?  lane_is_free: may one of this kind go out? */
bool entry_is_out(const engine_t *engine, uint64_t contract_id);
bool lane_is_free(const engine_t *engine, job_kind_t kind, uint64_t contract_id);
void seat_take(engine_t *engine, job_t *job);
void seat_leave(engine_t *engine, const job_t *job);

/* ---- engine_trash.c ---- */

bool trash_load(engine_t *engine);
void trash_free(engine_t *engine);

/* trash_keep lets the job of a disk that goes keep it, when it is to be kept. */
void trash_keep(engine_t *engine, const record_t *record, int64_t now_s, job_t *job);
void trash_took(engine_t *engine, const job_t *job,
                uint64_t now_ms); /* the result of any job with a disk there */

/* trash_next gives a job for what is due, wanted back or unwanted.  trash_yields: for a record that there is
 * room for, is there something in the trash in its way?  Then *is_job says that the job empties it. */
bool trash_next(engine_t *engine, uint64_t now_ms, job_t *job, uint64_t *wake_ms);
bool trash_yields(engine_t *engine, const record_t *record, uint64_t now_ms, job_t *job, bool *is_job);
uint64_t trash_size(const engine_t *engine);

/* ---- engine_plan.c ---- */

/* What a plan is to show beside what runs: one machine more, perhaps paused, and one record less. */
typedef struct {
    const record_t *with, *without;
    bool is_with_paused;
} scope_t;

/* The network that a machine names: of the same twin, on this node; NULL when nobody sent it. */
record_t *plan_network_of(const engine_t *engine, const record_t *machine);
record_t *plan_network_named(const engine_t *engine, uint32_t twin_id, const char *name);
NODISCARD bool plan_network(const engine_t *engine, const record_t *network, scope_t scope,
                            network_plan_t *plan);
NODISCARD bool plan_firewall(const engine_t *engine, scope_t scope, firewall_plan_t *plan);

/* plan_is_paused: do the rules cut this machine or database off? */
bool plan_is_paused(const record_t *record, scope_t scope);

/* plan_machine fills a machine's JOB_OPEN or JOB_MACHINE, as job->kind says; a result that is not HOST_OK
 * says why it cannot be.  plan_zdb does the same for a database. */
host_result_t plan_machine(engine_t *engine, record_t *record, uint64_t now_ms, job_t *job);

bool plan_is_going(const record_t *record);

/* ---- engine_public.c ---- */

bool workload_is_address(const workload_t *workload); /* ip or ipv4 */
NODISCARD bool address_offered(const engine_t *engine, const workload_t *workload,
                               char error[ENGINE_ERROR_MAX + 1]);

/* plan_address gives a workload one of its contract's addresses, in record->data.  plan_public is what a
 * machine has; plan_public_wait says whether it can be had yet. */
host_result_t plan_address(engine_t *engine, record_t *record);
host_result_t plan_public_wait(const record_t *machine);
void plan_public(const record_t *machine, public_plan_t *plan);

/* ---- engine_wireguard.c ---- */

NODISCARD bool plan_wireguard(const engine_t *engine, const network_data_t *data, wireguard_plan_t *plan);

/* ---- engine_gateway.c ---- */

bool workload_is_gateway(const workload_t *workload);

/* gateway_offered says whether this node could take it, but for its name: gateway_name_is_free. */
NODISCARD bool gateway_offered(const engine_t *engine, const workload_t *workload,
                               char error[ENGINE_ERROR_MAX + 1]);
NODISCARD bool gateway_name_is_free(const engine_t *engine, const deployment_t *deployment,
                                    const workload_t *workload, char error[ENGINE_ERROR_MAX + 1]);
void gateway_fqdn(const engine_t *engine, const workload_t *workload, char fqdn[GATEWAY_HOST_MAX + 1]);

/* plan_gateways lists all gateways; plan_forwards those that lead into one network; plan_gateway fills a job.
 */
NODISCARD bool plan_gateways(const engine_t *engine, scope_t scope, gateways_plan_t *plan);
NODISCARD bool plan_forwards(const engine_t *engine, const record_t *network, scope_t scope,
                             network_plan_t *plan);
host_result_t plan_gateway(engine_t *engine, record_t *record, scope_t scope, uint64_t now_ms, job_t *job);
record_t *plan_gateway_network(const engine_t *engine, const record_t *record);

/* ---- engine_zdb.c ---- */

NODISCARD bool zdb_offered(const engine_t *engine, const workload_t *workload,
                           char error[ENGINE_ERROR_MAX + 1]);

/* A database's link is its slot: that says its port on the node and its network's index.  zdb_free_slot is
 * the next one above `after`, 0 when there is none; zdb_publishes: do both want the same port? */
uint16_t zdb_port(const engine_t *engine, const record_t *record);
uint32_t zdb_free_slot(const engine_t *engine, uint32_t after);
bool zdb_publishes(const engine_t *engine, const record_t *zdb, const record_t *machine);
void zdb_network_id(uint32_t twin_id, uint64_t contract_id, const char *name, char id[NETWORK_LEN + 1]);
NODISCARD bool plan_zdb_network(const engine_t *engine, const record_t *record, scope_t scope,
                                network_plan_t *plan);
host_result_t plan_zdb(engine_t *engine, record_t *record, job_t *job);
json_t *zdb_result(const engine_t *engine, const record_t *record);

/* zdb_can_grow: may databases that are there hold so many bytes more? */
host_result_t zdb_can_grow(const engine_t *engine, uint64_t more);

/* zdb_beside is what a database takes of the node beside what is sold: nothing for other workloads. */
capacity_t zdb_beside(const workload_t *workload);

/* ---- engine_logs.c ---- */

NODISCARD bool logs_offered(const engine_t *engine, const workload_t *workload,
                            char error[ENGINE_ERROR_MAX + 1]);
host_result_t plan_logs(const engine_t *engine, const record_t *record, job_t *job);
void engine_logs_dirty(engine_t *engine); /* their networks may have been made anew */

/* plan_result is the JSON of an ok workload's result.data, the caller's to free(); plan_note what its user
 * should know. */
char *plan_result(const engine_t *engine, const record_t *record);
const char *plan_note(const engine_t *engine, const record_t *record);

/* plan_is_apart says whether its ports and addresses are nobody else's; plan_is_held whether a record has
 * something of the machine, or will have it soon. */
host_result_t plan_is_apart(const engine_t *engine, const record_t *record);
bool plan_is_held(const record_t *record);

/* ---- engine_room.c ---- */

/* plan_admit says whether there is room on the node for one more, and whether it is apart from the others. */
host_result_t plan_admit(const engine_t *engine, const record_t *record);
capacity_t plan_system(const engine_t *engine);

/* plan_limit is what may be given away of each unit, with overcommit; plan_held what is, with the system's.
 */
capacity_t plan_limit(const engine_t *engine);
capacity_t plan_held(const engine_t *engine, const record_t *with);

/* plan_can_grow says whether disks that are there may take so many bytes more. */
host_result_t plan_can_grow(const engine_t *engine, uint64_t more);
uint32_t plan_owner(const engine_t *engine, const entry_t *entry);
uint32_t plan_user_ids(const entry_t *entry); /* the first of its 65536, with user namespaces or without */
bool plan_is_run(const workload_t *workload); /* has a process of its own, which is looked after */
void plan_disk_name(const record_t *record, char name[40]);

#endif
