/* broker_relay.c - rmb-relay's parts in a process of their own, with a table for a chain, and raw clients.
 *
 * nng over TCP is spoken by hand: a handshake of 8 bytes, then each message with its length and a hop count.
 */
#define _GNU_SOURCE /* memmem */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "brokers.h"
#include "bus_frame.h"
#include "edge.h"
#include "envelope.h"
#include "log.h"
#include "relay_io.h"
#include "relay_link.h"
#include "token.h"

#define TWINS         3
#define WIRES         1024
#define WEB_ABOVE     10   /* the WebSocket port is so much above nng's */
#define OFFLINE_COUNT 5000 /* messages of one session that never comes */

static keypair_t keys[TWINS];
static rmb_twin_t records[TWINS];
static struct {
    uint8_t *data;
    uint32_t len;
} wires[TWINS][TWINS][WIRES];

/* ---- the relay's process ---- */

typedef struct {
    const char *domain, *store, *other, *other_url, *link_listen, *link_url, *cert, *key;
    uint16_t port;
} setup_t;

static void run_relay(const setup_t *setup)
{
    const char *const domains[] = {setup->domain};
    relay_config_t config       = {.domains = domains, .domain_count = 1};
    static relay_at_t at;
    twin_table_t table = {records, TWINS};
    char url[64], text[256];
    const char *error        = "";
    io_t *io                 = io_new();
    twin_source_t source     = twin_table_source(&table);
    twin_cache_t *twins      = twin_cache_new(&source, 16);
    relay_store_disk_t *disk = relay_store_disk_new(io, setup->store, &error);
    if (!disk) _exit(1);
    relay_store_t store = relay_store_disk_ops(disk);
    snprintf(text, sizeof text, "%s=%s", setup->other ? setup->other : "x",
             setup->other_url ? setup->other_url : "http://127.0.0.1:1");
    if (!relay_at_add(&at, text)) _exit(1);
    federation_io_t *federation = federation_io_new(io, &at, setup->cert, 3600);
    relay_t *relay              = relay_io_core(relay_io_new(io, &config, &store, twins, federation));
    relay_link_config_t link    = {.io = io, .own_domains = setup->domain};
    if (setup->link_listen && !relay_link_listen(&link, setup->link_listen, relay, &error)) _exit(1);
    if (setup->link_url &&
        !relay_link_dial(&link, setup->other, setup->link_url, federation_io_core(federation)))
        _exit(1);
    edge_config_t edge = {.io = io, .relay = relay, .twins = twins, .sessions_max = 20000};
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", setup->port);
    if (!edge_bus_new(&edge, url, &error)) _exit(1);
    edge.tls_cert = setup->cert;
    edge.tls_key  = setup->key;
    if (!edge_web_new(&edge, "127.0.0.1", (uint16_t)(setup->port + WEB_ABOVE), &error)) _exit(1);
    io_run(io);
}

static pid_t run_beside(const setup_t *setup)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) _exit(1);
    log_level(LOG_LEVEL_ERROR);
    run_relay(setup);
    _exit(0);
}

static const char *path_in(const char *folder, const char *name)
{
    static char paths[8][256];
    static uint32_t turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

pid_t relay_start(const char *folder, uint16_t port)
{
    char name[16];
    snprintf(name, sizeof name, "relay%u", port);
    return run_beside(&(setup_t){.domain = "here", .store = path_in(folder, name), .port = port});
}

static void make_certificate(const char *folder)
{
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
             "-subj /CN=x "
             "-addext subjectAltName=IP:127.0.0.1 -keyout relay.key -out relay.pem >log 2>&1",
             folder);
    if (system(command) != 0) exit(1);
}

void relay_pair_start(const char *folder, uint16_t port, relay_pair_t by, pid_t pids[2])
{
    char urls[2][64], links[2][300], names[2][16];
    bool is_linked = by == PAIR_LINK, is_secure = by == PAIR_HTTPS;
    if (is_secure) make_certificate(folder);
    const char *const domains[2] = {"here", "far"};
    for (uint16_t i = 0; i < 2; i++) {
        snprintf(urls[i], sizeof urls[i], "http%s://127.0.0.1:%u", is_secure ? "s" : "",
                 port + i + WEB_ABOVE);
        snprintf(links[i], sizeof links[i], "ipc://%s/link%u", folder, port + i);
        snprintf(names[i], sizeof names[i], "relay%u", port + i);
    }
    for (uint16_t i = 0; i < 2; i++)
        pids[i] = run_beside(&(setup_t){.domain      = domains[i],
                                        .store       = path_in(folder, names[i]),
                                        .port        = (uint16_t)(port + i),
                                        .other       = domains[1 - i],
                                        .other_url   = urls[1 - i],
                                        .link_listen = is_linked ? links[i] : NULL,
                                        .link_url    = is_linked ? links[1 - i] : NULL,
                                        .cert        = is_secure ? path_in(folder, "relay.pem") : NULL,
                                        .key         = is_secure ? path_in(folder, "relay.key") : NULL});
}

/* ---- envelopes, signed before anything is measured ---- */

