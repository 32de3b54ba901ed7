/* follow_internal.h - what follow.c and follow_genesis.c share. */
#ifndef FOLLOW_INTERNAL_H
#define FOLLOW_INTERNAL_H
#include "apply.h"
#include "follow.h"
#include "io.h"

#include <jansson.h>

#define WINDOW 64u

typedef struct {
    follow_t *follow;
    uint32_t number;
    char hash[67], parent[67];
    uint8_t *events;
    uint32_t events_len;
    uint64_t time_s;
    bool has_failed;
} slot_t;

typedef struct genesis genesis_t;

struct follow {
    io_t *io;
    client_t *client;
    store_t *store;
    uint64_t best_ticket, final_ticket;
    follow_state_t state;
    slot_t slots[WINDOW];
    uint32_t slot_count, pending;
    bool is_busy, is_wanted;
    io_timer_t *retry;
    arena_t arena;
    uint64_t told_ms, told_blocks; /* of the last line of progress */
    genesis_t *genesis;
    void (*on_block)(void *self);
    void *on_block_self;
};

/* follow_round begins the next round, or makes sure that one comes. */
void follow_round(follow_t *follow);

/* follow_later ends a round that failed: the next comes in a second. */
void follow_later(follow_t *follow, const char *what, const char *why);

/* follow_stop gives up for good. */
void follow_stop(follow_t *follow, const char *why);

/* genesis_start reads the state of block 0 into the empty index, then begins the next round. */
void genesis_start(follow_t *follow);
void genesis_free(follow_t *follow);

/* follow_change gives the value of a key in the answer of state_queryStorageAt as bytes to free(); NULL when
 * it has none. */
uint8_t *follow_change(const json_t *answer, const char *key_hex, uint32_t *len);

#endif
