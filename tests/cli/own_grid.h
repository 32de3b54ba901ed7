/* own_grid.h - a chain and a relay that one test has for itself, and `trellis` run against them.
 *
 * Four free ports of 21340 to 21395, a folder under /tmp; all is gone when the test program ends. */
#ifndef OWN_GRID_H
#define OWN_GRID_H
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

extern char out[1 << 20]; /* what the last command printed, on both streams */

/* own_node_start runs trellis-node with instant sealing and sets TRELLIS_URL. */
void own_node_start(void);

/* own_relay_start runs rmb-relay for the domain grid.local; own_relay_url is where its WebSockets come. */
void own_relay_start(void);
void own_relay_kill(void); /* SIGKILL; own_relay_start starts it again, with what it had stored */
const char *own_relay_url(void);
const char *own_bus_url(void); /* where nng comes */

/* run gives the exit status of `trellis ARGUMENTS`. */
int run(const char *arguments);
bool says(const char *text);

/* run_begin starts it; run_ended is -1 while it runs, then its exit status, and out is filled. */
pid_t run_begin(const char *arguments);
int run_ended(pid_t child);

/* run_beside starts a command that runs until the test ends, or until run_end, which waits for the one that
 * was started last to end by itself and fills out. */
void run_beside(const char *log, const char *arguments);
int run_end(const char *log);

/* answer runs a command with --json; NULL when it fails.  number takes one number out of it. */
json_t *answer(const char *arguments);
json_int_t number(const char *arguments, const char *name);

#endif
