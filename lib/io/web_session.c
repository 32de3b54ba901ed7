/* web_session.c - a WebSocket after its handshake: messages put together, frames queued and written.
 *
 * Frames are built here and written by libwebsockets as they stand, all that waits at once; pings of the
 * other side and close frames are libwebsockets' own, and go between whole frames. */
#include "web_internal.h"

#include <stdlib.h>
#include <string.h>

#define OPCODE_TEXT      0x1
#define OPCODE_BINARY    0x2
#define OPCODE_CLOSE     0x8
#define OPCODE_PING      0x9
#define CLOSE_REASON_MAX 120
#define FRAME_FINAL      0x80
#define FRAME_MASKED     0x80

/* ---- buffers ---- */

static void room_reserve(web_room_t *room, size_t more)
{
    if (room->len + more <= room->cap) return;
    size_t cap = room->cap ? room->cap * 2 : 1024;
    while (cap < room->len + more)
        cap *= 2;
    room->data = must(realloc(room->data, LWS_PRE + cap));
    room->cap  = cap;
}

void web_room_add(web_room_t *room, const void *data, size_t len)
{
    room_reserve(room, len);
    if (len > 0) memcpy(room->data + LWS_PRE + room->len, data, len);
    room->len += len;
}

void web_room_free(web_room_t *room)
{
    free(room->data);
    *room = (web_room_t){0};
}

static void room_empty(web_room_t *room)
{
    room->len = 0;
    if (room->cap > WEB_ROOM_KEPT) web_room_free(room);
}

/* Brings the common count up to date. */
static void count_memory(web_session_t *session)
{
    size_t now = web_queued(session) + session->in.len;
    *session->memory += now - session->counted;
    session->counted = now;
}

static bool has_memory(const web_session_t *session, size_t more)
{
    return *session->memory + more <= session->memory_max;
}

/* ---- sending ---- */

static void add_frame(web_session_t *session, uint8_t opcode, bytes_t content)
{
    uint8_t head[14] = {(uint8_t)(FRAME_FINAL | opcode)};
    size_t len       = 2;
    if (content.len < 126) {
        head[1] = (uint8_t)content.len;
    } else if (content.len < 65536) {
        head[1] = 126;
        head[2] = (uint8_t)(content.len >> 8);
        head[3] = (uint8_t)content.len;
        len     = 4;
    } else {
        head[1] = 127;
        for (int i = 0; i < 4; i++)
            head[6 + i] = (uint8_t)(content.len >> (24 - 8 * i));
        len = 10;
    }
    if (!session->is_client) {
        web_room_add(&session->out, head, len);
        web_room_add(&session->out, content.data, content.len);
        return;
    }
    uint8_t mask[4];
    io_random(mask, sizeof mask);
    head[1] |= FRAME_MASKED;
    web_room_add(&session->out, head, len);
    web_room_add(&session->out, mask, sizeof mask);
    room_reserve(&session->out, content.len);
    uint8_t *to = session->out.data + LWS_PRE + session->out.len;
    for (uint32_t i = 0; i < content.len; i++)
        to[i] = content.data[i] ^ mask[i & 3];
    session->out.len += content.len;
}

static void write_soon(web_session_t *session)
{
    struct web *web = session->web;
    if (session->is_unsent) return;
    session->is_unsent   = true;
    session->next_unsent = web->unsent;
    web->unsent          = session;
    uv_prepare_start(&web->flush, web_flush);
}

bool web_send(web_session_t *session, bytes_t message, bool is_text)
{
    if (!session->is_open || session->is_closing) return false;
    if (web_queued(session) + message.len + 14 > session->queue_max || !has_memory(session, message.len)) {
        room_empty(&session->out); /* whole frames: those that are under way are libwebsockets' */
        web_close(session, 1013, "too slow");
        return false;
    }
    add_frame(session, is_text ? OPCODE_TEXT : OPCODE_BINARY, message);
    count_memory(session);
    session->stats->messages_out++;
    session->stats->bytes_out += message.len;
    write_soon(session);
    return true;
}

void web_ping(web_session_t *session)
{
    if (!session->is_open || session->is_closing) return;
    add_frame(session, OPCODE_PING, BYTES(WEB_PING_TEXT));
    write_soon(session);
}

bool web_session_is_pong(const void *in, size_t len)
{
    return len == strlen(WEB_PING_TEXT) && memcmp(in, WEB_PING_TEXT, len) == 0;
}

size_t web_queued(const web_session_t *session) { return session->out.len + session->handed; }