static void wire_make(uint32_t from, uint32_t to, uint32_t i)
{
    static uint8_t payload[BROKER_PAYLOAD];
    uint8_t signature[ENVELOPE_SIGNATURE_LEN];
    char uid[37], connection[16];
    bool is_offline = from == to;
    snprintf(uid, sizeof uid, "%08x-0000-4000-8000-%08x%04x", i, from, to);
    snprintf(connection, sizeof connection, "off%u", i);
    envelope_t e = {
        .uid             = uid,
        .timestamp_s     = (uint64_t)time(NULL),
        .expiration_s    = 1800,
        .has_source      = true,
        .has_destination = true,
        .source          = {from + 1,                NULL                          },
        .destination     = {is_offline ? 2 : to + 1, is_offline ? connection : NULL},
        .kind            = ENVELOPE_REQUEST,
        .command         = "bench",
        .schema          = "application/json",
        .payload_kind    = PAYLOAD_PLAIN
    };
    e.payload = (bytes_t){payload, 300};
    if (!envelope_sign(&e, &keys[from], signature)) exit(1);
    e.payload.len += BROKER_PAYLOAD - envelope_encoded_len(&e);
    if (!envelope_sign(&e, &keys[from], signature)) exit(1);
    wires[from][to][i].len  = envelope_encoded_len(&e);
    wires[from][to][i].data = malloc(wires[from][to][i].len);
    envelope_encode(&e, wires[from][to][i].data);
}

void relay_prepare(void)
{
    static const char *const domains[TWINS] = {"here", "here", "far"};
    for (uint32_t i = 0; i < TWINS; i++) {
        if (key_from_seed((uint8_t[32]){(uint8_t)(i + 1)}, KEY_ED25519, &keys[i]) != KEY_OK) exit(1);
        records[i] = (rmb_twin_t){.id = i + 1, .account = keys[i].account};
        snprintf(records[i].relay, sizeof records[i].relay, "%s", domains[i]);
    }
    for (uint32_t i = 0; i < WIRES; i++) {
        wire_make(0, 1, i);
        wire_make(1, 0, i);
        wire_make(0, 2, i);
        wire_make(2, 0, i);
        wire_make(0, 0, i); /* to sessions that never come */
    }
}

/* ---- clients ---- */

static uint32_t token_of(const peer_socket_t *peer, char *token)
{
    char connection[16];
    uint32_t twin = peer->is_receiver ? peer->number == 2 ? 2 : 1 : 0;
    snprintf(connection, sizeof connection, "c%u", peer->number);
    return token_write(&keys[twin], twin + 1, peer->number > 2 ? connection : NULL, (uint64_t)time(NULL), 300,
                       token);
}

static void nng_send(peer_socket_t *peer, const uint8_t *data, uint32_t len)
{
    uint8_t head[12] = {0,
                        0,
                        0,
                        0,
                        (uint8_t)((len + 4) >> 24),
                        (uint8_t)((len + 4) >> 16),
                        (uint8_t)((len + 4) >> 8),
                        (uint8_t)(len + 4),
                        0,
                        0,
                        0,
                        1};
    buf_add(&peer->out, head, sizeof head);
    buf_add(&peer->out, data, len);
}

static void nng_hello(peer_socket_t *peer)
{
    static const uint8_t handshake[8] = {0, 'S', 'P', 0, 0, 0x11, 0, 0};
    char token[TOKEN_MAX + 1];
    buf_add(&peer->out, handshake, sizeof handshake);
    uint32_t len = token_of(peer, token);
    nng_send(peer, (const uint8_t *)token, len);
}

static void nng_publish(peer_socket_t *peer, uint64_t number)
{
    nng_send(peer, wires[0][1][number % WIRES].data, wires[0][1][number % WIRES].len);
}

static void offline_publish(peer_socket_t *peer, uint64_t number)
{
    uint64_t i = number / OFFLINE_COUNT % WIRES; /* the connection's name is in the wire */
    nng_send(peer, wires[0][0][i].data, wires[0][0][i].len);
}

void relay_request(peer_socket_t *peer, uint32_t from, uint32_t to, uint64_t number)
{
    nng_send(peer, wires[from][to][number % WIRES].data, wires[from][to][number % WIRES].len);
}

static uint32_t message_input(peer_socket_t *peer, bytes_t message,
                              void (*each)(void *, const uint8_t *, uint32_t), void *context)
{
    static bus_writer_t acks;
    bus_reader_t reader = bus_read(message);
    bus_item_t item;
    uint32_t came = 0, acked = 0;
    if (message.len == 1 && message.data[0] == BUS_WELCOME) {
        peer->is_ready = true;
        return 0;
    }
    bus_writer_reset(&acks);
    bus_write_acks(&acks);
    while (bus_next(&reader, &item)) {
        char uid[64] = "";
        if (item.kind == BUS_ACK) acked++;
        if (item.kind == BUS_REFUSED) {
            fprintf(stderr, "refused: %.*s\n", (int)item.bytes.len, (const char *)item.bytes.data);
            exit(1);
        }
        if (item.kind != BUS_ENVELOPE) continue;
        memcpy(uid, item.bytes.data + 2, item.bytes.data[1] < 60 ? item.bytes.data[1] : 60);
        bus_write_ack(&acks, BUS_STORED, uid);
        came++;
        if (each) each(context, item.bytes.data, item.bytes.len);
    }
    if (message.len) nng_send(peer, acks.data, acks.len);
    return peer->is_receiver || each ? came : acked;
}

