/* peer_in.c - what the peer receives: answers to its requests, and requests to its handler. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "e2e.h"
#include "hash.h"
#include "log.h"
#include "peer_internal.h"

/* ---- replays ---- */

static replay_t *replay_set(const peer_t *peer, const uint8_t id[16])
{
    uint32_t at = id[0] | (uint32_t)id[1] << 8 | (uint32_t)id[2] << 16;
    return peer->replays[at & (peer->replay_sets - 1)];
}

/* Each set becomes two; what has ended is left behind. */
static void replays_grow(peer_t *peer)
{
    replay_t(*old)[REPLAY_WAYS] = peer->replays;
    uint32_t old_sets           = peer->replay_sets;
    peer->replay_sets           = old_sets ? old_sets * 2 : REPLAY_SETS_MIN;
    peer->replays               = calloc(peer->replay_sets, sizeof *peer->replays);
    for (uint32_t i = 0; i < old_sets * REPLAY_WAYS; i++) {
        const replay_t *entry = &old[i / REPLAY_WAYS][i % REPLAY_WAYS];
        if (entry->deadline_s < peer_now_s(peer)) continue;
        replay_t *to = replay_set(peer, entry->id);
        while (to->deadline_s)
            to++;
        *to = *entry;
    }
    free(old);
}

/* Of a full set of a table that grows no more, the entry that ends first is forgotten. */
static bool is_replay(peer_t *peer, const envelope_t *envelope)
{
    char text[RMB_UID_MAX + RMB_CONNECTION_MAX + 32];
    uint8_t id[16];
    replay_t *set, *oldest;
    int len = snprintf(text, sizeof text, "%u/%s/%s", envelope->source.twin,
                       envelope->source.connection ? envelope->source.connection : "", envelope->uid);
    blake2b(id, 16, (bytes_t){(const uint8_t *)text, (uint32_t)len});
    if (!peer->replays) replays_grow(peer);
    for (;;) {
        oldest = set = replay_set(peer, id);
        for (uint32_t i = 0; i < REPLAY_WAYS; i++) {
            if (set[i].deadline_s >= peer_now_s(peer) && memcmp(set[i].id, id, sizeof id) == 0) return true;
            if (set[i].deadline_s < oldest->deadline_s) oldest = &set[i];
        }
        if (oldest->deadline_s < peer_now_s(peer) || peer->replay_sets >= REPLAY_SETS_MAX) break;
        replays_grow(peer);
    }
    memcpy(oldest->id, id, sizeof id);
    oldest->deadline_s = envelope->timestamp_s + envelope->expiration_s;
    return false;
}

/* ---- envelopes that wait for the record of their sender ---- */

#define ASK_AGAIN_MS 1000

/* The link is told last: it may be lost, or read on, in it. */
static void in_free(in_t *in)
{
    peer_link_t *link = in->is_open && !in->peer->is_closing ? in->link : NULL;
    uint64_t ticket   = in->ticket;
    if (in->is_gone) *in->is_gone = true;
    *in->back = in->next;
    if (in->next)
        in->next->back = in->back;
    else
        in->peer->ins_end = in->back;
    in->peer->in_count--;
    in->peer->in_len -= in->len;
    free(in->memory);
    free(in);
    if (link) peer_link_taken(link, ticket);
}

void peer_ins_free(peer_t *peer)
{
    in_t *next;
    for (in_t *in = peer->ins; in; in = next) {
        next = in->next;
        twin_cache_cancel(peer->config.twins, in);
        in_free(in);
    }
}

void peer_ins_lost(peer_t *peer, const peer_link_t *link)
{
    in_t *next;
    for (in_t *in = peer->ins; in; in = next) {
        next = in->next;
        if (!in->is_open || in->link != link || in->is_gone) continue;
        in->is_open = false;
        twin_cache_cancel(peer->config.twins, in);
        in_free(in);
    }
}

static void drop(const peer_t *peer, const envelope_t *envelope, const char *why)
{
    (void)peer;
    log_debug(LOG_PEER, "envelope dropped", LOG_U64("twin", envelope->source.twin), LOG_TEXT("reason", why));
}

/* ---- payload ---- */

/* *room is to be freed. */
static bool open_payload(const peer_t *peer, const envelope_t *envelope, const rmb_twin_t *twin,
                         uint8_t **room, bytes_t *plain)
{
    *room  = NULL;
    *plain = envelope->payload;
    if (envelope->payload_kind != PAYLOAD_CIPHER) return true;
    if (!twin->has_pk || !peer->has_pk || envelope->payload.len < E2E_OVERHEAD) return false;
    uint32_t len = envelope->payload.len - E2E_OVERHEAD;
    *room        = malloc(len + 1);
    *plain       = (bytes_t){*room, len};
    if (e2e_decrypt(peer->secret, twin->pk, envelope->payload, *room)) return true;
    free(*room);
    *room = NULL;
    return false;
}