void web_close(web_session_t *session, uint16_t code, const char *reason)
{
    if (session->is_closing) return;
    session->is_closing                   = true;
    uint8_t content[2 + CLOSE_REASON_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t len                            = reason ? strnlen(reason, CLOSE_REASON_MAX) : 0;
    if (len > 0) memcpy(content + 2, reason, len);
    add_frame(session, OPCODE_CLOSE, (bytes_t){content, (uint32_t)len + 2});
    if (!session->is_open) return; /* it is said when the line is up */
    lws_set_timeout(session->wsi, PENDING_TIMEOUT_USER_REASON_BASE, WEB_CLOSE_MS / 1000);
    lws_callback_on_writable(session->wsi);
}

static bool write_out(web_session_t *session)
{
    size_t len = session->out.len;
    if (lws_write(session->wsi, session->out.data + LWS_PRE, len, LWS_WRITE_RAW) < 0) return false;
    room_empty(&session->out);
    if (lws_partial_buffered(session->wsi)) session->handed = len;
    count_memory(session);
    session->is_drain_untold = true;
    return true;
}

/* Whoever is not to be written to now is told by libwebsockets when he is. */
static void flush_one(web_session_t *session)
{
    if (!session->is_open || !session->wsi || session->out.len == 0) return;
    if (session->is_left || session->handed > 0 || lws_partial_buffered(session->wsi)) {
        lws_callback_on_writable(session->wsi);
        return;
    }
    if (!write_out(session))
        lws_set_timeout(session->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    else if (session->handed > 0 || session->is_closing || web_session_hears_drained(session))
        lws_callback_on_writable(session->wsi);
}

void web_flush(uv_prepare_t *prepare)
{
    struct web *web = prepare->data;
    while (web->unsent) {
        web_session_t *session = web->unsent;
        web->unsent            = session->next_unsent;
        session->is_unsent     = false;
        flush_one(session);
    }
    uv_prepare_stop(prepare);
}

int web_session_write(web_session_t *session)
{
    session->handed = 0; /* libwebsockets asks only when it has nothing left */
    if (session->out.len > 0) {
        if (!write_out(session)) return -1;
        lws_callback_on_writable(session->wsi);
        return 0;
    }
    bool is_news             = session->is_drain_untold && !session->is_closing;
    session->is_drain_untold = false;
    if (is_news) web_session_told_drained(session);
    return 0;
}

/* ---- receiving ---- */

int web_session_receive(web_session_t *session, const void *data, size_t len)
{
    if (session->is_closing) return 0;
    struct lws *wsi = session->wsi;
    bool is_last    = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
    if (lws_is_first_fragment(wsi) && session->in.len == 0) session->in_is_text = !lws_frame_is_binary(wsi);
    if (session->is_skipping) {
        session->is_skipping = !is_last;
        return 0;
    }
    if (session->in.len + len + (is_last ? 0 : lws_remaining_packet_payload(wsi)) > session->message_max) {
        web_room_free(&session->in);
        count_memory(session);
        session->is_skipping = !is_last;
        if (!web_session_told_too_long(session)) web_close(session, 1009, "message too big");
        return 0;
    }
    if (!is_last && !has_memory(session, len)) {
        web_room_free(&session->in);
        web_close(session, 1013, "too much is under way");
        return 0;
    }
    bytes_t message = {data, (uint32_t)len};
    if (!is_last || session->in.len > 0) {
        web_room_add(&session->in, data, len);
        count_memory(session);
        if (!is_last) return 0;
        message = (bytes_t){session->in.data + LWS_PRE, (uint32_t)session->in.len};
    }
    session->stats->messages_in++;
    session->stats->bytes_in += message.len;
    web_session_told_message(session, message, session->in_is_text);
    if (session->is_cut) return -1;
    room_empty(&session->in);
    count_memory(session);
    return 0;
}

/* ---- the rest ---- */

void web_pause(web_session_t *session, bool is_paused)
{
    if (session->wsi) lws_rx_flow_control(session->wsi, is_paused ? 0 : 1);
}

void *web_session_self(const web_session_t *session) { return session->self; }
void web_session_set_self(web_session_t *session, void *session_self) { session->self = session_self; }
const char *web_session_peer(const web_session_t *session) { return session->peer; }

void web_session_fini(web_session_t *session)
{
    for (web_session_t **at = &session->web->unsent; session->is_unsent && *at; at = &(*at)->next_unsent)
        if (*at == session) {
            *at                = session->next_unsent;
            session->is_unsent = false;
            break;
        }
    *session->memory -= session->counted;
    web_room_free(&session->out);
    web_room_free(&session->in);
}
