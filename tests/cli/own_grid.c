/* own_grid.c - programs started and stopped for one test. */
#include "own_grid.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_PORT 21340
#define PORT_SETS  14

extern char **environ;

char out[1 << 20];
static char folder[] = "/tmp/trellis-test-grid-XXXXXX", relay_url[64], bus_url[64];
static pid_t children[8], relay;
static int child_count;

/* is_free: may this test listen there?  Another program of tests may run beside it. */
static bool is_free(int number)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    at.sin_addr.s_addr    = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    bool is_bound = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0) (void)close(fd);
    return is_bound;
}

/* port is one of four, all free when the first of them was asked for. */
static int port(int offset)
{
    static int first;
    for (int i = 0; first == 0 && i < PORT_SETS; i++) {
        int at = FIRST_PORT + (int)((getpid() + i) % PORT_SETS) * 4;
        if (is_free(at) && is_free(at + 1) && is_free(at + 2) && is_free(at + 3)) first = at;
    }
    return (first ? first : FIRST_PORT) + offset;
}

static void stop_all(void)
{
    char line[256];
    while (child_count > 0) {
        pid_t child = children[--child_count];
        (void)kill(child, SIGTERM);
        (void)waitpid(child, NULL, 0);
    }
    snprintf(line, sizeof line, "rm -rf %s", folder);
    FILE *pipe = popen(line, "r");
    if (pipe) (void)pclose(pipe);
}

static pid_t start(const char *log, char *const *words)
{
    char path[128];
    pid_t child;
    posix_spawn_file_actions_t actions;
    snprintf(path, sizeof path, "%s/%s", folder, log);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (posix_spawn(&child, words[0], &actions, NULL, words, environ) != 0) abort();
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static void start_daemon(const char *log, char *const *words) { children[child_count++] = start(log, words); }

void own_node_start(void)
{
    char rpc[16], metrics[16], url[64], chain[128];
    if (!mkdtemp(folder)) abort();
    atexit(stop_all);
    snprintf(rpc, sizeof rpc, "%d", port(0));
    snprintf(metrics, sizeof metrics, "%d", port(1));
    snprintf(url, sizeof url, "ws://127.0.0.1:%d", port(0));
    snprintf(chain, sizeof chain, "%s/chain", folder);
    char *const words[] = {(char[]){NODE_PROGRAM},
                           (char[]){"--dev"},
                           (char[]){"--base-path"},
                           chain,
                           (char[]){"--sealing"},
                           (char[]){"instant"},
                           (char[]){"--rpc-port"},
                           rpc,
                           (char[]){"--prometheus-port"},
                           metrics,
                           NULL};
    start_daemon("node", words);
    setenv("TRELLIS_URL", url, 1);
}

void own_relay_start(void)
{
    char address[64], store[128], chain[64];
    snprintf(address, sizeof address, "127.0.0.1:%d", port(2));
    snprintf(bus_url, sizeof bus_url, "tcp://127.0.0.1:%d", port(3));
    snprintf(relay_url, sizeof relay_url, "ws://127.0.0.1:%d", port(2));
    snprintf(store, sizeof store, "%s/relay", folder);
    snprintf(chain, sizeof chain, "%s", getenv("TRELLIS_URL"));
    char *const words[] = {(char[]){RELAY_PROGRAM},
                           (char[]){"--substrate"},
                           chain,
                           (char[]){"--domain"},
                           (char[]){"grid.local"},
                           (char[]){"--listen"},
                           address,
                           (char[]){"--nng-listen"},
                           bus_url,
                           (char[]){"--store"},
                           store,
                           NULL};
    start_daemon("relay-log", words);
    relay = children[child_count - 1];
}

void own_relay_kill(void)
{
    for (int i = 0; i < child_count; i++) {
        if (children[i] != relay) continue;
        children[i] = children[--child_count];
        (void)kill(relay, SIGKILL);
        (void)waitpid(relay, NULL, 0);
        return;
    }
}

const char *own_relay_url(void) { return relay_url; }
const char *own_bus_url(void) { return bus_url; }

static pid_t begin(const char *log, const char *arguments)
{
    static char line[4096];
    snprintf(line, sizeof line, "exec %s %s", TRELLIS_PROGRAM, arguments);
    char *const words[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, line, NULL};
    return start(log, words);
}

pid_t run_begin(const char *arguments) { return begin("out", arguments); }

void run_beside(const char *log, const char *arguments)
{
    if (child_count == sizeof children / sizeof *children) abort();
    children[child_count++] = begin(log, arguments);
}

static void read_log(const char *log)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, log);
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(out, 1, sizeof out - 1, file) : 0;
    out[len]   = 0;
    if (file) (void)fclose(file);
}

static void read_out(void) { read_log("out"); }

int run_end(const char *log)
{
    int status;
    if (waitpid(children[--child_count], &status, 0) < 0) return 255;
    read_log(log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int run_ended(pid_t child)
{
    int status;
    if (waitpid(child, &status, WNOHANG) != child) return -1;
    read_out();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int run(const char *arguments)
{
    int status;
    if (waitpid(run_begin(arguments), &status, 0) < 0) return 255;
    read_out();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

bool says(const char *text) { return strstr(out, text) != NULL; }

json_t *answer(const char *arguments)
{
    char line[4096];
    snprintf(line, sizeof line, "%s --json", arguments);
    if (run(line) == 0) return json_loads(out, JSON_DECODE_ANY, NULL);
    printf("%s: %s\n", arguments, out);
    return NULL;
}

json_int_t number(const char *arguments, const char *name)
{
    json_t *json  = answer(arguments);
    json_t *value = json_object_get(json, name);
    json_int_t v  = json_is_string(value) ? (json_int_t)strtoll(json_string_value(value), NULL, 10)
                                          : json_integer_value(value);
    json_decref(json);
    return v;
}
