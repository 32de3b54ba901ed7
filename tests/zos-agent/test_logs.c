/* Logs of machines that are sent: to each kind of target, in the machine's network and nowhere else, past a
 * target that is slow or away, over kills, and gone with the workload.  Needs root. */
#include "core.h"
#include "logs.h"
#include "logs_tls.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

static uint64_t contract = 500;

/* ---- targets ---- */

static bool parses(const char *url)
{
    char error[128];
    logs_target_t target;
    return logs_target_parse(url, &target, error);
}

TEST(targets_are_read)
{
    char error[128];
    logs_target_t t;
    OK(logs_target_parse("redis://me:pass@10.20.3.9/2/my-log", &t, error));
    OK(t.kind == LOGS_REDIS && t.port == 6379 && t.database == 2);
    OK(strcmp(t.user, "me") == 0 && strcmp(t.password, "pass") == 0 && strcmp(t.path, "my-log") == 0);
    OK(logs_target_parse("redis://:pass@10.20.3.9:7000/channel", &t, error));
    OK(t.user[0] == 0 && strcmp(t.password, "pass") == 0 && t.port == 7000 && t.database == 0);
    OK(parses("redis://:p#ss@10.20.3.9/channel"));
    OK(logs_target_parse("ws://10.20.3.9", &t, error));
    OK(t.kind == LOGS_WS && t.port == 80 && strcmp(t.path, "/") == 0);
    OK(logs_target_parse("wss://10.20.3.9", &t, error));
    OK(t.kind == LOGS_WSS && t.port == 443 && strcmp(t.path, "/") == 0 && !t.is_pinned);
    OK(logs_target_parse(
        "wss://10.20.3.9:1/a/b#sha256=00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF", &t,
        error));
    OK(t.port == 1 && strcmp(t.path, "/a/b") == 0 && t.is_pinned && t.pin[1] == 0x11 && t.pin[31] == 0xff);
    OK(parses("wss://10.20.3.9#sha256=0011223344556677889900112233445566778899001122334455667788990011"));
    OK(parses("tcp://10.20.3.9:1") && parses("udp://10.20.3.9:65535") && parses("ws://1.2.3.4:8/a?b=c"));
}

TEST(other_targets_are_refused)
{
    static const char *const urls[] = {
        "",
        "10.20.3.9",
        "http://10.20.3.9/",
        "wss://host/",
        "wss://10.20.3.9/#sha256=00",
        "wss://10.20.3.9/#sha256=x0112233445566778899001122334455667788990011223344556677889900112",
        "wss://10.20.3.9/x#y",
        "ws://10.20.3.9/x#sha256=0011223344556677889900112233445566778899001122334455667788990011",
        "tcp://10.20.3.9",
        "tcp://10.20.3.9:0",
        "tcp://10.20.3.9:65536",
        "tcp://10.20.3.9:1/x",
        "tcp://host:1",
        "tcp://[::1]:1",
        "tcp://a:b@10.20.3.9:1",
        "tcp://10.20.3:1",
        "redis://10.20.3.9",
        "redis://10.20.3.9/",
        "redis://10.20.3.9/x/y",
        "redis://pass@10.20.3.9/c",
        "redis://10.20.3.9/a b",
        "redis://10.20.3.9/a\r\nb",
        "ws://10.20.3.9/\r\nX: y",
        "tcp://999.1.1.1:1",
        "tcp://10.20.3.9:+1"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        OK(!parses(urls[i]));
}

/* ---- on the machine ---- */

/* A network, a machine that prints what is written to its /data/say, and a sender of its log. */
static json_t *talker(const char *output)
{
    json_t *list = web("oci:web-demo", "", 16 << 20);
    json_object_set_new(
        json_object_get(json_array_get(list, 2), "data"), "entrypoint",
        json_string("sh -c 'trap exit TERM; mkfifo /data/say; httpd -f -p 80 & while :; do cat "
                    "/data/say; done & wait'"));
    json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:{s:s,s:s}}", "version", 0, "name", "zlogs_web",
                                          "type", "zlogs", "data", "zmachine", "web", "output", output));
    return list;
}