/* ---- requests ---- */

static void refuse(peer_t *peer, const peer_incoming_t *request, uint32_t code, const char *why)
{
    peer_reply_error(peer, &request->from, code, why);
}

static void handle_request(peer_t *peer, const envelope_t *envelope, const rmb_twin_t *twin)
{
    if (is_replay(peer, envelope)) {
        peer->replay_count++;
        drop(peer, envelope, "a replay");
        return;
    }
    peer_incoming_t request = {
        .from         = {.twin = twin->id, .has_connection = envelope->source.connection != NULL},
        .command      = envelope->command ? envelope->command : "",
        .deadline_s   = envelope->timestamp_s + envelope->expiration_s,
        .timestamp_s  = envelope->timestamp_s,
        .expiration_s = envelope->expiration_s,
        .schema       = envelope->schema,
        .tags         = envelope->tags
    };
    snprintf(request.from.uid, sizeof request.from.uid, "%s", envelope->uid);
    if (envelope->source.connection)
        snprintf(request.from.connection, sizeof request.from.connection, "%s", envelope->source.connection);
    uint8_t *room = NULL;
    if (!peer->config.on_request)
        refuse(peer, &request, PEER_ERROR_INVALID_TYPE, "this peer answers no requests");
    else if (!peer->config.takes_any_schema &&
             (!envelope->schema || strcmp(envelope->schema, "application/json") != 0))
        refuse(peer, &request, PEER_ERROR_PARSE, "the schema must be application/json");
    else if (!open_payload(peer, envelope, twin, &room, &request.payload))
        refuse(peer, &request, twin->has_pk ? PEER_ERROR_E2E : PEER_ERROR_NO_PK,
               "the payload cannot be decrypted");
    else
        peer->config.on_request(peer->config.context, peer, &request);
    free(room);
}

/* ---- answers ---- */

static void handle_answer(peer_t *peer, const envelope_t *envelope, const rmb_twin_t *twin)
{
    out_t *out = peer_out_get(peer, envelope->uid);
    if (!out || !out->is_request || out->to.twin != twin->id) return;
    peer_answer_t answer = {.status      = PEER_OK,
                            .error       = peer_status_text(PEER_OK),
                            .twin        = twin->id,
                            .connection  = envelope->source.connection,
                            .schema      = envelope->schema,
                            .timestamp_s = envelope->timestamp_s};
    uint8_t *room        = NULL;
    if (envelope->kind == ENVELOPE_ERROR) {
        answer.status     = PEER_REFUSED;
        answer.error_code = envelope->error_code;
        answer.error      = envelope->error_message ? envelope->error_message : "";
    }
    if (!open_payload(peer, envelope, twin, &room, &answer.payload))
        answer = (peer_answer_t){.status = PEER_BAD_ANSWER, .error = peer_status_text(PEER_BAD_ANSWER)};
    peer_out_tell(out, &answer);
    free(room);
}

/* A relay's report has no source and no signature; who forges one can only make a request fail. */
static void handle_report(peer_t *peer, const envelope_t *envelope)
{
    out_t *out = peer_out_get(peer, envelope->uid);
    if (envelope->kind != ENVELOPE_ERROR || !out || !out->is_request) return;
    peer_out_tell(out, &(peer_answer_t){.status     = PEER_RELAY,
                                        .error_code = envelope->error_code,
                                        .error = envelope->error_message ? envelope->error_message : ""});
}

/* ---- the way in ---- */

static void handle(peer_t *peer, const envelope_t *envelope, const rmb_twin_t *twin)
{
    if (!envelope_verify(envelope, &twin->account)) {
        out_t *out = peer_out_get(peer, envelope->uid);
        if (out && envelope->kind != ENVELOPE_REQUEST) out->is_forged = true;
        drop(peer, envelope, "its signature is not its sender's");
    } else if (envelope->kind != ENVELOPE_REQUEST) {
        handle_answer(peer, envelope, twin);
    } else if (envelope_left_s(envelope, peer_now_s(peer)) <= 0) {
        drop(peer, envelope, "it expired while the chain was asked for its sender");
    } else {
        handle_request(peer, envelope, twin);
    }
}

/* The peer may be freed by who handles it, and the envelope with it: its memory is taken out before. */
static void on_sender(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    in_t *in        = context;
    envelope_t held = in->envelope;
    uint8_t *memory = in->memory;
    bool is_gone = false, *outer = in->is_gone;
    if (status == TWIN_UNAVAILABLE) {
        in->is_asked = false; /* the tick asks again */
        return;
    }
    in->memory  = NULL;
    in->is_gone = &is_gone;
    if (status == TWIN_FOUND)
        handle(in->peer, &held, twin);
    else
        drop(in->peer, &held, "its sender is not known");
    free(memory);
    if (is_gone) {
        if (outer) *outer = true;
        return;
    }
    in->is_gone = outer;
    in_free(in);
}

