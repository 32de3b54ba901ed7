/* broker_others.c - nats-server, mosquitto and redis-server from Debian, and clients of their protocols. */
#define _GNU_SOURCE /* memmem */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "brokers.h"

static uint8_t payload[BROKER_PAYLOAD];

static pid_t spawn(char *const *words)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || !freopen("/dev/null", "w", stdout) ||
        !freopen("/dev/null", "w", stderr))
        _exit(1);
    execvp(words[0], words);
    _exit(127);
}

static const uint8_t *find(const buf_t *buf, const char *text)
{
    return memmem(buf_at(buf), buf_left(buf), text, strlen(text));
}

/* ---- NATS ---- */

static pid_t nats_start(const char *folder, uint16_t port)
{
    char text[8];
    (void)folder;
    snprintf(text, sizeof text, "%u", port);
    return spawn((char *const[]){(char[]){"nats-server"}, (char[]){"-a"}, (char[]){"127.0.0.1"},
                                 (char[]){"-p"}, text, NULL});
}

static void nats_hello(peer_socket_t *peer)
{
    buf_text(&peer->out, "CONNECT {\"verbose\":false}\r\n");
    if (peer->is_receiver) buf_text(&peer->out, "SUB b 1\r\n");
    buf_text(&peer->out, "PING\r\n");
}

static void nats_publish(peer_socket_t *peer, uint64_t number)
{
    (void)number;
    buf_text(&peer->out, "PUB b 500\r\n");
    buf_add(&peer->out, payload, sizeof payload);
    buf_text(&peer->out, "\r\n");
}

static uint32_t nats_input(peer_socket_t *peer)
{
    uint32_t count = 0;
    const uint8_t *end;
    while ((end = find(&peer->in, "\r\n")) != NULL) {
        const uint8_t *at = buf_at(&peer->in);
        uint32_t line     = (uint32_t)(end - at) + 2;
        if (memcmp(at, "MSG ", 4) == 0) {
            if (buf_left(&peer->in) < line + sizeof payload + 2) break;
            line += (uint32_t)sizeof payload + 2;
            count++;
        } else if (memcmp(at, "PING", 4) == 0) {
            buf_text(&peer->out, "PONG\r\n");
        } else if (memcmp(at, "PONG", 4) == 0) {
            peer->is_ready = true;
        }
        buf_take(&peer->in, line);
    }
    return count;
}

const broker_t broker_nats = {.name    = "nats-server",
                              .what    = "core, in memory",
                              .port    = 21461,
                              .start   = nats_start,
                              .hello   = nats_hello,
                              .publish = nats_publish,
                              .input   = nats_input};

/* ---- MQTT 3.1.1, QoS 1 ---- */

static pid_t mosquitto_start(const char *folder, uint16_t port)
{
    char path[256];
    snprintf(path, sizeof path, "%s/mosquitto.conf", folder);
    FILE *file = fopen(path, "w");
    if (!file) exit(1);
    fprintf(file,
            "listener %u 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\nmax_queued_messages "
            "100000\npersistence false\n",
            port);
    fclose(file);
    return spawn((char *const[]){(char[]){"mosquitto"}, (char[]){"-c"}, path, NULL});
}

static void mosquitto_hello(peer_socket_t *peer)
{
    uint8_t connect[] = {
        0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 2, 88, 0, 1, peer->is_receiver ? 'r' : 's'};
    uint8_t subscribe[] = {0x82, 6, 0, 1, 0, 1, 'b', 1};
    buf_add(&peer->out, connect, sizeof connect);
    if (peer->is_receiver) buf_add(&peer->out, subscribe, sizeof subscribe);
}

static void mosquitto_publish(peer_socket_t *peer, uint64_t number)
{
    uint16_t id    = (uint16_t)(number % 65535 + 1);
    uint32_t len   = 3 + 2 + BROKER_PAYLOAD;
    uint8_t head[] = {0x32, (uint8_t)(len % 128 | 128), (uint8_t)(len / 128), 0, 1,
                      'b',  (uint8_t)(id >> 8),         (uint8_t)id};
    buf_add(&peer->out, head, sizeof head);
    buf_add(&peer->out, payload, sizeof payload);
}

