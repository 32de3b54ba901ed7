/* logs.c - a sender's target, and the agent's side of it. */
#include "logs.h"
#include "netlink.h"
#include "nft.h"
#include "runner.h"
#include "shim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define START_TIMEOUT_MS 10000
#define REDIS_PORT       6379
#define WS_PORT          80
#define WSS_PORT         443
#define PIN              "#sha256="

/* ---- the target ---- */

static bool fail(char error[128], const char *text)
{
    snprintf(error, 128, "%s", text);
    return false;
}

/* Text that goes into protocols made of lines and blanks. */
static bool take_word(const char *from, size_t len, char word[LOGS_WORD_MAX + 1])
{
    if (len > LOGS_WORD_MAX) return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)from[i] <= ' ' || (unsigned char)from[i] >= 0x7f) return false;
    memcpy(word, from, len);
    word[len] = 0;
    return true;
}

static bool take_number(const char *text, size_t len, uint32_t most, uint32_t *number)
{
    *number = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *number = *number * 10 + (uint32_t)(text[i] - '0');
        if (*number > most) return false;
    }
    return len > 0 && len <= 5;
}

static bool take_place(const char *text, size_t len, uint16_t otherwise, logs_target_t *target)
{
    char ip[INET_ADDRSTRLEN];
    const char *colon = memchr(text, ':', len);
    size_t ip_len     = colon ? (size_t)(colon - text) : len;
    uint32_t port     = otherwise;
    if (ip_len >= sizeof ip) return false;
    memcpy(ip, text, ip_len);
    ip[ip_len] = 0;
    if (colon && !take_number(colon + 1, len - ip_len - 1, 65535, &port)) return false;
    target->port = (uint16_t)port;
    return port != 0 && inet_pton(AF_INET, ip, target->ip) == 1;
}

static bool take_redis_path(const char *path, logs_target_t *target)
{
    const char *second = path[0] == '/' ? strchr(path + 1, '/') : NULL;
    if (path[0] != '/') return false;
    if (second) {
        if (!take_number(path + 1, (size_t)(second - path - 1), 65535, &target->database)) return false;
        path = second;
    }
    return path[1] && take_word(path + 1, strlen(path + 1), target->path);
}

static bool take_login(const char *text, size_t len, logs_target_t *target)
{
    const char *colon = memchr(text, ':', len);
    if (!colon) return false;
    size_t user = (size_t)(colon - text);
    return take_word(text, user, target->user) && take_word(colon + 1, len - user - 1, target->password);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The path of a WebSocket, and what the URL says of its key. */
static bool take_web_path(const char *path, logs_target_t *target)
{
    const char *pin   = target->kind == LOGS_WSS ? strstr(path, PIN) : NULL;
    size_t len        = pin ? (size_t)(pin - path) : strlen(path);
    target->is_pinned = pin != NULL;
    if (pin) pin += strlen(PIN);
    if (pin && strlen(pin) != 2 * sizeof target->pin) return false;
    for (size_t i = 0; pin && i < sizeof target->pin; i++) {
        int high = digit_of(pin[2 * i]), low = digit_of(pin[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        target->pin[i] = (uint8_t)(high << 4 | low);
    }
    if (memchr(path, '#', len)) return false; /* a fragment is nothing that is sent */
    return len == 0 ? take_word("/", 1, target->path) : take_word(path, len, target->path);
}

bool logs_target_parse(const char *url, logs_target_t *target, char error[128])
{
    static const struct {
        const char *scheme;
        logs_kind_t kind;
        uint16_t port;
    } schemes[] = {
        {"tcp://",   LOGS_TCP,   0         },
        {"udp://",   LOGS_UDP,   0         },
        {"redis://", LOGS_REDIS, REDIS_PORT},
        {"ws://",    LOGS_WS,    WS_PORT   },
        {"wss://",   LOGS_WSS,   WSS_PORT  }
    };
    *target = (logs_target_t){0};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i].scheme);
        if (strncmp(url, schemes[i].scheme, len) != 0) continue;
        const char *at = url + len, *path = at + strcspn(at, schemes[i].kind == LOGS_WSS ? "/#" : "/"),
                   *login = memchr(at, '@', (size_t)(path - at));
        target->kind      = schemes[i].kind;
        if (login && (target->kind != LOGS_REDIS || !take_login(at, (size_t)(login - at), target)))
            return fail(error, "output: only redis takes USER:PASSWORD@");
        if (login) at = login + 1;
        if (!take_place(at, (size_t)(path - at), schemes[i].port, target))
            return fail(error, "output must name an IPv4 address and a port: names are not looked up");
        if (target->kind == LOGS_REDIS)
            return take_redis_path(path, target) ||
                   fail(error, "output must end with /CHANNEL or /DB/CHANNEL");
        if (target->kind == LOGS_WS || target->kind == LOGS_WSS)
            return take_web_path(path, target) ||
                   fail(error,
                        "output has a path of other characters than plain ones, or a fragment that is not "
                        "#sha256= and 64 digits");
        return path[0] == 0 || strcmp(path, "/") == 0 ||
               fail(error, "output has a path, which tcp and udp have not");
    }
    return fail(error, "output must be a tcp, udp, redis, ws or wss URL");
}

