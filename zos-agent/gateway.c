/* gateway.c - haproxy: its configuration, its life, and what it is told over its control socket. */
#include "gateway.h"
#include "host.h"
#include "runner.h"
#include "shim.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define START_TIMEOUT_MS 10000
#define STOP_TIMEOUT_MS  3000
#define STEP_US          10000
#define ASK_TIMEOUT_S    5
#define REPLY_MAX        (512 * 1024) /* the counters of all slots are 60 KiB */
#define NAMES_AT_ONCE    32           /* lines of a map in one command: haproxy takes 16 KiB */

/* ---- configuration ---- */

static void frontends(FILE *out, const gateway_settings_t *g, const char *folder, const char *certificate)
{
    fprintf(out,
            "frontend http\n"
            "    bind %s:%u\n"
            "    http-request set-header X-Forwarded-Proto http\n"
            "    use_backend %%[req.hdr(host),field(1,:),lower,map(%s/http.map)]\n"
            "    default_backend nobody\n\n",
            g->address, g->http_port, folder);
    fprintf(out,
            "frontend tls\n"
            "    mode tcp\n"
            "    option tcplog\n"
            "    bind %s:%u\n"
            "    tcp-request inspect-delay 5s\n"
            "    tcp-request content accept if { req_ssl_hello_type 1 }\n"
            "    tcp-request content reject\n"
            "    use_backend %%[req_ssl_sni,lower,map(%s/tls.map)]\n"
            "    default_backend terminate\n\n"
            "backend terminate\n"
            "    mode tcp\n"
            "    server own unix@%s/tls.sock send-proxy-v2\n\n",
            g->address, g->https_port, folder, folder);
    fprintf(out,
            "frontend https\n"
            "    bind unix@%s/tls.sock mode 600 user haproxy accept-proxy ssl crt %s alpn h2,http/1.1\n"
            "    http-request set-header X-Forwarded-Proto https\n"
            "    use_backend %%[req.hdr(host),field(1,:),lower,map(%s/http.map)]\n"
            "    default_backend nobody\n\n"
            "backend nobody\n"
            "    http-request return status 404 content-type text/plain string \"No workload has this "
            "name.\\n\"\n",
            folder, certificate, folder);
}

char *gateway_text(const gateway_settings_t *g, const char *folder, const char *certificate)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out  = open_memstream(&text, &len);
    if (!out) return NULL;
    fprintf(out,
            "global\n"
            "    user haproxy\n"
            "    group haproxy\n"
            "    maxconn 8000\n"
            "    stats socket %s/admin.sock mode 600 level admin\n"
            "    ssl-default-bind-options ssl-min-ver TLSv1.2\n\n"
            "defaults\n"
            "    mode http\n"
            "    option forwardfor\n"
            "    option redispatch\n"
            "    retries 2\n"
            "    timeout connect 5s\n"
            "    timeout client 60s\n"
            "    timeout server 60s\n"
            "    timeout tunnel 1h\n"
            "    timeout http-request 10s\n"
            "    timeout http-keep-alive 30s\n\n",
            folder);
    frontends(out, g, folder, certificate);
    for (unsigned slot = 0; slot < GATEWAY_SLOTS; slot++)
        fprintf(out,
                "\nbackend http%u\n    server-template s 1-%d 127.0.0.1:1 disabled\n"
                "backend tls%u\n    mode tcp\n    server-template s 1-%d 127.0.0.1:1 disabled\n",
                slot, GATEWAY_BACKENDS_MAX, slot, GATEWAY_BACKENDS_MAX);
    return fclose(out) == 0 ? text : NULL;
}

/* ---- the control socket ---- */

static bool own_path(const host_t *host, const char *name, char path[PATH_CAP])
{
    return path_join(path, "%s/gateway/%s", host->run_dir, name);
}

static int admin_open(const host_t *host)
{
    char path[PATH_CAP];
    struct sockaddr_un at   = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = ASK_TIMEOUT_S};
    if (!own_path(host, "admin.sock", path) || strlen(path) >= sizeof at.sun_path) return -1;
    memcpy(at.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0) return fd;
    close(fd);
    return -1;
}

