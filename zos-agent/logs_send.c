/* logs_send.c - the program zos-logs: reads a machine's log and sends it to an address in its network.
 *
 * It starts as root, opens what it needs, enters the network's namespace, and gives the rest up: it runs as a
 * user of the contract's own, in an empty root, without a privilege.  One piece of the log is on its way at a
 * time; the place in the log moves on when the kernel took all of it. */
#include "logs.h"
#include "logs_tls.h"
#include "netlink.h"
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <jansson.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS      200
#define PATIENCE_MS  10000 /* for a target that takes nothing */
#define RETRY_MS     1000
#define RETRY_MAX_MS 30000
#define SAVE_MS      1000
#define FRAME_CAP    (LOGS_PIECE + 1024) /* a piece with what its protocol puts around it */
#define HAYSTACK     (8u << 20)
#define ANSWER_MAX   4096

typedef enum { AWAY, CONNECTING, SHAKING, GREETING, UP } phase_t;

typedef struct {
    char machine[PATH_CAP], netns[32], link[LINK_NAME_CAP];
    uint32_t user;
    logs_target_t target;
    int log, sent, signals; /* descriptors */
    logs_state_t state;
    uint64_t skipped_unsaid; /* bytes */

    int fd;          /* to the target, or -1 */
    logs_tls_t *tls; /* NULL: the target speaks none */
    phase_t phase;
    uint8_t frame[FRAME_CAP];
    size_t frame_len, frame_done;
    uint32_t piece_len; /* of the log, in the frame */
    uint8_t piece[LOGS_PIECE];
    uint64_t last_size, cut_ms; /* of the log, when it was seen; when it was first seen shorter */
    uint64_t since_ms, retry_ms, next_ms, saved_ms;
    bool is_changed;
    bool is_silent; /* the target will say nothing more; it may still listen */
    char answer[ANSWER_MAX];
    size_t answer_len;
} sender_t;

static sender_t s;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the place in the log ---- */

static void save(void)
{
    if (s.is_changed && pwrite(s.sent, &s.state, sizeof s.state, 0) == (ssize_t)sizeof s.state)
        s.is_changed = false;
    s.saved_ms = now_ms();
}

static void remember(const uint8_t *data, size_t len)
{
    logs_state_t *state = &s.state;
    size_t take         = len < LOGS_TAIL ? len : LOGS_TAIL;
    size_t keep         = state->tail_len + take > LOGS_TAIL ? LOGS_TAIL - take : state->tail_len;
    memmove(state->tail, state->tail + state->tail_len - keep, keep);
    memcpy(state->tail + keep, data + len - take, take);
    state->tail_len = (uint32_t)(keep + take);
    state->offset += len;
    s.is_changed = true;
}

/* The log was cut at its start, at most a moment after its size was seen last: what was read last is where
 * that says, or a little before; else it is gone with what came after it. */
static void find_place(uint64_t size)
{
    logs_state_t *state = &s.state;
    uint64_t cut        = s.last_size > SHIM_LOG_KEPT ? s.last_size - SHIM_LOG_KEPT : 0;
    uint64_t expected = cut && cut < state->offset ? state->offset - cut : size, tail = state->tail_len;
    uint8_t *text = tail && size <= HAYSTACK ? malloc(size) : NULL;
    ssize_t got   = text ? pread(s.log, text, size, 0) : 0;
    bool is_found = false;
    if (got > 0 && expected > (uint64_t)got) expected = (uint64_t)got;
    for (uint64_t at = expected; got > 0 && at >= tail && !is_found; at--) {
        is_found = memcmp(text + at - tail, state->tail, tail) == 0;
        if (is_found) state->offset = at;
    }
    if (!is_found) {
        state->offset = 0;
        s.skipped_unsaid++; /* how much is not known */
    }
    s.is_changed = true;
    free(text);
}

