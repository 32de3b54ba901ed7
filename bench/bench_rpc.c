/* bench_rpc.c - a node over its RPC: round trips, reads a second, and signed transfers from a client to a
 * block.
 *
 *     bench_rpc NODE [TRANSFERS [PORT]]      path of trellis-node; 20000 and 41599 by default
 *
 * Starts NODE --dev --tmp --sealing instant on PORT and stops it.  `trip` is one call after the other,
 * `reads` 64 calls under way, `transfers` is from the first author_submitExtrinsic until the last one is in a
 * block, 256 under way; `verify` checks the same signatures in this process alone, as the figure to hold it
 * against.  The client and the node share the machine. */
#include "crypto.h"
#include "hex.h"
#include "io.h"
#include "keyring.h"
#include "log.h"
#include "runtime_types.h"
#include "runtime_version.h"
#include "web.h"

#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum {
    EXTRINSIC_CAP   = 256,
    SENDERS         = 6,
    TRIPS           = 5000,
    READS           = 50000,
    READS_UNDER_WAY = 64,
    SENT_UNDER_WAY  = 256
};

typedef struct {
    uint8_t bytes[EXTRINSIC_CAP], payload[EXTRINSIC_CAP];
    uint32_t len, payload_len;
    signature_t signature;
} transfer_t;

typedef struct {
    io_t *io;
    web_session_t *session;
    pid_t node;
    bool is_open, is_closed, is_done;
    json_t *answer;               /* of ask */
    uint32_t sent, heard, wanted; /* of a run */
    const char *message;          /* each one of a run of reads */
    const transfer_t *transfers;  /* or each one of these */
    keypair_t senders[SENDERS];
    hash_t genesis;
} bench_t;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(bench_t *b, const char *what)
{
    fprintf(stderr, "bench_rpc: %s\n", what);
    if (b->node > 0) kill(b->node, SIGTERM);
    exit(1);
}

/* ---- talking ---- */

static void send_next(bench_t *b)
{
    if (!b->transfers) {
        (void)web_send(b->session, bytes_text(b->message), true);
    } else {
        const transfer_t *t = &b->transfers[b->sent];
        char hex[2 * EXTRINSIC_CAP + 1], text[2 * EXTRINSIC_CAP + 128];
        hex_encode(hex, (bytes_t){t->bytes, t->len});
        snprintf(text, sizeof text,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"author_submitExtrinsic\",\"params\":[\"0x%s\"]}",
                 hex);
        (void)web_send(b->session, bytes_text(text), true);
    }
    b->sent++;
}

static void on_open(void *self, web_session_t *session)
{
    bench_t *b = self;
    b->session = session;
    b->is_open = true;
}

static void on_message(void *self, web_session_t *session, bytes_t message, bool is_text)
{
    bench_t *b = self;
    (void)session, (void)is_text;
    if (b->wanted == 0) {
        json_decref(b->answer);
        b->answer  = json_loadb((const char *)message.data, message.len, 0, NULL);
        b->is_done = true;
        return;
    }
    if (message.len > 40 && memcmp(message.data + 17, "error", 5) == 0) {
        fprintf(stderr, "%.*s\n", (int)message.len, (const char *)message.data);
        fail(b, "the node refused");
    }
    b->is_done = ++b->heard == b->wanted;
    if (b->sent < b->wanted) send_next(b);
}

static void on_close(void *self, web_session_t *session, int status, const char *reason)
{
    (void)session, (void)status, (void)reason;
    ((bench_t *)self)->is_closed = true;
}

static json_t *ask(bench_t *b, const char *message)
{
    b->is_done = false;
    b->wanted  = 0;
    (void)web_send(b->session, bytes_text(message), true);
    if (!io_wait(b->io, &b->is_done, 30000)) fail(b, "the node does not answer");
    return json_object_get(b->answer, "result");
}

/* run sends `count` messages with so many under way, and gives the seconds until the last answer. */
static double run(bench_t *b, uint32_t count, uint32_t under_way)
{
    double start = now_s();
    b->sent = b->heard = 0;
    b->wanted          = count;
    b->is_done         = false;
    while (b->sent < count && b->sent < under_way)
        send_next(b);
    if (!io_wait(b->io, &b->is_done, 600000)) fail(b, "the node does not answer");
    return now_s() - start;
}

/* ---- transfers ---- */

