/* relay_route.c - what happens to an envelope that comes in: the rules of docs/formats/rmb.md 6. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay_internal.h"

#define MINUTE_S 60

/* ---- limits ---- */

static void limits_clear(relay_t *relay)
{
    for (uint32_t i = 0; i < LIMIT_BUCKETS; i++) {
        while (relay->limits[i]) {
            limit_t *limit   = relay->limits[i];
            relay->limits[i] = limit->next;
            free(limit);
        }
    }
}

void relay_limits_free(relay_t *relay)
{
    limits_clear(relay);
    for (uint32_t i = 0; i < LIMIT_BUCKETS; i++) {
        while (relay->tracked[i]) {
            tracked_t *tracked = relay->tracked[i];
            relay->tracked[i]  = tracked->next;
            free(tracked);
        }
    }
}

static void track(relay_t *relay, uint32_t twin)
{
    tracked_t **bucket = &relay->tracked[twin % LIMIT_BUCKETS], *tracked = *bucket;
    if (!relay->config.is_tracking) return;
    while (tracked && tracked->twin != twin)
        tracked = tracked->next;
    if (!tracked && relay->tracked_count == RELAY_TRACKED_MAX) return;
    if (!tracked) {
        tracked  = calloc(1, sizeof *tracked);
        *tracked = (tracked_t){.twin = twin, .next = *bucket};
        *bucket  = tracked;
        relay->tracked_count++;
    }
    tracked->count++;
}

void relay_tracked(const relay_t *relay, void (*each)(void *context, uint32_t twin, uint64_t count),
                   void *context)
{
    for (uint32_t i = 0; i < LIMIT_BUCKETS; i++)
        for (const tracked_t *tracked = relay->tracked[i]; tracked; tracked = tracked->next)
            each(context, tracked->twin, tracked->count);
}

static bool is_over_limit(relay_t *relay, uint32_t twin, uint32_t len)
{
    if (!relay->config.limit_count && !relay->config.limit_bytes) return false;
    uint64_t minute = relay_now_s(relay) / MINUTE_S;
    if (minute != relay->limit_minute) limits_clear(relay);
    relay->limit_minute = minute;
    limit_t *limit      = relay->limits[twin % LIMIT_BUCKETS];
    while (limit && limit->twin != twin)
        limit = limit->next;
    if (!limit) {
        limit                               = calloc(1, sizeof *limit);
        limit->twin                         = twin;
        limit->next                         = relay->limits[twin % LIMIT_BUCKETS];
        relay->limits[twin % LIMIT_BUCKETS] = limit;
    }
    limit->count++;
    limit->bytes += len;
    return (relay->config.limit_count && limit->count > relay->config.limit_count) ||
           (relay->config.limit_bytes && limit->bytes > relay->config.limit_bytes);
}

/* ---- what the relay says itself ---- */

static envelope_address_t address_view(const relay_address_t *address)
{
    return (envelope_address_t){address->twin, address->has_connection ? address->connection : NULL};
}

/* say posts an envelope of the relay's own; false when there is no room. */
static bool say(relay_t *relay, const envelope_t *envelope, post_t (*post)(relay_t *, relay_message_t *))
{
    uint32_t len  = envelope_encoded_len(envelope);
    uint8_t *wire = len > RMB_MESSAGE_MAX ? NULL : malloc(len);
    if (!wire) return true; /* nobody could be told */
    envelope_encode(envelope, wire);
    relay_message_t *message = relay_message_new(envelope, (bytes_t){wire, len});
    free(wire);
    if (!message) return true;
    message->deadline_s = relay_now_s(relay) + RMB_EXPIRATION_S;
    bool is_said        = post(relay, message) == POST_OK;
    relay_message_drop(message);
    return is_said;
}

static envelope_t report_of(const relay_t *relay, const relay_message_t *message, const char *why)
{
    return (envelope_t){.uid             = message->uid,
                        .timestamp_s     = relay_now_s(relay),
                        .expiration_s    = RMB_EXPIRATION_S,
                        .has_destination = true,
                        .destination     = address_view(&message->from),
                        .kind            = ENVELOPE_ERROR,
                        .error_message   = why};
}

