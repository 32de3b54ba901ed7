/* bench_rmb.c - envelopes through the relay, beside the same messages through two bare nng pairs.
 *
 * The relay runs in a process of its own with its RocksDB store; one twin sends, another takes, over tcp on
 * the loopback, W envelopes on their way.  The bare forwarder receives on one pair1 socket and sends on
 * another.  Printed: messages a second, the median time of one, and the processor time that the process in
 * the middle spent on one. */
#include <nng/nng.h>
#include <nng/protocol/pair1/pair.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bus.h"
#include "bus_frame.h"
#include "edge.h"
#include "envelope.h"
#include "log.h"
#include "relay_io.h"
#include "token.h"

#define RELAY_URL   "tcp://127.0.0.1:41690"
#define BARE_IN     "tcp://127.0.0.1:41691"
#define BARE_OUT    "tcp://127.0.0.1:41692"
#define SAMPLES_MAX (1u << 20)
#define WINDOW_MAX  1024

static keypair_t keys[2];
static rmb_twin_t records[2];

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the relay's process ---- */

static void run_relay(const char *path)
{
    static const char *const domains[] = {"here"};
    static twin_table_t table          = {records, 2};
    relay_config_t config              = {.domains = domains, .domain_count = 1};
    const char *error                  = "";
    io_t *io                           = io_new();
    twin_source_t source               = twin_table_source(&table);
    twin_cache_t *twins                = twin_cache_new(&source, 16);
    relay_store_disk_t *disk           = relay_store_disk_new(io, path, &error);
    if (!disk) exit(1);
    relay_store_t store = relay_store_disk_ops(disk);
    relay_io_t *relay   = relay_io_new(io, &config, &store, twins, NULL);
    edge_config_t edge  = {.io = io, .relay = relay_io_core(relay), .twins = twins};
    if (!edge_bus_new(&edge, RELAY_URL, &error)) exit(1);
    io_run(io);
}

/* ---- the bare forwarder's process ---- */

static void run_bare(const char *unused)
{
    nng_socket in, out;
    nng_msg *message;
    (void)unused;
    if (nng_pair1_open(&in) || nng_pair1_open(&out)) exit(1);
    nng_socket_set_int(in, NNG_OPT_RECVBUF, 256);
    nng_socket_set_int(out, NNG_OPT_SENDBUF, 256);
    if (nng_listen(in, BARE_IN, NULL, 0) || nng_listen(out, BARE_OUT, NULL, 0)) exit(1);
    while (nng_recvmsg(in, &message, 0) == 0)
        if (nng_sendmsg(out, message, 0) != 0) nng_msg_free(message);
}

/* ---- the two ends ---- */

static struct {
    io_t *io;
    bus_t *from, *to;
    uint32_t from_pipe, to_pipe, window;
    bool is_relay, from_ready, to_ready;
    uint64_t sent, taken, sent_ns[WINDOW_MAX];
    uint32_t *samples, sample_count;
    bus_writer_t acks;
    uint8_t wire[70000];
    uint32_t wire_len, seq_at;
} ends;

/* All envelopes are one, but for eight digits of the uid. */
static void envelope_make(uint32_t payload_len)
{
    static uint8_t payload[65536];
    envelope_t e = {
        .uid             = "00000000-0000-4000-8000-000000000000",
        .tags            = "",
        .timestamp_s     = io_now_ms(ends.io) / 1000,
        .expiration_s    = 300,
        .has_source      = true,
        .has_destination = true,
        .source          = {1,       NULL       },
        .destination     = {2,       NULL       },
        .kind            = ENVELOPE_REQUEST,
        .command         = "zos.deployment.get",
        .schema          = "application/json",
        .payload_kind    = PAYLOAD_PLAIN,
        .payload         = {payload, payload_len}
    };
    uint8_t signature[ENVELOPE_SIGNATURE_LEN];
    if (!envelope_sign(&e, &keys[0], signature)) exit(1);
    ends.wire_len = envelope_encoded_len(&e);
    ends.seq_at   = 2;
    envelope_encode(&e, ends.wire);
}

static void send_more(void)
{
    while (ends.from_ready && ends.to_ready && ends.sent - ends.taken < ends.window) {
        char digits[9];
        snprintf(digits, sizeof digits, "%08x", (unsigned)(ends.sent & 0xffffffff));
        memcpy(ends.wire + ends.seq_at, digits, 8);
        if (!bus_send(ends.from, ends.from_pipe, (bytes_t){ends.wire, ends.wire_len})) return;
        ends.sent_ns[ends.sent++ % WINDOW_MAX] = now_ns();
    }
}

static void take(bytes_t envelope)
{
    char uid[37] = "";
    memcpy(uid, envelope.data + 2, 36);
    bus_write_ack(&ends.acks, BUS_STORED, uid);
    uint64_t took = now_ns() - ends.sent_ns[ends.taken++ % WINDOW_MAX];
    if (ends.sample_count < SAMPLES_MAX) ends.samples[ends.sample_count++] = (uint32_t)(took / 1000);
}

static bool answer(bus_t *bus, uint32_t pipe)
{
    return bus_send(bus, pipe, (bytes_t){ends.acks.data, ends.acks.len});
}

static void login(bus_t *bus, uint32_t pipe, uint32_t i)
{
    char token[TOKEN_MAX + 1];
    uint32_t len = token_write(&keys[i], i + 1, NULL, io_now_ms(ends.io) / 1000, 60, token);
    if (!bus_send(bus, pipe, (bytes_t){(uint8_t *)token, len})) exit(1);
}

