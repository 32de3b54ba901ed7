/* chain_node.c - what the chain says of this node and its farm, and the node's power.
 *
 * Read at a finalized block: after registration, after an event that speaks of them, and every hour.  The
 * farmer says by a target whether the node is to be on; the node says by its state whether it is.  It goes
 * off only when the operator said how, and nothing of anybody is on it. */
#include "chain_internal.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS 3600000
#define AGAIN_MS 500 /* while nothing is final yet */
#define SOON_MS  200 /* several events of one block are one reading */

static void node_read(void *self);

static void read_in(chain_side_t *side, uint64_t delay_ms)
{
    watch_node_t *n = &side->node;
    if (n->timer) io_timer_stop(n->timer);
    n->timer = io_timer_start(side->config.io, delay_ms, 0, node_read, side);
}

/* ---- power ---- */

static bool wants_off(const chain_side_t *side)
{
    uint32_t count = 0;
    if (!side->node.said.is_target_down || !side->config.on_power_off) return false;
    uint64_t *contracts = engine_contracts(side->config.engine, &count);
    free(contracts);
    return count == 0;
}

static void power_told(void *context, const client_outcome_t *outcome)
{
    chain_side_t *side = context;
    watch_node_t *n    = &side->node;
    char why[CLIENT_ERROR_MAX + 1];
    if (!outcome->is_last) return;
    n->power_ticket = 0;
    n->not_before   = outcome->block_number; /* what is read must know of it */
    bool is_done    = client_outcome_text(outcome, why, sizeof why) == CLIENT_OK;
    if (is_done)
        log_info(LOG_CHAIN, "power", LOG_TEXT("state", n->is_going_off ? "down" : "up"),
                 LOG_U32("block", outcome->block_number));
    else
        log_warn(LOG_CHAIN, "power not told yet", LOG_TEXT("why", why));
    read_in(side, is_done ? SOON_MS : CHAIN_RETRY_MS);
    if (is_done && n->is_going_off) side->config.on_power_off(side->config.context);
}

static void follow_power(chain_side_t *side)
{
    watch_node_t *n = &side->node;
    uint8_t room[64];
    scale_writer_t w = scale_writer(room, sizeof room);
    bool is_off      = wants_off(side);
    if (n->said.is_target_down && !is_off)
        log_warn(
            LOG_CHAIN, "the farmer wants this node off",
            LOG_TEXT("why not", side->config.on_power_off ? "it has contracts" : "power_off is not set"));
    if (n->power_ticket || n->said.is_state_down == is_off) return;
    n->is_going_off = is_off;
    if (is_off) report_uptime_now(side);
    tfgrid_change_power_state_call_encode(
        &w, &(tfgrid_change_power_state_args_t){is_off ? SUPPORT_POWER_DOWN : SUPPORT_POWER_UP});
    client_submit_t wanted = {.key = &side->key, .call = scale_written(&w), .until_final = true};
    n->power_ticket        = client_submit(side->config.client, &wanted, power_told, side);
}

/* ---- questions, one after the other; each puts its part into `next` ---- */

static void take_text(char *to, size_t cap, bytes_t from)
{
    snprintf(to, cap, "%.*s", (int)from.len, (const char *)from.data);
}

static void take_node(chain_side_t *side, bytes_t value)
{
    chain_node_t *to = &side->node.next;
    arena_t arena    = chain_arena(side);
    scale_reader_t r = scale_reader(value, &arena);
    support_node_t node;
    support_node_decode(&r, &node);
    if (!scale_done(&r)) return;
    to->is_certified      = node.certification == SUPPORT_NODE_CERTIFICATION_CERTIFIED;
    to->has_public_config = node.public_config.some;
    if (!to->has_public_config) return;
    const support_public_config_t *c = &node.public_config.value;
    take_text(to->ip4, sizeof to->ip4, c->ip4.ip);
    take_text(to->gw4, sizeof to->gw4, c->ip4.gw);
    if (c->ip6.some) take_text(to->ip6, sizeof to->ip6, c->ip6.value.ip);
    if (c->ip6.some) take_text(to->gw6, sizeof to->gw6, c->ip6.value.gw);
    if (c->domain.some) take_text(to->domain, sizeof to->domain, c->domain.value);
}

static void take_farm(chain_side_t *side, bytes_t value)
{
    chain_node_t *to = &side->node.next;
    arena_t arena    = chain_arena(side);
    scale_reader_t r = scale_reader(value, &arena);
    support_farm_t farm;
    support_farm_decode(&r, &farm);
    if (!scale_done(&r)) return;
    to->is_known          = true;
    to->farmer_twin       = farm.twin_id;
    to->is_farm_gold      = farm.certification == SUPPORT_FARM_CERTIFICATION_GOLD;
    to->is_farm_dedicated = farm.dedicated_farm;
    take_text(to->farm_name, sizeof to->farm_name, farm.name);
    for (uint32_t i = 0; i < farm.public_ips.len && i < CHAIN_FARM_IPS_CAP; i++) {
        const support_public_ip_t *ip = &farm.public_ips.items[i];
        chain_farm_ip_t *mine         = &to->farm_ips[to->farm_ip_count++];
        take_text(mine->ip, sizeof mine->ip, ip->ip);
        take_text(mine->gateway, sizeof mine->gateway, ip->gateway);
        mine->contract_id = ip->contract_id;
    }
}

static void take_power(chain_side_t *side, bytes_t value)
{
    scale_reader_t r = scale_reader(value, NULL);
    support_node_power_t power;
    support_node_power_decode(&r, &power);
    if (!scale_done(&r)) return;
    side->node.next.is_target_down = power.target == SUPPORT_POWER_DOWN;
    side->node.next.is_state_down  = power.state.kind == SUPPORT_POWER_STATE_DOWN;
}