void relay_refuse(relay_t *relay, relay_message_t *message, const char *why)
{
    relay->stats.refused++;
    relay_settle(relay, message, RELAY_REFUSED);
    if (!message->is_request) return;
    envelope_t report = report_of(relay, message, why);
    (void)say(relay, &report, relay_post); /* no room: there is nobody to tell */
}

bool relay_refuse_row(relay_t *relay, relay_message_t *message, const char *why)
{
    envelope_t report = report_of(relay, message, why);
    if (message->is_request && !say(relay, &report, relay_post_row)) return false;
    relay_remove_row(relay, message);
    relay->stats.refused++;
    relay_settle(relay, message, RELAY_REFUSED);
    return true;
}

static void pong(relay_t *relay, const relay_address_t *address, const envelope_t *ping)
{
    envelope_t pong      = *ping;
    pong.kind            = ENVELOPE_PONG;
    pong.source          = ping->destination;
    pong.has_source      = ping->has_destination;
    pong.destination     = address_view(address);
    pong.has_destination = true;
    pong.payload_kind    = PAYLOAD_PLAIN;
    pong.payload         = BYTES("hello world");
    (void)say(relay, &pong, relay_post);
}

/* ---- routes: envelopes that wait for a record of the chain ---- */

static void route_free(route_t *route)
{
    *route->back = route->next;
    if (route->next)
        route->next->back = route->back;
    else
        route->relay->routes_end = route->back;
    route->relay->route_count--;
    route->relay->route_bytes -= route->message->wire_len;
    route->message->route = NULL;
    relay_message_drop(route->message);
    free(route);
}

static route_t *route_new(relay_t *relay, relay_message_t *message)
{
    route_t *route    = calloc(1, sizeof *route);
    route->relay      = relay;
    route->message    = relay_message_hold(message);
    route->back       = relay->routes_end;
    *route->back      = route;
    relay->routes_end = &route->next;
    relay->route_count++;
    relay->route_bytes += message->wire_len;
    return route;
}

static bool is_full(const relay_t *relay, const relay_message_t *message)
{
    return relay->route_count >= RELAY_LOOKUPS_MAX ||
           relay->route_bytes + message->wire_len > RELAY_LOOKUPS_BYTES;
}

void relay_route_free_all(relay_t *relay)
{
    route_t *next;
    for (route_t *route = relay->routes; route; route = next) {
        next = route->next;
        twin_cache_cancel(relay->twins, route);
        if (route->done) route->done(route->context, RELAY_IN_BUSY);
        route_free(route);
    }
}

void relay_federation_cancel(relay_t *relay, const void *context)
{
    for (route_t *route = relay->routes; route; route = route->next)
        if (route->context == context) route->done = NULL;
}

static bool is_ours(const relay_t *relay, const char *record)
{
    char domain[RMB_RELAY_MAX + 1];
    uint32_t at = 0;
    while (relay_domain_next(record, &at, domain))
        for (uint32_t i = 0; i < relay->config.domain_count; i++)
            if (strcmp(domain, relay->domains[i]) == 0) return true;
    return false;
}

static void post_or_refuse(relay_t *relay, relay_message_t *message)
{
    switch (relay_post(relay, message)) {
    case POST_OK: return;
    case POST_FULL: relay_refuse(relay, message, "no room for more messages to this destination"); return;
    case POST_EXPIRED: relay_refuse(relay, message, "message has expired"); return;
    }
}

static void send_outward(relay_t *relay, relay_message_t *message, const char *record)
{
    if (!message->is_stored) {
        message->is_outward = true;
        if (!message->seq) message->seq = ++relay->last_seq;
        if (message->deadline_s <= relay_now_s(relay)) {
            relay_refuse(relay, message, "message has expired");
            return;
        }
        if (!relay_put(relay, message)) {
            relay_refuse(relay, message, "no room for more messages to other relays");
            return;
        }
    }
    relay->ops.federate(relay->ops.self, relay_message_hold(message), record);
}

