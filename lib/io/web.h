/* web.h - the WebSocket and HTTP edge: server and client, on libwebsockets, on the daemon's loop.
 *
 * Server: one address serves HTTP requests and WebSocket sessions.  The owner hands in functions; each is
 * called from the loop.  Whatever a peer may choose has a limit, in web_limits_t.
 * Client: one WebSocket or one HTTP request each; connecting again is the owner's decision.  A pool asks many
 * requests over connections that are kept. */
#ifndef WEB_H
#define WEB_H
#include "io.h"

typedef struct web_server web_server_t;
typedef struct web_session web_session_t; /* a WebSocket, of a server or of a client */
typedef struct web_request web_request_t; /* an HTTP request that waits for its answer */

#define WEB_MESSAGE_MAX (16u << 20)
#define WEB_HEAD_MAX    16384u
#define WEB_LATER       0 /* what on_upgrade says when it cannot say yet */

/* What a peer asked for.  All texts end in zero and last until the function that got them returns. */
typedef struct {
    const char *method; /* "GET", "POST", "OPTIONS"; "GET" for a session */
    const char *path;   /* "/" ... without the query */
    const char *query;  /* all behind the '?'; "" for none.  Percent-decoded, but a '&' or '%' of a value is
                           %26 or %25 */
    const char *origin; /* the Origin header; "" for none */
    const char *content_type;
    const char *peer;            /* address of the other side, numeric */
    web_session_t *session;      /* of on_upgrade: the session to be, for web_upgrade_answer */
    struct web_headers *headers; /* see web_head_header */
} web_head_t;

/* web_head_header finds a header by its name in small letters ("authorization"); NULL: it was not sent. */
const char *web_head_header(const web_head_t *head, const char *name);

typedef struct {
    uint32_t sessions; /* open WebSockets; more are refused with 503.  0: 100 */
    uint32_t
        message_len;   /* of a session's message, both ways; longer closes with 1009.  0: WEB_MESSAGE_MAX */
    uint32_t body_len; /* of a request's body; longer is answered 413.  0: WEB_MESSAGE_MAX */
    size_t queue_len;  /* bytes that wait to be sent to one session; more closes it with 1013.  0: 64 MiB */
    size_t memory_max; /* bytes that wait in all sessions together, both ways; who asks for more is closed
                        * with 1013. 0: 1 GiB */
    uint32_t sockets; /* all sockets, those of HTTP too; more are closed at once.  0: sessions and 256 more */
    uint32_t head_s;  /* for a request's head to arrive, and for its body.  0: 10 */
    uint32_t
        idle_s; /* a session that sends nothing, not even a pong, is closed.  0: 60; it is pinged at half */
} web_limits_t;

typedef struct {
    void *self;
    /* on_request answers, now or later (one without a body: now), by web_answer.  body lasts until on_request
     * returns. on_request_gone: the peer left before the answer; the request must not be used again.  May be
     * NULL. */
    void (*on_request)(void *self, web_request_t *request, const web_head_t *head, bytes_t body);
    void (*on_request_gone)(void *self, web_request_t *request);
    /* on_upgrade says 101 to let a session in, or the status that refuses it (401, 403, ...) before the
     * upgrade, or WEB_LATER, and either by web_upgrade_answer: the other side waits for it.  It may leave a
     * value of its own in *session_self, which on_refused frees when the upgrade failed after it. */
    int (*on_upgrade)(void *self, const web_head_t *head, void **session_self);
    void (*on_refused)(void *self, void *session_self); /* may be NULL */
    void (*on_open)(void *self, web_session_t *session);
    /* on_message gets a whole message; it lasts until the function returns. */
    void (*on_message)(void *self, web_session_t *session, bytes_t message, bool is_text);
    /* on_too_long hears that a message was longer than it may be and left out; NULL: it closes the session
     * with 1009. */
    void (*on_too_long)(void *self, web_session_t *session);
    void (*on_drained)(void *self,
                       web_session_t *session);           /* nothing waits to be sent any more; may be NULL */
    void (*on_pong)(void *self, web_session_t *session);  /* may be NULL */
    void (*on_close)(void *self, web_session_t *session); /* the last call about a session */
} web_handler_t;

typedef struct {
    const char *address;            /* "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;                  /* 0: any; see web_server_port */
    const char *tls_cert, *tls_key; /* PEM files; NULL for plain */
    web_limits_t limits;
    const char *origins; /* CORS: "all" or NULL lets any site in; else URLs by commas, ":*" at the end of one
                          * for any port: a request or session that names another is refused with 403 */
    const char *subprotocol; /* a WebSocket subprotocol that is agreed to when it is asked for; may be NULL */
} web_listen_t;

