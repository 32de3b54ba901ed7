/* test_properties.c - whatever anybody does, money is kept, bills are right, and every index leads where it
 * should.
 *
 *     test_properties [--sequences N] [--calls M] [--seed S] [--only S [--trace 1]]
 *
 * A sequence is a chain of its own, made of a seed, with M calls at least; --seed is the first one's, --only
 * runs that one alone.  Without arguments: what the tests of every day have time for. */
#include "chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SEQUENCES = 150, CALLS = 1000 };

static bool run_one(uint64_t seed, uint32_t calls)
{
    chain_t *chain   = chain_new(chance_of_seed(seed));
    const bool holds = chain_run(chain, calls);
    if (!holds)
        printf("seed %llu: not so: %s\n  again with --only %llu --calls %u\n", (unsigned long long)seed,
               chain_fault(chain), (unsigned long long)seed, calls);
    chain_free(chain);
    return holds;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, only = 0;
    uint32_t sequences = SEQUENCES, calls = CALLS, failed = 0, passed = 0;
    bool is_long = false;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i + 1 < argc; i += 2) {
        const uint64_t value = strtoull(argv[i + 1], NULL, 0);
        if (strcmp(argv[i], "--sequences") == 0) sequences = (uint32_t)value, is_long = true;
        if (strcmp(argv[i], "--calls") == 0) calls = (uint32_t)value;
        if (strcmp(argv[i], "--seed") == 0) first = value;
        if (strcmp(argv[i], "--only") == 0) only = value;
        if (strcmp(argv[i], "--trace") == 0) chain_is_traced = value > 0;
    }
    if (only > 0) return run_one(only, calls) ? 0 : 1;
    const double start = seconds_now();
    for (uint32_t i = 0; i < sequences && failed < 5; i++) {
        if (run_one(first + i, calls))
            passed++;
        else
            failed++;
        if (is_long && (i + 1) % 500 == 0) printf("%u sequences, %.0f s\n", i + 1, seconds_now() - start);
    }
    if (is_long) chain_print_coverage();
    if (is_long) (void)chain_calls_without_success(true);
    printf("%u sequences of %u calls from seed %llu: %.0f s, %.0f calls a second\n", passed, calls,
           (unsigned long long)first, seconds_now() - start,
           (double)passed * calls / (seconds_now() - start));
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0;
}
