/* peer.c - the peer as its owner sees it: made, asked, answered, freed. */
#include "peer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "e2e.h"
#include "peer_internal.h"

uint64_t peer_now_s(const peer_t *peer) { return io_now_ms(peer->config.io) / 1000; }

const char *peer_status_text(peer_status_t status)
{
    switch (status) {
    case PEER_OK: return "answered";
    case PEER_REFUSED: return "the other side refused";
    case PEER_RELAY: return "the relay could not deliver";
    case PEER_TIMEOUT: return "no answer in time: is the other side running, and its relay reached?";
    case PEER_NO_TWIN: return "there is no such twin on the chain";
    case PEER_UNAVAILABLE: return "the chain did not answer";
    case PEER_BAD_ANSWER:
        return "the answer was not signed by the twin that was asked, or cannot be decrypted";
    case PEER_TOO_LONG: return "the message is too long for the bus, or too many wait already";
    case PEER_CLOSED: return "cancelled";
    }
    return "";
}

/* ---- sessions ---- */

static void on_ready(void *self, peer_link_t *link)
{
    (void)link;
    peer_work_soon(self);
}

static void on_lost(void *self, peer_link_t *link)
{
    peer_ins_lost(self, link);
    peer_outs_resend(self, link);
}

static void on_ack(void *self, const char *uid, bool is_stored)
{
    peer_t *peer = self;
    out_t *out   = peer_out_get(peer, uid);
    peer_work_soon(peer); /* there is room again */
    if (!out || out->stage != OUT_SENT) return;
    bool is_news  = !out->is_acked;
    out->is_acked = true;
    if (is_stored && is_news && out->on_safe) out->on_safe(out->context);
    if (!out->is_request && !is_stored && peer_out_pause(out)) return;
    if (!out->is_request) {
        peer_out_done(out, PEER_OK);
    } else if (!is_stored && !out->is_dropped) {
        out->is_dropped = true; /* the relay's report with the reason is on its way */
        out->dropped_ms = io_ticks_ms(peer->config.io);
    }
}

static void tick(void *self)
{
    peer_t *peer = self;
    peer_outs_tick(peer);
    if (peer->ping.done && io_ticks_ms(peer->config.io) - peer->ping.sent_ms > PEER_PING_MS)
        peer_ponged(peer, false);
    peer_ins_tick(peer);
}

static bool links_open(peer_t *peer, const peer_config_t *config)
{
    peer_link_handler_t handler = {peer, on_ready, on_lost, peer_input, on_ack};
    for (uint32_t i = 0; i < config->relay_count; i++) {
        if (strlen(config->relays[i]) >= RMB_URL_MAX) return false;
        memcpy(peer->urls[i], config->relays[i], strlen(config->relays[i]) + 1);
        peer_link_config_t link = {.io         = config->io,
                                   .twin       = config->twin,
                                   .connection = config->connection ? peer->connection : NULL,
                                   .key        = &peer->key,
                                   .url        = peer->urls[i],
                                   .ca_file    = config->ca_file ? peer->ca_file : NULL};
        peer->links[i]          = peer_link_new(&link, &handler);
        if (!peer->links[i]) return false;
        peer->link_count++;
    }
    return true;
}

peer_t *peer_new(const peer_config_t *config)
{
    if (config->key->kind == KEY_ECDSA || config->relay_count == 0 || config->relay_count > PEER_RELAYS_CAP)
        return NULL;
    if (config->connection && strlen(config->connection) > RMB_CONNECTION_MAX) return NULL;
    peer_t *peer = calloc(1, sizeof *peer);
    if (config->ca_file && strlen(config->ca_file) >= sizeof peer->ca_file) {
        free(peer);
        return NULL;
    }
    peer->config   = *config;
    peer->key      = *config->key;
    peer->has_pk   = e2e_secret(&peer->key, peer->secret, peer->pk);
    peer->outs_end = &peer->outs;
    peer->ins_end  = &peer->ins;
    if (config->connection) snprintf(peer->connection, sizeof peer->connection, "%s", config->connection);
    if (config->ca_file) snprintf(peer->ca_file, sizeof peer->ca_file, "%s", config->ca_file);
    peer->tick_timer = io_timer_start(config->io, PEER_TICK_MS, PEER_TICK_MS, tick, peer);
    if (links_open(peer, config)) return peer;
    peer_free(peer);
    return NULL;
}

void peer_free(peer_t *peer)
{
    if (!peer) return;
    if (peer->is_freed) *peer->is_freed = true;
    peer->is_closing = true;
    for (uint32_t i = 0; i < peer->link_count; i++)
        peer_link_free(peer->links[i]);
    peer->link_count = 0;
    io_timer_stop(peer->tick_timer);
    if (peer->work_timer) io_timer_stop(peer->work_timer);
    peer_ins_free(peer);
    peer_ponged(peer, false);
    peer_outs_free(peer);
    key_wipe(&peer->key);
    crypto_wipe(peer->secret, sizeof peer->secret);
    free(peer->replays);
    free(peer);
}

bool peer_is_connected(const peer_t *peer)
{
    for (uint32_t i = 0; i < peer->link_count; i++)
        if (peer_link_is_ready(peer->links[i])) return true;
    return false;
}

