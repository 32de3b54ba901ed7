/* main_peer.c - the program rmb-peer: a twin's place on the bus for local programs in any language. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client.h"
#include "crypto.h"
#include "e2e.h"
#include "io.h"
#include "local_nng.h"
#include "log.h"
#include "peer.h"
#include "peer_queue.h"
#include "redis_server.h"
#include "tfgrid_types.h"
#include "twin_cache.h"
#include "web.h"

#define TWINS_CAP    4096
#define KEY_CAP      96
#define CALL_CAP     4096
#define PASSWORD_MAX 512
#define STOP_STEPS   50
#define STOP_STEP_MS 1
#define STEP_MS      100
#define RETRY_MS     3000

static const char help[] =
    "rmb-peer - a twin's place on the message bus, for local programs in any language\n"
    "\n"
    "  rmb-peer --key-file KEY --substrate ws://127.0.0.1:9944 --relay wss://relay.example.org\n"
    "\n"
    "  --key-file FILE       the twin's secret: a phrase, 0xSEED or secret URI, or a sealed key file\n"
    "  --password-file FILE  of a sealed key file; or TRELLIS_PASSWORD\n"
    "  -m, --mnemonic TEXT, --mnemonics, --seed\n"
    "                        the same in clear, as rmb-rs takes it: others see it in the list of processes\n"
    "                        until it is read; RMB_MNEMONIC in the environment is better, a file is best\n"
    "  -k, --key-type TYPE   sr25519 (default) or ed25519\n"
    "  -s, --substrate URL   a node of the chain; several may be given\n"
    "  --relay URL           a relay, wss:// or ws://, tls+tcp:// or ipc://; at most four\n"
    "  --ca FILE             certificates (PEM) to trust beside the system's\n"
    "  --session NAME        a session of this name instead of the twin's own place\n"
    "  -r, --redis ADDRESS   where programs of rmb-rs find their queues: redis://HOST:PORT (default\n"
    "                        redis://127.0.0.1:6379), unix:///PATH, or none.  No Redis runs there: this is "
    "it\n"
    "  --redis-password-file FILE  needed when others than this machine can reach it\n"
    "  --rep ipc://PATH      nng REP: ask, and answer\n"
    "  --pub ipc://PATH      nng PUB: requests as they come\n"
    "  --no-update           leave the twin's record on the chain as it is\n"
    "  -d, --debug           more in the log\n"
    "  --log-json            one JSON object a line\n"
    "  --help, --version\n";

typedef struct {
    const char *substrate[CLIENT_URLS_CAP], *relays[PEER_RELAYS_CAP];
    uint32_t substrate_count, relay_count;
    const char *key_file, *password_file, *ca, *session, *redis, *redis_password_file, *rep, *pub;
    key_kind_t kind;
    char *clear; /* a secret from the command line or the environment */
    bool is_not_updating;
} options_t;

typedef struct {
    options_t options;
    io_t *io;
    keypair_t key;
    client_t *client;
    twin_chain_t *chain;
    twin_cache_t *twins;
    uint32_t twin;
    redis_server_t *redis;
    local_nng_t *local;
    peer_queue_t *queue;
    peer_t *peer;
    bool is_stopped;
} app_t;

static bool fail(const char *what, const char *why)
{
    fprintf(stderr, "rmb-peer: %s: %s\n", what, why);
    return false;
}

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "rmb-peer: %s%s%s (see --help)\n", what, value ? ": " : "", value ? value : "");
    return 2;
}

/* ---- options ---- */

static bool keep(const char **list, uint32_t *length, uint32_t cap, const char *text)
{
    if (*length == cap) return false;
    list[(*length)++] = text;
    return true;
}

/* A secret goes out of the list of processes. */
static bool take_secret(options_t *o, char *text)
{
    if (o->clear) return false;
    o->clear = strdup(text);
    memset(text, 'x', strlen(text));
    return o->clear != NULL;
}