/* web_listen opens a server.  On failure NULL, and *error is a sentence (fixed text). */
web_server_t *web_listen(io_t *io, const web_listen_t *listen, const web_handler_t *handler,
                         const char **error);
uint16_t web_server_port(const web_server_t *server);
/* web_server_reload reads certificate and key again for connections to come; false: they were not fit, the
 * old stay. */
bool web_server_reload(web_server_t *server);
/* web_server_free closes every session (on_close is called) and the listener; NULL is ignored. */
void web_server_free(web_server_t *server);

/* web_server_stats counts for /metrics. */
typedef struct {
    uint32_t sessions, sockets;                              /* open now */
    uint64_t opened, refused, requests;                      /* sessions let in and refused, HTTP requests */
    uint64_t messages_in, messages_out, bytes_in, bytes_out; /* of sessions */
} web_stats_t;
web_stats_t web_server_stats(const web_server_t *server);

/* web_answer ends a request.  headers: further lines "Name: value\r\n", or NULL.  body is copied. */
void web_answer(web_request_t *request, int status, const char *content_type, const char *headers,
                bytes_t body);

/* web_upgrade_answer lets in a session of which on_upgrade said WEB_LATER (101; on_open is called), or
 * refuses it: then the session is gone, and on_refused is not called. */
void web_upgrade_answer(web_session_t *session, int status);

/* web_send queues a message; it is copied.  false: the session is closing, or its queue is full. */
bool web_send(web_session_t *session, bytes_t message, bool is_text);
size_t web_queued(const web_session_t *session); /* bytes that wait to be sent */
/* web_ping asks for a sign of life behind what was sent before: on_pong is called when it comes, and the
 * other side has read all of that then. */
void web_ping(web_session_t *session);
/* web_close sends what is queued, then closes with a code (1000, 1008, 1009, 1011 ...) and a reason of at
 * most 120 bytes. */
void web_close(web_session_t *session, uint16_t code, const char *reason);
/* web_pause stops reading from a session, or goes on. */
void web_pause(web_session_t *session, bool is_paused);
void *web_session_self(const web_session_t *session);
void web_session_set_self(web_session_t *session, void *session_self);
const char *web_session_peer(const web_session_t *session);

/* ------------------------------------------------------------------------------ client */

typedef struct {
    void *self;
    void (*on_open)(void *self, web_session_t *session);
    void (*on_message)(void *self, web_session_t *session, bytes_t message, bool is_text);
    void (*on_pong)(void *self, web_session_t *session); /* may be NULL */
    /* on_close is the last call: after on_open, or instead of it.  status: the HTTP status of a refused
     * upgrade, else 0. */
    void (*on_close)(void *self, web_session_t *session, int status, const char *reason);
} web_client_handler_t;

/* web_connect opens ws://host[:port][/path][?query] or wss://...  ca_file adds a PEM of trusted certificates;
 * NULL: the system's alone.  NULL when the URL cannot be read; everything else is told by on_close, never
 * before web_connect returned. */
web_session_t *web_connect(io_t *io, const char *url, const char *ca_file, uint32_t message_len,
                           const web_client_handler_t *handler);

/* web_session_free drops a client's session at once: nothing is called any more. */
void web_session_free(web_session_t *session);

/* web_fetch asks http:// or https:// once; done is called once, status 0 and a reason as body when no answer
 * came within timeout_ms.  body may be empty.  false when the URL cannot be read. */
typedef void (*web_fetched_t)(void *self, int status, bytes_t body);
bool web_fetch(io_t *io, const char *method, const char *url, const char *ca_file, const char *content_type,
               bytes_t body, uint32_t timeout_ms, web_fetched_t done, void *self);

/* A pool asks as web_fetch does, but keeps its connections for requests to come: at most lines_max to one
 * server, one request at a time on each; more requests wait for their turn, which counts as time.  A
 * connection that nobody needs for 15 s is closed.  ca_file as web_connect's.  web_pool_free ends what is
 * asked with status 0; done may ask again, but not in that. */
typedef struct web_pool web_pool_t;
web_pool_t *web_pool_new(io_t *io, const char *ca_file, uint32_t lines_max);
bool web_pool_fetch(web_pool_t *pool, const char *method, const char *url, const char *content_type,
                    bytes_t body, uint32_t timeout_ms, web_fetched_t done, void *self);
uint64_t web_pool_opened(const web_pool_t *pool); /* connections that were made */
void web_pool_free(web_pool_t *pool);

/* A URL in parts; false when it is not scheme://host[:port][/path][?query], or a part is too long. */
typedef struct {
    char scheme[8], host[256], path[2048]; /* path with the query; at least "/" */
    uint16_t port;                         /* the scheme's own when none is named */
    bool is_secure;                        /* https, wss */
} web_url_t;
bool web_url_decode(const char *text, web_url_t *url);

#endif
