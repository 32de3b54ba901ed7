/* doctor.h - what this machine can do for workloads, what it cannot, and what follows. */
#ifndef DOCTOR_H
#define DOCTOR_H
#include "chain_side.h"
#include "host.h"

struct json_t;

/* doctor_report looks at the machine as host_init found it: {"checks":[{"name","state":"ok"|"less"|"missing",
 * "found","follows"}]}.  "less": it works, with less; follows says how.  The caller's to json_decref. */
struct json_t *doctor_report(const host_t *host);

/* doctor_add_offer adds whether the machine has what its operator offers. */
void doctor_add_offer(struct json_t *report, const host_t *host, const capacity_t *offered);

/* doctor_add_witness adds what an agent that runs knows of the nodes of its chain. */
void doctor_add_witness(struct json_t *report, const chain_witness_t *witness);

#endif