static bool is_here(relay_t *relay, const relay_address_t *address)
{
    const mailbox_t *mailbox = relay_mailbox_get(relay, address);
    return mailbox && mailbox->session;
}

/* What is known of a destination's twin, but for how to get there. */
static const char *refusal_of(const relay_t *relay, const relay_message_t *message, twin_status_t status,
                              const rmb_twin_t *twin)
{
    if (status == TWIN_UNKNOWN) return "unknown twin destination";
    if (status == TWIN_UNAVAILABLE) return "the chain is not available";
    if (twin->relay[0] == 0) return "relay info is not set for this twin";
    if (message->is_fail_fast && is_ours(relay, twin->relay)) return "destination offline";
    return NULL;
}

/* on_row_destination goes on with a message that has a row, which stays until what becomes of it is in the
 * store, too.  False: not yet. */
static bool on_row_destination(relay_t *relay, relay_message_t *message, twin_status_t status,
                               const rmb_twin_t *twin)
{
    if (status == TWIN_UNAVAILABLE) return false;
    const char *why = refusal_of(relay, message, status, twin);
    if (why) return relay_refuse_row(relay, message, why);
    if (!is_ours(relay, twin->relay)) {
        send_outward(relay, message, twin->relay);
        return true;
    }
    post_t result = relay_turn_inward(relay, message);
    if (result == POST_EXPIRED) return relay_refuse_row(relay, message, "message has expired");
    return result == POST_OK;
}

static void on_destination(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    route_t *route           = context;
    relay_t *relay           = route->relay;
    relay_message_t *message = route->message;
    if (message->is_stored) {
        route->is_parked = !on_row_destination(relay, message, status, twin);
        if (!route->is_parked) route_free(route);
        return;
    }
    if (is_here(relay, &message->to)) { /* it came meanwhile */
        post_or_refuse(relay, message);
        route_free(route);
        return;
    }
    const char *why = refusal_of(relay, message, status, twin);
    if (why)
        relay_refuse(relay, message, why);
    else if (!is_ours(relay, twin->relay))
        send_outward(relay, message, twin->relay);
    else
        post_or_refuse(relay, message);
    route_free(route);
}

/* is_overtaken: an earlier message to this address waits for the chain, and must go first. */
static bool is_overtaken(const relay_t *relay, const relay_address_t *address)
{
    for (const route_t *route = relay->routes; route; route = route->next)
        if (!route->is_posted && relay_address_equal(&route->message->to, address)) return true;
    return false;
}

/* Who asked for this twin before, and had no answer, asks again first: its messages are the older ones. */
static void ask_for(relay_t *relay, uint32_t twin)
{
    route_t *next;
    for (route_t *route = relay->routes; route; route = next) {
        next = route->next;
        if (!route->is_parked || route->message->to.twin != twin) continue;
        route->is_parked = false;
        twin_cache_get(relay->twins, twin, on_destination, route);
    }
}

static void route_message(relay_t *relay, relay_message_t *message)
{
    if (message->to.twin == 0) {
        relay_refuse(relay, message, "message with missing destination");
        return;
    }
    if (is_here(relay, &message->to) && !is_overtaken(relay, &message->to)) {
        post_or_refuse(relay, message);
        return;
    }
    if (is_full(relay, message)) {
        relay_refuse(relay, message, "too many messages wait for the chain");
        return;
    }
    ask_for(relay, message->to.twin);
    route_t *route = route_new(relay, message);
    twin_cache_get(relay->twins, message->to.twin, on_destination, route);
}

void relay_resume(relay_t *relay, relay_message_t *message)
{
    route_t *route = route_new(relay, message);
    relay_message_drop(message);
    twin_cache_get(relay->twins, route->message->to.twin, on_destination, route);
}

