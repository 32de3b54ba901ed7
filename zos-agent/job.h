/* job.h - one thing for a worker to do: a value that goes in, and comes back with its result.
 *
 * The engine fills it from its state, job_run carries it out on the machine, engine_done takes the result. */
#ifndef JOB_H
#define JOB_H
#include "host.h"

typedef enum {
    JOB_DISK,    /* ensure */
    JOB_NETWORK, /* ensure */
    JOB_OPEN,    /* ensure: network and filter of a machine or a database, before it runs */
    JOB_MACHINE, /* ensure; thawed when it was frozen */
    JOB_GATEWAY, /* ensure: its network's rules, then the gateway */
    JOB_ZDB,     /* ensure: its disk, then the database as a machine; thawed */
    JOB_LOGS,    /* ensure */
    JOB_PAUSE,   /* a machine or a database, and the filter without its ports */
    JOB_PAUSE_GATEWAY,
    JOB_PAUSE_LOGS,
    JOB_CLOSE, /* network and filter without a machine or a database, and the last of its counter */
    JOB_DROP_GATEWAY,
    JOB_DROP_ZDB, /* the machine, its network and its disk */
    JOB_DROP_LOGS,
    JOB_DROP_DISK,    /* for good, or into the trash */
    JOB_EMPTY_TRASH,  /* one disk of it */
    JOB_RESTORE_DISK, /* out of the trash, in the place of an empty one */
    JOB_DROP_NETWORK,
    JOB_DROP_MACHINE,
    JOB_SWEEP, /* drop what nobody knows, twice seen; repair networks */
    JOB_METER, /* read the counters of all networks */
    JOB_REST,  /* remove what belongs to no workload */
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
    uint32_t seat; /* the engine's own */
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
    bool is_port_taken; /* JOB_OPEN, out: by another program */
    bool is_new;        /* its ports must be free */
    bool is_known;      /* a machine that, if it runs, only needs to be tied to its network */
    bool is_lost;       /* JOB_MACHINE that is_known, out: it does not run, and needs its network first */

    job_object_t *objects; /* JOB_SWEEP: in: what is known; out: what was not, for the next time */
    uint32_t object_count;
    job_object_t *suspects;
    uint32_t suspect_count, dropped, repaired;
    gateways_plan_t gateways; /* as they are to be after the job */
    uint32_t slot;            /* JOB_GATEWAY and its like */

    job_count_t *counts; /* out: JOB_METER, JOB_CLOSE and what drops networks and gateways; JOB_GATEWAY that
                            is_new: what its slot had before */
    uint32_t count_count;

    host_result_t result;
} job_t;

/* job_run blocks until it is done.  Several may run at once, on a thread each, if the engine gave them so. */
void job_run(const host_t *host, job_t *job);
void job_fini(job_t *job);

#endif
