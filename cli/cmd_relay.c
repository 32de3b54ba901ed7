/* cmd_relay.c - what a relay says of itself: /health and /metrics, as JSON. */
#include "bus_open.h"
#include "cli.h"
#include "io.h"
#include "web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_MS 10000
#define NAME_LEN 200
#define BODY_MAX (1u << 20)

typedef struct {
    bool is_done;
    int status;
    char *body; /* ends in zero */
} page_t;

static void on_page(void *self, int status, bytes_t body)
{
    page_t *page  = self;
    uint32_t len  = body.len < BODY_MAX ? body.len : BODY_MAX;
    page->is_done = true;
    page->status  = status;
    page->body    = malloc(len + 1);
    memcpy(page->body, body.data ? body.data : (const uint8_t *)"", len);
    page->body[len] = 0;
}

/* page_url turns wss://HOST/ into https://HOST/PATH. */
static bool page_url(const cli_t *cli, const char *relay, const char *path, char url[RMB_URL_MAX])
{
    web_url_t parts;
    if (!relay_url_is_web(relay) || !web_url_decode(relay, &parts))
        return !cli_usage(cli, "%s: a relay tells its status over https; give its wss:// or https:// address",
                          relay);
    bool is_six = strchr(parts.host, ':') != NULL;
    snprintf(url, RMB_URL_MAX, "http%s://%s%s%s:%u%s", parts.is_secure ? "s" : "", is_six ? "[" : "",
             parts.host, is_six ? "]" : "", parts.port, path);
    return true;
}

static bool fetch(cli_t *cli, const char *relay, const char *path, page_t *page)
{
    char url[RMB_URL_MAX];
    *page = (page_t){0};
    if (!page_url(cli, relay, path, url)) return false;
    if (!web_fetch(cli->io, "GET", url, cli_option(cli, "ca"), NULL, (bytes_t){0}, FETCH_MS, on_page, page))
        return !cli_fail(cli, "%s: the URL cannot be read", url);
    while (!page->is_done)
        io_step(cli->io, 100);
    if (page->status != 0) return true;
    (void)cli_fail(cli, "%s: %s", url, page->body);
    free(page->body);
    return false;
}

/* metrics_json reads lines "name{labels} value". */
static json_t *metrics_json(char *text)
{
    json_t *metrics = json_object();
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        char *space = strrchr(line, ' '), *end;
        if (line[0] == '#' || !space || space - line > NAME_LEN) continue;
        double value = strtod(space + 1, &end);
        if (*end || end == space + 1) continue;
        *space        = 0;
        bool is_whole = value >= 0 && value < 9e15 && value == (double)(json_int_t)value;
        json_object_set_new(metrics, line, is_whole ? json_integer((json_int_t)value) : json_real(value));
    }
    return metrics;
}

static int show(cli_t *cli, const char *relay)
{
    page_t health, metrics;
    if (!fetch(cli, relay, "/health", &health)) return 1;
    if (!fetch(cli, relay, "/metrics", &metrics)) {
        free(health.body);
        return 1;
    }
    bool is_healthy = health.status == 200;
    json_t *result  = json_pack("{s:s,s:b,s:s}", "relay", relay, "healthy", is_healthy, "says", health.body);
    if (result && metrics.status == 200) json_object_set_new(result, "metrics", metrics_json(metrics.body));
    free(health.body);
    free(metrics.body);
    if (!result) return cli_fail(cli, "%s: the answer is no text", relay);
    int status = cli_print(cli, result, NULL);
    return is_healthy ? status : 1;
}

int cmd_relay_status(cli_t *cli)
{
    bool is_named = cli_option(cli, "relay") || cli_option(cli, "relay-url");
    cli_bus_t bus = {0};
    if (!is_named && cli->key_count == 0)
        return cli_usage(cli, "which relay? give --relay URL, or your key for the relay of your twin");
    if (!is_named && !cli_connect(cli)) return 1;
    if (!cli->io && !(cli->io = io_new())) return cli_fail(cli, "the system gives no event loop");
    return cli_bus_urls(cli, &bus, 0) ? show(cli, bus.urls[0]) : 1;
}
