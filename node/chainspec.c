/* chainspec.c - the development and the local chain. */

#include "chainspec.h"

#include "log.h"
#include "runtime.h"

#include <stdlib.h>
#include <string.h>

static const chainspec_t chains[] = {
    {.id = "dev",   .name = "Trellis Development", .type = "Development"},
    {.id = "local", .name = "Trellis Local",       .type = "Local"      },
};

bool chainspec_find(const char *id, chainspec_t *spec)
{
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++)
        if (strcmp(chains[i].id, id) == 0) {
            *spec = chains[i];
            return true;
        }
    return false;
}

bool chainspec_genesis(void *self, const host_t *host)
{
    const chainspec_t *spec = self;
    genesis_t genesis;
    if (strcmp(spec->id, "local") == 0)
        runtime_genesis_local(&genesis);
    else
        runtime_genesis_dev(&genesis);
    genesis.slot_duration_ms = spec->slot_ms;
    genesis.code             = spec->code;

    void *memory = malloc(RUNTIME_QUERY_MEMORY);
    if (!memory) return false;
    rt_t rt;
    rt_start(&rt, host, memory, RUNTIME_QUERY_MEMORY);
    runtime_genesis_build(&rt, &genesis);
    if (rt.fault) log_error(LOG_MAIN, "genesis cannot be built", LOG_TEXT("reason", rt.fault));
    free(memory);
    return !rt.fault;
}
