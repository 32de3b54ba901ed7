/* main_indexer.c - the program trellis-indexer: options, parts, loop. */
#include "crypto.h"
#include "io.h"
#include "log.h"
#include "probe.h"
#include "rate.h"
#include "serve.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION        "0.1.0"
#define LOOK_MS        5000
#define STOP_STEPS     50
#define STOP_STEP_MS   10
#define FAUCET_DEFAULT (100u * 10000000u)
#define RATE_DEFAULT   100

static const char help[] =
    "trellis-indexer - an index of the chain, and the services that clients of the grid ask it by\n"
    "\n"
    "  trellis-indexer --substrate ws://127.0.0.1:9944 --db index.db --listen 127.0.0.1:8970\n"
    "\n"
    "  --substrate URL        a node of the chain, ws:// or wss://, with the state of all blocks; several\n"
    "  --db FILE              the index, a file of SQLite (default: indexer.db)\n"
    "  --postgres URL         the index in PostgreSQL: postgres://user:password@host/name\n"
    "  --rebuild              make the index anew, from genesis\n"
    "  --listen ADDRESS:PORT  gridproxy's paths, POST /graphql, /api/v1/status, /health and /metrics; "
    "several\n"
    "  --tls-cert, --tls-key  certificate and key (PEM) of --listen\n"
    "  --rate-limit N         requests a second of one address, ten seconds' worth at once (default 100; 0: "
    "no "
    "limit)\n"
    "  --forwarded-by ADDRESS  a proxy whose X-Forwarded-For tells who asks\n"
    "  --kyc verified|FILE    answer KYC: everybody is verified, or lines \"ADDRESS "
    "VERIFIED|PENDING|REJECTED\"\n"
    "  --kyc-listen ADDRESS:PORT  KYC alone, for the name kyc.NET.grid.tf that clients ask\n"
    "  --kyc-cert, --kyc-key  certificate and key of --kyc-listen\n"
    "  --faucet FILE          POST /activation/activate gives tokens from this key's account: a development "
    "grid\n"
    "  --faucet-amount TFT    how many (default 100)\n"
    "  --relay URL            ask nodes over the bus for features, GPUs and health: ws://, wss://, tcp://, "
    "tls+tcp://\n"
    "  --key-file FILE        secret URI of the indexer's own twin, for --relay\n"
    "  --ca FILE              certificates (PEM) to trust beside the system's\n"
    "  --log-level LEVEL      error, warn, info or debug\n"
    "  --log-json             one JSON object a line\n"
    "  --help, --version\n"
    "\n"
    "SIGHUP reads certificates and the KYC file again.  SIGTERM and SIGINT stop.  The index can be removed "
    "at any\n"
    "time: it is made of the chain.\n";

typedef struct {
    char address[256];
    uint16_t port;
} address_t;

typedef struct {
    const char *substrate[CLIENT_URLS_CAP];
    uint32_t substrate_count;
    const char *db, *tls_cert, *tls_key, *kyc, *kyc_cert, *kyc_key, *faucet, *relay, *key_file, *ca;
    const char *forwarded_by;
    uint32_t rate;
    uint64_t faucet_amount;
    address_t listen[2], kyc_listen;
    uint32_t listen_count;
    bool is_rebuild;
} options_t;

typedef struct {
    options_t options;
    io_t *io;
    client_t *client;
    store_t *store;
    follow_t *follow;
    kyc_t *kyc;
    faucet_t *faucet;
    probe_t *probe;
    serve_t *serve;
    io_timer_t *look_timer;
} app_t;

/* ---- options ---- */

static int wrong(const char *option, const char *text)
{
    fprintf(stderr, "trellis-indexer: %s%s%s\n", option, text ? ": cannot be " : "", text ? text : "");
    return 2;
}

static bool address_read(const char *text, address_t *address)
{
    const char *colon = strrchr(text, ':');
    char *end         = NULL;
    if (!colon || colon == text || (size_t)(colon - text) >= sizeof address->address) return false;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (!colon[1] || *end || port > 65535) return false;
    bool is_bracketed = text[0] == '[' && colon[-1] == ']';
    snprintf(address->address, sizeof address->address, "%.*s", (int)(colon - text) - 2 * is_bracketed,
             text + is_bracketed);
    address->port = (uint16_t)port;
    return true;
}

static bool amount_read(const char *text, uint64_t *amount)
{
    char *end = NULL;
    double v  = strtod(text, &end);
    *amount   = v > 0 && v < 1e9 ? (uint64_t)(v * 1e7) : 0;
    return *text && *end == 0 && *amount > 0;
}

static bool rate_read(const char *text, uint32_t *rate)
{
    char *end         = NULL;
    unsigned long got = strtoul(text, &end, 10);
    *rate             = (uint32_t)got;
    return *text >= '0' && *text <= '9' && *end == 0 && got <= RATE_A_SEC_MAX;
}

