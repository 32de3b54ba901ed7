/* rpc_spec.c - which chain this is: chainSpec_v1_*. */

#include "rpc_internal.h"

static json_t *chain_name(call_t *call) { return json_string(call->rpc->o.chain_name); }

static json_t *genesis_hash(call_t *call)
{
    hash_t hash = chain_genesis(call->rpc->o.chain).hash;
    return json_hash(&hash);
}

static json_t *properties(call_t *call)
{
    (void)call;
    return rpc_properties_json();
}

method_table_t rpc_spec_methods(void)
{
    static const method_t methods[] = {
        {"chainSpec_v1_chainName",   false, chain_name,   NULL},
        {"chainSpec_v1_genesisHash", false, genesis_hash, NULL},
        {"chainSpec_v1_properties",  false, properties,   NULL},
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