static bool option_read(options_t *o, int option, char *text)
{
    switch (option) {
    case 'm': return take_secret(o, text);
    case 'k': return key_kind_parse(text, &o->kind) && o->kind != KEY_ECDSA;
    case 's': return keep(o->substrate, &o->substrate_count, CLIENT_URLS_CAP, text);
    case 'R': return keep(o->relays, &o->relay_count, PEER_RELAYS_CAP, text);
    case 'K': o->key_file = text; return true;
    case 'w': o->password_file = text; return true;
    case 'C': o->ca = text; return true;
    case 'S': o->session = text; return strlen(text) <= RMB_CONNECTION_MAX;
    case 'r': o->redis = text; return true;
    case 'W': o->redis_password_file = text; return true;
    case 'q': o->rep = text; return strncmp(text, "ipc://", 6) == 0;
    case 'p': o->pub = text; return strncmp(text, "ipc://", 6) == 0;
    case 'n': o->is_not_updating = true; return true;
    case 'd': log_level(LOG_LEVEL_DEBUG); return true;
    case 'j': log_json(true); return true;
    default: return false;
    }
}

static const struct option table[] = {
    {"mnemonic",            required_argument, NULL, 'm'},
    {"mnemonics",           required_argument, NULL, 'm'},
    {"seed",                required_argument, NULL, 'm'},
    {"key-type",            required_argument, NULL, 'k'},
    {"substrate",           required_argument, NULL, 's'},
    {"relay",               required_argument, NULL, 'R'},
    {"key-file",            required_argument, NULL, 'K'},
    {"password-file",       required_argument, NULL, 'w'},
    {"ca",                  required_argument, NULL, 'C'},
    {"session",             required_argument, NULL, 'S'},
    {"redis",               required_argument, NULL, 'r'},
    {"redis-password-file", required_argument, NULL, 'W'},
    {"rep",                 required_argument, NULL, 'q'},
    {"pub",                 required_argument, NULL, 'p'},
    {"no-update",           no_argument,       NULL, 'n'},
    {"debug",               no_argument,       NULL, 'd'},
    {"log-json",            no_argument,       NULL, 'j'},
    {"help",                no_argument,       NULL, 'h'},
    {"version",             no_argument,       NULL, 'V'},
    {NULL,                  0,                 NULL, 0  }
};

/* Returns the exit code, or -1 to go on. */
static int options_read(options_t *o, int argc, char **argv)
{
    int option;
    char *environment = getenv("RMB_MNEMONIC");
    while ((option = getopt_long(argc, argv, "m:k:s:r:dhV", table, NULL)) != -1) {
        if (option == 'h') return fputs(help, stdout) < 0;
        if (option == 'V') return puts("rmb-peer 0.1.0") < 0;
        if (option == '?') return wrong("try --help", NULL);
        if (!option_read(o, option, optarg))
            return wrong("an option that cannot be", option == 'm' ? NULL : optarg);
    }
    if (optind < argc) return wrong("not an option", argv[optind]);
    if (!o->clear && !o->key_file && environment) take_secret(o, environment);
    if (!o->clear == !o->key_file)
        return wrong("the secret: give --key-file, RMB_MNEMONIC or --mnemonic", NULL);
    if (!o->substrate_count) return wrong("--substrate is missing", NULL);
    if (!o->relay_count) return wrong("--relay is missing", NULL);
    if (strcmp(o->redis, "none") == 0) o->redis = NULL;
    if (!o->redis && !o->rep && !o->pub)
        return wrong("no --redis, --rep or --pub: nobody could use it", NULL);
    return -1;
}

/* ---- secrets ---- */

/* The first line of a file that only its owner can read. */
static bool line_read(const char *path, char *line, size_t cap)
{
    struct stat info;
    FILE *file = fopen(path, "re");
    if (!file) return fail(path, strerror(errno));
    bool is_private = fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077) == 0;
    bool is_read    = is_private && fgets(line, (int)cap, file);
    (void)fclose(file);
    if (!is_private) return fail(path, key_status_text(KEY_FILE_TOO_OPEN));
    if (!is_read) return fail(path, "the file is empty");
    line[strcspn(line, "\r\n")] = 0;
    return true;
}