static void ask_sender(in_t *in)
{
    in->is_asked = true;
    twin_cache_get(in->peer->config.twins, in->envelope.source.twin, on_sender, in);
}

static in_t *first_unasked(const peer_t *peer)
{
    in_t *in = peer->ins;
    while (in && in->is_asked)
        in = in->next;
    return in;
}

/* Who is asked for may be known by now, and the peer freed by who handles the envelope. */
void peer_ins_tick(peer_t *peer)
{
    uint64_t now_ms = io_ticks_ms(peer->config.io);
    in_t *in        = first_unasked(peer);
    if (!in || now_ms - peer->in_asked_ms < ASK_AGAIN_MS) return;
    bool *is_freed    = calloc(1, sizeof *is_freed);
    peer->in_asked_ms = now_ms;
    peer->is_freed    = is_freed;
    for (uint32_t count = peer->in_count; count > 0 && in; count--) {
        if (envelope_left_s(&in->envelope, peer_now_s(peer)) > 0) {
            ask_sender(in);
        } else {
            drop(peer, &in->envelope, "it expired while the chain did not answer");
            in_free(in);
        }
        in = *is_freed ? NULL : first_unasked(peer);
    }
    if (!*is_freed) peer->is_freed = NULL;
    free(is_freed);
}

static bool is_wanted(peer_t *peer, const envelope_t *envelope)
{
    if (!envelope->uid || !envelope->has_destination || envelope->destination.twin != peer->config.twin)
        return false;
    switch (envelope->kind) {
    case ENVELOPE_REQUEST:
        if (envelope_left_s(envelope, peer_now_s(peer)) > 0) return envelope->source.twin != 0;
        drop(peer, envelope, "it has expired");
        return false;
    case ENVELOPE_RESPONSE:
    case ENVELOPE_ERROR: return peer_out_get(peer, envelope->uid) != NULL;
    case ENVELOPE_PONG: return peer->ping.done && strcmp(peer->ping.uid, envelope->uid) == 0;
    case ENVELOPE_PING:
    case ENVELOPE_NONE: return false;
    }
    return false;
}

static in_t *in_new(peer_t *peer, peer_link_t *link, uint64_t ticket, uint32_t len)
{
    in_t *in       = calloc(1, sizeof *in);
    in->peer       = peer;
    in->link       = link;
    in->ticket     = ticket;
    in->memory     = malloc(len + ENVELOPE_ARENA_SPARE);
    in->back       = peer->ins_end;
    *peer->ins_end = in;
    peer->ins_end  = &in->next;
    peer->in_count++;
    peer->in_len += in->len = len;
    return in;
}

/* is_behind: an earlier one of the same sender waits to be asked for again, and goes first. */
static bool is_behind(const in_t *in)
{
    for (const in_t *other = in->peer->ins; other != in; other = other->next)
        if (!other->is_asked && other->envelope.source.twin == in->envelope.source.twin) return true;
    return false;
}

/* Of what finds no room nothing is kept: the relay waits for it in vain, and brings it again by its next
 * session, or it is lost where sessions have no word for it. */
bool peer_input(void *self, peer_link_t *link, uint64_t ticket, bytes_t wire, char uid[RMB_UID_MAX + 1])
{
    peer_t *peer     = self;
    in_t *in         = in_new(peer, link, ticket, wire.len);
    arena_t arena    = {.start = in->memory, .size = wire.len + ENVELOPE_ARENA_SPARE};
    bool is_envelope = envelope_decode(wire, &arena, &in->envelope) == ENVELOPE_OK;
    uid[0]           = 0;
    if (is_envelope && in->envelope.uid) snprintf(uid, RMB_UID_MAX + 1, "%s", in->envelope.uid);
    if (!is_envelope || !is_wanted(peer, &in->envelope)) {
        in_free(in);
    } else if (peer->in_count > PEER_INPUTS_MAX || peer->in_len > PEER_INPUTS_LEN) {
        in_free(in);
        return !peer_link_has_acks(link);
    } else if (in->envelope.kind == ENVELOPE_PONG) {
        in_free(in);
        peer_ponged(peer, true);
    } else if (!in->envelope.has_source || in->envelope.source.twin == 0) {
        envelope_t held = in->envelope;
        uint8_t *memory = in->memory;
        in->memory      = NULL;
        in_free(in);
        handle_report(peer, &held);
        free(memory);
    } else {
        bool is_gone = false;
        in->is_gone  = &is_gone;
        if (!is_behind(in)) ask_sender(in);
        if (is_gone) return true;
        in->is_gone = NULL;
        in->is_open = peer_link_has_acks(link);
        return !in->is_open;
    }
    return true;
}