static bool deploy(const char *output)
{
    char error[ENGINE_ERROR_MAX + 1];
    bool is_ok =
        engine_deploy(engine, deployment(contract, talker(output)), (int64_t)(now_ms() / 1000), error);
    if (!is_ok) printf("%s\n", error);
    return is_ok;
}

static const char *wid_of(const char *name)
{
    static char wids[2][WID_LEN + 1];
    static unsigned turn;
    char *wid = wids[turn++ % 2];
    plan_wid(7, contract, name, wid);
    return wid;
}

static int sender(void) { return core_process(7, contract, "zlogs_web"); }

/* A socket that listens in the network's namespace, as a program of the user's would: on the gateway's side
 * of the bridge an address more. */
static int listener(int kind, uint16_t port)
{
    char name[32], id[NETWORK_LEN + 1];
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), netns, fd, one = 1;
    spawn_result_t said;
    plan_network_id(7, "net", id);
    network_namespace(&host, id, name);
    SPAWN(&said, 5000, "ip", "-n", name, "link", "add", "listen", "type", "veth", "peer", "name", "listenb");
    SPAWN(&said, 5000, "ip", "-n", name, "link", "set", "listenb", "master", "br", "up");
    SPAWN(&said, 5000, "ip", "netns", "add", real_prefix);
    SPAWN(&said, 5000, "ip", "-n", name, "link", "set", "listen", "netns", real_prefix);
    SPAWN(&said, 5000, "ip", "-n", real_prefix, "addr", "add", "10.20.3.9/24", "dev", "listen");
    SPAWN(&said, 5000, "ip", "-n", real_prefix, "link", "set", "listen", "up");
    char path[64];
    snprintf(path, sizeof path, "/run/netns/%s", real_prefix);
    netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0 || setns(netns, CLONE_NEWNET) != 0) return -1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    fd                    = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool is_ok =
        bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && (kind == SOCK_DGRAM || listen(fd, 4) == 0);
    if (setns(own, CLONE_NEWNET) != 0) exit(1);
    close(own);
    close(netns);
    if (is_ok) return fd;
    close(fd);
    return -1;
}

static void away(void)
{
    spawn_result_t said;
    SPAWN(&said, 5000, "ip", "netns", "del", real_prefix);
}

static bool is_readable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

static char heard[1 << 22];
static size_t heard_len;

/* Reads until the words were heard. */
static bool hears(int fd, const char *words, int wait_ms)
{
    for (uint64_t end_ms = now_ms() + (uint64_t)wait_ms; now_ms() < end_ms;) {
        heard[heard_len] = 0;
        if (strstr(heard, words)) return true;
        if (!is_readable(fd, 100)) continue;
        ssize_t got = recv(fd, heard + heard_len, sizeof heard - 1 - heard_len, 0);
        if (got <= 0) break;
        for (ssize_t i = 0; i < got; i++)
            if (heard[heard_len + (size_t)i] == 0) heard[heard_len + (size_t)i] = '.';
        heard_len += (size_t)got;
    }
    heard[heard_len] = 0;
    return strstr(heard, words) != NULL;
}

static int accepted(int listening, int wait_ms)
{
    return is_readable(listening, wait_ms) ? accept4(listening, NULL, NULL, SOCK_CLOEXEC) : -1;
}

/* Has the machine print something: what is written to its pipe. */
static bool say(const char *text)
{
    char folder[PATH_CAP], path[PATH_CAP];
    if (!core_disk(contract, "data", folder) || !path_join(path, "%s/say", folder)) return false;
    for (int i = 0; i < 100; i++, poll(NULL, 0, 50)) {
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) continue;
        fcntl(fd, F_SETFL, 0);
        bool is_ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
        close(fd);
        return is_ok;
    }
    return false;
}

static void cancel(void)
{
    engine_desire(engine, contract, DESIRED_DELETED, "contract canceled", "block", 0);
    core_work(20000);
    OK(engine_is_idle(engine));
    away();
    contract++;
    core_close();
    OK(left_nothing());
}

