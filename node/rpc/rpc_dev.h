/* rpc_dev.h - what the files of the development methods share. */
#ifndef RPC_DEV_H
#define RPC_DEV_H
#include "rpc_internal.h"

/* rpc_dev_is_allowed says whether this is a chain for trial, and one that we make blocks of; else the error
 * is set. */
bool rpc_dev_is_allowed(call_t *call);

/* rpc_dev_not_made tells why there is no block. */
json_t *rpc_dev_not_made(call_t *call, author_status_t status);

/* rpc_dev_made lets finality and pool follow a new block; false with the error set. */
bool rpc_dev_made(call_t *call, uint64_t now_ms);

json_t *rpc_dev_set_storage(call_t *call);
json_t *rpc_dev_set_head(call_t *call);

#endif
