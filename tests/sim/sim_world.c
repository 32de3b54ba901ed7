/* sim_world.c - events in order of time, machines, and io.h over them. */
#include "sim.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 32
#define RUN_US       1 /* between events that come one after the other */
#define TIMER_US     200

struct sim_event {
    uint64_t at_us, seq;
    io_t *io; /* NULL: the world's */
    io_fn_t fn;
    void *self;
    bool is_cancelled;
};

struct io_timer {
    io_t *io;
    sim_event_t *event;
    uint64_t repeat_ms;
    io_fn_t fn;
    void *self;
    bool is_running, is_stopped;
    io_timer_t *next, **back;
};

/* Work that a thread does beside the loop: it happens at one time, and the loop hears at a later one. */
typedef struct job {
    io_t *io;
    sim_event_t *event;
    io_fn_t work, done;
    void *self;
    bool is_worked;
    struct job *next, **back;
} job_t;

struct io {
    machine_t *machine;
    bool is_dead;
    io_timer_t *timers;
    job_t *jobs;
    uint64_t last_post_us;
    io_t *next;
};

struct machine {
    char name[NAME_MAX_LEN];
    uint32_t index;
    program_t program;
    void *running;
    io_t *io;
    int64_t skew_ms;
    uint32_t doom; /* acts until it dies; 0: none */
    bool is_doom_power;
    uint64_t starts;
};

static struct {
    uint64_t now_us, seq, random, ran;
    sim_event_t **heap;
    uint32_t count, cap;
    io_t *ios, *current;
    machine_t *machines[MACHINES_CAP];
    uint32_t machine_count;
} sim;

bool sim_is_traced;

void sim_trace(const char *format, ...)
{
    va_list list;
    if (!sim_is_traced) return;
    printf("%10.3f ", (double)sim.now_us / 1e6);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
}

/* ---- chance ---- */

uint64_t sim_random(void)
{
    uint64_t z = sim.random += UINT64_C(0x9e3779b97f4a7c15);
    z          = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z          = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
uint32_t sim_below(uint32_t limit) { return (uint32_t)(sim_random() % limit); }
bool sim_chance(uint32_t per_million) { return sim_below(1000000) < per_million; }

void io_random(void *out, size_t len)
{
    uint8_t *at = out;
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)sim_random();
}

/* ---- events ---- */

static bool is_before(const sim_event_t *a, const sim_event_t *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->seq < b->seq);
}

static void heap_push(sim_event_t *event)
{
    if (sim.count == sim.cap) {
        sim.cap  = sim.cap ? sim.cap * 2 : 1024;
        sim.heap = realloc(sim.heap, sim.cap * sizeof(sim_event_t *));
        assert(sim.heap);
    }
    uint32_t i = sim.count++;
    while (i > 0 && is_before(event, sim.heap[(i - 1) / 2])) {
        sim.heap[i] = sim.heap[(i - 1) / 2];
        i           = (i - 1) / 2;
    }
    sim.heap[i] = event;
}

static sim_event_t *heap_pop(void)
{
    sim_event_t *top = sim.heap[0], *last = sim.heap[--sim.count];
    uint32_t i = 0, child;
    while ((child = 2 * i + 1) < sim.count) {
        if (child + 1 < sim.count && is_before(sim.heap[child + 1], sim.heap[child])) child++;
        if (is_before(last, sim.heap[child])) break;
        sim.heap[i] = sim.heap[child];
        i           = child;
    }
    sim.heap[i] = last;
    return top;
}

sim_event_t *sim_event_add(io_t *io, uint64_t delay_us, io_fn_t fn, void *self)
{
    sim_event_t *event = malloc(sizeof *event);
    *event =
        (sim_event_t){.at_us = sim.now_us + delay_us, .seq = ++sim.seq, .io = io, .fn = fn, .self = self};
    heap_push(event);
    return event;
}

void sim_event_cancel(sim_event_t *event) { event->is_cancelled = true; }
void sim_after(uint64_t delay_us, io_fn_t fn, void *self) { (void)sim_event_add(NULL, delay_us, fn, self); }
uint64_t sim_now_us(void) { return sim.now_us; }
uint64_t sim_events(void) { return sim.ran; }
io_t *sim_current(void) { return sim.current; }

static void machine_bury(machine_t *machine);

