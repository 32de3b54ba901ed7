/* redis_internal.h - what the table of keys and the commands over it share; see redis.h. */
#ifndef REDIS_INTERNAL_H
#define REDIS_INTERNAL_H
#include "redis.h"

#define REDIS_QUEUE_LOCAL "msgbus.system.local"
#define REDIS_QUEUE_REPLY "msgbus.system.reply"
#define REDIS_BUCKETS     4096
#define ENTRY_COST        sizeof(entry_t)
#define VALUE_COST        sizeof(value_t)

typedef struct value {
    struct value *next, *previous;
    uint32_t len;
    uint8_t bytes[];
} value_t;

/* A list, or a string: then it has one value. */
typedef struct entry {
    struct entry *next, **back; /* in its bucket */
    value_t *first, *last;
    uint64_t end_ms; /* 0: none */
    uint32_t count, key_len;
    bool is_list;
    uint8_t key[];
} entry_t;

typedef struct {
    uint8_t *data;
    uint32_t len;
} owned_t;

struct redis_client {
    redis_t *redis;
    void *link;
    uint64_t id;
    bool is_in; /* the password was given, or there is none */
    bus_writer_t *out;
    owned_t wait_keys[REDIS_WAIT_KEYS];
    uint32_t wait_count; /* 0: it does not wait */
    bool wait_is_left;
    uint64_t wait_end_ms;         /* 0: none */
    redis_client_t *next, **back; /* of those that wait, in their order */
};

struct redis {
    redis_ops_t ops;
    uint32_t salt, key_count;
    uint64_t memory, last_id;
    char *password;
    entry_t *buckets[REDIS_BUCKETS];
    redis_client_t *waiting, **waiting_end;
};

/* redis_entry_get looks for a key that has not ended. */
entry_t *redis_entry_get(redis_t *redis, bytes_t key);
/* redis_entry_open makes it; NULL when there are too many. */
entry_t *redis_entry_open(redis_t *redis, bytes_t key, bool is_list);
void redis_entry_free(redis_t *redis, entry_t *entry);

/* redis_value_add is false when there is no room. */
bool redis_value_add(redis_t *redis, entry_t *entry, bytes_t bytes, bool is_left);
/* redis_value_pop writes a value, of a list that has one, and takes it off. */
void redis_value_pop(redis_t *redis, entry_t *entry, bool is_left, bus_writer_t *out);
/* redis_list_trim takes from values off the left, then all but count. */
void redis_list_trim(redis_t *redis, entry_t *entry, uint32_t from, uint32_t count);
/* redis_pushed serves who waits for a list, or the bus; the entry may be gone then. */
void redis_pushed(redis_t *redis, entry_t *entry);

void redis_wait(redis_client_t *client, const bytes_t *keys, uint32_t count, bool is_left, uint64_t end_ms);

#endif
