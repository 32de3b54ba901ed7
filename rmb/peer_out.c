/* peer_out.c - what the peer sends: looked up, encrypted, signed, sent, sent again, given up. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "e2e.h"
#include "log.h"
#include "peer_internal.h"

#define REFUSALS_MAX 6    /* of one reply: after pauses of 1, 2, 4 ... seconds */
#define DROPPED_MS   2000 /* how long to wait for the relay's words after it dropped something */

static void work(void *self);

void peer_work_soon(peer_t *peer)
{
    if (!peer->work_timer && !peer->is_closing)
        peer->work_timer = io_timer_start(peer->config.io, 0, 0, work, peer);
}

out_t *peer_out_new(peer_t *peer, const peer_return_t *to, bool is_request, bytes_t payload, uint64_t life_s)
{
    out_t *out      = calloc(1, sizeof *out);
    out->peer       = peer;
    out->ticket     = ++peer->last_ticket;
    out->is_request = is_request;
    out->to         = *to;
    out->deadline_s = peer_now_s(peer) + life_s;
    *peer->outs_end = out;
    peer->outs_end  = &out->next;
    if (++peer->out_count > PEER_OUT_MAX || payload.len > RMB_MESSAGE_MAX) {
        peer_out_done(out, PEER_TOO_LONG);
        return out;
    }
    out->payload     = malloc(payload.len + 1);
    out->payload_len = payload.len;
    if (payload.len) memcpy(out->payload, payload.data, payload.len);
    peer_work_soon(peer);
    return out;
}

out_t *peer_out_get(peer_t *peer, const char *uid)
{
    out_t *out = peer->outs;
    while (out && (out->stage == OUT_DONE || strcmp(out->to.uid, uid) != 0))
        out = out->next;
    return out;
}

void peer_out_done(out_t *out, peer_status_t status)
{
    if (out->stage == OUT_LOOKING || out->stage == OUT_LOOKING_SELF)
        twin_cache_cancel(out->peer->config.twins, out);
    out->stage  = OUT_DONE;
    out->status = status;
    peer_work_soon(out->peer);
}

/* A relay refuses for want of room, which comes back, or for what will not change: nobody else tells who
 * asked that there was an answer. */
bool peer_out_pause(out_t *out)
{
    if (++out->refusals > REFUSALS_MAX) return false;
    out->stage      = OUT_PAUSED;
    out->is_acked   = false;
    out->dropped_ms = io_ticks_ms(out->peer->config.io);
    return true;
}

static void out_free(peer_t *peer, out_t *out)
{
    out_t **at = &peer->outs;
    while (*at != out)
        at = &(*at)->next;
    *at = out->next;
    if (!out->next) peer->outs_end = at;
    peer->out_count--;
    if (out->stage == OUT_LOOKING || out->stage == OUT_LOOKING_SELF)
        twin_cache_cancel(peer->config.twins, out);
    free(out->tags);
    free(out->schema);
    free(out->error_message);
    free(out->payload);
    free(out->wire);
    free(out);
}

void peer_out_tell(out_t *out, const peer_answer_t *answer)
{
    peer_answer_fn done = out->done;
    void *context       = out->context;
    out_free(out->peer, out);
    if (done) done(context, answer);
}

void peer_outs_free(peer_t *peer)
{
    while (peer->outs)
        peer_out_tell(peer->outs,
                      &(peer_answer_t){.status = PEER_CLOSED, .error = peer_status_text(PEER_CLOSED)});
}

/* ---- building ---- */

static bool seal(out_t *out, const rmb_twin_t *twin, envelope_t *envelope, uint8_t **cipher)
{
    const peer_t *peer     = out->peer;
    envelope->payload_kind = PAYLOAD_PLAIN;
    envelope->payload      = (bytes_t){out->payload, out->payload_len};
    if (!out->is_encryptable || !twin->has_pk || out->payload_len == 0) return true;
    *cipher = malloc(out->payload_len + E2E_OVERHEAD);
    if (!e2e_encrypt(peer->secret, twin->pk, envelope->payload, *cipher)) return false;
    envelope->payload_kind = PAYLOAD_CIPHER;
    envelope->payload      = (bytes_t){*cipher, out->payload_len + E2E_OVERHEAD};
    return true;
}

static peer_status_t build(out_t *out, const rmb_twin_t *twin)
{
    const peer_t *peer  = out->peer;
    uint64_t now_s      = peer_now_s(peer);
    envelope_t envelope = {
        .uid             = out->to.uid,
        .tags            = out->tags,
        .timestamp_s     = now_s,
        .expiration_s    = out->deadline_s > now_s ? out->deadline_s - now_s : 0,
        .has_source      = true,
        .has_destination = true,
        .source          = {peer->config.twin, peer->config.connection ? peer->connection : NULL },
        .destination     = {out->to.twin,      out->to.has_connection ? out->to.connection : NULL},
        .kind            = out->is_request ? ENVELOPE_REQUEST
                           : out->is_error ? ENVELOPE_ERROR
                                           : ENVELOPE_RESPONSE,
        .command         = out->is_request ? out->command : NULL,
        .error_code      = out->error_code,
        .error_message   = out->error_message,
        .schema          = !out->schema     ? "application/json"
                           : out->schema[0] ? out->schema
                                            : NULL,
    };
    uint8_t signature[ENVELOPE_SIGNATURE_LEN], *cipher = NULL;
    peer_status_t status = PEER_TOO_LONG;
    if (envelope.expiration_s == 0)
        status = PEER_TIMEOUT;
    else if (!seal(out, twin, &envelope, &cipher))
        status = PEER_BAD_ANSWER;
    else if (envelope_sign(&envelope, &peer->key, signature)) {
        out->wire_len = envelope_encoded_len(&envelope);
        if (out->wire_len <= RMB_MESSAGE_MAX) {
            out->wire = malloc(out->wire_len);
            envelope_encode(&envelope, out->wire);
            status = PEER_OK;
        }
    }
    free(cipher);
    return status;
}

