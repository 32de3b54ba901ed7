/* web_client.c - one WebSocket, or one HTTP request, to somebody else.
 *
 * The name is looked up on a worker thread; its addresses are tried one after the other until one lets us in.
 * A client is freed when its socket, its lookup and its owner are all done with it. */
#include "web_internal.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 10000
#define FETCH_MAX  WEB_MESSAGE_MAX /* of an answer's body */
#define QUEUE_MAX  (64u << 20)
#define IDLE_S     60
#define WHY_MAX    200

typedef struct web_client {
    io_t *io;
    web_url_t url;
    char ca_file[512];
    char addresses[WEB_ADDRESSES_CAP][64];
    uint32_t address_count, address_next;
    uv_getaddrinfo_t lookup;
    bool is_looking, is_connecting, is_ended; /* ended: nobody is told any more */
    struct lws *wsi;
    io_timer_t *deadline;
    int status;
    char why[WHY_MAX];
    /* a WebSocket */
    web_session_t *session;
    web_client_handler_t handler;
    web_stats_t stats;
    size_t memory;
    /* a request */
    char method[16], content_type[128];
    web_room_t body, answer;
    size_t sent;
    web_fetched_t done;
    void *self;
    struct web_client *next, **back;
} web_client_t;

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t len);

static const struct lws_protocols protocols[] = {
    {.name = "web",            .callback = client_callback, .rx_buffer_size = 32768, .tx_packet_size = 4u << 20},
    {0},
};

/* ---- the end of a client ---- */

static void free_if_done(web_client_t *client)
{
    if (!client->is_ended || client->wsi || client->is_looking || client->is_connecting) return;
    *client->back = client->next;
    if (client->next) client->next->back = client->back;
    if (client->session) web_session_fini(client->session);
    free(client->session);
    web_room_free(&client->body);
    web_room_free(&client->answer);
    io_wake(client->io);
    free(client);
}

