/* deployments.h - what users ask for, as the tests of the agent write it. */
#ifndef DEPLOYMENTS_H
#define DEPLOYMENTS_H
#include "deployment.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* deployment_of takes workloads over; a test that writes what is none ends. */
static inline deployment_t *deployment_of(uint32_t twin, uint32_t version, uint64_t contract,
                                          json_t *workloads)
{
    char error[DEPLOYMENT_ERROR_MAX + 1];
    json_t *json    = json_pack("{s:i,s:I,s:I,s:o}", "version", (int)version, "twin_id", (json_int_t)twin,
                                "contract_id", (json_int_t)contract, "workloads", workloads);
    deployment_t *d = deployment_from_json(json, error);
    json_decref(json);
    if (!d || !deployment_valid(d, error)) {
        printf("%s\n", error);
        exit(1);
    }
    return d;
}

static inline json_t *zmount_of(const char *name, json_int_t size, int version)
{
    return json_pack("{s:i,s:s,s:s,s:{s:I}}", "version", version, "name", name, "type", "zmount", "data",
                     "size", size);
}

/* network_of is 10.20.2.0/24. */
static inline json_t *network_of(const char *name)
{
    return json_pack("{s:i,s:s,s:s,s:{s:s,s:s}}", "version", 0, "name", name, "type", "network-light", "data",
                     "subnet", "10.20.2.0/24", "ip_range", "10.20.0.0/16");
}

#endif
