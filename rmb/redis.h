/* redis.h - the part of Redis that programs of rmb-rs use: lists, strings with an end, waits.
 *
 * A table of keys in memory, and the commands over it; no socket and no clock of its own (redis_server.h).
 * A value that comes into one of the bus's own queues is taken out at once and handed to the bus.  What
 * waits is bounded: in all, and in one list, where the oldest makes room as in rmb-rs. */
#ifndef REDIS_H
#define REDIS_H
#include "resp.h"

#define REDIS_MEMORY_MAX (256u << 20)
#define REDIS_KEYS_MAX   65536
#define REDIS_KEY_MAX    1024
#define REDIS_LIST_MAX   10000 /* as rmb-rs keeps of a queue */
#define REDIS_WAIT_KEYS  64

typedef struct redis redis_t;
typedef struct redis_client redis_client_t;

typedef struct {
    void *self;
    uint64_t (*now_ms)(void *self);
    /* on_queue takes a value of one of the bus's queues; is_reply: msgbus.system.reply, else .local. */
    void (*on_queue)(void *self, bool is_reply, bytes_t value);
    /* on_answer: a client that waited has an answer in its writer. */
    void (*on_answer)(void *self, void *link);
} redis_ops_t;

/* redis_new: password NULL or empty: none.  It is copied, and wiped at the end. */
redis_t *redis_new(const redis_ops_t *ops, const char *password);
void redis_free(redis_t *redis); /* after its clients */

/* redis_push does what LPUSH does, for the bus: keep_s is how long the list lives at least.  False: no room.
 */
NODISCARD bool redis_push(redis_t *redis, bytes_t key, bytes_t value, uint64_t keep_s);

/* redis_tick ends waits and keys that are over; each second or so. */
void redis_tick(redis_t *redis);

redis_client_t *redis_client_new(redis_t *redis, void *link);
void redis_client_free(redis_client_t *client);

/* redis_command does a command and writes the answer to out, which must live as long as the client.  False:
 * the client is to be closed when it has its answer. */
NODISCARD bool redis_command(redis_client_t *client, const resp_command_t *command, bus_writer_t *out);

/* redis_is_waiting: nothing more may be asked by this client until it was answered. */
bool redis_is_waiting(const redis_client_t *client);

uint64_t redis_memory(const redis_t *redis);

#endif
