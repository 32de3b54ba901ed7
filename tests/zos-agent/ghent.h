/* ghent.h - the node that tests register on a chain: four cores, a disk and one interface, in Ghent; and an
 * engine of it that has no machine. */
#ifndef GHENT_H
#define GHENT_H
#include "chain_side.h"

static const capacity_t ghent_capacity = {.cru = 4, .mru = UINT64_C(8) << 30, .sru = UINT64_C(100) << 30};

/* ghent_config leaves out the agent's parts and how often it looks; key must outlive the use of it. */
static inline chain_side_config_t ghent_config(const keypair_t *key, uint32_t farm_id)
{
    chain_side_config_t config = {
        .key             = key,
        .relays          = {"a.local"                  },
        .relay_count     = 1,
        .terms_link      = "https://example.org",
        .terms_hash      = "abc",
        .farm_id         = farm_id,
        .capacity        = { .cru = 4, .mru = UINT64_C(8) << 30, .sru = UINT64_C(100) << 30},
        .city            = "Ghent",
        .country         = "Belgium",
        .latitude        = "51.05",
        .longitude       = "3.71",
        .interface_count = 1,
    };
    chain_interface_find("zos", NULL, &config.interfaces[0]);
    return config;
}

/* ghent_engine is an engine whose state is in a folder, and its database; NULL as engine_new. */
static inline engine_t *ghent_engine(db_t *kept, const char *folder,
                                     void (*on_change)(void *context, uint64_t contract_id))
{
    return engine_new(&(engine_config_t){.db              = kept,
                                         .state_dir       = folder,
                                         .pool_dir        = "/pool",
                                         .has_user_spaces = true,
                                         .on_change       = on_change,
                                         .total           = ghent_capacity});
}

/* ghent_settle says of all jobs that they are done. */
static inline void ghent_settle(engine_t *core)
{
    job_t job;
    uint64_t wake_ms;
    while (engine_next(core, 1000000, &job, &wake_ms)) {
        job.result = (host_result_t){.status = HOST_OK};
        engine_done(core, &job, 1000000);
    }
}

#endif