static uint32_t mosquitto_input(peer_socket_t *peer)
{
    uint32_t count = 0;
    while (buf_left(&peer->in) >= 2) {
        const uint8_t *at = buf_at(&peer->in);
        uint32_t len = 0, head = 1, shift = 0;
        do {
            if (head >= buf_left(&peer->in)) return count;
            len |= (uint32_t)(at[head] & 127) << shift;
            shift += 7;
        } while (at[head++] & 128);
        if (buf_left(&peer->in) < head + len) break;
        uint8_t kind = at[0] >> 4;
        if (kind == (peer->is_receiver ? 9 : 2)) peer->is_ready = true;
        if (kind == 3) {
            const uint8_t *id = at + head + 2 + 1;
            uint8_t ack[]     = {0x40, 2, id[0], id[1]};
            buf_add(&peer->out, ack, sizeof ack);
            count++;
        }
        buf_take(&peer->in, head + len);
    }
    return count;
}

const broker_t broker_mosquitto = {.name    = "mosquitto",
                                   .what    = "QoS 1, in memory",
                                   .port    = 21462,
                                   .start   = mosquitto_start,
                                   .hello   = mosquitto_hello,
                                   .publish = mosquitto_publish,
                                   .input   = mosquitto_input};

/* ---- Redis ---- */

static pid_t redis_start(const char *folder, uint16_t port, const char *append)
{
    char text[8], path[256], is_append[4];
    snprintf(text, sizeof text, "%u", port);
    snprintf(path, sizeof path, "%s", folder);
    snprintf(is_append, sizeof is_append, "%s", append);
    return spawn((char *const[]){(char[]){"redis-server"}, (char[]){"--bind"}, (char[]){"127.0.0.1"},
                                 (char[]){"--port"}, text, (char[]){"--dir"}, path, (char[]){"--save"},
                                 (char[]){""}, (char[]){"--appendonly"}, is_append, (char[]){"--appendfsync"},
                                 (char[]){"always"}, NULL});
}

static pid_t redis_memory_start(const char *folder, uint16_t port) { return redis_start(folder, port, "no"); }
static pid_t redis_durable_start(const char *folder, uint16_t port)
{
    return redis_start(folder, port, "yes");
}

static const char pop[] =
    "*7\r\n$6\r\nBLMPOP\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\nq\r\n$5\r\nRIGHT\r\n$5\r\nCOUNT\r\n$3\r\n256\r\n";

static void redis_hello(peer_socket_t *peer) { buf_text(&peer->out, "PING\r\n"); }

static void redis_publish(peer_socket_t *peer, uint64_t number)
{
    (void)number;
    buf_text(&peer->out, "*3\r\n$5\r\nLPUSH\r\n$1\r\nq\r\n$500\r\n");
    buf_add(&peer->out, payload, sizeof payload);
    buf_text(&peer->out, "\r\n");
}

/* "*2", the list's name, "*N", N elements: all there, or nothing is taken. */
static uint32_t redis_popped(peer_socket_t *peer)
{
    static const char head[] = "*2\r\n$1\r\nq\r\n*";
    char text[32]            = "";
    const uint8_t *at        = buf_at(&peer->in);
    uint32_t left            = buf_left(&peer->in), count;
    if (left < sizeof head + 4) return 0;
    memcpy(text, at + sizeof head - 1, 8);
    text[8]           = 0;
    count             = (uint32_t)strtoul(text, NULL, 10);
    const char *after = strstr(text, "\r\n");
    if (!after) return 0;
    uint32_t len =
        (uint32_t)(sizeof head - 1 + (size_t)(after - text) + 2) + count * (6 + BROKER_PAYLOAD + 2);
    if (left < len) return 0;
    buf_take(&peer->in, len);
    buf_text(&peer->out, pop);
    return count;
}

static uint32_t redis_input(peer_socket_t *peer)
{
    uint32_t count = 0, more;
    const uint8_t *end;
    if (!peer->is_ready && (end = find(&peer->in, "+PONG\r\n")) != NULL) {
        peer->is_ready = true;
        buf_take(&peer->in, (uint32_t)(end - buf_at(&peer->in)) + 7);
        if (peer->is_receiver) buf_text(&peer->out, pop);
    }
    if (peer->is_receiver) {
        while ((more = redis_popped(peer)) > 0)
            count += more;
        return count;
    }
    while ((end = find(&peer->in, "\r\n")) != NULL)
        buf_take(&peer->in, (uint32_t)(end - buf_at(&peer->in)) + 2);
    return 0;
}

const broker_t broker_redis_memory  = {.name    = "redis-server",
                                       .what    = "list, in memory",
                                       .port    = 21463,
                                       .start   = redis_memory_start,
                                       .hello   = redis_hello,
                                       .publish = redis_publish,
                                       .input   = redis_input};
const broker_t broker_redis_durable = {.name    = "redis-server",
                                       .what    = "list, fsync always",
                                       .port    = 21464,
                                       .start   = redis_durable_start,
                                       .hello   = redis_hello,
                                       .publish = redis_publish,
                                       .input   = redis_input};
