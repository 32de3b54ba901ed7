/* main_relay.c - the program rmb-relay: options, parts, loop. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client.h"
#include "crypto.h"
#include "edge.h"
#include "federation_io.h"
#include "io.h"
#include "log.h"
#include "metrics.h"
#include "relay_io.h"
#include "relay_link.h"
#include "twin_cache.h"

#define NNG_LISTEN_CAP 4
#define LINKS_CAP      16
#define DOMAINS_CAP    8
#define TWINS_CAP      16384
#define STOP_STEPS     50
#define STOP_STEP_MS   10

static const char help[] =
    "rmb-relay - passes envelopes between twins of a grid\n"
    "\n"
    "  rmb-relay --substrate ws://127.0.0.1:9944 --domain relay.example.org --listen 0.0.0.0:443 \\\n"
    "            --tls-cert cert.pem --tls-key key.pem --store /var/lib/rmb-relay\n"
    "\n"
    "  --substrate URL        a node of the chain, ws:// or wss://; several may be given\n"
    "  --domain NAME          the name that twins have as their relay; several may be given\n"
    "  --listen ADDRESS:PORT  WebSocket sessions, the inbox of other relays, /metrics and /health\n"
    "  --nng-listen URL       sessions of agents and services: tls+tcp://, tcp:// or ipc://; several\n"
    "  --store DIRECTORY      where messages wait\n"
    "  --tls-cert FILE        certificate (PEM) of --listen and tls+tcp://\n"
    "  --tls-key FILE         its key\n"
    "  --ca FILE              certificates (PEM) to trust beside the system's: of other relays, of nodes\n"
    "  --relay-at DOMAIN=URL  where another relay is reached (https:// or wss://); default wss://DOMAIN\n"
    "  --link DOMAIN=URL      a relay of the same operator is reached by nng: tls+tcp:// or ipc://; several\n"
    "  --link-listen URL      where relays of the same operator reach this one; several\n"
    "  --link-ca FILE         certificates (PEM) that relays of this operator have; both sides show theirs\n"
    "  --ranker-period S      how long a relay's failure counts against it; default 3600\n"
    "  --limit COUNT BYTES    envelopes and bytes a minute of one twin (COUNT,BYTES too); 0 for none\n"
    "  --inbox-limit COUNT,BYTES  what one address may post for other relays in a minute; default\n"
    "                         100000,1073741824; 0 for none\n"
    "  --track-twins          relay_message_rx_twin{twin} in /metrics: what each twin sent\n"
    "  --log-level LEVEL      error, warn, info or debug\n"
    "  --log-json             one JSON object a line\n"
    "  --help, --version\n"
    "\n"
    "SIGHUP reads the certificates again: WebSocket sessions stay, those over nng and links come back by "
    "themselves.\nSIGTERM and SIGINT stop; what waits is kept.\n";

typedef struct {
    const char *substrate[CLIENT_URLS_CAP], *domains[DOMAINS_CAP], *nng[NNG_LISTEN_CAP];
    uint32_t substrate_count, domain_count, nng_count;
    char address[256];
    uint16_t port;
    const char *store, *tls_cert, *tls_key, *ca;
    const char *links[LINKS_CAP], *link_listen[NNG_LISTEN_CAP], *link_ca;
    uint32_t link_count, link_listen_count, ranker_period_s;
    char own_domains[2048]; /* joined by '_' */
    relay_at_t relay_at;
    struct {
        uint32_t count;
        uint64_t bytes;
    } limit, inbox_limit;
    bool is_tracking;
} options_t;

typedef struct {
    options_t options;
    io_t *io;
    client_t *client;
    twin_chain_t *chain;
    twin_cache_t *twins;
    relay_store_disk_t *store;
    federation_io_t *federation;
    relay_link_out_t *link_out[LINKS_CAP];
    relay_link_in_t *link_in[NNG_LISTEN_CAP];
    relay_io_t *relay;
    inbox_limit_t *inbox_limit;
    edge_web_t *web;
    edge_bus_t *bus[NNG_LISTEN_CAP];
} app_t;

