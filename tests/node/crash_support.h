/* crash_support.h - kills a writer of blocks at random moments, and looks at what it left.
 *
 *     TEST [REPETITIONS [SEED]]     20 and a seed from the clock by default
 *
 * The writer is the test program again (`TEST --write PATH FD`).  It tells of each block by a byte once the
 * block is kept: 'b' a new best one, 'f' that the one before it is final. */
#ifndef CRASH_SUPPORT_H
#define CRASH_SUPPORT_H
#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TOLD_MOST = 40 };

typedef struct {
    uint32_t best, finalized;
} told_t;

/* run_writer starts the writer, reads what it tells until it has told of `count` things, kills it some
 * microseconds later, and reads the rest. */
static inline bool run_writer(const char *path, random_t *random, told_t *told)
{
    int ends[2];
    char fd[12], is;
    if (pipe(ends) != 0) return false;
    snprintf(fd, sizeof fd, "%d", ends[1]);
    pid_t writer = fork();
    if (writer == 0) {
        execl("/proc/self/exe", "writer", "--write", path, fd, (char *)NULL);
        _exit(9);
    }
    close(ends[1]);
    uint32_t limit = 1 + random_below(random, TOLD_MOST), count = 0;
    struct timespec pause = {0, (long)random_below(random, 3000000)};
    while (writer > 0 && read(ends[0], &is, 1) == 1) {
        if (is == 'b')
            told->best++;
        else
            told->finalized = told->best - 1;
        if (++count != limit) continue;
        nanosleep(&pause, NULL);
        kill(writer, SIGKILL);
    }
    int status = 0;
    close(ends[0]);
    waitpid(writer, &status, 0);
    if (!WIFSIGNALED(status)) printf("the writer ended by itself: %d\n", WEXITSTATUS(status));
    return WIFSIGNALED(status);
}

/* What a crash test is made of: a writer that never ends, and a check that brings *told up to date. */
typedef int (*crash_write_t)(const char *path, int told);
typedef void (*crash_check_t)(const char *path, told_t *told);

static int remove_one_(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static inline uint32_t crash_run(uint32_t repetitions, uint64_t seed, crash_check_t check)
{
    char path[]       = "/tmp/trellis-crash-XXXXXX";
    random_t random   = {seed};
    told_t told       = {0};
    uint32_t survived = 0;
    if (!mkdtemp(path)) return 0;
    for (; survived < repetitions; survived++) {
        if (!run_writer(path, &random, &told)) break;
        check(path, &told);
        if (test_failed_) break;
    }
    printf("%u kills survived, %u blocks, %u of them final\n", survived, told.best, told.finalized);
    nftw(path, remove_one_, 8, FTW_DEPTH | FTW_PHYS);
    return survived;
}

static inline int crash_main(int argc, char **argv, crash_write_t write_forever, crash_check_t check)
{
    if (argc == 4 && strcmp(argv[1], "--write") == 0)
        return write_forever(argv[2], (int)strtol(argv[3], NULL, 10));
    (void)tests_end_; /* of test.h only the checks and the random numbers are used */
    uint32_t repetitions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 20;
    uint64_t seed        = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    uint32_t survived = crash_run(repetitions, seed, check);
    printf("%u passed, %u failed\n", survived, repetitions - survived);
    return survived != repetitions;
}

#endif
