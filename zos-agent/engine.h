/* engine.h - from deployments to what is to be done, as jobs.
 *
 * Level-triggered: what the chain and the users want is kept, what is there is looked at, and the next
 * difference becomes a job.  A job may be done twice and must not mind.  Every change is in the database
 * before the job that follows from it runs.  Sans-io: requests, observations and results go in, jobs and a
 * time to wake come out.
 *
 *     while (engine_next(engine, now_ms, &job, &wake_ms)) {
 *         job_run(host, &job);
 *         engine_done(engine, &job, now_ms);
 *     }
 *
 * Several jobs may be out, each run on a thread of its own (ADR 19). */
#ifndef ENGINE_H
#define ENGINE_H
#include "db.h"
#include "image.h"
#include "job.h"

#define ENGINE_ERROR_MAX       511
#define ENGINE_NETWORK_WAIT_S  30 /* how long a machine waits for a network that nobody sent */
#define ENGINE_BACKOFF_MS      1000
#define ENGINE_BACKOFF_MAX_MS  600000
#define ENGINE_DEPLOYMENTS_MAX 4096
#define ENGINE_LANES           4
#define ENGINE_LANES_MAX       16

typedef struct engine engine_t;
struct json_t;

/* How much of each unit may be given away, in percent of what there is; 0: cru without a limit, others 100.
 */
typedef struct {
    uint32_t cru, mru, sru, hru;
} overcommit_t;

typedef struct {
    db_t *db;
    const char *state_dir; /* of the image store; outlives the engine */
    const char *pool_dir;
    capacity_t total; /* what the node has */
    overcommit_t overcommit;
    capacity_t reserved; /* for the system; mru 0: a tenth, at least 2 GiB */
    uint64_t trash_s;    /* how long a deleted disk is kept; 0: not at all */
    /* memory_free says how much memory the machine itself has left; NULL: as much as it likes. */
    uint64_t (*memory_free)(void *context);
    bool has_user_spaces;
    bool has_wireguard;
    bool has_public, has_public6; /* public addresses can be on this node; IPv6 ones of the net: */
    uint8_t public_net6[8];
    bool has_vm;        /* virtual machines run on it */
    bool is_vm_default; /* and machines are virtual ones even where their images have no kernel */
    uint32_t lanes;     /* deployments that are made, and that are taken away, at once; 0: ENGINE_LANES */
    const char *gateway_domain;       /* NULL: this node is no gateway */
    uint16_t zdb_port;                /* of the first database; 0: this node has none */
    const char *const *zdb_addresses; /* where they are reached; ends with NULL */
    bool has_logs;                    /* this node sends logs */
    /* on_change is called when a deployment's resources may have changed: report them.  May be NULL. */
    void (*on_change)(void *context, uint64_t contract_id);
    void *context;
} engine_config_t;

/* engine_new loads the state.  Whatever was there is looked at anew.  NULL when the state cannot be read, or
 * memory is short.  With a row that is not understood (another version wrote it) the rest goes on, but
 * nothing is swept and nothing new is taken. */
engine_t *engine_new(const engine_config_t *config);
void engine_free(engine_t *engine);

/* ---- from users: JSON in, JSON out; false and a text that the user reads ---- */

/* engine_deploy and engine_update take what was parsed, valid, signed and checked against its contract.  They
 * take the deployment over in any case. */
NODISCARD bool engine_deploy(engine_t *engine, deployment_t *deployment, int64_t now_s,
                             char error[ENGINE_ERROR_MAX + 1]);
NODISCARD bool engine_update(engine_t *engine, deployment_t *deployment, int64_t now_s,
                             char error[ENGINE_ERROR_MAX + 1]);

/* engine_can_take says beforehand whether they would: so that the chain is only asked for what makes sense.
 */
NODISCARD bool engine_can_take(engine_t *engine, const deployment_t *deployment, bool is_update,
                               char error[ENGINE_ERROR_MAX + 1]);

/* What the node takes from users: the operator's choice, kept in the database. */
typedef enum {
    INTAKE_ALL,
    INTAKE_UPDATES, /* cordoned: no new deployments */
    INTAKE_NOTHING, /* draining: nor updates; what the chain ends is ended */
} engine_intake_t;
engine_intake_t engine_intake(const engine_t *engine);
NODISCARD bool engine_set_intake(engine_t *engine, engine_intake_t intake);
const char *engine_intake_text(engine_intake_t intake);

/* engine_takes is what the node takes now, for the operator. */
const char *engine_takes(const engine_t *engine);

/* The caller's to json_decref; NULL when this twin has no such deployment. */
struct json_t *engine_get(engine_t *engine, uint32_t twin_id, uint64_t contract_id);
struct json_t *engine_list(engine_t *engine, uint32_t twin_id);
struct json_t *engine_changes(engine_t *engine, uint32_t twin_id, uint64_t contract_id);
struct json_t *engine_private_ips(engine_t *engine, uint32_t twin_id, const char *network);

/* engine_public_ips lists the public addresses that workloads have: ["A.B.C.D/N"]. */
struct json_t *engine_public_ips(const engine_t *engine);

/* engine_subnet6 sets the IPv6 subnet of a network's plan that has its subnet. */
void engine_subnet6(uint32_t twin_id, const char *network, network_plan_t *plan);

struct json_t *engine_wireguard_ports(engine_t *engine);

