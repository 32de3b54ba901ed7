/* resources.c - what a node's resources amount to. */
#include "resources.h"

#include "checked.h"

#define GIB ((u128_t)1 << 30)

uint64_t resources_cu(node_size_t size)
{
    u128_t by_cores  = (u128_t)size.cru * 2 * GIB * 1000;
    u128_t by_memory = (u128_t)(size.mru > 0 ? size.mru - 1 : 0) * GIB * 1000 / 4;
    u128_t by_flash  = (u128_t)size.sru * 1000 / 50;

    u128_t least = 0;
    if (by_cores < by_memory && by_cores < by_flash) least = by_cores;
    if (by_memory < by_cores && by_memory < by_flash) least = by_memory;
    if (by_flash < by_cores && by_flash < by_memory) least = by_flash;
    return (uint64_t)(2 * ((u128_t)(uint64_t)least / GIB / 1000));
}

uint64_t resources_su(node_size_t size)
{
    return (uint64_t)(((u128_t)size.hru * 1000 / 1200 + (u128_t)size.sru * 1000 / 250) / GIB / 1000);
}

uint64_t resources_weight(node_size_t size)
{
    return u64_add_sat(u64_mul_sat(2, resources_cu(size)), resources_su(size));
}

/* Amounts are compared as signed 64-bit numbers, as they always were. */
static bool value_changed(uint64_t before, uint64_t after)
{
    uint64_t difference = before > after ? before - after : after - before;
    if (difference > INT64_MAX) return true;
    return difference > (uint64_t)percent_of(1, before);
}

bool resources_changed(node_size_t before, node_size_t after)
{
    return value_changed(before.cru, after.cru) || value_changed(before.sru, after.sru) ||
           value_changed(before.hru, after.hru) || value_changed(before.mru, after.mru);
}
