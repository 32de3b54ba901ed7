/* random_values.h - what the files that make random calls share: arguments, and what they were made for. */
#ifndef RANDOM_VALUES_H
#define RANDOM_VALUES_H
#include "random_calls.h"
#include "runtime_call.h"
#include "runtime_table.h"

enum { RANDOM_CALL_MAX = 1 << 16, QUEUE_MAX = 48, QUEUED_MAX = 1024 };

/* A call that is to come: of a motion under way. */
typedef enum { QUEUED_CALL, QUEUED_VOTE, QUEUED_CLOSE, QUEUED_FARM_VOTE, QUEUED_DAO_CLOSE } queued_kind_t;
typedef struct {
    queued_kind_t kind;
    uint32_t signer, farm_id, len;
    hash_t hash;
    uint8_t bytes[QUEUED_MAX];
} queued_t;

/* What the arguments made last are about. */
typedef struct {
    uint64_t contract, service;
    uint32_t farm, node, twin, entity, actor, motion_index, call_len, address, mint;
    const struct plan *call; /* of the innermost call */
    bool has_contract, has_farm, has_node;
    hash_t motion;
} subject_t;

struct random_calls {
    random_config_t config;
    chance_t chance;
    rt_t *rt;
    subject_t of;
    uint32_t depth, setup;
    queued_t queue[QUEUE_MAX];
    uint32_t queued;
    scale_writer_t w;
    uint8_t bytes[RANDOM_CALL_MAX];
};

/* Who may make a call; the others try too, rarely. */
typedef enum {
    BY_ANYONE,
    BY_TWIN,
    BY_OWNER,  /* of the contract */
    BY_TENANT, /* who may deploy on the node */
    BY_NODE,
    BY_FARMER,
    BY_ENTITY,
    BY_TWIN_ITSELF, /* the account of the twin that is named */
    BY_NAMED,       /* the account that was named last */
    BY_COUNCIL,
    BY_VALIDATOR, /* of the session */
    BY_CANDIDATE, /* who asked to become one */
    BY_BRIDGE,
    BY_SELLER, /* of the service */
    BY_PARTY,  /* of the service, either */
    BY_INNER,  /* whoever may make the inner call */
    BY_RESTRICTED,
    BY_ROOT,
} by_t;

/* Where a call stands in the table of all calls. */
typedef struct plan {
    const char *pallet, *name;
    uint16_t weight; /* how often, against the others */
    by_t by;
    enum { SAFE, CHANGES_VALIDATORS, TAKES_ADDRESSES, RAW } danger;
    const table_pallet_t *table; /* found at the start */
    const table_variant_t *call;
} plan_t;

/* random_put_args writes the arguments of a call by their types, names and what is in state. */
void random_put_args(random_calls_t *g, const plan_t *plan);

/* random_put_call writes a call within another; `by` prefers calls of that origin, BY_INNER any. */
void random_put_call(random_calls_t *g, by_t by);

uint32_t random_actor_of(random_calls_t *g,
                         const account_id_t *who); /* a random one when it is none of them */
const account_id_t *random_account(random_calls_t *g);

#define BELOW(g, n)   chance_below(&(g)->chance, n)
#define PERCENT(g, n) chance_percent(&(g)->chance, n)

#endif
