/* rpc_head_ops.c - what a follower asks of its pinned blocks: body, call, storage; each answered by events.
 */

#include "rpc_head.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTINUE_LEN = 4 << 20 }; /* bytes of storage after which the client is asked whether it keeps up */

typedef enum { OPERATION_BODY, OPERATION_CALL, OPERATION_STORAGE } operation_kind_t;

struct operation {
    operation_t *next;
    follow_t *follow;
    operation_kind_t kind;
    io_timer_t *timer; /* NULL: it runs, or waits */
    char id[24];
    hash_t at;
    uint32_t slots;
    char *function; /* CALL */
    uint8_t *args;
    uint32_t args_len;
    scan_t *scan; /* STORAGE; NULL: a child trie, and there is none */
    size_t told_len;
    bool is_waiting;
};

/* ------------------------------------------------------------------------------------ begin and end */

static void end_operation(operation_t *operation)
{
    operation_t **at = &operation->follow->operations;
    while (*at != operation)
        at = &(*at)->next;
    *at = operation->next;
    operation->follow->slots_used -= operation->slots;
    if (operation->timer) io_timer_stop(operation->timer);
    scan_free(operation->scan);
    free(operation->function);
    free(operation->args);
    free(operation);
}

void head_end_operations(follow_t *follow)
{
    while (follow->operations)
        end_operation(follow->operations);
}

static json_t *limit_reached(void) { return json_pack("{s:s}", "result", "limitReached"); }

static void run(void *self);

static json_t *start(call_t *call, follow_t *follow, operation_t *operation)
{
    operation->follow  = follow;
    operation->next    = follow->operations;
    follow->operations = operation;
    follow->slots_used += operation->slots;
    snprintf(operation->id, sizeof operation->id, "%" PRIu64, ++follow->last_operation);
    operation->timer = io_timer_start(call->rpc->o.io, 0, 0, run, operation); /* after its id was told */
    return json_pack("{s:s, s:s}", "result", "started", "operationId", operation->id);
}

static operation_t *make(operation_kind_t kind, const hash_t *at, uint32_t slots)
{
    operation_t *operation = calloc(1, sizeof *operation);
    if (!operation) abort();
    operation->kind  = kind;
    operation->at    = *at;
    operation->slots = slots;
    return operation;
}

/* ------------------------------------------------------------------------------------ run */

static void tell(operation_t *operation, const char *event, const char *field, json_t *value)
{
    json_t *told = json_pack("{s:s, s:s}", "event", event, "operationId", operation->id);
    if (field) json_object_set_new(told, field, value);
    rpc_notify(operation->follow->subscription, told);
}

static void run_body(operation_t *operation, rpc_t *rpc)
{
    bytes_t body;
    if (chain_body(rpc->o.chain, &operation->at, &rpc->arena, &body))
        tell(operation, "operationBodyDone", "value", json_extrinsics(body));
    else
        tell(operation, "operationInaccessible", NULL, NULL);
    end_operation(operation);
}

static void run_call(operation_t *operation, rpc_t *rpc)
{
    bytes_t method = bytes_text(operation->function), args = {operation->args, operation->args_len}, result;
    chain_status_t status = chain_call(rpc->o.chain, &operation->at, method, args, &rpc->arena, &result);
    if (status == CHAIN_OK && 2 * (size_t)result.len > rpc->o.response_max)
        tell(operation, "operationError", "error", json_string("the result is too big"));
    else if (status == CHAIN_OK)
        tell(operation, "operationCallDone", "output", json_hex(result));
    else if (status == CHAIN_UNKNOWN_BLOCK)
        tell(operation, "operationInaccessible", NULL, NULL);
    else
        tell(operation, "operationError", "error", json_string(chain_status_text(status)));
    end_operation(operation);
}

static void run_storage(operation_t *operation, rpc_t *rpc)
{
    if (!chain_has_state(rpc->o.chain, &operation->at)) {
        tell(operation, "operationInaccessible", NULL, NULL);
        end_operation(operation);
        return;
    }
    json_t *items = json_array();
    bool is_done  = !operation->scan || scan_page(rpc, operation->scan, items, &operation->told_len);
    if (json_array_size(items) > 0)
        tell(operation, "operationStorageItems", "items", items);
    else
        json_decref(items);
    if (is_done) {
        tell(operation, "operationStorageDone", NULL, NULL);
        end_operation(operation);
    } else if (operation->told_len >= CONTINUE_LEN) {
        operation->is_waiting = true;
        tell(operation, "operationWaitingForContinue", NULL, NULL);
    } else {
        operation->timer = io_timer_start(rpc->o.io, 0, 0, run, operation);
    }
}

