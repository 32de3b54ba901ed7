/* test_local_nng.c - local programs that speak nng: they ask and are answered, and hear what is published. */
#include "test.h"

#include "local_nng.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 10000
#define ASKS    100

static struct {
    io_t *io;
    local_nng_t *local;
    local_ask_t *held;
    char rep[64], pub[64], heard[64];
    uint32_t asked, answered;
    bool is_done;
} w;

static void answer_held(void *self)
{
    (void)self;
    local_nng_answer(w.held, BYTES("late"));
}

static void on_ask(void *self, local_ask_t *ask, bytes_t message)
{
    (void)self;
    if (++w.asked == 1) {
        w.held = ask;
        (void)io_timer_start(w.io, 5, 0, answer_held, NULL);
        return;
    }
    local_nng_answer(ask, message);
}

static void finished(void *self)
{
    (void)self;
    w.is_done = true;
}

static void *ask_all(void *self)
{
    nng_socket socket;
    char text[32], *got;
    size_t len;
    (void)self;
    if (nng_req0_open(&socket) || nng_dial(socket, w.rep, NULL, 0)) return NULL;
    for (int i = 0; i < ASKS; i++) {
        snprintf(text, sizeof text, i ? "ask %d" : "late", i);
        if (nng_send(socket, text, strlen(text), 0) || nng_recv(socket, &got, &len, NNG_FLAG_ALLOC)) break;
        w.answered += len == strlen(text) && memcmp(got, text, len) == 0;
        nng_free(got, len);
    }
    nng_close(socket);
    io_post(w.io, finished, NULL);
    return NULL;
}

static void *listen_to(void *self)
{
    nng_socket socket;
    char *got;
    size_t len;
    (void)self;
    if (nng_sub0_open(&socket) || nng_dial(socket, w.pub, NULL, 0)) return NULL;
    if (nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "mine ", 5)) return NULL;
    if (nng_recv(socket, &got, &len, NNG_FLAG_ALLOC) == 0) {
        snprintf(w.heard, sizeof w.heard, "%.*s", (int)len, got);
        nng_free(got, len);
    }
    nng_close(socket);
    io_post(w.io, finished, NULL);
    return NULL;
}

static void publish(void *self)
{
    (void)self;
    local_nng_publish(w.local, "minelike", BYTES("{}"));
    local_nng_publish(w.local, "mine", BYTES("{\"ver\":1}"));
}

static void up(void)
{
    memset(&w, 0, sizeof w);
    const char *error = "";
    w.io              = io_new();
    snprintf(w.rep, sizeof w.rep, "ipc:///tmp/trellis-test-local-%d.rep", (int)getpid());
    snprintf(w.pub, sizeof w.pub, "ipc:///tmp/trellis-test-local-%d.pub", (int)getpid());
    w.local = local_nng_new(w.io, w.rep, w.pub, on_ask, NULL, &error);
}

static void down(void)
{
    local_nng_free(w.local);
    for (int i = 0; i < 10; i++)
        io_step(w.io, 1);
    io_free(w.io);
}

TEST(a_program_asks_and_each_ask_is_answered)
{
    pthread_t thread;
    struct stat info;
    up();
    OK(w.local);
    OK(stat(w.rep + strlen("ipc://"), &info) == 0 && (info.st_mode & 077) == 0);
    pthread_create(&thread, NULL, ask_all, NULL);
    OK(io_wait(w.io, &w.is_done, WAIT_MS));
    pthread_join(thread, NULL);
    EQ(w.answered, ASKS);
    down();
}

TEST(who_listens_hears_its_command_alone)
{
    pthread_t thread;
    up();
    io_timer_t *timer = io_timer_start(w.io, 0, 20, publish, NULL);
    pthread_create(&thread, NULL, listen_to, NULL);
    OK(io_wait(w.io, &w.is_done, WAIT_MS));
    pthread_join(thread, NULL);
    io_timer_stop(timer);
    OK(strcmp(w.heard, "mine {\"ver\":1}") == 0);
    down();
}

TEST(an_address_that_cannot_be_is_told)
{
    const char *error = "";
    memset(&w, 0, sizeof w);
    w.io = io_new();
    OK(!local_nng_new(w.io, "ipc:///nowhere/at/all", NULL, on_ask, NULL, &error));
    OK(*error);
    for (int i = 0; i < 5; i++)
        io_step(w.io, 1);
    io_free(w.io);
}

TEST_MAIN()