static bool start(const char *output)
{
    heard_len = 0;
    core_open();
    if (!deploy(output)) return false;
    for (uint64_t end_ms = now_ms() + 15000;
         now_ms() < end_ms && strcmp(result_of(contract, "zlogs_web", "state"), "ok") != 0;)
        core_work(100), poll(NULL, 0, 20);
    return strcmp(result_of(contract, "zlogs_web", "state"), "ok") == 0;
}

TEST(what_a_machine_prints_is_sent_over_tcp)
{
    OK(start("tcp://10.20.3.9:7001"));
    int listening = listener(SOCK_STREAM, 7001);
    OK(listening >= 0);
    OK(say("hello\n"));
    int fd = accepted(listening, 20000);
    OK(fd >= 0 && shutdown(fd, SHUT_WR) == 0); /* who says nothing may listen */
    OK(hears(fd, "hello\n", 10000));
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%d/status", sender());
    OK(file_read(path, text, sizeof text));
    OK(!strstr(text, "\nUid:\t0\t") && strstr(text, "\nCapEff:\t0000000000000000\n"));
    OK(strstr(text, "\nNoNewPrivs:\t1\n"));

    int pid = sender(); /* the agent is away, and comes back */
    core_close();
    OK(say("nobody minds\n") && hears(fd, "nobody minds\n", 10000));
    core_open();
    core_work(3000);
    EQ(sender(), pid);

    OK(kill(pid, SIGKILL) == 0); /* another one goes on where it was */
    close(fd);
    for (uint64_t end_ms = now_ms() + 15000; now_ms() < end_ms && (sender() == pid || sender() == 0);)
        core_work(100), poll(NULL, 0, 20);
    heard_len = 0;
    fd        = accepted(listening, 15000);
    OK(fd >= 0 && say("on and on\n") && hears(fd, "on and on\n", 10000));

    engine_desire(engine, contract, DESIRED_PAUSED, "grace period", "block", 0);
    core_work(10000);
    IS(contract, "zlogs_web", "paused");
    EQ(sender(), 0);
    engine_desire(engine, contract, DESIRED_RUN, "grace period ended", "block", 0);
    close(fd);
    core_work(10000);
    IS(contract, "zlogs_web", "ok");
    heard_len = 0;
    fd        = accepted(listening, 15000);
    OK(fd >= 0 && say("again\n") && hears(fd, "again\n", 10000));
    OK(!strstr(heard, "hello")); /* what was sent is not sent again */
    close(fd);
    close(listening);
    cancel();
}

/* Waits until this is the end of what the machine printed. */
static bool is_logged(const char *text)
{
    char folder[PATH_CAP], path[PATH_CAP], tail[64] = "";
    size_t len = strlen(text);
    if (!machine_folder(&host, wid_of("web"), folder) || !path_join(path, "%s/log", folder)) return false;
    for (int i = 0; i < 400 && memcmp(tail, text, len) != 0; i++, poll(NULL, 0, 50)) {
        FILE *file = fopen(path, "r");
        if (!file) continue;
        if (fseek(file, -(long)len, SEEK_END) != 0 || fread(tail, 1, len, file) != len) tail[0] = 0;
        fclose(file);
    }
    return memcmp(tail, text, len) == 0;
}

TEST(a_target_that_is_slow_or_away_costs_lines_and_they_are_counted)
{
    static char line[1 << 16];
    logs_state_t state;
    OK(start("tcp://10.20.3.9:7002"));
    memset(line, 'x', sizeof line - 2);
    line[sizeof line - 2] = '\n';
    for (int i = 0; i < 80; i++)
        OK(say(line)); /* 5 MiB, and nobody listens */
    OK(say("the last\n"));
    OK(is_logged("the last\n"));
    int listening = listener(SOCK_STREAM, 7002);
    int fd        = accepted(listening, 40000);
    OK(fd >= 0 && hears(fd, "the last\n", 20000));
    OK(strstr(heard, " bytes of the log were not sent]"));
    OK(heard_len < (2u << 20));
    for (int i = 0;
         i < 100 && !(logs_state(&host, wid_of("zlogs_web"), &state) && state.skipped > (2u << 20)); i++)
        poll(NULL, 0, 50);
    OK(state.skipped > (2u << 20));
    close(fd);
    close(listening);
    cancel();
}