static void sign_transfer(bench_t *b, uint32_t index, transfer_t *t)
{
    const keypair_t *from = &b->senders[index % SENDERS], *to = &b->senders[(index + 1) % SENDERS];
    uint8_t call[64], extra[16], inner[EXTRINSIC_CAP];
    scale_writer_t c = scale_writer(call, sizeof call), e = scale_writer(extra, sizeof extra);
    balances_transfer_keep_alive_args_t args = {.dest = {.kind = SUPPORT_MULTI_ADDRESS_ID}, .value = 1000};
    args.dest.id                             = to->account;
    balances_transfer_keep_alive_call_encode(&c, &args);
    scale_put_u8(&e, 0);
    scale_put_compact(&e, index / SENDERS);
    scale_put_compact(&e, 0);
    scale_writer_t p = scale_writer(t->payload, sizeof t->payload);
    scale_put_raw(&p, call, c.len);
    scale_put_raw(&p, extra, e.len);
    scale_put_u32(&p, RUNTIME_SPEC_VERSION);
    scale_put_u32(&p, RUNTIME_TRANSACTION_VERSION);
    scale_put_hash(&p, &b->genesis);
    scale_put_hash(&p, &b->genesis);
    t->payload_len = p.len;
    key_sign(from, scale_written(&p), &t->signature);
    scale_writer_t w = scale_writer(inner, sizeof inner);
    scale_put_u8(&w, 0x84);
    scale_put_u8(&w, 0);
    scale_put_account_id(&w, &from->account);
    scale_put_u8(&w, KEY_SR25519);
    scale_put_raw(&w, t->signature.b, 64);
    scale_put_raw(&w, extra, e.len);
    scale_put_raw(&w, call, c.len);
    scale_writer_t out = scale_writer(t->bytes, sizeof t->bytes);
    scale_put_bytes(&out, scale_written(&w));
    t->len = out.len;
}

static double verify_all(bench_t *b, const transfer_t *transfers, uint32_t count)
{
    double start = now_s();
    for (uint32_t i = 0; i < count; i++)
        if (!crypto_verify(&transfers[i].signature, &b->senders[i % SENDERS].account,
                           (bytes_t){transfers[i].payload, transfers[i].payload_len}))
            fail(b, "a signature of ours is wrong");
    return now_s() - start;
}

static void await_empty_pool(bench_t *b)
{
    for (;;)
        if (json_array_size(ask(
                b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"author_pendingExtrinsics\",\"params\":[]}")) ==
            0)
            return;
}

static void bench_transfers(bench_t *b, uint32_t count)
{
    transfer_t *transfers = calloc(count, sizeof *transfers);
    if (!transfers) fail(b, "no memory");
    for (uint32_t i = 0; i < count; i++)
        sign_transfer(b, i, &transfers[i]);
    double verified = verify_all(b, transfers, count < 5000 ? count : 5000);
    b->transfers    = transfers;
    double start    = now_s();
    run(b, count, SENT_UNDER_WAY);
    await_empty_pool(b);
    double spent = now_s() - start;
    json_t *best = ask(b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"chain_getHeader\",\"params\":[]}");
    printf("verify     %8.0f a second\n", (count < 5000 ? count : 5000) / verified);
    printf("transfers  %8.0f a second, in blocks up to %s\n", count / spent,
           json_string_value(json_object_get(best, "number")));
    free(transfers);
}

/* ---- the node ---- */

static void start_node(bench_t *b, const char *path, uint16_t port)
{
    char port_text[8], *const argv[] = {strdup(path), "--dev",      "--tmp",   "--sealing",
                                        "instant",    "--rpc-port", port_text, "--no-prometheus",
                                        "--log",      "error",      NULL};
    extern char **environ;
    snprintf(port_text, sizeof port_text, "%u", port);
    if (posix_spawn(&b->node, path, NULL, NULL, argv, environ) != 0) fail(b, "the node does not start");
    free(argv[0]);
}

static void connect_to(bench_t *b, uint16_t port)
{
    char url[64];
    web_client_handler_t handler = {
        .self = b, .on_open = on_open, .on_message = on_message, .on_close = on_close};
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/", port);
    for (int i = 0; i < 100 && !b->is_open; i++) {
        b->is_closed = false;
        web_connect(b->io, url, NULL, 0, &handler);
        while (!b->is_open && !b->is_closed)
            io_step(b->io, 100);
        (void)io_wait(b->io, &b->is_open, 50);
    }
    if (!b->is_open) fail(b, "the node does not come up");
}

int main(int argc, char **argv)
{
    static const char *const names[SENDERS] = {"//Alice", "//Bob", "//Charlie",
                                               "//Dave",  "//Eve", "//Ferdie"};
    static bench_t b;
    uint32_t count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 20000;
    uint16_t port  = argc > 3 ? (uint16_t)strtoul(argv[3], NULL, 10) : 41599;
    if (argc < 2 || !crypto_init() || !log_filter("error")) {
        fprintf(stderr, "bench_rpc NODE [TRANSFERS [PORT]]\n");
        return 2;
    }
    for (int i = 0; i < SENDERS; i++)
        if (key_from_suri(names[i], KEY_SR25519, &b.senders[i]) != KEY_OK) return 1;
    b.io = io_new();
    start_node(&b, argv[1], port);
    connect_to(&b, port);
    const char *genesis = json_string_value(
        ask(&b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"chain_getBlockHash\",\"params\":[0]}"));
    if (!genesis || !hex_decode_exact(bytes_text(genesis), b.genesis.b, 32)) fail(&b, "no genesis");
    b.message = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system_health\",\"params\":[]}";
    printf("trip       %8.1f us\n", run(&b, TRIPS, 1) / TRIPS * 1e6);
    b.message = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"state_getStorage\",\"params\":"
                "[\"0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb\"]}";
    printf("reads      %8.0f a second\n", READS / run(&b, READS, READS_UNDER_WAY));
    bench_transfers(&b, count);
    json_decref(b.answer);
    web_session_free(b.session);
    io_free(b.io);
    kill(b.node, SIGTERM);
    return waitpid(b.node, NULL, 0) == b.node ? 0 : 1;
}
