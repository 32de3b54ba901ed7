/* bench_rpc_clients.c - a node's RPC with many clients: calls a second, how long they take, what a head
 * costs.
 *
 *     bench_rpc_clients NODE [SECONDS [PORT]]      path of trellis-node; 2 and 41600 by default
 *
 * Starts NODE --dev --tmp --sealing manual on PORT and stops it.  With 1, 100 and 1,000 connections, each
 * with one call under way: state_getStorage of one value, state_queryStorageAt of ten, and the same questions
 * to a bare server of this process' own kind (lib/io, a fixed answer of the same length), which is what the
 * sockets alone cost.  Then 1,000 connections that subscribe to heads.  CPU is the server's, per call, from
 * /proc/PID/stat.  Clients and server share the machine. */
#include "io.h"
#include "log.h"
#include "web.h"

#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VOICES_MAX = 1000, MICROS_MAX = 2000000, KEYS = 10, HEADS = 20, FILES = 8192, ANSWER_CAP = 1 << 16 };

typedef struct bench bench_t;
typedef struct {
    bench_t *bench;
    web_session_t *session;
    double sent_s;
    uint32_t heard;
    bool is_open, is_closed;
} voice_t;

struct bench {
    io_t *io;
    pid_t server;
    uint16_t port;
    voice_t voices[VOICES_MAX + 1]; /* the last one gives orders */
    uint32_t voice_count, open;
    const char *message; /* what each asks again and again; NULL: only counts */
    double until_s, last_s;
    uint32_t under_way, heard;
    uint32_t *micros; /* how many calls took so many */
    uint64_t calls;
    char answer[ANSWER_CAP]; /* the last one */
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(bench_t *b, const char *what)
{
    fprintf(stderr, "bench_rpc_clients: %s\n", what);
    if (b->server > 0) kill(b->server, SIGKILL);
    exit(1);
}

/* cpu_s is what a process has used so far. */
static double cpu_s(pid_t pid)
{
    char path[40];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file ||
        fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        user = 0;
    if (file) fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- the bare server ---- */

static char bare_answer[ANSWER_CAP];

static void bare_request(void *self, web_request_t *request, const web_head_t *head, bytes_t body)
{
    (void)self, (void)head, (void)body;
    web_answer(request, 404, NULL, NULL, (bytes_t){0});
}
static int bare_upgrade(void *self, const web_head_t *head, void **session_self)
{
    (void)self, (void)head, (void)session_self;
    return 101;
}
static void bare_open(void *self, web_session_t *session) { (void)self, (void)session; }
static void bare_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    (void)self, (void)message;
    (void)web_send(session, bytes_text(bare_answer), is_text);
}

static void serve_bare(const char *answer, uint16_t port)
{
    const char *error = NULL;
    io_t *io          = io_new();
    snprintf(bare_answer, sizeof bare_answer, "%s", answer);
    web_handler_t handler = {.on_request = bare_request,
                             .on_upgrade = bare_upgrade,
                             .on_open    = bare_open,
                             .on_message = bare_message,
                             .on_close   = bare_open};
    web_listen_t listen   = {.address = "127.0.0.1", .port = port, .limits = {.sessions = 2 * VOICES_MAX}};
    if (!web_listen(io, &listen, &handler, &error)) exit(1);
    io_run(io);
}

/* ---- clients ---- */

static void say(voice_t *voice)
{
    voice->sent_s = now_s();
    voice->bench->under_way++;
    (void)web_send(voice->session, bytes_text(voice->bench->message), true);
}

static void on_open(void *self, web_session_t *session)
{
    voice_t *voice = self;
    voice->session = session;
    voice->is_open = true;
    voice->bench->open++;
}

static void on_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    voice_t *voice = self;
    bench_t *b     = voice->bench;
    double now     = now_s();
    (void)session, (void)is_text;
    voice->heard++;
    b->heard++;
    b->last_s = now;
    if (!b->message) {
        if (message.len < ANSWER_CAP)
            snprintf(b->answer, ANSWER_CAP, "%.*s", (int)message.len, (const char *)message.data);
        return;
    }
    double took = (now - voice->sent_s) * 1e6;
    b->micros[took < MICROS_MAX ? (uint32_t)took : MICROS_MAX - 1]++;
    b->calls++;
    b->under_way--;
    if (now < b->until_s) say(voice);
}

