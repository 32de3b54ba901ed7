/* test_federation_restart.c - two relays of different domains, one of them started again every few seconds.
 *
 *     test_federation_restart [--seconds N] [--seed N]
 *
 * The relays are where their domains say, 127.0.0.2:443 and 127.0.0.3:443, with certificates of a CA of their
 * own (root only). Two twins of each send numbered requests to two of the other; relays end by SIGKILL and
 * SIGTERM in turn. Every number arrives once, and in order; short by default, five minutes with --seconds
 * 300. */
#include "crowd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RELAYS     2
#define FLIGHT     24
#define WEB_TWIN   3      /* its session is a WebSocket: it looks at what arrived, not at answers */
#define FINISH_MS  180000 /* federation comes back after pauses */
#define CONNECT_MS 60000
#define BUS_PORT   21480

extern char **environ;
static const char *const domains[RELAYS] = {"127.0.0.2", "127.0.0.3"}; /* of even twins, and of odd ones */
static uint32_t seconds                  = 15;
static char folder[]                     = "/tmp/trellis-federation-XXXXXX";
static pid_t relays[RELAYS];

/* What one twin sends to the one after it, which is of the other relay. */
typedef struct {
    uint32_t sender, receiver;
    uint64_t sent, answered, failed, received, wrong;
} pair_t;
static pair_t pairs[TWINS];
static bool is_sending;
static char last_failure[128];

/* ---- peers ---- */

static void send_more(pair_t *pair);

static void on_request(void *context, peer_t *peer, const peer_incoming_t *request)
{
    pair_t *pair  = &pairs[(*(const uint32_t *)context + TWINS - 1) % TWINS];
    char text[24] = "";
    if (request->payload.len >= sizeof text) abort();
    memcpy(text, request->payload.data, request->payload.len);
    uint64_t number = strtoull(text, NULL, 10);
    if (number != pair->received + 1) {
        pair->wrong++;
        printf("from %s to %s: %llu after %llu\n", names[pair->sender], names[pair->receiver],
               (unsigned long long)number, (unsigned long long)pair->received);
    }
    pair->received = number;
    peer_reply(peer, &request->from, request->payload);
    if (pair->sender == WEB_TWIN) send_more(pair);
}

static void on_answer(void *context, const peer_answer_t *answer)
{
    pair_t *pair = context;
    pair->answered++;
    if (answer->status != PEER_OK && answer->status != PEER_CLOSED && pair->sender != WEB_TWIN &&
        pair->receiver != WEB_TWIN) {
        pair->failed++;
        snprintf(last_failure, sizeof last_failure, "%.100s", answer->error);
    }
    send_more(pair);
}

/* Answers from and to a WebSocket may end in a socket of a relay that is killed: there arrival counts. */
static uint64_t done_of(const pair_t *pair)
{
    return pair->sender == WEB_TWIN || pair->receiver == WEB_TWIN ? pair->received : pair->answered;
}

static void send_more(pair_t *pair)
{
    char number[24];
    while (is_sending && pair->sent - done_of(pair) < FLIGHT) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)++pair->sent);
        peer_request_t request = {.twin         = pair->receiver + 1,
                                  .command      = "count",
                                  .payload      = bytes_text(number),
                                  .expiration_s = RMB_EXPIRATION_S_MAX};
        (void)peer_request(peers[pair->sender], &request, on_answer, pair);
    }
}

static bool peers_start(void)
{
    static char urls[TWINS][64], ca[128];
    snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    if (!crowd_open()) return false;
    for (uint32_t i = 0; i < TWINS; i++) {
        pairs[i] = (pair_t){.sender = i, .receiver = (i + 1) % TWINS};
        if (i == WEB_TWIN)
            snprintf(urls[i], sizeof urls[i], "wss://%s", domains[i % RELAYS]);
        else
            snprintf(urls[i], sizeof urls[i], "tcp://127.0.0.1:%u", BUS_PORT + i % RELAYS);
        if (!crowd_join(i, domains[i % RELAYS], urls[i], ca, on_request)) return false;
    }
    return true;
}

/* ---- relays ---- */

static bool certificates_make(void)
{
    char line[1600];
    snprintf(line, sizeof line,
             "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out "
             "ca.pem && "
             "openssl req -newkey rsa:2048 -nodes -subj /CN=relay -keyout key.pem -out relay.csr && "
             "printf 'subjectAltName=IP:127.0.0.2,IP:127.0.0.3' > ext && openssl x509 -req -in relay.csr -CA "
             "ca.pem "
             "-CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem",
             folder);
    char quiet[1700];
    snprintf(quiet, sizeof quiet, "(%s) > /dev/null 2>&1", line);
    return system(quiet) == 0;
}