/* Sends one line (or one with a payload) and reads the answer whole, the caller's to free(); NULL when nobody
   answers. */
static char *ask(const host_t *host, const char *command)
{
    int fd     = admin_open(host);
    size_t len = 0, room = 4096, size = strlen(command);
    char *reply = fd >= 0 ? malloc(room) : NULL;
    bool is_ok  = reply && send(fd, command, size, MSG_NOSIGNAL) == (ssize_t)size;
    for (ssize_t got = 1; is_ok && got > 0;) {
        if (len + 1 == room) {
            char *more = room < REPLY_MAX ? realloc(reply, room *= 2) : NULL;
            is_ok      = more != NULL;
            if (more) reply = more;
        }
        if (is_ok) got = recv(fd, reply + len, room - len - 1, 0);
        if (got < 0) is_ok = false;
        if (got > 0) len += (size_t)got;
    }
    if (fd >= 0) close(fd);
    if (is_ok) reply[len] = 0;
    if (is_ok) return reply;
    free(reply);
    return NULL;
}

/* Some commands answer with a line when they went well; these words are in those that did not. */
static bool is_refusal(const char *reply)
{
    static const char *const words[] = {"No such", "Invalid", "Unknown", "not found",
                                        "Require", "Can't",   "rror"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(reply, words[i])) return true;
    return false;
}

static host_result_t tell(const host_t *host, const char *command)
{
    char *reply          = ask(host, command);
    host_result_t result = !reply              ? host_fail(HOST_LATER, "the gateway does not answer")
                           : is_refusal(reply) ? host_fail(HOST_LATER, "the gateway: %.100s", reply)
                                               : host_ok();
    free(reply);
    return result;
}

