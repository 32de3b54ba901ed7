/* chain_register.c - the node on the chain: terms accepted, a twin with its relay and key, a node in its
 * farm.
 *
 * A chain of questions, from the start again after each answer that changed something: what the chain says is
 * the only memory.  What fails is tried again, with growing pauses.  Ids count when they are finalized. */
#include "chain_internal.h"
#include "files.h"
#include "log.h"
#include "ss58.h"
#include "system_types.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MAX_MS 30000 /* an operator waits, having sent the node some money */

static void start(void *self);

static void again(chain_side_t *side, const char *what, const char *why)
{
    registration_t *r = &side->reg;
    char address[SS58_TEXT_MAX + 1];
    ss58_account(address, &side->key.account);
    r->pause_ms = chain_backoff(r->pause_ms);
    if (r->pause_ms > AGAIN_MAX_MS) r->pause_ms = AGAIN_MAX_MS;
    log_warn(LOG_CHAIN, "not registered yet", LOG_TEXT("step", what), LOG_TEXT("why", why),
             LOG_TEXT("account", address), LOG_U64("again_ms", r->pause_ms));
    r->timer = io_timer_start(side->config.io, r->pause_ms, 0, start, side);
}

static void ask(chain_side_t *side, const scale_writer_t *key, client_value_fn done)
{
    side->reg.ticket = client_storage(side->config.client, scale_written(key), NULL, done, side);
}

/* ---- calls ---- */

static void told(void *context, const client_outcome_t *outcome)
{
    chain_side_t *side = context;
    char why[CLIENT_ERROR_MAX + 1];
    if (!outcome->is_last) return;
    side->reg.ticket = 0;
    if (client_outcome_text(outcome, why, sizeof why) != CLIENT_OK) {
        again(side, side->reg.doing, why);
        return;
    }
    side->reg.pause_ms = 0;
    log_info(LOG_CHAIN, "done on the chain", LOG_TEXT("call", side->reg.doing),
             LOG_U32("block", outcome->block_number), LOG_HASH("hash", outcome->block));
    start(side);
}

static void submit(chain_side_t *side, const char *what, const scale_writer_t *call, bool until_final)
{
    client_submit_t wanted = {.key = &side->key, .call = scale_written(call), .until_final = until_final};
    side->reg.doing        = what;
    if (!side->reg.has_funds)
        again(side, what, "the node's account is empty: transfer some TFT to it");
    else if (call->failed)
        again(side, what, "the configuration is too long for a call");
    else
        side->reg.ticket = client_submit(side->config.client, &wanted, told, side);
}

static void accept_terms(chain_side_t *side)
{
    uint8_t room[CHAIN_CALL_CAP];
    scale_writer_t w                  = scale_writer(room, sizeof room);
    tfgrid_user_accept_tc_args_t args = {bytes_text(side->config.terms_link),
                                         bytes_text(side->config.terms_hash)};
    tfgrid_user_accept_tc_call_encode(&w, &args);
    submit(side, "user_accept_tc", &w, false);
}

static void put_twin(chain_side_t *side, bool is_new)
{
    uint8_t room[CHAIN_CALL_CAP];
    scale_writer_t w  = scale_writer(room, sizeof room);
    bytes_opt_t relay = {true, bytes_text(side->relay)};
    bytes_opt_t pk    = {
           side->reg.has_pk, {side->reg.pk, CHAIN_PK_LEN}
    };
    if (is_new)
        tfgrid_create_twin_call_encode(&w, &(tfgrid_create_twin_args_t){relay, pk});
    else
        tfgrid_update_twin_call_encode(&w, &(tfgrid_update_twin_args_t){relay, pk});
    submit(side, is_new ? "create_twin" : "update_twin", &w, true);
}

/* The node as the configuration has it, in the words of the call. */
typedef struct {
    tfgrid_create_node_args_t args;
    support_interface_t interfaces[CHAIN_INTERFACES_CAP];
    bytes_t ips[CHAIN_INTERFACES_CAP][CHAIN_IPS_CAP];
} wanted_node_t;