/* ---- metrics ---- */

static void count(metrics_t *metrics, const char *name, const char *labels, const char *what, uint64_t value)
{
    metric_add(metrics_counter(metrics, name, labels, what), value);
}

static void gauge(metrics_t *metrics, const char *name, const char *what, uint64_t value)
{
    metric_set(metrics_gauge(metrics, name, NULL, what), (int64_t)value);
}

static void metrics_of_relay(metrics_t *metrics, const relay_stats_t *s)
{
    static const char evictions[] = "sessions that ended";
    gauge(metrics, "relay_worker_connections", "sessions that are open", s->sessions);
    count(metrics, "relay_message_rx", NULL, "envelopes received", s->rx);
    count(metrics, "relay_message_tx", NULL, "envelopes delivered", s->tx);
    count(metrics, "relay_message_rx_bytes", NULL, "bytes of envelopes received", s->rx_bytes);
    count(metrics, "relay_message_tx_bytes", NULL, "bytes of envelopes delivered", s->tx_bytes);
    count(metrics, "relay_session_evictions_total", "{reason=\"closed\"}", evictions, s->evicted_closed);
    count(metrics, "relay_session_evictions_total", "{reason=\"back_pressure_timeout\"}", evictions,
          s->evicted_back_pressure);
    count(metrics, "relay_session_evictions_total", "{reason=\"cancelled\"}", evictions, s->evicted_replaced);
    count(metrics, "relay_message_expired", NULL, "envelopes that expired here", s->expired);
    count(metrics, "relay_message_refused", NULL, "envelopes that were refused", s->refused);
    count(metrics, "relay_message_limited", NULL, "envelopes above a twin's limit", s->limited);
    gauge(metrics, "relay_stored_messages", "envelopes that wait on disk", s->stored_count);
    gauge(metrics, "relay_stored_bytes", "bytes of envelopes that wait on disk", s->stored_bytes);
}

/* What stands on the chain as a domain becomes a label that needs no escapes. */
static void count_relay(void *context, const char *domain, uint64_t done, uint64_t failed)
{
    char labels[RMB_RELAY_MAX + 16];
    snprintf(labels, sizeof labels, "{relay=\"%s\"}", domain);
    for (char *at = labels + strlen("{relay=\""); at[2]; at++)
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') *at = '?';
    count(context, "federation_message_success", labels, "envelopes that another relay took", done);
    count(context, "federation_message_error", labels, "envelopes that no other relay took", failed);
}

static void count_twin(void *context, uint32_t twin, uint64_t received)
{
    char labels[32];
    snprintf(labels, sizeof labels, "{twin=\"%u\"}", twin);
    count(context, "relay_message_rx_twin", labels, "envelopes received of a twin", received);
}

static void metrics_of_links(metrics_t *metrics, const app_t *app)
{
    uint32_t up = 0, in = 0;
    for (uint32_t i = 0; i < app->options.link_count; i++)
        up += app->link_out[i] && relay_link_is_up(app->link_out[i]);
    for (uint32_t i = 0; i < app->options.link_listen_count; i++)
        in += app->link_in[i] ? relay_link_count(app->link_in[i]) : 0;
    gauge(metrics, "relay_links_up", "links to relays of this operator that are up", up);
    gauge(metrics, "relay_links_in", "links of relays of this operator that are let in", in);
}