bool gateway_is_up(const host_t *host)
{
    int fd = admin_open(host);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

/* ---- its life ---- */

static pid_t running(const host_t *host)
{
    char path[PATH_CAP], text[32];
    if (!own_path(host, "pid", path) || !file_read(path, text, sizeof text)) return 0;
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    char name[64];
    if (pid <= 1 || !path_join(path, "/proc/%d/comm", (int)pid) || !file_read(path, name, sizeof name))
        return 0;
    return strncmp(name, "haproxy", 7) == 0 ? pid : 0;
}

/* A certificate of our own for the domain and all below it; kept, so that who trusts it once is not asked
   again. */
static bool make_certificate(const host_t *host, char path[PATH_CAP])
{
    char folder[PATH_CAP], key[PATH_CAP], cert[PATH_CAP], pem[16384];
    char subject[80], names[2 * GATEWAY_HOST_MAX + 40];
    if (!path_join(folder, "%s/gateway", host->state_dir) || !path_join(path, "%s/self.pem", folder))
        return false;
    if (file_exists(path)) return true;
    if (!folder_make(folder, 0700) || !path_join(key, "%s/self.key", folder) ||
        !path_join(cert, "%s/self.crt", folder))
        return false;
    snprintf(subject, sizeof subject, "/CN=%.60s", host->gateway.domain);
    snprintf(names, sizeof names, "subjectAltName=DNS:%s,DNS:*.%s", host->gateway.domain,
             host->gateway.domain);
    bool is_ok = SPAWN(NULL, START_TIMEOUT_MS, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                       "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj", subject, "-addext",
                       names, "-keyout", key, "-out", cert) &&
                 file_read(cert, pem, sizeof pem);
    size_t len = is_ok ? strlen(pem) : 0;
    is_ok =
        is_ok && file_read(key, pem + len, sizeof pem - len) && file_replace(path, pem, strlen(pem), 0600);
    explicit_bzero(pem, sizeof pem);
    unlink(key);
    unlink(cert);
    return is_ok;
}

static bool write_files(const host_t *host)
{
    char folder[PATH_CAP], path[PATH_CAP], certificate[PATH_CAP];
    const gateway_settings_t *g = &host->gateway;
    if (!own_path(host, "", folder) || !folder_make(folder, 0755)) return false;
    folder[strlen(folder) - 1] = 0;
    bool has_certificate       = g->certificate[0] ? path_join(certificate, "%s", g->certificate)
                                                   : make_certificate(host, certificate);
    char *text                 = has_certificate ? gateway_text(g, folder, certificate) : NULL;
    bool is_ok                 = text && own_path(host, "haproxy.cfg", path) &&
                 file_replace(path, text, strlen(text), 0600) && own_path(host, "http.map", path) &&
                 file_replace(path, "", 0, 0600) && own_path(host, "tls.map", path) &&
                 file_replace(path, "", 0, 0600);
    free(text);
    return is_ok;
}

/* A first instance that answers is kept, whoever started it. */
static host_result_t start(const host_t *host)
{
    char path[PATH_CAP], pid[PATH_CAP];
    const gateway_settings_t *g = &host->gateway;
    if (gateway_is_up(host)) return host_ok();
    if (!write_files(host) || !own_path(host, "haproxy.cfg", path) || !own_path(host, "pid", pid))
        return host_fail(HOST_LATER, "the gateway's files cannot be written");
    uint16_t taken = !port_is_free(false, g->http_port)    ? g->http_port
                     : !port_is_free(false, g->https_port) ? g->https_port
                                                           : 0;
    if (taken) return host_fail(HOST_LATER, "the gateway's port %u is in use on this node", taken);
    if (!SPAWN(NULL, START_TIMEOUT_MS, g->program, "-D", "-f", path, "-p", pid))
        return host_fail(HOST_LATER,
                         "this node's gateway does not start: try haproxy -c -f with its configuration");
    return gateway_is_up(host) ? host_ok() : host_fail(HOST_LATER, "this node's gateway does not answer");
}

host_result_t gateway_stop(const host_t *host)
{
    char folder[PATH_CAP];
    pid_t pid = running(host);
    if (pid) kill(pid, SIGTERM);
    for (int waited_ms = 0; pid && waited_ms < STOP_TIMEOUT_MS && running(host) == pid; waited_ms += 10)
        usleep(STEP_US);
    if (pid && running(host) == pid) kill(pid, SIGKILL);
    return own_path(host, "", folder) && folder_remove(folder)
               ? host_ok()
               : host_fail(HOST_LATER, "the gateway's files cannot be removed");
}

/* ---- what it leads where ---- */

static void target_address(const host_t *host, const gateway_target_t *target, char address[46])
{
    uint8_t far[4];
    network_far_end(host->prefix, target->network_index, far);
    if (target->address[0])
        memcpy(address, target->address, 46);
    else
        snprintf(address, 46, "%u.%u.%u.%u", far[0], far[1], far[2], far[3]);
}

static host_result_t set_targets(const host_t *host, const gateway_plan_t *plan)
{
    char text[GATEWAY_BACKENDS_MAX * 256 + 1], address[46], name[32];
    size_t len       = 0;
    const char *kind = plan->is_tls_passthrough ? "tls" : "http";
    for (uint32_t i = 0; i < GATEWAY_BACKENDS_MAX; i++) {
        snprintf(name, sizeof name, "%s%u/s%u", kind, plan->slot, i + 1);
        target_address(host, &plan->targets[i], address);
        if (i < plan->target_count && !plan->is_paused)
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "set server %s addr %s port %u;set server %s state ready;", name, address,
                                    plan->targets[i].port, name);
        else
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "set server %s state maint;shutdown sessions server %s;", name, name);
    }
    text[len - 1] = '\n';
    return tell(host, text);
}

/* The names of one kind, all at once: the old ones serve until the new ones are whole. */
static host_result_t set_names(const host_t *host, const gateways_plan_t *plan, bool is_tls)
{
    char path[PATH_CAP], text[NAMES_AT_ONCE * (GATEWAY_HOST_MAX + 16) + PATH_CAP + 64];
    const char *kind = is_tls ? "tls" : "http";
    unsigned version = 0;
    if (!path_join(path, "%s/gateway/%s.map", host->run_dir, kind))
        return host_fail(HOST_LATER, "a long path");
    snprintf(text, sizeof text, "prepare map %s\n", path);
    char *reply    = ask(host, text);
    const char *at = reply ? strstr(reply, "created: ") : NULL;
    if (at) version = (unsigned)strtoul(at + strlen("created: "), NULL, 10);
    free(reply);
    if (version == 0) return host_fail(HOST_LATER, "the gateway does not answer");
    host_result_t result = host_ok();
    for (uint32_t i = 0; i < plan->count && result.status == HOST_OK;) {
        size_t len     = (size_t)snprintf(text, sizeof text, "add map @%u %s <<\n", version, path);
        uint32_t lines = 0;
        for (; i < plan->count && lines < NAMES_AT_ONCE; i++) {
            const gateway_plan_t *one = &plan->gateways[i];
            if (one->is_tls_passthrough != is_tls) continue;
            len += (size_t)snprintf(text + len, sizeof text - len, "%s %s%u\n", one->host, kind, one->slot);
            lines++;
        }
        snprintf(text + len, sizeof text - len, "\n");
        if (lines > 0) result = tell(host, text);
    }
    if (result.status != HOST_OK) return result;
    snprintf(text, sizeof text, "commit map @%u %s\n", version, path);
    return tell(host, text);
}

