/* Whatever parses as a deployment can be checked, hashed and printed, and parses again to the same text. */
#include "deployment.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[DEPLOYMENT_ERROR_MAX + 1];
    deployment_t *d = deployment_parse((bytes_t){data, (uint32_t)size}, error);
    if (!d) return 0;
    bool is_valid = deployment_valid(d, error);
    for (unsigned form = 0; form < DEPLOYMENT_FORM_COUNT; form++) {
        char *text          = deployment_challenge(d, (deployment_form_t)form);
        deployment_t *again = deployment_from_json(d->json, error);
        char *same          = again ? deployment_challenge(again, (deployment_form_t)form) : NULL;
        if (!text || !same || strcmp(text, same) != 0) abort();
        if (deployment_valid(again, error) != is_valid) abort();
        deployment_free(again);
        free(same);
        free(text);
    }
    for (uint32_t i = 0; i < d->workload_count; i++) {
        machine_port_t ports[DEPLOYMENT_PORTS_CAP];
        uint32_t count;
        if (!workload_ports(&d->workloads[i], ports, &count, error) && is_valid &&
            workload_is_machine(&d->workloads[i]))
            abort();
        (void)workload_capacity(&d->workloads[i]);
    }
    deployment_free(d);
    return 0;
}
