/* web.h - one edge for HTTP and WebSocket, server and client, plain and TLS.
 *
 * A server listens on one address and port and speaks both there: a request that asks for an upgrade goes to
 * on_upgrade, which may refuse it with an HTTP status before anything is switched; others go to
 * on_request.  Everything runs on the loop of the io_t, nothing blocks; what is sent is queued and written
 * as the other side takes it.  Fragments are put together up to a limit; pings are answered.
 *
 *     int on_upgrade(void *self, const web_request_t *request)   { return 0; }
 *     void on_open(void *self, web_conn_t *conn)                 { web_conn_set(conn, session_new(...)); }
 *     void on_message(void *self, web_conn_t *conn, bytes_t message, bool is_text)
 *                                                                { web_send(conn, message, is_text); }
 *     void on_close(void *self, web_conn_t *conn, uint16_t code) { session_free(web_conn_get(conn)); } */
#ifndef WEB_H
#define WEB_H
#include "io.h"

typedef struct web_server web_server_t;
typedef struct web_conn web_conn_t;
typedef struct web_client_request web_client_request_t;

#define WEB_HEAD_MAX 16384 /* bytes of a request's head, as large proxies allow */

/* ---- requests ---- */

/* A request, or what asked for an upgrade.  Owned by the server, see web_answer. */
typedef struct web_request {
    const char *method; /* "GET", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "HEAD" */
    const char *path;   /* "/health": percent-decoded */
    const char *query;  /* what follows the '?', whole, as it was sent up to percent-decoding; "" if there is none */
    bytes_t body;       /* empty for an upgrade */
    const char *peer;   /* address of the other side: "127.0.0.1", "::1" */
    bool is_secure;     /* came by TLS */
} web_request_t;

/* web_request_header is a header's value by its lower-case name ("authorization"), NULL if it was not sent.
 * Valid as long as the request. */
const char *web_request_header(const web_request_t *request, const char *name);

/* web_answer answers a request that on_request was given, at once or later, exactly once; the request is gone
 * afterwards.  If the other side left meanwhile nothing is sent.  body is copied.  extra (may be NULL) holds
 * more headers, each "Name: value\r\n". */
void web_answer(web_request_t *request, int status, const char *content_type, bytes_t body, const char *extra);

/* ---- servers ---- */

typedef struct {
    /* on_request: answer it by web_answer, now or later.  NULL: all are 404. */
    void (*on_request)(void *context, web_request_t *request);
    /* on_upgrade returns 0 to accept, or an HTTP status to refuse (400..599).  request is valid during the
     * call only.  NULL: refused with 404. */
    int (*on_upgrade)(void *context, const web_request_t *request);
    /* on_open: the connection is up; web_conn_request tells what asked for it.  Called right after on_upgrade
     * accepted it, or never if it broke between. */
    void (*on_open)(void *context, web_conn_t *conn);
    void (*on_message)(void *context, web_conn_t *conn, bytes_t message, bool is_text);
    /* on_drain: what was queued fell below a quarter of send_bytes_max, after web_send was false.  May be NULL. */
    void (*on_drain)(void *context, web_conn_t *conn);
    /* on_close: the connection is gone, for any reason, web_close too; conn is freed after the call.  code is
     * the other side's close code, 1005 if it sent none, 1006 if the line broke. */
    void (*on_close)(void *context, web_conn_t *conn, uint16_t code);
    void *context;
} web_handler_t;

typedef struct {
    const char *address; /* "127.0.0.1", "::", NULL: all */
    uint16_t port;       /* 0: any free one, see web_server_port */
    const char *cert_file, *key_file; /* PEM; NULL: no TLS */
    uint32_t body_max;        /* of an HTTP request; 0: 1 MiB.  Larger ones are answered 413 */
    uint32_t message_max;     /* of a WebSocket message, put together; 0: 1 MiB.  Larger ones close with 1009 */
    uint32_t send_bytes_max;  /* queued for one connection; 0: 64 MiB */
    uint32_t connections_max; /* WebSocket ones; more are refused with 503; 0: 10000 */
    uint32_t sockets_max;     /* all sockets, HTTP ones too; more are closed at once; 0: twice connections_max, at least 256 */
    uint32_t idle_s;          /* a WebSocket that was silent this long is pinged, and closed after as long again; 0: 60 */
    uint32_t head_s;          /* for a request to arrive; 0: 10 */
    const char *origins;      /* CORS and Origin check: "all" or NULL for any, else URLs by commas; a request that
                               * names another origin is refused with 403 */
    const char *subprotocol;  /* answered when the client asks for it; may be NULL */
    web_handler_t handler;
} web_server_config_t;

/* web_server_new listens.  NULL, with the reason in *error (static text, may be NULL), when it cannot: address
 * in use, a certificate that cannot be read.  Several servers may stand on one io_t. */
