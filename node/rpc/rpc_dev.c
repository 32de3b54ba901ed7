/* rpc_dev.c - blocks and time at will, on development chains: chopsticks' methods.
 *
 * A block that they make is one like all others: its time is later than its parent's, its slot is our
 * authority's, and whoever executes it again comes to the same state. */

#include "rpc_dev.h"

#include <string.h>

enum { DEV_BLOCKS_MAX = 10000 };                  /* of one call: it holds up all others */
#define DEV_TIME_MS_MAX UINT64_C(253402300799999) /* the end of the year 9999 */

bool rpc_dev_is_allowed(call_t *call)
{
    const rpc_options_t *o = &call->rpc->o;
    if (strcmp(o->chain_type, "Development") != 0 && strcmp(o->chain_type, "Local") != 0)
        rpc_fail(call, RPC_EXECUTION, NULL, "dev methods are for development chains only: this one is %s",
                 o->chain_type);
    else if (!o->author)
        rpc_fail(call, RPC_EXECUTION, NULL, "this node makes no blocks: start it with --validator and a key");
    return call->code == 0;
}

json_t *rpc_dev_not_made(call_t *call, author_status_t status)
{
    bool has_failed = status == AUTHOR_FAILED;
    return rpc_fail(call, RPC_EXECUTION, NULL, "no block could be made: %s%s%s", author_status_text(status),
                    has_failed ? ": " : "",
                    has_failed ? chain_status_text(author_failure(call->rpc->o.author)) : "");
}

bool rpc_dev_made(call_t *call, uint64_t now_ms)
{
    const rpc_options_t *o = &call->rpc->o;
    uint64_t next_ms;
    if (o->finality && finality_tick(o->finality, now_ms, &next_ms) != CHAIN_OK)
        return rpc_fail(call, RPC_EXECUTION, NULL, "no block could be finalized") != NULL;
    pool_tick(o->pool, now_ms);
    return true;
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

/* read_wish gives how many blocks are wanted; false with the error set.  unsafeBlockHeight is the height of
 * the first of them: where chopsticks leaves heights out, the blocks up to it are made, too, as each has a
 * parent. */
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
    if (height > 0 && height <= best)
        return rpc_bad_param(call, "unsafeBlockHeight: the best block is there already") != NULL;
    if (height > DEV_BLOCKS_MAX + best || *count > DEV_BLOCKS_MAX) *count = DEV_BLOCKS_MAX + 1;
    if (height > 0 && *count <= DEV_BLOCKS_MAX) *count += height - best - 1;
    return *count <= DEV_BLOCKS_MAX || rpc_bad_param(call, "at most 10000 blocks by one call") != NULL;
}

static json_t *new_block(call_t *call)
{
    uint32_t count;
    chain_point_t block = {0};
    rpc_options_t *o    = &call->rpc->o;
    if (!rpc_dev_is_allowed(call) || !read_wish(call, &count)) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t now_ms = io_now_ms(o->io);
        pool_tick(o->pool, now_ms);
        author_status_t status = author_create(o->author, now_ms, true, NULL, &block);
        if (status != AUTHOR_OK) return rpc_dev_not_made(call, status);
        if (!rpc_dev_made(call, now_ms)) return NULL;
    }
    pool_tick(o->pool, io_now_ms(o->io));
    return json_hash(&block.hash);
}

/* ------------------------------------------------------------------------------------ dev_timeTravel */

static json_t *time_travel(call_t *call)
{
    const json_t *value = param_at(call, 0);
    uint64_t time_ms;
    if (!rpc_dev_is_allowed(call)) return NULL;
    if (!json_is_integer(value) || json_integer_value(value) <= 0 ||
        (uint64_t)json_integer_value(value) > DEV_TIME_MS_MAX)
        return rpc_bad_param(call, "parameter 1: expected the next block's time, in milliseconds since 1970");
    uint64_t to_ms         = (uint64_t)json_integer_value(value);
    author_status_t status = author_travel(call->rpc->o.author, to_ms, &time_ms);
    if (status == AUTHOR_NOTHING)
        return rpc_fail(call, RPC_EXECUTION, NULL,
                        "time only goes on: the next block cannot be before %llu, its parent's slot and one",
                        (unsigned long long)time_ms);
    return status == AUTHOR_OK ? json_integer((json_int_t)time_ms) : rpc_dev_not_made(call, status);
}

method_table_t rpc_dev_methods(void)
{
    static const method_t methods[] = {
        {"dev_newBlock",   true, new_block,           NULL               },
        {"dev_setHead",    true, rpc_dev_set_head,    "hash_or_number"   },
        {"dev_setStorage", true, rpc_dev_set_storage, "values block_hash"},
        {"dev_timeTravel", true, time_travel,         NULL               },
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