void relay_route_tick(relay_t *relay)
{
    route_t *next;
    for (route_t *route = relay->routes; route; route = next) {
        next = route->next;
        if (!route->is_parked) continue;
        route->is_parked = false;
        if (route->message->deadline_s <= relay_now_s(relay)) {
            relay_remove_row(relay, route->message);
            relay->stats.expired++;
            route_free(route);
            continue;
        }
        twin_cache_get(relay->twins, route->message->to.twin, on_destination, route);
    }
}

/* ---- from a session ---- */

static uint64_t deadline_of(const relay_t *relay, const envelope_t *envelope)
{
    uint64_t now_s = relay_now_s(relay);
    int64_t left_s = envelope_left_s(envelope, now_s);
    if (left_s <= 0) return now_s;
    return now_s + (left_s > RELAY_STORE_S_MAX ? RELAY_STORE_S_MAX : (uint64_t)left_s);
}

static relay_message_t *take_in(relay_t *relay, const envelope_t *envelope, bytes_t wire)
{
    relay->stats.rx++;
    relay->stats.rx_bytes += wire.len;
    relay_message_t *message = relay_message_new(envelope, wire);
    if (!message) return NULL;
    message->deadline_s   = deadline_of(relay, envelope);
    message->is_fail_fast = envelope_has_tag(envelope, "fail-fast");
    return message;
}

void relay_session_input(relay_t *relay, relay_session_t *session, bytes_t wire)
{
    assert(session->mailbox);
    relay_address_t self = session->mailbox->address;
    arena_t arena        = {.start = relay->scratch, .size = SCRATCH_LEN};
    envelope_t envelope;
    relay_message_t *message = NULL;
    if (envelope_decode(wire, &arena, &envelope) == ENVELOPE_OK) message = take_in(relay, &envelope, wire);
    if (!message) {
        relay->stats.refused++;
        return;
    }
    track(relay, self.twin);
    relay_address_t from = message->from;
    message->from        = self; /* reports go to the session, whatever the envelope says */
    if (session->wants_acks) {
        message->sender = session;
        session->refs++;
    }
    if (is_over_limit(relay, self.twin, wire.len)) {
        relay->stats.limited++;
        relay_refuse(relay, message, "exceeded rate limits, dropping message");
    } else if (!envelope.has_source || !relay_address_equal(&from, &self)) {
        relay_refuse(relay, message, "message wrong source");
    } else if (envelope.kind == ENVELOPE_PING) {
        relay_settle(relay, message, RELAY_STORED);
        pong(relay, &self, &envelope);
    } else {
        route_message(relay, message);
    }
    relay_message_drop(message);
}

/* ---- from another relay ---- */

static void inbox_done(route_t *route, relay_in_t in)
{
    if (in != RELAY_IN_ACCEPTED) route->relay->stats.refused++;
    if (in == RELAY_IN_BUSY) relay_gate_shut(route->gate, route->message);
    if (route->done) route->done(route->context, in);
    route_free(route);
}

static void inbox_post(route_t *route)
{
    relay_message_t *message = route->message;
    if (relay_route_is_shut(route)) {
        inbox_done(route, RELAY_IN_BUSY);
        return;
    }
    if (message->is_fail_fast && !is_here(route->relay, &message->to)) {
        inbox_done(route, RELAY_IN_OFFLINE);
        return;
    }
    message->route   = route; /* answered when the message is safe */
    route->is_posted = true;
    if (relay_post(route->relay, message) == POST_OK) return;
    message->route = NULL;
    inbox_done(route, RELAY_IN_BUSY);
}

bool relay_route_is_shut(const route_t *route) { return relay_gate_is_shut(route->gate, route->message); }

void relay_route_settled(route_t *route, relay_ack_t ack)
{
    inbox_done(route, ack == RELAY_STORED ? RELAY_IN_ACCEPTED : RELAY_IN_BUSY);
}

static void on_inbox_destination(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    route_t *route = context;
    if (status == TWIN_UNAVAILABLE)
        inbox_done(route, RELAY_IN_BUSY);
    else if (status == TWIN_UNKNOWN || !is_ours(route->relay, twin->relay))
        inbox_done(route, RELAY_IN_OFFLINE);
    else
        inbox_post(route);
}