/* A log that is shorter than it was is being cut: that is looked at when it is done.  False until then. */
static bool is_in_place(uint64_t size)
{
    bool is_cut = size < s.state.offset;
    if (!is_cut) {
        s.last_size = size;
        s.cut_ms    = 0;
        return true;
    }
    if (s.cut_ms == 0) s.cut_ms = now_ms();
    if (now_ms() < s.cut_ms + LOOK_MS) return false;
    find_place(size);
    s.last_size = size;
    s.cut_ms    = 0;
    return true;
}

static void skip(uint64_t size)
{
    uint64_t from = size - LOGS_KEPT;
    uint8_t text[LOGS_PIECE];
    ssize_t got     = pread(s.log, text, sizeof text, (off_t)from);
    const void *end = got > 0 ? memchr(text, '\n', (size_t)got) : NULL;
    if (end) from += (uint64_t)((const uint8_t *)end - text) + 1;
    s.state.skipped += from - s.state.offset;
    s.skipped_unsaid += from - s.state.offset;
    s.state.offset   = from;
    s.state.tail_len = 0;
    s.is_changed     = true;
}

/* Whether there is something to be read at the place, which is not too far behind. */
static bool keep_up(uint64_t size)
{
    if (!is_in_place(size)) return false;
    if (size - s.state.offset > LOGS_BEHIND_MAX) skip(size);
    return true;
}

/* The next piece: whole lines where there are some.  0 when there is nothing new. */
static uint32_t read_piece(void)
{
    struct stat st;
    if (fstat(s.log, &st) != 0) return 0;
    if (!keep_up((uint64_t)st.st_size)) return 0;
    ssize_t got = pread(s.log, s.piece, sizeof s.piece, (off_t)s.state.offset);
    if (got <= 0) return 0;
    const uint8_t *end = memrchr(s.piece, '\n', (size_t)got);
    return end ? (uint32_t)(end - s.piece) + 1 : (uint32_t)got;
}

/* ---- frames ---- */

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf((char *)s.frame + s.frame_len, sizeof s.frame - s.frame_len, format, args);
    va_end(args);
    if (len > 0 && (size_t)len < sizeof s.frame - s.frame_len) s.frame_len += (size_t)len;
}

static void put_bytes(const void *data, size_t len)
{
    if (len > sizeof s.frame - s.frame_len) return;
    memcpy(s.frame + s.frame_len, data, len);
    s.frame_len += len;
}

static void put_websocket(const uint8_t *data, size_t len)
{
    uint8_t head[8] = {0x82, 0x80 | 126, (uint8_t)(len >> 8),
                       (uint8_t)len}; /* binary: a log need not be UTF-8 */
    if (getrandom(head + 4, 4, 0) != 4) head[4] = 1;
    put_bytes(head, 8);
    for (size_t i = 0; i < len; i++)
        put_bytes(&(uint8_t){data[i] ^ head[4 + i % 4]}, 1);
}

static bool is_web(void) { return s.target.kind == LOGS_WS || s.target.kind == LOGS_WSS; }