web_server_t *web_server_new(io_t *io, const web_server_config_t *config, const char **error);

/* web_server_free stops listening and closes all connections with 1001; on_close is called for each before it
 * returns.  Requests without an answer yet must still be given one. */
void web_server_free(web_server_t *server);

uint16_t web_server_port(const web_server_t *server);

/* web_server_reload reads the certificate and key files again; what is connected stays. */
bool web_server_reload(web_server_t *server);

typedef struct {
    uint32_t connections;  /* WebSockets that are open now */
    uint32_t sockets;      /* all sockets that are open now */
    uint64_t opened, refused, requests;
    uint64_t messages_in, messages_out, bytes_in, bytes_out; /* of WebSocket messages */
} web_stats_t;
web_stats_t web_server_stats(const web_server_t *server);

/* ---- WebSocket connections, of a server or of web_connect ---- */

/* web_send queues a copy of one message.  False when the connection is closing, or more than send_bytes_max
 * would be queued: then nothing is, and on_drain tells when to go on. */
bool web_send(web_conn_t *conn, bytes_t message, bool is_text);

/* web_queued is how many bytes wait to be written. */
uint32_t web_queued(const web_conn_t *conn);

/* web_close closes after what is queued was sent (at most 5 s).  code: 1000, 1001, 1008 ...; reason may be NULL, at
 * most 120 bytes.  on_message is not called any more; on_close is, later. */
void web_close(web_conn_t *conn, uint16_t code, const char *reason);

/* web_pause stops reading from the connection, or goes on. */
void web_pause(web_conn_t *conn, bool is_paused);

/* A pointer of the user's at each connection. */
void web_conn_set(web_conn_t *conn, void *user);
void *web_conn_get(const web_conn_t *conn);

/* web_conn_request is the request that became this connection, valid as long as it; NULL at a client's. */
const web_request_t *web_conn_request(const web_conn_t *conn);

/* ---- clients ---- */

typedef struct {
    const char *url;         /* ws://host[:port]/path?query or wss:// */
    const char *ca_file;     /* PEM of a CA beside the system's, for wss://; may be NULL */
    const char *headers;     /* more request headers, each "Name: value\r\n"; may be NULL */
    const char *subprotocol; /* may be NULL */
    uint32_t message_max;    /* 0: 64 MiB */
    uint32_t send_bytes_max; /* 0: 64 MiB */
    uint32_t connect_ms;     /* 0: 10000 */
    uint32_t idle_s;         /* as of a server; 0: 60 */
    void (*on_open)(void *context, web_conn_t *conn);
    void (*on_message)(void *context, web_conn_t *conn, bytes_t message, bool is_text);
    void (*on_drain)(void *context, web_conn_t *conn); /* may be NULL */
    /* on_close: it is gone, or never came up (code 1006); why is for a person, never NULL: "refused: 401",
     * "no such host".  conn is freed after the call. */
    void (*on_close)(void *context, web_conn_t *conn, uint16_t code, const char *why);
    void *context;
} web_connect_t;

/* web_connect begins to connect, and never calls back before it returns.  NULL when the URL is none of ours. */
web_conn_t *web_connect(io_t *io, const web_connect_t *connect);

/* web_conn_free drops a connection of web_connect at once; on_close is not called. */
void web_conn_free(web_conn_t *conn);

typedef struct {
    const char *method;       /* NULL: GET, or POST when there is a body */
    const char *url;          /* http:// or https:// */
    const char *ca_file;      /* as above */
    const char *headers;      /* more request headers, each "Name: value\r\n"; may be NULL */
    const char *content_type; /* of the body; NULL: application/octet-stream */
    bytes_t body;             /* copied */
    uint32_t body_max;        /* of the answer; 0: 1 MiB */
    uint32_t timeout_ms;      /* for all of it; 0: 10000 */
    /* on_done is called once: status 0 when there was no answer, and body is then the reason for a person.  body
     * is valid during the call.  content_type is "" if there was none. */
    void (*on_done)(void *context, int status, bytes_t body, const char *content_type);
    void *context;
} web_fetch_t;

/* web_fetch asks by HTTP; on_done is never called before it returns.  NULL when the URL is none of ours. */
web_client_request_t *web_fetch(io_t *io, const web_fetch_t *fetch);

/* web_fetch_cancel forgets it: on_done is not called. */
void web_fetch_cancel(web_client_request_t *request);

/* A URL in parts; false when it is not scheme://host[:port][/path][?query], or a part is too long. */
typedef struct {
    char scheme[8], host[256], path[2048]; /* path with the query, at least "/" */
    uint16_t port;                         /* the scheme's own when none is named */
    bool is_secure;                        /* https, wss */
} web_url_t;
bool web_url_decode(const char *text, web_url_t *url);

#endif