static void from_open(void *self, uint32_t pipe)
{
    (void)self;
    ends.from_pipe  = pipe;
    ends.from_ready = !ends.is_relay;
    if (ends.is_relay) login(ends.from, pipe, 0);
}
static void to_open(void *self, uint32_t pipe)
{
    (void)self;
    ends.to_pipe  = pipe;
    ends.to_ready = !ends.is_relay;
    if (ends.is_relay) login(ends.to, pipe, 1);
}
static void from_message(void *self, uint32_t pipe, bytes_t message)
{
    (void)self;
    if (message.len == 1 && message.data[0] == BUS_WELCOME) {
        ends.from_ready = true;
        return;
    }
    bus_writer_reset(&ends.acks);
    bus_write_acks(&ends.acks);
    if (message.len && !answer(ends.from, pipe)) exit(1);
}
static void to_message(void *self, uint32_t pipe, bytes_t message)
{
    (void)self;
    if (message.len == 1 && message.data[0] == BUS_WELCOME) {
        ends.to_ready = true;
        return;
    }
    bus_reader_t reader = bus_read(message);
    bus_item_t item;
    bus_writer_reset(&ends.acks);
    bus_write_acks(&ends.acks);
    while (bus_next(&reader, &item))
        if (item.kind == BUS_ENVELOPE) take(item.bytes);
    if (ends.is_relay && message.len && !answer(ends.to, pipe)) exit(1);
    send_more();
}
static void on_close(void *self, uint32_t pipe)
{
    (void)self;
    (void)pipe;
}

/* ---- measuring ---- */

static uint64_t cpu_us(pid_t pid)
{
    char path[64], line[1024];
    unsigned long long user, system;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file      = fopen(path, "r");
    const char *end = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (file) fclose(file);
    if (!end || sscanf(end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
        return 0;
    return (user + system) * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void measure(const char *name, pid_t pid, uint32_t window, uint32_t payload_len, double seconds)
{
    ends.window = window;
    envelope_make(payload_len);
    ends.sample_count = 0;
    uint64_t first = ends.taken, cpu = cpu_us(pid), start = now_ns(), end = start + (uint64_t)(seconds * 1e9);
    send_more();
    while (now_ns() < end) {
        io_step(ends.io, 10);
        send_more();
    }
    uint64_t count = ends.taken - first, spent = cpu_us(pid) - cpu;
    double took = (double)(now_ns() - start) / 1e9;
    ends.window = 0;
    for (int i = 0; i < 200 && ends.taken < ends.sent; i++)
        io_step(ends.io, 10);
    qsort(ends.samples, ends.sample_count, sizeof(uint32_t), by_size);
    printf("%-6s %6u %7u %10.0f %8u %8u %10.1f\n", name, window, payload_len, (double)count / took,
           ends.sample_count ? ends.samples[ends.sample_count / 2] : 0,
           ends.sample_count ? ends.samples[ends.sample_count / 100 * 99] : 0,
           count ? (double)spent / (double)count : 0);
}

/* nng does not survive a fork: both processes in the middle are there before it is used here. */
static pid_t start(void (*middle)(const char *), const char *path)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) exit(1);
    middle(path);
    exit(0);
}

static void run(const char *name, pid_t pid, const char *from, const char *to, double seconds)
{
    static const uint32_t windows[] = {1, 16, 256}, payloads[] = {200, 4096};
    const char *error = "";
    ends.is_relay     = strcmp(name, "relay") == 0;
    ends.io           = io_new();
    ends.from =
        bus_dial(ends.io, from, NULL, &(bus_handler_t){NULL, from_open, from_message, on_close}, &error);
    ends.to = bus_dial(ends.io, to, NULL, &(bus_handler_t){NULL, to_open, to_message, on_close}, &error);
    if (!ends.from || !ends.to) exit(1);
    while (!ends.from_ready || !ends.to_ready)
        io_step(ends.io, 100);
    for (uint32_t p = 0; p < 2; p++)
        for (uint32_t i = 0; i < 3; i++)
            measure(name, pid, windows[i], payloads[p], seconds);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    bus_free(ends.from);
    bus_free(ends.to);
    for (int i = 0; i < 10; i++)
        io_step(ends.io, 1);
    io_free(ends.io);
    ends.from_ready = ends.to_ready = false;
    ends.sent = ends.taken = 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    char path[]    = "/tmp/trellis-bench-rmb-XXXXXX", command[128];
    log_level(LOG_LEVEL_ERROR);
    if (!crypto_init() || !mkdtemp(path)) return 1;
    for (uint32_t i = 0; i < 2; i++) {
        if (key_from_seed((uint8_t[32]){(uint8_t)(i + 1)}, KEY_ED25519, &keys[i]) != KEY_OK) return 1;
        records[i] = (rmb_twin_t){.id = i + 1, .account = keys[i].account, .relay = "here"};
    }
    ends.samples = malloc(SAMPLES_MAX * sizeof(uint32_t));
    printf("middle window payload messages/s   p50 us   p99 us cpu us/msg\n");
    fflush(stdout);
    pid_t relay = start(run_relay, path), bare = start(run_bare, NULL);
    run("relay", relay, RELAY_URL, RELAY_URL, seconds);
    run("bare", bare, BARE_IN, BARE_OUT, seconds);
    snprintf(command, sizeof command, "rm -rf %s", path);
    return system(command) != 0;
}