static char *metrics_page(void *self, size_t *len)
{
    const app_t *app   = self;
    metrics_t *metrics = metrics_new();
    relay_stats_t relay;
    twin_cache_stats_t cache;
    twin_chain_stats_t chain;
    relay_stats(relay_io_core(app->relay), &relay);
    twin_cache_stats(app->twins, &cache);
    twin_chain_stats(app->chain, &chain);
    metrics_of_relay(metrics, &relay);
    federation_counts(federation_io_core(app->federation), count_relay, metrics);
    metrics_of_links(metrics, app);
    relay_tracked(relay_io_core(app->relay), count_twin, metrics);
    count(metrics, "relay_inbox_limited", NULL, "posts above the limit of their address",
          inbox_limit_refused(app->inbox_limit));
    count(metrics, "rmb_cache_hits_total", NULL, "twins found in memory", cache.hits);
    count(metrics, "rmb_cache_misses_total", NULL, "twins asked of the chain", cache.misses);
    count(metrics, "rmb_cache_flushes_total", NULL, "times that all twins were forgotten", cache.flushes);
    gauge(metrics, "rmb_cache_entries", "twins in memory", cache.entries);
    gauge(metrics, "events_listener_last_processed_block_number", "the block that was followed last",
          chain.block);
    count(metrics, "events_listener_twin_stored_total", NULL, "twins that came", chain.stored);
    count(metrics, "events_listener_twin_updated_total", NULL, "twins that changed", chain.updated);
    count(metrics, "events_listener_reconnect_cycles_total", NULL, "gaps in the blocks that were followed",
          chain.gaps);
    count(metrics, "events_listener_errors_total", "{stage=\"read\"}", "answers of the chain that failed",
          chain.errors);
    char *text = metrics_text(metrics, len);
    metrics_free(metrics);
    return text;
}

static bool is_healthy(void *self) { return client_is_connected(((const app_t *)self)->client); }

/* ---- options ---- */

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "rmb-relay: %s%s%s (see --help)\n", what, value ? ": " : "", value ? value : "");
    return 2;
}

static bool listen_read(options_t *o, const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end;
    if (!colon || colon == text || (size_t)(colon - text) >= sizeof o->address) return false;
    unsigned long port = strtoul(colon + 1, &end, 10);
    bool is_bracketed  = text[0] == '[' && colon[-1] == ']';
    snprintf(o->address, sizeof o->address, "%.*s", (int)(colon - text) - 2 * is_bracketed,
             text + is_bracketed);
    o->port = (uint16_t)port;
    return *end == 0 && end != colon + 1 && port <= UINT16_MAX;
}

static bool limit_read(const char *text, uint32_t *count_max, uint64_t *bytes_max)
{
    char *end;
    unsigned long long messages = strtoull(text, &end, 10);
    if (*end != ',' || messages > UINT32_MAX) return false;
    *count_max = (uint32_t)messages;
    *bytes_max = strtoull(end + 1, &end, 10);
    return *end == 0;
}

static bool relay_at_read(options_t *o, const char *text)
{
    const char *equals = strchr(text, '=');
    return equals && !relay_url_is_nng(equals + 1) && relay_at_add(&o->relay_at, text);
}

static bool keep(const char **list, uint32_t *length, uint32_t cap, const char *text)
{
    if (*length == cap) return false;
    list[(*length)++] = text;
    return true;
}

static bool is_link_url(const char *url)
{
    return strncmp(url, "tls+tcp://", 10) == 0 || strncmp(url, "ipc://", 6) == 0;
}

static bool link_read_option(options_t *o, const char *text)
{
    const char *equals = strchr(text, '=');
    return equals && equals > text && is_link_url(equals + 1) && strlen(equals + 1) < RMB_URL_MAX &&
           equals - text <= RMB_RELAY_MAX && keep(o->links, &o->link_count, LINKS_CAP, text);
}

static bool period_read(options_t *o, const char *text)
{
    char *end;
    unsigned long seconds = strtoul(text, &end, 10);
    o->ranker_period_s    = (uint32_t)seconds;
    return *text && *end == 0 && seconds > 0 && seconds <= 30u * 86400;
}