static void relay_start(uint32_t i)
{
    char address[32], bus[64], store[128], cert[128], key[128], ca[128], log[128], url[64], domain[16];
    snprintf(address, sizeof address, "%s:443", domains[i]);
    snprintf(domain, sizeof domain, "%s", domains[i]);
    snprintf(bus, sizeof bus, "tcp://127.0.0.1:%u", BUS_PORT + i);
    snprintf(store, sizeof store, "%s/store%u", folder, i);
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    snprintf(log, sizeof log, "%s/log%u", folder, i);
    snprintf(url, sizeof url, "%s", getenv("TRELLIS_URL"));
    char *const words[] = {(char[]){RELAY_PROGRAM},
                           (char[]){"--substrate"},
                           url,
                           (char[]){"--domain"},
                           domain,
                           (char[]){"--listen"},
                           address,
                           (char[]){"--nng-listen"},
                           bus,
                           (char[]){"--store"},
                           store,
                           (char[]){"--tls-cert"},
                           cert,
                           (char[]){"--tls-key"},
                           key,
                           (char[]){"--ca"},
                           ca,
                           NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (posix_spawn(&relays[i], words[0], &actions, NULL, words, environ) != 0) abort();
    posix_spawn_file_actions_destroy(&actions);
}

static void relay_end(uint32_t i, int how)
{
    (void)kill(relays[i], how);
    (void)waitpid(relays[i], NULL, 0);
    relays[i] = 0;
}

static void clean(void)
{
    char line[64];
    for (uint32_t i = 0; i < RELAYS; i++)
        if (relays[i]) relay_end(i, SIGKILL);
    snprintf(line, sizeof line, "rm -rf %s", folder);
    if (system(line) != 0) perror(folder);
}

static bool may_listen(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(443)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool is_free =
        inet_pton(AF_INET, domains[0], &at.sin_addr) == 1 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return is_free;
}

/* ---- the test ---- */

static bool all_done(void)
{
    for (uint32_t i = 0; i < TWINS; i++)
        if (done_of(&pairs[i]) < pairs[i].sent) return false;
    return true;
}

PROPERTY(each_message_between_relays_arrives_once_while_they_restart, 1)
{
    uint64_t sent = 0, received = 0;
    uint32_t restarts = 0;
    printf("seed %llu, %u seconds\n", (unsigned long long)random->state, seconds);
    OK(mkdtemp(folder) && atexit(clean) == 0 && certificates_make());
    own_node_start();
    relay_start(0);
    relay_start(1);
    OK(peers_start() && wait_for(all_connected, CONNECT_MS));
    is_sending = true;
    for (uint32_t i = 0; i < TWINS; i++)
        send_more(&pairs[i]);
    for (uint64_t end_ms = io_ticks_ms(io) + seconds * UINT64_C(1000); io_ticks_ms(io) < end_ms; restarts++) {
        uint32_t which = random_below(random, RELAYS);
        pass_ms(1500 + random_below(random, 2500));
        relay_end(which, restarts % 2 ? SIGTERM : SIGKILL);
        pass_ms(random_below(random, 500));
        relay_start(which);
    }
    is_sending    = false;
    bool is_whole = wait_for(all_done, FINISH_MS);
    for (uint32_t i = 0; i < TWINS; i++) {
        sent += pairs[i].sent;
        received += pairs[i].received;
        printf("from %s to %s: %llu sent, %llu received, %llu failed\n", names[i], names[pairs[i].receiver],
               (unsigned long long)pairs[i].sent, (unsigned long long)pairs[i].received,
               (unsigned long long)pairs[i].failed);
    }
    printf("%u restarts, %llu sent, %llu received %s\n", restarts, (unsigned long long)sent,
           (unsigned long long)received, last_failure);
    for (uint32_t i = 0; i < TWINS; i++) {
        EQ(pairs[i].wrong, 0);
        EQ(pairs[i].received, pairs[i].sent);
        EQ(pairs[i].failed, 0);
    }
    OK(is_whole && sent > seconds);
    crowd_close();
}

int main(int argc, char **argv)
{
    if (!may_listen()) return test_skip("port 443 of 127.0.0.2 cannot be had", NULL);
    return crowd_main(argc, argv, "--seconds", &seconds);
}