enum {
    O_SUBSTRATE = 1,
    O_DB,
    O_REBUILD,
    O_LISTEN,
    O_CERT,
    O_KEY,
    O_RATE,
    O_FORWARDED,
    O_KYC,
    O_KYC_LISTEN,
    O_KYC_CERT,
    O_KYC_KEY,
    O_FAUCET,
    O_AMOUNT,
    O_RELAY,
    O_KEY_FILE,
    O_CA,
    O_LEVEL,
    O_JSON,
    O_HELP,
    O_VERSION
};

static const struct option table[] = {
    {"substrate",     required_argument, NULL, O_SUBSTRATE },
    {"db",            required_argument, NULL, O_DB        },
    {"postgres",      required_argument, NULL, O_DB        },
    {"rebuild",       no_argument,       NULL, O_REBUILD   },
    {"listen",        required_argument, NULL, O_LISTEN    },
    {"tls-cert",      required_argument, NULL, O_CERT      },
    {"tls-key",       required_argument, NULL, O_KEY       },
    {"rate-limit",    required_argument, NULL, O_RATE      },
    {"forwarded-by",  required_argument, NULL, O_FORWARDED },
    {"kyc",           required_argument, NULL, O_KYC       },
    {"kyc-listen",    required_argument, NULL, O_KYC_LISTEN},
    {"kyc-cert",      required_argument, NULL, O_KYC_CERT  },
    {"kyc-key",       required_argument, NULL, O_KYC_KEY   },
    {"faucet",        required_argument, NULL, O_FAUCET    },
    {"faucet-amount", required_argument, NULL, O_AMOUNT    },
    {"relay",         required_argument, NULL, O_RELAY     },
    {"key-file",      required_argument, NULL, O_KEY_FILE  },
    {"ca",            required_argument, NULL, O_CA        },
    {"log-level",     required_argument, NULL, O_LEVEL     },
    {"log-json",      no_argument,       NULL, O_JSON      },
    {"help",          no_argument,       NULL, O_HELP      },
    {"version",       no_argument,       NULL, O_VERSION   },
    {NULL,            0,                 NULL, 0           }
};

static bool option_read(options_t *o, int option, const char *text)
{
    log_level_t level;
    switch (option) {
    case O_SUBSTRATE:
        if (o->substrate_count == CLIENT_URLS_CAP) return false;
        o->substrate[o->substrate_count++] = text;
        return true;
    case O_DB: o->db = text; return true;
    case O_REBUILD: o->is_rebuild = true; return true;
    case O_LISTEN: return o->listen_count < 2 && address_read(text, &o->listen[o->listen_count++]);
    case O_CERT: o->tls_cert = text; return true;
    case O_KEY: o->tls_key = text; return true;
    case O_KYC: o->kyc = text; return true;
    case O_KYC_LISTEN: return address_read(text, &o->kyc_listen);
    case O_KYC_CERT: o->kyc_cert = text; return true;
    case O_KYC_KEY: o->kyc_key = text; return true;
    case O_RATE: return rate_read(text, &o->rate);
    case O_FORWARDED: o->forwarded_by = text; return true;
    case O_FAUCET: o->faucet = text; return true;
    case O_AMOUNT: return amount_read(text, &o->faucet_amount);
    case O_RELAY: o->relay = text; return true;
    case O_KEY_FILE: o->key_file = text; return true;
    case O_CA: o->ca = text; return true;
    case O_LEVEL:
        if (!log_level_named(text, &level)) return false;
        log_level(level);
        return true;
    case O_JSON: log_json(true); return true;
    default: return false;
    }
}

/* Returns the exit code, or -1 to go on. */
static int options_read(options_t *o, int argc, char **argv)
{
    int option, index = 0;
    while ((option = getopt_long(argc, argv, "", table, &index)) != -1) {
        if (option == O_HELP) return fputs(help, stdout) < 0;
        if (option == O_VERSION) return puts("trellis-indexer " VERSION) < 0;
        if (option == '?') return wrong("try --help", NULL);
        if (!option_read(o, option, optarg)) return wrong(table[index].name, optarg);
    }
    if (optind < argc) return wrong("not an option", argv[optind]);
    if (!o->substrate_count) return wrong("--substrate is missing", NULL);
    if (!o->listen_count) return wrong("--listen is missing", NULL);
    if (!o->tls_cert != !o->tls_key) return wrong("--tls-cert and --tls-key go together", NULL);
    if (!o->kyc_cert != !o->kyc_key) return wrong("--kyc-cert and --kyc-key go together", NULL);
    if (o->kyc_listen.address[0] && !o->kyc) return wrong("--kyc-listen needs --kyc", NULL);
    if (!o->relay != !o->key_file) return wrong("--relay and --key-file go together", NULL);
    return -1;
}

/* ---- parts ---- */

static bool fail(const char *what, const char *value, const char *why)
{
    fprintf(stderr, "trellis-indexer: %s %s: %s\n", what, value, why);
    return false;
}