/* ---- the agent's side ---- */

static char *plan_text(const host_t *host, const logs_plan_t *plan)
{
    char log[PATH_CAP], netns[32], link[LINK_NAME_CAP];
    if (!machine_folder(host, plan->machine, log)) return NULL;
    network_namespace(host, plan->network, netns);
    if (plan->is_in_mesh)
        wireguard_name(host->prefix, plan->network, link);
    else
        snprintf(link, sizeof link, "%s", NFT_BRIDGE);
    json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:I}", "machine", log, "netns", netns, "link", link, "url",
                             plan->url, "user", (json_int_t)plan->user);
    char *text   = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

/* Is it in the network that has the name now? */
static bool is_in_network(int pid, const char *netns)
{
    char own[64], path[64];
    struct stat mine, named;
    snprintf(own, sizeof own, "/proc/%d/ns/net", pid);
    snprintf(path, sizeof path, "/run/netns/%.31s", netns);
    return stat(own, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino &&
           mine.st_dev == named.st_dev;
}

static bool is_current(const host_t *host, const logs_plan_t *plan, const char *folder, const char *text)
{
    char path[PATH_CAP], old[4 * PATH_CAP], netns[32];
    shim_run_t run;
    network_namespace(host, plan->network, netns);
    return path_join(path, "%s/logs.json", folder) && file_read(path, old, sizeof old) &&
           strcmp(old, text) == 0 && shim_run_read(folder, &run) && is_in_network(run.pid, netns);
}

host_result_t logs_ensure(const host_t *host, const logs_plan_t *plan)
{
    char folder[PATH_CAP], path[PATH_CAP];
    spawn_result_t said;
    int code;
    char *text = plan_text(host, plan);
    if (!text || !machine_folder(host, plan->wid, folder) || !path_join(path, "%s/logs.json", folder)) {
        free(text);
        return host_fail(HOST_LATER, "no memory");
    }
    host_result_t result = host_ok();
    bool is_running      = machine_state(host, plan->wid, &code) == MACHINE_RUNNING;
    if (!is_running || !is_current(host, plan, folder, text)) {
        if (is_running) result = machine_stop(host, plan->wid);
        if (result.status == HOST_OK &&
            (!folder_make(folder, 0711) || !file_replace(path, text, strlen(text), 0600)))
            result = host_fail(HOST_LATER, "its files cannot be written: %s", strerror(errno));
        if (result.status == HOST_OK && !SPAWN(&said, START_TIMEOUT_MS, host->logs_program, folder))
            result = host_fail(HOST_LATER, "the logs cannot be sent: %.200s", said.text);
    }
    explicit_bzero(text, strlen(text));
    free(text);
    return result;
}

bool logs_state(const host_t *host, const char *wid, logs_state_t *state)
{
    char folder[PATH_CAP], path[PATH_CAP];
    if (!machine_folder(host, wid, folder) || !path_join(path, "%s/sent", folder)) return false;
    FILE *file = fopen(path, "re");
    bool is_ok = file && fread(state, sizeof *state, 1, file) == 1;
    if (file) fclose(file);
    return is_ok;
}
