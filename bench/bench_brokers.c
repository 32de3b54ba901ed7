/* bench_brokers.c - rmb-relay beside nats-server, mosquitto and redis-server, in one run.
 *
 *     bench_brokers [SECONDS [PARTS]]    parts: rates, trips, sessions
 *
 * Needs nats-server, mosquitto and redis-server (apt-get install).
 *
 * One sender, one receiver, messages of 500 bytes, W on their way; then requests and replies through one
 * relay and through two, sessions that do nothing, and a queue that is fetched.  Ports 21450 to 21499. */
#define _GNU_SOURCE /* ppoll */
#include "brokers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto.h"

#define SAMPLES_MAX (1u << 21)
#define WINDOW_MAX  4096
#define IDLE_COUNT  10000
#define QUEUE_COUNT 10000

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- buffers and sockets ---- */

void buf_add(buf_t *buf, const void *data, uint32_t len)
{
    if (buf->len + len > buf->cap) {
        buf->cap  = (buf->len + len) * 2 + 65536;
        buf->data = realloc(buf->data, buf->cap);
        if (!buf->data) exit(1);
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}
void buf_text(buf_t *buf, const char *text) { buf_add(buf, text, (uint32_t)strlen(text)); }
uint32_t buf_left(const buf_t *buf) { return buf->len - buf->at; }
const uint8_t *buf_at(const buf_t *buf) { return buf->data + buf->at; }
void buf_take(buf_t *buf, uint32_t len)
{
    buf->at += len;
    if (buf->at == buf->len) buf->at = buf->len = 0;
    if (buf->at < 1u << 20) return;
    memmove(buf->data, buf->data + buf->at, buf->len - buf->at);
    buf->len -= buf->at;
    buf->at = 0;
}

static void flush(peer_socket_t *peer)
{
    while (buf_left(&peer->out) > 0) {
        ssize_t sent = send(peer->fd, buf_at(&peer->out), buf_left(&peer->out), MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (sent <= 0) exit(1);
        buf_take(&peer->out, (uint32_t)sent);
    }
}

static bool fill(peer_socket_t *peer)
{
    static uint8_t room[1 << 18];
    ssize_t got = recv(peer->fd, room, sizeof room, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        fprintf(stderr, "a connection was lost: %s\n", got < 0 ? strerror(errno) : "closed");
        exit(1);
    }
    if (got > 0) buf_add(&peer->in, room, (uint32_t)got);
    return got > 0;
}

static peer_socket_t dial(uint16_t port, bool is_receiver, uint32_t number)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    peer_socket_t peer = {.is_receiver = is_receiver, .number = number};
    int one            = 1;
    for (int i = 0; i < 200; i++) {
        peer.fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(peer.fd, (struct sockaddr *)&to, sizeof to) == 0) break;
        close(peer.fd);
        peer.fd = -1;
        usleep(50000);
    }
    if (peer.fd < 0) {
        fprintf(stderr, "nobody listens on port %u: is the server installed?\n", port);
        exit(1);
    }
    setsockopt(peer.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(peer.fd, F_SETFL, O_NONBLOCK);
    return peer;
}

static void hang_up(peer_socket_t *peer)
{
    close(peer->fd);
    free(peer->in.data);
    free(peer->out.data);
}

static void wait_for(peer_socket_t *const *peers, uint32_t count, uint64_t timeout_us)
{
    struct timespec most = {(time_t)(timeout_us / 1000000), (long)(timeout_us % 1000000) * 1000};
    struct pollfd fds[4];
    for (uint32_t i = 0; i < count; i++) {
        flush(peers[i]);
        fds[i] = (struct pollfd){peers[i]->fd, (short)(POLLIN | (buf_left(&peers[i]->out) ? POLLOUT : 0)), 0};
    }
    if (ppoll(fds, count, &most, NULL) <= 0) return;
    for (uint32_t i = 0; i < count; i++)
        if (fds[i].revents & POLLIN) (void)fill(peers[i]);
}

static void make_ready(const broker_t *broker, peer_socket_t *peer)
{
    broker->hello(peer);
    while (!peer->is_ready) {
        wait_for(&peer, 1, 1000000);
        (void)broker->input(peer);
    }
}

/* ---- processes ---- */

static uint64_t cpu_us(pid_t pid)
{
    char path[64], line[1024];
    unsigned long long user, system_time;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file      = fopen(path, "r");
    const char *end = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (file) fclose(file);
    if (!end ||
        sscanf(end, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system_time) != 2)
        return 0;
    return (user + system_time) * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

static uint64_t resident_kib(pid_t pid)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %llu", &kib) == 1) break;
    if (file) fclose(file);
    return kib;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* ---- samples ---- */

static uint32_t *samples, sample_count;
static void sample(uint64_t from_ns)
{
    if (sample_count < SAMPLES_MAX) samples[sample_count++] = (uint32_t)((now_ns() - from_ns) / 1000);
}
static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}
static uint32_t sample_at(uint32_t percent)
{
    return sample_count ? samples[(uint64_t)sample_count * percent / 100] : 0;
}
static void samples_sort(void) { qsort(samples, sample_count, sizeof *samples, by_size); }

/* ---- throughput ---- */

static void measure(const broker_t *broker, pid_t pid, peer_socket_t *sender, peer_socket_t *receiver,
                    uint32_t window, double seconds)
{
    static uint64_t sent, taken, sent_ns[WINDOW_MAX];
    peer_socket_t *peers[2] = {sender, receiver};
    uint32_t count          = receiver ? 2 : 1;
    uint64_t first = taken = sent = 0, cpu = cpu_us(pid), start = now_ns(),
             stop = start + (uint64_t)(seconds * 1e9);
    sample_count  = 0;
    while (now_ns() < stop || taken < sent) {
        while (now_ns() < stop && sent - taken < window) {
            sent_ns[sent % WINDOW_MAX] = now_ns();
            broker->publish(sender, sent++);
        }
        wait_for(peers, count, 100000);
        uint32_t more = broker->input(sender) + (receiver ? broker->input(receiver) : 0);
        while (more-- > 0)
            sample(sent_ns[taken++ % WINDOW_MAX]);
        if (now_ns() > stop + 3000000000u) break;
    }
    uint64_t done = taken - first, spent = cpu_us(pid) - cpu;
    double took = (double)(now_ns() - start) / 1e9;
    samples_sort();
    printf("%-13s %-20s %6u %10.0f %8u %8u %10.1f\n", broker->name, broker->what, window, (double)done / took,
           sample_at(50), sample_at(99), done ? (double)spent / (double)done : 0);
    fflush(stdout);
}

static void throughput(const broker_t *broker, const char *folder, double seconds)
{
    static const uint32_t windows[] = {1, 16, 256};
    pid_t pid                       = broker->start(folder, broker->port);
    peer_socket_t sender = dial(broker->port, false, 0), receiver = {0};
    if (!broker->has_no_receiver) {
        receiver = dial(broker->port, true, 1);
        make_ready(broker, &receiver);
    }
    make_ready(broker, &sender);
    for (uint32_t i = 0; i < 3; i++)
        measure(broker, pid, &sender, broker->has_no_receiver ? NULL : &receiver, windows[i], seconds);
    hang_up(&sender);
    if (!broker->has_no_receiver) hang_up(&receiver);
    end(pid);
}

/* ---- requests and replies ---- */

static struct {
    uint32_t twin; /* who answers, less one */
    peer_socket_t asker, answerer;
    uint64_t asked, answered, sent_ns[WINDOW_MAX];
} ask;

static void on_request(void *context, const uint8_t *wire, uint32_t len)
{
    (void)wire;
    (void)len;
    relay_request(&ask.answerer, ask.twin, 0, (*(uint64_t *)context)++);
}
static void on_reply(void *context, const uint8_t *wire, uint32_t len)
{
    (void)context;
    (void)wire;
    (void)len;
    sample(ask.sent_ns[ask.answered++ % WINDOW_MAX]);
}

/* rate 0: as fast as a window of 64 goes; returns the rate. */
static double ask_for(double seconds, double rate)
{
    static uint64_t replies;
    peer_socket_t *peers[2] = {&ask.asker, &ask.answerer};
    uint64_t start = now_ns(), stop = start + (uint64_t)(seconds * 1e9), first = ask.answered;
    double due   = 0;
    sample_count = 0;
    while (now_ns() < stop) {
        double at = (double)(now_ns() - start) / 1e9;
        while (ask.asked - ask.answered < (rate > 0 ? WINDOW_MAX / 2 : 64) && (rate == 0 || due <= at)) {
            ask.sent_ns[ask.asked % WINDOW_MAX] = now_ns();
            relay_request(&ask.asker, 0, ask.twin, ask.asked++);
            if (rate > 0) due += 1 / rate;
        }
        wait_for(peers, 2, rate > 0 && due > at ? (uint64_t)((due - at) * 1e6) : 1000);
        (void)relay_input_each(&ask.asker, on_reply, NULL);
        (void)relay_input_each(&ask.answerer, on_request, &replies);
    }
    double reached = (double)(ask.answered - first) / seconds;
    for (int i = 0; i < 300 && ask.answered < ask.asked; i++) {
        wait_for(peers, 2, 10000);
        (void)relay_input_each(&ask.asker, on_reply, NULL);
        (void)relay_input_each(&ask.answerer, on_request, &replies);
    }
    samples_sort();
    return reached;
}

static void round_trips(const char *name, uint16_t port, uint16_t far_port, double seconds)
{
    memset(&ask, 0, sizeof ask);
    ask.twin     = port == far_port ? 1 : 2;
    ask.asker    = dial(port, false, 0);
    ask.answerer = dial(far_port, true, port == far_port ? 1 : 2);
    make_ready(&broker_relay_nng, &ask.asker);
    make_ready(&broker_relay_nng, &ask.answerer);
    usleep(300000); /* links come up */
    double most = ask_for(seconds, 0), half = ask_for(seconds, most / 2);
    printf("%-34s %10.0f %10.0f %8u %8u\n", name, most, half, sample_at(50), sample_at(99));
    fflush(stdout);
    hang_up(&ask.asker);
    hang_up(&ask.answerer);
}

static void all_round_trips(const char *folder, double seconds)
{
    pid_t pids[2], one;
    printf("\nrequest and reply                    most/s  at half/s   p50 us   p99 us\n");
    one = relay_start(folder, 21470);
    round_trips("one relay", 21470, 21470, seconds);
    end(one);
    for (relay_pair_t by = PAIR_LINK; by <= PAIR_HTTPS; by++) {
        static const char *const names[] = {"two relays, link", "two relays, HTTP", "two relays, HTTPS"};
        uint16_t port                    = (uint16_t)(21472 + 2 * by);
        relay_pair_start(folder, port, by, pids);
        round_trips(names[by], port, (uint16_t)(port + 1), seconds);
        end(pids[0]);
        end(pids[1]);
    }
}

/* ---- sessions that do nothing, and a queue ---- */

static void idle_sessions(const broker_t *broker, const char *folder)
{
    static peer_socket_t idle[IDLE_COUNT];
    pid_t pid           = broker->start(folder, broker->port);
    peer_socket_t first = dial(broker->port, true, 3);
    make_ready(broker, &first);
    uint64_t before = resident_kib(pid), start = now_ns();
    for (uint32_t i = 0; i < IDLE_COUNT; i++) {
        idle[i] = dial(broker->port, true, i + 10);
        make_ready(broker, &idle[i]);
        free(idle[i].in.data);
        free(idle[i].out.data);
        idle[i].in = idle[i].out = (buf_t){0};
    }
    double took = (double)(now_ns() - start) / 1e9;
    printf("%-34s %u sessions in %.1f s: %.1f KiB each\n", broker->what, IDLE_COUNT, took,
           (double)(resident_kib(pid) - before) / IDLE_COUNT);
    fflush(stdout);
    end(pid);
    for (uint32_t i = 0; i < IDLE_COUNT; i++)
        close(idle[i].fd);
    hang_up(&first);
}

static void fetch_queue(const char *folder)
{
    const broker_t *broker = &broker_relay_acked;
    pid_t pid              = relay_start(folder, 21480);
    peer_socket_t sender = dial(21480, false, 0), *peers[1] = {&sender};
    uint64_t sent = 0, taken = 0, start = now_ns();
    make_ready(broker, &sender);
    while (taken < QUEUE_COUNT) {
        while (sent < QUEUE_COUNT && sent - taken < 256)
            broker->publish(&sender, sent++);
        wait_for(peers, 1, 100000);
        taken += broker->input(&sender);
    }
    double stored          = (double)(now_ns() - start) / 1e9;
    start                  = now_ns();
    peer_socket_t receiver = dial(21480, true, 1);
    broker->hello(&receiver);
    peers[0] = &receiver;
    for (taken = 0; taken < QUEUE_COUNT;) {
        wait_for(peers, 1, 100000);
        taken += broker_relay_nng.input(&receiver);
    }
    printf("%-34s %u stored in %.2f s, fetched in %.2f s\n", "queue of one session", QUEUE_COUNT, stored,
           (double)(now_ns() - start) / 1e9);
    hang_up(&sender);
    hang_up(&receiver);
    end(pid);
}

int main(int argc, char **argv)
{
    static const broker_t *const all[] = {&broker_relay_nng,     &broker_relay_web,    &broker_nats,
                                          &broker_mosquitto,     &broker_redis_memory, &broker_relay_acked,
                                          &broker_relay_offline, &broker_redis_durable};
    double seconds                     = argc > 1 ? atof(argv[1]) : 2;
    char folder[]                      = "/tmp/trellis-bench-brokers-XXXXXX", command[128];
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    if (!crypto_init() || !mkdtemp(folder) || !samples) return 1;
    relay_prepare();
    const char *part = argc > 2 ? argv[2] : "rates trips sessions";
    if (strstr(part, "rates")) {
        printf("server        what                 window messages/s   p50 us   p99 us cpu us/msg\n");
        for (uint32_t i = 0; i < sizeof all / sizeof *all; i++)
            throughput(all[i], folder, seconds);
    }
    if (strstr(part, "trips")) all_round_trips(folder, seconds);
    printf("\n");
    if (!strstr(part, "sessions")) return 0;
    idle_sessions(&broker_relay_web, folder);
    idle_sessions(&broker_relay_nng, folder);
    fetch_queue(folder);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) != 0;
}