/* Ends a client without telling anybody. */
static void end(web_client_t *client)
{
    if (client->is_ended) return;
    client->is_ended = true;
    if (client->deadline) io_timer_stop(client->deadline);
    client->deadline = NULL;
    if (client->is_looking) uv_cancel((uv_req_t *)&client->lookup);
    if (client->session) {
        client->session->is_open = false;
        client->session->is_cut  = true;
    }
    if (client->wsi) lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void tell_end(web_client_t *client, const char *why)
{
    if (client->is_ended) return;
    char text[WHY_MAX];
    snprintf(text, sizeof text, "%s", why);
    end(client);
    if (client->session)
        client->handler.on_close(client->handler.self, client->session, client->status, text);
    else
        client->done(client->self, 0, bytes_text(text));
}

static void tell_answer(web_client_t *client)
{
    if (client->is_ended) return;
    end(client);
    bytes_t body = {client->answer.len ? client->answer.data + LWS_PRE : NULL, (uint32_t)client->answer.len};
    client->done(client->self, client->status, body);
}

static void too_late(void *self)
{
    web_client_t *client = self;
    client->deadline     = NULL;
    tell_end(client, client->session ? "no connection in time" : "no answer in time");
    free_if_done(client);
}

/* ---- connecting ---- */

static struct lws_context *clients_context(struct web *web)
{
    struct lws_context_creation_info info;
    void *loops[1];
    if (web->clients) return web->clients;
    web_context_info(web->io, &info, loops);
    info.timeout_secs = CONNECT_MS / 1000;
    web->idle = (lws_retry_bo_t){.secs_since_valid_ping = IDLE_S / 2, .secs_since_valid_hangup = IDLE_S};
    return web->clients = web_context(&info);
}

static struct lws_vhost *vhost_of(struct web *web, const char *ca_file)
{
    struct lws_context_creation_info info;
    void *loops[1];
    for (uint32_t i = 0; i < web->ca_count; i++)
        if (strcmp(web->cas[i].ca_file, ca_file) == 0) return web->cas[i].vhost;
    struct lws_context *context = clients_context(web);
    if (!context || web->ca_count == WEB_CA_CAP) return NULL;
    web_context_info(web->io, &info, loops);
    info.protocols             = protocols;
    info.vhost_name            = "clients";
    info.alpn                  = "http/1.1";
    info.retry_and_idle_policy = &web->idle;
    if (*ca_file) info.client_ssl_ca_filepath = ca_file;
    struct lws_vhost *vhost = lws_create_vhost(context, &info);
    if (!vhost) return NULL;
    web_ca_t *ca = &web->cas[web->ca_count++];
    snprintf(ca->ca_file, sizeof ca->ca_file, "%s", ca_file);
    return ca->vhost = vhost;
}

static void try_next(void *self)
{
    web_client_t *client  = self;
    client->is_connecting = false;
    if (client->is_ended) {
        free_if_done(client);
        return;
    }
    if (client->address_next == client->address_count) {
        tell_end(client, *client->why ? client->why : "cannot connect");
        free_if_done(client);
        return;
    }
    struct web *web         = web_of(client->io);
    struct lws_vhost *vhost = vhost_of(web, client->ca_file);
    if (!vhost) {
        tell_end(client, "TLS cannot start: is the CA file readable?");
        free_if_done(client);
        return;
    }
    char host[sizeof client->url.host + 8];
    bool is_usual = client->url.port == (client->url.is_secure ? 443 : 80);
    bool is_v6    = strchr(client->url.host, ':') != NULL;
    snprintf(host, sizeof host, is_usual ? "%s%s%s" : "%s%s%s:%u", is_v6 ? "[" : "", client->url.host,
             is_v6 ? "]" : "", client->url.port);
    struct lws_client_connect_info info = {
        .context             = web->clients,
        .vhost               = vhost,
        .address             = client->addresses[client->address_next++],
        .port                = client->url.port,
        .path                = client->url.path,
        .host                = host,
        .ssl_connection      = (client->url.is_secure ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
        .method              = client->session ? NULL : client->method,
        .local_protocol_name = "web",
        .alpn                = "http/1.1",
        .opaque_user_data    = client,
        .retry_and_idle_policy = &web->idle,
        .pwsi                  = &client->wsi,
    };
    client->is_connecting = true;
    struct lws *wsi       = lws_client_connect_via_info(&info);
    if (wsi) {
        client->is_connecting = false;
        return;
    }
    client->wsi = NULL;
    io_post(client->io, try_next, client); /* is_connecting keeps it alive */
}

static void looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    web_client_t *client = lookup->data;
    client->is_looking   = false;
    for (struct addrinfo *at = found; status == 0 && at; at = at->ai_next) {
        if (client->address_count == WEB_ADDRESSES_CAP) break;
        char *address = client->addresses[client->address_count];
        if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof client->addresses[0], NULL, 0,
                        NI_NUMERICHOST) == 0)
            client->address_count++;
    }
    uv_freeaddrinfo(found);
    if (client->address_count == 0)
        snprintf(client->why, sizeof client->why, "no such host: %.150s", client->url.host);
    try_next(client);
}

static void look_up(void *self)
{
    web_client_t *client  = self;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    client->is_connecting = false;
    client->lookup.data   = client;
    client->is_looking    = !client->is_ended;
    if (client->is_looking &&
        uv_getaddrinfo(&client->io->loop, &client->lookup, looked_up, client->url.host, NULL, &hints) != 0) {
        client->is_looking = false;
        tell_end(client, "cannot look up the host");
    }
    free_if_done(client);
}

static web_client_t *client_new(io_t *io, const char *url, const char *ca_file, bool is_socket,
                                uint32_t timeout_ms)
{
    web_url_t parts;
    if (!web_url_decode(url, &parts) || (strncmp(parts.scheme, "ws", 2) == 0) != is_socket) return NULL;
    if (ca_file && strlen(ca_file) >= sizeof((web_client_t *)0)->ca_file) return NULL;
    struct web *web      = web_of(io);
    web_client_t *client = must(calloc(1, sizeof *client));
    client->io           = io;
    client->url          = parts;
    snprintf(client->ca_file, sizeof client->ca_file, "%s", ca_file ? ca_file : "");
    client->next = web->first;
    client->back = &web->first;
    if (client->next) client->next->back = &client->next;
    web->first            = client;
    client->deadline      = io_timer_start(io, timeout_ms, 0, too_late, client);
    client->is_connecting = true; /* until the post */
    io_post(io, look_up, client);
    return client;
}