/* By hand: it takes as long as the sender has patience. */
TEST(a_target_that_takes_nothing_is_left_and_called_again)
{
    static char line[1 << 16];
    if (!getenv("TRELLIS_LONG")) return;
    OK(start("tcp://10.20.3.9:7006"));
    int listening = listener(SOCK_STREAM, 7006), mute = accepted(listening, 20000);
    OK(mute >= 0);
    memset(line, 'x', sizeof line - 2);
    line[sizeof line - 2] = '\n';
    for (int i = 0; i < 160; i++)
        OK(say(line));
    OK(say("the last\n"));
    int fd = accepted(listening, 40000);
    OK(fd >= 0 && hears(fd, "the last\n", 20000));
    OK(strstr(heard, " bytes of the log were not sent]"));
    close(mute);
    close(fd);
    close(listening);
    cancel();
}

TEST(it_is_sent_as_datagrams_as_messages_of_redis_and_as_frames)
{
    OK(start("udp://10.20.3.9:7003"));
    int fd = listener(SOCK_DGRAM, 7003);
    OK(fd >= 0);
    OK(say("first\n"));
    for (int i = 0; i < 20 && !strstr(heard, "datagram"); i++)
        OK(say("datagram\n") && (hears(fd, "datagram\n", 500) || true));
    OK(hears(fd, "datagram\n", 10000));
    close(fd);
    cancel();

    OK(start("redis://u:pw@10.20.3.9:7004/3/chan"));
    int listening = listener(SOCK_STREAM, 7004);
    fd            = accepted(listening, 20000);
    OK(fd >= 0 && hears(fd, "PING\r\n", 10000));
    static const char hello[] =
        "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n";
    OK(strncmp(heard, hello, sizeof hello - 1) == 0);
    OK(write(fd, "+OK\r\n+OK\r\n+PONG\r\n", 17) == 17);
    OK(say("published\n") && hears(fd, "PUBLISH\r\n$4\r\nchan\r\n$10\r\npublished\n\r\n", 10000));
    OK(write(fd, "-NOAUTH no\r\n", 12) == 12); /* refused: it calls again */
    close(fd);
    fd = accepted(listening, 20000);
    OK(fd >= 0);
    close(fd);
    close(listening);
    cancel();

    OK(start("ws://10.20.3.9:7005/logs"));
    listening = listener(SOCK_STREAM, 7005);
    fd        = accepted(listening, 20000);
    OK(fd >= 0 && hears(fd, "\r\n\r\n", 10000) &&
       strstr(heard, "GET /logs HTTP/1.1\r\nHost: 10.20.3.9:7005\r\n"));
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    OK(write(fd, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1);
    OK(say("framed\n"));
    uint8_t frame[13], text[8] = {0};
    OK(is_readable(fd, 10000) && recv(fd, frame, sizeof frame, MSG_WAITALL) == 13 && frame[0] == 0x82 &&
       frame[1] == (0x80 | 126) && frame[3] == 7);
    for (int i = 0; i < 5; i++)
        text[i] = frame[8 + i] ^ frame[4 + i % 4];
    OK(memcmp(text, "frame", 5) == 0);
    close(fd);
    close(listening);
    cancel();
}

/* ---- over TLS ---- */

/* A certificate for an address, and the SHA-256 of its key as text. */
static bool certificate(const char *ip, const char *name, char pem[PATH_CAP], char key[PATH_CAP],
                        char pin[65])
{
    char names[64];
    spawn_result_t said;
    unsigned char hash[32], *der = NULL;
    snprintf(names, sizeof names, "subjectAltName=IP:%s", ip);
    if (!path_join(pem, "%s/%s.pem", real_dir, name) || !path_join(key, "%s/%s.key", real_dir, name) ||
        !SPAWN(&said, 10000, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", pem, "-days", "2", "-subj",
               "/CN=logs", "-addext", names))
        return false;
    FILE *file = fopen(pem, "re");
    X509 *x    = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    int len    = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : 0;
    bool is_ok = len > 0 && EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL) == 1;
    for (int i = 0; i < 32; i++)
        snprintf(pin + (size_t)i * 2, 3, "%02x", hash[i]);
    OPENSSL_free(der);
    X509_free(x);
    if (file) fclose(file);
    return is_ok;
}