static bool sealed_read(const options_t *o, char suri[SURI_TEXT_MAX + 1], key_kind_t *kind)
{
    char password[PASSWORD_MAX] = "";
    const char *environment     = getenv("TRELLIS_PASSWORD");
    if (o->password_file && !line_read(o->password_file, password, sizeof password)) return false;
    if (!o->password_file && environment) snprintf(password, sizeof password, "%s", environment);
    key_status_t status = key_file_read(o->key_file, password, suri, kind);
    crypto_wipe(password, sizeof password);
    return status == KEY_OK || fail(o->key_file, key_status_text(status));
}

static bool key_read(app_t *app)
{
    options_t *o                 = &app->options;
    char suri[SURI_TEXT_MAX + 2] = "";
    key_kind_t kind              = o->kind;
    bool is_read                 = true;
    if (o->clear)
        snprintf(suri, sizeof suri, "%s", o->clear);
    else
        is_read = line_read(o->key_file, suri, sizeof suri);
    if (is_read && o->key_file && strncmp(suri, "trellis-key-", 12) == 0)
        is_read = sealed_read(o, suri, &kind);
    key_status_t status = is_read ? key_from_suri(suri, kind, &app->key) : KEY_OK;
    crypto_wipe(suri, sizeof suri);
    if (o->clear) crypto_wipe(o->clear, strlen(o->clear));
    free(o->clear);
    o->clear = NULL;
    if (status != KEY_OK) return fail("the twin's secret", key_status_text(status));
    return is_read &&
           (app->key.kind != KEY_ECDSA || fail("the twin's secret", "an ecdsa key cannot sign here"));
}

/* ---- the chain ---- */

static void on_stop(void *self)
{
    app_t *app      = self;
    app->is_stopped = true;
    io_stop(app->io);
}

static bool chain_start(app_t *app)
{
    const options_t *o     = &app->options;
    client_config_t config = {.io = app->io, .url_count = o->substrate_count, .ca_file = o->ca};
    for (uint32_t i = 0; i < o->substrate_count; i++)
        config.urls[i] = o->substrate[i];
    app->client = client_new(&config);
    if (!app->client) return fail(o->substrate[0], "not a ws:// or wss:// URL");
    app->chain = twin_chain_new(app->client);
    app->twins = twin_cache_new(twin_chain_source(app->chain), TWINS_CAP);
    twin_chain_follow(app->chain, app->twins, false);
    return true;
}

/* The chain may come up after us. */
static bool find_twin(app_t *app)
{
    uint8_t room[KEY_CAP], memory[256];
    while (!app->is_stopped) {
        scale_writer_t key = scale_writer(room, sizeof room);
        arena_t arena      = {.start = memory, .size = sizeof memory};
        bytes_t value      = {0};
        tfgrid_twin_id_by_account_id_key(&key, &app->key.account);
        client_error_t error = client_storage_wait(app->client, scale_written(&key), NULL, &arena, &value);
        scale_reader_t r     = scale_reader(value, NULL);
        app->twin            = value.data ? scale_get_u32(&r) : 0;
        if (error.status == CLIENT_OK && app->twin) return true;
        if (error.status == CLIENT_OK)
            return fail("the twin's secret", "no twin found on this network with the given key");
        log_warn(LOG_PEER, "the chain does not answer", LOG_TEXT("reason", error.text));
        for (uint64_t end = io_ticks_ms(app->io) + RETRY_MS; io_ticks_ms(app->io) < end && !app->is_stopped;)
            io_step(app->io, STEP_MS);
    }
    return false;
}

typedef struct {
    bool is_done, is_found;
    rmb_twin_t twin;
} record_t;

static void on_record(void *context, twin_status_t status, const rmb_twin_t *twin)
{
    record_t *record = context;
    record->is_done  = true;
    record->is_found = status == TWIN_FOUND;
    if (twin) record->twin = *twin;
}

/* domains_of joins the hosts of the relays' URLs. */
static bool domains_of(const options_t *o, char text[RMB_RELAY_MAX + 1])
{
    size_t len = 0;
    for (uint32_t i = 0; i < o->relay_count; i++) {
        web_url_t url;
        if (!relay_url_is_web(o->relays[i]) || !web_url_decode(o->relays[i], &url)) return false;
        int more = snprintf(text + len, RMB_RELAY_MAX + 1 - len, "%s%s", i ? "_" : "", url.host);
        if (more < 0 || (len += (size_t)more) > RMB_RELAY_MAX) return false;
    }
    return true;
}