static bool is_signed_by(relay_t *relay, const relay_message_t *message, const account_id_t *account)
{
    arena_t arena = {.start = relay->scratch, .size = SCRATCH_LEN};
    envelope_t envelope;
    return envelope_decode(relay_message_wire(message), &arena, &envelope) == ENVELOPE_OK &&
           envelope_verify(&envelope, account);
}

static void inbox_route(route_t *route)
{
    const relay_address_t *to = &route->message->to;
    route->is_posted          = true; /* not in its own way */
    bool is_free              = is_here(route->relay, to) && !is_overtaken(route->relay, to);
    route->is_posted          = false;
    if (is_free)
        inbox_post(route);
    else
        twin_cache_get(route->relay->twins, to->twin, on_inbox_destination, route);
}

static void on_inbox_source(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    route_t *route = context;
    if (status == TWIN_UNAVAILABLE)
        inbox_done(route, RELAY_IN_BUSY);
    else if (status == TWIN_UNKNOWN || !is_signed_by(route->relay, route->message, &twin->account))
        inbox_done(route, RELAY_IN_FORGED);
    else
        inbox_route(route);
}

static void inbox(relay_t *relay, relay_gate_t *gate, bytes_t wire,
                  void (*done)(void *context, relay_in_t in), void *context)
{
    arena_t arena = {.start = relay->scratch, .size = SCRATCH_LEN};
    envelope_t envelope;
    relay_message_t *message = NULL;
    if (envelope_decode(wire, &arena, &envelope) == ENVELOPE_OK && envelope.destination.twin != 0)
        message = take_in(relay, &envelope, wire);
    if (!message || envelope_left_s(&envelope, relay_now_s(relay)) <= 0) {
        if (message) relay_message_drop(message);
        relay->stats.refused++;
        done(context, RELAY_IN_MALFORMED);
        return;
    }
    if (is_full(relay, message) || relay_gate_is_shut(gate, message)) {
        relay_gate_shut(gate, message);
        relay_message_drop(message);
        done(context, RELAY_IN_BUSY);
        return;
    }
    route_t *route = route_new(relay, message);
    route->done    = done;
    route->context = context;
    route->gate    = gate;
    relay_message_drop(message);
    if (gate)
        inbox_route(route);
    else
        twin_cache_get(relay->twins, route->message->from.twin, on_inbox_source, route);
}

void relay_federation_input(relay_t *relay, bytes_t wire, void (*done)(void *context, relay_in_t in),
                            void *context)
{
    inbox(relay, NULL, wire, done, context);
}

void relay_link_input(relay_t *relay, relay_gate_t *gate, bytes_t wire,
                      void (*done)(void *context, relay_in_t in), void *context)
{
    inbox(relay, gate, wire, done, context);
}

/* refuse_federated: the row stays when its sender cannot be told yet, and its way is tried again later. */
static void refuse_federated(relay_t *relay, relay_message_t *message, const char *why)
{
    if (!message->is_stored)
        relay_refuse(relay, message, why);
    else if (!relay_refuse_row(relay, message, why))
        route_new(relay, message)->is_parked = true;
}

void relay_federated(relay_t *relay, relay_message_t *message, relay_fed_t result)
{
    if (result == RELAY_FED_DONE)
        relay->stats.federation_done++;
    else
        relay->stats.federation_error++;
    if (result == RELAY_FED_REFUSED) {
        refuse_federated(relay, message, "destination offline");
    } else if (result == RELAY_FED_FULL) {
        refuse_federated(relay, message, "no room for more messages to other relays");
    } else {
        relay_remove_row(relay, message);
        if (result == RELAY_FED_EXPIRED) relay->stats.expired++;
        relay_settle(relay, message, result == RELAY_FED_DONE ? RELAY_STORED : RELAY_REFUSED);
    }
    relay_message_drop(message);
}