static SSL_CTX *server_of(const char *pem, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool is_ok       = context && SSL_CTX_use_certificate_file(context, pem, SSL_FILETYPE_PEM) == 1 &&
                 SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1;
    if (!is_ok) exit(1);
    return context;
}

/* The server's side of a connection; NULL when the client did not want it. */
static SSL *taken(SSL_CTX *context, int fd)
{
    struct timeval patience = {.tv_sec = 10};
    char byte;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL *ssl = SSL_new(context);
    /* TLS 1.3: the client's refusal comes after the server's handshake. */
    if (SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1 && SSL_peek(ssl, &byte, 1) == 1) return ssl;
    SSL_free(ssl);
    return NULL;
}

typedef struct {
    SSL_CTX *context;
    int fd;
} side_t;

static void *answer_hello(void *self)
{
    const side_t *side = self;
    SSL_free(taken(side->context, side->fd));
    close(side->fd);
    return NULL;
}

/* What the sender thinks of a server that has this certificate. */
static logs_tls_step_t met(const char *url, const char *authorities, SSL_CTX *server)
{
    int ends[2];
    char error[128];
    logs_target_t target;
    pthread_t thread;
    if (!logs_target_parse(url, &target, error) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) exit(1);
    side_t side     = {server, ends[1]};
    logs_tls_t *tls = logs_tls_new(&target, authorities);
    if (!tls || pthread_create(&thread, NULL, answer_hello, &side) != 0) exit(1);
    logs_tls_step_t step = logs_tls_start(tls, ends[0]) ? LOGS_TLS_WAITS : LOGS_TLS_FAILED;
    while (step == LOGS_TLS_WAITS)
        step = logs_tls_shake(tls);
    if (step == LOGS_TLS_DONE && logs_tls_send(tls, "x", 1) != 1) step = LOGS_TLS_FAILED;
    logs_tls_free(tls);
    close(ends[0]);
    pthread_join(thread, NULL);
    return step;
}

TEST(a_target_over_tls_is_who_it_must_be)
{
    char pem[2][PATH_CAP], key[2][PATH_CAP], pin[2][65], pinned[160];
    signal(SIGPIPE, SIG_IGN);
    OK(certificate("10.20.3.9", "right", pem[0], key[0], pin[0]));
    OK(certificate("10.20.3.8", "other", pem[1], key[1], pin[1]));
    SSL_CTX *right = server_of(pem[0], key[0]), *other = server_of(pem[1], key[1]);
    EQ(met("wss://10.20.3.9/", pem[0], right), LOGS_TLS_DONE);
    EQ(met("wss://10.20.3.9/", pem[1], right), LOGS_TLS_FAILED); /* nobody vouches for it */
    EQ(met("wss://10.20.3.9/", pem[1], other), LOGS_TLS_FAILED); /* for another address */
    EQ(met("wss://10.20.3.8/", pem[1], other), LOGS_TLS_DONE);
    EQ(met("wss://10.20.3.9/", NULL, right), LOGS_TLS_FAILED);
    snprintf(pinned, sizeof pinned, "wss://10.20.3.9/#sha256=%s", pin[0]);
    EQ(met(pinned, NULL, right), LOGS_TLS_DONE);
    EQ(met(pinned, NULL, other), LOGS_TLS_FAILED);
    SSL_CTX_free(right);
    SSL_CTX_free(other);
}

