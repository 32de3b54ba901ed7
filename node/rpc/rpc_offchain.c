/* rpc_offchain.c - the node's own storage beside the chain, which no block reads. */

#include "rpc_internal.h"

#include <string.h>

enum { KIND_UNAVAILABLE = 5001 };

/* Substrate has one kind that works, and so have we; the other would follow forks. */
static bool param_kind(call_t *call)
{
    const char *kind;
    if (!param_text(call, 0, &kind)) return false;
    if (strcmp(kind, "PERSISTENT") == 0) return true;
    if (strcmp(kind, "LOCAL") == 0)
        rpc_fail(call, KIND_UNAVAILABLE, NULL, "This storage kind is not available yet");
    else
        rpc_bad_param(call, "parameter 1: expected PERSISTENT or LOCAL");
    return false;
}

static json_t *get(call_t *call)
{
    bytes_t key, value;
    if (!param_kind(call) || !param_bytes(call, 1, &key)) return NULL;
    return chain_offchain(call->rpc->o.chain, key, call->arena, &value) ? json_hex(value) : json_null();
}

static json_t *set(call_t *call)
{
    bytes_t key, value;
    if (!param_kind(call) || !param_bytes(call, 1, &key) || !param_bytes(call, 2, &value)) return NULL;
    chain_offchain_set(call->rpc->o.chain, key, &value);
    return json_null();
}

static json_t *clear(call_t *call)
{
    bytes_t key;
    if (!param_kind(call) || !param_bytes(call, 1, &key)) return NULL;
    chain_offchain_set(call->rpc->o.chain, key, NULL);
    return json_null();
}

method_table_t rpc_offchain_methods(void)
{
    static const method_t methods[] = {
        {"offchain_localStorageClear", true, clear, "kind key"      },
        {"offchain_localStorageGet",   true, get,   "kind key"      },
        {"offchain_localStorageSet",   true, set,   "kind key value"},
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