static bool has_domain(const char *list, const char *wanted)
{
    char domain[RMB_RELAY_MAX + 1];
    for (uint32_t at = 0; relay_domain_next(list, &at, domain);)
        if (strcmp(domain, wanted) == 0) return true;
    return false;
}

static bool is_same_set(const char *a, const char *b)
{
    char domain[RMB_RELAY_MAX + 1];
    for (uint32_t at = 0; relay_domain_next(a, &at, domain);)
        if (!has_domain(b, domain)) return false;
    for (uint32_t at = 0; relay_domain_next(b, &at, domain);)
        if (!has_domain(a, domain)) return false;
    return true;
}

static bool twin_update(app_t *app, const char *domains, bool has_pk, const uint8_t *pk)
{
    uint8_t room[CALL_CAP], memory[64];
    char text[256];
    scale_writer_t w = scale_writer(room, sizeof room);
    bytes_opt_t relay =
                    {
                        true, bytes_text(domains)
    },
                key = {has_pk, {pk, has_pk ? RMB_PK_LEN : 0}};
    arena_t arena   = {.start = memory, .size = sizeof memory};
    tfgrid_update_twin_call_encode(&w, &(tfgrid_update_twin_args_t){relay, key});
    client_submit_t call     = {.key = &app->key, .call = scale_written(&w)};
    client_outcome_t outcome = client_submit_wait(app->client, &call, &arena);
    bool is_done             = !w.failed && client_outcome_text(&outcome, text, sizeof text) == CLIENT_OK;
    if (is_done) log_info(LOG_PEER, "twin updated on the chain", LOG_TEXT("relay", domains));
    return is_done || fail("the twin's record", text);
}

/* As rmb-rs: the record names the relays that we use, and the key that we decrypt with. */
static bool record_check(app_t *app)
{
    char domains[RMB_RELAY_MAX + 1] = "";
    uint8_t secret[32], pk[RMB_PK_LEN];
    record_t record = {0};
    if (app->options.is_not_updating) return true;
    if (!domains_of(&app->options, domains)) {
        log_info(LOG_PEER, "a relay without a domain: the twin's record is left as it is");
        return true;
    }
    bool has_pk = e2e_secret(&app->key, secret, pk);
    crypto_wipe(secret, sizeof secret);
    twin_cache_get(app->twins, app->twin, on_record, &record);
    while (!record.is_done)
        io_step(app->io, STEP_MS);
    if (!record.is_found) return fail("the twin's record", "it cannot be read");
    bool is_same = record.twin.has_pk == has_pk && (!has_pk || memcmp(record.twin.pk, pk, RMB_PK_LEN) == 0);
    if (is_same && is_same_set(record.twin.relay, domains)) return true;
    return twin_update(app, domains, has_pk, pk);
}

/* ---- local programs ---- */

static void on_queue(void *self, bool is_reply, bytes_t value)
{
    peer_queue_local(((const app_t *)self)->queue, is_reply, value);
}

static void publish(void *self, const char *command, bytes_t json)
{
    const app_t *app = self;
    if (app->local) local_nng_publish(app->local, command, json);
}

static uint64_t now_s(void *self) { return io_now_ms(((const app_t *)self)->io) / 1000; }

/* The answers to one ask: JSON of the only one, or an array of all. */
typedef struct {
    local_ask_t *ask;
    uint32_t left, count;
    bus_writer_t out;
} gathering_t;

static void gathered(void *context, bytes_t json)
{
    gathering_t *all = context;
    bool is_many     = all->count > 1;
    if (is_many) bus_writer_add(&all->out, all->left == all->count ? "[" : ",", 1);
    bus_writer_add(&all->out, json.data, json.len);
    if (--all->left > 0) return;
    if (is_many) bus_writer_add(&all->out, "]", 1);
    if (all->ask) local_nng_answer(all->ask, (bytes_t){all->out.data, all->out.len});
    bus_writer_fini(&all->out);
    free(all);
}