TEST(it_is_sent_over_tls_to_the_key_that_is_pinned)
{
    char pem[PATH_CAP], key[PATH_CAP], pin[65], url[160];
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    uint8_t frame[64];
    OK(certificate("10.20.3.9", "server", pem, key, pin));
    SSL_CTX *context = server_of(pem, key);
    snprintf(url, sizeof url, "wss://10.20.3.9:7006/logs#sha256=%s", pin);
    OK(start(url));
    int listening = listener(SOCK_STREAM, 7006), fd = accepted(listening, 20000);
    OK(fd >= 0);
    SSL *ssl = taken(context, fd);
    OK(ssl);
    int got = SSL_read(ssl, heard, sizeof heard - 1);
    OK(got > 0);
    heard[got] = 0;
    OK(strstr(heard, "GET /logs HTTP/1.1\r\nHost: 10.20.3.9:7006\r\n") == heard && strstr(heard, "\r\n\r\n"));
    EQ(SSL_write(ssl, answer, sizeof answer - 1), sizeof answer - 1);
    OK(say("framed\n"));
    EQ(SSL_read(ssl, frame, sizeof frame), 15);
    OK(frame[0] == 0x82 && frame[1] == (0x80 | 126) && frame[3] == 7);
    for (int i = 0; i < 7; i++)
        frame[8 + i] ^= frame[4 + i % 4];
    OK(memcmp(frame + 8, "framed\n", 7) == 0);
    SSL_free(ssl); /* gone: it calls again */
    close(fd);
    fd = accepted(listening, 20000);
    OK(fd >= 0 && (ssl = taken(context, fd)) != NULL);
    SSL_free(ssl);
    close(fd);
    close(listening);
    SSL_CTX_free(context);
    cancel();

    pin[0] = pin[0] == '0' ? '1' : '0'; /* somebody else's */
    OK(certificate("10.20.3.9", "server", pem, key, (char[65]){0}));
    context = server_of(pem, key);
    snprintf(url, sizeof url, "wss://10.20.3.9:7006/logs#sha256=%s", pin);
    OK(start(url));
    listening = listener(SOCK_STREAM, 7006);
    fd        = accepted(listening, 20000);
    OK(say("secret\n"));
    OK(fd >= 0 && !taken(context, fd)); /* it hears nothing */
    close(fd);
    close(listening);
    SSL_CTX_free(context);
    cancel();
}

TEST(nothing_outside_the_network_is_a_target)
{
    static const char *const urls[] = {
        "tcp://127.0.0.1:22",  "tcp://10.20.4.2:80",      "tcp://169.254.169.254:80",
        "tcp://10.20.3.1:80",  "tcp://192.0.2.2:22",      "tcp://100.64.0.1:80",
        "udp://10.20.3.255:1", "redis://8.8.8.8/channel", "tcp://0.0.0.0:1"};
    char name[8], error[ENGINE_ERROR_MAX + 1];
    json_t *list = talker(urls[0]);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        snprintf(name, sizeof name, "z%zu", i);
        json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:{s:s,s:s}}", "version", 0, "name", name, "type",
                                              "zlogs", "data", "zmachine", "web", "output", urls[i]));
    }
    core_open();
    OK(engine_deploy(engine, deployment(contract, list), (int64_t)(now_ms() / 1000), error));
    core_work(8000);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        snprintf(name, sizeof name, "z%zu", i);
        IS(contract, name, "error");
        OK(strstr(result_of(contract, name, "message"), "no address of a machine in the network"));
    }
    IS(contract, "web", "ok");
    engine_desire(engine, contract, DESIRED_DELETED, "canceled", "block", 0);
    core_work(8000);
    contract++;
    core_close();
    OK(left_nothing());
    core_open();
    OK(!engine_deploy(engine, deployment(contract, talker("wss://10.20.3.9/x#y")), 0, error));
    OK(strstr(error, "#sha256="));
    OK(!engine_deploy(engine, deployment(contract, talker("redis://localhost/x")), 0, error));
    OK(strstr(error, "names are not looked up"));
    core_close();
}

int main(int argc, char **argv)
{
    const char *obstacle = real_obstacle();
    if (obstacle) return test_skip("logs cannot be sent here", obstacle);
    if (!core_start(NULL)) return 1;
    int status = test_main_(argc, argv);
    away();
    folder_remove(real_dir);
    return status;
}