static bool option_read(options_t *o, int option, const char *text)
{
    log_level_t level;
    switch (option) {
    case 'O': return link_read_option(o, text);
    case 'N': return is_link_url(text) && keep(o->link_listen, &o->link_listen_count, NNG_LISTEN_CAP, text);
    case 'A': o->link_ca = text; return true;
    case 'p': return period_read(o, text);
    case 's': return keep(o->substrate, &o->substrate_count, CLIENT_URLS_CAP, text);
    case 'd':
        return strlen(text) <= RMB_RELAY_MAX && text[0] &&
               keep(o->domains, &o->domain_count, DOMAINS_CAP, text);
    case 'l': return listen_read(o, text);
    case 'n': return relay_url_is_nng(text) && keep(o->nng, &o->nng_count, NNG_LISTEN_CAP, text);
    case 'S': o->store = text; return true;
    case 'c': o->tls_cert = text; return true;
    case 'k': o->tls_key = text; return true;
    case 'C': o->ca = text; return true;
    case 'r': return relay_at_read(o, text);
    case 'L': return limit_read(text, &o->limit.count, &o->limit.bytes);
    case 'I': return limit_read(text, &o->inbox_limit.count, &o->inbox_limit.bytes);
    case 't': o->is_tracking = true; return true;
    case 'v':
        if (!log_level_named(text, &level)) return false;
        log_level(level);
        return true;
    case 'j': log_json(true); return true;
    default: return false;
    }
}

static const struct option table[] = {
    {"substrate",     required_argument, NULL, 's'},
    {"domain",        required_argument, NULL, 'd'},
    {"listen",        required_argument, NULL, 'l'},
    {"nng-listen",    required_argument, NULL, 'n'},
    {"store",         required_argument, NULL, 'S'},
    {"tls-cert",      required_argument, NULL, 'c'},
    {"tls-key",       required_argument, NULL, 'k'},
    {"ca",            required_argument, NULL, 'C'},
    {"relay-at",      required_argument, NULL, 'r'},
    {"link",          required_argument, NULL, 'O'},
    {"link-listen",   required_argument, NULL, 'N'},
    {"link-ca",       required_argument, NULL, 'A'},
    {"ranker-period", required_argument, NULL, 'p'},
    {"limit",         required_argument, NULL, 'L'},
    {"inbox-limit",   required_argument, NULL, 'I'},
    {"track-twins",   no_argument,       NULL, 't'},
    {"log-level",     required_argument, NULL, 'v'},
    {"log-json",      no_argument,       NULL, 'j'},
    {"help",          no_argument,       NULL, 'h'},
    {"version",       no_argument,       NULL, 'V'},
    {NULL,            0,                 NULL, 0  }
};

static bool is_tls(const char *url) { return strstr(url, "tls+tcp://") != NULL; }

static int links_check(options_t *o)
{
    bool wants_tls = false;
    size_t len     = 0;
    for (uint32_t i = 0; i < o->domain_count; i++) {
        int more =
            snprintf(o->own_domains + len, sizeof o->own_domains - len, "%s%s", i ? "_" : "", o->domains[i]);
        if (more < 0 || (len += (size_t)more) >= sizeof o->own_domains)
            return wrong("--domain: all of them are too long", NULL);
    }
    for (uint32_t i = 0; i < o->link_count; i++) {
        size_t name = strcspn(o->links[i], "=");
        wants_tls   = wants_tls || is_tls(o->links[i]);
        for (uint32_t j = 0; j < o->domain_count; j++)
            if (strlen(o->domains[j]) == name && memcmp(o->links[i], o->domains[j], name) == 0)
                return wrong("--link is to a domain of this relay itself", o->links[i]);
    }
    for (uint32_t i = 0; i < o->link_listen_count; i++)
        wants_tls = wants_tls || is_tls(o->link_listen[i]);
    if (wants_tls && (!o->link_ca || !o->tls_cert))
        return wrong("links over tls+tcp need --link-ca, --tls-cert and --tls-key", NULL);
    return -1;
}