static void run(void *self)
{
    operation_t *operation = self;
    rpc_t *rpc             = operation->follow->subscription->conn->rpc;
    operation->timer       = NULL;
    rpc->arena.used        = 0;
    if (web_queued(operation->follow->subscription->conn->web) > RPC_QUEUED_MAX) {
        operation->timer = io_timer_start(rpc->o.io, RPC_QUEUED_WAIT_MS, 0, run, operation);
        return;
    }
    switch (operation->kind) {
    case OPERATION_BODY: run_body(operation, rpc); break;
    case OPERATION_CALL: run_call(operation, rpc); break;
    case OPERATION_STORAGE: run_storage(operation, rpc); break;
    }
    rpc_give_back(&rpc->arena);
}

/* ------------------------------------------------------------------------------------ methods */

/* read_place reads follower and block; false: *answer is what the method answers. */
static bool read_place(call_t *call, follow_t **follow, hash_t *at, json_t **answer)
{
    *answer = NULL;
    if (!head_follow(call, follow) || !head_pinned(call, *follow, at)) return false;
    if (*follow && (*follow)->slots_used < HEAD_OPERATIONS_MAX) return true;
    *answer = limit_reached();
    return false;
}

static json_t *body(call_t *call)
{
    follow_t *follow;
    hash_t at;
    json_t *answer;
    if (!read_place(call, &follow, &at, &answer)) return answer;
    return start(call, follow, make(OPERATION_BODY, &at, 1));
}

static json_t *call_function(call_t *call)
{
    follow_t *follow;
    hash_t at;
    const char *function;
    bytes_t args;
    json_t *answer;
    if (!param_text(call, 2, &function) || !param_bytes(call, 3, &args)) return NULL;
    if (!read_place(call, &follow, &at, &answer)) return answer;
    if (!follow->with_runtime)
        return rpc_fail(call, RPC_NO_RUNTIME, NULL,
                        "The runtime updates flag must be set: follow with withRuntime = true");
    operation_t *operation = make(OPERATION_CALL, &at, 1);
    operation->function    = strdup(function);
    operation->args        = malloc(args.len + 1u);
    if (!operation->function || !operation->args) abort();
    if (args.len) memcpy(operation->args, args.data, args.len);
    operation->args_len = args.len;
    return start(call, follow, operation);
}

static json_t *storage(call_t *call)
{
    follow_t *follow;
    hash_t at;
    json_t *answer, *items = param_at(call, 2);
    bytes_t child;
    bool is_child = param_at(call, 3) != NULL;
    if (is_child && !param_bytes(call, 3, &child)) return NULL;
    if (!json_is_array(items)) return rpc_bad_param(call, "parameter 3: expected an array of items");
    if (!read_place(call, &follow, &at, &answer)) return answer;
    scan_t *scan = scan_new(call, items, &at, HEAD_OPERATIONS_MAX - follow->slots_used);
    if (!scan) return NULL;
    size_t discarded       = json_array_size(items) - scan->count;
    operation_t *operation = make(OPERATION_STORAGE, &at, scan->count ? scan->count : 1);
    if (is_child)
        scan_free(scan);
    else
        operation->scan = scan;
    answer = start(call, follow, operation);
    json_object_set_new(answer, "discardedItems", json_integer((json_int_t)discarded));
    return answer;
}

/* find_operation reads follower and operation; *operation is NULL when it is over.  False: the error is set.
 */
static bool find_operation(call_t *call, operation_t **operation)
{
    follow_t *follow;
    const char *id;
    *operation = NULL;
    if (!head_follow(call, &follow) || !param_text(call, 1, &id)) return false;
    for (operation_t *at = follow ? follow->operations : NULL; at; at = at->next)
        if (strcmp(at->id, id) == 0) *operation = at;
    return true;
}

static json_t *go_on(call_t *call)
{
    operation_t *operation;
    if (!find_operation(call, &operation)) return NULL;
    if (!operation) return json_null();
    if (!operation->is_waiting)
        return rpc_fail(call, RPC_NOT_WAITING, NULL,
                        "Wait for continue event not generated for the operation");
    operation->is_waiting = false;
    operation->told_len   = 0;
    operation->timer      = io_timer_start(call->rpc->o.io, 0, 0, run, operation);
    return json_null();
}

static json_t *stop(call_t *call)
{
    operation_t *operation;
    if (!find_operation(call, &operation)) return NULL;
    if (operation) end_operation(operation);
    return json_null();
}

method_table_t rpc_head_op_methods(void)
{
    static const method_t methods[] = {
        {"chainHead_v1_body",          false, body,          "follow_subscription hash"                         },
        {"chainHead_v1_call",          false, call_function, "follow_subscription hash function call_parameters"},
        {"chainHead_v1_continue",      false, go_on,         "follow_subscription operation_id"                 },
        {"chainHead_v1_stopOperation", false, stop,          "follow_subscription operation_id"                 },
        {"chainHead_v1_storage",       false, storage,       "follow_subscription hash items child_trie"        },
    };
    return (method_table_t){methods, sizeof methods / sizeof *methods};
}
