/* bench_billing.c - what the billing loop of a block costs, over the overlay of a node.
 *
 *     bench_billing [CONTRACTS]     100 000 unless told otherwise
 *
 * The grid is bench_grid.h's.  The frequency is such that each block bills as much as it may (2000); 26
 * cycles run, so that each contract is paid out once.  Only the hook is timed: state is in memory, no root is
 * computed. */
#include "bench_grid.h"
#include "overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BILLS_A_BLOCK = 2000, CYCLES = 26, ROOM = 1 << 30 };

static arena_t state_arena, block_arena;
static kv_memory_t state;
static overlay_t overlay;
static uint8_t *memory;
static rt_t runtime, *rt = &runtime;
static uint32_t contracts = 100000;

static bool host_get(void *self, bytes_t key, arena_t *arena, bytes_t *value)
{
    (void)arena;
    return overlay_get(self, key, value);
}
static void host_put(void *self, bytes_t key, bytes_t value) { overlay_put(self, key, value); }
static void host_remove(void *self, bytes_t key) { overlay_remove(self, key); }
static void host_append(void *self, bytes_t key, uint32_t count, bytes_t items)
{
    overlay_append(self, key, count, items);
}
static bool host_next(void *self, bytes_t key, arena_t *arena, bytes_t *next)
{
    return overlay_next_key(self, key, arena, next);
}
static void host_begin(void *self) { overlay_begin(self); }
static void host_end(void *self, bool keep) { overlay_end(self, keep); }
static void host_log(void *self, const char *message)
{
    (void)self;
    printf("%s\n", message);
}

static const host_t host = {.state    = &overlay,
                            .get      = host_get,
                            .put      = host_put,
                            .remove   = host_remove,
                            .append   = host_append,
                            .next_key = host_next,
                            .begin    = host_begin,
                            .end      = host_end,
                            .log      = host_log};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* block_open lays a fresh overlay over what is kept; block_keep keeps its changes. */
static void block_open(uint32_t number)
{
    static kv_t base;
    base             = kv_memory_view(&state);
    block_arena.used = 0;
    overlay_init(&overlay, &base, &block_arena, 1);
    rt_start(rt, &host, memory, 64 << 20);
    rt->phase = PHASE_FINALIZATION;
    system_number_put(rt, number);
    timestamp_now_put(rt, (GRID_START_S + 6 * (uint64_t)number) * 1000);
    system_events_remove(rt);
}

static void block_keep(void)
{
    changes_t changes;
    rt_events_flush(rt);
    if (rt->fault || overlay.has_failed || !overlay_changes(&overlay, &block_arena, &changes)) {
        printf("broken: %s\n", rt->fault ? rt->fault : "overlay");
        exit(1);
    }
    kv_memory_apply(&state, &changes);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(const char *what, double *ms, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += ms[i];
    qsort(ms, count, sizeof *ms, ascending);
    printf("%-28s %4u blocks: median %.1f ms, worst %.1f ms; %.0f bills a second\n", what, count,
           ms[count / 2], ms[count - 1],
           (double)contracts / 1e3 * 1e6 * (double)count /
               (double)((contracts + BILLS_A_BLOCK - 1) / BILLS_A_BLOCK) / sum);
}

int main(int argc, char **argv)
{
    if (argc > 1) contracts = (uint32_t)strtoul(argv[1], NULL, 10);
    state_arena = (arena_t){.start = malloc(2U * ROOM), .size = 2U * ROOM};
    block_arena = (arena_t){.start = malloc(ROOM), .size = ROOM};
    memory      = malloc(64 << 20);
    if (contracts < BILLS_A_BLOCK || !state_arena.start || !block_arena.start || !memory) return 1;
    kv_memory_init(&state, &state_arena);

    block_open(0);
    const uint32_t frequency = (contracts + BILLS_A_BLOCK - 1) / BILLS_A_BLOCK;
    grid_put(rt, contracts, frequency);
    block_keep();
    printf("%u contracts, %u keys, a bill each %u blocks\n", contracts, state.count, frequency);

    double *plain        = malloc(sizeof *plain * CYCLES * frequency),
           *paying       = malloc(sizeof *paying * CYCLES * frequency);
    uint32_t plain_count = 0, paying_count = 0;
    for (uint32_t number = 1; number <= CYCLES * frequency; number++) {
        block_open(number);
        const double start = now_ms();
        smart_contract_on_finalize(rt);
        const double took                               = now_ms() - start;
        smart_contract_contract_payment_state_t payment = {0};
        const uint64_t first                            = number % frequency ? number % frequency : frequency;
        if (!smart_contract_contract_payment_state_get(rt, first, &payment)) {
            printf("block %u: %s\n", number, rt->fault ? rt->fault : "a contract is gone");
            return 1;
        }
        if (payment.cycles == 0)
            paying[paying_count++] = took;
        else
            plain[plain_count++] = took;
        block_keep();
    }
    tell("reserving", plain, plain_count);
    tell("reserving and paying out", paying, paying_count);
    free(plain);
    free(paying);
    return 0;
}
