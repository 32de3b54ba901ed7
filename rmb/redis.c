/* redis.c - see redis.h. */
#include "redis.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto.h"
#include "redis_internal.h"

static uint64_t now_ms(const redis_t *redis) { return redis->ops.now_ms(redis->ops.self); }

/* ---- keys ---- */

static entry_t **bucket_of(redis_t *redis, bytes_t key)
{
    uint32_t hash = redis->salt;
    for (uint32_t i = 0; i < key.len; i++)
        hash = (hash ^ key.data[i]) * 16777619u;
    return &redis->buckets[hash % REDIS_BUCKETS];
}

static void value_free(redis_t *redis, entry_t *entry, value_t *value)
{
    if (value->previous)
        value->previous->next = value->next;
    else
        entry->first = value->next;
    if (value->next)
        value->next->previous = value->previous;
    else
        entry->last = value->previous;
    entry->count--;
    redis->memory -= value->len + VALUE_COST;
    free(value);
}

void redis_entry_free(redis_t *redis, entry_t *entry)
{
    while (entry->first)
        value_free(redis, entry, entry->first);
    *entry->back = entry->next;
    if (entry->next) entry->next->back = entry->back;
    redis->key_count--;
    redis->memory -= entry->key_len + ENTRY_COST;
    free(entry);
}

entry_t *redis_entry_get(redis_t *redis, bytes_t key)
{
    entry_t *entry = *bucket_of(redis, key);
    while (entry && !(entry->key_len == key.len && memcmp(entry->key, key.data, key.len) == 0))
        entry = entry->next;
    if (!entry || !entry->end_ms || entry->end_ms > now_ms(redis)) return entry;
    redis_entry_free(redis, entry);
    return NULL;
}

static bool has_room(const redis_t *redis, bytes_t key, bytes_t value)
{
    return redis->memory + key.len + value.len + ENTRY_COST + VALUE_COST <= REDIS_MEMORY_MAX;
}

entry_t *redis_entry_open(redis_t *redis, bytes_t key, bool is_list)
{
    entry_t *entry = redis_entry_get(redis, key);
    if (entry || redis->key_count >= REDIS_KEYS_MAX) return entry;
    entry           = calloc(1, sizeof *entry + key.len);
    entry->key_len  = key.len;
    entry->is_list  = is_list;
    entry_t **start = bucket_of(redis, key);
    memcpy(entry->key, key.data, key.len);
    entry->next = *start;
    entry->back = start;
    if (entry->next) entry->next->back = &entry->next;
    *start = entry;
    redis->key_count++;
    redis->memory += key.len + ENTRY_COST;
    return entry;
}

/* ---- lists ---- */

bool redis_value_add(redis_t *redis, entry_t *entry, bytes_t bytes, bool is_left)
{
    bytes_t key = {entry->key, entry->key_len};
    if (!has_room(redis, key, bytes)) return false;
    value_t *value = malloc(sizeof *value + bytes.len);
    *value         = (value_t){.len = bytes.len};
    if (bytes.len) memcpy(value->bytes, bytes.data, bytes.len);
    value_t **end = is_left ? &entry->first : &entry->last, *other = *end;
    if (other && is_left) {
        other->previous = value;
        value->next     = other;
    } else if (other) {
        other->next     = value;
        value->previous = other;
    }
    *end = value;
    if (entry->count++ == 0) entry->first = entry->last = value;
    redis->memory += bytes.len + VALUE_COST;
    return true;
}

void redis_value_pop(redis_t *redis, entry_t *entry, bool is_left, bus_writer_t *out)
{
    value_t *value = is_left ? entry->first : entry->last;
    resp_bulk(out, (bytes_t){value->bytes, value->len});
    value_free(redis, entry, value);
}

void redis_list_trim(redis_t *redis, entry_t *entry, uint32_t from, uint32_t count)
{
    for (; from > 0 && entry->first; from--)
        value_free(redis, entry, entry->first);
    while (entry->count > count)
        value_free(redis, entry, entry->last);
}

/* ---- waiting ---- */

static void wait_end(redis_client_t *client)
{
    redis_t *redis = client->redis;
    if (!client->wait_count) return;
    for (uint32_t i = 0; i < client->wait_count; i++)
        free(client->wait_keys[i].data);
    client->wait_count = 0;
    *client->back      = client->next;
    if (client->next)
        client->next->back = client->back;
    else
        redis->waiting_end = client->back;
}

void redis_wait(redis_client_t *client, const bytes_t *keys, uint32_t count, bool is_left, uint64_t end_ms)
{
    redis_t *redis = client->redis;
    for (uint32_t i = 0; i < count; i++) {
        client->wait_keys[i] = (owned_t){malloc(keys[i].len + 1), keys[i].len};
        memcpy(client->wait_keys[i].data, keys[i].data, keys[i].len);
    }
    client->wait_count   = count;
    client->wait_is_left = is_left;
    client->wait_end_ms  = end_ms;
    client->next         = NULL;
    client->back         = redis->waiting_end;
    *client->back        = client;
    redis->waiting_end   = &client->next;
}