void sim_run(uint64_t until_us)
{
    while (sim.count > 0 && sim.heap[0]->at_us <= until_us) {
        sim_event_t *event = heap_pop();
        sim.now_us         = event->at_us;
        bool is_wanted     = !event->is_cancelled && !(event->io && event->io->is_dead);
        if (is_wanted) {
            sim.ran++;
            sim.current = event->io;
            event->fn(event->self);
            sim.current = NULL;
            if (event->io && event->io->is_dead && event->io->machine->io == event->io)
                machine_bury(event->io->machine);
        }
        free(event);
    }
    if (sim.now_us < until_us) sim.now_us = until_us;
}

/* ---- io.h ---- */

io_t *io_new(void) { abort(); } /* a machine hands its io_t to its program */

void io_free(io_t *io) { web_machine_gone(io); } /* itself it is the world's */

void io_run(io_t *io) { (void)io; }

static void job_end(job_t *job)
{
    *job->back = job->next;
    if (job->next) job->next->back = job->back;
    if (!job->is_worked) job->work(job->self);
    job->done(job->self);
    free(job);
}

/* A program that steps its loop itself waits for work that is under way, when it stops. */
void io_step(io_t *io, uint64_t wait_ms)
{
    (void)wait_ms;
    if (!io->jobs) return;
    sim_event_cancel(io->jobs->event);
    job_end(io->jobs);
}

void io_stop(io_t *io) { (void)io; }
void io_stop_on_signals(io_t *io, io_fn_t on_signal, void *self)
{
    (void)io;
    (void)on_signal;
    (void)self;
}
void io_on_hangup(io_t *io, io_fn_t fn, void *self)
{
    (void)io;
    (void)fn;
    (void)self;
}
bool io_wait(io_t *io, const bool *is_done, uint64_t timeout_ms)
{
    (void)io;
    (void)timeout_ms;
    return *is_done;
}

uint64_t io_now_ms(const io_t *io)
{
    return SIM_EPOCH_MS + sim.now_us / 1000 + (uint64_t)io->machine->skew_ms;
}
uint64_t io_ticks_ms(const io_t *io)
{
    (void)io;
    return 1000000 + sim.now_us / 1000;
}

static void timer_free(io_timer_t *timer)
{
    *timer->back = timer->next;
    if (timer->next) timer->next->back = timer->back;
    free(timer);
}

static void timer_fire(void *self)
{
    io_timer_t *timer = self;
    if (timer->repeat_ms == 0) {
        io_fn_t fn = timer->fn;
        void *to   = timer->self;
        timer_free(timer);
        fn(to);
        return;
    }
    timer->event = sim_event_add(timer->io, timer->repeat_ms * 1000, timer_fire, timer);
    timer->fn(timer->self);
}

io_timer_t *io_timer_start(io_t *io, uint64_t delay_ms, uint64_t repeat_ms, io_fn_t fn, void *self)
{
    io_timer_t *timer = calloc(1, sizeof *timer);
    *timer            = (io_timer_t){
                   .io = io, .repeat_ms = repeat_ms, .fn = fn, .self = self, .next = io->timers, .back = &io->timers};
    if (timer->next) timer->next->back = &timer->next;
    io->timers   = timer;
    timer->event = sim_event_add(io, delay_ms * 1000 + TIMER_US, timer_fire, timer);
    return timer;
}

void io_timer_stop(io_timer_t *timer)
{
    sim_event_cancel(timer->event);
    timer_free(timer);
}

void io_post(io_t *io, io_fn_t fn, void *self) { (void)sim_event_add(io, RUN_US, fn, self); }

static void job_done(void *self) { job_end(self); }

static void job_work(void *self)
{
    job_t *job     = self;
    job->is_worked = true;
    job->work(job->self);
    job->event = sim_event_add(job->io, 10 + sim_below(3000), job_done, job);
}

void io_work(io_t *io, io_fn_t work, io_fn_t done, void *self)
{
    job_t *job = calloc(1, sizeof *job);
    *job = (job_t){.io = io, .work = work, .done = done, .self = self, .next = io->jobs, .back = &io->jobs};
    if (job->next) job->next->back = &job->next;
    io->jobs = job;
    uint64_t us =
        sim_chance(20000) ? 500000 + sim_below(3000000) : 200 + sim_below(8000); /* a slow disk, at times */
    job->event = sim_event_add(io, us, job_work, job);
}

