/* chain_verify.c - is a contract on the chain what a deployment says? */
#include "chain_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_AGAIN_MS        400
#define CHAIN_ADDRESSES_MAX 512 /* of one contract, as on the chain */

struct chain_check {
    chain_check_t *next;
    chain_side_t *side;
    chain_expected_t expected;
    uint32_t name_index; /* the name that is asked about */
    uint64_t end_ticks_ms, ticket;
    place_t at; /* the best block that is asked */
    io_timer_t *timer;
    chain_check_fn done;
    void *context;
};

static void ask(void *self);

static void forget(chain_check_t *check)
{
    for (chain_check_t **at = &check->side->checks; *at; at = &(*at)->next)
        if (*at == check) {
            *at = check->next;
            break;
        }
    free(check);
}

static void end(chain_check_t *check, chain_check_status_t status, const char *error)
{
    chain_check_fn done = check->done;
    void *context       = check->context;
    forget(check);
    done(context, status, error);
}

/* again waits a little for what may still come; says so when the time is over. */
static void again(chain_check_t *check, chain_check_status_t status, const char *error)
{
    io_t *io = check->side->config.io;
    if (io_ticks_ms(io) + ASK_AGAIN_MS >= check->end_ticks_ms)
        end(check, status, error);
    else
        check->timer = io_timer_start(io, ASK_AGAIN_MS, 0, ask, check);
}

const char *verify_refusal(const chain_expected_t *expected, uint32_t node_id,
                           const smart_contract_contract_t *contract)
{
    if (contract->contract_type.kind != SMART_CONTRACT_CONTRACT_DATA_NODE_CONTRACT)
        return "the contract is not a node contract";
    const smart_contract_node_contract_t *of = &contract->contract_type.node_contract;
    if (of->node_id != node_id) return "the contract is for another node";
    if (contract->twin_id != expected->twin_id) return "the contract belongs to another twin";
    if (contract->state.kind == SMART_CONTRACT_CONTRACT_STATE_DELETED) return "the contract is cancelled";
    if (contract->state.kind == SMART_CONTRACT_CONTRACT_STATE_GRACE_PERIOD)
        return "the contract is in its grace period: fund its owner's account first";
    if (of->public_ips != expected->public_ips)
        return "the contract reserves another number of public addresses than the deployment asks for";
    return NULL;
}

static bool has_hash(const chain_expected_t *expected, const smart_contract_contract_t *contract)
{
    for (uint32_t i = 0; i < expected->hash_count; i++)
        if (memcmp(expected->hashes[i], contract->contract_type.node_contract.deployment_hash.b, 32) == 0)
            return true;
    return false;
}

static void accept(chain_check_t *check)
{
    watch_accepted(check->side, check->expected.contract_id, check->at.number);
    end(check, CHAIN_CHECK_OK, "");
}

/* True when the value is there; the check has ended or waits when it is not. */
static bool has_value(chain_check_t *check, const client_error_t *error, bytes_t value, const char *missing)
{
    check->ticket = 0;
    if (error->status == CLIENT_FREED) return false;
    if (error->status != CLIENT_OK) {
        again(check, CHAIN_CHECK_UNAVAILABLE, "this node does not reach the chain now: try again later");
        return false;
    }
    if (!value.data) again(check, CHAIN_CHECK_UNAVAILABLE, missing);
    return value.data != NULL;
}

static void ask_name(chain_check_t *check);

/* A name gateway's name must be reserved by a name contract of the same twin. */
static void got_name_contract(void *context, const client_error_t *error, bytes_t value)
{
    chain_check_t *check = context;
    const char *name     = check->expected.names[check->name_index];
    char text[CHAIN_ERROR_MAX + 1];
    smart_contract_contract_t contract;
    snprintf(text, sizeof text, "the name %s has no name contract", name);
    if (!has_value(check, error, value, text)) return;
    bool is_read = chain_contract_decode(check->side, value, &contract);
    bool is_name = is_read && contract.contract_type.kind == SMART_CONTRACT_CONTRACT_DATA_NAME_CONTRACT;
    if (!is_name || contract.twin_id != check->expected.twin_id ||
        contract.state.kind == SMART_CONTRACT_CONTRACT_STATE_DELETED) {
        snprintf(text, sizeof text, "the name %s is reserved by another twin", name);
        end(check, CHAIN_CHECK_REFUSED, text);
    } else if (++check->name_index < check->expected.name_count) {
        ask_name(check);
    } else {
        accept(check);
    }
}

static void got_name(void *context, const client_error_t *error, bytes_t value)
{
    chain_check_t *check = context;
    char text[CHAIN_ERROR_MAX + 1];
    uint8_t room[CHAIN_KEY_CAP];
    snprintf(text, sizeof text, "the name %s has no name contract", check->expected.names[check->name_index]);
    if (!has_value(check, error, value, text)) return;
    scale_reader_t reader = scale_reader(value, NULL);
    uint64_t contract_id  = scale_get_u64(&reader);
    scale_writer_t key    = scale_writer(room, sizeof room);
    smart_contract_contracts_key(&key, contract_id);
    check->ticket = client_storage(check->side->config.client, scale_written(&key), &check->at.hash,
                                   got_name_contract, check);
}

static void ask_name(chain_check_t *check)
{
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    smart_contract_contract_id_by_name_registration_key(&key,
                                                        bytes_text(check->expected.names[check->name_index]));
    check->ticket =
        client_storage(check->side->config.client, scale_written(&key), &check->at.hash, got_name, check);
}