uint32_t relay_input_each(peer_socket_t *peer, void (*each)(void *context, const uint8_t *wire, uint32_t len),
                          void *context)
{
    uint32_t count = 0;
    if (peer->in.at == 0 && buf_left(&peer->in) >= 8 && memcmp(buf_at(&peer->in), "\0SP", 4) == 0)
        buf_take(&peer->in, 8);
    while (buf_left(&peer->in) >= 12) {
        const uint8_t *at = buf_at(&peer->in);
        uint32_t len      = (uint32_t)at[4] << 24 | (uint32_t)at[5] << 16 | (uint32_t)at[6] << 8 | at[7];
        if (buf_left(&peer->in) < 8 + len) break;
        count += message_input(peer, (bytes_t){at + 12, len - 4}, each, context);
        buf_take(&peer->in, 8 + len);
    }
    return count;
}

static uint32_t nng_input(peer_socket_t *peer) { return relay_input_each(peer, NULL, NULL); }

/* The receiver's messages are counted where they arrive, and the sender's acknowledgements are read and
 * dropped. */
static uint32_t nng_input_arrived(peer_socket_t *peer)
{
    uint32_t count = nng_input(peer);
    return peer->is_receiver ? count : 0;
}

static uint32_t nng_input_acked(peer_socket_t *peer)
{
    uint32_t count = nng_input(peer);
    return peer->is_receiver ? 0 : count;
}

/* ---- WebSocket ---- */

static void web_hello(peer_socket_t *peer)
{
    char token[TOKEN_MAX + 1];
    (void)token_of(peer, token);
    buf_text(&peer->out, "GET /?");
    buf_text(&peer->out, token);
    buf_text(&peer->out, " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
}

static void web_publish(peer_socket_t *peer, uint64_t number)
{
    uint32_t len   = wires[0][1][number % WIRES].len;
    uint8_t head[] = {0x82, 0x80 | 126, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, 0}; /* a mask of zeros */
    buf_add(&peer->out, head, sizeof head);
    buf_add(&peer->out, wires[0][1][number % WIRES].data, len);
}

static uint32_t web_input(peer_socket_t *peer)
{
    uint32_t count = 0;
    if (!peer->is_ready) {
        const uint8_t *end = memmem(buf_at(&peer->in), buf_left(&peer->in), "\r\n\r\n", 4);
        if (!end) return 0;
        if (memcmp(buf_at(&peer->in), "HTTP/1.1 101", 12) != 0) exit(1);
        buf_take(&peer->in, (uint32_t)(end - buf_at(&peer->in)) + 4);
        peer->is_ready = true;
    }
    while (buf_left(&peer->in) >= 2) {
        const uint8_t *at = buf_at(&peer->in);
        uint32_t len = at[1] & 127u, head = 2;
        if (len == 126) head = 4;
        if (buf_left(&peer->in) < head) break;
        if (len == 126) len = (uint32_t)at[2] << 8 | at[3];
        if (buf_left(&peer->in) < head + len) break;
        count += at[0] == 0x82;
        if (at[0] == 0x89) { /* a ping; the mask is of zeros */
            const uint8_t pong[] = {0x8a, (uint8_t)(0x80 | len), 0, 0, 0, 0};
            buf_add(&peer->out, pong, sizeof pong);
            buf_add(&peer->out, at + head, len);
        }
        buf_take(&peer->in, head + len);
    }
    return peer->is_receiver ? count : 0;
}

static pid_t web_relay_start(const char *folder, uint16_t port)
{
    return relay_start(folder, (uint16_t)(port - WEB_ABOVE));
}

const broker_t broker_relay_nng     = {.name    = "rmb-relay",
                                       .what    = "nng, arrived",
                                       .port    = 21450,
                                       .start   = relay_start,
                                       .hello   = nng_hello,
                                       .publish = nng_publish,
                                       .input   = nng_input_arrived};
const broker_t broker_relay_web     = {.name    = "rmb-relay",
                                       .what    = "WebSocket, arrived",
                                       .port    = 21466,
                                       .start   = web_relay_start,
                                       .hello   = web_hello,
                                       .publish = web_publish,
                                       .input   = web_input};
const broker_t broker_relay_offline = {.name            = "rmb-relay",
                                       .what            = "nng, on disk (fsync)",
                                       .port            = 21452,
                                       .start           = relay_start,
                                       .hello           = nng_hello,
                                       .publish         = offline_publish,
                                       .input           = nng_input_acked,
                                       .has_no_receiver = true};
const broker_t broker_relay_acked   = {.name    = "rmb-relay",
                                       .what    = "nng, acknowledged",
                                       .port    = 21453,
                                       .start   = relay_start,
                                       .hello   = nng_hello,
                                       .publish = nng_publish,
                                       .input   = nng_input_acked};