static bool read_key(const char *path, keypair_t *key)
{
    char suri[SURI_TEXT_MAX + 1] = "";
    key_kind_t kind              = KEY_SR25519;
    FILE *file                   = fopen(path, "re");
    bool is_read                 = file && fgets(suri, sizeof suri, file);
    if (file) fclose(file);
    if (!is_read) return fail("--key-file or --faucet", path, "not readable");
    suri[strcspn(suri, "\r\n")] = 0;
    key_status_t status         = KEY_OK;
    if (strncmp(suri, "trellis-key-1 ", 14) == 0) {
        const char *password = getenv("TRELLIS_KEY_PASSWORD");
        status               = key_file_read(path, password ? password : "", suri, &kind);
    }
    if (status == KEY_OK) status = key_from_suri(suri, kind, key);
    crypto_wipe(suri, sizeof suri);
    return status == KEY_OK || fail("key", path, key_status_text(status));
}

static bool chain_start(app_t *app)
{
    char error[DB_ERROR_MAX + 1] = "no memory";
    const options_t *o           = &app->options;
    app->store                   = store_open(o->db, o->is_rebuild, error);
    if (!app->store) return fail("--db or --postgres", strchr(o->db, '@') ? "(server)" : o->db, error);
    client_config_t config = {.io = app->io, .url_count = o->substrate_count, .ca_file = o->ca};
    for (uint32_t i = 0; i < o->substrate_count; i++)
        config.urls[i] = o->substrate[i];
    app->client = client_new(&config);
    if (!app->client) return fail("--substrate", o->substrate[0], "not a ws:// or wss:// URL");
    app->follow = follow_new(app->io, app->client, app->store);
    return true;
}

static void look(void *self)
{
    const app_t *app = self;
    if (app->probe) probe_look(app->probe);
}

static bool services_start(app_t *app)
{
    char error[DB_ERROR_MAX + 1];
    const options_t *o = &app->options;
    keypair_t key;
    if (o->kyc && !(app->kyc = kyc_new(o->kyc, error))) return fail("--kyc", o->kyc, error);
    if (o->faucet) {
        if (!read_key(o->faucet, &key)) return false;
        app->faucet = faucet_new(app->io, app->client, &key, o->faucet_amount);
        key_wipe(&key);
    }
    if (o->relay) {
        if (!read_key(o->key_file, &key)) return false;
        app->probe = probe_new(&(probe_config_t){app->io, app->client, app->store, &key, o->relay, o->ca});
        key_wipe(&key);
        follow_on_block(app->follow, look, app);
        app->look_timer = io_timer_start(app->io, LOOK_MS, LOOK_MS, look, app);
    }
    return true;
}

static bool web_start(app_t *app)
{
    const options_t *o = &app->options;
    const char *error  = "";
    char why[DB_ERROR_MAX + 1];
    app->serve = serve_new(&(serve_config_t){.io           = app->io,
                                             .store        = app->store,
                                             .follow       = app->follow,
                                             .kyc          = app->kyc,
                                             .faucet       = app->faucet,
                                             .probe        = app->probe,
                                             .version      = VERSION,
                                             .where        = o->db,
                                             .rate         = o->rate,
                                             .forwarded_by = o->forwarded_by},
                           why);
    if (!app->serve) return fail("--db or --postgres", strchr(o->db, '@') ? "(server)" : o->db, why);
    for (uint32_t i = 0; i < o->listen_count; i++)
        if (!serve_listen(app->serve, o->listen[i].address, o->listen[i].port, o->tls_cert, o->tls_key, false,
                          &error))
            return fail("--listen", o->listen[i].address, error);
    if (!o->kyc_listen.address[0]) return true;
    return serve_listen(app->serve, o->kyc_listen.address, o->kyc_listen.port, o->kyc_cert, o->kyc_key, true,
                        &error) ||
           fail("--kyc-listen", o->kyc_listen.address, error);
}

static void on_hangup(void *self)
{
    const app_t *app = self;
    if (!serve_reload(app->serve))
        log_error(LOG_WEB, "a certificate, key or KYC file is not fit: the old one stays");
}

static void stop(app_t *app)
{
    if (app->look_timer) io_timer_stop(app->look_timer);
    serve_free(app->serve);
    probe_free(app->probe);
    client_free(app->client);
    faucet_free(app->faucet);
    follow_free(app->follow);
    kyc_free(app->kyc);
    store_close(app->store);
    for (int i = 0; i < STOP_STEPS; i++)
        io_step(app->io, STOP_STEP_MS / 10);
    io_free(app->io);
}

int main(int argc, char **argv)
{
    static app_t app = {
        .options = {.db = "indexer.db", .faucet_amount = FAUCET_DEFAULT, .rate = RATE_DEFAULT}
    };
    int code = options_read(&app.options, argc, argv);
    if (code >= 0) return code;
    if (!crypto_init() || !(app.io = io_new())) return 1;
    io_stop_on_signals(app.io, NULL, NULL);
    bool is_started = chain_start(&app) && services_start(&app) && web_start(&app);
    if (is_started) {
        io_on_hangup(app.io, on_hangup, &app);
        log_info(LOG_MAIN, "indexer started", LOG_U32("block", store_head(app.store)->number));
        io_run(app.io);
        log_info(LOG_MAIN, "indexer stops");
    }
    stop(&app);
    return is_started ? 0 : 1;
}
