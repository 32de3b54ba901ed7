/* runtime_table.c - finding things in the runtime's tables. */
#include "runtime_table.h"

static bool is_named(const char *name, bytes_t wanted)
{
    uint32_t len = 0;

    while (name[len])
        len++;
    return bytes_equal((bytes_t){(const uint8_t *)name, len}, wanted);
}

const table_pallet_t *table_pallet(bytes_t name)
{
    for (uint32_t i = 0; i < runtime_pallet_count; i++)
        if (is_named(runtime_pallets[i].name, name) || is_named(runtime_pallets[i].prefix, name))
            return &runtime_pallets[i];
    return NULL;
}

const table_pallet_t *table_pallet_at(uint8_t index)
{
    for (uint32_t i = 0; i < runtime_pallet_count; i++)
        if (runtime_pallets[i].index == index) return &runtime_pallets[i];
    return NULL;
}

const table_variant_t *table_call(const table_pallet_t *pallet, bytes_t name)
{
    for (uint32_t i = 0; i < pallet->call_count; i++)
        if (is_named(pallet->calls[i].name, name)) return &pallet->calls[i];
    return NULL;
}

const table_storage_t *table_storage(const table_pallet_t *pallet, bytes_t name)
{
    for (uint32_t i = 0; i < pallet->storage_count; i++)
        if (is_named(pallet->storage[i].name, name)) return &pallet->storage[i];
    return NULL;
}

const table_constant_t *table_constant(const table_pallet_t *pallet, bytes_t name)
{
    for (uint32_t i = 0; i < pallet->constant_count; i++)
        if (is_named(pallet->constants[i].name, name)) return &pallet->constants[i];
    return NULL;
}

const table_variant_t *table_error(uint8_t pallet, uint8_t error)
{
    const table_pallet_t *found = table_pallet_at(pallet);

    for (uint32_t i = 0; found && i < found->error_count; i++)
        if (found->errors[i].index == error) return &found->errors[i];
    return NULL;
}
