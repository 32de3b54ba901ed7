/* rpc_system.c - who this node is, and how it is. */

#include "log.h"
#include "rpc_internal.h"
#include "runtime.h"
#include "scale.h"
#include "ss58.h"

#include <stdio.h>
#include <string.h>

static json_t *name(call_t *call) { return json_string(call->rpc->o.node_name); }
static json_t *version(call_t *call) { return json_string(call->rpc->o.version); }
static json_t *chain_name(call_t *call) { return json_string(call->rpc->o.chain_name); }
static json_t *chain_type(call_t *call) { return json_string(call->rpc->o.chain_type); }

json_t *rpc_properties_json(void)
{
    return json_pack("{s:i, s:s}", "tokenDecimals", 7, "tokenSymbol", "TFT");
}
static json_t *peer_id(call_t *call) { return json_string(call->rpc->o.peer_id); }

static json_t *properties(call_t *call)
{
    (void)call;
    return rpc_properties_json();
}

json_t *rpc_health_json(const rpc_t *rpc)
{
    (void)rpc;
    return json_pack("{s:i, s:b, s:b}", "peers", 0, "isSyncing", 0, "shouldHavePeers", 0);
}
static json_t *health(call_t *call) { return rpc_health_json(call->rpc); }

static json_t *nothing(call_t *call)
{
    (void)call;
    return json_array();
}

/* What is added comes after what was there, and stands above it. */
static json_t *add_log_filter(call_t *call)
{
    rpc_t *rpc = call->rpc;
    const char *text, *before = rpc->log_filter[0] ? rpc->log_filter : rpc->o.log_filter;
    char filter[sizeof rpc->log_filter];
    if (!param_text(call, 0, &text)) return NULL;
    int len = snprintf(filter, sizeof filter, "%s,%s", before ? before : "info", text);
    if (len < 0 || (size_t)len >= sizeof filter || !log_filter(filter))
        return rpc_bad_param(call, "expected parts and levels, as in --log: rpc=debug,info");
    memcpy(rpc->log_filter, filter, sizeof filter);
    return json_null();
}

static json_t *reset_log_filter(call_t *call)
{
    const char *filter       = call->rpc->o.log_filter;
    call->rpc->log_filter[0] = 0;
    return log_filter(filter ? filter : "info") ? json_null()
                                                : rpc_fail(call, RPC_INTERNAL, NULL, "Internal error");
}

static json_t *roles(call_t *call) { return json_pack("[s]", call->rpc->o.role); }

static json_t *sync_state(call_t *call)
{
    uint32_t best = chain_best(call->rpc->o.chain).number;
    return json_pack("{s:i, s:i, s:i}", "startingBlock", 0, "currentBlock", (int)best, "highestBlock",
                     (int)best);
}

static json_t *next_index(call_t *call)
{
    const char *text;
    account_id_t who;
    if (!param_text(call, 0, &text)) return NULL;
    bytes_t address = {(const uint8_t *)text, (uint32_t)strlen(text)};
    if (!ss58_account_decode(address, &who))
        return rpc_bad_param(call, "parameter 1: expected an SS58 address");
    return json_integer(pool_next_nonce(call->rpc->o.pool, &who));
}

/* ------------------------------------------------------------------------------------ system_dryRun */

typedef struct {
    bytes_t extrinsic, result;
    chain_point_t parent;
    uint64_t now_ms;
    arena_t *arena;
    bool is_done;
} dry_run_t;

/* An extrinsic in a block of its own on the parent; chain_run undoes it. */
static void dry_run(void *self, rt_t *rt)
{
    dry_run_t *d  = self;
    uint64_t slot = d->now_ms / runtime_slot_duration(rt);
    uint8_t slot_le[8];
    scale_writer_t w = scale_writer(slot_le, sizeof slot_le);
    scale_put_u64(&w, slot);
    header_t header  = {.parent_hash = d->parent.hash, .number = d->parent.number + 1, .digest_count = 1};
    header.digest[0] = (digest_item_t){
        .kind = DIGEST_PRE_RUNTIME, .engine = {'a', 'u', 'r', 'a'},
             .data = scale_written(&w)
    };
    bytes_t result;
    runtime_initialize_block(rt, &header);
    if (rt->fault || !runtime_api(rt, BYTES("BlockBuilder_apply_extrinsic"), d->extrinsic, &result)) return;
    d->is_done = arena_copy(d->arena, result, &d->result);
}

static json_t *dry_run_method(call_t *call)
{
    dry_run_t d = {.arena = call->arena, .now_ms = io_now_ms(call->rpc->o.io)};
    if (!param_bytes(call, 0, &d.extrinsic) || !param_block(call, 1, &d.parent.hash)) return NULL;
    if (!chain_number(call->rpc->o.chain, &d.parent.hash, &d.parent.number))
        return rpc_unknown_block(call, &d.parent.hash);
    chain_status_t status = chain_runtime(call->rpc->o.chain, &d.parent.hash);
    if (status == CHAIN_OK) status = chain_run(call->rpc->o.chain, &d.parent.hash, dry_run, &d);
    if (status != CHAIN_OK) return rpc_chain_failed(call, status, &d.parent.hash);
    return d.is_done ? json_hex(d.result)
                     : rpc_fail(call, RPC_CLIENT, NULL,
                                "Client error: Execution failed: the extrinsic does not decode");
}

static json_t *methods_list(call_t *call) { return rpc_all_methods(call->rpc); }

method_table_t rpc_system_methods(void)
{
    static const method_t methods[] = {
        {"account_nextIndex",           false, next_index,       "account"     },
        {"rpc_methods",                 false, methods_list,     NULL          },
        {"system_accountNextIndex",     false, next_index,       "account"     },
        {"system_addLogFilter",         true,  add_log_filter,   "directives"  },
        {"system_resetLogFilter",       true,  reset_log_filter, NULL          },
        {"system_reservedPeers",        false, nothing,          NULL          },
        {"system_dryRunAt",             true,  dry_run_method,   "extrinsic at"},
        {"system_chain",                false, chain_name,       NULL          },
        {"system_chainType",            false, chain_type,       NULL          },
        {"system_dryRun",               true,  dry_run_method,   "extrinsic at"},
        {"system_health",               false, health,           NULL          },
        {"system_localListenAddresses", false, nothing,          NULL          },
        {"system_localPeerId",          false, peer_id,          NULL          },
        {"system_name",                 false, name,             NULL          },
        {"system_nodeRoles",            false, roles,            NULL          },
        {"system_peers",                true,  nothing,          NULL          },
        {"system_properties",           false, properties,       NULL          },
        {"system_syncState",            false, sync_state,       NULL          },
        {"system_version",              false, version,          NULL          },
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
