/* rpc_head.h - a follower of the chain's head: the blocks it has pinned, the operations it runs.
 *
 * Every block that is told of is pinned until the client lets go of it.  Pins of final and pruned blocks
 * have a limit, beyond which the subscription stops; blocks that may still become final have none, or nobody
 * could follow a chain whose finality lags.  The chain keeps the state and body of all blocks but pruned
 * ones, so a pin holds no more than a hash, and the header of a block that may be pruned. */
#ifndef RPC_HEAD_H
#define RPC_HEAD_H
#include "rpc_scan.h"

enum {
    RPC_TOO_MANY_FOLLOWS  = -32800,
    RPC_NOT_PINNED        = -32801,
    RPC_NO_RUNTIME        = -32802,
    RPC_NOT_WAITING       = -32803,
    RPC_DUPLICATE_HASHES  = -32804,
    HEAD_FOLLOWS_MAX      = 4,    /* of a connection */
    HEAD_PINNED_FINAL_MAX = 1024, /* of a follower */
    HEAD_FINALIZED_TOLD   = 16,   /* by `initialized`: a minute and a half of blocks */
    HEAD_OPERATIONS_MAX   = 256,  /* of a follower; each item of storage is one */
};

typedef struct pin {
    struct pin *next;
    hash_t hash;
    uint8_t *header; /* NULL: the chain has it for ever */
    uint32_t header_len;
    bool is_final; /* or pruned */
} pin_t;

typedef struct operation operation_t;

typedef struct {
    subscription_t *subscription;
    bool with_runtime;
    pin_t **buckets;
    uint32_t bucket_count, pin_count, final_count;
    operation_t *operations;
    uint32_t slots_used;
    uint64_t last_operation;
} follow_t;

/* head_follow reads the first parameter: *follow is NULL when no such follower lives.  False: the error is
 * set. */
bool head_follow(call_t *call, follow_t **follow);

/* head_pinned reads the second parameter, a block that the follower has pinned; false with the error set. */
bool head_pinned(call_t *call, follow_t *follow, hash_t *hash);

/* head_end_operations drops all of them. */
void head_end_operations(follow_t *follow);

#endif