static void want_node(const chain_side_t *side, wanted_node_t *wanted)
{
    const chain_side_config_t *c = &side->config;
    for (uint32_t i = 0; i < c->interface_count; i++) {
        const chain_interface_t *from = &c->interfaces[i];
        for (uint32_t k = 0; k < from->ip_count; k++)
            wanted->ips[i][k] = bytes_text(from->ips[k]);
        wanted->interfaces[i] = (support_interface_t){
            bytes_text(from->name), bytes_text(from->mac), {wanted->ips[i], from->ip_count}
        };
    }
    wanted->args = (tfgrid_create_node_args_t){
        .farm_id       = c->farm_id,
        .resources     = {.hru = c->capacity.hru,
                          .sru = c->capacity.sru,
                          .cru = c->capacity.cru,
                          .mru = c->capacity.mru},
        .location      = {.city      = bytes_text(c->city),
                          .country   = bytes_text(c->country),
                          .latitude  = bytes_text(c->latitude),
                          .longitude = bytes_text(c->longitude)},
        .interfaces    = {wanted->interfaces, c->interface_count},
        .virtualized   = c->is_virtualized,
        .serial_number = {c->serial != NULL,                                   bytes_text(c->serial ? c->serial : "")                },
    };
}

static void put_node(chain_side_t *side, bool is_new)
{
    uint8_t room[CHAIN_CALL_CAP];
    scale_writer_t w = scale_writer(room, sizeof room);
    wanted_node_t wanted;
    want_node(side, &wanted);
    if (is_new) {
        tfgrid_create_node_call_encode(&w, &wanted.args);
    } else {
        tfgrid_update_node_args_t update = {
            .node_id       = side->node_id,
            .farm_id       = wanted.args.farm_id,
            .resources     = wanted.args.resources,
            .location      = wanted.args.location,
            .interfaces    = wanted.args.interfaces,
            .virtualized   = wanted.args.virtualized,
            .serial_number = wanted.args.serial_number,
        };
        tfgrid_update_node_call_encode(&w, &update);
    }
    submit(side, is_new ? "create_node" : "update_node", &w, true);
}

/* ---- is it as it should be? ---- */

static bool same_option(const bytes_opt_t *a, const bytes_opt_t *b)
{
    return a->some == b->some && (!a->some || bytes_equal(a->value, b->value));
}

static bool same_interfaces(const support_interface_vec_t *a, const support_interface_vec_t *b)
{
    if (a->len != b->len) return false;
    for (uint32_t i = 0; i < a->len; i++) {
        const support_interface_t *x = &a->items[i], *y = &b->items[i];
        if (!bytes_equal(x->name, y->name) || !bytes_equal(x->mac, y->mac) || x->ips.len != y->ips.len)
            return false;
        for (uint32_t k = 0; k < x->ips.len; k++)
            if (!bytes_equal(x->ips.items[k], y->ips.items[k])) return false;
    }
    return true;
}

static bool node_is_current(const chain_side_t *side, const support_node_t *node)
{
    wanted_node_t wanted;
    want_node(side, &wanted);
    const support_resources_t *have = &node->resources, *want = &wanted.args.resources;
    const tfgrid_location_t *at          = &node->location;
    const tfgrid_location_input_t *place = &wanted.args.location;
    return node->farm_id == wanted.args.farm_id && have->cru == want->cru && have->mru == want->mru &&
           have->sru == want->sru && have->hru == want->hru && bytes_equal(at->city, place->city) &&
           bytes_equal(at->country, place->country) && bytes_equal(at->latitude, place->latitude) &&
           bytes_equal(at->longitude, place->longitude) &&
           same_interfaces(&node->interfaces, &wanted.args.interfaces) && !node->secure_boot &&
           node->virtualized == wanted.args.virtualized &&
           same_option(&node->serial_number, &wanted.args.serial_number);
}

/* ---- questions, the last one first ---- */

/* has_answer: tries again when the chain did not answer. */
static bool has_answer(chain_side_t *side, const char *what, const client_error_t *error)
{
    side->reg.ticket = 0;
    if (error->status == CLIENT_OK) return true;
    if (error->status != CLIENT_FREED) again(side, what, error->text);
    return false;
}

static uint32_t number_of(bytes_t value)
{
    if (!value.data) return 0;
    scale_reader_t r = scale_reader(value, NULL);
    uint32_t number  = scale_get_u32(&r);
    return scale_done(&r) ? number : 0;
}

static void got_node(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    if (!has_answer(side, "read node", error)) return;
    support_node_t node;
    arena_t arena    = chain_arena(side);
    scale_reader_t r = scale_reader(value, &arena);
    support_node_decode(&r, &node);
    if (!value.data || !scale_done(&r))
        again(side, "read node",
              value.data ? "it does not decode" : "its index names a node that is not there");
    else if (!node_is_current(side, &node))
        put_node(side, false);
    else
        chain_registered(side);
}

static void got_node_id(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    if (!has_answer(side, "read node id", error)) return;
    side->node_id = number_of(value);
    if (side->node_id == 0) {
        put_node(side, true);
        return;
    }
    tfgrid_nodes_key(&key, side->node_id);
    ask(side, &key, got_node);
}