static redis_client_t *waiter_of(const redis_t *redis, bytes_t key)
{
    for (redis_client_t *client = redis->waiting; client; client = client->next)
        for (uint32_t i = 0; i < client->wait_count; i++)
            if (client->wait_keys[i].len == key.len &&
                memcmp(client->wait_keys[i].data, key.data, key.len) == 0)
                return client;
    return NULL;
}

/* Who waited longest is served first. */
static void serve(redis_t *redis, entry_t *entry)
{
    bytes_t key = {entry->key, entry->key_len};
    redis_client_t *client;
    while (entry->count > 0 && (client = waiter_of(redis, key)) != NULL) {
        resp_array(client->out, 2);
        resp_bulk(client->out, key);
        redis_value_pop(redis, entry, client->wait_is_left, client->out);
        wait_end(client);
        redis->ops.on_answer(redis->ops.self, client->link);
    }
}

void redis_pushed(redis_t *redis, entry_t *entry)
{
    bytes_t key   = {entry->key, entry->key_len};
    bool is_reply = bytes_equal(key, bytes_text(REDIS_QUEUE_REPLY));
    if (!is_reply && !bytes_equal(key, bytes_text(REDIS_QUEUE_LOCAL))) {
        serve(redis, entry);
        redis_list_trim(redis, entry, 0, REDIS_LIST_MAX);
        if (entry->count == 0) redis_entry_free(redis, entry);
        return;
    }
    /* What the bus does may push to other lists, not to these. */
    while (entry->last) {
        const value_t *value = entry->last;
        redis->ops.on_queue(redis->ops.self, is_reply, (bytes_t){value->bytes, value->len});
        value_free(redis, entry, entry->last);
    }
    redis_entry_free(redis, entry);
}

bool redis_push(redis_t *redis, bytes_t key, bytes_t value, uint64_t keep_s)
{
    if (key.len == 0 || key.len > REDIS_KEY_MAX) return false;
    if (bytes_equal(key, bytes_text(REDIS_QUEUE_REPLY)) || bytes_equal(key, bytes_text(REDIS_QUEUE_LOCAL)))
        return false; /* the bus is no program of its own */
    entry_t *entry  = redis_entry_open(redis, key, true);
    uint64_t end_ms = now_ms(redis) + keep_s * 1000;
    if (!entry || !entry->is_list) return false;
    bool is_new = entry->count == 0, is_added = redis_value_add(redis, entry, value, true);
    if (is_added && (is_new || (entry->end_ms && entry->end_ms < end_ms))) entry->end_ms = end_ms;
    if (is_added)
        redis_pushed(redis, entry);
    else if (is_new)
        redis_entry_free(redis, entry);
    return is_added;
}

/* ---- the whole ---- */

static void waits_expire(redis_t *redis, uint64_t now)
{
    redis_client_t *next;
    for (redis_client_t *client = redis->waiting; client; client = next) {
        next = client->next;
        if (!client->wait_end_ms || client->wait_end_ms > now) continue;
        resp_null_array(client->out);
        wait_end(client);
        redis->ops.on_answer(redis->ops.self, client->link);
    }
}

void redis_tick(redis_t *redis)
{
    uint64_t now = now_ms(redis);
    for (uint32_t i = 0; i < REDIS_BUCKETS; i++) {
        entry_t *next;
        for (entry_t *entry = redis->buckets[i]; entry; entry = next) {
            next = entry->next;
            if (entry->end_ms && entry->end_ms <= now) redis_entry_free(redis, entry);
        }
    }
    waits_expire(redis, now);
}

redis_t *redis_new(const redis_ops_t *ops, const char *password)
{
    redis_t *redis     = calloc(1, sizeof *redis);
    redis->ops         = *ops;
    redis->waiting_end = &redis->waiting;
    crypto_random(&redis->salt, sizeof redis->salt);
    if (password && *password) redis->password = strdup(password);
    return redis;
}

void redis_free(redis_t *redis)
{
    if (!redis) return;
    for (uint32_t i = 0; i < REDIS_BUCKETS; i++)
        while (redis->buckets[i])
            redis_entry_free(redis, redis->buckets[i]);
    assert(!redis->waiting && redis->memory == 0);
    if (redis->password) crypto_wipe(redis->password, strlen(redis->password));
    free(redis->password);
    free(redis);
}

redis_client_t *redis_client_new(redis_t *redis, void *link)
{
    redis_client_t *client = calloc(1, sizeof *client);
    client->redis          = redis;
    client->link           = link;
    client->is_in          = redis->password == NULL;
    client->id             = ++redis->last_id;
    return client;
}

void redis_client_free(redis_client_t *client)
{
    wait_end(client);
    free(client);
}

bool redis_is_waiting(const redis_client_t *client) { return client->wait_count > 0; }
uint64_t redis_memory(const redis_t *redis) { return redis->memory; }
