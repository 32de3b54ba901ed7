/* ghent.h - the node that tests register on a chain: four cores, a disk and one interface, in Ghent. */
#ifndef GHENT_H
#define GHENT_H
#include "chain_side.h"

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

#endif
