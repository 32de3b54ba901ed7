/* runner.h - other programs, run with argument lists: never through a shell. */
#ifndef RUNNER_H
#define RUNNER_H
#include "base.h"

#define SPAWN_TEXT_CAP 2048

typedef struct {
    bool is_done;              /* it ended by itself in time */
    int exit_code;             /* 128 + signal when a signal ended it; -1 when it was not started */
    char text[SPAWN_TEXT_CAP]; /* what it said last, both outputs together */
} spawn_result_t;

/* spawn_run runs argv (argv[0] is looked up in PATH; ends with NULL) with an empty standard input and a small
 * environment, and waits.  After timeout_ms its process group is killed.  True when it exited with 0.
 * result may be NULL. */
bool spawn_run(const char *const *argv, uint32_t timeout_ms, spawn_result_t *result);

/* spawn_logged is spawn_run whose outputs go to a descriptor instead of result->text. */
bool spawn_logged(const char *const *argv, uint32_t timeout_ms, int output, spawn_result_t *result);

/* spawn_fresh is spawn_run for a program that only makes new files, which count when they are renamed: it is
 * killed, too, when the descriptor that the thread gave to spawn_fresh_until becomes readable; -1: never. */
bool spawn_fresh(const char *const *argv, uint32_t timeout_ms, spawn_result_t *result);
void spawn_fresh_until(int fd);

#define SPAWN_FRESH(result, timeout_ms, ...)                                                                 \
    spawn_fresh((const char *const[]){__VA_ARGS__, NULL}, timeout_ms, result)
#define SPAWN(result, timeout_ms, ...) spawn_run((const char *const[]){__VA_ARGS__, NULL}, timeout_ms, result)

#endif
