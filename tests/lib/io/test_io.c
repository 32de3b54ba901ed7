/* test_io.c - the loop: timers, posts, work on other threads, signals, waiting. */
#include "io.h"
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

typedef struct {
    io_t *io;
    int count, limit;
    bool is_done;
} counter_t;

static void count(void *self)
{
    counter_t *c = self;
    c->is_done   = ++c->count >= c->limit;
}

static void count_and_stop(void *self)
{
    counter_t *c = self;
    if (++c->count >= c->limit) io_stop(c->io);
}

TEST(a_timer_fires_once_or_again_and_again)
{
    io_t *io         = io_new();
    counter_t single = {.io = io, .limit = 1}, repeated = {.io = io, .limit = 3};
    io_timer_start(io, 0, 0, count, &single);
    io_timer_t *timer = io_timer_start(io, 1, 1, count_and_stop, &repeated);
    io_run(io);
    EQ(single.count, 1);
    EQ(repeated.count, 3);
    io_timer_stop(timer);
    io_free(io);
}

TEST(a_timer_that_was_stopped_does_not_fire)
{
    io_t *io    = io_new();
    counter_t c = {.limit = 1}, other = {.limit = 1};
    io_timer_stop(io_timer_start(io, 0, 0, count, &c));
    io_timer_start(io, 1, 0, count, &other);
    OK(io_wait(io, &other.is_done, 1000));
    EQ(c.count, 0);
    io_free(io);
}

static void *post_many(void *self)
{
    counter_t *c = self;
    for (int i = 0; i < 1000; i++)
        io_post(c->io, count, c);
    return NULL;
}

TEST(posts_of_other_threads_all_arrive)
{
    io_t *io    = io_new();
    counter_t c = {.io = io, .limit = 4000};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, post_many, &c);
    OK(io_wait(io, &c.is_done, 10000));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    EQ(c.count, 4000);
    io_free(io);
}

typedef struct {
    uint64_t in, out;
    pthread_t thread;
    bool is_done;
} square_t;
static void square(void *self)
{
    square_t *s = self;
    s->out      = s->in * s->in;
    s->thread   = pthread_self();
}
static void square_done(void *self) { ((square_t *)self)->is_done = true; }

TEST(work_is_done_elsewhere_and_told_here)
{
    io_t *io   = io_new();
    square_t s = {.in = 12};
    io_work(io, square, square_done, &s);
    OK(io_wait(io, &s.is_done, 10000));
    EQ(s.out, 144);
    OK(!pthread_equal(s.thread, pthread_self()));
    square_t left = {.in = 3};
    io_work(io, square, square_done, &left);
    io_free(io);
    OK(left.is_done);
}

TEST(a_signal_stops_the_loop)
{
    io_t *io = io_new();
    io_stop_on_signals(io, NULL, NULL);
    kill(getpid(), SIGTERM);
    io_run(io);
    counter_t c = {.io = io, .limit = 1};
    io_stop_on_signals(io, count_and_stop, &c);
    kill(getpid(), SIGINT);
    io_run(io);
    EQ(c.count, 1);
    io_free(io);
}

TEST(waiting_ends_when_it_is_too_late)
{
    io_t *io   = io_new();
    bool never = false;
    OK(!io_wait(io, &never, 1));
    io_step(io, 0);
    io_free(io);
}

static void read_one(void *self, uint32_t ready)
{
    counter_t *c = self;
    if (ready & IO_READABLE) c->is_done = true;
}

/* The loop's own time stands still while we are busy: a wait that is over before it began must end too. */
TEST(a_wait_ends_however_long_the_loop_did_not_turn)
{
    io_t *io = io_new();
    alarm(20);
    for (int i = 0; i < 20; i++) {
        for (uint64_t end = io_ticks_ms(io) + 3; io_ticks_ms(io) < end;) {
        }
        io_step(io, 1);
    }
    alarm(0);
    io_free(io);
}

TEST(a_descriptor_is_watched)
{
    io_t *io = io_new();
    int fds[2];
    OK(pipe(fds) == 0);
    counter_t c       = {0};
    io_watch_t *watch = io_watch_start(io, fds[0], IO_READABLE, read_one, &c);
    OK(watch != NULL);
    OK(write(fds[1], "x", 1) == 1);
    OK(io_wait(io, &c.is_done, 1000));
    io_watch_stop(watch);
    io_free(io);
    close(fds[0]);
    close(fds[1]);
}

TEST(random_bytes_differ)
{
    uint8_t a[32] = {0}, b[32] = {0};
    io_random(a, sizeof a);
    io_random(b, sizeof b);
    OK(memcmp(a, b, sizeof a) != 0);
}

TEST_MAIN()