/* Returns the exit code, or -1 to go on. */
static int options_read(options_t *o, int argc, char **argv)
{
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", table, &index)) != -1) {
        if (option == 'h') return fputs(help, stdout) < 0;
        if (option == 'V') return puts("rmb-relay 0.1.0") < 0;
        if (option == '?') return wrong("try --help", NULL);
        const char *text = optarg;
        char both[64];
        if (option == 'L' && !strchr(optarg, ',') && optind < argc) { /* rmb-rs's two words */
            snprintf(both, sizeof both, "%.30s,%.30s", optarg, argv[optind++]);
            text = both;
        }
        if (!option_read(o, option, text)) return wrong(table[index].name, optarg);
    }
    if (optind < argc) return wrong("not an option", argv[optind]);
    if (!o->substrate_count) return wrong("--substrate is missing", NULL);
    if (!o->domain_count) return wrong("--domain is missing", NULL);
    if (!o->store) return wrong("--store is missing", NULL);
    if (!o->address[0] && !o->nng_count) return wrong("--listen or --nng-listen is missing", NULL);
    if (!o->tls_cert != !o->tls_key) return wrong("--tls-cert and --tls-key go together", NULL);
    return links_check(o);
}

/* ---- parts ---- */

static bool fail(const char *what, const char *value, const char *why)
{
    fprintf(stderr, "rmb-relay: %s %s: %s\n", what, value, why);
    return false;
}

static bool chain_start(app_t *app)
{
    const options_t *o     = &app->options;
    client_config_t config = {.io = app->io, .url_count = o->substrate_count, .ca_file = o->ca};
    for (uint32_t i = 0; i < o->substrate_count; i++)
        config.urls[i] = o->substrate[i];
    app->client = client_new(&config);
    if (!app->client) return fail("--substrate", o->substrate[0], "not a ws:// or wss:// URL");
    app->chain = twin_chain_new(app->client);
    app->twins = twin_cache_new(twin_chain_source(app->chain), TWINS_CAP);
    twin_chain_follow(app->chain, app->twins, true);
    return true;
}

static bool relay_start(app_t *app)
{
    const options_t *o = &app->options;
    const char *error  = "";
    if (mkdir(o->store, 0700) != 0) (void)0; /* there already, or the store says what is wrong */
    app->store = relay_store_disk_new(app->io, o->store, &error);
    if (!app->store) return fail("--store", o->store, error);
    relay_config_t config = {.domains      = o->domains,
                             .domain_count = o->domain_count,
                             .limit_count  = o->limit.count,
                             .limit_bytes  = o->limit.bytes,
                             .is_tracking  = o->is_tracking};
    relay_store_t store   = relay_store_disk_ops(app->store);
    app->federation       = federation_io_new(app->io, &o->relay_at, o->ca, o->ranker_period_s);
    app->relay            = relay_io_new(app->io, &config, &store, app->twins, app->federation);
    return true;
}

static bool edges_start(app_t *app)
{
    const options_t *o   = &app->options;
    const char *error    = "";
    app->inbox_limit     = inbox_limit_new(o->inbox_limit.count, o->inbox_limit.bytes);
    edge_config_t config = {.io          = app->io,
                            .inbox_limit = app->inbox_limit,
                            .relay       = relay_io_core(app->relay),
                            .twins       = app->twins,
                            .tls_cert    = o->tls_cert,
                            .tls_key     = o->tls_key,
                            .self        = app,
                            .metrics     = metrics_page,
                            .is_healthy  = is_healthy};
    for (uint32_t i = 0; i < o->nng_count; i++) {
        app->bus[i] = edge_bus_new(&config, o->nng[i], &error);
        if (!app->bus[i]) return fail("--nng-listen", o->nng[i], error);
        log_info(LOG_RELAY, "listening", LOG_TEXT("nng", o->nng[i]));
    }
    if (!o->address[0]) return true;
    app->web = edge_web_new(&config, o->address, o->port, &error);
    if (!app->web) return fail("--listen", o->address, error);
    log_info(LOG_RELAY, "listening", LOG_TEXT("address", o->address),
             LOG_U64("port", edge_web_port(app->web)), LOG_TEXT("tls", o->tls_cert ? "yes" : "no"));
    return true;
}