static void fill_frame(const uint8_t *data, size_t len)
{
    const logs_target_t *t = &s.target;
    s.frame_len = s.frame_done = 0;
    if (t->kind == LOGS_REDIS) {
        put("*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(t->path), t->path, len);
        put_bytes(data, len);
        put("\r\n");
    } else if (is_web()) {
        put_websocket(data, len);
    } else {
        put_bytes(data, len);
    }
}

static void next_frame(void)
{
    char note[96];
    s.piece_len = 0;
    if (s.skipped_unsaid) {
        int len =
            snprintf(note, sizeof note, "[%" PRIu64 " bytes of the log were not sent]\n", s.skipped_unsaid);
        s.skipped_unsaid = 0;
        fill_frame((const uint8_t *)note, (size_t)len);
        return;
    }
    s.piece_len = read_piece();
    if (s.skipped_unsaid) { /* said first */
        s.piece_len = 0;
        next_frame();
        return;
    }
    s.frame_len = s.frame_done = 0;
    if (s.piece_len) fill_frame(s.piece, s.piece_len);
}

/* ---- the target ---- */

static void hang_up(void)
{
    logs_tls_end(s.tls);
    if (s.fd >= 0) close(s.fd);
    s.fd        = -1;
    s.phase     = AWAY;
    s.frame_len = s.frame_done = 0;
    s.retry_ms                 = s.retry_ms ? s.retry_ms * 2 : RETRY_MS;
    if (s.retry_ms > RETRY_MAX_MS) s.retry_ms = RETRY_MAX_MS;
    s.next_ms = now_ms() + s.retry_ms;
}

static void call(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s.target.port)};
    bool is_udp           = s.target.kind == LOGS_UDP;
    unsigned patience     = PATIENCE_MS;
    memcpy(&to.sin_addr, s.target.ip, 4);
    s.fd = socket(AF_INET, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s.fd < 0 || setsockopt(s.fd, SOL_SOCKET, SO_BINDTODEVICE, s.link, (socklen_t)strlen(s.link)) != 0) {
        hang_up();
        return;
    }
    if (!is_udp) setsockopt(s.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
    s.phase     = CONNECTING;
    s.is_silent = false;
    s.since_ms  = now_ms();
    if (connect(s.fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) hang_up();
}

static void greet(void)
{
    const logs_target_t *t = &s.target;
    uint8_t key[16]        = {0};
    s.frame_len = s.frame_done = s.answer_len = 0;
    s.piece_len                               = 0;
    s.phase                                   = t->kind == LOGS_REDIS || is_web() ? GREETING : UP;
    if (is_web()) {
        /* The key is only echoed: 16 bytes in base64 end with "==". */
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char text[25]              = "AAAAAAAAAAAAAAAAAAAAAA==";
        if (getrandom(key, sizeof key, 0) == (ssize_t)sizeof key)
            for (size_t i = 0; i < 16; i++)
                text[i] = digits[key[i] & 63];
        put("GET %s HTTP/1.1\r\nHost: %u.%u.%u.%u:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
            t->path, t->ip[0], t->ip[1], t->ip[2], t->ip[3], t->port, text);
        return;
    }
    if (t->kind != LOGS_REDIS) return;
    if (t->user[0]) {
        put("*3\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(t->user), t->user, strlen(t->password),
            t->password);
    } else if (t->password[0]) {
        put("*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n", strlen(t->password), t->password);
    }
    if (t->database) {
        char number[12];
        snprintf(number, sizeof number, "%u", t->database);
        put("*2\r\n$6\r\nSELECT\r\n$%zu\r\n%s\r\n", strlen(number), number);
    }
    put("*1\r\n$4\r\nPING\r\n");
}

/* What the target says matters only while it is greeted; a redis that refuses something is left. */
static void take_answer(void)
{
    char text[ANSWER_MAX];
    ssize_t got = s.tls ? logs_tls_recv(s.tls, text, sizeof text) : recv(s.fd, text, sizeof text, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got == 0 && s.target.kind == LOGS_TCP) {
        s.is_silent = true;
        return;
    }
    if (got <= 0) {
        hang_up();
        return;
    }
    if (s.target.kind == LOGS_REDIS && (text[0] == '-' || memmem(text, (size_t)got, "\n-", 2))) {
        hang_up();
        return;
    }
    if (s.phase != GREETING) return;
    if (s.answer_len + (size_t)got >= sizeof s.answer) {
        hang_up();
        return;
    }
    memcpy(s.answer + s.answer_len, text, (size_t)got);
    s.answer_len += (size_t)got;
    s.answer[s.answer_len] = 0;
    bool is_ws             = is_web();
    bool is_done = is_ws ? strstr(s.answer, "\r\n\r\n") != NULL : strstr(s.answer, "+PONG\r\n") != NULL;
    if (is_ws && is_done && strncmp(s.answer, "HTTP/1.1 101", 12) != 0) {
        hang_up();
        return;
    }
    if (is_done && s.frame_done == s.frame_len) s.phase = UP;
}

static void sent_frame(void)
{
    if (s.piece_len) {
        s.state.sent += s.piece_len;
        remember(s.piece, s.piece_len);
    }
    s.piece_len = 0;
    s.frame_len = s.frame_done = 0;
    s.retry_ms                 = 0;
}

/* Sends what is to be sent, until the target takes no more. */
static void push(void)
{
    for (int i = 0; i < 64 && s.fd >= 0; i++) {
        if (s.frame_len == 0) {
            if (s.phase != UP) return;
            next_frame();
            if (s.frame_len == 0) return;
            s.since_ms = now_ms();
        }
        if (s.frame_done < s.frame_len) {
            const uint8_t *rest = s.frame + s.frame_done;
            size_t len          = s.frame_len - s.frame_done;
            ssize_t put_out = s.tls ? logs_tls_send(s.tls, rest, len) : send(s.fd, rest, len, MSG_NOSIGNAL);
            if (put_out < 0 && (errno == EAGAIN || errno == EINTR)) return;
            if (put_out < 0) {
                hang_up();
                return;
            }
            s.since_ms = now_ms();
            s.frame_done += (size_t)put_out;
        }
        if (s.frame_done < s.frame_len) return;
        if (s.phase == GREETING) return;
        sent_frame();
    }
}

static void shake(void)
{
    switch (logs_tls_shake(s.tls)) {
    case LOGS_TLS_DONE: greet(); return;
    case LOGS_TLS_WAITS: return;
    case LOGS_TLS_FAILED: hang_up(); return;
    }
}

static void take_connection(void)
{
    int error     = 0;
    socklen_t len = sizeof error;
    s.phase       = s.tls ? SHAKING : CONNECTING;
    if (getsockopt(s.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0 ||
        (s.tls && !logs_tls_start(s.tls, s.fd)))
        hang_up();
    else if (s.tls)
        shake();
    else
        greet();
}

/* What the target's socket is waited for. */
static short wanted(void)
{
    if (s.fd >= 0 && s.phase == SHAKING) return logs_tls_events(s.tls);
    bool wants_out = s.fd >= 0 && (s.phase == CONNECTING || s.frame_done < s.frame_len);
    return (short)((s.is_silent ? 0 : POLLIN) | (wants_out ? POLLOUT : 0));
}

/* False when it is to end: it was asked to, or the log is nobody's any more. */
static bool step(void)
{
    struct pollfd fds[] = {
        {.fd = s.signals, .events = POLLIN  },
        {.fd = s.fd,      .events = wanted()}
    };
    struct stat st;
    poll(fds, 2, LOOK_MS);
    if (fds[0].revents || fstat(s.log, &st) != 0 || st.st_nlink == 0) return false;
    uint64_t now = now_ms();
    if (s.fd < 0) {
        keep_up((uint64_t)st.st_size);
        if (now >= s.next_ms) call();
    } else if (s.phase == CONNECTING) {
        if (fds[1].revents) take_connection();
    } else if (s.phase == SHAKING) {
        if (fds[1].revents) shake();
    } else {
        if (fds[1].revents & (POLLERR | POLLHUP))
            hang_up();
        else if (fds[1].revents & POLLIN)
            take_answer();
        if (s.fd >= 0) push();
    }
    bool is_waited_for = s.phase < UP || s.frame_len > 0;
    if (s.fd >= 0 && is_waited_for && now > s.since_ms + PATIENCE_MS) hang_up();
    if (now > s.saved_ms + SAVE_MS) save();
    return true;
}

/* ---- the process ---- */

static bool read_plan(const char *folder)
{
    char path[PATH_CAP], error[128];
    json_t *json = path_join(path, "%s/logs.json", folder) ? json_load_file(path, 0, NULL) : NULL;
    const char *text[4];
    static const char *const keys[] = {"machine", "netns", "link", "url"};
    bool is_ok                      = json != NULL;
    for (size_t i = 0; i < 4; i++) {
        text[i] = json_string_value(json_object_get(json, keys[i]));
        is_ok   = is_ok && text[i];
    }
    s.user = (uint32_t)json_integer_value(json_object_get(json, "user"));
    is_ok  = is_ok && path_join(s.machine, "%s", text[0]) && logs_target_parse(text[3], &s.target, error) &&
            s.user != 0 && (size_t)snprintf(s.netns, sizeof s.netns, "%s", text[1]) < sizeof s.netns &&
            (size_t)snprintf(s.link, sizeof s.link, "%s", text[2]) < sizeof s.link;
    json_decref(json);
    return is_ok;
}

static bool open_files(const char *folder)
{
    char path[PATH_CAP];
    sigset_t set;
    s.log = path_join(path, "%s/log", s.machine) ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (s.log < 0 || !path_join(path, "%s/sent", folder)) return false;
    s.sent = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (s.sent < 0) return false;
    if (pread(s.sent, &s.state, sizeof s.state, 0) != (ssize_t)sizeof s.state || s.state.tail_len > LOGS_TAIL)
        s.state = (logs_state_t){0};
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_SETMASK, &set, NULL);
    s.signals = signalfd(-1, &set, SFD_CLOEXEC);
    return s.signals >= 0;
}

static bool write_run(const char *folder)
{
    char path[PATH_CAP], text[128], boot[37];
    boot_id(boot);
    snprintf(text, sizeof text, "%d %" PRIu64 " %s\n", (int)getpid(), process_start_ticks(getpid()), boot);
    return path_join(path, "%s/run", folder) && file_replace(path, text, strlen(text), 0600);
}

static bool enter_network(void)
{
    int netns  = netns_open(s.netns);
    bool is_ok = netns >= 0 && setns(netns, CLONE_NEWNET) == 0;
    if (netns >= 0) close(netns);
    return is_ok;
}

/* An empty root, a user of its own, no privilege, a few files. */
static bool give_up_rights(const char *folder)
{
    char path[PATH_CAP];
    struct rlimit none = {0, 0}, files = {16, 16}, size = {65536, 65536};
    return path_join(path, "%s/empty", folder) && folder_make(path, 0555) && chroot(path) == 0 &&
           chdir("/") == 0 && setgroups(0, NULL) == 0 && setresgid(s.user, s.user, s.user) == 0 &&
           setresuid(s.user, s.user, s.user) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_DUMPABLE, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 &&
           setrlimit(RLIMIT_NPROC, &none) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0 &&
           setrlimit(RLIMIT_FSIZE, &size) == 0;
}

static const char *prepare(const char *folder)
{
    char path[PATH_CAP];
    setsid();
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    s.fd = -1;
    if (!path_join(path, "%s/lock", folder) || lock_take(path) < 0) return "another process sends this log";
    if (!read_plan(folder)) return "logs.json cannot be read";
    if (s.target.kind == LOGS_WSS && !(s.tls = logs_tls_new(&s.target, NULL)))
        return "no certificate authorities are here: pin the key of output by #sha256=";
    if (!open_files(folder)) return "the machine has no log";
    if (!enter_network()) return "its network is not there";
    if (!write_run(folder)) return "run cannot be written";
    return give_up_rights(folder) ? NULL : "it cannot give up its rights";
}

static void serve(const char *folder, int parent)
{
    const char *error = prepare(folder);
    int null          = error ? -1 : 0;
    if (error && write(parent, error, strlen(error)) < 0) null = -1;
    close(parent);
    if (error) _exit(1);
    while (step())
        continue;
    save();
    _exit(null);
}

int main(int argc, char **argv)
{
    int ends[2];
    char text[128];
    if (argc != 2 || argv[1][0] != '/') {
        fprintf(stderr, "usage: zos-logs FOLDER   (the agent runs it; an absolute path)\n");
        return 2;
    }
    umask(022);
    if (pipe2(ends, O_CLOEXEC) != 0) return 1;
    pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int i = 0; null >= 0 && i < 3; i++)
            dup2(null, i);
        close(ends[0]);
        serve(argv[1], ends[1]);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], text, sizeof text - 1);
    if (got <= 0) return got < 0;
    fprintf(stderr, "%.*s\n", (int)got, text);
    return 1;
}
