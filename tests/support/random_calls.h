/* random_calls.h - the next call of a chain where many people do everything.
 *
 * random_calls_next looks at the state and makes a call that somebody could sign: every call of every pallet,
 * most of them meant to succeed (the owner cancels a contract that is there), some hostile (a stranger, an
 * unknown id, a number at its limit).  The same choices on the same states give the same calls.
 *
 * The first calls make twins, farms and nodes.  What needs the council comes as a motion: a proposal, votes,
 * a close; what needs root as a proposal of the DAO, or as a call of RANDOM_ROOT where the one who asks can
 * run it.  random_values.c makes the arguments by their types and names, random_calls.c chooses call and
 * signer. */
#ifndef RANDOM_CALLS_H
#define RANDOM_CALLS_H
#include "chance.h"
#include "rt.h"

enum { RANDOM_ACTORS_MAX = 32 };
#define RANDOM_ROOT UINT32_MAX

typedef struct {
    account_id_t actors[RANDOM_ACTORS_MAX]; /* whose keys the one who asks has; some need money */
    uint32_t count;
    /* sign writes 64 bytes with which the actor proves `message`: entities do.  NULL: never a true one. */
    void (*sign)(void *context, uint32_t actor, bytes_t message, uint8_t signature[64]);
    void *context;
    bool has_root;         /* calls by RANDOM_ROOT may come; also such as change code and raw storage */
    bool keeps_validators; /* nothing that changes who makes blocks */
    bool keeps_addresses;  /* no public address is taken from a contract by force */
} random_config_t;

typedef struct {
    uint32_t signer; /* the actor, or RANDOM_ROOT */
    bytes_t call;    /* encoded; lasts until the next one */
    u128_t tip;
} random_call_t;

typedef struct random_calls random_calls_t;

random_calls_t *random_calls_new(const random_config_t *config, chance_t chance);
void random_calls_free(random_calls_t *calls);

/* random_calls_next makes the next call.  rt stands on the state after the last one; nothing is written. */
random_call_t random_calls_next(random_calls_t *calls, rt_t *rt);

/* random_calls_chance is where all choices come from, for what else is chosen. */
chance_t *random_calls_chance(random_calls_t *calls);

#endif
