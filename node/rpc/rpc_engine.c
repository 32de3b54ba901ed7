/* rpc_engine.c - blocks on demand: Substrate's manual-seal methods (spec chain-host 4.2). */

#include "rpc_internal.h"

enum { ENGINE_EMPTY_POOL = 1, ENGINE_BLOCK_NOT_FOUND = 3, ENGINE_FAILED = 5 };

static json_t *not_created(call_t *call, author_status_t status)
{
    if (status == AUTHOR_EMPTY_POOL)
        return rpc_fail(call, ENGINE_EMPTY_POOL, NULL,
                        "the pool is empty: no block without create_empty = true");
    return rpc_fail(call, status == AUTHOR_UNKNOWN_BLOCK ? ENGINE_BLOCK_NOT_FOUND : ENGINE_FAILED, NULL,
                    "%s%s%s", author_status_text(status), status == AUTHOR_FAILED ? ": " : "",
                    status == AUTHOR_FAILED ? chain_status_text(author_failure(call->rpc->o.author)) : "");
}

static json_t *finalize(call_t *call, const hash_t *hash)
{
    if (!call->rpc->o.finality) return rpc_fail(call, ENGINE_FAILED, NULL, "this node does not finalize");
    chain_status_t status = finality_finalize(call->rpc->o.finality, hash);
    return status == CHAIN_OK ? json_true() : rpc_chain_failed(call, status, hash);
}

static json_t *create_block(call_t *call)
{
    rpc_t *rpc           = call->rpc;
    json_t *create_empty = param_at(call, 0), *finalize_it = param_at(call, 1);
    bool has_parent = param_at(call, 2) != NULL;
    hash_t parent;
    chain_point_t block;
    if (!json_is_boolean(create_empty) || !json_is_boolean(finalize_it))
        return rpc_bad_param(call, "expected create_empty and finalize, each true or false");
    if (!param_block(call, 2, &parent)) return NULL;
    if (!rpc->o.author)
        return rpc_fail(call, ENGINE_FAILED, NULL,
                        "this node makes no blocks: start it with --validator and a key");
    pool_tick(rpc->o.pool, io_now_ms(rpc->o.io));
    chain_point_t before   = chain_best(rpc->o.chain);
    author_status_t status = author_create(rpc->o.author, io_now_ms(rpc->o.io), json_is_true(create_empty),
                                           has_parent ? &parent : NULL, &block);
    if (status != AUTHOR_OK) return not_created(call, status);
    pool_tick(rpc->o.pool, io_now_ms(rpc->o.io));
    if (json_is_true(finalize_it)) {
        json_t *done = finalize(call, &block.hash);
        if (!done) return NULL;
        json_decref(done);
    }
    bool is_best = block.number > before.number;
    return json_pack("{s:o, s:{s:b, s:b, s:b, s:b, s:b}}", "hash", json_hash(&block.hash), "aux",
                     "header_only", 0, "clear_justification_requests", 0, "needs_justification", 0,
                     "bad_justification", 0, "is_new_best", is_best);
}

static json_t *finalize_block(call_t *call)
{
    hash_t hash;
    if (!param_at(call, 0)) return rpc_bad_param(call, "parameter 1: expected a block hash");
    return param_block(call, 0, &hash) ? finalize(call, &hash) : NULL;
}

method_table_t rpc_engine_methods(void)
{
    static const method_t methods[] = {
        {"engine_createBlock",   true, create_block,   "create_empty finalize parent_hash"},
        {"engine_finalizeBlock", true, finalize_block, "hash justification"               },
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