web_session_t *web_connect(io_t *io, const char *url, const char *ca_file, uint32_t message_len,
                           const web_client_handler_t *handler)
{
    web_client_t *client = client_new(io, url, ca_file, true, CONNECT_MS);
    if (!client) return NULL;
    client->handler  = *handler;
    client->session  = must(calloc(1, sizeof *client->session));
    *client->session = (web_session_t){.is_client   = true,
                                       .web         = web_of(io),
                                       .client      = client,
                                       .message_max = message_len ? message_len : WEB_MESSAGE_MAX,
                                       .queue_max   = QUEUE_MAX,
                                       .stats       = &client->stats,
                                       .memory      = &client->memory,
                                       .memory_max  = SIZE_MAX};
    snprintf(client->session->peer, sizeof client->session->peer, "%.63s", client->url.host);
    return client->session;
}

void web_session_free(web_session_t *session)
{
    web_client_t *client = session->client;
    end(client);
    free_if_done(client);
}

bool web_fetch(io_t *io, const char *method, const char *url, const char *ca_file, const char *content_type,
               bytes_t body, uint32_t timeout_ms, web_fetched_t done, void *self)
{
    web_client_t *client = client_new(io, url, ca_file, false, timeout_ms);
    if (!client) return false;
    snprintf(client->method, sizeof client->method, "%s", method);
    snprintf(client->content_type, sizeof client->content_type, "%s", content_type ? content_type : "");
    web_room_add(&client->body, body.data, body.len);
    client->done = done;
    client->self = self;
    return true;
}

void web_client_told_message(web_session_t *session, bytes_t message, bool is_text)
{
    const web_client_handler_t *handler = &session->client->handler;
    handler->on_message(handler->self, session, message, is_text);
}

/* A client that was left when its loop ends goes without a word. */
void web_clients_free(struct web *web)
{
    for (web_client_t *client = web->first, *next; client; client = next) {
        next = client->next;
        end(client);
        free_if_done(client);
    }
    if (web->clients) web_end(web->io, web->clients, NULL);
    web->clients = NULL;
    while (web->first)
        uv_run(&web->io->loop, UV_RUN_ONCE);
}

/* ---- what libwebsockets tells ---- */

static int append_headers(web_client_t *client, unsigned char **at, size_t room)
{
    if (client->session || client->body.len == 0) return 0;
    int len =
        snprintf((char *)*at, room, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                 *client->content_type ? client->content_type : "application/octet-stream", client->body.len);
    if (len < 0 || (size_t)len >= room) return -1;
    *at += len;
    lws_client_http_body_pending(client->wsi, 1);
    lws_callback_on_writable(client->wsi);
    return 0;
}

static int write_body(web_client_t *client)
{
    if (client->sent == client->body.len) return 0;
    client->sent = client->body.len;
    lws_client_http_body_pending(client->wsi, 0);
    return lws_write(client->wsi, client->body.data + LWS_PRE, client->body.len, LWS_WRITE_HTTP_FINAL) < 0
               ? -1
               : 0;
}

static int read_answer(web_client_t *client)
{
    char buffer[LWS_PRE + 16384], *at = buffer + LWS_PRE;
    int len = sizeof buffer - LWS_PRE;
    return lws_http_client_read(client->wsi, &at, &len) < 0 ? -1 : 0;
}

static int add_answer(web_client_t *client, const void *data, size_t len)
{
    if (client->answer.len + len > FETCH_MAX) {
        tell_end(client, "the answer is too long");
        return -1;
    }
    web_room_add(&client->answer, data, len);
    return 0;
}