static void on_close(void *self, web_session_t *session, int status, const char *reason)
{
    voice_t *voice = self;
    (void)session, (void)status, (void)reason;
    voice->is_closed = true;
}

static void voice_connect(bench_t *b, voice_t *voice)
{
    char url[64];
    web_client_handler_t handler = {
        .self = voice, .on_open = on_open, .on_message = on_message, .on_close = on_close};
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", b->port);
    for (int i = 0; i < 200; i++) {
        *voice = (voice_t){.bench = b};
        web_connect(b->io, url, NULL, 0, &handler);
        while (!voice->is_open && !voice->is_closed)
            io_step(b->io, 100);
        if (voice->is_open) return;
        usleep(20000);
    }
    fail(b, "the server does not come up");
}

static void connect_all(bench_t *b, uint32_t count)
{
    for (; b->voice_count < count; b->voice_count++)
        voice_connect(b, &b->voices[b->voice_count]);
}

static void leave_all(bench_t *b)
{
    for (uint32_t i = 0; i < b->voice_count; i++)
        if (!b->voices[i].is_closed) web_session_free(b->voices[i].session);
    b->voice_count = 0;
}

/* ask sends one message of the first voice and gives the answer's text. */
static const char *ask(bench_t *b, voice_t *voice, const char *message)
{
    uint32_t before = voice->heard;
    b->message      = NULL;
    (void)web_send(voice->session, bytes_text(message), true);
    while (voice->heard == before && !voice->is_closed)
        io_step(b->io, 1000);
    return b->answer;
}

/* ---- what is measured ---- */

static uint32_t percentile(const bench_t *b, double part)
{
    uint64_t seen = 0;
    for (uint32_t i = 0; i < MICROS_MAX; i++)
        if ((double)(seen += b->micros[i]) >= part * (double)b->calls) return i;
    return MICROS_MAX;
}

static void measure(bench_t *b, const char *what, const char *message, uint32_t count, double seconds)
{
    connect_all(b, count);
    memset(b->micros, 0, MICROS_MAX * sizeof *b->micros);
    b->calls   = 0;
    b->message = message;
    double cpu = cpu_s(b->server), start = now_s();
    b->until_s = start + seconds;
    for (uint32_t i = 0; i < count; i++)
        say(&b->voices[i]);
    while (b->under_way > 0)
        io_step(b->io, 1000);
    double spent = now_s() - start;
    printf("%-22s %5u connections  %8.0f a second  p50 %6u us  p99 %6u us  CPU %5.1f us a call\n", what,
           count, (double)b->calls / spent, percentile(b, 0.5), percentile(b, 0.99),
           (cpu_s(b->server) - cpu) / (double)b->calls * 1e6);
    fflush(stdout);
    b->message = NULL;
}

static const uint32_t steps[] = {1, 100, VOICES_MAX};

