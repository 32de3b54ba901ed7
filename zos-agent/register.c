/* register.c - the node on the chain: terms accepted, a twin with its relay and key, a node in its farm.
 *
 * A chain of questions, from the start again after each answer that changed something: what the chain says is
 * the only memory.  What fails is tried again. */
#include "agent.h"
#include "e2e.h"
#include "log.h"
#include "ss58.h"
#include "tfgrid_types.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS    3000
#define KEY_CAP     160
#define CALL_CAP    8192
#define VALUE_ARENA 65536

struct registration {
    agent_t *agent;
    char relay[RMB_RELAY_MAX + 1];
    uint8_t secret[32], pk[RMB_PK_LEN];
    bool has_pk;
    uint32_t twin_id, node_id;
    uint64_t ticket;
    io_timer_t *timer;
    const char *doing; /* the call that is out */
    char mac[18], ip[16];
};

static void start(void *self);

static void again(registration_t *r, const char *what, const char *why)
{
    char address[SS58_TEXT_MAX + 1];
    ss58_account(address, &r->agent->key.account);
    log_warn(LOG_CHAIN, "not registered yet", LOG_TEXT("step", what), LOG_TEXT("why", why),
             LOG_TEXT("account", address));
    r->timer = io_timer_start(r->agent->io, AGAIN_MS, 0, start, r);
}

static void read_value(registration_t *r, const scale_writer_t *key, client_value_fn fn)
{
    r->ticket = client_storage(r->agent->client, scale_written(key), NULL, fn, r);
}

/* ---- calls ---- */

static void told(void *context, const client_outcome_t *outcome)
{
    registration_t *r = context;
    char why[CLIENT_ERROR_MAX + 1];
    if (!outcome->is_last) return;
    r->ticket = 0;
    if (client_outcome_text(outcome, why, sizeof why) != CLIENT_OK) {
        again(r, r->doing, why);
        return;
    }
    log_info(LOG_CHAIN, "done on the chain", LOG_TEXT("call", r->doing),
             LOG_U64("block", outcome->block_number));
    start(r);
}

static void submit(registration_t *r, const char *what, const scale_writer_t *call)
{
    client_submit_t submit = {.key = &r->agent->key, .call = scale_written(call)};
    r->doing               = what;
    r->ticket              = client_submit(r->agent->client, &submit, told, r);
}

static void accept_terms(registration_t *r)
{
    uint8_t room[CALL_CAP];
    scale_writer_t w                  = scale_writer(room, sizeof room);
    tfgrid_user_accept_tc_args_t args = {bytes_text(r->agent->config->terms_link),
                                         bytes_text(r->agent->config->terms_hash)};
    tfgrid_user_accept_tc_call_encode(&w, &args);
    submit(r, "user_accept_tc", &w);
}

static void put_twin(registration_t *r, bool is_new)
{
    uint8_t room[CALL_CAP];
    scale_writer_t w = scale_writer(room, sizeof room);
    bytes_opt_t relay =
                    {
                        true, bytes_text(r->relay)
    },
                pk = {r->has_pk, {r->pk, RMB_PK_LEN}};
    if (is_new)
        tfgrid_create_twin_call_encode(&w, &(tfgrid_create_twin_args_t){relay, pk});
    else
        tfgrid_update_twin_call_encode(&w, &(tfgrid_update_twin_args_t){relay, pk});
    submit(r, is_new ? "create_twin" : "update_twin", &w);
}