static uint64_t take_u64(bytes_t value)
{
    scale_reader_t r = scale_reader(value, NULL);
    uint64_t number  = scale_get_u64(&r);
    return scale_done(&r) ? number : 0;
}

static void take_fee(chain_side_t *side, bytes_t value) { side->node.next.extra_fee = take_u64(value); }

static void take_rent(chain_side_t *side, bytes_t value) { side->node.next.rent_contract = take_u64(value); }

static void key_node(const chain_side_t *side, scale_writer_t *key) { tfgrid_nodes_key(key, side->node_id); }
static void key_farm(const chain_side_t *side, scale_writer_t *key)
{
    tfgrid_farms_key(key, side->config.farm_id);
}
static void key_power(const chain_side_t *side, scale_writer_t *key)
{
    tfgrid_node_power_key(key, side->node_id);
}
static void key_fee(const chain_side_t *side, scale_writer_t *key)
{
    smart_contract_dedicated_nodes_extra_fee_key(key, side->node_id);
}
static void key_rent(const chain_side_t *side, scale_writer_t *key)
{
    smart_contract_active_rent_contract_for_node_key(key, side->node_id);
}

static const struct {
    void (*key)(const chain_side_t *side, scale_writer_t *key);
    void (*take)(chain_side_t *side, bytes_t value); /* of a value that is there */
} questions[] = {
    {key_node,  take_node },
    {key_farm,  take_farm },
    {key_power, take_power},
    {key_fee,   take_fee  },
    {key_rent,  take_rent },
};

static void ask(chain_side_t *side);

static void answered(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    watch_node_t *n    = &side->node;
    n->ticket          = 0;
    if (error->status == CLIENT_FREED) return;
    if (error->status != CLIENT_OK) {
        log_warn(LOG_CHAIN, "node and farm not read", LOG_TEXT("why", error->text));
        read_in(side, CHAIN_RETRY_MS);
        return;
    }
    if (value.data) questions[n->at].take(side, value);
    if (++n->at < sizeof questions / sizeof *questions) {
        ask(side);
        return;
    }
    n->said = n->next;
    if (!n->timer) read_in(side, EVERY_MS);
    follow_power(side);
}

static void ask(chain_side_t *side)
{
    watch_node_t *n = &side->node;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    questions[n->at].key(side, &key);
    n->ticket = client_storage(side->config.client, scale_written(&key), &n->place.hash, answered, side);
}

static void node_read(void *self)
{
    chain_side_t *side = self;
    watch_node_t *n    = &side->node;
    n->timer           = NULL;
    if (!side->is_registered || side->watch.finalized.number <= n->not_before || n->ticket) {
        read_in(side, AGAIN_MS);
        return;
    }
    n->next  = (chain_node_t){0};
    n->place = side->watch.finalized;
    n->at    = 0;
    ask(side);
}

/* ---- events of finalized blocks ---- */

static bool is_of_us(const chain_side_t *side, const tfgrid_event_t *e)
{
    uint32_t farm_id = side->config.farm_id, node_id = side->node_id;
    return (e->kind == TFGRID_EVENT_FARM_UPDATED && e->farm_updated.id == farm_id) ||
           (e->kind == TFGRID_EVENT_NODE_UPDATED && e->node_updated.id == node_id) ||
           (e->kind == TFGRID_EVENT_NODE_PUBLIC_CONFIG_STORED &&
            e->node_public_config_stored.node_id == node_id) ||
           (e->kind == TFGRID_EVENT_FARM_MARKED_AS_DEDICATED && e->farm_marked_as_dedicated == farm_id) ||
           (e->kind == TFGRID_EVENT_NODE_CERTIFICATION_SET && e->node_certification_set.node_id == node_id) ||
           (e->kind == TFGRID_EVENT_FARM_CERTIFICATION_SET && e->farm_certification_set.farm_id == farm_id) ||
           (e->kind == TFGRID_EVENT_POWER_TARGET_CHANGED && e->power_target_changed.node_id == node_id) ||
           (e->kind == TFGRID_EVENT_POWER_STATE_CHANGED && e->power_state_changed.node_id == node_id);
}

/* Perhaps not of our node: it is read anew, and what it says counts. */
static bool is_of_rent(const chain_side_t *side, const smart_contract_event_t *e)
{
    return (e->kind == SMART_CONTRACT_EVENT_NODE_EXTRA_FEE_SET &&
            e->node_extra_fee_set.node_id == side->node_id) ||
           (e->kind == SMART_CONTRACT_EVENT_CONTRACT_CREATED &&
            e->contract_created.contract_type.kind == SMART_CONTRACT_CONTRACT_DATA_RENT_CONTRACT) ||
           e->kind == SMART_CONTRACT_EVENT_RENT_CONTRACT_CANCELED ||
           e->kind == SMART_CONTRACT_EVENT_IPS_RESERVED || e->kind == SMART_CONTRACT_EVENT_IPS_FREED;
}

void node_heard(chain_side_t *side, const runtime_event_t *event)
{
    if ((event->pallet == TFGRID_PALLET && is_of_us(side, &event->tfgrid)) ||
        (event->pallet == SMART_CONTRACT_PALLET && is_of_rent(side, &event->smart_contract)))
        read_in(side, SOON_MS);
}

void node_start(chain_side_t *side) { read_in(side, 0); }

void node_stop(chain_side_t *side)
{
    watch_node_t *n = &side->node;
    if (n->ticket) client_cancel(side->config.client, n->ticket);
    if (n->power_ticket) client_cancel(side->config.client, n->power_ticket);
    if (n->timer) io_timer_stop(n->timer);
    *n = (watch_node_t){0};
}

const chain_node_t *chain_side_node(const chain_side_t *side) { return &side->node.said; }