static void got_twin(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    if (!has_answer(side, "read twin", error)) return;
    tfgrid_twin_t twin;
    arena_t arena    = chain_arena(side);
    scale_reader_t r = scale_reader(value, &arena);
    tfgrid_twin_decode(&r, &twin);
    if (!value.data || !scale_done(&r)) {
        again(side, "read twin",
              value.data ? "it does not decode" : "its index names a twin that is not there");
        return;
    }
    bytes_opt_t relay = {true, bytes_text(side->relay)};
    bytes_opt_t pk    = {
           side->reg.has_pk, {side->reg.pk, CHAIN_PK_LEN}
    };
    if (!same_option(&twin.relay, &relay) || !same_option(&twin.pk, &pk)) {
        put_twin(side, false);
        return;
    }
    tfgrid_node_id_by_twin_id_key(&key, side->twin_id);
    ask(side, &key, got_node_id);
}

static void got_terms(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    if (!has_answer(side, "read terms", error)) return;
    if (value.data && value.len > 1)
        put_twin(side, true);
    else
        accept_terms(side);
}

static void got_twin_id(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    if (!has_answer(side, "read twin id", error)) return;
    side->twin_id = number_of(value);
    if (side->twin_id != 0) {
        tfgrid_twins_key(&key, side->twin_id);
        ask(side, &key, got_twin);
        return;
    }
    tfgrid_users_terms_and_conditions_key(&key, &side->key.account);
    ask(side, &key, got_terms);
}

static void got_account(void *context, const client_error_t *error, bytes_t value)
{
    chain_side_t *side = context;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    if (!has_answer(side, "read account", error)) return;
    system_account_info_t info = {0};
    scale_reader_t r           = scale_reader(value, NULL);
    if (value.data) system_account_info_decode(&r, &info);
    if (value.data && !scale_done(&r)) {
        again(side, "read account", "it does not decode: this program and the chain differ in version");
        return;
    }
    side->reg.has_funds = info.data.free > 0;
    tfgrid_twin_id_by_account_id_key(&key, &side->key.account);
    ask(side, &key, got_twin_id);
}

static void start(void *self)
{
    chain_side_t *side = self;
    uint8_t room[CHAIN_KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    side->reg.timer    = NULL;
    system_account_key(&key, &side->key.account);
    ask(side, &key, got_account);
}

void register_start(chain_side_t *side)
{
    side->reg.has_pk = side->key.has_seed && secp256k1_public(side->key.seed, side->reg.pk);
    if (!side->reg.has_pk)
        log_warn(LOG_CHAIN, "no end-to-end key",
                 LOG_TEXT("why", "the node's key has no seed that can be one"));
    start(side);
}

void register_stop(chain_side_t *side)
{
    if (side->reg.ticket) client_cancel(side->config.client, side->reg.ticket);
    if (side->reg.timer) io_timer_stop(side->reg.timer);
    side->reg.ticket = 0;
    side->reg.timer  = NULL;
}

/* ---- the machine's interface ---- */

static bool take_interface(const struct ifaddrs *at, chain_interface_t *interface)
{
    char path[PATH_CAP], mac[32], ip[INET_ADDRSTRLEN];
    struct sockaddr_in address;
    memcpy(&address, at->ifa_addr, sizeof address);
    if (!inet_ntop(AF_INET, &address.sin_addr, ip, sizeof ip)) return false;
    snprintf(interface->ips[0], sizeof interface->ips[0], "%s", ip);
    interface->ip_count = 1;
    if (path_join(path, "/sys/class/net/%s/address", at->ifa_name) && file_read(path, mac, sizeof mac) &&
        strlen(mac) >= 17 && strncmp(mac, "00:00:00:00:00:00", 17) != 0)
        snprintf(interface->mac, sizeof interface->mac, "%.17s", mac);
    return true;
}

void chain_interface_find(const char *name, const char *except, chain_interface_t *interface)
{
    struct ifaddrs *list = NULL;
    *interface           = (chain_interface_t){0};
    snprintf(interface->name, sizeof interface->name, "%s", name);
    snprintf(interface->mac, sizeof interface->mac, "02:00:00:00:00:01");
    if (getifaddrs(&list) != 0) return;
    for (const struct ifaddrs *at = list; at && interface->ip_count == 0; at = at->ifa_next) {
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET || at->ifa_flags & IFF_LOOPBACK) continue;
        if (except && *except && strncmp(at->ifa_name, except, strlen(except)) == 0) continue;
        (void)take_interface(at, interface);
    }
    freeifaddrs(list);
}
