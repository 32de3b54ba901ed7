/* job.h - one thing for the worker to do: a value that goes in, and comes back with its result.
 *
 * The engine fills it from its state, job_run carries it out on the machine, engine_done takes the result. */
#ifndef JOB_H
#define JOB_H
#include "host.h"

typedef enum {
    JOB_DISK,    /* ensure */
    JOB_NETWORK, /* ensure */
    JOB_MACHINE, /* ensure: network, filter, then the machine; thawed when it was frozen */
    JOB_GATEWAY, /* ensure: its network's rules, then the gateway */
    JOB_ZDB,     /* ensure: its disk, its network, filter, then the database as a machine; thawed */
    JOB_LOGS,    /* ensure */
    JOB_PAUSE,   /* a machine or a database, and the filter without its ports */
    JOB_PAUSE_GATEWAY,
    JOB_PAUSE_LOGS,
    JOB_DROP_GATEWAY,
    JOB_DROP_ZDB,
    JOB_DROP_LOGS,
    JOB_DROP_DISK,    /* for good, or into the trash */
    JOB_EMPTY_TRASH,  /* one disk of it */
    JOB_RESTORE_DISK, /* out of the trash, in the place of an empty one */
    JOB_DROP_NETWORK,
    JOB_DROP_MACHINE,
    JOB_SWEEP, /* drop what nobody knows, twice seen; repair networks */
    JOB_METER, /* read the counters of all networks */
} job_kind_t;

typedef struct {
    char kind;
    char name[40];
} job_object_t;

typedef struct {
    char wid[WID_LEN + 1];
    uint64_t bytes, born; /* born: another number for a counter that began anew; 0: unknown */
} job_count_t;

typedef struct job {
    job_kind_t kind;
    uint64_t contract_id;
    char name[DEPLOYMENT_NAME_MAX + 1]; /* of the workload */
    uint32_t version;                   /* the workload's */
    char wid[WID_LEN + 1];

    char disk[40];
    uint64_t disk_size;
    uint32_t disk_owner;
    char trash[40]; /* its name in the trash; "" for none */
    uint32_t trash_owner;
    bool is_kept; /* JOB_DROP_DISK, out: there is something under that name */

    network_plan_t network;   /* the workload's, or the machine's */
    firewall_plan_t firewall; /* as it is to be after the job */
    machine_plan_t machine;
    logs_plan_t logs;
    bool is_port_taken; /* JOB_ZDB, out: by another program */
    bool is_new;        /* its ports must be free */
    bool is_known;      /* a machine that, if it runs, only needs to be tied to its network */

    job_object_t *objects; /* JOB_SWEEP: in: what is known; out: what was not, for the next time */
    uint32_t object_count;
    job_object_t *suspects;
    uint32_t suspect_count, dropped, repaired;
    gateways_plan_t gateways; /* as they are to be after the job */
    uint32_t slot;            /* JOB_GATEWAY and its like */

    job_count_t
        *counts; /* JOB_METER and what drops: out; JOB_GATEWAY that is_new: what its slot had before */
    uint32_t count_count;

    host_result_t result;
} job_t;

/* job_run blocks until it is done. */
void job_run(const host_t *host, job_t *job);
void job_fini(job_t *job);

#endif