host_result_t gateway_apply(const host_t *host, const gateways_plan_t *plan)
{
    if (plan->count == 0) return gateway_stop(host);
    if (!host->gateway.is_on) return host_fail(HOST_REFUSED, "this node is no gateway");
    host_result_t result = start(host);
    for (uint32_t i = 0; i < plan->count && result.status == HOST_OK; i++)
        result = set_targets(host, &plan->gateways[i]);
    if (result.status == HOST_OK) result = set_names(host, plan, false);
    if (result.status == HOST_OK) result = set_names(host, plan, true);
    return result;
}

host_result_t gateway_clear(const host_t *host, uint32_t slot)
{
    gateway_plan_t nothing = {.slot = slot};
    if (!gateway_is_up(host)) return host_ok();
    host_result_t result       = set_targets(host, &nothing);
    nothing.is_tls_passthrough = true;
    return result.status == HOST_OK ? set_targets(host, &nothing) : result;
}

/* ---- counters ---- */

/* The field of a line of comma-separated values; false when there are not so many. */
static bool csv_field(const char *line, int index, char *field, size_t cap)
{
    for (; index > 0; index--) {
        line = strchr(line, ',');
        if (!line++) return false;
    }
    size_t len = strcspn(line, ",\n");
    if (len >= cap) return false;
    memcpy(field, line, len);
    field[len] = 0;
    return true;
}

static int csv_index(const char *head, const char *name)
{
    char field[64];
    for (int i = 0; csv_field(head, i, field, sizeof field); i++)
        if (strcmp(field, name) == 0) return i;
    return -1;
}

static bool slot_of(const char *backend, uint32_t *slot)
{
    const char *digits = strncmp(backend, "http", 4) == 0  ? backend + 4
                         : strncmp(backend, "tls", 3) == 0 ? backend + 3
                                                           : "";
    char *end;
    unsigned long value = strtoul(digits, &end, 10);
    *slot               = (uint32_t)value;
    return digits[0] >= '0' && digits[0] <= '9' && *end == 0 && value < GATEWAY_SLOTS;
}

uint64_t gateway_born(const host_t *host)
{
    pid_t pid = running(host);
    return pid ? process_start_ticks(pid) << 22 | (uint64_t)pid : 0;
}

bool gateway_counters(const host_t *host, uint64_t bytes[GATEWAY_SLOTS])
{
    char *reply = ask(host, "show stat -1 2 -1\n");
    memset(bytes, 0, GATEWAY_SLOTS * sizeof *bytes);
    bool is_ok = reply && strncmp(reply, "# ", 2) == 0;
    int in = is_ok ? csv_index(reply + 2, "bin") : -1, out = is_ok ? csv_index(reply + 2, "bout") : -1;
    for (const char *line = in > 0 && out > 0 ? strchr(reply, '\n') : NULL; line && line[1];
         line             = strchr(line + 1, '\n')) {
        char name[64], value[2][32];
        uint32_t slot;
        if (csv_field(line + 1, 0, name, sizeof name) && slot_of(name, &slot) &&
            csv_field(line + 1, in, value[0], sizeof value[0]) &&
            csv_field(line + 1, out, value[1], sizeof value[1]))
            bytes[slot] += strtoull(value[0], NULL, 10) + strtoull(value[1], NULL, 10);
    }
    free(reply);
    return is_ok;
}