static relay_link_config_t link_config(const app_t *app)
{
    const options_t *o = &app->options;
    return (relay_link_config_t){
        .io = app->io, .tls = {o->tls_cert, o->tls_key, o->link_ca},
             .own_domains = o->own_domains
    };
}

static bool links_start(app_t *app)
{
    const options_t *o         = &app->options;
    relay_link_config_t config = link_config(app);
    const char *error          = "";
    for (uint32_t i = 0; i < o->link_listen_count; i++) {
        app->link_in[i] = relay_link_listen(&config, o->link_listen[i], relay_io_core(app->relay), &error);
        if (!app->link_in[i]) return fail("--link-listen", o->link_listen[i], error);
        log_info(LOG_RELAY, "listening", LOG_TEXT("link", o->link_listen[i]));
    }
    for (uint32_t i = 0; i < o->link_count; i++) {
        char domain[RMB_RELAY_MAX + 1];
        const char *url = strchr(o->links[i], '=') + 1;
        snprintf(domain, sizeof domain, "%.*s", (int)(url - 1 - o->links[i]), o->links[i]);
        app->link_out[i] = relay_link_dial(&config, domain, url, federation_io_core(app->federation));
        if (!app->link_out[i]) return fail("--link", o->links[i], "not a URL for a link");
    }
    return true;
}

/* Listeners over nng are opened anew: their sessions and links come back by themselves, and lose nothing. */
static void on_hangup(void *self)
{
    const app_t *app   = self;
    const options_t *o = &app->options;
    bus_tls_t tls      = {o->tls_cert, o->tls_key, o->link_ca};
    const char *why    = o->tls_cert ? bus_tls_check(&tls) : NULL;
    if (why || (app->web && o->tls_cert && !edge_web_reload(app->web))) {
        log_error(LOG_RELAY, "certificate or key not fit, the old ones stay",
                  LOG_TEXT("reason", why ? why : ""));
        return;
    }
    for (uint32_t i = 0; i < o->nng_count; i++)
        if (is_tls(o->nng[i])) edge_bus_reload(app->bus[i]);
    for (uint32_t i = 0; i < o->link_listen_count; i++)
        if (is_tls(o->link_listen[i])) relay_link_reload(app->link_in[i]);
    log_info(LOG_RELAY, "certificates read again");
}

static void stop(app_t *app)
{
    edge_web_free(app->web);
    for (uint32_t i = 0; i < NNG_LISTEN_CAP; i++) {
        edge_bus_free(app->bus[i]);
        relay_link_close(app->link_in[i]);
    }
    for (uint32_t i = 0; i < LINKS_CAP; i++)
        relay_link_hang_up(app->link_out[i]);
    inbox_limit_free(app->inbox_limit);
    federation_io_free(app->federation);
    relay_io_free(app->relay);
    relay_store_disk_free(app->store);
    twin_chain_free(app->chain);
    twin_cache_free(app->twins);
    client_free(app->client);
    /* What nng and libwebsockets handed over last is dropped by the loop. */
    for (int i = 0; i < STOP_STEPS; i++)
        io_step(app->io, STOP_STEP_MS / 10);
    io_free(app->io);
}

int main(int argc, char **argv)
{
    static app_t app = {
        .options.inbox_limit = {100000, 1u << 30}
    };
    int code = options_read(&app.options, argc, argv);
    if (code >= 0) return code;
    if (!crypto_init() || !(app.io = io_new())) return 1;
    io_stop_on_signals(app.io, NULL, NULL);
    io_on_hangup(app.io, on_hangup, &app);
    bool is_started = chain_start(&app) && relay_start(&app) && links_start(&app) && edges_start(&app);
    if (is_started) {
        log_info(LOG_RELAY, "relay started", LOG_TEXT("domain", app.options.domains[0]));
        io_run(app.io);
        log_info(LOG_RELAY, "relay stops");
    }
    stop(&app);
    return is_started ? 0 : 1;
}
