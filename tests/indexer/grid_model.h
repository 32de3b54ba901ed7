/* grid_model.h - a random grid, twice: in an index, by the events that make it, and as plain structs that
 * tests reckon with. */
#ifndef GRID_MODEL_H
#define GRID_MODEL_H
#include "apply.h"
#include "test.h"

#define MODEL_FARMS     12
#define MODEL_NODES     60
#define MODEL_CONTRACTS 120
#define MODEL_IPS       3
#define MODEL_NOW       1800000000u /* the time of the last block */

typedef struct {
    uint32_t id, twin, pricing;
    char name[16], stellar[16];
    bool is_gold, is_dedicated;
    struct {
        char ip[32];
        uint64_t contract;
    } ips[MODEL_IPS];
    uint32_t ip_count;
} model_farm_t;

typedef struct {
    uint32_t id, farm, twin;
    const char *country, *city, *region;
    uint64_t hru, sru, cru, mru;
    bool is_certified, has_ipv4, has_ipv6, has_domain;
    const char *state, *target; /* NULL: nothing was said of power */
    uint64_t extra_fee, updated_at, created;
    /* what the node said itself */
    bool was_asked, is_healthy, has_net6;
    const char *features;
    uint32_t gpu_count;
    const char *gpu_vendor, *gpu_device, *gpu_id;
    uint64_t gpu_contract;
    /* reckoned from contracts */
    uint64_t used_hru, used_sru, used_cru, used_mru, renter, rent_contract;
    uint32_t contract_count;
    double price;
} model_node_t;

typedef struct {
    uint64_t id;
    char kind; /* n(ode), d (name), r(ent) */
    uint32_t twin, node, ips;
    const char *state;
    char name[16], data[64], hash[33];
    uint64_t hru, sru, cru, mru;
} model_contract_t;

typedef struct {
    model_farm_t farms[MODEL_FARMS];
    model_node_t nodes[MODEL_NODES];
    model_contract_t contracts[MODEL_CONTRACTS];
    uint32_t farm_count, node_count, contract_count;
} model_t;

/* model_make fills both; the store is empty. */
void model_make(model_t *model, store_t *store, random_t *random);

#endif