/* The first interface that leads outside, by its hardware address and IPv4 address. */
static void find_interface(registration_t *r)
{
    struct ifaddrs *list, *at;
    char uplink[16];
    snprintf(uplink, sizeof uplink, "%su", r->agent->host.prefix);
    snprintf(r->mac, sizeof r->mac, "02:00:00:00:00:01");
    r->ip[0] = 0;
    if (getifaddrs(&list) != 0) return;
    for (at = list; at && r->ip[0] == 0; at = at->ifa_next) {
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET || at->ifa_flags & IFF_LOOPBACK) continue;
        if (strncmp(at->ifa_name, uplink, strlen(uplink)) == 0) continue;
        char path[PATH_CAP], mac[32];
        const void *address = &((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr;
        inet_ntop(AF_INET, address, r->ip, sizeof r->ip);
        if (path_join(path, "/sys/class/net/%s/address", at->ifa_name) && file_read(path, mac, sizeof mac) &&
            strlen(mac) >= 17)
            snprintf(r->mac, sizeof r->mac, "%.17s", mac);
    }
    freeifaddrs(list);
}

static void put_node(registration_t *r, bool is_new)
{
    const config_t *c = r->agent->config;
    uint8_t room[CALL_CAP];
    scale_writer_t w              = scale_writer(room, sizeof room);
    support_resources_t resources = {c->capacity.hru, c->capacity.sru, c->capacity.cru, c->capacity.mru};
    tfgrid_location_input_t place = {bytes_text(c->city), bytes_text(c->country), bytes_text(c->latitude),
                                     bytes_text(c->longitude)};
    bytes_t ip                    = bytes_text(r->ip);
    support_interface_t interface = {
        BYTES("zos"), bytes_text(r->mac), {&ip, ip.len > 0}
    };
    tfgrid_create_node_args_t node = {
        .farm_id = c->farm_id, .resources = resources, .location = place, .interfaces = {&interface, 1}
    };
    if (is_new) {
        tfgrid_create_node_call_encode(&w, &node);
        submit(r, "create_node", &w);
        return;
    }
    tfgrid_update_node_args_t update = {
        .node_id    = r->node_id,
        .farm_id    = c->farm_id,
        .resources  = resources,
        .location   = place,
        .interfaces = {&interface, 1}
    };
    tfgrid_update_node_call_encode(&w, &update);
    submit(r, "update_node", &w);
}

/* ---- questions, the last one first ---- */

static bool is_same(bytes_t value, const char *text) { return bytes_equal(value, bytes_text(text)); }

static bool node_is_current(const registration_t *r, const support_node_t *node)
{
    const config_t *c = r->agent->config;
    return node->farm_id == c->farm_id && node->resources.cru == c->capacity.cru &&
           node->resources.mru == c->capacity.mru && node->resources.sru == c->capacity.sru &&
           node->resources.hru == c->capacity.hru && is_same(node->location.city, c->city) &&
           is_same(node->location.country, c->country) && is_same(node->location.latitude, c->latitude) &&
           is_same(node->location.longitude, c->longitude);
}

static void got_node(void *context, const client_error_t *error, bytes_t value)
{
    registration_t *r = context;
    r->ticket         = 0;
    if (error->status != CLIENT_OK || !value.data) {
        again(r, "node", error->text);
        return;
    }
    uint8_t *memory  = malloc(VALUE_ARENA);
    arena_t arena    = {.start = memory, .size = memory ? VALUE_ARENA : 0};
    scale_reader_t s = scale_reader(value, &arena);
    support_node_t node;
    support_node_decode(&s, &node);
    bool is_read = scale_done(&s), is_current = is_read && node_is_current(r, &node);
    free(memory);
    if (!is_read)
        again(r, "node", "it cannot be decoded");
    else if (!is_current)
        put_node(r, false);
    else
        agent_registered(r->agent, r->twin_id, r->node_id);
}

static uint32_t number_of(bytes_t value)
{
    scale_reader_t s = scale_reader(value, NULL);
    uint32_t number  = value.data ? scale_get_u32(&s) : 0;
    return scale_done(&s) || !value.data ? number : 0;
}

static void got_node_id(void *context, const client_error_t *error, bytes_t value)
{
    registration_t *r = context;
    uint8_t room[KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    r->ticket          = 0;
    if (error->status != CLIENT_OK) {
        again(r, "node id", error->text);
        return;
    }
    r->node_id = number_of(value);
    if (r->node_id == 0) {
        put_node(r, true);
        return;
    }
    tfgrid_nodes_key(&key, r->node_id);
    read_value(r, &key, got_node);
}

static void got_twin(void *context, const client_error_t *error, bytes_t value)
{
    registration_t *r = context;
    uint8_t room[KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    r->ticket          = 0;
    if (error->status != CLIENT_OK || !value.data) {
        again(r, "twin", error->text);
        return;
    }
    uint8_t *memory  = malloc(VALUE_ARENA);
    arena_t arena    = {.start = memory, .size = memory ? VALUE_ARENA : 0};
    scale_reader_t s = scale_reader(value, &arena);
    tfgrid_twin_t twin;
    tfgrid_twin_decode(&s, &twin);
    bool is_current = scale_done(&s) && twin.relay.some && is_same(twin.relay.value, r->relay) &&
                      twin.pk.some == r->has_pk &&
                      (!r->has_pk || bytes_equal(twin.pk.value, (bytes_t){r->pk, RMB_PK_LEN}));
    free(memory);
    if (!is_current) {
        put_twin(r, false);
        return;
    }
    tfgrid_node_id_by_twin_id_key(&key, r->twin_id);
    read_value(r, &key, got_node_id);
}

static void got_terms(void *context, const client_error_t *error, bytes_t value)
{
    registration_t *r = context;
    r->ticket         = 0;
    if (error->status != CLIENT_OK)
        again(r, "terms", error->text);
    else if (value.data && value.len > 1)
        put_twin(r, true);
    else
        accept_terms(r);
}

static void got_twin_id(void *context, const client_error_t *error, bytes_t value)
{
    registration_t *r = context;
    uint8_t room[KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    r->ticket          = 0;
    if (error->status != CLIENT_OK) {
        again(r, "twin id", error->text);
        return;
    }
    r->twin_id = number_of(value);
    if (r->twin_id != 0) {
        tfgrid_twins_key(&key, r->twin_id);
        read_value(r, &key, got_twin);
        return;
    }
    tfgrid_users_terms_and_conditions_key(&key, &r->agent->key.account);
    read_value(r, &key, got_terms);
}

static void start(void *self)
{
    registration_t *r = self;
    uint8_t room[KEY_CAP];
    scale_writer_t key = scale_writer(room, sizeof room);
    r->timer           = NULL;
    tfgrid_twin_id_by_account_id_key(&key, &r->agent->key.account);
    read_value(r, &key, got_twin_id);
}

registration_t *registration_new(agent_t *agent)
{
    registration_t *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->agent  = agent;
    r->has_pk = e2e_secret(&agent->key, r->secret, r->pk);
    crypto_wipe(r->secret, sizeof r->secret);
    if (!agent_relay_record(agent->config, r->relay)) r->relay[0] = 0;
    find_interface(r);
    start(r);
    return r;
}

void registration_free(registration_t *r)
{
    if (!r) return;
    if (r->ticket) client_cancel(r->agent->client, r->ticket);
    if (r->timer) io_timer_stop(r->timer);
    free(r);
}
