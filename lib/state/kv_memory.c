/* kv_memory.c - a map in memory, as a sorted array. */
#include "kv.h"

#include <string.h>

/* find gives the place of key, or where it would stand. */
static uint32_t find(const kv_memory_t *map, bytes_t key, bool *is_there)
{
    uint32_t low = 0, high = map->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order       = bytes_compare(map->items[middle].key, key);
        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = false;
    return low;
}

static bool make_room(kv_memory_t *map)
{
    if (map->count < map->cap) return true;
    uint64_t cap    = map->cap ? 2 * (uint64_t)map->cap : 64;
    uint64_t size   = cap * sizeof(change_t);
    change_t *items = size <= UINT32_MAX ? arena_take(map->arena, (uint32_t)size) : NULL;
    if (!items) {
        map->has_failed = true;
        return false;
    }
    if (map->count) memcpy(items, map->items, map->count * sizeof(change_t));
    map->items = items;
    map->cap   = (uint32_t)cap;
    return true;
}

void kv_memory_init(kv_memory_t *map, arena_t *arena) { *map = (kv_memory_t){.arena = arena}; }

void kv_memory_put(kv_memory_t *map, bytes_t key, bytes_t value)
{
    bool is_there;
    uint32_t at = find(map, key, &is_there);
    bytes_t key_copy, value_copy;
    if (!arena_copy(map->arena, value, &value_copy)) {
        map->has_failed = true;
        return;
    }
    if (is_there) {
        map->items[at].value = value_copy;
        return;
    }
    if (!arena_copy(map->arena, key, &key_copy) || !make_room(map)) {
        map->has_failed = true;
        return;
    }
    memmove(map->items + at + 1, map->items + at, (map->count - at) * sizeof(change_t));
    map->items[at] = (change_t){.key = key_copy, .value = value_copy};
    map->count++;
}

void kv_memory_remove(kv_memory_t *map, bytes_t key)
{
    bool is_there;
    uint32_t at = find(map, key, &is_there);
    if (!is_there) return;
    map->count--;
    memmove(map->items + at, map->items + at + 1, (map->count - at) * sizeof(change_t));
}

void kv_memory_apply(kv_memory_t *map, const changes_t *changes)
{
    for (uint32_t i = 0; i < changes->count; i++) {
        const change_t *change = &changes->items[i];
        if (change->is_removed)
            kv_memory_remove(map, change->key);
        else
            kv_memory_put(map, change->key, change->value);
    }
}

static bool memory_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    const kv_memory_t *map = self;
    bool is_there;
    uint32_t at = find(map, key, &is_there);
    (void)arena;
    if (is_there) *value = map->items[at].value;
    return is_there;
}

static bool memory_next(void *self, bytes_t key, arena_t *arena, bytes_t *next)
{
    const kv_memory_t *map = self;
    bool is_there;
    uint32_t at = find(map, key, &is_there);
    (void)arena;
    if (is_there) at++;
    if (at == map->count) return false;
    *next = map->items[at].key;
    return true;
}

kv_t kv_memory_view(kv_memory_t *map) { return (kv_t){.self = map, .get = memory_get, .next = memory_next}; }