/* ---- looking up, sending ---- */

static void on_destination(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    out_t *out = context;
    out->stage = OUT_READY;
    if (status == TWIN_UNAVAILABLE && !out->is_request && peer_out_pause(out)) return;
    if (status != TWIN_FOUND) {
        peer_out_done(out, status == TWIN_UNKNOWN ? PEER_NO_TWIN : PEER_UNAVAILABLE);
        return;
    }
    peer_status_t built = build(out, twin);
    if (built != PEER_OK) peer_out_done(out, built);
    peer_work_soon(out->peer);
}

/* The destination can decrypt only if our key is what the chain says it is. */
static void on_self(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    out_t *out         = context;
    const peer_t *peer = out->peer;
    if (status == TWIN_UNAVAILABLE) {
        out->stage = OUT_READY;
        if (out->is_request || !peer_out_pause(out)) peer_out_done(out, PEER_UNAVAILABLE);
        return;
    }
    out->is_encryptable =
        status == TWIN_FOUND && twin->has_pk && peer->has_pk && memcmp(twin->pk, peer->pk, RMB_PK_LEN) == 0;
    out->stage = OUT_LOOKING;
    twin_cache_get(peer->config.twins, out->to.twin, on_destination, out);
}

peer_link_t *peer_link_choose(const peer_t *peer)
{
    peer_link_t *link = NULL;
    for (uint32_t i = 0; i < peer->link_count; i++) {
        if (!peer_link_is_ready(peer->links[i])) continue;
        if (!link || (peer_link_has_acks(peer->links[i]) && !peer_link_has_acks(link))) link = peer->links[i];
    }
    return link;
}

static bool send(out_t *out)
{
    peer_link_t *link = peer_link_choose(out->peer);
    if (!link || !peer_link_send(link, (bytes_t){out->wire, out->wire_len})) return false;
    out->stage = OUT_SENT;
    out->link  = link;
    if (!out->is_request && !peer_link_has_acks(link)) peer_out_done(out, PEER_OK);
    return true;
}

static void out_end(out_t *out)
{
    peer_status_t status = out->status;
    if (!out->is_request && status != PEER_OK)
        log_warn(LOG_PEER, "reply not sent", LOG_U64("twin", out->to.twin),
                 LOG_TEXT("reason", peer_status_text(status)));
    peer_out_tell(out, &(peer_answer_t){.status = status, .error = peer_status_text(status)});
}

/* Who hears that something is done may do anything, even free the peer: nothing is touched after that. */
static void work(void *self)
{
    peer_t *peer     = self;
    bool has_room    = true;
    peer->work_timer = NULL;
    for (out_t *out = peer->outs; out;) {
        if (out->stage == OUT_NEW) {
            out->stage = OUT_LOOKING_SELF;
            twin_cache_get(peer->config.twins, peer->config.twin, on_self, out);
        }
        if (out->stage == OUT_READY && has_room) has_room = send(out);
        if (out->stage != OUT_DONE) {
            out = out->next;
            continue;
        }
        if (peer->outs != out || out->next) peer_work_soon(peer);
        out_end(out);
        return;
    }
}

void peer_outs_resend(peer_t *peer, const peer_link_t *lost)
{
    for (out_t *out = peer->outs; out; out = out->next)
        if (out->stage == OUT_SENT && out->link == lost && !out->is_acked) out->stage = OUT_READY;
    peer_work_soon(peer);
}

void peer_outs_tick(peer_t *peer)
{
    uint64_t now_s = peer_now_s(peer), now_ms = io_ticks_ms(peer->config.io);
    for (out_t *out = peer->outs; out; out = out->next) {
        if (out->stage == OUT_DONE) continue;
        if (now_s >= out->deadline_s)
            peer_out_done(out, out->is_forged ? PEER_BAD_ANSWER : PEER_TIMEOUT);
        else if (out->is_dropped && now_ms - out->dropped_ms > DROPPED_MS)
            peer_out_done(out, PEER_RELAY);
        else if (out->stage == OUT_PAUSED && now_ms - out->dropped_ms >= UINT64_C(500) << out->refusals)
            out->stage = out->wire ? OUT_READY : OUT_NEW;
        if (out->stage == OUT_READY || out->stage == OUT_NEW) peer_work_soon(peer);
    }
}