io_watch_t *io_watch_start(io_t *io, int fd, uint32_t wanted, io_watch_fn_t fn, void *self)
{
    (void)io;
    (void)fd;
    (void)wanted;
    (void)fn;
    (void)self;
    return NULL;
}
void io_watch_want(io_watch_t *watch, uint32_t wanted)
{
    (void)watch;
    (void)wanted;
}
void io_watch_stop(io_watch_t *watch) { (void)watch; }
uint64_t io_memory_bytes(void) { return 0; }
struct uv_loop_s *io_loop(io_t *io)
{
    (void)io;
    abort();
}

machine_t *io_machine(const io_t *io) { return io->machine; }
bool io_is_dead(const io_t *io) { return io->is_dead; }

/* ---- machines ---- */

machine_t *machine_new(const char *name, const program_t *program)
{
    assert(sim.machine_count < MACHINES_CAP);
    machine_t *machine = calloc(1, sizeof *machine);
    snprintf(machine->name, sizeof machine->name, "%s", name);
    machine->index                    = sim.machine_count;
    machine->program                  = *program;
    sim.machines[sim.machine_count++] = machine;
    return machine;
}

void machine_start(machine_t *machine)
{
    assert(!machine->io);
    io_t *io = calloc(1, sizeof *io);
    *io      = (io_t){.machine = machine, .next = sim.ios};
    sim.ios  = io;
    sim_trace("%s starts", machine->name);
    machine->io   = io;
    machine->doom = 0;
    machine->starts++;
    io_t *held       = sim.current;
    sim.current      = io;
    machine->running = machine->program.start(machine, io, machine->program.self);
    sim.current      = held;
    if (io->is_dead) machine_bury(machine);
}

/* What is left of a process: nothing that is called from here on reaches the world. */
static void machine_clear(machine_t *machine)
{
    io_t *io    = machine->io;
    io_t *held  = sim.current;
    sim.current = io;
    if (machine->running) machine->program.stop(machine->running);
    machine->running = NULL;
    while (io->jobs)
        io_step(io, 0);
    while (io->timers)
        io_timer_stop(io->timers);
    io->is_dead = true;
    machine->io = NULL;
    sim.current = held;
}

static void machine_bury(machine_t *machine)
{
    if (machine->running) machine_clear(machine);
    machine->io = NULL;
}

void machine_stop(machine_t *machine)
{
    if (!machine->io) return;
    sim_trace("%s stops", machine->name);
    io_t *io = machine->io;
    machine_clear(machine);
    net_machine_gone(io, false);
    disk_machine_gone(io, false);
}

static void die(machine_t *machine, bool is_power_lost)
{
    sim_trace("%s %s", machine->name, is_power_lost ? "loses its power" : "is killed");
    machine->io->is_dead = true;
    disk_machine_gone(machine->io, is_power_lost);
    net_machine_gone(machine->io, is_power_lost);
}

void machine_kill(machine_t *machine, bool is_power_lost)
{
    if (!machine->io) return;
    die(machine, is_power_lost);
    machine_bury(machine);
}

void machine_doom(machine_t *machine, bool is_power_lost)
{
    machine->doom          = 1 + sim_below(40);
    machine->is_doom_power = is_power_lost;
}

bool sim_may_act(io_t *io)
{
    if (io->is_dead) return false;
    machine_t *machine = io->machine;
    if (machine->io != io || machine->doom == 0 || --machine->doom > 0) return true;
    die(machine, machine->is_doom_power);
    return false;
}

bool machine_is_up(const machine_t *machine) { return machine->io && !machine->io->is_dead; }
const char *machine_name(const machine_t *machine) { return machine->name; }
void *machine_program(const machine_t *machine) { return machine->running; }
uint32_t machine_index(const machine_t *machine) { return machine->index; }
void machine_set_skew(machine_t *machine, int64_t skew_ms) { machine->skew_ms = skew_ms; }
uint64_t machine_starts(const machine_t *machine) { return machine->starts; }

/* ---- the world ---- */

void sim_start(uint64_t seed)
{
    memset(&sim, 0, sizeof sim);
    sim.random = seed;
}

void sim_end(void)
{
    for (uint32_t i = 0; i < sim.machine_count; i++) {
        if (sim.machines[i]->io) sim.machines[i]->io->is_dead = true;
        if (sim.machines[i]->io) machine_bury(sim.machines[i]);
        free(sim.machines[i]);
    }
    for (uint32_t i = 0; i < sim.count; i++)
        free(sim.heap[i]);
    free(sim.heap);
    while (sim.ios) {
        io_t *io = sim.ios;
        sim.ios  = io->next;
        free(io);
    }
    memset(&sim, 0, sizeof sim);
}
