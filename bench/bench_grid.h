/* bench_grid.h - a grid with many contracts, written into state by the runtime's own accessors.
 *
 * Node contracts with resources in use, one of ten with a public address, 100 of each twin, on 1000 nodes of
 * 100 farms.  Contract ids start at 1; a contract's place in the billing cycle is its id modulo the
 * frequency. */
#ifndef BENCH_GRID_H
#define BENCH_GRID_H
#include "runtime_call.h"

enum { GRID_FARMS = 100, GRID_NODES = 1000, GRID_CONTRACTS_A_TWIN = 100 };

/* When the contracts were last billed. */
#define GRID_START_S UINT64_C(1700000000)

account_id_t grid_account(uint32_t twin);

/* grid_put writes everything; memory of rt's arena is given back as it goes. */
void grid_put(rt_t *rt, uint32_t contracts, uint32_t frequency);

#endif