uint64_t peer_replays(const peer_t *peer) { return peer->replay_count; }

bool peer_pk(const peer_t *peer, uint8_t pk[RMB_PK_LEN])
{
    if (peer->has_pk) memcpy(pk, peer->pk, RMB_PK_LEN);
    return peer->has_pk;
}

/* ---- asking and answering ---- */

uint64_t peer_request(peer_t *peer, const peer_request_t *request, peer_answer_fn done, void *context)
{
    peer_return_t to = {.twin = request->twin, .has_connection = request->connection != NULL};
    char uid[37];
    envelope_uid(uid);
    memcpy(to.uid, uid, sizeof uid);
    bool is_short = strlen(request->command) <= PEER_COMMAND_MAX &&
                    (!request->connection || strlen(request->connection) <= RMB_CONNECTION_MAX);
    if (is_short && request->connection)
        snprintf(to.connection, sizeof to.connection, "%s", request->connection);

    bytes_t payload = is_short ? request->payload : (bytes_t){0};
    out_t *out      = peer_out_new(peer, &to, true, payload, envelope_expiration(request->expiration_s));
    out->on_safe    = request->on_safe;
    out->done       = done;
    out->context    = context;
    if (is_short)
        snprintf(out->command, sizeof out->command, "%s", request->command);
    else
        peer_out_done(out, PEER_TOO_LONG);
    if (request->tags) out->tags = strdup(request->tags);
    if (request->schema) out->schema = strdup(request->schema);
    return out->ticket;
}

void peer_cancel(peer_t *peer, uint64_t ticket)
{
    for (out_t *out = peer->outs; out; out = out->next) {
        if (out->ticket != ticket || !out->is_request) continue;
        out->done = NULL;
        peer_out_done(out, PEER_CLOSED);
    }
}

void peer_ponged(peer_t *peer, bool is_answered)
{
    peer_pong_fn done = peer->ping.done;
    peer->ping.done   = NULL;
    if (done) done(peer->ping.context, is_answered);
}

bool peer_ping(peer_t *peer, peer_pong_fn done, void *context)
{
    uint8_t signature[ENVELOPE_SIGNATURE_LEN], wire[ENVELOPE_SIGNATURE_LEN + RMB_CONNECTION_MAX * 2 + 256];
    peer_link_t *link       = peer_link_choose(peer);
    envelope_address_t self = {peer->config.twin, peer->config.connection ? peer->connection : NULL};
    envelope_t ping         = {.uid             = peer->ping.uid,
                               .timestamp_s     = peer_now_s(peer),
                               .expiration_s    = PEER_PING_MS / 1000,
                               .has_source      = true,
                               .has_destination = true,
                               .source          = self,
                               .destination     = self,
                               .kind            = ENVELOPE_PING};
    if (!link || peer->ping.done) return false;
    envelope_uid(peer->ping.uid);
    if (!envelope_sign(&ping, &peer->key, signature)) return false;
    assert(envelope_encoded_len(&ping) <= sizeof wire);
    envelope_encode(&ping, wire);
    if (!peer_link_send(link, (bytes_t){wire, envelope_encoded_len(&ping)})) return false;
    peer->ping.sent_ms = io_ticks_ms(peer->config.io);
    peer->ping.done    = done;
    peer->ping.context = context;
    return true;
}

void peer_reply(peer_t *peer, const peer_return_t *to, bytes_t json)
{
    (void)peer_out_new(peer, to, false, json.len ? json : BYTES("null"), RMB_EXPIRATION_S);
}

void peer_reply_as(peer_t *peer, const peer_return_t *to, const char *schema, bytes_t payload)
{
    out_t *out = peer_out_new(peer, to, false, payload, RMB_EXPIRATION_S);
    if (schema) out->schema = strdup(schema);
}

void peer_reply_error(peer_t *peer, const peer_return_t *to, uint32_t code, const char *message)
{
    out_t *out         = peer_out_new(peer, to, false, BYTES("null"), RMB_EXPIRATION_S);
    out->is_error      = true;
    out->error_code    = code;
    out->error_message = strdup(message);
}

/* ---- asking and waiting ---- */

typedef struct {
    bool is_done;
    arena_t *arena;
    peer_answer_t *answer;
} asking_t;

static void asked(void *context, const peer_answer_t *answer)
{
    asking_t *asking = context;
    bytes_t error;
    *asking->answer = *answer;
    bool is_kept =
        arena_copy(asking->arena, answer->payload, &asking->answer->payload) &&
        arena_copy(asking->arena,
                   (bytes_t){(const uint8_t *)answer->error, (uint32_t)strlen(answer->error) + 1}, &error);
    if (is_kept)
        asking->answer->error = (const char *)error.data;
    else
        *asking->answer = (peer_answer_t){.status = PEER_TOO_LONG, .error = peer_status_text(PEER_TOO_LONG)};
    asking->is_done = true;
}

peer_status_t peer_ask(peer_t *peer, const peer_request_t *request, arena_t *arena, peer_answer_t *answer)
{
    asking_t asking = {.arena = arena, .answer = answer};
    (void)peer_request(peer, request, asked, &asking);
    while (!asking.is_done)
        io_step(peer->config.io, PEER_TICK_MS);
    return answer->status;
}