static void connection_failed(web_client_t *client, const char *reason, size_t len)
{
    if (client->status > 0 && client->status != 101) {
        snprintf(client->why, sizeof client->why, "refused: %d", client->status);
        client->address_next = client->address_count; /* others would say the same */
    } else {
        snprintf(client->why, sizeof client->why, "%.*s", (int)len, reason ? reason : "cannot connect");
    }
    if (client->wsi) lws_set_opaque_user_data(client->wsi, NULL);
    client->wsi = NULL;
    if (client->is_connecting) return; /* the one who connects sees it */
    client->is_connecting = true;
    io_post(client->io, try_next, client);
}

static int session_opened(web_client_t *client)
{
    web_session_t *session = client->session;
    io_timer_stop(client->deadline);
    client->deadline = NULL;
    session->wsi     = client->wsi;
    session->is_open = true;
    if (session->is_closing) {
        lws_callback_on_writable(client->wsi);
        return 0;
    }
    client->handler.on_open(client->handler.self, session);
    return client->is_ended ? -1 : 0;
}

static void closed(web_client_t *client)
{
    if (client->session)
        tell_end(client, *client->why ? client->why : "the connection was lost");
    else if (client->status > 0)
        tell_answer(client);
    else
        tell_end(client, "the connection was lost");
}

static void note_close(web_client_t *client, const uint8_t *in, size_t len)
{
    if (len < 2) return;
    snprintf(client->why, sizeof client->why, "closed: %u %.*s", (unsigned)(in[0] << 8 | in[1]),
             (int)(len - 2), (const char *)in + 2);
}

static int session_callback(web_client_t *client, enum lws_callback_reasons reason, void *in, size_t len)
{
    web_session_t *session = client->session;
    if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED) return session_opened(client);
    if (reason == LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP)
        client->status = (int)lws_http_client_http_response(client->wsi);
    if (reason == LWS_CALLBACK_CLIENT_RECEIVE) return web_session_receive(session, in, len);
    if (reason == LWS_CALLBACK_CLIENT_WRITEABLE) return web_session_write(session);
    if (reason == LWS_CALLBACK_WS_PEER_INITIATED_CLOSE) {
        note_close(client, in, len);
        session->is_left = true;
        return session->is_closing ? -1 : 0;
    }
    if (reason == LWS_CALLBACK_CLIENT_RECEIVE_PONG && client->handler.on_pong && web_session_is_pong(in, len))
        client->handler.on_pong(client->handler.self, session);
    if (reason == LWS_CALLBACK_CLIENT_CLOSED) closed(client);
    return 0;
}

static int request_callback(web_client_t *client, enum lws_callback_reasons reason, void *in, size_t len)
{
    if (reason == LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP)
        client->status = (int)lws_http_client_http_response(client->wsi);
    if (reason == LWS_CALLBACK_CLIENT_HTTP_WRITEABLE) return write_body(client);
    if (reason == LWS_CALLBACK_RECEIVE_CLIENT_HTTP) return read_answer(client);
    if (reason == LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ) return add_answer(client, in, len);
    if (reason == LWS_CALLBACK_COMPLETED_CLIENT_HTTP) {
        tell_answer(client);
        return -1;
    }
    if (reason == LWS_CALLBACK_CLOSED_CLIENT_HTTP) closed(client);
    return 0;
}

static int client_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t len)
{
    (void)user;
    web_client_t *client = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (!client) return 0;
    if (reason == LWS_CALLBACK_WSI_DESTROY) {
        lws_set_opaque_user_data(wsi, NULL);
        client->wsi = NULL;
        if (client->session) client->session->wsi = NULL;
        if (!client->is_connecting) closed(client);
        free_if_done(client);
        return 0;
    }
    if (client->is_ended) return -1;
    if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR) {
        connection_failed(client, in, in ? len : 0);
        return 0;
    }
    if (reason == LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER) {
        client->wsi = wsi;
        return append_headers(client, in, len);
    }
    return client->session ? session_callback(client, reason, in, len)
                           : request_callback(client, reason, in, len);
}
