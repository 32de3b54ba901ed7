/* chain_check.c - is a deployment what its contract on the chain says? */
#include "agent.h"
#include "log.h"
#include "smart_contract_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_AGAIN_MS   500
#define CONTRACT_ARENA 65536
#define KEY_CAP        128

struct chain_check {
    agent_t *agent;
    const deployment_t *deployment;
    uint64_t deadline_ms, ticket;
    io_timer_t *timer;
    check_fn done;
    void *context;
};

static void ask(void *self);

static void end(chain_check_t *check, check_status_t status, const char *error)
{
    check_fn done = check->done;
    void *context = check->context;
    free(check);
    done(context, status, error);
}

/* Waits a little for what may still come; otherwise says so. */
static void again(chain_check_t *check, check_status_t status, const char *error)
{
    if (io_now_ms(check->agent->io) + ASK_AGAIN_MS >= check->deadline_ms) {
        end(check, status, error);
        return;
    }
    check->timer = io_timer_start(check->agent->io, ASK_AGAIN_MS, 0, ask, check);
}

static bool decode(bytes_t value, arena_t *arena, smart_contract_contract_t *contract)
{
    scale_reader_t r = scale_reader(value, arena);
    smart_contract_contract_decode(&r, contract);
    return scale_done(&r);
}

static uint32_t address_count(const deployment_t *d)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < d->workload_count; i++)
        count += workload_capacity(&d->workloads[i]).ipv4u;
    return (uint32_t)count;
}

/* What will not change by waiting. */
static const char *refusal(const chain_check_t *check, const smart_contract_contract_t *contract)
{
    const deployment_t *d = check->deployment;
    if (contract->contract_type.kind != SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT)
        return "the contract is not a node contract";
    if (contract->contract_type.node_contract.node_id != check->agent->node_id)
        return "the contract is another node's";
    if (contract->twin_id != d->twin_id) return "the contract is another twin's";
    if (contract->state.kind == SMART_CONTRACT_CONTRACT_STATE_DELETED) return "the contract is cancelled";
    if (contract->state.kind == SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD)
        return "the contract is in its grace period: fund its owner first";
    if (contract->contract_type.node_contract.public_ips != address_count(d))
        return "the contract reserves another number of public addresses than the deployment has";
    return NULL;
}

static void on_contract(void *context, const client_error_t *error, bytes_t value)
{
    chain_check_t *check = context;
    check->ticket        = 0;
    if (error->status != CLIENT_OK) {
        again(check, CHECK_UNAVAILABLE, "this node cannot reach the chain now");
        return;
    }
    if (!value.data) {
        again(check, CHECK_UNAVAILABLE, "there is no such contract on the chain");
        return;
    }
    uint8_t *memory = malloc(CONTRACT_ARENA);
    arena_t arena   = {.start = memory, .size = memory ? CONTRACT_ARENA : 0};
    smart_contract_contract_t contract;
    deployment_form_t form;
    const char *why =
        decode(value, &arena, &contract) ? refusal(check, &contract) : "the contract cannot be read";
    bool has_hash =
        !why &&
        deployment_has_hash(check->deployment, contract.contract_type.node_contract.deployment_hash.b, &form);
    free(memory);
    if (why)
        end(check, CHECK_REFUSED, why);
    else if (has_hash)
        end(check, CHECK_OK, "");
    else
        again(check, CHECK_REFUSED, "the deployment's hash is not the contract's");
}

static void ask(void *self)
{
    chain_check_t *check = self;
    uint8_t room[KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    smart_contract_contracts_key(&key, check->deployment->contract_id);
    check->timer  = NULL;
    check->ticket = client_storage(check->agent->client, scale_written(&key), NULL, on_contract, check);
}

chain_check_t *chain_check(agent_t *agent, const deployment_t *deployment, uint64_t deadline_ms,
                           check_fn done, void *context)
{
    chain_check_t *check = calloc(1, sizeof *check);
    if (!check) return NULL;
    *check = (chain_check_t){.agent       = agent,
                             .deployment  = deployment,
                             .deadline_ms = deadline_ms,
                             .done        = done,
                             .context     = context};
    ask(check);
    return check;
}

void chain_check_cancel(chain_check_t *check)
{
    if (check->ticket) client_cancel(check->agent->client, check->ticket);
    if (check->timer) io_timer_stop(check->timer);
    free(check);
}

contract_view_t chain_view(const agent_t *agent, bytes_t value)
{
    if (!value.data) return CONTRACT_ABSENT;
    uint8_t *memory = malloc(CONTRACT_ARENA);
    arena_t arena   = {.start = memory, .size = memory ? CONTRACT_ARENA : 0};
    smart_contract_contract_t contract;
    contract_view_t view = CONTRACT_UNKNOWN;
    if (decode(value, &arena, &contract)) {
        bool is_ours = contract.contract_type.kind == SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT &&
                       contract.contract_type.node_contract.node_id == agent->node_id;
        if (!is_ours)
            view = CONTRACT_FOREIGN;
        else if (contract.state.kind == SMART_CONTRACT_CONTRACT_STATE_CREATED)
            view = CONTRACT_CREATED;
        else if (contract.state.kind == SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD)
            view = CONTRACT_GRACE;
        else
            view = CONTRACT_DELETED;
    }
    free(memory);
    return view;
}