static void say(local_ask_t *ask, const char *why)
{
    char text[256];
    if (why)
        snprintf(text, sizeof text, "{\"ver\":1,\"err\":{\"code\":%d,\"message\":\"%s\"}}", PEER_ERROR_OTHER,
                 why);
    else
        snprintf(text, sizeof text, "{\"ver\":1,\"err\":null}");
    local_nng_answer(ask, bytes_text(text));
}

/* A request has a cmd, an answer to one has none. */
static bool is_request(bytes_t message) { return memmem(message.data, message.len, "\"cmd\"", 5) != NULL; }

static void on_ask(void *self, local_ask_t *ask, bytes_t message)
{
    const app_t *app = self;
    if (!is_request(message)) {
        say(ask, peer_queue_reply(app->queue, message));
        return;
    }
    gathering_t *all = calloc(1, sizeof *all);
    all->ask         = ask;
    const char *why  = peer_queue_ask(app->queue, message, gathered, all, &all->count);
    all->left        = all->count;
    if (!why) return;
    free(all);
    say(ask, why);
}

static bool local_start(app_t *app)
{
    const options_t *o          = &app->options;
    char password[PASSWORD_MAX] = "";
    const char *error           = "";
    peer_queue_config_t queue   = {.self = app, .now_s = now_s, .publish = o->pub ? publish : NULL};
    if (o->redis_password_file && !line_read(o->redis_password_file, password, sizeof password)) return false;
    if (o->redis) {
        app->redis = redis_server_new(app->io, o->redis, password, on_queue, app, &error);
        crypto_wipe(password, sizeof password);
        if (!app->redis) return fail(o->redis, error);
        queue.redis = redis_server_table(app->redis);
    }
    app->queue = peer_queue_new(&queue);
    if (!o->rep && !o->pub) return true;
    app->local = local_nng_new(app->io, o->rep, o->pub, on_ask, app, &error);
    return app->local || fail(o->rep ? o->rep : o->pub, error);
}

static bool peer_start(app_t *app)
{
    const options_t *o   = &app->options;
    peer_config_t config = {.io               = app->io,
                            .twin             = app->twin,
                            .connection       = o->session,
                            .key              = &app->key,
                            .twins            = app->twins,
                            .relay_count      = o->relay_count,
                            .ca_file          = o->ca,
                            .takes_any_schema = true,
                            .on_request       = peer_queue_incoming,
                            .context          = app->queue};
    for (uint32_t i = 0; i < o->relay_count; i++)
        config.relays[i] = o->relays[i];
    app->peer = peer_new(&config);
    peer_queue_set_peer(app->queue, app->peer);
    return app->peer || fail(o->relays[0], "a relay is wss://, ws://, tls+tcp://, tcp:// or ipc://");
}

static void stop(app_t *app)
{
    if (app->queue) peer_queue_set_peer(app->queue, NULL);
    peer_free(app->peer); /* who waits for an answer hears it */
    local_nng_free(app->local);
    redis_server_free(app->redis);
    peer_queue_free(app->queue);
    if (app->chain) twin_chain_free(app->chain);
    if (app->twins) twin_cache_free(app->twins);
    if (app->client) client_free(app->client);
    key_wipe(&app->key);
    for (int i = 0; i < STOP_STEPS; i++)
        io_step(app->io, STOP_STEP_MS);
    io_free(app->io);
}

int main(int argc, char **argv)
{
    static app_t app = {
        .options = {.redis = "redis://127.0.0.1:6379", .kind = KEY_SR25519}
    };
    int code = options_read(&app.options, argc, argv);
    if (code >= 0) return code;
    if (!crypto_init() || !(app.io = io_new())) return 1;
    io_stop_on_signals(app.io, on_stop, &app);
    bool is_started = key_read(&app) && chain_start(&app) && find_twin(&app) && record_check(&app) &&
                      local_start(&app) && peer_start(&app);
    if (is_started && !app.is_stopped) {
        log_info(LOG_PEER, "peer started", LOG_U64("twin", app.twin),
                 LOG_TEXT("redis", app.options.redis ? app.options.redis : "none"));
        io_run(app.io);
        log_info(LOG_PEER, "peer stops");
    }
    stop(&app);
    return is_started || app.is_stopped ? 0 : 1;
}
