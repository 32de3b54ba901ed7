/* rpc_dev.c - blocks and time at will, on development chains: chopsticks' methods.
 *
 * A block that they make is one like all others: its time is later than its parent's, its slot is our
 * authority's, and whoever executes it again comes to the same state. */

#include "rpc_internal.h"

#include <string.h>

enum { DEV_BLOCKS_MAX = 10000 };                  /* of one call: it holds up all others */
#define DEV_TIME_MS_MAX UINT64_C(253402300799999) /* the end of the year 9999 */

/* is_allowed says whether this is a chain for trial, and one that we make blocks of. */
static bool is_allowed(call_t *call)
{
    const rpc_options_t *o = &call->rpc->o;
    if (strcmp(o->chain_type, "Development") != 0 && strcmp(o->chain_type, "Local") != 0)
        rpc_fail(call, RPC_EXECUTION, NULL, "dev methods are for development chains only: this one is %s",
                 o->chain_type);
    else if (!o->author)
        rpc_fail(call, RPC_EXECUTION, NULL, "this node makes no blocks: start it with --validator and a key");
    return call->code == 0;
}

static json_t *not_made(call_t *call, author_status_t status)
{
    bool has_failed = status == AUTHOR_FAILED;
    return rpc_fail(call, RPC_EXECUTION, NULL, "no block could be made: %s%s%s", author_status_text(status),
                    has_failed ? ": " : "",
                    has_failed ? chain_status_text(author_failure(call->rpc->o.author)) : "");
}

/* ------------------------------------------------------------------------------------ dev_newBlock */

/* take_number reads a field, when it is there; false with the error set. */
static bool take_number(call_t *call, const json_t *value, const char *name, uint32_t *number)
{
    char text[96];
    json_int_t given = json_integer_value(value);
    if (!value) return true;
    snprintf(text, sizeof text, "%s: expected a number from 1 to %u", name, UINT32_MAX);
    if (!json_is_integer(value) || given < 1 || given > UINT32_MAX) return rpc_bad_param(call, text) != NULL;
    *number = (uint32_t)given;
    return true;
}

/* read_wish gives how many blocks are wanted; false with the error set. */
static bool read_wish(call_t *call, uint32_t *count)
{
    static const char expected[] = "expected {count, to, unsafeBlockHeight}, each of them optional";
    json_t *wish                 = param_at(call, 0), *value;
    const char *name;
    uint32_t best = chain_best(call->rpc->o.chain).number, to = 0, height = 0;
    *count = 1;
    if (!wish && !call->is_named) return true;
    if (!json_is_object(wish)) return rpc_bad_param(call, expected) != NULL;
    json_object_foreach(wish, name, value) if (
        strcmp(name, "count") != 0 && strcmp(name, "to") != 0 &&
        strcmp(name, "unsafeBlockHeight") !=
            0) return rpc_bad_param(call, strcmp(name, "transactions") == 0
                                              ? "transactions: submit them by author_submitExtrinsic before"
                                              : expected) != NULL;
    if (!take_number(call, json_object_get(wish, "count"), "count", count) ||
        !take_number(call, json_object_get(wish, "to"), "to", &to) ||
        !take_number(call, json_object_get(wish, "unsafeBlockHeight"), "unsafeBlockHeight", &height))
        return false;
    if (to > 0 && to <= best) return rpc_bad_param(call, "to: the best block is there already") != NULL;
    if (to > 0) *count = to - best;
    if (height > 0 && height != best + 1)
        return rpc_bad_param(call,
                             "unsafeBlockHeight: a block's number is its parent's and one: heights cannot be "
                             "left out on a chain whose blocks are real") != NULL;
    return *count <= DEV_BLOCKS_MAX || rpc_bad_param(call, "at most 10000 blocks by one call") != NULL;
}

static json_t *new_block(call_t *call)
{
    uint32_t count;
    uint64_t next_ms;
    chain_point_t block = {0};
    rpc_options_t *o    = &call->rpc->o;
    if (!is_allowed(call) || !read_wish(call, &count)) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t now_ms = io_now_ms(o->io);
        pool_tick(o->pool, now_ms);
        author_status_t status = author_create(o->author, now_ms, true, NULL, &block);
        if (status != AUTHOR_OK) return not_made(call, status);
        if (o->finality && finality_tick(o->finality, now_ms, &next_ms) != CHAIN_OK)
            return rpc_fail(call, RPC_EXECUTION, NULL, "no block could be finalized");
    }
    pool_tick(o->pool, io_now_ms(o->io));
    return json_hash(&block.hash);
}

/* ------------------------------------------------------------------------------------ dev_timeTravel */

static json_t *time_travel(call_t *call)
{
    const json_t *value = param_at(call, 0);
    uint64_t time_ms;
    if (!is_allowed(call)) return NULL;
    if (!json_is_integer(value) || json_integer_value(value) <= 0 ||
        (uint64_t)json_integer_value(value) > DEV_TIME_MS_MAX)
        return rpc_bad_param(call, "parameter 1: expected the next block's time, in milliseconds since 1970");
    uint64_t to_ms         = (uint64_t)json_integer_value(value);
    author_status_t status = author_travel(call->rpc->o.author, to_ms, &time_ms);
    if (status == AUTHOR_NOTHING)
        return rpc_fail(call, RPC_EXECUTION, NULL,
                        "time only goes on: the next block cannot be before %llu, its parent's slot and one",
                        (unsigned long long)time_ms);
    return status == AUTHOR_OK ? json_integer((json_int_t)time_ms) : not_made(call, status);
}

/* ------------------------------------------------------------------------------------ what is refused */

static json_t *set_storage(call_t *call)
{
    return rpc_fail(call, RPC_EXECUTION, NULL,
                    "state changes by blocks alone, or no one could execute them again: begin a chain with "
                    "other values instead (export-state, edit, --chain FILE)");
}

static json_t *set_head(call_t *call)
{
    return rpc_fail(call, RPC_EXECUTION, NULL,
                    "the best block is the highest one: build on another with engine_createBlock, or take "
                    "blocks back with trellis-node revert");
}

bool rpc_is_refused(const method_t *method) { return method->run == set_head || method->run == set_storage; }

method_table_t rpc_dev_methods(void)
{
    static const method_t methods[] = {
        {"dev_newBlock",   true, new_block,   NULL},
        {"dev_setHead",    true, set_head,    NULL},
        {"dev_setStorage", true, set_storage, NULL},
        {"dev_timeTravel", true, time_travel, NULL},
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