static void measure_bare(bench_t *b, const char *what, const char *answer, double seconds)
{
    pid_t node     = b->server;
    uint16_t port  = b->port++;
    char message[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"state_getStorage\",\"params\":["
                     "\"0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb\"]}";
    b->server      = fork();
    if (b->server == 0) {
        serve_bare(answer, b->port);
        exit(0);
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        measure(b, what, message, steps[i], seconds);
    leave_all(b);
    kill(b->server, SIGKILL);
    waitpid(b->server, NULL, 0);
    b->server = node;
    b->port   = port;
}

/* ten_accounts makes the question for ten values that are there. */
static void ten_accounts(bench_t *b, char *message, size_t cap)
{
    const char *page = ask(b, &b->voices[VOICES_MAX],
                           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"state_getKeysPaged\",\"params\":["
                           "\"0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9\",10]}");
    json_t *answer = json_loads(page, 0, NULL), *keys = json_object_get(answer, "result");
    if (json_array_size(keys) == 0) fail(b, "no accounts");
    char *text = json_dumps(keys, JSON_COMPACT);
    snprintf(message, cap,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"state_queryStorageAt\",\"params\":[%s]}", text);
    printf("state_queryStorageAt asks for %zu accounts\n", json_array_size(keys));
    free(text);
    json_decref(answer);
}

static const char make_block[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"engine_createBlock\",\"params\":[true,false]}";

/* A block with nobody to hear of it, then with all: the difference is theirs. */
static void measure_heads(bench_t *b)
{
    voice_t *orders = &b->voices[VOICES_MAX];
    double start = now_s(), cpu = cpu_s(b->server);
    for (int i = 0; i < HEADS; i++)
        (void)ask(b, orders, make_block);
    double alone = (now_s() - start) / HEADS, alone_cpu = (cpu_s(b->server) - cpu) / HEADS;
    connect_all(b, VOICES_MAX);
    for (uint32_t i = 0; i < VOICES_MAX; i++) {
        (void)ask(b, &b->voices[i],
                  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"chain_subscribeNewHeads\",\"params\":[]}");
        while (b->voices[i].heard % 2 == 1) /* the answer, and the current head */
            io_step(b->io, 1000);
    }
    double all = 0;
    cpu        = cpu_s(b->server);
    for (int i = 0; i < HEADS; i++) {
        b->heard = 0;
        start    = now_s();
        (void)web_send(orders->session, bytes_text(make_block), true);
        while (b->heard < VOICES_MAX + 1)
            io_step(b->io, 1000);
        all += b->last_s - start;
    }
    double all_cpu = (cpu_s(b->server) - cpu) / HEADS;
    printf(
        "heads: a block takes %.1f ms and %.1f ms CPU; the last of %u subscribers has it %.1f ms later, for "
        "%.1f us CPU each\n",
        alone * 1e3, alone_cpu * 1e3, VOICES_MAX, (all / HEADS - alone) * 1e3,
        (all_cpu - alone_cpu) / VOICES_MAX * 1e6);
}

static void start_node(bench_t *b, const char *path)
{
    char port[8];
    char *const argv[] = {
        strdup(path), "--dev",      "--tmp", "--sealing",       "manual", "--rpc-max-connections",
        "2000",       "--rpc-port", port,    "--no-prometheus", "--log",  "error",
        NULL};
    extern char **environ;
    snprintf(port, sizeof port, "%u", b->port);
    if (posix_spawn(&b->server, path, NULL, NULL, argv, environ) != 0) fail(b, "the node does not start");
    free(argv[0]);
}

int main(int argc, char **argv)
{
    static bench_t b;
    static char message[4096], answer[ANSWER_CAP];
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    struct rlimit files;
    b.port   = argc > 3 ? (uint16_t)strtoul(argv[3], NULL, 10) : 41600;
    b.micros = calloc(MICROS_MAX, sizeof *b.micros);
    if (argc < 2 || !b.micros || !log_filter("error")) {
        fprintf(stderr, "bench_rpc_clients NODE [SECONDS [PORT]]\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    b.io = io_new();
    start_node(&b, argv[1]);
    voice_connect(&b, &b.voices[VOICES_MAX]);
    static const char get[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"state_getStorage\",\"params\":["
                              "\"0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb\"]}";
    (void)ask(&b, &b.voices[VOICES_MAX], make_block);
    ten_accounts(&b, message, sizeof message);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        measure(&b, "state_getStorage", get, steps[i], seconds);
        measure(&b, "state_queryStorageAt", message, steps[i], seconds);
    }
    leave_all(&b);
    snprintf(answer, sizeof answer, "%s", ask(&b, &b.voices[VOICES_MAX], get));
    measure_bare(&b, "bare, as getStorage", answer, seconds);
    snprintf(answer, sizeof answer, "%s", ask(&b, &b.voices[VOICES_MAX], message));
    measure_bare(&b, "bare, as queryStorage", answer, seconds);
    measure_heads(&b);
    leave_all(&b);
    web_session_free(b.voices[VOICES_MAX].session);
    io_free(b.io);
    free(b.micros);
    kill(b.server, SIGTERM);
    return waitpid(b.server, NULL, 0) == b.server ? 0 : 1;
}