/* engine_images lists the digests of images that workloads need, which the store must keep; to be freed.
 * False, and nothing to free, when memory or the database does not let it tell: then no image may go. */
NODISCARD bool engine_images(engine_t *engine, char (**digests)[IMAGE_DIGEST_LEN + 1], uint32_t *count);

/* engine_status is for the operator: {"workloads":[{contract,name,type,state,message,...}]}. */
struct json_t *engine_status(engine_t *engine);

/* engine_trash lists deleted disks that are kept:
 * {"trash":[{id,contract_id,twin_id,name,size,at,until,why}]}. engine_trash_restore puts one in the place of
 * an empty disk of the same twin that no machine has, soon; engine_trash_empty deletes one soon, or with NULL
 * all. */
struct json_t *engine_trash(engine_t *engine);
NODISCARD bool engine_trash_restore(engine_t *engine, const char *id, uint64_t contract_id, const char *name,
                                    char error[ENGINE_ERROR_MAX + 1]);
NODISCARD bool engine_trash_empty(engine_t *engine, const char *id, char error[ENGINE_ERROR_MAX + 1]);

/* ---- from the chain ---- */

typedef enum { DESIRED_RUN, DESIRED_PAUSED, DESIRED_DELETED } desired_t;

/* engine_desire says what the chain wants of a contract, and why; evidence is kept in the audit.  Deleted
 * stays deleted. */
void engine_desire(engine_t *engine, uint64_t contract_id, desired_t desired, const char *reason,
                   const char *evidence, int64_t now_s);

/* A public address as the chain has it: "A.B.C.D/N" and a gateway. */
typedef struct {
    char ip[19], gateway[16];
} engine_address_t;

/* engine_reserve keeps which addresses a contract has: before its deployment comes, and whenever it is read.
 * The same ones change nothing; others take the place of those. */
NODISCARD bool engine_reserve(engine_t *engine, uint64_t contract_id, const engine_address_t *addresses,
                              uint32_t count);

/* engine_contracts lists the contracts that still have something here; the caller's to free(). */
uint64_t *engine_contracts(engine_t *engine, uint32_t *count);
bool engine_contract_twin(engine_t *engine, uint64_t contract_id, uint32_t *twin_id);

/* ---- from the machine ---- */

/* engine_next gives the next job, with *wake_ms the time at which to ask again when there is none.  While
 * jobs are out it gives those that may run beside them: up to engine_jobs_max in all, of one deployment one
 * at a time.  Ask again after each engine_done. */
NODISCARD bool engine_next(engine_t *engine, uint64_t now_ms, job_t *job, uint64_t *wake_ms);

/* engine_lanes is how many deployments are made at once, and how many are taken away. */
uint32_t engine_lanes(const engine_t *engine);
uint32_t engine_jobs_max(const engine_t *engine);

/* engine_done takes the result, and frees what the job holds.  In any order. */
void engine_done(engine_t *engine, job_t *job, uint64_t now_ms);

/* engine_jobs_out counts the jobs that are out.  engine_is_busy: is one?  engine_is_unwanted: does a job that
 * is out make what has been cancelled or paused since?  Then its programs are better ended. */
uint32_t engine_jobs_out(const engine_t *engine);
bool engine_is_busy(const engine_t *engine);
bool engine_is_unwanted(const engine_t *engine, const job_t *job);

/* engine_look is called every few seconds: state says how a machine is (host's machine_state). */
void engine_look(engine_t *engine, uint64_t now_ms,
                 machine_state_t (*state)(void *context, const char *wid, int *code), void *context);

/* engine_has_gateway says whether a gateway should be up, and no job may be at it; engine_gateway_lost makes
 * all of them anew. */
bool engine_has_gateway(const engine_t *engine);
void engine_gateway_lost(engine_t *engine);

/* engine_sweep and engine_meter make a job of that kind the next one. */
void engine_sweep(engine_t *engine);
void engine_meter(engine_t *engine);

/* engine_is_idle: is there nothing on the machine that is ours? */
bool engine_is_idle(const engine_t *engine);

/* ---- figures ---- */

typedef struct {
    capacity_t total, used, system; /* total: what may be given away; used includes system, not the trash */
    uint64_t trash;                 /* bytes of deleted disks */
    overcommit_t overcommit;
    uint32_t deployments, workloads;
    int64_t last_deployment_s;
} engine_figures_t;
void engine_figures(const engine_t *engine, engine_figures_t *figures);

/* engine_resources sums what runs or is paused of one contract: what the chain is told. */
capacity_t engine_resources(const engine_t *engine, uint64_t contract_id);

/* engine_machines calls fn for each machine and database that runs, engine_senders for each log that is sent:
 * for metrics. */
void engine_machines(const engine_t *engine,
                     void (*fn)(void *context, uint64_t contract_id, const char *name, const char *wid),
                     void *context);

void engine_senders(const engine_t *engine,
                    void (*fn)(void *context, uint64_t contract_id, const char *name, const char *wid),
                    void *context);

/* What the counters said of one contract since `since_s`; engine_nru_taken starts the next window. */
typedef struct {
    uint64_t contract_id, bytes;
    int64_t since_s;
} engine_nru_t;
engine_nru_t *engine_nru(engine_t *engine, uint32_t *count);
void engine_nru_taken(engine_t *engine, uint64_t contract_id, int64_t now_s);

const char *workload_state_text(int state);

#endif
