/* web.c - contexts of libwebsockets on the loop, from their start to their end; URLs. */
#include "web.h"

#include "web_internal.h"

#include <stdlib.h>
#include <string.h>

#define TURNS 8 /* closing takes libuv two; more do not harm */

/* What it says is of other sides' doing, or told by our own words too. */
static void emit(int level, const char *line)
{
    (void)level;
    log_debug(LOG_WEB, "libwebsockets", LOG_BYTES("says", line, strcspn(line, "\n")));
}

struct web *web_of(io_t *io)
{
    if (io->web) return io->web;
    struct web *web = must(calloc(1, sizeof *web));
    web->io         = io;
    uv_timer_init(&io->loop, &web->turn);
    web->turn.data = web;
    uv_prepare_init(&io->loop, &web->flush);
    uv_unref((uv_handle_t *)&web->flush);
    web->flush.data = web;
    lws_set_log_level(LLL_ERR | LLL_WARN, emit);
    return io->web = web;
}

struct lws_context *web_context(struct lws_context_creation_info *info)
{
    static bool
        is_tls_started; /* OpenSSL's indexes are the process': libwebsockets takes new ones each time */
    if (is_tls_started) info->options &= ~(uint64_t)LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    struct lws_context *context = lws_create_context(info);
    info->options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT; /* for the hosts of the context */
    if (context) is_tls_started = true;
    return context;
}

void web_context_info(io_t *io, struct lws_context_creation_info *info, void *loops[1])
{
    memset(info, 0, sizeof *info);
    loops[0]            = &io->loop;
    info->foreign_loops = loops;
    info->port          = CONTEXT_PORT_NO_LISTEN;
    info->options =
        LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info->gid                  = -1;
    info->uid                  = -1;
    info->max_http_header_data = WEB_HEAD_MAX;
    info->pt_serv_buf_size     = WEB_SERV_BUF;
}

static void turn(uv_timer_t *timer)
{
    struct web *web = timer->data;
    for (web_dying_t **at = &web->dying; *at;) {
        web_dying_t *dying = *at;
        if (++dying->turns < TURNS) {
            at = &dying->next;
            continue;
        }
        *at = dying->next;
        lws_context_destroy(dying->context);
        free(dying->owner);
        free(dying);
    }
    if (web->dying) return;
    uv_timer_stop(&web->turn);
    io_wake(web->io);
}

void web_end(io_t *io, struct lws_context *context, void *owner)
{
    struct web *web    = web_of(io);
    web_dying_t *dying = must(malloc(sizeof *dying));
    *dying             = (web_dying_t){context, 0, owner, web->dying};
    web->dying         = dying;
    lws_context_destroy(context);
    uv_timer_start(&web->turn, turn, 0, 1);
}

void web_fini(io_t *io)
{
    struct web *web = io->web;
    if (!web) return;
    uv_run(&io->loop, UV_RUN_NOWAIT); /* servers that were freed end by a post */
    web_clients_free(web);
    while (web->dying)
        uv_run(&io->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&web->turn, NULL);
    uv_close((uv_handle_t *)&web->flush, NULL);
    uv_run(&io->loop, UV_RUN_NOWAIT);
    free(web);
    io->web = NULL;
}

static const struct {
    const char *name;
    uint16_t port;
    bool is_secure;
} schemes[] = {
    {"http",  80,  false},
    {"https", 443, true },
    {"ws",    80,  false},
    {"wss",   443, true }
};

static bool decode_port(const char *text, size_t len, uint16_t *port)
{
    uint32_t value = 0;
    if (len == 0 || len > 5) return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    *port = (uint16_t)value;
    return value > 0 && value <= UINT16_MAX;
}

/* host[:port], the host perhaps in brackets. */
static bool decode_authority(const char *text, size_t len, web_url_t *url)
{
    const char *host = text, *end = text + len, *colon;
    if (len > 0 && *text == '[') {
        const char *close = memchr(text, ']', len);
        if (!close) return false;
        host  = text + 1;
        colon = close + 1;
        len   = (size_t)(close - host);
        if (colon != end && *colon != ':') return false;
    } else {
        colon = memchr(text, ':', len);
        if (!colon) colon = end;
        len = (size_t)(colon - host);
    }
    if (len == 0 || len >= sizeof url->host || memchr(host, '@', len)) return false;
    memcpy(url->host, host, len);
    return colon == end || decode_port(colon + 1, (size_t)(end - colon - 1), &url->port);
}

bool web_url_decode(const char *text, web_url_t *url)
{
    memset(url, 0, sizeof *url);
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f) return false;
    const char *colon = strstr(text, "://");
    if (!colon) return false;
    bool is_known = false;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && !is_known; i++) {
        if (strlen(schemes[i].name) != (size_t)(colon - text) ||
            memcmp(schemes[i].name, text, (size_t)(colon - text)) != 0)
            continue;
        is_known       = true;
        url->port      = schemes[i].port;
        url->is_secure = schemes[i].is_secure;
        memcpy(url->scheme, schemes[i].name, strlen(schemes[i].name) + 1);
    }
    const char *authority = colon + 3;
    size_t len            = strcspn(authority, "/?#");
    if (!is_known || !decode_authority(authority, len, url)) return false;
    const char *path = authority + len;
    size_t path_len  = strcspn(path, "#");
    bool has_slash   = *path == '/';
    if (path_len + 2 > sizeof url->path) return false;
    url->path[0] = '/';
    memcpy(url->path + !has_slash, path, path_len);
    return true;
}
