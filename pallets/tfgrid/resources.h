/* resources.h - what a node's resources amount to, for farming policies and the DAO.
 *
 * Not for bills.  Integers of 128 bits, truncating; the formulas are kept as they are, odd as two of
 * them look, because farms have been weighed by them (spec tfgrid 2.1, G9). */
#ifndef TFGRID_RESOURCES_H
#define TFGRID_RESOURCES_H
#include "base.h"

/* Bytes of disk, bytes of flash, cores, bytes of memory. */
typedef struct {
    uint64_t hru, sru, cru, mru;
} node_size_t;

uint64_t resources_cu(node_size_t size);
uint64_t resources_su(node_size_t size);

/* resources_weight is what the node adds to its farm's vote: 2 CU + SU. */
uint64_t resources_weight(node_size_t size);

/* resources_changed tells whether any resource moved by more than one percent of what it was. */
bool resources_changed(node_size_t before, node_size_t after);

#endif