bool verify_reserve(chain_side_t *side, uint64_t contract_id, const smart_contract_node_contract_t *contract)
{
    engine_address_t addresses[CHAIN_ADDRESSES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < contract->public_ips_list.len && count < CHAIN_ADDRESSES_MAX; i++) {
        const support_public_ip_t *ip = &contract->public_ips_list.items[i];
        if (ip->ip.len >= sizeof addresses->ip || ip->gateway.len >= sizeof addresses->gateway) continue;
        snprintf(addresses[count].ip, sizeof addresses->ip, "%.*s", (int)ip->ip.len,
                 (const char *)ip->ip.data);
        snprintf(addresses[count].gateway, sizeof addresses->gateway, "%.*s", (int)ip->gateway.len,
                 (const char *)ip->gateway.data);
        count++;
    }
    return engine_reserve(side->config.engine, contract_id, addresses, count);
}

static void got_contract(void *context, const client_error_t *error, bytes_t value)
{
    chain_check_t *check = context;
    chain_side_t *side   = check->side;
    char text[CHAIN_ERROR_MAX + 1];
    snprintf(text, sizeof text, "contract %llu is not on the chain",
             (unsigned long long)check->expected.contract_id);
    if (!has_value(check, error, value, text)) return;
    smart_contract_contract_t contract;
    const char *why = chain_contract_decode(side, value, &contract)
                          ? verify_refusal(&check->expected, side->node_id, &contract)
                          : "the contract does not decode";
    if (why)
        end(check, CHAIN_CHECK_REFUSED, why);
    else if (!has_hash(&check->expected, &contract))
        again(check, CHAIN_CHECK_REFUSED, "the deployment's hash is not the contract's");
    else if (!verify_reserve(side, check->expected.contract_id, &contract.contract_type.node_contract))
        again(check, CHAIN_CHECK_UNAVAILABLE, "this node cannot keep the contract's addresses now");
    else if (check->name_index < check->expected.name_count)
        ask_name(check);
    else
        accept(check);
}

static void ask(void *self)
{
    chain_check_t *check = self;
    chain_side_t *side   = check->side;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    check->timer       = NULL;
    check->at          = side->watch.best;
    check->name_index  = 0;
    if (!side->is_registered || check->at.number == 0) {
        again(check, CHAIN_CHECK_UNAVAILABLE,
              side->is_registered ? "this node has seen no block of the chain yet: try again later"
                                  : "this node is not registered on the chain yet: try again later");
        return;
    }
    smart_contract_contracts_key(&key, check->expected.contract_id);
    check->ticket =
        client_storage(side->config.client, scale_written(&key), &check->at.hash, got_contract, check);
}

bool chain_expected_of(const deployment_t *deployment, chain_expected_t *expected)
{
    *expected = (chain_expected_t){.contract_id = deployment->contract_id, .twin_id = deployment->twin_id};
    for (uint32_t i = 0; i < deployment->workload_count; i++)
        expected->public_ips += (uint32_t)workload_capacity(&deployment->workloads[i]).ipv4u;
    for (uint32_t i = 0; i < deployment->workload_count; i++) {
        const workload_t *w = &deployment->workloads[i];
        if (w->kind != WORKLOAD_GATEWAY_NAME) continue;
        if (expected->name_count == CHAIN_NAMES_MAX || strlen(w->gateway.name) > CHAIN_NAME_MAX) return false;
        char *name = expected->names[expected->name_count++];
        for (size_t n = 0; w->gateway.name[n]; n++)
            name[n] = (char)tolower((unsigned char)w->gateway.name[n]);
    }
    for (unsigned form = 0; form < DEPLOYMENT_FORM_COUNT; form++) {
        char text[DEPLOYMENT_HASH_TEXT_LEN + 1];
        if (!deployment_hash_text(deployment, (deployment_form_t)form, text)) return false;
        memcpy(expected->hashes[expected->hash_count++], text, DEPLOYMENT_HASH_TEXT_LEN);
    }
    return true;
}

chain_check_t *chain_side_check(chain_side_t *side, const chain_expected_t *expected, chain_check_fn done,
                                void *context)
{
    io_t *io             = side->config.io;
    chain_check_t *check = calloc(1, sizeof *check);
    if (!check) return NULL;
    uint64_t wait_ms =
        expected->wait_ms && expected->wait_ms < CHAIN_CHECK_MS ? expected->wait_ms : CHAIN_CHECK_MS;
    *check       = (chain_check_t){.next         = side->checks,
                                   .side         = side,
                                   .expected     = *expected,
                                   .end_ticks_ms = io_ticks_ms(io) + wait_ms,
                                   .done         = done,
                                   .context      = context};
    side->checks = check;
    check->timer = io_timer_start(io, 0, 0, ask, check);
    return check;
}

void chain_check_cancel(chain_check_t *check)
{
    if (check->ticket) client_cancel(check->side->config.client, check->ticket);
    if (check->timer) io_timer_stop(check->timer);
    forget(check);
}

void verify_wake(chain_side_t *side)
{
    for (chain_check_t *check = side->checks; check; check = check->next) {
        if (!check->timer) continue;
        io_timer_stop(check->timer);
        check->timer = io_timer_start(side->config.io, 0, 0, ask, check);
    }
}

void verify_stop(chain_side_t *side)
{
    while (side->checks)
        chain_check_cancel(side->checks);
}
