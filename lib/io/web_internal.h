/* web_internal.h - what the files of the edge share.
 *
 * Each server has a libwebsockets context of its own, and all clients of a loop share one; so a context holds
 * one listener and its user pointer is the server.  A context dies in three steps, on the loop. */
#ifndef WEB_INTERNAL_H
#define WEB_INTERNAL_H
#include "io_internal.h"
#include "log.h"
#include "web.h"

#include <libwebsockets.h>

#define WEB_CLOSE_MS      5000  /* for what is queued and the other side's close frame */
#define WEB_CA_CAP        8     /* different CA files of one process */
#define WEB_ADDRESSES_CAP 8     /* of one name that are tried */
#define WEB_SERV_BUF      65536 /* libwebsockets' own buffer */
#define WEB_ROOM_KEPT     65536 /* larger send buffers are given back when they are empty */

/* A context that is ended: it may be freed some turns of the loop later, when libuv has closed its handles.
 */
typedef struct web_dying {
    struct lws_context *context;
    uint32_t turns;
    void *owner; /* freed with it; may be NULL */
    struct web_dying *next;
} web_dying_t;

typedef struct {
    char ca_file[512];
    struct lws_vhost *vhost;
} web_ca_t;

struct web {
    io_t *io;
    struct lws_context *clients; /* NULL until the first one */
    web_ca_t cas[WEB_CA_CAP];
    uint32_t ca_count;
    web_dying_t *dying;
    uv_timer_t turn;          /* runs while something is dying */
    uv_prepare_t flush;       /* runs before the loop waits, while unsent is not empty */
    web_session_t *unsent;    /* sessions with frames that nobody has tried to write yet */
    struct web_client *first; /* all clients */
    lws_retry_bo_t idle;
};

struct web *web_of(io_t *io);

/* web_end ends a context, from the loop; owner is freed when it is gone. */
void web_end(io_t *io, struct lws_context *context, void *owner);

/* web_context_info fills what all contexts share. */
void web_context_info(io_t *io, struct lws_context_creation_info *info, void *loops[1]);

/* web_context makes one from it; NULL when libwebsockets does not start. */
struct lws_context *web_context(struct lws_context_creation_info *info);

/* ---- sessions ---- */

typedef struct {
    uint8_t *data; /* LWS_PRE bytes of room before the content */
    size_t len, cap;
} web_room_t;
void web_room_add(web_room_t *room, const void *data, size_t len);
void web_room_free(web_room_t *room);

/* What both sides have. */
struct web_session {
    struct lws *wsi; /* NULL: the line is gone, or not up yet */
    struct web *web;
    web_session_t *next_unsent;
    bool is_client, is_open, is_closing, is_cut, is_unsent;
    bool is_left; /* the other side closes: what goes out is libwebsockets' alone */
    uint32_t message_max;
    size_t queue_max, handed; /* handed: given to libwebsockets and not known to be written */
    bool is_drain_untold;     /* something was written since on_drained was called last */
    web_room_t out, in;
    bool in_is_text, is_skipping; /* skipping: the rest of a message that is too long */
    char peer[64];
    void *self;
    web_stats_t *stats;
    size_t *memory, memory_max, counted; /* of all sessions of the side; counted: this one's share */
    struct web_server *server;           /* of a server's */
    struct web_client *client;           /* of a client's */
};

/* These are what the callbacks of both sides do.  Each gives what its callback must give: -1 closes. */
int web_session_receive(web_session_t *session, const void *data, size_t len);
int web_session_write(web_session_t *session);
void web_session_fini(web_session_t *session);

/* web_session_is_pong: is it the answer to web_ping, not to a ping of libwebsockets' own? */
#define WEB_PING_TEXT "!"
bool web_session_is_pong(const void *in, size_t len);

/* web_flush writes what was sent since the loop waited last, all of a session at once, without waiting to be
 * told that the socket takes it: that would cost two more turns of the loop a message. */
void web_flush(uv_prepare_t *prepare);

/* What a session's owner is told; by the side. */
void web_session_told_message(web_session_t *session, bytes_t message, bool is_text);
void web_session_told_drained(web_session_t *session);
bool web_session_hears_drained(const web_session_t *session);
/* web_session_told_too_long is false when the owner does not want to hear it. */
bool web_session_told_too_long(web_session_t *session);

/* ---- words: web_words.c ---- */

const char *web_method_name(int method); /* of libwebsockets' number; "" for one that is not known */
const char *web_status_text(int status);

/* web_is_origin_let_in: is origin in the list of web_listen_t, or is there none? */
bool web_is_origin_let_in(const char *origins, const char *origin);

/* ---- clients ---- */

void web_client_told_message(web_session_t *session, bytes_t message, bool is_text);

void web_clients_free(struct web *web);

#endif
